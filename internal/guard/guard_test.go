package guard

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func client(t testing.TB, p Policy) *Client {
	c := New(p)
	t.Cleanup(c.Close)
	return c
}

func serve(t testing.TB, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// TestAddresses judges every special-purpose network, in every spelling that a
// resolver may give.
func TestAddresses(t *testing.T) {
	c := client(t, Policy{})
	for _, a := range []string{
		"127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"169.254.169.254", "100.64.0.1", "100.100.100.200", "100.127.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1", "198.18.0.1", "198.19.255.255",
		"198.51.100.7", "203.0.113.9", "192.88.99.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::1", "::", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1",
		"2002:7f00:1::", "2002:a00:1::1", "2001::1", "2001:0:53aa:64c:0:0:80ff:fffe", "2001:db8::1", "2001:20::1", "3fff::1", "100::1", "5f00::1",
		"fe80::1", "fe80::1%lo", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "4000::1",
	} {
		for _, port := range []uint16{80, 443, 22} {
			err := c.Check(netip.AddrPortFrom(netip.MustParseAddr(a), port))
			if Reason(err) != ReasonAddress {
				t.Errorf("%s port %d: %v, want it refused", a, port, err)
			}
		}
	}
	for _, a := range []string{"93.184.216.34", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "198.20.0.1", "2606:4700::1111", "::ffff:93.184.216.34"} {
		if err := c.Check(netip.AddrPortFrom(netip.MustParseAddr(a), 443)); err != nil {
			t.Errorf("%s: %v, want it open", a, err)
		}
		if err := c.Check(netip.AddrPortFrom(netip.MustParseAddr(a), 6379)); Reason(err) != ReasonPort {
			t.Errorf("%s port 6379: %v, want the port refused", a, err)
		}
	}
	c = client(t, Policy{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32")}})
	if err := c.Check(netip.MustParseAddrPort("10.0.0.5:6379")); err != nil {
		t.Errorf("allowed address: %v", err)
	}
	if err := c.Check(netip.MustParseAddrPort("[::ffff:10.0.0.5]:80")); err != nil {
		t.Errorf("allowed address, mapped: %v", err)
	}
	for _, a := range []string{"10.0.0.4:80", "127.0.0.1:80"} {
		if err := c.Check(netip.MustParseAddrPort(a)); Reason(err) != ReasonAddress {
			t.Errorf("%s: %v, want it refused", a, err)
		}
	}
}

// TestNoConnection asks for loopback in every spelling: nothing may arrive.
func TestNoConnection(t *testing.T) {
	var hits atomic.Int32
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			hits.Add(1)
			c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	c := client(t, Policy{Connect: time.Second, Total: 2 * time.Second})
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:"+port)
	for _, h := range []string{
		"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0", "localhost", "LOCALHOST.", "127.0.0.1.",
		"①②⑦.⓪.⓪.①", "127。0。0。1", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::1%25lo]", "a.localhost",
	} {
		_, err := c.Get(t.Context(), "http://"+h+":"+port+"/")
		if err == nil {
			t.Errorf("%s: answered", h)
		}
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v is no *Error", h, err)
		}
	}
	for _, u := range []string{"http://foo@127.0.0.1:" + port, "http://127.0.0.1:" + port + "#@public.example", "http://public.example\\@127.0.0.1:" + port + "/", "http://public.example%2f@127.0.0.1:" + port} {
		if _, err := c.Get(t.Context(), u); err == nil {
			t.Errorf("%s: answered", u)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d connections arrived", n)
	}
}

func TestParseURL(t *testing.T) {
	for _, c := range []struct{ addr, reason string }{
		{"https://presse.example/a?b=c#d", ""},
		{"HTTP://presse.example", ""},
		{"file:///etc/passwd", ReasonScheme},
		{"javascript:alert(1)", ReasonScheme},
		{"JaVaScRiPt:alert(1)", ReasonScheme},
		{"java\tscript:alert(1)", ReasonURL},
		{"\x01javascript:alert(1)", ReasonURL},
		{"data:text/html,x", ReasonScheme},
		{"gopher://x/", ReasonScheme},
		{"//evil.example/", ReasonURL},
		{"http:evil", ReasonURL},
		{"http://[::1", ReasonURL},
		{"http://user:pw@h.example/", ReasonURL},
		{"https://h.example/\r\nX: y", ReasonURL},
		{"https://h.example/" + strings.Repeat("a", 100<<10), ReasonURL},
		{"", ReasonURL},
	} {
		_, err := ParseURL(c.addr)
		if got := Reason(err); got != c.reason {
			t.Errorf("%.40q: reason %q, want %q", c.addr, got, c.reason)
		}
	}
}

func TestRedirects(t *testing.T) {
	var asked []string
	var base, other string
	h := func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+" auth="+r.Header.Get("Authorization")+" ref="+r.Referer()+" cookie="+r.Header.Get("Cookie"))
		w.Header().Set("Set-Cookie", "a=b")
		switch r.URL.Path {
		case "/self":
			http.Redirect(w, r, "/self", 302)
		case "/long":
			http.Redirect(w, r, "/long"+r.URL.RawQuery+"?x", 302)
		case "/two":
			http.Redirect(w, r, "/one", 301)
		case "/one":
			http.Redirect(w, r, "/end", 308)
		case "/temp":
			http.Redirect(w, r, "/one", 302)
		case "/away":
			http.Redirect(w, r, other+"/end", 302)
		case "/huge":
			w.Header().Set("Location", "/"+strings.Repeat("a", 64<<10))
			w.WriteHeader(302)
		case "/big":
			w.Header().Set("Location", "/"+strings.Repeat("a", 8<<10))
			w.WriteHeader(302)
		case "/dots":
			w.Header().Set("Location", "/"+strings.Repeat("../", 10_000))
			w.WriteHeader(302)
		case "/to":
			w.Header().Set("Location", r.URL.Query().Get("u"))
			w.WriteHeader(302)
		default:
			fmt.Fprint(w, "end")
		}
	}
	base, other = serve(t, h), serve(t, h)
	c := client(t, Policy{Allow: loopback})
	r, err := c.Do(t.Context(), Request{URL: base + "/two", Header: http.Header{"Authorization": {"secret"}}})
	if err != nil || string(r.Body) != "end" || len(r.Hops) != 2 || r.Permanent() != base+"/end" {
		t.Errorf("two: %+v, %v", r, err)
	}
	r, err = c.Get(t.Context(), base+"/temp")
	if err != nil || r.Permanent() != "" || r.URL != base+"/end" {
		t.Errorf("temporary: %+v, %v", r, err)
	}
	asked = nil
	if _, err := c.Do(t.Context(), Request{URL: base + "/away", Header: http.Header{"Authorization": {"secret"}}}); err != nil {
		t.Error(err)
	}
	if len(asked) != 2 || asked[0] != "/away auth=secret ref= cookie=" || asked[1] != "/end auth= ref= cookie=" {
		t.Errorf("asked %q", asked)
	}
	for path, want := range map[string]string{
		"/self": ReasonRedirects,
		"/to?u=" + url.QueryEscape("file:///etc/passwd"):            ReasonScheme,
		"/to?u=" + url.QueryEscape("gopher://x/"):                   ReasonScheme,
		"/to?u=" + url.QueryEscape("javascript:alert(1)"):           ReasonScheme,
		"/to?u=" + url.QueryEscape("//10.0.0.5/"):                   ReasonAddress,
		"/to?u=" + url.QueryEscape("http://169.254.169.254/latest"): ReasonAddress,
		"/to?u=" + url.QueryEscape(`\\10.0.0.5\x`):                  ReasonURL,
		"/huge": ReasonHeader,
		"/big":  ReasonRedirects,
		"/dots": ReasonRedirects,
		"/to?u=" + url.QueryEscape("http://[::1"): ReasonRedirects,
	} {
		_, err := c.Get(t.Context(), base+path)
		if got := Reason(err); got != want {
			t.Errorf("%.60s: %v (%q), want %q", path, err, got, want)
		}
	}
	if r, err := c.Do(t.Context(), Request{URL: base + "/self", NoRedirect: true}); err != nil || r.Status != 302 {
		t.Errorf("not followed: %+v, %v", r, err)
	}
	stop := errors.New("robots")
	if _, err := c.Do(t.Context(), Request{URL: base + "/two", Hop: func(context.Context, *url.URL) error { return stop }}); !errors.Is(err, stop) {
		t.Errorf("hop's error is %v", err)
	}
}

