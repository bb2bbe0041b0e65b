package httpapi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/coder/websocket"

	"github.com/nixnode/nixnode/api"
)

// say hands v to the writer; it gives up, and says so, when until ends.
func (s *socket) say(until context.Context, v any) bool {
	text, err := encode(v)
	if err != nil {
		s.endWith(err, frame{txnID: s.x.txnID})
		return false
	}
	select {
	case s.out <- text:
		return true
	case <-until.Done():
		return false
	}
}

// write writes what the others say, until nothing more is to come. It is the only
// one that writes frames with data, so nobody waits for another's slow write but
// by waiting for it.
func (s *socket) write() {
	for {
		select {
		case text := <-s.out:
			if !s.put(text) {
				s.stop() // nobody takes answers any more
				return
			}
		case <-s.quiet:
			return
		}
	}
}

// put writes one frame. As on a stream, a reader that took long over it is told
// so, and one that took nothing for twice as long is cut off.
func (s *socket) put(text []byte) bool {
	limit := s.x.h.limits.Write + paceOf(len(text))
	began := time.Now()
	// The websocket's own way of giving up leaves no time for a close frame.
	_ = s.wire.SetWriteDeadline(began.Add(2 * limit))
	err := s.conn.Write(context.Background(), websocket.MessageText, text)
	_ = s.wire.SetWriteDeadline(time.Time{})
	if err != nil {
		s.broken = true
		code := s.x.route.Code // the client has left
		if errors.Is(err, os.ErrDeadlineExceeded) {
			code = api.CodeReaderTooSlow
		}
		s.end(ending{code: code})
		return false
	}
	s.x.w.bytes += int64(len(text))
	if time.Since(began) > limit {
		s.endWith(api.Errorf(api.CodeReaderTooSlow, ""), frame{txnID: s.x.txnID})
	}
	return true
}

// goodbyeTime is how long the other side may take for its part of a close.
const goodbyeTime = 5 * time.Second

// goodbye tells why and closes. The writer is done, so this may write.
func (s *socket) goodbye() {
	if s.last.status == 0 || s.broken {
		_ = s.conn.CloseNow()
		return
	}
	if s.last.tell != nil {
		text, err := encode(s.last.tell)
		if err == nil && !s.put(text) {
			_ = s.conn.CloseNow()
			return
		}
	}
	// What is left of a frame is read before the other side's close frame, which the
	// websocket alone would wait for without an end.
	_ = s.wire.SetDeadline(time.Now().Add(goodbyeTime))
	// An error is that of a client that did not answer: the connection is closed.
	_ = s.conn.Close(s.last.status, closeReason(s.last.code))
}

// closeReason fits into a close frame, which has 123 bytes for it (RFC 6455 §5.5).
func closeReason(c api.Code) string {
	text := fmt.Sprintf("%d %s", int(c), c.Text())
	return text[:min(len(text), 123)]
}

// ping looks every so often whether the other side is there (RFC 6455 §5.5.2). A
// pong cannot be seen behind a frame that is still coming in, or while nothing is
// read because enough is being worked on: those have their own limits, and a client
// whose frame is not taken may not be able to send a pong either.
func (s *socket) ping() {
	tick := time.NewTicker(s.x.h.limits.KeepAlive)
	defer tick.Stop()
	for {
		select {
		case <-s.live.Done():
			return
		case <-tick.C:
		}
		began := time.Now()
		if s.deaf.Load() > began.UnixNano() {
			continue
		}
		ctx, cancel := context.WithTimeout(s.live, s.x.h.limits.Pong)
		err := s.conn.Ping(ctx)
		late := errors.Is(ctx.Err(), context.DeadlineExceeded)
		cancel()
		// Any other error is that a write is under way, which has its own deadline, or
		// that the connection is gone, which read finds out.
		if err != nil && late && s.deaf.Load() < began.UnixNano() {
			s.endWith(api.Errorf(api.CodeReaderTooSlow, "no pong"), frame{txnID: s.x.txnID})
			return
		}
	}
}
