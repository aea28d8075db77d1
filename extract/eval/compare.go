package eval

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// record is one annotated article.
type record struct {
	ID       string         `json:"id"`
	Lang     string         `json:"lang"`
	Vendors  []string       `json:"vendors"`
	External []string       `json:"external_parties"`
	Signals  []wantedSignal `json:"signals"`
	Prices   []wantedPrice  `json:"prices"`
}

type wantedSignal struct {
	Type      string               `json:"type"`
	TypeAlt   []string             `json:"type_alt"`
	Status    string               `json:"status"`
	StatusAlt []string             `json:"status_alt"`
	Parties   []party              `json:"parties"`
	Roles     map[string]oneOrMore `json:"directed_roles"`
	Evidence  string               `json:"evidence"`
	Optional  bool                 `json:"optional"`
}

type wantedPrice struct {
	Text     string          `json:"text"`
	Low      json.RawMessage `json:"low"`
	High     json.RawMessage `json:"high"`
	Currency *string         `json:"currency"`
	Kind     string          `json:"kind"`
	Alt      rawList         `json:"alt"`
}

// rawList is a list of anything; what is no list counts as an empty one.
type rawList []json.RawMessage

func (l *rawList) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]json.RawMessage)(l))
	}
	return nil
}

// prediction is one line of `veille extract --jsonl`.
type prediction struct {
	ID      string  `json:"id"`
	Vendors []party `json:"vendors"`
	Signals []struct {
		Type     string          `json:"type"`
		Status   string          `json:"status"`
		Parties  []party         `json:"parties"`
		Evidence json.RawMessage `json:"evidence"`
	} `json:"signals"`
	Prices []struct {
		Low      json.RawMessage `json:"low"`
		High     json.RawMessage `json:"high"`
		Currency *string         `json:"currency"`
		Kind     *string         `json:"kind"`
	} `json:"prices"`
}

// party is a name, or an object with one.
type party struct {
	Name  string
	Role  *string
	Known *bool
	named bool // an object
}

func (p *party) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &p.Name)
	}
	var o struct {
		Name  string  `json:"name"`
		Role  *string `json:"role"`
		Known *bool   `json:"known"`
	}
	if err := json.Unmarshal(b, &o); err != nil {
		return err
	}
	*p = party{o.Name, o.Role, o.Known, true}
	return nil
}

// oneOrMore is a name or a list of names.
type oneOrMore []string

func (l *oneOrMore) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]string)(l))
	}
	var s *string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if s != nil {
		*l = oneOrMore{*s}
	}
	return nil
}

var (
	notName   = regexp.MustCompile(`[^a-z0-9&+]+`)
	legalForm = regexp.MustCompile(` (inc|corp|corporation|sa|se|sas|ltd|plc|gmbh|ag|llc|group|groupe|technologies|france)$`)
)

// fold drops case, accents, punctuation and the legal form of a name.
func fold(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(name) {
		// Canonical combining class above zero, as unicodedata.combining says.
		if norm.NFKD.PropertiesString(string(r)).CCC() == 0 {
			b.WriteRune(r)
		}
	}
	s := strings.Trim(notName.ReplaceAllString(cases.Fold().String(b.String()), " "), " ")
	return legalForm.ReplaceAllString(s, "")
}

// aliases maps each folded name to the first of its line.
var aliases = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(aliasText) {
		var first string
		for i, n := range strings.Split(line, "|") {
			if strings.TrimSpace(n) == "" {
				continue
			}
			if n = fold(n); i == 0 {
				first = n
			}
			out[n] = first
		}
	}
	return out
})

func canon(name string) string {
	n := fold(name)
	if a, ok := aliases()[n]; ok {
		return a
	}
	return n
}

// words is the set of words of a text, folded.
func words(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.FieldsFunc(cases.Fold().String(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '_'
	}) {
		out[w] = true
	}
	return out
}

// pair is two parties in order, or one.
type pair [2]string

func (p pair) String() string {
	if p[1] == "" {
		return p[0]
	}
	return p[0] + " ~ " + p[1]
}

// pairs are all pairs among the parties that are not in but; a lone party is a
// pair of its own.
func pairs(ps []party, but map[string]bool) []pair {
	set := map[string]bool{}
	for _, p := range ps {
		if n := canon(p.Name); !but[n] {
			set[n] = true
		}
	}
	names := slices.Sorted(maps.Keys(set))
	if len(names) == 1 {
		return []pair{{names[0], ""}}
	}
	var out []pair
	for i := range names {
		for j := i + 1; j < len(names); j++ {
			out = append(out, pair{names[i], names[j]})
		}
	}
	return out
}

