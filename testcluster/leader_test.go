package testcluster_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/testcluster"
)

// sendMany sends total messages in calls of batch, each message numbered, and
// calls at after the first answered call that reaches `when`. It gives the ids
// in the order in which they were acknowledged.
func sendMany(t *testing.T, cl *client.Client, from *client.Identity, to *client.Identity, total, batch, when int, at func()) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*testcluster.Patience)
	defer cancel()
	var acked []string
	for n := 0; n < total; n += batch {
		var msgs []client.Outgoing
		for i := range batch {
			msgs = append(msgs, client.Outgoing{To: to.Address(), ID: fmt.Sprintf("m%05d", n+i)})
		}
		results, err := cl.Send(ctx, from, msgs...)
		if err != nil {
			t.Fatalf("from message %d on: %v", n, err)
		}
		for _, r := range results {
			if r.Err != nil {
				t.Fatalf("message %s: %v", r.ID, r.Err)
			}
			acked = append(acked, r.ID)
		}
		if at != nil && len(acked) >= when {
			at()
			at = nil
		}
	}
	return acked
}

// wantInOrder checks that got holds each of want once, in this order, and
// nothing else.
func wantInOrder(t *testing.T, where string, got []client.Message, want []string) {
	t.Helper()
	var ids []string
	for i, m := range got {
		ids = append(ids, m.ID)
		if i > 0 && m.TS <= got[i-1].TS {
			t.Fatalf("%s: ts %s after %s", where, m.TS, got[i-1].TS)
		}
	}
	if !slices.Equal(ids, want) {
		for i := range min(len(ids), len(want)) {
			if ids[i] != want[i] {
				t.Fatalf("%s: place %d has %s, want %s", where, i, ids[i], want[i])
			}
		}
		t.Fatalf("%s: %d messages, want %d", where, len(ids), len(want))
	}
}

// The leader is killed while a sender sends 2,000 messages over the remaining
// nodes: every acknowledged one is delivered exactly once, in order, to a
// listener that was on the leader and resumes elsewhere.
func TestNothingAcknowledgedIsLostWhenTheLeaderDies(t *testing.T) {
	const total = 2000
	c := testcluster.New(t, 3)
	leader := c.Leader()
	others := c.Others(leader)
	alice, bob := c.Register(c.Client(), "user"), c.Register(c.Client(), "user")
	open := listen(t, c.Client(leader, others[0]), bob, 0)

	acked := sendMany(t, c.Client(others[1], others[0]), alice, bob, total, 8, total/4, leader.Crash)

	var streamed []client.Message
	for range acked {
		streamed = append(streamed, open.next(t, deadline(t)))
	}
	wantInOrder(t, "the stream", streamed, acked)
	for _, m := range others {
		wantInOrder(t, "a fetch from "+m.ID(), fetchAll(t, c.Client(m), bob), acked)
	}
	leader.Restart()
	c.WaitConverged()
	wantInOrder(t, "a fetch from the old leader", fetchAll(t, c.Client(leader), bob), acked)
}

// The sender itself was connected to the leader: what it repeats elsewhere, not
// knowing the outcome, is stored once.
func TestSendRetriedOnAnotherNodeIsStoredOnce(t *testing.T) {
	c := testcluster.New(t, 3)
	leader := c.Leader()
	others := c.Others(leader)
	alice, bob := c.Register(c.Client(), "user"), c.Register(c.Client(), "user")

	acked := sendMany(t, c.Client(leader, others[0], others[1]), alice, bob, 400, 4, 200, leader.Crash)

	wantInOrder(t, "a fetch", fetchAll(t, c.Client(others[0]), bob), acked)
	again, err := c.Client(others[1]).Prepare(deadline(t), alice, client.Outgoing{To: bob.Address(), ID: "again"})
	if err != nil {
		t.Fatal(err)
	}
	var first client.Timestamp
	for _, m := range others {
		r, err := c.Client(m).SendPrepared(deadline(t), again...)
		if err != nil {
			t.Fatal(err)
		}
		if first == 0 {
			first = r[0].TS
		}
		if r[0].TS != first {
			t.Errorf("%s gave the repeated message ts %s, it had %s", m, r[0].TS, first)
		}
	}
	wantInOrder(t, "a fetch", fetchAll(t, c.Client(others[0]), bob), append(acked, "again"))
}

// Acknowledged means on the disks of a majority: all nodes are killed at once,
// and what was acknowledged is there when they are back.
func TestWhatWasAcknowledgedSurvivesAllNodes(t *testing.T) {
	c := testcluster.New(t, 3)
	alice, bob := c.Register(c.Client(), "user"), c.Register(c.Client(), "user")
	acked := sendMany(t, c.Client(), alice, bob, 100, 10, 0, nil)
	for _, m := range c.Nodes() {
		m.Crash()
	}
	for _, m := range c.Nodes() {
		m.Restart()
	}
	c.WaitReady()
	for _, m := range c.Nodes() {
		wantInOrder(t, "a fetch from "+m.ID(), fetchAll(t, c.Client(m), bob), acked)
	}
}

// The leader is cut off: it acknowledges nothing and serves nothing, says so
// within the bound, and the others go on. Nothing is lost when it is back.
func TestACutOffLeaderNeitherAcknowledgesNorServes(t *testing.T) {
	c := testcluster.New(t, 3)
	leader := c.Leader()
	others := c.Others(leader)
	alice, bob := c.Register(c.Client(), "user"), c.Register(c.Client(), "user")
	send(t, c.Client(), alice, client.Outgoing{To: bob.Address(), ID: "before"})

	c.Isolate(leader)
	acked := send(t, c.Client(others...), alice, client.Outgoing{To: bob.Address(), ID: "meanwhile"})
	once := c.Once(leader)
	if _, err := once.Send(deadline(t), alice, client.Outgoing{To: bob.Address(), ID: "cut off"}); err == nil {
		t.Error("the cut-off node acknowledged a message")
	}
	for m, err := range once.Fetch(deadline(t), bob, client.FetchOptions{}) {
		if err == nil {
			t.Fatalf("the cut-off node served a fetch: %s", m.ID)
		}
	}
	if _, err := once.Peer(deadline(t), bob.Address()); err == nil {
		t.Error("the cut-off node served an identity")
	}

	c.Heal()
	c.WaitConverged()
	for _, m := range c.Nodes() {
		got := fetchAll(t, c.Client(m), bob)
		if len(got) < 2 || got[0].ID != "before" || got[1].ID != "meanwhile" || got[1].TS != acked.TS {
			t.Fatalf("%s: %d messages", m, len(got))
		}
	}
}
