package index

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/blevesearch/bleve/v2/mapping"
	bquery "github.com/blevesearch/bleve/v2/search/query"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"example.org/veille/query"
)

// Boosts of a match by where it is. A title says what an article is about; the
// plain field only repeats what the stemmed ones hold.
const (
	boostTitle  = 3
	boostText   = 1
	boostPlain  = 0.5
	boostVendor = 2
	boostExact  = 4 // for a word written with the accents of the query
)

// maxTerms bounds how many terms a prefix or a typo may stand for.
const maxTerms = 100_000

// compiler makes queries of bleve from a plan, for one snapshot and one kind of
// document. No text of a user ever reaches a parser of bleve's.
type compiler struct {
	snap   *snapshot
	kind   string
	m      mapping.IndexMapping
	now    time.Time
	scored bool
}

func (c compiler) compile(q query.Query, scored bool) bquery.Query {
	c.scored = scored
	b := c.lower(query.Compile(q, Analyze))
	if !scored {
		return b
	}
	exact := c.exact(q.Expr)
	if len(exact) == 0 {
		return b
	}
	return bquery.NewBooleanQuery([]bquery.Query{b}, exact, nil)
}

// exact asks for words with accents as they are written. It ranks, it does not
// select.
func (c compiler) exact(e query.Expr) (out []bquery.Query) {
	seen := map[string]bool{}
	query.Walk(e, func(cl query.Clause) {
		if cl.Field != "text" && cl.Field != "title" {
			return
		}
		for _, v := range cl.Values {
			if v.Kind != query.Word && v.Kind != query.Phrase {
				continue
			}
			for _, lang := range query.Langs {
				scan(lang, v.Text, func(w word) {
					if w.exact == "" || seen[lang+w.exact] || len(out) >= 64 {
						return
					}
					seen[lang+w.exact] = true
					for _, field := range []string{"title", "text"} {
						t := bquery.NewTermQuery(exactMark + w.exact)
						t.SetField(keywordField(c.kind, query.TextIndex(field, lang)))
						t.SetBoost(boostExact)
						out = append(out, t)
					}
				})
			}
		}
	})
	return out
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
		q := bquery.NewMultiPhraseQuery(p.Phrase, keywordField(c.kind, p.Field))
		q.SetBoost(c.boost(p.Field))
		return q
	case query.OpPrefix:
		return c.set("prefix "+p.Terms[0], func(ctx context.Context) (docSet, error) {
			return c.prefix(ctx, keywordField(c.kind, p.Field), p.Terms[0])
		})
	case query.OpFuzzy:
		return c.set("fuzzy "+p.Terms[0], func(ctx context.Context) (docSet, error) {
			return c.fuzzy(ctx, keywordField(c.kind, p.Field), p.Terms[0])
		})
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
	case strings.HasSuffix(field, "_"+query.Plain):
		return boostPlain
	case strings.HasPrefix(field, "title_"):
		return boostTitle
	case field == "party" || strings.HasPrefix(field, "role_"):
		return boostVendor
	}
	return boostText
}

func (c compiler) terms(field string, terms []string) bquery.Query {
	any := make([]bquery.Query, len(terms))
	for i, term := range terms {
		t := bquery.NewTermQuery(term)
		t.SetField(keywordField(c.kind, field))
		t.SetBoost(c.boost(field))
		any[i] = t
	}
	if len(any) == 1 {
		return any[0]
	}
	return bquery.NewDisjunctionQuery(any)
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

// prefix finds the documents with a term that begins so.
func (c compiler) prefix(ctx context.Context, field, prefix string) (docSet, error) {
	return c.termsIn(ctx, field, prefix, func(string) bool { return true })
}

// fuzzy finds the documents with a term at most one typo away.
func (c compiler) fuzzy(ctx context.Context, field, want string) (docSet, error) {
	r := []rune(want)
	return c.termsIn(ctx, field, string(r[:min(len(r), query.FuzzyPrefix)]), func(t string) bool { return oneTypo(want, t) })
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

// termsIn joins the documents of all terms with a prefix that fit. It looks at the
// clock as it goes, which bleve's own term enumeration does not.
func (c compiler) termsIn(ctx context.Context, field, prefix string, fits func(string) bool) (docSet, error) {
	d := c.snap.newSet()
	end := []byte(prefix)
	for len(end) > 0 {
		if end[len(end)-1]++; end[len(end)-1] != 0 {
			break
		}
		end = end[:len(end)-1]
	}
	seen := 0
	for i, seg := range c.snap.segs {
		dict, err := seg.Segment().Dictionary(field)
		if err != nil {
			return nil, err
		}
		it := dict.AutomatonIterator(nil, []byte(prefix), end)
		var pl segment.PostingsList
		var pi segment.PostingsIterator
		for {
			if seen++; seen&0xff == 0 {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
			}
			if seen > maxTerms {
				return nil, badRequest("%q stands for more than %d words", prefix, maxTerms)
			}
			e, err := it.Next()
			if err != nil {
				return nil, err
			}
			if e == nil {
				break
			}
			if !fits(e.Term) {
				continue
			}
			if pl, err = dict.PostingsList([]byte(e.Term), seg.Deleted(), pl); err != nil {
				return nil, err
			}
			pi = pl.Iterator(false, false, false, pi)
			for {
				p, err := pi.Next()
				if err != nil {
					return nil, fmt.Errorf("read postings: %w", err)
				}
				if p == nil {
					break
				}
				d.add(c.snap.off[i] + p.Number())
			}
		}
	}
	return d, nil
}
