package feed

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// How an element is read: as what kind of text, and under which name it is written for gofeed.
type rule struct {
	emit string
	as   as
}

type as uint8

const (
	plain   as = iota // characters
	title             // markup reduced to characters
	rich              // HTML, or text made into HTML
	address           // resolved against xml:base
)

// The elements that are read, by canonical prefix and name. Everything else is skipped: what is not listed here cannot
// reach gofeed.
var feedRules = map[string]rule{
	"title": {"title", title}, "link": {"link", address}, "language": {"language", plain}, "pubdate": {"pubDate", plain},
	"lastbuilddate": {"lastBuildDate", plain}, "managingeditor": {"managingEditor", plain}, "description": {"description", rich},
	"dc:title": {"dc:title", title}, "dc:language": {"dc:language", plain}, "dc:date": {"dc:date", plain}, "dc:creator": {"dc:creator", title},
	"dc:author": {"dc:creator", title}, "itunes:author": {"dc:creator", title}, "itunes:summary": {"v:summary", rich},
	"abstract": {"description", rich}, "generator": {"generator", plain}, "atom:updated": {"v:updated", plain}, "dcterms:modified": {"v:updated", plain},
}

var itemRules = map[string]rule{
	"title": {"title", title}, "link": {"link", address}, "guid": {"guid", plain}, "pubdate": {"pubDate", plain},
	"description": {"description", rich}, "abstract": {"description", rich}, "author": {"author", title}, "category": {"category", title},
	"content:encoded": {"content:encoded", rich}, "encoded": {"content:encoded", rich}, "fullitem": {"content:encoded", rich},
	"body": {"content:encoded", rich}, "xhtml:body": {"content:encoded", rich}, "xhtml:div": {"content:encoded", rich}, "content": {"content:encoded", rich},
	"dc:title": {"dc:title", title}, "dc:creator": {"dc:creator", title}, "dc:author": {"dc:creator", title}, "dc:date": {"dc:date", plain},
	"dc:description": {"v:description", rich}, "dc:subject": {"category", title}, "dc:language": {"dc:language", plain}, "dc:identifier": {"v:identifier", plain},
	"dcterms:issued": {"dcterms:issued", plain}, "dcterms:created": {"dcterms:created", plain}, "dcterms:available": {"dcterms:created", plain},
	"dcterms:modified": {"dcterms:modified", plain}, "dcterms:date": {"dc:date", plain}, "dcterms:creator": {"dc:creator", title},
	"media:title": {"v:mediatitle", title}, "media:description": {"v:mediatext", rich}, "media:text": {"v:mediatext", rich},
	"atom:published": {"v:published", plain}, "atom:issued": {"v:published", plain}, "atom:created": {"v:published", plain},
	"atom:updated": {"v:updated", plain}, "atom:modified": {"v:updated", plain}, "app:edited": {"v:edited", plain},
	"atom:content": {"content:encoded", rich}, "atom:summary": {"v:description", rich}, "atom:title": {"v:mediatitle", title}, "atom:id": {"v:identifier", plain},
	"itunes:author": {"v:itunesauthor", title}, "itunes:summary": {"v:description", rich}, "itunes:subtitle": {"v:mediatext", rich}, "itunes:title": {"v:mediatitle", title},
	"feedburner:origlink": {"v:origlink", address}, "pheedo:origlink": {"v:origlink", address},
	"date": {"dc:date", plain}, "published": {"v:published", plain}, "updated": {"v:updated", plain}, "modified": {"v:updated", plain},
	"creator": {"dc:creator", title}, "summary": {"v:description", rich}, "lastmod": {"v:updated", plain}, "url": {"v:link", address}, "id": {"v:identifier", plain},
	"prism:publicationdate": {"dcterms:issued", plain}, "prism:url": {"v:link", address},
}

var atomFeedRules = map[string]rule{
	"title": {"title", title}, "id": {"v:id", plain}, "updated": {"updated", plain}, "modified": {"updated", plain}, "subtitle": {"subtitle", title},
	"tagline": {"subtitle", title}, "dc:language": {"v:language", plain}, "dc:date": {"v:date", plain}, "dc:creator": {"v:creator", title},
	"dc:title": {"v:title", title}, "generator": {"generator", plain},
}

