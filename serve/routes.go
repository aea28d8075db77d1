package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// operation is one method on one path: what the mux serves, what is checked before
// the handler runs, and what the OpenAPI document says of it.
type operation struct {
	Method, Path string // as the mux and OpenAPI write them
	ID, Summary  string
	Scope        scope
	Params       []param
	AnyParams    bool         // parameters are the handler's own business
	Body         reflect.Type // of the request
	OK           []reply
	Fails        []string // names of the problems that are its own
	Fresh        bool     // depends on more than the index: no ETag
	Flows        bool     // written bit by bit: compressed by nobody
	handle       http.HandlerFunc
}

// reply is one successful answer.
type reply struct {
	Status int
	Type   string       // media type, "" for none
	Body   reflect.Type // of JSON
	Doc    string
}

// param is one parameter of the address.
type param struct {
	Name     string
	In       string // "path", else the query
	Doc      string
	Enum     []string // the values; several with commas when List is set
	List     bool
	Min, Max int // of an integer, when Max > 0
	Default  string
	Required bool
}

func jsonReply(body any) reply {
	return reply{Status: http.StatusOK, Type: "application/json", Body: reflect.TypeOf(body)}
}

// Parameters that several operations share.
var (
	paramQ      = param{Name: "q", Doc: "a query in the language of veille, such as: vendor:nutanix type:distribution since:2026-01"}
	paramLimit  = param{Name: "limit", Doc: "rows of a page; 0 only counts", Max: 200, Default: "50"}
	paramCursor = param{Name: "cursor", Doc: "page.next of the page before"}
	paramSort   = param{Name: "sort", Doc: "order of the rows", Enum: sorts}
	paramHL     = param{Name: "hl", Doc: "1: mark the words of the query in the rows", Enum: []string{"0", "1"}, Default: "0"}
	paramFields = param{Name: "fields", Doc: "names of the members to keep in each row, with commas"}
	paramRows   = param{Name: "rows", Doc: "1: answer with the bare array of rows", Enum: []string{"0", "1"}, Default: "0"}
)

var sorts = []string{index.Newest, index.Oldest, index.Relevance, index.Sources, index.Value, index.Updated}

// countable are the fields a view can count and group by.
var countable = map[string][]string{
	index.Deals:    {"type", "status", "vendor", "distributor", "reseller", "integrator", "customer", "acquirer", "target", "investor", "maker", "partner", "seller", "pair", "kind", "territory", "lang", "source", "product", "currency", "is", "has"},
	index.Articles: {"vendor", "kind", "lang", "source", "is", "has"},
	index.Prices:   {"vendor", "kind", "price_kind", "currency", "product", "lang", "source", "has"},
}

func listParams(view string) []param {
	return []param{
		paramQ, paramSort, paramLimit, paramCursor,
		{Name: "facets", Doc: "fields whose values are counted; a facet ignores its own selection", Enum: countable[view], List: true},
		{Name: "group", Doc: "a field whose values are counted within the result", Enum: countable[view]},
		paramFields, paramHL,
	}
}

var queryFails = []string{"invalid-query", "invalid-parameter", "unknown-parameter", "invalid-cursor"}

var views = []string{index.Deals, index.Articles, index.Prices}

