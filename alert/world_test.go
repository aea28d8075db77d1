package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"example.org/veille/bus"
	"example.org/veille/bus/bustest"
	"example.org/veille/extract/deals"
	"example.org/veille/index"
	"example.org/veille/internal/guard"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// clock is set by the test.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

var (
	loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	nolog    = slog.New(slog.NewTextHandler(io.Discard, nil))
)

var monday = time.Date(2026, 3, 9, 9, 0, 0, 0, time.UTC)

// world is a notifier over a real log, with a clock of the test's.
type world struct {
	*Notifier
	t          testing.TB
	clock      *clock
	opt        Options
	rules, box *bus.KV
	gather     map[string]deals.Dossier
	notes      map[string][]string
}

var kinds = map[string]string{"aws": "hyperscaler", "azure": "hyperscaler", "capgemini": "integrator", "sopra": "integrator"}

func newWorld(t testing.TB, b *bus.Bus, change func(*Options)) *world {
	t.Helper()
	if b == nil {
		b = bustest.Open(t)
	}
	w := &world{t: t, clock: &clock{t: monday}, gather: map[string]deals.Dossier{}, notes: map[string][]string{}}
	var err error
	if w.rules, err = b.KV(t.Context(), schemas.BucketRules); err != nil {
		t.Fatal(err)
	}
	if w.box, err = b.KV(t.Context(), schemas.BucketDeliveries); err != nil {
		t.Fatal(err)
	}
	w.opt = Options{
		Rules: w.rules, Deliveries: w.box, Analyze: index.Analyze, Now: w.clock.now,
		Catalogue: func(id string) ([]string, string) {
			if k := kinds[id]; k != "" {
				return []string{k}, map[string]string{"integrator": "fr", "hyperscaler": "us"}[k]
			}
			return nil, ""
		},
		Parse: func(s string) (query.Query, error) {
			return query.Parse(s, query.Options{Now: w.clock.now(), Lists: nil})
		},
		Client:  NewClient(guard.Policy{Allow: loopback, Header: 2 * time.Second, Total: 3 * time.Second}),
		Key:     []byte("a key for tests, of enough bytes"),
		BaseURL: "https://veille.example",
		Publish: func(ctx context.Context, evs ...schemas.Event) error {
			_, err := b.Publish(ctx, evs...)
			return err
		},
		Jitter: func() float64 { return 0.5 },
	}
	t.Cleanup(w.opt.Client.Close)
	if change != nil {
		change(&w.opt)
	}
	w.restart()
	return w
}

// restart makes the notifier anew from what is durable.
func (w *world) restart() {
	w.t.Helper()
	n, err := New(w.t.Context(), nolog, w.opt)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Notifier = n
}

// settle sends all that is due now and tells when something else will be.
func (w *world) settle() time.Time {
	for {
		n := w.attempts()
		next := w.step(w.t.Context())
		w.flying.Wait()
		if next = w.step(w.t.Context()); w.attempts() == n && (next.IsZero() || next.After(w.clock.now())) {
			w.flying.Wait()
			return next
		}
		w.flying.Wait()
	}
}

// attempts changes whenever the outbox moves.
func (w *world) attempts() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, rows := 0, 0
	for _, l := range w.lanes {
		for _, e := range l.rows {
			if e.row != nil {
				n += len(e.row.Attempts)
			}
			rows++
		}
	}
	return fmt.Sprint(n, rows)
}

// until lets time pass, stopping wherever something is due.
func (w *world) until(end time.Time) {
	for range 100_000 {
		next := w.settle()
		if next.IsZero() || next.After(end) {
			w.clock.set(end)
			w.settle()
			return
		}
		w.clock.set(next)
	}
	w.t.Fatal("time does not pass")
}

func (w *world) after(d time.Duration) { w.until(w.clock.now().Add(d)) }

