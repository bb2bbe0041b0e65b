package dirstream_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/nixnode/nixnode/internal/dirstream"
)

var sample = map[string]string{
	"000004.sst":      strings.Repeat("sorted ", 50_000), // more than one chunk
	"MANIFEST-000001": "manifest",
	"OPTIONS-000003":  "",
	"marker.x_1-2":    "\x00\x01",
}

func fill(t testing.TB, fs vfs.FS, dir string, files map[string]string) {
	t.Helper()
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		f, err := fs.Create(fs.PathJoin(dir, name), vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func contents(t testing.TB, fs vfs.FS, dir string) map[string]string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, name := range names {
		f, err := fs.Open(fs.PathJoin(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = string(b)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

func stream(t testing.TB, files map[string]string) []byte {
	t.Helper()
	fs := vfs.NewMem()
	fill(t, fs, "src", files)
	var b bytes.Buffer
	n, err := dirstream.Write(&b, fs, "src")
	if err != nil {
		t.Fatal(err)
	}
	size, err := dirstream.Size(fs, "src")
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(b.Len()) || size != n {
		t.Fatalf("Size says %d, Write says %d, written were %d", size, n, b.Len())
	}
	return b.Bytes()
}

func TestDirectoryComesOutAsItWentIn(t *testing.T) {
	for name, files := range map[string]map[string]string{"full": sample, "empty": {}} {
		t.Run(name, func(t *testing.T) {
			data := stream(t, files)
			disk := vfs.Default
			for _, fs := range []vfs.FS{vfs.NewMem(), disk} {
				dir := "dst"
				if fs == disk {
					dir = t.TempDir() + "/new/dst"
				}
				if err := dirstream.Read(bytes.NewReader(data), fs, dir); err != nil {
					t.Fatal(err)
				}
				if got := contents(t, fs, dir); !maps.Equal(got, files) {
					t.Fatalf("got other files than were written: %d of %d", len(got), len(files))
				}
			}
		})
	}
}

func TestWhatReadAcceptedSurvivesPowerLoss(t *testing.T) {
	fs := vfs.NewCrashableMem()
	if err := fs.MkdirAll("dst", 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := fs.OpenDir("")
	if err != nil {
		t.Fatal(err)
	}
	if err := root.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := dirstream.Read(bytes.NewReader(stream(t, sample)), fs, "dst"); err != nil {
		t.Fatal(err)
	}
	after := fs.CrashClone(vfs.CrashCloneCfg{}) // nothing that was not synced
	if got := contents(t, after, "dst"); !maps.Equal(got, sample) {
		t.Fatal("files were lost although Read had returned")
	}
}

func TestEveryCutAndEveryFlippedByteIsRefused(t *testing.T) {
	data := stream(t, map[string]string{"a": "first", "b": "second", "c": ""})
	for cut := range data {
		if err := dirstream.Read(bytes.NewReader(data[:cut]), vfs.NewMem(), "d"); !errors.Is(err, dirstream.ErrCorrupt) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
	for at := range data {
		bad := bytes.Clone(data)
		bad[at] ^= 0x01
		if err := dirstream.Read(bytes.NewReader(bad), vfs.NewMem(), "d"); !errors.Is(err, dirstream.ErrCorrupt) {
			t.Fatalf("flipped at %d: %v", at, err)
		}
	}
	if err := dirstream.Read(bytes.NewReader(append(data, 0)), vfs.NewMem(), "d"); !errors.Is(err, dirstream.ErrCorrupt) {
		t.Fatalf("lengthened: %v", err)
	}
}

func TestRecordTakenOutIsNoticed(t *testing.T) {
	one := stream(t, map[string]string{"a": "first"})
	two := stream(t, map[string]string{"a": "first", "b": "second"})
	const trailer = 1 + 4 + 32
	spliced := append(bytes.Clone(one[:len(one)-trailer]), two[len(two)-trailer:]...)
	if err := dirstream.Read(bytes.NewReader(spliced), vfs.NewMem(), "d"); !errors.Is(err, dirstream.ErrCorrupt) {
		t.Fatal(err)
	}
}

func TestNamesThatLeadElsewhereAreRefused(t *testing.T) {
	good := stream(t, map[string]string{"abcd": "x"})
	for _, name := range []string{"..\x00\x00", "../x", "/etc", "a/bc", `a\bc`, "C:ab", "a\nbc", "a\x00bc"} {
		bad := bytes.Replace(good, []byte("abcd"), []byte(name), 1)
		err := dirstream.Read(bytes.NewReader(bad), vfs.NewMem(), "d")
		if !errors.Is(err, dirstream.ErrCorrupt) || !strings.Contains(err.Error(), "file name") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestOnlyFlatDirectoriesAreStreamed(t *testing.T) {
	fs := vfs.NewMem()
	fill(t, fs, "src", map[string]string{"a": "x"})
	if err := fs.MkdirAll("src/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := dirstream.Write(io.Discard, fs, "src"); !errors.Is(err, dirstream.ErrNotFlat) {
		t.Fatal(err)
	}
	if _, err := dirstream.Size(fs, "src"); !errors.Is(err, dirstream.ErrNotFlat) {
		t.Fatal(err)
	}
	if _, err := dirstream.Write(io.Discard, fs, "absent"); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

func TestReadFillsOnlyAnEmptyDirectory(t *testing.T) {
	fs := vfs.NewMem()
	fill(t, fs, "d", map[string]string{"old": "x"})
	if err := dirstream.Read(bytes.NewReader(stream(t, sample)), fs, "d"); !errors.Is(err, dirstream.ErrNotEmpty) {
		t.Fatal(err)
	}
}

// FuzzRead: no stream makes Read panic, and one that it accepts is exactly the
// stream that the directory it made would give.
func FuzzRead(f *testing.F) {
	f.Add([]byte(dirstream.Magic))
	f.Add(stream(f, map[string]string{}))
	f.Add(stream(f, map[string]string{"a": "first", "b-1.sst": "second"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		fs := vfs.NewMem()
		if dirstream.Read(bytes.NewReader(data), fs, "d") != nil {
			return
		}
		var again bytes.Buffer
		if _, err := dirstream.Write(&again, fs, "d"); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), data) {
			t.Fatal("accepted a stream that Write would not have made")
		}
	})
}
