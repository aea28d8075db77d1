package faultserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// TLSKinds lists the faults of encryption that [TLS] serves, F36.
var TLSKinds = []string{"self-signed", "expired", "not yet valid", "wrong host", "old version", "stall", "plain", "garbage", "many names"}

// TLS starts a server with a fault of encryption and returns its address, and what
// ends it.
func TLS(kind string) (addr string, end func(), err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("start fault server: %w", err)
	}
	from, until := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	names := []string{"localhost"}
	ips := []net.IP{net.IPv4(127, 0, 0, 1)}
	cfg := &tls.Config{}
	switch kind {
	case "expired":
		from, until = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	case "not yet valid":
		from, until = time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour)
	case "wrong host":
		names, ips = []string{"other.example"}, nil
	case "old version":
		cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
	case "many names":
		names = nil
		for i := range 10_000 {
			names = append(names, fmt.Sprintf("n%d.example", i))
		}
	}
	cert, err := certificate(names, ips, from, until)
	if err != nil {
		ln.Close()
		return "", nil, err
	}
	cfg.Certificates = []tls.Certificate{cert}
	done := make(chan struct{})
	go func() { // ends with the listener
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				switch kind {
				case "stall":
					<-done
				case "plain":
					c.Write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
				case "garbage":
					c.Write([]byte(strings.Repeat("\x16\x03\x01\xff\xff", 1000)))
				default:
					c.SetDeadline(time.Now().Add(time.Minute))
					tls.Server(c, cfg).Handshake()
				}
			}()
		}
	}()
	return "https://" + ln.Addr().String(), func() { close(done); ln.Close() }, nil
}

func certificate(names []string, ips []net.IP, from, until time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "<script>alert(1)</script>"}, NotBefore: from, NotAfter: until, DNSNames: names, IPAddresses: ips}
	der, err := x509.CreateCertificate(crand.Reader, t, t, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// DNS starts a name server and returns a resolver that asks it alone, and what ends
// it. The first label of a name says what it answers:
//
//	nx, servfail       those errors
//	slow               nothing
//	loop               a CNAME to itself
//	many               a thousand addresses in private networks
//	flip               127.0.0.2 first, 127.0.0.1 from then on
//	both               127.0.0.1 and 10.0.0.1
//	a-1-2-3-4          that address
//	cname              a CNAME to localhost, with 127.0.0.1
//	then-1-2-3-4-5-6-7-8   the first address when first asked, the second from then on
//	and-1-2-3-4-5-6-7-8    both
//
// Names that differ in their other labels are asked for apart.
func DNS() (*net.Resolver, func(), error) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("start name server: %w", err)
	}
	go func() { // ends with the socket
		buf := make([]byte, 4096)
		asked := map[string]int{}
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var q dnsmessage.Message
			if q.Unpack(buf[:n]) != nil || len(q.Questions) != 1 {
				continue
			}
			if b := reply(q, asked); b != nil {
				pc.WriteTo(b, from)
			}
		}
	}()
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
	return r, func() { pc.Close() }, nil
}

func reply(q dnsmessage.Message, asked map[string]int) []byte {
	name := q.Questions[0].Name
	label, _, _ := strings.Cut(name.String(), ".")
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, RecursionAvailable: true}, Questions: q.Questions}
	add := func(ip string) {
		if q.Questions[0].Type != dnsmessage.TypeA {
			return
		}
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.AResource{A: netip.MustParseAddr(ip).As4()},
		})
	}
	alias := func(to string) {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: name, Type: dnsmessage.TypeCNAME, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(to)},
		})
	}
	if q.Questions[0].Type == dnsmessage.TypeA {
		asked[name.String()]++
	}
	if how, list, ok := strings.Cut(label, "-"); ok && (how == "then" || how == "and") && strings.Count(list, "-") == 7 {
		n := strings.Split(list, "-")
		one, two := strings.Join(n[:4], "."), strings.Join(n[4:], ".")
		if _, err := netip.ParseAddr(one); err == nil {
			if _, err = netip.ParseAddr(two); err == nil {
				if how == "and" || asked[name.String()] == 1 {
					add(one)
				}
				if how == "and" || asked[name.String()] > 1 {
					add(two)
				}
			}
		}
		label = "done"
	}
	switch label {
	case "done":
	case "nx":
		m.RCode = dnsmessage.RCodeNameError
	case "servfail":
		m.RCode = dnsmessage.RCodeServerFailure
	case "slow":
		return nil
	case "loop":
		alias(name.String())
	case "many":
		for i := range 1000 {
			add(fmt.Sprintf("10.0.%d.%d", i/250, i%250+1))
		}
	case "flip":
		if asked[name.String()] == 1 {
			add("127.0.0.2")
		} else {
			add("127.0.0.1")
		}
	case "both":
		add("127.0.0.1")
		add("10.0.0.1")
	case "cname":
		alias("localhost.")
		name = dnsmessage.MustNewName("localhost.")
		add("127.0.0.1")
	default:
		ip := strings.ReplaceAll(strings.TrimPrefix(label, "a-"), "-", ".")
		if _, err := netip.ParseAddr(ip); err != nil {
			m.RCode = dnsmessage.RCodeNameError
		} else {
			add(ip)
		}
	}
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}
