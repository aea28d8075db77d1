package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"example.org/veille/schemas"
)

// correctBy presses a button of a deal's page.
func (w *world) correctBy(deal string, form url.Values) int {
	w.t.Helper()
	token, _, err := w.app.data.token()
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.base+"/deals/"+deal, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	res.Body.Close()
	w.drain()
	return res.StatusCode
}

// shape is all deals, each by its parties and how many articles tell of it: what must
// come out the same whatever the road. (Which of several copies leads depends on which
// came first.)
func (w *world) shape() []string {
	w.t.Helper()
	var got dealList
	w.get("/api/v1/deals", url.Values{"limit": {"200"}}, &got)
	var out []string
	for _, d := range got.Data {
		var articles []string
		for _, e := range d.Evidence {
			articles = append(articles, e.Article)
		}
		slices.Sort(articles)
		out = append(out, fmt.Sprintln(d.Type, schemas.PartyKey(d.Parties), d.Status, len(slices.Compact(articles))))
	}
	slices.Sort(out)
	return out
}

// differ lists what stands in one of two sorted lists alone.
func differ(got, want []string) string {
	var out []string
	for _, s := range got {
		if !slices.Contains(want, s) {
			out = append(out, "+ "+s)
		}
	}
	for _, s := range want {
		if !slices.Contains(got, s) {
			out = append(out, "- "+s)
		}
	}
	return strings.Join(out, "\n")
}

