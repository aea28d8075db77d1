package main

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"example.org/veille/schemas"
)

// TestQuarantine: what no stage can take is seen on the page; put back it is refused
// again, discarded it is gone and written down with who did it, why, and its bytes.
func TestQuarantine(t *testing.T) {
	w := newWorld(t, nil)
	ev, err := schemas.NewEvent(schemas.TypeArticle, "poison-1", schemas.ArticleSubject("new", "fr", "nobody"), time.Now(), map[string]any{"id": 7})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.app.bus.Publish(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	token, _, err := w.app.data.token()
	if err != nil {
		t.Fatal(err)
	}
	letters := func() (places []uint64) {
		list, err := w.app.letters(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range list {
			places = append(places, l.Place)
		}
		return places
	}
	press := func(place, do, note string) {
		t.Helper()
		form := url.Values{"place": {place}, "do": {do}, "note": {note}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.base+"/quarantine", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s: %d", do, res.StatusCode)
		}
	}
	within(t, func() bool { return len(letters()) == 1 })
	if page := w.page("/quarantine", "en"); !strings.Contains(page, "veille.v1.article.new.fr.nobody") {
		t.Errorf("the page does not show it: %s", page)
	}
	press("1", "retry", "")
	within(t, func() bool { l := letters(); return len(l) == 1 && l[0] == 2 }) // read again, refused again
	press("2", "discard", "made by hand")
	if l := letters(); len(l) != 0 {
		t.Errorf("still there: %v", l)
	}
	body, err := os.ReadFile(w.dir + "/discarded.jsonl")
	if err != nil || !strings.Contains(string(body), `"note":"made by hand"`) || !strings.Contains(string(body), `"by":"admin"`) || !strings.Contains(string(body), "nobody") {
		t.Errorf("written down: %s, %v", body, err)
	}
}

// TestDoubtfulVendor: the command line asks which hp is meant, and takes the answer.
func TestDoubtfulVendor(t *testing.T) {
	w := newWorld(t, nil)
	w.pass()
	status, out, errs := run(t.Context(), "search", "vendor:hp", "--data", w.dir, "--server", w.base)
	if status != exitUsage || out != "" || !strings.Contains(errs, "HP Inc.") || !strings.Contains(errs, "Hewlett-Packard") || !strings.Contains(errs, "^^") {
		t.Errorf("vendor:hp: %d %q\n%s", status, out, errs)
	}
	if status, out, errs := run(t.Context(), "search", "vendor:=hp", "--data", w.dir, "--server", w.base); status != exitOK || !strings.Contains(out, "HP Inc.") {
		t.Errorf("vendor:=hp: %d %s %s", status, out, errs)
	}
}
