package query

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"example.org/veille/schemas"
	"golang.org/x/text/unicode/norm"
)

// Parse reads a query. The error, if any, is a [*SyntaxError].
//
//	query  = or ;            or  = and { ("OR"|"OU") and } ;
//	and    = unary { ["AND"|"ET"] unary } ;
//	unary  = ("NOT"|"SAUF"|"-") unary | "(" or ")" | field | phrase | word ["*"|"~"] ;
//	field  = name ":" value { "," value } ;
//
// One token of look-ahead is enough. The empty query is valid and means everything.
func Parse(s string, opt Options) (Query, error) {
	if opt.Now.IsZero() {
		opt.Now = time.Now()
	}
	if opt.Zone == nil {
		opt.Zone = paris()
	}
	q := Query{Input: s, now: opt.Now, zone: opt.Zone, resolve: opt.Resolve}
	if len(s) > MaxBytes {
		return q, tooLong(s)
	}
	p := &parser{in: []rune(strings.ToValidUTF8(s, "\uFFFD")), opt: opt}
	e, err := p.or()
	if err != nil {
		return q, err
	}
	if t := p.peek(); t.kind == rparen {
		return q, fault(UnbalancedParen, t.start, 1, "cette parenthèse ne ferme rien", "this parenthesis closes nothing", "")
	}
	q.Expr, q.Sort, q.Group, q.Hints = e, p.sort, p.group, p.hints
	if len(q.String()) > MaxBytes {
		q.Expr, q.Sort, q.Group, q.Hints = nil, "", nil, nil
		return q, tooLong(s)
	}
	return q, nil
}

func tooLong(s string) *SyntaxError {
	return fault(TooLong, 0, len([]rune(s)),
		fmt.Sprintf("la requête dépasse %d octets", MaxBytes), fmt.Sprintf("the query is over %d bytes", MaxBytes))
}

// paris is where days begin unless told otherwise: reading the zone takes longer
// than parsing a query.
var paris = sync.OnceValue(func() *time.Location {
	if z, err := time.LoadLocation("Europe/Paris"); err == nil {
		return z
	}
	return time.UTC // only where no zone data is installed or embedded
})

func fault(code string, pos, n int, fr, en string, suggestions ...string) *SyntaxError {
	return &SyntaxError{Code: code, Pos: pos, Len: n, FR: fr, EN: en, Suggestions: suggestions}
}

type tokenKind uint8

const (
	eof tokenKind = iota
	lparen
	rparen
	phrase
	word
	field // name and colon; the values follow
	andOp
	orOp
	notOp // NOT, SAUF or -
)

// token is a piece of the input; start and end are code points.
type token struct {
	kind       tokenKind
	start, end int
	text       string
	open       bool // a phrase that is never closed
}

type parser struct {
	in      []rune
	pos     int
	ahead   *token
	last    token // consumed before the current one
	opt     Options
	depth   int
	negated int
	clauses int
	hints   []Hint
	sort    string
	group   []string
}

// blank tells whether r separates words. Controls and the invisible characters
// that pasting brings along count as blanks.
func blank(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r >= '\u200b' && r <= '\u200f' || r == '\u2060' || r == '\ufeff' || r >= '\u202a' && r <= '\u202e'
}

var closing = map[rune]string{'"': `"“”`, '“': `"“”`, '”': `"“”`, '«': "»"}

func opensPhrase(r rune) bool { return closing[r] != "" }

// stops tells whether r ends a word.
func stops(r rune) bool {
	return blank(r) || r == '(' || r == ')' || r == '»' || opensPhrase(r)
}

func operator(s string) string {
	switch s {
	case "AND", "ET":
		return "AND"
	case "OR", "OU":
		return "OR"
	case "NOT", "SAUF":
		return "NOT"
	}
	return ""
}

func isURL(s string) bool {
	rest, ok := strings.CutPrefix(fold(s), "http")
	return ok && (strings.HasPrefix(rest, "://") || strings.HasPrefix(rest, "s://"))
}

// splitField cuts name:rest. A word whose part before the colon is not made of
// letters, such as 12:30, is no field.
func splitField(s string) (name, rest string, ok bool) {
	name, rest, ok = strings.Cut(s, ":")
	if !ok || strings.HasPrefix(rest, "//") {
		return "", "", false
	}
	letter := false
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) && r != '_' && r != '-' && r != '\'' && r != '’' {
			return "", "", false
		}
		letter = letter || unicode.IsLetter(r)
	}
	return name, rest, letter
}

// peek reads the token at the current position without consuming it.
func (p *parser) peek() token {
	if p.ahead != nil {
		return *p.ahead
	}
	for p.pos < len(p.in) && blank(p.in[p.pos]) {
		p.pos++
	}
	t := p.lex()
	p.ahead = &t
	return t
}

