package index

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/document"
	bindex "github.com/blevesearch/bleve_index_api"
	jsonv2 "github.com/go-json-experiment/json" // encoding/json/v2, before it is there: reads in two fifths of the time
	"github.com/klauspost/compress/s2"

	"example.org/veille/query"
	"example.org/veille/schemas"
)

// The mapping is static: these functions are it. Nothing is mapped by reflection,
// no field appears because a document has it.
//
//	kind             a, d, p or t
//	X.title_fr …     words as they are written, with positions; see words.go
//	X.party …        exact values, one term each
//	#date …          numbers and times, one term each, read by the columns only
//	stored           the document itself, JSON in S2 with a dictionary: quick to read,
//	                 for every row of a list is
//	body             the text of an article, in zstd, which is smaller
//
// Nothing else is needed to answer. Beside the postings both cost about 1.4 KB an
// article and are as durable as they are, which a file beside would not be.
const (
	optText    = bindex.IndexField | bindex.IncludeTermVectors
	optKeyword = bindex.IndexField | bindex.SkipFreqNorm
)

const (
	fieldStored = "stored"
	fieldBody   = "body" // the text of an article, apart: lists do with its beginning
)

// leadLength is how much of a text lists have, in characters.
const leadLength = 320

// Number fields beside those of [query.Record].
const (
	numUpdated = "updated" // of a deal: when its status was last told
	numPut     = "put"     // of an article: see version; of a deal, gone ones too: its Rev
)

// Keyword fields beside those of [query.Record].
const fieldArticle = "article" // of a price: its article; of a deal: its evidence

// BadDocument tells which of the documents given cannot be indexed. Nothing was
// written.
type BadDocument struct {
	N    int // position in the slice
	What string
}

func (e *BadDocument) Error() string { return e.What }

// storedPrice is what a price document keeps.
type storedPrice struct {
	Price   schemas.Price   `json:"price"`
	Article schemas.Article `json:"article"`
}

// tombstone is what is left of a deal that is gone.
type tombstone struct {
	Kind string `json:"kind"`
	Into string `json:"into,omitempty"`
}

// writer gathers one batch against one state of the index.
type writer struct {
	sh     *shelf
	snap   *snapshot
	cat    query.Catalogue
	now    func() time.Time
	batch  *bleve.Batch
	prices map[string][]string // by article, of this batch
	at     map[string]int64    // numPut by id, of this batch
}

func newWriter(sh *shelf, opt Options) (*writer, error) {
	snap, err := sh.snapshot()
	if err != nil {
		return nil, err
	}
	return &writer{sh: sh, snap: snap, cat: opt.Catalogue, now: opt.Now, batch: sh.bl.NewBatch(), prices: map[string][]string{}, at: map[string]int64{}}, nil
}

func (w *writer) close() error { return w.snap.close() }

// commit writes the batch and returns when it is on disk.
func (w *writer) commit() error {
	gen := w.sh.gen.Load() + 1
	at := w.now().UnixMilli()
	w.batch.SetInternal(genKey, binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, gen), uint64(at)))
	if err := w.sh.bl.Batch(w.batch); err != nil {
		return err
	}
	if err := w.sh.refresh(); err != nil {
		return err
	}
	w.sh.gen.Store(gen)
	w.sh.at.Store(at)
	if w.sh.lived != nil {
		w.sh.lived()
	}
	return nil
}

