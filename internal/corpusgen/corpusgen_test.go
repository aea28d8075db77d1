package corpusgen

import (
	"reflect"
	"strings"
	"testing"
)

func TestSameEveryTime(t *testing.T) {
	a, b := New(1), New(1)
	for i := range 20 {
		x := a.Extraction(i)
		if !reflect.DeepEqual(x, b.Extraction(i)) {
			t.Fatalf("article %d differs between two corpora of one seed", i)
		}
		if err := x.Article.Validate(); err != nil {
			t.Error(err)
		}
		if n := len(strings.Fields(x.Article.Text)); n < 400 || n > 600 {
			t.Errorf("article %d has %d words, want about 500", i, n)
		}
		if d := a.Deal(i); d.Evidence[0].Article != x.Article.ID {
			t.Errorf("deal %d is told by %s, want %s", i, d.Evidence[0].Article, x.Article.ID)
		}
	}
	if reflect.DeepEqual(a.Extraction(3), New(2).Extraction(3)) {
		t.Error("two seeds made one article")
	}
}
