package schemas

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Source is one feed that is polled, as the list of sources describes it.
type Source struct {
	ID      string            `json:"id"`   // slug, a subject token
	Name    string            `json:"name"` // of the outlet, for people
	Feed    string            `json:"feed"` // address of the feed
	Site    string            `json:"site,omitempty"`
	Lang    string            `json:"lang,omitempty"`    // "fr", "en"
	Country string            `json:"country,omitempty"` // ISO 3166-1 alpha-2, upper case
	Kind    string            `json:"kind,omitempty"`    // "trade", "vendor", "wire", …
	Folder  []string          `json:"folder,omitempty"`  // titles of the folders it stands in, outermost first
	Quirks  []string          `json:"quirks,omitempty"`
	Off     bool              `json:"off,omitempty"`      // listed but not polled
	Every   time.Duration     `json:"every,omitempty"`    // fixed interval; 0 = by its own rhythm
	Agent   string            `json:"agent,omitempty"`    // User-Agent to use, an honest one
	Headers map[string]string `json:"headers,omitempty"`  // sent to the feed's host only
	Body    string            `json:"body,omitempty"`     // CSS selector of the article's body
	Content string            `json:"content,omitempty"`  // "page" or "feed": where texts are taken from; "" = decide
	Rights  string            `json:"rights,omitempty"`   // "reserved": titles and links only
	MaxAge  time.Duration     `json:"max_age,omitempty"`  // of articles taken at the first poll
	MaxText int               `json:"max_text,omitempty"` // bytes of a text that are kept
}

// Validate tells the first thing wrong with a source.
func (s Source) Validate() error {
	switch {
	case s.ID == "" || s.ID != Token(s.ID):
		return fmt.Errorf("source %q: id %q is not a slug", s.Name, s.ID)
	case s.Feed == "":
		return fmt.Errorf("source %s: no feed address", s.ID)
	case !strings.HasPrefix(s.Feed, "http://") && !strings.HasPrefix(s.Feed, "https://"):
		return fmt.Errorf("source %s: feed address %.80q is not http or https", s.ID, s.Feed)
	}
	return nil
}

// States of a source's health.
const (
	SourceNew      = "new"      // not polled yet
	SourceUp       = "up"       // the last poll went well
	SourceDegraded = "degraded" // works with a fault: some polls fail, items were missed
	SourceSilent   = "silent"   // answers, but has had nothing new for far longer than usual
	SourceDown     = "down"     // has not answered properly for long, or is gone
	SourceBlocked  = "blocked"  // refuses us: 401, 403, or a 429 that is a wall
)

// SourceStates lists the states of a source's health, best first.
var SourceStates = []string{SourceUp, SourceNew, SourceSilent, SourceDegraded, SourceBlocked, SourceDown}

// SourceState is what is known of a source from polling it: when it is due, what
// it said last, how it fares.
type SourceState struct {
	Source string    `json:"source"`
	State  string    `json:"state"`
	Since  time.Time `json:"since,omitzero"` // of State
	Feed   string    `json:"feed,omitempty"` // address in use, when the listed one has moved for good

	Polls     int           `json:"polls"`
	Last      time.Time     `json:"last,omitzero"`    // last poll
	OK        time.Time     `json:"ok,omitzero"`      // last poll that went well
	Next      time.Time     `json:"next,omitzero"`    // next poll
	Every     time.Duration `json:"every,omitempty"`  // interval in use
	Fails     int           `json:"fails,omitempty"`  // polls that failed since OK
	Error     string        `json:"error,omitempty"`  // of the last poll, one sentence
	Reason    string        `json:"reason,omitempty"` // of Error, one token
	Status    int           `json:"status,omitempty"` // HTTP status of the last poll
	Stopped   bool          `json:"stopped,omitempty"`
	Alarms    []string      `json:"alarms,omitempty"`    // what should be looked at, one sentence each
	Recovered []string      `json:"recovered,omitempty"` // what had to be repaired in the feed

	Format   string        `json:"format,omitempty"` // of the feed
	Title    string        `json:"title,omitempty"`  // the feed's own
	Items    int           `json:"items,omitempty"`  // in the feed at the last good poll
	Newest   time.Time     `json:"newest,omitzero"`  // publication of the newest article
	Articles int           `json:"articles"`         // published so far
	DelayP50 float64       `json:"delay_p50"`        // seconds from publication to being seen, of the last 100 articles
	DelayP95 float64       `json:"delay_p95"`
	Rhythm   time.Duration `json:"rhythm,omitempty"` // usual time between two items
	Gaps     int           `json:"gaps,omitempty"`   // polls that shared no item with the one before

	ETag         string    `json:"etag,omitempty"` // as received
	LastModified string    `json:"last_modified,omitempty"`
	Hash         string    `json:"hash,omitempty"`     // of the last body
	Until        time.Time `json:"until,omitzero"`     // the server asked not to come before
	MovedTo      string    `json:"moved_to,omitempty"` // where a permanent redirect leads
	MovedSeen    int       `json:"moved_seen,omitempty"`
	MovedFrom    string    `json:"moved_from,omitempty"` // address in the list that this state belongs to
	Liar         string    `json:"liar,omitempty"`       // what is wrong with its validators

	Ledger  []Ledger `json:"ledger,omitempty"`  // of the last days, oldest first
	Fetches []Fetch  `json:"fetches,omitempty"` // the last polls, oldest first, at most [MaxFetches]
}

