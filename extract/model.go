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
	slots []int32 // row+1 by hash, open addressing
	keys  []uint32
	rows  [][outcomes]int8
	scale float32
}

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
	m := &model{slots: make([]int32, size), keys: make([]uint32, n), rows: make([][outcomes]int8, n), scale: scale}
	for i := range n {
		m.keys[i] = binary.LittleEndian.Uint32(b)
		for k := range outcomes {
			m.rows[i][k] = int8(b[4+k])
		}
		b = b[4+outcomes:]
		at := int(m.keys[i]) & (size - 1)
		for m.slots[at] != 0 {
			at = (at + 1) & (size - 1)
		}
		m.slots[at] = int32(i + 1)
	}
	return m, nil
}

// row gives the weights of a feature, nil when it has none.
func (m *model) row(k uint64) *[outcomes]int8 {
	key := fold32(k)
	mask := len(m.slots) - 1
	for at := int(key) & mask; ; at = (at + 1) & mask {
		i := m.slots[at]
		if i == 0 {
			return nil
		}
		if m.keys[i-1] == key {
			return &m.rows[i-1]
		}
	}
}

// opinion is what the model holds of a sight.
type opinion struct {
	deal   float32 // how likely any deal is
	class  int     // the likeliest deal
	p      float32 // how likely that one is
	status int
	probs  [len(dealClasses)]float32
}

func (m *model) judge(list []observation) opinion {
	var sum [outcomes]int32
	for _, o := range list {
		if r := m.row(o.key); r != nil {
			for k := range sum {
				sum[k] += int32(r[k]) * o.value
			}
		}
	}
	var out opinion
	best := int32(math.MinInt32)
	for _, s := range sum[:len(dealClasses)] {
		best = max(best, s)
	}
	total := float32(0)
	for k := range out.probs {
		out.probs[k] = float32(math.Exp(float64(float32(sum[k]-best) * m.scale / 100)))
		total += out.probs[k]
	}
	for k := range out.probs {
		out.probs[k] /= total
		if k > 0 && out.probs[k] > out.p {
			out.class, out.p = k, out.probs[k]
		}
	}
	out.deal = 1 - out.probs[0]
	status := sum[len(dealClasses):]
	for k := range status {
		if status[k] > status[out.status] {
			out.status = k
		}
	}
	return out
}

// What the model may do, chosen on held-back articles: it takes back what the rules found when it sees hardly a chance of a deal, corrects the
// type when it is sure, and adds what the rules have no words for when a deal is likelier than not.
const (
	vetoBelow   = 0.05
	addAbove    = 0.50
	retypeAbove = 0.85
)

// weigh asks the model about each sight and gives the candidates that stand.
func (d *doc) weigh(cands []cand) []cand {
	type vote struct {
		n    int
		deal float32
		best opinion
		g    *sight
	}
	votes := make([]vote, len(cands))
	var added []cand
	for i := range d.sights {
		g := &d.sights[i]
		op := &g.op
		for _, k := range g.cands {
			v := &votes[k]
			v.n++
			v.deal = max(v.deal, op.deal) // of several, one that belongs is enough
			if v.n == 1 || op.p > v.best.p {
				v.best, v.g = *op, g
			}
		}
		if len(g.cands) == 0 && !g.barred && op.deal >= addAbove {
			added = append(added, d.seen(g, op))
		}
	}
	out := cands[:0]
	for k := range cands {
		c, v := &cands[k], &votes[k]
		if v.n > 0 && !c.rule.unary {
			if v.deal < vetoBelow && len(c.roles) == 2 {
				d.note(c, fmt.Sprintf("the model sees a chance of %.0f %%", 100*v.deal))
				continue
			}
			if v.best.p >= retypeAbove && len(c.roles) == 2 {
				d.retype(c, v.g, &v.best)
			}
		}
		out = append(out, *c)
	}
	added = slices.DeleteFunc(added, func(a cand) bool {
		// a common company and one of its owners are no second venture
		return a.typ == "joint_venture" && slices.ContainsFunc(out, func(c cand) bool { return c.typ == a.typ && c.sent == a.sent })
	})
	for i := range added {
		d.noteFound(&added[i])
		out = append(out, added[i])
	}
	slices.SortStableFunc(out, func(a, b cand) int { return a.sent - b.sent })
	return out
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
		rule: modelRules[typ], typ: typ, status: schemas.Statuses[op.status], why: fmt.Sprintf("the model, %.0f %%", 100*op.deal), in: g.in, sent: g.sent,
		roles: roles, conf: 0.3 + 0.5*float64(op.deal), anaphor: g.implicit != inSentence, title: g.in == "title", lead: g.in == "title" || s.para == 0 && s.n < 2,
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
	d.note(c, fmt.Sprintf("the model takes it for %s, %.0f %%", typ, 100*op.p))
	c.typ, c.roles = typ, roles
}
