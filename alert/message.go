package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.org/veille/alert/channel"
	"example.org/veille/schemas"
)

// message writes what a job has to say.
func (n *Notifier) message(ctx context.Context, j *job, sent time.Time) (channel.Message, error) {
	n.mu.Lock()
	head := *j.head.row
	rows := []schemas.Delivery{head}
	if head.Event == "digest" {
		rows = rows[:0]
		for _, e := range j.items {
			rows = append(rows, *e.row)
		}
	}
	n.mu.Unlock()
	m := channel.Message{
		ID: head.ID, Root: head.Root, Rule: j.rule, Digest: head.Event == "digest", Flood: head.Event == "digest" && head.Reason != "",
		Total: head.Count, Notice: head.Notice, Links: n.ruleLinks(j.rule, j.dest), Sent: sent,
	}
	switch {
	case m.Notice != "":
		return m, nil
	case head.Deal == "test":
		test := n.sample(j.rule)
		test.ID, test.Links, test.Sent = m.ID, m.Links, sent
		return test, nil
	}
	// Newest first where not all are shown.
	slices.SortStableFunc(rows, func(a, b schemas.Delivery) int { return b.At.Compare(a.At) })
	for _, row := range rows[:min(len(rows), channel.MaxItems)] {
		a, err := n.alert(ctx, j.rule, row, sent)
		if err != nil {
			return m, err
		}
		if m.Digest {
			// Receivers of webhooks count on some 20 KB at most.
			a.Evidence = a.Evidence[:min(1, len(a.Evidence))]
			a.Links = schemas.AlertLinks{MuteDeal: a.Links.MuteDeal}
			a.Rule = schemas.AlertRule{Slug: a.Rule.Slug, Why: a.Rule.Why}
		}
		m.Items = append(m.Items, a)
	}
	return m, nil
}

// alert is a row with all that is shown of it.
func (n *Notifier) alert(ctx context.Context, r schemas.Rule, row schemas.Delivery, sent time.Time) (schemas.Alert, error) {
	var c content
	if row.Content == "" {
		return n.compose(r, row, c), nil
	}
	b, _, err := n.opt.Deliveries.Get(ctx, row.Content)
	if err != nil {
		return schemas.Alert{}, fmt.Errorf("read what %s is about: %w", row.ID, err)
	}
	if b == nil {
		return schemas.Alert{}, fmt.Errorf("what %s is about is no longer kept", row.ID)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return schemas.Alert{}, fmt.Errorf("read what %s is about: %w", row.ID, err)
	}
	a := n.compose(r, row, c)
	a.Times.Sent = sent.UTC()
	return a, nil
}

func (n *Notifier) compose(r schemas.Rule, row schemas.Delivery, c content) schemas.Alert {
	event, _, _ := strings.Cut(row.Event, "-")
	d := c.Deal
	a := schemas.Alert{
		Rule:   schemas.AlertRule{Slug: r.Slug, Name: r.Name, Query: r.Query, Why: append([]string{}, row.Why...)},
		Event:  event,
		Change: schemas.AlertChange{Into: row.Into},
		Line:   row.Line,
		Deal: schemas.AlertDeal{
			ID: row.Deal, URL: n.opt.BaseURL + "/deals/" + url.PathEscape(row.Deal), Type: d.Type, Status: d.Status, Parties: append([]schemas.Party{}, d.Parties...),
			Products: d.Products, Territory: append([]string{}, d.Territory...), Amount: d.Amount, Outlets: d.Outlets, FirstSeen: d.Seen,
		},
		Evidence: []schemas.AlertEvidence{},
		Times:    schemas.AlertTimes{Published: row.Time, Seen: row.Seen},
		Links:    n.ruleLinks(r, schemas.Destination{}),
	}
	a.Links.Unsubscribe, a.Links.Daily = "", ""
	switch event {
	case "new", "status":
		a.Change.To = row.Status
	}
	if event == "status" {
		a.Change.From = row.From
	}
	if row.Into != "" {
		a.Deal.URL = n.opt.BaseURL + "/deals/" + url.PathEscape(row.Into)
	}
	for _, e := range d.Evidence {
		a.Evidence = append(a.Evidence, evidence(e))
	}
	if p := c.Price; p != nil {
		a.Deal.URL = n.opt.BaseURL + "/search?view=prices&q=" + url.QueryEscape(r.Query)
		if p.Vendor != nil {
			a.Deal.Parties = append(a.Deal.Parties, schemas.Party{ID: p.Vendor.ID, Name: p.Vendor.Name, Known: true})
		}
		if art := p.Article; art != nil {
			a.Evidence = append(a.Evidence, evidence(schemas.Evidence{
				Source: art.Source, Outlet: art.Outlet, URL: art.URL, Lang: art.Lang, Title: art.Title, Published: art.Published, Seen: art.Fetched,
				Signal: schemas.Signal{Evidence: p.Evidence},
			}))
		}
	}
	a.Links.MuteDeal = n.link(action{Do: "deal", Rule: r.Slug, Arg: row.Deal})
	a.Links.MuteVendors = map[string]string{}
	for _, p := range a.Deal.Parties {
		if p.Known && len(a.Links.MuteVendors) < 4 {
			a.Links.MuteVendors[p.ID] = n.link(action{Do: "vendor", Rule: r.Slug, Arg: p.ID})
		}
	}
	return a
}

