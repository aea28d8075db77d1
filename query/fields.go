package query

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/norm"
)

// FieldKind tells what values a field takes.
type FieldKind string

const (
	TextField    FieldKind = "text"    // words, phrases, prefixes
	VendorField  FieldKind = "vendor"  // an organisation or a @list
	EnumField    FieldKind = "enum"    // one of Values
	SlugField    FieldKind = "slug"    // any exact value
	NumberField  FieldKind = "number"  // a number or range
	DateField    FieldKind = "date"    // a date or range
	SettingField FieldKind = "setting" // sort and group: lifted out of the tree
)

// Field is one row of the language's table.
type Field struct {
	Name    string
	Aliases []string // other names, French ones first
	Kind    FieldKind
	FR, EN  string    // meaning
	Example string    // one query that uses it
	Values  []Enum    // for EnumField and SettingField
	index   string    // field of the index; the name when ""
	label   [2]string // in the echo: French, English; "" when the value says enough
}

// Index is the field of the index, and of a [Doc], that the field reads.
func (f Field) Index() string {
	if f.index != "" {
		return f.index
	}
	return f.Name
}

// Enum is one value of a closed set.
type Enum struct {
	ID      string
	FR, EN  string   // label for people
	Aliases []string // other spellings that are understood
}

// Fields is the table of the language, in the order of its documentation. The
// caller may keep it, not change it.
func Fields() []Field { return table().fields }

// FieldByName finds a field by its name or an alias, whatever its case and accents.
func FieldByName(name string) (Field, bool) {
	f, ok := table().byName[fold(name)]
	if !ok {
		return Field{}, false
	}
	return *f, true
}

// EnumByName finds a value of a field by its id, a label or another spelling.
func (f Field) EnumByName(s string) (Enum, bool) {
	e, ok := table().enums[f.Name][fold(s)]
	return e, ok
}

// Label names a value of the field for people, in French for "fr"; the value
// itself when the field has no closed set or lacks it.
func (f Field) Label(id, lang string) string {
	for _, e := range f.Values {
		if e.ID == id {
			if lang == "fr" {
				return e.FR
			}
			return e.EN
		}
	}
	return id
}

type fieldTable struct {
	fields []Field
	byName map[string]*Field
	enums  map[string]map[string]Enum
}

var table = sync.OnceValue(func() *fieldTable {
	t := &fieldTable{fields: fieldRows(), byName: map[string]*Field{}, enums: map[string]map[string]Enum{}}
	for i := range t.fields {
		f := &t.fields[i]
		if f.Name == "territory" {
			f.Values = append(f.Values, countries()...)
		}
		t.byName[fold(f.Name)] = f
		for _, a := range f.Aliases {
			t.byName[fold(a)] = f
		}
		if len(f.Values) == 0 {
			continue
		}
		m := map[string]Enum{}
		// Ids first: no alias of one value may hide the id of another.
		for _, e := range f.Values {
			m[fold(e.ID)] = e
		}
		for _, e := range f.Values {
			for _, s := range append([]string{e.FR, e.EN}, e.Aliases...) {
				for _, s := range []string{fold(s), strings.ReplaceAll(fold(s), " ", "-"), strings.ReplaceAll(fold(s), " ", "_")} {
					if _, taken := m[s]; !taken && s != "" {
						m[s] = e
					}
				}
			}
		}
		t.enums[f.Name] = m
	}
	return t
})

// countries are the ISO 3166-1 countries with their French and English names.
func countries() []Enum {
	fr, en := display.Regions(language.French), display.Regions(language.English)
	extra := map[string][]string{
		"gb": {"uk", "angleterre", "england", "grande-bretagne"}, "us": {"usa", "états-unis d’amérique"},
		"nl": {"hollande", "holland"}, "cz": {"tchéquie", "république tchèque"}, "kr": {"corée"}, "ae": {"émirats", "uae"},
	}
	var out []Enum
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string(a) + string(b)
			r, err := language.ParseRegion(code)
			// Deprecated and user-assigned codes parse too; they are no country or
			// answer to another code.
			if err != nil || !r.IsCountry() || r.Canonicalize() != r || r.String() != code || code == "UK" {
				continue
			}
			id := strings.ToLower(code)
			if fr.Name(r) == "" || en.Name(r) == "" { // dissolved states
				continue
			}
			out = append(out, Enum{ID: id, FR: fr.Name(r), EN: en.Name(r), Aliases: extra[id]})
		}
	}
	return out
}

