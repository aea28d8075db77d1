package index

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/veille/extract"
	"example.org/veille/extract/deals"
	"example.org/veille/fixtures"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

var update = flag.Bool("update", false, "rewrite testdata/quality.txt, the result of TestQuality")

// Floors of the measured quality of search. The file of figures is the ratchet;
// these hold whatever it says.
const (
	floorRecall = 0.92 // of what answers, the share among the first five
	floorMRR    = 0.80 // mean of 1/rank of the first answer
	minNeeds    = 80
	minArticles = 300
	minApart    = 1.0 / 3 // needs that share no content word with a title they should find
)

// TestQuality asks what people would ask, in both languages, of the sample press,
// the annotated articles and short news of its own, all read by the extractor as
// they would be in use, and ranks the answers. testdata/quality.txt has the result
// of each need; -update rewrites it.
func TestQuality(t *testing.T) {
	x, err := extract.New()
	if err != nil {
		t.Fatal(err)
	}
	articles := qualityArticles(t)
	if len(articles) < minArticles {
		t.Errorf("%d articles, want %d", len(articles), minArticles)
	}
	ix := open(t, t.TempDir())
	byID := map[string]schemas.Article{}
	var xs []schemas.Extraction
	dossiers := map[string]deals.Dossier{}
	last := map[string]schemas.DealEvent{}
	for _, a := range articles {
		byID[a.ID] = a
		e := x.Extract(a)
		xs = append(xs, e)
		now := deals.Split(e)
		for _, key := range slices.Sorted(maps.Keys(now)) {
			d, ok := dossiers[key]
			if !ok {
				d = deals.Dossier{Family: now[key].Family, Parties: now[key].Parties}
			}
			d, events := d.Fold(a.ID, now[key].Said)
			dossiers[key] = d
			for _, ev := range events {
				last[ev.Deal.ID] = ev
			}
		}
	}
	put(t, ix, xs...)
	if err := ix.PutDeals(t.Context(), slices.Collect(maps.Values(last))); err != nil {
		t.Fatal(err)
	}

	opt := query.Options{Now: fixtures.DefaultNow, Resolve: func(name string) (out []schemas.VendorRef) {
		for _, v := range x.Catalogue().Resolve(name, fixtures.DefaultNow) {
			out = append(out, schemas.VendorRef{ID: v.ID, Name: v.Name})
		}
		return out
	}}
	needs := qualityNeeds(t)
	var got score
	for i := range needs {
		n := &needs[i]
		for _, id := range n.want {
			if byID[id].ID == "" {
				t.Errorf("%s: there is no article %s", n.q, id)
			}
		}
		q, err := query.Parse(n.q, opt)
		if err != nil {
			t.Errorf("%s: %v", n.q, err)
			continue
		}
		n.apart = !slices.ContainsFunc(n.want, func(id string) bool { return sharesWord(q, byID[id].Title) })
		res, err := ix.Search(t.Context(), Request{View: n.view, Query: q, Sort: Relevance, Limit: 50})
		if err != nil {
			t.Errorf("%s: %v", n.q, err)
			continue
		}
		n.total = res.Total
		n.judge(res)
		got.add(*n)
	}
	if len(needs) < minNeeds {
		t.Errorf("%d needs, want %d", len(needs), minNeeds)
	}
	if fr := got.fr.n; fr < len(needs)*45/100 || fr > len(needs)*55/100 {
		t.Errorf("%d of %d needs are French, want about half", fr, len(needs))
	}
	if share := float64(got.apart.n) / float64(len(needs)); share < minApart {
		t.Errorf("%.2f of the needs share no word with the title, want a third", share)
	}
	if got.all.recall5() < floorRecall {
		t.Errorf("recall@5 is %.3f, want %.2f", got.all.recall5(), floorRecall)
	}
	if got.all.mrr() < floorMRR {
		t.Errorf("MRR is %.3f, want %.2f", got.all.mrr(), floorMRR)
	}
	report := got.report(needs, len(articles))
	if !strings.Contains(report, "recall@5") {
		t.Fatal("no figures")
	}
	fmt.Println(strings.SplitN(report, "\n\n", 2)[0]) // what make score shows

	const golden = "testdata/quality.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(report), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	was, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(was) == report {
		return
	}
	// The extractor and the catalogue move ranks too. What may not happen unseen is
	// that an answer is lost, or that the whole gets worse.
	before := ranksOf(t, string(was))
	for _, n := range needs {
		if r, ok := before[n.key()]; ok && r > 0 && r <= 5 && (n.rank == 0 || n.rank > 5) {
			t.Errorf("%s: first answer was at %d, is at %d (0: nowhere)", n.q, r, n.rank)
		}
	}
	var wasRecall, wasMRR float64
	if _, err := fmt.Sscanf(string(was), "search: %f recall@5, %f MRR", &wasRecall, &wasMRR); err != nil {
		t.Fatalf("%s: %v", golden, err)
	}
	if got.all.recall5() < wasRecall-0.01 || got.all.mrr() < wasMRR-0.01 {
		t.Errorf("recall@5 and MRR were %.3f and %.3f, are %.3f and %.3f", wasRecall, wasMRR, got.all.recall5(), got.all.mrr())
	}
	t.Logf("%s is out of date: run with -update and read the diff", golden)
}

