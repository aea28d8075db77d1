package serve

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// feedFormat is one form of a feed.
type feedFormat struct {
	ext, name, media string
	write            func(feedOut) ([]byte, error)
}

var feedFormats = []feedFormat{
	{"atom", "Atom (RFC 4287)", "application/atom+xml", feedOut.atom},
	{"rss", "RSS 2.0", "application/rss+xml", feedOut.rss},
	{"feed.json", "JSON Feed 1.1", "application/feed+json", feedOut.jsonFeed},
}

// feedOut is a page of a feed. An entry's id never changes, and its updated only
// with its status: a reader shows a deal once, then as an update.
type feedOut struct {
	id, title, lang  string
	home, self, next string
	updated          time.Time
	entries          []feedEntry
}

type feedEntry struct {
	id, title, url, html string
	tags                 []string
	published, updated   time.Time
	outlet               string
}

func (s *Server) feed(f feedFormat) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := r.URL.Query()
		q, err := s.parse(v.Get("q"))
		if err != nil {
			s.problem(w, r, err)
			return
		}
		// What changed last comes first: a rumour of last month that was signed today
		// is news.
		res, err := s.find(r, index.Request{View: index.Deals, Query: bare(q), Sort: index.Updated, Limit: number(v, param{Name: "limit", Default: "50"}), Cursor: v.Get("cursor")})
		if err != nil {
			s.problem(w, r, err)
			return
		}
		base := origin(r)
		v.Del("token") // a secret goes into no document
		self := func(cursor string) string {
			u := url.Values{}
			for k := range v {
				u.Set(k, v.Get(k))
			}
			u.Del("cursor")
			if cursor != "" {
				u.Set("cursor", cursor)
			}
			if len(u) == 0 {
				return base + r.URL.Path
			}
			return base + r.URL.Path + "?" + u.Encode()
		}
		words := q.Words(lang(r))
		out := feedOut{id: "urn:veille:feed:" + fmt.Sprintf("%x", hashToken(q.String()))[:16], title: "veille", lang: lang(r),
			home: base + "/search?" + url.Values{"q": {q.Input}}.Encode(), self: self(v.Get("cursor"))}
		if words != "" {
			out.title = "veille: " + words
		}
		if res.Next != "" {
			out.next = self(res.Next)
			w.Header().Set("Link", "<"+out.next+`>; rel="next"`)
		}
		for _, d := range res.Deals {
			e := newFeedEntry(newDealRow(d), base, out.lang)
			if e.updated.After(out.updated) {
				out.updated = e.updated
			}
			out.entries = append(out.entries, e)
		}
		if out.updated.IsZero() {
			out.updated = s.began
		}
		body, err := f.write(out)
		if err != nil {
			s.problem(w, r, fmt.Errorf("write feed: %w", err))
			return
		}
		w.Header().Set("Content-Type", f.media+"; charset=utf-8")
		_, _ = w.Write(body) // the reader is gone: nobody to tell
	}
}

// origin is the address under which the request reached this server; its host has
// been found to be one of ours.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// structured is a deal in one line, in the reader's language.
func structured(d schemas.Deal, lang string) string {
	parts := []string{dealLine(d), query.FieldRow("type").Label(d.Type, lang), query.FieldRow("status").Label(d.Status, lang)}
	for _, t := range d.Territory {
		parts = append(parts, query.FieldRow("territory").Label(t, lang))
	}
	return strings.Join(parts, " · ")
}

