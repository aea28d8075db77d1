package ingest

import (
	"context"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/veille/ingest/warc"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
)

// memory is a Store that lives as long as the test; it outlives the pollers that
// use it, as the real one outlives the process.
type memory struct {
	mu   sync.Mutex
	m    map[string][]byte
	puts int
	fail func(key string) error
}

func newMemory() *memory { return &memory{m: map[string][]byte{}} }

func (s *memory) Get(_ context.Context, key string) ([]byte, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[key], 1, nil
}

func (s *memory) Put(_ context.Context, key string, v []byte) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(key); err != nil {
			return 0, err
		}
	}
	s.puts++
	s.m[key] = slices.Clone(v)
	return 1, nil
}

func (s *memory) Delete(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, key)
	return nil
}

func (s *memory) Keys(context.Context) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for k := range s.m {
		out = append(out, k)
	}
	return out, nil
}

// log is what was published, in order.
type log struct {
	mu   sync.Mutex
	list []entryOf
	fail func(n int) error
}

type entryOf struct {
	event string
	a     schemas.Article
}

func (l *log) publish(_ context.Context, list []schemas.Article, event string) ([]uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		if err := l.fail(len(list)); err != nil {
			return nil, err
		}
	}
	var seqs []uint64
	for _, a := range list {
		if err := a.Validate(); err != nil {
			return nil, err
		}
		l.list = append(l.list, entryOf{event, a})
		seqs = append(seqs, uint64(len(l.list)))
	}
	return seqs, nil
}

func (l *log) lookup(_ context.Context, seq uint64) (schemas.Article, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq == 0 || seq > uint64(len(l.list)) {
		return schemas.Article{}, fmt.Errorf("no message %d", seq)
	}
	return l.list[seq-1].a, nil
}

func (l *log) tail(_ context.Context, from uint64, f func(uint64, schemas.Article) error) error {
	l.mu.Lock()
	list := slices.Clone(l.list)
	l.mu.Unlock()
	for i := max(int(from), 1) - 1; i < len(list); i++ {
		if err := f(uint64(i+1), list[i].a); err != nil {
			return err
		}
	}
	return nil
}

// state is the newest version of each article.
func (l *log) state() map[string]schemas.Article {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]schemas.Article{}
	for _, e := range l.list {
		out[e.a.ID] = e.a
	}
	return out
}

func (l *log) count(event string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, e := range l.list {
		if e.event == event {
			n++
		}
	}
	return n
}

// item is one entry of a feed of the test press.
type item struct {
	GUID, Path, Title, Summary string
	At                         time.Time
	Text                       string // of the page
	Head                       string // more for the page's head
	Link                       string // instead of the site's own address and Path
}

// site is one outlet of the test press: a feed and its pages.
type site struct {
	*httptest.Server
	mu      sync.Mutex
	items   []item
	extra   map[string]http.HandlerFunc
	hits    map[string]int
	headers []http.Header // of requests for the feed
	feed    http.HandlerFunc
}

func newSite(t testing.TB, items ...item) *site {
	s := &site{items: items, extra: map[string]http.HandlerFunc{}, hits: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *site) set(items ...item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = items
}

func (s *site) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[path]
}

func esc(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}

