package testcluster

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/cluster"
	"github.com/nixnode/nixnode/node"
)

// Node is one node of a test cluster.
type Node struct {
	cluster *Cluster
	id      string
	cfg     node.Config

	addr, httpAddr         string
	listener, httpListener net.Listener // taken by the first start

	mu     sync.Mutex
	node   *node.Node // in this process
	child  *child     // in its own
	paused bool
}

// ID gives the node's name.
func (m *Node) ID() string { return m.id }

// URL gives where clients reach the node; it stays the same over restarts.
func (m *Node) URL() string { return "http://" + m.httpAddr }

// String is the ID, for test failures.
func (m *Node) String() string { return m.id }

func (m *Node) running() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return (m.node != nil || m.child != nil) && !m.paused
}

// Crash ends the node as a power cut would for its process: nothing is flushed,
// told or handed over. In this process the network is cut first and the store
// closed without a flush; with Processes it is SIGKILL.
func (m *Node) Crash() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.node != nil {
		m.node.Kill()
		m.node = nil
	}
	if m.child != nil {
		m.child.kill()
		m.child = nil
	}
	m.paused = false
}

// Stop ends the node gracefully.
func (m *Node) Stop() {
	m.cluster.t.Helper()
	if err := m.stop(); err != nil {
		m.cluster.t.Errorf("stop %s: %v", m.id, err)
	}
}

func (m *Node) stop() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	ctx, cancel := stopContext()
	defer cancel()
	var err error
	if m.node != nil {
		err = m.node.Close(ctx)
		m.node = nil
	}
	if m.child != nil {
		err = m.child.stop(ctx)
		m.child = nil
	}
	return err
}

// Restart starts a node that is down, on the same addresses and data.
func (m *Node) Restart() {
	m.cluster.t.Helper()
	if m.running() {
		m.cluster.t.Fatalf("testcluster: %s runs", m.id)
	}
	m.start()
}

// Pause stops the node's process where it stands (SIGSTOP): its connections
// stay open and its clock goes on. It needs Processes.
func (m *Node) Pause() { m.signal(true) }

// Resume lets a paused node go on as if nothing had happened (SIGCONT).
func (m *Node) Resume() { m.signal(false) }

func (m *Node) signal(pause bool) {
	m.cluster.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.child == nil {
		m.cluster.t.Fatal("testcluster: Pause needs a running node with Processes")
	}
	if err := m.child.pause(pause); err != nil {
		m.cluster.t.Fatal(err)
	}
	m.paused = pause
}

func (m *Node) start() {
	m.cluster.t.Helper()
	var err error
	if m.cluster.settings.processes {
		err = m.startProcess()
	} else {
		err = m.startHere()
	}
	if err != nil {
		m.cluster.t.Fatalf("testcluster: start %s: %v", m.id, err)
	}
}

func (m *Node) startHere() (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cluster
	if m.listener == nil { // a restart: the ports are its own again
		if m.listener, err = net.Listen("tcp", m.addr); err != nil {
			return err
		}
		if m.httpListener, err = net.Listen("tcp", m.httpAddr); err != nil {
			_ = m.listener.Close()
			return err
		}
	}
	listener, httpListener := m.listener, m.httpListener
	m.listener, m.httpListener = nil, nil
	m.node, err = node.Open(context.Background(), m.cfg, node.Options{
		Logger: c.settings.logger, NodeListener: listener, HTTPListener: httpListener, Now: m.clock(), SnapshotInterval: c.settings.snapshots,
		Operator: func(key, secret string) { c.setOperator(client.KeyCredentials{ID: key, Secret: secret}) },
		Fatal:    func(err error) { c.t.Errorf("node %s failed: %v", m.id, err) },
		Dial:     c.links.dialer(m.id),
		WrapGossip: func(t cluster.GossipTransport) cluster.GossipTransport {
			return gossipLinks{NodeAwareTransport: t, links: c.links, node: m.id}
		},
	})
	if err != nil {
		m.node = nil
		return err
	}
	c.links.own(m.node.GossipAddr(), m.id)
	return nil
}

// clock gives the node's own clock; nil is the real one.
func (m *Node) clock() func() time.Time {
	now := m.cluster.settings.now
	if now == nil {
		return nil
	}
	return func() time.Time { return now(m.id) }
}

// StateHash gives the hashes of what the node holds. It needs a running node in
// this process.
func (m *Node) StateHash() node.StateHash {
	m.cluster.t.Helper()
	m.mu.Lock()
	n := m.node
	m.mu.Unlock()
	if n == nil {
		m.cluster.t.Fatalf("testcluster: %s does not run here", m.id)
	}
	h, err := n.StateHash()
	if err != nil {
		m.cluster.t.Fatalf("state of %s: %v", m.id, err)
	}
	return h
}

func (m *Node) shutDown() {
	m.mu.Lock()
	paused, child := m.paused, m.child
	m.mu.Unlock()
	if paused && child != nil {
		_ = child.pause(false)
	}
	if err := m.stop(); err != nil {
		m.cluster.t.Errorf("stop %s: %v", m.id, err)
	}
	for _, l := range []net.Listener{m.listener, m.httpListener} {
		if l != nil {
			_ = l.Close()
		}
	}
}

func (m *Node) ready() bool {
	_, err := m.ask(api.PathReady, nil)
	return err == nil
}

// Status gives what the node says of the cluster.
func (m *Node) status(operator client.KeyCredentials) (api.ClusterStatus, error) {
	var st api.ClusterStatus
	body, err := m.ask(api.PathCluster, &operator)
	if err == nil {
		err = json.Unmarshal(body, &st)
	}
	return st, err
}

// ask does one plain request, without the SDK's repetitions.
func (m *Node) ask(path string, key *client.KeyCredentials) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience/10)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL()+path, nil)
	if err != nil {
		return nil, err
	}
	if key != nil {
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(key.ID+":"+key.Secret)))
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	var reply api.Reply
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %d %s", path, reply.Code, reply.Err)
	}
	return reply.Body, nil
}
