package index

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"example.org/veille/query"
)

// Periods of a series.
const (
	ByDay     = "day"
	ByWeek    = "week" // ISO: from Monday
	ByMonth   = "month"
	ByQuarter = "quarter"
)

// MaxRows is how many rows [Index.Stats] returns at most.
const MaxRows = 10_000

// ErrTooManyRows tells that a series would have more than [MaxRows] rows.
var ErrTooManyRows = fmt.Errorf("more than %d rows: choose a longer period, fewer series or a shorter range", MaxRows)

// StatsRequest asks for a series over time.
type StatsRequest struct {
	View  string // Deals if empty
	Query query.Query
	By    string // ByWeek if empty
	// Series is a field whose values make a series each, such as "vendor", "pair"
	// or "type"; one series without a name if empty.
	Series string
	Top    int // how many series, the largest: 10 if zero, at most 50
	// From and To bound the dates, To exclusive. Zero is open: the series then runs
	// from the first document found to now.
	From, To time.Time
	// Measure is "count", the default, or for prices "median", "min" or "max" of
	// the amounts; name a currency in the query then, for they are not converted.
	Measure string
}

// Row is one point of a series.
type Row struct {
	Time    time.Time // beginning of the period, in the zone of the index
	Series  string
	Value   float64
	Docs    int  // documents behind Value
	Partial bool // the period is not over, or cut off by From or To
}

// Stats counts documents by period and series. Every series has a row for every
// period; it is never paged. Without Series the rows of a count add up to the
// total of the same search. A document with several values of Series counts once
// in each. Rows come series by series, the largest first, in order of time.
func (ix *Index) Stats(ctx context.Context, req StatsRequest) (rows []Row, err error) {
	kind, ok := kindOf(first(req.View, Deals))
	if !ok {
		return nil, badRequest("view %q: want deals, articles or prices", req.View)
	}
	by := first(req.By, ByWeek)
	if !slices.Contains([]string{ByDay, ByWeek, ByMonth, ByQuarter}, by) {
		return nil, badRequest("period %q: want day, week, month or quarter", by)
	}
	measure := first(req.Measure, "count")
	if !slices.Contains([]string{"count", "median", "min", "max"}, measure) {
		return nil, badRequest("measure %q: want count, median, min or max", measure)
	}
	if measure != "count" && kind != "p" {
		return nil, badRequest("measure %q is for prices only", measure)
	}
	top := req.Top
	if top == 0 {
		top = 10
	}
	if top < 0 || top > 50 {
		return nil, badRequest("top %d: want 1 to 50", top)
	}
	if !req.From.IsZero() && !req.To.IsZero() && !req.From.Before(req.To) {
		return nil, badRequest("the range ends before it begins")
	}
	now := ix.opt.Now()

	ctx, turn, err := ix.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer turn.leave()
	s, err := turn.sh.snapshot()
	if err != nil {
		return nil, fmt.Errorf("stats: %w", err)
	}
	defer func() { err = errors.Join(err, s.close()) }()

	var cols *counter
	if req.Series != "" {
		f, err := facetOf(req.Series, kind)
		if err != nil {
			return nil, err
		}
		if cols, err = s.counter(f); err != nil {
			return nil, fmt.Errorf("stats: %w", err)
		}
	}
	var amounts []*numColumn
	if measure != "count" {
		for i := range s.sets {
			col, err := s.num(i, "price")
			if err != nil {
				return nil, fmt.Errorf("stats: %w", err)
			}
			amounts = append(amounts, col)
		}
	}
	type cell struct {
		docs int
		vals []float64
	}
	const alone = -1
	cells := map[int64]map[int32]*cell{} // series, first day of the period
	totals := map[int64]int{}
	lo, hi := int32(1<<30), int32(-1<<30)
	count := func(series int64, day int32, vals []float64) {
		of := cells[series]
		if of == nil {
			of = map[int32]*cell{}
			cells[series] = of
		}
		c := of[day]
		if c == nil {
			c = &cell{}
			of[day] = c
		}
		c.docs++
		c.vals = append(c.vals, vals...)
		totals[series]++
	}
	comp := compiler{snap: s, kind: kind, now: now}
	period := periods(by)
	one := func(seg, doc int) {
		at := s.sets[seg].date[doc]
		if !req.From.IsZero() && at < req.From.Unix() || !req.To.IsZero() && at >= req.To.Unix() {
			return
		}
		day := period(s.sets[seg].day[doc])
		lo, hi = min(lo, day), max(hi, day)
		var vals []float64
		if amounts != nil {
			if vals = amounts[seg].of(doc); len(vals) == 0 {
				return
			}
		}
		if cols == nil {
			count(alone, day, vals)
			return
		}
		for _, o := range cols.cols[seg].of(doc) {
			count(int64(o), day, vals)
		}
	}
	err = s.each(ctx, comp.compile(req.Query, false), false, func(b block) {
		for _, doc := range b.docs {
			one(b.seg, int(doc))
		}
	})
	if err != nil {
		return nil, fmt.Errorf("stats: %w", err)
	}

	days := dayCounter{zone: ix.opt.Zone}
	today := days.of(now.Unix())
	switch {
	case !req.From.IsZero():
		lo = period(days.of(req.From.Unix()))
	case lo > hi:
		lo = period(today) // nothing found, nothing asked: the current period
	}
	switch {
	case !req.To.IsZero():
		hi = period(days.of(req.To.Unix() - 1))
	default:
		hi = max(hi, period(today))
	}
	var starts []int32
	for d := lo; d <= hi; d = period(d + longest[by]) {
		if starts = append(starts, d); len(starts) > MaxRows {
			return nil, ErrTooManyRows
		}
	}
	series := make([]int64, 0, len(cells))
	for k := range cells {
		series = append(series, k)
	}
	name := func(k int64) string {
		if k == alone {
			return ""
		}
		return cols.dict.names()[k]
	}
	sort.Slice(series, func(i, j int) bool {
		a, b := series[i], series[j]
		if totals[a] != totals[b] {
			return totals[a] > totals[b]
		}
		return name(a) < name(b)
	})
	series = series[:min(len(series), top)]
	if len(series) == 0 {
		series = []int64{alone}
	}
	if len(series)*len(starts) > MaxRows {
		return nil, ErrTooManyRows
	}
	for _, k := range series {
		for _, d := range starts {
			r := Row{Time: midnight(d, ix.opt.Zone), Series: name(k)}
			end := midnight(period(d+longest[by]), ix.opt.Zone)
			r.Partial = end.After(now) || !req.From.IsZero() && r.Time.Before(req.From) || !req.To.IsZero() && end.After(req.To)
			if c := cells[k][d]; c != nil {
				r.Docs = c.docs
				r.Value = measured(measure, c.docs, c.vals)
			}
			rows = append(rows, r)
		}
	}
	return rows, nil
}