func (s *site) rss() string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><rss version="2.0"><channel><title>Presse</title><link>` + s.URL + `</link>`)
	for _, it := range s.items {
		link := it.Link
		if link == "" && it.Path != "" {
			link = s.URL + it.Path
		}
		fmt.Fprintf(&b, "<item><title>%s</title><link>%s</link><description>%s</description>", esc(it.Title), esc(link), esc(it.Summary))
		if it.GUID != "" {
			fmt.Fprintf(&b, `<guid isPermaLink="false">%s</guid>`, esc(it.GUID))
		}
		if !it.At.IsZero() {
			fmt.Fprintf(&b, "<pubDate>%s</pubDate>", it.At.Format(time.RFC1123Z))
		}
		b.WriteString("</item>")
	}
	b.WriteString("</channel></rss>")
	return b.String()
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hits[r.URL.Path]++
	if h := s.extra[r.URL.Path]; h != nil {
		h(w, r)
		return
	}
	if r.URL.Path == "/feed" {
		s.headers = append(s.headers, r.Header.Clone())
		if s.feed != nil {
			s.feed(w, r)
			return
		}
		body := s.rss()
		tag := `"` + warc.Digest([]byte(body))[7:20] + `"`
		w.Header().Set("ETag", tag)
		w.Header().Set("Content-Type", "application/rss+xml")
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Write([]byte(body))
		return
	}
	for _, it := range s.items {
		if it.Path == r.URL.Path {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprintf(w, `<!doctype html><html lang="en"><head><title>%s</title>%s</head><body><nav>Home News About</nav><article><h1>%s</h1>%s</article><footer>All rights reserved</footer></body></html>`,
				esc(it.Title), it.Head, esc(it.Title), paragraphs(it.Text))
			return
		}
	}
	http.NotFound(w, r)
}

func paragraphs(s string) string {
	var b strings.Builder
	for p := range strings.SplitSeq(s, "\n\n") {
		b.WriteString("<p>" + esc(p) + "</p>\n")
	}
	return b.String()
}

// prose makes an article text that differs with its seed and from all others.
func prose(seed int, sentences int) string {
	subjects := []string{"The distributor", "A reseller in Lyon", "The integrator", "Its new partner", "The cloud provider", "An analyst", "The chief executive", "The group"}
	verbs := []string{"signed", "renewed", "announced", "dropped", "extended", "reviewed", "priced", "delivered"}
	objects := []string{"a storage contract", "the licence programme", "its network range", "two data centres", "a managed service", "the partner tier", "a support plan", "the backup line"}
	var b strings.Builder
	x := uint32(seed)*2654435761 + 12345
	next := func(n int) int { x = x*1664525 + 1013904223; return int(x>>8) % n }
	for i := range sentences {
		if i > 0 && i%3 == 0 {
			b.WriteString("\n\n")
		} else if i > 0 {
			b.WriteString(" ")
		}
		fmt.Fprintf(&b, "%s %s %s for customer %d in region %d, after %d months of talks about item %d.", subjects[next(8)], verbs[next(8)], objects[next(8)], next(9000), next(90), next(40), next(100000))
	}
	return b.String()
}

// desk is a poller with all that it needs; open makes another one on the same
// state, as a restart would.
type desk struct {
	t     testing.TB
	store *memory
	log   *log
	dir   string
	clock *clock
	opt   func(*Options)
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func newDesk(t testing.TB) *desk {
	return &desk{t: t, store: newMemory(), log: &log{}, dir: t.TempDir(), clock: &clock{t: noon}}
}

func (d *desk) open(sources ...schemas.Source) *Poller {
	d.t.Helper()
	ar, err := warc.Open(d.dir, warc.Options{Now: d.clock.now})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { ar.Close() })
	c := guard.New(guard.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, UserAgent: "veille-test (+https://veille.example/bot)"})
	d.t.Cleanup(c.Close)
	opt := Options{Sources: sources, Client: c, Archive: ar, Store: d.store, Publish: d.log.publish, Lookup: d.log.lookup, Tail: d.log.tail, Now: d.clock.now}
	if d.opt != nil {
		d.opt(&opt)
	}
	return New(slog.New(slog.NewTextHandler(d.t.Output(), nil)), opt)
}

func (d *desk) fetch(p *Poller, source string) Result {
	d.t.Helper()
	r, err := p.Fetch(d.t.Context(), source)
	if err != nil {
		d.t.Fatalf("fetch %s: %v", source, err)
	}
	d.balanced(p, source)
	return r
}

// balanced checks the ledger's equation.
func (d *desk) balanced(p *Poller, source string) schemas.Ledger {
	d.t.Helper()
	st, err := p.State(d.t.Context(), source)
	if err != nil {
		d.t.Fatal(err)
	}
	var all schemas.Ledger
	for _, l := range st.Ledger {
		if !l.Balanced() {
			d.t.Errorf("ledger of %s does not balance: %+v", source, l)
		}
		all = all.Plus(l)
	}
	return all
}

func source(id string, s *site) schemas.Source {
	return schemas.Source{ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Feed: s.URL + "/feed", Site: s.URL, Lang: "en"}
}
