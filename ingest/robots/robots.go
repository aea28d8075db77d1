// Package robots reads robots.txt and answers whether a crawler may fetch an
// address, by RFC 9309.
//
// Call [Parse] on the file and [File.Allowed] with the crawler's product token.
// It does not fetch: what a missing or failing file means is said by
// [AllowAll] and [DenyAll], which the caller picks by the status of the answer
// (RFC 9309, 2.3.1).
package robots

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// MaxBytes is how much of a file is read; RFC 9309 asks for at least 500 KiB.
const MaxBytes = 500 << 10

const (
	maxLine = 2083 * 8 // bytes of a line; what follows is left out
	maxRule = 20_000   // rules of a file
)

// File is what one robots.txt says.
type File struct {
	groups   []group
	Sitemaps []string // addresses as given
	Licenses []string // RSL: addresses of licence documents
	Usage    []string // AIPREF: values of Content-Usage lines
}

type group struct {
	agents []string // product tokens in lower case; "*" for all
	rules  []rule
	delay  time.Duration
}

type rule struct {
	allow   bool
	pattern string // normalised; may hold * and end with $
}

// AllowAll is the file of a site that has none: an answer of 400 to 499.
func AllowAll() *File { return &File{} }

// DenyAll is the file of a site that cannot say: 500 to 599, or no answer.
func DenyAll() *File {
	return &File{groups: []group{{agents: []string{"*"}, rules: []rule{{pattern: "/"}}}}}
}

