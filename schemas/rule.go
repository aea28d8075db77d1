package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of a rule.
const (
	MaxRuleName     = 200      // bytes
	MaxDestinations = 10       // of a rule
	MaxMutes        = 500      // deals, and as many vendors
	MaxTemplate     = 16 << 10 // bytes of a body template
	maxSlug         = 60
)

// Rule is a saved search that may also be an alert: it always has a feed, and
// rings at its destinations when a deal that its query finds is new or changes.
type Rule struct {
	Slug    string        `json:"slug"` // identity, a subject token
	Name    string        `json:"name"`
	Query   string        `json:"query"`
	Lang    string        `json:"lang"` // of the messages: "fr" or "en"
	On      []string      `json:"on"`   // which of [RuleEvents] ring
	Sources int           `json:"sources_min,omitempty"`
	Cadence Cadence       `json:"cadence"`
	To      []Destination `json:"to"`
	Mutes   Mutes         `json:"mutes,omitzero"`
	Owner   string        `json:"owner,omitempty"` // an e-mail address is told when a destination fails
	Created time.Time     `json:"created,omitzero"`
	Since   time.Time     `json:"since,omitzero"` // when query or On last changed; older deals are not news
}

// RuleEvents are what a rule can ring for. "new" is the first time that a deal is
// found by the rule; "corroborated" waits for Sources independent outlets;
// "price" is a price in an article. That a deal is withdrawn or merged is told to
// whoever was told of it, and needs no entry here.
var RuleEvents = []string{"new", "status", "value", "corroborated", "price"}

// Mutes say what a rule keeps quiet about.
type Mutes struct {
	Until   time.Time `json:"until,omitzero"` // the whole rule
	Deals   []string  `json:"deals,omitempty"`
	Vendors []string  `json:"vendors,omitempty"`
}

// Destination is where the messages of a rule go. Exactly one of its kinds is set.
type Destination struct {
	ID      string     `json:"id,omitempty"` // see [Destination.Channel]
	Webhook *WebhookTo `json:"webhook,omitempty"`
	Email   *EmailTo   `json:"email,omitempty"`
	Slack   *ChatTo    `json:"slack,omitempty"`
	Teams   *ChatTo    `json:"teams,omitempty"`
	Chat    *ChatTo    `json:"chat,omitempty"`
	NATS    *NATSTo    `json:"nats,omitempty"`
	Off     string     `json:"off,omitempty"` // why nothing is sent there: "gone" (it answered 410), "unsubscribed", "off"
}

// WebhookTo is an address that takes signed CloudEvents.
type WebhookTo struct {
	URL    SecretURL `json:"url"`
	Secret Secret    `json:"secret,omitempty"` // "whsec_" and base64, as Standard Webhooks writes it
	// Old still signs until OldUntil, so that a receiver can change over.
	Old      Secret    `json:"old_secret,omitempty"`
	OldUntil time.Time `json:"old_until,omitzero"`
}

// EmailTo is one mailbox.
type EmailTo struct {
	To string `json:"to"`
}

// ChatTo is an incoming webhook of a chat service. Template is the body of a
// generic one, in Go's text/template; empty means {"text": …}.
type ChatTo struct {
	URL      SecretURL `json:"url"`
	Template string    `json:"template,omitempty"`
}

// NATSTo publishes to the rule's subject, see [AlertSubject].
type NATSTo struct{}

// Kind names the kind that is set, "" for none.
func (d Destination) Kind() string {
	switch {
	case d.Webhook != nil:
		return "webhook"
	case d.Email != nil:
		return "email"
	case d.Slack != nil:
		return "slack"
	case d.Teams != nil:
		return "teams"
	case d.Chat != nil:
		return "chat"
	case d.NATS != nil:
		return "nats"
	}
	return ""
}

// Address is where the destination lies, in full; it may hold a secret.
func (d Destination) Address() string {
	switch {
	case d.Webhook != nil:
		return d.Webhook.URL.Reveal()
	case d.Email != nil:
		return d.Email.To
	case d.Slack != nil:
		return d.Slack.URL.Reveal()
	case d.Teams != nil:
		return d.Teams.URL.Reveal()
	case d.Chat != nil:
		return d.Chat.URL.Reveal()
	}
	return ""
}

