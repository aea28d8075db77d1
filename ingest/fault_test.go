package ingest

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.org/veille/internal/faultserver"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
)

// cpu is the processor time that the process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fast is a client with short time limits that may go to loopback.
func (d *desk) fast() {
	before := d.opt
	d.opt = func(o *Options) {
		if before != nil {
			before(o)
		}
		if os.Getenv("VEILLE_TRUST") == "" {
			nets, _ := guard.ParseCIDRs([]string{"127.0.0.0/8"})
			o.Client = guard.New(guard.Policy{Allow: nets, Connect: 500 * time.Millisecond, Header: time.Second, Total: 3 * time.Second})
		}
	}
}

// TestT17 polls every fault of the transport beside twenty healthy feeds: those
// come in whole, the faulty ones are told apart, and nothing of a cut feed gets in.
func TestT17(t *testing.T) {
	var servers [6]*faultserver.Server // a host answers one request at a time
	for i := range servers {
		s, err := faultserver.New()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		servers[i] = s
	}
	var list []schemas.Source
	for i, k := range faultserver.Kinds() {
		s := servers[i%len(servers)]
		list = append(list, schemas.Source{ID: "fault-" + schemas.Token(k.Name), Name: k.Name, Feed: s.URL(k.Name, 1)})
	}
	for i := range 20 {
		list = append(list, source(fmt.Sprintf("good-%d", i), newSite(t, many(3, i*10)...)))
	}
	d := newDesk(t)
	d.fast()
	d.opt = func(f func(*Options)) func(*Options) {
		return func(o *Options) { f(o); o.Workers = 80 }
	}(d.opt)
	goroutines := runtime.NumGoroutine()
	p := d.open(list...)
	var slowest atomic.Int64
	start := time.Now()
	err := p.Once(t.Context(), func(r Result, _, _ int) {
		if strings.HasPrefix(r.Source, "good") {
			slowest.Store(max(slowest.Load(), int64(time.Since(start))))
			if r.New != 3 || r.Error != "" {
				t.Errorf("%s: %+v", r.Source, r)
			}
			return
		}
		st, err := p.State(t.Context(), r.Source)
		if err != nil || st.Polls != 1 || st.Fails == 1 && (st.Error == "" || st.Reason == "") {
			t.Errorf("%s: state %+v, %v", r.Source, st, err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range d.log.state() {
		if strings.Contains(a.Title, "The first item is whole") {
			t.Errorf("an item of a feed that was cut got in, from %s", a.Source)
		}
	}
	t.Logf("%d faulty feeds in %v; the healthy ones were done after %v", len(faultserver.Kinds()), time.Since(start).Round(time.Millisecond), time.Duration(slowest.Load()).Round(time.Millisecond))
	p.opt.Client.Close()
	for range 100 {
		if runtime.NumGoroutine() <= goroutines+40 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > goroutines+40 { // the test servers of the healthy feeds keep some
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
}

// TestT18 sends every hostile body as a feed, in each dress (in two of the four
// unless the long profile is wanted), and as a page.
func TestT18(t *testing.T) {
	s, err := faultserver.New()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dresses := []string{"rss", "atom", "json", "html"}
	kinds := faultserver.ContentKinds
	if os.Getenv("VEILLE_TRUST") == "" {
		dresses = []string{"rss", "html"}
	}
	var peak uint64
	note := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapInuse)
	}
	worst, worstKind := time.Duration(0), ""
	for _, kind := range kinds {
		d := newDesk(t)
		p := d.open()
		var list []schemas.Source
		for _, as := range dresses {
			list = append(list, schemas.Source{ID: "x-" + as, Name: kind, Feed: s.URL(kind, 1) + "&as=" + as})
		}
		// As the page of an article.
		press := newSite(t, item{GUID: "1", Link: s.URL(kind, 2) + "&as=html", Title: "A story on a hostile page", Summary: "summary", At: noon.Add(-time.Hour)})
		list = append(list, source("page", press))
		p.SetSources(list)
		for _, src := range list {
			before, at := cpu(), time.Now()
			r := d.fetch(p, src.ID)
			used := cpu() - before
			note()
			if used > worst {
				worst, worstKind = used, kind+" "+src.ID
			}
			if limit := 5 * time.Second; used > limit {
				t.Errorf("%s as %s: %v of processor time in %v", kind, src.ID, used, time.Since(at))
			}
			if src.ID == "page" && r.New+r.Refused+r.Failed != 1 {
				t.Errorf("%s as page: %+v", kind, r)
			}
		}
		for _, e := range d.log.list {
			if !slices.ContainsFunc([]string{"http://", "https://"}, func(s string) bool { return strings.HasPrefix(e.a.URL, s) }) && e.a.URL != "" {
				t.Errorf("%s: address %.60q", kind, e.a.URL)
			}
			if strings.Contains(e.a.Text, "root:x:") || strings.ContainsAny(e.a.Title, "\x00") {
				t.Errorf("%s: %.60q", kind, e.a.Text)
			}
		}
	}
	t.Logf("%d kinds in %d dresses and as page; most processor time of one poll %v (%s), heap at most %d MiB", len(kinds), len(dresses), worst.Round(time.Millisecond), worstKind, peak>>20)
	if peak > 400<<20 {
		t.Errorf("heap of %d MiB", peak>>20)
	}
}
