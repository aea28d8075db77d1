package query

import (
	"slices"
	"time"
)

// Edits are what clicks on facets do. They work on the clauses that stand at the
// top of the query, joined by AND, and return a new query whose canonical form is
// the new state of the page.

// Selected returns the values of field that the query asks for at its top level.
func (q Query) Selected(field string) []string {
	var out []string
	for _, e := range q.top() {
		if c, ok := e.(Clause); ok && c.Field == field {
			for _, v := range c.Values {
				if v.Kind == Keyword {
					out = append(out, v.IDs...)
				}
			}
		}
	}
	return out
}

// Excluded returns the values of field that the query leaves out at its top level.
func (q Query) Excluded(field string) []string {
	var out []string
	for _, e := range q.top() {
		if n, ok := e.(Not); ok {
			if c, ok := n.X.(Clause); ok && c.Field == field {
				for _, v := range c.Values {
					if v.Kind == Keyword {
						out = append(out, v.IDs...)
					}
				}
			}
		}
	}
	return out
}

// Toggle selects a value of field, beside those already selected, or gives it up.
func (q Query) Toggle(field, id string) Query { return q.toggle(field, id, false) }

// ToggleNot leaves a value of field out, or lets it in again.
func (q Query) ToggleNot(field, id string) Query { return q.toggle(field, id, true) }

func (q Query) toggle(field, id string, not bool) Query {
	parts, done := []Expr{}, false
	for _, e := range q.top() {
		c, ok := e.(Clause)
		if n, isNot := e.(Not); isNot == not && isNot {
			c, ok = n.X.(Clause)
		} else if isNot != not {
			ok = false
		}
		if !ok || c.Field != field || done {
			parts = append(parts, e)
			continue
		}
		done = true
		at := slices.IndexFunc(c.Values, func(v Value) bool { return v.Kind == Keyword && slices.Equal(v.IDs, []string{id}) })
		if at >= 0 {
			c.Values = slices.Delete(slices.Clone(c.Values), at, at+1)
		} else {
			c.Values = append(slices.Clip(c.Values), q.exact(field, id))
		}
		if len(c.Values) == 0 {
			continue
		}
		if not {
			parts = append(parts, Not{c})
		} else {
			parts = append(parts, c)
		}
	}
	if !done {
		var e Expr = Clause{Field: field, Values: []Value{q.exact(field, id)}}
		if not {
			e = Not{e}
		}
		parts = append(parts, e)
	}
	return q.with(parts)
}

// exact makes a value from an id of the index.
func (q Query) exact(field, id string) Value {
	text := id
	if f := FieldRow(field); f.Kind == VendorField && f.Name != "pair" {
		text = spell(id, q.resolve)
	}
	return Value{Kind: Keyword, Text: text, Name: id, IDs: []string{id}}
}

// Drop takes the selection of a field away: a facet counts what the query would
// find without it.
func (q Query) Drop(field string) Query {
	return q.with(slices.DeleteFunc(slices.Clone(q.top()), func(e Expr) bool {
		c, ok := e.(Clause)
		return ok && c.Field == field
	}))
}

// Widen returns the query without one of its top-level parts, for each of them:
// what to try when nothing was found. There is none for a query of one part.
func (q Query) Widen() []Query {
	top := q.top()
	if len(top) < 2 {
		return nil
	}
	out := make([]Query, len(top))
	for i := range top {
		out[i] = q.with(slices.Delete(slices.Clone(top), i, i+1))
	}
	return out
}

// Add puts an expression beside the query, with AND.
func (q Query) Add(e Expr) Query {
	if and, ok := e.(And); ok {
		return q.with(append(slices.Clip(q.top()), and...))
	}
	return q.with(append(slices.Clip(q.top()), e))
}

func (q Query) top() []Expr {
	switch x := q.Expr.(type) {
	case nil:
		return nil
	case And:
		return x
	}
	return []Expr{q.Expr}
}

func (q Query) with(parts []Expr) Query {
	q.Hints = nil
	switch len(parts) {
	case 0:
		q.Expr = nil
	case 1:
		q.Expr = parts[0]
	default:
		q.Expr = And(parts)
	}
	q.Input = q.String()
	return q
}

// Why lists, in canonical form, the clauses of q that hold for d and are not
// negated: the reasons of an alert.
func Why(q Query, d *Doc, a Analyzer, now time.Time) []string {
	c := compiler{analyze: a, zone: q.Zone()}
	var out []string
	var walk func(Expr)
	walk = func(e Expr) {
		switch x := e.(type) {
		case And:
			for _, y := range x {
				walk(y)
			}
		case Or:
			for _, y := range x {
				walk(y)
			}
		case Clause:
			if p := c.lower(x); p != nil && p.Match(d, now) && !slices.Contains(out, x.String()) {
				out = append(out, x.String())
			}
		}
	}
	walk(q.Expr)
	return out
}
