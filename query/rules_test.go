package query

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// press makes documents and queries of one small world, so that they often meet.
type press struct {
	rng     *rand.Rand
	words   []string
	vendors []string
}

func newPress(seed uint64, words, vendors int) *press {
	p := &press{rng: rand.New(rand.NewPCG(seed, 1))}
	syllables := []string{"ba", "cor", "de", "fi", "gra", "lo", "mon", "nu", "pra", "que", "ris", "ta", "vel", "zo", "éta", "œu"}
	for i := range words {
		w := ""
		for n := 2 + p.rng.IntN(3); n > 0; n-- {
			w += syllables[p.rng.IntN(len(syllables))]
		}
		// The number in letters makes each word its own.
		for n := i; n > 0; n /= 20 {
			w += string(rune('b' + n%20))
		}
		p.words = append(p.words, w+[]string{"", "s", "ation", "eur"}[i%4])
	}
	for i := range vendors {
		p.vendors = append(p.vendors, fmt.Sprintf("v%d", i))
	}
	return p
}

// word follows Zipf's law, roughly: few words are frequent.
func (p *press) word() string {
	return p.words[int(float64(len(p.words))*p.rng.Float64()*p.rng.Float64()*p.rng.Float64())]
}

func (p *press) rare() string { return p.words[p.rng.IntN(len(p.words))] }

func (p *press) vendor() string { return p.vendors[p.rng.IntN(len(p.vendors))] }

func (p *press) pick(f string) string {
	vals := FieldRow(f).Values
	return vals[p.rng.IntN(len(vals))].ID
}

func (p *press) text(n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(p.word())
		b.WriteByte(' ')
	}
	return b.String()
}

func (p *press) doc(words int) *Doc {
	lang := Langs[p.rng.IntN(2)]
	r := Record{
		Keywords: map[string][]string{"party": {p.vendor(), p.vendor()}, "type": {p.pick("type")}, "status": {p.pick("status")}, "lang": {lang}, "territory": {"fr"}},
		Numbers:  map[string][]float64{"sources": {float64(p.rng.IntN(4))}, "confidence": {p.rng.Float64()}},
		Dates:    map[string][]time.Time{"date": {testNow.AddDate(0, 0, -p.rng.IntN(200))}},
		Texts:    []Text{{"title", lang, p.text(8)}, {"text", lang, p.text(words)}},
	}
	if p.rng.IntN(4) == 0 {
		r.Numbers["value"] = []float64{float64(p.rng.IntN(100)) * 1e5}
	}
	return NewDoc(r, testAnalyze)
}

// atom is one clause of every sort the language has.
func (p *press) atom() string {
	switch p.rng.IntN(16) {
	case 0, 1, 2:
		return p.word()
	case 3:
		return `"` + p.word() + " " + p.word() + `"`
	case 4:
		return string([]rune(p.word())[:3]) + "*"
	case 5:
		w := []rune(p.word())
		w[2+p.rng.IntN(len(w)-2)] = 'x'
		return string(w) + "~"
	case 6, 7:
		return "vendor:" + p.vendor() + "," + p.vendor()
	case 8:
		return "type:" + p.pick("type")
	case 9:
		return "status:" + p.pick("status")
	case 10:
		return "lang:" + Langs[p.rng.IntN(2)]
	case 11:
		return fmt.Sprintf("since:%dd", p.rng.IntN(200))
	case 12:
		return fmt.Sprintf("value:>%dk", p.rng.IntN(10000))
	case 13:
		return "title:" + p.word()
	case 14:
		return "value:*"
	}
	return fmt.Sprintf("sources:%d..%d", p.rng.IntN(2), 1+p.rng.IntN(3))
}

func (p *press) expr(depth int) string {
	switch n := p.rng.IntN(10); {
	case depth == 0 || n < 3:
		return p.atom()
	case n < 6:
		return p.expr(depth-1) + " " + p.expr(depth-1)
	case n < 8:
		return "(" + p.expr(depth-1) + " OR " + p.expr(depth-1) + ")"
	}
	return "-(" + p.expr(depth-1) + ")"
}

func (p *press) query(tb testing.TB, s string) Query {
	tb.Helper()
	q, err := Parse(s, Options{Now: testNow})
	if err != nil {
		tb.Fatalf("Parse(%q): %v", s, err)
	}
	return q
}

