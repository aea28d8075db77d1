package money

import "strings"

// value is one number with its currency, before ranges and bounds.
type value struct {
	d           dec
	code        string // currency, "" when it has none of its own
	sym         string
	first, last int // tokens
	power       int // of the magnitude
	number      bool
	spelled     bool // number words only
	subunit     bool
}

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
	score               int
	cue                 match
	percent             bool
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
	return s.found[len(s.found)-1].last + 1
}

// currency reads a currency sign, code or word at token i.
func (s *scan) currency(i int, wordsToo bool) (code string, next int, fused int, ok bool) {
	if i >= len(s.toks) || s.toks[i].kind == number {
		return "", i, 0, false
	}
	signs := s.r.signs
	if s.opt.shop {
		signs = s.r.shop
	}
	node, length, spaced := int32(0), 0, false
	for n := 0; n < 6 && i+n < len(s.toks); n++ {
		t := &s.toks[i+n]
		if n > 0 && t.newline {
			break
		}
		s.r.words.look(s.text, t)
		if t.exact == 0 {
			break
		}
		next, found := signs.step(node, t.exact)
		if !found {
			break
		}
		node = next
		spaced = spaced || n > 0 && t.gap
		for j := range signs.at[node] {
			// A word that ends a sign must not be the start of an elision: "20 $ c'est".
			if n > 0 && t.kind == word && t.gap && i+n+1 < len(s.toks) && !s.toks[i+n+1].gap && apostropheSize(s.tok(i+n+1)) > 0 {
				continue
			}
			if !spaced || signs.at[node][j].sub == "" {
				code, length = signs.at[node][j].name, n+1
			}
		}
	}
	if wordsToo {
		if p, found := s.at(i, roleCurrency); found && p.tokens > length {
			code, length = p.name, p.tokens
		}
	}
	if length > 0 {
		return code, i + length, 0, true
	}
	if s.toks[i].kind == word {
		if f, found := s.r.fused[s.tok(i)]; found && f.code != "" {
			return f.code, i + 1, f.power, true
		}
	}
	return "", i, 0, false
}

// value reads one amount, or a bare number, that begins at token i.
func (s *scan) value(i int) (value, bool) {
	t := &s.toks[i]
	switch t.kind {
	case number:
		return s.afterNumber(i, i, "", "", false)
	case symbol, word:
		if t.kind == symbol && (s.tok(i) == "-" || s.tok(i) == "−") {
			if s.sign(i) && !s.opt.shop {
				v, ok := s.value(i + 1)
				if ok && v.code != "" && v.first == i+1 && !v.spelled {
					v.first = i
					v.d.neg = !v.d.neg
					return v, true
				}
			}
			return value{}, false
		}
		if code, next, fused, ok := s.currency(i, s.opt.words || s.opt.shop); ok {
			if t.kind == word && i > 0 && !t.gap && s.toks[i-1].kind == number {
				return value{}, false
			}
			j := next
			for s.is(j, ":") && !s.toks[j].gap || s.opt.shop && s.is(j, ".") {
				j++
			}
			if j < len(s.toks) && s.toks[j].kind == number && !s.toks[j].newline {
				v, ok := s.afterNumber(i, j, code, s.text[t.start:s.toks[next-1].end], true)
				if ok && fused > 0 {
					v.d, v.power = v.d.shift(fused), fused
				}
				return v, ok && v.d.sane()
			}
		}
		return s.spelled(i)
	}
	return value{}, false
}

// sign reports whether the hyphen at i is a minus: glued to what follows, not to what precedes.
func (s *scan) sign(i int) bool {
	if i+1 >= len(s.toks) || s.toks[i+1].gap {
		return false
	}
	return i == 0 || s.toks[i].gap || s.is(i-1, "(")
}

