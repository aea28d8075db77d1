package alert

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"example.org/veille/alert/channel"
	"example.org/veille/bus"
	"example.org/veille/bus/bustest"
	"example.org/veille/schemas"
)

// postbox is a real SMTP server that keeps what it took.
type postbox struct {
	mu     sync.Mutex
	got    []letter
	refuse error
	port   int
}

type letter struct {
	from string
	to   []string
	raw  []byte
	head mail.Header
	text string
	html string
}

type session struct {
	box *postbox
	letter
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error   { s.to = append(s.to, to); return nil }
func (s *session) Reset()                                      { s.letter = letter{} }
func (s *session) Logout() error                               { return nil }
func (s *session) Data(r io.Reader) error {
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	if s.box.refuse != nil {
		return s.box.refuse
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.raw = b
	s.box.got = append(s.box.got, s.letter)
	return nil
}

func newPostbox(t testing.TB) *postbox {
	t.Helper()
	box := &postbox{}
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{box: box}, nil }))
	srv.Domain = "mx.example"
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	box.port = l.Addr().(*net.TCPAddr).Port
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return box
}

func (p *postbox) config() *channel.Mail {
	return &channel.Mail{Host: "127.0.0.1", Port: p.port, From: "veille <veille@veille.example>", TLS: "none", Hello: "veille.example"}
}

// letters parses what came.
func (p *postbox) letters(t *testing.T) []letter {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	out := slices.Clone(p.got)
	for i := range out {
		m, err := mail.ReadMessage(bytes.NewReader(out[i].raw))
		if err != nil {
			t.Fatal(err)
		}
		out[i].head = m.Header
		_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts := multipart.NewReader(m.Body, params["boundary"])
		for {
			part, err := parts.NextRawPart()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(quotedprintable.NewReader(part))
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain"):
				out[i].text = string(body)
			case strings.HasPrefix(part.Header.Get("Content-Type"), "text/html"):
				out[i].html = string(body)
			}
		}
	}
	return out
}

func subject(t *testing.T, h mail.Header) string {
	t.Helper()
	s, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// B1: as soon as any hyperscaler signs with a French integrator, once per deal.
func TestJobB1OncePerDeal(t *testing.T) {
	s := newSink(t)
	w := newWorld(t, nil, nil)
	w.rule(`{"name":"hyperscalers-esn","lang":"fr","query":"kind:hyperscaler kind:integrator@fr status:announced,in_effect","to":[{"webhook":{"url":"` + s.URL + `","secret":"` + secret1 + `"}}]}`)
	w.after(time.Hour)
	w.say("a1 lemag rumoured aws capgemini") // not yet
	w.say("a2 lemag announced dell capgemini")
	w.say("a3 lemag announced aws arrow")
	if got := s.told(); len(got) != 0 {
		t.Fatalf("told %v", got)
	}
	w.after(time.Hour)
	w.say("b1 silicon announced aws capgemini") // now
	w.say("b2 crn announced aws capgemini")     // the same news elsewhere
	w.say("b3 lemag in_effect aws capgemini")   // on: new only
	if diff := cmp.Diff([]string{"new aws~capgemini announced"}, s.told()); diff != "" {
		t.Fatal(diff)
	}
	p := s.all()[0]
	verify(t, secret1, p)
	a := p.alert
	if p.header.Get("Content-Type") != "application/cloudevents+json" || p.event.SpecVersion != "1.0" || p.event.ID != p.id || p.event.Type != "io.veille.deal.new.v1" {
		t.Errorf("%+v", p.event)
	}
	if len(p.body) > 20<<10 {
		t.Errorf("%d bytes", len(p.body))
	}
	if a.Times.Published.IsZero() || a.Times.Seen.Sub(a.Times.Published) != 4*time.Minute || a.Times.Sent.Sub(a.Times.Seen) > 10*time.Second || !p.at.Equal(a.Times.Sent.Truncate(time.Second)) {
		t.Errorf("times %+v, signed at %v", a.Times, p.at)
	}
	if diff := cmp.Diff([]string{"kind:hyperscaler", "kind:integrator@fr", "status:announced,in_effect"}, a.Rule.Why); diff != "" {
		t.Error(diff)
	}
	if len(a.Evidence) != 2 || a.Evidence[0].Quote == "" || a.Evidence[0].Lang != "fr" || !strings.HasPrefix(a.Evidence[0].URL, "https://silicon.example/b1?utm=1#:~:text=aws%20et") {
		t.Errorf("%+v", a.Evidence)
	}
	if a.Line != "AWS → CAPGEMINI · distribution · annoncé · France" {
		t.Errorf("line %q", a.Line)
	}
	if a.Deal.URL != "https://veille.example/deals/"+a.Deal.ID || !strings.HasPrefix(a.Links.MuteDeal, "https://veille.example/alerts/do/") || len(a.Links.MuteVendors) != 2 {
		t.Errorf("%+v %+v", a.Deal, a.Links)
	}
}

// A rule rings for nothing that is older than itself, and for nothing that comes
// late: a backfill, a replay.
func TestOldNewsRingsNobody(t *testing.T) {
	s := newSink(t)
	w := newWorld(t, nil, nil)
	w.say("a1 lemag announced aws capgemini") // before the rule
	w.after(time.Minute)
	w.rule(`{"name":"all","query":"type:distribution","on":["new","status","corroborated"],"to":[{"webhook":{"url":"` + s.URL + `"}}]}`)
	w.after(time.Minute)
	w.say("a2 silicon announced aws capgemini") // the old deal again, elsewhere
	old := w.article("a3 lemag announced dell arrow")
	old.published = old.published.AddDate(0, 0, -30) // first poll of a new source
	w.take(w.fold(old.extraction()))
	again := w.article("a4 lemag announced cisco arrow").extraction()
	again.Article.Fetched = again.Article.Fetched.AddDate(0, 0, -20) // a better extractor reads the archive
	again.Article.Published = again.Article.Fetched
	w.take(w.fold(again))
	replay := w.fold(w.article("a5 lemag announced hpe arrow").extraction())
	for i := range replay {
		replay[i].Source = SourceReplay
	}
	w.take(replay)
	if got := s.told(); len(got) != 0 {
		t.Fatalf("told %v", got)
	}
	rows, _, err := w.Deliveries(t.Context(), "all", "", 50)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.State != schemas.DeliverySilent || r.Reason == "" {
			t.Errorf("%s %s: %s %s", r.Deal, r.Event, r.State, r.Reason)
		}
	}
	if len(rows) != 3 {
		t.Errorf("%d rows are accounted, want 3", len(rows))
	}
	// But what happens to the old deals from now on is news.
	w.after(time.Hour)
	w.say("a6 lemag in_effect dell arrow")
	w.say("a7 lemag ended aws capgemini")
	if diff := cmp.Diff([]string{"status dell~arrow in_effect from announced", "status aws~capgemini ended from announced"}, s.told()); diff != "" {
		t.Error(diff)
	}
}

