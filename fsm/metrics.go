package fsm

import (
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nixnode/nixnode/fsm/keyspace"
)

// maxBacklog is up to which number what is due is counted: a look must stay cheap
// when there are millions.
const maxBacklog = 10_000

// gauges are read off the store when somebody looks (docs/metrics.md).
type gauges struct {
	m   *Machine
	now func() time.Time
}

// gauge is one number of the store.
type gauge struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*pebble.Metrics) float64
}

func described(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }

var (
	storeGauges = []gauge{
		{described("nixnode_store_disk_bytes", "Disk space that the store takes."), prometheus.GaugeValue,
			func(s *pebble.Metrics) float64 { return float64(s.DiskSpaceUsage()) }},
		{described("nixnode_store_memtable_bytes", "Memory that changes take which are not in files yet."), prometheus.GaugeValue,
			func(s *pebble.Metrics) float64 { return float64(s.MemTable.Size) }},
		{described("nixnode_store_read_amplification", "Files and tables that a read may have to look into."), prometheus.GaugeValue,
			func(s *pebble.Metrics) float64 { return float64(s.ReadAmp()) }},
		{described("nixnode_store_compaction_debt_bytes", "Bytes that wait to be compacted."), prometheus.GaugeValue,
			func(s *pebble.Metrics) float64 { return float64(s.Compact.EstimatedDebt) }},
		{described("nixnode_store_cache_bytes", "Memory of the block cache."), prometheus.GaugeValue,
			func(s *pebble.Metrics) float64 { return float64(s.BlockCache.Size) }},
		{described("nixnode_store_cache_hits_total", "Blocks that were found in the block cache."), prometheus.CounterValue,
			func(s *pebble.Metrics) float64 { return float64(s.BlockCache.Hits) }},
		{described("nixnode_store_cache_misses_total", "Blocks that had to be read from a file."), prometheus.CounterValue,
			func(s *pebble.Metrics) float64 { return float64(s.BlockCache.Misses) }},
	}
	backlogCount = described("nixnode_expiry_backlog", "What has expired and is not removed yet, counted up to 10,000.")
	backlogAge   = described("nixnode_expiry_backlog_seconds", "How long ago the oldest of it expired.")
)

// Metrics gives the collector of the store's sizes and of what waits to expire by
// now's clock. A machine that failed or is closed has none.
func (m *Machine) Metrics(now func() time.Time) prometheus.Collector { return gauges{m, now} }

// Describe implements prometheus.Collector.
func (g gauges) Describe(out chan<- *prometheus.Desc) {
	for _, s := range storeGauges {
		out <- s.desc
	}
	out <- backlogCount
	out <- backlogAge
}

// Collect implements prometheus.Collector.
func (g gauges) Collect(out chan<- prometheus.Metric) {
	gen, err := g.m.current()
	if err != nil {
		return
	}
	defer gen.release()
	all := gen.db.Metrics()
	for _, s := range storeGauges {
		out <- prometheus.MustNewConstMetric(s.desc, s.kind, s.read(all))
	}
	now := g.now().Unix()
	count, oldest, err := g.m.backlog(now)
	if err != nil {
		return // the machine has said why
	}
	age := int64(0)
	if count > 0 && oldest > 0 { // a purge is due from the beginning of time on
		age = max(0, now-oldest)
	}
	out <- prometheus.MustNewConstMetric(backlogCount, prometheus.GaugeValue, float64(count))
	out <- prometheus.MustNewConstMetric(backlogAge, prometheus.GaugeValue, float64(age))
}

// backlog counts, up to maxBacklog, what is due by now, and says since when the
// oldest of it is.
func (m *Machine) backlog(now int64) (count int, oldest int64, err error) {
	v, err := m.View()
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = v.Close() }()
	err = v.scan(keyspace.ExpiryUpTo(now), false, func(it *pebble.Iterator) (bool, error) {
		if oldest == 0 {
			e, err := keyspace.ParseExpiry(it.Key())
			if err != nil {
				return false, corruptKey(it.Key(), err)
			}
			oldest = e.At
		}
		count++
		return count < maxBacklog, nil
	})
	return count, oldest, err
}
