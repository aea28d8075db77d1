package guard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Reasons of an [Error], one token each: they are counted and shown.
const (
	ReasonURL       = "url"       // the address cannot be asked for
	ReasonScheme    = "scheme"    // neither http nor https
	ReasonAddress   = "address"   // leads to a network that is refused
	ReasonPort      = "port"      // leads to a port that is refused
	ReasonDNS       = "dns"       // the name has no address
	ReasonConnect   = "connect"   // nobody answers there
	ReasonTLS       = "tls"       // no trusted encryption
	ReasonTimeout   = "timeout"   // too slow
	ReasonRedirects = "redirects" // too many, or one that cannot be followed
	ReasonDowngrade = "downgrade" // from https to http
	ReasonHeader    = "header"    // response header too large or broken
	ReasonProtocol  = "protocol"  // the answer is no HTTP
	ReasonTruncated = "truncated" // the body ended early
	ReasonTooLarge  = "too_large" // more bytes than allowed
	ReasonRatio     = "ratio"     // decompresses beyond reason
	ReasonEncoding  = "encoding"  // content encoding that was not asked for, or is broken
	ReasonCancelled = "cancelled" // the caller gave up
)

// Error is a request that came to nothing. Its text is one sentence that is safe
// to log and to show: quoted where it comes from outside, and short.
type Error struct {
	Reason string
	URL    string
	msg    string
	err    error
}

func (e *Error) Error() string {
	if e.URL == "" {
		return e.msg
	}
	return fmt.Sprintf("fetch %s: %s", clip(e.URL), e.msg)
}

// Sentence is the error without the address.
func (e *Error) Sentence() string { return e.msg }

func (e *Error) Unwrap() error { return e.err }

// Reason gives the reason token of an error, "" for nil and "other" for one that
// did not come from this package.
func Reason(err error) string {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	if errors.Is(err, context.Canceled) {
		return ReasonCancelled
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ReasonTimeout
	}
	return "other"
}

// clip makes foreign text fit for a log line.
func clip(s string) string {
	const most = 200
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

func dialing(err error) bool {
	op := new(net.OpError)
	return errors.As(err, &op) && op.Op == "dial"
}

// expired tells the end of the whole request's time from the dialer's own limit, which claims to be one.
func expired(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if err == context.DeadlineExceeded {
			return true
		}
	}
	return false
}

// wrap turns what the transport says into an [*Error].
func (c *Client) wrap(outer context.Context, addr string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return &Error{Reason: e.Reason, URL: addr, msg: e.msg, err: e.err}
	}
	fail := func(reason, format string, args ...any) error {
		return &Error{Reason: reason, URL: addr, msg: fmt.Sprintf(format, args...), err: err}
	}
	if outer.Err() != nil {
		return fail(ReasonCancelled, "given up: %v", context.Cause(outer))
	}
	var dns *net.DNSError
	var ne net.Error
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	text := err.Error()
	switch {
	case errors.As(err, &dns):
		if dns.IsTimeout {
			return fail(ReasonDNS, "the name server did not answer for %s", clip(dns.Name))
		}
		return fail(ReasonDNS, "the name %s has no address", clip(dns.Name))
	case errors.As(err, &unknown):
		return fail(ReasonTLS, "the certificate is signed by an authority that is not trusted")
	case errors.As(err, &host):
		return fail(ReasonTLS, "the certificate is for another host")
	case errors.As(err, &invalid):
		return fail(ReasonTLS, "the certificate is not valid (expired, not yet valid, or of the wrong kind)")
	case errors.As(err, &verify), errors.As(err, &record), errors.As(err, &alert),
		strings.Contains(text, "tls: "), strings.Contains(text, "remote error: tls"), strings.Contains(text, "x509: "):
		return fail(ReasonTLS, "no encrypted connection came about: %s", clip(text))
	case strings.Contains(text, "TLS handshake timeout"):
		return fail(ReasonTLS, "the encrypted connection was not set up within %v", c.p.TLS)
	case strings.Contains(text, "timeout awaiting response headers"): // it calls itself a passed deadline, as the next two do
		return fail(ReasonTimeout, "no answer within %v", c.p.Header)
	case errors.As(err, &ne) && ne.Timeout() && dialing(err) && !expired(err):
		return fail(ReasonTimeout, "no connection within %v", c.p.Connect)
	case errors.Is(err, context.DeadlineExceeded):
		return fail(ReasonTimeout, "no whole answer within %v", c.p.Total)
	case errors.As(err, &ne) && ne.Timeout():
		return fail(ReasonTimeout, "no answer within %v", c.p.Header)
	case strings.Contains(text, "server response headers exceeded"), strings.Contains(text, "http: suspiciously long"), strings.Contains(text, "too many 1xx"):
		return fail(ReasonHeader, "the response header is over %d bytes", MaxHeader)
	case strings.Contains(text, "malformed MIME header"), strings.Contains(text, "invalid header"):
		return fail(ReasonHeader, "the response header is broken")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fail(ReasonTruncated, "the answer ended early")
	case strings.Contains(text, "malformed"), strings.Contains(text, "bad Content-Length"), strings.Contains(text, "chunk"),
		strings.Contains(text, "multiple Content-Length"), strings.Contains(text, "unsupported transfer encoding"), strings.Contains(text, "HTTP/1.x transport connection broken"):
		return fail(ReasonProtocol, "the answer is no proper HTTP: %s", clip(text))
	case errors.Is(err, io.EOF):
		return fail(ReasonConnect, "the connection was closed without an answer")
	}
	if op := new(net.OpError); errors.As(err, &op) {
		if op.Op == "dial" {
			return fail(ReasonConnect, "no connection: %s", clip(op.Err.Error()))
		}
		return fail(ReasonConnect, "the connection broke: %s", clip(op.Err.Error()))
	}
	return fail(ReasonProtocol, "%s", clip(text))
}
