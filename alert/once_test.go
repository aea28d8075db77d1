package alert

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/veille/bus"
	"example.org/veille/bus/bustest"
	"example.org/veille/schemas"
)

// press is 40 articles on 12 deals in both languages, with life-lines.
func press() []article {
	var out []article
	statuses := [][]string{
		{"rumoured", "rumoured", "announced", "in_effect"}, {"announced", "announced", "announced"}, {"rumoured", "denied", "rumoured"},
		{"planned", "announced", "announced", "ended"}, {"announced"}, {"rumoured", "planned", "announced", "in_effect"},
	}
	vendors := []string{"aws", "azure", "dell", "nutanix", "cisco", "hpe"}
	resellers := []string{"capgemini", "arrow"}
	for i := range 12 {
		line := statuses[i%len(statuses)]
		for j, status := range line {
			out = append(out, article{
				id: fmt.Sprintf("a_%d_%d", i, j), outlet: fmt.Sprintf("outlet%d", (i+j)%5), lang: []string{"fr", "en"}[j%2], typ: "distribution", status: status,
				a: vendors[i%6], b: resellers[i/6], published: monday.Add(time.Duration(j*20+i) * time.Minute), seen: monday.Add(90*time.Minute + time.Duration(i*4+j)*time.Minute),
			})
		}
	}
	// Two more outlets repeat what is known.
	for i := range 2 {
		a := out[i*3]
		a.id, a.outlet = fmt.Sprintf("a_r_%d", i), "repeater"
		out = append(out, a)
	}
	return out
}

// TestOnceOnly is the promise: whatever the order, with duplicates and crashes,
// each rule and channel is told once that a deal is new, and once of each status.
func TestOnceOnly(t *testing.T) {
	if n := len(press()); n != 40 {
		t.Fatalf("%d articles, want 40", n)
	}
	orders := 100
	if testing.Short() {
		orders = 10
	}
	var mu sync.Mutex
	kills, doubles, messages := 0, 0, 0
	t.Run("orders", func(t *testing.T) {
		for from := 0; from < orders; from += 10 {
			t.Run(fmt.Sprint(from), func(t *testing.T) {
				t.Parallel()
				b := bustest.Open(t)
				for order := range 10 {
					k, d, m := onceOnly(t, b, uint64(from+order))
					mu.Lock()
					kills, doubles, messages = kills+k, doubles+d, messages+m
					mu.Unlock()
					if t.Failed() {
						t.Fatalf("order %d", from+order)
					}
				}
			})
		}
	})
	t.Logf("%d orders, %d messages, %d crashes, %d messages came twice", orders, messages, kills, doubles)
	if kills < orders {
		t.Errorf("only %d crashes", kills)
	}
}

