package money

// pairing says how two values belong together.
type pairing uint8

const (
	paired  pairing = iota + 1 // a range
	changed                    // from old to new
	listed                     // two amounts that share a currency
)

// pair reads a second value after a: "entre a et b", "from a to b", "a-b".
func (s *scan) pair(n int, a value) (value, pairing, bool) {
	k := a.last + 1
	end := s.sents[n].last
	if k+1 >= end || a.spelled && a.code == "" {
		return value{}, 0, false
	}
	// Units may stand between: "10 € par mois à 20 € par mois".
	k2 := k
	if a.code != "" {
		k2 = s.units(nil, k, end)
	}
	connector, size := "", 1
	for _, at := range [2]int{k, k2} {
		if at >= end {
			continue
		}
		k = at
		switch w := s.tok(at); w {
		case "-", "–", "—":
			connector = "dash"
		case "et", "and", "&":
			connector = "and"
		case "à", "to", "À":
			connector = "to"
		case ",":
			connector = ","
		}
		if connector != "" {
			break
		}
	}
	if connector == "" || k+size >= end {
		return value{}, 0, false
	}
	b, ok := s.value(k + size)
	if !ok || b.first != k+size || b.last >= end || b.spelled || b.subunit || a.d.neg {
		return value{}, 0, false
	}
	if (a.code == "%") != (b.code == "%") && a.code != "" && b.code != "" {
		return value{}, 0, false
	}
	if a.code == "" && b.code == "" {
		if a.power < 6 && b.power < 6 || connector != "and" && connector != "to" {
			return value{}, 0, false
		}
	}
	if a.code != "" && b.code != "" && a.code != b.code {
		return value{}, 0, false
	}
	between, from := false, false
	lead := s.lead(n, a.first)
	if _, ok := s.before(n, lead, roleLink, "between"); ok {
		between = true
	}
	if _, ok := s.before(n, lead, roleLink, "from"); ok {
		from = true
	}
	// The first of a pair may take the magnitude of the second: "entre 2 et 2,5 milliards".
	grown := a
	if a.power == 0 && b.power > 0 && (a.d.shift(b.power).cmp(b.d) <= 0 || s.shares(a, b)) {
		grown.d, grown.power = a.d.shift(b.power), b.power
	}
	switch connector {
	case "dash":
		if a.code != "" && b.code == "" && (s.toks[b.first].gap || b.power == 0 && a.power > 0) {
			return value{}, 0, false
		}
		if a.code == "" && yearLike(a) || grown.d.cmp(b.d) > 0 {
			return value{}, 0, false
		}
		return b, paired, true
	case "and":
		if between {
			if b.code == "" && a.code == "" {
				return value{}, 0, false
			}
			return b, paired, true
		}
		if a.code == "" && b.code != "" && b.code != "%" && !yearLike(a) && s.listable(a, b) {
			return b, listed, true
		}
		return value{}, 0, false
	case ",":
		return value{}, 0, false
	}
	switch {
	case between && b.code+a.code != "":
		return b, paired, true
	case from:
		if b.code == "" && !s.closes(b.last+1) {
			return value{}, 0, false
		}
		if a.code == "" && yearLike(a) && b.power == 0 && b.code != "" && !yearLike(b) {
			return value{}, 0, false
		}
		if s.changing(n, lead, 14) || grown.d.cmp(b.d) > 0 || s.changedBefore(n) {
			return b, changed, true
		}
		return b, paired, true
	case b.code == "" || grown.d.cmp(b.d) > 0 || a.code == "" && yearLike(a):
		return value{}, 0, false
	}
	return b, paired, true
}

// shares reports whether a bare number before "à 160 M€" is in millions too, though it
// is the larger one: "ramène de 200 à 160 M€".
func (s *scan) shares(a, b value) bool {
	return a.number && a.d.cmp(whole(1000)) < 0 && a.d.shift(b.power).cmp(b.d.shift(1)) < 0
}

// listable reports whether a bare number before "et 15 euros" shares the currency.
func (s *scan) listable(a, b value) bool {
	if a.first == 0 || s.toks[a.first].newline {
		return false
	}
	p := s.tok(a.first - 1)
	if b.power == 0 && (p == "les" || p == "des") || p == "entre" || p == "between" {
		return true
	}
	switch p {
	case "à", "de", "respectivement", "respectively", "at", "of", ",", "for", "pour", "coûtent", "cost":
		return b.d.cmp(a.d) < 0 || len(b.d.String()) <= len(a.d.shift(b.power).String())+1
	}
	return false
}

