package extract

import (
	"strconv"
	"strings"
)

// verdict is what the words around a trigger say of the status.
type verdict struct {
	status string
	why    string // the words that decided
	source string // who says so
	drop   string // a reason to leave the candidate out

	explicit bool // words of the clause say what became of the deal
}

// status decides the status of a trigger from the cues of its clause, the tense of its verb and the frame of its sentence.
//
// The order is that of the annotation rules: a denial beats an end, an end beats a closing, and so on; the rule's own status, and
// whether it tells a state or an event, decide what is left.
func (d *doc) status(v *view, t *trigger, rps []roleParty) verdict {
	s := v.s
	r := t.rule
	home := v.clause[t.from]
	headHome := v.clause[t.head]
	has := map[cueClass]*cue{}
	anywhere := map[cueClass]*cue{}
	for k := range v.cues {
		q := &v.cues[k]
		if inGap := q.from >= t.gapFrom && q.to <= t.gapTo; !inGap && q.from < t.to && q.to > t.from && q.class != qEnd && q.class != qDone && q.class != qRenew && q.class != qRumour && q.class != qPlan && q.class != qEffect && q.class != qDenial {
			if q.class != qNegation {
				continue
			}
		}
		anywhere[q.class] = q
		if q.from >= t.to && (q.class == qEffect || q.class == qBackground || q.class == qPlan || q.class == qRumour || q.class == qVeto) && v.commaBetween(t.to, q.from) {
			continue // an afterthought: "awarded to CGI, already present there"
		}
		if q.class == qEffect && abs(q.from-t.from) > 7 && abs(q.from-t.head) > 7 && !sinceWords[s.toks[q.from].low] {
			continue
		}
		follows := false
		if q.from >= t.to && (q.class == qEnd || q.class == qDone || q.class == qDenial || q.class == qKeep) {
			follows = v.noNewSubject(t.to, q.from) && !v.ownObject(q, rps)
		}
		if c := v.clause[q.from]; follows || c == home || c == headHome || q.to == t.from || q.class == qDenial || q.class == qSource || q.class == qParty || v.clause[q.to-1] == home {
			if has[q.class] == nil || abs(q.from-t.from) < abs(has[q.class].from-t.from) {
				has[q.class] = q
			}
		}
	}
	word := func(c cueClass) string {
		if q := has[c]; q != nil {
			return d.slice(s.in, s.toks[q.from].start, s.toks[q.to-1].end)
		}
		return ""
	}
	out := verdict{}
	press := d.pressFrame(v)
	switch {
	case press != "":
		out.source = press
	case has[qSource] != nil:
		out.source = "sources"
	case has[qParty] != nil:
		out.source = "company"
	}
	set := func(st, why string) verdict {
		out.explicit = st == "ended" || st == "denied" || has[qKeep] != nil || has[qDone] != nil || st == "in_effect" && has[qEffect] != nil
		out.status, out.why = st, why
		return out
	}
	drop := func(why string) verdict {
		out.drop = why
		return out
	}
	if has[qVeto] != nil {
		return drop("“" + word(qVeto) + "” makes it no deal")
	}
	if has[qOpinion] != nil && r.status != "denied" {
		return drop("a guess: “" + word(qOpinion) + "”")
	}
	neg, more := d.negated(v, t)
	if has[qKeep] != nil || has[qApparent] != nil {
		neg = false
	}
	cond, modal := d.conditional(v, t)
	if has[qDenial] != nil {
		return set("denied", word(qDenial))
	}
	ends := has[qEnd] != nil && r.typ != "partner_program" && (r.status == "" || r.status == "rumoured" || r.status == "planned") || r.status == "ended"
	if neg {
		inCue := false
		if q := has[qEnd]; q != nil {
			for i := q.from; i < q.to; i++ {
				inCue = inCue || s.toks[i].class&cNeg != 0
			}
		}
		switch {
		case more:
			return set("ended", "no longer")
		case inCue && r.status != "ended":
			return set("ended", word(qEnd)) // "will not be renewed": the negation is what ends it
		case ends:
			return set("in_effect", "not ended")
		case has[qKeep] != nil:
			return set("in_effect", word(qKeep))
		case has[qRumour] != nil && (has[qParty] != nil || r.typ == "acquisition"):
			return set("denied", "negated talks")
		}
		return drop("negated")
	}
	if has[qKeep] != nil && r.status == "" {
		if r.typ == "acquisition" {
			return set("announced", word(qKeep))
		}
		if ends || s.toks[t.from].class&cAdv == 0 && (r.noun || r.title) {
			return set("in_effect", word(qKeep))
		}
	}
	if ends {
		if has[qRumour] != nil && r.status == "" && has[qEnd].to <= t.from && has[qRumour].from > t.from {
			return set("rumoured", word(qRumour))
		}
		if r.status == "ended" {
			return set("ended", t.text)
		}
		return set("ended", word(qEnd))
	}
	sources := has[qSource] != nil || press != ""
	if r.status == "rumoured" || r.status == "planned" {
		if has[qPlan] != nil && firmPlan(word(qPlan)) {
			return set("planned", word(qPlan))
		}
		if has[qDone] == nil {
			return set(r.status, t.text)
		}
	}
	if r.status == "denied" {
		return set("denied", t.text)
	}
	if q := has[qPlan]; q != nil && (firmPlan(word(qPlan)) || has[qDone] == nil && r.status == "" && has[qRumour] == nil) && has[qSource] == nil {
		if has[qDone] != nil {
			return set("announced", word(qDone))
		}
		return set("planned", word(qPlan))
	}
	if q := has[qRumour]; q != nil {
		return set("rumoured", word(qRumour))
	}
	if cond {
		if modal && !sources {
			return drop("a possibility nobody vouches for")
		}
		if has[qParty] != nil && has[qPlan] != nil {
			return set("planned", word(qPlan))
		}
		return set("rumoured", "conditional")
	}
	if has[qPlan] != nil {
		if has[qDone] != nil {
			return set("announced", word(qDone))
		}
		return set("planned", word(qPlan))
	}
	if has[qDone] != nil && r.typ == "acquisition" {
		if d.toCome(v, has[qDone]) {
			return set("announced", word(qDone))
		}
		return set("in_effect", word(qDone))
	}
	if has[qRenew] != nil {
		return set("announced", word(qRenew))
	}
	if r.status != "" {
		return set(r.status, t.text)
	}
	if r.noun && r.typ == "acquisition" && s.in == "text" {
		for k := t.from - 1; k >= 0 && k >= t.from-4; k-- {
			switch s.toks[k].low {
			case "depuis", "since", "après", "after", "following", "suite":
				return set("background", s.toks[k].raw)
			}
		}
	}
	if r.typ == "acquisition" && t.passive && s.in == "text" && !(s.para == 0 && s.n == 0) && t.from > 0 && d.aside(s, t.from) {
		return set("background", t.text) // ", just absorbed by Salesforce,"
	}
	year := d.pastYear(v, home)
	capital := r.typ == "acquisition" || r.typ == "investment" || r.typ == "joint_venture" || r.typ == "litigation"
	if has[qBackground] != nil {
		return set("background", word(qBackground))
	}
	if year != "" {
		switch {
		case has[qEffect] != nil && !capital:
			return set("in_effect", word(qEffect))
		case capital || !r.state && t.tense&tPast != 0 && !t.perfect && t.head <= t.from || s.in == "text" && r.partnerProgram():
			return set("background", year)
		default:
			return set("in_effect", year)
		}
	}
	if has[qEffect] != nil && !capital {
		return set("in_effect", word(qEffect))
	}
	if t.tense&tImparf != 0 && r.state && s.in == "text" {
		return set("background", "imperfect")
	}
	if d.pluperfect(v, t) {
		return set("background", "pluperfect")
	}
	if press != "" && has[qParty] == nil && (r.typ == "acquisition" || r.typ == "investment") && !t.rule.state && s.in == "text" {
		return set("rumoured", press)
	}
	if has[qSource] != nil {
		return set("rumoured", word(qSource))
	}
	if r.typ == "joint_venture" && r.noun && s.in == "text" && t.head > t.from && has[qAnnounce] == nil {
		return set("in_effect", t.text) // a common company that only comes up exists already
	}
	if r.state {
		for k := max(0, t.from-2); k < min(len(s.toks), t.to+2); k++ {
			switch s.toks[k].low {
			case "also", "aussi", "également":
				return set("in_effect", s.toks[k].raw)
			}
		}
		for k := t.from - 1; k >= 0 && k >= t.from-3; k-- {
			if s.toks[k].class&cRel != 0 && s.in == "text" && t.tense&(tInf|tFut) == 0 {
				return set("in_effect", "relative clause")
			}
		}
		lead := s.in == "title" || s.para == 0 && s.n < 2
		if t.tense == tInf && anywhere[qAnnounce] != nil {
			return set("announced", t.text) // « un accord signé qui lui permet de revendre »
		}
		if s.in == "title" && t.tense&tInf != 0 && t.from > 0 && s.toks[t.from-1].low == "to" {
			return set("announced", t.text)
		}
		if has[qAnnounce] != nil || t.tense&tFut != 0 || t.tense == tInf && s.para == 0 || lead || d.willAt(v, t) {
			return set("announced", t.text)
		}
		return set("in_effect", t.text)
	}
	if r.noun && !capital && s.in == "text" && !(s.para == 0 && s.n < 2) && has[qAnnounce] == nil && !d.signed(v, t) && d.given(v, t) {
		return set("in_effect", "known already")
	}
	return set("announced", t.text)
}

