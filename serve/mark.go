package serve

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.org/veille/extract/catalogue"
	"example.org/veille/index"
	"example.org/veille/schemas"
)

// piece is a stretch of a quote with what it is: each has a shape of its own on the
// page, so that colour never tells alone.
type piece struct {
	Text string
	Cue  bool   // the words that decided
	Hit  bool   // words of the query
	Role string // of the party that is named, shown once at its end; "party" when it has none
	Ends bool   // the name ends here
}

// span is a part of a quote, in bytes.
type span struct {
	start, end int
	cue, hit   bool
	role       string
}

// cutUp splits a text where its spans begin and end. Of two roles that overlap the
// first wins.
func cutUp(text string, spans []span) []piece {
	at := []int{0, len(text)}
	var roles []span
	kept := spans[:0:0]
	for _, s := range spans {
		if s.start < 0 || s.end > len(text) || s.start >= s.end {
			continue
		}
		if s.role != "" {
			if slices.ContainsFunc(roles, func(o span) bool { return s.start < o.end && o.start < s.end }) {
				continue
			}
			roles = append(roles, s)
		}
		kept = append(kept, s)
		at = append(at, s.start, s.end)
	}
	slices.Sort(at)
	at = slices.Compact(at)
	var out []piece
	for i := 0; i+1 < len(at); i++ {
		p := piece{Text: text[at[i]:at[i+1]]}
		for _, s := range kept {
			if s.start > at[i] || s.end < at[i+1] {
				continue
			}
			p.Cue, p.Hit = p.Cue || s.cue, p.Hit || s.hit
			if s.role != "" {
				p.Role, p.Ends = s.role, s.end == at[i+1]
			}
		}
		out = append(out, p)
	}
	return out
}

// occurrences finds whole words in a text, whatever their case.
func occurrences(text, words string, most int) (out [][2]int) {
	if words == "" {
		return nil
	}
	for from := 0; len(out) < most; {
		i := strings.Index(text[from:], words)
		if i < 0 {
			return out
		}
		start, end := from+i, from+i+len(words)
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if !wordRune(before) && !wordRune(after) {
			out = append(out, [2]int{start, end})
		}
		from = end
	}
	return out
}

func wordRune(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// marks finds in a quote what a reader looks for: the cue, the parties by any name
// of theirs, and the words of the query.
func (s *Server) marks(text, cue string, parties []schemas.Party, hits []string) []piece {
	var spans []span
	if i := strings.Index(text, cue); i >= 0 && cue != "" {
		spans = append(spans, span{start: i, end: i + len(cue), cue: true})
	}
	for _, p := range parties {
		role := first(p.Role, "party")
		for _, at := range s.named(text, p) {
			spans = append(spans, span{start: at[0], end: at[1], role: role})
		}
	}
	for _, h := range hits {
		for _, at := range occurrences(text, h, 20) {
			spans = append(spans, span{start: at[0], end: at[1], hit: true})
		}
	}
	return cutUp(text, spans)
}

// named finds where a text names a party: by its name, else by an alias.
func (s *Server) named(text string, p schemas.Party) [][2]int {
	if at := occurrences(text, p.Name, 3); at != nil {
		return at
	}
	v, ok := s.opt.Catalogue.Vendor(p.ID)
	if !ok {
		return nil
	}
	names := []string{v.Name}
	for _, a := range v.Aliases {
		names = append(names, a.Text)
	}
	slices.SortStableFunc(names, func(a, b string) int { return len(b) - len(a) })
	for _, n := range names {
		if at := occurrences(text, n, 3); at != nil {
			return at
		}
	}
	return nil
}

// hitWords are the words of the query as the fragments of a row have them.
func hitWords(fs []index.Fragment) []string {
	var out []string
	for _, f := range fs {
		for _, p := range f.Parts {
			if w := strings.TrimSpace(p.Text); p.Hit && w != "" && !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// hitPieces shows a fragment with the words of the query marked.
func hitPieces(f index.Fragment) []piece {
	var out []piece
	for _, p := range f.Parts {
		out = append(out, piece{Text: p.Text, Hit: p.Hit})
	}
	return out
}

// fold makes names comparable.
func fold(s string) string { return catalogue.Fold(s) }
