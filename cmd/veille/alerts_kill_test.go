package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"example.org/veille/ingest/opml"
	"example.org/veille/schemas"
)

// newsroom is four outlets in two languages that tell of twelve agreements in
// forty articles, a few more at a time.
type newsroom struct {
	*httptest.Server
	mu    sync.Mutex
	items []newsItem
	shown int
	asked int // requests so far
}

type newsItem struct {
	outlet, lang, title, text string
	at                        time.Time
}

var outlets = []string{"alpha", "beta", "gamma", "delta"}

func newNewsroom(t *testing.T, rng *rand.Rand) *newsroom {
	t.Helper()
	n := &newsroom{}
	vendors := []string{"Nutanix", "Fortinet", "Cisco", "Lenovo", "NetApp", "Pure Storage", "Veeam", "Sophos", "Rubrik", "Wallix", "Dell", "Stormshield"}
	for i, v := range vendors {
		d := []string{"Arrow ECS", "Infinigate", "TD Synnex", "Exclusive Networks"}[i%4]
		for j := range 3 + i%2 {
			if len(n.items) == 40 {
				break
			}
			it := newsItem{outlet: outlets[(i+j)%4], lang: "fr", at: time.Now().Add(-time.Duration(rng.IntN(50)) * time.Minute)}
			it.title = fmt.Sprintf("%s distribue %s en France", d, v)
			it.text = fmt.Sprintf("%s a signé avec %s un contrat de distribution pour la France, annonce le grossiste à %s. Les intégrateurs régionaux y gagnent un %dᵉ interlocuteur, selon la rédaction.", d, v, []string{"Lyon", "Lille", "Nantes", "Brest"}[j], 3+i)
			if (i+j)%4 >= 2 {
				it.lang = "en"
				it.title = fmt.Sprintf("%s to distribute %s in France", d, v)
				it.text = fmt.Sprintf("%s has signed a distribution agreement with %s for France, the distributor said in %s. Resellers had asked for it since their meeting number %d, our desk was told.", d, v, []string{"London", "Leeds", "Dublin", "Cork"}[j], 3+i)
			}
			n.items = append(n.items, it)
		}
	}
	for len(n.items) < 40 { // two outlets repeat what is known
		it := n.items[rng.IntN(12)]
		it.outlet = outlets[(slices.Index(outlets, it.outlet)+2)%4]
		it.lang = map[string]string{"alpha": "fr", "beta": "fr", "gamma": "en", "delta": "en"}[it.outlet]
		n.items = append(n.items, it)
	}
	rng.Shuffle(len(n.items), func(i, j int) { n.items[i], n.items[j] = n.items[j], n.items[i] })
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.asked++
		if name, ok := strings.CutPrefix(r.URL.Path, "/feed/"); ok {
			tag := fmt.Sprintf(`"%d"`, n.shown)
			w.Header().Set("Content-Type", "application/rss+xml")
			w.Header().Set("ETag", tag) // without it a feed is asked once an hour
			if r.Header.Get("If-None-Match") == tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			fmt.Fprintf(w, `<?xml version="1.0"?><rss version="2.0"><channel><title>%s</title>`, name)
			for i, it := range n.items[:n.shown] {
				if it.outlet == name {
					fmt.Fprintf(w, `<item><title>%s</title><link>http://%s/article/%d</link><guid isPermaLink="false">g%d</guid><pubDate>%s</pubDate></item>`, it.title, r.Host, i, i, it.at.UTC().Format(time.RFC1123Z))
				}
			}
			fmt.Fprint(w, `</channel></rss>`)
			return
		}
		var i int
		if _, err := fmt.Sscanf(r.URL.Path, "/article/%d", &i); err != nil || i >= len(n.items) {
			http.NotFound(w, r)
			return
		}
		it := n.items[i]
		fmt.Fprintf(w, `<!doctype html><html lang="%s"><head><title>%s</title></head><body><article><h1>%s</h1><p>%s</p></article></body></html>`, it.lang, it.title, it.title, it.text)
	}))
	t.Cleanup(n.Close)
	return n
}

