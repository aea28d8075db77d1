// Package alert tells people and programs about deals: once for each deal, and
// again only when something changes.
//
// A [Notifier] holds the rules, which are saved searches with destinations.
// [Notifier.Take] is the stage of the pipeline: it matches deal events with the
// rules and writes down what is to be told, to whom, before anything is sent.
// [Notifier.Run] sends it, tries again, and gives up by schedule. The log of all
// that was sent, folded, muted or failed is [Notifier.Deliveries].
//
//	deal event ──match──> rules ──decide──> rows in the outbox ──Run──> channel
//	                              (durable before Take returns)
//
// What was told is known by (rule, deal, event with its target status, channel):
// the key of its row, and the id of its message for ever. A repetition of the
// event finds the row and rings nobody.
//
// The package does no searching and knows no bus: buckets come as [Store],
// publishing as a function. One process at a time may Take and Run, which
// [Notifier.Lead] sees to; others [Notifier.Follow].
package alert

import (
	"cmp"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.org/veille/alert/channel"
	"example.org/veille/internal/guard"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// Store is a durable bucket of values by key. Get gives nil and 0 for a key that
// is not there; Update writes when the key still has the revision, 0 meaning that
// it is not there; PutMany writes up to 1,000 keys, all or none.
type Store interface {
	Get(ctx context.Context, key string) ([]byte, uint64, error)
	Put(ctx context.Context, key string, value []byte) (uint64, error)
	Update(ctx context.Context, key string, value []byte, rev uint64) (uint64, error)
	PutMany(ctx context.Context, keys []string, values [][]byte) error
	All(ctx context.Context) (map[string][]byte, error)
	Watch(ctx context.Context, fn func(key string, value []byte), loaded func()) error
	Delete(ctx context.Context, key string) error
}

// Options are what a [Notifier] is made of. Rules, Deliveries, Analyze, Parse,
// Client and Key are needed.
type Options struct {
	Rules      Store
	Deliveries Store

	Analyze   query.Analyzer                    // the index's
	Catalogue query.Catalogue                   // may be nil
	Parse     func(string) (query.Query, error) // a query as the searches read it
	DF        func(field, term string) int      // see [query.NewRules]; may be nil

	Client  *guard.Client // see [NewClient]
	Mail    *channel.Mail // nil: no e-mail
	Publish func(context.Context, ...schemas.Event) error
	BaseURL string // of the page, for links; http://127.0.0.1:8080 when empty
	Source  string // of CloudEvents; "/veille" when empty
	// Key signs links and seals the secrets of rules in their bucket. It must
	// stay the same, 16 bytes at least, and be the same in every process.
	Key []byte
	// Node names this process among those on one log; "" when there is no other. See
	// [Notifier.Lead].
	Node string
	// Lease is how long the lease of a process that died stands, 45 s when zero.
	Lease time.Duration

	// Fresh is how long after its fetch an article can still ring, 48 h when zero;
	// Age, how long after its publication, 7 days when zero. What is older comes
	// from a backfill or a replay, and is only written down.
	Fresh, Age time.Duration
	Keep       time.Duration // of the log, 365 days when zero
	MaxRows    int           // of the log, 100,000 when zero: some 200 MB; the oldest go first
	Hourly     int           // single messages of a rule to a destination within an hour, 20 when zero; the rest is grouped

	Now    func() time.Time // time.Now when nil
	Jitter func() float64   // in [0, 1); random when nil
	// Observe is told of each attempt: the kind of destination, "sent", "retry" or
	// "dead", and how long after it was seen a deal was sent, 0 for what was held back
	// on purpose or is no deal; and of each match that rings nobody: "muted",
	// "folded", "silent". May be nil.
	Observe func(kind, outcome string, delay time.Duration)
}

// NewClient makes the client for webhooks and chats: it refuses private networks
// other than those allowed, and waits 15 s for an answer.
func NewClient(p guard.Policy) *guard.Client {
	if p.Header == 0 {
		p.Header = 15 * time.Second
	}
	if p.Total == 0 {
		p.Total = 20 * time.Second
	}
	return guard.New(p)
}

// SourceReplay is the source of events that repeat history, such as those of a
// new extractor version: they correct the log and the feeds, and ring nobody.
const SourceReplay = "/veille/replay"

// ErrEvent is wrapped by [Notifier.Take] for an event that cannot be read; no
// later attempt will read it either.
var ErrEvent = errors.New("the event cannot be read")

// retryAfter is the schedule of Standard Webhooks after the first attempt. Each
// step is moved by up to a fifth.
var retryAfter = []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}

