package cluster

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/internal/eventually"
)

func gossiping(cfg *Config) {
	cfg.GossipAddr = "127.0.0.1:0"
	cfg.HTTPAddr, cfg.Version, cfg.FeatureLevel = "127.0.0.1:80", "v1", 3
}

func met(t *testing.T, h *harness) {
	t.Helper()
	for _, one := range h.nodes {
		eventually.True(t, soon, func() bool {
			n := 0
			for _, m := range one.Status().Members {
				if m.Alive && m.Voter && m.Version == "v1" && m.FeatureLevel == 3 && m.HTTPAddr == "127.0.0.1:80" {
					n++
				}
			}
			return n == len(h.nodes)
		}, "%s hears of all", one.cfg.NodeID)
	}
}

func TestRoutesConvergeAndHintsArrive(t *testing.T) {
	h := start(t, 3, gossiping)
	met(t, h)
	a, b := address.Address{1}, address.Address{2}
	h.nodes[0].Listening(a, true)
	h.nodes[1].Listening(a, true)
	h.nodes[1].Listening(b, true)
	eventually.True(t, soon, func() bool {
		return h.nodes[2].ListenedElsewhere(a) && h.nodes[2].ListenedElsewhere(b) && h.nodes[0].ListenedElsewhere(b)
	}, "routes converge")
	if h.nodes[1].ListenedElsewhere(b) {
		t.Error("a node takes its own listener for another's")
	}
	// Both holders of a get it; b's holder alone gets the other.
	eventually.True(t, soon, func() bool {
		p := h.nodes[2].routes
		p.mu.RLock()
		defer p.mu.RUnlock()
		return p.peers["n1"].listens(hashOf(a)) && p.peers["n2"].listens(hashOf(a))
	}, "both holders are known")
	h.nodes[2].Hint(Hint{To: a, TS: 7, Before: 6, Message: []byte("to a")})
	h.nodes[2].Hint(Hint{To: b, TS: 9, Before: 8, Message: []byte("to b")})
	expectHint(t, h.nodes[0], "to a", 7)
	expectHint(t, h.nodes[1], "to a", 7)
	expectHint(t, h.nodes[1], "to b", 9)
	if len(h.nodes[0].hints)+len(h.nodes[2].hints) > 0 {
		t.Error("a hint went where nobody listens")
	}
	h.nodes[1].Listening(b, false)
	eventually.True(t, soon, func() bool { return !h.nodes[2].ListenedElsewhere(b) }, "the listener that left is forgotten")
}

func expectHint(t *testing.T, one *node, text string, ts uint64) {
	t.Helper()
	select {
	case got := <-one.hints:
		if string(got.Message) != text || got.TS != ts || got.Before != ts-1 {
			t.Fatalf("%s got %+v", one.cfg.NodeID, got)
		}
	case <-time.After(soon):
		t.Fatalf("%s did not get %q", one.cfg.NodeID, text)
	}
}

func TestRestartedNodeBringsItsRoutesAnew(t *testing.T) {
	h := start(t, 3, gossiping)
	met(t, h)
	before, after := address.Address{1}, address.Address{2}
	one, other := h.nodes[0], h.nodes[1]
	one.Listening(before, true)
	eventually.True(t, soon, func() bool { return other.ListenedElsewhere(before) }, "it is known")
	if err := one.Kill(); err != nil {
		t.Fatal(err)
	}
	h.open(one, newToy(), 0)
	one.Listening(after, true)
	eventually.True(t, soon, func() bool {
		return other.ListenedElsewhere(after) && !other.ListenedElsewhere(before)
	}, "the new run's listeners replace the old one's")
	// The end of the run before is noticed much later; it must not take the
	// new one's routes with it.
	h.nodes[1].routes.gone(nodeMeta{id: one.cfg.NodeID, epoch: 12345})
	if !other.ListenedElsewhere(after) {
		t.Fatal("the new run was forgotten with an old one")
	}
}

func TestGossipChangesNoMembership(t *testing.T) {
	h := start(t, 3, gossiping)
	met(t, h)
	one := h.nodes[0]
	one.routes.heard(nodeMeta{id: "stranger", nodeAddr: "127.0.0.1:1", epoch: 9})
	if got := len(one.voters()); got != 3 {
		t.Fatalf("%d voters", got)
	}
	var stranger Member
	for _, m := range one.Status().Members {
		if m.ID == "stranger" {
			stranger = m
		}
	}
	if stranger.Voter || !stranger.Alive {
		t.Fatalf("%+v", stranger)
	}
	one.routes.gone(nodeMeta{id: "stranger", epoch: 9})
}

// counted wraps a gossip transport, as fault injection does.
type counted struct {
	memberlist.NodeAwareTransport
	writes *atomic.Int64
}

func (c counted) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	c.writes.Add(1)
	return c.NodeAwareTransport.WriteToAddress(b, a)
}

func (c counted) DialAddressTimeout(a memberlist.Address, d time.Duration) (net.Conn, error) {
	c.writes.Add(1)
	return c.NodeAwareTransport.DialAddressTimeout(a, d)
}

func TestGossipGoesThroughTheWrapper(t *testing.T) {
	var writes atomic.Int64
	h := start(t, 2, func(cfg *Config) {
		gossiping(cfg)
		cfg.WrapGossip = func(inner memberlist.NodeAwareTransport) memberlist.NodeAwareTransport {
			return counted{inner, &writes}
		}
	})
	met(t, h)
	if writes.Load() == 0 {
		t.Fatal("nothing went through it")
	}
}

func TestManyListenersConverge(t *testing.T) {
	h := start(t, 2, gossiping)
	met(t, h)
	const many = 20_000
	for i := range many {
		h.nodes[0].Listening(manyth(i), true)
	}
	eventually.True(t, soon, func() bool {
		p := h.nodes[1].routes
		p.mu.RLock()
		defer p.mu.RUnlock()
		one := p.peers["n1"]
		one.mu.Lock()
		defer one.mu.Unlock()
		return len(one.set) == many
	}, "all are known")
	if !h.nodes[1].ListenedElsewhere(manyth(many - 1)) {
		t.Fatal("the last is missing")
	}
}

func manyth(i int) (a address.Address) {
	copy(a[:], fmt.Sprint("l", i))
	return a
}
