// Package testcluster starts real nodes for tests, with real TCP on loopback,
// and does to them what happens to nodes: crash, restart, pause, partition.
//
//	c := testcluster.New(t, 3)
//	alice := c.Register(c.Client(c.Node(0)), "user")
//	c.Leader().Crash()
//
// New returns a cluster with a leader, a tenant and an API key, every node
// ready; it is taken down with the test. Nodes run in the test's process, or,
// with Processes, each in one of its own, which a pause can really stop.
// Nothing sleeps: every wait is for a condition, with a deadline.
//
// It does not check what clients saw; histories and checkers come on top.
package testcluster

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/node"
)

// Patience is how long the cluster waits for a condition that should come soon.
// It is long because these tests run with the race detector on busy machines.
const Patience = 30 * time.Second

// Domain is the domain of every cluster that is started here.
const Domain = "nix.test"

// Option changes how a cluster is started.
type Option func(*settings)

type settings struct {
	processes bool
	configure func(*node.Config)
	now       func(id string) time.Time
	snapshots time.Duration
	logger    *slog.Logger
}

// Processes runs each node in a process of its own: the test binary again, for
// which TestMain must call Main. Crash is then SIGKILL and Pause SIGSTOP;
// Partition is not available.
func Processes() Option { return func(s *settings) { s.processes = true } }

// Configure changes every node's configuration before it starts.
func Configure(f func(*node.Config)) Option { return func(s *settings) { s.configure = f } }

// Clock gives the nodes another clock for tokens and commands. It is not
// available with Processes.
func Clock(now func() time.Time) Option {
	return ClockOf(func(string) time.Time { return now() })
}

// ClockOf is Clock with a clock for each node, told by its ID.
func ClockOf(now func(id string) time.Time) Option { return func(s *settings) { s.now = now } }

// Snapshots makes every node look that often for whether a snapshot is due (when
// it is, Configure says). It is not available with Processes.
func Snapshots(every time.Duration) Option { return func(s *settings) { s.snapshots = every } }

// Logger lets the nodes log; they are silent otherwise.
func Logger(l *slog.Logger) Option { return func(s *settings) { s.logger = l } }

// Cluster is a running cluster.
type Cluster struct {
	t        testing.TB
	settings settings
	dir      string
	key      node.ClusterKey
	links    *links
	nodes    []*Node

	mu       sync.Mutex
	operator client.KeyCredentials
	tenant   Tenant
	clients  []*client.Client
}

// New starts n nodes, waits until all are ready, and makes a tenant.
func New(t testing.TB, n int, opts ...Option) *Cluster {
	t.Helper()
	c := &Cluster{t: t, dir: t.TempDir(), key: node.NewClusterKey(), links: newLinks()}
	c.settings.logger = slog.New(slog.DiscardHandler)
	for _, o := range opts {
		o(&c.settings)
	}
	if c.settings.processes && c.settings.now != nil {
		t.Fatal("testcluster: Clock does not reach other processes")
	}
	if err := node.WriteClusterKey(c.keyFile(), c.key); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	c.layOut(n)
	for _, m := range c.nodes {
		m.start()
	}
	c.WaitReady()
	c.makeTenant()
	return c
}

func (c *Cluster) keyFile() string { return filepath.Join(c.dir, "cluster.key") }

// layOut finds an address for each node, so that all can be told of all.
func (c *Cluster) layOut(n int) {
	var peers []node.Peer
	for i := range n {
		m := &Node{cluster: c, id: fmt.Sprintf("n%d", i+1)}
		m.addr, m.listener = c.listen("127.0.0.1:0")
		m.httpAddr, m.httpListener = c.listen("127.0.0.1:0")
		c.links.own(m.addr, m.id)
		c.nodes = append(c.nodes, m)
		peers = append(peers, node.Peer{ID: m.id, NodeAddr: m.addr})
	}
	for _, m := range c.nodes {
		cfg := node.DefaultConfig()
		cfg.NodeID, cfg.Domain = m.id, Domain
		cfg.Hosts = []string{"localhost", "127.0.0.1", "::1"}
		cfg.DomainAliases = []string{"api.nix.software"}
		cfg.DataDir, cfg.ClusterKeyFile = filepath.Join(c.dir, m.id), c.keyFile()
		cfg.HTTPAddr, cfg.NodeAddr, cfg.GossipAddr = m.httpAddr, m.addr, "127.0.0.1:0"
		cfg.HeartbeatTimeout, cfg.ElectionTimeout, cfg.LeaseTimeout = 500*time.Millisecond, 500*time.Millisecond, 300*time.Millisecond
		if n > 1 {
			cfg.Peers = peers
		}
		if c.settings.configure != nil {
			c.settings.configure(&cfg)
		}
		m.cfg = cfg
	}
}