// Parse reads a file. It never fails: lines that it cannot read are left out, as
// the standard wants, and so is what goes beyond [MaxBytes].
func Parse(b []byte) *File {
	b = b[:min(len(b), MaxBytes)]
	// Files are saved with a byte order mark, or with a part of one.
	for _, c := range []byte("\xef\xbb\xbf") {
		if len(b) == 0 || b[0] != c {
			break
		}
		b = b[1:]
	}
	f := &File{}
	cur := -1       // the group being read; -1 before the first user-agent line
	naming := false // the last line that counts named an agent
	rules := 0
	for len(b) > 0 {
		line := b
		if i := bytes.IndexAny(b, "\r\n"); i >= 0 {
			line, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		line = line[:min(len(line), maxLine)]
		key, value, ok := split(line)
		if !ok {
			continue
		}
		switch key {
		case "user-agent":
			if !naming {
				f.groups = append(f.groups, group{})
				cur = len(f.groups) - 1
			}
			naming = true
			if t := token(value); t != "" {
				f.groups[cur].agents = append(f.groups[cur].agents, t)
			}
		case "allow", "disallow":
			if cur < 0 {
				continue // a rule before the first user-agent line belongs to nobody
			}
			naming = false
			if value == "" || rules >= maxRule {
				continue // an empty path forbids nothing
			}
			rules++
			f.groups[cur].rules = append(f.groups[cur].rules, rule{key == "allow", normalise(value)})
		case "crawl-delay":
			// Not in the standard and no end of a group's names either, but known to all.
			if cur >= 0 {
				if d, err := time.ParseDuration(value + "s"); err == nil && d > 0 && d < time.Hour {
					f.groups[cur].delay = d
				}
			}
		case "sitemap":
			f.Sitemaps = keep(f.Sitemaps, value)
		case "license":
			f.Licenses = keep(f.Licenses, value)
		case "content-usage":
			f.Usage = keep(f.Usage, value)
		}
	}
	return f
}

func keep(list []string, v string) []string {
	if v == "" || len(list) >= 100 {
		return list
	}
	return append(list, v)
}

// split reads "key: value # comment". Some leave the colon out, and some misspell
// the keys; both are common enough to be understood.
func split(line []byte) (key, value string, ok bool) {
	if i := bytes.IndexByte(line, '#'); i >= 0 {
		line = line[:i]
	}
	s := strings.TrimFunc(string(line), blank)
	k, v, found := strings.Cut(s, ":")
	if !found {
		i := strings.IndexFunc(s, blank)
		if i < 0 {
			return "", "", false
		}
		k, v = s[:i], strings.TrimFunc(s[i:], blank)
		if strings.ContainsFunc(v, blank) {
			return "", "", false // a sentence, not a rule
		}
	}
	k = strings.ToLower(strings.TrimFunc(k, blank))
	v = strings.TrimFunc(v, blank)
	switch k {
	case "user-agent", "useragent", "user agent":
		k = "user-agent"
	case "disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw":
		k = "disallow"
	case "sitemap", "site-map":
		k = "sitemap"
	}
	return k, v, k != ""
}

func blank(r rune) bool { return r == ' ' || r == '\t' || r == '\v' || r == '\f' }

// token takes the product token from a user-agent value: letters, "-" and "_".
func token(v string) string {
	if v == "*" || strings.HasPrefix(v, "* ") {
		return "*"
	}
	i := 0
	for i < len(v) && (v[i] >= 'a' && v[i] <= 'z' || v[i] >= 'A' && v[i] <= 'Z' || v[i] == '-' || v[i] == '_') {
		i++
	}
	return strings.ToLower(v[:i])
}

// Allowed tells whether the crawler may fetch the path, which is what stands
// after the host in an address, query included; a whole address is taken as well.
// It is percent-encoded, as [net/url.URL.EscapedPath] gives it. agent is the
// crawler's product token. That robots.txt itself is always allowed is left to
// the caller, who has read it.
func (f *File) Allowed(agent, path string) bool {
	path = upper(pathOf(path))
	best, allow := -1, true
	for _, r := range f.rules(agent) {
		// The longest pattern wins, and allow wins a tie. The number of bytes of the
		// pattern is its length, wildcards included.
		if n := len(r.pattern); n > best || n == best && r.allow && !allow {
			if match(r.pattern, path) {
				best, allow = n, r.allow
			}
		}
	}
	return allow
}

// Delay is the Crawl-delay that the file asks of the crawler, 0 when it asks none.
func (f *File) Delay(agent string) time.Duration {
	var d time.Duration
	for _, g := range f.of(agent) {
		d = max(d, g.delay)
	}
	return d
}

// of lists the groups that count for the crawler: those that name it, else those
// for all.
func (f *File) of(agent string) []group {
	agent = strings.ToLower(agent)
	var own, all []group
	for _, g := range f.groups {
		switch {
		case agent != "" && slices.Contains(g.agents, agent):
			own = append(own, g)
		case slices.Contains(g.agents, "*"):
			all = append(all, g)
		}
	}
	if own != nil {
		return own
	}
	return all
}

func (f *File) rules(agent string) []rule {
	var out []rule
	for _, g := range f.of(agent) {
		out = append(out, g.rules...)
	}
	return out
}

// pathOf cuts scheme and host off an address, and the fragment.
func pathOf(s string) string {
	if i := strings.Index(s, "#"); i >= 0 {
		s = s[:i]
	}
	if strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") {
		return s
	}
	if i := strings.Index(s, "//"); i >= 0 {
		s = s[i+2:]
	}
	i := strings.IndexAny(s, "/?;")
	if i < 0 {
		return "/"
	}
	if s[i] != '/' {
		return "/" + s[i:]
	}
	return s[i:]
}

// normalise writes percent escapes in upper case and escapes what is not ASCII, so
// that the two spellings of one path meet.
func normalise(s string) string {
	const hex = "0123456789ABCDEF"
	clean := true
	for i := range len(s) {
		if s[i] >= 0x80 || s[i] == '%' {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b.WriteByte('%')
			b.WriteString(strings.ToUpper(s[i+1 : i+3]))
			i += 2
		case c >= 0x80:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// upper writes the percent escapes of a path in upper case.
func upper(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' && isHex(b[i+1]) && isHex(b[i+2]) {
			copy(b[i+1:], bytes.ToUpper(b[i+1:i+3]))
			i += 2
		}
	}
	return string(b)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// match tells whether a pattern matches the beginning of the path: * stands for
// any bytes, $ at the end for the path's end. Each part between two stars is
// looked for at the first place it fits, so it takes linear steps per part and
// never goes back.
func match(pattern, path string) bool {
	anchored := strings.HasSuffix(pattern, "$")
	if anchored {
		pattern = pattern[:len(pattern)-1]
	}
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(path, parts[0]) {
		return false
	}
	path = path[len(parts[0]):]
	for i, p := range parts[1:] {
		if anchored && i == len(parts)-2 {
			return strings.HasSuffix(path, p)
		}
		at := strings.Index(path, p)
		if at < 0 {
			return false
		}
		path = path[at+len(p):]
	}
	return !anchored || path == ""
}
