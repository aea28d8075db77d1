package extract

import (
	"slices"
	"strings"
	"unicode/utf8"

	"example.org/veille/schemas"
)

// A sight is two organisations in one sentence with all that can be observed of what stands between them. The rules look for
// sentences they know; the model (model.go) weighs the same sentence as a whole, the verdict of the rules included.
type sight struct {
	a, b     *org // in the order of the text
	pa, pb   party
	sent     int
	in       string
	lo, hi   int // tokens that hold both
	implicit implicit
	together bool          // both stand in one enumeration of more than two
	barred   bool          // by the words before one of them, or by a question: no deal of the model's own
	cands    []int         // candidates of the rules with these two parties
	list     []observation // kept while training only
	op       opinion
}

// implicit tells why the first of the two counts although its sentence does not name it.
type implicit uint8

const (
	inSentence implicit = iota
	byMain              // it is whom the article is about
	byTopic             // it is the subject of the sentence before
	byNear              // the sentence before or the headline names it, and it has had a part in a deal
	byRule              // a rule found it elsewhere
)

var implicitNames = [...]string{"named", "main", "topic", "near", "rule"}

// observation is a feature by the hash of its name; value is in hundredths.
type observation struct {
	key   uint64
	value int32
}

// maxSights bounds the pairs looked at in one sentence.
const maxSights = 15

// maxSightsAll bounds the pairs looked at in one article; an honest one has some dozens.
const maxSightsAll = 2000

// observer keeps what training needs beyond the hashes.
type observer struct {
	names map[uint64]string
}

// key is a word as the model sees it.
type key struct {
	hash uint64
	text string
}

// dropped is a trigger the rules made nothing of.
type dropped struct {
	typ, why string
}

// place is one organisation at one place of a sentence.
type place struct {
	it  *item
	p   party
	pos int // position within the item
}

