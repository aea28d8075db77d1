// Command train learns the weights with which package extract judges whether two organisations of a sentence have a deal, of what type, in which
// direction and with what status, from the annotated articles and sentences of the repository, and writes deals.bin.
//
// Run it as `go generate ./extract` from the root of the repository. It is deterministic: the same texts give the same file. It prints how well the
// deals of held-back texts are found, file by file and, for the sentences, by tenths; the judged halves (blind, fresh) are never read.
//
// The model is multinomial logistic regression with a quadratic penalty, fitted by gradient descent with steps per weight (AdaGrad: Duchi, Hazan and
// Singer, 2011), and averaged over the second half of the rounds.
package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode"

	"example.org/veille/extract"
	"example.org/veille/extract/eval"
	"example.org/veille/schemas"
)

// example is one pair of organisations in one sentence.
type example struct {
	art     int
	pair    string // the two, for joining the sentences of one article
	feats   []int32
	values  []float32
	class   int // index in classes; -1 when nothing is known
	allowed []int
	status  int // index in statuses; -1 when nothing is known
	weight  float32
	named   bool
	sight   *extract.Sight
}

type trainer struct {
	arts     []article
	ex       []example
	byArt    [][]int
	names    map[uint64]string
	ids      map[uint64]int32
	keys     []uint64
	own      int // features; as many again are particular to articles
	classes  []string
	statuses []string
	penalty  float64
	rounds   int
}

