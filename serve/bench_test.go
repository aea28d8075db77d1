package serve_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// discard is a ResponseWriter that keeps nothing.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkAPI is the cost of an answer over 5,000 deals, without the network.
func BenchmarkAPI(b *testing.B) {
	w := newWorld(b, nil)
	w.put(many(0, 5000))
	h := w.srv.Handler()
	for name, path := range map[string]string{
		"deals":   "/api/v1/deals?q=vendor:nutanix",
		"facets":  "/api/v1/deals?q=distribue&facets=type,status,vendor,source&limit=10",
		"stats":   "/api/v1/stats/deals?group=week,vendor&from=now-1y&rows=1",
		"graph":   "/api/v1/graph?vendor=nutanix",
		"suggest": "/api/v1/suggest?q=vendor:nu",
		"atom":    "/deals.atom?q=vendor:nutanix",
		"csv":     "/deals.csv",
	} {
		b.Run(name, func(b *testing.B) {
			req := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
			req.RemoteAddr = "127.0.0.1:1"
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(discard{http.Header{}}, req)
			}
		})
	}
}
