package money

import "strings"

// How the kind is chosen. Every cue near an amount speaks for its kind with
//
//	weight × 60 / (6 + cost)
//
// where cost is the distance in tokens, more across commas, clause breaks and
// other amounts: the nearest governing cue wins. Cues of the sentence before, of
// the title and of the amount before speak from afar. These votes are the first
// thing the model looks at (model.go); alone they know only the words they list.
const (
	reach        = 45 // tokens on either side of an amount that are looked at
	costComma    = 3
	costBreak    = 9
	costAmount   = 12
	costRight    = 3  // a cue after the amount, unless it touches it
	costSentence = 40 // a cue of the sentence before
	costTitle    = 40
)

// vote is the case for one kind.
type vote struct {
	kind, sub string
	score     int
	cue       match
	cueScore  int
}

type ballot struct{ votes []vote }

func (b *ballot) add(kind, sub string, score int, cue match) {
	key := sub
	if kind != "other" {
		key = ""
	}
	for i := range b.votes {
		v := &b.votes[i]
		if v.kind == kind && (kind != "other" || v.sub == key) {
			v.score += score
			if score > v.cueScore && cue.p != nil {
				v.cue, v.cueScore, v.sub = cue, score, sub
			}
			return
		}
	}
	v := vote{kind: kind, sub: sub, score: score}
	if cue.p != nil {
		v.cue, v.cueScore = cue, score
	}
	b.votes = append(b.votes, v)
}

// scale multiplies the case for a kind by num/10.
func (b *ballot) scale(kind string, num int) {
	for i := range b.votes {
		if b.votes[i].kind == kind {
			b.votes[i].score = b.votes[i].score * num / 10
		}
	}
}

func (b *ballot) scaleOther(sub string, num int) {
	for i := range b.votes {
		if b.votes[i].kind == "other" && b.votes[i].sub == sub {
			b.votes[i].score = b.votes[i].score * num / 10
		}
	}
}

func (b *ballot) score(kind string) int {
	for _, v := range b.votes {
		if v.kind == kind {
			return v.score
		}
	}
	return 0
}

func (b *ballot) best() vote {
	out := vote{kind: "other"}
	for _, v := range b.votes {
		if v.score > out.score {
			out = v
		}
	}
	return out
}

// classify gives every finding its kind, and drops the percentages that are no price changes.
func (s *scan) classify(title *scan) {
	var b ballot
	var left, right [reach + 1]int
	for i := range s.found {
		f := &s.found[i]
		if f.percent {
			continue
		}
		if i > 0 && s.twin(i) { // the second half of a change
			p := &s.found[i-1]
			f.kind, f.subkind, f.score, f.cue, f.scores, f.rule = p.kind, p.subkind, p.score, p.cue, p.scores, p.rule
			continue
		}
		b.votes = b.votes[:0]
		s.costs(i, &left, &right)
		s.near(f, &b, &left, &right)
		s.far(i, f, &b, title)
		s.features(f, &b)
		s.decide(i, f, &b, title)
		if i > 0 && f.subkind == "valuation" && f.power >= 6 && s.found[i-1].sent == f.sent && s.found[i-1].subkind == "share_price" {
			// "offered €16 a share, valuing the group at €2.7bn" is the price of the whole.
			f.kind, f.subkind = "deal_value", ""
		}
		s.delta(i, f)
		s.qualify(f)
	}
	s.percents(title)
}

func (s *scan) twin(i int) bool {
	f, p := &s.found[i], &s.found[i-1]
	return f.qualifier == "new" && p.qualifier == "old" && f.first == p.first
}

// costs fills the price of crossing the tokens left and right of a finding.
func (s *scan) costs(i int, left, right *[reach + 1]int) {
	f := &s.found[i]
	sent := &s.sents[f.sent]
	fill := func(out *[reach + 1]int, from, step, other int) {
		sum := 0
		inside := false
		for d := 0; d <= reach; d++ {
			t := from + d*step
			if t < sent.first || t >= sent.last {
				out[d] = 1 << 20
				continue
			}
			out[d] = sum
			sum++
			for other >= 0 && other < len(s.found) && (step < 0 && s.found[other].coreFirst > t || step > 0 && s.found[other].coreLast < t) {
				other += step
				inside = false
			}
			if other >= 0 && other < len(s.found) && !inside && s.found[other].coreFirst <= t && t <= s.found[other].coreLast {
				sum += costAmount
				inside = true
			}
			switch tk := &s.toks[t]; tk.kind {
			case symbol:
				switch s.tok(t) {
				case ",":
					sum += costComma
				case "(", ")":
					sum += 2
				case ";", ":", "—":
					sum += costBreak
				}
			case word:
				if p, ok := s.named(t, roleLink, "breaks"); ok && p != nil {
					sum += costBreak
				}
			}
		}
	}
	fill(left, f.coreFirst-1, -1, i-1)
	fill(right, f.coreLast+1, 1, i+1)
}

