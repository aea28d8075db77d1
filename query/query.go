// Package query is the one language of veille: searches, alert rules, feeds,
// exports and dashboards are all strings of it.
//
// [Parse] turns what a person typed into a [Query]: a tree of clauses with the
// sort and group settings lifted out, a canonical printed form ([Query.String],
// which parses back to the same query for ever) and a plain-words echo
// ([Query.Words]). What cannot be read is a [*SyntaxError] with a code, a
// position in code points and a fix, in French and in English.
//
// [Compile] lowers a query to a [Plan] of primitive tests over index fields, with
// the words already analysed. The search index translates the plan leaf by leaf;
// [Plan.Match] evaluates the same plan on a [Doc] in memory, and [Rules] does so
// for many saved queries at once. [DealRecord], [ArticleRecord] and [PriceRecord]
// say what a document holds, for both. [Complete] proposes what may be typed next.
//
// The package reads no index and knows no analyser of its own: words are cut by
// the [Analyzer] it is given, which must be the index's.
package query

import (
	"strings"
	"time"

	"example.org/veille/schemas"
)

// Limits of a query. A longer, deeper or wider one is refused by [Parse].
const (
	MaxBytes   = 2048 // of the string as typed, and of its canonical form
	MaxDepth   = 5    // nested parentheses
	MaxClauses = 50   // values, counted one by one
	MinPrefix  = 3    // letters before the * of a prefix or the ~ of a fuzzy word
)

// Query is a parsed query.
type Query struct {
	Input string   // as typed
	Expr  Expr     // nil means everything
	Sort  string   // one of the values of the field sort, or ""
	Group []string // values of the field group
	Hints []Hint   // things the reader should know although the query is valid

	now     time.Time // when it was parsed, for the echo only
	zone    *time.Location
	resolve func(string) []schemas.VendorRef // for edits
}

// Zone is the time zone in which the days of the query begin and end.
func (q Query) Zone() *time.Location {
	if q.zone == nil {
		return time.UTC
	}
	return q.zone
}

// Expr is a node of the tree: [And], [Or], [Not] or [Clause]. Parse never nests
// an And in an And nor an Or in an Or, nor a Not in a Not.
type Expr interface {
	String() string
	expr()
}

// And holds when all parts hold; it has at least two.
type And []Expr

// Or holds when one part holds; it has at least two.
type Or []Expr

// Not holds when X does not.
type Not struct{ X Expr }

// Clause holds when the field has one of the values.
type Clause struct {
	Field  string // canonical name, see [Fields]
	Values []Value
}

func (And) expr()    {}
func (Or) expr()     {}
func (Not) expr()    {}
func (Clause) expr() {}

// ValueKind tells which part of a [Value] is in use.
type ValueKind uint8

const (
	Word    ValueKind = iota // Text, one word, to be analysed
	Phrase                   // Text, words in this order
	Prefix                   // Text, the beginning of a word
	Fuzzy                    // Text, a word with at most one typo
	Keyword                  // IDs, exact values of the index
	List                     // Text, the name of a list; IDs, its members
	Number                   // Op, Lo, Hi
	Date                     // Op, From, To
	Any                      // the field has any value at all
)

// Value is one value of a clause.
type Value struct {
	Kind ValueKind
	Text string   // the canonical spelling, without quotation marks, * or ~
	Name string   // how people write it, for the echo: "Nutanix"
	IDs  []string // exact values; one, or the members of a list

	// Op is how a number or date bounds: "" (exactly, or within the named day,
	// month or year), ".." (both bounds, inclusive), ">", ">=", "<", "<=".
	Op       string
	Lo, Hi   float64  // "" and the four signs use Lo; ".." both
	From, To DateSpec // likewise
}

// String is the canonical form. It parses to the same query again.
func (q Query) String() string {
	var parts []string
	if q.Expr != nil {
		s := q.Expr.String()
		if _, or := q.Expr.(Or); or && (q.Sort != "" || len(q.Group) > 0) {
			s = "(" + s + ")"
		}
		parts = append(parts, s)
	}
	if len(q.Group) > 0 {
		parts = append(parts, "group:"+strings.Join(q.Group, ","))
	}
	if q.Sort != "" {
		parts = append(parts, "sort:"+q.Sort)
	}
	return strings.Join(parts, " ")
}

