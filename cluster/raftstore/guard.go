package raftstore

import (
	"fmt"
	"sync"

	"github.com/hashicorp/raft"
)

// fault remembers the first failed write. After one, memory and disk may
// disagree about what is stored, so nothing is written any more; raft by
// itself would log the error and carry on.
type fault struct {
	mu     sync.Mutex
	err    error
	report func(error)
}

// check gives the error that keeps further writes from being tried.
func (f *fault) check() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// note passes err on, and if it is the first one reports it. A success that comes
// after a failure is none: others may have been told already that it failed.
func (f *fault) note(op string, err error) error {
	if err == nil {
		return f.check()
	}
	err = fmt.Errorf("raftstore: %s: %w", op, err)
	f.mu.Lock()
	first := f.err == nil
	if first {
		f.err = err
	}
	f.mu.Unlock()
	if first {
		f.report(err)
	}
	return err
}

// guardedLog stops at the first failed write and checks what it reads.
type guardedLog struct {
	raft.LogStore
	fault *fault
	dog   *watchdog
}

func (g *guardedLog) StoreLog(l *raft.Log) error { return g.StoreLogs([]*raft.Log{l}) }

func (g *guardedLog) StoreLogs(ls []*raft.Log) error {
	if err := g.fault.check(); err != nil {
		return err
	}
	defer g.dog.watch("append to the log")()
	return g.fault.note("append to the log", g.LogStore.StoreLogs(ls))
}

func (g *guardedLog) DeleteRange(low, high uint64) error {
	if err := g.fault.check(); err != nil {
		return err
	}
	defer g.dog.watch("cut the log")()
	return g.fault.note("cut the log", g.LogStore.DeleteRange(low, high))
}

// GetLog refuses an entry that says it is another one. (The payload carries
// its own checksum, see docs/format/entry.md.)
func (g *guardedLog) GetLog(index uint64, l *raft.Log) error {
	if err := g.LogStore.GetLog(index, l); err != nil {
		return err
	}
	if l.Index != index {
		return fmt.Errorf("%w: entry %d says it is %d", ErrCorrupt, index, l.Index)
	}
	return nil
}
