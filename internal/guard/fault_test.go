package guard

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/veille/internal/faultserver"
)

// full tells whether the long profile is wanted, with the program's own time limits.
func full() bool { return os.Getenv("VEILLE_TRUST") != "" }

// limits are the program's own in the full profile, and a tenth of them otherwise.
func limits() Policy {
	if full() {
		return Policy{}
	}
	return Policy{Connect: 500 * time.Millisecond, TLS: 500 * time.Millisecond, Header: time.Second, Total: 3 * time.Second}
}

// TestT17Kinds asks for every fault of the transport: the right reason, in time,
// and no part of a body that was cut.
func TestT17Kinds(t *testing.T) {
	s, err := faultserver.New()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p := limits()
	p.Allow = loopback
	c := client(t, p)
	var wg sync.WaitGroup
	var slowest atomic.Int64
	slots := make(chan struct{}, 8)
	for _, k := range faultserver.Kinds() {
		for seed := range uint64(2) {
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				start := time.Now()
				r, err := c.Get(t.Context(), s.URL(k.Name, seed))
				took := time.Since(start)
				slowest.Store(max(slowest.Load(), int64(took)))
				if got := Reason(err); !slices.Contains(k.Want, got) {
					t.Errorf("%s (%s): reason %q (%v), want one of %q", k.Name, k.Doc, got, err, k.Want)
				}
				if err == nil && len(r.Body) > MaxBody || err != nil && r != nil {
					t.Errorf("%s: an answer of %d bytes with %v", k.Name, len(r.Body), err)
				}
				if err != nil && (len(err.Error()) > 700 || strings.ContainsAny(err.Error(), "\n\x1b\x00")) {
					t.Errorf("%s: error not fit for a log: %q", k.Name, err)
				}
				if limit := 35 * time.Second; took > limit {
					t.Errorf("%s took %v", k.Name, took)
				}
			})
		}
	}
	wg.Wait()
	t.Logf("%d kinds, slowest %v", len(faultserver.Kinds()), time.Duration(slowest.Load()).Round(time.Millisecond))
	// The client is still of use.
	ok := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "well") })
	if r, err := c.Get(t.Context(), ok); err != nil || string(r.Body) != "well" {
		t.Errorf("afterwards: %v", err)
	}
}

func TestT17TLS(t *testing.T) {
	p := limits()
	p.Allow = loopback
	c := client(t, p)
	for _, kind := range faultserver.TLSKinds {
		addr, end, err := faultserver.TLS(kind)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Get(t.Context(), addr)
		if Reason(err) != ReasonTLS {
			t.Errorf("%s: %v (%q)", kind, err, Reason(err))
		}
		if strings.Contains(fmt.Sprint(err), "<script>") && strings.Contains(fmt.Sprint(err), "\n") {
			t.Errorf("%s: %q", kind, err)
		}
		end()
	}
}

func TestT17DNS(t *testing.T) {
	r, end, err := faultserver.DNS()
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	p := limits()
	p.Connect = time.Second
	p.Resolver = r
	c := client(t, p)
	for name, want := range map[string][]string{
		"nx": {ReasonDNS}, "servfail": {ReasonDNS}, "slow": {ReasonDNS, ReasonTimeout}, "loop": {ReasonDNS}, "many": {ReasonDNS, ReasonAddress}, "cname": {ReasonAddress}, "both": {ReasonAddress},
		"a-169-254-169-254": {ReasonAddress}, "a-100-64-0-1": {ReasonAddress}, "a-127-0-0-1": {ReasonAddress},
	} {
		_, err := c.Get(t.Context(), "http://"+name+".presse.example/")
		if !slices.Contains(want, Reason(err)) {
			t.Errorf("%s: %v (%q), want one of %q", name, err, Reason(err), want)
		}
	}
}

// TestT19 asks for forbidden addresses directly, by redirect and by name: no
// connection may arrive at any of them. Where network namespaces are to be had,
// the long profile binds the addresses themselves; here what listens is loopback,
// and what is asked is every spelling of it.
func TestT19(t *testing.T) {
	var hits atomic.Int32
	listen := func(addr string) string {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			t.Skipf("cannot listen on %s: %v", addr, err)
		}
		t.Cleanup(func() { ln.Close() })
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				hits.Add(1)
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				c.Close()
			}
		}()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		return port
	}
	port := listen("127.0.0.1:0")
	spellings := []string{"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "localhost", "LOCALHOST.", "①②⑦.⓪.⓪.①", "[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"}
	direct := client(t, limits())
	for _, h := range spellings {
		if _, err := direct.Get(t.Context(), "http://"+h+":"+port+"/"); err == nil {
			t.Errorf("%s: answered", h)
		}
	}
	// By redirect, from a host that is allowed.
	from, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skip("127.0.0.2 cannot be bound")
	}
	var to atomic.Value
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, to.Load().(string), http.StatusFound)
	})}
	go srv.Serve(from)
	defer srv.Close()
	p := limits()
	p.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}
	hop := client(t, p)
	for _, h := range spellings {
		to.Store("http://" + h + ":" + port + "/")
		if _, err := hop.Get(t.Context(), "http://"+from.Addr().String()+"/"); err == nil {
			t.Errorf("redirect to %s: answered", h)
		}
	}
	// By a name that changes what it means between two requests.
	r, end, err := faultserver.DNS()
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	ok, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err == nil {
		good := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })}
		go good.Serve(ok)
		defer good.Close()
		p.Resolver = r
		re := client(t, p)
		if _, err := re.Get(t.Context(), "http://flip.presse.example:"+port+"/"); err != nil {
			t.Errorf("the allowed address: %v", err)
		}
		if _, err := re.Get(t.Context(), "http://flip.presse.example:"+port+"/"); Reason(err) != ReasonAddress {
			t.Errorf("after rebinding: %v", err)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d connections arrived", n)
	}
	// And with the address on the list, it opens; only that one.
	p = limits()
	p.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	if _, err := client(t, p).Get(t.Context(), "http://127.0.0.1:"+port+"/"); err != nil || hits.Load() != 1 {
		t.Errorf("allowed: %v, %d connections", err, hits.Load())
	}
}
