package serve

import (
	"html/template"
	"net/http"
	"time"

	"example.org/veille/index"
	"example.org/veille/schemas"
)

type todayData struct {
	Fresh    []dealView
	FreshN   int
	More     string // all that is new
	Latest   []dealView
	Moved    []moved
	Prices   []priceView
	Columns  template.HTML
	Weekly   tableOf
	Finding  string
	KPIs     []kpi
	Health   []kpi
	Broken   []SourceStatus
	Sources  int
	Seen     time.Time // the last success of any source
	Articles int
	Examples []link
	Empty    bool
}

type moved struct {
	dealView
	From, To string
	At       time.Time
}

// todayRows is how many rows each part of today's page shows.
const todayRows = 6

func (s *Server) todayPage(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	f.Nav, f.Box = "today", true
	d := &todayData{}
	all, err := s.parse("")
	if err != nil {
		return screen{}, err
	}
	var deals int
	if d.Articles, deals, _, err = s.opt.Index.Counts(); err != nil {
		return screen{}, err
	}
	d.Empty = d.Articles == 0
	yesterday := f.Now.AddDate(0, 0, -1)
	fresh := s.within(all, yesterday, f.Now)
	res, err := s.find(r, index.Request{View: index.Deals, Query: fresh, Limit: todayRows})
	if err != nil {
		return screen{}, err
	}
	d.FreshN, d.More = res.Total, searchPath("", fresh.String())
	list := &d.Fresh
	if res.Total == 0 {
		list = &d.Latest
		if res, err = s.find(r, index.Request{View: index.Deals, Query: all, Limit: todayRows}); err != nil {
			return screen{}, err
		}
	}
	for _, x := range res.Deals {
		*list = append(*list, s.dealView(f, x, nil))
	}
	if res, err = s.find(r, index.Request{View: index.Deals, Query: all, Sort: index.Updated, Limit: 60}); err != nil {
		return screen{}, err
	}
	for _, x := range res.Deals {
		if from, to, at, ok := lastMove(x); ok && len(d.Moved) < todayRows {
			d.Moved = append(d.Moved, moved{s.dealView(f, x, nil), from, to, at})
		}
	}
	ps, err := s.find(r, index.Request{View: index.Prices, Query: all.Add(s.clauseOf("price_kind", "product_price")), Limit: todayRows})
	if err != nil {
		return screen{}, err
	}
	for _, p := range ps.Prices {
		d.Prices = append(d.Prices, s.priceView(f, p, nil))
	}
	rows, err := s.byType(r, all, f.Now.AddDate(0, 0, -7*15))
	if err != nil {
		return screen{}, err
	}
	week := 0
	for _, row := range rows {
		if row.Partial && row.Time.After(f.Now.AddDate(0, 0, -8)) {
			week += row.Docs
		}
	}
	href := func(from, to time.Time) string { return searchPath("", s.within(all, from, to).String()) }
	svg, tab, finding := s.stacked(f, "rollup", f.T("today.rollup"), 560, rows, func(id string) string { return f.Label("type", id) }, href, false)
	d.Columns, d.Weekly, d.Finding = template.HTML(svg), tab, finding //nolint:gosec // made by package chart, which escapes
	d.KPIs = []kpi{
		{f.Num(d.FreshN), f.T("today.kpi.fresh"), "", d.More},
		{f.Num(week), f.T("today.kpi.week"), "", "/trends"},
		{f.Num(deals), f.T("today.kpi.deals"), "", "/search"},
		{f.Num(d.Articles), f.T("today.kpi.articles"), "", "/search?view=articles"},
	}
	if s.opt.Sources != nil {
		srcs, err := s.opt.Sources(r.Context())
		if err == nil {
			n := map[string]int{}
			for _, src := range srcs {
				n[src.State]++
				if src.LastSuccess.After(d.Seen) {
					d.Seen = src.LastSuccess
				}
				switch src.State {
				case schemas.SourceSilent, schemas.SourceBlocked, schemas.SourceDown:
					d.Broken = append(d.Broken, src)
				}
			}
			d.Sources = len(srcs)
			for _, st := range schemas.SourceStates {
				if n[st] > 0 {
					d.Health = append(d.Health, kpi{Value: f.Num(n[st]), Label: f.T("state." + st), Note: st})
				}
			}
		}
	}
	for _, q := range []string{"today.example.1", "today.example.2", "today.example.3", "today.example.4"} {
		query := f.T(q)
		parsed, err := s.parse(query)
		if err != nil {
			continue
		}
		d.Examples = append(d.Examples, link{parsed.Words(f.lang), searchPath("", query)})
	}
	return showing("today", d)
}

// lastMove is the newest change of a deal's status.
func lastMove(d schemas.Deal) (from, to string, at time.Time, ok bool) {
	n := len(d.History)
	if n < 2 {
		return "", "", time.Time{}, false
	}
	return d.History[n-2].Status, d.History[n-1].Status, d.History[n-1].At, true
}
