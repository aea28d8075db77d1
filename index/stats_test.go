package index

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/veille/schemas"
)

func paris(t *testing.T) *time.Location {
	z, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestStats(t *testing.T) {
	z := paris(t)
	// The clock of the test is 1 March 2026, 12:00 in Paris, a Sunday.
	at := func(s string) time.Time {
		d, err := time.ParseInLocation(time.DateOnly, s, z)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	ix := open(t, t.TempDir())
	var ds []schemas.Deal
	for i, d := range []struct {
		first, a, b string
	}{
		{"2026-01-05", "nutanix", "arrow"}, {"2026-01-11", "nutanix", "arrow"}, {"2026-01-12", "nutanix", "arrow"},
		{"2026-01-20", "dell", "arrow"}, {"2026-02-24", "dell", "hpe"},
	} {
		x := deal(i, "distribution", "announced", d.a, d.b)
		x.First = at(d.first)
		ds = append(ds, x)
	}
	putDeals(t, ix, ds...)
	stats := func(req StatsRequest) []Row {
		t.Helper()
		rows, err := ix.Stats(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}

	rows := stats(StatsRequest{Query: parse(t, "vendor:*")})
	var values []float64
	sum := 0.0
	for _, r := range rows {
		values = append(values, r.Value)
		sum += r.Value
		if r.Time.Weekday() != time.Monday || r.Time.Hour() != 0 {
			t.Errorf("a week begins at %v", r.Time)
		}
		if r.Partial != r.Time.Equal(at("2026-02-23")) {
			t.Errorf("week of %v: partial %v", r.Time, r.Partial)
		}
	}
	if d := cmp.Diff([]float64{2, 1, 1, 0, 0, 0, 0, 1}, values); d != "" {
		t.Errorf("weeks (-want +got):\n%s", d)
	}
	if sum != 5 {
		t.Errorf("weeks add up to %v, want 5", sum)
	}

	rows = stats(StatsRequest{Query: parse(t, "vendor:*"), By: ByMonth, Series: "pair", Top: 2})
	type short struct {
		Month, Series string
		Value         float64
	}
	var got []short
	for _, r := range rows {
		got = append(got, short{r.Time.Format("2006-01"), r.Series, r.Value})
	}
	want := []short{{"2026-01", "arrow~nutanix", 3}, {"2026-02", "arrow~nutanix", 0}, {"2026-03", "arrow~nutanix", 0},
		{"2026-01", "arrow~dell", 1}, {"2026-02", "arrow~dell", 0}, {"2026-03", "arrow~dell", 0}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("pairs by month (-want +got):\n%s", d)
	}

	rows = stats(StatsRequest{Query: parse(t, "vendor:nobody"), From: at("2026-01-01"), To: at("2026-03-01"), By: ByMonth, Series: "vendor"})
	if len(rows) != 2 || rows[0].Value != 0 || rows[0].Series != "" {
		t.Errorf("nothing found: %v, want two rows of zero", rows)
	}
	// A range over the change to summer time has every day once.
	rows = stats(StatsRequest{Query: parse(t, "vendor:*"), From: at("2026-03-23"), To: at("2026-04-06"), By: ByDay})
	if len(rows) != 14 {
		t.Errorf("%d days over the change of time, want 14", len(rows))
	}
	for i, r := range rows {
		if r.Time.Hour() != 0 || r.Time.Day() != at("2026-03-23").AddDate(0, 0, i).Day() {
			t.Errorf("day %d begins at %v", i, r.Time)
		}
	}
	rows = stats(StatsRequest{Query: parse(t, "vendor:*"), From: at("2026-01-07"), By: ByQuarter})
	if len(rows) != 1 || rows[0].Value != 4 || !rows[0].Partial || !rows[0].Time.Equal(at("2026-01-01")) {
		t.Errorf("quarter cut off by From: %v", rows)
	}

	if _, err := ix.Stats(t.Context(), StatsRequest{Query: parse(t, ""), By: ByDay, From: at("1900-01-01")}); !errors.Is(err, ErrTooManyRows) {
		t.Errorf("a century of days: %v, want ErrTooManyRows", err)
	}
	for name, req := range map[string]StatsRequest{
		"period": {By: "hour"}, "view": {View: "x"}, "series": {Series: "text"}, "top": {Top: 51}, "measure": {Measure: "mode"},
		"median of deals": {Measure: "median"}, "range": {From: at("2026-02-01"), To: at("2026-01-01")},
	} {
		var bad *BadRequest
		if _, err := ix.Stats(t.Context(), req); !errors.As(err, &bad) {
			t.Errorf("%s: %v, want a BadRequest", name, err)
		}
	}
}

func TestStatsOfPrices(t *testing.T) {
	ix := open(t, t.TempDir())
	x := extraction(1, "fr", "Prix", "")
	x.Prices = []schemas.Price{price("p_1", "100"), price("p_2", "300"), price("p_3", "250")}
	put(t, ix, x)
	for measure, want := range map[string]float64{"": 3, "median": 250, "min": 100, "max": 300} {
		rows, err := ix.Stats(t.Context(), StatsRequest{View: Prices, Query: parse(t, "currency:EUR"), Measure: measure, From: day(1), To: day(2), By: ByQuarter})
		if err != nil || len(rows) != 1 || rows[0].Value != want || rows[0].Docs != 3 {
			t.Errorf("%q: %v, %v; want %v of 3", measure, rows, err, want)
		}
	}
}

func TestVendors(t *testing.T) {
	ix := open(t, t.TempDir())
	putDeals(t, ix, deal(1, "distribution", "announced", "nutanix", "arrow"), deal(2, "distribution", "announced", "nutanix", "tdsynnex"),
		deal(3, "distribution", "background", "nutanix", "arrow"))
	put(t, ix, extraction(4, "fr", "Dell", "", "dell", "nutanix"))
	got, err := ix.Vendors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []VendorCount{{"nutanix", 2, 1, day(4)}, {"arrow", 1, 0, day(1)}, {"tdsynnex", 1, 0, day(2)}, {"dell", 0, 1, day(4)}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("vendors (-want +got):\n%s", d)
	}
}

// The articles of the deals a query finds, and their prices.
func TestOfDeals(t *testing.T) {
	ix := open(t, t.TempDir())
	for n := range 4 {
		x := extraction(n, "fr", "Un accord", "texte")
		x.Prices = []schemas.Price{price("p_"+x.Article.ID, "10")}
		put(t, ix, x)
	}
	putDeals(t, ix, deal(1, "distribution", "announced", "nutanix", "arrow"), deal(2, "acquisition", "announced", "nutanix", "arrow"), deal(3, "distribution", "denied", "nutanix", "arrow"))
	for view, want := range map[string][]string{Articles: {"a_003", "a_001"}, Prices: {"p_a_003", "p_a_001"}} {
		if got := find(t, ix, Request{View: view, OfDeals: true}, "type:distribution"); !cmp.Equal(got, want) {
			t.Errorf("%s of deals: %v, want %v", view, got, want)
		}
		if got := find(t, ix, Request{View: view}, "type:distribution"); len(got) != 0 {
			t.Errorf("%s: %v, want none", view, got)
		}
	}
}

// Counting for one state of the index is counting its rows.
func TestStatsAddUp(t *testing.T) {
	ix := open(t, t.TempDir())
	fill(t, ix, world{rand.New(rand.NewPCG(6, 6))}, 90)
	for _, view := range []string{Deals, Articles, Prices} {
		for _, by := range []string{ByDay, ByWeek, ByMonth, ByQuarter} {
			q := parse(t, "cloud OR serveur OR vendor:*")
			res, err := ix.Search(t.Context(), Request{View: view, Query: q})
			if err != nil {
				t.Fatal(err)
			}
			rows, err := ix.Stats(t.Context(), StatsRequest{View: view, Query: q, By: by})
			if err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for _, r := range rows {
				sum += r.Value
			}
			if int(sum) != res.Total || res.Total == 0 {
				t.Errorf("%s by %s add up to %v, total %d", view, by, sum, res.Total)
			}
		}
	}
}
