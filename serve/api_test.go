package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/veille/query"
	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// many makes n deals of one day each, of three vendors in turn.
func many(from, n int) (xs []schemas.Extraction, ds []schemas.DealEvent) {
	for i := from; i < from+n; i++ {
		s := story{source: "lemag", outlet: "Le Mag", lang: "fr", day: now.AddDate(0, 0, -i%700).Format("2006-01-02 ") + fmt.Sprintf("%02d:%02d", i%24, i/24%60),
			title: fmt.Sprintf("Accord numéro %d", i), quote: fmt.Sprintf("Le partenaire %d distribue Nutanix.", i), typ: "distribution", status: "announced", cue: "distribue",
			parties: []schemas.Party{party([]string{"nutanix", "dell", "hpe"}[i%3], "V", "vendor"), party(fmt.Sprintf("x-partner-%d", i), fmt.Sprintf("Partner %d", i), "distributor")}}
		xs = append(xs, s.extraction())
		ds = append(ds, schemas.DealEvent{Kind: "new", Deal: dealOf(s)})
	}
	return xs, ds
}

// The trap of a query string that knows no AND: the count is the intersection.
func TestAndIsAnIntersection(t *testing.T) {
	w := press(t, nil)
	ids := func(q string) []string {
		var got dealList
		w.ok(&got, "/api/v1/deals", "q", q, "limit", "200")
		out := []string{}
		for _, d := range got.Data {
			out = append(out, d.ID)
		}
		slices.Sort(out)
		return out
	}
	a, b := ids("vendor:nutanix"), ids("type:acquisition")
	var both []string
	for _, id := range a {
		if slices.Contains(b, id) {
			both = append(both, id)
		}
	}
	if len(a) != 2 || len(b) != 1 || len(both) != 1 {
		t.Fatalf("the sample has changed: %v %v", a, b)
	}
	for _, q := range []string{"vendor:nutanix AND type:acquisition", "vendor:nutanix type:rachat", "fournisseur:Nutanix ET type:rachat"} {
		if got := ids(q); !slices.Equal(got, both) {
			t.Errorf("%s: %v, want %v", q, got, both)
		}
	}
}

// Pages neither repeat nor skip a row that was there, whatever comes in meanwhile.
func TestCursorWalkUnderInserts(t *testing.T) {
	w := newWorld(t, nil)
	w.put(many(0, 400))
	want := map[string]bool{}
	for _, d := range w.deals {
		want[d.Deal.ID] = true
	}
	xs, ds := many(400, 1000)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; i < len(ds); i += 100 {
			if err := errors.Join(w.ix.PutExtractions(context.Background(), xs[i:i+100]), w.ix.PutDeals(context.Background(), ds[i:i+100])); err != nil {
				t.Error(err)
			}
		}
	})
	for _, sort := range []string{"newest", "sources"} {
		seen, cursor := map[string]bool{}, ""
		for pages := 0; ; pages++ {
			var got dealList
			w.ok(&got, "/api/v1/deals", "q", "nutanix OR distribue", "limit", "23", "sort", sort, "cursor", cursor)
			for _, d := range got.Data {
				if seen[d.ID] {
					t.Fatalf("%s: %s comes twice", sort, d.ID)
				}
				seen[d.ID] = true
			}
			if got.Page.Next == nil {
				break
			}
			cursor = *got.Page.Next
		}
		for id := range want {
			if !seen[id] {
				t.Errorf("%s: %s was skipped", sort, id)
			}
		}
	}
	wg.Wait()
	var first dealList
	a := w.ok(&first, "/api/v1/deals", "q", "nutanix", "limit", "2")
	if link := a.Header.Get("Link"); !strings.Contains(link, `rel="next"`) || !strings.Contains(link, *first.Page.Next) {
		t.Errorf("Link %q", link)
	}
	w.fails(400, "invalid-cursor", "/api/v1/deals", "q", "hpe", "cursor", *first.Page.Next)
	w.fails(400, "invalid-cursor", "/api/v1/deals", "q", "nutanix", "sort", "oldest", "cursor", *first.Page.Next)
	w.fails(400, "invalid-cursor", "/api/v1/articles", "q", "nutanix", "cursor", *first.Page.Next)
	w.fails(400, "invalid-cursor", "/api/v1/deals", "q", "nutanix", "cursor", "AAAA")
	w.fails(400, "invalid-cursor", "/api/v1/vendors", "cursor", "AAAA")
}