func measured(measure string, docs int, vals []float64) float64 {
	switch measure {
	case "min":
		return slices.Min(vals)
	case "max":
		return slices.Max(vals)
	case "median":
		slices.Sort(vals)
		n := len(vals)
		return (vals[(n-1)/2] + vals[n/2]) / 2
	}
	return float64(docs)
}

// longest is so many days after the first day of a period that the next has begun,
// but not the one after.
var longest = map[string]int32{ByDay: 1, ByWeek: 7, ByMonth: 31, ByQuarter: 92}

// periods returns the function from a day, counted from 1970, to the first day of
// its period.
func periods(by string) func(int32) int32 {
	civil := func(day int32, months int) int32 {
		y, m, _ := time.Unix(int64(day)*86400, 0).UTC().Date()
		m -= (m - 1) % time.Month(months)
		return int32(time.Date(y, m, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	}
	switch by {
	case ByWeek:
		return monday
	case ByMonth:
		return func(d int32) int32 { return civil(d, 1) }
	case ByQuarter:
		return func(d int32) int32 { return civil(d, 3) }
	}
	return func(d int32) int32 { return d }
}

// midnight is the beginning of a day in a zone.
func midnight(day int32, zone *time.Location) time.Time {
	y, m, d := time.Unix(int64(day)*86400, 0).UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}

// VendorCount is one organisation with what there is of it.
type VendorCount struct {
	ID       string
	Deals    int // background excluded
	Articles int
	Latest   time.Time // date of its newest deal or article
}

// Vendors lists all organisations that take part in a deal or are named in an
// article, those with most deals first.
func (ix *Index) Vendors(ctx context.Context) (out []VendorCount, err error) {
	ctx, turn, err := ix.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer turn.leave()
	s, err := turn.sh.snapshot()
	if err != nil {
		return nil, fmt.Errorf("list vendors: %w", err)
	}
	defer func() { err = errors.Join(err, s.close()) }()
	by := map[string]*VendorCount{}
	for _, kind := range []string{"d", "a"} {
		cols, err := s.counter(facet{field: keywordField(kind, "party")})
		if err != nil {
			return nil, fmt.Errorf("list vendors: %w", err)
		}
		latest := make([]int64, len(cols.n))
		comp := compiler{snap: s, kind: kind, now: ix.opt.Now()}
		err = s.each(ctx, comp.compile(query.Query{}, false), false, func(b block) {
			cols.add(b)
			for _, doc := range b.docs {
				for _, o := range cols.cols[b.seg].of(int(doc)) {
					latest[o] = max(latest[o], s.sets[b.seg].date[doc])
				}
			}
		})
		if err != nil {
			return nil, fmt.Errorf("list vendors: %w", err)
		}
		names := cols.dict.names()
		for o, n := range cols.n {
			if n == 0 {
				continue
			}
			v := by[names[o]]
			if v == nil {
				v = &VendorCount{ID: names[o]}
				by[names[o]] = v
			}
			if kind == "d" {
				v.Deals = n
			} else {
				v.Articles = n
			}
			if at := time.Unix(latest[o], 0).UTC(); at.After(v.Latest) {
				v.Latest = at
			}
		}
	}
	for _, v := range by {
		out = append(out, *v)
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.Deals != b.Deals {
			return a.Deals > b.Deals
		}
		if a.Articles != b.Articles {
			return a.Articles > b.Articles
		}
		return a.ID < b.ID
	})
	return out, nil
}
