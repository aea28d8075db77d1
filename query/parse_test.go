package query

import (
	"errors"
	"strings"
	"testing"
	"time"

	"example.org/veille/schemas"
)

var testNow = time.Date(2026, 5, 31, 22, 30, 0, 0, time.UTC) // 1 June 00:30 in Paris

// testVendors is a small catalogue: id, name, other names.
var testVendors = [][]string{
	{"nutanix", "Nutanix"}, {"hpe", "HPE", "hewlett packard enterprise", "hewlett-packard-enterprise", "hp"},
	{"hp", "HP Inc."}, {"arrow", "Arrow", "arrow ecs"}, {"dell", "Dell", "dell technologies"},
	{"aws", "Amazon Web Services"}, {"microsoft", "Microsoft", "azure"}, {"google", "Google", "google cloud"},
	{"capgemini", "Capgemini"}, {"ovhcloud", "OVHcloud", "ovh"}, {"vmware", "VMware"}, {"broadcom", "Broadcom"}, {"econocom", "Econocom"}, {"nvidia", "Nvidia"},
}

func testResolve(name string) []schemas.VendorRef {
	var out []schemas.VendorRef
	for _, v := range testVendors {
		for _, alias := range v {
			if fold(alias) == fold(name) {
				out = append(out, schemas.VendorRef{ID: v[0], Name: v[1]})
				break
			}
		}
	}
	return out
}

func testOptions() Options {
	ref := func(ids ...string) (out []schemas.VendorRef) {
		for _, id := range ids {
			out = append(out, testResolve(id)...)
		}
		return out
	}
	return Options{
		Now: testNow, Resolve: testResolve,
		Nearest: func(name string) []schemas.VendorRef {
			var names []string
			for _, v := range testVendors {
				names = append(names, v[0])
			}
			return ref(nearest(name, names, 3)...)
		},
		Lists:   map[string][]schemas.VendorRef{"hyperscalers": ref("aws", "microsoft", "google")},
		Sources: []string{"lemagit", "silicon", "crn"},
	}
}

// TestParse is the specification of the language: what a person types, and the
// canonical form it has, or "code@position" of the error and, after "→", the
// query that its first suggestion makes.
func TestParse(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"  \u00a0\t ", ""},
		{"vendor:nutanix type:distribution status:announced,in_effect territory:fr since:2026-01", "vendor:nutanix type:distribution status:announced,in_effect territory:fr since:2026-01"},
	} {
		checkParse(t, test.in, test.want)
	}
}

func checkParse(t *testing.T, in, want string) {
	t.Helper()
	q, err := Parse(in, testOptions())
	got := q.String()
	var syn *SyntaxError
	if errors.As(err, &syn) {
		got = syn.Code + "@" + itoa(syn.Pos)
		if len(syn.Suggestions) > 0 && strings.Contains(want, "→") {
			got += " → " + syn.Fix(in, 0)
		}
	}
	if got != want {
		t.Errorf("Parse(%q)\n got %s\nwant %s", in, got, want)
	}
	if err != nil {
		return
	}
	again, err := Parse(got, testOptions())
	if err != nil || again.String() != got {
		t.Errorf("Parse(%q) prints %q, which parses to %q, %v", in, got, again.String(), err)
	}
}

func itoa(n int) string { return formatNumber(float64(n)) }
