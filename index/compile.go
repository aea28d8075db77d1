package index

import (
	"context"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"

	bquery "github.com/blevesearch/bleve/v2/search/query"

	"example.org/veille/query"
)

// Boosts of a match by where it is: a title says what an article is about.
const (
	boostTitle  = 3
	boostText   = 1
	boostVendor = 2
	boostName   = 6 // for a document about the organisation that a word names
)

// Weights of a word by how it is written. One that is written as in the query, with
// its accents, comes before any number of others: BM25 gives a word that is repeated
// for ever 2.2 times what it gives one that stands once.
const (
	weightExact     = 2.5
	weightOtherForm = 1.5 // serveurs for serveur
	weightAccents   = 1   // marche for marché
)

// scorePhrase is what a phrase in a text is worth: about as much as a word that one
// text in a thousand has, as often as it takes. How many texts have a phrase is known
// only after all have been read.
const scorePhrase = 15

// Words of a field on average. Only their order of size matters.
const (
	lengthTitle = 8
	lengthText  = 300 // of an article
	lengthQuote = 30  // of a deal or price
)

// compiler makes queries of bleve from a plan, for one snapshot and one kind of
// document. No text of a user ever reaches a parser of bleve's.
type compiler struct {
	snap   *snapshot
	kind   string
	now    time.Time
	typed  map[string]bool // words as they stand in the query, when scored
	folded map[string]bool // the same, folded
	census *census         // when scored
}

func (c compiler) compile(q query.Query, scored bool) bquery.Query {
	plan := query.Compile(q, Analyze)
	if !scored {
		return c.set("search", func(ctx context.Context) (docSet, error) { return c.eval(ctx, plan) })
	}
	c.typed, c.folded = map[string]bool{}, map[string]bool{}
	query.Walk(q.Expr, func(cl query.Clause) {
		if cl.Field != "text" && cl.Field != "title" {
			return
		}
		for _, v := range cl.Values {
			scan(v.Text, func(w word) { c.typed[w.text], c.folded[w.folded] = true, true })
		}
	})
	b := c.lower(plan)
	if names := anyOf(c.names(q.Expr)); names != nil {
		return rankQuery{must: b, extra: names}
	}
	return b
}

// names asks for the organisations and products that words of the query name, so
// that documents which are about them come before those which only have the word.
// It ranks, it does not select.
func (c compiler) names(e query.Expr) (out []bquery.Query) {
	seen := map[string]bool{}
	add := func(id string) {
		if seen[id] || len(out) >= 32 {
			return
		}
		seen[id] = true
		for _, field := range []string{"party", "product"} {
			p := &query.Plan{Op: query.OpTerm, Field: field, Terms: []string{id}}
			if !c.idle(p) {
				out = append(out, c.anyTerm(field, p.Terms, boostName))
			}
		}
	}
	var words []string
	switch x := e.(type) {
	case query.And:
		for _, e := range x {
			words = append(words, bareWords(e)...)
		}
	default:
		words = bareWords(e)
	}
	for i, w := range words {
		add(w)
		if i > 0 {
			add(words[i-1] + "-" + w)
		}
	}
	return out
}

// bareWords are the folded words of a clause on the text.
func bareWords(e query.Expr) (out []string) {
	cl, ok := e.(query.Clause)
	if !ok || cl.Field != "text" {
		return nil
	}
	for _, v := range cl.Values {
		if v.Kind == query.Word || v.Kind == query.Phrase {
			scan(v.Text, func(w word) { out = append(out, w.folded) })
		}
	}
	return out
}

// weight of a word of the index.
func (c compiler) weight(word string) float64 {
	switch {
	case c.typed[word]:
		return weightExact
	case c.folded[fold(word)]:
		return weightAccents
	}
	return weightOtherForm
}

