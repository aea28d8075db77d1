package charsets

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		what, in string
		stated   []string
		want     string
		name     string
	}{
		{"ascii", "abc", nil, "abc", "utf-8"},
		{"utf-8", "été", nil, "été", "utf-8"},
		{"utf-8 labelled latin-1", "été", []string{"iso-8859-1"}, "été", "utf-8"},
		{"mark", "\xef\xbb\xbfété", []string{"iso-8859-1"}, "été", "utf-8"},
		{"mark, then a stray byte", "\xef\xbb\xbfl\x92été", nil, "l’été", "utf-8"},
		{"latin-1 labelled utf-8", "\xe9t\xe9 \x80", []string{"utf-8"}, "été €", "windows-1252"},
		{"header wins over declaration", "\xc5", []string{"koi8-r", "iso-8859-1"}, "е", "koi8-r"},
		{"a label nobody knows", "\xe9", []string{"x-klingon", "iso-8859-2"}, "é", "iso-8859-2"},
		{"utf-16le by its zeros", "<\x00a\x00>\x00\xe9\x00<\x00/\x00a\x00>\x00", nil, "<a>é</a>", "utf-16le"},
		{"utf-16 label on ascii", "<a/>", []string{"utf-16"}, "<a/>", "utf-8"},
		{"gbk that looks like utf-8", "\xc1\xaa\xcd\xa8", []string{"gbk"}, "联通", "gbk"},
		{"hz", "~{VPND~}", []string{"hz-gb-2312"}, "中文", "hz-gb-2312"},
		{"cut within a character", "é\xc3", nil, "é", "utf-8"},
		{"much utf-8, one byte of something else", strings.Repeat("é", 10) + "\xe9.", nil, strings.Repeat("é", 10) + "é.", "utf-8"},
		{"empty", "", nil, "", "utf-8"},
	} {
		got, name := Decode([]byte(c.in), c.stated...)
		if string(got) != c.want || name != c.name {
			t.Errorf("%s: got %q %s, want %q %s", c.what, got, name, c.want, c.name)
		}
	}
}

func TestStated(t *testing.T) {
	for in, want := range map[string]string{
		"text/xml; charset=utf-8": "utf-8", `text/html;Charset = "ISO-8859-1"; x=y`: "ISO-8859-1", "text/html": "", "charset": "", "": "", "text/xml;charset='koi8-r'": "koi8-r",
	} {
		if got := Stated(in); got != want {
			t.Errorf("Stated(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\xef\xbb\xbfa"), "utf-16")
	f.Add([]byte("<\x00a\x00"), "iso-2022-jp")
	f.Add([]byte("\x1b$B"), "hz-gb-2312")
	f.Add([]byte("a"), "text/html; \xffcharset=")
	f.Fuzz(func(t *testing.T, b []byte, label string) {
		Stated(label)
		if out, _ := Decode(b, label); !utf8.Valid(out) {
			t.Errorf("Decode(%q, %q) = %q", b, label, out)
		}
	})
}
