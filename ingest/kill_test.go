package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/veille/bus"
	"example.org/veille/ingest/warc"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
)

// TestMain lets the test binary be the child that [TestKill] kills, and the press that [BenchmarkPoll] reads.
func TestMain(m *testing.M) {
	if os.Getenv("VEILLE_TEST_PRESS") != "" {
		if err := pressChild(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv("VEILLE_TEST_CHILD"); dir != "" {
		if err := child(dir, strings.Fields(os.Getenv("VEILLE_TEST_FEEDS"))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// opened is a poller on the real log and archive in a folder.
func opened(ctx context.Context, dir string, feeds []string) (*Poller, *bus.Bus, error) {
	lg := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	b, err := bus.Open(ctx, lg, bus.Options{Dir: filepath.Join(dir, "nats"), MaxStore: 1 << 30})
	if err != nil {
		return nil, nil, err
	}
	kv, err := b.KV(ctx, schemas.BucketSources)
	if err != nil {
		return nil, nil, err
	}
	ar, err := warc.Open(filepath.Join(dir, "archive"), warc.Options{MaxSegment: 1 << 20})
	if err != nil {
		return nil, nil, err
	}
	var list []schemas.Source
	for i, f := range feeds {
		list = append(list, schemas.Source{ID: fmt.Sprintf("outlet-%d", i), Name: "Outlet", Feed: f, Lang: "en"})
	}
	p := New(lg, Options{
		Sources: list, Archive: ar, Store: kv,
		Client: guard.New(guard.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
		Now:    func() time.Time { return noon },
		Publish: func(ctx context.Context, arts []schemas.Article, event string) ([]uint64, error) {
			return publishOn(ctx, b, arts, event)
		},
		Lookup: func(ctx context.Context, seq uint64) (a schemas.Article, err error) {
			ev, err := b.Get(ctx, schemas.StreamArticles, seq)
			if err == nil {
				err = ev.Into(&a)
			}
			return a, err
		},
		Tail: func(ctx context.Context, from uint64, f func(uint64, schemas.Article) error) error {
			_, _, err := b.Read(ctx, schemas.StreamArticles, from, func(m bus.Message, _ uint64) error {
				var a schemas.Article
				if err := m.Into(&a); err != nil {
					return err
				}
				return f(m.Seq, a)
			})
			return err
		},
		Workers: 4,
	})
	return p, b, nil
}

func child(dir string, feeds []string) error {
	ctx := context.Background()
	p, b, err := opened(ctx, dir, feeds)
	if err != nil {
		return err
	}
	defer b.Close()
	return p.Once(ctx, nil)
}

// TestKill kills the process with SIGKILL while it ingests, again and again, until
// it ends by itself; then each article has been archived and published once.
// A kill counts only when it fell between the first fetch and the last ack.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("fifty processes take too long for -short; cmd/veille kills a few")
	}
	const perFeed = 15
	kills, feeds := 12, 12
	if os.Getenv("VEILLE_TRUST") != "" {
		kills, feeds = 50, 60
	}
	dir := t.TempDir()
	var urls []string
	var sites []*site
	for i := range feeds {
		s := newSite(t, many(perFeed, i*1000)...)
		sites = append(sites, s)
		urls = append(urls, s.URL+"/feed")
	}
	fetched := func() int {
		n := 0
		for _, s := range sites {
			s.mu.Lock()
			for path, hits := range s.hits {
				if strings.HasPrefix(path, "/p") {
					n += hits
				}
			}
			s.mu.Unlock()
		}
		return n
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	counted, starts := 0, 0
	for {
		if starts++; starts > 4*kills+20 {
			t.Fatalf("not done after %d starts", starts)
		}
		cmd := exec.Command(exe, "-test.run=^$")
		cmd.Env = append(os.Environ(), "VEILLE_TEST_CHILD="+dir, "VEILLE_TEST_FEEDS="+strings.Join(urls, " "))
		var errs strings.Builder
		cmd.Stderr = &errs
		before := fetched()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		if counted < kills {
			// Wait until it has fetched something, then a little.
			for range 1000 {
				if fetched() > before || len(done) > 0 {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
			if len(done) == 0 && fetched() > before {
				counted++
			}
			cmd.Process.Kill()
			err := <-done
			if err == nil { // it was done before the kill
				break
			}
			if !strings.Contains(err.Error(), "killed") {
				t.Fatalf("child: %v\n%s", err, errs.String())
			}
			continue
		}
		if err := <-done; err != nil {
			t.Fatalf("child: %v\n%s", err, errs.String())
		}
		break
	}
	p, b, err := opened(t.Context(), dir, urls)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := p.Once(t.Context(), nil); err != nil { // nothing is due: state was saved
		t.Fatal(err)
	}
	news := map[string]int{}
	_, _, err = b.Read(t.Context(), schemas.StreamArticles, 0, func(m bus.Message, _ uint64) error {
		var a schemas.Article
		if err := m.Into(&a); err != nil {
			return err
		}
		news[a.ID]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t}
	pages := d.archived(p)
	want := feeds * perFeed
	for i := range feeds {
		for g := range perFeed {
			id := schemas.ArticleID(fmt.Sprintf("outlet-%d", i), fmt.Sprint("g", i*1000+g))
			if news[id] != 1 || pages[id] != 1 {
				t.Errorf("article %s published %d times, archived %d times", id, news[id], pages[id])
			}
		}
		if l := d.balanced(p, fmt.Sprintf("outlet-%d", i)); l.Listed != perFeed || l.Indexed != perFeed {
			t.Errorf("outlet-%d: ledger %+v", i, l)
		}
	}
	if len(news) != want || len(pages) != want {
		t.Errorf("%d published and %d archived, want %d", len(news), len(pages), want)
	}
	if counted < kills/2 {
		t.Errorf("only %d kills counted", counted)
	}
	t.Logf("%d kills between fetch and ack in %d starts, %d articles, %d page fetches", counted, starts, want, fetched())
}
