package money

import (
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	word   tokenKind = iota // letters and marks
	number                  // digits with their separators
	symbol                  // one rune of anything else
)

// token is one piece of the text. Word ids are looked up only where they are needed.
type token struct {
	start, end int32
	kind       tokenKind
	gap        bool // white space before it
	newline    bool // a line break before it
	looked     bool
	stemmed    bool
	id         int32 // folded word in the lexicon, 0 when unknown
	stem       int32 // longest known stem, 0 when none
	exact      int32 // the word as written, in the table of currency symbols
	num        int32 // index into scan.nums
}

// literal is a number as written: its ASCII digits, and where the separators stood.
type literal struct {
	raw  [40]byte
	n    int
	sep  [12]byte // ' ' for any white space, '\'' for any apostrophe, else '.' or ','
	at   [12]int  // digits before the separator
	nsep int
	bad  bool // too long, or no number anybody writes
}

func (l *literal) add(d byte) {
	if l.n < len(l.raw) {
		l.raw[l.n] = d
		l.n++
	} else {
		l.bad = true
	}
}

// digitValue reads ASCII, full-width, Arabic-Indic and Devanagari digits.
func digitValue(s string) (d byte, size int) {
	if s == "" {
		return 0, 0
	}
	if c := s[0]; c < utf8.RuneSelf {
		if c >= '0' && c <= '9' {
			return c, 1
		}
		return 0, 0
	}
	r, n := utf8.DecodeRuneInString(s)
	for _, zero := range [...]rune{'０', '٠', '۰', '०'} {
		if r >= zero && r <= zero+9 {
			return byte('0' + r - zero), n
		}
	}
	return 0, 0
}

// spaceSize is the length of one white-space rune at the start of s, line breaks excepted.
func spaceSize(s string) int {
	if s == "" {
		return 0
	}
	switch c := s[0]; {
	case c == ' ' || c == '\t':
		return 1
	case c < utf8.RuneSelf:
		return 0
	}
	r, n := utf8.DecodeRuneInString(s)
	if r == 0x85 || r == 0x2028 || r == 0x2029 {
		return 0
	}
	if unicode.IsSpace(r) || r == 0x2060 || r == 0xFEFF || r == 0x200B {
		return n
	}
	return 0
}

func apostropheSize(s string) int {
	switch {
	case s == "":
		return 0
	case s[0] == '\'':
		return 1
	case len(s) >= 3 && s[:3] == "’":
		return 3
	}
	return 0
}

// digitRun counts the digits at the start of s, up to limit, and their bytes.
func digitRun(s string, limit int) (count, size int) {
	for count < limit {
		_, n := digitValue(s[size:])
		if n == 0 {
			break
		}
		size += n
		count++
	}
	return count, size
}

// scanNumber reads the longest number literal at the start of s and returns its length.
func scanNumber(s string, lit *literal, loose bool) int {
	i := 0
	group := 0 // digits of the group being read
	take := func() {
		for group = 0; ; group++ {
			d, n := digitValue(s[i:])
			if n == 0 {
				return
			}
			lit.add(d)
			i += n
		}
	}
	take()
	decimal := false
	for i < len(s) {
		sep, size := byte(0), 0
		switch c := s[i]; {
		case c == '.' || c == ',':
			sep, size = c, 1
		default:
			if n := spaceSize(s[i:]); n > 0 {
				sep, size = ' ', n
			} else if n := apostropheSize(s[i:]); n > 0 {
				sep, size = '\'', n
			}
		}
		if size == 0 {
			break
		}
		if n := spaceSize(s[i+size:]); loose && n > 0 && (sep == '.' || sep == ',') {
			if count, _ := digitRun(s[i+size+n:], 3); count == 2 {
				size += n
			}
		}
		count, _ := digitRun(s[i+size:], 4)
		if count == 0 {
			break
		}
		if sep == ' ' || sep == '\'' {
			if count != 3 || decimal || group > 3 || group == 0 {
				break
			}
			if lit.nsep > 0 && lit.sep[lit.nsep-1] != sep {
				break
			}
		} else {
			decimal = true
		}
		if lit.nsep == len(lit.sep) {
			lit.bad = true
		} else {
			lit.sep[lit.nsep], lit.at[lit.nsep] = sep, lit.n
			lit.nsep++
		}
		i += size
		take()
	}
	return i
}

// style says how a lone '.' or ',' before exactly three digits is to be read.
type style struct {
	comma bool // the decimal sign is a comma
	shop  bool // three digits are always thousands, whatever the sign
}

