package alert

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/veille/alert/channel"
	"example.org/veille/internal/publisher"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// ErrNoDelivery is wrapped for an entry of the log that is not there.
var ErrNoDelivery = errors.New("there is no such delivery")

// Deliveries reads the log of a rule, newest first: what was sent, folded, muted
// or failed. The rows of the feed are left out where there are destinations.
// after is the id of the last entry of the page before; next is "" at the end.
func (n *Notifier) Deliveries(ctx context.Context, slug, after string, limit int) (rows []schemas.Delivery, next string, err error) {
	s := n.book.get(slug)
	n.mu.Lock()
	list := slices.Clone(n.log[slug])
	n.mu.Unlock()
	if s == nil && len(list) == 0 {
		return nil, "", fmt.Errorf("%w: %s", ErrNoRule, slug)
	}
	rows = []schemas.Delivery{}
	skip := after != ""
	for _, e := range slices.Backward(list) {
		if skip {
			skip = e.id != after
			continue
		}
		if e.channel == feedChannel && s != nil && len(s.rule.To) > 0 {
			continue
		}
		if len(rows) == limit {
			return rows, rows[len(rows)-1].ID, nil
		}
		d, err := n.row(ctx, e.key)
		if err != nil {
			return nil, "", err
		}
		if d != nil {
			rows = append(rows, *d)
		}
	}
	if skip {
		return nil, "", fmt.Errorf("%w: %s", ErrNoDelivery, channel.Plain(after, 60))
	}
	return rows, "", nil
}

// row reads an entry of the log, nil when it is gone.
func (n *Notifier) row(ctx context.Context, key string) (*schemas.Delivery, error) {
	n.mu.Lock()
	b := n.unsaved[key]
	n.mu.Unlock()
	if b == nil {
		var err error
		if b, _, err = n.opt.Deliveries.Get(ctx, key); err != nil {
			return nil, fmt.Errorf("read the log: %w", err)
		}
	}
	if b == nil {
		return nil, nil
	}
	d := new(schemas.Delivery)
	if err := json.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("read the log: %s: %w", key, err)
	}
	return d, nil
}

// Count tells how many entries of the log of a rule are in each state.
func (n *Notifier) Count(slug string) map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := map[string]int{}
	for _, e := range n.log[slug] {
		if e.event != "digest" && e.channel != feedChannel {
			out[e.state]++
		}
	}
	return out
}

// Kinds are the kinds of destinations: the beginning of a channel's id.
var Kinds = []string{"webhook", "email", "slack", "teams", "chat", "nats", ownerChannel}

// Figures are the state of the outbox in numbers.
type Figures struct {
	Rules, Broken int
	Evaluated     uint64         // rules tried on a document, since the start
	Pending       map[string]int // messages that wait, by kind of destination
	Failing       map[string]int // destinations that did not take their last message
	Unsaved       int            // results that could not be written down yet
}

// Figures counts, over all rules.
func (n *Notifier) Figures() Figures {
	f := Figures{Evaluated: n.book.set.Evaluated(), Pending: map[string]int{}, Failing: map[string]int{}}
	n.book.mu.RLock()
	for _, s := range n.book.rules {
		f.Rules++
		if s.fault != "" {
			f.Broken++
		}
	}
	n.book.mu.RUnlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	f.Unsaved = len(n.unsaved)
	for _, l := range n.lanes {
		kind, _, _ := strings.Cut(l.channel, "-")
		failing := l.failing
		for _, e := range l.rows {
			if e.state == schemas.DeliveryPending && e.event != "digest" {
				f.Pending[kind]++
			}
			failing = failing || e.row != nil && len(e.row.Attempts) > 0
		}
		if failing {
			f.Failing[kind]++
		}
	}
	return f
}

// Pending counts what is waiting to be sent, over all rules, by kind of
// destination.
func (n *Notifier) Pending() map[string]int { return n.Figures().Pending }

