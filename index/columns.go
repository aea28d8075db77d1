package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"
	index "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	"github.com/klauspost/compress/zstd"
)

// The column store. bleve's own facets and sorts read compressed values for every
// hit; here each segment keeps the values of its documents in arrays, by document
// number. Segments never change, so a column is read once, from the segment's own
// inverted index, and is as right as the postings the searcher walks; a merge
// makes a new segment, a deletion only hides a number no searcher returns.
//
//	snapshot = bleve's reader + one *columnSet per segment
//	document number in the snapshot = offset of its segment + number in it

// columns holds the columns of the segments that are alive.
type columns struct {
	zone *time.Location
	mu   sync.Mutex
	sets map[uint64]*columnSet // by segment id, which bleve never reuses
	dict sync.Map              // field → *dictionary
	hot  sync.Map              // hotColumn → nothing
}

// columnSet is the columns of one segment. Those every search needs are there from
// the start, the others are read when first asked for.
type columnSet struct {
	n    int
	kind []byte   // 'a', 'd', 'p', 't', or 0
	date []int64  // seconds since 1970: published, or first seen
	tie  []uint64 // hash of the document's id, the last key of every order
	day  []int32  // days since 1970 in the zone of the index

	mu    sync.Mutex
	terms map[string]*termColumn
	nums  map[string]*numColumn
	words map[string][]string // what words were looked up for, see words.go
}

// termColumn is the values of one keyword field: those of document i are
// ords[start[i]:start[i+1]], as numbers of the field's dictionary.
type termColumn struct {
	start  []uint32
	ords   []uint32
	single bool // every document has exactly one: that of document i is ords[i]
}

func (c *termColumn) of(doc int) []uint32 { return c.ords[c.start[doc]:c.start[doc+1]] }

// numColumn is the values of one number field.
type numColumn struct {
	start []uint32
	vals  []float64
}

func (c *numColumn) of(doc int) []float64 { return c.vals[c.start[doc]:c.start[doc+1]] }

// dictionary numbers the values of one field over all segments. It only grows.
type dictionary struct {
	mu   sync.RWMutex
	ord  map[string]uint32
	term []string
}

func (d *dictionary) number(term string) uint32 {
	d.mu.RLock()
	n, ok := d.ord[term]
	d.mu.RUnlock()
	if ok {
		return n
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if n, ok := d.ord[term]; ok {
		return n
	}
	n = uint32(len(d.term))
	d.ord[term] = n
	d.term = append(d.term, term)
	return n
}

// names returns the values by number, as many as there are now.
func (d *dictionary) names() []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.term[:len(d.term):len(d.term)]
}

func (c *columns) dictionary(field string) *dictionary {
	if d, ok := c.dict.Load(field); ok {
		return d.(*dictionary)
	}
	d, _ := c.dict.LoadOrStore(field, &dictionary{ord: map[string]uint32{}})
	return d.(*dictionary)
}

// snapshot is the index as it stands at one moment.
type snapshot struct {
	cols *columns
	dec  *zstd.Decoder
	m    mapping.IndexMapping
	r    *scorch.IndexSnapshot
	segs []*scorch.SegmentSnapshot
	sets []*columnSet
	off  []uint64 // first document number of each segment; one more at the end

	users atomic.Int64 // 1 for being the newest, 1 per search under way
}

// newestAge is how old the newest snapshot may be before it is looked whether merges
// have made another one of the same documents. It pins the files of the old one.
const newestAge = time.Second

// snapshot returns the newest state. The caller closes it. Every commit makes it
// before it returns, with its columns: searches never wait for those.
func (sh *shelf) snapshot() (*snapshot, error) {
	sh.viewMu.Lock()
	defer sh.viewMu.Unlock()
	if sh.view == nil {
		return nil, ErrClosed
	}
	if time.Since(sh.viewed) > newestAge && sh.refreshing.CompareAndSwap(false, true) {
		sh.background.Go(func() {
			defer sh.refreshing.Store(false)
			// What there is stays good; the next commit or search tries again.
			_ = sh.refresh()
		})
	}
	sh.view.users.Add(1)
	return sh.view, nil
}

func (s *snapshot) close() error {
	if s.users.Add(-1) == 0 {
		return s.r.Close()
	}
	return nil
}

