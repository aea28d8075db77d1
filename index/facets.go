package index

import (
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

func (c *counter) add(seg, doc int) {
	for _, o := range c.cols[seg].of(doc) {
		c.n[o]++
	}
}

// buckets lists the values, most first, at most max.
func (c *counter) buckets(max int) []Bucket {
	names := c.dict.names()
	out := make([]Bucket, 0, 16)
	for o, n := range c.n {
		if n > 0 {
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