func (p *parser) next() token {
	t := p.peek()
	p.pos, p.ahead = t.end, nil
	return t
}

// urlEnd finds the end of an address: it may hold commas, and parentheses in pairs.
func (p *parser) urlEnd(at int) int {
	open := 0
	for ; at < len(p.in); at++ {
		switch r := p.in[at]; {
		case r == '(':
			open++
		case r == ')' && open > 0:
			open--
		case stops(r):
			return at
		}
	}
	return at
}

func (p *parser) lex() token {
	at := p.pos
	if at >= len(p.in) {
		return token{kind: eof, start: at, end: at}
	}
	one := func(k tokenKind) token { return token{kind: k, start: at, end: at + 1, text: string(p.in[at])} }
	switch r := p.in[at]; {
	case r == '(':
		return one(lparen)
	case r == ')':
		return one(rparen)
	case opensPhrase(r):
		return p.lexPhrase(at)
	case r == '»':
		return one(word) // refused by operand: nothing was opened
	case (r == '-' || r == '−') && (at+1 == len(p.in) || !blank(p.in[at+1])):
		return one(notOp)
	}
	end := at
	for end < len(p.in) && !stops(p.in[end]) {
		end++
	}
	s := norm.NFC.String(string(p.in[at:end]))
	if isURL(s) {
		end = p.urlEnd(at)
		return token{kind: word, start: at, end: end, text: norm.NFC.String(p.slice(at, end))}
	}
	switch operator(s) {
	case "AND":
		return token{kind: andOp, start: at, end: end, text: s}
	case "OR":
		return token{kind: orOp, start: at, end: end, text: s}
	case "NOT":
		return token{kind: notOp, start: at, end: end, text: s}
	}
	if name, _, ok := splitField(s); ok {
		colon := at + slices.Index(p.in[at:end], ':')
		return token{kind: field, start: at, end: colon + 1, text: name}
	}
	return token{kind: word, start: at, end: end, text: s}
}

func (p *parser) lexPhrase(at int) token {
	end := at + 1
	closers := closing[p.in[at]]
	for end < len(p.in) && !strings.ContainsRune(closers, p.in[end]) {
		end++
	}
	t := token{kind: phrase, start: at, end: end, text: tidy(p.in[at+1 : end]), open: end == len(p.in)}
	if !t.open {
		t.end++
	}
	return t
}

// tidy trims a phrase and joins its words with single blanks.
func tidy(r []rune) string {
	return norm.NFC.String(strings.Join(strings.FieldsFunc(string(r), blank), " "))
}

func (p *parser) slice(from, to int) string { return string(p.in[from:to]) }

// or returns nil when there is nothing to search for.
func (p *parser) or() (Expr, error) {
	var branches Or
	var op token // the OR before the branch
	for {
		e, err := p.and()
		if err != nil {
			return nil, err
		}
		t := p.peek()
		if e == nil && (op.text != "" || t.kind == orOp) {
			if op.text == "" {
				op = t
			}
			return nil, dangling(op)
		}
		switch x := e.(type) {
		case nil:
		case Or:
			branches = append(branches, x...)
		default:
			branches = append(branches, x)
		}
		if t.kind != orOp {
			break
		}
		op = p.next()
	}
	switch len(branches) {
	case 0:
		return nil, nil
	case 1:
		return branches[0], nil
	}
	return branches, nil
}

func dangling(t token) *SyntaxError {
	return fault(DanglingOperator, t.start, t.end-t.start,
		fmt.Sprintf("%s relie deux termes, il en manque un", t.text), fmt.Sprintf("%s needs a term on each side", t.text), "", quote(t.text))
}

func (p *parser) and() (Expr, error) {
	var parts And
	var op *token   // the AND before the next part
	var lower *Hint // "or" in small letters, waiting for a right-hand side
	sawAny := false // a term stood here, even one that was lifted out
	for {
		t := p.peek()
		switch t.kind {
		case eof, rparen, orOp:
			if op != nil {
				return nil, dangling(*op)
			}
			switch len(parts) {
			case 0:
				return nil, nil
			case 1:
				return parts[0], nil
			}
			return parts, nil
		case andOp:
			if op != nil || !sawAny {
				return nil, dangling(t)
			}
			p.next()
			op = &t
			continue
		}
		first := !sawAny
		e, err := p.unary()
		if err != nil {
			return nil, err
		}
		op, sawAny = nil, true
		if lower != nil {
			p.hints = append(p.hints, *lower)
			lower = nil
		}
		if !first && t.kind == word {
			lower = lowerOperator(t)
		}
		switch x := e.(type) {
		case nil: // a setting or a symbol
		case And:
			parts = append(parts, x...)
		default:
			parts = append(parts, x)
		}
	}
}

