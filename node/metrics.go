package node

import (
	"errors"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/nixnode/nixnode/httpapi"
)

// registerMetrics collects what each part counts, and what the node is, in the
// node's own registry (docs/metrics.md).
func (n *Node) registerMetrics(door *httpapi.Handler) error {
	v := n.opts.Version
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "nixnode_build_info", Help: "1, with what the node was built from.",
		ConstLabels: prometheus.Labels{"version": v.Version, "commit": v.Commit, "go": v.Go, "node": n.cfg.NodeID},
	})
	build.Set(1)
	ready := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "nixnode_ready", Help: "1 while /ops/ready says that the node should get requests.",
	}, func() float64 {
		if len(n.NotReady()) > 0 {
			return 0
		}
		return 1
	})
	var faults []error
	for _, c := range slices.Concat(
		n.cluster.Metrics(), n.service.Metrics(), door.Metrics(),
		[]prometheus.Collector{
			build, ready, n.machine.Metrics(n.opts.Now),
			collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		},
	) {
		faults = append(faults, n.metrics.Register(c))
	}
	return errors.Join(faults...)
}
