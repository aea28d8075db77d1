package schemas

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Extraction is everything that one extractor version found in one version of an
// article. It replaces what was said of that article before. It carries the
// article itself, so that each consumer of the stream needs nothing else.
type Extraction struct {
	ID      string    `json:"id"` // see [ExtractionID]
	By      string    `json:"by"` // extractor version, such as "extract/1"
	At      time.Time `json:"at"`
	Article Article   `json:"article"`
	Vendors []Mention `json:"vendors"`
	Signals []Signal  `json:"signals"`
	Prices  []Price   `json:"prices"`
}

// Span is a range of UTF-8 bytes of an article, half open. In is "title", or
// "text" or empty for the text.
type Span struct {
	In    string `json:"in,omitempty"`
	Start int    `json:"start"`
	End   int    `json:"end"`
}

// Of returns the words of the span in the article's title or text, and "" when
// the span does not lie within it.
func (s Span) Of(title, text string) string {
	from := text
	if s.In == "title" {
		from = title
	}
	if s.Start < 0 || s.End < s.Start || s.End > len(from) {
		return ""
	}
	return from[s.Start:s.End]
}

// Quote is a span with its words.
type Quote struct {
	Text string `json:"text"`
	Span
}

// VendorRef names an organisation: the catalogue's id, or "x-" and a slug.
type VendorRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Mention is one vendor of the catalogue in one article.
type Mention struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Salience string `json:"salience"` // "about" or "mention"
	Mentions []Span `json:"mentions"`
}

// Types of a signal, and their families: signals of one family between the same
// parties may be the same deal.
var (
	Types    = []string{"partnership", "distribution", "reseller", "oem_integration", "customer_contract", "acquisition", "investment", "joint_venture", "partner_program", "litigation"}
	Statuses = []string{"rumoured", "planned", "announced", "in_effect", "ended", "denied", "background"}
	Roles    = []string{"vendor", "distributor", "reseller", "provider", "integrator", "acquirer", "target", "seller", "investor", "investee", "supplier", "customer", "member", "entity", "owner", "plaintiff", "defendant", "partner"}
)

// Family tells which types may name one and the same agreement.
func Family(typ string) string {
	switch typ {
	case "distribution", "reseller":
		return "resale"
	case "partnership", "oem_integration", "joint_venture":
		return "alliance"
	case "acquisition", "investment":
		return "capital"
	}
	return typ
}

// Party is an organisation in a signal or a deal. Known is false for one that
// the catalogue lacks: it takes part in signals, but is no vendor.
type Party struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Role  string `json:"role"` // "" in a partnership
	Known bool   `json:"known"`
}

// Signal is one statement about one deal, with the sentence that makes it.
type Signal struct {
	ID          string   `json:"id"`
	Type        string   `json:"type"`
	Status      string   `json:"status"`
	Parties     []Party  `json:"parties"`
	Products    []string `json:"products"`
	Territory   []string `json:"territory"` // ISO 3166-1 alpha-2 in lower case, or a region such as "emea"
	Amount      *Amount  `json:"amount,omitempty"`
	Evidence    Quote    `json:"evidence"`
	Cue         string   `json:"cue"`         // the words that decided
	Attribution string   `json:"attribution"` // who says so: a publisher, "company", "sources", or ""
	Confidence  float64  `json:"confidence"`  // 0 to 1
	Rule        string   `json:"rule"`        // the rule that found it
}

// Amount is a sum of money with its bounds: decimal strings, nil for an open end.
type Amount struct {
	Low      *string `json:"low"`
	High     *string `json:"high"`
	Currency string  `json:"currency"` // ISO 4217, or "%" for a change
}

// String writes bounds the way people do: "≥ 9900 EUR". A nil amount is "".
func (a *Amount) String() string {
	if a == nil {
		return ""
	}
	switch {
	case a.Low != nil && a.High != nil && *a.Low == *a.High:
		return *a.Low + " " + a.Currency
	case a.Low != nil && a.High != nil:
		return *a.Low + "–" + *a.High + " " + a.Currency
	case a.Low != nil:
		return "≥ " + *a.Low + " " + a.Currency
	case a.High != nil:
		return "≤ " + *a.High + " " + a.Currency
	}
	return ""
}

