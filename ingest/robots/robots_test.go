package robots

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type vector struct {
	Test    string `json:"test"`
	Kind    string `json:"kind"`
	UA      string `json:"ua"`
	URL     string `json:"url"`
	Allowed bool   `json:"allowed"`
	Txt     string `json:"txt"`
	B64     string `json:"txt_b64"`
}

// TestVectors runs public conformance cases, which are others' and so no part of the
// project: VEILLE_ROBOTS_CASES names a folder of them. Cases that
// only one company's crawler follows are counted but do not fail the test.
func TestVectors(t *testing.T) {
	dir := os.Getenv("VEILLE_ROBOTS_CASES")
	if dir == "" {
		t.Skip("VEILLE_ROBOTS_CASES names no folder of conformance cases")
	}
	names := []string{"robots_cases.jsonl", "robots_spec.jsonl"}
	std, extra, extraOK := 0, 0, 0
	for _, name := range names {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		sc := bufio.NewScanner(f)
		sc.Buffer(nil, 4<<20)
		for sc.Scan() {
			var v vector
			if err := json.Unmarshal(sc.Bytes(), &v); err != nil {
				t.Fatal(err)
			}
			txt := []byte(v.Txt)
			if v.B64 != "" {
				txt, _ = base64.StdEncoding.DecodeString(v.B64)
			}
			got := Parse(txt).Allowed(v.UA, v.URL)
			if v.Kind == "GOOGLE" || strings.HasPrefix(v.Test, "GoogleOnly") {
				extra++
				if got == v.Allowed {
					extraOK++
				} else {
					t.Logf("not followed: %s: agent %q %.100q: allowed %v", v.Test, v.UA, v.URL, v.Allowed)
				}
				continue
			}
			std++
			if got != v.Allowed {
				t.Errorf("%s: agent %q, %q: allowed = %v, want %v\n%.300q", v.Test, v.UA, v.URL, got, v.Allowed, txt)
			}
		}
		if err := sc.Err(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d standard cases; %d of %d others", std, extraOK, extra)
	if std != 450 {
		t.Errorf("%d standard cases, want 450", std)
	}
}

func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		file, path string
		want       bool
	}{
		{"", "/a", true},
		{"user-agent: *\ndisallow: /", "/a", false},
		{"disallow: /\nuser-agent: other\ndisallow: /", "/a", true},
		{"\xef\xbb\xbfUser-Agent: veille\nDisallow: /x", "/x", false},
		{"user-agent: veille\nuser-agent: other\ndisallow: /x\n\nuser-agent: *\ndisallow: /", "/y", true},
		{"user-agent: veille/2.0\ndisallow: /x", "/x", false},
		{"user-agent: veillebot\ndisallow: /x", "/x", true},
		{"user-agent: *\ndisallow: /a\nallow: /a", "/a", true},
		{"user-agent: *\ndisallow: /a/b\nallow: /a", "/a/b", false},
		{"user-agent: *\ndisallow: /*.pdf$", "/a/b.pdf", false},
		{"user-agent: *\ndisallow: /*.pdf$", "/a/b.pdf?x", true},
		{"user-agent: *\ndisallow: /*a*b*c$", "/xaybzcc", false},
		{"user-agent: *\ndisallow: /é", "/%c3%a9t%c3%a9", false},
		{"user-agent: *\ndisallow: /%c3%a9", "/%C3%A9t%C3%A9", false},
		{"user-agent: *\ndisallow:", "/a", true},
		{"user-agent: *\rdisallow: /a\r", "/a", false},
		{"user-agent: *\ncrawl-delay: 5\ndisallow: /a # why", "/a", false},
		{"user-agent: *\ndisallow: /?q=", "https://presse.example?q=1", false},
		{"user-agent: a\nuser-agent: veille\ndisallow: /p\nuser-agent: veille\nallow: /p/q", "/p/q", true},
	} {
		if got := Parse([]byte(c.file)).Allowed("veille", c.path); got != c.want {
			t.Errorf("Parse(%q).Allowed(%q) = %v, want %v", c.file, c.path, got, c.want)
		}
	}
	if DenyAll().Allowed("veille", "/a") || !AllowAll().Allowed("veille", "/a") {
		t.Error("DenyAll allows or AllowAll denies")
	}
}

func TestLines(t *testing.T) {
	f := Parse([]byte("Sitemap: https://presse.example/news.xml\nLicense: https://presse.example/l.xml\nUser-agent: *\nContent-Usage: train-ai=n\nCrawl-delay: 2.5\nDisallow: /x\n"))
	if len(f.Sitemaps) != 1 || len(f.Licenses) != 1 || len(f.Usage) != 1 || f.Delay("veille") != 2500*time.Millisecond {
		t.Errorf("got %+v, delay %v", f, f.Delay("veille"))
	}
}

// TestHostile keeps parsing and matching linear: RFC 9309's 500 KiB of the worst
// rules are judged well within the limit.
func TestHostile(t *testing.T) {
	long := "/" + strings.Repeat("a", 4000)
	for name, file := range map[string]string{
		"stars":      "user-agent: *\ndisallow: /" + strings.Repeat("*a", 6000) + "b$",
		"many stars": "user-agent: *\n" + strings.Repeat("disallow: /"+strings.Repeat("*a", 60)+"b\n", 4000),
		"agents":     strings.Repeat("user-agent: x\n", 40000),
		"one line":   strings.Repeat("x", 700<<10),
		"600 KiB":    "user-agent: *\n" + strings.Repeat("disallow: /"+strings.Repeat("x", 100)+"\n", 6000),
		"nul":        "user-agent: *\x00\ndisallow: \x00/\n",
	} {
		start := time.Now()
		Parse([]byte(file)).Allowed("veille", long)
		if d := time.Since(start); d > 500*time.Millisecond {
			t.Errorf("%s: %v", name, d)
		} else {
			t.Logf("%s: %v", name, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("user-agent: *\ndisallow: /*a$\n"), "/a")
	f.Fuzz(func(t *testing.T, b []byte, path string) {
		Parse(b).Allowed("veille", path)
	})
}
