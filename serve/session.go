package serve

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
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

type session struct {
	token string // what was signed in with: asked again at every use, so that a revoked one ends
	until time.Time
}

func newSessions() *sessions { return &sessions{by: map[[32]byte]*session{}} }

func (ss *sessions) begin(token string, now time.Time) (secret string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for k, s := range ss.by {
		if now.After(s.until) || len(ss.by) >= maxSessions {
			delete(ss.by, k)
		}
	}
	secret = rand.Text()
	ss.by[hashToken(secret)] = &session{token, now.Add(sessionTime)}
	return secret
}

func (ss *sessions) token(secret string, now time.Time) string {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := ss.by[hashToken(secret)]
	if s == nil || now.After(s.until) {
		return ""
	}
	s.until = now.Add(sessionTime)
	return s.token
}

func (ss *sessions) end(secret string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	delete(ss.by, hashToken(secret))
}

// sessionToken is the token of the session that a request belongs to, "" for none.
func (s *Server) sessionToken(r *http.Request) string {
	c, err := r.Cookie(sessionCookie)
	if err != nil || len(c.Value) > maxToken {
		return ""
	}
	return s.sessions.token(c.Value, s.opt.Now())
}

func (s *Server) signed(r *http.Request) bool { return s.sessionToken(r) != "" }

type signInData struct {
	Next  string
	Wrong bool
	Why   bool   // something was asked that takes a token
	Kept  bool   // what had been filled in comes back
	HTTP  bool   // a browser will not keep the session over this connection
	Where string // of the token
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
	d.HTTP = r.TLS == nil && !local(r)
	f.Title = f.T("signin.title")
	return screen{name: "signin", status: http.StatusUnauthorized, data: d}
}

func (s *Server) signInPage(f *frame, _ http.ResponseWriter, r *http.Request) (screen, error) {
	f.Title = f.T("signin.title")
	return showing("signin", signInData{Next: samePath(first(r.URL.Query().Get("next"), "/")), HTTP: r.TLS == nil && !local(r)})
}

// signIn begins a session with a token, however it is allowed to be used.
func (s *Server) signIn(f *frame, w http.ResponseWriter, r *http.Request) (screen, error) {
	if err := r.ParseForm(); err != nil {
		return screen{}, fail("invalid-parameter", "Le formulaire est mal formé.", "The form is malformed.")
	}
	next, token := samePath(r.PostForm.Get("next")), strings.TrimSpace(r.PostForm.Get("token"))
	if s.limits.failing(clientOf(r), s.opt.Now()) {
		return screen{}, fail("rate-limited", "Trop de jetons refusés ; attendez une minute.", "Too many refused tokens; wait a minute.")
	}
	if known, _ := s.allows(token, scopeRead); !known {
		s.limits.failed(clientOf(r), s.opt.Now())
		f.Title = f.T("signin.title")
		return screen{name: "signin", status: http.StatusUnauthorized, data: signInData{Next: next, Wrong: true, HTTP: r.TLS == nil && !local(r)}}, nil
	}
	secret := s.sessions.begin(token, s.opt.Now())
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
