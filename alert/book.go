package alert

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"

	"example.org/veille/alert/channel"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// Errors of the rules.
var (
	ErrNoRule  = errors.New("there is no such rule")
	ErrExists  = errors.New("a rule of that name exists")
	ErrChanged = errors.New("the rule was changed meanwhile")
)

// saved is a rule, ready to match.
type saved struct {
	rule   schemas.Rule
	query  query.Query
	tag    string
	fault  string // why it cannot match: a query that no longer reads
	faute  string // the same in French
	sealed bool   // its secrets cannot be read here: nothing is sent, nothing given up
}

// book holds the rules in memory, beside the table that matches them.
type book struct {
	aead  cipher.AEAD
	set   *query.Rules
	mu    sync.RWMutex
	rules map[string]*saved
}

func (b *book) get(slug string) *saved {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.rules[slug]
}

func (n *Notifier) openBook(ctx context.Context, key []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("alert: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return fmt.Errorf("alert: %w", err)
	}
	n.book = book{aead: aead, set: query.NewRules(n.opt.Analyze, n.opt.DF), rules: map[string]*saved{}}
	all, err := n.opt.Rules.All(ctx)
	if err != nil {
		return fmt.Errorf("open the rules: %w", err)
	}
	add := map[string]query.Query{}
	for slug, b := range all {
		if strings.Contains(slug, ".") {
			continue // no rule: see lead.go
		}
		if s := n.read(slug, b); s != nil {
			n.book.rules[slug] = s
			if s.fault == "" {
				add[slug] = s.query
			}
		}
	}
	n.book.set.Update(add, nil)
	return nil
}

// stored is a rule as the bucket keeps it: its secrets are sealed.
type stored struct {
	Rule   schemas.Rule `json:"rule"`
	Sealed []byte       `json:"sealed,omitempty"`
}

func (b *book) encode(r schemas.Rule) ([]byte, error) {
	secrets := map[string]string{}
	for _, d := range r.To {
		d.Secrets(func(name string, get func() string, _ func(string)) { secrets[d.ID+" "+name] = get() })
	}
	plain, err := json.Marshal(secrets)
	if err != nil {
		return nil, fmt.Errorf("encode rule %s: %w", r.Slug, err)
	}
	nonce := make([]byte, b.aead.NonceSize(), b.aead.NonceSize()+len(plain)+b.aead.Overhead())
	_, _ = rand.Read(nonce) // it never fails
	return json.Marshal(stored{r, b.aead.Seal(nonce, nonce, plain, []byte(r.Slug))})
}

func (b *book) decode(slug string, body []byte) (schemas.Rule, error) {
	var s stored
	if err := json.Unmarshal(body, &s); err != nil {
		return s.Rule, fmt.Errorf("rule %s: %w", slug, err)
	}
	if s.Rule.Slug != slug {
		return s.Rule, fmt.Errorf("rule %s is called %q", slug, s.Rule.Slug)
	}
	size := b.aead.NonceSize()
	if len(s.Sealed) < size {
		return s.Rule, fmt.Errorf("rule %s: no secrets", slug)
	}
	plain, err := b.aead.Open(nil, s.Sealed[:size], s.Sealed[size:], []byte(slug))
	if err != nil {
		return s.Rule, fmt.Errorf("rule %s: its secrets were sealed with another key", slug)
	}
	var secrets map[string]string
	if err := json.Unmarshal(plain, &secrets); err != nil {
		return s.Rule, fmt.Errorf("rule %s: %w", slug, err)
	}
	for _, d := range s.Rule.To {
		d.Secrets(func(name string, _ func() string, set func(string)) { set(secrets[d.ID+" "+name]) })
	}
	return s.Rule, nil
}

