package extract

import (
	"slices"
	"strings"
	"unicode/utf8"

	"example.org/veille/schemas"
)

// Limits of one extraction: an honest article stays far below them, an attack cannot pass them.
const (
	maxSignals  = 50
	maxPrices   = 50
	maxVendors  = 100
	maxMentions = 50 // spans of one vendor
)

// rank orders the statuses within one article: the strongest statement about a deal wins.
var rank = map[string]int{"denied": 7, "ended": 6, "in_effect": 4, "announced": 5, "planned": 3, "rumoured": 2, "background": 1}

// merge makes one signal of the candidates with one type and one set of parties.
func (d *doc) merge(cands []cand) []cand {
	type key struct{ typ, parties string }
	var order []key
	groups := map[key][]cand{}
	for i, c := range cands {
		c.order = i
		k := key{c.typ, c.partyKey()}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], c)
	}
	var out []cand
	for _, k := range order {
		g := groups[k]
		if said := slices.DeleteFunc(slices.Clone(g), func(c cand) bool { return c.rule.model }); len(said) > 0 {
			g = said // what the rules read tells more exactly where and how it stands
		}
		out = append(out, final(g))
	}
	return d.dropCovered(d.oneRound(out))
}

// oneRound makes one signal of the investors of a round that are told of one by one.
func (d *doc) oneRound(cs []cand) []cand {
	investee := func(c *cand) *org {
		for _, rp := range c.roles {
			if rp.role == "investee" {
				return rp.p.org
			}
		}
		return nil
	}
	var out []cand
	for i := range cs {
		c := cs[i]
		in := investee(&c)
		if c.typ != "investment" || in == nil || c.status == "denied" || c.status == "background" {
			out = append(out, c)
			continue
		}
		k := slices.IndexFunc(out, func(o cand) bool { return o.typ == "investment" && o.status == c.status && investee(&o) == in })
		if k < 0 {
			c.roles = slices.Clone(c.roles)
			out = append(out, c)
			continue
		}
		o := &out[k]
		for _, rp := range c.roles {
			if !slices.ContainsFunc(o.roles, func(x roleParty) bool { return x.p.org == rp.p.org }) && len(o.roles) < 12 {
				o.roles = append(o.roles, rp)
			}
		}
		o.conf = max(o.conf, c.conf)
	}
	return out
}

func (c *cand) partyKey() string {
	var ids []string
	for _, rp := range c.roles {
		ids = append(ids, rp.p.org.id)
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), "~")
}

// vendorKey is the key of the vendors that the catalogue knows.
func (c *cand) vendorKey() string {
	var ids []string
	for _, rp := range c.roles {
		if rp.p.org.known {
			ids = append(ids, rp.p.org.id)
		}
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), "~")
}

// final picks, of the statements about one deal, the status that stands at the end of the article and the best evidence for it.
func final(cs []cand) cand {
	best := 0
	for i := range cs {
		if rank[cs[i].status] > rank[cs[best].status] {
			best = i
		}
	}
	status := cs[best].status
	// closed beats announced when it is said of the deal itself
	for i := range cs {
		if status == "announced" && cs[i].status == "in_effect" && cs[i].rule.typ == "acquisition" {
			status = "in_effect"
		}
	}
	// signed again after the end: the later statement wins
	if status == "ended" {
		for i := range cs {
			if cs[i].status == "announced" && cs[i].lead && !cs[i].title && !cs[best].lead {
				status = "announced"
			}
		}
	}
	pick := -1
	better := func(a, b *cand) bool {
		switch {
		case (a.status == status) != (b.status == status):
			return a.status == status
		case a.anaphor != b.anaphor && a.title == b.title:
			return !a.anaphor
		case a.title != b.title:
			return !a.title // the body tells more than the headline
		case a.conf != b.conf:
			return a.conf > b.conf
		}
		return a.order < b.order
	}
	for i := range cs {
		if pick < 0 || better(&cs[i], &cs[pick]) {
			pick = i
		}
	}
	c := cs[pick]
	if len(cs) > 1 {
		c.conf = min(0.98, c.conf+0.07*float64(len(cs)-1))
	}
	for i := range cs {
		for _, p := range cs[i].products {
			if !slices.Contains(c.products, p) {
				c.products = append(c.products, p)
			}
		}
	}
	c.status = status
	return c
}

