package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.org/veille/schemas"
)

// Of several processes on one log, one sends: the one that holds the lease.
//
//	          Follow                      Follow
//	standby ───────────> lease is free ──────────> leads: Take, Run
//	   ^                 or stands still             │ renews it
//	   └─────────────────────────────────────────────┘ cannot renew, or stops
//
// The lease is a key that its holder rewrites. Nobody compares clocks: a standby
// takes over when it has seen the same revision for [leaseTime] by its own clock,
// and the holder counts from before its last successful write, so that it stops
// first. An attempt is only begun while the lease outlasts every time limit of
// sending. What is left is a process that is frozen within an attempt: its message
// may come twice, under one id.

// leaseTime is how long a holder that died keeps others waiting. It leaves two
// thirds for an attempt that was begun, which is the limit of a mail server.
const leaseTime = 45 * time.Second

// leaseKey lies in the bucket of rules, whose other keys are slugs without a dot.
const leaseKey = "lease.alert"

// ErrNotLeading is wrapped by [Notifier.Take] in a process that does not hold the
// lease: another one takes.
var ErrNotLeading = errors.New("another process sends the alerts")

// lease is held until a moment, or not.
type lease struct {
	store Store
	me    string
	time  time.Duration

	mu    sync.Mutex
	until time.Time // by the monotonic clock
	rev   uint64    // of our last write
}

// outlasts tells whether the lease is held for d more.
func (l *lease) outlasts(d time.Duration) bool {
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.until) > d
}

// holder is what stands in the key.
type holder struct {
	Node string    `json:"node"` // "" when it was given back
	At   time.Time `json:"at"`   // for people who look; nobody compares it
}

// write takes or renews the lease when the key still has the revision.
func (l *lease) write(ctx context.Context, rev uint64) error {
	began := time.Now()
	b, err := json.Marshal(holder{l.me, began.UTC()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, l.time/3)
	defer cancel()
	rev, err = l.store.Update(ctx, leaseKey, b, rev)
	if err != nil {
		return fmt.Errorf("write the lease: %w", err)
	}
	l.mu.Lock()
	l.rev, l.until = rev, began.Add(l.time)
	l.mu.Unlock()
	return nil
}

// win waits until the lease is ours, which fit may forbid.
func (l *lease) win(ctx context.Context, fit func() error, warn func(error)) error {
	var seen uint64
	var since time.Time
	said := "" // once is enough
	lost := func(err error) {
		if s := err.Error(); s != said {
			said = s
			warn(err)
		}
	}
	for {
		b, rev, err := l.store.Get(ctx, leaseKey)
		var h holder
		if err == nil && b != nil {
			if bad := json.Unmarshal(b, &h); bad != nil {
				h.Node = "?" // whoever wrote that will not renew it
			}
		}
		if rev != seen || since.IsZero() {
			seen, since = rev, time.Now()
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			lost(err)
		case fit() != nil:
			lost(fit())
		case h.Node == "" || h.Node == l.me || time.Since(since) > l.time:
			if err := l.write(ctx, rev); err == nil {
				return nil
			} else if ctx.Err() == nil {
				lost(err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(l.time / 9):
		}
	}
}

// keep renews the lease until ctx ends or it is lost.
func (l *lease) keep(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(l.time / 9):
		}
		l.mu.Lock()
		rev := l.rev
		l.mu.Unlock()
		err := l.write(ctx, rev)
		if err == nil || ctx.Err() != nil {
			continue
		}
		if _, now, err2 := l.store.Get(ctx, leaseKey); err2 == nil && now != rev || !l.outlasts(l.time/3) {
			return err
		}
	}
}

// giveBack lets the next one in at once.
func (l *lease) giveBack(ctx context.Context) {
	l.mu.Lock()
	rev := l.rev
	held := time.Until(l.until) > 0
	l.until = time.Time{}
	l.mu.Unlock()
	if !held {
		return
	}
	b, err := json.Marshal(holder{At: time.Now().UTC()})
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.time/9)
	defer cancel()
	_, _ = l.store.Update(ctx, leaseKey, b, rev) // it runs out by itself otherwise
}

