package ingest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/veille/schemas"
)

// bySource lists the ids of the articles that lead, by their source.
func (l *log) leading() map[string][]string {
	out := map[string][]string{}
	for id, a := range l.state() {
		if a.Fold == "" {
			out[a.Source] = append(out[a.Source], id)
		}
	}
	return out
}

func TestEditIsARevision(t *testing.T) {
	text := prose(7, 24)
	s := newSite(t, item{GUID: "g", Path: "/a", Title: "Reseller signs storage vendor", Summary: "First", At: noon.Add(-time.Hour), Text: text})
	d := newDesk(t)
	p := d.open(source("presse", s))
	d.fetch(p, "presse")
	for i := range 50 {
		d.clock.add(12 * time.Hour)
		s.set(item{GUID: "g", Path: "/a", Title: "Reseller signs storage vendor", Summary: fmt.Sprint("Edit ", i), At: noon.Add(-time.Hour), Text: text + fmt.Sprintf("\n\nUpdate number %d of the story.", i)})
		d.fetch(p, "presse")
	}
	if n := len(d.log.state()); n != 1 {
		t.Errorf("%d articles, want 1", n)
	}
	if n, r := d.log.count(EventNew), d.log.count(EventRevised); n != 1 || r < 5 || r > maxRevs {
		t.Errorf("%d new and %d revised, want 1 and 5 to %d", n, r, maxRevs)
	}
	// The same entry again, with a new summary but the page unchanged, is no revision.
	d2 := newDesk(t)
	s.set(item{GUID: "g", Path: "/a", Title: "Reseller signs storage vendor", Summary: "One", At: noon.Add(-time.Hour), Text: text})
	p = d2.open(source("presse", s))
	d2.fetch(p, "presse")
	s.set(item{GUID: "g", Path: "/a", Title: "Reseller signs storage vendor", Summary: "Two", At: noon.Add(-time.Hour), Text: text})
	d2.clock.add(time.Hour)
	if r := d2.fetch(p, "presse"); r.Revised != 0 || len(d2.log.list) != 1 {
		t.Errorf("unchanged page: %+v, %d published", r, len(d2.log.list))
	}
}

func TestReusedGUID(t *testing.T) {
	at := noon.Add(-3 * time.Hour)
	first := item{GUID: "latest", Path: "/1", Title: "Reseller signs storage vendor", At: at, Text: prose(1, 20)}
	for name, second := range map[string]item{
		"other address":                {GUID: "latest", Path: "/2", Title: "Bank moves mainframe into cloud", At: at.Add(2 * time.Hour), Text: prose(2, 20)},
		"same address, other page":     {GUID: "latest", Path: "/1", Title: "Bank moves mainframe into cloud", At: at.Add(2 * time.Hour), Text: prose(2, 20)},
		"same address and other words": {GUID: "latest", Path: "/1", Title: "Un opérateur rachète trois centres", At: at.Add(2 * time.Hour), Text: prose(3, 20)},
	} {
		s := newSite(t, first)
		d := newDesk(t)
		p := d.open(source("presse", s))
		d.fetch(p, "presse")
		s.set(second)
		d.clock.add(4 * time.Hour)
		d.fetch(p, "presse")
		if n := len(d.log.leading()["presse"]); n != 2 || d.log.count(EventNew) != 2 {
			t.Errorf("%s: %d articles, %d new", name, n, d.log.count(EventNew))
		}
		d.clock.add(4 * time.Hour)
		s.set(second, first) // both, as an archive page would
		d.fetch(p, "presse")
		if n := d.log.count(EventNew); n != 2 {
			t.Errorf("%s: %d new after listing both again", name, n)
		}
	}
	// One document with one guid for fifty stories.
	var many []item
	for i := range 50 {
		many = append(many, item{GUID: "same", Path: fmt.Sprintf("/%d", i), Title: prose(1000+i, 1), At: at, Text: prose(i+10, 20)})
	}
	s := newSite(t, many...)
	d := newDesk(t)
	p := d.open(source("presse", s))
	d.fetch(p, "presse")
	if n := len(d.log.state()); n != 50 {
		t.Errorf("%d of 50 articles with one guid", n)
	}
	d.clock.add(time.Hour)
	s.set(append(slices.Clone(many), item{GUID: "other", Path: "/x", Title: "One more story", At: at, Text: prose(99, 20)})...)
	if r := d.fetch(p, "presse"); r.New != 1 || r.Revised != 0 || len(d.log.state()) != 51 {
		t.Errorf("listed again: %+v, %d articles", r, len(d.log.state()))
	}
	// A hundred identical entries are one.
	s = newSite(t, slices.Repeat([]item{first}, 100)...)
	d = newDesk(t)
	p = d.open(source("presse", s))
	d.fetch(p, "presse")
	if n := len(d.log.state()); n != 1 {
		t.Errorf("%d articles of one entry", n)
	}
}