// Redeliver sends an entry of the log again at once, under the same id, and
// returns it with the new attempt. It wraps [ErrNoRule], [ErrNoDelivery], or
// [ErrInProgress] while it is being sent anyway.
func (n *Notifier) Redeliver(ctx context.Context, slug, id string) (schemas.Delivery, error) {
	s := n.book.get(slug)
	if s == nil {
		return schemas.Delivery{}, fmt.Errorf("%w: %s", ErrNoRule, slug)
	}
	var e *entry
	n.mu.Lock()
	list := n.log[slug]
	if i := slices.IndexFunc(list, func(e *entry) bool { return e.id == id }); i >= 0 {
		e = list[i]
	}
	if e != nil && e.busy {
		n.mu.Unlock()
		return schemas.Delivery{}, fmt.Errorf("%w: %s", ErrInProgress, id)
	}
	if e != nil {
		e.busy = true
		defer func() {
			n.mu.Lock()
			e.busy = false
			n.mu.Unlock()
		}()
	}
	n.mu.Unlock()
	if e == nil || e.channel == feedChannel || e.event == "folded" {
		return schemas.Delivery{}, fmt.Errorf("%w: %s", ErrNoDelivery, channel.Plain(id, 60))
	}
	d, err := n.row(ctx, e.key)
	if err != nil {
		return schemas.Delivery{}, err
	}
	dest, _ := n.destination(s, e.channel)
	if d == nil || dest.Kind() == "" {
		return schemas.Delivery{}, fmt.Errorf("%w: %s, or its destination is gone", ErrNoDelivery, id)
	}
	j := &job{dest: dest, rule: s.rule, head: &entry{key: e.key, id: e.id, event: e.event, row: d}}
	if d.Event == "digest" {
		for _, x := range slices.Backward(slices.Clone(list)) {
			if x.channel != e.channel || x.event == "digest" || len(j.items) == channel.MaxItems {
				continue
			}
			if item, err := n.row(ctx, x.key); err == nil && item != nil && item.Batch == d.ID {
				j.items = append(j.items, &entry{row: item})
			}
		}
	}
	sent := n.opt.Now()
	m, err := n.message(ctx, j, sent)
	if err != nil {
		return *d, err
	}
	res := n.sender.Send(ctx, dest, m)
	a := schemas.Attempt{At: n.opt.Now().UTC(), Status: res.Status}
	if res.Err != nil {
		a.Error = res.Err.Error()
	}
	const most = 50
	d.Attempts = append(d.Attempts[max(0, len(d.Attempts)-most):], a)
	if res.Err == nil {
		d.State, d.Sent, d.Reason = schemas.DeliverySent, a.At, ""
	}
	n.mu.Lock()
	if e.row != nil { // still pending: the outbox goes on from here
		e.row.Attempts = d.Attempts
	}
	if res.Err == nil {
		e.state, e.row = d.State, nil
	}
	n.mu.Unlock()
	n.save(ctx, &entry{key: e.key, state: schemas.DeliveryPending, row: d})
	return *d, nil
}

// Replay sends what a rule told a channel since a moment again, under the same
// ids, in its usual way. It tells how many messages that is; more than a thousand
// are refused.
func (n *Notifier) Replay(ctx context.Context, slug, ch string, since time.Time) (int, error) {
	s := n.book.get(slug)
	if s == nil {
		return 0, fmt.Errorf("%w: %s", ErrNoRule, slug)
	}
	if _, ok := n.destination(s, ch); !ok {
		return 0, fmt.Errorf("%w: channel %s", ErrNoDelivery, channel.Plain(ch, 60))
	}
	list := n.replayable(slug, ch, since)
	const most = 1000
	if len(list) > most {
		return 0, fmt.Errorf("%d messages are more than %d; take a later date", len(list), most)
	}
	if n.follows() {
		return len(list), n.ask(ctx, wish{slug, ch, since})
	}
	var again []*entry
	now := n.opt.Now()
	for _, e := range list {
		d, err := n.row(ctx, e.key)
		if err != nil {
			return 0, err
		}
		if d != nil {
			d.State, d.Batch, d.Due, d.Attempts, d.Reason = schemas.DeliveryPending, "", s.rule.Cadence.Next(now), nil, ""
			again = append(again, &entry{key: e.key, row: d})
		}
	}
	if err := n.put(ctx, again); err != nil {
		return 0, err
	}
	n.mu.Lock()
	for i, e := range list {
		if i < len(again) && again[i].key == e.key {
			e.state, e.row = schemas.DeliveryPending, again[i].row
			n.lane(slug, ch).push(e)
		}
	}
	n.mu.Unlock()
	n.poke()
	return len(again), nil
}

