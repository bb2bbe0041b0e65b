package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nixnode/nixnode/cluster/transport"
	"github.com/nixnode/nixnode/internal/eventually"
)

func TestProposalsFromAnyNodeAreSeenOnAnyNodeAfterABarrier(t *testing.T) {
	h := start(t, 3, nil)
	h.leader()
	for i, from := range h.nodes {
		for j, to := range h.nodes {
			k, v := fmt.Sprintf("k%d%d", i, j), fmt.Sprintf("v%d%d", i, j)
			h.put(from, k, v)
			h.barrier(to)
			if got := to.sm.get(k); got != v {
				t.Fatalf("written on %s, %s has %q after a barrier", from.cfg.NodeID, to.cfg.NodeID, got)
			}
		}
	}
}

func TestResultsBelongToTheirProposals(t *testing.T) {
	h := start(t, 3, nil)
	h.leader()
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			one := h.nodes[i%3]
			k := fmt.Sprintf("key%d", i)
			result, index, err := one.Propose(t.Context(), []byte(k+"=x"))
			var at uint64
			var place int
			var name string
			if _, serr := fmt.Sscanf(string(result), "%d.%d.%s", &at, &place, &name); err != nil || serr != nil || at != index || name != k {
				t.Errorf("%s: result %q, index %d, %v", k, result, index, err)
			}
			if err := one.WaitApplied(t.Context(), index); err != nil || one.sm.get(k) != "x" {
				t.Errorf("%s is not applied at its index: %v", k, err)
			}
		})
	}
	wg.Wait()
	h.converged()
	sm := h.nodes[0].sm
	sm.mu.Lock()
	defer sm.mu.Unlock()
	if sm.most < 2 || sm.entries >= 300 {
		t.Fatalf("nothing was grouped: %d entries, at most %d proposals in one", sm.entries, sm.most)
	}
}

func TestLeaderKilledNothingAcknowledgedIsLost(t *testing.T) {
	h := start(t, 3, nil)
	leader, others := h.leader(), h.followers()
	var mu sync.Mutex
	acked := map[string]string{}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for w, one := range others {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				k := fmt.Sprintf("w%d-%d", w, i)
				if _, _, err := one.Propose(ctx, []byte(k+"=x")); err == nil {
					mu.Lock()
					acked[k] = "x"
					mu.Unlock()
				} else if !isOneOf(err, ErrOutcomeUnknown, ErrNoLeader, ErrOverloaded, context.Canceled) {
					t.Errorf("propose: %v", err)
				}
			}
		})
	}
	count := func() int { mu.Lock(); defer mu.Unlock(); return len(acked) }
	eventually.True(t, soon, func() bool { return count() > 50 }, "some are acknowledged")
	if err := leader.Kill(); err != nil {
		t.Fatal(err)
	}
	before := count()
	eventually.True(t, soon, func() bool { return count() > before+50 }, "a new leader takes over")
	cancel()
	wg.Wait()
	for _, one := range others {
		h.barrier(one)
		for k := range acked {
			if one.sm.get(k) != "x" {
				t.Fatalf("%s was acknowledged and is not on %s", k, one.cfg.NodeID)
			}
		}
	}
	h.open(leader, newToy(), 0)
	h.converged()
}

func TestCutOffLeaderFailsFastAndServesNothingStale(t *testing.T) {
	h := start(t, 3, nil)
	old, others := h.leader(), h.followers()
	h.put(old, "k", "old")
	h.net.isolate(old.cfg.NodeID)
	// From the first moment: also while it still takes itself for the leader.
	began := time.Now()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := old.Barrier(t.Context()); !errors.Is(err, ErrNoLeader) {
			t.Errorf("barrier on the one cut off: %v", err)
		}
	})
	wg.Go(func() {
		if _, _, err := old.Propose(t.Context(), []byte("k=lost")); !isOneOf(err, ErrNoLeader, ErrOutcomeUnknown) {
			t.Errorf("propose on the one cut off: %v", err)
		}
	})
	wg.Wait()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	h.put(others[0], "k", "new")
	h.barrier(others[1])
	if got := others[1].sm.get("k"); got != "new" {
		t.Fatalf("the majority has %q", got)
	}
	if err := old.Barrier(t.Context()); err == nil {
		t.Fatal("barrier succeeded on a node that is cut off")
	}
	if old.LastContact() == 0 {
		t.Fatal("a node that is cut off says that it is in touch")
	}
	h.net.heal()
	h.barrier(old)
	if got := old.sm.get("k"); got != "new" {
		t.Fatalf("after healing: %q", got)
	}
	h.converged()
}

