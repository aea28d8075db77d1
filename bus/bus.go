// Package bus carries events between the stages over NATS JetStream, and is the
// only package that knows NATS.
//
// [Open] starts an embedded server that keeps its files in a folder and listens
// on no port, or connects to a cluster by URL, and makes sure that the streams
// are there. [Bus.Publish] writes events and returns when they are durable;
// [Bus.Consume] reads a stream through a durable pull consumer and maps what a
// handler returns to one of three outcomes: nil acknowledges, an error that
// wraps [ErrPoison] sends the message to the dead letters with the reason, any
// other error is tried again later. [Bus.KV] opens a key-value bucket.
//
// Delivery is at least once. Handlers must be idempotent; the duplicate window
// of the streams only saves work and is relied on nowhere.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"example.org/veille/schemas"
)

// Options say where the log is kept.
type Options struct {
	Dir      string // files of the embedded server; unused with URL
	URL      string // nats:// or tls:// address of a cluster; "" embeds a server
	Creds    string // file with the credentials for URL
	Replicas int    // copies of each stream with URL, 1 when zero
	MaxStore int64  // bytes on disk of all streams together, 16 GiB when zero
}

// Bus is a connection to the log.
type Bus struct {
	lg  *slog.Logger
	srv *server.Server // nil with an external cluster
	nc  *nats.Conn
	js  jetstream.JetStream
	opt Options
}

