package query

import (
	"errors"
	"fmt"
	"os"
	"slices"
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
		// Nothing means everything; every Unicode blank separates.
		{``, ``},
		{" \u00a0\t\u202f\u2009 ", ``},
		{`*`, ``},
		{"vendor:hpe\u00a0lang:fr", `vendor:hpe lang:fr`},
		{"vendor:hpe\tlang:fr", `vendor:hpe lang:fr`},
		{"a\u202fb\u200bc\x00d", `a b c d`},

		// The jobs of the people it is made for.
		{`vendor:nutanix type:distribution status:announced,in_effect territory:fr since:2026-01`, `vendor:nutanix type:distribution status:announced,in_effect territory:fr since:2026-01`},
		{`fournisseur:Nutanix type:distribution statut:annoncé,"en vigueur" pays:France depuis:2026-01`, `vendor:nutanix type:distribution status:announced,in_effect territory:fr since:2026-01`},
		{`vendor:dell product:poweredge price_kind:product_price`, `vendor:dell product:poweredge price_kind:product_price`},
		{`kind:hyperscaler kind:integrator@fr status:announced,in_effect`, `kind:hyperscaler kind:integrator@fr status:announced,in_effect`},
		{`vendor:nutanix type:distribution since:2026-01`, `vendor:nutanix type:distribution since:2026-01`},

		// Words.
		{`hyperconvergence`, `hyperconvergence`},
		{`C++`, `C++`},
		{`AT&T`, `AT&T`},
		{`hewlett-packard`, `hewlett-packard`},
		{`l’éditeur`, `l’éditeur`},
		{"e\u0301diteur", `éditeur`},
		{`12:30`, `12:30`},
		{`a,b`, `a,b`},
		{`text:cloud`, `cloud`},
		{`texte:cloud,nuage`, `text:cloud,nuage`},
		{`text:OR`, `text:OR`},
		{`text:-x`, `text:-x`},
		{`text:vendor:hpe`, `text:vendor:hpe`},
		{`https://www.example.org/actu/1,2?a=(b)#c`, `url:"https://www.example.org/actu/1,2?a=(b)#c"`},
		{`(https://example.org/a)`, `url:"https://example.org/a"`},
		{`url:https://example.org/a,b`, `url:"https://example.org/a,b"`},
		{`a - b`, `a b`},
		{`Nutanix → Arrow`, `Nutanix Arrow`},

		// Phrases.
		{`"accord de distribution"`, `"accord de distribution"`},
		{"«\u00a0accord  de\tdistribution\u202f»", `"accord de distribution"`},
		{`“cloud souverain”`, `"cloud souverain"`},
		{`« écran 15" »`, `«écran 15"»`},
		{`title:"cloud souverain",nuage`, `title:"cloud souverain",nuage`},
		{`a"b c"d`, `a "b c" d`},
		{`"accord de → fix`, `unterminated-phrase@0 → "accord de → fix"`},
		{`vendor:hpe « accord`, `unterminated-phrase@11 → vendor:hpe « accord »`},
		{`vendor:"hpe`, `unterminated-phrase@7 → vendor:"hpe"`},
		{`a »`, `unterminated-phrase@2 → a`},
		{`""`, `empty-group@0`},
		{`« »`, `empty-group@0`},

		// Prefixes and typos.
		{`nutan*`, `nutan*`},
		{`l’édit*`, `l’édit*`},
		{`title:nutan*`, `title:nutan*`},
		{`nu*`, `short-prefix@0 → nu`},
		{`l’éd*`, `short-prefix@0 → l’éd`},
		{`*tanix`, `leading-wildcard@0 → tanix*`},
		{`a *tanix*`, `leading-wildcard@2 → a tanix*`},
		{`/.*/`, `misplaced-wildcard@0`},
		{`nuta*x`, `misplaced-wildcard@0 → nuta*`},
		{`vendor:nut*`, `misplaced-wildcard@7 → vendor:nut`},
		{`nutanx~`, `nutanx~`},
		{`nutanx~1`, `nutanx~`},
		{`nutanx~2`, `misplaced-wildcard@0 → nutanx~`},
		{`"a b"~3`, `misplaced-wildcard@5 → "a b"`},
		{`ab~`, `short-prefix@0 → ab`},
		{`-*`, `misplaced-wildcard@1`},

		// Operators: capitals only, in both languages; blank is AND.
		{`a b`, `a b`},
		{`a AND b`, `a b`},
		{`a ET b OU c`, `a b OR c`},
		{`vendor:hpe AND type:distribution AND lang:fr`, `vendor:hpe type:distribution lang:fr`},
		{`(vendor:hpe OR vendor:dell) lang:fr`, `(vendor:hpe OR vendor:dell) lang:fr`},
		{`(vendor:hpe vendor:dell) lang:fr`, `vendor:hpe vendor:dell lang:fr`},
		{`(a OR (b OR c)) d`, `(a OR b OR c) d`},
		{`NOT vendor:dell`, `-vendor:dell`},
		{`SAUF a`, `-a`},
		{`-type:acquisition`, `-type:acquisition`},
		{`−a`, `-a`},
		{`-(a OR b) c`, `-(a OR b) c`},
		{`a NOT b`, `a -b`},
		{`a SAUF (b OU c)`, `a -(b OR c)`},
		{`a OR NOT b c`, `a OR -b c`},
		{`--a`, `a`},
		{`NOT NOT -a`, `-a`},
		{`-(-a)`, `a`},
		{`a or b`, `a or b`},
		{`a OR`, `dangling-operator@2 → a`},
		{`OR a`, `dangling-operator@0 → a`},
		{`a OR OR b`, `dangling-operator@2 → a OR b`},
		{`AND a`, `dangling-operator@0 → a`},
		{`a AND AND b`, `dangling-operator@6 → a AND b`},
		{`a AND OR b`, `dangling-operator@2`},
		{`(a OR)`, `dangling-operator@3`},
		{`NOT`, `dangling-operator@0`},
		{`a -`, `dangling-operator@2 → a`},
		{`a NOT OR b`, `dangling-operator@2`},

		// Parentheses.
		{`(a`, `unbalanced-parenthesis@0 → (a)`},
		{`a (b (c) d`, `unbalanced-parenthesis@2 → a (b (c) d)`},
		{`a b)`, `unbalanced-parenthesis@3 → a b`},
		{`()`, `empty-group@0`},
		{`a ( ) b`, `empty-group@2 → a b`},
		{`(((((a)))))`, `a`},
		{`((((((a))))))`, `too-deep@5`},

		// Fields.
		{`VENDOR:HPE`, `vendor:hpe`},
		{`Société:hpe`, `vendor:hpe`},
		{`éditeur:hpe`, `vendor:hpe`},
		{`vendr:hpe`, `unknown-field@0 → vendor:hpe`},
		{`a statu:rumeur`, `unknown-field@2 → a status:rumeur`},
		{`re:invent`, `unknown-field@0 → "re:invent"`},
		{`é vendr:hpe`, `unknown-field@2 → é vendor:hpe`}, // code points, not bytes
		{`vendor:`, `missing-value@0`},
		{`vendor: AND lang:fr`, `missing-value@0`},
		{`vendor: hpe`, `missing-value@0 → vendor:hpe`},
		{`vendor :hpe`, `unknown-field@0 → vendor:hpe`},
		{`(vendor:)`, `missing-value@1`},
		{`vendor:(hpe OR dell) a`, `missing-value@0 → vendor:hpe,dell a`},
		{`title:`, `missing-value@0`},
		{`vendor:hpe,`, `stray-comma@10 → vendor:hpe`},
		{`vendor:nutanix, hpe`, `stray-comma@14 → vendor:nutanix,hpe`},
		{`type:rachat,,litige`, `stray-comma@11 → type:rachat,litige`},
		{`type:,rachat`, `stray-comma@5 → type:rachat`},
		{`a , b`, `stray-comma@2 → a b`},

		// Organisations.
		{`vendor:hewlett-packard-enterprise`, `vendor:hpe`},
		{`vendor:"Hewlett Packard Enterprise",dell`, `vendor:hpe,dell`},
		{`vendor:hp`, `ambiguous-vendor@7 → vendor:hpe`},
		{`vendor:=hp`, `vendor:=hp`},
		{`vendor:nutanx`, `vendor:x-nutanx`},
		{`vendor:"Acme Corp"`, `vendor:x-acme-corp`},
		{`vendor:x-acme`, `vendor:x-acme`},
		{`vendor:*`, `vendor:*`},
		{`vendor:@hyperscalers`, `vendor:@hyperscalers`},
		{`-vendor:@Hyperscalers,dell`, `-vendor:@hyperscalers,dell`},
		{`vendor:@hyperscaler`, `unknown-value@7 → vendor:@hyperscalers`},
		{`grossiste:arrow intégrateur:capgemini client:x-ville acquéreur:broadcom cible:vmware investisseur:nvidia constructeur:dell`, `distributor:arrow integrator:capgemini customer:x-ville acquirer:broadcom target:vmware investor:nvidia maker:dell`},
		{`pair:nutanix~arrow`, `pair:arrow~nutanix`},
		{`pair:"google cloud~aws"`, `pair:aws~google`},
		{`pair:=hp~arrow`, `pair:arrow~=hp`},
		{`pair:nutanix`, `missing-value@5`},
		{`kind:intégrateur@France`, `kind:integrator@fr`},
		{`kind:esn,grossiste`, `kind:integrator,distributor`},
		{`kind:integratr@fr`, `unknown-value@5 → kind:integrator@fr`},
		{`kind:integrator@frnce`, `unknown-value@5 → kind:integrator@fr`},

		// Closed sets, in both languages.
		{`type:rachat`, `type:acquisition`},
		{`type:"levée de fonds",coentreprise,oem`, `type:investment,joint_venture,oem_integration`},
		{`statut:rumeur,annoncé,démenti`, `status:rumoured,announced,denied`},
		{`status:rumored`, `status:rumoured`},
		{`status:en-vigueur`, `status:in_effect`},
		{`status:*`, `status:*`},
		{`type:distributon`, `unknown-value@5 → type:distribution`},
		{`type:rachta`, `unknown-value@5 → type:acquisition`},
		{`lang:anglais langue:fr`, `lang:en lang:fr`},
		{`lang:de`, `unknown-value@5`},
		{`pays:états-unis,"royaume-uni",uk,emea`, `territory:us,gb,gb,emea`},
		{`territory:Germany`, `territory:de`},
		{`territory:germny`, `unknown-value@10 → territory:de`},
		{`source:LeMagIT`, `source:lemagit`},
		{`source:lemag`, `unknown-value@7 → source:lemagit`},
		{`price_kind:amende devise:€,usd`, `price_kind:fine currency:EUR,USD`},
		{`currency:eu`, `unknown-value@9`},
		{`product:"PowerStore 500T"`, `product:powerstore-500t`},
		{`has:price is:corroboré`, `has:price is:corroborated`},
		{`deal:d_7K3M`, `deal:d_7k3m`},

		// Numbers.
		{`price:10000..20000`, `price:10k..20k`},
		{`prix:>10k`, `price:>10k`},
		{`price:>=1.1M`, `price:>=1.1M`},
		{`price:≤10_000`, `price:<=10k`},
		{`price:10k..`, `price:>=10k`},
		{`price:..1.5M`, `price:<=1.5M`},
		{`price:-5`, `price:-5`},
		{`price:<-5`, `price:<-5`},
		{`price:99.95`, `price:99.95`},
		{`value:>1Md`, `value:>1G`},
		{`montant:1234567`, `value:1234567`},
		{`sources:>2 confidence:>0.8`, `sources:>2 confidence:>0.8`},
		{`price:1,5M`, `price:1,5M`},
		{`price:*`, `price:*`},
		{`price:>10x`, `bad-number@6`},
		{`price:>`, `bad-number@6`},
		{`price:1e308`, `bad-number@6`},
		{`price:20k..10k`, `bad-number@6 → price:10k..20k`},
		{`price:>10k€`, `bad-number@6 → price:>10k currency:EUR`},
		{`sources:NaN`, `bad-number@8`},

		// Dates, absolute and relative.
		{`since:2026`, `since:2026`},
		{`since:2026-1`, `since:2026-01`},
		{`depuis:30j`, `since:30d`},
		{`since:24h until:1w`, `since:24h until:1w`},
		{`since:6mois until:2ans`, `since:6m until:2y`},
		{`date:hier`, `date:yesterday`},
		{`date:aujourd’hui,today`, `date:today,today`},
		{`jusqu'à:2026-03`, `until:2026-03`},
		{`date:2026-01..2026-03`, `date:2026-01..2026-03`},
		{`date:..2026-03`, `date:<=2026-03`},
		{`date:>=2026-01-01`, `date:>=2026-01-01`},
		{`date:2026-03..`, `date:>=2026-03`},
		{`date:90d..30d`, `date:90d..30d`},
		{`since:13/02/2026`, `since:2026-02-13`},
		{`since:01/01/2026`, `since:2026-01-01`},
		{`since:2026-03-12T08:04:41Z`, `since:2026-03-12`},
		{`since:01/02/2026`, `ambiguous-date@6 → since:2026-02-01`},
		{`date:01/02/2026..2027`, `ambiguous-date@5 → date:2026-02-01..2027`},
		{`date:2026-02-30`, `bad-date@5`},
		{`date:2026-05..2026-01`, `bad-date@5 → date:2026-01..2026-05`},
		{`since:9999999999-01-01`, `bad-date@6`},
		{`since:2026-01..2026-02`, `bad-date@6`},
		{`since:demain`, `bad-date@6`},
		{`since:*`, `misplaced-wildcard@6`},

		// Settings hold for the whole query.
		{`sort:newest vendor:hpe`, `vendor:hpe sort:newest`},
		{`tri:récents group:distributor,week vendor:hpe`, `vendor:hpe group:distributor,week sort:newest`},
		{`a OR b sort:newest`, `(a OR b) sort:newest`},
		{`par:semaine`, `group:week`},
		{`sort:newst`, `unknown-value@5 → sort:newest`},
		{`sort:newest sort:oldest`, `misplaced-setting@12 → sort:newest`},
		{`(a sort:newest)`, `misplaced-setting@3`},
		{`a -sort:newest`, `misplaced-setting@3`},
		{`a OR sort:newest`, `dangling-operator@2`},
	} {
		checkParse(t, test.in, test.want)
	}
}

