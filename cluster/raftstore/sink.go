package raftstore

import (
	"fmt"
	"hash/crc32"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"github.com/nixnode/nixnode/internal/dirstream"
)

// Sink takes one snapshot: either a stream (Write) or a directory (Adopt),
// then Close, which makes it durable and visible, or Cancel, which leaves
// nothing. It is used by one goroutine.
type Sink struct {
	store *Snapshots
	id    string
	tmp   string
	meta  meta
	data  vfs.File // open for a stream, from the first Write on
	ended bool
}

var _ raft.SnapshotSink = (*Sink)(nil)

// Create begins a snapshot. The transport is what old raft versions needed.
func (s *Snapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, _ raft.Transport,
) (raft.SnapshotSink, error) {
	if version != raft.SnapshotVersionMax {
		return nil, fmt.Errorf("raftstore: snapshot version %d is not supported", version)
	}
	if err := s.fault.check(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.last++
	id := formatID(index, term, s.last)
	s.mu.Unlock()
	k := &Sink{
		store: s,
		id:    id,
		tmp:   s.fs.PathJoin(s.dir, id+tmpSuffix),
		meta: meta{
			Index:              index,
			Term:               term,
			Servers:            configuration.Servers,
			ConfigurationIndex: configurationIndex,
		},
	}
	if err := s.fs.MkdirAll(k.tmp, 0o755); err != nil {
		return nil, s.fault.note("begin a snapshot", err)
	}
	return k, nil
}

// ID gives the name under which the snapshot can be opened once it is closed.
func (k *Sink) ID() string { return k.id }

// Write appends to the stream.
func (k *Sink) Write(p []byte) (int, error) {
	if k.ended || k.meta.Directory {
		return 0, fmt.Errorf("raftstore: write to a snapshot that takes no more")
	}
	if err := k.open(); err != nil {
		return 0, k.store.fault.note("write a snapshot", err)
	}
	k.meta.Sum = crc32.Update(k.meta.Sum, castagnoli, p) // first: the file may change p
	n, err := k.data.Write(p)
	k.meta.Size += int64(n)
	return n, k.store.fault.note("write a snapshot", err)
}

// open makes the file of the stream if it is not there yet.
func (k *Sink) open() (err error) {
	if k.data == nil {
		fs := k.store.fs
		k.data, err = fs.Create(fs.PathJoin(k.tmp, dataName), vfs.WriteCategoryUnspecified)
	}
	return err
}

// Adopt takes a flat directory on the same file system as the snapshot, by
// renaming it: nothing is copied, and the caller has it no longer.
func (k *Sink) Adopt(dir string) error {
	if k.ended || k.data != nil || k.meta.Directory {
		return fmt.Errorf("raftstore: adopt into a snapshot that takes no more")
	}
	fs := k.store.fs
	size, err := dirstream.Size(fs, dir)
	if err != nil {
		return err
	}
	if err := syncFiles(fs, dir); err != nil {
		return k.store.fault.note("adopt a directory", err)
	}
	if err := fs.Rename(dir, fs.PathJoin(k.tmp, filesName)); err != nil {
		return k.store.fault.note("adopt a directory", err)
	}
	k.meta.Directory, k.meta.Size = true, size
	return nil
}

// syncFiles makes every file of dir durable, and then dir.
func syncFiles(fs FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		f, err := fs.Open(fs.PathJoin(dir, name))
		if err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			_ = f.Close()
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return syncDir(fs, dir)
}

// Close makes the snapshot durable, then visible, then removes old ones. The
// order is the promise: files, description, directory, name.
func (k *Sink) Close() error {
	if k.ended {
		return nil
	}
	k.ended = true
	if err := k.finish(); err != nil {
		return k.store.fault.note("finish a snapshot", err)
	}
	s := k.store
	s.mu.Lock()
	s.kept = append(s.kept, snapshot{id: k.id, meta: k.meta})
	s.sort()
	s.mu.Unlock()
	return s.reap()
}

func (k *Sink) finish() error {
	fs := k.store.fs
	if !k.meta.Directory {
		if err := k.open(); err != nil { // an empty stream is a stream too
			return err
		}
		if err := k.data.Sync(); err != nil {
			return err
		}
		if err := k.data.Close(); err != nil {
			return err
		}
		k.data = nil
	}
	if err := k.writeMeta(); err != nil {
		return err
	}
	if err := syncDir(fs, k.tmp); err != nil {
		return err
	}
	if err := fs.Rename(k.tmp, fs.PathJoin(k.store.dir, k.id)); err != nil {
		return err
	}
	return syncDir(fs, k.store.dir)
}

func (k *Sink) writeMeta() error {
	b, err := encodeMeta(k.meta)
	if err != nil {
		return err
	}
	fs := k.store.fs
	f, err := fs.Create(fs.PathJoin(k.tmp, metaName), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err := f.Write(b); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// Cancel gives the snapshot up and leaves nothing of it.
func (k *Sink) Cancel() error {
	if k.ended {
		return nil
	}
	k.ended = true
	if k.data != nil {
		_ = k.data.Close() // it is removed in the next step
		k.data = nil
	}
	return k.store.fault.note("cancel a snapshot", k.store.fs.RemoveAll(k.tmp))
}