var atomEntryRules = map[string]rule{
	"title": {"title", title}, "id": {"v:id", plain}, "published": {"published", plain}, "issued": {"v:issued", plain}, "created": {"v:created", plain},
	"updated": {"updated", plain}, "modified": {"v:modified", plain}, "summary": {"summary", rich}, "content": {"content", rich},
	"xhtml:body": {"content", rich}, "xhtml:div": {"content", rich}, "content:encoded": {"content", rich},
	"dc:title": {"v:title", title}, "dc:creator": {"v:creator", title}, "dc:date": {"v:date", plain}, "dc:subject": {"v:subject", title},
	"dc:description": {"v:description", rich}, "dc:language": {"v:language", plain}, "dcterms:issued": {"v:issued", plain}, "dcterms:created": {"v:created", plain},
	"dcterms:modified": {"v:modified", plain}, "media:title": {"v:title", title}, "media:description": {"v:description", rich},
	"feedburner:origlink": {"v:origlink", address}, "app:edited": {"v:edited", plain},
	// RSS spoken inside Atom
	"pubdate": {"v:date", plain}, "description": {"v:description", rich}, "guid": {"v:guid", plain},
}

var personRules = map[string]rule{"name": {"name", title}, "email": {"email", plain}, "uri": {"uri", plain}, "url": {"uri", plain}}

// canonical gives the prefix under which a namespace is read, "" for the feed's own vocabularies, "?" for any other.
func canonical(uri string) string {
	u := strings.ToLower(strings.TrimSpace(uri))
	u = strings.TrimPrefix(strings.TrimPrefix(u, "https://"), "http://")
	u = strings.TrimRight(u, "/#")
	switch {
	case u == "www.w3.org/2005/atom", strings.HasPrefix(u, "purl.org/atom/ns"):
		return "atom"
	case u == "www.w3.org/2007/app", u == "purl.org/atom/app":
		return "app"
	case strings.HasPrefix(u, "purl.org/dc/elements/1"), u == "purl.org/metadata/dublin_core", strings.HasPrefix(u, "purl.org/rss/1.0/modules/dc"):
		return "dc"
	case u == "purl.org/dc/terms", u == "purl.org/rss/1.0/modules/dcterms":
		return "dcterms"
	case u == "purl.org/rss/1.0/modules/content":
		return "content"
	case strings.HasPrefix(u, "search.yahoo.com/mrss"), u == "www.rssboard.org/media-rss", u == "video.search.yahoo.com/mrss":
		return "media"
	case strings.HasPrefix(u, "www.itunes.com/dtds/podcast"), strings.HasPrefix(u, "example.com/dtds/podcast"):
		return "itunes"
	case u == "www.w3.org/1999/xhtml":
		return "xhtml"
	case u == "www.w3.org/1999/02/22-rdf-syntax-ns":
		return "rdf"
	case u == "rssnamespace.org/feedburner/ext/1.0":
		return "feedburner"
	case strings.HasPrefix(u, "www.pheedo.com/namespace"):
		return "pheedo"
	case strings.HasPrefix(u, "prismstandard.org/namespaces"), strings.HasPrefix(u, "purl.org/prism"):
		return "prism"
	case u == "", strings.HasPrefix(u, "purl.org/rss/1.0") && !strings.Contains(u, "modules"), strings.HasPrefix(u, "purl.org/net/rss1.1"),
		strings.HasSuffix(u, "netscape.com/rdf/simple/0.9"), strings.HasPrefix(u, "backend.userland.com/rss"), strings.HasPrefix(u, "blogs.law.harvard.edu/tech/rss"),
		strings.HasPrefix(u, "cyber.law.harvard.edu/rss"), strings.HasPrefix(u, "my.netscape.com/publish/formats/rss"), strings.HasPrefix(u, "purl.org/rss/2.0"),
		strings.Contains(u, "rss2-0"), strings.HasPrefix(u, "www.rssboard.org/rss"):
		return ""
	}
	return "?"
}

// space resolves a prefix. An undeclared one stands for the vocabulary that usually has it.
func (f *front) space(prefix string) string {
	for i := len(f.bindings) - 1; i >= 0; i-- {
		if f.bindings[i].prefix == prefix {
			if s := f.bindings[i].space; s != "?" || prefix != "" {
				return s
			}
			return "" // a bogus default namespace, which every core element then has
		}
	}
	p := strings.ToLower(prefix)
	switch p {
	case "":
		return ""
	case "dc", "dcterms", "content", "media", "itunes", "xhtml", "rdf", "feedburner", "pheedo", "prism", "app":
		return p
	case "atom", "atom10", "atom03", "a10":
		return "atom"
	case "rss", "rss1", "rss2":
		return ""
	}
	return "?"
}

