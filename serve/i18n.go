package serve

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"

	"example.org/veille/query"
)

// Languages are those of the pages, equals.
var Languages = []string{"fr", "en"}

//go:embed web/messages.yaml
var messagesFile embed.FS

// message is one text of the pages. Forms for one and for many are separated by
// "|", arguments stand where {0}, {1} are.
type message struct {
	FR string `yaml:"fr"`
	EN string `yaml:"en"`
}

// messages is the catalogue, with French typography applied.
var messages = sync.OnceValues(func() (map[string]message, error) {
	body, err := messagesFile.ReadFile("web/messages.yaml")
	if err != nil {
		return nil, err
	}
	out := map[string]message{}
	if err := yaml.UnmarshalWithOptions(body, &out, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("read web/messages.yaml: %w", err)
	}
	for k, m := range out {
		m.FR = french.Replace(m.FR)
		out[k] = m
	}
	return out, nil
})

// french puts the narrow no-break space where French sets one.
var french = strings.NewReplacer(" ;", "\u202f;", " :", "\u202f:", " !", "\u202f!", " ?", "\u202f?", " %", "\u202f%", "« ", "«\u202f", " »", "\u202f»", "'", "’")

// tongue writes texts, numbers and dates the way one language does.
type tongue struct {
	lang string
	text map[string]message
	zone *time.Location
}

func newTongue(lang string, zone *time.Location) *tongue {
	text, err := messages()
	if err != nil {
		panic(err) // unreachable: the file is embedded, and read by the tests
	}
	return &tongue{lang, text, zone}
}

func (l *tongue) fr() bool { return l.lang == "fr" }

func (l *tongue) pick(fr, en string) string {
	if l.fr() {
		return fr
	}
	return en
}

// T is the text of a key with its arguments. A key that the catalogue lacks shows
// as itself between double brackets, which the tests look for.
func (l *tongue) T(key string, args ...any) string {
	m, ok := l.text[key]
	if !ok {
		return "⟦" + key + "⟧"
	}
	return l.fill(l.pick(m.FR, m.EN), args)
}

// N is the text of a key for a number, which is argument {0}: French takes the
// singular below two, English for one alone.
func (l *tongue) N(key string, n int, args ...any) string {
	m, ok := l.text[key]
	if !ok {
		return "⟦" + key + "⟧"
	}
	one, many, two := strings.Cut(l.pick(m.FR, m.EN), "|")
	if two && (n != 1 && !l.fr() || l.fr() && (n > 1 || n < -1)) {
		one = many
	}
	return l.fill(one, append([]any{n}, args...))
}

func (l *tongue) fill(s string, args []any) string {
	if len(args) == 0 || !strings.Contains(s, "{") {
		return s
	}
	pairs := make([]string, 0, 2*len(args))
	for i, a := range args {
		v := ""
		switch a := a.(type) {
		case int:
			v = l.Num(a)
		case string:
			v = a
		case time.Time:
			v = l.Day(a)
		default:
			v = fmt.Sprint(a)
		}
		pairs = append(pairs, "{"+strconv.Itoa(i)+"}", v)
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// Label names a value of a field of the query language for people.
func (l *tongue) Label(field, value string) string {
	if f, ok := query.FieldByName(field); ok {
		return f.Label(value, l.lang)
	}
	return value
}

// per names the unit that is priced; one without a text is shown as it is.
func (l *tongue) per(unit string) string {
	if key := "per." + unit; l.text[key] != (message{}) {
		return l.T(key)
	}
	return unit
}

// Num groups digits by three.
func (l *tongue) Num(n int) string { return l.Decimal(strconv.Itoa(n)) }

// Decimal groups the digits of a decimal number and writes its point.
func (l *tongue) Decimal(s string) string {
	whole, frac, _ := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "−", whole[1:]
	}
	var b strings.Builder
	for i, r := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(l.pick("\u202f", ","))
		}
		b.WriteRune(r)
	}
	if frac = strings.TrimRight(frac, "0"); frac != "" {
		if len(frac) == 1 && len(whole) > 0 && whole != "0" {
			frac += "0"
		}
		b.WriteString(l.pick(",", ".") + frac)
	}
	return sign + b.String()
}

