// Package node builds a node from its parts, starts it and stops it, and does
// nothing else: the state machine, the cluster, the bell, the service and the
// door know each other only through what is filled in here.
//
// Promises: Open returns a node that listens, or an error and nothing left
// behind; Close takes it down from the door to the cellar and waits for every
// goroutine; killing the process at any moment is also a correct way to stop.
package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/cluster"
	"github.com/nixnode/nixnode/fsm"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/notify"
	"github.com/nixnode/nixnode/relay"
)

// FeatureLevel is told to the other nodes, so that later releases know what this
// one can read from the log.
const FeatureLevel = 1

// Options are what a program says of a node it opens, beside the operator's Config.
// All fields may be zero.
type Options struct {
	Logger  *slog.Logger
	Version api.Version
	// ClusterKey is used instead of Config.ClusterKeyFile when it is not nil.
	ClusterKey *ClusterKey
	// HTTPListener and NodeListener are used instead of listening on the
	// configured addresses, so that ports can be known before nodes start.
	HTTPListener, NodeListener net.Listener
	// Operator is told the operator key when this node has made it: at the
	// first start of a cluster, once. The secret is not to be had again.
	Operator func(key string, secret string)
	// Fatal is called once, from any goroutine, when the node can no longer be
	// trusted: a storage error, an entry that cannot be decoded. A program ends
	// its process there. Without it, the node cuts itself off and is not healthy.
	Fatal func(error)
	// Now is the clock for tokens and new commands.
	Now func() time.Time
	// Dial and WrapGossip are where tests put faults into the network.
	Dial       func(ctx context.Context, network, addr string) (net.Conn, error)
	WrapGossip func(cluster.GossipTransport) cluster.GossipTransport
	// SnapshotInterval is how often the log is looked at for whether a snapshot is
	// due; 0 is cluster.DefaultSnapshotInterval. Tests make it short.
	SnapshotInterval time.Duration
}

// Node is a running node. It is safe for concurrent use.
type Node struct {
	cfg    Config
	opts   Options
	log    *slog.Logger
	domain address.Domain
	key    ClusterKey
	known  bool       // the data directory says that this node has run before
	fs     cluster.FS // nil is the disk

	machine *fsm.Machine
	cluster *cluster.Cluster
	bell    *notify.Bell
	service *relay.Service
	sealer  *sealer
	metrics *prometheus.Registry // its own, as several nodes may share a process

	url        string
	handler    *httpapi.Handler // of the door; it has the websockets
	door       *http.Server
	doorSocket net.Listener
	ops        *http.Server // nil without ops_addr
	opsSocket  net.Listener
	serving    sync.WaitGroup

	stopDuties context.CancelFunc
	duties     sync.WaitGroup

	selfTested atomic.Bool
	draining   atomic.Bool
	failure    atomic.Pointer[error]
	failed     chan struct{} // closed with the first failure

	closeOnce sync.Once
	closeErr  error
}