// afterNumber reads magnitude and currency after the number at token i. code is
// the currency that stood before it.
func (s *scan) afterNumber(first, i int, code, sym string, prefixed bool) (value, bool) {
	t := &s.toks[i]
	lit := &s.nums[t.num]
	if !prefixed && i > 0 && !t.gap {
		switch p := &s.toks[i-1]; p.kind {
		case word, number:
			return value{}, false // DS223, 0x10
		default:
			switch s.tok(i - 1) {
			case "#", "_", "@", "&", "\\":
				return value{}, false
			}
		}
	}
	v := value{first: first, last: i, code: code, sym: sym, number: true}
	k := i + 1
	// 12.– and 1.899,-
	if (s.is(k, ".") || s.is(k, ",")) && !s.toks[k].gap && k+1 < len(s.toks) && !s.toks[k+1].gap {
		switch s.tok(k + 1) {
		case "-", "–", "—":
			v.last = k + 1
			k += 2
		}
	}
	glued := k < len(s.toks) && !s.toks[k].gap && s.toks[k].kind == word
	var ok bool
	k = s.magnitude(&v, k, prefixed)
	if k < 0 {
		return value{}, false
	}
	small := false
	if v.code == "" || prefixed {
		k = s.suffix(&v, k, glued && v.power == 0)
		if k < 0 {
			return value{}, false
		}
	}
	small = s.r.thirds[v.code] && s.opt.shop
	if v.d, ok = lit.value(s.style, small || v.power >= 9); !ok {
		return value{}, false
	}
	if s.opt.shop && lit.nsep == 0 && s.is(i-1, ".") && !t.gap { // ".75 €"
		v.d, ok = digits(string(lit.raw[:lit.n]), lit.n)
	}
	v.d = v.d.shift(v.power)
	if v.code != "" && !v.subunit && v.power == 0 {
		s.cents(&v)
	}
	if !v.d.sane() {
		return value{}, false
	}
	return v, true
}

// magnitude reads k, M, Md, million… at token k and returns the token after it,
// or -1 when a word glued to the number makes it no amount ("5070Ti").
func (s *scan) magnitude(v *value, k int, prefixed bool) int {
	if k >= len(s.toks) || s.toks[k].newline {
		return k
	}
	t := &s.toks[k]
	if s.is(k, "-") && !t.gap && k+1 < len(s.toks) && !s.toks[k+1].gap {
		if p, ok := s.at(k+1, roleMagnitude); ok { // $2-million
			v.power += p.n
			v.last = k + p.tokens
			return k + 1 + p.tokens
		}
		return k
	}
	if t.kind != word {
		return k
	}
	if s.opt.shop { // "1 T$" is in Tongan money
		if _, next, fused, ok := s.currency(k, false); ok && next > k+1 && fused == 0 {
			return k
		}
	}
	if f, ok := s.r.fused[s.tok(k)]; ok {
		switch {
		case f.code != "" && !prefixed:
			v.power, v.code, v.last, v.sym = f.power, f.code, k, s.tok(k)
			return k + 1
		case f.code == "":
			_, _, _, currency := s.currency(k+1, false)
			if !currency && k+1 < len(s.toks) && !t.gap { // 746m euros
				if p, ok := s.at(k+1, roleCurrency); ok {
					_, currency = p, true
				}
			}
			single := len(s.tok(k)) == 1
			elided := s.is(k+1, "'") || s.is(k+1, "’") // "5 m'"
			switch {
			case elided:
			case currency && !(prefixed && s.toks[k+1].gap),
				prefixed && !t.gap,
				prefixed && !single,
				prefixed && (s.tok(k) == "m" || s.tok(k) == "M" || s.tok(k) == "k" || s.tok(k) == "K") && s.endsWord(k),
				!prefixed && f.power >= 9 && !single:
				v.power, v.last = f.power, k
				return k + 1
			}
		}
	}
	for n := 0; n < 2; n++ {
		p, ok := s.at(k, roleMagnitude)
		if !ok || p.n == 2 && n > 0 {
			break
		}
		if p.n == 2 && s.lang.comma { // "50 cent" is money, not five thousand
			break
		}
		v.power += p.n
		v.last = k + p.tokens - 1
		k += p.tokens
		if k >= len(s.toks) || s.toks[k].newline {
			break
		}
	}
	return k
}

func (s *scan) endsWord(k int) bool {
	return k+1 >= len(s.toks) || s.toks[k+1].kind == symbol
}