func main() {
	root := flag.String("dir", ".", "folder of package extract")
	extra := flag.String("measure", "", "annotated articles, separated by commas, to measure on and not learn from")
	flag.Float64Var(&domain, "domain", 0.5, "weight of what is particular to articles")
	flag.Float64Var(&wholeWeight, "whole", 2, "weight of an article's example beside a snippet's")
	flag.StringVar(&skip, "skip", "", "leave out features of these templates, separated by commas")
	flag.IntVar(&minCount, "min", 2, "leave out features seen less often")
	flag.IntVar(&passes, "passes", 2, "passes over the texts")
	flag.IntVar(&keep, "keep", 60000, "features to keep")
	penalty := flag.Float64("penalty", 0.02, "quadratic penalty of each weight")
	rounds := flag.Int("rounds", 4, "passes over the examples")
	cv := flag.String("cv", "none", "files to hold back in turn and measure on, separated by commas; all, or none")
	write := flag.Bool("write", true, "write deals.bin")
	verbose := flag.Bool("v", false, "print the errors on held-back files")
	flag.Float64Var(&dropout, "dropout", 0.3, "share of features left out")
	flag.Float64Var(&rate, "rate", 0.02, "step")
	flag.Float64Var(&eps, "eps", 1e-2, "eps")
	flag.Parse()
	if err := run(*root, *extra, *penalty, *rounds, *write, *verbose, *cv); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(root, extra string, penalty float64, rounds int, write, verbose bool, cv string) error {
	arts, err := load(root)
	if err != nil {
		return err
	}
	own := len(arts)
	for p := range strings.FieldsFuncSeq(extra, func(r rune) bool { return r == ',' }) {
		as, err := loadGold(p)
		if err != nil {
			return err
		}
		arts = append(arts, as...)
	}
	// What the model has seen in one sentence is a feature of the next. So it is taught in passes: each reads an article with weights that the pass
	// before has learnt from the other articles.
	var t *trainer
	x, err := extract.New()
	if err != nil {
		return err
	}
	blank, err := x.Taught(extract.Untaught(), extract.Practice)
	if err != nil {
		return err
	}
	reader := func(int) *extract.Extractor { return blank }
	for pass := 1; ; pass++ {
		t = &trainer{arts: arts, names: map[uint64]string{}, ids: map[uint64]int32{}, classes: extract.DealClasses(), statuses: schemas.Statuses, penalty: penalty, rounds: rounds}
		t.observe(reader)
		if pass >= passes {
			break
		}
		var readers [folds + 1]*extract.Extractor
		for k := range readers {
			w := t.fit(func(a int) bool { return a < own && fold(arts[a].id)%folds != k })
			if readers[k], err = x.Taught(t.render(w, keep), extract.Practice); err != nil {
				return err
			}
		}
		reader = func(a int) *extract.Extractor {
			if a < own {
				return readers[fold(arts[a].id)%folds]
			}
			return readers[folds]
		}
	}
	pos := 0
	for _, e := range t.ex {
		if e.class > 0 {
			pos++
		}
	}
	if verbose {
		n := map[string]int{}
		for i := range t.ex {
			for _, k := range t.ex[i].sight.Keys {
				template, _, _ := strings.Cut(t.names[k], " ")
				n[template]++
			}
		}
		for _, k := range slices.SortedFunc(maps.Keys(n), func(a, b string) int { return cmp.Compare(n[b], n[a]) }) {
			fmt.Printf("%s %.1f, ", k, float64(n[k])/float64(len(t.ex)))
		}
		fmt.Println()
	}
	fmt.Printf("%d texts, %d pairs, %d with a deal, %d features\n", own, len(t.ex), pos, len(t.keys))
	if cv != "none" {
		got := make([]verdict, len(t.ex))
		var held [folds][]byte
		for k := range folds {
			w := t.fit(func(a int) bool { return a < own && fold(arts[a].id)%folds != k })
			held[k] = t.render(w, keep)
			for i := range t.ex {
				if a := t.ex[i].art; a < own && fold(arts[a].id)%folds == k {
					got[i] = t.judge(w, &t.ex[i])
				}
			}
		}
		groups := map[string][]string{
			"articles": {"en-articles-a", "en-articles-b", "fr-articles-a", "fr-articles-b"}, "older articles": {"read", "train-a", "train-b"}, "sample press": {"gold"},
			"sentences en": {"en-deals", "en-hard"}, "sentences fr": {"fr-deals", "fr-hard"}, "cases": {"sentences", "breadth"},
		}
		for _, g := range slices.Sorted(maps.Keys(groups)) {
			in := func(a int) bool { return a < own && slices.Contains(groups[g], arts[a].file) }
			t.report(g, in, got, verbose)
		}
		for _, p := range policies {
			if cv == "loss" {
				break
			}
			fmt.Printf("%+v\n", p)
			for _, g := range slices.Sorted(maps.Keys(groups)) {
				err := t.product(g, func(a int) bool { return a < own && slices.Contains(groups[g], arts[a].file) }, func(a int) ([]byte, extract.Policy) { return held[fold(arts[a].id)%folds], p }, x)
				if err != nil {
					return err
				}
			}
		}
	}
	w := t.fit(func(a int) bool { return a < own })
	if extra != "" {
		got := make([]verdict, len(t.ex))
		for i := range t.ex {
			got[i] = t.judge(w, &t.ex[i])
		}
		weights := t.render(w, keep)
		for _, p := range policies {
			fmt.Printf("%+v\n", p)
			for f := range strings.FieldsFuncSeq(extra, func(r rune) bool { return r == ',' }) {
				f = strings.TrimSuffix(filepath.Base(f), ".jsonl")
				if err := t.product(f, func(a int) bool { return a >= own && arts[a].file == f }, func(int) ([]byte, extract.Policy) { return weights, p }, x); err != nil {
					return err
				}
			}
		}
		for p := range strings.FieldsFuncSeq(extra, func(r rune) bool { return r == ',' }) {
			f := strings.TrimSuffix(filepath.Base(p), ".jsonl")
			t.report(f+" (not learnt)", func(a int) bool { return a >= own && arts[a].file == f }, got, verbose)
		}
	}
	if !write {
		return nil
	}
	return os.WriteFile(filepath.Join(root, "deals.bin"), t.render(w, keep), 0o644)
}

// folds is into how many parts the texts are divided to hold one back.
const folds = 4

func fold(id string) int {
	h := fnv.New32a()
	h.Write([]byte(id))
	return int(h.Sum32() % 1024)
}

// observe turns texts into examples.
func (t *trainer) observe(reader func(article int) *extract.Extractor) {
	t.byArt = make([][]int, len(t.arts))
	sights := make([][]extract.Sight, len(t.arts))
	var wg sync.WaitGroup
	var mu sync.Mutex
	next := 0
	for range 2 {
		wg.Go(func() {
			names := map[uint64]string{}
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(t.arts) {
					break
				}
				a := &t.arts[i]
				sights[i] = reader(i).Sights(schemas.Article{ID: a.id, Title: a.title, Text: a.text, Lang: a.lang, Published: a.published}, names)
			}
			mu.Lock()
			maps.Copy(t.names, names)
			mu.Unlock()
		})
	}
	wg.Wait()
	count := map[uint64]int{}
	for _, ss := range sights {
		for i := range ss {
			for _, k := range ss[i].Keys {
				count[k]++
			}
		}
	}
	for i := range t.arts {
		for k := range sights[i] {
			g := &sights[i][k]
			e := example{art: i, class: -1, status: -1, named: g.Named, sight: g, pair: pairOf(g)}
			for n, key := range g.Keys {
				if count[key] < minCount || skip != "" && t.skipped(key) {
					continue
				}
				id, ok := t.ids[key]
				if !ok {
					id = int32(len(t.keys))
					t.ids[key] = id
					t.keys = append(t.keys, key)
				}
				e.feats = append(e.feats, id)
				e.values = append(e.values, float32(g.Values[n])/100)
			}
			t.label(&e, &t.arts[i])
			t.byArt[i] = append(t.byArt[i], len(t.ex))
			t.ex = append(t.ex, e)
		}
		t.pick(i)
	}
	t.adapt()
}

