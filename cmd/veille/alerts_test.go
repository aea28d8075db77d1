package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"example.org/veille/schemas"
)

// sink takes webhooks and checks their signature.
type sink struct {
	mu     sync.Mutex
	secret string
	got    []map[string]any
	ids    []string
	bad    []error
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		var wh *standardwebhooks.Webhook
		if wh, err = standardwebhooks.NewWebhook(s.secret); err == nil {
			err = wh.Verify(body, r.Header)
		}
	}
	var m map[string]any
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	if err != nil {
		s.bad = append(s.bad, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.got, s.ids = append(s.got, m), append(s.ids, r.Header.Get("webhook-id"))
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

// TestAlert saves a search from the command line; an article that comes in rings
// once at a signed webhook, a second outlet and an edit ring nobody, and the log
// tells.
func TestAlert(t *testing.T) {
	f := &feedServer{title: "Rien de neuf chez les grossistes", text: "Le marché est calme cette semaine, disent les professionnels interrogés, qui attendent la rentrée pour relancer leurs projets et leurs recrutements."}
	srv := httptest.NewServer(f)
	defer srv.Close()
	w := &world{t: t, dir: t.TempDir(), press: srv}
	w.list = []schemas.Source{{ID: "seul", Name: "Seul", Feed: srv.URL + "/feed", Lang: "fr", Country: "FR"}}
	w.open()
	t.Cleanup(w.close)
	w.fetchNow("seul")
	w.drain()

	s := &sink{secret: "whsec_" + "dmVpbGxlLXRlc3Qtc2VjcmV0LTAxMjM0NTY3ODk="}
	hook := httptest.NewServer(s)
	defer hook.Close()
	ask := func(args ...string) string {
		t.Helper()
		status, out, errs := run(t.Context(), append(args, "--data", w.dir, "--server", w.base)...)
		if status != 0 {
			t.Fatalf("%q: %d\n%s%s", args, status, out, errs)
		}
		return out
	}
	out := ask("alerts", "add", "Nutanix en France", "--query", "vendor:nutanix", "--on", "new,status", "--to", "webhook:"+hook.URL+"/hook", "--rule-lang", "fr", "--json")
	var made struct {
		Rule    schemas.Rule      `json:"rule"`
		Secrets map[string]string `json:"secrets"`
	}
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.Rule.Slug != "nutanix-en-france" {
		t.Fatalf("made %q, %v\n%s", made.Rule.Slug, err, out)
	}
	secret := ""
	for _, v := range made.Secrets {
		secret = v
	}
	if !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("no secret is shown once:\n%s", out)
	}
	s.mu.Lock()
	s.secret = secret
	s.mu.Unlock()

	f.mu.Lock()
	f.title = "Arrow ECS distribue Nutanix en France"
	f.text = "Arrow ECS a signé avec Nutanix un contrat de distribution pour la France, annonce le grossiste. Les deux sociétés visent les intégrateurs régionaux et les collectivités."
	f.guid = "two"
	f.mu.Unlock()
	if r := w.fetchNow("seul"); r.New != 1 {
		t.Fatalf("poll: %+v", r)
	}
	within(t, func() bool { return s.count() == 1 })

	f.mu.Lock()
	f.title += " dès avril"
	f.mu.Unlock()
	w.fetchNow("seul")
	w.drain()
	log := ask("alerts", "log", "nutanix-en-france")
	if s.count() != 1 || len(s.bad) > 0 || !strings.Contains(log, "\tsent\tNew deal\t") {
		t.Errorf("%d messages, %v; log:\n%s", s.count(), s.bad, log)
	}
	data := s.got[0]["data"].(map[string]any)
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Arrow ECS", "a signé avec Nutanix", `"lang":"fr"`, "nutanix-en-france"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the message lacks %q:\n%s", want, text)
		}
	}
	if list := ask("alerts", "list"); !strings.Contains(list, "nutanix-en-france\tok\t") {
		t.Errorf("list:\n%s", list)
	}
	if fires := ask("alerts", "backtest", "nutanix-en-france"); !strings.Contains(fires, "Arrow") {
		t.Errorf("backtest:\n%s", fires)
	}
	// The button, and the rest of what can be done from here.
	if out := ask("alerts", "test", "nutanix-en-france"); !strings.Contains(out, "\tsent\t") || s.count() != 2 {
		t.Errorf("test:\n%s", out)
	}
	if out := ask("alerts", "redeliver", "nutanix-en-france", s.ids[0]); !strings.Contains(out, s.ids[0]) || s.count() != 3 || s.ids[2] != s.ids[0] {
		t.Errorf("redeliver:\n%s", out)
	}
	if out := ask("alerts", "replay", "nutanix-en-france", "--since", "2020-01-01"); !strings.Contains(out, "1 message") {
		t.Errorf("replay:\n%s", out)
	}
	within(t, func() bool { return s.count() == 4 })
	if out := ask("alerts", "edit", "nutanix-en-france", "--cadence", "daily 08:00 Europe/Paris", "--on", "new"); !strings.Contains(out, "daily 08:00 Europe/Paris") || !strings.Contains(out, "vendor:nutanix") {
		t.Errorf("edit:\n%s", out)
	}
	if out := ask("alerts", "mute", "nutanix-en-france", "--vendor", "nutanix"); !strings.Contains(out, "muted\tvendor nutanix\n") {
		t.Errorf("mute:\n%s", out)
	}
	if out := ask("alerts", "unmute", "nutanix-en-france", "--vendor", "nutanix"); strings.Contains(out, "muted\t") {
		t.Errorf("unmute:\n%s", out)
	}
	ask("alerts", "mute", "nutanix-en-france")
	if list := ask("alerts", "list"); !strings.Contains(list, "nutanix-en-france\tmuted\t") {
		t.Errorf("list:\n%s", list)
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte("rules:\n- {name: Nutanix en France, query: 'vendor:nutanix territory:fr'}\n- name: Rachats\n  query: type:acquisition\n  cadence: weekly monday 08:00 Europe/Paris\n  to: [{webhook: {url: '"+hook.URL+"'}}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := ask("alerts", "import", file); out != "nutanix-en-france\tchanged\nrachats\tmade\n" {
		t.Errorf("import:\n%s", out)
	}
	if out := ask("alerts", "import", file); out != "nutanix-en-france\tchanged\nrachats\tchanged\n" {
		t.Errorf("imported again:\n%s", out)
	}
	if out := ask("alerts", "show", "nutanix-en-france"); !strings.Contains(out, "territory:fr") {
		t.Errorf("show:\n%s", out)
	}
	hook.Close()
	if status, out, _ := run(t.Context(), "alerts", "test", "rachats", "--data", w.dir, "--server", w.base); status != exitPartly || !strings.Contains(out, "\tdead\t") {
		t.Errorf("a test that fails: %d %s", status, out)
	}
	ask("alerts", "rm", "nutanix-en-france")
	if status, _, errs := run(t.Context(), "alerts", "add", "x", "--query", "vendr:x", "--data", w.dir, "--server", w.base); status != exitUsage || !strings.Contains(errs, "vendr") {
		t.Errorf("a wrong query: %d, %s", status, errs)
	}
}
