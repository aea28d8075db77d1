package extract

import (
	"strings"

	"example.org/veille/schemas"
)

// party is an organisation at a place of a sentence, with the product that stood for it.
type party struct {
	org     *org
	product string
}

// item is what can fill a slot: one organisation or several joined by "and", an anaphor, an unknown name.
type item struct {
	from, to  int // tokens
	parties   []party
	prep      slot // preposition before it
	prepAt    int  // token of that preposition, -1 without
	afterVerb bool // it follows a verb: its object
	excl      bool // after "unlike", "plutôt que": never a party
	poss      bool // followed by 's
	anaphor   bool
	pronoun   bool
	possDet   bool // "its", « son »: a possessor, nothing else
	unknown   bool // names no vendor of the catalogue
	customer  bool // a common noun for a customer
	comma     bool // stands right after a comma
	title     bool // what follows tells that it is a person's employer or a medium
}

// atom is one name before grouping.
type atom struct {
	from, to int
	p        party
	unknown  bool
	customer bool
	anaphor  *anaphor
}

type anaphor struct {
	kinds   kinds
	pair    bool
	pronoun bool
	poss    bool
	latter  bool
	hq      string
	other   bool   // the other one of the last two
	nation  string // ISO code of "the Swiss firm"
}

// atoms finds the names and anaphors of a sentence, left to right.
func (d *doc) atoms(s *sent) []atom {
	var out []atom
	toks := s.toks
	for i := 0; i < len(toks); {
		t := &toks[i]
		switch {
		case t.kind == 'o':
			n := d.names[t.org]
			out = append(out, atom{from: i, to: i + 1, p: party{n.org, n.product}})
			i++
			continue
		case t.kind == 'p' || t.kind == 'n' && !t.cap:
			if t.low == "'s" || t.kind == 'n' {
				i++
				continue
			}
			i++
			continue
		}
		if to, a, ok := d.anaphorAt(s, i); ok {
			out = append(out, atom{from: i, to: to, anaphor: &a})
			i = to
			continue
		}
		if to, ok := d.customerAt(s, i); ok {
			from := i
			txt := d.slice(s.in, toks[from].start, toks[to-1].end)
			out = append(out, atom{from: from, to: to, p: party{d.unknownOrg(txt), ""}, unknown: true, customer: true})
			i = to
			continue
		}
		if t.cap {
			if to, ok := d.unknownAt(s, i); ok {
				txt := d.slice(s.in, toks[i].start, toks[to-1].end)
				out = append(out, atom{from: i, to: to, p: party{d.unknownOrg(txt), ""}, unknown: true})
				i = to
				continue
			}
			// a person or publisher is passed over as a whole
			if m := d.markAt(s.in, t.start); m != nil && m.kind <= markPerson {
				for i < len(toks) && toks[i].start < m.end {
					i++
				}
				continue
			}
			if t.class&(cFirstname|cTitle) != 0 {
				for i < len(toks) && toks[i].cap && toks[i].kind == 'w' {
					i++
				}
				continue
			}
			i++
			continue
		}
		i++
	}
	return out
}

func (d *doc) slice(in string, a, b int) string {
	if in == "title" {
		return d.title[a:b]
	}
	return d.text[a:b]
}

// unknownOrg makes the party of a name that the catalogue lacks; one name gives one org.
func (d *doc) unknownOrg(txt string) *org {
	txt = strings.TrimSpace(txt)
	for _, p := range d.l.detPrefixes {
		if len(txt) > len(p) && strings.EqualFold(txt[:len(p)], p) {
			txt = txt[len(p):]
			break
		}
	}
	id := "x-" + schemas.Token(txt)
	if o, ok := d.unknowns[id]; ok {
		return o
	}
	o := &org{id: id, name: txt}
	if len(txt) >= 3 && len(txt) < 40 {
		if vs := d.x.cat.Resolve(txt, d.at); len(vs) == 1 {
			o.maybe = d.vendor(vs[0].ID)
		}
	}
	d.unknowns[id] = o
	return o
}

