package money

import "strings"

// emitPercent keeps a percentage for judging once the amounts are known.
func (s *scan) emitPercent(n int, a, b value) int {
	if s.opt.words || s.opt.shop {
		return b.last + 1
	}
	f := finding{
		low: a.d, high: b.d, hasLow: true, hasHigh: true, code: "%", sym: "%",
		first: a.first, last: b.last, coreFirst: a.first, coreLast: b.last, sent: n, percent: true,
	}
	if a.first != b.first {
		f.qualifier = "range"
	}
	s.bound(n, &f)
	s.found = append(s.found, f)
	return f.last + 1
}

// percents drops the percentages that change no price and signs the others.
func (s *scan) percents(title *scan) {
	drop := 0
	for i := range s.found {
		if f := &s.found[i]; f.percent && !s.changes(i, f, title) && !s.repeated(f) {
			f.kind = ""
			drop++
		}
	}
	if drop == 0 {
		return
	}
	kept := s.found[:0]
	for _, f := range s.found {
		if !f.percent || f.kind != "" {
			kept = append(kept, f)
		}
	}
	s.found = kept
}

// repeated reports whether a percentage of a title is a price change by its text,
// and then takes the sign from there: "Dell prévient d'une hausse de 12 %".
func (s *scan) repeated(f *finding) bool {
	if s.body == nil {
		return false
	}
	for j := range s.body.found {
		p := &s.body.found[j]
		if p.percent && p.kind == "price_change" && p.hasLow == p.hasHigh && p.low.abs().cmp(f.low.abs()) == 0 && p.high.abs().cmp(f.high.abs()) == 0 {
			direction := 1
			if p.low.neg {
				direction = -1
			}
			s.change(f, direction, match{})
			return true
		}
	}
	return false
}

// changes decides whether the i-th finding, a percentage, changes a price.
func (s *scan) changes(i int, f *finding, title *scan) bool {
	if s.isShare(f) || s.isLevel(f) {
		return false
	}
	first, last := s.clauseTokens(f)
	const unseen = 1 << 20
	topic, blocker, up, down, anaphor, sure, rebate := unseen, unseen, unseen, unseen, unseen, unseen, unseen
	var upCue, downCue match
	touching, soft := false, false
	all := s.window(f.sent, max(first, f.coreFirst-28), min(last+1, f.coreLast+22))
	for j, m := range all {
		if m.p.role != roleChange || m.first < f.coreFirst && bounded(all, j) {
			continue
		}
		d := f.coreFirst - 1 - m.last
		if m.first > f.coreLast {
			d = m.first - f.coreLast - 1
			if s.touches(f.coreLast+1, m.first) {
				d = -1
			} else {
				d += 2
			}
		}
		if d < -1 {
			d = 0
		}
		switch m.p.name {
		case "topics":
			if !blockedTopic(all, j) {
				topic = min(topic, d)
			}
		case "soft":
			soft = true
		case "blockers":
			if m.first > f.coreLast && d > 0 {
				d += 5 // "by 25% for customers" is about no customers
			}
			blocker = min(blocker, d)
		case "sure":
			sure = min(sure, d)
		case "anaphors":
			anaphor = min(anaphor, d)
		case "rebates":
			rebate = min(rebate, d)
		case "up":
			if d < up {
				up, upCue = d, m
			}
		case "down":
			if d < down {
				down, downCue = d, m
			}
		}
	}
	touching = up == -1 || down == -1
	direction, cue := 1, upCue
	if down < up {
		direction, cue = -1, downCue
	}
	listed := s.listedWith(i, f)
	if blocker <= 6 && (blocker < 0 || !s.joins(f.first-1)) {
		listed = 0
	}
	if up == unseen && down == unseen {
		if listed != 0 {
			s.change(f, listed, match{})
		}
		return listed != 0
	}
	if rebate != unseen && rebate <= min(up, down)+1 && s.partnered(f.sent) {
		return false
	}
	ok := false
	var prev *finding
	if i > 0 && s.found[i-1].sent == f.sent && !s.found[i-1].percent {
		prev = &s.found[i-1]
	}
	switch {
	case prev != nil && prev.kind == "product_price" && anaphor <= 2 && f.coreFirst-prev.last < 9: // "from $350 to $367, an average increase of 5 percent"
		ok = true
	case prev != nil && sure == unseen && anaphor <= 2 && s.otherMoney(i, f) && topic > 5:
	case sure != unseen && sure <= blocker:
		ok = true
	case topic != unseen && topic <= blocker+4 && !(blocker < topic && blocker <= 3):
		ok = true
	case blocker != unseen:
	case touching && soft: // "will cost 15% more"
		ok = true
	case s.otherMoney(i, f):
	case touching && rebate == -1: // "20% off", "30 % de remise"
		ok = !s.partnered(f.sent)
	case touching && s.pricedNear(i, f):
		ok = true
	case anaphor != unseen || touching:
		ok = s.priceContext(i, f, title)
	case min(up, down) <= 1: // "les instances augmentent de 4,5 %" after a price
		ok = s.pricedBefore(i, f)
	}
	if !ok && listed != 0 {
		ok, direction = true, listed
	}
	if !ok {
		return false
	}
	s.change(f, direction, cue)
	return true
}