// notice looks at the pairs of a sentence. got are the candidates of the rules in it, whose numbers begin at first.
func (d *doc) notice(v *view, got []cand, first int) {
	s := v.s
	if s.boiler || s.damaged || len(d.sights) >= maxSightsAll {
		d.drops = d.drops[:0]
		return
	}
	var places []place
	for k := range v.items {
		it := &v.items[k]
		if len(it.parties) > 6 {
			continue
		}
		for n, p := range it.parties {
			if len(places) < 14 {
				places = append(places, place{it, p, n})
			}
		}
	}
	start := len(d.sights)
	known := func(o *org) bool { return o.known }
	var eyes eyes
	eyes.read(d, v)
	add := func(x, y *place, im implicit) {
		a, b := x.p.org, y.p.org
		if a == b || !known(a) && !known(b) {
			return
		}
		for k := start; k < len(d.sights); k++ {
			g := &d.sights[k]
			if g.a == a && g.b == b || g.a == b && g.b == a {
				return
			}
		}
		g := sight{a: a, b: b, pa: x.p, pb: y.p, sent: v.at, in: s.in, implicit: im, lo: y.it.from, hi: y.it.to}
		g.barred = s.question || y.it.excl || d.negates()
		if x.it != nil {
			g.lo = min(x.it.from, y.it.from)
			g.barred = g.barred || x.it.excl
			g.together = x.it == y.it && len(x.it.parties) > 2
		}
		for k := range got {
			if hasBoth(&got[k], a, b) {
				g.cands = append(g.cands, first+k)
			}
		}
		g.list = d.seenList[:0]
		if d.watch != nil {
			g.list = nil
		}
		d.observe(v, &eyes, &g, x, y, got)
		g.op = d.x.model.judge(g.list)
		if d.watch == nil {
			d.seenList, g.list = g.list, nil
		}
		d.sights = append(d.sights, g)
	}
	// the nearest places of each pair, those named outright first
	for _, plain := range [...]bool{true, false} {
		for gap := 0; gap < len(places); gap++ {
			for i := 0; i+gap+1 < len(places); i++ {
				x, y := &places[i], &places[i+gap+1]
				if plain == (x.it.anaphor || y.it.anaphor || x.it.excl || y.it.excl) || len(d.sights)-start >= maxSights {
					continue
				}
				add(x, y, inSentence)
			}
		}
	}
	for k := range got {
		rs := got[k].roles
		for i := range rs {
			for j := i + 1; j < len(rs) && len(d.sights)-start < 2*maxSights; j++ {
				x, y := findPlace(places, rs[i].p.org), findPlace(places, rs[j].p.org)
				switch {
				case x == nil && y == nil:
					at := &item{from: got[k].from, to: got[k].to, prepAt: -1}
					add(&place{p: rs[i].p}, &place{it: at, p: rs[j].p}, byRule)
				case x == nil:
					add(&place{p: rs[i].p}, y, byRule)
				case y == nil:
					add(&place{p: rs[j].p}, x, byRule)
				}
			}
		}
	}
	if s.in == "text" && eyes.tells(v) {
		for n, p := range [...]*party{d.main, d.single()} {
			if p == nil || findPlace(places, p.org) != nil {
				continue
			}
			for i := range places {
				if len(d.sights)-start < 2*maxSights && !places[i].it.possDet {
					add(&place{p: *p}, &places[i], byMain+implicit(n))
				}
			}
		}
		near := 0
		for i := len(d.recent) - 1; i >= 0 && near < 6; i-- {
			r := &d.recent[i]
			if v.at-r.sent > 1 && !r.title {
				continue
			}
			if findPlace(places, r.p.org) != nil || !d.hadPart(r.p.org) {
				continue
			}
			near++
			for i := range places {
				if len(d.sights)-start < 2*maxSights && !places[i].it.possDet {
					add(&place{p: r.p}, &places[i], byNear)
				}
			}
		}
	}
	for k := start; k < len(d.sights); k++ {
		if g := &d.sights[k]; g.op.deal >= tieAbove && !g.barred && len(d.ties) < maxTies {
			typ, rps := d.parties(g, g.op.class)
			d.ties = append(d.ties, tie{g.a, g.b, typ, rps[0].role, rps[1].role})
		}
	}
	d.drops = d.drops[:0]
}

// tie is a deal that the model holds likely; what it saw in one sentence helps it to understand the next.
type tie struct {
	a, b   *org
	typ    string
	ra, rb string
}

// tieAbove is how likely a deal must be to count for the sentences after it.
const tieAbove = 0.5

// maxTies bounds what is remembered.
const maxTies = 24

// tied observes what the two have been seen in before.
func (d *doc) tied(g *sight, im key) {
	for k := range d.ties {
		t := &d.ties[k]
		same := func(x *org) (role string, with *org, ok bool) {
			switch x {
			case t.a:
				return t.ra, t.b, true
			case t.b:
				return t.rb, t.a, true
			}
			return "", nil, false
		}
		lead := "later"
		if k == 0 {
			lead = "first"
		}
		ra, wa, oka := same(g.a)
		rb, wb, okb := same(g.b)
		switch {
		case oka && okb:
			d.say(g, 100, "tie both", d.key(t.typ))
		case oka:
			d.say(g, 70, "tie a", d.key(t.typ+"."+ra), im)
			d.say(g, 70, "tie at", d.key(t.typ+"."+ra), tradeKeys[trade(g.b)])
			if trade(wa) == trade(g.b) {
				d.say(g, 100, "parallel a", d.key(t.typ+"."+ra), d.key(lead))
				d.say(g, 100, "parallel ai", d.key(t.typ), im)
			}
		case okb:
			d.say(g, 70, "tie b", d.key(t.typ+"."+rb), im)
			d.say(g, 70, "tie bt", d.key(t.typ+"."+rb), tradeKeys[trade(g.a)])
			if trade(wb) == trade(g.a) {
				d.say(g, 100, "parallel b", d.key(t.typ+"."+rb), d.key(lead))
				d.say(g, 100, "parallel bi", d.key(t.typ), im)
			}
		default:
			if k == 0 {
				d.say(g, 70, "tie other", d.key(t.typ), im)
			}
		}
	}
	if len(d.ties) == 0 {
		d.say(g, 70, "no tie", im)
	}
}