// Channel identifies the destination within its rule. It follows the address, so
// that a new secret or template does not make it another one.
func (d Destination) Channel() string { return d.Kind() + "-" + digest(d.Kind(), d.Address())[:8] }

// Show is the address as people may see it.
func (d Destination) Show() string {
	switch k := d.Kind(); k {
	case "email":
		return d.Email.To
	case "nats", "":
		return k
	}
	return SecretURL(d.Address()).String()
}

// Secrets calls f for each secret of the destination, under a name that stays.
func (d Destination) Secrets(f func(name string, get func() string, set func(string))) {
	secret := func(name string, s *Secret) {
		f(name, func() string { return string(*s) }, func(v string) { *s = Secret(v) })
	}
	address := func(u *SecretURL) {
		f("url", func() string { return string(*u) }, func(v string) { *u = SecretURL(v) })
	}
	switch {
	case d.Webhook != nil:
		address(&d.Webhook.URL)
		secret("secret", &d.Webhook.Secret)
		secret("old_secret", &d.Webhook.Old)
	case d.Slack != nil:
		address(&d.Slack.URL)
	case d.Teams != nil:
		address(&d.Teams.URL)
	case d.Chat != nil:
		address(&d.Chat.URL)
	}
}

// Clone copies the rule with all it points to.
func (r Rule) Clone() Rule {
	r.On = slices.Clone(r.On)
	r.Mutes.Deals, r.Mutes.Vendors = slices.Clone(r.Mutes.Deals), slices.Clone(r.Mutes.Vendors)
	r.To = slices.Clone(r.To)
	for i := range r.To {
		d := &r.To[i]
		d.Webhook, d.Email, d.NATS = copied(d.Webhook), copied(d.Email), copied(d.NATS)
		d.Slack, d.Teams, d.Chat = copied(d.Slack), copied(d.Teams), copied(d.Chat)
	}
	return r
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// Hidden is what stands in for a secret wherever it is shown.
const Hidden = "[hidden]"

// Secret is a string that shows itself to nobody: not in logs, not in JSON, not
// with any verb of fmt. [Secret.Reveal] is the one way to it.
type Secret string

// Reveal gives the secret itself.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return Hidden
}

// Format keeps every verb from printing the string.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is what slog writes.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON writes [Hidden].
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// SecretURL is an address whose path, query or user may be a secret, as those of
// chat services are. It shows scheme and host only.
type SecretURL string

// Reveal gives the whole address.
func (s SecretURL) Reveal() string { return string(s) }

func (s SecretURL) String() string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(string(s))
	if err != nil || u.Host == "" {
		return Hidden
	}
	return u.Scheme + "://" + u.Host + "/" + Hidden
}

