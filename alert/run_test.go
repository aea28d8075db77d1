package alert

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/veille/bus/bustest"
	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// watched tells of each key that a watcher has been handed.
type watched struct {
	Store
	saw chan string
}

func (w watched) Watch(ctx context.Context, fn func(string, []byte), loaded func()) error {
	return w.Store.Watch(ctx, func(k string, v []byte) { fn(k, v); w.saw <- k }, loaded)
}

// TestRun runs the real loop by the real clock: what is taken goes out at once, a
// failure is tried again, a rule that another process saves is obeyed, and the end
// of the context ends it.
func TestRun(t *testing.T) {
	s := newSink(t)
	arrived := make(chan post, 100)
	n := 0
	s.answers(func(p post) (int, http.Header) {
		arrived <- p
		if n++; n == 1 {
			return 500, nil
		}
		return 200, nil
	})
	b := bustest.Open(t)
	saw := make(chan string, 100)
	w := newWorld(t, b, func(o *Options) {
		o.Now = time.Now
		o.Rules = watched{o.Rules, saw}
		o.Jitter = func() float64 { return 0 }
	})
	w.clock.set(time.Now())
	opt := w.opt
	opt.Rules = w.rules
	other, err := New(t.Context(), nolog, opt) // of the page's process
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 2)
	go func() { done <- w.Run(ctx) }()
	go func() { done <- other.Follow(ctx) }()
	r, err := schemas.DecodeRule(fmt.Appendf(nil, hookRule, s.URL))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := other.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for slug := range saw { // it comes through the bucket
		if slug == "all" {
			break
		}
	}
	w.clock.set(time.Now().Add(time.Second))
	if err := w.Take(t.Context(), w.fold(w.article("a1 lemag announced aws capgemini").extraction())); err != nil {
		t.Fatal(err)
	}
	first, second := <-arrived, <-arrived
	if first.id != second.id || second.at.Sub(first.at) < 3*time.Second {
		t.Errorf("%v, then %v", first.at, second.at)
	}
	stop()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	rows, _, err := w.Deliveries(t.Context(), "all", "", 10)
	if err != nil || len(rows) != 1 || rows[0].State != schemas.DeliverySent || len(rows[0].Attempts) != 2 {
		t.Errorf("%+v %v", rows, err)
	}
}

// market makes deals among a few vendors.
func market(rng *rand.Rand, n int) []schemas.Deal {
	vendors := []string{"aws", "azure", "dell", "nutanix", "cisco", "hpe", "capgemini", "sopra", "arrow", "ingram"}
	nouns := []string{"stockage", "cloud", "sécurité", "réseau", "storage", "security", "hybrid", "logiciel", "serveurs", "accord-cadre"}
	out := make([]schemas.Deal, n)
	for i := range out {
		a, b := vendors[rng.IntN(10)], vendors[rng.IntN(10)]
		lang := []string{"fr", "en"}[rng.IntN(2)]
		at := monday.Add(-time.Duration(rng.IntN(100*24)) * time.Hour)
		text := fmt.Sprintf("%s %s l’%s de %s.", strings.ToUpper(a), nouns[rng.IntN(10)], nouns[rng.IntN(10)], b)
		status, typ := schemas.Statuses[rng.IntN(len(schemas.Statuses))], schemas.Types[rng.IntN(4)]
		out[i] = schemas.Deal{
			ID: fmt.Sprintf("d_%d", i), Rev: 1, Type: typ, Status: status, First: at, Updated: at, Seen: at, Outlets: 1 + rng.IntN(4), Score: 0.9, Langs: []string{lang},
			Territory: [][]string{{"fr"}, {"de"}, {}}[rng.IntN(3)], Products: []string{},
			Parties: []schemas.Party{{ID: a, Name: strings.ToUpper(a), Role: "vendor", Known: true}, {ID: b, Name: strings.ToUpper(b), Role: schemas.Roles[rng.IntN(4)], Known: true}},
			History: []schemas.Change{{Status: status, At: at}},
			Evidence: []schemas.Evidence{{Article: "a" + fmt.Sprint(i), Source: "lemag", Outlet: "Le Mag", URL: "https://lemag.example/" + fmt.Sprint(i), Lang: lang, Title: text, Published: at, Seen: at,
				Signal: schemas.Signal{Type: typ, Status: status, Evidence: schemas.Quote{Text: text}}}},
		}
	}
	return out
}

