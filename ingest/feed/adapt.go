package feed

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"example.org/veille/internal/pubdate"
	"github.com/mmcdole/gofeed/atom"
	ext "github.com/mmcdole/gofeed/extensions"
	"github.com/mmcdole/gofeed/rss"
)

// adapter turns what gofeed read into Feed: each field from the first place that has it.
type adapter struct {
	front *front
	zone  *time.Location
	opt   pubdate.Options
	base  *url.URL
}

func (a *adapter) feed(self, link, lang string) Feed {
	f := Feed{Format: a.front.format, Version: a.front.version, Language: strings.ToLower(strings.TrimSpace(lang)), Truncated: a.front.truncated}
	if f.Language == "" {
		f.Language = a.front.lang
	}
	f.Link = a.absolute(a.front.request, link)
	f.Self = a.absolute(a.front.request, self)
	a.base = a.front.request
	if u, err := url.Parse(f.Link); err == nil && u.Host != "" {
		a.base = u
	}
	a.opt.Location = a.zone
	if a.opt.Location == nil {
		host := ""
		if a.base != nil {
			host = a.base.Hostname()
		}
		a.opt.Location = pubdate.ZoneOf(f.Language, host)
	}
	return f
}

// done fills what needs all items.
func (a *adapter) done(f Feed) Feed {
	if f.Truncated {
		a.front.note("more than %d items: the rest left out", MaxItems)
	}
	f.Title = shorten(f.Title, maxLine)
	f.Recovered = a.front.notes
	return f
}

func (a *adapter) rss(r *rss.Feed) Feed {
	v := r.Extensions["v"]
	self, hub := "", ""
	link := r.Link
	for _, l := range v["link"] {
		switch rel := l.Attrs["rel"]; {
		case rel == "self" && self == "":
			self = l.Attrs["href"]
		case rel == "hub" && hub == "":
			hub = l.Attrs["href"]
		case (rel == "" || rel == "alternate") && link == "":
			link = l.Attrs["href"]
		}
	}
	for _, l := range r.Links {
		if l != "" {
			link = l
			break
		}
	}
	f := a.feed(self, link, first(r.Language, one(r.Extensions["dc"], "language")))
	f.Hub = a.absolute(a.base, hub)
	f.Title = first(r.Title, one(r.Extensions["dc"], "title"))
	a.monthFirst(f.Language, func(yield func(string) bool) {
		for _, it := range r.Items {
			if !yield(it.PubDate) {
				return
			}
		}
	})
	f.Updated = a.date([]stated{{"lastBuildDate", r.LastBuildDate}, {"pubDate", r.PubDate}, {"dc:date", one(r.Extensions["dc"], "date")}, {"updated", one(v, "updated")}}).Time
	feedAuthor := first(personName(r.ManagingEditor), names(r.Extensions["dc"]["creator"]))
	for _, it := range r.Items {
		f.Items = append(f.Items, a.rssItem(it, f, feedAuthor))
	}
	f.Items = a.named(f.Items)
	return a.done(f)
}

func (a *adapter) rssItem(it *rss.Item, f Feed, feedAuthor string) Item {
	v, dc, terms := it.Extensions["v"], it.Extensions["dc"], it.Extensions["dcterms"]
	o := Item{Title: first(it.Title, one(dc, "title"), one(v, "mediatitle")), Language: first(one(dc, "language"), one(v, "lang"), f.Language)}

	links := append([]string{one(v, "origlink")}, it.Links...)
	for _, l := range v["atomlink"] {
		if rel := l.Attrs["rel"]; rel == "" || rel == "alternate" {
			links = append(links, l.Attrs["href"])
		}
	}
	links = append(links, one(v, "link"), one(v, "about"))
	if it.GUID != nil {
		o.ID = it.GUID.Value
		if it.GUID.IsPermalink != "false" && looksAbsolute(o.ID) {
			links = append(links, o.ID)
		}
	}
	o.Link = a.link(links)
	o.ID = first(o.ID, one(v, "identifier"), one(v, "about"))

	o.Published = a.date([]stated{{"pubDate", it.PubDate}, {"dc:date", one(dc, "date")}, {"dcterms:issued", one(terms, "issued")},
		{"dcterms:created", one(terms, "created")}, {"published", one(v, "published")}})
	o.Updated = a.date([]stated{{"dcterms:modified", one(terms, "modified")}, {"updated", one(v, "updated")}, {"edited", one(v, "edited")}})
	o.Author = first(personName(it.Author), names(dc["creator"]), names(v["authorname"]), personName(one(v, "itunesauthor")), feedAuthor)
	for _, c := range it.Categories {
		o.Categories = category(o.Categories, c.Value)
	}
	a.content(&o, it.Content, first(it.Description, one(v, "description"), one(v, "mediatext")))
	return o
}