func (w *world) take(evs []schemas.Event) {
	w.t.Helper()
	if err := w.Take(w.t.Context(), evs); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

// B2: only when a rumour becomes real or dies; by mail, in one thread.
func TestJobB2StatusByMail(t *testing.T) {
	box := newPostbox(t)
	w := newWorld(t, nil, func(o *Options) { o.Mail = box.config() })
	w.rule(`{"name":"Rumeurs","lang":"fr","query":"type:distribution status:rumoured","on":["status"],"to":[{"email":{"to":"anna@example.org"}}]}`)
	w.rule(`{"name":"Everything","lang":"en","query":"vendor:aws","on":["new","status"],"to":[{"email":{"to":"ben@example.org"}}]}`)
	w.after(time.Hour)
	w.say("a1 lemag rumoured aws capgemini")
	w.say("a2 lemag rumoured dell arrow")
	w.after(24 * time.Hour)
	w.say("a3 silicon announced aws capgemini")
	w.say("a4 crn announced aws capgemini")
	w.say("a5 silicon denied dell arrow")
	got := box.letters(t)
	by := map[string][]letter{}
	for _, l := range got {
		by[l.to[0]] = append(by[l.to[0]], l)
		if l.from != "veille@veille.example" || len(l.to) != 1 {
			t.Errorf("envelope %s → %v", l.from, l.to)
		}
		for _, h := range []string{"Message-Id", "Date", "Subject", "List-Unsubscribe", "From", "To"} {
			if n := len(l.head[h]); n != 1 {
				t.Errorf("%d headers %s", n, h)
			}
		}
		if l.head.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" || !regexp.MustCompile(`^<https://veille\.example/alerts/do/[\w.-]+>$`).MatchString(l.head.Get("List-Unsubscribe")) {
			t.Errorf("%v", l.head)
		}
		if l.head.Get("Auto-Submitted") != "auto-generated" || l.head.Get("User-Agent") != "" || l.head.Get("X-Mailer") != "" {
			t.Errorf("%v", l.head)
		}
		if l.text == "" || l.html == "" || strings.Contains(l.html, "<img") {
			t.Errorf("text %q html %q", l.text, l.html)
		}
	}
	anna, ben := by["anna@example.org"], by["ben@example.org"]
	if len(anna) != 2 || len(ben) != 2 {
		t.Fatalf("anna got %d, ben %d", len(anna), len(ben))
	}
	if s := subject(t, anna[0].head); s != "Nouveau statut : AWS → CAPGEMINI · distribution · annoncé · France (rumeur → annoncé)" {
		t.Error(s)
	}
	if s := subject(t, anna[1].head); !strings.Contains(s, "rumeur → démenti") {
		t.Error(s)
	}
	if !strings.Contains(anna[0].text, "« aws et capgemini : distribution (announced), selon silicon. »") || !strings.Contains(anna[0].text, "Taire cet accord : https://veille.example/alerts/do/") || !strings.Contains(anna[0].text, "publié 10 mars 2026") {
		t.Error(anna[0].text)
	}
	// Ben's second message answers his first.
	first := ben[0].head.Get("Message-Id")
	if ben[0].head.Get("References") != "" || ben[1].head.Get("References") != first || ben[1].head.Get("In-Reply-To") != first {
		t.Errorf("%q is not in the thread of %q", ben[1].head.Get("References"), first)
	}
	if !regexp.MustCompile(`^<msg_[a-z0-9]{16}@veille\.example>$`).MatchString(first) {
		t.Error(first)
	}
	if s := subject(t, ben[0].head); s != "New deal: AWS → CAPGEMINI · distribution · rumoured · France" {
		t.Error(s)
	}
}

