package money

import (
	"os"
	"strings"
	"testing"
)

// describe writes an amount the way testdata/sentences.txt expects it: only the
// extras that the expectation names are compared.
func describe(a Amount, want string) string {
	s := a.Low + ".." + a.High + " " + a.Currency + " " + a.Kind
	_, extras, _ := strings.Cut(want, " ")
	_, extras, _ = strings.Cut(extras, " ")
	kind, extras, _ := strings.Cut(extras, " ")
	if strings.Contains(kind, "/") {
		s += "/" + a.Subkind
	}
	for _, x := range [][2]string{{"qualifier=", a.Qualifier}, {"per=", a.Per}, {"period=", a.Period}, {"tax=", a.Tax}} {
		if strings.Contains(extras, x[0]) {
			s += " " + x[0] + x[1]
		}
	}
	if strings.Contains(extras, "alt=") {
		for _, alt := range a.Alt {
			s += " alt=" + alt.Low + ".." + alt.High + " " + alt.Currency
		}
	}
	return s
}

// TestSentences holds every sentence of testdata/sentences.txt to its figures.
func TestSentences(t *testing.T) {
	r := newReader(t)
	b, err := os.ReadFile("testdata/sentences.txt")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for n, line := range strings.Split(string(b), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		lang, rest, _ := strings.Cut(line, " | ")
		i := strings.LastIndex(rest, " | ")
		if i < 0 {
			t.Fatalf("line %d has no expectation: %q", n+1, line)
		}
		text, want := rest[:i], rest[i+3:]
		title, body, titled := strings.Cut(text, " ‖ ")
		if !titled {
			title, body = "", text
		}
		count++
		var wants []string
		if want != "-" {
			wants = strings.Split(want, "; ")
		}
		amounts := r.Article(title, body, lang)
		var gots []string
		for k, a := range amounts {
			w := ""
			if k < len(wants) {
				w = wants[k]
			}
			gots = append(gots, describe(a, w))
			in := body
			if a.In == "title" {
				in = title
			}
			if in[a.Start:a.End] != a.Text {
				t.Errorf("line %d: span %d:%d is %q, not %q", n+1, a.Start, a.End, in[a.Start:a.End], a.Text)
			}
		}
		if got := strings.Join(gots, "; "); got != strings.Join(wants, "; ") {
			cues := ""
			for _, a := range amounts {
				cues += " <" + a.Text + "|" + a.Cue + ">"
			}
			t.Errorf("line %d: %s\n  got  %s %s\n  want %s", n+1, text, got, cues, want)
		}
	}
	if count < 120 {
		t.Errorf("only %d sentences", count)
	}
}
