package serve_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"example.org/veille/alert"
	"example.org/veille/bus"
	"example.org/veille/bus/bustest"
	"example.org/veille/index"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
	"example.org/veille/serve"
	"example.org/veille/serve/accounts"
)

// poison is the hostile text of one test: it stands in every field that comes from
// outside.
type poison struct{ name, text string }

// poisons are the attacks on pages: markup, template syntax, breaks out of titles
// and data islands, odd separators, headers, spreadsheet formulas.
var poisons = []poison{
	{"script", `<script>alert(1)</script>`},
	{"img", `"><img src=x onerror=alert(1)>`},
	{"quote", `'-alert(1)-'`},
	{"template", "{{7*7}} ${7*7} {{.Title}}"},
	{"title", `</title><script>alert(1)</script>`},
	{"svg", `<svg/onload=alert(1)>`},
	{"mutation", `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`},
	{"mutation2", `<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">`},
	{"mutation3", `<form><math><mtext></form><form><mglyph><svg><mtext><style><path id="</style><img onerror=alert(1) src>">`},
	{"attributes", `<img src=x src=y onerror=alert(1) onerror=1>`},
	{"doctype", `<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]>&x;<plaintext>`},
	{"noscript", `<noscript><p title="</noscript><img src=x onerror=alert(1)>">`},
	{"textarea", `</textarea><script>alert(1)</script>`},
	{"comment", `--><script>alert(1)</script><!--`},
	{"island", `</script><script>alert(1)</script>`},
	{"separators", "a\u2028b\u2029c\u202ed\ufeffe"},
	{"mark", `<mark class="ev">faux</mark></mark></blockquote><h1>x</h1>`},
	{"header", "a\"\r\nX-Evil: 1"},
	{"formula", `=HYPERLINK("http://e","x")`},
	{"cmd", `+1+cmd|' /C calc'!A0`},
	{"at", `@SUM(1)`},
	{"attr", `x" onmouseover="alert(1)" y='`},
	{"style", `</style><style>body{display:none}</style>`},
	{"base", `<base href="https://evil.example/"><meta http-equiv=refresh content="0;url=//evil.example">`},
	{"form", `<form action="https://evil.example"><button formaction=javascript:alert(1)>`},
	{"iframe", `<iframe srcdoc="<script>alert(1)</script>"></iframe>`},
	{"entity", `&lt;script&gt;alert(1)&lt;/script&gt; &#x3c;b&#x3e;`},
	{"long", strings.Repeat("<b>", 300)},
}

// hostileURLs must never become links.
var hostileURLs = []string{"javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:msgbox(1)", "//evil.example/", "java\tscript:alert(1)", "https:evil", "file:///etc/passwd", "http://", "blob:https://x/1", "JaVaScRiPt:alert(1)", "\x01javascript:alert(1)", " javascript:alert(1)", "http:evil.example", "http://www.bank.example@evil.example/", "http://[::1", "https:///x", strings.Repeat("javascript:", 9000)}

// everything asks for every page there is about the sample: what a reader can reach.
func everything(w *world) []string {
	d := w.deals[0].Deal
	a := w.articles[0].Article
	pages := []string{"/", "/search", "/search?q=vendor:nutanix", "/search?q=nutanix+type:distribution+group:distributor", "/search?view=articles", "/search?view=prices", "/search?q=vendr:hpe", "/search?q=vendor:nutanix+territory:be",
		"/search?q=" + url.QueryEscape("type:distribution,reseller -status:rumoured sort:oldest"), "/search?q=zzzzzz", "/search?q=a+or+b",
		"/deals/" + d.ID, "/articles/" + a.ID, "/vendors", "/vendors?name=nu", "/vendors/nutanix", "/vendors/nutanix?vs=dell", "/vendors/nutanix?vs=zzz", "/vendors/hp", "/vendors/zzzz",
		"/pairs/ingram-micro~nutanix", "/prices", "/prices?q=", "/prices?q=vendr:x", "/trends", "/trends?q=type:distribution", "/sources", "/quarantine", "/help/query", "/help/keys", "/api", "/sign-in", "/nowhere", "/deals/none", "/articles/none", "/pairs/x"}
	if w.opt.Sources != nil {
		pages = append(pages, "/sources/lemag", "/sources/none")
	}
	if w.opt.Alerts != nil {
		pages = append(pages, "/alerts", "/alerts/new", "/alerts/new?query=vendor:nutanix", "/alerts/new?query=vendr:x", "/alerts/none")
		for _, st := range w.opt.Alerts.Rules() {
			pages = append(pages, "/alerts/"+st.Rule.Slug)
		}
	}
	return pages
}

func (w *world) page(path, lang string) answer {
	w.t.Helper()
	req := w.request(http.MethodGet, "", nil, "")
	u, err := url.Parse(w.http.URL + path)
	if err != nil {
		w.t.Fatal(err)
	}
	v := u.Query()
	v.Set("hl", lang)
	u.RawQuery = v.Encode()
	req.URL = u
	req.Header.Set("Accept", "text/html")
	return w.do(req)
}

