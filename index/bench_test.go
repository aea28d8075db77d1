//go:build linux

package index

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/en" // the analysers of the bare index
	_ "github.com/blevesearch/bleve/v2/analysis/lang/fr"
	bquery "github.com/blevesearch/bleve/v2/search/query"
	"golang.org/x/sys/unix"

	"example.org/veille/internal/corpusgen"
	"example.org/veille/schemas"
)

// The benchmarks run on a made corpus of VEILLE_BENCH_DOCS articles (5,000 unless
// set; the figures that are promised are for 100,000). Beside the time they print
// the processor time, which a loaded machine distorts less.

func benchDocs() int {
	if n, err := strconv.Atoi(os.Getenv("VEILLE_BENCH_DOCS")); err == nil && n > 0 {
		return n
	}
	return 5000
}

func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ownTime is the processor time of this thread alone: of a search that is locked to
// it, what it would take on a machine that does nothing else.
func ownTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// metered runs one search per iteration and reports processor time and the slow end,
// on the clock and of the search's own processor time.
func metered(b *testing.B, run func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	run() // columns are read, pages are in memory
	var took, own []time.Duration
	cpu := cpuTime()
	for b.Loop() {
		at, mine := time.Now(), ownTime()
		run()
		took, own = append(took, time.Since(at)), append(own, ownTime()-mine)
	}
	slices.Sort(own)
	record(b, float64(own[len(own)/2].Microseconds()), "own-p50-µs")
	record(b, float64(own[len(own)*99/100].Microseconds()), "own-p99-µs")
	record(b, float64((cpuTime()-cpu).Microseconds())/float64(len(took)), "cpu-µs/op")
	slices.Sort(took)
	record(b, float64(took[len(took)/2].Microseconds()), "p50-µs")
	record(b, float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// figures are what the benchmarks of this run reported, for the bars at its end.
var figures = map[string]float64{}

func record(b *testing.B, v float64, unit string) {
	b.ReportMetric(v, unit)
	figures[strings.TrimPrefix(b.Name(), "Benchmark")+" "+unit] = v
}

// TestMain prints, after the benchmarks, what was promised beside what was measured.
func TestMain(m *testing.M) {
	code := m.Run()
	printBars(os.Stdout)
	os.Exit(code)
}

// bar is a promise: a figure, or the ratio of two, against a limit.
type bar struct {
	name     string
	over     string // a figure
	by       string // and what it is divided by; "" for the figure itself
	at       float64
	least    bool // at least the limit, instead of at most
	thousand bool // in milliseconds
}

func bars() []bar {
	var out []bar
	for _, of := range []string{"veille-backfill", "veille"} {
		out = append(out,
			bar{name: of + ": CPU of indexing, of static bleve's", over: "Build/" + of + " cpu-µs/doc", by: "Build/bleve-static cpu-µs/doc", at: 0.75},
			bar{name: of + ": CPU of indexing, of dynamic bleve's", over: "Build/" + of + " cpu-µs/doc", by: "Build/bleve-dynamic cpu-µs/doc", at: 0.40},
			bar{name: of + ": disk, of dynamic bleve's", over: "Build/" + of + " disk-B/doc", by: "Build/bleve-dynamic disk-B/doc", at: 0.40})
	}
	for _, w := range []string{"mid", "common"} {
		out = append(out,
			bar{name: "dashboard-" + w + ": CPU of bleve's facets, of ours", over: "BesideBleve/dashboard-" + w + "/bleve cpu-µs/op", by: "BesideBleve/dashboard-" + w + "/veille cpu-µs/op", at: 15, least: true})
	}
	out = append(out, bar{name: "newest-mid: CPU of bleve's sort by date, of ours", over: "BesideBleve/newest-mid/bleve cpu-µs/op", by: "BesideBleve/newest-mid/veille cpu-µs/op", at: 5, least: true})
	for _, q := range []struct {
		name string
		at   float64
	}{{"match-mid", 25}, {"match-common", 25}, {"dashboard-mid", 10}, {"dashboard-common", 10}, {"phrase-mid", 80}, {"phrase-common", 80}} {
		out = append(out, bar{name: q.name + ": p99 in ms, alone", over: "Search/" + q.name + " p99-µs", at: q.at, thousand: true},
			bar{name: q.name + ": p99 in ms of its own processor time, alone", over: "Search/" + q.name + " own-p99-µs", at: q.at, thousand: true})
	}
	for _, q := range []string{"match-mid", "match-common", "dashboard-mid", "dashboard-common"} {
		out = append(out, bar{name: q + ": p50 while writing, of that alone", over: "SearchWhileWriting/" + q + " p50-µs", by: "Search/" + q + " p50-µs", at: 2},
			bar{name: q + ": p50 of its own processor time while writing, of that alone", over: "SearchWhileWriting/" + q + " own-p50-µs", by: "Search/" + q + " own-p50-µs", at: 2})
	}
	return append(out, bar{name: "dashboard beside four attackers: p95 in ms", over: "BesideAttackers/dashboard-mid p95-µs", at: 300, thousand: true})
}

// printBars says nothing where nothing was measured.
func printBars(w io.Writer) {
	head := false
	for _, x := range bars() {
		v, ok := figures[x.over]
		by, both := 1.0, true
		if x.by != "" {
			by, both = figures[x.by]
		}
		if !ok || !both {
			continue
		}
		if v /= by; x.thousand {
			v /= 1000
		}
		if !head {
			head = true
			fmt.Fprintf(w, "\n%-70s %9s  %9s\n", "bar", "limit", "measured")
		}
		sign, met := "≤", "met"
		if x.least {
			sign = "≥"
		}
		if v > x.at && !x.least || v < x.at && x.least {
			met = "MISSED"
		}
		fmt.Fprintf(w, "%-70s %7s %g  %9.2f  %s\n", x.name, sign, x.at, v, met)
	}
}

// indexSize is the size of the files in use, once the index is closed; those that
// merges have replaced go sooner or later.
func indexSize(b *testing.B, folder string) (n int64) {
	names, err := segmentsOf(filepath.Join(folder, "store", "root.bolt"))
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range append(names, "root.bolt") {
		st, err := os.Stat(filepath.Join(folder, "store", name))
		if err != nil {
			b.Fatal(err)
		}
		n += st.Size()
	}
	return n
}

func fillCorpus(b *testing.B, ix *Index, c *corpusgen.Corpus, from, to int) {
	for i := from; i < to; i += 1000 {
		var xs []schemas.Extraction
		for n := i; n < min(i+1000, to); n++ {
			xs = append(xs, c.Extraction(n))
		}
		if err := ix.PutExtractions(b.Context(), xs); err != nil {
			b.Fatal(err)
		}
	}
}

// buildDocs is how many articles the builds that are compared write: fewer than the
// searches have, for the dynamic one takes four times as long.
const buildDocs = 10_000

// BenchmarkBuild writes articles only, ours and twice bare bleve: the same fields
// under bleve's own analysers, and everything mapped dynamically.
func BenchmarkBuild(b *testing.B) {
	xs := buildCorpus()
	n := len(xs)
	// In turn and several times over, for the machine is not the same from one minute to
	// the next; the medians count.
	type built struct{ cpu, disk, compact []float64 }
	got := map[string]*built{}
	note := func(name string, cpu time.Duration, folder string) {
		if got[name] == nil {
			got[name] = &built{}
		}
		got[name].cpu = append(got[name].cpu, float64(cpu.Microseconds())/float64(n))
		got[name].disk = append(got[name].disk, float64(indexSize(b, folder))/float64(n))
	}
	ours := func(name string, size int) {
		ix, err := Open(nil, b.TempDir(), Options{BatchSize: size})
		if err != nil {
			b.Fatal(err)
		}
		cpu := cpuTime()
		for chunk := range slices.Chunk(xs, size) {
			if err := ix.PutExtractions(b.Context(), chunk); err != nil {
				b.Fatal(err)
			}
		}
		cpu = cpuTime() - cpu
		compact := time.Duration(-1)
		if size > 1000 {
			compact = cpuTime()
			if err := ix.Compact(b.Context()); err != nil {
				b.Fatal(err)
			}
			compact = cpuTime() - compact
		}
		folder := ix.cur.Load().folder
		if err := ix.Close(); err != nil {
			b.Fatal(err)
		}
		note(name, cpu, folder)
		if compact >= 0 {
			got[name].compact = append(got[name].compact, float64(compact.Microseconds())/float64(n))
		}
	}
	theirs := func(name string, dynamic bool) {
		dir := filepath.Join(b.TempDir(), "bleve")
		ix, cpu := buildBleve(b, dir, dynamic, slices.Chunk(xs, 1000))
		if err := ix.Close(); err != nil {
			b.Fatal(err)
		}
		note(name, cpu, dir)
	}
	rounds := 3
	if n < buildDocs {
		rounds = 1
	}
	for i := range rounds {
		ours("veille", 1000)
		theirs("bleve-static", false)
		func() { // as a rebuild runs
			defer debug.SetGCPercent(debug.SetGCPercent(400))
			ours("veille-backfill", 2500)
		}()
		if i == 0 {
			theirs("bleve-dynamic", true) // takes twice as long as any other
		}
	}
	median := func(xs []float64) float64 {
		slices.Sort(xs)
		return xs[len(xs)/2]
	}
	for _, name := range []string{"veille", "veille-backfill", "bleve-static", "bleve-dynamic"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
			}
			b.ReportMetric(0, "ns/op") // it was done above
			record(b, median(got[name].cpu), "cpu-µs/doc")
			record(b, median(got[name].disk), "disk-B/doc")
			if c := got[name].compact; c != nil {
				record(b, median(c), "compact-cpu-µs/doc")
			}
		})
	}
}

