package index

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	bquery "github.com/blevesearch/bleve/v2/search/query"
	"github.com/blevesearch/bleve/v2/search/searcher"
	index "github.com/blevesearch/bleve_index_api"

	"example.org/veille/query"
)

// Text is indexed once, as it is written: one field per language, words in lower
// case with their accents, with positions. What a query asks for is a stem, a folded
// word, a prefix or a typo; the words of the dictionary that fit are looked up for
// it. So one field answers what would otherwise take three (stemmed, plain, exact),
// at a third of their size and time, and a word that is written exactly as in the
// query can be told from its kin.

// wordField is a text as a field of bleve. Its words are counted here rather than
// by a bleve analyser, which would make an object of each.
type wordField struct {
	name  string
	at    []uint64 // which stretch of the field this is
	text  string
	n     int
	freqs index.TokenFrequencies
}

func (f *wordField) Name() string                                     { return f.name }
func (f *wordField) Value() []byte                                    { return nil }
func (f *wordField) ArrayPositions() []uint64                         { return f.at }
func (f *wordField) EncodedFieldType() byte                           { return 't' }
func (f *wordField) Options() index.FieldIndexingOptions              { return optText }
func (f *wordField) Size() int                                        { return len(f.text) }
func (f *wordField) AnalyzedLength() int                              { return f.n }
func (f *wordField) AnalyzedTokenFrequencies() index.TokenFrequencies { return f.freqs }
func (f *wordField) NumPlainTextBytes() uint64                        { return uint64(len(f.text)) }

// Analyze counts the words. Byte offsets are left at zero: phrases need positions
// only, and highlights are made from the text. Function words have no positions,
// for no phrase asks for them.
func (f *wordField) Analyze() {
	room := len(f.text)/12 + 8
	f.freqs = make(index.TokenFrequencies, room)
	counts := make([]index.TokenFreq, 0, room)
	places := make([]index.TokenLocation, 0, len(f.text)/6+8)
	f.n = 0
	scan(f.text, func(w word) {
		t := f.freqs[w.text]
		if t == nil {
			if len(counts) == cap(counts) {
				counts = make([]index.TokenFreq, 0, room)
			}
			counts = append(counts, index.TokenFreq{Term: []byte(w.text)})
			t = &counts[len(counts)-1]
			f.freqs[w.text] = t
		}
		t.SetFrequency(t.Frequency() + 1)
		f.n++
		if w.fr == "" {
			return
		}
		if len(places) == cap(places) {
			places = make([]index.TokenLocation, 0, room)
		}
		places = append(places, index.TokenLocation{Position: w.pos, ArrayPositions: f.at})
		t.Locations = append(t.Locations, &places[len(places)-1])
	})
}

// isText splits the name of a text field of [query.Plan].
func isText(field string) (name, lang string, ok bool) {
	name, lang, ok = strings.Cut(field, "_")
	return name, lang, ok && (name == "title" || name == "text") && (lang == query.Plain || slices.Contains(query.Langs, lang))
}

// wordSet is the words of one field that a query asks for.
type wordSet struct {
	field string // of the index, with its kind
	words []string
}

// lookup finds the words that fit in the fields that a text field of a plan stands
// for: the one of its language, or all for the plain one. start is what the folded
// word begins with; what names the question, for the cache.
func (c compiler) lookup(ctx context.Context, field, start, what string, fits func(*form) bool) ([]wordSet, error) {
	name, lang, _ := isText(field)
	langs := []string{lang}
	if lang == query.Plain {
		langs = query.Langs
	}
	var out []wordSet
	for _, l := range langs {
		ws := wordSet{field: keywordField(c.kind, query.TextIndex(name, l))}
		for i := range c.snap.sets {
			words, err := c.snap.words(ctx, i, ws.field, start, what, fits)
			if err != nil {
				return nil, err
			}
			ws.words = append(ws.words, words...)
		}
		slices.Sort(ws.words)
		if ws.words = slices.Compact(ws.words); len(ws.words) > 0 {
			out = append(out, ws)
		}
	}
	return out, nil
}

