package page

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.org/veille/internal/pubdate"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// meta is what a page says of itself outside its body.
type meta struct {
	named     map[string]string // name, property or itemprop, lower case -> first content
	title     string            // <title>
	h1        []string
	canonical string
	lang      string
	baseHref  string
	robots    Robots
	ld        article
	ldOK      bool
	agreed    bool     // the title stands in two places
	authors   []string // article:author and friends that are names
	times     []timed  // <time>, itemprop=datePublished
	bylines   []signed // rel=author, itemprop=author, class byline
	url       *url.URL
	src       []byte // the page, for what only its scripts say
}

type signed struct {
	name string
	rank int // the lower, the surer that it is this article's author
}

type timed struct {
	raw   string
	score int // how sure it is that this is the publication date
}

// place is where an element stands: inside the article or the main part, among other articles, or who knows.
type place int8

const (
	elsewhere place = iota - 1
	somewhere
	inside
)

// ofOthers tells the names of parts that list other articles, or comments.
func ofOthers(names string) bool {
	if len(names) < 4 || len(names) > 300 {
		return false
	}
	l := strings.ToLower(names)
	for _, s := range [...]string{"related", "recommend", "similar", "sidebar", "side-bar", "most-read", "mostread", "popular", "trending", "latest", "lire-aussi", "plus-lus", "comments", "commentaires", "comment-list", "teasers", "read-next", "readmore", "read-more", "recirc"} {
		if strings.Contains(l, s) {
			return !strings.Contains(l, "has-") && !strings.Contains(l, "with-") && !strings.Contains(l, "no-")
		}
	}
	return false
}

// maxMeta bounds how many meta elements are kept; real pages have fewer than a hundred.
const maxMeta = 400

func readMeta(doc *html.Node, base *url.URL) *meta {
	m := &meta{named: map[string]string{}, url: base}
	scripts := 0
	var walk func(n *html.Node, inArticle place)
	walk = func(n *html.Node, inArticle place) {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			if c.Type != html.ElementNode {
				continue
			}
			in := inArticle
			switch c.DataAtom {
			case atom.Html:
				m.lang = strings.ToLower(first(attr(c, "lang"), attr(c, "xml:lang")))
			case atom.Meta:
				m.meta(c)
				continue
			case atom.Title:
				if m.title == "" && c.Namespace == "" {
					m.title = squeeze(textContent(c, 2000))
				}
				continue
			case atom.Link:
				rel := strings.ToLower(attr(c, "rel"))
				if rel == "canonical" && m.canonical == "" {
					m.canonical = attr(c, "href")
				}
				continue
			case atom.Base:
				m.baseHref = first(m.baseHref, attr(c, "href"))
				continue
			case atom.Script:
				if scripts < 50 && strings.Contains(strings.ToLower(attr(c, "type")), "ld+json") {
					scripts++
					m.jsonLD(textContent(c, 2<<20))
				}
				continue
			case atom.Style, atom.Noscript, atom.Template, atom.Svg, atom.Iframe, atom.Head:
				if c.DataAtom != atom.Head {
					continue
				}
			case atom.H1:
				if t := squeeze(textContent(c, 2000)); t != "" && len(m.h1) < 5 {
					m.h1 = append(m.h1, t)
				}
			case atom.Article, atom.Main:
				if in != elsewhere { // in a list of others' it stays one of them
					in = inside
				}
			case atom.Aside, atom.Nav, atom.Footer:
				in = elsewhere
			case atom.Section, atom.Div, atom.Ul, atom.Ol:
				if in != elsewhere && ofOthers(attr(c, "class")+" "+attr(c, "id")) {
					in = elsewhere
				}
			case atom.Time:
				m.time(c, in)
			}
			if len(c.Attr) > 0 {
				m.microdata(c, in)
			}
			walk(c, in)
		}
	}
	walk(doc, somewhere)
	slices.SortStableFunc(m.bylines, func(a, b signed) int { return a.rank - b.rank })
	return m
}

