package catalogue

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// guard is what the compiled catalogue keeps of an ambiguous name's YAML beside its cues.
type guard struct {
	proper bool   // a capital proves nothing
	accept bool   // what to do when the context decides nothing
	opens  string // "en", "fr", "en fr": languages in which the word often opens a sentence as an ordinary word
}

type wordLists struct {
	cues                                                 [][]int32 // of each cue phrase: guard*2, +1 when it speaks against
	roles, verbs, determiners, tails, regions, strangers map[uint64]bool
}

// The weights of the decision features. A match is kept at keepAt or more when its name is rejected by default, above dropAt when it is
// accepted by default. Set by reading, in steps of a half; the order of the features is what matters.
const (
	keepAt = 1.5
	dropAt = -1.5

	cueHere, cueNear         = 2.0, 1.5  // a cue for the name in the sentence, in the one before or after
	againstHere, againstNear = -2.5, -.5 // a cue against it
	capital, acronym         = 2.0, 1.0  // a capital in mid-sentence; of capitals only, it may be some other abbreviation
	product                  = .5        // a capital on a product, which is often named after an ordinary word
	roleBefore               = 2.0       // l'opérateur X, distributor X
	determiner               = -2.5      // la box
	modifier                 = -1.0      // the X app
	kinHere                  = 2.0       // its product, head, owner or subsidiary is named in or next to the sentence
	peerHere, peerNear       = 1.0, .5   // another vendor of its kind
	enumerated               = 1.0       // beside another vendor in a list
	verbAfter                = 1.0       // X announces
	possessive               = 1.0       // X's
	tailAfter                = 1.5       // X France, X Inc
	longerName               = -3.0      // Big X, X County
	elsewhere                = 1.5       // clearly named elsewhere in the article
	bare                     = 1.0       // opens a French sentence without an article, as common nouns do not
	field                    = .5        // two others of its kind in the article
)

// sentence is a range of tokens.
type sentence struct {
	start, end int
	plain      bool // capitals in it are evidence: neither a headline in title case nor one in capitals
}

// reading is one text being disambiguated.
type reading struct {
	c     *Catalogue
	text  string
	lang  string
	toks  []token
	sents []sentence
	of    []int32               // sentence of each token
	known []Match               // everything the catalogue knows in the text, ambiguous or not
	first []int32               // token where each of known begins
	inner []int32               // token → known match that covers it, -1 none
	cues  map[int32][]cueHit    // of each guard, in order
	count map[[2]int32]cueCount // of each guard and sentence
	memo  map[companyKey]float64
}

type cueCount struct{ for_, against int }

type companyKey struct {
	vendor, sentence int32
	product          bool
}

type cueHit struct {
	start, end int // tokens
	against    bool
}

// Disambiguate keeps the matches that the context supports, in order. Pass what [Catalogue.Find] or [Catalogue.Scan] gave for the same text
// and date; give title and body as one text so that a clear mention anywhere licenses a doubtful one. lang is "fr", "en" or "".
//
// What counts: cue words of the name within a sentence, what the catalogue relates to it (owner, product, head, vendors of its kind), a
// capital in mid-sentence, a role noun before, an article before, a verb of trade after, a longer name around it. A capital at the
// beginning of a sentence proves nothing. Matches that are not [Ambiguous] pass, except an alias of the other language.
func (c *Catalogue) Disambiguate(text, lang string, matches []Match, at time.Time) []Match {
	var rd *reading
	return c.keep(text, lang, matches, func() *reading {
		if rd == nil {
			toks := tokenize(text, make([]token, 0, len(text)/6+8))
			rd = c.read(text, lang, toks, c.scanTokens(text, toks, DateOf(at), ByPress))
		}
		return rd
	})
}

