package ingest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"example.org/veille/ingest/feed"
	"example.org/veille/ingest/page"
	"example.org/veille/ingest/warc"
	"example.org/veille/schemas"
)

// ImportStats counts what became of the records of a WARC file.
// Records = Articles + Known + Duplicate + NoText + NotHTML + Revisits + Other + Refused.
type ImportStats struct {
	Offset    int64 `json:"offset"` // of the next record to be read
	Done      bool  `json:"done"`
	Records   int   `json:"records"`
	Articles  int   `json:"articles"`  // new
	Known     int   `json:"known"`     // article of that address was there
	Duplicate int   `json:"duplicate"` // repeats an article
	Refused   int   `json:"refused"`   // the page reserves its rights
	NoText    int   `json:"no_text"`   // no article found in it
	NotHTML   int   `json:"not_html"`  // images, errors, redirects
	Revisits  int   `json:"revisits"`
	Other     int   `json:"other"`   // requests, metadata, warcinfo
	Damaged   int   `json:"damaged"` // places that could not be read
	Cut       int   `json:"cut"`     // records whose end is missing; those of HTML count as above
	Size      int64 `json:"size"`    // of the file, 0 when it is not known

	// Before tells that the file had been imported whole before: nothing was read, and the counts are those of then.
	Before bool `json:"-"`
}

// ErrNoWARC is wrapped by the error of [Poller.Import] for a file without a single WARC record.
var ErrNoWARC = errors.New("it holds no WARC record")

// Import takes in the articles of a WARC file that another program wrote, such as
// Common Crawl's CC-NEWS. name and the file's first bytes identify it: an import
// that was broken off goes on after the last batch that was published, if r can
// seek, or reads over what was done. One that was imported whole is not read again,
// unless it has another length by now; what is known of it then counts as known.
// progress is called after each batch; it may be nil.
//
// Pages are copied into the archive, with what other tools call their capture time
// as the time they were fetched. A page of a listed source counts as that source's.
func (p *Poller) Import(ctx context.Context, name string, r io.Reader, progress func(ImportStats)) (ImportStats, error) {
	var stats ImportStats
	if err := p.start(ctx); err != nil {
		return stats, err
	}
	r, head, size, err := opening(r)
	if err != nil {
		return stats, fmt.Errorf("import %s: %w", name, err)
	}
	key := "w." + schemas.Token(name) + "-" + strconv.FormatUint(xxhash.Sum64(head), 36)
	b, _, err := p.opt.Store.Get(ctx, key)
	if err != nil {
		return stats, fmt.Errorf("import %s: %w", name, err)
	}
	if b != nil {
		if err := json.Unmarshal(b, &stats); err != nil {
			return stats, fmt.Errorf("import %s: state: %w", name, err)
		}
	}
	if stats.Done && stats.Size == size {
		stats.Before = true
		return stats, nil
	}
	if stats.Done {
		stats = ImportStats{}
	}
	stats.Size = size
	skip := int64(0)
	if stats.Offset > 0 {
		if s, ok := r.(io.Seeker); ok {
			if _, err := s.Seek(stats.Offset, io.SeekStart); err != nil {
				return stats, fmt.Errorf("import %s: %w", name, err)
			}
		} else {
			skip = stats.Offset
		}
	}
	base := stats.Offset - skip
	rd := warc.NewReader(r, base)
	damaged := stats.Damaged
	owners := map[string]string{}
	for _, s := range p.Sources() {
		for _, d := range []string{domain(s.Site), domain(s.Feed)} {
			if _, taken := owners[d]; !taken && d != "" {
				owners[d] = s.ID
			}
		}
	}
	batch := map[string][]*draft{}
	weight, count := 0, 0
	flush := func() error {
		for _, id := range slices.Sorted(maps.Keys(batch)) {
			if err := p.enterAll(ctx, id, batch[id], &stats); err != nil {
				return fmt.Errorf("import %s: %w", name, err)
			}
		}
		clear(batch)
		weight, count = 0, 0
		stats.Damaged = damaged + rd.Damaged
		b, err := json.Marshal(stats)
		if err == nil {
			_, err = p.opt.Store.Put(ctx, key, b)
		}
		if err != nil {
			return fmt.Errorf("import %s: save state: %w", name, err)
		}
		if progress != nil {
			progress(stats)
		}
		return nil
	}
	for {
		if ctx.Err() != nil {
			return stats, ctx.Err()
		}
		rec, err := rd.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return stats, fmt.Errorf("import %s: %w", name, err)
		}
		if rec.Offset < skip {
			continue
		}
		// The batch ends before this record, so that a restart begins with it. Records of
		// one member share an offset and stay together.
		if (count >= batchMost || weight >= batchSize) && rec.Offset > stats.Offset {
			stats.Offset = rec.Offset
			if err := flush(); err != nil {
				return stats, err
			}
		}
		stats.Records++
		if rec.Cut {
			stats.Cut++
		}
		if d, id := p.imported(rec, owners, &stats); d != nil {
			batch[id] = append(batch[id], d)
			count++
			weight += d.size
		}
	}
	if stats.Records == 0 {
		return stats, fmt.Errorf("import %s: %w", name, ErrNoWARC)
	}
	stats.Done = true
	return stats, flush()
}

