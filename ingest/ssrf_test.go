package ingest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.org/veille/alert"
	"example.org/veille/alert/channel"
	"example.org/veille/internal/faultserver"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
)

// The networks that nothing may be sent to, one address of each, and two of the open web.
var forbidden = []string{
	"127.0.0.1", "127.8.8.8", "10.0.0.5", "172.16.0.9", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.9", "192.0.2.7",
	"198.18.0.1", "198.51.100.7", "203.0.113.9", "192.88.99.1", "240.0.0.1", "::1", "fc00::1", "fd00:ec2::254", "2001:db8::1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1",
	"2002:7f00:1::1", "100::1", "3fff::1", "5f00::1", "fec0::1",
}

const (
	openWeb  = "93.184.216.34"
	openWeb2 = "93.184.216.35"
)

// TestT19Paths binds forbidden and public addresses in a network namespace of its own and tries to reach the forbidden ones
// by every way out: feeds, pages, robots.txt and tdmrep.json, discovery, webhooks and chats, a list of sources; directly,
// by redirect, and by names that change what they mean. Nothing may arrive. Then one network is allowed, and it alone opens.
func TestT19Paths(t *testing.T) {
	if os.Getenv("VEILLE_TEST_NETNS") == "" {
		inNamespace(t)
		return
	}
	var hits, onAllowed atomic.Int32
	bound := 0
	for _, a := range forbidden {
		ln, err := net.Listen("tcp", net.JoinHostPort(a, "80"))
		if err != nil {
			t.Logf("%s cannot be bound: %v", a, err)
			continue
		}
		defer ln.Close()
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				hits.Add(1)
				if a == "10.0.0.5" {
					onAllowed.Add(1)
				}
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
				c.Close()
			}
		}()
		// That it listens is tried by hand, else the test would prove nothing.
		var c net.Conn
		for until := time.Now().Add(10 * time.Second); ; {
			// on a busy machine the route to an address may come a moment after the address
			if c, err = net.DialTimeout("tcp", net.JoinHostPort(a, "80"), 2*time.Second); err == nil || time.Now().After(until) {
				break
			}
			<-time.After(10 * time.Millisecond)
		}
		if err != nil {
			t.Fatalf("control: %v", err)
		}
		c.Read(make([]byte, 1)) // until it was counted
		c.Close()
		bound++
	}
	if bound < 20 {
		t.Fatalf("only %d of %d addresses bound", bound, len(forbidden))
	}
	hits.Store(0)
	onAllowed.Store(0)

	resolver, end, err := faultserver.DNS()
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	var served atomic.Int32
	for _, a := range []string{openWeb, openWeb2} {
		ln, err := net.Listen("tcp", a+":80")
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { served.Add(1); openPress(w, r) })}
		go srv.Serve(ln)
		defer srv.Close()
	}
	t.Setenv("HTTP_PROXY", "http://169.254.169.254:80")
	t.Setenv("http_proxy", "http://169.254.169.254:80")

	policy := guard.Policy{Resolver: resolver, Connect: time.Second, Header: time.Second, Total: 3 * time.Second}
	client := guard.New(policy)
	defer client.Close()
	hooks := alert.NewClient(policy)
	defer hooks.Close()
	at := func(a string) string { // as it stands in a URL
		if strings.Contains(a, ":") {
			return "[" + a + "]"
		}
		return a
	}
	dashed := func(a string) string { return strings.ReplaceAll(a, ".", "-") }

	// 1 and 6: feeds, as an OPML list brings them.
	var list strings.Builder
	list.WriteString(`<opml version="2.0"><body>`)
	n := 0
	add := func(addr string) {
		n++
		fmt.Fprintf(&list, `<outline type="rss" text="Outlet %d" xmlUrl="%s"/>`, n, esc(addr))
	}
	for i, a := range forbidden {
		add("http://" + at(a) + "/feed")
		add("http://" + openWeb + "/to?u=http://" + at(a) + "/")
		if !strings.Contains(a, ":") {
			add(fmt.Sprintf("http://a-%s.n%d.presse.example/feed", dashed(a), i))
			add(fmt.Sprintf("http://and-%s-%s.n%d.presse.example/feed", dashed(openWeb), dashed(a), i))
		}
	}
	for _, h := range []string{"localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "①②⑦.⓪.⓪.①", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "cname.presse.example", "both.presse.example"} {
		add("http://" + h + "/feed")
	}
	list.WriteString(`</body></opml>`)
	sources, _, err := ParseSources([]byte(list.String()))
	if err != nil {
		t.Fatal(err)
	}
	// 2 and 3: pages of a feed of the open web, and hosts whose robots.txt and tdmrep.json lead inside.
	sources = append(sources, schemas.Source{ID: "pages", Name: "Pages", Feed: "http://" + openWeb + "/pages", Lang: "en"},
		schemas.Source{ID: "robots", Name: "Robots", Feed: "http://" + openWeb + "/robots", Lang: "en"})
	var logged bytes.Buffer
	d := newDesk(t)
	p := New(slog.New(slog.NewTextHandler(&logged, nil)), Options{Sources: sources, Client: client, Store: newMemory(), Publish: d.log.publish, Now: d.clock.now})
	for _, s := range sources {
		if _, err := p.Fetch(t.Context(), s.ID); err != nil {
			t.Fatalf("%s: %v", s.ID, err)
		}
	}
	refused := strings.Count(logged.String(), "reason="+guard.ReasonAddress)
	if refused < 2*len(forbidden) {
		t.Errorf("only %d refusals logged", refused)
	}
	// A name that is asked for twice: the feed's own address changes under it.
	for i, a := range forbidden[:15] {
		src := schemas.Source{ID: fmt.Sprintf("turn-%d", i), Name: "Turn", Feed: fmt.Sprintf("http://then-%s-%s.t%d.presse.example/feed", dashed(openWeb), dashed(a), i), Lang: "en"}
		p.SetSources(append(sources, src))
		for range 2 {
			client.Close() // no connection is kept, so that the name is asked for again
			if _, err := p.Fetch(t.Context(), src.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	// 4: discovery.
	for _, a := range forbidden {
		Discover(t.Context(), client, "http://"+at(a)+"/")
	}
	Discover(t.Context(), client, "http://"+openWeb+"/site")
	// 5: webhooks and chats.
	s := channel.Sender{Client: hooks}
	for i, a := range forbidden {
		for _, addr := range []string{"http://" + at(a) + "/hook", fmt.Sprintf("http://then-%s-%s.w%d.presse.example/hook", dashed(openWeb), dashed(a), i), "http://" + openWeb + "/to?u=http://" + at(a) + "/"} {
			for _, to := range []schemas.Destination{{Webhook: &schemas.WebhookTo{URL: schemas.SecretURL(addr), Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}, {Slack: &schemas.ChatTo{URL: schemas.SecretURL(addr)}}} {
				for range 2 {
					s.Send(t.Context(), to, channel.Message{ID: "m", Sent: noon, Test: true})
				}
			}
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d connections arrived where none may", n)
	}
	if served.Load() == 0 {
		t.Error("the open web was not reached: the test proves nothing")
	}

	// One network is allowed, and it alone opens.
	policy.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32")}
	one := guard.New(policy)
	defer one.Close()
	for _, a := range forbidden {
		one.Get(t.Context(), "http://"+at(a)+"/")
	}
	if hits.Load() != onAllowed.Load() || onAllowed.Load() == 0 {
		t.Errorf("with 10.0.0.5/32 allowed: %d connections, %d of them there", hits.Load(), onAllowed.Load())
	}
	t.Logf("%d addresses bound, %d feeds, %d refusals logged, %d requests to the open web, 0 to the others", bound, len(sources), refused, served.Load())
}

// openPress is a site of the open web that leads inside.
func openPress(w http.ResponseWriter, r *http.Request) {
	target := func(i int) string {
		a := forbidden[i%len(forbidden)]
		if strings.Contains(a, ":") {
			a = "[" + a + "]"
		}
		return "http://" + a + "/"
	}
	switch {
	case r.URL.Path == "/to":
		w.Header().Set("Location", r.URL.Query().Get("u"))
		w.WriteHeader(http.StatusFound)
	case r.URL.Path == "/pages", r.URL.Path == "/robots":
		fmt.Fprint(w, `<rss version="2.0"><channel><title>x</title>`)
		for i := range forbidden {
			link := target(i) + "a"
			if r.URL.Path == "/robots" {
				link = fmt.Sprintf("http://a-%s.r%d.presse.example/a", strings.ReplaceAll(openWeb2, ".", "-"), i)
			} else if i%2 == 1 {
				link = "http://" + openWeb + "/to?u=" + link
			}
			fmt.Fprintf(w, `<item><guid>%d</guid><title>Story %d</title><link>%s</link><pubDate>%s</pubDate></item>`, i, i, esc(link), noon.Format(time.RFC1123Z))
		}
		fmt.Fprint(w, `</channel></rss>`)
	case strings.HasPrefix(r.Host, "a-93") && (r.URL.Path == "/robots.txt" || r.URL.Path == "/.well-known/tdmrep.json"):
		var i int
		if _, rest, ok := strings.Cut(r.Host, ".r"); ok {
			fmt.Sscanf(rest, "%d", &i)
		}
		http.Redirect(w, r, target(i)+"robots.txt", http.StatusMovedPermanently)
	case r.URL.Path == "/site":
		for i := range forbidden {
			fmt.Fprintf(w, `<link rel="alternate" type="application/rss+xml" href="%sfeed">`, target(i))
		}
	case r.URL.Path == "/robots.txt":
		fmt.Fprintf(w, "User-agent: *\nAllow: /\nSitemap: %snews-sitemap.xml\n", target(0))
	default:
		fmt.Fprint(w, `<rss version="2.0"><channel><title>x</title></channel></rss>`)
	}
}

// inNamespace runs this test again as the root of an empty network, where every address can be its own.
func inNamespace(t *testing.T) {
	for _, tool := range []string{"unshare", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no network namespace can be made here: %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "unshare", "-rn", "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Skipf("no network namespace can be made here: %v %s", err, bytes.TrimSpace(out))
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := "ip link set lo up\n"
	for _, a := range append(forbidden, openWeb, openWeb2) {
		switch {
		case strings.HasPrefix(a, "127.") || a == "::1":
		case strings.Contains(a, ":"):
			script += "ip addr add " + a + "/128 dev lo nodad || true\n"
		default:
			script += "ip addr add " + a + "/32 dev lo || true\n"
		}
	}
	cmd := exec.CommandContext(ctx, "unshare", "-rn", "sh", "-c", script+`exec "$0" -test.run '^TestT19Paths$' -test.v`, exe)
	cmd.Env = append(os.Environ(), "VEILLE_TEST_NETNS=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("in its own network: %v\n%s", err, out)
		return
	}
	for l := range strings.Lines(string(out)) {
		if strings.Contains(l, "ssrf_test.go") {
			t.Log(strings.TrimSpace(l))
		}
	}
}