func onceOnly(t *testing.T, b *bus.Bus, seed uint64) (kills, doubles, messages int) {
	rng := rand.New(rand.NewPCG(seed, 40))
	one, two := newSink(t), newSink(t)
	defer one.Close()
	defer two.Close()
	scope := fmt.Sprintf("o%d-", seed)
	w := newWorld(t, b, func(o *Options) {
		o.Hourly = 10_000
		o.Rules, o.Deliveries = scoped{o.Rules, scope}, scoped{o.Deliveries, scope}
	})
	box, rules := w.opt.Deliveries, w.opt.Rules
	w.rule(`{"name":"all","query":"type:distribution","on":["new","status"],"to":[{"webhook":{"url":"` + one.URL + `"}},{"webhook":{"url":"` + two.URL + `"}}]}`)
	w.rule(`{"name":"hyper","query":"kind:hyperscaler","on":["new","status"],"to":[{"webhook":{"url":"` + one.URL + `/h"}}]}`)
	w.rule(`{"name":"only-status","query":"vendor:dell","on":["status"],"to":[{"webhook":{"url":"` + two.URL + `/s"}}]}`)
	w.clock.set(monday.Add(4 * time.Hour))

	articles := press()
	articles = append(articles, articles[rng.IntN(40)], articles[rng.IntN(40)], articles[rng.IntN(40)]) // delivered again
	shuffle(rng, articles)
	// What is to be told follows from the events alone.
	want := map[string]bool{}
	first := map[string]bool{}
	var batches [][]schemas.Event
	for _, a := range articles {
		evs := w.fold(a.extraction())
		for _, ev := range evs {
			var e schemas.DealEvent
			if err := ev.Into(&e); err != nil {
				t.Fatal(err)
			}
			event := map[string]string{"new": "new", "status": "status"}[e.Kind]
			if event == "" {
				continue
			}
			key := event + " " + e.Deal.ID
			if event == "status" {
				key += " " + e.Deal.Status
			}
			if event == "new" && first[e.Deal.ID] {
				t.Fatalf("deal %s is new twice", e.Deal.ID)
			}
			first[e.Deal.ID] = true
			hyper := slices.ContainsFunc(e.Deal.Parties, func(p schemas.Party) bool { return kinds[p.ID] == "hyperscaler" })
			dell := slices.ContainsFunc(e.Deal.Parties, func(p schemas.Party) bool { return p.ID == "dell" })
			want["/ all "+key] = true
			if hyper {
				want["/h hyper "+key] = true
			}
			if dell && event == "status" {
				want["/s only-status "+key] = true
			}
		}
		batches = append(batches, evs)
		if rng.IntN(6) == 0 {
			batches = append(batches, evs) // the stage was not acknowledged
		}
	}
	// Two crashes, each at some operation of the store; then what was not
	// acknowledged comes again.
	at := 0
	for life := range 3 {
		var m mortal
		if life < 2 {
			m = newMortal(box, 1+rng.IntN(120), rng.IntN(2) == 0)
			w.opt.Deliveries, w.opt.Rules = m, rules
		} else {
			w.opt.Deliveries, w.opt.Rules = box, rules
		}
		w.restart()
		for at < len(batches) {
			from := at
			n := min(len(batches)-at, 1+rng.IntN(3))
			if err := w.Take(t.Context(), slices.Concat(batches[at:at+n]...)); err != nil {
				break
			}
			at += n
			if rng.IntN(3) == 0 {
				at = max(from, at-1) // the last one comes again after the crash or at once
				if at == from && n == 1 {
					at++
				}
			}
			if life < 2 {
				w.step(t.Context())
				w.flying.Wait()
				if m.dead() {
					at = max(0, at-2)
					break
				}
			} else {
				w.settle()
			}
		}
		if life < 2 {
			for range 10 {
				w.step(t.Context())
				w.flying.Wait()
				if m.dead() {
					break
				}
			}
			if m.dead() {
				kills++
			}
			w.flying.Wait()
		} else {
			w.after(2 * time.Hour)
		}
	}
	got := map[string]map[string]int{}
	ids := map[string]string{}
	for name, s := range map[string]*sink{"one": one, "two": two} {
		for _, p := range s.all() {
			a := p.alert
			key := a.Event + " " + a.Deal.ID
			if a.Event == "status" {
				key += " " + a.Change.To
			}
			path := p.path
			key = path + " " + a.Rule.Slug + " " + key
			if got[name] == nil {
				got[name] = map[string]int{}
			}
			got[name][key]++
			messages++
			if id := ids[name+key]; id != "" && id != p.id {
				t.Errorf("%s %s came under two ids", name, key)
			}
			ids[name+key] = p.id
			verify(t, w.secretOf(a.Rule.Slug, name, one.URL), p)
		}
	}
	again := map[string]int{} // one message is at most in the air for a destination of a rule
	for name := range map[string]bool{"one": true, "two": true} {
		for key := range want {
			if strings.HasPrefix(key, "/h") && name == "two" || strings.HasPrefix(key, "/s") && name == "one" {
				continue
			}
			if got[name][key] == 0 {
				t.Errorf("%s was not told: %s", name, key)
			}
		}
		for key, n := range got[name] {
			if !want[key] {
				t.Errorf("%s was told what did not happen: %s", name, key)
			}
			doubles += n - 1
			lane := name + strings.Fields(key)[1]
			if again[lane] += n - 1; again[lane] > kills {
				t.Errorf("%d messages of %s came twice in %d crashes", again[lane], lane, kills)
			}
		}
	}
	if seen := slices.Collect(maps.Values(ids)); len(seen) != len(slices.Compact(slices.Sorted(slices.Values(seen)))) {
		t.Error("one id for two messages")
	}
	return kills, doubles, messages
}

func (w *world) secretOf(rule, sink, oneURL string) string {
	s := w.book.get(rule)
	for _, d := range s.rule.To {
		if (strings.HasPrefix(d.Address(), oneURL)) == (sink == "one") {
			return d.Webhook.Secret.Reveal()
		}
	}
	return ""
}