// change makes a percentage a price change and signs it.
func (s *scan) change(f *finding, direction int, cue match) {
	f.kind, f.score, f.cue = "price_change", 120, cue
	if direction < 0 {
		f.low, f.high = f.high, f.low
		f.low.neg, f.high.neg = true, true
		f.hasLow, f.hasHigh = f.hasHigh, f.hasLow
	}
	// The surface takes in the word of change that touches it: "12% uplift".
	if cue.p != nil {
		if cue.first > f.last && cue.first-f.last <= 3 && s.touches(f.last+1, cue.first) {
			f.last = cue.last
		} else if cue.last < f.first && f.first-cue.last <= 3 {
			f.first = cue.first
		}
	}
}

// listedWith returns the direction of the price change just before in the same
// sentence: "majore ses offres de 10 %, Ikoula de 8 %".
func (s *scan) listedWith(i int, f *finding) int {
	if i == 0 {
		return 0
	}
	p := &s.found[i-1]
	if !p.percent || p.kind != "price_change" || p.sent != f.sent || f.coreFirst-p.coreLast > 14 {
		return 0
	}
	if p.low.neg || p.high.neg {
		return -1
	}
	return 1
}

// joins reports whether token i only continues a list.
func (s *scan) joins(i int) bool {
	switch strings.ToLower(s.tok(max(i, 0))) {
	case "and", "et", ",", "or", "ou":
		return true
	}
	return false
}

// otherMoney reports whether the amount before in the sentence is no product's
// price, so that "5,8 milliards…, en hausse de 41 %" is about that.
func (s *scan) otherMoney(i int, f *finding) bool {
	if i == 0 {
		return false
	}
	p := &s.found[i-1]
	return p.sent == f.sent && !p.percent && p.kind != "product_price" && p.kind != "price_change"
}

// blockedTopic reports whether a word of price is part of something else: the
// "rates" of "interest rates", the "facture" of "facture énergétique".
func blockedTopic(all []match, i int) bool {
	m := all[i]
	for j := i - 1; j >= 0 && all[j].first >= m.first-3; j-- {
		if o := all[j]; o.p.role == roleChange && o.p.name == "blockers" && (o.last >= m.last || o.last == m.first-1) {
			return true
		}
	}
	for j := i + 1; j < len(all) && all[j].first <= m.last+1; j++ {
		if o := all[j]; o.p.role == roleChange && o.p.name == "blockers" && o.last > m.last {
			return true
		}
	}
	return false
}

