package query

import (
	"slices"
	"strings"
	"testing"
)

func TestRegions(t *testing.T) {
	for _, test := range []struct{ region, has, not string }{
		{"emea", "emea fr gb tr sa za ma europe dach benelux maghreb middle-east eg", "us in jp world apac"},
		{"europe", "fr ch gb no cy eu nordics iberia europe", "tr us emea africa"},
		{"eu", "fr de ie cy hr benelux", "gb ch no dach nordics"},
		{"dach", "de at ch", "fr it"},
		{"benelux", "be nl lu", "fr"},
		{"nordics", "dk se no fi is", "ee de"},
		{"africa", "za ng ma dz maghreb", "sa fr"},
		{"middle-east", "ae sa il tr eg ir", "in gr"},
		{"apac", "jp in cn au nz sg", "ae us"},
		{"americas", "us ca mx br ar north-america latam", "es fr"},
		{"north-america", "us ca mx", "br"},
		{"latam", "mx br ar cl", "us ca es"},
	} {
		got := regions()[test.region]
		for _, id := range strings.Fields(test.has) {
			if !slices.Contains(got, id) {
				t.Errorf("%s lacks %s", test.region, id)
			}
		}
		for _, id := range strings.Fields(test.not) {
			if slices.Contains(got, id) {
				t.Errorf("%s has %s", test.region, id)
			}
		}
	}
	territory := FieldRow("territory")
	for id := range regionRows() {
		if _, ok := territory.EnumByName(id); !ok {
			t.Errorf("%s is no territory of the language", id)
		}
	}
	for _, e := range territory.Values {
		if _, ok := regions()[e.ID]; !ok && len(e.ID) != 2 && e.ID != "world" {
			t.Errorf("the region %s has no members", e.ID)
		}
	}
}