func TestFolds(t *testing.T) {
	wire := prose(5, 30)
	at := noon.Add(-2 * time.Hour)
	a := newSite(t, item{GUID: "1", Path: "/wire", Title: "Vendor opens French region", At: at, Text: wire})
	b := newSite(t, item{GUID: "1", Path: "/copy", Title: "Vendor opens region in France", At: at.Add(time.Hour), Text: wire + "\n\nOur take: it was about time."})
	c := newSite(t, item{GUID: "9", Path: "/x", Title: "Something else", At: at, Text: prose(6, 30)})
	d := newDesk(t)
	p := d.open(source("alpha", a), source("beta", b), source("gamma", c))
	d.fetch(p, "alpha")
	r := d.fetch(p, "beta")
	d.fetch(p, "gamma")
	if r.Duplicate != 1 || r.New != 0 {
		t.Errorf("copy: %+v", r)
	}
	lead := d.log.state()[schemas.ArticleID("alpha", "1")]
	if len(lead.Also) != 1 || lead.Also[0].Source != "beta" || lead.Also[0].URL != b.URL+"/copy" {
		t.Errorf("leader lists %+v", lead.Also)
	}
	if n := len(d.log.state()); n != 2 {
		t.Errorf("%d articles, want 2", n)
	}
	// The fold survives a restart, and an edit of the leader keeps its copies.
	p = d.open(source("alpha", a), source("beta", b), source("gamma", c))
	a.set(item{GUID: "1", Path: "/wire", Title: "Vendor opens French region", Summary: "new", At: at, Text: wire + "\n\nCorrection: the region opens in June."})
	d.clock.add(time.Hour)
	if r := d.fetch(p, "alpha"); r.Revised != 1 {
		t.Errorf("edit: %+v", r)
	}
	lead = d.log.state()[lead.ID]
	if len(lead.Also) != 1 || !strings.Contains(lead.Text, "Correction") {
		t.Errorf("leader after its edit: %+v", lead)
	}
	// A third copy joins the same fold after another restart.
	e := newSite(t, item{GUID: "7", Path: "/third", Title: "Vendor opens French region", At: at, Text: wire})
	p = d.open(source("alpha", a), source("epsilon", e))
	d.fetch(p, "epsilon")
	if lead = d.log.state()[lead.ID]; len(lead.Also) != 2 || !strings.Contains(lead.Text, "Correction") {
		t.Errorf("leader after the third copy: %d copies, text %q", len(lead.Also), lead.Text[len(lead.Text)-40:])
	}
}

