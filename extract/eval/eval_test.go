package eval

import (
	"math"
	"strings"
	"testing"
)

const gold = `
{"id":"1","lang":"fr","vendors":["HPE","Microsoft","Dell"],"signals":[
 {"type":"partnership","status":"announced","parties":["HPE","Microsoft"],"type_alt":["reseller"],"evidence":"Microsoft deviendra un partenaire préféré"},
 {"type":"oem_integration","status":"in_effect","parties":["Microsoft","Dell"],"directed_roles":{"provider":"Microsoft","integrator":"Dell"},"evidence":"livrées pré-installées"}],
 "prices":[{"text":"1,5 Md€","low":1500000000,"high":1500000000,"currency":"EUR","kind":"revenue","alt":"1.6bn"},{"text":"à partir de 54,75 €","low":54.75,"high":null,"currency":"EUR","kind":"product_price","alt":["60 $",{"low":60,"high":null,"currency":"USD"}]}]}
{"id":"2","lang":"en","vendors":["Orange"],"signals":[],"prices":[]}
{"id":"3","lang":"en","vendors":["Salesforce"],"external_parties":["SNCF"],"signals":[{"type":"customer_contract","status":"announced","parties":["Salesforce"],"directed_roles":{"supplier":"Salesforce","customer":"SNCF"},"evidence":"x"},{"type":"investment","status":"background","parties":["Salesforce"],"optional":true}],"prices":[]}
`

func TestScore(t *testing.T) {
	flat := strings.NewReplacer("\n {", " {", "\n \"prices", " \"prices")
	g := flat.Replace(gold)
	pred := `
{"id":"1","vendors":[{"name":"Hewlett Packard Enterprise"},{"name":"microsoft corp."},{"name":"Oracle"}],"signals":[
 {"type":"reseller","status":"rumoured","parties":[{"name":"HPE","role":"reseller"},{"name":"Microsoft","role":"vendor"}],"evidence":{"text":"un partenaire « préféré »"}},
 {"type":"oem_integration","status":"in_effect","parties":[{"name":"Dell Technologies","role":"provider"},{"name":"Microsoft","role":"integrator"}],"evidence":{"text":"livrées pré-installées avec"}}],
 "prices":[{"low":"1500000000.00","high":"1500000000","currency":"EUR","kind":"deal_value"},{"low":"60","high":null,"currency":"USD","kind":"product_price"},{"low":"3","high":"3","currency":"EUR","kind":"other"}]}
{"id":"2","vendors":[{"name":"Orange"}],"signals":[{"type":"partnership","status":"announced","parties":[{"name":"Orange"},{"name":"Nobody","known":false}]}],"prices":[]}
{"id":"3","vendors":[{"name":"Salesforce"},{"name":"SNCF"}],"signals":[{"type":"customer_contract","status":"announced","parties":[{"name":"Salesforce","role":"supplier"},{"name":"SNCF","role":"customer"}],"evidence":{"text":"X"}}],"prices":[]}
`
	r, err := Score(strings.NewReader(g), strings.NewReader(flat.Replace(pred)))
	if err != nil {
		t.Fatal(err)
	}
	f := r.Figures()
	for k, want := range map[string]float64{
		"vendors":      0.8,       // 4 right, Oracle wrong, Dell missed
		"deals":        6.0 / 7.0, // 3 right, one lone Orange wrong, none missed
		"deals_status": 4.0 / 7.0, // the rumour counts as missed and as wrong: 2 right, 2 wrong, 1 missed
		"prices":       0.8,       // 2 right (one as its conversion), 1 wrong
		"status_acc":   2.0 / 3.0,
		"roles":        0.5, // two are the wrong way round, one is right; reseller has none to get right
		"evidence":     1,
		"price_kind":   0.5,
		"no_deal":      0,
	} {
		if math.Abs(f[k]-want) > 1e-9 {
			t.Errorf("%s: got %.6f, want %.6f", k, f[k], want)
		}
	}
	if r.Records != 3 || r.Absent != 0 || len(r.Lang) != 2 {
		t.Errorf("%d records, %d absent, %d languages", r.Records, r.Absent, len(r.Lang))
	}
	var b strings.Builder
	if err := r.Print(&b, 100); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"3 records, 0 without a prediction", "vendors         0.800  0.800  0.800   en 1.000  fr 0.667", "2  deal wrong  orange partnership announced", `"1,5 Md€" want revenue got deal_value`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
}

func TestNothingPredicted(t *testing.T) {
	g := strings.NewReplacer("\n {", " {", "\n \"prices", " \"prices").Replace(gold)
	r, err := Score(strings.NewReader(g), strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	if r.Absent != 3 || r.Figures()["deals"] != 0 || r.Figures()["no_deal"] != 1 {
		t.Errorf("absent %d, figures %v", r.Absent, r.Figures())
	}
}

func TestNames(t *testing.T) {
	for _, tt := range [][2]string{
		{"HPE", "Hewlett-Packard Enterprise"}, {"Télefónica", "telefonica"}, {"AWS", "Amazon Web Services"},
		{"Dell Inc.", "Dell EMC"}, {"Société Générale SA", "societe generale"}, {"AT&T", "at&t"},
	} {
		if canon(tt[0]) != canon(tt[1]) {
			t.Errorf("%q is %q and %q is %q", tt[0], canon(tt[0]), tt[1], canon(tt[1]))
		}
	}
	for _, tt := range [][2]string{{"HPE", "HP"}, {"Orange", "Orange Business"}} {
		if canon(tt[0]) == canon(tt[1]) {
			t.Errorf("%q and %q are taken for one", tt[0], tt[1])
		}
	}
}

func TestBadInput(t *testing.T) {
	for _, tt := range []struct{ gold, pred, want string }{
		{`{"id":"1"`, ``, "gold, line 1"},
		{`{"id":"1"}`, "\n\nnonsense", "prediction, line 3"},
		{`{"id":"1","prices":[{"low":1,"high":1,"currency":"EUR","kind":"other"}]}`, `{"id":"1","prices":[{"low":"1/3","high":"x"}]}`, "is no number"},
	} {
		_, err := Score(strings.NewReader(tt.gold), strings.NewReader(tt.pred))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.pred, err, tt.want)
		}
	}
}
