package channel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"text/template"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
)

// maxReply is how much of a receiver's answer is read, in bytes.
const maxReply = 64 << 10

// maxBody bounds what is sent to a webhook or a chat.
const maxBody = 128 << 10

// Result is what came of one attempt. The zero Err is success.
type Result struct {
	Status     int           // of HTTP or SMTP, 0 when there was no answer
	RetryAfter time.Duration // the receiver asks for so much patience
	Gone       bool          // 410: never send there again
	Final      bool          // trying again cannot help
	Err        error         // one sentence, without any secret
}

// Sender makes attempts. Client is needed; without Mail, e-mail is refused;
// without Publish, NATS is.
type Sender struct {
	Client  *guard.Client
	Mail    *Mail
	Publish func(context.Context, ...schemas.Event) error
	Source  string // of CloudEvents, such as "/veille"
}

// Send hands m to d, once.
func (s *Sender) Send(ctx context.Context, d schemas.Destination, m Message) Result {
	switch d.Kind() {
	case "webhook":
		return s.webhook(ctx, *d.Webhook, m)
	case "email":
		if s.Mail == nil {
			return Result{Final: true, Err: errors.New("no mail server is configured (smtp.host)")}
		}
		return s.Mail.send(ctx, d.Email.To, m)
	case "slack", "teams", "chat":
		_, body, err := Body(d, m)
		if err != nil {
			return Result{Final: true, Err: err}
		}
		return s.post(ctx, d.Address(), http.Header{"Content-Type": {"application/json"}}, body, m.Sent)
	case "nats":
		if s.Publish == nil {
			return Result{Final: true, Err: errors.New("no NATS is configured")}
		}
		ev, err := s.event(m)
		if err != nil {
			return Result{Final: true, Err: err}
		}
		ev.Type, ev.Subject = schemas.TypeAlert, schemas.AlertSubject(m.Rule.Slug)
		if err := s.Publish(ctx, ev); err != nil {
			return Result{Err: err}
		}
		return Result{}
	}
	return Result{Final: true, Err: errors.New("the destination has no kind")}
}

// post sends a body to a foreign address. Redirects are failures: whoever moved
// must say so to the rule's owner, not to us.
func (s *Sender) post(ctx context.Context, addr string, h http.Header, body []byte, now time.Time) Result {
	if len(body) > maxBody {
		return Result{Final: true, Err: fmt.Errorf("the body has %d bytes, more than %d", len(body), maxBody)}
	}
	resp, err := s.Client.Do(ctx, guard.Request{
		Method: http.MethodPost, URL: addr, Header: h, Body: body, MaxBody: maxReply, NoRedirect: true, StatusOnly: true,
	})
	if err != nil {
		var g *guard.Error
		if errors.As(err, &g) {
			// The sentence leaves the address out, which may hold a secret.
			return Result{Err: errors.New(g.Sentence())}
		}
		return Result{Err: errors.New("the request failed")}
	}
	r := Result{Status: resp.Status}
	if resp.Status >= 200 && resp.Status < 300 {
		return r
	}
	r.Gone = resp.Status == http.StatusGone
	r.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	said := Plain(string(resp.Body), 160)
	switch {
	case resp.Status >= 300 && resp.Status < 400:
		r.Err = fmt.Errorf("it answered %d: redirects are not followed, give the new address", resp.Status)
	case said != "":
		r.Err = fmt.Errorf("it answered %d: %q", resp.Status, said)
	default:
		r.Err = fmt.Errorf("it answered %d", resp.Status)
	}
	return r
}

// maxPatience bounds what Retry-After may ask for.
const maxPatience = 24 * time.Hour

func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && n > 0 {
		return min(time.Duration(min(n, 1<<20))*time.Second, maxPatience)
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, min(t.Sub(now), maxPatience))
	}
	return 0
}

// event wraps the message as a CloudEvent whose id is the message's.
func (s *Sender) event(m Message) (schemas.Event, error) {
	typ, subject := "io.veille.alert.digest.v1", m.Rule.Slug
	var data any
	switch {
	case m.Notice != "":
		typ = "io.veille.alert.notice.v1"
		data = map[string]any{"rule": schemas.AlertRule{Slug: m.Rule.Slug, Name: m.Rule.Name, Query: m.Rule.Query, Why: []string{}}, "notice": m.Notice, "links": m.Links}
	case m.Digest:
		data = map[string]any{"rule": schemas.AlertRule{Slug: m.Rule.Slug, Name: m.Rule.Name, Query: m.Rule.Query, Why: []string{}}, "total": m.Total, "grouped_by_flood": m.Flood, "items": m.Items, "links": m.Links}
	case len(m.Items) == 1:
		a := m.Items[0]
		a.Times.Sent = m.Sent.UTC()
		typ, subject, data = "io.veille.deal."+a.Event+".v1", a.Deal.ID, a
	default:
		return schemas.Event{}, fmt.Errorf("message %s is empty", m.ID)
	}
	if m.Test {
		typ = "io.veille.alert.test.v1"
	}
	ev, err := schemas.NewEvent(typ, m.ID, subject, m.Sent, data)
	if s != nil && s.Source != "" {
		ev.Source = s.Source
	}
	ev.DataSchema = "/schemas/alert.v1.json"
	return ev, err
}