func (c compiler) lower(p *query.Plan) bquery.Query {
	switch p.Op {
	case query.OpAll:
		return c.all()
	case query.OpAnd:
		var must, not []bquery.Query
		for _, a := range p.Args {
			switch {
			case a.Op == query.OpNot:
				if !c.idle(a.Args[0]) {
					not = append(not, c.filter(a.Args[0]))
				}
			case c.same(a) && len(p.Args) > 1:
				must = append(must, c.filter(a))
			default:
				must = append(must, c.lower(a))
			}
		}
		if len(must) == 0 {
			must = append(must, c.all())
		}
		switch {
		case len(not) == 0 && len(must) == 1:
			return must[0]
		case len(not) == 0:
			return bquery.NewConjunctionQuery(must)
		}
		return bquery.NewBooleanQuery(must, nil, not)
	case query.OpOr:
		var any []bquery.Query
		var words []*query.Plan
		for _, a := range p.Args {
			if _, _, ok := isText(a.Field); ok && a.Op == query.OpTerm {
				words = append(words, a)
			} else {
				any = append(any, c.lower(a))
			}
		}
		if len(words) > 0 {
			any = append(any, c.words(words))
		}
		return anyOf(any)
	case query.OpNot:
		return bquery.NewBooleanQuery([]bquery.Query{c.all()}, nil, []bquery.Query{c.lower(p.Args[0])})
	case query.OpTerm:
		if _, _, ok := isText(p.Field); ok {
			return c.words([]*query.Plan{p})
		}
		return c.terms(p.Field, p.Terms)
	case query.OpPhrase:
		return c.phrase(p)
	case query.OpNone:
		return bquery.NewMatchNoneQuery()
	}
	return c.filter(p) // what is left selects without ranking
}

// filter selects without ranking.
func (c compiler) filter(p *query.Plan) bquery.Query {
	return c.set(p.Field, func(ctx context.Context) (docSet, error) { return c.eval(ctx, p) })
}

// same tells whether a condition would add the same to the score of all it lets
// through: one exact value does.
func (c compiler) same(p *query.Plan) bool {
	_, _, text := isText(p.Field)
	return p.Op == query.OpTerm && !text && len(p.Terms) == 1
}

func (c compiler) all() bquery.Query {
	t := bquery.NewTermQuery(c.kind)
	t.SetField(fieldKind)
	t.SetBoost(0)
	return t
}

func (c compiler) set(what string, build func(context.Context) (docSet, error)) bquery.Query {
	return &setQuery{what: what, build: build, snap: c.snap}
}

