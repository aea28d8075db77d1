package extract

import (
	"slices"
	"strings"
	"time"

	"example.org/veille/extract/catalogue"
)

// doc is one article while it is read.
type doc struct {
	x           *Extractor
	l           *lexicon
	title, text string
	lang        string // fr, en, or empty: names only
	at          time.Time
	names       []name
	marks       []mark
	sents       []sent
	orgs        map[string]*org
	unknowns    map[string]*org
	seenCap     map[string]bool // words with a capital in mid-sentence
	seenLow     map[string]bool // words without one
	titleCase   bool            // the title is a Headline Written Like This

	recent    []recent              // names in order of reading
	topic     []party               // subject of the last sentence that had one
	pair      []party               // parties of the last deal with two
	main      *party                // whom the article is mainly about: the first subject
	last      *cand                 // the last deal found
	mem       map[string]remembered // who last held a role
	first     *cand                 // the first deal found
	directed  string                // the last type that has two sides
	types     map[string]string     // type of the deals told of, by parties
	mainAny   *party                // the first subject, in the catalogue or not
	titlePair []party               // the two vendors of the title
	trace     *Trace
	drops     []dropped       // triggers of the sentence that made no deal
	ties      []tie           // deals the model has seen so far
	sights    []sight         // pairs of organisations, sentence by sentence
	watch     *observer       // while training
	seenList  []observation   // of the last sight, to be used again
	shut      map[[2]int]bool // names that are only compared with, by part and start
}

type remembered struct {
	p    party
	typ  string
	sent int
}

type recent struct {
	p       party
	sent    int
	tok     int
	subject bool
	title   bool
}

// mark is a name in the text that is no vendor: a publisher, a person, a seat, a nickname.
type mark struct {
	in         string
	start, end int
	kind       markKind
	org        *org
}

type markKind uint8

const (
	markPress markKind = iota
	markPerson
	markPlace
	markNick
)

func (x *Extractor) newDoc(l *lexicon, title, text, lang string, at time.Time) *doc {
	d := &doc{
		x: x, l: l, title: title, text: text, at: at, orgs: map[string]*org{}, unknowns: map[string]*org{},
		seenCap: map[string]bool{}, seenLow: map[string]bool{}, shut: map[[2]int]bool{}, mem: map[string]remembered{}, types: map[string]string{},
	}
	whole := text
	cut := 0
	if title != "" {
		whole = title + "\n\n" + text
		cut = len(title) + 2
	}
	found := x.cat.Scan(whole, at)
	found = x.cat.Disambiguate(whole, lang, found, at)
	for _, m := range found {
		n := name{in: "text", start: m.Start - cut, end: m.End - cut}
		if m.Start < cut {
			if m.End > len(title) {
				continue
			}
			n.in, n.start, n.end = "title", m.Start, m.End
		}
		if m.VendorID != "" {
			n.org = d.vendor(m.VendorID)
		}
		switch m.By {
		case catalogue.ByName, catalogue.ByProduct:
			if n.org == nil {
				continue
			}
			n.product = m.Product
			d.names = append(d.names, n)
		case catalogue.ByPress:
			d.marks = append(d.marks, mark{n.in, n.start, n.end, markPress, nil})
		case catalogue.ByPerson:
			d.marks = append(d.marks, mark{n.in, n.start, n.end, markPerson, n.org})
		case catalogue.ByPlace:
			d.marks = append(d.marks, mark{n.in, n.start, n.end, markPlace, n.org})
		case catalogue.ByNickname:
			d.marks = append(d.marks, mark{n.in, n.start, n.end, markNick, n.org})
		}
	}
	return d
}

// vendor gives the org of a vendor, one for the whole article.
func (d *doc) vendor(id string) *org {
	if o, ok := d.orgs[id]; ok {
		return o
	}
	v, ok := d.x.cat.Vendor(id)
	if !ok {
		return nil
	}
	o := &org{id: v.ID, name: v.Name, kinds: kindsOf(v), main: mainKind(v), country: strings.ToLower(v.Country), hq: v.HQ, known: true}
	d.orgs[id] = o
	return o
}

