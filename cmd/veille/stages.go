package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"example.org/veille/alert"
	"example.org/veille/bus"
	"example.org/veille/extract"
	"example.org/veille/schemas"
)

// The pipeline: subject → function → subject.
//
//	ingest ──> ARTICLES ──extract──> EXTRACTIONS ──┬──deals──> DEALS ──┬──index-deals──> bleve
//	                                               │            PRICES └──alert──> outbox ──> channels
//	                                               └──index──> bleve
//
// Each arrow is a durable consumer. A message is acknowledged when its effect is
// durable; ids come from content, so that a repetition changes nothing.
func (a *app) stages(ctx context.Context, g *errgroup.Group) {
	read := func(role string, c bus.Consumer, handle func(context.Context, []bus.Message) error) {
		if !a.cfg.has(role) {
			return
		}
		a.durables = append(a.durables, c)
		g.Go(func() error { return a.bus.Consume(ctx, c, handle) })
	}
	read("extract", bus.Consumer{Stream: schemas.StreamArticles, Durable: schemas.DurableExtract, Type: schemas.TypeArticle}, a.extract)
	read("deals", bus.Consumer{Stream: schemas.StreamExtractions, Durable: schemas.DurableDeals, Type: schemas.TypeExtraction, Serial: true}, a.gather.take)
	read("index", bus.Consumer{Stream: schemas.StreamExtractions, Durable: schemas.DurableIndex + a.node, Type: schemas.TypeExtraction, Batch: 500}, a.index)
	read("index", bus.Consumer{Stream: schemas.StreamDeals, Durable: schemas.DurableIndexDeals + a.node, Type: schemas.TypeDeal, Batch: 500}, a.indexDeals)
	a.alerting(ctx, g) // deal and price events → outbox → destinations
}

// decodeAll reads the data of each message; one that cannot be read is poison.
func decodeAll[T any](msgs []bus.Message) ([]T, error) {
	out := make([]T, len(msgs))
	for i, m := range msgs {
		if err := m.Into(&out[i]); err != nil {
			return nil, bus.Poison(err)
		}
	}
	return out, nil
}

// publishArticles is what ingest calls once the bytes are archived.
func (a *app) publishArticles(ctx context.Context, arts []schemas.Article, event string) ([]uint64, error) {
	evs := make([]schemas.Event, len(arts))
	for i, art := range arts {
		if err := art.Validate(); err != nil {
			return nil, err
		}
		id := schemas.EventID("article", art.ID, art.Version, fmt.Sprint(len(art.Also)), art.Fold)
		ev, err := schemas.NewEvent(schemas.TypeArticle, id, schemas.ArticleSubject(event, art.Lang, art.Source), art.Fetched, art)
		if err != nil {
			return nil, err
		}
		if a.history {
			ev.Source = alert.SourceReplay
		}
		evs[i] = ev
	}
	return a.bus.Publish(ctx, evs...)
}

// article reads a published article back.
func (a *app) article(ctx context.Context, seq uint64) (schemas.Article, error) {
	var art schemas.Article
	ev, err := a.bus.Get(ctx, schemas.StreamArticles, seq)
	if err == nil {
		err = ev.Into(&art)
	}
	return art, err
}

// extract: Article → Extraction.
func (a *app) extract(ctx context.Context, msgs []bus.Message) error {
	arts, err := decodeAll[schemas.Article](msgs)
	if err != nil {
		return err
	}
	evs := make([]schemas.Event, len(arts))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, art := range arts {
		g.Go(func() (err error) {
			defer func() {
				if p := recover(); p != nil {
					err = bus.Poison(fmt.Errorf("extract %s: panic: %v", art.ID, p))
				}
			}()
			var x schemas.Extraction
			if art.Fold == "" {
				x = a.extractor.Extract(art)
			} else {
				// It turned out to repeat another one: that one speaks, and what this one
				// said is taken back.
				x = schemas.Extraction{Article: art, Vendors: []schemas.Mention{}, Signals: []schemas.Signal{}, Prices: []schemas.Price{}}
			}
			x.ID = schemas.ExtractionID(art.ID, art.Version+art.Fold, len(art.Also), extract.Version)
			x.By, x.At = extract.Version, time.Now().UTC()
			if err := x.Validate(); err != nil {
				return bus.Poison(err)
			}
			evs[i], err = schemas.NewEvent(schemas.TypeExtraction, x.ID, schemas.ExtractionSubject(art.Lang, art.Source), x.At, x)
			evs[i].Source = msgs[i].Source // whether it is news or history goes along
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	_, err = a.bus.Publish(ctx, evs...)
	return err
}

// index: Extraction → articles and prices of the index.
func (a *app) index(ctx context.Context, msgs []bus.Message) error {
	xs, err := decodeAll[schemas.Extraction](msgs)
	if err != nil {
		return err
	}
	return a.ix.PutExtractions(ctx, xs)
}

// indexDeals: deal events → deals of the index.
func (a *app) indexDeals(ctx context.Context, msgs []bus.Message) error {
	es, err := decodeAll[schemas.DealEvent](msgs)
	if err != nil {
		return err
	}
	return a.ix.PutDeals(ctx, es)
}