func (w *world) rule(s string) schemas.Rule {
	w.t.Helper()
	r, err := schemas.DecodeRule([]byte(s))
	if err != nil {
		w.t.Fatal(err)
	}
	r, _, err = w.Create(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// article is "outlet day type status a b [outlet]": what one article says.
type article struct {
	id, outlet, lang, typ, status string
	a, b                          string
	published                     time.Time
	seen                          time.Time
}

func (a article) extraction() schemas.Extraction {
	text := fmt.Sprintf("%s et %s : %s (%s), selon %s.", a.a, a.b, a.typ, a.status, a.outlet)
	art := schemas.Article{
		ID: a.id, Version: "1", Source: a.outlet, Outlet: strings.ToUpper(a.outlet), URL: "https://" + a.outlet + ".example/" + a.id + "?utm=1", Lang: a.lang,
		Title: a.a + " × " + a.b, Text: text, Published: a.published, Fetched: a.seen,
	}
	ps := []schemas.Party{{ID: a.a, Name: strings.ToUpper(a.a), Role: "vendor", Known: true}, {ID: a.b, Name: strings.ToUpper(a.b), Role: "distributor", Known: true}}
	s := schemas.Signal{
		ID: schemas.SignalID(a.id, a.typ, ps), Type: a.typ, Status: a.status, Parties: ps, Confidence: 0.9, Territory: []string{"fr"},
		Evidence: schemas.Quote{Text: text, Span: schemas.Span{Start: 0, End: len(text)}},
	}
	return schemas.Extraction{ID: schemas.ExtractionID(a.id, "1", 0, "test/1"), By: "test/1", At: a.seen, Article: art, Signals: []schemas.Signal{s}}
}

// fold gathers an extraction as the pipeline does and returns its deal events.
func (w *world) fold(x schemas.Extraction) []schemas.Event {
	w.t.Helper()
	var out []schemas.Event
	now := deals.Split(x)
	keys := append([]string{}, w.notes[x.Article.ID]...)
	w.notes[x.Article.ID] = nil
	for k := range now {
		keys = append(keys, k)
		w.notes[x.Article.ID] = append(w.notes[x.Article.ID], k)
	}
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		d, ok := w.gather[k]
		if !ok {
			d = deals.Dossier{Family: now[k].Family, Parties: now[k].Parties}
		}
		d, changes := d.Fold(x.Article.ID, now[k].Said)
		w.gather[k] = d
		for _, c := range changes {
			ev, err := schemas.NewEvent(schemas.TypeDeal, deals.EventID(c), schemas.DealSubject(c.Kind, c.Deal), x.At, c)
			if err != nil {
				w.t.Fatal(err)
			}
			out = append(out, ev)
		}
	}
	return out
}

// say publishes an article, now, and lets the outbox settle.
func (w *world) say(line string) []schemas.Event {
	w.t.Helper()
	evs := w.fold(w.article(line).extraction())
	if err := w.Take(w.t.Context(), evs); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
	return evs
}

func (w *world) article(line string) article {
	w.t.Helper()
	a := article{typ: "distribution", lang: "fr", published: w.clock.now().Add(-4 * time.Minute), seen: w.clock.now()}
	if n, err := fmt.Sscan(line, &a.id, &a.outlet, &a.status, &a.a, &a.b); n != 5 {
		w.t.Fatal(line, err)
	}
	return a
}

// sink is a webhook receiver that keeps what it took.
type sink struct {
	*httptest.Server
	mu     sync.Mutex
	got    []post
	answer func(post) (int, http.Header) // nil: 200
}

type post struct {
	id, path, sig string
	at            time.Time // webhook-timestamp
	header        http.Header
	body          []byte
	event         schemas.Event
	alert         schemas.Alert
}

func newSink(t testing.TB) *sink {
	s := &sink{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		p := post{id: r.Header.Get("webhook-id"), path: r.URL.RequestURI(), sig: r.Header.Get("webhook-signature"), header: r.Header, body: body}
		var unix int64
		_, _ = fmt.Sscan(r.Header.Get("webhook-timestamp"), &unix)
		p.at = time.Unix(unix, 0).UTC()
		_ = json.Unmarshal(body, &p.event)
		_ = json.Unmarshal(p.event.Data, &p.alert)
		status, head := 200, http.Header(nil)
		s.mu.Lock()
		answer := s.answer
		s.got = append(s.got, p)
		s.mu.Unlock()
		if answer != nil {
			status, head = answer(p)
		}
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		for k, v := range head {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError)
	t.Cleanup(s.Close)
	return s
}

func (s *sink) all() []post {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func (s *sink) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = nil
}

func (s *sink) answers(f func(post) (int, http.Header)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// told lists what a sink was told, in order: "new nutanix~arrow announced".
func (s *sink) told() []string {
	out := []string{}
	for _, p := range s.all() {
		out = append(out, tell(p))
	}
	return out
}

func tell(p post) string {
	if strings.Contains(p.event.Type, "digest") {
		var d struct {
			Total int
			Items []schemas.Alert
		}
		_ = json.Unmarshal(p.event.Data, &d)
		return fmt.Sprintf("digest %d", d.Total)
	}
	if strings.Contains(p.event.Type, "notice") {
		return "notice"
	}
	a := p.alert
	names := []string{}
	for _, x := range a.Deal.Parties {
		names = append(names, x.ID)
	}
	s := a.Event + " " + strings.Join(names, "~") + " " + a.Deal.Status
	if a.Change.From != "" {
		s += " from " + a.Change.From
	}
	return s
}

func verify(t *testing.T, secret string, p post) {
	t.Helper()
	wh, err := webhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := wh.VerifyIgnoringTimestamp(p.body, p.header); err != nil {
		t.Errorf("the reference library refuses %s: %v", p.id, err)
	}
	if err := wh.VerifyIgnoringTimestamp(bytes.Replace(p.body, []byte("announced"), []byte("denied"), 1), p.header); err == nil && bytes.Contains(p.body, []byte("announced")) {
		t.Error("a changed body passes")
	}
}

const secret1, secret2 = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

var errCrash = errors.New("the process is gone")

// mortal is a store that dies after some operations, before or after doing the
// last one. Once dead, it does nothing more.
type mortal struct {
	Store
	mu    *sync.Mutex
	left  *int
	after *bool // die after having written
}

func newMortal(s Store, left int, after bool) mortal {
	return mortal{s, new(sync.Mutex), &left, &after}
}

// twin shares the life of another store.
func (m mortal) twin(s Store) mortal { m.Store = s; return m }

func (m mortal) live(do func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	*m.left--
	switch {
	case *m.left > 0:
		return do()
	case *m.left == 0 && *m.after:
		if err := do(); err != nil {
			return err
		}
	}
	return errCrash
}

func (m mortal) dead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return *m.left <= 0
}

func (m mortal) Get(ctx context.Context, k string) (b []byte, rev uint64, err error) {
	err = m.live(func() error { b, rev, err = m.Store.Get(ctx, k); return err })
	return b, rev, err
}

func (m mortal) Put(ctx context.Context, k string, v []byte) (rev uint64, err error) {
	err = m.live(func() error { rev, err = m.Store.Put(ctx, k, v); return err })
	return rev, err
}

func (m mortal) PutMany(ctx context.Context, k []string, v [][]byte) error {
	return m.live(func() error { return m.Store.PutMany(ctx, k, v) })
}

// scoped keeps the keys of one run apart within a bucket.
type scoped struct {
	Store
	prefix string
}

func (s scoped) Get(ctx context.Context, k string) ([]byte, uint64, error) {
	return s.Store.Get(ctx, s.prefix+k)
}

func (s scoped) Put(ctx context.Context, k string, v []byte) (uint64, error) {
	return s.Store.Put(ctx, s.prefix+k, v)
}

func (s scoped) Update(ctx context.Context, k string, v []byte, rev uint64) (uint64, error) {
	return s.Store.Update(ctx, s.prefix+k, v, rev)
}

func (s scoped) PutMany(ctx context.Context, keys []string, values [][]byte) error {
	keys = slices.Clone(keys)
	for i := range keys {
		keys[i] = s.prefix + keys[i]
	}
	return s.Store.PutMany(ctx, keys, values)
}

func (s scoped) All(ctx context.Context) (map[string][]byte, error) {
	all, err := s.Store.All(ctx)
	out := map[string][]byte{}
	for k, v := range all {
		if rest, ok := strings.CutPrefix(k, s.prefix); ok {
			out[rest] = v
		}
	}
	return out, err
}

func shuffle[T any](rng *rand.Rand, list []T) {
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}
