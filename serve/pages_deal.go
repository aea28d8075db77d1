package serve

import (
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/veille/index"
	"example.org/veille/internal/publisher"
	"example.org/veille/schemas"
	"example.org/veille/serve/chart"
)

type dealData struct {
	dealView
	Parties   []partyFact
	Facts     []fact
	Quotes    []quoteView
	Outlets   int
	Articles  int
	Lanes     template.HTML
	LaneRows  []tableRow
	Against   []contradiction
	Days      int // between the first and the last article
	Exports   []exportLink
	Pair      string
	Feedback  bool
	Alert     string
	Gone      bool
	FirstSaid string // status of the first statement
	Thanks    bool
	Correct   bool         // deals may be taken apart and put together
	Corrected []Correction // what made this one so
	Alike     []link       // deals that may be the same
}

type partyFact struct {
	Role, Name, Href string
	Refs             []int
}

type fact struct {
	Name, Value string
	Refs        []int
}

type contradiction struct {
	Outlet, Lang, Cue, Status string
	Older                     bool
	N                         int
}

// suffix takes an extension off the last part of an address: every page has other
// forms under its own address.
func suffix(id string) (string, string) {
	for _, ext := range []string{".json", ".svg", ".csv"} {
		if rest, ok := strings.CutSuffix(id, ext); ok {
			return rest, ext
		}
	}
	return id, ""
}

func (s *Server) dealPage(f *frame, w http.ResponseWriter, r *http.Request) (screen, error) {
	id, ext := suffix(r.PathValue("id"))
	if ext == ".json" {
		r.SetPathValue("id", id)
		s.deal(w, r)
		return screen{}, errHandled
	}
	row, err := s.opt.Index.Deal(id)
	var gone *index.Gone
	if errors.As(err, &gone) {
		if gone.Into != "" {
			return screen{to: dealPath(gone.Into) + ext, code: http.StatusMovedPermanently}, nil
		}
		f.Title = f.T("deal.gone")
		return screen{name: "gone", status: http.StatusGone, data: gone}, nil
	}
	if err != nil {
		return screen{}, err
	}
	d := &dealData{dealView: s.dealView(f, row, nil), Feedback: s.opt.Feedback != nil, Thanks: r.URL.Query().Get("noted") == "1"}
	articles := map[string]schemas.Extraction{}
	seen := map[string]bool{}
	outlets := map[string]bool{}
	for i, e := range row.Evidence {
		ev := newEvidenceRow(e)
		s.context(&ev, articles)
		q := s.quoteView(f, e, nil)
		q.N, q.Prefix, q.Suffix = i+1, ev.Prefix, ev.Suffix
		if strings.Trim(q.Suffix, " .!?…»”\"") == "" {
			q.Suffix = "" // the end of the sentence, after which an ellipsis reads as a slip
		}
		q.Before, q.After = around(articles[e.Article], e.Signal.Evidence)
		d.Quotes = append(d.Quotes, q)
		seen[e.Article] = true
		outlets[publisher.Of(e.URL, e.Outlet, e.Source)] = true
	}
	d.Articles, d.Outlets = len(seen), max(row.Outlets, len(outlets))
	if len(row.Evidence) > 0 {
		last := row.Evidence[len(row.Evidence)-1].Published
		d.Days = int(last.Sub(row.First).Hours() / 24)
		d.FirstSaid = row.Evidence[0].Signal.Status
	}
	s.heldTrue(f, d, row)
	// A statement that says something else than the deal's status, and how it stands in time.
	for i, e := range row.Evidence {
		if contradicts(e.Signal.Status, row.Status) {
			d.Against = append(d.Against, contradiction{e.Outlet, e.Lang, e.Signal.Cue, e.Signal.Status, e.Published.Before(row.Updated), i + 1})
		}
	}
	svg, rows := s.lifeLine(f, row, ext == ".svg")
	if ext == ".svg" {
		return screen{raw: []byte(svg), media: "image/svg+xml"}, nil
	}
	d.Lanes, d.LaneRows = template.HTML(svg), rows //nolint:gosec // made by package chart, which escapes
	d.Exports = []exportLink{{"JSON", d.Path + ".json"}, {"SVG", d.Path + ".svg"}}
	for _, e := range f.exports(index.Deals, "deal:"+row.ID) {
		if strings.HasPrefix(e.Href, "/deals.csv") || strings.HasPrefix(e.Href, "/deals.atom") {
			d.Exports = append(d.Exports, e)
		}
	}
	var known []string
	for _, p := range row.Parties {
		known = append(known, p.ID)
	}
	if len(known) == 2 {
		slices.Sort(known)
		d.Pair = "/pairs/" + known[0] + "~" + known[1]
	}
	if f.Alerts && d.Pair != "" {
		d.Alert = "/alerts/new?query=pair:" + known[0] + "~" + known[1]
	}
	if s.opt.Correct != nil {
		d.Correct, d.Corrected, d.Alike = true, s.correctionsOf(row), s.alike(f, r, row)
		if did := r.URL.Query().Get("did"); did == CorrectApart || did == CorrectSame || did == CorrectUndo {
			f.Notice = f.T("correct.did." + did)
		}
	}
	f.Nav, f.Title = "search", d.Line
	return showing("deal", d)
}

// contradicts tells whether a statement says otherwise than the deal's status, and
// not merely less: that something is signed does not deny that it has begun.
func contradicts(said, status string) bool {
	sure := func(s string) int {
		switch s {
		case "rumoured", "planned":
			return 1
		case "denied":
			return 2
		case "announced", "in_effect":
			return 3
		case "ended":
			return 4
		}
		return 0
	}
	a, b := sure(said), sure(status)
	return a != 0 && b != 0 && a != b && !(a == 3 && b == 4)
}

