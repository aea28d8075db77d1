package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.org/veille/extract"
	"example.org/veille/ingest"
	"example.org/veille/ingest/opml"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// lookTime is how long the API waits for what others' servers answer.
const lookTime = 30 * time.Second

func (a *app) look(ctx context.Context) (*guard.Client, context.Context, context.CancelFunc, error) {
	nets, err := a.cfg.networks()
	if err != nil {
		return nil, nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	return guard.New(guard.Policy{Allow: nets, UserAgent: a.cfg.Agent}), ctx, cancel, nil
}

// badSource says what an address answered, not how it was reached.
func badSource(addr string, err error) error {
	var refused *guard.Error
	if errors.As(err, &refused) {
		return serve.BadSource{What: addr + ": " + refused.Sentence()}
	}
	return serve.BadSource{What: addr + ": " + oneLine(err.Error())}
}

// putSource adds a source to the list, or changes one of it.
func (a *app) putSource(ctx context.Context, slug string, d schemas.Source) (schemas.Source, error) {
	src := d
	src.Country = strings.ToUpper(src.Country)
	if slug == "" {
		client, ctx, cancel, err := a.look(ctx)
		if err != nil {
			return src, err
		}
		defer cancel()
		defer client.Close()
		found, err := ingest.Discover(ctx, client, d.Feed)
		if err != nil {
			return src, badSource(d.Feed, err)
		}
		f := found[0]
		src.Feed = f.URL
		u, err := url.Parse(f.URL)
		if err != nil {
			return src, badSource(d.Feed, err)
		}
		if src.Site == "" {
			src.Site = u.Scheme + "://" + u.Host
		}
		if src.Name == "" {
			src.Name = firstWord(oneLine(f.Title), u.Host)
		}
		if src.ID == "" {
			src.ID = schemas.Token(src.Name)
		}
		if src.Lang == "" {
			src.Lang, _, _ = strings.Cut(f.Language, "-")
		}
	}
	err := a.editList(func(doc *opml.Doc) error {
		have, _ := doc.Sources()
		if slug == "" {
			if slices.ContainsFunc(have, func(h schemas.Source) bool { return h.ID == src.ID || h.Feed == src.Feed }) {
				return fmt.Errorf("%w: %s", serve.ErrSourceExists, src.ID)
			}
		} else {
			i := slices.IndexFunc(have, func(h schemas.Source) bool { return h.ID == slug })
			if i < 0 {
				return fmt.Errorf("%w: %s", serve.ErrNoSource, slug)
			}
			old := have[i]
			for _, m := range []struct {
				to   *string
				from string
			}{{&old.Name, src.Name}, {&old.Feed, src.Feed}, {&old.Site, src.Site}, {&old.Lang, src.Lang}, {&old.Country, src.Country}, {&old.Kind, src.Kind}} {
				if m.from != "" {
					*m.to = m.from
				}
			}
			if slices.ContainsFunc(have, func(h schemas.Source) bool { return h.ID != slug && h.Feed == old.Feed }) {
				return fmt.Errorf("%w: %s", serve.ErrSourceExists, old.Feed)
			}
			if src.Folder != nil && !slices.Equal(src.Folder, old.Folder) {
				old.Folder = src.Folder
				doc.Remove(slug) // it is added again where it belongs
			}
			src = old
		}
		if err := src.Validate(); err != nil {
			return serve.BadSource{What: err.Error()}
		}
		if _, err := guard.ParseURL(src.Feed); err != nil {
			return badSource(src.Feed, err)
		}
		doc.Add(src)
		return nil
	})
	return src, err
}

func firstWord(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}

func (a *app) deleteSource(_ context.Context, slug string) error {
	return a.editList(func(doc *opml.Doc) error {
		if !doc.Remove(slug) {
			return fmt.Errorf("%w: %s", serve.ErrNoSource, slug)
		}
		if left, _ := doc.Sources(); len(left) == 0 {
			return serve.BadSource{What: "It is the last one: a list without a feed watches nothing."}
		}
		return nil
	})
}

// editList changes the list and puts it to use at once.
func (a *app) editList(edit func(*opml.Doc) error) error {
	a.listMu.Lock()
	defer a.listMu.Unlock()
	if err := editSources(a.cfg, edit); err != nil {
		return err
	}
	list, err := loadSources(a.cfg)
	if err != nil {
		return err
	}
	a.poller.SetSources(list)
	return nil
}

func (a *app) previewSource(ctx context.Context, addr string, items int) (any, error) {
	client, ctx, cancel, err := a.look(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	defer client.Close()
	x, err := extract.New()
	if err != nil {
		return nil, err
	}
	src, err := sourceOf(a.cfg, "", addr)
	if err != nil {
		return nil, badSource(addr, err)
	}
	p := ingest.New(a.lg, ingest.Options{Client: client, HostDelay: a.cfg.Poll.HostDelay, Store: forgetful{}, Publish: publishNowhere})
	got, err := p.Preview(ctx, src, addr, items)
	if err != nil {
		return nil, badSource(addr, err)
	}
	return newPreviewed(got, x), nil
}
