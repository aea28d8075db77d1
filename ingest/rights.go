package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"example.org/veille/ingest/robots"
	"example.org/veille/internal/guard"
)

// robotsFor is how long a robots.txt counts (RFC 9309, 2.4: at most 24 hours), and
// robotsRetry how long a failure to read one does.
const (
	robotsFor   = 24 * time.Hour
	robotsRetry = 30 * time.Minute
)

// rights knows what each host allows.
type rights struct {
	p     *Poller
	mu    sync.Mutex
	hosts map[string]*permit
}

// permit is what one host says in robots.txt and tdmrep.json.
type permit struct {
	mu     sync.Mutex
	until  time.Time
	file   *robots.File
	why    string // how the file came about, for the record
	tdm    []tdmRule
	haveIt bool
}

// tdmRule is one entry of a TDM reservation file (W3C TDMRep, 6.1).
type tdmRule struct {
	Location string `json:"location"`
	Reserved int    `json:"tdm-reservation"`
	Policy   string `json:"tdm-policy"`
}

func newRights(p *Poller) *rights { return &rights{p: p, hosts: map[string]*permit{}} }

// Decision is what a fetch was allowed by; it is archived with the article.
type Decision struct {
	Robots   string    `json:"robots"`             // "allowed", "denied", and how it was learnt
	Rights   string    `json:"rights,omitempty"`   // as [schemas.Article] has it
	Evidence []string  `json:"evidence,omitempty"` // what was stated where
	At       time.Time `json:"at"`
	tdm      bool
}

// of returns what a host allows, asking it when that is not known or too old.
func (r *rights) of(ctx context.Context, u *url.URL) (*permit, error) {
	key := hostKey(u)
	r.mu.Lock()
	h := r.hosts[key]
	if h == nil {
		if len(r.hosts) > 5000 {
			clear(r.hosts)
		}
		h = &permit{}
		r.hosts[key] = h
	}
	r.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	now := r.p.now()
	if h.haveIt && now.Before(h.until) && h.until.Sub(now) <= robotsFor {
		return h, nil
	}
	base := &url.URL{Scheme: u.Scheme, Host: u.Host}
	file, why, reached, err := r.robots(ctx, base.JoinPath("/robots.txt").String())
	if err != nil {
		return nil, err
	}
	if !reached && h.haveIt && h.until.Add(30*24*time.Hour).After(now) {
		file, why = h.file, h.why+", unreachable since" // RFC 9309, 2.3.1.4: a cached copy goes on counting
	}
	h.file, h.why, h.haveIt = file, why, true
	h.until = now.Add(robotsFor)
	if !reached {
		h.until = now.Add(robotsRetry)
	}
	if reached {
		h.tdm, err = r.tdmrep(ctx, base.JoinPath("/.well-known/tdmrep.json").String())
		if err != nil {
			return nil, err
		}
	}
	return h, nil
}

// robots fetches a host's file. An error is only the caller's own end.
func (r *rights) robots(ctx context.Context, addr string) (f *robots.File, why string, reached bool, err error) {
	resp, err := r.p.get(ctx, guard.Request{URL: addr, Header: http.Header{"Accept": {"text/plain, */*;q=0.5"}}}, nil)
	if err != nil {
		if ctx.Err() != nil {
			return nil, "", false, ctx.Err()
		}
		switch guard.Reason(err) {
		case guard.ReasonRedirects, guard.ReasonDowngrade, guard.ReasonScheme:
			return robots.AllowAll(), "robots.txt redirects too often", true, nil // RFC 9309, 2.3.1.2
		case guard.ReasonAddress, guard.ReasonPort:
			return robots.AllowAll(), "robots.txt lies where we do not go", false, nil // and neither does the page
		case guard.ReasonTooLarge:
			return robots.DenyAll(), "robots.txt is too large", false, nil
		}
		return robots.DenyAll(), "robots.txt unreachable: " + guard.Reason(err), false, nil
	}
	switch s := resp.Status; {
	case s >= 200 && s < 300:
		return robots.Parse(resp.Body), "robots.txt", true, nil
	case s == http.StatusTooManyRequests:
		return robots.DenyAll(), "robots.txt answers 429", false, nil
	case s >= 400 && s < 500:
		return robots.AllowAll(), "no robots.txt", true, nil
	}
	return robots.DenyAll(), "robots.txt fails", false, nil
}

func (r *rights) tdmrep(ctx context.Context, addr string) ([]tdmRule, error) {
	resp, err := r.p.get(ctx, guard.Request{URL: addr, MaxBody: 1 << 20, Header: http.Header{"Accept": {"application/json"}}}, nil)
	if err != nil {
		return nil, ctx.Err()
	}
	if resp.Status != http.StatusOK {
		return nil, nil
	}
	var rules []tdmRule
	if json.Unmarshal(resp.Body, &rules) != nil || len(rules) > 1000 {
		return nil, nil // what cannot be read reserves nothing
	}
	return rules, nil
}