// near counts the cues of the amount's own sentence.
func (s *scan) near(f *finding, b *ballot, left, right *[reach + 1]int) {
	all := s.window(f.sent, f.coreFirst-reach, f.coreLast+reach)
	for i, m := range all {
		if m.p.role != roleKind || s.shadowed(all, i) {
			continue
		}
		cost := 0
		switch {
		case m.last < f.coreFirst:
			d := f.coreFirst - 1 - m.last
			if d > reach || m.p.after {
				continue
			}
			cost = left[d]
		case m.first > f.coreLast:
			d := m.first - f.coreLast - 1
			if d > reach {
				continue
			}
			cost = right[d]
			if s.touches(f.last+1, m.first) || s.touches(f.coreLast+1, m.first) {
				cost = -2
			} else if m.p.after {
				continue
			} else {
				cost += costRight
			}
		default:
			if m.last <= f.coreLast && m.first >= f.coreFirst {
				continue
			}
			cost = 0
		}
		b.add(m.p.name, m.p.sub, m.p.n*60/(6+cost), m)
	}
}

// touches reports whether the phrase at i stands right after an amount that ends
// before token k: "350 M€ de ventes", "$61bn takeover", "a $2 million marketing fund".
func (s *scan) touches(k, i int) bool {
	if i-k > 3 || i < k {
		return false
	}
	for j := k; j < i; j++ {
		switch s.tok(j) {
		case "de", "d", "'", "’", "of", "in", "-", "en", "du", "la", "à", "titre":
		default:
			if j != k || i-k > 1 || s.toks[j].kind != word {
				return false
			}
			switch s.tok(j) { // one adjective, no preposition
			case "for", "to", "on", "and", "pour", "et", "sur", "par", "by", "from", "at", "après", "after", "avec", "with", "contre", "as", "than":
				return false
			}
		}
	}
	return true
}

// shadowed reports whether another cue takes the words of the i-th match: a longer
// one that covers it or overlaps it, or one as long that begins later.
func (s *scan) shadowed(all []match, i int) bool {
	m := all[i]
	size := m.last - m.first
	for j := i - 1; j >= 0 && all[j].first >= m.first-6; j-- {
		if o := all[j]; o.p.role == roleKind && o.last >= m.first && o.last-o.first > size {
			return true
		}
	}
	for j := i + 1; j < len(all) && all[j].first <= m.last; j++ {
		o := all[j]
		if o.p.role != roleKind {
			continue
		}
		if o.first == m.first && o.last > m.last || o.first > m.first && o.last > m.last && o.last-o.first >= size {
			return true
		}
	}
	return false
}

// bounded reports whether the i-th match is part of a bound: the "up" of "up to".
func bounded(all []match, i int) bool {
	m := all[i]
	for j := i - 1; j >= 0 && all[j].first >= m.first-4; j-- {
		if o := all[j]; o.p.role == roleBound && o.last >= m.last && o.last > o.first {
			return true
		}
	}
	for j := i + 1; j < len(all) && all[j].first == m.first; j++ {
		if o := all[j]; o.p.role == roleBound && o.last > m.last {
			return true
		}
	}
	return false
}

