package money

import "strings"

// maxShop bounds a shop string; prices stand at their beginning.
const maxShop = 1000

// ReadShop returns the first price of a web shop's price string, such as
// "Price: 12,99€" or "EUR 29.90 inkl. MwSt". hint is another string from the same
// place (a currency sign, a second price) that tells the currency when text has
// none; the amount then has that currency, or none. ok is false when there is no
// price. "Free" is 0.
func (r *Reader) ReadShop(text, hint string) (a Amount, ok bool) {
	a, ok = r.shopPrice(text)
	if !ok {
		return Amount{}, false
	}
	if a.Currency == "" || a.Symbol == "" {
		if h := r.shopCurrency(hint); h != "" {
			a.Currency = h
		}
	}
	return a, true
}

func (r *Reader) shopPrice(text string) (Amount, bool) {
	if len(text) > maxShop {
		text = strings.ToValidUTF8(text[:maxShop], "")
	}
	s := r.scan()
	defer s.release()
	s.begin(r, text, "en", options{shop: true})
	var first, bare value
	free := -1
	now := false
	for i := 0; i < len(s.toks); i++ {
		switch strings.ToLower(s.tok(i)) {
		case "free", "gratuit", "gratis", "kostenlos":
			free = i
		case "now", "maintenant", "jetzt", "ahora":
			now = first.last > 0
		}
		v, ok := s.value(i)
		if !ok {
			v, ok = s.lone(i)
		}
		switch {
		case !ok:
			continue
		case v.code == "%":
		case v.code == "" && bare.last == 0 && first.last == 0:
			if b, how, ok := s.pair(s.sentOf(i), v); ok && how == paired && b.code != "%" {
				v.code, v.sym = b.code, b.sym
				return s.shopAmount(v), true
			}
			v.last++ // told from the zero value
			bare = v
			v.last--
		case v.code == "":
		case first.last == 0 || now:
			first = v
			first.last++
			if now {
				break
			}
		}
		i = v.last
	}
	switch {
	case first.last > 0:
		first.last--
		return s.shopAmount(first), true
	case bare.last > 0:
		bare.last--
		return s.shopAmount(bare), true
	case free >= 0:
		w := s.span(free, free)
		return Amount{Text: strings.Clone(text[w.Start:w.End]), In: "text", Start: w.Start, End: w.End, Low: "0", High: "0", Kind: "product_price"}, true
	}
	return Amount{}, false
}

// lone reads a number that the grammar of sentences refuses: glued to a word, or
// followed by nothing known.
func (s *scan) lone(i int) (value, bool) {
	if s.toks[i].kind != number {
		return value{}, false
	}
	d, ok := s.nums[s.toks[i].num].value(s.style, false)
	return value{d: d, first: i, last: i, number: true}, ok && d.sane()
}

func (s *scan) shopAmount(v value) Amount {
	f := finding{low: v.d, high: v.d, hasLow: true, hasHigh: true, code: v.code, sym: v.sym, first: v.first, last: v.last, kind: "product_price"}
	f.sent = s.sentOf(v.first)
	s.units(&f, v.last+1, len(s.toks))
	s.found = append(s.found[:0], f)
	return s.amounts("text")[0]
}

// shopCurrency is the currency named in a hint, if there is one.
func (r *Reader) shopCurrency(hint string) string {
	if len(hint) > maxShop {
		hint = strings.ToValidUTF8(hint[:maxShop], "")
	}
	s := r.scan()
	defer s.release()
	s.begin(r, hint, "en", options{shop: true})
	for i := range s.toks {
		if code, next, _, ok := s.currency(i, true); ok && (next > i+1 || s.toks[i].end-s.toks[i].start > 1 || s.toks[i].kind == symbol) {
			return code // a lone letter is no hint
		}
	}
	return ""
}
