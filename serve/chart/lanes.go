package chart

import (
	"fmt"
	"math"
	"strings"
)

// Moment is one statement on a lane.
type Moment struct {
	X     float64 // 0 to 1, from the beginning to the end of the time shown
	Shape string  // a status of a deal
	Label string  // short, beside the mark
	Tip   string  // all of it
	Href  string
}

// Lane is the row of one source.
type Lane struct {
	Name    string
	Lang    string // of Name, "" for that of the page
	Moments []Moment
}

// LanesOf is a life-line: what each source said, when.
type LanesOf struct {
	Head
	Lanes []Lane
	Ticks []Moment // X and Label are used
}

// Lanes draws one line for each source, with a shape for each status.
func Lanes(of LanesOf) string {
	var c canvas
	const w, left, right, row, top = 960.0, 190.0, 40.0, 44.0, 8.0
	h := top + row*float64(len(of.Lanes)) + 24
	c.open(of.Head, "lanes", w, h)
	at := func(x float64) float64 { return left + 14 + x*(w-left-right-14) }
	for _, t := range of.Ticks {
		c.line(at(t.X), top, at(t.X), h-22, "grid")
		anchor := "middle"
		if t.X > .92 {
			anchor = "end"
		}
		c.text(at(t.X), h-6, anchor, "tick", t.Label)
	}
	for i, l := range of.Lanes {
		y := top + row*float64(i) + 14
		c.line(left, y, w-right, y, "lane")
		c.text(left-10, y+4, "end", "name", clip(l.Name, 24))
		free := math.Inf(-1)
		for _, m := range l.Moments {
			x := at(m.X)
			done := c.link(m.Href, m.Tip)
			c.tip(m.Tip)
			fmt.Fprintf(&c, `<rect x="%s" y="%s" width="24" height="24" class="hit" fill="transparent"/>`, num(x-12), num(y-12))
			c.WriteString(Shape(m.Shape, x, y))
			width := 6.2 * float64(len([]rune(m.Label)))
			start := x - 6
			anchor := "start"
			if start+width > w-4 {
				start, anchor = x+6-width, "end"
			}
			if start > free {
				lx := x - 6
				if anchor == "end" {
					lx = x + 6
				}
				c.text(lx, y+22, anchor, "label", m.Label)
				free = start + width + 8
			}
			done()
		}
	}
	return c.close()
}

// Shape draws the mark of a status around a point: no two statuses share a shape.
func Shape(status string, x, y float64) string {
	at := fmt.Sprintf(`transform="translate(%s %s)"`, num(x), num(y))
	const hollow = `class="mark hollow" fill="#ffffff" stroke="#0b5cad" stroke-width="2"`
	const solid = `class="mark solid" fill="#0b5cad" stroke="#0b5cad"`
	switch status {
	case "rumoured":
		return `<circle ` + at + ` r="6" ` + hollow + `/>`
	case "planned":
		return `<path ` + at + ` d="M0-7l7 7-7 7-7-7z" ` + hollow + `/>`
	case "announced":
		return `<circle ` + at + ` r="6.5" ` + solid + `/>`
	case "in_effect":
		return `<path ` + at + ` d="M0-8l8 8-8 8-8-8z" ` + solid + `/>`
	case "ended":
		return `<path ` + at + ` d="M-6-6h12v12h-12z" ` + solid + `/>`
	case "denied":
		return `<path ` + at + ` d="M-6-6l12 12M6-6l-12 12" class="mark hollow" stroke="#0b5cad" stroke-width="3" fill="none"/>`
	}
	return `<path ` + at + ` d="M-6 0h12" class="mark hollow" stroke="#0b5cad" stroke-width="3" fill="none"/>`
}

func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	cut := string(r[:n-1])
	// At a word, where one ends: what is seen is then a part of the whole name that is
	// read aloud.
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/2 {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " –-,·&") + "…"
}
