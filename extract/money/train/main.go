// Command train learns the weights with which package money chooses the kind of an
// amount, from the annotated articles of the repository, and writes weights.tsv.
//
// Run it as `go generate ./extract/money` from the root of the repository. It is
// deterministic: the same articles give the same file. It prints how often the kind
// is right in articles that were held back: tenths of the articles in turn
// (cross-validation), and whole files in turn. blind.jsonl is never read.
//
// The model is multinomial logistic regression with a quadratic penalty, fitted by
// gradient descent with steps per weight (AdaGrad: Duchi, Hazan and Singer, 2011),
// and averaged over the second half of the rounds.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"example.org/veille/extract/money"
)

// article is one annotated text.
type article struct {
	file, id, lang, title, text string
	kinds                       map[string]string // "low..high currency" to kind
	spans                       []span            // in the text, where there are no kinds
	weight                      float64
}

// span is an amount marked in a text.
type span struct {
	start, end int
	kind       string
}

// example is one amount with its right kind.
type example struct {
	article int
	kind    int
	feats   []int
	values  []float64
	weight  float64
	around  string // the text about the amount, for reading errors
}

type settings struct {
	penalty, words float64
	rounds         int
	skip           string
	verbose        bool
}

func main() {
	dir := flag.String("dir", ".", "folder of package money")
	extra := flag.String("measure", "", "annotated articles, separated by commas, to measure on and not learn from")
	var set settings
	flag.Float64Var(&set.penalty, "penalty", 0.03, "quadratic penalty of each weight")
	flag.Float64Var(&set.words, "words", 0.25, "value of a word feature; less trusts words less")
	flag.IntVar(&set.rounds, "rounds", 30, "passes over the examples")
	flag.StringVar(&set.skip, "skip", "", "leave out features that begin so, separated by commas")
	flag.BoolVar(&set.verbose, "v", false, "print every wrong kind of the cross-validation")
	write := flag.Bool("write", true, "write weights.tsv")
	flag.Parse()
	if err := run(*dir, *extra, set, *write); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(dir, extra string, set settings, write bool) error {
	arts, err := load(dir)
	if err != nil {
		return err
	}
	own := len(arts)
	for _, path := range strings.FieldsFunc(extra, func(r rune) bool { return r == ',' }) {
		more, err := loadJSONL(path, 1)
		if err != nil {
			return err
		}
		arts = append(arts, more...)
	}
	reader, err := money.New()
	if err != nil {
		return err
	}
	t := &trainer{arts: arts, set: set, ids: map[string]int{}, kinds: money.ModelKinds()}
	t.observe(reader)
	fmt.Printf("%d articles, %d amounts, %d features\n", own, len(t.examples), len(t.names))

	fmt.Println("rules alone")
	rules := make([]int, len(t.examples))
	for i, e := range t.examples {
		rules[i] = -1
		for _, id := range e.feats {
			for c, k := range t.kinds {
				if t.names[id] == "rules "+k {
					rules[i] = c
				}
			}
		}
	}
	t.report(rules, func(e example) bool { return true }, false)

	fmt.Println("held back: tenths of the articles in turn")
	got := make([]int, len(t.examples))
	for fold := range 10 {
		held := func(a int) bool { return a >= own || t.fold(a) == fold }
		w := t.fit(func(a int) bool { return !held(a) })
		for i, e := range t.examples {
			if held(e.article) {
				got[i] = t.best(w, e)
			}
		}
	}
	t.report(got, func(e example) bool { return e.article < own }, set.verbose)

	fmt.Println("held back: whole files in turn")
	for _, file := range t.files(own) {
		w := t.fit(func(a int) bool { return a < own && arts[a].file != file })
		for i, e := range t.examples {
			if arts[e.article].file == file {
				got[i] = t.best(w, e)
			}
		}
	}
	t.report(got, func(e example) bool { return e.article < own }, false)

	w := t.fit(func(a int) bool { return a < own })
	if extra != "" {
		fmt.Println("not learnt from")
		for i, e := range t.examples {
			got[i] = t.best(w, e)
		}
		t.report(got, func(e example) bool { return e.article >= own }, set.verbose)
	}
	if !write {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, "weights.tsv"), t.render(w), 0o644)
}

