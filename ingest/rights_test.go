package ingest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.org/veille/ingest/warc"
	"example.org/veille/schemas"
)

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
}

// TestT28 is the decision table of rights: what a site states, and what is done.
func TestT28(t *testing.T) {
	header := func(k, v string) func(s *site) {
		return func(s *site) {
			it := s.items[0]
			s.extra["/a"] = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(k, v)
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprintf(w, "<html lang=en><head><title>%s</title>%s</head><body><article><h1>%s</h1>%s</article></body></html>", it.Title, it.Head, it.Title, paragraphs(it.Text))
			}
		}
	}
	head := func(h string) func(s *site) { return func(s *site) { s.items[0].Head = h } }
	robots := func(r string) func(s *site) { return func(s *site) { s.extra["/robots.txt"] = text(r) } }
	tdm := func(r string) func(s *site) { return func(s *site) { s.extra["/.well-known/tdmrep.json"] = text(r) } }
	for _, c := range []struct {
		name     string
		site     []func(s *site)
		rights   string
		out      string // outcome in the ledger
		hasText  bool
		fetched  bool // the page was asked for
		evidence string
	}{
		{"nothing stated", nil, "", "indexed", true, true, "no robots.txt"},
		{"robots.txt denies", []func(*site){robots("User-agent: *\nDisallow: /a")}, "", "refused:robots", false, false, "denied: robots.txt"},
		{"robots.txt denies another", []func(*site){robots("User-agent: other\nDisallow: /")}, "", "indexed", true, true, "allowed: robots.txt"},
		{"meta noindex", []func(*site){head(`<meta name="robots" content="noindex, follow">`)}, "reserved", "refused:rights", false, true, "noindex"},
		{"meta noarchive", []func(*site){head(`<meta name="robots" content="noarchive">`)}, "noarchive", "indexed", true, true, "noarchive"},
		{"meta nosnippet", []func(*site){head(`<meta name="robots" content="nosnippet">`)}, "nosnippet", "indexed", true, true, "nosnippet"},
		{"X-Robots-Tag", []func(*site){header("X-Robots-Tag", "noindex")}, "reserved", "refused:rights", false, true, "X-Robots-Tag"},
		{"X-Robots-Tag for another", []func(*site){header("X-Robots-Tag", "otherbot: noindex")}, "", "indexed", true, true, ""},
		{"tdmrep file", []func(*site){tdm(`[{"location":"/*","tdm-reservation":1}]`)}, "reserved", "refused:rights", false, false, "tdmrep.json"},
		{"tdmrep header", []func(*site){header("tdm-reservation", "1")}, "reserved", "refused:rights", false, true, "tdm-reservation"},
		{"tdmrep meta", []func(*site){head(`<meta name="tdm-reservation" content="1">`)}, "reserved", "refused:rights", false, true, "tdm-reservation"},
		{"the header lifts what the file reserves elsewhere", []func(*site){tdm(`[{"location":"/other/*","tdm-reservation":1}]`), header("tdm-reservation", "0")}, "", "indexed", true, true, ""},
		{"tdmrep broken", []func(*site){tdm(`{"location":`)}, "", "indexed", true, true, ""},
		{"tdmrep of a silly value", []func(*site){header("tdm-reservation", "yes")}, "", "indexed", true, true, ""},
		{"RSL licence offered", []func(*site){robots("License: https://presse.example/license.xml\nUser-agent: *\nAllow: /")}, "", "indexed", true, true, "License: https://presse.example/license.xml"},
		{"AIPREF no training", []func(*site){robots("User-agent: *\nContent-Usage: train-ai=n\nAllow: /")}, "", "indexed", true, true, "train-ai=n"},
		{"AIPREF no bots", []func(*site){robots("User-agent: *\nContent-Usage: bots=n\nAllow: /")}, "reserved", "refused:rights", false, false, "bots=n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, item{GUID: "1", Path: "/a", Title: "Reseller signs storage vendor", Summary: "The summary that the feed offers to all.", At: noon.Add(-time.Hour), Text: prose(1, 20)})
			for _, f := range c.site {
				f(s)
			}
			d := newDesk(t)
			p := d.open(source("presse", s))
			d.fetch(p, "presse")
			if len(d.log.list) != 1 {
				t.Fatalf("%d articles", len(d.log.list))
			}
			a := d.log.list[0].a
			if a.Rights != c.rights || strings.Contains(a.Text, "months of talks") != c.hasText || (s.count("/a") > 0) != c.fetched {
				t.Errorf("rights %q, text %.40q, fetched %d times; want %q, %v, %v", a.Rights, a.Text, s.count("/a"), c.rights, c.hasText, c.fetched)
			}
			if c.rights == "reserved" && a.Text != "" {
				t.Errorf("reserved, yet the text is %.40q", a.Text)
			}
			if a.Title == "" || a.URL == "" {
				t.Errorf("title and link are missing: %+v", a)
			}
			l := d.balanced(p, "presse")
			want := schemas.Ledger{Day: l.Day, Listed: 1}
			bump(&want, c.out, 1)
			if fmt.Sprint(l) != fmt.Sprint(want) {
				t.Errorf("ledger %+v, want %+v", l, want)
			}
			// The decision is kept beside the article, and pages that may not be kept are not.
			evidence, pages := "", 0
			err := p.opt.Archive.Scan(warc.Loc{}, func(r warc.Record, at warc.Loc) error {
				if r.Get("Veille-Article") != "" && r.Type() == warc.TypeResponse {
					pages++
				}
				if r.Type() == warc.TypeMetadata {
					whole, err := p.opt.Archive.Read(at)
					evidence += string(whole.Block)
					return err
				}
				return nil
			})
			if err != nil || !strings.Contains(evidence, c.evidence) {
				t.Errorf("evidence %q, want %q in %s", err, c.evidence, evidence)
			}
			if keep := c.out == "indexed" && c.rights != "noarchive"; (pages == 1) != keep {
				t.Errorf("%d pages archived", pages)
			}
		})
	}
}

