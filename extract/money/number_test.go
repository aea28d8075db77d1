package money

import "testing"

func newReader(t testing.TB) *Reader {
	t.Helper()
	r, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNumbers(t *testing.T) {
	r := newReader(t)
	for _, c := range []struct{ text, lang, low, high, currency string }{
		{"Il coûte 1.234,56 €.", "fr", "1234.56", "1234.56", "EUR"},
		{"Il coûte 1 234,56 €.", "fr", "1234.56", "1234.56", "EUR"},
		{"Il coûte 1\u00a0234,56\u00a0€.", "fr", "1234.56", "1234.56", "EUR"},
		{"Il coûte 1\u202f234,56\u202f€.", "fr", "1234.56", "1234.56", "EUR"},
		{"It costs $1,234.56 today.", "en", "1234.56", "1234.56", "USD"},
		{"It costs $1.083 today.", "en", "1.083", "1.083", "USD"},
		{"Le coffret est vendu 1.250 €.", "fr", "1250", "1250", "EUR"},
		{"Les licences coûtent CHF 1'250 par mois.", "fr", "1250", "1250", "CHF"},
		{"Le câble coûte CHF 6.90 en Suisse.", "fr", "6.9", "6.9", "CHF"},
		{"Un budget de 12 k€ suffit.", "fr", "12000", "12000", "EUR"},
		{"Le rachat atteint 1,5 Md€.", "fr", "1500000000", "1500000000", "EUR"},
		{"Le rachat atteint 3 Mds€.", "fr", "3000000000", "3000000000", "EUR"},
		{"a $1.2bn takeover", "en", "1200000000", "1200000000", "USD"},
		{"a CA$125 fee", "en", "125", "125", "CAD"},
		{"Le contrat vaut １２３ €.", "fr", "123", "123", "EUR"},
		{"entre 3 et 4,5 milliards d'euros", "fr", "3000000000", "4500000000", "EUR"},
		{"between $3.5 and $4 billion", "en", "3500000000", "4000000000", "USD"},
	} {
		got := r.Article("", c.text, c.lang)
		if len(got) != 1 || got[0].Low != c.low || got[0].High != c.high || got[0].Currency != c.currency {
			t.Errorf("%q: got %+v, want %s..%s %s", c.text, got, c.low, c.high, c.currency)
		}
	}
}
