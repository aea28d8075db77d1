package serve

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
	"example.org/veille/serve/chart"
)

const (
	pageRows   = 20  // rows of a page
	facetShown = 12  // values of a facet
	weeksShown = 104 // of the histogram
)

// facetFields are the facets of each view, in the order in which they stand.
var facetFields = map[string][]string{
	index.Deals:    {"type", "status", "vendor", "territory", "source", "lang"},
	index.Articles: {"vendor", "source", "lang", "has"},
	index.Prices:   {"price_kind", "currency", "vendor", "product", "source", "lang"},
}

// ofDeals are the fields that speak of deals alone: a query that names one finds
// articles and prices through the deals they tell of.
var ofDeals = []string{"type", "status", "distributor", "reseller", "integrator", "customer", "acquirer", "target", "investor", "maker", "partner", "seller", "plaintiff", "defendant", "pair", "territory", "value", "sources", "confidence", "deal"}

func speaksOfDeals(q query.Query) bool {
	found := false
	query.Walk(q.Expr, func(c query.Clause) { found = found || slices.Contains(ofDeals, c.Field) })
	return found
}

type searchData struct {
	View, Words string
	Query       string // canonical
	Hints       []hintLine
	Error       *query.SyntaxError
	Caret       string
	Fixes       []link
	Tabs        []tab
	Salience    []tab // all mentions, or only what the article is about
	Facets      []facetBox
	Filters     int // values that are selected
	Weeks       template.HTML
	Peak        string
	WeekRows    []tableRow
	Deals       []dealView
	Articles    []articleView
	Prices      []priceView
	Groups      []groupRow
	GroupName   string
	Total       int
	Took        time.Duration
	Sorts       []sortLink
	Sort        string
	Next, Start string
	Exports     []exportLink
	Empty       *emptyState
	Live        bool
	Alert       string // where to make an alert of the query
}

type hintLine struct {
	Text  string
	Fixes []link
}

type link struct{ Text, Href string }

type tab struct {
	View, Label, Href string
	Count             int
	Current           bool
}

type sortLink struct {
	Label, Href string
	Current     bool
}

type facetBox struct {
	Field, Legend string
	Values        []facetValue
	More          int // values that are not shown
	Open          bool
}

type facetValue struct {
	ID, Label, Lang string
	Count           int
	On, Out         bool
	Not             string // where it is left out, or let in again
}

type tableRow struct {
	Cells []string
	Href  string
}

type groupRow struct {
	Label, Href string
	Count       int
}

type emptyState struct {
	Widen    []widening
	Articles int
	Href     string
	From, To time.Time
	Total    int // of everything
	Near     []link
}

type widening struct {
	Without, Href string
	Count         int
}

// salience offers the articles that are about an organisation in place of all that
// mention it, and the other way round.
func (s *Server) salience(f *frame, q query.Query) []tab {
	mentioned, about := q.Selected("vendor"), q.Selected("about")
	if len(mentioned) == 0 && len(about) == 0 || len(mentioned) > 0 && len(about) > 0 {
		return nil
	}
	ids := append(mentioned, about...)
	to := func(field string) string {
		return searchPath(index.Articles, q.Drop("vendor").Drop("about").Add(s.clauseOf(field, ids...)).String())
	}
	return []tab{{Label: f.T("salience.any"), Href: to("vendor"), Current: len(about) == 0}, {Label: f.T("salience.about"), Href: to("about"), Current: len(about) > 0}}
}

