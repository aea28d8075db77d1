package money

import "strings"

// bound reads the words before and after an amount that open one of its ends.
func (s *scan) bound(n int, f *finding) {
	i := f.coreFirst - 1
	switch f.qualifier {
	case "range", "old", "new":
		for _, name := range [2]string{"between", "from"} {
			if m, ok := s.before(n, i, roleLink, name); ok {
				if f.qualifier != "new" {
					f.first = m.first
				}
				break
			}
		}
		return
	}
	for hops := 0; hops < 3 && i >= s.sents[n].first; hops++ {
		m, ok := s.before(n, i, roleBound, "")
		if ok {
			q := m.p.name
			if q == "exact" { // "a fight over $5m" is over nothing
				return
			}
			if q == "less_than" || q == "more_than" {
				for _, neg := range s.window(n, m.first-9, m.first) {
					if neg.p.role == roleNegation && !s.divided(neg.last, m.first) {
						if q == "less_than" {
							q = "from"
						} else {
							q = "up_to"
						}
						break
					}
				}
			}
			f.bareFrom = m.p.tokens == 1 && q == "from" && strings.EqualFold(s.tok(m.first), "from")
			s.open(f, q)
			f.first = m.first
			return
		}
		if m, ok = s.before(n, i, roleFiller, ""); !ok {
			break
		}
		i = m.first - 1
	}
	if j := f.last + 1; j < s.sents[n].last {
		for _, at := range [2]int{f.coreLast + 1, j} {
			if p, ok := s.at(at, roleBoundAfter); ok && (s.tok(at) != "+" || !s.toks[at].gap) {
				s.open(f, p.name)
				f.last = max(f.last, at+p.tokens-1)
				return
			}
		}
	}
}

// divided reports whether a comma or a stronger stop stands between two tokens.
func (s *scan) divided(a, b int) bool {
	for i := a + 1; i < b; i++ {
		switch s.tok(i) {
		case ",", ";", ":", "—":
			return true
		}
	}
	return false
}

// open applies a qualifier to the ends.
func (s *scan) open(f *finding, qualifier string) {
	f.qualifier = qualifier
	switch qualifier {
	case "from", "more_than":
		f.hasHigh = false
	case "up_to", "less_than":
		f.hasLow = false
	}
}

// units reads what follows an amount: HT, par utilisateur et par mois, a month.
// It returns the token after the last one it used. f may be nil to skip only.
func (s *scan) units(f *finding, k, end int) int {
	used := k
	for n := 0; n < 6 && k < end; n++ {
		if s.toks[k].newline {
			break
		}
		if p, ok := s.at(k, roleTax); ok {
			if f != nil && f.tax == "" {
				f.tax = p.name
			}
			k += p.tokens
			used = k
			continue
		}
		if name, tokens, period := s.unit(k); tokens > 0 {
			switch {
			case f == nil:
			case period && f.period == "":
				f.period = name
			case !period && f.per == "":
				f.per = name
			}
			k += tokens
			used = k
			continue
		}
		if p, ok := s.at(k, roleJoiner); ok {
			k += p.tokens
			continue
		}
		break
	}
	return used
}

// conversion folds "(£2.1bn)", "(soit 924,90 francs)" and ", soit 924 francs" into alt.
func (s *scan) conversion(n int, f *finding) {
	k := f.last + 1
	end := s.sents[n].last
	if k >= end || s.opt.words {
		return
	}
	apart := false // "7,8 milliards de dollars dans le monde (7,2 Md€)"
	for j := k; j < min(k+5, end) && s.toks[j].kind == word; j++ {
		if s.is(j+1, "(") {
			k, apart = j+1, true
			break
		}
	}
	paren := s.is(k, "(") || s.is(k, "[")
	comma := s.is(k, ",")
	if !paren && !comma {
		return
	}
	k++
	if k >= end {
		return
	}
	if p, ok := s.named(k, roleLink, "also"); ok && !s.toks[k].newline {
		if comma && s.tok(k) != "soit" && !strings.EqualFold(s.tok(k), "or") && s.tok(k) != "ou" {
			return
		}
		k += p.tokens
	} else if comma {
		return
	}
	for k < end { // "about", "environ"
		if p, ok := s.named(k, roleLink, "also"); ok {
			k += p.tokens
			continue
		}
		if p, ok := s.at(k, roleBound); ok && p.name == "approx" {
			k += p.tokens
			continue
		}
		break
	}
	if k >= end {
		return
	}
	v, ok := s.value(k)
	if !ok || v.code == "" || v.code == "%" || v.code == f.code || v.first != k || v.last >= end {
		return
	}
	alt := Alt{Low: v.d.String(), High: v.d.String(), Currency: v.code, Start: int(s.toks[v.first].start), End: int(s.toks[v.last].end)}
	last := v.last
	if b, how, ok := s.pair(n, v); ok && how == paired {
		if b.power > 0 && v.power == 0 {
			alt.Low = v.d.shift(b.power).String()
		}
		alt.High, last = b.d.String(), b.last
		alt.End = int(s.toks[last].end)
	}
	if apart && !alike(v.d, f.low) {
		return
	}
	if paren {
		closed := false
		for j := last + 1; j < end && j < last+8; j++ {
			if s.toks[j].kind == number {
				return
			}
			if s.is(j, ")") || s.is(j, "]") {
				last, closed = j, true
				break
			}
		}
		if !closed {
			return
		}
	}
	f.alt = append(f.alt, alt)
	if apart {
		// The surface keeps to the amount; what is in the brackets is passed over.
		f.skip = last + 1
		return
	}
	f.last = last
}