func lowerOperator(t token) *Hint {
	up := ""
	switch t.text {
	case "or", "ou":
		up = "OR"
	case "not", "sauf":
		up = "NOT"
	default:
		return nil
	}
	return fault(LowerCaseOperator, t.start, t.end-t.start,
		fmt.Sprintf("« %s » est cherché comme un mot ; pour l’opérateur, écrivez %s", t.text, map[string]string{"OR": "OU", "NOT": "SAUF"}[up]),
		fmt.Sprintf("%q is searched as a word; for the operator, write %s", t.text, up), up)
}

// unary returns nil for what was understood but is no clause.
func (p *parser) unary() (Expr, error) {
	var not token
	nots := 0
	for p.peek().kind == notOp {
		t := p.next()
		if nots == 0 {
			not = t
		}
		nots++
	}
	t := p.peek()
	if nots > 0 && (t.kind == eof || t.kind == rparen || t.kind == orOp || t.kind == andOp) {
		return nil, fault(DanglingOperator, not.start, not.end-not.start,
			fmt.Sprintf("%s doit être suivi d’un terme", not.text), fmt.Sprintf("%s needs a term after it", not.text), "")
	}
	p.negated += nots
	e, err := p.operand()
	p.negated -= nots
	if err != nil || nots%2 == 0 {
		return e, err
	}
	switch x := e.(type) {
	case nil:
		return nil, nil
	case Not:
		return x.X, nil
	default:
		return Not{x}, nil
	}
}

func (p *parser) operand() (Expr, error) {
	t, before := p.next(), p.last
	p.last = t
	switch t.kind {
	case lparen:
		return p.parens(t)
	case phrase:
		v, err := p.phraseValue(t)
		if err != nil {
			return nil, err
		}
		return p.clause("text", t, v)
	case field:
		return p.field(t)
	}
	if t.text == "»" {
		return nil, fault(UnterminatedPhrase, t.start, 1, "ce guillemet ne ferme rien", "this quotation mark closes nothing", "")
	}
	if rest, ok := strings.CutPrefix(t.text, ":"); ok {
		err := fault(UnknownField, t.start, t.end-t.start,
			"il manque le nom du champ, sans espace devant les deux-points", "the name of the field is missing; no blank before the colon", rest)
		if f, ok := FieldByName(before.text); ok && before.kind == word {
			err.Pos, err.Len = before.start, t.end-before.start
			err.Suggestions = []string{f.Name + ":" + rest}
		}
		return nil, err
	}
	if isURL(t.text) {
		v, err := p.slug(FieldRow("url"), t.text, t)
		if err != nil {
			return nil, err
		}
		return p.clause("url", t, v)
	}
	if t.text == "*" {
		if p.negated > 0 {
			return nil, fault(MisplacedWildcard, t.start, 1, "on ne peut pas tout exclure", "everything cannot be left out")
		}
		return nil, nil // everything
	}
	if strings.Trim(t.text, ",") == "" {
		return nil, fault(StrayComma, t.start, t.end-t.start, "une virgule sépare deux valeurs d’un champ", "a comma separates two values of a field", "")
	}
	if !strings.ContainsFunc(t.text, letterOrDigit) && !strings.ContainsAny(t.text, "*") {
		h := fault(IgnoredSymbol, t.start, t.end-t.start,
			fmt.Sprintf("« %s » n’est pas cherché", t.text), fmt.Sprintf("%q is not searched for", t.text))
		switch t.text {
		case "|", "||":
			h.Suggestions = []string{"OR"}
		case "&", "&&", "+":
			h.Suggestions = []string{"AND"}
		}
		p.hints = append(p.hints, *h)
		return nil, nil
	}
	v, err := p.wordValue(t)
	if err != nil {
		return nil, err
	}
	return p.clause("text", t, v)
}

func letterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

func (p *parser) parens(open token) (Expr, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > MaxDepth {
		return nil, fault(TooDeep, open.start, 1,
			fmt.Sprintf("plus de %d parenthèses emboîtées", MaxDepth), fmt.Sprintf("more than %d nested parentheses", MaxDepth))
	}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	t := p.next()
	switch {
	case t.kind != rparen:
		return nil, fault(UnbalancedParen, open.start, t.start-open.start,
			"la parenthèse ouverte ici n’est jamais fermée", "the parenthesis opened here is never closed",
			strings.TrimSpace(p.slice(open.start, t.start))+")")
	case e == nil:
		return nil, fault(EmptyGroup, open.start, t.end-open.start, "les parenthèses sont vides", "the parentheses are empty", "")
	}
	return e, nil
}

