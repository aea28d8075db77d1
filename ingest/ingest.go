// Package ingest reads the web's feeds and turns each news item into one
// [schemas.Article], once.
//
// [New] makes a [Poller] over a list of sources; [Poller.Run] polls each when it is
// due, [Poller.Once] polls all that are due and returns, [Poller.Fetch] polls one
// now. What was fetched is written to a WARC archive and synced before anything is
// published; what the server said about freshness (ETag, Last-Modified) is saved
// only when all articles of a poll are acknowledged, so that a crash repeats work
// and never skips it. [Poller.Import] takes in WARC files of news, [Poller.Replay]
// publishes what the archive holds again.
//
//	feed ──> items ──> robots, rights ──> page ──> text ──> archive ──> fold ──> publish ──> state
//	          known?      may we?                            (fsync)   repeats?   (acked)
//
// It does not know the bus: articles leave through the Publish function, and state
// lies in a [Store]. It does not extract deals or prices.
//
// State in the store, by key: "s.<source>" the [schemas.SourceState], "b.<source>"
// the book of the items seen (identity, version, fold, outcome), "w.<name>" how
// far an import got.
package ingest

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"example.org/veille/ingest/opml"
	"example.org/veille/ingest/page"
	"example.org/veille/ingest/warc"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
)

//go:embed sources.opml
var sourcesOPML []byte

// DefaultSources is the OPML list that the program ships with.
func DefaultSources() []byte { return sourcesOPML }

// ParseSources reads a list of sources; see [opml.Doc.Sources] for problems.
func ParseSources(b []byte) (list []schemas.Source, problems []string, err error) {
	d, err := opml.Parse(strings.NewReader(string(b)))
	if err != nil {
		return nil, nil, err
	}
	list, problems = d.Sources()
	return list, problems, nil
}

// Store keeps values by key, durably: a Put that returned has survived a crash.
type Store interface {
	// Get returns the value and its revision, nil and 0 when there is none.
	Get(ctx context.Context, key string) ([]byte, uint64, error)
	Put(ctx context.Context, key string, value []byte) (uint64, error)
	Delete(ctx context.Context, key string) error
	Keys(ctx context.Context) ([]string, error)
}

// Events under which an article is published.
const (
	EventNew     = "new"
	EventRevised = "revised" // new words, new copies elsewhere, or it turned out to repeat another one
)

// DefaultHostDelay is the pause between two requests to one host that a polite
// program keeps. [Options.HostDelay] does not default to it.
const DefaultHostDelay = time.Second

// Options of a [Poller]. Client, Store and Publish are needed.
type Options struct {
	Sources []schemas.Source
	Client  *guard.Client
	Archive *warc.Archive // nil: nothing is archived
	Store   Store
	// Publish hands articles over, at most 100 at a time and about 4 MB, and returns
	// their sequence numbers once they are safe.
	Publish func(ctx context.Context, list []schemas.Article, event string) ([]uint64, error)
	// Lookup gives a published article back. nil: copies in other feeds are
	// recognised by address only, and Also is not carried over a restart.
	Lookup func(ctx context.Context, seq uint64) (schemas.Article, error)
	// Tail gives the published articles from a sequence number on, oldest first. It is
	// asked once, so that what was published just before a crash is known. May be nil.
	Tail func(ctx context.Context, from uint64, f func(seq uint64, a schemas.Article) error) error
	// Health is told when the state of a source changes. May be nil.
	Health func(ctx context.Context, st schemas.SourceState)
	Now    func() time.Time

	Agent     string        // product token looked for in robots.txt; "veille"
	HostDelay time.Duration // pause between two requests to one host; 0 is none
	MinEvery  time.Duration // shortest interval between two polls of a feed; 15 min
	MaxEvery  time.Duration // longest; 6 h. A failing feed backs off to 24 h
	MaxAge    time.Duration // of items taken at the first poll; 7 days
	Workers   int           // polls at a time; 16
	FoldSpan  time.Duration // how long an article is compared with later ones; 10 days
}

