package ingest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/veille/ingest/warc"
	"example.org/veille/schemas"
)

// maxCopies is how many copies an article lists, one of each source.
const maxCopies = 64

// flush archives a batch, joins what repeats an earlier article, publishes the rest
// and enters the outcomes. doc is the feed's document, archived with the first batch.
func (p *Poller) flush(ctx context.Context, src schemas.Source, st *schemas.SourceState, bk *book, batch []*draft, doc **warc.Record, first bool, res *Result) error {
	now := p.now()
	for _, d := range batch {
		if d.out == "indexed" {
			d.sig = signature(d.art.Text)
			p.reused(src, bk, d)
		}
	}
	if err := p.archive(src, batch, doc); err != nil {
		return err
	}

	p.folds.mu.Lock()
	defer p.folds.mu.Unlock()
	p.folds.sweep(now, p.opt.FoldSpan)
	var fresh []*draft              // to be published as new
	var revised []schemas.Article   // to be published as revised
	leads := map[string]*draft{}    // articles of this batch, by id
	grown := map[string]*int{}      // index in revised of a leader that gained copies
	joined := map[string][]*draft{} // copies by the leader they joined

	for _, d := range batch {
		k := d.k
		if d.out == "pending" {
			continue
		}
		k.Item, k.Tries, k.Kept = nil, 0, nil
		k.Link, k.Title, k.URL = canonical(d.item.Link), d.item.Title, d.art.URL
		if d.out == "indexed" {
			k.Sig = d.sig
		}
		if err := d.art.Validate(); err != nil { // one bad article must not hold up its feed
			p.lg.Warn("article not fit to travel", "source", src.ID, "id", d.id, "error", err)
			if d.out = "failed:invalid"; d.was != "" && d.was != "pending" {
				d.out = d.was
			}
			continue
		}
		if d.was != "" && d.was != "pending" {
			if err := p.revise(ctx, bk, d, &revised, res); err != nil {
				return err
			}
			continue
		}
		lead, own := p.repeats(ctx, src, d, leads)
		switch {
		case lead == nil:
			fresh = append(fresh, d)
			leads[d.id] = d
		case own: // the leader told another site's story, and here is that site
			fresh = append(fresh, d)
			leads[d.id] = d
			if other := leads[lead.id]; other != nil {
				continue // in one batch of one source this cannot be
			}
			old, err := p.opt.Lookup(ctx, lead.seq)
			if err != nil {
				continue
			}
			d.k.Took = old.ID
			d.art.Also = addCopy(old.Also, copyOf(old))
			old.Also, old.Fold = nil, d.id
			revised = append(revised, old)
			joined["<"+lead.id] = append(joined["<"+lead.id], d)
		default:
			d.out = "duplicate"
			k.Fold = lead.id
			d.art.Fold = lead.id
			joined[lead.id] = append(joined[lead.id], d)
			if other := leads[lead.id]; other != nil {
				other.art.Also = addCopy(other.art.Also, copyOf(d.art))
				continue
			}
			i := grown[lead.id]
			if i == nil {
				old, err := p.opt.Lookup(ctx, lead.seq)
				if err != nil {
					continue // the copy is recorded; the leader will list it when it is next revised
				}
				also := addCopy(old.Also, copyOf(d.art))
				if len(also) == len(old.Also) {
					continue // it lists a copy of this source already
				}
				old.Also = also
				revised = append(revised, old)
				n := len(revised) - 1
				grown[lead.id] = &n
				continue
			}
			revised[*i].Also = addCopy(revised[*i].Also, copyOf(d.art))
		}
	}

	seqs, err := p.publish(ctx, src.ID, drafts(fresh), EventNew)
	if err != nil {
		return err
	}
	for i, d := range fresh {
		d.k.Seq, d.k.Version = seqs[i], d.art.Version
		p.folds.enter(leaf{id: d.id, source: src.ID, seq: seqs[i], key: d.k.Key, sig: d.k.Sig, seen: d.k.Seen, host: domain(d.art.URL), version: d.art.Version})
	}
	seqs, err = p.publish(ctx, src.ID, revised, EventRevised)
	if err != nil {
		return err
	}
	for i, a := range revised {
		if l := p.folds.leafs[a.ID]; l != nil {
			l.seq, l.fold, l.version = seqs[i], a.Fold, a.Version
		}
		if k := bk.Items[a.ID]; k != nil {
			k.Seq, k.Version, k.Fold = seqs[i], a.Version, a.Fold
			if l := p.folds.leafs[a.ID]; l != nil && l.source == src.ID {
				n := *l
				n.sig, n.key = k.Sig, k.Key
				p.folds.enter(n)
			}
		}
		for _, d := range joined["<"+a.ID] { // remembered with the one that took the lead
			d.k.Lead = seqs[i]
		}
	}
	for id, list := range joined {
		for _, d := range list {
			l := p.folds.leafs[strings.TrimPrefix(id, "<")]
			if d.out != "duplicate" || l == nil {
				continue
			}
			d.k.Lead, d.k.Version = l.seq, d.art.Version
			p.folds.enter(leaf{id: d.id, source: src.ID, key: d.k.Key, sig: d.k.Sig, seen: d.k.Seen, host: domain(d.art.URL), fold: l.id, version: d.art.Version})
		}
	}

	for _, d := range batch {
		p.settle(st, bk, d, first, res)
	}
	p.mu.Lock()
	for _, d := range batch {
		if d.out != "pending" {
			delete(p.late, d.id)
		}
	}
	p.mu.Unlock()
	bk.dirty = true
	return nil
}

