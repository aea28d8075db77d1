// Package guard is the one way out: every request that veille makes for a feed, a
// page, a robots.txt, a discovery or a webhook passes through a [Client].
//
// A name in a URL says nothing about where it leads, so the address is judged
// where the socket is opened, after every lookup and on every redirect: private,
// loopback, link-local and all other special-purpose networks are refused unless
// an operator allowed them. Bytes, time, redirects, header size and the ratio of
// compression are bounded. Call [New], then [Client.Get] or [Client.Do]; what is
// refused comes back as an [*Error] with a reason token and one sentence.
//
// HTTP/2 is not spoken: it adds nothing at one request at a time per host, and
// its framing is a second parser for a hostile server to attack. Brotli and zstd
// are not asked for. There is no cookie jar and no Referer, and a proxy from the
// environment is ignored, since it would connect in our name past the check.
//
// The package decides nothing about politeness or robots.txt; that is ingest.
package guard

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// Default limits.
const (
	MaxBody      = 8 << 20  // bytes of a body after decompression
	MaxHeader    = 64 << 10 // bytes of a response's header
	MaxRedirects = 5
	MaxURL       = 4 << 10 // bytes of an address
	maxRatio     = 100     // decompressed : compressed, judged after ratioFrom bytes
	ratioFrom    = 1 << 20
)

// Policy says where a [Client] may go and how long it may take. The zero value of
// a duration means its default.
type Policy struct {
	Allow     []netip.Prefix // networks that are open on every port, whatever they are
	UserAgent string

	Connect time.Duration // lookup and connection; 5 s
	TLS     time.Duration // handshake; 5 s
	Header  time.Duration // from the request to the response's header; 10 s
	Total   time.Duration // all of it, redirects included; 30 s
	MaxBody int64         // bytes after decompression; [MaxBody]

	Resolver *net.Resolver // nil: the system's
	Roots    *tls.Config   // nil: the system's roots; only RootCAs is read
}

// Client makes guarded requests. It is safe for concurrent use.
type Client struct {
	p    Policy
	safe *ssrf.Guardian
	rt   *http.Transport
}

