// Package serve is the page and the HTTP API.
//
// [New] makes a [Server]; its [Server.Handler] answers everything: /api/v1 (api.go),
// the search page (page.go), health. Reading is open to whoever reaches the
// address; changing anything takes the admin token. A request for a host that is
// neither loopback nor configured is refused, so that a web page elsewhere cannot
// read a local veille through DNS rebinding.
//
// The package stores nothing and fetches nothing: the index answers searches, and
// functions in [Options] reach the other parts.
package serve

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"example.org/veille/extract/catalogue"
	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// MaxQuote is how much of an article any output shows at once, in characters: the
// short extract that press publishers' rights leave free.
const MaxQuote = 280

// Options are what the server is made of.
type Options struct {
	Index     *index.Index
	Catalogue *catalogue.Catalogue
	Version   string
	Token     string   // opens what changes something; "" closes it to all
	Hosts     []string // host names to answer for, besides loopback
	Now       func() time.Time

	// Ready tells what keeps this process from doing its work, nil for nothing.
	Ready func(context.Context) error
	// Lag tells how many messages each stage has still to handle.
	Lag func(context.Context) (map[string]uint64, error)
	// Sources lists the feeds with their health.
	Sources func(context.Context) ([]SourceStatus, error)
	// Fetch polls one feed now. It wraps ErrNoSource for an unknown slug.
	Fetch func(ctx context.Context, slug string) (any, error)
}

// SourceStatus is one feed, as /status and /sources show it.
type SourceStatus struct {
	ID          string    `json:"id"`
	Title       string    `json:"title"`
	URL         string    `json:"url"`
	Lang        string    `json:"lang"`
	State       string    `json:"state"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastError   string    `json:"last_error,omitempty"`
	Next        time.Time `json:"next,omitzero"`
	Articles    int       `json:"articles"`
}

// Server answers HTTP requests.
type Server struct {
	lg    *slog.Logger
	opt   Options
	began time.Time
}

// New makes a server.
func New(lg *slog.Logger, opt Options) *Server {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Server{lg: lg, opt: opt, began: opt.Now()}
}

// Handler is the whole of the site.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n")) // the reader is gone: nobody to tell
	})
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /api/v1/deals", s.deals)
	mux.HandleFunc("GET /api/v1/articles", s.articles)
	mux.HandleFunc("GET /api/v1/prices", s.prices)
	mux.HandleFunc("GET /api/v1/status", s.status)
	mux.HandleFunc("GET /api/v1/sources", s.sources)
	mux.HandleFunc("POST /api/v1/sources/{slug}/fetch", s.admin(s.fetch))
	mux.HandleFunc("/api/", s.noRoute)
	mux.HandleFunc("GET /static/", s.static)
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /search", s.page)
	return s.guard(http.MaxBytesHandler(mux, 1<<20))
}

// guard sets what every answer carries and refuses foreign hosts and cross-site
// writes.
func (s *Server) guard(next http.Handler) http.Handler {
	csrf := http.NewCrossOriginProtection()
	next = csrf.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !s.hostAllowed(r.Host) {
			s.problem(w, r, &Problem{Status: http.StatusMisdirectedRequest, Name: "unknown-host", Title: "This server does not answer for that host", Detail: "Add the name to hosts in veille.yaml, or use 127.0.0.1."})
			return
		}
		next.ServeHTTP(w, r)
	})
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
	for _, h := range s.opt.Hosts {
		if strings.EqualFold(h, name) {
			return true
		}
	}
	return false
}

// admin lets a request through that carries the token.
func (s *Server) admin(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if s.opt.Token == "" || !ok || subtle.ConstantTimeCompare([]byte(given), []byte(s.opt.Token)) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="veille"`)
			s.problem(w, r, &Problem{Status: http.StatusUnauthorized, Name: "unauthenticated", Title: "This takes the admin token", Detail: "Send it as Authorization: Bearer …; it stands in the file admin-token of the data folder."})
			return
		}
		next(w, r)
	}
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.opt.Ready != nil {
		if err := s.opt.Ready(r.Context()); err != nil {
			s.problem(w, r, &Problem{Status: http.StatusServiceUnavailable, Name: "not-ready", Title: "Not ready", Detail: err.Error()})
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ready\n")) // the reader is gone: nobody to tell
}

// parse reads a query the way every part of the server does.
func (s *Server) parse(q string) (query.Query, error) {
	now := s.opt.Now()
	return query.Parse(q, query.Options{
		Now: now,
		Resolve: func(name string) []schemas.VendorRef {
			var out []schemas.VendorRef
			for _, v := range s.opt.Catalogue.Resolve(name, now) {
				out = append(out, schemas.VendorRef{ID: v.ID, Name: v.Name})
			}
			return out
		},
	})
}

// clip cuts a text to n characters at a word.
func clip(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	cut := string(runes[:n-1])
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/2 {
		cut = cut[:i]
	}
	return cut + "…"
}
