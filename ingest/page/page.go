// Package page turns the HTML of an article page into a [Page]: title, byline, dates, language and clean body text.
//
// Call [Extract]. The body comes from the first that can be trusted: JSON-LD's articleBody when it is whole, a site rule
// (rules.yaml), our own extractor (body.go), and readability when ours is unsure. [Language] tells French from English and
// other languages, [Feeds] finds the feeds a page points to.
//
// It does not fetch, run scripts or render markup: what comes out is plain text in NFC, paragraphs separated by a blank
// line. All input is hostile: bytes, nesting and attributes are bounded, and a tree that cannot be built is read as a flat
// stream of tags instead.
package page

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/veille/internal/charsets"
	"golang.org/x/net/html"
	"golang.org/x/text/unicode/norm"
)

// MaxBytes is the most HTML that is read; what follows is left out.
const MaxBytes = 8 << 20

// ErrEmpty is returned when there is no HTML at all.
var ErrEmpty = errors.New("empty page")

// Hint is what the feed said about the article; it fills what the page does not say.
type Hint struct {
	Title     string
	Author    string
	Published time.Time
	Precision string // of Published: "second", "minute", "day" or "none"
	Lang      string
}

// Options says where the bytes came from and what is already known.
type Options struct {
	URL         string // address after redirects
	ContentType string // HTTP header
	Hint        Hint
	Rules       *Rules         // site rules; nil reads without any
	Zone        *time.Location // of times without zone; nil goes by the language
}

// Page is what one article page says.
type Page struct {
	Title         string
	Byline        string    // names joined by ", "
	Published     time.Time // in the zone that was stated or assumed; zero when unknown
	PublishedFrom string    // "jsonld", "meta", "rule", "time", "text", "url", "feed" or ""
	Precision     string    // "second", "minute", "day" or "none"
	Updated       time.Time // the same
	Lang          string    // "fr", "en", another ISO 639-1 code, or "" when there is too little text
	Canonical     string    // absolute, "" when the page names none
	SiteName      string
	Text          string  // paragraphs separated by a blank line
	How           string  // "jsonld", "rule", "own" or "fallback": where Text comes from
	Paywalled     bool    // measured: the body is cut short
	Next          string  // address of the next page of a multi-page article
	Boilerplate   float64 // share of the page's visible text that is not in Text, 0 to 1
	Robots        Robots
	TDM           TDM
}

// Robots is what the page's robots meta elements forbid.
type Robots struct {
	NoIndex, NoArchive, NoSnippet bool
}

// TDM is the page's text-and-data-mining reservation (TDMRep).
type TDM struct {
	Reserved bool
	Policy   string
}

// Extract reads one article page. It fails only when there is nothing to read; a page without an article gives a Page
// with little or no Text.
func Extract(body []byte, opt Options) (Page, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return Page{}, fmt.Errorf("extract %s: %w", opt.URL, ErrEmpty)
	}
	src := fewTags(decode(body, opt.ContentType))
	base, _ := url.Parse(opt.URL)
	doc, err := html.Parse(bytes.NewReader(src))
	if err != nil { // nested deeper than x/net/html allows
		return flat(src, base, opt), nil
	}

	m := readMeta(doc, base)
	m.src = src
	p := m.page(opt)
	rule := opt.Rules.For(base)
	if rule != nil {
		p.Title = first(rule.headline(doc), p.Title)
	}
	tree := plant(doc)
	tree.title = p.Title
	if t := tree.shownTitle(m.title); t != "" && !m.agreed {
		p.Title, tree.title = t, t
	}
	found := tree.article(rule, m, doc, base)
	p.Text, p.How = found.text, found.how
	p.Title = shorten(p.Title, maxTitle)
	m.visible(&p, tree, rule, doc, opt)

	p.Lang = Language(p.Text, first(m.lang, opt.Hint.Lang))
	p.Paywalled = paywalled(p.Text, m, tree)
	p.Next = tree.next(doc, base)
	if tree.visible > 0 {
		p.Boilerplate = max(0, 1-float64(len(p.Text))/float64(tree.visible))
	}
	return p, nil
}

// maxTitle is the most bytes of a title that are kept; what is longer is no title.
const maxTitle = 1000

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// maxTags bounds the tree: a node takes some 300 bytes, and 8 MB of "<p>" would take 800 MB. Real pages stay below 50,000.
const maxTags = 400_000

func fewTags(src []byte) []byte {
	if bytes.Count(src, []byte("<")) <= maxTags {
		return src
	}
	at := 0
	for range maxTags {
		at += bytes.IndexByte(src[at:], '<') + 1
	}
	return src[:at-1]
}

// decode makes UTF-8 in NFC of the bytes: valid UTF-8 wins over whatever the header and the page say.
func decode(body []byte, contentType string) []byte {
	body = body[:min(len(body), MaxBytes)]
	src, _ := charsets.Decode(body, charsets.Stated(contentType), statedInPage(body))
	src = bytes.ReplaceAll(src, []byte("\u00ad"), nil) // soft hyphens split words
	if !norm.NFC.IsNormal(src) {
		src = norm.NFC.Bytes(src)
	}
	return src
}

// statedInPage finds <meta charset> or http-equiv in the first bytes.
func statedInPage(b []byte) string {
	head := bytes.ToLower(b[:min(len(b), 4096)])
	for {
		i := bytes.Index(head, []byte("charset"))
		if i < 0 {
			return ""
		}
		rest := bytes.TrimLeft(head[i+len("charset"):], " \t\r\n")
		if bytes.HasPrefix(rest, []byte("=")) {
			v := bytes.TrimLeft(rest[1:], " \t\r\n\"'")
			n := 0
			for n < len(v) && (v[n] >= 'a' && v[n] <= 'z' || v[n] >= '0' && v[n] <= '9' || v[n] == '-' || v[n] == '_') {
				n++
			}
			return string(v[:n])
		}
		head = head[i+len("charset"):]
	}
}

// squeeze collapses blanks and drops what cannot be seen.
func squeeze(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == ' ' && i > 0 && s[i-1] == ' ' {
			clean = false
			break
		}
	}
	if clean {
		return strings.TrimSpace(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	blank, run := rune(0), 0 // a no-break space is kept where it stands alone between words
	for _, r := range s {
		if isSpace(r) {
			if run++; b.Len() > 0 {
				blank = ' '
				if run == 1 && (r == '\u00a0' || r == '\u202f') {
					blank = r
				}
			}
			continue
		}
		if unseen(r) {
			continue
		}
		if blank != 0 {
			b.WriteRune(blank)
		}
		blank, run = 0, 0
		b.WriteRune(r)
	}
	return b.String()
}

func isSpace(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '\f', '\v', '\u0085', '\u00a0', '\u2002', '\u2003', '\u2009', '\u200a', '\u202f', '\u3000', '\u2028', '\u2029':
		return true
	}
	return false
}

// unseen tells characters that have no place in a text: controls, zero widths, direction overrides, private use.
func unseen(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u00ad' || r >= '\u200b' && r <= '\u200f' || r >= '\u202a' && r <= '\u202e' || r >= '\u2060' && r <= '\u206f' ||
		r == '\ufeff' || r == '\ufffc' || r == utf8.RuneError || r >= 0xE000 && r <= 0xF8FF
}

func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