// hadPart tells whether an organisation has had a part in a deal told of so far.
func (d *doc) hadPart(o *org) bool {
	for k := range d.ties {
		if d.ties[k].a == o || d.ties[k].b == o {
			return true
		}
	}
	return d.last != nil && slices.ContainsFunc(d.last.roles, func(rp roleParty) bool { return rp.p.org == o })
}

// negates tells whether the rules left a trigger of the sentence out because it is negated, or because words such as those of an award make it
// none.
func (d *doc) negates() bool {
	return slices.ContainsFunc(d.drops, func(x dropped) bool { return x.why == "negated" || x.why == vetoed })
}

// single gives the subject of the sentence before when it is one organisation.
func (d *doc) single() *party {
	if len(d.topic) == 1 {
		return &d.topic[0]
	}
	return nil
}

func findPlace(ps []place, o *org) *place {
	for i := range ps {
		if ps[i].p.org == o {
			return &ps[i]
		}
	}
	return nil
}

func hasBoth(c *cand, a, b *org) bool {
	n := 0
	for _, rp := range c.roles {
		if rp.p.org == a || rp.p.org == b {
			n++
		}
	}
	return n == 2
}

// eyes is a sentence in the words of the model.
type eyes struct {
	keys    []key
	near    []uint16 // types whose triggers hold the word
	senses  []uint64
	content []bool // a word that carries meaning
}

func (e *eyes) read(d *doc, v *view) {
	toks := v.s.toks
	e.keys = make([]key, len(toks))
	e.content = make([]bool, len(toks))
	e.near = make([]uint16, len(toks))
	e.senses = make([]uint64, len(toks))
	for i := range toks {
		t := &toks[i]
		if t.kind == 'w' && v.itemAt[i] == 0 {
			e.senses[i] = d.l.senseOf(t.low)
		}
		switch {
		case t.kind == 'o' || v.itemAt[i] > 0 && !v.items[v.itemAt[i]-1].possDet:
			e.keys[i] = d.key("@")
		case t.kind == 'n':
			if len(t.raw) == 4 && (t.raw[0] == '1' || t.raw[0] == '2') {
				e.keys[i] = d.key("year")
			} else {
				e.keys[i] = d.key("#")
			}
		case t.kind == 'p':
			e.keys[i] = d.key(t.low)
		case t.verbs != nil && t.class&(cBe|cHave|cModal) == 0 && d.tenseAt(v.s, i, "") != 0:
			e.keys[i] = d.key(t.verbs[0].verb)
			e.content[i] = true
			e.near[i] = d.l.near[t.verbs[0].verb]
		case t.cap && i > 0 && t.class == 0 && v.s.in == "text":
			e.keys[i] = d.key("Name")
		default:
			w := stem(t.low)
			e.keys[i] = d.key(w)
			e.near[i] = d.l.near[w]
			e.content[i] = t.class&(cDet|cPrep|cConj|cAnd|cRel|cBe|cHave|cModal|cAdv|cPron|cMonth|cPlace) == 0
		}
	}
}

// stemRunes is how much of a word the model looks at: most endings are cut off.
const stemRunes = 6

func stem(w string) string {
	n := 0
	for i := range w {
		if n == stemRunes {
			return w[:i]
		}
		n++
	}
	return w
}

func (d *doc) key(s string) key { return key{hashString(s), s} }

// keysOf makes the keys of a fixed list once.
func keysOf(names ...string) []key {
	out := make([]key, len(names))
	for i, n := range names {
		out[i] = key{hashString(n), n}
	}
	return out
}

