// Package opml reads and writes lists of feeds as OPML 2.0 without losing anything:
// attributes and elements that it does not know are kept, in their order, and so
// are the folders.
//
// [Parse] gives a [Doc], [Doc.Sources] the sources it lists, [Doc.Write] the file
// again. What veille knows of a source beyond OPML stands in attributes of the
// namespace [Space]: id, lang, country, kind, quirks, enabled, every, agent,
// header, body, content, rights, maxage.
package opml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html/charset"

	"example.org/veille/schemas"
)

// Space is the XML namespace of veille's own attributes.
const Space = "urn:veille:opml:1"

// Limits on a document.
const (
	MaxBytes = 8 << 20
	MaxDepth = 32
	MaxFeeds = 10_000
	maxNodes = 50_000
)

// Errors of [Parse] that a caller may tell apart.
var (
	ErrNotOPML  = errors.New("not an OPML document")
	ErrTooLarge = errors.New("OPML document beyond its limits")
)

// Doc is a document: its elements as they stand.
type Doc struct {
	Root Node
}

// Node is one element.
type Node struct {
	Name  xml.Name
	Attrs []xml.Attr
	Kids  []Node
	Text  string // character data, joined
	Note  bool   // a comment, its text in Text
}

// Get returns an attribute by its local name and namespace.
func (n *Node) Get(space, local string) string {
	for _, a := range n.Attrs {
		if a.Name.Space == space && strings.EqualFold(a.Name.Local, local) {
			return a.Value
		}
	}
	return ""
}

// Set changes an attribute, or adds it; an empty value takes it away.
func (n *Node) Set(space, local, value string) {
	for i, a := range n.Attrs {
		if a.Name.Space == space && strings.EqualFold(a.Name.Local, local) {
			if value == "" {
				n.Attrs = slices.Delete(n.Attrs, i, i+1)
			} else {
				n.Attrs[i].Value = value
			}
			return
		}
	}
	if value != "" {
		n.Attrs = append(n.Attrs, xml.Attr{Name: xml.Name{Space: space, Local: local}, Value: value})
	}
}

// Parse reads a document.
func Parse(r io.Reader) (*Doc, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read OPML: %w", err)
	}
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, MaxBytes)
	}
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = false
	d.Entity = xml.HTMLEntity
	d.CharsetReader = charset.NewReaderLabel
	var stack []*Node
	var root *Node
	nodes, feeds := 0, 0
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			if root != nil && feeds > 0 {
				break // what was read until the damage counts
			}
			return nil, fmt.Errorf("%w: %v", ErrNotOPML, err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if root == nil && !strings.EqualFold(t.Name.Local, "opml") {
				return nil, fmt.Errorf("%w: its root is <%.40s>", ErrNotOPML, t.Name.Local)
			}
			if nodes++; nodes > maxNodes || len(stack) >= MaxDepth || len(t.Attr) > 100 {
				return nil, fmt.Errorf("%w: more than %d elements, %d levels or 100 attributes", ErrTooLarge, maxNodes, MaxDepth)
			}
			n := Node{Name: t.Name}
			for _, a := range t.Attr {
				if a.Name.Space == "veille" { // the prefix was never declared
					a.Name.Space = Space
				}
				if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" && a.Name.Space == "" {
					continue // declared again when written
				}
				n.Attrs = append(n.Attrs, a)
			}
			if n.Get("", "xmlUrl") != "" {
				if feeds++; feeds > MaxFeeds {
					return nil, fmt.Errorf("%w: more than %d feeds", ErrTooLarge, MaxFeeds)
				}
			}
			if root == nil {
				root = &n
				stack = append(stack, root)
				continue
			}
			if len(stack) == 0 {
				continue // a second root
			}
			top := stack[len(stack)-1]
			top.Kids = append(top.Kids, n)
			stack = append(stack, &top.Kids[len(top.Kids)-1])
		case xml.EndElement:
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
		case xml.CharData:
			if len(stack) > 0 {
				if s := strings.TrimSpace(string(t)); s != "" {
					stack[len(stack)-1].Text += s
				}
			}
		case xml.Comment:
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				top.Kids = append(top.Kids, Node{Note: true, Text: string(t)})
			}
		}
	}
	if root == nil {
		return nil, fmt.Errorf("%w: it is empty", ErrNotOPML)
	}
	return &Doc{Root: *root}, nil
}