func TestLimits(t *testing.T) {
	long := strings.Repeat("é", MaxBytes/2)
	for _, test := range []struct{ name, in, want string }{
		{"as long as may be", long, ""},
		{"too long", long + "a", TooLong},
		{"its canonical form is too long", strings.Repeat("pays:fr ", 40) + strings.Repeat("a", 1700), TooLong},
		{"as many terms as may be", strings.Repeat("a ", MaxClauses), ""},
		{"too many terms", strings.Repeat("a ", MaxClauses+1), TooManyClauses},
		{"too many values", "vendor:a" + strings.Repeat(",a", MaxClauses), TooManyClauses},
		{"a thousand parentheses", strings.Repeat("(", 1000) + "a", TooDeep},
		{"a thousand minus signs", strings.Repeat("-", 1000) + "a", ""},
		{"a thousand NOT", strings.Repeat("NOT ", 500) + "a", ""},
		{"a surrogate and a broken byte", "a\xed\xa0\x80 \xff b", ""},
	} {
		_, err := Parse(test.in, testOptions())
		got := ""
		var syn *SyntaxError
		if errors.As(err, &syn) {
			got = syn.Code
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestHints(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{`a b`, ``},
		{`woman or women`, `lower-case-operator@6+2 → woman OR women`},
		{`femme ou homme`, `lower-case-operator@6+2 → femme OR homme`},
		{`or noir`, ``}, // gold, at the beginning
		{`mine d or`, ``},
		{`a OR or`, ``},
		{`a sauf b`, `lower-case-operator@2+4 → a NOT b`},
		{`vendor:nutanx`, `unknown-vendor@7+6 → vendor:nutanix`},
		{`vendor:acme`, `unknown-vendor@7+4`},
		{`a || b`, `ignored-symbol@2+2 → a OR b`},
		{`R&D & cloud`, `ignored-symbol@4+1 → R&D AND cloud`},
		{`price:1,5M`, `decimal-comma@6+4 → price:1.5M`},
	} {
		q, err := Parse(test.in, testOptions())
		if err != nil {
			t.Errorf("Parse(%q): %v", test.in, err)
			continue
		}
		var got []string
		for _, h := range q.Hints {
			s := fmt.Sprintf("%s@%d+%d", h.Code, h.Pos, h.Len)
			if len(h.Suggestions) > 0 {
				s += " → " + h.Fix(test.in, 0)
			}
			got = append(got, s)
		}
		if s := strings.Join(got, "; "); s != test.want {
			t.Errorf("hints of %q\n got %s\nwant %s", test.in, s, test.want)
		}
	}
}

func TestWords(t *testing.T) {
	for _, test := range []struct{ in, fr, en string }{
		{``, `tout`, `everything`},
		{`vendor:nutanix type:distribution territory:fr since:2026-01`,
			`fournisseur Nutanix · distribution · France · depuis le 1 janv. 2026`,
			`vendor Nutanix · distribution · France · since 1 Jan 2026`},
		{`vendor:nutanix,hpe status:announced,in_effect -type:acquisition`,
			`fournisseur Nutanix ou HPE · annoncé ou en vigueur · sauf rachat`,
			`vendor Nutanix or HPE · announced or in effect · not acquisition`},
		{`kind:hyperscaler kind:integrator@fr`, `hyperscaler · intégrateur (France)`, `hyperscaler · integrator (France)`},
		{`(a b OR "c d") nuta* typo~`, `((a et b) ou « c d ») · nuta… · à peu près typo`, `((a and b) or “c d”) · nuta… · roughly typo`},
		{`price:>=10000 price:1..2.5`, "prix ≥ 10\u202f000 · prix de 1 à 2,5", `price ≥ 10,000 · price from 1 to 2.5`},
		{`since:30d until:yesterday`, `depuis le 2 mai 2026 · jusqu’au 31 mai 2026`, `since 2 May 2026 · until 31 May 2026`},
		{`date:2026-02 date:..2026-02`, `en févr. 2026 · jusqu’au 28 févr. 2026`, `in Feb 2026 · until 28 Feb 2026`},
		{`pair:nutanix~arrow lang:fr vendor:*`, `entre Arrow et Nutanix · en français · fournisseur quelconque`, `between Arrow and Nutanix · in French · vendor of any kind`},
		{`a OR b group:distributor,week sort:newest`, `(a ou b) · groupé par grossiste et semaine · tri : plus récents`, `(a or b) · grouped by distributor and week · sorted: newest first`},
	} {
		q, err := Parse(test.in, testOptions())
		if err != nil {
			t.Errorf("Parse(%q): %v", test.in, err)
			continue
		}
		if got := q.Words("fr"); got != test.fr {
			t.Errorf("%q in French\n got %s\nwant %s", test.in, got, test.fr)
		}
		if got := q.Words("en"); got != test.en {
			t.Errorf("%q in English\n got %s\nwant %s", test.in, got, test.en)
		}
	}
}

// TestForEver holds the promise that a query string of version 1 keeps its
// meaning: lines may be added to the file, never changed.
func TestForEver(t *testing.T) {
	b, err := os.ReadFile("testdata/v1.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	if len(lines) < 60 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		in, want, ok := strings.Cut(line, "\t")
		if !ok {
			t.Fatalf("no tab in %q", line)
		}
		checkParse(t, in, want)
		checkParse(t, want, want)
	}
}

// TestFieldTable checks what the documentation is made from.
func TestFieldTable(t *testing.T) {
	seen := map[string]string{}
	for _, f := range Fields() {
		if f.FR == "" || f.EN == "" {
			t.Errorf("%s: has no meaning in one language", f.Name)
		}
		for _, n := range append([]string{f.Name}, f.Aliases...) {
			if was, taken := seen[fold(n)]; taken {
				t.Errorf("%s: names both %s and %s", n, was, f.Name)
			}
			seen[fold(n)] = f.Name
			if name, _, ok := splitField(n + ":x"); !ok || name != n {
				t.Errorf("%s: cannot be typed as a field", n)
			}
		}
		opt := testOptions()
		opt.Sources = nil
		if q, err := Parse(f.Example, opt); err != nil || q.String() == "" {
			t.Errorf("example %q of %s: %v", f.Example, f.Name, err)
		}
		for _, e := range f.Values {
			if e.FR == "" || e.EN == "" {
				t.Errorf("%s:%s has no label in one language", f.Name, e.ID)
			}
			for _, s := range append([]string{e.ID, e.FR, e.EN}, e.Aliases...) {
				if got, ok := f.EnumByName(s); !ok {
					t.Errorf("%s: %q is not understood", f.Name, s)
				} else if got.ID != e.ID && s == e.ID {
					t.Errorf("%s:%s reads as %s", f.Name, s, got.ID)
				} else if got.ID != e.ID && f.Name != "territory" {
					t.Errorf("%s: %q may be %s or %s", f.Name, s, e.ID, got.ID)
				}
			}
		}
	}
	ids := func(name string) (out []string) {
		for _, e := range FieldRow(name).Values {
			out = append(out, e.ID)
		}
		return out
	}
	for name, want := range map[string][]string{"type": schemas.Types, "status": schemas.Statuses, "price_kind": schemas.PriceKinds} {
		if got := ids(name); !slices.Equal(got, want) {
			t.Errorf("%s: has the values %v, the schema %v", name, got, want)
		}
	}
	for _, role := range schemas.Roles {
		index := RoleIndex(role)
		if role == "entity" { // what a joint venture founds; found as vendor:
			continue
		}
		if !slices.ContainsFunc(Fields(), func(f Field) bool { return f.Index() == index }) {
			t.Errorf("role %s has no field", role)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, field := range Fields() {
		f.Add(field.Example)
	}
	for _, s := range []string{`a (b OR -"c d") vendor:@hyperscalers,hpe price:>1.5M date:2026..30d sort:newest`, `« a " b »`, "\"«\" \u212a:x", `kind:a@b pair:a~b`, `-–−a`, `text:",":,`, `https://a/(b)`, "a\u0338:b \xff"} {
		f.Add(s)
	}
	opt := testOptions()
	f.Fuzz(func(t *testing.T, s string) {
		q, err := Parse(s, opt)
		var syn *SyntaxError
		if errors.As(err, &syn) {
			if n := len([]rune(strings.ToValidUTF8(s, "\uFFFD"))); syn.Code != TooLong && (syn.Pos < 0 || syn.Len < 0 || syn.Pos+syn.Len > n) {
				t.Errorf("%q: %s marks %d+%d of %d", s, syn.Code, syn.Pos, syn.Len, n)
			}
			for i := range syn.Suggestions {
				syn.Fix(s, i)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %v is no SyntaxError", s, err)
		}
		canon := q.String()
		again, err := Parse(canon, opt)
		if err != nil {
			t.Fatalf("%q prints %q: %v", s, canon, err)
		}
		if got := again.String(); got != canon {
			t.Fatalf("%q prints %q, then %q", s, canon, got)
		}
		if a, b := Compile(q, testAnalyze).String(), Compile(again, testAnalyze).String(); a != b {
			t.Fatalf("%q means %s, its canonical form %q means %s", s, a, canon, b)
		}
		q.Words("fr")
		q.Words("en")
		Complete(s, len(s)/2, Known{Lang: "fr", Lists: []string{"hyperscalers"}})
	})
}

func checkParse(t *testing.T, in, want string) {
	t.Helper()
	q, err := Parse(in, testOptions())
	got := q.String()
	var syn *SyntaxError
	if errors.As(err, &syn) {
		got = fmt.Sprintf("%s@%d", syn.Code, syn.Pos)
		if _, fix, ok := strings.Cut(want, " → "); ok && len(syn.Suggestions) > 0 {
			got += " → " + syn.Fix(in, 0)
			if again, err := Parse(fix, testOptions()); err != nil {
				t.Errorf("the fix of %q, %q, does not parse: %v, %v", in, fix, again, err)
			}
		}
		if syn.FR == "" || syn.EN == "" || syn.FR == syn.EN {
			t.Errorf("Parse(%q): messages %q and %q", in, syn.FR, syn.EN)
		}
		if n := len([]rune(in)); syn.Pos < 0 || syn.Len < 1 || syn.Pos+syn.Len > n {
			t.Errorf("Parse(%q): marks %d+%d of %d code points", in, syn.Pos, syn.Len, n)
		}
	} else if err != nil {
		t.Errorf("Parse(%q): %v is no SyntaxError", in, err)
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
