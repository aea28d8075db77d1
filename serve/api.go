package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.org/veille/index"
	"example.org/veille/internal/publisher"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// searchTime bounds one search.
const searchTime = 2 * time.Second

// list is the envelope of every list the API returns.
type list[T any] struct {
	Data   []T                      `json:"data"`
	Page   pageInfo                 `json:"page"`
	Query  queryInfo                `json:"query"`
	Facets map[string][]facetBucket `json:"facets,omitempty"`
	Groups []facetBucket            `json:"groups,omitempty" jsonschema:"values of the field group within the result, the most first"`
	AsOf   asOf                     `json:"as_of"`
	TookMS float64                  `json:"took_ms"`
}

type pageInfo struct {
	Next  *string `json:"next" jsonschema:"cursor of the next page; null on the last, never absent"`
	Limit int     `json:"limit"`
	Total int     `json:"total"`
}

type queryInfo struct {
	Input     string     `json:"input"`
	Canonical string     `json:"canonical"`
	Words     string     `json:"words" jsonschema:"the query in plain words, in the reader's language"`
	Hints     []hintInfo `json:"hints"`
}

type hintInfo struct {
	Code       string   `json:"code"`
	Detail     string   `json:"detail"`
	Position   int      `json:"position"`
	Suggestion []string `json:"suggestion"`
}

type facetBucket struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// asOf tells what the answer knows, and what it may be missing.
type asOf struct {
	Generation    uint64    `json:"generation" jsonschema:"changes with every commit of the index"`
	IndexTime     time.Time `json:"index_time,omitzero" jsonschema:"when something was last put into the index; absent while it is empty"`
	LagS          float64   `json:"lag_s" jsonschema:"seconds by which the index is behind: 0 when nothing is on its way into it, else since index_time"`
	Pending       int       `json:"pending" jsonschema:"messages on their way into the index"`
	SilentSources int       `json:"silent_sources" jsonschema:"feeds that are silent, blocked or down"`
}

func (s *Server) asOf(ctx context.Context, generation uint64) asOf {
	pending, silent := s.facts.lagAndSilence(ctx, s)
	out := asOf{Generation: generation, IndexTime: s.opt.Index.Committed(), Pending: pending, SilentSources: silent}
	if from := out.IndexTime; pending > 0 {
		if from.IsZero() {
			from = s.began
		}
		out.LagS = max(0, math.Round(s.opt.Now().Sub(from).Seconds()))
	}
	return out
}

// request reads the parameters of a list; they have been checked.
func (s *Server) request(view string, v url.Values) (index.Request, error) {
	req := index.Request{View: view, Sort: v.Get("sort"), Cursor: v.Get("cursor"), Group: v.Get("group"), Limit: number(v, paramLimit), Highlight: v.Get("hl") == "1"}
	if f := v.Get("facets"); f != "" {
		req.Facets = strings.Split(f, ",")
	}
	var err error
	req.Query, err = s.parse(v.Get("q"))
	req.OfDeals = view != index.Deals && speaksOfDeals(req.Query)
	if err == nil && req.Group == "" && len(req.Query.Group) > 0 && !slices.Contains(countable[view], req.Query.Group[0]) {
		g := req.Query.Group[0]
		err = wrong("q", fmt.Sprintf("group:%s est pour /stats.", g), fmt.Sprintf("group:%s is for /stats.", g))
	}
	return req, err
}

// search runs a list's request and fills its envelope.
func search[T any](s *Server, w http.ResponseWriter, r *http.Request, view string, rows func(index.Result) []T) {
	v := r.URL.Query()
	req, err := s.request(view, v)
	if err != nil {
		s.problem(w, r, err)
		return
	}
	res, err := s.find(r, req)
	if err != nil {
		s.problem(w, r, err)
		return
	}
	out := list[T]{Data: rows(res), Query: s.echo(r, req.Query), AsOf: s.asOf(r.Context(), res.Generation), TookMS: float64(res.Took.Microseconds()) / 1000}
	out.Page = pageInfo{Limit: req.Limit, Total: res.Total}
	if res.Next != "" {
		out.Page.Next = &res.Next
		nextLink(w, r, res.Next)
	}
	if len(req.Facets) > 0 {
		out.Facets = map[string][]facetBucket{}
		for name, bs := range res.Facets {
			out.Facets[name] = buckets(bs)
		}
	}
	if res.Groups != nil {
		out.Groups = buckets(res.Groups)
	}
	s.rows(w, r, out, out.Data)
}

