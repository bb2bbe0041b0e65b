package cluster

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nixnode/nixnode/internal/eventually"
)

// electorate is three nodes of which this one, "a", leads in term 5, with
// entries up to 40 committed.
type electorate struct {
	mine, applied, commit atomic.Uint64
	follower              atomic.Bool
	theirs                map[string]*atomic.Uint64 // 0: does not answer
	before                func(id string)           // called when a node is asked
}

func newElectorate() *electorate {
	e := &electorate{theirs: map[string]*atomic.Uint64{"b": {}, "c": {}}}
	e.mine.Store(5)
	e.applied.Store(5)
	e.commit.Store(40)
	e.theirs["b"].Store(5)
	e.theirs["c"].Store(5)
	return e
}

func (e *electorate) ballot() ballot {
	return ballot{
		self: "a", term: e.mine.Load, leads: func() bool { return !e.follower.Load() },
		commit: e.commit.Load, applied: e.applied.Load,
		voters: func() []string { return []string{"a", "b", "c"} },
		ask: func(ctx context.Context, id string) (uint64, error) {
			if e.before != nil {
				e.before(id)
			}
			if term := e.theirs[id].Load(); term != 0 {
				return term, nil
			}
			<-ctx.Done()
			return 0, ctx.Err()
		},
	}
}

func TestLeadershipIsConfirmedByAMajority(t *testing.T) {
	for name, row := range map[string]struct {
		adapt func(*electorate)
		ok    bool
	}{
		"all are in our term":            {func(*electorate) {}, true},
		"one is silent":                  {func(e *electorate) { e.theirs["b"].Store(0) }, true},
		"one has not heard of our term":  {func(e *electorate) { e.theirs["b"].Store(4); e.theirs["c"].Store(0) }, true},
		"one is beyond, one is with us":  {func(e *electorate) { e.theirs["b"].Store(6) }, true},
		"one is beyond, one is silent":   {func(e *electorate) { e.theirs["b"].Store(6); e.theirs["c"].Store(0) }, false},
		"both are beyond":                {func(e *electorate) { e.theirs["b"].Store(6); e.theirs["c"].Store(6) }, false},
		"both are silent":                {func(e *electorate) { e.theirs["b"].Store(0); e.theirs["c"].Store(0) }, false},
		"we do not lead":                 {func(e *electorate) { e.follower.Store(true) }, false},
		"nothing of our term is applied": {func(e *electorate) { e.applied.Store(4) }, false},
		"we lose it meanwhile":           {func(e *electorate) { e.before = func(string) { e.follower.Store(true) } }, false},
		"our term ends meanwhile":        {func(e *electorate) { e.before = func(string) { e.mine.Store(6) } }, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := newElectorate()
			row.adapt(e)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			commit, err := confirmLeadership(ctx, e.ballot())
			if row.ok && (err != nil || commit != 40) {
				t.Fatal(commit, err)
			}
			if !row.ok && !errors.Is(err, errNotLeader) {
				t.Fatalf("confirmed %d, %v", commit, err)
			}
		})
	}
}

// The leader is paused after a round's answers were given and before it reads
// them; a new leader is elected and acknowledges entry 41. A read that begins
// now must not be satisfied by those answers, though the node still takes
// itself for the leader.
func TestAnswersFromBeforeTheReadConfirmNothing(t *testing.T) {
	e := newElectorate()
	answered, resume := make(chan struct{}, 2), make(chan struct{})
	stale := e.ballot()
	ask := stale.ask
	stale.ask = func(ctx context.Context, id string) (uint64, error) {
		term, err := ask(ctx, id) // the answer is on its way ...
		answered <- struct{}{}
		<-resume // ... and the leader sleeps
		return term, err
	}
	r := &rounds{spawn: func(f func()) bool { go f(); return true }}
	first := true
	r.run = func() (uint64, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if first {
			first = false
			return confirmLeadership(context.Background(), stale)
		}
		return confirmLeadership(ctx, e.ballot())
	}
	early := make(chan error, 1)
	go func() { _, err := r.join(context.Background()); early <- err }()
	<-answered
	<-answered
	e.theirs["b"].Store(6) // the others elect a new leader, which acknowledges more
	e.theirs["c"].Store(6)
	late := make(chan error, 1)
	go func() { _, err := r.join(context.Background()); late <- err }()
	eventually.True(t, soon, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.next != nil
	}, "the late read waits")
	close(resume)
	if err := <-early; err != nil {
		t.Errorf("the early read began before the election: %v", err)
	}
	if err := <-late; !errors.Is(err, errNotLeader) {
		t.Errorf("the late read was confirmed by old answers: %v", err)
	}
}

func TestReadsThatWaitShareOneRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Uint64
		hold := make(chan struct{})
		r := &rounds{spawn: func(f func()) bool { go f(); return true }}
		r.run = func() (uint64, error) { n := ran.Add(1); <-hold; return n, nil }
		got := make(chan uint64, 100)
		read := func() { n, _ := r.join(context.Background()); got <- n }
		go read()
		synctest.Wait() // the first round runs
		for range 50 {
			go read()
		}
		left, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := r.join(left); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		synctest.Wait() // all of the fifty wait
		close(hold)
		rounds := map[uint64]int{}
		for range 51 {
			rounds[<-got]++
		}
		if rounds[1] != 1 || rounds[2] != 50 || ran.Load() != 2 {
			t.Fatalf("reads by round: %v", rounds)
		}
	})
}

func TestARoundIsRefusedWhenTheClusterIsClosed(t *testing.T) {
	r := &rounds{spawn: func(func()) bool { return false }}
	if _, err := r.join(t.Context()); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}
