package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"example.org/veille/alert"
	"example.org/veille/bus"
	"example.org/veille/extract"
	"example.org/veille/extract/catalogue"
	"example.org/veille/index"
	"example.org/veille/ingest"
	"example.org/veille/ingest/opml"
	"example.org/veille/ingest/warc"
	"example.org/veille/internal/guard"
	"example.org/veille/query"
	"example.org/veille/schemas"
	"example.org/veille/serve"
	"example.org/veille/serve/accounts"
)

// app is a running veille: the parts that the configured roles need.
//
//	opened in this order               closed in the reverse one
//	 1 data folder (lock, version)
//	 2 log (embedded NATS)
//	 3 extractor, index, archive
//	 4 listener
//	 5 stages                           consumers finish the batch at hand
//	 6 poller                           polls are cut off; what was not
//	                                    published is fetched again
type app struct {
	cfg  Config
	lg   *slog.Logger
	node string // suffix of the durable consumers that belong to this machine

	data       *dataFolder
	token      string // of the administrator
	freshToken bool   // it was made just now
	bus        *bus.Bus
	gather     *gatherer
	extractor  *extract.Extractor
	cat        *catalogue.Catalogue
	ix         *index.Index
	poller     *ingest.Poller
	alerts     *alert.Notifier
	figures    []prometheus.Collector // of the alerts
	history    bool                   // what is published now repeats what was
	sourceKV   *bus.KV
	archive    *warc.Archive
	watched    bool // the list of sources is a file that may be edited meanwhile
	listMu     sync.Mutex
	listener   net.Listener
	durables   []bus.Consumer

	cleanups []func()
}

func (a *app) defer_(f func()) { a.cleanups = append(a.cleanups, f) }

// close undoes open, last first.
func (a *app) close() {
	for i := len(a.cleanups) - 1; i >= 0; i-- {
		a.cleanups[i]()
	}
	a.cleanups = nil
}