func TestVendorPages(t *testing.T) {
	w := press(t, nil)
	seen, cursor, total := map[string]bool{}, "", 0
	for {
		var got struct {
			Data []struct {
				ID    string
				Deals int
			}
			Page struct {
				Next  *string
				Total int
			}
		}
		w.ok(&got, "/api/v1/vendors", "country", "fr", "limit", "37", "cursor", cursor)
		for _, v := range got.Data {
			if seen[v.ID] {
				t.Fatalf("%s comes twice", v.ID)
			}
			seen[v.ID] = true
		}
		if total = got.Page.Total; got.Page.Next == nil {
			break
		}
		cursor = *got.Page.Next
	}
	if len(seen) != total || total < 40 {
		t.Errorf("%d French vendors on the pages, total %d", len(seen), total)
	}
	var page struct {
		ID       string
		Deals    int
		Articles int
		Types    []struct{ Value string }
		Partners []struct {
			ID, Name string
			Deals    int
		}
	}
	w.ok(&page, "/api/v1/vendors/nutanix")
	if page.Deals != 2 || page.Articles != 3 || len(page.Types) != 2 || len(page.Partners) != 2 {
		t.Errorf("nutanix: %+v", page)
	}
	w.ok(&page, "/api/v1/vendors/ovhcloud")
	if len(page.Partners) != 1 || page.Partners[0].Name != "Acme Widgets" {
		t.Errorf("a partner the catalogue does not know: %+v", page.Partners)
	}
	var pair struct {
		Total  int
		Deals  []schemas.Deal
		Series []struct{ Value float64 }
	}
	w.ok(&pair, "/api/v1/pairs/nutanix~ingram-micro")
	sum := 0.0
	for _, p := range pair.Series {
		sum += p.Value
	}
	if pair.Total != 1 || len(pair.Deals) != 1 || sum != 1 || len(pair.Series) < 10 {
		t.Errorf("pair: %+v", pair)
	}
}

func TestEmptyListsAndCounts(t *testing.T) {
	w := newWorld(t, nil)
	for _, view := range []string{"deals", "articles", "prices", "evidence"} {
		var got map[string]json.RawMessage
		w.ok(&got, "/api/v1/"+view, "q", "zzzzzz")
		if string(got["data"]) != "[]" || !strings.Contains(string(got["page"]), `"next":null`) {
			t.Errorf("%s: data %s, page %s", view, got["data"], got["page"])
		}
	}
	p := press(t, nil)
	var got dealList
	p.ok(&got, "/api/v1/deals", "limit", "0")
	if got.Page.Total != 3 || len(got.Data) != 0 || got.Page.Next != nil {
		t.Errorf("a count: %+v", got.Page)
	}
	p.ok(&got, "/api/v1/deals", "q", "status:background")
	if got.Page.Total != 1 {
		t.Errorf("reminders, asked for: %d", got.Page.Total)
	}
}

// Facets ignore their own selection, and only that.
func TestFacets(t *testing.T) {
	w := press(t, nil)
	var got dealList
	w.ok(&got, "/api/v1/deals", "q", "vendor:nutanix type:distribution", "facets", "type,distributor")
	if fmt.Sprint(got.Facets) != "map[distributor:[{ingram-micro 1}] type:[{acquisition 1} {distribution 1}]]" {
		t.Errorf("facets %v", got.Facets)
	}
}

