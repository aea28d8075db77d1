package catalogue_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.org/veille/extract/catalogue"
)

// found renders what is found in a text as "quote=vendor" or "quote=vendor/Product", in order.
func found(tb testing.TB, c *catalogue.Catalogue, lang, date, text string) string {
	tb.Helper()
	at := day(tb, date)
	var out []string
	ms := c.Mentions(text, lang, at)
	if two := c.Disambiguate(text, lang, c.Find(text, at), at); !slices.Equal(ms, two) {
		tb.Errorf("%q: Mentions gives %v, Find and Disambiguate %v", text, ms, two)
	}
	for _, m := range ms {
		s := fmt.Sprintf("%s=%s", text[m.Start:m.End], m.VendorID)
		if m.Product != "" {
			s += "/" + m.Product
		}
		out = append(out, s)
	}
	return strings.Join(out, " | ")
}

// How names are written: elision, possessives, hyphens, case, spaces, invisible characters, addresses.
func TestSpellings(t *testing.T) {
	c := load(t)
	for _, tc := range []struct{ date, text, want string }{
		{"2018-01-01", "l'Azure de Microsoft", "Azure=microsoft/Azure | Microsoft=microsoft"},
		{"2018-01-01", "les serveurs d’HPE", "HPE=hpe"},
		{"2018-01-01", "Parce qu'IBM hésite, jusqu’IBM", "IBM=ibm | IBM=ibm"},
		{"2018-01-01", "HPE's servers and HPE’s storage", "HPE=hpe | HPE=hpe"},
		{"2018-01-01", "l'accord Dell-Nutanix", "Dell=dell | Nutanix=nutanix"},
		{"2018-01-01", "le duo Lenovo-EMC", "Lenovo=lenovo | EMC=emc"},
		{"2015-10-20", "le rapprochement Dell-EMC", "Dell=dell | EMC=emc"},
		{"2017-10-20", "Dell EMC annonce", "Dell EMC=dell"},
		{"2018-01-01", "Cisco/NetApp, IBM + Lenovo", "Cisco=cisco | NetApp=netapp | IBM=ibm | Lenovo=lenovo"},
		{"2015-11-25", "Hewlett-Packard Enterprise (HPE)", "Hewlett-Packard Enterprise=hpe | HPE=hpe"},
		{"2012-11-25", "Hewlett-Packard et Hewlett Packard", "Hewlett-Packard=hewlett-packard | Hewlett Packard=hewlett-packard"},
		{"2012-01-01", "Alcatel-Lucent", "Alcatel-Lucent=alcatel-lucent"},
		{"2020-01-01", "Alcatel-Lucent Enterprise", "Alcatel-Lucent Enterprise=alcatel-lucent-enterprise"},
		{"2020-01-01", "Westcon-Comstor et Westcon Comstor", "Westcon-Comstor=westcon-comstor | Westcon Comstor=westcon-comstor"},
		{"2020-01-01", "AT&T, D&H, 1&1, C'PRO et C’PRO", "AT&T=att | D&H=d-and-h | 1&1=1-1 | C'PRO=koesio | C’PRO=koesio"},
		{"2020-01-01", "Nvidia, NVIDIA, nvidia", "Nvidia=nvidia | NVIDIA=nvidia | nvidia=nvidia"},
		{"2020-01-01", "TELEFONICA, Telefonica, Telefónica, Tele\u0301fo\u0301nica", "TELEFONICA=telefonica | Telefonica=telefonica | Telefónica=telefonica | Tele\u0301fo\u0301nica=telefonica"},
		{"2020-01-01", "VMWARE ET RED HAT S'ALLIENT", "VMWARE=vmware | RED HAT=red-hat"},
		{"2020-01-01", "Palo\u00a0Alto\u202fNetworks", "Palo\u00a0Alto\u202fNetworks=palo-alto-networks"},
		{"2020-01-01", "Red\nHat, mais Red\n\nHat", "Red\nHat=red-hat"},
		{"2020-01-01", "Micro\u00adsoft et \u200bNutanix\u200b", "Micro\u00adsoft=microsoft | Nutanix=nutanix"},
		{"2020-01-01", "Sap, Ibm, azure, windows, falcon", ""},
		{"2020-01-01", "https://www.microsoft.com/azure et www.orange.fr, contact@oracle.com, @Cisco", ""},
		{"2020-01-01", "support.microsoft.com", ""},
		{"2020-01-01", "hébergé dans le cloud.Microsoft annonce", "Microsoft=microsoft"},
		{"2020-01-01", "Salesforce.com", "Salesforce.com=salesforce"},
		{"2020-01-01", "CA$3.10, US$5", ""},
		{"2020-01-01", "Capgemini, Talent, Microsoftien, OracleDB, foo_IBM", "Capgemini=capgemini"},
		{"2020-01-01", "Talan n'est pas Talend", "Talan=talan | Talend=talend"},
		{"2020-01-01", "Office 365 et Microsoft 365 E5", "Office 365=microsoft/Office 365 | Microsoft 365=microsoft/Microsoft 365"},
		{"2020-01-01", "[Cisco](#), «\u00a0IBM\u00a0», (SAP), “Dell”", "Cisco=cisco | IBM=ibm | SAP=sap | Dell=dell"},
		{"2020-01-01", "Azure-based, Microsoft-owned, ex-Cisco", "Azure=microsoft/Azure | Microsoft=microsoft | Cisco=cisco"},
		{"2020-01-01", "Big Blue", "Big Blue=ibm"},
	} {
		if got := found(t, c, "", tc.date, tc.text); got != tc.want {
			t.Errorf("%s %q\n got %s\nwant %s", tc.date, tc.text, got, tc.want)
		}
	}
}