// given tells whether a noun is spoken of as known: "its tie-up with Palo Alto", « le contrat avec Kyndryl ».
func (d *doc) given(v *view, t *trigger) bool {
	for k := t.from - 1; k >= 0 && k >= t.from-4; k-- {
		w := &v.s.toks[k]
		if w.class&(cPossDet|cDef) != 0 || w.low == "'s" {
			return true
		}
		if w.kind == 'p' || w.class&(cPrep|cDet|cConj|cBe|cHave) != 0 || w.kind == 'o' {
			return false
		}
	}
	return false
}

// signed tells whether the noun's verb makes the deal now.
func (d *doc) signed(v *view, t *trigger) bool {
	return t.head != t.from && v.s.toks[t.head].class&cLight != 0 && t.head < t.from
}

// aside tells a participle that opens an apposition.
func (d *doc) aside(s *sent, i int) bool {
	for k := i - 1; k >= 0 && k >= i-3; k-- {
		if s.toks[k].low == "," {
			return true
		}
		if s.toks[k].class&cAdv == 0 && s.toks[k].low != "just" && s.toks[k].low != "fraîchement" {
			return false
		}
	}
	return false
}

// toCome tells a closing that is still ahead: « doit être bouclé avant octobre », "will close", "expected to complete".
func (d *doc) toCome(v *view, q *cue) bool {
	for k := max(0, q.from-5); k < min(len(v.s.toks), q.to+5); k++ {
		w := &v.s.toks[k]
		if v.clause[k] != v.clause[q.from] {
			continue
		}
		switch w.low {
		case "doit", "devrait", "devra", "prévu", "prévue", "attendu", "attendue", "avant", "will", "should", "expected", "due", "before", "hopes", "expects", "sera", "would", "pending", "by", "d'ici":
			return true
		}
		if k <= q.from && d.tenseAt(v.s, k, "")&tFut != 0 {
			return true
		}
	}
	return false
}

