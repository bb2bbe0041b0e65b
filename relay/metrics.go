package relay

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/message"
)

// metrics counts what passes through this node (docs/metrics.md).
type metrics struct {
	messages *prometheus.CounterVec // by type and code
	cache    *prometheus.CounterVec // by result
}

func newMetrics() *metrics {
	return &metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nixnode_messages_total", Help: "Messages that were sent to this node, by type and by what became of them.",
		}, []string{"type", "code"}),
		cache: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nixnode_package_lookups_total", Help: "Requests for content packages: answered from the cache (hit), or passed on (miss).",
		}, []string{"result"}),
	}
}

// count takes note of the messages of one call when each has its result. The type
// of one that could not be read is "none".
func (m *metrics) count(letters []*letter) {
	for _, l := range letters {
		kind := "none"
		if l.payload.Type != 0 {
			kind = l.payload.Type.String()
		}
		m.messages.WithLabelValues(kind, strconv.Itoa(int(l.result.Code))).Inc()
		switch code := l.result.Code; {
		case code == api.CodeServedFromCache:
			m.cache.WithLabelValues("hit").Inc()
		case l.payload.Type == message.Request && !l.payload.Body.NoCache && (code == api.CodeStored || code == api.CodeStoredListening):
			m.cache.WithLabelValues("miss").Inc()
		}
	}
}

// Metrics gives the collectors of the service.
func (s *Service) Metrics() []prometheus.Collector {
	gauge := func(name, help string, value func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
	}
	return []prometheus.Collector{
		s.metrics.messages, s.metrics.cache,
		gauge("nixnode_streams", "Open streams of messages on this node.", s.Streams),
		gauge("nixnode_listened_addresses", "Addresses that are listened to on this node.", s.bell.Count),
	}
}