// segment cuts the article into sentences and learns which words it writes with a capital.
func (d *doc) segment() {
	var inTitle, inText []name
	for _, n := range d.names {
		if n.in == "title" {
			inTitle = append(inTitle, n)
		} else {
			inText = append(inText, n)
		}
	}
	d.names = append(inTitle, inText...)
	d.sents = append(d.l.segment("title", d.title, inTitle, 0), d.l.segment("text", d.text, inText, len(inTitle))...)
	// only words seen with a capital can be names in doubt
	doubt := map[string]bool{}
	for si := range d.sents {
		s := &d.sents[si]
		for i := range s.toks {
			if t := &s.toks[i]; t.kind == 'w' && t.cap {
				doubt[t.low] = true
			}
		}
	}
	caps, words := 0, 0
	for si := range d.sents {
		s := &d.sents[si]
		for i := range s.toks {
			t := &s.toks[i]
			if t.kind != 'w' || len(t.raw) < 2 {
				continue
			}
			if s.in == "title" {
				if len(t.raw) > 3 && i > 0 {
					words++
					if t.cap {
						caps++
					}
				}
				continue
			}
			if !doubt[t.low] {
				continue
			}
			if !t.cap {
				d.seenLow[t.low] = true
			} else if i > 0 && s.toks[i-1].kind != 'p' {
				d.seenCap[t.low] = true
			}
		}
		s.boiler = d.boilerplate(s)
	}
	d.titleCase = words >= 3 && caps*10 >= words*7
}

// boilerplate tells lines that belong to the page, not to the article.
func (d *doc) boilerplate(s *sent) bool {
	for i := 0; i < len(s.toks) && i < 2; i++ {
		for _, p := range d.l.byWord[s.toks[i].low] {
			if p.cue == qBoiler {
				if _, _, _, ok := d.l.match(p, s.toks, i); ok {
					return true
				}
			}
		}
	}
	return false
}

func (d *doc) marked(in string, at int) bool {
	m := d.markAt(in, at)
	return m != nil && (m.kind == markPress || m.kind == markPerson || m.kind == markPlace)
}

func (d *doc) markAt(in string, at int) *mark {
	i, _ := slices.BinarySearchFunc(d.marks, at, func(m mark, at int) int {
		if m.in != in {
			if m.in == "title" {
				return -1
			}
			return 1
		}
		if m.end <= at {
			return -1
		}
		return 1
	})
	if i < len(d.marks) && d.marks[i].in == in && d.marks[i].start <= at && at < d.marks[i].end {
		return &d.marks[i]
	}
	return nil
}

func (d *doc) markOrg(in string, at int, k markKind) *org {
	if m := d.markAt(in, at); m != nil && m.kind == k {
		return m.org
	}
	return nil
}

func (d *doc) isPlace(in string, t *tok) bool {
	return t.class&cPlace != 0 || d.markOrg(in, t.start, markPlace) != nil
}

// hqOf gives the vendor whose seat the place is: one named in the article, else the only one there is.
func (d *doc) hqOf(place string) string {
	ids := d.x.seats[place]
	for i := len(d.recent) - 1; i >= 0; i-- {
		if slices.Contains(ids, d.recent[i].p.org.id) {
			return d.recent[i].p.org.id
		}
	}
	for _, n := range d.names {
		if slices.Contains(ids, n.org.id) {
			return n.org.id
		}
	}
	if len(ids) == 1 {
		return ids[0]
	}
	return ""
}

