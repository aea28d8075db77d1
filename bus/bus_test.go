package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"example.org/veille/bus"
	"example.org/veille/bus/bustest"
	"example.org/veille/schemas"
)

func event(t testing.TB, id string) schemas.Event {
	t.Helper()
	e, err := schemas.NewEvent(schemas.TypeArticle, id, "veille.v1.article.new.fr.test", time.Unix(1, 0), map[string]string{"id": id})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestPublishGivesSequences(t *testing.T) {
	b := bustest.Open(t)
	var evs []schemas.Event
	for i := range 250 {
		evs = append(evs, event(t, fmt.Sprint("a", i)))
	}
	seqs, err := b.Publish(t.Context(), evs...)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range seqs {
		if s != uint64(i+1) {
			t.Fatalf("event %d got sequence %d", i, s)
		}
	}
	// One known id in a batch: the others get through, it keeps its sequence.
	seqs, err = b.Publish(t.Context(), event(t, "a7"), event(t, "b1"), event(t, "b2"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint64{8, 251, 252}; !slices.Equal(seqs, want) {
		t.Errorf("got sequences %v, want %v", seqs, want)
	}
	got, err := b.Get(t.Context(), schemas.StreamArticles, 251)
	if err != nil || got.ID != "b1" {
		t.Errorf("message 251: got %q, %v; want b1", got.ID, err)
	}
}

// consume runs a consumer until done reports true or the test's hang guard ends it.
func consume(t *testing.T, b *bus.Bus, c bus.Consumer, handle func(context.Context, []bus.Message) error, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.Consume(ctx, c, handle); err != nil {
			t.Error(err)
		}
	})
	for !done() {
		if ctx.Err() != nil {
			t.Error("nothing more came")
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	wg.Wait()
}

func TestThreeOutcomes(t *testing.T) {
	b := bustest.Open(t)
	ctx := t.Context()
	var evs []schemas.Event
	for _, id := range []string{"ok1", "poison", "panic", "ok2"} {
		evs = append(evs, event(t, id))
	}
	wrong := event(t, "wrongtype")
	wrong.Type = schemas.TypeDeal
	if _, err := b.Publish(ctx, append(evs, wrong)...); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	done := map[string]int{}
	c := bus.Consumer{Stream: schemas.StreamArticles, Durable: "three", Type: schemas.TypeArticle}
	consume(t, b, c, func(_ context.Context, msgs []bus.Message) error {
		for _, m := range msgs {
			switch m.ID {
			case "poison":
				return bus.Poison(errors.New("cannot be read"))
			case "panic":
				panic("index out of range")
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, m := range msgs {
			done[m.ID]++
		}
		return nil
	}, func() bool {
		back, err := b.Backlog(ctx, schemas.StreamArticles)
		left, there := back["three"]
		return err == nil && there && left == 0
	})
	if done["ok1"] == 0 || done["ok2"] == 0 || len(done) != 2 {
		t.Errorf("handled %v, want ok1 and ok2", done)
	}
	dead, err := b.Deads(ctx, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range dead {
		e, err := schemas.DecodeEvent(d.Body, "")
		if err != nil {
			t.Errorf("dead letter without its bytes: %v", err)
		}
		got = append(got, e.ID)
		if d.Reason == "" || d.Stage != "three" {
			t.Errorf("dead letter %+v lacks reason or stage", d)
		}
	}
	slices.Sort(got)
	if want := []string{"panic", "poison", "wrongtype"}; !slices.Equal(got, want) {
		t.Errorf("dead letters %v, want %v", got, want)
	}
}

// A dead letter goes back into its stream once its stage can read it, or is taken away;
// either way it is no longer among the dead.
func TestReviveAndDrop(t *testing.T) {
	b := bustest.Open(t)
	ctx := t.Context()
	if _, err := b.Publish(ctx, event(t, "one"), event(t, "two")); err != nil {
		t.Fatal(err)
	}
	c := bus.Consumer{Stream: schemas.StreamArticles, Durable: "repaired", Type: schemas.TypeArticle}
	drained := func() bool {
		back, err := b.Backlog(ctx, schemas.StreamArticles)
		left, there := back["repaired"]
		return err == nil && there && left == 0
	}
	consume(t, b, c, func(context.Context, []bus.Message) error { return bus.Poison(errors.New("a fault of ours")) }, drained)
	dead, err := b.Deads(ctx, 10)
	if err != nil || len(dead) != 2 {
		t.Fatalf("%d dead letters, %v", len(dead), err)
	}
	if err := b.Revive(ctx, dead[0].Place); err != nil {
		t.Fatal(err)
	}
	if err := b.Drop(ctx, dead[1].Place); err != nil {
		t.Fatal(err)
	}
	var got []string
	consume(t, b, c, func(_ context.Context, msgs []bus.Message) error {
		for _, m := range msgs {
			got = append(got, m.ID)
		}
		return nil
	}, drained)
	if !slices.Equal(got, []string{"one"}) {
		t.Errorf("came back: %v, want one", got)
	}
	if dead, err := b.Deads(ctx, 10); err != nil || len(dead) != 0 {
		t.Errorf("still dead: %+v, %v", dead, err)
	}
	for _, f := range []func(context.Context, uint64) error{b.Revive, b.Drop} {
		if err := f(ctx, dead[0].Place); !errors.Is(err, bus.ErrNoLetter) {
			t.Errorf("a second time: %v, want ErrNoLetter", err)
		}
	}
}

// A handler that fails for a passing reason sees the message again, and a
// consumer stopped in between finds it after a restart of the server.
func TestRetryAcrossRestart(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	open := func() *bus.Bus {
		b, err := bus.Open(ctx, bustest.Log(t), bus.Options{Dir: dir, MaxStore: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := open()
	if _, err := b.Publish(ctx, event(t, "later")); err != nil {
		t.Fatal(err)
	}
	c := bus.Consumer{Stream: schemas.StreamArticles, Durable: "retry", Type: schemas.TypeArticle}
	var tries []uint64
	consume(t, b, c, func(_ context.Context, msgs []bus.Message) error {
		tries = append(tries, msgs[0].Tries)
		return errors.New("disk busy")
	}, func() bool { return len(tries) > 0 })
	b.Close()

	b = open()
	defer b.Close()
	consume(t, b, c, func(_ context.Context, msgs []bus.Message) error {
		tries = append(tries, msgs[0].Tries)
		return nil
	}, func() bool {
		back, err := b.Backlog(ctx, schemas.StreamArticles)
		left, there := back["retry"]
		return err == nil && there && left == 0
	})
	if !slices.Equal(tries, []uint64{1, 2}) {
		t.Errorf("deliveries %v, want the first and one more", tries)
	}
}

func TestReadStopsAtTheEnd(t *testing.T) {
	b := bustest.Open(t)
	ctx := t.Context()
	n, passed, err := b.Read(ctx, schemas.StreamArticles, 0, nil)
	if n != 0 || passed != 0 || err != nil {
		t.Fatalf("empty stream: %d, %d, %v", n, passed, err)
	}
	if _, err := b.Publish(ctx, event(t, "a"), event(t, "b"), event(t, "c")); err != nil {
		t.Fatal(err)
	}
	var ids []string
	n, _, err = b.Read(ctx, schemas.StreamArticles, 2, func(m bus.Message, last uint64) error {
		ids = append(ids, m.ID)
		return nil
	})
	if err != nil || n != 2 || !slices.Equal(ids, []string{"b", "c"}) {
		t.Errorf("read %d: %v, %v; want b and c", n, ids, err)
	}
}

func TestFollow(t *testing.T) {
	b := bustest.Open(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := b.Publish(ctx, event(t, "a"), event(t, "b")); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	var ids []string
	err := b.Follow(ctx, schemas.StreamArticles, 1, func(m bus.Message) error {
		if ids = append(ids, m.ID); len(ids) == 2 {
			return enough
		}
		_, err := b.Publish(ctx, event(t, "c")) // one that comes while we wait
		return err
	})
	if !errors.Is(err, enough) || !slices.Equal(ids, []string{"b", "c"}) {
		t.Errorf("followed %v, %v", ids, err)
	}
}

func TestKV(t *testing.T) {
	b := bustest.Open(t)
	ctx := t.Context()
	kv, err := b.KV(ctx, schemas.BucketArticles)
	if err != nil {
		t.Fatal(err)
	}
	if v, rev, err := kv.Get(ctx, "nobody"); v != nil || rev != 0 || err != nil {
		t.Errorf("absent key: %q, %d, %v", v, rev, err)
	}
	var keys []string
	var values [][]byte
	for i := range 230 {
		keys = append(keys, fmt.Sprint("k", i))
		values = append(values, fmt.Append(nil, "v", i))
	}
	if err := kv.PutMany(ctx, keys, values); err != nil {
		t.Fatal(err)
	}
	if err := kv.PutMany(ctx, make([]string, 1001), make([][]byte, 1001)); err == nil {
		t.Error("1,001 keys were written as if they were one")
	}
	all, err := kv.All(ctx)
	if err != nil || len(all) != 230 || string(all["k229"]) != "v229" {
		t.Errorf("read back %d keys, k229=%q, %v", len(all), all["k229"], err)
	}
	_, rev, err := kv.Get(ctx, "k1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Update(ctx, "k1", []byte("mine"), rev); err != nil {
		t.Error(err)
	}
	if _, err := kv.Update(ctx, "k1", []byte("late"), rev); !errors.Is(err, bus.ErrConflict) {
		t.Errorf("second writer got %v, want a conflict", err)
	}
	if _, err := kv.Update(ctx, "k1", []byte("late"), 0); !errors.Is(err, bus.ErrConflict) {
		t.Errorf("create over a key got %v, want a conflict", err)
	}
	if err := kv.Delete(ctx, "k1"); err != nil {
		t.Error(err)
	}
	if err := kv.Delete(ctx, "k1"); err != nil {
		t.Errorf("deleting twice: %v", err)
	}
	if v, _, _ := kv.Get(ctx, "k1"); v != nil {
		t.Errorf("deleted key still reads %q", v)
	}
}

func BenchmarkPublish(b *testing.B) {
	bb := bustest.Open(b)
	n := 0
	for b.Loop() {
		var evs []schemas.Event
		for range 100 {
			n++
			evs = append(evs, event(b, fmt.Sprint("e", n)))
		}
		if _, err := bb.Publish(b.Context(), evs...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}
