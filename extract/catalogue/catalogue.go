package catalogue

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"
)

//go:embed catalogue.bin
var compiled []byte

// The kinds of an organisation. One vendor may have several; the first is its main one.
const (
	Maker       = "maker"       // hardware
	Publisher   = "publisher"   // software
	Cloud       = "cloud"       // cloud provider
	Hyperscaler = "hyperscaler" // one of the few world-wide clouds, always with Cloud
	Telco       = "telco"
	Distributor = "distributor" // wholesaler, VAD, broadliner
	Marketplace = "marketplace"
	Integrator  = "integrator" // ESN, systems integrator, IT services and consulting
	Reseller    = "reseller"
	MSP         = "msp"
	Hoster      = "hoster" // hosting, data centres, domains
	AI          = "ai"
	Chips       = "chips"
	Security    = "security"
	Network     = "network"
	Storage     = "storage"
	Services    = "services" // IT-enabled services, payments, consumer internet
)

// Kinds lists every kind a vendor may have.
func Kinds() []string {
	return []string{
		Maker, Publisher, Cloud, Hyperscaler, Telco, Distributor, Marketplace, Integrator, Reseller, MSP, Hoster, AI, Chips, Security,
		Network, Storage, Services,
	}
}

// Vendor is an organisation. The slices belong to the catalogue: read them, do not change them.
type Vendor struct {
	ID      string // stable slug
	Name    string // canonical name, the one shown to people
	Country string // ISO 3166-1 alpha-2
	Kinds   []string
	From    Date     // no name of it is understood earlier than a year before
	Until   Date     // merged, split or closed on this day; its name is still understood afterwards
	HQ      []string // cities that stand for it: Redmond, Armonk

	// Nicknames are for anaphora only: Virtzilla. One that names its vendor by itself, like Big Blue, is an alias.
	Nicknames  []string
	Aliases    []Alias
	Parents    []Tenure // who owned it, when
	Successors []Tenure // what it became, from when
	Products   []Product
	People     []Person
}

// Alias is another name of a vendor or product; From and Until bound the dates at which it means that.
type Alias struct {
	Text, Lang  string // Lang is "fr", "en" or "" for both
	From, Until Date
}

// Product is a product or brand. Owners are in order of time; the first may have an open beginning.
type Product struct {
	ID      string // owner's id / slug of the name
	Name    string
	Aliases []Alias
	From    Date
	Until   Date // no longer sold; still understood
	Owners  []Tenure
}

// Tenure is a relation to the vendor ID during [From, Until).
type Tenure struct {
	ID          string
	From, Until Date
}

// Person is a well-known head of a vendor, for metonymy.
type Person struct {
	Name        string
	From, Until Date
}

// Is says whether the vendor is of the kind.
func (v Vendor) Is(kind string) bool { return slices.Contains(v.Kinds, kind) }

// Press is a publisher or analyst house: never a vendor, only somebody who reports.
type Press struct {
	Name    string
	Analyst bool
}

// Catalogue is the loaded knowledge. It is immutable.
type Catalogue struct {
	vendors  []Vendor
	byID     map[string]int32
	products []productRec
	byProd   map[string]int32
	press    []Press
	guards   []guard
	names    []name
	index    index
	cueIndex index
	cues     []name // cue phrases and context words, found only when something is ambiguous
	words    wordLists
}

type productRec struct {
	vendor int32 // in whose list it stands
	at     int32 // its place there
	owners []tenureRec
}

type tenureRec struct {
	vendor      int32
	from, until Date
}

// Load decodes the embedded catalogue. It does the work each time it is called: call it once and share the result.
func Load() (*Catalogue, error) { return Decode(compiled) }

// All gives every vendor, ordered by id.
func (c *Catalogue) All() []Vendor { return c.vendors }

// Vendor gives the vendor with this id.
func (c *Catalogue) Vendor(id string) (Vendor, bool) {
	i, ok := c.byID[id]
	if !ok {
		return Vendor{}, false
	}
	return c.vendors[i], true
}

// Product gives the product with this id and the vendor in whose list it stands.
func (c *Catalogue) Product(id string) (Product, Vendor, bool) {
	i, ok := c.byProd[id]
	if !ok {
		return Product{}, Vendor{}, false
	}
	p := c.products[i]
	v := c.vendors[p.vendor]
	return v.Products[p.at], v, true
}