var (
	typeKeys     = keysOf(schemas.Types...)
	senseKeys    = keysOf(senseNames...)
	regionKeys   = keysOf(regions[:]...)
	implicitKeys = keysOf(implicitNames[:]...)
	cueKeys      = keysOf(cueTexts[:]...)
	tradeKeys    = keysOf(tradeNames[:]...)
	pairKeys     = func() []key {
		var out []string
		for _, a := range tradeNames {
			for _, b := range tradeNames {
				out = append(out, a+"-"+b)
			}
		}
		return keysOf(out...)
	}()
)

// tells says whether a sentence holds any word that speaks of a deal: only then is somebody it does not name looked for.
func (e *eyes) tells(v *view) bool {
	if len(v.trigs) > 0 || len(v.cues) > 0 {
		return true
	}
	for i := range e.near {
		if e.near[i] != 0 || e.senses[i]&dealSenses != 0 {
			return true
		}
	}
	return false
}

// dealSenses are the senses that speak of a deal by themselves.
var dealSenses = func() (m uint64) {
	for _, n := range strings.Fields("ally agree contract buy sell merge own stake fund distribute resell embed supply choose joint sue renew end replace continue") {
		m |= 1 << slices.Index(senseNames, n)
	}
	return
}()

const (
	hashStart = 14695981039346656037 // FNV-1a, 64 bits
	hashPrime = 1099511628211
)

func hashString(s string) uint64 {
	h := uint64(hashStart)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * hashPrime
	}
	return h
}

func mix(h, k uint64) uint64 {
	h ^= k + 0x9e3779b97f4a7c15 + h<<6 + h>>2
	return h * hashPrime
}

// say records the feature of a template and up to three keys.
func (d *doc) say(g *sight, value int32, template string, ks ...key) {
	h := hashString(template)
	for i := range ks {
		h = mix(h, ks[i].hash)
	}
	if d.watch != nil {
		name := template
		for i := range ks {
			name += " " + ks[i].text
		}
		d.watch.names[h] = name
	}
	g.list = append(g.list, observation{h, value})
}

// trade is what an organisation is in the channel, coarsely: an index of tradeNames.
func trade(o *org) int {
	switch {
	case !o.known:
		return 0
	case o.main&(kDistributor|kMarketplace) != 0:
		return 1
	case o.main&(kIntegrator|kReseller|kMSP) != 0:
		return 2
	case o.main&(kTelco|kHoster|kServices) != 0:
		return 3
	case o.main&(kMaker|kChips) != 0:
		return 4
	case o.main&kCloud != 0:
		return 5
	}
	return 6
}

var tradeNames = [...]string{"unknown", "distributor", "channel", "operator", "maker", "cloud", "publisher"}

func bucket(n int) string {
	switch {
	case n <= 0:
		return "0"
	case n <= 1:
		return "1"
	case n <= 2:
		return "2"
	case n <= 4:
		return "4"
	case n <= 8:
		return "8"
	case n <= 14:
		return "14"
	}
	return "far"
}

