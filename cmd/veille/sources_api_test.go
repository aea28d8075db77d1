package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// TestSourcesAPI adds, changes and takes off sources of a running veille over HTTP: the
// list is written where a restart finds it, and in use at once.
func TestSourcesAPI(t *testing.T) {
	f := &feedServer{title: "Arrow ECS distribue Nutanix en France", text: "Arrow ECS a signé avec Nutanix un contrat de distribution pour la France, annonce le grossiste. Les deux sociétés visent les intégrateurs régionaux."}
	srv := httptest.NewServer(f)
	defer srv.Close()
	w := &world{t: t, dir: t.TempDir(), press: srv}
	w.list = []schemas.Source{{ID: "vieux", Name: "Vieux", Feed: srv.URL + "/old", Lang: "fr", Country: "FR"}}
	file := filepath.Join(t.TempDir(), "sources.opml")
	if err := os.WriteFile(file, []byte(`<opml version="2.0"><head><title>mine</title></head><body><outline text="Presse"><outline type="rss" text="Vieux" xmlUrl="`+srv.URL+`/old" veille:id="vieux" veille:header="X-Key: s3cret" xmlns:veille="https://example.org/veille/opml"/></outline></body></opml>`), 0o600); err != nil {
		t.Fatal(err)
	}
	w.openWith(func(c *Config) { c.Sources = file })
	defer w.close()
	w.app.watched = true // as veille run has it
	h := w.app.handler()
	token, _, err := w.app.data.token()
	if err != nil {
		t.Fatal(err)
	}
	send := func(status int, method, path, body string, into any) string {
		t.Helper()
		req := httptest.NewRequestWithContext(t.Context(), method, "http://localhost"+path, strings.NewReader(body))
		req.RemoteAddr = "127.0.0.1:1"
		req.Header.Set("Authorization", "Bearer "+token)
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		if rec.Code != status {
			t.Fatalf("%s %s %s: %d, want %d: %s", method, path, body, rec.Code, status, rec.Body)
		}
		if into != nil {
			if err := json.Unmarshal(rec.Body.Bytes(), into); err != nil {
				t.Fatal(err)
			}
		}
		return rec.Body.String()
	}
	const list = "/api/v1/sources"
	var before struct{ Data []serve.SourceStatus }
	send(200, "GET", list, "", &before)
	known := before.Data[0].ID

	// What it would bring, before it is added.
	seen := send(200, "POST", list+"/preview", `{"url":"`+srv.URL+`/feed","items":1}`, nil)
	if !strings.Contains(seen, "contrat de distribution") || !strings.Contains(seen, `"nutanix"`) {
		t.Errorf("preview: %.500s", seen)
	}
	send(422, "POST", list+"/preview", `{"url":"http://127.0.0.1:1/"}`, nil)

	var src serve.SourceStatus
	send(201, "POST", list, `{"feed":"`+srv.URL+`/feed"}`, &src)
	if src.ID != "seul" || src.Title != "Seul" || src.Lang != "fr" || src.URL != srv.URL+"/feed" {
		t.Errorf("what the draft leaves out is found in the feed: %+v", src)
	}
	send(409, "POST", list, `{"feed":"`+srv.URL+`/feed"}`, nil)
	send(422, "POST", list, `{"feed":"http://10.1.2.3/feed"}`, nil)
	send(200, "PUT", list+"/seul", `{"name":"Seul au monde","country":"be"}`, &src)
	if src.Title != "Seul au monde" || src.Country != "BE" || src.URL != srv.URL+"/feed" {
		t.Errorf("changed: %+v", src)
	}
	send(404, "PUT", list+"/personne", `{"name":"x"}`, nil)
	send(422, "PUT", list+"/seul", `{"feed":"ftp://x.example/"}`, nil)
	// It is in use at once, and polled.
	var res struct{ New int }
	send(200, "POST", list+"/seul/fetch", "", &res)
	if res.New != 1 {
		t.Errorf("the poll of the new source: %+v", res)
	}
	w.drain()
	var found struct{ Page struct{ Total int } }
	w.get("/api/v1/articles", url.Values{"q": {"source:seul"}}, &found)
	if found.Page.Total != 1 {
		t.Errorf("%d articles of the new source", found.Page.Total)
	}

	// The file is what a restart reads; what no form sets is kept, and shown to nobody.
	body, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(body), "Seul au monde") || !strings.Contains(string(body), "X-Key: s3cret") {
		t.Errorf("%v\n%s", err, body)
	}
	if all := send(200, "GET", list, "", nil); strings.Contains(all, "s3cret") || !strings.Contains(all, "Seul au monde") {
		t.Errorf("the list: %s", all)
	}
	send(204, "DELETE", list+"/seul", "", nil)
	send(404, "DELETE", list+"/seul", "", nil)
	send(422, "DELETE", list+"/"+known, "", nil) // the last one
	if body, err := os.ReadFile(file); err != nil || strings.Contains(string(body), "Seul au monde") || !strings.Contains(string(body), known) {
		t.Errorf("%v\n%s", err, body)
	}
	// Without the token nothing is changed.
	req := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, "http://localhost"+list+"/"+known, nil)
	req.RemoteAddr = "127.0.0.1:1"
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	if rec.Code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", rec.Code)
	}
}
