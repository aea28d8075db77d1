package money

import (
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"example.org/veille/extract/lexicon"
)

// plain turns a node into what a full YAML reader returns, scalars as strings.
func plain(n *node) any {
	switch {
	case n.keys != nil:
		m := map[string]any{}
		n.each(func(k string, v *node) { m[k] = plain(v) })
		return m
	case n.list != nil:
		l := []any{}
		for i := range n.list {
			l = append(l, plain(&n.list[i]))
		}
		return l
	}
	return n.text
}

func strung(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, x := range v {
			m[k] = strung(x)
		}
		return m
	case []any:
		l := []any{}
		for _, x := range v {
			l = append(l, strung(x))
		}
		return l
	case string:
		return v
	case bool:
		if v {
			return "true"
		}
		return "false"
	case uint64:
		return whole(v).String()
	case nil:
		return ""
	}
	return v
}

// TestYAML holds the small reader of the lexicon to a full one.
func TestYAML(t *testing.T) {
	files := map[string][]byte{"currencies.yaml": currenciesYAML}
	for _, name := range []string{"fr/prices.yaml", "en/prices.yaml"} {
		b, err := lexicon.Prices.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = b
	}
	for name, b := range files {
		var want map[string]any
		if err := yaml.Unmarshal(b, &want); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n, err := parseYAML(string(b))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(strung(want), plain(n)); diff != "" {
			t.Errorf("%s differs (-full +small):\n%s", name, diff)
		}
	}
}

// TestLexicon lints the sheets: known names only, no phrase twice in one list.
func TestLexicon(t *testing.T) {
	kinds := map[string]bool{"none": true, "product_price": true, "price_change": true, "deal_value": true, "funding": true, "revenue": true, "market_size": true, "fine": true, "salary": true, "other": true}
	qualifiers := map[string]bool{"from": true, "up_to": true, "approx": true, "range": true, "less_than": true, "more_than": true, "list": true, "street": true, "promo": true, "old": true, "new": true, "forecast": true, "target": true, "delta": true, "exact": true}
	periods := map[string]bool{"hour": true, "day": true, "month": true, "quarter": true, "year": true}
	fields := map[string][]string{}
	for _, code := range []string{"fr", "en"} {
		b, err := lexicon.Prices.ReadFile(code + "/prices.yaml")
		if err != nil {
			t.Fatal(err)
		}
		n, err := parseYAML(string(b))
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range n.get("kinds").list {
			if !kinds[k.get("kind").text] {
				t.Errorf("%s: kind %q", code, k.get("kind").text)
			}
			if k.get("kind").text == "other" && k.get("subkind").text == "" {
				t.Errorf("%s: other without subkind: %v", code, k.get("words").strings())
			}
			seen := map[string]bool{}
			for _, w := range k.get("words").strings() {
				if w == "" || seen[w] {
					t.Errorf("%s: %s/%s: %q is empty or there twice", code, k.get("kind").text, k.get("subkind").text, w)
				}
				seen[w] = true
			}
		}
		for _, x := range n.get("bounds").list {
			if !qualifiers[x.get("qualifier").text] {
				t.Errorf("%s: bound %q", code, x.get("qualifier").text)
			}
		}
		n.get("qualifiers").each(func(k string, _ *node) {
			if !qualifiers[k] {
				t.Errorf("%s: qualifier %q", code, k)
			}
		})
		n.get("fields").each(func(name string, words *node) {
			fields[code] = append(fields[code], name)
			seen := map[string]bool{}
			for _, w := range words.strings() {
				if w == "" || seen[w] {
					t.Errorf("%s: field %s: %q is empty or there twice", code, name, w)
				}
				seen[w] = true
			}
		})
		n.get("units").get("period").each(func(k string, _ *node) {
			if !periods[k] {
				t.Errorf("%s: period %q", code, k)
			}
		})
	}
	if diff := cmp.Diff(fields["fr"], fields["en"]); diff != "" || len(fields["fr"]) > maxKinds {
		t.Errorf("the fields of the languages differ (-fr +en):\n%s", diff)
	}
}

// TestWeights holds weights.tsv to the features that the code observes.
func TestWeights(t *testing.T) {
	m, err := newModel(weightsTSV)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.weights) < 1000 {
		t.Fatalf("only %d features", len(m.weights))
	}
	r := newReader(t)
	known, all := 0, 0
	for _, s := range r.Samples("Salaires : ce que gagne un ingénieur", "Un ingénieur débutant touche 39 000 € bruts par an, d'après un cabinet de recrutement.", "fr") {
		for _, f := range s.Features {
			all++
			if m.weights[hash(hashStart, f)] != nil {
				known++
			}
		}
	}
	if known*2 < all || all == 0 {
		t.Errorf("the model knows %d of %d features of a plain sentence: run go generate", known, all)
	}
	for _, bad := range []string{"x\t1", "x\t1\t2\t3\t4\t5\t6\t7\t1e9", "x\t1\t2\t3\t4\t5\t6\t7\t99999999"} {
		if _, err := newModel(bad); err == nil {
			t.Errorf("%q is taken for weights", bad)
		}
	}
}

// TestSamplesWithoutWeights holds that what the model sees does not hang on what it
// has learnt: else training would chase its own tail.
func TestSamplesWithoutWeights(t *testing.T) {
	learnt, blank := newReader(t), newReader(t)
	blank.model = &model{}
	for _, text := range []string{
		"Le forfait passe de 10 € à 12 € par mois, l'option coûte 3 € et 4 €. L'éditeur a levé 20 M€, puis 30 millions.",
		"It bought the firm for $300m in cash and $20m in stock, against revenue of $40m. The fine, £5m, and £2m in costs. Prices rise by $3 a seat.",
	} {
		a, b := learnt.Samples("", text, ""), blank.Samples("", text, "")
		if diff := cmp.Diff(a, b, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Amount" }, cmp.Ignore())); diff != "" || len(a) < 4 {
			t.Errorf("%d amounts; features differ (-learnt +blank):\n%s", len(a), diff)
		}
	}
}
