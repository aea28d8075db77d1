package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/veille/ingest/warc"
	"example.org/veille/schemas"
)

var errCrash = errors.New("crash")

func many(n, from int) []item {
	var out []item
	for i := range n {
		out = append(out, item{GUID: fmt.Sprint("g", from+i), Path: fmt.Sprintf("/p%d", from+i), Title: fmt.Sprintf("Story %d of %s", from+i, strings.ToLower(prose(from+i, 1))), Summary: "s", At: noon.Add(-time.Duration(n-i) * time.Minute), Text: prose(from+i, 12)})
	}
	return out
}

// archived counts the archived pages by article.
func (d *desk) archived(p *Poller) map[string]int {
	d.t.Helper()
	out := map[string]int{}
	err := p.opt.Archive.Scan(warc.Loc{}, func(r warc.Record, _ warc.Loc) error {
		if id := r.Get("Veille-Article"); id != "" && r.Type() == warc.TypeResponse {
			out[id]++
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

// once checks that each article was archived once, published once as new, and that
// the ledger balances.
func (d *desk) once(p *Poller, source string, n int) {
	d.t.Helper()
	news := map[string]int{}
	for _, e := range d.log.list {
		if e.event == EventNew {
			news[e.a.ID]++
		}
		if e.a.Raw == nil {
			d.t.Errorf("article %s without archived bytes", e.a.ID)
		}
	}
	for id, k := range news {
		if k != 1 {
			d.t.Errorf("article %s published %d times as new", id, k)
		}
	}
	pages := d.archived(p)
	for id, k := range pages {
		if k != 1 {
			d.t.Errorf("article %s archived %d times", id, k)
		}
	}
	if len(news) != n || len(pages) != n {
		d.t.Errorf("%d articles published and %d archived, want %d", len(news), len(pages), n)
	}
	l := d.balanced(p, source)
	if l.Listed != n || l.Indexed != n || l.Pending != 0 {
		d.t.Errorf("ledger %+v, want %d listed and indexed", l, n)
	}
}

// TestCrash breaks a poll off at each of its steps; after a restart every article
// is there exactly once, though the feed has moved on.
func TestCrash(t *testing.T) {
	for _, c := range []struct {
		name  string
		crash func(d *desk)
	}{
		{"before publishing", func(d *desk) { d.log.fail = func(int) error { return errCrash } }},
		{"after publishing, before the book", func(d *desk) {
			d.store.fail = func(key string) error {
				if strings.HasPrefix(key, "b.") {
					return errCrash
				}
				return nil
			}
		}},
		{"after the book, before the state", func(d *desk) {
			d.store.fail = func(key string) error {
				if strings.HasPrefix(key, "s.") {
					return errCrash
				}
				return nil
			}
		}},
	} {
		for _, moved := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, feed moved on %v", c.name, moved), func(t *testing.T) {
				s := newSite(t, many(5, 0)...)
				d := newDesk(t)
				p := d.open(source("presse", s))
				d.fetch(p, "presse")
				s.set(many(25, 0)...)
				c.crash(d)
				if _, err := p.Fetch(t.Context(), "presse"); !errors.Is(err, errCrash) {
					t.Fatalf("error %v", err)
				}
				d.log.fail, d.store.fail = nil, nil
				n := 25
				if moved {
					s.set(many(15, 20)...) // of the 20 lost ones, 5 are left in the feed
					n = 35
				}
				p.opt.Archive.Close()
				p = d.open(source("presse", s))
				d.fetch(p, "presse")
				d.once(p, "presse", n)
				before := len(d.log.list)
				d.clock.add(time.Hour)
				p = d.open(source("presse", s))
				if r := d.fetch(p, "presse"); r.Status != 304 || len(d.log.list) != before {
					t.Errorf("poll after that: %+v", r)
				}
			})
		}
	}
}

// TestErrorIsNoCrash: the same process goes on after the bus or the store failed,
// and nothing is doubled either.
func TestErrorIsNoCrash(t *testing.T) {
	for _, prefix := range []string{"publish", "b.", "s."} {
		s := newSite(t, many(10, 0)...)
		d := newDesk(t)
		p := d.open(source("presse", s))
		if prefix == "publish" {
			d.log.fail = func(int) error { return errCrash }
		}
		d.store.fail = func(key string) error {
			if strings.HasPrefix(key, prefix) {
				return errCrash
			}
			return nil
		}
		if _, err := p.Fetch(t.Context(), "presse"); !errors.Is(err, errCrash) {
			t.Fatalf("%s: error %v", prefix, err)
		}
		d.log.fail, d.store.fail = nil, nil
		d.fetch(p, "presse")
		news := map[string]int{}
		for _, e := range d.log.list {
			news[e.a.ID]++
		}
		if len(news) != 10 || len(d.log.list) != 10 {
			t.Errorf("%s: %d articles in %d messages", prefix, len(news), len(d.log.list))
		}
		if l := d.balanced(p, "presse"); l.Indexed != 10 {
			t.Errorf("%s: ledger %+v", prefix, l)
		}
	}
}

// TestManyCrashes breaks the work of several sources off at random, again and again.
func TestManyCrashes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	d := newDesk(t)
	d.opt = func(o *Options) { o.Workers = 4 }
	var sites []*site
	var list []schemas.Source
	const sources, items = 6, 12
	for i := range sources {
		s := newSite(t, many(items, i*1000)...)
		sites = append(sites, s)
		list = append(list, source(fmt.Sprintf("presse-%d", i), s))
	}
	crashes := 0
	for round := range 30 {
		p := d.open(list...)
		left := rng.IntN(14)
		d.store.fail = func(string) error {
			if left--; left < 0 {
				return errCrash
			}
			return nil
		}
		if round == 29 {
			d.store.fail = nil
		}
		d.clock.add(7 * time.Hour)
		err := p.Once(t.Context(), nil)
		if errors.Is(err, errCrash) {
			crashes++
		} else if err != nil {
			t.Fatal(err)
		}
		p.opt.Archive.Close()
	}
	if crashes < 3 {
		t.Errorf("only %d crashes", crashes)
	}
	d.store.fail = nil
	p := d.open(list...)
	news := map[string]int{}
	for _, e := range d.log.list {
		news[e.a.ID]++
	}
	if len(news) != sources*items || len(d.log.list) != sources*items {
		t.Errorf("%d articles in %d messages, want %d, after %d crashes", len(news), len(d.log.list), sources*items, crashes)
	}
	for id, n := range d.archived(p) {
		if n != 1 {
			t.Errorf("%s archived %d times", id, n)
		}
	}
	for _, s := range list {
		if l := d.balanced(p, s.ID); l.Listed != items || l.Indexed != items {
			t.Errorf("%s: ledger %+v", s.ID, l)
		}
	}
	_ = sites
}