// closes reports whether the sentence may go on at i after an amount without currency.
func (s *scan) closes(i int) bool {
	if i >= len(s.toks) || s.toks[i].newline {
		return true
	}
	if s.toks[i].kind == symbol {
		return s.tok(i) != "%" && s.tok(i) != "-"
	}
	if _, ok := s.at(i, roleLink); ok {
		return true
	}
	if _, tokens, _ := s.unit(i); tokens > 0 {
		return true
	}
	_, ok := s.at(i, roleTax)
	return ok
}

// lead is the token before the amount, a bare article passed over.
func (s *scan) lead(n, first int) int {
	i := first - 1
	if i > s.sents[n].first && apostropheSize(s.tok(i)) > 0 {
		return i
	}
	return i
}

// changing reports whether a verb of change stands shortly before token i.
func (s *scan) changing(n, i, within int) bool {
	for _, m := range s.window(n, i-within, i) {
		if m.p.role == roleChange && m.p.name == "verbs" {
			return true
		}
	}
	return false
}

// changedBefore reports whether the sentence has just told of a change: "passe de
// 11 € à 12 € ; le forfait Pro, de 20 € à 22 €".
func (s *scan) changedBefore(n int) bool {
	if len(s.found) == 0 {
		return false
	}
	p := &s.found[len(s.found)-1]
	return p.sent == n && p.qualifier == "new"
}

func yearLike(v value) bool {
	s := v.d.String()
	return v.power == 0 && len(s) == 4 && (s[:2] == "19" || s[:2] == "20")
}

// emitPair records a pair of values.
func (s *scan) emitPair(n int, a, b value, how pairing) int {
	bare := a.code == "" || b.power > 0
	if how == changed && a.code != "" {
		bare = a.d.shift(b.power).cmp(b.d) <= 0
	}
	if a.code == "" {
		a.code, a.sym = b.code, b.sym
	}
	if b.code == "" {
		b.code, b.sym = a.code, a.sym
	}
	if bare && a.power == 0 && b.power > 0 && (a.d.shift(b.power).cmp(b.d) <= 0 || how == changed && s.shares(a, b)) {
		a.d, a.power = a.d.shift(b.power), b.power
	} else if b.power == 0 && a.power > 0 && how != listed && b.d.cmp(a.d) < 0 && b.d.shift(a.power).cmp(a.d) >= 0 && !b.d.neg {
		b.d, b.power = b.d.shift(a.power), a.power
	}
	if a.code == "%" {
		if how == listed {
			s.emitPercent(n, a, a)
			a = b
		}
		if a.d.cmp(b.d) > 0 {
			a.d, b.d = b.d, a.d
		}
		return s.emitPercent(n, a, b)
	}
	if a.code == "" { // "entre 2 et 2,5 milliards" without a currency of their own
		c, ok := s.elliptic(n, b)
		if !ok {
			return b.last + 1
		}
		a.code, b.code = c, c
	}
	switch how {
	case paired:
		if a.d.cmp(b.d) > 0 {
			a.d, b.d = b.d, a.d
		}
		s.emit(n, a, b, "range")
		return s.found[len(s.found)-1].last + 1
	case listed:
		s.emit(n, a, a, "")
		if len(s.found) < MaxAmounts {
			s.emit(n, b, b, "")
			f := &s.found[len(s.found)-1]
			f.joined = true
			p := &s.found[len(s.found)-2]
			p.per, p.period, p.tax = f.per, f.period, f.tax
			return f.last + 1
		}
		return b.last + 1
	}
	s.emit(n, a, a, "old")
	old := len(s.found) - 1
	if len(s.found) >= MaxAmounts {
		return b.last + 1
	}
	s.emit(n, b, b, "new")
	f, o := &s.found[old+1], &s.found[old]
	o.last = f.last
	f.first = o.first
	if o.per == "" {
		o.per = f.per
	}
	if o.period == "" {
		o.period = f.period
	}
	if o.tax == "" {
		o.tax = f.tax
	}
	f.joined = true
	return f.last + 1
}