// clause counts the values and makes the node.
func (p *parser) clause(name string, t token, vals ...Value) (Expr, error) {
	if p.clauses += len(vals); p.clauses > MaxClauses {
		return nil, fault(TooManyClauses, t.start, t.end-t.start,
			fmt.Sprintf("plus de %d termes ; une @liste n’en compte qu’un", MaxClauses), fmt.Sprintf("more than %d terms; a @list counts as one", MaxClauses))
	}
	return Clause{Field: name, Values: vals}, nil
}

func (p *parser) phraseValue(t token) (Value, error) {
	if t.open {
		text := strings.TrimRightFunc(p.slice(t.start, t.end), blank)
		end := map[rune]string{'«': " »", '“': "”", '”': "”", '"': `"`}[p.in[t.start]]
		return Value{}, fault(UnterminatedPhrase, t.start, t.end-t.start,
			"le guillemet ouvert ici n’est jamais fermé", "the quotation mark opened here is never closed", text+end)
	}
	if !strings.ContainsFunc(t.text, letterOrDigit) {
		return Value{}, fault(EmptyGroup, t.start, t.end-t.start, "les guillemets sont vides", "the quotation marks are empty", "")
	}
	return Value{Kind: Phrase, Text: t.text}, nil
}

// wordValue reads word, word* or word~.
func (p *parser) wordValue(t token) (Value, error) {
	s, kind := t.text, Word
	if body, ok := strings.CutSuffix(s, "*"); ok {
		s, kind = body, Prefix
	} else if body, ok := strings.CutSuffix(strings.TrimSuffix(s, "1"), "~"); ok && body != "" {
		s, kind = body, Fuzzy
	}
	n := t.end - t.start
	if body, typos, ok := strings.Cut(s, "~"); ok && kind == Word && strings.Trim(typos, "0123456789") == "" {
		err := fault(MisplacedWildcard, t.start, n, "une seule faute est admise, et par mot : mot~", "one typo is allowed, and in a word: word~")
		if body != "" {
			err.Suggestions = []string{body + "~"}
		} else {
			err.Suggestions = []string{""}
		}
		return Value{}, err
	}
	if star := strings.IndexByte(s, '*'); star >= 0 {
		bare := strings.ReplaceAll(s, "*", "")
		if star > 0 {
			return Value{}, fault(MisplacedWildcard, t.start, n, "l’astérisque ne peut que finir un mot", "a wildcard can only end a word", s[:star]+"*")
		}
		return Value{}, fault(LeadingWildcard, t.start, n, "un mot ne peut pas commencer par un astérisque", "a word cannot begin with a wildcard", bare+"*")
	}
	if kind == Word {
		return Value{Kind: Word, Text: s}, nil
	}
	// The last run of letters is what the wildcard extends: l'éd* begins with éd.
	run := 0
	for _, r := range s {
		if letterOrDigit(r) {
			run++
		} else if !unicode.Is(unicode.Mn, r) {
			run = 0
		}
	}
	switch {
	case s == "" && kind == Prefix, !strings.ContainsFunc(s, letterOrDigit):
		return Value{}, fault(LeadingWildcard, t.start, n, "un mot ne peut pas commencer par un astérisque", "a word cannot begin with a wildcard")
	case run < MinPrefix:
		return Value{}, fault(ShortPrefix, t.start, n,
			fmt.Sprintf("il faut au moins %d lettres avant * ou ~", MinPrefix), fmt.Sprintf("at least %d letters are needed before * or ~", MinPrefix), s)
	}
	return Value{Kind: kind, Text: s}, nil
}

func (p *parser) field(t token) (Expr, error) {
	f, ok := FieldByName(t.text)
	if !ok {
		return nil, p.unknownField(t)
	}
	at := t.end
	if p.at(at) == '(' {
		return nil, p.listFix(f, t)
	}
	if at == len(p.in) || blank(p.in[at]) || p.in[at] == ')' {
		err := fault(MissingValue, t.start, t.end-t.start,
			fmt.Sprintf("%s: attend une valeur après les deux-points", t.text), fmt.Sprintf("%s: needs a value after the colon", t.text))
		if nx := p.peek(); nx.kind == word && nx.text != "" && strings.ContainsFunc(nx.text, letterOrDigit) {
			err.Len = nx.end - t.start
			err.Suggestions = []string{t.text + ":" + nx.text}
		} else if f.Kind != TextField && f.Kind != DateField && f.Kind != SettingField {
			err.Suggestions = []string{t.text + ":*"}
		}
		return nil, err
	}
	var vals []Value
	var raws []token
	for {
		raw, err := p.rawValue(f, at)
		if err != nil {
			return nil, err
		}
		v, err := p.value(f, raw, t)
		if err != nil {
			return nil, err
		}
		vals, raws = append(vals, v), append(raws, raw)
		at = raw.end
		if p.at(at) != ',' {
			break
		}
		at++
		if r := p.at(at); r == 0 || blank(r) || r == ')' || r == ',' || r == '(' {
			return nil, p.strayComma(at - 1)
		}
	}
	p.pos, p.ahead = at, nil
	whole := token{start: t.start, end: at}
	if f.Kind == SettingField {
		return nil, p.setting(f, whole, vals)
	}
	if f.Kind == NumberField && len(vals) == 2 && vals[0].Op == "" && vals[1].Op == "" {
		p.hints = append(p.hints, *fault(DecimalComma, raws[0].start, raws[1].end-raws[0].start,
			"la virgule sépare deux valeurs ; le signe décimal est le point", "the comma separates two values; the decimal sign is the point",
			raws[0].text+"."+raws[1].text))
	}
	return p.clause(f.Name, whole, vals...)
}