// Open starts or joins the log. Close it again, or the embedded server's last
// acknowledgements may be repeated at the next start.
func Open(ctx context.Context, lg *slog.Logger, opt Options) (*Bus, error) {
	if opt.MaxStore == 0 {
		opt.MaxStore = 16 << 30
	}
	opt.Replicas = max(opt.Replicas, 1)
	b := &Bus{lg: lg, opt: opt}
	conn := []nats.Option{
		nats.Name("veille"),
		nats.MaxReconnects(-1),
		nats.PingInterval(5 * time.Second), // a paused leader is noticed in 10 s, not in the default 4 min
		nats.MaxPingsOutstanding(2),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { lg.Warn("bus", "err", err) }),
	}
	url := opt.URL
	if url == "" {
		if err := b.embed(); err != nil {
			return nil, err
		}
		conn = append(conn, nats.InProcessServer(b.srv))
	} else if opt.Creds != "" {
		conn = append(conn, nats.UserCredentials(opt.Creds))
	}
	nc, err := nats.Connect(url, conn...)
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("connect to NATS at %s: %w", redacted(url), err)
	}
	b.nc = nc
	if b.js, err = jetstream.New(nc); err != nil {
		b.Close()
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	if err := b.ensureStreams(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// embed starts the server. SyncAlways: an acknowledged message is on the disk;
// the default would leave it to the operating system for up to two minutes.
func (b *Bus) embed() error {
	if err := os.MkdirAll(b.opt.Dir, 0o700); err != nil {
		return fmt.Errorf("make the log's folder: %w", err)
	}
	srv, err := server.NewServer(&server.Options{
		ServerName:         "veille",
		DontListen:         true,
		NoSigs:             true,
		JetStream:          true,
		StoreDir:           b.opt.Dir,
		SyncAlways:         true,
		MaxPayload:         1 << 20,
		JetStreamMaxMemory: 64 << 20,
		JetStreamMaxStore:  b.opt.MaxStore,
	})
	if err != nil {
		return fmt.Errorf("embed NATS: %w", err)
	}
	srv.SetLoggerV2(serverLog{b.lg}, false, false, false)
	srv.Start()
	b.srv = srv
	if !srv.ReadyForConnections(30 * time.Second) {
		srv.Shutdown()
		return fmt.Errorf("embed NATS: not ready after 30 s in %s", filepath.Base(b.opt.Dir))
	}
	if !srv.JetStreamEnabled() {
		srv.Shutdown()
		return errors.New("embed NATS: JetStream did not start; see the log above")
	}
	return nil
}

// Close drains the connection and stops the embedded server.
func (b *Bus) Close() {
	if b.nc != nil {
		b.nc.Close()
	}
	if b.srv != nil {
		b.srv.Shutdown()
		b.srv.WaitForShutdown()
	}
}

// Ready tells whether the log can take messages now.
func (b *Bus) Ready(ctx context.Context) error {
	if !b.nc.IsConnected() {
		return errors.New("not connected to NATS")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := b.js.Stream(ctx, schemas.StreamArticles); err != nil {
		return fmt.Errorf("stream %s: %w", schemas.StreamArticles, err)
	}
	return nil
}

// streams lists what the log is made of, with each stream's share of MaxStore in
// 64ths; the rest is for the key-value buckets.
var streams = []struct {
	name, subject string
	share         int64
}{
	{schemas.StreamArticles, schemas.SubjectArticles, 16},
	{schemas.StreamExtractions, schemas.SubjectExtractions, 24},
	{schemas.StreamDeals, schemas.SubjectDeals, 8},
	{schemas.StreamPrices, schemas.SubjectPrices, 2},
	{schemas.StreamAlerts, schemas.SubjectAlerts, 2},
	{schemas.StreamDead, schemas.SubjectDead, 2},
	{schemas.StreamOps, schemas.SubjectOps, 1},
}

func (b *Bus) ensureStreams(ctx context.Context) error {
	for _, s := range streams {
		_, err := b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name:               s.name,
			Subjects:           []string{s.subject},
			Storage:            jetstream.FileStorage,
			Compression:        jetstream.S2Compression,
			Retention:          jetstream.LimitsPolicy,
			Discard:            jetstream.DiscardNew, // full means back-pressure, never a silent loss
			MaxBytes:           b.opt.MaxStore / 64 * s.share,
			MaxMsgSize:         1 << 20,
			Duplicates:         10 * time.Minute,
			Replicas:           b.opt.Replicas,
			AllowAtomicPublish: true,
			AllowDirect:        true,
		})
		if err != nil {
			return fmt.Errorf("make stream %s: %w", s.name, err)
		}
	}
	return nil
}

// Trim makes room in streams that are over nine tenths full: it purges what all
// consumers of the stream have acknowledged. Older history comes from the
// archive.
func (b *Bus) Trim(ctx context.Context) error {
	for _, s := range streams {
		st, err := b.js.Stream(ctx, s.name)
		if err != nil {
			return fmt.Errorf("trim %s: %w", s.name, err)
		}
		info := st.CachedInfo()
		if info.State.Bytes < uint64(info.Config.MaxBytes)/10*9 {
			continue
		}
		floor := info.State.LastSeq
		for c := range st.ListConsumers(ctx).Info() {
			floor = min(floor, c.AckFloor.Stream)
		}
		// Keep the newer half of what could go: reading back has a use for it.
		upTo := info.State.FirstSeq + (floor-min(floor, info.State.FirstSeq))/2
		if err := st.Purge(ctx, jetstream.WithPurgeSequence(upTo)); err != nil {
			return fmt.Errorf("trim %s: %w", s.name, err)
		}
		b.lg.Info("log trimmed", "stream", s.name, "up_to", upTo)
	}
	return nil
}

// redacted cuts the user part out of an address before it is shown.
func redacted(url string) string {
	for i := len(url) - 1; i >= 0; i-- {
		if url[i] == '@' {
			return "…" + url[i:]
		}
	}
	if url == "" {
		return "the embedded server"
	}
	return url
}

// serverLog hands the embedded server's words to slog. Its notices are news to a
// developer only.
type serverLog struct{ lg *slog.Logger }

func (l serverLog) Noticef(f string, v ...any) { l.lg.Debug("nats: " + fmt.Sprintf(f, v...)) }
func (l serverLog) Warnf(f string, v ...any)   { l.lg.Warn("nats: " + fmt.Sprintf(f, v...)) }
func (l serverLog) Fatalf(f string, v ...any)  { l.lg.Error("nats: " + fmt.Sprintf(f, v...)) }
func (l serverLog) Errorf(f string, v ...any)  { l.lg.Error("nats: " + fmt.Sprintf(f, v...)) }
func (l serverLog) Debugf(f string, v ...any)  {}
func (l serverLog) Tracef(f string, v ...any)  {}