// Format keeps every verb from printing the address.
func (s SecretURL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is what slog writes.
func (s SecretURL) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON writes scheme and host.
func (s SecretURL) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// Cadence says when the messages of a rule go out. It is written as one of
//
//	at_once
//	grouped 15m
//	daily 08:00 Europe/Paris
//	weekly monday 08:00 Europe/Paris
//
// Without a zone it is Europe/Paris. The zero value is at_once.
type Cadence struct {
	Kind    string        // "" (at once), "grouped", "daily", "weekly"
	Every   time.Duration // grouped: 1 minute to 24 hours
	Weekday time.Weekday
	Hour    int
	Minute  int
	Zone    string
}

// DefaultZone is the time zone of rules that name none.
const DefaultZone = "Europe/Paris"

// ParseCadence reads the form that [Cadence] describes.
func ParseCadence(s string) (Cadence, error) {
	var c Cadence
	words := strings.Fields(s)
	bad := func(why string) (Cadence, error) {
		return Cadence{}, fmt.Errorf("cadence %.60q: %s", s, why)
	}
	if len(words) == 0 || len(words) == 1 && words[0] == "at_once" {
		return c, nil
	}
	c.Kind, words = words[0], words[1:]
	switch c.Kind {
	case "grouped":
		if len(words) != 1 {
			return bad("grouped takes one duration")
		}
		d, err := time.ParseDuration(words[0])
		if err != nil || d < time.Minute || d > 24*time.Hour {
			return bad("a duration from 1m to 24h is needed")
		}
		c.Every = d
		return c, nil
	case "daily":
	case "weekly":
		if len(words) == 0 {
			return bad("weekly takes a day")
		}
		day, ok := weekday(words[0])
		if !ok {
			return bad("monday to sunday are days")
		}
		c.Weekday, words = day, words[1:]
	default:
		return bad("at_once, grouped, daily and weekly are known")
	}
	c.Hour, c.Zone = 8, DefaultZone
	if len(words) > 0 {
		hour, minute, ok := clock(words[0])
		if !ok {
			return bad("a time such as 08:00 is needed")
		}
		c.Hour, c.Minute, words = hour, minute, words[1:]
	}
	if len(words) > 0 {
		if _, err := time.LoadLocation(words[0]); err != nil || words[0] == "Local" {
			return bad("the time zone is not known")
		}
		c.Zone, words = words[0], words[1:]
	}
	if len(words) > 0 {
		return bad("there is too much of it")
	}
	return c, nil
}

var days = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func weekday(s string) (time.Weekday, bool) {
	for i, d := range days {
		if s = strings.ToLower(s); s == d || s == d[:3] {
			return time.Weekday(i), true
		}
	}
	return 0, false
}

func clock(s string) (hour, minute int, ok bool) {
	h, m, found := strings.Cut(s, ":")
	hour, err := strconv.Atoi(h)
	minute, err2 := strconv.Atoi(m)
	return hour, minute, found && err == nil && err2 == nil && len(m) == 2 && hour >= 0 && hour < 24 && minute >= 0 && minute < 60
}

func (c Cadence) String() string {
	at := func() string { return fmt.Sprintf("%02d:%02d %s", c.Hour, c.Minute, c.Zone) }
	switch c.Kind {
	case "grouped":
		s := c.Every.String()
		if strings.HasSuffix(s, "m0s") {
			s = strings.TrimSuffix(s, "0s")
		}
		if strings.HasSuffix(s, "h0m") {
			s = strings.TrimSuffix(s, "0m")
		}
		return "grouped " + s
	case "daily":
		return "daily " + at()
	case "weekly":
		return "weekly " + days[c.Weekday] + " " + at()
	}
	return "at_once"
}

// MarshalText writes the form that [ParseCadence] reads.
func (c Cadence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads it.
func (c *Cadence) UnmarshalText(b []byte) (err error) {
	*c, err = ParseCadence(string(b))
	return err
}

// Location is the zone in which times are shown and days begin.
func (c Cadence) Location() *time.Location {
	name := c.Zone
	if name == "" {
		name = DefaultZone
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return loc
}

// Next is when something that came up at t is due. A daily or weekly time that a
// change of clocks skips is moved within that day; one that it repeats counts
// once.
func (c Cadence) Next(t time.Time) time.Time {
	switch c.Kind {
	case "grouped":
		return t.Add(c.Every)
	case "daily", "weekly":
	default:
		return t
	}
	loc := c.Location()
	y, m, d := t.In(loc).Date()
	for i := 0; ; i++ {
		at := time.Date(y, m, d+i, c.Hour, c.Minute, 0, 0, loc)
		if at.After(t) && (c.Kind == "daily" || at.Weekday() == c.Weekday) {
			return at
		}
	}
}

// FieldError is one fault of a rule: which member, what is wrong with it in both
// languages, and what to write instead.
type FieldError struct {
	Field  string   `json:"field"` // such as "to[0].webhook.url"
	FR, EN string   `json:"-"`
	Fix    []string `json:"fix,omitempty"`
}

func (e FieldError) Error() string { return e.Field + ": " + e.EN }

// RuleError is everything that is wrong with a rule.
type RuleError []FieldError

func (e RuleError) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Error()
	}
	return "rule: " + strings.Join(parts, "; ")
}

// DecodeRule reads the JSON of a rule and refuses members that it does not have.
// Defaults are filled in: a name gives the slug, and Lang is "en".
func DecodeRule(body []byte) (Rule, error) {
	var r Rule
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return r, RuleError{decodeFault(err)}
	}
	if _, err := dec.Token(); err != io.EOF {
		return r, RuleError{{Field: "", FR: "Il y a quelque chose après la règle.", EN: "Something follows the rule."}}
	}
	r.Fill()
	return r, nil
}

