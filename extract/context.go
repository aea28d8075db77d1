package extract

import "slices"

// An article tells its main deal in full and the neighbouring ones in passing: "Hosting remains with Capgemini", « Ingram Micro récupère le
// flambeau », "McAfee was shown the door". Such sentences name one side only; the other one, and the type, are those of the main deal. Cues of
// the classes held, gained and lost (lexicon: status.yaml) mark them, and what the catalogue knows of the party named decides its side.

// contextRules are what the cues of each class tell.
var contextRules = map[cueClass]*rule{
	qHeld:   {id: "context.held", state: true, conf: 0.5},
	qGained: {id: "context.gained", conf: 0.5},
	qLost:   {id: "context.lost", status: "ended", conf: 0.5},
	qBond:   {id: "context.bond", state: true, conf: 0.45},
}

// context finds the deals that a sentence tells of by naming the one side that is new. got is what the rules have found in it.
func (d *doc) context(v *view, got []cand) []cand {
	s := v.s
	if s.in == "title" || s.question || s.damaged || d.first == nil {
		return nil
	}
	for i := range s.toks {
		if s.toks[i].class&cRival != 0 {
			return nil // what rivals do is another story
		}
	}
	for k := range v.trigs {
		if t := v.trigs[k].rule.typ; t == "litigation" && d.first.typ != t {
			return nil // another kind of story
		}
	}
	var out []cand
	for k := range v.cues {
		q := &v.cues[k]
		r := contextRules[q.class]
		if r == nil {
			continue
		}
		for _, it := range d.contextItems(v, q) {
			for _, p := range it.parties {
				x := p.org
				if !x.known || d.told(got, x) || d.told(out, x) {
					continue
				}
				typ, roles := d.counterpart(v, x, it, q)
				if typ == "" {
					continue
				}
				rr := *r
				rr.typ = typ
				t := trigger{from: q.from, to: q.to, head: q.from, rule: &rr, text: q.text, tense: d.tenseAt(s, q.from, "")}
				if q.class == qLost {
					rr.status = ""
				}
				if typ == "investment" {
					rr.state = false
				}
				st := d.status(v, &t, roles)
				if q.class == qLost && (st.drop == "negated" || st.drop == "" && st.status != "rumoured" && st.status != "planned" && st.status != "denied") {
					st.drop, st.status, st.why = "", "ended", t.text
				}
				if st.drop != "" {
					d.drop(v, &t, st.drop)
					continue
				}
				rr.id = "context." + typ + rr.id[len("context"):]
				out = append(out, cand{
					rule: &rr, typ: typ, status: st.status, why: st.why, source: st.source, in: s.in, sent: v.at, from: q.from, to: q.to,
					lo: min(q.from, it.from), hi: max(q.to, it.to), cue: d.slice(s.in, s.toks[q.from].start, s.toks[q.to-1].end),
					anaphor: true, conf: r.conf, roles: roles,
				})
			}
		}
	}
	return out
}

// contextItems gives the organisations a context cue speaks of: those named in its clause, the nearest group first.
func (d *doc) contextItems(v *view, q *cue) []*item {
	home := v.clause[q.from]
	var best *item
	far := 1 << 30
	for k := range v.items {
		it := &v.items[k]
		if it.excl || it.possDet || it.anaphor || it.from >= len(v.clause) || !slices.ContainsFunc(it.parties, func(p party) bool { return p.org.known }) {
			continue
		}
		if v.clause[it.from] != home && v.clause[max(0, q.to-1)] != v.clause[it.from] && !(it.to <= q.from && v.relAt(it.to) && q.from-it.to < 12) {
			continue
		}
		if it.prep != sNone && it.prepAt > 0 && d.ownedByVerb(v, it.prepAt) && (it.prepAt < q.from || it.prepAt > q.to+1) {
			continue // « les commutateurs hérités de Brocade »
		}
		n := q.from - it.to
		if it.from >= q.to {
			n = it.from - q.to
		}
		if n > 14 {
			continue
		}
		if d.partOfFirst(it) {
			n += 100 // the other one is the news
		}
		if n < far {
			best, far = it, n
		}
	}
	if best == nil {
		return nil
	}
	out := []*item{best}
	// "through Infinigate in Germany and Kite Distribution in Britain"
	for k := range v.items {
		it := &v.items[k]
		if it != best && !it.excl && !it.possDet && !it.anaphor && it.from > best.to && it.from-best.to < 12 && v.clause[it.from] == v.clause[best.from] &&
			it.parties[0].org.known && best.parties[0].org.known && it.parties[0].org.main == best.parties[0].org.main && !d.partOfFirst(it) {
			out = append(out, it)
		}
	}
	return out
}

// partOfFirst tells whether all parties of an item have their part in the main deal.
func (d *doc) partOfFirst(it *item) bool {
	if d.first == nil {
		return d.main != nil && it.parties[0].org == d.main.org
	}
	for _, p := range it.parties {
		if !slices.ContainsFunc(d.first.roles, func(rp roleParty) bool { return rp.p.org == p.org }) {
			return false
		}
	}
	return true
}

