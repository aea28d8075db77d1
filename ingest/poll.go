package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"example.org/veille/ingest/feed"
	"example.org/veille/internal/guard"
	"example.org/veille/schemas"
)

// visit fetches a source's feed and deals with what is in it. It is called with
// the source's lock held. An error is our own: store, archive or bus; the state is
// not saved then, so that the poll is made again.
func (p *Poller) visit(ctx context.Context, src schemas.Source, st schemas.SourceState, start time.Time) (Result, error) {
	if st.MovedFrom != src.Feed { // the list has another address now: what was known of the old one is void
		st.MovedFrom, st.Feed, st.MovedTo, st.MovedSeen = src.Feed, "", "", 0
		st.ETag, st.LastModified, st.Hash, st.Stopped, st.Liar, st.Until = "", "", "", false, "", time.Time{}
		if st.Polls > 0 {
			st.Fails = 0
		}
	}
	addr := src.Feed
	if st.Feed != "" {
		addr = st.Feed
	}
	was := st.State
	now := p.now()
	res := Result{Source: src.ID}
	lg := p.lg.With("source", src.ID)

	finish := func() (Result, error) {
		st.Polls++
		st.Last = now
		res.Error, res.Reason, res.Took, res.Next = st.Error, st.Reason, time.Since(start), st.Next
		if st.State != was {
			st.Since = now
		}
		st.Fetches = append(st.Fetches, schemas.Fetch{At: now, Status: res.Status, Bytes: res.Bytes, Took: res.Took, Conditional: res.Conditional,
			Unchanged: res.Unchanged, Items: res.Items, New: res.New, Revised: res.Revised, Error: res.Error})
		st.Fetches = st.Fetches[max(0, len(st.Fetches)-schemas.MaxFetches):]
		if err := p.save(ctx, st); err != nil {
			return res, err
		}
		if st.State != was && p.opt.Health != nil {
			p.opt.Health(ctx, st)
		}
		return res, nil
	}

	req := guard.Request{URL: addr, Header: http.Header{"Accept": {"application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"}}}
	for k, v := range src.Headers {
		req.Header.Set(k, v)
	}
	if src.Agent != "" {
		req.Header.Set("User-Agent", src.Agent)
	}
	// A feed that has had nothing new for long may be one that says "not modified"
	// whatever happens: now and then it is asked without condition.
	probe := st.State == schemas.SourceSilent && st.Polls%8 == 7
	if st.Liar == "" && st.Hash != "" && !probe {
		if st.ETag != "" {
			req.Header["If-None-Match"] = []string{st.ETag}
			res.Conditional = true
		}
		if st.LastModified != "" {
			req.Header["If-Modified-Since"] = []string{st.LastModified}
			res.Conditional = true
		}
	}
	resp, err := p.get(ctx, req, nil)
	if err != nil {
		if ctx.Err() != nil {
			return res, ctx.Err() // it is we who stop; the source has no part in it
		}
		lg.Log(ctx, level(st), "feed not fetched", "reason", guard.Reason(err), "error", err)
		p.fail(&st, now, guard.Reason(err), sentence(err))
		return finish()
	}
	res.Status = resp.Status
	was304 := st.Status == http.StatusNotModified
	st.Status = resp.Status
	res.Bytes += int64(len(resp.Body))
	moved(&st, resp, addr)

	switch {
	case resp.Status == http.StatusNotModified && !res.Conditional:
		p.fail(&st, now, "protocol", "it answers 304 Not Modified to a request that was not conditional")
		return finish()
	case resp.Status == http.StatusNotModified:
		res.Unchanged = true
		p.asked(&st, resp, now)
		if err := p.again(ctx, src, &st, &res); err != nil { // items that are still to be fetched
			return res, err
		}
		p.well(&st, now, src, res.retry)
		return finish()
	case resp.Status == http.StatusOK:
	case resp.Status == http.StatusGone:
		p.fail(&st, now, "gone", "the feed is gone for good (410)")
		st.Stopped, st.State = true, schemas.SourceDown
		return finish()
	default:
		loud := level(st)
		p.refused(&st, resp, now)
		lg.Log(ctx, loud, "feed refused", "status", resp.Status, "error", st.Error)
		return finish()
	}

	sum := strconv.FormatUint(xxhash.Sum64(resp.Body), 36)
	p.validators(&st, resp, sum, &res)
	if sum == st.Hash {
		res.Unchanged = true
		p.asked(&st, resp, now)
		keep(&st, resp, sum)
		if err := p.again(ctx, src, &st, &res); err != nil {
			return res, err
		}
		p.well(&st, now, src, res.retry)
		return finish()
	}
	f, err := ParseFeed(resp.Body, resp.Header.Get("Content-Type"), resp.URL, zone(src))
	if err != nil && len(f.Items) == 0 {
		reason, text := feedFault(err, resp)
		lg.Log(ctx, level(st), "feed not understood", "reason", reason, "error", err)
		p.fail(&st, now, reason, text)
		return finish()
	}
	if probe && was304 && newest(f).Before(st.Last) && newest(f).After(st.Newest) {
		st.Liar = "it answered 304 Not Modified although it had changed"
		lg.Warn("feed lied about being unchanged")
	}
	st.Recovered = f.Recovered
	if err != nil {
		_, text := feedFault(err, resp)
		st.Recovered = append([]string{text}, st.Recovered...)
	}
	st.Format, st.Title, st.Items = f.Format, cut(f.Title, 200), len(f.Items)
	res.Items = len(f.Items)
	if err := p.take(ctx, src, &st, f, resp, &res); err != nil {
		return res, err
	}
	// All articles are acknowledged: only now may the server be told what we have.
	keep(&st, resp, sum)
	p.asked(&st, resp, now)
	p.well(&st, now, src, res.retry)
	res.Unchanged = res.New+res.Revised+res.Duplicate+res.Refused+res.Failed+res.Pending == 0
	lg.Info("feed polled", "status", res.Status, "items", res.Items, "new", res.New, "revised", res.Revised, "duplicate", res.Duplicate, "refused", res.Refused, "failed", res.Failed, "pending", res.Pending)
	return finish()
}

