// Package deals gathers the signals of articles into deals.
//
// A [Dossier] holds what has been said about one set of parties in one family of
// types. [Dossier.Fold] replaces what one article says and returns the deals that
// changed by it, as events. It is a pure function: the same articles give the same
// deals with the same life-lines in whatever order they arrive; only the id of a
// deal depends on which of its articles came first.
//
// The package does no I/O. Who calls it keeps the dossiers by [Key] and publishes
// the events.
package deals

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"example.org/veille/internal/publisher"
	"example.org/veille/schemas"
)

// Apart is how far two statements may lie apart and still speak of one deal.
const Apart = 180 * 24 * time.Hour

// most bounds one dossier; statements of a pair that is in the news every day
// repeat each other long before.
const most = 120

// Dossier is everything known about one set of parties in one family of types.
type Dossier struct {
	Family  string             `json:"family"`
	Parties string             `json:"parties"`        // see [Parties]
	Said    []schemas.Evidence `json:"said"`           // oldest first, at most one for each article and type
	Deals   []schemas.Deal     `json:"deals"`          // as last published
	Gone    map[string]int     `json:"gone,omitempty"` // last Rev of deals that were taken back, by id
	// Held are groups of articles that a person says tell of one deal, however far
	// apart they lie.
	Held [][]string `json:"held,omitempty"`
}

// Parties is the order-free key of the parties that make a deal what it is. The
// company that a joint venture founds and the seller in an acquisition are left
// out: some articles name them and some do not.
func Parties(s schemas.Signal) string {
	ps := slices.DeleteFunc(slices.Clone(s.Parties), func(p schemas.Party) bool {
		return p.Role == "entity" || p.Role == "seller"
	})
	if len(ps) < 2 {
		ps = s.Parties
	}
	return schemas.PartyKey(ps)
}

// Key names the dossier of a family and its parties in a key-value bucket.
func Key(family, parties string) string {
	return "dossier." + schemas.DealID(family, parties, "")
}

// Split turns an extraction into what it says for each dossier, by key.
func Split(x schemas.Extraction) map[string]Dossier {
	out := map[string]Dossier{}
	for _, s := range x.Signals {
		family, parties := schemas.Family(s.Type), Parties(s)
		key := Key(family, parties)
		d := out[key]
		d.Family, d.Parties = family, parties
		a := x.Article
		d.Said = append(d.Said, schemas.Evidence{
			Article: a.ID, Source: a.Source, Outlet: a.Outlet, URL: a.URL, Lang: a.Lang, Title: a.Title,
			Published: a.Published, Seen: a.Fetched, Signal: s, Also: a.Also,
		})
		out[key] = d
	}
	return out
}

// Fold takes in what one article now says about the parties, nothing at all when
// it no longer speaks of them, in place of what it said before. It returns the
// new dossier and one event for each deal that changed; the dossier it was called
// on is left as it was. Folding the same article again gives no event.
func (d Dossier) Fold(article string, said []schemas.Evidence) (Dossier, []schemas.DealEvent) {
	next := d
	next.Gone = maps.Clone(d.Gone)
	next.Said = slices.DeleteFunc(slices.Clone(d.Said), func(e schemas.Evidence) bool { return e.Article == article })
	next.Said = append(next.Said, said...)
	slices.SortFunc(next.Said, older)
	if len(next.Said) > most {
		next.Said = append(slices.Clone(next.Said[:most/4]), next.Said[len(next.Said)-most*3/4:]...)
	}
	clusters := hold(split(next.Said), next.Held)
	ids, lost := d.assign(clusters)
	next.Deals = nil
	var events []schemas.DealEvent
	for i, c := range clusters {
		deal := build(c)
		deal.ID = ids[i]
		if deal.ID == "" {
			deal.ID = schemas.DealID(next.Family, next.Parties, c[0].Article)
			for taken(deal.ID, ids, next.Deals) {
				deal.ID = schemas.DealID(next.Family, next.Parties, deal.ID)
			}
		}
		old, known := find(d.Deals, deal.ID)
		if rev, back := d.Gone[deal.ID]; back {
			deal.Rev = rev // it comes back: what follows is newer than its end
			delete(next.Gone, deal.ID)
		}
		if known {
			deal.Rev = old.Rev
			if old.Seen.Before(deal.Seen) {
				deal.Seen = old.Seen // seen is when we first knew of it, even when that article is gone
			}
		}
		if kind, from := change(old, known, deal); kind != "" {
			deal.Rev++
			events = append(events, schemas.DealEvent{Kind: kind, From: from, Deal: deal})
		}
		next.Deals = append(next.Deals, deal)
	}
	for id, into := range lost {
		old, _ := find(d.Deals, id)
		old.Rev++
		if next.Gone == nil {
			next.Gone = map[string]int{}
		}
		next.Gone[id] = old.Rev
		e := schemas.DealEvent{Kind: "retracted", Deal: old}
		if into >= 0 {
			e.Kind, e.Into = "merged", next.Deals[into].ID
		}
		events = append(events, e)
	}
	slices.SortStableFunc(events, func(a, b schemas.DealEvent) int { return cmp.Compare(a.Deal.ID, b.Deal.ID) })
	return next, events
}