// load reads the annotated articles of the repository. The blind half is left alone.
func load(dir string) ([]article, error) {
	var out []article
	paths, err := filepath.Glob(filepath.Join(dir, "../testdata/gold/*.jsonl"))
	if err != nil {
		return nil, err
	}
	sort.Strings(paths)
	paths = append(paths, filepath.Join(dir, "../../fixtures/press/gold.jsonl"))
	for _, p := range paths {
		if filepath.Base(p) == "blind.jsonl" {
			continue
		}
		a, err := loadJSONL(p, 1)
		if err != nil {
			return nil, err
		}
		out = append(out, a...)
	}
	// The rules were written against these, so their cues look surer here than they are.
	a, err := loadArticles(filepath.Join(dir, "testdata/articles.txt"), 0.5)
	if err != nil {
		return nil, err
	}
	out = append(out, a...)
	a, err = loadSentences(filepath.Join(dir, "testdata/sentences.txt"), 0.25)
	if err != nil {
		return nil, err
	}
	out = append(out, a...)
	a, err = loadPhrases(filepath.Join(dir, "train/phrases.txt"), 0.5)
	if err != nil {
		return nil, err
	}
	return append(out, a...), nil
}

func loadJSONL(path string, weight float64) ([]article, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []article
	for n, line := range bytes.Split(b, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var rec struct {
			ID, Lang, Title, Text string
			Prices                []struct {
				Low, High      json.Number
				Currency, Kind string
			}
		}
		if err := json.Unmarshal(line, &rec); err != nil {
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) { // being written
				continue
			}
			return nil, fmt.Errorf("%s:%d: %w", path, n+1, err)
		}
		a := article{file: filepath.Base(path), id: rec.ID, lang: rec.Lang, title: rec.Title, text: rec.Text, kinds: map[string]string{}, weight: weight}
		for _, p := range rec.Prices {
			a.kinds[plain(p.Low)+".."+plain(p.High)+" "+p.Currency] = p.Kind
		}
		out = append(out, a)
	}
	return out, nil
}

// plain writes a JSON number as package money does.
func plain(n json.Number) string {
	s := n.String()
	if strings.ContainsAny(s, "eE") {
		f, err := n.Float64()
		if err != nil {
			return s
		}
		s = fmt.Sprintf("%f", f)
	}
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// loadArticles reads "= title", the text and "> low..high currency kind" lines.
func loadArticles(path string, weight float64) ([]article, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []article
	for _, block := range strings.Split(string(b), "\n\n") {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		if len(lines) < 2 || lines[0][0] != '=' {
			continue
		}
		a := article{file: filepath.Base(path), id: lines[0][2:], title: lines[0][2:], text: lines[1], kinds: map[string]string{}, weight: weight}
		for _, l := range lines[2:] {
			i := strings.LastIndex(l, " ")
			a.kinds[l[2:i]] = l[i+1:]
		}
		out = append(out, a)
	}
	return out, nil
}

// loadSentences reads "lang | [title ‖] text | low..high currency kind…; …" lines.
func loadSentences(path string, weight float64) ([]article, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []article
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		lang, rest, ok := strings.Cut(line, " | ")
		i := strings.LastIndex(rest, " | ")
		if !ok || line[0] == '#' || i < 0 || rest[i+3:] == "-" {
			continue
		}
		a := article{file: filepath.Base(path), id: rest[:min(i, 40)], lang: lang, text: rest[:i], kinds: map[string]string{}, weight: weight}
		if title, text, ok := strings.Cut(a.text, " ‖ "); ok {
			a.title, a.text = title, text
		}
		for _, want := range strings.Split(rest[i+3:], "; ") {
			if w := strings.Fields(want); len(w) >= 3 {
				kind, _, _ := strings.Cut(w[2], "/")
				a.kinds[w[0]+" "+w[1]] = kind
			}
		}
		out = append(out, a)
	}
	return out, lines.Err()
}

