package extract

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"example.org/veille/schemas"
)

//go:embed lexicon
var lexiconFS embed.FS

// A slot is a place that a party can take around a trigger.
type slot uint8

const (
	sNone    slot = iota
	sSubject      // Dell signs …
	sObject       // … buys EMC
	sWith         // avec, with
	sBetween      // entre, between, among
	sOf           // de, of
	sBy           // par, by
	sTo           // à, to
	sFrom         // from, auprès de
	sIn           // in, dans, into
	sOn           // on, sur
	sFor          // for, pour
	sVia          // via, through
	sAt           // chez, at
	sPoss         // Dell's acquisition, son rachat
	sComp         // the Dell-EMC deal, the Fortinet business
	sAgainst      // contre, against
	sUnder        // under, sous
	sOther        // any other preposition: no rule asks for it
	nSlots
)

var slotNames = map[string]slot{
	"subject": sSubject, "object": sObject, "with": sWith, "between": sBetween, "of": sOf, "by": sBy, "to": sTo, "from": sFrom, "in": sIn,
	"on": sOn, "for": sFor, "via": sVia, "at": sAt, "poss": sPoss, "comp": sComp, "against": sAgainst, "under": sUnder, "other": sOther,
}

// class is a set of closed word classes.
type class uint32

const (
	cDet     class = 1 << iota // the, un, cette: articles and the like
	cDef                       // definite among them
	cPossDet                   // its, son
	cPrep
	cAnd  // et, and, &
	cConj // but, mais, while
	cRel  // qui, which
	cAdv
	cBe
	cHave
	cModal
	cNeg
	cPron     // subject pronouns that may stand for a company
	cPlural   // they, ils
	cHead     // a noun that may stand for a vendor: éditeur, firm
	cCustomer // a noun that names a kind of customer: ministry, hôpital
	cPlace
	cMonth
	cTitle     // words that make a person of the name beside them: CEO, PDG
	cFirstname // Jean, Mary
	cNoName    // capitalised words that are no company: Cloud, Internet, weekday names
	cNumberWord
	cLight // verbs that carry a noun: signer, ink
	cReport
	cOrgTail // Inc, SA, Group, Partners
	cUnit    // business, division, activité: part of a company
	cExcl
	cOther    // parent, founder: somebody else than the owner named
	cPurchase // contract, tender: words of a purchase
	cBox      // server, appliance
	cCrowd    // customers, resellers: not the company whose they are
	cRival    // rival, concurrent: the sentence compares
)

var classNames = map[string]class{
	"determiners": cDet, "definite": cDet | cDef, "possessives": cDet | cPossDet, "and": cAnd, "conjunctions": cConj, "relatives": cRel,
	"adverbs": cAdv, "be": cBe, "have": cHave, "modals": cModal, "negations": cNeg, "pronouns": cPron, "plural_pronouns": cPron | cPlural, "plural_possessives": cDet | cPossDet | cPlural,
	"customers": cCustomer, "places": cPlace, "months": cMonth, "titles": cTitle,
	"firstnames": cFirstname, "not_names": cNoName, "org_tails": cOrgTail, "units": cUnit, "others": cOther, "purchase": cPurchase, "boxes": cBox, "rivals": cRival, "crowds": cCrowd,
}

// A rule says what a trigger means: the type of deal and which place around it holds which role.
type rule struct {
	id     string // "acquisition.buy"
	typ    string
	noun   bool // the trigger is a noun: its subject is that of the verb that governs it
	title  bool // the trigger names what a company is to another: "distributor of"
	phrase bool // fixed words
	reflex bool // French reflexive verb
	roles  [nSlots]string
	need   []slot
	state  bool   // tells what is, not what happens
	status string // the trigger itself decides the status
	weak   bool   // only where two parties are named outright
	vague  bool   // agreement, deal: the type comes from its modifiers and the parties
	unary  bool   // one party is enough
	model  bool   // not a rule: the model found it
	kinds  [nSlots]kinds
	not    []pattern // what must not follow the trigger
	conf   float64

	chooses  bool     // the customer only chooses: between two vendors that is a partnership
	other    bool     // a subject of two is not enough: somebody must be on the other side
	unless   []string // a noun that does not count with one of these verbs
	governed []string // a noun that counts only with one of these verbs
}

