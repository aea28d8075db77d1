package index

import (
	"context"
	"fmt"
	"math/bits"

	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search"
	index "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
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

func (d docSet) and(x docSet) {
	for i := range d {
		d[i] &= x[i]
	}
}

func (d docSet) or(x docSet) {
	for i := range d {
		d[i] |= x[i]
	}
}

func (d docSet) minus(x docSet) {
	for i := range d {
		d[i] &^= x[i]
	}
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

// all is every live or deleted document of a kind.
func (s *snapshot) all(kind byte) docSet {
	d := s.newSet()
	for i, set := range s.sets {
		for doc, k := range set.kind {
			if k == kind {
				d.add(s.off[i] + uint64(doc))
			}
		}
	}
	return d
}

// join adds the documents, deleted ones too, that have one of the terms.
func (s *snapshot) join(ctx context.Context, d docSet, field string, terms []string) error {
	var pl segment.PostingsList
	var pi segment.PostingsIterator
	for i, seg := range s.segs {
		dict, err := seg.Segment().Dictionary(field)
		if err != nil {
			return err
		}
		for n, t := range terms {
			if n&0x3f == 0 {
				if err := pause(ctx); err != nil {
					return err
				}
			}
			if pl, err = dict.PostingsList([]byte(t), nil, pl); err != nil {
				return err
			}
			pi = pl.Iterator(false, false, false, pi)
			if o, ok := pi.(segment.OptimizablePostingsIterator); ok {
				if n, ok := o.DocNum1Hit(); ok {
					d.add(s.off[i] + n)
					continue
				}
				if bm := o.ActualBitmap(); bm != nil {
					bm.Iterate(func(n uint32) bool { d.add(s.off[i] + uint64(n)); return true })
				}
				continue
			}
			for {
				p, err := pi.Next()
				if err != nil {
					return err
				}
				if p == nil {
					break
				}
				d.add(s.off[i] + p.Number())
			}
		}
	}
	return nil
}

// setQuery is a query of bleve whose documents are a computed set: those of a search
// that ranks nothing, ranges, prefixes and typos. bleve's own searchers make an
// object of every hit, take sixteen terms for a number and one searcher for a term,
// and bound neither.
type setQuery struct {
	what  string
	build func(ctx context.Context) (docSet, error) // may contain deleted documents
	snap  *snapshot
}

// Searcher implements bleve's query.Query.
func (q *setQuery) Searcher(ctx context.Context, _ index.IndexReader, _ mapping.IndexMapping, _ search.SearcherOptions) (search.Searcher, error) {
	d, err := q.run(ctx)
	if err != nil {
		return nil, err
	}
	return &setSearcher{set: d}, nil
}

// run returns the live documents.
func (q *setQuery) run(ctx context.Context) (docSet, error) {
	d, err := q.build(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.what, err)
	}
	q.snap.live(d)
	return d, nil
}

type setSearcher struct {
	set  docSet
	from uint64
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
