package serve_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// TestContract asks every operation for every status that is described, and holds
// each answer against the description: nothing is described that does not happen,
// nothing happens that is not described.
func TestContract(t *testing.T) {
	ready := error(nil)
	w := press(t, func(o *serve.Options) {
		o.Streams = 1
		o.Ready = func(context.Context) error { return ready }
		o.Lag = func(context.Context) (map[string]uint64, error) { return map[string]uint64{"index": 3}, nil }
		o.Sources = func(context.Context) ([]serve.SourceStatus, error) {
			return []serve.SourceStatus{
				{ID: "lemag", Title: "Le Mag", URL: "https://lemag.example/feed", Lang: "fr", State: schemas.SourceUp, LastSuccess: now, Articles: 4, Ledger: []schemas.Ledger{{Day: "2026-04-14", Listed: 2, Indexed: 1, Refused: map[string]int{"robots": 1}}}},
				{ID: "muet", Title: "Muet", URL: "https://muet.example/feed", Lang: "fr", State: schemas.SourceSilent},
			}, nil
		}
		o.OPML = func(context.Context) ([]byte, error) { return []byte(`<opml version="2.0"><body/></opml>`), nil }
		o.Fetch = func(_ context.Context, slug string) (any, error) {
			switch slug {
			case "lemag":
				return map[string]int{"new": 1}, nil
			case "elsewhere":
				return nil, errors.New("secret detail of the inside")
			}
			return nil, serve.ErrNoSource
		}
		o.PutSource = func(_ context.Context, slug string, d schemas.Source) (schemas.Source, error) {
			switch {
			case slug == "nothing":
				return d, serve.ErrNoSource
			case d.Feed == "https://lemag.example/feed":
				return d, serve.ErrSourceExists
			case strings.HasSuffix(d.Feed, "/404"):
				return d, serve.BadSource{What: "no feed found"}
			}
			d.ID = "neuf"
			return d, nil
		}
		o.DeleteSource = func(_ context.Context, slug string) error {
			switch slug {
			case "nothing":
				return serve.ErrNoSource
			case "last":
				return serve.BadSource{What: "the last one"}
			}
			return nil
		}
		o.PreviewSource = func(_ context.Context, addr string, _ int) (any, error) {
			if strings.HasSuffix(addr, "/404") {
				return nil, serve.BadSource{What: "no feed found"}
			}
			return map[string]string{"url": addr}, nil
		}
		o.Tail = func(ctx context.Context, _ uint64, _ func(uint64, schemas.Event) error) error {
			<-ctx.Done()
			return ctx.Err()
		}
		o.Tokens = func() []serve.Access {
			return []serve.Access{{Name: "reader", Hash: serve.HashToken("a-reader"), Scopes: []string{"read"}}}
		}
	})
	gone, merged := dealOf(reminder), dealOf(takeover)
	gone.ID, merged.ID = "d_gonegonegonegone", "d_mergedmergedmerg"
	w.put(nil, []schemas.DealEvent{{Kind: "retracted", Deal: gone}, {Kind: "merged", Into: w.deals[0].Deal.ID, Deal: merged}})
	spec := w.described()
	deal, article := w.deals[0].Deal.ID, w.articles[0].Article.ID
	w.http.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	good := map[string]string{ // an address of each operation that answers 200
		"/api/v1/deals": "facets=type,status,vendor,pair&hl=1&q=nutanix", "/deals.json": "", "/api/v1/articles": "facets=source,lang&hl=1&q=nutanix", "/articles.json": "",
		"/api/v1/prices": "q=price:>100&hl=1", "/prices.json": "", "/api/v1/evidence": "q=nutanix", "/api/v1/deals/" + deal: "", "/api/v1/articles/" + article: "",
		"/api/v1/vendors": "kind=distributor", "/api/v1/vendors/nutanix": "", "/api/v1/pairs/ingram-micro~nutanix": "since=2026", "/api/v1/stats/deals": "group=week,type",
		"/api/v1/stats/articles": "group=day&from=now-30d&shape=wide", "/api/v1/stats/prices": "measure=median&q=currency:EUR", "/api/v1/graph": "vendor=nutanix&depth=2&format=grafana",
		"/api/v1/suggest": "q=vendor:nut", "/openapi.json": "", "/asyncapi.json": "", "/deals.atom": "", "/deals.rss": "", "/deals.feed.json": "",
	}
	for p, v := range good {
		a := w.get(p + "?" + v)
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s?%s: %d %s", p, v, a.StatusCode, a.body)
			continue
		}
		req := w.request(http.MethodGet, p+"?"+v, nil, "")
		req.Header.Set("If-None-Match", a.Header.Get("ETag"))
		if again := w.do(req); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: with its entity tag %s: %d", p, a.Header.Get("ETag"), again.StatusCode)
		}
	}
	for _, p := range []string{
		"/deals.csv", "/deals.ndjson", "/deals.md", "/articles.csv", "/articles.ndjson", "/articles.md", "/prices.csv", "/prices.ndjson", "/prices.md", "/deals.parquet", "/articles.parquet", "/prices.parquet",
		"/api/v1/sources", "/api/v1/sources/lemag", "/sources.opml", "/api/v1/status", "/healthz", "/readyz", "/metrics", "/problems/invalid-query",
		"/api/v1/graph?format=graphml", "/api/v1/deals?fields=id,type", "/api/v1/vendors?rows=1&fields=__text,__value", "/api/v1/vendors?rows=1", "/api/v1/stats/deals?rows=1",
		"/api/v1/evidence?fields=quote,deal", "/api/v1/deals?q=zzzzzz", "/api/v1/deals?limit=0",
	} {
		if p == "/api/v1/evidence?fields=quote,deal" { // there is no member quote: the sentence is signal.evidence
			w.fails(http.StatusBadRequest, "invalid-parameter", p)
			continue
		}
		if a := w.get(p); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", p, a.StatusCode, a.body)
		}
	}
	if a := w.get("/api/v1/deals/" + merged.ID); a.StatusCode != http.StatusMovedPermanently || a.Header.Get("Location") != "/api/v1/deals/"+deal {
		t.Errorf("a merged deal: %d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	if a := w.get("/api/v1/vendors/Hewlett-Packard-Enterprise"); a.StatusCode != http.StatusMovedPermanently || a.Header.Get("Location") != "/api/v1/vendors/hpe" {
		t.Errorf("another name of a vendor: %d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	w.fails(http.StatusGone, "retracted", "/api/v1/deals/"+gone.ID)
	for _, p := range []string{"/api/v1/deals/d_nothing", "/api/v1/articles/a_nothing", "/api/v1/vendors/nobody-has-this-name", "/api/v1/pairs/x-a~x-b", "/api/v1/pairs/nutanix", "/api/v1/graph?vendor=nobody-has-this-name", "/api/v1/sources/nothing", "/problems/nothing"} {
		w.fails(http.StatusNotFound, "not-found", p)
	}
	// Every operation refuses a parameter it does not have.
	for p, item := range spec.doc["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			p := strings.NewReplacer("{id}", deal, "{slug}", "lemag", "{pair}", "ingram-micro~nutanix", "{name}", "internal").Replace(p)
			body := ""
			if method == "post" || method == "put" {
				body = "{}"
			}
			req := w.request(strings.ToUpper(method), p+"?colour=red", nil, body)
			req.Header.Set("Authorization", "Bearer the-administrators-token")
			w.isProblem(w.do(req), http.StatusBadRequest, "unknown-parameter")
		}
	}
	w.fails(http.StatusUnprocessableEntity, "too-many-rows", "/api/v1/stats/deals", "group", "day,vendor", "from", "1900-01-01")
	w.fails(http.StatusUnprocessableEntity, "too-many-rows", "/api/v1/stats/articles", "group", "day", "from", "1900-01-01")
	w.fails(http.StatusUnprocessableEntity, "too-many-rows", "/api/v1/stats/prices", "group", "day", "from", "1900-01-01")

	post := func(p, token, body string) answer {
		req := w.request(http.MethodPost, p, nil, body)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		return w.do(req)
	}
	var explained struct {
		Canonical, Effective string
		Clauses              []struct {
			Clause string
			Count  int
		}
	}
	post("/api/v1/explain", "", `{"q":"vendor:nutanix (type:rachat OR nutanix) -lang:en since:2026"}`).into(t, &explained)
	if len(explained.Clauses) != 5 || explained.Clauses[0].Clause != "vendor:nutanix" || explained.Clauses[0].Count != 2 || !strings.Contains(explained.Effective, "-status:background") {
		t.Errorf("explained: %+v", explained)
	}
	w.isProblem(post("/api/v1/explain", "", `{"q":"vendr:hpe"}`), 400, "invalid-query")
	for _, body := range []string{`{"q":1}`, `{"query":"x"}`, `{"q":""} x`, `[`, strings.Repeat("[", 20_000), `{"q":"","view":"deal"}`} {
		w.isProblem(post("/api/v1/explain", "", body), 400, "invalid-parameter")
	}
	if a := post("/api/v1/sources/lemag/fetch", "the-administrators-token", ""); a.StatusCode != http.StatusOK {
		t.Errorf("fetch: %d %s", a.StatusCode, a.body)
	}
	w.isProblem(post("/api/v1/sources/lemag/fetch", "", ""), 401, "unauthenticated")
	w.isProblem(post("/api/v1/sources/lemag/fetch", "a-reader", ""), 403, "forbidden")
	w.isProblem(post("/api/v1/sources/nothing/fetch", "the-administrators-token", ""), 404, "not-found")
	if a := post("/api/v1/sources/elsewhere/fetch", "the-administrators-token", ""); a.StatusCode != 500 || strings.Contains(string(a.body), "secret") {
		t.Errorf("an inside error: %d %s", a.StatusCode, a.body)
	}
	send := func(on *world, method, p, token, body string) answer {
		req := on.request(method, p, nil, body)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		return on.do(req)
	}
	const admin, list = "the-administrators-token", "/api/v1/sources"
	if a := send(w, "POST", list, admin, `{"feed":"https://neuf.example/feed","name":"Neuf"}`); a.StatusCode != http.StatusCreated || a.Header.Get("Location") != list+"/neuf" {
		t.Errorf("a new source: %d %s", a.StatusCode, a.body)
	}
	if a := send(w, "PUT", list+"/neuf", admin, `{"name":"Neuf encore"}`); a.StatusCode != http.StatusOK || !strings.Contains(string(a.body), `"title":"Neuf encore"`) {
		t.Errorf("a changed source: %d %s", a.StatusCode, a.body)
	}
	if a := send(w, "DELETE", list+"/neuf", admin, ""); a.StatusCode != http.StatusNoContent || len(a.body) > 0 {
		t.Errorf("a source that goes: %d %s", a.StatusCode, a.body)
	}
	if a := send(w, "POST", list+"/preview", admin, `{"url":"https://neuf.example/feed"}`); a.StatusCode != http.StatusOK {
		t.Errorf("a preview: %d %s", a.StatusCode, a.body)
	}
	for _, x := range []struct{ method, path, good, taken, bad string }{
		{"POST", list, `{"feed":"https://neuf.example/feed"}`, `{"feed":"https://lemag.example/feed"}`, `{"feed":"https://x.example/404"} {"feed":""} {"colour":"red"} [] {"feed":1}`},
		{"PUT", list + "/neuf", `{"name":"x"}`, `{"feed":"https://lemag.example/feed"}`, `{"feed":"https://x.example/404"} {"id":"other"} null1`},
		{"DELETE", list + "/last", "", "", " "},
		{"POST", list + "/preview", `{"url":"https://neuf.example/feed"}`, "", `{"url":"https://x.example/404"} {"url":""} {"url":"x","items":11} {`},
	} {
		w.isProblem(send(w, x.method, x.path, "", x.good), 401, "unauthenticated")
		w.isProblem(send(w, x.method, x.path, "a-reader", x.good), 403, "forbidden")
		if x.taken != "" {
			w.isProblem(send(w, x.method, x.path, admin, x.taken), 409, "conflict")
		}
		for _, body := range strings.Split(x.bad, " ") {
			w.isProblem(send(w, x.method, x.path, admin, body), 422, "invalid-source")
		}
	}
	w.isProblem(send(w, "PUT", list+"/nothing", admin, `{"name":"x"}`), 404, "not-found")
	w.isProblem(send(w, "DELETE", list+"/nothing", admin, ""), 404, "not-found")
	ready = errors.New("the log is not open yet")
	w.fails(http.StatusServiceUnavailable, "not-ready", "/readyz")
	w.isProblem(post("/api/v1/nothing", "", "{}"), 404, "not-found")
	w.isProblem(w.get("/api/v1"), 404, "not-found")

	// One stream is open: the second is too many.
	ctx, cancel := context.WithCancel(t.Context())
	res, err := w.http.Client().Do(w.request(http.MethodGet, "/api/v1/stream", nil, "").WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("stream: %d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	spec.seen["GET /api/v1/stream 200"] = true
	w.fails(http.StatusTooManyRequests, "rate-limited", "/api/v1/stream")
	cancel()
	res.Body.Close()

	// The rest depends on what the process can do.
	poor := newWorld(t, nil)
	poor.spec = spec
	poor.fails(http.StatusConflict, "conflict", "/api/v1/stream")
	req := poor.request(http.MethodPost, "/api/v1/sources/lemag/fetch", nil, "")
	req.Header.Set("Authorization", "Bearer the-administrators-token")
	poor.isProblem(poor.do(req), http.StatusConflict, "conflict")
	for _, p := range []string{"POST " + list, "POST " + list + "/preview", "PUT " + list + "/lemag", "DELETE " + list + "/lemag"} {
		method, path, _ := strings.Cut(p, " ")
		poor.isProblem(send(poor, method, path, admin, "{}"), http.StatusConflict, "conflict")
	}
	poor.fails(http.StatusConflict, "conflict", "/sources.opml")
	poor.ok(nil, "/api/v1/status")
	poor.ok(nil, "/api/v1/sources")
	poor.ok(nil, "/api/v1/graph")

	call := `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`
	req = w.request(http.MethodPost, "/mcp", nil, call)
	req.Header.Set("Accept", "application/json, text/event-stream")
	if a := w.do(req); a.StatusCode != http.StatusOK || !json.Valid(a.body) {
		t.Errorf("mcp: %d %s", a.StatusCode, a.body)
	}
	if left := spec.unseen(); len(left) > 0 {
		t.Errorf("described, but not seen to happen:\n%s", strings.Join(left, "\n"))
	}
}

// TestDescriptionIsWellFormed looks at what a schema cannot say: references lead
// somewhere, ids are unique, path parameters are declared.
func TestDescriptionIsWellFormed(t *testing.T) {
	w := newWorld(t, nil)
	for _, name := range []string{"/openapi.json", "/asyncapi.json"} {
		var doc map[string]any
		w.ok(&doc, name)
		var walk func(string, any)
		walk = func(at string, v any) {
			switch v := v.(type) {
			case map[string]any:
				if ref, ok := v["$ref"].(string); ok && resolve(doc, ref) == nil {
					t.Errorf("%s%s: %s leads nowhere", name, at, ref)
				}
				for k, x := range v {
					walk(at+"/"+k, x)
				}
			case []any:
				for _, x := range v {
					walk(at+"/*", x)
				}
			}
		}
		walk("", doc)
		ids := map[string]bool{}
		paths, _ := doc["paths"].(map[string]any)
		for p, item := range paths {
			for method, op := range item.(map[string]any) {
				op := op.(map[string]any)
				id := op["operationId"].(string)
				if ids[id] || op["summary"] == "" || op["x-scope"] == "" {
					t.Errorf("%s %s: id %s twice, or without a summary or scope", method, p, id)
				}
				ids[id] = true
				declared := 0
				params, _ := op["parameters"].([]any)
				for _, x := range params {
					x := x.(map[string]any)
					if x["description"] == "" {
						t.Errorf("%s: parameter %s without a description", id, x["name"])
					}
					if x["in"] == "path" {
						declared++
						if !strings.Contains(p, "{"+x["name"].(string)+"}") {
							t.Errorf("%s: no {%s} in %s", id, x["name"], p)
						}
					}
				}
				if declared != strings.Count(p, "{") {
					t.Errorf("%s: %d path parameters declared for %s", id, declared, p)
				}
			}
		}
		channels, _ := doc["channels"].(map[string]any)
		for id, c := range channels {
			c := c.(map[string]any)
			if got, want := strings.Count(c["address"].(string), "{"), len(c["parameters"].(map[string]any)); got != want {
				t.Errorf("channel %s: %d parameters in its address, %d declared", id, got, want)
			}
		}
	}
}

func resolve(doc map[string]any, ref string) any {
	var at any = doc
	for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]
	}
	return at
}

// Every subject that is published is one of a channel, under the names its
// parameters allow.
func TestSubjectsAreDescribed(t *testing.T) {
	w := newWorld(t, nil)
	var doc struct {
		Channels map[string]struct {
			Address    string
			Parameters map[string]struct{ Enum []string }
			JetStream  struct{ Stream string } `json:"x-jetstream"`
		}
	}
	w.ok(&doc, "/asyncapi.json")
	price := *server.price
	subjects := map[string]string{ // subject → stream
		schemas.ArticleSubject("new", "fr", "lemag"):                       schemas.StreamArticles,
		schemas.ExtractionSubject("en", "channelpost"):                     schemas.StreamExtractions,
		schemas.DealSubject("corroborated", dealOf(rumour)):                schemas.StreamDeals,
		schemas.DealSubject("retracted", schemas.Deal{Type: "litigation"}): schemas.StreamDeals,
		schemas.PriceSubject(price):                                        schemas.StreamPrices,
		schemas.AlertSubject("hyperscalers-esn"):                           schemas.StreamAlerts,
		schemas.DeadSubject("index-deals"):                                 schemas.StreamDead,
	}
	for subject, stream := range subjects {
		tokens, found := strings.Split(subject, "."), false
		for id, c := range doc.Channels {
			address := strings.Split(c.Address, ".")
			if len(address) != len(tokens) {
				continue
			}
			fits := true
			for i, part := range address {
				name, param := strings.CutPrefix(strings.TrimSuffix(part, "}"), "{")
				set := c.Parameters[name].Enum
				fits = fits && (param && (set == nil || slices.Contains(set, tokens[i])) || !param && part == tokens[i])
			}
			if fits {
				found = true
				if c.JetStream.Stream != stream {
					t.Errorf("%s: channel %s says stream %s, want %s", subject, id, c.JetStream.Stream, stream)
				}
			}
		}
		if !found {
			t.Errorf("%s is in no channel", subject)
		}
	}
}