// told tells whether one of the candidates is about the organisation.
func (d *doc) told(cs []cand, x *org) bool {
	for i := range cs {
		if slices.ContainsFunc(cs[i].roles, func(rp roleParty) bool { return rp.p.org == x }) {
			return true
		}
	}
	return false
}

// firstIn gives the party that plays a role in the main deal, or the last one that played it in a deal of the type.
func (d *doc) firstIn(role, typ string) *party {
	if d.first != nil && d.first.typ == typ {
		for i := range d.first.roles {
			if d.first.roles[i].role == role {
				return &d.first.roles[i].p
			}
		}
	}
	if m, ok := d.mem[role]; ok && m.typ == typ {
		return &m.p
	}
	return nil
}

// counterpart finds on the other side of which deal an organisation stands, and of what type that is.
func (d *doc) counterpart(v *view, x *org, at *item, q *cue) (string, []roleParty) {
	two := func(typ, role string, other *party, mine string) (string, []roleParty) {
		if other == nil || other.org == x {
			return "", nil
		}
		return typ, []roleParty{{role: role, p: *other}, {role: mine, p: party{org: x}}}
	}
	// somebody of the same sentence goes before the main deal
	var near *party
	for k := range v.items {
		it := &v.items[k]
		if it == at || it.excl || len(it.parties) != 1 || it.parties[0].org == x || !it.parties[0].org.known || v.clause[it.from] != v.clause[at.from] {
			continue
		}
		near = &it.parties[0]
		break
	}
	if q.class == qBond && q.typ != "distribution" && x.main&kDistributor != 0 {
		return "", nil
	}
	if x.main&kDistributor != 0 {
		if near != nil && makes(near.org) {
			return two("distribution", "vendor", near, "distributor")
		}
		if p := d.firstIn("vendor", "distribution"); p != nil {
			return two("distribution", "vendor", p, "distributor")
		}
		if d.main != nil && makes(d.main.org) {
			return two("distribution", "vendor", d.main, "distributor")
		}
		return "", nil
	}
	if near != nil && near.org.main&kDistributor != 0 && makes(x) {
		return two("distribution", "distributor", near, "vendor")
	}
	if q.class == qBond && q.typ != d.first.typ {
		if q.typ == "reseller" {
			for _, p := range []*party{near, d.main, d.firstIn("vendor", "distribution")} {
				if p == nil || p.org == x {
					continue
				}
				if channelness(x) >= 2 && makes(p.org) && channelness(p.org) < 2 {
					return two("reseller", "vendor", p, "reseller")
				}
				if makes(x) && channelness(p.org) >= 3 {
					return two("reseller", "reseller", p, "vendor")
				}
			}
		}
		return "", nil
	}
	switch d.first.typ {
	case "acquisition":
		// another suitor
		if p := d.firstIn("target", "acquisition"); p != nil && q.class == qBond {
			return two("acquisition", "target", p, "acquirer")
		}
	case "investment":
		if p := d.firstIn("investee", "investment"); p != nil && q.class == qBond {
			return two("investment", "investee", p, "investor")
		}
	case "distribution":
		if makes(x) {
			return two("distribution", "distributor", d.firstIn("distributor", "distribution"), "vendor")
		}
		if channelness(x) >= 2 {
			return two("reseller", "vendor", d.firstIn("vendor", "distribution"), "reseller")
		}
	case "reseller":
		ven, res := d.firstIn("vendor", "reseller"), d.firstIn("reseller", "reseller")
		if ven == nil || res == nil {
			return "", nil
		}
		if channelness(x) >= 2 && !(channelness(ven.org) >= 2) {
			return two("reseller", "vendor", ven, "reseller")
		}
		return two("reseller", "reseller", res, "vendor")
	case "customer_contract":
		cu := d.firstIn("customer", "customer_contract")
		return two("customer_contract", "customer", cu, "supplier")
	case "oem_integration":
		pr, in := d.firstIn("provider", "oem_integration"), d.firstIn("integrator", "oem_integration")
		if pr == nil || in == nil {
			return "", nil
		}
		if x.main == in.org.main && x.main != pr.org.main {
			return two("oem_integration", "provider", pr, "integrator")
		}
		return two("oem_integration", "integrator", in, "provider")
	case "partnership":
		if q.class != qHeld && d.main != nil && slices.ContainsFunc(d.first.roles, func(rp roleParty) bool { return rp.p.org == d.main.org }) {
			return two("partnership", "", d.main, "")
		}
	}
	return "", nil
}