// Poller polls sources. Make it with [New].
type Poller struct {
	lg  *slog.Logger
	opt Options

	mu      sync.Mutex
	sources map[string]schemas.Source
	order   []string
	busy    map[string]*sync.Mutex // one poll of a source at a time

	starting  sync.Mutex
	ready     bool // guarded by starting
	replaying bool // the same

	gate   *gate
	rights *rights
	folds  *folds
	late   map[string]orphan // archived but not published before a crash, by article id
	wake   chan struct{}

	// What is on its way, so that a restart knows where to look, see start.
	seen   uint64                         // highest sequence number published
	flight map[string]flying              // by source
	plan   map[string]schemas.SourceState // when each source is due; only what when() needs

	siteRules map[string]*page.Rules // compiled; "" are the shipped ones
}

// New makes a poller. It touches neither network nor store.
func New(lg *slog.Logger, opt Options) *Poller {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Agent == "" {
		opt.Agent = "veille"
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&opt.MinEvery, 15*time.Minute)
	def(&opt.MaxEvery, 6*time.Hour)
	def(&opt.MaxAge, 7*24*time.Hour)
	def(&opt.FoldSpan, 10*24*time.Hour)
	if opt.Workers <= 0 {
		opt.Workers = 16
	}
	if opt.Lookup == nil {
		opt.Lookup = func(context.Context, uint64) (schemas.Article, error) {
			return schemas.Article{}, fmt.Errorf("no look-up of published articles")
		}
	}
	p := &Poller{
		lg: lg, opt: opt, busy: map[string]*sync.Mutex{}, late: map[string]orphan{},
		flight: map[string]flying{}, plan: map[string]schemas.SourceState{}, siteRules: map[string]*page.Rules{},
		wake: make(chan struct{}, 1), gate: newGate(), folds: newFolds(),
	}
	p.rights = newRights(p)
	p.SetSources(opt.Sources)
	return p
}

func (p *Poller) now() time.Time { return p.opt.Now().UTC() }

// SetSources replaces the list of sources. State of sources that are gone is kept,
// so that one that comes back is not read anew.
func (p *Poller) SetSources(list []schemas.Source) {
	p.mu.Lock()
	p.sources = map[string]schemas.Source{}
	p.order = nil
	for _, s := range list {
		if s.Validate() != nil {
			continue
		}
		if _, twice := p.sources[s.ID]; !twice {
			p.order = append(p.order, s.ID)
		}
		p.sources[s.ID] = s
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Sources lists the sources in use.
func (p *Poller) Sources() []schemas.Source {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]schemas.Source, 0, len(p.order))
	for _, id := range p.order {
		out = append(out, p.sources[id])
	}
	return out
}

// Result is what one poll came to.
type Result struct {
	Source      string        `json:"source"`
	Status      int           `json:"status"`      // HTTP status of the feed
	Conditional bool          `json:"conditional"` // asked with If-None-Match or If-Modified-Since
	Unchanged   bool          `json:"unchanged"`   // nothing in it but what was known
	Items       int           `json:"items"`       // in the feed
	New         int           `json:"new"`
	Revised     int           `json:"revised"`
	Duplicate   int           `json:"duplicate"`
	Refused     int           `json:"refused"`
	Failed      int           `json:"failed"`
	Pending     int           `json:"pending"`
	Bytes       int64         `json:"bytes"` // fetched, decompressed
	Error       string        `json:"error,omitempty"`
	Reason      string        `json:"reason,omitempty"`
	Took        time.Duration `json:"took"`
	Next        time.Time     `json:"next,omitzero"`

	retry time.Time // when the first of the pending pages may be tried again
}

// ErrUnknown is returned for a source that is not listed.
var ErrUnknown = fmt.Errorf("no such source")

