// Package channel writes the messages of alerts and hands them to where they go:
// signed webhooks, e-mail, Slack, Teams, any chat that takes JSON, NATS.
//
// [Sender.Send] makes one attempt and says in a [Result] what came of it; whether
// and when there is another one is the caller's business, and so is who is told
// what. [Text], [HTML] and [Body] show a message without sending it.
//
// All that comes from articles is foreign: it is escaped for where it goes, cut to
// [MaxQuote], and never part of an address that is sent to.
package channel

import (
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"example.org/veille/query"
	"example.org/veille/schemas"
)

// MaxQuote is how much of a sentence is shown, in characters: the short extract
// that press publishers' rights leave free.
const MaxQuote = 280

// MaxItems is how many deals a digest shows in full; it counts and links to the
// others.
const MaxItems = 15

// Message is what goes out at once to one destination: one deal, a digest of
// several, or a notice to the rule's owner.
type Message struct {
	ID      string // the same at each attempt
	Root    string // id of the message that opened the thread, "" when this one does
	Rule    schemas.Rule
	Items   []schemas.Alert // one, or for a digest at most MaxItems
	Total   int             // deals of a digest, shown or not
	Digest  bool
	Flood   bool // a digest because there was too much at once
	Test    bool // somebody pressed the button
	Notice  string
	Links   schemas.AlertLinks
	Sent    time.Time
	Subject string // of the last resort, for notices
}

// words are the fixed sentences of messages, in French and in English.
var words = map[string][2]string{
	"new":          {"Nouvel accord", "New deal"},
	"status":       {"Nouveau statut", "Status changed"},
	"value":        {"Montant modifié", "Value changed"},
	"corroborated": {"Confirmé par %d sources", "Carried by %d sources"},
	"price":        {"Nouveau prix", "New price"},
	"merged":       {"Rectificatif : cet accord n’en fait qu’un avec un autre", "Correction: this deal is one with another"},
	"retracted":    {"Rectificatif : ce n’était pas un accord, ou la source l’a retiré", "Correction: this was no deal, or its source withdrew it"},
	"test":         {"Essai", "Test"},
	"digest":       {"%d changements", "%d changes"},
	"digest1":      {"1 changement", "1 change"},
	"flood":        {"Trop de messages en une heure : les suivants sont groupés.", "Too many messages within an hour: the rest is grouped."},
	"more":         {"et %d de plus :", "and %d more:"},
	"why":          {"Correspond à", "Matched"},
	"query":        {"Requête", "Query"},
	"published":    {"publié", "published"},
	"seen":         {"vu", "seen"},
	"sent":         {"envoyé", "sent"},
	"deal":         {"Fiche de l’accord", "The deal"},
	"source":       {"Ouvrir à la phrase", "Open at the sentence"},
	"rule":         {"La règle", "The rule"},
	"log":          {"Tout ce qui a été envoyé", "All that was sent"},
	"mutedeal":     {"Taire cet accord", "Mute this deal"},
	"mutevendor":   {"Taire %s", "Mute %s"},
	"muterule":     {"Taire cette règle", "Mute this rule"},
	"daily":        {"Plutôt un résumé quotidien", "Make it a daily digest"},
	"unsubscribe":  {"Se désabonner", "Unsubscribe"},
	"notice":       {"Une destination ne reçoit plus", "A destination no longer takes messages"},
	"survivor":     {"Accord qui reste", "Deal that stays"},
}

func word(lang, key string, args ...any) string {
	w := words[key][1]
	if lang == "fr" {
		w = words[key][0]
	}
	if len(args) > 0 {
		return fmt.Sprintf(w, args...)
	}
	return w
}

func label(field, value, lang string) string {
	if f, ok := query.FieldByName(field); ok {
		return f.Label(value, lang)
	}
	return value
}

