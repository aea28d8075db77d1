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
	return len(other)*10 >= len(own)*17
}
