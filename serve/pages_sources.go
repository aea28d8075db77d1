package serve

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
	"example.org/veille/serve/chart"
)

func asSyntax(err error) *query.SyntaxError {
	var se *query.SyntaxError
	if errors.As(err, &se) {
		return se
	}
	return nil
}

type sourcesData struct {
	Rows    []sourceView
	States  []kpi
	Stages  []tableRow
	Dead    int
	HasDead bool
	Fetch   bool
	Fetched string
	OPML    bool
}

type sourceView struct {
	SourceStatus
	Site   string
	Sum    schemas.Ledger
	Refs   string // the ledger as an equation
	OK     bool   // the equation balances
	Strip  template.HTML
	Days   []tableRow
	Whole  []schemas.Ledger
	Fetch  bool
	Search string
	Polls  []schemas.Fetch // newest first
	Read   []readView
}

// readView is an article of a source with what was read from it: whoever adds a feed
// sees at once whether its texts come through.
type readView struct {
	Title, Path, Lang string
	At                time.Time
	Words             int
	Vendors, Signals  []string
	Prices            []string
}

// readShown is how many articles the page of a source previews.
const readShown = 8

// preview lists the newest articles of a source with what was read from each.
func (s *Server) preview(f *frame, r *http.Request, source string) (out []readView, err error) {
	q, err := s.parse("source:" + source)
	if err != nil {
		return nil, err
	}
	res, err := s.find(r, index.Request{View: index.Articles, Query: q, Sort: index.Newest, Limit: readShown})
	if err != nil {
		return nil, err
	}
	for _, hit := range res.Articles {
		x := hit.Extraction
		v := readView{Title: first(x.Article.Title, x.Article.ID), Path: articlePath(x.Article.ID), Lang: x.Article.Lang, At: x.Article.Published, Words: len(strings.Fields(x.Article.Text))}
		for _, m := range x.Vendors {
			v.Vendors = append(v.Vendors, m.Name)
		}
		for _, sig := range x.Signals {
			v.Signals = append(v.Signals, signalLine(sig)+" ("+f.Label("type", sig.Type)+", "+f.Label("status", sig.Status)+")")
		}
		for _, p := range x.Prices {
			v.Prices = append(v.Prices, f.Money(p.Amount.Low, p.Amount.High, p.Amount.Currency))
		}
		out = append(out, v)
	}
	return out, nil
}

func (s *Server) sourceView(f *frame, src SourceStatus) sourceView {
	v := sourceView{SourceStatus: src, Site: webAddress(src.Site), OK: true, Fetch: s.opt.Fetch != nil, Search: searchPath("articles", "source:"+src.ID)}
	by := map[string]schemas.Ledger{}
	for _, l := range src.Ledger {
		v.Sum = v.Sum.Plus(l)
		v.OK = v.OK && l.Balanced()
		by[l.Day] = l
	}
	var values []float64
	for i := 13; i >= 0; i-- {
		day := f.Now.UTC().AddDate(0, 0, -i).Format(time.DateOnly)
		values = append(values, float64(by[day].Indexed))
	}
	v.Refs = equation(f, v.Sum)
	for _, l := range slices.Backward(src.Ledger) {
		v.Days = append(v.Days, tableRow{[]string{l.Day, equation(f, l)}, ""})
	}
	total := 0.0
	for _, x := range values {
		total += x
	}
	v.Strip = template.HTML(chart.Strip(chart.StripOf{Head: chart.Head{ID: "s-" + src.ID, Title: f.T("sources.strip", src.Title), Desc: f.N("n.articles", int(total))}, Values: values})) //nolint:gosec // made by package chart, which escapes
	return v
}

