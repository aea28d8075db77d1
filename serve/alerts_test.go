package serve

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"example.org/veille/alert"
	"example.org/veille/bus/bustest"
	"example.org/veille/extract/catalogue"
	"example.org/veille/index"
	"example.org/veille/internal/guard"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// alertSite is the API of rules over a real log and a real index.
type alertSite struct {
	t    *testing.T
	n    *alert.Notifier
	ix   *index.Index
	http *httptest.Server
	now  time.Time
}

func newAlertSite(t *testing.T) *alertSite {
	t.Helper()
	lg := slog.New(slog.NewTextHandler(io.Discard, nil))
	b := bustest.Open(t)
	rules, err := b.KV(t.Context(), schemas.BucketRules)
	if err != nil {
		t.Fatal(err)
	}
	box, err := b.KV(t.Context(), schemas.BucketDeliveries)
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalogue.Load()
	if err != nil {
		t.Fatal(err)
	}
	ix, err := index.Open(lg, t.TempDir(), index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ix.Close() })
	site := &alertSite{t: t, ix: ix, now: time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC)}
	now := func() time.Time { return site.now }
	s := New(lg, Options{Index: ix, Catalogue: cat, Token: "the-admin-token", Now: now})
	client := alert.NewClient(guard.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	t.Cleanup(client.Close)
	site.n, err = alert.New(t.Context(), lg, alert.Options{
		Rules: rules, Deliveries: box, Analyze: index.Analyze, Client: client, Key: []byte("0123456789abcdef"), Now: now,
		Parse: func(q string) (query.Query, error) { return s.parse(q) },
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s.alertRoutes(mux, site.n)
	site.http = httptest.NewServer(s.guard(s.withAlertFeeds(site.n, mux)))
	t.Cleanup(site.http.Close)
	return site
}

func (s *alertSite) do(method, path, body string, header ...string) (*http.Response, map[string]any) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer the-admin-token")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	resp, err := s.http.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var out map[string]any
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(b, &out); err != nil {
			s.t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	} else {
		out = map[string]any{"text": string(b)}
	}
	return resp, out
}

func (s *alertSite) want(status int, method, path, body string, header ...string) (*http.Response, map[string]any) {
	s.t.Helper()
	resp, out := s.do(method, path, body, header...)
	if resp.StatusCode != status {
		s.t.Fatalf("%s %s: %d, want %d: %v", method, path, resp.StatusCode, status, out)
	}
	return resp, out
}

func TestSavedSearches(t *testing.T) {
	s := newAlertSite(t)
	got := make(chan []byte, 16)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- b
	}))
	defer sink.Close()
	rule := `{"name":"Nutanix distribution","query":"vendor:nutanix type:distribution","on":["new","status"],"to":[{"webhook":{"url":"` + sink.URL + `/T0KEN"}},{"email":{"to":"anna@example.org"}}]}`

	// Without a mail server the second destination cannot work, and it is said.
	_, out := s.want(422, "POST", "/api/v1/saved", rule)
	if f := out["errors"].([]any)[0].(map[string]any); f["parameter"] != "to[1].email" || out["type"] != "/problems/invalid-rule" {
		t.Errorf("%v", out)
	}
	rule = strings.Replace(rule, `,{"email":{"to":"anna@example.org"}}`, "", 1)

	s.want(401, "POST", "/api/v1/saved", rule, "Authorization", "")
	s.want(401, "POST", "/api/v1/saved", rule, "Authorization", "Bearer wrong")
	resp, out := s.want(201, "POST", "/api/v1/saved", rule, "Idempotency-Key", "k1")
	if resp.Header.Get("Location") != "/api/v1/saved/nutanix-distribution" {
		t.Error(resp.Header)
	}
	if secrets := out["secrets"].(map[string]any); len(secrets) != 1 {
		t.Errorf("a secret was made, and should be shown once: %v", out)
	}
	tag := resp.Header.Get("ETag")
	// The same key again: the same rule, once. Another body: refused.
	s.want(201, "POST", "/api/v1/saved", rule, "Idempotency-Key", "k1")
	s.want(422, "POST", "/api/v1/saved", strings.Replace(rule, "status", "value", 1), "Idempotency-Key", "k1")
	s.want(409, "POST", "/api/v1/saved", rule)
	_, out = s.want(200, "GET", "/api/v1/saved", "")
	if n := len(out["data"].([]any)); n != 1 {
		t.Fatalf("%d rules", n)
	}
	resp, out = s.want(200, "GET", "/api/v1/saved/nutanix-distribution", "")
	if resp.Header.Get("ETag") != tag {
		t.Errorf("ETag %s, was %s", resp.Header.Get("ETag"), tag)
	}
	s.want(304, "GET", "/api/v1/saved/nutanix-distribution", "", "If-None-Match", tag)
	whole, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(whole, []byte("T0KEN")) || bytes.Contains(whole, []byte("whsec_")) {
		t.Errorf("a secret is shown: %s", whole)
	}
	// What was read can be sent back changed: the hidden secret stays.
	body, err := json.Marshal(out["rule"])
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(body), "type:distribution", "type:distribution,reseller", 1)
	s.want(412, "PUT", "/api/v1/saved/nutanix-distribution", changed, "If-Match", `"stale"`)
	resp, _ = s.want(200, "PUT", "/api/v1/saved/nutanix-distribution", changed, "If-Match", tag)
	if resp.Header.Get("ETag") == tag {
		t.Error("the tag did not change")
	}
	s.want(412, "PUT", "/api/v1/saved/nutanix-distribution", changed, "If-Match", tag)
	_, out = s.want(422, "PUT", "/api/v1/saved/nutanix-distribution", strings.Replace(changed, "vendor:nutanix", "vendr:nutanix", 1))
	if f := out["errors"].([]any)[0].(map[string]any); f["parameter"] != "query" || len(f["suggestion"].([]any)) == 0 {
		t.Errorf("%v", out)
	}
	_, out = s.want(422, "PUT", "/api/v1/saved/nutanix-distribution", `{"nam":"x"}`)
	if f := out["errors"].([]any)[0].(map[string]any); f["parameter"] != "nam" {
		t.Errorf("%v", out)
	}

	// The test button goes to the very address that was hidden.
	ch := "webhook-"
	for _, d := range mustRule(t, s.n, "nutanix-distribution").To {
		ch = d.ID
	}
	_, out = s.want(200, "POST", "/api/v1/saved/nutanix-distribution/test", `{"channel":"`+ch+`"}`)
	if out["state"] != "sent" || !bytes.Contains(<-got, []byte("io.veille.alert.test.v1")) {
		t.Errorf("%v", out)
	}
	_, out = s.want(200, "GET", "/api/v1/saved/nutanix-distribution/deliveries?limit=10", "")
	rows := out["data"].([]any)
	if len(rows) != 1 {
		t.Fatalf("%v", out)
	}
	if _, there := out["page"].(map[string]any)["next"]; !there {
		t.Error("page.next is left out")
	}
	id := rows[0].(map[string]any)["id"].(string)
	s.want(404, "POST", "/api/v1/saved/nutanix-distribution/deliveries/msg_none/redeliver", "")
	s.want(400, "GET", "/api/v1/saved/nutanix-distribution/deliveries?cursor=none", "")
	s.want(200, "POST", "/api/v1/saved/nutanix-distribution/deliveries/"+id+"/redeliver", "")

	s.want(422, "POST", "/api/v1/saved/nutanix-distribution/mute", `{}`)
	_, out = s.want(200, "POST", "/api/v1/saved/nutanix-distribution/mute", `{"vendor":"dell"}`)
	if m := out["rule"].(map[string]any)["mutes"].(map[string]any); m["vendors"].([]any)[0] != "dell" {
		t.Errorf("%v", out)
	}
	_, out = s.want(200, "POST", "/api/v1/saved/nutanix-distribution/mute", `{"until":"2026-04-01T00:00:00Z"}`)
	if out["health"] != "muted" {
		t.Errorf("%v", out)
	}
	s.want(400, "GET", "/api/v1/saved?foo=1", "")
	s.want(404, "GET", "/api/v1/saved/nobody", "")
	s.want(204, "DELETE", "/api/v1/saved/nutanix-distribution", "")
	s.want(404, "DELETE", "/api/v1/saved/nutanix-distribution", "")
}

