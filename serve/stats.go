package serve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/veille/index"
	"example.org/veille/query"
)

// periods are the steps of a series.
var periods = []string{index.ByDay, index.ByWeek, index.ByMonth, index.ByQuarter}

var measures = []string{"count", "median", "min", "max"}

func statsParams(view string) []param {
	ps := []param{
		paramQ,
		{Name: "group", Doc: "a step and a field, such as week,vendor; either may be left out", Enum: append(slices.Clone(periods), countable[view]...), List: true},
		{Name: "top", Doc: "series, the largest first", Min: 1, Max: 50, Default: "10"},
		{Name: "from", Doc: "beginning: RFC 3339, a date, seconds or milliseconds since 1970, now-90d"},
		{Name: "to", Doc: "end, not included; as from"},
		{Name: "fill", Doc: "0: periods without anything have the value 0; none: they are left out", Enum: []string{"0", "none"}, Default: "0"},
		{Name: "shape", Doc: "wide: one row for each period, one member for each series", Enum: []string{"long", "wide"}, Default: "long"},
		paramRows,
	}
	if view == index.Prices {
		ps = append(ps, param{Name: "measure", Doc: "of the amounts, instead of their number; name one currency in the query then", Enum: measures, Default: "count"})
	}
	return ps
}

// point is one row of a series.
type point struct {
	Time    time.Time `json:"time" jsonschema:"beginning of the period, which begins at midnight in Paris"`
	Series  string    `json:"series" jsonschema:"value of the field; all when there is none"`
	Value   float64   `json:"value"`
	Partial bool      `json:"partial" jsonschema:"the period is not over, or cut off by from or to"`
}

// statsBody is a set of series: never paged.
type statsBody struct {
	Data  []any     `json:"data" jsonschema:"rows: time, series, value, partial; with shape=wide: time, partial and a member for each series"`
	Group []string  `json:"group"`
	Query queryInfo `json:"query"`
	AsOf  asOf      `json:"as_of"`
}

// allSeries names the one series of a count without a field.
const allSeries = "all"

// Series counts documents over time, within the time that a search may take.
func (s *Server) Series(ctx context.Context, req index.StatsRequest) ([]index.Row, error) {
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	began := time.Now()
	rows, err := s.opt.Index.Stats(ctx, req)
	s.metrics.searched(index.Request{View: req.View, Facets: []string{"time"}}, time.Since(began))
	if errors.Is(err, index.ErrTooManyRows) {
		return nil, fail("too-many-rows", "Prenez une période plus courte, un pas plus long ou moins de séries.", "Take a shorter time, a longer step or fewer series.")
	}
	return rows, err
}

func (s *Server) stats(view string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := r.URL.Query()
		req, err := s.statsRequest(view, v)
		if err != nil {
			s.problem(w, r, err)
			return
		}
		generation := s.opt.Index.Generation()
		rows, err := s.Series(r.Context(), req)
		if err != nil {
			s.problem(w, r, err)
			return
		}
		points := make([]point, 0, len(rows))
		for _, row := range rows {
			points = append(points, point{row.Time.UTC(), first(row.Series, allSeries), row.Value, row.Partial})
		}
		full := v.Get("fill") != "none"
		data := []any{}
		if v.Get("shape") == "wide" {
			data = wide(points, full)
		} else {
			for _, p := range points {
				if full || p.Value != 0 {
					data = append(data, p)
				}
			}
		}
		if v.Get("rows") == "1" {
			s.json(w, http.StatusOK, data)
			return
		}
		group := []string{req.By}
		if req.Series != "" {
			group = append(group, req.Series)
		}
		s.json(w, http.StatusOK, statsBody{data, group, s.echo(r, req.Query), s.asOf(r.Context(), generation)})
	}
}

func first(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}

