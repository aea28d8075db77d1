package query

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Words says the query in plain words, in French for "fr", else in English, so
// that the reader sees how it was understood:
//
//	fournisseur Nutanix · distribution · France · depuis le 1 janv. 2026
//
// Relative dates are worked out from the time of parsing.
func (q Query) Words(lang string) string {
	w := wording{fr: lang == "fr", now: q.now, zone: q.Zone()}
	var parts []string
	switch x := q.Expr.(type) {
	case nil:
		parts = append(parts, w.pick("tout", "everything"))
	case And:
		for _, y := range x {
			parts = append(parts, w.expr(y, true))
		}
	default:
		parts = append(parts, w.expr(x, q.Sort != "" || len(q.Group) > 0))
	}
	if len(q.Group) > 0 {
		f := FieldRow("group")
		names := make([]string, len(q.Group))
		for i, g := range q.Group {
			names[i] = f.Label(g, lang)
		}
		parts = append(parts, w.pick("groupé par ", "grouped by ")+w.list(names, w.pick(" et ", " and ")))
	}
	if q.Sort != "" {
		parts = append(parts, w.pick("tri : ", "sorted: ")+FieldRow("sort").Label(q.Sort, lang))
	}
	return strings.Join(parts, " · ")
}

type wording struct {
	fr   bool
	now  time.Time
	zone *time.Location
}

func (w wording) pick(fr, en string) string {
	if w.fr {
		return fr
	}
	return en
}

func (w wording) lang() string { return w.pick("fr", "en") }

func (w wording) list(parts []string, last string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	n := len(parts) - 1
	return strings.Join(parts[:n], ", ") + last + parts[n]
}

// expr puts parentheses around what would read wrongly beside something else.
func (w wording) expr(e Expr, beside bool) string {
	switch x := e.(type) {
	case Clause:
		return w.clause(x)
	case Not:
		return w.pick("sauf ", "not ") + w.expr(x.X, true)
	case And:
		parts := make([]string, len(x))
		for i, y := range x {
			parts[i] = w.expr(y, true)
		}
		s := w.list(parts, w.pick(" et ", " and "))
		if beside {
			s = "(" + s + ")"
		}
		return s
	case Or:
		parts := make([]string, len(x))
		for i, y := range x {
			parts[i] = w.expr(y, true)
		}
		s := strings.Join(parts, w.pick(" ou ", " or "))
		if beside {
			s = "(" + s + ")"
		}
		return s
	}
	return ""
}

// name is what the echo calls a field.
func (w wording) name(f Field) string {
	if s := w.pick(f.label[0], f.label[1]); s != "" {
		return s
	}
	if w.fr && len(f.Aliases) > 0 {
		return strings.ReplaceAll(f.Aliases[0], "_", " ")
	}
	return strings.ReplaceAll(f.Name, "_", " ")
}

func (w wording) clause(c Clause) string {
	f := FieldRow(c.Field)
	vals := make([]string, len(c.Values))
	for i, v := range c.Values {
		if v.Kind == Any {
			return w.name(f) + w.pick(" quelconque", " of any kind")
		}
		vals[i] = w.value(f, v)
	}
	s := strings.Join(vals, w.pick(" ou ", " or "))
	switch {
	case f.Kind == DateField:
		return s // says its own preposition
	case f.Name == "lang":
		return w.pick("en ", "in ") + s
	case f.label != [2]string{}:
		return w.name(f) + " " + s
	}
	return s
}

func (w wording) value(f Field, v Value) string {
	switch v.Kind {
	case Phrase:
		return w.pick("« "+v.Text+" »", "“"+v.Text+"”")
	case Prefix:
		return v.Text + "…"
	case Fuzzy:
		return w.pick("à peu près ", "roughly ") + v.Text
	case List:
		return "@" + v.Text
	case Number:
		return w.number(v)
	case Date:
		return w.dates(f, v)
	case Keyword:
		if f.Name == "kind" {
			if kind, country, ok := strings.Cut(v.Text, "@"); ok {
				return f.Label(kind, w.lang()) + " (" + FieldRow("territory").Label(country, w.lang()) + ")"
			}
		}
		if f.Kind == EnumField {
			return f.Label(v.Text, w.lang())
		}
		if f.Name == "pair" {
			return strings.Replace(v.Name, " ~ ", w.pick(" et ", " and "), 1)
		}
		if v.Name != "" {
			return v.Name
		}
	}
	return v.Text
}

func (w wording) number(v Value) string {
	switch v.Op {
	case "..":
		return w.pick("de ", "from ") + w.digits(v.Lo) + w.pick(" à ", " to ") + w.digits(v.Hi)
	case ">=":
		return "≥ " + w.digits(v.Lo)
	case "<=":
		return "≤ " + w.digits(v.Lo)
	case "":
		return "= " + w.digits(v.Lo)
	}
	return v.Op + " " + w.digits(v.Lo)
}

// digits writes 1234.5 as 1 234,5 (narrow no-break space) or 1,234.5.
func (w wording) digits(f float64) string {
	s := strconv.FormatFloat(f, 'f', -1, 64)
	whole, frac, _ := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	var b strings.Builder
	for i, r := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(w.pick("\u202f", ","))
		}
		b.WriteRune(r)
	}
	if frac != "" {
		b.WriteString(w.pick(",", ".") + frac)
	}
	return sign + b.String()
}

var (
	monthsFR = [...]string{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."}
	monthsEN = [...]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
)

func (w wording) month(m time.Month) string { return w.pick(monthsFR[m-1], monthsEN[m-1]) }

func (w wording) day(t time.Time) string {
	t = t.In(w.zone)
	return fmt.Sprintf("%d %s %d", t.Day(), w.month(t.Month()), t.Year())
}

// start and end name the first and the last day of a date.
func (w wording) start(d DateSpec) string {
	from, _ := d.Bounds(w.now, w.zone)
	return w.bound(d, from)
}

func (w wording) end(d DateSpec) string {
	_, to := d.Bounds(w.now, w.zone)
	if d.Unit == 'h' {
		return w.bound(d, to)
	}
	return w.bound(d, to.AddDate(0, 0, -1))
}

func (w wording) bound(d DateSpec, t time.Time) string {
	s := w.day(t)
	if d.Unit == 'h' {
		s += t.In(w.zone).Format(w.pick(" 15 h 04", " 15:04"))
	}
	return s
}

func (w wording) dates(f Field, v Value) string {
	since := func(s string) string { return w.pick("depuis le ", "since ") + s }
	until := func(s string) string { return w.pick("jusqu’au ", "until ") + s }
	switch {
	case f.Name == "since", v.Op == ">=", f.Name == "date" && v.Op == "" && v.From.Relative() && !v.From.Named:
		return since(w.start(v.From))
	case f.Name == "until", v.Op == "<=":
		return until(w.end(v.From))
	case v.Op == ">":
		return w.pick("après le ", "after ") + w.end(v.From)
	case v.Op == "<":
		return w.pick("avant le ", "before ") + w.start(v.From)
	case v.Op == "..":
		return w.pick("du ", "from ") + w.start(v.From) + w.pick(" au ", " to ") + w.end(v.To)
	case v.From.Relative() || v.From.Day > 0:
		return w.pick("le ", "on ") + w.start(v.From)
	case v.From.Month > 0:
		return w.pick("en ", "in ") + fmt.Sprintf("%s %d", w.month(time.Month(v.From.Month)), v.From.Year)
	}
	return w.pick("en ", "in ") + strconv.Itoa(v.From.Year)
}
