package query

import (
	"cmp"
	"slices"
	"strings"

	"example.org/veille/schemas"
)

// Suggestion is one way to go on typing.
type Suggestion struct {
	Text     string // what to put in the place of the code points From to To
	From, To int
	Label    string // for people, in their language
	Kind     string // "field", "value", "vendor" or "list"
	Count    int    // documents, when known
}

// Known is what completion may propose besides the language itself. Each part may
// be missing.
type Known struct {
	Lang    string                                         // of the labels and of the words proposed: "fr" or "en"
	Vendors func(prefix string, n int) []schemas.VendorRef // by the beginning of any name
	Resolve func(name string) []schemas.VendorRef          // as in [Options]
	Lists   []string                                       // without @
	Sources []string                                       // slugs
	Count   func(field, value string) int                  // documents with a value
	Limit   int                                            // 8 when zero
}

// Complete proposes how to go on at the code point pos of s: names of fields in
// both languages, values, vendors and lists. The best comes first.
func Complete(s string, pos int, known Known) []Suggestion {
	if len(s) > MaxBytes {
		return nil
	}
	if known.Limit <= 0 {
		known.Limit = 8
	}
	in := []rune(strings.ToValidUTF8(s, "\uFFFD"))
	pos = max(0, min(pos, len(in)))
	start, open := wordAt(in, pos)
	c := completer{known: known, from: start, to: pos}
	for c.to < len(in) && !stops(in[c.to]) && in[c.to] != ',' {
		c.to++
	}
	if open { // inside quotation marks that follow no field
		return nil
	}
	typed := string(in[start:pos])
	for strings.HasPrefix(typed, "-") {
		typed, c.from = typed[1:], c.from+1
	}
	name, rest, ok := splitField(typed)
	if !ok {
		c.bare(typed)
		return c.best()
	}
	f, ok := FieldByName(name)
	if !ok {
		return nil
	}
	// The value under the cursor is what follows the last comma outside quotation marks.
	last, quoted := 0, false
	for i, r := range rest {
		switch {
		case opensPhrase(r) || r == '»':
			quoted = !quoted
		case r == ',' && !quoted:
			last = i + 1
		}
	}
	c.from = pos - len([]rune(rest[last:]))
	c.values(f, strings.TrimLeft(rest[last:], `"“«`))
	return c.best()
}

// wordAt finds where the word that ends at pos begins. A quotation mark after a
// colon or comma belongs to its field; open tells that pos lies in any other phrase.
func wordAt(in []rune, pos int) (start int, open bool) {
	closers, inField := "", false
	for i := range pos {
		r := in[i]
		switch {
		case closers != "":
			if strings.ContainsRune(closers, r) {
				closers = ""
				if !inField {
					start = i + 1
				}
			}
		case opensPhrase(r):
			closers = closing[r]
			inField = i > 0 && (in[i-1] == ':' || in[i-1] == ',' && start < i-1)
			if !inField {
				start = i
			}
		case stops(r):
			start = i + 1
		}
	}
	return start, closers != "" && !inField
}

type completer struct {
	known    Known
	from, to int
	out      []Suggestion
	ranks    []int // of out: 0 is best
}

func (c *completer) add(rank int, text, label, kind string, count int) {
	for _, s := range c.out {
		if s.Text == text {
			return
		}
	}
	c.out = append(c.out, Suggestion{text, c.from, c.to, label, kind, count})
	c.ranks = append(c.ranks, rank)
}

func (c *completer) best() []Suggestion {
	order := make([]int, len(c.out))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(c.ranks[a], c.ranks[b]), cmp.Compare(c.out[b].Count, c.out[a].Count))
	})
	var out []Suggestion
	for _, i := range order[:min(len(order), c.known.Limit)] {
		out = append(out, c.out[i])
	}
	return out
}

func (c *completer) count(field, value string) int {
	if c.known.Count == nil {
		return 0
	}
	return c.known.Count(field, value)
}

// meaning is the label of a field.
func (c *completer) meaning(f Field) string {
	if c.known.Lang == "fr" {
		return f.FR
	}
	return f.EN
}

