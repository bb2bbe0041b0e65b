package transport

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// The first byte of a connection. The numbers never change.
const (
	kindRaft  byte = 'R'
	kindCalls byte = 'N'
)

// greeting is how long a new connection may take to say what it is.
const greeting = 5 * time.Second

// hello is what a connection begins with: its kind, and the tag of its cluster.
func (t *Transport) hello(kind byte) []byte { return append([]byte{kind}, t.tag[:]...) }

// sort reads what a connection begins with and hands the connection on.
func (t *Transport) sort(c *conn) {
	hello := make([]byte, 1+len(t.tag))
	_ = c.SetReadDeadline(time.Now().Add(greeting))
	if _, err := io.ReadFull(c, hello); err != nil {
		_ = c.Close()
		return
	}
	_ = c.SetReadDeadline(time.Time{})
	if Tag(hello[1:]) != t.tag {
		t.log.Warn("connection is from a node of another cluster: its cluster key is another", "from", c.RemoteAddr().String())
		_ = c.Close()
		return
	}
	switch hello[0] {
	case kindRaft:
		t.raft.hand(c)
	case kindCalls:
		t.calls.hand(c)
	default:
		t.log.Warn("connection is from no node", "from", c.RemoteAddr().String())
		_ = c.Close()
	}
}

// connect opens a connection of a kind to another node.
func (t *Transport) connect(ctx context.Context, kind byte, addr string) (net.Conn, error) {
	if err := CheckLoopback(addr); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.ctx, cancel)()
	c, err := t.dial(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	tracked, err := t.track(c)
	if err != nil {
		return nil, err
	}
	_ = tracked.SetWriteDeadline(time.Now().Add(greeting))
	if _, err := tracked.Write(t.hello(kind)); err != nil {
		_ = tracked.Close()
		return nil, fmt.Errorf("transport: %w", err)
	}
	_ = tracked.SetWriteDeadline(time.Time{})
	return tracked, nil
}

// virtual is a listener that is given its connections.
type virtual struct {
	addr  net.Addr
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newVirtual(addr net.Addr) *virtual {
	return &virtual{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

func (v *virtual) hand(c net.Conn) {
	select {
	case v.conns <- c:
	case <-v.done:
		_ = c.Close()
	}
}

func (v *virtual) Accept() (net.Conn, error) {
	select {
	case c := <-v.conns:
		return c, nil
	case <-v.done:
		return nil, net.ErrClosed
	}
}

func (v *virtual) Close() error {
	v.once.Do(func() { close(v.done) })
	return nil
}

func (v *virtual) Addr() net.Addr { return v.addr }

// stream is the raft side of the port.
type stream struct {
	*virtual
	t *Transport
}

var _ raft.StreamLayer = stream{}

// Stream gives raft its connections. Closing it leaves the port open.
func (t *Transport) Stream() raft.StreamLayer { return stream{virtual: t.raft, t: t} }

// dialing bounds how long raft waits for a connection: a node that is asked in
// vain for longer delays what raft does when it is back.
const dialing = time.Second

// Dial connects to the raft side of another node.
func (s stream) Dial(addr raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(s.t.ctx, min(timeout, dialing))
	defer cancel()
	return s.t.connect(ctx, kindRaft, string(addr))
}