// B3: too noisy. Links mute the deal, the vendor, the rule, and make it a digest.
func TestJobB3Quiet(t *testing.T) {
	s := newSink(t)
	w := newWorld(t, nil, nil)
	w.rule(`{"name":"all","query":"type:distribution","on":["new","status"],"to":[{"webhook":{"url":"` + s.URL + `"}}]}`)
	w.after(time.Hour)
	token := func(link string) string {
		_, tok, ok := strings.Cut(link, LinkPath)
		if !ok {
			t.Fatal(link)
		}
		return tok
	}
	do := func(link string, undo bool) {
		t.Helper()
		act, err := w.Do(t.Context(), token(link), undo)
		if err != nil || act.Done == undo {
			t.Fatalf("%+v %v", act, err)
		}
	}
	w.say("a1 lemag announced aws capgemini")
	links := s.all()[0].alert.Links
	if act, err := w.Peek(token(links.MuteDeal)); err != nil || act.Done {
		t.Errorf("looking at a link must do nothing: %+v %v", act, err)
	}
	do(links.MuteDeal, false)
	w.say("a2 lemag in_effect aws capgemini") // muted
	w.say("a3 lemag announced aws arrow")     // another deal
	do(links.MuteVendors["aws"], false)
	w.say("a4 lemag announced aws dell") // muted
	do(links.MuteVendors["aws"], true)
	w.say("a5 lemag announced aws hpe")
	do(links.MuteRule, false)
	w.say("a6 lemag announced cisco hpe") // muted
	do(links.MuteRule, true)
	if diff := cmp.Diff([]string{"new aws~capgemini announced", "new aws~arrow announced", "new aws~hpe announced"}, s.told()); diff != "" {
		t.Error(diff)
	}
	if c := w.Count("all"); c[schemas.DeliveryMuted] != 3 || c[schemas.DeliverySent] != 3 {
		t.Errorf("%v", c)
	}
	// A digest from now on, at eight in the morning in Paris, before and after the
	// change of clocks.
	m := w.sample(w.book.get("all").rule)
	m.Links = w.ruleLinks(m.Rule, m.Rule.To[0])
	do(m.Links.Daily, false)
	s.clear()
	for day, want := 28, []string{"2026-03-29T06:00:00Z", "2026-03-30T06:00:00Z"}; day < 30; day++ {
		w.until(time.Date(2026, 3, day, 10, 0, 0, 0, time.UTC))
		w.say(fmt.Sprintf("d%d1 lemag announced cisco x%d", day, day))
		w.say(fmt.Sprintf("d%d2 lemag announced dell x%d", day, day))
		if got := s.told(); len(got) != day-28 {
			t.Errorf("too early: %v", got)
		}
		w.after(24 * time.Hour)
		got := s.all()
		if len(got) != day-27 || tell(got[day-28]) != "digest 2" || got[day-28].at.Format(time.RFC3339) != want[day-28] {
			t.Errorf("day %d: %v at %v, want %s", day, s.told(), got[len(got)-1].at, want[day-28])
		}
	}
	do(m.Links.Unsubscribe, false)
	w.say("z1 lemag announced cisco zz")
	w.after(48 * time.Hour)
	if got := s.told(); len(got) != 2 {
		t.Errorf("after unsubscribing: %v", got)
	}
}