func (s *Sender) webhook(ctx context.Context, to schemas.WebhookTo, m Message) Result {
	ev, err := s.event(m)
	if err != nil {
		return Result{Final: true, Err: err}
	}
	body, err := json.Marshal(ev)
	if err != nil {
		return Result{Final: true, Err: fmt.Errorf("encode message %s: %w", m.ID, err)}
	}
	sig, err := sign(to, m, body)
	if err != nil {
		return Result{Final: true, Err: err}
	}
	return s.post(ctx, to.URL.Reveal(), http.Header{
		"Content-Type":                  {"application/cloudevents+json"},
		webhooks.HeaderWebhookID:        {m.ID},
		webhooks.HeaderWebhookTimestamp: {strconv.FormatInt(m.Sent.Unix(), 10)},
		webhooks.HeaderWebhookSignature: {sig},
	}, body, m.Sent)
}

// sign signs with the secret, and while it is being changed with the old one too.
func sign(to schemas.WebhookTo, m Message, body []byte) (string, error) {
	secrets := []schemas.Secret{to.Secret}
	if to.Old != "" && m.Sent.Before(to.OldUntil) {
		secrets = append(secrets, to.Old)
	}
	var sigs []string
	for _, secret := range secrets {
		wh, err := webhooks.NewWebhook(secret.Reveal())
		if err != nil {
			return "", errors.New("the webhook's secret is not whsec_ and base64")
		}
		sig, err := wh.Sign(m.ID, m.Sent, body)
		if err != nil {
			return "", errors.New("the message cannot be signed with the webhook's secret")
		}
		sigs = append(sigs, sig)
	}
	return strings.Join(sigs, " "), nil
}

// CheckSecret tells whether a webhook's secret can sign.
func CheckSecret(s schemas.Secret) error {
	_, err := sign(schemas.WebhookTo{Secret: s}, Message{ID: "msg_check", Sent: time.Unix(0, 0)}, nil)
	return err
}

// Body is what would be sent to a destination, with its media type: for a preview,
// and for tests.
func Body(d schemas.Destination, m Message) (media string, body []byte, err error) {
	switch d.Kind() {
	case "slack":
		body, err = json.Marshal(slack(m))
	case "teams":
		body, err = json.Marshal(teams(m))
	case "chat":
		body, err = chat(d.Chat.Template, m)
	case "email":
		return "text/plain; charset=utf-8", []byte("Subject: " + m.Title() + "\n\n" + Text(m)), nil
	default:
		var ev schemas.Event
		if ev, err = (*Sender)(nil).event(m); err == nil {
			body, err = json.MarshalIndent(ev, "", "  ")
		}
		return "application/cloudevents+json", body, err
	}
	return "application/json", body, err
}

// slack writes Block Kit. Its three special characters are escaped, so that
// nothing foreign can mention, link or format; unfurling is off.
func slack(m Message) any {
	esc := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	text := func(s string) string {
		return esc.Replace(strings.NewReplacer("*", "∗", "`", "'", "~", "∼").Replace(s))
	}
	anchor := func(l link) string {
		return "<" + strings.NewReplacer("|", "%7C", ">", "%3E", "<", "%3C").Replace(l.URL) + "|" + text(l.Label) + ">"
	}
	p := m.page()
	type obj = map[string]any
	section := func(s string) obj {
		return obj{"type": "section", "text": obj{"type": "mrkdwn", "text": cut(s, 2900), "verbatim": true}}
	}
	context := func(s string) obj {
		return obj{"type": "context", "elements": []obj{{"type": "mrkdwn", "text": cut(s, 1900), "verbatim": true}}}
	}
	blocks := []obj{section("*" + text(p.Title) + "*")}
	for _, s := range []string{p.Notice, p.Flood} {
		if s != "" {
			blocks = append(blocks, section(text(s)))
		}
	}
	for i, v := range p.Views {
		if i >= 15 { // Slack takes 50 blocks
			break
		}
		var b strings.Builder
		if m.Digest {
			fmt.Fprintf(&b, "*%s*\n%s", text(v.Line), text(v.Head))
			if v.Change != "" {
				fmt.Fprintf(&b, " (%s)", text(v.Change))
			}
			b.WriteString("\n")
		}
		for j, q := range v.Quotes {
			if j == 2 {
				break
			}
			fmt.Fprintf(&b, "> %s%s%s\n%s\n", q.Open, text(q.Text), q.Close, anchor(link{q.From, q.URL}))
		}
		if b.Len() == 0 {
			b.WriteString(text(v.Line))
		}
		blocks = append(blocks, section(b.String()))
		links := make([]string, len(v.Links))
		for j, l := range v.Links {
			links[j] = anchor(l)
		}
		blocks = append(blocks, context(text(p.WhyWord+v.Why)+"\n"+text(v.Times)+"\n"+strings.Join(links, " · ")))
	}
	foot := []string{}
	if p.More != "" {
		foot = append(foot, text(p.More))
	}
	for _, l := range p.Foot {
		foot = append(foot, anchor(l))
	}
	blocks = append(blocks, context(text(p.Rule)+" · "+text(p.Query)+"\n"+strings.Join(foot, " · ")))
	return obj{"text": text(p.Title), "blocks": blocks, "unfurl_links": false, "unfurl_media": false}
}