// read makes a rule ready, nil when it cannot be read at all.
func (n *Notifier) read(slug string, body []byte) *saved {
	r, err := n.book.decode(slug, body)
	if err != nil && r.Slug != slug {
		n.lg.Error("a rule cannot be read", "rule", slug, "err", err)
		return nil
	}
	h := sha256.Sum256(body)
	s := &saved{rule: r, tag: hex.EncodeToString(h[:8])}
	if err != nil {
		n.lg.Error("a rule cannot be used", "rule", slug, "err", err)
		s.sealed = true
		s.fault, s.faute = err.Error(), "Les secrets de cette règle ont été scellés avec une autre clé (alert-key)."
		return s
	}
	if s.query, err = n.opt.Parse(r.Query); err != nil {
		n.lg.Error("the query of a rule no longer reads", "rule", slug, "err", err)
		s.fault, s.faute = err.Error(), "La requête ne peut plus être lue."
		if bad := (*query.SyntaxError)(nil); errors.As(err, &bad) {
			s.fault, s.faute = bad.EN, bad.FR
		}
	}
	return s
}

// hold puts what a bucket says of a rule into memory; body nil takes it out.
func (n *Notifier) hold(slug string, body []byte) {
	if body == nil {
		n.book.mu.Lock()
		delete(n.book.rules, slug)
		n.book.mu.Unlock()
		n.book.set.Remove(slug)
		return
	}
	s := n.read(slug, body)
	if s == nil {
		return
	}
	old := n.book.get(slug)
	if old != nil && old.tag == s.tag {
		return
	}
	n.book.mu.Lock()
	n.book.rules[slug] = s
	n.book.mu.Unlock()
	switch {
	case s.fault != "":
		n.book.set.Remove(slug)
	case old == nil || old.fault != "" || old.rule.Query != s.rule.Query:
		n.book.set.Add(slug, s.query)
	}
}

// watchRules takes in what other processes save.
func (n *Notifier) watchRules(ctx context.Context) error {
	return n.opt.Rules.Watch(ctx, func(slug string, body []byte) {
		if strings.Contains(slug, ".") {
			n.grant(ctx, slug, body)
			return
		}
		n.hold(slug, body)
		n.poke()
	}, func() {})
}

// Check finds everything wrong with a rule, its query and templates included. The
// error is a [schemas.RuleError].
func (n *Notifier) Check(r schemas.Rule) error {
	var bad schemas.RuleError
	if err := r.Validate(); err != nil && !errors.As(err, &bad) {
		return err
	}
	var syntax *query.SyntaxError
	if _, err := n.opt.Parse(r.Query); errors.As(err, &syntax) {
		f := schemas.FieldError{Field: "query", FR: syntax.FR, EN: syntax.EN}
		for i := range syntax.Suggestions {
			f.Fix = append(f.Fix, syntax.Fix(r.Query, i))
		}
		bad = append(bad, f)
	} else if err != nil {
		bad = append(bad, schemas.FieldError{Field: "query", FR: "La requête ne peut être lue.", EN: "The query cannot be read."})
	}
	for i, d := range r.To {
		at := fmt.Sprintf("to[%d].%s", i, d.Kind())
		switch {
		case d.Chat != nil && d.Chat.Template != "":
			if _, _, err := channel.Body(d, n.sample(r)); err != nil {
				bad = append(bad, schemas.FieldError{Field: at + ".template", FR: "Le gabarit ne donne rien : " + err.Error(), EN: err.Error()})
			}
		case d.Webhook != nil && d.Webhook.Secret != "" && d.Webhook.Secret.Reveal() != schemas.Hidden && channel.CheckSecret(d.Webhook.Secret) != nil:
			bad = append(bad, schemas.FieldError{Field: at + ".secret", FR: "Un secret est whsec_ suivi de base64.", EN: "A secret is whsec_ and base64.", Fix: []string{NewSecret().Reveal()}})
		case d.Email != nil && n.opt.Mail == nil:
			bad = append(bad, schemas.FieldError{Field: at, FR: "Aucun serveur de courrier n’est configuré (smtp.host).", EN: "No mail server is configured (smtp.host)."})
		case d.NATS != nil && n.opt.Publish == nil:
			bad = append(bad, schemas.FieldError{Field: at, FR: "NATS n’est pas configuré.", EN: "NATS is not configured."})
		}
	}
	if bad == nil {
		return nil
	}
	return bad
}

// NewSecret makes a secret for signing webhooks.
func NewSecret() schemas.Secret {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // it never fails
	return schemas.Secret("whsec_" + base64.StdEncoding.EncodeToString(b))
}

// rotation is how long an old secret still signs.
const rotation = 24 * time.Hour