// Mentions gives the vendors and products that the text really names at the date: [Catalogue.Find] and [Catalogue.Disambiguate] in one go,
// at about half the cost.
func (c *Catalogue) Mentions(text, lang string, at time.Time) []Match {
	toks := tokenize(text, make([]token, 0, len(text)/6+8))
	known := c.scanTokens(text, toks, DateOf(at), ByPress)
	names := make([]Match, 0, len(known))
	for _, m := range known {
		if m.By <= ByProduct {
			names = append(names, m)
		}
	}
	var rd *reading
	return c.keep(text, lang, names, func() *reading {
		if rd == nil {
			rd = c.read(text, lang, toks, known)
		}
		return rd
	})
}

// keep drops what does not hold; read is called only when something is ambiguous.
func (c *Catalogue) keep(text, lang string, matches []Match, read func() *reading) []Match {
	out := make([]Match, 0, len(matches))
	var verdict map[int]bool
	for _, m := range matches {
		if l := c.names[m.name].lang; l != "" && lang != "" && l != lang {
			continue
		}
		if m.Strength != Ambiguous {
			if m.By > ByProduct || !c.stranger(text[m.End:]) {
				out = append(out, m)
			}
			continue
		}
		if verdict == nil {
			verdict = read().judge()
		}
		if verdict[m.Start] {
			out = append(out, m)
		}
	}
	return out
}

// stranger says whether the word after a name makes it somebody else: Tivoli Gardens, Azure Capital Partners. In the name of a fund it takes
// both words, since Intel Capital is Intel's.
func (c *Catalogue) stranger(rest string) bool {
	if len(rest) < 2 || rest[0] != ' ' || rest[1] < 'A' || rest[1] > 'Z' {
		return false
	}
	toks := tokenize(rest[:min(len(rest), 48)], nil)
	if len(toks) == 0 {
		return false
	}
	if c.words.strangers[toks[0].hash] {
		return true
	}
	return len(toks) > 1 && toks[1].sep == sepSpace && toks[1].hash == hashPartners && (toks[0].hash == hashCapital || toks[0].hash == hashVenture)
}

func (c *Catalogue) read(text, lang string, toks []token, known []Match) *reading {
	rd := &reading{c: c, text: text, lang: lang, toks: toks, known: known, cues: map[int32][]cueHit{}, count: map[[2]int32]cueCount{}}
	rd.split()
	rd.inner = make([]int32, len(rd.toks))
	rd.first = make([]int32, len(rd.known))
	k := 0
	for i, t := range rd.toks {
		rd.inner[i] = -1
		for k < len(rd.known) && rd.known[k].End <= int(t.start) {
			k++
		}
		if k < len(rd.known) && int(t.start) >= rd.known[k].Start {
			rd.inner[i] = int32(k)
			if int(t.start) == rd.known[k].Start {
				rd.first[k] = int32(i)
			}
		}
	}
	rd.findCues()
	rd.style()
	return rd
}

// split finds the sentences.
func (rd *reading) split() {
	rd.of = make([]int32, len(rd.toks))
	start := 0
	for i := 1; i <= len(rd.toks); i++ {
		if i < len(rd.toks) && !rd.breaks(i) {
			continue
		}
		for k := start; k < i; k++ {
			rd.of[k] = int32(len(rd.sents))
		}
		rd.sents = append(rd.sents, sentence{start: start, end: i})
		start = i
	}
}

// breaks says whether a sentence begins at token i.
func (rd *reading) breaks(i int) bool {
	gap := rd.text[rd.toks[i-1].end:rd.toks[i].start]
	if gap == " " {
		return false
	}
	if strings.ContainsRune(gap, '\n') {
		return true
	}
	if !strings.ContainsAny(gap, ".!?…") || !hasSpace(gap) || !rd.toks[i].upper {
		return false
	}
	// "M. Dupont", "J. Smith": an initial does not end a sentence.
	return rd.toks[i-1].letters > 1 || strings.ContainsAny(gap, "!?…")
}

