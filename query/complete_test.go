package query

import (
	"strings"
	"testing"

	"example.org/veille/schemas"
)

func testKnown(lang string) Known {
	return Known{
		Lang: lang, Resolve: testResolve, Lists: []string{"hyperscalers", "esn-fr"}, Sources: []string{"lemagit", "crn"},
		Vendors: func(prefix string, n int) (out []schemas.VendorRef) {
			for _, v := range testVendors {
				for _, alias := range v {
					if strings.HasPrefix(fold(alias), fold(prefix)) && len(out) < n {
						out = append(out, schemas.VendorRef{ID: v[0], Name: v[1]})
						break
					}
				}
			}
			return out
		},
		Count: func(field, value string) int {
			return map[string]int{"announced": 9, "rumoured": 1, "in_effect": 4}[value]
		},
	}
}

// TestComplete: the cursor is the bar; each wanted line is the whole query after
// accepting the suggestion.
func TestComplete(t *testing.T) {
	for _, test := range []struct{ lang, in, want string }{
		{"en", `ven|`, `vendor: territory:ve`},
		{"fr", `fourn|`, `fournisseur: kind:fournisseur-de-cloud kind:fournisseur-d’IA kind:fournisseur-de-stockage`},
		{"fr", `edi|`, `éditeur: kind:éditeur kind:éditeur-de-sécurité`},
		{"en", `a -dist|`, `a -distributor: a -kind:distributor a -type:distribution`},
		{"en", `status:|`, `status:announced status:in_effect status:rumoured status:planned status:ended status:denied status:background`},
		{"fr", `statut:|`, `statut:annoncé statut:en-vigueur statut:rumeur statut:prévu statut:terminé statut:démenti statut:rappel`},
		{"fr", `statut:annoncé,rum| vendor:hpe`, `statut:annoncé,rumeur vendor:hpe`},
		{"en", `type:acq|uis lang:fr`, `type:acquisition lang:fr`},
		{"fr", `type:rac|`, `type:rachat`},
		{"en", `vendor:nut|`, `vendor:nutanix`},
		{"en", `vendor:"hewlett p|`, `vendor:hpe`},
		{"en", `nuta|`, `vendor:nutanix`},
		{"en", `(vendor:hpe OR vendor:ama|)`, `(vendor:hpe OR vendor:aws)`},
		{"en", `vendor:@h|`, `vendor:@hyperscalers`},
		{"en", `vendor:hp|`, `vendor:hpe vendor:=hp`},
		{"en", `pair:nut|`, `pair:nutanix~`},
		{"en", `pair:nutanix~arr|`, `pair:nutanix~arrow`},
		{"fr", `kind:integrator@fran|`, `kind:integrator@fr`},
		{"fr", `pays:alle|`, `pays:de`},
		{"en", `source:le|`, `source:lemagit`},
		{"fr", `depuis:3|`, `depuis:30j depuis:3m`},
		{"en", `since:|`, `since:today since:yesterday since:7d since:30d since:3m since:1y`},
		{"en", `sort:n|`, `sort:newest sort:sources`},
		{"en", `"vendor:n|`, ``},
		{"en", `nofield:n|`, ``},
		{"en", `"a b" ven|`, `"a b" vendor: "a b" territory:ve`},
	} {
		before, after, _ := strings.Cut(test.in, "|")
		in := before + after
		var got []string
		for _, s := range Complete(in, len([]rune(before)), testKnown(test.lang)) {
			r := []rune(in)
			got = append(got, string(r[:s.From])+s.Text+string(r[s.To:]))
			if s.Label == "" || s.Kind == "" {
				t.Errorf("%s: %+v lacks a label or kind", test.in, s)
			}
		}
		if s := strings.Join(got, " "); s != test.want {
			t.Errorf("%s (%s)\n got %s\nwant %s", test.in, test.lang, s, test.want)
		}
	}
	if got := Complete("", 0, testKnown("en")); len(got) != 8 {
		t.Errorf("an empty box: %d suggestions", len(got))
	}
}

// TestCompleteIsUnderstood: every value that completion can write parses.
func TestCompleteIsUnderstood(t *testing.T) {
	for _, lang := range []string{"fr", "en"} {
		known := testKnown(lang)
		known.Limit = 1000
		for _, f := range Fields() {
			for _, s := range Complete(f.Name+":", len([]rune(f.Name))+1, known) {
				if q := f.Name + ":" + s.Text; s.Kind != "list" && f.Name != "pair" {
					if _, err := Parse(q, testOptions()); err != nil {
						t.Errorf("%s: %v", q, err)
					}
				}
			}
		}
	}
}
