package schemas

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of one article. Longer input is cut or refused before it becomes one.
const (
	MaxText  = 200 << 10 // bytes of Text
	MaxTitle = 2 << 10   // bytes of Title
	MaxURL   = 4 << 10   // bytes of URL
)

// Article is one news item as one feed offered it, with its text.
type Article struct {
	ID      string `json:"id"`             // feed-scoped, see [ArticleID]
	Version string `json:"version"`        // changes with title or text, see [ContentVersion]
	Fold    string `json:"fold,omitempty"` // the article this one repeats; empty when it leads its fold

	Source string `json:"source"` // slug of the outlet's feed, a subject token
	Outlet string `json:"outlet"` // name of the outlet, for people
	GUID   string `json:"guid,omitempty"`
	URL    string `json:"url"`            // address that was read, after redirects
	Also   []Copy `json:"also,omitempty"` // the same story elsewhere
	Lang   string `json:"lang"`           // "fr", "en", or another ISO 639-1 code, "und" when unknown

	Title  string `json:"title"`
	Byline string `json:"byline,omitempty"`
	Text   string `json:"text"` // paragraphs separated by a blank line, at most [MaxText] bytes

	Published     time.Time `json:"published"`                // UTC; the fetch date when nothing better is known
	PublishedFrom string    `json:"published_from,omitempty"` // "feed", "jsonld", "meta", "time", "url", "text", "fetch"
	Precision     string    `json:"precision,omitempty"`      // "second", "minute", "day", "none"
	Updated       time.Time `json:"updated,omitzero"`
	Fetched       time.Time `json:"fetched"`

	How       string `json:"how,omitempty"` // where Text came from: "feed", "jsonld", "rule", "own", "fallback", "given"
	Paywalled bool   `json:"paywalled,omitempty"`
	Rights    string `json:"rights,omitempty"` // "" = none stated, "nosnippet", "noarchive", "reserved"
	Raw       *Raw   `json:"raw,omitempty"`
}

// Copy is another place where the text of an article was seen.
type Copy struct {
	ID        string    `json:"id"`
	Source    string    `json:"source"`
	Outlet    string    `json:"outlet,omitempty"`
	URL       string    `json:"url"`
	Published time.Time `json:"published,omitzero"`
}

// Raw tells where the bytes an article was read from are archived.
type Raw struct {
	File   string `json:"file"`             // WARC segment, relative to the archive
	Offset int64  `json:"offset"`           // bytes from its start
	Digest string `json:"digest,omitempty"` // "sha256:…" of the payload
}

// Validate tells the first thing wrong with an article that is about to travel.
func (a Article) Validate() error {
	switch {
	case a.ID == "":
		return fmt.Errorf("article without id")
	case a.Source == "" || a.Source != Token(a.Source):
		return fmt.Errorf("article %s: source %q is not a slug", a.ID, a.Source)
	case a.Version == "":
		return fmt.Errorf("article %s: no version", a.ID)
	case a.Lang == "":
		return fmt.Errorf("article %s: no language", a.ID)
	case strings.TrimSpace(a.Title) == "" && strings.TrimSpace(a.Text) == "":
		return fmt.Errorf("article %s: neither title nor text", a.ID)
	case len(a.Text) > MaxText:
		return fmt.Errorf("article %s: text of %d bytes is over %d", a.ID, len(a.Text), MaxText)
	case len(a.Title) > MaxTitle:
		return fmt.Errorf("article %s: title of %d bytes is over %d", a.ID, len(a.Title), MaxTitle)
	case len(a.URL) > MaxURL:
		return fmt.Errorf("article %s: address of %d bytes is over %d", a.ID, len(a.URL), MaxURL)
	case !utf8.ValidString(a.Text) || !utf8.ValidString(a.Title):
		return fmt.Errorf("article %s: not valid UTF-8", a.ID)
	case a.Published.IsZero():
		return fmt.Errorf("article %s: no published time", a.ID)
	}
	return nil
}

// Sources lists the slugs of all feeds that carried the article, its own first.
func (a Article) Sources() []string {
	out := []string{a.Source}
	for _, c := range a.Also {
		out = append(out, c.Source)
	}
	return out
}