// value reads the literal. decimals is the number of digits after the decimal
// sign that the currency allows where three would otherwise mean thousands.
func (l *literal) value(st style, small bool) (dec, bool) {
	if l.bad || l.n == 0 {
		return dec{}, false
	}
	ds := string(l.raw[:l.n])
	if l.nsep == 0 {
		return digits(ds, 0)
	}
	dots, commas, blanks := 0, 0, 0
	for _, c := range l.sep[:l.nsep] {
		switch c {
		case '.':
			dots++
		case ',':
			commas++
		default:
			blanks++
		}
	}
	last := l.nsep - 1
	tail := l.n - l.at[last]
	lastSep := l.sep[last]
	groups := func(upto int) bool { // every group after the first has three digits (two in the Indian way)
		for i := 1; i <= upto; i++ {
			end := l.n
			if i < l.nsep {
				end = l.at[i]
			}
			if n := end - l.at[i-1]; n != 3 && (n != 2 || i == upto && end == l.n) {
				return false
			}
		}
		return l.at[0] <= 3
	}
	switch {
	case dots+commas == 0:
		return digits(ds, 0)
	case dots+commas == 1 && blanks > 0:
		return digits(ds, tail)
	case dots > 0 && commas > 0:
		if lastSep == '.' && dots == 1 || lastSep == ',' && commas == 1 {
			if !groups(last) {
				return dec{}, false
			}
			return digits(ds, tail)
		}
		return dec{}, false
	case dots+commas > 1:
		if !groups(l.nsep) || blanks > 0 {
			return dec{}, false
		}
		return digits(ds, 0)
	}
	thousands := tail == 3 && l.at[0] <= 3 && l.raw[0] != '0' && !small
	if thousands && !st.shop {
		thousands = (lastSep == '.') == st.comma
	}
	if thousands {
		return digits(ds, 0)
	}
	return digits(ds, tail)
}

// evidence reports whether the literal can only be read with a decimal comma (+1) or point (-1).
func (l *literal) evidence() int {
	if l.bad || l.nsep == 0 {
		return 0
	}
	dots, commas := 0, 0
	for _, c := range l.sep[:l.nsep] {
		switch c {
		case '.':
			dots++
		case ',':
			commas++
		}
	}
	last := l.nsep - 1
	tail := l.n - l.at[last]
	sign := -1
	if l.sep[last] == ',' {
		sign = 1
	}
	switch {
	case dots+commas == 0:
		return 0
	case dots > 0 && commas > 0:
		return sign
	case dots+commas == 1 && tail != 3 && tail <= 2:
		return sign
	case dots+commas > 1 && tail == 3:
		return -sign // repeated sign: thousands
	}
	return 0
}

// tokenize appends the tokens and number literals of s. loose takes "8. 94" for
// one number, as shops write it.
func tokenize(s string, toks []token, nums []literal, loose bool) ([]token, []literal) {
	gap, newline := true, true
	for i := 0; i < len(s); {
		c := s[i]
		if c == '\n' || c == '\r' {
			gap, newline = true, true
			i++
			continue
		}
		if c == ' ' || c == '\t' {
			gap = true
			i++
			continue
		}
		start := i
		t := token{start: int32(i), gap: gap, newline: newline}
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			t.kind = word
			i = wordEnd(s, i)
		case c >= '0' && c <= '9':
			nums = append(nums, literal{})
			i += scanNumber(s[i:], &nums[len(nums)-1], loose)
			t.kind, t.num = number, int32(len(nums)-1)
		case c < utf8.RuneSelf:
			t.kind = symbol
			i++
		default:
			if n := spaceSize(s[i:]); n > 0 {
				gap = true
				i += n
				continue
			}
			r, n := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == 0x85 || r == 0x2028 || r == 0x2029:
				gap, newline = true, true
				i += n
				continue
			case unicode.IsLetter(r) || unicode.IsMark(r):
				t.kind = word
				i = wordEnd(s, i)
			default:
				if _, digit := digitValue(s[i:]); digit > 0 {
					nums = append(nums, literal{})
					i += scanNumber(s[i:], &nums[len(nums)-1], loose)
					t.kind, t.num = number, int32(len(nums)-1)
				} else {
					t.kind = symbol
					i += max(1, n)
				}
			}
			if i == start { // invalid byte
				i++
			}
		}
		if t.kind == symbol && i == start {
			i++
		}
		t.end = int32(i)
		toks = append(toks, t)
		gap, newline = false, false
	}
	return toks, nums
}

func wordEnd(s string, i int) int {
	for i < len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			return i
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if !unicode.IsLetter(r) && !unicode.IsMark(r) {
			return i
		}
		i += n
	}
	return i
}
