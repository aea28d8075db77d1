package index

import (
	"strings"
	"testing"

	"example.org/veille/query"
)

// The families are held to what the file says of them: the stem begins each word,
// no word is in two, each adds something, and no word outside has the stem, in the
// news the quality of search is measured on.
func TestFamilies(t *testing.T) {
	stems := map[string]int{} // by language and stem, its line
	words := map[string]int{}
	plain := func(lang, w string) string { // the stem without the file
		delete(families[lang], w)
		if lang == "fr" {
			return stemFrench(w)
		}
		return stemEnglish(w)
	}
	n := 0
	for line := range strings.Lines(familiesText) {
		n++
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		if len(f) < 3 || f[0] != "fr" && f[0] != "en" {
			t.Errorf("line %d: %q", n, line)
			continue
		}
		lang, stem := f[0], fold(f[1])
		if stems[lang+stem] != 0 {
			t.Errorf("line %d: the stem of line %d", n, stems[lang+stem])
		}
		stems[lang+stem] = n
		ends := map[string]bool{}
		for _, w := range f[2:] {
			w = fold(w)
			if !strings.HasPrefix(w, stem) {
				t.Errorf("line %d: %s does not begin with %s", n, w, stem)
			}
			if o := words[lang+w]; o != 0 && o != n {
				t.Errorf("line %d: %s is on line %d", n, w, o)
			}
			words[lang+w] = n
			kept := families[lang][w]
			ends[plain(lang, w)] = true
			families[lang][w] = kept
		}
		if len(ends) == 1 && ends[stem] {
			t.Errorf("line %d: the endings bring these together already", n)
		}
	}
	seen := map[string]bool{}
	for _, a := range qualityArticles(t) {
		scan(a.Title+"\n"+a.Text, func(w word) {
			for _, lang := range query.Langs {
				key := lang + w.in(lang)
				if line := stems[key]; a.Lang == lang && line > 0 && words[lang+w.folded] != line && !seen[lang+w.folded] {
					seen[lang+w.folded] = true
					t.Errorf("line %d: %s has the stem too", line, w.text)
				}
			}
		})
	}
}
