package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"example.org/veille/schemas"
)

// ErrPoison marks a message that can never be handled. Wrap it with the reason:
// [Poison] does.
var ErrPoison = errors.New("poison")

// Poison says that the message can never be handled, and why.
func Poison(why error) error { return fmt.Errorf("%w: %w", ErrPoison, why) }

// Consumer names a durable reader of a stream.
type Consumer struct {
	Stream  string
	Durable string
	Filter  string // subject; "" reads all
	Type    string // event type wanted; another one is poison
	Batch   int    // most messages in one call of the handler, 100 when zero
	Serial  bool   // one batch at a time over all processes that share the durable
}

// Message is one delivery.
type Message struct {
	schemas.Event
	Seq     uint64 // in its stream
	Subject string
	Tries   uint64 // deliveries so far, 1 for the first
}

// Redelivery: five steps, then the dead letters. A batch at hand is kept alive by
// InProgress, so that ackWait is only how long the work of a process that died
// lies still: short in our own process, with room for a slow network elsewhere.
var retryAfter = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour}

const (
	maxDeliver = 6
	idleWait   = 30 * time.Second // one long poll
)

func (b *Bus) ackWait() time.Duration {
	if b.srv != nil {
		return 10 * time.Second
	}
	return 60 * time.Second
}

// Consume reads until ctx ends and then finishes the batch at hand. handle gets
// between one and Batch messages in stream order; what it returns counts for all
// of them. When it fails on several, it is called again for each alone, so that
// one bad message holds up nobody; it must therefore be idempotent.
func (b *Bus) Consume(ctx context.Context, c Consumer, handle func(context.Context, []Message) error) error {
	if c.Batch == 0 {
		c.Batch = 100
	}
	pending := max(256, 2*c.Batch)
	if c.Serial {
		pending = c.Batch
	}
	cons, err := b.js.CreateOrUpdateConsumer(ctx, c.Stream, jetstream.ConsumerConfig{
		Durable:       c.Durable,
		FilterSubject: c.Filter,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       b.ackWait(),
		MaxDeliver:    -1, // counted in deliver, so that the last one reaches the dead letters, even when it killed the process
		MaxAckPending: pending,
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("consumer %s: %w", c.Durable, err)
	}
	for {
		msgs, err := b.fetch(ctx, cons, c.Batch)
		if ctx.Err() != nil {
			// Fetched and not handled: give them back at once.
			for _, m := range msgs {
				_ = m.Nak()
			}
			return nil
		}
		if err != nil {
			b.lg.Warn("fetch", "consumer", c.Durable, "err", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Second):
			}
			continue
		}
		if len(msgs) > 0 {
			// The batch at hand is finished even when ctx ends meanwhile.
			b.deliver(context.WithoutCancel(ctx), c, msgs, handle)
		}
	}
}

// fetch waits for the first message and then takes what else is there: a lone
// message is not held back, a backlog comes in full batches.
func (b *Bus) fetch(ctx context.Context, cons jetstream.Consumer, n int) ([]jetstream.Msg, error) {
	wait, cancel := context.WithTimeout(ctx, idleWait)
	defer cancel()
	first, err := cons.Next(jetstream.FetchContext(wait))
	if err != nil {
		if errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, jetstream.ErrNoMessages) {
			return nil, nil
		}
		return nil, err
	}
	msgs := []jetstream.Msg{first}
	if n > 1 {
		more, err := cons.FetchNoWait(n - 1)
		if err != nil {
			return msgs, nil // the first one counts; the rest comes next time
		}
		for m := range more.Messages() {
			msgs = append(msgs, m)
		}
	}
	return msgs, nil
}