func notFeed(local string) error {
	switch local {
	case "html", "head", "body", "script", "title", "meta":
		return fmt.Errorf("%w: an HTML page", ErrNotFeed)
	case "opml":
		return fmt.Errorf("%w: an OPML list of feeds", ErrNotFeed)
	case "urlset", "sitemapindex":
		return fmt.Errorf("%w: a sitemap", ErrNotFeed)
	case "error", "kml", "svg", "opensearchdescription", "plist", "manifest":
		return fmt.Errorf("%w: root element <%s>", ErrNotFeed, local)
	}
	return nil
}

const spaces = ` xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:v="urn:veille:front">`

// openRoot decides the format; it leaves f.format empty when the element is no feed's root.
func (f *front) openRoot(space, local string, attrs []attr, fr *frame) {
	fr.kind = root
	switch local {
	case "rss":
		f.format, f.version, fr.emit = "rss", value(attrs, "version"), "rss"
	case "rdf":
		f.format, f.version, fr.emit = "rdf", "1.0", "rss"
		for _, b := range f.bindings {
			if b.prefix == "" && b.space == "" {
				f.version = "1.0"
			}
		}
	case "feed":
		f.format, f.version, fr.emit = "atom", value(attrs, "version"), "feed"
		if f.version == "" && space == "atom" {
			f.version = "1.0"
		}
	case "entry":
		f.format, f.version = "atom", "1.0"
	case "service", "categories":
		if space != "app" && space != "?" && space != "" {
			return
		}
		f.format, fr.emit = "app", "feed"
	case "channel":
		f.format, fr.emit = "rss", "channel"
		switch {
		case value(attrs, "href") != "" || value(attrs, "base") != "" || value(attrs, "self") != "" || value(attrs, "lastmod") != "":
			f.format = "cdf"
		case value(attrs, "about") != "":
			f.format, f.version = "rdf", "1.1"
		}
	default:
		return
	}
	f.started = true
	f.lang = fr.lang
	if len(f.stack) > 0 {
		f.note("feed inside <%s>", clip(f.stack[0].name, 30))
	}
	switch {
	case local == "entry":
		f.write("<feed", spaces)
		f.stack = append(f.stack, frame{name: "", kind: root, emit: "feed", bind: fr.bind, base: fr.base, lang: fr.lang})
		f.openItem("entry", attrs, fr)
	case local == "channel":
		f.write("<rss", spaces)
		f.stack = append(f.stack, frame{name: "", kind: root, emit: "rss", bind: fr.bind, base: fr.base, lang: fr.lang})
		fr.kind = channel
		f.write("<channel>")
		if b := value(attrs, "base"); b != "" {
			fr.base = resolve(fr.base, f.request, b)
		}
		if h := value(attrs, "href"); h != "" {
			f.writeText("link", []byte(f.resolved(fr, h)))
		}
	default:
		f.write("<", fr.emit, spaces)
	}
}

func (f *front) openItem(emit string, attrs []attr, fr *frame) {
	f.items++
	fr.kind, fr.emit = item, emit
	f.write("<", emit, ">")
	if fr.lang != "" && fr.lang != f.lang {
		f.writeText("v:lang", []byte(fr.lang))
	}
	if h := value(attrs, "href"); h != "" && emit == "item" { // CDF
		if f.version == "" {
			f.format = "cdf"
		}
		f.writeText("link", []byte(f.resolved(fr, h)))
	}
	if d := value(attrs, "lastmod"); d != "" && emit == "item" {
		f.writeText("v:updated", []byte(d))
	}
	if a := value(attrs, "about"); a != "" && emit == "item" { // RDF: the item's own address
		f.writeText("v:about", []byte(f.resolved(fr, a)))
	}
}