// need is one information need: what is typed, and the articles that answer it.
type need struct {
	lang, view, q string
	want          []string

	apart            bool // shares no content word with a title it should find
	rank, total      int  // rank of the first answer, 0 when it is not among 50
	recall1, recall5 float64
}

func (n *need) key() string { return n.lang + "\t" + n.view + "\t" + n.q }

// judge fills the ranks. Recall at k is the share of the answers among the first k
// rows, of at most k that fit there; a deal brings all articles of its evidence.
func (n *need) judge(res Result) {
	found := map[string]bool{}
	row := func(i int, ids ...string) {
		for _, id := range ids {
			if slices.Contains(n.want, id) {
				found[id] = true
				if n.rank == 0 {
					n.rank = i + 1
				}
			}
		}
		room := func(k int) float64 {
			if n.view == Deals {
				k = len(n.want)
			}
			return float64(min(k, len(n.want)))
		}
		if i < 1 {
			n.recall1 = float64(len(found)) / room(1)
		}
		if i < 5 {
			n.recall5 = float64(len(found)) / room(5)
		}
	}
	for i, a := range res.Articles {
		row(i, a.Article.ID)
	}
	for i, d := range res.Deals {
		var ids []string
		for _, e := range d.Evidence {
			ids = append(ids, e.Article)
		}
		row(i, ids...)
	}
}

type mean struct {
	n                 int
	rr, first, within float64
}

func (m *mean) add(n need) {
	m.n++
	if n.rank > 0 {
		m.rr += 1 / float64(n.rank)
	}
	m.first += n.recall1
	m.within += n.recall5
}

func (m mean) mrr() float64     { return m.rr / float64(max(m.n, 1)) }
func (m mean) recall1() float64 { return m.first / float64(max(m.n, 1)) }
func (m mean) recall5() float64 { return m.within / float64(max(m.n, 1)) }

type score struct{ all, fr, en, apart mean }

func (s *score) add(n need) {
	s.all.add(n)
	if n.lang == "fr" {
		s.fr.add(n)
	} else {
		s.en.add(n)
	}
	if n.apart {
		s.apart.add(n)
	}
}

func (s *score) report(needs []need, articles int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "search: %.3f recall@5, %.3f MRR, %.3f recall@1 over %d needs and %d articles\n", s.all.recall5(), s.all.mrr(), s.all.recall1(), s.all.n, articles)
	for _, p := range []struct {
		name string
		m    mean
	}{{"French", s.fr}, {"English", s.en}, {"no word of the title", s.apart}} {
		fmt.Fprintf(&b, "  %-22s %.3f recall@5, %.3f MRR over %d\n", p.name, p.m.recall5(), p.m.mrr(), p.m.n)
	}
	b.WriteString("\nrank of the first answer, recall@1, recall@5, hits, - when no word of the title is asked for\n\n")
	for _, n := range needs {
		rank, apart := fmt.Sprint(n.rank), " "
		if n.rank == 0 {
			rank = "."
		}
		if n.apart {
			apart = "-"
		}
		fmt.Fprintf(&b, "%3s %4.2f %4.2f %3d %s\t%s\n", rank, n.recall1, n.recall5, n.total, apart, n.key())
	}
	return b.String()
}

