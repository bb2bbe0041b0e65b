package raftstore

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/nixnode/nixnode/internal/dirstream"
)

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
		if err := errors.Join(r.Close(), s.Close()); err != nil {
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
