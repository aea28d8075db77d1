package query

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/veille/schemas"
)

// Catalogue tells the trades and the country of a vendor, for the field kind. It
// may be nil, and answer nothing for an unknown id.
type Catalogue func(id string) (kinds []string, country string)

// maxParties bounds the pairs that are made of one deal.
const maxParties = 12

// record collects exact values without repeating them.
type record struct{ Record }

func newRecord(id, is string, at time.Time) record {
	r := record{Record{ID: id, Keywords: map[string][]string{}, Numbers: map[string][]float64{}, Dates: map[string][]time.Time{}}}
	r.add("is", is)
	if !at.IsZero() {
		r.Dates["date"] = []time.Time{at}
	}
	return r
}

func (r *record) add(field string, values ...string) {
	for _, v := range values {
		if v != "" && !slices.Contains(r.Keywords[field], v) {
			r.Keywords[field] = append(r.Keywords[field], v)
		}
	}
}

func (r *record) has(what string, yes bool) {
	if yes {
		r.add("has", what)
	}
}

func (r *record) party(id string, c Catalogue) {
	r.add("party", id)
	if c == nil {
		return
	}
	kinds, country := c(id)
	for _, k := range kinds {
		r.add("kind", k)
		if country != "" {
			r.add("kind", KindToken(k, strings.ToLower(country)))
		}
	}
}

// amount adds the bounds that are known.
func (r *record) amount(field string, a *schemas.Amount) {
	if a == nil {
		return
	}
	for _, s := range []*string{a.Low, a.High} {
		if s == nil {
			continue
		}
		if f, err := strconv.ParseFloat(*s, 64); err == nil && !slices.Contains(r.Numbers[field], f) {
			r.Numbers[field] = append(r.Numbers[field], f)
		}
	}
}

func (r *record) text(field, lang, value string) {
	if !slices.Contains(Langs, lang) {
		lang = "en" // other languages are kept as they stand, more or less
	}
	t := Text{field, lang, value}
	if value != "" && !slices.Contains(r.Texts, t) {
		r.Texts = append(r.Texts, t)
	}
}

// roleFields maps the roles of parties to the fields that ask for them.
var roleFields = map[string]string{
	"vendor": "maker", "provider": "maker", "supplier": "maker", "owner": "maker",
	"investee": "target",
	"member":   "partner",
}

// RoleIndex names the field of the index for a role of [schemas.Roles].
func RoleIndex(role string) string {
	if f, ok := roleFields[role]; ok {
		role = f
	}
	return "role_" + role
}

// DealRecord says what can be searched of a deal: its facts, and the titles and
// sentences of its evidence.
func DealRecord(d schemas.Deal, c Catalogue) Record {
	r := newRecord(d.ID, "deal", d.First)
	r.add("deal", d.ID)
	r.add("type", d.Type)
	r.add("status", d.Status)
	r.add("territory", d.Territory...)
	r.add("lang", d.Langs...)
	for i, p := range d.Parties {
		r.party(p.ID, c)
		r.add("about", p.ID)
		if p.Role != "" {
			r.add(RoleIndex(p.Role), p.ID)
		}
		for _, q := range d.Parties[:min(i, maxParties)] {
			if i < maxParties && p.ID != q.ID {
				r.add("pair", PairToken(p.ID, q.ID))
			}
		}
	}
	for _, p := range d.Products {
		r.add("product", schemas.Token(p))
	}
	r.amount("value", d.Amount)
	if d.Amount != nil {
		r.add("currency", d.Amount.Currency)
	}
	r.Numbers["sources"] = []float64{float64(d.Outlets)}
	r.Numbers["confidence"] = []float64{d.Score}
	r.has("value", d.Amount != nil)
	r.has("product", len(d.Products) > 0)
	r.has("territory", len(d.Territory) > 0)
	r.has("vendor", slices.ContainsFunc(d.Parties, func(p schemas.Party) bool { return p.Known }))
	r.has("deal", true)
	if d.Outlets > 1 {
		r.add("is", "corroborated")
	}
	if len(d.Langs) > 1 {
		r.add("is", "bilingual")
	}
	for _, e := range d.Evidence {
		r.add("source", e.Source)
		r.add("url", URLKey(e.URL))
		for _, also := range e.Also {
			r.add("source", also.Source)
			r.add("url", URLKey(also.URL))
		}
		r.text("title", e.Lang, e.Title)
		r.text("text", e.Lang, e.Signal.Evidence.Text)
	}
	// The names, so that a deal is found by them even where its sentence says "il".
	for _, lang := range d.Langs {
		for _, p := range d.Parties {
			r.text("text", lang, p.Name)
		}
		for _, p := range d.Products {
			r.text("text", lang, p)
		}
	}
	return r.Record
}

// ArticleRecord says what can be searched of an article. It leaves out the facts
// of its deals: an article with two deals would match a mixture of both.
func ArticleRecord(x schemas.Extraction, c Catalogue) Record {
	a := x.Article
	r := newRecord(a.ID, "article", a.Published)
	r.add("lang", a.Lang)
	r.add("source", a.Sources()...)
	r.add("url", URLKey(a.URL))
	for _, also := range a.Also {
		r.add("url", URLKey(also.URL))
	}
	if a.Paywalled {
		r.add("is", "paywalled")
	}
	for _, v := range x.Vendors {
		r.party(v.ID, c)
		if v.Salience == "about" {
			r.add("about", v.ID)
		}
	}
	for _, s := range x.Signals {
		for _, p := range s.Parties {
			r.party(p.ID, c)
			r.add("about", p.ID)
		}
	}
	r.Numbers["sources"] = []float64{float64(len(r.Keywords["source"]))}
	r.has("deal", len(x.Signals) > 0)
	r.has("price", len(x.Prices) > 0)
	r.has("vendor", len(x.Vendors) > 0)
	r.text("title", a.Lang, a.Title)
	r.text("text", a.Lang, a.Text)
	return r.Record
}

// PriceRecord says what can be searched of a price of an article.
func PriceRecord(p schemas.Price, a schemas.Article, c Catalogue) Record {
	r := newRecord(p.ID, "price", a.Published)
	r.add("lang", a.Lang)
	r.add("source", a.Sources()...)
	r.add("url", URLKey(a.URL))
	r.add("currency", p.Currency)
	r.add("price_kind", p.Kind)
	if p.Vendor != nil {
		r.party(p.Vendor.ID, c)
		r.add("about", p.Vendor.ID)
	}
	if p.Product != "" {
		r.add("product", schemas.Token(p.Product))
	}
	r.amount("price", &p.Amount)
	r.has("price", true)
	r.has("product", p.Product != "")
	r.has("vendor", p.Vendor != nil)
	r.text("title", a.Lang, a.Title)
	r.text("text", a.Lang, p.Evidence.Text)
	r.text("text", a.Lang, p.Product)
	return r.Record
}
