package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nixnode/nixnode/cluster/transport"
	"github.com/nixnode/nixnode/internal/eventually"
)

// bench is a proposer whose entries go wherever a test says.
type bench struct {
	*proposer
	wg sync.WaitGroup
}

func propose(t *testing.T, patience time.Duration, submit func(items [][]byte) ([][]byte, uint64, error)) *bench {
	t.Helper()
	b := &bench{}
	b.proposer = newProposer(patience, func(pack []byte) ([][]byte, uint64, error) {
		items, err := decodePack(pack)
		if err != nil {
			t.Error(err)
		}
		return submit(items)
	}, func() bool { return false })
	b.wg.Go(b.lane)
	t.Cleanup(func() { b.close(); b.wg.Wait() })
	return b
}

func TestWhatWaitsGoesTogetherInOrder(t *testing.T) {
	hold, entered := make(chan struct{}), make(chan struct{})
	var packs [][]string
	first := true
	b := propose(t, soon, func(items [][]byte) ([][]byte, uint64, error) {
		if first {
			first = false
			close(entered)
			<-hold
		}
		var pack []string
		for _, item := range items {
			pack = append(pack, string(item))
		}
		packs = append(packs, pack)
		return items, 7, nil
	})
	var wg sync.WaitGroup
	var want []string
	add := func(i int) {
		s := fmt.Sprint(i)
		wg.Go(func() {
			if got, index, err := b.propose(t.Context(), []byte(s)); string(got) != s || index != 7 || err != nil {
				t.Errorf("%s: %q %d %v", s, got, index, err)
			}
		})
	}
	add(0)
	<-entered
	for i := range 20 {
		add(i + 1)
		want = append(want, fmt.Sprint(i+1))
		eventually.True(t, soon, func() bool { return b.waiting() == i+1 }, "it waits")
	}
	close(hold)
	wg.Wait()
	if len(packs) != 2 || !slices.Equal(packs[1], want) {
		t.Fatal(packs)
	}
}

func (p *proposer) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}

func TestPacksStayWithinAnEntry(t *testing.T) {
	hold, entered := make(chan struct{}), make(chan struct{})
	var once sync.Once
	b := propose(t, soon, func(items [][]byte) ([][]byte, uint64, error) {
		once.Do(func() { close(entered); <-hold })
		if n := len(encodePack(items)); n > MaxEntry {
			t.Errorf("an entry of %d bytes", n)
		}
		return items, 1, nil
	})
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			if _, _, err := b.propose(t.Context(), make([]byte, 300<<10)); err != nil {
				t.Error(err)
			}
		})
		if i == 0 {
			<-entered
		}
	}
	wg.Go(func() {
		if _, _, err := b.propose(t.Context(), make([]byte, MaxProposal)); err != nil {
			t.Error(err)
		}
	})
	eventually.True(t, soon, func() bool { return b.waiting() == 12 }, "all wait")
	close(hold)
	wg.Wait()
}

func TestOnlyWhatCertainlyDidNotHappenIsTriedAgain(t *testing.T) {
	for name, row := range map[string]struct {
		err   error
		again bool
		want  error
	}{
		"not the leader":    {errNotLeader, true, nil},
		"no connection":     {fmt.Errorf("%w: refused", transport.ErrUnreached), true, nil},
		"it is going down":  {ErrClosed, true, nil},
		"connection lost":   {errors.New("reset"), false, ErrOutcomeUnknown},
		"leadership lost":   {ErrOutcomeUnknown, false, ErrOutcomeUnknown},
		"deadline":          {context.DeadlineExceeded, false, ErrOutcomeUnknown},
		"it has no room":    {ErrOverloaded, false, ErrOverloaded},
		"it is too large":   {ErrTooLarge, false, ErrTooLarge},
		"it was unreadable": {errBadCall, false, ErrOutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int32
			b := propose(t, soon, func(items [][]byte) ([][]byte, uint64, error) {
				if tries.Add(1) == 1 {
					return nil, 0, row.err
				}
				return items, 7, nil
			})
			_, _, err := b.propose(t.Context(), []byte("x"))
			if !errors.Is(err, row.want) || row.want == nil && err != nil {
				t.Fatal(err)
			}
			if again := tries.Load() > 1; again != row.again {
				t.Fatalf("tried %d times", tries.Load())
			}
		})
	}
}

