package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSentence bounds a sentence in tokens; text without full stops is cut there, so that the work on one sentence stays bounded.
const maxSentence = 200

// tok is a word, a number, a mark, or the whole name of an organisation.
type tok struct {
	start, end int
	raw, low   string // low is lower case with straight apostrophes; accents stay
	kind       byte   // 'w' word, 'n' number, 'p' mark, 'o' organisation
	cap        bool   // begins with a capital
	quoted     bool   // inside quotation marks
	org        int    // index of the name in doc.names, when kind is 'o'
	verbs      []form // what the word can be as a verb
	class      class  // closed-class membership
}

// sent is one sentence: the title is one (or more), each line of the text has at least one.
type sent struct {
	in       string // "title" or "text"
	para     int    // paragraph number; the title is paragraph -1
	n        int    // number of the sentence within title or text
	toks     []tok
	question bool
	boiler   bool // "Related:", newsletter lines, credits
	opens    bool // first of its paragraph
	damaged  bool // names were lost from it, with their links: "partners , Dell, and ."
}

func (s *sent) start() int { return s.toks[0].start }
func (s *sent) end() int   { return s.toks[len(s.toks)-1].end }

// name is one found organisation name with where it stands.
type name struct {
	in         string
	start, end int
	org        *org
	product    string // the product or brand that stands for its owner, "" when the organisation itself is named
}

// segment cuts one part of an article (title or text) into sentences of tokens. The names, sorted by start, become one token each.
// It runs in time linear in the length of s.
func (l *lexicon) segment(in, s string, names []name, first int) []sent {
	var out []sent
	var arena, cur []tok // one block for the tokens of many sentences
	quote := false
	para := 0
	if in == "title" {
		para = -1
	}
	flush := func() {
		if len(cur) > 0 {
			damaged := false
			for i := 1; i < len(cur); i++ {
				a, b := &cur[i-1], &cur[i]
				if b.low == "," && (a.low == "," || l.lang == "en" && b.start > a.end) || b.low == "." && (a.class&(cAnd|cPrep) != 0 && a.low != "in" && a.low != "on" && l.lang == "en" && a.kind == 'w' && b.start > a.end || a.low == "and") {
					damaged = true
				}
			}
			st := sent{damaged: damaged, in: in, para: para, n: len(out), toks: cur, opens: len(out) == 0 || out[len(out)-1].para != para}
			for i := len(cur) - 1; i >= 0 && i >= len(cur)-3; i-- {
				if cur[i].low == "?" {
					st.question = true
				}
			}
			out = append(out, st)
		}
		arena = arena[:len(arena)+len(cur)]
		cur = nil
	}
	ni := 0
	emit := func(t tok) {
		if cur == nil {
			if need := min(maxSentence+8, len(s)-t.start+8); cap(arena)-len(arena) < need {
				arena = make([]tok, 0, (len(s)-t.start)/6+need)
			}
			cur = arena[len(arena):len(arena):cap(arena)]
		}
		t.quoted = quote
		cur = append(cur, t)
	}
	for i := 0; i < len(s); {
		for ni < len(names) && names[ni].start < i {
			ni++
		}
		if ni < len(names) && names[ni].start == i {
			n := names[ni]
			emit(tok{start: n.start, end: n.end, raw: s[n.start:n.end], low: "\x00", kind: 'o', cap: true, org: first + ni})
			i = n.end
			ni++
			continue
		}
		r, w := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\n':
			end := i
			for end < len(s) && (s[end] == '\n' || s[end] == '\r' || s[end] == ' ' || s[end] == '\t') {
				end++
			}
			flush()
			quote = false
			if in == "text" && strings.Count(s[i:end], "\n") > 1 {
				para++
			}
			i = end
		case unicode.IsSpace(r) || isInvisible(r):
			i += w
		case isWord(r):
			limit := len(s)
			if ni < len(names) {
				limit = names[ni].start
			}
			t := l.word(s, i, limit)
			emit(t)
			i = t.end
		default:
			t := tok{start: i, end: i + w, raw: s[i : i+w], low: s[i : i+w], kind: 'p'}
			switch r {
			case '«', '“', '„':
				quote = true
				emit(t)
			case '»', '”':
				emit(t)
				quote = false
			case '"':
				if quote {
					emit(t)
					quote = false
				} else {
					quote = true
					emit(t)
				}
			case '’', '‘', '\'':
				t.low = "'"
				next := i + w
				switch {
				case next < len(s) && (s[next] == 's' || s[next] == 'S') && (next+1 == len(s) || !isLetterAt(s, next+1)) && len(cur) > 0 && cur[len(cur)-1].end == i:
					t.end, t.raw, t.low = next+1, s[i:next+1], "'s"
					w++
				case len(cur) > 0 && cur[len(cur)-1].kind == 'o' && cur[len(cur)-1].end == i:
					t.low = "'s" // "Exclusive Networks' deal"
				case len(cur) > 0 && cur[len(cur)-1].end == i && strings.HasSuffix(cur[len(cur)-1].low, "s") && next < len(s) && s[next] == ' ' && r != '‘':
					t.low = "'s" // "the two companies' pact"
				}
				emit(t)
			default:
				emit(t)
			}
			i += w
			if (r == '.' || r == '!' || r == '?' || r == '…') && l.ends(s, i, cur) {
				// closing quotes and brackets belong to the sentence they close
				for i < len(s) {
					r, w := utf8.DecodeRuneInString(s[i:])
					if r == '"' && !quote || r != '"' && r != '”' && r != '»' && r != ')' && r != '’' && r != '\u00a0' && r != '\u202f' && (r != ' ' || !strings.HasPrefix(s[i+1:], "»")) {
						break
					}
					if r == ' ' || r == '\u00a0' || r == '\u202f' {
						if !strings.HasPrefix(s[i+w:], "»") {
							break
						}
						i += w
						continue
					}
					emit(tok{start: i, end: i + w, raw: s[i : i+w], low: s[i : i+w], kind: 'p'})
					quote = false
					i += w
				}
				flush()
			}
		}
		if len(cur) >= maxSentence {
			flush()
		}
	}
	flush()
	return out
}