// commaBetween tells whether a comma that joins no list stands between two tokens.
func (v *view) commaBetween(from, to int) bool {
	n := 0
	for i := from; i < to; i++ {
		if v.s.toks[i].low == "," && v.itemAt[i] == 0 {
			n++
		}
	}
	return n%2 == 1 // two commas enclose an aside
}

// ownObject tells whether a cue that comes after the trigger speaks of somebody else: "signs Nutanix, ends Citrix contract".
func (v *view) ownObject(q *cue, rps []roleParty) bool {
	if len(rps) == 0 {
		return false
	}
	for k := range v.items {
		it := &v.items[k]
		if it.from < q.to || it.from-q.to > 8 || it.anaphor || it.possDet || v.clause[it.from] != v.clause[q.to-1] {
			continue
		}
		mine := false
		for _, p := range it.parties {
			for _, rp := range rps {
				mine = mine || rp.p.org == p.org
			}
		}
		return !mine && it.parties[0].org.known
	}
	return false
}

// goesOn are the conjunctions after which a sentence still speaks of the same deal: "held talks before falling out".
var goesOn = map[string]bool{"before": true, "but": true, "mais": true, "avant": true, "although": true, "though": true}

// noNewSubject tells whether no other organisation acts between two tokens.
func (v *view) noNewSubject(from, to int) bool {
	joint := false // past the first comma or conjunction: what stands before it belongs to the trigger
	for i := from; i < to && i < len(v.s.toks); i++ {
		if t := &v.s.toks[i]; t.low == "," || t.class&(cConj|cAnd) != 0 && v.itemAt[i] == 0 {
			joint = true
		}
		if t := &v.s.toks[i]; t.class&cConj != 0 && !goesOn[t.low] {
			return false
		}
		if t := &v.s.toks[i]; t.kind == 'p' && (t.low == ";" || t.low == ".") {
			return false
		}
		if n := v.itemAt[i]; n > 0 {
			if it := &v.items[n-1]; joint && it.from == i && it.prep == sNone && !it.anaphor && !it.possDet {
				return false
			}
		}
	}
	return to-from < 25
}