func (m *meta) meta(n *html.Node) {
	content := strings.TrimSpace(attr(n, "content"))
	if content == "" || len(m.named) >= maxMeta || len(content) > 20_000 {
		return
	}
	for _, key := range []string{"name", "property", "itemprop", "http-equiv"} {
		k := strings.ToLower(strings.TrimSpace(attr(n, key)))
		if k == "" {
			continue
		}
		switch k {
		case "author", "article:author", "article:author_name", "dc.creator", "dc:creator", "dcterms.creator", "dcterms:creator", "sailthru.author", "parsely-author", "byl", "citation_author", "cxenseparse:author":
			m.authors = append(m.authors, content)
		}
		if k == "robots" || k == "googlebot" {
			for tok := range strings.FieldsFuncSeq(strings.ToLower(content), func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
				switch tok {
				case "noindex":
					m.robots.NoIndex = true
				case "noarchive":
					m.robots.NoArchive = true
				case "nosnippet":
					m.robots.NoSnippet = true
				case "none":
					m.robots.NoIndex = true
				case "max-snippet:0":
					m.robots.NoSnippet = true
				}
			}
		}
		if _, ok := m.named[k]; !ok {
			m.named[k] = content
		}
	}
}

// microdata collects dates and names that elements of the body are marked with.
func (m *meta) microdata(n *html.Node, in place) {
	var itemprop, rel, class, id, stamp string
	for _, a := range n.Attr {
		switch a.Key {
		case "title", "data-utime", "data-datetime", "data-timestamp", "data-time", "data-date", "data-published", "datetime":
			if len(a.Val) >= 8 && len(a.Val) <= 60 && strings.ContainsAny(a.Val, "0123456789") {
				stamp = first(stamp, a.Val)
			}
		case "itemprop":
			itemprop = strings.ToLower(a.Val)
		case "rel":
			rel = strings.ToLower(a.Val)
		case "class":
			class = a.Val
		case "id":
			id = a.Val
		}
	}
	if itemprop != "" && n.DataAtom != atom.Time && (strings.Contains(itemprop, "datepublished") || strings.Contains(itemprop, "datecreated")) {
		if raw := first(attr(n, "content"), attr(n, "datetime"), attr(n, "title"), squeeze(textContent(n, 200))); raw != "" && len(m.times) < 50 {
			m.times = append(m.times, timed{raw, 8})
		}
	}
	if stamp != "" && n.DataAtom != atom.Time && len(m.times) < 50 && dated(n, class, id) { // what is shown is "3 hours ago"
		score := 5
		if in == elsewhere || strings.Contains(class, "update") || strings.Contains(class, "modif") || strings.Contains(class, "comment") {
			score = 1
		}
		m.times = append(m.times, timed{stamp, score})
	}
	if len(m.bylines) >= 12 || in == elsewhere && len(m.bylines) > 0 {
		return
	}
	explicit := strings.Contains(rel, "author") || itemprop == "author" || itemprop == "creator"
	isAuthor := explicit
	if !isAuthor && len(class)+len(id) > 0 {
		isAuthor = bylineClass(class) || bylineClass(id) || class == "sig" || id == "sig" || class == "signe"
	}
	if isAuthor {
		t := ""
		if strings.Contains(itemprop, "author") { // the name within, not the whole card
			t = squeeze(textOfProp(n, "name"))
		}
		if t == "" {
			t = squeeze(textContent(n, 200))
		}
		if t != "" && len(t) <= 160 && !(len(t) > 40 && strings.HasSuffix(t, ".")) {
			rank := 0
			if in != inside {
				rank += 2
			}
			if !explicit {
				rank++
			}
			m.bylines = append(m.bylines, signed{t, rank})
		}
	}
}

// bylineClass tells class names that hold the author's name.
func bylineClass(class string) bool {
	if class == "" || len(class) > 200 {
		return false
	}
	l := strings.ToLower(class)
	if !strings.Contains(l, "author") && !strings.Contains(l, "byline") && !strings.Contains(l, "auteur") && !strings.Contains(l, "signature") {
		return false
	}
	for _, no := range [...]string{"bio", "avatar", "img", "image", "photo", "social", "link-list", "box", "desc", "follow", "contact", "more", "other", "job", "title", "thumb", "comment", "autres", "count", "auteur-bloc", "bloc-auteur", "author-block", "about", "encart"} {
		if strings.Contains(l, no) {
			return false
		}
	}
	return true
}

// dated tells an element whose name or kind says that it shows a moment.
func dated(n *html.Node, class, id string) bool {
	if n.DataAtom == atom.Abbr || strings.HasSuffix(n.Data, "-time") || n.Data == "time-ago" {
		return true
	}
	l := strings.ToLower(class + " " + id)
	return len(l) < 200 && (strings.Contains(l, "date") || strings.Contains(l, "time") || strings.Contains(l, "publi") || strings.Contains(l, "posted"))
}