// Names that are words, places or persons too.
func TestDisambiguate(t *testing.T) {
	c := load(t)
	const at = "2023-06-01"
	for _, tc := range []struct{ lang, text, want string }{
		{"fr", "L'opérateur Orange a choisi Nokia.", "Orange=orange | Nokia=nokia"},
		{"fr", "Les quatre opérateurs, dont Orange, SFR et Free, ont signé.", "Orange=orange | SFR=sfr | Free=free"},
		{"fr", "Le voyant orange clignote. Orange vif ou rouge, peu importe.", ""},
		{"fr", "Un festival à la ville d'Orange, avec Cisco.", "Cisco=cisco"},
		{"en", "The reseller opened an office in Orange County near Cisco.", "Cisco=cisco"},
		{"fr", "Orange mécanique : le film ressort.", ""},
		{"en", "Free tiers are everywhere. Free of charge, says Microsoft.", "Microsoft=microsoft"},
		{"en", "Free lunch? Not in the cloud.", ""},
		{"fr", "Iliad relance Free avec une nouvelle Freebox.", "Iliad=iliad | Free=free | Freebox=free/Freebox"},
		{"en", "Box and Dropbox, being storage services, were left out.", "Box=box | Dropbox=dropbox"},
		{"fr", "La box de SFR coûte plus cher.", "SFR=sfr"},
		{"en", "The Azure Stack box ships from Dell.", "Azure Stack=microsoft/Azure Stack | Dell=dell"},
		{"fr", "Devenir partenaire Sage coûte cher, bien plus que chez Cegid.", "Sage=sage | Cegid=cegid"},
		{"fr", "Une sage décision de Cisco.", "Cisco=cisco"},
		{"en", "That is sage advice from IBM.", "IBM=ibm"},
		{"en", "There is no oracle to tell you what egress will cost.", ""},
		{"en", "Oracle and SAP fight over ERP customers.", "Oracle=oracle | SAP=sap"},
		{"en", "Also, Microsoft said it would ship. Also announced was a price.", "Microsoft=microsoft"},
		{"en", "The distributor ALSO will carry Lenovo from its base in Emmen.", "ALSO=also | Lenovo=lenovo"},
		{"fr", "Le grossiste Also distribue désormais Lenovo.", "Also=also | Lenovo=lenovo"},
		{"en", "Insight Partners led the round in Veeam.", "Veeam=veeam"},
		{"en", "The reseller Insight bought Datalink.", "Insight=insight | Datalink=insight/Datalink"},
		{"fr", "Arrow perd son exclusivité européenne sur Symantec.", "Arrow=arrow-ecs | Symantec=symantec"},
		{"en", "Press the Arrow key to continue.", ""},
		{"en", "Michael Dell spoke in Austin.", ""},
		{"en", "The Big Apple hosts the event.", ""},
		{"fr", "Bureau Veritas certifie le centre de données.", ""},
		{"en", "Silicon Box plans a plant in Italy.", ""},
		{"en", "The attack surface keeps growing, says Fortinet.", "Fortinet=fortinet"},
		{"fr", "La surface d'attaque s'étend.", ""},
		{"fr", "Les équipes Microsoft présentent la Surface Pro.", "Microsoft=microsoft | Surface Pro=microsoft/Surface Pro"},
		{"en", "Sales Teams must adapt; Red teams too.", ""},
		{"en", "Windows of opportunity are rare.", ""},
		{"fr", "Bleu, le cloud de confiance d'Orange et Capgemini", "Bleu=bleu | Orange=orange | Capgemini=capgemini"},
		{"fr", "Un écran bleu sous Windows 11.", "Windows 11=microsoft/Windows 11"},
		{"fr", "Claude Dupont rejoint Cisco.", "Cisco=cisco"},
		{"en", "Anthropic released Claude Opus.", "Anthropic=anthropic | Claude Opus=anthropic/Claude"},
		{"en", "The deal was announced on Monday by Dell.", "Dell=dell"},
		{"en", "Meta and Google face fines.", "Meta=meta | Google=google"},
		{"en", "The company sells through Arm of the group.", ""},
		{"en", "Chip designer Arm sued Qualcomm.", "Arm=arm | Qualcomm=qualcomm"},
		{"en", "Meeting room specialist Poly will preload Zoom Rooms.", "Poly=poly | Zoom Rooms=zoom/Zoom Rooms"},
		{"fr", "Zoom sur le marché français.", ""},
		{"fr", "Le marché des réseaux de neurones explose.", ""},
		{"fr", "L'ESN Neurones rachète une société.", "Neurones=neurones"},
		{"en", "Azure Capital Partners invested; Tivoli Gardens reopened.", ""},
		{"fr", "Un X-ray et un scanner pour l'hôpital, avec IBM.", "IBM=ibm"},
		{"en", "Hourly rates at the Delaware court rose.", ""},
		{"en", "A sharp rise in memory prices hits Micron.", "Micron=micron"},
	} {
		if got := found(t, c, tc.lang, at, tc.text); got != tc.want {
			t.Errorf("%s %q\n got %s\nwant %s", tc.lang, tc.text, got, tc.want)
		}
	}
}

