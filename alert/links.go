package alert

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/veille/schemas"
)

// ErrLink is wrapped for a link that was not made here, or leads to nothing.
var ErrLink = errors.New("the link is not valid")

// action is what a signed link does. Its members are short, as links are seen.
type action struct {
	Do   string `json:"d"` // "deal", "vendor", "rule", "channel", "daily"
	Rule string `json:"r"`
	Arg  string `json:"a,omitempty"`
}

// LinkPath is where the signed links lead, below the base address.
const LinkPath = "/alerts/do/"

// muteFor is how long a rule is muted by a link.
const muteFor = 30 * 24 * time.Hour

func (n *Notifier) link(a action) string {
	b, err := json.Marshal(a)
	if err != nil {
		return ""
	}
	return n.opt.BaseURL + LinkPath + base64.RawURLEncoding.EncodeToString(b) + "." + base64.RawURLEncoding.EncodeToString(n.mac(b))
}

func (n *Notifier) mac(b []byte) []byte {
	h := hmac.New(sha256.New, n.links)
	h.Write(b)
	return h.Sum(nil)[:16]
}

// Act is what following a link would do, or has done.
type Act struct {
	Rule   schemas.Rule
	FR, EN string // one sentence, what it does
	Done   bool   // it is so already
}

func (n *Notifier) open(token string) (action, error) {
	var a action
	body, sum, _ := strings.Cut(token, ".")
	b, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || len(token) > 1024 {
		return a, ErrLink
	}
	given, err := base64.RawURLEncoding.Strict().DecodeString(sum)
	if err != nil || !hmac.Equal(given, n.mac(b)) {
		return a, ErrLink
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return a, ErrLink
	}
	return a, nil
}

// Peek tells what a link would do, and does nothing: programs that look at mail
// follow links too.
func (n *Notifier) Peek(token string) (Act, error) {
	a, err := n.open(token)
	if err != nil {
		return Act{}, err
	}
	s := n.book.get(a.Rule)
	if s == nil {
		return Act{}, fmt.Errorf("%w: the rule is gone", ErrLink)
	}
	return n.describe(a, s.rule), nil
}

// Do does what a link says, or with undo takes it back.
func (n *Notifier) Do(ctx context.Context, token string, undo bool) (Act, error) {
	a, err := n.open(token)
	if err != nil {
		return Act{}, err
	}
	now := n.opt.Now()
	r, _, err := n.Edit(ctx, a.Rule, "", func(r *schemas.Rule) error {
		set := func(list *[]string) {
			*list = slices.DeleteFunc(*list, func(s string) bool { return s == a.Arg })
			if !undo {
				if len(*list) >= schemas.MaxMutes { // the oldest is forgotten
					*list = (*list)[1:]
				}
				*list = append(*list, a.Arg)
			}
		}
		switch a.Do {
		case "deal":
			set(&r.Mutes.Deals)
		case "vendor":
			set(&r.Mutes.Vendors)
		case "rule":
			r.Mutes.Until = time.Time{}
			if !undo {
				r.Mutes.Until = now.Add(muteFor).UTC()
			}
		case "daily":
			r.Cadence = schemas.Cadence{}
			if !undo {
				r.Cadence = schemas.Cadence{Kind: "daily", Hour: 8, Zone: schemas.DefaultZone}
			}
		case "channel":
			for i := range r.To {
				if r.To[i].ID == a.Arg {
					r.To[i].Off = ""
					if !undo {
						r.To[i].Off = "unsubscribed"
					}
				}
			}
		default:
			return ErrLink
		}
		return nil
	})
	if errors.Is(err, ErrNoRule) {
		return Act{}, fmt.Errorf("%w: the rule is gone", ErrLink)
	}
	if err != nil {
		return Act{}, err
	}
	return n.describe(a, r), nil
}

func (n *Notifier) describe(a action, r schemas.Rule) Act {
	act := Act{Rule: r}
	switch a.Do {
	case "deal":
		act.FR, act.EN = "Ne plus rien dire de cet accord.", "Say nothing more about this deal."
		act.Done = slices.Contains(r.Mutes.Deals, a.Arg)
	case "vendor":
		act.FR, act.EN = "Ne plus rien dire des accords de "+a.Arg+".", "Say nothing more about the deals of "+a.Arg+"."
		act.Done = slices.Contains(r.Mutes.Vendors, a.Arg)
	case "rule":
		act.FR, act.EN = "Taire toute la règle pendant 30 jours.", "Mute the whole rule for 30 days."
		act.Done = r.Mutes.Until.After(n.opt.Now())
	case "daily":
		act.FR, act.EN = "N’envoyer qu’un résumé par jour, à 8 heures.", "Send one digest a day only, at 8 o'clock."
		act.Done = r.Cadence.Kind == "daily"
	case "channel":
		act.FR, act.EN = "Ne plus rien envoyer à cette destination.", "Send nothing more to this destination."
		act.Done = slices.ContainsFunc(r.To, func(d schemas.Destination) bool { return d.ID == a.Arg && d.Off != "" })
	}
	return act
}
