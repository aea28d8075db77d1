package serve

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/serve/chart"
)

type pricesData struct {
	Q, Words  string
	Rows      []priceView
	Total     int
	Kinds     []facetValue
	Currency  []facetValue
	Dots      template.HTML
	DotRows   []tableRow
	Finding   string
	Next      string
	Exports   []exportLink
	Error     *query.SyntaxError
	Caret     string
	Fixes     []link
	Unit      string
	DefaultOn bool
	All       string
}

// pricesPage is the ledger. Without a query it shows prices of products: revenues
// and markets are one click away.
func (s *Server) pricesPage(f *frame, w http.ResponseWriter, r *http.Request) (screen, error) {
	v := r.URL.Query()
	f.Nav, f.Title, f.Box = "prices", f.T("nav.prices"), true
	f.Q = strings.ToValidUTF8(v.Get("q"), "\uFFFD")
	if !v.Has("q") {
		f.Q = "price_kind:product_price"
	}
	d := &pricesData{Q: f.Q, DefaultOn: !v.Has("q"), All: "/prices?q="}
	q, err := s.parse(f.Q)
	if se := asSyntax(err); se != nil {
		d.Error, d.Caret = se, se.Caret(f.Q)
		for i := range se.Suggestions {
			fixed := se.Fix(f.Q, i)
			d.Fixes = append(d.Fixes, link{fixed, "/prices?" + url.Values{"q": {fixed}}.Encode()})
		}
		return screen{name: "prices", status: http.StatusBadRequest, data: d}, nil
	}
	if err != nil {
		return screen{}, err
	}
	if v.Has("apply") {
		return screen{to: "/prices?" + url.Values{"q": {applyFacets(q, index.Prices, v).String()}}.Encode()}, nil
	}
	q.Group = nil
	d.Words = q.Words(f.lang)
	res, err := s.find(r, index.Request{View: index.Prices, Query: q, Limit: 50, Cursor: v.Get("cursor"), Facets: []string{"price_kind", "currency"}, Highlight: true, OfDeals: speaksOfDeals(q)})
	if err != nil {
		return screen{}, err
	}
	d.Total = res.Total
	for _, p := range res.Prices {
		d.Rows = append(d.Rows, s.priceView(f, p, hitWords(res.Fragments[p.ID])))
	}
	at := func(q query.Query) string { return "/prices?" + url.Values{"q": {q.String()}}.Encode() }
	pick := func(field string) (out []facetValue) {
		on := q.Selected(field)
		for _, b := range res.Facets[field] {
			out = append(out, facetValue{ID: b.Value, Label: f.valueLabel(field, b.Value, nil), Count: b.Count, On: slices.Contains(on, b.Value), Not: at(q.Toggle(field, b.Value))})
		}
		return out[:min(len(out), facetShown)]
	}
	d.Kinds, d.Currency = pick("price_kind"), pick("currency")
	if res.Next != "" {
		d.Next = at(q) + "&cursor=" + url.QueryEscape(res.Next)
	}
	// The chart never mixes currencies: that of the query, else the commonest.
	unit := ""
	if on := q.Selected("currency"); len(on) == 1 {
		unit = on[0]
	} else {
		for _, b := range res.Facets["currency"] {
			if b.Value != "%" {
				unit = b.Value
				break
			}
		}
	}
	if unit != "" {
		cq := q.Drop("currency").Add(s.clauseOf("currency", unit))
		all, err := s.find(r, index.Request{View: index.Prices, Query: cq, Limit: 300, OfDeals: speaksOfDeals(q)})
		if err != nil {
			return screen{}, err
		}
		d.Unit = unit
		d.Dots, d.DotRows, d.Finding = s.priceDots(f, all.Prices, "dots", 960)
	}
	d.Exports = f.exports(index.Prices, q.String())
	return showing("prices", d)
}

