package cluster

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/nixnode/nixnode/internal/dirstream"
	"github.com/nixnode/nixnode/internal/eventually"
)

// shortLog keeps hardly any entries behind a snapshot.
func shortLog(cfg *Config) { cfg.TrailingLogs = 1 }

// cutLog takes a snapshot on a node, so that its log begins after it.
func cutLog(t *testing.T, one *node) {
	t.Helper()
	if err := one.raft.Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	if first, err := one.store.Log.FirstIndex(); err != nil || first < 5 {
		t.Fatal("the log was not cut", first, err)
	}
}

func fill(h *harness, from, to int) {
	h.t.Helper()
	for i := from; i < to; i++ {
		h.put(h.leader(), fmt.Sprintf("k%d", i), "v")
	}
}

func TestFollowerThatMissedTheLogGetsASnapshot(t *testing.T) {
	h := start(t, 3, shortLog)
	fill(h, 0, 20)
	lagging := h.followers()[0]
	if err := lagging.Kill(); err != nil {
		t.Fatal(err)
	}
	fill(h, 20, 60)
	cutLog(t, h.leader())
	old := lagging.sm
	h.open(lagging, old, old.at)
	// Nothing is proposed after the snapshot: a barrier must not wait for more.
	h.barrier(lagging)
	if n := len(lagging.sm.copy()); n != 60 || old.restored != 1 {
		t.Fatalf("%d of 60 are there, restored %d times", n, old.restored)
	}
	fill(h, 60, 70)
	h.converged()
}

func TestWipedFollowerGetsASnapshot(t *testing.T) {
	h := start(t, 3, shortLog)
	fill(h, 0, 30)
	wiped := h.followers()[0]
	if err := wiped.Kill(); err != nil {
		t.Fatal(err)
	}
	cutLog(t, h.leader())
	wiped.cfg.DataDir = t.TempDir()
	wiped.cfg.Bootstrap = false
	h.open(wiped, newToy(), 0)
	fill(h, 30, 35)
	h.converged()
	if wiped.sm.restored != 1 {
		t.Fatal("no snapshot was restored")
	}
}

func TestStateMachineBehindTheSnapshotIsRestoredAtOpen(t *testing.T) {
	h := start(t, 1, shortLog)
	fill(h, 0, 20)
	one := h.leader()
	cutLog(t, one)
	fill(h, 20, 25)
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	whole := one.sm
	h.open(one, newToy(), 0)
	h.barrier(one)
	if n := len(one.sm.copy()); n != 25 || one.sm.restored != 1 {
		t.Fatalf("%d of 25, restored %d times", n, one.sm.restored)
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	h.open(one, whole, whole.at) // durable to the end: nothing to restore
	h.barrier(one)
	if whole.restored != 0 {
		t.Fatal("a state machine that is up to date was restored")
	}
}

func TestStateMachineAheadOfTheLogIsRefused(t *testing.T) {
	h := start(t, 1, nil)
	fill(h, 0, 3)
	one := h.leader()
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := one.cfg
	cfg.StateMachine, cfg.StateMachineIndex, cfg.Fatal = newToy(), 1000, func(error) {}
	if _, err := Open(cfg); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
}

// dirToy is a toy whose snapshot is a directory, as the real one's is.
type dirToy struct {
	*toy
	fs vfs.FS
}

type dirSnapshot struct {
	Snapshot
	dir string
}

func (s dirSnapshot) Dir() string { return s.dir }

func (s dirToy) Snapshot() (Snapshot, error) {
	snap, err := s.toy.Snapshot()
	if err != nil {
		return nil, err
	}
	dir := fmt.Sprintf("checkpoint-%d", snap.Index())
	if err := s.fs.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := s.fs.Create(s.fs.PathJoin(dir, "state"), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	if _, err := snap.WriteTo(f); err != nil {
		return nil, err
	}
	return dirSnapshot{snap, dir}, f.Close()
}

func (s dirToy) Restore(r io.Reader) error {
	const dir = "restored"
	if err := s.fs.RemoveAll(dir); err != nil {
		return err
	}
	if err := dirstream.Read(r, s.fs, dir); err != nil {
		return err
	}
	f, err := s.fs.Open(s.fs.PathJoin(dir, "state"))
	if err != nil {
		return err
	}
	return errors.Join(s.toy.Restore(f), f.Close())
}

func TestSnapshotDirectoryIsAdoptedAndRestored(t *testing.T) {
	fs := vfs.NewMem()
	listen := Config{
		NodeID: "n1", Peers: []Peer{{ID: "n1", NodeAddr: "127.0.0.1:0"}}, Bootstrap: true, NodeAddr: "127.0.0.1:0",
		DataDir: "data", Memory: true, FS: fs, Timing: quickTiming(), Logger: quiet,
		Fatal: func(err error) { t.Errorf("fatal: %v", err) },
	}
	sm := dirToy{newToy(), fs}
	listen.StateMachine = sm
	c, err := Open(listen)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	eventually.True(t, soon, func() bool {
		_, _, err := c.Propose(t.Context(), []byte("k=v"))
		return err == nil
	}, "a proposal is stored")
	if err := c.raft.Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	list, err := c.store.Snapshots.List()
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	meta, r, err := c.store.Snapshots.Open(list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	again := dirToy{newToy(), vfs.NewMem()}
	if err := again.Restore(r); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if again.get("k") != "v" || again.at != meta.Index {
		t.Fatalf("%v at %d, snapshot of %d", again.data, again.at, meta.Index)
	}
	if names, err := fs.List(""); err != nil || len(names) != 1 {
		t.Fatal("the checkpoint was copied", names, err)
	}
}
