package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Cell is one square of a heat map.
type Cell struct {
	Row, Col int
	N        int
	Label    string
	Href     string
}

// HeatOf is a square heat map of who deals with whom.
type HeatOf struct {
	Head
	Names []string
	Hrefs []string
	Cells []Cell
}

// Heat draws a grid with the counts printed in its cells.
func Heat(of HeatOf) string {
	var c canvas
	n := float64(len(of.Names))
	const left, top, side, w = 150.0, 96.0, 34.0, 960.0
	c.open(of.Head, "heat", math.Max(left+n*side+76, w*.6), top+n*side+6)
	most := 1
	for _, x := range of.Cells {
		most = max(most, x.N)
	}
	for i, name := range of.Names {
		y := top + float64(i)*side
		x := left + float64(i)*side
		done := c.link(at(of.Hrefs, i), name)
		c.text(left-8, y+side/2+4, "end", "who", clip(name, 20))
		done()
		fmt.Fprintf(&c, `<text transform="translate(%s %s) rotate(-45)" class="who" fill="#5a626b" aria-hidden="true">%s</text>`, num(x+side/2+3), num(top-8), esc(clip(name, 15)))
		c.line(left, y, left+n*side, y, "grid")
		c.line(x, top, x, top+n*side, "grid")
	}
	hues := [5]string{"#dcebfa", "#b3d3f2", "#7fb2e5", "#2f7cc4", "#0b4f8a"}
	for _, x := range of.Cells {
		level := min(4, (x.N-1)*5/most)
		px, py := left+float64(x.Col)*side, top+float64(x.Row)*side
		done := c.link(x.Href, x.Label)
		c.tip(x.Label)
		fmt.Fprintf(&c, `<rect x="%s" y="%s" width="%s" height="%s" class="h%d" fill="%s"/>`, num(px+1), num(py+1), num(side-2), num(side-2), level+1, hues[level])
		class, ink := "off", "#16191d"
		if level >= 3 {
			class, ink = "on", "#ffffff"
		}
		fmt.Fprintf(&c, `<text x="%s" y="%s" text-anchor="middle" class="%s" fill="%s">%d</text>`, num(px+side/2), num(py+side/2+4), class, ink, x.N)
		done()
	}
	return c.close()
}

func at(ss []string, i int) string {
	if i < len(ss) {
		return ss[i]
	}
	return ""
}

// Friend is one partner of the centre of an ego graph.
type Friend struct {
	Name, Label, Href string
	N                 int
}

// EgoOf is the network around one organisation.
type EgoOf struct {
	Head
	Centre  string
	Friends []Friend // at most 30 are drawn
}

// Ego draws the partners around their centre, the more deals the thicker the line,
// with the number beside each name.
func Ego(of EgoOf) string {
	var c canvas
	fs := of.Friends[:min(len(of.Friends), 30)]
	const w = 640.0
	h := 120 + 22*math.Max(6, float64(len(fs))/1.6)
	c.open(of.Head, "ego", w, h)
	cx, cy, rx, ry := w/2, h/2, 150.0, h/2-34
	most := 1
	for _, f := range fs {
		most = max(most, f.N)
	}
	type spot struct{ x, y float64 }
	spots := make([]spot, len(fs))
	for i := range fs {
		// Two columns of names, so that none covers another: the even to the right, the
		// odd to the left, from the top down.
		side, of := 1.0, (len(fs)+1)/2
		if i%2 == 1 {
			side, of = -1, len(fs)/2
		}
		k := (float64(i/2) + .5) / float64(of)
		a := math.Pi * (k - .5)
		spots[i] = spot{cx + side*rx*math.Max(.35, math.Cos(a)), cy + ry*(2*k-1)}
		fmt.Fprintf(&c, `<line x1="%s" y1="%s" x2="%s" y2="%s" class="edge" stroke="#0b5cad" stroke-opacity=".55" stroke-width="%s"/>`, num(cx), num(cy), num(spots[i].x), num(spots[i].y), num(1+5*float64(f0(fs[i].N))/float64(most)))
	}
	fmt.Fprintf(&c, `<rect x="%s" y="%s" width="%s" height="26" rx="13" class="solid" fill="#0b5cad"/><text x="%s" y="%s" text-anchor="middle" class="on" fill="#ffffff">%s</text>`,
		num(cx-4.2*float64(len([]rune(clip(of.Centre, 24))))-10), num(cy-13), num(8.4*float64(len([]rune(clip(of.Centre, 24))))+20), num(cx), num(cy+4), esc(clip(of.Centre, 24)))
	for i, f := range fs {
		p := spots[i]
		done := c.link(f.Href, f.Label)
		c.tip(f.Label)
		fmt.Fprintf(&c, `<circle cx="%s" cy="%s" r="5" class="solid" fill="#0b5cad"/>`, num(p.x), num(p.y))
		x, anchor := p.x+10, "start"
		text := clip(f.Name, 22) + " " + strconv.Itoa(f.N)
		if i%2 == 1 {
			x, anchor = p.x-10, "end"
		}
		width := 7 * float64(len([]rune(text)))
		hx := x
		if anchor == "end" {
			hx = x - width
		}
		fmt.Fprintf(&c, `<rect x="%s" y="%s" width="%s" height="24" class="hit" fill="transparent"/>`, num(hx), num(p.y-12), num(width))
		c.text(x, p.y+4, anchor, "who", text)
		done()
	}
	return c.close()
}

