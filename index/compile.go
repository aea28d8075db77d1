package index

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	bquery "github.com/blevesearch/bleve/v2/search/query"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"example.org/veille/query"
)

// Boosts of a match by where it is: a title says what an article is about.
const (
	boostTitle  = 3
	boostText   = 1
	boostVendor = 2
)

// Weights of a word by how it is written. One that is written as in the query, with
// its accents, comes before any number of others: BM25 gives a word that is repeated
// for ever 2.2 times what it gives one that stands once.
const (
	weightExact     = 2.5
	weightOtherForm = 1.5 // serveurs for serveur
	weightAccents   = 1   // marche for marché
)

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
	scored bool
	typed  map[string]bool // words as they stand in the query, when scored
	folded map[string]bool // the same, folded
}

func (c compiler) compile(q query.Query, scored bool) bquery.Query {
	c.scored = scored
	if scored {
		c.typed, c.folded = map[string]bool{}, map[string]bool{}
		query.Walk(q.Expr, func(cl query.Clause) {
			if cl.Field != "text" && cl.Field != "title" {
				return
			}
			for _, v := range cl.Values {
				scan(v.Text, func(w word) { c.typed[w.text], c.folded[w.folded] = true, true })
			}
		})
	}
	return c.lower(query.Compile(q, Analyze))
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
			if a.Op == query.OpNot {
				not = append(not, c.lower(a.Args[0]))
			} else {
				must = append(must, c.lower(a))
			}
		}
		if len(must) == 0 {
			must = append(must, c.all())
		}
		if len(not) == 0 {
			return bquery.NewConjunctionQuery(must)
		}
		return bquery.NewBooleanQuery(must, nil, not)
	case query.OpOr:
		var any []bquery.Query
		for _, a := range p.Args {
			any = append(any, c.lower(a))
		}
		return bquery.NewDisjunctionQuery(any)
	case query.OpNot:
		return bquery.NewBooleanQuery([]bquery.Query{c.all()}, nil, []bquery.Query{c.lower(p.Args[0])})
	case query.OpTerm:
		return c.terms(p.Field, p.Terms)
	case query.OpPhrase:
		return c.phrase(p)
	case query.OpPrefix:
		return c.any(p.Field, p.Terms[0], "*", func(*form) bool { return true })
	case query.OpFuzzy:
		want := p.Terms[0]
		r := []rune(want)
		return c.any(p.Field, string(r[:min(len(r), query.FuzzyPrefix)]), "~"+want, func(f *form) bool { return oneTypo(want, f.folded) })
	case query.OpNumber:
		return c.set("range of "+p.Field, func(context.Context) (docSet, error) {
			return c.numbers(p.Field, func(v float64) bool {
				return v > p.Lo && v < p.Hi || v == p.Lo && !p.LoOut && v <= p.Hi || v == p.Hi && !p.HiOut && v >= p.Lo
			})
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
		return c.set("range of "+p.Field, func(context.Context) (docSet, error) {
			return c.numbers(p.Field, func(v float64) bool { return v >= lo && v < hi })
		})
	case query.OpExists:
		return c.set("any "+p.Field, func(context.Context) (docSet, error) { return c.exists(p.Field) })
	}
	return bquery.NewMatchNoneQuery()
}

func (c compiler) all() bquery.Query {
	t := bquery.NewTermQuery(c.kind)
	t.SetField(fieldKind)
	t.SetBoost(0)
	return t
}

func (c compiler) set(what string, build func(context.Context) (docSet, error)) bquery.Query {
	return &setQuery{what: what, build: build}
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
	if _, _, ok := isText(field); ok {
		return deferred{func(ctx context.Context) (bquery.Query, error) {
			sets, err := c.stem(ctx, field, terms)
			if err != nil {
				return nil, err
			}
			return c.words(field, sets), nil
		}}
	}
	return anyTerm(keywordField(c.kind, field), terms, c.boost(field))
}

func anyTerm(field string, terms []string, boost float64) bquery.Query {
	any := make([]bquery.Query, len(terms))
	for i, term := range terms {
		t := bquery.NewTermQuery(term)
		t.SetField(field)
		t.SetBoost(boost)
		any[i] = t
	}
	return anyOf(any)
}

func anyOf(qs []bquery.Query) bquery.Query {
	switch len(qs) {
	case 0:
		return nil
	case 1:
		return qs[0]
	}
	return bquery.NewDisjunctionQuery(qs)
}

// words asks for the words that were looked up; nil when there are none.
func (c compiler) words(field string, sets []wordSet) bquery.Query {
	var any []bquery.Query
	for _, ws := range sets {
		switch {
		case c.scored:
			any = append(any, &wordQuery{ws, c.boost(field), c.length(field), c.weight})
		default:
			any = append(any, anyTerm(ws.field, ws.words, 1))
		}
	}
	return anyOf(any)
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
		q.SetBoost(c.boost(p.Field) * weightExact)
		return q, nil
	}}
}

// any asks for all words that begin so and fit. There may be very many, so their
// documents are joined into a set; they do not rank.
func (c compiler) any(field, start, what string, fits func(*form) bool) bquery.Query {
	return c.set(what, func(ctx context.Context) (docSet, error) {
		sets, err := c.lookup(ctx, field, start, what+"\x00"+start, fits)
		if err != nil {
			return nil, err
		}
		d := c.snap.newSet()
		for _, ws := range sets {
			if err := c.snap.join(ctx, d, ws); err != nil {
				return nil, err
			}
		}
		return d, nil
	})
}

// join adds the live documents that have one of the words.
func (s *snapshot) join(ctx context.Context, d docSet, ws wordSet) error {
	var pl segment.PostingsList
	var pi segment.PostingsIterator
	for i, seg := range s.segs {
		dict, err := seg.Segment().Dictionary(ws.field)
		if err != nil {
			return err
		}
		for n, w := range ws.words {
			if n&0xff == 0xff {
				if err := ctx.Err(); err != nil {
					return err
				}
			}
			if pl, err = dict.PostingsList([]byte(w), seg.Deleted(), pl); err != nil {
				return err
			}
			pi = pl.Iterator(false, false, false, pi)
			for {
				p, err := pi.Next()
				if err != nil {
					return err
				}
				if p == nil {
					break
				}
				d.add(s.off[i] + p.Number())
			}
		}
	}
	return nil
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
	c.snap.live(d)
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
	c.snap.live(d)
	return d, nil
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
