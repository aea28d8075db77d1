package page

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// The extractor, in four passes over a flat copy of the tree, each linear:
//
//	plant    walk the DOM once: elements in document order, and blocks of text (what CSS would set as a paragraph)
//	settle   decide which elements are boilerplate: by name (class, id, role), by shape (lists of linked headings)
//	region   give every block a worth, positive for prose and negative for link lists; the article is the element with
//	         the largest sum, so that it spans sections yet stops before the menus
//	select   keep the blocks of the region that are prose, or short pieces between prose; cut at "related articles"
//
// The worth-sum is the maximum-subsequence idea of Pasternack and Roth (2009) applied to subtrees; the features (link
// density, class names, paragraph length) are those of Readability and boilerpipe.
type tree struct {
	elems   []elem
	blocks  []block
	sums    []float64 // sums[i] = worth of blocks[:i]
	visible int       // bytes of all blocks
	title   string
	hints   map[string]hint // by class name or id: pages repeat them
	markers []string        // texts that speak of a wall, seen anywhere
	hidden  bool            // hidden elements are read too
	blind   bool            // names that speak of boilerplate are not believed
	skipped int             // hidden elements that were not
	several bool            // the page holds other whole articles
}

type elem struct {
	node        *html.Node
	parent      int32
	end         int32 // elems[i+1:end] are its descendants
	first, last int32 // its blocks
	name        atom.Atom
	h           hint
	bad         bool // boilerplate, with all below
	linkedHeads int16
	prosy       int8 // of a list: 1 text with links in it, -1 links, 0 not looked at
}

type hint uint16

const (
	hintNegative hint = 1 << iota // named as boilerplate
	hintPositive                  // named as content
	hintBody                      // named as the article's body itself
	hintLead                      // standfirst
	hintCaption
	hintWall // paywall
	hintHidden
	hintAside   // nav, aside, footer: boilerplate by tag
	hintComment // readers' comments
	hintHead    // a heading in all but the tag
	hintTeaser  // of another article when it has links, else the standfirst
	hintPull    // a quotation set large: it may only repeat the text
)

type block struct {
	text  string
	tag   atom.Atom // p, li, h2 …: the block element that holds it
	owner int32
	links int32 // bytes inside <a>
	bad   bool
	bold  bool // all of it
}

// Limits of the flat copy; a page past them is cut there.
const (
	maxElems  = 200_000
	maxBlocks = 50_000
)

type planter struct {
	*tree
	buf    []byte
	links  int
	bold   int // bytes inside <b> and <strong>
	space  bool
	inA    int
	inB    int
	breaks int
	owner  int32
	table  int
}

// plant makes the flat copy.
func plant(doc *html.Node) *tree { return (&tree{hints: make(map[string]hint, 256)}).plant(doc) }

func (t *tree) plant(doc *html.Node) *tree {
	t.elems = make([]elem, 0, 2048)
	t.blocks = make([]block, 0, 512)
	p := &planter{tree: t, owner: -1}
	body := doc
	for c := doc.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom == atom.Html {
			for d := c.FirstChild; d != nil; d = d.NextSibling {
				if d.DataAtom == atom.Body {
					body = d
				}
			}
		}
	}
	p.element(body, -1, false)
	p.flush()
	for _, b := range t.blocks {
		t.visible += len(b.text)
	}
	return t
}