func (b *Bus) deliver(ctx context.Context, c Consumer, raw []jetstream.Msg, handle func(context.Context, []Message) error) {
	stop := keepAlive(raw, b.ackWait()/4)
	defer stop()
	good := raw[:0:0]
	var msgs []Message
	for _, m := range raw {
		msg, err := decode(m, c.Type)
		if err == nil && msg.Tries > maxDeliver {
			err = fmt.Errorf("delivered %d times and never finished", msg.Tries-1)
		}
		if err != nil {
			b.bury(ctx, c, m, err)
			continue
		}
		good, msgs = append(good, m), append(msgs, msg)
	}
	if len(msgs) == 0 {
		return
	}
	err := guarded(ctx, handle, msgs)
	if err == nil {
		for _, m := range good {
			b.ack(m)
		}
		return
	}
	for i, m := range good {
		one := err
		if len(good) > 1 {
			one = guarded(ctx, handle, msgs[i:i+1])
		}
		switch {
		case one == nil:
			b.ack(m)
		case errors.Is(one, ErrPoison):
			b.bury(ctx, c, m, one)
		case msgs[i].Tries >= maxDeliver:
			b.bury(ctx, c, m, fmt.Errorf("gave up after %d tries: %w", msgs[i].Tries, one))
		default:
			wait := retryAfter[min(int(msgs[i].Tries)-1, len(retryAfter)-1)]
			b.lg.Warn("try again", "consumer", c.Durable, "event", msgs[i].ID, "try", msgs[i].Tries, "wait", wait, "err", one)
			_ = m.NakWithDelay(wait) // a lost nak is a redelivery after AckWait
		}
	}
}

// guarded turns a panic of a handler into poison: the same bytes would panic again.
func guarded(ctx context.Context, handle func(context.Context, []Message) error, msgs []Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = Poison(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return handle(ctx, msgs)
}

func decode(m jetstream.Msg, want string) (Message, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Message{}, err
	}
	e, err := schemas.DecodeEvent(m.Data(), want)
	return Message{Event: e, Seq: meta.Sequence.Stream, Subject: m.Subject(), Tries: meta.NumDelivered}, err
}

func (b *Bus) ack(m jetstream.Msg) {
	if err := m.Ack(); err != nil { // a lost ack is a redelivery, which changes nothing
		b.lg.Debug("ack", "subject", m.Subject(), "err", err)
	}
}

// maxDeadBody is how much of a message a dead letter holds, in bytes: base64 must fit
// the payload; the stream it came from has the whole.
const maxDeadBody = 600 << 10

// bury keeps the message with the reason among the dead letters and ends its
// delivery. When that fails it is delivered again.
func (b *Bus) bury(ctx context.Context, c Consumer, m jetstream.Msg, why error) {
	dead := schemas.Dead{Stage: c.Durable, Stream: c.Stream, Reason: clip(strings.TrimPrefix(why.Error(), ErrPoison.Error()+": "), 2000), At: time.Now().UTC(), Subject: m.Subject(), Body: m.Data()}
	if meta, err := m.Metadata(); err == nil {
		dead.Seq, dead.Tries = meta.Sequence.Stream, meta.NumDelivered
	}
	if len(dead.Body) > maxDeadBody {
		dead.Body = dead.Body[:maxDeadBody]
	}
	id := schemas.EventID("dead", c.Durable, c.Stream, fmt.Sprint(dead.Seq))
	ev, err := schemas.NewEvent(schemas.TypeDead, id, schemas.DeadSubject(c.Durable), dead.At, dead)
	if err == nil {
		_, err = b.Publish(ctx, ev)
	}
	if err != nil {
		b.lg.Error("dead letter", "consumer", c.Durable, "seq", dead.Seq, "err", err)
		_ = m.NakWithDelay(retryAfter[0])
		return
	}
	b.lg.Error("message set aside", "consumer", c.Durable, "seq", dead.Seq, "subject", m.Subject(), "reason", clip(dead.Reason, 300))
	_ = m.TermWithReason(clip(dead.Reason, 100))
}

