package fsm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/internal/dirstream"
	"github.com/nixnode/nixnode/internal/eventually"
)

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	eventually.True(t, 10*time.Second, cond, "the condition does not come about")
}

// streamOf gives the stream of a snapshot of a machine that applied log.
func streamOf(t testing.TB, log ...Entry) ([]byte, outcome) {
	t.Helper()
	m := open(t, vfs.NewMem())
	defer closeMachine(t, m)
	applyAll(t, m, log)
	s, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	var b bytes.Buffer
	n, err := s.WriteTo(&b)
	if err != nil {
		t.Fatal(err)
	}
	if size, err := s.Size(); err != nil || size != n || int64(b.Len()) != n {
		t.Fatalf("Size says %d, WriteTo %d, written were %d: %v", size, n, b.Len(), err)
	}
	return b.Bytes(), outcomeOf(t, m)
}

func TestAlteredStreamIsRefusedAndTheOldStateServes(t *testing.T) {
	stream, _ := streamOf(t, entry(t, 1, prelude()...), entry(t, 2, plain(1, 3000)))
	b := &bellboy{t: t}
	fs := vfs.NewMem()
	m := openMem(t, fs, b)
	b.m = m
	applyAll(t, m, []Entry{entry(t, 1, prelude()...), entry(t, 2, plain(7, 10)), entry(t, 3, plain(8, 10))})
	want := outcomeOf(t, m)
	refused := func(name string, data []byte) {
		if err := m.Restore(bytes.NewReader(data)); !errors.Is(err, dirstream.ErrCorrupt) {
			t.Fatalf("%s: %v", name, err)
		}
		if got := outcomeOf(t, m); got != want {
			t.Fatalf("%s: the state changed", name)
		}
	}
	for at := 0; at < len(stream); at += len(stream)/60 + 1 {
		refused("cut", stream[:at])
		bad := bytes.Clone(stream)
		bad[at] ^= 4
		refused("flipped", bad)
	}
	if b.all != 0 {
		t.Fatal("everyone was woken for nothing")
	}
	if names, err := fs.List("fsm"); err != nil || len(names) != 3 { // LOCK, CURRENT, store
		t.Fatalf("leftovers: %v, %v", names, err)
	}
	applyAll(t, m, []Entry{entry(t, 4, plain(9, 10))})
}