// B4: into our system: webhook with rotation of secrets, NATS, Atom, test button,
// log, redelivery, replay.
func TestJobB4Programs(t *testing.T) {
	s := newSink(t)
	b := bustest.Open(t)
	w := newWorld(t, b, nil)
	w.rule(`{"name":"all","query":"type:distribution","on":["new","status"],"to":[{"webhook":{"url":"` + s.URL + `","secret":"` + secret1 + `"}},{"nats":{}}]}`)
	w.after(time.Hour)
	w.say("a1 lemag announced aws capgemini")
	hook := w.book.get("all").rule.To[0].ID
	// A new secret: for a day both sign.
	_, _, err := w.Edit(t.Context(), "all", "", func(r *schemas.Rule) error { r.To[0].Webhook.Secret = secret2; return nil })
	if err != nil {
		t.Fatal(err)
	}
	w.say("a2 lemag in_effect aws capgemini")
	w.after(25 * time.Hour)
	w.say("a3 lemag announced dell capgemini")
	got := s.all()
	if len(got) != 3 {
		t.Fatalf("%v", s.told())
	}
	verify(t, secret1, got[0])
	verify(t, secret1, got[1])
	verify(t, secret2, got[1])
	verify(t, secret2, got[2])
	if strings.Contains(got[2].sig, " ") {
		t.Error("the old secret still signs")
	}

	// NATS: the same bodies on the rule's subject.
	var subjects []string
	_, _, err = b.Read(t.Context(), schemas.StreamAlerts, 0, func(e bus.Message, _ uint64) error {
		var a schemas.Alert
		if err := e.Into(&a); err != nil {
			return err
		}
		subjects = append(subjects, e.Subject+" "+a.Event+" "+a.Deal.Status)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"veille.v1.alert.all new announced", "veille.v1.alert.all status in_effect", "veille.v1.alert.all new announced"}, subjects); diff != "" {
		t.Error(diff)
	}

	// Atom: one entry for each deal, whose id stays.
	feed, tag, err := w.Feed(t.Context(), "all")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Updated string `xml:"updated"`
		Entries []struct {
			ID      string `xml:"id"`
			Title   string `xml:"title"`
			Updated string `xml:"updated"`
			Content string `xml:"content"`
		} `xml:"entry"`
	}
	if err := xml.Unmarshal(feed, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Entries) != 2 || f.Entries[1].ID != "urn:veille:deal:"+got[0].alert.Deal.ID || f.Updated != f.Entries[0].Updated || !strings.Contains(f.Entries[1].Title, "announced → in effect") {
		t.Errorf("%+v", f)
	}
	if _, again, err := w.Feed(t.Context(), "all"); err != nil || again != tag {
		t.Errorf("the feed changes by itself: %v", err)
	}

	// Test button, log, redelivery under the same id.
	s.clear()
	d, err := w.Test(t.Context(), "all", hook)
	if err != nil || d.State != schemas.DeliverySent || len(s.all()) != 1 || s.all()[0].event.Type != "io.veille.alert.test.v1" {
		t.Errorf("%+v %v", d, err)
	}
	verify(t, secret2, s.all()[0])
	d, err = w.Redeliver(t.Context(), "all", got[0].id)
	if err != nil || len(d.Attempts) != 2 {
		t.Errorf("%+v %v", d, err)
	}
	if again := s.all()[1]; again.id != got[0].id || tell(again) != tell(got[0]) {
		t.Errorf("%s is not %s", again.id, got[0].id)
	}
	if _, err := w.Redeliver(t.Context(), "all", "msg_none"); !errors.Is(err, ErrNoDelivery) {
		t.Error(err)
	}
	rows, next, err := w.Deliveries(t.Context(), "all", "", 4)
	if err != nil || len(rows) != 4 || next == "" {
		t.Fatalf("%d %q %v", len(rows), next, err)
	}
	rest, next, err := w.Deliveries(t.Context(), "all", next, 50)
	if err != nil || len(rest) != 3 || next != "" {
		t.Errorf("%d %q %v", len(rest), next, err)
	}
	s.clear()
	n, err := w.Replay(t.Context(), "all", hook, monday.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	w.settle()
	if n != 1 || len(s.all()) != 1 || s.all()[0].id != got[2].id { // tests are no news
		t.Errorf("replayed %d: %v", n, s.told())
	}
}

