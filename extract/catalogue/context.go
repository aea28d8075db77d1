package catalogue

import "time"

type guard struct{ accept bool }

type wordLists struct {
	cues                                      [][]int32 // of each cue phrase: guard*2, +1 when it speaks against
	roles, verbs, determiners, tails, regions map[uint64]bool
	kinds                                     map[uint64]string
}

// Disambiguate keeps the matches that the context supports.
func (c *Catalogue) Disambiguate(text, lang string, matches []Match, at time.Time) []Match {
	out := matches[:0:0]
	for _, m := range matches {
		if m.Strength == Strong || m.Strength == Ambiguous && m.Accept {
			out = append(out, m)
		}
	}
	return out
}
