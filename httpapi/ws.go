package httpapi

import (
	"context"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/semaphore"

	"github.com/nixnode/nixnode/api"
)

// socket is one open websocket (section 6). Its goroutines are started and joined
// by run, so that the request lasts as long as the connection:
//
//	read    reads frames and starts what they ask for (wsread.go, wsops.go)
//	write   writes what the others have to say, one frame at a time (wswrite.go)
//	ping    looks whether the other side is still there
//	follow  brings the messages of the one stream that may be open
//	and one for each request that is being worked on, within maxOps and the room.
//
// Whatever ends it calls end, which only notes why and wakes run; run alone says
// goodbye and closes.
type socket struct {
	x    *exchange
	conn *websocket.Conn
	wire net.Conn // below conn

	// live ends when something has called end: nothing new begins.
	live context.Context
	die  context.CancelFunc
	// ctx, of the requests, ends when their answers can do no good any more.
	ctx  context.Context
	stop context.CancelFunc
	// hard ends when the connection is to be cut off.
	hard context.Context
	cut  context.CancelFunc

	once sync.Once
	last ending // set before live ends

	parts sync.WaitGroup
	out   chan []byte // to write; unbuffered, so that a slow reader stops everything else
	// quiet is closed when nothing more is to be written, and written when
	// nothing more is.
	quiet, written chan struct{}
	broken         bool // half a frame may be out; write sets it, to be read when written is closed

	room      *semaphore.Weighted
	turn      chan struct{} // closed when the request before has been accepted; of read alone
	listening atomic.Bool
	// deaf is until when (unix nanoseconds) pongs may not have been read.
	deaf atomic.Int64
}

const (
	// maxOps is how many requests of one socket are worked on at once; beyond it
	// nothing is read. Together they have no more bytes than one body may have.
	maxOps = 16
	room   = api.MaxBody
)

// ending is why a socket ends.
type ending struct {
	code   api.Code             // for the log
	status websocket.StatusCode // 0: the other side is gone, or cannot be told
	tell   *api.SocketReply     // what to say before closing; nil for nothing
}

func newSocket(ctx context.Context, x *exchange) *socket {
	s := &socket{
		x: x, out: make(chan []byte), quiet: make(chan struct{}), written: make(chan struct{}),
		room: semaphore.NewWeighted(room), turn: make(chan struct{}),
	}
	close(s.turn) // nothing is before the first
	s.hard, s.cut = context.WithCancel(ctx)
	s.ctx, s.stop = context.WithCancel(s.hard)
	s.live, s.die = context.WithCancel(s.ctx)
	return s
}

// serveSocket takes the request from the handshake to the end of the connection.
func (x *exchange) serveSocket(ctx context.Context) {
	if err := x.checkUpgrade(); err != nil {
		x.fail(err)
		return
	}
	s := newSocket(ctx, x)
	defer s.cut() // nothing is left to be cut then, but the contexts are let go
	if !x.h.sockets.add(s) {
		x.fail(api.Errorf(api.CodeGoingDown, ""))
		return
	}
	defer x.h.sockets.remove(s)
	var err error
	if s.conn, s.wire, err = x.upgrade(); err != nil {
		x.h.log.Debug("a websocket was lost in its handshake", "txnID", x.txnID, "err", err)
		return
	}
	x.leaveQueue()
	x.code = x.route.Code
	s.run()
	x.code = s.last.code
}

// run serves until the end, and returns when all is over.
func (s *socket) run() {
	defer context.AfterFunc(s.hard, func() { _ = s.wire.Close() })()
	s.parts.Go(func() { s.guard(s.read) })
	s.parts.Go(func() { defer close(s.written); s.guard(s.write) })
	s.parts.Go(func() { s.guard(s.ping) })
	s.guard(s.watch)
	s.end(ending{code: api.CodeGoingDown}) // if nothing has: it was cut off
	if s.last.code == api.CodeGoingDown {
		// What was taken is finished and answered: all room is free then, and none is
		// given out again.
		_ = s.room.Acquire(s.ctx, room)
	}
	s.stop()
	close(s.quiet)
	<-s.written
	s.goodbye()
	s.parts.Wait()
}

// watch waits for the end, and looks now and then whether the caller may stay. A
// stream does so itself.
func (s *socket) watch() {
	tick := time.NewTicker(s.x.h.limits.Recheck)
	defer tick.Stop()
	for {
		select {
		case <-s.live.Done():
			return
		case <-tick.C:
		}
		if s.listening.Load() {
			continue
		}
		if _, err := s.x.h.service.Continue(s.x.caller, s.x.route.Scope, s.x.txnID); err != nil && s.live.Err() == nil {
			s.endWith(err, frame{txnID: s.x.txnID})
		}
	}
}

// end notes why the socket ends. Only the first reason counts.
func (s *socket) end(e ending) {
	s.once.Do(func() {
		s.last = e
		s.die()
	})
}

// endWith ends the socket for an error, which is told as the answer to f. It gives
// the code that f gets.
func (s *socket) endWith(err error, f frame) api.Code {
	e := s.x.h.reason(err, f.txnID)
	reply := api.SocketReply{Ref: f.ref, Envelope: api.Failure(e.Code, f.txnID, e.Detail)}
	s.end(ending{code: e.Code, status: closeStatus(e.Code), tell: &reply})
	return e.Code
}

// closeStatus gives the close code that goes with the reason for an end.
func closeStatus(c api.Code) websocket.StatusCode {
	switch {
	case c.Status() == 503: // no leader, too: another node may have one
		return api.CloseGoingDown
	case c.Status() == 401, c == api.CodeScope:
		return api.CloseUnauthorized
	case c == api.CodeReaderTooSlow:
		return api.CloseTooSlow
	case c.Status() == 413:
		return api.CloseTooBig
	case c.Status() >= 500:
		return api.CloseInternal
	}
	return api.ClosePolicy
}

// guard keeps a panic behind one socket from taking the process with it, and all
// other sockets.
func (s *socket) guard(f func()) {
	defer func() {
		if v := recover(); v != nil {
			s.x.h.metrics.panics.Inc()
			s.x.h.log.Error("panic", "txnID", s.x.txnID, "panic", v, "stack", string(debug.Stack()))
			s.endWith(api.Errorf(api.CodeInternal, ""), frame{txnID: s.x.txnID})
		}
	}()
	f()
}
