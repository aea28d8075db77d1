package money

import "strings"

// finding is an amount in tokens; amounts turns it into an Amount.
type finding struct {
	low, high           dec
	hasLow, hasHigh     bool
	code, sym           string
	first, last         int // the surface
	coreFirst, coreLast int // without bound and units
	sent                int
	power               int
	qualifier           string
	bareFrom            bool // its bound is the one word "from"
	per, period, tax    string
	alt                 []Alt
	inherit             bool // takes kind and currency from the amount before
	joined              bool // co-ordinated with the amount before
	old                 bool
	kind, subkind       string
	rule                vote // what the rules alone make of it, whatever the model says
	score               int
	scores              [kinds]int
	cue                 match
	percent             bool
	skip                int // token to read on from, when it is not the one after last
}

// readAll finds the amounts of every sentence.
func (s *scan) readAll() {
	for n := range s.sents {
		if !s.sents[n].numbers {
			continue
		}
		for i := s.sents[n].first; i < s.sents[n].last; {
			if len(s.found) >= MaxAmounts {
				return
			}
			next := s.read(n, i)
			if next <= i {
				next = i + 1
			}
			i = next
		}
	}
}

// read reads what begins at token i and returns the token to go on from.
func (s *scan) read(n, i int) int {
	a, ok := s.value(i)
	if !ok {
		return i + 1
	}
	if a.last >= s.sents[n].last { // an amount does not cross sentences
		return i + 1
	}
	if b, kind, ok := s.pair(n, a); ok {
		return s.emitPair(n, a, b, kind)
	}
	if a.code == "%" {
		return s.emitPercent(n, a, a)
	}
	if a.subunit {
		if s.opt.words {
			s.emit(n, a, a, "")
		}
		return a.last + 1
	}
	if a.code == "" {
		if c, ok := s.elliptic(n, a); ok {
			a.code = c
			s.emit(n, a, a, "")
			s.found[len(s.found)-1].inherit = true
			return s.found[len(s.found)-1].last + 1
		}
		if a.spelled {
			return i + 1
		}
		if c, ok := s.compared(n, a); ok {
			a.code = c
			s.emit(n, a, a, "")
			s.found[len(s.found)-1].inherit = true
			return s.found[len(s.found)-1].last + 1
		}
		return a.last + 1
	}
	if a.spelled && !s.opt.words && a.power < 6 {
		return a.last + 1
	}
	s.emit(n, a, a, "")
	f := &s.found[len(s.found)-1]
	return max(f.last+1, f.skip)
}

// emit records the amount that runs from a to b, with its bound and units.
func (s *scan) emit(n int, a, b value, qualifier string) {
	f := finding{
		low: a.d, high: b.d, hasLow: true, hasHigh: true, code: a.code, sym: a.sym,
		first: a.first, last: b.last, coreFirst: a.first, coreLast: b.last,
		sent: n, power: max(a.power, b.power), qualifier: qualifier,
	}
	if f.low.neg || f.high.neg {
		if f.low.neg {
			f.high = f.low
		} else {
			f.low = f.high
		}
	}
	f.last = s.units(&f, f.last+1, s.sents[n].last) - 1
	s.bound(n, &f)
	s.conversion(n, &f)
	s.found = append(s.found, f)
}

func (s *scan) sentOf(i int) int {
	lo, hi := 0, len(s.sents)-1
	for lo < hi {
		mid := (lo + hi) / 2
		if s.sents[mid].last <= i {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// span is the bytes from token a to token b, b included.
func (s *scan) span(a, b int) Span { return Span{int(s.toks[a].start), int(s.toks[b].end)} }

// amounts renders the findings.
func (s *scan) amounts(in string) []Amount {
	if len(s.found) == 0 {
		return nil
	}
	text := strings.Clone(s.text)
	out := make([]Amount, 0, len(s.found))
	for i := range s.found {
		f := &s.found[i]
		where := s.span(f.first, f.last)
		sent := s.sents[f.sent]
		a := Amount{
			Text: text[where.Start:where.End], In: in, Start: where.Start, End: where.End,
			Currency: f.code, Symbol: strings.Clone(f.sym), Kind: f.kind, Subkind: f.subkind, Qualifier: f.qualifier,
			Per: f.per, Period: f.period, Tax: f.tax, Alt: f.alt, Score: f.score,
			Sentence: s.span(sent.first, sent.last-1),
		}
		if f.hasLow {
			a.Low = f.low.String()
		}
		if f.hasHigh {
			a.High = f.high.String()
		}
		a.Clause, a.Subject = s.clause(f)
		if f.cue.p != nil {
			c := s.span(f.cue.first, f.cue.last)
			a.Cue = text[c.Start:c.End]
		}
		out = append(out, a)
	}
	return out
}

// clause is the part of the sentence around the amount, and the words left of its cue.
func (s *scan) clause(f *finding) (clause, subject Span) {
	sent := &s.sents[f.sent]
	first, last := sent.first, sent.last-1
	for i := f.first - 1; i >= sent.first; i-- {
		if s.breaks(f.sent, i) {
			first = i + 1
			break
		}
	}
	for i := f.last + 1; i < sent.last; i++ {
		if s.breaks(f.sent, i) {
			last = i - 1
			break
		}
	}
	clause = s.span(min(first, f.first), max(last, f.last))
	until := f.first
	if f.cue.p != nil && f.cue.first < until && f.cue.first > first {
		until = f.cue.first
	}
	if until > first {
		subject = s.span(first, until-1)
	}
	return clause, subject
}

// breaks reports whether a clause ends at token i.
func (s *scan) breaks(n, i int) bool {
	if s.toks[i].kind == symbol {
		switch s.tok(i) {
		case ";", ":", "—":
			return true
		case "–":
			return s.toks[i].gap
		}
		return false
	}
	if s.toks[i].kind == word {
		p, ok := s.named(i, roleLink, "breaks")
		return ok && p != nil
	}
	return false
}
