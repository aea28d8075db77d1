// Package feed turns the bytes of a syndication feed into [Feed] values.
//
// Call [Parse] with the body, the Content-Type header and the address it came from. It reads RSS 0.9 to 2.0, RSS 1.0 and
// 1.1 (RDF), Atom 0.3 and 1.0, CDF and JSON Feed, in any charset, and repairs what it can: a front reads the document
// leniently, within fixed limits, and hands a clean one to gofeed. What was repaired is listed in [Feed.Recovered].
//
// It does not fetch, does not decide what is new, and never gives out markup meant for display: titles and summaries are
// plain text, and [Item.Body] is source HTML for package page to reduce.
package feed

import (
	"errors"
	"time"
)

// Feed is what one fetched document says.
type Feed struct {
	Format    string    // "rss", "rdf", "atom", "json", "cdf" or "app"
	Version   string    // as stated: "2.0", "1.0", …; may be empty
	Title     string    // plain text
	Link      string    // absolute address of the site, "" when unknown
	Self      string    // address the feed gives for itself, "" when unknown
	Hub       string    // WebSub hub, "" when none
	Language  string    // as stated, lower case: "fr", "en-us", …
	Updated   time.Time // zero when unknown
	Items     []Item
	Truncated bool     // items beyond [MaxItems] were left out
	Recovered []string // what had to be repaired, in words, each once
}

// Item is one entry of a feed, in document order.
type Item struct {
	ID         string // guid or id as stated; the link when there is none
	Link       string // absolute http(s) address, "" when none is usable
	Title      string // plain text
	Published  Date
	Updated    Date
	Author     string // names, joined by ", "
	Summary    string // plain text
	Body       string // HTML of the full content, "" unless HasBody
	HasBody    bool
	Language   string // stated on the item or inherited; "" when unknown
	Categories []string
}

// Date is a moment with its origin. Time is zero when Raw could not be read, and in UTC otherwise.
type Date struct {
	Time      time.Time
	Raw       string // as stated
	How       string // the element it came from: "pubDate", "dc:date", "published", …
	Precision string // "second", "minute", "day" or "none"
}

// Limits on what one document may hold. They are those of the project's threat model: a feed that needs more is an attack
// or a mistake.
const (
	MaxBytes      = 8 << 20
	MaxDepth      = 64
	MaxElements   = 100_000
	MaxAttributes = 64
	MaxItems      = 2_000
)

// Errors a caller may branch on with errors.Is.
var (
	ErrNotFeed  = errors.New("not a feed")
	ErrTooLarge = errors.New("feed larger than 8 MiB")
	ErrTooDeep  = errors.New("feed nested deeper than 64 elements")
	ErrTooMany  = errors.New("too many elements or attributes in the feed")
	ErrEntity   = errors.New("entities of the document's own grow too large")
)