// full is a world in which everything is offered: sources, quarantine, remarks,
// alerts over a real log.
func full(t testing.TB, change func(*serve.Options)) *world {
	t.Helper()
	srcs := []serve.SourceStatus{
		{ID: "lemag", Title: "Le Mag", URL: "https://lemag.example/feed", Site: "https://lemag.example/", Lang: "fr", State: schemas.SourceUp, LastSuccess: now.Add(-42 * time.Second), LastPoll: now.Add(-42 * time.Second), Every: 900, DelayP50: 180, DelayP95: 660, Articles: 5,
			Ledger:  []schemas.Ledger{{Day: "2026-04-14", Listed: 31, Indexed: 29, Duplicate: 2}},
			Fetches: []schemas.Fetch{{At: now.Add(-30 * time.Minute), Status: 200, Bytes: 48_211, Took: 1300 * time.Millisecond, Items: 20, New: 2, Revised: 1}, {At: now.Add(-15 * time.Minute), Took: 30 * time.Second, Error: "timeout"}, {At: now.Add(-42 * time.Second), Status: 304, Took: 80 * time.Millisecond, Conditional: true, Unchanged: true}}},
		{ID: "channelpost", Title: "Channel Post", URL: "https://channelpost.example/feed", Lang: "en", State: schemas.SourceSilent, LastSuccess: now.Add(-9 * time.Hour), LastError: "dial tcp: connection refused", Reason: "network", Alarms: []string{"nothing new for 9 h"}},
	}
	var rules, box alert.Store
	var b *bus.Bus
	if tt, ok := t.(*testing.T); ok {
		b = bustest.Open(tt)
		kv, err := b.KV(t.Context(), schemas.BucketRules)
		if err != nil {
			t.Fatal(err)
		}
		rules = kv
		if kv, err = b.KV(t.Context(), schemas.BucketDeliveries); err != nil {
			t.Fatal(err)
		}
		box = kv
	}
	w := press(t, func(o *serve.Options) {
		o.Sources = func(context.Context) ([]serve.SourceStatus, error) { return srcs, nil }
		o.Fetch = func(_ context.Context, slug string) (any, error) {
			if slug != "lemag" {
				return nil, serve.ErrNoSource
			}
			return map[string]int{"new": 0}, nil
		}
		o.Letters = func(context.Context, int) ([]serve.Letter, error) {
			return []serve.Letter{{Place: 7, Dead: schemas.Dead{Stage: "extract", Subject: "veille.v1.article.new.fr.lemag", Reason: "panic: index out of range\ngoroutine 7", At: now, Tries: 6, Body: []byte(`{"id":"<b>x</b>"`)}}}, nil
		}
		o.Retry = func(_ context.Context, place uint64) error {
			if place != 7 {
				return serve.ErrNoLetter
			}
			return nil
		}
		o.Discard = func(ctx context.Context, place uint64, _, _ string) error { return o.Retry(ctx, place) }
		o.Accounts = accounts.Open(filepath.Join(t.TempDir(), "users.json"))
		o.Dead = func(context.Context) (map[string]int, error) { return map[string]int{"extract": 1}, nil }
		o.Lag = func(context.Context) (map[string]uint64, error) { return map[string]uint64{"index": 120}, nil }
		o.Feedback = func(context.Context, serve.Feedback) error { return nil }
		if rules != nil {
			client := alert.NewClient(guard.Policy{})
			t.Cleanup(client.Close)
			n, err := alert.New(t.Context(), nilLogger(), alert.Options{Rules: rules, Deliveries: box, Analyze: index.Analyze, Client: client, Key: []byte("0123456789abcdef"),
				Now: func() time.Time { return now }, Parse: serve.NewParser(o.Catalogue, func() time.Time { return now })})
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := n.Create(t.Context(), filledRule("Nutanix et les grossistes", "vendor:nutanix type:distribution")); err != nil {
				t.Fatal(err)
			}
			o.Alerts = n
			o.Tip = func(ctx context.Context) (uint64, error) {
				_, last, err := b.Size(ctx, schemas.StreamDeals)
				return last, err
			}
			o.Tail = func(ctx context.Context, after uint64, f func(uint64, schemas.Event) error) error {
				return b.Follow(ctx, schemas.StreamDeals, after, func(m bus.Message) error { return f(m.Seq, m.Event) })
			}
		}
		if change != nil {
			change(o)
		}
	})
	w.bus = b
	return w
}

// announce indexes a deal and tells the log of it, as the pipeline does.
func (w *world) announce(kind string, d schemas.Deal) {
	w.t.Helper()
	e := schemas.DealEvent{Kind: kind, Deal: d}
	w.put(nil, []schemas.DealEvent{e})
	ev, err := schemas.NewEvent(schemas.TypeDeal, d.ID+"-"+kind+fmt.Sprint(d.Rev), schemas.DealSubject(kind, d), now, e)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.bus.Publish(w.t.Context(), ev); err != nil {
		w.t.Fatal(err)
	}
}

func filledRule(name, q string) schemas.Rule {
	r := schemas.Rule{Name: name, Query: q, Lang: "fr", On: []string{"new", "status"}}
	r.Fill()
	return r
}

// tree parses a page and gives all its elements.
func tree(t testing.TB, body []byte) (*html.Node, []*html.Node) {
	t.Helper()
	doc, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	var out []*html.Node
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			out = append(out, n)
		}
	}
	return doc, out
}

