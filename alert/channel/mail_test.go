package channel

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"example.org/veille/schemas"
)

// certificate makes one that is its own authority, for a name and from a moment.
func certificate(t *testing.T, name string, from time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: from.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if ip := net.ParseIP(name); ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// office is a mail server that wants a password, and keeps what it took and how.
type office struct {
	mu      sync.Mutex
	letters []string
	users   []string
	tls     []bool
}

type clerk struct {
	*office
	conn *smtp.Conn
	user string
}

var errPassword = &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "wrong user or password"}

func (c *clerk) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *clerk) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "veille" || password != "s3cret pass" {
			return errPassword
		}
		c.user = user
		return nil
	}), nil
}

func (c *clerk) Mail(string, *smtp.MailOptions) error {
	if c.user == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "who are you?"}
	}
	return nil
}
func (c *clerk) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (c *clerk) Reset()                               {}
func (c *clerk) Logout() error                        { return nil }
func (c *clerk) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	_, secure := c.conn.TLSConnectionState()
	c.letters, c.users, c.tls = append(c.letters, string(b)), append(c.users, c.user), append(c.tls, secure)
	return err
}

// TestMailSecurely talks to a real SMTP server: encryption is demanded, checked,
// and the password goes over it only.
func TestMailSecurely(t *testing.T) {
	now := time.Now()
	good, pool := certificate(t, "127.0.0.1", now.Add(-time.Hour))
	expired, _ := certificate(t, "127.0.0.1", now.Add(-48*time.Hour))
	other, otherPool := certificate(t, "elsewhere.example", now.Add(-time.Hour))
	for name, c := range map[string]struct {
		cert     *tls.Certificate // nil: the server offers no encryption
		implicit bool             // TLS from the first byte
		policy   string
		pool     *x509.CertPool
		password schemas.Secret
		wants    string // of the error, "" for success
		final    bool
	}{
		"STARTTLS and a password":          {&good, false, "", pool, "s3cret pass", "", false},
		"TLS from the first byte":          {&good, true, "tls", pool, "s3cret pass", "", false},
		"a wrong password":                 {&good, false, "starttls", pool, "wrong", "535", false},
		"no encryption is offered":         {nil, false, "starttls", pool, "s3cret pass", "TLS", false},
		"an authority that nobody knows":   {&good, false, "starttls", otherPool, "s3cret pass", "certificate", false},
		"a certificate of another machine": {&other, false, "starttls", otherPool, "s3cret pass", "certificate", false},
		"a certificate that has expired":   {&expired, false, "starttls", pool, "s3cret pass", "certificate", false},
	} {
		t.Run(name, func(t *testing.T) {
			o := &office{}
			srv := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) { return &clerk{office: o, conn: conn}, nil }))
			srv.Domain, srv.ErrorLog, srv.AllowInsecureAuth = "mx.example", log.New(io.Discard, "", 0), true
			l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			port := l.Addr().(*net.TCPAddr).Port
			if c.cert != nil {
				srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*c.cert}}
			}
			if c.implicit {
				l = tls.NewListener(l, srv.TLSConfig)
			}
			done := make(chan struct{})
			go func() { defer close(done); _ = srv.Serve(l) }()
			defer func() { _ = srv.Close(); <-done }()
			m := &Mail{Host: "127.0.0.1", Port: port, User: "veille", Password: c.password, From: "veille@veille.example", TLS: c.policy, Hello: "veille.example", Timeout: 5 * time.Second,
				Roots: &tls.Config{RootCAs: c.pool}}
			if err := m.Check(); err != nil {
				t.Fatal(err)
			}
			res := m.send(t.Context(), "anna@example.org", message("fr", "new"))
			o.mu.Lock()
			defer o.mu.Unlock()
			if c.wants == "" {
				if res.Err != nil || res.Status != 250 || len(o.letters) != 1 || o.users[0] != "veille" || !o.tls[0] || !strings.Contains(o.letters[0], "Message-ID: <msg_abc@veille.example>") {
					t.Errorf("%+v, %d letters, encrypted %v", res, len(o.letters), o.tls)
				}
				return
			}
			if res.Err == nil || !strings.Contains(res.Err.Error(), c.wants) || res.Final != c.final || len(o.letters) > 0 {
				t.Errorf("%+v, %d letters", res, len(o.letters))
			}
			if res.Err != nil && strings.Contains(res.Err.Error(), "s3cret") {
				t.Error("the password is said")
			}
		})
	}
	if err := (&Mail{Host: "h", From: "a@b.example", TLS: "none", User: "u"}).Check(); err == nil {
		t.Error("a password may travel in the clear")
	}
	if err := (&Mail{Host: "h", From: "a@b.example", TLS: "maybe"}).Check(); err == nil {
		t.Error("an unknown policy passes")
	}
}
