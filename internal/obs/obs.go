// Package obs is what an operator sees of a node: structured logs and Prometheus metrics. Every node of a process has
// its own registry.
package obs

import (
	"io"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the counters of one node.
type Metrics struct {
	Registry  *prometheus.Registry
	Exchanges *prometheus.CounterVec   // side (consumer, provider), outcome (ok or an error code)
	Latency   *prometheus.HistogramVec // side; seconds
	Rows      *prometheus.CounterVec   // side
	Strangers prometheus.Counter       // TLS handshakes refused
	Reads     prometheus.Counter       // plans that reached a source
	Messages  *prometheus.CounterVec   // direction (in, out), outcome
	Failures  *prometheus.CounterVec   // task: background tasks that failed and were started again
	Refused   *prometheus.CounterVec   // listener, reason: what a budget or a border refused
}

// NewMetrics registers the counters.
func NewMetrics() *Metrics {
	r := prometheus.NewRegistry()
	m := &Metrics{
		Registry:  r,
		Exchanges: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kuayu_exchanges_total", Help: "Governed queries by side and outcome."}, []string{"side", "outcome"}),
		Latency:   prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "kuayu_exchange_seconds", Help: "Time of a governed query.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)}, []string{"side"}),
		Rows:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kuayu_rows_total", Help: "Rows exchanged."}, []string{"side"}),
		Strangers: prometheus.NewCounter(prometheus.CounterOpts{Name: "kuayu_strangers_total", Help: "TLS handshakes refused at the peer listener."}),
		Reads:     prometheus.NewCounter(prometheus.CounterOpts{Name: "kuayu_source_reads_total", Help: "Plans that reached a source."}),
		Messages:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kuayu_messages_total", Help: "Sealed messages by direction and outcome."}, []string{"direction", "outcome"}),
		Failures:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kuayu_task_failures_total", Help: "Background tasks that failed and were started again."}, []string{"task"}),
		Refused:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kuayu_refused_total", Help: "Connections and requests refused by the budgets of a listener."}, []string{"listener", "reason"}),
	}
	r.MustRegister(m.Failures, m.Refused, m.Exchanges, m.Latency, m.Rows, m.Strangers, m.Reads, m.Messages, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{})
}

// NewLogger writes structured text lines.
func NewLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}
