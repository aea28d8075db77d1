package serve

import (
	"cmp"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/veille/extract/catalogue"
	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
	"example.org/veille/serve/chart"
)

type vendorsData struct {
	Q, Kind, Country string
	Kinds            []query.Enum
	Rows             []vendorRow
	Total            int
	Next             string
	Exports          []exportLink
}

// vendorsShown is how many vendors stand on one page.
const vendorsShown = 50

func (s *Server) vendorsPage(f *frame, w http.ResponseWriter, r *http.Request) (screen, error) {
	v := r.URL.Query()
	f.Nav, f.Title = "vendors", f.T("nav.vendors")
	d := &vendorsData{Q: clip(strings.ToValidUTF8(v.Get("name"), ""), 80), Kind: v.Get("kind"), Country: v.Get("country"), Kinds: query.FieldRow("kind").Values}
	counts, _, err := s.facts.vendors(r.Context(), s)
	if err != nil {
		return screen{}, err
	}
	var named map[string]bool
	if d.Q != "" {
		named = map[string]bool{}
		for _, ref := range s.names().begin(d.Q, 0) {
			named[ref.ID] = true
		}
	}
	var all []vendorRow
	for _, c := range s.opt.Catalogue.All() {
		n := counts[c.ID]
		if named != nil && !named[c.ID] || d.Kind != "" && !c.Is(d.Kind) || d.Country != "" && !strings.EqualFold(c.Country, d.Country) || named == nil && n.Deals+n.Articles == 0 {
			continue
		}
		all = append(all, s.newVendorRow(c, counts))
	}
	order := func(a, b vendorRow) int {
		return cmp.Or(b.Deals-a.Deals, b.Articles-a.Articles, cmp.Compare(fold(a.Name), fold(b.Name)), cmp.Compare(a.ID, b.ID))
	}
	slices.SortFunc(all, order)
	d.Total = len(all)
	start := 0
	if c := v.Get("cursor"); c != "" {
		id, err := base64.RawURLEncoding.DecodeString(c)
		if err != nil {
			return screen{}, fail("invalid-cursor", "Reprenez sans curseur.", "Begin again without a cursor.")
		}
		if i := slices.IndexFunc(all, func(x vendorRow) bool { return x.ID == string(id) }); i >= 0 {
			start = i + 1
		}
	}
	d.Rows = all[start:min(len(all), start+vendorsShown)]
	if start+vendorsShown < len(all) {
		n := url.Values{"cursor": {base64.RawURLEncoding.EncodeToString([]byte(d.Rows[len(d.Rows)-1].ID))}}
		for name, val := range map[string]string{"name": d.Q, "kind": d.Kind, "country": d.Country} {
			if val != "" {
				n.Set(name, val)
			}
		}
		d.Next = "/vendors?" + n.Encode()
	}
	d.Exports = []exportLink{{"JSON", "/api/v1/vendors"}}
	return showing("vendors", d)
}

type vendorData struct {
	vendorPage
	Names    []nameSpan
	Columns  template.HTML
	Weekly   tableOf
	Finding  string
	Ego      template.HTML
	Friends  []tableRow
	Dots     template.HTML
	DotRows  []tableRow
	Deals10  []dealView
	Exports  []exportLink
	Search   string
	PriceURL string
	Alert    string
	Versus   *versus
	Compare  string
	Unknown  bool
	Mentions string // where its articles are found: all that mention it, those about it
	About    string
	AboutN   int
}

type versus struct {
	A, B           string
	Columns        template.HTML
	Table          tableOf
	Deals          []dealView
	CSV            string
	TotalA, TotalB int
}

type tableOf struct {
	Heads []string
	Rows  []tableRow
}

// nameSpan is a name with the time in which it was understood.
type nameSpan struct{ Name, From, Until string }

