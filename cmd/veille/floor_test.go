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
		{"../../fixtures/press/gold.jsonl", map[string]float64{"vendors": 0.97, "deals": 0.85, "deals_status": 0.80, "roles": 0.93, "evidence": 0.90, "prices": 0.96, "price_kind": 0.92, "no_deal": 0.95}},
		{"../../extract/testdata/gold/read.jsonl", map[string]float64{"vendors": 0.96, "deals": 0.62, "deals_status": 0.57, "roles": 0.90, "evidence": 0.90, "prices": 0.95, "price_kind": 0.92, "no_deal": 0.93}},
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