// What is wrong is said, with what to write instead; nothing is passed over.
func TestStrictParameters(t *testing.T) {
	w := press(t, nil)
	for _, c := range []struct {
		path, name, want string // want: the first suggestion
	}{
		{"/api/v1/deals?limt=3", "unknown-parameter", "limit"},
		{"/api/v1/deals?facet=type", "unknown-parameter", "facets"},
		{"/api/v1/deals?limit=201", "invalid-parameter", ""},
		{"/api/v1/deals?limit=-1", "invalid-parameter", ""},
		{"/api/v1/deals?limit=1e9", "invalid-parameter", ""},
		{"/api/v1/deals?limit=99999999999999999999", "invalid-parameter", ""},
		{"/api/v1/deals?limit=1&limit=2", "invalid-parameter", ""},
		{"/api/v1/deals?sort=newst", "invalid-parameter", "newest"},
		{"/api/v1/deals?facets=type,statu", "invalid-parameter", "status"},
		{"/api/v1/deals?facets=type,type", "invalid-parameter", "type"},
		{"/api/v1/deals?fields=id,tpye", "invalid-parameter", "type"},
		{"/api/v1/deals?q=" + "%ff%zz", "invalid-parameter", ""},
		{"/api/v1/deals?q=%zz", "invalid-parameter", ""},
		{"/api/v1/deals?group=week", "invalid-parameter", ""},
		{"/api/v1/deals?q=group:week", "invalid-parameter", ""},
		{"/api/v1/vendors?kind=distributer", "invalid-parameter", "distributor"},
		{"/api/v1/graph?depth=3", "invalid-parameter", ""},
		{"/api/v1/graph?since=yesteryear", "invalid-parameter", ""},
		{"/api/v1/graph?since=2026+OR+cloud", "invalid-parameter", ""},
		{"/api/v1/stats/deals?group=week,month", "invalid-parameter", "week,vendor"},
		{"/api/v1/stats/deals?from=tomorrow", "invalid-parameter", ""},
		{"/api/v1/stats/deals?from=2026-02-01&to=2026-01-01", "invalid-parameter", ""},
		{"/api/v1/stats/deals?from=9999999999999999", "invalid-parameter", ""},
		{"/api/v1/stats/deals?top=51", "invalid-parameter", ""},
		{"/deals.csv?dialect=de", "invalid-parameter", ""},
		{"/deals.atom?limit=51", "invalid-parameter", ""},
		{"/api/v1/stream?events=deal.nwe", "invalid-parameter", "deal.new"},
	} {
		p := w.fails(http.StatusBadRequest, c.name, c.path)
		if c.want != "" && (len(p.Errors) != 1 || len(p.Errors[0].Suggestion) == 0 || p.Errors[0].Suggestion[0] != c.want) {
			t.Errorf("%s: errors %+v, want the suggestion %s", c.path, p.Errors, c.want)
		}
	}
	// Every mistake of the manual, through HTTP.
	for _, m := range query.Mistakes() {
		p := w.fails(http.StatusBadRequest, "invalid-query", "/api/v1/deals", "q", m.Query)
		if len(p.Errors) != 1 || p.Errors[0].Code != m.Code || p.Errors[0].Position != m.Pos || p.Errors[0].Parameter != "q" {
			t.Errorf("%.40s: %+v, want %s at %d", m.Query, p.Errors, m.Code, m.Pos)
		}
	}
	for _, f := range query.Fields() {
		if f.Example != "" {
			w.ok(nil, "/api/v1/deals", "q", strings.Replace(f.Example, "group:week", "", 1))
		}
	}
	req := w.request(http.MethodGet, "/api/v1/deals?q=vendr:hpe", nil, "")
	req.Header.Set("Accept-Language", "fr-FR,fr;q=0.9")
	if p := w.isProblem(w.do(req), 400, "invalid-query"); p.Title != "La requête ne peut être lue" || !strings.Contains(p.Detail, "vendr") {
		t.Errorf("in French: %+v", p)
	}
	// A vendor spelt wrong is a hint, with the nearest one.
	var got struct {
		Query struct {
			Hints []struct {
				Code       string
				Suggestion []string
			}
		}
	}
	w.ok(&got, "/api/v1/deals", "q", "vendor:nutanx")
	if len(got.Query.Hints) != 1 || got.Query.Hints[0].Code != query.UnknownVendor || fmt.Sprint(got.Query.Hints[0].Suggestion) != "[nutanix]" {
		t.Errorf("hints %+v", got.Query.Hints)
	}
	w.ok(nil, "/api/v1/deals", "q", "vendor:@hyperscalers", "facets", "")
}

// Entity tags answer 304 until the index changes, and tell languages apart.
func TestEntityTags(t *testing.T) {
	w := press(t, nil)
	tagged := func(tag, lang string) answer {
		req := w.request(http.MethodGet, "/api/v1/deals?q=nutanix", nil, "")
		req.Header.Set("Accept-Language", lang)
		if tag != "" {
			req.Header.Set("If-None-Match", tag)
		}
		return w.do(req)
	}
	first := tagged("", "en")
	tag := first.Header.Get("ETag")
	if a := tagged(`"other", `+tag, "en"); a.StatusCode != http.StatusNotModified || len(a.body) != 0 {
		t.Errorf("unchanged: %d", a.StatusCode)
	}
	if a := tagged(tag, "fr"); a.StatusCode != http.StatusOK {
		t.Errorf("in another language: %d", a.StatusCode)
	}
	w.put(many(0, 1))
	if a := tagged(tag, "en"); a.StatusCode != http.StatusOK || a.Header.Get("ETag") == tag {
		t.Errorf("after a commit: %d", a.StatusCode)
	}
}

func TestCompression(t *testing.T) {
	w := press(t, nil)
	for encoding, magic := range map[string]string{"gzip": "\x1f\x8b", "zstd": "\x28\xb5\x2f\xfd"} {
		for _, p := range []string{"/api/v1/deals", "/deals.csv", "/openapi.json"} {
			req := w.request(http.MethodGet, p, nil, "")
			req.Header.Set("Accept-Encoding", encoding) // set by hand, it is not undone
			if a := w.do(req); a.Header.Get("Content-Encoding") != encoding || !strings.HasPrefix(string(a.body), magic) {
				t.Errorf("%s: encoding %q, asked for %s", p, a.Header.Get("Content-Encoding"), encoding)
			}
		}
	}
}