func TestWhoLeavesIsToldWhetherItWasSent(t *testing.T) {
	entered, hold := make(chan struct{}, 1), make(chan struct{})
	var sent []string
	b := propose(t, soon, func(items [][]byte) ([][]byte, uint64, error) {
		for _, item := range items {
			sent = append(sent, string(item))
		}
		entered <- struct{}{}
		<-hold
		return items, 7, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 2)
	ask := func(s string) { _, _, err := b.propose(ctx, []byte(s)); errs <- err }
	go ask("sent")
	<-entered
	go ask("not sent")
	eventually.True(t, soon, func() bool { return b.waiting() == 1 }, "the second waits")
	cancel()
	first, second := <-errs, <-errs
	if errors.Is(second, ErrOutcomeUnknown) {
		first, second = second, first
	}
	if !errors.Is(first, ErrOutcomeUnknown) || !errors.Is(first, context.Canceled) {
		t.Errorf("sent: %v", first)
	}
	if errors.Is(second, ErrOutcomeUnknown) || !errors.Is(second, context.Canceled) {
		t.Errorf("not sent: %v", second)
	}
	close(hold)
	// The one that was not sent must not be sent now.
	if _, _, err := b.propose(t.Context(), []byte("y")); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sent, []string{"sent", "y"}) {
		t.Fatal(sent)
	}
}

func TestPatienceEndsWaitingForALeader(t *testing.T) {
	b := propose(t, 50*time.Millisecond, func([][]byte) ([][]byte, uint64, error) { return nil, 0, errNotLeader })
	_, _, err := b.propose(t.Context(), []byte("x"))
	if !errors.Is(err, ErrNoLeader) {
		t.Fatal(err)
	}
}

func TestQueueIsBoundedAndCloseEmptiesIt(t *testing.T) {
	b := newProposer(soon, nil, nil) // no lane: everything waits
	errs := make(chan error, 3)
	for range 2 {
		go func() { _, _, err := b.propose(t.Context(), make([]byte, MaxProposal)); errs <- err }()
	}
	eventually.True(t, soon, func() bool { return b.waiting() == 2 }, "both wait")
	b.mu.Lock()
	b.bytes = queueBytes
	b.mu.Unlock()
	if _, _, err := b.propose(t.Context(), []byte("x")); !errors.Is(err, ErrOverloaded) {
		t.Fatal(err)
	}
	b.close()
	for range 2 {
		if err := <-errs; !errors.Is(err, ErrClosed) {
			t.Fatal(err)
		}
	}
	if _, _, err := b.propose(t.Context(), []byte("x")); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

// Whoever is told that an outcome is unknown must not be told at the same time
// that nothing was proposed, wherever the error goes from here.
func TestAnUnknownOutcomeIsNothingElse(t *testing.T) {
	for name, hasLeader := range map[string]bool{"with a leader": true, "without one": false} {
		t.Run(name, func(t *testing.T) {
			hold := make(chan struct{})
			b := propose(t, 300*time.Millisecond, func(items [][]byte) ([][]byte, uint64, error) {
				<-hold
				return items, 1, nil
			})
			b.hasLeader = func() bool { return hasLeader }
			_, _, err := b.propose(t.Context(), []byte("sent, but not answered in time"))
			close(hold)
			if !errors.Is(err, ErrOutcomeUnknown) || isOneOf(err, ErrNoLeader, ErrOverloaded, ErrClosed) {
				t.Errorf("got %v", err)
			}
		})
	}
	both := fmt.Errorf("%w: %w", ErrOutcomeUnknown, ErrNoLeader)
	if over := admit(refuse(both)); !errors.Is(over, ErrOutcomeUnknown) || errors.Is(over, ErrNoLeader) {
		t.Errorf("over the hop it became %v", over)
	}
}
