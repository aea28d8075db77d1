package serve

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"example.org/veille/index"
	"example.org/veille/query"
	"example.org/veille/schemas"
)

// SourceStatus is one feed, as /status and /sources show it.
type SourceStatus struct {
	ID          string           `json:"id"`
	Title       string           `json:"title"`
	URL         string           `json:"url"`
	Site        string           `json:"site,omitempty"`
	Lang        string           `json:"lang"`
	Country     string           `json:"country,omitempty"`
	Kind        string           `json:"kind,omitempty"`
	Folder      []string         `json:"folder,omitempty"`
	State       string           `json:"state" jsonschema:"new, up, silent, degraded, blocked or down"`
	Since       time.Time        `json:"since,omitzero" jsonschema:"since when it is so"`
	LastPoll    time.Time        `json:"last_poll,omitzero"`
	LastSuccess time.Time        `json:"last_success,omitzero"`
	LastError   string           `json:"last_error,omitempty"`
	Reason      string           `json:"reason,omitempty" jsonschema:"of the error, one token"`
	Next        time.Time        `json:"next,omitzero" jsonschema:"next poll"`
	Every       float64          `json:"every_s,omitempty" jsonschema:"interval in use, in seconds"`
	Newest      time.Time        `json:"newest,omitzero" jsonschema:"publication of its newest article"`
	Articles    int              `json:"articles"`
	DelayP50    float64          `json:"delay_p50_s,omitempty" jsonschema:"seconds from publication to being seen"`
	DelayP95    float64          `json:"delay_p95_s,omitempty"`
	Alarms      []string         `json:"alarms,omitempty"`
	Ledger      []schemas.Ledger `json:"ledger,omitempty" jsonschema:"what became of each item it listed, by day"`
	Fetches     []schemas.Fetch  `json:"fetches,omitempty" jsonschema:"the last polls, oldest first"`
}

// sourcesBody lists all feeds.
type sourcesBody struct {
	Data []SourceStatus `json:"data"`
}

// statusInfo tells how the whole is doing.
type statusInfo struct {
	Version  string            `json:"version"`
	Since    time.Time         `json:"since"`
	Ready    bool              `json:"ready"`
	Articles int               `json:"articles"`
	Deals    int               `json:"deals"`
	Prices   int               `json:"prices"`
	Lag      map[string]uint64 `json:"lag" jsonschema:"messages each stage has still to handle"`
	Sources  map[string]int    `json:"sources" jsonschema:"feeds by state"`
	AsOf     asOf              `json:"as_of"`
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	info := statusInfo{Version: s.opt.Version, Since: s.began.UTC(), Ready: true, Lag: map[string]uint64{}, Sources: map[string]int{}}
	var err error
	if info.Articles, info.Deals, info.Prices, err = s.opt.Index.Counts(); err != nil {
		s.problem(w, r, err)
		return
	}
	if s.opt.Ready != nil {
		info.Ready = s.opt.Ready(r.Context()) == nil
	}
	if s.opt.Lag != nil {
		if lag, err := s.opt.Lag(r.Context()); err == nil && lag != nil {
			info.Lag = lag
		}
	}
	if s.opt.Sources != nil {
		if list, err := s.opt.Sources(r.Context()); err == nil {
			for _, src := range list {
				info.Sources[src.State]++
			}
		}
	}
	info.AsOf = s.asOf(r.Context(), s.opt.Index.Generation())
	s.json(w, http.StatusOK, info)
}

func (s *Server) sources(w http.ResponseWriter, r *http.Request) {
	out := sourcesBody{Data: []SourceStatus{}}
	if s.opt.Sources != nil {
		list, err := s.opt.Sources(r.Context())
		if err != nil {
			s.problem(w, r, err)
			return
		}
		out.Data = append(out.Data, list...)
	}
	s.json(w, http.StatusOK, out)
}

func (s *Server) source(w http.ResponseWriter, r *http.Request) {
	if s.opt.Sources != nil {
		list, err := s.opt.Sources(r.Context())
		if err != nil {
			s.problem(w, r, err)
			return
		}
		for _, src := range list {
			if src.ID == r.PathValue("slug") {
				s.json(w, http.StatusOK, src)
				return
			}
		}
	}
	s.problem(w, r, ErrNoSource)
}

