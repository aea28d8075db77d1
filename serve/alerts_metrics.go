package serve

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"example.org/veille/alert"
)

// AlertMetrics are the figures of the alerts of this process. Give Observe to the
// options of the notifier and the collectors to [Options]. Their labels are the
// kinds of destinations, never a rule, a query or an address.
type AlertMetrics struct {
	delay      *prometheus.HistogramVec
	deliveries *prometheus.CounterVec
}

// NewAlertMetrics makes the figures.
func NewAlertMetrics() *AlertMetrics {
	return &AlertMetrics{
		delay: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "veille_seen_to_sent_seconds", Help: "From the fetch of an article until its message was taken by the destination.",
			Buckets: []float64{.1, .25, .5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 86400},
		}, []string{"channel"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "veille_deliveries_total",
			Help: "What became of matches, by kind of destination: sent, retry (an attempt failed), dead (given up), muted, folded (rings nobody), silent (too old to ring).",
		}, []string{"channel", "outcome"}),
	}
}

// Observe takes what [alert.Options] tell.
func (m *AlertMetrics) Observe(kind, outcome string, delay time.Duration) {
	m.deliveries.WithLabelValues(kind, outcome).Inc()
	if outcome == "sent" && delay > 0 {
		m.delay.WithLabelValues(kind).Observe(delay.Seconds())
	}
}

// Collectors are the figures, with those that n is asked for at each scrape.
func (m *AlertMetrics) Collectors(n *alert.Notifier) []prometheus.Collector {
	return []prometheus.Collector{m.delay, m.deliveries, outboxState{n}}
}

// outboxState reads the notifier when Prometheus asks.
type outboxState struct{ n *alert.Notifier }

var (
	descEvaluated = prometheus.NewDesc("veille_alert_evaluations_total", "Rules that were tried in full on a deal or a price, because their keys occur in it.", nil, nil)
	descRules     = prometheus.NewDesc("veille_alert_rules", "Rules, by whether their query can be read.", []string{"state"}, nil)
	descOutbox    = prometheus.NewDesc("veille_deliveries_pending", "Messages that wait to be sent, or to be sent again.", []string{"channel"}, nil)
	descFailing   = prometheus.NewDesc("veille_deliveries_failing", "Destinations that did not take their last message.", []string{"channel"}, nil)
	descWritable  = prometheus.NewDesc("veille_deliveries_writable", "1 while the outbox can be written, 0 as on a full disk: nothing is sent meanwhile.", nil, nil)
	descUnsaved   = prometheus.NewDesc("veille_deliveries_unsaved", "Results that could not be written down yet, as on a full disk.", nil, nil)
)

func (o outboxState) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descEvaluated, descRules, descOutbox, descFailing, descWritable, descUnsaved} {
		ch <- d
	}
}

func (o outboxState) Collect(ch chan<- prometheus.Metric) {
	f := o.n.Figures()
	writable := 1.0
	if _, en := o.n.Trouble(); en != "" {
		writable = 0
	}
	ch <- prometheus.MustNewConstMetric(descWritable, prometheus.GaugeValue, writable)
	ch <- prometheus.MustNewConstMetric(descEvaluated, prometheus.CounterValue, float64(f.Evaluated))
	ch <- prometheus.MustNewConstMetric(descRules, prometheus.GaugeValue, float64(f.Rules-f.Broken), "ok")
	ch <- prometheus.MustNewConstMetric(descRules, prometheus.GaugeValue, float64(f.Broken), "broken")
	ch <- prometheus.MustNewConstMetric(descUnsaved, prometheus.GaugeValue, float64(f.Unsaved))
	for _, kind := range alert.Kinds {
		ch <- prometheus.MustNewConstMetric(descOutbox, prometheus.GaugeValue, float64(f.Pending[kind]), kind)
		ch <- prometheus.MustNewConstMetric(descFailing, prometheus.GaugeValue, float64(f.Failing[kind]), kind)
	}
}