// TestCorrections takes a deal apart, puts two together and undoes that; replaying the
// archive into an empty log gives the same deals, corrections included, and merged ids
// lead to the survivor.
func TestCorrections(t *testing.T) {
	w := newWorld(t, nil)
	w.pass()
	before := w.shape()
	var all dealList
	w.get("/api/v1/deals", url.Values{"limit": {"200"}}, &all)
	var joined, one, two schemas.Deal
	for _, d := range all.Data {
		articles := map[string]bool{}
		for _, e := range d.Evidence {
			articles[e.Article] = true
		}
		switch {
		case joined.ID == "" && len(articles) > 2:
			joined = d
		case one.ID == "" && len(articles) == 1 && d.Type == "acquisition":
			one = d
		case two.ID == "" && len(articles) == 1 && d.Type == "customer_contract":
			two = d
		}
	}
	if joined.ID == "" || one.ID == "" || two.ID == "" {
		t.Fatalf("the press has no such deals: %v", before)
	}
	last := joined.Evidence[len(joined.Evidence)-1].Article

	if code := w.correctBy(joined.ID, url.Values{"do": {"apart"}, "article": {last}}); code != http.StatusSeeOther {
		t.Fatalf("apart: %d", code)
	}
	apart := w.shape()
	if len(apart) != len(before)+1 {
		t.Fatalf("%d deals, %d before", len(apart), len(before))
	}
	var own dealList
	w.get("/api/v1/deals", url.Values{"limit": {"200"}}, &own)
	if !slices.ContainsFunc(own.Data, func(d schemas.Deal) bool {
		return d.ID != joined.ID && !slices.ContainsFunc(d.Evidence, func(e schemas.Evidence) bool { return e.Article != last })
	}) {
		t.Errorf("%s has no deal of its own", last)
	}
	if code := w.correctBy(one.ID, url.Values{"do": {"same"}, "into": {w.base + "/deals/" + two.ID}}); code != http.StatusSeeOther {
		t.Fatalf("same: %d", code)
	}
	both := w.shape()
	if len(both) != len(before) {
		t.Errorf("%d deals, want %d", len(both), len(before))
	}
	var d schemas.Deal
	if code := w.get("/api/v1/deals/"+one.ID, nil, &d); code != http.StatusOK || d.ID != two.ID || len(d.Evidence) != len(one.Evidence)+len(two.Evidence) {
		t.Errorf("the merged id: %d, %s with %d sentences", code, d.ID, len(d.Evidence))
	}
	for what, form := range map[string]url.Values{
		"the same again": {"do": {"same"}, "into": {one.ID}}, "no such article": {"do": {"apart"}, "article": {"a_none"}}, "what is not in force": {"do": {"undo"}, "correction": {"c_none"}},
	} {
		if code := w.correctBy(two.ID, form); code != http.StatusConflict {
			t.Errorf("%s: %d, want 409", what, code)
		}
	}
	if code := w.correctBy("d_none", url.Values{"do": {"apart"}, "article": {last}}); code != http.StatusNotFound {
		t.Errorf("no such deal: %d", code)
	}

	// Polled again, and started again, all stays as it was said.
	for _, src := range w.app.poller.Sources() {
		w.fetchNow(src.ID)
	}
	w.drain()
	w.close()
	w.open()
	w.drain()
	if got := w.shape(); !slices.Equal(got, both) {
		t.Errorf("after a restart: %s", differ(got, both))
	}
	// Of the folder only the archive and what people said is left.
	w.close()
	for _, gone := range []string{"nats", "index"} {
		if err := os.RemoveAll(w.dir + "/" + gone); err != nil {
			t.Fatal(err)
		}
	}
	w.open()
	if _, err := w.app.poller.Replay(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	w.drain()
	if got := w.shape(); !slices.Equal(got, both) {
		t.Errorf("after a replay: %s", differ(got, both))
	}
	// Undone, in the order in which the page lists them, nothing is left of it.
	for _, c := range w.app.corrected() {
		if code := w.correctBy(c.Deal, url.Values{"do": {"undo"}, "correction": {c.ID}}); code != http.StatusSeeOther {
			t.Errorf("undo %s: %d", c.Do, code)
		}
	}
	if got := w.shape(); !slices.Equal(got, before) {
		t.Errorf("after undoing: %s", differ(got, before))
	}
	if code := w.get("/api/v1/deals/"+one.ID, nil, &d); code != http.StatusOK || d.ID != one.ID {
		t.Errorf("the deal that came back: %d %s", code, d.ID)
	}
}

// A later article about parties that were put together joins them.
func TestCorrectionHoldsForTheFuture(t *testing.T) {
	f := &feedServer{guid: "one", title: "Arrow ECS distribue Nutanix en France", text: "Arrow ECS a signé avec Nutanix un contrat de distribution pour la France, annonce le grossiste. Les deux sociétés visent les intégrateurs régionaux et les collectivités."}
	srv := httptest.NewServer(f)
	defer srv.Close()
	w := &world{t: t, dir: t.TempDir(), press: srv}
	w.list = []schemas.Source{{ID: "seul", Name: "Seul", Feed: srv.URL + "/feed", Lang: "fr", Country: "FR"}}
	w.open()
	t.Cleanup(w.close)
	publish := func(guid, title, text string) {
		t.Helper()
		f.mu.Lock()
		f.guid, f.title, f.text = guid, title, text
		f.mu.Unlock()
		if r := w.fetchNow("seul"); r.New != 1 {
			t.Fatalf("poll: %+v", r)
		}
		w.drain()
	}
	w.fetchNow("seul")
	w.drain()
	publish("two", "Ingram Micro distribue Nutanix en France", "Ingram Micro a signé avec Nutanix un contrat de distribution pour la France, annonce le grossiste. Les deux sociétés visent les intégrateurs régionaux et les administrations.")
	var got dealList
	w.get("/api/v1/deals", url.Values{"q": {"vendor:nutanix sort:oldest"}}, &got)
	if len(got.Data) != 2 {
		t.Fatalf("%d deals, want two: %v", len(got.Data), w.shape())
	}
	if code := w.correctBy(got.Data[1].ID, url.Values{"do": {"same"}, "into": {got.Data[0].ID}}); code != http.StatusSeeOther {
		t.Fatalf("same: %d", code)
	}
	publish("three", "Nutanix : Ingram Micro distribue désormais ses offres", "Ingram Micro a signé avec Nutanix un accord de distribution pour la France, qui entre en vigueur ce mois-ci, selon un porte-parole interrogé par nos soins hier soir à Paris.")
	if shape := w.shape(); len(shape) != 1 || !strings.HasSuffix(shape[0], " 3\n") {
		t.Errorf("deals %v, want one of three articles", fmt.Sprint(shape))
	}
}
