package serve

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"example.org/veille/index"
	"example.org/veille/query"
)

// ErrNoSource is wrapped when a request names a feed that is not watched.
var ErrNoSource = errors.New("there is no such source")

// Problem is an error as RFC 9457 writes it.
type Problem struct {
	Type   string         `json:"type"`
	Title  string         `json:"title"`
	Status int            `json:"status"`
	Detail string         `json:"detail,omitempty"`
	Errors []ProblemError `json:"errors,omitempty"`
	Name   string         `json:"-"` // last part of Type
}

// ProblemError points at one fault. Position and Length count code points.
type ProblemError struct {
	Code       string   `json:"code"`
	Detail     string   `json:"detail"`
	Parameter  string   `json:"parameter,omitempty"`
	Position   int      `json:"position"`
	Length     int      `json:"length"`
	Suggestion []string `json:"suggestion"`
}

func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

// problem answers with an error. What is not meant for people is logged and shown
// as "internal error".
func (s *Server) problem(w http.ResponseWriter, r *http.Request, err error) {
	p := s.asProblem(r, err)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the reader is gone: nobody to tell
}

func (s *Server) asProblem(r *http.Request, err error) *Problem {
	var p *Problem
	var syntax *query.SyntaxError
	var bad *index.BadRequest
	switch {
	case errors.As(err, &p):
	case errors.As(err, &syntax):
		p = &Problem{Status: http.StatusBadRequest, Name: "invalid-query", Title: "The query cannot be read", Detail: syntax.Message(lang(r)),
			Errors: []ProblemError{{Code: syntax.Code, Detail: syntax.Message(lang(r)), Parameter: "q", Position: syntax.Pos, Length: syntax.Len, Suggestion: append([]string{}, syntax.Suggestions...)}}}
	case errors.As(err, &bad):
		p = &Problem{Status: http.StatusBadRequest, Name: "invalid-parameter", Title: "A parameter is wrong", Detail: bad.What}
	case errors.Is(err, ErrNoSource):
		p = &Problem{Status: http.StatusNotFound, Name: "not-found", Title: "Not found", Detail: err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		p = &Problem{Status: http.StatusServiceUnavailable, Name: "too-slow", Title: "The search took too long", Detail: "Narrow it, by date or vendor for example."}
	case errors.Is(err, index.ErrClosed):
		p = &Problem{Status: http.StatusServiceUnavailable, Name: "index-unavailable", Title: "The index is not available now"}
	default:
		s.lg.Error("request", "path", r.URL.Path, "err", err)
		p = &Problem{Status: http.StatusInternalServerError, Name: "internal", Title: "Internal error", Detail: "What went wrong stands in the log."}
	}
	p.Type = "/problems/" + p.Name
	return p
}

func (s *Server) noRoute(w http.ResponseWriter, r *http.Request) {
	s.problem(w, r, &Problem{Status: http.StatusNotFound, Name: "not-found", Title: "Not found", Detail: r.URL.Path + " is not part of the API."})
}
