package raftstore

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/raft"
)

// Names inside the directory of snapshots and of one snapshot.
const (
	tmpSuffix = ".tmp"
	metaName  = "meta"
	dataName  = "data"  // the stream
	filesName = "files" // the adopted directory
)

// Snapshots is raft's snapshot store. It is safe for concurrent use.
type Snapshots struct {
	fs    FS
	dir   string
	log   *slog.Logger
	fault *fault

	mu   sync.Mutex // held across no I/O but the reaping of directories
	kept []snapshot // newest first
	pins map[string]int
	last uint64 // number of the newest snapshot, kept or not
}

// snapshot is one that is complete on disk.
type snapshot struct {
	id   string
	meta meta
}

var _ raft.SnapshotStore = (*Snapshots)(nil)

// openSnapshots reads what is there, removes what was interrupted, and refuses
// a snapshot that was complete and no longer is: the log before it is gone.
func openSnapshots(fs FS, dir string, log *slog.Logger, fault *fault) (*Snapshots, error) {
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("raftstore: %w", err)
	}
	names, err := fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("raftstore: %w", err)
	}
	s := &Snapshots{fs: fs, dir: dir, log: log, fault: fault, pins: map[string]int{}}
	for _, name := range names {
		if strings.HasSuffix(name, tmpSuffix) {
			log.Info("removing an interrupted snapshot", "snapshot", name)
			if err := fs.RemoveAll(fs.PathJoin(dir, name)); err != nil {
				return nil, fmt.Errorf("raftstore: %w", err)
			}
			continue
		}
		number, err := parseID(name)
		if err != nil {
			return nil, err
		}
		m, err := readMeta(fs, fs.PathJoin(dir, name))
		if err != nil {
			return nil, fmt.Errorf("snapshot %s: %w", name, err)
		}
		s.last = max(s.last, number)
		s.kept = append(s.kept, snapshot{id: name, meta: m})
	}
	s.sort()
	return s, s.reap()
}

// id names a snapshot: index and term for the reader, a number that makes it
// unique also when the same index is received twice.
func formatID(index, term, number uint64) string {
	return fmt.Sprintf("%016x-%016x-%016x", index, term, number)
}

func parseID(id string) (number uint64, err error) {
	var index, term uint64
	if _, err := fmt.Sscanf(id, "%016x-%016x-%016x", &index, &term, &number); err != nil || formatID(index, term, number) != id {
		return 0, fmt.Errorf("%w: %q among the snapshots", ErrCorrupt, id)
	}
	return number, nil
}

func (s *Snapshots) sort() {
	slices.SortFunc(s.kept, func(a, b snapshot) int {
		return -cmp.Or(cmp.Compare(a.meta.Index, b.meta.Index), cmp.Compare(a.meta.Term, b.meta.Term), strings.Compare(a.id, b.id))
	})
}

// reap removes what is beyond Retain and not being read.
func (s *Snapshots) reap() error {
	for _, id := range s.surplus() {
		// The name goes first and durably: a half-removed directory must never
		// be found under the name of a complete one.
		old, tmp := s.fs.PathJoin(s.dir, id), s.fs.PathJoin(s.dir, id+tmpSuffix)
		if err := s.fs.Rename(old, tmp); err != nil {
			return s.fault.note("remove an old snapshot", err)
		}
		if err := syncDir(s.fs, s.dir); err != nil {
			return s.fault.note("remove an old snapshot", err)
		}
		if err := s.fs.RemoveAll(tmp); err != nil {
			return s.fault.note("remove an old snapshot", err)
		}
	}
	return nil
}

// surplus takes what is to be removed off the list, so that nobody opens it.
func (s *Snapshots) surplus() (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.kept) - 1; i >= Retain; i-- {
		if id := s.kept[i].id; s.pins[id] == 0 {
			ids = append(ids, id)
			s.kept = slices.Delete(s.kept, i, i+1)
		}
	}
	return ids
}

// List gives what there is, the highest index first.
func (s *Snapshots) List() ([]*raft.SnapshotMeta, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*raft.SnapshotMeta
	for _, k := range s.kept {
		all = append(all, k.meta.forRaft(k.id))
	}
	return all, nil
}

// Open gives a snapshot as a stream, whichever way it is stored. It is kept on
// disk until the stream is closed.
func (s *Snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.mu.Lock()
	at := slices.IndexFunc(s.kept, func(k snapshot) bool { return k.id == id })
	if at < 0 {
		s.mu.Unlock()
		return nil, nil, fmt.Errorf("raftstore: no snapshot %q", id)
	}
	m := s.kept[at].meta
	s.pins[id]++
	s.mu.Unlock()

	r, err := openStream(s.fs, s.fs.PathJoin(s.dir, id), m)
	if err != nil {
		_ = s.unpin(id)
		return nil, nil, err
	}
	return m.forRaft(id), &pinned{ReadCloser: r, meta: m, release: func() error { return s.unpin(id) }}, nil
}

func (s *Snapshots) unpin(id string) error {
	s.mu.Lock()
	if s.pins[id]--; s.pins[id] == 0 {
		delete(s.pins, id)
	}
	s.mu.Unlock()
	return s.reap()
}

// pinned releases its snapshot when it is closed, once.
type pinned struct {
	io.ReadCloser
	meta    meta
	once    sync.Once
	release func() error
}

// Place gives the index and term of the snapshot, which raft does not tell to
// whom it hands the stream.
func (p *pinned) Place() (index, term uint64) { return p.meta.Index, p.meta.Term }

func (p *pinned) Close() (err error) {
	p.once.Do(func() {
		err = p.ReadCloser.Close()
		if rerr := p.release(); err == nil {
			err = rerr
		}
	})
	return err
}
