package alert

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/veille/alert/channel"
	"example.org/veille/schemas"
)

// lane is what waits for one destination of one rule. A lane sends one message at
// a time, so that a slow destination holds up nobody else.
type lane struct {
	rule, channel string
	rows          []*entry // pending, oldest first
	busy          bool
	hold          time.Time   // nothing before: the receiver asked for patience
	sent          []time.Time // single messages of the last hour
	digest        time.Time   // last digest
	failing       bool        // its owner was told
}

// push puts an entry in its place by the time it was decided.
func (l *lane) push(e *entry) {
	i, _ := slices.BinarySearchFunc(l.rows, e, func(a, b *entry) int { return cmp.Or(a.at.Compare(b.at), 0) })
	for i < len(l.rows) && !l.rows[i].at.After(e.at) {
		i++
	}
	l.rows = slices.Insert(l.rows, i, e)
}

func (l *lane) drop(gone func(*entry) bool) { l.rows = slices.DeleteFunc(l.rows, gone) }

func (n *Notifier) lane(rule, ch string) *lane {
	key := rule + "." + ch
	l := n.lanes[key]
	if l == nil {
		l = &lane{rule: rule, channel: ch}
		n.lanes[key] = l
	}
	return l
}

// Run sends what is pending, and what comes, until ctx ends; it then waits for
// the attempts at hand. Only one process may run at a time: see [Notifier.Lead].
func (n *Notifier) Run(ctx context.Context) error {
	watched := make(chan error, 1)
	go func() { watched <- n.watchRules(ctx) }()
	n.flying.Go(func() { n.probe(ctx) })
	for {
		n.tidy(ctx)
		next := n.step(ctx)
		wait := time.Minute // a clock that jumps is noticed within it
		if !next.IsZero() {
			wait = max(0, min(wait, next.Sub(n.opt.Now())))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			n.flying.Wait()
			return <-watched
		case <-n.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// step starts what is due and tells when something else will be, the zero time
// for never.
func (n *Notifier) step(ctx context.Context) (next time.Time) {
	n.flush(ctx)
	now := n.opt.Now()
	if !n.maySend() { // the lease is about to be renewed, or to be lost
		return now.Add(n.lease.time / 9)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for key, l := range n.lanes {
		if l.busy {
			continue
		}
		l.drop(func(e *entry) bool { return e.state != schemas.DeliveryPending })
		if len(l.rows) == 0 {
			if l.idle(now) {
				delete(n.lanes, key)
			}
			continue
		}
		due := n.due(l, now)
		if due.After(now) {
			if next.IsZero() || due.Before(next) {
				next = due
			}
			continue
		}
		l.busy = true
		n.flying.Go(func() {
			n.slots <- struct{}{}
			n.work(ctx, l)
			<-n.slots
			n.poke()
		})
	}
	if len(n.unsaved) > 0 {
		if soon := now.Add(5 * time.Second); next.IsZero() || soon.Before(next) {
			next = soon
		}
	}
	return next
}

// idle tells whether nothing of a lane needs remembering.
func (l *lane) idle(now time.Time) bool {
	return !l.failing && (len(l.sent) == 0 || now.Sub(l.sent[len(l.sent)-1]) > time.Hour) && now.Sub(l.digest) > time.Hour && !l.hold.After(now)
}

// due is when a lane with rows has something to do.
func (n *Notifier) due(l *lane, now time.Time) time.Time {
	s := n.book.get(l.rule)
	if s != nil && s.sealed {
		return now.Add(time.Hour) // an edit wakes it up
	}
	if _, ok := n.destination(s, l.channel); !ok {
		return now // to be withdrawn
	}
	var due time.Time
	for _, e := range l.rows {
		at := e.row.Due
		if e.event != "digest" && len(e.row.Attempts) == 0 && e.row.Batch == "" && s.rule.Cadence.Kind == "" {
			at = later(at, l.allowed(now, n.opt.Hourly))
		}
		if e.row.Batch != "" {
			continue // goes with its digest
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	return later(due, l.hold)
}

// allowed is when one more new message may go out, alone or in a digest: at once
// while the hour has room, else when a digest is due.
func (l *lane) allowed(now time.Time, hourly int) time.Time {
	l.sent = slices.DeleteFunc(l.sent, func(t time.Time) bool { return now.Sub(t) >= time.Hour })
	if len(l.sent) < hourly {
		return time.Time{}
	}
	at := l.digest.Add(digestEvery)
	if room := l.sent[0].Add(time.Hour); room.Before(at) {
		return room
	}
	return at
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// destination finds where a channel of a rule leads, false when it leads nowhere
// any more.
func (n *Notifier) destination(s *saved, ch string) (schemas.Destination, bool) {
	if s == nil {
		return schemas.Destination{}, false
	}
	if ch == ownerChannel {
		return schemas.Destination{ID: ch, Email: &schemas.EmailTo{To: s.rule.Owner}}, n.ownerMail(s.rule)
	}
	for _, d := range s.rule.To {
		if d.ID == ch {
			return d, d.Off == ""
		}
	}
	return schemas.Destination{}, false
}

// job is one message to be sent: a row, or a digest with its rows.
type job struct {
	dest  schemas.Destination
	rule  schemas.Rule
	head  *entry   // the row, or the digest's own
	items []*entry // of a digest
	flood bool
	made  bool // a digest that is not durable yet
}

// work sends what a lane has due, one after another.
func (n *Notifier) work(ctx context.Context, l *lane) {
	for ctx.Err() == nil && n.maySend() {
		j, withdrawn := n.pick(l)
		if len(withdrawn) > 0 {
			n.save(ctx, withdrawn...)
			continue
		}
		if j == nil {
			break
		}
		if j.made && !n.writeDigest(ctx, j) {
			n.mu.Lock()
			l.hold = n.opt.Now().Add(5 * time.Second) // the disk, most likely
			n.release(j)
			n.mu.Unlock()
			break
		}
		n.attempt(ctx, l, j)
	}
	n.mu.Lock()
	l.busy = false
	n.mu.Unlock()
}

func (n *Notifier) release(j *job) {
	j.head.busy = false
	for _, e := range j.items {
		e.busy = false
	}
}

// pick takes the next message of a lane, nil when nothing is due. Rows that lead
// nowhere are withdrawn and returned to be saved.
func (n *Notifier) pick(l *lane) (*job, []*entry) {
	now := n.opt.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	l.drop(func(e *entry) bool { return e.state != schemas.DeliveryPending })
	if len(l.rows) == 0 || l.hold.After(now) {
		return nil, nil
	}
	s := n.book.get(l.rule)
	dest, ok := n.destination(s, l.channel)
	if !ok {
		var out []*entry
		for _, e := range l.rows {
			e.state, e.row.State, e.row.Reason = schemas.DeliveryWithdrawn, schemas.DeliveryWithdrawn, "the rule or its destination is gone"
			out = append(out, e)
			if len(out) == writeMost {
				break
			}
		}
		return nil, out
	}
	j := &job{dest: dest, rule: s.rule}
	take := func(e *entry) (*job, []*entry) {
		j.head = e
		e.busy = true
		return j, nil
	}
	var fresh []*entry
	for _, e := range l.rows {
		switch {
		case e.event == "digest" && !e.row.Due.After(now):
			for _, x := range l.rows {
				if x.row.Batch == e.id {
					x.busy = true
					j.items = append(j.items, x)
				}
			}
			return take(e)
		case e.event == "digest" || e.row.Batch != "":
		case len(e.row.Attempts) > 0 || strings.HasPrefix(e.event, "notice"):
			if !e.row.Due.After(now) {
				return take(e)
			}
		default:
			fresh = append(fresh, e)
		}
	}
	due := slices.ContainsFunc(fresh, func(e *entry) bool { return !e.row.Due.After(now) })
	if !due {
		return nil, nil
	}
	if s.rule.Cadence.Kind == "" {
		if l.allowed(now, n.opt.Hourly); len(l.sent) < n.opt.Hourly {
			for _, e := range fresh {
				if !e.row.Due.After(now) {
					return take(e)
				}
			}
		}
		if l.digest.Add(digestEvery).After(now) {
			return nil, nil
		}
		j.flood = true
	}
	if len(fresh) == 1 && !j.flood {
		return take(fresh[0])
	}
	// A digest. Its id follows from its first row, which is in no other.
	d := &schemas.Delivery{
		ID:   schemas.DeliveryID(l.rule, "", "digest "+fresh[0].id, l.channel),
		Rule: l.rule, Event: "digest", Channel: l.channel, To: dest.Show(), State: schemas.DeliveryPending,
		Count: len(fresh), At: now, Due: now,
	}
	if j.flood {
		d.Reason = "too many for one hour"
	}
	for _, e := range fresh {
		e.busy = true
		d.Seen = later(d.Seen, e.row.Seen)
	}
	j.head = &entry{key: rowKey(d), id: d.ID, channel: d.Channel, event: d.Event, state: d.State, at: now, row: d, busy: true}
	j.items, j.made = fresh, true
	return j, nil
}

// writeDigest makes a digest durable before its first attempt: its rows first,
// which without it would stay what they were.
func (n *Notifier) writeDigest(ctx context.Context, j *job) bool {
	n.mu.Lock()
	for _, e := range j.items {
		e.row.Batch = j.head.id
	}
	n.mu.Unlock()
	all := append(slices.Clone(j.items), j.head)
	if err := n.put(ctx, all); err != nil {
		n.lg.Error("write a digest", "rule", j.rule.Slug, "err", err)
		n.mu.Lock()
		for _, e := range j.items {
			e.row.Batch = ""
		}
		n.mu.Unlock()
		return false
	}
	n.mu.Lock()
	n.log[j.rule.Slug] = append(n.log[j.rule.Slug], j.head)
	n.lane(j.rule.Slug, j.head.channel).push(j.head)
	n.mu.Unlock()
	return true
}

// put writes rows, many with one fsync.
func (n *Notifier) put(ctx context.Context, list []*entry) error {
	for len(list) > 0 {
		k := min(len(list), writeMost)
		keys, values := make([]string, k), make([][]byte, k)
		n.mu.Lock()
		for i, e := range list[:k] {
			b, err := json.Marshal(e.row)
			if err != nil {
				n.mu.Unlock()
				return fmt.Errorf("encode row %s: %w", e.key, err)
			}
			keys[i], values[i] = e.key, b
		}
		n.mu.Unlock()
		err := n.opt.Deliveries.PutMany(ctx, keys, values)
		n.wrote(err)
		if err != nil {
			return fmt.Errorf("write the outbox: %w", err)
		}
		list = list[k:]
	}
	return nil
}

// save writes results. What cannot be written is kept and tried again: memory
// knows that it was sent, and nothing is sent twice meanwhile.
func (n *Notifier) save(ctx context.Context, list ...*entry) {
	err := n.put(context.WithoutCancel(ctx), list)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range list {
		if err != nil {
			if b, err := json.Marshal(e.row); err == nil {
				n.unsaved[e.key] = b
			}
		}
		if e.state != schemas.DeliveryPending {
			e.row = nil // from now on in the bucket only
		}
	}
	if err != nil {
		n.lg.Error("a result could not be written; trying again", "rows", len(list), "err", err)
	}
}

// flush writes what could not be written before.
func (n *Notifier) flush(ctx context.Context) {
	n.mu.Lock()
	keys, values := make([]string, 0, len(n.unsaved)), make([][]byte, 0, len(n.unsaved))
	for k, v := range n.unsaved {
		if len(keys) == writeMost {
			break
		}
		keys, values = append(keys, k), append(values, v)
	}
	n.mu.Unlock()
	if len(keys) == 0 {
		return
	}
	err := n.opt.Deliveries.PutMany(ctx, keys, values)
	n.wrote(err)
	if err != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, k := range keys {
		if string(n.unsaved[k]) == string(values[i]) {
			delete(n.unsaved, k)
		}
	}
}

// attempt makes one try and writes down what came of it.
func (n *Notifier) attempt(ctx context.Context, l *lane, j *job) {
	sent := n.opt.Now()
	msg, err := n.message(ctx, j, sent)
	var res channel.Result
	switch {
	case err != nil && ctx.Err() != nil:
		n.mu.Lock()
		n.release(j)
		n.mu.Unlock()
		return
	case err != nil:
		res = channel.Result{Err: err}
	default:
		// A message on its way out is not cut off by a shutdown: it has its own
		// time limits.
		res = n.sender.Send(context.WithoutCancel(ctx), j.dest, msg)
	}
	if res.Err != nil && !n.lease.outlasts(0) {
		// Whoever sends now knows better what became of it.
		n.mu.Lock()
		n.release(j)
		n.mu.Unlock()
		return
	}
	now := n.opt.Now()
	row := j.head.row
	a := schemas.Attempt{At: now.UTC(), Status: res.Status}
	if res.Err != nil {
		a.Error = res.Err.Error()
	}
	outcome := "sent"
	n.mu.Lock()
	n.release(j)
	row.Attempts = append(row.Attempts, a)
	tries := len(row.Attempts)
	switch {
	case res.Err == nil:
		row.State, row.Sent = schemas.DeliverySent, now.UTC()
		l.failing, l.hold = false, time.Time{}
		if row.Event == "digest" {
			l.digest = now
		} else {
			l.sent = append(l.sent, now)
		}
	case res.Final || res.Gone || tries > len(retryAfter):
		row.State, row.Reason = schemas.DeliveryDead, a.Error
		outcome = "dead"
	default:
		wait := retryAfter[tries-1]
		wait += time.Duration(float64(wait) * (0.4*n.opt.Jitter() - 0.2))
		row.Due = now.Add(max(wait, res.RetryAfter))
		if res.RetryAfter > 0 {
			l.hold = later(l.hold, now.Add(res.RetryAfter))
		}
		outcome = "retry"
	}
	j.head.state = row.State
	settled := []*entry{j.head}
	if row.State != schemas.DeliveryPending {
		for _, e := range j.items {
			e.row.State, e.row.Sent, e.row.Reason = row.State, row.Sent, row.Reason
			e.state = row.State
			settled = append(settled, e)
		}
	}
	tell := row.State == schemas.DeliveryDead && !l.failing && !strings.HasPrefix(row.Event, "notice")
	l.failing = l.failing || row.State == schemas.DeliveryDead
	seen, state, digest, replayed := row.Seen, row.State, row.Event == "digest", row.Due.Sub(row.At) > retryAfter[0] && tries == 1
	n.mu.Unlock()
	// The digest's own row, or the only one, says what happened; it goes first.
	n.save(ctx, settled[0])
	if len(settled) > 1 {
		n.save(ctx, settled[1:]...)
	}
	if n.opt.Observe != nil {
		// A digest, a repetition and a notice were not sent as soon as they could be.
		delay := now.Sub(seen)
		if seen.IsZero() || digest || j.rule.Cadence.Kind != "" || replayed {
			delay = 0
		}
		kind := j.dest.Kind()
		if l.channel == ownerChannel {
			kind = ownerChannel
		}
		n.opt.Observe(kind, outcome, max(0, delay))
	}
	lg := n.lg.With("rule", j.rule.Slug, "channel", l.channel, "id", j.head.id, "attempt", tries)
	switch {
	case state == schemas.DeliverySent:
		lg.Debug("alert sent")
	case state == schemas.DeliveryDead:
		lg.Error("alert given up", "err", res.Err)
	default:
		lg.Warn("alert not taken", "err", res.Err)
	}
	if res.Gone {
		_, _, err := n.Edit(ctx, j.rule.Slug, "", func(r *schemas.Rule) error {
			for i := range r.To {
				if r.To[i].ID == l.channel {
					r.To[i].Off = "gone"
				}
			}
			return nil
		})
		if err != nil {
			lg.Error("switch off a destination that is gone", "err", err)
		}
	}
	if tell {
		n.notify(ctx, j.rule, l.channel, j.head.id, a.Error)
	}
}

const ownerChannel = "owner"

func (n *Notifier) ownerMail(r schemas.Rule) bool {
	return n.opt.Mail != nil && strings.Contains(r.Owner, "@") && !strings.ContainsAny(r.Owner, " \r\n<>")
}

// notify tells the owner of a rule, by its other destinations or else by mail,
// that one of them no longer takes messages.
func (n *Notifier) notify(ctx context.Context, r schemas.Rule, failed, id, why string) {
	where := failed
	var others []schemas.Destination
	for _, d := range r.To {
		if d.ID == failed {
			where = d.Show()
		} else if d.Off == "" {
			others = append(others, d)
		}
	}
	if len(others) == 0 && failed != ownerChannel && n.ownerMail(r) {
		others = append(others, schemas.Destination{ID: ownerChannel, Email: &schemas.EmailTo{To: r.Owner}})
	}
	now := n.opt.Now()
	w := writes{seen: map[string]bool{}}
	n.mu.Lock()
	for _, d := range others {
		n.add(&w, schemas.Delivery{
			Rule: r.Slug, Deal: "notice", Event: "notice-" + keyPart(id), Channel: d.ID, To: d.Show(), State: schemas.DeliveryPending,
			Notice: fmt.Sprintf("%s: %s", where, why), At: now, Due: now,
		})
	}
	n.mu.Unlock()
	if len(w.keys) == 0 {
		return
	}
	if err := n.opt.Deliveries.PutMany(ctx, w.keys, w.values); err != nil {
		w.back(n)
		n.lg.Error("write a notice", "err", err)
		return
	}
	n.mu.Lock()
	for _, e := range w.fresh {
		n.lane(r.Slug, e.channel).push(e)
	}
	n.mu.Unlock()
	n.poke()
}