func (a *adapter) atom(af *atom.Feed) Feed {
	v := af.Extensions["v"]
	link, self, hub := atomLinks(af.Links)
	f := a.feed(self, first(link, one(v, "link")), one(v, "language"))
	f.Hub = a.absolute(a.base, hub)
	if id := one(v, "id"); f.Link == "" && looksAbsolute(id) {
		f.Link = a.absolute(a.front.request, id)
	}
	if u, err := url.Parse(f.Link); a.base == nil && err == nil && u.Host != "" {
		a.base = u
	}
	f.Title = first(af.Title, one(v, "title"))
	a.monthFirst(f.Language, func(yield func(string) bool) {
		for _, e := range af.Entries {
			if !yield(first(e.Published, e.Updated)) {
				return
			}
		}
	})
	f.Updated = a.date([]stated{{"updated", af.Updated}, {"dc:date", one(v, "date")}}).Time
	feedAuthor := first(people(af.Authors), names(v["creator"]))
	for _, e := range af.Entries {
		f.Items = append(f.Items, a.atomItem(e, f, feedAuthor))
	}
	f.Items = a.named(f.Items)
	return a.done(f)
}

func (a *adapter) atomItem(e *atom.Entry, f Feed, feedAuthor string) Item {
	v := e.Extensions["v"]
	o := Item{ID: first(one(v, "id"), one(v, "guid")), Title: first(e.Title, one(v, "title")), Language: first(one(v, "language"), one(v, "lang"), f.Language)}
	link, _, _ := atomLinks(e.Links)
	links := []string{one(v, "origlink"), link, one(v, "link")}
	if looksAbsolute(o.ID) {
		links = append(links, o.ID)
	}
	o.Link = a.link(links)
	o.Published = a.date([]stated{{"published", e.Published}, {"issued", one(v, "issued")}, {"created", one(v, "created")}, {"dc:date", one(v, "date")}})
	o.Updated = a.date([]stated{{"updated", e.Updated}, {"modified", one(v, "modified")}, {"edited", one(v, "edited")}})
	o.Author = first(people(e.Authors), names(v["creator"]), feedAuthor, people(e.Contributors))
	for _, c := range e.Categories {
		o.Categories = category(o.Categories, first(c.Label, c.Term))
	}
	for _, c := range v["subject"] {
		o.Categories = category(o.Categories, c.Value)
	}
	body := ""
	if e.Content != nil {
		body = e.Content.Value
	}
	a.content(&o, body, first(e.Summary, one(v, "description")))
	return o
}

// named drops items that say nothing and gives every other an id.
func (a *adapter) named(items []Item) []Item {
	out := items[:0]
	for _, it := range items {
		if it.Title == "" && it.Link == "" && it.ID == "" && it.Summary == "" {
			continue
		}
		if it.Published.Time.IsZero() && !it.Updated.Time.IsZero() {
			it.Published = it.Updated // many Atom feeds give only this one; How says so
		}
		it.ID = first(it.ID, it.Link)
		it.Title, it.Author = shorten(it.Title, maxLine), shorten(it.Author, maxLine)
		if len(it.ID) > maxURL {
			it.ID = strings.ToValidUTF8(it.ID[:maxURL], "")
		}
		out = append(out, it)
	}
	return out
}

// content sets Summary, Body and HasBody. A content element that holds no more than a teaser is not a body.
func (a *adapter) content(o *Item, body, summary string) {
	o.Summary = withoutTrailer(textOf(summary))
	text := withoutTrailer(textOf(body))
	if text != "" && !teaser(text) && (text != o.Summary || len(text) >= fullText) {
		o.Body, o.HasBody = body, true
	} else if body == "" && len(o.Summary) >= fullText && strings.Count(o.Summary, "\n") >= 2 && !teaser(o.Summary) {
		o.Body, o.HasBody = summary, true // a whole article in <description>
	}
	if o.Summary == "" {
		o.Summary = text
	}
	o.Summary = shorten(o.Summary, maxSummary)
}

const (
	fullText   = 1500 // bytes from which a description with paragraphs is an article, not a teaser
	maxSummary = 2000 // bytes of Summary; longer ones are contents
	maxLine    = 1000 // bytes of a title or of names; longer ones are attacks
)

// teaser tells whether text stops where a reader is sent to the site.
func teaser(s string) bool {
	s = strings.ToLower(strings.TrimRight(s, " \n.»›→>"))
	for _, end := range teaserEnds {
		if strings.HasSuffix(s, end) {
			return true
		}
	}
	return false
}

var teaserEnds = []string{"[…]", "[...]", "[&#8230;]", "…]", "lire la suite", "lire l'article", "lire l’article", "en savoir plus", "lire plus", "suite",
	"read more", "continue reading", "read the full story", "read the full article", "read full article", "[…"}

// withoutTrailer drops the line that blog software adds: "The post … appeared first on …".
func withoutTrailer(s string) string {
	i := strings.LastIndexByte(s, '\n')
	last := strings.ToLower(s[i+1:])
	if (strings.HasPrefix(last, "the post ") && strings.Contains(last, " first on ")) ||
		(strings.HasPrefix(last, "l’article ") || strings.HasPrefix(last, "l'article ") || strings.HasPrefix(last, "cet article ")) && strings.Contains(last, "est apparu en premier") {
		return strings.TrimSpace(s[:max(i, 0)])
	}
	return s
}

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = s[:n]
	if i := strings.LastIndexAny(s, " \n"); i > n/2 {
		s = s[:i]
	}
	return strings.ToValidUTF8(s, "") + "…"
}

