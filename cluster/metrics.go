package cluster

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what this node's part does (docs/metrics.md). A nil one counts
// nothing.
type metrics struct {
	proposals  *prometheus.CounterVec // by outcome
	propose    prometheus.Histogram
	packs      prometheus.Histogram
	packBytes  prometheus.Histogram
	entries    prometheus.Counter
	applyBatch prometheus.Histogram
	apply      prometheus.Histogram
	barriers   *prometheus.CounterVec // by outcome
	barrier    prometheus.Histogram
	changes    prometheus.Counter
	lastLeader atomic.Value // raft.ServerID
}

// seconds are the bounds of histograms of time: from what memory takes to what
// nobody should wait for.
var seconds = prometheus.ExponentialBuckets(0.0005, 2, 15)

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	}
	byOutcome := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"outcome"})
	}
	return &metrics{
		proposals:  byOutcome("nixnode_cluster_proposals_total", "Proposals of this node, by what became of them."),
		propose:    histogram("nixnode_cluster_propose_seconds", "Time from a proposal to its result.", seconds),
		packs:      histogram("nixnode_cluster_pack_proposals", "Proposals that one log entry of this node holds.", prometheus.ExponentialBuckets(1, 2, 11)),
		packBytes:  histogram("nixnode_cluster_pack_bytes", "Size of the log entries of this node.", prometheus.ExponentialBuckets(256, 4, 7)),
		entries:    counter("nixnode_cluster_entries_applied_total", "Log entries applied since the node was started."),
		applyBatch: histogram("nixnode_cluster_apply_entries", "Log entries applied in one step.", prometheus.ExponentialBuckets(1, 2, 8)),
		apply:      histogram("nixnode_cluster_apply_seconds", "Time that the state machine takes for one step.", seconds),
		barriers:   byOutcome("nixnode_cluster_barriers_total", "Read barriers of this node, by what became of them."),
		barrier:    histogram("nixnode_cluster_barrier_seconds", "Time that a read waits for its barrier.", seconds),
		changes:    counter("nixnode_cluster_leader_changes_total", "Leaders that this node has seen take over."),
	}
}

// outcomes name what may become of a proposal or a barrier.
var outcomes = []struct {
	err  error
	name string
}{
	{ErrOutcomeUnknown, "unknown"}, {ErrNoLeader, "no_leader"}, {ErrOverloaded, "overloaded"}, {ErrTooLarge, "too_large"}, {ErrClosed, "closed"},
	{context.Canceled, "given_up"}, {context.DeadlineExceeded, "given_up"},
}

func outcomeOf(err error) string {
	if err == nil {
		return "ok"
	}
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			return o.name
		}
	}
	return "failed"
}

func (m *metrics) proposed(began time.Time, err error) {
	if m != nil {
		m.proposals.WithLabelValues(outcomeOf(err)).Inc()
		m.propose.Observe(time.Since(began).Seconds())
	}
}

func (m *metrics) packed(proposals, bytes int) {
	if m != nil {
		m.packs.Observe(float64(proposals))
		m.packBytes.Observe(float64(bytes))
	}
}

func (m *metrics) applied(began time.Time, entries int) {
	if m != nil {
		m.apply.Observe(time.Since(began).Seconds())
		m.applyBatch.Observe(float64(entries))
		m.entries.Add(float64(entries))
	}
}

func (m *metrics) waited(began time.Time, err error) {
	if m != nil {
		m.barriers.WithLabelValues(outcomeOf(err)).Inc()
		m.barrier.Observe(time.Since(began).Seconds())
	}
}

// watch counts changes of the leader. The filter of an observer is called on
// raft's own goroutines; it only counts, and passes nothing on.
func (m *metrics) watch(r *raft.Raft) {
	r.RegisterObserver(raft.NewObserver(nil, false, func(o *raft.Observation) bool {
		if l, ok := o.Data.(raft.LeaderObservation); ok && l.LeaderID != "" {
			if last := m.lastLeader.Swap(l.LeaderID); last != l.LeaderID {
				m.changes.Inc()
			}
		}
		return false
	}))
}

// Metrics gives the collectors of this node's part; they are good until it is
// closed, and after.
func (c *Cluster) Metrics() []prometheus.Collector {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	m := c.metrics
	return []prometheus.Collector{
		m.proposals, m.propose, m.packs, m.packBytes, m.entries, m.applyBatch, m.apply, m.barriers, m.barrier, m.changes,
		gauge("nixnode_cluster_is_leader", "1 on the node that takes itself for the leader.", func() float64 {
			if c.IsLeader() {
				return 1
			}
			return 0
		}),
		gauge("nixnode_cluster_term", "The raft term that this node is in.", func() float64 { return float64(c.raft.CurrentTerm()) }),
		gauge("nixnode_cluster_commit_index", "The last log entry that this node knows to be committed.", func() float64 { return float64(c.raft.CommitIndex()) }),
		gauge("nixnode_cluster_applied_index", "The last log entry that this node has applied.", func() float64 {
			applied, _, _ := c.applier.state()
			return float64(applied)
		}),
		gauge("nixnode_cluster_lag_entries", "Log entries committed, as far as this node knows, and not applied here.", func() float64 { return float64(c.Lag()) }),
		gauge("nixnode_cluster_leader_silence_seconds", "Time since this node was last in touch with a leader; 0 on the leader.", func() float64 { return c.LastContact().Seconds() }),
		gauge("nixnode_cluster_waiting_proposals", "Proposals that wait to be sent.", func() float64 { return float64(c.proposer.queued()) }),
		gauge("nixnode_cluster_members_alive", "Nodes that gossip hears of, this one included.", func() float64 {
			alive := 0
			for _, member := range c.members() {
				if member.Alive {
					alive++
				}
			}
			return float64(alive)
		}),
	}
}

// Lag says how many entries are committed, as far as this node knows, and not yet
// applied by its state machine.
func (c *Cluster) Lag() uint64 {
	applied, _, _ := c.applier.state()
	commit := c.raft.CommitIndex()
	return commit - min(commit, applied)
}

func (p *proposer) queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}