// openInside handles an element below the root. It gives true when the element was written whole from its attributes.
func (f *front) openInside(space, local string, attrs []attr, fr *frame) (bool, error) {
	parent := f.parent()
	core := space == "" || f.isAtom() && space == "atom"
	atom := space == "atom"
	isItem := core && (local == "item" && !f.isAtom() || local == "entry" && f.isAtom())
	if isItem {
		if d := f.openItemFrame(); d >= 0 {
			f.note("unclosed <%s>", local)
			f.closeTo(d)
			parent = f.parent()
		}
		if parent != root && parent != channel {
			return false, nil
		}
		if f.items >= MaxItems {
			f.truncated = true
			return false, errDone
		}
		f.openItem(map[bool]string{true: "entry", false: "item"}[f.isAtom()], attrs, fr)
		return false, nil
	}
	key := local
	if !core {
		key = space + ":" + local
	}
	switch parent {
	case root:
		if core && local == "channel" && !f.isAtom() {
			fr.kind, fr.emit = channel, "channel"
			f.write("<channel>")
			return false, nil
		}
		if !f.isAtom() {
			return false, nil
		}
		if f.format == "app" {
			if local == "workspace" {
				fr.kind = transparent
			} else if local == "title" {
				f.openText(key, atomFeedRules["title"], attrs, fr)
			}
			return false, nil
		}
		if local == "link" && (core || atom) {
			return f.atomLink("link", attrs, fr), nil
		}
		if core && local == "author" {
			f.openPerson("author", fr)
			return false, nil
		}
		if r, ok := atomFeedRules[key]; ok {
			f.openText(key, r, attrs, fr)
		}
	case channel:
		if core && local == "items" || space == "rdf" {
			fr.kind = transparent
			return false, nil
		}
		if atom && local == "link" || core && local == "link" && value(attrs, "href") != "" && value(attrs, "rel") != "" {
			return f.atomLink("v:link", attrs, fr), nil
		}
		if r, ok := feedRules[key]; ok {
			f.openText(key, r, attrs, fr)
		}
	case item:
		if space == "media" && (local == "group" || local == "content") {
			fr.kind = transparent
			return false, nil
		}
		if f.isAtom() {
			switch {
			case local == "link" && (core || atom):
				return f.atomLink("link", attrs, fr), nil
			case core && (local == "author" || local == "contributor"):
				f.openPerson(local, fr)
			case core && local == "category":
				f.write("<category")
				f.writeAttr("term", value(attrs, "term"))
				f.writeAttr("label", value(attrs, "label"))
				f.write("/>")
				return true, nil
			default:
				if r, ok := atomEntryRules[key]; ok {
					f.openText(key, r, attrs, fr)
				}
			}
			return false, nil
		}
		if atom && local == "link" || core && local == "link" && value(attrs, "href") != "" && value(attrs, "rel") != "" {
			return f.atomLink("v:atomlink", attrs, fr), nil
		}
		if atom && local == "author" {
			fr.kind = person
			return false, nil
		}
		if r, ok := itemRules[key]; ok {
			f.openText(key, r, attrs, fr)
		} else if core && local == "enclosure" {
			fr.empty = true
		}
	case person:
		if r, ok := personRules[local]; ok {
			if !f.isAtom() {
				if local != "name" {
					return false, nil
				}
				r.emit = "v:authorname"
			}
			f.openText(key, r, attrs, fr)
		}
	}
	return false, nil
}

func (f *front) isAtom() bool { return f.format == "atom" || f.format == "app" }

// parent is the kind of the nearest element that is not transparent.
func (f *front) parent() kind {
	for i := len(f.stack) - 1; i >= 0; i-- {
		if f.stack[i].kind != transparent {
			return f.stack[i].kind
		}
	}
	return wrapper
}

func (f *front) openItemFrame() int {
	for i := len(f.stack) - 1; i >= 0; i-- {
		if f.stack[i].kind == item {
			return i
		}
	}
	return -1
}

func (f *front) openPerson(emit string, fr *frame) {
	fr.kind, fr.emit = person, emit
	f.write("<", emit, ">")
}

func (f *front) openText(key string, r rule, attrs []attr, fr *frame) {
	fr.kind, fr.emit = text, r.emit
	typ := strings.ToLower(value(attrs, "type"))
	f.text = textState{key: key, rule: r, attrs: attrs, isXHTML: strings.Contains(typ, "xhtml") || strings.EqualFold(value(attrs, "mode"), "xml") && strings.Contains(typ, "html")}
}