func buildCorpus() []schemas.Extraction {
	c := corpusgen.New(1)
	xs := make([]schemas.Extraction, min(benchDocs(), buildDocs))
	for i := range xs {
		xs[i] = c.Extraction(i)
		xs[i].Prices = nil
	}
	return xs
}

// buildBleve writes articles to a bare bleve index and tells the processor time.
func buildBleve(b *testing.B, dir string, dynamic bool, chunks iter.Seq[[]schemas.Extraction]) (bleve.Index, time.Duration) {
	m := bleve.NewIndexMapping()
	if !dynamic {
		doc := bleve.NewDocumentStaticMapping()
		for _, lang := range []string{"fr", "en"} {
			for _, f := range []string{"Title", "Text"} {
				t := bleve.NewTextFieldMapping()
				t.Analyzer, t.Store, t.DocValues, t.IncludeInAll = lang, false, false, false
				doc.AddFieldMappingsAt(f+"_"+lang, t)
			}
		}
		for _, f := range []string{"Source", "Lang", "Vendors", "Week"} {
			k := bleve.NewKeywordFieldMapping()
			k.Store, k.IncludeInAll, k.IncludeTermVectors = false, false, false
			doc.AddFieldMappingsAt(f, k)
		}
		d := bleve.NewDateTimeFieldMapping()
		d.Store, d.IncludeInAll = false, false
		doc.AddFieldMappingsAt("Published", d)
		m.DefaultMapping = doc
	}
	ix, err := bleve.New(dir, m)
	if err != nil {
		b.Fatal(err)
	}
	cpu := cpuTime()
	for chunk := range chunks {
		batch := ix.NewBatch()
		for _, x := range chunk {
			d := map[string]any{"Title_" + x.Article.Lang: x.Article.Title, "Text_" + x.Article.Lang: x.Article.Text,
				"Source": x.Article.Source, "Lang": x.Article.Lang, "Published": x.Article.Published, "Week": week(x.Article.Published)}
			var vendors []string
			for _, v := range x.Vendors {
				vendors = append(vendors, v.ID)
			}
			d["Vendors"] = vendors
			if err := batch.Index(x.Article.ID, d); err != nil {
				b.Fatal(err)
			}
		}
		if err := ix.Batch(batch); err != nil {
			b.Fatal(err)
		}
	}
	return ix, cpuTime() - cpu
}