func (p *planter) element(n *html.Node, parent int32, cellInline bool) {
	if len(p.elems) >= maxElems || len(p.blocks) >= maxBlocks {
		return
	}
	h := p.hint(n)
	if p.blind {
		h &^= hintNegative | hintTeaser
	}
	if h&hintHidden != 0 && !p.hidden {
		p.skipped++
		return
	}
	a := n.DataAtom
	blocky := blockish(a)
	data := false
	if a == atom.Table {
		data = dataTable(n)
	}
	if cellInline && (a == atom.Td || a == atom.Th) {
		blocky = false
	}
	if a == atom.Span && h&hintNegative != 0 && p.owner >= 0 && heading(p.elems[p.owner].name) {
		return // "[edit]"
	}
	if a == atom.Font && bigFont(n) {
		blocky = true
	}
	if a == atom.Span && h&(hintNegative|hintCaption|hintWall|hintHead) != 0 && p.owner >= 0 { // a caption in a span is no part of the text around it
		switch p.elems[p.owner].name {
		case atom.Div, atom.Section, atom.Article, atom.Figure, atom.Main:
			blocky = true
		}
	}
	if blocky {
		p.flush()
	}
	i := int32(len(p.elems))
	p.elems = append(p.elems, elem{node: n, parent: parent, name: a, h: h, first: int32(len(p.blocks))})
	owner := p.owner
	if blocky || owner < 0 {
		p.owner = i
	}
	switch a {
	case atom.A:
		p.inA++
	case atom.B, atom.Strong:
		p.inB++
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch c.Type {
		case html.TextNode:
			p.text(c.Data)
		case html.ElementNode:
			switch c.DataAtom {
			case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Iframe, atom.Svg, atom.Canvas, atom.Audio, atom.Video, atom.Object, atom.Embed,
				atom.Select, atom.Textarea, atom.Button, atom.Input, atom.Option, atom.Datalist, atom.Head, atom.Link, atom.Meta, atom.Map, atom.Progress, atom.Meter, atom.Frameset, atom.Title, atom.Dialog:
				continue
			case atom.Img, atom.Picture, atom.Source, atom.Wbr, atom.Area, atom.Base, atom.Col, atom.Track:
				continue
			case atom.Br:
				if p.breaks++; p.breaks >= 2 {
					p.flush()
				} else if len(p.buf) > 0 {
					p.space = true
				}
				continue
			case atom.Hr:
				p.flush()
				continue
			}
			if (c.DataAtom == atom.Td || c.DataAtom == atom.Th) && (cellInline || data) && len(p.buf) > 0 {
				p.text(" | ")
			}
			p.element(c, i, cellInline && c.DataAtom != atom.Table || data)
		}
	}
	switch a {
	case atom.A:
		p.inA--
	case atom.B, atom.Strong:
		p.inB--
	}
	if blocky {
		p.flush()
	}
	p.owner = owner
	e := &p.elems[i]
	e.end, e.last = int32(len(p.elems)), int32(len(p.blocks))
}

// text appends s to the current block with blanks collapsed.
func (p *planter) text(s string) {
	before := len(p.buf)
	for i := 0; i < len(s); {
		c := s[i]
		if c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' {
			p.space = true
			i++
			continue
		}
		j := i + 1
		if c < 0x80 {
			for j < len(s) && s[j] > ' ' && s[j] < 0x7f {
				j++
			}
			if c < ' ' || c == 0x7f {
				i++
				continue
			}
		} else {
			r, n := decodeRune(s[i:])
			j = i + n
			if r == '\u00a0' || r == '\u202f' { // French typography: kept where it stands alone between words
				if !p.space && len(p.buf) > 0 && j < len(s) && s[j] > ' ' && !strings.HasPrefix(s[j:], "\u00a0") {
					p.buf = append(p.buf, s[i:j]...)
				} else {
					p.space = true
				}
				i = j
				continue
			}
			if isSpace(r) {
				p.space = true
				i = j
				continue
			}
			if unseen(r) {
				i = j
				continue
			}
		}
		if p.space && len(p.buf) > 0 {
			p.buf = append(bytes.TrimRight(p.buf, "\u00a0\u202f"), ' ')
		}
		p.space = false
		p.breaks = 0
		p.buf = append(p.buf, s[i:j]...)
		i = j
	}
	if p.inA > 0 {
		p.links += len(p.buf) - before
	}
	if p.inB > 0 {
		p.bold += len(p.buf) - before
	}
}