// alike reports whether two amounts may be one in two currencies.
func alike(a, b dec) bool {
	return a.cmp(b.shift(1)) < 0 && b.cmp(a.shift(1)) < 0
}

// elliptic finds the currency of a magnitude without one: "21,4 milliards" after
// "7,3 milliards de dollars". A noun right after it makes it a count.
func (s *scan) elliptic(n int, a value) (string, bool) {
	if a.power < 6 || a.subunit || s.opt.words {
		return "", false
	}
	if !s.moneyFollows(a.last+1, s.sents[n].last, a.power) {
		return "", false
	}
	for i := len(s.found) - 1; i >= 0; i-- {
		p := &s.found[i]
		if p.code == "%" || p.code == "" || p.power < 6 && p.sent != n {
			continue
		}
		if n-p.sent > 3 || s.sents[p.sent].para != s.sents[n].para {
			return "", false
		}
		return p.code, true
	}
	return s.ahead(n, a.last+1)
}

// ahead finds the currency a little further on: "lève 40 milliards et en vaut 300 milliards de dollars".
func (s *scan) ahead(n, i int) (string, bool) {
	for end := min(i+10, s.sents[n].last); i < end; i++ {
		if s.toks[i].kind != number {
			continue
		}
		v, ok := s.value(i)
		return v.code, ok && v.code != "" && v.code != "%" && v.power >= 6
	}
	return "", false
}

// compared finds the currency of a bare number set against an amount: "95 000 €,
// contre 88 000 en 2022".
func (s *scan) compared(n int, a value) (string, bool) {
	if len(s.found) == 0 || a.power > 0 || s.opt.words {
		return "", false
	}
	p := &s.found[len(s.found)-1]
	m, ok := s.before(n, a.first-1, roleLink, "instead")
	switch strings.ToLower(s.tok(max(m.first, 0))) {
	case "from", "after", "before", "après":
		ok = false
	}
	if !ok || yearLike(a) || p.sent != n || p.code == "%" || p.code == "" || p.power > 0 || m.first-p.last > 8 {
		return "", false
	}
	k := a.last + 1
	if k >= s.sents[n].last || s.toks[k].kind == symbol && s.tok(k) != "%" {
		return p.code, true
	}
	if _, ok := s.named(k, roleLink, "former"); ok {
		return p.code, true
	}
	if w := s.tok(k); (w == "en" || w == "in") && k+1 < len(s.toks) && s.toks[k+1].kind == number {
		if v, ok := s.value(k + 1); ok && yearLike(v) {
			return p.code, true
		}
	}
	return "", false
}

// moneyFollows reports whether what follows a bare "21,4 milliards" lets it be money.
func (s *scan) moneyFollows(i, end, power int) bool {
	if i >= end || s.toks[i].kind == symbol {
		return i >= end || apostropheSize(s.tok(i)) == 0 && s.tok(i) != "-"
	}
	if s.toks[i].kind == number {
		return false
	}
	w := strings.ToLower(s.tok(i))
	switch w {
	case "de", "d", "of", "du", "des":
		j := i + 1
		if j < end && apostropheSize(s.tok(j)) > 0 {
			j++
		}
		for _, m := range s.window(s.sentOf(i), j, j+1) {
			if m.p.role == roleKind && (m.p.name == "revenue" || m.p.sub == "debt" || m.p.sub == "dividend" || m.p.sub == "savings" || m.p.name == "fine" || power >= 9 && (m.p.name == "deal_value" || m.p.sub == "capex")) || m.p.role == roleChange && (m.p.name == "up" || m.p.name == "down") {
				return true
			}
		}
		return false
	}
	if s.lang.comma {
		if strings.HasSuffix(w, "é") || strings.HasSuffix(w, "és") || strings.HasSuffix(w, "ée") || strings.HasSuffix(w, "ées") {
			return true // "10 millions apportés par…"
		}
		switch w {
		case "pour", "en", "au", "aux", "à", "contre", "et", "dont", "sur", "par", "l", "cette", "ce", "dans", "chez", "il", "mais", "ou", "qui", "que", "lors", "avec", "voire", "après", "avant", "selon", "fin", "depuis", "l'an", "seulement", "environ", "hors", "soit", "sous", "d'ici", "le", "la", "un", "annoncés", "annuels", "supplémentaires":
			return true
		}
		return false
	}
	switch w {
	case "in", "for", "to", "on", "from", "by", "and", "or", "over", "at", "as", "per", "after", "before", "while", "with", "than", "last", "this", "a", "the", "but", "when", "during", "between", "against", "compared", "earlier", "since", "next", "annually", "each", "via", "through", "respectively", "more", "less", "was", "is", "will", "came", "went":
		return true
	}
	return false
}

// unit reads one unit at token k, the longest there: "monthly", "each", "par poste
// de travail", "a month". tokens is 0 when there is none.
func (s *scan) unit(k int) (name string, tokens int, period bool) {
	try := func(p *phrase, ok bool, extra int, isPeriod bool) {
		if ok && p.tokens+extra > tokens {
			name, tokens, period = p.name, p.tokens+extra, isPeriod
		}
	}
	p, ok := s.at(k, rolePeriod)
	try(p, ok, 0, true)
	p, ok = s.at(k, rolePer)
	try(p, ok, 0, false)
	if prep, ok := s.at(k, rolePreposition); ok {
		n := k + prep.tokens
		if n >= len(s.toks) || s.toks[n].newline {
			return name, tokens, period
		}
		p, ok = s.at(n, rolePeriodNoun)
		try(p, ok, prep.tokens, true)
		p, ok = s.at(n, rolePerNoun)
		try(p, ok, prep.tokens, false)
	}
	return name, tokens, period
}