// archive writes what a batch was read from, with one sync.
func (p *Poller) archive(src schemas.Source, batch []*draft, doc **warc.Record) error {
	if p.opt.Archive == nil {
		return nil
	}
	var recs []warc.Record
	if *doc != nil {
		recs = append(recs, **doc)
	}
	type place struct {
		d  *draft
		at int
	}
	var places []place
	for _, d := range batch {
		if d.out == "pending" || d.old {
			continue
		}
		places = append(places, place{d, len(recs)})
		recs = append(recs, d.recs...)
		recs = append(recs, p.origin(src, d))
	}
	if len(recs) == 0 {
		return nil
	}
	p.takeOff(src.ID, 0)
	locs, err := p.opt.Archive.Append(recs...)
	if err != nil {
		return fmt.Errorf("archive articles of %s: %w", src.ID, err)
	}
	*doc = nil
	for _, pl := range places {
		at := pl.at // the page, or the metadata record with the feed's own words
		r := recs[at]
		digest := r.Get("WARC-Payload-Digest")
		if digest == "" {
			digest = warc.Digest(r.Block)
		}
		pl.d.art.Raw = &schemas.Raw{File: locs[at].File, Offset: locs[at].Offset, Digest: digest}
		pl.d.recs = nil
	}
	return nil
}

func drafts(list []*draft) []schemas.Article {
	out := make([]schemas.Article, len(list))
	for i, d := range list {
		out[i] = d.art
	}
	return out
}

// publish hands articles over in batches and returns their sequence numbers.
func (p *Poller) publish(ctx context.Context, source string, list []schemas.Article, event string) ([]uint64, error) {
	var out []uint64
	for len(list) > 0 {
		n, size := 0, 0
		for n < len(list) && n < batchMost && (n == 0 || size < batchSize) {
			size += len(list[n].Text) + 2048
			n++
		}
		seqs, err := p.opt.Publish(ctx, list[:n], event)
		if err != nil {
			return nil, fmt.Errorf("publish %d %s articles: %w", n, event, err)
		}
		if len(seqs) != n {
			return nil, fmt.Errorf("publish %d %s articles: %d sequence numbers came back", n, event, len(seqs))
		}
		out = append(out, seqs...)
		for _, q := range seqs {
			p.takeOff(source, q)
		}
		list = list[n:]
	}
	return out, nil
}

func copyOf(a schemas.Article) schemas.Copy {
	return schemas.Copy{ID: a.ID, Source: a.Source, Outlet: a.Outlet, URL: a.URL, Published: a.Published}
}

// addCopy lists a copy, one of each source.
func addCopy(list []schemas.Copy, c schemas.Copy) []schemas.Copy {
	if len(list) >= maxCopies || slices.ContainsFunc(list, func(o schemas.Copy) bool { return o.ID == c.ID || o.Source == c.Source }) {
		return list
	}
	return append(slices.Clip(list), c)
}

// repeats finds the article that a draft repeats, nil when it is new. own is true
// when the draft's source owns the address and the leader's does not: then the
// draft leads. It is called with the folds' lock held.
func (p *Poller) repeats(ctx context.Context, src schemas.Source, d *draft, leads map[string]*draft) (lead *leaf, own bool) {
	text := func(l *leaf) (schemas.Article, bool) {
		if o := leads[l.id]; o != nil {
			return o.art, true
		}
		a, err := p.opt.Lookup(ctx, l.seq)
		return a, err == nil
	}
	// Within the batch nothing is entered yet, and it is small.
	pending := make([]*leaf, 0, len(leads))
	for _, o := range leads {
		pending = append(pending, &leaf{id: o.id, source: src.ID, key: o.k.Key, sig: o.k.Sig, host: domain(o.art.URL)})
	}
	if d.k.Key != 0 {
		l := p.folds.leader(p.folds.keys[d.k.Key])
		for _, o := range pending {
			if o.key == d.k.Key {
				l = o
			}
		}
		if l != nil && l.id != d.id && l.host == domain(d.art.URL) {
			// One address is one page, unless it is a wall or a front page that many links
			// lead to: then the words differ.
			if a, ok := text(l); !ok || alike(a.Title, d.art.Title) || estimate(l.sig, d.k.Sig) >= jaccard-0.2 {
				return l, ok && owns(src, d.art.URL) && !p.ownsByID(l.source, d.art.URL)
			}
		}
	}
	if d.k.Sig == nil {
		return nil, false
	}
	list := p.folds.candidates(d.id, d.k.Sig)
	for _, o := range pending {
		if estimate(o.sig, d.k.Sig) >= jaccard-0.2 {
			list = append(list, o)
		}
	}
	if len(list) == 0 {
		return nil, false
	}
	mine := shingles(d.art.Text)
	for _, l := range list {
		a, ok := text(l)
		if !ok || resemblance(mine, shingles(a.Text)) < enough(alike(a.Title, d.art.Title), l.host == domain(d.art.URL), len(mine)) || !agree(a.Text, d.art.Text) {
			continue
		}
		return l, false
	}
	return nil, false
}

