package ingest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.org/veille/schemas"
)

// TestGate: one request at a time per host and a second between two, several hosts
// side by side.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		var mu sync.Mutex
		inside := map[string]int{}
		last := map[string]time.Time{}
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				key := fmt.Sprint("https://host", i%3)
				leave, err := g.enter(context.Background(), key, time.Second)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if inside[key]++; inside[key] > 1 {
					t.Errorf("%d requests at a time to %s", inside[key], key)
				}
				if d := time.Since(last[key]); !last[key].IsZero() && d < time.Second {
					t.Errorf("%v between two requests to %s", d, key)
				}
				mu.Unlock()
				time.Sleep(200 * time.Millisecond)
				mu.Lock()
				inside[key]--
				last[key] = time.Now()
				mu.Unlock()
				leave()
			})
		}
		wg.Wait()
		if d := time.Since(start); d > 25*time.Second {
			t.Errorf("3 hosts took %v, one after the other", d)
		}
		// Who gives up waiting holds nobody up.
		leave, _ := g.enter(context.Background(), "a", 0)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := g.enter(ctx, "a", 0); err == nil {
			t.Error("two at a time")
		}
		leave()
		if leave, err := g.enter(context.Background(), "a", 0); err != nil {
			t.Error(err)
		} else {
			leave()
		}
	})
}