func (m *meta) time(n *html.Node, in place) {
	if len(m.times) >= 50 {
		return
	}
	raw := first(attr(n, "datetime"), attr(n, "content"), squeeze(textContent(n, 200)))
	if raw == "" {
		return
	}
	score := 2
	hint := strings.ToLower(attr(n, "itemprop") + " " + attr(n, "class") + " " + attr(n, "id") + " " + attr(n, "data-testid"))
	if n.Parent != nil {
		hint += " " + strings.ToLower(attr(n.Parent, "class"))
	}
	switch {
	case strings.Contains(hint, "datepublished"):
		score = 8
	case strings.Contains(hint, "modif"), strings.Contains(hint, "update"), strings.Contains(hint, "maj"):
		score = 1
	case hasAttr(n, "pubdate"), strings.Contains(hint, "publi"), strings.Contains(hint, "entry-date"), strings.Contains(hint, "posted"):
		score = 6
	case in == inside:
		score = 4
	}
	if strings.Contains(hint, "comment") || strings.Contains(hint, "related") {
		score = 0
	}
	if in == elsewhere {
		score = min(score, 1)
	}
	m.times = append(m.times, timed{raw, score})
}

// page makes the Page's fields that do not need the body.
func (m *meta) page(opt Options) Page {
	p := Page{Robots: m.robots, Precision: pubdate.None}
	p.SiteName = squeeze(first(m.named["og:site_name"], m.ld.publisher, m.named["application-name"]))
	p.Title = m.headline(p.SiteName)
	if rest, ok := strings.CutPrefix(m.title, p.Title); ok && p.SiteName == "" && p.Title != "" { // "The title | The Site"
		if rest = strings.TrimLeft(rest, " -–—|·•:»"); len(strings.Fields(rest)) <= 4 {
			p.SiteName = rest
		}
	}
	if p.Title == "" {
		p.Title = squeeze(opt.Hint.Title)
	}
	p.TDM.Reserved = strings.TrimSpace(m.named["tdm-reservation"]) == "1"
	p.TDM.Policy = m.named["tdm-policy"]
	base := m.url
	if m.baseHref != "" {
		if b, err := url.Parse(m.baseHref); err == nil && base != nil {
			base = base.ResolveReference(b)
		}
	}
	p.Canonical = absolute(base, first(m.canonical, m.named["og:url"]))

	o := pubdate.Options{Location: opt.Zone, MonthFirst: m.monthFirst(), Stated: true}
	if o.Location == nil {
		o.Location = pubdate.ZoneOf(m.lang, host(m.url))
	}
	take := func(from, raw string) {
		if raw == "" || !p.Published.IsZero() {
			return
		}
		if t, prec, ok := pubdate.Parse(raw, o); ok && prec != pubdate.None {
			p.Published, p.Precision, p.PublishedFrom = t, prec, from
		}
	}
	take("jsonld", m.ld.published)
	for _, k := range publishedMeta {
		take("meta", m.named[k])
	}
	p.Updated = m.updated(o)
	return p
}

// monthFirst tells whether the page writes 11/12/2025 for the 12th of November: one that says so by its language, or one in
// plain English on an American host.
func (m *meta) monthFirst() bool {
	if m.lang == "en" || m.lang == "" {
		h := host(m.url)
		return m.lang == "en" && (strings.HasSuffix(h, ".com") || strings.HasSuffix(h, ".us") || strings.HasSuffix(h, ".gov"))
	}
	return strings.HasPrefix(m.lang, "en-us") || strings.HasPrefix(m.lang, "en_us")
}

// publishedMeta lists the meta elements that hold a publication date, the surest first.
var publishedMeta = []string{"article:published_time", "og:article:published_time", "article:published", "og:published_time", "datepublished", "date_published", "parsely-pub-date",
	"sailthru.date", "dc.date.issued", "dcterms.issued", "dcterms.created", "dcterms.date", "dc.date.created", "dc.date", "publish-date", "publish_date", "published-date",
	"publishdate", "publication_date", "pubdate", "article.published", "article_date_original", "originalpublicationdate", "cxenseparse:recs:publishtime", "citation_publication_date",
	"citation_date", "ptime", "article.created", "rnews:datepublished", "displaydate", "pdate", "datecreated", "date", "created", "timestamp", "release_date", "bt:pubdate"}