// stem finds the words of the terms of an OpTerm or of one place of a phrase.
func (c compiler) stem(ctx context.Context, field string, terms []string) ([]wordSet, error) {
	_, lang, _ := isText(field)
	var out []wordSet
	for _, t := range terms {
		ws, err := c.lookup(ctx, field, t, "="+lang+t, func(f *form) bool { return f.in(lang) == t })
		if err != nil {
			return nil, err
		}
		out = append(out, ws...)
	}
	return out, nil
}

// words looks the words of one segment up. Segments never change, so what was
// found is remembered with their columns.
func (s *snapshot) words(ctx context.Context, seg int, field, start, what string, fits func(*form) bool) ([]string, error) {
	set := s.sets[seg]
	key := field + "\x00" + what
	set.mu.Lock()
	found, ok := set.words[key]
	set.mu.Unlock()
	if ok {
		return found, nil
	}
	dict, err := s.segs[seg].Segment().Dictionary(field)
	if err != nil {
		return nil, err
	}
	found = []string{}
	it := dict.AutomatonIterator(newFoldedPrefix(start), nil, nil)
	for n := 1; ; n++ {
		if n&0xff == 0 {
			if err := pause(ctx); err != nil {
				return nil, err
			}
		}
		e, err := it.Next()
		if err != nil {
			return nil, err
		}
		if e == nil {
			break
		}
		if fits(formOf([]byte(e.Term))) {
			found = append(found, e.Term)
		}
		if len(found) > maxWords {
			return nil, badRequest("%q stands for more than %d words", start, maxWords)
		}
	}
	if len(found) > 256 {
		return found, nil // a short prefix: quick to find again, large to keep
	}
	set.mu.Lock()
	defer set.mu.Unlock()
	if len(set.words) >= maxRemembered {
		clear(set.words)
	}
	set.words[key] = found
	return found, nil
}

const (
	maxWords      = 50_000 // that a prefix or a typo may stand for
	maxRemembered = 2_000  // questions per segment
)

// foldedPrefix is an automaton over the bytes of a dictionary: it accepts the words
// that begin with a text once they are folded.
type foldedPrefix struct {
	want   string
	states []foldedState
	ids    map[foldedState]int
}

// foldedState is how many bytes of the text are matched, and the bytes of a letter
// that is not complete yet.
type foldedState struct {
	at   int
	n    int
	part [4]byte
}

const deadState = 0

func newFoldedPrefix(want string) *foldedPrefix {
	a := &foldedPrefix{want: want, ids: map[foldedState]int{}, states: []foldedState{{at: -1}}}
	a.id(foldedState{})
	return a
}

func (a *foldedPrefix) id(s foldedState) int {
	if n, ok := a.ids[s]; ok {
		return n
	}
	a.states = append(a.states, s)
	a.ids[s] = len(a.states) - 1
	return len(a.states) - 1
}

func (a *foldedPrefix) Start() int                 { return 1 }
func (a *foldedPrefix) IsMatch(s int) bool         { return a.states[s].at == len(a.want) }
func (a *foldedPrefix) CanMatch(s int) bool        { return s != deadState }
func (a *foldedPrefix) WillAlwaysMatch(s int) bool { return a.IsMatch(s) }

func (a *foldedPrefix) Accept(state int, b byte) int {
	s := a.states[state]
	switch {
	case state == deadState:
		return deadState
	case s.at == len(a.want):
		return state
	case b < utf8.RuneSelf:
		if s.n == 0 && a.want[s.at] == b {
			return a.id(foldedState{at: s.at + 1})
		}
		return deadState
	}
	s.part[s.n] = b
	s.n++
	if !utf8.FullRune(s.part[:s.n]) {
		return a.id(s)
	}
	f, rest := fold(string(s.part[:s.n])), a.want[s.at:]
	switch {
	case strings.HasPrefix(rest, f):
		return a.id(foldedState{at: s.at + len(f)})
	case strings.HasPrefix(f, rest): // œ for a text that ends in o
		return a.id(foldedState{at: len(a.want)})
	}
	return deadState
}