// eval finds the documents of a plan without ranking them: the postings of its terms
// are joined as sets. Deleted documents are not taken out.
func (c compiler) eval(ctx context.Context, p *query.Plan) (docSet, error) {
	if err := pause(ctx); err != nil {
		return nil, err
	}
	switch p.Op {
	case query.OpAll:
		return c.snap.all(c.kind[0]), nil
	case query.OpAnd:
		var d docSet
		for _, not := range []bool{false, true} { // what is excluded comes last
			for _, a := range p.Args {
				if (a.Op == query.OpNot) != not {
					continue
				}
				if not {
					a = a.Args[0]
				}
				x, err := c.eval(ctx, a)
				if err != nil {
					return nil, err
				}
				switch {
				case not:
					if d == nil {
						d = c.snap.all(c.kind[0])
					}
					d.minus(x)
				case d == nil:
					d = x
				default:
					d.and(x)
				}
			}
		}
		return d, nil
	case query.OpOr:
		d := c.snap.newSet()
		for _, a := range p.Args {
			x, err := c.eval(ctx, a)
			if err != nil {
				return nil, err
			}
			d.or(x)
		}
		return d, nil
	case query.OpNot:
		x, err := c.eval(ctx, p.Args[0])
		if err != nil {
			return nil, err
		}
		d := c.snap.all(c.kind[0])
		d.minus(x)
		return d, nil
	case query.OpTerm:
		sets := []wordSet{{keywordField(c.kind, p.Field), p.Terms}}
		if _, _, ok := isText(p.Field); ok {
			var err error
			if sets, err = c.stem(ctx, p.Field, p.Terms); err != nil {
				return nil, err
			}
		}
		return c.join(ctx, sets, nil)
	case query.OpPrefix:
		sets, err := c.lookup(ctx, p.Field, p.Terms[0], "*"+p.Terms[0], func(*form) bool { return true })
		return c.join(ctx, sets, err)
	case query.OpFuzzy:
		want := p.Terms[0]
		r := []rune(want)
		sets, err := c.lookup(ctx, p.Field, string(r[:min(len(r), query.FuzzyPrefix)]), "~"+want, func(f *form) bool { return oneTypo(want, f.folded) })
		return c.join(ctx, sets, err)
	case query.OpPhrase:
		d := c.snap.newSet()
		err := c.snap.each(ctx, c.phrase(p), false, func(b block) {
			for _, doc := range b.docs {
				d.add(c.snap.off[b.seg] + uint64(doc))
			}
		})
		return d, err
	case query.OpNumber:
		return c.numbers(p.Field, func(v float64) bool {
			return v > p.Lo && v < p.Hi || v == p.Lo && !p.LoOut && v <= p.Hi || v == p.Hi && !p.HiOut && v >= p.Lo
		})
	case query.OpDate:
		from, to := p.Dates(c.now)
		lo, hi := math.Inf(-1), math.Inf(1)
		if !from.IsZero() {
			lo = float64(from.Unix())
		}
		if !to.IsZero() {
			hi = float64(to.Unix())
		}
		return c.numbers(p.Field, func(v float64) bool { return v >= lo && v < hi })
	case query.OpExists:
		return c.exists(p.Field)
	}
	return c.snap.newSet(), nil
}

