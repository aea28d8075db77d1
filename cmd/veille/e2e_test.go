package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sync/errgroup"

	"example.org/veille/fixtures"
	"example.org/veille/ingest"
	"example.org/veille/schemas"
)

// hang is how long anything may take before a test gives up: ten times what it
// takes on a slow machine.
const hang = 2 * time.Minute

// world is a whole veille in the test's process, watching a press on loopback.
type world struct {
	t     *testing.T
	dir   string
	press *httptest.Server
	list  []schemas.Source // nil: those of the sample press
	asked sync.Map         // path → *http.Request of the last request
	app   *app
	base  string // address of the page
	stop  context.CancelFunc
	group *errgroup.Group
}

// serveFS serves the press made of fsys, nil for the built-in one.
func (w *world) serveFS(fsys fs.FS) {
	w.t.Helper()
	p, err := fixtures.New(fsys, fixtures.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	h := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked.Store(r.URL.Path, r.Clone(context.Background()))
		p.Handler().ServeHTTP(rw, r)
	})
	if w.press == nil {
		w.press = httptest.NewServer(h)
		w.t.Cleanup(w.press.Close)
		return
	}
	w.press.Config.Handler = h
}

func (w *world) sources() []schemas.Source {
	w.t.Helper()
	if w.list != nil {
		return w.list
	}
	p, err := fixtures.New(nil, fixtures.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	list, problems, err := ingest.ParseSources(p.OPML(w.press.URL))
	if err != nil || len(problems) > 0 {
		w.t.Fatal(err, problems)
	}
	return list
}

// opml lists the press as a file does.
func (w *world) opml() []byte {
	w.t.Helper()
	p, err := fixtures.New(nil, fixtures.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	return p.OPML(w.press.URL)
}

// open starts veille on the world's folder.
func (w *world) open() {
	w.t.Helper()
	cfg := defaults()
	cfg.Data, cfg.Listen = w.dir, "127.0.0.1:0"
	cfg.AllowCIDR = []string{"127.0.0.0/8", "::1/128"}
	cfg.Poll.HostDelay, cfg.Poll.MinInterval, cfg.Poll.MaxAge = 0, time.Hour, 10*365*24*time.Hour
	lg := slog.New(slog.NewTextHandler(w.t.Output(), nil))
	a, err := openApp(w.t.Context(), cfg, lg, w.sources())
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w.app, w.stop, w.base = a, stop, "http://"+a.listener.Addr().String()
	w.group = a.start(ctx)
}

func (w *world) close() {
	w.t.Helper()
	if w.app == nil {
		return
	}
	w.stop()
	if err := w.group.Wait(); err != nil {
		w.t.Error(err)
	}
	w.app.close()
	w.app = nil
}

func newWorld(t *testing.T, fsys fs.FS) *world {
	w := &world{t: t, dir: t.TempDir()}
	w.serveFS(fsys)
	w.open()
	t.Cleanup(w.close)
	return w
}

// totals are what the summary of a run says.
type totals struct{ Articles, Deals, Prices int }

func (w *world) totals() totals {
	w.t.Helper()
	a, d, p, err := w.app.ix.Counts()
	if err != nil {
		w.t.Fatal(err)
	}
	return totals{a, d, p}
}

// pass polls what is due and waits until it is searchable.
func (w *world) pass() totals {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), hang)
	defer cancel()
	err := w.app.poller.Once(ctx, func(r ingest.Result, _, _ int) {
		if r.Error != "" || r.Failed > 0 {
			w.t.Errorf("poll of %s: %+v", r.Source, r)
		}
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.drain()
	return w.totals()
}

func (w *world) drain() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), hang)
	defer cancel()
	if err := w.app.drained(ctx, nil); err != nil {
		w.t.Fatal(err)
	}
}

// get asks the API and decodes its answer.
func (w *world) get(path string, q url.Values, into any) int {
	w.t.Helper()
	res, err := http.Get(w.base + path + "?" + q.Encode())
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		w.t.Fatalf("%s: %v in %s", path, err, body)
	}
	return res.StatusCode
}

// fetchNow polls one source through the API.
func (w *world) fetchNow(slug string) ingest.Result {
	w.t.Helper()
	token, _, err := w.app.data.token()
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.base+"/api/v1/sources/"+slug+"/fetch", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var r ingest.Result
	if err := json.NewDecoder(res.Body).Decode(&r); err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("fetch %s: %d, %v", slug, res.StatusCode, err)
	}
	return r
}

