package ingest

import (
	"slices"

	"example.org/veille/schemas"
)

// A site that is made anew breaks no fetch: its pages are read, and less comes out.
// So each source has a canary: what was read from its last pages is compared with
// what was read from those before.

// mark is what was read from one page.
type mark struct {
	Size  int     `json:"n"`           // bytes of text
	Share float64 `json:"b"`           // of boilerplate
	Dated bool    `json:"d,omitempty"` // the page says when it was published
}

const (
	marksKept = 60
	recent    = 8 // pages that are compared with those before them, at least as many
)

// Alarms of the canary.
const (
	driftShort = "its texts have become much shorter: the site may have changed"
	driftMixed = "much more of its pages is left out: the site may have changed"
	driftDates = "its pages no longer say when they were published: the site may have changed"
)

// mark notes an article that was read from its page.
func (bk *book) mark(d *draft) {
	if d.art.How == "feed" || d.art.Paywalled {
		return
	}
	bk.Marks = append(bk.Marks, mark{len(d.art.Text), d.share, d.from != "" && d.from != "feed"})
	if n := len(bk.Marks) - marksKept; n > 0 {
		bk.Marks = slices.Clone(bk.Marks[n:])
	}
}

// drift sets the alarms of a source, or takes them back.
func (bk *book) drift(st *schemas.SourceState) {
	for _, a := range []string{driftShort, driftMixed, driftDates} {
		st.Alarms = without(st.Alarms, a)
	}
	if len(bk.Marks) < 2*recent {
		return
	}
	old, now := bk.Marks[:len(bk.Marks)-recent], bk.Marks[len(bk.Marks)-recent:]
	size := func(m mark) float64 { return float64(m.Size) }
	share := func(m mark) float64 { return m.Share }
	dated := func(m mark) float64 {
		if m.Dated {
			return 1
		}
		return 0
	}
	if a, b := median(old, size), median(now, size); a > 600 && b < a/3 {
		st.Alarms = append(st.Alarms, driftShort)
	}
	if a, b := median(old, share), median(now, share); b > 0.8 && b > a+0.3 {
		st.Alarms = append(st.Alarms, driftMixed)
	}
	if median(old, dated) == 1 && median(now, dated) == 0 {
		st.Alarms = append(st.Alarms, driftDates)
	}
}

func median(list []mark, f func(mark) float64) float64 {
	v := make([]float64, len(list))
	for i, m := range list {
		v[i] = f(m)
	}
	slices.Sort(v)
	return v[len(v)/2]
}