// opening reads the first bytes of a file, which tell it from another one of the same name, and its size if it has one.
func opening(r io.Reader) (whole io.Reader, head []byte, size int64, err error) {
	const enough = 4 << 10
	s, ok := r.(io.ReadSeeker)
	if !ok {
		b := bufio.NewReaderSize(r, enough)
		head, err = b.Peek(enough)
		if err == io.EOF || err == bufio.ErrBufferFull {
			err = nil
		}
		return b, slices.Clone(head), 0, err
	}
	head = make([]byte, enough)
	n, err := io.ReadFull(s, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, nil, 0, err
	}
	if size, err = s.Seek(0, io.SeekEnd); err == nil {
		_, err = s.Seek(0, io.SeekStart)
	}
	return s, head[:n], size, err
}

// imported makes a draft of one record, nil when it holds no article.
func (p *Poller) imported(rec warc.Record, owners map[string]string, stats *ImportStats) (d *draft, source string) {
	switch rec.Type() {
	case warc.TypeResponse:
	case warc.TypeRevisit:
		stats.Revisits++ // what it repeats stands elsewhere in full
		return nil, ""
	default:
		stats.Other++
		return nil, ""
	}
	defer func() {
		if r := recover(); r != nil {
			p.lg.Error("imported page panicked", "url", rec.Target(), "panic", fmt.Sprint(r))
			stats.NoText++
			d = nil
		}
	}()
	h, err := rec.HTTP()
	ct := strings.ToLower(h.Header.Get("Content-Type"))
	addr := rec.Target()
	if err != nil || h.Status != 200 || domain(addr) == "" || ct != "" && !strings.Contains(ct, "html") || ct == "" && !looksHTML(h.Body) {
		stats.NotHTML++
		return nil, ""
	}
	at := rec.Date()
	if at.IsZero() || at.After(p.now().Add(time.Hour)) {
		at = p.now()
	}
	id, ok := owners[domain(addr)]
	if !ok {
		id = schemas.Token(domain(addr))
	}
	src := p.listed(id, domain(addr))
	d = &draft{item: feed.Item{Link: addr}, k: &known{Link: canonical(addr), Seen: at, Listed: p.now()}}
	d.id = schemas.ArticleID(id, ref(d.item))
	d.deci = Decision{Robots: "not asked: imported", At: at}
	d.deci.header(h.Header, p.opt.Agent)
	pg, err := page.Extract(h.Body, p.reading(src, addr, h.Header, page.Hint{Lang: src.Lang}))
	if err != nil || pg.Title == "" || len(pg.Text) < 300 || front(addr) {
		stats.NoText++
		return nil, ""
	}
	p.meta(d, pg)
	d.item.Title = pg.Title
	d.recs = []warc.Record{warc.Response(addr, at, h.Status, h.Header, h.Body,
		warc.Field{Name: "Veille-Source", Value: id}, warc.Field{Name: "Veille-Article", Value: d.id})}
	d.size = len(h.Body)
	p.assemble(src, d, pg, addr)
	d.art.Fetched = at
	if d.art.PublishedFrom == "fetch" {
		d.art.Published = at
	}
	return d, id
}