func (p *planter) flush() {
	p.space, p.breaks = false, 0
	p.buf = bytes.TrimRight(p.buf, "\u00a0\u202f")
	for bytes.HasSuffix(p.buf, []byte(" |")) { // empty cells at the end of a row
		p.buf = bytes.TrimRight(p.buf[:len(p.buf)-2], " ")
	}
	if len(p.buf) > 0 {
		if len(p.blocks) < maxBlocks {
			tag := atom.Body
			if p.owner >= 0 {
				tag = p.elems[p.owner].name
			}
			p.blocks = append(p.blocks, block{text: string(p.buf), tag: tag, owner: p.owner, links: int32(p.links), bold: p.bold >= len(p.buf)-1})
		}
		p.buf = p.buf[:0]
	}
	p.links, p.bold = 0, 0
}

func blockish(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Div, atom.Section, atom.Article, atom.Main, atom.Header, atom.Footer, atom.Aside, atom.Nav, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6,
		atom.Ul, atom.Ol, atom.Li, atom.Dl, atom.Dt, atom.Dd, atom.Blockquote, atom.Pre, atom.Table, atom.Tbody, atom.Thead, atom.Tfoot, atom.Tr, atom.Td, atom.Th,
		atom.Caption, atom.Figure, atom.Figcaption, atom.Form, atom.Fieldset, atom.Address, atom.Body, atom.Center, atom.Details, atom.Summary, atom.Hgroup, atom.Legend, atom.Menu, atom.Label:
		return true
	}
	return false
}

// bigFont tells a <font> that sets a headline, as pages of before 2010 do.
func bigFont(n *html.Node) bool {
	switch attr(n, "size") {
	case "4", "5", "6", "7", "+1", "+2", "+3", "+4":
		return len(textContent(n, 300)) < 250
	}
	return false
}

// dataTable tells a table of figures from one that lays out a page.
func dataTable(n *html.Node) bool {
	cells, budget := 0, 4000
	var walk func(*html.Node) bool
	walk = func(n *html.Node) bool {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			if budget--; budget < 0 {
				return cells > 0
			}
			if c.Type == html.TextNode && len(c.Data) > 400 && len(strings.TrimSpace(c.Data)) > 400 {
				return false
			}
			if c.Type != html.ElementNode {
				continue
			}
			switch c.DataAtom {
			case atom.Table, atom.H1, atom.H2, atom.Article, atom.Section, atom.Form:
				return false
			case atom.Td, atom.Th:
				cells++
			}
			if !walk(c) {
				return false
			}
		}
		return true
	}
	return walk(n) && cells >= 2
}

// settle marks boilerplate: elements named so, asides, and runs of cards. An element that holds a good part of the page's
// prose is not boilerplate, whatever it is called.
func (t *tree) settle() {
	prose := make([]int32, len(t.blocks)+1) // bytes of prose before each block
	for i := range t.blocks {
		b := &t.blocks[i]
		prose[i+1] = prose[i]
		if b.prose() {
			prose[i+1] += int32(len(b.text))
		}
		if n := int32(len(b.text)); b.links*10 >= n*8 && (heading(b.tag) || n >= 20 && n <= 200) {
			for e := b.owner; e >= 0; e = t.elems[e].parent {
				if t.elems[e].linkedHeads < 1000 {
					t.elems[e].linkedHeads++
				}
				if t.elems[e].last-t.elems[e].first > 30 {
					break
				}
			}
		}
	}
	total := prose[len(t.blocks)]
	for i := range t.elems {
		e := &t.elems[i]
		if e.parent >= 0 && t.elems[e.parent].bad {
			e.bad = true
			continue
		}
		share := prose[e.last] - prose[e.first]
		switch {
		case e.h&hintComment != 0: // may well be most of the page
			e.bad = share*10 <= total*9
		case e.h&hintNegative != 0 && (e.name == atom.Article || e.name == atom.Main): // "post tag-jobs category-newsletter"
		case e.h&(hintNegative|hintCaption) != 0:
			e.bad = share*5 <= total*2 || t.slides(e) // up to two fifths
		case e.h&hintTeaser != 0 && e.last > e.first:
			for b := e.first; b < e.last; b++ {
				e.bad = e.bad || t.blocks[b].links > 0
			}
			e.bad = (e.bad || e.last-e.first > 3) && share*5 <= total*2
		case e.h&hintWall != 0: // some sites call the paragraphs behind the wall so, others the wall
			for b := e.first; b < e.last && b < e.first+12; b++ {
				e.bad = e.bad || wall(t.blocks[b].text)
			}
			e.bad = e.bad && share*5 <= total*2
		case e.h&hintAside != 0:
			e.bad = share*5 <= total*2
		case e.name == atom.Header: // the site's, not the article's, unless it holds prose
			e.bad = false
		}
	}
	t.cards()
	for i := range t.blocks {
		b := &t.blocks[i]
		if b.owner >= 0 && t.elems[b.owner].bad {
			b.bad = true
		}
	}
}