// adapt gives what holds of articles more than of snippets weights of its own, which are added to the common ones (Daumé, 2007).
func (t *trainer) adapt() {
	own0 := int32(len(t.keys))
	for i := range t.ex {
		e := &t.ex[i]
		if f := t.arts[e.art].file; f == "sentences" || f == "breadth" {
			e.weight *= 4 // plain cases that must come out right
		}
		if !t.arts[e.art].whole {
			continue
		}
		n := len(e.feats)
		for k := range n {
			e.feats = append(e.feats, e.feats[k]+own0)
			e.values = append(e.values, e.values[k]*float32(domain))
		}
		if e.weight > 0 {
			e.weight *= float32(wholeWeight)
		}
	}
	t.own = len(t.keys)
	t.keys = append(t.keys, make([]uint64, own0)...)
}

func pairOf(g *extract.Sight) string {
	a, b := g.A.ID, g.B.ID
	if a > b {
		a, b = b, a
	}
	return a + "~" + b
}

// label says what an example teaches.
func (t *trainer) label(e *example, a *article) {
	g := e.sight
	doubt := false
	for _, d := range a.deals {
		var ra, rb string
		fa, fb := false, false
		for _, p := range d.parties {
			if is(&g.A, p.name) {
				ra, fa = p.role, true
			} else if is(&g.B, p.name) {
				rb, fb = p.role, true
			}
		}
		if !fa || !fb {
			// a deal of one vendor with somebody unnamed: what is said of it and an unknown name tells nothing
			if len(d.parties) == 1 && (fa && !g.B.Known || fb && !g.A.Known) {
				doubt = true
			}
			continue
		}
		if d.types[0] == "partner_program" {
			doubt = true
			continue
		}
		if d.optional {
			doubt = true
			continue
		}
		here := !a.whole || d.evidence == "" || overlap(d.evidence, g.Text) >= 0.5
		if !here {
			doubt = true
			continue
		}
		c := t.class(d.types[0], ra, rb)
		if c < 0 {
			doubt = true
			continue
		}
		e.class, e.weight = c, 1
		e.status = slices.Index(t.statuses, d.statuses[0])
		for _, ty := range d.types {
			for _, cl := range []int{t.class(ty, ra, rb), slices.Index(t.classes, ty+" >"), slices.Index(t.classes, ty+" <")} {
				if cl > 0 {
					e.allowed = append(e.allowed, cl)
				}
			}
		}
		return
	}
	if doubt {
		return
	}
	e.class, e.weight = 0, 1
	if !e.named {
		e.weight = 0.5
	}
}

