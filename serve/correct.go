package serve

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.org/veille/index"
	"example.org/veille/schemas"
)

// What a correction does.
const (
	CorrectApart = "apart" // an article speaks of another deal
	CorrectSame  = "same"  // two deals are one
	CorrectUndo  = "undo"  // a correction is taken back
)

// Correction is what a person says of the deals that the program put together or kept
// apart.
type Correction struct {
	ID       string    `json:"id"` // given when it is made; of the one to undo
	Do       string    `json:"do"`
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Deal     string    `json:"deal"`
	Line     string    `json:"line,omitempty"` // names the deal for people
	Article  string    `json:"article,omitempty"`
	Into     string    `json:"into,omitempty"` // the deal that it is the same as
	IntoLine string    `json:"into_line,omitempty"`
}

// Refusal tells people why a correction cannot be made.
type Refusal struct{ FR, EN string }

func (r Refusal) Error() string { return r.EN }

// correctPage makes a correction from the page of a deal.
func (s *Server) correctPage(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	if s.opt.Correct == nil {
		return screen{}, fail("conflict", "Ce processus ne rassemble pas les accords ; demandez à celui qui tient le rôle deals.", "This process does not gather deals; ask the one that has the role deals.")
	}
	if err := r.ParseForm(); err != nil {
		return screen{}, fail("invalid-parameter", "Le formulaire est mal formé.", "The form is malformed.")
	}
	v, id := r.PostForm, r.PathValue("id")
	c := Correction{Do: v.Get("do"), At: s.opt.Now().UTC(), By: first(f.Signed, "admin"), Deal: id}
	to := id
	switch c.Do {
	case CorrectApart:
		c.Article = v.Get("article")
	case CorrectSame:
		c.Into = dealID(v.Get("into"))
		to = c.Into
	case CorrectUndo:
		c.ID = v.Get("correction")
	default:
		return screen{}, wrong("do", "Cette correction n’existe pas.", "There is no such correction.", CorrectApart, CorrectSame, CorrectUndo)
	}
	var no Refusal
	if err := s.opt.Correct(r.Context(), c); errors.As(err, &no) {
		return screen{}, fail("conflict", no.FR, no.EN)
	} else if err != nil {
		return screen{}, err
	}
	return screen{to: dealPath(to) + "?did=" + c.Do}, nil
}

// dealID finds the id of a deal in what a person pasted: the id or the address of its
// page.
func dealID(s string) string {
	s = strings.TrimSpace(s)
	if u, err := url.Parse(s); err == nil && strings.Contains(u.Path, "/deals/") {
		_, s, _ = strings.Cut(u.Path, "/deals/")
	}
	s, _ = suffix(s)
	return s
}

// correctionsOf lists the corrections that made a deal what it is.
func (s *Server) correctionsOf(d schemas.Deal) (out []Correction) {
	if s.opt.Corrections == nil {
		return nil
	}
	for _, c := range s.opt.Corrections() {
		about := c.Deal == d.ID || c.Into == d.ID || slices.ContainsFunc(d.Evidence, func(e schemas.Evidence) bool { return c.Article != "" && e.Article == c.Article })
		if about {
			out = append(out, c)
		}
	}
	return out
}

// likeShown is how many deals are offered as perhaps the same.
const likeShown = 4

// alike lists deals that may be the same: of the same family, about one of the parties,
// in the same half-year.
func (s *Server) alike(f *frame, r *http.Request, d schemas.Deal) (out []link) {
	var ids, types []string
	for _, p := range d.Parties {
		ids = append(ids, p.ID)
	}
	for _, t := range schemas.Types {
		if schemas.Family(t) == schemas.Family(d.Type) {
			types = append(types, t)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	q, err := s.parse("date:" + f.ISO(d.First.AddDate(0, -6, 0)) + ".." + f.ISO(d.Updated.AddDate(0, 6, 0)))
	if err != nil {
		return nil
	}
	q = q.Add(s.clauseOf("vendor", ids...)).Add(s.clauseOf("type", types...))
	res, err := s.find(r, index.Request{View: index.Deals, Query: q, Limit: likeShown + 1, Sort: index.Newest})
	if err != nil {
		return nil // the page does without
	}
	for _, o := range res.Deals {
		if o.ID != d.ID && len(out) < likeShown {
			out = append(out, link{dealLine(o) + " · " + f.Label("type", o.Type) + " · " + f.Day(o.First), o.ID})
		}
	}
	return out
}