// slides tells a picture gallery by its counters: 1/9, 2/9 …
func (t *tree) slides(e *elem) bool {
	n := 0
	for b := e.first; b < e.last && b < e.first+100; b++ {
		s := t.blocks[b].text
		if i := strings.IndexByte(s, '/'); i > 0 && i <= 3 && strings.Trim(s[:i], "0123456789 ") == "" && i+1 < len(s) && strings.TrimLeft(s[i+1:], " ") != "" && s[len(s)-len(strings.TrimLeft(s[i+1:], " "))] <= '9' {
			n++
		}
	}
	return n >= 3
}

// cards marks runs of at least three siblings, most of which hold a linked headline: teasers of other articles.
func (t *tree) cards() {
	body := int32(0) // end of the element named as the article's body that we are in
	for i := range t.elems {
		e := &t.elems[i]
		if e.h&hintBody != 0 && !e.bad && e.end > body {
			body = e.end
		}
		if int32(i) < body && e.linkedHeads >= 3 && t.told(e) {
			continue
		}
		if e.bad || e.linkedHeads < 3 && e.name != atom.Ul && e.name != atom.Ol || e.last-e.first < 3 {
			continue
		}
		children, linked, text, links, long, plain, free := 0, 0, 0, 0, 0, 0, 0
		kind := ""
		for c := int32(i) + 1; c < e.end; c = t.elems[c].end {
			k := &t.elems[c]
			if k.last == k.first {
				continue
			}
			children++
			prose := 0
			for b := k.first; b < k.last; b++ {
				text += len(t.blocks[b].text)
				links += int(t.blocks[b].links)
				if t.blocks[b].prose() {
					prose++
				}
				if n := len(t.blocks[b].text); n >= 25 && int(t.blocks[b].links)*2 < n {
					plain++
				}
			}
			if prose > 2 {
				long++
			}
			if prose > 0 && k.linkedHeads == 0 {
				free++
			}
			if k.linkedHeads > 0 && k.last-k.first <= 12 && prose <= 2 {
				class, _, _ := strings.Cut(attr(k.node, "class"), " ")
				if kind == "" {
					kind = k.node.Data + " " + class
				}
				if kind == k.node.Data+" "+class {
					linked++
				}
			}
		}
		list := e.name == atom.Ul || e.name == atom.Ol
		if linked >= 3 && linked*3 >= children*2 && text < 900*children && long == 0 && free < 2 && !(list && t.announced(e)) {
			e.bad = true
		}
		if list && children >= 2 && links*10 > text*7 && plain*4 <= children && !t.announced(e) {
			e.bad = true
		}
		if e.bad {
			for c := int32(i) + 1; c < e.end; c++ {
				t.elems[c].bad = true
			}
		} else if linked >= 3 {
			t.cardRuns(int32(i))
		}
	}
}