// style finds the headlines, where capitals prove nothing.
func (rd *reading) style() {
	for k := range rd.sents {
		s := &rd.sents[k]
		words, capitals := 0, 0
		for i := s.start + 1; i < s.end; i++ {
			if rd.inner[i] >= 0 || rd.toks[i].letters < 4 {
				continue
			}
			words++
			if rd.toks[i].upper {
				capitals++
			}
		}
		s.plain = capitals*2 <= words || words < 2 && capitals == 0
	}
}

func (rd *reading) findCues() {
	asked := make([]bool, len(rd.c.guards))
	for _, m := range rd.known {
		if m.Strength == Ambiguous {
			asked[rd.c.names[m.name].guard] = true
		}
	}
	for i := range rd.toks {
		start, end := rd.c.cueIndex.lookup(rd.toks[i].hash)
		for k := start; k < end; k++ {
			n := &rd.c.cues[k]
			if len(n.words) > len(rd.toks)-i || !slices.ContainsFunc(rd.c.words.cues[n.target], func(g int32) bool { return asked[g/2] }) || !n.fits(rd.text, rd.toks[i:]) {
				continue
			}
			for _, g := range rd.c.words.cues[n.target] {
				if !asked[g/2] {
					continue
				}
				rd.cues[g/2] = append(rd.cues[g/2], cueHit{i, i + len(n.words), g%2 == 1})
				key := [2]int32{g / 2, rd.of[i]}
				rd.count[key] = rd.count[key].add(g%2 == 1, 1)
			}
		}
	}
}

// judge decides on every ambiguous match, by its start. Clear decisions count as plain mentions in a second round.
func (rd *reading) judge() map[int]bool {
	clear := make([]bool, len(rd.known))
	for k, m := range rd.known {
		clear[k] = m.By <= ByProduct && m.Strength == Strong
	}
	scores := make([]float64, len(rd.known))
	near := rd.evidence(clear)
	for k, m := range rd.known {
		if m.Strength == Ambiguous && m.By <= ByProduct {
			scores[k] = rd.score(k, near)
		}
	}
	for k, m := range rd.known {
		if m.Strength == Ambiguous && m.By <= ByProduct && (scores[k] >= capital || m.Accept && scores[k] >= 0) {
			clear[k] = true
		}
	}
	near = rd.evidence(clear)
	verdict := map[int]bool{}
	for k, m := range rd.known {
		if m.Strength != Ambiguous {
			continue
		}
		if m.By == ByPress {
			verdict[m.Start] = m.Accept || rd.cued(k) > 0
			continue
		}
		s := rd.score(k, near)
		verdict[m.Start] = s >= keepAt || m.Accept && s > dropAt
	}
	return verdict
}

// evidence is what the clear mentions of a text say, sentence by sentence.
type evidence struct {
	vendors []map[string]bool // named in the sentence, by name or product
	heads   []map[string]bool // whose head or headquarters is named
	all     map[string]int    // clear mentions in the whole text
}

func (rd *reading) evidence(clear []bool) evidence {
	rd.memo = map[companyKey]float64{}
	ev := evidence{make([]map[string]bool, len(rd.sents)), make([]map[string]bool, len(rd.sents)), map[string]int{}}
	put := func(sets []map[string]bool, s int32, id string) {
		if sets[s] == nil {
			sets[s] = map[string]bool{}
		}
		sets[s][id] = true
	}
	for k, m := range rd.known {
		s := rd.of[rd.first[k]]
		switch {
		case clear[k]:
			put(ev.vendors, s, m.VendorID)
			ev.all[m.VendorID]++
		case m.By == ByPerson || m.By == ByPlace || m.By == ByNickname:
			put(ev.heads, s, m.VendorID)
		}
	}
	return ev
}