// cut shortens at a character; it may cut a link, which Slack then shows as text.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// teams writes an Adaptive Card. Foreign text stands in text runs, which Teams
// shows as it is; links are buttons.
func teams(m Message) any {
	p := m.page()
	type obj = map[string]any
	runs := func(rs ...obj) obj { return obj{"type": "RichTextBlock", "inlines": rs} }
	run := func(s string) obj { return obj{"type": "TextRun", "text": cut(s, 2000)} }
	body := []obj{runs(obj{"type": "TextRun", "text": p.Title, "weight": "bolder", "size": "medium"})}
	for _, s := range []string{p.Notice, p.Flood} {
		if s != "" {
			body = append(body, runs(run(s)))
		}
	}
	open := func(l link) obj { return obj{"type": "Action.OpenUrl", "title": cut(l.Label, 60), "url": l.URL} }
	var actions []obj
	for i, v := range p.Views {
		if i >= MaxItems {
			break
		}
		if m.Digest {
			head := v.Head
			if v.Change != "" {
				head += " (" + v.Change + ")"
			}
			body = append(body, runs(obj{"type": "TextRun", "text": v.Line, "weight": "bolder"}, run(" · "+head)))
		}
		for j, q := range v.Quotes {
			if j == 2 {
				break
			}
			from := obj{"type": "TextRun", "text": " " + q.From, "isSubtle": true}
			if q.URL != "" {
				from["selectAction"] = obj{"type": "Action.OpenUrl", "url": q.URL}
			}
			body = append(body, runs(run(q.Open+q.Text+q.Close), from))
		}
		body = append(body, runs(obj{"type": "TextRun", "text": p.WhyWord + v.Why + " — " + v.Times, "isSubtle": true, "size": "small"}))
		if !m.Digest {
			for _, l := range v.Links {
				actions = append(actions, open(l))
			}
		}
	}
	if p.More != "" {
		body = append(body, runs(run(p.More)))
	}
	body = append(body, runs(obj{"type": "TextRun", "text": p.Rule + " · " + p.QueryWord + p.Query, "isSubtle": true, "size": "small"}))
	for _, l := range p.Foot {
		actions = append(actions, open(l))
	}
	if len(actions) > 6 { // Teams shows six
		actions = actions[:6]
	}
	card := obj{"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": body, "actions": actions}
	return obj{"type": "message", "summary": p.Title, "attachments": []obj{{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}}}
}

// chatData is what a body template reads.
type chatData struct {
	Title, Text, ID string
	Digest, Test    bool
	Total           int
	Rule            schemas.AlertRule
	Alerts          []schemas.Alert
	Links           schemas.AlertLinks
}

// ParseTemplate reads a body template. Its function json writes a value as JSON,
// with quotes, which is the way to put foreign text into a JSON body.
func ParseTemplate(s string) (*template.Template, error) {
	t, err := template.New("body").Option("missingkey=error").Funcs(template.FuncMap{
		"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
		"upper": strings.ToUpper, "lower": strings.ToLower, "join": strings.Join,
	}).Parse(s)
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	return t, nil
}

// limited stops a template that writes too much.
type limited struct {
	bytes.Buffer
}

var errTooLong = fmt.Errorf("it writes more than %d bytes", maxBody)

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxBody {
		return 0, errTooLong
	}
	return l.Buffer.Write(p)
}

func chat(body string, m Message) ([]byte, error) {
	if body == "" {
		return json.Marshal(map[string]string{"text": cut(Text(m), 3500)})
	}
	t, err := ParseTemplate(body)
	if err != nil {
		return nil, err
	}
	var out limited
	err = t.Execute(&out, chatData{
		Title: m.Title(), Text: Text(m), ID: m.ID, Digest: m.Digest, Test: m.Test, Total: m.Total,
		Rule:   schemas.AlertRule{Slug: m.Rule.Slug, Name: m.Rule.Name, Query: m.Rule.Query, Why: []string{}},
		Alerts: m.Items, Links: m.Links,
	})
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	return out.Bytes(), nil
}