// unknownAt reads a capitalised run that may be a company the catalogue lacks: never a place, a person, a month, a publisher.
func (d *doc) unknownAt(s *sent, i int) (int, bool) {
	toks := s.toks
	l := d.l
	if d.marked(s.in, toks[i].start) || strings.HasSuffix(toks[i].low, "-based") || strings.HasSuffix(toks[i].low, "-born") {
		return 0, false
	}
	j := i
	caps, bad := 0, 0
	for j < len(toks) && j-i < 6 {
		t := &toks[j]
		if t.kind == 'w' && t.cap {
			if d.marked(s.in, t.start) {
				return 0, false
			}
			if t.class&(cPlace|cMonth|cTitle|cNoName|cDet|cPron|cPrep|cConj|cAnd|cNumberWord|cModal|cBe|cHave|cRel|cNeg) != 0 {
				if j == i {
					return 0, false
				}
				if t.class&(cOrgTail) == 0 {
					bad++
				}
			}
			caps++
			j++
			continue
		}
		// "Bank of America", « Caisse des Dépôts », "Johnson & Johnson"
		if j > i && j+1 < len(toks) && toks[j+1].cap && toks[j+1].kind == 'w' && toks[j+1].class&cPlace == 0 {
			switch t.low {
			case "&", "of", "de", "des", "du", "d'":
				if t.low != "&" && (l.lang == "en") != (t.low == "of") {
					break
				}
				if t.low == "&" || caps == 1 && (toks[i].class&cOrgTail != 0 || toks[i].class&cCustomer != 0) {
					j += 2
					caps++
					continue
				}
			}
		}
		break
	}
	tails := true
	for k := i; k < j; k++ {
		tails = tails && toks[k].class&cOrgTail != 0
	}
	if tails && caps < 2 {
		return 0, false
	}
	if caps == 0 || bad > 0 && bad >= caps {
		return 0, false
	}
	first := &toks[i]
	if first.class&cFirstname != 0 && caps >= 2 && caps <= 3 {
		return 0, false
	}
	// a name with a title before or after it is a person: "CEO Pat Gelsinger", « Xavier Niel, patron de »
	if i > 0 && toks[i-1].class&cTitle != 0 && caps >= 2 {
		return 0, false
	}
	if caps >= 2 && j+1 < len(toks) && toks[j].low == "," {
		for k := j + 1; k < len(toks) && k < j+5; k++ {
			if toks[k].class&cTitle != 0 {
				return 0, false
			}
			if toks[k].kind != 'w' {
				break
			}
		}
	}
	// a capital at the beginning of a sentence, or in a Headline Written Like This, tells nothing by itself
	start := i == 0 || toks[i-1].kind == 'p' && (toks[i-1].low == "«" || toks[i-1].low == "\"" || toks[i-1].low == "“" || toks[i-1].low == ":" || toks[i-1].low == "-" || toks[i-1].low == "•")
	if start || s.in == "title" && d.titleCase {
		distinct := false
		for k := i; k < j; k++ {
			if k > i && caps >= 2 && toks[k].class&(cOrgTail|cCustomer) != 0 {
				distinct = true // "Lloyds Bank", "Qatar Investment Authority"
			}
			if looksLikeName(toks[k].raw) || d.seenCap[toks[k].low] && toks[k].verbs == nil {
				distinct = true
			}
		}
		if !distinct && caps == 1 && (s.in == "text" || !d.titleCase) && d.actsAt(s, i) {
			distinct = true
		}
		if !distinct && (caps < 2 || s.in == "title" && d.titleCase || start && toks[i].class == 0 && l.lang == "en" && !d.seenCap[toks[i].low]) {
			return 0, false
		}
		if d.seenLow[first.low] && caps == 1 && !looksLikeName(first.raw) {
			return 0, false
		}
	} else if caps == 1 && (first.class&(cHead|cCustomer) != 0 || d.seenLow[first.low] || len(first.raw) < 2) {
		return 0, false
	}
	if caps == 1 && isAcronym(first.raw) && l.classes[first.low]&cNoName != 0 {
		return 0, false
	}
	return j, true
}