// observe fills a sight with features. x may stand outside of the sentence.
func (d *doc) observe(v *view, e *eyes, g *sight, x, y *place, got []cand) {
	s := v.s
	toks := s.toks
	n := len(toks)
	im := implicitKeys[g.implicit]
	aFrom, aTo := 0, 0
	var flagsA, flagsB item
	if x.it != nil {
		aFrom, aTo = x.it.from, x.it.to
		flagsA = *x.it
	}
	bFrom, bTo := y.it.from, y.it.to
	flagsB = *y.it
	same := x.it == y.it
	if same {
		aTo, bFrom = aFrom, aTo
		bFrom = aFrom
	}
	ta, tb := tradeKeys[trade(g.a)], tradeKeys[trade(g.b)]
	both := pairKeys[trade(g.a)*len(tradeNames)+trade(g.b)]
	d.say(g, 100, "bias")
	d.say(g, 100, "implicit", im)
	if g.a.known && g.b.known && (d.x.cat.Owns(g.a.id, g.b.id, d.at) || d.x.cat.Owns(g.b.id, g.a.id, d.at)) {
		d.say(g, 100, "owned")
	}
	d.say(g, 100, "lang", d.key(d.l.lang))
	d.say(g, 100, "trade", both)
	d.say(g, 100, "trade-im", both, im)
	d.say(g, 100, "a", ta)
	d.say(g, 100, "b", tb)
	where := "body"
	if s.in == "title" {
		where = "title"
	} else if s.para == 0 && s.n < 2 {
		where = "lead"
	}
	d.say(g, 100, "where", d.key(where), im)
	if s.question {
		d.say(g, 100, "question")
	}
	if same {
		d.say(g, 100, "together")
		d.say(g, 100, "together-where", d.key(where))
	}
	others := 0
	between := 0
	for k := range v.items {
		it := &v.items[k]
		for _, p := range it.parties {
			if p.org != g.a && p.org != g.b && !it.possDet {
				others++
				if it.from >= aTo && it.to <= bFrom {
					between++
				}
			}
		}
	}
	d.say(g, 100, "others", d.key(bucket(others)))
	d.say(g, 100, "between", d.key(bucket(between)))
	pa, pb := key{}, d.key("-")
	if x.it != nil {
		pa = d.key(prepName(&flagsA))
		d.flags(g, "fa", &flagsA)
	} else {
		pa = im
	}
	pb = d.key(prepName(&flagsB))
	d.flags(g, "fb", &flagsB)
	if !same {
		d.say(g, 100, "distance", d.key(bucket(bFrom-aTo)), im)
		d.say(g, 100, "preps", pa, pb)
		d.say(g, 100, "pb", pb, tb)
		d.say(g, 100, "pa", pa, ta)
		d.say(g, 100, "clauses", d.key(bucket(int(v.clause[min(bFrom, n-1)]-v.clause[min(aFrom, n-1)]))))
	}
	if g.pa.product != "" {
		d.say(g, 100, "product a")
	}
	if g.pb.product != "" {
		d.say(g, 100, "product b")
	}
	// words between
	mid := func(i int) bool { return i < aTo+12 || i >= bFrom-12 }
	for i := aTo; i < bFrom; i++ {
		if !mid(i) {
			continue
		}
		k := e.keys[i]
		d.say(g, 100, "m", k)
		if i+1 < bFrom {
			d.say(g, 100, "mm", k, e.keys[i+1])
		}
		if e.content[i] {
			d.say(g, 100, "mp", k, pb)
			d.say(g, 100, "mt", k, both)
			d.say(g, 60, "w", k)
		}
	}
	if !same && bFrom > aTo {
		d.say(g, 100, "m1", e.keys[aTo], e.keys[bFrom-1])
		if bFrom-aTo <= 4 {
			h := d.key("")
			for i := aTo; i < bFrom; i++ {
				h.hash = mix(h.hash, e.keys[i].hash)
				h.text += "_" + e.keys[i].text
			}
			d.say(g, 100, "path", h)
		}
	}
	// words before and after
	for i := max(0, aFrom-6); i < aFrom; i++ {
		d.say(g, 70, "l", e.keys[i])
		if e.content[i] {
			d.say(g, 60, "w", e.keys[i])
			d.say(g, 70, "lt", e.keys[i], both)
		}
		if i+1 < aFrom {
			d.say(g, 70, "ll", e.keys[i], e.keys[i+1])
		}
	}
	if x.it != nil {
		if aFrom > 0 {
			d.say(g, 100, "l1", e.keys[aFrom-1])
		} else {
			d.say(g, 100, "l1", d.key("^"))
		}
	}
	for i := bTo; i < min(n, bTo+10); i++ {
		d.say(g, 70, "r", e.keys[i])
		if e.content[i] {
			d.say(g, 60, "w", e.keys[i])
			d.say(g, 70, "rt", e.keys[i], both)
		}
		if i+1 < min(n, bTo+10) {
			d.say(g, 70, "rr", e.keys[i], e.keys[i+1])
		}
	}
	if bTo < n {
		d.say(g, 100, "r1", e.keys[bTo])
	} else {
		d.say(g, 100, "r1", d.key("$"))
	}
	for i := range toks {
		if e.content[i] && (i < aFrom-6 || i >= bTo+10) {
			d.say(g, 30, "s", e.keys[i])
		}
	}
	// triggers
	region := func(from, to int) string {
		switch {
		case to <= aFrom:
			return "before"
		case from >= bTo:
			return "after"
		case from >= aTo && to <= bFrom:
			return "between"
		}
		return "across"
	}
	for k := range v.trigs {
		t := &v.trigs[k]
		r := d.key(region(t.from, t.to))
		typ := d.key(t.rule.typ)
		d.say(g, 100, "t", typ, r)
		d.say(g, 100, "tr", d.key(t.rule.id), r)
		d.say(g, 100, "tb", typ, r, pb)
		d.say(g, 100, "tt", typ, r, both)
		d.say(g, 60, "ti", typ, im)
		if t.passive {
			d.say(g, 100, "tv", typ, r, d.key("passive"))
		}
	}
	if len(v.trigs) == 0 {
		d.say(g, 100, "no trigger")
	}
	d.senses(e, g, aFrom, aTo, bFrom, bTo, both)
	var near [4]uint16 // by region
	for i := range toks {
		if m := e.near[i]; m != 0 {
			switch {
			case i < aFrom && i >= aFrom-8:
				near[0] |= m
			case i >= aTo && i < bFrom:
				near[1] |= m
			case i >= bTo && i < bTo+10:
				near[2] |= m
			default:
				near[3] |= m
			}
		}
	}
	for k, m := range near {
		for n := range schemas.Types {
			if m&(1<<n) != 0 {
				d.say(g, 70, "n", typeKeys[n], regionKeys[k])
			}
		}
	}
	for k := range v.cues {
		q := &v.cues[k]
		r := d.key(region(q.from, q.to))
		d.say(g, 70, "q", cueKeys[q.class])
		d.say(g, 70, "qr", cueKeys[q.class], r)
		d.say(g, 50, "qt", d.key(stem(q.text)), cueKeys[q.class])
	}
	// what the rules say
	none := true
	for k := range got {
		c := &got[k]
		typ := d.key(c.typ)
		if !hasBoth(c, g.a, g.b) {
			for _, rp := range c.roles {
				if rp.p.org == g.a || rp.p.org == g.b {
					d.say(g, 100, "rule one", typ)
					break
				}
			}
			continue
		}
		none = false
		dir := "="
		if pr := first(c.typ); pr != "" {
			for _, rp := range c.roles {
				if rp.role == pr && rp.p.org == g.a {
					dir = ">"
				} else if rp.role == pr && rp.p.org == g.b {
					dir = "<"
				}
			}
		}
		kd := d.key(dir)
		d.say(g, 100, "rule", typ, kd)
		d.say(g, 100, "rule any")
		d.say(g, 100, "rule im", typ, im)
		d.say(g, 100, "rule id", d.key(c.rule.id), kd)
		d.say(g, 100, "rule status", d.key(c.status))
		d.say(g, 100, "rule both", typ, both)
		if c.anaphor {
			d.say(g, 100, "rule anaphor", typ)
		}
		if c.rule.vague {
			d.say(g, 100, "rule vague", typ)
		}
		d.say(g, 100, "rule conf", d.key(bucket(int(c.conf*10)-4)))
	}
	if none {
		d.say(g, 100, "rule none", im)
		for _, dr := range d.drops {
			d.say(g, 60, "drop", d.key(dr.typ), d.key(dr.why))
		}
	}
	// what was said before
	if d.first != nil {
		d.say(g, 50, "first", d.key(d.first.typ), both)
		if d.types[pairKey(g.a, g.b)] != "" {
			d.say(g, 100, "told", d.key(d.types[pairKey(g.a, g.b)]))
		}
	} else {
		d.say(g, 50, "first", d.key("none"), both)
	}
	if d.last != nil {
		for _, rp := range d.last.roles {
			if rp.p.org == g.a {
				d.say(g, 100, "had a", d.key(d.last.typ+"."+rp.role), im)
				d.say(g, 100, "had at", d.key(d.last.typ+"."+rp.role), tb)
			}
			if rp.p.org == g.b {
				d.say(g, 100, "had b", d.key(d.last.typ+"."+rp.role), im)
			}
		}
	}
	d.tied(g, im)
	nt := 0
	for _, nm := range d.names {
		if nm.in != "title" {
			break
		}
		if nm.org == g.a || nm.org == g.b {
			nt++
		}
	}
	d.say(g, 100, "headline", d.key(bucket(min(nt, 2))), im)
}

