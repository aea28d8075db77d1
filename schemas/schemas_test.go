package schemas_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"example.org/veille/schemas"
)

// TestSamples decodes what version 1 has ever written. A sample is never changed
// or removed; a new field gets a new sample.
func TestSamples(t *testing.T) {
	files, err := filepath.Glob("testdata/v1/*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			e, err := schemas.DecodeEvent(body, "")
			if err != nil {
				t.Fatal(err)
			}
			validate(t, "event", body)
			switch e.Type {
			case schemas.TypeArticle:
				a := into[schemas.Article](t, e)
				validate(t, "article", e.Data)
				if err := a.Validate(); err != nil {
					t.Error(err)
				}
			case schemas.TypeExtraction:
				x := into[schemas.Extraction](t, e)
				validate(t, "extraction", e.Data)
				if err := x.Validate(); err != nil {
					t.Error(err)
				}
				if len(x.Signals) == 0 || len(x.Prices) == 0 || len(x.Vendors) == 0 {
					t.Error("a sample that shows nothing")
				}
			case schemas.TypeDeal:
				into[schemas.DealEvent](t, e)
				validate(t, "deal-event", e.Data)
			case schemas.TypePrice:
				into[schemas.Price](t, e)
				validate(t, "price", e.Data)
			case schemas.TypeDead:
				into[schemas.Dead](t, e)
				validate(t, "dead", e.Data)
			default:
				t.Errorf("a sample of unknown type %q", e.Type)
			}
		})
	}
}

