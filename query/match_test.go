package query

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"example.org/veille/schemas"
)

// testStops and testAnalyze stand for the index's analysis in tests: elision,
// folded accents, a few stop words that leave a gap, and a crude stem.
var testStops = map[string]map[string]bool{
	"fr": {"et": true, "de": true, "le": true, "la": true, "c": true, "ou": true, "en": true},
	"en": {"and": true, "the": true, "of": true, "or": true, "a": true, "in": true},
}

func testAnalyze(lang, text string) []Token {
	var out []Token
	pos := 0
	for _, w := range strings.FieldsFunc(fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' }) {
		if len(w) > 2 && w[1] == '\'' {
			w = w[2:]
		}
		pos++
		if testStops[lang][w] {
			continue
		}
		if lang != Plain && len(w) > 4 {
			for _, end := range []string{"ation", "eurs", "eur", "es", "e", "s", "ed", "ing"} {
				if s, ok := strings.CutSuffix(w, end); ok {
					w = s
					break
				}
			}
		}
		out = append(out, Token{w, pos})
	}
	return out
}

func ptr(s string) *string { return &s }

var testDeal = schemas.Deal{
	ID: "d_1", Type: "distribution", Status: "announced", First: time.Date(2026, 3, 12, 23, 30, 0, 0, time.UTC), // 13 March in Paris
	Parties:  []schemas.Party{{ID: "nutanix", Name: "Nutanix", Role: "vendor", Known: true}, {ID: "arrow", Name: "Arrow", Role: "distributor", Known: true}},
	Products: []string{"Cloud Infrastructure"}, Territory: []string{"fr"},
	Amount:  &schemas.Amount{Low: ptr("1500000"), High: nil, Currency: "EUR"},
	Outlets: 2, Langs: []string{"fr", "en"}, Score: 0.9,
	Evidence: []schemas.Evidence{
		{Source: "lemagit", URL: "https://www.example.org/a?utm_source=rss", Lang: "fr", Title: "Arrow devient grossiste de l’éditeur",
			Signal: schemas.Signal{Evidence: schemas.Quote{Text: "Arrow distribuera l’offre de Nutanix en France"}}},
		{Source: "crn", URL: "https://example.com/b", Lang: "en", Title: "Arrow signs Nutanix", Signal: schemas.Signal{Evidence: schemas.Quote{Text: "Arrow signs the vendor in C++ and R&D"}}},
	},
}

func testCatalogue(id string) ([]string, string) {
	switch id {
	case "arrow":
		return []string{"distributor"}, "US"
	case "nutanix":
		return []string{"publisher"}, "US"
	}
	return nil, ""
}