// ranksOf reads the ranks of a report.
func ranksOf(t *testing.T, report string) map[string]int {
	out := map[string]int{}
	for line := range strings.Lines(report) {
		figures, key, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok {
			continue
		}
		var rank int
		if f := strings.Fields(figures); f[0] != "." {
			if _, err := fmt.Sscan(f[0], &rank); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		out[key] = rank
	}
	return out
}

// sharesWord tells whether the words asked for, or the names, stand in a title: any
// form of them, in either language.
func sharesWord(q query.Query, title string) bool {
	has := map[string]bool{}
	for _, lang := range query.Langs {
		for _, tok := range Analyze(lang, title) {
			has[lang+tok.Term] = true
		}
	}
	shares := false
	query.Walk(q.Expr, func(c query.Clause) {
		for _, v := range c.Values {
			for _, lang := range query.Langs {
				for _, tok := range Analyze(lang, cmp.Or(v.Name, v.Text)) {
					shares = shares || has[lang+tok.Term]
				}
			}
		}
	})
	return shares
}

func qualityNeeds(t *testing.T) (out []need) {
	body, err := os.ReadFile("testdata/quality/needs.tsv")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(body)) {
		if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "#") {
			continue
		}
		col := strings.Split(line, "\t")
		if len(col) != 4 || col[0] != "fr" && col[0] != "en" || col[1] != Articles && col[1] != Deals {
			t.Fatalf("needs.tsv: %q", line)
		}
		n := need{lang: col[0], view: col[1], q: col[2], want: strings.Fields(col[3])}
		if seen[n.key()] || len(n.want) == 0 {
			t.Fatalf("needs.tsv: twice, or no answer: %q", line)
		}
		seen[n.key()] = true
		out = append(out, n)
	}
	return out
}

// qualityArticles are the sample press, the annotated articles of the extractor and
// the short news written for this test, oldest first.
func qualityArticles(t *testing.T) (out []schemas.Article) {
	add := func(id, lang, title, text string, published time.Time) {
		a := schemas.Article{ID: id, Version: schemas.ContentVersion(title, text), Source: cmp.Or(filepath.Dir(id), "gold"), Lang: lang, Title: title, Text: text,
			URL: "https://veille.example/" + id, Published: published, Fetched: published}
		if a.Source == "." {
			a.Source = "gold"
		}
		a.Outlet = a.Source
		out = append(out, a)
	}
	press, err := fixtures.New(nil, fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range press.Gold() {
		add(g.ID, g.Lang, g.Title, g.Text, onDay(t, g.Date))
	}
	f, err := os.Open("../extract/testdata/gold/read.jsonl")
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatal("the annotated articles are not there")
	} else if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, math.MaxInt32)
	for lines.Scan() {
		var g fixtures.Gold
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		add(g.ID, g.Lang, g.Title, g.Text, onDay(t, g.Date))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	for _, lang := range query.Langs {
		body, err := os.ReadFile("testdata/quality/news." + lang + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range strings.Split(strings.TrimSpace(string(body)), "\n\n") {
			if i == 0 {
				continue // says what the file is
			}
			head, text, ok := strings.Cut(block, "\n")
			date, title, _ := strings.Cut(head, " ")
			if !ok || title == "" {
				t.Fatalf("news.%s.txt: %q", lang, block)
			}
			add(lang+"/"+date, lang, title, text, onDay(t, date))
		}
	}
	slices.SortFunc(out, func(a, b schemas.Article) int {
		return cmp.Or(a.Published.Compare(b.Published), cmp.Compare(a.ID, b.ID))
	})
	for i := range out[1:] {
		if out[i].ID == out[i+1].ID {
			t.Fatalf("two articles are %s", out[i].ID)
		}
	}
	return out
}

func onDay(t *testing.T, date string) time.Time {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
