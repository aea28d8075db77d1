package index

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	bquery "github.com/blevesearch/bleve/v2/search/query"

	"github.com/blevesearch/bleve/v2/search"
	bindex "github.com/blevesearch/bleve_index_api"

	"example.org/veille/query"
	"example.org/veille/schemas"
)

// Views are what a search may show.
const (
	Deals    = "deals"
	Articles = "articles"
	Prices   = "prices"
)

// kindOf maps a view to the first letter of its documents' fields.
func kindOf(view string) (string, bool) {
	switch view {
	case Deals:
		return "d", true
	case Articles:
		return "a", true
	case Prices:
		return "p", true
	}
	return "", false
}

// Orders of a result. A query's own sort: wins over none, and is overruled by
// [Request].Sort.
const (
	Newest    = "newest"    // first published, newest first; the default
	Oldest    = "oldest"    // the same, reversed
	Relevance = "relevance" // best match first
	Sources   = "sources"   // most outlets first
	Value     = "value"     // highest amount first
	Updated   = "updated"   // latest change of status first
)

// MaxLimit is how many rows one page may have.
const MaxLimit = 10_000

// maxBuckets is how many values of one facet are returned.
const maxBuckets = 100

// Request is one search.
type Request struct {
	View   string // Deals if empty
	Query  query.Query
	Sort   string // "" takes the query's own, else Newest
	Cursor string // Result.Next of the page before
	Limit  int    // rows of the page; 0 counts only

	// Facets are fields to count: a facet or role of package query such as "type",
	// "vendor", "distributor", "source". A facet does not count its own selection:
	// with type:acquisition in the query, the facet type still counts all types.
	Facets []string
	Weeks  bool   // fill Result.Weeks
	Group  string // a field; "" takes the query's own; fills Result.Groups
	// OfDeals makes the views Articles and Prices show the articles that tell of the
	// deals the query finds, and their prices. The query then speaks of deals: of
	// types, roles and statuses, which are no properties of an article.
	OfDeals bool
	// Highlight fills the fragments of the rows shown.
	Highlight bool
	// Text fills the bodies of articles, which take longer to read than all the
	// rest. Without it, and without Highlight, they are cut after 320 characters.
	Text bool
}

// Bucket is one value of a facet.
type Bucket struct {
	Value string // a value of the field; for weeks the Monday, 2026-03-09
	Count int
}

// Result is one page.
type Result struct {
	Total    int // documents that match, over all pages
	Deals    []schemas.Deal
	Articles []ArticleHit
	Prices   []PriceHit
	Next     string // cursor of the next page, "" on the last
	Facets   map[string][]Bucket
	Groups   []Bucket // of Request.Group, most first
	Weeks    []Bucket // weeks that have a hit, oldest first
	// Fragments are the places where the words of the query stand, by the id of the
	// row; only with Request.Highlight.
	Fragments map[string][]Fragment
	// Generation of the index that answered.
	Generation uint64
	Took       time.Duration
}

// ArticleHit is a row of the view Articles: the article and all that was found in it.
type ArticleHit struct {
	schemas.Extraction
}

// PriceHit is a row of the view Prices, with the article it was read from, without
// its text.
type PriceHit struct {
	schemas.Price
	Article schemas.Article `json:"article"`
}

// BadRequest tells what is wrong with a [Request].
type BadRequest struct{ What string }

func (e *BadRequest) Error() string { return e.What }

func badRequest(format string, args ...any) error {
	return &BadRequest{fmt.Sprintf(format, args...)}
}