func (m *meta) updated(o pubdate.Options) time.Time {
	for _, raw := range []string{m.ld.modified, m.named["article:modified_time"], m.named["og:updated_time"], m.named["datemodified"], m.named["dcterms.modified"], m.named["dc.date.modified"], m.named["last-modified"], m.named["revised"]} {
		if t, prec, ok := pubdate.Parse(raw, o); ok && prec != pubdate.None {
			return t
		}
	}
	return time.Time{}
}

// visible fills what only the rendered page tells: a date without markup, the author's line.
func (m *meta) visible(p *Page, t *tree, rule *Rule, doc *html.Node, opt Options) {
	o := pubdate.Options{Location: opt.Zone, MonthFirst: m.monthFirst(), Stated: true}
	if o.Location == nil {
		o.Location = pubdate.ZoneOf(m.lang, host(m.url))
	}
	set := func(from string, d time.Time, prec string) {
		if p.Published.IsZero() {
			p.Published, p.Precision, p.PublishedFrom = d, prec, from
		}
	}
	if p.Precision == pubdate.Day { // a meta element without time: an element that says the time of that day is better
		for _, x := range m.times {
			if d, prec, ok := pubdate.Parse(x.raw, o); ok && x.score >= 6 && (prec == pubdate.Second || prec == pubdate.Minute) && d.Sub(p.Published).Abs() <= 36*time.Hour {
				p.Published, p.Precision, p.PublishedFrom = d, prec, "time"
				break
			}
		}
	}
	if rule != nil && p.Published.IsZero() {
		if d, prec, ok := rule.published(doc, o); ok {
			set("rule", d, prec)
		}
	}
	if p.Published.IsZero() {
		best := -1
		for i, x := range m.times {
			if best >= 0 && x.score <= m.times[best].score {
				continue
			}
			if _, prec, ok := pubdate.Parse(x.raw, o); ok && prec != pubdate.None && x.score > 0 {
				best = i
			}
		}
		if best >= 0 && (m.times[best].score >= 4 || len(m.times) <= 3) {
			d, prec, _ := pubdate.Parse(m.times[best].raw, o)
			set("time", d, prec)
		}
	}
	if p.Published.IsZero() {
		if d, prec, ok := scriptDate(m.src, o); ok {
			set("meta", d, prec)
		}
	}
	if h := opt.Hint; !h.Published.IsZero() {
		set("feed", h.Published.UTC(), first(h.Precision, pubdate.Second))
	}
	if p.Published.IsZero() {
		if d, prec, ok := t.writtenDate(o); ok {
			set("text", d, prec)
		}
	}
	if d, ok := dateInURL(m.url); ok {
		set("url", d, pubdate.Day)
	} else if u, err := url.Parse(p.Canonical); err == nil {
		if d, ok := dateInURL(u); ok {
			set("url", d, pubdate.Day)
		}
	}
	if p.Published.IsZero() && len(m.times) > 0 {
		for _, x := range m.times {
			if d, prec, ok := pubdate.Parse(x.raw, o); ok && prec != pubdate.None {
				set("time", d, prec)
			}
		}
	}
	if p.Published.IsZero() && !p.Updated.IsZero() { // better a late date than none
		p.Published, p.PublishedFrom, p.Precision = p.Updated, "meta", pubdate.Second
	}

	p.Byline = m.byline(p, t, rule, doc)
	if p.Byline == "" {
		p.Byline = cleanNames(opt.Hint.Author, p.SiteName)
	}
}

// scriptKeys are the names under which pages tell their scripts when the article was published, the surest first.
var scriptKeys = [...]string{"datePublished", "publishedAt", "published_at", "publishDate", "publish_date", "publicationDate", "publication_date", "datePublication", "date_publication",
	"firstPublished", "published_time", "pubDate", "pubdate", "page_date"}

