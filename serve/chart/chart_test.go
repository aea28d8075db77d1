package chart

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
)

const hostile = `"><script>alert(1)</script>&'`

// drawings are one of each kind, with hostile text wherever there is text.
func drawings() map[string]string {
	h := Head{ID: "x", Title: hostile, Desc: hostile, Alone: true}
	return map[string]string{
		"columns": Columns(ColumnsOf{Head: h, Series: []string{hostile, "b", "c", "d", "e", "f"}, W: 600, H: 200, Bars: []Bar{{Label: hostile, Tick: hostile, Href: "/search?a=1&b=" + hostile, Parts: []float64{1, 2, 0, 3, 1, 1}}, {Label: "b", Parts: []float64{math.NaN(), math.Inf(1)}, Partial: true}}}),
		"none":    Columns(ColumnsOf{Head: h, W: 600, H: 200}),
		"lanes":   Lanes(LanesOf{Head: h, Lanes: []Lane{{Name: hostile, Moments: []Moment{{X: 0, Shape: "rumoured", Label: hostile, Tip: hostile, Href: "#e1"}, {X: 1, Shape: hostile, Label: hostile}}}}, Ticks: []Moment{{X: .5, Label: hostile}}}),
		"heat":    Heat(HeatOf{Head: h, Names: []string{hostile, "b"}, Hrefs: []string{hostile}, Cells: []Cell{{Row: 1, N: 3, Label: hostile, Href: hostile}}}),
		"ego":     Ego(EgoOf{Head: h, Centre: hostile, Friends: []Friend{{Name: hostile, Label: hostile, Href: hostile, N: 2}, {Name: "b", N: -1}, {Name: "c"}}}),
		"dots":    Dots(DotsOf{Head: h, Unit: hostile, Dots: []Dot{{X: .2, Low: 10, High: 2000, Label: hostile, Href: hostile}, {X: 2, Low: -1}, {Low: 1e300}}, Ticks: []Moment{{Label: hostile}}}),
		"nodots":  Dots(DotsOf{Head: h}),
		"strip":   Strip(StripOf{Head: h, Values: []float64{0, 3, math.Inf(1)}}),
	}
}

// TestDrawings: each is well-formed, named, without script or style, its numbers finite.
func TestDrawings(t *testing.T) {
	for name, svg := range drawings() {
		dec := xml.NewDecoder(strings.NewReader(svg))
		text := ""
		for {
			tok, err := dec.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v in %s", name, err, svg)
			}
			switch tok := tok.(type) {
			case xml.StartElement:
				if tok.Name.Local == "script" || tok.Name.Local == "style" {
					t.Errorf("%s: <%s>", name, tok.Name.Local)
				}
				for _, a := range tok.Attr {
					if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
						t.Errorf("%s: %s=%q", name, a.Name.Local, a.Value)
					}
				}
			case xml.CharData:
				text += string(tok)
			}
		}
		if !strings.Contains(text, hostile) || !strings.Contains(svg, `aria-labelledby="x-t x-d"`) {
			t.Errorf("%s lacks its title: %s", name, svg)
		}
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%s: a number that is none: %s", name, svg)
		}
	}
}

// TestShapes: no two statuses look alike.
func TestShapes(t *testing.T) {
	seen := map[string]string{}
	for _, s := range []string{"rumoured", "planned", "announced", "in_effect", "ended", "denied", "background"} {
		shape := Shape(s, 0, 0)
		if other, ok := seen[shape]; ok {
			t.Errorf("%s looks like %s", s, other)
		}
		seen[shape] = s
	}
}