// actsAt tells whether the word that opens a sentence is followed at once by its verb, as a name is and a common noun hardly: "Tesco will …",
// « Carrefour confie … ».
func (d *doc) actsAt(s *sent, i int) bool {
	t := &s.toks[i]
	if i+1 >= len(s.toks) || t.class != 0 || t.verbs != nil || d.seenLow[t.low] || len(t.raw) < 4 {
		return false
	}
	n := &s.toks[i+1]
	if n.class&(cBe|cHave|cModal) == 0 {
		tn := tense(0)
		for _, f := range n.verbs {
			tn |= f.tense
		}
		if tn&(tPres|tPast|tFut) == 0 {
			return false
		}
	}
	for _, end := range [...]string{"ing", "tion", "ment", "ity", "ance", "ence", "sion", "ness", "age", "isme", "ism", "ers", "ors", "ents", "ists", "ies", "ans", "ics"} {
		if strings.HasSuffix(t.low, end) {
			return d.seenCap[t.low]
		}
	}
	return true
}

// looksLikeName tells inner capitals and digits: OpenText, 3CX, SNCF.
func looksLikeName(w string) bool {
	upper, lower, digit := 0, 0, 0
	for i, r := range w {
		switch {
		case r >= '0' && r <= '9':
			digit++
		case r >= 'A' && r <= 'Z':
			if i > 0 {
				upper++
			}
		default:
			lower++
		}
	}
	return upper > 0 || digit > 0 && lower > 0
}

func isAcronym(w string) bool {
	for _, r := range w {
		if r < 'A' || r > 'Z' {
			return false
		}
	}
	return true
}

// customerAt reads a common noun that stands for a customer: "a large London hospital trust", « le ministère de la Défense ».
func (d *doc) customerAt(s *sent, i int) (int, bool) {
	toks := s.toks
	t := &toks[i]
	if t.class&cDet == 0 && t.class&cCustomer == 0 && !(s.in == "title" && t.cap) {
		return 0, false
	}
	if shared[t.low] && i > 0 && toks[i-1].kind == 'w' && toks[i-1].class&(cDet|cPrep|cAnd) == 0 {
		return 0, false // « société commune »: the adjective
	}
	j := i
	if t.class&cDet != 0 {
		j++
	}
	for n := 0; j < len(toks) && n < 4; n++ {
		w := &toks[j]
		if w.kind != 'w' {
			return 0, false
		}
		if w.class&cCustomer != 0 {
			// the last of a run of such nouns is the head: "hospital trust"
			for j+1 < len(toks) && toks[j+1].class&cCustomer != 0 {
				j++
			}
			j++
			// « de la Défense »
			if j+1 < len(toks) && (toks[j].class&cPrep != 0 && d.l.preps[toks[j].low] == sOf || toks[j].low == "des") {
				k := j + 1
				if toks[k].class&cDet != 0 && k+1 < len(toks) {
					k++
				}
				if toks[k].cap && toks[k].kind == 'w' {
					for k < len(toks) && toks[k].cap && toks[k].kind == 'w' {
						k++
					}
					return k, true
				}
			}
			for j < len(toks) && toks[j].cap && toks[j].kind == 'w' && toks[j].class&cNoName == 0 {
				j++
			}
			return j, true
		}
		if w.class&(cPrep|cConj|cAnd|cRel|cBe|cHave|cModal|cHead|cPron) != 0 || w.verbs != nil && n == 0 && t.class&cDet == 0 {
			return 0, false
		}
		j++
	}
	return 0, false
}