// Test sends a message about an invented deal to a destination of a rule, at once
// and whatever is muted, and returns the entry of the log. Err of the attempt
// stands in it.
func (n *Notifier) Test(ctx context.Context, slug, ch string) (schemas.Delivery, error) {
	s := n.book.get(slug)
	if s == nil {
		return schemas.Delivery{}, fmt.Errorf("%w: %s", ErrNoRule, slug)
	}
	dest, _ := n.destination(s, ch)
	if dest.Kind() == "" {
		return schemas.Delivery{}, fmt.Errorf("%w: channel %s", ErrNoDelivery, channel.Plain(ch, 60))
	}
	now := n.opt.Now()
	m := n.sample(s.rule)
	d := schemas.Delivery{
		Rule: slug, Deal: "test", Event: "test-" + strconv.FormatInt(now.UnixNano(), 36), Channel: ch, To: dest.Show(),
		State: schemas.DeliverySent, Line: m.Items[0].Line, At: now, Sent: now,
	}
	d.ID = schemas.DeliveryID(d.Rule, d.Deal, d.Event, d.Channel)
	m.ID, m.Links = d.ID, n.ruleLinks(s.rule, dest)
	res := n.sender.Send(ctx, dest, m)
	a := schemas.Attempt{At: n.opt.Now().UTC(), Status: res.Status}
	if res.Err != nil {
		a.Error = res.Err.Error()
		d.State, d.Reason, d.Sent = schemas.DeliveryDead, a.Error, time.Time{}
	}
	d.Attempts = []schemas.Attempt{a}
	n.mu.Lock()
	e := n.remember(&d)
	n.mu.Unlock()
	n.save(ctx, &entry{key: e.key, state: schemas.DeliveryPending, row: &d})
	return d, nil
}

// Preview is what a rule would send to one of its destinations, with its media
// type, about an invented deal.
func (n *Notifier) Preview(r schemas.Rule, d schemas.Destination) (media string, body []byte, err error) {
	r.Fill()
	return channel.Body(d, n.sample(r))
}

// Fire is a message that a rule would have sent.
type Fire struct {
	At    time.Time `json:"at"`
	Event string    `json:"event"`
	Deal  string    `json:"deal"`
	URL   string    `json:"url"`
	Line  string    `json:"line"`
	Why   []string  `json:"why"`
}

// Backtest tells what a rule would have sent since a moment, newest first, given
// the deals of that time. A deal is matched as an alert is; its life-line gives
// the changes of status. Changes of value leave no trace in a deal and are not
// told.
func (n *Notifier) Backtest(r schemas.Rule, deals []schemas.Deal, from time.Time) ([]Fire, error) {
	r.Fill()
	q, err := n.opt.Parse(r.Query)
	if err != nil {
		return nil, err
	}
	plan := query.Compile(q, n.opt.Analyze)
	now := n.opt.Now()
	out := []Fire{}
	for _, d := range deals {
		history := d.History
		if len(history) == 0 {
			history = []schemas.Change{{Status: d.Status, At: d.First}}
		}
		var told *marks
		was := false
		fire := func(at time.Time, event string, doc *query.Doc, state schemas.Deal) {
			told = &marks{rows: map[string]*entry{event: {event: event}}}
			if !at.Before(from) {
				out = append(out, Fire{at, event, d.ID, n.opt.BaseURL + "/deals/" + d.ID, channel.Line(state, r.Lang), query.Why(q, doc, n.opt.Analyze, now)})
			}
		}
		for i, h := range history {
			state := d
			state.Status = h.Status
			doc := query.NewDoc(query.DealRecord(state, n.opt.Catalogue), n.opt.Analyze)
			e := schemas.DealEvent{Kind: "new", Deal: state}
			if i > 0 {
				e.Kind, e.From = "status", history[i-1].Status
			}
			hit := Hit{Rule: r.Slug, Now: plan.Match(doc, now), Before: was}
			if event := names(r, e, hit, told, false); event != "" {
				fire(h.At, event, doc, state)
			}
			was = hit.Now
		}
		if slices.Contains(r.On, "corroborated") && d.Outlets >= r.Sources && (was || told.told()) {
			doc := query.NewDoc(query.DealRecord(d, n.opt.Catalogue), n.opt.Analyze)
			outlets := map[string]bool{}
			for _, e := range d.Evidence {
				outlets[publisher.Of(e.URL, e.Outlet, e.Source)] = true
				if len(outlets) == r.Sources {
					fire(e.Published, fmt.Sprintf("corroborated-%d", r.Sources), doc, d)
					break
				}
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Fire) int { return b.At.Compare(a.At) })
	return out, nil
}

// Atom 1.0, RFC 4287.
type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
	Type string `xml:"type,attr,omitempty"`
}

