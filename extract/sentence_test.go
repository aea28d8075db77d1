package extract

import (
	"os"
	"strings"
	"testing"
)

// TestSentences reads sentences of both languages with what must be found in them, half of them with nothing.
func TestSentences(t *testing.T) { readCases(t, "testdata/sentences.txt") }

// TestBreadth reads the news of an article in the many ways in which the press words it.
func TestBreadth(t *testing.T) { readCases(t, "testdata/breadth.txt") }

func readCases(t *testing.T, file string) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	x := newExtractor(t)
	for n, line := range strings.Split(string(b), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, " | ")
		if len(f) != 3 {
			t.Errorf("line %d: %d fields, want 3", n+1, len(f))
			continue
		}
		title, text, ok := strings.Cut(f[1], " || ")
		if !ok {
			title, text = "", f[1]
		}
		want := f[2]
		if want == "-" {
			want = ""
		}
		a := article(f[0], "2024-06-05", title, text)
		ex := x.Extract(a)
		if err := ex.Validate(); err != nil {
			t.Errorf("line %d: %v", n+1, err)
		}
		if got := strings.Join(told(ex.Signals), " + "); got != want {
			t.Errorf("line %d: %s\n got %s\nwant %s", n+1, f[1], got, want)
		}
	}
}
