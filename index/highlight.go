package index

import (
	"slices"
	"strings"
	"unicode/utf8"

	"example.org/veille/query"
	"example.org/veille/schemas"
)

// Limits of what is shown of a body around the words of a query, in characters.
// All fragments of one row together stay below what a page may quote.
const (
	fragmentLength = 220
	maxQuoted      = 280
)

// maxHighlighted is how much of a body is looked at, in bytes.
const maxHighlighted = 64 << 10

// Fragment is a piece of text with the words of the query marked.
type Fragment struct {
	Article string `json:"article,omitempty"` // for a deal: whose title or sentence this is
	In      string `json:"in"`                // "title" or "text"
	Lang    string `json:"lang"`
	Parts   []Part `json:"parts"`
	// Before and After tell that the text goes on on that side.
	Before bool `json:"before,omitempty"`
	After  bool `json:"after,omitempty"`
}

// Part is a piece of a fragment; Hit marks a word of the query.
type Part struct {
	Text string `json:"text"`
	Hit  bool   `json:"hit,omitempty"`
}

// marker finds the words of one query in a text.
type marker struct {
	phrases map[string][]markPhrase // by language; a word is a phrase of one
	prefix  []markWord
	fuzzy   []markWord
}

type markPhrase struct {
	title bool // only in titles
	seq   [][]string
}

type markWord struct {
	title bool
	text  string
	head  string // of a fuzzy word: the letters that a typo leaves alone
}

// newMarker gathers the words a query asks for, not those it excludes.
func newMarker(q query.Query) *marker {
	m := &marker{phrases: map[string][]markPhrase{}}
	m.add(q.Expr)
	return m
}

func (m *marker) empty() bool { return len(m.phrases) == 0 && len(m.prefix) == 0 && len(m.fuzzy) == 0 }

func (m *marker) add(e query.Expr) {
	switch x := e.(type) {
	case query.And:
		for _, e := range x {
			m.add(e)
		}
	case query.Or:
		for _, e := range x {
			m.add(e)
		}
	case query.Clause:
		if x.Field != "text" && x.Field != "title" {
			return
		}
		title := x.Field == "title"
		for _, v := range x.Values {
			switch v.Kind {
			case query.Word, query.Phrase:
				for _, lang := range query.Langs {
					if seq := sequence(Analyze(lang, v.Text)); len(seq) > 0 {
						m.phrases[lang] = append(m.phrases[lang], markPhrase{title, seq})
					}
				}
			case query.Prefix:
				if t := Analyze(query.Plain, v.Text); len(t) > 0 {
					m.prefix = append(m.prefix, markWord{title: title, text: t[len(t)-1].Term})
				}
			case query.Fuzzy:
				if t := Analyze(query.Plain, v.Text); len(t) > 0 {
					want := t[len(t)-1].Term
					r := []rune(want)
					m.fuzzy = append(m.fuzzy, markWord{title, want, string(r[:min(len(r), query.FuzzyPrefix)])})
				}
			}
		}
	}
}

func sequence(tokens []query.Token) (seq [][]string) {
	for i, t := range tokens {
		if i == 0 {
			seq = append(seq, nil)
		} else {
			for range min(t.Pos-tokens[i-1].Pos, query.MaxBytes) {
				seq = append(seq, nil)
			}
		}
		seq[len(seq)-1] = append(seq[len(seq)-1], t.Term)
	}
	return seq
}

// spans returns where the words stand in text, in order, not overlapping.
func (m *marker) spans(lang, text string, title bool) [][2]int {
	var out [][2]int
	if lang = fieldLang(lang); lang == query.Plain {
		lang = "en" // as [query.Record] has it
	}
	for _, l := range []string{lang, query.Plain} {
		phrases := m.phrases[l]
		if len(phrases) == 0 && (l != query.Plain || len(m.prefix)+len(m.fuzzy) == 0) {
			continue
		}
		var words []word
		scan(text, func(w word) {
			if w.in(l) != "" {
				words = append(words, w)
			}
		})
		at := make(map[int]int, len(words)) // position → index
		for i, w := range words {
			at[w.pos] = i
		}
		for _, p := range phrases {
			if p.title && !title {
				continue
			}
			for i, w := range words {
				if !slices.Contains(p.seq[0], w.in(l)) {
					continue
				}
				last := i
				for k := 1; k < len(p.seq) && last >= 0; k++ {
					if p.seq[k] == nil {
						continue
					}
					if j, ok := at[w.pos+k]; ok && slices.Contains(p.seq[k], words[j].in(l)) {
						last = j
					} else {
						last = -1
					}
				}
				if last >= 0 {
					out = append(out, [2]int{w.start, words[last].end})
				}
			}
		}
		if l != query.Plain {
			continue
		}
		for _, w := range words {
			hit := slices.ContainsFunc(m.prefix, func(p markWord) bool {
				return (title || !p.title) && strings.HasPrefix(w.folded, p.text)
			}) || slices.ContainsFunc(m.fuzzy, func(p markWord) bool {
				return (title || !p.title) && strings.HasPrefix(w.folded, p.head) && oneTypo(p.text, w.folded)
			})
			if hit {
				out = append(out, [2]int{w.start, w.end})
			}
		}
	}
	slices.SortFunc(out, func(a, b [2]int) int {
		if a[0] != b[0] {
			return a[0] - b[0]
		}
		return b[1] - a[1]
	})
	n := 0
	for _, s := range out {
		if n > 0 && s[0] < out[n-1][1] {
			out[n-1][1] = max(out[n-1][1], s[1])
			continue
		}
		out[n] = s
		n++
	}
	return out[:n]
}