// TestT26 simulates a day over fifty hosts of every temper, with restarts.
func TestT26(t *testing.T) {
	d := newDesk(t)
	rng := rand.New(rand.NewPCG(3, 4))
	type hostLog struct {
		at    []time.Time
		until time.Time // asked to stay away
		tag   string
	}
	var mu sync.Mutex
	logs := map[string]*hostLog{}
	var list []schemas.Source
	kinds := []string{"etag", "modified", "maxage", "retry", "gone", "moved", "missing", "broken", "plain", "flaky"}
	for i := range 50 {
		kind := kinds[i%len(kinds)]
		id := fmt.Sprintf("%s-%d", kind, i)
		h := &hostLog{tag: fmt.Sprintf(`W/"é%d-x=,;gzip"`, i)}
		logs[id] = h
		s := newSite(t, many(3, i*100)...)
		body := s.rss()
		answer := func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			now := d.clock.now()
			first := len(h.at) == 0
			if now.Before(h.until) {
				t.Errorf("%s: asked at %v, %v too early", id, now, h.until.Sub(now))
			}
			h.at = append(h.at, now)
			for _, k := range []string{"Cookie", "Referer"} {
				if r.Header.Get(k) != "" {
					t.Errorf("%s: header %s sent", id, k)
				}
			}
			if ua := r.UserAgent(); !strings.Contains(ua, "+https://") {
				t.Errorf("%s: no contact in %q", id, ua)
			}
			w.Header().Set("Set-Cookie", "id=1")
			w.Header().Set("Content-Type", "application/rss+xml")
			not := false
			switch kind {
			case "etag", "maxage", "retry", "flaky", "moved":
				if got := r.Header.Get("If-None-Match"); !first && got != "" && got != h.tag {
					t.Errorf("%s: tag %q came back as %q", id, h.tag, got)
				} else if !first && got == "" && kind != "retry" && kind != "flaky" {
					t.Errorf("%s: not conditional", id)
				} else {
					not = got == h.tag
				}
				w.Header().Set("ETag", h.tag)
			case "modified":
				const date = "Tue, 10 Mar 2026 07:00:00 GMT"
				w.Header().Set("Last-Modified", date)
				got := r.Header.Get("If-Modified-Since")
				if !first && got != date {
					t.Errorf("%s: date %q came back as %q", id, date, got)
				}
				not = got == date
			}
			switch kind {
			case "maxage":
				w.Header().Set("Cache-Control", "public, max-age=7200")
				h.until = now.Add(2 * time.Hour)
			case "retry":
				if rng.IntN(2) == 0 {
					w.Header().Set("Retry-After", "10800")
					h.until = now.Add(3 * time.Hour)
					w.WriteHeader(503)
					return
				}
			case "flaky":
				if rng.IntN(2) == 0 {
					w.WriteHeader(500)
					return
				}
			case "gone":
				w.WriteHeader(410)
				return
			case "missing":
				w.WriteHeader(404)
				return
			case "broken":
				w.WriteHeader(500)
				return
			}
			if not {
				w.WriteHeader(304)
				return
			}
			w.Write([]byte(body))
		}
		s.extra["/feed"] = answer
		if kind == "moved" {
			s.extra["/new"] = answer
			s.extra["/feed"] = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/new", 301) }
		}
		list = append(list, source(id, s))
	}
	p := d.open(list...)
	for minute := range 24 * 60 / 5 {
		if minute%50 == 49 { // a restart
			p.opt.Archive.Close()
			p = d.open(list...)
		}
		if err := p.Once(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		d.clock.add(5 * time.Minute)
	}
	polls := 0
	for id, h := range logs {
		polls += len(h.at)
		for i := 1; i < len(h.at); i++ {
			if gap := h.at[i].Sub(h.at[i-1]); gap < 10*time.Minute {
				t.Errorf("%s: polled again after %v", id, gap)
			}
		}
		kind, _, _ := strings.Cut(id, "-")
		n := len(h.at)
		st, err := p.State(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		switch kind {
		case "gone":
			if n != 1 || !st.Stopped || st.State != schemas.SourceDown {
				t.Errorf("%s: %d polls, %+v", id, n, st)
			}
		case "missing", "broken":
			if n < 4 || n > 9 || st.State != schemas.SourceDown || h.at[n-1].Sub(h.at[n-2]) < 5*time.Hour {
				t.Errorf("%s: %d polls, state %s, last gap %v", id, n, st.State, h.at[n-1].Sub(h.at[n-2]))
			}
		case "moved":
			if !strings.HasSuffix(st.Feed, "/new") {
				t.Errorf("%s: address in use %q", id, st.Feed)
			}
		case "etag", "modified":
			if n < 8 || n > 100 || st.State != schemas.SourceUp {
				t.Errorf("%s: %d polls a day, state %s", id, n, st.State)
			}
		case "plain":
			if n > 25 {
				t.Errorf("%s: %d unconditional polls a day", id, n)
			}
		}
	}
	t.Logf("%d polls of 50 hosts in a day", polls)
	for i := range list {
		if strings.HasPrefix(list[i].ID, "moved") {
			// It moved after three sightings: the old address is asked no more.
			if st, _ := p.State(t.Context(), list[i].ID); st.Polls < 4 {
				t.Errorf("%s: %d polls", list[i].ID, st.Polls)
			}
		}
	}
}

func TestHealth(t *testing.T) {
	page := "<!doctype html><html><body>Access denied</body></html>"
	for name, c := range map[string]struct {
		feed   http.HandlerFunc
		state  string
		reason string
		wait   [2]time.Duration // bounds of the time to the next poll
	}{
		"wall": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(429)
			fmt.Fprint(w, page)
		}, schemas.SourceBlocked, "blocked", [2]time.Duration{24 * time.Hour, 27 * time.Hour}},
		"limit": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7200")
			w.WriteHeader(429)
		}, schemas.SourceDegraded, "rate", [2]time.Duration{2 * time.Hour, 3 * time.Hour}},
		"forbidden": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, schemas.SourceBlocked, "blocked", [2]time.Duration{6 * time.Hour, 7 * time.Hour}},
		"web page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, page)
		}, schemas.SourceDegraded, "not_feed", [2]time.Duration{9 * time.Minute, 12 * time.Minute}},
		"empty": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `<rss version="2.0"><channel><title>x</title></channel></rss>`)
		}, schemas.SourceSilent, "", [2]time.Duration{time.Hour, 7 * time.Hour}},
		"years ago": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `<rss version="2.0"><channel><title>x</title><item><title>Old news</title><link>http://127.0.0.1/x</link><pubDate>Fri, 25 Jul 2008 10:00:00 GMT</pubDate></item></channel></rss>`)
		}, schemas.SourceSilent, "", [2]time.Duration{14 * time.Minute, 7 * time.Hour}}, // its page, which does not answer, is tried again sooner
		"304 unasked": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, schemas.SourceDegraded, "protocol", [2]time.Duration{9 * time.Minute, 12 * time.Minute}},
		"silly Retry": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "99999999999999999999")
			w.WriteHeader(503)
		}, schemas.SourceDegraded, "server", [2]time.Duration{7*24*time.Hour - time.Minute, 8 * 24 * time.Hour}},
		"Retry in past": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT")
			w.WriteHeader(503)
		}, schemas.SourceDegraded, "server", [2]time.Duration{9 * time.Minute, 12 * time.Minute}},
	} {
		s := newSite(t)
		s.extra["/feed"] = c.feed
		d := newDesk(t)
		var told []string
		d.opt = func(o *Options) {
			o.Health = func(_ context.Context, st schemas.SourceState) { told = append(told, st.State) }
		}
		p := d.open(source("presse", s))
		r := d.fetch(p, "presse")
		st, _ := p.State(t.Context(), "presse")
		if wait := st.Next.Sub(d.clock.now()); st.State != c.state || r.Reason != c.reason || wait < c.wait[0] || wait > c.wait[1] {
			t.Errorf("%s: state %s, reason %q, next in %v, error %q; want %s, %q, %v", name, st.State, r.Reason, wait, st.Error, c.state, c.reason, c.wait)
		}
		if len(told) != 1 || told[0] != c.state {
			t.Errorf("%s: told of %v", name, told)
		}
	}
}