// B5: did I miss something? Every match is sent, folded, muted, silent or failed,
// and what is written down is there after a restart.
func TestJobB5Accounting(t *testing.T) {
	s := newSink(t)
	w := newWorld(t, nil, nil)
	w.rule(`{"name":"all","query":"type:distribution","to":[{"webhook":{"url":"` + s.URL + `"}}]}`)
	w.after(time.Hour)
	w.say("a1 lemag announced aws capgemini")
	w.say("a2 silicon announced aws capgemini")
	w.say("a3 crn announced aws capgemini")
	s.answers(func(post) (int, http.Header) { return 500, nil })
	w.say("a4 lemag announced dell capgemini")
	if st, _ := w.Rule("all"); st.Health != "failing" {
		t.Errorf("%+v", st)
	}
	_, _, err := w.Edit(t.Context(), "all", "", func(r *schemas.Rule) error { r.Mutes.Vendors = []string{"cisco"}; return nil })
	if err != nil {
		t.Fatal(err)
	}
	w.say("a5 lemag announced cisco capgemini")
	for range 2 {
		c := w.Count("all")
		if diff := cmp.Diff(map[string]int{schemas.DeliverySent: 1, schemas.DeliveryFolded: 1, schemas.DeliveryPending: 1, schemas.DeliveryMuted: 1}, c); diff != "" {
			t.Error(diff)
		}
		rows, _, err := w.Deliveries(t.Context(), "all", "", 50)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			switch {
			case r.State == schemas.DeliveryFolded && r.Count != 2:
				t.Errorf("%d changes folded, want 2", r.Count)
			case r.State == schemas.DeliveryPending && (len(r.Attempts) == 0 || r.Attempts[0].Status != 500):
				t.Errorf("%+v", r)
			case r.Line == "" || r.At.IsZero():
				t.Errorf("%+v", r)
			}
		}
		w.restart()
	}
	s.answers(nil)
	w.after(time.Hour)
	if st, _ := w.Rule("all"); st.Health != "ok" || st.Month != 2 {
		t.Errorf("%+v", st)
	}
	// What backtest says is what was sent.
	var all []schemas.Deal
	for _, d := range w.gather {
		all = append(all, d.Deals...)
	}
	fires, err := w.Backtest(schemas.Rule{Name: "all", Query: "type:distribution"}, all, monday.AddDate(0, 0, -90))
	if err != nil || len(fires) != 3 { // two sent, one muted
		t.Errorf("%v %v", fires, err)
	}
}

// Corrections go to whoever was told, and to nobody else.
func TestCorrections(t *testing.T) {
	told, late := newSink(t), newSink(t)
	w := newWorld(t, nil, nil)
	w.rule(`{"name":"now","query":"type:distribution","to":[{"webhook":{"url":"` + told.URL + `"}}]}`)
	w.rule(`{"name":"later","query":"type:distribution","cadence":"grouped 15m","to":[{"webhook":{"url":"` + late.URL + `"}}]}`)
	w.rule(`{"name":"other","query":"vendor:cisco","to":[{"webhook":{"url":"` + late.URL + `/other"}}]}`)
	w.after(time.Hour)
	w.say("a1 lemag announced aws capgemini")
	id := told.all()[0].alert.Deal.ID
	// The article is corrected: it spoke of no deal.
	x := w.article("a1 lemag announced aws capgemini").extraction()
	x.Signals = nil
	evs := w.fold(x)
	w.take(evs)
	w.take(evs) // again
	if diff := cmp.Diff([]string{"new aws~capgemini announced", "retracted aws~capgemini announced"}, told.told()); diff != "" {
		t.Error(diff)
	}
	if c := told.all()[1]; c.alert.Deal.ID != id || c.event.Type != "io.veille.deal.retracted.v1" {
		t.Errorf("%+v", c.event)
	}
	w.after(time.Hour)
	if got := late.told(); len(got) != 0 {
		t.Errorf("what was withdrawn in time is told: %v", got)
	}
	// A better extractor finds that there was no deal: the log says so, nobody is rung.
	told.clear()
	w.say("a9 lemag announced cisco capgemini")
	y := w.article("a9 lemag announced cisco capgemini").extraction()
	y.Signals = nil
	history := w.fold(y)
	for i := range history {
		history[i].Source = SourceReplay
	}
	w.take(history)
	if diff := cmp.Diff([]string{"new cisco~capgemini announced"}, told.told()); diff != "" {
		t.Error(diff)
	}
	if c := w.Count("now"); c[schemas.DeliverySilent] != 1 {
		t.Errorf("%v", c)
	}
	// A merger: who knew the lost deal hears of it once, and is not told of the
	// survivor as new.
	w.say("b1 lemag announced dell arrow")
	lost := told.all()[1].alert.Deal
	survivor := schemas.Deal{ID: "d_survivor", Rev: 1, Type: "distribution", Status: "announced", Seen: w.clock.now(), First: w.clock.now()}
	deal := survivor
	deal.ID = lost.ID
	event := func(kind string, d schemas.Deal, into string) schemas.Event {
		ev, err := schemas.NewEvent(schemas.TypeDeal, "deal:"+d.ID+kind, "veille.v1.deal.x", w.clock.now(), schemas.DealEvent{Kind: kind, Deal: d, Into: into})
		if err != nil {
			t.Fatal(err)
		}
		return ev
	}
	told.clear()
	w.take([]schemas.Event{event("merged", deal, "d_survivor"), event("corroborated", survivor, "")})
	if got := told.all(); len(got) != 1 || got[0].alert.Event != "merged" || got[0].alert.Change.Into != "d_survivor" || !strings.HasSuffix(got[0].alert.Deal.URL, "/deals/d_survivor") {
		t.Errorf("%v", told.told())
	}
}

