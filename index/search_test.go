package index

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/google/go-cmp/cmp"

	"example.org/veille/query"
	"example.org/veille/schemas"
)

func fill(t testing.TB, ix *Index, w world, n int) {
	t.Helper()
	var xs []schemas.Extraction
	var ds []schemas.Deal
	for i := range n {
		xs = append(xs, w.extraction(i))
		ds = append(ds, w.deal(i))
		if len(xs) == 20 || i == n-1 {
			put(t, ix, xs...)
			putDeals(t, ix, ds...)
			xs, ds = nil, nil
		}
	}
}

// Buckets of the column store are those of bleve's own facets, after deletions,
// new segments and merges.
func TestFacetsEqualBleve(t *testing.T) {
	w := world{rand.New(rand.NewPCG(1, 2))}
	ix := open(t, t.TempDir())
	compared := 0
	check := func(when string) {
		for view, fields := range map[string][]string{
			Deals:    {"type", "status", "vendor", "distributor", "maker", "source", "lang", "territory", "pair", "is"},
			Articles: {"vendor", "source", "lang", "is", "has"},
			Prices:   {"vendor", "currency", "price_kind", "product", "source"},
		} {
			for _, q := range []string{"cloud", "lang:fr", "-editeur", "serveur OR cœur", ""} {
				res, err := ix.Search(t.Context(), Request{View: view, Query: parse(t, q), Facets: fields, Weeks: true, Limit: MaxLimit})
				if err != nil {
					t.Fatal(err)
				}
				kind, _ := kindOf(view)
				weeks := map[string]int{}
				// That these are the right documents, TestSearchEqualsMatch says.
				req := bleve.NewSearchRequestOptions(bleve.NewDocIDQuery(ids(res)), MaxLimit, 0, false)
				for _, f := range fields {
					fc, err := facetOf(f, kind)
					if err != nil {
						t.Fatal(err)
					}
					req.AddFacet(f, bleve.NewFacetRequest(fc.field, 10_000))
				}
				got, err := ix.cur.Load().bl.Search(req)
				if err != nil {
					t.Fatal(err)
				}
				if int(got.Total) != res.Total {
					t.Errorf("%s: %s %q: total %d, bleve %d", when, view, q, res.Total, got.Total)
				}
				for _, f := range fields {
					if q == "lang:fr" && f == "lang" {
						continue // does not count its own selection; tested below
					}
					want := map[string]int{}
					for _, term := range got.Facets[f].Terms.Terms() {
						want[term.Term] = term.Count
					}
					have := map[string]int{}
					for _, b := range res.Facets[f] {
						have[b.Value] = b.Count
						compared++
					}
					if d := cmp.Diff(want, have); d != "" {
						t.Errorf("%s: %s %q facet %s (-bleve +columns):\n%s", when, view, q, f, d)
					}
				}
				// Weeks, against the dates of the rows themselves.
				count := func(at time.Time) {
					at = at.In(ix.opt.Zone)
					weeks[at.AddDate(0, 0, -int(at.Weekday()+6)%7).Format(time.DateOnly)]++
				}
				for _, d := range res.Deals {
					count(d.First)
				}
				for _, a := range res.Articles {
					count(a.Article.Published)
				}
				for _, p := range res.Prices {
					count(p.Article.Published)
				}
				have := map[string]int{}
				for _, b := range res.Weeks {
					have[b.Value] = b.Count
				}
				if d := cmp.Diff(weeks, have); d != "" {
					t.Errorf("%s: %s %q weeks (-rows +columns):\n%s", when, view, q, d)
				}
			}
		}
	}
	fill(t, ix, w, 120)
	check("filled")
	fill(t, ix, w, 60) // replaces half, so the old segments have holes
	for n := range 20 {
		err := ix.PutDeals(t.Context(), []schemas.DealEvent{{Kind: "retracted", Deal: schemas.Deal{ID: fmt.Sprintf("d_%03d", n*3)}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	check("with holes")
	if err := ix.cur.Load().adv.(*scorch.Scorch).ForceMerge(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	check("merged")
	if compared < 1000 {
		t.Errorf("only %d buckets compared", compared)
	}
}

func TestFacetIgnoresItsOwnSelection(t *testing.T) {
	ix := open(t, t.TempDir())
	putDeals(t, ix,
		deal(1, "distribution", "announced", "nutanix", "arrow"),
		deal(2, "distribution", "in_effect", "dell", "arrow"),
		deal(3, "acquisition", "announced", "nutanix", "hpe"),
		deal(4, "acquisition", "background", "nutanix", "hpe"))
	for _, tt := range []struct {
		q            string
		total        int
		types, vends []Bucket
	}{
		{"", 3, []Bucket{{"distribution", 2}, {"acquisition", 1}}, []Bucket{{"arrow", 2}, {"nutanix", 2}, {"dell", 1}, {"hpe", 1}}},
		{"type:acquisition", 1, []Bucket{{"distribution", 2}, {"acquisition", 1}}, []Bucket{{"hpe", 1}, {"nutanix", 1}}},
		{"-type:acquisition", 2, []Bucket{{"distribution", 2}, {"acquisition", 1}}, []Bucket{{"arrow", 2}, {"dell", 1}, {"nutanix", 1}}},
		{"type:acquisition vendor:nutanix", 1, []Bucket{{"acquisition", 1}, {"distribution", 1}}, []Bucket{{"hpe", 1}, {"nutanix", 1}}},
		{"status:background", 1, []Bucket{{"acquisition", 1}}, []Bucket{{"hpe", 1}, {"nutanix", 1}}},
		{"vendor:dell OR type:acquisition", 2, []Bucket{{"acquisition", 1}, {"distribution", 1}}, []Bucket{{"arrow", 1}, {"dell", 1}, {"hpe", 1}, {"nutanix", 1}}},
	} {
		res, err := ix.Search(t.Context(), Request{Query: parse(t, tt.q), Facets: []string{"type", "vendor"}})
		if err != nil {
			t.Fatal(err)
		}
		if res.Total != tt.total || len(res.Deals) != 0 {
			t.Errorf("%q: total %d, %d rows; want %d, 0", tt.q, res.Total, len(res.Deals), tt.total)
		}
		if d := cmp.Diff(map[string][]Bucket{"type": tt.types, "vendor": tt.vends}, res.Facets); d != "" {
			t.Errorf("%q (-want +got):\n%s", tt.q, d)
		}
	}
	res, err := ix.Search(t.Context(), Request{Query: parse(t, "vendor:nutanix type:distribution group:distributor"), Limit: 5})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Bucket{{"arrow", 1}}, res.Groups); d != "" {
		t.Errorf("groups (-want +got):\n%s", d)
	}
}

// Pages walked while documents come in show every row that was there once, in
// order, and none twice.
func TestCursorWalk(t *testing.T) {
	w := world{rand.New(rand.NewPCG(3, 4))}
	for _, sort := range []string{Newest, Oldest, Sources, Value, Updated, Relevance} {
		t.Run(sort, func(t *testing.T) {
			ix := open(t, t.TempDir())
			var ds []schemas.Deal
			for n := range 120 {
				d := w.deal(n)
				d.Status = "announced"
				if n%3 > 0 { // many of one time
					d.First = day(5)
				}
				ds = append(ds, d)
			}
			putDeals(t, ix, ds...)
			q := "vendor:*"
			if sort == Relevance { // every score would move with what comes in
				q = `cloud OR serveur OR marché OR "cloud serveur" OR vendor:*`
			}
			seen := map[string]bool{}
			var last time.Time
			req := Request{Query: parse(t, q), Sort: sort, Limit: 11, Facets: []string{"type"}}
			for pages := 0; ; pages++ {
				res, err := ix.Search(t.Context(), req)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range res.Deals {
					if seen[d.ID] {
						t.Fatalf("%s twice", d.ID)
					}
					seen[d.ID] = true
					if sort == Newest && !last.IsZero() && d.First.Truncate(time.Second).After(last) {
						t.Errorf("%s of %v after %v", d.ID, d.First, last)
					}
					last = d.First
				}
				if req.Cursor = res.Next; res.Next == "" {
					break
				}
				if pages > 100 {
					t.Fatal("no end")
				}
				var more []schemas.Deal
				for n := range 10 {
					d := w.deal(1000 + pages*10 + n)
					d.Status = "announced"
					more = append(more, d)
				}
				putDeals(t, ix, more...)
			}
			for _, d := range ds {
				if !seen[d.ID] {
					t.Errorf("%s skipped", d.ID)
				}
			}
		})
	}
}

func TestForeignCursor(t *testing.T) {
	ix := open(t, t.TempDir())
	for n := range 5 {
		putDeals(t, ix, deal(n, "distribution", "announced", "nutanix", "arrow"))
	}
	req := Request{Query: parse(t, "vendor:nutanix"), Limit: 2}
	res, err := ix.Search(t.Context(), req)
	if err != nil || res.Next == "" {
		t.Fatalf("Next = %q, %v", res.Next, err)
	}
	for name, r := range map[string]Request{
		"query":   {Query: parse(t, "vendor:arrow"), Cursor: res.Next},
		"order":   {Query: req.Query, Sort: Oldest, Cursor: res.Next},
		"view":    {Query: req.Query, View: Articles, Cursor: res.Next},
		"garbage": {Query: req.Query, Cursor: "AAAA"},
		"forged":  {Query: req.Query, Cursor: res.Next[:20] + "A" + res.Next[21:49] + "A"},
		"long":    {Query: req.Query, Cursor: res.Next + "="},
	} {
		if _, err := ix.Search(t.Context(), r); !errors.Is(err, ErrCursor) {
			t.Errorf("%s: %v, want ErrCursor", name, err)
		}
	}
	for name, r := range map[string]Request{
		"view": {View: "things"}, "sort": {Sort: "colour"}, "negative": {Limit: -1}, "huge": {Limit: 1_000_000_000},
		"facet": {Facets: []string{"colour"}}, "text facet": {Facets: []string{"text"}}, "group": {Group: "price"},
	} {
		var bad *BadRequest
		if _, err := ix.Search(t.Context(), r); !errors.As(err, &bad) {
			t.Errorf("%s: %v, want a BadRequest", name, err)
		}
	}
}

func TestDeadline(t *testing.T) {
	ix := open(t, t.TempDir())
	fill(t, ix, world{rand.New(rand.NewPCG(5, 5))}, 20)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ix.Search(ctx, Request{Query: parse(t, "cloud")}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled search: %v", err)
	}
}

func TestBusy(t *testing.T) {
	ix, err := Open(nil, t.TempDir(), Options{Searches: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	ix.slot <- struct{}{} // a search that does not end
	ix.wait.Store(MaxWaiting)
	if _, err := ix.Search(t.Context(), Request{}); !errors.Is(err, ErrBusy) {
		t.Errorf("one more than may wait: %v, want ErrBusy", err)
	}
	ix.wait.Store(0)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := ix.Search(ctx, Request{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting past the deadline: %v", err)
	}
	<-ix.slot
	if _, err := ix.Search(t.Context(), Request{}); err != nil {
		t.Errorf("after the others: %v", err)
	}
}

// A document about an organisation comes before one that only has its name.
func TestNamesRankFirst(t *testing.T) {
	ix := open(t, t.TempDir())
	put(t, ix,
		extraction(1, "fr", "Orange choisit", "un prestataire", "orange"),
		extraction(2, "fr", "Orange amère", "Une orange, des oranges, encore une orange."),
		extraction(3, "en", "A deal", "Palo Alto is a place.", "palo-alto"),
		extraction(4, "en", "A city", "Palo alto, palo alto, alto."))
	for q, want := range map[string]string{"orange": "a_001", "palo alto": "a_003"} {
		if got := find(t, ix, Request{View: Articles, Sort: Relevance}, q); len(got) != 2 || got[0] != want {
			t.Errorf("%q finds %v, want %s first", q, got, want)
		}
	}
}

func TestHighlight(t *testing.T) {
	ix := open(t, t.TempDir())
	long := strings.Repeat("Rien à voir ici. ", 50)
	put(t, ix,
		extraction(1, "fr", "L’éditeur Nutanix", long+"Les éditeurs d’Orange <b>signent</b> l'accord. "+long),
		extraction(2, "en", "Arrow distributes", "Nothing else."))
	show := func(f Fragment) string {
		var b strings.Builder
		for _, p := range f.Parts {
			if p.Hit {
				b.WriteString("[" + p.Text + "]")
			} else {
				b.WriteString(p.Text)
			}
		}
		return b.String()
	}
	for _, tt := range []struct {
		q, title, text string // text is contained
	}{
		{"editeur", "L’[éditeur] Nutanix", "Les [éditeurs] d’Orange <b>signent</b> l'accord."},
		{"orange accord", "", "d’[Orange] <b>signent</b> l'[accord]."},
		{`"éditeurs d'Orange"`, "", "Les [éditeurs d’Orange] <b>"},
		{"sign* -microsoft", "", "<b>[signent]</b>"},
		{"distribute", "Arrow [distributes]", ""},
		{"nutanx~", "L’éditeur [Nutanix]", ""},
		{"errow~ OR distribute", "Arrow [distributes]", ""}, // a typo leaves the first two letters alone
		{"lang:fr", "", ""},
	} {
		res, err := ix.Search(t.Context(), Request{View: Articles, Query: parse(t, tt.q), Limit: 1, Highlight: true})
		if err != nil || len(res.Articles) != 1 {
			t.Fatalf("%q: %d rows, %v", tt.q, len(res.Articles), err)
		}
		var title, text string
		for _, f := range res.Fragments[res.Articles[0].Article.ID] {
			if f.In == "title" {
				title = show(f)
			} else {
				text = show(f)
				if n := len([]rune(text)); n > maxQuoted {
					t.Errorf("%q: %d characters quoted", tt.q, n)
				}
			}
		}
		if title != tt.title || (tt.text == "") != (text == "") || !strings.Contains(text, tt.text) {
			t.Errorf("%q: title %q text %q; want %q, %q", tt.q, title, text, tt.title, tt.text)
		}
	}
}

func TestQueriesOfDeath(t *testing.T) {
	ix := open(t, t.TempDir())
	fill(t, ix, world{rand.New(rand.NewPCG(5, 6))}, 200)
	var long []string
	for i := range 400 {
		long = append(long, worldWords[i%len(worldWords)])
	}
	for _, q := range []string{"*", "text:*", "a*", "cou*", `"` + strings.Join(long, " ") + `"`, strings.Join(long[:40], " OR "),
		strings.Repeat("é", 900), "since:9999-01-01", "date:2026-02-01..2026-01-01", "price:1e300..1", "((((cloud))))", "\x00", "vendor:" + strings.Repeat("x", 1900)} {
		p, err := query.Parse(q, query.Options{Now: day(60)})
		if err != nil {
			continue // refused before it gets here
		}
		for _, view := range []string{Deals, Articles, Prices} {
			for _, sort := range []string{Newest, Relevance} {
				res, err := ix.Search(t.Context(), Request{View: view, Query: p, Sort: sort, Limit: 10, Facets: []string{"vendor", "source"}, Highlight: true})
				var bad *BadRequest
				if err != nil && !errors.As(err, &bad) {
					t.Errorf("%s %.40q: %v", view, q, err)
				}
				if res.Took > 5*time.Second {
					t.Errorf("%s %.40q took %v", view, q, res.Took)
				}
			}
		}
	}
}

// Searches that are given up after a millisecond, hundreds of times, leave nothing
// behind: no turn taken, no snapshot held.
func TestGivenUp(t *testing.T) {
	ix := open(t, t.TempDir())
	fill(t, ix, world{rand.New(rand.NewPCG(5, 7))}, 300)
	q := parse(t, "cou* OR clo* OR ser* OR mar*")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				_, err := ix.Search(ctx, Request{View: Articles, Query: q, Sort: Relevance, Limit: 100, Highlight: true, Facets: []string{"vendor"}})
				cancel()
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(ix.slot); n != 0 {
		t.Errorf("%d turns are still taken", n)
	}
	sh := ix.cur.Load()
	sh.background.Wait()
	if n := sh.users.Load(); n != 1 {
		t.Errorf("the index has %d users", n)
	}
	if n := sh.view.users.Load(); n != 1 {
		t.Errorf("the snapshot has %d users", n)
	}
}

// A thousand people who press the same link get an answer or are told to come back.
func TestStampede(t *testing.T) {
	ix := open(t, t.TempDir())
	fill(t, ix, world{rand.New(rand.NewPCG(5, 8))}, 100)
	q := parse(t, "cloud OR serveur")
	want, err := ix.Search(t.Context(), Request{View: Articles, Query: q, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var answered, busy atomic.Int64
	for range 1000 {
		wg.Go(func() {
			res, err := ix.Search(t.Context(), Request{View: Articles, Query: q, Limit: 10})
			switch {
			case errors.Is(err, ErrBusy):
				busy.Add(1)
			case err != nil:
				t.Error(err)
			case res.Total != want.Total || !slices.Equal(ids(res), ids(want)):
				t.Error("another answer")
			default:
				answered.Add(1)
			}
		})
	}
	wg.Wait()
	if answered.Load() == 0 || answered.Load()+busy.Load() != 1000 {
		t.Errorf("%d answered, %d busy", answered.Load(), busy.Load())
	}
}

// Highlights of the longest text there may be, and of the longest page, cost no more
// than what is shown of them.
func TestHighlightBounded(t *testing.T) {
	ix := open(t, t.TempDir())
	long := extraction(1, "fr", "Cloud", strings.Repeat("cloud serveur cloud. ", schemas.MaxText/21))
	put(t, ix, long)
	var xs []schemas.Extraction
	for n := range 1200 {
		xs = append(xs, extraction(n+2, "fr", "Cloud", strings.Repeat("cloud serveur. ", 20)))
	}
	put(t, ix, xs...)
	for _, limit := range []int{1, MaxLimit} {
		res, err := ix.Search(t.Context(), Request{View: Articles, Query: parse(t, "cloud serveur"), Limit: limit, Highlight: true, Sort: Oldest})
		if err != nil {
			t.Fatal(err)
		}
		shown := 0
		for _, fs := range res.Fragments {
			for _, f := range fs {
				for _, p := range f.Parts {
					shown += len(p.Text)
				}
			}
		}
		if n := len(res.Articles); len(res.Fragments) != n || shown > n*1000 {
			t.Errorf("%d rows with %d bytes of fragments", n, shown)
		}
		if res.Took > 10*time.Second {
			t.Errorf("%d rows took %v", limit, res.Took)
		}
	}
}

func FuzzCursor(f *testing.F) {
	belongs := belongsTo("d", Newest, "vendor:hpe")
	f.Add(encodeCursor(place{1, 2, 3}, belongs, nil))
	f.Add(encodeCursor(place{1, 2, 3}, belongs, &census{total: 300, with: map[uint32]uint64{7: 300, 1 << 31: 0}}))
	f.Add("")
	f.Add(strings.Repeat("A", 50))
	f.Fuzz(func(t *testing.T, s string) {
		p, c, err := decodeCursor(s, belongs)
		if err == nil && encodeCursor(p, belongs, c) != s {
			t.Errorf("%q and %q are one cursor", s, encodeCursor(p, belongs, c))
		}
	})
}

func TestSetMatchesSortedNumbers(t *testing.T) {
	vals := []float64{-1e300, -2.5, -1, 0, 1e-9, 0.5, 1, 99.5, 1e12, 1e300}
	var terms []string
	for _, v := range vals {
		if got := decodeNumber(encodeNumber(v)); got != v {
			t.Errorf("%g came back as %g", v, got)
		}
		terms = append(terms, encodeNumber(v))
	}
	if !slices.IsSorted(terms) {
		t.Errorf("terms do not sort as their numbers: %v", terms)
	}
	d := docSet(make([]uint64, 3))
	want := map[uint64]bool{0: true, 63: true, 64: true, 130: true}
	for n := range want {
		d.add(n)
	}
	got := map[uint64]bool{}
	for n, ok := d.next(0); ok; n, ok = d.next(n + 1) {
		got[n] = true
	}
	if !maps.Equal(got, want) || d.count() != 4 {
		t.Errorf("set holds %v (%d), want %v", got, d.count(), want)
	}
}

// Searches while documents come in and are replaced see whole states: the buckets of
// a field that every deal has once add up to the total, and so do the weeks.
func TestSearchWhileWriting(t *testing.T) {
	ix := open(t, t.TempDir())
	w := world{rand.New(rand.NewPCG(11, 11))}
	fill(t, ix, w, 30)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				res, err := ix.Search(t.Context(), Request{Query: query.Query{}, Facets: []string{"type"}, Weeks: true, Limit: 5})
				if err != nil {
					t.Error(err)
					return
				}
				types, weeks := 0, 0
				for _, b := range res.Facets["type"] {
					types += b.Count
				}
				for _, b := range res.Weeks {
					weeks += b.Count
				}
				if types != res.Total || weeks != res.Total {
					t.Errorf("total %d, types %d, weeks %d", res.Total, types, weeks)
					return
				}
			}
		})
	}
	for range 10 {
		fill(t, ix, w, 30)
	}
	close(done)
	wg.Wait()
}