// cued sums the cues for and against match k. An overlapping cue against it decides alone.
func (rd *reading) cued(k int) float64 {
	m := rd.known[k]
	i := int(rd.first[k])
	n := &rd.c.names[m.name]
	j := i + len(n.words)
	s := rd.of[i]
	here := rd.count[[2]int32{n.guard, s}]
	hits := rd.cues[n.guard]
	from, _ := slices.BinarySearchFunc(hits, i-maxCue, func(h cueHit, at int) int { return h.start - at })
	for _, h := range hits[from:] {
		if h.start >= j {
			break
		}
		if h.end <= i {
			continue
		}
		if h.against {
			return -100
		}
		here = here.add(false, -1) // a cue inside the name itself proves nothing
	}
	before, after := rd.count[[2]int32{n.guard, s - 1}], rd.count[[2]int32{n.guard, s + 1}]
	total := 0.0
	switch {
	case here.for_ > 0:
		total += cueHere
	case before.for_+after.for_ > 0:
		total += cueNear
	}
	switch {
	case here.against > 0:
		total += againstHere
	case before.against+after.against > 0:
		total += againstNear
	}
	return total
}

func (n cueCount) add(against bool, d int) cueCount {
	if against {
		n.against += d
	} else {
		n.for_ += d
	}
	return n
}

// maxCue is more words than any cue has.
const maxCue = 16

func (rd *reading) score(k int, ev evidence) float64 {
	m := rd.known[k]
	w := &rd.c.words
	i := int(rd.first[k])
	n := &rd.c.names[m.name]
	j := i + len(n.words)
	s := int(rd.of[i])
	sent := rd.sents[s]

	cued := rd.cued(k)
	if cued <= -100 {
		return cued
	}
	total := cued
	tok := rd.toks[i]
	initial := i == sent.start || rd.opensQuote(i)
	opener := initial && !rd.toks[j-1].caps && rd.lang != "" && strings.Contains(rd.c.guards[n.guard].opens, rd.lang)

	// What stands before.
	det := false
	if i > sent.start && (tok.sep == sepSpace || tok.sep == sepApos) {
		prev := rd.toks[i-1]
		det = w.determiners[prev.hash] && tok.sep == sepSpace || tok.sep == sepApos && prev.hash == hashL
		if w.roles[prev.hash] || i-1 > sent.start && prev.sep == sepSpace && w.roles[rd.toks[i-2].hash] && !det {
			total += roleBefore
		}
		if prev.upper && prev.letters > 1 && i-1 > sent.start && tok.sep == sepSpace && sent.plain && rd.inner[i-1] < 0 && !w.roles[prev.hash] && !det {
			total += longerName
		}
	}
	// What stands after.
	if j < len(rd.toks) && j < sent.end {
		next := rd.toks[j]
		switch {
		case next.sep == sepApos && next.letters == 1 && next.hash == hashS:
			total += possessive
		case next.sep == sepSpace && (w.tails[next.hash] || w.regions[next.hash]) && next.upper:
			total += tailAfter
		case next.sep == sepSpace && w.verbs[next.hash] && m.By == ByName && !opener && (!next.upper || !sent.plain):
			total += verbAfter
		case (next.sep == sepSpace || next.sep == sepHyphen) && next.upper && !next.caps && sent.plain && rd.inner[j] < 0 && !w.roles[next.hash] && m.By == ByName:
			total += longerName
		}
	}
	switch {
	case det && m.By == ByName:
		if rd.lang == "en" && j < sent.end && rd.toks[j].sep == sepSpace && !rd.toks[j].upper {
			total += modifier
		} else {
			total += determiner
		}
	case initial && !det && rd.lang == "fr" && sent.plain && m.By == ByName && i == sent.start && sent.end-sent.start > 4:
		total += bare
	case initial || !sent.plain || rd.c.guards[n.guard].proper:
	case m.By == ByProduct:
		total += product
	case tok.caps && tok.letters > 1:
		total += acronym
	case tok.upper:
		total += capital
	}
	// Who stands near.
	total += rd.company(m, s, i, j, ev)
	// One sense in an article, unless this sentence speaks against it.
	if ev.all[m.VendorID] > 0 && !opener && cued >= 0 {
		total += elsewhere
	}
	return total
}