// cue classes decide the status.
type cueClass uint8

const (
	qNone cueClass = iota
	qNegation
	qDenial
	qEnd
	qRumour
	qPlan
	qDone
	qEffect
	qBackground
	qAnnounce
	qSource  // unnamed sources: whole sentence
	qParty   // a party says so
	qOpinion // journalist's guess: no deal
	qKeep    // "not affected": the relation stays
	qRenew
	qExclude  // no party after this: unlike, plutôt que
	qApparent // "not only": no negation at all
	qKind     // modifier that sets the type of a vague noun
	qVeto     // awards, sponsors, compatibility: no deal in this clause
	qHeld     // who is named keeps a part in a deal of the main one's kind
	qGained   // takes one
	qLost     // loses it
	qBond     // a word of one type of deal
	qBoiler
)

var cueNames = map[string]cueClass{
	"negation": qNegation, "denial": qDenial, "ended": qEnd, "rumoured": qRumour, "planned": qPlan, "completed": qDone, "in_effect": qEffect,
	"background": qBackground, "announced": qAnnounce, "sources": qSource, "party": qParty, "opinion": qOpinion, "kept": qKeep, "renewed": qRenew,
	"exclude": qExclude, "veto": qVeto, "apparent": qApparent, "boilerplate": qBoiler,
	"held": qHeld, "gained": qGained, "lost": qLost,
}

// pattern is a sequence of words to be found in a sentence. Its owner is a rule or a cue class.
type pattern struct {
	elems []elem
	rule  *rule
	cue   cueClass
	typ   string // for qKind
	text  string // as written in the lexicon
}

// word is what the lexicon knows of one word.
type word struct {
	verbs []form
	class class
}

type elem struct {
	verb  string   // any form of this verb
	words []string // one of these
	gap   bool     // up to maxGap tokens
	opt   bool
}

const maxGap = 8

// lexicon is the knowledge of one language. It is immutable once loaded.
type lexicon struct {
	lang        string
	forms       map[string][]form
	classes     map[string]class
	words       map[string]word // both, for reading
	preps       map[string]slot
	abbrev      map[string]bool
	heads       map[string]head // nouns that stand for a vendor
	places      map[string]string
	nations     map[string]string // adjective → ISO code
	pairs       []pattern         // expressions for two parties: "les deux groupes"
	detPrefixes []string          // articles that are not part of a name

	rules  []*rule
	byVerb map[string][]*pattern
	senses map[string]uint64 // sets of sense names, by word
	near   map[string]uint16 // key of a word → types of deals whose triggers hold it
	byWord map[string][]*pattern
}

// head is a noun that may stand for a vendor of certain kinds: « le grossiste ».
type head struct {
	kinds  kinds
	plural bool
}

type ruleFile struct {
	Type  string     `yaml:"type"`
	Rules []ruleYAML `yaml:"rules"`
}

type ruleYAML struct {
	ID      string            `yaml:"id"`
	Verbs   []string          `yaml:"verbs"`
	Nouns   []string          `yaml:"nouns"`
	Titles  []string          `yaml:"titles"`
	Phrases []string          `yaml:"phrases"`
	Roles   map[string]string `yaml:"roles"`
	Need    []string          `yaml:"need"`
	Only    map[string]string `yaml:"only"` // slot: kinds its party must be of
	State   bool              `yaml:"state"`
	Status  string            `yaml:"status"`
	Weak    bool              `yaml:"weak"`
	Vague   bool              `yaml:"vague"`
	Unary   bool              `yaml:"unary"`
	Not     []string          `yaml:"not"`
	Conf    float64           `yaml:"confidence"`
	Govern  string            `yaml:"governed_by"` // verbs
	Unless  string            `yaml:"unless"`      // verbs
	Other   bool              `yaml:"other"`
	Chooses bool              `yaml:"chooses"`
}

type wordsFile struct {
	Classes       map[string]string `yaml:"classes"`
	Prepositions  map[string]string `yaml:"prepositions"`
	Abbreviations string            `yaml:"abbreviations"`
	Heads         map[string]string `yaml:"heads"` // kinds: nouns
	Pairs         []string          `yaml:"pairs"`
	Regions       map[string]string `yaml:"regions"` // ISO code: names
	Nations       map[string]string `yaml:"nations"` // ISO code: adjectives
}

