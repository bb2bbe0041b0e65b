package relay

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/notify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a cluster without a network: a log in memory and, on each node, the
// real state machine. A node can be made to lag, which is what a paused or cut off
// one does, until a read barrier makes it catch up.
type world struct {
	t     testing.TB
	nodes []*testNode

	mu       sync.Mutex
	log      []fsm.Entry
	noLeader bool
	now      time.Time
	// failPropose, if set, decides about a proposal before it is applied, and
	// whether it is applied all the same.
	failPropose func(cmds []command.Command) (apply bool, err error)
}

// testNode is one node: it is the Proposer, Reader and Router of its Service.
type testNode struct {
	w       *world
	machine *fsm.Machine
	bell    *notify.Bell
	*Service

	mu          sync.Mutex // after world.mu
	lag         bool
	at          int // entries applied
	barriers    int
	elsewhere   map[address.Address]bool
	hints       []notify.Hint
	lastContact time.Duration
	forward     bool // hints go to the other nodes
	afterErr    error
}

// newWorld makes n nodes at a fixed time.
func newWorld(t testing.TB, n int) *world {
	t.Helper()
	return newWorldAt(t, n, time.Unix(1_800_000_000, 0))
}

func newWorldAt(t testing.TB, n int, now time.Time) *world {
	t.Helper()
	w := &world{t: t, now: now}
	domain, err := address.NewDomain("nix.example.org", "api.nix.software")
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		node := &testNode{w: w, elsewhere: map[address.Address]bool{}, forward: true}
		node.bell = notify.New(nil)
		node.machine, err = fsm.Open(fsm.Options{Dir: "data", FS: fsm.MemoryFS(), Notifier: node.bell})
		if err != nil {
			t.Fatal(err)
		}
		node.Service = New(Options{
			Domain: domain, Hosts: []string{"node.example.org", "::1"}, Proposer: node, Reader: node, Router: node,
			Bell: node.bell, Sealer: reverseSealer{}, Now: w.clock,
		})
		w.nodes = append(w.nodes, node)
		t.Cleanup(func() {
			node.Service.Close()
			if err := node.machine.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) setNoLeader(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noLeader = on
}

func (w *world) failWith(f func([]command.Command) (bool, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failPropose = f
}

// Propose implements Proposer: the first node's results count.
func (n *testNode) Propose(ctx context.Context, proposal []byte) ([]byte, uint64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	w := n.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.noLeader {
		return nil, 0, ErrNoLeader
	}
	var failure error
	if w.failPropose != nil {
		cmds, err := command.Decode(proposal)
		if err != nil {
			return nil, 0, err
		}
		apply, err := w.failPropose(cmds)
		if failure = err; !apply && err != nil {
			return nil, 0, err
		}
	}
	w.log = append(w.log, fsm.Entry{Index: uint64(len(w.log)) + 1, Term: 1, Proposals: [][]byte{proposal}})
	var results []byte
	for i, node := range w.nodes {
		got, err := node.catchUpLocked(i == 0)
		if err != nil {
			return nil, 0, err
		}
		if i == 0 {
			results = got
		}
	}
	if failure != nil {
		return nil, 0, failure
	}
	return results, uint64(len(w.log)), nil
}

// catchUpLocked applies what is missing, unless the node lags; world.mu is held.
func (n *testNode) catchUpLocked(anyway bool) (last []byte, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lag && !anyway {
		return nil, nil
	}
	for ; n.at < len(n.w.log); n.at++ {
		results, err := n.machine.Apply(n.w.log[n.at : n.at+1])
		if err != nil {
			return nil, err
		}
		last = results[0][0]
	}
	return last, nil
}

func (n *testNode) setLag(on bool) {
	n.mu.Lock()
	n.lag = on
	n.mu.Unlock()
	if !on {
		n.catchUp()
	}
}

func (n *testNode) catchUp() {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	if _, err := n.catchUpLocked(true); err != nil {
		n.w.t.Error(err)
	}
}

// Local implements Reader.
func (n *testNode) Local() (View, error) { return n.machine.View() }

// Current implements Reader.
func (n *testNode) Current(ctx context.Context) (View, error) {
	n.w.mu.Lock()
	down := n.w.noLeader
	n.w.mu.Unlock()
	n.mu.Lock()
	n.barriers++
	n.mu.Unlock()
	if down {
		return nil, ErrNoLeader
	}
	n.catchUp()
	return n.machine.View()
}

// After implements Reader.
func (n *testNode) After(ctx context.Context, index uint64) (View, error) {
	n.mu.Lock()
	err := n.afterErr
	n.mu.Unlock()
	if err != nil {
		return nil, err
	}
	n.catchUp()
	return n.machine.View()
}

// ListenedElsewhere implements Router.
func (n *testNode) ListenedElsewhere(a address.Address) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.elsewhere[a]
}

// Hint implements Router.
func (n *testNode) Hint(h notify.Hint) {
	n.mu.Lock()
	n.hints = append(n.hints, h)
	forward := n.forward
	n.mu.Unlock()
	for _, other := range n.w.nodes {
		if forward && other != n {
			other.bell.Hint(h)
		}
	}
}

// LastContact implements Router.
func (n *testNode) LastContact() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lastContact
}

func (n *testNode) set(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

func (n *testNode) barrierCount() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.barriers
}

// reverseSealer stands in for the real one: what is sealed is not the secret.
type reverseSealer struct{}

func (reverseSealer) Seal(plain []byte) ([]byte, error) {
	sealed := slices.Clone(plain)
	slices.Reverse(sealed)
	return append([]byte("sealed"), sealed...), nil
}

func (reverseSealer) Open(sealed []byte) ([]byte, error) {
	if len(sealed) < 6 || string(sealed[:6]) != "sealed" {
		return nil, errors.New("not sealed")
	}
	plain := slices.Clone(sealed[6:])
	slices.Reverse(plain)
	return plain, nil
}
