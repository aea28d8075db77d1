package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/veille/alert/channel"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// Hit is a rule that an event matches, and the parts of its query that hold.
type Hit struct {
	Rule string
	Why  []string
	// Before tells whether the deal matched with the status it had before, and Now
	// whether it does now. They differ for changes of status only.
	Before, Now bool
}

// Match finds the rules whose query holds for the deal of an event, after the
// event or, for a change of status, before it; sorted by rule.
func (n *Notifier) Match(e schemas.DealEvent) []Hit {
	now := n.opt.Now()
	doc := query.NewDoc(query.DealRecord(e.Deal, n.opt.Catalogue), n.opt.Analyze)
	hits := map[string]*Hit{}
	hit := func(id string, d *query.Doc) *Hit {
		h := hits[id]
		if h == nil {
			h = &Hit{Rule: id}
			if s := n.book.get(id); s != nil {
				h.Why = query.Why(s.query, d, n.opt.Analyze, now)
			}
			hits[id] = h
		}
		return h
	}
	for _, id := range n.book.set.Match(doc, now) {
		hit(id, doc).Now = true
	}
	if e.Kind == "status" && e.From != "" {
		was := e.Deal
		was.Status = e.From
		doc := query.NewDoc(query.DealRecord(was, n.opt.Catalogue), n.opt.Analyze)
		for _, id := range n.book.set.Match(doc, now) {
			hit(id, doc).Before = true
		}
	}
	out := make([]Hit, 0, len(hits))
	for _, id := range slices.Sorted(maps.Keys(hits)) {
		out = append(out, *hits[id])
	}
	return out
}

// decide writes down what an event has to tell to whom.
func (n *Notifier) decide(w *writes, ev schemas.Event) error {
	switch ev.Type {
	case schemas.TypeDeal:
		var e schemas.DealEvent
		if err := ev.Into(&e); err != nil {
			return fmt.Errorf("%w: %w", ErrEvent, err)
		}
		if e.Deal.ID == "" || e.Deal.ID != keyPart(e.Deal.ID) || !slices.Contains(schemas.DealEvents, e.Kind) {
			return fmt.Errorf("%w: event %s of deal %.60q is of kind %.60q", ErrEvent, ev.ID, e.Deal.ID, e.Kind)
		}
		n.deal(w, ev, e)
	case schemas.TypePrice:
		var p priceEvent
		if err := ev.Into(&p); err != nil {
			return fmt.Errorf("%w: %w", ErrEvent, err)
		}
		if p.ID == "" || p.ID != keyPart(p.ID) {
			return fmt.Errorf("%w: event %s has price %.60q", ErrEvent, ev.ID, p.ID)
		}
		n.price(w, ev, p)
	default:
		return fmt.Errorf("%w: event %s is of type %.60q", ErrEvent, ev.ID, ev.Type)
	}
	return nil
}

// keyPart leaves what a part of a key may be made of.
func keyPart(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return -1
	}, s)
}

func short(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:8])
}

// names says what an event is to a rule: the event of its row, or "" when it rings
// for nothing.
//
// A rule that rings for "new" does so when a deal is first found by it, which may
// be later than the deal's own beginning: a rumour that is announced is new to
// whoever asked for status:announced.
func names(r schemas.Rule, e schemas.DealEvent, h Hit, m *marks, forgotten bool) string {
	told := m.told() || forgotten
	on := func(event string) bool { return slices.Contains(r.On, event) }
	match := h.Now || e.Kind == "status" && h.Before
	switch {
	case e.Deal.Status == "background" && e.Kind != "new":
		return ""
	case !told && h.Now && on("new") &&
		(e.Kind == "new" || e.Kind == "status" && !h.Before || !r.Since.After(e.Deal.Seen)):
		return "new"
	case e.Kind == "status" && on("status") && (match || m.told()):
		return "status-" + e.Deal.Status
	case e.Kind == "value" && on("value") && e.Deal.Amount != nil && (h.Now || m.told()):
		return "value-" + short(amountKey(e.Deal.Amount))
	case on("corroborated") && e.Kind != "new" && e.Deal.Outlets >= r.Sources && (h.Now || m.told()) && !r.Since.After(e.Deal.Seen):
		event := fmt.Sprintf("corroborated-%d", r.Sources)
		if m != nil {
			for _, row := range m.rows {
				if row.event == event {
					return ""
				}
			}
		}
		return event
	}
	return ""
}