// priceDots draws amounts of one currency, the commonest, over time.
func (s *Server) priceDots(f *frame, ps []index.PriceHit, id string, width float64) (template.HTML, []tableRow, string) {
	count := map[string]int{}
	for _, p := range ps {
		if p.Currency != "%" && (p.Low != nil || p.High != nil) {
			count[p.Currency]++
		}
	}
	unit := ""
	for c, n := range count {
		if n > count[unit] || n == count[unit] && (unit == "" || c < unit) {
			unit = c
		}
	}
	if unit == "" {
		return "", nil, ""
	}
	ps = slices.Clone(ps)
	ps = slices.DeleteFunc(ps, func(p index.PriceHit) bool { return p.Currency != unit || p.Low == nil && p.High == nil })
	slices.SortStableFunc(ps, func(a, b index.PriceHit) int { return a.Article.Published.Compare(b.Article.Published) })
	from, to := ps[0].Article.Published, ps[len(ps)-1].Article.Published
	if to.Sub(from) < 48*time.Hour {
		from, to = from.Add(-36*time.Hour), to.Add(36*time.Hour)
	}
	of := chart.DotsOf{W: width, Axis: func(short string) string { return f.axis(short, unit) }}
	var rows []tableRow
	least, most := -1.0, -1.0
	for _, p := range ps {
		num := func(s *string) float64 {
			if s == nil {
				return 0
			}
			v, _ := strconv.ParseFloat(*s, 64) // not a number: not drawn
			return v
		}
		lo, hi := num(p.Low), num(p.High)
		open := p.Low == nil || p.High == nil
		if p.Low == nil {
			lo = hi
		}
		if lo <= 0 {
			continue
		}
		name := p.Product
		if p.Vendor != nil {
			name = strings.TrimSpace(p.Vendor.Name + " " + p.Product)
		}
		money := f.Money(p.Low, p.High, p.Currency)
		label := first(name, f.Label("price_kind", p.Kind)) + f.pick("\u202f: ", ": ") + money + ", " + f.Day(p.Article.Published)
		of.Dots = append(of.Dots, chart.Dot{X: float64(p.Article.Published.Sub(from)) / float64(to.Sub(from)), Low: lo, High: max(lo, hi), Open: open, Label: label, Href: articlePath(p.Article.ID)})
		rows = append(rows, tableRow{[]string{f.Day(p.Article.Published), first(name, "–"), money, p.Article.Outlet}, articlePath(p.Article.ID)})
		if least < 0 || lo < least {
			least = lo
		}
		most = max(most, lo, hi)
	}
	if len(of.Dots) == 0 {
		return "", nil, ""
	}
	for i := range 5 {
		x := float64(i) / 4
		of.Ticks = append(of.Ticks, chart.Moment{X: x, Label: f.Short(from.Add(time.Duration(x * float64(to.Sub(from)))))})
	}
	amount := func(v float64) string {
		s := strconv.FormatFloat(v, 'f', -1, 64)
		return f.Money(&s, &s, unit)
	}
	finding := f.T("prices.range", f.N("n.prices", len(of.Dots)), amount(least), amount(most))
	of.Head = chart.Head{ID: id, Title: f.T("prices.chart", unit), Desc: finding}
	slices.Reverse(rows)
	return template.HTML(chart.Dots(of)), rows, finding //nolint:gosec // made by package chart, which escapes
}

type trendsData struct {
	KPIs     []kpi
	Columns  template.HTML
	Weekly   tableOf
	Finding  string
	Heat     template.HTML
	Pairs    []tableRow
	HeatSays string
	Movers   []mover
	Langs    []tableRow
	Coverage string
	Exports  []exportLink
	Grafana  string
	New      []link
	Q, Words string
}

type kpi struct{ Value, Label, Note, Href string }

type mover struct {
	Name, Href     string
	Now, Before    int
	Change, Spoken string
}

const heatShown = 18