// resolve finds whom an anaphor stands for. left are the items before it in its sentence.
func (d *doc) resolve(s *sent, at int, a atom, left []item) []party {
	an := a.anaphor
	if an.hq != "" {
		if o := d.vendor(an.hq); o != nil {
			return []party{{org: o}}
		}
		return nil
	}
	inSentence := map[*org]bool{}
	for _, it := range left {
		for _, p := range it.parties {
			inSentence[p.org] = true
		}
	}
	if k := len(left) - 1; k >= 0 && !an.pronoun && !an.pair && !an.latter && a.from > 0 && s.toks[a.from-1].low == "," && left[k].to == a.from-1 && len(left[k].parties) == 1 && left[k].prep == sNone && !left[k].excl && (an.nation == "" || an.nation == left[k].parties[0].org.country) {
		return left[k].parties // "Scality, the Paris company that …"
	}
	if an.pair && an.poss {
		// their, leur: the group before it, else the two of the last deal
		for k := len(left) - 1; k >= 0; k-- {
			if left[k].prep == sNone && !left[k].excl {
				return left[k].parties
			}
		}
		if len(d.pair) > 1 {
			return d.pair
		}
		return d.topic
	}
	if an.pair && !an.poss {
		if len(left) > 0 && !an.pronoun && d.main != nil {
			// "Citrix is leaving: the two parted ways": the one just named and the article's own
			if it := &left[len(left)-1]; len(it.parties) == 1 && it.parties[0].org != d.main.org && it.parties[0].org.known && !it.excl {
				return []party{*d.main, {org: it.parties[0].org}}
			}
		}
		if !an.pronoun && len(d.titlePair) == 2 && s.in == "text" {
			return d.titlePair
		}
		if an.pronoun {
			// they, ils: the last group of several, else nobody
			for k := len(left) - 1; k >= 0; k-- {
				if len(left[k].parties) > 1 {
					return left[k].parties
				}
			}
			if len(d.topic) > 1 || len(d.topic) == 1 && s.in == "text" && len(left) == 0 && d.l.lang == "en" {
				return d.topic
			}
			if len(d.pair) > 1 && len(left) == 0 {
				return d.pair
			}
			return nil
		}
		if len(d.pair) > 1 {
			return d.pair
		}
		return d.lastTwo()
	}
	if an.other {
		if len(d.pair) != 2 {
			return nil
		}
		for k := range left {
			for _, p := range left[k].parties {
				for m := range d.pair {
					if d.pair[m].org == p.org {
						return []party{d.pair[1-m]}
					}
				}
			}
		}
		return nil
	}
	if an.poss {
		// its, son: the subject of the sentence, else the topic
		for k := range left {
			if left[k].prep == sNone && !left[k].excl && len(left[k].parties) == 1 && !left[k].possDet {
				return left[k].parties
			}
		}
		if len(left) == 0 && len(d.topic) == 1 {
			return d.topic
		}
		if k := len(left) - 1; k >= 0 && len(left[k].parties) == 1 && !left[k].excl && !left[k].possDet {
			return left[k].parties // "shareholders in Juniper have approved its sale"
		}
		return nil
	}
	if an.latter {
		if k := len(left) - 1; k >= 0 {
			return left[k].parties[len(left[k].parties)-1:]
		}
		if k := len(d.recent) - 1; k >= 0 {
			return []party{d.recent[k].p}
		}
		return nil
	}
	fits := func(p party) bool {
		if an.nation != "" && p.org.known && p.org.country != an.nation {
			return false
		}
		if an.kinds == 0 || an.kinds&kAny != 0 {
			return true
		}
		if an.kinds == kDistributor {
			return p.org.main&kDistributor != 0
		}
		if p.org.main&kDistributor != 0 && an.kinds&kDistributor == 0 {
			return false // a wholesaler has brands, it is none
		}
		return p.org.kinds&an.kinds != 0
	}
	if an.pronoun {
		if len(left) == 1 && !left[0].excl && left[0].from <= 3 && left[0].to < len(s.toks) && s.toks[left[0].to].low == "," && len(left[0].parties) == 1 {
			return left[0].parties // « Quant à X, il … »
		}
		if len(left) > 0 {
			for k := range left {
				if left[k].prep == sNone && len(left[k].parties) == 1 && !left[k].possDet && !left[k].excl {
					return left[k].parties // "Unlike Fortinet, it …" is not Fortinet
				}
			}
		}
		if len(d.topic) == 1 {
			return d.topic
		}
		return nil
	}
	if an.kinds == kVendor && d.first != nil {
		for _, rp := range d.first.roles {
			if rp.role == "vendor" && !inSentence[rp.p.org] {
				return []party{{org: rp.p.org}} // « la marque »: the one the article is about
			}
		}
	}
	if s.opens && s.para > 0 && len(left) == 0 && d.main != nil && fits(*d.main) && (an.kinds&kAny != 0 || d.main.org.main&an.kinds != 0) {
		return []party{{org: d.main.org}} // a paragraph that opens with "the company" speaks of the article's own
	}
	if len(d.topic) == 1 && !inSentence[d.topic[0].org] && fits(d.topic[0]) && (an.kinds&kAny != 0 || d.topic[0].org.known && d.topic[0].org.main&an.kinds != 0) {
		return d.topic
	}
	// the most recent that fits and is not already in the sentence; who is mostly of the kind goes before who is of it as well
	for _, strict := range [...]bool{true, false} {
		if strict && an.kinds&kAny != 0 {
			continue
		}
		for i := len(d.recent) - 1; i >= 0; i-- {
			r := d.recent[i]
			if at-r.sent > 6 && !r.title {
				break
			}
			if inSentence[r.p.org] || !fits(r.p) || !r.p.org.known && an.kinds&kAny == 0 || strict && r.p.org.main&an.kinds == 0 {
				continue
			}
			return []party{{org: r.p.org}}
		}
	}
	for k := len(left) - 1; k >= 0; k-- {
		for _, p := range left[k].parties {
			if fits(p) && !left[k].excl && an.kinds&kAny == 0 {
				return []party{{org: p.org}}
			}
		}
	}
	return nil
}

