package query

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// DateSpec is a date as people write it: a year, month or day, or a distance
// from now. It stays relative, so that a saved query moves with time.
type DateSpec struct {
	Year, Month, Day int  // absolute when Year > 0; 0 for what is not named
	N                int  // distance back from now
	Unit             byte // 'h', 'd', 'w', 'm', 'y' for relative dates, else 0
	Named            bool // written today or yesterday: means that day only
}

// Relative tells whether the date depends on now.
func (d DateSpec) Relative() bool { return d.Unit != 0 }

func (d DateSpec) String() string {
	switch {
	case d.Named && d.N == 0:
		return "today"
	case d.Named:
		return "yesterday"
	case d.Unit != 0:
		return strconv.Itoa(d.N) + string(d.Unit)
	case d.Day > 0:
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
	case d.Month > 0:
		return fmt.Sprintf("%04d-%02d", d.Year, d.Month)
	}
	return fmt.Sprintf("%04d", d.Year)
}

// Bounds returns the first instant of the date and the first one after it. Days
// begin in zone; a distance in hours is the instant itself.
func (d DateSpec) Bounds(now time.Time, zone *time.Location) (from, to time.Time) {
	now = now.In(zone)
	y, m, day := now.Date()
	date := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, zone) }
	switch d.Unit {
	case 'h':
		t := now.Add(-time.Duration(d.N) * time.Hour).Truncate(time.Second) // as finely as an index keeps times
		return t, t
	case 'd':
		return date(y, int(m), day-d.N), date(y, int(m), day-d.N+1)
	case 'w':
		return date(y, int(m), day-7*d.N), date(y, int(m), day-7*d.N+1)
	case 'm', 'y':
		n := d.N
		if d.Unit == 'y' {
			n *= 12
		}
		// Three months before 31 May is the last of February, not 3 March.
		last := date(y, int(m)-n+1, 0)
		back := date(y, int(m)-n, min(day, last.Day()))
		return back, back.AddDate(0, 0, 1)
	}
	switch {
	case d.Day > 0:
		return date(d.Year, d.Month, d.Day), date(d.Year, d.Month, d.Day+1)
	case d.Month > 0:
		return date(d.Year, d.Month, 1), date(d.Year, d.Month+1, 1)
	}
	return date(d.Year, 1, 1), date(d.Year+1, 1, 1)
}

// units of relative dates in both languages.
var units = map[string]byte{
	"h": 'h', "hours": 'h', "heures": 'h',
	"d": 'd', "j": 'd', "days": 'd', "jours": 'd',
	"w": 'w', "s": 'w', "weeks": 'w', "semaines": 'w', "sem": 'w',
	"m": 'm', "months": 'm', "mois": 'm',
	"y": 'y', "a": 'y', "years": 'y', "an": 'y', "ans": 'y',
}

// parseDate reads one date. When it can be read in two ways, alt holds both.
func parseDate(s string) (d DateSpec, alt []string, ok bool) {
	switch fold(s) {
	case "today", "aujourd'hui", "aujourdhui":
		return DateSpec{Unit: 'd', Named: true}, nil, true
	case "yesterday", "hier":
		return DateSpec{Unit: 'd', N: 1, Named: true}, nil, true
	}
	digits := 0
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	if digits == 0 {
		return d, nil, false
	}
	if u, found := units[fold(s[digits:])]; found && digits <= 4 {
		n, _ := strconv.Atoi(s[:digits])
		if u == 'y' && n > 200 || u == 'm' && n > 2400 {
			return d, nil, false
		}
		return DateSpec{N: n, Unit: u}, nil, true
	}
	// A full timestamp is cut to its day.
	if len(s) > 10 && (s[10] == 'T' || s[10] == 't') {
		if _, err := time.Parse(time.RFC3339, strings.ToUpper(s)); err == nil {
			s = s[:10]
		}
	}
	sep := strings.IndexAny(s, "-/.")
	if sep < 0 {
		if len(s) != 4 || digits != 4 {
			return d, nil, false
		}
		y, _ := strconv.Atoi(s)
		return DateSpec{Year: y}, nil, validYear(y)
	}
	parts := strings.Split(s, s[sep:sep+1])
	nums := make([]int, len(parts))
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 || len(p) > 4 || p[0] == '+' {
			return d, nil, false
		}
		nums[i] = n
	}
	switch {
	case len(parts) == 2 && len(parts[0]) == 4:
		d = DateSpec{Year: nums[0], Month: nums[1]}
		return d, nil, validYear(d.Year) && d.Month >= 1 && d.Month <= 12
	case len(parts) == 2 && len(parts[1]) == 4:
		d = DateSpec{Year: nums[1], Month: nums[0]}
		return d, nil, validYear(d.Year) && d.Month >= 1 && d.Month <= 12
	case len(parts) == 3 && len(parts[0]) == 4:
		d = DateSpec{Year: nums[0], Month: nums[1], Day: nums[2]}
		return d, nil, d.valid()
	case len(parts) == 3 && len(parts[2]) == 4:
		dmy := DateSpec{Year: nums[2], Month: nums[1], Day: nums[0]}
		mdy := DateSpec{Year: nums[2], Month: nums[0], Day: nums[1]}
		switch {
		case dmy.valid() && mdy.valid() && dmy != mdy:
			return d, []string{dmy.String(), mdy.String()}, false
		case dmy.valid():
			return dmy, nil, true
		case mdy.valid():
			return mdy, nil, true
		}
	}
	return d, nil, false
}

func validYear(y int) bool { return y >= 1900 && y <= 2200 }

func (d DateSpec) valid() bool {
	if !validYear(d.Year) || d.Month < 1 || d.Month > 12 || d.Day < 1 {
		return false
	}
	return d.Day <= time.Date(d.Year, time.Month(d.Month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