// Every quote is what stands at its span, also where it had to be cut.
func TestQuotesStandWhereTheySay(t *testing.T) {
	w := press(t, nil)
	var got struct {
		Data []struct {
			schemas.Evidence
			Clipped        bool
			Prefix, Suffix string
		}
	}
	w.ok(&got, "/api/v1/evidence", "q", "status:*")
	if len(got.Data) != 5 {
		t.Fatalf("%d sentences, want 5", len(got.Data))
	}
	clipped := 0
	for _, e := range got.Data {
		x, err := w.ix.Article(e.Article)
		if err != nil {
			t.Fatal(err)
		}
		q := e.Signal.Evidence
		if q.Of(x.Article.Title, x.Article.Text) != q.Text || !strings.Contains(q.Text, e.Signal.Cue) || len([]rune(q.Text)) > serve.MaxQuote {
			t.Errorf("quote %q at %v, cue %q", q.Text, q.Span, e.Signal.Cue)
		}
		if around := e.Prefix + q.Text + e.Suffix; !strings.Contains(x.Article.Text, around) || len([]rune(around)) > serve.MaxQuote {
			t.Errorf("with its context: %q", around)
		}
		if e.Clipped {
			clipped++
		}
	}
	if clipped != 1 {
		t.Errorf("%d quotes are cut, want the long one", clipped)
	}
}

// The address opens the page at the sentence: decoded, the directive is its words.
func TestTextFragments(t *testing.T) {
	w := press(t, nil)
	var got struct {
		Data []struct {
			TextFragmentURL string `json:"text_fragment_url"`
			Signal          schemas.Signal
		}
	}
	w.ok(&got, "/api/v1/evidence", "q", "alliance OR signed OR racheter")
	for _, e := range got.Data {
		_, dir, ok := strings.Cut(e.TextFragmentURL, "#:~:text=")
		if !ok {
			t.Fatalf("%s has no fragment", e.TextFragmentURL)
		}
		rest := e.Signal.Evidence.Text
		for _, part := range strings.Split(dir, ",") { // an escaped comma is %2C
			if strings.ContainsAny(part, "-&+ ") {
				t.Errorf("%s: a sign of the syntax is not escaped", part)
			}
			words, err := unescape(part)
			i := strings.Index(rest, words)
			if err != nil || i < 0 || words == "" {
				t.Errorf("%q is not in %q (%v)", words, rest, err)
				continue
			}
			rest = rest[i+len(words):]
		}
	}
	if len(got.Data) != 4 {
		t.Errorf("%d sentences, want 4", len(got.Data))
	}
}

// No output shows more of an article than may be shown, nor anything of one whose
// source forbids it.
func TestRights(t *testing.T) {
	w := press(t, nil)
	long := []rune(longSentence)
	for _, p := range []string{"/api/v1/deals?hl=1&q=broadcom+rachat", "/api/v1/evidence", "/api/v1/articles?limit=200&hl=1&q=broadcom+OR+serveurs+OR+texte", "/api/v1/articles?limit=200", "/api/v1/prices?hl=1&q=poweredge", "/deals.json", "/deals.csv", "/deals.csv?grain=evidence", "/deals.ndjson", "/deals.md",
		"/articles.csv", "/articles.ndjson", "/articles.md", "/prices.csv", "/prices.ndjson", "/deals.atom", "/deals.rss", "/deals.feed.json", "/api/v1/pairs/broadcom~nutanix"} {
		body := string(w.ok(nil, p).body)
		for i := 0; i+serve.MaxQuote+1 <= len(long); i++ {
			if strings.Contains(body, string(long[i:i+serve.MaxQuote+1])) {
				t.Errorf("%s shows more than %d characters in a row", p, serve.MaxQuote)
				break
			}
		}
		if strings.Contains(body, "jamais être montré") || strings.Contains(body, strings.Repeat("La suite de l’article est longue. ", 9)) {
			t.Errorf("%s shows what it may not", p)
		}
	}
}

