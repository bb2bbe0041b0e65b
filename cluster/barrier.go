package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// Barrier returns when the local state machine has applied everything that had
// been acknowledged, by any node, before the call.
// Errors: ErrNoLeader (nothing newer can be confirmed now), ErrOverloaded (this
// node lags), ErrClosed, or ctx's.
func (c *Cluster) Barrier(ctx context.Context) (err error) {
	began := time.Now()
	defer func() { c.metrics.waited(began, err) }()
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Timing.Patience)
	defer cancel()
	for {
		if _, _, failed := c.applier.state(); failed != nil {
			return fmt.Errorf("%w: this node has failed", ErrClosed)
		}
		index, err := c.readIndex(bounded)
		if err == nil {
			return c.catchUp(ctx, bounded, index)
		}
		select {
		case <-time.After(retryPause):
		case <-c.ctx.Done():
			return ErrClosed
		case <-bounded.Done():
			if ctx.Err() != nil {
				return fmt.Errorf("cluster: barrier: %w", ctx.Err())
			}
			return fmt.Errorf("%w: %w", ErrNoLeader, err)
		}
	}
}

// WaitApplied returns when the local state machine has applied index.
// Errors: ErrOverloaded (this node lags), ErrClosed, or ctx's.
func (c *Cluster) WaitApplied(ctx context.Context, index uint64) error {
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Timing.Patience)
	defer cancel()
	return c.catchUp(ctx, bounded, index)
}

// catchUp waits for index as long as bounded lasts, which ends with ctx or before.
func (c *Cluster) catchUp(ctx, bounded context.Context, index uint64) error {
	err := c.waitApplied(bounded, index)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("%w: this node is behind", ErrOverloaded)
	}
	return err
}

func (c *Cluster) waitApplied(ctx context.Context, index uint64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	err := c.applier.wait(ctx, func(applied, _ uint64) bool { return applied >= index })
	if err != nil && c.ctx.Err() != nil {
		return ErrClosed
	}
	if err != nil {
		return fmt.Errorf("cluster: wait for entry %d: %w", index, err)
	}
	return nil
}

// readIndex gives an index that the local state machine must reach. It was
// asked for after the call.
func (c *Cluster) readIndex(ctx context.Context) (uint64, error) {
	if c.IsLeader() {
		return c.reads.join(ctx)
	}
	return c.asked.join(ctx)
}

// askLeader is a follower's round: one call for all reads that wait.
func (c *Cluster) askLeader() (uint64, error) {
	id, ok := c.Leader()
	if !ok || id == c.cfg.NodeID {
		return 0, errNotLeader
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.roundLimit())
	defer cancel()
	answer, err := c.call(ctx, c.nodeAddr(id), pathReadIndex, nil)
	if err != nil {
		return 0, err
	}
	if len(answer) != 8 {
		return 0, errBadCall
	}
	return binary.BigEndian.Uint64(answer), nil
}

// handleReadIndex is the leader's end of it.
func (c *Cluster) handleReadIndex(ctx context.Context, _ []byte) ([]byte, error) {
	if !c.IsLeader() {
		return nil, errNotLeader
	}
	index, err := c.reads.join(ctx)
	if err != nil {
		return nil, err
	}
	return binary.BigEndian.AppendUint64(nil, index), nil
}

// handleTerm tells the leader which term this node is in. The answer may be
// relied on: raft stores a new term before it votes in it or lets it be seen.
func (c *Cluster) handleTerm(context.Context, []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint64(nil, c.raft.CurrentTerm()), nil
}

// confirm is a leader's round: it gives the last index that a state machine
// will see of what was committed when the round began.
func (c *Cluster) confirm() (uint64, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.roundLimit())
	defer cancel()
	term := c.raft.CurrentTerm()
	err := c.applier.wait(ctx, func(_, applied uint64) bool { return applied >= term })
	if err != nil {
		return 0, fmt.Errorf("%w: the new leader is not ready: %w", errNotLeader, err)
	}
	commit, err := confirmLeadership(ctx, ballot{
		self:    c.cfg.NodeID,
		term:    c.raft.CurrentTerm,
		leads:   c.IsLeader,
		commit:  c.raft.CommitIndex,
		applied: func() uint64 { _, t, _ := c.applier.state(); return t },
		voters:  c.voters,
		ask:     c.askTerm,
	})
	if err != nil {
		return 0, err
	}
	return c.visible(commit)
}

func (c *Cluster) askTerm(ctx context.Context, id string) (uint64, error) {
	answer, err := c.call(ctx, c.nodeAddr(id), pathTerm, nil)
	if err != nil {
		return 0, err
	}
	if len(answer) != 8 {
		return 0, errBadCall
	}
	return binary.BigEndian.Uint64(answer), nil
}

// visible gives the last index up to commit that reaches state machines: some
// of raft's own entries never do, and waiting for them would be for ever.
func (c *Cluster) visible(commit uint64) (uint64, error) {
	applied, _, _ := c.applier.state()
	for index := commit; index > applied; index-- {
		var l raft.Log
		if err := c.store.Log.GetLog(index, &l); err != nil {
			return 0, fmt.Errorf("cluster: entry %d: %w", index, err)
		}
		if l.Type == raft.LogCommand || l.Type == raft.LogConfiguration {
			return index, nil
		}
	}
	return min(commit, applied), nil
}

// roundLimit bounds one round, so that another can be tried in a call's time.
func (c *Cluster) roundLimit() time.Duration { return c.cfg.Timing.Patience / 2 }

// rounds lets many callers share one answer that must not be older than their
// question: a caller joins the round that has not begun yet. At most one round
// runs.
type rounds struct {
	run   func() (uint64, error)
	spawn func(func()) bool

	mu      sync.Mutex
	running bool
	next    *round
}

type round struct {
	done  chan struct{}
	index uint64
	err   error
}

// join waits for a round that began after the call.
func (r *rounds) join(ctx context.Context) (uint64, error) {
	r.mu.Lock()
	if r.next == nil {
		r.next = &round{done: make(chan struct{})}
	}
	mine := r.next
	if !r.running {
		r.running = r.spawn(r.drive)
		if !r.running {
			r.mu.Unlock()
			return 0, ErrClosed
		}
	}
	r.mu.Unlock()
	select {
	case <-mine.done:
		return mine.index, mine.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// drive runs rounds while somebody waits for one.
func (r *rounds) drive() {
	for {
		r.mu.Lock()
		current := r.next
		r.next = nil
		if current == nil {
			r.running = false
		}
		r.mu.Unlock()
		if current == nil {
			return
		}
		current.index, current.err = r.run()
		close(current.done)
	}
}