// Lead sends what is pending and what comes, while work hands events to
// [Notifier.Take], until ctx ends. Of several processes on one log, only the one
// that holds the lease does so; the others [Notifier.Follow] until it is free.
// Without a node in the options there is no other process, and no lease.
func (n *Notifier) Lead(ctx context.Context, work func(context.Context) error) error {
	if n.lease == nil {
		return n.lead(ctx, work)
	}
	for ctx.Err() == nil {
		follow, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- n.Follow(follow) }()
		followed := func() error {
			select {
			case err := <-ended: // by itself: the log is shown as it was
				return err
			default:
			}
			stop()
			<-ended
			return nil
		}
		err := n.lease.win(ctx, n.fit, func(err error) { n.lg.Warn("the lease of the alerts", "err", err) })
		if err2 := followed(); err2 != nil {
			n.lg.Warn("follow the alerts", "err", err2)
		}
		if err != nil {
			break
		}
		if err := n.reload(ctx); err != nil {
			n.lg.Error("take over the alerts", "err", err)
			n.lease.giveBack(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(n.lease.time / 9):
			}
			continue
		}
		n.lg.Info("this process sends the alerts")
		held, lost := context.WithCancel(ctx)
		kept := make(chan struct{})
		go func() {
			defer close(kept)
			if err := n.lease.keep(held); err != nil {
				n.lg.Warn("another process may send the alerts now", "err", err)
				lost()
			}
		}()
		err = n.lead(held, work)
		lost()
		<-kept
		n.lease.giveBack(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

func (n *Notifier) lead(ctx context.Context, work func(context.Context) error) error {
	n.sends.Store(true)
	defer n.sends.Store(false)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	worked := make(chan error, 1)
	go func() {
		defer stop()
		worked <- work(ctx)
	}()
	err := n.Run(ctx)
	stop()
	return errors.Join(err, <-worked)
}

// reload takes the outbox in anew, as others left it.
func (n *Notifier) reload(ctx context.Context) error {
	rows, err := n.opt.Deliveries.All(ctx)
	if err != nil {
		return fmt.Errorf("open the outbox: %w", err)
	}
	n.mu.Lock()
	n.deals, n.log, n.lanes, n.unsaved = map[string]map[string]*marks{}, map[string][]*entry{}, map[string]*lane{}, map[string][]byte{}
	n.mu.Unlock()
	n.load(rows)
	return nil
}

// wish is what a process that shows asks of the one that sends.
type wish struct {
	Rule    string    `json:"rule"`
	Channel string    `json:"channel"`
	Since   time.Time `json:"since"` // replay what was told since then
}

const wishes = "wish."

// ask leaves a wish for the process that sends, which may not be up.
func (n *Notifier) ask(ctx context.Context, w wish) error {
	b, err := json.Marshal(w)
	if err != nil {
		return err
	}
	key := wishes + w.Rule + "." + strconv.FormatInt(n.opt.Now().UnixNano(), 36)
	if _, err := n.opt.Rules.Put(ctx, key, b); err != nil {
		return fmt.Errorf("ask for a replay: %w", err)
	}
	return nil
}

// grant does what was asked for, when this process sends.
func (n *Notifier) grant(ctx context.Context, key string, body []byte) {
	var w wish
	if !strings.HasPrefix(key, wishes) || body == nil || !n.sends.Load() {
		return
	}
	err := json.Unmarshal(body, &w)
	if err == nil {
		_, err = n.Replay(ctx, w.Rule, w.Channel, w.Since)
	}
	if err != nil {
		n.lg.Warn("a replay that was asked for", "rule", w.Rule, "err", err)
	}
	if err := n.opt.Rules.Delete(ctx, key); err != nil {
		n.lg.Warn("a replay that was asked for", "rule", w.Rule, "err", err)
	}
}

// replayable counts what a channel was told since a moment.
func (n *Notifier) replayable(slug, ch string, since time.Time) (list []*entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.log[slug] {
		if strings.HasPrefix(e.event, "test-") || strings.HasPrefix(e.event, "notice-") {
			continue // no news
		}
		if e.channel == ch && !e.at.Before(since) && e.event != "digest" && e.event != "folded" && (e.state == schemas.DeliverySent || e.state == schemas.DeliveryDead) {
			list = append(list, e)
		}
	}
	return list
}

// maySend tells whether an attempt that begins now ends within the lease.
func (n *Notifier) maySend() bool { return n.lease == nil || n.lease.outlasts(n.lease.time*2/3) }

// follows tells whether another process sends, or nobody yet.
func (n *Notifier) follows() bool { return n.lease != nil && !n.sends.Load() }

// fit tells why this process must not send: it has another key than who made the
// rules, and would leave out what they ring for.
func (n *Notifier) fit() error {
	n.book.mu.RLock()
	defer n.book.mu.RUnlock()
	for slug, s := range n.book.rules {
		if s.sealed {
			return fmt.Errorf("this process does not send: rule %s was sealed with another alert-key", slug)
		}
	}
	return nil
}