// older puts statements in the order in which they were published; of those that bear the same second (feeds tell no finer), an end comes after
// what it ends, so that it is no deal of its own.
func older(a, b schemas.Evidence) int {
	return cmp.Or(a.Published.Compare(b.Published), cmp.Compare(stage(a.Signal.Status), stage(b.Signal.Status)), cmp.Compare(a.Article, b.Article), cmp.Compare(a.Signal.Type, b.Signal.Type))
}

func find(ds []schemas.Deal, id string) (schemas.Deal, bool) {
	i := slices.IndexFunc(ds, func(d schemas.Deal) bool { return d.ID == id })
	if i < 0 {
		return schemas.Deal{}, false
	}
	return ds[i], true
}

func taken(id string, ids []string, ds []schemas.Deal) bool {
	_, found := find(ds, id)
	return found || slices.Contains(ids, id)
}

// split cuts the statements, oldest first, into deals. A new deal begins when the
// last live statement lies further back than [Apart], or when the parties start
// again after an end. A mention in passing belongs to the deal before it, or to
// the first one, and never holds two deals together.
func split(said []schemas.Evidence) [][]schemas.Evidence {
	var out [][]schemas.Evidence
	var passing []schemas.Evidence
	var last time.Time
	ended := false
	for _, e := range said {
		if e.Signal.Status == "background" {
			passing = append(passing, e)
			continue
		}
		fresh := ended && slices.Contains([]string{"rumoured", "planned", "announced"}, e.Signal.Status)
		if len(out) == 0 || e.Published.Sub(last) > Apart || fresh {
			out = append(out, nil)
			ended = false
		}
		out[len(out)-1] = append(out[len(out)-1], e)
		last = e.Published
		ended = ended || e.Signal.Status == "ended"
	}
	if len(out) == 0 {
		if len(passing) == 0 {
			return nil
		}
		return [][]schemas.Evidence{passing}
	}
	for _, e := range passing {
		at := 0
		for i, c := range out {
			if !c[0].Published.After(e.Published) {
				at = i
			}
		}
		out[at] = append(out[at], e)
	}
	for _, c := range out {
		slices.SortFunc(c, older)
	}
	return out
}

// hold makes one of the clusters that speak of one group of articles.
func hold(clusters [][]schemas.Evidence, groups [][]string) [][]schemas.Evidence {
	for _, group := range groups {
		in := func(e schemas.Evidence) bool {
			return slices.Contains(group, e.Article) || slices.ContainsFunc(e.Also, func(c schemas.Copy) bool { return slices.Contains(group, c.ID) })
		}
		var out [][]schemas.Evidence
		first := -1
		for _, c := range clusters {
			switch {
			case !slices.ContainsFunc(c, in):
				out = append(out, c)
			case first < 0:
				first = len(out)
				out = append(out, c)
			default:
				out[first] = append(slices.Clip(out[first]), c...)
			}
		}
		if first >= 0 {
			slices.SortFunc(out[first], older)
		}
		clusters = out
	}
	return clusters
}

// assign gives each cluster the id of the deal that most of its articles belonged
// to. An id that no cluster takes is lost: into the cluster that has its articles
// now, or, at -1, altogether.
func (d Dossier) assign(clusters [][]schemas.Evidence) (ids []string, lost map[string]int) {
	ids = make([]string, len(clusters))
	lost = map[string]int{}
	for _, deal := range d.Deals {
		best, most := -1, 0
		for i, c := range clusters {
			n := 0
			for _, e := range c {
				if slices.ContainsFunc(deal.Evidence, func(o schemas.Evidence) bool { return o.Article == e.Article }) {
					n++
				}
			}
			if n > most {
				best, most = i, n
			}
		}
		if best >= 0 && ids[best] == "" {
			ids[best] = deal.ID // d.Deals is oldest first: the older deal keeps its id
			continue
		}
		lost[deal.ID] = best
	}
	return ids, lost
}

