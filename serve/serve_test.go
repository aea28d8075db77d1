package serve_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/veille/bus"
	"example.org/veille/extract/catalogue"
	"example.org/veille/index"
	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// now is the clock of every test: a Wednesday.
var now = time.Date(2026, 4, 15, 10, 0, 0, 0, time.UTC)

var loadCatalogue = sync.OnceValues(catalogue.Load)

// world is a server over a real index, filled with invented articles and deals
// between companies of the catalogue.
type world struct {
	t    testing.TB
	ix   *index.Index
	cat  *catalogue.Catalogue
	srv  *serve.Server
	http *httptest.Server
	opt  serve.Options
	spec *spec    // nil: answers are not held against the description
	bus  *bus.Bus // of what has one

	articles []schemas.Extraction
	deals    []schemas.DealEvent
}

// newWorld serves an empty index. change may alter the options.
func newWorld(t testing.TB, change func(*serve.Options)) *world {
	t.Helper()
	cat, err := loadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	lg := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	ix, err := index.Open(lg, t.TempDir(), index.Options{Now: func() time.Time { return now }, Catalogue: func(id string) ([]string, string) {
		v, _ := cat.Vendor(id)
		return v.Kinds, v.Country
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ix.Close(); err != nil {
			t.Error(err)
		}
	})
	opt := serve.Options{Index: ix, Catalogue: cat, Version: "test", Now: func() time.Time { return now }, Token: "the-administrators-token"}
	if change != nil {
		change(&opt)
	}
	return serving(t, lg, opt)
}

// serving starts a server over an index that is there.
func serving(t testing.TB, lg *slog.Logger, opt serve.Options) *world {
	t.Helper()
	w := &world{t: t, ix: opt.Index, cat: opt.Catalogue, opt: opt, srv: serve.New(lg, opt)}
	w.http = httptest.NewServer(w.srv.Handler())
	t.Cleanup(w.http.Close)
	return w
}

// press fills the index with the sample of this package.
func press(t testing.TB, change func(*serve.Options)) *world {
	t.Helper()
	w := newWorld(t, change)
	w.put(samples())
	return w
}

func (w *world) put(xs []schemas.Extraction, ds []schemas.DealEvent) {
	w.t.Helper()
	for _, x := range xs {
		if err := x.Validate(); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := w.ix.PutExtractions(w.t.Context(), xs); err != nil {
		w.t.Fatal(err)
	}
	if err := w.ix.PutDeals(w.t.Context(), ds); err != nil {
		w.t.Fatal(err)
	}
	w.articles, w.deals = append(w.articles, xs...), append(w.deals, ds...)
}

// story is one article with one signal, from which a sample is made.
type story struct {
	source, outlet, lang string
	day                  string
	title, before, quote string // the text is before + quote + after
	after                string
	typ, status, cue     string
	parties              []schemas.Party
	territory            []string
	amount               *schemas.Amount
	price                *schemas.Price
	rights               string
}

func party(id, name, role string) schemas.Party {
	return schemas.Party{ID: id, Name: name, Role: role, Known: !strings.HasPrefix(id, "x-")}
}

func ptr(s string) *string { return &s }

func at(day string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", day, time.UTC)
	if err != nil {
		panic(err)
	}
	return t
}

func (s story) extraction() schemas.Extraction {
	a := schemas.Article{
		ID: schemas.ArticleID(s.source, s.title), Source: s.source, Outlet: s.outlet, URL: "https://" + s.source + ".example/" + schemas.Token(s.title),
		Lang: s.lang, Title: s.title, Text: s.before + s.quote + s.after, Published: at(s.day), Fetched: at(s.day).Add(4 * time.Minute), Rights: s.rights,
	}
	a.Version = schemas.ContentVersion(a.Title, a.Text)
	x := schemas.Extraction{By: "test/1", At: a.Fetched, Article: a, Vendors: []schemas.Mention{}, Prices: []schemas.Price{}}
	x.ID = schemas.ExtractionID(a.ID, a.Version, 1, x.By)
	if s.typ != "" {
		x.Signals = []schemas.Signal{{
			ID: schemas.SignalID(a.ID, s.typ, s.parties), Type: s.typ, Status: s.status, Parties: s.parties, Territory: s.territory, Amount: s.amount,
			Evidence: schemas.Quote{Text: s.quote, Span: schemas.Span{Start: len(s.before), End: len(s.before) + len(s.quote)}}, Cue: s.cue, Confidence: 0.9, Rule: "test",
		}}
	}
	for _, p := range s.parties {
		for i := range a.Text {
			if p.Known && strings.HasPrefix(a.Text[i:], p.Name) {
				x.Vendors = append(x.Vendors, schemas.Mention{ID: p.ID, Name: p.Name, Salience: "about", Mentions: []schemas.Span{{Start: i, End: i + len(p.Name)}}})
				break
			}
		}
	}
	if s.price != nil {
		p := *s.price
		p.Start = strings.Index(a.Text, p.Text)
		p.End = p.Start + len(p.Text)
		p.Evidence = schemas.Quote{Text: s.quote, Span: schemas.Span{Start: len(s.before), End: len(s.before) + len(s.quote)}}
		p.ID = schemas.PriceID(a.ID, p.Span, p.Kind)
		x.Prices = append(x.Prices, p)
	}
	return x
}

// dealOf gathers stories into the deal they tell.
func dealOf(stories ...story) schemas.Deal {
	d := schemas.Deal{Type: stories[0].typ, Parties: stories[0].parties, Outlets: 0, Rev: len(stories)}
	seen := map[string]bool{}
	for i, s := range stories {
		x := s.extraction()
		a := x.Article
		if i == 0 {
			d.ID = schemas.DealID(schemas.Family(s.typ), schemas.PartyKey(s.parties), a.ID)
			d.First, d.Seen = a.Published, a.Fetched
		}
		if d.Status != s.status {
			d.Status, d.Updated = s.status, a.Published
			d.History = append(d.History, schemas.Change{Status: s.status, At: a.Published, Article: a.ID, Source: a.Source})
		}
		d.Evidence = append(d.Evidence, schemas.Evidence{Article: a.ID, Source: a.Source, Outlet: a.Outlet, URL: a.URL, Lang: a.Lang, Title: a.Title, Published: a.Published, Seen: a.Fetched, Signal: x.Signals[0]})
		if !seen["o"+a.Source] {
			seen["o"+a.Source] = true
			d.Outlets++
		}
		if !seen["l"+a.Lang] {
			seen["l"+a.Lang] = true
			d.Langs = append(d.Langs, a.Lang)
		}
		if s.territory != nil {
			d.Territory = s.territory
		}
		if s.amount != nil {
			d.Amount = s.amount
		}
		d.Score = 0.9
	}
	return d
}

var (
	nutanixIngram = []schemas.Party{party("nutanix", "Nutanix", "vendor"), party("ingram-micro", "Ingram Micro", "distributor")}
	longSentence  = "Selon plusieurs sources proches du dossier, qui ont demandé à ne pas être nommées tant que les instances représentatives du personnel n’ont pas été consultées, et après des mois de discussions entre les équipes de direction des deux groupes, Broadcom va racheter Nutanix pour un montant de 9,5 milliards de dollars, sous réserve de l’accord des autorités de la concurrence en Europe et aux États-Unis, ce qui pourrait prendre jusqu’à dix-huit mois."

	rumour = story{source: "lemag", outlet: "Le Mag", lang: "fr", day: "2026-02-02 09:00", title: "Nutanix cherche un grossiste en France",
		before: "L’éditeur recrute.\n\nD’après nos informations, ", quote: "Nutanix serait en discussion avec Ingram Micro pour la France.", after: " Rien n’est signé.",
		typ: "distribution", status: "rumoured", cue: "serait en discussion", parties: nutanixIngram, territory: []string{"fr"}}
	signed = story{source: "channelpost", outlet: "Channel Post", lang: "en", day: "2026-03-12 08:30", title: "Nutanix signs with Ingram Micro in France",
		before: "Big news today. ", quote: "Nutanix has signed a distribution agreement with Ingram Micro, covering France.", after: " More to come.",
		typ: "distribution", status: "announced", cue: "has signed", parties: nutanixIngram, territory: []string{"fr"}}
	takeover = story{source: "lemag", outlet: "Le Mag", lang: "fr", day: "2026-03-29 23:30", title: "Broadcom veut Nutanix",
		before: "Coup de tonnerre. ", quote: longSentence, after: "\n\nÀ suivre.",
		typ: "acquisition", status: "rumoured", cue: "va racheter", parties: []schemas.Party{party("broadcom", "Broadcom", "acquirer"), party("nutanix", "Nutanix", "target")},
		amount: &schemas.Amount{Low: ptr("9500000000"), High: ptr("9500000000"), Currency: "USD"}}
	hosting = story{source: "channelpost", outlet: "Channel Post", lang: "en", day: "2026-04-13 07:00", title: `=HYPERLINK("http://e","x") <script>alert(1)</script>`,
		before: "Cloud. ", quote: "OVHcloud and Acme Widgets, a start-up, formed an alliance & said “yes”.", after: "",
		typ: "partnership", status: "announced", cue: "formed an alliance", parties: []schemas.Party{party("ovhcloud", "OVHcloud", "partner"), party("x-acme-widgets", "Acme Widgets", "partner")}}
	reminder = story{source: "lemag", outlet: "Le Mag", lang: "fr", day: "2026-04-01 07:00", title: "Retour sur un rachat",
		quote: "En 2016, Dell avait racheté EMC.", typ: "acquisition", status: "background", cue: "avait racheté", parties: []schemas.Party{party("dell", "Dell", "acquirer"), party("x-emc", "EMC", "target")}}
	server = story{source: "lemag", outlet: "Le Mag", lang: "fr", day: "2026-04-14 11:00", title: "Dell : des serveurs plus chers",
		before: "Tarifs. ", quote: "Le PowerEdge R770 de Dell est proposé à partir de 9 900 € HT.", after: " " + strings.Repeat("La suite de l’article est longue. ", 40),
		parties: []schemas.Party{party("dell", "Dell", "")},
		price: &schemas.Price{Text: "9 900 €", Amount: schemas.Amount{Low: ptr("9900"), Currency: "EUR"}, Kind: "product_price", Qualifier: "from", Tax: "excl",
			Vendor: &schemas.VendorRef{ID: "dell", Name: "Dell"}, Product: "PowerEdge R770"}}
	secret = story{source: "reserve", outlet: "Réservé", lang: "fr", day: "2026-04-10 11:00", title: "Sans extrait", quote: "Ce texte ne doit jamais être montré au public.", rights: "nosnippet"}
)

func samples() ([]schemas.Extraction, []schemas.DealEvent) {
	var xs []schemas.Extraction
	for _, s := range []story{rumour, signed, takeover, hosting, reminder, server, secret} {
		xs = append(xs, s.extraction())
	}
	var ds []schemas.DealEvent
	for _, d := range []schemas.Deal{dealOf(rumour, signed), dealOf(takeover), dealOf(hosting), dealOf(reminder)} {
		ds = append(ds, schemas.DealEvent{Kind: "new", Deal: d})
	}
	return xs, ds
}

// answer is what came back.
type answer struct {
	*http.Response
	body []byte
}

func (a answer) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%s: %v in %.200s", a.Request.URL, err, a.body)
	}
}