const (
	digestEvery = 10 * time.Minute // digests of a flood are at least so far apart
	sendSlots   = 128              // attempts at once, over all destinations
	writeMost   = 400              // keys of one atomic write
)

// Notifier matches, decides and sends. It is safe for concurrent use.
type Notifier struct {
	lg     *slog.Logger
	opt    Options
	book   book
	sender channel.Sender
	links  []byte // key of signed links
	lease  *lease // nil: there is no other process
	sends  atomic.Bool

	trouble atomic.Pointer[trouble]

	taking sync.Mutex // one Take at a time
	wake   chan struct{}
	slots  chan struct{}
	flying sync.WaitGroup

	mu      sync.Mutex
	deals   map[string]map[string]*marks // by deal, by rule
	log     map[string][]*entry          // by rule, oldest first
	lanes   map[string]*lane             // what is pending, by rule and channel
	unsaved map[string][]byte            // results that could not be written yet
	tidied  time.Time
	floor   time.Time // what is older may have been told and forgotten
}

// marks is what a rule has been told of a deal.
type marks struct {
	rows   map[string]*entry // by event and channel
	folded *schemas.Delivery
}

// entry is a row of the log as it is kept in memory.
type entry struct {
	key, id, channel, event, state string
	at                             time.Time
	root                           string
	row                            *schemas.Delivery // while pending
	busy                           bool              // being sent
}

// New opens the rules and the outbox. What was pending is sent by [Notifier.Run].
func New(ctx context.Context, lg *slog.Logger, opt Options) (*Notifier, error) {
	if len(opt.Key) < 16 {
		return nil, errors.New("alert: the key has fewer than 16 bytes")
	}
	if opt.BaseURL == "" {
		opt.BaseURL = "http://127.0.0.1:8080"
	}
	opt.BaseURL = strings.TrimRight(opt.BaseURL, "/")
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&opt.Fresh, 48*time.Hour)
	def(&opt.Age, 7*24*time.Hour)
	def(&opt.Keep, 365*24*time.Hour)
	if opt.Hourly == 0 {
		opt.Hourly = 20
	}
	if opt.MaxRows == 0 {
		opt.MaxRows = 100_000
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Jitter == nil {
		opt.Jitter = rand.Float64
	}
	derive := func(use string) ([]byte, error) { return hkdf.Key(sha256.New, opt.Key, nil, "veille "+use, 32) }
	links, err := derive("links")
	if err != nil {
		return nil, fmt.Errorf("alert: %w", err)
	}
	seal, err := derive("rules")
	if err != nil {
		return nil, fmt.Errorf("alert: %w", err)
	}
	n := &Notifier{
		lg: lg, opt: opt, links: links,
		sender: channel.Sender{Client: opt.Client, Mail: opt.Mail, Publish: opt.Publish, Source: opt.Source},
		wake:   make(chan struct{}, 1), slots: make(chan struct{}, sendSlots),
		deals: map[string]map[string]*marks{}, log: map[string][]*entry{}, lanes: map[string]*lane{}, unsaved: map[string][]byte{},
	}
	if opt.Node != "" {
		n.lease = &lease{store: opt.Rules, me: opt.Node, time: cmp.Or(opt.Lease, leaseTime)}
	}
	if err := n.openBook(ctx, seal); err != nil {
		return nil, err
	}
	rows, err := opt.Deliveries.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the outbox: %w", err)
	}
	n.load(rows)
	return n, nil
}

func rowKey(d *schemas.Delivery) string {
	if d.Event == "digest" {
		return "b." + d.Rule + "." + d.Channel + "." + d.ID
	}
	return "d." + d.Rule + "." + d.Deal + "." + d.Event + "." + d.Channel
}

// floorKey holds the time before which the log has been emptied.
const floorKey = "m.floor"

func mark(event, ch string) string { return event + "." + ch }