func TestDowngrade(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/", 301)
	}))
	defer s.Close()
	if _, err := client(t, Policy{Allow: loopback}).Get(t.Context(), s.URL); Reason(err) != ReasonTLS {
		t.Errorf("unknown authority: %v", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	if _, err := client(t, Policy{Allow: loopback, Roots: &tls.Config{RootCAs: pool}}).Get(t.Context(), s.URL); Reason(err) != ReasonDowngrade {
		t.Errorf("downgrade: %v", err)
	}
}

func pack(t testing.TB, coding string, b []byte) []byte {
	var out bytes.Buffer
	switch coding {
	case "gzip":
		w := gzip.NewWriter(&out)
		w.Write(b)
		w.Close()
	case "zlib":
		w := zlib.NewWriter(&out)
		w.Write(b)
		w.Close()
	case "raw":
		w, _ := flate.NewWriter(&out, 6)
		w.Write(b)
		w.Close()
	}
	return out.Bytes()
}

func TestBodies(t *testing.T) {
	text := bytes.Repeat([]byte("presse "), 1000)
	bomb := pack(t, "gzip", make([]byte, 64<<20))
	var members bytes.Buffer
	for range 1000 {
		members.Write(pack(t, "gzip", []byte("x")))
	}
	for name, c := range map[string]struct {
		coding string
		body   []byte
		want   string // body, or "!reason"
	}{
		"plain":        {"", text, string(text)},
		"gzip":         {"gzip", pack(t, "gzip", text), string(text)},
		"members":      {"gzip", members.Bytes(), strings.Repeat("x", 1000)},
		"zlib":         {"deflate", pack(t, "zlib", text), string(text)},
		"raw deflate":  {"deflate", pack(t, "raw", text), string(text)},
		"empty gzip":   {"gzip", nil, ""},
		"utf-8":        {"utf-8", text, string(text)},
		"br":           {"br", text, "!" + ReasonEncoding},
		"twice":        {"gzip, gzip", pack(t, "gzip", pack(t, "gzip", text)), "!" + ReasonEncoding},
		"cut":          {"gzip", pack(t, "gzip", text)[:40], "!" + ReasonTruncated},
		"not packed":   {"gzip", text, "!" + ReasonEncoding},
		"garbage":      {"gzip", append(pack(t, "gzip", nil)[:10], text...), "!" + ReasonEncoding},
		"bomb":         {"gzip", bomb, "!" + ReasonRatio},
		"large":        {"", make([]byte, MaxBody+1), "!" + ReasonTooLarge},
		"just allowed": {"", make([]byte, MaxBody), string(make([]byte, MaxBody))},
	} {
		u := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if c.coding != "" {
				w.Header().Set("Content-Encoding", c.coding)
			}
			w.Header().Set("Content-Type", "text/plain")
			w.Write(c.body)
		})
		r, err := client(t, Policy{Allow: loopback}).Get(t.Context(), u)
		if reason, bad := strings.CutPrefix(c.want, "!"); bad {
			if Reason(err) != reason {
				t.Errorf("%s: %v (%q), want %q", name, err, Reason(err), reason)
			}
			continue
		}
		if err != nil || string(r.Body) != c.want {
			t.Errorf("%s: %v, body differs", name, err)
		}
	}
}

