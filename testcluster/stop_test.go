package testcluster_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/testcluster"
)

// A leader that hands over and stops while requests pour in is down soon: its
// replication must not wait for answers that nobody reads any more.
func TestALeaderStopsInTimeUnderLoad(t *testing.T) {
	for i := range 3 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			c := testcluster.New(t, 3)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			t.Cleanup(func() { cancel(); wg.Wait() })
			bob := c.Register(c.Client(), "user")
			for range 6 {
				alice, cl := c.Register(c.Client(), "user"), c.Client()
				wg.Go(func() {
					for ctx.Err() == nil { // what becomes of each message is for other tests
						_, _ = cl.Send(ctx, alice, client.Outgoing{To: bob.Address()})
					}
				})
			}
			eventually.True(t, testcluster.Patience, func() bool { return len(fetchAll(t, c.Client(), bob)) > 50 }, "nothing is sent")
			leader := c.Leader()
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				leader.Stop()
			}()
			select {
			case <-stopped:
			case <-time.After(testcluster.Patience):
				panic("the leader does not stop; the stacks show who waits for whom")
			}
		})
	}
}
