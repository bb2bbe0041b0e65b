package node

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"

	"github.com/nixnode/nixnode/httpapi"
)

// listen takes the ports for clients and operators, and answers nobody yet.
func (n *Node) listen(context.Context) (_ func(), err error) {
	secure, err := n.tlsConfig()
	if err != nil {
		return nil, err
	}
	if n.doorSocket = n.opts.HTTPListener; n.doorSocket == nil {
		if n.doorSocket, err = net.Listen("tcp", n.cfg.HTTPAddr); err != nil {
			return nil, err
		}
	}
	n.url = n.publicURL(n.doorSocket, secure != nil)
	if secure != nil {
		n.doorSocket = tls.NewListener(n.doorSocket, secure)
	}
	if n.cfg.OpsAddr != "" {
		if n.opsSocket, err = net.Listen("tcp", n.cfg.OpsAddr); err != nil {
			_ = n.doorSocket.Close()
			return nil, err
		}
	}
	return n.closeSockets, nil
}

func (n *Node) closeSockets() {
	_ = n.doorSocket.Close()
	if n.opsSocket != nil {
		_ = n.opsSocket.Close()
	}
}

// openDoor begins to serve: whoever connects meets a node that can answer.
func (n *Node) openDoor(context.Context) (func(), error) {
	n.handler = httpapi.New(httpapi.Options{
		Service: httpapi.ForRelay(n.service), Ops: ops{n}, Logger: n.log,
		AllowOrigin: n.cfg.AllowOrigin, Plain: n.plainPolicy(), Now: n.opts.Now, Gatherer: n.metrics,
	})
	if err := n.registerMetrics(n.handler); err != nil {
		return nil, err
	}
	n.door = n.serve(n.doorSocket, n.handler)
	if n.opsSocket != nil {
		n.ops = n.serve(n.opsSocket, n.handler.OpsOnly())
	}
	return func() { n.breakDoor(); n.serving.Wait() }, nil
}

// plainPolicy is the rule of section 2 of the protocol page. Validate has held
// that an address off loopback has TLS or a proxy in front.
func (n *Node) plainPolicy() httpapi.Plain {
	switch loopback, _ := isLoopback(n.cfg.HTTPAddr); {
	case n.cfg.BehindProxy:
		return httpapi.PlainBehindProxy
	case loopback:
		return httpapi.PlainOnLoopback
	}
	return httpapi.PlainRefused
}

func (n *Node) publicURL(l net.Listener, secure bool) string {
	if n.cfg.PublicURL != "" {
		return n.cfg.PublicURL
	}
	if secure {
		return "https://" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}

func (n *Node) serve(l net.Listener, h http.Handler) *http.Server {
	s := httpapi.NewServer(h, n.log.With("component", "http"))
	n.serving.Go(func() {
		if err := s.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			n.log.Error("listener failed", "err", err)
		}
	})
	return s
}

// shutDoor lets requests finish for as long as ctx lasts, those on websockets too,
// then breaks what is left.
func (n *Node) shutDoor(ctx context.Context) {
	var sockets sync.WaitGroup
	sockets.Go(func() { n.handler.Shutdown(ctx) })
	if err := n.door.Shutdown(ctx); err != nil {
		n.log.Warn("requests were cut off", "err", err)
	}
	sockets.Wait()
	n.breakDoor()
	n.serving.Wait()
}

func (n *Node) breakDoor() {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	defer n.handler.Shutdown(now) // http.Server knows nothing of websockets
	_ = n.door.Close()
	if n.ops != nil {
		_ = n.ops.Close()
	}
}
