package catalogue

import (
	"fmt"
	"time"
)

// Date is a day, counted from 1970-01-01 UTC. The zero Date means "open": no known beginning, or no end.
type Date int32

// DateOf gives the day of t in UTC. The zero time gives the open Date.
func DateOf(t time.Time) Date {
	if t.IsZero() {
		return 0
	}
	return Date(floorDiv(t.Unix(), 86400))
}

// Time gives midnight UTC of the day, or the zero time for an open Date.
func (d Date) Time() time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Unix(int64(d)*86400, 0).UTC()
}

// String gives 2015-11-01, or "" for an open Date.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	return d.Time().Format("2006-01-02")
}

// parseDate reads 2015, 2015-11 or 2015-11-01; a shorter form means the first day of the period.
func parseDate(s string) (Date, error) {
	for _, layout := range []string{"2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return DateOf(t), nil
		}
	}
	return 0, fmt.Errorf("bad date %q: want 2015, 2015-11 or 2015-11-01", s)
}

// covers says whether day lies in [from, until); open ends are unbounded.
func covers(from, until, day Date) bool {
	return (from == 0 || day >= from) && (until == 0 || day < until)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
