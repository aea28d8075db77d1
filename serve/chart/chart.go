// Package chart draws the charts of the pages as SVG: [Columns], [Lanes], [Heat],
// [Ego], [Dots] and [Strip].
//
// Each drawing is a complete svg element with a title and a description, whose
// shapes carry both classes, for the style sheet of the page, and presentation
// attributes, for a file that stands alone; it has no style attribute and no
// script. What differs by colour differs by pattern, shape or text as well. The
// package does no layout of text beyond counting characters, and writes no table:
// the page shows the same numbers in one beside each drawing.
package chart

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// Head is what every drawing begins with.
type Head struct {
	ID          string // unique on the page; ids within the drawing begin with it
	Title, Desc string // for those who do not see it
	Alone       bool   // a file of its own: declares its namespace
}

// canvas collects the elements of one drawing.
type canvas struct {
	strings.Builder
}

func esc(s string) string { return html.EscapeString(s) }

// num writes a coordinate with at most one decimal.
func num(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		f = 0
	}
	return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64)
}

func (c *canvas) open(h Head, class string, w, height float64) {
	c.WriteString(`<svg`)
	if h.Alone {
		c.WriteString(` xmlns="http://www.w3.org/2000/svg"`)
		fmt.Fprintf(c, ` width="%s" height="%s"`, num(w), num(height))
	}
	fmt.Fprintf(c, ` class="chart %s" viewBox="0 0 %s %s" role="group" aria-labelledby="%s-t %s-d" font-family="system-ui, sans-serif" font-size="12">`, class, num(w), num(height), esc(h.ID), esc(h.ID))
	fmt.Fprintf(c, `<title id="%s-t">%s</title><desc id="%s-d">%s</desc>`, esc(h.ID), esc(h.Title), esc(h.ID), esc(h.Desc))
	if h.Alone {
		fmt.Fprintf(c, `<rect width="%s" height="%s" fill="#ffffff"/>`, num(w), num(height))
	}
}

func (c *canvas) close() string {
	c.WriteString(`</svg>`)
	return c.String()
}

// text writes a label; anchor is start, middle or end.
func (c *canvas) text(x, y float64, anchor, class, s string) {
	fmt.Fprintf(c, `<text x="%s" y="%s" text-anchor="%s" class="%s" fill="#5a626b">%s</text>`, num(x), num(y), anchor, class, esc(s))
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(c, `<line x1="%s" y1="%s" x2="%s" y2="%s" class="%s" stroke="#d7dce1"/>`, num(x1), num(y1), num(x2), num(y2), class)
}

// link opens an a element around what follows; the returned function closes it.
func (c *canvas) link(href, label string) func() {
	if href == "" {
		fmt.Fprintf(c, `<g role="img" aria-label="%s">`, esc(label))
		return func() { c.WriteString(`</g>`) }
	}
	fmt.Fprintf(c, `<a href="%s" aria-label="%s">`, esc(href), esc(label))
	return func() { c.WriteString(`</a>`) }
}

func (c *canvas) tip(s string) { fmt.Fprintf(c, `<title>%s</title>`, esc(s)) }

// Tones is how many series a drawing tells apart.
const Tones = 6

// tones are the fills of series where no style sheet applies.
var tones = [Tones]string{"#0b5cad", "#c2570c", "#3f7d3a", "#8a4fa3", "#8a6d00", "#6b7480"}

// patterns defines a pattern for each tone but the first, which is plain. They are
// told apart without colour: diagonals both ways, dots, upright lines, crosses.
func (c *canvas) patterns(id string, n int) {
	if n < 2 {
		return
	}
	marks := [Tones]string{
		"",
		`<path d="M-1 1l2-2M0 6l6-6M5 7l2-2" class="pm" stroke="#fff" stroke-opacity=".6" stroke-width="1"/>`,
		`<circle cx="3" cy="3" r="1.2" class="pf" fill="#fff"/>`,
		`<path d="M3 0v6" class="pm" stroke="#fff" stroke-opacity=".6" stroke-width="1"/>`,
		`<path d="M-1 5l2 2M0 0l6 6M5-1l2 2" class="pm" stroke="#fff" stroke-opacity=".6" stroke-width="1"/>`,
		`<path d="M0 3h6M3 0v6" class="pm" stroke="#fff" stroke-width=".8"/>`,
	}
	c.WriteString(`<defs>`)
	for i := 1; i < min(n, Tones); i++ {
		fmt.Fprintf(c, `<pattern id="%s-p%d" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" class="c%d" fill="%s"/>%s</pattern>`, esc(id), i, i, tones[i], marks[i])
	}
	c.WriteString(`</defs>`)
}