func (s *Server) trendsPage(f *frame, w http.ResponseWriter, r *http.Request) (screen, error) {
	f.Nav, f.Title = "trends", f.T("nav.trends")
	_, alone := suffix(r.URL.Path)
	q, err := s.parse(r.URL.Query().Get("q"))
	if err != nil {
		return screen{}, err
	}
	q.Group = nil
	d := &trendsData{Q: q.String(), Words: q.Words(f.lang)}
	from := f.Now.AddDate(0, -6, 0)
	rows, err := s.byType(r, q, from)
	if err != nil {
		return screen{}, err
	}
	href := func(from, to time.Time) string { return searchPath("", s.within(q, from, to).String()) }
	svg, tab, finding := s.stacked(f, "weekly", f.T("trends.weekly"), 960, rows, func(id string) string { return f.Label("type", id) }, href, alone == ".svg")
	if alone == ".svg" {
		return screen{raw: []byte(svg), media: "image/svg+xml"}, nil
	}
	d.Columns, d.Weekly, d.Finding = template.HTML(svg), tab, finding //nolint:gosec // made by package chart, which escapes

	day := func(n int) time.Time { return f.Now.AddDate(0, 0, -n) }
	count := func(q query.Query, from, to time.Time, facets ...string) (index.Result, error) {
		return s.find(r, index.Request{View: index.Deals, Query: s.within(q, from, to), Facets: facets})
	}
	week, err := count(q, day(6), f.Now)
	if err != nil {
		return screen{}, err
	}
	before, err := count(q, day(62), day(7))
	if err != nil {
		return screen{}, err
	}
	month, err := count(q, day(29), f.Now, "status", "lang", "vendor")
	if err != nil {
		return screen{}, err
	}
	past, err := count(q, day(59), day(30), "vendor")
	if err != nil {
		return screen{}, err
	}
	rumoured := 0
	for _, b := range month.Facets["status"] {
		if b.Value == "rumoured" {
			rumoured = b.Count
		}
	}
	share := "–"
	if month.Total > 0 {
		share = f.Num(100*rumoured/month.Total) + f.pick("\u202f%", "%")
	}
	d.KPIs = []kpi{
		{f.Num(week.Total), f.T("trends.week"), f.T("trends.mean", f.Float(float64(before.Total)/8, 1)), href(day(6), f.Now)},
		{f.Num(month.Total), f.T("trends.month"), f.T("trends.month.before", past.Total), href(day(29), f.Now)},
		{share, f.T("trends.rumoured"), f.N("n.deals", rumoured), searchPath("", s.within(q, day(29), f.Now).Toggle("status", "rumoured").String())},
	}
	then := map[string]int{}
	for _, b := range past.Facets["vendor"] {
		then[b.Value] = b.Count
	}
	now := map[string]int{}
	for _, b := range month.Facets["vendor"] {
		now[b.Value] = b.Count
	}
	for id := range then {
		if _, ok := now[id]; !ok {
			now[id] = 0
		}
	}
	for id, n := range now {
		if _, known := s.opt.Catalogue.Vendor(id); !known || n == then[id] {
			continue
		}
		m := mover{Name: s.nameOf(id, nil), Href: "/vendors/" + id, Now: n, Before: then[id]}
		sign := "+"
		if n < then[id] {
			sign = "−"
		}
		m.Change = sign + strconv.Itoa(max(n-then[id], then[id]-n))
		d.Movers = append(d.Movers, m)
	}
	slices.SortFunc(d.Movers, func(a, b mover) int {
		x, y := a.Now-a.Before, b.Now-b.Before
		return cmp.Or(max(y, -y)-max(x, -x), y-x, cmp.Compare(a.Name, b.Name))
	})
	d.Movers = d.Movers[:min(len(d.Movers), 15)]
	for _, b := range month.Facets["lang"] {
		d.Langs = append(d.Langs, tableRow{[]string{f.Label("lang", b.Value), f.Num(b.Count)}, searchPath("", s.within(q, day(29), f.Now).Toggle("lang", b.Value).String())})
	}
	if err := s.heat(f, r, d, q, from); err != nil {
		return screen{}, err
	}
	total := 0
	if s.opt.Sources != nil {
		s.facts.health.Lock()
		total = len(s.facts.health.names)
		s.facts.health.Unlock()
	}
	d.Coverage = f.T("trends.coverage", f.N("silent", f.Silent), total, f.N("trends.lag", f.Pending))
	stats := "/api/v1/stats/deals?" + url.Values{"q": {d.Q}, "group": {"week,type"}, "from": {"${__from}"}, "to": {"${__to}"}, "rows": {"1"}}.Encode()
	d.Grafana = strings.NewReplacer("%24%7B", "${", "%7D", "}").Replace(stats)
	d.Exports = []exportLink{{"SVG", "/trends.svg?" + url.Values{"q": {d.Q}}.Encode()}, {"JSON", "/api/v1/stats/deals?" + url.Values{"q": {d.Q}, "group": {"week,type"}, "from": {"now-180d"}}.Encode()}}
	return showing("trends", d)
}

// heat draws who dealt with whom.
func (s *Server) heat(f *frame, r *http.Request, d *trendsData, q query.Query, from time.Time) error {
	q = s.within(q, from, f.Now)
	res, err := s.find(r, index.Request{View: index.Deals, Query: q, Group: "pair", Limit: 200, Facets: []string{"vendor"}})
	if err != nil {
		return err
	}
	names := partyNames(res.Deals)
	var ids []string
	weight := map[string]int{}
	for _, b := range res.Groups {
		a, c, ok := strings.Cut(b.Value, "~")
		if !ok {
			continue
		}
		_, known := s.opt.Catalogue.Vendor(a)
		if _, also := s.opt.Catalogue.Vendor(c); known && also {
			weight[a] += b.Count
			weight[c] += b.Count
		}
	}
	for id := range weight {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(weight[b]-weight[a], cmp.Compare(a, b)) })
	ids = ids[:min(len(ids), heatShown)]
	of := chart.HeatOf{}
	for _, id := range ids {
		of.Names = append(of.Names, s.nameOf(id, names))
		of.Hrefs = append(of.Hrefs, "/vendors/"+id)
	}
	for _, b := range res.Groups {
		a, c, ok := strings.Cut(b.Value, "~")
		if !ok {
			continue
		}
		label := s.nameOf(a, names) + " – " + s.nameOf(c, names)
		href := "/pairs/" + pairSlug(a, c)
		if len(d.Pairs) < 30 {
			d.Pairs = append(d.Pairs, tableRow{[]string{label, f.Num(b.Count)}, href})
		}
		i, j := slices.Index(ids, a), slices.Index(ids, c)
		if i < 0 || j < 0 || i == j {
			continue
		}
		label += f.pick("\u202f: ", ": ") + f.N("n.deals", b.Count)
		of.Cells = append(of.Cells, chart.Cell{Row: max(i, j), Col: min(i, j), N: b.Count, Label: label, Href: href})
	}
	if len(of.Cells) == 0 {
		return nil
	}
	d.HeatSays = f.T("trends.top.pair", d.Pairs[0].Cells[0], d.Pairs[0].Cells[1])
	of.Head = chart.Head{ID: "heat", Title: f.T("trends.heat"), Desc: d.HeatSays}
	d.Heat = template.HTML(chart.Heat(of)) //nolint:gosec // made by package chart, which escapes
	return nil
}
