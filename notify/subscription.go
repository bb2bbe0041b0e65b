package notify

import (
	"sync"

	"github.com/nixnode/nixnode/address"
)

// What one Subscription keeps of hints between two looks, at most.
const (
	MaxHints     = 64
	MaxHintBytes = 1 << 20
)

// Subscription is one listener. Its methods are safe for concurrent use.
type Subscription struct {
	bell  *Bell
	addrs []address.Address
	c     chan struct{} // never closed, as a ring may be under way while Close is called

	mu     sync.Mutex
	hints  []Hint
	bytes  int
	closed bool
}

// C yields once for any number of rings since it last did. After Close it may
// yield once more, and then never.
func (s *Subscription) C() <-chan struct{} { return s.c }

// TakeHints gives the hints since it was last called, in the order they came.
// It is to be called after each receipt from C; what was dropped meanwhile has
// rung, too.
func (s *Subscription) TakeHints() []Hint {
	s.mu.Lock()
	defer s.mu.Unlock()
	hints := s.hints
	s.hints, s.bytes = nil, 0
	return hints
}

// Close ends listening. It may be called more than once; the first call does it.
func (s *Subscription) Close() {
	s.mu.Lock()
	closed := s.closed
	s.closed, s.hints, s.bytes = true, nil, 0
	s.mu.Unlock()
	if !closed {
		s.bell.remove(s)
	}
}

// wake fills the one slot of C, or finds it full: then the listener will look anyway.
func (s *Subscription) wake() {
	select {
	case s.c <- struct{}{}:
	default:
	}
}

// take keeps h if there is room. The newest is the one to drop: hints are good
// only as an unbroken run from where the listener stands.
func (s *Subscription) take(h Hint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.hints) >= MaxHints || s.bytes+len(h.Message) > MaxHintBytes {
		return
	}
	s.hints = append(s.hints, h)
	s.bytes += len(h.Message)
}