// TestSameAddress joins two feeds of one site that link to one page, and gives the
// lead to the site itself when another feed was first to link to it.
func TestSameAddress(t *testing.T) {
	at := noon.Add(-2 * time.Hour)
	a := newSite(t, item{GUID: "1", Path: "/story", Title: "Vendor opens French region", At: at, Text: prose(5, 10)})
	agg := newSite(t, item{GUID: "z", Link: a.URL + "/story?utm_source=agg", Title: "Vendor opens French region", At: at, Text: "unused"})
	d := newDesk(t)
	section := source("alpha-cloud", a)
	p := d.open(source("agg", agg), source("alpha", a))
	d.fetch(p, "agg")
	first := d.log.leading()["agg"]
	if len(first) != 1 {
		t.Fatalf("aggregator's article: %v", d.log.leading())
	}
	d.fetch(p, "alpha")
	got := d.log.leading()
	if len(got["alpha"]) != 1 || len(got["agg"]) != 0 {
		t.Errorf("leading: %v, want the site itself", got)
	}
	lead := d.log.state()[got["alpha"][0]]
	if len(lead.Also) != 1 || lead.Also[0].Source != "agg" {
		t.Errorf("copies %+v", lead.Also)
	}
	if old := d.log.state()[first[0]]; old.Fold != lead.ID {
		t.Errorf("the aggregator's article folds into %q", old.Fold)
	}
	p = d.open(section)
	d.fetch(p, "alpha-cloud")
	if lead = d.log.state()[lead.ID]; len(lead.Also) != 2 {
		t.Errorf("copies after the second feed: %+v", lead.Also)
	}
	if n := len(d.log.leading()); n != 1 {
		t.Errorf("%d sources lead", n)
	}
}

// TestT20 is the attack on identity: reused guids, false canonical addresses,
// doctored and mass-produced copies, dates in the future.
func TestT20(t *testing.T) {
	at := noon.Add(-3 * time.Hour)
	var real []item
	for i := range 10 {
		real = append(real, item{GUID: fmt.Sprintf("a-%d", i), Path: fmt.Sprintf("/a%d", i), Title: prose(500+i, 1), At: at, Text: prose(600+i, 20) + fmt.Sprintf("\n\nGlobex pays Globex rate %d,000 euros.", 100+i)})
	}
	a := newSite(t, real...)
	var fake []item
	// The rival's guids and headlines under other words.
	for i := range 5 {
		fake = append(fake, item{GUID: fmt.Sprintf("a-%d", i), Path: fmt.Sprintf("/b%d", i), Title: real[i].Title, At: at.Add(-time.Hour), Text: prose(700+i, 20)})
	}
	// False text that names the rival's page as its canonical address, before the rival has it.
	for i := 5; i < 8; i++ {
		fake = append(fake, item{GUID: fmt.Sprintf("c%d", i), Path: fmt.Sprintf("/c%d", i), Title: real[i].Title, At: at.Add(-time.Hour), Text: prose(800+i, 20),
			Head: `<link rel="canonical" href="` + a.URL + real[i].Path + `"><meta property="og:url" content="` + a.URL + real[i].Path + `">`})
	}
	// Copies of the rival's words with one figure and one name changed.
	for i := 8; i < 10; i++ {
		doctored := strings.ReplaceAll(strings.ReplaceAll(real[i].Text, "Globex", "Initech"), fmt.Sprintf("%d,000", 100+i), "900,000")
		fake = append(fake, item{GUID: fmt.Sprintf("d%d", i), Path: fmt.Sprintf("/d%d", i), Title: real[i].Title, At: at.Add(-time.Hour), Text: doctored})
	}
	// News of the year 2099.
	fake = append(fake, item{GUID: "2099", Path: "/2099", Title: "News from the future", At: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), Text: prose(900, 20)})
	// Near-copies of one text by the hundred.
	base := prose(999, 30)
	for i := range 200 {
		fake = append(fake, item{GUID: fmt.Sprintf("n%d", i), Path: fmt.Sprintf("/n%d", i), Title: "Press release " + fmt.Sprint(i), At: at, Text: base + "\n\nIt closes with the word " + strings.Repeat(string(rune('a'+i%26)), 3+i/26) + "."})
	}
	b := newSite(t, fake...)
	d := newDesk(t)
	p := d.open(source("alpha", a), source("beta", b))
	d.fetch(p, "beta") // the attacker comes first
	d.fetch(p, "alpha")
	lead := d.log.leading()
	if n := len(lead["alpha"]); n != 10 {
		t.Errorf("%d of the 10 real articles lead", n)
	}
	for i := range 10 {
		art, ok := d.log.state()[schemas.ArticleID("alpha", fmt.Sprintf("a-%d", i))]
		if !ok || art.Fold != "" || art.URL != a.URL+real[i].Path || !strings.Contains(art.Text, "Globex") {
			t.Errorf("real article %d: %q, fold %q", i, art.URL, art.Fold)
		}
	}
	for id, art := range d.log.state() {
		if art.Source == "beta" && !strings.HasPrefix(art.URL, b.URL) {
			t.Errorf("%s is said to be at %s", id, art.URL)
		}
		if art.Published.After(d.clock.now().Add(time.Hour)) {
			t.Errorf("%s is published %v", id, art.Published)
		}
	}
	if n := len(lead["beta"]); n != 5+3+2+1+1 {
		t.Errorf("%d articles of the attacker lead, want 12: its near-copies are one", n)
	}
	if n := d.log.count(EventRevised); n > 5 {
		t.Errorf("%d revisions", n)
	}
}