// word reads the word or number at i, not beyond limit.
func (l *lexicon) word(s string, i, limit int) tok {
	j := i
	digits := false
	for j < limit {
		c := s[j]
		if c < utf8.RuneSelf {
			switch {
			case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_':
				j++
				continue
			case c >= '0' && c <= '9':
				digits = true
				j++
				continue
			case (c == '-' || c == '.' || c == '&' || c == ',' && digits) && j > i && j+1 < limit && joins(s, j, digits, c):
				j++
				continue
			case c == '\'':
				if t, ok := l.apostrophe(s, i, j, 1, limit); ok {
					return t
				}
				if j+1 < limit && isLetterAt(s, j+1) {
					j++
					continue
				}
			}
			break
		}
		r, w := utf8.DecodeRuneInString(s[j:])
		if r == '’' {
			if t, ok := l.apostrophe(s, i, j, w, limit); ok {
				return t
			}
			if j+w < limit && isLetterAt(s, j+w) {
				j += w
				continue
			}
			break
		}
		if isWord(r) || unicode.Is(unicode.Mn, r) || r == '\u00ad' || r == '\u200d' || r == '\u2011' && j > i {
			j += w
			continue
		}
		break
	}
	if j == i {
		_, w := utf8.DecodeRuneInString(s[i:])
		j = i + w
	}
	return l.makeTok(s, i, j)
}

