package money

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:generate go run ./train

// weightsTSV is written by the command in train: one feature a line, with a weight
// in thousandths for each of modelKinds.
//
//go:embed weights.tsv
var weightsTSV string

// modelKinds are what the model chooses from; price_change is decided by the words
// of change alone.
var modelKinds = [...]string{"product_price", "deal_value", "funding", "revenue", "market_size", "fine", "salary", "other"}

const kinds = len(modelKinds)

// ModelKinds are the kinds in the order of the weights of a feature.
func ModelKinds() []string { return append([]string(nil), modelKinds[:]...) }

func kindIndex(kind string) int {
	for i, k := range modelKinds {
		if k == kind {
			return i
		}
	}
	return -1
}

// model is linear: the case for a kind is the sum of its weights times the values
// of the features that hold.
type model struct{ weights map[uint64]*[kinds]int32 }

// feature is one thing observed of an amount; value is in hundredths.
type feature struct {
	key   uint64
	value int32
}

// features collects what is observed. Its names are kept for training only.
type features struct {
	list  []feature
	names []string
	named bool
}

const (
	hashStart = 14695981039346656037 // FNV-1a, 64 bits
	hashPrime = 1099511628211
)

func hash(h uint64, s string) uint64 {
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * hashPrime
	}
	return h
}

// add records the feature whose name is the parts joined by spaces.
func (x *features) add(value int, parts ...string) {
	h := uint64(hashStart)
	for i, p := range parts {
		if i > 0 {
			h = (h ^ ' ') * hashPrime
		}
		h = hash(h, p)
	}
	x.list = append(x.list, feature{h, int32(value)})
	if x.named {
		x.names = append(x.names, strings.Join(parts, " "))
	}
}

func newModel(tsv string) (*model, error) {
	m := &model{weights: make(map[uint64]*[kinds]int32, strings.Count(tsv, "\n"))}
	store := make([][kinds]int32, 0, strings.Count(tsv, "\n")+1)
	for line := 1; tsv != ""; line++ {
		var row string
		row, tsv, _ = strings.Cut(tsv, "\n")
		if row == "" || row[0] == '#' {
			continue
		}
		name, rest, _ := strings.Cut(row, "\t")
		var w [kinds]int32
		for i := range w {
			var cell string
			cell, rest, _ = strings.Cut(rest, "\t")
			n, err := strconv.Atoi(cell)
			if err != nil || n > 1<<20 || n < -1<<20 {
				return nil, fmt.Errorf("weights.tsv, line %d: bad weight %q", line, cell)
			}
			w[i] = int32(n)
		}
		store = append(store, w)
		m.weights[hash(hashStart, name)] = &store[len(store)-1]
	}
	return m, nil
}

// score adds up the weights of the features.
func (m *model) score(x *features, out *[kinds]int) {
	*out = [kinds]int{}
	for _, f := range x.list {
		if w := m.weights[f.key]; w != nil {
			for k := range out {
				out[k] += int(w[k]) * int(f.value)
			}
		}
	}
	for k := range out {
		out[k] /= 100
	}
}

// stemLetters is how much of a word the model looks at: most endings are cut off.
const stemLetters = 6

// stem is the first letters of the word at token i, in lower case; "" for what is
// no word, and for names (a capital within the sentence).
func (s *scan) stem(i, first int, buf *[4 * stemLetters]byte) []byte {
	t := &s.toks[i]
	if t.kind != word {
		return nil
	}
	w := s.text[t.start:t.end]
	if c := w[0]; c >= 'A' && c <= 'Z' && i != first {
		return nil
	}
	b := buf[:0]
	letters := 0
	for j := 0; j < len(w); j++ {
		c := w[j]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c&0xC0 != 0x80 {
			if letters++; letters > stemLetters {
				break
			}
		}
		if j > 0 && w[j-1] == 0xC3 && c >= 0x80 && c <= 0x9E { // É to é
			c += 0x20
		}
		if len(b) == cap(b) {
			break
		}
		b = append(b, c)
	}
	return b
}

