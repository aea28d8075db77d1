package feed

import (
	"bytes"
	"errors"
	"fmt"
	stdhtml "html"
	"net/url"
	"strings"
	"unicode/utf8"
)

// front reads an XML feed leniently, in one pass, and writes a clean one that gofeed reads without surprises.
//
//	bytes ──charsets.Decode──> UTF-8 ──front──> small well-formed RSS or Atom ──gofeed──> structs ──adapt──> Feed
//
// What it writes holds only elements that adapt reads, in canonical names and prefixes; titles and names as plain text;
// descriptions and contents as escaped HTML; links resolved against xml:base. gofeed's recursive parts therefore never see
// nesting that a stranger chose (2,000,000 nested extension elements overflow the stack, which recover cannot catch).
type front struct {
	src      []byte
	pos      int
	out      []byte
	stack    []frame
	bindings []binding
	request  *url.URL

	format, version string
	started, ended  bool
	elements, items int
	truncated       bool
	notes           []string
	noted           map[string]bool
	lang            string // xml:lang of the root

	// What is known not to come any more: spares a second search to the end, which would make hostile input quadratic.
	noDouble, noSingle, noCommentEnd, noPIEnd bool
	declarations                              int

	entities  map[string]string // declared by the document, see entity.go
	expanding int               // how deep in one we are
	expanded  int               // bytes written for them
	blown     error             // they grow beyond the limits

	text textState
}

type kind uint8

const (
	wrapper kind = iota // an unknown root: its children may be the feed
	root
	channel
	item
	person      // author: children name, email, uri
	text        // its content is collected as one string
	skipped     // unknown: read and left out
	transparent // unknown itself, its children count as its parent's
)

type frame struct {
	name  string // local name as written, lower case
	kind  kind
	emit  string // element written for it, "" for none
	bind  int    // len(bindings) before it
	base  *url.URL
	lang  string
	empty bool // should have no content: closes when a sibling begins
}

type binding struct{ prefix, space string }

// textState belongs to the text frame on top of the stack.
type textState struct {
	key     string
	rule    rule
	attrs   []attr
	plain   []byte // decoded characters
	markup  []byte // the same with child elements as HTML; nil until there is one
	cdata   bool   // some of it was CDATA: already HTML where HTML is allowed
	nested  int    // open children with the container's own name
	depth   int
	isXHTML bool
}

type attr struct{ space, name, value string } // name in lower case, space canonical

// maxNotes bounds Recovered: a document with more kinds of faults than this is told by the first of them.
const maxNotes = 20

func (f *front) note(format string, args ...any) {
	if f.noted[format] && len(args) == 0 { // two million stray ampersands cost a look-up each
		return
	}
	s := format
	if len(args) > 0 {
		s = fmt.Sprintf(format, args...)
	}
	if f.noted == nil {
		f.noted = map[string]bool{}
	}
	if !f.noted[s] && len(f.notes) < maxNotes {
		f.noted[s] = true
		f.notes = append(f.notes, s)
	}
}

var errDone = errors.New("enough items")

// run reads the whole document. When it fails, out still holds what came before, closed.
func (f *front) run() error {
	err := f.scan()
	if errors.Is(err, errDone) {
		err = nil
	}
	if f.started && !f.ended && len(f.stack) > 0 && err == nil && !f.truncated {
		f.note("document cut short")
	}
	f.closeTo(0)
	if err != nil {
		return err
	}
	if !f.started {
		return ErrNotFeed
	}
	return nil
}