// told tells a part of the article's body whose linked headings each stand above whole sentences: a list of products, say,
// where teasers of other articles have a beginning that breaks off, or nothing.
func (t *tree) told(e *elem) bool {
	heads, whole := 0, 0
	for b := e.first; b < e.last; b++ {
		k := &t.blocks[b]
		if !heading(k.tag) || int(k.links)*10 < len(k.text)*8 {
			continue
		}
		heads++
		if b+1 < e.last {
			if next := &t.blocks[b+1]; next.prose() && next.links*3 < int32(len(next.text)) && ends(next.text) && !strings.HasSuffix(next.text, "…") && !strings.HasSuffix(next.text, "...") {
				whole++
			}
		}
	}
	return heads >= 3 && whole*5 >= heads*4
}

// cardRuns marks teasers that stand in a row beside the article itself.
func (t *tree) cardRuns(i int32) {
	var run []int32
	text := 0
	kind := ""
	end := func() {
		if len(run) >= 3 && text < 350*len(run) {
			for _, c := range run {
				for d := c; d < t.elems[c].end; d++ {
					t.elems[d].bad = true
				}
			}
		}
		run, text = run[:0], 0
	}
	for c := i + 1; c < t.elems[i].end; c = t.elems[c].end {
		k := &t.elems[c]
		if k.last == k.first {
			continue
		}
		prose, n := 0, 0
		for b := k.first; b < k.last; b++ {
			n += len(t.blocks[b].text)
			if t.blocks[b].prose() {
				prose++
			}
		}
		class, _, _ := strings.Cut(attr(k.node, "class"), " ")
		if k.linkedHeads == 0 || k.last-k.first > 12 || prose > 1 || heading(k.name) || k.name == atom.P || k.node.Data+" "+class != kind && len(run) > 0 {
			end()
		}
		if k.linkedHeads > 0 && k.last-k.first <= 12 && prose <= 1 && !heading(k.name) && k.name != atom.P && k.name != atom.Li {
			kind = k.node.Data + " " + class
			run, text = append(run, c), text+n
		}
	}
	end()
}

// prose tells a block that reads like a paragraph.
func (b *block) prose() bool {
	n := int32(len(b.text))
	return n >= 80 && b.links*2 < n && !heading(b.tag) || n >= 40 && b.links*3 < n && !heading(b.tag) && ends(b.text)
}

// ends tells whether a text ends as a sentence does.
func ends(s string) bool {
	s = strings.TrimRight(s, "\"'»”’)] ")
	if s == "" {
		return false
	}
	switch s[len(s)-1] {
	case '.', '!', '?', ':', ';':
		return true
	}
	return strings.HasSuffix(s, "…")
}

func heading(a atom.Atom) bool {
	switch a {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return true
	}
	return false
}

// worth of a block for the choice of the region, in bytes of prose.
func (t *tree) worth(b *block) float64 {
	n := float64(len(b.text))
	if b.bad {
		return -20 - 0.3*min(n, 400)
	}
	density := float64(b.links) / n
	switch {
	case heading(b.tag):
		if density > 0.7 {
			return -25
		}
		return 5
	case b.tag == atom.Pre:
		return 0.2 * min(n, 500)
	case density > 0.5:
		return -15 - min(n, 200)
	case !b.prose():
		if b.tag == atom.P || b.tag == atom.Li || b.tag == atom.Tr {
			return -2
		}
		return -12
	}
	w := 1.0
	switch b.tag {
	case atom.P, atom.Pre, atom.Blockquote:
	case atom.Li:
		w = 0.6
	case atom.Td, atom.Tr, atom.Dd, atom.Dt, atom.Label, atom.Address:
		w = 0.5
	default:
		w = 0.8
	}
	return min(n, 1500) * w * (1 - density)
}