// fill is how the series i is painted.
func fill(id string, i int) string {
	if i == 0 {
		return fmt.Sprintf(`class="c0" fill="%s"`, tones[0])
	}
	return fmt.Sprintf(`fill="url(#%s-p%d)"`, esc(id), min(i, Tones-1))
}

// nice rounds up to 1, 2 or 5 times a power of ten.
func nice(v float64) float64 {
	if v <= 4 {
		return math.Max(1, math.Ceil(v))
	}
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 4, 5, 6, 8, 10} {
		if v <= m*p {
			return m * p
		}
	}
	return 10 * p
}

// Bar is one column.
type Bar struct {
	Label   string // for its tip and its link
	Tick    string // below it, "" for none
	Href    string
	Parts   []float64 // by series
	Partial bool      // the period is not over
}

func (b Bar) total() (sum float64) {
	for _, p := range b.Parts {
		sum += p
	}
	return sum
}

// ColumnsOf is a chart of stacked columns over time.
type ColumnsOf struct {
	Head
	Series []string // names, for the legend; at most [Tones]
	Bars   []Bar
	W, H   float64
	Small  bool // no axis
}

// Columns draws stacked columns, each a link.
func Columns(of ColumnsOf) string {
	var c canvas
	w, h := of.W, of.H
	left, right, top, bottom := 34.0, 6.0, 10.0, 22.0
	if of.Small {
		left, right, top, bottom = 2, 2, 4, 16
	}
	legend := 0.0
	if len(of.Series) > 1 {
		legend = 20 * math.Ceil(float64(len(of.Series))/3)
	}
	c.open(of.Head, "columns", w, h+legend)
	c.patterns(of.ID, len(of.Series))
	most := 0.0
	for _, b := range of.Bars {
		most = math.Max(most, b.total())
	}
	most = nice(most)
	ph := h - top - bottom
	y := func(v float64) float64 { return top + ph - v/most*ph }
	if !of.Small {
		for _, v := range []float64{0, most / 2, most} {
			if v != math.Trunc(v) {
				continue
			}
			c.line(left, y(v), w-right, y(v), "grid")
			c.text(left-6, y(v)+4, "end", "tick", strconv.FormatFloat(v, 'f', -1, 64))
		}
	} else {
		c.line(left, y(0), w-right, y(0), "grid")
	}
	step := (w - left - right) / math.Max(1, float64(len(of.Bars)))
	gap := math.Min(3, step*.2)
	lastTick := math.Inf(-1)
	for i, b := range of.Bars {
		x := left + float64(i)*step
		done := c.link(b.Href, b.Label)
		c.tip(b.Label)
		// The whole height answers to the pointer.
		fmt.Fprintf(&c, `<rect x="%s" y="%s" width="%s" height="%s" class="hit" fill="transparent"/>`, num(x), num(top), num(step), num(ph))
		base := 0.0
		for j, p := range b.Parts {
			if p <= 0 {
				continue
			}
			partial := ""
			if b.Partial {
				partial = ` fill-opacity=".45" stroke="#5a626b" stroke-dasharray="2 2"`
			}
			fmt.Fprintf(&c, `<rect x="%s" y="%s" width="%s" height="%s" %s%s/>`, num(x+gap/2), num(y(base+p)), num(step-gap), num(y(base)-y(base+p)), fill(of.ID, j), partial)
			base += p
		}
		done()
		if b.Tick != "" && x-lastTick > 7*float64(len([]rune(b.Tick)))+10 {
			anchor, tx := "middle", x+step/2
			if tx < 20 {
				anchor, tx = "start", x
			} else if tx > w-24 {
				anchor, tx = "end", x+step
			}
			c.text(tx, h-5, anchor, "tick", b.Tick)
			lastTick = x
		}
	}
	if legend > 0 {
		for i, s := range of.Series {
			x, ly := left+float64(i%3)*((w-left)/3), h+6+20*float64(i/3)
			fmt.Fprintf(&c, `<rect x="%s" y="%s" width="14" height="12" %s/>`, num(x), num(ly), fill(of.ID, i))
			c.text(x+20, ly+10, "start", "key", s)
		}
	}
	return c.close()
}

// StripOf is a small row of columns without axis, for a table cell.
type StripOf struct {
	Head
	Values []float64
}

// Strip draws a sparkline of columns.
func Strip(of StripOf) string {
	var c canvas
	w := 6 * float64(max(1, len(of.Values)))
	c.open(of.Head, "strip", w, 20)
	most := 1.0
	for _, v := range of.Values {
		most = math.Max(most, v)
	}
	for i, v := range of.Values {
		h := math.Max(1, v/most*19)
		fmt.Fprintf(&c, `<rect x="%d" y="%s" width="4" height="%s" class="c0" fill="%s"/>`, 6*i+1, num(20-h), num(h), tones[0])
	}
	return c.close()
}
