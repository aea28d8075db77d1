package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrConflict is wrapped by [KV.Update] when somebody else wrote the key first.
var ErrConflict = errors.New("changed meanwhile")

// KV is a bucket of small values by key, durable like the log. Keys are made of
// [-/_=.a-zA-Z0-9].
type KV struct {
	b      *Bus
	kv     jetstream.KeyValue
	bucket string
}

// KV opens a bucket and makes it where it is missing.
func (b *Bus) KV(ctx context.Context, bucket string) (*KV, error) {
	kv, err := b.js.KeyValue(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = b.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: bucket, History: 1, Storage: jetstream.FileStorage,
			MaxBytes: b.opt.MaxStore / 64, Replicas: b.opt.Replicas, Compression: true,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	// PutMany writes through the bucket's stream, in atomic batches.
	st, err := b.js.Stream(ctx, "KV_"+bucket)
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	if cfg := st.CachedInfo().Config; !cfg.AllowAtomicPublish {
		cfg.AllowAtomicPublish = true
		if _, err := b.js.UpdateStream(ctx, cfg); err != nil {
			return nil, fmt.Errorf("open bucket %s: %w", bucket, err)
		}
	}
	return &KV{b, kv, bucket}, nil
}

// Get returns the value and its revision; nil and 0 when the key is not there.
func (k *KV) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	e, err := k.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("get %s/%s: %w", k.bucket, key, err)
	}
	return e.Value(), e.Revision(), nil
}

// Put writes the value, whatever was there, and returns its revision.
func (k *KV) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	rev, err := k.kv.Put(ctx, key, value)
	if err != nil {
		return 0, publishError(k.bucket+"/"+key, err)
	}
	return rev, nil
}

// Update writes the value when the key still has the revision, 0 meaning that it
// is not there. Otherwise the error wraps [ErrConflict].
func (k *KV) Update(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
	var now uint64
	var err error
	if rev == 0 {
		now, err = k.kv.Create(ctx, key, value)
	} else {
		now, err = k.kv.Update(ctx, key, value, rev)
	}
	var api *jetstream.APIError
	switch {
	case err == nil:
		return now, nil
	case errors.Is(err, jetstream.ErrKeyExists), errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return 0, fmt.Errorf("update %s/%s: %w", k.bucket, key, ErrConflict)
	}
	return 0, publishError(k.bucket+"/"+key, err)
}

// PutMany writes up to 1,000 keys with one fsync: all of them, or none.
func (k *KV) PutMany(ctx context.Context, keys []string, values [][]byte) error {
	msgs := make([]*nats.Msg, len(keys))
	for i, key := range keys {
		msgs[i] = nats.NewMsg("$KV." + k.bucket + "." + key)
		msgs[i].Data = values[i]
	}
	if len(msgs) == 0 {
		return nil
	}
	if len(msgs) > AtomicMost {
		return fmt.Errorf("write %d keys of %s at once: at most %d", len(msgs), k.bucket, AtomicMost)
	}
	_, err := k.b.publishBatch(ctx, msgs)
	return err
}

// Delete removes the key; one that is not there is fine.
func (k *KV) Delete(ctx context.Context, key string) error {
	if err := k.kv.Delete(ctx, key); err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return fmt.Errorf("delete %s/%s: %w", k.bucket, key, err)
	}
	return nil
}

// Keys lists the keys.
func (k *KV) Keys(ctx context.Context) ([]string, error) {
	var out []string
	err := k.each(ctx, func(e jetstream.KeyValueEntry) { out = append(out, e.Key()) }, jetstream.MetaOnly())
	return out, err
}

// All reads the whole bucket.
func (k *KV) All(ctx context.Context) (map[string][]byte, error) {
	out := map[string][]byte{}
	err := k.each(ctx, func(e jetstream.KeyValueEntry) { out[e.Key()] = e.Value() })
	return out, err
}

// each calls fn for the present value of every key.
func (k *KV) each(ctx context.Context, fn func(jetstream.KeyValueEntry), opts ...jetstream.WatchOpt) error {
	w, err := k.kv.WatchAll(ctx, append(opts, jetstream.IgnoreDeletes())...)
	if err != nil {
		return fmt.Errorf("read %s: %w", k.bucket, err)
	}
	defer func() { _ = w.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-w.Updates():
			if !ok || e == nil { // nil marks the end of what is there
				return nil
			}
			fn(e)
		}
	}
}

// Watch calls fn for every present key and then for each change until ctx ends;
// value is nil when the key was deleted. loaded is called once in between.
func (k *KV) Watch(ctx context.Context, fn func(key string, value []byte), loaded func()) error {
	w, err := k.kv.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch %s: %w", k.bucket, err)
	}
	defer func() { _ = w.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.Updates():
			switch {
			case !ok:
				return nil
			case e == nil:
				loaded()
			case e.Operation() == jetstream.KeyValuePut:
				fn(e.Key(), e.Value())
			default:
				fn(e.Key(), nil)
			}
		}
	}
}