func mustRule(t *testing.T, n *alert.Notifier, slug string) schemas.Rule {
	t.Helper()
	st, err := n.Rule(slug)
	if err != nil {
		t.Fatal(err)
	}
	return st.Rule
}

// deal is an agreement of Nutanix with a life-line in days before now.
func (s *alertSite) deal(id string, with string, history ...schemas.Change) schemas.DealEvent {
	last := history[len(history)-1]
	return schemas.DealEvent{Kind: "new", Deal: schemas.Deal{
		ID: id, Rev: 1, Type: "distribution", Status: last.Status, Products: []string{}, Territory: []string{"fr"}, Langs: []string{"fr"},
		Parties: []schemas.Party{{ID: "nutanix", Name: "Nutanix", Role: "vendor", Known: true}, {ID: with, Name: with, Role: "distributor", Known: true}},
		First:   history[0].At, Updated: last.At, Seen: s.now, History: history, Outlets: 1,
		Evidence: []schemas.Evidence{{Article: "a_" + id, Source: "lemag", Outlet: "Le Mag", URL: "https://lemag.example/x", Lang: "fr", Title: "t", Published: last.At, Seen: s.now,
			Signal: schemas.Signal{Type: "distribution", Status: last.Status, Evidence: schemas.Quote{Text: "Arrow distribuera Nutanix."}}}},
	}}
}

