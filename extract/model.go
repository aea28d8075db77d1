package extract

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"example.org/veille/schemas"
)

//go:generate go run ./train

// dealsBin holds the weights that the command in train learns: a header, the scale, and for each feature its key and a weight for each outcome.
//
//go:embed deals.bin
var dealsBin []byte

const (
	modelMagic = "veille deals 1\n"
	outcomes   = len(dealClasses) + statusCount
	// statusCount is the number of schemas.Statuses, which follow the classes among the outcomes.
	statusCount = 7
)

// DealModelHeader is what deals.bin begins with.
func DealModelHeader() string { return modelMagic }

var errModel = errors.New("damaged deals.bin: run go generate ./extract")

// model is linear: the case for an outcome is the sum of its weights times the values of the features that hold.
type model struct {
	slots []uint64 // key and row+1, open addressing
	rows  []row
	scale float32
}

var _ [0]struct{} = [outcomes % 8]struct{}{} // a row is whole words

// row holds the weights of a feature, each with 128 added, a byte each: so eight are added at once in halves of 64 bits.
type row [outcomes / 8]uint64

func fold32(k uint64) uint32 { return uint32(k>>32) ^ uint32(k) }

// ModelKey is the key of a feature in deals.bin.
func ModelKey(k uint64) uint32 { return fold32(k) }

func newModel(b []byte) (*model, error) {
	if len(b) < len(modelMagic)+8 || string(b[:len(modelMagic)]) != modelMagic {
		return nil, errModel
	}
	b = b[len(modelMagic):]
	n := int(binary.LittleEndian.Uint32(b))
	scale := math.Float32frombits(binary.LittleEndian.Uint32(b[4:]))
	b = b[8:]
	if n < 0 || len(b) != n*(4+outcomes) || !(scale > 0) {
		return nil, fmt.Errorf("%d features of %d bytes: %w", n, len(b), errModel)
	}
	size := 1
	for size < 2*n+2 {
		size *= 2
	}
	m := &model{slots: make([]uint64, size), rows: make([]row, n), scale: scale}
	for i := range n {
		key := binary.LittleEndian.Uint32(b)
		for k := range m.rows[i] {
			m.rows[i][k] = binary.LittleEndian.Uint64(b[4+8*k:]) ^ 0x8080808080808080
		}
		b = b[4+outcomes:]
		at := int(key) & (size - 1)
		for m.slots[at] != 0 {
			at = (at + 1) & (size - 1)
		}
		m.slots[at] = uint64(key)<<32 | uint64(i+1)
	}
	return m, nil
}

// row gives the weights of a feature, nil when it has none.
func (m *model) row(k uint64) *row {
	key := fold32(k)
	mask := len(m.slots) - 1
	for at := int(key) & mask; ; at = (at + 1) & mask {
		slot := m.slots[at]
		if slot == 0 {
			return nil
		}
		if uint32(slot>>32) == key {
			return &m.rows[uint32(slot)-1]
		}
	}
}

// opinion is what the model holds of a sight.
type opinion struct {
	deal   float32 // how likely any deal is
	class  int     // the likeliest deal
	p      float32 // how likely that one is
	status int
	sure   float32 // how likely that status is
}

// evenBytes takes every other byte of a word, which leaves each room to grow to 16 bits.
const evenBytes = 0x00ff00ff00ff00ff

// flushAfter is how many features fit in 16 bits: 255 × 10 × 25 < 65536.
const flushAfter = 25

func (m *model) judge(list []observation) opinion {
	var sum [outcomes]int32
	var even, odd row
	n, total := 0, int32(0)
	flush := func() {
		for w := range even {
			for k := range 4 {
				sum[8*w+2*k] += int32(even[w] >> (16 * k) & 0xffff)
				sum[8*w+2*k+1] += int32(odd[w] >> (16 * k) & 0xffff)
			}
		}
		even, odd, n = row{}, row{}, 0
	}
	for _, o := range list {
		r := m.row(o.key)
		if r == nil {
			continue
		}
		v := uint64(o.value) / 10
		total += int32(v)
		for w, x := range r {
			even[w] += x & evenBytes * v
			odd[w] += x >> 8 & evenBytes * v
		}
		if n++; n == flushAfter {
			flush()
		}
	}
	flush()
	for k := range sum {
		sum[k] -= 128 * total
	}
	var out opinion
	best := int32(math.MinInt32)
	for _, s := range sum[:len(dealClasses)] {
		best = max(best, s)
	}
	var all float32
	var p [len(dealClasses)]float32
	for k := range p {
		p[k] = float32(math.Exp(float64(float32(sum[k]-best) * m.scale / 10)))
		all += p[k]
		if k > 0 && p[k] > out.p {
			out.class, out.p = k, p[k]
		}
	}
	out.p /= all
	out.deal = 1 - p[0]/all
	status := sum[len(dealClasses):]
	for k := range status {
		if status[k] > status[out.status] {
			out.status = k
		}
	}
	all = 0
	for k := range status {
		all += float32(math.Exp(float64(float32(status[k]-status[out.status]) * m.scale / 10)))
	}
	out.sure = 1 / all
	return out
}