// openApp opens what the roles need. What fails leaves nothing open.
func openApp(ctx context.Context, cfg Config, lg *slog.Logger, sources []schemas.Source) (_ *app, err error) {
	a := &app{cfg: cfg, lg: lg}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	// The listener first: a port in use is the commonest reason to give up, and
	// the cheapest to find.
	if cfg.has("serve") {
		if a.listener, err = listen(ctx, cfg.Listen); err != nil {
			return nil, err
		}
		a.defer_(func() { _ = a.listener.Close() })
	}
	if a.data, err = openData(cfg.Data); err != nil {
		return nil, err
	}
	a.defer_(a.data.close)
	if cfg.has("serve") {
		if a.token, a.freshToken, err = a.data.token(); err != nil {
			return nil, fail(exitData, err, "is the folder read-only?")
		}
		if err := a.data.serves("http://" + reachable(a.listener.Addr().String())); err != nil {
			return nil, fail(exitData, err, "is the folder read-only?")
		}
	}
	if a.bus, err = openBus(ctx, cfg, lg, a.data); err != nil {
		return nil, err
	}
	a.defer_(a.bus.Close)
	if cfg.NATS.URL != "" {
		if a.node, err = a.data.node(); err != nil {
			return nil, err
		}
	}
	if cfg.has("extract") {
		if a.extractor, err = extract.New(); err != nil {
			return nil, err
		}
	}
	if cfg.has("deals") {
		if a.gather, err = newGatherer(ctx, a.bus, a.data.path(correctionsFile)); err != nil {
			return nil, err
		}
	}
	if cfg.has("index") || cfg.has("serve") || cfg.has("alert") {
		if a.cat, err = catalogue.Load(); err != nil {
			return nil, err
		}
	}
	if cfg.has("index") || cfg.has("serve") {
		if a.ix, err = openIndex(lg, a.data, a.cat); err != nil {
			return nil, err
		}
		a.defer_(func() {
			if err := a.ix.Close(); err != nil {
				lg.Error("close the index", "err", err)
			}
		})
		if err := a.rebuild(ctx); err != nil {
			return nil, err
		}
	}
	if cfg.has("alert") || cfg.has("serve") {
		if err := a.openAlerts(ctx); err != nil {
			return nil, err
		}
	}
	if cfg.has("ingest") {
		if err := a.openIngest(ctx, sources); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func openBus(ctx context.Context, cfg Config, lg *slog.Logger, data *dataFolder) (*bus.Bus, error) {
	b, err := bus.Open(ctx, lg, bus.Options{Dir: data.path("nats"), URL: cfg.NATS.URL, Creds: cfg.NATS.Creds, Replicas: cfg.NATS.Replicas})
	if err != nil && cfg.NATS.URL != "" {
		return nil, fail(exitUnreachable, err, "is the cluster up, and JetStream on? without --nats veille embeds its own")
	}
	if err != nil {
		return nil, fail(exitData, err, "the log lies in "+data.path("nats")+"; is the disk full, or the folder read-only?")
	}
	return b, nil
}

// rebuild fills an index that is damaged, or empty because somebody dropped its
// folder, from the log: its consumers have acknowledged what is in there already.
func (a *app) rebuild(ctx context.Context) error {
	articles, _, _, err := a.ix.Counts()
	if err != nil {
		return err
	}
	if why, needed := a.ix.NeedsRebuild(); needed {
		a.lg.Warn("rebuild the index", "why", why)
	} else if articles > 0 {
		return nil
	}
	if err := a.refill(ctx, a.ix, nil); err != nil {
		return fmt.Errorf("rebuild the index: %w", err)
	}
	a.ix.Rebuilt()
	return nil
}

// A refill writes large batches and lets garbage lie about longer than usual, up to
// refillMemory: together that saves a third of its processor time (docs/bench.md).
const (
	refillBatch  = 2500
	refillMemory = 2 << 30
)

// refill reads the log into an index. progress may be nil.
func (a *app) refill(ctx context.Context, ix *index.Index, progress func(phase string, done, total int)) error {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	if limit := debug.SetMemoryLimit(-1); limit > refillMemory { // unless GOMEMLIMIT says less
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(refillMemory))
	}
	feed := func(stream, phase string, put func([]bus.Message) error) error {
		var msgs []bus.Message
		done := 0
		size, _, err := a.bus.Size(ctx, stream)
		if err != nil {
			return err
		}
		flush := func() error {
			if len(msgs) == 0 {
				return nil
			}
			if err := put(msgs); err != nil {
				return err
			}
			done += len(msgs)
			msgs = msgs[:0]
			if progress != nil {
				progress(phase, done, int(size))
			}
			return nil
		}
		_, passed, err := a.bus.Read(ctx, stream, 0, func(m bus.Message, _ uint64) error {
			if msgs = append(msgs, m); len(msgs) < refillBatch {
				return nil
			}
			return flush()
		})
		if passed > 0 {
			a.lg.Warn("messages of the log that are no events", "stream", stream, "count", passed)
		}
		return errors.Join(err, flush())
	}
	err := feed(schemas.StreamExtractions, "articles", func(msgs []bus.Message) error {
		xs, err := decodeAll[schemas.Extraction](msgs)
		if err != nil {
			return err
		}
		return ix.PutExtractions(ctx, xs)
	})
	if err != nil {
		return err
	}
	return feed(schemas.StreamDeals, "deals", func(msgs []bus.Message) error {
		es, err := decodeAll[schemas.DealEvent](msgs)
		if err != nil {
			return err
		}
		return ix.PutDeals(ctx, es)
	})
}

func (a *app) openIngest(ctx context.Context, sources []schemas.Source) error {
	nets, err := a.cfg.networks()
	if err != nil {
		return err
	}
	client := guard.New(guard.Policy{Allow: nets, UserAgent: a.cfg.Agent})
	a.defer_(client.Close)
	archive, err := warc.Open(a.data.path("archive"), warc.Options{})
	a.archive = archive
	if err != nil {
		return fail(exitData, err, "is the disk full, or the folder read-only?")
	}
	if archive.Repaired > 0 {
		a.lg.Warn("archive repaired after a crash", "bytes", archive.Repaired)
	}
	a.defer_(func() {
		if err := archive.Close(); err != nil {
			a.lg.Error("close the archive", "err", err)
		}
	})
	if a.sourceKV, err = a.bus.KV(ctx, schemas.BucketSources); err != nil {
		return err
	}
	a.poller = ingest.New(a.lg, ingest.Options{
		Sources: sources, Client: client, Archive: archive, Store: a.sourceKV,
		Publish: a.publishArticles,
		Lookup:  a.article,
		Tail: func(ctx context.Context, from uint64, f func(uint64, schemas.Article) error) error {
			_, _, err := a.bus.Read(ctx, schemas.StreamArticles, from, func(m bus.Message, _ uint64) error {
				var art schemas.Article
				if err := m.Into(&art); err != nil {
					return nil // it is among the dead letters
				}
				return f(m.Seq, art)
			})
			return err
		},
		Health:    a.sourceChanged,
		HostDelay: a.cfg.Poll.HostDelay, MinEvery: a.cfg.Poll.MinInterval, MaxEvery: a.cfg.Poll.MaxInterval,
		MaxAge: a.cfg.Poll.MaxAge, Workers: a.cfg.Poll.Parallel,
	})
	return nil
}

// sourceChanged tells whoever listens on veille.v1.source.> that a feed fares
// otherwise now.
func (a *app) sourceChanged(ctx context.Context, st schemas.SourceState) {
	id := schemas.EventID("source", st.Source, st.State, strconv.FormatInt(st.Since.UnixMilli(), 10))
	ev, err := schemas.NewEvent(schemas.TypeSource, id, schemas.SourceSubject(st.State, st.Source), st.Since, st)
	if err == nil {
		_, err = a.bus.Publish(ctx, ev)
	}
	if err != nil {
		a.lg.Warn("tell of a source", "source", st.Source, "err", err)
	}
}

// start runs everything but the poller until ctx ends. The group's Wait returns
// when all of it has stopped.
func (a *app) start(ctx context.Context) *errgroup.Group {
	g, ctx := errgroup.WithContext(ctx)
	a.stages(ctx, g)
	if a.listener != nil {
		srv := &http.Server{
			Handler:           a.handler(),
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       30 * time.Second,
			WriteTimeout:      60 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          slog.NewLogLogger(a.lg.Handler(), slog.LevelDebug),
		}
		g.Go(func() error {
			if err := srv.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", a.cfg.Listen, err)
			}
			return nil
		})
		g.Go(func() error {
			<-ctx.Done()
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if srv.Shutdown(end) != nil {
				_ = srv.Close() // a reader that takes longer is cut off
			}
			return nil
		})
	}
	if a.alerts != nil && !a.cfg.has("alert") { // another process sends; this one shows
		g.Go(func() error { return quiet(a.alerts.Follow(ctx)) })
	}
	if a.poller != nil && a.watched {
		g.Go(func() error { return a.watchSources(ctx) })
	}
	g.Go(func() error { // keep room in the log and the archive
		tick := time.NewTicker(10 * time.Minute)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				if err := a.bus.Trim(ctx); err != nil {
					a.lg.Warn("trim the log", "err", err)
				}
				a.prune()
			}
		}
	})
	return g
}