func amountKey(a *schemas.Amount) string {
	s := a.Currency
	for _, b := range []*string{a.Low, a.High} {
		s += "|"
		if b != nil {
			s += *b
		}
	}
	return s
}

// old tells why an event comes too late to be news, "" when it does not.
func (n *Notifier) old(ev schemas.Event, e schemas.DealEvent, now time.Time) string {
	if ev.Source == SourceReplay {
		return "history is repeated"
	}
	published, seen := newest(e.Deal)
	if e.Kind == "status" && !e.Deal.Updated.IsZero() {
		published = e.Deal.Updated
	}
	switch {
	case !seen.IsZero() && now.Sub(seen) > n.opt.Fresh:
		return "fetched " + seen.UTC().Format(time.DateOnly) + ", a replay"
	case !published.IsZero() && now.Sub(published) > n.opt.Age:
		return "published " + published.UTC().Format(time.DateOnly) + ", a backfill"
	}
	return ""
}

// newest is when the latest of the deal's articles was fetched, and published.
func newest(d schemas.Deal) (published, seen time.Time) {
	for _, e := range d.Evidence {
		if e.Seen.After(seen) || e.Seen.Equal(seen) && e.Published.After(published) {
			published, seen = e.Published, e.Seen
		}
	}
	if seen.IsZero() {
		published, seen = d.First, d.Seen
	}
	return published, seen
}

// quiet tells why a rule does not want to hear of a deal, "" when it does.
func quiet(r schemas.Rule, deal string, parties []schemas.Party, now time.Time) string {
	switch {
	case r.Mutes.Until.After(now):
		return "the rule is muted until " + r.Mutes.Until.UTC().Format(time.DateTime)
	case slices.Contains(r.Mutes.Deals, deal):
		return "the deal is muted"
	}
	for _, p := range parties {
		if slices.Contains(r.Mutes.Vendors, p.ID) {
			return "the vendor " + p.ID + " is muted"
		}
	}
	return ""
}

// content is what a message is made of. It is shared by all rows of an event.
type content struct {
	At    time.Time    `json:"at"`
	Deal  schemas.Deal `json:"deal"`
	Price *priceEvent  `json:"price,omitempty"`
}

const (
	showEvidence = 3
	feedChannel  = "atom" // the feed, which every rule has
)

// trimmed keeps of a deal what a message shows: a few sentences, the one that set
// the status first, then the newest.
func trimmed(d schemas.Deal) schemas.Deal {
	evs := slices.Clone(d.Evidence)
	slices.SortStableFunc(evs, func(a, b schemas.Evidence) int {
		rank := func(e schemas.Evidence) int {
			if e.Signal.Status == d.Status && e.Published.Equal(d.Updated) {
				return 0
			}
			return 1
		}
		return 2*(rank(a)-rank(b)) + b.Published.Compare(a.Published)
	})
	d.Evidence = nil
	for _, e := range evs[:min(showEvidence, len(evs))] {
		d.Evidence = append(d.Evidence, schemas.Evidence{
			Article: e.Article, Source: e.Source, Outlet: channel.Plain(e.Outlet, 80), URL: e.URL, Lang: e.Lang,
			Title: channel.Plain(e.Title, 200), Published: e.Published, Seen: e.Seen,
			// The sentence uncut: the link to it needs its words. It is cut when shown.
			Signal: schemas.Signal{Evidence: schemas.Quote{Text: channel.Plain(e.Signal.Evidence.Text, 600)}, Status: e.Signal.Status},
		})
	}
	d.History = nil
	d.Parties = slices.Clone(d.Parties[:min(len(d.Parties), 12)])
	for i := range d.Parties {
		d.Parties[i].Name = channel.Plain(d.Parties[i].Name, 80)
	}
	d.Products = slices.Clone(d.Products[:min(len(d.Products), 10)])
	for i := range d.Products {
		d.Products[i] = channel.Plain(d.Products[i], 80)
	}
	d.Territory = d.Territory[:min(len(d.Territory), 20)]
	return d
}