// TestNearCopies measures the fold on made pairs: half-copied, quoted, retold.
func TestNearCopies(t *testing.T) {
	for _, c := range []struct {
		share float64 // of the sentences that are the same
		want  bool
	}{{1, true}, {0.9, true}, {0.8, true}, {0.4, false}, {0.2, false}, {0, false}} {
		hit := 0
		for seed := range 20 {
			a := strings.Split(prose(seed, 40), ". ")
			b := strings.Split(prose(seed+5000, 40), ". ")
			n := int(c.share * float64(len(a)))
			mixed := append(slices.Clone(a[:n]), b[n:]...)
			x, y := strings.Join(a, ". "), strings.Join(mixed, ". ")
			f := newFolds()
			f.enter(leaf{id: "x", sig: signature(x), seen: noon})
			for _, l := range f.candidates("y", signature(y)) {
				if l.id == "x" && resemblance(shingles(x), shingles(y)) >= jaccard {
					hit++
				}
			}
		}
		if c.want && hit < 20 || !c.want && hit > 0 {
			t.Errorf("share %.1f: %d of 20 pairs found", c.share, hit)
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ a, b string }{
		{"https://www.presse.example/a/?utm_source=rss&utm_medium=x#top", "http://presse.example/a"},
		{"https://presse.example/a?b=1&a=2&xtor=RSS-1", "https://presse.example/a?a=2&b=1"},
		{"https://presse.example:443/%7Ea/", "https://presse.example/~a"},
		{"https://PRESSE.example/a/../b", "https://presse.example/b"},
	} {
		if x, y := canonical(c.a), canonical(c.b); x != y {
			t.Errorf("%s gives %s, %s gives %s", c.a, x, c.b, y)
		}
	}
	for _, c := range []struct{ a, b string }{
		{"https://presse.example/a?id=1", "https://presse.example/a?id=2"},
		{"https://presse.example/a", "https://presse.example/b"},
		{"http://127.0.0.1:80/a", "http://127.0.0.1:8080/a"},
	} {
		if canonical(c.a) == canonical(c.b) {
			t.Errorf("%s and %s are taken for one", c.a, c.b)
		}
	}
	for addr, want := range map[string]string{"https://www.channel.presse.co.uk/x": "presse.co.uk", "http://127.0.0.1:81/": "127.0.0.1:81", "https://a.github.io/": "a.github.io"} {
		if got := domain(addr); got != want {
			t.Errorf("domain(%s) = %s, want %s", addr, got, want)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add("https://www.presse.example/a/?utm_source=rss#top")
	f.Add("http://[::1")
	f.Add("http://a/%zz?%")
	f.Fuzz(func(t *testing.T, s string) {
		c := canonical(s)
		domain(s)
		front(s)
		_ = c
	})
}
