package query

import (
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Rules holds many saved queries and finds those that match a document, at a
// cost that grows with the candidates and not with the rules.
//
// Each rule waits under a few keys, values that a document must have for the rule
// to match: for AND the rarest part's, for OR those of every branch; NOT gives
// none. A document looks its own values up and only the rules found there are
// evaluated. Rules without any key are evaluated always; see [RulesStats].
//
// Matching never waits: edits make a new table beside the old one and swap it in.
// One edit therefore copies the table, some milliseconds at 100,000 rules; load
// many with one [Rules.Update].
type Rules struct {
	analyze Analyzer
	df      func(field, term string) int
	mu      sync.Mutex // one editor at a time
	now     atomic.Pointer[ruleTable]
	scratch sync.Pool // *ruleScratch
	tried   atomic.Uint64
}

// RulesStats counts what makes matching cheap or dear.
type RulesStats struct {
	Rules  int
	Keys   int // distinct keys
	Always int // rules without a key, evaluated for every document
}

type ruleKey struct {
	op    Op // OpTerm, OpPrefix (its first MinPrefix letters), OpFuzzy (FuzzyPrefix), OpExists
	field string
	term  string
}

func (k ruleKey) hash() uint64 { return termHash(k.op, k.field, k.term) }

type rule struct {
	id   string
	plan *Plan
	prog program
	keys []ruleKey // nil: always
}

type ruleTable struct {
	rules  []*rule // nil where removed
	free   []int32
	byID   map[string]int32
	keyed  map[uint64][]int32 // by ruleKey.hash; a collision only costs a look
	always []int32
	ops    map[Op]int // keys in use by kind, so that unused kinds cost nothing
}

type ruleScratch struct {
	epoch uint32
	seen  []uint32 // by rule: the epoch in which it was last a candidate
	cand  []int32
}

// NewRules makes an empty set. df tells in how many of a million documents a term
// of an index field occurs, to choose the rarest key; nil falls back to what is
// known of the fields. It is asked when a rule is added or at [Rules.Rekey].
func NewRules(a Analyzer, df func(field, term string) int) *Rules {
	r := &Rules{analyze: a, df: df}
	r.now.Store(&ruleTable{byID: map[string]int32{}, keyed: map[uint64][]int32{}, ops: map[Op]int{}})
	r.scratch.New = func() any { return &ruleScratch{} }
	return r
}

// Add puts one rule, in the place of the one with the same id.
func (r *Rules) Add(id string, q Query) { r.Update(map[string]Query{id: q}, nil) }

// Remove takes a rule away; an unknown id is no mistake.
func (r *Rules) Remove(id string) { r.Update(nil, []string{id}) }

// Update removes and adds many rules in one step.
func (r *Rules) Update(add map[string]Query, remove []string) {
	compiled := make([]*rule, 0, len(add))
	for _, id := range slices.Sorted(maps.Keys(add)) {
		compiled = append(compiled, &rule{id: id, plan: Compile(add[id], r.analyze)})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.now.Load().clone()
	for _, id := range remove {
		t.remove(id)
	}
	for _, ru := range compiled {
		t.remove(ru.id)
		ru.keys, _ = r.keys(ru.plan)
		ru.prog = r.program(ru.plan)
		t.add(ru)
	}
	r.now.Store(t)
}

// Rekey chooses the keys of all rules anew. Call it now and then when df follows
// a growing index.
func (r *Rules) Rekey() {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.now.Load()
	t := &ruleTable{byID: map[string]int32{}, keyed: map[uint64][]int32{}, ops: map[Op]int{}}
	for _, ru := range old.rules {
		if ru != nil {
			keys, _ := r.keys(ru.plan)
			t.add(&rule{id: ru.id, plan: ru.plan, prog: r.program(ru.plan), keys: keys})
		}
	}
	r.now.Store(t)
}

// Stats counts the rules as they stand.
func (r *Rules) Stats() RulesStats {
	t := r.now.Load()
	return RulesStats{Rules: len(t.byID), Keys: len(t.keyed), Always: len(t.always)}
}

func (t *ruleTable) clone() *ruleTable {
	// Clipped, so that an append to a shared list copies it first.
	return &ruleTable{rules: slices.Clone(t.rules), free: slices.Clone(t.free), byID: maps.Clone(t.byID),
		keyed: maps.Clone(t.keyed), always: slices.Clone(t.always), ops: maps.Clone(t.ops)}
}

func (t *ruleTable) add(ru *rule) {
	n := int32(len(t.rules))
	if k := len(t.free); k > 0 {
		n, t.free = t.free[k-1], t.free[:k-1]
		t.rules[n] = ru
	} else {
		t.rules = append(t.rules, ru)
	}
	t.byID[ru.id] = n
	if ru.keys == nil {
		t.always = append(t.always, n)
	}
	for _, k := range ru.keys {
		list := t.keyed[k.hash()]
		t.keyed[k.hash()] = append(list[:len(list):len(list)], n)
		t.ops[k.op]++
	}
}

func (t *ruleTable) remove(id string) {
	n, ok := t.byID[id]
	if !ok {
		return
	}
	without := func(list []int32) []int32 {
		out := make([]int32, 0, len(list))
		for _, m := range list {
			if m != n {
				out = append(out, m)
			}
		}
		return out
	}
	ru := t.rules[n]
	if ru.keys == nil {
		t.always = without(t.always)
	}
	for _, k := range ru.keys {
		if list := without(t.keyed[k.hash()]); len(list) > 0 {
			t.keyed[k.hash()] = list
		} else {
			delete(t.keyed, k.hash())
		}
		t.ops[k.op]--
	}
	delete(t.byID, id)
	t.rules[n] = nil
	t.free = append(t.free, n)
}

// keys returns the keys of which a matching document has at least one, and the
// number of documents they let through, roughly per million. No keys mean that
// none can be demanded.
func (r *Rules) keys(p *Plan) ([]ruleKey, float64) {
	switch p.Op {
	case OpNone:
		return []ruleKey{}, 0
	case OpTerm:
		return r.terms(p.Field, p.Terms)
	case OpExists, OpNumber, OpDate:
		return []ruleKey{{OpExists, p.Field, ""}}, 9e5
	case OpPrefix:
		if head, ok := firstRunes(p.Terms[0], MinPrefix); ok {
			return []ruleKey{{OpPrefix, p.Field, head}}, 1e5
		}
	case OpFuzzy:
		if head, ok := firstRunes(p.Terms[0], FuzzyPrefix); ok {
			return []ruleKey{{OpFuzzy, p.Field, head}}, 3e5
		}
	case OpPhrase:
		best, cost := []ruleKey(nil), math.Inf(1)
		for _, alt := range p.Phrase {
			if alt == nil {
				continue
			}
			if k, c := r.terms(p.Field, alt); c < cost {
				best, cost = k, c
			}
		}
		return best, cost
	case OpAnd:
		best, cost := []ruleKey(nil), math.Inf(1)
		for _, a := range p.Args {
			if k, c := r.keys(a); k != nil && c < cost {
				best, cost = k, c
			}
		}
		return best, cost
	case OpOr:
		all, sum := []ruleKey{}, 0.0
		for _, a := range p.Args {
			k, c := r.keys(a)
			if k == nil {
				return nil, math.Inf(1)
			}
			for _, x := range k {
				if !slices.Contains(all, x) {
					all = append(all, x)
				}
			}
			sum += c
		}
		return all, sum
	}
	return nil, math.Inf(1)
}

func (r *Rules) terms(field string, terms []string) ([]ruleKey, float64) {
	keys, sum := make([]ruleKey, len(terms)), 0.0
	for i, t := range terms {
		keys[i] = ruleKey{OpTerm, field, t}
		if r.df != nil {
			sum += float64(r.df(field, t))
		} else {
			sum += guess(field, t)
		}
	}
	return keys, sum
}

// guess is the share of documents, per million, that a value lets through when
// the index cannot be asked. Only the order matters.
func guess(field, term string) float64 {
	switch field {
	case "deal", "url":
		return 1
	case "pair":
		return 100
	case "product":
		return 500
	case "party":
		return 5_000
	case "kind":
		return 50_000
	case "source":
		return 60_000
	case "type", "price_kind":
		return 150_000
	case "currency", "territory":
		return 300_000
	case "status", "lang", "is", "has":
		return 500_000
	}
	if len(field) > 5 && field[:5] == "role_" {
		return 2_000
	}
	// Longer words are rarer; there is nothing better to go by.
	return 200_000 / float64(max(1, utf8.RuneCountInString(term)-2))
}

func firstRunes(s string, n int) (string, bool) {
	at := 0
	for range n {
		if at >= len(s) {
			return "", false
		}
		_, w := utf8.DecodeRuneInString(s[at:])
		at += w
	}
	return s[:at], true
}

// Candidates counts the rules whose keys the document has; it is what Match
// evaluates.
func (r *Rules) Candidates(d *Doc) int {
	s := r.scratch.Get().(*ruleScratch)
	defer r.scratch.Put(s)
	r.now.Load().candidates(d, s)
	return len(s.cand)
}

// Evaluated counts the candidates that Match has tried so far, over all documents.
func (r *Rules) Evaluated() uint64 { return r.tried.Load() }

// Match returns the ids of the rules that hold for d at the time now, sorted.
func (r *Rules) Match(d *Doc, now time.Time) []string {
	s := r.scratch.Get().(*ruleScratch)
	defer r.scratch.Put(s)
	t := r.now.Load()
	t.candidates(d, s)
	r.tried.Add(uint64(len(s.cand)))
	var ids []string
	for _, n := range s.cand {
		if ru := t.rules[n]; ru.prog.match(0, d, now) {
			ids = append(ids, ru.id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (t *ruleTable) candidates(d *Doc, s *ruleScratch) {
	if len(s.seen) < len(t.rules) {
		s.seen = make([]uint32, len(t.rules)+len(t.rules)/4)
		s.epoch = 0
	}
	if s.epoch++; s.epoch == 0 { // wrapped around after four billion documents
		clear(s.seen)
		s.epoch = 1
	}
	s.cand = s.cand[:0]
	look := func(h uint64) {
		for _, n := range t.keyed[h] {
			if s.seen[n] != s.epoch {
				s.seen[n] = s.epoch
				s.cand = append(s.cand, n)
			}
		}
	}
	s.cand = append(s.cand, t.always...)
	if t.ops[OpTerm] > 0 {
		for _, h := range d.terms.list {
			look(h)
		}
	}
	for op, n := range map[Op]int{OpPrefix: MinPrefix, OpFuzzy: FuzzyPrefix} {
		if t.ops[op] == 0 {
			continue
		}
		for _, field := range []string{TextIndex("title", Plain), TextIndex("text", Plain)} {
			for term := range d.text[field] {
				if head, ok := firstRunes(term, n); ok {
					look(termHash(op, field, head))
				}
			}
		}
	}
	if t.ops[OpExists] > 0 {
		exists := func(field string) { look(termHash(OpExists, field, "")) }
		for f, v := range d.keywords {
			if len(v) > 0 {
				exists(f)
			}
		}
		for f, v := range d.numbers {
			if len(v) > 0 {
				exists(f)
			}
		}
		for f, v := range d.dates {
			if len(v) > 0 {
				exists(f)
			}
		}
	}
}