// TestForwardIsBackward: what a rule rings for is what its query finds, and what
// the backtest says.
func TestForwardIsBackward(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	ix, err := index.Open(nolog, t.TempDir(), index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	w := newWorld(t, nil, nil)
	w.opt.Catalogue = nil // the index of this test knows no trades
	w.restart()
	deals := market(rng, 150)
	events := make([]schemas.DealEvent, len(deals))
	for i, d := range deals {
		events[i] = schemas.DealEvent{Kind: "new", Deal: d}
	}
	if err := ix.PutDeals(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	queries := []string{
		"vendor:aws", "vendor:aws,dell -vendor:cisco", "type:distribution status:announced", "status:rumoured,denied territory:fr", "stockage", `"cloud de"`, "sécurité OR security",
		"(vendor:aws OR vendor:hpe) type:reseller", "-type:partnership", "sources:>2", "since:30d", "date:2026-02", "maker:nutanix", "distributor:arrow", "accord*", "servuers~", "pair:aws~dell", "lang:en territory:*",
		"l’accord-cadre", "title:logiciel until:2026-01", "has:territory is:corroborated", "status:background", "", "confidence:>0.95",
	}
	for i, q := range queries {
		r := schemas.Rule{Slug: fmt.Sprintf("q%d", i), Name: fmt.Sprintf("q%d", i), Query: q, Lang: "fr"}
		if _, _, err := w.Create(t.Context(), r); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	forward := map[string][]string{}
	for _, e := range events {
		for _, h := range w.Match(e) {
			if !h.Now {
				t.Errorf("%s is hit for another reason", h.Rule)
			}
			forward[h.Rule] = append(forward[h.Rule], e.Deal.ID)
		}
	}
	hits := 0
	for i, text := range queries {
		q, err := w.opt.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		// Dates of the index are compared with today; this test's today is the clock's.
		if query.Compile(q, index.Analyze).Relative() {
			continue
		}
		res, err := ix.Search(t.Context(), index.Request{View: index.Deals, Query: q, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, d := range res.Deals {
			found = append(found, d.ID)
		}
		slug := fmt.Sprintf("q%d", i)
		slices.Sort(found)
		slices.Sort(forward[slug])
		if diff := cmp.Diff(found, forward[slug]); diff != "" {
			t.Errorf("%q: searched − matched +\n%s", text, diff)
		}
		fires, err := w.Backtest(w.book.get(slug).rule, deals, monday.AddDate(-1, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		var back []string
		for _, f := range fires {
			back = append(back, f.Deal)
		}
		slices.Sort(back)
		if diff := cmp.Diff(found, back); diff != "" {
			t.Errorf("%q: searched − backtested +\n%s", text, diff)
		}
		hits += len(found)
	}
	if hits < 500 {
		t.Errorf("only %d hits", hits)
	}
}

// savedSearches are rules as people would write them, over many vendors.
func savedSearches(rng *rand.Rand, n int) []string {
	out := make([]string, n)
	for i := range out {
		v := func() string { return fmt.Sprintf("v%d", rng.IntN(3000)) }
		switch rng.IntN(10) {
		case 0, 1, 2:
			out[i] = "vendor:" + v() + " type:distribution,reseller"
		case 3, 4:
			out[i] = "vendor:" + v() + "," + v() + " status:announced"
		case 5:
			out[i] = "pair:" + v() + "~" + v()
		case 6:
			out[i] = "maker:" + v() + " territory:fr -status:rumoured"
		case 7:
			out[i] = fmt.Sprintf(`"offre v%d"`, rng.IntN(3000))
		case 8:
			out[i] = "(vendor:" + v() + " OR vendor:" + v() + ") stockage"
		default:
			out[i] = "vendor:" + v() + " sources:>1"
		}
	}
	return out
}

func busy(rng *rand.Rand, i int) article {
	return article{id: fmt.Sprintf("a%d", i), outlet: "lemag", lang: "fr", typ: "distribution", status: "announced",
		a: fmt.Sprintf("v%d", rng.IntN(3000)), b: fmt.Sprintf("v%d", rng.IntN(3000))}
}

// BenchmarkMatch is the CPU that the rules cost for each deal event.
func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("%d_rules", n), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			w := newWorld(b, nil, nil)
			add := map[string]query.Query{}
			for i, s := range savedSearches(rng, n) {
				q, err := w.opt.Parse(s)
				if err != nil {
					b.Fatal(err)
				}
				slug := fmt.Sprintf("r%d", i)
				add[slug] = q
				w.book.rules[slug] = &saved{rule: schemas.Rule{Slug: slug, On: []string{"new"}}, query: q}
			}
			w.book.set.Update(add, nil)
			var events []schemas.DealEvent
			for i := range 500 {
				a := busy(rng, i)
				a.published, a.seen = monday, monday
				for _, ev := range w.fold(a.extraction()) {
					var e schemas.DealEvent
					if err := ev.Into(&e); err != nil {
						b.Fatal(err)
					}
					events = append(events, e)
				}
			}
			hits, i := 0, 0
			began := processorTime()
			for b.Loop() {
				hits += len(w.Match(events[i%len(events)]))
				i++
			}
			b.ReportMetric(float64((processorTime()-began).Microseconds())/float64(i), "cpu-µs/op")
			b.ReportMetric(float64(hits)/float64(i), "hits/op")
		})
	}
}

// BenchmarkSeenToSent publishes 50 articles a second to 1,000 rules and measures
// how long after its fetch each message arrives at the receiver.
func BenchmarkSeenToSent(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	s := newSink(b)
	var mu sync.Mutex
	var delays []time.Duration
	s.answers(func(p post) (int, http.Header) {
		mu.Lock()
		delays = append(delays, time.Since(p.alert.Times.Seen))
		mu.Unlock()
		return 200, nil
	})
	w := newWorld(b, nil, func(o *Options) { o.Now = time.Now; o.Hourly = 1 << 20 })
	to := []schemas.Destination{{Webhook: &schemas.WebhookTo{URL: schemas.SecretURL(s.URL)}}}
	for i, q := range savedSearches(rng, 1000) {
		if i%50 == 0 {
			q = strings.ReplaceAll(q, "vendor:v", "vendor:v1,v") // some of them match often
		}
		if _, _, err := w.Create(b.Context(), schemas.Rule{Name: fmt.Sprintf("r%d", i), Query: q, To: to}); err != nil {
			b.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	tick := time.NewTicker(time.Second / 50)
	defer tick.Stop()
	i := 0
	for b.Loop() { // five seconds of it
		for range 250 {
			<-tick.C
			a := busy(rng, i)
			if i%10 == 0 {
				a.a = "v1"
			}
			i++
			a.published, a.seen = time.Now(), time.Now()
			if err := w.Take(b.Context(), w.fold(a.extraction())); err != nil {
				b.Fatal(err)
			}
		}
	}
	for len(w.Pending()) > 0 {
		<-tick.C
	}
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	slices.Sort(delays)
	if len(delays) > 0 {
		b.ReportMetric(float64(delays[len(delays)*95/100].Milliseconds()), "p95-ms")
		b.ReportMetric(float64(delays[len(delays)/2].Milliseconds()), "p50-ms")
		b.ReportMetric(float64(len(delays)), "messages")
		b.ReportMetric(float64(i), "articles")
	}
}

// TestSay puts entries of the log into words, in both languages; every reason that
// is written down has French words.
func TestSay(t *testing.T) {
	at := monday
	for _, c := range []struct {
		d              schemas.Delivery
		fr, note       string
		en, noteInLang string
	}{
		{schemas.Delivery{Event: "new", State: schemas.DeliverySent, Seen: at, Sent: at.Add(400 * time.Millisecond), Attempts: make([]schemas.Attempt, 1)},
			"Nouvel accord", "0,4 s après lecture", "New deal", "0.4 s after it was seen"},
		{schemas.Delivery{Event: "status-in_effect", State: schemas.DeliverySent, Seen: at, Sent: at.Add(5 * time.Minute), Attempts: make([]schemas.Attempt, 2)},
			"Nouveau statut : en vigueur", "5 min après lecture, au 2ᵉ essai", "Status changed: in effect", "5 min after it was seen, at attempt 2"},
		{schemas.Delivery{Event: "corroborated-3", State: schemas.DeliveryMuted, Reason: "the vendor dell is muted"}, "Confirmé par 3 sources", "dell est en sourdine", "Carried by 3 sources", "the vendor dell is muted"},
		{schemas.Delivery{Event: "folded", Count: 4, State: schemas.DeliveryFolded}, "Repris sans bruit ×4", "", "Folded in silently ×4", ""},
		{schemas.Delivery{Event: "digest", Count: 12, State: schemas.DeliverySent, Reason: "too many for one hour"}, "12 changements groupés", "trop de messages en une heure", "12 changes in one message", "too many for one hour"},
		{schemas.Delivery{Event: "value-0a1b", State: schemas.DeliveryPending, Due: at, Attempts: []schemas.Attempt{{Error: "it answered 500"}}},
			"Montant modifié", "essai 1 : réponse 500 ; prochain à 2026-03-09 09:00:00 UTC", "Value changed", "attempt 1: it answered 500; next at 2026-03-09 09:00:00 UTC"},
		{schemas.Delivery{Event: "new", State: schemas.DeliverySilent, Reason: "published 2026-01-02, a backfill"}, "Nouvel accord", "paru le 2026-01-02 : un rattrapage", "New deal", "published 2026-01-02, a backfill"},
	} {
		if what, note := Say(c.d, "fr"); what != c.fr || note != c.note {
			t.Errorf("fr: %q, %q, want %q, %q", what, note, c.fr, c.note)
		}
		if what, note := Say(c.d, "en"); what != c.en || note != c.noteInLang {
			t.Errorf("en: %q, %q, want %q, %q", what, note, c.en, c.noteInLang)
		}
	}
	for _, s := range []string{
		quiet(schemas.Rule{Mutes: schemas.Mutes{Until: at.Add(time.Hour)}}, "d", nil, at), quiet(schemas.Rule{Mutes: schemas.Mutes{Deals: []string{"d"}}}, "d", nil, at),
		quiet(schemas.Rule{Mutes: schemas.Mutes{Vendors: []string{"v"}}}, "d", []schemas.Party{{ID: "v"}}, at),
		"history is repeated", "the destination is off: gone", "the rule or its destination is gone", "the deal was merged before it was sent", "was told as d_1",
	} {
		if s == "" || Raison(s) == s {
			t.Errorf("%q has no French words", s)
		}
	}
}