// fromMain supplies the other party of a trigger that names one, from the main deal or from whom the article is about. It asks that the clause
// point back to what was said: by a pronoun, a definite noun, or by leaving the place empty.
func (d *doc) fromMain(v *view, t *trigger, have []roleParty) *roleParty {
	r := t.rule
	if v.s.in == "title" || len(have) != 1 || r.weak || r.vague || r.unary || r.conf < 0.7 || v.plural(t) {
		return nil
	}
	h := have[0]
	// a wholesaler and a word of distribution: the maker is the one of the headline
	trade := r.typ == "distribution" && h.p.org.main&kDistributor != 0 && (d.first != nil || v.s.para == 0 && !r.title)
	if !trade && (r.title || d.first == nil || !d.pointsBack(v, t)) {
		return nil
	}
	for k := range v.items {
		// somebody else is named beside it: the clause is about those two, whatever ties them
		if it := &v.items[k]; !it.excl && !it.possDet && v.clause[it.from] == v.clause[t.from] && it.parties[0].org.known && it.parties[0].org != h.p.org {
			return nil
		}
	}
	for sl := slot(1); sl < nSlots; sl++ {
		role := r.roles[sl]
		if role == "" || role == h.role && role != "partner" && role != "member" || role == "seller" {
			continue
		}
		fits := func(o *org) bool {
			if o == h.p.org || r.kinds[sl] != 0 && o.can()&r.kinds[sl] == 0 || !o.known && !h.p.org.known {
				return false
			}
			switch role {
			case "distributor":
				return o.main&(kDistributor|kMarketplace) != 0
			case "vendor":
				return o.known && makes(o)
			case "reseller":
				return o.known && channelness(o) >= 1
			case "customer":
				return !o.known || d.firstHas(o, "customer")
			}
			return true
		}
		if d.first != nil {
			for i := range d.first.roles {
				if rp := &d.first.roles[i]; rp.role == role && fits(rp.p.org) {
					return &roleParty{role: role, p: rp.p}
				}
			}
		}
		if m, ok := d.mem[role]; ok && fits(m.p.org) {
			return &roleParty{role: role, p: m.p}
		}
		for _, p := range []*party{d.main, d.mainAny} {
			if p != nil && fits(p.org) {
				return &roleParty{role: role, p: party{org: p.org}}
			}
		}
		if trade && role == "vendor" {
			for _, n := range d.names {
				if n.in == "title" && fits(n.org) {
					return &roleParty{role: role, p: party{org: n.org}}
				}
			}
		}
	}
	return nil
}

// firstHas tells whether an organisation plays a role in the main deal.
func (d *doc) firstHas(o *org, role string) bool {
	return d.first != nil && slices.ContainsFunc(d.first.roles, func(rp roleParty) bool { return rp.p.org == o && rp.role == role })
}

// pointsBack tells whether what follows a trigger, or stands before it, refers to something already named.
func (d *doc) pointsBack(v *view, t *trigger) bool {
	toks := v.s.toks
	if t.rule.noun {
		return t.from > 0 && toks[t.from-1].class&cDef != 0 || t.from > 1 && toks[t.from-2].class&cDef != 0 && toks[t.from-1].class&cPrep == 0
	}
	if t.passive || t.from > 0 && clitics[toks[t.from-1].low] && t.from > 1 {
		return true
	}
	for i := t.from; i < t.to+3 && i < len(toks); i++ {
		w := &toks[i]
		if i >= t.to && (w.kind == 'p' && w.low != "'s" || w.kind == 'n') {
			return i == t.to
		}
		if i > t.from && (w.class&cPron != 0 || w.low == "them" || w.low == "their" || w.class&cDef == cDef || w.class&cPossDet != 0) {
			return true
		}
		if i >= t.to && w.class&(cPrep|cConj) != 0 && i == t.to {
			return true
		}
	}
	return t.to >= len(toks)
}

// clitics are the French pronouns that stand before the verb as its object.
var clitics = map[string]bool{"le": true, "la": true, "l'": true, "les": true, "lui": true, "leur": true, "en": true, "y": true}

// buyer supplies the customer of a contract whose supplier alone is a vendor: somebody outside the catalogue who is named in the sentence, whom
// the article is about, or who is only described, "a Midlands insurer".
func (d *doc) buyer(v *view, t *trigger, have []roleParty) *roleParty {
	r := t.rule
	if r.typ != "customer_contract" || r.weak || r.vague || r.title || r.conf < 0.7 || len(have) != 1 || have[0].role != "supplier" || !have[0].p.org.known || v.plural(t) {
		return nil
	}
	give := func(o *org) *roleParty { return &roleParty{role: "customer", p: party{org: o}} }
	for k := range v.items {
		if it := &v.items[k]; it.unknown && !it.excl && len(it.parties) == 1 && !it.parties[0].org.known && it.prep != sFrom && it.prep != sIn && v.clause[it.from] == v.clause[t.from] && v.s.toks[it.to-1].class&cPlace == 0 {
			return give(it.parties[0].org)
		}
	}
	if p := d.firstIn("customer", "customer_contract"); p != nil && p.org != have[0].p.org {
		return give(p.org)
	}
	if d.mainAny != nil && !d.mainAny.org.known {
		return give(d.mainAny.org)
	}
	toks := v.s.toks
	for i := range toks {
		if w := &toks[i]; w.class&cCustomer != 0 && (i < t.from || i >= t.to) {
			return give(d.unknownOrg(d.slice(v.s.in, w.start, w.end)))
		}
	}
	return nil
}