func week(at time.Time) string { return dayName(monday(int32(at.Unix() / 86400))) }

// BenchmarkBesideBleve asks the same of stock bleve: the facets and the histogram of
// a dashboard, its order by date, a match; over as many articles.
func BenchmarkBesideBleve(b *testing.B) {
	ours, c := benchIndex(b)
	dir := filepath.Join(corpusDir, "stock")
	stock, err := bleve.Open(dir)
	if err != nil {
		stock, _ = buildBleve(b, dir, false, func(yield func([]schemas.Extraction) bool) {
			for i := 0; i < benchDocs(); i += 1000 {
				var xs []schemas.Extraction
				for n := i; n < min(i+1000, benchDocs()); n++ {
					xs = append(xs, c.Extraction(n))
				}
				if !yield(xs) {
					return
				}
			}
		})
	}
	defer stock.Close()
	runtime.GC()
	for _, bm := range []struct {
		name, word, sort  string
		dashboard, newest bool
	}{
		{name: "match-mid", word: c.Word("fr", 400), sort: Relevance},
		{name: "match-common", word: c.Word("fr", 60), sort: Relevance},
		{name: "newest-mid", word: c.Word("fr", 400), newest: true},
		{name: "dashboard-mid", word: c.Word("fr", 400), newest: true, dashboard: true},
		{name: "dashboard-common", word: c.Word("fr", 60), newest: true, dashboard: true},
	} {
		b.Run(bm.name+"/veille", func(b *testing.B) {
			req := Request{View: Articles, Query: parse(b, bm.word), Sort: bm.sort, Limit: 10}
			if bm.dashboard {
				req.Facets, req.Weeks = []string{"vendor", "source", "lang", "has"}, true
			}
			var res Result
			metered(b, func() {
				if res, err = ours.Search(b.Context(), req); err != nil {
					b.Fatal(err)
				}
			})
			b.ReportMetric(float64(res.Total), "hits")
		})
		b.Run(bm.name+"/bleve", func(b *testing.B) {
			var parts []bquery.Query
			for _, f := range []string{"Title_fr", "Text_fr", "Title_en", "Text_en"} {
				q := bleve.NewMatchQuery(bm.word)
				q.SetField(f)
				parts = append(parts, q)
			}
			req := bleve.NewSearchRequestOptions(bleve.NewDisjunctionQuery(parts...), 10, 0, false)
			if bm.newest {
				req.SortBy([]string{"-Published"})
			}
			if bm.dashboard {
				for _, f := range []string{"Vendors", "Source", "Lang", "Week"} {
					req.AddFacet(f, bleve.NewFacetRequest(f, 1000))
				}
			}
			var res *bleve.SearchResult
			metered(b, func() {
				if res, err = stock.Search(req); err != nil {
					b.Fatal(err)
				}
			})
			b.ReportMetric(float64(res.Total), "hits")
		})
	}
}