// loadPhrases reads "lang | [title ‖] text" lines with {amount|kind} in the text.
func loadPhrases(path string, weight float64) ([]article, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []article
	for n, line := range strings.Split(string(b), "\n") {
		lang, rest, ok := strings.Cut(line, " | ")
		if !ok || line[0] == '#' {
			continue
		}
		a := article{file: filepath.Base(path), id: fmt.Sprintf("line %d", n+1), lang: lang, weight: weight}
		if title, text, ok := strings.Cut(rest, " ‖ "); ok {
			a.title, rest = title, text
		}
		for {
			before, marked, ok := strings.Cut(rest, "{")
			a.text += before
			if !ok {
				break
			}
			marked, rest, ok = strings.Cut(marked, "}")
			amount, kind, named := strings.Cut(marked, "|")
			if !ok || !named {
				return nil, fmt.Errorf("%s:%d: want {amount|kind}", path, n+1)
			}
			a.spans = append(a.spans, span{len(a.text), len(a.text) + len(amount), kind})
			a.text += amount
		}
		out = append(out, a)
	}
	return out, nil
}

// want returns the right kind of an amount.
func (a *article) want(m *money.Amount) string {
	for _, s := range a.spans {
		if m.In == "text" && m.Start < s.end && s.start < m.End {
			return s.kind
		}
	}
	return a.kinds[m.Low+".."+m.High+" "+m.Currency]
}

type trainer struct {
	arts     []article
	set      settings
	kinds    []string
	ids      map[string]int
	names    []string
	spread   []int // articles a feature occurs in
	lastIn   []int
	examples []example
}