// whole marks all of a short text; nil when nothing stands in it.
func (m *marker) whole(in, lang, text string) *Fragment {
	spans := m.spans(lang, text, in == "title")
	if len(spans) == 0 {
		return nil
	}
	return cut(in, lang, text, 0, len(text), spans)
}

// best marks the stretch of a long text in which most words stand.
func (m *marker) best(in, lang, text string, length int) *Fragment {
	whole := text
	if len(text) > maxHighlighted {
		text = text[:maxHighlighted]
		for len(text) > 0 && !utf8.RuneStart(whole[len(text)]) {
			text = text[:len(text)-1]
		}
	}
	spans := m.spans(lang, text, in == "title")
	if len(spans) == 0 {
		return nil
	}
	// The window that holds most hits, in bytes: a text of ASCII has as many.
	from, most := 0, 0
	for i, j := 0, 0; i < len(spans); i++ {
		for j < len(spans) && spans[j][1]-spans[i][0] <= length*3/4 {
			j++
		}
		if j-i > most {
			from, most = i, j-i
		}
		j = max(j, i+1)
	}
	start, end := window(whole, spans[from][0], length)
	return cut(in, lang, whole, start, end, spans)
}

// window chooses at most length characters around at: from the beginning of its
// sentence if that is near, else from a word before it, to the end of a word.
func window(text string, at, length int) (start, end int) {
	start = at
	for back := 0; start > 0 && back < length/4; back++ {
		_, n := utf8.DecodeLastRuneInString(text[:start])
		if text[start-1] == '\n' {
			break
		}
		if start >= 2 && text[start-1] == ' ' && strings.IndexByte(".!?", text[start-2]) >= 0 {
			break
		}
		start -= n
	}
	if start > 0 && text[start-1] != '\n' && text[start-1] != ' ' {
		if i := strings.IndexAny(text[start:at], " \n"); i >= 0 {
			start += i + 1
		} else {
			start = at
		}
	}
	end = start
	for range length {
		if end >= len(text) || strings.HasPrefix(text[end:], "\n\n") {
			return start, end
		}
		_, n := utf8.DecodeRuneInString(text[end:])
		end += n
	}
	if i := strings.LastIndexAny(text[at:end], " \n"); i > 0 && end < len(text) {
		end = at + i
	}
	return start, end
}

func cut(in, lang, text string, start, end int, spans [][2]int) *Fragment {
	f := &Fragment{In: in, Lang: lang, Before: start > 0, After: end < len(text)}
	at := start
	for _, s := range spans {
		if s[0] < at || s[1] > end {
			continue
		}
		if s[0] > at {
			f.Parts = append(f.Parts, Part{Text: text[at:s[0]]})
		}
		f.Parts = append(f.Parts, Part{Text: text[s[0]:s[1]], Hit: true})
		at = s[1]
	}
	if at < end {
		f.Parts = append(f.Parts, Part{Text: text[at:end]})
	}
	return f
}

func (m *marker) article(x schemas.Extraction) (out []Fragment) {
	a := x.Article
	if f := m.whole("title", a.Lang, a.Title); f != nil {
		out = append(out, *f)
	}
	if a.Rights == "nosnippet" || a.Rights == "reserved" {
		return out
	}
	if f := m.best("text", a.Lang, a.Text, fragmentLength); f != nil {
		out = append(out, *f)
	}
	return out
}

func (m *marker) deal(d schemas.Deal) (out []Fragment) {
	for _, e := range d.Evidence {
		for _, f := range []*Fragment{m.whole("title", e.Lang, e.Title), m.best("text", e.Lang, e.Signal.Evidence.Text, maxQuoted)} {
			if f != nil {
				f.Article = e.Article
				out = append(out, *f)
			}
		}
		if len(out) >= 6 {
			break
		}
	}
	return out
}

func (m *marker) price(p schemas.Price, a schemas.Article) (out []Fragment) {
	for _, f := range []*Fragment{m.whole("title", a.Lang, a.Title), m.best("text", a.Lang, p.Evidence.Text, maxQuoted)} {
		if f != nil {
			out = append(out, *f)
		}
	}
	return out
}