// equation writes a ledger: listed = indexed + duplicate + refused + failed + pending.
func equation(f *frame, l schemas.Ledger) string {
	sum := func(m map[string]int) (n int) {
		for _, v := range m {
			n += v
		}
		return n
	}
	parts := []int{l.Indexed, l.Duplicate, sum(l.Refused), sum(l.Failed), l.Pending}
	var b strings.Builder
	b.WriteString(f.Num(l.Listed) + " = ")
	for i, p := range parts {
		if i > 0 {
			b.WriteString(" + ")
		}
		b.WriteString(f.Num(p))
	}
	return b.String()
}

func (s *Server) sourcesPage(f *frame, w http.ResponseWriter, r *http.Request) (screen, error) {
	f.Nav, f.Title = "sources", f.T("nav.sources")
	d := &sourcesData{Fetch: s.opt.Fetch != nil, OPML: s.opt.OPML != nil}
	states := map[string]int{}
	if s.opt.Sources != nil {
		list, err := s.opt.Sources(r.Context())
		if err != nil {
			return screen{}, err
		}
		for _, src := range list {
			states[src.State]++
			d.Rows = append(d.Rows, s.sourceView(f, src))
		}
	}
	// What needs a look stands first.
	slices.SortStableFunc(d.Rows, func(a, b sourceView) int { return worst(b.State) - worst(a.State) })
	for _, st := range schemas.SourceStates {
		if states[st] > 0 {
			d.States = append(d.States, kpi{Value: f.Num(states[st]), Label: f.T("state." + st)})
		}
	}
	if s.opt.Lag != nil {
		if lag, err := s.opt.Lag(r.Context()); err == nil {
			for _, k := range sortedKeys(lag) {
				d.Stages = append(d.Stages, tableRow{[]string{k, f.Num(int(lag[k]))}, ""})
			}
		}
	}
	if s.opt.Dead != nil {
		if dead, err := s.opt.Dead(r.Context()); err == nil {
			d.HasDead = true
			for _, n := range dead {
				d.Dead += n
			}
		}
	}
	return showing("sources", d)
}

func worst(state string) int { return slices.Index(schemas.SourceStates, state) }

func (s *Server) sourcePage(f *frame, w http.ResponseWriter, r *http.Request) (screen, error) {
	slug, ext := suffix(r.PathValue("slug"))
	if ext == ".json" {
		r.SetPathValue("slug", slug)
		s.source(w, r)
		return screen{}, errHandled
	}
	src, err := s.sourceOf(r, slug)
	if err != nil {
		return screen{}, err
	}
	f.Nav, f.Title = "sources", src.Title
	switch r.URL.Query().Get("fetched") {
	case "ok":
		f.Notice = f.T("sources.fetched")
	case "failed":
		f.Notice = f.T("sources.fetch.failed")
	}
	v := s.sourceView(f, src)
	v.Polls = slices.Clone(src.Fetches)
	slices.Reverse(v.Polls)
	if v.Read, err = s.preview(f, r, src.ID); err != nil {
		return screen{}, err
	}
	return showing("source", v)
}

func (s *Server) sourceOf(r *http.Request, slug string) (SourceStatus, error) {
	if s.opt.Sources != nil {
		list, err := s.opt.Sources(r.Context())
		if err != nil {
			return SourceStatus{}, err
		}
		for _, src := range list {
			if src.ID == slug {
				return src, nil
			}
		}
	}
	return SourceStatus{}, ErrNoSource
}

// fetchPage polls a source for who pressed the button, and goes back to it.
func (s *Server) fetchPage(_ *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	slug := r.PathValue("slug")
	if s.opt.Fetch == nil {
		return screen{}, fail("conflict", "Ce processus ne relève pas les flux ; demandez à l’un de ceux qui tiennent le rôle ingest.", "This process does not fetch; ask one that has the role ingest.")
	}
	how := "ok"
	if _, err := s.opt.Fetch(r.Context(), slug); errors.Is(err, ErrNoSource) {
		return screen{}, err
	} else if err != nil {
		s.lg.Warn("fetch for a reader", "source", slug, "err", err)
		how = "failed"
	}
	return screen{to: "/sources/" + slug + "?fetched=" + how}, nil
}

