package raftstore

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
	"go.uber.org/goleak"

	"github.com/nixnode/nixnode/internal/dirstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

func open(t testing.TB, o Options) *Store {
	t.Helper()
	o.Logger = quiet
	if o.OnError == nil {
		o.OnError = func(err error) { t.Errorf("fault reported: %v", err) }
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

var threeServers = raft.Configuration{Servers: []raft.Server{{ID: "a", Address: "1"}, {ID: "b", Address: "2"}, {ID: "c", Address: "3"}}}

func create(t testing.TB, s *Snapshots, index uint64) *Sink {
	t.Helper()
	k, err := s.Create(raft.SnapshotVersionMax, index, 2, threeServers, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	return k.(*Sink)
}

func stream(t testing.TB, s *Snapshots, index uint64, data string) string {
	t.Helper()
	k := create(t, s, index)
	if _, err := io.WriteString(k, data); err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	return k.ID()
}

func indexes(t testing.TB, s *Snapshots) (all []uint64) {
	t.Helper()
	list, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		all = append(all, m.Index)
	}
	return all
}

func read(t testing.TB, s *Snapshots, id string) (*raft.SnapshotMeta, string) {
	t.Helper()
	m, r, err := s.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != m.Size {
		t.Fatalf("Size is %d, the stream has %d bytes", m.Size, len(b))
	}
	return m, string(b)
}

func checkpoint(t testing.TB, fs FS, dir string) {
	t.Helper()
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"000001.sst", "MANIFEST"} {
		f, err := fs.Create(fs.PathJoin(dir, name), vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("content of " + name)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLogTermAndVoteSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	if err := s.Log.StoreLogs([]*raft.Log{{Index: 1, Term: 1, Data: []byte("x")}, {Index: 2, Term: 1}}); err != nil {
		t.Fatal(err)
	}
	mustVote(t, s.Stable, 7, "one")
	if err := s.Stable.SetUint64([]byte("CurrentTerm"), 7); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	var l raft.Log
	if err := s.Log.GetLog(1, &l); err != nil || string(l.Data) != "x" {
		t.Fatal(l, err)
	}
	if last, err := s.Log.LastIndex(); err != nil || last != 2 {
		t.Fatal(last, err)
	}
	expectVote(t, s.Stable, 7, "one")
	if term, err := s.Stable.GetUint64([]byte("CurrentTerm")); err != nil || term != 7 {
		t.Fatal(term, err)
	}
}

// vote does what raft does to store one.
func mustVote(t testing.TB, s raft.StableStore, term uint64, candidate string) {
	t.Helper()
	if err := s.SetUint64([]byte(keyVoteTerm), term); err != nil {
		t.Fatal(err)
	}
	if err := s.Set([]byte(keyVoteCandidate), []byte(candidate)); err != nil {
		t.Fatal(err)
	}
}

func expectVote(t testing.TB, s raft.StableStore, term uint64, candidate string) {
	t.Helper()
	gotTerm, err := s.GetUint64([]byte(keyVoteTerm))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Get([]byte(keyVoteCandidate))
	if err != nil {
		t.Fatal(err)
	}
	if gotTerm != term || string(got) != candidate {
		t.Fatalf("vote is (%d, %q), want (%d, %q)", gotTerm, got, term, candidate)
	}
}

// Between the two writes of a vote the process dies. The new term must not
// stand beside the old candidate: raft would take that for a vote that it gave.
func TestVoteInterruptedHalfWayIsNoVote(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	mustVote(t, s.Stable, 7, "one")
	if err := s.Stable.SetUint64([]byte(keyVoteTerm), 8); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // the candidate is never written
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	expectVote(t, s.Stable, 7, "one")
	mustVote(t, s.Stable, 8, "two")
	expectVote(t, s.Stable, 8, "two")
}

func TestNoVoteYetIsToldTheWayRaftExpects(t *testing.T) {
	for name, o := range map[string]Options{"disk": {Dir: t.TempDir()}, "memory": {Dir: "d", Memory: true}} {
		t.Run(name, func(t *testing.T) {
			s := open(t, o)
			if _, err := s.Stable.GetUint64([]byte(keyVoteTerm)); err == nil || err.Error() != "not found" {
				t.Fatal(err)
			}
			if _, err := s.Stable.Get([]byte(keyVoteCandidate)); err == nil || err.Error() != "not found" {
				t.Fatal(err)
			}
		})
	}
}

// failing is a log whose writes fail.
type failing struct {
	raft.LogStore
	err   error
	tries int
}

func (f *failing) StoreLogs([]*raft.Log) error { f.tries++; return f.err }

func TestFirstFailedWriteIsReportedAndTheLast(t *testing.T) {
	broken := errors.New("disk is gone")
	var reports []error
	f := &fault{report: func(err error) { reports = append(reports, err) }}
	inner := &failing{LogStore: raft.NewInmemStore(), err: broken}
	g := &guardedLog{LogStore: inner, fault: f}
	stable := &stableStore{inner: raft.NewInmemStore(), fault: f}
	for range 3 {
		if err := g.StoreLog(&raft.Log{Index: 1}); !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
	if err := stable.SetUint64([]byte("CurrentTerm"), 9); !errors.Is(err, broken) {
		t.Fatalf("wrote after a fault: %v", err)
	}
	if err := stable.Set([]byte(keyVoteCandidate), nil); !errors.Is(err, broken) {
		t.Fatalf("voted after a fault: %v", err)
	}
	if inner.tries != 1 || len(reports) != 1 || !errors.Is(reports[0], broken) {
		t.Fatalf("tried %d times, reported %v", inner.tries, reports)
	}
}

func TestEntryUnderAnotherIndexIsRefused(t *testing.T) {
	inner := raft.NewInmemStore()
	if err := inner.StoreLog(&raft.Log{Index: 3}); err != nil {
		t.Fatal(err)
	}
	g := &guardedLog{LogStore: misplaced{inner}, fault: &fault{}}
	if err := g.GetLog(3, new(raft.Log)); !errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
}

type misplaced struct{ raft.LogStore }

func (m misplaced) GetLog(i uint64, l *raft.Log) error {
	err := m.LogStore.GetLog(i, l)
	l.Index++
	return err
}

func TestStreamAndAdoptedDirectoryOpenAsStreams(t *testing.T) {
	for name, o := range map[string]Options{"disk": {Dir: t.TempDir()}, "memory": {Dir: "d", Memory: true, FS: vfs.NewMem()}} {
		t.Run(name, func(t *testing.T) {
			s := open(t, o)
			fs := s.Snapshots.fs
			id := stream(t, s.Snapshots, 5, "all of it")
			m, got := read(t, s.Snapshots, id)
			if got != "all of it" || m.Index != 5 || m.Term != 2 || m.ConfigurationIndex != 1 || len(m.Configuration.Servers) != 3 {
				t.Fatalf("%+v %q", m, got)
			}

			from := fs.PathJoin(o.Dir, "checkpoint")
			checkpoint(t, fs, from)
			var want bytes.Buffer
			if _, err := dirstream.Write(&want, fs, from); err != nil {
				t.Fatal(err)
			}
			k := create(t, s.Snapshots, 6)
			if err := k.Adopt(from); err != nil {
				t.Fatal(err)
			}
			if err := k.Close(); err != nil {
				t.Fatal(err)
			}
			if _, got := read(t, s.Snapshots, k.ID()); got != want.String() {
				t.Fatal("adopted directory does not stream as it was")
			}
			if _, err := fs.Stat(from); err == nil {
				t.Fatal("directory was copied, not adopted")
			}
		})
	}
}

func TestTwoNewestSnapshotsAreKept(t *testing.T) {
	o := Options{Dir: "d", Memory: true, FS: vfs.NewMem()}
	s := open(t, o).Snapshots
	for _, index := range []uint64{3, 9, 6, 12} {
		stream(t, s, index, "x")
	}
	if got := indexes(t, s); !slices.Equal(got, []uint64{12, 9}) {
		t.Fatal(got)
	}
	names, err := o.FS.List("d/snapshots")
	if err != nil || len(names) != 2 {
		t.Fatal(names, err)
	}
	if got := indexes(t, open(t, o).Snapshots); !slices.Equal(got, []uint64{12, 9}) {
		t.Fatalf("after reopening: %v", got)
	}
}

func TestSnapshotBeingReadIsNotRemoved(t *testing.T) {
	s := open(t, Options{Dir: "d", Memory: true}).Snapshots
	id := stream(t, s, 1, "old")
	_, r, err := s.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	for index := range uint64(3) {
		stream(t, s, 10+index, "new")
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != "old" {
		t.Fatal(string(b), err)
	}
	if got := indexes(t, s); !slices.Equal(got, []uint64{12, 11, 1}) {
		t.Fatal(got)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := indexes(t, s); !slices.Equal(got, []uint64{12, 11}) {
		t.Fatal(got)
	}
}

func TestClosingADirectoryStreamEarlyLeavesNoWriter(t *testing.T) {
	o := Options{Dir: "d", Memory: true, FS: vfs.NewMem()}
	s := open(t, o).Snapshots
	checkpoint(t, o.FS, "c")
	k := create(t, s, 1)
	if err := k.Adopt("c"); err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	_, r, err := s.Open(k.ID())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil { // goleak sees a writer that stays
		t.Fatal(err)
	}
}

func TestCancelLeavesNothing(t *testing.T) {
	o := Options{Dir: "d", Memory: true, FS: vfs.NewMem()}
	s := open(t, o).Snapshots
	k := create(t, s, 1)
	if _, err := k.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	if err := k.Cancel(); err != nil {
		t.Fatal(err)
	}
	if names, err := o.FS.List("d/snapshots"); err != nil || len(names) != 0 {
		t.Fatal(names, err)
	}
	if err := k.Close(); err != nil || len(indexes(t, s)) != 0 {
		t.Fatal("a cancelled snapshot came back", err)
	}
}

// A power cut before every single step of taking a second snapshot, and after
// the last: at each, the store opens with the first or with the first and the
// second, each whole; and once Close has returned, with both.
func TestPowerCutAnywhereLeavesWholeSnapshots(t *testing.T) {
	for name, adopt := range map[string]bool{"stream": false, "directory": true} {
		t.Run(name, func(t *testing.T) {
			cut := 0
			for ; !cutAt(t, cut, adopt); cut++ {
			}
			if cut < 6 {
				t.Fatalf("only %d steps were seen", cut)
			}
		})
	}
}

// cutAt cuts at one step, and reports whether all steps had been made by then.
func cutAt(t *testing.T, cut int, adopt bool) (all bool) {
	fs := vfs.NewCrashableMem()
	counting := &countdown{FS: fs, left: -1}
	s := open(t, Options{Dir: "d", Memory: true, FS: counting}).Snapshots
	for _, dir := range []string{"", "d"} { // the caller's part
		if err := syncDir(fs, dir); err != nil {
			t.Fatal(err)
		}
	}
	first := stream(t, s, 1, "first")
	counting.left = cut
	counting.snap = func() { counting.after = fs.CrashClone(vfs.CrashCloneCfg{}) }
	second := create(t, s, 2)
	fillSecond(t, fs, second, adopt)
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if counting.after == nil {
		all = true
		counting.snap()
	}
	o := Options{Dir: "d", Memory: true, FS: counting.after}
	again := open(t, o).Snapshots
	if _, got := read(t, again, first); got != "first" {
		t.Fatalf("cut %d: first is %q", cut, got)
	}
	got := indexes(t, again)
	if all && len(got) != 2 {
		t.Fatalf("lost although Close had returned: %v", got)
	}
	if len(got) == 2 {
		if _, data := read(t, again, second.ID()); !strings.Contains(data, "content") {
			t.Fatalf("cut %d: second is %q", cut, data)
		}
	}
	names, err := o.FS.List("d/snapshots")
	if err != nil || slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, tmpSuffix) }) {
		t.Fatalf("cut %d: leftovers %v %v", cut, names, err)
	}
	return all
}

func fillSecond(t *testing.T, fs FS, k *Sink, adopt bool) {
	t.Helper()
	if adopt {
		checkpoint(t, fs, "c")
		if err := k.Adopt("c"); err != nil {
			t.Fatal(err)
		}
		return
	}
	if _, err := io.WriteString(k, "content"); err != nil {
		t.Fatal(err)
	}
}

// countdown takes a picture of the disk at the left-th change of names.
type countdown struct {
	FS
	left  int
	snap  func()
	after FS
}

func (c *countdown) step() {
	if c.left == 0 {
		c.snap()
	}
	c.left--
}

func (c *countdown) Create(n string, w vfs.DiskWriteCategory) (vfs.File, error) {
	c.step()
	return c.FS.Create(n, w)
}

func (c *countdown) OpenDir(n string) (vfs.File, error) { c.step(); return c.FS.OpenDir(n) }

func (c *countdown) Rename(a, b string) error {
	c.step()
	err := c.FS.Rename(a, b)
	c.step()
	return err
}

func (c *countdown) MkdirAll(d string, p os.FileMode) error { c.step(); return c.FS.MkdirAll(d, p) }

func TestDamagedSnapshotIsRefused(t *testing.T) {
	for _, name := range []string{metaName, dataName} {
		fs := vfs.NewMem()
		o := Options{Dir: "d", Memory: true, FS: fs}
		id := stream(t, open(t, o).Snapshots, 1, "content")
		path := fs.PathJoin("d/snapshots", id, name)
		f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte{0xff}, 3); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		o.Logger, o.OnError = quiet, func(error) {}
		s, err := Open(o)
		if name == metaName {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("opened over a damaged description: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		_, r, err := s.Snapshots.Open(id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("read damaged data: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzMeta: no bytes make decodeMeta panic, and what it accepts keeps its
// meaning when it is written again.
func FuzzMeta(f *testing.F) {
	good, err := encodeMeta(meta{Index: 9, Term: 2, Servers: threeServers.Servers, Size: 77, Sum: 5})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte(metaMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeMeta(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		again, err := encodeMeta(m)
		if err != nil {
			t.Fatal(err)
		}
		m2, err := decodeMeta(again)
		if err != nil || m2.Index != m.Index || m2.Size != m.Size || len(m2.Servers) != len(m.Servers) {
			t.Fatal(m2, err)
		}
	})
}
