package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"example.org/veille/schemas"
)

// ErrFull is wrapped when a stream has no room for a message. Try again later.
var ErrFull = errors.New("the log is full")

// batchMost is how many messages travel in one atomic batch. At 100 a synced
// batch costs about what five single publishes cost; the server takes 1,000.
const batchMost = 100

// AtomicMost is how many messages or keys one atomic batch can hold.
const AtomicMost = 1000

// Publish writes events, each to its Subject, in order, and returns their
// sequences in the stream once all are durable. All subjects must belong to one
// stream. Events go in atomic batches; an event whose id the stream has seen
// within its duplicate window keeps its old sequence.
func (b *Bus) Publish(ctx context.Context, evs ...schemas.Event) ([]uint64, error) {
	msgs := make([]*nats.Msg, len(evs))
	for i, e := range evs {
		body, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
		}
		m := nats.NewMsg(e.Subject)
		m.Data = body
		m.Header.Set(nats.MsgIdHdr, e.ID)
		m.Header.Set("Content-Type", "application/cloudevents+json")
		msgs[i] = m
	}
	return b.publish(ctx, msgs)
}

func (b *Bus) publish(ctx context.Context, msgs []*nats.Msg) ([]uint64, error) {
	seqs := make([]uint64, 0, len(msgs))
	for len(msgs) > 0 {
		n := min(len(msgs), batchMost)
		got, err := b.publishBatch(ctx, msgs[:n])
		if err != nil {
			return seqs, err
		}
		seqs = append(seqs, got...)
		msgs = msgs[n:]
	}
	return seqs, nil
}

// JetStream's codes for a batch that it refuses as a whole because of one
// message's id, and for a stream or server without room.
const (
	codeBatchDuplicate = 10201
	codeNoStorage      = 10023
	codeMaxBytes       = 10077
)

// publishBatch writes up to AtomicMost messages as one atomic batch (one fsync),
// and singly where the server knows one of them already.
func (b *Bus) publishBatch(ctx context.Context, msgs []*nats.Msg) ([]uint64, error) {
	if len(msgs) > 1 {
		last, err := b.commit(ctx, msgs)
		if err == nil {
			seqs := make([]uint64, len(msgs))
			for i := range seqs {
				seqs[i] = last - uint64(len(msgs)-1-i)
			}
			return seqs, nil
		}
		var api *jetstream.APIError
		if !errors.As(err, &api) || api.ErrorCode != codeBatchDuplicate {
			return nil, err
		}
	}
	seqs := make([]uint64, 0, len(msgs))
	for _, m := range msgs {
		for k := range m.Header {
			if len(k) > 11 && k[:11] == "Nats-Batch-" {
				m.Header.Del(k)
			}
		}
		ack, err := b.js.PublishMsg(ctx, m)
		if err != nil {
			return seqs, publishError(m.Subject, err)
		}
		seqs = append(seqs, ack.Sequence)
	}
	return seqs, nil
}

// commit sends the batch by the protocol of JetStream's atomic publish (ADR-50):
// the first message is confirmed, so that a server that cannot do it is noticed
// before the rest is sent; the last one commits.
func (b *Bus) commit(ctx context.Context, msgs []*nats.Msg) (last uint64, err error) {
	id := nuid.Next()
	for i, m := range msgs {
		m.Header.Set("Nats-Batch-Id", id)
		m.Header.Set("Nats-Batch-Sequence", fmt.Sprint(i+1))
		if i > 0 && i < len(msgs)-1 {
			if err := b.nc.PublishMsg(m); err != nil {
				return 0, publishError(m.Subject, err)
			}
			continue
		}
		if i == len(msgs)-1 {
			m.Header.Set("Nats-Batch-Commit", "1")
		}
		rep, err := b.nc.RequestMsgWithContext(ctx, m)
		if err != nil {
			return 0, publishError(m.Subject, err)
		}
		var ack struct {
			Error *jetstream.APIError `json:"error"`
			Seq   uint64              `json:"seq"`
		}
		if len(rep.Data) > 0 {
			if err := json.Unmarshal(rep.Data, &ack); err != nil {
				return 0, fmt.Errorf("publish to %s: %w", m.Subject, err)
			}
		}
		if ack.Error != nil {
			return 0, publishError(m.Subject, ack.Error)
		}
		last = ack.Seq
	}
	return last, nil
}

func publishError(subject string, err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && (api.ErrorCode == codeNoStorage || api.ErrorCode == codeMaxBytes) {
		return fmt.Errorf("publish to %s: %w: %w", subject, ErrFull, err)
	}
	return fmt.Errorf("publish to %s: %w", subject, err)
}
