package serve

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.org/veille/schemas"
)

// Feedback is what a reader says is wrong with a deal, in a form that a set of
// annotated examples can take: the sentence, what was read from it, and what
// should have been.
type Feedback struct {
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
	ctx, cancel := context.WithTimeout(r.Context(), searchTime)
	defer cancel()
	if err := s.opt.Feedback(ctx, fb); err != nil {
		return screen{}, err
	}
	return screen{to: dealPath(d.ID) + "?noted=1#feedback"}, nil
}