// anaphorAt reads an expression that stands for a party named before: « l'éditeur », "the pair", "it".
func (d *doc) anaphorAt(s *sent, i int) (int, anaphor, bool) {
	toks := s.toks
	l := d.l
	t := &toks[i]
	for k := range l.pairs {
		if end, _, _, ok := l.match(&l.pairs[k], toks, i); ok {
			if end < len(toks) && (toks[end].kind == 'o' || end-i <= 2 && toks[end].kind != 'p' && toks[end].verbs == nil && toks[end].class&(cBe|cHave|cModal|cAdv|cNeg) == 0) {
				continue // « les deux autres distributeurs »
			}
			return end, anaphor{pair: true}, true
		}
	}
	if t.class&cPossDet != 0 && i+1 < len(toks) && partnerWords[toks[i+1].low] {
		return i + 2, anaphor{other: true}, true // « son partenaire »
	}
	if t.class&cPossDet != 0 {
		return i + 1, anaphor{poss: true, pronoun: true, pair: t.class&cPlural != 0}, true
	}
	if t.class&cPron != 0 && (len(t.raw) != 2 || t.raw != "IT") {
		if i > 0 && toks[i-1].class&cDet != 0 {
			return 0, anaphor{}, false
		}
		if t.low == "il" && impersonal(toks[i+1:]) {
			return 0, anaphor{}, false
		}
		if t.low == "ce" || t.low == "cette" {
			return 0, anaphor{}, false
		}
		if t.class&cPlural != 0 {
			return i + 1, anaphor{pair: true, pronoun: true}, true
		}
		return i + 1, anaphor{pronoun: true}, true
	}
	if end, ok := latterAt(toks, i); ok {
		return end, anaphor{latter: true}, true
	}
	// Redmond-based firm; nickname and place marks of the catalogue
	if o := d.markOrg(s.in, t.start, markNick); o != nil {
		return i + 1, anaphor{hq: o.id}, true
	}
	if t.class&cDef == 0 {
		return 0, anaphor{}, false
	}
	j := i + 1
	hq := ""
	nation := ""
	for n := 0; j < len(toks) && n < 4; n++ {
		w := &toks[j]
		if w.kind != 'w' && w.kind != 'n' {
			return 0, anaphor{}, false
		}
		if c, ok := l.nations[w.low]; ok {
			nation = c
		}
		if place, ok := strings.CutSuffix(w.low, "-based"); ok {
			hq = d.hqOf(place)
			if hq == "" {
				return 0, anaphor{}, false
			}
		}
		if w.class&cHead != 0 && !(w.cap && l.lang == "fr" && false) {
			h := l.heads[w.low]
			end := j + 1
			if end < len(toks) && shared[toks[end].low] {
				return 0, anaphor{}, false // « la société commune »
			}
			// "the hardware maker", "the services group": the last head of a run
			for end < len(toks) && toks[end].class&cHead != 0 {
				if k := l.heads[toks[end].low].kinds; k != kAny {
					h.kinds = k
				}
				end++
			}
			k := end
			for k < len(toks) && k < end+3 && toks[k].kind == 'w' && !toks[k].cap && toks[k].class&^(cNoName|cPlace) == 0 && toks[k].verbs == nil {
				k++
			}
			if k < len(toks) && (toks[k].kind == 'o' || toks[k].cap && toks[k].kind == 'w' && !d.isPlace(s.in, &toks[k]) && l.lang == "fr" && toks[k].class == 0) {
				return 0, anaphor{}, false // « l'éditeur français Vade »: the name follows
			}
			for m := end; m < k; m++ {
				if c, ok := l.nations[toks[m].low]; ok {
					nation = c
				}
			}
			if l.lang == "fr" && k > end {
				// adjectives of nationality belong to it: « le constructeur chinois »
				end = k
			}
			// « le groupe d'Armonk », « le géant de Redmond »
			if end+1 < len(toks) && l.preps[toks[end].low] == sOf {
				if o := d.hqOf(toks[end+1].low); o != "" && toks[end+1].cap {
					return end + 2, anaphor{kinds: h.kinds, hq: o}, true
				}
				if o := d.markOrg(s.in, toks[end+1].start, markPlace); o != nil {
					return end + 2, anaphor{kinds: h.kinds, hq: o.id}, true
				}
				if toks[end+1].kind == 'o' {
					return 0, anaphor{}, false // « le distributeur de Dell »
				}
				if toks[end+1].cap && toks[end+1].kind == 'w' {
					return end + 2, anaphor{kinds: h.kinds, nation: nation}, true // « le grossiste de Boulogne-Billancourt »
				}
			}
			return end, anaphor{kinds: h.kinds, hq: hq, nation: nation}, true
		}
		if w.class&(cPrep|cConj|cAnd|cRel|cBe|cHave|cModal|cNeg) != 0 || w.verbs != nil && w.class&cHead == 0 && l.lang == "fr" {
			return 0, anaphor{}, false
		}
		j++
	}
	return 0, anaphor{}, false
}

