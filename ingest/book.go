package ingest

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/cespare/xxhash/v2"

	"example.org/veille/ingest/feed"
	"example.org/veille/ingest/warc"
	"example.org/veille/schemas"
)

// book is what is known of the items of one source.
type book struct {
	Items  map[string]*known `json:"items"`            // by article id
	Ledger []schemas.Ledger  `json:"ledger,omitempty"` // of the last days, oldest first
	Delays []float64         `json:"delays,omitempty"` // seconds from publication to being seen, newest last
	Marks  []mark            `json:"marks,omitempty"`  // what was read from the last pages, newest last
	// What was published from Low on, and archived from Place on, may be in no book.
	Low   uint64    `json:"low,omitempty"`
	Place *warc.Loc `json:"place,omitempty"`
	dirty bool
}

// known is one item that was seen.
type known struct {
	Base    string     `json:"b,omitempty"` // id made of the guid alone, when the id is another
	Link    string     `json:"l,omitempty"` // canonical
	Title   string     `json:"t,omitempty"`
	Sum     uint64     `json:"h"`            // of what the feed says of it
	Day     string     `json:"d"`            // first listed
	Out     string     `json:"o"`            // outcome, as the ledger names it
	Version string     `json:"v,omitempty"`  // of the published text
	Seq     uint64     `json:"q,omitempty"`  // in the stream, of its newest version
	Lead    uint64     `json:"ls,omitempty"` // for a copy: of its leader when it joined
	Fold    string     `json:"f,omitempty"`  // for a copy: its leader
	Took    string     `json:"tk,omitempty"` // the leader whose place it took; Lead is its newest version then
	Key     uint64     `json:"k,omitempty"`  // of the final address
	Sig     []byte     `json:"s,omitempty"`  // of the text, while it is compared
	URL     string     `json:"u,omitempty"`
	Seen    time.Time  `json:"n"`
	Listed  time.Time  `json:"a"`            // last poll that listed it
	Tries   int        `json:"y,omitempty"`  // failed fetches
	Again   time.Time  `json:"g,omitzero"`   // next try, or earliest next look at a change
	Revs    int        `json:"r,omitempty"`  // revisions published
	Item    *feed.Item `json:"it,omitempty"` // while pending
	Kept    *kept      `json:"kp,omitempty"` // while pending: what was archived of it before a crash
}

// kept is where an article lies that was archived and not published.
type kept struct {
	Meta  warc.Loc   `json:"m"`
	Pages []warc.Loc `json:"p,omitempty"`
}

const (
	maxBook  = 2_500               // items remembered of one source
	keepBook = 90 * 24 * time.Hour // for which an item is remembered after it was last listed
	maxRevs  = 20                  // revisions of one article that are published
)

// packed values begin with this byte; JSON never does.
const packed = 0x01

func (p *Poller) book(ctx context.Context, source string) (*book, error) {
	bk := &book{Items: map[string]*known{}}
	b, _, err := p.opt.Store.Get(ctx, "b."+source)
	if err != nil {
		return nil, fmt.Errorf("read book of %s: %w", source, err)
	}
	if b == nil {
		return bk, nil
	}
	if b[0] == packed {
		if b, err = io.ReadAll(flate.NewReader(bytes.NewReader(b[1:]))); err != nil {
			return nil, fmt.Errorf("unpack book of %s: %w", source, err)
		}
	}
	if err := json.Unmarshal(b, bk); err != nil {
		return nil, fmt.Errorf("decode book of %s: %w", source, err)
	}
	if bk.Items == nil {
		bk.Items = map[string]*known{}
	}
	return bk, nil
}