func TestCorroborated(t *testing.T) {
	s := newSink(t)
	w := newWorld(t, nil, nil)
	w.rule(`{"name":"c","query":"type:distribution","on":["corroborated"],"sources_min":3,"to":[{"webhook":{"url":"` + s.URL + `"}}]}`)
	w.after(time.Hour)
	for i, outlet := range []string{"lemag", "silicon", "crn", "channelnews", "itpro"} {
		w.say(fmt.Sprintf("a%d %s announced aws capgemini", i, outlet))
	}
	if diff := cmp.Diff([]string{"corroborated aws~capgemini announced"}, s.told()); diff != "" {
		t.Error(diff)
	}
	if n := s.all()[0].alert.Deal.Outlets; n != 3 {
		t.Errorf("told at %d outlets", n)
	}
}

func TestGrouped(t *testing.T) {
	s := newSink(t)
	w := newWorld(t, nil, nil)
	w.rule(`{"name":"g","query":"type:distribution","cadence":"grouped 15m","to":[{"webhook":{"url":"` + s.URL + `","secret":"` + secret1 + `"}}]}`)
	w.after(time.Hour)
	w.say("a1 lemag announced aws capgemini")
	w.after(10 * time.Minute)
	w.say("a2 lemag announced dell capgemini")
	w.restart()
	w.after(4*time.Minute + 59*time.Second)
	if got := s.told(); len(got) != 0 {
		t.Fatalf("too early: %v", got)
	}
	s.answers(func(post) (int, http.Header) { return 503, nil })
	w.after(time.Second)
	w.restart()
	s.answers(nil)
	w.after(time.Minute)
	w.say("a3 lemag announced cisco capgemini")
	w.after(16 * time.Minute)
	got := s.all()
	if diff := cmp.Diff([]string{"digest 2", "digest 2", "new cisco~capgemini announced"}, s.told()); diff != "" {
		t.Fatal(diff)
	}
	if got[0].id != got[1].id {
		t.Errorf("the digest changed its id over a restart: %s, %s", got[0].id, got[1].id)
	}
	verify(t, secret1, got[1])
	rows, _, err := w.Deliveries(t.Context(), "g", "", 50)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.State != schemas.DeliverySent {
			t.Errorf("%+v", r)
		}
	}
	d, err := w.Redeliver(t.Context(), "g", got[0].id)
	if last := s.all()[3]; err != nil || d.Count != 2 || last.id != got[0].id || tell(last) != "digest 2" || strings.Count(string(last.body), `"quote"`) != 2 {
		t.Errorf("%+v %v: %s", d, err, last.body)
	}
}