// operations is the table of everything the server answers, but for the pages.
func (s *Server) operations() []operation {
	const api = "/api/v1"
	strict := []string{"invalid-parameter", "unknown-parameter"}
	ops := []operation{
		{Method: "GET", Path: api + "/deals/{id}", ID: "getDeal", Summary: "One deal, with its evidence and its life-line", Scope: scopeRead,
			Params: []param{{Name: "id", In: "path", Doc: "id of the deal"}, {Name: "at", Doc: "the deal as it had been published by then: RFC 3339, a date, seconds or milliseconds since 1970, now-90d"}},
			OK:     []reply{jsonReply(dealRow{}), {Status: 301, Doc: "merged into another deal, which Location names"}}, Fails: []string{"invalid-parameter", "unknown-parameter", "not-found", "retracted"}, handle: s.deal},
		{Method: "GET", Path: api + "/articles/{id}", ID: "getArticle", Summary: "One article and all that was found in it, without its text", Scope: scopeRead,
			Params: []param{{Name: "id", In: "path", Doc: "id of the article"}},
			OK:     []reply{jsonReply(articleRow{})}, Fails: []string{"unknown-parameter", "not-found"}, handle: s.article},
		{Method: "GET", Path: api + "/evidence", ID: "listEvidence", Summary: "The sentences behind the deals that match, one row each; a page holds the sentences of limit deals", Scope: scopeRead,
			Params: []param{paramQ, paramSort, paramLimit, paramCursor, paramFields},
			OK:     []reply{jsonReply(list[sentenceRow]{})}, Fails: queryFails, handle: s.evidence},
		{Method: "GET", Path: api + "/vendors", ID: "listVendors", Summary: "Organisations of the catalogue, the most deals first", Scope: scopeRead,
			Params: []param{{Name: "q", Doc: "the beginning of any name"}, {Name: "kind", Doc: "trade", Enum: kindNames()}, {Name: "country", Doc: "ISO 3166-1 alpha-2, such as fr"}, {Name: "limit", Doc: "rows of a page", Min: 1, Max: 1000, Default: "50"}, {Name: "cursor", Doc: "page.next of the page before"}, paramFields, paramRows},
			OK:     []reply{jsonReply(list[vendorRow]{})}, Fails: append([]string{"invalid-cursor"}, strict...), handle: s.vendors},
		{Method: "GET", Path: api + "/vendors/{slug}", ID: "getVendor", Summary: "One organisation, with counts, types and partners", Scope: scopeRead,
			Params: []param{{Name: "slug", In: "path", Doc: "id of the vendor, or any of its names"}},
			OK:     []reply{jsonReply(vendorPage{}), {Status: 301, Doc: "another name of the vendor that Location names"}}, Fails: []string{"unknown-parameter", "not-found"}, handle: s.vendor},
		{Method: "GET", Path: api + "/pairs/{pair}", ID: "getPair", Summary: "The deals of two organisations and how many there were by week", Scope: scopeRead,
			Params: []param{{Name: "pair", In: "path", Doc: "two ids joined by ~, such as nutanix~arrow"}, {Name: "since", Doc: "a date of the query language, such as 2026-01 or 90d"}},
			OK:     []reply{jsonReply(pairPage{})}, Fails: []string{"invalid-parameter", "unknown-parameter", "not-found"}, handle: s.pair},
		{Method: "GET", Path: api + "/graph", ID: "getGraph", Summary: "Who deals with whom: the network around a vendor, or of a query", Scope: scopeRead,
			Params: []param{paramQ, {Name: "vendor", Doc: "the centre"}, {Name: "depth", Doc: "how far from the centre", Min: 1, Max: 2, Default: "1"}, {Name: "since", Doc: "a date of the query language, such as 2026-01 or 90d"},
				{Name: "limit", Doc: "edges, the strongest first", Min: 1, Max: 500, Default: "100"}, {Name: "format", Doc: "shape of the answer", Enum: []string{"json", "grafana", "graphml"}, Default: "json"}},
			OK:    []reply{{Status: 200, Type: "application/json", Body: reflect.TypeFor[graphBody]()}, {Status: 200, Type: "application/graphml+xml"}},
			Fails: []string{"invalid-query", "invalid-parameter", "unknown-parameter", "not-found"}, handle: s.graph},
		{Method: "GET", Path: api + "/suggest", ID: "suggest", Summary: "How to go on typing a query", Scope: scopeRead,
			Params: []param{{Name: "q", Doc: "what has been typed"}, {Name: "pos", Doc: "where the cursor stands, in code points; at the end when left out", Max: query.MaxBytes}, {Name: "limit", Doc: "how many at most", Min: 1, Max: 20, Default: "8"}},
			OK:     []reply{jsonReply(suggestBody{})}, Fails: strict, handle: s.suggest},
		{Method: "POST", Path: api + "/explain", ID: "explain", Summary: "How a query is understood, and how much each part of it finds", Scope: scopeRead,
			Body: reflect.TypeFor[explainRequest](), OK: []reply{jsonReply(explainBody{})}, Fails: []string{"invalid-query", "invalid-parameter", "unknown-parameter"}, Fresh: true, handle: s.explain},
		{Method: "GET", Path: api + "/sources", ID: "listSources", Summary: "The feeds that are watched, their health and their ledgers", Scope: scopeRead,
			OK: []reply{jsonReply(sourcesBody{})}, Fails: []string{"unknown-parameter"}, Fresh: true, handle: s.sources},
		{Method: "GET", Path: api + "/sources/{slug}", ID: "getSource", Summary: "One feed", Scope: scopeRead,
			Params: []param{{Name: "slug", In: "path", Doc: "id of the source"}},
			OK:     []reply{jsonReply(SourceStatus{})}, Fails: []string{"unknown-parameter", "not-found"}, Fresh: true, handle: s.source},
		{Method: "POST", Path: api + "/sources", ID: "addSource", Summary: "Watch a feed, or the feed of a site", Scope: scopeAdmin, Body: reflect.TypeFor[sourceDraft](),
			OK: []reply{{Status: http.StatusCreated, Type: "application/json", Body: reflect.TypeFor[SourceStatus](), Doc: "it is polled from now on"}}, Fails: []string{"unauthenticated", "forbidden", "conflict", "invalid-source", "unknown-parameter"}, Fresh: true, handle: s.putSource},
		{Method: "POST", Path: api + "/sources/preview", ID: "previewSource", Summary: "What a feed or a page would give: texts, dates, rights, deals and prices; nothing is kept", Scope: scopeAdmin, Body: reflect.TypeFor[previewRequest](),
			OK: []reply{{Status: http.StatusOK, Type: "application/json"}}, Fails: []string{"unauthenticated", "forbidden", "conflict", "invalid-source", "unknown-parameter"}, Fresh: true, handle: s.previewSource},
		{Method: "PUT", Path: api + "/sources/{slug}", ID: "putSource", Summary: "Change a source; what is left out stays", Scope: scopeAdmin, Body: reflect.TypeFor[sourceDraft](),
			Params: []param{{Name: "slug", In: "path", Doc: "id of the source"}},
			OK:     []reply{jsonReply(SourceStatus{})}, Fails: []string{"unauthenticated", "forbidden", "not-found", "conflict", "invalid-source", "unknown-parameter"}, Fresh: true, handle: s.putSource},
		{Method: "DELETE", Path: api + "/sources/{slug}", ID: "deleteSource", Summary: "Stop watching a feed; what it brought stays", Scope: scopeAdmin,
			Params: []param{{Name: "slug", In: "path", Doc: "id of the source"}},
			OK:     []reply{{Status: http.StatusNoContent}}, Fails: []string{"unauthenticated", "forbidden", "not-found", "conflict", "invalid-source", "unknown-parameter"}, Fresh: true, handle: s.deleteSource},
		{Method: "POST", Path: api + "/sources/{slug}/fetch", ID: "fetchSource", Summary: "Poll a feed now", Scope: scopeAdmin,
			Params: []param{{Name: "slug", In: "path", Doc: "id of the source"}},
			OK:     []reply{{Status: 200, Type: "application/json", Doc: "what the poll brought"}}, Fails: []string{"unauthenticated", "forbidden", "not-found", "conflict", "unknown-parameter"}, Fresh: true, handle: s.fetch},
		{Method: "GET", Path: "/sources.opml", ID: "sourcesOPML", Summary: "The feeds that are watched, for a feed reader or another veille", Scope: scopeRead,
			OK: []reply{{Status: 200, Type: "text/x-opml"}}, Fails: []string{"conflict", "unknown-parameter"}, Fresh: true, handle: s.sourcesOPML},
		{Method: "GET", Path: api + "/status", ID: "getStatus", Summary: "How the whole is doing", Scope: scopeRead,
			OK: []reply{jsonReply(statusInfo{})}, Fails: []string{"unknown-parameter"}, Fresh: true, handle: s.status},
		{Method: "GET", Path: api + "/stream", ID: "stream", Summary: "Events of deals as they happen, as server-sent events; id is the sequence in the log", Scope: scopeRead,
			Params: []param{paramQ, {Name: "events", Doc: "kinds of event; all of deals when left out. price.new comes from a log of its own and is asked for alone", Enum: streamKinds(), List: true}, {Name: "since", Doc: "replay what came after this id; the header Last-Event-ID does the same and comes first"}},
			OK:     []reply{{Status: 200, Type: "text/event-stream"}}, Fails: []string{"invalid-query", "invalid-parameter", "unknown-parameter", "conflict", "rate-limited"}, Fresh: true, Flows: true, handle: s.stream},
		{Method: "GET", Path: "/healthz", ID: "healthz", Summary: "The process is alive", Scope: scopeNone, OK: []reply{{Status: 200, Type: "text/plain"}}, Fails: []string{"unknown-parameter"}, Fresh: true, handle: s.healthz},
		{Method: "GET", Path: "/readyz", ID: "readyz", Summary: "The process does its work", Scope: scopeNone, OK: []reply{{Status: 200, Type: "text/plain"}}, Fails: []string{"not-ready", "unknown-parameter"}, Fresh: true, handle: s.readyz},
		{Method: "GET", Path: "/metrics", ID: "metrics", Summary: "Figures for Prometheus", Scope: scopeRead, OK: []reply{{Status: 200, Type: "text/plain"}}, Fails: []string{"unknown-parameter"}, Fresh: true, handle: s.metrics.serve},
		{Method: "GET", Path: "/openapi.json", ID: "openapi", Summary: "This description", Scope: scopeRead, OK: []reply{{Status: 200, Type: "application/json"}}, Fails: []string{"unknown-parameter"}, handle: s.document(func() []byte { return s.openapi() })},
		{Method: "GET", Path: "/asyncapi.json", ID: "asyncapi", Summary: "The messages on NATS", Scope: scopeRead, OK: []reply{{Status: 200, Type: "application/json"}}, Fails: []string{"unknown-parameter"}, handle: s.document(func() []byte { return s.async() })},
		{Method: "GET", Path: "/problems/{name}", ID: "explainProblem", Summary: "What a problem means", Scope: scopeNone,
			Params: []param{{Name: "hl", Doc: "language of the page", Enum: Languages}, {Name: "name", In: "path", Doc: "last part of the type of a problem"}},
			OK:     []reply{{Status: 200, Type: "text/html"}}, Fails: []string{"invalid-parameter", "not-found", "unknown-parameter"}, Fresh: true, handle: s.explainProblem},
		{Method: "POST", Path: "/mcp", ID: "mcp", Summary: "Model Context Protocol, streamable HTTP without sessions: read-only tools for assistants", Scope: scopeRead,
			OK: []reply{{Status: 200, Type: "application/json"}}, Fails: []string{"unknown-parameter"}, Fresh: true, handle: func(w http.ResponseWriter, r *http.Request) { s.tools().ServeHTTP(w, r) }},
	}
	for _, view := range views {
		name := map[string]string{index.Deals: "Deals", index.Articles: "Articles", index.Prices: "Prices"}[view]
		body := map[string]any{index.Deals: list[dealRow]{}, index.Articles: list[articleRow]{}, index.Prices: list[priceRow]{}}[view]
		handle := map[string]http.HandlerFunc{index.Deals: s.deals, index.Articles: s.articles, index.Prices: s.prices}[view]
		summary := name + " that match a query"
		if view != index.Deals {
			summary += "; where it speaks of deals (their type, status, parties' roles), those that tell of the deals it finds"
		}
		listing := operation{Method: "GET", Path: api + "/" + view, ID: "list" + name, Summary: summary, Scope: scopeRead,
			Params: listParams(view), OK: []reply{jsonReply(body)}, Fails: queryFails, handle: handle}
		same := listing
		same.Path, same.ID, same.Summary = "/"+view+".json", listing.ID+"JSON", "The same as "+listing.Path
		ops = append(ops, listing, same,
			operation{Method: "GET", Path: api + "/stats/" + view, ID: "stats" + name, Summary: name + " counted by time and by a field, unpaged, gaps filled with zeroes", Scope: scopeRead,
				Params: statsParams(view), OK: []reply{jsonReply(statsBody{})}, Fails: append([]string{"invalid-query", "too-many-rows"}, strict...), handle: s.stats(view)})
		for _, f := range exportFormats {
			params := []param{paramQ, paramSort, {Name: "limit", Doc: "rows at most; all when left out", Min: 1, Max: 10_000_000}}
			if view == index.Deals && f.ext != "json" {
				params = append(params, param{Name: "grain", Doc: "evidence: one row for each sentence", Enum: []string{"deal", "evidence"}, Default: "deal"})
			}
			if f.ext == "csv" {
				params = append(params, param{Name: "dialect", Doc: "fr: as the French Excel reads it, with semicolons, decimal commas and a byte order mark", Enum: []string{"rfc4180", "fr"}, Default: "rfc4180"})
			}
			ops = append(ops, operation{Method: "GET", Path: "/" + view + "." + f.ext, ID: "export" + name + strings.ToUpper(f.ext), Summary: "All " + strings.ToLower(name) + " that match, as " + f.name, Scope: scopeRead,
				Params: params, OK: []reply{{Status: 200, Type: f.media}}, Fails: append([]string{"invalid-query"}, strict...), Fresh: true, Flows: f.ext == "parquet", handle: s.export(view, f)})
		}
	}
	for _, f := range feedFormats {
		ops = append(ops, operation{Method: "GET", Path: "/deals." + f.ext, ID: "feed" + strings.ToUpper(strings.ReplaceAll(f.ext, ".", "")), Summary: "Any query as a feed, " + f.name, Scope: scopeFeed,
			Params: []param{paramQ, {Name: "limit", Doc: "entries of a page", Min: 1, Max: 50, Default: "50"}, paramCursor, {Name: "hl", Doc: "language of the titles", Enum: []string{"fr", "en"}}, {Name: "token", Doc: "a token for feeds, which readers cannot send otherwise"}},
			OK:     []reply{{Status: 200, Type: f.media}}, Fails: queryFails, handle: s.feed(f)})
	}
	return ops
}