// enterAll sends the drafts of one source on.
func (p *Poller) enterAll(ctx context.Context, id string, list []*draft, stats *ImportStats) error {
	lock := p.lock(id)
	lock.Lock()
	defer lock.Unlock()
	src := p.listed(id, list[0].art.Outlet)
	bk, err := p.book(ctx, id)
	if err != nil {
		return err
	}
	st, err := p.State(ctx, id)
	if err != nil {
		return err
	}
	var batch []*draft
	for _, d := range list {
		if k := bk.Items[d.id]; k != nil && k.Out == "pending" { // archived when the import was broken off
			d.k.Day, d.k.Out, d.k.Kept, d.was = k.Day, k.Out, k.Kept, k.Out
			d.k.Title, d.k.Sum = d.item.Title, sum(d.item)
			p.reuse(d)
			bk.Items[d.id] = d.k
			batch = append(batch, d)
			continue
		} else if k != nil && k.Seen.Equal(d.k.Seen) { // entered by this import before it was broken off
			stats.count(k.Out)
			continue
		} else if k != nil || p.isThere(d) {
			stats.Known++
			continue
		}
		d.k.Day = d.k.Seen.Format(time.DateOnly)
		d.k.Title = d.item.Title
		d.k.Sum = sum(d.item)
		if p.adopt(d.id, d.k) {
			bk.Items[d.id] = d.k
			tally(bk, d.k.Day, "", d.k.Out)
			stats.count(d.k.Out) // published when the import was broken off
			continue
		}
		p.reuse(d)
		d.k.Out = "pending"
		tally(bk, d.k.Day, "", d.k.Out)
		bk.Items[d.id] = d.k
		batch = append(batch, d)
	}
	if len(batch) > 0 {
		var res Result
		var doc *warc.Record
		if err := p.flush(ctx, src, &st, bk, batch, &doc, true, &res); err != nil {
			return err
		}
		stats.Articles += res.New
		stats.Duplicate += res.Duplicate
		stats.Refused += res.Refused
		stats.NoText += res.Failed
	}
	if err := p.saveBook(ctx, id, bk); err != nil {
		return err
	}
	return p.save(ctx, st)
}

func (s *ImportStats) count(outcome string) {
	switch kind, _, _ := strings.Cut(outcome, ":"); kind {
	case "indexed":
		s.Articles++
	case "duplicate":
		s.Duplicate++
	case "refused":
		s.Refused++
	default:
		s.NoText++
	}
}

// reuse points a draft to the copy that the archive has of it already.
func (p *Poller) reuse(d *draft) {
	o, ok := p.orphan(d.id, d.k)
	if !ok {
		return
	}
	d.old = true
	at := o.meta
	if len(o.pages) > 0 {
		at = o.pages[0]
	}
	d.art.Raw = &schemas.Raw{File: at.File, Offset: at.Offset, Digest: d.recs[0].Get("WARC-Payload-Digest")}
}

// isThere tells whether the page of a draft is that of an article of the same source
// already, under the id that its feed gave it.
func (p *Poller) isThere(d *draft) bool {
	if d.k.Key == 0 {
		return false
	}
	p.folds.mu.Lock()
	defer p.folds.mu.Unlock()
	id, ok := p.folds.keys[d.k.Key]
	if !ok || id == d.id {
		return false
	}
	l := p.folds.leafs[id]
	return l != nil && l.source == d.art.Source && l.version == d.art.Version
}
