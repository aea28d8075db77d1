package page

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
)

// want is what stands beside an annotated page.
type want struct {
	URL       string `json:"url"`
	Title     string `json:"title"`
	Byline    string `json:"byline"`
	Published string `json:"published"` // day
	Lang      string `json:"lang"`
	Text      string `json:"text"`
	Paywalled bool   `json:"paywalled,omitempty"`
	From      string `json:"from,omitempty"` // where the date must be found
	Next      string `json:"next,omitempty"`
}

// score sums the figures over pages: macro F1 of 4-word shingles, and exact fields.
type score struct {
	n, exact, title, author, date, wall int
	p, r, f                             float64
	how                                 map[string]int
	misses                              []string
}

func newScore() *score { return &score{how: map[string]int{}} }

func (s *score) add(p Page, w want) float64 {
	pr, re, f := shingleF1(p.Text, w.Text)
	s.n++
	s.p, s.r, s.f = s.p+pr, s.r+re, s.f+f
	s.how[p.How]++
	if p.Text == w.Text {
		s.exact++
	}
	count := func(n *int, what, got, want string) {
		if got == want {
			*n++
		} else {
			s.misses = append(s.misses, fmt.Sprintf("%s: got %q, want %q (%.40s)", what, got, want, w.Title))
		}
	}
	count(&s.title, "title", p.Title, w.Title)
	count(&s.author, "author", p.Byline, w.Byline)
	day := ""
	if !p.Published.IsZero() {
		day = p.Published.Format("2006-01-02")
	}
	count(&s.date, "date", day, w.Published)
	count(&s.wall, "paywall", fmt.Sprint(p.Paywalled), fmt.Sprint(w.Paywalled))
	return f
}

func (s *score) floor(t *testing.T, f, title, author, date, wall float64) {
	t.Helper()
	n := float64(s.n)
	for _, x := range []struct {
		what       string
		got, floor float64
	}{{"body F1", s.f / n, f}, {"title", float64(s.title) / n, title}, {"author", float64(s.author) / n, author}, {"date", float64(s.date) / n, date}, {"paywall", float64(s.wall) / n, wall}} {
		if x.got < x.floor {
			t.Errorf("%s %.4f is below its floor %.4f", x.what, x.got, x.floor)
		}
	}
}

func shingles(s string) map[string]int {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	m := map[string]int{}
	for i := 0; i+4 <= len(words); i++ {
		m[strings.Join(words[i:i+4], " ")]++
	}
	if len(words) > 0 && len(words) < 4 {
		m[strings.Join(words, " ")]++
	}
	return m
}

func shingleF1(got, want string) (p, r, f float64) {
	a, b := shingles(got), shingles(want)
	both, na, nb := 0, 0, 0
	for k, v := range a {
		na += v
		both += min(v, b[k])
	}
	for _, v := range b {
		nb += v
	}
	if na == 0 && nb == 0 {
		return 1, 1, 1
	}
	p, r = float64(both)/float64(max(1, na)), float64(both)/float64(max(1, nb))
	if p+r > 0 {
		f = 2 * p * r / (p + r)
	}
	return p, r, f
}
