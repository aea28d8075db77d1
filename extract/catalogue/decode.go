package catalogue

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var errDamaged = errors.New("damaged catalogue: run go generate ./extract/catalogue")

type reader struct {
	b     []byte
	table []string
	bad   bool
}

func (r *reader) num() int {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > 1<<31 {
		r.bad = true
		r.b = nil
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}

// count reads the length of a list, each element of which takes at least one byte.
func (r *reader) count() int {
	n := r.num()
	if n > len(r.b) {
		r.bad = true
		return 0
	}
	return n
}

func (r *reader) date() Date {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad = true
		r.b = nil
		return 0
	}
	r.b = r.b[n:]
	return Date(v)
}

func (r *reader) str() string {
	i := r.num()
	if i >= len(r.table) {
		r.bad = true
		return ""
	}
	return r.table[i]
}

func (r *reader) strs() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = r.str()
	}
	return out
}

func (r *reader) tenures() []Tenure {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]Tenure, n)
	for i := range out {
		out[i] = Tenure{r.str(), r.date(), r.date()}
	}
	return out
}

func (r *reader) aliases() []Alias {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]Alias, n)
	for i := range out {
		out[i] = Alias{r.str(), r.str(), r.date(), r.date()}
	}
	return out
}

// Decode reads what [Compile] wrote. Damaged bytes give an error, never a panic.
func Decode(b []byte) (*Catalogue, error) {
	if len(b) < len(magic) || string(b[:len(magic)]) != magic {
		return nil, errDamaged
	}
	r := &reader{b: b[len(magic):]}
	lens := make([]int, r.count())
	total := 0
	for i := range lens {
		lens[i] = r.num()
		total += lens[i]
	}
	if r.bad || total > len(r.b) {
		return nil, errDamaged
	}
	blob := string(r.b[:total])
	r.b = r.b[total:]
	r.table = make([]string, len(lens))
	for i, n := range lens {
		r.table[i], blob = blob[:n], blob[n:]
	}

	c := &Catalogue{}
	r.vendors(c)
	c.press = make([]Press, r.count())
	for i := range c.press {
		c.press[i] = Press{Name: r.str(), Analyst: r.num() == 1}
	}
	c.names = r.names()
	c.guards = make([]guard, r.count())
	for i := range c.guards {
		flags := r.num()
		c.guards[i] = guard{accept: flags&1 != 0, proper: flags&2 != 0, opens: r.str()}
	}
	cues := make([][]int32, r.count())
	for i := range cues {
		cues[i] = make([]int32, r.count())
		for j := range cues[i] {
			cues[i][j] = int32(r.num())
		}
	}
	c.cues = r.names()
	c.words.cues = cues
	c.words.roles = hashSet(r.strs())
	c.words.verbs = hashSet(r.strs())
	c.words.determiners = hashSet(r.strs())
	c.words.tails = hashSet(r.strs())
	c.words.regions = hashSet(r.strs())
	c.words.strangers = hashSet(r.strs())
	if r.bad || len(r.b) != 0 {
		return nil, errDamaged
	}
	if err := c.verify(); err != nil {
		return nil, err
	}
	c.index = newIndex(c.names)
	c.cueIndex = newIndex(c.cues)
	return c, nil
}

func (r *reader) vendors(c *Catalogue) {
	n := r.count()
	c.vendors = make([]Vendor, n)
	c.byID = make(map[string]int32, n)
	c.byProd = make(map[string]int32, 4*n)
	for i := range c.vendors {
		v := &c.vendors[i]
		v.ID, v.Name, v.Country, v.Kinds = r.str(), r.str(), r.str(), r.strs()
		v.From, v.Until = r.date(), r.date()
		v.HQ, v.Nicknames, v.Aliases = r.strs(), r.strs(), r.aliases()
		v.Parents, v.Successors = r.tenures(), r.tenures()
		if n := r.count(); n > 0 {
			v.People = make([]Person, n)
			for j := range v.People {
				v.People[j] = Person{r.str(), r.date(), r.date()}
			}
		}
		if n := r.count(); n > 0 {
			v.Products = make([]Product, n)
		}
		for j := range v.Products {
			p := &v.Products[j]
			p.ID, p.Name, p.From, p.Until = r.str(), r.str(), r.date(), r.date()
			p.Aliases = r.aliases()
			rec := productRec{vendor: int32(i), at: int32(j), owners: make([]tenureRec, r.count())}
			for k := range rec.owners {
				rec.owners[k] = tenureRec{int32(r.num()), r.date(), r.date()}
			}
			c.byProd[p.ID] = int32(len(c.products))
			c.products = append(c.products, rec)
		}
		c.byID[v.ID] = int32(i)
		if r.bad {
			return
		}
	}
}

func (r *reader) names() []name {
	out := make([]name, r.count())
	words := make([]nameWord, 0, 2*len(out))
	for i := range out {
		n := &out[i]
		n.text = r.str()
		n.role = role(r.num())
		n.target = int32(r.num())
		n.from, n.until = r.date(), r.date()
		n.lang = r.str()
		n.guard = int32(r.num()) - 1
		flags := r.num()
		n.lower, n.hyphens = flags&1 != 0, flags&2 != 0
		if r.bad {
			return nil
		}
		var toks [16]token
		at := len(words)
		for _, t := range tokenize(n.text, toks[:0]) {
			words = append(words, newNameWord(n.text, t))
		}
		n.words = words[at:len(words):len(words)]
	}
	return out
}

// verify checks every reference once, so that nothing later can be out of range.
func (c *Catalogue) verify() error {
	nv, np := int32(len(c.vendors)), int32(len(c.products))
	for i := range c.products {
		p := &c.products[i]
		if len(p.owners) == 0 {
			return errDamaged
		}
		for _, o := range p.owners {
			if o.vendor >= nv {
				return errDamaged
			}
		}
		v := &c.vendors[p.vendor]
		owners := make([]Tenure, len(p.owners))
		for j, o := range p.owners {
			owners[j] = Tenure{c.vendors[o.vendor].ID, o.from, o.until}
		}
		v.Products[p.at].Owners = owners
	}
	for _, n := range c.names {
		limit := nv
		switch n.role {
		case roleProduct:
			limit = np
		case rolePress:
			limit = int32(len(c.press))
		case roleTrap:
			limit = 1
		}
		if n.role >= roleCue || n.target >= limit || len(n.words) == 0 || n.guard >= int32(len(c.guards)) {
			return fmt.Errorf("name %q: %w", n.text, errDamaged)
		}
	}
	for _, n := range c.cues {
		if n.role != roleCue || int(n.target) >= len(c.words.cues) || len(n.words) == 0 {
			return fmt.Errorf("cue %q: %w", n.text, errDamaged)
		}
	}
	for _, gs := range c.words.cues {
		for _, g := range gs {
			if g < 0 || int(g/2) >= len(c.guards) {
				return errDamaged
			}
		}
	}
	return nil
}
