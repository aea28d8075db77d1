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
		if f, found := s.r.fusion(s.tok(i)); found && f.code != "" {
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
	if f, ok := s.r.fusion(s.tok(k)); ok {
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