func evidence(e schemas.Evidence) schemas.AlertEvidence {
	return schemas.AlertEvidence{
		Quote: channel.Plain(e.Signal.Evidence.Text, channel.MaxQuote), Lang: e.Lang, Source: e.Source, Outlet: channel.Plain(e.Outlet, 80),
		Title: channel.Plain(e.Title, 200), URL: channel.AtSentence(e.URL, e.Signal.Evidence.Text), Published: e.Published, Seen: e.Seen,
	}
}

func (n *Notifier) ruleLinks(r schemas.Rule, d schemas.Destination) schemas.AlertLinks {
	l := schemas.AlertLinks{
		Rule:     n.opt.BaseURL + "/alerts/" + r.Slug,
		Explain:  n.opt.BaseURL + "/alerts/" + r.Slug + "#log",
		MuteRule: n.link(action{Do: "rule", Rule: r.Slug}),
	}
	if d.Kind() != "" && d.ID != ownerChannel {
		l.Unsubscribe = n.link(action{Do: "channel", Rule: r.Slug, Arg: d.ID})
		if r.Cadence.Kind != "daily" && r.Cadence.Kind != "weekly" {
			l.Daily = n.link(action{Do: "daily", Rule: r.Slug})
		}
	}
	return l
}

// sample is a message about an invented deal, to show what a rule would send.
func (n *Notifier) sample(r schemas.Rule) channel.Message {
	now := n.opt.Now()
	quote := "Nébuline distribuera l’offre d’Altavia en France dès avril."
	if r.Lang != "fr" {
		quote = "Nébuline will distribute Altavia's range in France from April."
	}
	d := schemas.Deal{
		ID: "d_sample", Type: "distribution", Status: "announced", Territory: []string{"fr"}, Outlets: 1, Seen: now, First: now, Updated: now,
		Parties: []schemas.Party{{ID: "x-altavia", Name: "Altavia", Role: "vendor"}, {ID: "x-nebuline", Name: "Nébuline", Role: "distributor"}},
		Evidence: []schemas.Evidence{{
			Article: "a_sample", Source: "sample", Outlet: "veille", URL: n.opt.BaseURL + "/alerts/" + r.Slug, Lang: r.Lang, Title: quote, Published: now, Seen: now,
			Signal: schemas.Signal{Status: "announced", Evidence: schemas.Quote{Text: quote}},
		}},
	}
	row := schemas.Delivery{
		ID: "msg_sample", Rule: r.Slug, Deal: d.ID, Event: "new", Line: channel.Line(d, r.Lang), Status: d.Status, Time: now, Seen: now,
		Why: []string{r.Query},
	}
	a := n.compose(r, row, content{Deal: d})
	a.Times.Sent = now.UTC()
	return channel.Message{ID: row.ID, Rule: r, Items: []schemas.Alert{a}, Total: 1, Test: true, Links: n.ruleLinks(r, schemas.Destination{}), Sent: now}
}