func (n *Notifier) deal(w *writes, ev schemas.Event, e schemas.DealEvent) {
	now := n.opt.Now()
	var hits []Hit
	if !e.Gone() {
		hits = n.Match(e)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.deals[e.Deal.ID]
	if len(hits) == 0 && len(known) == 0 {
		return
	}
	byRule := map[string]Hit{}
	for _, h := range hits {
		byRule[h.Rule] = h
	}
	for rule := range known {
		if _, ok := byRule[rule]; !ok {
			byRule[rule] = Hit{Rule: rule}
		}
	}
	old := n.old(ev, e, now)
	published, seen := newest(e.Deal)
	body := "c." + short(ev.ID)
	for _, slug := range slices.Sorted(maps.Keys(byRule)) {
		s, h := n.book.get(slug), byRule[slug]
		if s == nil || ev.Time.Before(s.rule.Created) {
			continue
		}
		m := known[slug]
		row := schemas.Delivery{
			Rule: slug, Deal: e.Deal.ID, Line: channel.Line(e.Deal, s.rule.Lang), Status: e.Deal.Status, From: e.From, Into: e.Into,
			Why: h.Why, Content: body, Rev: e.Deal.Rev, Time: published, Seen: seen, At: now, State: schemas.DeliveryPending,
		}
		if e.Gone() {
			if m.told() {
				w.put(body, content{now, trimmed(e.Deal), nil})
				if ev.Source == SourceReplay { // the page and the feed are put right, and nobody is rung
					row.State, row.Reason = schemas.DeliverySilent, old
				}
				n.correct(w, s.rule, m, row, e)
			}
			continue
		}
		// What is older than the log may have been told, and forgotten.
		row.Event = names(s.rule, e, h, m, e.Kind != "new" && e.Deal.Seen.Before(n.floor))
		if row.Event == "" {
			if m.told() {
				n.fold(w, m, row)
			}
			continue
		}
		row.State, row.Reason = schemas.DeliveryPending, ""
		if why := quiet(s.rule, e.Deal.ID, e.Deal.Parties, now); why != "" {
			row.State, row.Reason = schemas.DeliveryMuted, why
		}
		if old != "" {
			row.State, row.Reason = schemas.DeliverySilent, old
		}
		// The content goes before its rows: a large Take is more than one write.
		w.put(body, content{now, trimmed(e.Deal), nil})
		n.tell(w, s.rule, m, row)
	}
}

// tell adds a row for the feed and for each destination that has none yet.
func (n *Notifier) tell(w *writes, r schemas.Rule, m *marks, row schemas.Delivery) {
	for _, d := range append([]schemas.Destination{{}}, r.To...) {
		out := row
		out.Channel, out.To = feedChannel, ""
		if d.Kind() != "" {
			out.Channel, out.To = d.ID, d.Show()
		}
		if m != nil && m.rows[mark(row.Event, out.Channel)] != nil {
			continue
		}
		switch {
		case d.Kind() == "" && out.State == schemas.DeliveryPending:
			out.State, out.Sent = schemas.DeliverySent, row.At // the feed is there to be read
		case d.Off != "" && out.State == schemas.DeliveryPending:
			out.State, out.Reason = schemas.DeliveryMuted, "the destination is off: "+d.Off
		case out.State == schemas.DeliveryPending:
			out.Due = r.Cadence.Next(row.At)
			if m != nil {
				out.Root = m.root(out.Channel)
			}
		}
		n.add(w, out)
	}
}

// correct tells those who were told of a deal that it is gone, and keeps quiet to
// those who were about to be.
func (n *Notifier) correct(w *writes, r schemas.Rule, m *marks, row schemas.Delivery, e schemas.DealEvent) {
	row.Event = e.Kind
	told := map[string]bool{}
	for _, x := range m.rows {
		if x.row != nil && x.state == schemas.DeliveryPending && len(x.row.Attempts) == 0 && !x.busy {
			n.withdraw(w, x, "the deal was "+row.Event+" before it was sent")
		} else if x.state == schemas.DeliverySent || x.state == schemas.DeliveryPending {
			told[x.channel] = true
		}
	}
	for _, d := range append([]schemas.Destination{{}}, r.To...) {
		out := row
		out.Channel = feedChannel
		if d.Kind() != "" {
			out.Channel, out.To = d.ID, d.Show()
		}
		if !told[out.Channel] || m.rows[mark(row.Event, out.Channel)] != nil {
			continue
		}
		if d.Kind() == "" {
			out.State, out.Sent, out.Reason = schemas.DeliverySent, row.At, ""
		} else if out.State == schemas.DeliverySilent {
			// as it is
		} else if d.Off != "" {
			out.State, out.Reason = schemas.DeliveryMuted, "the destination is off: "+d.Off
		} else {
			out.Due, out.Root = r.Cadence.Next(row.At), m.root(out.Channel)
		}
		n.add(w, out)
	}
	// Whoever was told of the one needs no telling of the other.
	if e.Into != "" && !n.deals[e.Into][r.Slug].told() {
		heir := row
		heir.Deal, heir.Rev, heir.Into = e.Into, 0, ""
		heir.Reason = "was told as " + e.Deal.ID
		n.fold(w, n.marks(e.Into, r.Slug), heir)
	}
}

// withdraw takes a row back that has not been sent.
func (n *Notifier) withdraw(w *writes, e *entry, why string) {
	row, was := e.row, *e.row
	row.State, row.Reason = schemas.DeliveryWithdrawn, why
	e.state, e.row = row.State, nil
	w.put(e.key, row)
	w.undo = append(w.undo, func() {
		*row = was
		e.state, e.row = was.State, row
	})
}

// priceEvent is a price with the article it stands in, where the event says it.
type priceEvent struct {
	schemas.Price
	Article *schemas.Article `json:"article,omitempty"`
}

// price tells of a price in an article. A price is told once; it has no life-line.
func (n *Notifier) price(w *writes, ev schemas.Event, p priceEvent) {
	now := n.opt.Now()
	art := schemas.Article{Published: ev.Time, Fetched: ev.Time}
	if p.Article != nil {
		art = *p.Article
		art.Text, art.Byline, art.Also = "", "", nil
		p.Article = &art
	}
	doc := query.NewDoc(query.PriceRecord(p.Price, art, n.opt.Catalogue), n.opt.Analyze)
	ids := n.book.set.Match(doc, now)
	n.mu.Lock()
	defer n.mu.Unlock()
	// As for deals, without a life-line: its freshness is that of the article.
	old := n.old(ev, schemas.DealEvent{Kind: "new", Deal: schemas.Deal{First: art.Published, Seen: art.Fetched}}, now)
	body := "c." + short(ev.ID)
	for _, slug := range ids {
		s := n.book.get(slug)
		if s == nil || ev.Time.Before(s.rule.Created) || !slices.Contains(s.rule.On, "price") {
			continue
		}
		row := schemas.Delivery{
			Rule: slug, Deal: p.ID, Event: "price", Line: channel.PriceLine(p.Price, s.rule.Lang), State: schemas.DeliveryPending,
			Why: query.Why(s.query, doc, n.opt.Analyze, now), Content: body, Time: art.Published, Seen: art.Fetched, At: now,
		}
		var parties []schemas.Party
		if p.Vendor != nil {
			parties = append(parties, schemas.Party{ID: p.Vendor.ID})
		}
		if why := quiet(s.rule, p.ID, parties, now); why != "" {
			row.State, row.Reason = schemas.DeliveryMuted, why
		}
		if old != "" {
			row.State, row.Reason = schemas.DeliverySilent, old
		}
		w.put(body, content{At: now, Price: &p})
		n.tell(w, s.rule, n.deals[p.ID][slug], row)
	}
}
