package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// How proposals are grouped (docs/decisions/group-commit.md).
const (
	lanes      = 3         // packs of this node in flight
	packBytes  = 512 << 10 // a pack takes what waits, up to this
	packCount  = 1024      // and this many
	queueBytes = 32 << 20  // more than this may not wait
	queueCount = 16 << 10
	retryPause = 10 * time.Millisecond
)

// outcome is what became of a proposal.
type outcome struct {
	result []byte
	index  uint64
	err    error
}

// A proposal's state says who may still change its fate. Whoever moves it to
// gone answers for it: the caller who leaves, or the lane that has its outcome.
const (
	stateWaiting int32 = iota // certainly not proposed
	stateSent                 // given away, outcome open
	stateGone                 // the caller has left
)

type proposal struct {
	cmd   []byte
	state atomic.Int32
	done  chan outcome // has room for one
}

// proposer collects the proposals of this node and sends them in packs.
type proposer struct {
	patience  time.Duration
	submit    func(pack []byte) (results [][]byte, index uint64, err error)
	hasLeader func() bool
	count     *metrics // nil counts nothing

	mu     sync.Mutex
	queue  []*proposal
	bytes  int
	closed bool
	wake   sync.Cond // the queue has something, or closed
	done   chan struct{}
}

func newProposer(patience time.Duration, submit func([]byte) ([][]byte, uint64, error), hasLeader func() bool) *proposer {
	p := &proposer{patience: patience, submit: submit, hasLeader: hasLeader, done: make(chan struct{})}
	p.wake.L = &p.mu
	return p
}

// Propose has cmd put into the log, from whichever node, and gives the state
// machine's result and the index of its entry. This node's own state machine
// need not have applied that index yet (WaitApplied, Barrier).
//
// Errors: ErrOutcomeUnknown when it may or may not be applied, now or later.
// With any other error it certainly is not: ErrNoLeader, ErrOverloaded,
// ErrTooLarge, ErrClosed, or ctx's.
func (c *Cluster) Propose(ctx context.Context, cmd []byte) (result []byte, index uint64, err error) {
	began := time.Now()
	defer func() { c.metrics.proposed(began, err) }()
	if _, _, failed := c.applier.state(); failed != nil {
		return nil, 0, fmt.Errorf("%w: this node has failed", ErrClosed)
	}
	return c.proposer.propose(ctx, cmd)
}

func (p *proposer) propose(ctx context.Context, cmd []byte) ([]byte, uint64, error) {
	if len(cmd) > MaxProposal {
		return nil, 0, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(cmd))
	}
	if err := ctx.Err(); err != nil {
		return nil, 0, fmt.Errorf("cluster: propose: %w", err)
	}
	one := &proposal{cmd: cmd, done: make(chan outcome, 1)}
	if err := p.enqueue(one); err != nil {
		return nil, 0, err
	}
	limit := time.NewTimer(p.patience)
	defer limit.Stop()
	select {
	case o := <-one.done:
		return o.result, o.index, o.err
	case <-ctx.Done():
		err := fmt.Errorf("cluster: propose: %w", ctx.Err())
		if one.leave() {
			err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
		}
		return nil, 0, err
	case <-limit.C:
		switch {
		case one.leave(): // and nothing else: ErrNoLeader would say that nothing was done
			return nil, 0, fmt.Errorf("%w: not answered in time", ErrOutcomeUnknown)
		case p.hasLeader():
			return nil, 0, fmt.Errorf("%w: waited too long", ErrOverloaded)
		}
		return nil, 0, ErrNoLeader
	}
}

// leave gives up waiting, and reports whether the proposal was sent: if not, it
// never will be.
func (one *proposal) leave() (sent bool) { return one.state.Swap(stateGone) == stateSent }

func (p *proposer) enqueue(one *proposal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if len(p.queue) >= queueCount || p.bytes+len(one.cmd) > queueBytes {
		return ErrOverloaded
	}
	p.queue = append(p.queue, one)
	p.bytes += len(one.cmd)
	p.wake.Signal()
	return nil
}

// close answers what waits and lets the lanes end.
func (p *proposer) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	for _, one := range p.queue {
		one.done <- outcome{err: ErrClosed}
	}
	p.queue = nil
	close(p.done)
	p.wake.Broadcast()
}

// lane sends one pack after the other until the proposer is closed.
func (p *proposer) lane() {
	for {
		batch := p.take()
		if batch == nil {
			return
		}
		p.send(batch)
	}
}

// take waits for proposals and takes, in order, as many as fit into a pack.
func (p *proposer) take() []*proposal {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.queue) == 0 && !p.closed {
		p.wake.Wait()
	}
	n, size := 0, 0
	for n < len(p.queue) && n < packCount {
		next := len(p.queue[n].cmd) + itemOverhead
		if n > 0 && size+next > packBytes {
			break
		}
		size += next
		p.bytes -= len(p.queue[n].cmd)
		n++
	}
	batch := p.queue[:n:n]
	if p.queue = p.queue[n:]; len(p.queue) == 0 {
		p.queue = nil // lets go of the array that the taken ones are in
	} else {
		p.wake.Signal()
	}
	if n == 0 {
		return nil
	}
	return batch
}

// send proposes a batch, again and again while it is certain that nothing was
// proposed and somebody still waits for it.
func (p *proposer) send(batch []*proposal) {
	for {
		if batch = claim(batch); len(batch) == 0 {
			return
		}
		cmds := make([][]byte, len(batch))
		for i, one := range batch {
			cmds[i] = one.cmd
		}
		pack := encodePack(cmds)
		p.count.packed(len(cmds), len(pack))
		results, index, err := p.submit(pack)
		if err == nil && len(results) != len(batch) {
			err = fmt.Errorf("%w: %d results for %d proposals", ErrOutcomeUnknown, len(results), len(batch))
		}
		if err == nil {
			for i, one := range batch {
				one.done <- outcome{result: results[i], index: index}
			}
			return
		}
		if !untouched(err) {
			settle(batch, final(err))
			return
		}
		for _, one := range batch {
			one.state.CompareAndSwap(stateSent, stateWaiting)
		}
		select {
		case <-p.done:
			settle(batch, ErrClosed)
			return
		case <-time.After(retryPause):
		}
	}
}

// final says what an error that ends the tries means to who proposed.
func final(err error) error {
	for _, plain := range []error{ErrOutcomeUnknown, ErrOverloaded, ErrTooLarge} {
		if errors.Is(err, plain) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
}

// claim marks as sent those that are still waited for, and gives them.
func claim(batch []*proposal) []*proposal {
	live := batch[:0:0]
	for _, one := range batch {
		if one.state.CompareAndSwap(stateWaiting, stateSent) {
			live = append(live, one)
		}
	}
	return live
}

func settle(batch []*proposal, err error) {
	for _, one := range batch {
		one.done <- outcome{err: err}
	}
}
