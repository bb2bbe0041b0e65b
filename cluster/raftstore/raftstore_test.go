package raftstore

import (
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
	"go.uber.org/goleak"
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
	g := &guardedLog{LogStore: inner, fault: f, dog: dog(t)}
	stable := &stableStore{inner: raft.NewInmemStore(), fault: f, dog: dog(t)}
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
	g := &guardedLog{LogStore: misplaced{inner}, fault: &fault{}, dog: dog(t)}
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
