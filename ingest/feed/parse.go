package feed

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mmcdole/gofeed"
)

// Parse reads one feed document.
//
// contentType is the HTTP header (for its charset) and url the address the body came from (to resolve relative links);
// either may be empty. The error wraps [ErrNotFeed], [ErrTooLarge], [ErrTooDeep], [ErrTooMany] or [ErrEntity].
func Parse(body []byte, contentType, url string) (Feed, error) {
	if len(body) > MaxBytes {
		return Feed{}, fmt.Errorf("parse feed: %d bytes: %w", len(body), ErrTooLarge)
	}
	if bytes.Contains(body, []byte("<!ENTITY")) {
		return Feed{}, fmt.Errorf("parse feed: %w", ErrEntity)
	}
	gf, err := gofeed.NewParser().Parse(bytes.NewReader(body))
	if err != nil {
		return Feed{}, fmt.Errorf("parse feed: %w: %w", ErrNotFeed, err)
	}
	f := Feed{Format: gf.FeedType, Version: gf.FeedVersion, Title: gf.Title, Link: gf.Link, Self: gf.FeedLink, Language: strings.ToLower(gf.Language)}
	for _, it := range gf.Items {
		if len(f.Items) == MaxItems {
			f.Truncated = true
			break
		}
		o := Item{ID: it.GUID, Link: it.Link, Title: it.Title, Summary: it.Description, Body: it.Content, HasBody: it.Content != ""}
		if o.ID == "" {
			o.ID = o.Link
		}
		o.Published = Date{Raw: it.Published, How: "published", Precision: "none"}
		if it.PublishedParsed != nil {
			o.Published.Time, o.Published.Precision = it.PublishedParsed.UTC(), "second"
		}
		if it.Author != nil {
			o.Author = it.Author.Name
		}
		f.Items = append(f.Items, o)
	}
	return f, nil
}