// Owner gives the vendor that owned the product on the day. Before the first known owner it gives the first one.
func (c *Catalogue) Owner(productID string, at time.Time) (Vendor, bool) {
	i, ok := c.byProd[productID]
	if !ok {
		return Vendor{}, false
	}
	return c.vendors[c.products[i].owner(DateOf(at))], true
}

func (p *productRec) owner(day Date) int32 {
	for i := len(p.owners) - 1; i > 0; i-- {
		if p.owners[i].from <= day || day == 0 {
			return p.owners[i].vendor
		}
	}
	return p.owners[0].vendor
}

// Parent gives the vendor that owned vendor id on the day, if one in the catalogue did.
func (c *Catalogue) Parent(id string, at time.Time) (Vendor, bool) {
	i, ok := c.byID[id]
	if !ok {
		return Vendor{}, false
	}
	day := DateOf(at)
	for _, t := range c.vendors[i].Parents {
		if covers(t.From, t.Until, day) {
			return c.Vendor(t.ID)
		}
	}
	return Vendor{}, false
}

// Owns says whether a is, at the date, a direct or indirect parent of b.
func (c *Catalogue) Owns(a, b string, at time.Time) bool {
	for range 8 { // no real chain is longer; a cycle in the data must end
		p, ok := c.Parent(b, at)
		if !ok {
			return false
		}
		if p.ID == a {
			return true
		}
		b = p.ID
	}
	return false
}

// Resolve gives the vendors that a person may mean by an id, a name, an alias or a product at the date: the exact id first, then the owner
// of the name. Case, accents, hyphens and spaces do not matter. A zero date accepts every time.
func (c *Catalogue) Resolve(text string, at time.Time) []Vendor {
	var out []Vendor
	add := func(i int32) {
		for _, v := range out {
			if v.ID == c.vendors[i].ID {
				return
			}
		}
		out = append(out, c.vendors[i])
	}
	if i, ok := c.byID[strings.ToLower(strings.TrimSpace(text))]; ok {
		add(i)
	}
	day := DateOf(at)
	toks := tokenize(text, nil)
	hits := c.resolve(toks, day)
	for len(hits) == 0 && len(toks) > 1 && c.words.tails[toks[len(toks)-1].hash] {
		toks = toks[:len(toks)-1] // TELUS Corporation
		hits = c.resolve(toks, day)
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return int(a.rank - b.rank) })
	for _, h := range hits {
		add(h.vendor)
	}
	return out
}

type hit struct{ vendor, rank int32 }

// resolve lists what the words, all of them, are a name of on the day.
func (c *Catalogue) resolve(toks []token, day Date) []hit {
	var hits []hit
	if len(toks) == 0 {
		return nil
	}
	for _, n := range c.index.bucket(toks[0].hash) {
		nm := &c.names[n]
		if len(nm.words) != len(toks) || nm.role > roleProduct || !sameWords(nm.words, toks) {
			continue
		}
		rank := nm.validity(c, day)
		if rank == 0 {
			continue
		}
		hits = append(hits, hit{c.owner(nm, day), int32(nm.role)*4 - int32(rank)})
	}
	return hits
}

func sameWords(words []nameWord, toks []token) bool {
	for i := range words {
		if words[i].hash != toks[i].hash {
			return false
		}
	}
	return true
}

// owner gives the vendor a name stands for on the day.
func (c *Catalogue) owner(n *name, day Date) int32 {
	if n.role == roleProduct {
		return c.products[n.target].owner(day)
	}
	return n.target
}

// PressAt gives the publisher or analyst a [Match] found by [Catalogue.Scan] names.
func (c *Catalogue) PressAt(m Match) (Press, bool) {
	if m.By != ByPress || m.name < 0 || int(m.name) >= len(c.names) {
		return Press{}, false
	}
	return c.press[c.names[m.name].target], true
}

// Press lists the publishers and analysts.
func (c *Catalogue) Press() []Press { return c.press }

// String says how large the catalogue is.
func (c *Catalogue) String() string {
	return fmt.Sprintf("%d vendors, %d products, %d names", len(c.vendors), len(c.products), len(c.names))
}

// Headquartered lists the vendors for which the city stands, as in « la firme de Redmond ». Several may share one.
func (c *Catalogue) Headquartered(city string) []Vendor {
	var out []Vendor
	want := Fold(city)
	for _, v := range c.vendors {
		if slices.ContainsFunc(v.HQ, func(hq string) bool { return Fold(hq) == want }) {
			out = append(out, v)
		}
	}
	return out
}