func (f *front) scan() error {
	for f.pos < len(f.src) {
		if f.blown != nil {
			return f.blown
		}
		if f.ended {
			if len(bytes.TrimSpace(f.src[f.pos:])) > 0 && !onlyTrailer(f.src[f.pos:]) {
				f.note("content after the end of the feed")
			}
			return nil
		}
		if f.src[f.pos] != '<' {
			n := bytes.IndexByte(f.src[f.pos:], '<')
			if n < 0 {
				n = len(f.src) - f.pos
			}
			f.chars(f.src[f.pos : f.pos+n])
			f.pos += n
			continue
		}
		rest := f.src[f.pos:]
		switch {
		case bytes.HasPrefix(rest, []byte("<!--")):
			n := -1
			if !f.noCommentEnd {
				n = bytes.Index(rest[4:], []byte("-->"))
			}
			if n >= 0 {
				f.pos += 4 + n + 3
			} else {
				f.noCommentEnd = true
				f.note("unclosed comment")
				f.pos += 4 // what follows counts as content: better a stray comment than a lost feed
			}
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			body := rest[9:]
			n := bytes.Index(body, []byte("]]>"))
			if n < 0 {
				f.note("unclosed CDATA section")
				f.cdata(body)
				f.pos = len(f.src)
			} else {
				f.cdata(body[:n])
				f.pos += 9 + n + 3
			}
		case bytes.HasPrefix(rest, []byte("<!")):
			if err := f.doctype(rest); err != nil {
				return err
			}
		case bytes.HasPrefix(rest, []byte("<?")):
			n := -1
			if !f.noPIEnd {
				n = bytes.Index(rest, []byte("?>"))
				f.noPIEnd = n < 0
			}
			if n < 0 {
				n = bytes.IndexByte(rest, '>') - 1
			}
			if n < 0 {
				f.pos = len(f.src)
			} else {
				f.pos += n + 2
			}
		case len(rest) > 2 && rest[1] == '/' && nameStart(rest[2]):
			n := bytes.IndexAny(rest[1:], "<>") + 1
			if n == 0 { // the document ends within the tag
				f.note("document cut short")
				n = len(rest)
			} else if rest[n] == '>' { // else "</title<link>": it ends where the next begins
				n++
			}
			f.end(rest[2 : 2+nameLen(rest[2:])])
			f.pos += n
		case len(rest) > 1 && nameStart(rest[1]):
			ok, err := f.start(rest)
			if err != nil {
				return err
			}
			if !ok {
				f.note("stray < escaped")
				f.chars([]byte("<"))
				f.pos++
			}
		default:
			if f.inText() {
				f.note("stray < escaped")
			}
			f.chars([]byte("<"))
			f.pos++
		}
	}
	return nil
}

// doctype steps over a declaration and keeps the entities it declares for the document itself.
func (f *front) doctype(rest []byte) error {
	quote := byte(0)
	limit := min(len(rest), 64<<10)
	if f.declarations++; f.declarations > 16 {
		limit = 0
	}
	end := -1
	for i := 2; i < limit && end < 0; i++ {
		c := rest[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[':
			n := f.subset(rest[i+1 : limit])
			if n < 0 {
				limit = 0 // it does not end
				break
			}
			i += n
		case c == '>':
			end = i
		}
	}
	if end < 0 {
		if end = bytes.IndexByte(rest, '>'); end < 0 {
			end = len(rest) - 1
		}
	}
	decl := rest[:end+1]
	f.declare(decl) // one that stands outside a DOCTYPE
	if !f.started && len(decl) >= 14 && strings.EqualFold(string(bytes.Join(bytes.Fields(decl[:14]), []byte(" "))), "<!doctype html") {
		return fmt.Errorf("%w: an HTML page", ErrNotFeed)
	}
	f.pos += end + 1
	return nil
}

func (f *front) inText() bool {
	return len(f.stack) > 0 && f.stack[len(f.stack)-1].kind == text
}

// chars takes character data.
func (f *front) chars(b []byte) {
	if !f.inText() {
		return
	}
	t := &f.text
	from := len(t.plain)
	t.plain = f.decode(t.plain, b)
	if t.markup != nil {
		t.markup = appendEscaped(t.markup, t.plain[from:])
	}
}

func (f *front) cdata(b []byte) {
	if !f.inText() {
		return
	}
	t := &f.text
	t.cdata = true
	from := len(t.plain)
	t.plain = f.clean(t.plain, b)
	if t.markup != nil {
		t.markup = append(t.markup, t.plain[from:]...)
	}
}

// decode appends b with references resolved and forbidden characters dropped.
func (f *front) decode(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, '&')
		if i < 0 {
			return f.clean(dst, b)
		}
		dst = f.clean(dst, b[:i])
		b = b[i:]
		end := bytes.IndexByte(b[:min(len(b), 40)], ';')
		if end < 2 || bytes.ContainsAny(b[1:end], " \t\r\n<&") {
			f.note("bare & escaped")
			dst = append(dst, '&')
			b = b[1:]
			continue
		}
		ref := string(b[:end+1])
		if ref == "&apos;" {
			dst = append(dst, '\'')
			b = b[end+1:]
			continue
		}
		s := stdhtml.UnescapeString(ref) // HTML's names, and windows-1252 for &#128; to &#159;
		if f.entities != nil && f.blown == nil {
			var known bool
			if dst, known = f.expand(dst, ref[1:len(ref)-1]); known {
				b = b[end+1:]
				continue
			}
		}
		if s == ref || strings.HasSuffix(s, ";") && ref != "&semi;" && ref != "&#59;" && !strings.EqualFold(ref, "&#x3b;") {
			f.note("unknown entity kept as text")
			dst = append(dst, '&')
			b = b[1:]
			continue
		}
		if ref[1] == '#' {
			if r, _ := utf8.DecodeRuneInString(s); r == utf8.RuneError || r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
				f.note("characters that XML forbids dropped")
				b = b[end+1:]
				continue
			}
			if windowsReference(ref) {
				f.note("windows-1252 character references")
			}
		}
		dst = append(dst, s...)
		b = b[end+1:]
	}
}

