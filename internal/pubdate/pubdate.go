// Package pubdate reads the dates that feeds and article pages carry, in French, English and the neighbouring languages.
//
// Call [Parse] on a string that should be a date and [Find] on running text that may hold some. Both run in linear time,
// need no locale data, and refuse what is not a day of the calendar between 1990 and 2100. Durations ("il y a 3 jours"),
// quarters and half-years are not dates here.
package pubdate

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Precision of a date, as the article's precision field spells it.
const (
	Second = "second"
	Minute = "minute"
	Day    = "day"
	None   = "none" // only the year or the month is known
)

// Options settle what the text leaves open.
type Options struct {
	Location   *time.Location // of a time without zone; nil is UTC
	MonthFirst bool           // 11/12/2025 is the 12th of November
	Stated     bool           // the time is given in the zone it was stated or assumed in, so that its day is the one readers saw
}

// Match is a date found in running text; Start and End are byte offsets, half-open.
type Match struct {
	Time       time.Time
	Precision  string
	Start, End int
}

// maxInput bounds what Parse looks at: no date is longer.
const maxInput = 200

// Years outside this range are typing errors, epochs and attacks; the web's articles begin in the nineties.
const minYear, maxYear = 1990, 2100

// Parse reads s as one date. The time is in UTC, unless o.Stated; a day without time of day is midnight UTC of that day.
func Parse(s string, o Options) (t time.Time, precision string, ok bool) {
	s = strings.TrimSpace(s[:min(len(s), maxInput)])
	if s == "" {
		return time.Time{}, None, false
	}
	if t, p, ok := digits(s, o); ok {
		return t, p, true
	}
	b := fold(s)
	for i := 0; i < len(b); i++ {
		if i > 0 && alnum(b[i-1]) {
			continue
		}
		if c := b[i]; c < '0' || c > '9' && c < 'a' || c > 'z' {
			continue
		}
		d, ok := dateAt(b, i, o)
		if !ok {
			continue
		}
		return d.when(b, o)
	}
	if len(b) == 7 && b[4] == '-' { // W3C date of a month
		if y, m := number(b[:4]), number(b[5:]); y >= minYear && y <= maxYear && m >= 1 && m <= 12 {
			return time.Date(y, time.Month(m), 1, 0, 0, 0, 0, time.UTC), None, true
		}
	}
	if len(b) == 4 {
		if y := number(b); y >= minYear && y <= maxYear {
			return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC), None, true
		}
	}
	return time.Time{}, None, false
}

// Find returns the first max dates of text, in order.
func Find(text string, o Options, max int) []Match {
	b := fold(text)
	var out []Match
	for i := 0; i < len(b) && len(out) < max; i++ {
		if i > 0 && (alnum(b[i-1]) || b[i-1] >= utf8.RuneSelf) {
			continue
		}
		c := b[i]
		if !(c >= '0' && c <= '9') {
			if c < 'a' || c > 'z' {
				continue
			}
			if _, n := month(b[i:]); n == 0 {
				continue
			}
		}
		d, ok := dateAt(b, i, o)
		if !ok {
			continue
		}
		d.strict = true
		t, p, ok := d.when(b, o)
		if !ok {
			continue
		}
		out = append(out, Match{Time: t, Precision: p, Start: i, End: d.end})
		i = d.end - 1
	}
	return out
}