// TestPace: the interval follows the feed's rhythm, and a window that moved past
// us is an alarm that shortens it.
func TestPace(t *testing.T) {
	step := func(n int, gap time.Duration, from int) []item {
		out := many(n, from)
		for i := range out {
			out[i].At = noon.Add(-time.Duration(i) * gap)
		}
		return out
	}
	for _, c := range []struct {
		gap      time.Duration
		min, max time.Duration
	}{
		{2 * time.Minute, 15 * time.Minute, 15 * time.Minute},
		{2 * time.Hour, 55 * time.Minute, 65 * time.Minute},
		{48 * time.Hour, 6 * time.Hour, 6 * time.Hour},
	} {
		s := newSite(t, step(20, c.gap, 0)...)
		d := newDesk(t)
		d.opt = func(o *Options) { o.MaxAge = time.Hour * 24 * 365 }
		p := d.open(source("presse", s))
		d.fetch(p, "presse")
		st, _ := p.State(t.Context(), "presse")
		if st.Every < c.min || st.Every > c.max || st.Next.Before(noon.Add(st.Every)) || st.Next.After(noon.Add(st.Every*11/10+time.Second)) {
			t.Errorf("rhythm %v: every %v, next in %v", c.gap, st.Every, st.Next.Sub(noon))
		}
	}
	s := newSite(t, step(10, 2*time.Hour, 0)...)
	d := newDesk(t)
	p := d.open(source("presse", s))
	d.fetch(p, "presse")
	before, _ := p.State(t.Context(), "presse")
	s.set(step(10, 2*time.Hour, 100)...)
	d.clock.add(time.Hour)
	d.fetch(p, "presse")
	st, _ := p.State(t.Context(), "presse")
	if st.Gaps != 1 || len(st.Alarms) != 1 || st.State != schemas.SourceDegraded || st.Every > before.Every/2+time.Minute {
		t.Errorf("after a gap: %+v", st)
	}
	items := step(10, 2*time.Hour, 100)
	s.set(append(items[:9:9], many(1, 300)...)...)
	d.clock.add(time.Hour)
	d.fetch(p, "presse")
	if st, _ = p.State(t.Context(), "presse"); st.State != schemas.SourceUp || len(st.Alarms) != 0 {
		t.Errorf("after a poll without gap: %+v", st)
	}
}