// errDenied is robots.txt saying no.
var errDenied = errors.New("robots.txt does not allow it")

// check asks whether a page may be fetched.
func (r *rights) check(ctx context.Context, u *url.URL, d *Decision) error {
	h, err := r.of(ctx, u)
	if err != nil {
		return err
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	d.At = r.p.now()
	if !h.file.Allowed(r.p.opt.Agent, path) {
		d.Robots = "denied: " + h.why
		return errDenied
	}
	d.Robots = "allowed: " + h.why
	for _, l := range h.file.Licenses {
		d.note("robots.txt License: " + l) // an offer of terms, no prohibition
	}
	for _, v := range h.file.Usage {
		d.usage("robots.txt", v)
	}
	for _, t := range h.tdm {
		if tdmMatch(t.Location, path) {
			if t.Reserved == 1 {
				d.mining(true, "tdmrep.json reserves "+t.Location)
			}
			break // the first that fits counts
		}
	}
	return nil
}

// delay is the pause that the host asks for, within reason.
func (r *rights) delay(u *url.URL) time.Duration {
	r.mu.Lock()
	h := r.hosts[hostKey(u)]
	r.mu.Unlock()
	if h == nil {
		return 0
	}
	if !h.mu.TryLock() {
		return 0 // its robots.txt is being fetched, perhaps by the request that asks
	}
	defer h.mu.Unlock()
	if !h.haveIt {
		return 0
	}
	return min(h.file.Delay(r.p.opt.Agent), 30*time.Second)
}

// tdmMatch matches a location pattern: a path with * and a final $, as in robots.txt.
func tdmMatch(pattern, path string) bool {
	if !strings.HasPrefix(pattern, "/") {
		return pattern == "*"
	}
	return !robots.Parse([]byte("user-agent: *\ndisallow: "+strings.NewReplacer("\r", "", "\n", "", "#", "").Replace(pattern))).Allowed("x", path)
}

func (d *Decision) note(s string) {
	if len(d.Evidence) < 20 {
		d.Evidence = append(d.Evidence, cut(s, 200))
	}
}

// mining notes a reservation of text and data mining, or that there is none: what
// is nearer to the page counts before what is said for the site (W3C TDMRep, 6.4).
func (d *Decision) mining(reserved bool, why string) {
	d.tdm = reserved
	d.note(why)
}

// settle closes the decision, once all has been read.
func (d *Decision) settle() {
	if d.tdm {
		d.Rights = "reserved"
	}
}

func (d *Decision) atLeast(rights, why string) {
	rank := map[string]int{"": 0, "nosnippet": 1, "noarchive": 2, "reserved": 3}
	if rank[rights] > rank[d.Rights] {
		d.Rights = rights
	}
	d.note(why)
}

// usage reads an AIPREF Content-Usage value: "train-ai=n" is noted only, since
// nothing is trained here; a "no" to all automated use or to search reserves.
func (d *Decision) usage(where, v string) {
	d.note(where + " Content-Usage: " + v)
	for part := range strings.SplitSeq(strings.ToLower(v), ",") {
		k, val, _ := strings.Cut(strings.TrimSpace(part), "=")
		k = strings.TrimSpace(k)
		if i := strings.LastIndexAny(k, " \t"); i >= 0 { // "/path bots=n"
			k = k[i+1:]
		}
		if (k == "bots" || k == "search" || k == "automated") && strings.TrimSpace(val) == "n" {
			d.atLeast("reserved", where+" Content-Usage "+k+"=n")
		}
	}
}

// header reads what a response's header says of its use.
func (d *Decision) header(h http.Header, agent string) {
	for _, v := range h.Values("X-Robots-Tag") {
		d.directives("X-Robots-Tag", v, agent)
	}
	for _, v := range h.Values("Content-Usage") {
		d.usage("header", v)
	}
	if v := strings.TrimSpace(h.Get("Tdm-Reservation")); v == "1" {
		d.mining(true, "header tdm-reservation: 1")
	} else if v == "0" {
		d.mining(false, "header tdm-reservation: 0")
	}
}

// directives reads a robots directive list, which may begin with a crawler's name.
func (d *Decision) directives(where, v, agent string) {
	for part := range strings.SplitSeq(strings.ToLower(v), ",") {
		part = strings.TrimSpace(part)
		if who, rest, ok := strings.Cut(part, ":"); ok && who != "max-snippet" && who != "max-image-preview" && who != "max-video-preview" && who != "unavailable_after" {
			if strings.TrimSpace(who) != agent {
				return // for another crawler, and so is what follows
			}
			part = strings.TrimSpace(rest)
		}
		switch part {
		case "noindex", "none":
			d.atLeast("reserved", where+": "+part)
		case "noarchive":
			d.atLeast("noarchive", where+": noarchive")
		case "nosnippet", "max-snippet:0":
			d.atLeast("nosnippet", where+": "+part)
		}
	}
}