// serve puts the checks every request passes in front of an operation.
func (s *Server) serve(op operation) http.Handler {
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := s.throttle(w, r); p != nil {
			s.problem(w, r, p)
			return
		}
		if p := s.authorize(r, op.Scope); p != nil {
			s.problem(w, r, p)
			return
		}
		if p := op.check(r); p != nil {
			s.problem(w, r, p)
			return
		}
		if op.Method == "GET" && !op.Fresh && s.unchanged(w, r) {
			return
		}
		op.handle(w, r)
	})
	if !op.Flows {
		h = compress(h)
	}
	return s.metrics.watch(op.ID, h)
}

// check refuses what the operation does not take.
func (op operation) check(r *http.Request) *Problem {
	if op.AnyParams {
		return nil
	}
	given, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fail("invalid-parameter", "L’adresse est mal formée.", "The address is malformed.")
	}
	var known []string
	for _, p := range op.Params {
		if p.In == "" {
			known = append(known, p.Name)
		}
	}
	if len(given) > len(known) || len(given) > 0 {
		for name, values := range given {
			i := slices.IndexFunc(op.Params, func(p param) bool { return p.Name == name && p.In == "" })
			if i < 0 {
				return unknownParam(name, known)
			}
			if len(values) > 1 {
				return wrong(name, fmt.Sprintf("%s est donné %d fois.", name, len(values)), fmt.Sprintf("%s is given %d times.", name, len(values)))
			}
			if p := op.Params[i].check(values[0]); p != nil {
				return p
			}
		}
	}
	for _, p := range op.Params {
		if p.Required && !given.Has(p.Name) {
			return wrong(p.Name, "Le paramètre "+p.Name+" manque.", "The parameter "+p.Name+" is missing.")
		}
	}
	return nil
}