// PriceKinds and Qualifiers are the closed sets of the fields of [Price].
var (
	PriceKinds = []string{"product_price", "price_change", "deal_value", "funding", "revenue", "market_size", "fine", "salary", "other"}
	Qualifiers = []string{"from", "up_to", "approx", "range", "less_than", "more_than", "list", "street", "promo", "old", "new", "forecast", "target", "delta"}
)

// Price is one amount of money, or one price change, read from prose.
type Price struct {
	ID   string `json:"id"`
	Text string `json:"text"` // as written
	Span
	Amount
	Kind      string     `json:"kind"`
	Subkind   string     `json:"subkind,omitempty"`
	Qualifier string     `json:"qualifier"`
	Per       string     `json:"per"`    // unit that is priced: "user", "server"…
	Period    string     `json:"period"` // "hour", "day", "month", "quarter", "year"
	Tax       string     `json:"tax"`    // "excl", "incl"
	Vendor    *VendorRef `json:"vendor"`
	Product   string     `json:"product"`
	Evidence  Quote      `json:"evidence"`
}

// order of the roles in which parties are written: the side that supplies first.
var order = []string{"vendor", "provider", "acquirer", "investor", "supplier", "plaintiff", "owner", "member", "partner", "", "distributor", "reseller", "integrator", "target", "investee", "customer", "defendant", "seller", "entity"}

// SortParties puts parties in the order in which they are written everywhere: the
// side that supplies first (« Nutanix → Arrow ECS »), then by id.
func SortParties(ps []Party) {
	slices.SortFunc(ps, func(a, b Party) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Role), slices.Index(order, b.Role)), cmp.Compare(a.ID, b.ID))
	})
}

// PartyKey is the order-free key of a set of parties: their ids, sorted, joined
// by "~".
func PartyKey(ps []Party) string {
	ids := make([]string, 0, len(ps))
	for _, p := range ps {
		ids = append(ids, p.ID)
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), "~")
}

// Validate tells the first thing wrong with an extraction: a span that does not
// say what its quote says, a value outside its closed set.
func (x Extraction) Validate() error {
	if x.ID == "" || x.By == "" {
		return fmt.Errorf("extraction of %q without id or extractor", x.Article.ID)
	}
	a := x.Article
	quote := func(what string, q Quote) error {
		if got := q.Of(a.Title, a.Text); got != q.Text || got == "" {
			return fmt.Errorf("%s of article %s: span %v reads %.40q, its quote %.40q", what, a.ID, q.Span, got, q.Text)
		}
		return nil
	}
	for _, m := range x.Vendors {
		if m.ID == "" || len(m.Mentions) == 0 {
			return fmt.Errorf("article %s: vendor %q without id or mention", a.ID, m.Name)
		}
		for _, s := range m.Mentions {
			if s.Of(a.Title, a.Text) == "" {
				return fmt.Errorf("article %s: mention of %s outside the text: %v", a.ID, m.ID, s)
			}
		}
	}
	for _, s := range x.Signals {
		switch {
		case !slices.Contains(Types, s.Type):
			return fmt.Errorf("article %s: signal type %q", a.ID, s.Type)
		case !slices.Contains(Statuses, s.Status):
			return fmt.Errorf("article %s: signal status %q", a.ID, s.Status)
		case len(s.Parties) == 0:
			return fmt.Errorf("article %s: signal without parties", a.ID)
		}
		if err := quote("evidence", s.Evidence); err != nil {
			return err
		}
	}
	for _, p := range x.Prices {
		if !slices.Contains(PriceKinds, p.Kind) {
			return fmt.Errorf("article %s: price kind %q", a.ID, p.Kind)
		}
		if err := quote("price", Quote{p.Text, p.Span}); err != nil {
			return err
		}
		if err := quote("price evidence", p.Evidence); err != nil {
			return err
		}
	}
	return nil
}