func (s *Server) vendorPageHTML(f *frame, w http.ResponseWriter, r *http.Request) (screen, error) {
	slug, ext := suffix(r.PathValue("slug"))
	if ext == ".json" {
		r.SetPathValue("slug", slug)
		s.vendor(w, r)
		return screen{}, errHandled
	}
	v, ok := s.opt.Catalogue.Vendor(slug)
	if !ok {
		found := s.resolve(slug)
		if len(found) == 0 { // a name that nobody bears any more
			for _, v := range s.opt.Catalogue.Resolve(slug, time.Time{}) {
				found = append(found, schemas.VendorRef{ID: v.ID, Name: v.Name})
			}
		}
		if len(found) == 1 {
			return screen{to: "/vendors/" + url.PathEscape(found[0].ID) + ext, code: http.StatusMovedPermanently}, nil
		}
		f.Nav, f.Title = "vendors", clip(slug, 60)
		d := map[string]any{"Slug": clip(slug, 60), "Several": len(found) > 1}
		var near []link
		for _, x := range found {
			near = append(near, link{x.Name, "/vendors/" + x.ID})
		}
		if len(near) == 0 {
			for _, x := range s.names().nearest(slug, 3) {
				near = append(near, link{x.Name, "/vendors/" + x.ID})
			}
		}
		d["Near"] = near
		status := http.StatusNotFound
		if len(found) > 1 {
			status = http.StatusMultipleChoices
		}
		return screen{name: "vendor_unknown", status: status, data: d}, nil
	}
	page, err := s.Vendor(r.Context(), v)
	if err != nil {
		return screen{}, err
	}
	d := &vendorData{vendorPage: page, Names: namesOf(v)}
	q0, err := s.parse("")
	if err != nil {
		return screen{}, err
	}
	base := q0.Add(s.clauseOf("vendor", v.ID))
	about, err := s.find(r, index.Request{View: index.Articles, Query: q0.Add(s.clauseOf("about", v.ID)), Limit: 0})
	if err != nil {
		return screen{}, err
	}
	d.Mentions, d.About, d.AboutN = searchPath(index.Articles, base.String()), searchPath(index.Articles, q0.Add(s.clauseOf("about", v.ID)).String()), about.Total
	from := f.Now.AddDate(0, -12, 0)
	rows, err := s.byType(r, base, from)
	if err != nil {
		return screen{}, err
	}
	href := func(from, to time.Time) string { return searchPath("", s.within(base, from, to).String()) }
	svg, tab, finding := s.stacked(f, "types", f.T("vendor.weekly", v.Name), 960, rows, func(id string) string { return f.Label("type", id) }, href, ext == ".svg")
	if ext == ".svg" {
		return screen{raw: []byte(svg), media: "image/svg+xml"}, nil
	}
	d.Columns, d.Weekly, d.Finding = template.HTML(svg), tab, finding //nolint:gosec // made by package chart, which escapes
	var friends []chart.Friend
	for _, p := range page.Partners {
		pair := "/pairs/" + pairSlug(v.ID, p.ID)
		label := p.Name + f.pick("\u202f: ", ": ") + f.N("n.deals", p.Deals)
		friends = append(friends, chart.Friend{Name: p.Name, Label: label, Href: pair, N: p.Deals})
		d.Friends = append(d.Friends, tableRow{[]string{p.Name, f.Num(p.Deals)}, pair})
	}
	if len(friends) > 0 {
		d.Ego = template.HTML(chart.Ego(chart.EgoOf{Head: chart.Head{ID: "ego", Title: f.T("vendor.partners.of", v.Name), Desc: f.N("vendor.partners", len(friends))}, Centre: v.Name, Friends: friends})) //nolint:gosec // made by package chart, which escapes
	}
	prices, err := s.find(r, index.Request{View: index.Prices, Query: base.Add(s.clauseOf("price_kind", "product_price")), Limit: 200})
	if err != nil {
		return screen{}, err
	}
	d.Dots, d.DotRows, _ = s.priceDots(f, prices.Prices, "dots", 560)
	deals, err := s.find(r, index.Request{View: index.Deals, Query: base, Limit: 10})
	if err != nil {
		return screen{}, err
	}
	for _, x := range deals.Deals {
		d.Deals10 = append(d.Deals10, s.dealView(f, x, nil))
	}
	q := base.String()
	d.Search, d.PriceURL = searchPath("", q), "/prices?"+url.Values{"q": {q + " price_kind:product_price"}}.Encode()
	d.Exports = append([]exportLink{{"JSON", "/vendors/" + v.ID + ".json"}, {"SVG", "/vendors/" + v.ID + ".svg"}}, f.exports(index.Deals, q)[:2]...)
	if f.Alerts {
		d.Alert = "/alerts/new?" + url.Values{"query": {q}}.Encode()
	}
	d.Compare = clip(strings.ToValidUTF8(r.URL.Query().Get("vs"), ""), 80)
	if d.Compare != "" {
		if d.Versus, err = s.compare(f, r, v, d.Compare, from); err != nil {
			return screen{}, err
		}
	}
	f.Feeds = []feedLink{{v.Name, "/deals.atom?" + url.Values{"q": {q}, "hl": {f.lang}}.Encode()}}
	f.Nav, f.Title = "vendors", v.Name
	return showing("vendor", d)
}

func pairSlug(a, b string) string {
	if a > b {
		a, b = b, a
	}
	return url.PathEscape(a) + "~" + url.PathEscape(b)
}

