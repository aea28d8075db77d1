package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/veille/query"
	"example.org/veille/schemas"
)

// world makes random documents and queries of one small vocabulary, so that they
// meet often: elisions with both apostrophes, accents, ligatures, narrow spaces,
// names with signs, stop words, decomposed letters.
type world struct{ r *rand.Rand }

var worldWords = strings.Fields(`l’éditeur l'éditeur éditeurs editeur d’Orange Orange aujourd’hui aujourd'hui
	marché marches marche marché cœur coeur nœuds distribuer distribue distribution distributeur accord accords
	the of signed signs partners partnership partner le la les de et a C++ C# AT&T S/4HANA s4hana R&D
	hewlett-packard Hewlett O’Reilly Ireland's Ireland 300 300 000 300,000 12,5 œuvre Nutanix Arrow cloud
	souverain souveraine l’hyperconvergence hyperconvergence qu’Arrow serveurs serveur server's servers naïve
	STRASSE straße d'après après stratégie stratégique 2026 v2.0 e-mail email Ümlaut zero`)

func (w world) word() string { return worldWords[w.r.IntN(len(worldWords))] }

func (w world) one(of ...string) string { return of[w.r.IntN(len(of))] }

func (w world) text(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(w.one(" ", " ", " ", " ", "\u00a0", "\u202f", ", ", ". ", " « ", "\n\n", "-"))
		}
		b.WriteString(w.word())
	}
	return b.String()
}

func (w world) vendor() string { return w.one("hpe", "dell", "nutanix", "arrow", "x-orange") }

func (w world) at() time.Time {
	if w.r.IntN(3) == 0 { // midnight in Paris, where days begin
		return time.Date(2026, 1, w.r.IntN(70), 23, 0, 0, 0, time.UTC)
	}
	return time.Date(2026, 1, 1+w.r.IntN(70), w.r.IntN(24), w.r.IntN(60), 0, 0, time.UTC)
}

func (w world) extraction(n int) schemas.Extraction {
	x := extraction(n, w.one("fr", "fr", "en", "en", "de"), w.text(1+w.r.IntN(5)), w.text(w.r.IntN(25)))
	x.Article.Published, x.Article.Source = w.at(), w.one("gazette", "herald")
	x.Article.Paywalled = w.r.IntN(4) == 0
	for range w.r.IntN(3) {
		x.Vendors = append(x.Vendors, schemas.Mention{ID: w.vendor()})
	}
	for i := range w.r.IntN(3) {
		p := price(fmt.Sprintf("p_%03d%d", n, i), w.one("10", "99.5", "1000", "20000"))
		p.Kind, p.Currency, p.Vendor = w.one(schemas.PriceKinds...), w.one("EUR", "USD"), nil
		if w.r.IntN(3) == 0 {
			p.High = nil
		}
		if w.r.IntN(2) == 0 {
			p.Vendor = &schemas.VendorRef{ID: w.vendor()}
		}
		p.Product = w.one("", "PowerEdge", "cœur 9")
		p.Evidence.Text = w.text(w.r.IntN(8))
		x.Prices = append(x.Prices, p)
	}
	return x
}

func (w world) deal(n int) schemas.Deal {
	d := deal(n, w.one(schemas.Types...), w.one(schemas.Statuses...), w.vendor(), w.vendor())
	d.First, d.Outlets, d.Score = w.at(), 1+w.r.IntN(4), float64(w.r.IntN(11))/10
	d.Territory = []string{w.one("fr", "de", "emea")}[:w.r.IntN(2)]
	d.Langs = []string{"fr", "en"}[:1+w.r.IntN(2)]
	if w.r.IntN(3) == 0 {
		v := w.one("1000000", "2500000.50")
		d.Amount = &schemas.Amount{Low: &v, Currency: "EUR"}
	}
	d.Evidence = nil
	for range w.r.IntN(3) {
		d.Evidence = append(d.Evidence, schemas.Evidence{Article: fmt.Sprintf("a_%03d", w.r.IntN(100)), Source: w.one("gazette", "herald"),
			Lang: w.one("fr", "en"), Title: w.text(4), Signal: schemas.Signal{Evidence: schemas.Quote{Text: w.text(6)}}})
	}
	return d
}

