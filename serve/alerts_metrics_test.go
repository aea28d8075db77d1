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
func alertFigures(t *testing.T, o *serve.Options) {
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
}
