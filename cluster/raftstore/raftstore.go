// Package raftstore keeps what raft must not forget: the log, the term and the
// vote (one bbolt file), and the snapshots (a directory each).
//
// Promises:
//   - what a call has returned for is on disk (fsync), and survives a kill or a
//     power cut at any moment; an interrupted snapshot leaves nothing behind;
//   - a vote is one record, written in one transaction: the term never stands
//     beside the candidate of another vote;
//   - a failed write is never survived: the first one is reported to
//     Options.OnError, and from then on every write fails; one to the log or the
//     votes that does not come back for HungAfter has failed;
//   - what it cannot read back as written it refuses (ErrCorrupt).
//
// It does not know what entries and snapshots mean. A snapshot is either a
// directory that was adopted by renaming it (taken here) or the stream of one
// (received from the leader); both open as the stream of internal/dirstream.
// Bytes on disk: docs/format/snapshot.md.
package raftstore

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
)

// FS is the file system that snapshots live on. It must be the one on which
// the state machine makes its checkpoint directories, or adopting them fails.
type FS = vfs.FS

// ErrCorrupt says that something on disk is not what was written there.
var ErrCorrupt = errors.New("raftstore: corrupt data")

// Retain is how many snapshots are kept: the newest, and the one before it
// while followers may still be reading it.
const Retain = 2

// cachedEntries is how many of the newest log entries are kept in memory:
// what replication to a healthy follower reads back.
const cachedEntries = 512

// Options say where and how to store.
type Options struct {
	// Dir is the directory for the log file ("log.db") and, below "snapshots",
	// the snapshots. It is made if absent.
	Dir string
	// FS is for snapshots; nil means the disk, or a fresh file system in
	// memory when Memory is set.
	FS FS
	// Memory keeps log and votes in memory: they are gone when the process is.
	Memory bool
	// Logger gets a line for what was cleaned up. Required.
	Logger *slog.Logger
	// OnError is told of the first failed write. It must not block. Required.
	OnError func(error)
}

// Store holds the open stores.
type Store struct {
	Log       raft.LogStore
	Stable    raft.StableStore
	Snapshots *Snapshots

	bolt  *raftboltdb.BoltStore // nil in memory
	fault *fault
	dog   *watchdog
}

// Open opens or makes the stores. Errors: ErrCorrupt, and those of the disk.
func Open(o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.Default
		if o.Memory {
			o.FS = vfs.NewMem()
		}
	}
	fault := &fault{report: o.OnError}
	snapshots, err := openSnapshots(o.FS, o.FS.PathJoin(o.Dir, "snapshots"), o.Logger, fault)
	if err != nil {
		return nil, err
	}
	s := &Store{Snapshots: snapshots, fault: fault}
	var logs raft.LogStore
	var stable raft.StableStore
	if o.Memory {
		m := raft.NewInmemStore()
		logs, stable = m, m
	} else {
		if s.bolt, err = openBolt(o.Dir); err != nil {
			return nil, err
		}
		logs, stable = s.bolt, s.bolt
	}
	s.dog = startWatchdog(func(op string) { _ = fault.note(op, ErrHung) })
	cache, err := raft.NewLogCache(cachedEntries, &guardedLog{LogStore: logs, fault: fault, dog: s.dog})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.Log, s.Stable = cache, &stableStore{inner: stable, fault: fault, dog: s.dog}
	return s, nil
}

// Stalled says for how long a write to the log or the votes has been waited for;
// 0 when none has taken noticeable time.
func (s *Store) Stalled() time.Duration { return s.dog.stalled() }

// Close closes the log file. It waits for running transactions.
func (s *Store) Close() error {
	s.dog.close()
	if s.bolt == nil {
		return nil
	}
	return s.bolt.Close()
}

// openBolt opens the log file. The freelist is not written with each commit
// (it is rebuilt by a scan at open), which about halves what a commit writes.
func openBolt(dir string) (*raftboltdb.BoltStore, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("raftstore: %w", err)
	}
	b, err := raftboltdb.New(raftboltdb.Options{
		Path: filepath.Join(dir, "log.db"),
		BoltOptions: &bbolt.Options{
			NoFreelistSync: true,
			FreelistType:   bbolt.FreelistMapType,
			Timeout:        time.Second, // another process has it open
		},
	})
	if err != nil {
		return nil, fmt.Errorf("raftstore: open log: %w", err)
	}
	// bbolt syncs the file but not the name it has just been given.
	if err := syncDir(vfs.Default, dir); err != nil {
		_ = b.Close()
		return nil, err
	}
	return b, nil
}

// syncDir makes the entries of a directory durable.
func syncDir(fs FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("raftstore: %w", err)
	}
	if err := d.Sync(); err != nil {
		_ = d.Close()
		return fmt.Errorf("raftstore: sync directory: %w", err)
	}
	if err := d.Close(); err != nil {
		return fmt.Errorf("raftstore: %w", err)
	}
	return nil
}