// MaxFetches is how many polls of a source are remembered one by one.
const MaxFetches = 20

// Fetch is one poll of a source.
type Fetch struct {
	At          time.Time     `json:"at"`
	Status      int           `json:"status,omitempty"`      // HTTP status of the feed
	Bytes       int64         `json:"bytes,omitempty"`       // of feed and pages, decompressed
	Took        time.Duration `json:"took"`                  // nanoseconds
	Conditional bool          `json:"conditional,omitempty"` // asked with If-None-Match or If-Modified-Since
	Unchanged   bool          `json:"unchanged,omitempty"`   // nothing in it but what was known
	Items       int           `json:"items,omitempty"`
	New         int           `json:"new,omitempty"`
	Revised     int           `json:"revised,omitempty"`
	Error       string        `json:"error,omitempty"`
}

// Ledger accounts for the items that a source listed for the first time on one
// day: Listed = Indexed + Duplicate + the sum of Refused + the sum of Failed + Pending.
type Ledger struct {
	Day       string         `json:"day"` // UTC, 2006-01-02
	Listed    int            `json:"listed"`
	Indexed   int            `json:"indexed"`             // published with their text
	Duplicate int            `json:"duplicate,omitempty"` // joined an article that was there
	Refused   map[string]int `json:"refused,omitempty"`   // by "robots", "rights", "paywall", "age"
	Failed    map[string]int `json:"failed,omitempty"`    // by reason
	Pending   int            `json:"pending,omitempty"`   // will be tried again
	Revised   int            `json:"revised,omitempty"`   // new versions of articles of any day; outside the sum
}

// Balanced tells whether every listed item is accounted for.
func (l Ledger) Balanced() bool {
	sum := l.Indexed + l.Duplicate + l.Pending
	for n := range maps.Values(l.Refused) {
		sum += n
	}
	for n := range maps.Values(l.Failed) {
		sum += n
	}
	return sum == l.Listed
}

// Plus adds two ledgers, of one day or of many.
func (l Ledger) Plus(o Ledger) Ledger {
	add := func(a, b map[string]int) map[string]int {
		if len(a)+len(b) == 0 {
			return nil
		}
		out := maps.Clone(a)
		if out == nil {
			out = map[string]int{}
		}
		for _, k := range slices.Sorted(maps.Keys(b)) {
			out[k] += b[k]
		}
		return out
	}
	return Ledger{
		Day: max(l.Day, o.Day), Listed: l.Listed + o.Listed, Indexed: l.Indexed + o.Indexed,
		Duplicate: l.Duplicate + o.Duplicate, Pending: l.Pending + o.Pending, Revised: l.Revised + o.Revised,
		Refused: add(l.Refused, o.Refused), Failed: add(l.Failed, o.Failed),
	}
}