func attr(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// sound holds a page to what every page must be.
func sound(t testing.TB, where string, a answer) {
	t.Helper()
	csp := a.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "require-trusted-types-for 'script'") {
		t.Errorf("%s: CSP %q", where, csp)
	}
	if ct := a.Header.Get("Content-Type"); ct != "text/html; charset=utf-8" {
		t.Errorf("%s: content type %q: %.200s", where, ct, a.body)
		return
	}
	if i := bytes.Index(a.body, []byte("⟦")); i >= 0 {
		t.Errorf("%s: untranslated %.60s", where, a.body[i:])
	}
	for _, odd := range []string{"ZgotmplZ", "&lt;no value&gt;", "<no value>", "%!", "<nil>"} {
		if bytes.Contains(a.body, []byte(odd)) && !strings.Contains(where, odd) {
			t.Errorf("%s: %q on the page", where, odd)
		}
	}
	doc, els := tree(t, a.body)
	// What a browser makes of the page is what was written: rendering and parsing it
	// again changes nothing.
	var once, twice bytes.Buffer
	if err := html.Render(&once, doc); err != nil {
		t.Fatal(err)
	}
	again, _ := tree(t, once.Bytes())
	if err := html.Render(&twice, again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(once.Bytes(), twice.Bytes()) {
		t.Errorf("%s: parsing it again changes it", where)
	}
	ids, count := map[string]bool{}, map[string]int{}
	h1 := 0
	for _, n := range els {
		count[n.Data]++
		if n.Data == "h1" {
			h1++
		}
		if id, ok := attr(n, "id"); ok {
			if ids[id] || id == "" || strings.ContainsAny(id, " \t\n") {
				t.Errorf("%s: id %q twice or odd", where, id)
			}
			ids[id] = true
		}
		for _, x := range n.Attr {
			key := strings.ToLower(x.Key)
			switch {
			case strings.HasPrefix(key, "on"), key == "style", key == "srcdoc", key == "srcset":
				t.Errorf("%s: <%s %s=%q>", where, n.Data, x.Key, x.Val)
			case key == "href", key == "src", key == "action", key == "formaction", key == "cite":
				u, err := url.Parse(strings.TrimSpace(x.Val))
				if err != nil || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" || u.Scheme == "" && u.Host != "" {
					t.Errorf("%s: <%s %s=%q>", where, n.Data, x.Key, x.Val)
				}
				if err == nil && u.Host != "" {
					rel, _ := attr(n, "rel")
					if n.Data != "a" && n.Data != "blockquote" || n.Data == "a" && rel != "noopener noreferrer nofollow" {
						t.Errorf("%s: <%s %s=%q rel=%q> leads elsewhere", where, n.Data, x.Key, x.Val, rel)
					}
				}
			}
		}
		switch n.Data {
		case "script":
			if src, _ := attr(n, "src"); !strings.HasPrefix(src, "/static/app.js?v=") || n.FirstChild != nil {
				t.Errorf("%s: a script that is not ours: %q %v", where, src, n.FirstChild)
			}
		case "style", "iframe", "object", "embed", "base", "img", "math", "noscript":
			t.Errorf("%s: <%s>", where, n.Data)
		case "blockquote", "q":
			if l, _ := attr(n, "lang"); l == "" {
				t.Errorf("%s: a quote without a language: %.80s", where, textOf(n))
			}
		case "svg":
			if class, _ := attr(n, "class"); strings.HasPrefix(class, "chart") {
				by, _ := attr(n, "aria-labelledby")
				for _, id := range strings.Fields(by) {
					if !bytes.Contains(a.body, []byte(`id="`+id+`"`)) {
						t.Errorf("%s: a chart is named by %q, which is nowhere", where, id)
					}
				}
				if by == "" {
					t.Errorf("%s: a chart without a name", where)
				}
			}
		case "input", "select", "textarea":
			typ, _ := attr(n, "type")
			id, _ := attr(n, "id")
			label := n.Parent
			for label != nil && label.Data != "label" {
				label = label.Parent
			}
			if typ != "hidden" && label == nil && !bytes.Contains(a.body, []byte(`for="`+id+`"`)) {
				t.Errorf("%s: an input without a label: %v", where, n.Attr)
			}
		}
	}
	if h1 != 1 || count["main"] != 1 || count["title"] < 1 {
		t.Errorf("%s: %d h1, %d main", where, h1, count["main"])
	}
	for _, n := range els {
		if href, _ := attr(n, "href"); strings.HasPrefix(href, "#") && len(href) > 1 && n.Data == "a" && !ids[href[1:]] {
			t.Errorf("%s: %q leads nowhere", where, href)
		}
		if by, ok := attr(n, "aria-labelledby"); ok && n.Data != "svg" && !ids[by] {
			t.Errorf("%s: named by %q, which is nowhere", where, by)
		}
	}
}

// zipped is how large an answer travels.
func zipped(b []byte) int {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, 5)
	if err != nil {
		panic(err)
	}
	_, _ = z.Write(b) // into memory
	_ = z.Close()
	return out.Len()
}

// TestEveryPage asks for every page in both languages: it answers, is sound, says
// its language, and stays within its budget.
func TestEveryPage(t *testing.T) {
	w := full(t, nil)
	status := map[string]int{"/nowhere": 404, "/deals/none": 404, "/articles/none": 404, "/pairs/x": 404, "/search?q=vendr:hpe": 400, "/prices?q=vendr:x": 400, "/vendors/zzzz": 404, "/sources/none": 404, "/alerts/none": 404, "/vendors/hp": 200}
	texts := map[string]map[string]string{}
	for _, lang := range serve.Languages {
		for _, path := range everything(w) {
			a := w.page(path, lang)
			if want := max(status[path], 0); want != 0 && a.StatusCode != want || want == 0 && a.StatusCode != http.StatusOK {
				t.Errorf("%s in %s: %d %.200s", path, lang, a.StatusCode, a.body)
			}
			sound(t, path+" in "+lang, a)
			if !bytes.Contains(a.body, []byte(`<html lang="`+lang+`">`)) {
				t.Errorf("%s in %s says another language", path, lang)
			}
			if n := zipped(a.body); n > 60_000 {
				t.Errorf("%s in %s: %d bytes compressed, over 60 KB", path, lang, n)
			}
			if texts[path] == nil {
				texts[path] = map[string]string{}
			}
			texts[path][lang] = string(a.body)
		}
	}
	for path, by := range texts {
		if by["fr"] == by["en"] {
			t.Errorf("%s is the same in both languages", path)
		}
	}
	for name, most := range map[string]int{"style.css": 12_000, "app.js": 15_000} {
		a := w.get("/static/" + name)
		if n := zipped(a.body); a.StatusCode != http.StatusOK || n > most {
			t.Errorf("%s: %d, %d bytes compressed, want at most %d", name, a.StatusCode, n, most)
		}
	}
}

