package fsm

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/nixnode/nixnode/address"
)

// Errors of this package, matched with errors.Is.
var (
	// ErrFormat: the store is of a later version of this program, or is no store of it.
	ErrFormat = errors.New("fsm: unknown format of the store")
	// ErrCorrupt: the store holds what this program does not write.
	ErrCorrupt = errors.New("fsm: corrupt store")
	// ErrFailed: the machine met an error it does not survive; the node must stop.
	ErrFailed = errors.New("fsm: failed")
	// ErrClosed: the machine is closed.
	ErrClosed = errors.New("fsm: closed")
)

// Notifier is told whose mailboxes, streams and states have changed.
type Notifier interface {
	// Ring says that there is something new for each of addrs.
	Ring(addrs ...address.Address)
	// RingAll says that anything may be new: the state was replaced.
	RingAll()
}

// Options are what a machine is opened with.
type Options struct {
	// Dir is the directory of the store; it is made if absent and is the machine's alone.
	Dir string
	// FS is where Dir lies; nil is the disk.
	FS vfs.FS
	// Notifier is called after each commit on the applying goroutine, without
	// any lock held; nil is nobody.
	Notifier Notifier
	// Logger is nil for silence.
	Logger *slog.Logger
	// Fatal is told, at most once, of a failure of the store, on any goroutine
	// and possibly with locks of the store held: it must return soon and must
	// not call the machine. Errors that Apply returns are not reported here.
	Fatal func(error)
}

// Machine is one node's state machine.
type Machine struct {
	opts   Options
	dirs   layout
	limits limits // always allLimits, but in tests

	memTable uint64 // always memTableBytes, but in tests

	// state and cache belong to the applying goroutine; applied is the state's
	// index for the others.
	state   state
	cache   *cache
	applied atomic.Uint64

	failed  atomic.Pointer[error] // set once, by fail
	closing atomic.Bool

	lock *pebble.Lock // on opts.Dir
	slow slowness

	snapshots int // numbers the directories of snapshots; the applying goroutine's

	mu  sync.Mutex // guards gen alone; nothing is called with it held
	gen *generation
}

// silent is the Notifier of a machine that nobody listens to.
type silent struct{}

func (silent) Ring(...address.Address) {}
func (silent) RingAll()                {}

// Open opens the store in o.Dir, makes it if there is none, and removes what a
// crash has left half done. Errors: ErrFormat, ErrCorrupt, and those of the store.
func Open(o Options) (*Machine, error) { return openSized(o, memTableBytes) }

// openSized is Open with memory tables of that size; tests fill small ones.
func openSized(o Options, memTable uint64) (*Machine, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Notifier == nil {
		o.Notifier = silent{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Logger = o.Logger.With("component", "fsm")
	m := &Machine{opts: o, dirs: layout{fs: o.FS, root: o.Dir}, limits: allLimits, memTable: memTable, cache: newCache()}
	if err := m.open(); err != nil {
		return nil, fmt.Errorf("fsm: open: %w", err)
	}
	return m, nil
}

// open takes the directory for this machine alone before it touches anything in
// it: what looks left over may be another process's work.
func (m *Machine) open() (err error) {
	if err := makeDurable(m.dirs.fs, m.dirs.root); err != nil {
		return err
	}
	if m.lock, err = pebble.LockDirectory(m.dirs.root, m.dirs.fs); err != nil {
		return fmt.Errorf("%s is in use: %w", m.dirs.root, err)
	}
	name, err := m.dirs.prepare()
	if err == nil {
		err = m.start(name)
	}
	if err != nil {
		return errors.Join(err, m.lock.Close())
	}
	return nil
}

// start opens the store of that name, which must be there, or makes the first one.
// The pointer is written last: what it names is whole.
func (m *Machine) start(name string) error {
	first := name == ""
	if first {
		name = firstStore
	}
	gen, st, err := m.openGeneration(name, first)
	if err != nil {
		return err
	}
	if first {
		if err := m.dirs.point(name); err != nil {
			gen.release()
			return errors.Join(err, gen.err)
		}
	}
	m.gen = gen
	m.setState(st)
	return nil
}

// Applied gives the index of the last entry applied.
func (m *Machine) Applied() uint64 { return m.applied.Load() }

func (m *Machine) setState(s state) {
	m.state = s
	m.applied.Store(s.applied)
}

// Flush makes everything applied so far durable.
func (m *Machine) Flush() error {
	if err := m.alive(); err != nil {
		return err
	}
	if err := m.gen.db.Flush(); err != nil {
		return m.fail(fmt.Errorf("flush: %w", err))
	}
	return m.alive()
}

// Close ends the machine and waits until the last View is closed. It does not
// flush: what is not durable is applied again from the log. Further calls do nothing.
func (m *Machine) Close() error {
	if m.closing.Swap(true) {
		return nil
	}
	m.mu.Lock()
	gen := m.gen
	m.mu.Unlock()
	gen.release()
	<-gen.gone
	return errors.Join(gen.err, m.lock.Close())
}

// alive gives the reason for which the machine may not be used any more.
func (m *Machine) alive() error {
	if err := m.failed.Load(); err != nil {
		return *err
	}
	if m.closing.Load() {
		return ErrClosed
	}
	return nil
}

// fail ends the machine for good and gives the error to return. Only the first
// reason counts and is reported.
func (m *Machine) fail(reason error) error {
	err := fmt.Errorf("%w: %w", ErrFailed, reason)
	if !m.failed.CompareAndSwap(nil, &err) {
		return *m.failed.Load()
	}
	m.opts.Logger.Error("the store failed", "error", reason)
	if m.opts.Fatal != nil {
		m.opts.Fatal(err)
	}
	return err
}

// current gives the generation in use with a reference to it, which the caller releases.
func (m *Machine) current() (*generation, error) {
	if err := m.alive(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.gen.retain() {
		return nil, ErrClosed
	}
	return m.gen, nil
}