// words records the words around an amount, in its sentence and the one before.
func (s *scan) words(f *finding, x *features) {
	var buf [4 * stemLetters]byte
	sent := &s.sents[f.sent]
	put := func(where string, stem []byte) {
		if len(stem) < 2 {
			return
		}
		h := hash(hashStart, where)
		h = (h ^ ' ') * hashPrime
		for _, c := range stem {
			h = (h ^ uint64(c)) * hashPrime
		}
		x.list = append(x.list, feature{h, 100})
		if x.named {
			x.names = append(x.names, where+" "+string(stem))
		}
	}
	for d := 1; d <= 22; d++ {
		if i := f.first - d; i >= sent.first {
			b := s.stem(i, sent.first, &buf)
			if d == 1 {
				put("at left", b)
			}
			if d <= 5 {
				put("left", b)
			}
			put("sentence", b)
		}
		if i := f.last + d; i < sent.last {
			b := s.stem(i, sent.first, &buf)
			if d == 1 {
				put("at right", b)
			}
			if d <= 5 {
				put("right", b)
			}
			put("sentence", b)
		}
	}
	if n := f.sent - 1; n >= 0 {
		p := &s.sents[n]
		for i := max(p.first, p.last-25); i < p.last; i++ {
			put("before", s.stem(i, p.first, &buf))
		}
	}
}

// band is the size of an amount in a word.
func (f *finding) band() string {
	d := f.high
	if !f.hasHigh {
		d = f.low
	}
	d = d.abs()
	for _, b := range [...]struct {
		below uint64
		name  string
	}{{20, "<20"}, {300, "<300"}, {3000, "<3k"}, {20_000, "<20k"}, {200_000, "<200k"}, {1_000_000, "<1M"}, {20_000_000, "<20M"}, {200_000_000, "<200M"}, {2_000_000_000, "<2G"}, {20_000_000_000, "<20G"}} {
		if d.cmp(whole(b.below)) < 0 {
			return b.name
		}
	}
	return ">20G"
}

// scale is band in three steps.
func (f *finding) scale() string {
	switch f.band() {
	case "<20", "<300", "<3k":
		return "small"
	case "<20k", "<200k", "<1M":
		return "middle"
	}
	return "large"
}

// shape records what the amount itself says.
func (s *scan) shape(i int, f *finding, x *features, title *scan) {
	scale := f.scale()
	x.add(100, "bias")
	x.add(100, "size", f.band())
	period, per := f.period, f.per
	if period != "" {
		x.add(100, "period", period, scale)
	}
	switch per {
	case "":
	case "share", "line item":
		x.add(100, "per", per)
	default:
		x.add(100, "per unit", scale)
	}
	if f.tax != "" {
		x.add(100, "tax")
	}
	if f.qualifier != "" {
		x.add(100, "qualifier", f.qualifier, scale)
	}
	if title == nil {
		x.add(100, "in title", scale)
	} else if f.sent == 0 {
		x.add(100, "in lead", scale)
	} else if f.sent == len(s.sents)-1 {
		x.add(100, "at end", scale)
	}
	if s.is(f.first-1, "(") {
		x.add(100, "in brackets")
	}
	if s.is(f.first-1, ":") {
		x.add(100, "after colon", scale)
	}
}

// maxKinds bounds the kinds and subkinds, and the fields, of the lexicon.
const maxKinds = 64

// rules records what the cues of the lexicon say: the votes of the ballot.
func (x *features) rules(b *ballot) {
	best := b.best()
	second := 0
	for _, v := range b.votes {
		if (v.kind != best.kind || v.sub != best.sub) && v.kind != "none" {
			second = max(second, v.score)
		}
		x.add(min(max(v.score, 0), 150), "rules for", v.kind)
		if v.sub != "" {
			x.add(min(max(v.score, 0), 150), "rules for", v.sub)
		}
	}
	x.add(50, "rules", best.kind)
	if best.sub != "" {
		x.add(50, "rules", best.sub)
	}
	x.add(min(best.score-second, 100), "rules by", best.kind)
}

