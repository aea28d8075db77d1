package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"example.org/veille/index"
	"example.org/veille/query"
)

type explainRequest struct {
	Q    string `json:"q" jsonschema:"a query"`
	View string `json:"view,omitempty" jsonschema:"deals, articles or prices; deals when left out"`
}

// explainBody is a query taken apart.
type explainBody struct {
	Input     string       `json:"input"`
	Canonical string       `json:"canonical" jsonschema:"parses to the same query for ever"`
	Effective string       `json:"effective" jsonschema:"with the defaults that are applied"`
	Words     bilingual    `json:"words" jsonschema:"the query in plain words"`
	View      string       `json:"view"`
	Total     int          `json:"total"`
	Clauses   []clauseInfo `json:"clauses" jsonschema:"each part with what it finds alone"`
	AST       *expression  `json:"ast" jsonschema:"null for the empty query"`
	Sort      string       `json:"sort"`
	Group     []string     `json:"group"`
	Hints     []hintInfo   `json:"hints"`
	AsOf      asOf         `json:"as_of"`
}

type bilingual struct {
	FR string `json:"fr"`
	EN string `json:"en"`
}

type clauseInfo struct {
	Clause string `json:"clause"`
	Count  int    `json:"count"`
}

// expression is a node of the tree of a query.
type expression struct {
	Op     string       `json:"op" jsonschema:"and, or, not or clause"`
	Args   []expression `json:"args,omitempty"`
	Field  string       `json:"field,omitempty"`
	Values []value      `json:"values,omitempty"`
}

type value struct {
	Kind string   `json:"kind"`
	Text string   `json:"text" jsonschema:"as the canonical form writes it"`
	Name string   `json:"name,omitempty"`
	IDs  []string `json:"ids,omitempty" jsonschema:"exact values"`
}

var valueKinds = map[query.ValueKind]string{
	query.Word: "word", query.Phrase: "phrase", query.Prefix: "prefix", query.Fuzzy: "fuzzy", query.Keyword: "keyword",
	query.List: "list", query.Number: "number", query.Date: "date", query.Any: "any",
}

func expressionOf(e query.Expr) *expression {
	args := func(es []query.Expr) (out []expression) {
		for _, x := range es {
			out = append(out, *expressionOf(x))
		}
		return out
	}
	switch x := e.(type) {
	case query.And:
		return &expression{Op: "and", Args: args(x)}
	case query.Or:
		return &expression{Op: "or", Args: args(x)}
	case query.Not:
		return &expression{Op: "not", Args: args([]query.Expr{x.X})}
	case query.Clause:
		out := &expression{Op: "clause", Field: x.Field}
		for _, v := range x.Values {
			one := query.Clause{Field: x.Field, Values: []query.Value{v}}.String()
			if v.Text != "" {
				one = v.Text
			} else if len(one) > len(x.Field) && one[:len(x.Field)+1] == x.Field+":" {
				one = one[len(x.Field)+1:]
			}
			out.Values = append(out.Values, value{Kind: valueKinds[v.Kind], Text: one, Name: v.Name, IDs: v.IDs})
		}
		return out
	}
	return nil
}

func (s *Server) explain(w http.ResponseWriter, r *http.Request) {
	var in explainRequest
	dec := json.NewDecoder(io.LimitReader(r.Body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil || !errors.Is(errorOf(dec), io.EOF) {
		s.problem(w, r, fail("invalid-parameter", `Le corps doit être un objet JSON : {"q": "vendor:hpe"}.`, `The body must be a JSON object: {"q": "vendor:hpe"}.`))
		return
	}
	in.View = first(in.View, index.Deals)
	if !slices.Contains(views, in.View) {
		s.problem(w, r, wrong("view", "view : deals, articles ou prices.", "view: deals, articles or prices.", closest(in.View, views, 1)...))
		return
	}
	q, err := s.parse(in.Q)
	if err != nil {
		s.problem(w, r, err)
		return
	}
	out := explainBody{Input: in.Q, Canonical: q.String(), Effective: q.Effective().String(), Words: bilingual{q.Words("fr"), q.Words("en")}, View: in.View,
		Clauses: []clauseInfo{}, AST: expressionOf(q.Expr), Sort: q.Sort, Group: filled(q.Group), Hints: s.echo(r, q).Hints}
	res, err := s.find(r, index.Request{View: in.View, Query: bare(q)})
	if err != nil {
		s.problem(w, r, err)
		return
	}
	out.Total, out.AsOf = res.Total, s.asOf(r.Context(), res.Generation)
	if out.Clauses, err = s.clauses(r.Context(), in.View, q); err != nil {
		s.problem(w, r, fmt.Errorf("explain: %w", err))
		return
	}
	s.json(w, http.StatusOK, out)
}

// clauses counts what each part of a query finds alone, all within the time of one
// search.
func (s *Server) clauses(ctx context.Context, view string, q query.Query) (out []clauseInfo, err error) {
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	out = []clauseInfo{}
	query.Walk(q.Expr, func(c query.Clause) {
		if err != nil || slices.ContainsFunc(out, func(i clauseInfo) bool { return i.Clause == c.String() }) {
			return
		}
		alone := bare(q)
		alone.Expr = c
		var res index.Result
		if res, err = s.search(ctx, index.Request{View: view, Query: alone}); err == nil {
			out = append(out, clauseInfo{c.String(), res.Total})
		}
	})
	return out, err
}

// bare is a query without its settings, which a count does not need.
func bare(q query.Query) query.Query {
	q.Sort, q.Group = "", nil
	return q
}

// errorOf reads on to the end of the body: io.EOF when nothing follows.
func errorOf(dec *json.Decoder) error {
	_, err := dec.Token()
	return err
}