// Fetch polls one source now, due or not, stopped or not, and tells what happened.
// An error of the source is in the result; the error returned is our own.
func (p *Poller) Fetch(ctx context.Context, source string) (Result, error) {
	p.mu.Lock()
	src, ok := p.sources[source]
	p.mu.Unlock()
	if !ok {
		return Result{}, fmt.Errorf("%w: %q", ErrUnknown, source)
	}
	if err := p.start(ctx); err != nil {
		return Result{}, err
	}
	return p.poll(ctx, src, true)
}

// Once polls every source that is due, and returns. progress is called after each
// with how many are done, one call at a time; it may be nil.
func (p *Poller) Once(ctx context.Context, progress func(r Result, done, total int)) error {
	if err := p.start(ctx); err != nil {
		return err
	}
	due, err := p.due(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	done := 0
	next := make(chan schemas.Source)
	for range min(p.opt.Workers, max(len(due), 1)) {
		wg.Go(func() {
			for src := range next {
				r, err := p.poll(ctx, src, false)
				mu.Lock()
				if err != nil && failed == nil {
					failed = fmt.Errorf("poll %s: %w", src.ID, err)
				}
				done++
				if progress != nil {
					progress(r, done, len(due))
				}
				mu.Unlock()
			}
		})
	}
	for _, src := range due {
		select {
		case next <- src:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return failed
}

// due lists the sources whose time has come, longest overdue first.
func (p *Poller) due(ctx context.Context) ([]schemas.Source, error) {
	type at struct {
		src  schemas.Source
		when time.Time
	}
	var list []at
	now := p.now()
	for _, src := range p.Sources() {
		if src.Off {
			continue
		}
		st, err := p.planned(ctx, src.ID)
		if err != nil {
			return nil, err
		}
		if when, ok := p.when(src, st, now); ok && !when.After(now) {
			list = append(list, at{src, when})
		}
	}
	slices.SortStableFunc(list, func(a, b at) int { return a.when.Compare(b.when) })
	out := make([]schemas.Source, len(list))
	for i := range list {
		out[i] = list[i].src
	}
	return out, nil
}

// when tells when a source is to be polled next; false for one that is stopped.
func (p *Poller) when(src schemas.Source, st schemas.SourceState, now time.Time) (time.Time, bool) {
	if st.Stopped && st.MovedFrom == src.Feed {
		return time.Time{}, false
	}
	when := st.Next
	// A clock that was far ahead when the state was saved must not silence a feed.
	if when.After(now.Add(longest + time.Hour)) {
		when = now
	}
	return when, true
}

// Run polls until ctx ends, and then returns nil. It returns an error when the
// store fails.
func (p *Poller) Run(ctx context.Context) error {
	if err := p.start(ctx); err != nil {
		return err
	}
	type finished struct {
		id  string
		err error
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	back := make(chan finished)
	running := map[string]bool{}
	held := map[string]time.Time{} // sources whose poll failed on our side
	errs := 0
	for {
		now := p.now()
		wait := time.Minute // the list, or the clock, may change under us
		if len(running) < p.opt.Workers {
			due, err := p.due(ctx)
			if err != nil && ctx.Err() == nil {
				errs++
				p.lg.Error("source state unreadable", "error", err)
				if errs > 10 {
					return fmt.Errorf("read state of sources: %w", err)
				}
				wait = time.Duration(errs) * time.Second
			}
			for _, src := range due {
				if running[src.ID] || held[src.ID].After(now) || len(running) >= p.opt.Workers {
					continue
				}
				running[src.ID] = true
				wg.Go(func() {
					_, err := p.poll(ctx, src, false)
					select {
					case back <- finished{src.ID, err}:
					case <-ctx.Done():
					}
				})
			}
			if err == nil {
				errs = 0
				if next, ok := p.next(ctx, running, held); ok {
					wait = min(wait, max(next.Sub(now), 10*time.Millisecond))
				}
			}
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case f := <-back:
			delete(running, f.id)
			delete(held, f.id)
			if f.err != nil && ctx.Err() == nil {
				held[f.id] = p.now().Add(30 * time.Second)
				p.lg.Error("poll not completed", "source", f.id, "error", f.err)
			}
		case <-p.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

// planned is the part of a source's state that tells when it is due, from memory.
func (p *Poller) planned(ctx context.Context, source string) (schemas.SourceState, error) {
	p.mu.Lock()
	st, ok := p.plan[source]
	p.mu.Unlock()
	if ok {
		return st, nil
	}
	st, err := p.State(ctx, source)
	if err != nil {
		return st, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	st = schemas.SourceState{Source: source, Next: st.Next, Stopped: st.Stopped, MovedFrom: st.MovedFrom}
	p.plan[source] = st
	return st, nil
}

// next is when the next source that is not running becomes due.
func (p *Poller) next(ctx context.Context, running map[string]bool, held map[string]time.Time) (time.Time, bool) {
	var first time.Time
	now := p.now()
	for _, src := range p.Sources() {
		if src.Off || running[src.ID] {
			continue
		}
		st, err := p.planned(ctx, src.ID)
		if err != nil {
			continue
		}
		when, ok := p.when(src, st, now)
		if !ok {
			continue
		}
		if h := held[src.ID]; h.After(when) {
			when = h
		}
		if first.IsZero() || when.Before(first) {
			first = when
		}
	}
	return first, !first.IsZero()
}

// poll runs one poll of a source; nothing that a source sends can do more than
// spoil its own poll.
func (p *Poller) poll(ctx context.Context, src schemas.Source, forced bool) (res Result, err error) {
	lock := p.lock(src.ID)
	lock.Lock()
	defer lock.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()

	start := time.Now()
	st, err := p.State(ctx, src.ID)
	if err != nil {
		return Result{Source: src.ID}, err
	}
	if !forced {
		if when, ok := p.when(src, st, p.now()); !ok || when.After(p.now()) {
			return Result{Source: src.ID, Unchanged: true, Next: st.Next}, nil // another poll came first
		}
	}
	defer func() {
		if r := recover(); r != nil {
			p.lg.Error("poll panicked", "source", src.ID, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			p.fail(&st, p.now(), "panic", "the program stumbled over this feed")
			res = Result{Source: src.ID, Error: st.Error, Reason: st.Reason, Next: st.Next}
			err = p.save(context.WithoutCancel(ctx), st)
		}
	}()
	return p.visit(ctx, src, st, start)
}

// lock is what one who changes the book of a source holds.
func (p *Poller) lock(source string) *sync.Mutex {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.busy[source]
	if l == nil {
		l = &sync.Mutex{}
		p.busy[source] = l
	}
	return l
}

// State reads what is known of a source; one that was never polled has state "new".
func (p *Poller) State(ctx context.Context, source string) (schemas.SourceState, error) {
	st := schemas.SourceState{Source: source, State: schemas.SourceNew}
	b, _, err := p.opt.Store.Get(ctx, "s."+source)
	if err != nil {
		return st, fmt.Errorf("read state of %s: %w", source, err)
	}
	if b == nil {
		return st, nil
	}
	if err := json.Unmarshal(b, &st); err != nil {
		// A state that cannot be read is worth less than a feed that is polled.
		p.lg.Error("state of source damaged", "source", source, "error", err)
		return schemas.SourceState{Source: source, State: schemas.SourceNew}, nil
	}
	return st, nil
}

// States reads what is known of all listed sources, in their order.
func (p *Poller) States(ctx context.Context) ([]schemas.SourceState, error) {
	var out []schemas.SourceState
	for _, src := range p.Sources() {
		st, err := p.State(ctx, src.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, st)
	}
	return out, nil
}

func (p *Poller) save(ctx context.Context, st schemas.SourceState) error {
	b, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("encode state of %s: %w", st.Source, err)
	}
	if _, err := p.opt.Store.Put(ctx, "s."+st.Source, b); err != nil {
		return fmt.Errorf("save state of %s: %w", st.Source, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan[st.Source] = schemas.SourceState{Source: st.Source, Next: st.Next, Stopped: st.Stopped, MovedFrom: st.MovedFrom}
	return nil
}