func (n *newsroom) sources() []schemas.Source {
	var out []schemas.Source
	for i, o := range outlets {
		out = append(out, schemas.Source{ID: o, Name: o, Feed: n.URL + "/feed/" + o, Lang: []string{"fr", "en"}[i/2], Country: "FR"})
	}
	return out
}

func (n *newsroom) visits() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

// show lets more articles appear.
func (n *newsroom) show(more int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shown = min(len(n.items), n.shown+more)
}

// told counts the messages of one destination, by id, and the ids by deal.
type told struct {
	mu   sync.Mutex
	ids  map[string]int
	deal map[string]map[string]bool
	hook func() // called for each message before it is answered, with mu free
}

func (t *told) take(deal, id string) {
	t.mu.Lock()
	if t.ids == nil {
		t.ids, t.deal = map[string]int{}, map[string]map[string]bool{}
	}
	t.ids[id]++
	if t.deal[deal] == nil {
		t.deal[deal] = map[string]bool{}
	}
	t.deal[deal][id] = true
	hook := t.hook
	t.mu.Unlock()
	if hook != nil {
		hook()
	}
}

func (t *told) deals() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.deal)
}

// hookSink takes webhooks of alerts.
func (t *told) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var ev struct {
		Data struct {
			Event string
			Deal  struct{ Parties []struct{ ID string } }
		}
	}
	if json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&ev) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	names := []string{}
	for _, p := range ev.Data.Deal.Parties {
		names = append(names, p.ID)
	}
	slices.Sort(names)
	t.take(ev.Data.Event+" "+strings.Join(names, "+"), r.Header.Get("webhook-id"))
}

// mailSession takes letters of alerts.
type mailSession struct{ *told }

func (s mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s mailSession) Reset()                               {}
func (s mailSession) Logout() error                        { return nil }
func (s mailSession) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	s.take(m.Header.Get("Subject"), m.Header.Get("Message-Id"))
	return nil
}

// startMail runs an SMTP server and tells its port.
func startMail(t *testing.T, into *told) int {
	t.Helper()
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailSession{into}, nil }))
	srv.Domain, srv.ErrorLog = "mx.example", log.New(io.Discard, "", 0) // a client that is killed is no news
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return l.Addr().(*net.TCPAddr).Port
}