// TestT27 is robots.txt over the wire: errors, redirects, size, cache.
func TestT27(t *testing.T) {
	big := "User-agent: *\n" + strings.Repeat("# filler line to make the file large ..............\n", 12_000) + "Disallow: /\n" // the rule stands after 500 KiB
	for _, c := range []struct {
		name    string
		robots  http.HandlerFunc
		fetched bool
	}{
		{"404", http.NotFound, true},
		{"403", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, true},
		{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, false},
		{"429", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }, false},
		{"six redirects", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/robots.txt?"+r.URL.RawQuery+"x", 302)
		}, true},
		{"600 KiB", text(big), true},
		{"closed", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, false},
		{"bom", text("\xef\xbb\xbfUser-agent: veille\nDisallow: /"), false},
		{"html", text("<!doctype html><html><body>Disallow: /</body></html>"), true},
	} {
		s := newSite(t, many(2, 0)...)
		s.extra["/robots.txt"] = c.robots
		d := newDesk(t)
		p := d.open(source("presse", s))
		d.fetch(p, "presse")
		if got := s.count("/p0") > 0; got != c.fetched {
			t.Errorf("%s: page fetched %v, want %v", c.name, got, c.fetched)
		}
	}
	// It is asked once a day.
	s := newSite(t, many(2, 0)...)
	d := newDesk(t)
	p := d.open(source("presse", s))
	for i := range 50 {
		s.set(many(2, i)...)
		d.fetch(p, "presse")
		d.clock.add(time.Hour)
	}
	if n := s.count("/robots.txt"); n < 3 || n > 4 {
		t.Errorf("robots.txt fetched %d times in two days", n)
	}
	// A redirect to another host asks that host.
	other := newSite(t, many(1, 7)...)
	other.extra["/robots.txt"] = text("User-agent: *\nDisallow: /")
	s = newSite(t, many(1, 0)...)
	s.extra["/p0"] = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL+"/p7", 302) }
	p = d.open(source("presse", s))
	d.fetch(p, "presse")
	if other.count("/p7") != 0 || other.count("/robots.txt") != 1 {
		t.Errorf("redirect to a host that denies: page fetched %d times, robots.txt %d", other.count("/p7"), other.count("/robots.txt"))
	}
}

