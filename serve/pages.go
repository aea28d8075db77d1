package serve

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

//go:embed web
var web embed.FS

// screens are the templates of the pages, each with the layout, by language.
type screens struct {
	by      map[string]map[string]*template.Template
	tongues map[string]*tongue
	assets  map[string]asset
}

// asset is a file of web/ that is served as it is, under an address that changes
// with it.
type asset struct {
	body []byte
	mark string
}

func newScreens(zone *time.Location) (*screens, error) {
	sc := &screens{by: map[string]map[string]*template.Template{}, tongues: map[string]*tongue{}, assets: map[string]asset{}}
	names, err := fs.Glob(web, "web/*")
	if err != nil {
		return nil, err
	}
	var pages []string
	for _, n := range names {
		switch path.Ext(n) {
		case ".css", ".js", ".svg":
			body, err := web.ReadFile(n)
			if err != nil {
				return nil, err
			}
			sum := sha256.Sum256(body)
			sc.assets[path.Base(n)] = asset{body, hex.EncodeToString(sum[:6])}
		case ".html":
			if base := path.Base(n); !strings.HasPrefix(base, "base_") {
				pages = append(pages, base)
			}
		}
	}
	for _, lang := range Languages {
		l := newTongue(lang, zone)
		sc.tongues[lang] = l
		base, err := template.New("").Funcs(sc.funcs(l)).ParseFS(web, "web/base_*.html")
		if err != nil {
			return nil, err
		}
		sc.by[lang] = map[string]*template.Template{}
		for _, p := range pages {
			t, err := base.Clone()
			if err == nil {
				t, err = t.ParseFS(web, "web/"+p)
			}
			if err != nil {
				return nil, err
			}
			sc.by[lang][strings.TrimSuffix(p, ".html")] = t
		}
	}
	return sc, nil
}

func (sc *screens) funcs(l *tongue) template.FuncMap {
	return template.FuncMap{
		"t": l.T, "n": l.N, "label": l.Label, "day": l.Day, "short": l.Short, "clock": l.Clock, "iso": l.ISO, "num": l.Num, "weekday": l.Weekday,
		"money": l.Money, "per": l.per, "float": l.Float, "span": l.Span,
		"rfc":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"seconds":  func(s float64) string { return l.Span(time.Duration(s * float64(time.Second))) },
		"asset":    func(name string) string { return "/static/" + name + "?v=" + sc.assets[name].mark },
		"dealLine": dealLine, "clip": clip, "web": webAddress, "join": strings.Join,
		"search":    func(view, q string) string { return searchPath(view, q) },
		"langLabel": func(code string) string { return l.Label("lang", code) },
		"dict":      dict,
		"has":       func(list []string, s string) bool { return slices.Contains(list, s) },
		"cadence":   l.cadence,
		"list":      func(items ...any) []any { return items },
		"add":       func(a, b int) int { return a + b },
		"glyph":     glyph,
		"tries":     func(n uint64) int { return int(n) },
	}
}

// dict hands several values to a template.
func dict(pairs ...any) (map[string]any, error) {
	out := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		k, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", pairs[i])
		}
		out[k] = pairs[i+1]
	}
	return out, nil
}

// glyph is the sign of a status in running text, of the same shape as in charts.
func glyph(status string) string {
	switch status {
	case "rumoured":
		return "○"
	case "planned":
		return "◇"
	case "announced":
		return "●"
	case "in_effect":
		return "◆"
	case "ended":
		return "■"
	case "denied":
		return "✕"
	}
	return "–"
}

// webAddress keeps addresses that a browser may open from a page, "" for others.
func webAddress(u string) string {
	if p, err := url.Parse(u); err == nil && (p.Scheme == "http" || p.Scheme == "https") && p.Host != "" && p.User == nil {
		return u
	}
	return ""
}

func searchPath(view, q string) string {
	v := url.Values{}
	if q != "" {
		v.Set("q", q)
	}
	if view != "" && view != index.Deals {
		v.Set("view", view)
	}
	if len(v) == 0 {
		return "/search"
	}
	return "/search?" + v.Encode()
}

// langCookie remembers the language of the pages.
const langCookie = "hl"

// lang is the language of an answer: asked for, remembered by the browser, else the
// first of its preferences that there is, else English.
func lang(r *http.Request) string {
	switch r.URL.Query().Get("hl") {
	case "fr":
		return "fr"
	case "en":
		return "en"
	}
	if c, err := r.Cookie(langCookie); err == nil && (c.Value == "fr" || c.Value == "en") {
		return c.Value
	}
	for _, l := range strings.Split(strings.ToLower(r.Header.Get("Accept-Language")), ",") {
		switch l, _, _ = strings.Cut(strings.TrimSpace(l), ";"); {
		case strings.HasPrefix(l, "fr"):
			return "fr"
		case strings.HasPrefix(l, "en"):
			return "en"
		}
	}
	return "en"
}