type stated struct{ how, raw string }

// date takes the first of list that can be read, else keeps the first that is stated.
func (a *adapter) date(list []stated) Date {
	d := Date{Precision: pubdate.None}
	for _, s := range list {
		raw := shorten(squeeze(s.raw), 100)
		if raw == "" {
			continue
		}
		if t, p, ok := pubdate.Parse(raw, a.opt); ok {
			return Date{Time: t, Raw: raw, How: s.how, Precision: p}
		}
		if d.Raw == "" {
			d.Raw, d.How = raw, s.how
		}
	}
	return d
}

// monthFirst decides how 11/12/2025 is meant: by another date of the feed that has only one reading, else by its language.
func (a *adapter) monthFirst(lang string, dates func(func(string) bool)) {
	a.opt.MonthFirst = lang == "en-us"
	for raw := range dates {
		var p [2]int
		n := 0
		for i := 0; i < len(raw) && i < 6 && n < 2; i++ {
			if c := raw[i]; c >= '0' && c <= '9' {
				p[n] = p[n]*10 + int(c-'0')
			} else if c == '/' {
				n++
			} else {
				break
			}
		}
		if n == 2 && p[0] > 12 && p[0] <= 31 {
			a.opt.MonthFirst = false
			return
		}
		if n == 2 && p[1] > 12 && p[1] <= 31 {
			a.opt.MonthFirst = true
			return
		}
	}
}

// link takes the first usable address of list, made absolute.
func (a *adapter) link(list []string) string {
	for _, l := range list {
		if abs := a.absolute(a.base, l); abs != "" {
			return abs
		}
	}
	return ""
}

// absolute gives an http or https address, "" for anything else: what a feed links to is shown and fetched.
func (a *adapter) absolute(base *url.URL, ref string) string {
	ref = strings.TrimSpace(ref)
	if ref == "" || len(ref) > maxURL || strings.ContainsFunc(ref, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		return ""
	}
	u, err := url.Parse(strings.ReplaceAll(ref, " ", "%20"))
	if err != nil {
		return ""
	}
	if base != nil {
		u = base.ResolveReference(u)
	}
	if s := strings.ToLower(u.Scheme); s != "http" && s != "https" || u.Hostname() == "" || u.User != nil {
		return ""
	}
	return u.String()
}

func looksAbsolute(s string) bool {
	s = strings.ToLower(s[:min(len(s), 8)])
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

func atomLinks(links []*atom.Link) (alternate, self, hub string) {
	best := -1
	for _, l := range links {
		rel := strings.ToLower(l.Rel)
		rel = strings.TrimPrefix(rel, "http://www.iana.org/assignments/relation/")
		switch rel {
		case "alternate", "":
			rank := 0
			if t := strings.ToLower(l.Type); t == "" || strings.Contains(t, "html") {
				rank = 1
			}
			if rank > best && l.Href != "" {
				alternate, best = l.Href, rank
			}
		case "self":
			self = first(self, l.Href)
		case "hub":
			hub = first(hub, l.Href)
		}
	}
	return alternate, self, hub
}

func people(list []*atom.Person) string {
	var out []string
	for _, p := range list {
		if n := first(personName(p.Name), p.Email); n != "" && !slices.Contains(out, n) && len(out) < 20 {
			out = append(out, n)
		}
	}
	return strings.Join(out, ", ")
}

func names(list []ext.Extension) string {
	var out []string
	for _, e := range list {
		if n := personName(e.Value); n != "" && !slices.Contains(out, n) && len(out) < 20 {
			out = append(out, n)
		}
	}
	return strings.Join(out, ", ")
}

// personName takes the name out of "a@b.fr (Name)", "Name (a@b.fr)" and "Name <a@b.fr>"; an address alone stays.
func personName(s string) string {
	s = squeeze(s)
	at := strings.IndexByte(s, '@')
	if at < 0 {
		return strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(s, "()"), "()"))
	}
	for _, pair := range [...]string{"()", "<>"} {
		i, j := strings.IndexByte(s, pair[0]), strings.LastIndexByte(s, pair[1])
		if i < 0 || j < i {
			continue
		}
		in, out := strings.TrimSpace(s[i+1:j]), strings.TrimSpace(s[:i]+" "+s[j+1:])
		if strings.Contains(in, "@") && out != "" {
			return strings.Trim(out, `"' `)
		}
		if !strings.Contains(in, "@") && in != "" {
			return in
		}
		return strings.Trim(first(in, out), `"' `)
	}
	return s
}

func category(list []string, c string) []string {
	if c = squeeze(c); c != "" && len(list) < 50 && !slices.Contains(list, c) {
		list = append(list, c)
	}
	return list
}

func one(m map[string][]ext.Extension, name string) string {
	for _, e := range m[name] {
		if v := strings.TrimSpace(e.Value); v != "" {
			return v
		}
	}
	return ""
}

func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
