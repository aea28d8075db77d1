package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/veille/ingest/feed"
	"example.org/veille/ingest/page"
	"example.org/veille/ingest/warc"
	"example.org/veille/schemas"
)

// A poll archives, then publishes, then saves its book, then its state. A crash may
// fall between any two, so a poller that starts looks at what lies beyond the books:
//
//	published, in no book  -> adopted: not fetched, archived or published again
//	archived, not published -> an orphan: made again from the archive, then published
//
// Each book that is saved notes how far back that can be: the first sequence number
// and the archive position of the oldest poll that was then on its way.

// flying is a poll on its way: what it published and archived first.
type flying struct {
	seq   uint64
	place *warc.Loc
}

// takeOff notes that a source is about to archive (seq 0), or has published seq.
func (p *Poller) takeOff(source string, seq uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.flight[source]
	if f.place == nil && p.opt.Archive != nil {
		end := p.opt.Archive.End()
		f.place = &end
	}
	if seq > 0 && (f.seq == 0 || seq < f.seq) {
		f.seq = seq
	}
	p.seen = max(p.seen, seq)
	p.flight[source] = f
}

// landed notes that a source's book has been saved.
func (p *Poller) landed(source string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.flight, source)
}

// low is how far back a restart has to look, the source itself left out: its book
// is being saved.
func (p *Poller) low(source string) (uint64, *warc.Loc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seq := p.seen + 1
	var place *warc.Loc
	if p.opt.Archive != nil {
		end := p.opt.Archive.End()
		place = &end
	}
	for id, f := range p.flight {
		if id == source {
			continue
		}
		if f.seq > 0 {
			seq = min(seq, f.seq)
		}
		if f.place != nil && place != nil && f.place.Before(*place) {
			place = f.place
		}
	}
	return seq, place
}

