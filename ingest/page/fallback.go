package page

import (
	"net/url"

	readability "codeberg.org/readeck/go-readability"
	"golang.org/x/net/html"
)

// readable is readability's opinion, reduced to our blocks' form and stripped of what we know to be no article.
func readable(doc *html.Node, base *url.URL, t *tree) string {
	p := readability.NewParser()
	p.MaxElemsToParse = 20_000 // its cost per element is many times ours
	if base == nil {
		base = &url.URL{}
	}
	a, err := p.ParseDocument(doc, base)
	if err != nil || a.Node == nil {
		return ""
	}
	other := plant(a.Node)
	other.title = t.title
	other.settle()
	never := map[string]bool{} // walls and comments are known by names that readability has washed away
	for i := range t.elems {
		if e := &t.elems[i]; e.bad && e.h&(hintWall|hintComment) != 0 && e.last-e.first < 400 && len(never) < 5000 {
			for _, b := range t.blocks[e.first:e.last] {
				never[b.text] = true
			}
		}
	}
	for i := range other.blocks {
		if b := &other.blocks[i]; never[b.text] || wall(b.text) {
			b.bad = true
		}
	}
	return other.render(other.keep(0, int32(len(other.blocks))))
}

// better tells whether readability's text should replace ours: it found clearly more prose, or we found none.
func better(other, own string, t *tree) bool {
	switch {
	case other == "":
		return false
	case len(own) < 250:
		return len(other) > len(own)
	}
	if len(other)*10 >= len(own)*17 {
		return true
	}
	// about different things: ours was unsure, theirs is not shorter than half
	return len(other)*2 >= len(own) && shared(own, other) < 0.3
}

// shared is the part of a's words, three in a row, that stand in b.
func shared(a, b string) float64 {
	words := map[uint64]struct{}{}
	var prev, prev2 uint64
	eachWord(b, func(h uint64) {
		words[h^prev*31^prev2*961] = struct{}{}
		prev2, prev = prev, h
	})
	n, hit := 0, 0
	prev, prev2 = 0, 0
	eachWord(a, func(h uint64) {
		if n++; n > 2 {
			if _, ok := words[h^prev*31^prev2*961]; ok {
				hit++
			}
		}
		prev2, prev = prev, h
	})
	return float64(hit) / float64(max(1, n-2))
}