// impersonal tells what makes nobody of « il »: « il y a », « il s'agit », « il faut ».
func impersonal(toks []tok) bool {
	for i := 0; i < len(toks) && i < 4; i++ {
		switch toks[i].low {
		case "ne", "n'", "leur", "lui", "s'", "en":
			continue
		case "y", "agit", "agissait", "faut", "faudra", "fallait", "faudrait", "manque", "manquait", "reste", "suffit":
			return toks[i].low != "y" || i+1 < len(toks) && toks[i+1].class&cHave != 0
		}
		return false
	}
	return false
}

// shared are the adjectives that make a company a common one.
var shared = map[string]bool{"commune": true, "communes": true, "conjointe": true, "conjointes": true}

var partnerWords = map[string]bool{"partenaire": true, "partner": true, "allié": true, "ally": true}

func latterAt(toks []tok, i int) (int, bool) {
	if i+1 >= len(toks) {
		return 0, false
	}
	switch toks[i].low + " " + toks[i+1].low {
	case "ce dernier", "cette dernière", "the latter", "le second", "la seconde":
		return i + 2, true
	}
	return 0, false
}

// group joins the atoms of a sentence into items and finds how each is attached.
func (d *doc) group(s *sent, atoms []atom, at int) []item {
	toks := s.toks
	var out []item
	for k := 0; k < len(atoms); {
		a := atoms[k]
		it := item{from: a.from, to: a.to, unknown: a.unknown, customer: a.customer}
		if a.anaphor != nil {
			it.anaphor, it.pronoun, it.possDet = true, a.anaphor.pronoun, a.anaphor.poss
			it.parties = d.resolve(s, at, a, out)
			d.attach(s, &it)
			if it.to < len(toks) && toks[it.to].low == "'s" {
				it.poss = true
			}
			if len(it.parties) > 0 {
				out = append(out, it)
			}
			k++
			continue
		}
		it.parties = append(it.parties, a.p)
		k++
		for k < len(atoms) {
			next := atoms[k]
			if next.anaphor != nil {
				break
			}
			// « Azure de Microsoft », "Amazon Web Services (AWS)", "Microsoft's Azure"
			last := &it.parties[len(it.parties)-1]
			between := toks[it.to:next.from]
			if len(between) == 1 && between[0].low == "'s" && next.unknown && !next.customer && last.org.known && last.product == "" && !it.unknown {
				last.product = d.slice(s.in, toks[next.from].start, toks[next.to-1].end) // "McAfee's LiveSafe"
				it.to = next.to
				k++
				continue
			}
			if len(between) == 0 && next.unknown && !next.customer && last.org.known && !it.unknown {
				if last.product == "" { // "Lenovo ThinkEdge": a product the catalogue lacks
					last.product = d.slice(s.in, toks[next.from].start, toks[next.to-1].end)
				}
				it.to = next.to
				k++
				continue
			}
			if merged := d.mergeOwner(last, next, between); merged {
				it.to = next.to
				if it.to < len(toks) && toks[it.to].low == ")" {
					it.to++
				}
				k++
				continue
			}
			if !d.coordinated(s, atoms, k, it.to) {
				break
			}
			it.parties = append(it.parties, next.p)
			it.unknown = it.unknown && next.unknown
			it.to = next.to
			k++
		}
		d.attach(s, &it)
		if it.to < len(toks) && toks[it.to].low == "'s" {
			it.poss = true
		}
		out = append(out, it)
	}
	return out
}