// joins tells whether the mark at j joins the word to what follows: cloud-native, Booking.com, AT&T, 1.5.
func joins(s string, j int, digits bool, c byte) bool {
	n := s[j+1]
	letter := n >= 'a' && n <= 'z' || n >= 'A' && n <= 'Z' || n >= utf8.RuneSelf
	digit := n >= '0' && n <= '9'
	switch c {
	case ',':
		return digit
	case '&':
		return n >= 'A' && n <= 'Z'
	case '.':
		return digit && digits || letter && n >= 'a' && n <= 'z'
	}
	return letter || digit
}

// apostrophe ends a word at an elision (« l' », « qu' ») or before a possessive ("'s").
func (l *lexicon) apostrophe(s string, i, j, w, limit int) (tok, bool) {
	if j == i {
		return tok{}, false
	}
	if j+w < len(s) && (s[j+w] == 's' || s[j+w] == 'S') {
		if j+w+1 >= len(s) || !isLetterAt(s, j+w+1) {
			return l.makeTok(s, i, j), true
		}
	}
	if j-i <= 8 && elisions[strings.ToLower(s[i:j])] {
		t := l.makeTok(s, i, j+w)
		return t, true
	}
	if j+w >= limit || !isLetterAt(s, j+w) {
		return l.makeTok(s, i, j), true
	}
	return tok{}, false
}

var elisions = map[string]bool{
	"l": true, "d": true, "s": true, "n": true, "c": true, "j": true, "m": true, "t": true, "qu": true,
	"lorsqu": true, "puisqu": true, "quoiqu": true,
}

func (l *lexicon) makeTok(s string, i, j int) tok {
	raw := s[i:j]
	low := lower(raw)
	r, _ := utf8.DecodeRuneInString(raw)
	t := tok{start: i, end: j, raw: raw, low: low, kind: 'w', cap: unicode.IsUpper(r)}
	if unicode.IsDigit(r) {
		t.kind = 'n'
	}
	w := l.words[low]
	t.verbs, t.class = w.verbs, w.class
	return t
}

func lower(s string) string {
	ascii := true
	for i := 0; i < len(s) && ascii; i++ {
		ascii = s[i] < utf8.RuneSelf
	}
	s = strings.ToLower(s)
	if !ascii && strings.Contains(s, "’") {
		s = strings.ReplaceAll(s, "’", "'")
	}
	return s
}

// ends tells whether the mark just read, ending before i, ends its sentence.
func (l *lexicon) ends(s string, i int, cur []tok) bool {
	j := i
	for j < len(s) {
		r, w := utf8.DecodeRuneInString(s[j:])
		if r == '"' || r == '”' || r == '»' || r == ')' || r == '’' || r == '\u00a0' || r == '\u202f' || r == ' ' && strings.HasPrefix(s[j+1:], "»") {
			j += w
			continue
		}
		break
	}
	if j >= len(s) {
		return true
	}
	r, _ := utf8.DecodeRuneInString(s[j:])
	closed := j > i // a closing quotation mark ends even what looks like an abbreviation
	if !closed && !unicode.IsSpace(r) {
		return false
	}
	for j < len(s) {
		r, w := utf8.DecodeRuneInString(s[j:])
		if r == '\n' {
			return true
		}
		if !unicode.IsSpace(r) {
			if unicode.IsLower(r) {
				return false
			}
			break
		}
		j += w
	}
	if s[i-1] != '.' || len(cur) < 2 || closed {
		return true
	}
	p := cur[len(cur)-2]
	if p.kind == 'w' && (l.abbrev[p.low] || len(p.raw) == 1 && p.cap) {
		return false
	}
	return true
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func isLetterAt(s string, i int) bool {
	r, _ := utf8.DecodeRuneInString(s[i:])
	return unicode.IsLetter(r)
}

// isInvisible covers what text is salted with to defeat matching: zero-width and direction marks.
func isInvisible(r rune) bool {
	return r == '\u200b' || r == '\u200c' || r == '\u200d' || r == '\u2060' || r == '\ufeff' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == '\u200e' || r == '\u200f'
}