// dropCovered removes what a finer or fuller signal already says: "partnership" beside "distribution" of one pair, a pair beside the group
// of three it belongs to, a signal with an unknown party beside the same one with a known party.
func (d *doc) dropCovered(cs []cand) []cand {
	var out []cand
	for i := range cs {
		a := &cs[i]
		drop := ""
		for j := range cs {
			b := &cs[j]
			if i == j {
				continue
			}
			ka, kb := a.vendorKey(), b.vendorKey()
			switch {
			case a.typ == "partnership" && ka == kb && finer[b.typ] && (a.status == b.status || a.anaphor || a.rule.weak || b.status != "background"):
				drop = b.typ + " says it more exactly"
				if a.sent == b.sent && a.status == "announced" && b.status == "in_effect" {
					b.status = "announced"
				}
			case a.typ == "customer_contract" && ka == kb && (b.typ == "distribution" || b.typ == "reseller") && a.status == b.status:
				drop = b.typ + " says it more exactly"
			case a.typ == "reseller" && ka == kb && b.typ == "distribution":
				drop = "distribution says it more exactly"
			case a.typ == "investment" && ka == kb && b.typ == "acquisition" && a.status == b.status && strings.Contains(ka, "~"):
				drop = "acquisition says it more exactly"
			case a.typ == b.typ && ka != kb && coversKey(kb, ka) && len(b.roles) > len(a.roles) && (b.typ == "partnership" || b.typ == "joint_venture" || b.typ == "investment" && (a.status == b.status || unknownsOf(b) > 0)):
				drop = "part of a larger group"
			case a.typ == "partnership" && a.rule.vague && a.title && ka == kb && a.status == b.status && (b.typ == "acquisition" || b.typ == "joint_venture"):
				drop = b.typ + " says it more exactly"
			case a.typ == "partnership" && b.typ == "joint_venture" && ka != "" && coversKey(kb, ka):
				drop = "joint_venture says it more exactly"
			case a.typ == b.typ && unknownsOf(a) > 0 && ka != kb && coversKey(kb, ka) && unknownsOf(b) == 0 && shortName(a, b):
				drop = "said with a known party"
			case a.typ == b.typ && d.childOf(a, b):
				drop = "the owner is the party"
			case a.rule.conf <= 0.5 && a.typ == "acquisition" && b.typ != "acquisition" && ka == kb && a.sent == b.sent:
				drop = "the talks are about " + b.typ
			case a.typ == b.typ && ka == kb && a.partyKey() != b.partyKey() && unknownsOf(a) > 0 && (unknownsOf(b) == 0 && strings.Contains(kb, "~") || unknownsOf(b) > 0 && i > j && sameUnknown(a, b)):
				drop = "said with a known party"
			}
			if drop != "" {
				break
			}
		}
		if drop != "" {
			d.note(a, "merge", drop)
			continue
		}
		out = append(out, *a)
	}
	return out
}

var finer = map[string]bool{"distribution": true, "reseller": true, "oem_integration": true, "customer_contract": true}

func coversKey(big, small string) bool {
	bs := strings.Split(big, "~")
	for s := range strings.SplitSeq(small, "~") {
		if !slices.Contains(bs, s) {
			return false
		}
	}
	return true
}

func unknownsOf(c *cand) int {
	n := 0
	for _, rp := range c.roles {
		if !rp.p.org.known {
			n++
		}
	}
	return n
}

// childOf tells whether a is b with a brand in the place of its owner.
func (d *doc) childOf(a, b *cand) bool {
	if len(a.roles) != len(b.roles) || len(a.roles) < 2 {
		return false
	}
	child := 0
	for _, x := range a.roles {
		if slices.ContainsFunc(b.roles, func(y roleParty) bool { return y.p.org == x.p.org }) {
			continue
		}
		owner := func(y roleParty) bool {
			return d.x.cat.Owns(y.p.org.id, x.p.org.id, d.at) && !slices.ContainsFunc(a.roles, func(z roleParty) bool { return z.p.org == y.p.org })
		}
		if !slices.ContainsFunc(b.roles, owner) {
			return false
		}
		child++
	}
	return child == 1
}

// shortName tells whether an unknown party of a is a vendor of b by a part of its name: Extreme, Extreme Networks.
func shortName(a, b *cand) bool {
	for _, x := range a.roles {
		for _, y := range b.roles {
			if !x.p.org.known && y.p.org.known && strings.Contains(strings.ToLower(y.p.org.name), strings.ToLower(x.p.org.name)) {
				return true
			}
		}
	}
	return false
}

// sameUnknown tells whether one unknown name is the short form of the other.
func sameUnknown(a, b *cand) bool {
	for _, x := range a.roles {
		for _, y := range b.roles {
			if !x.p.org.known && !y.p.org.known && (strings.Contains(x.p.org.id, strings.TrimPrefix(y.p.org.id, "x-")) || strings.Contains(y.p.org.id, strings.TrimPrefix(x.p.org.id, "x-"))) {
				return true
			}
		}
	}
	return false
}

