package page

import (
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// result is a body and where it came from.
type result struct {
	text string
	how  string
}

// article decides which body to trust.
func (t *tree) article(rule *Rule, m *meta, doc *html.Node, base *url.URL) result {
	t.settle()
	t.collectMarkers()
	var kept []int32
	how := "own"
	if rule != nil {
		if kept = t.byRule(rule, doc); bytesOf(t, kept) >= minRule {
			how = "rule"
		} else {
			kept = nil
		}
	}
	sure := how == "rule"
	if kept == nil {
		kept, sure = t.own()
	} else if !rule.Verified { // written from afar, and sites change: it is not believed against a clear sight of the page
		n := bytesOf(t, kept)
		if mine, clear := t.own(); clear && (n*10 < bytesOf(t, mine)*7 || n*10 > bytesOf(t, mine)*16) {
			kept, how = mine, "own"
		}
	}
	own := t.render(kept)

	// JSON-LD's body is exact where it is whole, but seldom has paragraphs: it chooses among our blocks when it can.
	if ld := ldText(m.ld.body); len(ld) >= minLD && len(ld)*10 >= len(own)*6 {
		blocks := t.confirmed(ld, false)
		if bytesOf(t, blocks)*100 < len(ld)*85 {
			blocks = t.confirmed(ld, true)
		}
		if bytesOf(t, blocks)*100 >= len(ld)*85 {
			if bytesOf(t, blocks)*100 < len(ld)*97 { // some of it was not recognised: what we would keep between is it
				blocks = union(blocks, kept)
			} else { // paragraphs that it leaves out, as those with a large first letter
				blocks = union(blocks, t.siblings(kept, blocks))
			}
			if r, _, _ := t.region(); r >= 0 { // JSON-LD leaves the standfirst to its description
				if from := t.lead(blocks[0], r); from < blocks[0] {
					blocks = append(t.keep(from, blocks[0]), blocks...)
				}
			}
			return result{t.render(blocks), "jsonld"}
		}
		if strings.Count(ld, "\n\n") >= 2 || len(own)*2 < len(ld) {
			return result{ld, "jsonld"}
		}
	}
	if sure {
		return result{own, how}
	}
	if len(own) < 250 && t.skipped > 0 && !t.hidden { // an article that scripts would uncover
		open := (&tree{hints: make(map[string]hint, 256), hidden: true, title: t.title}).plant(doc)
		open.settle()
		if kept, _ := open.own(); bytesOf(open, kept) > 2*len(own)+200 {
			return result{open.render(kept), "own"}
		}
	}
	if all := t.prosaic(); all > 3*len(own)+600 { // most of it is named as boilerplate: names are no guide here
		blind := (&tree{hints: make(map[string]hint, 256), blind: true, title: t.title}).plant(doc)
		blind.settle()
		if more, sure := blind.own(); sure && bytesOf(blind, more)*10 > all*8 {
			if text := blind.render(more); len(kept) == 0 || strings.Contains(text, t.blocks[kept[0]].text) {
				return result{text, "own"}
			}
		}
	}
	if other := readable(doc, base, t); better(other, own, t) {
		return result{other, "fallback"}
	}
	return result{own, how}
}

const (
	minRule = 200 // bytes a site rule must give to be believed
	minLD   = 250 // bytes of articleBody below which it is a teaser
)

// prosaic is the number of bytes of prose on the page, boilerplate included.
func (t *tree) prosaic() int {
	n := 0
	for i := range t.blocks {
		if b := &t.blocks[i]; b.prose() {
			n += len(b.text)
		}
	}
	return n
}

func bytesOf(t *tree, kept []int32) int {
	n := 0
	for _, i := range kept {
		n += len(t.blocks[i].text)
	}
	return n
}

// own is our extractor: the region and what is kept of it. sure is false when the page's prose lies elsewhere too.
func (t *tree) own() (kept []int32, sure bool) {
	r, from, to := t.region()
	if r < 0 {
		return nil, false
	}
	if a, b, sum := t.run(); !t.several && (t.sums[to]-t.sums[from])*10 < sum*6 { // paragraphs that no element holds together
		from, to = a, b
	}
	from = t.lead(from, r)
	kept = t.keep(from, to)

	inside, outside := 0, 0
	for i := range t.blocks {
		b := &t.blocks[i]
		if b.bad || !b.prose() {
			continue
		}
		if int32(i) >= from && int32(i) < to {
			inside += len(b.text)
		} else {
			outside += len(b.text)
		}
	}
	n := bytesOf(t, kept)
	return kept, n >= 600 && (t.several || outside*10 < inside*4) && n*10 >= inside*6
}

// lead takes in a standfirst that stands before the region: named so, or a paragraph between the page's title and it.
func (t *tree) lead(from, r int32) int32 {
	e := &t.elems[r]
	limit := max(0, from-25)
	at := from
	title := fold(t.title)
	for i := from - 1; i >= limit; i-- {
		b := &t.blocks[i]
		if b.bad || b.owner < 0 {
			continue
		}
		named := false
		for o, d := b.owner, 0; o >= 0 && d < 4; o, d = t.elems[o].parent, d+1 {
			if t.elems[o].h&hintLead != 0 && t.elems[o].last-t.elems[o].first <= 4 {
				named = true
			}
		}
		if named && len(b.text) >= 60 {
			at = i
			continue
		}
		if b.tag == atom.H1 || title != "" && len(b.text) < 400 && heading(b.tag) && same(fold(b.text), title) {
			// between the title and the text: one paragraph that is prose and near
			for j := i + 1; j < from; j++ {
				c := &t.blocks[j]
				if !c.bad && (c.prose() && len(c.text) >= 80 || heading(c.tag) && len(c.text) >= 50) && c.links*5 < int32(len(c.text)) && !aside(c.text) && !nameLine(c.text) && t.near(c.owner, e) {
					return min(at, j)
				}
			}
			return at
		}
	}
	return at
}

// near tells whether an element shares a close ancestor with e.
func (t *tree) near(o int32, e *elem) bool {
	for d := 0; o >= 0 && d < 5; o, d = t.elems[o].parent, d+1 {
		if t.elems[o].first <= e.first && t.elems[o].last >= e.last {
			return true
		}
	}
	return false
}

// keep chooses among the blocks from:to.
func (t *tree) keep(from, to int32) []int32 {
	title := fold(t.title)
	total, done := 0, 0
	for i := from; i < to; i++ {
		if b := &t.blocks[i]; !b.bad && b.prose() {
			total += len(b.text)
		}
	}
	var kept []int32
	stopped := false
	for i := from; i < to; i++ {
		b := &t.blocks[i]
		if b.bad {
			continue
		}
		n := len(b.text)
		if n < 120 && stops(b.text) && (heading(b.tag) || b.tag != atom.Li) {
			// "Related articles": the rest is not the article when most of it is behind us, else only its links are not
			if done*10 >= total*7 {
				break
			}
			stopped = true
			continue
		}
		if heading(b.tag) {
			if title != "" && same(fold(b.text), title) || int(b.links)*10 >= n*8 && n > 30 && b.tag != atom.H2 && !t.heads(i, to) || b.tag == atom.H1 && len(kept) == 0 {
				continue
			}
			if n > 300 || aside(b.text) {
				continue
			}
			stopped = false
			kept = append(kept, i)
			continue
		}
		if n < 120 && b.owner >= 0 && t.elems[b.owner].h&hintHead != 0 && t.elems[b.owner].last-t.elems[b.owner].first == 1 && int(b.links)*2 < n && !aside(b.text) {
			kept = append(kept, i)
			continue
		}
		if t.drop(b, i, title, len(kept) == 0, len(kept) < 3, stopped) {
			continue
		}
		if b.prose() {
			stopped = false
			done += n
		}
		kept = append(kept, i)
	}
	return t.trim(kept)
}

// heads tells whether a linked heading stands above prose of its own, as a sibling in the flow of the text: one of a
// list of products, and no teaser, which keeps its headline and its sentence in a box.
func (t *tree) heads(i, to int32) bool {
	home := t.elems[t.blocks[i].owner].parent
	for j := i + 1; j < min(to, i+3); j++ {
		b := &t.blocks[j]
		if b.bad || heading(b.tag) {
			return false
		}
		if b.prose() {
			if b.owner < 0 || t.elems[b.owner].parent != home || home < 0 {
				return false
			}
			return t.elems[home].last-t.elems[home].first > 8 || !strings.HasSuffix(b.text, "…") && ends(b.text) && t.inBody(home)
		}
	}
	return false
}

// inBody tells whether an element stands in one that is named as the article's body.
func (t *tree) inBody(o int32) bool {
	for d := 0; o >= 0 && d < 8; o, d = t.elems[o].parent, d+1 {
		if t.elems[o].h&hintBody != 0 {
			return true
		}
	}
	return false
}

// drop judges one block that is no heading.
func (t *tree) drop(b *block, i int32, title string, leading, early, stopped bool) bool {
	n := len(b.text)
	links := int(b.links)
	if b.tag == atom.Li && links > 0 && n > 2 && !stopped && !aside(b.text) && t.listed(b) {
		return false
	}
	switch {
	case links*10 > n*9 && (b.tag != atom.P || n < 200 || stopped):
		return true // nothing but a link
	case links*2 > n && b.tag != atom.P && b.tag != atom.Li && n < 250, links*5 > n*4 && b.tag == atom.Li:
		return true
	case links*10 > n*6 && n < 120 && b.tag != atom.Li:
		return true
	case (b.tag != atom.Li || links > 0) && aside(b.text), pointer(b):
		return true
	case leading && n < 400 && title != "" && same(fold(b.text), title):
		return true
	case n < 160 && (early || n < 60) && bylinePart(b.text) != "":
		return true
	case n < 160 && dateLine(b.text) && (b.tag != atom.Li && b.tag != atom.Tr && b.tag != atom.Dt && b.tag != atom.Td || onlyDate(b.text)): // not a line of a chronicle
		return true
	case b.prose():
		return false
	}
	switch b.tag {
	case atom.P:
		return n < 3 || leading && n < 30 && !ends(b.text)
	case atom.Li, atom.Dd, atom.Dt, atom.Tr, atom.Td, atom.Th:
		return n < 3
	case atom.Blockquote, atom.Pre:
		return false
	}
	if b.bold && n < 120 && links == 0 && t.between(i) {
		return false // a heading of older pages
	}
	// naked text in a div: kept between prose, or when long enough to be some
	return n < 40 && !ends(b.text) || !t.between(i)
}

// listed tells an item of a list that is text with links in it, rather than a list of links.
func (t *tree) listed(b *block) bool {
	if b.owner < 0 || t.elems[b.owner].parent < 0 {
		return false
	}
	e := &t.elems[t.elems[b.owner].parent]
	if e.name != atom.Ul && e.name != atom.Ol {
		return false
	}
	if e.prosy == 0 { // told once for all items
		text, links := 0, 0
		for j := e.first; j < e.last; j++ {
			text += len(t.blocks[j].text)
			links += int(t.blocks[j].links)
		}
		e.prosy = -1
		if links*10 <= text*6 || t.announced(e) {
			e.prosy = 1
		}
	}
	return e.prosy > 0
}

// announced tells a list that the text before it leads to with a colon.
func (t *tree) announced(e *elem) bool {
	if e.first == 0 {
		return false
	}
	b := &t.blocks[e.first-1]
	return !b.bad && strings.HasSuffix(b.text, ":") && b.links*2 < int32(len(b.text)) && (len(b.text) >= 30 || b.tag == atom.Li) && !heading(b.tag) && !aside(b.text) && !stops(b.text)
}

// between tells whether prose stands close before and behind a block, under the same element.
func (t *tree) between(i int32) bool {
	owner := t.blocks[i].owner
	if owner < 0 {
		return false
	}
	parent := t.elems[owner].parent
	if parent < 0 {
		parent = owner
	}
	for t.elems[parent].last-t.elems[parent].first < 2 && t.elems[parent].parent >= 0 { // wrappers of one block
		parent = t.elems[parent].parent
	}
	p := &t.elems[parent]
	before, behind := false, false
	for j := max(p.first, i-4); j < i; j++ {
		before = before || !t.blocks[j].bad && t.blocks[j].prose()
	}
	for j := i + 1; j < min(p.last, i+5); j++ {
		behind = behind || !t.blocks[j].bad && t.blocks[j].prose()
	}
	return before || behind
}

// trim drops headings with nothing under them, and promotion at the end.
func (t *tree) trim(kept []int32) []int32 {
	kept = t.withoutPulled(t.withoutLabels(kept))
	for len(kept) > 0 {
		b := &t.blocks[kept[len(kept)-1]]
		if heading(b.tag) || b.owner >= 0 && t.elems[b.owner].h&hintHead != 0 && !b.prose() || len(kept) > 2 && (promo(b.text) || len(b.text) < 80 && b.tag != atom.Li && b.tag != atom.Tr && !ends(b.text) && !b.prose()) {
			kept = kept[:len(kept)-1]
			continue
		}
		break
	}
	out := kept[:0]
	said := map[string]bool{}
	for i, k := range kept {
		b := &t.blocks[k]
		if heading(b.tag) && i+1 < len(kept) {
			if next := &t.blocks[kept[i+1]]; heading(next.tag) && next.tag <= b.tag && level(next.tag) <= level(b.tag) {
				continue
			}
		}
		if len(b.text) > 60 && !heading(b.tag) {
			if said[b.text] {
				continue // a pull quote, or the standfirst again
			}
			said[b.text] = true
		}
		out = append(out, k)
	}
	return out
}

// withoutPulled drops quotations set large whose words stand in the text beside them.
func (t *tree) withoutPulled(kept []int32) []int32 {
	pulled := func(k int32) bool {
		for o, d := t.blocks[k].owner, 0; o >= 0 && d < 3; o, d = t.elems[o].parent, d+1 {
			if t.elems[o].h&hintPull != 0 && t.elems[o].last-t.elems[o].first <= 4 {
				return true
			}
		}
		return false
	}
	out := kept[:0]
	seen := 0
	for i, k := range kept {
		if b := &t.blocks[k]; len(b.text) < 400 && pulled(k) && seen < 20 {
			seen++
			words := fold(b.text)
			repeats := false
			for j := max(0, i-12); j < min(len(kept), i+12) && !repeats; j++ {
				if o := &t.blocks[kept[j]]; kept[j] != k && len(o.text) > len(b.text) {
					repeats = strings.Contains(fold(o.text), words)
				}
			}
			if repeats {
				continue
			}
		}
		out = append(out, k)
	}
	return out
}

// withoutLabels drops runs of tiny pieces, such as the axes of a chart.
func (t *tree) withoutLabels(kept []int32) []int32 {
	tiny := func(k int32) bool {
		b := &t.blocks[k]
		return len(b.text) <= 8 && b.tag != atom.Li && b.tag != atom.Tr && b.tag != atom.Pre && b.tag != atom.Dd && b.tag != atom.Dt && b.tag != atom.Td && !heading(b.tag) && !ends(b.text)
	}
	out := kept[:0]
	for i := 0; i < len(kept); {
		j := i
		for j < len(kept) && tiny(kept[j]) {
			j++
		}
		if j-i < 5 {
			out = append(out, kept[i:j]...)
		}
		if j < len(kept) {
			out = append(out, kept[j])
			j++
		}
		i = j
	}
	return out
}

func level(a atom.Atom) int {
	switch a {
	case atom.H1:
		return 1
	case atom.H2:
		return 2
	case atom.H3:
		return 3
	case atom.H4:
		return 4
	case atom.H5:
		return 5
	}
	return 6
}

func (t *tree) render(kept []int32) string {
	var b strings.Builder
	b.Grow(bytesOf(t, kept) + 2*len(kept))
	for i, k := range kept {
		if i > 0 {
			b.WriteString("\n\n")
		}
		text := t.blocks[k].text
		if heading(t.blocks[k].tag) { // the mark that links to the heading itself
			text = strings.TrimRight(text, " ¶#§")
		}
		b.WriteString(text)
	}
	return b.String()
}

// ldText makes paragraphs of an articleBody, which may hold markup or lines.
func ldText(s string) string {
	if s == "" {
		return ""
	}
	if strings.Contains(s, "&") {
		s = html.UnescapeString(s)
	}
	if strings.Contains(s, "</") || strings.Contains(s, "<br") {
		if doc, err := html.Parse(strings.NewReader(s)); err == nil {
			t := plant(doc)
			all := make([]int32, len(t.blocks))
			for i := range all {
				all[i] = int32(i)
			}
			return t.render(all)
		}
	}
	var out []string
	for l := range strings.Lines(s) {
		if l = squeeze(l); l != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n\n")
}

// confirmed returns the blocks whose words stand in text, in order: text chooses, the page gives the paragraphs. all looks
// among what was taken for boilerplate too.
func (t *tree) confirmed(text string, all bool) []int32 {
	words := map[uint64]struct{}{}
	var prev, prev2 uint64
	eachWord(text, func(h uint64) {
		words[h^prev*31^prev2*961] = struct{}{}
		prev2, prev = prev, h
	})
	var kept []int32
	for i := range t.blocks {
		b := &t.blocks[i]
		if b.links*10 > int32(len(b.text))*9 && len(b.text) < 200 || b.bad && !all {
			continue
		}
		n, hit := 0, 0
		var prev, prev2 uint64
		eachWord(b.text, func(h uint64) {
			if n++; n > 2 {
				if _, ok := words[h^prev*31^prev2*961]; ok {
					hit++
				}
			}
			prev2, prev = prev, h
		})
		if n > 4 && hit*10 >= (n-2)*6 || n > 2 && n <= 4 && hit == n-2 && heading(b.tag) {
			kept = append(kept, int32(i))
		}
	}
	if len(kept) == 0 {
		return nil
	}
	// a teaser or a sharing text elsewhere may repeat a paragraph: only the first of two alike stays
	seen := map[string]bool{}
	out := kept[:0]
	for _, k := range kept {
		if s := t.blocks[k].text; !seen[s] {
			seen[s] = true
			out = append(out, k)
		}
	}
	return out
}

// siblings are the paragraphs of kept that stand beside those of known.
func (t *tree) siblings(kept, known []int32) []int32 {
	homes := map[int32]int{}
	for _, k := range known {
		if o := t.blocks[k].owner; o >= 0 && t.blocks[k].tag == atom.P {
			homes[t.elems[o].parent]++
		}
	}
	var out []int32
	for _, k := range kept {
		b := &t.blocks[k]
		if b.tag == atom.P && len(b.text) >= 150 && b.links*4 < int32(len(b.text)) && b.owner >= 0 && homes[t.elems[b.owner].parent] >= 3 {
			out = append(out, k)
		}
	}
	return out
}

// union adds to a those of b that stand between its ends; both are in order.
func union(a, b []int32) []int32 {
	out := slices.Clone(a)
	for _, x := range b {
		if x > a[0] && x < a[len(a)-1] {
			out = append(out, x)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// eachWord calls f with a hash of each word of s, letters and digits only, case folded for ASCII.
func eachWord(s string, f func(uint64)) {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	h, in := uint64(offset), false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c >= 0xC3 && c != 0xE2, c >= 0x80 && in && s[i-1] >= 0xC3:
		case c >= 0x80 && i > 0 && s[i-1] == 0xE2: // typographic marks
			continue
		default:
			if in {
				f(h)
				h, in = offset, false
			}
			continue
		}
		h = (h ^ uint64(c)) * prime
		in = true
	}
	if in {
		f(h)
	}
}

// fold reduces a text to what a comparison of titles needs: lower-case letters and digits, single blanks.
func fold(s string) string {
	var b strings.Builder
	blank := false
	for _, r := range strings.ToLower(s) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 0xDF && unicode.IsLetter(r) {
			if blank && b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteRune(r)
			blank = false
		} else {
			blank = true
		}
	}
	return b.String()
}

// same tells whether two folded titles are one: equal, or one begins with the other and they are nearly as long.
func same(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if a == b {
		return true
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a)*10 >= len(b)*8 && (strings.HasPrefix(b, a) || strings.HasSuffix(b, a))
}