// rank orders the statuses that move a deal forward.
var rank = map[string]int{"background": 0, "rumoured": 1, "planned": 2, "announced": 3, "in_effect": 4}

// stage is how late in the life of a deal a status comes.
func stage(status string) int {
	switch status {
	case "denied":
		return len(rank)
	case "ended":
		return len(rank) + 1
	}
	return rank[status]
}

// moves tells whether a statement changes a deal that stands at now.
func moves(now, said string) bool {
	switch {
	case now == "":
		return true
	case now == said, said == "background":
		return false
	case now == "background":
		return true
	case now == "ended":
		return false // what follows an end and is no new deal only repeats it
	case said == "ended":
		return true
	case said == "denied":
		return rank[now] <= rank["planned"] // what was announced can end, but not be denied
	case now == "denied":
		return rank[said] >= rank["planned"] // a rumour does not outweigh a party's word
	}
	return rank[said] > rank[now]
}

// build makes the deal of one cluster, oldest statement first.
func build(said []schemas.Evidence) schemas.Deal {
	d := schemas.Deal{
		Products: []string{}, Territory: []string{}, Evidence: said,
		First: said[0].Published, Seen: said[0].Seen,
	}
	outlets := map[string]bool{}
	types := map[string]float64{}
	for _, e := range said {
		s := e.Signal
		if moves(d.Status, s.Status) {
			d.Status, d.Updated = s.Status, e.Published
			d.History = append(d.History, schemas.Change{Status: s.Status, At: e.Published, Article: e.Article, Source: e.Source})
		}
		weight := max(s.Confidence, 0.01)
		if s.Status == "background" {
			weight /= 10
		}
		types[s.Type] += weight
		d.Products = union(d.Products, s.Products)
		d.Territory = union(d.Territory, s.Territory)
		d.Langs = union(d.Langs, []string{e.Lang})
		if s.Amount != nil {
			d.Amount = s.Amount // the newest figure counts
		}
		if e.Seen.Before(d.Seen) {
			d.Seen = e.Seen
		}
		d.Score = max(d.Score, s.Confidence)
		outlets[publisher.Of(e.URL, e.Outlet, e.Source)] = true
	}
	d.Outlets = len(outlets)
	for t, w := range types {
		if best := types[d.Type]; w > best || w == best && t < d.Type {
			d.Type = t
		}
	}
	d.Parties = parties(said, d.Type)
	return d
}

// parties takes the roles that the statements of the deal's type agree on most.
func parties(said []schemas.Evidence, typ string) []schemas.Party {
	votes := map[string]map[string]int{}
	named := map[string]schemas.Party{}
	for _, e := range said {
		for _, p := range e.Signal.Parties {
			if votes[p.ID] == nil {
				votes[p.ID] = map[string]int{}
			}
			if e.Signal.Type == typ {
				votes[p.ID][p.Role]++
			}
			if old, ok := named[p.ID]; !ok || p.Known && !old.Known {
				named[p.ID] = p
			}
		}
	}
	var out []schemas.Party
	for id, p := range named {
		p.Role = ""
		for role, n := range votes[id] {
			if best := votes[id][p.Role]; n > best || n == best && role < p.Role {
				p.Role = role
			}
		}
		out = append(out, p)
	}
	schemas.SortParties(out)
	return out
}

func union(to, more []string) []string {
	for _, s := range more {
		if !slices.Contains(to, s) {
			to = append(to, s)
		}
	}
	slices.Sort(to)
	return to
}

// change names what happened between two states of a deal, "" for nothing.
func change(old schemas.Deal, known bool, now schemas.Deal) (kind, from string) {
	switch {
	case !known:
		return "new", ""
	case old.Status != now.Status:
		return "status", old.Status
	case !reflect.DeepEqual(old.Amount, now.Amount):
		return "value", ""
	case now.Outlets > old.Outlets:
		return "corroborated", ""
	case !same(old, now):
		return "revised", ""
	}
	return "", ""
}

// same compares as JSON does, so that times that went through a bucket count as
// the times they were.
func same(a, b schemas.Deal) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && string(x) == string(y)
}

// EventID is the id of a deal event, the same each time it is made.
func EventID(e schemas.DealEvent) string {
	return schemas.EventID("deal", e.Deal.ID, e.Kind, strconv.Itoa(e.Deal.Rev))
}