// fold makes names comparable: lower case, no accents, plain apostrophe, single blanks.
func fold(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r):
			continue
		case blank(r):
			gap = true
			continue
		case r == '’' || r == 'ʼ':
			r = '\''
		case r == 'œ' || r == 'Œ':
			r = 'o'
		}
		if gap && b.Len() > 0 {
			b.WriteByte(' ')
		}
		gap = false
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// nearest returns up to n names spelt like s, best first: those s begins, then
// those within two typos (one for short words).
func nearest(s string, names []string, n int) []string {
	s = fold(s)
	type hit struct {
		name string
		d    int
	}
	var hits []hit
	limit := 2
	if len(s) < 5 {
		limit = 1
	}
	if n := utf8.RuneCountInString(s); n < 3 || n > 40 {
		return nil
	}
	for _, name := range names {
		f := fold(name)
		d := distance(s, f, limit)
		if d > limit && len(s) >= 3 && strings.HasPrefix(f, s) {
			d = limit
		}
		if d <= limit {
			hits = append(hits, hit{name, d})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return a.d - b.d })
	var out []string
	for _, h := range hits[:min(len(hits), n)] {
		out = append(out, h.name)
	}
	return out
}

// distance is the number of typos between two words: a letter wrong, missing,
// added, or two neighbours swapped (optimal string alignment). It gives up with
// limit+1 beyond limit.
func distance(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	if len(x)-len(y) > limit || len(y)-len(x) > limit {
		return limit + 1
	}
	prev2, prev, cur := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		cur[0] = i
		least := i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
			least = min(least, cur[j])
		}
		if least > limit {
			return limit + 1
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(y)]
}

func fieldNames() []string {
	return slices.Sorted(maps.Keys(table().byName))
}