// settle completes a rule that is about to be saved in the place of old: hidden
// secrets stay what they were, a new one leaves the old one valid for a while.
func settle(r *schemas.Rule, old *schemas.Rule, now time.Time) {
	for i := range r.To {
		d := &r.To[i]
		for _, was := range old.To {
			if d.ID != was.ID || d.Kind() != was.Kind() {
				continue
			}
			d.Secrets(func(name string, get func() string, set func(string)) {
				was.Secrets(func(other string, before func() string, _ func(string)) {
					if name == other && (get() == schemas.Hidden || name == "url" && get() == schemas.SecretURL(before()).String()) {
						set(before())
					}
				})
			})
			if d.Webhook != nil {
				if d.Webhook.Secret == "" {
					d.Webhook.Secret = was.Webhook.Secret
				}
				if d.Webhook.Secret != was.Webhook.Secret {
					d.Webhook.Old, d.Webhook.OldUntil = was.Webhook.Secret, now.Add(rotation)
				} else {
					d.Webhook.Old, d.Webhook.OldUntil = was.Webhook.Old, was.Webhook.OldUntil
				}
			}
		}
		if d.Webhook != nil && d.Webhook.Secret == "" {
			d.Webhook.Secret = NewSecret()
		}
		if d.Webhook != nil && (d.Webhook.Old == "" || !d.Webhook.OldUntil.After(now)) {
			d.Webhook.Old, d.Webhook.OldUntil = "", time.Time{}
		}
		if d.Kind() != "" {
			d.ID = d.Channel()
		}
	}
}

// Create saves a new rule. It wraps [ErrExists], or is a [schemas.RuleError].
func (n *Notifier) Create(ctx context.Context, r schemas.Rule) (schemas.Rule, string, error) {
	r = r.Clone()
	r.Fill()
	now := n.opt.Now().UTC()
	r.Created, r.Since = now, now
	settle(&r, &schemas.Rule{}, now)
	if err := n.Check(r); err != nil {
		return r, "", err
	}
	b, _, err := n.opt.Rules.Get(ctx, r.Slug)
	if err != nil {
		return r, "", fmt.Errorf("save rule %s: %w", r.Slug, err)
	}
	if b != nil {
		return r, "", fmt.Errorf("%w: %s", ErrExists, r.Slug)
	}
	return n.write(ctx, r, 0)
}

func (n *Notifier) write(ctx context.Context, r schemas.Rule, rev uint64) (schemas.Rule, string, error) {
	body, err := n.book.encode(r)
	if err != nil {
		return r, "", err
	}
	if _, err := n.opt.Rules.Update(ctx, r.Slug, body, rev); err != nil {
		if _, now, err2 := n.opt.Rules.Get(ctx, r.Slug); err2 == nil && now != rev {
			return r, "", fmt.Errorf("%w: %s", ErrChanged, r.Slug)
		}
		return r, "", fmt.Errorf("save rule %s: %w", r.Slug, err)
	}
	n.hold(r.Slug, body)
	n.poke()
	s := n.book.get(r.Slug)
	if s == nil {
		return r, "", fmt.Errorf("%w: %s", ErrNoRule, r.Slug)
	}
	return r, s.tag, nil
}

// Edit changes a rule by f, which may be called again when somebody else was
// faster. tag is what the caller last saw, "" for whatever there is; another one
// gives [ErrChanged].
func (n *Notifier) Edit(ctx context.Context, slug, tag string, f func(*schemas.Rule) error) (schemas.Rule, string, error) {
	for try := 0; ; try++ {
		body, rev, err := n.opt.Rules.Get(ctx, slug)
		if err != nil {
			return schemas.Rule{}, "", fmt.Errorf("read rule %s: %w", slug, err)
		}
		if body == nil {
			return schemas.Rule{}, "", fmt.Errorf("%w: %s", ErrNoRule, slug)
		}
		if h := sha256.Sum256(body); tag != "" && hex.EncodeToString(h[:8]) != tag {
			return schemas.Rule{}, "", fmt.Errorf("%w: %s", ErrChanged, slug)
		}
		old, err := n.book.decode(slug, body)
		if err != nil && old.Slug == "" {
			return old, "", err
		}
		r := old.Clone()
		if err := f(&r); err != nil {
			return r, "", err
		}
		now := n.opt.Now().UTC()
		r.Slug, r.Created, r.Since = old.Slug, old.Created, old.Since
		r.Fill()
		if r.Query != old.Query || !slices.Equal(r.On, old.On) {
			r.Since = now
		}
		settle(&r, &old, now)
		// A mute must work even where the rule itself could not be saved today.
		check := n.Check
		if r.Query == old.Query && slices.EqualFunc(r.To, old.To, func(a, b schemas.Destination) bool { return a.ID == b.ID }) {
			check = schemas.Rule.Validate
		}
		if err := check(r); err != nil {
			return r, "", err
		}
		saved, tag2, err := n.write(ctx, r, rev)
		if errors.Is(err, ErrChanged) && tag == "" && try < 5 {
			continue
		}
		return saved, tag2, err
	}
}

