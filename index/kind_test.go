package index

import (
	"slices"
	"testing"

	"example.org/veille/query"
	"example.org/veille/schemas"
)

// kind: asks for a trade of a party, kind@country for both of one party.
func TestKind(t *testing.T) {
	catalogue := func(id string) ([]string, string) {
		switch id {
		case "aws":
			return []string{"hyperscaler"}, "US"
		case "inetum":
			return []string{"integrator"}, "FR"
		case "bechtle":
			return []string{"integrator", "reseller"}, "DE"
		}
		return nil, ""
	}
	ix, err := Open(nil, t.TempDir(), Options{Catalogue: catalogue})
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	put(t, ix,
		extraction(1, "fr", "AWS s'allie à Inetum", "Une alliance.", "aws", "inetum"),
		extraction(2, "fr", "Bechtle et AWS", "Un contrat.", "aws", "bechtle"),
		extraction(3, "fr", "Inetum déménage", "Des bureaux.", "inetum"),
		extraction(4, "fr", "Un inconnu", "Personne.", "x-nobody"))
	putDeals(t, ix, deal(1, "partnership", "announced", "aws", "inetum"), deal(2, "reseller", "announced", "aws", "bechtle"))
	for _, tt := range []struct {
		view, q string
		want    []string
	}{
		{Articles, "kind:hyperscaler", []string{"a_001", "a_002"}},
		{Articles, "kind:integrator@fr", []string{"a_001", "a_003"}},
		{Articles, "kind:hyperscaler@fr", nil},
		{Articles, "kind:integrator -kind:hyperscaler", []string{"a_003"}},
		{Articles, "kind:reseller,hyperscaler kind:integrator@de", []string{"a_002"}},
		{Deals, "kind:hyperscaler kind:integrator@fr", []string{"d_001"}},
		{Deals, "kind:reseller", []string{"d_002"}},
	} {
		got := find(t, ix, Request{View: tt.view}, tt.q)
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s %s finds %v, want %v", tt.view, tt.q, got, tt.want)
		}
	}
	// The same in memory, as alerts ask.
	q := parse(t, "kind:hyperscaler kind:integrator@fr")
	for id, want := range map[string]bool{"inetum": true, "bechtle": false} {
		d := query.NewDoc(query.DealRecord(schemas.Deal{ID: "d", Status: "announced", Parties: []schemas.Party{{ID: "aws"}, {ID: id}}}, catalogue), Analyze)
		if got := query.Match(q, d, Analyze, day(60)); got != want {
			t.Errorf("aws and %s: %v, want %v", id, got, want)
		}
	}
}
