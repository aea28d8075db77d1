package index

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

// A search that takes long leaves its place to others, and only so many of them go
// on at once.
func TestSlowLane(t *testing.T) {
	ix := open(t, t.TempDir())
	ix.slot, ix.slow = make(chan struct{}, 1), make(chan struct{}, 1)
	slow := func(ctx context.Context) (context.Context, *turn) {
		ctx, tn, err := ix.enter(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := pause(ctx); err != nil || tn.slow {
			t.Fatalf("a search that has just begun: %v, slow %v", err, tn.slow)
		}
		tn.began = tn.began.Add(-time.Hour)
		return ctx, tn
	}

	waiting := func() {
		for until := time.Now().Add(30 * time.Second); ix.wait.Load() == 0 && time.Now().Before(until); {
			runtime.Gosched()
		}
	}

	one, first := slow(t.Context())
	if err := pause(one); err != nil || !first.slow {
		t.Errorf("the first slow search: %v, slow %v", err, first.slow)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	two, second := slow(cancelled) // there is a place: the first has left it
	gone := make(chan error)
	go func() { gone <- pause(two) }()
	waiting()
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) || !second.none {
		t.Errorf("a slow search given up while it waits: %v", err)
	}
	second.leave()

	three, third := slow(t.Context())
	went := make(chan error)
	go func() { went <- pause(three) }()
	waiting()
	if _, err := ix.Search(t.Context(), Request{}); err != nil {
		t.Errorf("a quick search while one slow search runs and one waits: %v", err)
	}
	select {
	case err := <-went:
		t.Errorf("two in a lane for one: %v", err)
		return
	default:
	}
	first.leave()
	if err := <-went; err != nil || !third.slow {
		t.Errorf("the lane is free: %v, slow %v", err, third.slow)
	}
	third.leave()
	if len(ix.slot) != 0 || len(ix.slow) != 0 || ix.wait.Load() != 0 {
		t.Errorf("left behind: %d places, %d in the slow lane, %d waiting", len(ix.slot), len(ix.slow), ix.wait.Load())
	}

	four, fourth := slow(t.Context())
	ix.wait.Store(MaxWaiting)
	if err := pause(four); !errors.Is(err, ErrBusy) {
		t.Errorf("when as many wait as may: %v, want ErrBusy", err)
	}
	ix.wait.Store(0)
	fourth.leave()
	if len(ix.slot) != 0 || len(ix.slow) != 0 {
		t.Errorf("left behind: %d places, %d in the slow lane", len(ix.slot), len(ix.slow))
	}
}