// TestPages: what becomes of pages that cannot be read, and that each item is
// accounted for.
func TestPages(t *testing.T) {
	status := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) }
	}
	tries := 0
	items := many(8, 0)
	s := newSite(t, items...)
	s.extra["/p0"] = http.NotFound
	s.extra["/p1"] = status(500)
	s.extra["/p2"] = func(w http.ResponseWriter, r *http.Request) { // works at the second try
		if tries++; tries == 1 {
			w.WriteHeader(503)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<html><head><title>x</title></head><body><article>%s</article></body></html>", paragraphs(prose(2, 20)))
	}
	s.extra["/p3"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/pdf")
		fmt.Fprint(w, "%PDF-1.7")
	}
	s.extra["/p4"] = status(402)
	s.extra["/p5"] = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", 302)
	}
	s.extra["/p6"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		fmt.Fprint(w, "<html>")
	}
	d := newDesk(t)
	p := d.open(source("presse", s))
	r := d.fetch(p, "presse")
	if r.New != 1 || r.Pending != 3 || r.Failed != 3 || r.Refused != 1 {
		t.Errorf("first poll: %+v", r)
	}
	for range 5 { // the feed answers 304, and what is pending is tried again all the same
		d.clock.add(3 * time.Hour)
		r = d.fetch(p, "presse")
	}
	l := d.balanced(p, "presse")
	want := map[string]int{"gone": 1, "server": 1, "not_html": 1, "address": 1, "truncated": 1}
	if l.Indexed != 2 || l.Pending != 0 || fmt.Sprint(l.Failed) != fmt.Sprint(want) || l.Refused["paywall"] != 1 {
		t.Errorf("ledger %+v", l)
	}
	if n := len(d.log.state()); n != 8 {
		t.Errorf("%d articles, want all 8: those that failed with their title and link", n)
	}
	if n := s.count("/p1"); n != maxTries {
		t.Errorf("a page that fails was asked for %d times", n)
	}
	for _, a := range d.log.state() {
		if a.How == "feed" && (a.Title == "" || a.URL == "" || a.Text != "s") {
			t.Errorf("what is left of a failed page: %+v", a)
		}
	}
}