// bare completes a word outside a field: the name of a field, a vendor, a value.
func (c *completer) bare(typed string) {
	key := fold(typed)
	for _, f := range Fields() {
		names := append([]string{f.Name}, f.Aliases...)
		if c.known.Lang == "fr" && len(f.Aliases) > 0 {
			names = append(slices.Clone(f.Aliases), f.Name)
		}
		for _, n := range names {
			if strings.HasPrefix(fold(n), key) {
				c.add(0, n+":", c.meaning(f), "field", 0)
				break
			}
		}
	}
	if len([]rune(key)) < 2 {
		return
	}
	if c.known.Vendors != nil {
		for _, v := range c.known.Vendors(typed, c.known.Limit) {
			c.add(1, "vendor:"+spell(v.ID, c.known.Resolve), v.Name, "vendor", c.count("party", v.ID))
		}
	}
	for _, f := range Fields() {
		if f.Kind == EnumField && f.Name != "has" && f.Name != "is" {
			c.enums(2, f, f.Name+":", key, "")
		}
	}
}

// enums proposes the values whose id or names begin with key.
func (c *completer) enums(rank int, f Field, before, key, after string) {
	for _, e := range f.Values {
		label := f.Label(e.ID, c.known.Lang)
		for _, n := range append([]string{e.ID, e.FR, e.EN}, e.Aliases...) {
			if strings.HasPrefix(fold(n), key) {
				c.add(rank, before+c.spell(f, e)+after, label, "value", c.count(f.Index(), e.ID))
				break
			}
		}
	}
}

// spell writes a value in the reader's language where that is one word.
func (c *completer) spell(f Field, e Enum) string {
	if c.known.Lang != "fr" || f.Name == "territory" || f.Name == "lang" {
		return e.ID
	}
	s := strings.ReplaceAll(e.FR, " ", "-")
	if got, ok := f.EnumByName(s); ok && got.ID == e.ID {
		return s
	}
	return e.ID
}

func (c *completer) values(f Field, typed string) {
	key := fold(typed)
	switch f.Kind {
	case EnumField, SettingField:
		if base, country, ok := strings.Cut(key, "@"); ok && f.Name == "kind" {
			for _, e := range FieldRow("territory").Values {
				label := FieldRow("territory").Label(e.ID, c.known.Lang)
				if strings.HasPrefix(e.ID, country) || strings.HasPrefix(fold(e.FR), country) || strings.HasPrefix(fold(e.EN), country) {
					c.add(0, base+"@"+e.ID, label, "value", c.count("kind", KindToken(base, e.ID)))
				}
			}
			return
		}
		c.enums(0, f, "", key, "")
	case VendorField:
		before := ""
		if a, b, ok := strings.Cut(typed, "~"); ok && f.Name == "pair" {
			before, typed = a+"~", b
		}
		if list, ok := strings.CutPrefix(key, "@"); (ok || key == "") && f.Name != "pair" {
			for _, l := range c.known.Lists {
				if strings.HasPrefix(fold(l), list) {
					c.add(1, "@"+l, "@"+l, "list", 0)
				}
			}
			if ok {
				return
			}
		}
		if c.known.Vendors != nil {
			for _, v := range c.known.Vendors(typed, c.known.Limit) {
				text := before + spell(v.ID, c.known.Resolve)
				if f.Name == "pair" && before == "" {
					text += "~"
				}
				c.add(0, text, v.Name, "vendor", c.count(f.Index(), v.ID))
			}
		}
	case SlugField:
		if f.Name == "source" {
			for _, s := range c.known.Sources {
				if strings.HasPrefix(fold(s), key) {
					c.add(0, s, s, "value", c.count("source", s))
				}
			}
		}
		if f.Name == "currency" {
			for _, s := range []string{"EUR", "USD", "GBP", "CHF", "CAD"} {
				if strings.HasPrefix(fold(s), key) {
					c.add(0, s, s, "value", c.count("currency", s))
				}
			}
		}
	case DateField:
		dates := []string{"today", "yesterday", "7d", "30d", "3m", "1y"}
		if c.known.Lang == "fr" {
			dates = []string{"aujourd'hui", "hier", "7j", "30j", "3m", "1a"}
		}
		for _, s := range dates {
			if strings.HasPrefix(fold(s), key) {
				c.add(0, s, s, "value", 0)
			}
		}
	}
}