// number canonicalises a decimal given as a JSON string or number; open ends are "".
func number(raw json.RawMessage) (string, error) {
	s := strings.TrimSpace(string(raw))
	if s == "" || s == "null" || s == `""` {
		return "", nil
	}
	if s[0] == '"' {
		if err := json.Unmarshal(raw, &s); err != nil {
			return "", err
		}
		s = strings.TrimSpace(s)
	} else if strings.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return "", err
		}
		s = strconv.FormatFloat(f, 'g', -1, 64)
	}
	if len(s) > 200 {
		return "", fmt.Errorf("number of %d digits", len(s))
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok || strings.Contains(s, "/") {
		return "", fmt.Errorf("%q is no number", s)
	}
	return r.RatString(), nil
}

// money is the identity of an amount.
type money struct{ low, high, currency string }

func moneyOf(low, high json.RawMessage, currency *string) (money, error) {
	l, err := number(low)
	if err != nil {
		return money{}, err
	}
	h, err := number(high)
	if err != nil {
		return money{}, err
	}
	m := money{l, h, "\x00"}
	if currency != nil {
		m.currency = *currency
	}
	return m, nil
}

func set(list ...string) map[string]bool {
	out := map[string]bool{}
	for _, s := range list {
		out[s] = true
	}
	return out
}

