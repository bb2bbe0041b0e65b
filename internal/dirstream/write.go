package dirstream

import (
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Write streams the files of dir to w and says how many bytes it wrote.
// The directory must not change meanwhile; a file that got shorter is an
// error, one that got longer is streamed at the length it had at the start.
func Write(w io.Writer, fs vfs.FS, dir string) (int64, error) {
	files, err := list(fs, dir)
	if err != nil {
		return 0, err
	}
	out := &counter{w: w}
	if _, err := io.WriteString(out, Magic); err != nil {
		return out.n, err
	}
	buf := make([]byte, chunk)
	var sums []byte
	for _, f := range files {
		sum, err := writeFile(out, fs, dir, f, buf)
		if err != nil {
			return out.n, fmt.Errorf("dirstream: write %s: %w", f.name, err)
		}
		sums = append(sums, sum...)
	}
	_, err = out.Write(trailer(uint32(len(files)), sums))
	return out.n, err
}

// writeFile writes one record and gives its hash, which covers the header too.
func writeFile(w io.Writer, fs vfs.FS, dir string, f file, buf []byte) (sum []byte, err error) {
	src, err := fs.Open(fs.PathJoin(dir, f.name), vfs.SequentialReadsOption)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := src.Close(); err == nil {
			err = cerr
		}
	}()
	hash := sha256.New()
	head := header(f)
	hash.Write(head)
	if _, err := w.Write(head); err != nil {
		return nil, err
	}
	// The hash is fed first: a writer here may be a vfs.File, and those may
	// change the bytes that they are given.
	n, err := io.CopyBuffer(io.MultiWriter(hash, w), io.LimitReader(onlyReader{src}, f.size), buf)
	if err != nil {
		return nil, err
	}
	if n != f.size {
		return nil, fmt.Errorf("file is shorter than it was: %w", io.ErrUnexpectedEOF)
	}
	sum = hash.Sum(nil)
	_, err = w.Write(sum)
	return sum, err
}

// onlyReader hides everything but Read, so that CopyBuffer uses the buffer.
type onlyReader struct{ io.Reader }

// counter counts what went through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
