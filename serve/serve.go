// Package serve is the page and the HTTP API.
//
// [New] makes a [Server]; its [Server.Handler] answers everything: the API under
// /api/v1 and the same bodies as /deals.json and the like, exports, feeds, the
// event stream, metrics, tools for assistants, the search page. Every operation
// of the API stands in one table (routes.go): the mux, the check of parameters,
// the scope a caller needs and the OpenAPI document are all made from it.
//
// Reading is open on loopback; from elsewhere it takes a token, and changing
// anything always does (access.go). A request for a host that is neither loopback
// nor configured is refused, so that a web page elsewhere cannot read a local
// veille through DNS rebinding.
//
// The package stores nothing and fetches nothing: the index answers searches, and
// functions in [Options] reach the other parts.
package serve

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"

	"example.org/veille/alert"
	"example.org/veille/extract/catalogue"
	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
	"example.org/veille/serve/accounts"
)

// MaxQuote is how much of an article any output shows at once, in characters: the
// short extract that press publishers' rights leave free.
const MaxQuote = 280

// maxExports is how many exports are written at once.
const maxExports = 4

// Options are what the server is made of. The functions may be nil; what needs
// them is then absent or empty.
type Options struct {
	Index     *index.Index
	Catalogue *catalogue.Catalogue
	Version   string
	Now       func() time.Time // the clock; time.Now if nil

	Hosts  []string        // host names to answer for, besides loopback
	Token  string          // the administrator's; "" closes what changes something to all
	Tokens func() []Access // tokens of others, asked at every use: a revoked one ends at once
	Open   bool            // reading is free from everywhere, not only from loopback
	// Accounts are the people who may sign in by name; nil for none. Where there are
	// any, or a Proxy, loopback must sign in too.
	Accounts *accounts.Store
	Proxy    Proxy
	CORS     []string // origins whose pages may read the API, such as https://grafana.example
	// Rate is how many requests one address may send in a minute, 600 if zero;
	// loopback is free.
	Rate int
	// Streams is how many event streams one address may hold, 4 if zero.
	Streams int

	// Ready tells what keeps this process from doing its work, nil for nothing.
	Ready func(context.Context) error
	// Lag tells how many messages each stage has still to handle.
	Lag func(context.Context) (map[string]uint64, error)
	// Sources lists the feeds with their health.
	Sources func(context.Context) ([]SourceStatus, error)
	// OPML is the list of feeds as a file.
	OPML func(context.Context) ([]byte, error)
	// Fetch polls one feed now. It wraps ErrNoSource for an unknown slug.
	Fetch func(ctx context.Context, slug string) (any, error)
	// PutSource adds a source (slug is "": its feed is looked for, what the draft leaves
	// out is found there) or changes one, and returns what is on the list then. It wraps
	// ErrNoSource or ErrSourceExists, or is a BadSource. DeleteSource takes one off.
	PutSource    func(ctx context.Context, slug string, draft schemas.Source) (schemas.Source, error)
	DeleteSource func(ctx context.Context, slug string) error
	// PreviewSource tells what a feed or a page would give, without keeping anything. It
	// is a BadSource where that gives nothing.
	PreviewSource func(ctx context.Context, addr string, items int) (any, error)
	// Tail calls f for the events of deals whose sequence is greater than after, oldest
	// first, then for new ones as they come, until ctx ends or f fails. It starts at
	// the oldest event there is when those after the given one are gone.
	Tail func(ctx context.Context, after uint64, f func(seq uint64, e schemas.Event) error) error
	// Tip is the sequence of the newest event of deals: where a stream begins that
	// does not say from where.
	Tip func(context.Context) (uint64, error)
	// TailPrices and TipPrices are the same for the log of prices, whose sequences are
	// its own.
	TailPrices func(ctx context.Context, after uint64, f func(seq uint64, e schemas.Event) error) error
	TipPrices  func(context.Context) (uint64, error)
	// Dead counts the messages of each stage that no handler could take.
	Dead func(context.Context) (map[string]int, error)
	// IndexBytes is the size of the index on disk.
	IndexBytes func() (int64, error)
	// Letters lists the messages that no handler could take, newest first, at most n.
	Letters func(ctx context.Context, n int) ([]Letter, error)
	// Retry puts one of them back where it came from; Discard takes it away, with a
	// note of who did it and why. Both wrap ErrNoLetter when it is gone.
	Retry   func(ctx context.Context, place uint64) error
	Discard func(ctx context.Context, place uint64, by, note string) error
	// Feedback keeps what a reader says of a deal: a line for the gold set.
	Feedback func(context.Context, Feedback) error
	// Correct takes a deal apart, puts two together, or undoes that; Corrections lists
	// those in force. Correct returns a Refusal for what cannot be.
	Correct     func(context.Context, Correction) error
	Corrections func() []Correction
	// Alerts keeps the saved searches and sends what they find.
	Alerts *alert.Notifier
	// Collectors are figures of other parts that /metrics shows too.
	Collectors []prometheus.Collector
}

