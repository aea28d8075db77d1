package page

import "testing"

func TestLanguage(t *testing.T) {
	for _, c := range []struct{ text, declared, want string }{
		{"Le grossiste a signé un contrat de distribution avec l'éditeur américain.", "", "fr"},
		{"The distributor has signed an agreement with the American software vendor.", "", "en"},
		{"Ardoise Réseaux confie sa distribution à deux grossistes", "", "fr"},
		{"Harrowgate signs two distributors to reach smaller resellers", "", "en"},
		{"L'éditeur lève 40 M€ pour l'Europe", "", "fr"},
		// a wrong claim gives way to a text that is long enough
		{"Les clients l'ont appris par un courriel d'un paragraphe. À compter du 1er mars, l'hébergeur augmentera ses prix de neuf pour cent en moyenne.", "en-US", "fr"},
		{"Customers found out from a one-paragraph email. From the first of March, the host will charge nine percent more for virtual machines.", "fr", "en"},
		// a short text does not overrule a claim
		{"Cloud : Dell, HPE, IBM", "fr", "fr"},
		{"Microsoft Azure Stack HCI", "en", "en"},
		// French full of English words
		{"Le cloud hybride, le edge computing et le machine learning sont au cœur de la keynote du vendor, qui mise sur ses partners MSP pour son go-to-market.", "", "fr"},
		// others
		{"Das Unternehmen hat mit dem Händler einen Vertrag über die Lieferung von Servern unterzeichnet, wie es am Montag mitteilte.", "", "de"},
		{"La empresa ha firmado un acuerdo con el distribuidor para vender sus productos en toda España, según ha anunciado hoy.", "", "es"},
		{"L'azienda ha firmato un accordo con il distributore per la vendita dei suoi prodotti in Italia, come è stato annunciato oggi.", "", "it"},
		{"Het bedrijf heeft een overeenkomst gesloten met de distributeur voor de verkoop van zijn producten in Nederland en België.", "", "nl"},
		{"A empresa assinou um acordo com o distribuidor para a venda dos seus produtos em Portugal, como foi anunciado hoje.", "", "pt"},
		{"Компания подписала соглашение с дистрибьютором о продаже своей продукции.", "", "ru"},
		{"マイクロソフトは新しい契約を発表した。", "", "ja"},
		{"微软与经销商签署了一项新协议。", "", "zh"},
		// a language we have no words of stays what it says it is
		{"Firma podpisała umowę z dystrybutorem na sprzedaż swoich produktów w całej Polsce, jak ogłoszono dzisiaj rano w Warszawie.", "pl", "pl"},
		{"", "fr-CA", "fr"},
		{"", "", ""},
		{"12 345 € — 67 %", "en_GB", "en"},
	} {
		if got := Language(c.text, c.declared); got != c.want {
			t.Errorf("Language(%.50q, %q) = %q, want %q", c.text, c.declared, got, c.want)
		}
	}
}

func BenchmarkLanguage(b *testing.B) {
	text := ""
	for range 20 {
		text += "Le grossiste a signé un contrat de distribution avec l'éditeur américain, qui couvre la France et la Belgique pour trois ans au moins. "
	}
	b.ReportAllocs()
	for b.Loop() {
		Language(text, "")
	}
}
