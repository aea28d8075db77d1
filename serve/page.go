package serve

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

//go:embed web
var web embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"dealLine": dealLine, "clip": clip,
}).ParseFS(web, "web/*.html"))

// lang is the language of the page: asked for, remembered by the browser, French
// when it prefers it, else English.
func lang(r *http.Request) string {
	switch r.URL.Query().Get("hl") {
	case "fr":
		return "fr"
	case "en":
		return "en"
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

func dealLine(d schemas.Deal) string {
	names := make([]string, len(d.Parties))
	for i, p := range d.Parties {
		names[i] = p.Name
	}
	if d.Type == "partnership" || d.Type == "joint_venture" {
		return strings.Join(names, " × ")
	}
	return strings.Join(names, " → ")
}

type pageData struct {
	Lang  string
	Q     string
	View  string
	Words string
	Hints []string
	Error *query.SyntaxError
	Caret string
	Fixes []string

	index.Result
	Counts map[string]int
	Next   string
}

// T picks the words of the page's language.
func (p pageData) T(fr, en string) string {
	if p.Lang == "fr" {
		return fr
	}
	return en
}

// Day writes a date the way its language does.
func (p pageData) Day(t time.Time) string {
	if p.Lang != "fr" {
		return t.Format("2 Jan 2006")
	}
	months := [...]string{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."}
	return t.Format("2 ") + months[t.Month()-1] + t.Format(" 2006")
}

// Label names a value of a field for people.
func (p pageData) Label(field, value string) string {
	if f, ok := query.FieldByName(field); ok {
		return f.Label(value, p.Lang)
	}
	return value
}

// With is the address of this page with another view or query.
func (p pageData) With(view, q string) string {
	v := url.Values{"q": {q}}
	if view != index.Deals {
		v.Set("view", view)
	}
	v.Set("hl", p.Lang)
	return "/search?" + v.Encode()
}

func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	p := pageData{Lang: lang(r), Q: v.Get("q"), View: v.Get("view"), Counts: map[string]int{}}
	if p.View != index.Articles && p.View != index.Prices {
		p.View = index.Deals
	}
	status := http.StatusOK
	q, err := s.parse(p.Q)
	switch {
	case errors.As(err, &p.Error):
		status = http.StatusBadRequest
		p.Caret = p.Error.Caret(p.Q)
		for i := range p.Error.Suggestions {
			p.Fixes = append(p.Fixes, p.Error.Fix(p.Q, i))
		}
	case err != nil:
		s.problem(w, r, err)
		return
	default:
		p.Words = q.Words(p.Lang)
		for _, h := range q.Hints {
			p.Hints = append(p.Hints, h.Message(p.Lang))
		}
		for _, view := range []string{index.Deals, index.Articles, index.Prices} {
			req := index.Request{View: view, Query: q, Limit: 0}
			if view == p.View {
				req.Limit, req.Cursor = 20, v.Get("cursor")
			}
			res, err := s.find(r, req)
			if err != nil {
				s.problem(w, r, err)
				return
			}
			p.Counts[view] = res.Total
			if view == p.View {
				p.Result = res
			}
		}
		if p.Result.Next != "" {
			p.Next = p.With(p.View, p.Q) + "&cursor=" + url.QueryEscape(p.Result.Next)
		}
	}
	var out bytes.Buffer
	if err := pages.ExecuteTemplate(&out, "search.html", p); err != nil {
		s.problem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the reader is gone: nobody to tell
}

func (s *Server) static(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/static/")
	if name == "" || strings.ContainsAny(name, "/\\") || strings.HasSuffix(name, ".html") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "max-age=3600")
	http.ServeFileFS(w, r, web, "web/"+name)
}