type atomEntry struct {
	ID         string         `xml:"id"`
	Title      string         `xml:"title"`
	Published  string         `xml:"published"`
	Updated    string         `xml:"updated"`
	Links      []atomLink     `xml:"link"`
	Categories []atomCategory `xml:"category"`
	Content    atomContent    `xml:"content"`
}

type atomCategory struct {
	Term string `xml:"term,attr"`
}

type atomContent struct {
	Type string `xml:"type,attr"`
	Body string `xml:",chardata"`
}

// feedMost is how many deals a feed shows.
const feedMost = 50

// Feed is the Atom feed of a rule: an entry for each deal it rang for, whose id
// stays and whose updated time moves with each change that was told. tag changes
// with its content.
func (n *Notifier) Feed(ctx context.Context, slug string) (body []byte, tag string, err error) {
	s := n.book.get(slug)
	if s == nil {
		return nil, "", fmt.Errorf("%w: %s", ErrNoRule, slug)
	}
	n.mu.Lock()
	list := slices.Clone(n.log[slug])
	n.mu.Unlock()
	first := map[string]time.Time{}
	type item struct {
		schemas.Delivery
		gone bool
	}
	var items []item
	at := map[string]int{}
	for _, e := range slices.Backward(list) {
		if e.channel != feedChannel || e.state != schemas.DeliverySent {
			continue
		}
		if len(items) == feedMost && len(first) > 4*feedMost {
			break
		}
		d, err := n.row(ctx, e.key)
		if err != nil {
			return nil, "", err
		}
		if d == nil {
			continue
		}
		first[d.Deal] = d.At
		if _, ok := at[d.Deal]; !ok && len(items) < feedMost {
			at[d.Deal] = len(items)
			items = append(items, item{*d, d.Event == "merged" || d.Event == "retracted"})
		}
	}
	stamp := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	self := n.opt.BaseURL + "/alerts/" + slug
	f := atomFeed{
		Lang: s.rule.Lang, ID: "urn:veille:rule:" + slug, Title: s.rule.Name, Author: "veille", Updated: stamp(s.rule.Created),
		Links: []atomLink{{"self", self + ".atom", "application/atom+xml"}, {"alternate", self, "text/html"}},
	}
	for i, it := range items {
		if i == 0 {
			f.Updated = stamp(it.At)
		}
		a, err := n.alert(ctx, s.rule, it.Delivery, it.At)
		if err != nil { // one that is gone must not take the others with it
			n.lg.Warn("an entry of a feed is left out", "rule", slug, "err", err)
			continue
		}
		m := channel.Message{ID: it.ID, Rule: s.rule, Items: []schemas.Alert{a}, Total: 1, Sent: it.At}
		e := atomEntry{
			ID: "urn:veille:deal:" + it.Deal, Title: it.Line, Published: stamp(first[it.Deal]), Updated: stamp(it.At),
			Links: []atomLink{{"alternate", a.Deal.URL, "text/html"}},
		}
		if it.Event != "new" {
			e.Title = m.Title()
		}
		for _, ev := range a.Evidence {
			if ev.URL != "" {
				e.Links = append(e.Links, atomLink{"related", ev.URL, "text/html"})
			}
		}
		for _, term := range []string{a.Deal.Type, a.Deal.Status} {
			if term != "" {
				e.Categories = append(e.Categories, atomCategory{term})
			}
		}
		html, err := channel.Entry(m)
		if err != nil {
			return nil, "", err
		}
		e.Content = atomContent{"html", html}
		f.Entries = append(f.Entries, e)
	}
	out, err := xml.MarshalIndent(f, "", " ")
	if err != nil {
		return nil, "", fmt.Errorf("write the feed of %s: %w", slug, err)
	}
	out = append([]byte(xml.Header), out...)
	return out, short(string(out)), nil
}