// digits reads dates that are nothing but digits: Unix times and 20251112, 20251112T101500Z.
func digits(s string, o Options) (time.Time, string, bool) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	rest := s[n:]
	if frac, ok := strings.CutPrefix(rest, "."); ok && n >= 9 && strings.Trim(frac, "0123456789") == "" {
		rest = "" // a Unix time with a fraction
	}
	if rest == "" {
		var v int64
		for _, c := range s[:n] {
			if v > 1<<60 {
				return time.Time{}, None, false
			}
			v = v*10 + int64(c-'0')
		}
		var t time.Time
		switch n {
		case 9, 10:
			t = time.Unix(v, 0)
		case 13:
			t = time.UnixMilli(v)
		case 16:
			t = time.UnixMicro(v)
		}
		if !t.IsZero() && t.Year() >= minYear && t.Year() <= maxYear {
			return t.UTC(), Second, true
		}
	}
	if n == 8 || n == 14 || n == 12 {
		d := found{y: number(s[:4]), m: number(s[4:6]), d: number(s[6:8]), end: 8}
		if !d.valid() {
			return time.Time{}, None, false
		}
		switch {
		case n >= 12:
			d.hour, d.min, d.sec, d.timed = number(s[8:10]), number(s[10:12]), 0, Minute
			if n == 14 {
				d.sec, d.timed = number(s[12:14]), Second
			}
			d.end = n
		case len(s) >= 13 && (s[8] == 'T' || s[8] == 't') && isDigits(s[9:13]):
			d.hour, d.min, d.timed, d.end = number(s[9:11]), number(s[11:13]), Minute, 13
			if len(s) >= 15 && isDigits(s[13:15]) {
				d.sec, d.timed, d.end = number(s[13:15]), Second, 15
			}
		}
		return d.when(fold(s), o)
	}
	return time.Time{}, None, false
}

// found is a calendar day at a place of the text, perhaps with its time of day.
type found struct {
	y, m, d        int
	hour, min, sec int
	timed          string // "", Minute or Second
	zone           *time.Location
	end            int
	strict         bool // only a time directly behind the day counts
}

func (d *found) valid() bool {
	if d.y < minYear || d.y > maxYear || d.m < 1 || d.m > 12 || d.d < 1 || d.d > 31 {
		return false
	}
	return time.Date(d.y, time.Month(d.m), d.d, 0, 0, 0, 0, time.UTC).Day() == d.d
}

// when looks for the time of day behind the day, or before it, and makes the moment.
func (d *found) when(b string, o Options) (time.Time, string, bool) {
	if d.timed == "" {
		if i := glue(b, d.end); (i < 0 || !d.clockAt(b, i)) && !d.strict {
			for i := 0; i < d.end; i++ { // "10:15 12/11/2025", "at 9 am on May 3, 2025"
				if b[i] >= '0' && b[i] <= '9' && (i == 0 || !alnum(b[i-1])) && d.clockAt(b, i) {
					break
				}
			}
		}
	} else {
		d.zoneAt(b, d.end)
	}
	if d.timed == "" {
		return time.Date(d.y, time.Month(d.m), d.d, 0, 0, 0, 0, time.UTC), Day, true
	}
	if d.hour == 24 && d.min == 0 && d.sec == 0 {
		d.hour, d.d = 0, d.d+1 // ISO 8601's end of the day
	}
	if d.hour > 23 || d.min > 59 || d.sec > 60 {
		return time.Date(d.y, time.Month(d.m), d.d, 0, 0, 0, 0, time.UTC), Day, true
	}
	loc := d.zone
	if loc == nil {
		loc = o.Location
	}
	if loc == nil {
		loc = time.UTC
	}
	t := time.Date(d.y, time.Month(d.m), d.d, d.hour, d.min, d.sec, 0, loc)
	if !o.Stated {
		t = t.UTC()
	}
	return t, d.timed, true
}

