package main

import (
	"os"
	"strings"
	"testing"

	"example.org/veille/extract/eval"
)

// TestFloors holds extraction to what it has reached on annotated articles, less
// what one article more or less moves. `make score` prints all figures; raise a
// floor when it has been passed for good.
func TestFloors(t *testing.T) {
	for _, tt := range []struct {
		file   string
		floors map[string]float64
	}{
		{"../../fixtures/press/gold.jsonl", map[string]float64{"vendors": 0.97, "deals": 0.91, "deals_status": 0.86, "roles": 0.93, "evidence": 0.90, "prices": 0.96, "price_kind": 0.92, "no_deal": 0.95}},
		{"../../extract/testdata/gold/read.jsonl", map[string]float64{"vendors": 0.96, "deals": 0.80, "deals_status": 0.75, "roles": 0.90, "evidence": 0.90, "prices": 0.95, "price_kind": 0.92, "no_deal": 0.93}},
		// never learnt from
		{"../../extract/testdata/gold/fresh.jsonl", map[string]float64{"vendors": 0.95, "deals": 0.64, "deals_status": 0.60, "roles": 0.92, "evidence": 0.84, "prices": 0.96, "price_kind": 0.90, "no_deal": 0.95}},
	} {
		gold, err := os.ReadFile(tt.file)
		if err != nil {
			t.Fatal(err)
		}
		pred, err := predict(gold)
		if err != nil {
			t.Fatal(err)
		}
		r, err := eval.Score(strings.NewReader(string(gold)), pred)
		if err != nil {
			t.Fatal(err)
		}
		for name, floor := range tt.floors {
			if got := r.Figures()[name]; got < floor {
				t.Errorf("%s: %s is %.3f, its floor %.3f", tt.file, name, got, floor)
			}
		}
		// French and English are equals.
		for name, apart := range map[string]float64{"vendors": 0.05, "prices": 0.05} {
			_, _, fr := r.Lang["fr"].F1(name)
			_, _, en := r.Lang["en"].F1(name)
			if fr-en > apart || en-fr > apart {
				t.Errorf("%s: %s is %.3f in French and %.3f in English", tt.file, name, fr, en)
			}
		}
	}
}