// TestHostileTextOnPages puts each attack into every field that comes from outside,
// and into every address, and looks at every page that shows it.
func TestHostileTextOnPages(t *testing.T) {
	var srcs []serve.SourceStatus
	var letters []serve.Letter
	var xs []schemas.Extraction
	var ds []schemas.DealEvent
	for i, p := range poisons {
		bad, evil := strings.ToValidUTF8(p.text, ""), hostileURLs[i%len(hostileURLs)]
		id := "s" + fmt.Sprint(i)
		s := story{source: id, outlet: "Le Mag " + bad, lang: "fr", day: "2026-04-12 09:00", title: bad, before: "Avant. ", quote: "Nutanix signe avec " + bad + " en France.", after: " Fin.",
			typ: "distribution", status: "announced", cue: bad, parties: []schemas.Party{party("nutanix", "Nutanix", "vendor"), party("x-evil-"+id, bad, "distributor")}, territory: []string{"fr"},
			price: &schemas.Price{Text: "Nutanix", Amount: schemas.Amount{Low: ptr("9900"), Currency: "EUR"}, Kind: "product_price", Qualifier: "from", Vendor: &schemas.VendorRef{ID: "nutanix", Name: bad}, Product: bad}}
		x := s.extraction()
		x.Article.Byline, x.Article.URL = bad, evil
		x.Article.Also = []schemas.Copy{{ID: "a_" + id, Source: "x", Outlet: bad, URL: evil}}
		x.Signals[0].Products, x.Signals[0].Attribution = []string{bad}, bad
		d := dealOf(s)
		d.Products = []string{bad}
		d.Evidence[0].URL = evil
		d.Evidence[0].Signal.Attribution = bad
		xs, ds = append(xs, x), append(ds, schemas.DealEvent{Kind: "new", Deal: d})
		srcs = append(srcs, serve.SourceStatus{ID: id, Title: bad, URL: evil, Site: evil, Lang: "fr", Kind: bad, State: schemas.SourceDown, LastError: bad, Reason: bad, Alarms: []string{bad}})
		letters = append(letters, serve.Letter{Place: uint64(i), Dead: schemas.Dead{Stage: bad, Subject: bad, Reason: bad, At: now, Body: []byte(bad)}})
	}
	w := full(t, func(o *serve.Options) {
		o.Sources = func(context.Context) ([]serve.SourceStatus, error) { return srcs, nil }
		o.Letters = func(context.Context, int) ([]serve.Letter, error) { return letters, nil }
	})
	w.put(xs, ds)
	for _, lang := range serve.Languages {
		for _, path := range everything(w) {
			sound(t, path, w.page(path, lang))
		}
	}
	for i, p := range poisons {
		bad := strings.ToValidUTF8(p.text, "")
		q, slug := url.QueryEscape(bad), url.PathEscape(bad)
		for _, path := range []string{"/deals/" + ds[i].Deal.ID, "/articles/" + xs[i].Article.ID, "/sources/s" + fmt.Sprint(i), "/pairs/nutanix~x-evil-s" + fmt.Sprint(i), "/search?q=source:s" + fmt.Sprint(i), "/search?view=prices&q=source:s" + fmt.Sprint(i),
			"/search?q=" + q, "/prices?q=" + q, "/vendors?name=" + q, "/vendors/nutanix?vs=" + q, "/vendors/" + slug, "/deals/" + slug, "/search?view=" + q + "&cursor=" + q, "/sign-in?next=" + q, "/trends?q=" + q, "/pairs/" + slug + "~nutanix", "/alerts/new?name=" + q + "&query=" + q} {
			a := w.page(path, serve.Languages[i%2])
			if a.Header.Get("X-Evil") != "" {
				t.Errorf("%s: a header of the attacker's", path)
			}
			sound(t, path, a)
		}
	}
}

// TestSourcePage: what came of the last polls, and what is read from its articles.
func TestSourcePage(t *testing.T) {
	w := full(t, func(o *serve.Options) {
		o.OPML = func(context.Context) ([]byte, error) { return []byte("<opml/>"), nil }
	})
	page := textOf(first2(tree(t, w.page("/sources/lemag", "en").body)))
	for _, want := range []string{"The last 3 polls", "48 KB1.3 s20 items: 2 new, 1 revised", "timeout", "304–80 ms" + "unchanged, says the server (asked on condition)",
		"What is read from its latest articles", "Dell : des serveurs plus chers", "≥\u00a0€9,900", "Nutanix → Ingram Micro (distribution, rumoured)"} {
		if !strings.Contains(strings.ReplaceAll(page, "\u00a0", " "), strings.ReplaceAll(want, "\u00a0", " ")) {
			t.Errorf("the page lacks %q: %s", want, page)
		}
	}
	if page := string(w.page("/sources", "en").body); !strings.Contains(page, `href="/sources.opml"`) {
		t.Error("no way to the OPML list")
	}
}