// TestMultiPage follows "next" links, five pages at most, and never round in circles.
func TestMultiPage(t *testing.T) {
	it := item{GUID: "1", Path: "/a", Title: "Long story in pages", At: noon.Add(-time.Hour), Text: prose(1, 12), Head: `<link rel="next" href="/a?page=2">`}
	s := newSite(t, it)
	base := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 0
		if fmt.Sscanf(r.URL.RawQuery, "page=%d", &n); n < 2 {
			base.ServeHTTP(w, r)
			return
		}
		s.mu.Lock()
		s.hits["page"]++
		s.mu.Unlock()
		next := n + 1
		if n == 4 {
			next = 2 // round in a circle
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<html lang="en"><head><title>Long story in pages</title><link rel="next" href="/a?page=%d"></head><body><article><h1>Long story in pages</h1>%s</article></body></html>`, next, paragraphs(prose(n*10, 12)))
	})
	d := newDesk(t)
	p := d.open(source("presse", s))
	d.fetch(p, "presse")
	a := d.log.list[0].a
	if s.count("page") != 3 || len(a.Text) < 4*len(prose(1, 12))*8/10 {
		t.Errorf("%d more pages, %d bytes of text", s.count("page"), len(a.Text))
	}
}

// TestIsolation: a source whose answers are as bad as they come does not touch the others.
func TestIsolation(t *testing.T) {
	var list []schemas.Source
	for i := range 10 {
		list = append(list, source(fmt.Sprintf("good-%d", i), newSite(t, many(3, i*10)...)))
	}
	for i, body := range []string{
		`<rss version="2.0"><channel><item><b xmlns="u">` + strings.Repeat("<b>", 200_000),
		`<rss version="2.0"><channel>` + strings.Repeat("<item/>", 200_000),
		"\x00\x01\x02", "<rss", "null", "[" + strings.Repeat("[", 20_000), strings.Repeat("<a ", 100_000), "<!DOCTYPE r [<!ENTITY a 'b'>]><rss>&a;</rss>",
	} {
		s := newSite(t)
		s.extra["/feed"] = text(body)
		list = append(list, source(fmt.Sprintf("bad-%d", i), s))
	}
	d := newDesk(t)
	p := d.open(list...)
	ended := map[string]Result{}
	if err := p.Once(t.Context(), func(r Result, done, total int) {
		ended[r.Source] = r
		if total != len(list) || done != len(ended) {
			t.Errorf("progress %d of %d", done, total)
		}
	}); err != nil {
		t.Fatal(err)
	}
	for id, r := range ended {
		if strings.HasPrefix(id, "good") != (r.New == 3) || strings.HasPrefix(id, "bad") && r.Error == "" && r.Items > 0 {
			t.Errorf("%s: %+v", id, r)
		}
	}
}

// TestSelector: the list of sources may say where a site's text stands.
func TestSelector(t *testing.T) {
	it := item{GUID: "1", Path: "/a", Title: "A story in a strange place", At: noon.Add(-time.Hour), Text: prose(1, 20)}
	s := newSite(t, it)
	s.extra["/a"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<html lang="en"><body><article>%s</article><div class="odd"><p>%s</p></div></body></html>`, paragraphs(prose(2, 20)), strings.Repeat("What counts stands here, and nowhere else. ", 12))
	}
	d := newDesk(t)
	src := source("presse", s)
	src.Body = `div[class="odd"]`
	p := d.open(src)
	d.fetch(p, "presse")
	if a := d.log.list[0].a; !strings.Contains(a.Text, "nowhere else") || strings.Contains(a.Text, "months of talks") || a.How != "rule" {
		t.Errorf("%s: %.100q", a.How, a.Text)
	}
}

// TestTextIsBounded: no text outgrows a message of the log, and none carries
// control characters.
func TestTextIsBounded(t *testing.T) {
	items := []item{
		{GUID: "1", Path: "/1", Title: "A title with \x1b[31m colour", At: noon.Add(-time.Hour), Text: strings.Repeat("<<< >>> && <tag> ", 30_000)},
		{GUID: "2", Path: "/2", Title: strings.Repeat("t", 10_000), At: noon.Add(-time.Hour), Text: strings.Repeat("Ordinary words of an article that goes on and on. ", 20_000)},
	}
	s := newSite(t, items...)
	d := newDesk(t)
	p := d.open(source("presse", s))
	d.fetch(p, "presse")
	if len(d.log.list) != 2 {
		t.Fatalf("%d articles", len(d.log.list))
	}
	for _, e := range d.log.list {
		b, err := json.Marshal(e.a)
		if err != nil || len(b) > 600<<10 || len(e.a.Text) > schemas.MaxText || len(e.a.Title) > schemas.MaxTitle {
			t.Errorf("%d bytes of JSON, %d of text, %d of title, %v", len(b), len(e.a.Text), len(e.a.Title), err)
		}
		if strings.ContainsRune(e.a.Title+e.a.Text, 0x1b) {
			t.Errorf("control characters in %.60q", e.a.Title)
		}
	}
}
