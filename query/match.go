package query

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Record is what one document holds, before analysis: the same for the index and
// for matching in memory. [DealRecord], [ArticleRecord] and [PriceRecord] make them.
type Record struct {
	ID       string
	Keywords map[string][]string    // by field of the index
	Numbers  map[string][]float64   // price and value: each bound that is known
	Dates    map[string][]time.Time // "date"
	Texts    []Text
}

// Text is one stretch of words; a phrase never runs from one into the next.
type Text struct {
	Field string // "title" or "text"
	Lang  string // one of [Langs]
	Value string
}

// Doc is an analysed [Record], ready for [Plan.Match]. It is read-only.
type Doc struct {
	ID       string
	keywords map[string][]string
	numbers  map[string][]float64
	dates    map[string][]time.Time
	text     map[string]map[string][]int32 // field, term, positions
	terms    *hashSet                      // every term of text and keywords, for Rules
}

// textGap keeps the positions of two stretches of one field apart.
const textGap = 10_000

// NewDoc analyses a record. It keeps the record's maps.
func NewDoc(r Record, a Analyzer) *Doc {
	d := &Doc{ID: r.ID, keywords: r.Keywords, numbers: r.Numbers, dates: r.Dates, text: map[string]map[string][]int32{}}
	next := map[string]int32{}
	for _, t := range r.Texts {
		field := TextIndex(t.Field, t.Lang)
		terms := d.field(field, len(t.Value)/8)
		base := next[field]
		for _, tok := range a(t.Lang, t.Value) {
			terms[tok.Term] = append(terms[tok.Term], base+int32(tok.Pos))
			next[field] = base + int32(tok.Pos) + textGap
		}
		plain := d.field(TextIndex(t.Field, Plain), len(t.Value)/8)
		for _, tok := range a(Plain, t.Value) {
			plain[tok.Term] = nil
		}
	}
	n := 0
	for _, terms := range d.text {
		n += len(terms)
	}
	for _, values := range d.keywords {
		n += len(values)
	}
	d.terms = newHashSet(n)
	for field, terms := range d.text {
		for t := range terms {
			d.terms.add(termHash(OpTerm, field, t))
		}
	}
	for field, values := range d.keywords {
		for _, v := range values {
			d.terms.add(termHash(OpTerm, field, v))
		}
	}
	return d
}

func (d *Doc) field(field string, n int) map[string][]int32 {
	m := d.text[field]
	if m == nil {
		m = make(map[string][]int32, n)
		d.text[field] = m
	}
	return m
}

// Match tells whether q holds for d at the time now. To ask the same query often,
// compile it once and use [Plan.Match].
func Match(q Query, d *Doc, a Analyzer, now time.Time) bool { return Compile(q, a).Match(d, now) }

// Match tells whether the plan holds for d at the time now.
func (p *Plan) Match(d *Doc, now time.Time) bool {
	switch p.Op {
	case OpAll:
		return true
	case OpAnd:
		for _, a := range p.Args {
			if !a.Match(d, now) {
				return false
			}
		}
		return true
	case OpOr:
		for _, a := range p.Args {
			if a.Match(d, now) {
				return true
			}
		}
		return false
	case OpNot:
		return !p.Args[0].Match(d, now)
	case OpTerm:
		if terms, ok := d.text[p.Field]; ok {
			for _, t := range p.Terms {
				if _, ok := terms[t]; ok {
					return true
				}
			}
			return false
		}
		for _, v := range d.keywords[p.Field] {
			if _, ok := slices.BinarySearch(p.Terms, v); ok {
				return true
			}
		}
		return false
	case OpPhrase:
		return p.phraseIn(d.text[p.Field])
	case OpPrefix:
		for t := range d.text[p.Field] {
			if strings.HasPrefix(t, p.Terms[0]) {
				return true
			}
		}
		return false
	case OpFuzzy:
		for t := range d.text[p.Field] {
			if oneTypo(p.Terms[0], t) {
				return true
			}
		}
		return false
	case OpNumber:
		for _, n := range d.numbers[p.Field] {
			if n > p.Lo && n < p.Hi || n == p.Lo && !p.LoOut && n <= p.Hi || n == p.Hi && !p.HiOut && n >= p.Lo {
				return true
			}
		}
		return false
	case OpDate:
		from, to := p.Dates(now)
		for _, t := range d.dates[p.Field] {
			if (from.IsZero() || !t.Before(from)) && (to.IsZero() || t.Before(to)) {
				return true
			}
		}
		return false
	case OpExists:
		return d.has(p.Field)
	}
	return false
}

func (d *Doc) has(field string) bool {
	return len(d.keywords[field]) > 0 || len(d.numbers[field]) > 0 || len(d.dates[field]) > 0 || len(d.text[field]) > 0
}

// phraseIn looks for the phrase at each place of its first word.
func (p *Plan) phraseIn(terms map[string][]int32) bool {
	for _, first := range p.Phrase[0] {
		for _, at := range terms[first] {
			ok := true
			for i := 1; i < len(p.Phrase) && ok; i++ {
				if p.Phrase[i] == nil {
					continue
				}
				ok = false
				for _, t := range p.Phrase[i] {
					if _, found := slices.BinarySearch(terms[t], at+int32(i)); found {
						ok = true
						break
					}
				}
			}
			if ok {
				return true
			}
		}
	}
	return false
}

// oneTypo tells whether t is want with at most one typo after its first
// [FuzzyPrefix] letters.
func oneTypo(want, t string) bool {
	if d := len(want) - len(t); d > utf8.UTFMax || d < -utf8.UTFMax {
		return false
	}
	head := 0
	for range FuzzyPrefix {
		_, n := utf8.DecodeRuneInString(want[head:])
		head += n
	}
	return strings.HasPrefix(t, want[:head]) && distance(want, t, 1) <= 1
}