// wordQuery asks for any of some words in some fields. The words of one field count
// as one: their frequencies are added up, so that a rare form of a common word is not
// mistaken for a rare word, which is what separate terms of bleve would do. The
// scores of the fields are added up.
type wordQuery []wordGroup

// wordGroup is the words of one field.
type wordGroup struct {
	wordSet
	asked  uint32 // names the field and what was asked of it, for the census
	census *census
	boost  float64
	length float64 // of the field, on average; 0 for exact values, which have none
	weight func(word string) float64
}

// BM25 with its usual constants.
const (
	bm25K = 1.2
	bm25B = 0.75
)

// Searcher implements bleve's query.Query.
func (q wordQuery) Searcher(ctx context.Context, r index.IndexReader, _ mapping.IndexMapping, _ search.SearcherOptions) (search.Searcher, error) {
	total, err := r.DocCount()
	if err != nil {
		return nil, err
	}
	s := &wordSearcher{groups: make([]groupScore, len(q))}
	for i, g := range q {
		df := uint64(0)
		for _, w := range g.words {
			tr, err := r.TermFieldReader(ctx, []byte(w), g.field, true, true, false)
			if err != nil {
				return nil, errors.Join(err, s.Close())
			}
			df += tr.Count()
			s.heads = append(s.heads, &wordHead{r: tr, group: i, weight: g.weight(w)})
		}
		s.count += df
		with, of := g.census.take(g.asked, min(df, total), total)
		n := float64(with)
		s.groups[i] = groupScore{length: g.length, top: g.boost * math.Log(1+(float64(of)-n+0.5)/(n+0.5)) * (bm25K + 1)}
	}
	return s, nil
}

// wordHead reads the postings of one word.
type wordHead struct {
	r      index.TermFieldReader
	doc    index.TermFieldDoc
	at     uint64 // number of the current document; noDocument when there are no more
	group  int
	weight float64
}

const noDocument = math.MaxUint64

func (h *wordHead) next() error {
	d, err := h.r.Next(h.doc.Reset())
	return h.set(d, err)
}

func (h *wordHead) set(d *index.TermFieldDoc, err error) error {
	h.at = noDocument
	if d != nil {
		h.at = docNumber(d.ID)
	}
	return err
}

type groupScore struct {
	length, top      float64
	tf, weight, norm float64 // of the current document
}

type wordSearcher struct {
	heads   []*wordHead
	groups  []groupScore
	started bool
	count   uint64
}

func (s *wordSearcher) start() error {
	if s.started {
		return nil
	}
	s.started = true
	for _, h := range s.heads {
		if err := h.next(); err != nil {
			return err
		}
	}
	return nil
}

func (s *wordSearcher) Next(ctx *search.SearchContext) (*search.DocumentMatch, error) {
	if err := s.start(); err != nil {
		return nil, err
	}
	least := uint64(noDocument)
	for _, h := range s.heads {
		least = min(least, h.at)
	}
	if least == noDocument {
		return nil, nil
	}
	for i := range s.groups {
		s.groups[i].tf, s.groups[i].weight = 0, 0
	}
	for _, h := range s.heads {
		if h.at != least {
			continue
		}
		g := &s.groups[h.group]
		g.tf += float64(max(h.doc.Freq, 1)) // exact values have no count
		g.weight = max(g.weight, h.weight)
		g.norm = h.doc.Norm
		if err := h.next(); err != nil {
			return nil, err
		}
	}
	m := ctx.DocumentMatchPool.Get()
	m.IndexInternalID = index.NewIndexInternalID(m.IndexInternalID, least)
	for i := range s.groups {
		g := &s.groups[i]
		if g.tf == 0 {
			continue
		}
		relative := 1.0
		if g.length > 0 && g.norm > 0 {
			relative = 1 / (g.norm * g.norm * g.length) // as bleve stores it
		}
		m.Score += g.weight * g.top * g.tf / (g.tf + bm25K*(1-bm25B+bm25B*relative))
	}
	return m, nil
}

