package serve

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.org/veille/serve/accounts"
)

// scope is what a token allows.
type scope string

const (
	scopeNone   scope = "none"   // health checks: open to all
	scopeRead   scope = "read"   // open on loopback
	scopeFeed   scope = "feed"   // reading feeds; such a token may stand in the address
	scopeAlerts scope = "alerts" // saved searches and alerts
	scopeAdmin  scope = "admin"  // everything
)

// Access is a token that somebody holds. Only its hash is kept.
type Access struct {
	Name    string
	Hash    string    // see [HashToken]
	Scopes  []string  // "read", "feed", "alerts", "admin"
	Expires time.Time // never if zero
}

// NewToken makes a token to hand out, and the hash to keep.
func NewToken() (token, hash string) {
	token = "vl_" + rand.Text()
	return token, HashToken(token)
}

// HashToken is the form in which a token is kept: SHA-256 in hexadecimal. A token
// holds 130 random bits, so that a slow hash would protect nothing more.
func HashToken(token string) string {
	h := hashToken(token)
	return hex.EncodeToString(h[:])
}

func hashToken(token string) [32]byte { return sha256.Sum256([]byte(token)) }

// maxToken bounds what is taken for a token at all, in bytes.
const maxToken = 256

// allows tells whether a token opens a scope. It reports the name of its holder.
func (s *Server) allows(token string, want scope) (known, ok bool) {
	if token == "" || len(token) > maxToken {
		return false, false
	}
	given := hashToken(token)
	if s.opt.Token != "" && subtle.ConstantTimeCompare(given[:], s.admin[:]) == 1 {
		return true, true
	}
	if s.opt.Tokens == nil {
		return false, false
	}
	hash := hex.EncodeToString(given[:])
	for _, a := range s.opt.Tokens() {
		if subtle.ConstantTimeCompare([]byte(a.Hash), []byte(hash)) != 1 {
			continue
		}
		if !a.Expires.IsZero() && !s.opt.Now().Before(a.Expires) {
			return false, false
		}
		ok := slices.Contains(a.Scopes, string(want)) || slices.Contains(a.Scopes, string(scopeAdmin))
		if want == scopeFeed {
			ok = ok || slices.Contains(a.Scopes, string(scopeRead))
		}
		return true, ok
	}
	return false, false
}

// rights are what a role may do.
var rights = map[string][]scope{
	accounts.Reader:  {scopeRead, scopeFeed},
	accounts.Analyst: {scopeRead, scopeFeed, scopeAlerts},
	accounts.Admin:   {scopeAdmin},
}

func may(role string, want scope) bool {
	return slices.Contains(rights[role], want) || slices.Contains(rights[role], scopeAdmin)
}

// Proxy is a way in through another server that has signed people in already: it
// names them in a header, which is believed from its addresses alone.
type Proxy struct {
	From   []netip.Prefix // addresses of the proxy; none: no header is believed
	Header string         // such as X-Forwarded-User
}

// proxied is the name that a trusted proxy gives the reader, "" for none. Two of them
// are none: somebody else added one.
func (s *Server) proxied(r *http.Request) string {
	if s.opt.Proxy.Header == "" {
		return ""
	}
	from := clientOf(r)
	if !slices.ContainsFunc(s.opt.Proxy.From, func(p netip.Prefix) bool { return p.Contains(from) }) {
		return ""
	}
	given := r.Header.Values(s.opt.Proxy.Header)
	if len(given) != 1 || len(given[0]) > 200 {
		return ""
	}
	return accounts.Fold(given[0])
}

// closed tells whether even this machine must sign in to read: once there are
// accounts, or a proxy that may run beside us and ask for everybody.
func (s *Server) closed() bool {
	if len(s.opt.Proxy.From) > 0 {
		return true
	}
	if s.opt.Accounts == nil {
		return false
	}
	list, err := s.opt.Accounts.List()
	if err != nil {
		s.lg.Error("accounts", "err", err)
	}
	return err != nil || len(list) > 0
}