// load takes the outbox in, as it was left.
func (n *Notifier) load(rows map[string][]byte) {
	var list []*schemas.Delivery
	if b := rows[floorKey]; b != nil {
		if err := json.Unmarshal(b, &n.floor); err != nil {
			n.lg.Error("a row of the outbox cannot be read", "key", floorKey, "err", err)
		}
	}
	for key, b := range rows {
		if key[0] != 'd' && key[0] != 'b' {
			continue
		}
		d := new(schemas.Delivery)
		if err := json.Unmarshal(b, d); err != nil || rowKey(d) != key {
			n.lg.Error("a row of the outbox cannot be read", "key", key, "err", err)
			continue
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b *schemas.Delivery) int {
		return 2*a.At.Compare(b.At) + strings.Compare(a.ID, b.ID)
	})
	batches := map[string]*schemas.Delivery{}
	for _, d := range list {
		if d.Event == "digest" {
			batches[d.ID] = d
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.opt.Now()
	for _, d := range list {
		if d.Batch != "" && d.State == schemas.DeliveryPending {
			switch b := batches[d.Batch]; {
			case b == nil:
				d.Batch = "" // the digest was never written down
			case b.State != schemas.DeliveryPending:
				d.State, d.Sent = b.State, b.Sent // it was, and went out
			}
		}
		n.remember(d)
		switch l := n.lanes[d.Rule+"."+d.Channel]; {
		case d.State == schemas.DeliveryDead && d.Deal != "test":
			n.lane(d.Rule, d.Channel).failing = true
		case d.State == schemas.DeliverySent && l != nil:
			l.failing = false
		}
		if d.State == schemas.DeliverySent && now.Sub(d.Sent) < time.Hour && d.Batch == "" {
			l := n.lane(d.Rule, d.Channel)
			if d.Event == "digest" {
				l.digest = d.Sent
			} else {
				l.sent = append(l.sent, d.Sent)
			}
		}
	}
}

// remember puts a row into the memory of what was told and, when it is pending,
// into its lane.
func (n *Notifier) remember(d *schemas.Delivery) *entry {
	e := &entry{key: rowKey(d), id: d.ID, channel: d.Channel, event: d.Event, state: d.State, at: d.At, root: d.Root}
	if d.Event == "folded" {
		n.marks(d.Deal, d.Rule).folded = d
	} else if d.Event != "digest" {
		n.marks(d.Deal, d.Rule).rows[mark(d.Event, d.Channel)] = e
	}
	n.log[d.Rule] = append(n.log[d.Rule], e)
	if d.State == schemas.DeliveryPending {
		e.row = d
		n.lane(d.Rule, d.Channel).push(e)
	}
	return e
}

func (n *Notifier) marks(deal, rule string) *marks {
	byRule := n.deals[deal]
	if byRule == nil {
		byRule = map[string]*marks{}
		n.deals[deal] = byRule
	}
	m := byRule[rule]
	if m == nil {
		m = &marks{rows: map[string]*entry{}}
		byRule[rule] = m
	}
	return m
}

// told tells whether the rule knows of the deal.
func (m *marks) told() bool { return m != nil && (len(m.rows) > 0 || m.folded != nil) }

// root is the message that opened the thread of a channel.
func (m *marks) root(ch string) string {
	var first *entry
	for _, e := range m.rows {
		if e.channel == ch && (e.state == schemas.DeliverySent || e.state == schemas.DeliveryPending) && (first == nil || e.at.Before(first.at)) {
			first = e
		}
	}
	switch {
	case first == nil:
		return ""
	case first.root != "":
		return first.root
	}
	return first.id
}

// writes collects what a Take is going to make durable.
type writes struct {
	keys   []string
	values [][]byte
	seen   map[string]bool // of keys
	fresh  []*entry        // rows to send once they are durable
	undo   []func()
	told   []func() // who watches is told once all is durable
	err    error
}

// observe tells of a match that rings nobody.
func (n *Notifier) observe(w *writes, ch, state string) {
	kind, _, _ := strings.Cut(ch, "-")
	if n.opt.Observe != nil && kind != feedChannel {
		w.told = append(w.told, func() { n.opt.Observe(kind, state, 0) })
	}
}

func (w *writes) put(key string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		w.err = errors.Join(w.err, err)
		return
	}
	if w.seen[key] { // the same row twice within one batch: the last counts
		i := slices.Index(w.keys, key)
		w.values[i] = b
		return
	}
	w.seen[key] = true
	w.keys, w.values = append(w.keys, key), append(w.values, b)
}

// Take matches events with the rules and returns once all that is to be told is
// durable. Handing it the same events again changes nothing. The error wraps
// [ErrEvent] for an event that will never be read.
func (n *Notifier) Take(ctx context.Context, evs []schemas.Event) error {
	n.taking.Lock()
	defer n.taking.Unlock()
	if !n.lease.outlasts(0) {
		return ErrNotLeading
	}
	w := writes{seen: map[string]bool{}}
	for _, ev := range evs {
		if err := n.decide(&w, ev); err != nil {
			w.back(n)
			return err
		}
	}
	if w.err != nil {
		w.back(n)
		return fmt.Errorf("write the outbox: %w", w.err)
	}
	for from := 0; from < len(w.keys); from += writeMost {
		to := min(from+writeMost, len(w.keys))
		err := n.opt.Deliveries.PutMany(ctx, w.keys[from:to], w.values[from:to])
		n.wrote(err)
		if err != nil {
			w.back(n)
			return fmt.Errorf("write the outbox: %w", err)
		}
	}
	n.mu.Lock()
	for _, e := range w.fresh {
		if e.state == schemas.DeliveryPending {
			n.lane(e.row.Rule, e.channel).push(e)
		}
	}
	n.mu.Unlock()
	n.poke()
	for _, f := range w.told {
		f()
	}
	return nil
}

// back makes memory forget what could not be written.
func (w *writes) back(n *Notifier) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range slices.Backward(w.undo) {
		f()
	}
}