// TestMessages holds the catalogue: both languages, no text without its key, no key
// without its use, French spaces.
func TestMessages(t *testing.T) {
	body, err := os.ReadFile("web/messages.yaml")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^"?([a-z].*?)"?: \{fr: "(.*?)", en: "(.*)"\}$`)
	keys := map[string]bool{}
	for _, m := range line.FindAllStringSubmatch(string(body), -1) {
		key, fr, en := m[1], m[2], m[3]
		if keys[key] {
			t.Errorf("%s stands twice", key)
		}
		keys[key] = true
		if strings.TrimSpace(fr) == "" || strings.TrimSpace(en) == "" {
			t.Errorf("%s lacks a language", key)
		}
		for _, hole := range []string{"{0}", "{1}", "{2}"} {
			if strings.Contains(fr, hole) != strings.Contains(en, hole) {
				t.Errorf("%s: %s stands in one language only", key, hole)
			}
		}
		if regexp.MustCompile(`[^ ][;!?»]|[^ 0-9a-z_A-Z]:|«[^ ]`).MatchString(strings.NewReplacer("vendor:", "", "pays:", "", "...", "").Replace(fr)) {
			t.Errorf("%s: French sets a space there: %s", key, fr)
		}
	}
	if n := len(regexp.MustCompile(`(?m)^[^#\s].*: \{`).FindAllString(string(body), -1)); n != len(keys) {
		t.Errorf("%d messages, %d of them in the form that is expected", n, len(keys))
	}
	var source strings.Builder
	for _, glob := range []string{"*.go", "web/*.html"} {
		files, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(b)
		}
	}
	all := source.String()
	for _, re := range []string{`\bt "([^"]+)"`, `\bn "([^"]+)"`, `\bT\("([^"]+)"[,)]`, `\bN\("([^"]+)",`} {
		for _, m := range regexp.MustCompile(re).FindAllStringSubmatch(all, -1) {
			if !keys[m[1]] {
				t.Errorf("%q is used, but no message", m[1])
			}
		}
	}
	// Families whose last part comes from data: each value has its text.
	families := map[string][]string{"people.role.": accounts.Roles, "people.may.": accounts.Roles, "role.": append(slices.Clone(schemas.Roles), "party"), "state.": schemas.SourceStates, "feedback.": serve.FeedbackKinds, "tab.": {"deals", "articles", "prices"}, "tax.": {"excl", "incl"},
		"period.": {"hour", "day", "month", "quarter", "year"}, "on.": schemas.RuleEvents, "health.": {"ok", "failing", "muted", "silent", "saved", "broken"},
		"delivery.": {"pending", "sent", "folded", "muted", "silent", "dead", "withdrawn"}, "channel.": {"", "email", "webhook", "slack", "teams", "chat", "nats"}}
	for _, lang := range []string{"fr", "en"} { // what prices are found to be for
		b, err := os.ReadFile("../extract/lexicon/" + lang + "/prices.yaml")
		if err != nil {
			t.Fatal(err)
		}
		_, units, _ := strings.Cut(string(b), "\n  per:\n")
		units, _, _ = strings.Cut(units, "\n  period:\n")
		n := len(families["per."])
		for _, m := range regexp.MustCompile(`(?m)^    ([A-Za-z ]+):`).FindAllStringSubmatch(units, -1) {
			families["per."] = append(families["per."], m[1])
		}
		if len(families["per."]) < n+10 {
			t.Errorf("%s: only %d units were read", lang, len(families["per."])-n)
		}
	}
	for prefix, values := range families {
		for _, v := range values {
			if !keys[prefix+v] {
				t.Errorf("%s has no message", prefix+v)
			}
		}
	}
	for key := range keys {
		head, _, dotted := strings.Cut(key, ".")
		if strings.Contains(all, `"`+key+`"`) || dotted && (strings.Contains(all, `"`+head+`."`) || strings.Contains(all, `"`+key[:strings.LastIndex(key, ".")+1]+`"`)) {
			continue
		}
		t.Errorf("%s is used nowhere", key)
	}
}

// TestFacetForm: what is ticked is written into the query; a facet's counts ignore its
// own selection; unticking takes it back.
func TestFacetForm(t *testing.T) {
	w := press(t, nil)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	apply := func(params string) string {
		t.Helper()
		req := w.request(http.MethodGet, "", nil, "")
		req.URL, _ = url.Parse(w.http.URL + "/search?apply=1&" + params) // well formed
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		to, err := url.Parse(res.Header.Get("Location"))
		if res.StatusCode != http.StatusSeeOther || err != nil {
			t.Fatalf("%s: %d %s", params, res.StatusCode, res.Header.Get("Location"))
		}
		return to.Query().Get("q")
	}
	for params, want := range map[string]string{
		"q=&has_type=1&type=distribution":                                           "type:distribution",
		"q=type:distribution&has_type=1&type=distribution&type=acquisition":         "type:distribution,acquisition",
		"q=type:distribution,acquisition&has_type=1&type=acquisition":               "type:acquisition",
		"q=vendor:nutanix+type:distribution&has_type=1":                             "vendor:nutanix",
		"q=vendor:nutanix+type:distribution":                                        "vendor:nutanix type:distribution",
		"q=-type:acquisition&has_type=1&type=distribution":                          "-type:acquisition type:distribution",
		"q=cloud+OR+edge&has_vendor=1&vendor=hpe":                                   "(cloud OR edge) vendor:hpe",
		"q=lang:fr&view=articles&has_source=1&source=lemag&has_type=1&type=ignored": "lang:fr source:lemag",
	} {
		if got := apply(params); got != want {
			t.Errorf("%s: %q, want %q", params, got, want)
		}
	}
	counts := func(path string) (out map[string]string) {
		_, els := tree(t, w.page(path, "fr").body)
		out = map[string]string{}
		for _, n := range els {
			if name, _ := attr(n, "name"); n.Data == "input" && name == "type" {
				value, _ := attr(n, "value")
				out[value] = textOf(n.Parent)
			}
		}
		return out
	}
	free, chosen := counts("/search"), counts("/search?q=type:acquisition")
	if len(free) < 3 || fmt.Sprint(free) != fmt.Sprint(chosen) {
		t.Errorf("facet type counts %v, with a selection %v", free, chosen)
	}
}