// isWord reports whether a feature is a word of the text, not a cue of the lexicon.
func isWord(name string) bool {
	for _, p := range [...]string{"at left ", "left ", "at right ", "right ", "sentence ", "before "} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

func (t *trainer) observe(r *money.Reader) {
	var skip []string
	if t.set.skip != "" {
		skip = strings.Split(t.set.skip, ",")
	}
	for n, a := range t.arts {
	samples:
		for _, s := range r.Samples(a.title, a.text, a.lang) {
			want := a.want(&s.Amount)
			kind := -1
			for i, k := range t.kinds {
				if k == want {
					kind = i
				}
			}
			if kind < 0 {
				continue samples
			}
			e := example{article: n, kind: kind, weight: a.weight, around: around(&a, &s.Amount)}
		feats:
			for i, name := range s.Features {
				for _, p := range skip {
					if strings.HasPrefix(name, p) {
						continue feats
					}
				}
				id, ok := t.ids[name]
				if !ok {
					id = len(t.names)
					t.ids[name] = id
					t.names = append(t.names, name)
					t.spread = append(t.spread, 0)
					t.lastIn = append(t.lastIn, -1)
				}
				if t.lastIn[id] != n {
					t.spread[id]++
					t.lastIn[id] = n
				}
				v := float64(s.Values[i]) / 100
				if isWord(name) {
					v *= t.set.words
				}
				e.feats = append(e.feats, id)
				e.values = append(e.values, v)
			}
			t.examples = append(t.examples, e)
		}
	}
}

// fold puts an article into one of ten parts.
func (t *trainer) fold(a int) int {
	h := fnv.New32a()
	h.Write([]byte(t.arts[a].title + t.arts[a].text))
	return int(h.Sum32() % 10)
}

func (t *trainer) files(own int) []string {
	var out []string
	for _, a := range t.arts[:own] {
		if len(out) == 0 || out[len(out)-1] != a.file {
			out = append(out, a.file)
		}
	}
	return out
}

// fit learns from the examples of the articles that use allows.
func (t *trainer) fit(use func(article int) bool) [][]float64 {
	k := len(t.kinds)
	w := make([][]float64, len(t.names))
	g2 := make([][]float64, len(t.names))
	for i := range w {
		w[i], g2[i] = make([]float64, k), make([]float64, k)
	}
	var order []int
	for i, e := range t.examples {
		if use(e.article) {
			order = append(order, i)
		}
	}
	seed := uint64(1)
	p := make([]float64, k)
	sum := make([][]float64, len(w))
	for i := range sum {
		sum[i] = make([]float64, k)
	}
	count := 0.0
	for round := range t.set.rounds {
		for i := len(order) - 1; i > 0; i-- { // the same shuffle every time
			seed = seed*6364136223846793005 + 1442695040888963407
			j := int((seed >> 33) % uint64(i+1))
			order[i], order[j] = order[j], order[i]
		}
		for _, n := range order {
			e := &t.examples[n]
			t.chances(w, *e, p)
			for j, id := range e.feats {
				if t.spread[id] < 2 {
					continue
				}
				for c := range p {
					g := p[c]
					if c == e.kind {
						g--
					}
					g = g*e.values[j]*e.weight + t.set.penalty*w[id][c]
					g2[id][c] += g * g
					w[id][c] -= 0.1 * g / (math.Sqrt(g2[id][c]) + 1e-6)
				}
			}
		}
		if round >= t.set.rounds/2 {
			count++
			for i := range w {
				for c := range w[i] {
					sum[i][c] += w[i][c]
				}
			}
		}
	}
	for i := range w { // the mean of the later rounds is steadier than the last
		for c := range w[i] {
			w[i][c] = sum[i][c] / count
		}
	}
	return w
}

func (t *trainer) chances(w [][]float64, e example, p []float64) {
	for c := range p {
		p[c] = 0
	}
	for j, id := range e.feats {
		for c := range p {
			p[c] += w[id][c] * e.values[j]
		}
	}
	top, sum := math.Inf(-1), 0.0
	for _, v := range p {
		top = max(top, v)
	}
	for c := range p {
		p[c] = math.Exp(p[c] - top)
		sum += p[c]
	}
	for c := range p {
		p[c] /= sum
	}
}

func (t *trainer) best(w [][]float64, e example) int {
	p := make([]float64, len(t.kinds))
	t.chances(w, e, p)
	best := 0
	for c := range p {
		if p[c] > p[best] {
			best = c
		}
	}
	return best
}

func (t *trainer) report(got []int, which func(example) bool, verbose bool) {
	right, all := map[string]int{}, map[string]int{}
	for i, e := range t.examples {
		if !which(e) {
			continue
		}
		a := &t.arts[e.article]
		keys := []string{a.file, "total"}
		if strings.HasSuffix(a.file, ".jsonl") {
			keys = append(keys, "written")
		}
		for _, key := range keys {
			all[key]++
			if got[i] == e.kind {
				right[key]++
			}
		}
		if verbose && got[i] != e.kind {
			fmt.Printf("  %s: %s taken for %s: %s\n", a.id, t.kinds[e.kind], t.kinds[got[i]], e.around)
		}
	}
	var keys []string
	for k := range all {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		fmt.Printf("  %-16s %4d of %4d kinds right, %.3f\n", k, right[k], all[k], float64(right[k])/float64(all[k]))
	}
}

// around is the amount in its sentence.
func around(a *article, m *money.Amount) string {
	in := a.text
	if m.In == "title" {
		in = a.title
	}
	from, to := max(m.Sentence.Start, m.Start-120), min(m.Sentence.End, m.End+80)
	return strings.ToValidUTF8(in[from:m.Start]+"["+in[m.Start:m.End]+"]"+in[m.End:to], "")
}

// render writes the weights that matter, in thousandths.
func (t *trainer) render(w [][]float64) []byte {
	var rows []string
	for id, name := range t.names {
		scale := 1000.0
		if isWord(name) {
			scale *= t.set.words
		}
		row, keep := name, false
		for _, v := range w[id] {
			n := int(math.Round(v * scale))
			keep = keep || n > 40 || n < -40
			row += fmt.Sprintf("\t%d", n)
		}
		if keep && t.spread[id] >= 2 {
			rows = append(rows, row)
		}
	}
	sort.Strings(rows)
	head := "# Written by the command in train; feature, then " + strings.Join(t.kinds, ", ") + " in thousandths.\n"
	return []byte(head + strings.Join(rows, "\n") + "\n")
}
