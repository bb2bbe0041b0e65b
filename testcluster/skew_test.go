package testcluster_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/testcluster"
)

// skew is how far each node's clock is off; it can be changed while they run.
type skew struct{ off [3]atomic.Int64 }

func (s *skew) now(id string) time.Time {
	return time.Now().Add(time.Duration(s.off[id[1]-'1'].Load()))
}

func (s *skew) set(offs [3]time.Duration) {
	for i, d := range offs {
		s.off[i].Store(int64(d))
	}
}

// Clocks are an hour apart and jump about: a mailbox's order is that in which its
// messages were answered all the same, and one on all nodes (promise 2).
func TestTheOrderOfAMailboxDoesNotDependOnClocks(t *testing.T) {
	clocks := &skew{}
	clocks.set([3]time.Duration{0, time.Hour, -time.Hour})
	c := testcluster.New(t, 3, testcluster.ClockOf(clocks.now))
	alice, bob := c.Register(c.Client(c.Node(0)), "user"), c.Register(c.Client(c.Node(0)), "user")
	open := listen(t, c.Client(c.Node(0)), bob, 0)
	var acked []string
	for round, offs := range [][3]time.Duration{
		{0, time.Hour, -time.Hour}, {-time.Hour, 0, time.Hour}, {time.Second, -time.Second, 0}, {-time.Hour, -time.Hour, -time.Hour},
	} {
		clocks.set(offs)
		for n := range 9 {
			id := fmt.Sprintf("%d-%d", round, n)
			send(t, c.Client(c.Node(n%3)), alice, client.Outgoing{To: bob.Address(), ID: id})
			acked = append(acked, id)
		}
	}
	var streamed []client.Message
	for range acked {
		streamed = append(streamed, open.next(t, deadline(t)))
	}
	wantInOrder(t, "the stream", streamed, acked)
	for _, m := range c.Nodes() {
		wantInOrder(t, "a fetch from "+m.ID(), fetchAll(t, c.Client(m), bob), acked)
	}
}

// Nobody's clock but the leader's moves the time by which things expire, and
// that time is the same on all nodes: a node whose clock is ahead hides nothing.
func TestANodeWhoseClockIsAheadHidesNothing(t *testing.T) {
	clocks := &skew{}
	c := testcluster.New(t, 3, testcluster.ClockOf(clocks.now))
	leader := c.Leader()
	alice, bob := c.Register(c.Client(), "user"), c.Register(c.Client(), "user")
	send(t, c.Client(), alice, client.Outgoing{To: bob.Address(), ID: "for half an hour", TTL: 30 * time.Minute})
	send(t, c.Client(), alice, client.Outgoing{To: bob.Address(), ID: "for a moment", TTL: 2 * time.Second})
	offs := [3]time.Duration{time.Hour, time.Hour, time.Hour}
	offs[leader.ID()[1]-'1'] = 0
	clocks.set(offs)
	// Expiry has run once what is due is gone.
	eventually.True(t, testcluster.Patience, func() bool { return len(fetchAll(t, c.Client(leader), bob)) == 1 }, "nothing expires")
	if c.Leader() != leader {
		t.Skip("another node leads now, whose clock counts")
	}
	for _, m := range c.Nodes() {
		if got := fetchAll(t, c.Client(m), bob); len(got) != 1 || got[0].ID != "for half an hour" {
			t.Errorf("%s shows %d messages", m, len(got))
		}
	}
}
