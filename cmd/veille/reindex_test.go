package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"example.org/veille/extract/catalogue"
	"example.org/veille/internal/corpusgen"
	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// changing are the parts of an answer that tell of the moment, not of what was found.
var changing = regexp.MustCompile(`"as_of":\{[^}]*\}|"took_ms":[0-9.e-]+|"next":"[^"]*"`)

// rebuilt makes the index of an app again from its log, while questions are put to a
// server over it, and returns how many were answered meanwhile. Each of them must be
// answered as before.
func rebuilt(t testing.TB, a *app, h http.Handler, questions []string) (asked int, took []time.Duration) {
	t.Helper()
	ask := func(path string) (int, string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, nil)
		req.RemoteAddr = "127.0.0.1:0"
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		return rec.Code, changing.ReplaceAllString(rec.Body.String(), "")
	}
	before := map[string]string{}
	for _, q := range questions {
		code, body := ask(q)
		if code != http.StatusOK {
			t.Fatalf("%s: %d %.200s", q, code, body)
		}
		before[q] = body
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var mu sync.Mutex
	for n := range 2 {
		wg.Go(func() {
			for i := n; ctx.Err() == nil; i++ {
				q, at := questions[i%len(questions)], time.Now()
				code, body := ask(q)
				mu.Lock()
				asked++
				took = append(took, time.Since(at))
				mu.Unlock()
				if code != http.StatusOK || body != before[q] {
					t.Errorf("%s while the index is rebuilt: %d, and not what it said before\n%.300s\nbefore: %.300s", q, code, body, before[q])
					return
				}
				time.Sleep(10 * time.Millisecond) // as a person and a dashboard do
			}
		})
	}
	nx, err := a.ix.OpenNew()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.refill(t.Context(), nx, nil); err != nil {
		t.Fatal(err)
	}
	if err := nx.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.ix.Swap(nx); err != nil {
		t.Fatal(err)
	}
	for _, q := range questions { // and after
		if code, body := ask(q); code != http.StatusOK || body != before[q] {
			t.Errorf("%s after the rebuild: %d, and not what it said before\n%.300s\nbefore: %.300s", q, code, body, before[q])
		}
	}
	stop()
	wg.Wait()
	slices.Sort(took)
	return asked, took
}

// The index is made again from the log while it is searched.
func TestReindexWhileSearching(t *testing.T) {
	w := newWorld(t, nil)
	w.pass()
	asked, _ := rebuilt(t, w.app, w.app.handler(), []string{
		"/api/v1/deals?q=vendor:nutanix+type:distribution&facets=type,status,vendor,source&limit=50",
		"/api/v1/articles?q=cloud+OR+serveur&sort=relevance&facets=lang,source&limit=50&hl=1",
		"/api/v1/prices?limit=50", "/api/v1/stats/deals?group=week,type&from=2026-01-01&to=2026-09-30", "/deals.csv",
	})
	t.Logf("%d questions meanwhile", asked)
	if asked < 10 {
		t.Errorf("only %d questions were put meanwhile", asked)
	}
}

// BenchmarkRebuild does the same with VEILLE_BENCH_DOCS articles of 500 words (2,000
// unless set) and as many deals as a fifth of them, from a log on disk.
func BenchmarkRebuild(b *testing.B) {
	docs := 2000
	if n, err := strconv.Atoi(os.Getenv("VEILLE_BENCH_DOCS")); err == nil && n > 0 {
		docs = n
	}
	cfg := defaults()
	cfg.Data = b.TempDir()
	lg := slog.New(slog.NewTextHandler(io.Discard, nil))
	data, err := openData(cfg.Data)
	if err != nil {
		b.Fatal(err)
	}
	defer data.close()
	log, err := openBus(b.Context(), cfg, lg, data)
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	cat, err := catalogue.Load()
	if err != nil {
		b.Fatal(err)
	}
	c := corpusgen.New(1)
	var evs []schemas.Event
	add := func(typ, id, subject string, at time.Time, v any) {
		e, err := schemas.NewEvent(typ, id, subject, at, v)
		if err != nil {
			b.Fatal(err)
		}
		evs = append(evs, e)
	}
	publish := func() {
		if _, err := log.Publish(b.Context(), evs...); err != nil {
			b.Fatal(err)
		}
		evs = evs[:0]
	}
	for i := range docs {
		x := c.Extraction(i)
		add(schemas.TypeExtraction, x.ID, schemas.ExtractionSubject(x.Article.Lang, x.Article.Source), x.At, x)
		if len(evs) == 500 || i == docs-1 {
			publish()
		}
	}
	for i := 0; i < docs; i += 5 {
		d := c.Deal(i)
		add(schemas.TypeDeal, "deal:"+d.ID, schemas.DealSubject("new", d), d.First, schemas.DealEvent{Kind: "new", Deal: d})
		if len(evs) == 500 {
			publish()
		}
	}
	publish()
	ix, err := openIndex(lg, data, cat)
	if err != nil {
		b.Fatal(err)
	}
	defer ix.Close()
	a := &app{cfg: cfg, lg: lg, bus: log, ix: ix, cat: cat, data: data}
	if err := a.refill(b.Context(), ix, nil); err != nil {
		b.Fatal(err)
	}
	h := serve.New(lg, serve.Options{Index: ix, Catalogue: cat}).Handler()
	mid, common := c.Word("fr", 400), c.Word("fr", 60)
	for b.Loop() {
		began := time.Now()
		asked, took := rebuilt(b, a, h, []string{
			"/api/v1/articles?facets=vendor,source,lang,has&q=" + mid, "/api/v1/articles?sort=relevance&q=" + common,
			"/api/v1/deals?facets=type,status,vendor,source", "/api/v1/stats/deals?group=month,type&from=2024-01-01&to=2026-01-01", "/api/v1/prices?q=price:%3E1000",
		})
		b.ReportMetric(time.Since(began).Seconds(), "s/rebuild")
		b.ReportMetric(float64(asked), "answers-meanwhile")
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	}
	articles, deals, prices, err := ix.Counts()
	if err != nil || articles != docs {
		b.Errorf("%d articles, %d deals, %d prices (%v), want %d articles", articles, deals, prices, err, docs)
	}
	b.Log(fmt.Sprintf("%d articles, %d deals, %d prices", articles, deals, prices))
}
