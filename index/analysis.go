package index

import (
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/fr"
	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/english"
	"golang.org/x/text/unicode/norm"

	"example.org/veille/query"
)

// fieldLang maps a language to its analysis.
func fieldLang(lang string) string {
	switch lang {
	case "fr", "en":
		return lang
	}
	return query.Plain
}

// maxTerm is the longest term kept, in bytes; longer runs of letters are noise
// (base64, DNA) and would only bloat the dictionary.
const maxTerm = 64

// Analyze cuts text into the terms under which it is found: words in lower case,
// accents folded, œ written oe, stemmed lightly in French and English.
//
//   - An apostrophe of either form ends a French elision (l’éditeur, d'Orange,
//     also in English text, where French names occur), an English 's is dropped,
//     and any other one joins (aujourd'hui, O'Reilly).
//   - A hyphen separates; an ampersand between letters joins (AT&T, R&D), as do
//     the marks of C++, C# and S/4HANA.
//   - Digits grouped by a comma, a point or a narrow or no-break space are one
//     number (300 000).
//   - Function words ("de", "the") are left out, and leave a gap in the positions.
//     The list is the same for both languages, so that a search in both never asks
//     an English text for a French article.
//
// Any other language than "fr" and "en" gets the analysis [query.Plain]: nothing is
// stemmed and no word left out. Analyze is the one [query.Analyzer] of veille.
func Analyze(lang, text string) []query.Token {
	out := make([]query.Token, 0, len(text)/8+1)
	scan(fieldLang(lang), text, func(w word) {
		out = append(out, query.Token{Term: w.term, Pos: w.pos})
	})
	return out
}

// word is one word of a text.
type word struct {
	term       string
	exact      string // lower case with its accents, when it has any
	start, end int
	pos        int // from 1; words left out count
}

// scan calls emit for each term of text.
func scan(lang, text string, emit func(word)) {
	var buf [96]byte
	pos := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf && !alnum[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, n := utf8.DecodeRuneInString(text[i:]); !letter(r) {
				i += n
				continue
			}
		}
		start := i
		// The first apostrophe decides whether this is an elision.
		b, end, plain := run(text, i, buf[:0], lang)
		i = end
		if from, ok := elided(text[start:end]); ok {
			i = start + from
			// The article itself counts no position: « l'offre » is one word.
			continue
		}
		pos++
		if len(b) == 0 || len(b) > maxTerm {
			continue
		}
		term, exact := terms(lang, b, plain)
		if term == "" {
			continue
		}
		emit(word{term, exact, start, end, pos})
	}
}

// run reads one word at text[i:] into b in lower case, its joining marks
// left out, and returns where it ends and whether it is ASCII only.
func run(text string, i int, b []byte, lang string) (w []byte, end int, plain bool) {
	plain = true
	digits := 0 // length of the run of digits so far; -1 once there is something else
	for i < len(text) {
		c := text[i]
		if c < utf8.RuneSelf {
			if alnum[c] {
				if c >= 'A' && c <= 'Z' {
					c += 'a' - 'A'
				}
				if c >= '0' && c <= '9' {
					if digits >= 0 {
						digits++
					}
				} else {
					digits = -1
				}
				b = append(b, c)
				i++
				continue
			}
			switch c {
			case '\'':
				if letterAt(text, i+1) && digits <= 0 && len(b) > 0 {
					b = append(b, c)
					i++
					continue
				}
			case '&':
				if len(b) <= 3 && digits < 0 && shortAfter(text, i+1, 3) {
					b = append(b, '&')
					i++
					continue
				}
			case '/':
				if len(b) == 1 && digits < 0 && i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9' {
					i++
					continue
				}
			case '+', '#':
				if len(b) == 1 && digits < 0 {
					j := i
					for j < len(text) && text[j] == c && j-i < 2 {
						j++
					}
					if (c == '#' && j-i == 1 || c == '+' && j-i == 2) && !letterAt(text, j) {
						b = append(b, text[i:j]...)
						i = j
						return b, i, plain
					}
				}
			case ',', '.':
				if digits > 0 && digits <= 3 && group(text, i+1) {
					b = append(b, text[i+1:i+4]...)
					i += 4
					digits = 3
					continue
				}
			}
			break
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '\u00ad' || r == '\u200b' || r == '\u200c' || r == '\u200d' || r == '\ufeff':
			i += n // invisible inside a word
			continue
		case r == '’' || r == 'ʼ':
			if letterAt(text, i+n) && digits <= 0 && len(b) > 0 {
				b = append(b, '\'')
				i += n
				continue
			}
		case r == '\u00a0' || r == '\u202f' || r == '\u2009':
			if digits > 0 && digits <= 3 && group(text, i+n) {
				b = append(b, text[i+n:i+n+3]...)
				i += n + 3
				digits = 3
				continue
			}
		case letter(r):
			plain = false
			digits = -1
			b = utf8.AppendRune(b, unicode.ToLower(r))
			i += n
			continue
		}
		break
	}
	return b, i, plain
}

// elided returns where the word after a French elision begins: 2 for "l'offre".
func elided(w string) (int, bool) {
	at := strings.IndexAny(w, "'’ʼ")
	if at < 1 || at > 7 {
		return 0, false
	}
	switch strings.ToLower(w[:at]) {
	case "l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu":
		_, n := utf8.DecodeRuneInString(w[at:])
		return at + n, true
	}
	return 0, false
}