// company scores the other vendors around a match: relatives, peers, neighbours in a list.
func (rd *reading) company(m Match, s, i, j int, ev evidence) float64 {
	at := rd.c.byID[m.VendorID]
	key := companyKey{at, int32(s), m.By == ByProduct}
	total, ok := rd.memo[key]
	if !ok {
		total = rd.circle(m, &rd.c.vendors[at], s, ev)
		rd.memo[key] = total
	}
	if rd.inList(i, j, ev.vendors[s]) {
		total += enumerated
	}
	return total
}

// circle is the part of company that is the same for all mentions of a vendor in a sentence.
func (rd *reading) circle(m Match, v *Vendor, s int, ev evidence) float64 {
	kin, peer := 0.0, 0.0
	for d := -1; d <= 1; d++ {
		if s+d < 0 || s+d >= len(rd.sents) {
			continue
		}
		if ev.heads[s+d][v.ID] || m.By == ByProduct && ev.vendors[s+d][v.ID] {
			kin = kinHere
		}
		for id := range ev.vendors[s+d] {
			if id == v.ID {
				continue
			}
			o := &rd.c.vendors[rd.c.byID[id]]
			if related(v, o) {
				kin = kinHere
			}
			if len(o.Kinds) > 0 && v.Is(o.Kinds[0]) {
				if d == 0 {
					peer = max(peer, peerHere)
				} else {
					peer = max(peer, peerNear)
				}
			}
		}
	}
	total := kin + peer
	if peer == 0 && rd.peers(v, ev) >= 2 {
		total += field
	}
	return total
}

// peers counts the other vendors of v's kinds that the text names clearly.
func (rd *reading) peers(v *Vendor, ev evidence) int {
	n := 0
	for id := range ev.all {
		o := &rd.c.vendors[rd.c.byID[id]]
		if id != v.ID && len(o.Kinds) > 0 && v.Is(o.Kinds[0]) {
			n++
		}
	}
	return n
}

// inList says whether a clearly named vendor stands beside tokens [i, j) with a comma or a conjunction between.
func (rd *reading) inList(i, j int, named map[string]bool) bool {
	beside := func(k int) bool {
		return k >= 0 && k < len(rd.toks) && rd.inner[k] >= 0 && named[rd.known[rd.inner[k]].VendorID]
	}
	joins := func(k int) bool {
		switch Fold(rd.text[rd.toks[k].start:rd.toks[k].end]) {
		case "et", "and", "ou", "or":
			return true
		}
		return false
	}
	if i > 0 && (strings.TrimSpace(rd.text[rd.toks[i-1].end:rd.toks[i].start]) == "," && beside(i-1) || joins(i-1) && beside(i-2)) {
		return true
	}
	return j < len(rd.toks) && (strings.TrimSpace(rd.text[rd.toks[j-1].end:rd.toks[j].start]) == "," && beside(j) || joins(j) && beside(j+1))
}

func related(a, b *Vendor) bool {
	for _, t := range a.Parents {
		if t.ID == b.ID {
			return true
		}
	}
	for _, t := range b.Parents {
		if t.ID == a.ID {
			return true
		}
	}
	return false
}

// opensQuote says whether token i stands right after an opening quote or a colon, where a capital proves nothing.
func (rd *reading) opensQuote(i int) bool {
	if i == 0 {
		return true
	}
	gap := strings.TrimRightFunc(rd.text[rd.toks[i-1].end:rd.toks[i].start], unicode.IsSpace)
	for _, q := range []string{"«", "“", "\"", ":", "•", "–", "—"} {
		if strings.HasSuffix(gap, q) {
			return true
		}
	}
	return false
}

var (
	hashL = hashOf("l")
	hashS = hashOf("s")

	hashPartners = hashOf("partners")
	hashCapital  = hashOf("capital")
	hashVenture  = hashOf("venture")
)