// Line is a deal in one line: parties, type, status, territory, amount.
func Line(d schemas.Deal, lang string) string {
	names := make([]string, 0, len(d.Parties))
	for _, p := range d.Parties {
		names = append(names, Plain(p.Name, 80))
		if len(names) == 6 && len(d.Parties) > 6 {
			names = append(names, "…")
			break
		}
	}
	join := " → "
	if d.Type == "partnership" || d.Type == "joint_venture" {
		join = " × "
	}
	parts := []string{strings.Join(names, join), label("type", d.Type, lang), label("status", d.Status, lang)}
	for i, t := range d.Territory {
		if i < 3 {
			parts = append(parts, label("territory", t, lang))
		}
	}
	if a := d.Amount.String(); a != "" {
		parts = append(parts, grouped(a, lang))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// grouped puts the digits of the numbers in s by threes and writes their points as the
// language does.
func grouped(s, lang string) string {
	sep, point := ",", "."
	if lang == "fr" {
		sep, point = "\u202f", ","
	}
	digit := func(i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }
	var b strings.Builder
	for i, fraction := 0, false; i < len(s); i++ {
		switch {
		case s[i] == '.' && digit(i-1) && digit(i+1):
			fraction = true
			b.WriteString(point)
			continue
		case !digit(i):
			fraction = false
		case !fraction && digit(i-1):
			left := i
			for digit(left) {
				left++
			}
			if (left-i)%3 == 0 {
				b.WriteString(sep)
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// PriceLine is a price in one line: vendor, product, what was written, kind.
func PriceLine(p schemas.Price, lang string) string {
	parts := []string{}
	if p.Vendor != nil {
		parts = append(parts, Plain(p.Vendor.Name, 80))
	}
	parts = append(parts, Plain(p.Product, 80), Plain(p.Text, 60), label("price_kind", p.Kind, lang))
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// Plain makes foreign text fit for one line: no control or direction characters,
// blanks joined, at most n characters.
func Plain(s string, n int) string {
	if len(s) > 8*n+1024 { // before anything that walks over it
		s = s[:8*n+1024]
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u200b', r == '\ufeff', r >= 0xE0000:
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	cut := string([]rune(s)[:n-1])
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/2 {
		cut = cut[:i]
	}
	return cut + "…"
}

// AtSentence is the address of a page with a text fragment, which opens it at the
// quote. The fragment names the first and the last words only when it is long.
func AtSentence(addr, quote string) string {
	u, err := url.Parse(addr)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return ""
	}
	f := strings.Fields(strings.ToValidUTF8(quote, ""))
	if len(f) == 0 {
		return addr
	}
	enc := func(w []string) string {
		// "-", "," and "&" are the fragment's own marks.
		return strings.NewReplacer("+", "%20", "-", "%2D").Replace(url.QueryEscape(strings.Join(w, " ")))
	}
	text := enc(f)
	if len(f) > 10 {
		text = enc(f[:5]) + "," + enc(f[len(f)-5:])
	}
	if len(addr)+len(text) > 4<<10 {
		return addr
	}
	if strings.Contains(addr, "#") {
		return addr + ":~:text=" + text
	}
	return addr + "#:~:text=" + text
}

// Happened names the event of an entry of the log.
func Happened(d schemas.Delivery, lang string) string {
	event, arg, _ := strings.Cut(d.Event, "-")
	switch event {
	case "status":
		return word(lang, event) + colon(lang) + label("status", arg, lang)
	case "corroborated":
		n := 0
		_, _ = fmt.Sscan(arg, &n)
		return word(lang, event, n)
	case "notice":
		return word(lang, event)
	}
	if _, ok := words[event]; ok {
		return word(lang, event)
	}
	return d.Event
}

// view is one deal of a message as every channel shows it.
type view struct {
	WhyWord string // with its colon
	Head    string
	Line    string
	Change  string
	Quotes  []quoteView
	Why     string
	Times   string
	Links   []link
	Single  bool // its title has said the line already
}

type quoteView struct {
	Text, Lang, From, URL string
	Open, Close           string // quotation marks of its language
}

// date is a day as people write it: 12 mars 2026, 12 March 2026.
func date(t time.Time, lang string) string {
	if lang != "fr" {
		return t.Format("2 January 2006")
	}
	day := strconv.Itoa(t.Day())
	if t.Day() == 1 {
		day = "1er"
	}
	return day + " " + months[t.Month()-1] + " " + strconv.Itoa(t.Year())
}

var months = [12]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}

// colon is what stands between a label and what follows.
func colon(lang string) string {
	if lang == "fr" {
		return "\u00a0: "
	}
	return ": "
}

type link struct{ Label, URL string }

func (m Message) view(a schemas.Alert) view {
	lang := m.Rule.Lang
	v := view{WhyWord: word(lang, "why") + colon(lang), Single: !m.Digest, Line: a.Line, Why: strings.Join(a.Rule.Why, " · ")}
	switch a.Event {
	case "corroborated":
		v.Head = word(lang, a.Event, a.Deal.Outlets)
	default:
		v.Head = word(lang, a.Event)
	}
	if a.Change.From != "" && a.Change.To != "" {
		v.Change = label("status", a.Change.From, lang) + " → " + label("status", a.Change.To, lang)
	}
	zone := m.Rule.Cadence.Location()
	for _, e := range a.Evidence {
		q := quoteView{Text: e.Quote, Lang: e.Lang, URL: e.URL, Open: "« ", Close: " »", From: fmt.Sprintf("%s (%s)", e.Outlet, e.Lang)}
		if e.Lang == "en" {
			q.Open, q.Close = "“", "”"
		}
		if !e.Published.IsZero() {
			q.From += ", " + date(e.Published.In(zone), lang)
		}
		v.Quotes = append(v.Quotes, q)
	}
	// The day is said once, as long as it stays the same.
	var times []string
	day := ""
	for _, t := range []struct {
		key string
		at  time.Time
	}{{"published", a.Times.Published}, {"seen", a.Times.Seen}, {"sent", m.Sent}} {
		if t.at.IsZero() || t.key == "seen" && a.Times.Published.IsZero() {
			continue
		}
		at := t.at.In(zone)
		s := word(lang, t.key)
		if d := date(at, lang); d != day {
			day = d
			s += " " + d
		}
		times = append(times, s+" "+at.Format("15:04"))
	}
	v.Times = strings.Join(times, " · ") + " " + m.Sent.In(zone).Format("MST")
	v.Links = append(v.Links, link{word(lang, "deal"), a.Deal.URL})
	if a.Change.Into != "" {
		v.Links[0].Label = word(lang, "survivor")
	}
	v.Links = append(v.Links, link{word(lang, "mutedeal"), a.Links.MuteDeal})
	for i, p := range a.Deal.Parties {
		if u := a.Links.MuteVendors[p.ID]; u != "" && i < 4 {
			v.Links = append(v.Links, link{word(lang, "mutevendor", Plain(p.Name, 80)), u})
		}
	}
	v.Links = slices.DeleteFunc(v.Links, func(l link) bool { return l.URL == "" })
	return v
}

// Title is the message in one line: a subject, a summary.
func (m Message) Title() string {
	lang := m.Rule.Lang
	var s string
	switch {
	case m.Notice != "":
		s = word(lang, "notice") + " · " + m.Rule.Name
	case m.Digest && m.Total == 1:
		s = word(lang, "digest1") + " · " + m.Rule.Name
	case m.Digest:
		s = word(lang, "digest", m.Total) + " · " + m.Rule.Name
	case len(m.Items) > 0:
		v := m.view(m.Items[0])
		s = v.Head + colon(lang) + v.Line
		if v.Change != "" {
			s += " (" + v.Change + ")"
		}
	}
	if m.Test {
		s = "[" + word(lang, "test") + "] " + s
	}
	return Plain(s, 180)
}

// page is what the templates of text and HTML read.
type page struct {
	Lang, Title, Notice, Flood, Rule, Query, WhyWord, QueryWord, More string
	Views                                                             []view
	Foot                                                              []link
	LogURL                                                            string
}

func (m Message) page() page {
	lang := m.Rule.Lang
	p := page{
		Lang: lang, Title: m.Title(), Notice: Plain(m.Notice, 1000), Rule: m.Rule.Name, Query: m.Rule.Query,
		WhyWord: word(lang, "why") + colon(lang), QueryWord: word(lang, "query") + colon(lang), LogURL: m.Links.Explain,
	}
	for _, a := range m.Items {
		p.Views = append(p.Views, m.view(a))
	}
	if m.Flood {
		p.Flood = word(lang, "flood")
	}
	if more := m.Total - len(m.Items); m.Digest && more > 0 {
		p.More = word(lang, "more", more)
	}
	p.Foot = []link{
		{word(lang, "rule"), m.Links.Rule}, {word(lang, "log"), m.Links.Explain}, {word(lang, "daily"), m.Links.Daily},
		{word(lang, "muterule"), m.Links.MuteRule}, {word(lang, "unsubscribe"), m.Links.Unsubscribe},
	}
	p.Foot = slices.DeleteFunc(p.Foot, func(l link) bool { return l.URL == "" })
	return p
}

// Text is the message for people who read text.
func Text(m Message) string {
	p := m.page()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", p.Title)
	if p.Notice != "" {
		fmt.Fprintf(&b, "%s\n\n", p.Notice)
	}
	if p.Flood != "" {
		fmt.Fprintf(&b, "%s\n\n", p.Flood)
	}
	for i, v := range p.Views {
		if !v.Single {
			fmt.Fprintf(&b, "%d. %s\n   %s", i+1, v.Line, v.Head)
			if v.Change != "" {
				fmt.Fprintf(&b, " (%s)", v.Change)
			}
			b.WriteString("\n")
		}
		for _, q := range v.Quotes {
			fmt.Fprintf(&b, "   %s%s%s\n   %s\n   %s\n\n", q.Open, q.Text, q.Close, q.From, q.URL)
		}
		if v.Why != "" {
			fmt.Fprintf(&b, "   %s%s\n", p.WhyWord, v.Why)
		}
		fmt.Fprintf(&b, "   %s\n\n", v.Times)
		for _, l := range v.Links {
			fmt.Fprintf(&b, "   %s%s%s\n", l.Label, colon(p.Lang), l.URL)
		}
		b.WriteString("\n")
	}
	if p.More != "" {
		fmt.Fprintf(&b, "%s %s\n\n", p.More, p.LogURL)
	}
	fmt.Fprintf(&b, "-- \n%s · %s%s\n", p.Rule, p.QueryWord, p.Query)
	for _, l := range p.Foot {
		fmt.Fprintf(&b, "%s%s%s\n", l.Label, colon(p.Lang), l.URL)
	}
	return b.String()
}

// No image, no style from elsewhere, nothing that reports back.
var htmlPage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><title>{{.Title}}</title></head>
<body style="font-family:sans-serif;max-width:44em">
<h1 style="font-size:1.1em">{{.Title}}</h1>
{{with .Notice}}<p>{{.}}</p>{{end}}{{with .Flood}}<p>{{.}}</p>{{end}}
{{range .Views}}<section style="margin:1em 0;padding:0 0 .5em;border-bottom:1px solid #ccc">
{{template "view" .}}</section>
{{end}}{{with .More}}<p>{{.}} <a href="{{$.LogURL}}">{{$.LogURL}}</a></p>{{end}}
<p><small>{{.Rule}} · {{.QueryWord}}<code>{{.Query}}</code><br>
{{range $i, $l := .Foot}}{{if $i}} · {{end}}<a href="{{$l.URL}}">{{$l.Label}}</a>{{end}}</small></p>
</body></html>
{{define "view"}}{{if not .Single}}<p><strong>{{.Line}}</strong><br>{{.Head}}{{with .Change}} ({{.}}){{end}}</p>
{{end}}{{range .Quotes}}<blockquote lang="{{.Lang}}" style="margin:.5em 1em">{{.Open}}{{.Text}}{{.Close}}<br><small>{{if .URL}}<a href="{{.URL}}" rel="noopener noreferrer nofollow">{{.From}}</a>{{else}}{{.From}}{{end}}</small></blockquote>
{{end}}{{with .Why}}<p><small>{{$.WhyWord}}<code>{{.}}</code></small></p>{{end}}
<p><small>{{.Times}}</small></p>
<p>{{range $i, $l := .Links}}{{if $i}} · {{end}}<a href="{{$l.URL}}">{{$l.Label}}</a>{{end}}</p>
{{end}}
`))

// HTML is the message as a page.
func HTML(m Message) (string, error) {
	var b strings.Builder
	if err := htmlPage.Execute(&b, m.page()); err != nil {
		return "", fmt.Errorf("write message %s: %w", m.ID, err)
	}
	return b.String(), nil
}

// Entry is the one deal of a message as the content of a feed's entry.
func Entry(m Message) (string, error) {
	if len(m.Items) == 0 {
		return "", nil
	}
	var b strings.Builder
	if err := htmlPage.ExecuteTemplate(&b, "view", m.view(m.Items[0])); err != nil {
		return "", fmt.Errorf("write entry %s: %w", m.ID, err)
	}
	return b.String(), nil
}