// terms makes the term of a word, and its exact form when it carries accents.
func terms(lang string, b []byte, plain bool) (term, exact string) {
	w := string(b)
	if strings.IndexByte(w, '\'') >= 0 {
		if s, ok := strings.CutSuffix(w, "'s"); ok {
			w = s
		}
		w = strings.ReplaceAll(w, "'", "")
	}
	if !plain {
		w = norm.NFC.String(w)
	}
	slot := &stems[hash(lang, w)%uint32(len(stems))]
	if e := slot.Load(); e != nil && e.lang == lang && e.word == w {
		return e.term, e.exact
	}
	e := &stemmed{lang: lang, word: w}
	folded := fold(w)
	_, stop := function[folded]
	switch {
	case lang == query.Plain:
		e.term = folded
	case stop && (plain || w == "à"): // "dès" is no "des"
	case lang == "fr":
		e.term = fold(stemFrench(w))
	default:
		e.term = stemEnglish(folded)
	}
	if folded != w && e.term != "" {
		e.exact = w
	}
	slot.Store(e)
	return e.term, e.exact
}

// stemmed remembers what became of a word: news repeats its words, so a small
// table spares nearly all stemming.
type stemmed struct{ lang, word, term, exact string }

// stems is a cache, not state: a lost entry is computed again.
var stems [1 << 14]atomic.Pointer[stemmed]

func hash(lang, w string) uint32 {
	h := uint32(2166136261) ^ uint32(lang[0])
	for i := 0; i < len(w); i++ {
		h = (h ^ uint32(w[i])) * 16777619
	}
	return h ^ h>>15
}

func stemFrench(w string) string {
	if len(w) < 4 {
		return w
	}
	t := analysis.Token{Term: []byte(w)}
	fr.NewFrenchLightStemmerFilter().Filter(analysis.TokenStream{&t})
	return string(t.Term)
}

func stemEnglish(w string) string {
	if len(w) < 3 {
		return w
	}
	env := snowballstem.NewEnv(w)
	english.Stem(env)
	return env.Current()
}

// fold drops accents and writes ligatures out.
func fold(w string) string {
	i := 0
	for i < len(w) && w[i] < utf8.RuneSelf {
		i++
	}
	if i == len(w) {
		return w
	}
	var b strings.Builder
	for _, r := range norm.NFD.String(w) {
		switch {
		case r < utf8.RuneSelf:
			b.WriteByte(byte(r))
		case unicode.Is(unicode.Mn, r):
		case r == 'œ':
			b.WriteString("oe")
		case r == 'æ':
			b.WriteString("ae")
		case r == 'ß':
			b.WriteString("ss")
		case r == 'ø':
			b.WriteByte('o')
		case r == 'ł':
			b.WriteByte('l')
		case r == 'đ':
			b.WriteByte('d')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func letter(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r)
}

func letterAt(s string, i int) bool {
	if i >= len(s) {
		return false
	}
	if s[i] < utf8.RuneSelf {
		return alnum[s[i]]
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	return letter(r)
}

// shortAfter tells whether at most max ASCII letters and no other letter stand at i.
func shortAfter(s string, i, max int) bool {
	n := 0
	for letterAt(s, i+n) {
		if n++; n > max {
			return false
		}
	}
	return n > 0
}

// group tells whether exactly three digits stand at i.
func group(s string, i int) bool {
	if i+3 > len(s) {
		return false
	}
	for j := i; j < i+3; j++ {
		if s[j] < '0' || s[j] > '9' {
			return false
		}
	}
	return !letterAt(s, i+3)
}

var alnum = func() (t [utf8.RuneSelf]bool) {
	for c := range t {
		t[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	return t
}()

// function words say nothing alone in either language. Words that mean something
// in one of them are not here: "or", "on", "son", "it", "us".
var function = func() map[string]struct{} {
	m := map[string]struct{}{}
	for w := range strings.FieldsSeq(`
		le la les l de du des d un une et en au aux ce cette ces que qui dans par pour sur avec
		est sont a the an of and in to for with by from is are was were be been this that these
		those at as its`) {
		m[w] = struct{}{}
	}
	return m
}()

// analyzer is Analyze for bleve. Offsets are left at zero: positions suffice for
// phrases, highlights are made from the text, and the index is smaller so. A word
// with accents leaves its exact form too, so that a search with accents can rank
// it first.
type analyzer struct{ lang string }

// exactMark begins the terms that are exact forms; no term of Analyze has it.
const exactMark = "="

func (a analyzer) Analyze(text []byte) analysis.TokenStream {
	n := len(text)/7 + 4
	block := make([]analysis.Token, 0, n)
	var out analysis.TokenStream
	add := func(term string, pos int) {
		if len(block) == cap(block) {
			block = make([]analysis.Token, 0, n)
		}
		block = append(block, analysis.Token{Term: []byte(term), Position: pos})
		out = append(out, &block[len(block)-1])
	}
	scan(a.lang, string(text), func(w word) {
		add(w.term, w.pos)
		if w.exact != "" && a.lang != query.Plain {
			add(exactMark+w.exact, w.pos)
		}
	})
	return out
}
