package index

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"maps"
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

	sh, err := ix.enter(ctx)
	if err != nil {
		return res, err
	}
	defer ix.leave(sh)
	res.Generation = sh.gen.Load()
	snap, err := sh.snapshot()
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
	var weeks map[int32]int
	if req.Weeks {
		weeks = map[int32]int{}
	}
	page := newPage(req.Limit, after)
	err = snap.each(ctx, main, order.scored, func(seg, doc int, n uint64, score float64) {
		res.Total++
		if req.Limit > 0 {
			set := snap.sets[seg]
			page.offer(order.place(snap, set, seg, doc, score), n, score)
		}
		for _, f := range shared {
			f.add(seg, doc)
		}
		if weeks != nil {
			weeks[monday(snap.sets[seg].day[doc])]++
		}
	})
	if err != nil {
		return res, fmt.Errorf("search: %w", err)
	}
	for i, f := range facets[:len(req.Facets)] {
		rest, selected := without(req.Query, f.selects)
		if !selected {
			continue
		}
		q := compile(rest, false)
		if err := snap.each(ctx, q, false, func(seg, doc int, _ uint64, _ float64) { own[i].add(seg, doc) }); err != nil {
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
	for _, w := range slices.Sorted(maps.Keys(weeks)) {
		res.Weeks = append(res.Weeks, Bucket{dayName(w), weeks[w]})
	}
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
		return ctx.Err()
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

// each calls f for every document that q finds, in the order of their numbers.
func (s *snapshot) each(ctx context.Context, q bquery.Query, scored bool, f func(seg, doc int, n uint64, score float64)) (err error) {
	if set, ok := q.(*setQuery); ok {
		d, err := set.run(ctx)
		if err != nil {
			return err
		}
		seg := 0
		for n, ok := d.next(0); ok; n, ok = d.next(n + 1) {
			for n >= s.off[seg+1] {
				seg++
			}
			f(seg, int(n-s.off[seg]), n, 0)
		}
		return nil
	}
	opt := search.SearcherOptions{Score: "none"}
	if scored {
		opt.Score = ""
	}
	sctx := context.WithValue(ctx, search.GetScoringModelCallbackKey,
		search.GetScoringModelCallbackFn(func() string { return bindex.BM25Scoring }))
	sr, err := q.Searcher(sctx, s.r, s.m, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sr.Close()) }()
	sc := &search.SearchContext{DocumentMatchPool: search.NewDocumentMatchPool(sr.DocumentMatchPoolSize()+1, 0), IndexReader: s.r}
	seg := 0
	for i := 0; ; i++ {
		if i&0x3ff == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		m, err := sr.Next(sc)
		if err != nil || m == nil {
			return err
		}
		n := docNumber(m.IndexInternalID)
		for n >= s.off[seg+1] {
			seg++
		}
		f(seg, int(n-s.off[seg]), n, m.Score)
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

// place puts a document into the order.
func (o order) place(s *snapshot, set *columnSet, seg, doc int, score float64) place {
	p := place{date: set.date[doc], tie: set.tie[doc]}
	switch {
	case o.name == Oldest:
		p.key = uint64(math.MaxInt64 - p.date)
	case o.scored:
		p.key = math.Float64bits(max(score, 0))
	case o.num != "":
		// The columns were read by warm before; a failure leaves the key at zero.
		if col, err := s.num(seg, o.num); err == nil {
			best := math.Inf(-1)
			for _, v := range col.of(doc) {
				best = max(best, v)
			}
			if !math.IsInf(best, -1) {
				p.key = sortable(best)
			}
		}
	}
	return p
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

func (p *page) offer(at place, n uint64, score float64) {
	if p.after != nil && !p.after.before(at) {
		return
	}
	if len(p.heap) < p.limit {
		heap.Push(&p.heap, row{at, n, score})
		return
	}
	p.more = true
	if at.before(p.heap[0].place) {
		p.heap[0] = row{at, n, score}
		heap.Fix(&p.heap, 0)
	}
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