func TestWithoutAMajorityCallsEndWithinPatience(t *testing.T) {
	h := start(t, 3, nil)
	h.leader()
	last := h.nodes[0]
	for _, one := range h.nodes[1:] {
		if err := one.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	eventually.True(t, soon, func() bool { return !last.hasLeader() }, "leader is missed")
	began := time.Now()
	if _, _, err := last.Propose(t.Context(), []byte("k=v")); !errors.Is(err, ErrNoLeader) {
		t.Errorf("propose: %v", err)
	}
	if err := last.Barrier(t.Context()); !errors.Is(err, ErrNoLeader) {
		t.Errorf("barrier: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("two calls took %v", took)
	}
	for _, one := range h.nodes[1:] {
		h.open(one, newToy(), 0)
	}
	h.put(last, "k", "v")
	h.converged()
}

func TestRestartOfAllKeepsEverything(t *testing.T) {
	h := start(t, 3, nil)
	h.leader()
	for i := range 20 {
		h.put(h.nodes[i%3], fmt.Sprintf("k%d", i), "v")
	}
	for _, one := range h.nodes {
		if err := one.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i, one := range h.nodes {
		if i == 0 {
			h.open(one, one.sm, one.sm.at) // its state was durable
		} else {
			h.open(one, newToy(), 0) // the log is all there is
		}
	}
	h.converged()
	if n := len(h.nodes[2].sm.copy()); n != 20 {
		t.Fatalf("%d of 20 are left", n)
	}
}

func TestTransferredLeadershipIsElsewhere(t *testing.T) {
	h := start(t, 3, nil)
	old := h.leader()
	if err := old.TransferLeadership(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, soon, func() bool { return h.leader() != old }, "another node leads")
	h.put(old, "k", "v")
	if err := h.followers()[0].TransferLeadership(t.Context()); err != nil {
		t.Fatalf("on a follower it is nothing to do: %v", err)
	}
}

func TestEntryThatCannotBeReadStopsTheNode(t *testing.T) {
	h := start(t, 1, nil)
	one := h.leader()
	h.put(one, "k", "v")
	f := one.raft.Apply([]byte("not a pack"), time.Second)
	if err := f.Error(); err != nil {
		t.Fatal(err)
	}
	expectStopped(t, one, ErrCorrupt)
}

func TestFailedApplyStopsTheNode(t *testing.T) {
	h := start(t, 1, nil)
	one := h.leader()
	h.put(one, "k", "v")
	broken := errors.New("disk is gone")
	one.sm.mu.Lock()
	one.sm.broken = broken
	one.sm.mu.Unlock()
	if _, _, err := one.Propose(t.Context(), []byte("k=w")); !errors.Is(err, ErrOutcomeUnknown) {
		t.Fatal(err)
	}
	one.sm.mu.Lock()
	one.sm.broken = nil // it would work again: it must not be tried
	one.sm.mu.Unlock()
	expectStopped(t, one, broken)
}

func expectStopped(t *testing.T, one *node, why error) {
	t.Helper()
	select {
	case err := <-one.fatal:
		if !errors.Is(err, why) {
			t.Fatal(err)
		}
	case <-time.After(soon):
		t.Fatal("Fatal was not called")
	}
	if _, _, err := one.Propose(t.Context(), []byte("k=x")); !errors.Is(err, ErrClosed) {
		t.Fatalf("propose on a failed node: %v", err)
	}
	if err := one.Barrier(t.Context()); !errors.Is(err, ErrClosed) {
		t.Fatalf("barrier on a failed node: %v", err)
	}
	if got := one.sm.get("k"); got != "v" {
		t.Fatalf("something was applied: %q", got)
	}
}

func TestClosedNodeSaysSo(t *testing.T) {
	h := start(t, 1, nil)
	one := h.leader()
	for range 2 {
		if err := one.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := one.Propose(t.Context(), nil); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if err := one.Barrier(t.Context()); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if err := one.WaitApplied(t.Context(), 1<<40); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

func TestErrorsKeepTheirIdentityOverTheHop(t *testing.T) {
	for _, row := range hop {
		said := fmt.Errorf("with context: %w", row.err)
		server, err := transport.Listen(transport.Options{Addr: "127.0.0.1:0", Logger: quiet, Handlers: map[string]transport.Handler{
			"/x": coded(func(context.Context, []byte) ([]byte, error) { return nil, said }),
		}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = server.Call(t.Context(), server.Addr(), "/x", nil)
		if got := admit(err); !errors.Is(got, row.err) {
			t.Errorf("%v arrived as %v", row.err, got)
		}
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := admit(&transport.Refusal{Code: "of-a-newer-release"}); !errors.Is(got, ErrOutcomeUnknown) {
		t.Errorf("an unknown code arrived as %v", got)
	}
}

func TestFollowerDoesNotPassAProposalOn(t *testing.T) {
	h := start(t, 3, nil)
	leader, follower := h.leader(), h.followers()[0]
	_, err := leader.call(t.Context(), follower.Addr(), pathPropose, encodePack([][]byte{[]byte("k=v")}))
	if !errors.Is(err, errNotLeader) {
		t.Fatal(err)
	}
	if _, err := leader.call(t.Context(), leader.Addr(), pathPropose, []byte("no pack")); !errors.Is(err, errBadCall) {
		t.Fatal(err)
	}
	if _, err := follower.call(t.Context(), leader.Addr(), pathPropose, make([]byte, MaxEntry+1)); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
}

func TestProposalOfTheLargestSizePassesAndALargerIsRefused(t *testing.T) {
	h := start(t, 3, nil)
	follower := h.followers()[0]
	big := make([]byte, MaxProposal)
	copy(big, "big=")
	if _, _, err := follower.Propose(t.Context(), big); err != nil {
		t.Fatal(err)
	}
	if _, _, err := follower.Propose(t.Context(), append(big, 0)); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
}
