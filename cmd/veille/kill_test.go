package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.org/veille/fixtures"
	"example.org/veille/ingest"
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