// Open starts a node. The configuration must be valid; its faults are reported
// here too. ctx bounds the opening alone.
func Open(ctx context.Context, cfg Config, opts Options) (_ *Node, err error) {
	if opts.ClusterKey != nil && cfg.ClusterKeyFile == "" {
		cfg.ClusterKeyFile = "(given)"
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	n := &Node{cfg: cfg, opts: opts, log: opts.Logger.With("node", cfg.NodeID), failed: make(chan struct{}), metrics: prometheus.NewRegistry()}
	// What was opened is closed again, in reverse, if a later step fails.
	var opened []func()
	defer func() {
		if err != nil {
			for i := len(opened) - 1; i >= 0; i-- {
				opened[i]()
			}
		}
	}()
	open := func(step func(context.Context) (func(), error)) {
		if err != nil {
			return
		}
		var undo func()
		if undo, err = step(ctx); err == nil {
			opened = append(opened, undo)
		}
	}
	// From the cellar up: nothing may be asked before what it stands on is there.
	// Only the ports are taken first, as the other nodes are told the URL; who
	// connects early waits until the door opens.
	open(n.listen)
	open(n.checkIdentity)
	open(n.openMachine)
	open(n.openCluster)
	open(n.noteIdentity)
	open(n.openService)
	open(n.openDoor)
	if err != nil {
		return nil, fmt.Errorf("open node %s: %w", cfg.NodeID, err)
	}
	n.startDuties()
	return n, nil
}

// checkIdentity refuses a data directory that was made for another node.
func (n *Node) checkIdentity(context.Context) (_ func(), err error) {
	if n.key, err = n.clusterKey(); err != nil || n.cfg.Memory {
		return func() {}, err
	}
	is, err := newIdentity(n.cfg, n.key)
	if err != nil {
		return nil, err
	}
	was, known, err := readIdentity(n.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	if n.known = known; known {
		err = is.check(was)
	}
	return func() {}, err
}

// noteIdentity says whose the directory is, once: when a log is there, which is
// then missed if it should ever be gone.
func (n *Node) noteIdentity(context.Context) (func(), error) {
	if n.known || n.cfg.Memory {
		return func() {}, nil
	}
	id, err := newIdentity(n.cfg, n.key)
	if err == nil {
		err = id.write(n.cfg.DataDir)
	}
	return func() {}, err
}

func (n *Node) openMachine(context.Context) (func(), error) {
	n.bell = notify.New(func(a address.Address, on bool) {
		n.cluster.Listening(a, on) // no stream exists before the door is open
	})
	if n.cfg.Memory {
		n.fs = fsm.MemoryFS()
	}
	m, err := fsm.Open(fsm.Options{
		Dir: filepath.Join(n.cfg.DataDir, "state"), FS: n.fs, Notifier: n.bell, Logger: n.log, Fatal: n.fatal,
	})
	if err != nil {
		return nil, err
	}
	n.machine = m
	return func() { _ = m.Close() }, nil
}

func (n *Node) openCluster(context.Context) (func(), error) {
	peers := n.cfg.Peers
	gossipAddr := n.cfg.GossipAddr
	if len(peers) == 0 { // a cluster of one has nobody to gossip with
		peers, gossipAddr = []Peer{{ID: n.cfg.NodeID, NodeAddr: n.nodeAddr()}}, ""
	}
	tag, err := n.key.tag()
	if err != nil {
		return nil, err
	}
	c, err := cluster.Open(cluster.Config{
		Tag:    tag,
		NodeID: n.cfg.NodeID, Peers: clusterPeers(peers), Bootstrap: true, Known: n.known,
		NodeListener: n.opts.NodeListener, NodeAddr: n.cfg.NodeAddr, GossipAddr: gossipAddr,
		HTTPAddr: n.url, Version: n.opts.Version.Version, FeatureLevel: FeatureLevel,
		DataDir: filepath.Join(n.cfg.DataDir, "raft"), Memory: n.cfg.Memory, FS: n.fs,
		StateMachine: stateMachine{n.machine}, StateMachineIndex: n.machine.Applied(),
		OnHint: n.onHint, Fatal: n.fatal, Dial: n.opts.Dial, WrapGossip: n.opts.WrapGossip,
		Timing: cluster.Timing{
			Heartbeat: n.cfg.HeartbeatTimeout, Election: n.cfg.ElectionTimeout, Lease: n.cfg.LeaseTimeout, Commit: n.cfg.CommitTimeout,
		},
		SnapshotThreshold: n.cfg.SnapshotThreshold, TrailingLogs: n.cfg.TrailingLogs, SnapshotInterval: n.opts.SnapshotInterval,
		Logger: n.opts.Logger, // it names the node itself
	})
	if err != nil {
		return nil, err
	}
	n.cluster = c
	return func() { _ = c.Kill() }, nil
}

func (n *Node) nodeAddr() string {
	if n.opts.NodeListener != nil {
		return n.opts.NodeListener.Addr().String()
	}
	return n.cfg.NodeAddr
}

func clusterPeers(peers []Peer) []cluster.Peer {
	out := make([]cluster.Peer, len(peers))
	for i, p := range peers {
		out[i] = cluster.Peer{ID: p.ID, NodeAddr: p.NodeAddr, GossipAddr: p.GossipAddr}
	}
	return out
}

// onHint hands a message that another node has proposed to this node's streams.
func (n *Node) onHint(h cluster.Hint) {
	n.bell.Hint(notify.Hint{To: h.To, TS: h.TS, Before: h.Before, Message: h.Message})
}

func (n *Node) openService(context.Context) (_ func(), err error) {
	if n.sealer, err = newSealer(n.key); err != nil {
		return nil, err
	}
	if n.domain, err = address.NewDomain(n.cfg.Domain, n.cfg.DomainAliases...); err != nil {
		return nil, err
	}
	n.service = relay.New(relay.Options{
		Domain: n.domain, Hosts: n.cfg.Hosts,
		Proposer: proposer{n.cluster}, Reader: reader{n.cluster, n.machine}, Router: router{n.cluster},
		Bell: n.bell, Sealer: n.sealer, Logger: n.log.With("component", "relay"), Now: n.opts.Now,
		EventsKept: n.cfg.EventRetention,
	})
	return n.service.Close, nil
}

func (n *Node) clusterKey() (ClusterKey, error) {
	if n.opts.ClusterKey != nil {
		return *n.opts.ClusterKey, nil
	}
	if n.cfg.ClusterKeyFile == "" { // memory mode of one node: nobody else needs it
		return NewClusterKey(), nil
	}
	return ReadClusterKey(n.cfg.ClusterKeyFile)
}

// ID gives the node's name in the cluster.
func (n *Node) ID() string { return n.cfg.NodeID }

// URL gives where clients reach this node.
func (n *Node) URL() string { return n.url }

// GossipAddr gives where the other nodes' gossip reaches this one; empty when
// there is none.
func (n *Node) GossipAddr() string { return n.cluster.GossipAddr() }

// Domain gives the cluster's domain.
func (n *Node) Domain() address.Domain { return n.domain }

// Close stops the node gracefully, from the door down to the cellar: not ready,
// streams ended with their reason, requests finished, leadership handed over,
// gossip left, raft closed, store flushed and closed. ctx bounds the wait for
// requests. It is idempotent.
func (n *Node) Close(ctx context.Context) error {
	n.closeOnce.Do(func() {
		n.draining.Store(true)
		n.endDuties()
		n.service.Close() // streams end with 60000 and their requests return
		n.shutDoor(ctx)
		if n.cluster.IsLeader() {
			if err := n.cluster.TransferLeadership(ctx); err != nil {
				n.log.Debug("leadership was not handed over", "err", err)
			}
		}
		n.closeErr = errors.Join(n.cluster.Close(), n.flush(), n.machine.Close())
	})
	return n.closeErr
}

// flush saves the next start the replay. After a failure nothing more is written.
func (n *Node) flush() error {
	if n.failure.Load() != nil {
		return nil
	}
	return n.machine.Flush()
}

// Kill stops the node as abruptly as one process can: the network is cut
// first, nothing is handed over, told or flushed. It is for tests of what a
// crash leaves behind.
func (n *Node) Kill() {
	n.closeOnce.Do(func() {
		_ = n.cluster.Kill()
		n.breakDoor()
		n.endDuties()
		n.service.Close()
		n.serving.Wait()
		n.closeErr = n.machine.Close()
	})
}

// fatal is called by the parts when the node can no longer be trusted, possibly
// with their locks held. What failed acknowledges nothing more.
func (n *Node) fatal(err error) {
	if !n.failure.CompareAndSwap(nil, &err) {
		return
	}
	n.log.Error("node failed", "err", err)
	close(n.failed)
	if n.opts.Fatal != nil {
		n.opts.Fatal(err)
	}
}

func (n *Node) tlsConfig() (*tls.Config, error) {
	if n.cfg.TLSCertFile == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(n.cfg.TLSCertFile, n.cfg.TLSKeyFile)
	if err != nil {
		return nil, fmt.Errorf("tls_cert_file: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}