// far counts the amount before, the sentence before and the title.
func (s *scan) far(i int, f *finding, b *ballot, title *scan) {
	var none match
	for j := i - 1; j >= 0; j-- {
		p := &s.found[j]
		if p.percent {
			continue
		}
		if s.sents[p.sent].para != s.sents[f.sent].para {
			break
		}
		score := 0
		switch {
		case f.joined, p.sent == f.sent && s.coordinated(p, f):
			score = max(70, p.rule.score*9/10)
		case f.inherit:
			score = max(45, p.rule.score*6/10)
		case p.sent == f.sent:
			score = 12
		case p.sent == f.sent-1 && (p.power >= 6) == (f.power >= 6):
			score = 10
		case p.sent == f.sent-1:
			score = 3
		}
		if score > 0 && (p.rule.kind != "other" || p.rule.sub != "") {
			b.add(p.rule.kind, p.rule.sub, score, none)
		}
		break
	}
	for back := 1; back <= 2; back++ {
		n := f.sent - back
		if n < 0 || s.sents[n].para != s.sents[f.sent].para {
			break
		}
		all := s.matches(n)
		for j, m := range all {
			if m.p.role == roleKind && !m.p.after && !s.shadowed(all, j) {
				score := m.p.n * 60 / (6 + costSentence*back)
				if f.power < 6 && m.p.name != "product_price" && m.p.name != "salary" {
					score = score * 6 / 10 // the sentence before spoke of millions
				}
				b.add(m.p.name, m.p.sub, score, none)
			}
			if j > 300 {
				break
			}
		}
	}
	if title != nil {
		for n := range title.sents {
			all := title.matches(n)
			for j, m := range all {
				if m.p.role == roleKind && !m.p.after && !title.shadowed(all, j) {
					b.add(m.p.name, m.p.sub, m.p.n*60/(6+costTitle), none)
				}
			}
			if n > 2 {
				break
			}
		}
	}
}

// coordinated reports whether f continues a list or a comparison begun by p.
func (s *scan) coordinated(p, f *finding) bool {
	gap := f.first - p.last - 1
	if gap < 0 {
		return true
	}
	if m, ok := s.before(f.sent, f.first-1, roleLink, "instead"); ok && gap <= 14 && m.first > p.coreLast {
		return true
	}
	if _, ok := s.before(f.sent, f.coreFirst-1, roleLink, "instead"); ok && gap <= 14 {
		return true
	}
	if gap > 3 {
		return false
	}
	for i := p.last + 1; i < f.first; i++ {
		switch strings.ToLower(s.tok(i)) {
		case "et", "and", ",", "ou", "or", "puis", "then", "to", "à", "/", "respectivement":
		default:
			return false
		}
	}
	return true
}

// features count what the amount itself says.
func (s *scan) features(f *finding, b *ballot) {
	var none match
	small := f.power < 6
	switch {
	case f.per == "share":
		b.add("other", "share_price", 200, none)
	case f.per == "line item":
	case f.per == "unit":
		b.add("product_price", "", 55, none)
	case f.per != "" && small:
		b.add("product_price", "", 130, none)
	}
	if f.tax != "" && small {
		b.add("product_price", "", 120, none)
	}
	switch f.period {
	case "month", "hour":
		if small {
			b.add("product_price", "", 50, none)
		}
	case "day":
		if small {
			b.add("product_price", "", 15, none)
		}
	}
	d := f.high
	if !f.hasHigh {
		d = f.low
	}
	if !small || d.cmp(whole(5000)) > 0 {
		b.scaleOther("share_price", 0)
	}
	if small {
		b.add("product_price", "", 14, none)
		if d.cmp(whole(10000)) < 0 {
			b.scale("deal_value", 4)
			b.scale("funding", 3)
			b.scale("revenue", 4)
			b.scale("market_size", 2)
			for _, sub := range [...]string{"capex", "debt", "valuation", "market_cap", "provision", "restructuring", "savings", "assets", "program_fund"} {
				b.scaleOther(sub, 3)
			}
		} else if d.cmp(whole(100000)) < 0 {
			b.scale("market_size", 5)
			for _, sub := range [...]string{"capex", "debt", "valuation", "market_cap", "restructuring", "assets"} {
				b.scaleOther(sub, 4)
			}
		}
		if d.cmp(whole(300)) < 0 {
			b.scale("fine", 6)
		}
	} else {
		b.add("deal_value", "", 3, none)
		if f.period != "" {
			b.scale("product_price", 7)
		} else {
			// What costs millions at one price is bought once.
			b.add("deal_value", "", b.score("product_price")/2, none)
			b.scale("product_price", 3)
		}
		b.scale("salary", 7)
	}
}