func (w world) query(depth int) string {
	switch n := w.r.IntN(14); {
	case depth > 0 && n < 4:
		return w.query(depth-1) + w.one(" ", " OR ", " AND ", " OU ") + w.query(depth-1)
	case depth > 0 && n == 4:
		return "-" + w.one("", "") + "(" + w.query(depth-1) + ")"
	case n == 5:
		return "-" + w.word()
	case n == 6:
		q := w.word() + " " + w.word()
		if w.r.IntN(2) == 0 {
			q = w.word() + " " + w.word() + " " + w.word()
		}
		return `"` + q + `"`
	case n == 7:
		return "title:" + w.word()
	case n == 8:
		return w.one("vendor:hpe", "vendor:dell,arrow", "distributor:arrow", "maker:nutanix", "pair:hpe~arrow", "vendor:*", "source:herald", "lang:fr", "lang:en")
	case n == 9:
		return w.one("type:distribution,acquisition", "status:announced", "status:background,denied", "territory:fr", "territory:*", "territory:emea", "-territory:europe", "is:paywalled", "has:price", "has:product", "is:bilingual", "product:poweredge", "currency:USD", "price_kind:fine,salary")
	case n == 10:
		return w.one("since:2026-02", "until:2026-01-20", "date:2026-01", "since:10d", "date:2026-01-10..2026-02-10", "date:>2026-02-01", "price:>100", "price:10..99.5", "price:<=1000", "value:>1M", "sources:>2", "confidence:>=0.5", "value:*")
	case n == 11:
		return w.one("edit*", "éditeu*", "distr*", "march*", "hyper*", "serv*", "naï*", "nuta*")
	case n == 12:
		return w.one("serveur~", "nutanx~", "éditer~", "acord~", "partenr~", "strateige~")
	}
	return w.word()
}

// found lists the ids a view finds, without reading the documents.
func found(t testing.TB, ix *Index, view, q string) (out []string) {
	t.Helper()
	kind, _ := kindOf(view)
	err := ix.withSnapshot(func(s *snapshot) error {
		c := compiler{snap: s, kind: kind, now: ix.opt.Now()}
		for _, scored := range []bool{false, true} {
			var ids []string
			b := c.compile(parse(t, q), scored)
			err := s.each(t.Context(), b, scored, func(b block) {
				for _, doc := range b.docs {
					id, err := s.segs[b.seg].DocID(uint64(doc))
					if err != nil {
						t.Error(err)
					}
					ids = append(ids, string(id))
				}
			})
			if err != nil {
				return err
			}
			slices.Sort(ids)
			if scored && !slices.Equal(ids, out) {
				t.Errorf("%s %q: %d hits ranked, %d by date", view, q, len(ids), len(out))
			}
			out = ids
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%s %q: %v", view, q, err)
	}
	return out
}

// What a search finds and what the in-memory matcher of alerts says is the same,
// for every document and query.
func TestSearchEqualsMatch(t *testing.T) {
	queries := 1000 // a million pairs in all
	if testing.Short() {
		queries = 100
	}
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := world{rand.New(rand.NewPCG(seed, 7))}
			ix := open(t, t.TempDir())
			docs := map[string]map[string]*query.Doc{Articles: {}, Deals: {}, Prices: {}}
			for round := range 5 {
				var xs []schemas.Extraction
				var es []schemas.DealEvent
				for n := range 120 {
					if round > 0 && w.r.IntN(3) > 0 {
						continue // the others stay as they are
					}
					x := w.extraction(n)
					x.At = day(1 + round)
					xs = append(xs, x)
					for id := range docs[Prices] {
						if strings.HasPrefix(id, fmt.Sprintf("p_%03d", n)) {
							delete(docs[Prices], id)
						}
					}
					docs[Articles][x.Article.ID] = query.NewDoc(query.ArticleRecord(x, nil), Analyze)
					for _, p := range x.Prices {
						docs[Prices][p.ID] = query.NewDoc(query.PriceRecord(p, x.Article, nil), Analyze)
					}
					d := w.deal(n)
					e := schemas.DealEvent{Kind: "new", Deal: d}
					if w.r.IntN(6) == 0 {
						e.Kind = "retracted"
						delete(docs[Deals], d.ID)
					} else {
						docs[Deals][d.ID] = query.NewDoc(query.DealRecord(d, nil), Analyze)
					}
					es = append(es, e)
					if len(xs) == 9 {
						put(t, ix, xs...)
						xs = nil
					}
				}
				put(t, ix, xs...)
				if err := ix.PutDeals(t.Context(), es); err != nil {
					t.Fatal(err)
				}
			}
			pairs, hits := 0, 0
			for range queries {
				q := w.query(3)
				plan := query.Compile(parse(t, q), Analyze)
				for view, of := range docs {
					var want []string
					for id, d := range of {
						if pairs++; plan.Match(d, ix.opt.Now()) {
							want = append(want, id)
							hits++
						}
					}
					slices.Sort(want)
					if got := found(t, ix, view, q); !slices.Equal(got, want) {
						t.Fatalf("%s %q\nplan   %s\nsearch %v\nmatch  %v", view, q, plan, got, want)
					}
				}
			}
			if hits*10 < pairs {
				t.Errorf("%d of %d pairs match, want at least a tenth", hits, pairs)
			}
			t.Logf("%d pairs, %d match", pairs, hits)
		})
	}
}