type dealList struct {
	Data []schemas.Deal
	Page struct{ Total int }
}

// TestFirstPass watches the whole sample press: everything listed is accounted
// for, a second start finds nothing new, and the first question of the tour has
// its answer.
func TestFirstPass(t *testing.T) {
	w := newWorld(t, nil)
	first := w.pass()
	truth, err := fixtures.New(nil, fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := truth.Truth()
	t.Logf("totals %+v; the press has %d articles, %d deals, %d prices", first, want.Articles, want.Deals, want.Prices)
	if first.Articles < want.Articles-5 || first.Articles > want.Articles {
		t.Errorf("%d articles of %d are searchable; only repeats may be missing", first.Articles, want.Articles)
	}
	if first.Deals < want.Deals/2 || first.Prices < want.Prices/2 {
		t.Errorf("%d deals and %d prices; the annotators found %d and %d", first.Deals, first.Prices, want.Deals, want.Prices)
	}
	indexed := 0
	for _, src := range w.app.poller.Sources() {
		st, err := w.app.poller.State(t.Context(), src.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range st.Ledger {
			if !l.Balanced() {
				t.Errorf("ledger of %s does not balance: %+v", src.ID, l)
			}
			indexed += l.Indexed
		}
	}
	if indexed != first.Articles {
		t.Errorf("ledgers say %d indexed, the index holds %d", indexed, first.Articles)
	}

	var got dealList
	if code := w.get("/api/v1/deals", url.Values{"q": {"vendor:nutanix type:distribution territory:fr"}}, &got); code != http.StatusOK || got.Page.Total == 0 {
		t.Errorf("who distributes Nutanix in France: status %d, %d deals", code, got.Page.Total)
	}
	for _, d := range got.Data {
		if len(d.Evidence) == 0 || d.Evidence[0].Signal.Evidence.Text == "" || d.Evidence[0].URL == "" {
			t.Errorf("deal %s without a sentence and its source", d.ID)
		}
	}

	// A restart polls nothing that is not due, and doubles nothing.
	w.close()
	w.open()
	if again := w.pass(); again != first {
		t.Errorf("after a restart %+v, before %+v", again, first)
	}
	// Polled all the same, every feed says that nothing changed.
	for _, src := range w.app.poller.Sources() {
		if r := w.fetchNow(src.ID); r.New+r.Revised != 0 || r.Error != "" {
			t.Errorf("second poll of %s: %+v", src.ID, r)
		}
	}
	w.drain()
	if again := w.totals(); again != first {
		t.Errorf("after a second poll %+v, before %+v", again, first)
	}
	// The index is a view: dropped and made again, it is the same.
	w.close()
	if err := os.RemoveAll(w.dir + "/index"); err != nil {
		t.Fatal(err)
	}
	w.open()
	if again := w.totals(); again != first {
		t.Errorf("after dropping the index %+v, before %+v", again, first)
	}
}

// changed is the press with one article rewritten.
func changed(t *testing.T, name string, edit func(string) string) fs.FS {
	t.Helper()
	body, err := fs.ReadFile(fixtures.Embedded(), name)
	if err != nil {
		t.Fatal(err)
	}
	now := edit(string(body))
	if now == string(body) {
		t.Fatalf("the edit of %s changes nothing", name)
	}
	return fixtures.Layer(fstest.MapFS{name: {Data: []byte(now)}}, fixtures.Embedded())
}

// TestChangedFixture adds a price to one article: the totals move by it, while
// veille runs.
func TestChangedFixture(t *testing.T) {
	w := newWorld(t, nil)
	before := w.pass()
	const name = "canal-reseau/galette-des-grossistes.md"
	w.serveFS(changed(t, name, func(s string) string {
		head, body, _ := strings.Cut(s, "\n---\n")
		head = strings.Replace(head, "title: ", "title: Mise à jour : ", 1) // what a feed shows of an edit
		return head + "\n---\nLe boîtier de démarrage coûte désormais 7 777 euros hors taxes chez les revendeurs.\n\n" + body
	}))
	r := w.fetchNow("canal-reseau")
	if r.Revised != 1 || r.New != 0 {
		t.Fatalf("poll after the change: %+v, want one revision", r)
	}
	w.drain()
	within(t, func() bool { return w.totals().Prices != before.Prices }) // an index that has acknowledged shows it within a moment
	after := w.totals()
	if after.Articles != before.Articles || after.Prices != before.Prices+1 {
		t.Errorf("totals %+v, before %+v; want one price more", after, before)
	}
	var got struct {
		Data []struct{ Low *string }
	}
	w.get("/api/v1/prices", url.Values{"q": {"price:7777"}}, &got)
	if len(got.Data) != 1 || got.Data[0].Low == nil || *got.Data[0].Low != "7777" {
		t.Errorf("the new price is not found: %+v", got)
	}
}

// TestFetchNow polls twice through the API: the second poll is conditional.
func TestFetchNow(t *testing.T) {
	w := newWorld(t, nil)
	first := w.fetchNow("channel-ledger")
	if first.New == 0 || first.Conditional {
		t.Fatalf("first poll: %+v", first)
	}
	w.drain()
	before := w.totals()
	second := w.fetchNow("channel-ledger")
	if !second.Conditional || !second.Unchanged {
		t.Errorf("second poll: %+v, want it conditional and unchanged", second)
	}
	feed := ""
	for _, s := range w.sources() {
		if s.ID == "channel-ledger" {
			u, err := url.Parse(s.Feed)
			if err != nil {
				t.Fatal(err)
			}
			feed = u.Path
		}
	}
	asked, ok := w.asked.Load(feed)
	if !ok || asked.(*http.Request).Header.Get("If-None-Match") == "" {
		t.Errorf("the second request for %s carried no If-None-Match", feed)
	}
	w.drain()
	if after := w.totals(); after != before {
		t.Errorf("totals %+v, before %+v", after, before)
	}
	// Writing takes the token; an unknown source is said to be one.
	res, err := http.Post(w.base+"/api/v1/sources/channel-ledger/fetch", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the token: %d", res.StatusCode)
	}
}

// TestAPI looks at what programs rely on: the envelope, errors, other hosts.
func TestAPI(t *testing.T) {
	w := newWorld(t, nil)
	w.pass()
	var got map[string]any
	for _, path := range []string{"/api/v1/deals", "/api/v1/articles", "/api/v1/prices"} {
		if code := w.get(path, url.Values{"limit": {"1"}}, &got); code != http.StatusOK {
			t.Fatalf("%s: %d", path, code)
		}
		page := got["page"].(map[string]any)
		if _, there := page["next"]; !there {
			t.Errorf("%s: page.next is absent", path)
		}
		if page["total"].(float64) < 2 || page["next"] == nil {
			t.Errorf("%s: page %v, want more than one row and a next page", path, page)
		}
		for _, key := range []string{"data", "query", "as_of", "took_ms"} {
			if _, there := got[key]; !there {
				t.Errorf("%s: no %s", path, key)
			}
		}
	}
	w.get("/api/v1/articles", url.Values{"limit": {"200"}}, &got)
	for _, row := range got["data"].([]any) {
		a := row.(map[string]any)
		if a["text"] != nil || len([]rune(a["snippet"].(string))) > 280 {
			t.Errorf("article %v shows more of its text than it may", a["id"])
		}
	}
	var problem struct {
		Type   string
		Status int
		Errors []struct {
			Code       string
			Position   int
			Suggestion []string
		}
	}
	if code := w.get("/api/v1/deals", url.Values{"q": {"vendr:hpe"}}, &problem); code != 400 || len(problem.Errors) != 1 || problem.Errors[0].Code != "unknown-field" || fmt.Sprint(problem.Errors[0].Suggestion) == "[]" {
		t.Errorf("a wrong query: %d, %+v", code, problem)
	}
	if code := w.get("/api/v1/deals", url.Values{"colour": {"red"}}, &problem); code != 400 || problem.Type != "/problems/unknown-parameter" {
		t.Errorf("an unknown parameter: %d, %+v", code, problem)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.base+"/api/v1/deals", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "evil.example"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("for another host: %d, want 421", res.StatusCode)
	}
	for _, path := range []string{"/healthz", "/readyz", "/", "/search?q=nutanix&hl=fr", "/search?q=vendr:x"} {
		res, err := http.Get(w.base + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if want := map[bool]int{true: 400, false: 200}[strings.Contains(path, "vendr")]; res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
		if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
}