func (s *Server) sourcesOPML(w http.ResponseWriter, r *http.Request) {
	if s.opt.OPML == nil {
		s.problem(w, r, fail("conflict", "Ce processus ne relève pas les flux ; demandez à l’un de ceux qui tiennent le rôle ingest.", "This process does not fetch; ask one that has the role ingest."))
		return
	}
	body, err := s.opt.OPML(r.Context())
	if err != nil {
		s.problem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/x-opml; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="veille-sources.opml"`)
	_, _ = w.Write(body) // the reader is gone: nobody to tell
}

func (s *Server) fetch(w http.ResponseWriter, r *http.Request) {
	if s.opt.Fetch == nil {
		s.problem(w, r, fail("conflict", "Ce processus ne relève pas les flux ; demandez à l’un de ceux qui tiennent le rôle ingest.", "This process does not fetch; ask one that has the role ingest."))
		return
	}
	res, err := s.opt.Fetch(r.Context(), r.PathValue("slug"))
	if err != nil {
		s.problem(w, r, err)
		return
	}
	s.json(w, http.StatusOK, res)
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // the reader is gone: nobody to tell
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.opt.Ready != nil {
		if err := s.opt.Ready(r.Context()); err != nil {
			s.lg.Warn("not ready", "err", err)
			s.problem(w, r, fail("not-ready", clip(err.Error(), 200), clip(err.Error(), 200)))
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ready\n")) // the reader is gone: nobody to tell
}

// facts remembers for a moment what many requests ask and little changes.
type facts struct {
	health struct {
		sync.Mutex
		at              time.Time
		pending, silent int
		names           []string // of sources
		titles          map[string]string
	}
	counts struct {
		sync.Mutex
		at         time.Time
		generation uint64
		vendors    map[string]index.VendorCount
		values     map[string]map[string]int
	}
}

// healthFor is how long what is known of lag and sources is good, countsFor how long
// counts are that are only shown beside suggestions.
const (
	healthFor = 5 * time.Second
	countsFor = 10 * time.Second
)

// lagAndSilence tells how many messages are on their way and how many sources say
// nothing.
func (f *facts) lagAndSilence(ctx context.Context, s *Server) (pending, silent int) {
	f.health.Lock()
	defer f.health.Unlock()
	f.refresh(ctx, s)
	return f.health.pending, f.health.silent
}

// sourceNames lists the slugs of the feeds.
func (f *facts) sourceNames(ctx context.Context, s *Server) []string {
	f.health.Lock()
	defer f.health.Unlock()
	f.refresh(ctx, s)
	return f.health.names
}

// outlet is how people call a source.
func (s *Server) outlet(ctx context.Context, slug string) string {
	h := &s.facts.health
	h.Lock()
	defer h.Unlock()
	s.facts.refresh(ctx, s)
	return first(h.titles[slug], slug)
}

func (f *facts) refresh(ctx context.Context, s *Server) {
	h, now := &f.health, time.Now()
	if !h.at.IsZero() && now.Sub(h.at) < healthFor {
		return
	}
	h.at = now
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if s.opt.Lag != nil {
		if lag, err := s.opt.Lag(ctx); err == nil {
			h.pending = 0
			for _, n := range lag {
				h.pending += int(n)
			}
		}
	}
	if s.opt.Sources != nil {
		if list, err := s.opt.Sources(ctx); err == nil {
			h.silent, h.names, h.titles = 0, nil, make(map[string]string, len(list))
			for _, src := range list {
				h.titles[src.ID] = src.Title
				h.names = append(h.names, src.ID)
				switch src.State {
				case schemas.SourceSilent, schemas.SourceBlocked, schemas.SourceDown:
					h.silent++
				}
			}
		}
	}
}

// vendors counts what there is of each organisation, and tells the generation of
// the index that was counted.
func (f *facts) vendors(ctx context.Context, s *Server) (map[string]index.VendorCount, uint64, error) {
	f.counts.Lock()
	defer f.counts.Unlock()
	err := f.count(ctx, s)
	return f.counts.vendors, f.counts.generation, err
}

// values counts documents by field of the index and value, for suggestions.
func (f *facts) values(ctx context.Context, s *Server) (map[string]map[string]int, error) {
	f.counts.Lock()
	defer f.counts.Unlock()
	if f.counts.values != nil && time.Since(f.counts.at) < countsFor {
		return f.counts.values, nil
	}
	err := f.count(ctx, s)
	return f.counts.values, err
}

// count brings the counts up to the index's generation.
func (f *facts) count(ctx context.Context, s *Server) error {
	g := s.opt.Index.Generation()
	if f.counts.vendors != nil && f.counts.generation == g {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	list, err := s.opt.Index.Vendors(ctx)
	if err != nil {
		return err
	}
	vendors, values := make(map[string]index.VendorCount, len(list)), map[string]map[string]int{"party": {}}
	for _, v := range list {
		vendors[v.ID] = v
		values["party"][v.ID] = v.Deals
	}
	q, err := s.parse("")
	if err != nil {
		return err
	}
	for view, fields := range map[string][]string{
		index.Deals:    {"type", "status", "kind", "territory", "distributor", "reseller", "integrator", "customer", "acquirer", "target", "investor", "maker", "partner"},
		index.Articles: {"lang", "source"},
		index.Prices:   {"price_kind", "currency", "product"},
	} {
		res, err := s.opt.Index.Search(ctx, index.Request{View: view, Query: q, Facets: fields})
		if err != nil {
			return err
		}
		for name, bs := range res.Facets {
			field := query.FieldRow(name).Index()
			values[field] = map[string]int{}
			for _, b := range bs {
				values[field][b.Value] = b.Count
			}
		}
	}
	f.counts.vendors, f.counts.values, f.counts.generation, f.counts.at = vendors, values, g, time.Now()
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