// get makes one request in the host's turn; a redirect takes its own turn.
func (p *Poller) get(ctx context.Context, req guard.Request, hop func(ctx context.Context, next *url.URL) error) (*guard.Response, error) {
	u, err := guard.ParseURL(req.URL)
	if err != nil {
		return nil, err
	}
	leave, err := p.gate.enter(ctx, hostKey(u), p.pause(u))
	if err != nil {
		return nil, err
	}
	req.Hop = func(ctx context.Context, next *url.URL) error {
		leave() // never hold one host while waiting for another
		leave = func() {}
		if hop != nil {
			if err := hop(ctx, next); err != nil {
				return err
			}
		}
		l, err := p.gate.enter(ctx, hostKey(next), p.pause(next))
		if err != nil {
			return err
		}
		leave = l
		return nil
	}
	defer func() { leave() }()
	return p.opt.Client.Do(ctx, req)
}

// pause is kept between two requests to a host: ours, or a longer one that its
// robots.txt asks for. Where none is wanted, in tests and on the sample press, the
// host's wish does not count either.
func (p *Poller) pause(u *url.URL) time.Duration {
	if p.opt.HostDelay <= 0 {
		return 0
	}
	return max(p.opt.HostDelay, p.rights.delay(u))
}

// level is how loud a failure is: a warning when a feed that worked stops to. What never worked, or fails again, stands in
// its health and in the count at the end of a pass.
func level(st schemas.SourceState) slog.Level {
	if st.Fails == 0 && !st.OK.IsZero() {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

func sentence(err error) string {
	var e *guard.Error
	if errors.As(err, &e) {
		return e.Sentence()
	}
	return cut(err.Error(), 200)
}

// feedFault puts into words why a body is no feed.
func feedFault(err error, resp *guard.Response) (reason, text string) {
	html := strings.Contains(strings.ToLower(resp.Header.Get("Content-Type")), "html")
	switch {
	case errors.Is(err, feed.ErrNotFeed) && (html || looksHTML(resp.Body)):
		return "not_feed", "the answer is a web page, not a feed"
	case errors.Is(err, feed.ErrNotFeed):
		return "not_feed", "the answer is not a feed"
	case errors.Is(err, feed.ErrTooLarge):
		return "too_large", "the feed is too large"
	case errors.Is(err, feed.ErrTooDeep):
		return "too_deep", "the feed is nested too deeply"
	case errors.Is(err, feed.ErrTooMany):
		return "too_many", "the feed has too many elements"
	case errors.Is(err, feed.ErrEntity):
		return "entity", "the feed declares entities that grow too large"
	}
	return "broken", cut(err.Error(), 200)
}

func looksHTML(b []byte) bool {
	head := strings.ToLower(string(b[:min(len(b), 512)]))
	return strings.Contains(head, "<!doctype html") || strings.Contains(head, "<html")
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// zones of the countries whose press is read: a date without zone is taken there.
var zones = map[string]string{
	"FR": "Europe/Paris", "BE": "Europe/Brussels", "CH": "Europe/Zurich", "LU": "Europe/Luxembourg", "DE": "Europe/Berlin",
	"GB": "Europe/London", "UK": "Europe/London", "IE": "Europe/Dublin", "NL": "Europe/Amsterdam", "ES": "Europe/Madrid", "IT": "Europe/Rome",
	"US": "America/New_York", "CA": "America/Toronto", "AU": "Australia/Sydney", "NZ": "Pacific/Auckland", "IN": "Asia/Kolkata",
	"SG": "Asia/Singapore", "JP": "Asia/Tokyo", "MA": "Africa/Casablanca", "TN": "Africa/Tunis", "ZA": "Africa/Johannesburg", "SE": "Europe/Stockholm",
}

func zone(src schemas.Source) *time.Location {
	z, err := time.LoadLocation(zones[src.Country])
	if err != nil || zones[src.Country] == "" {
		return nil
	}
	return z
}

// newest is when the newest item of a feed was published.
func newest(f feed.Feed) (t time.Time) {
	for _, it := range f.Items {
		t = latest(t, it.Published.Time)
	}
	return t
}

// moved keeps count of permanent redirects: an address is changed when it was told
// three times, since one-day mistakes are common.
func moved(st *schemas.SourceState, resp *guard.Response, asked string) {
	to := resp.Permanent()
	if to == "" || to == asked || resp.Status >= 400 {
		st.MovedTo, st.MovedSeen = "", 0
		return
	}
	if to != st.MovedTo {
		st.MovedTo, st.MovedSeen = to, 0
	}
	if st.MovedSeen++; st.MovedSeen >= 3 {
		st.Feed, st.MovedTo, st.MovedSeen = to, "", 0
	}
}

// usable tells whether a validator may be sent back: printable and of bearable size.
func usable(v string) bool {
	if v == "" || len(v) > 1024 {
		return false
	}
	for i := range len(v) {
		if v[i] < 0x20 || v[i] == 0x7f {
			return false
		}
	}
	return true
}

// keep remembers the validators of a body all of whose articles are safe.
func keep(st *schemas.SourceState, resp *guard.Response, sum string) {
	st.ETag, st.LastModified, st.Hash = "", "", sum
	if v := resp.Header.Get("ETag"); usable(v) {
		st.ETag = v
	}
	if v := resp.Header.Get("Last-Modified"); usable(v) {
		st.LastModified = v
	}
}

// validators notes servers whose validators mean nothing. A 200 with the bytes we
// have is only a waste; it is noted, and nothing changes.
func (p *Poller) validators(st *schemas.SourceState, resp *guard.Response, sum string, res *Result) {
	const note = "its validators change while the feed does not"
	st.Alarms = without(st.Alarms, note)
	if res.Conditional && sum == st.Hash && st.Hash != "" {
		st.Alarms = append(st.Alarms, note)
	}
}

func without(list []string, s string) []string {
	var out []string
	for _, v := range list {
		if v != s {
			out = append(out, v)
		}
	}
	return out
}

// refused deals with an answer that is neither the feed nor "not modified".
func (p *Poller) refused(st *schemas.SourceState, resp *guard.Response, now time.Time) {
	html := strings.Contains(strings.ToLower(resp.Header.Get("Content-Type")), "html") || looksHTML(resp.Body)
	after, asked := retryAfter(resp.Header, now)
	switch s := resp.Status; {
	case s == http.StatusTooManyRequests && !asked && html:
		p.fail(st, now, "blocked", "it answers 429 with a web page: a wall, not a limit")
		st.State = schemas.SourceBlocked
		st.Next = latest(st.Next, now.Add(24*time.Hour))
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusUnavailableForLegalReasons:
		p.fail(st, now, "blocked", fmt.Sprintf("it refuses us (%d)", s))
		st.State = schemas.SourceBlocked
		st.Next = latest(st.Next, now.Add(6*time.Hour))
	case s == http.StatusNotFound:
		p.fail(st, now, "not_found", "the feed is not there (404)")
	case s == http.StatusTooManyRequests:
		p.fail(st, now, "rate", "we came too often (429)")
		st.Next = latest(st.Next, now.Add(time.Hour))
	case s >= 500:
		p.fail(st, now, "server", fmt.Sprintf("the server fails (%d)", s))
	default:
		p.fail(st, now, "status", fmt.Sprintf("it answers with status %d", s))
	}
	if asked {
		st.Until = after
		st.Next = latest(st.Next, after)
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// longest is how far ahead a server may send us away, and a poll may lie.
const longest = 7 * 24 * time.Hour

// retryAfter reads Retry-After, as seconds or as a date; what makes no sense is
// no request.
func retryAfter(h http.Header, now time.Time) (time.Time, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return time.Time{}, false
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		if n <= 0 {
			return time.Time{}, false
		}
		return now.Add(min(time.Duration(min(n, int64(longest/time.Second)))*time.Second, longest)), true
	}
	if len(v) > 0 && strings.Trim(v, "0123456789") == "" { // beyond 64 bits
		return now.Add(longest), true
	}
	t, err := http.ParseTime(v)
	if err != nil || !t.After(now) {
		return time.Time{}, false
	}
	if t.After(now.Add(longest)) {
		t = now.Add(longest)
	}
	return t, true
}

// asked notes until when a good answer wants us to stay away: Cache-Control's
// max-age, or Expires, and Retry-After.
func (p *Poller) asked(st *schemas.SourceState, resp *guard.Response, now time.Time) {
	st.Until = time.Time{}
	if t, ok := fresh(resp.Header, now); ok {
		st.Until = t
	}
	if t, ok := retryAfter(resp.Header, now); ok {
		st.Until = latest(st.Until, t)
	}
}

func fresh(h http.Header, now time.Time) (time.Time, bool) {
	age := time.Duration(0)
	if n, err := strconv.ParseInt(strings.TrimSpace(h.Get("Age")), 10, 64); err == nil && n > 0 {
		age = time.Duration(min(n, int64(longest/time.Second))) * time.Second
	}
	found := false
	for part := range strings.SplitSeq(strings.ToLower(strings.Join(h.Values("Cache-Control"), ",")), ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.TrimSpace(k) {
		case "no-cache", "no-store", "must-revalidate":
			if k != "must-revalidate" {
				return time.Time{}, false
			}
		case "max-age":
			n, err := strconv.ParseInt(strings.Trim(strings.TrimSpace(v), `"`), 10, 64)
			if err != nil || n <= 0 {
				return time.Time{}, false
			}
			d := time.Duration(min(n, int64(longest/time.Second)))*time.Second - age
			if d <= 0 {
				return time.Time{}, false
			}
			return now.Add(d), true
		}
	}
	if !found {
		if t, err := http.ParseTime(h.Get("Expires")); err == nil {
			// Counted from the server's own clock, which may differ from ours.
			base := now
			if d, err := http.ParseTime(h.Get("Date")); err == nil {
				base = d
			}
			if d := min(t.Sub(base), longest); d > 0 {
				return now.Add(d), true
			}
		}
	}
	return time.Time{}, false
}
