package fsm

import (
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// Sizes of the store (docs/decisions/store.md says why).
const (
	memTableBytes = 64 << 20
	cacheBytes    = 64 << 20
	// separateFrom is from which size on a value lies in a file apart, so that
	// compactions move keys and not tokens.
	separateFrom = 512
)

// storeOptions gives what Pebble is opened with. The raft log is its log.
func (m *Machine) storeOptions() *pebble.Options {
	o := &pebble.Options{
		FS:                          m.opts.FS,
		DisableWAL:                  true,
		FormatMajorVersion:          pebble.FormatValueSeparation,
		MemTableSize:                m.memTable,
		MemTableStopWritesThreshold: 4,
		CacheSize:                   cacheBytes,
		Logger:                      storeLogger{m},
		EventListener:               m.storeListener(),
	}
	for i := range o.Levels {
		// Most look-ups are for a message that was not accepted before.
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	o.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{
			Enabled:               true,
			MinimumSize:           separateFrom,
			MaxBlobReferenceDepth: 10,
			RewriteMinimumAge:     5 * time.Minute,
			TargetGarbageRatio:    0.3,
		}
	}
	return o
}

// storeListener makes a failed background write or a bad checksum the end of
// the machine: Pebble itself would try again as if nothing had happened.
func (m *Machine) storeListener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			if !m.closing.Load() {
				m.fail(fmt.Errorf("background work of the store: %w", err))
			}
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			m.fail(fmt.Errorf("%w: %w", ErrCorrupt, info.Details))
		},
		DiskSlow: m.diskSlow,
	}
}

// storeLogger passes what Pebble says on to slog, and its fatal errors to fail.
type storeLogger struct{ m *Machine }

var _ pebble.Logger = storeLogger{}

// Infof implements pebble.Logger.
func (l storeLogger) Infof(format string, args ...any) {
	l.m.opts.Logger.Debug("store", "said", fmt.Sprintf(format, args...))
}

// Errorf implements pebble.Logger.
func (l storeLogger) Errorf(format string, args ...any) {
	l.m.opts.Logger.Warn("the store reports an error", "said", fmt.Sprintf(format, args...))
}

// Fatalf implements pebble.Logger. It returns, because only the node may decide
// how it ends; until then the machine refuses everything.
func (l storeLogger) Fatalf(format string, args ...any) {
	l.m.fail(fmt.Errorf("store: "+format, args...))
}
