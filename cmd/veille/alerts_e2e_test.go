package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"example.org/veille/bus"
	"example.org/veille/ingest/opml"
	"example.org/veille/schemas"
)

// alertWorld is a veille that watches a newsroom, with a rule for distribution
// whose webhook is hooks.
func alertWorld(t *testing.T, press *newsroom, hooks *told) *world {
	t.Helper()
	sink := httptest.NewServer(hooks)
	t.Cleanup(sink.Close)
	w := &world{t: t, dir: t.TempDir(), press: press.Server, list: press.sources()}
	w.openWith(func(*Config) {})
	t.Cleanup(w.close)
	if status, body := w.send("POST", "/api/v1/saved", `{"name":"hook","query":"type:distribution","on":["new","status"],"to":[{"webhook":{"url":"`+sink.URL+`"}}]}`); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	return w
}

func (w *world) fetchAll() {
	w.t.Helper()
	for _, s := range w.list {
		w.fetchNow(s.ID)
	}
	w.drain()
}

// page reads a page as a browser of a language would.
func (w *world) page(path, lang string) string {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.base+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Accept-Language", lang)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

func (w *world) log(slug string) []schemas.Delivery {
	w.t.Helper()
	var got struct{ Data []schemas.Delivery }
	w.get("/api/v1/saved/"+slug+"/deliveries", url.Values{"limit": {"200"}}, &got)
	return got.Data
}

// TestAlertFigures reads what Prometheus would of alerts that were sent, failed,
// folded and muted.
func TestAlertFigures(t *testing.T) {
	press := newNewsroom(t, rand.New(rand.NewPCG(1, 1)))
	hooks := &told{}
	w := alertWorld(t, press, hooks)
	if status, body := w.send("POST", "/api/v1/saved", `{"name":"nobody","query":"type:distribution","to":[{"webhook":{"url":"http://127.0.0.1:1/"}}]}`); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := w.send("POST", "/api/v1/saved/hook/mute", `{"vendor":"nutanix"}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	press.show(40)
	w.fetchAll()
	within(t, func() bool { return hooks.deals() == 11 })
	var body string
	within(t, func() bool {
		body = w.page("/metrics", "en")
		return strings.Contains(body, `veille_deliveries_total{channel="webhook",outcome="sent"} 11`) && strings.Contains(body, `veille_deliveries_failing{channel="webhook"} 1`)
	})
	if problems, err := promlint.New(strings.NewReader(body)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	for _, want := range []string{
		`veille_seen_to_sent_seconds_count{channel="webhook"} 11`, `veille_deliveries_pending{channel="webhook"} 12`, `veille_deliveries_total{channel="webhook",outcome="muted"} 1`,
		`veille_deliveries_total{channel="webhook",outcome="retry"} `, `veille_deliveries_total{channel="log",outcome="folded"} `, `veille_deliveries_failing{channel="email"} 0`,
		`veille_alert_rules{state="ok"} 2`, `veille_alert_rules{state="broken"} 0`, `veille_alert_evaluations_total `, `veille_deliveries_unsaved 0`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, strings.Join(regexp.MustCompile(`(?m)^veille_(deliver|alert|seen_to_sent).*$`).FindAllString(body, -1), "\n"))
		}
	}
	// An unreachable destination is said on both pages, in the log with the reason, and
	// by the command.
	for lang, want := range map[string]string{"fr": "en échec", "en": "failing"} {
		if list := w.page("/alerts", lang); !strings.Contains(list, want) {
			t.Errorf("%s: the list does not say %q", lang, want)
		}
		if one := w.page("/alerts/nobody", lang); !strings.Contains(one, want) || !strings.Contains(one, "127.0.0.1") {
			t.Errorf("%s: the rule's page does not say %q", lang, want)
		}
	}
	status, out, errs := run(t.Context(), "alerts", "log", "nobody", "--data", w.dir, "--server", w.base)
	if status != 0 || !strings.Contains(out, "pending") || !strings.Contains(out, "refused") {
		t.Errorf("%d %s%s", status, out, errs)
	}
}

// TestHistoryRingsNobody takes news in as history, out of somebody's archive and
// again out of our own: it is found, written down, and tells nobody.
// What comes afterwards rings.
func TestHistoryRingsNobody(t *testing.T) {
	press := newNewsroom(t, rand.New(rand.NewPCG(2, 2)))
	hooks := &told{}
	w := alertWorld(t, press, hooks)
	// Somebody else watched the first half of it.
	other := &world{t: t, dir: t.TempDir(), press: press.Server, list: press.sources()}
	other.openWith(func(*Config) {})
	press.show(20)
	other.fetchAll()
	theirs := other.totals()
	other.close()
	w.close()
	if err := os.CopyFS(filepath.Join(w.dir, "theirs"), os.DirFS(filepath.Join(other.dir, "archive"))); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.RemoveAll(filepath.Join(w.dir, "archive")), os.Rename(filepath.Join(w.dir, "theirs"), filepath.Join(w.dir, "archive"))); err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(t.TempDir(), "s.opml")
	var doc bytes.Buffer
	if err := opml.New("press", press.sources()).Write(&doc); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(list, doc.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, out, errs := run(t.Context(), "replay", "--from", "raw", "--data", w.dir, "--sources", list); status != 0 {
		t.Fatalf("%d %s%s", status, out, errs)
	}
	w.openWith(func(*Config) {})
	w.drain()
	silent := func() (n int) {
		for _, d := range w.log("hook") {
			if d.State == schemas.DeliverySilent && d.Reason != "" && d.Event == "new" {
				n++
			} else if d.State != schemas.DeliveryFolded {
				t.Errorf("%s %s is %s: %s", d.Event, d.Line, d.State, d.Reason)
			}
		}
		return n
	}
	if got := w.totals(); got.Deals != theirs.Deals || silent() != theirs.Deals || hooks.deals() != 0 {
		t.Fatalf("%+v, %d silent, %d rang; they had %+v", got, silent(), hooks.deals(), theirs)
	}
	// The index and the archive are made again.
	w.close()
	for _, args := range [][]string{{"reindex"}, {"replay", "--from", "raw", "--sources", list}} {
		if status, out, errs := run(t.Context(), append(args, "--data", w.dir)...); status != 0 {
			t.Fatalf("%q: %d %s%s", args, status, out, errs)
		}
	}
	w.openWith(func(*Config) {})
	w.drain()
	if silent() != theirs.Deals || hooks.deals() != 0 {
		t.Fatalf("%d rang", hooks.deals())
	}
	// A newer extractor finds an agreement in what was published, hours ago as the log
	// counts it, and takes another one back.
	x := w.extraction("type:distribution")
	again := func(by string, source string, change func(*schemas.Extraction)) {
		y := x
		y.Signals = append([]schemas.Signal(nil), x.Signals...)
		change(&y)
		y.By, y.ID = by, schemas.ExtractionID(y.Article.ID, y.Article.Version, 0, by)
		ev, err := schemas.NewEvent(schemas.TypeExtraction, y.ID, schemas.ExtractionSubject(y.Article.Lang, y.Article.Source), y.At, y)
		if err != nil {
			t.Fatal(err)
		}
		if source != "" {
			ev.Source = source
		}
		if _, err := w.app.bus.Publish(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
		w.drain()
	}
	found := func(y *schemas.Extraction) {
		s := y.Signals[0]
		s.Parties = append([]schemas.Party(nil), s.Parties...)
		s.Parties[0].ID, s.Parties[0].Name = "zyxel", "Zyxel"
		s.ID = schemas.SignalID(y.Article.ID, s.Type, s.Parties)
		y.Signals = append(y.Signals, s)
	}
	again("extract/next", "/veille/replay", found)
	if got := w.totals(); got.Deals != theirs.Deals+1 || silent() != theirs.Deals+1 || hooks.deals() != 0 {
		t.Fatalf("%+v, %d silent, %d rang", got, silent(), hooks.deals())
	}
	again("extract/after", "/veille/replay", func(y *schemas.Extraction) { y.Signals = nil })
	if hooks.deals() != 0 {
		t.Fatalf("%d rang", hooks.deals())
	}
	// News ring.
	press.show(40)
	w.fetchAll()
	within(t, func() bool { return hooks.deals() >= 12-theirs.Deals })
}

// extraction reads one of an article that tells of what q finds.
func (w *world) extraction(q string) schemas.Extraction {
	w.t.Helper()
	var got struct {
		Data []struct {
			Evidence []struct{ Article string }
		}
	}
	w.get("/api/v1/deals", url.Values{"q": {q}}, &got)
	var x schemas.Extraction
	_, _, err := w.app.bus.Read(w.t.Context(), schemas.StreamExtractions, 0, func(m bus.Message, _ uint64) error {
		var y schemas.Extraction
		if err := m.Into(&y); err != nil {
			return err
		}
		if len(got.Data) > 0 && len(y.Signals) == 1 && y.Article.ID == got.Data[0].Evidence[0].Article {
			x = y
		}
		return nil
	})
	if err != nil || x.ID == "" {
		w.t.Fatalf("no extraction (%v) of %v", err, got)
	}
	return x
}

// TestBrokenRule keeps a rule whose query the program no longer reads: it says so
// wherever somebody looks, rings for nothing, loses nothing, and rings again once
// it is mended.
func TestBrokenRule(t *testing.T) {
	press := newNewsroom(t, rand.New(rand.NewPCG(3, 3)))
	hooks := &told{}
	w := alertWorld(t, press, hooks)
	rules, err := w.app.bus.KV(t.Context(), schemas.BucketRules)
	if err != nil {
		t.Fatal(err)
	}
	body, _, err := rules.Get(t.Context(), "hook")
	if err != nil {
		t.Fatal(err)
	}
	w.close()
	w.openWith(func(*Config) {})
	if rules, err = w.app.bus.KV(t.Context(), schemas.BucketRules); err != nil {
		t.Fatal(err)
	}
	// As a version with another language would have left it.
	if _, err := rules.Put(t.Context(), "hook", bytes.Replace(body, []byte("type:distribution"), []byte("sort_of:distribution"), 1)); err != nil {
		t.Fatal(err)
	}
	w.close()
	w.openWith(func(*Config) {})
	var got struct{ Health, Fault string }
	if status := w.get("/api/v1/saved/hook", nil, &got); status != http.StatusOK || got.Health != "broken" || !strings.Contains(got.Fault, "sort_of") {
		t.Errorf("%d %+v", status, got)
	}
	for lang, want := range map[string]string{"fr": "champ", "en": "there is no field"} {
		for _, path := range []string{"/alerts", "/alerts/hook"} {
			if page := w.page(path, lang); !strings.Contains(page, "hl-broken") || !strings.Contains(page, want) || !strings.Contains(page, "sort_of") {
				t.Errorf("%s in %s does not say %q", path, lang, want)
			}
		}
	}
	status, out, errs := run(t.Context(), "alerts", "list", "--data", w.dir, "--server", w.base)
	if status != 0 || !strings.Contains(out, "hook\tbroken\t") {
		t.Errorf("%d %s%s", status, out, errs)
	}
	if body := w.page("/metrics", "en"); !strings.Contains(body, `veille_alert_rules{state="broken"} 1`) {
		t.Error("the figures do not say it")
	}
	press.show(20)
	w.fetchAll()
	if hooks.deals() != 0 {
		t.Errorf("%d rang", hooks.deals())
	}
	// It can still be muted, and mended.
	if status, body := w.send("POST", "/api/v1/saved/hook/mute", `{"vendor":"dell"}`); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	var whole struct{ Rule json.RawMessage }
	w.get("/api/v1/saved/hook", nil, &whole)
	if status, body := w.send("PUT", "/api/v1/saved/hook", strings.Replace(string(whole.Rule), "sort_of:", "type:", 1)); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	press.show(40)
	w.fetchAll()
	within(t, func() bool { return hooks.deals() > 0 })
}
