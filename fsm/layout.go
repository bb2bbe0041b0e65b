package fsm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// firstStore is the name of a machine's first store.
const firstStore = storePrefix + "1"

// Names in a machine's directory (docs/format/keyspace.md).
const (
	pointerName   = "CURRENT"     // holds the name of the store in use
	pointerTemp   = "CURRENT.tmp" // its successor before the rename
	storePrefix   = "store-"      // and a number: a Pebble directory
	snapshotNames = "snapshot-"   // and a number: a checkpoint that is being streamed
)

// layout is a machine's directory. The pointer file decides which store counts;
// anything else in the directory is a leftover.
type layout struct {
	fs   vfs.FS
	root string
}

func (l layout) path(name string) string { return l.fs.PathJoin(l.root, name) }

// prepare removes leftovers and gives the name of the store in use; empty when
// there is none yet. The directory is there and locked.
func (l layout) prepare() (string, error) {
	name, err := l.current()
	if err != nil {
		return "", err
	}
	return name, l.removeLeftovers(name)
}

// current reads the pointer; empty when there is none yet.
func (l layout) current() (string, error) {
	f, err := l.fs.Open(l.path(pointerName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.LimitReader(f, 64))
	if err := errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	name := strings.TrimSuffix(string(data), "\n")
	if _, ok := storeNumber(name); !ok {
		return "", fmt.Errorf("%w: the file %s names no store", ErrCorrupt, pointerName)
	}
	return name, nil
}

// point makes name the store in use. When it returns, a crash cannot undo that;
// until then, a crash leaves the old or the new one, both whole.
func (l layout) point(name string) error {
	f, err := l.fs.Create(l.path(pointerTemp), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, name+"\n")
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := l.fs.Rename(l.path(pointerTemp), l.path(pointerName)); err != nil {
		return err
	}
	return l.sync()
}

// sync makes the names in the directory durable.
func (l layout) sync() error { return syncDir(l.fs, l.root) }

func syncDir(fs vfs.FS, path string) error {
	dir, err := fs.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// makeDurable makes a directory, with those above it that are missing, such
// that a power loss cannot take it away again with all that is in it.
func makeDurable(fsys vfs.FS, path string) error {
	_, err := fsys.Stat(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := fsys.PathDir(path)
	if parent != path {
		if err := makeDurable(fsys, parent); err != nil {
			return err
		}
	}
	if err := fsys.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return syncDir(fsys, parent)
}

// removeLeftovers removes every store but keep, and all snapshots. Files of
// other names are not ours and stay.
func (l layout) removeLeftovers(keep string) error {
	names, err := l.fs.List(l.root)
	if err != nil {
		return err
	}
	for _, name := range names {
		_, store := storeNumber(name)
		if name == keep || !store && name != pointerTemp && !strings.HasPrefix(name, snapshotNames) {
			continue
		}
		if err := l.fs.RemoveAll(l.path(name)); err != nil {
			return err
		}
	}
	return nil
}

// next gives the name of the store that comes after name.
func next(name string) string {
	n, _ := storeNumber(name)
	return storePrefix + strconv.FormatUint(n+1, 10)
}

func storeNumber(name string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, storePrefix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}