func TestSuggest(t *testing.T) {
	w := press(t, nil)
	var got struct {
		Data []struct {
			Text, Kind string
			Count      int
		}
	}
	w.ok(&got, "/api/v1/suggest", "q", "vendor:nut")
	if len(got.Data) == 0 || got.Data[0].Text != "nutanix" || got.Data[0].Kind != "vendor" || got.Data[0].Count != 2 {
		t.Errorf("vendor:nut → %+v", got.Data)
	}
	w.ok(&got, "/api/v1/suggest", "q", "type:dis")
	if len(got.Data) == 0 || !strings.HasPrefix(got.Data[0].Text, "distribution") || got.Data[0].Count != 1 {
		t.Errorf("type:dis → %+v", got.Data)
	}
	w.ok(&got, "/api/v1/suggest", "q", "stat lang:fr", "pos", "4")
	if len(got.Data) == 0 || !strings.HasPrefix(got.Data[0].Text, "stat") {
		t.Errorf("stat| → %+v", got.Data)
	}
}

func TestGraph(t *testing.T) {
	w := press(t, nil)
	var got struct {
		Nodes []struct {
			ID, Name, Title string
			Distance, Deals int
		}
		Edges []struct {
			Source, Target string
			Deals          int
		}
	}
	w.ok(&got, "/api/v1/graph", "vendor", "ingram-micro")
	if len(got.Nodes) != 2 || len(got.Edges) != 1 || got.Nodes[0].ID != "ingram-micro" || got.Nodes[0].Distance != 0 || got.Nodes[1].Distance != 1 {
		t.Errorf("around arrow: %+v", got)
	}
	w.ok(&got, "/api/v1/graph", "vendor", "ingram-micro", "depth", "2", "format", "grafana")
	if len(got.Nodes) != 3 || len(got.Edges) != 2 || got.Nodes[0].Title != "Ingram Micro" {
		t.Errorf("two steps around arrow: %+v", got)
	}
	w.ok(&got, "/api/v1/graph")
	if len(got.Nodes) != 5 || len(got.Edges) != 3 {
		t.Errorf("all: %d nodes, %d edges", len(got.Nodes), len(got.Edges))
	}
	if a := w.ok(nil, "/api/v1/graph", "format", "graphml"); !bytes.Contains(a.body, []byte(`<edge id="ingram-micro~nutanix" source="ingram-micro" target="nutanix">`)) {
		t.Errorf("graphml: %s", a.body)
	}
}

// far asks as if from another machine.
func (w *world) far(req *http.Request) answer {
	req.RemoteAddr = "192.0.2.7:1234"
	rec := httptest.NewRecorder()
	w.srv.Handler().ServeHTTP(rec, req)
	res := rec.Result()
	res.Request = req
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{res, body}
}

func farRequest(method, path string) *http.Request {
	req := httptest.NewRequest(method, "http://localhost"+path, nil)
	req.Host = "localhost"
	return req
}

// Who may do what: 18 ways of asking.
func TestAccess(t *testing.T) {
	revoked := false
	w := press(t, func(o *serve.Options) {
		o.Fetch = func(context.Context, string) (any, error) { return 1, nil }
		o.Tail = func(ctx context.Context, _ uint64, _ func(uint64, schemas.Event) error) error { return nil }
		o.Tokens = func() []serve.Access {
			list := []serve.Access{
				{Name: "old", Hash: serve.HashToken("expired"), Scopes: []string{"admin"}, Expires: now},
				{Name: "feeds", Hash: serve.HashToken("feeds"), Scopes: []string{"feed"}},
				{Name: "reader", Hash: serve.HashToken("reader"), Scopes: []string{"read"}},
			}
			if revoked {
				list = list[:1]
			}
			return list
		}
	})
	const fetch = "/api/v1/sources/x/fetch"
	for _, c := range []struct {
		name, method, path string
		header             []string
		want               int
	}{
		{"none", "GET", "/api/v1/deals", nil, 401},
		{"none, the page", "GET", "/", nil, 401},
		{"none, metrics", "GET", "/metrics", nil, 401},
		{"none, health", "GET", "/healthz", nil, 200},
		{"none, HEAD", "HEAD", "/api/v1/deals", nil, 401},
		{"none, stream", "GET", "/api/v1/stream", nil, 401},
		{"bad", "GET", "/api/v1/deals", []string{"Bearer nonsense"}, 401},
		{"good", "GET", "/api/v1/deals", []string{"Bearer reader"}, 200},
		{"as a browser sends it", "GET", "/api/v1/deals", []string{"Basic Onzk"}, 401},
		{"as a browser sends it, good", "GET", "/api/v1/deals", []string{"Basic OnJlYWRlcg=="}, 200},
		{"expired", "GET", "/api/v1/deals", []string{"Bearer expired"}, 401},
		{"wrong scope", "POST", fetch, []string{"Bearer reader"}, 403},
		{"feeds only", "GET", "/api/v1/deals", []string{"Bearer feeds"}, 403},
		{"in the address", "GET", "/api/v1/deals?token=reader", nil, 401},
		{"in the address of a feed", "GET", "/deals.atom?token=feeds", nil, 200},
		{"a wrong one there", "GET", "/deals.atom?token=nonsense", nil, 401},
		{"two headers", "GET", "/api/v1/deals", []string{"Bearer reader", "Bearer reader"}, 401},
		{"64 KB", "GET", "/api/v1/deals", []string{"Bearer " + strings.Repeat("x", 64<<10)}, 401},
		{"in lower case", "GET", "/api/v1/deals", []string{"bearer reader"}, 401},
		{"two blanks", "GET", "/api/v1/deals", []string{"Bearer  reader"}, 401},
		{"the administrator", "POST", fetch, []string{"Bearer the-administrators-token"}, 200},
		{"what is kept of the administrator's", "POST", fetch, []string{"Bearer set"}, 401},
		{"the hash", "GET", "/api/v1/deals", []string{"Bearer " + serve.HashToken("reader")}, 401},
		{"debug", "GET", "/debug/pprof/", nil, 401},
	} {
		w.srv = serve.New(nilLogger(), w.options()) // each with a fresh count of failures
		req := farRequest(c.method, c.path)
		for _, h := range c.header {
			req.Header.Add("Authorization", h)
		}
		req.Header.Set("X-Forwarded-For", "127.0.0.1")
		req.AddCookie(&http.Cookie{Name: "token", Value: "reader"})
		if a := w.far(req); a.StatusCode != c.want {
			t.Errorf("%s: %s %s: %d, want %d", c.name, c.method, c.path, a.StatusCode, c.want)
		}
	}
	revoked = true
	req := farRequest("GET", "/deals.atom?token=feeds")
	if a := w.far(req); a.StatusCode != 401 {
		t.Errorf("a revoked token: %d", a.StatusCode)
	}
}