// namesOf lists the names of a vendor that had a time of their own, and what it
// became.
func namesOf(v catalogue.Vendor) []nameSpan {
	out := []nameSpan{{v.Name, v.From.String(), v.Until.String()}}
	seen := map[string]bool{v.Name: true}
	for _, a := range v.Aliases {
		if !seen[a.Text] {
			seen[a.Text] = true
			out = append(out, nameSpan{a.Text, a.From.String(), a.Until.String()})
		}
	}
	if len(out) == 1 && out[0].From == "" && out[0].Until == "" {
		return nil // it has always been called what it is called
	}
	return out
}

// byType counts deals by week and type, the smaller types together: a chart tells
// only so many series apart.
func (s *Server) byType(r *http.Request, q query.Query, from time.Time) ([]index.Row, error) {
	rows, err := s.Series(r.Context(), index.StatsRequest{View: index.Deals, Query: q, By: index.ByWeek, Series: "type", Top: len(schemas.Types), From: from})
	if err != nil {
		return nil, err
	}
	var kept, rest []index.Row
	seen := map[string]bool{}
	at := map[int64]int{}
	for _, row := range rows {
		if !seen[row.Series] && len(seen) < chart.Tones-1 {
			seen[row.Series] = true
		}
		if seen[row.Series] {
			kept = append(kept, row)
			continue
		}
		i, ok := at[row.Time.Unix()]
		if !ok {
			i = len(rest)
			at[row.Time.Unix()] = i
			rest = append(rest, index.Row{Time: row.Time, Series: otherSeries, Partial: row.Partial})
		}
		rest[i].Value += row.Value
		rest[i].Docs += row.Docs
	}
	return append(kept, rest...), nil
}

// otherSeries is what is too small for a series of its own.
const otherSeries = "~other"

// stacked draws series by week, the largest first.
func (s *Server) stacked(f *frame, id, title string, width float64, rows []index.Row, label func(string) string, href func(from, to time.Time) string, alone bool) (string, tableOf, string) {
	var series []string
	var times []time.Time
	value := map[string]map[int64]index.Row{}
	for _, row := range rows {
		if value[row.Series] == nil {
			value[row.Series] = map[int64]index.Row{}
			series = append(series, row.Series)
		}
		value[row.Series][row.Time.Unix()] = row
		if len(series) == 1 {
			times = append(times, row.Time)
		}
	}
	of := chart.ColumnsOf{W: width, H: 220}
	tab := tableOf{Heads: []string{f.T("col.week")}}
	for _, name := range series {
		l := f.T("all")
		switch name {
		case "":
		case otherSeries:
			l = f.T("other")
		default:
			l = label(name)
		}
		of.Series = append(of.Series, l)
		tab.Heads = append(tab.Heads, l)
	}
	most, at := 0.0, time.Time{}
	total := 0
	for _, day := range times {
		to := day.AddDate(0, 0, 6)
		bar := chart.Bar{Href: href(day, to)}
		var said []string
		cells := []string{f.Day(day)}
		sum := 0.0
		for i, name := range series {
			row := value[name][day.Unix()]
			bar.Parts = append(bar.Parts, row.Value)
			bar.Partial = row.Partial && !day.Before(times[len(times)-1])
			cells = append(cells, f.Num(int(row.Value)))
			sum += row.Value
			if row.Value > 0 {
				said = append(said, of.Series[i]+" "+f.Num(int(row.Value)))
			}
		}
		bar.Label = f.T("week.of", day) + f.pick("\u202f: ", ": ") + first(strings.Join(said, ", "), f.Num(0))
		if day.Day() <= 7 {
			bar.Tick = f.month(day.Month())
			if day.Month() == 1 {
				bar.Tick += " " + strconv.Itoa(day.Year())
			}
		}
		of.Bars = append(of.Bars, bar)
		if sum > 0 {
			tab.Rows = append(tab.Rows, tableRow{cells, bar.Href})
		} else {
			of.Bars[len(of.Bars)-1].Href = ""
		}
		if sum > most {
			most, at = sum, day
		}
		total += int(sum)
	}
	slices.Reverse(tab.Rows)
	finding := f.T("chart.none")
	if most > 0 {
		finding = f.T("chart.peak", at, f.N("n.deals", int(most))) + " · " + f.N("n.deals", total)
	}
	of.Head = chart.Head{ID: id, Title: title, Desc: finding, Alone: alone}
	return chart.Columns(of), tab, finding
}