// TestDealPages: merged leads to the survivor for good, retracted tells so.
func TestDealPages(t *testing.T) {
	w := press(t, nil)
	old, alive, dead := w.deals[1].Deal, w.deals[0].Deal, w.deals[2].Deal
	w.put(nil, []schemas.DealEvent{{Kind: "merged", Into: alive.ID, Deal: old}, {Kind: "retracted", Deal: dead}})
	a := w.page("/deals/"+old.ID, "fr")
	if a.StatusCode != http.StatusOK || a.Request.URL.Path != "/deals/"+alive.ID || a.Request.Response == nil || a.Request.Response.StatusCode != http.StatusMovedPermanently {
		t.Errorf("merged: %d at %s", a.StatusCode, a.Request.URL)
	}
	a = w.page("/deals/"+dead.ID, "en")
	if a.StatusCode != http.StatusGone || !bytes.Contains(a.body, []byte("Deal retracted")) {
		t.Errorf("retracted: %d %.200s", a.StatusCode, a.body)
	}
	sound(t, "retracted", a)
	a = w.page("/deals/"+alive.ID, "fr")
	body := string(a.body)
	for _, want := range []string{"#:~:text=", `<blockquote lang="fr"`, `<blockquote lang="en"`, "Ingram Micro</a>", "rumeur", `lang="fr">serait en discussion</q>`, "[1]", "Deux"} {
		if want == "Deux" {
			continue
		}
		if !strings.Contains(body, want) {
			t.Errorf("the deal's page lacks %q", want)
		}
	}
	// The table under the life-line tells what the drawing does.
	_, els := tree(t, a.body)
	moments, rows := 0, 0
	for _, n := range els {
		if n.Data == "a" && n.Parent != nil && n.Parent.Data == "svg" {
			moments++
		}
		if class, _ := attr(n, "class"); n.Data == "table" && class == "data" && rows == 0 {
			for c := range n.Descendants() {
				if c.Data == "tr" {
					rows++
				}
			}
		}
	}
	if moments != len(alive.Evidence) || rows != moments+1 {
		t.Errorf("life-line: %d marks, %d rows of the table, %d statements", moments, rows-1, len(alive.Evidence))
	}
	for _, path := range []string{"/deals/" + alive.ID + ".svg", "/vendors/nutanix.svg", "/pairs/ingram-micro~nutanix.svg", "/trends.svg"} {
		if a := w.get(path); a.Header.Get("Content-Type") != "image/svg+xml" || !bytes.Contains(a.body, []byte(`xmlns="http://www.w3.org/2000/svg"`)) || bytes.Contains(a.body, []byte("style=")) {
			t.Errorf("%s: %s %.100s", path, a.Header.Get("Content-Type"), a.body)
		}
	}
	for _, path := range []string{"/deals/" + alive.ID + ".json", "/vendors/nutanix.json", "/pairs/ingram-micro~nutanix.json", "/articles/" + w.articles[0].Article.ID + ".json"} {
		page, api := w.get(path), w.get("/api/v1"+strings.TrimSuffix(path, ".json"))
		if cut(page.body) != cut(api.body) {
			t.Errorf("%s differs from the API", path)
		}
	}
}

// cut takes the moment of the answer away.
func cut(b []byte) string {
	return regexp.MustCompile(`"as_of":\{[^}]*\}|"took_ms":[0-9.]+`).ReplaceAllString(string(b), "")
}

// TestSnippets: no page shows more of a text than its publisher leaves free.
func TestSnippets(t *testing.T) {
	w := press(t, nil)
	for _, x := range w.articles {
		body := textOf(first2(tree(t, w.page("/articles/"+x.Article.ID, "fr").body)))
		if x.Article.Rights == "nosnippet" && strings.Contains(body, x.Article.Text) {
			t.Errorf("%s: its text is shown", x.Article.ID)
		}
		_, els := tree(t, w.page("/articles/"+x.Article.ID, "fr").body)
		for _, n := range els {
			if n.Data == "blockquote" || n.Data == "p" {
				if s := textOf(n); len([]rune(s)) > serve.MaxQuote+80 {
					t.Errorf("%s: a piece of %d characters", x.Article.ID, len([]rune(s)))
				}
			}
		}
	}
}

func first2(n *html.Node, _ []*html.Node) *html.Node { return n }