// dateAt reads a calendar day that begins at b[i].
func dateAt(b string, i int, o Options) (found, bool) {
	if m, n := month(b[i:]); n > 0 {
		j := skip(b, i+n, " .,-/")
		day, k := digitsAt(b, j, 2)
		if k == j {
			return found{}, false
		}
		k = ordinal(b, k)
		if k < len(b) && b[k] >= '0' && b[k] <= '9' { // "may 2025": a year, not a day
			return found{}, false
		}
		d := found{m: m, d: day}
		j = skip(b, k, " .,-/")
		// asctime and date(1): the time stands between the day and the year
		if d.clockAt(b, j) {
			j = skip(b, d.end, " ,")
			if y, e := digitsAt(b, j, 4); e-j == 4 {
				d.y, d.end = y, e
				return d, d.valid()
			}
			d.timed, d.zone = "", nil
			j = skip(b, k, " .,-/")
		}
		y, e := digitsAt(b, j, 4)
		if e-j == 4 && (e == len(b) || !alnum(b[e])) {
			d.y, d.end = y, e
			return d, d.valid()
		}
		return found{}, false
	}
	n1, j := digitsAt(b, i, 4)
	if j == i || j < len(b) && b[j] >= '0' && b[j] <= '9' {
		return found{}, false
	}
	if j-i == 4 { // year first
		k := skip(b, j, "-/. ")
		if m, n := month(b[k:]); n > 0 && k > j {
			l := skip(b, k+n, "-/. ")
			day, e := digitsAt(b, l, 2)
			d := found{y: n1, m: m, d: day, end: e}
			return d, e > l && d.valid()
		}
		if strings.HasPrefix(b[j:], "年") { // 2025年11月12日
			m, k := digitsAt(b, skip(b, j+len("年"), " "), 2)
			if strings.HasPrefix(b[k:], "月") {
				day, e := digitsAt(b, skip(b, k+len("月"), " "), 2)
				d := found{y: n1, m: m, d: day, end: e + len("日")}
				return d, strings.HasPrefix(b[e:], "日") && d.valid()
			}
		}
		if j >= len(b) || b[j] != '-' && b[j] != '/' && b[j] != '.' {
			return found{}, false
		}
		k = j + 1
		m, l := digitsAt(b, k, 2)
		if l-k == 2 && l < len(b) && b[l] >= '0' && b[l] <= '9' { // ISO ordinal day: 2025-316
			if yd, e := digitsAt(b, k, 3); b[j] == '-' && e-k == 3 && (e == len(b) || !alnum(b[e])) && yd >= 1 && yd <= 366 && n1 >= minYear && n1 <= maxYear {
				t := time.Date(n1, 1, yd, 0, 0, 0, 0, time.UTC)
				return found{y: t.Year(), m: int(t.Month()), d: t.Day(), end: e}, true
			}
			return found{}, false
		}
		if l == k || l >= len(b) || b[l] != b[j] {
			return found{}, false
		}
		day, e := digitsAt(b, l+1, 2)
		if e == l+1 || e < len(b) && b[e] >= '0' && b[e] <= '9' {
			return found{}, false
		}
		d := found{y: n1, m: m, d: day, end: e}
		return d, d.valid()
	}
	if j-i > 2 {
		return found{}, false
	}
	k := ordinal(b, j)
	l := skip(b, k, " .,-/")
	if strings.HasPrefix(b[l:], "de ") || strings.HasPrefix(b[l:], "of ") {
		l += 3
	}
	if m, n := month(b[l:]); n > 0 {
		e := skip(b, l+n, " .,-/")
		if strings.HasPrefix(b[e:], "de ") {
			e += 3
		}
		y, f := digitsAt(b, e, 4)
		switch {
		case f-e == 4 && (f == len(b) || b[f] < '0' || b[f] > '9'):
		case f-e == 2 && e > l+n && (f == len(b) || !alnum(b[f]) && b[f] != ':'):
			y = century(y)
		default:
			return found{}, false
		}
		d := found{y: y, m: m, d: n1, end: f}
		return d, d.valid()
	}
	if k != j || j >= len(b) || b[j] != '/' && b[j] != '.' && b[j] != '-' {
		return found{}, false
	}
	m, l := digitsAt(b, j+1, 2)
	if l == j+1 || l >= len(b) || b[l] != b[j] {
		return found{}, false
	}
	y, e := digitsAt(b, l+1, 4)
	switch {
	case e-l-1 == 4:
	case e-l-1 == 2 && (e == len(b) || !alnum(b[e]) && b[e] != b[j]):
		if b[j] == '-' && n1 > 31 { // 25-11-12 of RFC 822's heirs is read year first only when nothing else fits
			return found{}, false
		}
		y = century(y)
	default:
		return found{}, false
	}
	if e < len(b) && b[e] >= '0' && b[e] <= '9' {
		return found{}, false
	}
	day := n1
	if (o.MonthFirst && b[j] == '/' && day <= 12) || m > 12 && day <= 12 {
		day, m = m, day
	}
	d := found{y: y, m: m, d: day, end: e}
	return d, d.valid()
}

