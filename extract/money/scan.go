package money

import "sort"

// maxSentence bounds a sentence, so that text without full stops stays linear.
const maxSentence = 400

// sentence is a run of tokens, last excluded.
type sentence struct {
	first, last int
	para        int
	numbers     bool // holds a number, a currency sign or a magnitude word
	matched     bool
	matches     []match
}

// match is a phrase found in a sentence; last is included.
type match struct {
	first, last int
	p           *phrase
}

// scan is the state of one reading. It is reused; nothing of it escapes.
type scan struct {
	r     *Reader
	text  string
	opt   options
	lang  *language
	style style
	toks  []token
	nums  []literal
	sents []sentence
	found []finding
	body  *scan // of a title: the text it stands over, once that is read

	seen    features
	observe func(*finding, *features) // training only
}

// scan takes a used scan from the pool, or makes one.
func (r *Reader) scan() *scan {
	if s, ok := r.pool.Get().(*scan); ok {
		return s
	}
	return new(scan)
}

func (s *scan) release() {
	r := s.r
	for i := range s.sents {
		s.sents[i].matches = s.sents[i].matches[:0]
	}
	*s = scan{toks: s.toks[:0], nums: s.nums[:0], sents: s.sents[:0], found: s.found[:0], seen: features{list: s.seen.list[:0]}}
	if cap(s.toks) < 1<<16 && cap(s.nums) < 1<<13 {
		r.pool.Put(s)
	}
}

func (s *scan) begin(r *Reader, text, lang string, opt options) {
	s.r, s.text, s.opt = r, text, opt
	s.toks, s.nums = tokenize(text, s.toks[:0], s.nums[:0], opt.shop)
	s.split()
	s.choose(lang)
}

// adopt takes over the language of the longer text.
func (s *scan) adopt(from *scan) { s.lang, s.style = from.lang, from.style }

// split finds the sentences. A full stop ends one before white space and a
// capital, a digit or a quotation mark, except after an abbreviation.
func (s *scan) split() {
	s.sents = s.sents[:0]
	first, para, numbers := 0, 0, false
	flush := func(last int) {
		if last > first {
			n := len(s.sents)
			if n < cap(s.sents) {
				s.sents = s.sents[:n+1]
				s.sents[n] = sentence{first: first, last: last, para: para, numbers: numbers, matches: s.sents[n].matches[:0]}
			} else {
				s.sents = append(s.sents, sentence{first: first, last: last, para: para, numbers: numbers})
			}
		}
		first, numbers = last, false
	}
	for i := range s.toks {
		t := &s.toks[i]
		if i > first && !s.opt.shop { // a shop's string is one sentence
			switch {
			case t.newline && !s.wrapped(i):
				flush(i)
				para++
			case t.gap && s.stops(i):
				flush(i)
			case i-first >= maxSentence:
				flush(i)
			}
		}
		switch t.kind {
		case number:
			numbers = true
		case word:
			c := s.text[t.start] | 0x20
			if n := t.end - t.start; n >= 7 && n <= 9 && (c == 'm' || c == 'b' || c == 't') {
				numbers = true
			} else if s.opt.words {
				numbers = true
			}
		}
	}
	flush(len(s.toks))
}

// wrapped reports whether the line break before token i is only a fold within a sentence.
func (s *scan) wrapped(i int) bool {
	c := s.text[s.toks[i].start]
	if c < 'a' || c > 'z' {
		return false
	}
	between := s.text[s.toks[i-1].end:s.toks[i].start]
	lines := 0
	for j := 0; j < len(between); j++ {
		if between[j] == '\n' {
			lines++
		}
	}
	return lines == 1 && s.text[s.toks[i-1].start] != '.'
}

// stops reports whether a sentence ends before token i, which follows white space.
func (s *scan) stops(i int) bool {
	p := &s.toks[i-1]
	if p.kind != symbol {
		return false
	}
	switch s.text[p.start:p.end] {
	case "!", "?", "…":
	case "”", "»", "\"", ")":
		if i < 2 || p.gap && s.text[p.start:p.end] != "»" {
			return false
		}
		switch s.tok(i - 2) {
		case ".", "!", "?", "…":
		default:
			return false
		}
	case ".":
		if i >= 2 && !s.toks[i-1].gap && s.toks[i-2].kind == word {
			switch w := s.tok(i - 2); {
			case len(w) == 1 && (i < 3 || s.toks[i-2].gap || s.toks[i-3].kind != number): // M., J., U.S., but not $374m.
				return false
			case w == "Inc", w == "Corp", w == "Ltd", w == "Co", w == "No", w == "Mr", w == "Mrs", w == "Dr", w == "env", w == "Fr", w == "approx", w == "vs", w == "Rs", w == "Rp", w == "excl", w == "incl", w == "inc", w == "SFr", w == "руб":
				return false
			}
		}
	default:
		return false
	}
	t := &s.toks[i]
	if t.kind == number {
		return true
	}
	c := s.text[t.start]
	return c < 'a' || c > 'z'
}

