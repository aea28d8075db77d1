package query

import (
	"cmp"
	"hash/maphash"
	"math/bits"
	"slices"
	"time"
)

// A term of a field is known to rules and documents by a 64-bit hash. The seed
// is new in each process, so nobody can prepare an article whose words collide
// with a rule's; by chance, one pair of terms in 2⁶⁴ does.
var termSeed = maphash.MakeSeed()

func termHash(op Op, field, term string) uint64 {
	var h maphash.Hash
	h.SetSeed(termSeed)
	h.WriteByte(byte(op))
	h.WriteString(field)
	h.WriteByte(0)
	h.WriteString(term)
	return max(1, h.Sum64()) // 0 marks a free slot of a hashSet
}

// hashSet is an open-addressing set, a third full: one probe, mostly one cache
// line, where a map of strings needs several.
type hashSet struct {
	slots []uint64
	list  []uint64 // the members
}

func newHashSet(n int) *hashSet {
	return &hashSet{slots: make([]uint64, 1<<bits.Len(uint(3*n+8))), list: make([]uint64, 0, n)}
}

func (s *hashSet) add(h uint64) {
	mask := uint64(len(s.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch s.slots[i] {
		case 0:
			s.slots[i] = h
			s.list = append(s.list, h)
			return
		case h:
			return
		}
	}
}

func (s *hashSet) has(h uint64) bool {
	mask := uint64(len(s.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch s.slots[i] {
		case 0:
			return false
		case h:
			return true
		}
	}
}

// step is a node of a plan, laid out in a row with its children behind it, so
// that evaluating a rule touches one stretch of memory instead of a tree. Of
// 10,000 rules that wait for an article, hundreds are touched: memory is the cost.
type step struct {
	hash uint64 // OpTerm: of its only term
	end  int32  // where the next sibling begins
	leaf int32  // other leaves: place in program.leaves
	op   Op
}

type program struct {
	steps  []step
	leaves []*Plan
}

// program lays out a plan, in AND the likeliest to fail first.
func (r *Rules) program(p *Plan) program {
	var prog program
	r.emit(&prog, p)
	prog.steps = slices.Clip(prog.steps)
	return prog
}

func (r *Rules) emit(prog *program, p *Plan) {
	at := len(prog.steps)
	prog.steps = append(prog.steps, step{op: p.Op})
	switch p.Op {
	case OpAnd:
		type part struct {
			p    *Plan
			cost float64
		}
		var parts []part
		for _, a := range p.Args {
			_, cost := r.keys(a)
			parts = append(parts, part{a, cost})
		}
		slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.cost, b.cost) })
		for _, a := range parts {
			r.emit(prog, a.p)
		}
	case OpOr, OpNot:
		for _, a := range p.Args {
			r.emit(prog, a)
		}
	case OpTerm:
		if len(p.Terms) == 1 {
			prog.steps[at].hash = termHash(OpTerm, p.Field, p.Terms[0])
			break
		}
		prog.steps[at].op = OpOr
		for _, t := range p.Terms {
			prog.steps = append(prog.steps, step{op: OpTerm, hash: termHash(OpTerm, p.Field, t), end: int32(len(prog.steps) + 1)})
		}
	case OpPhrase:
		// All its words must be there before their places are compared.
		prog.steps[at].op = OpAnd
		for _, alt := range p.Phrase {
			if alt != nil {
				r.emit(prog, &Plan{Op: OpTerm, Field: p.Field, Terms: alt})
			}
		}
		prog.leaves = append(prog.leaves, p)
		prog.steps = append(prog.steps, step{op: OpPhrase, leaf: int32(len(prog.leaves) - 1), end: int32(len(prog.steps) + 1)})
	case OpAll, OpNone:
	default:
		prog.leaves = append(prog.leaves, p)
		prog.steps[at].leaf = int32(len(prog.leaves) - 1)
	}
	prog.steps[at].end = int32(len(prog.steps))
}

func (prog *program) match(i int32, d *Doc, now time.Time) bool {
	s := &prog.steps[i]
	switch s.op {
	case OpTerm:
		return d.terms.has(s.hash)
	case OpAnd:
		for j := i + 1; j < s.end; j = prog.steps[j].end {
			if !prog.match(j, d, now) {
				return false
			}
		}
		return true
	case OpOr:
		for j := i + 1; j < s.end; j = prog.steps[j].end {
			if prog.match(j, d, now) {
				return true
			}
		}
		return false
	case OpNot:
		return !prog.match(i+1, d, now)
	case OpAll:
		return true
	case OpNone:
		return false
	}
	return prog.leaves[s.leaf].Match(d, now)
}