// One clear mention in an article licenses the doubtful one in its headline.
func TestOneSensePerArticle(t *testing.T) {
	c := load(t)
	doubtful := "Box ups its prices"
	if got := found(t, c, "en", "2023-01-01", doubtful); got != "" {
		t.Errorf("headline alone: got %s, want nothing", got)
	}
	got := found(t, c, "en", "2023-01-01", doubtful+"\n\nContent management vendor Box will charge more. Orders close in May.")
	if want := "Box=box | Box=box"; got != want {
		t.Errorf("with a body: got %s, want %s", got, want)
	}
}

func TestScanFindsHeadsPlacesAndPress(t *testing.T) {
	c := load(t)
	text := "Satya Nadella told CNBC that Virtzilla and the Armonk firm are late, according to Gartner."
	var got []string
	for _, m := range c.Scan(text, day(t, "2020-01-01")) {
		s := text[m.Start:m.End] + "=" + m.VendorID
		if p, ok := c.PressAt(m); ok {
			s += fmt.Sprintf("press:%s:%v", p.Name, p.Analyst)
		}
		got = append(got, s)
	}
	want := "Satya Nadella=microsoft CNBC=press:CNBC:false Virtzilla=vmware Armonk=ibm Gartner=press:Gartner:true"
	if g := strings.Join(got, " "); g != want {
		t.Errorf("got  %s\nwant %s", g, want)
	}
	if ms := c.Find(text, day(t, "2020-01-01")); len(ms) != 0 {
		t.Errorf("Find gave %v, want no vendor: heads, places and publishers are not mentions", ms)
	}
}