func TestBacktest(t *testing.T) {
	s := newAlertSite(t)
	ago := func(days int, status string) schemas.Change {
		return schemas.Change{Status: status, At: s.now.AddDate(0, 0, -days)}
	}
	events := []schemas.DealEvent{
		s.deal("d_one", "arrow-ecs", ago(40, "rumoured"), ago(20, "announced")),
		s.deal("d_two", "td-synnex", ago(30, "announced"), ago(2, "ended")),
		s.deal("d_old", "exclusive-networks", ago(300, "announced")),
		s.deal("d_turn", "infinigate", ago(200, "rumoured"), ago(5, "denied")),
	}
	if err := s.ix.PutDeals(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	fires := func(path, body string) []string {
		t.Helper()
		_, out := s.want(200, "POST", path, body)
		list := []string{}
		for _, f := range out["data"].([]any) {
			m := f.(map[string]any)
			list = append(list, m["event"].(string)+" "+m["deal"].(string))
		}
		return list
	}
	for _, c := range []struct{ rule, want string }{
		{`{"query":"vendor:nutanix"}`, "new d_two, new d_one"},
		{`{"query":"vendor:nutanix","on":["new","status"]}`, "status-ended d_two, status-denied d_turn, status-announced d_one, new d_two, new d_one"},
		// The deal that is ended today was announced in its time.
		{`{"query":"vendor:nutanix status:announced"}`, "new d_one, new d_two"},
		{`{"query":"distributor:td-synnex","on":["status"]}`, "status-ended d_two"},
		{`{"query":"vendor:dell"}`, ""},
	} {
		got := strings.Join(fires("/api/v1/saved/backtest", `{"rule":`+c.rule+`}`), ", ")
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.rule, got, c.want)
		}
	}
	s.want(201, "POST", "/api/v1/saved", `{"name":"n","query":"vendor:nutanix"}`)
	if got := fires("/api/v1/saved/n/backtest", `{"days":365}`); len(got) != 4 {
		t.Errorf("%v", got)
	}
	s.want(422, "POST", "/api/v1/saved/n/backtest", `{"days":400}`)
	s.want(422, "POST", "/api/v1/saved/backtest", `{"rule":{"query":"x","colour":1}}`)
	s.want(400, "POST", "/api/v1/saved/backtest", `{"rule":{"query":"vendr:x"}}`)
	_, out := s.want(200, "POST", "/api/v1/saved/preview", `{"rule":{"name":"p","query":"vendor:nutanix","lang":"fr","to":[{"slack":{"url":"https://hooks.example/x"}},{"email":{"to":"a@example.org"}}]}}`)
	if rows := out["data"].([]any); len(rows) != 2 || !strings.Contains(rows[1].(map[string]any)["body"].(string), "Nouvel accord") {
		t.Errorf("%v", out)
	}
}