// search is the page of results.
func (s *Server) searchPage(f *frame, w http.ResponseWriter, r *http.Request) (screen, error) {
	v := r.URL.Query()
	d := &searchData{View: v.Get("view"), Live: s.opt.Tail != nil}
	if !slices.Contains(views, d.View) {
		d.View = index.Deals
	}
	f.Nav, f.Box, f.Q = "search", true, strings.ToValidUTF8(v.Get("q"), "\uFFFD")
	f.Title = first(clip(f.Q, 60), f.T("nav.search"))
	q, err := s.parse(f.Q)
	var syntax *query.SyntaxError
	if errors.As(err, &syntax) {
		d.Error, d.Caret = syntax, syntax.Caret(f.Q)
		for i := range syntax.Suggestions {
			fixed := syntax.Fix(f.Q, i)
			d.Fixes = append(d.Fixes, link{fixed, searchPath(d.View, fixed)})
		}
		return screen{name: "search", status: http.StatusBadRequest, data: d}, nil
	}
	if err != nil {
		return screen{}, err
	}
	if v.Has("apply") {
		return screen{to: searchPath(d.View, applyFacets(q, d.View, v).String())}, nil
	}
	d.Words, d.Query = q.Words(f.lang), q.String()
	for _, h := range q.Hints {
		line := hintLine{Text: h.Message(f.lang)}
		for i := range h.Suggestions {
			fixed := h.Fix(f.Q, i)
			line.Fixes = append(line.Fixes, link{fixed, searchPath(d.View, fixed)})
		}
		d.Hints = append(d.Hints, line)
	}
	viaDeals := speaksOfDeals(q)
	var res index.Result
	for _, view := range views {
		req := index.Request{View: view, Query: q, OfDeals: viaDeals && view != index.Deals}
		if view == d.View {
			req.Limit, req.Cursor, req.Highlight, req.Weeks = pageRows, v.Get("cursor"), true, true
			if !req.OfDeals {
				req.Facets = facetFields[view]
			} else {
				req.Facets = facetsBoth(view)
			}
		} else {
			req.Query.Group = nil
		}
		if view != index.Deals && len(q.Group) > 0 && !slices.Contains(countable[view], q.Group[0]) {
			req.Query.Group = nil
		}
		if len(req.Query.Group) > 0 && slices.Contains(periods, req.Query.Group[0]) {
			req.Query.Group = nil
		}
		got, err := s.find(r, req)
		if err != nil {
			return screen{}, err
		}
		label := f.T("tab." + view)
		d.Tabs = append(d.Tabs, tab{view, label, searchPath(view, d.Query), got.Total, view == d.View})
		if view == d.View {
			res = got
		}
	}
	if d.View == index.Articles {
		d.Salience = s.salience(f, q)
	}
	d.Total, d.Took = res.Total, res.Took
	d.Facets = s.facetBoxes(f, q, d.View, res)
	for _, b := range d.Facets {
		for _, val := range b.Values {
			if val.On || val.Out {
				d.Filters++
			}
		}
	}
	s.histogram(f, d, q, res.Weeks)
	for _, x := range res.Deals {
		d.Deals = append(d.Deals, s.dealView(f, x, res.Fragments[x.ID]))
	}
	for _, x := range res.Articles {
		d.Articles = append(d.Articles, s.articleView(f, x.Extraction, res.Fragments[x.Article.ID]))
	}
	for _, x := range res.Prices {
		d.Prices = append(d.Prices, s.priceView(f, x, hitWords(res.Fragments[x.ID])))
	}
	if len(q.Group) > 0 && res.Groups != nil {
		names := partyNames(res.Deals)
		d.GroupName = query.FieldRow("group").Label(q.Group[0], f.lang)
		for _, b := range res.Groups[:min(len(res.Groups), 50)] {
			d.Groups = append(d.Groups, groupRow{f.valueLabel(q.Group[0], b.Value, names), searchPath(d.View, q.Toggle(q.Group[0], b.Value).String()), b.Count})
		}
	}
	if res.Next != "" {
		d.Next = searchPath(d.View, d.Query)
		sep := "?"
		if strings.Contains(d.Next, "?") {
			sep = "&"
		}
		d.Next += sep + "cursor=" + url.QueryEscape(res.Next)
	}
	if v.Get("cursor") != "" {
		d.Start = searchPath(d.View, d.Query)
	}
	current := first(q.Sort, index.Newest)
	for _, e := range query.FieldRow("sort").Values {
		q := q
		q.Sort = e.ID
		if e.ID == index.Newest {
			q.Sort = ""
		}
		d.Sorts = append(d.Sorts, sortLink{f.Label("sort", e.ID), searchPath(d.View, q.String()), e.ID == current})
	}
	d.Sort = f.Label("sort", current)
	if !viaDeals || d.View == index.Deals {
		d.Exports = f.exports(d.View, d.Query)
	}
	if d.View == index.Deals {
		f.Feeds = []feedLink{{d.Words, "/deals.atom?" + url.Values{"q": {d.Query}, "hl": {f.lang}}.Encode()}}
	}
	if f.Alerts {
		d.Alert = "/alerts/new?" + url.Values{"query": {d.Query}}.Encode()
	}
	if res.Total == 0 {
		if d.Empty, err = s.empty(f, r, q, d, viaDeals); err != nil {
			return screen{}, err
		}
	}
	return showing("search", d)
}