func TestRestoreWakesEveryoneAndLeavesOpenViewsAlone(t *testing.T) {
	stream, restored := streamOf(t, entry(t, 1, prelude()...), entry(t, 2, plain(1, 3000)))
	b := &bellboy{t: t}
	fs := vfs.NewMem()
	m := openMem(t, fs, b)
	b.m = m
	applyAll(t, m, []Entry{entry(t, 1, prelude()...), entry(t, 2, plain(7, 10)), entry(t, 3, plain(8, 10))})
	v, err := m.View()
	if err != nil {
		t.Fatal(err)
	}
	before, err := v.Hash()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Restore(bytes.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	if got := outcomeOf(t, m); got != restored || m.Applied() != 2 || b.all != 1 {
		t.Fatalf("got %+v, rung %d times", got, b.all)
	}
	if after, err := v.Hash(); err != nil || after != before || v.Applied() != 3 {
		t.Fatalf("the view of the old state moved: %v", err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if names, err := fs.List("fsm"); err != nil || len(names) != 3 { // LOCK, CURRENT, store
		t.Fatalf("the old store is still there: %v, %v", names, err)
	}
}

// spyFS takes a picture of what a power loss would leave, at each step that
// changes a name or makes something durable.
type spyFS struct {
	*vfs.MemFS
	mu      sync.Mutex
	on      bool
	only    string // only after a Sync of a file of that name, if set
	most    int
	crashed []*vfs.MemFS
}

func (s *spyFS) picture(step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on && len(s.crashed) < s.most && (s.only == "" || strings.Contains(step, s.only)) {
		s.crashed = append(s.crashed, s.MemFS.CrashClone(vfs.CrashCloneCfg{}))
	}
}

func (s *spyFS) watch(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = on
}

func (s *spyFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.MemFS.Create(name, c)
	s.picture("create " + name)
	return spyFile{f, s, name}, err
}

func (s *spyFS) OpenDir(name string) (vfs.File, error) {
	f, err := s.MemFS.OpenDir(name)
	return spyFile{f, s, name}, err
}

func (s *spyFS) Rename(from, to string) error {
	err := s.MemFS.Rename(from, to)
	s.picture("rename " + to)
	return err
}

func (s *spyFS) RemoveAll(name string) error {
	err := s.MemFS.RemoveAll(name)
	s.picture("remove " + name)
	return err
}

type spyFile struct {
	vfs.File
	fs   *spyFS
	name string
}

func (f spyFile) Sync() error {
	err := f.File.Sync()
	f.fs.picture("sync " + f.name)
	return err
}

func TestCrashAnywhereInRestoreLeavesTheOldStateOrTheNew(t *testing.T) {
	stream, restored := streamOf(t, entry(t, 1, prelude()...), entry(t, 2, plain(1, 3000)))
	fs := &spyFS{MemFS: vfs.NewCrashableMem(), most: 200}
	m := open(t, fs)
	applyAll(t, m, []Entry{entry(t, 1, prelude()...), entry(t, 2, plain(7, 10)), entry(t, 3, plain(8, 10))})
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	old := outcomeOf(t, m)
	fs.watch(true)
	if err := m.Restore(bytes.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	fs.picture("done")
	fs.watch(false)
	closeMachine(t, m)
	seen := map[outcome]int{}
	for _, after := range fs.crashed {
		m := open(t, after)
		seen[outcomeOf(t, m)]++
		closeMachine(t, m)
		names, err := after.List("fsm")
		if err != nil || len(names) != 3 {
			t.Fatalf("leftovers after the next start: %v, %v", names, err)
		}
	}
	if seen[old] < 10 || seen[restored] < 2 || len(seen) != 2 {
		t.Fatalf("%d crashes: %d times the old state, %d times the new, %d states", len(fs.crashed), seen[old], seen[restored], len(seen))
	}
}

// TestCrashWhileTheStoreFlushesByItselfLosesOnlyWholeBatches fills several of
// the store's memory tables, so that their ends fall between any two batches.
func TestCrashWhileTheStoreFlushesByItselfLosesOnlyWholeBatches(t *testing.T) {
	var log []Entry
	log = append(log, entry(t, 1, prelude()...))
	for i := range 40 {
		var cmds []command.Command
		for j := range 8 {
			cmds = append(cmds, plain(i*8+j, 2000))
		}
		log = append(log, entry(t, uint64(2+i), cmds...))
	}
	fs := &spyFS{MemFS: vfs.NewCrashableMem(), most: 12, only: "MANIFEST"}
	m, err := openSized(Options{Dir: "fsm", FS: fs}, 64<<10)
	if err != nil {
		t.Fatal(err)
	}
	fs.watch(true)
	for _, e := range log {
		applyAll(t, m, []Entry{e})
	}
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	fs.watch(false)
	want := outcomeOf(t, m)
	closeMachine(t, m)
	between := 0
	for _, after := range fs.crashed {
		m := open(t, after)
		if a := m.Applied(); a > 0 && a < uint64(len(log)) {
			between++
		}
		applyAll(t, m, log[firstAfter(log, m.Applied()):])
		if got := outcomeOf(t, m); got != want {
			t.Errorf("got %x, want %x", got, want)
		}
		closeMachine(t, m)
	}
	if between == 0 {
		t.Fatalf("none of %d crashes fell into the middle", len(fs.crashed))
	}
}

func TestStreamOfNoStoreOrOfALaterFormatIsRefused(t *testing.T) {
	empty := vfs.NewMem()
	if err := empty.MkdirAll("d", 0o755); err != nil {
		t.Fatal(err)
	}
	var nothing bytes.Buffer
	if _, err := dirstream.Write(&nothing, empty, "d"); err != nil {
		t.Fatal(err)
	}
	later := open(t, vfs.NewMem())
	defer closeMachine(t, later)
	if err := later.gen.db.Set(keyFormat, binary.BigEndian.AppendUint64(nil, formatVersion+1), pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	s, err := later.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	var stream bytes.Buffer
	if _, err := s.WriteTo(&stream); err != nil {
		t.Fatal(err)
	}

	m := openMem(t, vfs.NewMem(), nil)
	applyAll(t, m, []Entry{entry(t, 1, prelude()...)})
	want := outcomeOf(t, m)
	if err := m.Restore(&nothing); !errors.Is(err, pebble.ErrDBDoesNotExist) {
		t.Errorf("a stream of nothing: %v", err)
	}
	if err := m.Restore(&stream); !errors.Is(err, ErrFormat) {
		t.Errorf("a stream of a later format: %v", err)
	}
	if got := outcomeOf(t, m); got != want {
		t.Errorf("got %x, want %x", got, want)
	}
	applyAll(t, m, []Entry{entry(t, 2, plain(1, 10))})
}

func TestStoreThatIsGoneIsNotBegunAnew(t *testing.T) {
	fs := vfs.NewMem()
	m := open(t, fs)
	applyAll(t, m, []Entry{entry(t, 1, prelude()...)})
	closeMachine(t, m)
	if err := fs.RemoveAll("fsm/" + firstStore); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: "fsm", FS: fs}); !errors.Is(err, pebble.ErrDBDoesNotExist) {
		t.Fatalf("opened a store that is gone: %v", err)
	}
}

func TestCrashAnywhereInTheFirstStartDoesNotPreventTheNext(t *testing.T) {
	fs := &spyFS{MemFS: vfs.NewCrashableMem(), most: 200, on: true}
	closeMachine(t, open(t, fs))
	if len(fs.crashed) < 5 {
		t.Fatalf("only %d crashes", len(fs.crashed))
	}
	for _, after := range fs.crashed {
		m := open(t, after)
		applyAll(t, m, []Entry{entry(t, 1, prelude()...)})
		closeMachine(t, m)
	}
}
