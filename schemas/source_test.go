package schemas

import (
	"reflect"
	"testing"
)

func TestLedger(t *testing.T) {
	a := Ledger{Day: "2026-03-01", Listed: 6, Indexed: 2, Duplicate: 1, Refused: map[string]int{"robots": 1}, Failed: map[string]int{"timeout": 1}, Pending: 1}
	if !a.Balanced() {
		t.Errorf("not balanced: %+v", a)
	}
	b := Ledger{Day: "2026-03-02", Listed: 2, Indexed: 1, Refused: map[string]int{"robots": 1}}
	want := Ledger{Day: "2026-03-02", Listed: 8, Indexed: 3, Duplicate: 1, Refused: map[string]int{"robots": 2}, Failed: map[string]int{"timeout": 1}, Pending: 1}
	if got := a.Plus(b); !reflect.DeepEqual(got, want) || !got.Balanced() {
		t.Errorf("got %+v, want %+v", got, want)
	}
	a.Pending++
	if a.Balanced() {
		t.Error("balanced with one item too many")
	}
}

func TestSourceValidate(t *testing.T) {
	for _, c := range []struct {
		s  Source
		ok bool
	}{
		{Source{ID: "presse", Feed: "https://presse.example/rss"}, true},
		{Source{ID: "Presse", Feed: "https://presse.example/rss"}, false},
		{Source{ID: "presse"}, false},
		{Source{ID: "presse", Feed: "file:///etc/passwd"}, false},
	} {
		if err := c.s.Validate(); (err == nil) != c.ok {
			t.Errorf("%+v: %v, want ok = %v", c.s, err, c.ok)
		}
	}
}
