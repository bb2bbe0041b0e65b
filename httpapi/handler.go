package httpapi

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nixnode/nixnode/api"
)

// Plain says what happens to requests under /v1/ that come without TLS (section 2).
type Plain int

const (
	// PlainRefused: 421/60001.
	PlainRefused Plain = iota
	// PlainOnLoopback: served when the listener's address is a loopback one.
	PlainOnLoopback
	// PlainBehindProxy: served; the operator says that a proxy terminates TLS.
	PlainBehindProxy
)

// Limits are the times and sizes that the door holds to. The zero value of a
// field means its default.
type Limits struct {
	// Body is how long a body of little may take; each 64 KiB of it that has come
	// gives a second more. 30 s.
	Body time.Duration
	// Write is how long a write of a stream may take before its reader counts as
	// too slow; what takes twice as long is cut off. 10 s.
	Write time.Duration
	// Answer is how long the writing of an envelope may take, with a second more
	// for each 64 KiB. 30 s.
	Answer time.Duration
	// KeepAlive is after how much silence a stream sends a space, and how often a
	// websocket is pinged. 15 s (section 6).
	KeepAlive time.Duration
	// Pong is how long the answer to such a ping may take. 30 s.
	Pong time.Duration
	// Recheck is how often a websocket without a stream looks whether its key is
	// still good. 2 s, as a stream does.
	Recheck time.Duration
	// InFlight is how many requests under /v1/ are worked on at once, open streams
	// not counted; beyond it they get 503/50301. 4,096.
	InFlight int
	// Bodies is how many bytes of the bodies of such requests are in memory at once;
	// what would go beyond gets 503/50301. Each costs several times its size while it
	// is worked on. It must not be less than api.MaxBody. 256 MiB.
	Bodies int64
}

func (l Limits) withDefaults() Limits {
	or(&l.Body, 30*time.Second)
	or(&l.Write, 10*time.Second)
	or(&l.Answer, 30*time.Second)
	or(&l.KeepAlive, 15*time.Second)
	or(&l.Pong, 30*time.Second)
	or(&l.Recheck, 2*time.Second)
	or(&l.InFlight, 4096)
	or(&l.Bodies, 256<<20)
	return l
}

func or[T comparable](field *T, otherwise T) {
	var zero T
	if *field == zero {
		*field = otherwise
	}
}

// Options is what New needs.
type Options struct {
	Service Service
	Ops     Ops
	// Logger gets one line a request (info), and one for each internal error and
	// panic (error). nil: nothing is logged.
	Logger *slog.Logger
	// AllowOrigin is the Access-Control-Allow-Origin of each answer; "" means "*".
	AllowOrigin string
	Plain       Plain
	Limits      Limits
	// Gatherer has what /ops/metrics shows; nil is nothing. The handler's own
	// Metrics are the caller's to register there.
	Gatherer prometheus.Gatherer
	// Now and Rand make txnIDs; the defaults are time.Now and crypto/rand.Reader.
	Now  func() time.Time
	Rand io.Reader
}

// Handler serves the endpoints of Routes. It is safe for concurrent use. Whoever
// runs the http.Server stops it, and calls Shutdown for the websockets.
type Handler struct {
	service  Service
	ops      Ops
	log      *slog.Logger
	origin   string
	plain    Plain
	limits   Limits
	txn      *txnIDs
	router   *router
	inFlight *atomic.Int64
	bodies   *atomic.Int64
	sockets  *socketSet
	metrics  *metrics
	gatherer prometheus.Gatherer
	openAPI  func() ([]byte, error)
	docs     func() ([]byte, error)
}

var _ http.Handler = (*Handler)(nil)