// nextLink names the next page in the header Link, as RFC 8288 writes it.
func nextLink(w http.ResponseWriter, r *http.Request, cursor string) {
	next := r.URL.Query()
	next.Set("cursor", cursor)
	w.Header().Set("Link", "<"+r.URL.EscapedPath()+"?"+next.Encode()+`>; rel="next"`)
}

func buckets(in []index.Bucket) []facetBucket {
	out := []facetBucket{}
	for _, b := range in {
		out = append(out, facetBucket{b.Value, b.Count})
	}
	return out
}

// rows answers with an envelope, keeping in each of its rows only the members that
// the parameter fields names, or with the bare rows when rows is 1.
func (s *Server) rows(w http.ResponseWriter, r *http.Request, envelope, data any) {
	v := r.URL.Query()
	if f := v.Get("fields"); f != "" {
		kept, err := keepFields(data, strings.Split(f, ","))
		if err != nil {
			s.problem(w, r, err)
			return
		}
		if v.Get("rows") == "1" {
			s.json(w, http.StatusOK, kept)
			return
		}
		envelope = struct {
			Data any `json:"data"`
			rest
		}{kept, restOf(envelope)}
	} else if v.Get("rows") == "1" {
		envelope = data
	}
	s.json(w, http.StatusOK, envelope)
}

// rest is an envelope without its rows.
type rest = list[struct{}]

func restOf(envelope any) rest {
	var out rest
	switch l := envelope.(type) {
	case interface{ without() rest }:
		out = l.without()
	}
	return out
}

func (l list[T]) without() rest {
	return rest{Page: l.Page, Query: l.Query, Facets: l.Facets, Groups: l.Groups, AsOf: l.AsOf, TookMS: l.TookMS}
}

// keepFields cuts rows down to some members. A name no row can have is an error.
func keepFields(data any, names []string) ([]map[string]json.RawMessage, error) {
	body, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("encode rows: %w", err)
	}
	known := membersOf(data)
	for _, n := range names {
		if !slices.Contains(known, n) {
			n = clip(strings.ToValidUTF8(n, "\uFFFD"), 60)
			all := strings.Join(known, ", ")
			return nil, wrong("fields", fmt.Sprintf("Les lignes n’ont pas de « %s » ; elles ont %s.", n, all), fmt.Sprintf("Rows have no %q; they have %s.", n, all), closest(n, known, 3)...)
		}
	}
	out := []map[string]json.RawMessage{}
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, fmt.Errorf("decode rows: %w", err)
	}
	for _, row := range out {
		for k := range row {
			if !slices.Contains(names, k) {
				delete(row, k)
			}
		}
	}
	return out, nil
}

// find runs a search within the time that one may take.
func (s *Server) find(r *http.Request, req index.Request) (index.Result, error) {
	return s.search(r.Context(), req)
}

func (s *Server) search(ctx context.Context, req index.Request) (index.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	began := time.Now()
	res, err := s.opt.Index.Search(ctx, req)
	s.metrics.searched(req, time.Since(began))
	return res, err
}

func (s *Server) echo(r *http.Request, q query.Query) queryInfo {
	info := queryInfo{Input: q.Input, Canonical: q.String(), Words: q.Words(lang(r)), Hints: []hintInfo{}}
	for _, h := range q.Hints {
		info.Hints = append(info.Hints, hintInfo{h.Code, h.Message(lang(r)), h.Pos, filled(h.Suggestions)})
	}
	return info
}

func (s *Server) deals(w http.ResponseWriter, r *http.Request) {
	search(s, w, r, index.Deals, func(res index.Result) []dealRow {
		out := []dealRow{}
		for _, d := range res.Deals {
			row := newDealRow(d)
			row.Hits = clipFragments(res.Fragments[d.ID])
			out = append(out, row)
		}
		return out
	})
}