// suffix reads the currency after the number and its magnitude.
func (s *scan) suffix(v *value, k int, glued bool) int {
	if k >= len(s.toks) || s.toks[k].newline {
		return k
	}
	j := k
	if v.power > 0 || s.opt.words {
		// "millions de dollars", "milliard d'euros", "billion of dollars", "one-yen"
		switch w := s.tok(j); {
		case w == "de" || w == "De" || w == "of":
			j++
		case (w == "d" || w == "D") && j+1 < len(s.toks) && apostropheSize(s.tok(j+1)) > 0:
			j += 2
		case v.code == "" && w == "-" && !s.toks[j].gap:
			j++
		}
	} else if v.code == "" && s.is(j, "-") && !s.toks[j].gap {
		j++ // a 12-euro fee
	}
	if j >= len(s.toks) {
		return k
	}
	if !glued && s.is(j, "%") || s.is(j, "％") {
		v.code, v.sym, v.last = "%", "%", j
		return j + 1
	}
	if v.code == "" && v.power == 0 {
		if n := s.percentWord(j); n > 0 {
			v.code, v.sym, v.last = "%", "%", j+n-1
			return j + n
		}
	}
	if p, ok := s.at(j, roleSubunit); ok && v.code == "" {
		if _, _, _, sign := s.currency(j, false); !sign {
			v.subunit, v.last = true, j+p.tokens-1
			v.sym = s.text[s.toks[j].start:s.toks[j+p.tokens-1].end]
			return j + p.tokens
		}
	}
	code, next, fused, ok := s.currency(j, true)
	if !ok || s.toks[j].newline {
		if glued {
			if v.code != "" && v.sym != "" {
				return -1 // $5070Ti
			}
			return -1
		}
		return k
	}
	if v.code != "" { // a second name of the same money
		if code == v.code || v.sym == "$" && strings.HasSuffix(code, "D") && next-j <= 2 && !s.followedByNumber(next) {
			v.code, v.last = code, next-1
			return next
		}
		return k
	}
	// "10 $ 30 $": the sign after a number is its own; "EUR 20 30" is not read so.
	if s.weak(j, v) {
		if glued {
			return -1
		}
		return k
	}
	if s.followedByNumber(next) && s.signBelongsRight(j, next) {
		return k
	}
	v.code, v.sym, v.last = code, s.text[s.toks[j].start:s.toks[next-1].end], next-1
	if fused > 0 {
		v.power += fused
	}
	if v.power == 0 { // 75 USD million
		for n := 0; n < 2; n++ {
			p, ok := s.at(next, roleMagnitude)
			if !ok || s.toks[next].newline || p.n < 3 {
				break
			}
			v.power += p.n
			v.last = next + p.tokens - 1
			next += p.tokens
		}
	}
	return next
}

// signBelongsRight decides whom a sign between two numbers belongs to: "2023 $5".
func (s *scan) signBelongsRight(j, next int) bool {
	return s.toks[j].gap && !s.toks[next].gap
}

func (s *scan) followedByNumber(i int) bool {
	return i < len(s.toks) && s.toks[i].kind == number && !s.toks[i].newline
}

func (s *scan) percentWord(j int) int {
	switch strings.ToLower(s.tok(j)) {
	case "percent", "pourcent":
		return 1
	case "pour", "per":
		if j+1 < len(s.toks) {
			if w := strings.ToLower(s.tok(j + 1)); w == "cent" || w == "cents" {
				return 2
			}
		}
	}
	return 0
}

// weak reports whether the currency word at j is also another word and needs a
// magnitude to be believed in an article: "livres" (books), "won" (verb).
func (s *scan) weak(j int, v *value) bool {
	if s.opt.words || s.opt.shop || v.power > 0 {
		return false
	}
	switch strings.ToLower(s.tok(j)) {
	case "livres", "livre":
		return !(j+1 < len(s.toks) && (strings.EqualFold(s.tok(j+1), "sterling") || strings.EqualFold(s.tok(j+1), "turques")))
	case "won", "marks", "rand", "rands", "dong", "lira", "liras", "quid", "pesos", "sterling", "leu", "lei":
		return true
	}
	return false
}