type letter struct {
	Letter
	Begin, Rest, Size string
}

// lettersShown is how many dead letters stand on the page.
const lettersShown = 100

func (s *Server) quarantinePage(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	f.Nav, f.Title = "sources", f.T("foot.quarantine")
	if s.opt.Letters == nil {
		return screen{}, fail("not-found", "Ce processus ne garde pas la quarantaine.", "This process does not keep the quarantine.")
	}
	switch did := r.URL.Query().Get("did"); did {
	case "retried", "discarded":
		f.Notice = f.T("quarantine.did." + did)
	}
	list, err := s.opt.Letters(r.Context(), lettersShown)
	if err != nil {
		return screen{}, err
	}
	var out []letter
	for _, l := range list {
		v := letter{Letter: l, Begin: beginning(l.Body), Size: f.Size(int64(len(l.Body)))}
		v.Reason, v.Rest, _ = strings.Cut(l.Reason, "\n")
		out = append(out, v)
	}
	return showing("quarantine", map[string]any{"Letters": out, "Full": len(list) == lettersShown, "Act": s.opt.Retry != nil && s.opt.Discard != nil})
}

// quarantineDo puts a dead letter back, or takes it away.
func (s *Server) quarantineDo(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	if s.opt.Retry == nil || s.opt.Discard == nil {
		return screen{}, fail("conflict", "Ce processus ne garde pas la quarantaine.", "This process does not keep the quarantine.")
	}
	if err := r.ParseForm(); err != nil {
		return screen{}, fail("invalid-parameter", "Le formulaire est mal formé.", "The form is malformed.")
	}
	place, err := strconv.ParseUint(r.PostForm.Get("place"), 10, 64)
	if err != nil {
		return screen{}, wrong("place", "Un nombre entier.", "A whole number.")
	}
	did := ""
	switch r.PostForm.Get("do") {
	case "retry":
		did, err = "retried", s.opt.Retry(r.Context(), place)
	case "discard":
		note := clip(strings.ToValidUTF8(strings.TrimSpace(r.PostForm.Get("note")), "\uFFFD"), maxNote)
		did, err = "discarded", s.opt.Discard(r.Context(), place, first(f.Signed, "admin"), note)
	default:
		return screen{}, wrong("do", "Ce bouton n’existe pas.", "There is no such button.", "retry", "discard")
	}
	if errors.Is(err, ErrNoLetter) {
		return screen{}, fail("not-found", "Ce message n’est plus en quarantaine.", "That message is no longer in quarantine.")
	}
	if err != nil {
		return screen{}, err
	}
	return screen{to: "/quarantine?did=" + did}, nil
}

// beginning shows the first bytes of a message, as text where it is text.
func beginning(body []byte) string {
	const most = 280
	if len(body) > 4*most {
		body = body[:4*most]
	}
	if utf8.Valid(body) {
		return clip(string(body), most)
	}
	return clip(strconv.Quote(string(body)), most)
}

type operationDoc struct {
	Method, Path, Summary string
	Scope                 string
	Params                []paramDoc
	Replies               []replyDoc
	Fails                 []string
	Try                   string
}

type paramDoc struct{ Name, In, Doc, Values, Default string }

type replyDoc struct {
	Status    int
	Type, Doc string
}

