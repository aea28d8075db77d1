package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"example.org/veille/bus"
	"example.org/veille/extract/deals"
	"example.org/veille/schemas"
)

// gatherer folds extractions into dossiers and publishes what changes: deals and
// prices.
//
//	fold ──> dossiers + journal (one atomic write) ──> events published ──> ack
//
// The journal holds the events of the last batch. They are published again at
// the next start, so that a crash between the write and the publishing loses
// none; their ids make the repetition harmless. Writing first matters: events of
// a fold that was never written down would speak of deals that nobody knows.
//
// In the bucket: "dossier.…" by parties, "article.<id>" what it spoke of last,
// "journal" and "journal.<n>".
//
// What people corrected (corrections.go) decides with the text where a statement goes.
type gatherer struct {
	bus *bus.Bus
	kv  *bus.KV

	mu          sync.Mutex // held over each change of dossiers
	corrections *corrections
}

// articleNote is what is kept of an article: which dossiers it is in, and which
// version of it that was.
type articleNote struct {
	Dossiers []string  `json:"dossiers"`
	Fetched  time.Time `json:"fetched"`
	Copies   int       `json:"copies"`
}

// older tells whether an extraction is of an earlier version than the one noted:
// a delivery that was repeated late must not undo a newer one.
func (n articleNote) older(a schemas.Article) bool {
	return a.Fetched.Before(n.Fetched) || a.Fetched.Equal(n.Fetched) && len(a.Also) < n.Copies
}

// pricedIn is a price as it travels: with the article it was read from, without
// the text.
type pricedIn struct {
	schemas.Price
	Article schemas.Article `json:"article"`
}

// journalBytes keeps an entry of the journal well under the payload's limit.
const journalBytes = 600 << 10

// newGatherer opens the bucket, publishes what the last batch left, and sees that the
// corrections of the file are in force, also on a log that was made again.
func newGatherer(ctx context.Context, b *bus.Bus, file string) (*gatherer, error) {
	kv, err := b.KV(ctx, schemas.BucketDeals)
	if err != nil {
		return nil, err
	}
	g := &gatherer{bus: b, kv: kv}
	if g.corrections, err = loadCorrections(file); err != nil {
		return nil, err
	}
	var entries int
	if err := g.load(ctx, "journal", &entries); err != nil {
		return nil, err
	}
	for i := range entries {
		var evs []schemas.Event
		if err := g.load(ctx, journalKey(i), &evs); err != nil {
			return nil, err
		}
		if err := g.publish(ctx, evs); err != nil {
			return nil, err
		}
	}
	for _, one := range g.corrections.list {
		if err := g.regather(ctx, one.places(), one.At); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func journalKey(i int) string { return fmt.Sprintf("journal.%d", i) }

func (g *gatherer) load(ctx context.Context, key string, into any) error {
	b, _, err := g.kv.Get(ctx, key)
	if err != nil || b == nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return nil
}

// publish writes deal and price events to their streams, in order.
func (g *gatherer) publish(ctx context.Context, evs []schemas.Event) error {
	for _, typ := range []string{schemas.TypeDeal, schemas.TypePrice} {
		var some []schemas.Event
		for _, e := range evs {
			if e.Type == typ {
				some = append(some, e)
			}
		}
		if _, err := g.bus.Publish(ctx, some...); err != nil {
			return err
		}
	}
	return nil
}

// take handles a batch of extractions. When the batch needs more keys than one
// atomic write takes, it is handled in halves.
func (g *gatherer) take(ctx context.Context, msgs []bus.Message) error {
	xs, err := decodeAll[schemas.Extraction](msgs)
	if err != nil {
		return err
	}
	sources := make([]string, len(msgs))
	for i, m := range msgs {
		sources[i] = m.Source
	}
	for len(xs) > 0 {
		n := len(xs)
		for {
			keys, err := g.fold(ctx, xs[:n], sources)
			if err != nil {
				return err
			}
			if keys {
				break
			}
			n /= 2
		}
		xs, sources = xs[n:], sources[n:]
	}
	return nil
}

// fold takes some extractions in, or reports that they are too many for one write.
// sources are those of their events, which what follows from them inherits.
func (g *gatherer) fold(ctx context.Context, xs []schemas.Extraction, sources []string) (fits bool, err error) {
	dossiers := map[string]deals.Dossier{}
	notes := map[string]articleNote{}
	var events []schemas.Event
	source := ""
	event := func(typ, id, subject string, at time.Time, data any) error {
		ev, err := schemas.NewEvent(typ, id, subject, at, data)
		ev.Source = source
		events = append(events, ev)
		return err
	}
	for i, x := range xs {
		source = sources[i]
		about := "article." + x.Article.ID
		note, ok := notes[about]
		if !ok {
			if err := g.load(ctx, about, &note); err != nil {
				return false, err
			}
		}
		if note.older(x.Article) {
			continue
		}
		now := g.corrections.split(x)
		speaks := slices.Sorted(maps.Keys(now))
		for _, key := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(note.Dossiers, speaks)))) {
			d, ok := dossiers[key]
			if !ok {
				d = deals.Dossier{Family: now[key].Family, Parties: now[key].Parties}
				if err := g.load(ctx, key, &d); err != nil {
					return false, err
				}
			}
			d.Held = g.corrections.held(place{d.Family, d.Parties})
			d, changes := d.Fold(x.Article.ID, now[key].Said)
			dossiers[key] = d
			for _, c := range changes {
				if err := event(schemas.TypeDeal, deals.EventID(c), schemas.DealSubject(c.Kind, c.Deal), x.At, c); err != nil {
					return false, err
				}
			}
		}
		at := x.Article
		at.Text, at.Byline, at.Also = "", "", nil
		for _, p := range x.Prices {
			if err := event(schemas.TypePrice, schemas.EventID("price", p.ID, x.Article.Version), schemas.PriceSubject(p), x.At, pricedIn{p, at}); err != nil {
				return false, err
			}
		}
		if len(speaks)+len(note.Dossiers) > 0 {
			notes[about] = articleNote{speaks, x.Article.Fetched, len(x.Article.Also)}
		}
	}
	return g.keep(ctx, dossiers, notes, events, len(xs) > 1)
}

// keep writes dossiers, notes and journal in one atomic write and publishes the
// events. When that is more than one write takes, and there are halves, it reports so.
func (g *gatherer) keep(ctx context.Context, dossiers map[string]deals.Dossier, notes map[string]articleNote, events []schemas.Event, halves bool) (fits bool, err error) {
	wrote := map[string][]byte{}
	put := func(key string, v any) error {
		b, err := json.Marshal(v)
		wrote[key] = b
		return err
	}
	for key, d := range dossiers {
		if err := put(key, d); err != nil {
			return false, err
		}
	}
	for key, n := range notes {
		if err := put(key, n); err != nil {
			return false, err
		}
	}
	entries, from, size := 0, 0, 0
	for i, e := range events {
		size += len(e.Data) + 500
		if i == len(events)-1 || size+len(events[i+1].Data) > journalBytes {
			if err := put(journalKey(entries), events[from:i+1]); err != nil {
				return false, err
			}
			entries, from, size = entries+1, i+1, 0
		}
	}
	if err := put("journal", entries); err != nil {
		return false, err
	}
	if len(wrote) > bus.AtomicMost && halves {
		return false, nil
	}
	keys := slices.Sorted(maps.Keys(wrote))
	values := make([][]byte, len(keys))
	for i, k := range keys {
		values[i] = wrote[k]
	}
	if err := g.kv.PutMany(ctx, keys, values); err != nil {
		return false, err
	}
	return true, g.publish(ctx, events)
}