func unknownParam(name string, known []string) *Problem {
	name = clip(strings.ToValidUTF8(name, "\uFFFD"), 60)
	near := closest(name, known, 3)
	fr, en := "Il n’y a pas de paramètre « "+name+" » ici", fmt.Sprintf("There is no parameter %q here", name)
	if len(known) > 0 {
		fr, en = fr+" ; il y a "+strings.Join(known, ", "), en+"; there are "+strings.Join(known, ", ")
	}
	p := fail("unknown-parameter", fr+".", en+".")
	p.Errors = []ProblemError{{Code: "unknown-parameter", Parameter: name, Suggestion: append([]string{}, near...)}}
	return p
}

// check refuses a value that the parameter cannot have. An empty one is none.
func (p param) check(v string) *Problem {
	if v == "" {
		return nil
	}
	switch {
	case p.Max > 0:
		n, err := strconv.Atoi(v)
		if err != nil || n < p.Min || n > p.Max {
			return wrong(p.Name, fmt.Sprintf("%s : un nombre entier de %d à %d.", p.Name, p.Min, p.Max), fmt.Sprintf("%s: a whole number from %d to %d.", p.Name, p.Min, p.Max))
		}
	case p.Enum != nil:
		vs := []string{v}
		if p.List {
			vs = strings.Split(v, ",")
		}
		for i, one := range vs {
			if slices.Contains(vs[:i], one) || !slices.Contains(p.Enum, one) {
				one = clip(strings.ToValidUTF8(one, "\uFFFD"), 60)
				all := strings.Join(p.Enum, ", ")
				once, fois := "", ""
				if p.List {
					once, fois = ", each once", ", une fois chacune"
				}
				return wrong(p.Name, fmt.Sprintf("%s : « %s » n’est pas l’une de ces valeurs%s : %s.", p.Name, one, fois, all), fmt.Sprintf("%s: %q is not one of these values%s: %s.", p.Name, one, once, all), closest(one, p.Enum, 3)...)
			}
		}
	}
	return nil
}

