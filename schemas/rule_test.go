package schemas_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"example.org/veille/schemas"
)

func TestCadence(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "at_once",
		"at_once":                        "at_once",
		"grouped 15m":                    "grouped 15m",
		"grouped 2h":                     "grouped 2h",
		"grouped 90m":                    "grouped 1h30m",
		"daily":                          "daily 08:00 Europe/Paris",
		"daily 7:05 America/New_York":    "daily 07:05 America/New_York",
		"weekly monday":                  "weekly monday 08:00 Europe/Paris",
		"weekly Fri 17:30 Europe/London": "weekly friday 17:30 Europe/London",
	} {
		c, err := schemas.ParseCadence(in)
		if err != nil || c.String() != want {
			t.Errorf("ParseCadence(%q) = %v, %v, want %s", in, c, err, want)
		}
		again, err := schemas.ParseCadence(c.String())
		if err != nil || again != c {
			t.Errorf("%q does not survive its own form: %v, %v", in, again, err)
		}
	}
	for _, in := range []string{"hourly", "grouped", "grouped 5s", "grouped 48h", "grouped x", "daily 24:00", "daily 8", "daily 08:00 Mars/Olympus", "daily 08:00 Local", "weekly", "weekly someday", "daily 08:00 UTC now", "daily -1:00", "daily 08:5"} {
		if c, err := schemas.ParseCadence(in); err == nil {
			t.Errorf("ParseCadence(%q) = %v, want an error", in, c)
		}
	}
}

