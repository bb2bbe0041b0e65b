package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/nixnode/nixnode/cluster/raftstore"
)

// applier stands between raft and the state machine. It knows what has really
// been applied (raft's AppliedIndex says only what was queued for it), and it
// stops for good at the first thing that goes wrong.
type applier struct {
	sm    StateMachine
	fatal func(error)
	count *metrics // nil counts nothing

	mu      sync.Mutex
	index   uint64        // of the last entry applied
	term    uint64        // of the last entry applied since Open; 0 before
	given   uint64        // index that raft has got to since Open; below index while it replays
	failed  error         // set once; nothing is applied afterwards
	changed chan struct{} // closed, and replaced, when any of the above changes
}

var _ raft.BatchingFSM = (*applier)(nil)

func newApplier(sm StateMachine, index uint64, fatal func(error)) *applier {
	return &applier{sm: sm, fatal: fatal, index: index, changed: make(chan struct{})}
}

// fail stops everything at the first error and tells the node.
func (a *applier) fail(err error) {
	a.mu.Lock()
	first := a.failed == nil
	if first {
		a.failed = err
		a.wake()
	}
	a.mu.Unlock()
	if first {
		a.fatal(err)
	}
}

// wake tells all waiters to look again. Called with mu held.
func (a *applier) wake() {
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *applier) advance(index, term uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.index, a.term, a.given = max(a.index, index), max(a.term, term), index
	a.wake()
}

func (a *applier) state() (index, term uint64, failed error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.index, a.term, a.failed
}

// wait returns when ok holds of what has been applied.
func (a *applier) wait(ctx context.Context, ok func(index, term uint64) bool) error {
	for {
		a.mu.Lock()
		index, term, failed, changed := a.index, a.term, a.failed, a.changed
		a.mu.Unlock()
		if failed != nil {
			return fmt.Errorf("%w: this node has failed", ErrClosed)
		}
		if ok(index, term) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ApplyBatch implements raft.BatchingFSM. A response is the results of the
// entry's proposals ([][]byte), or an error.
func (a *applier) ApplyBatch(logs []*raft.Log) []any {
	responses, err := a.apply(logs)
	if err == nil {
		return responses
	}
	a.fail(err)
	responses = make([]any, len(logs))
	for i := range responses {
		responses[i] = err
	}
	return responses
}

func (a *applier) apply(logs []*raft.Log) ([]any, error) {
	if _, _, failed := a.state(); failed != nil {
		return nil, failed
	}
	entries := make([]Entry, len(logs))
	for i, l := range logs {
		entries[i] = Entry{Index: l.Index, Term: l.Term}
		if l.Type != raft.LogCommand {
			continue
		}
		proposals, err := decodePack(l.Data)
		if err != nil {
			return nil, fmt.Errorf("cluster: entry %d: %w", l.Index, err)
		}
		entries[i].Proposals = proposals
	}
	began := time.Now()
	results, err := a.sm.Apply(entries)
	a.count.applied(began, len(entries))
	if err != nil {
		return nil, fmt.Errorf("cluster: apply: %w", err)
	}
	if len(results) != len(entries) {
		return nil, fmt.Errorf("cluster: apply: results for %d of %d entries", len(results), len(entries))
	}
	responses := make([]any, len(logs))
	for i := range entries {
		if len(results[i]) != len(entries[i].Proposals) {
			return nil, fmt.Errorf("cluster: apply: entry %d: %d results for %d proposals",
				entries[i].Index, len(results[i]), len(entries[i].Proposals))
		}
		responses[i] = results[i]
	}
	last := entries[len(entries)-1]
	a.advance(last.Index, last.Term)
	return responses, nil
}

// Apply implements raft.FSM; raft calls ApplyBatch instead.
func (a *applier) Apply(l *raft.Log) any { return a.ApplyBatch([]*raft.Log{l})[0] }

// replaying reports that raft has not given us yet all that the state machine
// kept from before.
func (a *applier) replaying() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.given < a.index
}

// errReplaying puts a snapshot off: raft would name it after an entry before the
// last one in it, and whoever is given it would hold more than its log does.
var errReplaying = errors.New("cluster: no snapshot while the log is replayed")

// Snapshot implements raft.FSM.
func (a *applier) Snapshot() (raft.FSMSnapshot, error) {
	applied, _, failed := a.state()
	if failed != nil {
		return nil, failed
	}
	if a.replaying() {
		return nil, errReplaying
	}
	s, err := a.sm.Snapshot()
	if err != nil {
		err = fmt.Errorf("cluster: snapshot: %w", err)
		a.fail(err)
		return nil, err
	}
	if s.Index() < applied {
		s.Release()
		err := fmt.Errorf("cluster: snapshot is of entry %d, applied was %d", s.Index(), applied)
		a.fail(err)
		return nil, err
	}
	return &persister{Snapshot: s}, nil
}

// errOutdated refuses a snapshot of the past: one that was on its way while this
// node got further by another connection. raft does not look, and would take the
// state machine back below what readers were told has been applied.
var errOutdated = errors.New("cluster: the snapshot is older than what has been applied")

// Restore implements raft.FSM. What comes from our store knows its index.
func (a *applier) Restore(r io.ReadCloser) error {
	applied, _, failed := a.state()
	if failed != nil {
		return failed
	}
	index, term, err := snapshotPlace(r)
	if err == nil && index < applied {
		return fmt.Errorf("%w: %d, not %d", errOutdated, index, applied)
	}
	if err == nil {
		err = a.sm.Restore(r)
	}
	if err != nil {
		// Whatever is there now is neither the old state nor the new one.
		err = fmt.Errorf("cluster: restore: %w", err)
		a.fail(err)
		return err
	}
	a.advance(index, term)
	return nil
}

// snapshotPlace finds the index and term of a snapshot under raft's wrappings.
func snapshotPlace(r io.ReadCloser) (index, term uint64, err error) {
	for {
		switch w := r.(type) {
		case interface{ Place() (index, term uint64) }:
			index, term = w.Place()
			return index, term, nil
		case raft.ReadCloserWrapper:
			r = w.WrappedReadCloser()
		default:
			return 0, 0, errors.New("snapshot of unknown index")
		}
	}
}

// persister hands a state machine's snapshot to our store.
type persister struct{ Snapshot }

var (
	_ raft.FSMSnapshot                     = (*persister)(nil)
	_ interface{ Adopt(dir string) error } = (*raftstore.Sink)(nil)
)

// Persist implements raft.FSMSnapshot; raft closes or cancels the sink.
func (p *persister) Persist(sink raft.SnapshotSink) error {
	if dir := p.Dir(); dir != "" {
		adopter, ok := sink.(interface{ Adopt(dir string) error })
		if !ok {
			return errors.New("cluster: snapshot store takes no directories")
		}
		return adopter.Adopt(dir)
	}
	_, err := p.WriteTo(sink)
	return err
}