// keepAlive tells the server that the batch is still worked on.
func keepAlive(msgs []jetstream.Msg, every time.Duration) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				for _, m := range msgs {
					_ = m.InProgress()
				}
			}
		}
	}()
	return func() { close(done); <-ended }
}

func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}

// Get reads one message of a stream.
func (b *Bus) Get(ctx context.Context, stream string, seq uint64) (schemas.Event, error) {
	st, err := b.js.Stream(ctx, stream)
	if err != nil {
		return schemas.Event{}, fmt.Errorf("stream %s: %w", stream, err)
	}
	m, err := st.GetMsg(ctx, seq)
	if err != nil {
		return schemas.Event{}, fmt.Errorf("message %d of %s: %w", seq, stream, err)
	}
	return schemas.DecodeEvent(m.Data, "")
}

// Read hands every message of a stream to fn, oldest first, up to the one that is
// last when Read is called, and returns how many there were. It leaves durable
// consumers alone. A message that is no event is passed over and counted.
func (b *Bus) Read(ctx context.Context, stream string, from uint64, fn func(Message, uint64) error) (n, passed int, err error) {
	st, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, 0, fmt.Errorf("stream %s: %w", stream, err)
	}
	state := st.CachedInfo().State
	if state.Msgs == 0 || from > state.LastSeq {
		return 0, 0, nil
	}
	cfg := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}
	if from > 0 {
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, from
	}
	cons, err := b.js.OrderedConsumer(ctx, stream, cfg)
	if err != nil {
		return 0, 0, fmt.Errorf("read %s: %w", stream, err)
	}
	it, err := cons.Messages()
	if err != nil {
		return 0, 0, fmt.Errorf("read %s: %w", stream, err)
	}
	defer it.Stop()
	stop := context.AfterFunc(ctx, it.Stop)
	defer stop()
	for {
		m, err := it.Next()
		if ctx.Err() != nil {
			return n, passed, ctx.Err()
		}
		if err != nil {
			return n, passed, fmt.Errorf("read %s: %w", stream, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return n, passed, fmt.Errorf("read %s: %w", stream, err)
		}
		if msg, err := decode(m, ""); err != nil {
			passed++
		} else if err := fn(msg, state.LastSeq); err != nil {
			return n, passed, err
		} else {
			n++
		}
		if meta.Sequence.Stream >= state.LastSeq {
			return n, passed, nil
		}
	}
}

// Follow hands the messages of a stream that come after a sequence to fn, oldest
// first, and goes on with new ones until ctx ends or fn fails.
func (b *Bus) Follow(ctx context.Context, stream string, after uint64, fn func(Message) error) error {
	cons, err := b.js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1,
	})
	if err != nil {
		return fmt.Errorf("follow %s: %w", stream, err)
	}
	it, err := cons.Messages()
	if err != nil {
		return fmt.Errorf("follow %s: %w", stream, err)
	}
	defer it.Stop()
	stop := context.AfterFunc(ctx, it.Stop)
	defer stop()
	for {
		m, err := it.Next()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("follow %s: %w", stream, err)
		}
		if msg, err := decode(m, ""); err == nil {
			if err := fn(msg); err != nil {
				return err
			}
		}
	}
}

// Backlog tells how many messages each durable consumer of a stream has still to
// acknowledge, those of which it holds now included.
func (b *Bus) Backlog(ctx context.Context, stream string) (map[string]uint64, error) {
	st, err := b.js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", stream, err)
	}
	out := map[string]uint64{}
	list := st.ListConsumers(ctx)
	for c := range list.Info() {
		if c.Config.Durable != "" {
			out[c.Config.Durable] = c.NumPending + uint64(c.NumAckPending)
		}
	}
	return out, list.Err()
}