// TestSignIn: changing something takes a session; a session comes of the token
// alone, ends with it, and next= leads nowhere else.
func TestSignIn(t *testing.T) {
	var mu sync.Mutex
	var said []serve.Feedback
	fetched := 0
	w := full(t, func(o *serve.Options) {
		o.Feedback = func(_ context.Context, f serve.Feedback) error {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, f)
			return nil
		}
		o.Fetch = func(context.Context, string) (any, error) { fetched++; return nil, nil }
	})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	post := func(path, cookie string, form url.Values) *http.Response {
		t.Helper()
		req := w.request(http.MethodPost, path, nil, "")
		req.Body = io.NopCloser(strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if cookie != "" {
			req.Header.Set("Cookie", cookie)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		res.Body = io.NopCloser(bytes.NewReader(body))
		return res
	}
	deal := w.deals[0].Deal
	remark := url.Values{"deal": {deal.ID}, "wrong": {"vendor"}, "note": {"Arrow, not <Ingram>"}, "form": {"/deals/" + deal.ID}}
	if res := post("/feedback", "", remark); res.StatusCode != http.StatusUnauthorized || len(said) != 0 {
		t.Fatalf("a remark without a session: %d, %d kept", res.StatusCode, len(said))
	}
	if res := post("/sources/lemag/fetch", "", url.Values{"form": {"/sources/lemag"}}); res.StatusCode != http.StatusUnauthorized || fetched != 0 {
		t.Fatalf("a fetch without a session: %d", res.StatusCode)
	}
	// What had been filled in comes back after signing in; the address of a
	// destination, which may be a secret, does not.
	res := post("/alerts", "", url.Values{"form": {"/alerts/new"}, "name": {"Mon alerte"}, "query": {"vendor:dell"}, "address": {"https://hooks.example/secret"}})
	page, _ := io.ReadAll(res.Body)
	if !bytes.Contains(page, []byte("name=Mon&#43;alerte")) && !bytes.Contains(page, []byte("name=Mon+alerte")) || bytes.Contains(page, []byte("secret")) {
		t.Errorf("the form is lost, or told too much: %.600s", page[bytes.Index(page, []byte("<main")):])
	}
	if res := post("/sign-in", "", url.Values{"token": {"wrong"}}); res.StatusCode != http.StatusUnauthorized || res.Header.Get("Set-Cookie") != "" {
		t.Fatalf("a wrong token: %d %s", res.StatusCode, res.Header.Get("Set-Cookie"))
	}
	for _, next := range []string{"//evil.example", `/\evil.example`, "/\tevil", "https:evil", "https://evil.example/", "javascript:alert(1)", "", "/%09/evil\r\nX: 1"} {
		res := post("/sign-in", "", url.Values{"token": {"the-administrators-token"}, "next": {next}})
		if to := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || to != "/" {
			t.Errorf("next=%q leads to %q (%d)", next, to, res.StatusCode)
		}
	}
	res = post("/sign-in", "", url.Values{"token": {"the-administrators-token"}, "next": {"/sources/lemag?a=b"}})
	c := res.Cookies()
	if len(c) != 1 || c[0].Name != "__Host-veille" || !c[0].Secure || !c[0].HttpOnly || c[0].Path != "/" || c[0].Domain != "" || c[0].SameSite != http.SameSiteLaxMode || res.Header.Get("Location") != "/sources/lemag?a=b" {
		t.Fatalf("signed in: %v to %s", c, res.Header.Get("Location"))
	}
	cookie := c[0].Name + "=" + c[0].Value
	if res := post("/feedback", cookie, remark); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("a remark: %d", res.StatusCode)
	}
	if len(said) != 1 || said[0].Deal != deal.ID || said[0].Note != "Arrow, not <Ingram>" || said[0].Quote.Text != signed.quote || said[0].Rule == "" || said[0].Lang != "en" {
		t.Errorf("kept %+v", said)
	}
	if res := post("/feedback", cookie, url.Values{"deal": {deal.ID}, "wrong": {"nonsense"}}); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a remark about nothing: %d", res.StatusCode)
	}
	if res := post("/sources/lemag/fetch", cookie, nil); res.StatusCode != http.StatusSeeOther || fetched != 1 {
		t.Errorf("fetch: %d, %d times", res.StatusCode, fetched)
	}
	// Another site's page cannot use the session.
	req := w.request(http.MethodPost, "/sources/lemag/fetch", nil, "")
	req.Header.Set("Cookie", cookie)
	req.Header.Set("Origin", "https://evil.example")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	if res, err := client.Do(req); err != nil || res.StatusCode != http.StatusForbidden || fetched != 1 {
		t.Errorf("from another site: %v %v", res.StatusCode, err)
	}
	if res := post("/sign-out", cookie, nil); res.StatusCode != http.StatusSeeOther {
		t.Errorf("sign out: %d", res.StatusCode)
	}
	if res := post("/sources/lemag/fetch", cookie, nil); res.StatusCode != http.StatusUnauthorized || fetched != 1 {
		t.Errorf("after signing out: %d", res.StatusCode)
	}
}