// Search answers a request from one consistent state of the index. It stops with
// the context's error when its deadline passes.
func (ix *Index) Search(ctx context.Context, req Request) (res Result, err error) {
	began := time.Now()
	kind, ok := kindOf(first(req.View, Deals))
	if !ok {
		return res, badRequest("view %q: want deals, articles or prices", req.View)
	}
	if req.Limit < 0 || req.Limit > MaxLimit {
		return res, badRequest("limit %d: want 0 to %d", req.Limit, MaxLimit)
	}
	order, err := orderOf(first(req.Sort, req.Query.Sort, Newest), kind)
	if err != nil {
		return res, err
	}
	group := req.Group
	if group == "" && len(req.Query.Group) > 0 {
		group = req.Query.Group[0]
	}
	belongs := belongsTo(kind, order.name, req.Query.String(), strconv.FormatBool(req.OfDeals))
	var after *place
	counted := newCensus()
	if req.Cursor != "" {
		p, was, err := decodeCursor(req.Cursor, belongs)
		if err != nil {
			return res, err
		}
		after = &p
		if was != nil {
			counted = was
		}
	}
	facets := make([]facet, 0, len(req.Facets)+1)
	for _, name := range append(slices.Clone(req.Facets), groupNames(group)...) {
		f, err := facetOf(name, kind)
		if err != nil {
			return res, err
		}
		facets = append(facets, f)
	}

	ctx, turn, err := ix.enter(ctx)
	if err != nil {
		return res, err
	}
	defer turn.leave()
	res.Generation = turn.sh.gen.Load()
	snap, err := turn.sh.snapshot()
	if err != nil {
		return res, fmt.Errorf("search: %w", err)
	}
	defer func() { err = errors.Join(err, snap.close()) }()

	c := compiler{snap: snap, kind: kind, now: ix.opt.Now(), census: counted}
	compile := c.compile
	if req.OfDeals && kind != "d" {
		compile = func(q query.Query, _ bool) bquery.Query { return c.ofDeals(q) }
	}
	main := compile(req.Query, order.scored)
	var failed error
	// One pass serves the page, the weeks and every facet without a selection.
	own := make([]*counter, len(facets))
	var shared []*counter
	for i, f := range facets {
		n, err := snap.counter(f)
		if err != nil {
			return res, fmt.Errorf("search: %w", err)
		}
		own[i] = n
		isGroup := i >= len(req.Facets)
		if _, selected := without(req.Query, f.selects); !selected || isGroup {
			shared = append(shared, n)
		}
	}
	var weeks weekCounter
	page := newPage(req.Limit, after)
	err = snap.each(ctx, main, order.scored, func(b block) {
		res.Total += len(b.docs)
		if req.Limit > 0 {
			if err := page.offer(snap, order, b); err != nil {
				failed = err
			}
		}
		for _, f := range shared {
			f.add(b)
		}
		if req.Weeks {
			weeks.add(snap.sets[b.seg].day, b.docs)
		}
	})
	if err = errors.Join(err, failed); err != nil {
		return res, fmt.Errorf("search: %w", err)
	}
	for i, f := range facets[:len(req.Facets)] {
		rest, selected := without(req.Query, f.selects)
		if !selected {
			continue
		}
		q := compile(rest, false)
		if err := snap.each(ctx, q, false, own[i].add); err != nil {
			return res, fmt.Errorf("search: %w", err)
		}
	}
	if len(req.Facets) > 0 {
		res.Facets = map[string][]Bucket{}
		for i, name := range req.Facets {
			res.Facets[name] = own[i].buckets(maxBuckets)
		}
	}
	if len(facets) > len(req.Facets) {
		res.Groups = own[len(facets)-1].buckets(MaxLimit)
	}
	res.Weeks = weeks.buckets()
	rows, more := page.rows()
	if more {
		res.Next = encodeCursor(rows[len(rows)-1].place, belongs, counted)
	}
	if err := snap.load(ctx, &res, kind, rows, req.Text || req.Highlight); err != nil {
		return res, fmt.Errorf("search: %w", err)
	}
	if req.Highlight {
		if err := res.mark(ctx, newMarker(req.Query)); err != nil {
			return res, fmt.Errorf("search: %w", err)
		}
	}
	res.Took = time.Since(began)
	return res, nil
}