func (w *writer) putExtraction(x schemas.Extraction) error {
	id := x.Article.ID
	at := version(x)
	old, err := w.oldPut(id)
	if err != nil {
		return err
	}
	if old > at {
		return nil
	}
	gone, err := w.oldPrices(id)
	if err != nil {
		return err
	}
	for _, p := range gone {
		w.batch.Delete(p)
	}
	w.at[id] = at
	w.prices[id] = nil
	if x.Article.Fold != "" { // it repeats another article, which is there
		doc := document.NewDocument(id)
		addTerm(doc, fieldKind, "t")
		addNumber(doc, numPut, float64(at))
		if err := w.store(doc, tombstone{"folded", x.Article.Fold}); err != nil {
			return err
		}
		return w.batch.IndexAdvanced(doc)
	}
	short := x
	short.Article.Text = beginning(x.Article.Text, leadLength)
	doc, err := w.document("a", query.ArticleRecord(x, w.cat), short)
	if err != nil {
		return err
	}
	keep(doc, fieldBody, w.sh.enc.EncodeAll([]byte(x.Article.Text), nil))
	addNumber(doc, numPut, float64(at))
	if err := w.batch.IndexAdvanced(doc); err != nil {
		return err
	}
	short.Article.Text = ""
	for _, p := range x.Prices {
		doc, err := w.document("p", query.PriceRecord(p, x.Article, w.cat), storedPrice{p, short.Article})
		if err != nil {
			return err
		}
		addKeyword(doc, "p", fieldArticle, id)
		if err := w.batch.IndexAdvanced(doc); err != nil {
			return err
		}
		w.prices[id] = append(w.prices[id], p.ID)
	}
	return nil
}

// version orders what is said of one article: by when it was fetched, then by how
// many copies of it were known. The same version said again replaces: by a better
// extractor, for example.
func version(x schemas.Extraction) int64 {
	at := x.Article.Fetched
	if at.IsZero() {
		at = x.At
	}
	return at.UnixMilli()<<8 | int64(min(len(x.Article.Also), 255)) // 49 bits: a float64 holds them
}

// oldPut tells which version of an article, or revision of a deal, the index holds.
func (w *writer) oldPut(id string) (int64, error) {
	if at, ok := w.at[id]; ok {
		return at, nil
	}
	seg, doc, ok, err := w.snap.lookup(id)
	if err != nil || !ok {
		return -1 << 62, err
	}
	col, err := w.snap.num(seg, numPut)
	if err != nil {
		return 0, err
	}
	if v := col.of(doc); len(v) > 0 {
		return int64(v[0]), nil
	}
	return -1 << 62, nil
}

// oldPrices lists the prices the index has of an article.
func (w *writer) oldPrices(article string) ([]string, error) {
	if ids, ok := w.prices[article]; ok {
		return ids, nil
	}
	return w.snap.ids(keywordField("p", fieldArticle), article)
}

func (w *writer) putDeal(e schemas.DealEvent) error {
	rev := int64(e.Deal.Rev)
	old, err := w.oldPut(e.Deal.ID)
	if err != nil || old > rev {
		return err // delivered late: a newer state is there
	}
	w.at[e.Deal.ID] = rev
	if e.Gone() {
		doc := document.NewDocument(e.Deal.ID)
		addTerm(doc, fieldKind, "t")
		addNumber(doc, numPut, float64(rev))
		if err := w.store(doc, tombstone{e.Kind, e.Into}); err != nil {
			return err
		}
		return w.batch.IndexAdvanced(doc)
	}
	doc, err := w.document("d", query.DealRecord(e.Deal, w.cat), e.Deal)
	if err != nil {
		return err
	}
	addNumber(doc, numUpdated, float64(e.Deal.Updated.Unix()))
	addNumber(doc, numPut, float64(rev))
	seen := map[string]bool{}
	for _, ev := range e.Deal.Evidence {
		if !seen[ev.Article] {
			seen[ev.Article] = true
			addKeyword(doc, "d", fieldArticle, ev.Article)
		}
	}
	return w.batch.IndexAdvanced(doc)
}