func (s *Server) articles(w http.ResponseWriter, r *http.Request) {
	search(s, w, r, index.Articles, func(res index.Result) []articleRow {
		out := []articleRow{}
		for _, a := range res.Articles {
			row := newArticleRow(a.Extraction)
			if showable(a.Article.Rights) {
				row.Hits = clipFragments(res.Fragments[a.Article.ID])
			}
			out = append(out, row)
		}
		return out
	})
}

func (s *Server) prices(w http.ResponseWriter, r *http.Request) {
	search(s, w, r, index.Prices, func(res index.Result) []priceRow {
		out := []priceRow{}
		for _, p := range res.Prices {
			row := newPriceRow(p)
			row.Hits = clipFragments(res.Fragments[p.ID])
			out = append(out, row)
		}
		return out
	})
}

func (s *Server) evidence(w http.ResponseWriter, r *http.Request) {
	search(s, w, r, index.Deals, func(res index.Result) []sentenceRow {
		out := []sentenceRow{}
		articles := map[string]schemas.Extraction{}
		for _, d := range res.Deals {
			for _, e := range d.Evidence {
				row := sentenceRow{Deal: d.ID, DealURL: dealPath(d.ID), Type: e.Signal.Type, Status: e.Signal.Status, Parties: filled(e.Signal.Parties), evidenceRow: newEvidenceRow(e)}
				s.context(&row.evidenceRow, articles)
				out = append(out, row)
			}
		}
		return out
	})
}

// deal answers with one deal. One that was merged leads to the survivor.
func (s *Server) deal(w http.ResponseWriter, r *http.Request) {
	row, err := s.Deal(r.PathValue("id"))
	var gone *index.Gone
	if errors.As(err, &gone) && gone.Into != "" {
		w.Header().Del("ETag")
		w.Header().Set("Location", "/api/v1"+dealPath(gone.Into))
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	if err != nil {
		s.problem(w, r, err)
		return
	}
	if v := r.URL.Query().Get("at"); v != "" {
		at, err := instant(v, s.opt.Now(), paris())
		if err != nil {
			s.problem(w, r, wrong("at", "at : 2026-01-31, 2026-01-31T08:00:00Z, des secondes depuis 1970, ou now-90d.", "at: 2026-01-31, 2026-01-31T08:00:00Z, seconds since 1970, or now-90d."))
			return
		}
		if row = row.asOf(at); len(row.Evidence) == 0 {
			s.problem(w, r, fail("not-found", "Rien n’était paru de cet accord à cette date.", "Nothing had been published of this deal at that time."))
			return
		}
	}
	s.json(w, http.StatusOK, row)
}

// asOf is what was published of a deal by a time: its sentences, its life-line and
// the status that follows from them.
func (d dealRow) asOf(at time.Time) dealRow {
	d.Evidence = slices.DeleteFunc(slices.Clone(d.Evidence), func(e evidenceRow) bool { return e.Published.After(at) })
	d.History = slices.DeleteFunc(slices.Clone(d.History), func(c schemas.Change) bool { return c.At.After(at) })
	if n := len(d.History); n > 0 {
		d.Status, d.Updated = d.History[n-1].Status, d.History[n-1].At
	}
	d.Langs, d.Outlets, d.Score = []string{}, 0, 0
	var outlets []string
	for _, e := range d.Evidence {
		d.Score = max(d.Score, e.Signal.Confidence)
		if !slices.Contains(d.Langs, e.Lang) {
			d.Langs = append(d.Langs, e.Lang)
		}
		if who := publisher.Of(e.URL, e.Outlet, e.Source); !slices.Contains(outlets, who) {
			outlets = append(outlets, who)
		}
	}
	d.Outlets = len(outlets)
	return d
}

// Deal reads one deal with the words around its sentences. The errors are those of
// [index.Index.Deal].
func (s *Server) Deal(id string) (dealRow, error) {
	d, err := s.opt.Index.Deal(id)
	if err != nil {
		return dealRow{}, err
	}
	row := newDealRow(d)
	articles := map[string]schemas.Extraction{}
	for i := range row.Evidence {
		s.context(&row.Evidence[i], articles)
	}
	return row, nil
}

func (s *Server) article(w http.ResponseWriter, r *http.Request) {
	x, err := s.opt.Index.Article(r.PathValue("id"))
	if err != nil {
		s.problem(w, r, err)
		return
	}
	s.json(w, http.StatusOK, newArticleRow(x))
}
