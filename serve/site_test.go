package serve

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.org/veille/extract/catalogue"
)

// With a notifier, saved searches are part of the site and of its description.
func TestSiteWithAlerts(t *testing.T) {
	site := newAlertSite(t)
	cat, err := catalogue.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := New(slog.New(slog.DiscardHandler), Options{Index: site.ix, Catalogue: cat, Alerts: site.n})
	h := s.Handler()
	for path, want := range map[string]string{
		"/api/v1/saved":       `200 {`,
		"/openapi.json":       `"/api/v1/saved/{slug}"`,
		"/alerts/nobody.atom": `404 {"type":"/problems/not-found"`,
		"/api/v1/nothing":     `404 {"type":"/problems/not-found"`,
	} {
		req := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
		req.RemoteAddr = "127.0.0.1:1"
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		if got := fmt.Sprint(rec.Code, " ", rec.Body); !strings.Contains(got, want) {
			t.Errorf("%s: %.200s, want %s", path, got, want)
		}
	}
	q, err := NewParser(cat, s.opt.Now)("éditeur:nutanix vendor:@hyperscalers")
	if err != nil || !strings.HasPrefix(q.String(), "vendor:nutanix vendor:@hyperscalers") {
		t.Errorf("%s, %v", q, err)
	}
}