// join is the documents that have one of the words.
func (c compiler) join(ctx context.Context, sets []wordSet, err error) (docSet, error) {
	if err != nil {
		return nil, err
	}
	d := c.snap.newSet()
	for _, ws := range sets {
		if err := c.snap.join(ctx, d, ws.field, ws.words); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (c compiler) boost(field string) float64 {
	switch {
	case strings.HasPrefix(field, "title_"):
		return boostTitle
	case field == "party" || strings.HasPrefix(field, "role_"):
		return boostVendor
	}
	return boostText
}

func (c compiler) length(field string) float64 {
	switch {
	case strings.HasPrefix(field, "title_"):
		return lengthTitle
	case c.kind == "a":
		return lengthText
	}
	return lengthQuote
}

func (c compiler) terms(field string, terms []string) bquery.Query {
	return c.anyTerm(field, terms, c.boost(field))
}

// anyTerm asks for exact values. bleve's own term query would score them zero: it
// divides by the length of the field, which is not kept for them.
func (c compiler) anyTerm(name string, terms []string, boost float64) bquery.Query {
	field := keywordField(c.kind, name)
	return wordQuery{{wordSet{field, terms}, asked(field, terms), c.census, boost, 0, func(string) float64 { return 1 }}}
}

// asked names a question put to a field.
func asked(field string, terms []string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(field))
	for _, t := range terms {
		h.Write([]byte{0})
		h.Write([]byte(t))
	}
	return h.Sum32()
}

func anyOf(qs []bquery.Query) bquery.Query {
	switch len(qs) {
	case 0:
		return nil
	case 1:
		return qs[0]
	}
	return sumQuery(qs)
}

// words asks for the words of some terms of text fields.
func (c compiler) words(plans []*query.Plan) bquery.Query {
	return deferred{func(ctx context.Context) (bquery.Query, error) {
		var q wordQuery
		for _, p := range plans {
			sets, err := c.stem(ctx, p.Field, p.Terms)
			if err != nil {
				return nil, err
			}
			for _, ws := range sets {
				q = append(q, wordGroup{ws, asked(ws.field, p.Terms), c.census, c.boost(p.Field), c.length(p.Field), c.weight})
			}
		}
		if len(q) == 0 {
			return nil, nil
		}
		return q, nil
	}}
}

// idle tells whether a plan is a term that no segment has. Excluding deals in the
// background, which every query does, costs articles and prices nothing then.
func (c compiler) idle(p *query.Plan) bool {
	if p.Op != query.OpTerm {
		return false
	}
	if _, _, ok := isText(p.Field); ok {
		return false
	}
	for _, seg := range c.snap.segs {
		dict, err := seg.Segment().Dictionary(keywordField(c.kind, p.Field))
		if err != nil {
			return false
		}
		for _, t := range p.Terms {
			if has, err := dict.Contains([]byte(t)); has || err != nil {
				return false
			}
		}
	}
	return true
}

// phrase asks for words one after the other. A place without a term is a gap.
func (c compiler) phrase(p *query.Plan) bquery.Query {
	return deferred{func(ctx context.Context) (bquery.Query, error) {
		places := make([][]string, len(p.Phrase))
		for i, terms := range p.Phrase {
			if terms == nil {
				continue
			}
			sets, err := c.stem(ctx, p.Field, terms)
			if err != nil {
				return nil, err
			}
			for _, ws := range sets {
				places[i] = append(places[i], ws.words...)
			}
			if places[i] == nil {
				return nil, nil
			}
		}
		q := bquery.NewMultiPhraseQuery(places, keywordField(c.kind, p.Field))
		return flatQuery{q, c.boost(p.Field) * scorePhrase}, nil
	}}
}

// numbers finds the documents with a number that fits.
func (c compiler) numbers(name string, fits func(float64) bool) (docSet, error) {
	d := c.snap.newSet()
	for i, set := range c.snap.sets {
		col, err := c.snap.num(i, name)
		if err != nil {
			return nil, err
		}
		for doc := range set.n {
			if set.kind[doc] != c.kind[0] {
				continue
			}
			for _, v := range col.of(doc) {
				if fits(v) {
					d.add(c.snap.off[i] + uint64(doc))
					break
				}
			}
		}
	}
	return d, nil
}

func (c compiler) exists(name string) (docSet, error) {
	d := c.snap.newSet()
	for i, set := range c.snap.sets {
		terms, err := c.snap.term(i, keywordField(c.kind, name))
		if err != nil {
			return nil, err
		}
		nums, err := c.snap.num(i, name)
		if err != nil {
			return nil, err
		}
		for doc := range set.n {
			if set.kind[doc] == c.kind[0] && (len(terms.of(doc)) > 0 || len(nums.of(doc)) > 0) {
				d.add(c.snap.off[i] + uint64(doc))
			}
		}
	}
	return d, nil
}

// ofDeals finds the articles, or the prices, told of with the deals that q finds.
func (c compiler) ofDeals(q query.Query) bquery.Query {
	return c.set("articles of deals", func(ctx context.Context) (docSet, error) {
		told, err := c.snap.counter(facet{field: keywordField("d", fieldArticle)})
		if err != nil {
			return nil, err
		}
		deals := compiler{snap: c.snap, kind: "d", now: c.now}
		if err := c.snap.each(ctx, deals.compile(q, false), false, told.add); err != nil {
			return nil, err
		}
		names := told.dict.names()
		ws := wordSet{field: fieldID}
		if c.kind == "p" {
			ws.field = keywordField("p", fieldArticle)
		}
		for o, n := range told.n {
			if n > 0 {
				ws.words = append(ws.words, names[o])
			}
		}
		return c.join(ctx, []wordSet{ws}, nil)
	})
}

// oneTypo tells whether b is a with at most one letter wrong, missing or added, or
// two neighbours swapped.
func oneTypo(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	x, y = x[i:], y[i:]
	switch len(y) - len(x) {
	case 0:
		return len(x) == 0 || slices.Equal(x[1:], y[1:]) ||
			len(x) > 1 && x[0] == y[1] && x[1] == y[0] && slices.Equal(x[2:], y[2:])
	case 1:
		return slices.Equal(x, y[1:])
	}
	return false
}
