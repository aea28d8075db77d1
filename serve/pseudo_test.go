package serve

import (
	"maps"
	"strings"
)

// Pseudolocale writes every text of the catalogue in full-width letters, so that a test
// sees what is on a page and did not come from there.
func (s *Server) Pseudolocale() {
	wide := func(text string) string {
		var b strings.Builder
		hole := false
		for _, r := range text {
			switch {
			case r == '{':
				hole = true
			case r == '}':
				hole = false
			case !hole && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'):
				r += 0xFEE0
			}
			b.WriteRune(r)
		}
		return b.String()
	}
	for _, l := range s.screens.tongues {
		l.text = maps.Clone(l.text)
		for k, m := range l.text {
			l.text[k] = message{FR: wide(m.FR), EN: wide(m.EN)}
		}
	}
}