// Policy is what the model may do, by how likely it holds a deal: it takes back what the rules found, corrects the type, and adds what the rules
// have no words for; what it adds of a name the catalogue
// lacks, or as a second deal of two whom the rules have understood, must be likelier. Of more than two parties it takes out those below Party; where
// no word of the clause decides the status, it says whether the deal is old news (Status).
type Policy struct{ Veto, Retype, Add, AddUnknown, Second, Party, Status float32 }

// Practice is the policy in use, chosen on held-back articles (go generate ./extract prints the figures).
var Practice = Policy{Veto: 0.25, Retype: 0.8, Add: 0.6, AddUnknown: 0.7, Second: 0.85, Party: 0.2, Status: 0.6}

// weigh asks the model about each sight and gives the candidates that stand.
func (d *doc) weigh(cands []cand) []cand {
	type vote struct {
		n    int
		deal float32
		best opinion
		g    *sight
		by   map[*org]float32 // how likely each party belongs, of more than two
	}
	p := &d.x.policy
	votes := make([]vote, len(cands))
	best := map[[2]*org]int{} // where the model is surest of each pair
	pair := func(g *sight) [2]*org {
		if g.a.id > g.b.id {
			return [2]*org{g.b, g.a}
		}
		return [2]*org{g.a, g.b}
	}
	for i := range d.sights {
		g := &d.sights[i]
		for _, k := range g.cands {
			v := &votes[k]
			v.n++
			v.deal = max(v.deal, g.op.deal) // of several, one that belongs is enough
			if v.n == 1 || g.op.p > v.best.p {
				v.best, v.g = g.op, g
			}
			if len(cands[k].roles) > 2 {
				if v.by == nil {
					v.by = map[*org]float32{}
				}
				v.by[g.a], v.by[g.b] = max(v.by[g.a], g.op.deal), max(v.by[g.b], g.op.deal)
			}
		}
		if len(g.cands) == 0 && !g.barred && g.op.deal >= p.add(g) {
			if k, ok := best[pair(g)]; !ok || d.sights[k].op.p < g.op.p {
				best[pair(g)] = i
			}
		}
	}
	out := cands[:0]
	for k := range cands {
		c, v := &cands[k], &votes[k]
		if v.n > 0 && !c.rule.unary {
			if v.deal < p.Veto && len(c.roles) == 2 {
				d.note(c, "model", fmt.Sprintf("the model gives it a chance of %.0f%%, too little", 100*v.deal))
				continue
			}
			if v.best.p >= p.Retype && len(c.roles) == 2 {
				d.retype(c, v.g, &v.best)
			}
			if c.status == "announced" && !c.explicit && v.best.sure >= p.Status && v.best.deal >= 0.5 {
				if st := schemas.Statuses[v.best.status]; st == "in_effect" || st == "background" {
					c.status, c.why = st, "the model, for want of a cue" // the default, which nothing in the clause supports
				}
			}
			if len(c.roles) > 2 && c.typ != "investment" { // investors of one round have no deal with each other
				stay := slices.DeleteFunc(slices.Clone(c.roles), func(rp roleParty) bool { q, ok := v.by[rp.p.org]; return ok && q < p.Party })
				if len(stay) < 2 {
					d.note(c, "model", "the model sees no deal between these")
					continue
				}
				if len(stay) < len(c.roles) {
					d.noteChange(c, fmt.Sprintf("the model leaves %d of %d out", len(c.roles)-len(stay), len(c.roles)))
				}
				c.roles = stay
			}
		}
		out = append(out, *c)
	}
	told := len(out)
	for i := range d.sights {
		g := &d.sights[i]
		if k, ok := best[pair(g)]; !ok || k != i {
			continue
		}
		c := d.seen(g, &g.op)
		if slices.ContainsFunc(out[:told], func(o cand) bool {
			// a second deal of two that the rules have understood must be beyond doubt; a common company and one of its owners are no second venture
			return hasBoth(&o, g.a, g.b) && (o.typ == c.typ || g.op.p < p.Second) || o.typ == "joint_venture" && c.typ == o.typ && o.sent == c.sent
		}) {
			continue
		}
		if k := slices.IndexFunc(out[told:], func(o cand) bool { return oneAlliance(&o, &c) }); k >= 0 {
			o := &out[told+k]
			o.roles = slices.Clone(o.roles)
			for _, rp := range c.roles {
				if !slices.ContainsFunc(o.roles, func(x roleParty) bool { return x.p.org == rp.p.org }) {
					o.roles = append(o.roles, rp)
				}
			}
			o.lo, o.hi = min(o.lo, c.lo), max(o.hi, c.hi)
			continue
		}
		d.noteFound(&c)
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b cand) int { return a.sent - b.sent })
	return out
}

