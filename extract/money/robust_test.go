package money

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestNonsense holds hostile and odd numbers to what a careful reader would say.
func TestNonsense(t *testing.T) {
	r := newReader(t)
	for _, c := range []struct{ text, want string }{
		{"€" + strings.Repeat("9", 10000), ""},
		{"Il coûte 1e999 €.", ""},
		{"Il coûte 0x10€.", ""},
		{"Il coûte NaN €.", ""},
		{"Il coûte Infinity €.", ""},
		{"Il coûte ١٢٣ €.", "123..123 EUR"},
		{"It costs １２３ ＄ today.", "123..123 USD"},
		{"Il coûte 1\u00a0234,56\u202f€.", "1234.56..1234.56 EUR"},
		{"Il coûte 1.234.567,89 €.", "1234567.89..1234567.89 EUR"},
		{"Il coûte 1,234,567.89 €.", "1234567.89..1234567.89 EUR"},
		{"Il coûte 1.2.3.4 €.", ""},
		{"Le 192.168.1.1 $ répond.", ""},
		{"Le modèle DS223€ existe.", ""},
		{"La RTX 5070Ti $ arrive.", ""},
		{"Le 31.12.2024 € arrive.", ""},
		{"Il coûte 5 € 5 €.", "5..5 EUR;5..5 EUR"},
		{"\xff\xfe 12 € \xff", "12..12 EUR"},
		{"", ""},
		{"€", ""},
		{"€ $ £ % 12", ""},
	} {
		var got []string
		for _, a := range r.Article("", c.text, "fr") {
			got = append(got, a.Low+".."+a.High+" "+a.Currency)
		}
		if g := strings.Join(got, ";"); g != c.want {
			t.Errorf("%.40q: got %q, want %q", c.text, g, c.want)
		}
	}
}

// TestLinear reads hostile texts of 200 KB. The limit guards against a hang, ten
// times and more above what a slow machine needs.
func TestLinear(t *testing.T) {
	r := newReader(t)
	for name, unit := range map[string]string{
		"amounts":      "5 € ",
		"no spaces":    "a",
		"digits":       "9",
		"groups":       "123 ",
		"dotted":       "1.",
		"commas":       "1,",
		"percent":      "prix 5 % ",
		"parentheses":  "((((5 $",
		"de … à":       "de 5 € à 6 € ",
		"entre":        "entre 5 et 6 ",
		"milliards":    "5 milliards ",
		"cues":         "rachat chiffre d'affaires prix ",
		"words":        "un deux trois mille ",
		"currencies":   "$€£",
		"newlines":     "5 €\n",
		"quotes":       "« 5 € ». ",
		"marks":        "e\u0301\u0301",
		"zero width":   "5\u200b5 € ",
		"bad bytes":    "\xff5 €",
		"apostrophes":  "d'5'000'",
		"change verbs": "passe de 5 à ",
	} {
		text := strings.Repeat(unit, 200_000/len(unit))
		start := time.Now()
		n := len(r.Article(text[:2000], text, ""))
		if n > 2*MaxAmounts {
			t.Errorf("%s: %d amounts", name, n)
		}
		r.Read(text, "en")
		r.ReadShop(text, text)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: took %v", name, took)
		} else if took > 300*time.Millisecond {
			t.Logf("%s: %v", name, took)
		}
	}
}

func check(t *testing.T, r *Reader, text string, amounts []Amount) {
	t.Helper()
	for _, a := range amounts {
		if a.In != "text" {
			continue
		}
		if a.Start < 0 || a.End > len(text) || a.Start >= a.End || text[a.Start:a.End] != a.Text {
			t.Fatalf("span %d:%d of %d bytes, text %q", a.Start, a.End, len(text), a.Text)
		}
		for _, s := range []Span{a.Sentence, a.Clause} {
			if s.Start > a.Start || s.End < a.End || s.End > len(text) {
				t.Fatalf("%q at %d:%d is not in %v", a.Text, a.Start, a.End, s)
			}
		}
		if s := a.Subject; s != (Span{}) && (s.Start < a.Clause.Start || s.End > a.Clause.End || s.Start > s.End) {
			t.Fatalf("subject %v is not in clause %v", s, a.Clause)
		}
		if !r.known[a.Currency] && a.Currency != "" {
			t.Fatalf("currency %q", a.Currency)
		}
		var ends []dec
		for _, end := range []string{a.Low, a.High} {
			if end == "" {
				continue
			}
			ends = append(ends, parse(t, end))
		}
		if len(ends) == 0 {
			t.Fatalf("%q has no end", a.Text)
		}
		if len(ends) == 2 && less(ends[1], ends[0]) {
			t.Fatalf("%q: low %s > high %s", a.Text, a.Low, a.High)
		}
		if a.Kind == "" && a.Score != 0 {
			t.Fatalf("%q has no kind", a.Text)
		}
		if utf8.ValidString(text) && !utf8.ValidString(a.Text) {
			t.Fatalf("%q splits a character", a.Text)
		}
	}
}