// delta turns "augmente de 2 €", "a $3 increase" into a price change.
func (s *scan) delta(i int, f *finding) {
	if f.power >= 6 || f.kind == "salary" || f.kind == "fine" || f.qualifier == "old" || f.qualifier == "new" || f.kind == "revenue" || f.kind == "deal_value" {
		return
	}
	direction, ok, touching := 0, false, false
	var cue match
	// "10 € de plus", "$3 increase", "$5 off"
	for _, k := range [2]int{f.last + 1, f.coreLast + 1} {
		for _, m := range s.window(f.sent, k, k+3) {
			if m.p.role == roleChange && (m.p.name == "up" || m.p.name == "down") && (m.first == k || s.touches(k, m.first)) && s.tok(m.first) != "+" {
				if w := strings.ToLower(s.tok(m.first)); w == "below" || w == "tomb" {
					continue
				}
				direction, cue, ok, touching = 1, m, true, true
				if m.p.name == "down" {
					direction = -1
				}
				break
			}
		}
		if ok {
			break
		}
	}
	if !ok {
		at := f.first - 1
		switch {
		case at < s.sents[f.sent].first:
			return
		case s.is(at, "de"), s.is(at, "by"), apostropheSize(s.tok(at)) > 0 && s.is(at-1, "d"), s.is(at, "of"):
		case s.is(f.first, "de"), s.is(f.first, "by"), s.is(f.first, "d"):
		default:
			return
		}
		for _, m := range s.window(f.sent, f.first-9, f.first) {
			if m.p.role == roleChange && (m.p.name == "up" || m.p.name == "down") && m.last < f.coreFirst {
				if i > 0 && s.found[i-1].sent == f.sent && s.found[i-1].coreLast > m.first {
					continue
				}
				direction, cue, ok = 1, m, true
				if m.p.name == "down" {
					direction = -1
				}
			}
		}
		if !ok {
			return
		}
	}
	topic := touching && f.kind == "product_price"
	for _, m := range s.window(f.sent, f.first-25, f.last+20) {
		if m.p.role == roleChange {
			switch m.p.name {
			case "topics", "sure":
				topic = topic || m.p.name == "sure" || m.first != cue.first
			case "rebates":
				if s.partnered(f.sent) {
					return
				}
				topic = topic || m.first == cue.first
			}
		}
	}
	if !topic {
		return
	}
	f.kind, f.subkind, f.qualifier, f.cue = "price_change", "delta", "delta", cue
	f.score = max(f.score, 150)
	if direction < 0 {
		f.low, f.high = f.high, f.low
		f.low.neg, f.high.neg = !f.low.neg, !f.high.neg
		f.hasLow, f.hasHigh = f.hasHigh, f.hasLow
	}
}

func (s *scan) partnered(n int) bool {
	for _, m := range s.matches(n) {
		if m.p.role == roleChange && m.p.name == "partners" {
			return true
		}
	}
	return false
}

// qualify fills the qualifier from cue words where no bound gave one, and takes
// back a bare "from" that is no lowest price ("down from $8.5 billion").
func (s *scan) qualify(f *finding) {
	old := false
	for _, at := range [3]int{f.first - 1, f.first, f.coreFirst - 1} {
		if at == f.first && (!f.bareFrom || f.first == f.coreFirst) {
			continue
		}
		if m, ok := s.before(f.sent, at, roleLink, "instead"); ok {
			if at == f.first && at != f.coreFirst-1 && m.p.tokens == 1 { // "from" itself
				continue
			}
			switch strings.ToLower(s.tok(m.first)) {
			case "from":
				old = old || f.kind != "product_price" || s.changing(f.sent, m.first, 4)
			case "after", "before", "après":
			default:
				old = true
			}
		}
	}
	if f.bareFrom && (old || f.kind != "product_price" && f.kind != "other") {
		f.hasHigh, f.high, f.qualifier = true, f.low, ""
	}
	if f.qualifier != "" {
		return
	}
	if old {
		f.qualifier = "old"
		return
	}
	best := 13
	for _, m := range s.window(f.sent, f.coreFirst-14, f.coreLast+10) {
		if m.p.role != roleQualifier {
			continue
		}
		d := f.coreFirst - m.last
		if m.first > f.coreLast {
			d = m.first - f.coreLast + 2
		}
		fits := false
		switch m.p.name {
		case "list", "street", "promo", "old", "new":
			fits = f.kind == "product_price"
		case "forecast", "target":
			fits = f.kind != "product_price" && f.kind != "fine" && f.kind != "funding"
		}
		if fits && d >= 0 && d < best {
			best, f.qualifier = d, m.p.name
		}
	}
}