// at is the code point at i, or 0 at the end.
func (p *parser) at(i int) rune {
	if i >= len(p.in) {
		return 0
	}
	return p.in[i]
}

// rawValue cuts out one value: a phrase or what goes up to a comma or blank.
func (p *parser) rawValue(f Field, at int) (token, error) {
	if opensPhrase(p.at(at)) {
		t := p.lexPhrase(at)
		_, err := p.phraseValue(t)
		return t, err
	}
	end := at
	for end < len(p.in) && !stops(p.in[end]) && p.in[end] != ',' {
		end++
	}
	if f.Name == "url" {
		end = p.urlEnd(at)
	}
	if end == at {
		if p.at(at) == ',' {
			return token{}, p.strayComma(at)
		}
		return token{}, fault(MissingValue, at, 1, "une valeur est attendue ici", "a value is expected here")
	}
	return token{kind: word, start: at, end: end, text: norm.NFC.String(p.slice(at, end))}, nil
}

func (p *parser) strayComma(at int) *SyntaxError {
	end := at + 1
	for end < len(p.in) && (blank(p.in[end]) || p.in[end] == ',') {
		end++
	}
	fix := ","
	if end == len(p.in) || p.in[end] == ')' {
		fix = ""
	}
	if at > 0 && p.in[at-1] == ':' {
		fix = ""
	}
	return fault(StrayComma, at, end-at, "la virgule doit être suivie aussitôt d’une valeur", "the comma must be followed by a value, without a blank", fix)
}

// unknownField proposes the nearest name, or the word in quotation marks.
func (p *parser) unknownField(t token) *SyntaxError {
	err := fault(UnknownField, t.start, t.end-t.start,
		fmt.Sprintf("il n’y a pas de champ « %s »", t.text), fmt.Sprintf("there is no field %q", t.text))
	for _, n := range nearest(t.text, fieldNames(), 3) {
		f, _ := FieldByName(n)
		if s := f.Name + ":"; !slices.Contains(err.Suggestions, s) {
			err.Suggestions = append(err.Suggestions, s)
		}
	}
	if err.Suggestions == nil {
		end := t.end
		for end < len(p.in) && !stops(p.in[end]) {
			end++
		}
		err.Len = end - t.start
		err.Suggestions = []string{quote(p.slice(t.start, end))}
	}
	return err
}

// listFix answers vendor:(a OR b) with vendor:a,b.
func (p *parser) listFix(f Field, t token) *SyntaxError {
	err := fault(MissingValue, t.start, t.end-t.start+1,
		fmt.Sprintf("après %s: les valeurs se séparent par des virgules, sans parenthèses", t.text),
		fmt.Sprintf("after %s: values are separated by commas, without parentheses", t.text))
	end := t.end
	for end < len(p.in) && p.in[end] != ')' {
		end++
	}
	if end == len(p.in) {
		return err
	}
	var vals []string
	for _, w := range strings.FieldsFunc(p.slice(t.end+1, end), func(r rune) bool { return blank(r) || r == ',' }) {
		if operator(w) == "" {
			vals = append(vals, w)
		}
	}
	if len(vals) > 0 {
		err.Len = end + 1 - t.start
		err.Suggestions = []string{f.Name + ":" + strings.Join(vals, ",")}
	}
	return err
}

func (p *parser) setting(f Field, t token, vals []Value) error {
	again := f.Name == "sort" && p.sort != "" || f.Name == "group" && p.group != nil
	if p.depth > 0 || p.negated > 0 || again || f.Name == "sort" && len(vals) > 1 || len(vals) > 3 {
		return fault(MisplacedSetting, t.start, t.end-t.start,
			f.Name+": vaut pour toute la requête et s’écrit une fois, hors des parenthèses", f.Name+": holds for the whole query; write it once, outside parentheses", "")
	}
	for _, v := range vals {
		if f.Name == "sort" {
			p.sort = v.Text
		} else if !slices.Contains(p.group, v.Text) {
			p.group = append(p.group, v.Text)
		}
	}
	return nil
}