// facetsBoth are the facets of articles and prices that are found through deals:
// only the query on deals can be narrowed then.
func facetsBoth(view string) []string {
	var out []string
	for _, n := range facetFields[view] {
		if slices.Contains(facetFields[index.Deals], n) {
			out = append(out, n)
		}
	}
	return out
}

// applyFacets writes what is ticked into the query.
func applyFacets(q query.Query, view string, v url.Values) query.Query {
	for _, field := range facetFields[view] {
		if !v.Has("has_" + field) {
			continue // the form did not show it
		}
		want, have := v[field], q.Selected(field)
		for _, id := range have {
			if !slices.Contains(want, id) {
				q = q.Toggle(field, id)
			}
		}
		for _, id := range want {
			if len(id) <= 200 && !slices.Contains(have, id) {
				q = q.Toggle(field, id)
			}
		}
	}
	return q
}

// valueLabel names a value of a field for people.
func (f *frame) valueLabel(field, id string, names map[string]string) string {
	fd, ok := query.FieldByName(field)
	switch {
	case !ok:
		return id
	case fd.Name == "pair":
		a, b, _ := strings.Cut(id, "~")
		return f.s.nameOf(a, names) + " – " + f.s.nameOf(b, names)
	case fd.Kind == query.VendorField:
		return f.s.nameOf(id, names)
	case fd.Name == "source":
		return f.s.outlet(f.r.Context(), id)
	}
	return fd.Label(id, f.lang)
}

func (s *Server) facetBoxes(f *frame, q query.Query, view string, res index.Result) []facetBox {
	var out []facetBox
	names := partyNames(res.Deals)
	for _, field := range facetFields[view] {
		bs, ok := res.Facets[field]
		if !ok {
			continue
		}
		on, off := q.Selected(field), q.Excluded(field)
		box := facetBox{Field: field, Legend: f.T("facet." + field), Open: len(on)+len(off) > 0 || field == "type" || field == "status"}
		shown := map[string]bool{}
		add := func(id string, count int) {
			shown[id] = true
			box.Values = append(box.Values, facetValue{ID: id, Label: f.valueLabel(field, id, names), Count: count,
				On: slices.Contains(on, id), Out: slices.Contains(off, id), Not: searchPath(view, q.ToggleNot(field, id).String())})
		}
		for _, b := range bs {
			if len(box.Values) < facetShown || slices.Contains(on, b.Value) || slices.Contains(off, b.Value) {
				add(b.Value, b.Count)
			} else {
				box.More++
			}
		}
		for _, id := range slices.Concat(on, off) {
			if !shown[id] {
				add(id, 0)
			}
		}
		if len(box.Values) > 0 {
			out = append(out, box)
		}
	}
	return out
}

// within narrows a query to some days, which replace what it said of dates.
func (s *Server) within(q query.Query, from, to time.Time) query.Query {
	zone := q.Zone()
	text := "date:" + from.In(zone).Format(time.DateOnly) + ".." + to.In(zone).Format(time.DateOnly)
	d, err := s.parse(text)
	if err != nil {
		return q
	}
	for _, field := range []string{"since", "until", "date"} {
		q = q.Drop(field)
	}
	return q.Add(d.Expr)
}

// histogram draws the hits by week, each column a link to its week.
func (s *Server) histogram(f *frame, d *searchData, q query.Query, weeks []index.Bucket) {
	bars, rows, peak := s.weekBars(f, weeks, func(from, to time.Time) string { return searchPath(d.View, s.within(q, from, to).String()) }, "n."+d.View)
	if len(bars) < 2 {
		return
	}
	d.WeekRows, d.Peak = rows, peak
	d.Weeks = template.HTML(chart.Columns(chart.ColumnsOf{Head: chart.Head{ID: "weeks", Title: f.T("chart.weeks"), Desc: peak}, Series: []string{""}, Bars: bars, W: 260, H: 84, Small: true})) //nolint:gosec // made by package chart, which escapes
}