func fieldRows() []Field {
	role := func(name, fr, en string, labelFR, labelEN, example string, aliases ...string) Field {
		return Field{Name: name, Aliases: aliases, Kind: VendorField, FR: fr, EN: en, Example: example,
			index: "role_" + name, label: [2]string{labelFR, labelEN}}
	}
	return []Field{
		{Name: "text", Aliases: []string{"texte"}, Kind: TextField, Example: `hyperconvergence "accord de distribution"`,
			FR: "mots du titre ou du texte, accordés, en français et en anglais ; le nom du champ est facultatif",
			EN: "words of the title or the text, in any form, in French and English; the name may be left out"},
		{Name: "title", Aliases: []string{"titre"}, Kind: TextField, Example: `title:"cloud souverain"`,
			FR: "mots du titre", EN: "words of the title", label: [2]string{"titre", "title"}},
		{Name: "vendor", Aliases: []string{"éditeur", "fournisseur", "société", "company"}, Kind: VendorField, index: "party", Example: "vendor:nutanix,hpe",
			FR: "société, quel que soit son rôle ; ses autres noms valent aussi ; @liste pour une liste",
			EN: "organisation in any role; its other names are understood; @list for a list", label: [2]string{"fournisseur", "vendor"}},
		{Name: "about", Aliases: []string{"sujet"}, Kind: VendorField, Example: "about:nutanix",
			FR: "société dont il est question, et non citée en passant",
			EN: "organisation that it is about, and not mentioned in passing", label: [2]string{"à propos de", "about"}},
		role("distributor", "société qui distribue (grossiste)", "organisation that distributes", "grossiste", "distributor", "distributor:arrow", "grossiste", "distributeur"),
		role("reseller", "société qui revend", "organisation that resells", "revendeur", "reseller", "reseller:econocom", "revendeur"),
		role("integrator", "société qui intègre", "organisation that integrates", "intégrateur", "integrator", "integrator:capgemini", "intégrateur"),
		role("customer", "société cliente", "organisation that buys", "client", "customer", "customer:sncf", "client"),
		role("acquirer", "société qui rachète", "organisation that acquires", "acquéreur", "acquirer", "acquirer:broadcom", "acquéreur", "acheteur"),
		role("target", "société rachetée ou financée", "organisation that is acquired", "cible", "target", "target:vmware", "cible"),
		role("investor", "société qui investit", "organisation that invests", "investisseur", "investor", "investor:nvidia", "investisseur"),
		role("maker", "société dont l’offre est en jeu : vendeur, prestataire ou fournisseur", "organisation whose offer is concerned: vendor, provider or supplier", "constructeur", "maker", "maker:nutanix distributor:arrow", "constructeur", "fabricant"),
		role("partner", "partie d’un partenariat", "party of a partnership", "partenaire", "partner", "partner:google", "partenaire"),
		role("seller", "société qui cède", "organisation that sells a business", "cédant", "seller", "seller:broadcom", "cédant"),
		role("plaintiff", "société qui attaque en justice", "organisation that sues", "plaignant", "plaintiff", "plaintiff:oracle", "plaignant"),
		role("defendant", "société attaquée en justice", "organisation that is sued", "défendeur", "defendant", "defendant:google", "défendeur"),
		{Name: "kind", Aliases: []string{"genre", "métier"}, Kind: EnumField, Example: "kind:hyperscaler kind:integrator@fr",
			FR: "métier d’une des sociétés, au besoin avec son pays", EN: "trade of one of the organisations, with its country if wanted",
			Values: []Enum{
				{"maker", "constructeur", "hardware maker", []string{"constructeurs", "fabricant", "hardware", "matériel", "manufacturer"}},
				{"publisher", "éditeur", "software vendor", []string{"éditeurs", "editor", "logiciel", "software", "isv"}},
				{"cloud", "fournisseur de cloud", "cloud provider", nil},
				{"hyperscaler", "hyperscaler", "hyperscaler", []string{"hyperscaleur", "hyperscalers"}},
				{"telco", "opérateur", "telco", []string{"opérateurs", "télécom", "télécoms", "operator", "carrier"}},
				{"distributor", "grossiste", "distributor", []string{"grossistes", "distributeur", "distributors"}},
				{"marketplace", "place de marché", "marketplace", nil},
				{"integrator", "intégrateur", "integrator", []string{"intégrateurs", "integrators", "esn", "ssii"}},
				{"reseller", "revendeur", "reseller", []string{"revendeurs", "resellers", "var"}},
				{"msp", "infogérant", "managed service provider", []string{"infogéreur", "mssp"}},
				{"hoster", "hébergeur", "hosting provider", []string{"hébergeurs", "hosting", "datacenter"}},
				{"ai", "fournisseur d’IA", "AI vendor", []string{"ia"}},
				{"chips", "fabricant de puces", "chip maker", []string{"semiconducteurs", "semiconductor", "puces"}},
				{"security", "éditeur de sécurité", "security vendor", []string{"sécurité", "cybersécurité", "cybersecurity"}},
				{"network", "équipementier réseau", "network vendor", []string{"réseau", "réseaux", "networking"}},
				{"storage", "fournisseur de stockage", "storage vendor", []string{"stockage"}},
				{"services", "société de services", "services company", nil},
			}},
		{Name: "pair", Aliases: []string{"paire", "couple"}, Kind: VendorField, Example: "pair:nutanix~arrow",
			FR: "les deux sociétés ensemble", EN: "both organisations together", label: [2]string{"entre", "between"}},
		{Name: "type", Kind: EnumField, Example: "type:distribution,reseller", FR: "nature de l’accord", EN: "kind of deal",
			Values: []Enum{
				{"partnership", "partenariat", "partnership", []string{"alliance", "partenariats", "partnerships"}},
				{"distribution", "distribution", "distribution", nil},
				{"reseller", "revente", "resale", []string{"revendeur", "reselling"}},
				{"oem_integration", "intégration OEM", "OEM integration", []string{"oem", "intégration"}},
				{"customer_contract", "contrat client", "customer contract", []string{"contrat", "contract", "client"}},
				{"acquisition", "rachat", "acquisition", []string{"acquisitions", "rachats", "takeover", "merger", "fusion"}},
				{"investment", "investissement", "investment", []string{"levée", "levée de fonds", "financement", "funding"}},
				{"joint_venture", "coentreprise", "joint venture", []string{"co-entreprise", "jv"}},
				{"partner_program", "programme partenaires", "partner programme", []string{"programme", "partner program", "program"}},
				{"litigation", "litige", "litigation", []string{"procès", "lawsuit", "contentieux"}},
			}},
		{Name: "status", Aliases: []string{"statut"}, Kind: EnumField, Example: "status:announced,in_effect",
			FR: "où en est l’accord ; background (simple rappel) est écarté si le champ n’est pas nommé",
			EN: "how far the deal has come; background (a mere reminder) is left out unless the field is named",
			Values: []Enum{
				{"rumoured", "rumeur", "rumoured", []string{"rumored", "rumour", "rumor", "rumeurs"}},
				{"planned", "prévu", "planned", []string{"projet", "plan"}},
				{"announced", "annoncé", "announced", []string{"annonce", "annoncée", "signé", "signed"}},
				{"in_effect", "en vigueur", "in effect", []string{"effectif", "effective", "conclu", "closed"}},
				{"ended", "terminé", "ended", []string{"fini", "rompu", "terminated"}},
				{"denied", "démenti", "denied", nil},
				{"background", "rappel", "background", []string{"contexte"}},
			}},
		{Name: "territory", Aliases: []string{"pays", "territoire", "country", "région"}, Kind: EnumField, Example: "territory:fr",
			FR: "pays (code ISO ou nom) ou région de l’accord ; une région comprend ses pays", EN: "country (ISO code or name) or region of the deal; a region includes its countries",
			Values: []Enum{
				{"emea", "EMEA", "EMEA", nil}, {"europe", "Europe", "Europe", nil}, {"eu", "Union européenne", "European Union", []string{"ue"}},
				{"dach", "DACH", "DACH", nil}, {"benelux", "Benelux", "Benelux", nil},
				{"nordics", "pays nordiques", "Nordics", []string{"scandinavie", "scandinavia"}},
				{"iberia", "péninsule ibérique", "Iberia", nil}, {"apac", "Asie-Pacifique", "APAC", []string{"asia-pacific", "asie", "asia"}},
				{"americas", "Amériques", "Americas", nil}, {"north-america", "Amérique du Nord", "North America", nil},
				{"latam", "Amérique latine", "Latin America", nil}, {"africa", "Afrique", "Africa", nil},
				{"maghreb", "Maghreb", "Maghreb", nil}, {"middle-east", "Moyen-Orient", "Middle East", nil},
				{"world", "monde", "world", []string{"global", "mondial", "worldwide"}},
			}},
		{Name: "lang", Aliases: []string{"langue", "language"}, Kind: EnumField, Example: "lang:fr", FR: "langue de l’article ou des preuves", EN: "language of the article or the evidence",
			Values: []Enum{{"fr", "français", "French", []string{"fra", "francais"}}, {"en", "anglais", "English", []string{"eng"}}}},
		{Name: "source", Kind: SlugField, Example: "source:lemagit", FR: "source (son identifiant)", EN: "outlet (its slug)", label: [2]string{"source", "source"}},
		{Name: "since", Aliases: []string{"depuis"}, Kind: DateField, index: "date", Example: "since:2026-01", FR: "depuis cette date, comprise : AAAA, AAAA-MM, AAAA-MM-JJ, 30j, hier", EN: "from this date on: YYYY, YYYY-MM, YYYY-MM-DD, 30d, yesterday"},
		{Name: "until", Aliases: []string{"jusque", "jusqu'à", "jusqu'au"}, Kind: DateField, index: "date", Example: "until:2026-03-31", FR: "jusqu’à cette date comprise", EN: "up to and including this date"},
		{Name: "date", Kind: DateField, Example: "date:2026-01..2026-03", FR: "première parution : un jour, un mois, une année ou un intervalle", EN: "first published: a day, month, year or range"},
		{Name: "price", Aliases: []string{"prix"}, Kind: NumberField, Example: "price:10k..50k", FR: "montant d’un prix cité", EN: "amount of a quoted price", label: [2]string{"prix", "price"}},
		{Name: "currency", Aliases: []string{"devise", "monnaie"}, Kind: SlugField, Example: "currency:EUR", FR: "devise (code ISO 4217)", EN: "currency (ISO 4217 code)"},
		{Name: "price_kind", Aliases: []string{"type_prix", "type_de_prix", "nature_prix"}, Kind: EnumField, Example: "price_kind:product_price", FR: "nature du montant", EN: "what the amount is",
			Values: []Enum{
				{"product_price", "prix de produit", "product price", []string{"produit", "product", "tarif"}},
				{"price_change", "hausse ou baisse", "price change", []string{"hausse", "baisse", "change"}},
				{"deal_value", "valeur d’accord", "deal value", []string{"valeur", "value"}},
				{"funding", "levée de fonds", "funding", []string{"levée", "financement"}},
				{"revenue", "chiffre d’affaires", "revenue", []string{"ca", "revenus", "sales"}},
				{"market_size", "taille de marché", "market size", []string{"marché", "market"}},
				{"fine", "amende", "fine", nil},
				{"salary", "salaire", "salary", nil},
				{"other", "autre", "other", nil},
			}},
		{Name: "product", Aliases: []string{"produit"}, Kind: SlugField, Example: "product:poweredge", FR: "produit", EN: "product", label: [2]string{"produit", "product"}},
		{Name: "value", Aliases: []string{"valeur", "montant", "amount"}, Kind: NumberField, Example: "value:>1M", FR: "montant de l’accord", EN: "amount of the deal", label: [2]string{"montant", "value"}},
		{Name: "sources", Kind: NumberField, Example: "sources:>2", FR: "nombre de sources indépendantes", EN: "number of independent outlets", label: [2]string{"sources", "sources"}},
		{Name: "confidence", Aliases: []string{"confiance"}, Kind: NumberField, Example: "confidence:>0.8", FR: "confiance, de 0 à 1", EN: "confidence, 0 to 1", label: [2]string{"confiance", "confidence"}},
		{Name: "has", Aliases: []string{"avec"}, Kind: EnumField, Example: "has:price", FR: "ce que le document contient", EN: "what the document contains",
			Values: []Enum{
				{"price", "avec prix", "with a price", []string{"prix"}},
				{"deal", "avec accord", "with a deal", []string{"accord"}},
				{"value", "avec montant", "with an amount", []string{"montant", "amount"}},
				{"product", "avec produit", "with a product", []string{"produit"}},
				{"territory", "avec territoire", "with a territory", []string{"pays", "territoire", "country"}},
				{"vendor", "avec fournisseur", "with a vendor", []string{"fournisseur"}},
			}},
		{Name: "is", Aliases: []string{"est"}, Kind: EnumField, Example: "is:corroborated", FR: "ce que le document est", EN: "what the document is",
			Values: []Enum{
				{"deal", "accord", "a deal", nil},
				{"article", "article", "an article", nil},
				{"price", "prix", "a price", []string{"prix"}},
				{"corroborated", "corroboré", "corroborated", []string{"confirmé"}},
				{"paywalled", "payant", "behind a paywall", []string{"paywall", "abonnés"}},
				{"bilingual", "bilingue", "in both languages", nil},
			}},
		{Name: "deal", Aliases: []string{"accord"}, Kind: SlugField, Example: "deal:d_7k3mq2v4w5x6y7za", FR: "accord (son identifiant)", EN: "deal (its id)", label: [2]string{"accord", "deal"}},
		{Name: "url", Aliases: []string{"lien", "link"}, Kind: SlugField, Example: "url:https://exemple.fr/article", FR: "adresse d’un article ; se colle aussi telle quelle", EN: "address of an article; may also be pasted alone", label: [2]string{"adresse", "address"}},
		{Name: "sort", Aliases: []string{"tri", "trier"}, Kind: SettingField, Example: "sort:newest", FR: "ordre des résultats", EN: "order of the results", label: [2]string{"tri", "sort"},
			Values: []Enum{
				{"newest", "plus récents", "newest first", []string{"récent", "récents", "date"}},
				{"oldest", "plus anciens", "oldest first", []string{"ancien", "anciens"}},
				{"relevance", "pertinence", "relevance", []string{"score"}},
				{"sources", "nombre de sources", "number of outlets", nil},
				{"value", "montant", "amount", []string{"valeur", "price", "prix"}},
			}},
		{Name: "group", Aliases: []string{"grouper", "groupe", "par", "by"}, Kind: SettingField, Example: "group:distributor", FR: "regroupement des résultats", EN: "grouping of the results", label: [2]string{"par", "by"},
			Values: []Enum{
				{"vendor", "fournisseur", "vendor", []string{"éditeur", "société"}}, {"pair", "paire", "pair", nil},
				{"distributor", "grossiste", "distributor", []string{"distributeur"}}, {"reseller", "revendeur", "reseller", nil},
				{"integrator", "intégrateur", "integrator", nil}, {"customer", "client", "customer", nil},
				{"acquirer", "acquéreur", "acquirer", nil}, {"target", "cible", "target", nil},
				{"investor", "investisseur", "investor", nil}, {"maker", "constructeur", "maker", nil}, {"partner", "partenaire", "partner", nil},
				{"type", "type", "type", nil}, {"status", "statut", "status", nil}, {"territory", "pays", "territory", nil},
				{"source", "source", "source", nil}, {"lang", "langue", "language", nil},
				{"day", "jour", "day", nil}, {"week", "semaine", "week", nil}, {"month", "mois", "month", nil}, {"quarter", "trimestre", "quarter", nil},
			}},
	}
}
