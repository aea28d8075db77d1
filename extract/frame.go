package extract

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// cue is a found expression that bears on the status.
type cue struct {
	from, to int
	class    cueClass
	typ      string
	text     string
}

// trigger is a found trigger of a rule.
type trigger struct {
	from, to       int
	gapFrom, gapTo int // tokens of the pattern's gap
	rule           *rule
	text           string
	tense          tense
	passive        bool
	perfect        bool
	head           int // the verb that governs it: itself, or the light verb of a noun
}

// view is one sentence with everything found in it.
type view struct {
	s      *sent
	at     int
	items  []item
	cues   []cue
	trigs  []trigger
	clause []int16 // clause number of each token
	itemAt []int16 // item index+1 at each token
}

// cand is a deal found around a trigger.
type cand struct {
	rule     *rule
	typ      string
	status   string
	roles    []roleParty
	products []string
	in       string
	sent     int
	from, to int // trigger tokens
	lo, hi   int // tokens the evidence should hold
	cue      string
	why      string // what decided the status
	source   string
	conf     float64
	anaphor  bool
	title    bool
	lead     bool
	explicit bool // words of the clause decide the status
	together bool // of the model: both stand in one enumeration
	order    int
}

type roleParty struct {
	role  string
	p     party
	right bool // object or "with"
}

func sameOrgs(a, b []roleParty) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if !slices.ContainsFunc(b, func(y roleParty) bool { return x.p.org == y.p.org }) {
			return false
		}
	}
	return true
}

// excludes tells whether an expression that shuts out what follows ends at token i.
func (d *doc) excludes(s *sent, i int) bool {
	for k := max(0, i-3); k <= i; k++ {
		for _, p := range d.l.byWord[s.toks[k].low] {
			if p.cue == qExclude {
				if end, _, _, ok := d.l.match(p, s.toks, k); ok && end == i+1 {
					return true
				}
			}
		}
	}
	return false
}

// maxTriggers bounds the triggers of one sentence.
const maxTriggers = 64

// look finds the items, cues and triggers of a sentence.
func (d *doc) look(s *sent, at int) *view {
	v := &view{s: s, at: at}
	v.items = d.group(s, d.atoms(s), at)
	v.itemAt = make([]int16, len(s.toks))
	for k := range v.items {
		for i := v.items[k].from; i < v.items[k].to && i < len(v.itemAt); i++ {
			v.itemAt[i] = int16(k + 1)
		}
	}
	if s.boiler {
		return v
	}
	for i := range s.toks {
		t := &s.toks[i]
		if t.kind == 'o' {
			continue
		}
		try := func(p *pattern, tn tense) {
			end, gf, gt, ok := d.l.match(p, s.toks, i)
			if !ok {
				return
			}
			if p.rule == nil {
				if p.cue != qExclude && p.cue != qBoiler {
					v.cues = append(v.cues, cue{i, end, p.cue, p.typ, p.text})
				}
				return
			}
			for k := range p.rule.not {
				if _, _, _, no := d.l.match(&p.rule.not[k], s.toks, end); no {
					return
				}
			}
			tr := trigger{from: i, to: end, gapFrom: gf, gapTo: gt, rule: p.rule, text: p.text, tense: tn, head: i}
			if len(v.trigs) < maxTriggers {
				v.trigs = append(v.trigs, tr)
			}
		}
		for _, p := range d.l.byWord[t.low] {
			try(p, 0)
		}
		done := ""
		for _, f := range t.verbs {
			if f.verb == done {
				continue
			}
			done = f.verb
			ps := d.l.byVerb[f.verb]
			if len(ps) == 0 {
				continue
			}
			tn := d.tenseAt(s, i, f.verb)
			if tn == 0 {
				continue
			}
			for _, p := range ps {
				if p.rule != nil && p.rule.reflex && !reflexive(s, i) {
					continue
				}
				try(p, tn)
			}
		}
	}
	v.prune()
	v.clauses(d)
	for k := range v.trigs {
		d.voice(v, &v.trigs[k])
	}
	return v
}

// reflexive tells whether se or s' stands before the verb.
func reflexive(s *sent, i int) bool {
	for k := i - 1; k >= 0 && k >= i-5; k-- {
		t := &s.toks[k]
		if t.low == "se" || t.low == "s'" {
			return true
		}
		if t.class&(cBe|cAdv|cNeg) == 0 {
			return false
		}
	}
	return false
}