// compare counts one record.
func (r *Report) compare(g record, p prediction) error {
	tallies := []Tally{r.All, r.Lang[g.Lang]}
	add := func(k string, field func(*count) *int, n int) {
		for _, t := range tallies {
			*field(t.of(k)) += n
		}
	}
	tp := func(c *count) *int { return &c.tp }
	fp := func(c *count) *int { return &c.fp }
	fn := func(c *count) *int { return &c.fn }
	judge := func(k string, right bool) {
		if right {
			add(k, func(c *count) *int { return &c.yes }, 1)
		} else {
			add(k, func(c *count) *int { return &c.no }, 1)
		}
	}
	by := func(m map[string]Tally, key string) *count {
		if m[key] == nil {
			m[key] = Tally{}
		}
		return m[key].of("deals")
	}
	report := func(what, format string, args ...any) {
		r.Errors = append(r.Errors, Error{g.ID, what, fmt.Sprintf(format, args...)})
	}

	external := map[string]bool{}
	for _, v := range g.External {
		external[canon(v)] = true
	}

	// Vendors.
	named, found := map[string]bool{}, map[string]bool{}
	for _, v := range g.Vendors {
		named[canon(v)] = true
	}
	for _, v := range p.Vendors {
		if n := canon(v.Name); !external[n] {
			found[n] = true
		}
	}
	for _, v := range slices.Sorted(maps.Keys(named)) {
		if found[v] {
			add("vendors", tp, 1)
		} else {
			add("vendors", fn, 1)
			report("vendor missed", "%s", v)
		}
	}
	for _, v := range slices.Sorted(maps.Keys(found)) {
		if !named[v] {
			add("vendors", fp, 1)
			report("vendor wrong", "%s", v)
		}
	}

	// Deals: a signal of several parties is its pairs.
	type wanted struct {
		signal   *wantedSignal
		pair     pair
		types    map[string]bool
		statuses map[string]bool
		roles    map[string]string
		evidence map[string]bool
		hit      bool
	}
	type got struct {
		signal        int
		pair          pair
		typ, status   string
		hit, statusOK bool
	}
	var want []*wanted
	for i := range g.Signals {
		s := &g.Signals[i]
		roles := map[string]string{}
		for role, names := range s.Roles {
			for _, n := range names {
				if n != "" && !external[canon(n)] {
					roles[canon(n)] = role
				}
			}
		}
		for _, pr := range pairs(s.Parties, nil) {
			want = append(want, &wanted{signal: s, pair: pr, roles: roles, evidence: words(s.Evidence),
				types: set(append([]string{s.Type}, s.TypeAlt...)...), statuses: set(append([]string{s.Status}, s.StatusAlt...)...)})
		}
	}
	var have []*got
	seen := map[string]bool{}
	for i, s := range p.Signals {
		but := maps.Clone(external)
		for _, x := range s.Parties {
			if n := canon(x.Name); x.Known != nil && !*x.Known && !named[n] {
				but[n] = true
			}
		}
		for _, pr := range pairs(s.Parties, but) {
			key := pr[0] + "\x00" + pr[1] + "\x00" + s.Type + "\x00" + s.Status
			if !seen[key] {
				seen[key] = true
				have = append(have, &got{signal: i, pair: pr, typ: s.Type, status: s.Status})
			}
		}
	}
	// Those with the right status are matched first, so that a pair listed twice
	// with two statuses is judged fairly.
	match := map[*wanted]*got{}
	for _, strict := range []bool{true, false} {
		for _, x := range have {
			if x.hit {
				continue
			}
			for _, w := range want {
				if !w.hit && w.pair == x.pair && w.types[x.typ] && (!strict || w.statuses[x.status]) {
					w.hit, x.hit, x.statusOK = true, true, w.statuses[x.status]
					match[w] = x
					break
				}
			}
		}
	}
	for _, w := range want {
		if !w.hit {
			if !w.signal.Optional {
				add("deals", fn, 1)
				add("deals_status", fn, 1)
				by(r.Type, w.signal.Type).fn++
				by(r.Status, w.signal.Status).fn++
				report("deal missed", "%s %v %v", w.pair, keys(w.types), keys(w.statuses))
			}
			continue
		}
		x := match[w]
		sig := p.Signals[x.signal]
		roles := map[string]string{}
		for _, q := range sig.Parties {
			if q.named {
				roles[canon(q.Name)] = ""
				if q.Role != nil {
					roles[canon(q.Name)] = *q.Role
				}
			}
		}
		need, right := 0, true
		for n, role := range w.roles {
			if n == w.pair[0] || n == w.pair[1] {
				need++
				right = right && roles[n] == role
			}
		}
		if need > 0 && x.typ != "partnership" && x.typ != "joint_venture" {
			judge("roles", right)
		}
		if len(w.evidence) > 0 {
			ev := words(evidenceText(sig.Evidence))
			both := 0
			for k := range ev {
				if w.evidence[k] {
					both++
				}
			}
			judge("evidence", both*2 >= len(w.evidence) && len(ev) <= 80)
		}
		judge("status_acc", x.statusOK)
		add("deals", tp, 1)
		by(r.Type, w.signal.Type).tp++
		by(r.Status, w.signal.Status).tp++
		if x.statusOK {
			add("deals_status", tp, 1)
		} else {
			add("deals_status", fp, 1)
			if !w.signal.Optional {
				add("deals_status", fn, 1)
			}
			report("status wrong", "%s want %v got %s", w.pair, keys(w.statuses), x.status)
		}
	}
	for _, x := range have {
		if !x.hit {
			add("deals", fp, 1)
			add("deals_status", fp, 1)
			by(r.Type, x.typ).fp++
			by(r.Status, x.status).fp++
			report("deal wrong", "%s %s %s", x.pair, x.typ, x.status)
		}
	}
	if len(g.Signals) == 0 {
		judge("no_deal", len(have) == 0)
	}

	// Prices.
	type wantedMoney struct {
		money
		kind string
		alt  []money
		text string
		hit  bool
	}
	var sums []*wantedMoney
	for _, q := range g.Prices {
		m, err := moneyOf(q.Low, q.High, q.Currency)
		if err != nil {
			return err
		}
		w := &wantedMoney{money: m, kind: q.Kind, text: q.Text}
		for _, raw := range q.Alt {
			var a struct {
				Low, High json.RawMessage
				Currency  *string
			}
			if json.Unmarshal(raw, &a) != nil {
				continue // a conversion noted in words
			}
			if a.Currency == nil {
				a.Currency = q.Currency
			}
			am, err := moneyOf(a.Low, a.High, a.Currency)
			if err != nil {
				return err
			}
			w.alt = append(w.alt, am)
		}
		sums = append(sums, w)
	}
	free := map[money][]string{}
	var order []money
	for _, q := range p.Prices {
		m, err := moneyOf(q.Low, q.High, q.Currency)
		if err != nil {
			return err
		}
		if _, ok := free[m]; !ok {
			order = append(order, m)
		}
		kind := "\x00"
		if q.Kind != nil {
			kind = *q.Kind
		}
		free[m] = append(free[m], kind)
	}
	for _, w := range sums {
		for _, m := range append([]money{w.money}, w.alt...) {
			kinds := free[m]
			if len(kinds) == 0 {
				continue
			}
			i := max(0, slices.Index(kinds, w.kind))
			kind := kinds[i]
			free[m] = slices.Delete(slices.Clone(kinds), i, i+1)
			w.hit = true
			add("prices", tp, 1)
			judge("price_kind", kind == w.kind)
			if kind != w.kind {
				report("price kind", "%q want %s got %s", w.text, w.kind, kind)
			}
			break
		}
	}
	kindsOf := map[money]map[string]bool{}
	for _, w := range sums {
		if kindsOf[w.money] == nil {
			kindsOf[w.money] = map[string]bool{}
		}
		kindsOf[w.money][w.kind] = true
		// The same amount named twice in one record is one fact.
		if !w.hit && !slices.ContainsFunc(sums, func(v *wantedMoney) bool { return v.hit && v.money == w.money }) {
			add("prices", fn, 1)
			report("price missed", "%q", w.text)
		}
	}
	for _, m := range order {
		wrong := 0
		for _, k := range free[m] { // found twice is one fact; with another kind it is wrong
			if !kindsOf[m][k] {
				wrong++
			}
		}
		add("prices", fp, wrong)
		if wrong > 0 {
			report("price wrong", "%s–%s %s %v", m.low, m.high, m.currency, free[m])
		}
	}
	return nil
}

// evidenceText reads a quote given as a string or as an object with a text.
func evidenceText(raw json.RawMessage) string {
	var o struct {
		Text string `json:"text"`
	}
	var s string
	if json.Unmarshal(raw, &o) == nil {
		return o.Text
	}
	_ = json.Unmarshal(raw, &s) // neither: no evidence
	return s
}

func keys(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }
