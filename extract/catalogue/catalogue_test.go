package catalogue_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"example.org/veille/extract/catalogue"
)

func load(tb testing.TB) *catalogue.Catalogue {
	tb.Helper()
	c, err := catalogue.Load()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func day(tb testing.TB, s string) time.Time {
	tb.Helper()
	t, err := time.Parse("2006-01-02", s)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// The embedded form must be what the YAML says today, and the YAML must pass the linter: Compile refuses it otherwise.
func TestCompiledIsFresh(t *testing.T) {
	want, err := catalogue.Compile(os.DirFS("../vendors"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("catalogue.bin")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("catalogue.bin (%d bytes) is not what ../vendors compiles to (%d bytes): run go generate ./extract/catalogue", len(got), len(want))
	}
}

// The breadth the catalogue promises, and the names people will look for first.
func TestBreadth(t *testing.T) {
	c := load(t)
	products, kinds, countries := 0, map[string]int{}, map[string]int{}
	for _, v := range c.All() {
		products += len(v.Products)
		countries[v.Country]++
		for _, k := range v.Kinds {
			kinds[k]++
		}
	}
	if n := len(c.All()); n < 900 {
		t.Errorf("%d vendors, want at least 900", n)
	}
	if products < 2500 {
		t.Errorf("%d products, want at least 2500", products)
	}
	for _, k := range catalogue.Kinds() {
		if kinds[k] == 0 {
			t.Errorf("no vendor of kind %s", k)
		}
	}
	for country, least := range map[string]int{"US": 400, "FR": 300, "GB": 100, "DE": 50, "CH": 40, "CA": 40, "BE": 15} {
		if countries[country] < least {
			t.Errorf("%d vendors in %s, want at least %d", countries[country], country, least)
		}
	}
	for _, id := range []string{"hpe", "aws", "ibm", "microsoft", "nutanix", "dell", "hp", "arrow-ecs", "td-synnex", "orange", "ovhcloud", "bleu"} {
		if _, ok := c.Vendor(id); !ok {
			t.Errorf("no vendor %q", id)
		}
	}
}

func TestResolve(t *testing.T) {
	c := load(t)
	for _, tc := range []struct{ text, date, want string }{
		{"hpe", "", "hpe"},
		{"HPE", "2020-01-01", "hpe"},
		{"amazon web services", "", "aws"},
		{"aws", "", "aws"},
		{"telefonica", "", "telefonica"},
		{"TÉLÉFÓNICA", "", "telefonica"},
		{"hewlett packard enterprise", "", "hpe"},
		{"hp", "2014-01-01", "hp hewlett-packard"}, // the id first, then what the name meant
		{"azure", "", "microsoft"},
		{"Orange", "", "orange"},
		{"free", "", "free"},
		{"thinkpad", "2003-01-01", "ibm"},
		{"no such vendor", "", ""},
		{"", "", ""},
	} {
		var at time.Time
		if tc.date != "" {
			at = day(t, tc.date)
		}
		var got []string
		for _, v := range c.Resolve(tc.text, at) {
			got = append(got, v.ID)
		}
		if g := strings.Join(got, " "); g != tc.want {
			t.Errorf("Resolve(%q, %s): got %q, want %q", tc.text, tc.date, g, tc.want)
		}
	}
	// Every vendor is found by its id and by its name.
	for _, v := range c.All() {
		for _, q := range []string{v.ID, v.Name} {
			if !slices.ContainsFunc(c.Resolve(q, time.Time{}), func(w catalogue.Vendor) bool { return w.ID == v.ID }) && !slices.ContainsFunc(v.Successors, func(s catalogue.Tenure) bool { return s.ID != "" }) {
				t.Errorf("Resolve(%q) does not give %s", q, v.ID)
			}
		}
	}
}

func TestDecodeRefusesDamage(t *testing.T) {
	b, err := os.ReadFile("catalogue.bin")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 5, 11, 100, len(b) / 2, len(b) - 1} {
		if _, err := catalogue.Decode(b[:n]); err == nil {
			t.Errorf("the first %d bytes decode", n)
		}
	}
	for i := 0; i < len(b); i += len(b)/200 + 1 { // must not panic; a changed letter may go unnoticed
		d := bytes.Clone(b)
		d[i] ^= 0xff
		if c, err := catalogue.Decode(d); err == nil {
			c.Find("Orange, HPE et Microsoft Azure", time.Now())
		}
	}
}

func TestCheck(t *testing.T) {
	const ok = "- {id: acme, name: Acme, country: FR, kinds: [maker]}\n"
	for name, tc := range map[string]struct{ yaml, want string }{
		"sound":            {ok, ""},
		"duplicate id":     {ok + "- {id: acme, name: Acme Two, country: FR, kinds: [maker]}\n", "duplicate id"},
		"same name":        {ok + "- {id: acme-2, name: ACMÉ, country: FR, kinds: [maker]}\n", "is also a name of"},
		"one after other":  {ok[:len(ok)-2] + ", absorbed: {into: b, on: 2010}}\n- {id: b, name: Bcorp, country: FR, kinds: [maker]}\n", ""},
		"overlap in time":  {"- {id: a, name: Acorp, country: FR, kinds: [maker], aliases: [{text: Zed, until: 2012}]}\n- {id: b, name: Bcorp, country: FR, kinds: [maker], aliases: [{text: Zed, from: 2011}]}\n", "is also a name of"},
		"split in time":    {"- {id: a, name: Acorp, country: FR, kinds: [maker], aliases: [{text: Zed, until: 2012}]}\n- {id: b, name: Bcorp, country: FR, kinds: [maker], aliases: [{text: Zed, from: 2012}]}\n", ""},
		"common word":      {"- {id: wall, name: Wall, country: FR, kinds: [maker]}\n", "common word"},
		"guarded word":     {"- {id: wall, name: Wall, country: FR, kinds: [maker], guard: reject}\n", ""},
		"bad guard":        {"- {id: wall, name: Wall, country: FR, kinds: [maker], guard: maybe}\n", "accept or reject"},
		"self cue":         {"- {id: wall, name: Wall, country: FR, kinds: [maker], guard: {default: reject, against: [wall]}}\n", "the name itself"},
		"dangling parent":  {"- {id: acme, name: Acme, country: FR, kinds: [maker], parent: [nobody]}\n", "unknown parent"},
		"dangling owner":   {"- {id: acme, name: Acme, country: FR, kinds: [maker], products: [{name: Rocket, was: [{id: nobody, until: 2010}]}]}\n", "unknown former owner"},
		"bad kind":         {"- {id: acme, name: Acme, country: FR, kinds: [bakery]}\n", "unknown kind"},
		"bad country":      {"- {id: acme, name: Acme, country: France, kinds: [maker]}\n", "country"},
		"backwards":        {"- {id: acme, name: Acme, country: FR, kinds: [maker], from: 2012, until: 2010}\n", "ends before it begins"},
		"bad date":         {"- {id: acme, name: Acme, country: FR, kinds: [maker], from: 2012-13}\n", "bad date"},
		"unknown key":      {"- {id: acme, name: Acme, country: FR, kinds: [maker], colour: red}\n", "colour"},
		"product and name": {"- {id: acme, name: Acme, country: FR, kinds: [maker], products: [Acme]}\n", "is also a name of"},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := fstest.MapFS{
				"makers.yaml":       {Data: []byte(tc.yaml)},
				"common-words.yaml": {Data: []byte("- wall floor\n")},
			}
			problems, err := catalogue.Check(fsys)
			got := fmt.Sprint(problems)
			if err != nil {
				got = err.Error()
			}
			switch {
			case tc.want == "" && (err != nil || len(problems) > 0):
				t.Errorf("got %s, want no problem", got)
			case !strings.Contains(got, tc.want):
				t.Errorf("got %s, want %q in it", got, tc.want)
			}
		})
	}
}
func TestHeadquartered(t *testing.T) {
	c := load(t)
	var ids []string
	for _, v := range c.Headquartered("santa clara") {
		ids = append(ids, v.ID)
	}
	if len(ids) < 3 {
		t.Errorf("Santa Clara stands for %v, want Intel, Nvidia and Palo Alto Networks", ids)
	}
	if vs := c.Headquartered("Armonk"); len(vs) != 1 || vs[0].ID != "ibm" {
		t.Errorf("Armonk stands for %v, want IBM", vs)
	}
}