func (n *Notifier) poke() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// add decides one row. It is in memory at once, and undone when it cannot be
// written.
func (n *Notifier) add(w *writes, d schemas.Delivery) {
	d.ID = schemas.DeliveryID(d.Rule, d.Deal, d.Event, d.Channel)
	row := &d
	w.put(rowKey(row), row)
	e := &entry{key: rowKey(row), id: d.ID, channel: d.Channel, event: d.Event, state: d.State, at: d.At, root: d.Root}
	if d.State == schemas.DeliveryPending {
		e.row = row
		w.fresh = append(w.fresh, e)
	} else if d.State != schemas.DeliverySent {
		n.observe(w, d.Channel, d.State)
	}
	m := n.marks(d.Deal, d.Rule)
	m.rows[mark(d.Event, d.Channel)] = e
	n.log[d.Rule] = append(n.log[d.Rule], e)
	w.undo = append(w.undo, func() {
		delete(m.rows, mark(d.Event, d.Channel))
		n.log[d.Rule] = slices.DeleteFunc(n.log[d.Rule], func(x *entry) bool { return x == e })
		if len(m.rows) == 0 && m.folded == nil {
			delete(n.deals[d.Deal], d.Rule)
		}
	})
}

// fold counts a change of a deal that was told already and rings nobody.
func (n *Notifier) fold(w *writes, m *marks, d schemas.Delivery) {
	old := m.folded
	if old != nil && d.Rev <= old.Rev {
		return
	}
	d.Event, d.Channel, d.State, d.Count = "folded", "log", schemas.DeliveryFolded, 1
	d.ID = schemas.DeliveryID(d.Rule, d.Deal, d.Event, d.Channel)
	var e *entry
	if old != nil {
		d.Count = old.Count + 1
	} else {
		e = &entry{key: rowKey(&d), id: d.ID, channel: d.Channel, event: d.Event, state: d.State, at: d.At}
		n.log[d.Rule] = append(n.log[d.Rule], e)
	}
	m.folded = &d
	w.put(rowKey(&d), d)
	n.observe(w, d.Channel, d.State)
	w.undo = append(w.undo, func() {
		m.folded = old
		if e != nil {
			n.log[d.Rule] = slices.DeleteFunc(n.log[d.Rule], func(x *entry) bool { return x == e })
		}
	})
}