func contextWithin(r *http.Request, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), d)
}

// dealLine names a deal in one line: the side that supplies before the one that
// takes, partners as equals.
func dealLine(d schemas.Deal) string {
	names := make([]string, len(d.Parties))
	for i, p := range d.Parties {
		names[i] = p.Name
	}
	if equals(d.Type) {
		return strings.Join(names, " × ")
	}
	return strings.Join(names, " → ")
}

// signalLine names what one sentence says as its deal would be named.
func signalLine(sig schemas.Signal) string {
	ps := slices.Clone(sig.Parties)
	schemas.SortParties(ps)
	return dealLine(schemas.Deal{Type: sig.Type, Parties: ps})
}

func equals(typ string) bool { return typ == "partnership" || typ == "joint_venture" }

// frame is what every page shows around its own part.
type frame struct {
	*tongue
	Nav     string // which item of the navigation is current
	Title   string // of the document, before the name of the site
	Q       string // in the box of the header
	Box     bool   // the page has a search box of its own
	Bare    bool   // no way to other pages: the reader may have none
	Alt     map[string]string
	Now     time.Time
	Version string
	Pending int    // messages on their way into the index
	Silent  int    // sources that say nothing
	Signed  string // name of who is signed in
	CanSign bool
	Admin   bool // may administer
	Alerts  bool // there are saved searches
	Letters bool // there is a quarantine
	Notice  string
	Feeds   []feedLink
	s       *Server
	r       *http.Request
}

type feedLink struct{ Title, Href string }

// Lang is the language of the page.
func (f *frame) Lang() string { return f.tongue.lang }

// Ago tells how long ago something was.
func (f *frame) Ago(t time.Time) string { return f.tongue.Ago(f.Now, t) }

// Size writes a number of bytes, roughly.
func (f *frame) Size(n int64) string {
	switch {
	case n <= 0:
		return "–"
	case n < 1000:
		return f.N("bytes", int(n))
	case n < 1_000_000:
		return f.Num(int(n/1000)) + "\u00a0" + f.pick("ko", "KB")
	}
	return f.Float(float64(n)/1e6, 1) + "\u00a0" + f.pick("Mo", "MB")
}

// Took tells how long something took.
func (f *frame) Took(d time.Duration) string {
	if d < time.Second {
		return strconv.Itoa(int(d.Milliseconds())) + "\u00a0ms"
	}
	return f.Float(d.Seconds(), 1) + "\u00a0s"
}

// screen is the answer of a page.
type screen struct {
	name   string // of its template
	status int    // 200 if zero
	data   any
	to     string // go there instead
	code   int    // of going there, 303 if zero
	raw    []byte // instead of a template
	media  string
}

// showing makes the answer of a template.
func showing(name string, data any) (screen, error) { return screen{name: name, data: data}, nil }

// errHandled tells that a page has answered by itself.
var errHandled = errors.New("answered")

// page puts the checks of every request before a page, and shows its problems as
// pages too.
func (s *Server) page(id string, want scope, h func(f *frame, w http.ResponseWriter, r *http.Request) (screen, error)) http.Handler {
	return s.metrics.watch("page_"+id, compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := s.frame(w, r)
		w.Header().Add("Vary", "Accept-Language, Cookie")
		err := error(nil)
		if p := s.throttle(w, r); p != nil {
			err = p
		} else if p := s.authorize(r, want); p != nil {
			if p.Name == "unauthenticated" && s.canSign() {
				s.show(w, r, f, s.askToken(f, r))
				return
			}
			err = p
		}
		var sc screen
		if err == nil {
			sc, err = h(f, w, r)
		}
		switch {
		case errors.Is(err, errHandled):
		case err != nil:
			s.show(w, r, f, s.problemScreen(f, r, err))
		default:
			s.show(w, r, f, sc)
		}
	})))
}

func (s *Server) canSign() bool { return s.opt.Token != "" || s.opt.Accounts != nil }