// TestLinks follows the links of a message as a reader and as a program does.
func TestLinks(t *testing.T) {
	s := newAlertSite(t)
	s.want(201, "POST", "/api/v1/saved", `{"name":"n","query":"vendor:nutanix","lang":"fr"}`)
	ev, err := schemas.NewEvent(schemas.TypeDeal, "deal:1", "veille.v1.deal.new.x.y.z", s.now, s.deal("d_one", "arrow-ecs", schemas.Change{Status: "announced", At: s.now.Add(-time.Hour)}))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.n.Take(t.Context(), []schemas.Event{ev}); err != nil {
		t.Fatal(err)
	}
	resp, out := s.want(200, "GET", "/alerts/n.atom", "", "Authorization", "")
	feed := out["text"].(string)
	var f struct {
		Entries []struct {
			ID      string `xml:"id"`
			Content string `xml:"content"`
		} `xml:"entry"`
	}
	if err := xml.Unmarshal([]byte(feed), &f); err != nil || len(f.Entries) != 1 || f.Entries[0].ID != "urn:veille:deal:d_one" {
		t.Fatalf("%v %s", err, feed)
	}
	s.want(304, "GET", "/alerts/n.atom", "", "If-None-Match", resp.Header.Get("ETag"))
	s.want(404, "GET", "/alerts/nobody.atom", "")
	_, link, ok := strings.Cut(f.Entries[0].Content, alert.LinkPath)
	if !ok {
		t.Fatal(f.Entries[0].Content)
	}
	link, _, _ = strings.Cut(link, `"`)
	link = alert.LinkPath + link

	muted := func() bool { return len(mustRule(t, s.n, "n").Mutes.Deals) == 1 }
	resp, out = s.want(200, "GET", link, "", "Authorization", "", "Accept-Language", "fr")
	if !strings.Contains(out["text"].(string), "Confirmer") || muted() {
		t.Errorf("GET must only ask: %s", out["text"])
	}
	if resp.Header.Get("Content-Security-Policy") == "" {
		t.Error("no policy")
	}
	form := []string{"Authorization", "", "Content-Type", "application/x-www-form-urlencoded"}
	s.want(200, "POST", link, "List-Unsubscribe=One-Click", form...) // as RFC 8058 says
	if !muted() {
		t.Fatal("not muted")
	}
	s.want(200, "POST", link, "undo=1", form...)
	if muted() {
		t.Fatal("still muted")
	}
	// Another site's page may not press the button.
	s.want(403, "POST", link, "", append(form, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")...)
	for _, bad := range []string{link[:len(link)-1] + "A", alert.LinkPath + "x", strings.Replace(link, ".", "", 1)} {
		if bad == link {
			continue
		}
		s.want(404, "POST", bad, "", form...)
	}
	if muted() {
		t.Error("a forged link mutes")
	}
}

// TestMailboxesHide: who may only read does not see to whom alerts go.
func TestMailboxesHide(t *testing.T) {
	if got := hideMailbox("anna@example.org"); got != "a…@example.org" {
		t.Error(got)
	}
	r := httptest.NewRequest("GET", "/api/v1/saved", nil)
	r.RemoteAddr = "203.0.113.9:1"
	a := alerts{Server: New(slog.New(slog.NewTextHandler(io.Discard, nil)), Options{Token: "t", Open: true})}
	rule := schemas.Rule{Owner: "boss@example.org", To: []schemas.Destination{{Email: &schemas.EmailTo{To: "anna@example.org"}}}}
	if got := a.shown(r, rule); got.To[0].Email.To != "a…@example.org" || got.Owner != "b…@example.org" || rule.To[0].Email.To != "anna@example.org" {
		t.Errorf("%+v", got)
	}
	r.Header.Set("Authorization", "Bearer t")
	if got := a.shown(r, rule); got.To[0].Email.To != "anna@example.org" {
		t.Errorf("%+v", got)
	}
}
