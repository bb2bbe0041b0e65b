package httpapi

import (
	"bytes"
	"context"
	"errors"
	"os"
	"time"

	"github.com/nixnode/nixnode/api"
)

// form is how a stream looks on the wire.
type form struct {
	contentType string
	// keepAlive is what it sends when it is silent.
	keepAlive []byte
	// end makes the last thing sent of an api.StreamEnd in JSON with its line break.
	end func(text []byte) []byte
}

// lines is a JSON value a line, with a space as keep-alive, which JSON parsers skip
// (section 6).
var lines = form{contentType: "application/x-ndjson", keepAlive: []byte(" "), end: func(text []byte) []byte { return text }}

// feed is an open stream as bytes in its form. One goroutine uses it.
type feed struct {
	form
	begin []byte // goes out with the headers; mostly nothing
	// next and close are as Stream has them.
	next  func(ctx context.Context) ([]byte, error)
	close func()
}

// stream writes what f gives until the client leaves or the server has a reason
// to end. Nothing is buffered here: each answer of next is written and flushed at
// once, and while that blocks, next is not called, so a slow reader costs the
// messages in flight and no more.
func (x *exchange) stream(ctx context.Context, f feed) {
	x.startStream(f)
	for {
		data, err := x.next(ctx, f)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return // the client has left
		default:
			x.endStream(err)
			return
		}
		switch err := x.writeTimed(data); {
		case err == nil:
		case errors.Is(err, errGone):
			return
		default:
			x.endStream(err)
			return
		}
	}
}

// endStream tells the reason in a last line, if the connection still takes one.
func (x *exchange) endStream(err error) {
	if errors.Is(err, errCutOff) {
		x.code = api.CodeReaderTooSlow
		return // half a line may be out
	}
	e := x.reason(err)
	x.code = e.Code
	shown := api.Failure(e.Code, x.txnID, e.Detail)
	text, err := encode(api.StreamEnd{Status: shown.Status, Code: shown.Code, Err: shown.Err, TxnID: shown.TxnID})
	if err != nil {
		return // of strings and numbers: it cannot fail
	}
	_ = x.writeOut(x.form.end(text))
}

// startStream sends the headers at once: the client learns that it is connected
// before there is a message.
func (x *exchange) startStream(f feed) {
	header := x.w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("X-Accel-Buffering", "no") // or nginx would collect the lines
	x.writeWithin(2 * x.h.limits.Write)
	x.w.WriteHeader(x.route.Code.Status())
	x.streaming, x.form, x.code = true, f.form, x.route.Code
	x.broken = true // from here on: a body that ends cleanly would look like all there is (section 6)
	if len(f.begin) > 0 {
		_, _ = x.w.Write(f.begin)
	}
	_ = x.rc.Flush() // if it fails, so does the first write
}

// next waits for what to send, or for the time of a keep-alive.
func (x *exchange) next(ctx context.Context, f feed) ([]byte, error) {
	silence, cancel := context.WithTimeout(ctx, x.h.limits.KeepAlive)
	defer cancel()
	data, err := f.next(silence)
	if errors.Is(err, context.DeadlineExceeded) && silence.Err() != nil {
		return f.keepAlive, nil
	}
	return data, err
}

// writeTimed writes and flushes. A write that took long is the sign of a slow
// reader, who can still be told so as long as it was not cut off half-way.
func (x *exchange) writeTimed(data []byte) error {
	began := time.Now()
	if err := x.writeOut(data); err != nil {
		return err
	}
	if time.Since(began) > x.h.limits.Write {
		return api.Errorf(api.CodeReaderTooSlow, "")
	}
	return nil
}

// asLines makes the lines of a stream.
func asLines[T any](items []T, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, item := range items {
		text, err := encode(item)
		if err != nil {
			return nil, err
		}
		b.Write(text)
	}
	return b.Bytes(), nil
}

// What became of a write that did not come through.
var (
	errCutOff = errors.New("the reader took nothing for too long")
	errGone   = errors.New("the reader is gone")
)

// writeOut writes and flushes within twice the time that a reader has. Nothing
// can follow what failed: neither net/http nor HTTP/2 goes on after half a write.
func (x *exchange) writeOut(data []byte) error {
	x.writeWithin(2 * x.h.limits.Write)
	_, err := x.w.Write(data)
	if err == nil {
		err = x.rc.Flush()
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errCutOff
	}
	return errGone
}