// signal gives a candidate the form in which it travels.
func (d *doc) signal(a *schemas.Article, c *cand) schemas.Signal {
	sg := schemas.Signal{
		Type: c.typ, Status: c.status, Products: c.products, Territory: d.territory(c), Cue: c.cue, Attribution: c.source,
		Confidence: round2(c.conf), Rule: c.rule.id,
	}
	if sg.Products == nil {
		sg.Products = []string{}
	}
	for _, rp := range c.roles {
		sg.Parties = append(sg.Parties, schemas.Party{ID: rp.p.org.id, Name: rp.p.org.name, Role: rp.role, Known: rp.p.org.known})
	}
	sg.Evidence = d.quote(c.sent, c.lo, c.hi, c.from, c.to)
	sg.ID = schemas.SignalID(a.ID, c.typ, sg.Parties)
	return sg
}

func round2(f float64) float64 {
	if f > 1 {
		f = 1
	}
	if f < 0.05 {
		f = 0.05
	}
	return float64(int(f*100+0.5)) / 100
}

const maxEvidence = 32 // words

// quote cuts the evidence: the whole sentence when it is short, else the window of at most 32 words around the trigger that holds as much of
// the parties as fits.
func (d *doc) quote(sentence, lo, hi, from, to int) schemas.Quote {
	s := &d.sents[sentence]
	a, b := 0, len(s.toks)
	for a < from && s.toks[a].kind == 'p' && !opens[s.toks[a].low] {
		a++
	}
	for b > to && (s.toks[b-1].low == "." || s.toks[b-1].low == "," || s.toks[b-1].low == ";" || s.toks[b-1].low == ":") {
		b--
	}
	words := func(a, b int) int {
		n := 0
		for i := a; i < b; i++ {
			if s.toks[i].kind != 'p' {
				n += 1 + strings.Count(s.toks[i].raw, " ")
			}
		}
		return n
	}
	if words(a, b) > maxEvidence {
		// from the clause of the trigger and its parties outwards
		na, nb := from, to
		grow := func(la, lb int) {
			if la < na && words(la, nb) <= maxEvidence {
				na = la
			}
			if lb > nb && words(na, lb) <= maxEvidence {
				nb = lb
			}
		}
		grow(max(a, lo), min(b, hi))
		for changed := true; changed; {
			changed = false
			if nb < b && words(na, nb+1) <= maxEvidence && !stops(&s.toks[nb]) {
				nb++
				changed = true
			}
			if na > a && words(na-1, nb) <= maxEvidence && !stops(&s.toks[na-1]) {
				na--
				changed = true
			}
		}
		for nb > to && s.toks[nb-1].kind == 'p' && !closes[s.toks[nb-1].low] {
			nb--
		}
		for na < from && s.toks[na].kind == 'p' && !opens[s.toks[na].low] {
			na++
		}
		a, b = na, nb
	}
	start, end := s.toks[a].start, s.toks[b-1].end
	if end-start > 600 { // words without spaces
		start, end = s.toks[from].start, s.toks[to-1].end
		if end-start > 600 {
			end = start + 600
			for !utf8.RuneStart(d.slice(s.in, start, end+1)[end-start]) {
				end--
			}
		}
	}
	return schemas.Quote{Text: d.slice(s.in, start, end), Span: schemas.Span{In: s.in, Start: start, End: end}}
}

func stops(t *tok) bool { return t.kind == 'p' && (t.low == ";" || t.low == "—") }

var opens = map[string]bool{"«": true, "“": true, "\"": true, "(": true, "'": true, "‘": true, "$": true, "€": true, "£": true, "#": true}
var closes = map[string]bool{"»": true, "”": true, "\"": true, ")": true, "%": true, "€": true, "$": true}

// territory reads the countries and regions of the candidate's sentence.
func (d *doc) territory(c *cand) []string {
	out := []string{}
	s := &d.sents[c.sent]
	for i := range s.toks {
		t := &s.toks[i]
		if t.kind != 'w' || !t.cap {
			continue
		}
		code := ""
		for n := 3; n >= 1 && code == ""; n-- {
			if i+n <= len(s.toks) {
				code = d.l.places[lower(d.slice(s.in, t.start, s.toks[i+n-1].end))]
			}
		}
		if code != "" && !slices.Contains(out, code) && len(out) < 8 {
			out = append(out, code)
		}
	}
	return out
}
