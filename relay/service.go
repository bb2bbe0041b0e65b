package relay

import (
	"crypto/rand"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/notify"
)

// Options are what a Service is made of. All but Rand, Logger and Now must be set.
type Options struct {
	Domain address.Domain
	// Hosts are the host names that the aud of a proof may name beside the domain
	// and its aliases (section 4).
	Hosts    []string
	Proposer Proposer
	Reader   Reader
	Router   Router
	Bell     *notify.Bell
	Sealer   Sealer
	// Logger is for what an operator should look at; nil discards it.
	Logger *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Rand gives addresses and secrets; nil is crypto/rand.Reader.
	Rand io.Reader
	// EventsKept is for how long events are kept; 0 is DefaultEventsKept.
	EventsKept time.Duration
}

// Service serves the users of one node. Its methods are safe for concurrent use.
type Service struct {
	domain   address.Domain
	hosts    []string
	proposer Proposer
	reader   Reader
	router   Router
	bell     *notify.Bell
	sealer   Sealer
	logger   *slog.Logger
	now      func() time.Time
	rand     io.Reader

	eventsKept time.Duration
	founding   founding

	secrets *secretCache
	toucher *toucher
	streams *streamTable
	metrics *metrics
	rates   *rates

	// These are the constants of the same names, but in tests.
	recheck     time.Duration
	maxProposal int

	closing   chan struct{} // closed first, so that whoever waits stops
	closeOnce sync.Once
}

// New makes a Service and starts its one goroutine, which Close ends.
func New(o Options) *Service {
	s := &Service{
		domain: o.Domain, hosts: o.Hosts, proposer: o.Proposer, reader: o.Reader, router: o.Router,
		bell: o.Bell, sealer: o.Sealer, logger: o.Logger, now: o.Now, rand: o.Rand,
		secrets: newSecretCache(o.Sealer), streams: newStreamTable(), rates: newRates(), recheck: recheck, maxProposal: maxProposal,
		metrics: newMetrics(), closing: make(chan struct{}), eventsKept: o.EventsKept,
	}
	if s.eventsKept == 0 {
		s.eventsKept = DefaultEventsKept
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	s.logger = s.logger.With("component", "relay")
	if s.now == nil {
		s.now = time.Now
	}
	if s.rand == nil {
		s.rand = rand.Reader
	}
	s.toucher = startToucher(s)
	return s
}

// Close ends all streams and waits with 60000 and joins what New started. Requests
// under way are not waited for; whoever serves them does that first. It may be
// called more than once.
func (s *Service) Close() {
	s.closeOnce.Do(func() { close(s.closing) })
	s.streams.close()
	s.toucher.stop()
}

// Streams gives the number of open streams on this node.
func (s *Service) Streams() int { return s.streams.count() }

// newAddress draws the address of something new.
func (s *Service) newAddress(t address.Type) (address.Address, error) {
	return address.NewFrom(s.rand, t)
}
