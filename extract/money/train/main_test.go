package main

import (
	"slices"
	"testing"

	"example.org/veille/extract/money"
)

// defaults are the settings that weights.tsv is made with.
var defaults = settings{penalty: 0.03, words: 0.25, rounds: 30}

// TestHeldBack learns from nine tenths of the articles and judges the kinds in the
// last tenth, which the weights have not seen.
func TestHeldBack(t *testing.T) {
	if testing.Short() {
		t.Skip("learns for some seconds")
	}
	arts, err := load("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range arts {
		if a.file == "blind.jsonl" {
			t.Fatal("blind.jsonl was read")
		}
	}
	r, err := money.New()
	if err != nil {
		t.Fatal(err)
	}
	tr := &trainer{arts: arts, set: defaults, ids: map[string]int{}, kinds: money.ModelKinds()}
	tr.observe(r)
	held := func(a int) bool { return tr.fold(a) == 3 }
	w := tr.fit(func(a int) bool { return !held(a) })
	right, all := 0, 0
	for _, e := range tr.examples {
		if held(e.article) {
			all++
			if tr.best(w, e) == e.kind {
				right++
			}
		}
	}
	t.Logf("%d of %d", right, all)
	if all < 100 || right*100 < all*83 {
		t.Errorf("%d of %d kinds right in articles held back, want 83 in a hundred", right, all)
	}
}

// TestFit holds the fit to a problem whose answer is known.
func TestFit(t *testing.T) {
	tr := &trainer{
		set: defaults, kinds: []string{"a", "b", "c"}, names: []string{"x", "y", "z", "once"}, spread: []int{9, 9, 9, 1},
		arts: make([]article, 4),
	}
	for n := range 4 {
		for k := range 3 {
			tr.examples = append(tr.examples, example{article: n, kind: k, feats: []int{k, 3}, values: []float64{1, 1}, weight: 1})
		}
	}
	w := tr.fit(func(int) bool { return true })
	for k := range 3 {
		if got := tr.best(w, example{feats: []int{k}, values: []float64{1}}); got != k {
			t.Errorf("feature %d speaks for %d", k, got)
		}
	}
	if w[3][0] != 0 {
		t.Error("a feature of one article alone has a weight")
	}
	again := tr.fit(func(int) bool { return true })
	for i := range w {
		if !slices.Equal(w[i], again[i]) {
			t.Errorf("the second fit differs: %v, %v", w[i], again[i])
		}
	}
}

// TestLoadPhrases reads the marks of amounts.
func TestLoadPhrases(t *testing.T) {
	arts, err := loadPhrases("phrases.txt", 1)
	if err != nil {
		t.Fatal(err)
	}
	kinds := money.ModelKinds()
	seen := map[string]int{}
	for _, a := range arts {
		if len(a.spans) == 0 {
			t.Errorf("%s marks no amount: %s", a.id, a.text)
		}
		for _, s := range a.spans {
			if !slices.Contains(kinds, s.kind) {
				t.Errorf("%s: kind %q", a.id, s.kind)
			}
			seen[a.lang+" "+s.kind]++
		}
	}
	for _, lang := range []string{"fr", "en"} {
		for _, k := range kinds {
			if seen[lang+" "+k] < 10 {
				t.Errorf("only %d amounts of %s in %s", seen[lang+" "+k], k, lang)
			}
		}
	}
}
