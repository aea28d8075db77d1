package channel

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
	"unicode/utf8"

	"example.org/veille/schemas"
)

var at = time.Date(2026, 3, 12, 8, 4, 41, 0, time.UTC)

func message(lang, event string) Message {
	a := schemas.Alert{
		Rule: schemas.AlertRule{Slug: "esn", Name: "ESN", Query: "kind:integrator@fr", Why: []string{"kind:integrator@fr"}}, Event: event,
		Change: schemas.AlertChange{From: "rumoured", To: "announced"}, Line: "AWS × Capgemini · partnership",
		Deal:     schemas.AlertDeal{ID: "d_1", URL: "https://veille.example/deals/d_1", Type: "partnership", Status: "announced", Outlets: 3, Parties: []schemas.Party{{ID: "aws", Name: "AWS", Known: true}}},
		Evidence: []schemas.AlertEvidence{{Quote: "AWS et Capgemini s’allient.", Lang: "fr", Source: "lemag", Outlet: "Le Mag", URL: "https://lemag.example/a#:~:text=AWS", Published: at.Add(-4 * time.Minute), Seen: at}},
		Times:    schemas.AlertTimes{Published: at.Add(-4 * time.Minute), Seen: at, Sent: at},
		Links:    schemas.AlertLinks{MuteDeal: "https://veille.example/alerts/do/x.y", MuteVendors: map[string]string{"aws": "https://veille.example/alerts/do/v.y"}},
	}
	return Message{ID: "msg_abc", Rule: schemas.Rule{Slug: "esn", Name: "ESN", Query: "kind:integrator@fr", Lang: lang}, Items: []schemas.Alert{a}, Total: 1, Sent: at,
		Links: schemas.AlertLinks{Rule: "https://veille.example/alerts/esn", Explain: "https://veille.example/alerts/esn#log", MuteRule: "https://veille.example/alerts/do/r.y", Unsubscribe: "https://veille.example/alerts/do/u.y"}}
}

// TestEveryMessage looks for all that a message promises, in both languages and in
// every form.
func TestEveryMessage(t *testing.T) {
	events := []string{"new", "status", "value", "corroborated", "price", "merged", "retracted"}
	for _, lang := range []string{"fr", "en"} {
		for _, event := range events {
			m := message(lang, event)
			html, err := HTML(m)
			if err != nil {
				t.Fatal(err)
			}
			forms := map[string]string{"text": Text(m), "html": html}
			for _, d := range []schemas.Destination{{Slack: &schemas.ChatTo{}}, {Teams: &schemas.ChatTo{}}, {Chat: &schemas.ChatTo{}}} {
				_, b, err := Body(d, m)
				if err != nil || !json.Valid(b) {
					t.Fatalf("%s %s: %v", d.Kind(), b, err)
				}
				var v any
				if err := json.Unmarshal(b, &v); err != nil {
					t.Fatal(err)
				}
				var flat strings.Builder
				flatten(&flat, v)
				forms[d.Kind()] = flat.String()
			}
			for form, got := range forms {
				for _, want := range []string{
					"AWS × Capgemini · partnership", "AWS et Capgemini s’allient.", "Le Mag (fr)", "https://lemag.example/a#:~:text=AWS", "https://veille.example/deals/d_1",
					"kind:integrator@fr", map[string]string{"fr": "publié 12 mars 2026 09:00 · vu 09:04 · envoyé 09:04 CET", "en": "published 12 March 2026 09:00 · seen 09:04 · sent 09:04 CET"}[lang], "https://veille.example/alerts/do/x.y", "https://veille.example/alerts/esn", "https://veille.example/alerts/do/r.y",
				} {
					if !strings.Contains(got, want) {
						t.Errorf("%s %s as %s lacks %q:\n%s", lang, event, form, want, got)
					}
				}
			}
		}
	}
	for key, w := range words {
		if w[0] == "" || w[1] == "" || strings.Count(w[0], "%") != strings.Count(w[1], "%") {
			t.Errorf("%s: %q %q", key, w[0], w[1])
		}
	}
}

func flatten(b *strings.Builder, v any) {
	switch x := v.(type) {
	case map[string]any:
		for _, v := range x {
			flatten(b, v)
		}
	case []any:
		for _, v := range x {
			flatten(b, v)
		}
	case string:
		b.WriteString(x + "\n")
	}
}

