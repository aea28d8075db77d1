package serve

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"example.org/veille/index"
	"example.org/veille/schemas"
)

// metrics are the figures of this process. No label holds a vendor, an address, a
// query or a rule: their number would grow with the data.
type metrics struct {
	reg      *prometheus.Registry
	handler  http.Handler
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	searches *prometheus.HistogramVec
	streams  prometheus.Gauge
	calls    *prometheus.CounterVec
}

func newMetrics(s *Server) *metrics {
	buckets := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
	m := &metrics{
		reg: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "veille_http_requests_total", Help: "Requests answered, by operation of the API and status.",
		}, []string{"route", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "veille_http_request_duration_seconds", Help: "Time to answer a request.", Buckets: buckets,
		}, []string{"route"}),
		searches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "veille_search_duration_seconds", Help: "Time of one search of the index.", Buckets: buckets,
		}, []string{"view", "faceted"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "veille_sse_clients", Help: "Event streams that are open."}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "veille_mcp_calls_total", Help: "Calls of tools by assistants.",
		}, []string{"tool", "outcome"}),
	}
	m.reg.MustRegister(m.requests, m.duration, m.searches, m.streams, m.calls, &state{s: s},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if len(s.opt.Collectors) > 0 {
		m.reg.MustRegister(s.opt.Collectors...)
	}
	m.handler = promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{DisableCompression: true, EnableOpenMetrics: false})
	return m
}

func (m *metrics) serve(w http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(w, r) }

func (m *metrics) searched(req index.Request, took time.Duration) {
	m.searches.WithLabelValues(first(req.View, index.Deals), strconv.FormatBool(len(req.Facets) > 0)).Observe(took.Seconds())
}

// watch counts what a handler answers.
func (m *metrics) watch(route string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		sw := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(sw, r)
		m.requests.WithLabelValues(route, strconv.Itoa(max(sw.status, http.StatusOK))).Inc()
		if route != "stream" { // a stream lasts as long as its reader likes
			m.duration.WithLabelValues(route).Observe(time.Since(began).Seconds())
		}
	})
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets a ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// state reads what the parts say when Prometheus asks.
type state struct{ s *Server }

var (
	descBuild   = prometheus.NewDesc("veille_build_info", "Version that runs; always 1.", []string{"version"}, nil)
	descDocs    = prometheus.NewDesc("veille_index_documents", "Documents of the index, by kind.", []string{"kind"}, nil)
	descBytes   = prometheus.NewDesc("veille_index_bytes", "Size of the index on disk.", nil, nil)
	descDeals   = prometheus.NewDesc("veille_deals", "Deals, by status.", []string{"status"}, nil)
	descPending = prometheus.NewDesc("veille_stage_pending", "Messages a stage has still to handle.", []string{"stage"}, nil)
	descDead    = prometheus.NewDesc("veille_quarantine_messages", "Messages that a stage could not take.", []string{"stage"}, nil)
	descSuccess = prometheus.NewDesc("veille_feed_last_success_timestamp_seconds", "When a feed was last polled with success.", []string{"source"}, nil)
	descFeeds   = prometheus.NewDesc("veille_feeds", "Feeds that are watched, by state of health.", []string{"state"}, nil)
	descArts    = prometheus.NewDesc("veille_feed_articles", "Articles taken from a feed so far.", []string{"source"}, nil)
)

func (c *state) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descBuild, descDocs, descBytes, descDeals, descPending, descDead, descSuccess, descFeeds, descArts} {
		ch <- d
	}
}

func (c *state) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), searchTime)
	defer cancel()
	opt := c.s.opt
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(descBuild, 1, opt.Version)
	background := 0 // no other search counts them, and a facet of the status leaves its own condition out
	if q, err := c.s.parse("status:background"); err == nil {
		if res, err := opt.Index.Search(ctx, index.Request{View: index.Deals, Query: q}); err == nil {
			background = res.Total
		}
	}
	if articles, deals, prices, err := opt.Index.Counts(); err == nil {
		gauge(descDocs, float64(articles), "article")
		gauge(descDocs, float64(deals+background), "deal")
		gauge(descDocs, float64(prices), "price")
	}
	if opt.IndexBytes != nil {
		if n, err := opt.IndexBytes(); err == nil {
			gauge(descBytes, float64(n))
		}
	}
	if q, err := c.s.parse(""); err == nil {
		if res, err := opt.Index.Search(ctx, index.Request{View: index.Deals, Query: q, Facets: []string{"status"}}); err == nil {
			n := map[string]int{"background": background}
			for _, b := range res.Facets["status"] {
				n[b.Value] = b.Count
			}
			for _, st := range schemas.Statuses {
				gauge(descDeals, float64(n[st]), st)
			}
		}
	}
	if opt.Lag != nil {
		if lag, err := opt.Lag(ctx); err == nil {
			for stage, n := range lag {
				gauge(descPending, float64(n), stage)
			}
		}
	}
	if opt.Dead != nil {
		if dead, err := opt.Dead(ctx); err == nil {
			for stage, n := range dead {
				gauge(descDead, float64(n), stage)
			}
		}
	}
	if opt.Sources == nil {
		return
	}
	list, err := opt.Sources(ctx)
	if err != nil {
		return
	}
	states := map[string]int{}
	for _, src := range list {
		states[src.State]++
		gauge(descArts, float64(src.Articles), src.ID)
		if !src.LastSuccess.IsZero() {
			gauge(descSuccess, float64(src.LastSuccess.Unix()), src.ID)
		}
	}
	for _, st := range schemas.SourceStates {
		gauge(descFeeds, float64(states[st]), st)
	}
}
