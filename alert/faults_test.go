package alert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"example.org/veille/bus"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
)

const hookRule = `{"name":"all","query":"type:distribution","on":["new","status"],"to":[{"webhook":{"url":"%s","secret":"` + secret1 + `"}}]}`

// attemptsOf lists when a message was tried, from its first time on.
func attemptsOf(posts []post) []time.Duration {
	out := []time.Duration{}
	for _, p := range posts {
		out = append(out, p.at.Sub(posts[0].at))
	}
	return out
}

// T10: the schedule of Standard Webhooks, to the end.
func TestRetrySchedule(t *testing.T) {
	s := newSink(t)
	s.answers(func(post) (int, http.Header) { return 500, nil })
	jitter := []float64{0, 1, 0.5, 0.25, 0.75, 0.5, 0.5, 0.5, 0.5}
	i := 0
	w := newWorld(t, nil, func(o *Options) {
		o.Jitter = func() float64 { i++; return jitter[(i-1)%len(jitter)] }
	})
	w.rule(fmt.Sprintf(hookRule, s.URL))
	w.after(time.Hour)
	w.say("a1 lemag announced aws capgemini")
	for range 4 { // the queue survives the process
		w.after(3 * time.Hour)
		w.restart()
	}
	w.after(100 * time.Hour)
	got := attemptsOf(s.all())
	// 5 s −20 %, 5 min +20 %, 30 min, 2 h −10 %, 5 h +10 %, 10 h, 14 h, 20 h, 24 h
	steps := []time.Duration{4 * time.Second, 6 * time.Minute, 30 * time.Minute, 108 * time.Minute, 330 * time.Minute, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
	want, at := []time.Duration{0}, time.Duration(0)
	for _, s := range steps {
		at += s
		want = append(want, at)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, p := range s.all() {
		if p.id != s.all()[0].id {
			t.Errorf("id %s, first %s", p.id, s.all()[0].id)
		}
		verify(t, secret1, p)
	}
	if s.all()[0].sig == s.all()[1].sig {
		t.Error("the timestamp is not part of the signature")
	}
	rows, _, err := w.Deliveries(t.Context(), "all", "", 10)
	if err != nil || len(rows) != 1 || rows[0].State != schemas.DeliveryDead || len(rows[0].Attempts) != 10 || !strings.Contains(rows[0].Reason, "500") {
		t.Fatalf("%+v %v", rows, err)
	}
	if st, err := w.Rule("all"); err != nil || st.Health != "failing" {
		t.Errorf("%+v %v", st, err)
	}
	// From the dead letters by hand.
	s.answers(nil)
	d, err := w.Redeliver(t.Context(), "all", rows[0].ID)
	if err != nil || d.State != schemas.DeliverySent {
		t.Errorf("%+v %v", d, err)
	}
	if last := s.all()[10]; last.id != s.all()[0].id {
		t.Error("redelivered under another id")
	}
	if st, _ := w.Rule("all"); st.Health != "ok" {
		t.Errorf("%+v", st)
	}
}

// T10: what a receiver may do.
func TestReceiverFaults(t *testing.T) {
	n := 0
	head := func(k, v string) http.Header { return http.Header{k: {v}} }
	for name, c := range map[string]struct {
		answer  func(post) (int, http.Header)
		tries   []time.Duration // of the first message, within an hour
		says    string
		state   string
		elapsed time.Duration
	}{
		"500 three times, then 200": {func(post) (int, http.Header) {
			if n++; n <= 3 {
				return 500, nil
			}
			return 200, nil
		}, []time.Duration{0, 5 * time.Second, 5*time.Minute + 5*time.Second, 35*time.Minute + 5*time.Second}, "500", schemas.DeliverySent, 0},
		"429 with Retry-After": {func(post) (int, http.Header) {
			if n++; n == 1 {
				return 429, head("Retry-After", "7")
			}
			return 204, nil
		}, []time.Duration{0, 7 * time.Second}, "429", schemas.DeliverySent, 0},
		"503 with a long Retry-After": {func(post) (int, http.Header) {
			if n++; n == 1 {
				return 503, head("Retry-After", "1800")
			}
			return 200, nil
		}, []time.Duration{0, 30 * time.Minute}, "503", schemas.DeliverySent, 0},
		"a redirect is not followed": {func(post) (int, http.Header) {
			if n++; n <= 1 {
				return 301, head("Location", "/elsewhere")
			}
			return 200, nil
		}, []time.Duration{0, 5 * time.Second}, "redirects are not followed", schemas.DeliverySent, 0},
		"the connection breaks after the header": {func(post) (int, http.Header) {
			if n++; n <= 1 {
				return 0, nil
			}
			return 200, nil
		}, []time.Duration{0, 5 * time.Second}, "connection", schemas.DeliverySent, 0},
	} {
		t.Run(name, func(t *testing.T) {
			n = 0
			s := newSink(t)
			s.answers(c.answer)
			w := newWorld(t, nil, nil)
			w.rule(fmt.Sprintf(hookRule, s.URL))
			w.after(time.Hour)
			w.say("a1 lemag announced aws capgemini")
			w.after(time.Hour)
			got := s.all()
			if diff := cmp.Diff(c.tries, attemptsOf(got)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			for _, p := range got {
				if p.id != got[0].id || p.path != "/" {
					t.Errorf("%s at %s, first %s", p.id, p.path, got[0].id)
				}
				verify(t, secret1, p)
			}
			rows, _, err := w.Deliveries(t.Context(), "all", "", 10)
			if err != nil || rows[0].State != c.state || !strings.Contains(rows[0].Attempts[0].Error, c.says) {
				t.Errorf("%+v %v", rows, err)
			}
		})
	}
}

// T10: 410 switches the destination off, and the other one is told.
func TestGone(t *testing.T) {
	s := newSink(t)
	s.answers(func(p post) (int, http.Header) {
		if p.path == "/gone" {
			return 410, nil
		}
		return 200, nil
	})
	box := newPostbox(t)
	w := newWorld(t, nil, func(o *Options) { o.Mail = box.config() })
	w.rule(`{"name":"all","query":"type:distribution","to":[{"webhook":{"url":"` + s.URL + `/gone"}},{"webhook":{"url":"` + s.URL + `/other"}}]}`)
	w.rule(`{"name":"alone","query":"type:distribution","owner":"anna@example.org","to":[{"webhook":{"url":"` + s.URL + `/gone"}}]}`)
	w.after(time.Hour)
	w.say("a1 lemag announced aws capgemini")
	w.say("a2 lemag announced dell capgemini")
	w.restart()
	w.say("a3 lemag announced cisco capgemini")
	w.after(100 * time.Hour)
	count := map[string]int{}
	for _, p := range s.all() {
		count[p.path+" "+strings.Fields(tell(p))[0]]++
	}
	if diff := cmp.Diff(map[string]int{"/gone new": 2, "/other new": 3, "/other notice": 1}, count); diff != "" {
		t.Error(diff)
	}
	if l := box.letters(t); len(l) != 1 || l[0].to[0] != "anna@example.org" || !strings.Contains(l[0].text, "410") {
		t.Errorf("the owner got %d letters", len(l))
	}
	st, err := w.Rule("all")
	if err != nil || st.Health != "failing" || st.Rule.To[0].Off != "gone" {
		t.Errorf("%+v %v", st, err)
	}
}

// T10, in real time: answers that never end, or drip.
func TestEndlessAnswers(t *testing.T) {
	hold := make(chan struct{})
	paths := map[string]func(http.ResponseWriter){
		"/huge": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", strconv.Itoa(1<<30))
			chunk := make([]byte, 64<<10)
			for range 1 << 14 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
		"/drip": func(w http.ResponseWriter) {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-hold
		},
		"/mute": func(http.ResponseWriter) { <-hold },
	}
	hits := make(chan string, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		hits <- r.URL.Path
		paths[r.URL.Path](w)
	}))
	defer srv.Close()
	defer close(hold)
	w := newWorld(t, nil, func(o *Options) {
		o.Client = NewClient(guard.Policy{Allow: loopback, Header: 200 * time.Millisecond, Total: 400 * time.Millisecond})
	})
	for path := range paths {
		w.rule(`{"name":"` + path[1:] + `","query":"type:distribution","to":[{"webhook":{"url":"` + srv.URL + path + `"}}]}`)
	}
	w.after(time.Hour)
	w.say("a1 lemag announced aws capgemini")
	for path, want := range map[string]string{"huge": schemas.DeliverySent, "drip": schemas.DeliverySent, "mute": schemas.DeliveryPending} {
		rows, _, err := w.Deliveries(t.Context(), path, "", 10)
		if err != nil || len(rows) != 1 || rows[0].State != want || len(rows[0].Attempts) != 1 {
			t.Errorf("%s: %+v %v", path, rows, err)
		}
	}
}

// A private address is refused unless an operator allowed it.
func TestPrivateAddressesRefused(t *testing.T) {
	s := newSink(t)
	w := newWorld(t, nil, func(o *Options) { o.Client = NewClient(guard.Policy{}) })
	w.rule(fmt.Sprintf(hookRule, s.URL))
	w.after(time.Hour)
	w.say("a1 lemag announced aws capgemini")
	rows, _, err := w.Deliveries(t.Context(), "all", "", 10)
	if err != nil || len(rows) != 1 || !strings.Contains(rows[0].Attempts[0].Error, "--allow-cidr") || len(s.all()) != 0 {
		t.Errorf("%+v %v", rows, err)
	}
}

// T11: ten thousand matches at once become a handful of messages, and another
// rule is not kept waiting.
func TestFlood(t *testing.T) {
	matches := 10_000
	if testing.Short() {
		matches = 1_000
	}
	b, err := bus.Open(t.Context(), nolog, bus.Options{Dir: t.TempDir(), MaxStore: 16 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	s := newSink(t)
	w := newWorld(t, b, nil)
	w.rule(fmt.Sprintf(hookRule, s.URL+"/flood"))
	w.rule(`{"name":"calm","query":"vendor:nutanix","to":[{"webhook":{"url":"` + s.URL + `/calm"}}]}`)
	w.after(time.Hour)
	began := w.clock.now()
	var evs []schemas.Event
	for i := range matches {
		x := w.article(fmt.Sprintf("a%d lemag announced v%d arrow", i, i)).extraction()
		evs = append(evs, w.fold(x)...)
		if len(evs) == 250 {
			if err := w.Take(t.Context(), evs); err != nil {
				t.Fatal(err)
			}
			evs = evs[:0]
		}
	}
	w.take(evs)
	calm := w.article("calm1 lemag announced nutanix capgemini")
	w.take(w.fold(calm.extraction()))
	w.after(3 * time.Hour)
	flood, total, digests := []post{}, 0, 0
	for _, p := range s.all() {
		if p.path == "/calm" {
			if late := p.at.Sub(began); late > time.Minute {
				t.Errorf("the other rule waited %v", late)
			}
			continue
		}
		flood = append(flood, p)
		var n int
		if _, err := fmt.Sscanf(tell(p), "digest %d", &n); err == nil {
			total, digests = total+n, digests+1
			if !strings.Contains(string(p.body), "/alerts/all#log") || len(p.body) > 20<<10 {
				t.Errorf("a digest of %d bytes", len(p.body))
			}
		} else {
			total++
		}
	}
	for i, p := range flood {
		in := 0
		for _, q := range flood[i:] {
			if q.at.Sub(p.at) < time.Hour {
				in++
			}
		}
		if in > 30 {
			t.Fatalf("%d messages in an hour", in)
		}
	}
	if total != matches+1 || digests == 0 {
		t.Errorf("%d matches were told of, want %d, in %d messages", total, matches+1, len(flood))
	}
	if c := w.Count("all"); c[schemas.DeliverySent] != matches+1 {
		t.Errorf("%v", c)
	}
	t.Logf("%d matches, %d messages, %d of them digests", matches, len(flood), digests)
}

// T8, in part: what cannot be read is said to be so, and nothing is told of it.
func TestPoison(t *testing.T) {
	w := newWorld(t, nil, nil)
	for _, ev := range []schemas.Event{
		{ID: "x", Type: schemas.TypeDeal, Data: []byte(`{`)},
		{ID: "x", Type: schemas.TypeDeal, Data: []byte(`{"kind":"new","deal":{"id":""}}`)},
		{ID: "x", Type: schemas.TypeDeal, Data: []byte(`{"kind":"exploded","deal":{"id":"d_1"}}`)},
		{ID: "x", Type: schemas.TypeDeal, Data: []byte(`{"kind":"new","deal":{"id":"../*.>"}}`)},
		{ID: "x", Type: schemas.TypePrice, Data: []byte(`{"id":"a b"}`)},
		{ID: "x", Type: schemas.TypeArticle, Data: []byte(`{}`)},
	} {
		if err := w.Take(t.Context(), []schemas.Event{ev}); !errors.Is(err, ErrEvent) {
			t.Errorf("%s: %v", ev.Data, err)
		}
	}
}

// full is a store without room for new values, while it is.
type full struct {
	Store
	on *bool
}

var errFull = errors.New("no space left")

func (f full) PutMany(ctx context.Context, k []string, v [][]byte) error {
	if *f.on {
		return errFull
	}
	return f.Store.PutMany(ctx, k, v)
}

// A full disk: nothing is sent that was not written down, nothing is sent twice,
// and nothing is lost.
func TestFullDisk(t *testing.T) {
	s := newSink(t)
	no := false
	w := newWorld(t, nil, func(o *Options) { o.Deliveries = full{o.Deliveries, &no} })
	w.rule(fmt.Sprintf(hookRule, s.URL))
	w.after(time.Hour)
	evs := w.fold(w.article("a1 lemag announced aws capgemini").extraction())
	no = true
	if err := w.Take(t.Context(), evs); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
	w.settle()
	if got := s.told(); len(got) != 0 {
		t.Fatalf("told before it was written: %v", got)
	}
	no = false
	w.take(evs) // the stage was not acknowledged
	if got := s.told(); len(got) != 1 {
		t.Fatalf("told %v", got)
	}
	// The disk fills up between the answer and the ledger.
	s.answers(func(post) (int, http.Header) { no = true; return 200, nil })
	w.say("a2 lemag announced dell capgemini")
	w.after(time.Hour)
	s.answers(nil)
	no = false
	w.after(time.Minute)
	w.restart()
	w.after(time.Hour)
	if got := s.told(); len(got) != 2 {
		t.Errorf("told %v", got)
	}
}

// T13, in part: the clock jumps, back and forth, and nobody is told twice or not
// at all.
func TestClockJumps(t *testing.T) {
	s := newSink(t)
	w := newWorld(t, nil, nil)
	w.rule(fmt.Sprintf(hookRule, s.URL))
	w.rule(`{"name":"daily","query":"type:distribution","cadence":"daily 08:00 Europe/Paris","to":[{"webhook":{"url":"` + s.URL + `/daily"}}]}`)
	w.after(time.Hour)
	fail := true
	s.answers(func(p post) (int, http.Header) {
		if fail {
			return 500, nil
		}
		return 200, nil
	})
	w.say("a1 lemag announced aws capgemini")
	w.clock.set(w.clock.now().Add(-time.Hour))
	w.settle()
	w.say("a2 lemag announced dell capgemini")
	w.clock.set(w.clock.now().AddDate(10, 0, 0))
	fail = false
	n := len(s.all())
	w.settle()
	if got := len(s.all()) - n; got != 3 { // two singles, one digest
		t.Errorf("%d messages after the jump: %v", got, s.told()[n:])
	}
	w.clock.set(monday)
	w.settle()
	w.restart()
	w.settle()
	if got := len(s.all()) - n; got != 3 {
		t.Errorf("told again: %v", s.told()[n:])
	}
}

// A destination that cannot be reached says why, and without its secrets.
func TestUnreachable(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := "http://" + l.Addr().String() + "/T0KEN"
	l.Close()
	box := newPostbox(t)
	box.refuse = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"}
	w := newWorld(t, nil, func(o *Options) { o.Mail = box.config() })
	w.rule(`{"name":"all","query":"type:distribution","to":[{"webhook":{"url":"` + addr + `"}},{"email":{"to":"anna@example.org"}}]}`)
	w.after(time.Hour)
	w.say("a1 lemag announced aws capgemini")
	rows, _, err := w.Deliveries(t.Context(), "all", "", 10)
	if err != nil || len(rows) != 2 {
		t.Fatalf("%+v %v", rows, err)
	}
	for _, r := range rows {
		e := r.Attempts[0].Error
		if r.State == schemas.DeliverySent || e == "" || strings.Contains(e, "T0KEN") {
			t.Errorf("%s: %s %q", r.Channel, r.State, e)
		}
	}
	box.mu.Lock()
	box.refuse = nil
	box.mu.Unlock()
	w.after(time.Hour)
	if n := len(box.letters(t)); n != 1 {
		t.Errorf("%d letters", n)
	}
	// A mailbox that does not exist is given up at once.
	box.mu.Lock()
	box.refuse = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	box.mu.Unlock()
	w.say("a2 lemag announced dell capgemini")
	if c := w.Count("all"); c[schemas.DeliveryDead] != 1 {
		t.Errorf("%v", c)
	}
}

// The log is bounded, and forgetting does not make old deals new.
func TestTidy(t *testing.T) {
	s := newSink(t)
	w := newWorld(t, nil, func(o *Options) { o.MaxRows = 40; o.Hourly = 1000 })
	w.rule(fmt.Sprintf(hookRule, s.URL))
	w.after(time.Hour)
	for i := range 30 { // two rows each: the destination's and the feed's
		w.after(time.Minute)
		w.say(fmt.Sprintf("a%d lemag announced v%d arrow", i, i))
	}
	w.tidy(t.Context())
	w.restart()
	w.tidy(t.Context())
	if c := w.Count("all"); c[schemas.DeliverySent] != 20 {
		t.Errorf("%v", c)
	}
	rows, err := w.box.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d := 0
	for k := range rows {
		if k[0] == 'd' {
			d++
		}
	}
	if d != 40 {
		t.Errorf("%d rows are left", d)
	}
	s.clear()
	w.say("b0 silicon announced v0 arrow") // forgotten
	w.say("b29 silicon announced v29 arrow")
	w.say("c0 silicon in_effect v0 arrow")
	if diff := cmp.Diff([]string{"status v0~arrow in_effect from announced"}, s.told()); diff != "" {
		t.Error(diff)
	}
	w.clock.set(w.clock.now().AddDate(2, 0, 0))
	w.tidy(t.Context())
	if c := w.Count("all"); len(c) != 0 {
		t.Errorf("%v", c)
	}
	if rows, err = w.box.All(t.Context()); err != nil || len(rows) != 1 {
		t.Errorf("%d keys are left, %v", len(rows), err)
	}
}

// T32: a mail server that offers no encryption gets nothing, unless an operator
// said that this is how it should be.
func TestNoMailInTheClear(t *testing.T) {
	box := newPostbox(t)
	conf := box.config()
	conf.TLS = ""
	w := newWorld(t, nil, func(o *Options) { o.Mail = conf })
	w.rule(`{"name":"all","query":"type:distribution","to":[{"email":{"to":"anna@example.org"}}]}`)
	w.after(time.Hour)
	w.say("a1 lemag announced aws capgemini")
	rows, _, err := w.Deliveries(t.Context(), "all", "", 10)
	if err != nil || len(rows) != 1 || rows[0].State != schemas.DeliveryPending || !strings.Contains(strings.ToLower(rows[0].Attempts[0].Error), "tls") || len(box.letters(t)) != 0 {
		t.Errorf("%+v %v", rows, err)
	}
}