func newFeedEntry(d dealRow, base, lang string) feedEntry {
	full := d.Deal
	full.Parties = d.Parties
	e := feedEntry{id: "urn:veille:deal:" + d.ID, title: structured(full, lang), url: base + d.URL, published: d.First.UTC(), updated: d.Updated.UTC(), tags: []string{d.Type, d.Status}}
	if e.updated.Before(e.published) {
		e.updated = e.published
	}
	for _, p := range d.Parties {
		e.tags = append(e.tags, p.ID)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<p>%s</p>", html.EscapeString(e.title))
	for i, ev := range d.Evidence {
		if i == 5 {
			break
		}
		if i == 0 {
			e.outlet = ev.Outlet
		}
		fmt.Fprintf(&b, `<blockquote lang="%s"><p>%s</p></blockquote><p>%s · `, html.EscapeString(ev.Lang), html.EscapeString(ev.Signal.Evidence.Text), html.EscapeString(ev.Outlet))
		if link := ev.TextFragmentURL; linkable(link) {
			fmt.Fprintf(&b, `<a href="%s" rel="noopener noreferrer nofollow">%s</a>`, html.EscapeString(link), html.EscapeString(ev.Title))
		} else {
			b.WriteString(html.EscapeString(ev.Title))
		}
		fmt.Fprintf(&b, " · %s</p>", ev.Published.UTC().Format(time.DateOnly))
	}
	e.html = b.String()
	return e
}

// linkable tells whether a link may be offered: nothing but the web.
func linkable(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (f feedOut) atom() ([]byte, error) {
	type link struct {
		Rel  string `xml:"rel,attr"`
		Type string `xml:"type,attr,omitempty"`
		Href string `xml:"href,attr"`
	}
	type content struct {
		Type string `xml:"type,attr"`
		Body string `xml:",chardata"`
	}
	type category struct {
		Term string `xml:"term,attr"`
	}
	type author struct {
		Name string `xml:"name"`
	}
	type entry struct {
		ID         string     `xml:"id"`
		Title      string     `xml:"title"`
		Updated    string     `xml:"updated"`
		Published  string     `xml:"published"`
		Author     author     `xml:"author"`
		Links      []link     `xml:"link"`
		Categories []category `xml:"category"`
		Content    content    `xml:"content"`
	}
	type feed struct {
		XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
		Lang    string   `xml:"xml:lang,attr"`
		ID      string   `xml:"id"`
		Title   string   `xml:"title"`
		Updated string   `xml:"updated"`
		Author  author   `xml:"author"`
		Links   []link   `xml:"link"`
		Entries []entry  `xml:"entry"`
	}
	out := feed{Lang: f.lang, ID: f.id, Title: f.title, Updated: stamp(f.updated), Author: author{"veille"},
		Links: []link{{"self", "application/atom+xml", f.self}, {"alternate", "text/html", f.home}}}
	if f.next != "" {
		out.Links = append(out.Links, link{"next", "application/atom+xml", f.next})
	}
	for _, e := range f.entries {
		x := entry{ID: e.id, Title: e.title, Updated: stamp(e.updated), Published: stamp(e.published), Author: author{first(e.outlet, "veille")},
			Links: []link{{"alternate", "text/html", e.url}}, Content: content{"html", e.html}}
		for _, t := range e.tags {
			x.Categories = append(x.Categories, category{t})
		}
		out.Entries = append(out.Entries, x)
	}
	return xmlDocument(out)
}

func (f feedOut) rss() ([]byte, error) {
	type link struct {
		Rel  string `xml:"rel,attr"`
		Type string `xml:"type,attr"`
		Href string `xml:"href,attr"`
	}
	type guid struct {
		Permanent bool   `xml:"isPermaLink,attr"`
		ID        string `xml:",chardata"`
	}
	type item struct {
		Title       string   `xml:"title"`
		Link        string   `xml:"link"`
		Description string   `xml:"description"`
		Categories  []string `xml:"category"`
		GUID        guid     `xml:"guid"`
		Published   string   `xml:"pubDate"`
		Updated     string   `xml:"atom:updated"`
	}
	type channel struct {
		Title       string `xml:"title"`
		Link        string `xml:"link"`
		Description string `xml:"description"`
		Language    string `xml:"language"`
		Built       string `xml:"lastBuildDate"`
		Links       []link `xml:"atom:link"`
		Items       []item `xml:"item"`
	}
	type rss struct {
		XMLName xml.Name `xml:"rss"`
		Version string   `xml:"version,attr"`
		Atom    string   `xml:"xmlns:atom,attr"`
		Channel channel  `xml:"channel"`
	}
	out := rss{Version: "2.0", Atom: "http://www.w3.org/2005/Atom", Channel: channel{Title: f.title, Link: f.home, Description: f.title, Language: f.lang,
		Built: f.updated.UTC().Format(time.RFC1123Z), Links: []link{{"self", "application/rss+xml", f.self}}}}
	if f.next != "" {
		out.Channel.Links = append(out.Channel.Links, link{"next", "application/rss+xml", f.next})
	}
	for _, e := range f.entries {
		out.Channel.Items = append(out.Channel.Items, item{Title: e.title, Link: e.url, Description: e.html, Categories: e.tags,
			GUID: guid{false, e.id}, Published: e.published.Format(time.RFC1123Z), Updated: stamp(e.updated)})
	}
	return xmlDocument(out)
}

func xmlDocument(v any) ([]byte, error) {
	body, err := xml.MarshalIndent(v, "", " ")
	if err != nil {
		return nil, err
	}
	return append([]byte(xml.Header), append(body, '\n')...), nil
}

func (f feedOut) jsonFeed() ([]byte, error) {
	type item struct {
		ID        string   `json:"id"`
		URL       string   `json:"url"`
		Title     string   `json:"title"`
		HTML      string   `json:"content_html"`
		Published string   `json:"date_published"`
		Modified  string   `json:"date_modified"`
		Tags      []string `json:"tags"`
	}
	out := struct {
		Version string `json:"version"`
		Title   string `json:"title"`
		Home    string `json:"home_page_url"`
		Self    string `json:"feed_url"`
		Next    string `json:"next_url,omitempty"`
		Lang    string `json:"language"`
		Items   []item `json:"items"`
	}{"https://jsonfeed.org/version/1.1", f.title, f.home, f.self, f.next, f.lang, []item{}}
	for _, e := range f.entries {
		out.Items = append(out.Items, item{e.id, e.url, e.title, e.html, stamp(e.published), stamp(e.updated), e.tags})
	}
	return json.MarshalIndent(out, "", " ")
}