func TestPrices(t *testing.T) {
	s := newSink(t)
	w := newWorld(t, nil, nil)
	w.rule(`{"name":"p","query":"vendor:dell price:>5000","on":["price"],"lang":"fr","to":[{"webhook":{"url":"` + s.URL + `"}}]}`)
	w.after(time.Hour)
	low := "9900"
	p := schemas.Price{ID: "p_one", Text: "9 900 €", Amount: schemas.Amount{Low: &low, High: &low, Currency: "EUR"}, Kind: "product_price", Vendor: &schemas.VendorRef{ID: "dell", Name: "Dell"}, Product: "PowerEdge",
		Evidence: schemas.Quote{Text: "Le PowerEdge est à 9 900 € HT."}}
	art := schemas.Article{ID: "a", Source: "lemag", Outlet: "Le Mag", URL: "https://lemag.example/p", Lang: "fr", Title: "t", Published: w.clock.now(), Fetched: w.clock.now()}
	ev, err := schemas.NewEvent(schemas.TypePrice, "price:1", "x", w.clock.now(), priceEvent{p, &art})
	if err != nil {
		t.Fatal(err)
	}
	w.take([]schemas.Event{ev})
	w.take([]schemas.Event{ev})
	got := s.all()
	if len(got) != 1 || got[0].alert.Line != "Dell · PowerEdge · 9 900 € · prix de produit" || len(got[0].alert.Evidence) != 1 {
		t.Errorf("%v %s", s.told(), got[0].body)
	}
}

// T32: nothing foreign speaks in our name.
func TestHostileText(t *testing.T) {
	box, s := newPostbox(t), newSink(t)
	w := newWorld(t, nil, func(o *Options) { o.Mail = box.config() })
	w.rule(`{"name":"all","query":"type:distribution","to":[{"email":{"to":"anna@example.org"}},{"slack":{"url":"` + s.URL + `/slack"}},{"teams":{"url":"` + s.URL + `/teams"}},{"chat":{"url":"` + s.URL + `/chat"}},
	 {"chat":{"url":"` + s.URL + `/own","template":"{\"body\": {{json (index .Alerts 0).Line}}, \"q\": {{json (index (index .Alerts 0).Evidence 0).Quote}}}"}}]}`)
	w.after(time.Hour)
	evil := "Acme\r\nBcc: victim@example.org\r\n\r\n<script>alert(1)</script><!channel> <http://evil.example|x> *b* \u202Egnp.exe \x1b[31m ] & \"quoted\" " + strings.Repeat("long ", 20_000)
	x := w.article("a1 lemag announced aws capgemini").extraction()
	x.Article.Title, x.Article.Outlet = evil, evil
	x.Article.URL = "javascript:alert(1)"
	x.Signals[0].Parties[0].Name = evil
	x.Signals[0].Evidence.Text = evil
	w.take(w.fold(x))
	got := box.letters(t)
	if len(got) != 1 {
		t.Fatalf("%d letters", len(got))
	}
	l := got[0]
	if diff := cmp.Diff([]string{"anna@example.org"}, l.to); diff != "" || l.from != "veille@veille.example" {
		t.Error(l.from, diff)
	}
	for _, h := range []string{"Bcc", "Cc"} {
		if l.head.Get(h) != "" {
			t.Errorf("%s was smuggled in", h)
		}
	}
	if n := len(l.head["Subject"]); n != 1 || len(subject(t, l.head)) > 800 {
		t.Errorf("%d subjects", n)
	}
	sc := bufio.NewScanner(bytes.NewReader(l.raw))
	for sc.Scan() {
		if len(sc.Bytes()) > 998 {
			t.Errorf("a line of %d bytes", len(sc.Bytes()))
		}
	}
	if strings.Contains(l.html, "<script") || strings.Contains(l.html, "javascript:") || strings.ContainsAny(l.text+l.html, "\x1b\u202e") {
		t.Error(l.html)
	}
	if l.text == "" {
		t.Error("no text part")
	}
	posts := map[string]post{}
	for _, p := range s.all() {
		posts[p.path] = p
		if !json.Valid(p.body) || len(p.body) > 30<<10 || p.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d bytes, %s", p.path, len(p.body), p.header.Get("Content-Type"))
		}
	}
	if len(posts) != 4 {
		t.Fatalf("%d posts", len(posts))
	}
	var slack struct {
		Text         string
		UnfurlLinks  *bool `json:"unfurl_links"`
		UnfurlMedia  *bool `json:"unfurl_media"`
		Blocks       []json.RawMessage
		Unrecognised any
	}
	if err := json.Unmarshal(posts["/slack"].body, &slack); err != nil {
		t.Fatal(err)
	}
	all := slack.Text
	for _, b := range slack.Blocks {
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		all += fmt.Sprint(v)
	}
	if strings.Contains(all, "<!channel") || strings.Contains(all, "<http://evil") || !strings.Contains(all, "&lt;!channel&gt;") || slack.UnfurlLinks == nil || *slack.UnfurlLinks || *slack.UnfurlMedia {
		t.Error(all)
	}
	if strings.Contains(string(posts["/teams"].body), `"TextBlock"`) || strings.Contains(string(posts["/teams"].body), "javascript:") {
		t.Error("Teams reads markdown in a TextBlock")
	}
	var own struct{ Body, Q string }
	if err := json.Unmarshal(posts["/own"].body, &own); err != nil || !strings.Contains(own.Body, "<script>") || len([]rune(own.Q)) > channel.MaxQuote {
		t.Errorf("%+v %v", own, err)
	}
}

