package index

import (
	_ "embed"
	"strings"
)

// The stemmers are light: they take off the endings of number, gender and verb, and
// those that make a noun of a verb where trade news uses both (distribue, distributeur,
// distribution; announce, announced). And they only ever cut: what is left is the
// beginning of the word, so the index finds all words of a stem beside one another.
// They take words with accents folded. families.txt has the families that no ending
// brings together.

//go:embed families.txt
var familiesText string

// families are the stems of words that are no matter of endings, by language.
var families = func() map[string]map[string]string {
	m := map[string]map[string]string{"fr": {}, "en": {}}
	for line := range strings.Lines(familiesText) {
		f := strings.Fields(line)
		if len(f) < 3 || m[f[0]] == nil {
			continue
		}
		for _, w := range f[2:] {
			m[f[0]][fold(w)] = fold(f[1])
		}
	}
	return m
}()

// stemFrench cuts a French word.
func stemFrench(w string) string {
	if s := families["fr"][w]; s != "" {
		return s
	}
	if len(w) < 4 || !letters(w) {
		return w
	}
	// Plural: réseaux, capitaux, prix, offres.
	switch {
	case strings.HasSuffix(w, "eaux"):
		w = w[:len(w)-1]
	case strings.HasSuffix(w, "aux") && len(w) > 6:
		w = w[:len(w)-3]
	case strings.HasSuffix(w, "al") && len(w) > 5:
		w = w[:len(w)-2]
	case (w[len(w)-1] == 's' || w[len(w)-1] == 'x') && w[len(w)-2] != 's':
		w = w[:len(w)-1]
	}
	for _, r := range frenchEndings {
		if len(w)-len(r.cut) >= r.left && strings.HasSuffix(w, r.end) {
			w = w[:len(w)-len(r.cut)]
			break
		}
	}
	if len(w) > 4 && w[len(w)-1] == 'e' {
		w = w[:len(w)-1]
	}
	return w
}

// ending is cut off when at least left letters remain. Of several that fit, the
// first is taken: longer ones come before those they end in.
type ending struct {
	end  string
	cut  string // the part of end that goes
	left int
}

var frenchEndings = []ending{
	{"maintenant", "", 0}, // no maintenance
	{"ation", "ation", 5}, {"ateur", "ateur", 5}, {"atrice", "atrice", 5}, {"atif", "atif", 5}, {"ative", "ative", 5},
	{"ance", "ance", 5}, {"ence", "ence", 5}, {"age", "age", 6}, {"eant", "eant", 5},
	{"trice", "rice", 6}, {"teur", "eur", 6}, {"tion", "ion", 6}, {"sion", "ion", 6},
	{"issement", "issement", 4}, {"ement", "ement", 4},
	{"euse", "euse", 5}, {"eur", "eur", 5}, {"eux", "eux", 5},
	{"ive", "ive", 5}, {"if", "if", 5},
	{"elle", "elle", 5}, {"el", "el", 5}, {"enne", "ne", 5}, {"ale", "ale", 5},
	{"issent", "issent", 4}, {"issant", "issant", 4},
	{"eraient", "eraient", 4}, {"eront", "eront", 4}, {"eriez", "eriez", 4}, {"erons", "erons", 4}, {"erait", "erait", 4},
	{"aient", "aient", 4}, {"erai", "erai", 4}, {"era", "era", 4}, {"ait", "ait", 4},
	{"ant", "ant", 5}, {"ent", "ent", 5}, {"ee", "ee", 4}, {"er", "er", 4}, {"ez", "ez", 4}, {"ir", "r", 5},
}

// stemEnglish cuts an English word.
func stemEnglish(w string) string {
	if s := families["en"][w]; s != "" {
		return s
	}
	if len(w) < 4 || !letters(w) {
		return w
	}
	n := len(w)
	switch {
	case strings.HasSuffix(w, "ies") && n > 5:
		return w[:n-3]
	case strings.HasSuffix(w, "sses"), n > 4 && (strings.HasSuffix(w, "xes") || strings.HasSuffix(w, "ches") || strings.HasSuffix(w, "shes")):
		w = w[:n-2]
	case w[n-1] == 's' && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "us") && !strings.HasSuffix(w, "is"):
		w = w[:n-1]
	}
	for _, r := range englishEndings {
		if len(w)-len(r.cut) >= r.left && strings.HasSuffix(w, r.end) {
			if r.end == "ed" && shortVowel(w[:len(w)-2]) {
				w = w[:len(w)-1] // rated comes from rate: rat would have doubled its t
				break
			}
			w = w[:len(w)-len(r.cut)]
			if double := len(w) - 1; (r.end == "ing" || r.end == "ed") && double > 2 && w[double] == w[double-1] && strings.IndexByte("bdgmnprt", w[double]) >= 0 {
				w = w[:double]
			}
			break
		}
	}
	if n = len(w); n > 4 && (w[n-1] == 'e' || w[n-1] == 'y' && strings.IndexByte("aeiou", w[n-2]) < 0) {
		w = w[:n-1]
	}
	return w
}

var englishEndings = []ending{
	{"eed", "", 0}, // need, exceed: no past tense
	{"ships", "ships", 5}, {"ship", "ship", 5}, {"ment", "ment", 4}, {"ness", "ness", 4},
	{"tion", "ion", 6}, {"sion", "ion", 6}, {"tor", "or", 6},
	{"ing", "ing", 3}, {"ied", "ied", 4}, {"ed", "ed", 3}, {"ly", "ly", 5},
}

// shortVowel tells whether w is a consonant, a vowel and a consonant that doubles.
func shortVowel(w string) bool {
	vowel := func(c byte) bool { return strings.IndexByte("aeiou", c) >= 0 }
	return len(w) == 3 && !vowel(w[0]) && vowel(w[1]) && !vowel(w[2]) && strings.IndexByte("wxy", w[2]) < 0
}

func letters(w string) bool {
	for i := 0; i < len(w); i++ {
		if w[i] < 'a' || w[i] > 'z' {
			return false
		}
	}
	return true
}
