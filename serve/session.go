package serve

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"example.org/veille/serve/accounts"
)

// sessionCookie holds a signed-in reader's session. The prefix makes browsers keep
// it to this host, and to https or loopback.
const sessionCookie = "__Host-veille"

// sessionTime is how long a session lasts after its last use, maxSessions how many
// there may be.
const (
	sessionTime = 12 * time.Hour
	maxSessions = 1000
)

// sessions remembers who has signed in. They end with the process.
type sessions struct {
	mu sync.Mutex
	by map[[32]byte]*session
}

// session is what was signed in with, asked again at every use, so that a revoked
// token, an account taken away or a new password end it.
type session struct {
	token string // or:
	name  string // of an account
	hash  string // of its password then
	until time.Time
}

func newSessions() *sessions { return &sessions{by: map[[32]byte]*session{}} }

func (ss *sessions) begin(who session, now time.Time) (secret string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for k, s := range ss.by {
		if now.After(s.until) || len(ss.by) >= maxSessions {
			delete(ss.by, k)
		}
	}
	secret = rand.Text()
	who.until = now.Add(sessionTime)
	ss.by[hashToken(secret)] = &who
	return secret
}

func (ss *sessions) of(secret string, now time.Time) *session {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := ss.by[hashToken(secret)]
	if s == nil || now.After(s.until) {
		return nil
	}
	s.until = now.Add(sessionTime)
	who := *s
	return &who
}

func (ss *sessions) end(secret string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	delete(ss.by, hashToken(secret))
}

// who is the session that a request belongs to, nil for none.
func (s *Server) who(r *http.Request) *session {
	c, err := r.Cookie(sessionCookie)
	if err != nil || len(c.Value) > maxToken {
		return nil
	}
	who := s.sessions.of(c.Value, s.opt.Now())
	if who == nil {
		return nil
	}
	if who.name == "" { // a token that was revoked is no session
		if known, _ := s.allows(who.token, scopeRead); !known {
			return nil
		}
		return who
	}
	if s.opt.Accounts == nil {
		return nil
	}
	if a, found, err := s.opt.Accounts.Find(who.name); err != nil || !found || a.Hash != who.hash {
		return nil
	}
	return who
}

// signed is the name to show of who is signed in, "" for nobody.
func (s *Server) signed(r *http.Request) string {
	if name := s.proxied(r); name != "" {
		return name
	}
	if who := s.who(r); who != nil {
		return first(who.name, "admin")
	}
	return ""
}

type signInData struct {
	Next  string
	Wrong bool
	Why   bool   // something was asked that takes a token
	Kept  bool   // what had been filled in comes back
	HTTP  bool   // a browser will not keep the session over this connection
	Names bool   // there are accounts: a name is asked for
	Name  string // as it was given
}

// samePath keeps an address of this site, "/" for any other.
func samePath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

// askToken shows the sign-in form to who wanted something that takes a token. What
// a form held comes back into it afterwards.
func (s *Server) askToken(f *frame, r *http.Request) screen {
	next := r.URL.RequestURI()
	d := signInData{Why: true}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		next = "/"
		if err := r.ParseForm(); err == nil && r.PostForm.Has("form") {
			kept := url.Values{}
			for k, vs := range r.PostForm {
				// The address of a destination may be a secret, which no address of a page holds.
				if k != "form" && k != "token" && k != "address" {
					kept[k] = vs
				}
			}
			next = samePath(r.PostForm.Get("form"))
			if q := kept.Encode(); q != "" && len(q) < 8000 {
				next += "?" + q
				if i := strings.IndexByte(next, '?'); strings.Count(next, "?") > 1 {
					next = next[:i+1] + strings.ReplaceAll(next[i+1:], "?", "&")
				}
				d.Kept = true
			}
		}
	}
	d.Next = samePath(next)
	return s.signInScreen(f, r, d, http.StatusUnauthorized)
}

func (s *Server) signInScreen(f *frame, r *http.Request, d signInData, status int) screen {
	f.Title, f.Bare = f.T("signin.title"), f.Signed == "" && !s.free(r)
	d.HTTP = r.TLS == nil && !local(r)
	if s.opt.Accounts != nil {
		list, err := s.opt.Accounts.List()
		d.Names = err != nil || len(list) > 0
	}
	return screen{name: "signin", status: status, data: d}
}

func (s *Server) signInPage(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	return s.signInScreen(f, r, signInData{Next: samePath(first(r.URL.Query().Get("next"), "/"))}, http.StatusOK), nil
}

// signIn begins a session with the name and password of an account, or with a token,
// whatever it is allowed to be used for.
func (s *Server) signIn(f *frame, w http.ResponseWriter, r *http.Request) (screen, error) {
	if err := r.ParseForm(); err != nil {
		return screen{}, fail("invalid-parameter", "Le formulaire est mal formé.", "The form is malformed.")
	}
	next, name, given := samePath(r.PostForm.Get("next")), accounts.Fold(r.PostForm.Get("user")), r.PostForm.Get("token")
	if s.limits.failing(clientOf(r), s.opt.Now()) {
		return screen{}, fail("rate-limited", "Trop d’essais refusés ; attendez une minute.", "Too many refused attempts; wait a minute.")
	}
	who := session{token: strings.TrimSpace(given)}
	known, _ := s.allows(who.token, scopeRead)
	if !known && s.opt.Accounts != nil && name != "" {
		a, ok, err := s.opt.Accounts.Check(name, given)
		if err != nil {
			return screen{}, err
		}
		known, who = ok, session{name: a.Name, hash: a.Hash}
	}
	if !known {
		s.limits.failed(clientOf(r), s.opt.Now())
		return s.signInScreen(f, r, signInData{Next: next, Wrong: true, Name: clip(name, 64)}, http.StatusUnauthorized), nil
	}
	secret := s.sessions.begin(who, s.opt.Now())
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: secret, Path: "/", MaxAge: int(sessionTime / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return screen{to: next}, nil
}

func (s *Server) signOut(_ *frame, w http.ResponseWriter, r *http.Request) (screen, error) {
	if c, err := r.Cookie(sessionCookie); err == nil {
		s.sessions.end(c.Value)
	}
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return screen{to: "/"}, nil
}