// Follow keeps the log and the rules up to date in a process that does not Run,
// until ctx ends.
func (n *Notifier) Follow(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- n.watchRules(ctx) }()
	err := n.opt.Deliveries.Watch(ctx, func(key string, b []byte) {
		d := new(schemas.Delivery)
		if b == nil || key[0] != 'd' && key[0] != 'b' || json.Unmarshal(b, d) != nil || rowKey(d) != key {
			return
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		if e := n.known(d); e != nil {
			e.state = d.State
			return
		}
		d2 := *d
		d2.State = "" // never into a lane
		n.remember(&d2).state = d.State
	}, func() {})
	return errors.Join(err, <-done)
}

// known finds the entry of a row, nil when there is none.
func (n *Notifier) known(d *schemas.Delivery) *entry {
	switch d.Event {
	case "digest", "folded":
		key := rowKey(d)
		for _, e := range slices.Backward(n.log[d.Rule]) {
			if e.key == key {
				return e
			}
		}
		return nil
	}
	if m := n.deals[d.Deal][d.Rule]; m != nil {
		return m.rows[mark(d.Event, d.Channel)]
	}
	return nil
}

// tidy removes what is older than Keep, once a day, and the oldest when there are
// too many: the bucket refuses everything once it is full.
func (n *Notifier) tidy(ctx context.Context) {
	now := n.opt.Now()
	n.mu.Lock()
	total := 0
	for _, list := range n.log {
		total += len(list)
	}
	due := now.Sub(n.tidied) >= 24*time.Hour || now.Before(n.tidied)
	if !due && total <= n.opt.MaxRows+n.opt.MaxRows/20 {
		n.mu.Unlock()
		return
	}
	n.tidied = now
	var ages []time.Time
	for _, list := range n.log {
		for _, e := range list {
			ages = append(ages, e.at)
		}
	}
	floor := now.Add(-n.opt.Keep)
	if over := len(ages) - n.opt.MaxRows; over > 0 {
		slices.SortFunc(ages, time.Time.Compare)
		floor = later(floor, ages[over])
	}
	var gone []string
	old := func(e *entry) bool { return e.at.Before(floor) && e.state != schemas.DeliveryPending }
	for rule, list := range n.log {
		n.log[rule] = slices.DeleteFunc(list, func(e *entry) bool {
			if old(e) {
				gone = append(gone, e.key)
			}
			return old(e)
		})
		if len(n.log[rule]) == 0 {
			delete(n.log, rule)
		}
	}
	for deal, byRule := range n.deals {
		for rule, m := range byRule {
			maps.DeleteFunc(m.rows, func(_ string, e *entry) bool { return old(e) })
			if m.folded != nil && m.folded.At.Before(floor) {
				m.folded = nil
			}
			if !m.told() {
				delete(byRule, rule)
			}
		}
		if len(byRule) == 0 {
			delete(n.deals, deal)
		}
	}
	if len(gone) > 0 {
		n.floor = later(n.floor, floor)
	}
	mark := n.floor
	n.mu.Unlock()
	if len(gone) > 0 {
		b, err := json.Marshal(mark)
		if err == nil {
			_, err = n.opt.Deliveries.Put(ctx, floorKey, b)
		}
		if err != nil {
			n.lg.Warn("tidy the outbox", "err", err)
		}
	}
	for _, key := range gone {
		if err := n.opt.Deliveries.Delete(ctx, key); err != nil {
			n.lg.Warn("tidy the outbox", "err", err)
			return
		}
	}
	n.tidyOthers(ctx, now, now.Sub(floor))
}

// tidyOthers removes the contents and the idempotency keys that have served.
func (n *Notifier) tidyOthers(ctx context.Context, now time.Time, keep time.Duration) {
	all, err := n.opt.Deliveries.All(ctx)
	if err != nil {
		n.lg.Warn("tidy the outbox", "err", err)
		return
	}
	for key, b := range all {
		var v struct {
			At time.Time `json:"at"`
		}
		keep := keep
		switch key[0] {
		case 'c':
		case 'i':
			keep = onceFor
		default:
			continue
		}
		if json.Unmarshal(b, &v) == nil && now.Sub(v.At) > keep {
			if err := n.opt.Deliveries.Delete(ctx, key); err != nil {
				n.lg.Warn("tidy the outbox", "err", err)
				return
			}
		}
	}
}
