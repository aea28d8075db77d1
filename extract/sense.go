package extract

import (
	"fmt"
	"slices"
	"strings"
)

// senseNames are what words may tell about a deal. senses.yaml lists the words of each in both languages, so that what the model learns of one
// word holds for its neighbours, and of one language for the other.
var senseNames = strings.Fields(`agree ally award begin buy channel choose compare compete complete continue contract customer deny develop distribute
	embed end event exclusive fail figurative fund future guess hire incident joint launch market merge money negative now offer own past person place
	plan product programme regulator renew replace resell result review rumour say sell staff stake standard sue supply support talks technology term
	use vendor`)

// loadSenses reads senses.yaml. Verbs are conjugated; a final s, and the feminine of French adjectives, are left to [lexicon.senseOf].
func (l *lexicon) loadSenses(read func(string, any) error, irregular map[string]string) error {
	var file map[string]map[string]string
	if err := read("senses.yaml", &file); err != nil {
		return err
	}
	for _, name := range sortedKeys(file) {
		n := slices.Index(senseNames, name)
		if n < 0 {
			return fmt.Errorf("read %s/senses.yaml: no sense %q", l.lang, name)
		}
		bit := uint64(1) << n
		add := func(w string, _ tense) { l.senses[w] |= bit }
		for part := range file[name] {
			if part != "verbs" && part != "words" {
				return fmt.Errorf("read %s/senses.yaml: %s has verbs and words, not %q", l.lang, name, part)
			}
		}
		for v := range strings.FieldsSeq(file[name]["verbs"]) {
			if l.lang == "fr" {
				conjugateFR(v, irregular[v], add)
			} else {
				conjugateEN(v, irregular[v], add)
			}
		}
		for w := range strings.FieldsSeq(file[name]["words"]) {
			add(w, 0)
		}
	}
	return nil
}

// senseOf gives the senses of a word, by its form or by that without an ending.
func (l *lexicon) senseOf(w string) uint64 {
	if m, ok := l.senses[w]; ok {
		return m
	}
	if len(w) < 5 {
		return 0
	}
	for _, end := range [...]string{"s", "es", "e", "x"} {
		if b, ok := strings.CutSuffix(w, end); ok {
			if m, ok := l.senses[b]; ok {
				return m
			}
		}
	}
	if l.lang == "fr" {
		w = strings.TrimSuffix(w, "s")
		for _, f := range [...][2]string{{"ive", "if"}, {"euse", "eux"}, {"elle", "el"}, {"enne", "en"}, {"ière", "ier"}, {"trice", "teur"}, {"ales", "al"}, {"aux", "al"}} {
			if b, ok := strings.CutSuffix(w, f[0]); ok {
				return l.senses[b+f[1]]
			}
		}
	}
	return 0
}