func TestSentences(t *testing.T) {
	c := client(t, Policy{})
	for addr, want := range map[string]string{
		"http://127.0.0.1/": `fetch http://127.0.0.1/: 127.0.0.1 is in a private or special-purpose network (open it with --allow-cidr)`,
		"ftp://x.example/":  `fetch ftp://x.example/: scheme "ftp" is refused, only http and https are open`,
	} {
		if _, err := c.Get(t.Context(), addr); err == nil || err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client(t, Policy{Allow: loopback}).Get(ctx, serve(t, func(http.ResponseWriter, *http.Request) {})); Reason(err) != ReasonCancelled {
		t.Errorf("cancelled: %v", err)
	}
}

// TestTimeLimits holds what an error says against the limit that was passed: the one for the header is not the one for
// the whole.
func TestTimeLimits(t *testing.T) {
	stuck := make(chan struct{})
	defer close(stuck)
	slow := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.Write([]byte("be"))
			w.(http.Flusher).Flush()
		}
		select {
		case <-stuck:
		case <-r.Context().Done():
		}
	})
	p := Policy{Allow: loopback, Connect: 10 * time.Second, Header: 60 * time.Millisecond, Total: 400 * time.Millisecond}
	for path, want := range map[string]string{"/head": "no answer within 60ms", "/body": "no whole answer within 400ms"} {
		_, err := client(t, p).Get(t.Context(), slow+path)
		var e *Error
		if !errors.As(err, &e) || e.Reason != ReasonTimeout || e.Sentence() != want {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0") // a name server that never answers
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dead := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", ln.Addr().String())
	}}
	_, err = client(t, Policy{Resolver: dead, Connect: 60 * time.Millisecond, Total: 10 * time.Second}).Get(t.Context(), "http://presse.example/")
	if err == nil || strings.Contains(err.Error(), "10s") {
		t.Errorf("a silent name server: %v", err)
	}
}

func TestParseCIDRs(t *testing.T) {
	got, err := ParseCIDRs([]string{"127.0.0.0/8", " ::1 ", "", "10.1.2.3/8"})
	if err != nil || fmt.Sprint(got) != "[127.0.0.0/8 ::1/128 10.0.0.0/8]" {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := ParseCIDRs([]string{"localhost"}); err == nil {
		t.Error("localhost taken for a network")
	}
}