func (s *Server) frame(w http.ResponseWriter, r *http.Request) *frame {
	l := s.screens.tongues[lang(r)]
	f := &frame{tongue: l, Alt: map[string]string{}, Now: s.opt.Now(), Version: s.opt.Version, s: s, r: r,
		CanSign: s.canSign(), Signed: s.signed(r), Letters: s.opt.Letters != nil, Alerts: s.opt.Alerts != nil}
	f.Admin = f.Signed != "" && s.authorize(r, scopeAdmin) == nil
	if f.Signed != "" || s.free(r) { // how it goes is nobody else's business
		f.Pending, f.Silent = s.facts.lagAndSilence(r.Context(), s)
	}
	for _, hl := range Languages {
		v := r.URL.Query()
		v.Set("hl", hl)
		f.Alt[hl] = r.URL.EscapedPath() + "?" + v.Encode()
	}
	if hl := r.URL.Query().Get("hl"); hl == l.lang {
		http.SetCookie(w, &http.Cookie{Name: langCookie, Value: hl, Path: "/", MaxAge: 365 * 24 * 3600, SameSite: http.SameSiteLaxMode, HttpOnly: true})
	}
	return f
}

// show writes a page.
func (s *Server) show(w http.ResponseWriter, r *http.Request, f *frame, sc screen) {
	if sc.to != "" {
		w.Header().Set("Location", sc.to)
		if sc.code == 0 {
			sc.code = http.StatusSeeOther
		}
		w.WriteHeader(sc.code)
		return
	}
	if sc.raw != nil {
		w.Header().Set("Content-Type", sc.media)
		_, _ = w.Write(sc.raw) // the reader is gone: nobody to tell
		return
	}
	var out bytes.Buffer
	t := s.screens.by[f.lang][sc.name]
	if t == nil {
		s.problem(w, r, fmt.Errorf("no template %q", sc.name))
		return
	}
	if err := t.ExecuteTemplate(&out, "page", map[string]any{"F": f, "D": sc.data}); err != nil {
		s.problem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(max(sc.status, http.StatusOK))
	_, _ = w.Write(out.Bytes()) // the reader is gone: nobody to tell
}

type problemData struct {
	*Problem
	Suggest []string
}

// problemScreen shows an error to people.
func (s *Server) problemScreen(f *frame, r *http.Request, err error) screen {
	p := s.asProblem(r, err)
	f.Title = p.Title
	d := problemData{Problem: p}
	for _, e := range p.Errors {
		d.Suggest = append(d.Suggest, e.Suggestion...)
	}
	return screen{name: "problem", status: p.Status, data: d}
}

// notFoundPage answers readers who followed a wrong address.
func (s *Server) notFoundPage(*frame, http.ResponseWriter, *http.Request) (screen, error) {
	return screen{}, fail("not-found", "Il n’y a pas de page à cette adresse.", "There is no page at this address.")
}

// static serves the style sheet, the script and the icon. Their addresses change
// with them, so that a browser may keep them for good.
func (s *Server) static(w http.ResponseWriter, r *http.Request) {
	a, ok := s.screens.assets[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "max-age=3600")
	if r.URL.Query().Get("v") == a.mark {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, r.PathValue("name"), time.Time{}, bytes.NewReader(a.body))
}

// wantsPage tells whether the client shows pages to people.
func wantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// registerPages adds the pages to the mux.
func (s *Server) registerPages(mux *http.ServeMux) {
	for _, p := range s.pages() {
		mux.Handle(p.method+" "+p.path, s.page(p.id, p.scope, p.handle))
	}
	mux.Handle("GET /static/{name}", s.metrics.watch("static", compress(http.HandlerFunc(s.static))))
}

// pageRoute is one page.
type pageRoute struct {
	method, path, id string
	scope            scope
	handle           func(f *frame, w http.ResponseWriter, r *http.Request) (screen, error)
}

// parse reads a query for a page.
func (f *frame) parse(text string) (query.Query, error) { return f.s.parse(text) }

// exportLinks are the other forms of a view.
type exportLink struct{ Label, Href string }

func (f *frame) exports(view, q string) []exportLink {
	v := url.Values{}
	if q != "" {
		v.Set("q", q)
	}
	at := func(ext string, more ...string) string {
		w := url.Values{}
		for k := range v {
			w[k] = v[k]
		}
		for i := 0; i+1 < len(more); i += 2 {
			w.Set(more[i], more[i+1])
		}
		if len(w) == 0 {
			return "/" + view + "." + ext
		}
		return "/" + view + "." + ext + "?" + w.Encode()
	}
	out := []exportLink{{"CSV", at("csv")}, {f.T("export.excel"), at("csv", "dialect", "fr")}, {"JSON", at("json")}, {"NDJSON", at("ndjson")}, {"Markdown", at("md")}}
	if view == index.Deals {
		out = append(out, exportLink{f.T("export.evidence"), at("csv", "grain", "evidence")}, exportLink{"Atom", at("atom", "hl", f.lang)})
	}
	return out
}