func TestTemplates(t *testing.T) {
	m := message("fr", "new")
	for body, want := range map[string]string{
		`{"topic":"veille","title":{{json .Title}}}`:   `{"topic":"veille","title":"Nouvel accord : AWS × Capgemini · partnership (rumeur → annoncé)"}`,
		`{{.Rule.Name}} {{upper .ID}} {{len .Alerts}}`: "ESN MSG_ABC 1",
	} {
		_, got, err := Body(schemas.Destination{Chat: &schemas.ChatTo{Template: body}}, m)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", body, got, err, want)
		}
	}
	for _, bad := range []string{
		`{{.Nothing}}`, `{{`, `{{define "a"}}{{template "a"}}x{{end}}{{template "a"}}`, `{{range $i, $e := .Text}}{{$.Text}}{{end}}{{index .Alerts 9}}`,
		strings.Repeat(`{{.Text}}`, 1000) + strings.Repeat("x", maxBody),
	} {
		if _, got, err := Body(schemas.Destination{Chat: &schemas.ChatTo{Template: bad}}, m); err == nil {
			t.Errorf("%.40s passes: %d bytes", bad, len(got))
		}
	}
}

func TestAtSentence(t *testing.T) {
	for _, c := range []struct{ url, quote, want string }{
		{"https://a.example/x", "Arrow distribuera Nutanix", "https://a.example/x#:~:text=Arrow%20distribuera%20Nutanix"},
		{"https://a.example/x#top", "a-b, c & « d »", "https://a.example/x#top:~:text=a%2Db%2C%20c%20%26%20%C2%AB%20d%20%C2%BB"},
		{"https://a.example/x", "un deux trois quatre cinq six sept huit neuf dix onze", "https://a.example/x#:~:text=un%20deux%20trois%20quatre%20cinq,sept%20huit%20neuf%20dix%20onze"},
		{"https://a.example/x", "", "https://a.example/x"},
		{"javascript:alert(1)", "x", ""},
		{"//evil.example", "x", ""},
	} {
		got := AtSentence(c.url, c.quote)
		if got != c.want {
			t.Errorf("%s + %s = %s, want %s", c.url, c.quote, got, c.want)
		}
		if _, err := url.Parse(got); err != nil {
			t.Error(err)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("a\r\nBcc: x\u202e\x00\xff é", 10)
	f.Add(strings.Repeat("é ", 5000), 280)
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = 2 + max(0, n%1000)
		got := Plain(s, n)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > n || strings.ContainsAny(got, "\r\n\x00\u202e\u2028") {
			t.Errorf("%q → %q", s, got)
		}
		if again := Plain(got, n); again != got {
			t.Errorf("%q → %q → %q", s, got, again)
		}
	})
}

func TestMailCheck(t *testing.T) {
	good := Mail{Host: "mx.example", From: "veille <v@example.org>"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []Mail{{From: "v@example.org"}, {Host: "mx", From: "v"}, {Host: "mx", From: "v@x\r\nBcc: y@z"}, {Host: "mx", From: "v@example.org", TLS: "maybe"}, {Host: "mx", From: "v@example.org", TLS: "none", User: "u"}} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v passes", bad)
		}
	}
}

// TestTLSIsRequired: a server without STARTTLS gets nothing unless that was
// configured.
func TestTLSIsRequired(t *testing.T) {
	if got := (&Mail{Host: "mx.example", From: "v@example.org"}); got.TLS != "" {
		t.Fatal("the default is starttls")
	}
	c, err := (&Mail{Host: "mx.example", From: "v@example.org"}).client()
	if err != nil || c.TLSPolicy() != "TLSMandatory" {
		t.Errorf("%v %v", c.TLSPolicy(), err)
	}
}

func TestGrouped(t *testing.T) {
	for _, tt := range [][3]string{
		{"14000000000 USD", "14,000,000,000 USD", "14\u202f000\u202f000\u202f000 USD"},
		{"≥ 9900 EUR", "≥ 9,900 EUR", "≥ 9\u202f900 EUR"},
		{"999.1234–1000.5 CHF", "999.1234–1,000.5 CHF", "999,1234–1\u202f000,5 CHF"},
		{"", "", ""},
	} {
		if en, fr := grouped(tt[0], "en"), grouped(tt[0], "fr"); en != tt[1] || fr != tt[2] {
			t.Errorf("%q: %q and %q, want %q and %q", tt[0], en, fr, tt[1], tt[2])
		}
	}
}
