package money

import (
	"os"
	"strings"
	"testing"
)

// TestArticles measures the reader on testdata/articles.txt: F1 over (low, high,
// currency), and the share of those found whose kind is right. The floors are
// what it reached when they were last raised.
func TestArticles(t *testing.T) {
	r := newReader(t)
	b, err := os.ReadFile("testdata/articles.txt")
	if err != nil {
		t.Fatal(err)
	}
	var right, wrong, missed, kind int
	for _, block := range strings.Split(string(b), "\n\n") {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		if len(lines) < 2 || lines[0][0] != '=' {
			continue
		}
		title, text := strings.TrimPrefix(lines[0], "= "), lines[1]
		want := map[string]string{}
		for _, l := range lines[2:] {
			i := strings.LastIndex(l, " ")
			want[l[2:i]] = l[i+1:]
		}
		got := map[string]string{}
		for _, a := range r.Article(title, text, "") {
			got[a.Low+".."+a.High+" "+a.Currency] = a.Kind
		}
		for k, g := range got {
			w, ok := want[k]
			switch {
			case !ok:
				wrong++
				t.Logf("wrong  %s: %s %s", title, k, g)
			case w == g:
				right++
				kind++
			default:
				right++
				t.Logf("kind   %s: %s is %s, not %s", title, k, w, g)
			}
		}
		for k, w := range want {
			if _, ok := got[k]; !ok {
				missed++
				t.Logf("missed %s: %s %s", title, k, w)
			}
		}
	}
	// Whole numbers: per mille.
	f1 := 2000 * right / (2*right + wrong + missed)
	share := 1000 * kind / right
	t.Logf("F1 %d ‰, kind %d ‰ of %d", f1, share, right)
	if f1 < 970 || share < 920 {
		t.Errorf("F1 %d ‰ and kind %d ‰, want at least 970 and 920", f1, share)
	}
}
