package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.org/veille/extract"
	"example.org/veille/ingest"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
)

// previewed is what `veille feeds preview --json` prints.
type previewed struct {
	URL      string             `json:"url"`
	Format   string             `json:"format"` // of the feed, "page" for a page
	Title    string             `json:"title,omitempty"`
	Items    int                `json:"items,omitempty"`
	Articles []previewedArticle `json:"articles"`
}

type previewedArticle struct {
	URL           string    `json:"url"`
	Outcome       string    `json:"outcome"`
	How           string    `json:"how"`
	Published     time.Time `json:"published,omitzero"`
	PublishedFrom string    `json:"published_from"`
	Precision     string    `json:"precision"`
	Paywalled     bool      `json:"paywalled"`
	Robots        string    `json:"robots"`
	Rights        string    `json:"rights"`
	Evidence      []string  `json:"evidence"`
	extracted
}

func (c *command) feedsPreviewCommand() *cobra.Command {
	var asJSON bool
	var items int
	var id string
	cmd := &cobra.Command{
		Use:   "preview URL",
		Short: "Show what a feed or a page would give: text, dates, rights, deals and prices; nothing is stored",
		Long: `Fetch a feed or a page once and show what would become of it: where the text comes
from, title, author and date with where it was found, what robots.txt and the page
allow, and the vendors, deals and prices in it. Of a feed the newest items are read.
Nothing is stored, and a source of the list is read with its own settings.`,
		Example: `  veille feeds preview https://www.channelnews.fr/feed/
  veille feeds preview https://www.channelnews.fr/un-article/ --json`,
		Args: someArgs("the address of a feed or a page"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load(cmd)
			if err != nil {
				return err
			}
			client, err := c.client(cfg)
			if err != nil {
				return err
			}
			defer client.Close()
			x, err := extract.New()
			if err != nil {
				return err
			}
			src, err := sourceOf(cfg, id, args[0])
			if err != nil {
				return err
			}
			p := ingest.New(c.logger(cfg), ingest.Options{Client: client, HostDelay: cfg.Poll.HostDelay, Store: forgetful{}, Publish: publishNowhere})
			got, err := p.Preview(cmd.Context(), src, args[0], items)
			if cmd.Context().Err() != nil {
				return cmd.Context().Err()
			}
			if err != nil {
				var refused *guard.Error
				if errors.As(err, &refused) {
					return fail(exitFailed, fmt.Errorf("%s: %s", args[0], refused.Sentence()), "")
				}
				return fail(exitFailed, err, "")
			}
			if asJSON {
				enc := json.NewEncoder(c.out)
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				return enc.Encode(newPreviewed(got, x))
			}
			c.showPreview(got, x)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().IntVar(&items, "items", 3, "how many items of a feed are read")
	cmd.Flags().StringVar(&id, "source", "", "read it as this source of the list (default: the one of that address or site)")
	return cmd
}

// sourceOf finds the source of the list whose settings hold for an address; an address of no source is read without any.
func sourceOf(cfg Config, id, addr string) (schemas.Source, error) {
	list, err := loadSources(cfg)
	if err != nil {
		return schemas.Source{}, err
	}
	u, err := url.Parse(addr)
	if err != nil {
		return schemas.Source{}, usage(err, "give the address of a feed or a page")
	}
	bare := func(host string) string { return strings.TrimPrefix(strings.ToLower(host), "www.") }
	best := schemas.Source{ID: "preview"}
	for _, s := range list {
		if id != "" {
			if s.ID == id {
				return s, nil
			}
			continue
		}
		if s.Feed == addr {
			return s, nil
		}
		for _, a := range []string{s.Site, s.Feed} {
			if v, err := url.Parse(a); err == nil && best.Feed == "" && v.Host != "" && bare(v.Host) == bare(u.Host) {
				best = s
			}
		}
	}
	if id != "" {
		return schemas.Source{}, usage(fmt.Errorf("there is no source %q", id), "see: veille feeds list")
	}
	return best, nil
}

// forgetful is a store that keeps nothing.
type forgetful struct{}

func (forgetful) Get(context.Context, string) ([]byte, uint64, error) { return nil, 0, nil }
func (forgetful) Put(context.Context, string, []byte) (uint64, error) {
	return 0, errors.New("a preview stores nothing")
}
func (forgetful) Delete(context.Context, string) error   { return nil }
func (forgetful) Keys(context.Context) ([]string, error) { return nil, nil }
func publishNowhere(context.Context, []schemas.Article, string) ([]uint64, error) {
	return nil, errors.New("a preview publishes nothing")
}

func newPreviewed(p ingest.Preview, x *extract.Extractor) previewed {
	out := previewed{URL: p.URL, Format: "page", Articles: []previewedArticle{}}
	if p.Feed != nil {
		out.Format, out.Title, out.Items = p.Feed.Format, p.Feed.Title, len(p.Feed.Items)
	}
	for _, v := range p.Articles {
		a := v.Article
		e := previewedArticle{URL: a.URL, Outcome: v.Outcome, How: a.How, PublishedFrom: a.PublishedFrom, Precision: a.Precision, Paywalled: a.Paywalled,
			Robots: v.Decision.Robots, Rights: a.Rights, Evidence: append([]string{}, v.Decision.Evidence...), extracted: newExtracted(a.ID, a, x.Extract(a))}
		if a.PublishedFrom != "fetch" {
			e.Published = a.Published
		}
		out.Articles = append(out.Articles, e)
	}
	return out
}

func (c *command) showPreview(p ingest.Preview, x *extract.Extractor) {
	if p.Feed != nil {
		fmt.Fprintf(c.out, "%s: %s, %s, %s %s\n", p.URL, p.Feed.Format, count(len(p.Feed.Items), "item"), oneLine(p.Feed.Title), p.Feed.Language)
		for _, r := range p.Feed.Recovered {
			fmt.Fprintf(c.out, "  repaired: %s\n", r)
		}
	}
	for _, v := range p.Articles {
		a := v.Article
		fmt.Fprintf(c.out, "\n%s\n", a.URL)
		date := "no date found"
		switch {
		case a.PublishedFrom == "fetch":
		case a.Precision == "day":
			date = a.Published.Format(time.DateOnly) + " (from " + a.PublishedFrom + ")"
		default:
			date = a.Published.Format(time.RFC3339) + " (from " + a.PublishedFrom + ")"
		}
		by := "no author found"
		if a.Byline != "" {
			by = "by " + oneLine(a.Byline)
		}
		fmt.Fprintf(c.out, "  %s · %s · %s\n", date, by, a.Lang)
		state := v.Outcome
		if a.Paywalled {
			state += ", behind a paywall"
		}
		if a.Rights != "" {
			state += ", rights: " + a.Rights
		}
		fmt.Fprintf(c.out, "  %s · %s · %s\n", state, how(a.How), count(len(strings.Fields(a.Text)), "word"))
		if v.Decision.Robots != "" {
			fmt.Fprintf(c.out, "  %s\n", strings.Join(append([]string{oneLine(v.Decision.Robots)}, v.Decision.Evidence...), "; "))
		}
		if lead := oneLine(a.Text); lead != "" {
			fmt.Fprintf(c.out, "  %s\n", clipWords(lead, 280))
		}
		fmt.Fprintln(c.out)
		c.showExtraction(a, x.Extract(a))
	}
}

// how says where a text comes from.
func how(h string) string {
	switch h {
	case "feed":
		return "text of the feed"
	case "jsonld":
		return "text of the page, confirmed by its JSON-LD"
	case "rule":
		return "text by the rule of the site"
	case "own":
		return "text of the page"
	case "fallback":
		return "text of the page, by readability"
	}
	return h
}

// clipWords shortens s to at most n bytes, at a blank.
func clipWords(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = cut(s, n)
	if i := strings.LastIndexByte(s, ' '); i > 0 {
		s = s[:i]
	}
	return s + " …"
}