// mark fills the fragments of the rows.
func (r *Result) mark(ctx context.Context, m *marker) error {
	if m.empty() {
		return nil
	}
	r.Fragments = map[string][]Fragment{}
	keep := func(id string, fs []Fragment) error {
		if fs != nil {
			r.Fragments[id] = fs
		}
		return pause(ctx)
	}
	for _, d := range r.Deals {
		if err := keep(d.ID, m.deal(d)); err != nil {
			return err
		}
	}
	for _, a := range r.Articles {
		if err := keep(a.Article.ID, m.article(a.Extraction)); err != nil {
			return err
		}
	}
	for _, p := range r.Prices {
		if err := keep(p.ID, m.price(p.Price, p.Article)); err != nil {
			return err
		}
	}
	return nil
}

func first(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}

func groupNames(g string) []string {
	if g == "" {
		return nil
	}
	return []string{g}
}

// block is some documents of one segment that a query finds, in the order of their
// numbers. Its slices are lent for the time of the call.
type block struct {
	seg    int
	docs   []uint32  // numbers within the segment
	scores []float64 // of the same documents; nil when nothing is ranked
}

// blockLength is how many documents a block has at most: few enough to stay in the
// processor's own memory while each counter goes through them.
const blockLength = 1024

// each calls f for the documents that q finds, in the order of their numbers.
func (s *snapshot) each(ctx context.Context, q bquery.Query, scored bool, f func(block)) (err error) {
	b := block{docs: make([]uint32, 0, blockLength)}
	if set, ok := q.(*setQuery); ok {
		d, err := set.run(ctx)
		if err != nil {
			return err
		}
		for b.seg = range s.sets {
			for n, end := s.off[b.seg], s.off[b.seg+1]; ; n++ {
				var ok bool
				if n, ok = d.next(n); !ok || n >= end {
					break
				}
				if b.docs = append(b.docs, uint32(n-s.off[b.seg])); len(b.docs) == blockLength {
					f(b)
					b.docs = b.docs[:0]
					if err := pause(ctx); err != nil {
						return err
					}
				}
			}
			if len(b.docs) > 0 {
				f(b)
				b.docs = b.docs[:0]
			}
		}
		return nil
	}
	opt := search.SearcherOptions{Score: "none"}
	if scored {
		opt.Score = ""
		b.scores = make([]float64, 0, blockLength)
	}
	sctx := context.WithValue(ctx, search.GetScoringModelCallbackKey,
		search.GetScoringModelCallbackFn(func() string { return bindex.BM25Scoring }))
	sr, err := q.Searcher(sctx, s.r, s.m, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sr.Close()) }()
	sc := &search.SearchContext{DocumentMatchPool: search.NewDocumentMatchPool(sr.DocumentMatchPoolSize()+1, 0), IndexReader: s.r}
	flush := func() error {
		if len(b.docs) > 0 {
			f(b)
			b.docs, b.scores = b.docs[:0], b.scores[:0]
		}
		return pause(ctx)
	}
	for {
		m, err := sr.Next(sc)
		if err != nil {
			return err
		}
		if m == nil {
			return flush()
		}
		n := docNumber(m.IndexInternalID)
		if n >= s.off[b.seg+1] || len(b.docs) == blockLength {
			if err := flush(); err != nil {
				return err
			}
			for n >= s.off[b.seg+1] {
				b.seg++
			}
		}
		b.docs = append(b.docs, uint32(n-s.off[b.seg]))
		if scored {
			b.scores = append(b.scores, m.Score)
		}
		sc.DocumentMatchPool.Put(m)
	}
}

// order is one way to sort.
type order struct {
	name   string
	scored bool
	num    string // number column that leads
	desc   bool
}

func orderOf(name, kind string) (order, error) {
	switch name {
	case Newest, Oldest:
		return order{name: name}, nil
	case Relevance:
		return order{name: name, scored: true}, nil
	case Sources:
		return order{name: name, num: "sources"}, nil
	case Updated:
		return order{name: name, num: "updated"}, nil
	case Value:
		if kind == "p" {
			return order{name: name, num: "price"}, nil
		}
		return order{name: name, num: "value"}, nil
	}
	return order{}, badRequest("sort %q: want newest, oldest, relevance, sources, value or updated", name)
}