// refresh makes the state of bleve the newest snapshot, and reads the columns of its
// new segments.
func (sh *shelf) refresh() (err error) {
	sh.refreshMu.Lock()
	defer sh.refreshMu.Unlock()
	// On a full disk bleve closes segments that its own snapshot still holds, and
	// reading them panics. The snapshot there is goes on serving.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("read a segment: panic: %v", p)
		}
	}()
	rd, err := sh.adv.Reader()
	if err != nil {
		return err
	}
	r, ok := rd.(*scorch.IndexSnapshot)
	if !ok {
		return errors.Join(fmt.Errorf("reader is a %T", rd), rd.Close())
	}
	sh.viewMu.Lock()
	same := sh.view != nil && sh.view.r == r
	if same {
		sh.viewed = time.Now()
	}
	sh.viewMu.Unlock()
	if same {
		return r.Close()
	}
	s := &snapshot{cols: &sh.cols, dec: sh.dec, m: sh.m, r: r, segs: r.Segments(), off: []uint64{0}}
	s.users.Store(1)
	if err := sh.cols.attach(s); err != nil {
		return errors.Join(err, r.Close())
	}
	if err := s.warm(); err != nil {
		return errors.Join(err, r.Close())
	}
	sh.viewMu.Lock()
	old := sh.view
	sh.view, sh.viewed = s, time.Now()
	sh.viewMu.Unlock()
	if old != nil {
		return old.close()
	}
	return nil
}

// warm reads the columns that have been asked for before, where segments are new.
func (s *snapshot) warm() error {
	var err error
	s.cols.hot.Range(func(k, _ any) bool {
		h := k.(hotColumn)
		for i := range s.sets {
			if h.number {
				_, err = s.num(i, h.name)
			} else {
				_, err = s.term(i, h.name)
			}
			if err != nil {
				return false
			}
		}
		return true
	})
	return err
}

// hotColumn is a column that some search has used.
type hotColumn struct {
	name   string
	number bool
}

// attach finds the columns of a snapshot's segments and reads the new ones.
func (c *columns) attach(s *snapshot) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sets == nil {
		c.sets = map[uint64]*columnSet{}
	}
	for _, seg := range s.segs {
		set := c.sets[seg.Id()]
		if set == nil || set.n != int(seg.FullSize()) {
			var err error
			if set, err = c.read(seg.Segment(), int(seg.FullSize())); err != nil {
				return fmt.Errorf("read columns: %w", err)
			}
			c.sets[seg.Id()] = set
		}
		s.sets = append(s.sets, set)
		s.off = append(s.off, s.off[len(s.off)-1]+uint64(set.n))
	}
	// Whoever still reads an older snapshot holds its sets itself.
	if len(c.sets) > 2*len(s.segs)+8 {
		for id := range c.sets {
			if !slices.ContainsFunc(s.segs, func(g *scorch.SegmentSnapshot) bool { return g.Id() == id }) {
				delete(c.sets, id)
			}
		}
	}
	return nil
}

func (c *columns) read(seg segment.Segment, n int) (*columnSet, error) {
	set := &columnSet{n: n, kind: make([]byte, n), date: make([]int64, n), tie: make([]uint64, n), day: make([]int32, n),
		terms: map[string]*termColumn{}, nums: map[string]*numColumn{}, words: map[string][]string{}}
	err := uninvert(seg, fieldKind, func(term string, doc int) {
		if term != "" {
			set.kind[doc] = term[0]
		}
	})
	if err != nil {
		return nil, err
	}
	err = uninvert(seg, numberField("date"), func(term string, doc int) {
		set.date[doc] = int64(decodeNumber(term))
	})
	if err != nil {
		return nil, err
	}
	days := dayCounter{zone: c.zone}
	for i, at := range set.date {
		set.day[i] = days.of(at)
		id, err := seg.DocID(uint64(i))
		if err != nil {
			return nil, err
		}
		set.tie[i] = tieOf(id)
	}
	return set, nil
}

// uninvert calls f for every (term, document) of a field, deleted ones too.
func uninvert(seg segment.Segment, field string, f func(term string, doc int)) error {
	dict, err := seg.Dictionary(field)
	if err != nil || dict == nil {
		return err
	}
	it := dict.AutomatonIterator(nil, nil, nil)
	var pl segment.PostingsList
	var pi segment.PostingsIterator
	for {
		e, err := it.Next()
		if err != nil {
			return err
		}
		if e == nil {
			return nil
		}
		if pl, err = dict.PostingsList([]byte(e.Term), nil, pl); err != nil {
			return err
		}
		pi = pl.Iterator(false, false, false, pi)
		for {
			p, err := pi.Next()
			if err != nil {
				return err
			}
			if p == nil {
				break
			}
			f(e.Term, int(p.Number()))
		}
	}
}