// fields records what the text around an amount is about.
func (s *scan) fields(f *finding, x *features, title *scan) {
	const near, wide = 7, 30
	var left, right, sentence, before, topic [maxKinds]bool
	for _, m := range s.window(f.sent, f.first-wide, f.last+wide) {
		if m.p.role != roleField || m.last >= f.coreFirst && m.first <= f.coreLast {
			continue
		}
		sentence[m.p.kind] = true
		if d := f.coreFirst - m.last; d > 0 && d <= near {
			left[m.p.kind] = true
		}
		if d := m.first - f.coreLast; d > 0 && d <= near {
			right[m.p.kind] = true
		}
	}
	if f.sent > 0 {
		for _, m := range s.matches(f.sent - 1) {
			if m.p.role == roleField {
				before[m.p.kind] = true
			}
		}
	}
	if title != nil {
		for n := range min(3, len(title.sents)) {
			for _, m := range title.matches(n) {
				if m.p.role == roleField {
					topic[m.p.kind] = true
				}
			}
		}
	}
	scale := f.scale()
	for _, where := range [...]struct {
		name string
		at   *[maxKinds]bool
	}{{"field left", &left}, {"field right", &right}, {"field", &sentence}, {"field before", &before}, {"field title", &topic}} {
		for k, name := range s.r.fieldNames {
			if where.at[k] {
				x.add(50, where.name, name)
				x.add(50, where.name, name, scale)
			}
		}
	}
}

// decide gives a finding the kind the model finds best, and keeps the rules' words for it.
func (s *scan) decide(i int, f *finding, b *ballot, title *scan) {
	x := &s.seen
	x.list, x.names = x.list[:0], x.names[:0]
	s.shape(i, f, x, title)
	x.rules(b)
	s.fields(f, x, title)
	s.words(f, x)
	f.rule = b.best()
	for j := i - 1; j >= 0; j-- {
		if p := &s.found[j]; !p.percent {
			switch {
			case p.sent == f.sent:
				x.add(50, "previous in sentence", p.rule.kind, f.scale(), p.scale())
			case f.sent-p.sent == 1:
				x.add(50, "previous", p.rule.kind, f.scale(), p.scale())
			}
			break
		}
	}
	if s.observe != nil {
		s.observe(f, x)
	}
	m := s.r.model
	if len(m.weights) == 0 {
		v := b.best()
		f.kind, f.subkind, f.score, f.cue = v.kind, v.sub, v.score, v.cue
		return
	}
	m.score(x, &f.scores)
	if i > 0 {
		if p := &s.found[i-1]; !p.percent && (f.joined || p.sent == f.sent && s.coordinated(p, f)) {
			for k := range f.scores {
				f.scores[k] += p.scores[k] * 7 / 10
			}
		}
	}
	best, second := 0, -1
	for k := range f.scores {
		if f.scores[k] > f.scores[best] {
			best = k
		}
	}
	for k := range f.scores {
		if k != best && (second < 0 || f.scores[k] > f.scores[second]) {
			second = k
		}
	}
	f.kind, f.subkind, f.cue = modelKinds[best], "", match{}
	f.score = (f.scores[best] - f.scores[second]) / 10
	top := -1
	for _, v := range b.votes {
		if v.kind == f.kind && v.score > top {
			f.subkind, f.cue, top = v.sub, v.cue, v.score
		}
	}
}

// Sample is an amount with what the model sees of it, for training.
type Sample struct {
	Amount   Amount
	Features []string
	Values   []int // in hundredths, of each feature
}

// Samples reads an article as [Reader.Article] does and returns what the model
// sees of every amount. It is slow and meant for the command in train.
func (r *Reader) Samples(title, text, lang string) []Sample {
	t, b := r.scan(), r.scan()
	defer t.release()
	defer b.release()
	t.begin(r, title, lang, options{})
	b.begin(r, text, lang, options{})
	if len(b.toks) > len(t.toks) {
		t.adopt(b)
	}
	var out []Sample
	for _, s := range [2]*scan{t, b} {
		where := "title"
		if s == b {
			where = "text"
		}
		s.seen.named = true
		s.observe = func(f *finding, x *features) {
			one := *f
			one.kind = "other"
			keep := s.found
			s.found = []finding{one}
			sample := Sample{Amount: s.amounts(where)[0], Features: append([]string(nil), x.names...)}
			s.found = keep
			for _, f := range x.list {
				sample.Values = append(sample.Values, int(f.value))
			}
			out = append(out, sample)
		}
		s.readAll()
	}
	b.classify(t)
	t.classify(nil)
	return out
}