// quiet takes the end of a context for what it is: a request to stop.
func quiet(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// prune drops what the archive has kept for longer, or beyond the size, that the
// configuration allows.
func (a *app) prune() {
	if a.archive == nil {
		return
	}
	n, freed, err := a.archive.Prune(time.Now().Add(-a.cfg.Archive.MaxAge), int64(a.cfg.Archive.MaxGB)<<30)
	if err != nil {
		a.lg.Warn("prune the archive", "err", err)
	} else if n > 0 {
		a.lg.Info("archive pruned", "segments", n, "bytes", freed)
	}
}

func (a *app) handler() http.Handler {
	hosts := a.cfg.Hosts
	if u, err := url.Parse(a.cfg.BaseURL); err == nil && u.Hostname() != "" {
		hosts = append(slices.Clone(hosts), u.Hostname()) // the links of messages lead there
	}
	opt := serve.Options{
		Index: a.ix, Catalogue: a.cat, Version: versionString(), Token: a.token, Hosts: hosts,
		Open: a.cfg.Open, Ready: a.bus.Ready, Lag: a.lag, Dead: a.dead,
		Tip: a.tip(schemas.StreamDeals), Tail: a.tail(schemas.StreamDeals),
		TipPrices: a.tip(schemas.StreamPrices), TailPrices: a.tail(schemas.StreamPrices),
		IndexBytes: func() (int64, error) { return folderSize(a.data.path("index")) },
		Alerts:     a.alerts,
		Collectors: a.figures,
		Feedback:   a.feedback,
		Letters:    a.letters, Retry: a.retryLetter, Discard: a.discardLetter,
		Accounts: accounts.Open(a.data.path(usersFile)), Proxy: a.cfg.proxy(),
	}
	if a.gather != nil && a.ix != nil {
		opt.Correct, opt.Corrections = a.correct, a.corrected
	}
	if a.poller != nil {
		opt.Sources = a.sourceStatus
		opt.OPML = func(context.Context) ([]byte, error) {
			var b bytes.Buffer
			err := opml.New("veille", a.poller.Sources()).Write(&b)
			return b.Bytes(), err
		}
		if a.watched {
			opt.PutSource, opt.DeleteSource = a.putSource, a.deleteSource
		}
		opt.PreviewSource = a.previewSource
		opt.Fetch = func(ctx context.Context, slug string) (any, error) {
			res, err := a.poller.Fetch(ctx, slug)
			if errors.Is(err, ingest.ErrUnknown) {
				return nil, fmt.Errorf("%w: %s", serve.ErrNoSource, slug)
			}
			return res, err
		}
	}
	return serve.New(a.lg, opt).Handler()
}

// tip and tail are how a client of the server follows a log.
func (a *app) tip(stream string) func(context.Context) (uint64, error) {
	return func(ctx context.Context) (uint64, error) {
		_, last, err := a.bus.Size(ctx, stream)
		return last, err
	}
}

func (a *app) tail(stream string) func(context.Context, uint64, func(uint64, schemas.Event) error) error {
	return func(ctx context.Context, after uint64, f func(uint64, schemas.Event) error) error {
		return a.bus.Follow(ctx, stream, after, func(m bus.Message) error { return f(m.Seq, m.Event) })
	}
}

func (a *app) lag(ctx context.Context) (map[string]uint64, error) {
	out := map[string]uint64{}
	for _, stream := range []string{schemas.StreamArticles, schemas.StreamExtractions, schemas.StreamDeals, schemas.StreamPrices} {
		m, err := a.bus.Backlog(ctx, stream)
		if err != nil {
			return nil, err
		}
		for k, v := range m {
			out[k] = v
		}
	}
	return out, nil
}

func (a *app) sourceStatus(ctx context.Context) ([]serve.SourceStatus, error) {
	var out []serve.SourceStatus
	for _, src := range a.poller.Sources() {
		st, err := a.poller.State(ctx, src.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, serve.SourceStatus{
			ID: src.ID, Title: src.Name, URL: src.Feed, Site: src.Site, Lang: src.Lang, Country: src.Country, Kind: src.Kind, Folder: src.Folder,
			State: st.State, Since: st.Since, LastPoll: st.Last, LastSuccess: st.OK, LastError: st.Error, Reason: st.Reason,
			Next: st.Next, Every: st.Every.Seconds(), Newest: st.Newest, Articles: st.Articles,
			DelayP50: st.DelayP50, DelayP95: st.DelayP95, Alarms: st.Alarms, Ledger: st.Ledger, Fetches: st.Fetches,
		})
	}
	return out, nil
}

// dead counts the dead letters by stage.
func (a *app) dead(ctx context.Context) (map[string]int, error) {
	list, err := a.bus.Deads(ctx, 10_000)
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	for _, d := range list {
		out[d.Stage]++
	}
	return out, nil
}

// folderSize adds up the files below a folder; one that goes meanwhile counts as
// nothing.
func folderSize(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n, err
}

// drained waits until every message that is in the log now has gone through all
// stages. The streams are looked at in the order of the flow: a stage publishes
// before it acknowledges, so that an empty one leaves nothing behind it unseen.
func (a *app) drained(ctx context.Context, progress func(left int)) error {
	for _, stream := range []string{schemas.StreamArticles, schemas.StreamExtractions, schemas.StreamDeals, schemas.StreamPrices} {
		for {
			left, err := a.left(ctx, stream)
			if err != nil {
				return err
			}
			if left == 0 {
				break
			}
			if progress != nil && left > 0 {
				progress(left)
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

// left counts what the consumers of a stream that run here have still to do; -1
// while one of them has not begun.
func (a *app) left(ctx context.Context, stream string) (int, error) {
	have, err := a.bus.Backlog(ctx, stream)
	if err != nil {
		return 0, err
	}
	left := 0
	for _, c := range a.durables {
		if c.Stream != stream {
			continue
		}
		n, begun := have[c.Durable]
		if !begun {
			return -1, nil
		}
		left += int(n)
	}
	return left, nil
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fail(exitFailed, fmt.Errorf("%s is in use by another program", addr), "choose another address, such as --listen 127.0.0.1:8081")
	}
	return nil, fail(exitUsage, fmt.Errorf("listen on %s: %w", addr, bare(err)), "write an address such as --listen 127.0.0.1:8080")
}

// bare is the innermost error: "listen tcp …: bind: permission denied" says the
// address three times.
func bare(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// trades tells searches and rules the kinds and the country of a vendor.
func trades(cat *catalogue.Catalogue) query.Catalogue {
	return func(id string) (kinds []string, country string) {
		v, _ := cat.Vendor(id)
		return v.Kinds, strings.ToLower(v.Country)
	}
}

// openIndex opens the index of a data folder.
func openIndex(lg *slog.Logger, data *dataFolder, cat *catalogue.Catalogue) (*index.Index, error) {
	ix, err := index.Open(lg, data.path("index"), index.Options{Catalogue: trades(cat), BatchSize: refillBatch})
	switch {
	case err == nil:
		return ix, nil
	case errors.Is(err, index.ErrLocked):
		return nil, fail(exitLocked, fmt.Errorf("the index in %s is in use by another veille", data.dir), "stop that one first, or choose another folder with --data DIR")
	case errors.Is(err, index.ErrNewer):
		return nil, fail(exitData, fmt.Errorf("the index in %s was written by a newer veille", data.dir), "use that newer veille, or drop the folder index and run: veille reindex")
	}
	return nil, fail(exitData, err, "the index can be dropped and made again: veille reindex")
}

// logger writes to stderr, so that data on stdout stays clean.
func (c *command) logger(cfg Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.Log.Level)) // Validate has checked it
	opt := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewTextHandler(c.err, opt)
	if cfg.Log.Format == "json" {
		h = slog.NewJSONHandler(c.err, opt)
	}
	lg := slog.New(h)
	slog.SetDefault(lg) // for net/http, which has things to say to the default logger only
	return lg
}