// listen takes a port. A node in this process gets the listener itself; one in
// another process gets the address once the listener is closed.
func (c *Cluster) listen(addr string) (string, net.Listener) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		c.t.Fatal(err)
	}
	return l.Addr().String(), l
}

// Nodes gives all nodes, those that are down too.
func (c *Cluster) Nodes() []*Node { return slices.Clone(c.nodes) }

// Node gives node i, counted from 0.
func (c *Cluster) Node(i int) *Node { return c.nodes[i] }

// InProcess reports that the nodes run in this process.
func (c *Cluster) InProcess() bool { return !c.settings.processes }

// Up gives the nodes that run and are not paused.
func (c *Cluster) Up() []*Node {
	var up []*Node
	for _, m := range c.nodes {
		if m.running() {
			up = append(up, m)
		}
	}
	return up
}

// Others gives the running nodes other than m.
func (c *Cluster) Others(m *Node) []*Node {
	return slices.DeleteFunc(c.Up(), func(o *Node) bool { return o == m })
}

// WaitReady waits until every running node says that it is ready.
func (c *Cluster) WaitReady() {
	c.t.Helper()
	eventually.True(c.t, Patience, func() bool {
		for _, m := range c.Up() {
			if !m.ready() {
				return false
			}
		}
		return true
	}, "not every node is ready")
}

// Leader waits until a majority of all nodes runs and agrees on a leader that
// runs, and gives it.
func (c *Cluster) Leader() *Node {
	c.t.Helper()
	var leader *Node
	eventually.True(c.t, Patience, func() bool {
		votes := map[string]int{}
		for _, m := range c.Up() {
			if st, err := m.status(c.Operator()); err == nil {
				votes[st.Leader]++
			}
		}
		for _, m := range c.Up() {
			if votes[m.id] > len(c.nodes)/2 {
				leader = m
				return true
			}
		}
		return false
	}, "no leader that a majority knows")
	return leader
}

// PresentLeader gives the running node that says it leads, in the highest term
// if several do, and whether there is one. It does not wait.
func (c *Cluster) PresentLeader() (leader *Node, ok bool) {
	var term uint64
	for _, m := range c.Up() {
		st, err := m.status(c.Operator())
		if err == nil && st.Leader == m.id && st.Term > term {
			leader, term = m, st.Term
		}
	}
	return leader, leader != nil
}

// WaitConverged waits until all running nodes have applied the same index, know
// the same leader and are ready. The cluster must be quiet and whole.
func (c *Cluster) WaitConverged() {
	c.t.Helper()
	eventually.True(c.t, Patience, func() bool {
		var leader string
		var applied uint64
		for i, m := range c.Up() {
			st, err := m.status(c.Operator())
			if err != nil || st.Leader == "" || !m.ready() {
				return false
			}
			if i == 0 {
				leader, applied = st.Leader, st.Applied
			}
			if st.Leader != leader || st.Applied != applied || st.Commit < applied {
				return false
			}
		}
		return true
	}, "the nodes have not converged")
}

// Partition cuts the network between the groups of nodes; nodes in no group are
// a group of their own. It first heals what was cut before.
func (c *Cluster) Partition(groups ...[]*Node) {
	c.t.Helper()
	if c.settings.processes {
		c.t.Fatal("testcluster: Partition needs nodes in one process")
	}
	group := map[*Node]int{}
	for i, g := range groups {
		for _, m := range g {
			group[m] = i + 1
		}
	}
	c.links.healAll()
	for _, from := range c.nodes {
		for _, to := range c.nodes {
			if from != to && group[from] != group[to] {
				c.links.setCut(from.id, to.id, true)
			}
		}
	}
}

// Isolate cuts one node off from all others.
func (c *Cluster) Isolate(m *Node) { c.Partition([]*Node{m}) }

// OneWay cuts the direction from one node to another alone.
func (c *Cluster) OneWay(from, to *Node) { c.links.setCut(from.id, to.id, true) }

// Heal makes the network whole again.
func (c *Cluster) Heal() { c.links.healAll() }

// close ends everything. Links are healed first, so that no goroutine waits for a cable.
func (c *Cluster) close() {
	c.links.healAll()
	c.mu.Lock()
	clients := c.clients
	c.mu.Unlock()
	for _, cl := range clients {
		cl.Close()
	}
	var wg sync.WaitGroup
	for _, m := range c.nodes {
		wg.Go(m.shutDown)
	}
	wg.Wait()
}

func stopContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), Patience)
}
