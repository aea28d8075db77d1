package channel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"example.org/veille/schemas"
)

// Mail is the server that e-mail goes out through. The envelope is made of it and
// of the destination alone.
type Mail struct {
	Host     string
	Port     int            // 587 when zero, 465 with TLS "tls"
	User     string         // no authentication when empty
	Password schemas.Secret // with TLS only
	From     string         // sender, such as veille@example.org or Veille <veille@example.org>
	// TLS is "starttls" (required; the default), "tls" (from the first byte), or
	// "none" (for a server on this machine).
	TLS     string
	Hello   string        // name to greet with; the machine's when empty
	Timeout time.Duration // 30 s when zero

	Roots *tls.Config // nil: the system's roots; only RootCAs is read
}

// Check tells the first thing wrong with the configuration.
func (m *Mail) Check() error {
	if m.Host == "" {
		return errors.New("smtp: no host")
	}
	if _, err := mail.ParseAddress(m.From); err != nil || strings.ContainsAny(m.From, "\r\n") {
		return fmt.Errorf("smtp: from %q is no address", m.From)
	}
	switch m.TLS {
	case "", "starttls", "tls":
	case "none":
		if m.User != "" {
			return errors.New("smtp: a password would travel in the clear with tls: none")
		}
	default:
		return fmt.Errorf("smtp: tls %q; starttls, tls and none are known", m.TLS)
	}
	return nil
}

func (m *Mail) client() (*gomail.Client, error) {
	hello := m.Hello
	if hello == "" {
		if hello, _ = os.Hostname(); hello == "" {
			hello = "localhost"
		}
	}
	timeout := m.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	conf := &tls.Config{ServerName: m.Host, MinVersion: tls.VersionTLS12}
	if m.Roots != nil {
		conf.RootCAs = m.Roots.RootCAs
	}
	opts := []gomail.Option{gomail.WithHELO(hello), gomail.WithTimeout(timeout), gomail.WithTLSConfig(conf), gomail.WithoutNoop()}
	port := 587
	switch m.TLS {
	case "tls":
		port = 465
		opts = append(opts, gomail.WithSSL())
	case "none":
		port = 25
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if m.Port != 0 {
		port = m.Port
	}
	opts = append(opts, gomail.WithPort(port))
	if m.User != "" {
		opts = append(opts, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(m.User), gomail.WithPassword(m.Password.Reveal()))
	}
	return gomail.NewClient(m.Host, opts...)
}

// messageID is a Message-ID made of the id of a message.
func (m *Mail) messageID(id string) string {
	host := "veille.invalid"
	if a, err := mail.ParseAddress(m.From); err == nil {
		if _, h, ok := strings.Cut(a.Address, "@"); ok {
			host = h
		}
	}
	return id + "@" + host
}

// compose writes the e-mail: text and HTML, threaded per deal, with the one-click
// unsubscription of RFC 8058 and without anything that reports back.
func (m *Mail) compose(to string, msg Message) (*gomail.Msg, error) {
	out := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := out.From(m.From); err != nil {
		return nil, errors.New("the sender's address is wrong (smtp.from)")
	}
	if err := out.To(to); err != nil {
		return nil, errors.New("the recipient's address is wrong")
	}
	out.Subject(msg.Title())
	out.SetMessageIDWithValue(m.messageID(msg.ID))
	if msg.Root != "" && msg.Root != msg.ID {
		ref := "<" + m.messageID(msg.Root) + ">"
		out.SetGenHeader(gomail.HeaderInReplyTo, ref)
		out.SetGenHeader(gomail.HeaderReferences, ref)
	}
	out.SetDateWithValue(msg.Sent)
	out.SetGenHeader("Auto-Submitted", "auto-generated")
	out.SetGenHeader("X-Auto-Response-Suppress", "All")
	out.SetGenHeader("List-Id", fmt.Sprintf("<%s.veille>", msg.Rule.Slug))
	if u := msg.Links.Unsubscribe; u != "" {
		out.SetGenHeaderPreformatted(gomail.HeaderListUnsubscribe, "<"+u+">")
		out.SetGenHeader(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	}
	html, err := HTML(msg)
	if err != nil {
		return nil, err
	}
	out.SetBodyString(gomail.TypeTextPlain, Text(msg))
	out.AddAlternativeString(gomail.TypeTextHTML, html)
	return out, nil
}

func (m *Mail) send(ctx context.Context, to string, msg Message) Result {
	out, err := m.compose(to, msg)
	if err != nil {
		return Result{Final: true, Err: err}
	}
	c, err := m.client()
	if err != nil {
		return Result{Final: true, Err: fmt.Errorf("smtp: %w", err)}
	}
	err = c.DialAndSendWithContext(ctx, out)
	if err == nil {
		return Result{Status: 250}
	}
	r := Result{}
	var se *gomail.SendError
	var ne net.Error
	switch {
	case errors.As(err, &se):
		r.Status = se.ErrorCode()
		r.Final = r.Status >= 500 && !se.IsTemp()
		if se.Reason == gomail.ErrSMTPDataClose && r.Status >= 200 && r.Status < 300 {
			return Result{Status: r.Status}
		}
		r.Err = fmt.Errorf("the mail server answered %d: %q", r.Status, Plain(se.Error(), 160))
	case errors.As(err, &ne) && ne.Timeout():
		r.Err = errors.New("the mail server did not answer in time")
	default:
		r.Err = fmt.Errorf("the mail server could not be used: %q", Plain(err.Error(), 160))
	}
	return r
}
