package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"example.org/veille/extract/deals"
	"example.org/veille/index"
	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// correctionsFile of the data folder holds what people corrected, a JSON object a
// line. It is the only place where corrections are kept: everything else is made
// again from the archive, and they are put on top.
const correctionsFile = "corrections.jsonl"

// place names a dossier: statements of one place are gathered together.
type place struct {
	Family  string `json:"family"`
	Parties string `json:"parties"`
}

func (p place) key() string { return deals.Key(p.Family, p.Parties) }

// natural is where a statement goes by itself.
func natural(e schemas.Evidence) place {
	return place{schemas.Family(e.Signal.Type), deals.Parties(e.Signal)}
}

// correction is a line of the file: what somebody asked for, and what it means for
// statements. They are named by their article and place, which come out the same
// whenever the archive is read again.
type correction struct {
	serve.Correction
	From   []place  `json:"from,omitempty"` // do "apart": of the article's statements; do "same": what joins To
	To     place    `json:"to,omitzero"`
	Copies []string `json:"copies,omitempty"` // of the article: read again, another of them may lead
	Held   []string `json:"held,omitempty"`   // do "same": articles of both deals, with their copies
}

// speaksOf tells whether a statement is of the article that a correction sets apart.
func (one correction) speaksOf(e schemas.Evidence) bool {
	is := func(id string) bool { return id == one.Article || slices.Contains(one.Copies, id) }
	return is(e.Article) || slices.ContainsFunc(e.Also, func(c schemas.Copy) bool { return is(c.ID) })
}

// corrections are those in force.
type corrections struct {
	path string
	list []correction
}

// loadCorrections reads the file. A damaged line is an error: skipping it would undo
// what somebody did.
func loadCorrections(path string) (*corrections, error) {
	c := &corrections{path: path}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the corrections: %w", err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for n := 1; sc.Scan(); n++ {
		var one correction
		if err := json.Unmarshal(sc.Bytes(), &one); err != nil {
			return nil, fmt.Errorf("read the corrections: %s, line %d: %w", correctionsFile, n, err)
		}
		c.list = c.with(one).list
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("read the corrections: %w", err)
	}
	return c, nil
}

// with adds a correction; one that undoes takes another away.
func (c *corrections) with(one correction) *corrections {
	next := &corrections{path: c.path}
	for _, old := range c.list {
		if old.ID != one.ID {
			next.list = append(next.list, old)
		}
	}
	if one.Do != serve.CorrectUndo {
		next.list = append(next.list, one)
	}
	return next
}

// route is where a statement goes, corrections considered.
func (c *corrections) route(e schemas.Evidence) place {
	at := natural(e)
	for _, one := range c.list {
		if one.Do == serve.CorrectApart && one.speaksOf(e) && slices.Contains(one.From, at) {
			at.Parties += " apart " + one.Article
			break
		}
	}
	return c.follow(at)
}

// follow goes from a place to the one it was joined to, and on.
func (c *corrections) follow(at place) place {
	for range len(c.list) + 1 {
		i := slices.IndexFunc(c.list, func(one correction) bool { return one.Do == serve.CorrectSame && slices.Contains(one.From, at) })
		if i < 0 {
			return at
		}
		at = c.list[i].To
	}
	return at // in a circle, which check keeps from being made
}

// held are the groups of articles that tell of one deal, of a place.
func (c *corrections) held(at place) (out [][]string) {
	for _, one := range c.list {
		if one.Do == serve.CorrectSame && c.follow(one.To) == at {
			out = append(out, one.Held)
		}
	}
	return out
}

// split is [deals.Split] with the corrections considered.
func (c *corrections) split(x schemas.Extraction) map[string]deals.Dossier {
	plain := deals.Split(x)
	if len(c.list) == 0 {
		return plain
	}
	out := map[string]deals.Dossier{}
	for _, key := range slices.Sorted(maps.Keys(plain)) {
		for _, e := range plain[key].Said {
			at := c.route(e)
			d := out[at.key()]
			d.Family, d.Parties = at.Family, at.Parties
			d.Said = append(d.Said, e)
			out[at.key()] = d
		}
	}
	return out
}

