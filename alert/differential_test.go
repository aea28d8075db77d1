package alert

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"example.org/veille/fixtures"
	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// corpus makes articles, deals and saved searches out of the paragraphs of the
// sample press, so that words, elisions, quotation marks and figures are those of
// real sentences and rules meet articles often.
type corpus struct {
	rng    *rand.Rand
	titles map[string][]string
	texts  map[string][]string
	words  []string // of both languages, as they stand
}

func newCorpus(t testing.TB, seed uint64) *corpus {
	t.Helper()
	p, err := fixtures.New(nil, fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := &corpus{rng: rand.New(rand.NewPCG(seed, 6)), titles: map[string][]string{}, texts: map[string][]string{}}
	for _, a := range p.Articles() {
		c.titles[a.Lang] = append(c.titles[a.Lang], a.Title)
		c.texts[a.Lang] = append(c.texts[a.Lang], a.Body...)
		for _, s := range append([]string{a.Title}, a.Body...) {
			for _, w := range strings.Fields(s) {
				if w = strings.Trim(w, "«»“”\".,;:!?()[]–—\u00a0\u202f"); strings.ContainsFunc(w, unicode.IsLetter) && !strings.ContainsAny(w, `"():*~<>@=`) && w[0] != '-' {
					c.words = append(c.words, w)
				}
			}
		}
	}
	return c
}

func (c *corpus) one(of ...string) string { return of[c.rng.IntN(len(of))] }

func (c *corpus) word() string { return c.one(c.words...) }

func (c *corpus) lang() string { return c.one("fr", "fr", "en") }

func (c *corpus) vendor() string {
	return c.one("aws", "azure", "dell", "nutanix", "cisco", "hpe", "capgemini", "sopra", "arrow", "ingram")
}

func (c *corpus) at() time.Time {
	return monday.Add(-time.Duration(c.rng.IntN(90*24*60)) * time.Minute)
}

// sentence is a stretch of a paragraph, whole words.
func (c *corpus) sentence(lang string, n int) string {
	f := strings.Fields(c.one(c.texts[lang]...))
	from := c.rng.IntN(max(1, len(f)-n))
	return strings.Join(f[from:min(len(f), from+n)], " ")
}

func (c *corpus) extraction(n int) schemas.Extraction {
	lang := c.lang()
	var paras []string
	for range 1 + c.rng.IntN(5) {
		paras = append(paras, c.one(c.texts[lang]...))
	}
	id, at := fmt.Sprintf("a_%04d", n), c.at()
	source := c.one("lemag", "silicon", "crn", "itpro")
	x := schemas.Extraction{ID: "x_" + id, By: "test/1", At: at, Article: schemas.Article{
		ID: id, Version: "1", Source: source, Outlet: source, URL: "https://" + source + ".example/" + id, Lang: lang,
		Title: c.one(c.titles[lang]...), Text: strings.Join(paras, "\n\n"), Published: at, Fetched: at, Paywalled: c.rng.IntN(5) == 0,
	}}
	for range c.rng.IntN(4) {
		x.Vendors = append(x.Vendors, schemas.Mention{ID: c.vendor(), Salience: "about"})
	}
	return x
}

func (c *corpus) deal(n int) schemas.Deal {
	a, b, at := c.vendor(), c.vendor(), c.at()
	d := schemas.Deal{
		ID: fmt.Sprintf("d_%04d", n), Rev: 1, Type: c.one(schemas.Types...), Status: c.one(schemas.Statuses...), First: at, Updated: at, Seen: at,
		Outlets: 1 + c.rng.IntN(4), Score: float64(c.rng.IntN(11)) / 10, Langs: []string{"fr", "en"}[:1+c.rng.IntN(2)],
		Territory: []string{c.one("fr", "de", "emea")}[:c.rng.IntN(2)],
		Parties: []schemas.Party{
			{ID: a, Name: strings.ToUpper(a), Role: "vendor", Known: true},
			{ID: b, Name: strings.ToUpper(b), Role: c.one("distributor", "reseller", "customer"), Known: true},
		},
	}
	if c.rng.IntN(3) == 0 {
		v := c.one("1000000", "2500000.50")
		d.Amount = &schemas.Amount{Low: &v, High: &v, Currency: c.one("EUR", "USD")}
	}
	for i := range 1 + c.rng.IntN(3) {
		lang := c.lang()
		d.Evidence = append(d.Evidence, schemas.Evidence{
			Article: fmt.Sprintf("a_%d_%d", n, i), Source: c.one("lemag", "silicon"), Lang: lang, Title: c.one(c.titles[lang]...), Published: at, Seen: at,
			Signal: schemas.Signal{Type: d.Type, Status: d.Status, Evidence: schemas.Quote{Text: c.sentence(lang, 18)}},
		})
	}
	return d
}

// atom is one clause, of every sort that people write.
func (c *corpus) atom() string {
	head := func(n int) (string, bool) {
		w := []rune(strings.ToLower(c.word()))
		if len(w) < n || slices.ContainsFunc(w[:n], func(r rune) bool { return r < 'a' }) {
			return "", false
		}
		return string(w[:n]), true
	}
	switch c.rng.IntN(16) {
	case 0, 1, 2:
		return c.word()
	case 3:
		lang := c.lang()
		s := c.sentence(lang, 2+c.rng.IntN(2))
		if !strings.ContainsAny(s, `"«»“”`) {
			return `"` + s + `"`
		}
	case 4:
		if h, ok := head(4); ok {
			return h + "*"
		}
	case 5:
		if h, ok := head(6); ok {
			return h + "~"
		}
	case 6, 7:
		return "vendor:" + c.vendor()
	case 8:
		return "vendor:" + c.vendor() + "," + c.vendor()
	case 9:
		return "title:" + c.word()
	case 10:
		return c.one("lang:fr", "lang:en", "source:lemag", "source:crn,itpro", "is:paywalled", "has:vendor")
	case 11:
		return c.one("since:2026-02", "until:2026-01-20", "date:2026-01", "date:>2026-02-15", "since:30d", "date:2026-01-10..2026-02-10")
	case 12:
		return c.one("type:distribution", "type:acquisition,investment", "status:announced", "status:rumoured,denied", "status:background", "territory:fr", "territory:*")
	case 13:
		return c.one("maker:aws", "distributor:arrow", "pair:aws~dell", "customer:hpe,cisco", "kind:hyperscaler", "kind:integrator@fr")
	case 14:
		return c.one("sources:>2", "confidence:>=0.5", "value:>1M", "value:*", "currency:EUR", "is:bilingual", "is:corroborated")
	}
	return "(" + c.word() + " OR " + c.word() + ")"
}

func (c *corpus) expr(depth int) string {
	switch n := c.rng.IntN(10); {
	case depth == 0 || n < 4:
		return c.atom()
	case n < 6:
		return c.expr(depth-1) + " " + c.expr(depth-1)
	case n < 9:
		return "(" + c.expr(depth-1) + " OR " + c.expr(depth-1) + ")"
	}
	return "-(" + c.expr(depth-1) + ")"
}

// TestRulesEqualBleve asks both sides about every pair of a rule and a document:
// the table of rules that rings, with its keys and candidates, and the search over
// an index on disk. One that differs fails.
func TestRulesEqualBleve(t *testing.T) {
	docs, rules := 350, 350
	if testing.Short() {
		docs, rules = 100, 150
	}
	if os.Getenv("VEILLE_TRUST") != "" {
		docs, rules = 1500, 1500
	}
	for seed, view := range []string{index.Articles, index.Deals} {
		t.Run(view, func(t *testing.T) {
			c := newCorpus(t, uint64(seed))
			now := func() time.Time { return monday }
			cat := func(id string) ([]string, string) {
				if k := kinds[id]; k != "" {
					return []string{k}, map[string]string{"integrator": "fr", "hyperscaler": "us"}[k]
				}
				return nil, ""
			}
			ix, err := index.Open(nolog, t.TempDir(), index.Options{Now: now, Catalogue: cat})
			if err != nil {
				t.Fatal(err)
			}
			defer ix.Close()
			matched := map[string]*query.Doc{}
			var xs []schemas.Extraction
			var es []schemas.DealEvent
			for i := range docs {
				if view == index.Articles {
					x := c.extraction(i)
					xs = append(xs, x)
					matched[x.Article.ID] = query.NewDoc(query.ArticleRecord(x, cat), index.Analyze)
				} else {
					d := c.deal(i)
					es = append(es, schemas.DealEvent{Kind: "new", Deal: d})
					matched[d.ID] = query.NewDoc(query.DealRecord(d, cat), index.Analyze)
				}
			}
			if err := ix.PutExtractions(t.Context(), xs); err != nil {
				t.Fatal(err)
			}
			if err := ix.PutDeals(t.Context(), es); err != nil {
				t.Fatal(err)
			}
			table := query.NewRules(index.Analyze, nil)
			parsed := map[string]query.Query{}
			texts := map[string]string{}
			for len(parsed) < rules {
				s := c.expr(2)
				q, err := query.Parse(s, query.Options{Now: monday})
				if err != nil {
					t.Fatalf("%q: %v", s, err)
				}
				id := fmt.Sprintf("r%04d", len(parsed))
				parsed[id], texts[id] = q, s
			}
			table.Update(parsed, nil)
			rang := map[string][]string{} // documents by rule
			candidates := 0
			for id, d := range matched {
				candidates += table.Candidates(d)
				for _, r := range table.Match(d, monday) {
					rang[r] = append(rang[r], id)
				}
			}
			pairs, hits := 0, 0
			for id, q := range parsed {
				res, err := ix.Search(t.Context(), index.Request{View: view, Query: q, Limit: index.MaxLimit})
				if err != nil {
					t.Fatalf("%q: %v", texts[id], err)
				}
				var found []string
				for _, d := range res.Deals {
					found = append(found, d.ID)
				}
				for _, a := range res.Articles {
					found = append(found, a.Article.ID)
				}
				slices.Sort(found)
				slices.Sort(rang[id])
				if !slices.Equal(found, rang[id]) {
					t.Errorf("%q: the search finds %d, the rule rings for %d\nsearch %v\nrule   %v", texts[id], len(found), len(rang[id]), found, rang[id])
				}
				pairs += len(matched)
				hits += len(found)
			}
			t.Logf("%d pairs of a rule and one of %s are equal, %d of them positive; %d candidates were evaluated", pairs, view, hits, candidates)
			if !testing.Short() && (pairs < 100_000 || hits < 1000) {
				t.Errorf("%d pairs, %d positive: too few to prove anything", pairs, hits)
			}
		})
	}
}

// BenchmarkRulesBesideBleve is what 10,000 rules cost for each article: with our
// table; by asking bleve for each rule whether a one-document index has it
// (naive); by asking it once for each 500 articles (batched). Those two are
// measured on 200 of the rules.
func BenchmarkRulesBesideBleve(b *testing.B) {
	c := newCorpus(b, 9)
	words := slices.Compact(slices.Sorted(slices.Values(c.words)))
	rare := func() string { return words[c.rng.IntN(len(words))] }
	vendor := func() string { return fmt.Sprintf("v%d", c.rng.IntN(400)) }
	search := func() string { // what people save: two words, a vendor and words, a phrase
		switch n := c.rng.IntN(100); {
		case n < 35:
			return rare() + " " + rare()
		case n < 65:
			return "vendor:" + vendor() + " (" + rare() + " OR " + rare() + ")"
		case n < 80:
			return "(" + rare() + " OR " + rare() + ")"
		case n < 90:
			return "vendor:" + vendor() + " lang:" + c.lang()
		}
		return `"` + rare() + " " + rare() + `"`
	}
	const rules, docs, asked = 10_000, 500, 200
	queries := map[string]query.Query{}
	for len(queries) < rules {
		q, err := query.Parse(search(), query.Options{Now: monday})
		if err != nil {
			b.Fatal(err)
		}
		queries[fmt.Sprintf("r%05d", len(queries))] = q
	}
	table := query.NewRules(index.Analyze, nil)
	table.Update(queries, nil)
	fill := func(n int) (*index.Index, []*query.Doc) {
		ix, err := index.Open(nolog, b.TempDir(), index.Options{Now: func() time.Time { return monday }})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = ix.Close() })
		var xs []schemas.Extraction
		var ds []*query.Doc
		for i := range n {
			x := c.extraction(i)
			for j := range x.Vendors {
				x.Vendors[j].ID = vendor()
			}
			xs = append(xs, x)
			ds = append(ds, query.NewDoc(query.ArticleRecord(x, nil), index.Analyze))
		}
		if err := ix.PutExtractions(b.Context(), xs); err != nil {
			b.Fatal(err)
		}
		return ix, ds
	}
	many, ds := fill(docs)
	one, _ := fill(1)
	ask := func(ix *index.Index) time.Duration { // of all rules
		began := processorTime()
		for i := range asked {
			if _, err := ix.Search(b.Context(), index.Request{View: index.Articles, Query: queries[fmt.Sprintf("r%05d", i)]}); err != nil {
				b.Fatal(err)
			}
		}
		return (processorTime() - began) * rules / asked
	}
	ask(one)
	ask(many)
	naive, batched := ask(one), ask(many)/docs
	hits, i := 0, 0
	began := processorTime()
	for b.Loop() {
		hits += len(table.Match(ds[i%docs], monday))
		i++
	}
	ours := (processorTime() - began) / time.Duration(i)
	b.ReportMetric(float64(ours.Microseconds()), "cpu-µs/op")
	b.ReportMetric(float64(naive)/float64(ours), "times-naive")
	b.ReportMetric(float64(batched)/float64(ours), "times-batched")
	b.ReportMetric(float64(hits)/float64(i), "hits/op")
}
