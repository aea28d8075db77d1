package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.org/veille/ingest/feed"
	"example.org/veille/ingest/page"
	"example.org/veille/ingest/robots"
	"example.org/veille/internal/guard"
)

// Found is one feed that a site has.
type Found struct {
	URL      string    `json:"url"`
	Title    string    `json:"title"`
	Format   string    `json:"format"` // as [feed.Feed] has it, or "news-sitemap"
	How      string    `json:"how"`    // "itself", "link", "path", "sitemap"
	Language string    `json:"language,omitempty"`
	Items    int       `json:"items"`
	Newest   time.Time `json:"newest,omitzero"`
}

// paths where feeds are found that no page points to.
var feedPaths = []string{"/feed/", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml", "/feed.json", "/actualites/rss", "/flux-rss", "/rss/news.xml", "/blog/feed/", "/news/rss"}

// ErrNoFeed is returned by [Discover] for a site that has none.
var ErrNoFeed = errors.New("no feed found")

// Discover looks for the feeds of a site: the address itself, the links its page
// announces, the usual paths, and news sitemaps. Each is fetched and read once, so
// what is returned can be polled; the richest way of finding that gives anything
// ends the search. At most 20 requests are made, one after the other, and what
// robots.txt denies is not asked for.
func Discover(ctx context.Context, c *guard.Client, site string) ([]Found, error) {
	if !strings.Contains(site, "://") {
		site = "https://" + site
	}
	u, err := guard.ParseURL(site)
	if err != nil {
		return nil, err
	}
	left := 20
	rules := map[string]*robots.File{}
	get := func(addr string) (*guard.Response, error) {
		if left--; left < 0 {
			return nil, errors.New("too many requests")
		}
		t, err := guard.ParseURL(addr)
		if err != nil {
			return nil, err
		}
		if f := rules[t.Host]; f != nil && addr != site && !f.Allowed("veille", t.EscapedPath()) {
			return nil, errDenied
		}
		return c.Do(ctx, guard.Request{URL: addr})
	}
	base := &url.URL{Scheme: u.Scheme, Host: u.Host}
	var sitemaps []string
	if r, err := get(base.JoinPath("/robots.txt").String()); err == nil && r.Status == http.StatusOK {
		f := robots.Parse(r.Body)
		rules[u.Host] = f
		sitemaps = f.Sitemaps
	}
	first, err := get(site)
	if err != nil {
		return nil, err
	}
	if first.Status != http.StatusOK {
		return nil, fmt.Errorf("fetch %s: status %d", site, first.Status)
	}
	if f, ok := readFeed(first, "itself"); ok {
		return []Found{f}, nil
	}
	var out []Found
	seen := map[string]bool{}
	try := func(addr, how, title string) {
		if seen[canonical(addr)] || ctx.Err() != nil {
			return
		}
		seen[canonical(addr)] = true
		r, err := get(addr)
		if err != nil || r.Status != http.StatusOK || seen["="+canonical(r.URL)] {
			return
		}
		if f, ok := readFeed(r, how); ok {
			seen["="+canonical(r.URL)] = true
			if f.Title == "" {
				f.Title = title
			}
			out = append(out, f)
		}
	}
	for _, l := range page.Feeds(first.Body, first.URL) {
		try(l.URL, "link", l.Title)
	}
	if len(out) == 0 {
		final, _ := url.Parse(first.URL)
		for _, p := range feedPaths {
			if len(out) > 0 {
				break
			}
			try((&url.URL{Scheme: final.Scheme, Host: final.Host}).JoinPath(p).String(), "path", "")
		}
	}
	if len(out) == 0 {
		for _, s := range append(sitemaps, base.JoinPath("/news-sitemap.xml").String(), base.JoinPath("/sitemap-news.xml").String()) {
			if len(out) > 0 || !strings.Contains(strings.ToLower(s), "news") && !slices.Contains(sitemaps, s) {
				continue
			}
			r, err := get(s)
			if err != nil || r.Status != http.StatusOK {
				continue
			}
			for _, inner := range append([]string{""}, newsSitemaps(r.Body)...) { // it may be an index of others
				if inner != "" {
					if r, err = get(inner); err != nil || r.Status != http.StatusOK {
						continue
					}
				}
				if f, ok := readFeed(r, "sitemap"); ok && f.Format == "news-sitemap" {
					out = append(out, f)
					break
				}
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w on %s", ErrNoFeed, site)
	}
	return out, nil
}

// ParseFeed reads a feed as [feed.ParseIn] does, and a news sitemap as a feed of the format "news-sitemap": some sites have
// nothing else that lists what is new.
func ParseFeed(body []byte, contentType, address string, zone *time.Location) (feed.Feed, error) {
	f, err := feed.ParseIn(body, contentType, address, zone)
	if !errors.Is(err, feed.ErrNotFeed) || len(f.Items) > 0 || len(body) > feed.MaxBytes {
		return f, err
	}
	items, serr := NewsSitemap(body)
	if serr != nil || len(items) == 0 {
		return f, err
	}
	f = feed.Feed{Format: "news-sitemap", Link: address, Truncated: len(items) > feed.MaxItems}
	f.Items = items[:min(len(items), feed.MaxItems)]
	if len(items) > 0 {
		f.Language = items[0].Language
	}
	return f, nil
}

// readFeed tells whether an answer is a feed with items.
func readFeed(r *guard.Response, how string) (Found, bool) {
	f, err := ParseFeed(r.Body, r.Header.Get("Content-Type"), r.URL, nil)
	if err != nil && len(f.Items) == 0 || len(f.Items) == 0 && looksHTML(r.Body) {
		return Found{}, false
	}
	out := Found{URL: r.URL, Title: f.Title, Format: f.Format, How: how, Language: f.Language, Items: len(f.Items)}
	for _, it := range f.Items {
		if it.Published.Time.After(out.Newest) {
			out.Newest = it.Published.Time
		}
	}
	return out, true
}

// newsSitemaps lists those of a sitemap index that are named as news, a few.
func newsSitemaps(b []byte) []string {
	if !bytes.Contains(b[:min(len(b), 2<<10)], []byte("<sitemapindex")) {
		return nil
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = false
	var out []string
	for i := 0; i < 10_000 && len(out) < 3; i++ {
		tok, err := d.Token()
		if err != nil {
			break
		}
		if t, ok := tok.(xml.CharData); ok {
			if s := strings.TrimSpace(string(t)); strings.HasPrefix(s, "http") && len(s) < 2000 && (strings.Contains(strings.ToLower(s), "news") || strings.Contains(strings.ToLower(s), "actu")) {
				out = append(out, s)
			}
		}
	}
	return out
}

// Limits on a sitemap, by the sitemap protocol itself but for the bytes.
const (
	maxSitemap     = 50_000 // entries
	maxSitemapText = 50 << 20
)

// NewsSitemap reads the entries of a news sitemap, plain or compressed.
func NewsSitemap(b []byte) ([]feed.Item, error) {
	var r io.Reader = bytes.NewReader(b)
	if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		zr, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("read sitemap: %w", err)
		}
		r = zr
	}
	d := xml.NewDecoder(io.LimitReader(r, maxSitemapText))
	d.Strict = false
	var out []feed.Item
	var it *feed.Item
	var text strings.Builder
	depth := 0
	for len(out) < maxSitemap {
		tok, err := d.Token()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			if len(out) > 0 {
				return out, nil // what stands before the damage counts
			}
			return nil, fmt.Errorf("read sitemap: %w", err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if depth++; depth > 16 {
				return out, errors.New("read sitemap: nested too deeply")
			}
			text.Reset()
			if t.Name.Local == "url" {
				it = &feed.Item{}
			}
		case xml.CharData:
			if text.Len()+len(t) < 8<<10 {
				text.Write(t)
			}
		case xml.EndElement:
			depth--
			if it == nil {
				continue
			}
			v := strings.TrimSpace(text.String())
			switch t.Name.Local {
			case "loc":
				if it.Link == "" { // images have one too
					it.Link, it.ID = v, v
				}
			case "title":
				it.Title = v
			case "language":
				it.Language = v
			case "publication_date":
				for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
					if at, err := time.Parse(layout, v); err == nil {
						it.Published = feed.Date{Time: at.UTC(), Raw: v, How: "news:publication_date", Precision: "second"}
						if layout == time.DateOnly {
							it.Published.Precision = "day"
						}
						break
					}
				}
			case "url":
				if it.Title != "" && it.Link != "" { // an entry without a title is no news
					out = append(out, *it)
				}
				it = nil
			}
		}
	}
	return out, nil
}