func (s *wordSearcher) Advance(ctx *search.SearchContext, id index.IndexInternalID) (*search.DocumentMatch, error) {
	if err := s.start(); err != nil {
		return nil, err
	}
	n := docNumber(id)
	for _, h := range s.heads {
		if h.at < n {
			if err := h.set(h.r.Advance(id, h.doc.Reset())); err != nil {
				return nil, err
			}
		}
	}
	return s.Next(ctx)
}

func (s *wordSearcher) Close() (err error) {
	for _, h := range s.heads {
		err = errors.Join(err, h.r.Close())
	}
	return err
}

func (s *wordSearcher) Weight() float64            { return 0 }
func (s *wordSearcher) SetQueryNorm(float64)       {}
func (s *wordSearcher) Count() uint64              { return s.count }
func (s *wordSearcher) Min() int                   { return 0 }
func (s *wordSearcher) Size() int                  { return 0 }
func (s *wordSearcher) DocumentMatchPoolSize() int { return 1 }

// flatQuery gives all that a query finds one score.
type flatQuery struct {
	bquery.Query
	score float64
}

// Searcher implements bleve's query.Query.
func (q flatQuery) Searcher(ctx context.Context, r index.IndexReader, m mapping.IndexMapping, opt search.SearcherOptions) (search.Searcher, error) {
	s, err := q.Query.Searcher(ctx, r, m, opt)
	return &flatSearcher{s, q.score}, err
}

type flatSearcher struct {
	search.Searcher
	score float64
}

func (s *flatSearcher) Next(ctx *search.SearchContext) (*search.DocumentMatch, error) {
	return s.flat(s.Searcher.Next(ctx))
}

func (s *flatSearcher) Advance(ctx *search.SearchContext, id index.IndexInternalID) (*search.DocumentMatch, error) {
	return s.flat(s.Searcher.Advance(ctx, id))
}

func (s *flatSearcher) flat(m *search.DocumentMatch, err error) (*search.DocumentMatch, error) {
	if m != nil {
		m.Score = s.score
	}
	return m, err
}

// sumQuery finds what any of its parts finds and adds their scores up. bleve's
// disjunction scales them by the share of parts that match, so that a common word in
// title and text would beat the right word in the title.
type sumQuery []bquery.Query

// Searcher implements bleve's query.Query.
func (q sumQuery) Searcher(ctx context.Context, r index.IndexReader, m mapping.IndexMapping, opt search.SearcherOptions) (search.Searcher, error) {
	s := &sumSearcher{}
	for _, part := range q {
		p, err := part.Searcher(ctx, r, m, opt)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.parts = append(s.parts, p)
	}
	s.cur = make([]*search.DocumentMatch, len(s.parts))
	return s, nil
}

type sumSearcher struct {
	parts   []search.Searcher
	cur     []*search.DocumentMatch // nil when there are no more
	started bool
}