func (p *Poller) ownsByID(source, addr string) bool {
	p.mu.Lock()
	src, ok := p.sources[source]
	p.mu.Unlock()
	return !ok || owns(src, addr) // of one that is no longer listed nothing is known
}

// revise deals with an item that is known and whose feed entry changed.
func (p *Poller) revise(ctx context.Context, bk *book, d *draft, revised *[]schemas.Article, res *Result) error {
	k := d.k
	// The next look at this item waits longer and longer: a page that is different each
	// time it is read must not become a stream of its own.
	k.Again = p.now().Add(p.opt.MinEvery << min(k.Revs, 8))
	if l := p.folds.leafs[d.id]; l != nil && l.fold != "" {
		k.Fold = l.fold // another source took the lead
	}
	if k.Fold != "" { // a copy; its leader speaks
		d.out = k.Out
		return nil
	}
	if d.out != "indexed" { // worse than what was published, unless it was nothing
		if d.was == "indexed" {
			d.out = d.was
			return nil
		}
	}
	if d.art.Version == k.Version {
		return nil
	}
	k.Revs++
	if old, err := p.opt.Lookup(ctx, p.seqOf(d.id, k)); err == nil {
		d.art.Also = old.Also
		if d.art.PublishedFrom == "fetch" || old.PublishedFrom != "fetch" {
			// An article keeps its date; what changed it has one of its own.
			d.art.Published, d.art.PublishedFrom, d.art.Precision = old.Published, old.PublishedFrom, old.Precision
		}
	}
	if d.art.Updated.IsZero() {
		d.art.Updated = d.art.Fetched
	}
	*revised = append(*revised, d.art)
	entry(bk, p.now().Format(time.DateOnly)).Revised++
	res.Revised++
	return nil
}

// reused tells a guid and address that were given to another story, such as a page
// "latest news", from a story that was edited: nothing of the old one is left, and
// it is dated later. Such a draft becomes an article of its own.
func (p *Poller) reused(src schemas.Source, bk *book, d *draft) {
	if d.was != "indexed" || d.k.Sig == nil || d.sig == nil || estimate(d.k.Sig, d.sig) > 0.15 || alike(d.k.Title, d.art.Title) {
		return
	}
	id := otherStory(src.ID, d.item)
	if bk.Items[id] != nil {
		return
	}
	now := p.now()
	base := d.k.Base
	if base == "" {
		base = d.id
	}
	d.k.Sum = sum(d.item) // the old story is not looked at again for this
	k := &known{Base: base, Day: now.Format(time.DateOnly), Out: "pending", Seen: now, Listed: now, Key: d.k.Key}
	bk.Items[id] = k
	tally(bk, k.Day, "", k.Out)
	d.id, d.art.ID, d.k, d.was = id, id, k, ""
	for i := range d.recs {
		d.recs[i].Set("Veille-Article", id)
	}
}

// seqOf is where the newest version of an article stands.
func (p *Poller) seqOf(id string, k *known) uint64 {
	if l := p.folds.leafs[id]; l != nil {
		return max(l.seq, k.Seq)
	}
	return k.Seq
}

// settle enters the outcome of one item into book, ledger and result.
func (p *Poller) settle(st *schemas.SourceState, bk *book, d *draft, first bool, res *Result) {
	now := p.now()
	k := d.k
	k.Sum = sum(d.item)
	if k.Out != d.out {
		tally(bk, k.Day, k.Out, d.out)
		k.Out = d.out
	}
	if d.was != "" && d.was != "pending" {
		return
	}
	switch {
	case d.out == "pending":
		return // counted from the ledger, with those of earlier polls
	case d.out == "indexed":
		res.New++
		bk.mark(d)
	case d.out == "duplicate":
		res.Duplicate++
	case strings.HasPrefix(d.out, "refused:"):
		res.Refused++
	default:
		res.Failed++
	}
	if d.out != "duplicate" {
		st.Articles++
	}
	if d.art.Published.After(st.Newest) {
		st.Newest = d.art.Published
	}
	if !first && d.art.PublishedFrom != "fetch" && (d.art.Precision == "second" || d.art.Precision == "minute") {
		if s := now.Sub(d.art.Published).Seconds(); s >= 0 && s < 30*24*3600 {
			bk.Delays = append(bk.Delays, s)
			if n := len(bk.Delays) - 100; n > 0 {
				bk.Delays = bk.Delays[n:]
			}
		}
	}
}