func f0(n int) int { return max(0, n) }

// Dot is one amount at one time.
type Dot struct {
	X     float64 // 0 to 1
	Low   float64 // of the amount; High is the same unless it is a range
	High  float64
	Open  bool // a bound only: "from", "up to"
	Label string
	Href  string
}

// DotsOf is a chart of amounts over time, on a logarithmic scale.
type DotsOf struct {
	Head
	Dots  []Dot
	Ticks []Moment
	Unit  string
	Axis  func(short string) string // writes an amount of the axis, such as 10k, with its unit; put after it if nil
	W     float64                   // 960 if zero
}

// Dots draws amounts: a disc for an exact one, a ring for a bound, a bar for a range.
func Dots(of DotsOf) string {
	var c canvas
	const h, left, right, top, bottom = 300.0, 80.0, 20.0, 14.0, 26.0
	w := of.W
	if w == 0 {
		w = 960
	}
	c.open(of.Head, "dots", w, h)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, d := range of.Dots {
		if d.Low > 0 {
			lo, hi = math.Min(lo, d.Low), math.Max(hi, math.Max(d.High, d.Low))
		}
	}
	if math.IsInf(lo, 1) {
		return c.close()
	}
	l0, l1 := math.Floor(math.Log10(lo)), math.Ceil(math.Log10(hi))
	if l1 <= l0 {
		l1 = l0 + 1
	}
	y := func(v float64) float64 { return top + (h-top-bottom)*(1-(math.Log10(v)-l0)/(l1-l0)) }
	x := func(f float64) float64 { return left + 10 + f*(w-left-right-20) }
	axis := of.Axis
	if axis == nil {
		axis = func(short string) string { return short + of.Unit }
	}
	every := math.Max(1, math.Ceil((l1-l0)/6))
	for p := l0; p <= l1; p += every {
		v := math.Pow(10, p)
		c.line(left, y(v), w-right, y(v), "grid")
		c.text(left-8, y(v)+4, "end", "tick", axis(short(v)))
	}
	for _, t := range of.Ticks {
		anchor := "middle"
		if t.X > .95 {
			anchor = "end"
		}
		c.text(x(t.X), h-6, anchor, "tick", t.Label)
	}
	for _, d := range of.Dots {
		if d.Low <= 0 {
			continue
		}
		done := c.link(d.Href, d.Label)
		c.tip(d.Label)
		px, py := x(d.X), y(d.Low)
		fmt.Fprintf(&c, `<circle cx="%s" cy="%s" r="12" class="hit" fill="transparent"/>`, num(px), num(py))
		if d.High > d.Low {
			fmt.Fprintf(&c, `<line x1="%s" y1="%s" x2="%s" y2="%s" class="edge" stroke="#0b5cad" stroke-width="3"/>`, num(px), num(py), num(px), num(y(d.High)))
		}
		class := `class="mark solid" fill="#0b5cad" stroke="#0b5cad"`
		if d.Open {
			class = `class="mark hollow" fill="#ffffff" stroke="#0b5cad" stroke-width="2"`
		}
		fmt.Fprintf(&c, `<circle cx="%s" cy="%s" r="5" %s/>`, num(px), num(py), class)
		done()
	}
	return c.close()
}

// short writes 10k, 1M.
func short(v float64) string {
	for _, u := range []struct {
		f float64
		s string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= u.f {
			return strings.TrimSuffix(strconv.FormatFloat(v/u.f, 'f', 1, 64), ".0") + u.s
		}
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