// cents reads "15 dollars 50", "13 dollars and 45 cents", "35€ 99".
func (s *scan) cents(v *value) {
	j := v.last + 1
	if j >= len(s.toks) || s.toks[j].newline {
		return
	}
	joined := false
	switch strings.ToLower(s.tok(j)) {
	case "and", "et":
		joined = true
		j++
	}
	if j >= len(s.toks) {
		return
	}
	n, end := uint64(0), j
	switch t := &s.toks[j]; {
	case t.kind == number:
		lit := &s.nums[t.num]
		if lit.bad || lit.nsep > 0 || lit.n > 2 {
			return
		}
		d, _ := digits(string(lit.raw[:lit.n]), 0)
		for n = d.coef; d.exp > 0; d.exp-- {
			n *= 10
		}
	case s.opt.words:
		w, ok := s.numberWords(j)
		if !ok || w.d.exp > 1 || w.d.coef > 99 || w.power > 0 || s.article(j) {
			return
		}
		for n = w.d.coef; w.d.exp > 0; w.d.exp-- {
			n *= 10
		}
		end = w.last
	default:
		return
	}
	if n >= 100 {
		return
	}
	named := false
	if end+1 < len(s.toks) {
		if p, ok := s.at(end+1, roleSubunit); ok {
			named = true
			end += p.tokens
		} else if s.opt.words && (s.is(end+1, "c") || s.is(end+1, "¢")) {
			named = true
			end++
		}
	}
	if !named {
		// Without the word it must be glued or clearly two digits, and no number of its own.
		if !s.opt.words && !s.opt.shop || joined {
			return
		}
		if s.toks[j].kind == word && n < 10 || s.toks[j].kind == number && s.nums[s.toks[j].num].n != 2 {
			return
		}
		if end+1 < len(s.toks) && s.toks[end+1].kind == word && (!s.toks[end+1].gap || s.toks[j].kind == word) {
			return // "11a", "two hundred times"
		}
		if _, _, _, ok := s.currency(end+1, true); ok || s.is(end+1, "%") {
			return
		}
		if _, ok := s.at(end+1, roleMagnitude); ok {
			return
		}
	}
	if d, ok := v.d.addCents(n); ok {
		v.d, v.last = d, end
	}
}

// numberWords reads "five", "twenty-five", "three hundred", "un", "une dizaine de".
func (s *scan) numberWords(i int) (value, bool) {
	v := value{first: i, last: i - 1, spelled: true}
	total, part, any := uint64(0), uint64(0), false
	j := i
	for j < len(s.toks) && j < i+12 {
		if j > i && s.toks[j].newline {
			break
		}
		if any && (s.is(j, "-") || s.is(j, "et") || s.is(j, "and")) && j+1 < len(s.toks) {
			p, ok := s.at(j+1, roleNumber)
			if !ok || s.toks[j].gap && s.is(j, "-") || p.name == "" && s.article(j+1) {
				break
			}
			j++
			continue
		}
		p, ok := s.at(j, roleNumber)
		if ok {
			if any && (s.article(j) || uint64(p.n) >= part%100 && part%100 != 0 && !(p.n == 20 && part%100 == 4)) {
				break
			}
			if p.n == 20 && part%100 == 4 { // quatre-vingts
				part = part - 4 + 80
			} else {
				part += uint64(p.n)
			}
			any = true
			j += p.tokens
			v.last = j - 1
			continue
		}
		m, ok := s.at(j, roleMagnitude)
		if !ok || m.n > 3 || m.n == 2 && s.is(j, "cents") && !s.hundreds(j+1) {
			break
		}
		if !any && m.n != 2 && !s.lang.comma {
			break
		}
		if part == 0 {
			part = 1
		}
		if m.n == 2 {
			if part >= 100 {
				break
			}
			part *= 100
		} else {
			total += part * 1000
			part = 0
		}
		any = true
		j += m.tokens
		v.last = j - 1
	}
	if !any || total+part == 0 {
		return value{}, false
	}
	v.d = whole(total + part)
	return v, true
}

// hundreds reports whether "deux cents" before token i is 200 and not two cents.
func (s *scan) hundreds(i int) bool {
	if _, _, _, ok := s.currency(i, true); ok {
		return true
	}
	m, ok := s.at(i, roleMagnitude)
	return ok && m.n >= 3
}

// article reports whether the number word at i is "a", "an", "un", "une".
func (s *scan) article(i int) bool {
	switch strings.ToLower(s.tok(i)) {
	case "a", "an", "un", "une":
		return true
	}
	return false
}