// scriptDate finds the publication date among the data that pages carry for their own scripts.
func scriptDate(src []byte, o pubdate.Options) (best time.Time, precision string, ok bool) {
	rank := len(scriptKeys)
	seen := 0
	try := func(at int) { // at stands within a name
		from, to := at, at
		for from > 0 && at-from < 20 && nameByte(src[from-1]) {
			from--
		}
		for to < len(src) && to-at < 20 && nameByte(src[to]) {
			to++
		}
		k := slices.Index(scriptKeys[:], string(src[from:to]))
		if k < 0 || k >= rank {
			return
		}
		seen++
		v := strings.TrimLeft(string(src[to:min(len(src), to+60)]), `"': =\`+"\t\n")
		if e := strings.IndexAny(v, `"'<,}\`); e >= 0 {
			v = v[:e]
		}
		if t, prec, good := pubdate.Parse(v, o); good && prec != pubdate.None {
			best, precision, ok, rank = t, prec, true, k
		}
	}
	for _, stem := range [...]string{"ubli", "pubDate", "pubdate", "page_date"} {
		for at := 0; seen < 50; {
			i := bytes.Index(src[at:], []byte(stem))
			if i < 0 {
				break
			}
			try(at + i)
			at += i + len(stem)
		}
	}
	return best, precision, ok
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

// dateInURL reads /2025/11/12/, /2025-11-12-, /20251112- and /2025/nov/12/.
func dateInURL(u *url.URL) (time.Time, bool) {
	if u == nil || len(u.Path) > 2000 {
		return time.Time{}, false
	}
	path := strings.ToLower(u.Path)
	for i := 0; i+8 <= len(path); i++ {
		if (path[i] != '2' && path[i] != '1') || i > 0 && (path[i-1] >= '0' && path[i-1] <= '9') {
			continue
		}
		for _, n := range [...]int{11, 10, 9, 8} {
			if i+n > len(path) || i+n < len(path) && path[i+n] >= '0' && path[i+n] <= '9' {
				continue
			}
			s := path[i : i+n]
			if n == 8 && strings.Trim(s, "0123456789") != "" {
				continue
			}
			if n != 8 && s[4] != '/' && s[4] != '-' && s[4] != '_' {
				continue
			}
			if t, prec, ok := pubdate.Parse(strings.ReplaceAll(s, "_", "-"), pubdate.Options{}); ok && prec == pubdate.Day {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// article is what JSON-LD says of the page's article.
type article struct {
	headline, body      string
	published, modified string
	authors             []string
	publisher, lang     string
	free                string // isAccessibleForFree: "true", "false" or ""
	rank                int
}

// jsonLD reads one script; the best article of all scripts wins.
func (m *meta) jsonLD(src string) {
	src = strings.TrimSpace(src)
	for _, wrap := range [...][2]string{{"<!--", "-->"}, {"//<![CDATA[", "//]]>"}, {"/*<![CDATA[*/", "/*]]>*/"}, {"<![CDATA[", "]]>"}} {
		src = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(src, wrap[0]), wrap[1]))
	}
	src = strings.TrimRight(src, "; \n\t")
	var v any
	if err := json.Unmarshal([]byte(src), &v); err != nil {
		src = strings.Map(func(r rune) rune { // raw line breaks inside strings are the usual fault
			if r < ' ' {
				return ' '
			}
			return r
		}, src)
		if json.Unmarshal([]byte(src), &v) != nil {
			return
		}
	}
	budget := 5000
	m.ldValue(v, 0, &budget)
}

func (m *meta) ldValue(v any, depth int, budget *int) {
	if *budget--; *budget < 0 || depth > 20 {
		return
	}
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			m.ldValue(e, depth+1, budget)
		}
	case map[string]any:
		if rank := articleType(x["@type"]); rank > 0 {
			a := article{headline: str(x["headline"]), body: str(x["articleBody"]), published: str(x["datePublished"]), modified: str(x["dateModified"]),
				authors: ldNames(x["author"]), publisher: strings.Join(ldNames(x["publisher"]), ", "), lang: str(x["inLanguage"]), free: str(x["isAccessibleForFree"])}
			if len(a.authors) == 0 {
				a.authors = ldNames(x["creator"])
			}
			a.headline = first(a.headline, str(x["name"]))
			a.published = first(a.published, str(x["dateCreated"]), str(x["uploadDate"]))
			a.rank = rank*4 - depth
			if a.body != "" {
				a.rank += 2
			}
			if a.published != "" {
				a.rank += 2
			}
			if !m.ldOK || a.rank > m.ld.rank {
				// a graph often splits page and article: keep what only the other knew
				old := m.ld
				m.ld, m.ldOK = a, true
				m.ld.published = first(a.published, old.published)
				m.ld.modified = first(a.modified, old.modified)
				m.ld.publisher = first(a.publisher, old.publisher)
				if len(a.authors) == 0 {
					m.ld.authors = old.authors
				}
				m.ld.free = first(a.free, old.free)
			}
		}
		for _, k := range [...]string{"@graph", "mainEntity", "mainEntityOfPage", "hasPart", "subjectOf"} {
			if e, ok := x[k]; ok {
				m.ldValue(e, depth+1, budget)
			}
		}
	}
}

// articleType ranks schema.org types: an article above a posting above a page.
func articleType(v any) int {
	best := 0
	var names []any
	switch x := v.(type) {
	case string:
		names = []any{x}
	case []any:
		names = x
	}
	for _, n := range names {
		s, _ := n.(string)
		s = s[strings.LastIndexByte(s, '/')+1:]
		rank := 0
		switch {
		case s == "NewsArticle" || s == "ReportageNewsArticle" || s == "AnalysisNewsArticle" || s == "BackgroundNewsArticle" || s == "OpinionNewsArticle" || s == "ReviewNewsArticle" || s == "LiveBlogPosting":
			rank = 5
		case strings.HasSuffix(s, "Article") || s == "Report":
			rank = 4
		case s == "BlogPosting" || s == "SocialMediaPosting" || s == "Review":
			rank = 4
		case s == "WebPage" || s == "ItemPage" || s == "CreativeWork":
			rank = 1
		}
		best = max(best, rank)
	}
	return best
}

func str(v any) string {
	switch x := v.(type) {
	case string:
		return strings.TrimSpace(x)
	case bool:
		if x {
			return "true"
		}
		return "false"
	case []any:
		if len(x) > 0 {
			return str(x[0])
		}
	case map[string]any:
		return first(str2(x["@value"]), str2(x["name"]))
	}
	return ""
}

func str2(v any) string { s, _ := v.(string); return strings.TrimSpace(s) }

func ldNames(v any) []string {
	var out []string
	switch x := v.(type) {
	case string:
		out = append(out, x)
	case map[string]any:
		switch n := x["name"].(type) {
		case string:
			out = append(out, n)
		case []any:
			out = append(out, ldNames(n)...)
		}
	case []any:
		for _, e := range x {
			if len(out) < 20 {
				out = append(out, ldNames(e)...)
			}
		}
	}
	return out
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func hasAttr(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

// textContent joins the text below n, at most max bytes of it.
func textContent(n *html.Node, max int) string {
	if c := n.FirstChild; c != nil && c.NextSibling == nil && c.Type == html.TextNode {
		return c.Data[:min(len(c.Data), max)]
	}
	var b strings.Builder
	budget := 1000 + max // nodes: an element full of empty ones is not walked for every name it may hold
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		for c := n.FirstChild; c != nil && b.Len() < max && budget > 0; c = c.NextSibling {
			budget--
			switch {
			case c.Type == html.TextNode:
				b.WriteString(c.Data)
			case c.Type == html.ElementNode && c.DataAtom != atom.Script && c.DataAtom != atom.Style && c.DataAtom != atom.Noscript && c.DataAtom != atom.Svg:
				if blockish(c.DataAtom) || c.DataAtom == atom.Br {
					b.WriteByte(' ')
				}
				walk(c)
			}
		}
	}
	walk(n)
	return b.String()
}

// textOfProp is the text of the first element below n with that itemprop.
func textOfProp(n *html.Node, prop string) string {
	budget := 200
	var walk func(*html.Node) string
	walk = func(n *html.Node) string {
		for c := n.FirstChild; c != nil && budget > 0; c = c.NextSibling {
			if c.Type != html.ElementNode {
				continue
			}
			budget--
			if strings.EqualFold(attr(c, "itemprop"), prop) {
				return first(attr(c, "content"), textContent(c, 200))
			}
			if s := walk(c); s != "" {
				return s
			}
		}
		return ""
	}
	return walk(n)
}

// absolute gives an http or https address, "" for anything else.
func absolute(base *url.URL, ref string) string {
	ref = strings.TrimSpace(ref)
	if ref == "" || len(ref) > 4<<10 || strings.ContainsFunc(ref, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		return ""
	}
	u, err := url.Parse(ref)
	if err != nil {
		return ""
	}
	if base != nil {
		u = base.ResolveReference(u)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return ""
	}
	return u.String()
}

func host(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.Hostname()
}
