package query

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Token is a word of a text as the index keeps it. Pos counts from 1 and leaves
// a gap where a stop word was; several tokens may share a position, they are
// then different forms of one word.
type Token struct {
	Term string
	Pos  int
}

// Analyzer cuts a text into the tokens that the index keeps for a language: one
// of [Langs], or [Plain]. It must be the index's own analysis, else alerts and
// searches differ.
type Analyzer func(lang, text string) []Token

// Langs are the languages with an analysis of their own: stop words are dropped
// and words reduced to their stem.
var Langs = []string{"fr", "en"}

// Plain is the third analysis: lower case, accents and elisions dropped, nothing
// stemmed, no word left out. Every text is kept in it too, without positions,
// for prefixes and typos, which do not work on stems.
const Plain = "und"

// TextIndex names the field of the index that holds "title" or "text" in one of
// [Langs] or [Plain].
func TextIndex(field, lang string) string { return field + "_" + lang }

// Op is the kind of a [Plan] node.
type Op uint8

const (
	OpAll    Op = iota // every document
	OpNone             // no document
	OpAnd              // all Args; at least two
	OpOr               // one of Args; at least two
	OpNot              // not Args[0]
	OpTerm             // the field has one of Terms, exactly
	OpPhrase           // Field has, position after position, one of each of Phrase; nil is a gap
	OpPrefix           // the field has a term that begins with Terms[0]
	OpFuzzy            // the field has a term one typo from Terms[0]: see [FuzzyPrefix]
	OpNumber           // the field has a number between Lo and Hi
	OpDate             // the field has a time within Dates
	OpExists           // the field has any value
)

// FuzzyPrefix is how many first letters a typo leaves alone. One typo is a letter
// wrong, missing, added, or two neighbours swapped.
const FuzzyPrefix = 2

// Plan is a query in terms of the index: words are analysed, names resolved,
// defaults applied. It is read-only once compiled.
type Plan struct {
	Op     Op
	Args   []*Plan
	Field  string // of the index
	Terms  []string
	Phrase [][]string

	Lo, Hi       float64 // OpNumber; infinite when open
	LoOut, HiOut bool    // the bound itself is outside

	date Value // OpDate
	from string
	zone *time.Location
}

// Dates are the bounds of an OpDate node at the given moment: from inclusive, to
// exclusive, the zero time for an open end.
func (p *Plan) Dates(now time.Time) (from, to time.Time) {
	v := p.date
	a, b := v.From.Bounds(now, p.zone)
	switch {
	case p.from == "since", v.Op == ">=", v.Op == "" && p.from == "date" && v.From.Relative() && !v.From.Named:
		return a, time.Time{}
	case p.from == "until", v.Op == "<=":
		return time.Time{}, b
	case v.Op == ">":
		return b, time.Time{}
	case v.Op == "<":
		return time.Time{}, a
	case v.Op == "..":
		_, to := v.To.Bounds(now, p.zone)
		return a, to
	}
	return a, b
}

// Compile lowers q, with its defaults ([Query.Effective]), to a plan. A word that
// is a stop word in either language is left out, unless nothing else is asked
// for: "Nutanix et Arrow" must find English articles too.
func Compile(q Query, a Analyzer) *Plan {
	c := compiler{analyze: a, zone: q.Zone()}
	p := c.lower(q.Expr)
	if p == nil && q.Expr != nil {
		c.keepStops = true
		if p = c.lower(q.Expr); p == nil {
			return &Plan{Op: OpNone}
		}
	}
	if q.Expr != nil && mentions(q.Expr, "status") {
		return p
	}
	not := &Plan{Op: OpNot, Args: []*Plan{{Op: OpTerm, Field: "status", Terms: []string{"background"}}}}
	switch {
	case p == nil:
		return not
	case p.Op == OpAnd:
		return &Plan{Op: OpAnd, Args: append(slices.Clone(p.Args), not)}
	}
	return &Plan{Op: OpAnd, Args: []*Plan{p, not}}
}

type compiler struct {
	analyze   Analyzer
	zone      *time.Location
	keepStops bool
}

// lower returns nil for what is left out.
func (c *compiler) lower(e Expr) *Plan {
	switch x := e.(type) {
	case And:
		return c.join(OpAnd, x)
	case Or:
		return c.join(OpOr, x)
	case Not:
		if p := c.lower(x.X); p != nil {
			return &Plan{Op: OpNot, Args: []*Plan{p}}
		}
	case Clause:
		return c.clause(x)
	}
	return nil
}

func (c *compiler) join(op Op, parts []Expr) *Plan {
	var args []*Plan
	for _, x := range parts {
		if p := c.lower(x); p != nil {
			args = append(args, p)
		}
	}
	return join(op, args)
}

func join(op Op, args []*Plan) *Plan {
	switch len(args) {
	case 0:
		return nil
	case 1:
		return args[0]
	}
	return &Plan{Op: op, Args: args}
}

func (c *compiler) clause(cl Clause) *Plan {
	f := FieldRow(cl.Field)
	var args []*Plan
	var exact []string
	for _, v := range cl.Values {
		switch v.Kind {
		case Keyword, List:
			exact = append(exact, v.IDs...)
			continue
		}
		if p := c.value(f, v); p != nil {
			args = append(args, p)
		}
	}
	if exact != nil {
		if f.Name == "territory" {
			exact = within(exact)
		}
		slices.Sort(exact)
		args = append(args, &Plan{Op: OpTerm, Field: f.Index(), Terms: slices.Compact(exact)})
	}
	if args == nil && slices.ContainsFunc(cl.Values, func(v Value) bool { return v.Kind == List }) {
		return &Plan{Op: OpNone} // an empty list
	}
	return join(OpOr, args)
}

