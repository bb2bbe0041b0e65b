package cluster

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nixnode/nixnode/internal/eventually"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// soon is the deadline of everything that should take no time.
const soon = 20 * time.Second

// toy is a state machine: "key=value" sets, and the result is "index.place.key".
type toy struct {
	mu       sync.Mutex
	at       uint64
	data     map[string]string
	entries  int // that had proposals
	most     int // proposals in one entry
	broken   error
	restored int
}

func newToy() *toy { return &toy{data: map[string]string{}} }

func (s *toy) Apply(entries []Entry) ([][][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, s.broken
	}
	all := make([][][]byte, len(entries))
	for i, e := range entries {
		all[i] = make([][]byte, len(e.Proposals))
		if e.Index <= s.at {
			continue
		}
		s.at = e.Index
		if len(e.Proposals) > 0 {
			s.entries++
			s.most = max(s.most, len(e.Proposals))
		}
		for j, p := range e.Proposals {
			k, v, _ := strings.Cut(string(p), "=")
			s.data[k] = v
			all[i][j] = fmt.Appendf(nil, "%d.%d.%s", e.Index, j, k)
		}
	}
	return all, nil
}

func (s *toy) get(k string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data[k]
}

func (s *toy) copy() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.data)
}

type toySnapshot struct {
	At   uint64
	Data map[string]string
}

func (s *toy) Snapshot() (Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &toySnapshot{At: s.at, Data: maps.Clone(s.data)}, nil
}

func (s *toySnapshot) Index() uint64 { return s.At }
func (s *toySnapshot) Dir() string   { return "" }
func (s *toySnapshot) Release()      {}

func (s *toySnapshot) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(s); err != nil {
		return 0, err
	}
	return b.WriteTo(w)
}

func (s *toySnapshot) Size() (int64, error) { return s.WriteTo(io.Discard) }

func (s *toy) Restore(r io.Reader) error {
	var snap toySnapshot
	if err := gob.NewDecoder(r).Decode(&snap); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.data = snap.At, snap.Data
	s.restored++
	return nil
}

// wires is the network between nodes: a black hole for those that are cut off.
type wires struct {
	mu    sync.Mutex
	owner map[string]string // address to node
	cut   map[string]bool   // nodes that are cut off
	conns map[*wire]struct{}
}

func newWires() *wires {
	return &wires{owner: map[string]string{}, cut: map[string]bool{}, conns: map[*wire]struct{}{}}
}

func (w *wires) down(a, b string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return a != b && (w.cut[a] || w.cut[b])
}

func (w *wires) dial(from string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		w.mu.Lock()
		to := w.owner[addr]
		w.mu.Unlock()
		if w.down(from, to) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		one := &wire{Conn: c, w: w, from: from, to: to}
		w.mu.Lock()
		w.conns[one] = struct{}{}
		w.mu.Unlock()
		return one, nil
	}
}

func (w *wires) isolate(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut[id] = true
}

// heal ends all cuts. Connections that have swallowed bytes break.
func (w *wires) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		if w.cut[c.from] || w.cut[c.to] {
			_ = c.Conn.Close()
		}
	}
	clear(w.cut)
}

type wire struct {
	net.Conn
	w        *wires
	from, to string
}

func (c *wire) Write(p []byte) (int, error) {
	if c.w.down(c.from, c.to) {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *wire) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.w.down(c.from, c.to) {
			return n, err
		}
	}
}

func (c *wire) Close() error {
	c.w.mu.Lock()
	delete(c.w.conns, c)
	c.w.mu.Unlock()
	return c.Conn.Close()
}

// node is one of a test cluster.
type node struct {
	*Cluster
	sm    *toy
	fatal chan error
	hints chan Hint
	cfg   Config
}

type harness struct {
	t     *testing.T
	net   *wires
	nodes []*node
}

// quickTiming is fast, and not so fast that two busy cores cannot keep up.
func quickTiming() Timing {
	return Timing{Heartbeat: 300 * time.Millisecond, Election: 300 * time.Millisecond, Lease: 150 * time.Millisecond}
}

func start(t *testing.T, n int, adapt func(*Config)) *harness {
	t.Helper()
	h := &harness{t: t, net: newWires()}
	var peers []Peer
	var listeners []net.Listener
	for i := range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprintf("n%d", i+1)
		h.net.owner[l.Addr().String()] = id
		listeners = append(listeners, l)
		peers = append(peers, Peer{ID: id, NodeAddr: l.Addr().String()})
	}
	for i := range n {
		cfg := Config{
			NodeID: peers[i].ID, Peers: peers, Bootstrap: true,
			NodeListener: listeners[i], NodeAddr: peers[i].NodeAddr,
			DataDir: t.TempDir(), Dial: h.net.dial(peers[i].ID), Timing: quickTiming(), Logger: quiet,
		}
		if adapt != nil {
			adapt(&cfg)
		}
		one := &node{cfg: cfg}
		h.nodes = append(h.nodes, one)
		h.open(one, newToy(), 0)
	}
	t.Cleanup(func() {
		for _, one := range h.nodes {
			if err := one.Close(); err != nil {
				t.Errorf("close %s: %v", one.cfg.NodeID, err)
			}
		}
	})
	return h
}

// open starts a node, or starts it again, with a state machine that is durable
// up to an index.
func (h *harness) open(one *node, sm *toy, index uint64) {
	h.t.Helper()
	one.sm, one.fatal, one.hints = sm, make(chan error, 1), make(chan Hint, 100)
	cfg := one.cfg
	cfg.StateMachine, cfg.StateMachineIndex = sm, index
	cfg.Fatal = func(err error) { one.fatal <- err }
	cfg.OnHint = func(hint Hint) { one.hints <- hint }
	var err error
	if one.Cluster, err = Open(cfg); err != nil {
		h.t.Fatal(err)
	}
	one.cfg.NodeListener = nil
}

func (h *harness) leader() *node {
	h.t.Helper()
	var found *node
	eventually.True(h.t, soon, func() bool {
		for _, one := range h.nodes {
			if one.IsLeader() && one.LastContact() == 0 && !h.net.down(one.cfg.NodeID, "") {
				found = one
				return true
			}
		}
		return false
	}, "a node leads")
	return found
}

func (h *harness) followers() (all []*node) {
	h.t.Helper()
	leader := h.leader()
	for _, one := range h.nodes {
		if one != leader {
			all = append(all, one)
		}
	}
	return all
}

// put proposes until it is acknowledged, as a client does.
func (h *harness) put(one *node, k, v string) {
	h.t.Helper()
	eventually.True(h.t, soon, func() bool {
		_, _, err := one.Propose(h.t.Context(), []byte(k+"="+v))
		return err == nil
	}, "%s is stored", k)
}

func (h *harness) barrier(one *node) {
	h.t.Helper()
	eventually.True(h.t, soon, func() bool {
		return one.Barrier(h.t.Context()) == nil
	}, "a barrier at %s", one.cfg.NodeID)
}

func (h *harness) converged() {
	h.t.Helper()
	for _, one := range h.nodes {
		h.barrier(one)
	}
	for _, one := range h.nodes[1:] {
		if !maps.Equal(one.sm.copy(), h.nodes[0].sm.copy()) {
			h.t.Fatalf("%s and %s differ", one.cfg.NodeID, h.nodes[0].cfg.NodeID)
		}
	}
}

func isOneOf(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
