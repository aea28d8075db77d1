package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/veille/index"
	"example.org/veille/schemas"
	"example.org/veille/serve"
)

// eventLog is a log of deal events as the bus keeps it: numbered, growing, its oldest
// part dropped.
type eventLog struct {
	mu    sync.Mutex
	first uint64 // sequence of events[0]
	list  []schemas.Event
	grown chan struct{}
}

func newEventLog() *eventLog { return &eventLog{first: 1, grown: make(chan struct{})} }

func (l *eventLog) add(t testing.TB, kind string, d schemas.Deal) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	e, err := schemas.NewEvent(schemas.TypeDeal, fmt.Sprint("deal:", d.ID, ":", len(l.list)), d.ID, now, schemas.DealEvent{Kind: kind, Deal: d})
	if err != nil {
		t.Fatal(err)
	}
	l.push(e)
}

func (l *eventLog) append(e schemas.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.push(e)
}

func (l *eventLog) push(e schemas.Event) {
	l.list = append(l.list, e)
	close(l.grown)
	l.grown = make(chan struct{})
}

func (l *eventLog) drop(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list, l.first = l.list[n:], l.first+uint64(n)
}

func (l *eventLog) tail(ctx context.Context, after uint64, f func(uint64, schemas.Event) error) error {
	for {
		l.mu.Lock()
		var next *schemas.Event
		seq := max(after+1, l.first)
		if i := seq - l.first; i < uint64(len(l.list)) {
			next = &l.list[i]
		}
		grown := l.grown
		l.mu.Unlock()
		if next == nil {
			select {
			case <-grown:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := f(seq, *next); err != nil {
			return err
		}
		after = seq
	}
}

func (l *eventLog) tip(context.Context) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first + uint64(len(l.list)) - 1, nil
}

type sse struct{ id, event, data string }

// listen reads events until it has n, then breaks off.
func (w *world) listen(n int, lastID, query string, during func()) (out []sse) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	req := w.request(http.MethodGet, "/api/v1/stream"+query, nil, "").WithContext(ctx)
	req.Header.Set("Last-Event-ID", lastID)
	res, err := w.http.Client().Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Header.Get("X-Accel-Buffering") != "no" || res.Header.Get("Content-Encoding") != "" {
		w.t.Fatalf("stream: %d %v", res.StatusCode, res.Header)
	}
	if during != nil {
		during()
	}
	sc := bufio.NewScanner(res.Body)
	sc.Buffer(nil, 1<<20)
	var e sse
	for len(out) < n && sc.Scan() {
		name, value, _ := strings.Cut(sc.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.event = value
		case "data":
			e.data = value
		case "":
			if e.event != "" {
				out = append(out, e)
			}
			e = sse{}
		}
	}
	if err := sc.Err(); err != nil && len(out) < n {
		w.t.Fatal(err)
	}
	return out
}

func ids(es []sse) (out []string) {
	for _, e := range es {
		out = append(out, e.id+" "+e.event)
	}
	return out
}

func TestStream(t *testing.T) {
	log := newEventLog()
	w := press(t, func(o *serve.Options) { o.Tail, o.Tip = log.tail, log.tip })
	deals := []schemas.Deal{w.deals[0].Deal, w.deals[1].Deal, w.deals[2].Deal}
	for _, d := range deals {
		log.add(t, "new", d)
	}
	check := func(what string, got []sse, want ...string) {
		t.Helper()
		if !slices.Equal(ids(got), want) {
			t.Errorf("%s: %v, want %v", what, ids(got), want)
		}
	}
	check("from the beginning", w.listen(3, "", "?since=0", nil), "1 deal.new", "2 deal.new", "3 deal.new")
	// Without an id it begins now.
	live := w.listen(1, "", "", func() { log.add(t, "status", deals[0]) })
	check("live", live, "4 deal.status")
	var data struct {
		Kind string
		Deal schemas.Deal
	}
	if err := json.Unmarshal([]byte(live[0].data), &data); err != nil || data.Kind != "status" || data.Deal.ID != deals[0].ID || len(data.Deal.Evidence) != 2 {
		t.Errorf("data %s (%v)", live[0].data, err)
	}
	// The server ends in the middle; whoever comes back misses nothing.
	broken := w.listen(2, "1", "", nil)
	w.http.CloseClientConnections()
	rest := w.listen(2, broken[1].id, "", func() { log.add(t, "value", deals[1]) })
	check("after a break", append(broken, rest...), "2 deal.new", "3 deal.new", "4 deal.status", "5 deal.value")
	check("what matches", w.listen(2, "", "?since=0&q=vendor:nutanix+type:rachat", nil), "2 deal.new", "5 deal.value")
	check("what was asked for", w.listen(1, "", "?since=0&events=deal.status,deal.merged", nil), "4 deal.status")
	log.drop(3)
	check("older than the log", w.listen(3, "1", "", nil), "3 gap", "4 deal.status", "5 deal.value")
	check("at its edge", w.listen(2, "3", "", nil), "4 deal.status", "5 deal.value")
	check("another log", w.listen(2, "99", "", func() { log.add(t, "new", deals[2]) }), "5 gap", "6 deal.new")
	w.fails(400, "invalid-parameter", "/api/v1/stream?since=yesterday")
	w.fails(400, "invalid-query", "/api/v1/stream?q=vendr:x")
}