func (c *compiler) value(f Field, v Value) *Plan {
	switch v.Kind {
	case Any:
		return &Plan{Op: OpExists, Field: f.Index()}
	case Number:
		p := &Plan{Op: OpNumber, Field: f.Index(), Lo: v.Lo, Hi: v.Lo}
		switch v.Op {
		case "..":
			p.Hi = v.Hi
		case ">", ">=":
			p.Hi, p.LoOut = math.Inf(1), v.Op == ">"
		case "<", "<=":
			p.Lo, p.HiOut = math.Inf(-1), v.Op == "<"
		}
		return p
	case Date:
		return &Plan{Op: OpDate, Field: f.Index(), date: v, from: f.Name, zone: c.zone}
	}
	fields := []string{"title", "text"}
	if f.Name == "title" {
		fields = fields[:1]
	}
	switch v.Kind {
	case Prefix, Fuzzy:
		return c.plain(fields, v.Text, map[ValueKind]Op{Prefix: OpPrefix, Fuzzy: OpFuzzy}[v.Kind])
	}
	var args []*Plan
	for _, lang := range Langs {
		tokens := c.analyze(lang, v.Text)
		if len(tokens) == 0 {
			if v.Kind == Word && !c.keepStops && onlyLetters(v.Text) {
				return nil
			}
			return c.plain(fields, v.Text, OpTerm)
		}
		for _, name := range fields {
			args = append(args, sequence(TextIndex(name, lang), tokens))
		}
	}
	return join(OpOr, args)
}

// onlyLetters tells words from names like C++, whose analysis may be a stop word
// without being one.
func onlyLetters(s string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) && r != '\'' && r != '’' && r != ',' && r != '.' {
			return false
		}
	}
	return true
}

// sequence is a term, or a phrase when the tokens take several positions.
func sequence(field string, tokens []Token) *Plan {
	tokens = slices.Clone(tokens)
	slices.SortStableFunc(tokens, func(a, b Token) int { return a.Pos - b.Pos })
	first, last := tokens[0].Pos, tokens[len(tokens)-1].Pos
	if last-first > MaxBytes { // unreachable with an analyser that counts words
		return &Plan{Op: OpNone}
	}
	seq := make([][]string, last-first+1)
	for _, t := range tokens {
		if at := t.Pos - first; !slices.Contains(seq[at], t.Term) {
			seq[at] = append(seq[at], t.Term)
		}
	}
	if len(seq) == 1 {
		return &Plan{Op: OpTerm, Field: field, Terms: seq[0]}
	}
	return &Plan{Op: OpPhrase, Field: field, Phrase: seq}
}

// plain asks for all tokens of the plain analysis in one field, the last of them
// by op.
func (c *compiler) plain(fields []string, text string, op Op) *Plan {
	tokens := c.analyze(Plain, text)
	if len(tokens) == 0 {
		return nil
	}
	var args []*Plan
	for _, name := range fields {
		field := TextIndex(name, Plain)
		var all []*Plan
		for i, t := range tokens {
			p := &Plan{Op: OpTerm, Field: field, Terms: []string{t.Term}}
			if i == len(tokens)-1 && utf8.RuneCountInString(t.Term) >= MinPrefix {
				p.Op = op
			}
			all = append(all, p)
		}
		args = append(args, join(OpAnd, all))
	}
	return join(OpOr, args)
}

// Relative tells whether what the plan matches depends on the time of asking.
func (p *Plan) Relative() bool {
	if p.Op == OpDate && (p.date.From.Relative() || p.date.To.Relative()) {
		return true
	}
	return slices.ContainsFunc(p.Args, (*Plan).Relative)
}

// String prints the plan for explanations and tests.
func (p *Plan) String() string {
	switch p.Op {
	case OpAll:
		return "all"
	case OpNone:
		return "none"
	case OpAnd, OpOr, OpNot:
		name := map[Op]string{OpAnd: "and", OpOr: "or", OpNot: "not"}[p.Op]
		parts := make([]string, len(p.Args))
		for i, a := range p.Args {
			parts[i] = a.String()
		}
		return "(" + name + " " + strings.Join(parts, " ") + ")"
	case OpPhrase:
		parts := make([]string, len(p.Phrase))
		for i, alt := range p.Phrase {
			if parts[i] = strings.Join(alt, "|"); alt == nil {
				parts[i] = "_"
			}
		}
		return p.Field + `:"` + strings.Join(parts, " ") + `"`
	case OpPrefix:
		return p.Field + ":" + p.Terms[0] + "*"
	case OpFuzzy:
		return p.Field + ":" + p.Terms[0] + "~"
	case OpNumber:
		open, end := "[", "]"
		if p.LoOut || math.IsInf(p.Lo, 0) {
			open = "("
		}
		if p.HiOut || math.IsInf(p.Hi, 0) {
			end = ")"
		}
		return fmt.Sprintf("%s:%s%g,%g%s", p.Field, open, p.Lo, p.Hi, end)
	case OpDate:
		return p.from + ":" + p.date.print(p.from)
	case OpExists:
		return p.Field + ":*"
	}
	return p.Field + ":" + strings.Join(p.Terms, "|")
}