// saveBook writes the book, without what has become too old to matter.
func (p *Poller) saveBook(ctx context.Context, source string, bk *book) error {
	now := p.now()
	for id, k := range bk.Items {
		if k.Sig != nil && now.Sub(k.Seen) > p.opt.FoldSpan {
			k.Sig = nil
		}
		if k.Out != "pending" && now.Sub(k.Listed) > keepBook {
			delete(bk.Items, id)
		}
	}
	if n := len(bk.Items) - maxBook; n > 0 {
		ids := make([]string, 0, len(bk.Items))
		for id := range bk.Items {
			ids = append(ids, id)
		}
		slices.SortFunc(ids, func(a, b string) int { return bk.Items[a].Listed.Compare(bk.Items[b].Listed) })
		for _, id := range ids[:n] {
			delete(bk.Items, id)
		}
	}
	bk.Low, bk.Place = p.low(source)
	b, err := bk.encode()
	if err == nil && len(b) > mostBook { // a source with thousands of unread pages
		for _, k := range bk.Items {
			if k.Item != nil {
				k.Item = &feed.Item{ID: k.Item.ID, Link: k.Item.Link, Title: k.Item.Title, Published: k.Item.Published}
			}
		}
		b, err = bk.encode()
	}
	if err == nil && len(b) > mostBook {
		for _, k := range bk.Items {
			k.Sig = nil
		}
		b, err = bk.encode()
	}
	if err != nil {
		return fmt.Errorf("encode book of %s: %w", source, err)
	}
	if _, err := p.opt.Store.Put(ctx, "b."+source, b); err != nil {
		return fmt.Errorf("save book of %s: %w", source, err)
	}
	bk.dirty = false
	p.landed(source)
	return nil
}

// mostBook is the size of an encoded book that a message of the bus can take.
const mostBook = 900 << 10

func (bk *book) encode() ([]byte, error) {
	b, err := json.Marshal(bk)
	if err != nil || len(b) <= 4<<10 {
		return b, err
	}
	var z bytes.Buffer
	z.WriteByte(packed)
	zw, _ := flate.NewWriter(&z, flate.BestSpeed) // the level is valid
	zw.Write(b)
	zw.Close()
	return z.Bytes(), nil
}

// sum names what the feed says of an item.
func sum(it feed.Item) uint64 {
	h := xxhash.New()
	for _, s := range []string{it.Title, it.Link, it.Summary, it.Body, it.Updated.Raw} {
		h.WriteString(s)
		h.Write([]byte{0})
	}
	return h.Sum64()
}

// ref is what an item is known by: its guid, else its canonical link, else its
// title.
func ref(it feed.Item) string {
	switch {
	case it.ID != "" && it.ID != it.Link:
		return it.ID
	case it.Link != "":
		return canonical(it.Link)
	case it.ID != "":
		return it.ID
	}
	return it.Title
}

// identify finds the id of an item. A feed that gives one guid to two different
// stories has two articles; a story whose headline or address changed stays one.
// mine are the ids that this document's earlier items took.
func (bk *book) identify(source string, it feed.Item, mine map[string]bool) string {
	r := ref(it)
	base := schemas.ArticleID(source, r)
	link := canonical(it.Link)
	first, ok := bk.Items[base]
	if !ok {
		return base
	}
	h := sum(it)
	if first.Sum == h && !mine[base] {
		return base
	}
	// Of the stories that had this guid, the newest one goes on.
	best := ""
	for id, k := range bk.Items {
		if id != base && k.Base != base {
			continue
		}
		if k.Sum == h {
			return id
		}
		fits := false
		switch {
		case mine[id]: // two entries of one document are two stories, unless they say the same
			fits = k.Link == link && alike(k.Title, it.Title)
		case k.Link == link || it.Link == "":
			fits = true // what the page says decides, see reused
		default:
			fits = alike(k.Title, it.Title)
		}
		if fits && (best == "" || bk.Items[best].Seen.Before(k.Seen) || bk.Items[best].Seen.Equal(k.Seen) && id < best) {
			best = id
		}
	}
	if best != "" {
		return best
	}
	if id := schemas.ArticleID(source, r+"\n"+link); first.Link != link && bk.Items[id] == nil {
		return id
	}
	return otherStory(source, it)
}

// otherStory is the id of a story that uses the guid and the address of another one.
func otherStory(source string, it feed.Item) string {
	return schemas.ArticleID(source, ref(it)+"\n"+canonical(it.Link)+"\n"+it.Title)
}

// alike tells whether two headlines may be of one story: they share three in ten
// of their words.
func alike(a, b string) bool {
	wa, wb := words(a), words(b)
	if len(wa) == 0 || len(wb) == 0 {
		return true
	}
	set := map[string]bool{}
	for _, w := range wa {
		set[w] = true
	}
	both := map[string]bool{}
	all := len(set)
	seen := map[string]bool{}
	for _, w := range wb {
		if seen[w] {
			continue
		}
		seen[w] = true
		if set[w] {
			both[w] = true
		} else {
			all++
		}
	}
	return float64(len(both)) >= 0.3*float64(all)
}

func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
