package catalogue_test

import (
	"fmt"
	"strings"
	"testing"
)

// found renders what is found in a text as "quote=vendor" or "quote=vendor/product" pairs.
func found(tb testing.TB, lang, date, text string) string {
	tb.Helper()
	c := load(tb)
	at := day(tb, date)
	var out []string
	for _, m := range c.Disambiguate(text, lang, c.Find(text, at), at) {
		s := fmt.Sprintf("%s=%s", text[m.Start:m.End], m.VendorID)
		if m.Product != "" {
			s += "/" + m.Product
		}
		out = append(out, s)
	}
	return strings.Join(out, " | ")
}

func TestFind(t *testing.T) {
	for _, tc := range []struct{ lang, date, text, want string }{
		{"fr", "2018-01-01", "L'accord Dell-Nutanix étend l'Azure de Microsoft.", "Dell=dell | Nutanix=nutanix | Azure=microsoft/Azure | Microsoft=microsoft"},
		{"fr", "2018-01-01", "Les serveurs d’HPE et HPE's.", "HPE=hpe | HPE=hpe"},
		{"fr", "2015-11-25", "Hewlett-Packard Enterprise (HPE) se tourne vers Azure", "Hewlett-Packard Enterprise=hpe | HPE=hpe | Azure=microsoft/Azure"},
		{"en", "2014-01-01", "HP and HPE", "HP=hewlett-packard"},
		{"en", "2016-02-01", "HP and HPE", "HP=hp | HPE=hpe"},
		{"en", "2012-01-01", "Meraki and Cisco", "Meraki=meraki | Cisco=cisco"},
		{"en", "2020-01-01", "Meraki and Cisco", "Meraki=cisco/Meraki | Cisco=cisco"},
	} {
		if got := found(t, tc.lang, tc.date, tc.text); got != tc.want {
			t.Errorf("%s %q\n got %s\nwant %s", tc.date, tc.text, got, tc.want)
		}
	}
}