// spelled reads an amount in number words: "five million yen", "half a billion dollars".
func (s *scan) spelled(i int) (value, bool) {
	t := &s.toks[i]
	if t.kind != word || i > 0 && !t.gap && s.toks[i-1].kind == number {
		return value{}, false
	}
	var v value
	var ok bool
	if p, half := s.at(i, roleHalf); half {
		v = value{first: i, last: i + p.tokens - 1, d: dec{coef: 5, exp: -1}, spelled: true}
		ok = true
	} else if v, ok = s.numberWords(i); ok {
		if p, quarter := s.at(v.last+1, roleQuarter); quarter && v.last+1 < len(s.toks) && !s.lang.comma {
			if d := v.d; d.exp == 0 && d.coef < 4 {
				v.d = dec{coef: 25 * d.coef, exp: -2}.normal()
				v.last += p.tokens
				if s.is(v.last+1, "of") && s.is(v.last+2, "a") {
					v.last += 2
				}
			}
		}
	} else if p, quarter := s.at(i, roleQuarter); quarter && !s.lang.comma {
		v = value{first: i, last: i + p.tokens - 1, d: dec{coef: 25, exp: -2}, spelled: true}
		ok = true
	} else if p, magnitude := s.at(i, roleMagnitude); magnitude && p.n >= 6 && (s.is(i-1, "le") || s.is(i-1, "du")) {
		v = value{first: i, last: i - 1, d: whole(1), spelled: true}
		ok = true
	}
	if !ok {
		return value{}, false
	}
	k := v.last + 1
	if s.is(k, "de") || s.is(k, "-") || s.is(k, "à") && false {
		if p, ok := s.at(k+1, roleMagnitude); ok && p.n >= 3 {
			k++
		}
	}
	for n := 0; n < 2 && k < len(s.toks); n++ {
		p, ok := s.at(k, roleMagnitude)
		if !ok || p.n < 3 {
			break
		}
		v.power += p.n
		k += p.tokens
		v.last = k - 1
	}
	v.d = v.d.shift(v.power)
	if v.power < 6 && !s.opt.words {
		// In articles small number words are not annotated; they are read all the
		// same where a currency follows, so that "un dollar" is passed over whole.
		if v.power == 0 && s.article(i) {
			return value{}, false
		}
	}
	if k < len(s.toks) {
		if n := s.suffix(&v, k, false); n > k {
			if v.code == "%" || s.followedByNumber(n) && !s.toks[n].gap {
				return value{}, false
			}
			if !v.subunit && s.opt.words && v.power == 0 {
				s.cents(&v)
			}
		}
	}
	if v.code == "" && !v.subunit {
		return value{}, false
	}
	return v, v.d.sane()
}

// how two values belong together
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
	if a.power == 0 && b.power > 0 && a.d.shift(b.power).cmp(b.d) <= 0 {
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
		if s.changing(n, lead, 14) || grown.d.cmp(b.d) > 0 {
			return b, changed, true
		}
		return b, paired, true
	case b.code == "" || grown.d.cmp(b.d) > 0 || a.code == "" && yearLike(a):
		return value{}, 0, false
	}
	return b, paired, true
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
	if _, ok := s.at(i, rolePer); ok {
		return true
	}
	if _, ok := s.at(i, rolePeriod); ok {
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

func yearLike(v value) bool {
	s := v.d.String()
	return v.power == 0 && len(s) == 4 && (s[:2] == "19" || s[:2] == "20")
}

// emitPair records a pair of values.
func (s *scan) emitPair(n int, a, b value, how pairing) int {
	if a.code == "" {
		a.code, a.sym = b.code, b.sym
	}
	if b.code == "" {
		b.code, b.sym = a.code, a.sym
	}
	if a.power == 0 && b.power > 0 && a.d.shift(b.power).cmp(b.d) <= 0 {
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
					if neg.p.role == roleNegation {
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
		per, okPer := s.at(k, rolePer)
		period, okPeriod := s.at(k, rolePeriod)
		if okPer && (!okPeriod || per.tokens > period.tokens) {
			if f != nil && f.per == "" {
				f.per = per.name
			}
			k += per.tokens
			used = k
			continue
		}
		if okPeriod {
			if f != nil && f.period == "" {
				f.period = period.name
			}
			k += period.tokens
			used = k
			continue
		}
		if p, ok := s.at(k, roleJoiner); ok {
			k += p.tokens
			continue
		}
		break
	}
	// A closing parenthesis belongs to an opened one: "(HT)".
	return used
}

// conversion folds "(£2.1bn)", "(soit 924,90 francs)" and ", soit 924 francs" into alt.
func (s *scan) conversion(n int, f *finding) {
	k := f.last + 1
	end := s.sents[n].last
	if k >= end || s.opt.words {
		return
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
	f.last = last
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
		if p.code == "%" || p.code == "" || p.power < 6 {
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
