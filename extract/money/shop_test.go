package money

import "testing"

// TestReadShop reads price strings as shops write them.
func TestReadShop(t *testing.T) {
	r := newReader(t)
	for _, c := range []struct{ text, hint, amount, currency string }{
		{"$ 1,234.00 each", "", "1234", "USD"},
		{"Price: 12,99€", "", "12.99", "EUR"},
		{"EUR 29.90 inkl. MwSt", "", "29.9", "EUR"},
		{"29.90", "EUR", "29.9", "EUR"},
		{"29,90", "Prix en €", "29.9", "EUR"},
		{"29,90", "", "29.9", ""},
		{"1.499,-", "", "1499", ""},
		{"CHF 12.–", "", "12", "CHF"},
		{"12 990 Kč", "", "12990", "CZK"},
		{"od 1 299,00 zł", "", "1299", "PLN"},
		{"3 490 kr", "", "3490", "SEK"},
		{"R$ 49,90 à vista", "", "49.9", "BRL"},
		{"₹1,29,999", "", "129999", "INR"},
		{"Rp 250.000", "", "250000", "IDR"},
		{"1.250 KD", "", "1.25", "KWD"},
		{"1.250 €", "", "1250", "EUR"},
		{"$ 7. 50", "", "7.5", "USD"},
		{"49€ 90", "", "49.9", "EUR"},
		{".99 €", "", "0.99", "EUR"},
		{"Was £80.00 Now £59.99", "", "59.99", "GBP"},
		{"€89.00 €59.00", "", "89", "EUR"},
		{"From 15 to 30 €", "", "15", "EUR"},
		{"2 pack - $8.40", "", "8.4", "USD"},
		{"AED 450 (USD 122)", "", "450", "AED"},
		{"A$75.00", "", "75", "AUD"},
		{"US$:19.50", "", "19.5", "USD"},
		{"12,500원", "", "12500", "KRW"},
		{"99 lei", "", "99", "RON"},
		{"1 490 руб.", "", "1490", "RUB"},
		{"- €15.00", "", "15", "EUR"},
		{"٤٥ ₪", "", "45", "ILS"},
		{"Free!", "", "0", ""},
		{"14.00/each", "", "14", ""},
		{"0,00 EUR", "", "0", "EUR"},
		{"25% OFF", "", "", ""},
		{"Out of stock", "", "", ""},
		{"", "$", "", ""},
	} {
		a, ok := r.ReadShop(c.text, c.hint)
		if ok != (c.amount != "") || a.Low != c.amount || a.Currency != c.currency {
			t.Errorf("%q, hint %q: got %q %q %v, want %q %q", c.text, c.hint, a.Low, a.Currency, ok, c.amount, c.currency)
		}
		if ok && c.text[a.Start:a.End] != a.Text {
			t.Errorf("%q: span is %q, text %q", c.text, c.text[a.Start:a.End], a.Text)
		}
	}
}

// TestRead reads what articles do not count: number words, cents, odd word order.
func TestRead(t *testing.T) {
	r := newReader(t)
	for _, c := range []struct{ text, lang, want string }{
		{"it cost twelve dollars and thirty cents", "en", "12.3 USD"},
		{"three hundred and fifty euros", "en", "350 EUR"},
		{"a quarter of a million pounds", "en", "250000 GBP"},
		{"half a billion dollars", "en", "500000000 USD"},
		{"seven million yen", "en", "7000000 JPY"},
		{"the ten-euro ticket", "en", "10 EUR"},
		{"he paid 18 dollars 40", "en", "18.4 USD"},
		{"80 USD million", "en", "80000000 USD"},
		{"120 MEUR", "en", "120000000 EUR"},
		{"MUSD 60", "en", "60000000 USD"},
		{"about 70 cents", "en", "70 "},
		{"treize euros et vingt centimes", "fr", "13.2 EUR"},
		{"quatre-vingt-dix-neuf euros", "fr", "99 EUR"},
		{"deux cents francs suisses", "fr", "200 CHF"},
		{"cent cinquante mille dollars canadiens", "fr", "150000 CAD"},
		{"une dizaine de millions d'euros", "fr", "10000000 EUR"},
		{"12,345 $", "fr", "12.345 USD"},
		{"94.000 $", "fr", "94000 USD"},
		{"1,5 milliard de $ hk", "fr", "1500000000 HKD"},
		{"900 roupies", "fr", "900 INR"},
		{"nothing at all", "en", ""},
		{"seventeen tests passed", "en", ""},
		{"un deux trois", "fr", ""},
	} {
		got := ""
		for _, a := range r.Read(c.text, c.lang) {
			got += a.Low + " " + a.Currency
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

// TestLanguage reads alike under a wrong or missing language.
func TestLanguage(t *testing.T) {
	r := newReader(t)
	for _, text := range []string{
		"Le groupe a vendu sa filiale pour 1.200 € dans le cadre de la procédure et les salariés sont partis.",
		"The company has sold the unit for $1.250 billion, and the staff were told on Monday that it is over.",
	} {
		want := r.Article("", text, map[bool]string{true: "fr", false: "en"}[text[0] == 'L'])
		for _, lang := range []string{"", "fr", "en", "de"} {
			got := r.Article("", text, lang)
			if len(got) != 1 || len(want) != 1 || got[0].Low != want[0].Low {
				t.Errorf("%q as %q: got %+v, want %+v", text, lang, got, want)
			}
		}
	}
}