// weekBars makes a column of each week, those without anything between included.
func (s *Server) weekBars(f *frame, weeks []index.Bucket, href func(from, to time.Time) string, count string) (bars []chart.Bar, rows []tableRow, peak string) {
	if len(weeks) == 0 {
		return nil, nil, ""
	}
	parse := func(b index.Bucket) time.Time {
		t, _ := time.ParseInLocation(time.DateOnly, b.Value, f.zone) // dates of the index are well formed
		return t
	}
	by := map[string]int{}
	for _, b := range weeks {
		by[b.Value] = b.Count
	}
	end := parse(weeks[len(weeks)-1])
	begin := parse(weeks[0])
	if oldest := end.AddDate(0, 0, -7*(weeksShown-1)); begin.Before(oldest) {
		begin = oldest
	}
	most, at := 0, time.Time{}
	for day := begin; !day.After(end); day = day.AddDate(0, 0, 7) {
		n := by[day.Format(time.DateOnly)]
		to := day.AddDate(0, 0, 6)
		label := f.T("week.of", day) + f.pick("\u202f: ", ": ") + f.N(count, n)
		tick := ""
		if day.Day() <= 7 {
			tick = f.month(day.Month())
		}
		bar := chart.Bar{Label: label, Tick: tick, Parts: []float64{float64(n)}, Partial: f.Now.Before(to.AddDate(0, 0, 1))}
		if n > 0 {
			bar.Href = href(day, to)
			rows = append(rows, tableRow{[]string{f.Day(day), f.Num(n)}, bar.Href})
		}
		bars = append(bars, bar)
		if n > most {
			most, at = n, day
		}
	}
	slices.Reverse(rows)
	return bars, rows, f.T("chart.peak", at, f.N(count, most))
}

// empty gathers what to try when nothing was found.
func (s *Server) empty(f *frame, r *http.Request, q query.Query, d *searchData, viaDeals bool) (*emptyState, error) {
	e := &emptyState{}
	for i, wide := range q.Widen() {
		if i == 6 {
			break
		}
		wide.Group = nil
		res, err := s.find(r, index.Request{View: d.View, Query: wide, OfDeals: d.View != index.Deals && speaksOfDeals(wide)})
		if err != nil {
			return nil, err
		}
		if res.Total > 0 {
			e.Widen = append(e.Widen, widening{partOf(q, i), searchPath(d.View, wide.String()), res.Total})
		}
	}
	slices.SortStableFunc(e.Widen, func(a, b widening) int { return b.Count - a.Count })
	if d.View == index.Deals {
		// What an article can be asked: the words and the vendors of the query.
		plain := q
		for _, field := range append(slices.Clone(ofDeals), "is", "has") {
			plain = plain.Drop(field)
		}
		plain.Group = nil
		if plain.Expr != nil && !speaksOfDeals(plain) {
			res, err := s.find(r, index.Request{View: index.Articles, Query: plain})
			if err != nil {
				return nil, err
			}
			e.Articles, e.Href = res.Total, searchPath(index.Articles, plain.String())
		}
	}
	all, err := s.parse("")
	if err != nil {
		return nil, err
	}
	for _, order := range []string{index.Oldest, index.Newest} {
		res, err := s.find(r, index.Request{View: index.Articles, Query: all, Sort: order, Limit: 1})
		if err != nil {
			return nil, err
		}
		e.Total = res.Total
		if len(res.Articles) == 0 {
			continue
		}
		if at := res.Articles[0].Article.Published; order == index.Oldest {
			e.From = at
		} else {
			e.To = at
		}
	}
	return e, nil
}

// partOf is the i-th top-level part of a query, as it is written.
func partOf(q query.Query, i int) string {
	if and, ok := q.Expr.(query.And); ok && i < len(and) {
		return and[i].String()
	}
	return ""
}

// quoteView is a sentence as it is shown.
type quoteView struct {
	Pieces         []piece
	Prefix, Suffix string
	Lang           string
	Outlet, Source string
	Href           string // the source at the sentence
	Page           string // the article's page here
	Title          string
	Published      time.Time
	Seen           time.Time
	Cue            string
	Status         string
	Clipped        bool
	N              int // its number on the page
	Article        string
	Also           []schemas.Copy
	Attribution    string
	Signal         string
	Plain          string // the words alone, for citing
	Before, After  string // the sentences beside it
}

type dealView struct {
	schemas.Deal
	Path    string
	Line    string
	Quote   *quoteView
	More    string // how many other articles, and of which languages
	Hit     []piece
	HitLang string
	Value   string
	Moved   bool // the status is younger than the deal
	Cite    string
}