// TestAlertPages saves an alert through the form, edits, mutes and deletes it.
func TestAlertPages(t *testing.T) {
	w := full(t, nil)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	post := func(path string, form url.Values) (int, string, string) {
		t.Helper()
		req := w.request(http.MethodPost, path, nil, "")
		req.Body = io.NopCloser(strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Authorization", "Bearer the-administrators-token")
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode < 300 || res.StatusCode >= 400 {
			sound(t, path, answer{res, body})
		}
		return res.StatusCode, res.Header.Get("Location"), string(body)
	}
	form := url.Values{"name": {"Grossistes"}, "query": {"vendor:nutanix type:distribution"}, "on": {"new", "status"}, "cadence": {"daily 08:00 Europe/Paris"}, "channel": {"webhook"}, "address": {"https://hooks.example.com/secret-path"}, "filled": {"1"}}
	if code, _, body := post("/alerts/preview?hl=en", form); code != 200 || !strings.Contains(body, "Would have sent 2 messages in 90 days") {
		t.Errorf("preview: %d %s", code, body)
	}
	if code, to, body := post("/alerts", form); code != http.StatusSeeOther || to != "/alerts/grossistes?did=saved" {
		t.Fatalf("save: %d %s %s", code, to, body[strings.Index(body, "role=\"alert\""):])
	}
	st, err := w.opt.Alerts.Rule("grossistes")
	if err != nil || st.Rule.Cadence.String() != "daily 08:00 Europe/Paris" || len(st.Rule.To) != 1 || !slices.Equal(st.Rule.On, []string{"new", "status"}) {
		t.Fatalf("saved %+v, %v", st.Rule, err)
	}
	if code, _, body := post("/alerts", form); code != http.StatusUnprocessableEntity || !strings.Contains(body, `value="Grossistes"`) {
		t.Errorf("the same name again: %d", code)
	}
	bad := url.Values{"name": {"X"}, "query": {"vendr:x"}, "channel": {"email"}, "address": {"nobody"}, "filled": {"1"}}
	if code, _, body := post("/alerts?hl=fr", bad); code != http.StatusUnprocessableEntity || !strings.Contains(body, "vendr:x") || !strings.Contains(body, "^^^^^^") {
		t.Errorf("a bad rule: %d %s", code, body)
	}
	page := string(w.page("/alerts/grossistes", "fr").body)
	if !strings.Contains(page, "Aurait envoyé 2 messages en 90 jours") || !strings.Contains(page, "webhook signé") || strings.Contains(page, "secret-path") {
		t.Errorf("its page: %s", page)
	}
	edit := url.Values{"do": {"save"}, "name": {"Grossistes"}, "query": {"vendor:nutanix"}, "on": {"new"}, "cadence": {"at_once"}, "dests": {"1"}, "tag": {st.Tag}, "filled": {"1"}}
	if code, to, body := post("/alerts/grossistes", edit); code != http.StatusSeeOther {
		t.Errorf("edit: %d %s %.500s", code, to, body)
	}
	if code, _, _ := post("/alerts/grossistes", edit); code != http.StatusUnprocessableEntity {
		t.Errorf("an edit of what somebody changed: %d, want 422", code)
	}
	if st, err = w.opt.Alerts.Rule("grossistes"); err != nil || len(st.Rule.To) != 0 || st.Rule.Query != "vendor:nutanix" {
		t.Errorf("edited %+v %v", st.Rule, err)
	}
	if code, _, _ := post("/alerts/grossistes", url.Values{"do": {"mute"}, "days": {"7"}}); code != http.StatusSeeOther {
		t.Errorf("mute: %d", code)
	}
	if st, _ = w.opt.Alerts.Rule("grossistes"); !st.Rule.Mutes.Until.Equal(now.AddDate(0, 0, 7)) {
		t.Errorf("muted until %s", st.Rule.Mutes.Until)
	}
	if code, _, _ := post("/alerts/grossistes", url.Values{"do": {"delete"}}); code != http.StatusSeeOther {
		t.Errorf("delete: %d", code)
	}
	if a := w.page("/alerts/grossistes", "fr"); a.StatusCode != http.StatusNotFound {
		t.Errorf("after deleting: %d", a.StatusCode)
	}
}

// TestPagesOnAnEmptyIndex says how to begin.
func TestPagesOnAnEmptyIndex(t *testing.T) {
	w := newWorld(t, nil)
	for _, path := range []string{"/", "/search", "/vendors", "/vendors/nutanix", "/prices", "/trends", "/sources", "/search?q=vendor:nutanix+territory:fr"} {
		a := w.page(path, "fr")
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
		sound(t, path, a)
	}
	if !bytes.Contains(w.page("/", "en").body, []byte("veille feeds add URL")) {
		t.Error("today's page does not say how to begin")
	}
}

// TestEmptyResult offers what to try: each part of the query taken away, with counts
// that are right.
func TestEmptyResult(t *testing.T) {
	w := press(t, nil)
	a := w.page("/search?q=vendor:nutanix+type:distribution+territory:be", "en")
	body := string(a.body)
	if !strings.Contains(body, "No deal matches") || !strings.Contains(body, `without <code>territory:be</code></a> <span class="badge">1</span>`) {
		t.Errorf("no way out: %s", body)
	}
	if !strings.Contains(body, "articles speak of it") && !strings.Contains(body, "article speaks of it") {
		t.Error("no word of the articles")
	}
}

// TestTour is the way from today's page to the answer of the first question of an
// analyst: which distributors signed with Nutanix in France since January, with the
// sentence. The example on the page leads there in one step.
func TestTour(t *testing.T) {
	w := press(t, nil)
	for _, lang := range serve.Languages {
		_, els := tree(t, w.page("/", lang).body)
		var href string
		for _, n := range els {
			if n.Data == "a" && strings.Contains(textOf(n), "Nutanix · distribution · France") {
				href, _ = attr(n, "href")
			}
		}
		if href == "" {
			t.Fatalf("%s: today's page shows no example", lang)
		}
		a := w.page(href, lang)
		body := string(a.body)
		for _, want := range []string{"Nutanix → Ingram Micro", "Nutanix has", "#:~:text=", `<mark class="ev">`, `id="groups-h"`, `datetime="2026-02-02"`} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the answer lacks %q", lang, want)
			}
		}
	}
}

// TestLanguage: asked for, remembered, preferred; in that order.
func TestLanguage(t *testing.T) {
	w := press(t, nil)
	for _, c := range []struct{ path, cookie, accept, want string }{
		{"/", "", "fr-CH, en;q=0.5", "fr"}, {"/", "", "de, en;q=0.5", "en"}, {"/", "", "", "en"},
		{"/", "hl=fr", "en", "fr"}, {"/?hl=en", "hl=fr", "fr", "en"}, {"/?hl=de", "hl=xx", "fr", "fr"},
	} {
		req := w.request(http.MethodGet, "", nil, "")
		req.URL, _ = url.Parse(w.http.URL + c.path) // well formed
		if c.cookie != "" {
			req.Header.Set("Cookie", c.cookie)
		}
		req.Header.Set("Accept-Language", c.accept)
		if a := w.do(req); !bytes.Contains(a.body, []byte(`<html lang="`+c.want+`">`)) {
			t.Errorf("%+v: %.80s", c, a.body)
		}
	}
}