func TestRateLimit(t *testing.T) {
	clock := now
	w := press(t, func(o *serve.Options) { o.Rate, o.Open, o.Now = 3, true, func() time.Time { return clock } })
	for i := range 5 {
		a := w.far(farRequest("GET", "/api/v1/status"))
		if want := map[bool]int{true: 200, false: 429}[i < 3]; a.StatusCode != want {
			t.Errorf("request %d: %d, want %d", i, a.StatusCode, want)
		}
		if a.Header.Get("RateLimit") == "" || a.Header.Get("RateLimit-Policy") != `"minute";q=3;w=60` || (a.StatusCode == 429) != (a.Header.Get("Retry-After") != "") {
			t.Errorf("request %d: headers %v", i, a.Header)
		}
	}
	other := farRequest("GET", "/api/v1/status")
	other.RemoteAddr = "192.0.2.8:1"
	rec := httptest.NewRecorder()
	if w.srv.Handler().ServeHTTP(rec, other); rec.Code != 200 {
		t.Errorf("another address: %d", rec.Code)
	}
	clock = clock.Add(time.Minute)
	if a := w.far(farRequest("GET", "/api/v1/status")); a.StatusCode != 200 {
		t.Errorf("a minute later: %d", a.StatusCode)
	}
	// Wrong tokens are counted apart, and do not lock the others out.
	for i := range 12 {
		clock = clock.Add(time.Millisecond)
		req := farRequest("GET", "/healthz")
		req.URL.Path, req.RemoteAddr = "/api/v1/status", "192.0.2.9:1"
		req.Header.Set("Authorization", "Bearer guess")
		rec := httptest.NewRecorder()
		s := w.srv.Handler()
		s.ServeHTTP(rec, req)
		if i == 0 && rec.Code != 401 || i == 11 && rec.Code != 429 {
			t.Errorf("guess %d: %d", i, rec.Code)
		}
	}
}