// each visits the outlines of the body in order, with the titles of the folders
// that each stands in.
func (d *Doc) each(f func(folder []string, inherit map[string]string, n *Node)) {
	var walk func(n *Node, folder []string, inherit map[string]string)
	walk = func(n *Node, folder []string, inherit map[string]string) {
		for i := range n.Kids {
			k := &n.Kids[i]
			if k.Note || !strings.EqualFold(k.Name.Local, "outline") {
				continue
			}
			if k.Get("", "xmlUrl") != "" {
				f(folder, inherit, k)
				continue
			}
			in := maps.Clone(inherit)
			for _, a := range k.Attrs {
				if a.Name.Space == Space {
					in[a.Name.Local] = a.Value
				}
			}
			walk(k, append(slices.Clip(folder), title(k)), in)
		}
	}
	for i := range d.Root.Kids {
		if strings.EqualFold(d.Root.Kids[i].Name.Local, "body") {
			walk(&d.Root.Kids[i], nil, map[string]string{})
		}
	}
}

func title(n *Node) string {
	if t := n.Get("", "title"); t != "" {
		return t
	}
	return n.Get("", "text")
}

// Sources lists the feeds of the document. A source has the id that veille:id
// gives it, else one made from its title; ids that would meet get a number. A
// setting of a folder counts for what stands in it. Entries that cannot be polled
// are left out and told in problems, one sentence each.
func (d *Doc) Sources() (list []schemas.Source, problems []string) {
	used := map[string]bool{}
	feeds := map[string]string{}
	d.each(func(_ []string, _ map[string]string, n *Node) { // given ids come first
		if id := n.Get(Space, "id"); id != "" {
			used[schemas.Token(id)] = true
		}
	})
	d.each(func(folder []string, inherit map[string]string, n *Node) {
		get := func(k string) string {
			if v := n.Get(Space, k); v != "" {
				return v
			}
			return inherit[k]
		}
		s := schemas.Source{
			Name: clean(title(n)), Feed: strings.TrimSpace(n.Get("", "xmlUrl")), Site: strings.TrimSpace(n.Get("", "htmlUrl")),
			Lang: get("lang"), Country: strings.ToUpper(get("country")), Kind: get("kind"), Folder: folder,
			Quirks: strings.Fields(get("quirks")), Off: get("enabled") == "false" || get("enabled") == "0",
			Agent: get("agent"), Body: get("body"), Content: get("content"), Rights: get("rights"),
		}
		bad := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("%q: %s", s.Name, fmt.Sprintf(format, args...)))
		}
		if s.Lang == "" {
			s.Lang, _, _ = strings.Cut(strings.ToLower(n.Get("", "language")), "-")
		}
		span := func(k string) time.Duration {
			v := get(k)
			if v == "" {
				return 0
			}
			d, err := duration(v)
			if err != nil {
				bad("veille:%s %q is not a time such as 30m or 7d", k, v)
			}
			return d
		}
		s.Every, s.MaxAge = span("every"), span("maxage")
		for line := range strings.SplitSeq(get("header"), "\n") {
			if k, v, ok := strings.Cut(line, ":"); ok {
				if s.Headers == nil {
					s.Headers = map[string]string{}
				}
				s.Headers[strings.TrimSpace(k)] = strings.TrimSpace(v)
			}
		}
		if s.Name == "" {
			s.Name = s.Feed
		}
		if id := n.Get(Space, "id"); id != "" {
			s.ID = schemas.Token(id)
		} else {
			s.ID = schemas.Token(s.Name)
			if s.ID == "none" {
				s.ID = schemas.Token(s.Feed)
			}
			base := s.ID
			for i := 2; used[s.ID]; i++ {
				s.ID = base + "-" + strconv.Itoa(i)
			}
			used[s.ID] = true
		}
		if err := s.Validate(); err != nil {
			bad("%v", err)
			return
		}
		if first, ok := feeds[s.Feed]; ok {
			bad("its feed is listed already, as %s", first)
			return
		}
		feeds[s.Feed] = s.ID
		list = append(list, s)
	})
	seen := map[string]bool{}
	list = slices.DeleteFunc(list, func(s schemas.Source) bool {
		if seen[s.ID] {
			problems = append(problems, fmt.Sprintf("%q: the id %s is given twice", s.Name, s.ID))
			return true
		}
		seen[s.ID] = true
		return false
	})
	return list, problems
}

