package catalogue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// The compiled form: a magic, a table of distinct strings (lengths, then one blob), then the records as a stream of varints that refer to
// strings by number. Decoding is one pass and allocates one string for all text.
const magic = "veillecat1\n"

type role uint8

const (
	roleVendor   role = iota // a vendor's own name
	roleProduct              // a product or brand
	rolePerson               // its head: weak
	roleNickname             // a nickname: anaphora only
	rolePlace                // its headquarters: anaphora only
	rolePress                // somebody who reports
	roleTrap                 // looks like a vendor and is not: consumed in silence
	roleCue                  // context phrase
	lastRole
)

// nameRec is a name before compilation.
type nameRec struct {
	text        string
	role        role
	target      int
	from, until Date
	lang        string
	guard       int // -1 none
	lower       bool
	hyphens     bool // a space in the name may be a hyphen in the text
}

type writer struct {
	b       []byte
	strings map[string]int
	table   []string
}

func (w *writer) num(n int) { w.b = binary.AppendUvarint(w.b, uint64(n)) }

func (w *writer) date(d Date) { w.b = binary.AppendVarint(w.b, int64(d)) }

func (w *writer) str(s string) {
	i, ok := w.strings[s]
	if !ok {
		i = len(w.table)
		w.strings[s] = i
		w.table = append(w.table, s)
	}
	w.num(i)
}

func (w *writer) strs(ss []string) {
	w.num(len(ss))
	for _, s := range ss {
		w.str(s)
	}
}

func (w *writer) alias(a aliasSource) {
	w.str(a.Text)
	w.str(a.Lang)
	w.date(Date(a.From))
	w.date(Date(a.Until))
}

func (w *writer) tenures(ts []tenureSource) {
	w.num(len(ts))
	for _, t := range ts {
		w.str(t.ID)
		w.date(Date(t.From))
		w.date(Date(t.Until))
	}
}

// Compile reads the YAML of a catalogue folder, refuses it when [Check] finds an error in it, and gives the binary form for [Decode].
// Equal folders give equal bytes.
func Compile(fsys fs.FS) ([]byte, error) {
	src, err := readSource(fsys)
	if err != nil {
		return nil, err
	}
	if problems := src.check(); len(problems) > 0 {
		var errs []error
		for _, p := range problems {
			errs = append(errs, errors.New(p.String()))
		}
		return nil, fmt.Errorf("check catalogue: %w", errors.Join(errs...))
	}
	return src.compile(), nil
}

func (src *source) compile() []byte {
	slices.SortFunc(src.vendors, func(a, b vendorSource) int { return strings.Compare(a.ID, b.ID) })
	w := &writer{strings: map[string]int{}}
	ids := map[string]int{}
	for i, v := range src.vendors {
		ids[v.ID] = i
	}
	var names []nameRec
	var guards []guardSource
	guardOf := func(g *guardSource) int {
		if g == nil {
			return -1
		}
		guards = append(guards, *g)
		return len(guards) - 1
	}

	w.num(len(src.vendors))
	products := 0
	for i, v := range src.vendors {
		w.str(v.ID)
		w.str(v.Name)
		w.str(v.Country)
		w.strs(v.Kinds)
		w.date(Date(v.From))
		w.date(Date(v.Until))
		w.strs(v.HQ)
		w.strs(v.Nicknames)
		w.num(len(v.Aliases))
		vg := guardOf(v.Guard)
		names = append(names, nameRec{
			text: v.Name, role: roleVendor, target: i, from: Date(v.From), until: v.nameEnd(), guard: vg,
			lower: v.Guard == nil && lowerAllowed(v.Name, src.common),
		})
		for _, a := range v.Aliases {
			w.alias(a)
			from := Date(a.From)
			if from == 0 {
				from = Date(v.From)
			}
			g := guardOf(a.Guard)
			until := Date(a.Until)
			if until == 0 {
				until = v.nameEnd()
			}
			names = append(names, nameRec{text: a.Text, role: roleVendor, target: i, from: from, until: until, lang: a.Lang, guard: g})
		}
		w.tenures(v.Parent)
		w.tenures(v.Successors)
		w.num(len(v.People))
		for _, p := range v.People {
			w.str(p.Name)
			w.date(Date(p.From))
			w.date(Date(p.Until))
			names = append(names, nameRec{text: p.Name, role: rolePerson, target: i, from: Date(p.From), until: Date(p.Until), guard: -1})
		}
		for _, n := range v.Nicknames {
			names = append(names, nameRec{text: n, role: roleNickname, target: i, from: Date(v.From), guard: -1, lower: true})
		}
		for _, n := range v.HQ {
			names = append(names, nameRec{text: n, role: rolePlace, target: i, from: Date(v.From), guard: -1})
		}
		w.num(len(v.Products))
		for _, p := range v.Products {
			w.str(p.id(v.ID))
			w.str(p.Name)
			w.date(Date(p.From))
			w.date(Date(p.Until))
			w.num(len(p.Aliases))
			g := guardOf(p.Guard)
			names = append(names, nameRec{text: p.Name, role: roleProduct, target: products, from: Date(p.From), guard: g})
			for _, a := range p.Aliases {
				w.alias(a)
				from := Date(a.From)
				if from == 0 {
					from = Date(p.From)
				}
				ag := guardOf(a.Guard)
				names = append(names, nameRec{text: a.Text, role: roleProduct, target: products, from: from, until: Date(a.Until), lang: a.Lang, guard: ag})
			}
			owners := p.owners(v.ID)
			w.num(len(owners))
			for _, o := range owners {
				w.num(ids[o.ID])
				w.date(Date(o.From))
				w.date(Date(o.Until))
			}
			products++
		}
	}

	w.num(len(src.press))
	for i, p := range src.press {
		w.str(p.Name)
		w.num(btoi(p.Kind == "analyst"))
		g := guardOf(p.Guard)
		names = append(names, nameRec{text: p.Name, role: rolePress, target: i, guard: g})
		for _, a := range p.Aliases {
			names = append(names, nameRec{text: a.Text, role: rolePress, target: i, guard: guardOf(a.Guard)})
		}
	}
	for _, t := range src.traps {
		names = append(names, nameRec{text: t, role: roleTrap, guard: -1})
	}

	// A space in a name may be a hyphen in the text, unless both halves are names themselves: « le duo Dell-EMC » names two.
	known := map[string]bool{}
	for _, n := range names {
		if n.role <= roleProduct {
			known[Fold(n.text)] = true
		}
	}
	for i := range names {
		names[i].hyphens = !splits(names[i].text, known)
	}
	sortNames(names)

	cues := map[string][]int{} // folded phrase → guard*2 (+1 against)
	for g, gs := range guards {
		for _, p := range gs.For {
			cues[Fold(p)] = append(cues[Fold(p)], g*2)
		}
		for _, p := range gs.Against {
			cues[Fold(p)] = append(cues[Fold(p)], g*2+1)
		}
	}

	writeNames(w, names)
	w.num(len(guards))
	for _, g := range guards {
		w.num(btoi(g.Default == "accept") | btoi(g.Proper)<<1)
		w.str(strings.Join(g.Opens, " "))
	}
	var cueNames []nameRec
	var cueKeys []string
	for k := range cues {
		cueKeys = append(cueKeys, k)
	}
	slices.Sort(cueKeys)
	for i, k := range cueKeys {
		cueNames = append(cueNames, nameRec{text: k, role: roleCue, target: i, guard: -1, lower: true, hyphens: true})
	}
	sortNames(cueNames)
	w.num(len(cueKeys))
	for _, k := range cueKeys {
		w.num(len(cues[k]))
		for _, g := range cues[k] {
			w.num(g)
		}
	}
	writeNames(w, cueNames)
	w.strs(src.context.Roles)
	w.strs(src.context.Verbs)
	w.strs(src.context.Determiners)
	w.strs(src.context.Tails)
	w.strs(src.context.Regions)
	w.strs(src.context.Strangers)

	head := []byte(magic)
	head = binary.AppendUvarint(head, uint64(len(w.table)))
	for _, s := range w.table {
		head = binary.AppendUvarint(head, uint64(len(s)))
	}
	for _, s := range w.table {
		head = append(head, s...)
	}
	return append(head, w.b...)
}