// class gives the class of a deal between the first, with role ra, and the second.
func (t *trainer) class(typ, ra, rb string) int {
	if i := slices.Index(t.classes, typ); i >= 0 {
		return i
	}
	lead := extract.LeadingRole(typ)
	switch {
	case ra == lead && rb != lead:
		return slices.Index(t.classes, typ+" >")
	case rb == lead && ra != lead:
		return slices.Index(t.classes, typ+" <")
	}
	return -1
}

// pick keeps, of several sentences of a snippet that name the two, those in which both are named; the others teach nothing.
func (t *trainer) pick(art int) {
	if t.arts[art].whole {
		return
	}
	named := map[string]bool{}
	for _, i := range t.byArt[art] {
		if e := &t.ex[i]; e.class > 0 && e.named && e.sight.In == "text" {
			named[e.pair] = true
		}
	}
	for _, i := range t.byArt[art] {
		if e := &t.ex[i]; e.class > 0 && named[e.pair] && !e.named {
			e.class, e.weight = -1, 0
		}
	}
}

func is(s *extract.Side, name string) bool {
	n := norm(name)
	if norm(s.Name) == n {
		return true
	}
	for _, f := range s.Surfaces {
		f = norm(f)
		if f == n || len(f) > 3 && (strings.HasPrefix(n, f) || strings.HasPrefix(f, n)) {
			return true
		}
	}
	if !s.Known {
		m := norm(s.Name)
		return len(m) > 3 && len(n) > 3 && (strings.Contains(n, m) || strings.Contains(m, n))
	}
	return false
}

func norm(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func overlap(evidence, sentence string) float64 {
	have := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(sentence), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		have[w] = true
	}
	n, hit := 0, 0
	for _, w := range strings.FieldsFunc(strings.ToLower(evidence), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		n++
		if have[w] {
			hit++
		}
	}
	if n == 0 {
		return 0
	}
	return float64(hit) / float64(n)
}

var skip string
var minCount, keep, passes int

func (t *trainer) skipped(key uint64) bool {
	template, _, _ := strings.Cut(t.names[key], " ")
	for p := range strings.SplitSeq(skip, ",") {
		if template == p {
			return true
		}
	}
	return false
}

var dropout, rate, eps, domain, wholeWeight float64

type weights struct {
	class  []float32 // features × classes
	status []float32
}

// fit learns from the examples of the chosen articles.
func (t *trainer) fit(use func(int) bool) *weights {
	nc, ns := len(t.classes), len(t.statuses)
	var order, sorder []int
	for i := range t.ex {
		e := &t.ex[i]
		if !use(e.art) {
			continue
		}
		if e.class >= 0 {
			order = append(order, i)
		}
		if e.status >= 0 && e.class > 0 {
			sorder = append(sorder, i)
		}
	}
	out := &weights{}
	var wg sync.WaitGroup
	wg.Go(func() {
		out.class = t.descend(order, nc, func(e *example) int { return e.class })
	})
	wg.Go(func() {
		out.status = t.descend(sorder, ns, func(e *example) int { return e.status })
	})
	wg.Wait()
	return out
}

func (t *trainer) descend(order []int, nc int, target func(*example) int) []float32 {
	n := len(t.keys)
	w, g2, sum := make([]float32, n*nc), make([]float32, n*nc), make([]float32, n*nc)
	// examples in an order that only their number decides
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scramble(a), scramble(b)) })
	lambda := float32(t.penalty / 100)
	p := make([]float32, nc)
	r := rand.New(rand.NewPCG(7, 11))
	var some example // an example with a part of its features left out
	scale := float32(1 / (1 - dropout))
	for round := range t.rounds {
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			e := &t.ex[i]
			if e.weight == 0 {
				continue
			}
			some.feats, some.values = some.feats[:0], some.values[:0]
			for k, f := range e.feats {
				if r.Float64() >= dropout {
					some.feats, some.values = append(some.feats, f), append(some.values, e.values[k]*scale)
				}
			}
			scores(w, nc, &some, p)
			softmax(p)
			p[target(e)] -= 1
			for k, f := range some.feats {
				v := some.values[k] * e.weight
				base := int(f) * nc
				ww, gg := w[base:base+nc], g2[base:base+nc]
				for c := range p {
					gr := p[c]*v + lambda*ww[c]
					if gr < 1e-4 && gr > -1e-4 {
						continue
					}
					gg[c] += gr * gr
					ww[c] -= float32(rate) * gr / float32(math.Sqrt(float64(gg[c])+eps))
				}
			}
		}
		if round >= t.rounds/2 {
			for k := range sum {
				sum[k] += w[k]
			}
		}
	}
	k := float32(t.rounds - t.rounds/2)
	for i := range sum {
		sum[i] /= k
	}
	return sum
}