// dealView makes the row of a deal: with the sentence that set its status.
func (s *Server) dealView(f *frame, d schemas.Deal, fs []index.Fragment) dealView {
	v := dealView{Deal: d, Path: dealPath(d.ID), Line: dealLine(d), Moved: f.ISO(d.First) != f.ISO(d.Updated)}
	if d.Amount != nil {
		v.Value = f.Money(d.Amount.Low, d.Amount.High, d.Amount.Currency)
	}
	words := hitWords(fs)
	if e := telling(d); e != nil {
		q := s.quoteView(f, *e, words)
		v.Quote = &q
		v.Cite = f.cite(d, q)
		found := slices.ContainsFunc(q.Pieces, func(p piece) bool { return p.Hit })
		if !found && len(fs) > 0 {
			v.Hit, v.HitLang = hitPieces(clipFragments(fs[:1])[0]), fs[0].Lang
		}
	}
	langs, others := map[string]int{}, map[string]bool{}
	for _, e := range d.Evidence {
		if v.Quote != nil && e.Article == v.Quote.Article || others[e.Article] {
			continue
		}
		others[e.Article] = true
		langs[e.Lang]++
	}
	if len(others) > 0 {
		var by []string
		for _, l := range sortedKeys(langs) {
			by = append(by, f.Num(langs[l])+" "+l)
		}
		v.More = f.N("row.more", len(others), strings.Join(by, ", "))
	}
	return v
}

// telling is the sentence that says best how a deal stands: the newest of those
// that set its status.
func telling(d schemas.Deal) *schemas.Evidence {
	var best *schemas.Evidence
	for i := range d.Evidence {
		e := &d.Evidence[i]
		switch {
		case best == nil:
			best = e
		case (e.Signal.Status == d.Status) != (best.Signal.Status == d.Status):
			if e.Signal.Status == d.Status {
				best = e
			}
		case e.Signal.Confidence > best.Signal.Confidence:
			best = e
		}
	}
	return best
}

func (s *Server) quoteView(f *frame, e schemas.Evidence, hits []string) quoteView {
	row := newEvidenceRow(e)
	sig := row.Signal
	return quoteView{
		Pieces: s.marks(sig.Evidence.Text, sig.Cue, sig.Parties, hits), Lang: e.Lang, Outlet: e.Outlet, Source: e.Source, Href: webAddress(row.TextFragmentURL),
		Page: articlePath(e.Article), Title: e.Title, Published: e.Published, Seen: e.Seen, Cue: sig.Cue, Status: sig.Status, Clipped: row.Clipped,
		Article: e.Article, Also: e.Also, Attribution: sig.Attribution, Signal: sig.ID, Plain: sig.Evidence.Text,
	}
}

// cite is a deal as it stands in somebody's note: quote, source, date and address.
func (f *frame) cite(d schemas.Deal, q quoteView) string {
	quote := f.pick("«\u202f"+q.Plain+"\u202f»", "“"+q.Plain+"”")
	return dealLine(d) + " (" + f.Label("type", d.Type) + ", " + f.Label("status", d.Status) + ") — " + quote + " — " + q.Outlet + ", " + f.Day(q.Published) + ", " + first(q.Href, q.Title)
}

func articlePath(id string) string { return "/articles/" + url.PathEscape(id) }

type articleView struct {
	articleRow
	Path    string
	Href    string
	Heading []piece
	Quote   []piece
	Deals   int
	PriceN  int
}

func (s *Server) articleView(f *frame, x schemas.Extraction, fs []index.Fragment) articleView {
	v := articleView{articleRow: newArticleRow(x), Path: articlePath(x.Article.ID), Href: webAddress(x.Article.URL), Deals: len(x.Signals), PriceN: len(x.Prices)}
	v.Heading = []piece{{Text: first(x.Article.Title, x.Article.ID)}}
	if showable(x.Article.Rights) {
		for _, fr := range clipFragments(fs) {
			if fr.In == "title" {
				v.Heading = hitPieces(fr)
			} else if v.Quote == nil {
				v.Quote = hitPieces(fr)
			}
		}
		if v.Quote == nil && v.Snippet != "" {
			v.Quote = []piece{{Text: clip(v.Snippet, 200)}}
		}
	}
	return v
}

type priceView struct {
	priceRow
	Pieces []piece
	Href   string
	Page   string
	Amount string
	Bound  string
}

func (s *Server) priceView(f *frame, h index.PriceHit, hits []string) priceView {
	row := newPriceRow(h)
	v := priceView{priceRow: row, Href: webAddress(row.TextFragmentURL), Page: articlePath(h.Article.ID), Amount: f.Money(row.Low, row.High, row.Currency)}
	var parties []schemas.Party
	if row.Vendor != nil {
		parties = []schemas.Party{{ID: row.Vendor.ID, Name: row.Vendor.Name}}
	}
	v.Pieces = s.marks(row.Evidence.Text, row.Text, parties, hits)
	return v
}