// TestClock: a clock that ran far ahead does not silence a feed.
func TestClock(t *testing.T) {
	s := newSite(t, many(3, 0)...)
	d := newDesk(t)
	d.clock.add(10 * 365 * 24 * time.Hour)
	p := d.open(source("presse", s))
	if err := p.Once(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	d.clock.add(-10 * 365 * 24 * time.Hour)
	p = d.open(source("presse", s))
	n := s.count("/feed")
	if err := p.Once(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if s.count("/feed") != n+1 {
		t.Error("not polled after the clock was put right")
	}
}

// TestRun: the loop polls on its own, takes in new sources, and ends when told to.
func TestRun(t *testing.T) {
	a, b := newSite(t, many(2, 0)...), newSite(t, many(2, 50)...)
	d := newDesk(t)
	d.opt = func(o *Options) { o.Now = time.Now }
	for _, s := range []*site{a, b} {
		for i := range s.items {
			s.items[i].At = time.Now().Add(-time.Hour)
		}
	}
	came := make(chan int, 100)
	opt := d.opt
	d.opt = func(o *Options) {
		opt(o)
		o.Publish = func(ctx context.Context, list []schemas.Article, event string) ([]uint64, error) {
			seqs, err := d.log.publish(ctx, list, event)
			came <- len(list)
			return seqs, err
		}
	}
	p := d.open(source("alpha", a))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	wait := func(n int) {
		t.Helper()
		for n > 0 {
			select {
			case k := <-came:
				n -= k
			case <-time.After(time.Minute):
				t.Fatalf("%d articles did not come", n)
			}
		}
	}
	wait(2)
	p.SetSources([]schemas.Source{source("alpha", a), source("beta", b)})
	wait(2)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if a.count("/feed") != 1 {
		t.Errorf("polled %d times", a.count("/feed"))
	}
}

// TestLiar: a server that says "not modified" whatever happens is found out.
func TestLiar(t *testing.T) {
	old := many(5, 0)
	for i := range old {
		old[i].At = noon.Add(-90 * 24 * time.Hour)
	}
	s := newSite(t, old...)
	s.feed = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"always"`)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(304)
			return
		}
		fmt.Fprint(w, s.rss())
	}
	d := newDesk(t)
	p := d.open(source("presse", s))
	d.fetch(p, "presse")
	fresh := many(3, 50)
	for i := range fresh {
		fresh[i].At = noon.Add(2 * time.Hour)
	}
	s.set(append(fresh, old...)...)
	for range 10 {
		d.clock.add(6 * time.Hour)
		d.fetch(p, "presse")
	}
	st, _ := p.State(t.Context(), "presse")
	if st.Liar == "" || d.log.count(EventNew) != 8 {
		t.Errorf("liar %q, %d articles, state %s", st.Liar, d.log.count(EventNew), st.State)
	}
}

// TestCrawlDelay: a longer pause that robots.txt asks for is kept.
func TestCrawlDelay(t *testing.T) {
	s := newSite(t, many(3, 0)...)
	s.extra["/robots.txt"] = text("User-agent: *\nCrawl-delay: 0.2\n")
	d := newDesk(t)
	d.opt = func(o *Options) { o.HostDelay = 10 * time.Millisecond }
	p := d.open(source("presse", s))
	start := time.Now()
	d.fetch(p, "presse")
	if took := time.Since(start); took < 400*time.Millisecond {
		t.Errorf("three pages in %v", took)
	}
}

// TestFirstPoll takes a small feed in whole, however old, and of one that lists its
// archive only what is not too old.
func TestFirstPoll(t *testing.T) {
	for listed, want := range map[int]int{smallFeed: smallFeed, 2 * smallFeed: 10} {
		list := many(listed, 0)
		for i := range list {
			list[i].At = noon.Add(-2 * 365 * 24 * time.Hour)
			if i < 10 {
				list[i].At = noon.Add(-time.Hour)
			}
		}
		d := newDesk(t)
		p := d.open(source("presse", newSite(t, list...)))
		if r := d.fetch(p, "presse"); r.New != want || r.New+r.Refused != listed {
			t.Errorf("of %d items %d are new and %d refused, want %d new", listed, r.New, r.Refused, want)
		}
	}
}
