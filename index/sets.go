package index

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	index "github.com/blevesearch/bleve_index_api"
)

// docSet is a set of document numbers of one snapshot.
type docSet []uint64

func (s *snapshot) newSet() docSet { return make(docSet, (s.off[len(s.sets)]+63)/64) }

func (d docSet) add(n uint64) { d[n/64] |= 1 << (n % 64) }

// next returns the first member from n on.
func (d docSet) next(n uint64) (uint64, bool) {
	i := n / 64
	if i >= uint64(len(d)) {
		return 0, false
	}
	w := d[i] >> (n % 64) << (n % 64)
	for w == 0 {
		if i++; i >= uint64(len(d)) {
			return 0, false
		}
		w = d[i]
	}
	return i*64 + uint64(bits.TrailingZeros64(w)), true
}

func (d docSet) count() (n uint64) {
	for _, w := range d {
		n += uint64(bits.OnesCount64(w))
	}
	return n
}

// live takes the deleted documents out.
func (s *snapshot) live(d docSet) {
	for i, seg := range s.segs {
		if del := seg.Deleted(); del != nil {
			for it := del.Iterator(); it.HasNext(); {
				n := s.off[i] + uint64(it.Next())
				d[n/64] &^= 1 << (n % 64)
			}
		}
	}
}

// setQuery is a query of bleve whose documents are computed from the columns or
// from many terms at once: ranges, prefixes and typos. bleve's own go through
// sixteen terms a number, or one searcher a term, and bound neither.
type setQuery struct {
	what  string
	score float64 // of each hit
	build func(ctx context.Context) (docSet, error)
}

// Searcher implements bleve's query.Query.
func (q *setQuery) Searcher(ctx context.Context, _ index.IndexReader, _ mapping.IndexMapping, _ search.SearcherOptions) (search.Searcher, error) {
	d, err := q.build(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.what, err)
	}
	return &setSearcher{set: d, score: q.score}, nil
}

type setSearcher struct {
	set   docSet
	from  uint64
	score float64
}

func (s *setSearcher) Next(ctx *search.SearchContext) (*search.DocumentMatch, error) {
	n, ok := s.set.next(s.from)
	if !ok {
		s.from = uint64(len(s.set)) * 64
		return nil, nil
	}
	s.from = n + 1
	m := ctx.DocumentMatchPool.Get()
	m.IndexInternalID = index.NewIndexInternalID(m.IndexInternalID, n)
	m.Score = s.score
	return m, nil
}

func (s *setSearcher) Advance(ctx *search.SearchContext, id index.IndexInternalID) (*search.DocumentMatch, error) {
	if n := docNumber(id); n > s.from {
		s.from = n
	}
	return s.Next(ctx)
}

func (s *setSearcher) Close() error               { return nil }
func (s *setSearcher) Weight() float64            { return 0 }
func (s *setSearcher) SetQueryNorm(float64)       {}
func (s *setSearcher) Count() uint64              { return s.set.count() }
func (s *setSearcher) Min() int                   { return 0 }
func (s *setSearcher) Size() int                  { return len(s.set) * 8 }
func (s *setSearcher) DocumentMatchPoolSize() int { return 1 }