// number reads an integer parameter that has been checked.
func number(v url.Values, p param) int {
	n, err := strconv.Atoi(v.Get(p.Name))
	if err != nil {
		n, _ = strconv.Atoi(p.Default) // 0 when there is no default
	}
	return n
}

// unchanged sets the entity tag of what depends on the index alone, and answers
// 304 when the client has it. It names the index's generation, the request and,
// where the query speaks of now, the minute.
func (s *Server) unchanged(w http.ResponseWriter, r *http.Request) bool {
	if s.opt.Index == nil {
		return false
	}
	now := ""
	if q, err := s.parse(r.URL.Query().Get("q")); err == nil && query.Compile(q, index.Analyze).Relative() || r.URL.Query().Has("from") || r.URL.Query().Has("since") || r.URL.Query().Has("at") || strings.Contains(r.URL.Path, "/stats/") {
		now = s.opt.Now().Truncate(time.Minute).UTC().Format(time.RFC3339)
	}
	h := hashToken(strings.Join([]string{strconv.FormatUint(s.opt.Index.Generation(), 36), s.opt.Version, r.URL.Path, r.URL.RawQuery, lang(r), now}, "\x00"))
	tag := fmt.Sprintf(`W/"%x"`, h[:10])
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Add("Vary", "Accept-Language, Authorization")
	for _, t := range strings.Split(r.Header.Get("If-None-Match"), ",") {
		if t = strings.TrimSpace(t); t == "*" || t != "" && strings.TrimPrefix(t, "W/") == strings.TrimPrefix(tag, "W/") {
			w.WriteHeader(http.StatusNotModified)
			return true
		}
	}
	return false
}

func (s *Server) json(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the reader is gone: nobody to tell
}

// document serves bytes that do not change while the process runs.
func (s *Server) document(body func() []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body()) // the reader is gone: nobody to tell
	}
}

func mustJSON(v any) []byte {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		panic(err) // unreachable: made of plain values
	}
	return b
}

func kindNames() []string {
	var out []string
	for _, e := range query.FieldRow("kind").Values {
		out = append(out, e.ID)
	}
	return out
}

func streamKinds() []string {
	out := []string{}
	for _, k := range schemas.DealEvents {
		out = append(out, "deal."+k)
	}
	return append(out, priceNew)
}
