package index

import (
	"bytes"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

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
// accents folded, œ written oe, their endings taken off in French and English.
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
// Any other language than "fr" and "en" gets the analysis [query.Plain]: no ending
// is taken off and no word left out. Analyze is the one [query.Analyzer] of veille.
//
// The index itself keeps the words as they are written, in lower case ([textField]);
// what Analyze makes of them is looked up when a query is compiled. A term is always
// the beginning of the folded word, so the words to look at are few.
func Analyze(lang, text string) []query.Token {
	lang = fieldLang(lang)
	out := make([]query.Token, 0, len(text)/8+1)
	scan(text, func(w word) {
		if t := w.in(lang); t != "" {
			out = append(out, query.Token{Term: t, Pos: w.pos})
		}
	})
	return out
}

// word is one word of a text.
type word struct {
	*form
	start, end int
	pos        int // from 1; every word counts
}

// form is a word as it is written, in lower case, and what the analyses make of it.
type form struct {
	text   string
	folded string
	fr, en string // "" for a function word
}

// in is the term of a word in one analysis.
func (f *form) in(lang string) string {
	switch lang {
	case "fr":
		return f.fr
	case "en":
		return f.en
	}
	return f.folded
}

// scan calls emit for each word of text.
func scan(text string, emit func(word)) {
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
		b, end, apostrophe := run(text, i, buf[:0])
		i = end
		if apostrophe {
			if from, ok := elided(text[start:end]); ok {
				// The article counts no position: « l'offre » is one word.
				i = start + from
				continue
			}
			b = bytes.TrimSuffix(b, []byte("'s"))
			b = bytes.ReplaceAll(b, []byte("'"), nil)
		}
		pos++
		if len(b) == 0 || len(b) > maxTerm {
			continue
		}
		if f := formOf(b); f.folded != "" {
			emit(word{f, start, end, pos})
		}
	}
}

// run reads one word at text[i:] into b in lower case, with a plain apostrophe, and
// returns where it ends and whether it has an apostrophe.
func run(text string, i int, b []byte) (w []byte, end int, apostrophe bool) {
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
					apostrophe = true
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
						return b, i, apostrophe
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
				apostrophe = true
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
			digits = -1
			b = utf8.AppendRune(b, unicode.ToLower(r))
			i += n
			continue
		}
		break
	}
	return b, i, apostrophe
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

// forms is a cache, not state: news repeats its words, and a lost entry is made
// again. At most 131,072 entries of about 100 bytes.
var forms [1 << 17]atomic.Pointer[form]

// formOf analyses a word in lower case, as run leaves it.
func formOf(b []byte) *form {
	h := uint32(2166136261)
	plain := true
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
		plain = plain && c < utf8.RuneSelf
	}
	if !plain && !norm.NFC.IsNormal(b) {
		return formOf(norm.NFC.Bytes(b))
	}
	slot := &forms[(h^h>>16)%uint32(len(forms))]
	if f := slot.Load(); f != nil && f.text == string(b) {
		return f
	}
	f := &form{text: string(b)}
	f.folded = fold(f.text)
	if !function(f) {
		f.fr, f.en = stemFrench(f.folded), stemEnglish(f.folded)
	}
	slot.Store(f)
	return f
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

// functionWords say nothing alone in either language. Words that mean something in
// one of them are not here: "or", "on", "son", "it", "us".
var functionWords = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`
		le la les l de du des d un une et en au aux ce cette ces que qui dans par pour sur avec
		est sont a the an of and in to for with by from is are was were be been this that these
		those at as its`) {
		m[w] = true
	}
	return m
}()

// function tells whether a word is left out. "dès" is no "des".
func function(f *form) bool {
	return functionWords[f.folded] && (f.text == f.folded || f.text == "à")
}
