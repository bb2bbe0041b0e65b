package raftstore

import (
	"fmt"
	"hash/crc32"
	"io"

	"github.com/nixnode/nixnode/internal/dirstream"
)

// openStream opens the snapshot in dir as a stream of m.Size bytes.
func openStream(fs FS, dir string, m meta) (io.ReadCloser, error) {
	if m.Directory {
		return streamDirectory(fs, fs.PathJoin(dir, filesName), m.Size)
	}
	f, err := fs.Open(fs.PathJoin(dir, dataName))
	if err != nil {
		return nil, fmt.Errorf("%w: snapshot without data: %w", ErrCorrupt, err)
	}
	return &checked{ReadCloser: f, left: m.Size, want: m.Sum}, nil
}

// checked reads a stored stream and fails at its end unless length and
// checksum are what the description says, so that a reader who takes it to
// the end never takes it for whole when it is not.
type checked struct {
	io.ReadCloser
	left int64
	sum  uint32
	want uint32
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.left -= int64(n)
	c.sum = crc32.Update(c.sum, castagnoli, p[:n])
	if c.left < 0 || err == io.EOF && (c.left != 0 || c.sum != c.want) {
		return 0, fmt.Errorf("%w: snapshot data", ErrCorrupt)
	}
	return n, err
}

// streamDirectory makes the stream of an adopted directory as it is read.
func streamDirectory(fs FS, dir string, want int64) (io.ReadCloser, error) {
	size, err := dirstream.Size(fs, dir)
	if err != nil {
		return nil, fmt.Errorf("%w: snapshot directory: %w", ErrCorrupt, err)
	}
	if size != want {
		return nil, fmt.Errorf("%w: snapshot directory is of another size", ErrCorrupt)
	}
	r, w := io.Pipe()
	d := &directoryStream{PipeReader: r, done: make(chan struct{})}
	go func() {
		defer close(d.done)
		_, err := dirstream.Write(w, fs, dir)
		_ = w.CloseWithError(err) // nil reads as io.EOF
	}()
	return d, nil
}

// directoryStream is the reading end; closing it ends the writer and waits.
type directoryStream struct {
	*io.PipeReader
	done chan struct{}
}

func (d *directoryStream) Close() error {
	err := d.PipeReader.Close()
	<-d.done
	return err
}