// apiPage reads the OpenAPI document to people. It is made of the document alone,
// so that it cannot say anything else.
func (s *Server) apiPage(f *frame, _ http.ResponseWriter, _ *http.Request) (screen, error) {
	f.Nav, f.Title = "api", "API"
	var doc struct {
		Info  struct{ Title, Version, Description string }
		Paths map[string]map[string]struct {
			Summary    string
			Parameters []struct {
				Name, In, Description string
				Required              bool
				Schema                struct {
					Type    string
					Enum    []any
					Default any
					Items   struct{ Enum []any }
				}
			}
			Responses map[string]struct {
				Ref         string `json:"$ref"`
				Description string
				Content     map[string]any
			}
		}
	}
	if err := json.Unmarshal(s.openapi(), &doc); err != nil {
		return screen{}, err
	}
	var out []operationDoc
	for _, path := range sortedKeys(doc.Paths) {
		for _, method := range sortedKeys(doc.Paths[path]) {
			op := doc.Paths[path][method]
			o := operationDoc{Method: strings.ToUpper(method), Path: path, Summary: op.Summary}
			for _, p := range op.Parameters {
				var vals []string
				for _, e := range append(p.Schema.Enum, p.Schema.Items.Enum...) {
					if t, ok := e.(string); ok {
						vals = append(vals, t)
					}
				}
				def := ""
				if p.Schema.Default != nil {
					if b, err := json.Marshal(p.Schema.Default); err == nil {
						def = strings.Trim(string(b), `"`)
					}
				}
				o.Params = append(o.Params, paramDoc{p.Name, p.In, p.Description, strings.Join(vals, ", "), def})
			}
			for _, code := range sortedKeys(op.Responses) {
				n, _ := strconv.Atoi(code) // "default" is none
				if n == 0 {
					continue
				}
				res := op.Responses[code]
				o.Replies = append(o.Replies, replyDoc{n, strings.Join(sortedKeys(res.Content), ", "), res.Description})
			}
			if method == "get" && !strings.Contains(path, "{") {
				o.Try = path
			}
			out = append(out, o)
		}
	}
	return showing("api", map[string]any{"Version": doc.Info.Version, "Ops": out})
}

type fieldDoc struct {
	query.Field
	Meaning string
	Values  []string
	Try     string
}

type mistakeDoc struct {
	query.Mistake
	Caret, Text string
	Fix         string
	Shown       string
}

// queryHelpPage is the manual of the query language, from its own table.
func (s *Server) queryHelpPage(f *frame, _ http.ResponseWriter, _ *http.Request) (screen, error) {
	f.Nav, f.Title = "help", f.T("foot.query")
	var fields []fieldDoc
	for _, fd := range query.Fields() {
		d := fieldDoc{Field: fd, Meaning: f.pick(fd.FR, fd.EN), Try: searchPath("", fd.Example)}
		if n := len(fd.Values); n > 0 && n < 30 {
			for _, e := range fd.Values {
				d.Values = append(d.Values, e.ID)
			}
		}
		fields = append(fields, d)
	}
	var mistakes []mistakeDoc
	for _, m := range query.Mistakes() {
		_, err := s.parse(m.Query)
		se := asSyntax(err)
		if se == nil {
			continue
		}
		d := mistakeDoc{Mistake: m, Text: se.Message(f.lang), Shown: clip(m.Query, 40)}
		if len(m.Query) <= 60 {
			d.Caret = se.Caret(m.Query)
			if len(se.Suggestions) > 0 {
				d.Fix = se.Fix(m.Query, 0)
			}
		}
		mistakes = append(mistakes, d)
	}
	return showing("help_query", map[string]any{"Fields": fields, "Mistakes": mistakes, "Lists": sortedKeys(s.lists)})
}

func (s *Server) keysHelpPage(f *frame, _ http.ResponseWriter, _ *http.Request) (screen, error) {
	f.Nav, f.Title = "help", f.T("foot.keys")
	type key struct {
		Keys, Text string
		Own        bool // may be given another key
	}
	var out []key
	for _, k := range []string{"/", "j", "k", "o", "v", "V", "y", "x", "a", "w", "c", "e", "f", "t", "[", "]", "g", "g s", "g v", "g p", "g t", "g a", "g h", "Esc", "?"} {
		out = append(out, key{k, f.T("key." + k), len(k) == 1})
	}
	return showing("help_keys", out)
}