// TestRulesMissNothing compares the rules found by their keys with each rule
// tried in turn, on random documents and queries of every sort.
func TestRulesMissNothing(t *testing.T) {
	p := newPress(7, 300, 40)
	rules := NewRules(testAnalyze, nil)
	all, plans := map[string]Query{}, map[string]*Plan{}
	for i := range 1500 {
		id := fmt.Sprintf("r%04d", i)
		all[id] = p.query(t, p.expr(3))
		plans[id] = Compile(all[id], testAnalyze)
	}
	rules.Update(all, nil)
	positive := 0
	check := func(d *Doc) {
		t.Helper()
		var want []string
		for id, plan := range plans {
			if plan.Match(d, testNow) {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		positive += len(want)
		if got := rules.Match(d, testNow); !slices.Equal(got, want) {
			for id := range plans {
				if slices.Contains(got, id) != slices.Contains(want, id) {
					t.Errorf("%s is found by one side only: %s", id, all[id])
				}
			}
		}
	}
	for range 40 {
		check(p.doc(60))
	}
	// Edits: a third goes, some change their meaning, the keys are chosen anew.
	var gone []string
	change := map[string]Query{}
	for id := range plans {
		switch p.rng.IntN(3) {
		case 0:
			gone = append(gone, id)
		case 1:
			change[id] = p.query(t, p.expr(3))
		}
	}
	rules.Update(change, gone)
	for _, id := range gone {
		delete(plans, id)
		delete(all, id)
	}
	for id, q := range change {
		plans[id], all[id] = Compile(q, testAnalyze), q
	}
	rules.Add("new", p.query(t, "vendor:v1"))
	plans["new"], all["new"] = Compile(p.query(t, "vendor:v1"), testAnalyze), p.query(t, "vendor:v1")
	rules.Remove("never there")
	for range 20 {
		check(p.doc(60))
	}
	rules.Rekey()
	for range 20 {
		check(p.doc(60))
	}
	if got := rules.Stats(); got.Rules != len(plans) {
		t.Errorf("%d rules, want %d", got.Rules, len(plans))
	}
	if positive < 1000 {
		t.Errorf("only %d of the pairs match, too few to prove anything", positive)
	}
}

// TestRuleKeys tells which values a rule waits under.
func TestRuleKeys(t *testing.T) {
	df := map[string]int{"partnership": 100_000, "nutanix": 50, "fr": 500_000, "offr": 10, "arrow": 20}
	r := NewRules(testAnalyze, func(_, term string) int { return df[term] })
	for in, want := range map[string]string{
		`vendor:nutanix type:partnership lang:fr`: "party=nutanix",
		`vendor:nutanix OR type:partnership`:      "party=nutanix type=partnership",
		`vendor:nutanix,arrow`:                    "party=arrow party=nutanix",
		`-vendor:nutanix`:                         "always",
		`lang:fr -vendor:nutanix`:                 "lang=fr",
		`vendor:nutanix OR -lang:fr`:              "always",
		``:                                        "always",
		`title:nutan*`:                            "title_und=nut",
		`title:nutanx~`:                           "title_und=nu",
		`value:>10`:                               "value=",
	} {
		q, err := Parse(in, Options{Now: testNow})
		if err != nil {
			t.Fatal(err)
		}
		keys, _ := r.keys(Compile(q, testAnalyze))
		var got []string
		for _, k := range keys {
			got = append(got, k.field+"="+k.term)
		}
		if keys == nil {
			got = []string{"always"}
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q waits under %s, want %s", in, s, want)
		}
	}
}

// TestRulesWhileMatching edits and matches at the same time, for the race detector.
func TestRulesWhileMatching(t *testing.T) {
	p := newPress(3, 200, 20)
	rules := NewRules(testAnalyze, nil)
	rules.Add("stays", p.query(t, "lang:fr OR lang:en status:*"))
	docs := []*Doc{p.doc(50), p.doc(50), p.doc(50)}
	var wg sync.WaitGroup
	done := make(chan struct{})
	for _, d := range docs {
		wg.Go(func() {
			for {
				if !slices.Contains(rules.Match(d, testNow), "stays") {
					t.Error("a rule was missed while others were edited")
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 200 {
		id := fmt.Sprintf("r%d", i%20)
		if i%3 == 0 {
			rules.Remove(id)
		} else {
			rules.Add(id, p.query(t, p.expr(2)))
		}
	}
	close(done)
	wg.Wait()
}

// savedSearch follows the mix that people save: 35 % two words, 30 % a vendor and
// either of two words, 15 % either of two words, 10 % a vendor and a type, 10 % a
// phrase; a fifth with something left out.
func (p *press) savedSearch() string {
	s := ""
	switch n := p.rng.IntN(100); {
	case n < 35:
		s = p.rare() + " " + p.rare()
	case n < 65:
		s = "vendor:" + p.vendor() + " (" + p.rare() + " OR " + p.rare() + ")"
	case n < 80:
		s = "(" + p.rare() + " OR " + p.rare() + ")"
	case n < 90:
		s = "vendor:" + p.vendor() + " type:" + p.pick("type")
	default:
		s = `"` + p.rare() + " " + p.rare() + `"`
	}
	if p.rng.IntN(5) == 0 {
		s += " -" + p.rare()
	}
	return s
}

func BenchmarkRulesMatch(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			p := newPress(11, 20_000, 400)
			all := map[string]Query{}
			for i := range n {
				all[fmt.Sprintf("r%d", i)] = p.query(b, p.savedSearch())
			}
			rules := NewRules(testAnalyze, nil)
			rules.Update(all, nil)
			docs := make([]*Doc, 50)
			for i := range docs {
				docs[i] = p.doc(500)
			}
			matched, candidates, i := 0, 0, 0
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			began := processorTime()
			for b.Loop() {
				matched += len(rules.Match(docs[i%len(docs)], testNow))
				i++
			}
			b.ReportMetric(float64((processorTime()-began).Microseconds())/float64(i), "cpu-µs/op")
			for _, d := range docs {
				candidates += rules.Candidates(d)
			}
			b.ReportMetric(float64(matched)/float64(i), "matches/op")
			b.ReportMetric(float64(candidates)/float64(len(docs)), "candidates/doc")
			b.ReportMetric(float64(rules.Stats().Always), "always")
		})
	}
}

func BenchmarkRulesEdit(b *testing.B) {
	p := newPress(11, 20_000, 400)
	all := map[string]Query{}
	for i := range 100_000 {
		all[fmt.Sprintf("r%d", i)] = p.query(b, p.savedSearch())
	}
	rules := NewRules(testAnalyze, nil)
	rules.Update(all, nil)
	for b.Loop() {
		rules.Add("edited", p.query(b, p.savedSearch()))
	}
}

func BenchmarkParse(b *testing.B) {
	opt := testOptions()
	for b.Loop() {
		if _, err := Parse(`vendor:nutanix type:distribution status:announced,in_effect territory:fr since:2026-01 (cloud OR "accord de distribution")`, opt); err != nil {
			b.Fatal(err)
		}
	}
}