func (s *sumSearcher) start(ctx *search.SearchContext) (err error) {
	if s.started {
		return nil
	}
	s.started = true
	for i, p := range s.parts {
		if s.cur[i], err = p.Next(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *sumSearcher) Next(ctx *search.SearchContext) (*search.DocumentMatch, error) {
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	var least *search.DocumentMatch
	for _, m := range s.cur {
		if m != nil && (least == nil || m.IndexInternalID.Compare(least.IndexInternalID) < 0) {
			least = m
		}
	}
	if least == nil {
		return nil, nil
	}
	for i, m := range s.cur {
		if m == nil || m != least && !m.IndexInternalID.Equals(least.IndexInternalID) {
			continue
		}
		if m != least {
			least.Score += m.Score
			ctx.DocumentMatchPool.Put(m)
		}
		var err error
		if s.cur[i], err = s.parts[i].Next(ctx); err != nil {
			return nil, err
		}
	}
	return least, nil
}

func (s *sumSearcher) Advance(ctx *search.SearchContext, id index.IndexInternalID) (*search.DocumentMatch, error) {
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	for i, m := range s.cur {
		if m == nil || m.IndexInternalID.Compare(id) >= 0 {
			continue
		}
		ctx.DocumentMatchPool.Put(m)
		var err error
		if s.cur[i], err = s.parts[i].Advance(ctx, id); err != nil {
			return nil, err
		}
	}
	return s.Next(ctx)
}

func (s *sumSearcher) Close() (err error) {
	for _, p := range s.parts {
		err = errors.Join(err, p.Close())
	}
	return err
}

func (s *sumSearcher) Weight() (w float64) {
	for _, p := range s.parts {
		w += p.Weight()
	}
	return w
}

func (s *sumSearcher) SetQueryNorm(n float64) {
	for _, p := range s.parts {
		p.SetQueryNorm(n)
	}
}

func (s *sumSearcher) Count() (n uint64) {
	for _, p := range s.parts {
		n += p.Count()
	}
	return n
}

func (s *sumSearcher) DocumentMatchPoolSize() (n int) {
	for _, p := range s.parts {
		n += p.DocumentMatchPoolSize()
	}
	return n + 1
}

func (s *sumSearcher) Min() int  { return 0 }
func (s *sumSearcher) Size() int { return 0 }

// rankQuery finds what must finds, and adds to the score of those that extra finds
// too. (bleve's boolean query finds what extra finds where must finds nothing.)
type rankQuery struct {
	must  bquery.Query
	extra bquery.Query
}

// Searcher implements bleve's query.Query.
func (q rankQuery) Searcher(ctx context.Context, r index.IndexReader, m mapping.IndexMapping, opt search.SearcherOptions) (search.Searcher, error) {
	must, err := q.must.Searcher(ctx, r, m, opt)
	if err != nil {
		return nil, err
	}
	extra, err := q.extra.Searcher(ctx, r, m, opt)
	if err != nil {
		return nil, errors.Join(err, must.Close())
	}
	return &rankSearcher{Searcher: must, extra: extra}, nil
}

type rankSearcher struct {
	search.Searcher
	extra   search.Searcher
	cur     *search.DocumentMatch
	started bool
}

func (s *rankSearcher) Next(ctx *search.SearchContext) (*search.DocumentMatch, error) {
	return s.rank(ctx)(s.Searcher.Next(ctx))
}

func (s *rankSearcher) Advance(ctx *search.SearchContext, id index.IndexInternalID) (*search.DocumentMatch, error) {
	return s.rank(ctx)(s.Searcher.Advance(ctx, id))
}

func (s *rankSearcher) rank(ctx *search.SearchContext) func(*search.DocumentMatch, error) (*search.DocumentMatch, error) {
	return func(m *search.DocumentMatch, err error) (*search.DocumentMatch, error) {
		if m == nil || err != nil {
			return m, err
		}
		switch {
		case !s.started:
			s.started = true
			s.cur, err = s.extra.Advance(ctx, m.IndexInternalID)
		case s.cur != nil && s.cur.IndexInternalID.Compare(m.IndexInternalID) < 0:
			ctx.DocumentMatchPool.Put(s.cur)
			s.cur, err = s.extra.Advance(ctx, m.IndexInternalID)
		}
		if err == nil && s.cur != nil && s.cur.IndexInternalID.Equals(m.IndexInternalID) {
			m.Score += s.cur.Score
		}
		return m, err
	}
}

func (s *rankSearcher) Close() error { return errors.Join(s.Searcher.Close(), s.extra.Close()) }

func (s *rankSearcher) DocumentMatchPoolSize() int {
	return s.Searcher.DocumentMatchPoolSize() + s.extra.DocumentMatchPoolSize()
}

// deferred is a query whose words are looked up when it is run, under the context
// of the search.
type deferred struct {
	build func(ctx context.Context) (bquery.Query, error)
}

// Searcher implements bleve's query.Query.
func (q deferred) Searcher(ctx context.Context, r index.IndexReader, m mapping.IndexMapping, opt search.SearcherOptions) (search.Searcher, error) {
	b, err := q.build(ctx)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return searcher.NewMatchNoneSearcher(r)
	}
	return b.Searcher(ctx, r, m, opt)
}