// heldTrue lists what is held true, each with the sentences that say so.
func (s *Server) heldTrue(f *frame, d *dealData, row schemas.Deal) {
	refs := func(has func(schemas.Signal) bool) (out []int) {
		for i, e := range row.Evidence {
			if has(e.Signal) {
				out = append(out, i+1)
			}
		}
		return out
	}
	for _, p := range row.Parties {
		pf := partyFact{Role: f.T("role." + first(p.Role, "party")), Name: p.Name}
		if p.Known {
			pf.Href = "/vendors/" + p.ID
		}
		pf.Refs = refs(func(sig schemas.Signal) bool {
			return slices.ContainsFunc(sig.Parties, func(o schemas.Party) bool { return o.ID == p.ID })
		})
		d.Parties = append(d.Parties, pf)
	}
	add := func(key, value string, has func(schemas.Signal) bool) {
		if value != "" {
			d.Facts = append(d.Facts, fact{f.T(key), value, refs(has)})
		}
	}
	var lands []string
	for _, t := range row.Territory {
		lands = append(lands, f.Label("territory", t))
	}
	add("fact.type", f.Label("type", row.Type), func(sig schemas.Signal) bool { return sig.Type == row.Type })
	add("fact.territory", strings.Join(lands, ", "), func(sig schemas.Signal) bool { return len(sig.Territory) > 0 })
	add("fact.products", strings.Join(row.Products, ", "), func(sig schemas.Signal) bool { return len(sig.Products) > 0 })
	add("fact.value", d.Value, func(sig schemas.Signal) bool { return sig.Amount != nil })
	d.Facts = append(d.Facts, fact{f.T("fact.confidence"), f.Float(row.Score, 2), nil})
}

// lifeLine draws what each source said, when.
func (s *Server) lifeLine(f *frame, d schemas.Deal, alone bool) (string, []tableRow) {
	if len(d.Evidence) == 0 {
		return "", nil
	}
	from, to := d.Evidence[0].Published, d.Evidence[0].Published
	for _, e := range d.Evidence {
		if e.Published.Before(from) {
			from = e.Published
		}
		if e.Published.After(to) {
			to = e.Published
		}
	}
	if to.Sub(from) < 48*time.Hour {
		from, to = from.Add(-36*time.Hour), to.Add(36*time.Hour)
	}
	at := func(t time.Time) float64 { return float64(t.Sub(from)) / float64(to.Sub(from)) }
	var lanes []chart.Lane
	var rows []tableRow
	for i, e := range d.Evidence {
		j := slices.IndexFunc(lanes, func(l chart.Lane) bool { return l.Name == e.Outlet })
		if j < 0 {
			j = len(lanes)
			lanes = append(lanes, chart.Lane{Name: e.Outlet})
		}
		status := f.Label("status", e.Signal.Status)
		m := chart.Moment{X: at(e.Published), Shape: e.Signal.Status, Label: status + " " + f.Short(e.Published), Tip: e.Outlet + f.pick("\u202f: ", ": ") + status + ", " + f.Day(e.Published)}
		if !alone {
			m.Href = "#e" + strconv.Itoa(i+1)
		}
		lanes[j].Moments = append(lanes[j].Moments, m)
		rows = append(rows, tableRow{[]string{f.Day(e.Published), e.Outlet, status, e.Signal.Cue}, ""})
	}
	var ticks []chart.Moment
	for i := range 5 {
		x := float64(i) / 4
		ticks = append(ticks, chart.Moment{X: x, Label: f.Short(from.Add(time.Duration(x * float64(to.Sub(from)))))})
	}
	desc := f.T("chart.life.desc", f.N("n.articles", len(d.Evidence)), from, to)
	return chart.Lanes(chart.LanesOf{Head: chart.Head{ID: "life", Title: f.T("chart.life") + f.pick("\u202f: ", ": ") + dealLine(d), Desc: desc, Alone: alone}, Lanes: lanes, Ticks: ticks}), rows
}

type articleData struct {
	articleView
	Found   []quoteView
	Types   []string
	Prices  []priceView
	Vendors []vendorLine
	Exports []exportLink
}

type vendorLine struct {
	ID, Name string
	About    bool
	Times    int
}

func (s *Server) articlePage(f *frame, w http.ResponseWriter, r *http.Request) (screen, error) {
	id, ext := suffix(r.PathValue("id"))
	if ext == ".json" {
		r.SetPathValue("id", id)
		s.article(w, r)
		return screen{}, errHandled
	}
	x, err := s.opt.Index.Article(id)
	if err != nil {
		return screen{}, err
	}
	d := &articleData{articleView: s.articleView(f, x, nil), Exports: []exportLink{{"JSON", articlePath(id) + ".json"}}}
	for i, sig := range x.Signals {
		e := schemas.Evidence{Article: id, Source: x.Article.Source, Outlet: x.Article.Outlet, URL: x.Article.URL, Lang: x.Article.Lang, Title: x.Article.Title, Published: x.Article.Published, Seen: x.Article.Fetched, Signal: sig}
		q := s.quoteView(f, e, nil)
		q.N = i + 1
		d.Found = append(d.Found, q)
		d.Types = append(d.Types, signalLine(sig)+" · "+f.Label("type", sig.Type))
	}
	for _, p := range x.Prices {
		d.Prices = append(d.Prices, s.priceView(f, index.PriceHit{Price: p, Article: x.Article}, nil))
	}
	for _, v := range x.Vendors {
		d.Vendors = append(d.Vendors, vendorLine{v.ID, v.Name, v.Salience == "about", len(v.Mentions)})
	}
	if !showable(x.Article.Rights) {
		d.Quote = nil
	}
	f.Nav, f.Title = "search", clip(x.Article.Title, 80)
	return showing("article", d)
}