// Prices come from a log of their own, with its own ids.
func TestStreamPrices(t *testing.T) {
	deals, log := newEventLog(), newEventLog()
	w := press(t, func(o *serve.Options) {
		o.Tail, o.Tip, o.TailPrices, o.TipPrices = deals.tail, deals.tip, log.tail, log.tip
	})
	for i, vendor := range []string{"dell", "hpe", "dell"} {
		p := schemas.Price{ID: fmt.Sprint("p_", i), Text: "9 900 € HT", Span: schemas.Span{Start: 0, End: 14}, Amount: schemas.Amount{Low: ptr("9900"), Currency: "EUR"}, Kind: "product_price", Qualifier: "from", Tax: "excl",
			Vendor: &schemas.VendorRef{ID: vendor, Name: vendor}, Evidence: schemas.Quote{Text: "9 900 € HT", Span: schemas.Span{Start: 0, End: 14}}}
		e, err := schemas.NewEvent(schemas.TypePrice, "price:"+p.ID, p.ID, now, index.PriceHit{Price: p, Article: schemas.Article{ID: "a_1", Source: "herald", URL: "https://herald.example/1", Lang: "fr", Published: now}})
		if err != nil {
			t.Fatal(err)
		}
		log.append(e)
	}
	got := w.listen(2, "", "?since=0&events=price.new&q=vendor:dell+price:>9000", nil)
	if want := []string{"1 price.new", "3 price.new"}; !slices.Equal(ids(got), want) {
		t.Errorf("prices %v, want %v", ids(got), want)
	}
	var data struct {
		Price struct {
			schemas.Price
			Article         schemas.Article
			TextFragmentURL string `json:"text_fragment_url"`
		}
	}
	if err := json.Unmarshal([]byte(got[0].data), &data); err != nil || data.Price.ID != "p_0" || *data.Price.Low != "9900" || data.Price.Article.ID != "a_1" || !strings.HasPrefix(data.Price.TextFragmentURL, "https://herald.example/1#:~:text=") {
		t.Errorf("data %s (%v)", got[0].data, err)
	}
	w.fails(400, "invalid-parameter", "/api/v1/stream?events=price.new,deal.new")
}

// TestStreamLimit holds more streams open than one address may.
func TestStreamLimit(t *testing.T) {
	log := newEventLog()
	w := newWorld(t, func(o *serve.Options) { o.Tail, o.Tip = log.tail, log.tip })
	var open []func()
	for range 4 {
		ctx, cancel := context.WithCancel(t.Context())
		res, err := w.http.Client().Do(w.request(http.MethodGet, "/api/v1/stream", nil, "").WithContext(ctx))
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("stream: %v", err)
		}
		open = append(open, func() { cancel(); res.Body.Close() })
	}
	w.fails(http.StatusTooManyRequests, "rate-limited", "/api/v1/stream")
	for _, f := range open {
		f()
	}
}

// A stream outlives the time limits of requests.
func TestStreamOutlivesTimeouts(t *testing.T) {
	log := newEventLog()
	w := press(t, func(o *serve.Options) { o.Tail, o.Tip = log.tail, log.tip })
	srv := httptest.NewUnstartedServer(w.srv.Handler())
	const limit = 50 * time.Millisecond
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = limit, limit
	srv.Start()
	defer srv.Close()
	w.http = srv
	got := w.listen(1, "", "", func() {
		<-time.After(4 * limit) // the limits must pass
		log.add(t, "new", w.deals[0].Deal)
	})
	if fmt.Sprint(ids(got)) != "[1 deal.new]" {
		t.Errorf("got %v", ids(got))
	}
}