// TestAlertKill kills a real veille with -9 while it reads, gathers, decides and
// sends: in the middle of a message, right after its answer, or anywhere. At the
// end each rule and destination was told of each agreement once, under one id, and
// no kill cost more than one repetition.
func TestAlertKill(t *testing.T) {
	kills := 8
	if testing.Short() {
		kills = 3
	}
	if os.Getenv("VEILLE_TRUST") != "" {
		kills = 60
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	press := newNewsroom(t, rng)
	hooks, letters := &told{}, &told{}
	sink := httptest.NewServer(hooks)
	defer sink.Close()
	port := startMail(t, letters)

	w := &world{t: t, dir: filepath.Join(t.TempDir(), "data"), press: press.Server, list: press.sources()}
	mail := func(c *Config) {
		c.SMTP.Host, c.SMTP.Port, c.SMTP.TLS, c.SMTP.From = "127.0.0.1", port, "none", "veille@veille.example"
	}
	w.openWith(mail)
	for _, r := range []string{
		`{"name":"hook","query":"type:distribution","to":[{"webhook":{"url":"` + sink.URL + `"}}]}`,
		`{"name":"mail","query":"type:distribution territory:fr","lang":"en","to":[{"email":{"to":"anna@example.org"}}]}`,
	} {
		if status, body := w.send("POST", "/api/v1/saved", r); status != http.StatusCreated {
			t.Fatalf("%d %s", status, body)
		}
	}
	w.close()

	dir := t.TempDir()
	opmlFile := filepath.Join(dir, "s.opml")
	var list bytes.Buffer
	if err := opml.New("press", press.sources()).Write(&list); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(opmlFile, list.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func() (*exec.Cmd, chan error) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "run", "--data", w.dir, "--sources", opmlFile, "--allow-cidr", "127.0.0.0/8",
			"--poll-host-delay", "0s", "--poll-min-interval", "200ms", "--poll-max-interval", "300ms", "--listen", "127.0.0.1:0", "--progress", "none",
			"--smtp-host", "127.0.0.1", "--smtp-port", strconv.Itoa(port), "--smtp-tls", "none", "--smtp-from", "veille@veille.example")
		cmd.Env = append(os.Environ(), childEnv+"=1")
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		return cmd, ended
	}
	aimed, random := 0, 0
	for i := range kills {
		press.show(cmp.Or(40/kills, 1) + i%2)
		cmd, ended := start()
		shot := make(chan struct{})
		var once sync.Once
		kill := func() { once.Do(func() { _ = cmd.Process.Signal(syscall.SIGKILL); close(shot) }) }
		n, at, dest := 0, 1+rng.IntN(2), []*told{hooks, letters}[rng.IntN(2)]
		after := rng.IntN(2) == 0
		dest.mu.Lock()
		dest.hook = func() {
			dest.mu.Lock()
			n++
			now := n == at
			dest.mu.Unlock()
			switch {
			case !now:
			case after: // the answer is on its way
				time.AfterFunc(time.Duration(rng.IntN(4))*time.Millisecond, kill)
			default:
				kill()
			}
		}
		dest.mu.Unlock()
		select {
		case <-shot:
			aimed++
		case err := <-ended:
			t.Fatalf("it ended by itself: %v", err)
		case <-time.After(time.Duration(1200+rng.IntN(1500)) * time.Millisecond):
			kill()
			random++
		}
		<-ended
		dest.mu.Lock()
		dest.hook = nil
		dest.mu.Unlock()
	}
	press.show(40)
	before := press.visits()
	cmd, ended := start()
	const agreements = 12
	guard := time.After(hang)
	for hooks.deals() < agreements || letters.deals() < agreements || press.visits() == before {
		select {
		case err := <-ended:
			t.Fatalf("it ended by itself: %v", err)
		case <-guard:
			t.Fatalf("%d and %d of %d agreements were told", hooks.deals(), letters.deals(), agreements)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the last run: %v", err)
	}
	// What was read and not sent yet would come now.
	w.openWith(mail)
	defer w.close()
	w.drain()
	within(t, func() bool {
		f := w.app.alerts.Figures()
		return len(f.Pending) == 0
	})
	for name, got := range map[string]*told{"webhook": hooks, "e-mail": letters} {
		doubles := 0
		for deal, ids := range got.deal {
			if len(ids) != 1 {
				t.Errorf("%s: %q was told under %d ids", name, deal, len(ids))
			}
			if name == "webhook" && !strings.HasPrefix(deal, "new ") {
				t.Errorf("%s: %q", name, deal)
			}
		}
		for _, n := range got.ids {
			doubles += n - 1
		}
		if len(got.deal) != agreements || len(got.ids) != agreements {
			t.Errorf("%s: %d deals under %d ids, want %d: %v", name, len(got.deal), len(got.ids), agreements, slices.Sorted(maps.Keys(got.deal)))
		}
		if doubles > kills {
			t.Errorf("%s: %d messages came twice, %d kills", name, doubles, kills)
		}
		t.Logf("%s: %d agreements, %d messages came twice over %d kills, %d of them during or right after a message", name, len(got.deal), doubles, kills, aimed)
	}
	if aimed == 0 {
		t.Error("no kill fell where it was meant to")
	}
	got := w.totals()
	if got.Deals != agreements {
		t.Errorf("totals %+v", got)
	}
}

// openWith starts veille on the world's folder with other settings.
func (w *world) openWith(change func(*Config)) {
	w.t.Helper()
	cfg := defaults()
	cfg.Data, cfg.Listen = w.dir, "127.0.0.1:0"
	cfg.AllowCIDR = []string{"127.0.0.0/8", "::1/128"}
	cfg.Poll.HostDelay, cfg.Poll.MinInterval, cfg.Poll.MaxAge = 0, time.Hour, 10*365*24*time.Hour
	change(&cfg)
	a, err := openApp(w.t.Context(), cfg, slog.New(slog.NewTextHandler(w.t.Output(), nil)), w.list)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w.app, w.stop = a, stop
	if a.listener != nil {
		w.base = "http://" + a.listener.Addr().String()
	}
	w.group = a.start(ctx)
}

// send asks the API to change something.
func (w *world) send(method, path, body string) (int, string) {
	w.t.Helper()
	token, _, err := w.app.data.token()
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.base+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}
