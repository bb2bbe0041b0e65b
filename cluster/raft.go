package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"github.com/nixnode/nixnode/cluster/transport"
)

// Bounds of raft's own traffic.
const (
	maxAppendEntries = 128
	raftTimeout      = 5 * time.Second // one message; a snapshot gets more by its size
	raftPool         = 3               // idle connections to a node
)

// Paths of the node-to-node calls. They are part of the protocol between
// releases.
const (
	pathPropose   = "/v1/propose"
	pathReadIndex = "/v1/read-index"
	pathTerm      = "/v1/term"
	pathRoutes    = "/v1/routes"
	pathHints     = "/v1/hints"
	pathGossip    = "/v1/gossip"
)

// restore brings the state machine up to the newest snapshot if it is behind
// it: then the entries between the two are no longer in the log. raft would
// restore at every start, which a durable state machine does not need.
func (c *Cluster) restore() error {
	newest, err := c.store.Snapshots.List()
	if err != nil {
		return err
	}
	first, err := c.store.Log.FirstIndex()
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	last, err := c.store.Log.LastIndex()
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	var snapshot uint64
	if len(newest) > 0 {
		snapshot = newest[0].Index
	}
	if first > snapshot+1 {
		return fmt.Errorf("%w: the log begins at %d, the newest snapshot is of %d", ErrCorrupt, first, snapshot)
	}
	// An entry is applied only after it is on this node's disk.
	if at := c.cfg.StateMachineIndex; at > max(last, snapshot) {
		return fmt.Errorf("%w: the state machine is at %d, the log ends at %d", ErrCorrupt, at, max(last, snapshot))
	}
	if snapshot <= c.cfg.StateMachineIndex {
		return nil
	}
	c.log.Info("restoring the state machine from a snapshot", "index", snapshot)
	_, r, err := c.store.Snapshots.Open(newest[0].ID)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if err := c.cfg.StateMachine.Restore(r); err != nil {
		return fmt.Errorf("cluster: restore: %w", err)
	}
	c.applier.advance(snapshot, 0)
	return nil
}

func (c *Cluster) openRaft() error {
	logger := hclogger{log: c.log.With("part", "raft")}
	c.raftNet = raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:                c.transport.Stream(),
		ServerAddressProvider: c,
		MaxPool:               raftPool,
		Timeout:               raftTimeout,
		Logger:                logger,
		// No pipelining. In raft v1.7.3 a leader that is refused, because another
		// one leads by now, stops reading the pipeline's answers while it may be
		// waiting to hand over one more request: that goroutine never ends, and
		// with it no shutdown. Entries that wait go together in one call anyway.
		MaxRPCsInFlight: 1,
	})
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(c.cfg.NodeID)
	config.HeartbeatTimeout = c.cfg.Timing.Heartbeat
	config.ElectionTimeout = c.cfg.Timing.Election
	config.LeaderLeaseTimeout = c.cfg.Timing.Lease
	config.CommitTimeout = c.cfg.Timing.Commit
	config.MaxAppendEntries = maxAppendEntries
	config.SnapshotThreshold = c.cfg.SnapshotThreshold
	config.SnapshotInterval = c.cfg.SnapshotInterval
	config.TrailingLogs = c.cfg.TrailingLogs
	config.ShutdownOnRemove = false
	config.NoSnapshotRestoreOnStart = true // restore did it
	config.NoLegacyTelemetry = true
	config.Logger = logger
	if err := c.bootstrap(config); err != nil {
		return err
	}
	r, err := raft.NewRaft(config, c.applier, c.store.Log, c.store.Stable, c.store.Snapshots, c.raftNet)
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	c.raft = r
	c.metrics.watch(r)
	close(c.ready)
	return nil
}

// bootstrap writes the first configuration, once.
func (c *Cluster) bootstrap(config *raft.Config) error {
	if !c.cfg.Bootstrap && !c.cfg.Known {
		return nil
	}
	exists, err := raft.HasExistingState(c.store.Log, c.store.Stable, c.store.Snapshots)
	if err != nil {
		return fmt.Errorf("cluster: bootstrap: %w", err)
	}
	if exists {
		return nil
	}
	if c.cfg.Known {
		return fmt.Errorf("%w: this node's log is gone", ErrCorrupt)
	}
	var all raft.Configuration
	for _, p := range c.cfg.Peers {
		all.Servers = append(all.Servers, raft.Server{ID: raft.ServerID(p.ID), Address: raft.ServerAddress(p.NodeAddr)})
	}
	if err := raft.BootstrapCluster(config, c.store.Log, c.store.Stable, c.store.Snapshots, c.raftNet, all); err != nil {
		return fmt.Errorf("cluster: bootstrap: %w", err)
	}
	return nil
}

// handlers are this node's answers to the others. Calls that need raft wait
// until it is there.
func (c *Cluster) handlers() map[string]transport.Handler {
	return map[string]transport.Handler{
		pathPropose:   c.withRaft(c.handlePropose),
		pathReadIndex: c.withRaft(c.handleReadIndex),
		pathTerm:      c.withRaft(c.handleTerm),
		pathRoutes:    coded(c.routes.handlePull),
		pathHints:     coded(c.routes.handleHints),
		pathGossip:    c.withRaft(c.handleGossip),
	}
}

func coded(h transport.Handler) transport.Handler {
	return func(ctx context.Context, body []byte) ([]byte, error) {
		answer, err := h(ctx, body)
		return answer, refuse(err)
	}
}

func (c *Cluster) withRaft(h transport.Handler) transport.Handler {
	return coded(func(ctx context.Context, body []byte) ([]byte, error) {
		select {
		case <-c.ready:
			return h(ctx, body)
		case <-c.ctx.Done():
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
}

// ServerAddr implements raft.ServerAddressProvider.
func (c *Cluster) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	addr := c.nodeAddr(string(id))
	if addr == "" {
		return "", fmt.Errorf("cluster: no address of node %s is known", id)
	}
	return raft.ServerAddress(addr), nil
}

// nodeAddr gives where a node is reached: as it says itself, else as we were
// told. Our own is fixed: raft tells candidates by it.
func (c *Cluster) nodeAddr(id string) string {
	if id == c.cfg.NodeID {
		return c.transport.Addr()
	}
	if addr := c.routes.nodeAddr(id); addr != "" {
		return addr
	}
	for _, p := range c.cfg.Peers {
		if p.ID == id {
			return p.NodeAddr
		}
	}
	return ""
}

// voters gives the ids of the nodes whose votes count, by the newest
// configuration in the log.
func (c *Cluster) voters() (ids []string) {
	for _, s := range c.raft.GetConfiguration().Configuration().Servers {
		if s.Suffrage == raft.Voter {
			ids = append(ids, string(s.ID))
		}
	}
	return ids
}