// lastTwo gives the two organisations named last.
func (d *doc) lastTwo() []party {
	var out []party
	for i := len(d.recent) - 1; i >= 0 && len(out) < 2; i-- {
		p := d.recent[i].p
		if len(out) == 0 || out[0].org != p.org {
			out = append(out, party{org: p.org})
		}
	}
	if len(out) < 2 {
		return nil
	}
	return out
}

// remember keeps the names of a sentence for the anaphors that follow.
func (d *doc) remember(s *sent, at int, items []item) {
	subject := -1
	for k := range items {
		it := &items[k]
		if it.prep == sNone && !it.excl && !it.afterVerb && !it.possDet && !it.customer {
			subject = k
			break
		}
	}
	for k := range items {
		if items[k].excl && !items[k].anaphor {
			d.shut[[2]int{inIndex(s.in), s.toks[items[k].from].start}] = true
		}
		if items[k].pronoun || items[k].anaphor && len(items[k].parties) > 1 {
			continue
		}
		for _, p := range items[k].parties {
			if !p.org.known && (items[k].customer || k != subject) {
				continue
			}
			d.recent = append(d.recent, recent{p: p, sent: at, tok: items[k].from, subject: k == subject, title: s.in == "title"})
		}
	}
	if subject >= 0 {
		d.topic = items[subject].parties
		if d.mainAny == nil && len(d.topic) == 1 {
			d.mainAny = &d.topic[0]
		}
		if d.main == nil && len(d.topic) == 1 && d.topic[0].org.known {
			d.main = &d.topic[0]
		}
	}
	if s.in == "title" && len(d.pair) == 0 {
		var two []party
		for k := range items {
			if !items[k].excl && !items[k].anaphor {
				two = append(two, items[k].parties...)
			}
		}
		if len(two) == 2 && d.titlePair == nil && two[0].org.known && two[1].org.known && two[0].org != two[1].org {
			d.titlePair = two
		}
		if len(two) == 2 && two[0].org.known && two[1].org.known && two[0].org != two[1].org {
			d.pair = two
		}
	}
	if len(d.recent) > 400 {
		d.recent = slices.Clone(d.recent[len(d.recent)-200:])
	}
}