// do sends a request and holds the answer against the description.
func (w *world) do(req *http.Request) answer {
	w.t.Helper()
	res, err := w.http.Client().Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("%s: %v", req.URL, err)
	}
	a := answer{res, body}
	if w.spec != nil {
		w.spec.hold(w.t, a)
	}
	return a
}

func (w *world) request(method, path string, v url.Values, body string) *http.Request {
	w.t.Helper()
	u := w.http.URL + path
	if len(v) > 0 {
		u += "?" + v.Encode()
	}
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, u, r)
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// get asks for path with the parameters given in pairs.
func (w *world) get(path string, params ...string) answer {
	w.t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		v.Add(params[i], params[i+1])
	}
	return w.do(w.request(http.MethodGet, path, v, ""))
}

// ok is get for what must succeed.
func (w *world) ok(v any, path string, params ...string) answer {
	w.t.Helper()
	a := w.get(path, params...)
	if a.StatusCode != http.StatusOK {
		w.t.Fatalf("%s %v: %d %s", path, params, a.StatusCode, a.body)
	}
	if v != nil {
		a.into(w.t, v)
	}
	return a
}

type problem struct {
	Type, Title, Detail string
	Status              int
	RequestID           string `json:"request_id"`
	Errors              []struct {
		Code, Detail, Parameter string
		Position, Length        int
		Suggestion              []string
	}
}