func writeNames(w *writer, names []nameRec) {
	w.num(len(names))
	for _, n := range names {
		w.str(n.text)
		w.num(int(n.role))
		w.num(n.target)
		w.date(n.from)
		w.date(n.until)
		w.str(n.lang)
		w.num(n.guard + 1)
		w.num(btoi(n.lower) | btoi(n.hyphens)<<1)
	}
}

// sortNames puts names with the same first word side by side, longest first, so that the index is a table of ranges.
func sortNames(names []nameRec) {
	type key struct {
		hash  uint64
		words int
	}
	keys := map[string]key{}
	for _, n := range names {
		if _, ok := keys[n.text]; !ok {
			toks := tokenize(n.text, nil)
			keys[n.text] = key{toks[0].hash, len(toks)}
		}
	}
	slices.SortStableFunc(names, func(a, b nameRec) int {
		ka, kb := keys[a.text], keys[b.text]
		switch {
		case ka.hash != kb.hash:
			if ka.hash < kb.hash {
				return -1
			}
			return 1
		case ka.words != kb.words:
			return kb.words - ka.words
		}
		return strings.Compare(Fold(a.text), Fold(b.text))
	})
}

// splits says whether the name is two known names side by side.
func splits(text string, known map[string]bool) bool {
	f := Fold(text)
	for i := range len(f) {
		if f[i] == ' ' && known[f[:i]] && known[f[i+1:]] {
			return true
		}
	}
	return false
}

// lowerAllowed says whether a vendor's name may also be written all in lower case ("nutanix"): a single word of at least six letters that
// is not a common word.
func lowerAllowed(s string, common map[string]bool) bool {
	if len(s) < 6 || common[Fold(s)] {
		return false
	}
	for _, r := range Fold(s) {
		if r < 'a' || r > 'z' {
			return false
		}
	}
	return true
}

// id gives the product's stable id below its vendor's.
func (p productSource) id(vendor string) string { return vendor + "/" + slug(p.Name) }

// owners gives the product's owners in order of time, the vendor in whose list it stands included.
func (p productSource) owners(vendor string) []tenureSource {
	var out []tenureSource
	var from dateSource
	for _, w := range p.Was {
		out = append(out, tenureSource{ID: w.ID, From: from, Until: w.Until})
		from = w.Until
	}
	own := tenureSource{ID: vendor, From: from}
	if len(p.Then) > 0 {
		own.Until = p.Then[0].From
	}
	out = append(out, own)
	for i, t := range p.Then {
		if i+1 < len(p.Then) {
			t.Until = p.Then[i+1].From
		}
		out = append(out, t)
	}
	return out
}

func slug(s string) string {
	var b strings.Builder
	dash := false
	for _, r := range Fold(s) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteRune(r)
			continue
		}
		if r == '+' {
			b.WriteString("-plus")
			continue
		}
		dash = true
	}
	return b.String()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
