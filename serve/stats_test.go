package serve_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"
)

type pointRow struct {
	Time    time.Time
	Series  string
	Value   float64
	Partial bool
}

func TestStats(t *testing.T) {
	w := press(t, nil)
	w.put(many(0, 60))
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	var total dealList
	w.ok(&total, "/api/v1/deals", "limit", "0")
	for _, unit := range []string{"day", "week", "month", "quarter"} {
		var rows []pointRow
		w.ok(&rows, "/api/v1/stats/deals", "group", unit, "rows", "1")
		sum := 0.0
		for i, r := range rows {
			sum += r.Value
			local := r.Time.In(paris)
			if local.Hour() != 0 || unit == "week" && local.Weekday() != time.Monday || unit == "month" && local.Day() != 1 {
				t.Errorf("%s begins at %v", unit, local)
			}
			if i > 0 && !rows[i-1].Time.Before(r.Time) {
				t.Errorf("%s: %v after %v", unit, r.Time, rows[i-1].Time)
			}
			if last := i == len(rows)-1; r.Partial != last {
				t.Errorf("%s: partial is %v at %v", unit, r.Partial, r.Time)
			}
			if r.Series != "all" {
				t.Errorf("series %q", r.Series)
			}
		}
		if int(sum) != total.Page.Total {
			t.Errorf("the %ss add up to %g, not to %d", unit, sum, total.Page.Total)
		}
	}
	// The week of the change to summer time is 167 hours long, and the deal of that
	// Sunday evening, 30 March at 01:30 in Paris, belongs to the next one.
	var rows []pointRow
	w.ok(&rows, "/api/v1/stats/deals", "q", "vendor:broadcom", "group", "week", "rows", "1", "from", "2026-03-16", "to", "2026-04-13")
	var got []string
	for _, r := range rows {
		got = append(got, r.Time.Format(time.RFC3339)+" "+fmt.Sprint(r.Value))
	}
	if want := "[2026-03-15T23:00:00Z 0 2026-03-22T23:00:00Z 0 2026-03-29T22:00:00Z 1 2026-04-05T22:00:00Z 0]"; fmt.Sprint(got) != want {
		t.Errorf("weeks %v, want %v", got, want)
	}
}

func TestStatsShapes(t *testing.T) {
	w := press(t, nil)
	var rows []pointRow
	// Nothing found: the columns are there all the same.
	w.ok(&rows, "/api/v1/stats/deals", "q", "zzzzzz", "group", "week,vendor", "from", "now-21d", "rows", "1")
	if len(rows) != 4 || rows[0].Value != 0 || rows[0].Series == "" || rows[0].Time.IsZero() || !rows[3].Partial {
		t.Errorf("empty: %+v", rows)
	}
	w.ok(&rows, "/api/v1/stats/deals", "group", "month,type", "from", "2026-01-01", "to", "2026-05-01", "rows", "1")
	if len(rows) != 3*4 {
		t.Errorf("3 types over 4 months: %d rows", len(rows))
	}
	w.ok(&rows, "/api/v1/stats/deals", "group", "month,type", "fill", "none", "rows", "1")
	if len(rows) != 3 {
		t.Errorf("without zeroes: %+v", rows)
	}
	var wide []map[string]any
	w.ok(&wide, "/api/v1/stats/deals", "group", "month,type", "shape", "wide", "from", "2026-02-01", "rows", "1")
	if len(wide) != 3 || wide[0]["distribution"] != 1.0 || wide[0]["partnership"] != 0.0 || wide[2]["partnership"] != 1.0 {
		t.Errorf("wide: %v", wide)
	}
	// The same moment in every notation.
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	days := strconv.Itoa(int(now.Sub(from)/time.Hour/24)) + "d"
	var want []pointRow
	for i, v := range []string{from.Format(time.RFC3339), "2026-03-01T01:00:00%2B01:00", strconv.FormatInt(from.Unix(), 10), strconv.FormatInt(from.UnixMilli(), 10), "now-" + days} {
		var got []pointRow
		w.ok(&got, "/api/v1/stats/deals?group=month,type&rows=1&from="+v)
		if i == 0 {
			want = got
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || len(got) == 0 {
			t.Errorf("from=%s: %v, want %v", v, got, want)
		}
	}
	var body struct {
		Data  []pointRow
		Group []string
	}
	w.ok(&body, "/api/v1/stats/prices", "q", "vendor:dell currency:EUR", "group", "month,product", "measure", "median", "from", "2026-04-01")
	if len(body.Data) != 1 || body.Data[0].Value != 9900 || body.Data[0].Series != "poweredge-r770" || fmt.Sprint(body.Group) != "[month product]" {
		t.Errorf("prices: %+v", body)
	}
	w.ok(&body, "/api/v1/stats/articles", "q", "group:month,lang", "from", "2026-04-01")
	if fmt.Sprint(body.Group) != "[month lang]" || len(body.Data) != 2 {
		t.Errorf("grouped by the query itself: %+v", body)
	}
	if a := w.ok(nil, "/api/v1/stats/deals", "rows", "1", "group", "week,pair"); !json.Valid(a.body) || a.body[0] != '[' {
		t.Errorf("not a root array: %.100s", a.body)
	}
}

// C1: weekly deals by pair, as Grafana asks for them.
func TestDashboardQuery(t *testing.T) {
	w := press(t, nil)
	var rows []pointRow
	w.ok(&rows, "/api/v1/stats/deals", "group", "week,pair", "top", "10", "from", strconv.FormatInt(now.AddDate(0, 0, -90).UnixMilli(), 10), "to", strconv.FormatInt(now.UnixMilli(), 10), "rows", "1")
	sums := map[string]float64{}
	for _, r := range rows {
		sums[r.Series] += r.Value
	}
	if len(rows)%3 != 0 || fmt.Sprint(sums) != "map[broadcom~nutanix:1 ingram-micro~nutanix:1 ovhcloud~x-acme-widgets:1]" {
		t.Errorf("%d rows, sums %v", len(rows), sums)
	}
}
