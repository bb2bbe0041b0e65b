// Package cluster makes several nodes one: they agree on a log of entries
// (raft), find each other (gossip), and pass bytes between them. It moves
// bytes only; what they mean is the state machine's business.
//
// Promises:
//   - Propose gives a result only when the entry is on the disks of a majority,
//     and otherwise says whether it may have happened (ErrOutcomeUnknown) or
//     certainly has not (every other error);
//   - after Barrier, the local state machine holds everything that had been
//     acknowledged, by any node, before Barrier was called;
//   - every call from outside ends within Timing.Patience, whatever the network
//     does;
//   - gossip carries hints, never truth: it changes no membership and no data,
//     and a lost hint costs milliseconds, not messages;
//   - after Close or Kill, nothing that was started here runs any more.
//
// Deliberately not here: what a proposal says, who may propose, when a node
// should hand leadership over before it stops.
//
// Bytes on the wire and in the log: docs/format/entry.md. Why reads are done
// as they are: docs/decisions/read-barrier.md; why proposals share entries:
// docs/decisions/group-commit.md.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/nixnode/nixnode/cluster/raftstore"
	"github.com/nixnode/nixnode/cluster/transport"
)

// Cluster is this node's part of the cluster. It is safe for concurrent use.
type Cluster struct {
	cfg     Config
	log     *slog.Logger
	started time.Time

	store     *raftstore.Store
	transport *transport.Transport
	raftNet   *raft.NetworkTransport
	raft      *raft.Raft
	ready     chan struct{} // closed when raft may be asked
	applier   *applier
	proposer  *proposer
	reads     *rounds // confirmations made here, as the leader
	asked     *rounds // confirmations asked of the leader
	routes    *routes
	gossip    atomic.Pointer[gossip] // nil when there is none
	metrics   *metrics

	ctx  context.Context // ends when the cluster stops
	stop context.CancelFunc

	mu       sync.Mutex
	closed   bool
	inflight sync.WaitGroup // what was asked of raft and is not answered
	work     sync.WaitGroup // goroutines started by spawn

	closing  sync.Once
	closeErr error
}

// Open starts this node's part, from the cellar up: stores, state machine,
// port, raft, proposals, gossip. It does not wait for a leader.
// Errors: what Config.Validate reports, ErrNotLoopback, ErrCorrupt, and those
// of disk and network.
func Open(cfg Config) (*Cluster, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Cluster{
		cfg:     cfg,
		log:     cfg.Logger.With("component", "cluster", "node", cfg.NodeID),
		started: time.Now(),
		ready:   make(chan struct{}),
	}
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.applier = newApplier(cfg.StateMachine, cfg.StateMachineIndex, cfg.Fatal)
	c.proposer = newProposer(cfg.Timing.Patience, c.submit, c.hasLeader)
	c.metrics = newMetrics()
	c.applier.count, c.proposer.count = c.metrics, c.metrics
	c.reads = &rounds{run: c.confirm, spawn: c.spawn}
	c.asked = &rounds{run: c.askLeader, spawn: c.spawn}
	c.routes = newRoutes(cfg.NodeID, c.log, c.spawn, c.call, cfg.OnHint)
	if err := c.open(); err != nil {
		return nil, errors.Join(err, c.shutdown(true))
	}
	return c, nil
}

func (c *Cluster) open() (err error) {
	c.store, err = raftstore.Open(raftstore.Options{
		Dir:     c.cfg.DataDir,
		FS:      c.cfg.FS,
		Memory:  c.cfg.Memory,
		Logger:  c.log,
		OnError: c.applier.fail,
	})
	if err != nil {
		return err
	}
	if err := c.restore(); err != nil {
		return err
	}
	c.transport, err = transport.Listen(transport.Options{
		Listener: c.cfg.NodeListener,
		Addr:     c.cfg.NodeAddr,
		Dial:     c.cfg.Dial,
		Tag:      c.cfg.Tag,
		Handlers: c.handlers(),
		Logger:   c.log,
	})
	if err != nil {
		return err
	}
	if err := c.openRaft(); err != nil {
		return err
	}
	for range lanes {
		c.spawn(c.proposer.lane)
	}
	c.spawn(c.followLeadership)
	if c.cfg.GossipAddr == "" {
		return nil
	}
	return c.openGossip()
}

// Close stops this node's part in order: no new proposals, a goodbye to the
// others, raft once what is in flight is settled, stores, port. Handing
// leadership over first (TransferLeadership) is the caller's choice. It may be
// called again, and waits for a Close or Kill that is under way.
func (c *Cluster) Close() error { return c.end(false) }

// Kill stops as a crash would look to the others: the network goes first,
// nobody is told, nothing is handed over. It still leaves nothing running.
func (c *Cluster) Kill() error { return c.end(true) }

func (c *Cluster) end(abrupt bool) error {
	c.closing.Do(func() { c.closeErr = c.shutdown(abrupt) })
	return c.closeErr
}

// shutdown is also the way out of an Open that failed half-way, so each part
// may be missing.
func (c *Cluster) shutdown(abrupt bool) error {
	if abrupt && c.transport != nil {
		c.transport.Cut()
	}
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.proposer.close()
	if g := c.gossip.Load(); g != nil {
		g.close(abrupt)
	}
	c.stop()
	// raft forgets entries that wait for the state machine when it is shut
	// down, and whoever waits for them would wait for ever. They are settled
	// soon: committed ones are applied, and without a majority a leader steps
	// down when its lease ends.
	c.inflight.Wait()
	var errs []error
	if c.raft != nil {
		errs = append(errs, c.raft.Shutdown().Error())
	} else if c.raftNet != nil {
		errs = append(errs, c.raftNet.Close())
	}
	c.routes.close()
	c.work.Wait()
	if c.transport != nil {
		errs = append(errs, c.transport.Close())
	}
	if c.store != nil {
		errs = append(errs, c.store.Close())
	}
	return errors.Join(errs...)
}

// spawn starts a goroutine that shutdown waits for. It does nothing and gives
// false once the cluster is closed.
func (c *Cluster) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.work.Go(f)
	return true
}

// begin counts something that is asked of raft; the caller ends it with
// c.inflight.Done.
func (c *Cluster) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.inflight.Add(1)
	return true
}

// call asks another node; the path names what.
func (c *Cluster) call(ctx context.Context, addr, path string, body []byte) ([]byte, error) {
	answer, err := c.transport.Call(ctx, addr, path, body)
	return answer, admit(err)
}

// Addr gives the address under which other nodes reach this one.
func (c *Cluster) Addr() string { return c.transport.Addr() }

// GossipAddr gives the address that gossip listens on, or "" without gossip.
func (c *Cluster) GossipAddr() string {
	if g := c.gossip.Load(); g != nil {
		return g.addr()
	}
	return ""
}

// TransferLeadership hands leadership to the most up-to-date follower and
// waits until it is gone. On a node that does not lead it does nothing.
func (c *Cluster) TransferLeadership(ctx context.Context) error {
	if !c.IsLeader() {
		return nil
	}
	if !c.begin() {
		return ErrClosed
	}
	done := make(chan error, 1)
	if !c.spawn(func() {
		defer c.inflight.Done()
		done <- c.raft.LeadershipTransfer().Error()
	}) {
		c.inflight.Done()
		return ErrClosed
	}
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("cluster: transfer leadership: %w", err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("cluster: transfer leadership: %w", ctx.Err())
	}
}