// Letter is a message that no handler could take, with its place among them.
type Letter struct {
	schemas.Dead
	Place uint64
}

// ErrNoLetter is wrapped when there is no dead letter at a place.
var ErrNoLetter = errors.New("there is no such dead letter")

// Server answers HTTP requests.
type Server struct {
	lg       *slog.Logger
	opt      Options
	began    time.Time
	ops      []operation
	language *language
	lists    map[string][]schemas.VendorRef
	facts    facts // what changes slowly, remembered for a moment
	limits   *limits
	exports  chan struct{} // a token for each export under way
	metrics  *metrics
	admin    [32]byte // hash of the administrator's token
	screens  *screens
	sessions *sessions

	// Made when first asked for: a command line that puts one question needs none.
	names   func() *names // of vendors
	tools   func() http.Handler
	openapi func() []byte
	async   func() []byte
}

// New makes a server.
func New(lg *slog.Logger, opt Options) *Server {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Rate <= 0 {
		opt.Rate = 600
	}
	if opt.Streams <= 0 {
		opt.Streams = 4
	}
	s := &Server{lg: lg, opt: opt, began: opt.Now(), language: newLanguage(opt.Catalogue, opt.Now), limits: newLimits(opt.Rate), exports: make(chan struct{}, maxExports)}
	s.admin = hashToken(opt.Token)
	s.opt.Token = redacted(opt.Token)
	s.metrics = newMetrics(s)
	s.sessions = newSessions()
	var err error
	if s.screens, err = newScreens(paris()); err != nil {
		panic(err) // unreachable: the templates are embedded, and tried by the tests
	}
	s.ops = s.operations()
	if opt.Alerts != nil {
		s.ops = append(s.ops, s.alertOperations(opt.Alerts)...)
	}
	s.names, s.lists = s.language.names, s.language.lists
	s.tools = sync.OnceValue(s.newTools)
	s.openapi = sync.OnceValue(func() []byte { return mustJSON(s.openAPI()) })
	s.async = sync.OnceValue(func() []byte { return mustJSON(asyncAPI(opt.Version)) })
	return s
}

// redacted keeps only whether there is a token: its hash is what is compared.
func redacted(token string) string {
	if token == "" {
		return ""
	}
	return "set"
}

// Handler is the whole of the site.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, op := range s.ops {
		mux.Handle(op.Method+" "+op.Path, s.serve(op))
	}
	// The protocol of the tools answers for its other methods itself.
	mux.Handle("/mcp", s.serve(operation{ID: "mcp", Scope: scopeRead, AnyParams: true, Fresh: true, handle: func(w http.ResponseWriter, r *http.Request) { s.tools().ServeHTTP(w, r) }}))
	s.registerPages(mux)
	missing := s.page("none", scopeRead, s.notFoundPage)
	none := s.serve(operation{ID: "none", Scope: scopeRead, AnyParams: true, handle: func(w http.ResponseWriter, r *http.Request) { s.noRoute(w, r, mux) }})
	var site http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch _, pattern := mux.Handler(r); {
		case pattern != "":
			mux.ServeHTTP(w, r)
		case wantsPage(r) && !strings.HasPrefix(r.URL.Path, "/api/"):
			missing.ServeHTTP(w, r)
		default:
			none.ServeHTTP(w, r)
		}
	})
	if s.opt.Alerts != nil {
		site = s.withAlertFeeds(s.opt.Alerts, site)
	}
	return s.guard(http.MaxBytesHandler(site, 1<<20))
}