func scramble(i int) uint32 { return uint32(i+1) * 2654435761 }

func scores(w []float32, nc int, e *example, out []float32) {
	for c := range out {
		out[c] = 0
	}
	for k, f := range e.feats {
		v := e.values[k]
		row := w[int(f)*nc : int(f)*nc+nc]
		for c := range out {
			out[c] += row[c] * v
		}
	}
}

func softmax(p []float32) {
	m := slices.Max(p)
	s := float32(0)
	for i := range p {
		p[i] = float32(math.Exp(float64(p[i] - m)))
		s += p[i]
	}
	for i := range p {
		p[i] /= s
	}
}

// verdict is what the model says of an example.
type verdict struct {
	none   float32
	right  float32
	class  int
	p      float32
	status int
}

func (t *trainer) judge(w *weights, e *example) verdict {
	p := make([]float32, len(t.classes))
	q := make([]float32, len(t.statuses))
	scores(w.class, len(p), e, p)
	scores(w.status, len(q), e, q)
	softmax(p)
	v := verdict{none: p[0], right: 1}
	if e.class >= 0 {
		v.right = p[e.class]
	}
	for c := 1; c < len(p); c++ {
		if p[c] > v.p {
			v.p, v.class = p[c], c
		}
	}
	for c := range q {
		if q[c] > q[v.status] {
			v.status = c
		}
	}
	return v
}