// windowsReference tells whether ref names one of the characters 128 to 159, which are controls in Unicode.
func windowsReference(ref string) bool {
	n, body := 0, ref[2:len(ref)-1]
	radix := 10
	if len(body) > 0 && (body[0] == 'x' || body[0] == 'X') {
		radix, body = 16, body[1:]
	}
	for i := 0; i < len(body) && n < 1000; i++ {
		d := strings.IndexByte("0123456789abcdef", body[i]|0x20)
		if body[i] <= '9' {
			d = int(body[i] - '0')
		}
		if d < 0 || d >= radix {
			return false
		}
		n = n*radix + d
	}
	return n >= 128 && n <= 159
}

// clean appends b without the characters that XML forbids.
func (f *front) clean(dst, b []byte) []byte {
	start := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		n := 0
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' {
			n = 1
		} else if c == 0xEF && i+2 < len(b) && b[i+1] == 0xBF && b[i+2] >= 0xBE {
			n = 3
		}
		if n > 0 {
			f.note("characters that XML forbids dropped")
			dst = append(dst, b[start:i]...)
			i += n - 1
			start = i + 1
		}
	}
	return append(dst, b[start:]...)
}

func nameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':' || c >= utf8.RuneSelf
}

func nameLen(b []byte) int {
	for i, c := range b {
		if !nameStart(c) && !(c >= '0' && c <= '9' || c == '-' || c == '.') {
			return i
		}
	}
	return len(b)
}

// start reads a start tag. It gives false when what follows the '<' is no tag.
func (f *front) start(rest []byte) (bool, error) {
	n := nameLen(rest[1:])
	raw := rest[1 : 1+n]
	i := 1 + n
	if i < len(rest) && !bytes.ContainsRune([]byte(" \t\r\n/><"), rune(rest[i])) {
		return false, nil
	}
	var attrs []rawAttr
	selfClosing, closed, words := false, false, 0
	for i < len(rest) {
		c := rest[i]
		if c == '>' {
			i++
			closed = true
			break
		}
		if c == '<' {
			if !f.looksKnown(raw) {
				return false, nil
			}
			closed = true // "<link <title>": the tag ends where the next begins
			break
		}
		if c == '/' {
			selfClosing = i+1 < len(rest) && rest[i+1] == '>'
			i++
			continue
		}
		if !nameStart(c) {
			i++
			continue
		}
		m := nameLen(rest[i:])
		a := rawAttr{name: rest[i : i+m]}
		i += m
		j := skipBlank(rest, i)
		if j < len(rest) && rest[j] == '=' {
			j = skipBlank(rest, j+1)
			a.value, i = f.attrValue(rest, j)
		} else if words++; words > 8 { // prose behind a less-than sign
			return false, nil
		}
		if len(attrs) >= MaxAttributes {
			return true, fmt.Errorf("%w: more than %d attributes", ErrTooMany, MaxAttributes)
		}
		attrs = append(attrs, a)
	}
	if !closed { // the document ends within the tag
		f.note("document cut short")
		f.pos = len(f.src)
		return true, nil
	}
	f.pos += i
	return true, f.open(raw, attrs, selfClosing)
}

type rawAttr struct{ name, value []byte }