// places are all that a correction is about, before and after.
func (one correction) places() []place {
	out := append(slices.Clone(one.From), one.To)
	if one.Article != "" {
		for _, p := range one.From {
			out = append(out, place{p.Family, p.Parties + " apart " + one.Article})
		}
	}
	return out
}

// mean works out what a correction means, from the deals as they stand.
func (c *corrections) mean(ask serve.Correction, deal func(string) (schemas.Deal, error)) (correction, error) {
	one := correction{Correction: ask}
	add := func(p place) {
		if !slices.Contains(one.From, p) {
			one.From = append(one.From, p)
		}
	}
	if ask.Do == serve.CorrectUndo {
		i := slices.IndexFunc(c.list, func(o correction) bool { return o.ID == ask.ID })
		if i < 0 {
			return one, serve.Refusal{FR: "Cette correction n’est plus en vigueur.", EN: "That correction is no longer in force."}
		}
		one.From, one.To, one.Article = c.list[i].From, c.list[i].To, c.list[i].Article
		return one, nil
	}
	d, err := deal(ask.Deal)
	if err != nil {
		return one, err
	}
	one.Line = lineOf(d)
	switch ask.Do {
	case serve.CorrectApart:
		others := false
		for _, e := range d.Evidence {
			if e.Article == ask.Article {
				add(natural(e))
				for _, c := range e.Also {
					one.Copies = append(one.Copies, c.ID)
				}
			} else {
				others = true
			}
		}
		if len(one.From) == 0 || !others {
			return one, serve.Refusal{FR: "Cet article ne dit rien d’un accord qui en réunit plusieurs.", EN: "That article says nothing of a deal that joins several."}
		}
		if slices.ContainsFunc(c.list, func(o correction) bool {
			return o.Do == ask.Do && o.Article == ask.Article && slices.Equal(o.From, one.From)
		}) {
			return one, serve.Refusal{FR: "Il en est déjà séparé ; d’autres corrections l’y ramènent.", EN: "It is taken apart already; other corrections bring it back."}
		}
	case serve.CorrectSame:
		into, err := deal(ask.Into)
		if err != nil {
			return one, err
		}
		if len(d.Evidence) == 0 || len(into.Evidence) == 0 || d.ID == into.ID {
			return one, serve.Refusal{FR: "C’est le même accord.", EN: "That is the same deal."}
		}
		one.IntoLine = lineOf(into)
		one.To = c.route(into.Evidence[0])
		for _, e := range d.Evidence {
			if at := c.route(e); at != one.To {
				add(at)
			}
		}
		for _, e := range slices.Concat(d.Evidence, into.Evidence) {
			one.Held = append(one.Held, e.Article)
			for _, c := range e.Also {
				one.Held = append(one.Held, c.ID)
			}
		}
	default:
		return one, serve.Refusal{FR: "Cette correction n’existe pas.", EN: "There is no such correction."}
	}
	one.ID = "c_" + schemas.EventID("correction", one.Do, one.Article, one.Deal, one.Into, one.At.String())
	return one, nil
}

func lineOf(d schemas.Deal) string {
	out := ""
	for i, p := range d.Parties {
		if i > 0 {
			out += " – "
		}
		out += p.Name
	}
	return out
}

// correct puts a correction into force: it is written down, then the statements
// concerned are gathered anew. What comes of it are ordinary events of deals.
func (g *gatherer) correct(ctx context.Context, ask serve.Correction, deal func(string) (schemas.Deal, error)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	one, err := g.corrections.mean(ask, deal)
	if err != nil {
		return err
	}
	if err := appendLine(g.corrections.path, one); err != nil {
		return fmt.Errorf("keep the correction: %w", err)
	}
	g.corrections = g.corrections.with(one)
	return g.regather(ctx, one.places(), ask.At)
}

