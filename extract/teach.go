package extract

import (
	"encoding/binary"
	"math"

	"example.org/veille/schemas"
)

// Sight is what the deal model is told of two organisations in one sentence. It serves the command in train only.
type Sight struct {
	A, B     Side
	Sentence int
	In       string // "title" or "text"
	Text     string // the sentence
	Named    bool   // both are named or referred to in the sentence
	Keys     []uint64
	Values   []int32  // hundredths
	Rules    []string // "type status first-role" of the rules' candidates with both
}

// Side is one of the two.
type Side struct {
	ID, Name string
	Known    bool
	Surfaces []string // as the article names it
}

// Sights observes an article for training. names collects the name of each feature by its key.
func (x *Extractor) Sights(a schemas.Article, names map[uint64]string) []Sight {
	d, cands := x.read(a, &observer{names: names}, nil)
	if d == nil {
		return nil
	}
	surfaces := map[*org][]string{}
	for _, n := range d.names {
		surfaces[n.org] = append(surfaces[n.org], d.slice(n.in, n.start, n.end))
	}
	side := func(o *org) Side { return Side{ID: o.id, Name: o.name, Known: o.known, Surfaces: surfaces[o]} }
	var out []Sight
	for i := range d.sights {
		g := &d.sights[i]
		s := &d.sents[g.sent]
		st := Sight{A: side(g.a), B: side(g.b), Sentence: g.sent, In: g.in, Text: d.slice(g.in, s.start(), s.end()), Named: g.implicit == inSentence}
		for _, o := range g.list {
			st.Keys = append(st.Keys, o.key)
			st.Values = append(st.Values, o.value)
		}
		for _, k := range g.cands {
			c := &cands[k]
			dir := "="
			for _, rp := range c.roles {
				if rp.role == first(c.typ) && rp.role != "" {
					dir = "<"
					if rp.p.org == g.a {
						dir = ">"
					}
				}
			}
			st.Rules = append(st.Rules, c.typ+" "+c.status+" "+dir)
		}
		out = append(out, st)
	}
	return out
}

// DealClasses are what the model chooses from: nothing, then the types of two equal parties, then the directed ones, " >" when the first of the two
// in the text has the leading role and " <" when the second has it.
func DealClasses() []string { return dealClasses[:] }

var dealClasses = [...]string{
	"none", "partnership", "joint_venture",
	"distribution >", "distribution <", "reseller >", "reseller <", "oem_integration >", "oem_integration <", "customer_contract >", "customer_contract <",
	"acquisition >", "acquisition <", "investment >", "investment <", "litigation >", "litigation <",
}

// LeadingRole gives the role that a directed type names first; "" for the others.
func LeadingRole(typ string) string { return first(typ) }

// Taught gives an extractor that judges with other weights: what the command in train has learnt so far.
func (x *Extractor) Taught(weights []byte, p Policy) (*Extractor, error) {
	m, err := newModel(weights)
	if err != nil {
		return nil, err
	}
	y := *x
	y.model, y.policy = m, p
	return &y, nil
}

// Untaught are weights that know nothing.
func Untaught() []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32([]byte(modelMagic), 0), math.Float32bits(1))
}
