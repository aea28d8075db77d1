package index

import (
	"context"
	"runtime"
	"time"
)

// Searches take turns. As many run at once as [Options].Searches says; one that has
// run for slowAfter gives its place back and goes on in the slow lane, which leaves
// one processor free: a person's search does not wait for those that read everything,
// however many there are.

// slowAfter is many times what a search of a list takes over 100,000 articles.
const slowAfter = 50 * time.Millisecond

// slowLane is how many slow searches run at once.
func slowLane() int { return max(1, runtime.GOMAXPROCS(0)-1) }

// turn is one search under way.
type turn struct {
	ix    *Index
	sh    *shelf
	began time.Time
	slow  bool // holds a place in the slow lane, no other
	none  bool // gave its place back and got no other: the search ends
}

type turnKey struct{}

// enter waits for a turn to search and holds the index; leave gives both back. What
// the search does long it does under the context that enter returns, asking pause.
func (ix *Index) enter(ctx context.Context) (context.Context, *turn, error) {
	if err := ctx.Err(); err != nil {
		return ctx, nil, err
	}
	select {
	case ix.slot <- struct{}{}:
	default:
		defer ix.wait.Add(-1)
		if ix.wait.Add(1) > MaxWaiting {
			return ctx, nil, ErrBusy
		}
		select {
		case ix.slot <- struct{}{}:
		case <-ctx.Done():
			return ctx, nil, ctx.Err()
		}
	}
	sh, err := ix.hold()
	if err != nil {
		<-ix.slot
		return ctx, nil, err
	}
	t := &turn{ix: ix, sh: sh, began: time.Now()}
	return context.WithValue(ctx, turnKey{}, t), t, nil
}

func (t *turn) leave() {
	t.sh.release()
	switch {
	case t.none:
	case t.slow:
		<-t.ix.slow
	default:
		<-t.ix.slot
	}
}

// pause tells whether the search is to end, and why. It lets others go first when the
// search has taken long.
func pause(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t, ok := ctx.Value(turnKey{}).(*turn)
	if !ok || t.slow || t.none || time.Since(t.began) < slowAfter {
		return nil
	}
	<-t.ix.slot
	t.none = true
	defer t.ix.wait.Add(-1)
	if t.ix.wait.Add(1) > MaxWaiting {
		return ErrBusy
	}
	select {
	case t.ix.slow <- struct{}{}:
		t.slow, t.none = true, false
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