// region finds the element that holds the article, -1 when no block is prose, and the blocks from:to it spans: more than
// the element's when the body is cut into several of the same name.
func (t *tree) region() (r, from, to int32) {
	t.sums = make([]float64, len(t.blocks)+1)
	above := t.aboveTitle()
	for i := range t.blocks {
		w := t.worth(&t.blocks[i])
		if i < above && w > 0 {
			w *= 0.15 // consent texts and announcements stand above the title, articles below
		}
		t.sums[i+1] = t.sums[i] + w
	}
	sum := func(e *elem) float64 { return t.sums[e.last] - t.sums[e.first] }
	best, top := int32(-1), 0.0
	for i := range t.elems {
		e := &t.elems[i]
		if s := sum(e); s > 0 && s >= top*1.0001 && !e.bad {
			best, top = int32(i), s
		} else if s == top && best >= 0 && int32(i) < t.elems[best].end { // the same text in a tighter element
			best = int32(i)
		}
	}
	if best < 0 {
		return -1, 0, 0
	}
	if a := t.titled(); a >= 0 {
		t.several = true
		return a, t.elems[a].first, t.elems[a].last
	}
	// An element that is named as the body, or the only <article>, is taken when it holds most of it: what else is worth
	// something on the page is then not the article.
	named, namedTop := int32(-1), 0.0
	for i := range t.elems {
		e := &t.elems[i]
		if e.bad || e.h&hintBody == 0 && e.name != atom.Article {
			continue
		}
		if s := sum(e); s > namedTop*1.05 {
			named, namedTop = int32(i), s
		}
	}
	if named < 0 || namedTop < 0.55*top {
		return best, t.elems[best].first, t.elems[best].last
	}
	e := &t.elems[named]
	from, to = e.first, e.last
	if class := attr(e.node, "class"); class != "" && e.name != atom.Article {
		home := t.above(named, atom.Article)
		for i := range t.elems {
			k := &t.elems[i]
			if k.name == e.name && !k.bad && k.h&hintBody != 0 && sum(k) > 0 && t.above(int32(i), atom.Article) == home && attr(k.node, "class") == class && t.near(k.parent, e) {
				from, to = min(from, k.first), max(to, k.last)
			}
		}
	}
	return named, from, to
}

// titled is the <article> that carries the page's title where whole other articles follow it, -1 when there are none.
func (t *tree) titled() int32 {
	title := fold(t.title)
	if title == "" {
		return -1
	}
	a := int32(-1)
	others := 0
	var parent int32
	for i := range t.blocks {
		b := &t.blocks[i]
		if b.tag != atom.H1 && b.tag != atom.H2 || b.owner < 0 {
			continue
		}
		home := t.above(b.owner, atom.Article)
		if home < 0 || t.sums[t.elems[home].last]-t.sums[t.elems[home].first] < 400 {
			continue
		}
		switch {
		case a < 0 && same(fold(b.text), title):
			a, parent = home, t.elems[home].parent
		case a >= 0 && home != a && b.tag == atom.H1 && t.elems[home].parent == parent:
			others++
		}
	}
	if others == 0 {
		return -1
	}
	return a
}

// aboveTitle is the number of blocks above the page's title, 0 when it has none or little prose follows it.
func (t *tree) aboveTitle() int {
	title := fold(t.title)
	if title == "" {
		return 0
	}
	at := -1
	before, behind := 0, 0
	for i := range t.blocks {
		b := &t.blocks[i]
		if at < 0 && heading(b.tag) && len(b.text) < 500 && same(fold(b.text), title) {
			at = i
		}
		if b.bad || !b.prose() {
			continue
		}
		if at < 0 {
			before += len(b.text)
		} else {
			behind += len(b.text)
		}
	}
	if at < 0 || behind*4 < before {
		return 0
	}
	return at
}

// above is the nearest element of that name around i, -1 when there is none.
func (t *tree) above(i int32, name atom.Atom) int32 {
	for i = t.elems[i].parent; i >= 0; i = t.elems[i].parent {
		if t.elems[i].name == name {
			return i
		}
	}
	return -1
}

// run is the stretch of blocks with the largest sum of worth, wherever its elements end.
func (t *tree) run() (from, to int32, sum float64) {
	start, low := int32(0), 0.0
	for i := range t.blocks {
		if s := t.sums[i+1]; s-low > sum {
			from, to, sum = start, int32(i)+1, s-low
		}
		if t.sums[i+1] < low {
			start, low = int32(i)+1, t.sums[i+1]
		}
	}
	return from, to, sum
}