// fails is get for what must fail with a problem.
func (w *world) fails(status int, name, path string, params ...string) problem {
	w.t.Helper()
	a := w.get(path, params...)
	return w.isProblem(a, status, name)
}

func (w *world) isProblem(a answer, status int, name string) problem {
	w.t.Helper()
	var p problem
	if a.StatusCode != status || a.Header.Get("Content-Type") != "application/problem+json" {
		w.t.Errorf("%s %s: %d %s %.300s, want %d %s", a.Request.Method, a.Request.URL, a.StatusCode, a.Header.Get("Content-Type"), a.body, status, name)
		return p
	}
	a.into(w.t, &p)
	if p.Type != "/problems/"+name || p.Status != status || p.Title == "" || p.RequestID == "" || p.RequestID != a.Header.Get("X-Request-Id") || a.Header.Get("ETag") != "" {
		w.t.Errorf("%s: problem %s, want %s with a title, a request id and no entity tag", a.Request.URL, a.body, name)
	}
	if bytes.Contains(a.body, []byte("goroutine")) || bytes.Contains(a.body, []byte(".go:")) {
		w.t.Errorf("%s: an inside view: %s", a.Request.URL, a.body)
	}
	return p
}

// dealList is what the tests read of a list of deals.
type dealList struct {
	Data []schemas.Deal
	Page struct {
		Next         *string
		Limit, Total int
	}
	Query struct {
		Canonical, Words string
		Hints            []struct{ Code string }
	}
	Facets map[string][]struct {
		Value string
		Count int
	}
	Groups []struct {
		Value string
		Count int
	}
}

func TestWhoDistributesInFrance(t *testing.T) {
	w := press(t, nil)
	var got dealList
	w.ok(&got, "/api/v1/deals", "q", "vendor:nutanix type:distribution status:announced,in_effect territory:fr since:2026-01", "group", "distributor")
	if got.Page.Total != 1 || len(got.Data) != 1 || fmt.Sprint(got.Groups) != "[{ingram-micro 1}]" {
		t.Fatalf("got %+v", got)
	}
	d := got.Data[0]
	if d.Status != "announced" || len(d.Evidence) != 2 || d.Evidence[1].Signal.Evidence.Text != signed.quote || d.Evidence[1].URL == "" || d.Evidence[0].Lang != "fr" {
		t.Errorf("deal %+v", d)
	}
}

func unescape(s string) (string, error) { return url.PathUnescape(s) }

func nilLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// options are those the server was made of.
func (w *world) options() serve.Options { return w.opt }

func (w *world) putOne(x schemas.Extraction, d schemas.Deal) {
	w.t.Helper()
	w.put([]schemas.Extraction{x}, []schemas.DealEvent{{Kind: "new", Deal: d}})
}
