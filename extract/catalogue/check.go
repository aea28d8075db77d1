package catalogue

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Problem is a mistake in the catalogue's YAML.
type Problem struct {
	File, ID, Msg string
}

func (p Problem) String() string {
	return fmt.Sprintf("%s: %s: %s", p.File, p.ID, p.Msg)
}

// Check reads a catalogue folder and lists the mistakes in it: duplicate ids, unknown kinds, dangling parents and owners, dates in the wrong
// order, names of two vendors valid at the same time, and common words used as names without a guard. The error is for a folder that
// cannot be read or parsed.
func Check(fsys fs.FS) ([]Problem, error) {
	src, err := readSource(fsys)
	if err != nil {
		return nil, err
	}
	return src.check(), nil
}

// slugged says whether s is a slug: lower-case letters and digits, parts joined by single hyphens.
func slugged(s string) bool { return s != "" && s == slug(s) }

type claim struct {
	owner, text string // vendor id, or vendor/product
	product     bool
	from, until Date
	guarded     bool
	file        string
}

func (src *source) check() []Problem {
	var out []Problem
	seen := map[string]string{}
	for _, v := range src.vendors {
		if other, ok := seen[v.ID]; ok {
			out = append(out, Problem{v.file, v.ID, "duplicate id, also in " + other})
		}
		seen[v.ID] = v.file
	}
	claims := map[string][]claim{}
	for _, v := range src.vendors {
		bad := func(format string, args ...any) {
			out = append(out, Problem{v.file, v.ID, fmt.Sprintf(format, args...)})
		}
		src.checkVendor(v, seen, bad)
		add := func(text string, c claim, g *guardSource) {
			if len(tokenize(text, nil)) == 0 {
				bad("name %q has no letter", text)
				return
			}
			c.text, c.file, c.guarded = text, v.file, g != nil
			key := nameKey(text)
			claims[key] = append(claims[key], c)
			if g == nil && src.common[Fold(text)] {
				bad("%q is a common word: give it a guard", text)
			}
			if g != nil {
				for _, cue := range g.Against {
					if nameKey(cue) == nameKey(text) {
						bad("guard of %q: the cue %q against it is the name itself", text, cue)
					}
				}
				for _, l := range g.Opens {
					if l != "fr" && l != "en" {
						bad("guard of %q: opens must be fr or en", text)
					}
				}
				for _, cue := range append(slices.Clone(g.For), g.Against...) {
					if len(tokenize(cue, nil)) == 0 {
						bad("guard of %q: empty cue", text)
					}
				}
			}
			if g != nil && g.Default != "accept" && g.Default != "reject" {
				bad("guard of %q: default must be accept or reject, not %q", text, g.Default)
			}
		}
		add(v.Name, claim{owner: v.ID, from: Date(v.From), until: v.nameEnd()}, v.Guard)
		for _, a := range v.Aliases {
			from := max(Date(a.From), Date(v.From))
			until := Date(a.Until)
			if until == 0 {
				until = v.nameEnd()
			}
			add(a.Text, claim{owner: v.ID, from: from, until: until}, a.Guard)
			if a.Lang != "" && a.Lang != "fr" && a.Lang != "en" {
				bad("alias %q: lang must be fr or en", a.Text)
			}
			if a.From != 0 && a.Until != 0 && a.From >= a.Until {
				bad("alias %q ends before it begins", a.Text)
			}
		}
		products := map[string]bool{}
		for _, p := range v.Products {
			id := p.id(v.ID)
			if products[id] {
				bad("duplicate product %s", id)
			}
			products[id] = true
			add(p.Name, claim{owner: id, product: true, from: Date(p.From)}, p.Guard)
			for _, a := range p.Aliases {
				add(a.Text, claim{owner: id, product: true, from: max(Date(a.From), Date(p.From)), until: Date(a.Until)}, a.Guard)
			}
			if p.From != 0 && p.Until != 0 && p.From >= p.Until {
				bad("product %s ends before it begins", id)
			}
			var last dateSource
			for _, w := range p.Was {
				if _, ok := seen[w.ID]; !ok {
					bad("product %s: unknown former owner %q", id, w.ID)
				}
				if w.Until == 0 || w.Until <= last {
					bad("product %s: former owner %s needs an until after the one before", id, w.ID)
				}
				last = w.Until
			}
			for _, t := range p.Then {
				if _, ok := seen[t.ID]; !ok {
					bad("product %s: unknown later owner %q", id, t.ID)
				}
				if t.From == 0 || t.From <= last {
					bad("product %s: later owner %s needs a from after the one before", id, t.ID)
				}
				last = t.From
			}
		}
	}
	out = append(out, clashes(claims)...)
	for _, p := range src.press {
		for _, text := range append([]string{p.Name}, aliasTexts(p.Aliases)...) {
			for _, c := range claims[nameKey(text)] {
				out = append(out, Problem{"press.yaml", p.Name, fmt.Sprintf("%q is also a name of %s", text, c.owner)})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Problem) int { return strings.Compare(a.File+a.ID, b.File+b.ID) })
	return out
}

func (src *source) checkVendor(v vendorSource, ids map[string]string, bad func(string, ...any)) {
	if !slugged(v.ID) {
		bad("id must be a lower-case slug")
	}
	if v.Name == "" {
		bad("no name")
	}
	if len(v.Country) != 2 || strings.ToUpper(v.Country) != v.Country {
		bad("country %q: want two capitals", v.Country)
	}
	if len(v.Kinds) == 0 {
		bad("no kind")
	}
	for _, k := range v.Kinds {
		if !slices.Contains(Kinds(), k) {
			bad("unknown kind %q", k)
		}
	}
	if slices.Contains(v.Kinds, Hyperscaler) && !slices.Contains(v.Kinds, Cloud) {
		bad("a hyperscaler is also a cloud")
	}
	var last dateSource
	for i, t := range v.Parent {
		if _, ok := ids[t.ID]; !ok {
			bad("unknown parent %q", t.ID)
		}
		if t.ID == v.ID {
			bad("is its own parent")
		}
		if t.Until != 0 && t.From >= t.Until {
			bad("parent %s ends before it begins", t.ID)
		}
		if i > 0 && (t.From == 0 || t.From < last || last == 0) {
			bad("parent %s overlaps the one before", t.ID)
		}
		last = t.Until
	}
	if v.Absorbed != nil {
		if _, ok := ids[v.Absorbed.Into]; !ok || v.Absorbed.On == 0 {
			bad("absorbed needs a known vendor and a day")
		}
	}
	for _, s := range v.Successors {
		if _, ok := ids[s.ID]; !ok {
			bad("unknown successor %q", s.ID)
		}
	}
	if v.From != 0 && v.Until != 0 && v.From >= v.Until {
		bad("ends before it begins")
	}
}

// clashes reports names that mean two things at one time. A guard does not help: it tells a vendor from a common word, not two vendors.
func clashes(claims map[string][]claim) []Problem {
	var out []Problem
	for _, cs := range claims {
		for i, a := range cs {
			for _, b := range cs[i+1:] {
				if a.owner == b.owner && a.from == b.from || !overlap(a, b) {
					if a.owner == b.owner && a.text == b.text && overlap(a, b) {
						out = append(out, Problem{a.file, a.owner, fmt.Sprintf("name %q twice", a.text)})
					}
					continue
				}
				out = append(out, Problem{a.file, a.owner, fmt.Sprintf("name %q is also a name of %s (%s) at the same time", a.text, b.owner, b.file)})
			}
		}
	}
	return out
}

func overlap(a, b claim) bool {
	return (a.until == 0 || b.from < a.until) && (b.until == 0 || a.from < b.until)
}

// nameKey is equal for two names that the matcher cannot tell apart.
func nameKey(text string) string {
	var b strings.Builder
	for _, t := range tokenize(text, nil) {
		fmt.Fprintf(&b, "%x ", t.hash)
	}
	return b.String()
}

func aliasTexts(as []aliasSource) []string {
	var out []string
	for _, a := range as {
		out = append(out, a.Text)
	}
	return out
}