// term returns a keyword column of segment i.
func (s *snapshot) term(i int, field string) (*termColumn, error) {
	set := s.sets[i]
	set.mu.Lock()
	defer set.mu.Unlock()
	if col := set.terms[field]; col != nil {
		return col, nil
	}
	dict := s.cols.dictionary(field)
	var docs, ords []uint32
	last, ord := "", uint32(0)
	err := uninvert(s.segs[i].Segment(), field, func(term string, doc int) {
		if len(ords) == 0 || term != last {
			last, ord = term, dict.number(term)
		}
		docs, ords = append(docs, uint32(doc)), append(ords, ord)
	})
	if err != nil {
		return nil, fmt.Errorf("read column %s: %w", field, err)
	}
	s.cols.hot.Store(hotColumn{field, false}, nil)
	col := &termColumn{}
	col.start, col.ords = byDocument(set.n, docs, ords)
	col.single = len(col.ords) == set.n
	for i := 0; col.single && i < set.n; i++ {
		col.single = col.start[i] == uint32(i)
	}
	set.terms[field] = col
	return col, nil
}

// num returns a number column of segment i.
func (s *snapshot) num(i int, name string) (*numColumn, error) {
	set := s.sets[i]
	set.mu.Lock()
	defer set.mu.Unlock()
	if col := set.nums[name]; col != nil {
		return col, nil
	}
	var docs []uint32
	var vals []float64
	err := uninvert(s.segs[i].Segment(), numberField(name), func(term string, doc int) {
		docs, vals = append(docs, uint32(doc)), append(vals, decodeNumber(term))
	})
	if err != nil {
		return nil, fmt.Errorf("read column %s: %w", name, err)
	}
	s.cols.hot.Store(hotColumn{name, true}, nil)
	col := &numColumn{}
	col.start, col.vals = byDocument(set.n, docs, vals)
	set.nums[name] = col
	return col, nil
}

// byDocument sorts values by document, keeping their order within one.
func byDocument[T any](n int, docs []uint32, vals []T) (start []uint32, out []T) {
	start = make([]uint32, n+1)
	for _, d := range docs {
		start[d+1]++
	}
	for i := range n {
		start[i+1] += start[i]
	}
	out = make([]T, len(vals))
	next := slices.Clone(start)
	for i, d := range docs {
		out[next[d]] = vals[i]
		next[d]++
	}
	return start, out
}

// find splits a document number of the snapshot.
func (s *snapshot) find(doc uint64) (seg, local int) {
	seg, ok := slices.BinarySearch(s.off, doc)
	if !ok {
		seg--
	}
	// Segments without documents share an offset; the last of them holds it.
	for seg+1 < len(s.sets) && s.off[seg+1] == s.off[seg] {
		seg++
	}
	return seg, int(doc - s.off[seg])
}

// docNumber is the number of a hit within the snapshot.
func docNumber(id index.IndexInternalID) uint64 { return binary.BigEndian.Uint64(id) }

const (
	fieldKind = "kind"
	fieldID   = "_id"
)

// numberField is where a number is indexed: one term per value, for its column.
func numberField(name string) string { return "#" + name }

// encodeNumber writes a number so that terms sort as numbers do.
func encodeNumber(f float64) string {
	u := math.Float64bits(f)
	if u>>63 == 1 {
		u = ^u
	} else {
		u |= 1 << 63
	}
	s := strconv.FormatUint(u, 16)
	return "0000000000000000"[len(s):] + s
}

func decodeNumber(s string) float64 {
	u, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		return math.NaN()
	}
	if u>>63 == 1 {
		u &^= 1 << 63
	} else {
		u = ^u
	}
	return math.Float64frombits(u)
}

// tieOf is FNV-1a of an id.
func tieOf(id []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range id {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// dayCounter tells days, and remembers the last one: times come in order, and a
// look into the time zone is dear.
type dayCounter struct {
	zone     *time.Location
	from, to int64
	day      int32
}

func (d *dayCounter) of(at int64) int32 {
	if at >= d.from && at < d.to {
		return d.day
	}
	t := time.Unix(at, 0).In(d.zone)
	y, m, dd := t.Date()
	start := time.Date(y, m, dd, 0, 0, 0, 0, d.zone).Unix()
	end := time.Date(y, m, dd+1, 0, 0, 0, 0, d.zone).Unix()
	d.from, d.to = start, end
	d.day = int32(time.Date(y, m, dd, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	return d.day
}
