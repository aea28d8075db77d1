package money

import "strings"

// maxDigits bounds the digits of one amount before and after its magnitude is
// applied: no price, market or debt is larger, and a uint64 holds 18 of them.
const maxDigits = 18

// dec is the exact value coef × 10^exp. The zero value is 0.
type dec struct {
	coef uint64
	exp  int
	neg  bool
}

// digits reads ASCII digits, the last scale of them after the decimal point.
func digits(s string, scale int) (dec, bool) {
	s = strings.TrimLeft(s, "0")
	if len(s) > maxDigits || scale > maxDigits {
		return dec{}, false
	}
	var d dec
	for i := 0; i < len(s); i++ {
		d.coef = d.coef*10 + uint64(s[i]-'0')
	}
	d.exp = -scale
	return d.normal(), true
}

func whole(n uint64) dec { return dec{coef: n}.normal() }

func (d dec) normal() dec {
	if d.coef == 0 {
		return dec{}
	}
	for d.coef%10 == 0 {
		d.coef /= 10
		d.exp++
	}
	return d
}

// shift multiplies by 10^n.
func (d dec) shift(n int) dec {
	if d.coef != 0 {
		d.exp += n
	}
	return d
}

// addCents adds n hundredths; ok is false when the sum leaves the bounds.
func (d dec) addCents(n uint64) (dec, bool) {
	if d.exp < -2 {
		return d, false
	}
	c := d.coef
	for e := d.exp; e > -2; e-- {
		if c > 1e17 {
			return d, false
		}
		c *= 10
	}
	return dec{coef: c + n, exp: -2, neg: d.neg}.normal(), true
}

// sane reports whether the value has at most maxDigits before the point and nine after it.
func (d dec) sane() bool {
	n := 0
	for c := d.coef; c > 0; c /= 10 {
		n++
	}
	return n+d.exp <= maxDigits && d.exp >= -9
}

// cmp compares magnitudes, not signs.
func (d dec) cmp(o dec) int {
	a, b := d.abs().String(), o.abs().String()
	ai, af, _ := strings.Cut(a, ".")
	bi, bf, _ := strings.Cut(b, ".")
	if len(ai) != len(bi) {
		if len(ai) < len(bi) {
			return -1
		}
		return 1
	}
	if c := strings.Compare(ai, bi); c != 0 {
		return c
	}
	return strings.Compare(af, bf) // no trailing zeros, so byte order is numeric order
}

func (d dec) abs() dec { d.neg = false; return d }

// String is plain decimal notation without exponent or trailing zeros.
func (d dec) String() string {
	if d.coef == 0 {
		return "0"
	}
	var raw [48]byte
	i := len(raw)
	c, exp := d.coef, d.exp
	for ; exp > 0; exp-- {
		i--
		raw[i] = '0'
	}
	for c > 0 || exp < 0 {
		i--
		raw[i] = byte('0' + c%10)
		c /= 10
		if exp < 0 {
			if exp++; exp == 0 {
				i--
				raw[i] = '.'
				if c == 0 {
					i--
					raw[i] = '0'
				}
			}
		}
	}
	if d.neg {
		i--
		raw[i] = '-'
	}
	return string(raw[i:])
}
