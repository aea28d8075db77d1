package query

import (
	"testing"
	"time"
)

// TestBounds: the days of Paris, over month ends, leap days and the change to
// summer time. now is 1 June 2026, 00:30 in Paris.
func TestBounds(t *testing.T) {
	zone := paris()
	const form = "2006-01-02T15:04Z07:00"
	for _, test := range []struct{ in, from, to string }{
		{"2026", "2026-01-01T00:00+01:00", "2027-01-01T00:00+01:00"},
		{"2026-02", "2026-02-01T00:00+01:00", "2026-03-01T00:00+01:00"},
		{"2024-02-29", "2024-02-29T00:00+01:00", "2024-03-01T00:00+01:00"},
		{"2026-03-29", "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"}, // 23 hours
		{"today", "2026-06-01T00:00+02:00", "2026-06-02T00:00+02:00"},
		{"hier", "2026-05-31T00:00+02:00", "2026-06-01T00:00+02:00"},
		{"0j", "2026-06-01T00:00+02:00", "2026-06-02T00:00+02:00"},
		{"30d", "2026-05-02T00:00+02:00", "2026-05-03T00:00+02:00"},
		{"2w", "2026-05-18T00:00+02:00", "2026-05-19T00:00+02:00"},
		{"3m", "2026-03-01T00:00+01:00", "2026-03-02T00:00+01:00"},
		{"1a", "2025-06-01T00:00+02:00", "2025-06-02T00:00+02:00"},
		{"24h", "2026-05-31T00:30+02:00", "2026-05-31T00:30+02:00"},
	} {
		d, _, ok := parseDate(test.in)
		if !ok {
			t.Errorf("parseDate(%q) fails", test.in)
			continue
		}
		from, to := d.Bounds(testNow, zone)
		if got := from.Format(form); got != test.from {
			t.Errorf("%s begins %s, want %s", test.in, got, test.from)
		}
		if got := to.Format(form); got != test.to {
			t.Errorf("%s ends %s, want %s", test.in, got, test.to)
		}
	}
	// Three months before 31 May is the last of February.
	d, _, _ := parseDate("3m")
	from, _ := d.Bounds(time.Date(2026, 5, 31, 12, 0, 0, 0, zone), zone)
	if got := from.Format(time.DateOnly); got != "2026-02-28" {
		t.Errorf("3 months before 31 May: %s", got)
	}
	for _, bad := range []string{"", "2026-13", "2026-00", "2026-02-29", "31/02/2026", "1/1/26", "2026-1-", "-2026", "+2026-01", "99999d", "201y", "202", "20260101", "2026-01-01x", "demain", "d", "１２d"} {
		if d, alt, ok := parseDate(bad); ok || alt != nil {
			t.Errorf("parseDate(%q) = %v, %v", bad, d, alt)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, test := range []struct {
		in   string
		want float64
		out  string
	}{
		{"0", 0, "0"}, {"-0", 0, "0"}, {"10000", 1e4, "10k"}, {"1234", 1234, "1234"}, {"1.5M", 1.5e6, "1.5M"}, {"1500k", 1.5e6, "1.5M"},
		{"1.1M", 1_100_000, "1.1M"}, {"2bn", 2e9, "2G"}, {"2Md", 2e9, "2G"}, {"10_000", 1e4, "10k"}, {"0.29", 0.29, "0.29"}, {"-5k", -5000, "-5k"}, {"007", 7, "7"},
	} {
		got, ok := parseNumber(test.in)
		if !ok || got != test.want || formatNumber(got) != test.out {
			t.Errorf("parseNumber(%q) = %v, %v, printed %s; want %v, printed %s", test.in, got, ok, formatNumber(got), test.want, test.out)
		}
	}
	for _, bad := range []string{"", "-", ".", "k", "1e5", "0x10", "1.2.3", "Inf", "NaN", "1kk", "١", "1 000", "9999999999999999999999999"} {
		if got, ok := parseNumber(bad); ok {
			t.Errorf("parseNumber(%q) = %v", bad, got)
		}
	}
}