// ParseCIDRs reads the values of --allow-cidr: networks, or single addresses.
func ParseCIDRs(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, err2 := netip.ParseAddr(s)
			if err2 != nil {
				return nil, fmt.Errorf("%q is not a network such as 127.0.0.0/8", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// New returns a client that keeps to the policy.
func New(p Policy) *Client {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&p.Connect, 5*time.Second)
	def(&p.TLS, 5*time.Second)
	def(&p.Header, 10*time.Second)
	def(&p.Total, 30*time.Second)
	if p.MaxBody <= 0 {
		p.MaxBody = MaxBody
	}
	if p.UserAgent == "" {
		p.UserAgent = "veille (+https://example.org/veille)"
	}
	c := &Client{p: p, safe: ssrf.New(ssrf.WithAnyPort())}
	d := &net.Dialer{Timeout: p.Connect, Control: c.control, Resolver: p.Resolver, KeepAlive: 30 * time.Second}
	c.rt = &http.Transport{
		Proxy:                  nil, // a proxy would dial past control
		DialContext:            d.DialContext,
		TLSHandshakeTimeout:    p.TLS,
		ResponseHeaderTimeout:  p.Header,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: MaxHeader,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true, // decoded here, where the ratio is watched
		ForceAttemptHTTP2:      false,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
	if p.Roots != nil {
		c.rt.TLSClientConfig = &tls.Config{RootCAs: p.Roots.RootCAs, MinVersion: tls.VersionTLS12}
	}
	return c
}

// UserAgent is what the client calls itself when a request does not say.
func (c *Client) UserAgent() string { return c.p.UserAgent }

// Close drops idle connections.
func (c *Client) Close() { c.rt.CloseIdleConnections() }

// Check judges one address as the dialer does.
func (c *Client) Check(at netip.AddrPort) error {
	ip := at.Addr().WithZone("")
	for _, p := range c.p.Allow {
		if p.Contains(ip) || p.Contains(ip.Unmap()) {
			return nil
		}
	}
	// Both spellings of a v4 address are judged: the mapped one as v6, which the
	// table refuses as a whole, would also refuse what a resolver gives mapped.
	if err := c.safe.SafeAddr(ip.Unmap()); err != nil {
		return &Error{Reason: ReasonAddress, msg: fmt.Sprintf("%s is in a private or special-purpose network (open it with --allow-cidr)", at.Addr()), err: err}
	}
	if port := at.Port(); port != 80 && port != 443 {
		return &Error{Reason: ReasonPort, msg: fmt.Sprintf("port %d of %s is refused, only 80 and 443 are open (allow the address with --allow-cidr)", port, at.Addr())}
	}
	return nil
}

func (c *Client) control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return &Error{Reason: ReasonAddress, msg: fmt.Sprintf("network %s is refused", network)}
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return &Error{Reason: ReasonAddress, msg: fmt.Sprintf("%q is no address", address), err: err}
	}
	return c.Check(at)
}

// Request is one request. Only URL is needed.
type Request struct {
	Method  string // GET
	URL     string
	Header  http.Header // sent as given, byte for byte; not to another host after a redirect
	Body    []byte
	MaxBody int64 // bytes; the policy's when 0
	// Hop is asked before a redirect is followed; its error ends the request.
	Hop func(ctx context.Context, next *url.URL) error
	// NoRedirect returns a 3xx response as it is.
	NoRedirect bool
	// StatusOnly is for receivers whose status is their answer: of the body only
	// what comes within MaxBody is read, and that of a success not at all when it
	// is larger; no fault of the body is an error.
	StatusOnly bool
}

// Hop is one redirect that was followed.
type Hop struct {
	Status   int
	From, To string
}

// Response is a whole answer: its body has been read, and decoded once.
type Response struct {
	URL    string // address of the last request
	Hops   []Hop
	Status int
	Proto  string
	Header http.Header
	Body   []byte
	Wire   int64 // bytes of the body as transferred
	Took   time.Duration
	Asked  http.Header // header of the last request
}

// Permanent tells where the address has moved for good: the target of the leading
// redirects that are 301 or 308, or "" when there is none.
func (r *Response) Permanent() string {
	to := ""
	for _, h := range r.Hops {
		if h.Status != http.StatusMovedPermanently && h.Status != http.StatusPermanentRedirect {
			break
		}
		to = h.To
	}
	return to
}

// Get fetches an address.
func (c *Client) Get(ctx context.Context, addr string) (*Response, error) {
	return c.Do(ctx, Request{URL: addr})
}

// ParseURL reads an address that may be asked for: http or https, with a host,
// without a user name.
func ParseURL(addr string) (*url.URL, error) {
	bad := func(reason, format string, args ...any) (*url.URL, error) {
		return nil, &Error{Reason: reason, URL: addr, msg: fmt.Sprintf(format, args...)}
	}
	if len(addr) > MaxURL {
		return bad(ReasonURL, "the address has %d bytes, more than %d", len(addr), MaxURL)
	}
	if strings.ContainsFunc(addr, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '\\' }) {
		return bad(ReasonURL, "the address holds a control character or a backslash")
	}
	u, err := url.Parse(addr)
	if err != nil {
		return bad(ReasonURL, "the address cannot be read")
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
	case "":
		return bad(ReasonURL, "the address has no scheme, http or https is needed")
	default:
		return bad(ReasonScheme, "scheme %q is refused, only http and https are open", u.Scheme)
	}
	if u.Hostname() == "" {
		return bad(ReasonURL, "the address has no host")
	}
	if u.User != nil {
		return bad(ReasonURL, "the address carries a user name; put credentials into the source's headers")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// Do makes a request and reads the whole answer. An error is an [*Error], or the
// context's own when the caller gave up.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	start := time.Now()
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, c.p.Total)
	defer cancel()

	u, err := ParseURL(r.URL)
	if err != nil {
		return nil, err
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	out := &Response{}
	head := r.Header
	for {
		req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
		if err != nil {
			return nil, &Error{Reason: ReasonURL, URL: u.String(), msg: "the address cannot be asked for", err: err}
		}
		if len(r.Body) > 0 {
			body := r.Body
			req.Body = io.NopCloser(strings.NewReader(string(body)))
			req.ContentLength = int64(len(body))
		}
		for k, v := range head {
			req.Header[http.CanonicalHeaderKey(k)] = slices.Clone(v)
		}
		if req.Header.Get("User-Agent") == "" {
			req.Header.Set("User-Agent", c.p.UserAgent)
		}
		if req.Header.Get("Accept-Encoding") == "" {
			req.Header.Set("Accept-Encoding", "gzip, deflate")
		}
		resp, err := c.rt.RoundTrip(req)
		if err != nil {
			return nil, c.wrap(outer, u.String(), err)
		}
		loc := resp.Header.Get("Location")
		if r.NoRedirect || !redirects(resp.StatusCode) || loc == "" {
			out.URL, out.Status, out.Proto, out.Header = u.String(), resp.StatusCode, resp.Proto, resp.Header
			out.Asked = req.Header
			limit := r.MaxBody
			if limit <= 0 {
				limit = c.p.MaxBody
			}
			if r.StatusOnly {
				if resp.StatusCode < 200 || resp.StatusCode > 299 || resp.ContentLength >= 0 && resp.ContentLength <= limit {
					out.Body, _ = io.ReadAll(io.LimitReader(resp.Body, limit)) // what came of it is enough
					out.Wire = int64(len(out.Body))
				}
			} else {
				out.Body, out.Wire, err = read(resp, limit)
			}
			resp.Body.Close()
			out.Took = time.Since(start)
			if err != nil {
				return nil, c.wrap(outer, u.String(), err)
			}
			return out, nil
		}
		resp.Body.Close()

		next, err := c.next(u, loc, len(out.Hops))
		if err != nil {
			return nil, err
		}
		if r.Hop != nil {
			if err := r.Hop(ctx, next); err != nil {
				return nil, err
			}
		}
		out.Hops = append(out.Hops, Hop{Status: resp.StatusCode, From: u.String(), To: next.String()})
		if next.Host != u.Host { // what was meant for one host is no other host's business
			head = http.Header{}
			for _, k := range []string{"User-Agent", "Accept", "Accept-Language"} {
				if v := r.Header.Values(k); len(v) > 0 {
					head[k] = v
				}
			}
		}
		u = next
	}
}

func redirects(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// next resolves a redirect's target and judges it.
func (c *Client) next(from *url.URL, loc string, hops int) (*url.URL, error) {
	fail := func(reason, format string, args ...any) (*url.URL, error) {
		return nil, &Error{Reason: reason, URL: from.String(), msg: fmt.Sprintf(format, args...)}
	}
	if hops >= MaxRedirects {
		return fail(ReasonRedirects, "more than %d redirects", MaxRedirects)
	}
	if len(loc) > MaxURL || strings.Count(loc, "../") > 64 {
		return fail(ReasonRedirects, "the redirect's address has %d bytes or too many parts", len(loc))
	}
	if strings.Contains(loc, `\`) {
		return fail(ReasonURL, "the redirect's address holds a backslash, which others read as a slash")
	}
	rel, err := url.Parse(loc)
	if err != nil {
		return fail(ReasonRedirects, "the redirect's address cannot be read")
	}
	to, err := ParseURL(from.ResolveReference(rel).String())
	if err != nil {
		var e *Error
		errors.As(err, &e)
		return fail(e.Reason, "it redirects to an address that is refused: %s", e.msg)
	}
	if from.Scheme == "https" && to.Scheme == "http" {
		return fail(ReasonDowngrade, "it redirects from https to http")
	}
	return to, nil
}
