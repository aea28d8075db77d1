package serve_test

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"example.org/veille/query"
	"example.org/veille/serve"
)

// TestPseudolocale: every word on a page comes from the catalogue of texts, from the
// tables of the query language, or from the data. The catalogue is written in
// full-width letters; plain ones that are neither are a text that nobody can translate.
func TestPseudolocale(t *testing.T) {
	w := full(t, nil)
	w.srv.Pseudolocale()
	word := regexp.MustCompile(`[A-Za-z][a-z]{2,}`)
	known := map[string]bool{}
	learn := func(texts ...string) {
		for _, text := range texts {
			for _, m := range word.FindAllString(text, -1) {
				known[strings.ToLower(m)] = true
			}
		}
	}
	// Names of things, formats and units that are the same in both languages.
	learn("veille Markdown Atom Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Monday Tuesday Wednesday Thursday Friday Saturday Sunday min Grafana Infinity HTTP test feeds add demo")
	for _, f := range query.Fields() {
		learn(f.Name, f.FR, f.EN, f.Example, strings.Join(f.Aliases, " "))
		for _, v := range f.Values {
			learn(v.ID, v.FR, v.EN)
		}
	}
	for _, m := range query.Mistakes() {
		learn(m.Query)
	}
	for _, v := range w.cat.All() {
		learn(v.ID, v.Name, v.Country)
		for _, a := range v.Aliases {
			learn(a.Text)
		}
		for _, p := range v.Products {
			learn(p.Name)
		}
	}
	for _, x := range w.articles {
		learn(x.Article.Title, x.Article.Text, x.Article.Outlet, x.Article.Source, x.Article.URL)
		for _, p := range x.Prices {
			learn(p.Product)
		}
	}
	for _, d := range w.deals {
		for _, p := range d.Deal.Parties {
			learn(p.Name, p.ID)
		}
	}
	srcs, err := w.opt.Sources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range srcs {
		learn(fmt.Sprintf("%+v", s))
	}
	letters, err := w.opt.Letters(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range letters {
		learn(l.Stage, l.Subject, l.Reason, string(l.Body))
	}
	for _, r := range w.opt.Alerts.Rules() {
		learn(r.Rule.Name, r.Rule.Query, r.Rule.Slug)
	}
	unfolded := func(n *html.Node) bool { // what is data or code by its element
		for ; n != nil; n = n.Parent {
			if n.Data == "code" || n.Data == "kbd" || n.Data == "pre" || n.Data == "script" || n.Data == "style" {
				return true
			}
			if l, ok := attr(n, "lang"); ok && n.Data != "html" && l != "" {
				return true
			}
		}
		return false
	}
	parse := serve.NewParser(w.cat, func() time.Time { return now })
	for _, path := range everything(w) {
		u, err := url.Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		// The API describes itself in English and says so; the words of a problem stand
		// in both languages beside each other in the code.
		if u.Path == "/api" || u.Path == "/help/query" || strings.HasPrefix(u.Path, "/problems/") {
			continue
		}
		a := w.page(path, "en")
		if a.StatusCode >= 300 && u.Path != "/sign-in" {
			continue
		}
		learn(u.RawQuery)
		// What the language says of a query, it says in both languages by itself.
		for _, text := range []string{"", u.Query().Get("q"), u.Query().Get("query")} {
			q, err := parse(text)
			learn(q.Words("en"))
			for _, h := range q.Hints {
				learn(h.Message("en"))
			}
			var se *query.SyntaxError
			if errors.As(err, &se) {
				learn(se.Message("en"))
			}
		}
		doc, els := tree(t, a.body)
		check := func(where, text string) {
			for _, m := range word.FindAllString(text, -1) {
				if !known[strings.ToLower(m)] {
					t.Errorf("%s, %s: %q is not from the catalogue: %.80q", path, where, m, text)
					return
				}
			}
		}
		for n := range doc.Descendants() {
			if n.Type == html.TextNode && !unfolded(n.Parent) {
				check("<"+n.Parent.Data+">", n.Data)
			}
		}
		for _, n := range els {
			for _, key := range []string{"title", "aria-label", "placeholder", "alt", "data-copied", "data-live", "data-h"} {
				if v, ok := attr(n, key); ok && !unfolded(n) {
					check(n.Data+" "+key, v)
				}
			}
		}
	}
}