func less(a, b dec) bool {
	switch {
	case a.neg && !b.neg:
		return true
	case b.neg:
		return a.neg && a.cmp(b) > 0
	}
	return a.cmp(b) < 0
}

// parse reads what dec.String writes, and holds it to the canonical form.
func parse(t *testing.T, s string) dec {
	t.Helper()
	rest, neg := strings.CutPrefix(s, "-")
	whole, frac, point := strings.Cut(rest, ".")
	if whole == "" || point && (frac == "" || frac[len(frac)-1] == '0') || len(whole) > 1 && whole[0] == '0' {
		t.Fatalf("decimal %q is not canonical", s)
	}
	for _, c := range whole + frac {
		if c < '0' || c > '9' {
			t.Fatalf("decimal %q", s)
		}
	}
	d, ok := digits(whole+frac, len(frac))
	if !ok {
		// More digits than one number may have come from a magnitude: zeros.
		trimmed := strings.TrimRight(whole, "0")
		d, ok = digits(trimmed+frac, len(frac))
		d = d.shift(len(whole) - len(trimmed))
	}
	if !ok {
		t.Fatalf("decimal %q is out of bounds", s)
	}
	d.neg = neg && d.coef != 0
	return d
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"Un abonnement passe de 54,75 € à 60,80 € HT par utilisateur et par mois.",
		"between $11.5 billion and $12 billion", "entre 2 et 2,5 milliards d'euros",
		"$2.6bn (£2.1bn)", "à partir de CHF 1'250 par mois", "half a billion dollars", "une dizaine de millions d'euros",
		"les prix augmentent de 5 à 10 %", "−5 €", "12.– CHF", "1e999 €", "0x10€", "١٢٣ €", "15 dollars 50", "35€ 99", "$..75",
		"quatre-vingt-dix-neuf euros", "five million yen", "95 000 €, contre 88 000 en 2022", "\xff€5", "5 € 5 € 5 €", "MEUR 5 kE",
	} {
		f.Add(s, "fr")
		f.Add(s, "en")
	}
	r, err := New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, lang string) {
		if len(text) > 10_000 {
			t.Skip("long texts slow the search down and are tried by the other tests of this file")
		}
		check(t, r, text, r.Article("", text, lang))
		check(t, r, text, r.Read(text, lang))
		if a, ok := r.ReadShop(text, lang); ok && len(text) <= maxShop {
			check(t, r, text, []Amount{a})
		}
	})
}

const benchText = `Depuis samedi, les services en ligne coûtent plus cher en Europe. L'éditeur harmonise ses grilles et les révisera désormais deux fois par an. Un abonnement passe ainsi de 54,75 € à 60,80 € HT par utilisateur et par mois. Les partenaires, eux, n'ont pas été consultés, ce que regrette leur association. Le cloud est concerné lui aussi, mais les contrats en cours ne seront pas modifiés avant leur échéance.

`

func BenchmarkArticle(b *testing.B) {
	r := newReader(b)
	filler := "La direction précise que les équipes commerciales seront formées au cours du printemps, région par région, avant l'ouverture du catalogue aux revendeurs agréés. "
	text := benchText + strings.Repeat(filler, (3500-len(benchText))/len(filler)+1)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r.Article("Les tarifs européens alignés sur le dollar", text, "fr")
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(); err != nil {
			b.Fatal(err)
		}
	}
}