func decodeFault(err error) FieldError {
	if _, name, ok := strings.Cut(err.Error(), "unknown field "); ok {
		name = strings.Trim(name, `"`)
		f := FieldError{Field: name, FR: "Une règle n’a pas de membre de ce nom.", EN: "A rule has no member of that name."}
		for _, known := range []string{"name", "query", "lang", "on", "sources_min", "cadence", "to", "mutes", "owner", "slug", "webhook", "email", "slack", "teams", "chat", "nats", "url", "secret", "template"} {
			if len(name) > 0 && len(known) > 0 && (strings.EqualFold(name, known) || strings.HasPrefix(known, name) || strings.HasPrefix(name, known)) {
				f.Fix = append(f.Fix, known)
			}
		}
		return f
	}
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return FieldError{Field: typ.Field, FR: fmt.Sprintf("Ce type de valeur ne convient pas ici (%s).", typ.Value), EN: fmt.Sprintf("A %s does not fit here.", typ.Value)}
	}
	if text := err.Error(); strings.HasPrefix(text, "cadence ") {
		return FieldError{Field: "cadence", FR: "Cadence illisible : " + text, EN: text, Fix: []string{"at_once", "grouped 15m", "daily 08:00 Europe/Paris", "weekly monday 08:00 Europe/Paris"}}
	}
	return FieldError{Field: "", FR: "Ce n’est pas du JSON lisible.", EN: "This is no readable JSON."}
}

// Fill sets what may be left out.
func (r *Rule) Fill() {
	r.Name = strings.TrimSpace(r.Name)
	if r.Slug == "" && r.Name != "" {
		r.Slug = Token(r.Name)
	}
	if r.Lang == "" {
		r.Lang = "en"
	}
	if r.On == nil {
		r.On = []string{"new"}
	}
	if r.Sources == 0 && slices.Contains(r.On, "corroborated") {
		r.Sources = 2
	}
	if r.To == nil {
		r.To = []Destination{}
	}
	for i := range r.To {
		if r.To[i].ID == "" && r.To[i].Kind() != "" {
			r.To[i].ID = r.To[i].Channel()
		}
	}
}