// value reads one raw value as the field wants it. name is the field's token.
func (p *parser) value(f Field, raw, name token) (Value, error) {
	s := raw.text
	if raw.kind == word && s == "*" {
		switch f.Kind {
		case VendorField, EnumField, SlugField, NumberField:
			return Value{Kind: Any}, nil
		}
		return Value{}, fault(MisplacedWildcard, raw.start, 1, f.Name+": attend une valeur", f.Name+": needs a value")
	}
	switch f.Kind {
	case TextField:
		if raw.kind == phrase {
			return p.phraseValue(raw)
		}
		if !strings.ContainsFunc(s, letterOrDigit) && !strings.Contains(s, "*") {
			return Value{}, fault(MissingValue, raw.start, raw.end-raw.start, f.Name+": attend un mot", f.Name+": needs a word")
		}
		return p.wordValue(raw)
	case NumberField:
		return p.number(f, raw)
	case DateField:
		return p.date(f, raw)
	case EnumField, SettingField:
		return p.enum(f, raw)
	case SlugField:
		return p.slug(f, s, raw)
	}
	if list, ok := strings.CutPrefix(s, "@"); ok && raw.kind == word && f.Name != "pair" {
		return p.list(list, raw)
	}
	if strings.Contains(s, "*") {
		return Value{}, fault(MisplacedWildcard, raw.start, raw.end-raw.start, f.Name+": veut un nom entier", f.Name+": needs a whole name", strings.ReplaceAll(s, "*", ""))
	}
	if f.Name != "pair" {
		return p.vendor(s, raw)
	}
	a, b, ok := strings.Cut(s, "~")
	if !ok || a == "" || b == "" {
		return Value{}, fault(MissingValue, raw.start, raw.end-raw.start, "pair: veut deux sociétés, comme nutanix~arrow", "pair: needs two organisations, as in nutanix~arrow")
	}
	va, err := p.vendor(a, raw)
	if err != nil {
		return Value{}, err
	}
	vb, err := p.vendor(b, raw)
	if err != nil {
		return Value{}, err
	}
	if va.IDs[0] > vb.IDs[0] {
		va, vb = vb, va
	}
	return Value{Kind: Keyword, Text: va.Text + "~" + vb.Text, Name: va.Name + " ~ " + vb.Name, IDs: []string{PairToken(va.IDs[0], vb.IDs[0])}}, nil
}

func (p *parser) spell(id string) string { return spell(id, p.opt.Resolve) }

// spell writes the id of a vendor so that it reads back as that vendor only.
func spell(id string, resolve func(string) []schemas.VendorRef) string {
	if resolve == nil {
		return id
	}
	if refs := resolve(id); len(refs) == 1 && refs[0].ID == id {
		return id
	}
	return "=" + id
}

func (p *parser) list(name string, raw token) (Value, error) {
	var names []string
	for k, members := range p.opt.Lists {
		if fold(k) == fold(name) {
			v := Value{Kind: List, Text: k}
			for _, m := range members {
				v.IDs = append(v.IDs, m.ID)
			}
			slices.Sort(v.IDs)
			return v, nil
		}
		names = append(names, k)
	}
	slices.Sort(names)
	err := fault(UnknownValue, raw.start, raw.end-raw.start,
		fmt.Sprintf("il n’y a pas de liste @%s%s", name, among(" (il y a ", names)), fmt.Sprintf("there is no list @%s%s", name, among(" (there is ", names)))
	for _, n := range nearest(name, names, 3) {
		err.Suggestions = append(err.Suggestions, "@"+n)
	}
	return Value{}, err
}

// among lists at most twelve names between parentheses.
func among(intro string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	more := ""
	if len(names) > 12 {
		names, more = names[:12], "…"
	}
	return intro + strings.Join(names, ", ") + more + ")"
}

