package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.org/veille/bus"
	"example.org/veille/fixtures"
	"example.org/veille/index"
	"example.org/veille/ingest"
	"example.org/veille/ingest/warc"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// TestKill kills a real veille with -9 between the first page it fetches and the
// end of its pass, again and again, and lets it finish at last: each article is
// there exactly once.
func TestKill(t *testing.T) {
	kills := 6
	if testing.Short() {
		kills = 2
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))

	p, err := fixtures.New(nil, fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var served atomic.Int64
	inner := p.Handler()
	press := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		served.Add(1)
	}))
	defer press.Close()
	dir := t.TempDir()
	opml := filepath.Join(dir, "sources.opml")
	if err := os.WriteFile(opml, p.OPML(press.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	start := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "run", "--once", "--data", data, "--sources", opml,
			"--allow-cidr", "127.0.0.0/8", "--poll-host-delay", "0s", "--poll-max-age", "87600h", "--listen", "127.0.0.1:0", "--progress", "none")
		cmd.Env = append(os.Environ(), childEnv+"=1")
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	counted := 0
	for range kills {
		before := served.Load()
		cmd := start()
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		// Once it fetches, it lives for up to 600 ms more.
		for served.Load() == before {
			select {
			case <-ended:
				ended <- nil
			case <-time.After(time.Millisecond):
				continue
			}
			break
		}
		select {
		case <-ended: // it got through before its time
		case <-time.After(time.Duration(rnd.IntN(600)) * time.Millisecond):
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-ended
			counted++
		}
	}
	t.Logf("%d of %d kills fell between the first fetch and the end", counted, kills)
	if err := start().Wait(); err != nil {
		t.Fatalf("the last run, left alone: %v", err)
	}

	w := &world{t: t, dir: data, press: press}
	w.open()
	defer w.close()
	w.drain()
	got := w.totals()

	// The same press, never disturbed.
	calm := &world{t: t, dir: t.TempDir(), press: press}
	calm.open()
	defer calm.close()
	var results []ingest.Result
	if err := calm.app.poller.Once(t.Context(), func(r ingest.Result, _, _ int) { results = append(results, r) }); err != nil {
		t.Fatal(err)
	}
	calm.drain()
	if want := calm.totals(); got != want {
		t.Errorf("after %d kills %+v, undisturbed %+v", counted, got, want)
	}
	if counted == 0 {
		t.Error("no kill fell where it was meant to")
	}
	fmt.Fprintln(t.Output(), "totals", got)
}