// clockAt reads 10:15, 10:15:30.5, 10h15, 10 h, 9 am, 10.15 pm, and the zone behind it.
func (d *found) clockAt(b string, i int) bool {
	h, j := digitsAt(b, i, 2)
	if j == i || j >= len(b) {
		return false
	}
	hour, minute, sec, prec := h, 0, 0, ""
	k := j
	switch {
	case b[j] == ':' || b[j] == '.' && meridiem(b, skip(b, min(j+3, len(b)), " ")) != 0:
		m, l := digitsAt(b, j+1, 2)
		if l-j-1 != 2 {
			return false
		}
		minute, prec, k = m, Minute, l
		if k < len(b) && b[k] == ':' {
			if s, l := digitsAt(b, k+1, 2); l-k-1 == 2 {
				sec, prec, k = s, Second, l
				if k+1 < len(b) && (b[k] == '.' || b[k] == ',') && b[k+1] >= '0' && b[k+1] <= '9' {
					for k++; k < len(b) && b[k] >= '0' && b[k] <= '9'; k++ {
					}
				}
			}
		}
	case b[j] == 'h' || b[j] == ' ' && j+1 < len(b) && b[j+1] == 'h':
		k = j + 1
		if b[j] == ' ' {
			k++
		}
		prec = Minute
		l := skip(b, k, " ")
		if m, e := digitsAt(b, l, 2); e-l == 2 {
			minute, k = m, e
		}
		if k < len(b) && b[k] >= 'a' && b[k] <= 'z' {
			return false
		}
	case meridiem(b, skip(b, j, " ")) != 0:
		prec = Minute
	default:
		return false
	}
	if l := skip(b, k, " "); meridiem(b, l) != 0 {
		if hour > 12 || hour == 0 && meridiem(b, l) == 'p' {
			// "15:00 pm": the hour already says it
		} else if hour = hour % 12; meridiem(b, l) == 'p' {
			hour += 12
		}
		for k = l; k < len(b) && (b[k] == 'a' || b[k] == 'p' || b[k] == 'm' || b[k] == '.'); k++ {
		}
	}
	if hour > 24 || minute > 59 || sec > 60 {
		return false
	}
	d.hour, d.min, d.sec, d.timed = hour, minute, sec, prec
	if k > d.end {
		d.end = k
	}
	d.zoneAt(b, k)
	return true
}

// zoneAt reads Z, +0100, +01:00, UTC+1, CET or "heure de Paris" at b[i], behind blanks.
func (d *found) zoneAt(b string, i int) {
	i = skip(b, i, " (")
	if i >= len(b) {
		return
	}
	if b[i] >= 'a' && b[i] <= 'z' {
		j := i
		for j < len(b) && b[j] >= 'a' && b[j] <= 'z' {
			j++
		}
		word := b[i:j]
		if word == "heure" || word == "paris" {
			if strings.HasPrefix(b[i:], "heure de paris") || word == "paris" {
				d.setZone(paris(), j)
			}
			return
		}
		off, ok := zones[word]
		if !ok {
			if word == "z" || word == "utc" || word == "gmt" || word == "ut" {
				off, ok = 0, true
			}
		}
		if !ok {
			return
		}
		d.setZone(time.FixedZone(strings.ToUpper(word), off*60), j)
		if off != 0 || j >= len(b) || b[j] != '+' && b[j] != '-' {
			return
		}
		i = j // "utc+1"
	}
	if b[i] != '+' && b[i] != '-' {
		return
	}
	h, j := digitsAt(b, i+1, 2)
	if j == i+1 || h > 14 {
		return
	}
	m := 0
	if j-i == 3 || j-i == 2 {
		k := j
		if k < len(b) && b[k] == ':' {
			k++
		}
		if v, e := digitsAt(b, k, 2); e-k == 2 && v < 60 {
			m, j = v, e
		}
	}
	off := h*60 + m
	if b[i] == '-' {
		off = -off
	}
	d.setZone(time.FixedZone("", off*60), j)
}