func (p *parser) vendor(s string, raw token) (Value, error) {
	n := raw.end - raw.start
	id := schemas.Token(s)
	if !strings.ContainsFunc(s, letterOrDigit) || id == "none" {
		return Value{}, fault(MissingValue, raw.start, n, "un nom de société est attendu", "the name of an organisation is expected")
	}
	if p.opt.Resolve == nil {
		return Value{Kind: Keyword, Text: id, Name: s, IDs: []string{id}}, nil
	}
	refs := p.opt.Resolve(s)
	// hp may be an id and yet a name of two companies; =hp is the id alone.
	if exact, ok := strings.CutPrefix(s, "="); ok {
		s, refs = exact, nil
		for _, r := range p.opt.Resolve(exact) {
			if r.ID == exact {
				refs = append(refs, r)
				break
			}
		}
	}
	switch len(refs) {
	case 1:
		return Value{Kind: Keyword, Text: p.spell(refs[0].ID), Name: refs[0].Name, IDs: []string{refs[0].ID}}, nil
	case 0:
		if !strings.HasPrefix(id, "x-") {
			id = "x-" + id
		}
		h := fault(UnknownVendor, raw.start, n,
			fmt.Sprintf("« %s » n’est pas au catalogue", s), fmt.Sprintf("%q is not in the catalogue", s))
		if p.opt.Nearest != nil {
			for _, r := range p.opt.Nearest(s) {
				if len(h.Suggestions) == 3 {
					break
				}
				h.Suggestions = append(h.Suggestions, p.spell(r.ID))
			}
		}
		if len(h.Suggestions) > 0 {
			h.FR += ", le plus proche est " + h.Suggestions[0]
			h.EN += ", the nearest is " + h.Suggestions[0]
		}
		p.hints = append(p.hints, *h)
		return Value{Kind: Keyword, Text: id, Name: s, IDs: []string{id}}, nil
	}
	err := fault(AmbiguousVendor, raw.start, n, "", "")
	var names []string
	for _, r := range refs {
		names = append(names, r.Name)
		err.Suggestions = append(err.Suggestions, p.spell(r.ID))
	}
	err.FR = fmt.Sprintf("« %s » peut être %s", s, strings.Join(names, " ou "))
	err.EN = fmt.Sprintf("%q may be %s", s, strings.Join(names, " or "))
	return Value{}, err
}

func (p *parser) enum(f Field, raw token) (Value, error) {
	s := raw.text
	base, country, at := strings.Cut(s, "@")
	if f.Name != "kind" {
		base, at = s, false
	}
	e, ok := f.EnumByName(base)
	if !ok {
		after := s[len(base):]
		return Value{}, p.unknownValue(f, raw, base, func(s string) string { return s + after })
	}
	if !at {
		return Value{Kind: Keyword, Text: e.ID, Name: e.ID, IDs: []string{e.ID}}, nil
	}
	territory := FieldRow("territory")
	c, ok := territory.EnumByName(country)
	if !ok {
		return Value{}, p.unknownValue(territory, raw, country, func(s string) string { return base + "@" + s })
	}
	token := KindToken(e.ID, c.ID)
	return Value{Kind: Keyword, Text: token, Name: token, IDs: []string{token}}, nil
}

func (p *parser) unknownValue(f Field, raw token, s string, whole func(string) string) *SyntaxError {
	var ids, spellings []string
	for _, e := range f.Values {
		ids = append(ids, e.ID)
		spellings = append(spellings, e.ID, e.FR, e.EN)
		spellings = append(spellings, e.Aliases...)
	}
	err := fault(UnknownValue, raw.start, raw.end-raw.start,
		fmt.Sprintf("%s: n’a pas de valeur « %s »%s", f.Name, s, among(" (il y a ", ids)), fmt.Sprintf("%s: has no value %q%s", f.Name, s, among(" (it has ", ids)))
	for _, n := range nearest(s, spellings, 6) {
		if e, ok := f.EnumByName(n); ok && !slices.Contains(err.Suggestions, whole(e.ID)) && len(err.Suggestions) < 3 {
			err.Suggestions = append(err.Suggestions, whole(e.ID))
		}
	}
	return err
}

// FieldRow is [FieldByName] for a name known to exist; the zero Field otherwise.
func FieldRow(name string) Field {
	f, _ := FieldByName(name)
	return f
}

var currencySigns = map[string]string{"€": "EUR", "$": "USD", "£": "GBP", "euro": "EUR", "euros": "EUR", "dollar": "USD", "dollars": "USD", "livre": "GBP", "pound": "GBP", "franc suisse": "CHF", "%": "%"}

func (p *parser) slug(f Field, s string, raw token) (Value, error) {
	n := raw.end - raw.start
	if strings.Contains(s, "*") && f.Name != "url" {
		return Value{}, fault(MisplacedWildcard, raw.start, n, f.Name+": veut une valeur entière", f.Name+": needs a whole value", strings.ReplaceAll(s, "*", ""))
	}
	if f.Name != "currency" && !strings.ContainsFunc(s, letterOrDigit) {
		return Value{}, fault(MissingValue, raw.start, n, f.Name+": attend un nom", f.Name+": needs a name")
	}
	text, id := s, ""
	switch f.Name {
	case "currency":
		id = strings.ToUpper(s)
		if sign, ok := currencySigns[fold(s)]; ok {
			id = sign
		}
		if id != "%" && (len(id) != 3 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
			return Value{}, fault(UnknownValue, raw.start, n,
				fmt.Sprintf("currency: veut un code de trois lettres, pas « %s »", s), fmt.Sprintf("currency: needs a code of three letters, not %q", s), nearest(s, []string{"EUR", "USD", "GBP", "CHF", "CAD"}, 1)...)
		}
		text, s = id, id
	case "url":
		id = URLKey(s)
		if id == "" {
			return Value{}, fault(MissingValue, raw.start, n, "une adresse est attendue", "an address is expected")
		}
	case "deal":
		id = strings.ToLower(s)
		text = id
	default: // source, product
		id = schemas.Token(s)
		if id == "none" { // only letters that have no ASCII form
			return Value{}, fault(MissingValue, raw.start, n, f.Name+": attend un nom", f.Name+": needs a name")
		}
		text = id
		if f.Name == "source" && p.opt.Sources != nil && !slices.Contains(p.opt.Sources, id) {
			return Value{}, fault(UnknownValue, raw.start, n,
				fmt.Sprintf("il n’y a pas de source « %s »", s), fmt.Sprintf("there is no source %q", s), nearest(id, p.opt.Sources, 3)...)
		}
	}
	return Value{Kind: Keyword, Text: text, Name: s, IDs: []string{id}}, nil
}

