package fsm

import (
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/nixnode/nixnode/internal/dirstream"
)

// Snapshot is the state at one index, as a directory of hard links to the
// store's files. Making it does not grow with the data. It stays readable while
// the machine goes on, until Release.
type Snapshot struct {
	m     *Machine
	name  string
	index uint64

	release sync.Once
}

// Snapshot flushes the store and makes a Snapshot of it. Everything that the
// Snapshot holds is durable in the store itself, too: the log up to its index
// may go.
func (m *Machine) Snapshot() (*Snapshot, error) {
	if err := m.Flush(); err != nil {
		return nil, err
	}
	m.snapshots++
	s := &Snapshot{m: m, name: snapshotNames + strconv.Itoa(m.snapshots), index: m.state.applied}
	if err := m.gen.db.Checkpoint(s.Dir()); err != nil {
		return nil, m.fail(fmt.Errorf("checkpoint: %w", err))
	}
	return s, nil
}

// Index gives the index of the last entry that the Snapshot contains.
func (s *Snapshot) Index() uint64 { return s.index }

// Dir gives the directory, a Pebble checkpoint, in the machine's file system.
func (s *Snapshot) Dir() string { return s.m.dirs.path(s.name) }

// Size gives the number of bytes that WriteTo writes.
func (s *Snapshot) Size() (int64, error) { return dirstream.Size(s.m.opts.FS, s.Dir()) }

// WriteTo writes the stream that Restore reads (docs/format/snapshot.md).
func (s *Snapshot) WriteTo(w io.Writer) (int64, error) {
	return dirstream.Write(w, s.m.opts.FS, s.Dir())
}

// Release removes the directory. Further calls do nothing.
func (s *Snapshot) Release() {
	s.release.Do(func() {
		// What stays because of an error is removed by the next Open.
		if err := s.m.opts.FS.RemoveAll(s.Dir()); err != nil {
			s.m.opts.Logger.Warn("a snapshot could not be removed", "error", err)
		}
	})
}

// Restore replaces all state by that of a stream that WriteTo wrote, and wakes
// everyone. A stream that is altered, cut short or of an unknown format is
// refused, and the state before stays, for the machine and on disk; so it does
// if the node crashes before Restore is done. Views of the state before go on.
func (m *Machine) Restore(r io.Reader) error {
	if err := m.alive(); err != nil {
		return err
	}
	name := next(m.gen.name)
	gen, st, err := m.receive(r, name)
	if err != nil {
		if cleanup := m.opts.FS.RemoveAll(m.dirs.path(name)); cleanup != nil {
			m.opts.Logger.Warn("a refused snapshot could not be removed", "error", cleanup)
		}
		return fmt.Errorf("fsm: restore: %w", err)
	}
	if err := m.dirs.point(name); err != nil {
		// Which of the two stores counts after a restart is not known, so this
		// machine may go on with neither. The next Open removes the other.
		gen.release()
		return m.fail(fmt.Errorf("restore: %w", err))
	}
	m.mu.Lock()
	old := m.gen
	m.gen = gen
	m.mu.Unlock()
	m.setState(st)
	m.cache = newCache()
	old.retire()
	m.opts.Notifier.RingAll()
	return nil
}

// receive makes a store of a stream and opens it.
func (m *Machine) receive(r io.Reader, name string) (*generation, state, error) {
	if err := m.opts.FS.RemoveAll(m.dirs.path(name)); err != nil {
		return nil, state{}, err
	}
	if err := dirstream.Read(r, m.opts.FS, m.dirs.path(name)); err != nil {
		return nil, state{}, err
	}
	if err := m.dirs.sync(); err != nil {
		return nil, state{}, err
	}
	return m.openGeneration(name, false)
}