func (a And) String() string {
	parts := make([]string, len(a))
	for i, x := range a {
		parts[i] = x.String()
		if _, or := x.(Or); or {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, " ")
}

func (o Or) String() string {
	parts := make([]string, len(o))
	for i, x := range o {
		parts[i] = x.String()
	}
	return strings.Join(parts, " OR ")
}

func (n Not) String() string {
	switch n.X.(type) {
	case And, Or:
		return "-(" + n.X.String() + ")"
	}
	return "-" + n.X.String()
}

func (c Clause) String() string {
	vals := make([]string, len(c.Values))
	for i, v := range c.Values {
		vals[i] = v.print(c.Field)
	}
	if c.Field == "text" && len(vals) == 1 && bareSafe(c.Values[0], vals[0]) {
		return vals[0]
	}
	return c.Field + ":" + strings.Join(vals, ",")
}

// bareSafe tells whether a value of the field text reads the same without the
// field's name: the word OR, -x or a:b does not.
func bareSafe(v Value, printed string) bool {
	if v.Kind == Phrase {
		return true
	}
	if operator(v.Text) != "" || strings.HasPrefix(printed, "-") || strings.HasPrefix(printed, "−") {
		return false
	}
	name, _, colon := splitField(v.Text)
	return !(colon && name != "") && !strings.HasPrefix(v.Text, ":") && !isURL(v.Text)
}

func (v Value) print(field string) string {
	switch v.Kind {
	case Any:
		return "*"
	case List:
		return "@" + v.Text
	case Phrase:
		return quote(v.Text)
	case Prefix:
		return v.Text + "*"
	case Fuzzy:
		return v.Text + "~"
	case Number:
		return printRange(v.Op, formatNumber(v.Lo), formatNumber(v.Hi))
	case Date:
		return printRange(v.Op, v.From.String(), v.To.String())
	case Keyword:
		if field == "url" || !plainValue(v.Text) {
			return quote(v.Text)
		}
	}
	return v.Text
}

func printRange(op, a, b string) string {
	if op == ".." {
		return a + ".." + b
	}
	return op + a
}

// quote puts s between marks it does not contain. Parse makes sure there are.
func quote(s string) string {
	if strings.ContainsAny(s, `"“”`) {
		return "«" + s + "»"
	}
	return `"` + s + `"`
}

// plainValue tells whether a keyword can be written without quotation marks.
func plainValue(s string) bool {
	if s == "" || s == "*" || strings.ContainsAny(s, `,()"«»“”*`) || s[0] == '@' || s[0] == '<' || s[0] == '>' {
		return false
	}
	for _, r := range s {
		if blank(r) {
			return false
		}
	}
	return true
}

// Effective is the query that is run: deals that are only mentioned as
// background are left out unless the query speaks of the field status itself.
// [Compile] applies the same default; this is for showing it.
func (q Query) Effective() Query {
	if mentions(q.Expr, "status") {
		return q
	}
	no := Not{Clause{Field: "status", Values: []Value{{Kind: Keyword, Text: "background", Name: "background", IDs: []string{"background"}}}}}
	switch x := q.Expr.(type) {
	case nil:
		q.Expr = no
	case And:
		q.Expr = append(append(And{}, x...), no)
	default:
		q.Expr = And{x, no}
	}
	return q
}

func mentions(e Expr, field string) bool {
	found := false
	Walk(e, func(c Clause) { found = found || c.Field == field })
	return found
}

// Walk calls f for every clause of e, from left to right.
func Walk(e Expr, f func(Clause)) {
	switch x := e.(type) {
	case And:
		for _, y := range x {
			Walk(y, f)
		}
	case Or:
		for _, y := range x {
			Walk(y, f)
		}
	case Not:
		Walk(x.X, f)
	case Clause:
		f(x)
	}
}

// Options are what Parse needs to know of the world. The zero value works: no
// vendor is known then, so every name stands for its own slug.
type Options struct {
	Now  time.Time      // for the echo of relative dates; time.Now if zero
	Zone *time.Location // where days begin; Europe/Paris if nil

	// Resolve returns the vendors a name, alias or id may mean: none, one, or
	// several when it is ambiguous. It must know its own ids. Nil: names are
	// taken for ids.
	Resolve func(name string) []schemas.VendorRef
	// Nearest returns vendors spelt like name, for suggestions. May be nil.
	Nearest func(name string) []schemas.VendorRef

	Lists   map[string][]schemas.VendorRef // named lists of vendors, for vendor:@name
	Sources []string                       // slugs of the feeds; nil: any slug is accepted
}