// document makes the bleve document of a record; stored is kept in it.
func (w *writer) document(kind string, r query.Record, stored any) (*document.Document, error) {
	doc := document.NewDocument(r.ID)
	addTerm(doc, fieldKind, kind)
	for name, values := range r.Keywords {
		for _, v := range values {
			addKeyword(doc, kind, name, v)
		}
	}
	for name, values := range r.Numbers {
		for _, v := range values {
			addNumber(doc, name, v)
		}
	}
	for name, values := range r.Dates {
		for _, v := range values {
			addNumber(doc, name, float64(v.Unix()))
		}
	}
	stretches := map[string]uint64{}
	for _, t := range r.Texts {
		name := keywordField(kind, query.TextIndex(t.Field, t.Lang))
		// Positions in an array keep a phrase from running over into the next stretch.
		var at []uint64
		if n := stretches[name]; n > 0 {
			at = []uint64{n}
		}
		stretches[name]++
		doc.AddField(&wordField{name: name, at: at, text: t.Value})
	}
	return doc, w.store(doc, stored)
}

func (w *writer) store(doc *document.Document, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", doc.ID(), err)
	}
	keep(doc, fieldStored, storedShape().Encode(nil, body))
	return nil
}

func keep(doc *document.Document, field string, body []byte) {
	doc.AddField(document.NewTextFieldWithIndexingOptions(field, nil, body, bindex.StoreField))
}

//go:embed stored.sample
var storedSample []byte

// storedShape is what stored documents have in common: the sample, which is one of
// each kind. What was written with it can only be read with it, so the sample changes
// with [Format] only.
var storedShape = sync.OnceValue(func() *s2.Dict { return s2.MakeDict(storedSample, nil) })

// unpack reverses the encoding of a stored document.
func unpack(value []byte) ([]byte, error) {
	if n, err := s2.DecodedLen(value); err != nil || n > maxStored {
		return nil, fmt.Errorf("stored document of %d bytes: %w", n, cmp.Or(err, s2.ErrTooLarge))
	}
	return storedShape().Decode(nil, value)
}

func addTerm(doc *document.Document, field, term string) {
	doc.AddField(document.NewTextFieldWithIndexingOptions(field, nil, []byte(term), optKeyword))
}

func addKeyword(doc *document.Document, kind, name, value string) {
	if len(value) > 0 && len(value) <= maxKeyword {
		addTerm(doc, keywordField(kind, name), value)
	}
}

func addNumber(doc *document.Document, name string, v float64) {
	addTerm(doc, numberField(name), encodeNumber(v))
}

// beginning is the first n characters of a text.
func beginning(text string, n int) string {
	for i := range text {
		if n--; n < 0 {
			return text[:i]
		}
	}
	return text
}

// maxKeyword is longer than any address that is kept.
const maxKeyword = schemas.MaxURL

// lookup finds the live document with an id.
func (s *snapshot) lookup(id string) (seg, doc int, ok bool, err error) {
	n, err := s.r.InternalID(id)
	if err != nil || n == nil {
		return 0, 0, false, err
	}
	seg, doc = s.find(docNumber(n))
	return seg, doc, true, nil
}

// ids lists the ids of the live documents with a term.
func (s *snapshot) ids(field, term string) (ids []string, err error) {
	tr, err := s.r.TermFieldReader(context.Background(), []byte(term), field, false, false, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tr.Close()) }()
	for {
		d, err := tr.Next(nil)
		if err != nil || d == nil {
			return ids, err
		}
		id, err := s.r.ExternalID(d.ID)
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
}

// decode reads the stored document, and the body of an article if text is not nil.
func (s *snapshot) decode(seg, doc int, v any, text *string) error {
	var plain, body []byte
	var uerr error
	// The value is lent for the time of the call: it is unpacked inside.
	err := s.segs[seg].VisitDocument(uint64(doc), func(field string, _ byte, value []byte, _ []uint64) bool {
		switch {
		case field == fieldStored:
			plain, uerr = unpack(value)
		case field == fieldBody && text != nil:
			body, uerr = s.dec.DecodeAll(value, nil)
			*text = string(body)
		}
		return uerr == nil
	})
	if err = errors.Join(err, uerr); err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	if err := jsonv2.Unmarshal(plain, v); err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	return nil
}