// New makes the handler of all endpoints.
func New(o Options) *Handler {
	or(&o.AllowOrigin, "*")
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Gatherer == nil {
		o.Gatherer = prometheus.NewRegistry()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return &Handler{
		service: o.Service, ops: o.Ops, log: o.Logger.With("component", "httpapi"), origin: o.AllowOrigin, plain: o.Plain,
		limits: o.Limits.withDefaults(), txn: &txnIDs{now: o.Now, rand: o.Rand}, router: newRouter(Routes()), inFlight: new(atomic.Int64), bodies: new(atomic.Int64),
		sockets: &socketSet{all: map[*socket]struct{}{}},
		metrics: newMetrics(), gatherer: o.Gatherer, openAPI: describeOnce(), docs: drawOnce(),
	}
}

// OpsOnly gives a handler for the plain ops_addr listener: it knows the paths
// under /ops/ alone, and shares all else with h.
func (h *Handler) OpsOnly() *Handler {
	ops := *h
	ops.router = newRouter(opsRoutes)
	return &ops
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := h.begin(w, r)
	defer func() {
		if v := recover(); v != nil {
			x.recovered(v)
		}
		x.end()
		if x.broken {
			// The one way to tell net/http that the body is not whole.
			panic(http.ErrAbortHandler)
		}
	}()
	x.serve(r.Context())
}

// serve takes the way that the package comment tells. Each step may end it.
func (x *exchange) serve(ctx context.Context) {
	if x.r.Method == http.MethodOptions {
		x.succeed(answer{code: api.CodeOK}) // no credentials, no TLS, no path asked for (section 2)
		return
	}
	if err := x.admit(ctx); err != nil {
		x.fail(err)
		return
	}
	if x.route.Socket {
		x.serveSocket(ctx)
		return
	}
	if x.route.Stream {
		f, err := x.route.listen(ctx, x)
		if err != nil {
			x.fail(err)
			return
		}
		defer f.close()
		x.leaveQueue()
		if x.r.Method == http.MethodHead {
			x.startStream(f)
			x.broken = false // there is no body that could be whole or not
			return
		}
		x.stream(ctx, f)
		return
	}
	a, err := x.route.handle(ctx, x)
	if err != nil {
		x.fail(err)
		return
	}
	x.succeed(a)
}

// admit finds the route and lets the request in.
func (x *exchange) admit(ctx context.Context) error {
	parts, ok := segments(x.r.URL.EscapedPath())
	if !ok {
		return api.Errorf(api.CodeNoEndpoint, "")
	}
	x.path = "/" + strings.Join(parts, "/")
	v1 := parts[0] == "v1"
	if v1 && !x.h.secure(x.r) {
		return api.Errorf(api.CodeTLSRequired, "")
	}
	place := x.h.router.find(parts)
	if place == nil {
		return api.Errorf(api.CodeNoEndpoint, "")
	}
	route, ok := place.route(x.r.Method)
	if !ok {
		x.w.Header().Set("Allow", place.allow())
		return api.Errorf(api.CodeWrongMethod, "")
	}
	x.route, x.params = route, route.params(parts)
	if v1 && !x.enterQueue() {
		return api.Errorf(api.CodeOverloaded, "")
	}
	return x.authenticate(ctx)
}

func (x *exchange) authenticate(ctx context.Context) error {
	if x.route.Scope == open {
		return nil
	}
	shown := authorization(x.r)
	if x.route.Socket {
		shown = socketAuthorization(x.r)
	}
	caller, err := x.h.service.Authenticate(ctx, shown, x.txnID)
	if err != nil {
		return err
	}
	x.key = x.h.service.KeyOf(caller)
	x.caller, err = x.h.service.Authorize(ctx, caller, x.route.Scope)
	return err
}

// authorization gives the header, or nothing when there are several: which one
// counts must not depend on who reads them.
func authorization(r *http.Request) string {
	if all := r.Header.Values("Authorization"); len(all) == 1 {
		return all[0]
	}
	return ""
}

// secure reports whether the request came as section 2 demands for /v1/.
func (h *Handler) secure(r *http.Request) bool {
	switch {
	case r.TLS != nil, h.plain == PlainBehindProxy:
		return true
	case h.plain == PlainOnLoopback:
		addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		return ok && addr.IP.IsLoopback()
	}
	return false
}