// Hostile texts cost no more than their length: ten times the text takes about ten times the time.
func TestLinear(t *testing.T) {
	c := load(t)
	at := day(t, "2024-01-01")
	for name, unit := range map[string]string{
		"no spaces":    "aMicrosoft",
		"one name":     "Microsoft ",
		"orange":       "Orange. ",
		"capitals":     "Word Orange Box ",
		"empty tokens": "\u200b\u00ad-'",
		"mixed":        "Free said, Orange et SFR ; « Oracle » l'Azure.\n\n",
	} {
		cost := func(n int) time.Duration {
			text := strings.Repeat(unit, n/len(unit))
			best := time.Hour
			for range 3 {
				start := time.Now()
				c.Disambiguate(text, "fr", c.Find(text, at), at)
				best = min(best, time.Since(start))
			}
			return best
		}
		small, large := cost(20_000), cost(200_000)
		if large > 40*small+200*time.Millisecond {
			t.Errorf("%s: 20 KB took %v, 200 KB %v", name, small, large)
		}
	}
}

func FuzzFind(f *testing.F) {
	c, err := catalogue.Load()
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		"", "Orange", "l'Azure de Microsoft", "Dell-Nutanix", "HPE’s", "Micro\u00adsoft", "Te\u0301le\u0301fonica", "\xff\xfeIBM\xff", "Red\u200b Hat",
		"https://", "www.", "://", "@Cisco@", "A.B.C.", "C'PRO", "Free\nOrange\n\nBox", "İBM ŒUVRE ẞ", "مايكروسوفت Microsoft \u202eIBM\u202c",
	} {
		f.Add(s, "fr")
		f.Add(s, "en")
	}
	at := time.Date(2022, 3, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text, lang string) {
		all := c.Scan(text, at)
		end := 0
		for _, m := range all {
			if m.Start < end || m.End <= m.Start || m.End > len(text) {
				t.Fatalf("span %d..%d after %d in %d bytes", m.Start, m.End, end, len(text))
			}
			if utf8.ValidString(text) && !utf8.ValidString(text[m.Start:m.End]) {
				t.Fatalf("span %q cuts a character", text[m.Start:m.End])
			}
			if _, ok := c.Vendor(m.VendorID); !ok && m.By != catalogue.ByPress {
				t.Fatalf("unknown vendor %q", m.VendorID)
			}
			end = m.End
		}
		kept := c.Disambiguate(text, lang, all, at)
		if len(kept) > len(all) {
			t.Fatalf("kept %d of %d", len(kept), len(all))
		}
		c.Resolve(text, at)
		catalogue.Fold(text)
	})
}

// The names the trade press shares with ordinary words must never be taken at their face: those in capitals of the first list are dropped
// when the context decides nothing, those of the second are kept.
func TestAmbiguousNamesAreGuarded(t *testing.T) {
	c := load(t)
	for _, tc := range []struct {
		accept bool
		names  []string
	}{
		{false, []string{
			"Orange", "Free", "Box", "Sage", "Oracle", "Meta", "Arm", "Arrow", "Also", "Insight", "Slack", "Teams", "Surface", "Office", "Edge",
			"Elastic", "Bleu", "Progress", "Quest", "Unify", "Poly", "Square", "Block", "Signal", "Notion", "Linear", "Cursor", "Monday", "Three",
			"Pure", "Nimble", "Extreme", "Brother", "Sword", "Neurones", "Bell", "Salt", "Discord", "Level 3", "Ping", "X", "Duo", "Visa",
		}},
		{true, []string{
			"Apple", "Amazon", "Dell", "HP", "Windows", "Snowflake", "Mistral", "Claude", "Gemini", "Copilot", "Zoom", "Bull", "Sharp", "Canon",
			"Xerox", "Colt", "BT", "O2", "Wiz", "Palo Alto", "Veritas", "Vade", "CGI", "SCC", "Onepoint", "Celeste", "Cohere", "F5", "Workday",
			"Asana", "Lumen", "Intel", "Stripe", "Alphabet", "Juniper", "Iliad",
		}},
	} {
		for _, n := range tc.names {
			ms := c.Find(n, day(t, "2024-06-01"))
			if len(ms) != 1 || ms[0].Strength != catalogue.Ambiguous || ms[0].Accept != tc.accept {
				t.Errorf("%s: got %+v, want one ambiguous match with Accept %v", n, ms, tc.accept)
			}
		}
	}
}
