package serve_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// Attacks on pages and exports, and the test that makes each:
//
//	W01–W10, W12  markup, breaks out of titles and islands, mutations, odd separators,
//	              links that are scripts: TestHostileTextOnPages puts each of poisons and
//	              hostileURLs into every field from outside and every address, and holds every
//	              page with sound; in Chromium, TestInBrowser/23
//	W11           errors of feeds and servers: the same (SourceStatus.LastError, Reason, Alarms)
//	W13           file names: the poison "header"; TestExportsAreSafe, TestExportsAreComplete
//	W14           next= of signing in: TestSignIn
//	W15           hosts: TestHostile; two of them, absolute form: TestHostsOnTheWire
//	W16           forms and text/plain of other sites: TestHostile, TestSignIn, TestLinks
//	W17           paths out of /static: TestHostile
//	W18           methods by header: TestHostile
//	W19           10 MB and 20,000 levels of JSON, 1,000 parameters: TestHostile, TestContract
//	W20–W23       formulas in cells: TestExportsAreSafe
//	W24           cells with separators, and of 40,000 characters: TestLongCells, TestExportsAreSafe
//
// That nothing is asked of another host each desk of TestInBrowser watches.
func TestPolicyEverywhere(t *testing.T) {
	w := full(t, nil)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	paths := append(everything(w), "/static/app.js", "/static/style.css", "/static/none", "/deals.csv", "/deals.atom", "/deals.ndjson", "/openapi.json", "/api/v1/deals", "/api/v1/nothing", "/healthz", "/metrics", "/mcp", "/alerts/do/x", "/problems/internal", "/search?apply=1&q=", "/trends.svg", "/people")
	for _, path := range paths {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			req := w.request(method, "", nil, "")
			var err error
			if req, err = http.NewRequestWithContext(t.Context(), method, w.http.URL+path, nil); err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept", "text/html")
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body) // to use the connection again
			res.Body.Close()
			csp := res.Header.Get("Content-Security-Policy")
			for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
				if !strings.Contains(csp, want) {
					t.Errorf("%s %s: the policy lacks %s: %q", method, path, want, csp)
				}
			}
			if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") || strings.Contains(csp, "http") {
				t.Errorf("%s %s: policy %q", method, path, csp)
			}
			if res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s %s: %v", method, path, res.Header)
			}
		}
	}
}

// TestHostsOnTheWire writes requests that no client library would: two hosts, another
// one in the first line.
func TestHostsOnTheWire(t *testing.T) {
	w := press(t, func(o *serve.Options) { o.Hosts = []string{"veille.corp.example"} })
	addr := w.http.Listener.Addr().String()
	for _, c := range []struct {
		what, request string
		want          []int
	}{
		{"a good host", "GET /api/v1/status HTTP/1.1\r\nHost: veille.corp.example\r\n\r\n", []int{200}},
		{"two hosts", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", []int{400}},
		{"two hosts, the other way round", "GET /api/v1/status HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n", []int{400}},
		{"absolute form of another host", "GET http://evil.example/api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n", []int{421}},
		{"absolute form of ours, another host", "GET http://localhost/api/v1/status HTTP/1.1\r\nHost: evil.example\r\n\r\n", []int{200, 421}}, // the first line counts (RFC 9112, 3.2.2)
		{"no host", "GET /api/v1/status HTTP/1.1\r\n\r\n", []int{400}},
		{"an empty one", "GET /api/v1/status HTTP/1.1\r\nHost: \r\n\r\n", []int{421, 400}},
		{"one with a path", "GET /api/v1/status HTTP/1.1\r\nHost: localhost/evil\r\n\r\n", []int{400, 421}},
	} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, c.request); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		conn.Close()
		if err != nil && len(body) == 0 {
			t.Fatalf("%s: %v", c.what, err)
		}
		ok := false
		for _, want := range c.want {
			ok = ok || res.StatusCode == want
		}
		if !ok || bytes.Contains(body, []byte("evil")) {
			t.Errorf("%s: %d %.200s, want %v", c.what, res.StatusCode, body, c.want)
		}
	}
}

// TestLongCells: what is too long for a spreadsheet is cut, what parts cells is quoted,
// and the row keeps its shape in both dialects.
func TestLongCells(t *testing.T) {
	w := newWorld(t, nil)
	s := story{source: "lemag", outlet: "a;b,c\nd\te", lang: "fr", day: "2026-01-02 10:00", title: strings.Repeat("très ; long, ", 3100), quote: "Nutanix signe.", typ: "partnership", status: "announced", cue: "signe",
		parties: []schemas.Party{party("x-long", strings.Repeat("long;,\" ", 5000), "partner"), party("dell", "Dell", "partner")}}
	w.put([]schemas.Extraction{s.extraction()}, []schemas.DealEvent{{Kind: "new", Deal: dealOf(s)}})
	for _, path := range []string{"/deals.csv", "/articles.csv", "/deals.csv?dialect=fr", "/deals.csv?grain=evidence", "/articles.csv?dialect=fr"} {
		body := bytes.TrimPrefix(w.ok(nil, path).body, []byte("\ufeff"))
		rd := csv.NewReader(bytes.NewReader(body))
		if strings.Contains(path, "dialect=fr") {
			rd.Comma = ';'
		}
		table, err := rd.ReadAll() // a row of another length is an error
		if err != nil || len(table) != 2 {
			t.Errorf("%s: %d rows, %v", path, len(table), err)
			continue
		}
		longest := 0
		for _, cell := range table[1] {
			longest = max(longest, len([]rune(cell)))
		}
		if longest > 32_767 || longest < 1000 {
			t.Errorf("%s: a cell of %d characters", path, longest)
		}
	}
}