// prune keeps the longest of cues that contain each other, and puts the triggers in the order in which they are tried: the outright before
// the weak, the long before the short, those that ask for a kind of party before those that take any.
func (v *view) prune() {
	slices.SortStableFunc(v.trigs, func(a, b trigger) int {
		if a.rule.weak != b.rule.weak {
			if a.rule.weak {
				return 1
			}
			return -1
		}
		if c := cmp.Compare(b.size(), a.size()); c != 0 {
			return c
		}
		if x, y := a.rule.picky(), b.rule.picky(); x != y {
			if x {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.rule.conf, a.rule.conf)
	})
	// a longer cue beats a shorter one that it contains
	kc := v.cues[:0]
	for k, a := range v.cues {
		drop := false
		for m, b := range v.cues {
			if m != k && !inContext(a.class) && !inContext(b.class) && b.from <= a.from && b.to >= a.to && (b.to-b.from > a.to-a.from) {
				drop = true
				break
			}
		}
		if !drop {
			kc = append(kc, a)
		}
	}
	v.cues = kc
}

// inContext tells the cues that context.go reads.
func inContext(c cueClass) bool { return c == qHeld || c == qGained || c == qLost || c == qBond }

// size is the number of words of a trigger, without its gap.
func (t *trigger) size() int { return t.to - t.from - (t.gapTo - t.gapFrom) }

// picky tells whether a rule asks for parties of certain kinds.
func (r *rule) picky() bool {
	for _, k := range r.kinds {
		if k != 0 {
			return true
		}
	}
	return false
}

func inGap(outer, inner *trigger) bool {
	return outer.gapTo > outer.gapFrom && inner.from >= outer.gapFrom && inner.to <= outer.gapTo
}

// clauses numbers the clauses: they change at strong marks, relatives, conjunctions, and at co-ordinated verbs.
func (v *view) clauses(d *doc) {
	s := v.s
	v.clause = make([]int16, len(s.toks))
	var n int16
	depth := 0
	rel := false // inside ", which …,"
	for i := range s.toks {
		t := &s.toks[i]
		switch {
		case t.kind == 'p':
			switch t.low {
			case ";", ":", "—", "–":
				n++
			case ",":
				if i+1 >= len(s.toks) {
					break
				}
				u := &s.toks[i+1]
				tn := d.tenseAt(s, i+1, "")
				switch {
				case rel && (u.low == "ne" || u.low == "n'" || u.class&(cBe|cHave|cModal) != 0 || tn&finite != 0 && tn&tPart == 0):
					n++
					rel = false
				case u.class&cRel != 0:
					rel = true
				case tn&^(tGer|tPart) == 0 && tn&tGer != 0 && i > 0:
					n++ // ", ending a long association with Mitel"
				case clauseOpeners[u.low], s.in == "title" && tn&(tPres|tPast) != 0 && d.l.lang == "en":
					n++
				}
			case "(":
				depth++
				n++
			case ")":
				if depth > 0 {
					depth--
					n++
				}
			}
		case t.class&cConj != 0:
			n++
		case t.class&cRel != 0 && i > 0 && v.itemAt[i] == 0:
			n++
		case t.class&cAnd != 0 && v.itemAt[i] == 0 && i+1 < len(s.toks):
			// "and" before a finite verb, or before a new subject with its verb
			for k := i + 1; k < len(s.toks) && k <= i+7; k++ {
				u := &s.toks[k]
				if u.kind == 'p' && u.low != "'s" {
					break
				}
				tn := d.tenseAt(s, k, "")
				if u.class&(cBe|cHave|cModal) != 0 || tn&finite != 0 && (tn&(tInf|tPart) == 0 || tn&tFut != 0) {
					n++
					break
				}
				if k == i+1 && tn&(tPart|tPres) != 0 && u.class&cHead == 0 {
					n++
					break
				}
				if u.class&(cPrep|cConj|cRel) != 0 {
					break
				}
			}
		}
		v.clause[i] = n
	}
}

// clauseOpeners begin, after a comma, an afterthought that says nothing of the status: ", down from $8bn a year ago".
var clauseOpeners = map[string]bool{"down": true, "up": true, "compared": true, "versus": true, "contre": true, "dont": true, "soit": true}

// voice finds tense, passive and governing verb of a trigger.
func (d *doc) voice(v *view, t *trigger) {
	s := v.s
	r := t.rule
	if r.noun {
		t.head = d.governor(v, t.from)
		if t.head != t.from {
			h := trigger{from: t.head, to: t.head + 1, rule: &rule{}, tense: d.tenseAt(s, t.head, "")}
			d.verbVoice(v, &h)
			t.tense, t.passive, t.perfect = h.tense, h.passive, h.perfect
		}
		return
	}
	if r.title || r.phrase {
		return
	}
	d.verbVoice(v, t)
}

func (d *doc) verbVoice(v *view, t *trigger) {
	s := v.s
	var be, have, been, other bool
	k := t.from - 1
	for n := 0; k >= 0 && n < 6; k, n = k-1, n+1 {
		w := &s.toks[k]
		switch {
		case w.class&cBe != 0:
			if w.low == "été" || w.low == "been" || w.low == "being" {
				been = true
			}
			be = true
		case w.class&cHave != 0:
			have = true
		case w.class&(cAdv|cNeg) != 0 || w.low == "s'" || w.low == "se" || w.low == "par" || w.low == "ailleurs" || w.low == "outre":
			continue
		case w.class&cModal != 0:
			other = true
		case w.low == "to" && d.l.lang == "en":
			other = true
			continue
		default:
			k = -1
		}
		if k < 0 {
			break
		}
	}
	t.perfect = have
	part := t.tense&tPart != 0
	by := t.to < len(s.toks) && (s.toks[t.to].low == "by" || s.toks[t.to].low == "par")
	switch {
	case !part:
	case been:
		t.passive = true
	case have && !be:
	case be && t.rule.reflex:
	case be && d.l.lang == "fr" && etre[verbOf(t, s)]:
	case be:
		t.passive = t.tense&tPart != 0
	case other:
	case t.tense&(tPast|tPres) != 0:
		t.passive = by
	default:
		t.passive = !t.rule.reflex
	}
	if t.passive && t.tense&tInf != 0 && !been && !be {
		t.passive = false
	}
	if t.passive && t.to-t.from > 1 && s.toks[t.to-1].class&cPrep != 0 && !by && t.gapTo == t.gapFrom {
		t.passive = false // "was merged into Y": Y is still the other party
	}
}

// etre lists the French verbs that take être without being passive.
var etre = map[string]bool{
	"devenir": true, "entrer": true, "passer": true, "tomber": true, "venir": true, "parvenir": true, "partir": true, "sortir": true, "monter": true,
	"rester": true, "arriver": true, "intervenir": true, "naître": true, "aller": true,
}

func verbOf(t *trigger, s *sent) string {
	for _, f := range s.toks[t.from].verbs {
		if f.tense&tPart != 0 {
			return f.verb
		}
	}
	return ""
}

// governor finds the verb whose object (to the left) or subject (to the right) a noun is; the noun itself when there is none.
func (d *doc) governor(v *view, i int) int {
	s := v.s
	for k := i - 1; k >= 0 && k >= i-14; k-- {
		t := &s.toks[k]
		if t.kind == 'p' && (t.low == ";" || t.low == ":" || t.low == "(") {
			break
		}
		if t.class&(cRel|cConj) != 0 && k < i-1 {
			break
		}
		if t.class&(cBe|cHave|cModal|cHead) != 0 {
			continue
		}
		if d.tenseAt(s, k, "") != 0 && t.class&cHead == 0 {
			return k
		}
	}
	for k := i + 1; k < len(s.toks) && k <= i+18; k++ {
		t := &s.toks[k]
		if t.kind == 'p' && (t.low == ";" || t.low == ":") {
			break
		}
		if t.class&(cBe|cHave|cModal) != 0 {
			continue
		}
		if tn := d.tenseAt(s, k, ""); tn&(finite|tPart) != 0 && t.class&cHead == 0 {
			return k
		}
	}
	return i
}

// subject finds the item that acts before token i.
func (d *doc) subject(v *view, i int) *item {
	var of *item
	for k := len(v.items) - 1; k >= 0; k-- {
		it := &v.items[k]
		if it.to > i || it.excl {
			continue
		}
		if i-it.to > 45 {
			break
		}
		if it.possDet {
			continue
		}
		if v.barrier(it.to, i) {
			break
		}
		if k2 := it.to; k2 < i && !it.anaphor && len(it.parties) == 1 && (v.s.toks[k2].class&cCrowd != 0 || v.s.toks[k2].low == "'s" && k2+1 < i && v.s.toks[k2+1].class&cCrowd != 0) {
			return nil // "VMware customers have moved": not VMware
		}
		if it.prep != sNone && v.relAt(it.to) && !v.itemIn(it.to, i) && i-it.to < 9 {
			return it // "stays with TD Synnex, which has carried …"
		}
		if it.prep != sNone {
			if of == nil && (it.prep == sOf || it.prep == sAt) && it.prepAt >= 0 && it.prepAt <= 6 && it.from < i {
				of = it
			}
			continue
		}
		if it.afterVerb && !(it.to < len(v.s.toks) && v.s.toks[it.to].class&cRel != 0) && !relBetween(v, it.to, i) && k > 0 && d.hasSubject(v, k) {
			continue
		}
		if it.poss && it.to < i-1 {
			// "Microsoft's chief": the owner speaks for its people
			if of == nil {
				of = it
			}
			continue
		}
		return it
	}
	return of
}

// hasSubject tells whether an item before the k-th can be the subject of its sentence.
func (d *doc) hasSubject(v *view, k int) bool {
	for m := k - 1; m >= 0; m-- {
		if it := &v.items[m]; it.prep == sNone && !it.excl && !it.possDet && !it.afterVerb {
			return true
		}
	}
	return false
}

func relBetween(v *view, from, to int) bool {
	for i := from; i < to && i < from+3; i++ {
		if v.s.toks[i].class&cRel != 0 || v.s.toks[i].low == "," && i+1 < to && v.s.toks[i+1].class&cRel != 0 {
			return true
		}
	}
	return false
}

// relAt tells whether a relative clause opens right at token i.
func (v *view) relAt(i int) bool {
	toks := v.s.toks
	return i < len(toks) && (toks[i].class&cRel != 0 || toks[i].low == "," && i+1 < len(toks) && toks[i+1].class&cRel != 0)
}

// itemIn tells whether an item that could act stands in tokens [from,to).
func (v *view) itemIn(from, to int) bool {
	for i := from; i < to; i++ {
		if n := v.itemAt[i]; n > 0 && v.items[n-1].prep == sNone && !v.items[n-1].possDet {
			return true
		}
	}
	return false
}

// barrier tells whether tokens [from,to) hold what separates a subject from its verb.
func (v *view) barrier(from, to int) bool {
	for i := from; i < to; i++ {
		t := &v.s.toks[i]
		if t.kind == 'p' && (t.low == ";" || t.low == ":" || t.low == "—") {
			return true
		}
	}
	return false
}

// fill collects the parties of a trigger by slot.
func (d *doc) fill(v *view, t *trigger) [nSlots]*item {
	var out [nSlots]*item
	r := t.rule
	s := v.s
	left := t.from
	if r.noun && t.head < t.from {
		left = t.head
	}
	// left of a noun: "the Dell-EMC deal", "Microsoft's purchase"
	if r.noun || r.title {
		for k := range v.items {
			it := &v.items[k]
			if it.to > t.from {
				break
			}
			if it.excl || t.from-it.to > 6 {
				continue
			}
			if it.possDet || it.poss {
				if attributive(v, it.to, t.from) {
					out[sPoss] = it
				}
			} else if t.from-it.to <= 2 && attributive(v, it.to, t.from) && (d.l.lang == "en" || t.from == it.to) {
				out[sComp] = it
			}
		}
	}
	// left: the subject
	if r.roles[sSubject] != "" || r.roles[sObject] != "" {
		if su := d.subject(v, left); su != nil && su != out[sComp] && su != out[sPoss] {
			out[sSubject] = su
		}
	}
	// a preposition before the trigger can belong to it: « a signé avec Arrow un contrat »
	if r.noun && t.head < t.from {
		for k := range v.items {
			it := &v.items[k]
			if it.from > t.head && it.to <= t.from && it.prep != sNone && !it.excl && !it.possDet && it.prepAt > t.head && out[it.prep] == nil && r.roles[it.prep] != "" && it.prep != sOf {
				out[it.prep] = it
			}
		}
	}
	// « avec lequel une convention a été signée »
	if r.noun && r.roles[sWith] != "" && out[sWith] == nil {
		for i := t.from - 1; i > 0 && i >= t.from-6; i-- {
			if tk := &s.toks[i]; tk.class&cRel != 0 && d.l.preps[s.toks[i-1].low] == sWith {
				for k := range v.items {
					if it := &v.items[k]; it.to <= i-1 && i-1-it.to <= 1 {
						out[sWith] = it
					} else if it.to < i-1 && out[sSubject] == nil && it.prep == sNone && !it.excl && !it.possDet {
						out[sSubject] = it
					}
				}
				break
			}
		}
	}
	// the gap of the pattern holds its object: "add X to its portfolio"
	if t.gapTo > t.gapFrom {
		for k := range v.items {
			it := &v.items[k]
			if it.from >= t.gapFrom && it.to <= t.gapTo && !it.excl && !it.possDet {
				if out[sObject] == nil {
					out[sObject] = it
				}
			}
		}
	}
	// right
	gotOf := (*item)(nil)
	stop := min(len(s.toks), t.to+32)
	prep := 0 // prepositions passed that had no name
	light := true
	comma, aside := false, -1 // aside: the comma that opened a parenthesis
	dist := 0
	for i := t.to; i < stop; i++ {
		tk := &s.toks[i]
		if n := v.itemAt[i]; n > 0 {
			it := &v.items[n-1]
			if it.from != i {
				continue
			}
			switch {
			case it.poss && it.to+1 < len(s.toks) && d.otherThan(s, it.to+1):
			case it.excl && (it.prep != sAgainst || r.roles[sAgainst] == ""):
			case it.possDet:
			case aside >= 0 && (it.prep == sNone && !it.comma || it.prepAt > aside+2) && out[sObject] != nil:
			case aside >= 0 && it.prep != sNone && it.prepAt > aside+2:
			case it.prep != sNone && it.prepAt > t.to && d.ownedByVerb(v, it.prepAt):
			case it.prep != sNone && it.prepAt >= t.to-1 && (it.prepAt >= t.to || r.roles[it.prep] != ""):
				p := it.prep
				if p == sOf && r.roles[sOf] == "" {
					if gotOf == nil && out[sObject] == nil {
						gotOf = it
					}
				} else if out[p] == nil && r.roles[p] != "" {
					out[p] = it
				} else if out[p] != nil && r.roles[p] != "" && it.prepAt > 0 && s.toks[it.prepAt-1].class&cAnd != 0 {
					both := *out[p] // « sur Intel pour ses processeurs et sur Absolute »
					both.parties = append(slices.Clone(both.parties), it.parties...)
					out[p] = &both
				} else if p == sTo && r.roles[p] == "" && out[sObject] == nil && false {
					out[sObject] = it
				}
			case (it.prep == sNone || it.prepAt < t.to) && out[sObject] == nil && r.roles[sObject] != "" && (!comma || it.from-t.to <= 3 || it.comma && it.from-t.to <= 9 && dist <= 1) && prep == 0:
				out[sObject] = it
			case r.noun && it.prep == sNone && d.l.lang == "fr" && i == t.to && out[sComp] == nil:
				out[sComp] = it // « le partenariat Dell-EMC »
			}
			i = it.to - 1
			dist = 0
			light = true
			continue
		}
		dist++
		if dist > 14 {
			break
		}
		if tk.kind == 'p' {
			switch tk.low {
			case ";", ":", "—", "–":
				stop = i
			case ",":
				comma = true
				if aside < 0 {
					aside = i
				} else {
					aside, comma = -1, false
				}
			}
			continue
		}
		// « la société commune que préparaient Orange et Capgemini »
		if r.noun && (tk.low == "que" || tk.low == "qu'") && i-t.to <= 1 && r.roles[sSubject] != "" && out[sBy] == nil && out[sWith] == nil && out[sBetween] == nil {
			for k := i + 1; k < len(s.toks) && k <= i+5; k++ {
				if n := v.itemAt[k]; n > 0 {
					if it := &v.items[n-1]; it.prep == sNone && !it.excl {
						out[sSubject] = it
					}
					break
				}
			}
		}
		if tk.class&cRel != 0 && i >= t.to {
			// « l'exclusivité dont jouissait Arrow »
			if r.noun && tk.low == "dont" && r.roles[sBy] != "" && out[sBy] == nil {
				for k := i + 1; k < len(s.toks) && k <= i+4; k++ {
					if n := v.itemAt[k]; n > 0 {
						if it := &v.items[n-1]; it.prep == sNone && !it.excl {
							out[sBy] = it
						}
						break
					}
				}
			}
			break
		}
		if tk.class&cConj != 0 {
			break
		}
		if tk.class&cPrep != 0 {
			if d.l.preps[tk.low] != sOf {
				// a preposition whose object is no name closes the place of the direct object
				if !d.prepOfItem(v, i) {
					prep++
				}
			}
			continue
		}
		if tk.class&cLight != 0 && light {
			continue
		}
		if tk.class&(cBe|cHave|cModal) != 0 && (r.noun || r.title) && dist <= 8 {
			continue
		}
		if tn := d.tenseAt(s, i, ""); tn != 0 && tn&(tPart|tGer) == 0 && tk.class&(cHead|cLight) == 0 && i > t.to {
			if tn&tInf != 0 && tn&^tInf == 0 {
				break
			}
			if tn&finite != 0 && !(tk.class&cReport != 0) {
				break
			}
		}
	}
	if out[sObject] == nil && r.roles[sObject] != "" && gotOf != nil {
		out[sObject] = gotOf
	}
	if out[sObject] == nil && !r.noun && !r.title && r.roles[sObject] != "" && !t.passive {
		if it := v.antecedent(out[sSubject], t.from); it != nil {
			out[sObject] = it
		} else if line := d.ownLine(v, t, out[sSubject]); line != nil {
			out[sObject] = line
		}
	}
	if su := out[sSubject]; su != nil && len(su.parties) == 1 && (r.roles[sSubject] == "partner" || r.roles[sSubject] == "member") && out[sWith] == nil && out[sBetween] == nil && out[sObject] == nil && out[sTo] == nil {
		out[sSubject] = d.jointSubject(v, su)
	}
	return out
}

// antecedent finds the object that a relative pronoun carries forward: « Veeam, qu'il distribue », "Mistral, whose models Orange has sold".
func (v *view) antecedent(su *item, verb int) *item {
	if su == nil || su.to > verb || su.excl {
		return nil
	}
	for i := su.from - 1; i >= 0 && i >= su.from-4; i-- {
		t := &v.s.toks[i]
		switch t.low {
		case "que", "qu'", "dont", "whose", "which", "that":
			for k := range v.items {
				if it := &v.items[k]; it.to <= i && i-it.to <= 1 && it.parties[0].org != su.parties[0].org {
					it.excl = false
					return it
				}
			}
			return nil
		}
		if t.kind == 'p' || t.kind == 'o' {
			return nil
		}
	}
	return nil
}

// ownLine reads « distribue déjà ses logiciels », "carries the line": the maker is not the one who sells, but the one spoken of.
func (d *doc) ownLine(v *view, t *trigger, su *item) *item {
	if t.rule.typ != "distribution" && t.rule.typ != "reseller" || su == nil || t.to >= len(v.s.toks) {
		return nil
	}
	k := t.to
	for k < len(v.s.toks) && v.s.toks[k].class&cAdv != 0 {
		k++
	}
	if k >= len(v.s.toks) || v.s.toks[k].class&cPossDet == 0 {
		return nil
	}
	seller := su.parties[0].org
	var p *party
	if m, ok := d.mem["vendor"]; ok && m.p.org != seller && m.p.org.known {
		p = &m.p
	} else if d.main != nil && d.main.org != seller && makes(d.main.org) {
		p = d.main
	} else if len(d.topic) == 1 && d.topic[0].org != seller && d.topic[0].org.known && makes(d.topic[0].org) {
		p = &d.topic[0]
	} else {
		for i := len(d.recent) - 1; i >= 0 && p == nil; i-- {
			if q := &d.recent[i].p; q.org != seller && q.org.known && makes(q.org) {
				p = q
			}
		}
	}
	if p == nil {
		for i := range v.items {
			if it := &v.items[i]; it.to <= su.from && !it.excl && it.parties[0].org != seller && it.parties[0].org.known {
				return it
			}
		}
		return nil
	}
	return &item{from: k, to: k + 1, parties: []party{{org: p.org}}, prepAt: -1, anaphor: true}
}

// makes tells an organisation that sells its own, not others' products.
func makes(o *org) bool {
	return o.main&(kDistributor|kIntegrator|kReseller|kMSP|kMarketplace) == 0
}

// jointSubject joins the subjects of "Orange and the digital arm of the post office, Docaposte, are setting up …".
func (d *doc) jointSubject(v *view, su *item) *item {
	for k := range v.items {
		it := &v.items[k]
		if it.to > su.from || it.prep != sNone || it.excl || it.possDet || it.afterVerb || len(it.parties) != 1 || it.parties[0].org == su.parties[0].org || !it.parties[0].org.known {
			continue
		}
		and := false
		for i := it.to; i < su.from; i++ {
			t := &v.s.toks[i]
			if t.class&cAnd != 0 && i == it.to {
				and = true
			}
			if t.class&(cConj|cRel|cBe|cHave|cModal) != 0 || t.low == ";" || t.low == ":" {
				return su
			}
		}
		if and {
			j := *su
			j.from, j.parties = it.from, append(slices.Clone(it.parties), su.parties...)
			return &j
		}
	}
	return su
}

// ownedByVerb tells whether the preposition at i belongs to another verb right before it: "a pact to compete with Google", « épaulé par ».
func (d *doc) ownedByVerb(v *view, i int) bool {
	k := i - 1
	for k > 0 && v.s.toks[k].class&cAdv != 0 {
		k--
	}
	t := &v.s.toks[k]
	if t.kind == 'w' && t.verbs == nil && t.class == 0 && (d.l.preps[v.s.toks[i].low] == sBy || d.l.lang == "fr" && d.l.preps[v.s.toks[i].low] == sTo) {
		for _, end := range [...]string{"é", "ée", "és", "ées", "ed"} {
			if strings.HasSuffix(t.low, end) {
				return true
			}
		}
	}
	return t.kind == 'w' && t.verbs != nil && t.class&(cLight|cHead) == 0 && d.tenseAt(v.s, k, "") != 0
}

// otherThan tells whether the words after a possessive name somebody else than its owner: "HPE's parent company", "Dell's rival".
func (d *doc) otherThan(s *sent, i int) bool {
	for k := i; k < len(s.toks) && k < i+3; k++ {
		if s.toks[k].class&cOther != 0 {
			return true
		}
		if s.toks[k].kind != 'w' {
			return false
		}
	}
	return false
}

// prepOfItem tells whether the preposition at i introduces an item.
func (d *doc) prepOfItem(v *view, i int) bool {
	for k := range v.items {
		if v.items[k].prepAt == i {
			return true
		}
	}
	return false
}

// attributive tells whether the tokens between a name and a noun only describe the noun: "Microsoft's planned $7bn purchase".
func attributive(v *view, from, to int) bool {
	for i := from; i < to; i++ {
		t := &v.s.toks[i]
		if t.kind == 'p' && t.low != "'s" && t.low != "$" && t.low != "€" && t.low != "£" && t.low != "«" && t.low != "“" && t.low != "\"" {
			return false
		}
		if t.class&(cPrep|cConj|cRel|cAnd|cBe|cHave|cModal|cDet) != 0 {
			return false
		}
	}
	return true
}

// candidates turns the triggers of a sentence into deals.
func (d *doc) candidates(v *view) []cand {
	var out []cand
	if v.s.boiler {
		return nil
	}
	out = d.boxes(v)
	taken := make([]bool, len(v.s.toks))
	for k := range v.trigs {
		t := &v.trigs[k]
		if used(taken, t) {
			continue
		}
		c, why := d.candidate(v, t)
		if why != "" {
			d.drop(v, t, why)
			continue
		}
		for i := t.from; i < t.to; i++ {
			if i < t.gapFrom || i >= t.gapTo {
				taken[i] = true
			}
		}
		for _, one := range c {
			if slices.ContainsFunc(one.roles, func(rp roleParty) bool { return rp.p.org.known }) {
				out = append(out, one)
			}
		}
	}
	return out
}

// boxRule finds one maker's product on another's: "ProLiant for Azure Stack", "its Azure Stack box".
var boxRule = &rule{id: "oem_integration.product-for-product", typ: "oem_integration", state: true, noun: true, conf: 0.65}

// boxes reads product names that tell of an integration by themselves.
func (d *doc) boxes(v *view) []cand {
	var out []cand
	s := v.s
	if s.damaged || s.question {
		return nil
	}
	for k := 0; k+1 < len(v.items); k++ {
		a, b := &v.items[k], &v.items[k+1]
		if len(a.parties) != 1 || len(b.parties) != 1 || a.unknown || b.unknown || b.anaphor || b.parties[0].product == "" || a.excl {
			continue
		}
		maker, tech := a.parties[0], b.parties[0]
		if maker.org == tech.org || !maker.org.known || maker.org.main&kMaker == 0 || tech.org.kinds&(kPublisher|kCloud|kAI|kStorage|kSecurity) == 0 {
			continue
		}
		between := s.toks[a.to:b.from]
		ok, at := false, b.from
		switch {
		case b.prep == sFor && b.prepAt >= a.to && b.prepAt-a.to <= 2 && (maker.product != "" || b.prepAt > a.to):
			ok, at = true, b.prepAt
		case a.possDet && len(between) == 0, a.poss && len(between) == 1:
			for i := b.to; i < len(s.toks) && i < b.to+3; i++ {
				if s.toks[i].class&cBox != 0 {
					ok, at = true, i
				}
			}
		}
		if !ok {
			continue
		}
		t := trigger{from: at, to: at + 1, head: at, rule: boxRule}
		st := d.status(v, &t, nil)
		if st.drop != "" {
			continue
		}
		if st.status == "announced" && s.in == "text" {
			st.status = "in_effect"
		}
		c := cand{
			rule: boxRule, typ: boxRule.typ, status: st.status, why: st.why, source: st.source, in: s.in, sent: v.at, from: at, to: at + 1, lo: a.from, hi: b.to,
			cue: d.slice(s.in, s.toks[at].start, s.toks[at].end), title: s.in == "title", lead: s.in == "title" || s.para == 0, conf: boxRule.conf,
			roles: []roleParty{{role: "provider", p: tech}, {role: "integrator", p: maker}}, products: []string{tech.product}, anaphor: a.anaphor,
		}
		out = append(out, c)
	}
	return out
}

// used tells whether a word of the trigger has already made a deal.
func used(taken []bool, t *trigger) bool {
	for i := t.from; i < t.to; i++ {
		if taken[i] && (i < t.gapFrom || i >= t.gapTo) {
			return true
		}
	}
	return false
}

func (d *doc) candidate(v *view, t *trigger) ([]cand, string) {
	r := t.rule
	s := v.s
	if s.question {
		return nil, "the sentence is a question"
	}
	if s.damaged {
		return nil, "names are missing from the sentence"
	}
	if r.typ == "oem_integration" && s.in == "text" && carries[t.text] && !d.agreed(v) {
		return nil, "what a product has in it, no agreement"
	}
	if inQuote := s.toks[t.from].quoted; inQuote && (r.vague || r.weak) {
		return nil, "a vague word inside a quotation"
	}
	if r.unless != nil && t.head != t.from {
		for _, fm := range s.toks[t.head].verbs {
			if slices.Contains(r.unless, fm.verb) {
				return nil, "given up, not taken"
			}
		}
	}
	if r.governed != nil && !d.governedBy(v, t) {
		return nil, "no verb that carries it"
	}
	f := d.fill(v, t)
	type rp struct {
		role string
		it   *item
		sl   slot
	}
	var got []rp
	used := map[*item]bool{}
	ks := r.kinds
	add := func(sl slot, role string) {
		if it := f[sl]; it != nil && role != "" && !used[it] {
			if ks[sl] != 0 && !anyKind(it, ks[sl]) {
				return
			}
			used[it] = true
			got = append(got, rp{role, it, sl})
		}
	}
	roles := r.roles
	if t.passive && !r.noun {
		ks[sBy], ks[sSubject] = ks[sSubject], ks[sObject]
		subj := roles[sSubject]
		roles[sSubject] = roles[sObject]
		roles[sObject] = ""
		roles[sBy] = subj
		if f[sBy] == nil && f[sAt] != nil && false {
			roles[sAt] = subj
		}
	} else if r.noun && t.passive && t.head < t.from {
		// « a été confié un contrat »: no subject
		roles[sSubject] = ""
	}
	if r.noun && t.head > t.from && f[sPoss] == nil {
		// the noun is the subject of its verb: nobody acts
		if f[sSubject] != nil && f[sSubject].to <= t.from && !f[sSubject].comma && !v.afterPrep(t.from) {
			roles[sSubject] = ""
		}
	}
	for sl := slot(1); sl < nSlots; sl++ {
		if sl != sSubject {
			add(sl, roles[sl])
		}
	}
	hadSubject := f[sSubject] != nil
	if roles[sPoss] == "" || f[sPoss] == nil || roles[sPoss] != roles[sSubject] {
		add(sSubject, roles[sSubject])
	}
	for _, n := range r.need {
		ok := false
		for _, g := range got {
			ok = ok || g.sl == n || n == sObject && g.role == r.roles[n] && g.sl != sSubject && g.sl != sPoss
		}
		if !ok && !(r.noun && d.leavesOutNeed(v, t, n)) {
			return nil, fmt.Sprintf("nothing in place %q", slotName(n))
		}
	}
	if len(got) == 0 {
		if r.status == "denied" && d.last != nil && d.last.typ == r.typ && v.at-d.last.sent <= 3 && s.in == "text" {
			// "we are not for sale": the answer to what was said before
			c := *d.last
			c.rule, c.status, c.why, c.in, c.sent, c.from, c.to, c.lo, c.hi = r, "denied", t.text, s.in, v.at, t.from, t.to, t.from, t.to
			c.cue = d.slice(s.in, s.toks[t.from].start, s.toks[t.to-1].end)
			c.anaphor, c.title, c.lead, c.conf, c.products = true, false, false, 0.6, nil
			return []cand{c}, ""
		}
		if c, ok := d.again(v, t); ok {
			return []cand{c}, ""
		}
		if r.typ == "joint_venture" && r.noun && len(d.titlePair) == 2 && s.in == "text" && v.at <= 4 {
			it := &item{from: t.from, to: t.to, parties: d.titlePair, prepAt: -1, anaphor: true}
			got = append(got, rp{"member", it, sSubject})
		}
		// "a commercial agreement will preserve their joint development"
		for k := range v.items {
			it := &v.items[k]
			if r.vague && r.noun && it.possDet && len(it.parties) == 2 && it.from > t.to && it.from-t.to < 8 && v.clause[it.from] == v.clause[t.from] {
				got = append(got, rp{"partner", it, sPoss})
				break
			}
		}
		if len(got) == 0 {
			return nil, "no party"
		}
	}
	// who takes part
	var rps []roleParty
	seen := map[*org]string{}
	lo, hi := t.from, t.to
	anaphoric, unknowns, knowns := false, 0, 0
	filled := false // a party comes from an earlier sentence
	var products []string
	for _, g := range got {
		for _, p := range g.it.parties {
			if r.typ == "acquisition" && p.product != "" && (g.role == "target" || g.role == "acquirer") {
				// a brand the catalogue lists under its buyer was a company of its own when it was bought
				for _, h := range got {
					if h.it != g.it && h.role != g.role && len(h.it.parties) == 1 && h.it.parties[0].org == p.org && h.it.parties[0].product == "" {
						p = party{org: d.unknownOrg(p.product)}
						break
					}
				}
			}
			if old, ok := seen[p.org]; ok {
				if old == g.role {
					continue
				}
				continue
			}
			seen[p.org] = g.role
			rps = append(rps, roleParty{g.role, p, g.sl == sObject || g.sl == sWith || g.sl == sTo || g.sl == sOn || g.sl == sVia})
			if p.product != "" && !slices.Contains(products, p.product) {
				products = append(products, p.product)
			}
			d.promote(v, g.it, p.org)
			if p.org.known {
				knowns++
			} else {
				unknowns++
			}
		}
		anaphoric = anaphoric || g.it.anaphor
		lo, hi = min(lo, g.it.from), max(hi, g.it.to)
	}
	if knowns == 0 {
		return nil, "no vendor of the catalogue takes part"
	}
	if r.title && !d.predicated(v, t, f) {
		return nil, "it is not said of anybody"
	}
	if r.title && len(got) == 1 && got[0].sl == sSubject && !(r.typ == "distribution" && s.in == "text" && rps[0].p.org.main&kDistributor != 0) {
		return nil, "nobody it is that to"
	}
	if !r.unary && len(rps) < 2 {
		p := d.missing(v, t, rps, hadSubject)
		if p == nil {
			p = d.fromMain(v, t, rps)
		}
		if p == nil {
			p = d.buyer(v, t, rps)
		}
		if p != nil {
			rps = append(rps, *p)
			anaphoric, filled = true, true
		} else {
			return nil, "only one party"
		}
	}
	if len(got) == 1 && got[0].sl == sSubject && r.other {
		return nil, "nobody on the other side"
	}
	if len(rps) > 1 && !r.unary && oneSided(r, rps) {
		p := d.missing(v, t, rps[:1], hadSubject)
		if p == nil || slices.ContainsFunc(rps, func(x roleParty) bool { return x.p.org == p.p.org }) {
			return nil, "all on one side"
		}
		rps = append(rps, *p)
		anaphoric = true
	}
	if r.vague && r.typ == "partnership" && !slices.ContainsFunc(rps, func(rp roleParty) bool { return rp.p.org.main&kDistributor == 0 }) {
		return nil, "each wholesaler has its own contract"
	}
	if r.typ == "acquisition" {
		for _, rp := range rps {
			if rp.role == "seller" && rp.p.org.main&(kDistributor|kMarketplace) != 0 && unknowns > 0 {
				return nil, "bought from a wholesaler"
			}
			if rp.role == "target" && rp.p.product != "" && slices.ContainsFunc(rps, func(x roleParty) bool { return x.role == "seller" && x.p.org != rp.p.org }) {
				return nil, "a product is sold on, not a company"
			}
		}
	}
	if r.unary {
		for _, rp := range rps {
			if rp.role == "investee" || rp.role == "owner" {
				rps[0] = rp
				break
			}
		}
		rps = rps[:1]
		if !rps[0].p.org.known {
			return nil, "programme of an unknown company"
		}
	}
	if v.plural(t) && r.typ != "investment" && (anaphoric || unknowns > 0 || len(got) < 2) && f[sBetween] == nil && f[sWith] == nil {
		return nil, "deals in general"
	}
	if r.vague && len(got) == 1 && got[0].sl == sSubject && d.similar(v, t) && d.last != nil && d.last.typ != "partnership" {
		return nil, "each has such a deal with somebody else"
	}
	if r.weak && (anaphoric || unknowns > 0) {
		return nil, "a weak trigger wants two vendors named outright"
	}
	// parent and child, a company and its own product: no deal
	if len(rps) == 2 && rps[0].p.org == rps[1].p.org {
		return nil, "one organisation with itself"
	}
	st := d.status(v, t, rps)
	if st.drop != "" {
		return nil, st.drop
	}
	if filled && r.noun && !st.explicit && t.from > 0 && s.toks[t.from-1].class&cDef == cDef && d.toldOf(rps) {
		return nil, "told before"
	}
	if why := d.tooLittle(v, t, f, st); why != "" {
		return nil, why
	}
	c := cand{
		rule: r, status: st.status, why: st.why, explicit: st.why != t.text, source: st.source, products: products, in: s.in, sent: v.at, from: t.from, to: t.to,
		lo: lo, hi: hi, cue: d.slice(s.in, s.toks[t.from].start, s.toks[t.to-1].end), anaphor: anaphoric, title: s.in == "title",
		lead: s.in == "title" || s.para == 0 && s.n < 2, conf: r.conf,
	}
	if anaphoric {
		c.conf -= 0.1
	}
	if unknowns > 0 {
		c.conf -= 0.15
	}
	if st.status == "denied" && r.status == "rumoured" && r.conf <= 0.5 && len(rps) == 2 && f[sSubject] != nil && rps[0].role != rps[1].role {
		// who denies talks is the one that was to be bought
		rps[0].role, rps[1].role = rps[1].role, rps[0].role
	}
	c.typ = r.typ
	if r.typ == "acquisition" && d.minority(v, t) {
		c.typ = "investment"
		for i := range rps {
			switch rps[i].role {
			case "acquirer":
				rps[i].role = "investor"
			case "target":
				rps[i].role = "investee"
			}
		}
	}
	if r.typ == "investment" && d.majority(v, t) {
		c.typ = "acquisition"
		for i := range rps {
			switch rps[i].role {
			case "investor":
				rps[i].role = "acquirer"
			case "investee":
				rps[i].role = "target"
			}
		}
	}
	return d.split(v, t, c, rps), ""
}

// governedBy tells whether a noun's verb is one of those its rule asks for.
func (d *doc) governedBy(v *view, t *trigger) bool {
	for _, f := range v.s.toks[t.head].verbs {
		if t.head != t.from && slices.Contains(t.rule.governed, f.verb) {
			return true
		}
	}
	return false
}

// promote makes a vendor of a name in a party's place that the catalogue has but the context alone left in doubt: "bought Slack in 2021".
func (d *doc) promote(v *view, it *item, o *org) {
	if o.known || !it.unknown || it.customer || len(it.parties) != 1 {
		return
	}
	if o.maybe == nil {
		return
	}
	*o = *o.maybe
	d.names = append(d.names, name{in: v.s.in, start: v.s.toks[it.from].start, end: v.s.toks[it.to-1].end, org: o})
}

// oneSided tells that all parties have the same role in a deal that has two.
func oneSided(r *rule, rps []roleParty) bool {
	role := rps[0].role
	if role == "partner" || role == "" || r.typ == "litigation" || role == "member" || role == "acquirer" && r.typ == "acquisition" || role == "plaintiff" {
		return false
	}
	for _, rp := range rps {
		if rp.role != role {
			return false
		}
	}
	return true
}

// carries lists the triggers that any description of a product may hold.
var carries = map[string]bool{
	"ship with": true, "fit with": true, "fit": true, "ship": true, "fitted with": true, "equipped with": true, "come with": true, "powered by": true,
	"built on": true, "ship * on": true, "base * on": true, "shipped with": true,
}

// agreed tells whether the sentence says that something was agreed or begins: a deal, a licence, a date ahead.
func (d *doc) agreed(v *view) bool {
	if v.s.para == 0 && v.s.n < 2 && d.titlePair != nil {
		return true
	}
	for i := range v.s.toks {
		w := &v.s.toks[i]
		if w.class&(cPurchase|cModal) != 0 {
			return true
		}
		switch w.low {
		case "deal", "agreement", "licence", "license", "oem", "pact", "preloaded", "preinstalled", "since", "inside", "under", "factory", "now", "also":
			return true
		}
	}
	for k := range v.cues {
		switch q := &v.cues[k]; q.class {
		case qEnd, qRenew, qKind, qEffect:
			return true
		case qAnnounce:
			if q.text != "new" {
				return true
			}
		}
	}
	return false
}

// predicated tells whether what the trigger names ("distributor of Dell") is said of its subject: by an apposition that closes, or by a verb
// such as be, become, appoint.
func (d *doc) predicated(v *view, t *trigger, f [nSlots]*item) bool {
	su := f[sSubject]
	if su == nil || su.to > t.from {
		return true
	}
	toks := v.s.toks
	for i := su.to; i < t.from; i++ {
		w := &toks[i]
		if w.class&cBe != 0 || (w.low == "as" || w.low == "comme") && i == su.to {
			return true
		}
		for _, fm := range w.verbs {
			if naming[fm.verb] {
				return true
			}
		}
	}
	if su.to < t.from && (toks[su.to].low == "," || toks[su.to].low == "(") && t.from-su.to <= 7 {
		end := t.to
		for sl := slot(1); sl < nSlots; sl++ {
			if it := f[sl]; it != nil && it.from >= t.to && it.from < t.to+12 {
				end = max(end, it.to)
			}
		}
		return end >= len(toks) || toks[end].kind == 'p' || toks[end].class&(cPrep|cConj|cRel|cAnd) != 0
	}
	return t.from-su.to <= 1
}

// naming lists the verbs that make somebody something.
var naming = map[string]bool{
	"become": true, "remain": true, "name": true, "appoint": true, "choose": true, "select": true, "pick": true, "make": true, "sign": true,
	"devenir": true, "rester": true, "demeurer": true, "nommer": true, "désigner": true, "choisir": true, "promouvoir": true, "sacrer": true,
	"leave": true,
}

// afterPrep tells whether the noun at i stands in a phrase with a preposition: "since the takeover".
func (v *view) afterPrep(i int) bool {
	for k := i - 1; k >= 0 && k >= i-4; k-- {
		t := &v.s.toks[k]
		if t.class&(cPrep|cConj) != 0 {
			return true
		}
		if t.kind != 'w' || t.verbs != nil {
			return false
		}
	}
	return false
}

// plural tells whether the trigger is a noun in the plural.
func (v *view) plural(t *trigger) bool {
	if !t.rule.noun {
		return false
	}
	for i := t.from; i < t.to; i++ {
		w := &v.s.toks[i]
		if strings.HasSuffix(w.low, "s") && !strings.Contains(t.text, w.low) {
			return true
		}
	}
	return false
}

// tooLittle tells why a trigger that is common outside deals is not one here.
func (d *doc) tooLittle(v *view, t *trigger, f [nSlots]*item, st verdict) string {
	r := t.rule
	switch {
	case strings.HasSuffix(r.id, ".shell-out") || strings.HasSuffix(r.id, ".debourser"):
		for i := t.from; i < t.to; i++ {
			if v.s.toks[i].kind == 'n' {
				return ""
			}
		}
		return "no sum is paid"
	case strings.HasSuffix(r.id, ".work-with") || strings.HasSuffix(r.id, ".travailler"):
		for _, sl := range [...]slot{sObject, sWith} {
			if it := f[sl]; it != nil && (it.poss || it.parties[0].product != "") {
				return "it works with a product"
			}
		}
		if d.l.lang == "en" && !st.explicit && st.status != "in_effect" {
			return "nothing says that they have agreed"
		}
	case strings.HasSuffix(r.id, "customer_contract.supply"):
		if !d.tender(v) {
			return "nothing says that it was bought"
		}
	}
	return ""
}

// toldOf tells whether a deal between the same parties has been found already.
func (d *doc) toldOf(rps []roleParty) bool {
	var ids []string
	for _, rp := range rps {
		if rp.p.org.known {
			ids = append(ids, rp.p.org.id)
		}
	}
	slices.Sort(ids)
	return d.types[strings.Join(ids, "~")] != ""
}

// minority tells that what is bought is less than half: "22 percent of", « 30 % du capital de ».
func (d *doc) minority(v *view, t *trigger) bool {
	n, ok := d.percent(v, t)
	return ok && n < 50
}

// majority tells that what is bought is more than half: "51 percent of".
func (d *doc) majority(v *view, t *trigger) bool {
	n, ok := d.percent(v, t)
	return ok && n > 50 && n <= 100
}

// percent gives the share named in a trigger or right after it.
func (d *doc) percent(v *view, t *trigger) (int, bool) {
	for i := t.from; i < len(v.s.toks) && i < t.to+9; i++ {
		w := &v.s.toks[i]
		if w.kind == 'n' && i+1 < len(v.s.toks) {
			next := v.s.toks[i+1].low
			if next == "%" || next == "percent" || next == "per" || next == "pour" && i+2 < len(v.s.toks) && v.s.toks[i+2].low == "cent" {
				n := 0
				for _, c := range w.raw {
					if c < '0' || c > '9' {
						break
					}
					if n = n*10 + int(c-'0'); n > 1000 {
						break
					}
				}
				return n, true
			}
		}
		if w.kind == 'p' && (w.low == ";" || w.low == ",") {
			return 0, false
		}
	}
	return 0, false
}

func anyKind(it *item, k kinds) bool {
	for _, p := range it.parties {
		if p.org.can()&k != 0 {
			return true
		}
	}
	return false
}

func slotName(s slot) string {
	for n, x := range slotNames {
		if x == s {
			return n
		}
	}
	return strconv.Itoa(int(s))
}

// missing supplies the party that a clause leaves out because it was named before: "put in $25 million", « a pris une participation minime ».
func (d *doc) missing(v *view, t *trigger, have []roleParty, hadSubject bool) *roleParty {
	if len(have) != 1 || have[0].p.org == nil {
		return nil
	}
	h := have[0]
	r := t.rule
	if r.weak || r.title || v.plural(t) && r.typ != "investment" {
		return nil
	}
	if r.vague && r.noun && !h.right && t.from > 0 && v.s.toks[t.from-1].class&cDef == cDef {
		return nil // "when that contract lapses": not this one
	}
	var wants []string
	for sl := slot(1); sl < nSlots; sl++ {
		if role := r.roles[sl]; role != "" && (role != h.role || role == "partner") && !slices.Contains(wants, role) {
			wants = append(wants, role)
		}
	}
	if pr := pairRoles[r.typ]; len(wants) == 0 && pr[0] != "" {
		if wants = []string{pr[0]}; h.role == pr[0] {
			wants[0] = pr[1]
		}
	}
	if v.s.in == "title" {
		// « Symantec : Arrow perd son exclusivité »
		if len(v.items) > 1 && v.items[0].to < len(v.s.toks) && v.s.toks[v.items[0].to].low == ":" && len(v.items[0].parties) == 1 && len(wants) > 0 {
			if p := v.items[0].parties[0]; p.org.known && fitsRole(r, wants[0], p.org) && p.org != h.p.org {
				return &roleParty{role: wants[0], p: p}
			}
		}
		return nil
	}
	if !d.leavesOut(v, t) {
		return nil
	}
	fits := func(role string, o *org) bool {
		for sl := range r.roles {
			if r.roles[sl] == role && r.kinds[sl] != 0 && o.kinds&r.kinds[sl] == 0 {
				return false
			}
		}
		return o != h.p.org
	}
	if r.vague && h.p.org.main&kDistributor != 0 {
		wants = append(wants, "vendor")
	}
	if h.right && r.vague && d.main != nil && h.p.org.main&kDistributor != 0 && makes(d.main.org) && d.main.org != h.p.org {
		return &roleParty{role: "vendor", p: *d.main} // « le contrat conclu avec Arrow »: the vendor is the one the article is about
	}
	for _, w := range wants {
		if m, ok := d.mem[w]; ok && v.at-m.sent <= 8 && fits(w, m.p.org) && (m.typ == r.typ || r.vague) {
			return &roleParty{role: w, p: m.p}
		}
		if m, ok := d.mem["entity"]; ok && (w == "integrator" || w == "customer") && v.at-m.sent <= 4 && fits(w, m.p.org) {
			return &roleParty{role: w, p: m.p}
		}
	}
	if slices.Contains(wants, "customer") && t.passive && d.mainAny != nil && !d.mainAny.org.known && d.mainAny.org != h.p.org {
		return &roleParty{role: "customer", p: *d.mainAny}
	}
	if r.typ == "oem_integration" && slices.Contains(wants, "provider") {
		// "servers certified for the package": whose package was named last
		for i := len(d.recent) - 1; i >= 0 && v.at-d.recent[i].sent <= 2; i-- {
			if q := d.recent[i].p; q.product != "" && q.org.known && fits("provider", q.org) {
				return &roleParty{role: "provider", p: q}
			}
		}
	}
	if r.typ == "partnership" && r.noun && d.main != nil && fits("partner", d.main.org) && t.to < len(v.s.toks) && v.s.toks[t.to].class&cLight != 0 && d.tenseAt(v.s, t.to, "")&tPart != 0 {
		return &roleParty{role: "partner", p: *d.main} // "despite an alliance signed in 2020"
	}
	// what the article is about: "considering stakes in the listing"
	if r.typ == "investment" && r.noun && d.main != nil && d.main.org != h.p.org && slices.Contains(wants, "investee") {
		return &roleParty{role: "investee", p: *d.main}
	}
	if r.typ == "distribution" && d.main != nil && makes(d.main.org) && slices.Contains(wants, "vendor") && fits("vendor", d.main.org) && (r.phrase || !hadSubject) {
		return &roleParty{role: "vendor", p: *d.main}
	}
	// the other one of the last deal
	if len(d.pair) == 2 && len(wants) > 0 && d.last != nil && v.at-d.last.sent <= 2 && r.noun {
		for k, p := range d.pair {
			if p.org == h.p.org && fits(wants[0], d.pair[1-k].org) {
				return &roleParty{role: wants[0], p: d.pair[1-k]}
			}
		}
	}
	// only a sentence without a subject of its own looks further back
	if hadSubject || len(wants) == 0 {
		return nil
	}
	if len(d.topic) == 1 && fits(wants[0], d.topic[0].org) && v.startsBare(t.from) {
		return &roleParty{role: wants[0], p: d.topic[0]}
	}
	return nil
}

func fitsRole(r *rule, role string, o *org) bool {
	for sl := range r.roles {
		if r.roles[sl] == role && r.kinds[sl] != 0 && o.kinds&r.kinds[sl] == 0 {
			return false
		}
	}
	return true
}

// leavesOutNeed tells whether a noun's needed place may come from what was said before: the target of "a bid", the company of "stakes".
func (d *doc) leavesOutNeed(v *view, t *trigger, n slot) bool {
	role := t.rule.roles[n]
	m, ok := d.mem[role]
	return ok && m.typ == t.rule.typ && v.at-m.sent <= 4 && v.s.in == "text" || role == "investee" && d.main != nil && strings.Contains(t.text, "stake")
}

// leavesOut tells whether the clause names nobody in the missing place: a noun, or a verb that no object follows.
func (d *doc) leavesOut(v *view, t *trigger) bool {
	if t.rule.noun || t.rule.phrase || t.passive {
		return true
	}
	if t.to >= len(v.s.toks) {
		return true
	}
	n := &v.s.toks[t.to]
	if t.rule.typ == "oem_integration" && n.class&cDef == cDef {
		return true // "certified for the package"
	}
	return n.kind == 'p' && n.low != "'s" && n.low != "," && !isMoneyMark(n.low) || n.class&(cPrep|cConj) != 0 || isMoneyMark(n.low) || n.kind == 'n'
}

func isMoneyMark(s string) bool { return s == "$" || s == "€" || s == "£" }

// again tells that "the contract", « l'accord », named without parties, is the deal told of just before, when its clause says what became of it.
func (d *doc) again(v *view, t *trigger) (cand, bool) {
	if !t.rule.vague || !t.rule.noun || d.last == nil || v.at-d.last.sent > 3 || t.from == 0 || v.s.in == "title" {
		return cand{}, false
	}
	if v.s.toks[t.from-1].class&(cDef|cPossDet) == 0 || v.plural(t) {
		return cand{}, false
	}
	for i := 0; i < t.from; i++ {
		if v.s.toks[i].class&cConj != 0 {
			return cand{}, false // "takes over when that contract lapses": another one
		}
	}
	st := d.status(v, t, nil)
	if st.drop != "" || !st.explicit {
		return cand{}, false
	}
	if _, ok := pairRoles[d.last.typ]; !ok && d.last.typ != "partnership" {
		return cand{}, false
	}
	c := *d.last
	c.rule, c.status, c.why, c.source, c.in, c.sent = t.rule, st.status, st.why, st.source, v.s.in, v.at
	c.from, c.to, c.lo, c.hi = t.from, t.to, t.from, t.to
	c.cue = d.slice(v.s.in, v.s.toks[t.from].start, v.s.toks[t.to-1].end)
	c.anaphor, c.title, c.lead, c.conf, c.products = true, false, false, 0.55, nil
	return c, true
}

// startsBare tells a clause that begins with its verb or trigger: no subject was written.
func (v *view) startsBare(i int) bool {
	n := 0
	for k := i - 1; k >= 0; k-- {
		t := &v.s.toks[k]
		if t.kind == 'p' {
			break
		}
		n++
	}
	return n <= 4 && i <= 6
}

// split makes one candidate for each pair of a directed type, and one for the whole group of the others.
func (d *doc) split(v *view, t *trigger, c cand, rps []roleParty) []cand {
	c.typ = d.refine(v, t, c.typ, rps)
	if c.typ == "joint_venture" {
		rps = d.entity(v, t, rps)
	}
	// the vague "agreement" of two who have just been said to merge is that merger
	if t.rule.vague && (strings.HasSuffix(t.rule.id, ".deal") || strings.HasSuffix(t.rule.id, ".accord")) && c.anaphor && d.last != nil && d.last.typ != "partnership" && c.typ == "partnership" && len(rps) == 2 && v.at-d.last.sent <= 3 && sameOrgs(rps, d.last.roles) {
		c.typ, c.roles = d.last.typ, d.last.roles
		return []cand{c}
	}
	if c.typ == "partnership" && len(rps) > 2 {
		// "works with B and C": two partnerships; "A, B and C team up": one
		var subj, obj []roleParty
		for _, rp := range rps {
			if rp.right {
				obj = append(obj, rp)
			} else {
				subj = append(subj, rp)
			}
		}
		if len(subj) == 1 && len(obj) > 1 {
			var out []cand
			for _, o := range obj {
				cc := c
				cc.roles = d.rolesFor(c.typ, []roleParty{subj[0], o})
				out = append(out, cc)
			}
			return out
		}
	}
	switch c.typ {
	case "partnership", "joint_venture", "investment", "partner_program":
		c.roles = d.rolesFor(c.typ, rps)
		return []cand{c}
	case "acquisition":
		// several buyers make one deal, several targets make several
		var buyers, targets, rest []roleParty
		for _, rp := range rps {
			switch rp.role {
			case "acquirer":
				buyers = append(buyers, rp)
			case "target":
				targets = append(targets, rp)
			default:
				rest = append(rest, rp)
			}
		}
		if len(targets) == 0 && len(buyers) == 2 && len(rest) == 0 {
			rps[1].role = "target" // a merger: the one named first leads
		}
		if len(targets) <= 1 {
			c.roles = rps
			return []cand{c}
		}
		var out []cand
		for _, tg := range targets {
			cc := c
			cc.roles = append(append(slices.Clone(buyers), tg), rest...)
			out = append(out, cc)
		}
		return out
	}
	rps = d.rolesFor(c.typ, rps)
	if c.typ == "litigation" && len(rps) == 2 && rps[0].role == rps[1].role {
		rps[0].role, rps[1].role = "plaintiff", "defendant"
	}
	var out []cand
	for i := range rps {
		for j := i + 1; j < len(rps); j++ {
			if rps[i].role == rps[j].role || !rps[i].p.org.known && !rps[j].p.org.known {
				continue
			}
			if c.typ == "distribution" && rps[i].p.org.main&kDistributor != 0 && rps[j].p.org.main&kDistributor != 0 {
				continue // neither sells to the other
			}
			cc := c
			cc.roles = []roleParty{rps[i], rps[j]}
			out = append(out, cc)
		}
	}
	return out
}

// entity adds the common company by its name: « société commune : NumSpot », "joint venture called Bleu".
func (d *doc) entity(v *view, t *trigger, rps []roleParty) []roleParty {
	for _, rp := range rps {
		if rp.role == "entity" {
			return rps
		}
	}
	for k := range v.items {
		it := &v.items[k]
		if it.from < t.to || it.from-t.to > 7 || len(it.parties) != 1 || it.anaphor || it.customer {
			continue
		}
		w := v.s.toks[it.from-1].low
		if (w == ":" || it.from == t.to || namedBy[w]) && !slices.ContainsFunc(rps, func(rp roleParty) bool { return rp.p.org == it.parties[0].org }) {
			p := it.parties[0]
			if p.product != "" {
				p = party{org: d.unknownOrg(d.slice(v.s.in, v.s.toks[it.from].start, v.s.toks[it.to-1].end))}
			}
			return append(rps, roleParty{role: "entity", p: p})
		}
		return rps
	}
	return rps
}

var namedBy = map[string]bool{
	"baptisée": true, "baptisé": true, "nommée": true, "nommé": true, "appelée": true, "dénommée": true, "called": true, "named": true, "dubbed": true,
	"name": true, "nom": true,
}

// pairRoles are the two roles of each directed type: who supplies, who takes.
var pairRoles = map[string][2]string{
	"distribution": {"vendor", "distributor"}, "reseller": {"vendor", "reseller"}, "oem_integration": {"provider", "integrator"},
	"customer_contract": {"supplier", "customer"}, "litigation": {"plaintiff", "defendant"},
}

// rolesFor renames the roles of one type into those of another, supply side to supply side.
func (d *doc) rolesFor(typ string, rps []roleParty) []roleParty {
	out := slices.Clone(rps)
	switch typ {
	case "partnership":
		for i := range out {
			out[i].role = ""
		}
		return out
	case "joint_venture":
		for i := range out {
			if out[i].role != "entity" {
				out[i].role = "member"
			}
		}
		return out
	}
	pr, ok := pairRoles[typ]
	if !ok {
		return out
	}
	if typ == "distribution" {
		// the catalogue knows who is the wholesaler
		dist := 0
		resells := func(o *org) bool { return o.main&(kDistributor|kMarketplace) != 0 }
		for _, rp := range out {
			if resells(rp.p.org) {
				dist++
			}
		}
		if dist > 0 && dist < len(out) {
			for i := range out {
				if resells(out[i].p.org) {
					out[i].role = "distributor"
				} else {
					out[i].role = "vendor"
				}
			}
			return out
		}
	}
	for i := range out {
		switch out[i].role {
		case "vendor", "provider", "supplier", "plaintiff":
			out[i].role = pr[0]
		case "distributor", "reseller", "integrator", "customer", "defendant":
			out[i].role = pr[1]
		case "partner", "":
			out[i].role = pr[0]
			if i > 0 {
				out[i].role = pr[1]
			}
		}
	}
	if typ == "reseller" || typ == "oem_integration" {
		// symmetric trigger: the one that only makes things is the vendor
		sym := false
		for _, rp := range rps {
			sym = sym || rp.role == "partner" || rp.role == ""
		}
		if sym && len(out) == 2 && channelness(out[0].p.org) > channelness(out[1].p.org) {
			out[0].role, out[1].role = out[1].role, out[0].role
		}
	}
	return out
}

// channelness tells how much an organisation sells what others make.
func channelness(o *org) int {
	switch {
	case o.kinds&(kIntegrator|kReseller|kMSP) != 0:
		return 3
	case o.kinds&(kTelco|kHoster) != 0:
		return 2
	case o.kinds&kMaker != 0:
		return 1
	}
	return 0
}

// refine decides the type by the modifiers of a vague noun and by the roles in the catalogue.
func (d *doc) refine(v *view, t *trigger, typ string, rps []roleParty) string {
	r := t.rule
	if r.vague {
		if m := d.modifier(v, t); m != "" {
			typ = m
		} else if d.similar(v, t) && d.directed != "" {
			typ = d.directed
		}
	}
	if typ == "customer_contract" && r.chooses && len(rps) == 2 && rps[0].p.org.known && rps[1].p.org.known && d.forOwnProduct(v, t) {
		return "oem_integration"
	}
	if typ == "customer_contract" && r.chooses && !d.tender(v) {
		// a vendor that turns to another buys nothing from it: they go to market together
		for _, rp := range rps {
			if rp.role == "customer" && rp.p.org.known && rp.p.org.main&(kVendor|kIntegrator|kHoster) != 0 && !usesIt[firstVerb(t, v.s)] {
				typ = "partnership"
			}
		}
	}
	if r.vague && typ == "partnership" && t.from > 0 && (v.s.toks[t.from-1].class&cDef != 0 || !r.noun) {
		var ids []string
		for _, rp := range rps {
			if rp.p.org.known {
				ids = append(ids, rp.p.org.id)
			}
		}
		slices.Sort(ids)
		if old := d.types[strings.Join(ids, "~")]; pairRoles[old][0] != "" && len(ids) > 1 {
			typ = old
		}
	}
	if typ == "partnership" && r.state && !r.vague && len(rps) == 2 {
		// an integrator that works with a maker sells its machines
		a, b := rps[0].p.org, rps[1].p.org
		if a.main&(kIntegrator|kReseller|kMSP) != 0 && b.main&kMaker != 0 || b.main&(kIntegrator|kReseller|kMSP) != 0 && a.main&kMaker != 0 {
			typ = "reseller"
		}
	}
	if typ == "acquisition" && r.status == "rumoured" && d.first != nil && d.first.typ == "distribution" && len(rps) == 2 && (rps[0].p.org.main&kDistributor != 0) != (rps[1].p.org.main&kDistributor != 0) {
		return "distribution" // talks with a second wholesaler are about the line, not about the company
	}
	switch typ {
	case "partnership", "distribution", "reseller", "oem_integration":
		dist, rest := 0, 0
		for _, rp := range rps {
			if rp.p.org.main&kDistributor != 0 {
				dist++
			} else {
				rest++
			}
		}
		if dist > 0 && rest > 0 && (typ != "oem_integration" || r.vague) {
			return "distribution"
		}
		if typ == "distribution" && dist == 0 {
			// somebody who is no wholesaler "distributes": an operator, an integrator resells
			for _, rp := range rps {
				if rp.role == "distributor" && rp.p.org.known && rp.p.org.kinds&kMarketplace == 0 {
					return "reseller"
				}
			}
			if r.roles[sSubject] == "partner" && len(rps) == 2 && rps[0].p.org.known && rps[1].p.org.known {
				return "reseller"
			}
		}
	}
	return typ
}

// usesIt lists the verbs that only a customer is the subject of, whatever else it is.
var usesIt = map[string]bool{
	"équiper": true, "migrer": true, "basculer": true, "héberger": true, "loger": true, "déployer": true, "adopter": true, "convertir": true, "migrate": true,
	"standardise": true, "standardize": true, "deploy": true, "adopt": true, "roll": true,
}

// firstVerb gives the verb a trigger begins with.
func firstVerb(t *trigger, s *sent) string {
	if fs := s.toks[t.from].verbs; len(fs) > 0 {
		return fs[0].verb
	}
	return ""
}

// forOwnProduct reads "picks Intel for its routers", « choisit Bitdefender pour ses boîtiers »: what is chosen goes into a product.
func (d *doc) forOwnProduct(v *view, t *trigger) bool {
	toks := v.s.toks
	for i := t.to; i+1 < len(toks) && i < t.to+14; i++ {
		if s := d.l.preps[toks[i].low]; (s == sFor || s == sIn || toks[i].low == "inside") && toks[i+1].class&cPossDet != 0 {
			for k := i + 2; k < len(toks) && k < i+6; k++ {
				if toks[k].class&cBox != 0 {
					return true
				}
				if toks[k].kind != 'w' {
					break
				}
			}
		}
		if toks[i].low == "power" || toks[i].low == "motoriser" {
			return true
		}
	}
	return false
}

// tender tells whether the sentence speaks of a purchase.
func (d *doc) tender(v *view) bool {
	for i := range v.s.toks {
		if v.s.toks[i].class&cPurchase != 0 {
			return true
		}
	}
	return false
}

// modifier gives the type that the words around a vague noun name: "distribution agreement", « accord de licence ».
func (d *doc) modifier(v *view, t *trigger) string {
	for _, q := range v.cues {
		if q.class == qKind && q.to > t.from-4 && q.from < t.to+5 {
			if q.from >= t.to && !v.near(t.to, q.from) || q.to <= t.from && !attributive(v, q.to, t.from) {
				continue
			}
			return q.typ
		}
	}
	return ""
}

// near tells whether only small words stand between two tokens.
func (v *view) near(from, to int) bool {
	for i := from; i < to; i++ {
		t := &v.s.toks[i]
		if t.kind == 'p' || t.kind == 'o' || t.verbs != nil {
			return false
		}
	}
	return true
}

func (d *doc) similar(v *view, t *trigger) bool {
	for i := max(0, t.from-3); i < min(len(v.s.toks), t.to+3); i++ {
		if strings.HasPrefix(v.s.toks[i].low, "similar") || strings.HasPrefix(v.s.toks[i].low, "comparable") || strings.HasPrefix(v.s.toks[i].low, "identi") || v.s.toks[i].low == "analogue" {
			return true
		}
	}
	return false
}