func (f *front) atomLink(name string, attrs []attr, fr *frame) bool {
	href := value(attrs, "href")
	if href == "" {
		if name == "link" { // "<link>http://…</link>" inside Atom
			f.openText("link", rule{"v:link", address}, attrs, fr)
			return false
		}
		return true
	}
	f.write("<", name)
	f.writeAttr("href", f.resolved(fr, href))
	f.writeAttr("rel", value(attrs, "rel"))
	f.writeAttr("type", value(attrs, "type"))
	f.write("/>")
	return true
}

func (f *front) writeAttr(name, v string) {
	if v != "" {
		f.write(" ", name, `="`)
		f.out = appendEscaped(f.out, []byte(v))
		f.write(`"`)
	}
}

// resolved makes an address absolute when an xml:base is in force, and leaves it as stated otherwise: RSS resolves against
// the channel's link, which is not known yet.
func (f *front) resolved(fr *frame, ref string) string {
	ref = strings.TrimSpace(ref)
	if fr.base == nil || len(ref) > maxURL {
		return ref
	}
	if u := resolve(fr.base, f.request, ref); u != nil {
		return u.String()
	}
	return ref
}

func value(attrs []attr, name string) string {
	for _, a := range attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

// endsText tells whether an element that begins inside a text means that the text was never closed.
func (f *front) endsText(prefix, local string) bool {
	top := f.stack[len(f.stack)-1]
	if f.text.isXHTML || f.text.nested > 0 {
		return (local == "item" || local == "entry") && prefix == ""
	}
	switch local {
	case "item", "entry", "channel", "guid", "pubdate", "encoded":
		return local != top.name
	case "published", "updated", "date", "creator":
		return local != top.name && (prefix != "" || f.isAtom())
	case "title", "link", "description", "author", "category", "id", "summary", "content":
		if f.text.markup != nil {
			return false
		}
		switch top.emit {
		case "description", "content:encoded", "v:description", "v:mediatext", "summary", "content":
			return false
		}
		return local != top.name
	}
	return false
}

// finishText writes the text element that was just closed.
func (f *front) finishText(fr frame) {
	t := &f.text
	r := t.rule
	typ := strings.ToLower(value(t.attrs, "type"))
	if base64Encoded(t, typ) {
		if b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(t.plain)), "")); err == nil && utf8.Valid(b) {
			t.plain, t.cdata = b, false
			if !strings.Contains(typ, "/") {
				typ = "html"
			}
		}
	}
	var out []byte
	switch r.as {
	case plain:
		out = []byte(strings.TrimSpace(string(t.plain)))
	case address:
		s := strings.Join(strings.Fields(string(t.plain)), "")
		if s == "" {
			s = value(t.attrs, "href")
		}
		out = []byte(f.resolved(&fr, s))
	case title:
		switch {
		case t.markup != nil:
			out = []byte(line(string(t.markup)))
		case f.isAtom() && (typ == "text" || typ == "text/plain"):
			out = []byte(squeeze(unescapeTwice(string(t.plain))))
		case f.isAtom() && strings.Contains(typ, "html"):
			out = []byte(line(string(t.plain)))
		default:
			out = []byte(titleText(string(t.plain)))
		}
	case rich:
		switch {
		case t.markup != nil:
			out = t.markup
		case f.isAtom() && (typ == "text" || typ == "text/plain" || typ == "" && !hasMarkup(string(t.plain))):
			out = []byte(paragraphs(string(t.plain)))
		case !f.isAtom() && !hasMarkup(string(t.plain)) && !hasEntity(string(t.plain)):
			out = []byte(paragraphs(string(t.plain)))
		default:
			out = t.plain
		}
		out = []byte(strings.TrimSpace(string(out)))
	}
	permalink := !strings.EqualFold(value(t.attrs, "ispermalink"), "false")
	f.text = textState{}
	if len(out) == 0 && r.as != plain {
		return
	}
	if r.emit == "guid" {
		f.writeText("guid", out, attr{name: "isPermaLink", value: strconv.FormatBool(permalink)})
		return
	}
	f.writeText(r.emit, out)
}

func base64Encoded(t *textState, typ string) bool {
	if strings.EqualFold(value(t.attrs, "mode"), "base64") {
		return true
	}
	switch {
	case typ == "" || strings.HasPrefix(typ, "text/") || strings.Contains(typ, "xml") || !strings.Contains(typ, "/"):
		return false
	}
	return t.key == "content" || t.key == "atom:content"
}