// mergeOwner joins a product with its owner's name beside it.
func (d *doc) mergeOwner(last *party, next atom, between []tok) bool {
	same := last.org == next.p.org
	switch {
	case len(between) == 0 && same:
	case len(between) == 1 && (between[0].low == "(" || between[0].low == "'s") && same:
	case len(between) == 1 && last.product != "" && next.p.product == "" && d.l.preps[between[0].low] == sOf && !next.unknown:
		last.org = next.p.org // trust the possessive
		return true
	case len(between) <= 3 && len(between) > 0 && last.product != "" && same && (d.l.preps[between[0].low] == sOf || between[0].low == ","):
	case len(between) <= 4 && len(between) > 0 && between[0].low == "'s" && same:
		for _, t := range between[1:] {
			if t.kind != 'w' || t.class != 0 {
				return false
			}
		}
	default:
		return false
	}
	if last.product == "" {
		last.product = next.p.product
	}
	return true
}

// coordinated tells whether atom k continues the group that ends at token end: "A, B and C", « de A et de B », "A/B".
func (d *doc) coordinated(s *sent, atoms []atom, k, end int) bool {
	toks := s.toks
	next := atoms[k].from
	if next-end < 1 || next-end > 7 {
		return false
	}
	// descriptive words between the joint and the name: « et l'éditeur français Wallix »
	fill := func(from int) bool {
		for i := from; i < next; i++ {
			t := &toks[i]
			if t.kind != 'w' || t.class&(cConj|cRel|cBe|cHave|cModal|cNeg|cPron|cExcl) != 0 {
				return false
			}
			if t.class&cPrep != 0 && i != from {
				return false
			}
			if t.class&cPrep != 0 && d.l.preps[t.low] != sOf && d.l.preps[t.low] != sTo && d.l.preps[t.low] != sWith {
				return false
			}
			if t.class&(cDet|cPrep|cHead|cAdv) == 0 && (t.verbs != nil || i > from+3) {
				return false
			}
		}
		return true
	}
	j := &toks[end]
	if atoms[k].customer && j.class&cAnd != 0 {
		return fill(end + 1)
	}
	switch {
	case j.class&cAnd != 0, j.low == "+", j.low == "/", j.low == "-", j.low == "–", j.low == "‑":
		if (j.low == "-" || j.low == "–") && (j.start != toks[end-1].end || next != end+1) {
			return false
		}
		return fill(end + 1)
	case (j.low == "ainsi" || j.low == "as") && end+2 < next+1:
		if end+1 < len(toks) && toks[end+1].low == "que" {
			return fill(end + 2)
		}
		if end+2 < len(toks) && toks[end+1].low == "well" && toks[end+2].low == "as" {
			return fill(end + 3)
		}
		return false
	case j.low == ",":
		if d.quoted(s, atoms, k) {
			return false // « Selon La Presse, Kyndryl et CGI … »
		}
		if next > end+1 && toks[end+1].class&cAnd != 0 {
			return fill(end + 2)
		}
		if !fill(end + 1) {
			return false
		}
		// a comma joins only when an "and" closes the list, or between two names that open an English headline
		for m := k; m < len(atoms) && m < k+12; m++ {
			to := atoms[m].to
			if to >= len(toks) {
				break
			}
			t := &toks[to]
			if t.class&cAnd != 0 || t.low == "," && to+1 < len(toks) && toks[to+1].class&cAnd != 0 {
				if m+1 < len(atoms) && atoms[m+1].from-to <= 4 && atoms[m+1].anaphor == nil {
					return true
				}
				break
			}
			if t.low != "," || m+1 >= len(atoms) || atoms[m+1].from-to > 4 {
				break
			}
		}
		return s.in == "title" && d.l.lang == "en" && k == 1 && end <= 2
	}
	return false
}

// quoted tells whether the group that atom k would join is introduced as a source or left behind: "According to X,", « Après X, ».
func (d *doc) quoted(s *sent, atoms []atom, k int) bool {
	i := atoms[k-1].from - 1
	for i >= 0 && s.toks[i].class&cDet != 0 {
		i--
	}
	for ; i >= 0 && s.toks[i].cap && s.toks[i].kind == 'w' && i > 0; i-- {
		if s.toks[i].class&(cPrep|cConj) != 0 {
			break
		}
	}
	if i < 0 || i > 3 {
		return false
	}
	switch s.toks[i].low {
	case "selon", "après", "d'après", "after", "to", "outre", "besides", "pour", "for", "comme", "like", "unlike":
		return true
	}
	return false
}

