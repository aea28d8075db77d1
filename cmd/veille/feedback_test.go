package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"example.org/veille/schemas"
)

// TestFeedbackIsGold says on the page what is wrong with three deals: each line of the
// file is an annotated article that the evaluation takes, put right as was said.
func TestFeedbackIsGold(t *testing.T) {
	w := newWorld(t, nil)
	w.pass()
	var all dealList
	w.get("/api/v1/deals", url.Values{"q": {"type:distribution status:in_effect,announced"}, "limit": {"50"}}, &all)
	token, _, err := w.app.data.token()
	if err != nil {
		t.Fatal(err)
	}
	var ids []schemas.Deal
	seen := map[string]bool{}
	for _, d := range all.Data {
		if len(d.Evidence) == 1 && !seen[d.Evidence[0].Article] && len(ids) < 3 {
			seen[d.Evidence[0].Article] = true
			ids = append(ids, d)
		}
	}
	if len(ids) < 3 {
		t.Fatalf("the press has %d such deals", len(ids))
	}
	for i, form := range []url.Values{{"wrong": {"no-deal"}}, {"wrong": {"type"}, "note": {"Revente"}}, {"wrong": {"status"}, "note": {"rumeur"}}} {
		form.Set("deal", ids[i].ID)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.base+"/feedback", strings.NewReader(form.Encode()))
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
			t.Fatalf("%v: %d", form, res.StatusCode)
		}
	}
	path := w.dir + "/feedback.jsonl"
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		ID, Title, Text, Wrong, Instead string
		Signals                         []struct{ Type, Status, Evidence string }
	}
	var got []line
	for l := range strings.Lines(string(body)) {
		var one line
		if err := json.Unmarshal([]byte(l), &one); err != nil {
			t.Fatal(err)
		}
		got = append(got, one)
	}
	if len(got) != 3 {
		t.Fatalf("%d lines, want 3", len(got))
	}
	for i, l := range got {
		sentence := ids[i].Evidence[0].Signal.Evidence.Text
		if l.ID != ids[i].Evidence[0].Article || l.Title == "" || !strings.Contains(l.Text, sentence) {
			t.Errorf("line %d: %+v", i, l)
		}
		said := ""
		for _, s := range l.Signals {
			if s.Evidence == sentence {
				said += s.Type + " " + s.Status + ";"
			}
		}
		was := ids[i].Evidence[0].Signal
		want := []string{"", "reseller " + was.Status + ";", was.Type + " rumoured;"}[i]
		if !strings.Contains(said+"|", want) || i == 0 && strings.Contains(said, was.Type+" "+was.Status) && len(l.Signals) > 0 && said != "" {
			t.Errorf("%s: the record says %q of the sentence, want %q", l.Wrong, said, want)
		}
	}
	status, out, errs := run(t.Context(), "eval", "--gold", path)
	if status != exitOK || !strings.Contains(out, "deals") {
		t.Errorf("evaluated: %d\n%s%s", status, out, errs)
	}
	// What people said to be wrong is counted as wrong.
	if status, _, _ := run(t.Context(), "eval", "--gold", path, "--min", "deals_status=1"); status != exitFailed {
		t.Error("the evaluation sees no fault where three were told")
	}
}
