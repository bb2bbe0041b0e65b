package httpapi

import (
	"bytes"
	"context"
	"errors"
	"os"
	"time"

	"github.com/nixnode/nixnode/api"
)

// keepAlive is what a silent stream sends: JSON parsers skip a space (section 6).
var keepAlive = []byte(" ")

// stream writes what s gives until the client leaves or the server has a reason
// to end. Nothing is buffered here: each answer of Next is written and flushed at
// once, and while that blocks, Next is not called, so a slow reader costs the
// messages in flight and no more.
func (x *exchange) stream(ctx context.Context, s Stream) {
	x.startStream()
	for {
		lines, err := x.next(ctx, s)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return // the client has left
		default:
			x.endStream(err)
			return
		}
		switch err := x.writeLines(lines); {
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
	_ = x.writeOut(text)
}

// startStream sends the headers at once: the client learns that it is connected
// before there is a message.
func (x *exchange) startStream() {
	header := x.w.Header()
	header.Set("Content-Type", "application/x-ndjson")
	header.Set("X-Accel-Buffering", "no") // or nginx would collect the lines
	x.writeWithin(2 * x.h.limits.Write)
	x.w.WriteHeader(x.route.Code.Status())
	x.streaming, x.code = true, x.route.Code
	x.broken = true  // from here on: a body that ends cleanly would look like all there is (section 6)
	_ = x.rc.Flush() // if it fails, so does the first write
}

// next waits for lines, or for the time of a keep-alive: then there are none.
func (x *exchange) next(ctx context.Context, s Stream) ([]api.StreamLine, error) {
	silence, cancel := context.WithTimeout(ctx, x.h.limits.KeepAlive)
	defer cancel()
	lines, err := s.Next(silence)
	if errors.Is(err, context.DeadlineExceeded) && silence.Err() != nil {
		return nil, nil
	}
	return lines, err
}

// writeLines writes lines, or a keep-alive if there are none, and flushes. A write
// that took long is the sign of a slow reader, who can still be told so as long as
// it was not cut off half-way.
func (x *exchange) writeLines(lines []api.StreamLine) error {
	data := keepAlive
	if len(lines) > 0 {
		var b bytes.Buffer
		for _, line := range lines {
			text, err := encode(line)
			if err != nil {
				return err
			}
			b.Write(text)
		}
		data = b.Bytes()
	}
	began := time.Now()
	if err := x.writeOut(data); err != nil {
		return err
	}
	if time.Since(began) > x.h.limits.Write {
		return api.Errorf(api.CodeReaderTooSlow, "")
	}
	return nil
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
