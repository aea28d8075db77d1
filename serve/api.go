package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/veille/index"
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
	AsOf   asOf                     `json:"as_of"`
	TookMS float64                  `json:"took_ms"`
}

type pageInfo struct {
	Next  *string `json:"next"` // null on the last page, never absent
	Limit int     `json:"limit"`
	Total int     `json:"total"`
}

type queryInfo struct {
	Input     string     `json:"input"`
	Canonical string     `json:"canonical"`
	Words     string     `json:"words"`
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

type asOf struct {
	Generation uint64    `json:"generation"`
	Time       time.Time `json:"time"`
}

// searchRequest reads the parameters of a list; an unknown one is an error.
func (s *Server) searchRequest(view string, v url.Values) (index.Request, error) {
	req := index.Request{View: view, Limit: 50}
	for name := range v {
		if !slices.Contains([]string{"q", "sort", "limit", "cursor", "facets", "group", "hl"}, name) {
			return req, &Problem{Status: http.StatusBadRequest, Name: "unknown-parameter", Title: "Unknown parameter", Detail: fmt.Sprintf("There is no parameter %q here; there are q, sort, limit, cursor, facets, group and hl.", name)}
		}
	}
	q, err := s.parse(v.Get("q"))
	if err != nil {
		return req, err
	}
	req.Query, req.Sort, req.Cursor, req.Group = q, v.Get("sort"), v.Get("cursor"), v.Get("group")
	if l := v.Get("limit"); l != "" {
		n, err := strconv.Atoi(l)
		if err != nil || n < 0 || n > 200 {
			return req, &index.BadRequest{What: fmt.Sprintf("limit %q: want 0 to 200", l)}
		}
		req.Limit = n
	}
	if f := v.Get("facets"); f != "" {
		req.Facets = strings.Split(f, ",")
	}
	return req, nil
}

// search runs a list's request and fills its envelope.
func search[T any](s *Server, w http.ResponseWriter, r *http.Request, view string, rows func(index.Result) []T) {
	req, err := s.searchRequest(view, r.URL.Query())
	if err != nil {
		s.problem(w, r, err)
		return
	}
	res, err := s.find(r, req)
	if err != nil {
		s.problem(w, r, err)
		return
	}
	out := list[T]{Data: rows(res), Query: s.echo(r, req.Query), AsOf: asOf{res.Generation, s.opt.Now().UTC()}, TookMS: float64(res.Took.Microseconds()) / 1000}
	out.Page = pageInfo{Limit: req.Limit, Total: res.Total}
	if res.Next != "" {
		out.Page.Next = &res.Next
		next := r.URL.Query()
		next.Set("cursor", res.Next)
		w.Header().Set("Link", "<"+r.URL.Path+"?"+next.Encode()+`>; rel="next"`)
	}
	if len(res.Facets) > 0 {
		out.Facets = map[string][]facetBucket{}
		for name, bs := range res.Facets {
			out.Facets[name] = []facetBucket{}
			for _, b := range bs {
				out.Facets[name] = append(out.Facets[name], facetBucket{b.Value, b.Count})
			}
		}
	}
	s.json(w, http.StatusOK, out)
}

func (s *Server) find(r *http.Request, req index.Request) (index.Result, error) {
	ctx, cancel := contextWithin(r, searchTime)
	defer cancel()
	return s.opt.Index.Search(ctx, req)
}

func (s *Server) echo(r *http.Request, q query.Query) queryInfo {
	info := queryInfo{Input: q.Input, Canonical: q.String(), Words: q.Words(lang(r)), Hints: []hintInfo{}}
	for _, h := range q.Hints {
		info.Hints = append(info.Hints, hintInfo{h.Code, h.Message(lang(r)), h.Pos, append([]string{}, h.Suggestions...)})
	}
	return info
}

func (s *Server) json(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the reader is gone: nobody to tell
}

func (s *Server) deals(w http.ResponseWriter, r *http.Request) {
	search(s, w, r, index.Deals, func(res index.Result) []schemas.Deal {
		for i := range res.Deals {
			clipDeal(&res.Deals[i])
		}
		return append([]schemas.Deal{}, res.Deals...)
	})
}

// clipDeal keeps the quotes of a deal to what may be shown.
func clipDeal(d *schemas.Deal) {
	d.Evidence = slices.Clone(d.Evidence)
	for i := range d.Evidence {
		q := &d.Evidence[i].Signal.Evidence
		q.Text = clip(q.Text, MaxQuote)
	}
}

// articleRow is an article without its text, which is its publisher's.
type articleRow struct {
	ID        string            `json:"id"`
	Source    string            `json:"source"`
	Outlet    string            `json:"outlet"`
	URL       string            `json:"url"`
	Also      []schemas.Copy    `json:"also,omitempty"`
	Lang      string            `json:"lang"`
	Title     string            `json:"title"`
	Byline    string            `json:"byline,omitempty"`
	Published time.Time         `json:"published"`
	Precision string            `json:"precision,omitempty"`
	Fetched   time.Time         `json:"fetched"`
	Paywalled bool              `json:"paywalled,omitempty"`
	Snippet   string            `json:"snippet"` // at most MaxQuote characters
	Text      *string           `json:"text"`    // always null, see Withheld
	Withheld  string            `json:"withheld"`
	Vendors   []schemas.Mention `json:"vendors"`
	Signals   []schemas.Signal  `json:"signals"`
	Prices    []schemas.Price   `json:"prices"`
}

func newArticleRow(x schemas.Extraction) articleRow {
	a := x.Article
	return articleRow{
		ID: a.ID, Source: a.Source, Outlet: a.Outlet, URL: a.URL, Also: a.Also, Lang: a.Lang, Title: a.Title, Byline: a.Byline,
		Published: a.Published, Precision: a.Precision, Fetched: a.Fetched, Paywalled: a.Paywalled,
		Snippet: clip(a.Text, MaxQuote), Withheld: "rights",
		Vendors: append([]schemas.Mention{}, x.Vendors...), Signals: append([]schemas.Signal{}, x.Signals...), Prices: append([]schemas.Price{}, x.Prices...),
	}
}

func (s *Server) articles(w http.ResponseWriter, r *http.Request) {
	search(s, w, r, index.Articles, func(res index.Result) []articleRow {
		out := []articleRow{}
		for _, a := range res.Articles {
			out = append(out, newArticleRow(a.Extraction))
		}
		return out
	})
}

// priceRow is a price with the article it stands in.
type priceRow struct {
	schemas.Price
	Article priceArticle `json:"article"`
}

type priceArticle struct {
	ID        string    `json:"id"`
	Source    string    `json:"source"`
	Outlet    string    `json:"outlet"`
	URL       string    `json:"url"`
	Lang      string    `json:"lang"`
	Title     string    `json:"title"`
	Published time.Time `json:"published"`
}

func (s *Server) prices(w http.ResponseWriter, r *http.Request) {
	search(s, w, r, index.Prices, func(res index.Result) []priceRow {
		out := []priceRow{}
		for _, p := range res.Prices {
			a := p.Article
			p.Price.Evidence.Text = clip(p.Price.Evidence.Text, MaxQuote)
			out = append(out, priceRow{p.Price, priceArticle{a.ID, a.Source, a.Outlet, a.URL, a.Lang, a.Title, a.Published}})
		}
		return out
	})
}

// statusInfo tells how the whole is doing.
type statusInfo struct {
	Version  string            `json:"version"`
	Since    time.Time         `json:"since"`
	Articles int               `json:"articles"`
	Deals    int               `json:"deals"`
	Prices   int               `json:"prices"`
	Lag      map[string]uint64 `json:"lag"` // messages each stage has still to handle
	Sources  map[string]int    `json:"sources"`
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	info := statusInfo{Version: s.opt.Version, Since: s.began.UTC(), Lag: map[string]uint64{}, Sources: map[string]int{}}
	var err error
	if info.Articles, info.Deals, info.Prices, err = s.opt.Index.Counts(); err != nil {
		s.problem(w, r, err)
		return
	}
	if s.opt.Lag != nil {
		if lag, err := s.opt.Lag(r.Context()); err == nil {
			info.Lag = lag
		}
	}
	if s.opt.Sources != nil {
		if list, err := s.opt.Sources(r.Context()); err == nil {
			for _, src := range list {
				info.Sources[src.State]++
			}
		}
	}
	s.json(w, http.StatusOK, info)
}

func (s *Server) sources(w http.ResponseWriter, r *http.Request) {
	out := []SourceStatus{}
	if s.opt.Sources != nil {
		list, err := s.opt.Sources(r.Context())
		if err != nil {
			s.problem(w, r, err)
			return
		}
		out = append(out, list...)
	}
	s.json(w, http.StatusOK, map[string]any{"data": out})
}

func (s *Server) fetch(w http.ResponseWriter, r *http.Request) {
	if s.opt.Fetch == nil {
		s.problem(w, r, &Problem{Status: http.StatusConflict, Name: "conflict", Title: "This process does not fetch", Detail: "Ask one that runs the role ingest."})
		return
	}
	res, err := s.opt.Fetch(r.Context(), r.PathValue("slug"))
	if err != nil {
		s.problem(w, r, err)
		return
	}
	s.json(w, http.StatusOK, res)
}