// firmPlan tells a plan put on paper, which outweighs the rumour it grew from.
func firmPlan(s string) bool {
	s = strings.ToLower(s)
	for _, w := range [...]string{"exclusi", "letter", "lettre", "protocole", "memorandum", "mémorandum", "mou", "principe", "principle", "heads of terms"} {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

var sinceWords = map[string]bool{"depuis": true, "since": true}

func (r *rule) partnerProgram() bool { return r.typ == "partner_program" }

func abs(a int) int {
	if a < 0 {
		return -a
	}
	return a
}

// negated tells whether the trigger or its verb is negated, and whether by « ne … plus » or "no longer".
func (d *doc) negated(v *view, t *trigger) (neg, more bool) {
	s := v.s
	check := func(at int, noun bool) {
		home := v.clause[at]
		if d.l.lang == "en" {
			for k := at - 1; k >= 0 && k >= at-7; k-- {
				w := &s.toks[k]
				if v.clause[k] != home {
					break
				}
				if w.kind == 'p' && w.low == "," {
					break
				}
				if w.class&cNeg != 0 {
					if k+1 < len(s.toks) && s.toks[k+1].low == "only" {
						continue
					}
					neg = true
					if k+1 < len(s.toks) && s.toks[k+1].low == "longer" {
						more = true
					}
					return
				}
			}
			return
		}
		for k := max(0, at-7); k < len(s.toks) && k <= at+4; k++ {
			w := &s.toks[k]
			if w.class&cNeg == 0 || v.clause[k] != home {
				continue
			}
			if k+1 < len(s.toks) && (s.toks[k+1].low == "seulement" || s.toks[k+1].low == "uniquement") {
				continue
			}
			switch w.low {
			case "aucun", "aucune", "sans", "ni", "non":
				if k < at && at-k <= 4 && v.near2(k+1, at) {
					neg = true
				}
			default:
				ne := false
				for m := k - 1; m >= 0 && m >= k-6; m-- {
					if s.toks[m].low == "ne" || s.toks[m].low == "n'" {
						ne = true
					}
				}
				if w.low == "plus" && !ne {
					continue
				}
				if !ne && !(k+1 < len(s.toks) && k < at && at-k <= 3 && (s.toks[k+1].low == "d'" || s.toks[k+1].low == "de")) {
					continue
				}
				// after the verb, or between auxiliary and participle
				if k > at+3 || k < at-4 {
					continue
				}
				if k > at && !v.near2(at+1, k) {
					continue
				}
				neg = true
				if w.low == "plus" {
					more = true
				}
			}
		}
	}
	check(t.from, t.rule.noun)
	if t.head != t.from && !neg && v.clause[t.head] == v.clause[t.from] {
		check(t.head, false)
	}
	return
}

// near2 tells whether no name and no strong mark stands between two tokens.
func (v *view) near2(from, to int) bool {
	for i := from; i < to; i++ {
		t := &v.s.toks[i]
		if t.kind == 'p' && t.low != "«" && t.low != "»" && t.low != "\"" {
			return false
		}
	}
	return true
}

// conditional tells whether the verb of a trigger stands in the conditional or under could, might; modal says it is only possible.
func (d *doc) conditional(v *view, t *trigger) (cond, modal bool) {
	s := v.s
	at := t.head
	if d.l.lang == "fr" {
		if tn := d.tenseAt(s, at, ""); tn&tCond != 0 && tn&tFut == 0 {
			return true, false
		}
	}
	for k := at - 1; k >= 0 && k >= at-6; k-- {
		w := &s.toks[k]
		if v.clause[k] != v.clause[at] || w.kind == 'o' {
			break
		}
		switch w.low {
		case "serait", "seraient", "aurait", "auraient":
			return true, false
		case "pourrait", "pourraient", "could", "might":
			return true, true
		case "may":
			if w.raw == "may" {
				return true, true
			}
		case "devrait", "devraient":
			return true, false
		case "would":
			return true, false
		}
	}
	return false, false
}

func (d *doc) willAt(v *view, t *trigger) bool {
	for k := t.head - 1; k >= 0 && k >= t.head-4; k-- {
		switch v.s.toks[k].low {
		case "will", "va", "vont", "vient", "viennent":
			return true
		}
	}
	return false
}

// pluperfect: « avait racheté », "had bought".
func (d *doc) pluperfect(v *view, t *trigger) bool {
	if v.s.in == "title" {
		return false
	}
	for k := t.head - 1; k >= 0 && k >= t.head-4; k-- {
		w := &v.s.toks[k]
		switch w.low {
		case "avait", "avaient", "had", "étaient", "était":
			if w.low[0] != 'h' && w.low[0] != 'a' && d.tenseAt(v.s, t.head, "")&tPart == 0 {
				return false
			}
			return d.tenseAt(v.s, t.head, "")&tPart != 0
		}
		if w.kind == 'o' {
			return false
		}
	}
	return false
}

// pastYear gives a year before the article's in the clause: "in 2018", « en 2014 »; "" without one.
func (d *doc) pastYear(v *view, clause int16) string {
	if d.at.IsZero() {
		return ""
	}
	for i := range v.s.toks {
		t := &v.s.toks[i]
		if t.kind != 'n' || len(t.raw) != 4 || v.clause[i] != clause {
			continue
		}
		y, err := strconv.Atoi(t.raw)
		if err != nil || y < 1950 || y >= d.at.Year() {
			continue
		}
		if i > 0 && (v.s.toks[i-1].class&(cPrep|cMonth|cDet|cConj) != 0 || v.s.toks[i-1].low == "since" || v.s.toks[i-1].low == "depuis" || v.s.toks[i-1].kind == 'p') {
			return t.raw
		}
	}
	return ""
}

// pressFrame gives the publisher that the sentence rests on: « selon Bloomberg », "Reuters reported".
func (d *doc) pressFrame(v *view) string {
	s := v.s
	for i := range s.toks {
		t := &s.toks[i]
		if t.kind != 'w' || !t.cap {
			continue
		}
		m := d.markAt(s.in, t.start)
		if m == nil || m.kind != markPress {
			continue
		}
		for k := i - 1; k >= 0 && k >= i-4; k-- {
			switch s.toks[k].low {
			case "selon", "croire", "croit", "to", "by", "par", "d'après", "après":
				return d.slice(s.in, m.start, m.end)
			}
		}
		for k := i; k < len(s.toks) && k <= i+4; k++ {
			if s.toks[k].class&cReport != 0 {
				return d.slice(s.in, m.start, m.end)
			}
		}
	}
	return ""
}