var (
	corpusOnce sync.Once
	corpusDir  string
	corpusCPU  time.Duration // that filling it took; zero when it was there
)

// benchIndex opens one index for all benchmarks of a run.
func benchIndex(b *testing.B) (*Index, *corpusgen.Corpus) {
	c := corpusgen.New(1)
	corpusOnce.Do(func() {
		dir := os.Getenv("VEILLE_BENCH_DIR") // to keep it for the next run
		if dir == "" {
			var err error
			if dir, err = os.MkdirTemp("", "veille-bench-"); err != nil {
				b.Fatal(err)
			}
		}
		corpusDir = dir
	})
	ix, err := Open(nil, corpusDir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ix.Close() })
	a, _, _, err := ix.Counts()
	if err != nil {
		b.Fatal(err)
	}
	if n := benchDocs(); a < n {
		cpu := cpuTime()
		fillCorpus(b, ix, c, a, n)
		corpusCPU = cpuTime() - cpu
		for i := 0; i < n; i += 5000 {
			var es []schemas.DealEvent
			for k := i; k < min(i+5000, n); k += 5 {
				es = append(es, schemas.DealEvent{Kind: "new", Deal: c.Deal(k)})
			}
			if err := ix.PutDeals(b.Context(), es); err != nil {
				b.Fatal(err)
			}
		}
	}
	return ix, c
}