type verbsFile struct {
	Irregular map[string]string `yaml:"irregular"`
	Regular   string            `yaml:"regular"`
	Light     string            `yaml:"light"`
	Report    string            `yaml:"report"`
}

type statusFile struct {
	Cues  map[string][]string `yaml:"cues"`
	Types map[string][]string `yaml:"types"` // modifiers of a vague noun
	Bonds map[string][]string `yaml:"bonds"` // words that tie who is named to the main deal, by type
}

// sortedKeys gives the keys of a map in order: what is loaded must not depend on chance.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// loadLexicon reads lexicon/<lang>/*.yaml. prices.yaml belongs to the money reader.
func loadLexicon(fsys fs.FS, lang string) (*lexicon, error) {
	l := &lexicon{
		lang: lang, forms: map[string][]form{}, classes: map[string]class{}, preps: map[string]slot{}, abbrev: map[string]bool{},
		heads: map[string]head{}, places: map[string]string{}, nations: map[string]string{}, senses: map[string]uint64{}, near: map[string]uint16{}, byVerb: map[string][]*pattern{}, byWord: map[string][]*pattern{},
	}
	if lang == "fr" {
		l.detPrefixes = []string{"le ", "la ", "les ", "l'", "l’", "un ", "une ", "des ", "du ", "d'", "d’"}
	} else {
		l.detPrefixes = []string{"the ", "a ", "an "}
	}
	dir := "lexicon/" + lang
	read := func(name string, into any) error {
		b, err := fs.ReadFile(fsys, dir+"/"+name)
		if err != nil {
			return fmt.Errorf("read lexicon: %w", err)
		}
		if err := yaml.NewDecoder(bytes.NewReader(b), yaml.DisallowUnknownField()).Decode(into); err != nil {
			return fmt.Errorf("read %s/%s: %w", dir, name, err)
		}
		return nil
	}
	var verbs verbsFile
	if err := read("verbs.yaml", &verbs); err != nil {
		return nil, err
	}
	known := map[string]bool{}
	conjugate := func(inf string) {
		if known[inf] {
			return
		}
		known[inf] = true
		add := func(word string, t tense) {
			fs := l.forms[word]
			for i := range fs {
				if fs[i].verb == inf {
					fs[i].tense |= t
					return
				}
			}
			l.forms[word] = append(fs, form{inf, t})
		}
		if lang == "fr" {
			conjugateFR(inf, verbs.Irregular[inf], add)
		} else {
			conjugateEN(inf, verbs.Irregular[inf], add)
		}
	}
	for _, v := range sortedKeys(verbs.Irregular) {
		conjugate(v)
	}
	for v := range strings.FieldsSeq(verbs.Regular + " " + verbs.Light + " " + verbs.Report) {
		conjugate(v)
	}
	if err := l.loadSenses(read, verbs.Irregular); err != nil {
		return nil, err
	}
	var words wordsFile
	if err := read("words.yaml", &words); err != nil {
		return nil, err
	}
	for _, name := range sortedKeys(words.Classes) {
		list := words.Classes[name]
		c, ok := classNames[name]
		if !ok {
			return nil, fmt.Errorf("read %s/words.yaml: no word class %q", dir, name)
		}
		for w := range strings.FieldsSeq(list) {
			l.classes[strings.ReplaceAll(w, "_", " ")] |= c
		}
	}
	for _, s := range sortedKeys(words.Prepositions) {
		list := words.Prepositions[s]
		sl, ok := slotNames[s]
		if !ok {
			return nil, fmt.Errorf("read %s/words.yaml: no slot %q", dir, s)
		}
		for w := range strings.FieldsSeq(list) {
			l.preps[w] = sl
			l.classes[w] |= cPrep
		}
	}
	for w := range strings.FieldsSeq(words.Abbreviations) {
		l.abbrev[w] = true
	}
	for _, ks := range sortedKeys(words.Heads) {
		list := words.Heads[ks]
		k, err := parseKinds(ks)
		if err != nil {
			return nil, fmt.Errorf("read %s/words.yaml: %w", dir, err)
		}
		for w := range strings.FieldsSeq(list) {
			l.heads[w] = head{kinds: k}
			l.classes[w] |= cHead
		}
	}
	for _, code := range sortedKeys(words.Nations) {
		list := words.Nations[code]
		for w := range strings.FieldsSeq(list) {
			l.nations[w] = code
		}
	}
	for _, code := range sortedKeys(words.Regions) {
		list := words.Regions[code]
		for w := range strings.FieldsSeq(list) {
			w = strings.ReplaceAll(w, "_", " ")
			l.places[w] = code
			for part := range strings.FieldsSeq(w) {
				if len(part) > 3 {
					l.classes[part] |= cPlace
				}
			}
		}
	}
	for v := range strings.FieldsSeq(verbs.Light) {
		for w, fs := range l.forms {
			if slices.ContainsFunc(fs, func(f form) bool { return f.verb == v }) {
				l.classes[w] |= cLight
			}
		}
	}
	for v := range strings.FieldsSeq(verbs.Report) {
		for w, fs := range l.forms {
			if slices.ContainsFunc(fs, func(f form) bool { return f.verb == v }) {
				l.classes[w] |= cReport
			}
		}
	}
	for _, p := range words.Pairs {
		pt, err := l.parse(p, kindFixed, conjugate)
		if err != nil {
			return nil, err
		}
		l.pairs = append(l.pairs, pt)
	}
	var status statusFile
	if err := read("status.yaml", &status); err != nil {
		return nil, err
	}
	for _, name := range sortedKeys(status.Cues) {
		list := status.Cues[name]
		c, ok := cueNames[name]
		if !ok {
			return nil, fmt.Errorf("read %s/status.yaml: no cue class %q", dir, name)
		}
		for _, s := range list {
			p, err := l.parse(s, kindFixed, conjugate)
			if err != nil {
				return nil, err
			}
			p.cue = c
			l.index(p)
		}
	}
	for _, typ := range sortedKeys(status.Types) {
		list := status.Types[typ]
		if !slices.Contains(schemas.Types, typ) {
			return nil, fmt.Errorf("read %s/status.yaml: no type %q", dir, typ)
		}
		for _, s := range list {
			p, err := l.parse(s, kindFixed, conjugate)
			if err != nil {
				return nil, err
			}
			p.cue, p.typ = qKind, typ
			l.index(p)
		}
	}
	for _, typ := range sortedKeys(status.Bonds) {
		list := status.Bonds[typ]
		if !slices.Contains(schemas.Types, typ) {
			return nil, fmt.Errorf("read %s/status.yaml: no type %q", dir, typ)
		}
		for _, s := range list {
			p, err := l.parse(s, kindFixed, conjugate)
			if err != nil {
				return nil, err
			}
			p.cue, p.typ = qBond, typ
			l.index(p)
		}
	}
	defer func() {
		l.words = make(map[string]word, len(l.forms)+len(l.classes))
		for w, c := range l.classes {
			l.words[w] = word{class: c}
		}
		for w, fs := range l.forms {
			l.words[w] = word{fs, l.classes[w]}
		}
	}()
	files, err := fs.Glob(fsys, dir+"/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		base := path.Base(f)
		switch base {
		case "verbs.yaml", "words.yaml", "status.yaml", "prices.yaml", "senses.yaml":
			continue
		}
		var rf ruleFile
		if err := read(base, &rf); err != nil {
			return nil, err
		}
		if !slices.Contains(schemas.Types, rf.Type) || base != rf.Type+".yaml" {
			return nil, fmt.Errorf("read %s: type %q", f, rf.Type)
		}
		for _, ry := range rf.Rules {
			if err := l.addRule(rf.Type, ry, conjugate); err != nil {
				return nil, fmt.Errorf("read %s: rule %s: %w", f, ry.ID, err)
			}
		}
	}
	return l, nil
}