// TestKillOften kills a veille that reads a press of many feeds, of 20 new articles each: at the end each article has been
// archived, published as new and indexed exactly once, and every ledger balances. The long profile makes 50 kills over 60
// feeds; VEILLE_KILL_FEEDS sets another number, 500 for the whole of the benchmark's press.
func TestKillOften(t *testing.T) {
	kills, feeds := 3, 6
	if os.Getenv("VEILLE_TRUST") != "" {
		kills, feeds = 50, 60
	}
	if s := os.Getenv("VEILLE_KILL_FEEDS"); s != "" {
		if _, err := fmt.Sscan(s, &feeds); err != nil {
			t.Fatal(err)
		}
	}
	if testing.Short() {
		t.Skip("many processes take too long for -short")
	}
	const perFeed = 20
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))

	var pages atomic.Int64
	filler := strings.Repeat(`<li><a href="/rubrique">Une rubrique du site, avec ses dossiers</a></li>`, 800)
	at := time.Now().Add(-24 * time.Hour)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var f, i int
		if _, err := fmt.Sscanf(r.URL.Path, "/feed/%d", &f); err == nil {
			fmt.Fprint(w, `<rss version="2.0"><channel><title>x</title>`)
			for i := range perFeed {
				fmt.Fprintf(w, `<item><guid>%d</guid><title>%s</title><link>http://%s/page/%d/%d</link><pubDate>%s</pubDate></item>`, i, tale(f*perFeed+i, 1), r.Host, f, i, at.Add(time.Duration(i)*time.Minute).Format(time.RFC1123Z))
			}
			fmt.Fprint(w, `</channel></rss>`)
			return
		}
		if _, err := fmt.Sscanf(r.URL.Path, "/page/%d/%d", &f, &i); err != nil {
			http.NotFound(w, r)
			return
		}
		n := f*perFeed + i
		pages.Add(1)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>%s</title><nav><ul>%s</ul></nav><article><h1>%s</h1><p>%s</p></article></html>`, tale(n, 1), filler, tale(n, 1), strings.ReplaceAll(tale(n, 12), "\n", "</p><p>"))
	})
	var hosts [8]string
	for i := range hosts {
		srv := httptest.NewServer(handler)
		defer srv.Close()
		hosts[i] = srv.URL
	}
	var list []schemas.Source
	var opml strings.Builder
	opml.WriteString(`<opml version="2.0" xmlns:veille="urn:veille:opml:1"><body>`)
	for f := range feeds {
		s := schemas.Source{ID: fmt.Sprintf("outlet-%d", f), Name: fmt.Sprintf("Outlet %d", f), Lang: "en", Feed: fmt.Sprintf("%s/feed/%d", hosts[f%len(hosts)], f)}
		list = append(list, s)
		fmt.Fprintf(&opml, `<outline type="rss" text="%s" veille:id="%s" veille:lang="en" xmlUrl="%s"/>`, s.Name, s.ID, s.Feed)
	}
	opml.WriteString(`</body></opml>`)
	dir := t.TempDir()
	file, data := filepath.Join(dir, "sources.opml"), filepath.Join(dir, "data")
	if err := os.WriteFile(file, []byte(opml.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	counted, starts := 0, 0
	for done := false; !done; {
		if starts++; starts > 6*kills+20 {
			t.Fatalf("not done after %d starts", starts)
		}
		before := pages.Load()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "run", "--once", "--data", data, "--sources", file,
			"--allow-cidr", "127.0.0.0/8", "--poll-host-delay", "0s", "--listen", "127.0.0.1:0", "--progress", "none")
		cmd.Env = append(os.Environ(), childEnv+"=1")
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if counted >= kills {
			if err := <-ended; err != nil {
				t.Fatalf("the last run, left alone: %v", err)
			}
			break
		}
		// It lives until it has fetched a few pages, so that all kills fall within the work, and a moment more.
		for pages.Load() < before+int64(1+rnd.IntN(max(2, feeds*perFeed/kills))) {
			select {
			case err := <-ended:
				if err != nil {
					t.Fatalf("a run: %v", err)
				}
				done = true
			case <-time.After(time.Millisecond):
				continue
			}
			break
		}
		if done {
			break // it got through
		}
		time.Sleep(time.Duration(rnd.IntN(200)) * time.Millisecond)
		if err := cmd.Process.Signal(syscall.SIGKILL); err == nil {
			counted++
		}
		<-ended
	}
	want := feeds * perFeed
	took := time.Since(began)

	w := &world{t: t, dir: data, list: list}
	w.open()
	defer w.close()
	w.drain()
	indexed := map[string]int{}
	addresses := map[string]int{}
	all, err := query.Parse("", query.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for cursor := ""; ; {
		res, err := w.app.ix.Search(t.Context(), index.Request{View: index.Articles, Query: all, Limit: 500, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range res.Articles {
			indexed[a.Article.ID]++
			addresses[a.Article.URL]++
		}
		if cursor = res.Next; cursor == "" {
			break
		}
	}
	published := map[string]int{}
	if _, _, err := w.app.bus.Read(t.Context(), schemas.StreamArticles, 0, func(m bus.Message, _ uint64) error {
		var a schemas.Article
		if err := m.Into(&a); err != nil {
			return err
		}
		published[a.ID]++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	archived := map[string]int{}
	if err := w.app.archive.Scan(warc.Loc{}, func(r warc.Record, _ warc.Loc) error {
		if id := r.Get("Veille-Article"); id != "" && r.Type() == warc.TypeResponse {
			archived[id]++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for f := range feeds {
		for i := range perFeed {
			id := schemas.ArticleID(fmt.Sprintf("outlet-%d", f), fmt.Sprint(i))
			if indexed[id] != 1 || published[id] != 1 || archived[id] != 1 {
				if wrong++; wrong < 10 {
					t.Errorf("article %d of outlet %d: indexed %d, published %d, archived %d times", i, f, indexed[id], published[id], archived[id])
				}
			}
		}
		st, err := w.app.poller.State(t.Context(), fmt.Sprintf("outlet-%d", f))
		if err != nil {
			t.Fatal(err)
		}
		var l schemas.Ledger
		for _, day := range st.Ledger {
			l = l.Plus(day)
		}
		if !l.Balanced() || l.Listed != perFeed || l.Indexed != perFeed {
			t.Errorf("ledger of outlet %d: %+v", f, l)
		}
	}
	if len(indexed) != want || len(published) != want || len(archived) != want || len(addresses) != want {
		t.Errorf("%d indexed under %d addresses, %d published, %d archived, want %d", len(indexed), len(addresses), len(published), len(archived), want)
	}
	if counted < kills/2 {
		t.Errorf("only %d kills counted", counted)
	}
	t.Logf("%d kills in %d starts and %.0f s: %d articles archived, published and indexed once each, %d pages fetched for them", counted, starts, took.Seconds(), want, pages.Load())
}

// tale is a text that differs with its number, of so many sentences, three to a line.
func tale(seed, sentences int) string {
	rnd := rand.New(rand.NewPCG(uint64(seed), 7))
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	var b strings.Builder
	for i := range sentences {
		if i > 0 {
			b.WriteString(pick(" ", " ", "\n"))
		}
		fmt.Fprintf(&b, "%s %s %s for customer %d in region %d, after %d months of talks about item %d.", pick("The distributor", "A reseller in Lyon", "The integrator", "Its partner", "The group"),
			pick("signed", "renewed", "announced", "dropped", "priced"), pick("a storage contract", "the licence programme", "two data centres", "a support plan"), rnd.IntN(90000), rnd.IntN(90), rnd.IntN(40), rnd.IntN(100000))
	}
	return b.String()
}
