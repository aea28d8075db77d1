package alert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"example.org/veille/bus"
	"example.org/veille/bus/bustest"
	"example.org/veille/schemas"
)

// runner is a process of several on one log: it leads or follows, and consumes
// deal events while it leads.
type runner struct {
	*Notifier
	stop   context.CancelFunc
	done   chan error
	leads  chan struct{} // closed when it has begun to lead
	frozen *atomic.Bool  // its stores answer nothing
}

// frozen is a store of a process that is cut off.
type frozen struct {
	Store
	on *atomic.Bool
}

var errCut = errors.New("the connection is cut")

func (f frozen) Get(ctx context.Context, k string) ([]byte, uint64, error) {
	if f.on.Load() {
		return nil, 0, errCut
	}
	return f.Store.Get(ctx, k)
}

func (f frozen) Put(ctx context.Context, k string, v []byte) (uint64, error) {
	if f.on.Load() {
		return 0, errCut
	}
	return f.Store.Put(ctx, k, v)
}

func (f frozen) Update(ctx context.Context, k string, v []byte, rev uint64) (uint64, error) {
	if f.on.Load() {
		return 0, errCut
	}
	return f.Store.Update(ctx, k, v, rev)
}

func (f frozen) PutMany(ctx context.Context, k []string, v [][]byte) error {
	if f.on.Load() {
		return errCut
	}
	return f.Store.PutMany(ctx, k, v)
}

func startRunner(t *testing.T, b *bus.Bus, w *world, name string) *runner {
	t.Helper()
	r := &runner{done: make(chan error, 1), leads: make(chan struct{}), frozen: new(atomic.Bool)}
	opt := w.opt
	opt.Node, opt.Lease, opt.Now = name, 900*time.Millisecond, time.Now
	opt.Rules, opt.Deliveries = frozen{w.rules, r.frozen}, frozen{w.box, r.frozen}
	var err error
	if r.Notifier, err = New(t.Context(), nolog, opt); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	began := false
	go func() {
		r.done <- r.Lead(ctx, func(ctx context.Context) error {
			if !began {
				began = true
				close(r.leads)
			}
			return b.Consume(ctx, bus.Consumer{Stream: schemas.StreamDeals, Durable: schemas.DurableAlert, Type: schemas.TypeDeal, Serial: true},
				func(ctx context.Context, msgs []bus.Message) error {
					var evs []schemas.Event
					for _, m := range msgs {
						evs = append(evs, m.Event)
					}
					return r.Take(ctx, evs)
				})
		})
	}()
	return r
}

func (r *runner) end(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.done; err != nil && !errors.Is(err, errCut) {
		t.Error(err)
	}
}

// leading waits until the process leads.
func (r *runner) leading(t *testing.T) {
	t.Helper()
	select {
	case <-r.leads:
	case err := <-r.done:
		t.Fatalf("it ended: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("it does not lead")
	}
}

// TestTwoProcesses runs two of them on one log, by the real clock: each deal is
// told once, whoever leads; a clean stop hands over at once, a cut connection once
// the lease has run out, and nobody is told twice.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	b := bustest.Open(t)
	s := newSink(t)
	w := newWorld(t, b, func(o *Options) { o.Now, o.Hourly = time.Now, 1000 })
	w.clock.set(time.Now())
	w.rule(fmt.Sprintf(hookRule, s.URL))
	w.clock.set(time.Now().Add(time.Second))
	told := make(chan string, 1000)
	s.answers(func(p post) (int, http.Header) { told <- p.alert.Deal.ID; return 200, nil })

	sent := map[string]int{}
	publish := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			if _, err := b.Publish(t.Context(), w.fold(w.article(fmt.Sprintf("a%d lemag announced v%d arrow", i, i)).extraction())...); err != nil {
				t.Fatal(err)
			}
		}
	}
	wait := func(n int) {
		t.Helper()
		for len(sent) < n {
			select {
			case id := <-told:
				sent[id]++
			case <-time.After(time.Minute):
				t.Fatalf("%d of %d deals were told", len(sent), n)
			}
		}
	}
	one := startRunner(t, b, w, "one")
	one.leading(t)
	two := startRunner(t, b, w, "two")
	publish(0, 8)
	wait(8)
	if two.sends.Load() {
		t.Fatal("two processes send")
	}
	if err := two.Take(t.Context(), nil); !errors.Is(err, ErrNotLeading) {
		t.Errorf("the standby takes: %v", err)
	}
	// Its log is that of the other.
	for two.Count("all")[schemas.DeliverySent] < 8 {
		time.Sleep(time.Millisecond)
	}

	// A replay that the standby is asked for is done by the one that sends.
	hook := two.book.get("all").rule.To[0].ID
	if n, err := two.Replay(t.Context(), "all", hook, w.clock.now().Add(-time.Hour)); err != nil || n != 8 {
		t.Fatalf("%d %v", n, err)
	}
	for range 8 {
		sent[<-told]--
	}

	// One with another key stands by and does not lead, though it is free.
	opt := w.opt
	w.opt.Key = []byte("another key, of enough bytes too")
	stranger := startRunner(t, b, w, "stranger")
	w.opt = opt
	if stranger.fit() == nil {
		t.Error("it can read the rules")
	}

	// A clean stop: the other goes on at once.
	one.end(t)
	two.leading(t)
	publish(8, 16)
	wait(16)

	// The connection of the one that leads is cut: it stops by itself, and a third
	// one takes over when the lease has run out.
	three := startRunner(t, b, w, "three")
	two.frozen.Store(true)
	publish(16, 24)
	three.leading(t)
	if two.sends.Load() {
		t.Error("two processes send")
	}
	wait(24)
	if stranger.sends.Load() {
		t.Error("a process with another key sends")
	}
	two.end(t)
	three.end(t)
	stranger.end(t)
	for len(told) > 0 {
		sent[<-told]++
	}
	// What was in the air when the connection was cut may come again, under its id.
	doubles := 0
	for _, n := range sent {
		doubles += max(0, n-1)
	}
	if doubles > 1 {
		t.Errorf("%d messages came twice", doubles)
	}
	ids := map[string]int{}
	for _, p := range s.all() {
		ids[p.id]++
	}
	for id, n := range ids {
		if n > 2 { // those of the replay came twice
			t.Errorf("message %s came %d times", id, n)
		}
	}
	if len(ids) != 24 {
		t.Errorf("%d messages, want 24: %v", len(ids), slices.Sorted(maps.Keys(ids)))
	}
}
