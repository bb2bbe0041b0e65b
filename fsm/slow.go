package fsm

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// hungAfter is how long one operation of the store on the disk may take.
const hungAfter = 10 * time.Second

var errHung = errors.New("the disk does not answer")

// slowness remembers the last report of an operation that took too long. One
// report is not enough: a process that was stopped and goes on finds all its
// operations too old, and they are done before it looks again.
type slowness struct {
	mu   sync.Mutex
	last pebble.DiskSlowInfo
}

// hung takes in a report and says whether it is the second one of the same
// operation beyond hungAfter.
func (s *slowness) hung(info pebble.DiskSlowInfo) bool {
	if info.Duration < hungAfter {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	same := s.last.Path == info.Path && s.last.OpType == info.OpType && s.last.Duration < info.Duration
	s.last = info
	return same
}

// diskSlow hears of an operation on the disk that has not come back for long.
func (m *Machine) diskSlow(info pebble.DiskSlowInfo) {
	m.opts.Logger.Warn("the disk is slow", slog.Duration("waited", info.Duration))
	if m.slow.hung(info) {
		m.fail(fmt.Errorf("%w: %s for %s", errHung, info.OpType, info.Duration))
	}
}
