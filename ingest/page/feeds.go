package page

import (
	"bytes"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Link is a feed that a page points to.
type Link struct {
	URL   string
	Title string
	Type  string // "rss", "atom", "json", or "" for an address that only looks like a feed's
}

// CommonFeedPaths are where news sites keep their feed when no page says so, the likeliest first.
func CommonFeedPaths() []string {
	return []string{"/feed/", "/rss.xml", "/feed", "/rss", "/atom.xml", "/feed.xml", "/index.xml", "/rss/", "/feeds/all.atom.xml", "/feed.json", "/rss/all.xml",
		"/arc/outboundfeeds/rss/", "/backend.php", "/spip.php?page=backend", "/blog/feed/", "/news/rss.xml", "/actualites/rss.xml", "/flux-rss.xml", "/rss/news.xml", "/?feed=rss2"}
}

// maxFeeds bounds what one page may announce.
const maxFeeds = 100

// Feeds lists the feeds a page announces: its link elements first, then links in its body that look like feeds.
func Feeds(body []byte, address string) []Link {
	base, _ := url.Parse(address)
	src := decode(body, "")
	z := html.NewTokenizer(bytes.NewReader(src))
	var out, maybe []Link
	seen := map[string]bool{}
	add := func(list *[]Link, l Link) {
		l.URL = absolute(base, l.URL)
		if l.URL != "" && !seen[l.URL] && len(*list) < maxFeeds {
			seen[l.URL] = true
			*list = append(*list, l)
		}
	}
	for {
		switch z.Next() {
		case html.ErrorToken:
			return append(out, maybe...)
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			a := atom.Lookup(name)
			if a != atom.Link && a != atom.A && a != atom.Base {
				continue
			}
			var rel, typ, href, title string
			for i := 0; more && i < 64; i++ {
				var k, v []byte
				k, v, more = z.TagAttr()
				switch string(k) {
				case "rel":
					rel = strings.ToLower(string(v))
				case "type":
					typ = strings.ToLower(string(v))
				case "href":
					href = strings.TrimSpace(string(v))
				case "title":
					title = squeeze(string(v))
				}
			}
			switch {
			case a == atom.Base:
				if b, err := url.Parse(href); err == nil && base != nil && (b.Host == "" || b.Host == base.Host) {
					base = base.ResolveReference(b)
				}
			case a == atom.Link && (strings.Contains(rel, "alternate") || rel == "feed"):
				kind := feedType(typ)
				if kind == "" && rel != "feed" || comments(title, href) {
					continue
				}
				add(&out, Link{href, title, kind})
			case a == atom.A && looksFeed(href):
				add(&maybe, Link{href, title, ""})
			}
		}
	}
}

func feedType(t string) string {
	switch {
	case strings.Contains(t, "rss"), strings.Contains(t, "rdf"), t == "text/xml", t == "application/xml":
		return "rss"
	case strings.Contains(t, "atom"):
		return "atom"
	case t == "application/feed+json", strings.Contains(t, "jsonfeed"):
		return "json"
	}
	return ""
}

// comments tells WordPress' feed of comments, which is no news.
func comments(title, href string) bool {
	t := strings.ToLower(title)
	return strings.Contains(t, "comments feed") || strings.Contains(t, "flux des commentaires") || strings.Contains(strings.ToLower(href), "comments/feed") || strings.Contains(strings.ToLower(href), "oembed")
}

func looksFeed(href string) bool {
	u, err := url.Parse(href)
	if err != nil || len(href) > 500 {
		return false
	}
	p := strings.ToLower(strings.TrimSuffix(u.Path, "/"))
	for _, s := range [...]string{"/feed", "/rss", "/atom", ".rss", ".atom", "/rss.xml", "/feed.xml", "/atom.xml", "/feed.json", ".rdf"} {
		if strings.HasSuffix(p, s) {
			return true
		}
	}
	return strings.Contains(p, "/rss/") && strings.HasSuffix(p, ".xml") || strings.Contains(u.RawQuery, "feed=rss") || strings.Contains(u.RawQuery, "page=backend")
}