// Validate finds everything wrong with a rule but its query, which is another
// package's to read. The error is a [RuleError].
func (r Rule) Validate() error {
	var out RuleError
	bad := func(field, fr, en string, fix ...string) {
		out = append(out, FieldError{Field: field, FR: fr, EN: en, Fix: fix})
	}
	oneLine := func(s string) bool {
		return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
	}
	switch {
	case r.Name == "":
		bad("name", "Une règle a besoin d’un nom.", "A rule needs a name.")
	case len(r.Name) > MaxRuleName || !oneLine(r.Name):
		bad("name", "Un nom tient sur une ligne de 200 octets.", "A name is one line of at most 200 bytes.")
	}
	if r.Slug != Token(r.Slug) || r.Slug == "none" || len(r.Slug) > maxSlug {
		bad("slug", "Un identifiant est fait de a-z, 0-9, _ et -.", "A slug is made of a-z, 0-9, _ and -.", Token(r.Slug))
	}
	if r.Lang != "fr" && r.Lang != "en" {
		bad("lang", "Les messages sont en fr ou en en.", "Messages are in fr or en.", "fr", "en")
	}
	for i, e := range r.On {
		if !slices.Contains(RuleEvents, e) || slices.Contains(r.On[:i], e) {
			bad(fmt.Sprintf("on[%d]", i), "Ces événements existent, une fois chacun : "+strings.Join(RuleEvents, ", ")+".", "These events exist, each once: "+strings.Join(RuleEvents, ", ")+".", RuleEvents...)
		}
	}
	if r.Sources < 0 || r.Sources > 50 {
		bad("sources_min", "De 2 à 50 sources.", "From 2 to 50 sources.", "3")
	}
	if len(r.To) > MaxDestinations {
		bad("to", "Dix destinations au plus.", "Ten destinations at most.")
	}
	if len(r.Mutes.Deals) > MaxMutes || len(r.Mutes.Vendors) > MaxMutes {
		bad("mutes", "500 accords et 500 fournisseurs au plus.", "500 deals and 500 vendors at most.")
	}
	if len(r.Owner) > MaxRuleName || !oneLine(r.Owner) {
		bad("owner", "Un propriétaire tient sur une ligne.", "An owner is one line.")
	}
	seen := map[string]bool{}
	for i, d := range r.To {
		at := fmt.Sprintf("to[%d]", i)
		kinds := 0
		for _, set := range []bool{d.Webhook != nil, d.Email != nil, d.Slack != nil, d.Teams != nil, d.Chat != nil, d.NATS != nil} {
			if set {
				kinds++
			}
		}
		if kinds != 1 {
			bad(at, "Une destination est une de : webhook, email, slack, teams, chat, nats.", "A destination is one of: webhook, email, slack, teams, chat, nats.", "webhook", "email", "slack", "teams", "chat", "nats")
			continue
		}
		at += "." + d.Kind()
		switch {
		case d.Email != nil:
			a, err := mail.ParseAddress(d.Email.To)
			if err != nil || a.Address != d.Email.To || len(d.Email.To) > 254 || !oneLine(d.Email.To) {
				bad(at+".to", "Une adresse seule, comme nom@exemple.fr.", "One bare address, such as name@example.com.")
			}
		case d.NATS == nil:
			u, err := url.Parse(d.Address())
			switch {
			case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || len(d.Address()) > MaxURL:
				bad(at+".url", "Une adresse http ou https.", "An http or https address.")
			case u.User != nil:
				bad(at+".url", "Pas de nom d’utilisateur dans l’adresse.", "No user name in the address.")
			case strings.Contains(d.Address(), Hidden):
				bad(at+".url", "Ce n’est que l’adresse masquée ; donnez-la en entier.", "This is only the hidden address; give the whole one.")
			}
		}
		if d.Webhook != nil && d.Webhook.Secret.Reveal() == Hidden {
			bad(at+".secret", "Ce n’est que le secret masqué ; laissez-le vide pour en recevoir un.", "This is only the hidden secret; leave it empty to be given one.")
		}
		if d.Chat != nil && len(d.Chat.Template) > MaxTemplate {
			bad(at+".template", "Le gabarit dépasse 16 Kio.", "The template is over 16 KiB.")
		}
		if (d.Slack != nil && d.Slack.Template != "") || (d.Teams != nil && d.Teams.Template != "") {
			bad(at+".template", "Seul chat prend un gabarit.", "Only chat takes a template.", "chat")
		}
		if seen[d.Channel()] {
			bad(at, "Cette destination y est déjà.", "That destination is there already.")
		}
		seen[d.Channel()] = true
	}
	if out == nil {
		return nil
	}
	return out
}

// States of a [Delivery].
const (
	DeliveryPending   = "pending"   // to be sent when it is due, or again after a failure
	DeliverySent      = "sent"      // taken by the destination
	DeliveryFolded    = "folded"    // belongs to a deal that had been told; nothing was sent
	DeliveryMuted     = "muted"     // somebody wanted quiet
	DeliverySilent    = "silent"    // too old to be news: a backfill or a replay
	DeliveryDead      = "dead"      // given up
	DeliveryWithdrawn = "withdrawn" // the deal, the rule or the destination went before it was sent
)

