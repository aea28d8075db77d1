package index

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/veille/query"
	"example.org/veille/schemas"
)

func open(t testing.TB, dir string) *Index {
	t.Helper()
	ix, err := Open(slog.New(slog.NewTextHandler(t.Output(), nil)), dir, Options{Now: func() time.Time { return day(60) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ix.Close(); err != nil {
			t.Error(err)
		}
	})
	return ix
}

// day is the n-th day of 2026 at noon, Paris time.
func day(n int) time.Time { return time.Date(2026, 1, n, 11, 0, 0, 0, time.UTC) }

func parse(t testing.TB, q string) query.Query {
	t.Helper()
	p, err := query.Parse(q, query.Options{Now: day(60)})
	if err != nil {
		t.Fatalf("parse %q: %v", q, err)
	}
	return p
}

func extraction(n int, lang, title, text string, vendors ...string) schemas.Extraction {
	id := fmt.Sprintf("a_%03d", n)
	x := schemas.Extraction{ID: "x_" + id, By: "extract/1", At: day(n), Article: schemas.Article{
		ID: id, Version: "1", Source: "gazette", Outlet: "La Gazette", URL: "https://gazette.example/" + id, Lang: lang,
		Title: title, Text: text, Published: day(n), Fetched: day(n),
	}}
	for _, v := range vendors {
		x.Vendors = append(x.Vendors, schemas.Mention{ID: v, Name: v, Salience: "about"})
	}
	return x
}

func price(id, low string) schemas.Price {
	return schemas.Price{ID: id, Text: low + " €", Amount: schemas.Amount{Low: &low, High: &low, Currency: "EUR"},
		Kind: "product_price", Qualifier: "list", Vendor: &schemas.VendorRef{ID: "dell", Name: "Dell"}, Product: "PowerEdge"}
}

func deal(n int, typ, status string, parties ...string) schemas.Deal {
	d := schemas.Deal{ID: fmt.Sprintf("d_%03d", n), Type: typ, Status: status, First: day(n), Updated: day(n), Seen: day(n),
		Langs: []string{"fr"}, Outlets: 1, Territory: []string{"fr"}, Score: 0.9}
	roles := []string{"vendor", "distributor"}
	for i, p := range parties {
		d.Parties = append(d.Parties, schemas.Party{ID: p, Name: p, Role: roles[i%2], Known: true})
	}
	d.Evidence = []schemas.Evidence{{Article: fmt.Sprintf("a_%03d", n), Source: "gazette", Lang: "fr", Title: "Un accord", Published: day(n),
		Signal: schemas.Signal{Type: typ, Status: status, Evidence: schemas.Quote{Text: parties[0] + " signe avec " + parties[len(parties)-1]}}}}
	return d
}

func ids(r Result) (out []string) {
	for _, d := range r.Deals {
		out = append(out, d.ID)
	}
	for _, a := range r.Articles {
		out = append(out, a.Article.ID)
	}
	for _, p := range r.Prices {
		out = append(out, p.ID)
	}
	return out
}

func find(t testing.TB, ix *Index, req Request, q string) []string {
	t.Helper()
	req.Query = parse(t, q)
	if req.Limit == 0 {
		req.Limit = 100
	}
	r, err := ix.Search(t.Context(), req)
	if err != nil {
		t.Fatalf("search %q: %v", q, err)
	}
	if r.Total < len(ids(r)) {
		t.Errorf("search %q: total %d under %d rows", q, r.Total, len(ids(r)))
	}
	return ids(r)
}

func put(t testing.TB, ix *Index, xs ...schemas.Extraction) {
	t.Helper()
	if err := ix.PutExtractions(t.Context(), xs); err != nil {
		t.Fatal(err)
	}
}

func putDeals(t testing.TB, ix *Index, ds ...schemas.Deal) {
	t.Helper()
	var es []schemas.DealEvent
	for _, d := range ds {
		es = append(es, schemas.DealEvent{Kind: "new", Deal: d})
	}
	if err := ix.PutDeals(t.Context(), es); err != nil {
		t.Fatal(err)
	}
}

func TestPutTwiceIsPutOnce(t *testing.T) {
	ix := open(t, t.TempDir())
	x := extraction(1, "fr", "Dell augmente ses prix", "Les serveurs PowerEdge passent à 9 900 €.", "dell")
	x.Prices = []schemas.Price{price("p_1", "9900"), price("p_2", "12000")}
	for range 2 {
		put(t, ix, x)
		putDeals(t, ix, deal(1, "distribution", "announced", "nutanix", "arrow"), deal(2, "distribution", "background", "nutanix", "also"))
		a, d, p, err := ix.Counts() // a mere reminder is no deal
		if err != nil || a != 1 || d != 1 || p != 2 {
			t.Fatalf("counts = %d, %d, %d, %v; want 1, 1, 2", a, d, p, err)
		}
	}
	got, err := ix.Article("a_001")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(x, got); d != "" {
		t.Errorf("article came back changed (-put +got):\n%s", d)
	}
}

func TestExtractionReplaces(t *testing.T) {
	ix := open(t, t.TempDir())
	x := extraction(1, "fr", "Dell augmente ses prix", "Les serveurs passent à 9 900 €.", "dell")
	x.Prices = []schemas.Price{price("p_1", "9900"), price("p_2", "12000")}
	put(t, ix, x)
	y := x
	y.At, y.Prices = x.At.Add(time.Hour), []schemas.Price{price("p_2", "12000"), price("p_3", "500")}
	z := y
	z.Article.Fetched, z.Prices = y.Article.Fetched.Add(time.Hour), []schemas.Price{price("p_3", "500")}
	put(t, ix, y, z) // twice in one batch
	if got := find(t, ix, Request{View: Prices}, "vendor:dell"); !cmp.Equal(got, []string{"p_3"}) {
		t.Errorf("prices = %v, want p_3 only", got)
	}
	put(t, ix, x) // late redelivery of the oldest
	if got := find(t, ix, Request{View: Prices}, "vendor:dell"); !cmp.Equal(got, []string{"p_3"}) {
		t.Errorf("prices after a late redelivery = %v, want p_3 only", got)
	}
}

// An article that turns out to repeat another one is gone with its prices, and a
// late delivery does not bring it back.
func TestArticleFolded(t *testing.T) {
	ix := open(t, t.TempDir())
	x := extraction(1, "fr", "Dell augmente ses prix", "Les serveurs passent à 9 900 €.", "dell")
	x.Prices = []schemas.Price{price("p_1", "9900")}
	put(t, ix, x, extraction(2, "fr", "Autre chose", "Rien à voir.", "dell"))
	folded := x
	folded.Article.Fold, folded.Article.Fetched, folded.Prices = "a_002", x.Article.Fetched.Add(time.Hour), nil
	put(t, ix, folded)
	put(t, ix, x)
	if got := find(t, ix, Request{View: Articles}, "vendor:dell"); !cmp.Equal(got, []string{"a_002"}) {
		t.Errorf("articles = %v, want a_002 only", got)
	}
	if articles, _, prices, err := ix.Counts(); articles != 1 || prices != 0 || err != nil {
		t.Errorf("%d articles and %d prices are counted, %v", articles, prices, err)
	}
	if _, err := ix.Article("a_001"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the folded article: %v, want not found", err)
	}
}

// An event that is delivered late does not undo a newer one, nor bring back what
// is gone.
func TestDealDeliveredLate(t *testing.T) {
	ix := open(t, t.TempDir())
	deal := func(rev int, status string) schemas.DealEvent {
		return schemas.DealEvent{Kind: "status", Deal: schemas.Deal{ID: "d_1", Rev: rev, Type: "distribution", Status: status, First: day(1), Updated: day(rev)}}
	}
	gone := schemas.DealEvent{Kind: "retracted", Deal: schemas.Deal{ID: "d_1", Rev: 4}}
	for _, step := range []struct {
		event schemas.DealEvent
		want  string
	}{{deal(2, "announced"), "announced"}, {deal(1, "rumoured"), "announced"}, {deal(3, "ended"), "ended"}, {gone, "gone"}, {deal(3, "ended"), "gone"}, {deal(5, "announced"), "announced"}} {
		if err := ix.PutDeals(t.Context(), []schemas.DealEvent{step.event}); err != nil {
			t.Fatal(err)
		}
		got, err := ix.Deal("d_1")
		status := got.Status
		if g := (*Gone)(nil); errors.As(err, &g) {
			status = "gone"
		} else if err != nil {
			t.Fatal(err)
		}
		if status != step.want {
			t.Errorf("after revision %d the deal is %s, want %s", step.event.Deal.Rev, status, step.want)
		}
	}
}

func TestDealGone(t *testing.T) {
	ix := open(t, t.TempDir())
	putDeals(t, ix, deal(1, "distribution", "announced", "nutanix", "arrow"), deal(2, "distribution", "announced", "nutanix", "arrow"))
	err := ix.PutDeals(t.Context(), []schemas.DealEvent{{Kind: "merged", Into: "d_001", Deal: schemas.Deal{ID: "d_002"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := find(t, ix, Request{}, "vendor:nutanix"); !cmp.Equal(got, []string{"d_001"}) {
		t.Errorf("deals = %v, want d_001 only", got)
	}
	var gone *Gone
	if _, err := ix.Deal("d_002"); !errors.As(err, &gone) || gone.Into != "d_001" {
		t.Errorf("Deal(d_002) = %v, want merged into d_001", err)
	}
	if _, err := ix.Deal("d_009"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Deal(d_009) = %v, want ErrNotFound", err)
	}
	if _, err := ix.Article("d_001"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Article(d_001) = %v, want ErrNotFound", err)
	}
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	ix, err := Open(nil, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(nil, dir, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("second Open: %v, want ErrLocked", err)
	}
	put(t, ix, extraction(1, "en", "Arrow signs", "Arrow distributes Nutanix.", "arrow"))
	gen := ix.Generation()
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ix.Article("a_001"); !errors.Is(err, ErrClosed) {
		t.Errorf("Article after Close: %v, want ErrClosed", err)
	}
	ix = open(t, dir)
	if ix.Generation() != gen {
		t.Errorf("generation %d after reopening, want %d", ix.Generation(), gen)
	}
	if why, needed := ix.NeedsRebuild(); needed {
		t.Errorf("needs rebuild: %s", why)
	}
	if got := find(t, ix, Request{View: Articles}, "nutanix"); len(got) != 1 {
		t.Errorf("found %v after reopening", got)
	}
}