// senses tells what the words around the two speak of.
func (d *doc) senses(e *eyes, g *sight, aFrom, aTo, bFrom, bTo int, both key) {
	var by [4]uint64
	for i, m := range e.senses {
		if m == 0 {
			continue
		}
		switch {
		case i < aFrom && i >= aFrom-8:
			by[0] |= m
		case i >= aTo && i < bFrom:
			by[1] |= m
		case i >= bTo && i < bTo+10:
			by[2] |= m
		default:
			by[3] |= m
		}
	}
	for k, m := range by {
		each(m, func(n int) { d.say(g, 70, "S", senseKeys[n], regionKeys[k]) })
	}
	each(by[0]|by[1]|by[2], func(n int) {
		d.say(g, 70, "Sa", senseKeys[n])
		d.say(g, 70, "Sb", senseKeys[n], both)
	})
}

func each(m uint64, do func(int)) {
	for n := 0; m != 0; n, m = n+1, m>>1 {
		if m&1 != 0 {
			do(n)
		}
	}
}

// first gives the role that a directed type names first.
func first(typ string) string {
	switch typ {
	case "acquisition":
		return "acquirer"
	case "investment":
		return "investor"
	}
	return pairRoles[typ][0]
}

func pairKey(a, b *org) string {
	x, y := a.id, b.id
	if x > y {
		x, y = y, x
	}
	switch {
	case !a.known:
		return b.id
	case !b.known:
		return a.id
	}
	return x + "~" + y
}

