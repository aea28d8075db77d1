package index

import (
	"maps"
	"math"
	"slices"

	"example.org/veille/query"
)

// facet is a keyword field to count.
type facet struct {
	name    string
	field   string   // of the index, with its kind
	selects []string // names under which the query may select it
}

// facetOf finds the field of a facet: any field of the language that holds exact
// values.
func facetOf(name, kind string) (facet, error) {
	f, ok := query.FieldByName(name)
	if !ok {
		return facet{}, badRequest("there is no field %q to count", name)
	}
	switch f.Kind {
	case query.VendorField, query.EnumField, query.SlugField:
	default:
		return facet{}, badRequest("field %q has no values to count", name)
	}
	return facet{name: f.Name, field: keywordField(kind, f.Index()), selects: []string{f.Name}}, nil
}

// keywordField is where exact values of a kind of document are indexed.
func keywordField(kind, name string) string { return kind + "." + name }

// counter counts the values of one facet.
type counter struct {
	snap *snapshot
	cols []*termColumn
	dict *dictionary
	n    []int // by number of the value
}

func (s *snapshot) counter(f facet) (*counter, error) {
	c := &counter{snap: s, cols: make([]*termColumn, len(s.sets)), dict: s.cols.dictionary(f.field)}
	for i := range s.sets {
		col, err := s.term(i, f.field)
		if err != nil {
			return nil, err
		}
		c.cols[i] = col
	}
	c.n = make([]int, len(c.dict.names()))
	return c, nil
}

// add counts the values of the documents of a block.
func (c *counter) add(b block) {
	col := c.cols[b.seg]
	n := c.n
	if col.single {
		for _, d := range b.docs {
			n[col.ords[d]]++
		}
		return
	}
	start, ords := col.start, col.ords
	for _, d := range b.docs {
		for _, o := range ords[start[d]:start[d+1]] {
			n[o]++
		}
	}
}

// weekCounter counts documents by the Monday of their week.
type weekCounter struct{ n map[int32]int }

// add counts the documents whose days these are. Those of one week mostly stand beside
// one another, as they came in.
func (w *weekCounter) add(day []int32, docs []uint32) {
	if w.n == nil {
		w.n = map[int32]int{}
	}
	from, count := int32(math.MinInt32), 0
	for _, d := range docs {
		// As unsigned, a day before the week is far beyond it.
		if at := day[d]; uint32(at-from) >= 7 {
			if count > 0 {
				w.n[from] += count
			}
			from, count = monday(at), 0
		}
		count++
	}
	if count > 0 {
		w.n[from] += count
	}
}

// buckets lists the weeks, oldest first.
func (w *weekCounter) buckets() (out []Bucket) {
	for _, at := range slices.Sorted(maps.Keys(w.n)) {
		out = append(out, Bucket{dayName(at), w.n[at]})
	}
	return out
}

// buckets lists the values, most first, at most max.
func (c *counter) buckets(max int) []Bucket {
	names := c.dict.names()
	counts := make([]int, 0, 64)
	for _, n := range c.n {
		if n > 0 {
			counts = append(counts, n)
		}
	}
	least := 1
	if len(counts) > max { // names are compared of those only that may be among them
		slices.Sort(counts)
		least = counts[len(counts)-max]
	}
	out := make([]Bucket, 0, min(len(counts), 2*max))
	for o, n := range c.n {
		if n >= least {
			out = append(out, Bucket{names[o], n})
		}
	}
	slices.SortFunc(out, func(a, b Bucket) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		if a.Value < b.Value {
			return -1
		}
		return 1
	})
	return out[:min(len(out), max)]
}