func TestMatch(t *testing.T) {
	deal := NewDoc(DealRecord(testDeal, testCatalogue), testAnalyze)
	for _, test := range []struct {
		in   string
		want bool
	}{
		{``, true},
		{`*`, true},
		{`vendor:nutanix`, true},
		{`vendor:nutanix,dell`, true},
		{`vendor:dell`, false},
		{`-vendor:dell`, true},
		{`vendor:nutanix -vendor:arrow`, false},
		{`distributor:arrow maker:nutanix`, true},
		{`distributor:nutanix`, false},
		{`pair:nutanix~arrow`, true},
		{`pair:nutanix~dell`, false},
		{`kind:distributor@us kind:publisher`, true},
		{`kind:publisher@fr`, false},
		{`type:distribution statut:annoncé pays:fr lang:en lang:fr`, true},
		{`status:background`, false},
		{`source:crn`, true},
		{`source:lemagit,silicon -source:silicon`, true},
		{`currency:EUR value:>1M`, true},
		{`value:>=1.5M value:<=1.5M value:1.5M value:1M..2M`, true},
		{`value:>1.5M`, false},
		{`value:<1.5M`, false},
		{`price:*`, false},
		{`value:* vendor:*`, true},
		{`sources:>1 confidence:>0.8`, true},
		{`has:value has:product is:corroborated is:bilingual is:deal`, true},
		{`is:article`, false},
		{`deal:D_1`, true},
		{`https://example.org/a#top`, true},
		{`product:"cloud infrastructure"`, true},

		// Days of Paris.
		{`date:2026-03-13`, true},
		{`date:2026-03-12`, false},
		{`since:2026-03-13 until:2026-03-13`, true},
		{`since:2026-03-14`, false},
		{`until:2026-03-12`, false},
		{`date:2026-03..2026-04 date:2026 date:>=2026-03-13 date:<=2026-03-13`, true},
		{`date:>2026-03-13`, false},
		{`date:<2026-03-13`, false},
		{`since:80d`, true}, // 13 March is 80 days before 1 June
		{`since:79d`, false},
		{`date:80d`, true},

		// Words of both languages; stop words of either are left out.
		{`nutanix`, true},
		{`NUTANIX et arrow`, true},
		{`nutanix and arrow`, true},
		{`nutanix OR dell`, true},
		{`dell OR the`, false},
		{`grossistes`, true}, // stemmed
		{`editeur`, true},    // folded, elided
		{`l’éditeur`, true},
		{`title:éditeur`, true},
		{`title:offre`, false},
		{`"offre de nutanix"`, true},
		{`"offre nutanix"`, false},
		{`"nutanix offre"`, false},
		{`"l’offre de Nutanix en France"`, true},
		{`"arrow signs nutanix"`, true},
		{`"france arrow"`, false}, // two sentences
		{`"de la"`, false},
		{`C++`, true},
		{`C#`, true}, // the analysis keeps letters only
		{`nutan*`, true},
		{`nutani* offr*`, true},
		{`title:distri*`, false},
		{`distri*`, true},
		{`nutanx~`, true},
		{`nuatnix~`, true},  // two neighbours swapped
		{`untanix~`, false}, // the first two letters must be right
		{`nutnx~`, false},
		{`the`, true}, // nothing else is asked for
		{`le`, false},
		{`-the`, false},
		{`nutanix -the`, true},
	} {
		q, err := Parse(test.in, testOptions())
		if err != nil {
			t.Errorf("Parse(%q): %v", test.in, err)
			continue
		}
		if got := Match(q, deal, testAnalyze, testNow); got != test.want {
			t.Errorf("%q: got %v, want %v; plan %s", test.in, got, test.want, Compile(q, testAnalyze))
		}
	}

	// A deal that is only background is found when the status is named.
	old := testDeal
	old.Status = "background"
	doc := NewDoc(DealRecord(old, nil), testAnalyze)
	for in, want := range map[string]bool{``: false, `vendor:nutanix`: false, `vendor:nutanix status:background`: true, `status:*`: true, `-status:ended`: true} {
		q, err := Parse(in, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		if got := Match(q, doc, testAnalyze, testNow); got != want {
			t.Errorf("background deal, %q: got %v, want %v", in, got, want)
		}
	}
}

// TestEffective holds the printed default and the compiled one together.
func TestEffective(t *testing.T) {
	for _, in := range []string{``, `x`, `x OR y`, `x y`, `status:announced`, `-status:*`} {
		q, err := Parse(in, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		if a, b := Compile(q, testAnalyze).String(), Compile(q.Effective(), testAnalyze).String(); a != b {
			t.Errorf("%q compiles to %s, its effective form to %s", in, a, b)
		}
		if got := q.Effective().Effective().String(); got != q.Effective().String() {
			t.Errorf("%q: the default is added twice: %s", in, got)
		}
	}
}

func TestArticleAndPriceRecords(t *testing.T) {
	a := schemas.Article{ID: "a_1", Source: "crn", URL: "https://example.com/b", Lang: "fr", Title: "Dell relève ses prix", Text: "Le PowerEdge passe à 9 900 € HT.", Published: testNow}
	p := schemas.Price{ID: "p_1", Amount: schemas.Amount{Low: ptr("9900"), High: ptr("9900"), Currency: "EUR"}, Kind: "product_price", Vendor: &schemas.VendorRef{ID: "dell", Name: "Dell"},
		Product: "PowerEdge", Evidence: schemas.Quote{Text: a.Text}}
	x := schemas.Extraction{Article: a, Prices: []schemas.Price{p}, Vendors: []schemas.Mention{{ID: "dell", Name: "Dell"}}}
	article, price := NewDoc(ArticleRecord(x, nil), testAnalyze), NewDoc(PriceRecord(p, a, nil), testAnalyze)
	for _, test := range []struct {
		in             string
		article, price bool
	}{
		{`vendor:dell`, true, true},
		{`vendor:dell product:poweredge price_kind:product_price price:>9k currency:EUR`, false, true},
		{`has:price lang:fr source:crn`, true, true},
		{`has:deal`, false, false},
		{`powere* "relève ses prix"`, true, true},
		{`is:article date:today`, true, false},
		{`type:*`, false, false},
	} {
		q, err := Parse(test.in, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		if got := Match(q, article, testAnalyze, testNow); got != test.article {
			t.Errorf("article, %q: got %v", test.in, got)
		}
		if got := Match(q, price, testAnalyze, testNow); got != test.price {
			t.Errorf("price, %q: got %v", test.in, got)
		}
	}
}

func TestCompileIsStopSafe(t *testing.T) {
	for in, want := range map[string]string{
		`nutanix et arrow status:*`: `(and (or title_fr:nutanix text_fr:nutanix title_en:nutanix text_en:nutanix) (or title_fr:arrow text_fr:arrow title_en:arrow text_en:arrow) status:*)`,
		`title:"a de b" status:*`:   `(and (or title_fr:"a _ b" title_en:"de b") status:*)`,
		`C++ status:*`:              `(and (or title_und:c text_und:c) status:*)`,
		`price:>10 status:*`:        `(and price:(10,+Inf) status:*)`,
		`kind:ai,publisher`:         `(and kind:ai|publisher (not status:background))`,
		``:                          `(not status:background)`,
		`& status:*`:                `status:*`,
	} {
		q, err := Parse(in, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		if got := Compile(q, testAnalyze).String(); got != want {
			t.Errorf("%q\n got %s\nwant %s", in, got, want)
		}
	}
}
