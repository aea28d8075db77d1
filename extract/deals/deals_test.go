package deals

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/veille/schemas"
)

var start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// said writes "12 announced lemag" as the statement of an article on day 12.
func said(t *testing.T, line string) schemas.Evidence {
	t.Helper()
	var day int
	var status, outlet string
	typ := "distribution"
	if _, err := fmt.Sscanf(line, "%d %s %s %s", &day, &status, &outlet, &typ); err != nil && err.Error() != "unexpected EOF" && err.Error() != "EOF" && !strings.Contains(err.Error(), "EOF") {
		t.Fatal(line, err)
	}
	ps := []schemas.Party{{ID: "nutanix", Name: "Nutanix", Role: "vendor", Known: true}, {ID: "arrow-ecs", Name: "Arrow ECS", Role: "distributor", Known: true}}
	art := fmt.Sprintf("a_%s_%d", outlet, day)
	at := start.AddDate(0, 0, day)
	return schemas.Evidence{Article: art, Source: outlet, Outlet: outlet, Lang: "fr", Published: at, Seen: at.Add(time.Hour),
		Signal: schemas.Signal{ID: schemas.SignalID(art, typ, ps), Type: typ, Status: status, Parties: ps, Confidence: 0.9}}
}

// lifelines prints what a dossier has come to, without ids.
func lifelines(d Dossier) string {
	var b strings.Builder
	for _, deal := range d.Deals {
		for i, h := range deal.History {
			if i > 0 {
				b.WriteString(" > ")
			}
			fmt.Fprintf(&b, "%s %d", h.Status, int(h.At.Sub(start).Hours()/24))
		}
		fmt.Fprintf(&b, " [%d articles, %d outlets, %s]\n", len(deal.Evidence), deal.Outlets, deal.Type)
	}
	return strings.TrimSpace(b.String())
}

func TestLifelines(t *testing.T) {
	for _, tt := range []struct {
		name, said, want string
	}{
		{"one", "0 announced crn", "announced 0 [1 articles, 1 outlets, distribution]"},
		{"rumour comes true and closes", "0 rumoured crn; 20 announced lemag; 21 rumoured late; 60 in_effect crn",
			"rumoured 0 > announced 20 > in_effect 60 [4 articles, 3 outlets, distribution]"},
		{"same news in two outlets", "0 announced crn; 1 announced lemag", "announced 0 [2 articles, 2 outlets, distribution]"},
		{"told and ended in one second", "4 ended aaa; 4 announced zzz", "announced 4 > ended 4 [2 articles, 2 outlets, distribution]"},
		{"denied", "0 rumoured crn; 3 denied lemag; 9 rumoured crn", "rumoured 0 > denied 3 [3 articles, 2 outlets, distribution]"},
		{"denied, yet it comes", "0 rumoured crn; 3 denied lemag; 40 announced crn", "rumoured 0 > denied 3 > announced 40 [3 articles, 2 outlets, distribution]"},
		{"ends and starts anew", "0 announced crn; 90 ended crn; 91 ended lemag; 120 announced crn",
			"announced 0 > ended 90 [3 articles, 2 outlets, distribution]\nannounced 120 [1 articles, 1 outlets, distribution]"},
		{"too far apart", "0 announced crn; 300 announced crn", "announced 0 [1 articles, 1 outlets, distribution]\nannounced 300 [1 articles, 1 outlets, distribution]"},
		{"a mention in passing joins nothing", "0 announced crn; 170 background crn; 300 announced lemag",
			"announced 0 [2 articles, 1 outlets, distribution]\nannounced 300 [1 articles, 1 outlets, distribution]"},
		{"only mentioned in passing", "0 background crn; 10 background lemag", "background 0 [2 articles, 2 outlets, distribution]"},
		{"the surer type names the deal", "0 announced crn reseller; 1 announced lemag distribution; 2 announced itnews distribution",
			"announced 0 [3 articles, 3 outlets, distribution]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []schemas.Evidence
			for _, l := range strings.Split(tt.said, "; ") {
				all = append(all, said(t, l))
			}
			for seed := range uint64(50) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
				var d Dossier
				news := 0
				for _, e := range all {
					var evs []schemas.DealEvent
					d, evs = d.Fold(e.Article, []schemas.Evidence{e})
					for _, ev := range evs {
						if ev.Kind == "new" {
							news++
						}
					}
					// Twice is as once, also after a stay in a bucket.
					d = stored(t, d)
					again, evs := d.Fold(e.Article, []schemas.Evidence{e})
					if len(evs) != 0 {
						t.Fatalf("seed %d: folding %s again says %v", seed, e.Article, evs)
					}
					if diff := cmp.Diff(d, again); diff != "" {
						t.Fatalf("seed %d: folding again changes the dossier:\n%s", seed, diff)
					}
				}
				if got := lifelines(d); got != tt.want {
					t.Fatalf("seed %d\n got %s\nwant %s", seed, got, tt.want)
				}
				if news < len(d.Deals) {
					t.Fatalf("seed %d: %d events of a new deal for %d deals", seed, news, len(d.Deals))
				}
			}
		})
	}
}