// into decodes the data and checks that no field of the sample is lost on the way.
func into[T any](t *testing.T, e schemas.Event) T {
	t.Helper()
	var v T
	if err := e.Into(&v); err != nil {
		t.Fatal(err)
	}
	back, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var want, got map[string]any
	if err := json.Unmarshal(e.Data, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(back, &got); err != nil {
		t.Fatal(err)
	}
	for key, value := range want {
		if diff := cmp.Diff(value, got[key]); diff != "" {
			t.Errorf("field %s is not what was written:\n%s", key, diff)
		}
	}
	return v
}

// validate holds a sample to the published schema.
func validate(t *testing.T, name string, body []byte) {
	t.Helper()
	c := jsonschema.NewCompiler()
	s, err := c.Compile(name + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("against %s.schema.json: %v", name, err)
	}
}

func TestArticleValidate(t *testing.T) {
	good := schemas.Article{ID: "a_1", Version: "v", Source: "crn", Lang: "en", Title: "T", Text: "Text", URL: "https://crn.example/1", Published: time.Unix(1, 0)}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, edit := range map[string]func(*schemas.Article){
		"without id":             func(a *schemas.Article) { a.ID = "" },
		"is not a slug":          func(a *schemas.Article) { a.Source = "Le Grossiste" },
		"no version":             func(a *schemas.Article) { a.Version = "" },
		"no language":            func(a *schemas.Article) { a.Lang = "" },
		"neither title nor text": func(a *schemas.Article) { a.Title, a.Text = " ", "\n" },
		"text of 204801 bytes":   func(a *schemas.Article) { a.Text = strings.Repeat("x", schemas.MaxText+1) },
		"not valid UTF-8":        func(a *schemas.Article) { a.Text = "caf\xe9" },
		"no published time":      func(a *schemas.Article) { a.Published = time.Time{} },
		"address of 5000 bytes":  func(a *schemas.Article) { a.URL = strings.Repeat("u", 5000) },
		"title of 3000 bytes":    func(a *schemas.Article) { a.Title = strings.Repeat("t", 3000) },
	} {
		a := good
		edit(&a)
		if err := a.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestExtractionValidate(t *testing.T) {
	quote := func(s, in string, start int) schemas.Quote {
		return schemas.Quote{Text: s, Span: schemas.Span{In: in, Start: start, End: start + len(s)}}
	}
	low := "9900"
	good := func() schemas.Extraction {
		return schemas.Extraction{
			ID: "x_1", By: "extract/1",
			Article: schemas.Article{ID: "a_1", Title: "Arrow signe Nutanix", Text: "Dès 9 900 € HT."},
			Vendors: []schemas.Mention{{ID: "nutanix", Name: "Nutanix", Mentions: []schemas.Span{{In: "title", Start: 12, End: 19}}}},
			Signals: []schemas.Signal{{Type: "distribution", Status: "announced", Parties: []schemas.Party{{ID: "nutanix"}}, Evidence: quote("Arrow signe Nutanix", "title", 0)}},
			Prices:  []schemas.Price{{Text: "9 900 €", Span: schemas.Span{Start: 5, End: 14}, Amount: schemas.Amount{Low: &low, Currency: "EUR"}, Kind: "product_price", Evidence: quote("Dès 9 900 € HT.", "", 0)}},
		}
	}
	x := good()
	x.Prices[0].Text = x.Prices[0].Of(x.Article.Title, x.Article.Text)
	if err := x.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, edit := range map[string]func(*schemas.Extraction){
		"signal type":     func(x *schemas.Extraction) { x.Signals[0].Type = "rumour" },
		"signal status":   func(x *schemas.Extraction) { x.Signals[0].Status = "signed" },
		"without parties": func(x *schemas.Extraction) { x.Signals[0].Parties = nil },
		"its quote":       func(x *schemas.Extraction) { x.Signals[0].Evidence.Text = "Arrow signe Dell" },
		"outside":         func(x *schemas.Extraction) { x.Vendors[0].Mentions[0].End = 999 },
		"price kind":      func(x *schemas.Extraction) { x.Prices[0].Kind = "cheap" },
		"price of":        func(x *schemas.Extraction) { x.Prices[0].Start = -1 },
	} {
		x := good()
		x.Prices[0].Text = x.Prices[0].Of(x.Article.Title, x.Article.Text)
		edit(&x)
		if err := x.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestTokens(t *testing.T) {
	for in, want := range map[string]string{
		"Le Grossiste": "le-grossiste", "Télé & Réseaux": "tele-reseaux", "": "none", "***": "none", "a.b>c*d": "a-b-c-d",
		"ÉCLAIR": "eclair", "x_y": "x_y", "日本": "none", strings.Repeat("long ", 40): strings.Repeat("long-", 12) + "l",
	} {
		if got := schemas.Token(in); got != want {
			t.Errorf("Token(%q) = %q, want %q", in, got, want)
		}
		if got := schemas.Token(want); got != want {
			t.Errorf("Token(%q) = %q: a token is not its own token", want, got)
		}
	}
}

// TestIDs fixes the ids: data written by one version must be found by the next.
func TestIDs(t *testing.T) {
	ps := []schemas.Party{{ID: "nutanix"}, {ID: "arrow-ecs"}}
	for got, want := range map[string]string{
		schemas.ArticleID("crn", "guid-1"):                                      "a_evay5kcsf7zpnhce",
		schemas.ContentVersion("Title", "Text"):                                 "wtf5axsfvsen65hw",
		schemas.SignalID("a_1", "distribution", ps):                             "s_nkregeuphulctw3j",
		schemas.DealID("resale", schemas.PartyKey(ps), "a_1"):                   "d_st7up4uvmvtlt7tb",
		schemas.PriceID("a_1", schemas.Span{Start: 1, End: 5}, "product_price"): "p_3pm5mnnoougzj5xo",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if schemas.PartyKey(ps) != "arrow-ecs~nutanix" {
		t.Errorf("party key %q", schemas.PartyKey(ps))
	}
	if schemas.ArticleID("a", "bc") == schemas.ArticleID("ab", "c") {
		t.Error("two feeds share an id")
	}
	if schemas.PriceID("a_1", schemas.Span{In: "text", Start: 1, End: 5}, "x") != schemas.PriceID("a_1", schemas.Span{Start: 1, End: 5}, "x") {
		t.Error("the text has two names")
	}
}

func TestSubjects(t *testing.T) {
	d := schemas.Deal{Type: "distribution", Parties: []schemas.Party{{ID: "nutanix"}, {ID: "arrow-ecs"}}}
	three := d
	three.Parties = append(three.Parties, schemas.Party{ID: "hpe"})
	for got, want := range map[string]string{
		schemas.ArticleSubject("new", "fr", "Le Grossiste"): "veille.v1.article.new.fr.le-grossiste",
		schemas.ExtractionSubject("", "crn"):                "veille.v1.extraction.none.crn",
		schemas.DealSubject("status", d):                    "veille.v1.deal.status.distribution.nutanix.arrow-ecs",
		schemas.DealSubject("new", three):                   "veille.v1.deal.new.distribution.nutanix.multi",
		schemas.PriceSubject(schemas.Price{Kind: "price_change", Amount: schemas.Amount{Currency: "%"}}): "veille.v1.price.price_change.pct.none",
		schemas.DeadSubject("index-deals"): "veille.v1.dead.index-deals",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestDecodeEvent(t *testing.T) {
	for body, want := range map[string]string{
		`xx`:                    "invalid character",
		`{}`:                    "specversion",
		`{"specversion":"1.0"}`: "no id",
		`{"specversion":"1.0","id":"1","type":"io.veille.deal.v1","data":{}}`: `want "io.veille.article.v1"`,
		`{"specversion":"1.0","id":"1","type":"io.veille.article.v1"}`:        "no data",
	} {
		_, err := schemas.DecodeEvent([]byte(body), schemas.TypeArticle)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
}