// Delivery is one entry of the log of a rule: what was to be told, to whom, and
// what came of it. Its ID is the message's for good: webhook-id, Message-ID, the
// id of the CloudEvent.
type Delivery struct {
	ID       string    `json:"id"`
	Rule     string    `json:"rule"`
	Deal     string    `json:"deal"`
	Event    string    `json:"event"`   // "new", "status-announced", "value-…", "corroborated-3", "merged", "retracted", "folded", "digest", "notice-…"
	Channel  string    `json:"channel"` // see [Destination.Channel]; "atom" is the feed
	To       string    `json:"to,omitempty"`
	State    string    `json:"state"`
	Reason   string    `json:"reason,omitempty"`
	Line     string    `json:"line,omitempty"` // the deal in one line
	Status   string    `json:"status,omitempty"`
	From     string    `json:"from,omitempty"` // status before
	Into     string    `json:"into,omitempty"` // surviving deal
	Why      []string  `json:"why,omitempty"`  // parts of the query that hold
	Content  string    `json:"content,omitempty"`
	Root     string    `json:"root,omitempty"`  // message that opened the thread
	Batch    string    `json:"batch,omitempty"` // digest it went with
	Count    int       `json:"count,omitempty"` // items of a digest; changes that were folded
	Rev      int       `json:"rev,omitempty"`   // of the deal
	Notice   string    `json:"notice,omitempty"`
	Time     time.Time `json:"published,omitzero"`
	Seen     time.Time `json:"seen,omitzero"`
	At       time.Time `json:"at"` // when it was decided
	Due      time.Time `json:"due,omitzero"`
	Sent     time.Time `json:"sent,omitzero"`
	Attempts []Attempt `json:"attempts,omitempty"`
}

// Attempt is one try to deliver.
type Attempt struct {
	At     time.Time `json:"at"`
	Status int       `json:"status,omitempty"` // of HTTP or SMTP
	Error  string    `json:"error,omitempty"`
}

// Alert is the data of the CloudEvent that a webhook or a NATS consumer gets.
type Alert struct {
	Rule     AlertRule       `json:"rule"`
	Event    string          `json:"event"` // one of [RuleEvents], "merged" or "retracted"
	Change   AlertChange     `json:"change"`
	Line     string          `json:"line"` // the deal in one line, in the rule's language
	Deal     AlertDeal       `json:"deal"`
	Evidence []AlertEvidence `json:"evidence"` // newest first
	Times    AlertTimes      `json:"times"`
	Links    AlertLinks      `json:"links"`
}

// AlertRule tells which rule rang, and why.
type AlertRule struct {
	Slug  string   `json:"slug"`
	Name  string   `json:"name,omitempty"` // left out within a digest, which has it once
	Query string   `json:"query,omitempty"`
	Why   []string `json:"why"`
}

// AlertChange is a change of status; From is empty for a new deal. Into is the
// surviving deal of a merger.
type AlertChange struct {
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	Into string `json:"into,omitempty"`
}

// AlertDeal is the deal as it stood.
type AlertDeal struct {
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	Type      string    `json:"type"`
	Status    string    `json:"status"`
	Parties   []Party   `json:"parties"`
	Products  []string  `json:"products,omitempty"`
	Territory []string  `json:"territory"`
	Amount    *Amount   `json:"amount,omitempty"`
	Outlets   int       `json:"outlets"`
	FirstSeen time.Time `json:"first_seen"`
}

// AlertEvidence is one sentence with where it stands.
type AlertEvidence struct {
	Quote     string    `json:"quote"`
	Lang      string    `json:"lang"`
	Source    string    `json:"source"`
	Outlet    string    `json:"outlet"`
	Title     string    `json:"title"`
	URL       string    `json:"url"` // opens the source at the sentence
	Published time.Time `json:"published"`
	Seen      time.Time `json:"seen"`
}

// AlertTimes tell the delay honestly: when the newest article was published, when
// it was fetched, and when this attempt was made.
type AlertTimes struct {
	Published time.Time `json:"published,omitzero"`
	Seen      time.Time `json:"seen,omitzero"`
	Sent      time.Time `json:"sent"`
}

// AlertLinks lead on. The mute links need no login; they ask before they act.
type AlertLinks struct {
	Rule        string            `json:"rule,omitempty"`
	Explain     string            `json:"explain,omitempty"`
	MuteDeal    string            `json:"mute_deal,omitempty"`
	MuteVendors map[string]string `json:"mute_vendors,omitempty"` // by vendor id
	MuteRule    string            `json:"mute_rule,omitempty"`
	Daily       string            `json:"daily,omitempty"`       // make it a daily digest
	Unsubscribe string            `json:"unsubscribe,omitempty"` // this destination only
}

// DeliveryID makes the id of a message from what makes it unique.
func DeliveryID(rule, deal, event, channel string) string {
	return "msg_" + digest(rule, deal, event, channel)
}