// BenchmarkCorpus opens the index of all articles: how long that takes, what it
// holds in memory and on disk, and what filling it took, the making up of the texts
// and its prices included.
func BenchmarkCorpus(b *testing.B) {
	ix, _ := benchIndex(b)
	folder := ix.cur.Load().folder
	if err := ix.Close(); err != nil {
		b.Fatal(err)
	}
	b.Run("open", func(b *testing.B) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		ix, err := Open(nil, corpusDir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := ix.Search(b.Context(), Request{View: Articles, Facets: []string{"vendor", "source", "lang", "has"}, Weeks: true, Limit: 10}); err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if err := ix.Close(); err != nil {
			b.Fatal(err)
		}
		metered(b, func() { // closed in order: each file is summed
			ix, err := Open(nil, corpusDir, Options{})
			if err != nil {
				b.Fatal(err)
			}
			if err := ix.Close(); err != nil {
				b.Fatal(err)
			}
		})
		n := float64(benchDocs())
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/n, "heap-B/doc")
		b.ReportMetric(float64(indexSize(b, folder))/n, "disk-B/doc")
		if corpusCPU > 0 {
			b.ReportMetric(float64(corpusCPU.Microseconds())/n, "fill-cpu-µs/doc")
		}
	})
}

func BenchmarkSearch(b *testing.B) {
	ix, c := benchIndex(b)
	common, mid, rare := c.Word("fr", 60), c.Word("fr", 400), c.Word("en", 5000)
	common2, mid2 := c.Word("fr", 70), c.Word("fr", 420)
	for _, bm := range []struct {
		name string
		q    string
		req  Request
	}{
		{"term", "vendor:vendor-040", Request{}},
		{"match-rare", rare, Request{Sort: Relevance}},
		{"match-mid", mid, Request{Sort: Relevance}},
		{"match-common", common, Request{Sort: Relevance}},
		{"boolean", mid + " -" + common + " lang:fr", Request{Sort: Relevance}},
		{"two-words", mid + " OR " + mid2, Request{Sort: Relevance}},
		{"phrase-mid", `"` + mid + " " + mid2 + `"`, Request{Sort: Relevance}},
		{"phrase-common", `"` + common + " " + common2 + `"`, Request{Sort: Relevance}},
		{"fuzzy", mid + "~", Request{}},
		{"prefix", mid[:4] + "*", Request{}},
		{"range-30d", "date:2024-02-01..2024-03-01", Request{}},
		{"range-and-mid", mid + " date:2024-02", Request{}},
		{"newest-mid", mid, Request{}},
		{"newest-all", "", Request{}},
		{"highlight", common, Request{Highlight: true}},
		{"dashboard-mid", mid, Request{Facets: []string{"vendor", "source", "lang", "has"}, Weeks: true}},
		{"dashboard-common", common, Request{Facets: []string{"vendor", "source", "lang", "has"}, Weeks: true}},
		{"dashboard-all", "", Request{Facets: []string{"vendor", "source", "lang", "has"}, Weeks: true}},
		{"dashboard-deals", "", Request{View: Deals, Facets: []string{"vendor", "source", "type", "status"}, Weeks: true}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			req := bm.req
			req.View, req.Limit, req.Query = first(req.View, Articles), 10, parse(b, bm.q)
			total := 0
			metered(b, func() {
				res, err := ix.Search(b.Context(), req)
				if err != nil {
					b.Fatal(err)
				}
				total = res.Total
			})
			b.ReportMetric(float64(total), "hits")
		})
	}
	b.Run("landing-page", func(b *testing.B) { // what the page of today asks
		last := c.Start.Add(time.Duration(benchDocs()) * c.Every)
		fresh := parse(b, "since:"+last.AddDate(0, 0, -1).Format(time.DateOnly))
		metered(b, func() {
			if _, _, _, err := ix.Counts(); err != nil {
				b.Fatal(err)
			}
			for _, req := range []Request{{Query: fresh, Limit: 6}, {Sort: Updated, Limit: 60}, {View: Prices, Query: parse(b, "price_kind:product_price"), Limit: 6}} {
				if _, err := ix.Search(b.Context(), req); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := ix.Stats(b.Context(), StatsRequest{Series: "type", From: last.AddDate(0, 0, -105), To: last}); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("deep-page", func(b *testing.B) {
		req := Request{View: Articles, Query: parse(b, "lang:fr"), Limit: min(10_000, benchDocs()/4)}
		res, err := ix.Search(b.Context(), req)
		if err != nil {
			b.Fatal(err)
		}
		req.Cursor, req.Limit = res.Next, 10
		metered(b, func() {
			if _, err := ix.Search(b.Context(), req); err != nil {
				b.Fatal(err)
			}
		})
	})
}

// BenchmarkSearchWhileWriting searches while 100 articles a second come in, in
// batches as the live indexer writes them.
func BenchmarkSearchWhileWriting(b *testing.B) {
	ix, c := benchIndex(b)
	ctx, stop := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i += 50 {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			var xs []schemas.Extraction
			for k := range 50 {
				xs = append(xs, c.Extraction((i+k)%benchDocs())) // replaced, so that the index does not grow
			}
			if err := ix.PutExtractions(ctx, xs); err != nil && ctx.Err() == nil {
				b.Error(err)
				return
			}
		}
	})
	defer wg.Wait()
	defer stop()
	mid, mid2, common, rare := c.Word("fr", 400), c.Word("fr", 420), c.Word("fr", 60), c.Word("en", 5000)
	for _, bm := range []struct {
		name, q string
		req     Request
	}{
		{"term", "vendor:vendor-040", Request{}},
		{"match-rare", rare, Request{Sort: Relevance}},
		{"match-mid", mid, Request{Sort: Relevance}},
		{"match-common", common, Request{Sort: Relevance}},
		{"boolean", mid + " -" + common + " lang:fr", Request{Sort: Relevance}},
		{"phrase-mid", `"` + mid + " " + mid2 + `"`, Request{Sort: Relevance}},
		{"fuzzy", mid + "~", Request{}},
		{"range-30d", "date:2024-02-01..2024-03-01", Request{}},
		{"newest-mid", mid, Request{}},
		{"newest-all", "", Request{}},
		{"dashboard-mid", mid, Request{Facets: []string{"vendor", "source", "lang", "has"}, Weeks: true}},
		{"dashboard-common", common, Request{Facets: []string{"vendor", "source", "lang", "has"}, Weeks: true}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			req := bm.req
			req.View, req.Limit, req.Query = Articles, 10, parse(b, bm.q)
			metered(b, func() {
				if _, err := ix.Search(b.Context(), req); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

type deadly struct{ name, q, sort string }

// deadlies are the searches that are meant to hurt, as far as the language has them.
func deadlies(c *corpusgen.Corpus) []deadly {
	words := make([]string, 45)
	for i := range words {
		words[i] = c.Word("fr", 40+i)
	}
	return []deadly{
		{"Q01-everything", "", Relevance},
		{"Q01-any-value", "vendor:* has:*", Relevance},
		{"Q03-prefix-of-3", c.Word("fr", 500)[:3] + "*", Newest},
		{"Q06-ten-prefixes", "bra* cra* pra* OR tra* OR cha* OR sta* OR cla* OR fra* OR gra* OR pla*", Relevance},
		{"Q07-45-words", strings.Join(words, " OR "), Relevance},
		{"Q07-45-words-all", strings.Join(words, " "), Relevance},
		{"Q08-long-word", strings.Repeat("é", 900), Relevance},
		{"Q09-long-phrase", `"` + strings.Join(words, " ") + `"`, Relevance},
		{"Q09-phrase-of-common", `"` + words[0] + " " + words[1] + `" OR "` + words[2] + " " + words[3] + `" OR "` + words[4] + " " + words[5] + `"`, Relevance},
		{"Q10-20-typos", strings.Join(words[:20], "~ OR ") + "~", Relevance},
		{"Q15-facets-of-all", "-vendor:vendor-001 -lang:en -source:outlet-01", Newest},
		{"Q17-ranges", "date:2024-01..2026-12 price:>1 OR date:1990..2099 OR since:2099-01-01", Newest},
	}
}

func (d deadly) search(b *testing.B, ix *Index, view string) error {
	_, err := ix.Search(b.Context(), Request{View: view, Query: parse(b, d.q), Sort: d.sort, Limit: 100, Highlight: true, Weeks: true,
		Facets: []string{"vendor", "source", "lang", "has"}})
	if bad := (*BadRequest)(nil); errors.As(err, &bad) {
		return nil
	}
	return err
}

// BenchmarkDeath asks them of every view, with facets, weeks and highlights. None may
// take a second of processor time, or 100 MB.
func BenchmarkDeath(b *testing.B) {
	ix, c := benchIndex(b)
	for _, d := range deadlies(c) {
		b.Run(d.name, func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			cpu, n := cpuTime(), 0
			for b.Loop() {
				for _, view := range []string{Deals, Articles, Prices} {
					if err := d.search(b, ix, view); err != nil {
						b.Fatal(err)
					}
				}
				n += 3
			}
			runtime.ReadMemStats(&after)
			each, bytes := (cpuTime()-cpu)/time.Duration(n), float64(after.TotalAlloc-before.TotalAlloc)/float64(n)
			b.ReportMetric(float64(each.Microseconds()), "cpu-µs/search")
			b.ReportMetric(bytes/1e6, "MB/search")
			if each > time.Second || bytes > 100e6 {
				b.Errorf("%v and %.0f MB a search", each, bytes/1e6)
			}
		})
	}
}

// BenchmarkBesideAttackers searches as a person does while four others ask nothing
// but what is meant to hurt.
func BenchmarkBesideAttackers(b *testing.B) {
	ix, c := benchIndex(b)
	all := deadlies(c)
	ctx, stop := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for i := n; ctx.Err() == nil; i++ {
				if err := all[i%len(all)].search(b, ix, Articles); err != nil && !errors.Is(err, ErrBusy) && ctx.Err() == nil {
					b.Error(err)
					return
				}
			}
		})
	}
	b.Run("dashboard-mid", func(b *testing.B) {
		req := Request{View: Articles, Query: parse(b, c.Word("fr", 400)), Limit: 10, Facets: []string{"vendor", "source", "lang", "has"}, Weeks: true}
		var took []time.Duration
		for b.Loop() {
			at := time.Now()
			if _, err := ix.Search(b.Context(), req); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(at))
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
		record(b, float64(took[len(took)*95/100].Microseconds()), "p95-µs")
	})
	stop()
	wg.Wait()
}

func BenchmarkAnalyze(b *testing.B) {
	c := corpusgen.New(1)
	for i, lang := range []string{"fr", "en"} {
		b.Run(lang, func(b *testing.B) {
			var texts []string
			for n := range 200 {
				texts = append(texts, c.Extraction(2*n+i).Article.Text)
			}
			n := 0
			for b.Loop() {
				(&wordField{text: texts[n%len(texts)]}).Analyze()
				n++
			}
		})
	}
}
