package extract

import (
	"cmp"
	"fmt"
	"strings"

	"example.org/veille/schemas"
)

// Trace tells what was found in an article, by which rule, and why candidates were left out.
type Trace struct {
	Lang  string
	Steps []Step
}

// Step is one sentence of a [Trace], or a candidate that was looked at again.
type Step struct {
	In       string // "title" or "text"; "merge" and "model" for what came of candidates, or was added, afterwards
	Text     string
	Names    []string
	Triggers []Try
}

// Try is one trigger and what became of it.
type Try struct {
	Rule    string
	Cue     string
	Dropped string   // why nothing came of it; empty when it became a candidate
	Changed string   // what the candidate was turned into, and why
	Found   []string // the candidates, "type status: role=Name …"
}

// Legend explains the signs of [Trace.String] in one line.
const Legend = "+ found · ~ changed · - dropped, and why · ? not in the catalogue · ← the words that stand for it"

// plain words the reasons that read as shorthand. The reasons themselves are features of the
// model (see reason) and stay as they were learnt.
var plain = map[string]string{
	"no party":       "no organisation in its places",
	"only one party": "an organisation in only one of its places",
}

// String writes the trace for a terminal; [Legend] tells what its signs mean.
func (t Trace) String() string {
	var b strings.Builder
	for _, s := range t.Steps {
		fmt.Fprintf(&b, "%s: %s\n", s.In, s.Text)
		if len(s.Names) > 0 {
			fmt.Fprintf(&b, "    names: %s\n", strings.Join(s.Names, " · "))
		}
		for _, x := range s.Triggers {
			if x.Dropped != "" {
				fmt.Fprintf(&b, "    - %-28s “%s”: %s\n", x.Rule, x.Cue, cmp.Or(plain[x.Dropped], x.Dropped))
			}
			if x.Changed != "" {
				fmt.Fprintf(&b, "    ~ %-28s “%s”: %s\n", x.Rule, x.Cue, x.Changed)
			}
			for _, f := range x.Found {
				fmt.Fprintf(&b, "    + %-28s “%s” → %s\n", x.Rule, x.Cue, f)
			}
		}
	}
	return b.String()
}

// Explain extracts like [Extractor.Extract] and tells how.
func (x *Extractor) Explain(a schemas.Article) Trace {
	tr := &Trace{}
	x.run(a, tr)
	return *tr
}

func (d *doc) step(v *view) {
	if d.trace == nil {
		return
	}
	st := Step{In: v.s.in, Text: d.slice(v.s.in, v.s.start(), v.s.end())}
	for _, it := range v.items {
		var ns []string
		for _, p := range it.parties {
			n := p.org.name
			if p.product != "" {
				n += " (" + p.product + ")"
			}
			ns = append(ns, n)
		}
		n := strings.Join(ns, " + ")
		if it.prep != sNone {
			n = slotName(it.prep) + " " + n
		}
		if it.anaphor {
			n += " ← “" + d.slice(v.s.in, v.s.toks[it.from].start, v.s.toks[it.to-1].end) + "”"
		}
		if it.excl {
			n = "not " + n
		}
		if it.unknown {
			n = "?" + n
		}
		st.Names = append(st.Names, n)
	}
	d.trace.Steps = append(d.trace.Steps, st)
}

func (d *doc) lastStep() *Step { return &d.trace.Steps[len(d.trace.Steps)-1] }

func (d *doc) drop(v *view, t *trigger, why string) {
	if len(d.drops) < 8 {
		d.drops = append(d.drops, dropped{t.rule.typ, reason(why)})
	}
	if d.trace == nil {
		return
	}
	st := d.lastStep()
	st.Triggers = append(st.Triggers, Try{Rule: t.rule.id, Cue: d.slice(v.s.in, v.s.toks[t.from].start, v.s.toks[t.to-1].end), Dropped: why})
}

func (d *doc) found(cs []cand) {
	if d.trace == nil {
		return
	}
	st := d.lastStep()
	for i := range cs {
		c := &cs[i]
		st.Triggers = append(st.Triggers, Try{Rule: c.rule.id, Cue: c.cue, Found: []string{c.String()}})
	}
}

// note tells why a candidate is no more.
func (d *doc) note(c *cand, in, why string) {
	if d.trace == nil {
		return
	}
	d.trace.Steps = append(d.trace.Steps, Step{In: in, Text: c.String(), Triggers: []Try{{Rule: c.rule.id, Cue: c.cue, Dropped: why}}})
}

// noteChange tells what the model makes of a candidate that stays.
func (d *doc) noteChange(c *cand, what string) {
	if d.trace == nil {
		return
	}
	d.trace.Steps = append(d.trace.Steps, Step{In: "model", Text: c.String(), Triggers: []Try{{Rule: c.rule.id, Cue: c.cue, Changed: what}}})
}

// noteFound tells of a deal that only the model sees.
func (d *doc) noteFound(c *cand) {
	if d.trace == nil {
		return
	}
	s := &d.sents[c.sent]
	d.trace.Steps = append(d.trace.Steps, Step{In: "model", Text: d.slice(c.in, s.start(), s.end()), Triggers: []Try{{Rule: c.rule.id, Cue: c.cue, Found: []string{c.String()}}}})
}

// String is a candidate in one line.
func (c *cand) String() string {
	var ps []string
	for _, rp := range c.roles {
		n := rp.p.org.name
		if !rp.p.org.known {
			n = "?" + n
		}
		if rp.role != "" {
			n = rp.role + "=" + n
		}
		ps = append(ps, n)
	}
	return fmt.Sprintf("%s %s (%s): %s", c.typ, c.status, c.why, strings.Join(ps, ", "))
}