// Hosts, other sites' pages, odd paths and methods.
func TestHostile(t *testing.T) {
	w := press(t, func(o *serve.Options) {
		o.Hosts, o.CORS = []string{"veille.corp.example"}, []string{"https://grafana.example"}
	})
	for host, want := range map[string]int{"evil.example": 421, "127.0.0.1.evil.example": 421, "veille.corp.example": 200, "LOCALHOST:80": 200, "[::1]:8080": 200, "127.0.0.1": 200, "10.0.0.1": 421} {
		req := w.request(http.MethodGet, "/api/v1/status", nil, "")
		req.Host = host
		if a := w.do(req); a.StatusCode != want {
			t.Errorf("Host %s: %d, want %d", host, a.StatusCode, want)
		}
	}
	for _, kind := range []string{"text/plain", "application/json", "application/x-www-form-urlencoded"} {
		req := w.request(http.MethodPost, "/api/v1/explain", nil, `{"q":""}`)
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Origin", "https://evil.example")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		w.isProblem(w.do(req), http.StatusForbidden, "forbidden")
	}
	for _, p := range []string{"/static/..%2f..%2fetc/passwd", "/static/%2e%2e/serve.go", "/static/..%5cserve.go", "/static/a%00", "/api/v1/deals/..%2f..%2fx", "/api/v1/articles/%00", "/deals.exe", "/problems/..%2fx", "/static/search.html"} {
		a := w.get(p)
		if a.StatusCode != http.StatusNotFound || strings.Contains(string(a.body), "package serve") {
			t.Errorf("%s: %d %.100s", p, a.StatusCode, a.body)
		}
	}
	for _, m := range []string{"TRACE", "PUT", "DELETE", "PATCH"} {
		req := w.request(m, "/api/v1/deals", nil, "")
		req.Header.Set("X-HTTP-Method-Override", "GET")
		a := w.do(req)
		if w.isProblem(a, http.StatusMethodNotAllowed, "method-not-allowed"); a.Header.Get("Allow") != "GET" {
			t.Errorf("%s: Allow %q", m, a.Header.Get("Allow"))
		}
	}
	req := w.request(http.MethodGet, "/api/v1/status", nil, "")
	req.Header.Set("X-Request-Id", "evil id with blanks <script>")
	if a := w.do(req); strings.Contains(a.Header.Get("X-Request-Id"), " ") || a.Header.Get("X-Request-Id") == "" {
		t.Errorf("request id %q", a.Header.Get("X-Request-Id"))
	}
	req = w.request(http.MethodGet, "/api/v1/status", nil, "")
	req.Header.Set("X-Request-Id", "proxy-made-12345")
	if a := w.do(req); a.Header.Get("X-Request-Id") != "proxy-made-12345" {
		t.Errorf("request id %q, want the proxy's", a.Header.Get("X-Request-Id"))
	}
	long := w.request(http.MethodGet, "/api/v1/deals?"+strings.Repeat("a=1&", 1000), nil, "")
	w.isProblem(w.do(long), 400, "unknown-parameter")
	big := w.request(http.MethodPost, "/api/v1/explain", nil, `{"q":"`+strings.Repeat("a", 10<<20)+`"}`)
	if a := w.do(big); a.StatusCode != 400 {
		t.Errorf("10 MB of JSON: %d", a.StatusCode)
	}
	for origin, want := range map[string]string{"https://grafana.example": "https://grafana.example", "https://evil.example": "", "null": ""} {
		req := w.request(http.MethodGet, "/api/v1/status", nil, "")
		req.Header.Set("Origin", origin)
		if a := w.do(req); a.Header.Get("Access-Control-Allow-Origin") != want {
			t.Errorf("origin %s: allowed %q", origin, a.Header.Get("Access-Control-Allow-Origin"))
		}
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin"} {
		for _, p := range []string{"/", "/api/v1/deals", "/nothing", "/deals.csv", "/deals.atom"} {
			a := w.get(p)
			if a.Header.Get(name) != want || !strings.HasPrefix(a.Header.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("%s: %s %q", p, name, a.Header.Get(name))
			}
		}
	}
}

// Queries of death are refused or answered in bounded time; nobody gets a 500.
func TestQueriesOfDeath(t *testing.T) {
	w := press(t, nil)
	for _, q := range []string{"*", "*a*", "a*", "/.*/", strings.Repeat("x ", 5000), strings.Repeat("x", 100<<10), `"` + strings.Repeat("a ", 5000) + `"`, "nuta~ " + strings.Repeat("clou~ ", 40), "a~9", "date:9999999999-01-01", "since:2026..2020", "cloud^1e308", `"unbalanced`, "a\\", "a\x00b", "\xed\xa0\x80", "\u202e\u202dx", "_all:x", strings.Repeat("(", 3000), "price:>1e400", "price:NaN", "vendor:@", "-", "--x", "lang:*", "text:*", "source:*"} {
		for _, p := range []string{"/api/v1/deals", "/deals.csv", "/deals.atom", "/api/v1/stats/deals", "/api/v1/suggest"} {
			began := time.Now()
			if a := w.get(p, "q", q); a.StatusCode != 200 && a.StatusCode != 400 {
				t.Errorf("%s %.40q: %d %s", p, q, a.StatusCode, a.body)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%s %.40q took %v", p, q, took)
			}
		}
	}
}

