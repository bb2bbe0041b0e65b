package cluster

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// stressTime in the environment makes the stress longer (a Go duration).
const stressTime = "CLUSTER_STRESS"

// 256 callers that never pause: a proposal that is left waiting in a queue, or
// whose waker is lost, shows as a call that takes as long as patience lasts.
// Only a change of leaders excuses one.
func TestNoProposalIsLeftWaiting(t *testing.T) {
	length := 2 * time.Second
	if text := os.Getenv(stressTime); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, nodes := range []int{1, 3} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			const patience = 15 * time.Second
			h := start(t, nodes, func(c *Config) {
				c.Timing = DefaultTiming()
				c.Timing.Patience = patience
			})
			for _, one := range h.nodes {
				h.barrier(one)
			}
			term := h.leader().Status().Term
			took, errs := stress(t, h, length)
			slices.Sort(took)
			t.Logf("%d proposals; p50 %s, p99 %s, longest %s", len(took), took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
			if now := h.leader().Status().Term; now != term {
				t.Logf("the leader changed (term %d, then %d): %d errors", term, now, len(errs))
				return
			}
			for _, err := range errs {
				t.Error(err)
			}
			if longest := took[len(took)-1]; longest > patience/2 {
				t.Errorf("a call took %s", longest)
			}
		})
	}
}

// stress calls Propose from everywhere for a time, and gives how long each call
// took and what failed.
func stress(t *testing.T, h *harness, length time.Duration) (took []time.Duration, errs []error) {
	var mu sync.Mutex
	var callers sync.WaitGroup
	until := time.Now().Add(length)
	for i := range 256 {
		one := h.nodes[i%len(h.nodes)]
		callers.Go(func() {
			var mine []time.Duration
			for begin := time.Now(); begin.Before(until); begin = time.Now() {
				_, _, err := one.Propose(t.Context(), fmt.Appendf(nil, "k%d=v", i))
				mine = append(mine, time.Since(begin))
				if err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
			}
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
		})
	}
	callers.Wait()
	return took, errs
}