// TestReplay rebuilds everything from the archive on an empty store and log.
func TestReplay(t *testing.T) {
	items := many(30, 0)
	items[3].Head = `<meta name="robots" content="noindex">`
	items[4].Path = ""
	items[4].Link = "https://127.0.0.1:1/nobody-here"
	items = append(items, item{GUID: "copy", Path: "/copy", Title: items[7].Title + " again", Summary: "s", At: noon, Text: items[7].Text})
	s := newSite(t, items...)
	s2 := newSite(t, many(3, 500)...)
	d := newDesk(t)
	p := d.open(source("presse", s), source("autre", s2))
	d.fetch(p, "presse")
	d.fetch(p, "autre")
	want := d.log.state()
	p.opt.Archive.Close()

	r := newDesk(t)
	r.dir, r.clock = d.dir, d.clock
	r.clock.add(48 * time.Hour)
	p = r.open(source("presse", s))
	stats, err := p.Replay(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := r.log.state()
	if len(got) != len(want) {
		t.Errorf("%d articles rebuilt of %d: %+v", len(got), len(want), stats)
	}
	for id, w := range want {
		g := got[id]
		if g.Version != w.Version || !g.Published.Equal(w.Published) || g.Title != w.Title || g.Source != w.Source || g.Rights != w.Rights || len(g.Also) != len(w.Also) || g.Raw == nil || *g.Raw != *w.Raw {
			t.Errorf("%s:\n got %+v\nwant %+v", id, short(g), short(w))
		}
	}
	// Once more: nothing to do.
	n := len(r.log.list)
	stats, err = p.Replay(t.Context(), nil)
	if err != nil || len(r.log.list) != n || stats.Unchanged+stats.Duplicate != stats.Articles {
		t.Errorf("second replay: %+v, %v, %d more messages", stats, err, len(r.log.list)-n)
	}
	// And a poll after it fetches no page again.
	hits := s.count("/p9")
	r.fetch(p, "presse")
	if len(r.log.list) != n || s.count("/p9") != hits {
		t.Errorf("poll after the replay published %d, fetched /p9 %d times", len(r.log.list)-n, s.count("/p9")-hits)
	}
}

func short(a schemas.Article) schemas.Article {
	a.Text = fmt.Sprintf("%d bytes", len(a.Text))
	return a
}

// crawl makes a WARC file in another program's layout.
func crawl(t testing.TB, n int) []byte {
	var b bytes.Buffer
	member := func(s string) {
		zw := gzip.NewWriter(&b)
		zw.Write([]byte(s))
		zw.Close()
	}
	rec := func(typ, uri, block string) string {
		return fmt.Sprintf("WARC/1.0\r\nWARC-Record-ID: <urn:uuid:%x>\r\nContent-Length: %d\r\nWARC-Date: 2026-03-09T08:00:00Z\r\nWARC-Type: %s\r\nWARC-Target-URI: %s\r\nContent-Type: application/http; msgtype=%s\r\n\r\n%s\r\n\r\n", rand.Uint64(), len(block), typ, uri, typ, block)
	}
	member(rec("warcinfo", "", "software: Crawler\r\n"))
	for i := range n {
		uri := fmt.Sprintf("https://site%d.example/news/%d.html", i%7, i)
		page := fmt.Sprintf("<html lang=en><head><title>%s</title><meta property=\"article:published_time\" content=\"2026-03-08T07:00:00Z\"></head><body><article><h1>%s</h1>%s</article></body></html>", prose(i, 1), prose(i, 1), paragraphs(prose(i+40000, 12)))
		member(rec("metadata", uri, "fetchTimeMs: 3\r\n"))
		member(rec("request", uri, "GET / HTTP/1.1\r\n\r\n"))
		head := "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=UTF-8\r\n\r\n"
		if i%10 == 0 {
			member(rec("revisit", uri, "HTTP/1.1 304 Not Modified\r\n\r\n"))
		}
		if i%10 == 1 {
			member(rec("response", uri+"?img", "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG"))
		}
		member(rec("response", uri, head+page))
	}
	return b.Bytes()
}

func TestImport(t *testing.T) {
	n := 230
	if os.Getenv("VEILLE_TRUST") != "" {
		n = 2000
	}
	file := filepath.Join(t.TempDir(), "CC-NEWS-20260309.warc.gz")
	whole := crawl(t, n)
	if err := os.WriteFile(file, whole[:len(whole)-200], 0o600); err != nil { // its tail is missing
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := newDesk(t)
	p := d.open(schemas.Source{ID: "site-trois", Name: "Site trois", Feed: "https://site3.example/feed", Lang: "en"})
	// Broken off after the second batch, and again while the third is published.
	ctx, cancel := context.WithCancel(t.Context())
	batches := 0
	_, err = p.Import(ctx, "CC-NEWS-20260309", f, func(ImportStats) {
		if batches++; batches == 1 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	calls := 0
	d.log.fail = func(int) error {
		if calls++; calls == 3 {
			return errCrash
		}
		return nil
	}
	p.opt.Archive.Close()
	p = d.open(p.Sources()...)
	f.Seek(0, 0)
	if _, err := p.Import(t.Context(), "CC-NEWS-20260309", f, nil); !errors.Is(err, errCrash) {
		t.Fatalf("error %v", err)
	}
	d.log.fail = nil
	p.opt.Archive.Close()
	p = d.open(p.Sources()...)
	f.Seek(0, 0)
	stats, err := p.Import(t.Context(), "CC-NEWS-20260309", f, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", stats)
	sum := stats.Articles + stats.Known + stats.Duplicate + stats.NoText + stats.NotHTML + stats.Revisits + stats.Other + stats.Refused
	if sum != stats.Records || !stats.Done || stats.Articles != n {
		t.Errorf("%d records, %d accounted for: %+v", stats.Records, sum, stats)
	}
	news := map[string]int{}
	bySource := map[string]int{}
	for _, e := range d.log.list {
		news[e.a.ID]++
		bySource[e.a.Source]++
		if !e.a.Fetched.Equal(time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)) || e.a.Published.IsZero() || e.a.Raw == nil {
			t.Errorf("article %+v", short(e.a))
		}
	}
	if len(news) < n-1 || len(d.log.list) != len(news) {
		t.Errorf("%d articles in %d messages, want %d", len(news), len(d.log.list), n)
	}
	if bySource["site-trois"] < n/7-1 || bySource["site0-example"] < n/7 {
		t.Errorf("by source: %v", bySource)
	}
	for id, k := range d.archived(p) {
		if k != 1 {
			t.Errorf("%s archived %d times", id, k)
		}
	}
	again, err := p.Import(t.Context(), "CC-NEWS-20260309", f, nil)
	if err != nil || again.Articles != stats.Articles || len(d.log.list) != len(news) {
		t.Errorf("imported again: %+v, %v", again, err)
	}
	// What the project's own archive holds can be imported elsewhere.
	segs, _ := p.opt.Archive.Segments()
	e := newDesk(t)
	q := e.open()
	var total ImportStats
	for _, s := range segs {
		g, err := os.Open(p.opt.Archive.Path(s))
		if err != nil {
			t.Fatal(err)
		}
		st, err := q.Import(t.Context(), s, g, nil)
		g.Close()
		if err != nil {
			t.Fatal(err)
		}
		total.Articles += st.Articles
	}
	if total.Articles != len(news) {
		t.Errorf("%d of %d articles imported from our own archive", total.Articles, len(news))
	}
}