// Size tells how many messages a stream holds, and its last sequence.
func (b *Bus) Size(ctx context.Context, stream string) (msgs, last uint64, err error) {
	st, err := b.js.Stream(ctx, stream)
	if err != nil {
		return 0, 0, fmt.Errorf("stream %s: %w", stream, err)
	}
	s := st.CachedInfo().State
	return s.Msgs, s.LastSeq, nil
}

// Forget deletes a durable consumer, so that it starts over at the stream's
// beginning.
func (b *Bus) Forget(ctx context.Context, stream, durable string) error {
	err := b.js.DeleteConsumer(ctx, stream, durable)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return fmt.Errorf("forget consumer %s: %w", durable, err)
	}
	return nil
}

// DeadLetter is a message that no handler could take, with its place among the dead.
type DeadLetter struct {
	schemas.Dead
	Place uint64
}

// ErrNoLetter is wrapped when there is no dead letter at a place.
var ErrNoLetter = errors.New("no such dead letter")

// Deads lists the dead letters, oldest first, at most n of the newest.
func (b *Bus) Deads(ctx context.Context, n int) ([]DeadLetter, error) {
	have, last, err := b.Size(ctx, schemas.StreamDead)
	if err != nil {
		return nil, err
	}
	from := uint64(0)
	if have > uint64(n) { // those taken out leave gaps, so that this may be fewer than n
		from = last - uint64(n) + 1
	}
	var out []DeadLetter
	_, _, err = b.Read(ctx, schemas.StreamDead, from, func(m Message, _ uint64) error {
		d := DeadLetter{Place: m.Seq}
		if json.Unmarshal(m.Data, &d.Dead) == nil {
			out = append(out, d)
		}
		return nil
	})
	return out, err
}

// DeadAt reads the dead letter at a place.
func (b *Bus) DeadAt(ctx context.Context, place uint64) (DeadLetter, error) {
	d := DeadLetter{Place: place}
	e, err := b.Get(ctx, schemas.StreamDead, place)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return d, fmt.Errorf("%w: %d", ErrNoLetter, place)
	}
	if err == nil {
		err = json.Unmarshal(e.Data, &d.Dead)
	}
	return d, err
}

// Revive puts a dead letter back into the stream it came from, where every stage
// sees it as a new message, and takes it from among the dead. A letter that was cut
// and whose message the stream no longer holds stays dead.
func (b *Bus) Revive(ctx context.Context, place uint64) error {
	d, err := b.DeadAt(ctx, place)
	if err != nil {
		return err
	}
	st, err := b.js.Stream(ctx, d.Stream)
	if err != nil {
		return fmt.Errorf("stream %s: %w", d.Stream, err)
	}
	m := nats.NewMsg(d.Subject)
	m.Data = d.Body
	if whole, err := st.GetMsg(ctx, d.Seq); err == nil {
		m.Data = whole.Data
	} else if len(d.Body) >= maxDeadBody {
		return fmt.Errorf("message %d of %s is gone, and only its beginning was kept", d.Seq, d.Stream)
	}
	// Its own id would be dropped as a duplicate for ten minutes; this one makes a second
	// press of the button harmless.
	m.Header.Set(nats.MsgIdHdr, schemas.EventID("revived", strconv.FormatUint(place, 10), d.At.String()))
	m.Header.Set("Content-Type", "application/cloudevents+json")
	if _, err := b.publish(ctx, []*nats.Msg{m}); err != nil {
		return err
	}
	return b.Drop(ctx, place)
}

// Drop takes a dead letter away.
func (b *Bus) Drop(ctx context.Context, place uint64) error {
	st, err := b.js.Stream(ctx, schemas.StreamDead)
	if err != nil {
		return fmt.Errorf("stream %s: %w", schemas.StreamDead, err)
	}
	if err := st.DeleteMsg(ctx, place); err != nil {
		if _, missing := b.DeadAt(ctx, place); errors.Is(missing, ErrNoLetter) {
			return missing
		}
		return fmt.Errorf("drop dead letter %d: %w", place, err)
	}
	return nil
}
