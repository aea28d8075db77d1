package serve

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.org/veille/query"
	"example.org/veille/schemas"
)

// Feedback is what a reader says is wrong with a deal: the sentence, what was read from
// it, and what should have been. It begins as a record of annotated articles does, so
// that a line of feedback is one: the article with what was read from it, put right as
// far as the reader said how. Who takes it into a gold set reads the rest.
type Feedback struct {
	annotated

	At       time.Time     `json:"at"`
	Deal     string        `json:"deal"`
	Article  string        `json:"article,omitempty"`
	Lang     string        `json:"lang,omitempty"`
	Quote    schemas.Quote `json:"quote,omitzero"`
	Rule     string        `json:"rule,omitempty"` // that found it
	Type     string        `json:"type"`
	Status   string        `json:"status"`
	Parties  []string      `json:"parties"`
	Wrong    string        `json:"wrong"`              // one of FeedbackKinds
	Instead  string        `json:"instead,omitempty"`  // the right type, status or vendor
	Note     string        `json:"note,omitempty"`     // in the reader's words
	Evidence string        `json:"evidence,omitempty"` // id of the signal
}

// annotated is an article with what an extractor should find in it, in the form that
// `veille eval --gold` reads.
type annotated struct {
	ID        string         `json:"id"`
	URL       string         `json:"url,omitempty"`
	Published string         `json:"published,omitempty"` // a day
	Title     string         `json:"title"`
	Text      string         `json:"text"`
	Category  string         `json:"category"` // "remark"
	Vendors   []string       `json:"vendors"`
	Signals   []wantedSignal `json:"signals"`
	Prices    []wantedPrice  `json:"prices"`
}

type wantedSignal struct {
	Type     string              `json:"type"`
	Status   string              `json:"status"`
	Parties  []string            `json:"parties"`
	Roles    map[string][]string `json:"directed_roles,omitempty"`
	Evidence string              `json:"evidence"`
	Optional bool                `json:"optional,omitempty"` // wrong, and how to put it right stands in the note
}

type wantedPrice struct {
	Text     string       `json:"text"`
	Low      *json.Number `json:"low"`
	High     *json.Number `json:"high"`
	Currency string       `json:"currency"`
	Kind     string       `json:"kind"`
}

// annotate writes an article as annotated, with the signal in question put right.
func annotate(x schemas.Extraction, fb Feedback) annotated {
	a := annotated{ID: x.Article.ID, URL: x.Article.URL, Published: x.Article.Published.UTC().Format(time.DateOnly), Title: x.Article.Title, Text: x.Article.Text, Category: "remark",
		Vendors: []string{}, Signals: []wantedSignal{}, Prices: []wantedPrice{}}
	for _, v := range x.Vendors {
		a.Vendors = append(a.Vendors, v.Name)
	}
	for _, sig := range x.Signals {
		w := wantedSignal{Type: sig.Type, Status: sig.Status, Parties: []string{}, Roles: map[string][]string{}, Evidence: sig.Evidence.Text}
		for _, p := range sig.Parties {
			w.Parties = append(w.Parties, p.Name)
			if p.Role != "" {
				w.Roles[p.Role] = append(w.Roles[p.Role], p.Name)
			}
		}
		if sig.ID == fb.Evidence {
			switch {
			case fb.Wrong == "no-deal":
				continue
			case fb.Wrong == "type" && fb.Instead != "":
				w.Type = fb.Instead
			case fb.Wrong == "status" && fb.Instead != "":
				w.Status = fb.Instead
			case slices.Contains([]string{"vendor", "type", "status", "other"}, fb.Wrong):
				w.Optional = true
			}
		}
		a.Signals = append(a.Signals, w)
	}
	number := func(s *string) *json.Number {
		if s == nil {
			return nil
		}
		n := json.Number(*s)
		return &n
	}
	for _, p := range x.Prices {
		a.Prices = append(a.Prices, wantedPrice{p.Text, number(p.Amount.Low), number(p.Amount.High), p.Amount.Currency, p.Kind})
	}
	return a
}

// FeedbackKinds are what can be wrong with a deal.
var FeedbackKinds = []string{"vendor", "type", "status", "territory", "no-deal", "same-as", "other"}

// maxNote bounds what a reader may write, in characters.
const maxNote = 500

func (s *Server) feedback(_ *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	if s.opt.Feedback == nil {
		return screen{}, fail("not-found", "Cette veille ne recueille pas de remarques.", "This veille takes no remarks.")
	}
	if err := r.ParseForm(); err != nil {
		return screen{}, fail("invalid-parameter", "Le formulaire est mal formé.", "The form is malformed.")
	}
	v := r.PostForm
	d, err := s.opt.Index.Deal(v.Get("deal"))
	if err != nil {
		return screen{}, err
	}
	if !slices.Contains(FeedbackKinds, v.Get("wrong")) {
		return screen{}, wrong("wrong", "Dites ce qui est faux.", "Tell what is wrong.", FeedbackKinds...)
	}
	clean := func(name string) string {
		return clip(strings.ToValidUTF8(strings.TrimSpace(v.Get(name)), "\uFFFD"), maxNote)
	}
	fb := Feedback{At: s.opt.Now().UTC(), Deal: d.ID, Type: d.Type, Status: d.Status, Wrong: v.Get("wrong"), Instead: clean("instead"), Note: clean("note")}
	for _, p := range d.Parties {
		fb.Parties = append(fb.Parties, p.ID)
	}
	e := telling(d)
	for i := range d.Evidence {
		if d.Evidence[i].Signal.ID == v.Get("evidence") {
			e = &d.Evidence[i]
		}
	}
	if e != nil {
		fb.Article, fb.Lang, fb.Quote, fb.Rule, fb.Evidence = e.Article, e.Lang, e.Signal.Evidence, e.Signal.Rule, e.Signal.ID
	}
	if field := fb.Wrong; field == "type" || field == "status" { // said in a word that is one
		if v, ok := query.FieldRow(field).EnumByName(fb.Note); ok && fb.Instead == "" {
			fb.Instead = v.ID
		}
	}
	if x, err := s.opt.Index.Article(fb.Article); err == nil {
		fb.annotated = annotate(x, fb)
	}
	ctx, cancel := context.WithTimeout(r.Context(), searchTime)
	defer cancel()
	if err := s.opt.Feedback(ctx, fb); err != nil {
		return screen{}, err
	}
	return screen{to: dealPath(d.ID) + "?noted=1#feedback"}, nil
}