func prepName(it *item) string {
	if it.prep == sNone {
		return "none"
	}
	return slotName(it.prep)
}

func (d *doc) flags(g *sight, side string, it *item) {
	on := func(b bool, name string) {
		if b {
			d.say(g, 100, side, d.key(name))
		}
	}
	on(it.excl, "excluded")
	on(it.afterVerb, "object")
	on(it.poss, "possessive")
	on(it.anaphor, "anaphor")
	on(it.pronoun, "pronoun")
	on(it.possDet, "its")
	on(it.unknown, "unknown")
	on(it.customer, "customer")
	on(it.comma, "comma")
	on(len(it.parties) > 1, "group")
}

var regions = [...]string{"before", "between", "after", "far"}

var cueTexts = func() (out [qBoiler + 1]string) {
	for n, c := range cueNames {
		out[c] = n
	}
	out[qKind], out[qBond] = "kind", "bond"
	return
}()

// vetoed is the reason of a trigger that words of another kind of news stand beside.
const vetoed = "veto"

// reason gives why a trigger was dropped, without the words of the article.
func reason(why string) string {
	if strings.HasPrefix(why, "“") {
		return vetoed
	}
	why, _, _ = strings.Cut(why, "“")
	if len(why) > 40 {
		why = why[:40]
		for !utf8.ValidString(why) {
			why = why[:len(why)-1]
		}
	}
	return why
}