// statsRequest reads the parameters of a series; their values have been checked.
func (s *Server) statsRequest(view string, v url.Values) (index.StatsRequest, error) {
	req := index.StatsRequest{View: view, Measure: v.Get("measure"), Top: number(v, param{Name: "top", Default: "10"})}
	var err error
	if req.Query, err = s.parse(v.Get("q")); err != nil {
		return req, err
	}
	group := req.Query.Group
	if g := v.Get("group"); g != "" {
		group = strings.Split(g, ",")
	}
	for _, g := range group {
		switch {
		case slices.Contains(periods, g) && req.By == "":
			req.By = g
		case slices.Contains(countable[view], g) && req.Series == "":
			req.Series = g
		default:
			return req, wrong("group", "group prend un pas et un champ, tels que week,vendor.", "group takes one step and one field, such as week,vendor.", "week,vendor")
		}
	}
	if req.By == "" {
		req.By = index.ByWeek
	}
	for _, name := range []string{"from", "to"} {
		at, err := instant(v.Get(name), s.opt.Now(), req.Query.Zone())
		if err != nil {
			return req, wrong(name,
				fmt.Sprintf("%s : 2026-01-31, 2026-01-31T08:00:00Z, des secondes ou millisecondes depuis 1970, ou now-90d.", name),
				fmt.Sprintf("%s: 2026-01-31, 2026-01-31T08:00:00Z, seconds or milliseconds since 1970, or now-90d.", name))
		}
		if name == "from" {
			req.From = at
		} else {
			req.To = at
		}
	}
	if !req.From.IsZero() && !req.To.IsZero() && !req.From.Before(req.To) {
		return req, wrong("to", "to doit venir après from.", "to must come after from.")
	}
	if !req.From.IsZero() && s.opt.Now().Before(req.From) && req.To.IsZero() {
		return req, wrong("from", "from est à venir.", "from lies in the future.")
	}
	return req, nil
}

// instant reads a time as dashboards send it. The zero time stands for none.
func instant(v string, now time.Time, zone *time.Location) (time.Time, error) {
	if v == "" {
		return time.Time{}, nil
	}
	if rest, ok := strings.CutPrefix(v, "now"); ok {
		if rest == "" {
			return now, nil
		}
		sign := 1
		switch rest[0] {
		case '-':
			sign = -1
		case '+':
		default:
			return time.Time{}, errors.New("neither now- nor now+")
		}
		if len(rest) < 3 {
			return time.Time{}, errors.New("no distance from now")
		}
		unit := rest[len(rest)-1]
		n, err := strconv.Atoi(rest[1 : len(rest)-1])
		if err != nil || n < 0 || n > 100_000 || rest[1] == '+' {
			return time.Time{}, errors.New("no distance from now")
		}
		n *= sign
		switch unit {
		case 's':
			return now.Add(time.Duration(n) * time.Second), nil
		case 'm':
			return now.Add(time.Duration(n) * time.Minute), nil
		case 'h':
			return now.Add(time.Duration(n) * time.Hour), nil
		case 'd':
			return now.AddDate(0, 0, n), nil
		case 'w':
			return now.AddDate(0, 0, 7*n), nil
		case 'M':
			return now.AddDate(0, n, 0), nil
		case 'y':
			return now.AddDate(n, 0, 0), nil
		}
		return time.Time{}, errors.New("unknown unit")
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil && (len(v) > 4 || n < 0) {
		// 1e11 seconds is the year 5138, 1e11 milliseconds is 1973.
		if n < -1e11 || n >= 1e11 {
			if n > 253402300799999 || n < -62135596800000 {
				return time.Time{}, errors.New("beyond the years 1 to 9999")
			}
			return time.UnixMilli(n), nil
		}
		return time.Unix(n, 0), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly, "2006-01", "2006"} {
		if t, err := time.ParseInLocation(layout, v, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("no time")
}

// wide turns rows into one for each period. Every row has every series.
func wide(points []point, full bool) []any {
	var times []time.Time
	at := map[time.Time]map[string]any{}
	for _, p := range points {
		row := at[p.Time]
		if row == nil {
			row = map[string]any{"time": p.Time, "partial": p.Partial}
			at[p.Time], times = row, append(times, p.Time)
		}
		name := p.Series
		if name == "time" || name == "partial" {
			name += "_"
		}
		row[name] = p.Value
	}
	slices.SortFunc(times, time.Time.Compare)
	out := []any{}
	for _, t := range times {
		sum := 0.0
		for _, x := range at[t] {
			if f, ok := x.(float64); ok {
				sum += math.Abs(f)
			}
		}
		if full || sum != 0 {
			out = append(out, at[t])
		}
	}
	return out
}

// clauseOf makes the clause field:id. An id that is a doubtful name as well, such as
// hp, is written so that it reads back as itself: =hp.
func (s *Server) clauseOf(field string, ids ...string) query.Clause {
	c := query.Clause{Field: field}
	for _, id := range ids {
		text := id
		if (field == "vendor" || field == "about") && len(s.language.resolve(id)) > 1 {
			text = "=" + id
		}
		c.Values = append(c.Values, query.Value{Kind: query.Keyword, Text: text, Name: id, IDs: []string{id}})
	}
	return c
}
