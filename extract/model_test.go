package extract

import "testing"

// TestModelKnows holds deals.bin to the features that the code observes: a model taught with other features would know hardly any.
func TestModelKnows(t *testing.T) {
	x := newExtractor(t)
	for _, c := range []struct{ lang, text string }{
		{"fr", "Dell a signé avec Arrow un accord de distribution pour la France."},
		{"en", "Dell has signed a distribution agreement with Arrow for France."},
	} {
		names := map[uint64]string{}
		known, all := 0, 0
		for _, g := range x.Sights(article(c.lang, "2024-06-05", "", c.text), names) {
			for _, k := range g.Keys {
				all++
				if x.model.row(k) != nil {
					known++
				}
			}
		}
		if known*10 < all*7 || all < 40 {
			t.Errorf("%s: the model knows %d of %d features: run go generate ./extract", c.text, known, all)
		}
	}
}

func TestModelDamaged(t *testing.T) {
	for _, b := range [][]byte{nil, []byte("veille"), dealsBin[:len(dealsBin)-1], append([]byte("x"), dealsBin...)} {
		if _, err := newModel(b); err == nil {
			t.Errorf("%d damaged bytes are taken for weights", len(b))
		}
	}
}