// free tells whether the request may read without saying who asks.
func (s *Server) free(r *http.Request) bool { return s.opt.Open || local(r) && !s.closed() }

// trusted tells whether the request comes from somebody who may see addresses of
// other people: this machine, while nobody has an account, or who may set alerts.
func (s *Server) trusted(r *http.Request) bool {
	if local(r) && !s.closed() {
		return true
	}
	return (r.Header.Get("Authorization") != "" || s.who(r) != nil || s.proxied(r) != "") && s.authorize(r, scopeAlerts) == nil
}

// authorize answers for the request, with the problem when it may not pass.
//
// A token comes as "Authorization: Bearer …", or as the password of HTTP's own
// dialogue, which is how a browser can send one; name and password of an account are
// taken there too. Only feeds take a token from the address, because readers can send
// nothing else.
func (s *Server) authorize(r *http.Request, want scope) *Problem {
	if want == scopeNone {
		return nil
	}
	given := r.Header.Values("Authorization")
	token, name, password := "", "", ""
	if len(given) == 1 {
		var ok bool
		if token, ok = strings.CutPrefix(given[0], "Bearer "); !ok {
			if name, password, ok = r.BasicAuth(); !ok {
				return s.unauthenticated(r)
			}
			token = password
		}
	} else if len(given) > 1 {
		return s.unauthenticated(r)
	}
	if want == scopeFeed && token == "" {
		token = r.URL.Query().Get("token")
	}
	if token == "" {
		if who := s.proxied(r); who != "" {
			return s.permit(s.roleOf(who), want)
		}
		if who := s.who(r); who != nil { // a reader who signed in on a page
			if who.name != "" {
				return s.permit(s.roleOf(who.name), want)
			}
			token = who.token
		}
	}
	if token == "" {
		switch want {
		case scopeRead, scopeFeed:
			if s.free(r) {
				return nil
			}
		case scopeAlerts, scopeAdmin:
		default: // a route that names no scope is closed
		}
		return s.unauthenticated(r)
	}
	if s.limits.failing(clientOf(r), s.opt.Now()) {
		return fail("rate-limited", "Trop de jetons refusés ; attendez une minute.", "Too many refused tokens; wait a minute.")
	}
	switch known, ok := s.allows(token, want); {
	case ok:
		return nil
	case known:
		return fail("forbidden", fmt.Sprintf("Ce jeton n’ouvre pas « %s ».", want), fmt.Sprintf("This token does not open %q.", want))
	}
	if name != "" && s.opt.Accounts != nil {
		if a, ok, err := s.opt.Accounts.Check(name, password); err == nil && ok {
			return s.permit(a.Role, want)
		}
	}
	s.limits.failed(clientOf(r), s.opt.Now())
	return s.unauthenticated(r)
}

// roleOf is the role of somebody who is known to be who they are. Whom a proxy lets
// through and who has no account reads.
func (s *Server) roleOf(name string) string {
	if s.opt.Accounts == nil {
		return accounts.Reader
	}
	a, found, err := s.opt.Accounts.Find(name)
	switch {
	case err != nil:
		s.lg.Error("accounts", "err", err)
		return ""
	case !found:
		return accounts.Reader
	}
	return a.Role
}

func (s *Server) permit(role string, want scope) *Problem {
	if may(role, want) {
		return nil
	}
	return fail("forbidden", fmt.Sprintf("Votre rôle ne permet pas « %s » ; demandez à qui administre cette veille.", want), fmt.Sprintf("Your role does not allow %q; ask whoever looks after this veille.", want))
}

func (s *Server) unauthenticated(*http.Request) *Problem {
	return fail("unauthenticated",
		"Envoyez un jeton : « Authorization: Bearer … ». Celui de l’administrateur est dans le fichier admin-token du dossier de données.",
		"Send a token as Authorization: Bearer …; the administrator's stands in the file admin-token of the data folder.")
}