func clean(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 200 {
		s = s[:200]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	return s
}

// duration reads "30m", "12h" or "7d".
func duration(v string) (time.Duration, error) {
	if d, ok := strings.CutSuffix(v, "d"); ok {
		n, err := strconv.Atoi(d)
		if err != nil || n < 0 || n > 3650 {
			return 0, fmt.Errorf("%q is no number of days", d)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(v)
	if err == nil && d < 0 {
		err = errors.New("negative")
	}
	return d, err
}

// Add lists a source in the folder given by its titles, which is made when it is
// missing. A source whose id or feed is listed already is changed where it stands.
func (d *Doc) Add(s schemas.Source) {
	node := d.find(s.ID, s.Feed)
	if node == nil {
		at := d.body()
		for _, f := range s.Folder {
			at = at.folder(f)
		}
		at.Kids = append(at.Kids, Node{Name: xml.Name{Local: "outline"}, Attrs: []xml.Attr{{Name: xml.Name{Local: "type"}, Value: "rss"}}})
		node = &at.Kids[len(at.Kids)-1]
	}
	node.Set("", "text", s.Name)
	node.Set("", "title", s.Name)
	node.Set("", "xmlUrl", s.Feed)
	node.Set("", "htmlUrl", s.Site)
	node.Set("", "language", s.Lang)
	node.Set(Space, "id", s.ID)
	node.Set(Space, "lang", s.Lang)
	node.Set(Space, "country", s.Country)
	node.Set(Space, "kind", s.Kind)
	node.Set(Space, "quirks", strings.Join(s.Quirks, " "))
	node.Set(Space, "agent", s.Agent)
	node.Set(Space, "body", s.Body)
	node.Set(Space, "content", s.Content)
	node.Set(Space, "rights", s.Rights)
	off := ""
	if s.Off {
		off = "false"
	}
	node.Set(Space, "enabled", off)
	span := func(d time.Duration) string {
		if d <= 0 {
			return ""
		}
		return d.String()
	}
	node.Set(Space, "every", span(s.Every))
	node.Set(Space, "maxage", span(s.MaxAge))
	var headers []string
	for _, k := range slices.Sorted(maps.Keys(s.Headers)) {
		headers = append(headers, k+": "+s.Headers[k])
	}
	node.Set(Space, "header", strings.Join(headers, "\n"))
}

// Remove takes a source off the list and tells whether it was there.
func (d *Doc) Remove(id string) bool {
	list, _ := d.Sources()
	i := slices.IndexFunc(list, func(s schemas.Source) bool { return s.ID == id })
	if i < 0 {
		return false
	}
	var drop func(n *Node) bool
	drop = func(n *Node) bool {
		for j := range n.Kids {
			if strings.TrimSpace(n.Kids[j].Get("", "xmlUrl")) == list[i].Feed {
				n.Kids = slices.Delete(n.Kids, j, j+1)
				return true
			}
			if drop(&n.Kids[j]) {
				return true
			}
		}
		return false
	}
	return drop(&d.Root)
}

func (d *Doc) find(id, feed string) *Node {
	list, _ := d.Sources()
	for _, s := range list {
		if s.ID == id {
			feed = s.Feed
		}
	}
	var found *Node
	d.each(func(_ []string, _ map[string]string, n *Node) {
		if found == nil && strings.TrimSpace(n.Get("", "xmlUrl")) == feed {
			found = n
		}
	})
	return found
}

func (d *Doc) body() *Node {
	for i := range d.Root.Kids {
		if strings.EqualFold(d.Root.Kids[i].Name.Local, "body") {
			return &d.Root.Kids[i]
		}
	}
	d.Root.Kids = append(d.Root.Kids, Node{Name: xml.Name{Local: "body"}})
	return &d.Root.Kids[len(d.Root.Kids)-1]
}

func (n *Node) folder(name string) *Node {
	for i := range n.Kids {
		k := &n.Kids[i]
		if !k.Note && k.Get("", "xmlUrl") == "" && title(k) == name {
			return k
		}
	}
	k := Node{Name: xml.Name{Local: "outline"}}
	k.Set("", "text", name)
	k.Set("", "title", name)
	n.Kids = append(n.Kids, k)
	return &n.Kids[len(n.Kids)-1]
}

// New makes a document that lists the sources.
func New(heading string, list []schemas.Source) *Doc {
	name := func(s string) xml.Name { return xml.Name{Local: s} }
	d := &Doc{Root: Node{Name: name("opml"), Attrs: []xml.Attr{{Name: name("version"), Value: "2.0"}}, Kids: []Node{
		{Name: name("head"), Kids: []Node{{Name: name("title"), Text: heading}}},
		{Name: name("body")},
	}}}
	for _, s := range list {
		d.Add(s)
	}
	return d
}

// Write writes the document, indented.
func (d *Doc) Write(w io.Writer) error {
	prefixes := map[string]string{"": "", "http://www.w3.org/XML/1998/namespace": "xml:"}
	var order []string
	var gather func(n *Node)
	gather = func(n *Node) {
		use := func(space string) {
			if _, ok := prefixes[space]; ok {
				return
			}
			p := "ns" + strconv.Itoa(len(order)+1) + ":"
			if space == Space {
				p = "veille:"
			}
			prefixes[space] = p
			order = append(order, space)
		}
		if !n.Note {
			use(n.Name.Space)
			for _, a := range n.Attrs {
				use(a.Name.Space)
			}
		}
		for i := range n.Kids {
			gather(&n.Kids[i])
		}
	}
	gather(&d.Root)
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	esc := func(s string) string {
		var e bytes.Buffer
		xml.EscapeText(&e, []byte(s)) // writing to memory does not fail
		return e.String()
	}
	var put func(n *Node, indent string)
	put = func(n *Node, indent string) {
		b.WriteString(indent)
		if n.Note {
			b.WriteString("<!--" + strings.ReplaceAll(n.Text, "--", "- -") + "-->\n")
			return
		}
		tag := prefixes[n.Name.Space] + n.Name.Local
		b.WriteString("<" + tag)
		for _, a := range n.Attrs {
			b.WriteString(" " + prefixes[a.Name.Space] + a.Name.Local + `="` + esc(a.Value) + `"`)
		}
		if indent == "" {
			for _, s := range order {
				b.WriteString(" xmlns:" + strings.TrimSuffix(prefixes[s], ":") + `="` + esc(s) + `"`)
			}
		}
		switch {
		case len(n.Kids) == 0 && n.Text == "":
			b.WriteString("/>\n")
			return
		case len(n.Kids) == 0:
			b.WriteString(">" + esc(n.Text) + "</" + tag + ">\n")
			return
		}
		b.WriteString(">" + esc(n.Text) + "\n")
		for i := range n.Kids {
			put(&n.Kids[i], indent+"  ")
		}
		b.WriteString(indent + "</" + tag + ">\n")
	}
	put(&d.Root, "")
	_, err := w.Write(b.Bytes())
	return err
}