func skipBlank(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

func (f *front) attrValue(rest []byte, j int) (value []byte, next int) {
	if j >= len(rest) {
		return nil, j
	}
	if q := rest[j]; q == '"' && !f.noDouble || q == '\'' && !f.noSingle {
		if n := bytes.IndexByte(rest[j+1:], q); n >= 0 {
			return rest[j+1 : j+1+n], j + 1 + n + 1
		}
		if q == '"' {
			f.noDouble = true
		} else {
			f.noSingle = true
		}
	}
	k := j
	for k < len(rest) && rest[k] != '>' && rest[k] != '<' && rest[k] != ' ' && rest[k] != '\n' && rest[k] != '\t' && rest[k] != '\r' {
		k++
	}
	v := rest[j:k]
	if k < len(rest) && rest[k] == '>' && bytes.HasSuffix(v, []byte("/")) && len(v) > 1 && (v[0] == '"' || v[0] == '\'') {
		v = v[:len(v)-1]
	}
	return bytes.Trim(v, `"'`), k
}

// looksKnown tells whether a tag that never closes is one a feed has, rather than a less-than sign in a text.
func (f *front) looksKnown(raw []byte) bool {
	_, local := cut(raw)
	switch strings.ToLower(local) {
	case "item", "entry", "channel", "title", "link", "description", "guid", "pubdate":
		return true
	}
	return false
}

func cut(raw []byte) (prefix, local string) {
	s := string(raw)
	if i := strings.IndexByte(s, ':'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return "", s
}

// open handles a start tag that was read.
func (f *front) open(raw []byte, attrs []rawAttr, selfClosing bool) error {
	if f.elements++; f.elements > MaxElements {
		return fmt.Errorf("%w: more than %d elements", ErrTooMany, MaxElements)
	}
	prefix, local := cut(raw)
	local = strings.ToLower(local)

	if f.inText() {
		if f.endsText(prefix, local) {
			f.note("unclosed <%s>", f.stack[len(f.stack)-1].name)
			f.pop()
		} else {
			f.child(raw, local, attrs, selfClosing)
			if f.text.depth > 500 {
				return ErrTooDeep
			}
			return nil
		}
	}
	for len(f.stack) > 0 && f.stack[len(f.stack)-1].empty {
		f.pop()
	}
	if len(f.stack) >= MaxDepth {
		return ErrTooDeep
	}

	fr := frame{name: local, bind: len(f.bindings), kind: skipped}
	if len(f.stack) > 0 {
		top := f.stack[len(f.stack)-1]
		fr.base, fr.lang = top.base, top.lang
	}
	for _, a := range attrs {
		name := string(a.name)
		if p, ok := strings.CutPrefix(name, "xmlns"); ok && (p == "" || p[0] == ':') && len(f.bindings) < 256 {
			f.bindings = append(f.bindings, binding{strings.TrimPrefix(p, ":"), canonical(string(a.value))})
		}
	}
	space := f.space(prefix)
	list := make([]attr, 0, len(attrs))
	for _, a := range attrs {
		p, l := cut(a.name)
		l = strings.ToLower(l)
		v := strings.TrimSpace(string(f.decode(nil, a.value)))
		sp := ""
		if p != "" {
			sp = f.space(p)
		}
		if strings.EqualFold(p, "xml") {
			switch l {
			case "base":
				fr.base = resolve(fr.base, f.request, v)
			case "lang":
				fr.lang = strings.ToLower(v)
			}
			continue
		}
		list = append(list, attr{sp, l, v})
	}

	if !f.started {
		f.openRoot(space, local, list, &fr)
		if f.format == "" {
			if err := notFeed(local); err != nil && len(f.stack) == 0 {
				return err
			}
			fr.kind = wrapper
		}
		f.stack = append(f.stack, fr)
		if selfClosing {
			f.pop()
		}
		return nil
	}

	done, err := f.openInside(space, local, list, &fr)
	if err != nil {
		return err
	}
	if done { // written whole
		if selfClosing {
			f.bindings = f.bindings[:fr.bind]
			return nil
		}
		fr.kind, fr.empty = skipped, true
	}
	f.stack = append(f.stack, fr)
	if selfClosing {
		f.pop()
	}
	return nil
}

// end handles an end tag: it closes the nearest open element of that name and all within it.
func (f *front) end(raw []byte) {
	_, local := cut(raw)
	local = strings.ToLower(local)
	if f.inText() {
		t := &f.text
		top := f.stack[len(f.stack)-1]
		if local == top.name {
			if t.nested == 0 {
				f.pop()
				return
			}
			t.nested--
		} else if f.structural(local) && f.opened(local) {
			f.note("unclosed <%s>", top.name)
			f.closeTo(f.depthOf(local))
			return
		}
		if t.markup != nil {
			t.depth = max(0, t.depth-1)
			t.markup = append(append(append(t.markup, "</"...), local...), '>')
		}
		return
	}
	if !f.opened(local) {
		if f.started {
			f.note("stray </%s>", clip(local, 30))
		}
		return
	}
	d := f.depthOf(local)
	for i := d + 1; i < len(f.stack); i++ {
		if !f.stack[i].empty {
			f.note("unclosed <%s>", clip(f.stack[i].name, 30))
			break
		}
	}
	f.closeTo(d)
}

func (f *front) structural(local string) bool {
	switch local {
	case "item", "entry", "channel", "rss", "feed", "rdf", "author":
		return true
	}
	return false
}

func (f *front) opened(local string) bool { return f.depthOf(local) >= 0 }

func (f *front) depthOf(local string) int {
	for i := len(f.stack) - 1; i >= 0; i-- {
		if f.stack[i].name == local {
			return i
		}
	}
	return -1
}

func (f *front) closeTo(n int) {
	for len(f.stack) > n {
		f.pop()
	}
}

func (f *front) pop() {
	top := f.stack[len(f.stack)-1]
	f.stack = f.stack[:len(f.stack)-1]
	f.bindings = f.bindings[:min(top.bind, len(f.bindings))]
	if top.kind == text {
		f.finishText(top)
		return
	}
	if top.emit != "" {
		f.write("</", top.emit, ">")
	}
	if top.kind == root {
		f.ended = true
	}
}

// child writes an element found inside a text as HTML.
func (f *front) child(raw []byte, local string, attrs []rawAttr, selfClosing bool) {
	t := &f.text
	if t.markup == nil {
		t.markup = make([]byte, 0, 256)
		if t.cdata {
			t.markup = append(t.markup, t.plain...)
		} else {
			t.markup = appendEscaped(t.markup, t.plain)
		}
	}
	top := f.stack[len(f.stack)-1]
	if local == top.name && !selfClosing {
		t.nested++
	}
	t.markup = append(append(t.markup, '<'), local...)
	for _, a := range attrs {
		name := strings.ToLower(string(a.name))
		switch name {
		case "href", "src", "alt", "title", "class", "id", "datetime", "rel": // what a reader of the text can use
			t.markup = append(append(append(t.markup, ' '), name...), `="`...)
			t.markup = append(append(t.markup, stdhtml.EscapeString(string(f.decode(nil, a.value)))...), '"')
		}
	}
	t.markup = append(t.markup, '>')
	if selfClosing && !void(local) {
		t.markup = append(append(append(t.markup, "</"...), local...), '>')
	} else if !selfClosing && !void(local) {
		t.depth++
	}
}

func void(name string) bool {
	switch name {
	case "br", "hr", "img", "input", "meta", "link", "wbr", "area", "base", "col", "embed", "source", "track", "param", "p", "li":
		return true // p and li are often left open; counting them would call a long article deep
	}
	return false
}

func (f *front) write(parts ...string) {
	for _, p := range parts {
		f.out = append(f.out, p...)
	}
}

func (f *front) writeText(name string, value []byte, attrs ...attr) {
	f.write("<", name)
	for _, a := range attrs {
		f.write(" ", a.name, `="`)
		f.out = appendEscaped(f.out, []byte(a.value))
		f.write(`"`)
	}
	f.write(">")
	if len(value) > 64 && !bytes.Contains(value, []byte("]]>")) { // gofeed copies CDATA at once and resolves references one by one
		f.out = append(append(append(f.out, "<![CDATA["...), value...), "]]>"...)
	} else {
		f.out = appendEscaped(f.out, value)
	}
	f.write("</", name, ">")
}

func appendEscaped(dst, b []byte) []byte {
	start := 0
	for i, c := range b {
		var r string
		switch c {
		case '&':
			r = "&amp;"
		case '<':
			r = "&lt;"
		case '>':
			r = "&gt;"
		case '"':
			r = "&#34;"
		default:
			continue
		}
		dst = append(append(dst, b[start:i]...), r...)
		start = i + 1
	}
	return append(dst, b[start:]...)
}

func onlyTrailer(b []byte) bool {
	b = bytes.TrimSpace(b)
	for bytes.HasPrefix(b, []byte("<!--")) || bytes.HasPrefix(b, []byte("<?")) {
		n := bytes.IndexByte(b, '>')
		if bytes.HasPrefix(b, []byte("<!--")) {
			if n = bytes.Index(b, []byte("-->")); n >= 0 {
				n += 2
			}
		}
		if n < 0 {
			return true
		}
		b = bytes.TrimSpace(b[n+1:])
	}
	return len(b) == 0
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// resolve gives ref against base, or against the request's address when there is no base.
func resolve(base, request *url.URL, ref string) *url.URL {
	if len(ref) > maxURL {
		return base
	}
	u, err := url.Parse(ref)
	if err != nil {
		return base
	}
	if base == nil {
		base = request
	}
	if base == nil {
		return u
	}
	return base.ResolveReference(u)
}

// maxURL is the longest address that is kept; browsers and servers stop well before.
const maxURL = 4 << 10