// isShare recognises "90 % des ventes", "49 percent of Scale AI", "81 percent stake".
func (s *scan) isShare(f *finding) bool {
	k := f.coreLast + 1
	if k >= s.sents[f.sent].last {
		return false
	}
	switch strings.ToLower(s.tok(k)) {
	case "of", "des", "du", "de", "d", "aux":
		cued := false // "une augmentation moyenne de 12 % du prix"
		for _, m := range s.window(f.sent, f.first-6, f.first) {
			cued = cued || m.p.role == roleChange && (m.p.name == "up" || m.p.name == "down")
		}
		for _, m := range s.window(f.sent, k, k+5) {
			if cued && m.p.role == roleChange && m.p.name == "topics" {
				return false
			}
			if m.first >= k+4 {
				break
			}
			if m.p.role == roleChange && (m.p.name == "up" || m.p.name == "down" || m.p.name == "sure") && (m.first == k || s.touches(k, m.first)) {
				return false
			}
		}
		return true
	}
	for _, m := range s.window(f.sent, k, k+1) {
		if m.p.role == roleChange && m.p.name == "blockers" {
			return true
		}
	}
	return false
}

// isLevel recognises a percentage that is reached, not a change: "grimpe à 30 %".
func (s *scan) isLevel(f *finding) bool {
	i := f.first - 1
	if i <= s.sents[f.sent].first {
		return false
	}
	switch strings.ToLower(s.tok(i)) {
	case "à", "to", "contre":
		switch strings.ToLower(s.tok(i - 1)) {
		case "élève", "élèvent", "élèvera", "chiffre", "amounts", "amount", "amounting":
			return false
		}
		return true
	}
	return false
}

// clauseTokens is the clause around a finding, in tokens, last included.
func (s *scan) clauseTokens(f *finding) (first, last int) {
	sent := &s.sents[f.sent]
	first, last = sent.first, sent.last-1
	for i := f.coreFirst - 1; i >= sent.first; i-- {
		if s.breaks(f.sent, i) {
			first = i + 1
			break
		}
	}
	for i := f.coreLast + 1; i < sent.last; i++ {
		if s.breaks(f.sent, i) {
			last = i - 1
			break
		}
	}
	return first, last
}

// pricedNear reports whether the sentence holds a product's price.
func (s *scan) pricedNear(i int, f *finding) bool {
	for j := i - 1; j >= 0 && s.found[j].sent == f.sent; j-- {
		if s.found[j].kind == "product_price" && !s.found[j].percent {
			return true
		}
	}
	for j := i + 1; j < len(s.found) && s.found[j].sent == f.sent; j++ {
		if s.found[j].kind == "product_price" && !s.found[j].percent {
			return true
		}
	}
	return false
}

// priceContext reports whether the sentences before, or the title, speak of prices.
func (s *scan) priceContext(i int, f *finding, title *scan) bool {
	for j := i - 1; j >= 0 && f.sent-s.found[j].sent <= 2; j-- {
		if s.found[j].kind == "product_price" && s.found[j].score > 30 {
			return true
		}
	}
	for n := f.sent - 1; n >= 0 && n >= f.sent-3; n-- {
		topic, blocked := s.speaksOfPrices(n)
		if topic {
			return true
		}
		if blocked {
			return false
		}
	}
	if title != nil {
		for n := range title.sents {
			if topic, _ := title.speaksOfPrices(n); topic {
				return true
			}
		}
	}
	return false
}

// pricedBefore reports whether the sentence before gives a product's price.
func (s *scan) pricedBefore(i int, f *finding) bool {
	for j := i - 1; j >= 0 && f.sent-s.found[j].sent <= 1; j-- {
		if p := &s.found[j]; p.sent < f.sent && s.sents[p.sent].para == s.sents[f.sent].para {
			return p.kind == "product_price" && p.score > 50
		}
	}
	return false
}

func (s *scan) speaksOfPrices(n int) (topic, blocked bool) {
	for _, m := range s.matches(n) {
		if m.p.role == roleChange {
			switch m.p.name {
			case "topics", "sure":
				topic = true
			case "blockers":
				blocked = true
			}
		}
	}
	return topic, blocked
}