func stored(t *testing.T, d Dossier) Dossier {
	t.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back Dossier
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

func kinds(evs []schemas.DealEvent) string {
	var out []string
	for _, e := range evs {
		out = append(out, e.Kind)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestEvents(t *testing.T) {
	var d Dossier
	var evs []schemas.DealEvent
	step := func(want, article string, lines ...string) {
		t.Helper()
		var es []schemas.Evidence
		for _, l := range lines {
			es = append(es, said(t, l))
		}
		if d, evs = d.Fold(article, es); kinds(evs) != want {
			t.Errorf("after %s %q: events %q, want %q", article, lines, kinds(evs), want)
		}
	}
	step("new", "a_crn_0", "0 rumoured crn")
	id := d.Deals[0].ID
	step("corroborated", "a_lemag_1", "1 rumoured lemag")
	step("status", "a_crn_9", "9 announced crn")
	if evs[0].From != "rumoured" || evs[0].Deal.Status != "announced" || evs[0].Deal.Rev != 3 {
		t.Errorf("event %+v, want rumoured to announced at revision 3", evs[0])
	}
	step("revised", "a_crn_10", "10 announced crn") // the same outlet again: nothing to ring for
	step("new", "a_far_300", "300 announced far")
	// A statement half-way joins the two: the older one survives.
	step("merged status", "a_mid_160", "160 in_effect mid")
	if len(d.Deals) != 1 || d.Deals[0].ID != id {
		t.Errorf("%d deals, the first %s; want the first one, %s", len(d.Deals), d.Deals[0].ID, id)
	}
	for _, e := range evs {
		if e.Kind == "merged" && e.Into != id {
			t.Errorf("merged into %q, want %s", e.Into, id)
		}
	}
	// A corrected article takes its statement back.
	step("new status", "a_mid_160")
	for _, a := range []string{"a_crn_0", "a_lemag_1", "a_crn_9"} {
		d, evs = d.Fold(a, nil)
	}
	step("retracted", "a_crn_10")
	if len(d.Deals) != 1 || evs[0].Deal.ID != id {
		t.Errorf("left %d deals, took back %s; want one left and %s gone", len(d.Deals), evs[0].Deal.ID, id)
	}
}

// A deal that was taken back and is said again goes on counting: a reader that
// goes by Rev must not take the new word for an old one.
func TestComesBack(t *testing.T) {
	e := said(t, "0 announced crn")
	d, _ := Dossier{}.Fold(e.Article, []schemas.Evidence{e})
	id := d.Deals[0].ID
	d, evs := d.Fold(e.Article, nil)
	if kinds(evs) != "retracted" || evs[0].Deal.Rev != 2 {
		t.Fatalf("took back: %s at %d", kinds(evs), evs[0].Deal.Rev)
	}
	_, evs = stored(t, d).Fold(e.Article, []schemas.Evidence{e})
	if kinds(evs) != "new" || evs[0].Deal.ID != id || evs[0].Deal.Rev != 3 {
		t.Errorf("came back as %s %s at %d, want %s at 3", kinds(evs), evs[0].Deal.ID, evs[0].Deal.Rev, id)
	}
}

// The company that a joint venture founds is not what makes it the same deal.
func TestPartiesLeaveTheFoundedOut(t *testing.T) {
	p := func(id, role string) schemas.Party { return schemas.Party{ID: id, Role: role} }
	a := Parties(schemas.Signal{Parties: []schemas.Party{p("orange", "member"), p("capgemini", "member"), p("bleu", "entity")}})
	b := Parties(schemas.Signal{Parties: []schemas.Party{p("capgemini", "member"), p("orange", "member")}})
	if a != b || a != "capgemini~orange" {
		t.Errorf("got %q and %q", a, b)
	}
	if got := Parties(schemas.Signal{Parties: []schemas.Party{p("x", "target"), p("y", "seller")}}); got != "x~y" {
		t.Errorf("two parties, one of them the seller: %q", got)
	}
}

// What people hold together stays one deal over any gap, and parts again when they
// no longer do; what is not held is cut as ever.
func TestHeld(t *testing.T) {
	d := Dossier{Family: "channel", Parties: "arrow-ecs~nutanix"}
	fold := func(lines ...string) (out []schemas.DealEvent) {
		t.Helper()
		for _, l := range lines {
			e := said(t, l)
			var evs []schemas.DealEvent
			d, evs = d.Fold(e.Article, []schemas.Evidence{e})
			out = append(out, evs...)
		}
		return out
	}
	fold("0 announced crn", "400 announced lemag", "800 announced channelnews")
	if got := lifelines(d); strings.Count(got, "\n") != 2 {
		t.Fatalf("three deals, but\n%s", got)
	}
	first, second := d.Deals[0].ID, d.Deals[1].ID
	d.Held = [][]string{{"a_crn_0", "a_lemag_400"}}
	next, evs := d.Fold("", nil)
	d = next
	if got, want := lifelines(d), "announced 0 [2 articles, 2 outlets, distribution]\nannounced 800 [1 articles, 1 outlets, distribution]"; got != want {
		t.Errorf("held:\n%s\nwant\n%s", got, want)
	}
	if !slices.ContainsFunc(evs, func(e schemas.DealEvent) bool { return e.Kind == "merged" && e.Deal.ID == second && e.Into == first }) {
		t.Errorf("events %+v, want the second merged into the first", evs)
	}
	d.Held = nil
	if d, _ = d.Fold("", nil); strings.Count(lifelines(d), "\n") != 2 || d.Deals[0].ID != first || d.Deals[1].ID != second {
		t.Errorf("let go:\n%s\n%+v", lifelines(d), d.Deals)
	}
}