// start reads, once, what a poller must know before it polls.
func (p *Poller) start(ctx context.Context) error {
	p.starting.Lock()
	defer p.starting.Unlock()
	if p.ready {
		return nil
	}
	began := time.Now()
	now := p.now()
	keys, err := p.opt.Store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("list state: %w", err)
	}
	var low uint64
	var place warc.Loc
	inBook := map[string]bool{}
	var took []*known
	var takers []string
	p.folds.mu.Lock()
	defer p.folds.mu.Unlock()
	for _, key := range keys {
		source, ok := strings.CutPrefix(key, "b.")
		if !ok {
			continue
		}
		bk, err := p.book(ctx, source)
		if err != nil {
			return err
		}
		low = max(low, bk.Low)
		if bk.Place != nil && place.Before(*bk.Place) {
			place = *bk.Place
		}
		for id, k := range bk.Items {
			inBook[id] = true
			p.seen = max(p.seen, k.Seq, k.Lead)
			if now.Sub(k.Seen) > p.opt.FoldSpan || k.Version == "" {
				continue
			}
			l := leaf{id: id, source: source, seq: k.Seq, key: k.Key, sig: k.Sig, seen: k.Seen, host: domain(k.URL), fold: k.Fold, version: k.Version}
			if old := p.folds.leafs[id]; old != nil { // a copy told of a newer version already
				l.seq = max(l.seq, old.seq)
			}
			p.folds.enter(l)
			if k.Took != "" {
				took = append(took, k)
				takers = append(takers, id)
			}
			if k.Fold != "" && k.Lead > 0 {
				if lead := p.folds.leafs[k.Fold]; lead != nil {
					lead.seq = max(lead.seq, k.Lead)
				} else {
					p.folds.leafs[k.Fold] = &leaf{id: k.Fold, seq: k.Lead, seen: k.Seen}
				}
			}
		}
	}
	for i, k := range took {
		if l := p.folds.leafs[k.Took]; l != nil {
			l.fold, l.seq = takers[i], max(l.seq, k.Lead)
		}
	}
	found := map[string][]straggler{} // by source
	logged := map[string]bool{}       // those of them that were published
	if p.opt.Tail != nil {
		err := p.opt.Tail(ctx, low, func(seq uint64, a schemas.Article) error {
			p.seen = max(p.seen, seq)
			l := leaf{
				id: a.ID, source: a.Source, seq: seq, key: addressKey(a.URL), sig: signature(a.Text),
				seen: a.Fetched, host: domain(a.URL), fold: a.Fold, version: a.Version,
			}
			if old := p.folds.leafs[a.ID]; old != nil {
				l.key = old.key
				if old.seq >= seq {
					return nil
				}
			}
			p.folds.enter(l)
			if !inBook[a.ID] && !p.replaying {
				inBook[a.ID], logged[a.ID] = true, true
				found[a.Source] = append(found[a.Source], straggler{id: a.ID, link: a.URL, title: a.Title, seen: a.Fetched, published: true})
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read what was published last: %w", err)
		}
	}
	if p.opt.Archive != nil && !p.replaying {
		if err := p.orphans(ctx, place, inBook, logged, found); err != nil {
			return err
		}
	}
	for source, list := range found {
		if err := p.enter(ctx, source, list); err != nil {
			return err
		}
	}
	p.ready = true
	p.lg.Info("poller ready", "sources", len(p.Sources()), "articles_compared", len(p.folds.leafs), "adopted", len(logged), "orphans", len(p.late), "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// straggler is an article that is in no book.
type straggler struct {
	id, link, title string
	seen            time.Time
	published       bool
	item            *feed.Item // of an orphan
	kept            *kept
}

// enter writes stragglers into the book of their source: what was published as
// done, what was only archived as pending.
func (p *Poller) enter(ctx context.Context, source string, list []straggler) error {
	bk, err := p.book(ctx, source)
	if err != nil {
		return err
	}
	for _, s := range list {
		if bk.Items[s.id] != nil {
			continue
		}
		k := &known{Link: canonical(s.link), Title: s.title, URL: s.link, Day: s.seen.UTC().Format(time.DateOnly), Seen: s.seen, Listed: p.now(), Out: "pending", Item: s.item, Kept: s.kept}
		if s.published {
			p.known(s.id, k)
		} else {
			k.Sum = sum(*s.item)
		}
		bk.Items[s.id] = k
		tally(bk, k.Day, "", k.Out)
	}
	return p.saveBook(ctx, source, bk)
}

// known fills in what the log says of an article that no book knew. It is called
// with the folds' lock held.
func (p *Poller) known(id string, k *known) bool {
	l := p.folds.leafs[id]
	if l == nil || l.version == "" {
		return false
	}
	k.Seq, k.Version, k.Fold, k.Key, k.Sig, k.Seen = l.seq, l.version, l.fold, l.key, l.sig, l.seen
	k.Out = "indexed"
	if k.Fold != "" {
		k.Out = "duplicate"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if o, ok := p.late[id]; ok { // the archive knows better how it came about
		if o.Outcome != "pending" && o.Outcome != "" {
			k.Out = o.Outcome
		}
		delete(p.late, id)
	}
	return true
}

// adopt makes an item known that was published, but not entered in its book.
func (p *Poller) adopt(id string, k *known) bool {
	p.folds.mu.Lock()
	defer p.folds.mu.Unlock()
	return p.known(id, k)
}

// orphan is an article that was archived and, perhaps, not published.
type orphan struct {
	origin
	meta  warc.Loc
	pages []warc.Loc
}

func (p *Poller) orphan(id string, k *known) (orphan, bool) {
	p.mu.Lock()
	o, ok := p.late[id]
	p.mu.Unlock()
	if ok || k.Kept == nil || p.opt.Archive == nil {
		return o, ok
	}
	rec, err := p.opt.Archive.Read(k.Kept.Meta)
	if err != nil {
		p.lg.Warn("archived article unreadable", "id", id, "error", err)
		return o, false
	}
	o = orphan{meta: k.Kept.Meta, pages: k.Kept.Pages}
	if json.Unmarshal(rec.Block, &o.origin) != nil || o.ID != id {
		return o, false
	}
	return o, true
}

// orphans finds what was archived from a place on and is in no book. What was not
// published either becomes a pending item of its source, since its feed may have
// moved on meanwhile; of what was published the archive tells how it came about. It is called with the folds' lock held.
func (p *Poller) orphans(ctx context.Context, place warc.Loc, inBook, logged map[string]bool, found map[string][]straggler) error {
	pages := map[string][]warc.Loc{}
	err := p.opt.Archive.Scan(place, func(rec warc.Record, at warc.Loc) error {
		id := rec.Get("Veille-Article")
		if id == "" || inBook[id] && !logged[id] {
			return ctx.Err()
		}
		if rec.Type() == warc.TypeResponse {
			pages[id] = append(pages[id], at)
			return ctx.Err()
		}
		whole, err := p.opt.Archive.Read(at)
		if err != nil {
			return err
		}
		o := orphan{meta: at, pages: pages[id]}
		if json.Unmarshal(whole.Block, &o.origin) != nil || o.ID != id {
			return nil
		}
		delete(pages, id)
		p.mu.Lock()
		p.late[id] = o
		p.mu.Unlock()
		if !inBook[id] {
			inBook[id] = true
			found[o.Source] = append(found[o.Source], straggler{id: id, link: o.Item.Link, title: o.Item.Title, seen: o.Seen, item: &o.Item, kept: &kept{o.meta, o.pages}})
		}
		return ctx.Err()
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read what was archived last: %w", err)
	}
	return nil
}

// fromArchive makes an article again from what was archived of it.
func (p *Poller) fromArchive(src schemas.Source, d *draft, o orphan) bool {
	at := o.meta
	digest := ""
	defer func() {
		if d.old {
			d.art.Raw = &schemas.Raw{File: at.File, Offset: at.Offset, Digest: digest}
		}
	}()
	listed := d.item
	bad := func(err error) bool {
		p.lg.Warn("archived article unreadable", "id", o.ID, "error", err)
		d.old, d.deci, d.item = false, Decision{}, listed
		return false
	}
	d.old, d.deci, d.item = true, o.Decision, o.Item // as it was listed then
	meta, err := p.opt.Archive.Read(o.meta)
	if err != nil {
		return bad(err)
	}
	digest = warc.Digest(meta.Block)
	if o.Outcome != "indexed" && o.Outcome != "duplicate" {
		p.stub(src, d, o.Outcome)
		return true
	}
	if len(o.pages) == 0 {
		if !p.fromFeed(src, d) && !p.feedText(src, d) {
			if o.Decision.Rights != "noarchive" {
				return bad(fmt.Errorf("it has neither page nor text"))
			}
			p.stub(src, d, "failed:not_archived")
		}
		return true
	}
	var whole page.Page
	var addr string
	for i, loc := range o.pages {
		rec, err := p.opt.Archive.Read(loc)
		if err != nil {
			return bad(err)
		}
		h, err := rec.HTTP()
		if err != nil {
			return bad(err)
		}
		opt := p.reading(src, rec.Target(), h.Header, page.Hint{})
		if i == 0 {
			opt.Hint = hint(src, d.item)
			at, digest, addr = loc, rec.Get("WARC-Payload-Digest"), rec.Target()
		}
		pg, err := page.Extract(h.Body, opt)
		if err != nil {
			break
		}
		if i == 0 {
			whole = pg
		} else if pg.Text != "" && !strings.Contains(whole.Text, pg.Text) {
			whole.Text += "\n\n" + pg.Text
		}
	}
	p.assemble(src, d, whole, addr)
	return true
}

// listed gives a source by id, and one made of what is known when it is not in the list.
func (p *Poller) listed(id, outlet string) schemas.Source {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.sources[id]; ok {
		return s
	}
	return schemas.Source{ID: id, Name: outlet}
}

// ReplayStats counts what a replay came to.
type ReplayStats struct {
	Articles  int // found in the archive
	New       int // that no book knew
	Revised   int // whose text is another now
	Unchanged int
	Duplicate int
	Damaged   int
}

// Replay makes every article of the archive again with the present extractor, and
// publishes those that are not known or have other words now. On an empty store it
// rebuilds everything. progress is called after each batch; it may be nil.
func (p *Poller) Replay(ctx context.Context, progress func(ReplayStats)) (ReplayStats, error) {
	var stats ReplayStats
	if p.opt.Archive == nil {
		return stats, fmt.Errorf("replay: there is no archive")
	}
	// What start would take for orphans is what is replayed here.
	p.starting.Lock()
	p.replaying = true
	p.starting.Unlock()
	if err := p.start(ctx); err != nil {
		return stats, err
	}
	bySource := map[string][]orphan{}
	n := 0
	flush := func() error {
		for _, source := range slices.Sorted(maps.Keys(bySource)) {
			if err := p.replay(ctx, source, bySource[source], &stats); err != nil {
				return err
			}
		}
		clear(bySource)
		n = 0
		if progress != nil {
			progress(stats)
		}
		return nil
	}
	pages := map[string][]warc.Loc{}
	err := p.opt.Archive.Scan(warc.Loc{}, func(rec warc.Record, at warc.Loc) error {
		id := rec.Get("Veille-Article")
		if id == "" {
			return ctx.Err()
		}
		if rec.Type() == warc.TypeResponse {
			pages[id] = append(pages[id], at)
			return ctx.Err()
		}
		whole, err := p.opt.Archive.Read(at)
		o := orphan{meta: at, pages: pages[id]}
		delete(pages, id)
		if err != nil || json.Unmarshal(whole.Block, &o.origin) != nil || o.ID != id || o.Source == "" {
			stats.Damaged++
			return nil
		}
		stats.Articles++
		list := bySource[o.Source]
		if i := slices.IndexFunc(list, func(x orphan) bool { return x.ID == id }); i >= 0 {
			list[i] = o // a later fetch of the same article
			return nil
		}
		bySource[o.Source] = append(list, o)
		if n++; n >= batchMost {
			return flush()
		}
		return ctx.Err()
	})
	if err == nil {
		err = flush()
	}
	return stats, err
}

// replay deals with the archived articles of one source.
func (p *Poller) replay(ctx context.Context, source string, list []orphan, stats *ReplayStats) error {
	src := p.listed(source, list[0].Outlet)
	lock := p.lock(source)
	lock.Lock()
	defer lock.Unlock()
	bk, err := p.book(ctx, source)
	if err != nil {
		return err
	}
	st, err := p.State(ctx, source)
	if err != nil {
		return err
	}
	var batch []*draft
	for _, o := range list {
		k := bk.Items[o.ID]
		d := &draft{id: o.ID, item: o.Item, k: k}
		if k == nil {
			day := o.Seen.UTC().Format(time.DateOnly)
			k = &known{Link: canonical(o.Item.Link), Title: o.Item.Title, Sum: sum(o.Item), Day: day, Seen: o.Seen, Listed: p.now()}
			d.k = k
			if p.adopt(o.ID, k) {
				bk.Items[o.ID] = k
				tally(bk, day, "", k.Out)
				stats.Unchanged++
				continue
			}
			k.Out = "pending"
			bk.Items[o.ID] = k
			tally(bk, day, "", k.Out)
		} else {
			d.was = k.Out
		}
		if !p.fromArchive(src, d, o) {
			stats.Damaged++
			p.stub(src, d, "failed:archive")
			d.old = true
			d.art.Raw = nil
		}
		d.art.Fetched = o.Decision.At
		if d.art.Fetched.IsZero() {
			d.art.Fetched = o.Seen
		}
		if d.art.PublishedFrom == "fetch" {
			d.art.Published = o.Seen
		}
		batch = append(batch, d)
	}
	if len(batch) > 0 {
		var res Result
		var doc *warc.Record
		if err := p.flush(ctx, src, &st, bk, batch, &doc, true, &res); err != nil {
			return err
		}
		stats.New += res.New + res.Refused + res.Failed
		stats.Revised += res.Revised
		stats.Duplicate += res.Duplicate
		stats.Unchanged += len(batch) - res.New - res.Refused - res.Failed - res.Revised - res.Duplicate
	}
	if err := p.saveBook(ctx, source, bk); err != nil {
		return err
	}
	return p.save(ctx, st)
}
