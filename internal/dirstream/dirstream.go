// Package dirstream carries a flat directory of files as one stream and back.
// It is how a snapshot of the store (a Pebble checkpoint, which is a flat
// directory) travels to another node.
//
// Promises: the size of a stream is known before its first byte (Size); the
// same directory always gives the same bytes; what Read has accepted is, file
// by file, what Write was given, and is on disk (files and directory fsynced);
// a stream that was cut short, changed, reordered or lengthened is refused with
// ErrCorrupt, and a file name in it can never lead out of the directory.
//
// It does not compress, does not descend into subdirectories (Write refuses
// them), and keeps no file times or modes. The bytes are described in
// docs/format/snapshot.md; Magic carries the format's version.
package dirstream

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Magic opens every stream; its last byte is the version of the format.
const Magic = "nixdir\x00\x01"

// ErrCorrupt says that a stream is not what Write made: cut short, altered, or
// with a file name that no directory of ours holds.
var ErrCorrupt = errors.New("dirstream: corrupt stream")

// ErrNotFlat says that a directory cannot be streamed: it holds a
// subdirectory, or a name that a stream may not carry.
var ErrNotFlat = errors.New("dirstream: not a flat directory of plainly named files")

// Record marks. Numbers are part of the format and only ever appended.
const (
	markEnd  byte = 0x00
	markFile byte = 0x01
)

const (
	maxName    = 255
	headFixed  = 1 + 2 + 8           // mark, name length, file size
	trailerLen = 1 + 4 + sha256.Size // mark, number of files, hash of hashes
	chunk      = 128 << 10           // copy buffer
	perFile    = int64(headFixed + sha256.Size)
)

// file is one entry of a directory to be streamed.
type file struct {
	name string
	size int64
}

// list gives the files of dir in the order in which they are streamed.
func list(fs vfs.FS, dir string) ([]file, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("dirstream: list: %w", err)
	}
	slices.Sort(names)
	files := make([]file, 0, len(names))
	for _, name := range names {
		info, err := fs.Stat(fs.PathJoin(dir, name))
		if err != nil {
			return nil, fmt.Errorf("dirstream: stat: %w", err)
		}
		if info.IsDir() || !validName(name) {
			return nil, fmt.Errorf("%w: %q", ErrNotFlat, name)
		}
		files = append(files, file{name: name, size: info.Size()})
	}
	return files, nil
}

// Size gives the exact number of bytes that Write makes of dir, as long as
// nobody changes it between the two.
func Size(fs vfs.FS, dir string) (int64, error) {
	files, err := list(fs, dir)
	if err != nil {
		return 0, err
	}
	size := int64(len(Magic) + trailerLen)
	for _, f := range files {
		size += perFile + int64(len(f.name)) + f.size
	}
	return size, nil
}

// header makes the bytes that stand before a file's content.
func header(f file) []byte {
	b := make([]byte, 0, headFixed+len(f.name))
	b = append(b, markFile)
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.name)))
	b = append(b, f.name...)
	return binary.BigEndian.AppendUint64(b, uint64(f.size))
}

// trailer makes the last bytes of a stream: sums are the files' hashes in
// order, so that leaving out or exchanging whole records is noticed.
func trailer(count uint32, sums []byte) []byte {
	all := sha256.Sum256(sums)
	b := make([]byte, 0, trailerLen)
	b = append(b, markEnd)
	b = binary.BigEndian.AppendUint32(b, count)
	return append(b, all[:]...)
}

// validName allows one path element of the portable file name characters
// (POSIX.1-2024 §3.265), which is all that Pebble uses. No separator of any
// system, no drive, no "." and "..".
func validName(name string) bool {
	if name == "" || len(name) > maxName || name == "." || name == ".." {
		return false
	}
	for i := range len(name) {
		c := name[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