// Delete removes a rule. Its log stays; what was pending is withdrawn.
func (n *Notifier) Delete(ctx context.Context, slug, tag string) error {
	body, _, err := n.opt.Rules.Get(ctx, slug)
	if err != nil {
		return fmt.Errorf("delete rule %s: %w", slug, err)
	}
	if body == nil {
		return fmt.Errorf("%w: %s", ErrNoRule, slug)
	}
	if h := sha256.Sum256(body); tag != "" && hex.EncodeToString(h[:8]) != tag {
		return fmt.Errorf("%w: %s", ErrChanged, slug)
	}
	if err := n.opt.Rules.Delete(ctx, slug); err != nil {
		return fmt.Errorf("delete rule %s: %w", slug, err)
	}
	n.hold(slug, nil)
	n.poke()
	return nil
}

// State is a rule with how it fares.
type State struct {
	Rule schemas.Rule `json:"rule"`
	Tag  string       `json:"-"` // for If-Match
	// Health is "ok", "failing" (a destination did not take its last message),
	// "muted", "silent" (it has never rung), "saved" (it has no destination), or
	// "broken" (its query no longer reads); Fault says more.
	Health string    `json:"health"`
	Fault  string    `json:"fault,omitempty"`
	Faute  string    `json:"-"`             // Fault in French
	Last   time.Time `json:"last,omitzero"` // when it last rang
	Month  int       `json:"month"`         // messages of the last 30 days
}

// Rule finds a rule. It wraps [ErrNoRule].
func (n *Notifier) Rule(slug string) (State, error) {
	s := n.book.get(slug)
	if s == nil {
		return State{}, fmt.Errorf("%w: %s", ErrNoRule, slug)
	}
	return n.state(s), nil
}

// Rules lists the rules by slug.
func (n *Notifier) Rules() []State {
	n.book.mu.RLock()
	list := slices.Collect(maps.Values(n.book.rules))
	n.book.mu.RUnlock()
	slices.SortFunc(list, func(a, b *saved) int { return strings.Compare(a.rule.Slug, b.rule.Slug) })
	out := make([]State, len(list))
	for i, s := range list {
		out[i] = n.state(s)
	}
	return out
}

func (n *Notifier) state(s *saved) State {
	st := State{Rule: s.rule.Clone(), Tag: s.tag, Health: "ok"}
	now := n.opt.Now()
	n.mu.Lock()
	last := map[string]*entry{}
	show := map[string]string{ownerChannel: ownerChannel}
	for _, d := range s.rule.To {
		if show[d.ID] = d.Kind(); d.Email == nil && d.NATS == nil { // a mailbox is not for everybody's eyes
			show[d.ID] += " " + d.Show()
		}
	}
	var news time.Time
	for _, e := range n.log[s.rule.Slug] {
		if e.channel == feedChannel && e.state == schemas.DeliverySent {
			news = e.at
		}
		if e.channel == feedChannel || e.event == "folded" {
			continue
		}
		if e.state == schemas.DeliverySent {
			st.Last = e.at
			if now.Sub(e.at) < 30*24*time.Hour && (e.row == nil || e.row.Batch == "") {
				st.Month++
			}
		}
		if e.state == schemas.DeliverySent || e.state == schemas.DeliveryDead || e.row != nil && len(e.row.Attempts) > 0 {
			last[e.channel] = e
		}
	}
	for ch, e := range last {
		if e.state != schemas.DeliverySent {
			if show[ch] == "" { // it is no destination any more
				continue
			}
			st.Health, st.Fault = "failing", show[ch]+" did not take the last message"
			st.Faute = show[ch] + " n’a pas pris le dernier message"
		}
	}
	n.mu.Unlock()
	for _, d := range s.rule.To {
		if d.Off != "" && d.Off != "off" && st.Health == "ok" {
			st.Health, st.Fault, st.Faute = "failing", show[d.ID]+" is off: "+d.Off, show[d.ID]+" est coupée : "+Raison(d.Off)
		}
	}
	switch {
	case s.fault != "":
		st.Health, st.Fault, st.Faute = "broken", s.fault, s.faute
	case s.rule.Mutes.Until.After(now):
		st.Health, st.Fault = "muted", s.rule.Mutes.Until.UTC().Format(time.RFC3339)
		st.Faute = st.Fault
	case st.Health == "ok" && len(s.rule.To) == 0:
		st.Health, st.Last = "saved", news
	case st.Health == "ok" && st.Last.IsZero():
		st.Health = "silent"
	}
	return st
}