// report prints how the pairs of articles are judged, by the model at several thresholds and by the rules alone.
func (t *trainer) report(name string, held func(int) bool, got []verdict, verbose bool) {
	type tally struct{ tp, fp, fn, st, empty, quiet, unseen int }
	run := func(find func(e *example, i int) (string, string, float32)) tally {
		var n tally
		for a := range t.arts {
			if !held(a) {
				continue
			}
			found := map[string][3]any{}
			for _, i := range t.byArt[a] {
				e := &t.ex[i]
				typ, st, p := find(e, i)
				if typ == "" {
					continue
				}
				if o, ok := found[e.pair]; !ok || o[2].(float32) < p {
					found[e.pair] = [3]any{typ, st, p}
				}
			}
			used := map[string]bool{}
			for _, d := range t.arts[a].deals {
				if d.optional {
					for _, i := range t.byArt[a] {
						if e := &t.ex[i]; both(e.sight, &d) {
							used[e.pair] = true
						}
					}
				}
			}
			for _, d := range t.arts[a].deals {
				if d.types[0] == "partner_program" || len(d.parties) < 2 || d.optional {
					continue
				}
				hit := false
				var miss string
				pairs := map[string]bool{}
				for _, i := range t.byArt[a] {
					e := &t.ex[i]
					if !both(e.sight, &d) {
						continue
					}
					pairs[e.pair] = true
					f, ok := found[e.pair]
					if ok && slices.Contains(d.types, f[0].(string)) {
						if !hit {
							n.tp++
							if slices.Contains(d.statuses, f[1].(string)) {
								n.st++
							}
						}
						hit = true
						used[e.pair] = true
					} else if ok {
						miss = f[0].(string)
					}
				}
				if !hit {
					n.fn++
					if len(pairs) == 0 {
						n.unseen++
					}
					if verbose {
						fmt.Printf("   missed %s %v %v (%s; %d sights)\n", t.arts[a].id, d.types, d.parties, miss, len(pairs))
					}
				}
			}
			for k, f := range found {
				if !used[k] {
					n.fp++
					if verbose {
						fmt.Printf("   wrong %s %v %s %.2f\n", t.arts[a].id, f[0], k, f[2])
					}
				}
			}
			if len(t.arts[a].deals) == 0 {
				n.empty++
				if len(found) == 0 {
					n.quiet++
				}
			}
		}
		return n
	}
	print := func(label string, n tally) {
		p := float64(n.tp) / math.Max(1, float64(n.tp+n.fp))
		r := float64(n.tp) / math.Max(1, float64(n.tp+n.fn))
		fmt.Printf("%-22s %-12s P %.3f R %.3f F1 %.3f  status %.3f  quiet %d/%d  unseen %d of %d\n", name, label, p, r, 2*p*r/math.Max(1e-9, p+r), float64(n.st)/math.Max(1, float64(n.tp)), n.quiet, n.empty, n.unseen, n.tp+n.fn)
	}
	vb := verbose
	verbose = false
	loss, n := 0.0, 0
	for i := range t.ex {
		if e := &t.ex[i]; held(e.art) && e.class >= 0 {
			loss -= math.Log(math.Max(1e-6, float64(got[i].right)))
			n++
		}
	}
	fmt.Printf("%-22s loss %.4f over %d\n", name, loss/float64(max(1, n)), n)
	print("rules", run(func(e *example, i int) (string, string, float32) {
		if len(e.sight.Rules) == 0 {
			return "", "", 0
		}
		f := strings.Fields(e.sight.Rules[0])
		return f[0], f[1], 1
	}))
	for _, th := range [][3]float32{{0.02, 0.5, 2}, {0.02, 0.6, 0.85}, {0.02, 0.7, 0.85}, {0.05, 0.5, 0.85}, {0.05, 0.6, 0.85}, {0.05, 0.7, 0.85}, {0.1, 0.5, 0.7}, {0.1, 0.6, 0.85}, {0.3, 0.5, 0.7}} {
		print(fmt.Sprintf("%.2f/%.1f/%.1f", th[0], th[1], th[2]), run(func(e *example, i int) (string, string, float32) {
			v := got[i]
			if len(e.sight.Rules) > 0 {
				if 1-v.none < th[0] {
					return "", "", 0
				}
				f := strings.Fields(e.sight.Rules[0])
				if v.p >= th[2] {
					f[0], _, _ = strings.Cut(t.classes[v.class], " ")
				}
				return f[0], f[1], 2 - v.none
			}
			if 1-v.none < th[1] {
				return "", "", 0
			}
			typ, _, _ := strings.Cut(t.classes[v.class], " ")
			return typ, t.statuses[v.status], 1 - v.none
		}))
	}
	for _, th := range []float32{0.4, 0.5, 0.6, 0.7} {
		verbose = vb && th == 0.5
		print(fmt.Sprintf("%.1f", th), run(func(e *example, i int) (string, string, float32) {
			v := got[i]
			if 1-v.none < th {
				return "", "", 0
			}
			typ, _, _ := strings.Cut(t.classes[v.class], " ")
			return typ, t.statuses[v.status], 1 - v.none
		}))
	}
}

func both(g *extract.Sight, d *deal) bool {
	fa, fb := false, false
	for _, p := range d.parties {
		if is(&g.A, p.name) {
			fa = true
		} else if is(&g.B, p.name) {
			fb = true
		}
	}
	return fa && fb
}

// render writes the weights of the features that matter most, in whole numbers of at most a byte.
func (t *trainer) render(w *weights, keep int) []byte {
	nc, ns := len(t.classes), len(t.statuses)
	type row struct {
		key uint32
		w   []float32
		max float32
	}
	top := float32(0)
	byKey := map[uint32]int{}
	var rows []row
	for id := range t.own {
		r := row{key: extract.ModelKey(t.keys[id]), w: make([]float32, nc+ns)}
		for c := range nc {
			r.w[c] = w.class[id*nc+c] + float32(domain)*w.class[(id+t.own)*nc+c]
		}
		for c := range ns {
			r.w[nc+c] = w.status[id*ns+c] + float32(domain)*w.status[(id+t.own)*ns+c]
		}
		for _, x := range r.w {
			r.max = max(r.max, x, -x)
		}
		top = max(top, r.max)
		if _, ok := byKey[r.key]; ok {
			continue // two names of one key: the first keeps it
		}
		byKey[r.key] = len(rows)
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(b.max, a.max), cmp.Compare(a.key, b.key)) })
	if len(rows) > keep {
		rows = rows[:keep]
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.key, b.key) })
	scale := top / 127
	out := []byte(extract.DealModelHeader())
	out = binary.LittleEndian.AppendUint32(out, uint32(len(rows)))
	out = binary.LittleEndian.AppendUint32(out, math.Float32bits(scale))
	for _, r := range rows {
		out = binary.LittleEndian.AppendUint32(out, r.key)
		for _, x := range r.w {
			out = append(out, byte(int8(math.Round(float64(x/scale)))))
		}
	}
	fmt.Printf("%d features kept of %d, largest weight %.2f\n", len(rows), t.own, top)
	return out
}