func (l *lexicon) addRule(typ string, ry ruleYAML, conjugate func(string)) error {
	base := rule{
		id: typ + "." + ry.ID, typ: typ, state: ry.State, status: ry.Status, weak: ry.Weak, vague: ry.Vague, unary: ry.Unary, conf: ry.Conf,
	}
	if ry.ID == "" {
		return fmt.Errorf("no id")
	}
	base.other, base.chooses = ry.Other, ry.Chooses
	for v := range strings.FieldsSeq(ry.Unless) {
		conjugate(v)
		base.unless = append(base.unless, v)
	}
	for v := range strings.FieldsSeq(ry.Govern) {
		conjugate(v)
		base.governed = append(base.governed, v)
	}
	if base.conf == 0 {
		base.conf = 0.8
	}
	if ry.Status != "" && !slices.Contains(schemas.Statuses, ry.Status) {
		return fmt.Errorf("no status %q", ry.Status)
	}
	if len(ry.Roles) == 0 {
		return fmt.Errorf("no roles")
	}
	for s, role := range ry.Roles {
		sl, ok := slotNames[s]
		if !ok {
			return fmt.Errorf("no slot %q", s)
		}
		if !slices.Contains(schemas.Roles, role) {
			return fmt.Errorf("no role %q", role)
		}
		base.roles[sl] = role
	}
	for _, s := range ry.Need {
		sl, ok := slotNames[s]
		if !ok {
			return fmt.Errorf("no slot %q", s)
		}
		base.need = append(base.need, sl)
	}
	for s, ks := range ry.Only {
		sl, ok := slotNames[s]
		if !ok {
			return fmt.Errorf("no slot %q", s)
		}
		k, err := parseKinds(ks)
		if err != nil {
			return err
		}
		base.kinds[sl] = k
	}
	// a kind asked of one place is asked of every place of the same role
	for sl, k := range base.kinds {
		for other := range base.roles {
			if k != 0 && base.kinds[other] == 0 && base.roles[other] == base.roles[sl] && base.roles[sl] != "partner" {
				base.kinds[other] = k
			}
		}
	}
	for _, s := range ry.Not {
		p, err := l.parse(s, kindFixed, conjugate)
		if err != nil {
			return err
		}
		base.not = append(base.not, p)
	}
	for _, g := range []struct {
		list []string
		kind patternKind
	}{{ry.Verbs, kindVerb}, {ry.Nouns, kindNoun}, {ry.Titles, kindTitle}, {ry.Phrases, kindFixed}} {
		if len(g.list) == 0 {
			continue
		}
		for _, reflex := range []bool{false, true} {
			r := base
			r.noun, r.title, r.phrase, r.reflex = g.kind == kindNoun, g.kind == kindTitle, g.kind == kindFixed, reflex
			used := false
			for _, s := range g.list {
				rest, isReflex := s, false
				if g.kind == kindVerb && l.lang == "fr" {
					for _, pre := range []string{"s'", "se "} {
						if t, ok := strings.CutPrefix(s, pre); ok {
							rest, isReflex = t, true
						}
					}
				}
				if isReflex != reflex {
					continue
				}
				p, err := l.parse(rest, g.kind, conjugate)
				if err != nil {
					return err
				}
				p.rule, p.text, used = &r, s, true
				l.index(p)
			}
			if used {
				l.rules = append(l.rules, &r)
			}
		}
	}
	return nil
}

