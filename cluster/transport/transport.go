// Package transport is a node's one port for other nodes: raft and
// node-to-node calls share a TCP listener. The first byte of a connection
// tells which of the two it is, and the 16 after it of which cluster (kinds.go);
// that is where a TLS handshake with ALPN will stand.
//
// Until then nothing on the port is encrypted or authenticated, so it refuses
// to listen on, or to dial, anything but a loopback address (ErrNotLoopback).
//
// Promises: a call says whether it can have reached the other side
// (ErrUnreached: it cannot); Cut ends all traffic at once; after Close no
// goroutine, connection or handler that was started here is left. It does not
// know what is called: handlers take and give bytes.
package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// ErrNotLoopback says that an address is not on this machine. Node-to-node
// traffic is plain TCP in this release, so it must not leave it.
var ErrNotLoopback = errors.New("transport: node-to-node traffic is not encrypted in this release and must stay on a loopback address")

// ErrClosed says that the transport was closed or cut.
var ErrClosed = errors.New("transport: closed")

// Dial opens a connection; it has net.Dialer.DialContext's meaning.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Options say where to listen and how to reach others.
type Options struct {
	// Listener is a ready one; if nil, Addr is listened on.
	Listener net.Listener
	Addr     string
	// Dial replaces the plain dialer, for fault injection.
	Dial Dial
	// Tag tells clusters apart: connections between different ones are refused. It
	// is no secret and proves nothing; it keeps mistakes from being made.
	Tag Tag
	// Handlers answer calls, by path.
	Handlers map[string]Handler
	// Logger is required.
	Logger *slog.Logger
}

// Tag is what the nodes of one cluster have in common.
type Tag [16]byte

// Transport is an open port. It is safe for concurrent use.
type Transport struct {
	listener net.Listener
	dial     Dial
	tag      Tag
	log      *slog.Logger

	ctx  context.Context // ends with Cut
	stop context.CancelFunc
	work sync.WaitGroup // accepting, sorting, serving and handling

	raft   *virtual
	calls  *virtual
	server *http.Server
	client *http.Transport

	mu       sync.Mutex
	closed   bool
	handlers sync.WaitGroup
	conns    map[*conn]struct{}
}

// Listen opens the port and begins to answer calls. Raft's connections wait
// for whoever accepts from Stream.
// Errors: ErrNotLoopback, and what listening returns.
func Listen(o Options) (*Transport, error) {
	l := o.Listener
	if l == nil {
		if err := CheckLoopback(o.Addr); err != nil {
			return nil, err
		}
		var err error
		if l, err = net.Listen("tcp", o.Addr); err != nil {
			return nil, fmt.Errorf("transport: %w", err)
		}
	}
	if err := CheckLoopback(l.Addr().String()); err != nil {
		_ = l.Close()
		return nil, err
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	t := &Transport{listener: l, dial: o.Dial, tag: o.Tag, log: o.Logger, conns: map[*conn]struct{}{}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.raft, t.calls = newVirtual(l.Addr()), newVirtual(l.Addr())
	t.server, t.client = t.newServer(o.Handlers), t.newClient()
	t.work.Go(t.accept)
	t.work.Go(func() { _ = t.server.Serve(t.calls) }) // ends with http.ErrServerClosed
	return t, nil
}

// Addr gives the address that is listened on.
func (t *Transport) Addr() string { return t.listener.Addr().String() }

// Cut ends all traffic at once, both ways: it is what the others see of a
// crash. The transport can only be closed afterwards.
func (t *Transport) Cut() {
	t.mu.Lock()
	t.closed = true
	open := make([]*conn, 0, len(t.conns))
	for c := range t.conns {
		open = append(open, c)
	}
	t.mu.Unlock()
	t.stop()
	_ = t.listener.Close()
	for _, c := range open {
		_ = c.Close()
	}
}

// Close cuts and waits until nothing that was started here runs any more. It
// waits for handlers, whose context has ended. It may be called again.
func (t *Transport) Close() error {
	t.Cut()
	_ = t.raft.Close()
	_ = t.calls.Close()
	_ = t.server.Close()
	t.client.CloseIdleConnections()
	t.work.Wait()
	t.handlers.Wait()
	return nil
}

// accept sorts incoming connections until the listener is closed.
func (t *Transport) accept() {
	for {
		c, err := t.listener.Accept()
		if err != nil {
			if t.ctx.Err() != nil {
				return
			}
			t.log.Warn("cannot accept a connection from a node", "error", err)
			select {
			case <-time.After(acceptRest): // out of file descriptors, most likely
				continue
			case <-t.ctx.Done():
				return
			}
		}
		tracked, err := t.track(c)
		if err != nil {
			return
		}
		t.work.Go(func() { t.sort(tracked) })
	}
}

// acceptRest is the pause after a failed accept.
const acceptRest = 20 * time.Millisecond

// track notes a connection so that Cut finds it. It closes one that comes
// after Cut.
func (t *Transport) track(c net.Conn) (*conn, error) {
	tracked := &conn{Conn: c, t: t}
	t.mu.Lock()
	closed := t.closed
	if !closed {
		t.conns[tracked] = struct{}{}
	}
	t.mu.Unlock()
	if closed {
		_ = c.Close()
		return nil, ErrClosed
	}
	return tracked, nil
}

// conn is a connection that takes itself off the list when it is closed.
type conn struct {
	net.Conn
	t *Transport
}

func (c *conn) Close() error {
	c.t.mu.Lock()
	delete(c.t.conns, c)
	c.t.mu.Unlock()
	return c.Conn.Close()
}

// CheckLoopback gives ErrNotLoopback unless addr ("host:port") is on a
// loopback interface by its text: an IP literal, or "localhost".
func CheckLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("transport: %w", err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrNotLoopback, addr)
}