// compare sets two vendors side by side.
func (s *Server) compare(f *frame, r *http.Request, a catalogue.Vendor, name string, from time.Time) (*versus, error) {
	found := s.opt.Catalogue.Resolve(name, s.opt.Now())
	if len(found) != 1 || found[0].ID == a.ID {
		return &versus{}, nil
	}
	b := found[0]
	out := &versus{A: a.Name, B: b.Name}
	q, err := s.parse("")
	if err != nil {
		return nil, err
	}
	var rows []index.Row
	for _, v := range []catalogue.Vendor{a, b} {
		got, err := s.Series(r.Context(), index.StatsRequest{View: index.Deals, Query: q.Add(s.clauseOf("vendor", v.ID)), By: index.ByWeek, From: from})
		if err != nil {
			return nil, err
		}
		for _, row := range got {
			row.Series = v.ID
			rows = append(rows, row)
			if v.ID == a.ID {
				out.TotalA += row.Docs
			} else {
				out.TotalB += row.Docs
			}
		}
	}
	both := q.Add(s.clauseOf("vendor", a.ID, b.ID))
	href := func(from, to time.Time) string { return searchPath("", s.within(both, from, to).String()) }
	svg, tab, _ := s.stacked(f, "versus", f.T("vendor.versus", a.Name, b.Name), 960, rows, func(id string) string { return s.nameOf(id, nil) }, href, false)
	out.Columns, out.Table = template.HTML(svg), tab //nolint:gosec // made by package chart, which escapes
	res, err := s.find(r, index.Request{View: index.Deals, Query: q.Add(s.clauseOf("vendor", b.ID)), Limit: 10})
	if err != nil {
		return nil, err
	}
	for _, x := range res.Deals {
		out.Deals = append(out.Deals, s.dealView(f, x, nil))
	}
	out.CSV = "/deals.csv?" + url.Values{"q": {both.String()}}.Encode()
	return out, nil
}

type pairData struct {
	A, B     schemas.VendorRef
	LinkA    string
	LinkB    string
	Deals    []dealView
	Total    int
	Columns  template.HTML
	Table    tableOf
	Finding  string
	Exports  []exportLink
	Alert    string
	Networks string
}

func (s *Server) pairPageHTML(f *frame, w http.ResponseWriter, r *http.Request) (screen, error) {
	slug, ext := suffix(r.PathValue("pair"))
	if ext == ".json" {
		r.SetPathValue("pair", slug)
		s.pair(w, r)
		return screen{}, errHandled
	}
	none := fail("not-found", "Une paire s’écrit a~b, avec deux fournisseurs du catalogue ou deux parties d’un accord.", "A pair is written a~b, with two vendors of the catalogue or two parties of a deal.")
	a, b, ok := strings.Cut(slug, "~")
	if !ok || a == "" || b == "" || a == b {
		return screen{}, none
	}
	ids, known := [2]string{a, b}, 0
	for i, name := range ids {
		if refs := s.resolve(name); len(refs) == 1 {
			ids[i] = refs[0].ID
			known++
		}
	}
	q, err := s.parse("")
	if err != nil {
		return screen{}, err
	}
	q = q.Add(s.clauseOf("pair", query.PairToken(ids[0], ids[1])))
	res, err := s.find(r, index.Request{View: index.Deals, Query: q, Limit: 50})
	if err != nil {
		return screen{}, err
	}
	if res.Total == 0 && known < 2 || ids[0] == ids[1] {
		return screen{}, none
	}
	rows, err := s.byType(r, q, f.Now.AddDate(0, -12, 0))
	if err != nil {
		return screen{}, err
	}
	names := partyNames(res.Deals)
	d := &pairData{A: schemas.VendorRef{ID: ids[0], Name: s.nameOf(ids[0], names)}, B: schemas.VendorRef{ID: ids[1], Name: s.nameOf(ids[1], names)}, Total: res.Total}
	if _, ok := s.opt.Catalogue.Vendor(ids[0]); ok {
		d.LinkA = "/vendors/" + ids[0]
	}
	if _, ok := s.opt.Catalogue.Vendor(ids[1]); ok {
		d.LinkB = "/vendors/" + ids[1]
	}
	href := func(from, to time.Time) string { return searchPath("", s.within(q, from, to).String()) }
	svg, tab, finding := s.stacked(f, "pair", f.T("pair.weekly", d.A.Name, d.B.Name), 960, rows, func(id string) string { return f.Label("type", id) }, href, ext == ".svg")
	if ext == ".svg" {
		return screen{raw: []byte(svg), media: "image/svg+xml"}, nil
	}
	d.Columns, d.Table, d.Finding = template.HTML(svg), tab, finding //nolint:gosec // made by package chart, which escapes
	for _, x := range res.Deals {
		d.Deals = append(d.Deals, s.dealView(f, x, nil))
	}
	path := "/pairs/" + pairSlug(ids[0], ids[1])
	d.Exports = append([]exportLink{{"JSON", path + ".json"}, {"SVG", path + ".svg"}}, f.exports(index.Deals, q.String())[:2]...)
	if f.Alerts {
		d.Alert = "/alerts/new?" + url.Values{"query": {q.String()}}.Encode()
	}
	f.Nav, f.Title = "vendors", d.A.Name+" – "+d.B.Name
	return showing("pair", d)
}
