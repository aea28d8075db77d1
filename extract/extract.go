// Package extract reads an article and says which vendors it names, which deals between them it tells of, and what amounts of money it states.
//
// Call [New] once, then [Extractor.Extract] for each article, from as many goroutines as wanted; [Extractor.Explain] tells how it came to its
// answer. The package is pure: no input or output, no clock but the article's own date, and the same answer for the same article each time.
//
// A sentence becomes a deal in five steps: names and anaphors are found and grouped (item.go); triggers from the lexicon are matched
// (lexicon.go); the places around a trigger are filled (frame.go); cues of the clause decide the status (status.go); and the catalogue's
// kinds decide the final type and roles. A linear model then weighs each pair of organisations that a sentence brings together, what the rules
// say of them included (sight.go, model.go): it takes back, corrects and adds. merge.go makes one signal of what an article says of one deal.
// Rules, trigger words, cues and senses of words are data: lexicon/fr and lexicon/en; the command in train learns the weights, deals.bin, from
// testdata.
//
// The package does not fetch, index or store; it does not translate, and in other languages than French and English it finds vendors only.
package extract

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/veille/extract/catalogue"
	"example.org/veille/extract/money"
	"example.org/veille/schemas"
)

// Version names this extractor in [schemas.Extraction.By]. It changes whenever an article may be read differently.
const Version = "extract/2"

// Extractor reads articles. It is immutable and safe for concurrent use.
type Extractor struct {
	cat    *catalogue.Catalogue
	money  *money.Reader
	model  *model
	policy Policy
	fr     *lexicon
	en     *lexicon
	seats  map[string][]string // lower-case city → vendors seated there
}

// New loads the embedded catalogue and lexicon.
func New() (*Extractor, error) {
	cat, err := catalogue.Load()
	if err != nil {
		return nil, fmt.Errorf("load catalogue: %w", err)
	}
	return newWith(cat)
}

func newWith(cat *catalogue.Catalogue) (*Extractor, error) {
	x := &Extractor{cat: cat, seats: map[string][]string{}, policy: Practice}
	var err error
	if x.money, err = money.New(); err != nil {
		return nil, fmt.Errorf("load price lexicon: %w", err)
	}
	if x.fr, err = loadLexicon(lexiconFS, "fr"); err != nil {
		return nil, err
	}
	if x.en, err = loadLexicon(lexiconFS, "en"); err != nil {
		return nil, err
	}
	if x.model, err = newModel(dealsBin); err != nil {
		return nil, err
	}
	for _, v := range cat.All() {
		for _, c := range v.HQ {
			c = strings.ToLower(c)
			x.seats[c] = append(x.seats[c], v.ID)
		}
	}
	return x, nil
}

// Catalogue gives the catalogue the extractor reads with.
func (x *Extractor) Catalogue() *catalogue.Catalogue { return x.cat }

// Extract reads one article. Title and text beyond their limits are not read.
func (x *Extractor) Extract(a schemas.Article) schemas.Extraction { return x.run(a, nil) }

func (x *Extractor) run(a schemas.Article, tr *Trace) schemas.Extraction {
	out := schemas.Extraction{
		ID: schemas.ExtractionID(a.ID, a.Version, len(a.Also), Version), By: Version, At: at(a), Article: a,
		Vendors: []schemas.Mention{}, Signals: []schemas.Signal{}, Prices: []schemas.Price{},
	}
	d, cands := x.read(a, nil, tr)
	if d.lang == "" {
		out.Vendors = d.mentions()
		return out
	}
	out.Vendors = d.mentions()
	merged := d.merge(d.weigh(cands))
	if len(merged) > maxSignals {
		merged = merged[:maxSignals]
	}
	for i := range merged {
		out.Signals = append(out.Signals, d.signal(&a, &merged[i]))
	}
	d.prices(&a, &out)
	return out
}

// read goes through the sentences of an article and gives the candidates the rules find.
func (x *Extractor) read(a schemas.Article, watch *observer, tr *Trace) (*doc, []cand) {
	title, text := clip(a.Title, schemas.MaxTitle), clip(a.Text, schemas.MaxText)
	lang := language(a.Lang)
	l := x.en
	if lang == "fr" {
		l = x.fr
	}
	d := x.newDoc(l, title, text, lang, a.Published)
	d.trace, d.watch = tr, watch
	d.lang = lang
	d.segment()
	if lang == "" {
		return d, nil
	}
	if tr != nil {
		tr.Lang = lang
	}
	var cands []cand
	for i := range d.sents {
		s := &d.sents[i]
		if len(s.toks) == 0 {
			continue
		}
		v := d.look(s, i)
		d.step(v)
		if s.boiler {
			continue
		}
		got := d.candidates(v)
		got = append(got, d.context(v, got)...)
		d.found(got)
		d.notice(v, got, len(cands))
		cands = append(cands, got...)
		d.remember(s, i, v.items)
		for k := range got {
			if len(got[k].roles) >= 2 {
				d.pair = nil
				for _, rp := range got[k].roles {
					d.pair = append(d.pair, party{org: rp.p.org})
				}
			}
			c := got[k]
			d.last = &c
			if k := c.vendorKey(); d.types[k] == "" || d.types[k] == "partnership" {
				d.types[k] = c.typ
			}
			if d.first == nil {
				d.first = &c
			}
			if pairRoles[c.typ][0] != "" {
				d.directed = c.typ
			}
			for _, rp := range c.roles {
				if rp.role != "" {
					d.mem[rp.role] = remembered{rp.p, c.typ, i}
				}
			}
		}
		if len(cands) > 400 {
			break
		}
	}
	return d, cands
}

// at is when the extraction speaks: the article's own last known moment, so that the same article gives the same answer.
func at(a schemas.Article) time.Time {
	if !a.Fetched.IsZero() {
		return a.Fetched.UTC()
	}
	return a.Published.UTC()
}

func language(lang string) string {
	l, _, _ := strings.Cut(strings.ToLower(lang), "-")
	if l == "fr" || l == "en" {
		return l
	}
	return ""
}

// clip cuts s to at most n bytes, between two runes.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// mentions gives the vendors named, in order of first appearance; one the title names, or that is named early and again, is what the
// article is about.
func (d *doc) mentions() []schemas.Mention {
	out := []schemas.Mention{}
	index := map[string]int{}
	early := map[string]bool{}
	for _, n := range d.names {
		i, ok := index[n.org.id]
		if !ok {
			if len(out) >= maxVendors {
				continue
			}
			i = len(out)
			index[n.org.id] = i
			out = append(out, schemas.Mention{ID: n.org.id, Name: n.org.name, Salience: "mention"})
		}
		if len(out[i].Mentions) < maxMentions {
			out[i].Mentions = append(out[i].Mentions, schemas.Span{In: n.in, Start: n.start, End: n.end})
		}
		if n.in == "title" {
			out[i].Salience = "about"
		}
		if n.in == "text" && n.start < 300 {
			early[n.org.id] = true
		}
	}
	for i := range out {
		if len(out[i].Mentions) >= 3 && early[out[i].ID] {
			out[i].Salience = "about"
		}
	}
	if len(out) > 0 && !slices.ContainsFunc(out, func(m schemas.Mention) bool { return m.Salience == "about" }) {
		most := slices.MaxFunc(out, func(a, b schemas.Mention) int { return cmp.Compare(len(a.Mentions), len(b.Mentions)) })
		if len(most.Mentions) > 1 {
			out[index[most.ID]].Salience = "about"
		}
	}
	return out
}