// ParseRules reads a YAML file of rules: a list, or a list under "rules". Unknown
// members are refused as in JSON.
func ParseRules(body []byte) ([]schemas.Rule, error) {
	const most = 4 << 20
	if len(body) > most {
		return nil, fmt.Errorf("the rules have %d bytes, more than %d", len(body), most)
	}
	js, err := yaml.YAMLToJSON(body)
	if err != nil {
		return nil, fmt.Errorf("the rules are no YAML: %s", channel.Plain(err.Error(), 300))
	}
	var list []json.RawMessage
	if err := json.Unmarshal(js, &list); err != nil {
		var top struct {
			Rules []json.RawMessage `json:"rules"`
		}
		dec := json.NewDecoder(bytes.NewReader(js))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&top); err != nil {
			return nil, errors.New("a list of rules is needed, or one under rules:")
		}
		list = top.Rules
	}
	out := make([]schemas.Rule, len(list))
	for i, b := range list {
		if out[i], err = schemas.DecodeRule(b); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	return out, nil
}

// onceFor is how long an idempotency key is remembered.
const onceFor = 24 * time.Hour

// once is what is remembered of a request.
type once struct {
	At   time.Time `json:"at"`
	Body string    `json:"body"` // hash of the request
	Slug string    `json:"slug"` // "" while it runs
}

// Errors of idempotency keys.
var (
	ErrOtherBody  = errors.New("the idempotency key was used for another request")
	ErrInProgress = errors.New("the request with this idempotency key is being handled")
)

// CreateOnce is Create, at most once for a key within a day: a repetition gives
// the rule that was made.
func (n *Notifier) CreateOnce(ctx context.Context, key string, body []byte, r schemas.Rule) (schemas.Rule, string, error) {
	if key == "" {
		return n.Create(ctx, r)
	}
	k, h := "i."+short(key), short(string(body))
	b, rev, err := n.opt.Deliveries.Get(ctx, k)
	if err != nil {
		return r, "", fmt.Errorf("save rule: %w", err)
	}
	var was once
	now := n.opt.Now().UTC()
	if b != nil && json.Unmarshal(b, &was) == nil && now.Sub(was.At) < onceFor {
		switch s := n.book.get(was.Slug); {
		case was.Body != h:
			return r, "", ErrOtherBody
		case was.Slug == "" && now.Sub(was.At) < time.Minute:
			return r, "", ErrInProgress
		case s != nil:
			return s.rule.Clone(), s.tag, nil
		}
	}
	note := func(slug string, rev uint64) (uint64, error) {
		v, err := json.Marshal(once{now, h, slug})
		if err != nil {
			return 0, err
		}
		return n.opt.Deliveries.Update(ctx, k, v, rev)
	}
	if rev, err = note("", rev); err != nil {
		return r, "", ErrInProgress
	}
	saved, tag, err := n.Create(ctx, r)
	if err != nil {
		_ = n.opt.Deliveries.Delete(ctx, k) // else the key waits out its minute
		return saved, tag, err
	}
	if _, err := note(saved.Slug, rev); err != nil {
		n.lg.Warn("remember an idempotency key", "err", err)
	}
	return saved, tag, nil
}
