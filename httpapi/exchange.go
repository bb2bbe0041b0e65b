package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/relay"
)

// exchange is one request and its answer. One goroutine uses it.
type exchange struct {
	h     *Handler
	w     *response
	r     *http.Request
	rc    *http.ResponseController
	txnID string
	start time.Time // of the monotonic clock, for the duration alone

	route  *Route // nil until found
	path   string // decoded, as the client used it
	params map[string]string
	caller relay.Caller
	key    string // the caller's key address, once it is authenticated

	code      api.Code // of the answer; 0 when nobody was there to get one
	received  int      // bytes of the body
	queued    bool
	held      int64 // bytes of the body that are counted
	streaming bool  // the headers of a stream are out
	form      form  // of the stream
	broken    bool  // the answer is not whole, and the connection must show it
}

// begin sets what every answer has, so that no later step can forget it.
func (h *Handler) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{h: h, w: &response{ResponseWriter: w}, r: r, txnID: h.txn.next(), start: time.Now()}
	x.rc = http.NewResponseController(x.w)
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", h.origin)
	header.Set("Access-Control-Allow-Methods", "*")
	header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	// Set here and not first by who reads the body: it also bounds how long net/http
	// drains one that an early answer leaves unread.
	if r.Body != nil && r.Body != http.NoBody {
		x.readWithin(h.limits.Body)
	}
	return x
}

// readWithin and writeWithin set the deadlines of the connection (HTTP/1.1) or
// the stream (HTTP/2); 0 means none. A ResponseWriter without deadlines, as tests
// have it, is served without.
func (x *exchange) readWithin(d time.Duration) { _ = x.rc.SetReadDeadline(deadline(d)) }

func (x *exchange) writeWithin(d time.Duration) { _ = x.rc.SetWriteDeadline(deadline(d)) }

func deadline(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

func (x *exchange) enterQueue() bool {
	if x.h.inFlight.Add(1) > int64(x.h.limits.InFlight) {
		x.h.inFlight.Add(-1)
		return false
	}
	x.queued = true
	return true
}

// hold counts n more bytes of the body, and reports whether there is room for them.
func (x *exchange) hold(n int) bool {
	x.held += int64(n)
	return x.h.bodies.Add(int64(n)) <= x.h.limits.Bodies
}

// leaveQueue is called when the work is done, or goes on without the body.
func (x *exchange) leaveQueue() {
	x.h.bodies.Add(-x.held)
	x.held = 0
	if x.queued {
		x.h.inFlight.Add(-1)
		x.queued = false
	}
}

// end writes the one line of the request. It names the route and never the path
// or the query, which may hold data.
func (x *exchange) end() {
	x.leaveQueue()
	x.h.metrics.count(x)
	level := slog.LevelInfo
	if x.code == 0 {
		level = slog.LevelDebug
	}
	x.h.log.LogAttrs(context.WithoutCancel(x.r.Context()), level, "request",
		slog.String("txnID", x.txnID), slog.String("method", methodName(x.r.Method)), slog.String("route", x.routeName()),
		slog.Int("code", int(x.code)), slog.Int("status", x.w.status), slog.Int64("bytes", x.w.bytes),
		slog.Duration("took", time.Since(x.start)), slog.String("key", x.key))
}

// routeName names the route, or says that none was found.
func (x *exchange) routeName() string {
	if x.route == nil {
		return "none"
	}
	return x.route.Name
}

// methodName keeps invented methods, which may be long, out of the log.
func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodPut, http.MethodOptions:
		return method
	}
	return "other"
}

// recovered answers for a panic behind the door.
func (x *exchange) recovered(v any) {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		x.broken = true
		return
	}
	x.h.metrics.panics.Inc()
	x.h.log.Error("panic", "txnID", x.txnID, "panic", v, "stack", string(debug.Stack()))
	switch {
	case x.streaming:
		x.endStream(api.Errorf(api.CodeInternal, ""))
	case x.w.status != 0:
		x.broken = true
	default:
		x.fail(api.Errorf(api.CodeInternal, ""))
	}
}

// response counts what goes out. Unwrap leads http.ResponseController to the
// deadlines and the flusher.
type response struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}
