package httpapi

import (
	"bytes"
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/nixnode/nixnode/api"
)

// metrics counts requests (docs/metrics.md). Routes go by their names and answers
// by codes of the table, so that nobody outside can make new series.
type metrics struct {
	requests *prometheus.CounterVec   // by route and code
	rejected *prometheus.CounterVec   // by reason
	took     *prometheus.HistogramVec // by route; streams have none
	received prometheus.Counter
	sent     prometheus.Counter
	panics   prometheus.Counter
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &metrics{
		requests: vector("nixnode_http_requests_total", "Requests answered, by route and code. Code 0: the client left before it had an answer.", "route", "code"),
		rejected: vector("nixnode_http_rejections_total", "Requests that failed, by the name of their code.", "reason"),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "nixnode_http_request_seconds", Help: "Time from a request's headers to the end of its answer. Streams are not in it.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 17),
		}, []string{"route"}),
		received: counter("nixnode_http_received_bytes_total", "Bytes of request bodies."),
		sent:     counter("nixnode_http_sent_bytes_total", "Bytes of answers and streams."),
		panics:   counter("nixnode_http_panics_total", "Requests that met a fault of this program. Each is in the log."),
	}
}

// count takes note of an exchange that is over.
func (m *metrics) count(x *exchange) {
	route := x.routeName()
	m.outcome(route, x.code)
	if x.route == nil || !x.route.Stream && !x.route.Socket {
		m.took.WithLabelValues(route).Observe(time.Since(x.start).Seconds())
	}
	m.received.Add(float64(x.received))
	m.sent.Add(float64(x.w.bytes))
}

// countFrame takes note of a request on a websocket, whose op may be anything.
func (m *metrics) countFrame(op string, code api.Code, began time.Time) {
	switch op {
	case api.OpListen, api.OpSend, api.OpAck, api.OpPing:
	default:
		op = "none"
	}
	route := "messages.ws." + op
	m.outcome(route, code)
	m.took.WithLabelValues(route).Observe(time.Since(began).Seconds())
}

func (m *metrics) outcome(route string, code api.Code) {
	m.requests.WithLabelValues(route, strconv.Itoa(int(code))).Inc()
	if code != 0 && !code.Success() {
		m.rejected.WithLabelValues(code.Info().Name).Inc()
	}
}

// Metrics gives the collectors of the handler, which it shares with OpsOnly's.
func (h *Handler) Metrics() []prometheus.Collector {
	m := h.metrics
	return []prometheus.Collector{
		m.requests, m.rejected, m.took, m.received, m.sent, m.panics,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "nixnode_http_requests_in_flight", Help: "Requests under /v1/ that are being worked on; open streams are not counted.",
		}, func() float64 { return float64(h.inFlight.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "nixnode_websockets", Help: "Open websockets."},
			func() float64 { return float64(h.sockets.count()) }),
	}
}

// metricsFormat is Prometheus' text format, which everything that scrapes reads.
var metricsFormat = expfmt.NewFormat(expfmt.TypeTextPlain)

// showMetrics answers with what Options.Gatherer has.
func showMetrics(_ context.Context, x *exchange) (answer, error) {
	families, err := x.h.gatherer.Gather()
	if err != nil {
		return answer{}, err
	}
	var b bytes.Buffer
	enc := expfmt.NewEncoder(&b, metricsFormat)
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			return answer{}, err
		}
	}
	return answer{code: api.CodeOK, raw: b.Bytes()}, nil
}