// regather takes the statements that lie at some places to where they belong now.
func (g *gatherer) regather(ctx context.Context, at []place, now time.Time) error {
	dossiers := map[string]deals.Dossier{}
	var said []schemas.Evidence
	for i := 0; i < len(at); i++ { // grows: what leads elsewhere is looked at too
		key := at[i].key()
		if _, seen := dossiers[key]; seen || at[i].Family == "" {
			continue
		}
		d := deals.Dossier{Family: at[i].Family, Parties: at[i].Parties}
		if err := g.load(ctx, key, &d); err != nil {
			return err
		}
		dossiers[key] = d
		said = append(said, d.Said...)
		for _, e := range d.Said {
			at = append(at, g.corrections.route(e))
		}
	}
	belongs := map[string][]schemas.Evidence{}
	touched := map[string]bool{}
	for _, e := range said {
		key := g.corrections.route(e).key()
		if !slices.ContainsFunc(belongs[key], func(o schemas.Evidence) bool { return o.Article == e.Article && o.Signal.ID == e.Signal.ID }) {
			belongs[key] = append(belongs[key], e)
		}
		touched[e.Article] = true
	}
	var changes []schemas.DealEvent
	for _, key := range slices.Sorted(maps.Keys(dossiers)) {
		d := dossiers[key]
		d.Said, d.Held = belongs[key], g.corrections.held(place{d.Family, d.Parties})
		d, events := d.Fold("", nil) // in one step: nobody hears of what lies between
		dossiers[key] = d
		changes = append(changes, events...)
	}
	// Whose statements went elsewhere was merged with the deal that has them now.
	for i, c := range changes {
		if c.Kind != "retracted" || len(c.Deal.Evidence) == 0 {
			continue
		}
		for _, d := range dossiers {
			for _, now := range d.Deals {
				if now.ID != c.Deal.ID && slices.ContainsFunc(now.Evidence, func(e schemas.Evidence) bool { return e.Signal.ID == c.Deal.Evidence[0].Signal.ID }) {
					changes[i].Kind, changes[i].Into = "merged", now.ID
				}
			}
		}
	}
	var events []schemas.Event
	for _, c := range changes {
		ev, err := schemas.NewEvent(schemas.TypeDeal, deals.EventID(c), schemas.DealSubject(c.Kind, c.Deal), now, c)
		if err != nil {
			return err
		}
		events = append(events, ev)
	}
	notes := map[string]articleNote{}
	for article := range touched {
		key := "article." + article
		var note articleNote
		if err := g.load(ctx, key, &note); err != nil {
			return err
		}
		note.Dossiers = slices.DeleteFunc(note.Dossiers, func(k string) bool { _, here := dossiers[k]; return here })
		for k := range dossiers {
			if slices.ContainsFunc(belongs[k], func(e schemas.Evidence) bool { return e.Article == article }) {
				note.Dossiers = append(note.Dossiers, k)
			}
		}
		slices.Sort(note.Dossiers)
		notes[key] = note
	}
	_, err := g.keep(ctx, dossiers, notes, events, false)
	return err
}

// correct is what the page asks for.
func (a *app) correct(ctx context.Context, c serve.Correction) error {
	err := a.gather.correct(ctx, c, func(id string) (schemas.Deal, error) {
		d, err := a.ix.Deal(id)
		var gone *index.Gone
		if errors.As(err, &gone) && gone.Into != "" {
			return a.ix.Deal(gone.Into)
		}
		return d, err
	})
	if err != nil {
		return err
	}
	// Who comes back to the page finds it done, if the index is not far behind.
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	for {
		left, err := a.left(ctx, schemas.StreamDeals)
		if err != nil || left == 0 {
			return nil // done; when it is seen is another matter
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// corrected lists the corrections in force.
func (a *app) corrected() []serve.Correction {
	a.gather.mu.Lock()
	defer a.gather.mu.Unlock()
	out := make([]serve.Correction, len(a.gather.corrections.list))
	for i, c := range a.gather.corrections.list {
		out[i] = c.Correction
	}
	return out
}