func (d *found) setZone(l *time.Location, end int) {
	d.zone = l
	if end > d.end {
		d.end = end
	}
}

// glue steps over what stands between a day and its time: "T", ", à", " at ", " | ", " - ". It gives -1 when there is
// other text.
func glue(b string, i int) int {
	for n := 0; n < 6; n++ {
		i = skip(b, i, " ,|-.(")
		rest := b[i:]
		switch {
		case rest == "":
			return -1
		case rest[0] >= '0' && rest[0] <= '9':
			return i
		case strings.HasPrefix(rest, "t") && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
			return i + 1
		case strings.HasPrefix(rest, "à"):
			i += len("à")
		case strings.HasPrefix(rest, "a "), strings.HasPrefix(rest, "@ "):
			i++
		case strings.HasPrefix(rest, "·"):
			i += len("·")
		case strings.HasPrefix(rest, "–"):
			i += len("–")
		case strings.HasPrefix(rest, "at "), strings.HasPrefix(rest, "um "), strings.HasPrefix(rest, "om "), strings.HasPrefix(rest, "as "):
			i += 2
		case strings.HasPrefix(rest, "vers "):
			i += 4
		default:
			return -1
		}
	}
	return -1
}

// fold lower-cases and strips the accents of s, keeping every byte offset: a letter that would change its length keeps
// its first form and is followed by nothing a date needs.
func fold(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToLower(s)
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r < utf8.RuneSelf:
			out = append(out, byte(unicode.ToLower(r)))
		case r == '\u00a0' || r == '\u202f' || r == '\u2009':
			for range n {
				out = append(out, ' ')
			}
		default:
			out = append(out, strings.ToLower(s[i:i+n])...)
			if len(out) != i+n { // a letter whose lower case has another length: keep offsets
				out = append(out[:i], s[i:i+n]...)
			}
		}
		i += n
	}
	return string(out)
}

func alnum(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' }

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func number(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
		n = n*10 + int(s[i]-'0')
	}
	return n
}

func digitsAt(b string, i, max int) (v, end int) {
	for end = i; end < len(b) && end-i < max && b[end] >= '0' && b[end] <= '9'; end++ {
		v = v*10 + int(b[end]-'0')
	}
	return v, end
}

func skip(b string, i int, set string) int {
	for i < len(b) && strings.IndexByte(set, b[i]) >= 0 {
		i++
	}
	return i
}

func ordinal(b string, i int) int {
	for _, o := range [...]string{"er", "st", "nd", "rd", "th", "º", "ème", "e"} {
		if strings.HasPrefix(b[i:], o) && (i+len(o) == len(b) || !alnum(b[i+len(o)])) {
			return i + len(o)
		}
	}
	return i
}

func meridiem(b string, i int) byte {
	if i < len(b) && (b[i] == 'a' || b[i] == 'p') {
		rest := strings.TrimPrefix(b[i+1:], ".")
		if strings.HasPrefix(rest, "m") && (len(rest) == 1 || !alnum(rest[1])) {
			return b[i]
		}
	}
	return 0
}

func century(y int) int {
	if y < 70 {
		return 2000 + y
	}
	return 1900 + y
}