// oneAlliance tells whether two deals that the model sees in one sentence are one between more than two: the members of a venture or of an alliance.
func oneAlliance(a, b *cand) bool {
	if a.sent != b.sent || a.typ != b.typ || len(a.roles) > 8 || a.typ != "joint_venture" && (a.typ != "partnership" || !a.together || !b.together) {
		return false
	}
	return slices.ContainsFunc(a.roles, func(x roleParty) bool {
		return slices.ContainsFunc(b.roles, func(y roleParty) bool { return x.p.org == y.p.org })
	})
}

func (p *Policy) add(g *sight) float32 {
	if g.a.known && g.b.known {
		return p.Add
	}
	return p.AddUnknown
}

// modelRules name the model as the source of a candidate, one for each type.
var modelRules = func() map[string]*rule {
	out := map[string]*rule{}
	for _, c := range dealClasses[1:] {
		typ, _ := classParts(c)
		out[typ] = &rule{id: "model." + typ, typ: typ, conf: 0.6, model: true}
	}
	return out
}()

func classParts(c string) (typ string, second bool) {
	if n := len(c); n > 2 && c[n-2] == ' ' {
		return c[:n-2], c[n-1] == '<'
	}
	return c, false
}

// parties gives the two of a sight the roles of a class.
func (d *doc) parties(g *sight, class int) (string, []roleParty) {
	typ, second := classParts(dealClasses[class])
	one, two := roleParty{p: g.pa}, roleParty{p: g.pb, right: true}
	switch lead := first(typ); {
	case typ == "joint_venture":
		one.role, two.role = "member", "member"
	case lead != "":
		one.role, two.role = lead, other(typ)
		if second {
			one.role, two.role = two.role, one.role
		}
	}
	rps := []roleParty{one, two}
	if typ == "distribution" {
		rps = d.rolesFor(typ, rps)
	}
	return typ, rps
}

// other gives the second role of a directed type.
func other(typ string) string {
	switch typ {
	case "acquisition":
		return "target"
	case "investment":
		return "investee"
	}
	return pairRoles[typ][1]
}

// seen makes a candidate of what only the model sees.
func (d *doc) seen(g *sight, op *opinion) cand {
	s := &d.sents[g.sent]
	typ, roles := d.parties(g, op.class)
	c := cand{
		rule: modelRules[typ], typ: typ, status: schemas.Statuses[op.status], why: fmt.Sprintf("the model, %.0f%% sure", 100*op.deal), in: g.in, sent: g.sent,
		roles: roles, conf: 0.3 + 0.5*float64(op.deal), anaphor: g.implicit != inSentence, title: g.in == "title", together: g.together, lead: g.in == "title" || s.para == 0 && s.n < 2,
		lo: g.lo, hi: g.hi, from: g.lo, to: g.hi,
	}
	for _, p := range []party{g.pa, g.pb} {
		if p.product != "" {
			c.products = append(c.products, p.product)
		}
	}
	c.from, c.to = min(c.from, len(s.toks)-1), max(c.to, c.from+1)
	c.cue = d.slice(g.in, s.toks[c.from].start, s.toks[c.to-1].end)
	return c
}

// retype gives a candidate of two parties the type that the model is sure of.
func (d *doc) retype(c *cand, g *sight, op *opinion) {
	typ, roles := d.parties(g, op.class)
	if typ == c.typ {
		return
	}
	d.noteChange(c, fmt.Sprintf("the model takes it for %s, %.0f%% sure", typ, 100*op.p))
	c.typ, c.roles = typ, roles
}