// attach finds the preposition, verb or exclusion before an item.
func (d *doc) attach(s *sent, it *item) {
	it.prepAt = -1
	toks := s.toks
	words := 0
	for i := it.from - 1; i >= 0 && i >= it.from-9; i-- {
		t := &toks[i]
		if t.kind == 'p' {
			switch t.low {
			case "«", "“", "\"", "'", "‘", "»", "”":
				continue
			case ",":
				if i == it.from-1 {
					it.comma = true
				}
			case "'s":
				words++
				continue
			}
			return
		}
		if t.kind == 'o' {
			return
		}
		if d.excludes(s, i) {
			it.excl = true
			if d.l.preps[t.low] == sAgainst {
				it.prep, it.prepAt = sAgainst, i
			}
			return
		}
		if t.class&cPrep != 0 {
			// "up to", "according to": read by the cue patterns
			it.prep, it.prepAt = d.l.preps[t.low], i
			if i > 0 && d.excludes(s, i-1) {
				it.excl = true
			}
			return
		}
		if t.class&(cConj|cRel|cAnd) != 0 {
			return
		}
		if t.class&(cBe|cHave|cModal) != 0 {
			it.afterVerb = i > 0 // "Is Arm flirting …"
			return
		}
		if d.isVerb(s, i) && t.class&cHead == 0 {
			it.afterVerb = true
			return
		}
		if t.class&cDet == 0 {
			words++
			if words > 5 {
				return
			}
		}
	}
}

// isVerb tells whether a word of the lexicon's verbs is one here, rather than the noun of the same form.
func (d *doc) isVerb(s *sent, i int) bool { return d.tenseAt(s, i, "") != 0 }

// verbBefore tells whether the words just before i, up to a mark or joint, hold a finite verb already.
func (d *doc) verbBefore(s *sent, i int) bool {
	for k := i - 1; k >= 0 && k >= i-6; k-- {
		t := &s.toks[k]
		if t.kind == 'p' || t.class&(cAnd|cConj|cRel|cModal|cBe|cHave) != 0 || t.low == "to" {
			return false
		}
		if t.kind == 'o' {
			return false
		}
		for _, f := range t.verbs {
			if f.tense&(tPres|tPast) != 0 && k > 0 && s.toks[k-1].class&(cDet|cPossDet) == 0 {
				return true
			}
		}
	}
	return false
}

// tenseAt gives what tenses the word can have here, as the given verb or any; 0 when it is a noun here.
func (d *doc) tenseAt(s *sent, i int, verb string) tense {
	t := &s.toks[i]
	var can tense
	for _, f := range t.verbs {
		if verb == "" || f.verb == verb {
			can |= f.tense
		}
	}
	if can == 0 {
		return 0
	}
	var p *tok
	if i > 0 {
		p = &s.toks[i-1]
	}
	if d.l.lang == "en" {
		if can&^(tInf|tPres) == 0 && p != nil {
			if p.class&(cDet|cPossDet) != 0 || p.low == "'s" || p.class&cPrep != 0 && p.low != "to" || p.kind == 'n' {
				return 0
			}
			if i > 1 && p.class == 0 && p.verbs == nil && p.kind == 'w' && !p.cap && s.toks[i-2].class&(cPrep|cPossDet) != 0 {
				return 0
			}
			if i > 1 && can == tPres && p.kind == 'w' && !p.cap && p.class == 0 && d.verbBefore(s, i) {
				return 0 // "sell similar bundles": the clause has its verb
			}
			if t.cap && !(s.in == "title") && i > 0 {
				return 0
			}
		}
		if can&^tGer == 0 && p != nil && (p.class&cDet != 0 || p.low == "'s") {
			return 0
		}
		return can
	}
	if can&^(tPres|tPart|tPast) == 0 && p != nil && p.class&cDet != 0 && p.low != "en" {
		// « l'offre », « une signe »: but « le rachète » after a subject pronoun is rare enough
		return 0
	}
	if can&^(tPres) == 0 && p != nil && p.class&cPrep != 0 {
		return 0
	}
	return can
}
