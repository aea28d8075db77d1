package page

import (
	"fmt"
	"net/http/httptest"
	"sort"
	"strings"
	"testing"

	"example.org/veille/fixtures"
	"github.com/google/go-cmp/cmp"
)

// TestSamplePress reads every article of the sample press and holds the figures to a floor: they may only rise.
func TestSamplePress(t *testing.T) {
	press, err := fixtures.New(nil, fixtures.Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv := press.Handler()
	s := newScore()
	type miss struct {
		f  float64
		id string
		d  string
	}
	var worst []miss
	for _, a := range press.Articles() {
		var text []string
		var p Page
		next := a.Path
		for n := 0; next != "" && n < 10; n++ {
			rec := httptest.NewRecorder()
			srv.ServeHTTP(rec, httptest.NewRequest("GET", "http://press.example"+next, nil))
			q, err := Extract(rec.Body.Bytes(), Options{URL: "http://press.example" + next, ContentType: rec.Header().Get("Content-Type")})
			if err != nil {
				t.Fatalf("%s: %v", a.ID, err)
			}
			text = append(text, q.Text)
			if n == 0 {
				p = q
			}
			next = strings.TrimPrefix(q.Next, "http://press.example")
			if n+1 < a.PageCount() && next == "" {
				t.Errorf("%s: page %d of %d names no next page", a.ID, n+1, a.PageCount())
			}
		}
		p.Text = strings.Join(text, "\n\n")
		p.Published = p.Published.UTC() // as the articles of the press have it
		f := s.add(p, want{Title: a.Title, Byline: a.Byline, Published: a.Published.UTC().Format("2006-01-02"), Lang: a.Lang, Text: a.Text(), Paywalled: a.Paywalled})
		worst = append(worst, miss{f, a.ID + " (" + p.How + ")", cmp.Diff(a.Text(), p.Text)})
		if p.Lang != a.Lang {
			t.Errorf("%s: lang %q, want %q", a.ID, p.Lang, a.Lang)
		}
	}
	sort.Slice(worst, func(i, j int) bool { return worst[i].f < worst[j].f })
	for _, m := range worst[:min(3, len(worst))] {
		t.Logf("%.3f %s\n%s", m.f, m.id, m.d)
	}
	for _, l := range s.misses {
		t.Log(l)
	}
	t.Log(s)
	s.floor(t, 0.99, 1, 1, 1, 1)
}

func (s *score) String() string {
	n := float64(max(1, s.n))
	return fmt.Sprintf("%d pages: body F1 %.4f (P %.4f R %.4f, exact %.2f), title %.3f, author %.3f, date %.3f, paywall %.3f; %v",
		s.n, s.f/n, s.p/n, s.r/n, float64(s.exact)/n, float64(s.title)/n, float64(s.author)/n, float64(s.date)/n, float64(s.wall)/n, s.how)
}