type patternKind uint8

const (
	kindFixed patternKind = iota
	kindVerb              // the first word is an infinitive
	kindNoun              // words may be in the plural
	kindTitle             // likewise
)

// parse reads a pattern: words, of which "a|b" is a choice, "(a)" optional, "a~" any form of the verb a, and "*" a gap.
func (l *lexicon) parse(s string, kind patternKind, conjugate func(string)) (pattern, error) {
	p := pattern{text: s}
	// elisions are tokens of their own
	for _, e := range []string{"l'", "d'", "s'", "n'", "qu'", "j'", "c'"} {
		s = strings.ReplaceAll(s, " "+e, " "+e+" ")
		s = strings.ReplaceAll(s, "("+e, "("+e)
		if strings.HasPrefix(s, e) {
			s = e + " " + s[len(e):]
		}
	}
	s = strings.ReplaceAll(s, "'s ", " 's ")
	for i, w := range strings.Fields(s) {
		var e elem
		if strings.HasPrefix(w, "(") && strings.HasSuffix(w, ")") {
			e.opt = true
			w = w[1 : len(w)-1]
		}
		switch {
		case w == "*":
			e.gap = true
		case strings.HasSuffix(w, "~"):
			e.verb = strings.TrimSuffix(w, "~")
			conjugate(e.verb)
		case i == 0 && kind == kindVerb:
			e.verb = w
			conjugate(w)
		default:
			for x := range strings.SplitSeq(w, "|") {
				e.words = append(e.words, x)
				if (kind == kindNoun || kind == kindTitle) && l.preps[x] == sNone {
					e.words = append(e.words, x+"s")
					if strings.HasSuffix(x, "y") {
						e.words = append(e.words, strings.TrimSuffix(x, "y")+"ies")
					}
				}
			}
		}
		p.elems = append(p.elems, e)
	}
	if len(p.elems) == 0 || p.elems[0].gap || p.elems[0].opt {
		return p, fmt.Errorf("pattern %q must begin with a word", s)
	}
	return p, nil
}