// Float writes a number with so many decimals.
func (l *tongue) Float(f float64, decimals int) string {
	s := strconv.FormatFloat(f, 'f', decimals, 64)
	return strings.Replace(s, ".", l.pick(",", "."), 1)
}

var (
	shortFR = [...]string{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."}
	shortEN = [...]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
	daysFR  = [...]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"}
)

func (l *tongue) month(m time.Month) string { return l.pick(shortFR[m-1], shortEN[m-1]) }

// Day writes a date: 12 mars 2026, 12 Mar 2026.
func (l *tongue) Day(t time.Time) string {
	t = t.In(l.zone)
	return fmt.Sprintf("%d\u00a0%s\u00a0%d", t.Day(), l.month(t.Month()), t.Year())
}

// Short writes a date without its year.
func (l *tongue) Short(t time.Time) string {
	t = t.In(l.zone)
	return fmt.Sprintf("%d\u00a0%s", t.Day(), l.month(t.Month()))
}

// Weekday writes a date with the name of its day.
func (l *tongue) Weekday(t time.Time) string {
	t = t.In(l.zone)
	return l.pick(daysFR[t.Weekday()], t.Weekday().String()) + " " + l.Day(t)
}

// Clock writes a date with the time of day.
func (l *tongue) Clock(t time.Time) string {
	return l.Day(t) + t.In(l.zone).Format(l.pick(" 15\u202fh\u202f04", " 15:04"))
}

// ISO is a date for machines.
func (l *tongue) ISO(t time.Time) string { return t.In(l.zone).Format(time.DateOnly) }

// Span writes how long something takes, roughly.
func (l *tongue) Span(d time.Duration) string {
	switch {
	case d < 0:
		return l.Span(0)
	case d < time.Minute:
		return fmt.Sprintf("%d\u00a0s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d\u00a0min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d\u00a0h", int(d.Hours()))
	}
	return fmt.Sprintf("%d\u00a0%s", int(d.Hours()/24), l.pick("j", "d"))
}

// Ago tells how long ago something was.
func (l *tongue) Ago(now, t time.Time) string {
	if t.IsZero() {
		return l.T("never")
	}
	if t.After(now.Add(time.Second)) {
		return l.T("in", l.Span(t.Sub(now)))
	}
	return l.T("ago", l.Span(now.Sub(t)))
}

var currencySigns = map[string]string{"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}

// Money writes the bounds of an amount with its currency: 9 900 €, €9,900, 10–20 %.
func (l *tongue) Money(low, high *string, currency string) string {
	bound := func(s string) string { return l.one(s, currency) }
	switch {
	case low == nil && high == nil:
		return ""
	case high == nil:
		return "≥\u00a0" + bound(*low)
	case low == nil:
		return "≤\u00a0" + bound(*high)
	case *low == *high:
		return bound(*low)
	}
	if l.fr() { // the unit stands once, at the end
		return l.Decimal(*low) + "\u00a0–\u00a0" + bound(*high)
	}
	return bound(*low) + "\u00a0–\u00a0" + bound(*high)
}

// axis writes a rounded amount of a chart, such as 10k: 10 k€, €10k, 10k CHF.
func (l *tongue) axis(short, currency string) string {
	sign := currencySigns[currency]
	digits := strings.TrimRight(short, "kMGT")
	unit := short[len(digits):]
	if l.fr() {
		return strings.Replace(digits, ".", ",", 1) + "\u00a0" + unit + first(sign, " "+currency)
	}
	if sign == "" {
		return short + "\u00a0" + currency
	}
	return sign + short
}

// one writes one amount: the sign of a currency after it in French, before it in
// English; a code stands after it in both.
func (l *tongue) one(amount, currency string) string {
	s := l.Decimal(amount)
	sign := currencySigns[currency]
	switch {
	case currency == "%":
		return s + l.pick("\u202f%", "%")
	case sign == "":
		return s + "\u00a0" + currency
	case l.fr():
		return s + "\u00a0" + sign
	}
	return sign + s
}