// guard sets what every answer carries and refuses foreign hosts and cross-site
// writes.
func (s *Server) guard(next http.Handler) http.Handler {
	csrf := http.NewCrossOriginProtection()
	csrf.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.problem(w, r, fail("forbidden", "La requête vient d’une page d’un autre site.", "The request comes from a page of another site."))
	}))
	next = csrf.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		id := requestID(r)
		h.Set("X-Request-Id", id)
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, id))
		if !s.hostAllowed(r.Host) {
			s.problem(w, r, fail("unknown-host", "Ajoutez ce nom à hosts dans veille.yaml, ou prenez 127.0.0.1.", "Add the name to hosts in veille.yaml, or use 127.0.0.1."))
			return
		}
		if s.cors(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// compress is the wrapper around everything but streams and exports, which are
// flushed as they grow.
func compress(h http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.CompressionLevel(5))
	if err != nil {
		panic(err) // unreachable: the options are constants
	}
	return wrap(h)
}

// parse reads a query the way every part of the server does.
func (s *Server) parse(q string) (query.Query, error) { return s.language.parse(q) }

// resolve gives the vendors that a name in an address may mean: an id is itself, any
// other name is read as in a query.
func (s *Server) resolve(name string) []schemas.VendorRef {
	if v, ok := s.opt.Catalogue.Vendor(name); ok {
		return []schemas.VendorRef{{ID: v.ID, Name: v.Name}}
	}
	return s.language.resolve(name)
}

// NewParser makes the function that reads queries as the server does, with the names
// and lists of the catalogue: for alerts and command lines.
func NewParser(cat *catalogue.Catalogue, now func() time.Time) func(string) (query.Query, error) {
	return newLanguage(cat, now).parse
}

// language is what queries are read with.
type language struct {
	cat   *catalogue.Catalogue
	now   func() time.Time
	lists map[string][]schemas.VendorRef
	names func() *names
}

func newLanguage(cat *catalogue.Catalogue, now func() time.Time) *language {
	return &language{cat: cat, now: now, lists: lists(cat), names: sync.OnceValue(func() *names { return newNames(cat) })}
}

func (l *language) parse(q string) (query.Query, error) {
	return query.Parse(q, query.Options{
		Now: l.now(), Lists: l.lists, Resolve: l.resolve,
		Nearest: func(name string) []schemas.VendorRef { return l.names().nearest(name, 3) },
	})
}

// resolve gives the vendors that a name may mean in a query. That is whom it names
// today; and where an earlier bearer has split, as Hewlett-Packard did, its heirs and
// itself too: a query ranges over all years, and only the reader knows which is meant.
func (l *language) resolve(name string) []schemas.VendorRef {
	var out []schemas.VendorRef
	add := func(v catalogue.Vendor) {
		ref := schemas.VendorRef{ID: v.ID, Name: v.Name}
		if !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	for _, v := range l.cat.Resolve(name, l.now()) {
		add(v)
	}
	for _, v := range l.cat.Resolve(name, time.Time{}) {
		if len(v.Successors) < 2 || len(out) == 0 || slices.ContainsFunc(out, func(r schemas.VendorRef) bool { return r.ID == v.ID }) {
			continue
		}
		for _, heir := range v.Successors {
			if h, ok := l.cat.Vendor(heir.ID); ok {
				add(h)
			}
		}
		add(v)
	}
	return out
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