func (l *lexicon) index(p pattern) {
	l.affiliate(&p)
	pp := &p
	if v := p.elems[0].verb; v != "" {
		l.byVerb[v] = append(l.byVerb[v], pp)
		return
	}
	for _, w := range p.elems[0].words {
		l.byWord[w] = append(l.byWord[w], pp)
	}
}

// affiliate notes in which types' triggers a word occurs: by itself it tells less than the trigger, but not nothing.
func (l *lexicon) affiliate(p *pattern) {
	typ := p.typ
	if p.rule != nil {
		typ = p.rule.typ
	}
	n := slices.Index(schemas.Types, typ)
	if n < 0 {
		return
	}
	for _, e := range p.elems {
		if e.verb != "" {
			l.near[e.verb] |= 1 << n
		}
		for _, w := range e.words {
			if len(w) > 3 && l.preps[w] == sNone && l.classes[w]&(cDet|cPrep|cConj|cAnd|cRel|cBe|cHave|cModal|cAdv|cPron) == 0 {
				l.near[stem(w)] |= 1 << n
			}
		}
	}
}

// match tries a pattern at token i and gives the token after it, and the gap's range when it has one.
func (l *lexicon) match(p *pattern, toks []tok, i int) (end, gapFrom, gapTo int, ok bool) {
	if len(p.elems) > 1 { // most candidates fail at their second word
		e := &p.elems[1]
		if !e.gap && !e.opt && (i+1 >= len(toks) || toks[i+1].class&cAdv == 0 && !e.fits(&toks[i+1])) {
			return 0, 0, 0, false
		}
	}
	return l.matchFrom(p.elems, toks, i, 0, 0)
}

func (l *lexicon) matchFrom(es []elem, toks []tok, i, gf, gt int) (int, int, int, bool) {
	for k := range es {
		e := &es[k]
		if e.gap {
			for n := 0; n <= maxGap*2 && i+n <= len(toks); n++ {
				if n > 0 {
					t := &toks[i+n-1]
					if t.kind == 'p' && (t.low == ";" || t.low == ":" || t.low == ".") {
						break
					}
					if t.class&(cRel|cConj) != 0 || n > maxGap+2 {
						break
					}
				}
				if end, _, _, ok := l.matchFrom(es[k+1:], toks, i+n, 0, 0); ok {
					return end, i, i + n, true
				}
			}
			return 0, 0, 0, false
		}
		if e.opt {
			if i < len(toks) && e.fits(&toks[i]) {
				if end, a, b, ok := l.matchFrom(es[k+1:], toks, i+1, gf, gt); ok {
					return end, a, b, true
				}
			}
			continue
		}
		// adverbs may stand between the words of a pattern
		if k > 0 {
			for n := 0; n < 2 && i < len(toks) && !e.fits(&toks[i]) && toks[i].class&cAdv != 0; n++ {
				i++
			}
		}
		if i >= len(toks) || !e.fits(&toks[i]) {
			return 0, 0, 0, false
		}
		i++
	}
	return i, gf, gt, true
}

func (e *elem) fits(t *tok) bool {
	if e.verb != "" {
		for _, f := range t.verbs {
			if f.verb == e.verb {
				return true
			}
		}
		return false
	}
	for _, w := range e.words {
		if w == t.low {
			return true
		}
	}
	return false
}