// T33, in part: secrets are nowhere but where they belong.
func TestSecretsStay(t *testing.T) {
	box, s := newPostbox(t), newSink(t)
	s.answers(func(post) (int, http.Header) { return 400, nil })
	w := newWorld(t, nil, func(o *Options) { o.Mail = box.config() })
	r := w.rule(`{"name":"all","query":"type:distribution","to":[{"webhook":{"url":"` + s.URL + `/C4NARY","secret":"` + secret1 + `"}},{"slack":{"url":"` + s.URL + `/C4NARY2"}},{"email":{"to":"anna@example.org"}}]}`)
	w.after(time.Hour)
	w.say("a1 lemag announced aws capgemini")
	w.after(100 * time.Hour) // until it is given up, and told elsewhere
	var out bytes.Buffer
	for _, kv := range []Store{w.rules, w.box} {
		all, err := kv.All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range all {
			fmt.Fprintf(&out, "%s %s\n", k, v)
		}
	}
	for _, l := range box.letters(t) {
		out.Write(l.raw)
		out.WriteString(l.text)
	}
	rows, _, err := w.Deliveries(t.Context(), "all", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	js, err := json.Marshal([]any{rows, r, w.Rules()})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(js)
	for _, canary := range []string{"C4NARY", strings.TrimPrefix(secret1, "whsec_")} {
		if i := strings.Index(out.String(), canary); i >= 0 {
			t.Errorf("%s: …%s", canary, out.String()[max(0, i-80):i+10])
		}
	}
	if !strings.Contains(out.String(), "no longer takes") {
		t.Error("nobody was told that a destination failed")
	}
}

func TestParseRules(t *testing.T) {
	list, err := ParseRules([]byte("rules:\n- name: Nutanix\n  query: vendor:nutanix\n  on: [new, status]\n  cadence: weekly monday 08:00 Europe/Paris\n  to:\n  - email: {to: a@example.org}\n  - webhook: {url: https://hooks.example/x}\n- {name: Two, query: \"« accord-cadre »\"}\n"))
	if err != nil || len(list) != 2 || list[0].Slug != "nutanix" || list[0].Cadence.Kind != "weekly" || list[1].Query != "« accord-cadre »" {
		t.Fatalf("%+v %v", list, err)
	}
	for _, bad := range []string{"- name: x\n  querry: y", "rules: 3", "[", "- 7", "- name: x\n  cadence: hourly"} {
		if _, err := ParseRules([]byte(bad)); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}

// A process with another key can read no secret: it says so, sends nothing and
// gives nothing up; whoever has the right key goes on.
func TestAnotherKey(t *testing.T) {
	s := newSink(t)
	s.answers(func(post) (int, http.Header) { return 500, nil })
	w := newWorld(t, nil, nil)
	w.rule(`{"name":"all","query":"type:distribution","to":[{"webhook":{"url":"` + s.URL + `"}}]}`)
	w.after(time.Hour)
	w.say("a1 lemag announced aws capgemini")
	link := w.ruleLinks(w.book.get("all").rule, schemas.Destination{}).MuteRule
	key := w.opt.Key
	w.opt.Key = []byte("another key, of enough bytes too")
	w.restart()
	s.clear()
	s.answers(nil)
	w.after(100 * time.Hour)
	w.say("a2 lemag announced dell capgemini")
	st, err := w.Rule("all")
	if err != nil || st.Health != "broken" || !strings.Contains(st.Fault, "another key") || !strings.Contains(st.Faute, "autre clé") || len(s.all()) != 0 {
		t.Errorf("%+v %v, told %v", st, err, s.told())
	}
	if _, err := w.Peek(link[strings.Index(link, LinkPath)+len(LinkPath):]); !errors.Is(err, ErrLink) {
		t.Errorf("a link of the other key: %v", err)
	}
	w.opt.Key = key
	w.restart()
	w.settle()
	if diff := cmp.Diff([]string{"new aws~capgemini announced"}, s.told()); diff != "" {
		t.Error(diff)
	}
}
