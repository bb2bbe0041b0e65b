package testcluster

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// links is the network between the nodes of a cluster in one process: which
// node can reach which, one direction at a time. A cut link is silent, like a
// cable that was pulled: what is written into it goes nowhere and no error
// comes back, until a deadline passes or the link heals. Data that was on its
// way arrives then, as retransmission would have it.
type links struct {
	mu      sync.Mutex
	owner   map[string]string  // listen address → node
	cut     map[[2]string]bool // {from, to}
	changed chan struct{}      // closed and replaced at every change
}

func newLinks() *links {
	return &links{owner: map[string]string{}, cut: map[[2]string]bool{}, changed: make(chan struct{})}
}

// own says that addr belongs to node.
func (l *links) own(addr, node string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owner[addr] = node
}

// setCut cuts or heals the direction from one node to another.
func (l *links) setCut(from, to string, cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cut {
		l.cut[[2]string{from, to}] = true
	} else {
		delete(l.cut, [2]string{from, to})
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

// healAll heals every link.
func (l *links) healAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.cut)
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *links) state(from, to string) (cut bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut[[2]string{from, to}], l.changed
}

func (l *links) nodeAt(addr string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owner[addr]
}

// wait returns when the link is whole, or when stop, the deadline or gone ends the wait.
func (l *links) wait(from, to string, stop <-chan struct{}, gone <-chan struct{}, deadline func() (time.Time, <-chan struct{})) error {
	for {
		cut, changed := l.state(from, to)
		if !cut {
			return nil
		}
		at, moved := deadline()
		var expired <-chan time.Time
		if !at.IsZero() {
			t := time.NewTimer(time.Until(at))
			defer t.Stop()
			expired = t.C
		}
		select {
		case <-changed:
		case <-moved:
		case <-expired:
			return os.ErrDeadlineExceeded
		case <-gone:
			return net.ErrClosed
		case <-stop:
			return context.Canceled
		}
	}
}

// dialer gives the Dial hook of a node.
func (l *links) dialer(from string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		to := l.nodeAt(addr)
		noDeadline := func() (time.Time, <-chan struct{}) { return time.Time{}, nil }
		for _, way := range [][2]string{{from, to}, {to, from}} { // a handshake needs both
			if err := l.wait(way[0], way[1], ctx.Done(), nil, noDeadline); err != nil {
				return nil, errors.Join(err, ctx.Err())
			}
		}
		c, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return newLinkConn(c, l, from, to), nil
	}
}

// linkConn is a connection that goes over links: the dialer's side sees to
// both directions, so the accepting side needs no wrapper.
type linkConn struct {
	net.Conn
	links    *links
	from, to string
	gone     chan struct{}
	goneOnce sync.Once

	mu          sync.Mutex
	read, write time.Time     // deadlines
	moved       chan struct{} // closed and replaced when a deadline changes
}

func newLinkConn(c net.Conn, l *links, from, to string) *linkConn {
	return &linkConn{Conn: c, links: l, from: from, to: to, gone: make(chan struct{}), moved: make(chan struct{})}
}

func (c *linkConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n == 0 {
		return n, err
	}
	// The bytes are here, but a cut link has not delivered them yet. A caller
	// that gives up loses them, and with them the connection.
	if err := c.links.wait(c.to, c.from, nil, c.gone, c.readDeadline); err != nil {
		_ = c.Close()
		return 0, err
	}
	return n, err
}

func (c *linkConn) Write(p []byte) (int, error) {
	if err := c.links.wait(c.from, c.to, nil, c.gone, c.writeDeadline); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *linkConn) Close() error {
	c.goneOnce.Do(func() { close(c.gone) })
	return c.Conn.Close()
}

func (c *linkConn) readDeadline() (time.Time, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read, c.moved
}

func (c *linkConn) writeDeadline() (time.Time, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.write, c.moved
}

func (c *linkConn) setDeadlines(t time.Time, read, write bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if read {
		c.read = t
	}
	if write {
		c.write = t
	}
	close(c.moved)
	c.moved = make(chan struct{})
}

func (c *linkConn) SetDeadline(t time.Time) error {
	c.setDeadlines(t, true, true)
	return c.Conn.SetDeadline(t)
}

func (c *linkConn) SetReadDeadline(t time.Time) error {
	c.setDeadlines(t, true, false)
	return c.Conn.SetReadDeadline(t)
}

func (c *linkConn) SetWriteDeadline(t time.Time) error {
	c.setDeadlines(t, false, true)
	return c.Conn.SetWriteDeadline(t)
}

// gossipLinks carries a node's gossip over links. A packet into a cut link is
// lost, as on a real network.
type gossipLinks struct {
	memberlist.NodeAwareTransport
	links *links
	node  string
}

// lost tells of a packet, which needs one direction only.
func (g gossipLinks) lost(addr string) bool {
	cut, _ := g.links.state(g.node, g.links.nodeAt(addr))
	return cut
}

// unreachable tells of a connection, which needs both.
func (g gossipLinks) unreachable(addr string) bool {
	back, _ := g.links.state(g.links.nodeAt(addr), g.node)
	return back || g.lost(addr)
}

var errLinkCut = errors.New("testcluster: the link is cut")

func (g gossipLinks) WriteTo(b []byte, addr string) (time.Time, error) {
	if g.lost(addr) {
		return time.Now(), nil
	}
	return g.NodeAwareTransport.WriteTo(b, addr)
}

func (g gossipLinks) WriteToAddress(b []byte, addr memberlist.Address) (time.Time, error) {
	if g.lost(addr.Addr) {
		return time.Now(), nil
	}
	return g.NodeAwareTransport.WriteToAddress(b, addr)
}

func (g gossipLinks) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	if g.unreachable(addr) {
		return nil, errLinkCut
	}
	return g.NodeAwareTransport.DialTimeout(addr, timeout)
}

func (g gossipLinks) DialAddressTimeout(addr memberlist.Address, timeout time.Duration) (net.Conn, error) {
	if g.unreachable(addr.Addr) {
		return nil, errLinkCut
	}
	return g.NodeAwareTransport.DialAddressTimeout(addr, timeout)
}