func (s *scan) tok(i int) string { return s.text[s.toks[i].start:s.toks[i].end] }

func (s *scan) is(i int, what string) bool {
	return i >= 0 && i < len(s.toks) && s.tok(i) == what
}

// choose decides the language by the text, then by the hint, and by the numbers
// whether the decimal sign is a comma.
func (s *scan) choose(hint string) {
	votes := [2]int{}
	seen := 0
	for i := range s.toks {
		t := &s.toks[i]
		if t.kind != word {
			continue
		}
		if seen++; seen > 250 {
			break
		}
		s.r.words.look(s.text, t)
		for n, l := range s.r.langs {
			if node, ok := l.phrases.step(0, t.id); ok && t.id != 0 {
				for j := range l.phrases.at[node] {
					if l.phrases.at[node][j].role == roleFunction {
						votes[n]++
					}
				}
			}
		}
	}
	pick := -1
	for n, l := range s.r.langs {
		if l.code == hint {
			pick = n
		}
	}
	if margin := votes[0] - votes[1]; pick < 0 || margin*(1-2*pick) < -4 {
		pick = 0
		if margin < 0 || margin == 0 && hint == "" {
			pick = 1
		}
	}
	s.lang = s.r.langs[pick]
	comma, point := 0, 0
	for i := range s.nums {
		switch s.nums[i].evidence() {
		case 1:
			comma++
		case -1:
			point++
		}
	}
	s.style = style{comma: s.lang.comma, shop: s.opt.shop}
	if s.lang.comma && comma == 0 && point > 0 || !s.lang.comma && point == 0 && comma > 0 {
		s.style.comma = !s.style.comma
	}
}

// matches returns the phrases of a sentence in order of their first token.
func (s *scan) matches(n int) []match {
	sent := &s.sents[n]
	if sent.matched {
		return sent.matches
	}
	sent.matched = true
	for i := sent.first; i < sent.last; i++ {
		s.r.words.look(s.text, &s.toks[i])
		s.r.words.lookStem(s.text, &s.toks[i])
	}
	for i := sent.first; i < sent.last; i++ {
		sent.matches = s.walk(s.lang.phrases, 0, i, i, sent.last, sent.matches)
	}
	return sent.matches
}

func (s *scan) walk(t *trie, node int32, first, i, end int, out []match) []match {
	if i >= end {
		return out
	}
	tok := &s.toks[i]
	for _, id := range [2]int32{tok.id, tok.stem} {
		if id == 0 {
			continue
		}
		next, ok := t.step(node, id)
		if !ok {
			continue
		}
		for j := range t.at[next] {
			out = append(out, match{first, i, &t.at[next][j]})
		}
		out = s.walk(t, next, first, i+1, end, out)
	}
	return out
}

// window returns the matches of sentence n that begin in [from, to).
func (s *scan) window(n, from, to int) []match {
	all := s.matches(n)
	lo := sort.Search(len(all), func(i int) bool { return all[i].first >= from })
	hi := lo
	for hi < len(all) && all[hi].first < to {
		hi++
	}
	return all[lo:hi]
}

// at returns the longest phrase of a role that begins at token i.
func (s *scan) at(i int, want role) (*phrase, bool) {
	return s.named(i, want, "")
}

// named is at for one name of the role.
func (s *scan) named(i int, want role, name string) (*phrase, bool) {
	var best *phrase
	node := int32(0)
	for n := 0; i+n < len(s.toks) && n < 8; n++ {
		t := &s.toks[i+n]
		if n > 0 && t.newline {
			break
		}
		s.r.words.look(s.text, t)
		next, ok := s.lang.phrases.step(node, t.id)
		if !ok || t.id == 0 {
			break
		}
		node = next
		for j := range s.lang.phrases.at[node] {
			if p := &s.lang.phrases.at[node][j]; p.role == want && (name == "" || p.name == name) {
				best = p
			}
		}
	}
	return best, best != nil
}

// before returns the longest phrase of a role (and name, when given) that ends at token i.
func (s *scan) before(n, i int, want role, name string) (match, bool) {
	var best match
	for _, m := range s.window(n, i-7, i+1) {
		if m.last == i && m.p.role == want && (name == "" || m.p.name == name) && best.p == nil {
			best = m
		}
	}
	return best, best.p != nil
}
