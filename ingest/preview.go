package ingest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"example.org/veille/ingest/feed"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
)

// Preview is what [Poller.Preview] found at an address.
type Preview struct {
	URL      string        // where it was read, after redirects
	Feed     *feed.Feed    // nil when the address is a page's
	Articles []Previewed   // of a page its own, of a feed the newest
	Took     time.Duration // of it all, pauses between requests included
}

// Previewed is one article as a poll would make it.
type Previewed struct {
	Article  schemas.Article
	Outcome  string // as the ledger has it: "indexed", "refused:robots", "failed:gone" …
	Decision Decision
}

// Preview reads the address of a feed or of a page once, as src would be read, and tells what would become of it: of a feed
// the newest most items, each by its page where a poll would fetch it. robots.txt, rights and the pause between requests
// count as ever. Nothing is archived, published or remembered.
func (p *Poller) Preview(ctx context.Context, src schemas.Source, addr string, most int) (Preview, error) {
	began := time.Now()
	u, err := guard.ParseURL(addr)
	if err != nil {
		return Preview{}, err
	}
	var deci Decision
	// A feed is asked for whatever robots.txt says, as a poll does; that the answer is a page is known only then.
	allowed := p.rights.check(ctx, u, &deci)
	if ctx.Err() != nil {
		return Preview{}, ctx.Err()
	}
	req := guard.Request{URL: u.String(), Header: http.Header{}}
	for k, v := range src.Headers {
		req.Header.Set(k, v)
	}
	if src.Agent != "" {
		req.Header.Set("User-Agent", src.Agent)
	}
	resp, err := p.get(ctx, req, nil)
	if err != nil {
		return Preview{}, err
	}
	if resp.Status != http.StatusOK {
		return Preview{}, fmt.Errorf("%s answered %d %s", resp.URL, resp.Status, http.StatusText(resp.Status))
	}
	out := Preview{URL: resp.URL}
	var todo []feed.Item
	f, err := ParseFeed(resp.Body, resp.Header.Get("Content-Type"), resp.URL, zone(src))
	switch {
	case err == nil || len(f.Items) > 0:
		out.Feed = &f
		todo = slices.Clone(f.Items)
		slices.SortStableFunc(todo, func(a, b feed.Item) int { return b.Published.Time.Compare(a.Published.Time) })
		todo = todo[:min(len(todo), max(most, 1))]
	case !looksHTML(resp.Body):
		return out, err
	case allowed != nil:
		return out, fmt.Errorf("%s: %w", addr, allowed)
	default:
		todo = []feed.Item{{Link: resp.URL}}
	}
	if src.Feed == "" {
		src.Feed = resp.URL
	}
	if src.Name == "" {
		if final, err := url.Parse(resp.URL); err == nil {
			src.Name = final.Host
		}
		if out.Feed != nil && out.Feed.Title != "" {
			src.Name = cut(out.Feed.Title, 200)
		}
	}
	for _, it := range todo {
		d := &draft{id: schemas.ArticleID(src.ID, ref(it)), item: it, k: &known{Link: canonical(it.Link), Title: it.Title, Seen: p.now(), Tries: maxTries}}
		var res Result
		if err := p.read(ctx, src, d, &res); err != nil {
			return out, err
		}
		out.Articles = append(out.Articles, Previewed{d.art, d.out, d.deci})
	}
	out.Took = time.Since(began)
	return out, nil
}