// clientOf is the address a request comes from. What a proxy says about it is not
// believed: anybody can say that.
func clientOf(r *http.Request) netip.Addr {
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return ap.Addr().Unmap()
	}
	return netip.Addr{}
}

// local tells whether the request comes from this machine: over loopback, or with
// no address at all, from the same process.
func local(r *http.Request) bool {
	return r.RemoteAddr == "" || clientOf(r).IsLoopback()
}

func (s *Server) hostAllowed(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if name == "localhost" {
		return true
	}
	if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() {
		return true
	}
	return slices.ContainsFunc(s.opt.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// cors lets the pages of allowed origins read the API, and answers their preflight
// requests; it tells whether it answered.
func (s *Server) cors(w http.ResponseWriter, r *http.Request) bool {
	if len(s.opt.CORS) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.Contains(s.opt.CORS, origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "ETag, Link, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD")
	h.Set("Access-Control-Allow-Headers", "Authorization, If-None-Match")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// limits counts the requests of each address in windows of a minute.
type limits struct {
	rate int
	mu   sync.Mutex
	from time.Time
	used map[netip.Addr]*usage
}

type usage struct{ requests, refused, streams int }

// maxClients bounds the addresses that are remembered; beyond it, all newcomers
// of a minute share one count.
const maxClients = 10_000

// maxRefused is how many wrong tokens an address may send in a minute.
const maxRefused = 10

func newLimits(rate int) *limits { return &limits{rate: rate, used: map[netip.Addr]*usage{}} }

// of finds an address's count; a new minute begins with zeroes, but streams last.
func (l *limits) of(client netip.Addr, now time.Time) *usage {
	if now.Sub(l.from) >= time.Minute || now.Before(l.from) {
		l.from = now
		for addr, u := range l.used {
			if u.streams == 0 {
				delete(l.used, addr)
				continue
			}
			u.requests, u.refused = 0, 0
		}
	}
	u := l.used[client]
	if u == nil {
		if len(l.used) >= maxClients {
			client = netip.Addr{}
			if u = l.used[client]; u != nil {
				return u
			}
		}
		u = &usage{}
		l.used[client] = u
	}
	return u
}

// take counts a request and tells how many are left, and until when; left is
// negative when it is too many.
func (l *limits) take(client netip.Addr, now time.Time) (left int, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.of(client, now)
	u.requests++
	return l.rate - u.requests, l.from.Add(time.Minute).Sub(now)
}

func (l *limits) failed(client netip.Addr, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of(client, now).refused++
}

func (l *limits) failing(client netip.Addr, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of(client, now).refused >= maxRefused
}

// stream takes one of the places for event streams of an address.
func (l *limits) stream(client netip.Addr, now time.Time, most int) (release func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.of(client, now)
	if u.streams >= most {
		return nil, false
	}
	u.streams++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		u.streams--
	}, true
}

// throttle counts a request from elsewhere, with the fields of the IETF's
// RateLimit draft, and answers when there were too many.
func (s *Server) throttle(w http.ResponseWriter, r *http.Request) *Problem {
	if local(r) || s.proxied(r) != "" { // behind a proxy, all would share its address
		return nil
	}
	left, wait := s.limits.take(clientOf(r), s.opt.Now())
	seconds := int(wait/time.Second) + 1
	w.Header().Set("RateLimit-Policy", fmt.Sprintf(`"minute";q=%d;w=60`, s.opt.Rate))
	w.Header().Set("RateLimit", fmt.Sprintf(`"minute";r=%d;t=%d`, max(0, left), seconds))
	if left >= 0 {
		return nil
	}
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return fail("rate-limited", fmt.Sprintf("%d requêtes par minute au plus.", s.opt.Rate), fmt.Sprintf("%d requests a minute at most.", s.opt.Rate))
}

type requestKey struct{}

// requestID takes over the id a proxy gave, when it looks like one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	if n := len(id); n >= 8 && n <= 64 && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == "" {
		return id
	}
	return strings.ToLower(rand.Text()[:16])
}

func requestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