// load reads the rows of a page.
func (s *snapshot) load(ctx context.Context, res *Result, kind string, rows []row, text bool) error {
	for _, r := range rows {
		if err := pause(ctx); err != nil {
			return err
		}
		seg, doc := s.find(r.n)
		var err error
		switch kind {
		case "d":
			var d schemas.Deal
			err = s.decode(seg, doc, &d, nil)
			res.Deals = append(res.Deals, d)
		case "a":
			var x schemas.Extraction
			if text {
				var body string
				err = s.decode(seg, doc, &x, &body)
				x.Article.Text = body
			} else {
				err = s.decode(seg, doc, &x, nil)
			}
			res.Articles = append(res.Articles, ArticleHit{x})
		case "p":
			var p storedPrice
			err = s.decode(seg, doc, &p, nil)
			res.Prices = append(res.Prices, PriceHit{p.Price, p.Article})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Article returns an article with what was found in it, or [ErrNotFound].
func (ix *Index) Article(id string) (schemas.Extraction, error) {
	var x schemas.Extraction
	var text string
	kind, err := ix.get(id, &text, func(kind byte) any {
		if kind == 'a' {
			return &x
		}
		return nil
	})
	if err == nil && kind != 'a' {
		err = ErrNotFound
	}
	if err != nil {
		return x, fmt.Errorf("article %s: %w", id, err)
	}
	x.Article.Text = text
	return x, nil
}

// Deal returns a deal; a [*Gone] when it was merged or retracted; [ErrNotFound].
func (ix *Index) Deal(id string) (schemas.Deal, error) {
	var d schemas.Deal
	var t tombstone
	kind, err := ix.get(id, nil, func(kind byte) any {
		switch kind {
		case 'd':
			return &d
		case 't':
			return &t
		}
		return nil
	})
	switch {
	case err != nil:
	case kind == 't':
		err = &Gone{ID: id, Kind: t.Kind, Into: t.Into}
	case kind != 'd':
		err = ErrNotFound
	}
	if err != nil {
		return d, fmt.Errorf("deal %s: %w", id, err)
	}
	return d, nil
}

// get decodes the document with an id into what into returns for its kind.
func (ix *Index) get(id string, text *string, into func(kind byte) any) (kind byte, err error) {
	err = ix.withSnapshot(func(s *snapshot) error {
		seg, doc, ok, err := s.lookup(id)
		if err != nil {
			return err
		}
		if !ok {
			return ErrNotFound
		}
		kind = s.sets[seg].kind[doc]
		v := into(kind)
		if v == nil {
			return ErrNotFound
		}
		return s.decode(seg, doc, v, text)
	})
	return kind, err
}

func (ix *Index) withSnapshot(f func(*snapshot) error) (err error) {
	sh, err := ix.hold()
	if err != nil {
		return err
	}
	defer sh.release()
	s, err := sh.snapshot()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	return f(s)
}

// having counts the documents that have a term.
func (s *snapshot) having(field, term string) (int, error) {
	tr, err := s.r.TermFieldReader(context.Background(), []byte(term), field, false, false, false)
	if err != nil {
		return 0, err
	}
	return int(tr.Count()), tr.Close()
}

// Counts tells how many articles, deals and prices there are, as a search for everything
// does: deals that are only background are none of them.
func (ix *Index) Counts() (articles, deals, prices int, err error) {
	err = ix.withSnapshot(func(s *snapshot) error {
		for _, k := range []struct {
			kind string
			n    *int
		}{{"a", &articles}, {"d", &deals}, {"p", &prices}} {
			if *k.n, err = s.having(fieldKind, k.kind); err != nil {
				return err
			}
		}
		background, err := s.having(keywordField("d", "status"), "background")
		deals -= background
		return err
	})
	if err != nil {
		err = fmt.Errorf("count documents: %w", err)
	}
	return articles, deals, prices, err
}