// The pages of files are the API's own bodies.
func TestSuffixIsTheSameBody(t *testing.T) {
	w := press(t, nil)
	for _, view := range []string{"deals", "articles", "prices"} {
		var a, b map[string]any
		w.ok(&a, "/api/v1/"+view, "q", "nutanix OR dell", "facets", "vendor")
		w.ok(&b, "/"+view+".json", "q", "nutanix OR dell", "facets", "vendor")
		delete(a, "took_ms")
		delete(b, "took_ms")
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s:\n%s", view, diff)
		}
	}
}

// Without its index the server says so, and when to come back.
func TestIndexUnavailable(t *testing.T) {
	w := press(t, nil)
	if err := w.ix.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/api/v1/deals", "/api/v1/stats/deals", "/deals.csv", "/deals.atom", "/api/v1/vendors", "/api/v1/graph", "/api/v1/status", "/api/v1/deals/" + w.deals[0].Deal.ID} {
		a := w.get(p)
		w.isProblem(a, http.StatusServiceUnavailable, "index-unavailable")
		if a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", p)
		}
	}
	w.ok(nil, "/metrics")
	w.ok(nil, "/healthz")
}

// A deal can be seen as it had been published by a day.
func TestDealAsOf(t *testing.T) {
	w := press(t, nil)
	id := w.deals[0].Deal.ID
	var got schemas.Deal
	w.ok(&got, "/api/v1/deals/"+id)
	if got.Status != "announced" || len(got.Evidence) != 2 || got.Outlets != 2 {
		t.Errorf("today: %s, %d sentences", got.Status, len(got.Evidence))
	}
	w.ok(&got, "/api/v1/deals/"+id, "at", "2026-03-01")
	if got.Status != "rumoured" || len(got.Evidence) != 1 || len(got.History) != 1 || got.Outlets != 1 || fmt.Sprint(got.Langs) != "[fr]" {
		t.Errorf("on 1 March: %+v", got)
	}
	w.fails(404, "not-found", "/api/v1/deals/"+id, "at", "2026-01-01")
	w.fails(400, "invalid-parameter", "/api/v1/deals/"+id, "at", "someday")
}

// An answer tells how old the index is, and by how much it is behind.
func TestAsOf(t *testing.T) {
	pending := uint64(0)
	w := press(t, func(o *serve.Options) {
		o.Lag = func(context.Context) (map[string]uint64, error) { return map[string]uint64{"index": pending}, nil }
		o.Now = func() time.Time { return now.Add(90 * time.Second) }
	})
	for _, want := range []struct {
		pending uint64
		lag     float64
	}{{0, 0}, {7, 90}} {
		pending = want.pending
		fresh := serving(t, slog.New(slog.DiscardHandler), w.opt) // what is known of lag is remembered for a moment
		var got struct {
			AsOf struct {
				IndexTime     time.Time `json:"index_time"`
				LagS          float64   `json:"lag_s"`
				Pending       uint64    `json:"pending"`
				SilentSources *int      `json:"silent_sources"`
			} `json:"as_of"`
		}
		fresh.ok(&got, "/api/v1/deals?limit=0")
		if a := got.AsOf; !a.IndexTime.Equal(now) || a.LagS != want.lag || a.Pending != want.pending || a.SilentSources == nil {
			t.Errorf("as_of with %d pending: %+v, want index_time %v and a lag of %v s", want.pending, a, now, want.lag)
		}
	}
}

// Articles and prices know no types and roles: a query that speaks of those finds the
// articles that tell of its deals, in the list, in the export and on the page alike.
func TestArticlesOfDeals(t *testing.T) {
	w := press(t, nil)
	for _, q := range []string{"type:distribution", "distributor:*", "status:announced,rumoured"} {
		want := map[string]bool{}
		var deals struct {
			Data []schemas.Deal
			Page struct{ Total int }
		}
		w.ok(&deals, "/api/v1/deals", "limit", "200", "q", q)
		for _, d := range deals.Data {
			for _, e := range d.Evidence {
				want[e.Article] = true
			}
		}
		if len(want) == 0 {
			t.Fatalf("%s finds no deal", q)
		}
		var got struct {
			Data []struct{ ID string }
			Page struct{ Total int }
		}
		w.ok(&got, "/api/v1/articles", "limit", "200", "q", q)
		if got.Page.Total != len(want) {
			t.Errorf("%s: %d articles, its deals are told of in %d", q, got.Page.Total, len(want))
		}
		for _, a := range got.Data {
			if !want[a.ID] {
				t.Errorf("%s: article %s tells of none of its deals", q, a.ID)
			}
		}
		if lines := bytes.Count(w.get("/articles.ndjson", "q", q).body, []byte("\n")); lines != len(want) {
			t.Errorf("%s: %d lines exported, want %d", q, lines, len(want))
		}
	}
}