func TestCadenceNext(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct{ cadence, from, want string }{
		{"at_once", "2026-03-12T10:00:00Z", "2026-03-12T10:00:00Z"},
		{"grouped 15m", "2026-03-12T10:00:00Z", "2026-03-12T10:15:00Z"},
		{"daily 08:00 Europe/Paris", "2026-03-12T06:59:59Z", "2026-03-12T07:00:00Z"},
		{"daily 08:00 Europe/Paris", "2026-03-12T07:00:00Z", "2026-03-13T07:00:00Z"},
		// Summer time begins on 29 March 2026: 08:00 is an hour earlier in UTC.
		{"daily 08:00 Europe/Paris", "2026-03-28T07:00:00Z", "2026-03-29T06:00:00Z"},
		// 02:30 does not exist that night: it is told once, within the day.
		{"daily 02:30 Europe/Paris", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z"},
		{"daily 02:30 Europe/Paris", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"},
		// On 25 October it comes twice, and is told once.
		{"daily 02:30 Europe/Paris", "2026-10-24T12:00:00Z", "2026-10-25T01:30:00Z"},
		{"daily 02:30 Europe/Paris", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"},
		{"weekly monday 08:00 Europe/Paris", "2026-03-12T10:00:00Z", "2026-03-16T07:00:00Z"},
		{"weekly monday 08:00 Europe/Paris", "2026-03-23T07:00:00Z", "2026-03-30T06:00:00Z"},
		{"weekly sunday 23:30 America/New_York", "2026-03-08T10:00:00Z", "2026-03-09T03:30:00Z"},
	} {
		cad, err := schemas.ParseCadence(c.cadence)
		if err != nil {
			t.Fatal(err)
		}
		if got := cad.Next(at(c.from)); !got.Equal(at(c.want)) {
			t.Errorf("%s after %s is %s, want %s", c.cadence, c.from, got.UTC().Format(time.RFC3339), c.want)
		}
	}
}

const goodRule = `{"name":"Hyperscalers ESN","query":"kind:hyperscaler","on":["new","status"],"cadence":"daily 08:00",
 "to":[{"webhook":{"url":"https://hooks.example/T0KEN?k=T0KEN","secret":"whsec_CANARY"}},{"email":{"to":"a@example.org"}},{"slack":{"url":"https://hooks.example/T0KEN"}},{"nats":{}}]}`

func TestDecodeRule(t *testing.T) {
	r, err := schemas.DecodeRule([]byte(goodRule))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	if r.Slug != "hyperscalers-esn" || r.Lang != "en" || r.Cadence.Kind != "daily" {
		t.Errorf("%+v", r)
	}
	for _, c := range []struct{ old, new, field string }{
		{`"name":"Hyperscalers ESN"`, `"name":""`, "name"},
		{`"name":"Hyperscalers ESN"`, `"name":"a\r\nBcc: x@y"`, "name"},
		{`"query"`, `"querry"`, "querry"},
		{`"status"]`, `"gossip"]`, "on[1]"},
		{`"status"]`, `"new"]`, "on[1]"},
		{`daily 08:00`, `daily 25:00`, "cadence"},
		{`a@example.org`, `a@example.org\r\nBcc: b@example.org`, "to[1].email.to"},
		{`a@example.org`, `A <a@example.org>`, "to[1].email.to"},
		{`https://hooks.example/T0KEN?k=T0KEN`, `ftp://hooks.example`, "to[0].webhook.url"},
		{`https://hooks.example/T0KEN?k=T0KEN`, `https://u:p@hooks.example`, "to[0].webhook.url"},
		{`https://hooks.example/T0KEN?k=T0KEN`, `https://hooks.example/[hidden]`, "to[0].webhook.url"},
		{`{"nats":{}}`, `{"pigeon":{}}`, "pigeon"},
		{`{"nats":{}}`, `{}`, "to[3]"},
		{`{"nats":{}}`, `{"email":{"to":"a@example.org"}}`, "to[3].email"},
		{`{"nats":{}}`, `{"nats":{},"email":{"to":"b@example.org"}}`, "to[3]"},
		{`"on"`, `"sources_min":99,"on"`, "sources_min"},
		{`"on"`, `"lang":"de","on"`, "lang"},
		{`"on"`, `"slug":"Not A Slug","on"`, "slug"},
	} {
		body := strings.Replace(goodRule, c.old, c.new, 1)
		if body == goodRule {
			t.Fatalf("%s is not in the rule", c.old)
		}
		r, err := schemas.DecodeRule([]byte(body))
		if err == nil {
			err = r.Validate()
		}
		var bad schemas.RuleError
		if !errors.As(err, &bad) || bad[0].Field != c.field || bad[0].FR == "" || bad[0].EN == "" {
			t.Errorf("%s → %s: %v, want a fault of %s", c.old, c.new, err, c.field)
		}
	}
}

// TestSecretsHide prints a rule in every way that might leak.
func TestSecretsHide(t *testing.T) {
	r, err := schemas.DecodeRule([]byte(goodRule))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, d := range r.To {
			if d.Webhook != nil {
				fmt.Fprintf(&out, verb, *d.Webhook)
				fmt.Fprintf(&out, verb, d.Webhook.Secret)
				fmt.Fprintf(&out, verb, d.Webhook.URL)
			}
			if d.Slack != nil {
				fmt.Fprintf(&out, verb, *d.Slack)
			}
			fmt.Fprint(&out, d.Show(), d.Channel())
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	slog.New(slog.NewTextHandler(&out, nil)).Info("rule", "rule", r, "to", r.To[0].Webhook.Secret, "url", r.To[0].Webhook.URL)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("rule", "rule", r, "webhook", r.To[0].Webhook)
	fmt.Fprint(&out, fmt.Errorf("send %v %s: no", r.To[0].Webhook, r.To[2].Slack.URL))
	for _, canary := range []string{"CANARY", "T0KEN", fmt.Sprintf("%x", "CANARY"), fmt.Sprintf("%x", "T0KEN")} {
		if i := strings.Index(out.String(), canary); i >= 0 {
			t.Errorf("%s is shown: …%s", canary, out.String()[max(0, i-60):i+10])
		}
	}
	if !strings.Contains(string(b), "https://hooks.example/[hidden]") {
		t.Errorf("the host should show: %s", b)
	}
}

func TestRuleClone(t *testing.T) {
	r, err := schemas.DecodeRule([]byte(goodRule))
	if err != nil {
		t.Fatal(err)
	}
	before := r.To[0].Webhook.Secret.Reveal() + r.To[0].Webhook.URL.Reveal()
	c := r.Clone()
	for _, d := range c.To {
		d.Secrets(func(_ string, _ func() string, set func(string)) { set("other") })
	}
	c.On[0] = "value"
	if got := r.To[0].Webhook.Secret.Reveal() + r.To[0].Webhook.URL.Reveal(); got != before {
		t.Error("a clone shares its secrets")
	}
	if diff := cmp.Diff([]string{"new", "status"}, r.On); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecodeRule(f *testing.F) {
	f.Add([]byte(goodRule))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := schemas.DecodeRule(b)
		if err != nil || r.Validate() != nil {
			return
		}
		next := r.Cadence.Next(time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC))
		if next.Before(time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC)) {
			t.Errorf("cadence %v goes back in time", r.Cadence)
		}
	})
}
