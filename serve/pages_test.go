package serve_test

import (
	"net/http"
	"testing"
)

func TestPagesAnswer(t *testing.T) {
	w := press(t, nil)
	for _, p := range []string{"/", "/search", "/search?q=vendor:nutanix", "/search?view=articles", "/search?view=prices"} {
		if a := w.get(p); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %.300s", p, a.StatusCode, a.body)
		}
	}
}