// policies are the ones compared.
var policies = []extract.Policy{{Veto: -1, Retype: 2, Add: 2, AddUnknown: 2, Second: 2, Party: -1, Status: 2}, extract.Practice}

// product extracts held-back articles as the product would and prints how their deals are scored.
func (t *trainer) product(name string, in func(int) bool, with func(int) ([]byte, extract.Policy), x *extract.Extractor) error {
	readers := map[string]*extract.Extractor{}
	var gold, pred bytes.Buffer
	g, p := json.NewEncoder(&gold), json.NewEncoder(&pred)
	for i := range t.arts {
		if !in(i) {
			continue
		}
		a := &t.arts[i]
		w, policy := with(i)
		key := fmt.Sprintf("%p", w)
		y := readers[key]
		if y == nil {
			var err error
			if y, err = x.Taught(w, policy); err != nil {
				return err
			}
			readers[key] = y
		}
		ex := y.Extract(schemas.Article{ID: a.id, Title: a.title, Text: a.text, Lang: a.lang, Published: a.published})
		if err := errors.Join(g.Encode(t.gold(a, x)), p.Encode(struct {
			ID string `json:"id"`
			schemas.Extraction
		}{a.id, ex})); err != nil {
			return err
		}
	}
	r, err := eval.Score(&gold, &pred)
	if err != nil {
		return err
	}
	dp, dr, df := r.All.F1("deals")
	_, _, sf := r.All.F1("deals_status")
	fmt.Printf("  %-15s deals P %.3f R %.3f F1 %.3f  status F1 %.3f  roles %.3f  evidence %.3f  no_deal %.3f\n", name, dp, dr, df, sf, r.All.Share("roles"), r.All.Share("evidence"), r.All.Share("no_deal"))
	return nil
}

// gold gives an article in the form in which it is scored.
func (t *trainer) gold(a *article, x *extract.Extractor) any {
	if a.raw != nil {
		return a.raw
	}
	type signal struct {
		Type     string              `json:"type"`
		Status   string              `json:"status"`
		TypeAlt  []string            `json:"type_alt,omitempty"`
		StatAlt  []string            `json:"status_alt,omitempty"`
		Parties  []string            `json:"parties"`
		Roles    map[string][]string `json:"directed_roles,omitempty"`
		Evidence string              `json:"evidence"`
		Optional bool                `json:"optional,omitempty"`
	}
	rec := struct {
		ID       string   `json:"id"`
		Lang     string   `json:"lang"`
		Vendors  []string `json:"vendors"`
		External []string `json:"external_parties,omitempty"`
		Signals  []signal `json:"signals"`
		Prices   []any    `json:"prices"`
	}{ID: a.id, Lang: a.lang, Vendors: []string{}, Signals: []signal{}, Prices: []any{}}
	for _, d := range a.deals {
		s := signal{Type: d.types[0], Status: d.statuses[0], TypeAlt: d.types[1:], StatAlt: d.statuses[1:], Evidence: d.evidence, Optional: d.optional, Roles: map[string][]string{}}
		for _, p := range d.parties {
			if vs := x.Catalogue().Resolve(p.name, a.published); len(vs) > 0 {
				s.Parties = append(s.Parties, vs[0].Name)
				s.Roles[p.role] = append(s.Roles[p.role], vs[0].Name)
				rec.Vendors = append(rec.Vendors, vs[0].Name)
			} else {
				rec.External = append(rec.External, p.name)
			}
		}
		if len(s.Parties) > 0 {
			rec.Signals = append(rec.Signals, s)
		}
	}
	return rec
}