// key is the first thing an order looks at, of one document. leads is the column it
// goes by, if it goes by one.
func (o order) key(leads *numColumn, doc int, date int64, score float64) uint64 {
	switch {
	case o.name == Oldest:
		return uint64(math.MaxInt64 - date)
	case o.scored:
		return math.Float64bits(max(score, 0))
	case leads != nil:
		best := math.Inf(-1)
		for _, v := range leads.of(doc) {
			best = max(best, v)
		}
		if !math.IsInf(best, -1) {
			return sortable(best)
		}
	}
	return 0
}

func sortable(f float64) uint64 {
	u := math.Float64bits(f)
	if u>>63 == 1 {
		return ^u
	}
	return u | 1<<63
}

// row is a hit that may be shown.
type row struct {
	place
	n     uint64
	score float64
}

// page keeps the best rows after a place.
type page struct {
	limit int
	after *place
	heap  rowHeap // worst on top
	more  bool
}

func newPage(limit int, after *place) *page { return &page{limit: limit, after: after} }

// offer puts the documents of a block where they belong.
func (p *page) offer(s *snapshot, o order, b block) error {
	set := s.sets[b.seg]
	var leads *numColumn
	if o.num != "" {
		var err error
		if leads, err = s.num(b.seg, o.num); err != nil {
			return err
		}
	}
	// From the end: news comes in by its date, so the first offered are the newest and
	// most of the others are turned away at once.
	for i := len(b.docs) - 1; i >= 0; i-- {
		d, score := b.docs[i], 0.0
		if b.scores != nil {
			score = b.scores[i]
		}
		at := place{date: set.date[d]}
		at.key = o.key(leads, int(d), at.date, score)
		if len(p.heap) == p.limit {
			if worst := &p.heap[0].place; at.key < worst.key || at.key == worst.key && at.date < worst.date {
				p.more = true
				continue
			}
		}
		at.tie = set.tie[d]
		if p.after != nil && !p.after.before(at) {
			continue
		}
		r := row{at, s.off[b.seg] + uint64(d), score}
		if len(p.heap) < p.limit {
			heap.Push(&p.heap, r)
			continue
		}
		p.more = true
		if at.before(p.heap[0].place) {
			p.heap[0] = r
			heap.Fix(&p.heap, 0)
		}
	}
	return nil
}

func (p *page) rows() ([]row, bool) {
	rows := slices.Clone([]row(p.heap))
	slices.SortFunc(rows, func(a, b row) int {
		if a.before(b.place) {
			return -1
		}
		return 1
	})
	return rows, p.more && len(rows) > 0
}

type rowHeap []row

func (h rowHeap) Len() int           { return len(h) }
func (h rowHeap) Less(i, j int) bool { return h[j].before(h[i].place) }
func (h rowHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *rowHeap) Push(x any)        { *h = append(*h, x.(row)) }
func (h *rowHeap) Pop() any {
	r := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return r
}

// monday is the first day of a day's ISO week. 1970-01-01 was a Thursday.
func monday(day int32) int32 { return day - ((day+3)%7+7)%7 }

func dayName(day int32) string {
	return time.Unix(int64(day)*86400, 0).UTC().Format(time.DateOnly)
}

// without is the query less what it selects in a field, and whether it did.
func without(q query.Query, fields []string) (query.Query, bool) {
	is := func(e query.Expr) bool {
		if n, ok := e.(query.Not); ok {
			e = n.X
		}
		c, ok := e.(query.Clause)
		return ok && slices.Contains(fields, c.Field)
	}
	switch x := q.Expr.(type) {
	case query.And:
		var rest query.And
		for _, e := range x {
			if !is(e) {
				rest = append(rest, e)
			}
		}
		if len(rest) == len(x) {
			return q, false
		}
		switch len(rest) {
		case 0:
			q.Expr = nil
		case 1:
			q.Expr = rest[0]
		default:
			q.Expr = rest
		}
		return q, true
	case nil:
		return q, false
	}
	if is(q.Expr) {
		q.Expr = nil
		return q, true
	}
	return q, false
}
