package serve_test

import (
	"testing"
	"time"

	"example.org/veille/alert"
	"example.org/veille/bus/bustest"
	"example.org/veille/index"
	"example.org/veille/internal/guard"
	"example.org/veille/query"
	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// alertFigures has a value for each figure of the alerts.
func alertFigures(t *testing.T, o *serve.Options) *alert.Notifier {
	t.Helper()
	b := bustest.Open(t)
	rules, err := b.KV(t.Context(), schemas.BucketRules)
	if err != nil {
		t.Fatal(err)
	}
	box, err := b.KV(t.Context(), schemas.BucketDeliveries)
	if err != nil {
		t.Fatal(err)
	}
	m := serve.NewAlertMetrics()
	client := alert.NewClient(guard.Policy{})
	t.Cleanup(client.Close)
	n, err := alert.New(t.Context(), nilLogger(), alert.Options{
		Rules: rules, Deliveries: box, Analyze: index.Analyze, Client: client, Key: []byte("0123456789abcdef"), Observe: m.Observe,
		Parse: func(q string) (query.Query, error) { return query.Parse(q, query.Options{}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Observe("email", "sent", 1500*time.Millisecond)
	o.Collectors = append(o.Collectors, m.Collectors(n)...)
	return n
}

// Saved searches travel as they are described, in both directions.
func TestSavedSearchesAreDescribed(t *testing.T) {
	w := press(t, func(o *serve.Options) { o.Alerts = alertFigures(t, o) })
	spec := w.described()
	send := func(status int, method, path, body string) answer {
		t.Helper()
		req := w.request(method, path, nil, body)
		req.Header.Set("Authorization", "Bearer "+w.opt.Token)
		a := w.do(req)
		if a.StatusCode != status {
			t.Fatalf("%s %s: %d %s", method, path, a.StatusCode, a.body)
		}
		return a
	}
	for _, draft := range []string{
		`{"name":"Nutanix","query":"vendor:nutanix"}`,
		`{"name":"Rachats","query":"type:acquisition","lang":"fr","on":["new","status"],"cadence":"daily 08:00 Europe/Paris","to":[{"webhook":{"url":"https://hooks.example/T0KEN"}}]}`,
	} {
		if err := spec.validate("/components/schemas/RuleDraft", []byte(draft)); err != nil {
			t.Errorf("what may be sent is not described: %v", err)
		}
		send(201, "POST", "/api/v1/saved", draft)
	}
	if err := spec.validate("/components/schemas/RuleDraft", []byte(`{"query":"vendor:nutanix"}`)); err == nil {
		t.Error("a rule without a name is described as good")
	}
	if err := spec.validate("/components/schemas/RuleDraft", []byte(`{"name":"x","query":"vendor:nutanix","colour":"red"}`)); err == nil {
		t.Error("a rule with a member that nobody knows is described as good")
	}
	send(200, "GET", "/api/v1/saved", "")
	send(200, "GET", "/api/v1/saved/rachats", "")
	send(200, "PUT", "/api/v1/saved/nutanix", `{"name":"Nutanix","query":"vendor:nutanix type:distribution"}`)
	send(200, "POST", "/api/v1/saved/nutanix/mute", `{"vendor":"arrow"}`)
}
