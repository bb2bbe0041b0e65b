package dirstream

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrNotEmpty says that Read was asked to fill a directory that holds
// something already.
var ErrNotEmpty = errors.New("dirstream: directory is not empty")

// Read fills dir (made if absent, otherwise empty) from a stream that it reads
// to its end. When it returns nil, the files and the directory's entries are
// on disk; whether dir itself is, in its parent, is the caller's business.
// On an error the directory holds an unusable part, which the caller removes.
//
// Errors: ErrCorrupt, ErrNotEmpty, and what r and fs return.
func Read(r io.Reader, fs vfs.FS, dir string) error {
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("dirstream: %w", err)
	}
	if there, err := fs.List(dir); err != nil {
		return fmt.Errorf("dirstream: %w", err)
	} else if len(there) > 0 {
		return ErrNotEmpty
	}
	in := &reader{r: r, fs: fs, dir: dir, buf: make([]byte, chunk)}
	if err := in.all(); err != nil {
		return err
	}
	return syncDir(fs, dir)
}

// reader is the state of one Read.
type reader struct {
	r     io.Reader
	fs    vfs.FS
	dir   string
	buf   []byte
	last  string // name of the file before: names ascend, so none comes twice
	count uint32
	sums  []byte
}

func (d *reader) all() error {
	magic := make([]byte, len(Magic))
	if err := d.full(magic); err != nil {
		return err
	}
	if string(magic) != Magic {
		return fmt.Errorf("%w: unknown format", ErrCorrupt)
	}
	for {
		mark := []byte{0}
		if err := d.full(mark); err != nil {
			return err
		}
		switch mark[0] {
		case markFile:
			if err := d.record(); err != nil {
				return err
			}
		case markEnd:
			return d.end()
		default:
			return fmt.Errorf("%w: unknown record", ErrCorrupt)
		}
	}
}

// record reads one file, whose mark has been read.
func (d *reader) record() error {
	f, err := d.head()
	if err != nil {
		return err
	}
	hash := sha256.New()
	hash.Write(header(f))
	if err := d.content(f, hash); err != nil {
		return err
	}
	want := make([]byte, sha256.Size)
	if err := d.full(want); err != nil {
		return err
	}
	if got := hash.Sum(nil); !bytes.Equal(got, want) {
		return fmt.Errorf("%w: checksum of %s", ErrCorrupt, f.name)
	}
	d.last, d.count, d.sums = f.name, d.count+1, append(d.sums, want...)
	return nil
}

func (d *reader) head() (file, error) {
	var length [2]byte
	if err := d.full(length[:]); err != nil {
		return file{}, err
	}
	n := int(binary.BigEndian.Uint16(length[:]))
	if n == 0 || n > maxName {
		return file{}, fmt.Errorf("%w: length of a file name", ErrCorrupt)
	}
	rest := make([]byte, n+8)
	if err := d.full(rest); err != nil {
		return file{}, err
	}
	name, size := string(rest[:n]), binary.BigEndian.Uint64(rest[n:])
	if !validName(name) || name <= d.last {
		return file{}, fmt.Errorf("%w: file name", ErrCorrupt)
	}
	if size > math.MaxInt64 {
		return file{}, fmt.Errorf("%w: size of a file", ErrCorrupt)
	}
	return file{name: name, size: int64(size)}, nil
}

// content copies one file's bytes to disk. Nothing is set aside for the size
// that the stream claims: a lie costs the liar the bytes.
func (d *reader) content(f file, hash io.Writer) (err error) {
	dst, err := d.fs.Create(d.fs.PathJoin(d.dir, f.name), vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("dirstream: %w", err)
	}
	defer func() {
		if cerr := dst.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("dirstream: %w", cerr)
		}
	}()
	for left := f.size; left > 0; {
		part := d.buf[:min(left, int64(len(d.buf)))]
		if err := d.full(part); err != nil {
			return err
		}
		_, _ = hash.Write(part) // before the file, which may change the bytes
		if _, err := dst.Write(part); err != nil {
			return fmt.Errorf("dirstream: %w", err)
		}
		left -= int64(len(part))
	}
	if err := dst.Sync(); err != nil {
		return fmt.Errorf("dirstream: %w", err)
	}
	return nil
}

// end checks the trailer, whose mark has been read, and that nothing follows.
func (d *reader) end() error {
	got := make([]byte, trailerLen-1)
	if err := d.full(got); err != nil {
		return err
	}
	if !bytes.Equal(got, trailer(d.count, d.sums)[1:]) {
		return fmt.Errorf("%w: trailer", ErrCorrupt)
	}
	switch n, err := io.ReadFull(d.r, d.buf[:1]); {
	case n > 0:
		return fmt.Errorf("%w: bytes after the end", ErrCorrupt)
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("dirstream: %w", err)
	}
	return nil
}

// full reads exactly len(p) bytes; a stream that ends sooner is corrupt.
func (d *reader) full(p []byte) error {
	_, err := io.ReadFull(d.r, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: cut short", ErrCorrupt)
	}
	if err != nil {
		return fmt.Errorf("dirstream: %w", err)
	}
	return nil
}

// syncDir makes the directory's entries durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("dirstream: %w", err)
	}
	if err := d.Sync(); err != nil {
		_ = d.Close()
		return fmt.Errorf("dirstream: %w", err)
	}
	return d.Close()
}