// cutOp cuts a comparison sign or finds the two dots of a range.
func cutOp(s string) (op, a, b string) {
	for _, sign := range []string{">=", "<=", ">", "<", "≥", "≤"} {
		if rest, ok := strings.CutPrefix(s, sign); ok {
			switch sign {
			case "≥":
				sign = ">="
			case "≤":
				sign = "<="
			}
			return sign, rest, ""
		}
	}
	if a, b, ok := strings.Cut(s, ".."); ok {
		b = strings.TrimPrefix(b, ".") // 10...20
		switch {
		case a == "":
			return "<=", b, ""
		case b == "":
			return ">=", a, ""
		}
		return "..", a, b
	}
	return "", s, ""
}

func (p *parser) number(f Field, raw token) (Value, error) {
	bad := func(suggestions ...string) (Value, error) {
		return Value{}, fault(BadNumber, raw.start, raw.end-raw.start,
			fmt.Sprintf("« %s » n’est ni un nombre ni un intervalle ; écrivez >10000, 10k..50k ou <1.5M", raw.text),
			fmt.Sprintf("%q is not a number or range; write >10000, 10k..50k or <1.5M", raw.text), suggestions...)
	}
	op, a, b := cutOp(strings.ReplaceAll(raw.text, " ", ""))
	v := Value{Kind: Number, Op: op}
	var ok bool
	if v.Lo, ok = parseNumber(a); !ok {
		for sign, code := range currencySigns {
			if body, cut := strings.CutSuffix(a, sign); cut && len(code) == 3 && f.Name == "price" {
				if _, ok := parseNumber(body); ok {
					return bad(op + body + " currency:" + code)
				}
			}
		}
		return bad()
	}
	if op != ".." {
		return v, nil
	}
	if v.Hi, ok = parseNumber(b); !ok {
		return bad()
	}
	if v.Lo > v.Hi {
		return bad(b + ".." + a)
	}
	return v, nil
}

func (p *parser) date(f Field, raw token) (Value, error) {
	n := raw.end - raw.start
	bad := func(suggestions ...string) (Value, error) {
		return Value{}, fault(BadDate, raw.start, n,
			fmt.Sprintf("« %s » n’est pas une date ; écrivez 2026, 2026-01, 2026-01-31, 30j ou hier", raw.text),
			fmt.Sprintf("%q is not a date; write 2026, 2026-01, 2026-01-31, 30d or yesterday", raw.text), suggestions...)
	}
	one := func(s string, whole func(string) string) (DateSpec, error) {
		d, alt, ok := parseDate(s)
		if ok {
			return d, nil
		}
		if alt != nil {
			err := fault(AmbiguousDate, raw.start, n, fmt.Sprintf("« %s » se lit de deux façons", s), fmt.Sprintf("%q could be read in two ways", s))
			for _, a := range alt {
				err.Suggestions = append(err.Suggestions, whole(a))
			}
			return d, err
		}
		_, err := bad()
		return d, err
	}
	op, a, b := cutOp(raw.text)
	if op != "" && f.Name != "date" {
		return Value{}, fault(BadDate, raw.start, n,
			f.Name+": veut une seule date ; un intervalle s’écrit date:a..b", f.Name+": takes one date; a range is written date:a..b")
	}
	v := Value{Kind: Date, Op: op}
	var err error
	if v.From, err = one(a, func(s string) string {
		if op == ".." {
			return s + ".." + b
		}
		return op + s
	}); err != nil || op != ".." {
		return v, err
	}
	if v.To, err = one(b, func(s string) string { return a + ".." + s }); err != nil {
		return v, err
	}
	from, _ := v.From.Bounds(p.opt.Now, p.opt.Zone)
	if _, to := v.To.Bounds(p.opt.Now, p.opt.Zone); to.Before(from) && !v.From.Relative() && !v.To.Relative() {
		return bad(b + ".." + a)
	}
	return v, nil
}
