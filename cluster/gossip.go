package cluster

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	gossipInterval = 50 * time.Millisecond  // how often news is passed on
	metaPause      = 200 * time.Millisecond // between two changes of our own news
	joinPause      = 250 * time.Millisecond // between looks for nodes not heard of
	goodbye        = 300 * time.Millisecond // for telling the others that we go
	maxName        = 100                    // bytes of each name in our news
)

// gossip is this node's membership. Each run of a node is a member of its own
// (the name holds the table's epoch), so that a quick restart is news and not
// a conflict with the run before.
type gossip struct{ list *memberlist.Memberlist }

func (c *Cluster) openGossip() error {
	logger := memberlistLogger(c.log.With("part", "gossip"))
	host, port, err := net.SplitHostPort(c.cfg.GossipAddr)
	if err != nil {
		return fmt.Errorf("cluster: gossip: %w", err)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("cluster: gossip: port: %w", err)
	}
	bare, err := listenGossip(&memberlist.NetTransportConfig{BindAddrs: []string{host}, BindPort: int(number), Logger: logger})
	if err != nil {
		return fmt.Errorf("cluster: gossip: %w", err)
	}
	var wrapped memberlist.NodeAwareTransport = bare
	if c.cfg.WrapGossip != nil {
		wrapped = c.cfg.WrapGossip(bare)
	}
	config := memberlist.DefaultLANConfig()
	at, _ := c.routes.local.now()
	config.Name = fmt.Sprintf("%s.%016x", c.cfg.NodeID, at.epoch)
	config.Transport = wrapped
	config.Label = hex.EncodeToString(c.cfg.Tag[:])
	config.Logger = logger
	config.GossipInterval = gossipInterval
	config.TCPTimeout = 2 * time.Second
	config.PushPullInterval = 15 * time.Second
	config.EnableCompression = false
	config.Delegate = delegate{c}
	config.Events = delegate{c}
	list, err := memberlist.Create(config)
	if err != nil {
		_ = wrapped.Shutdown()
		return fmt.Errorf("cluster: gossip: %w", err)
	}
	g := &gossip{list: list}
	c.gossip.Store(g)
	c.spawn(func() { c.joinOthers(g) })
	c.spawn(func() { c.tellChanges(g) })
	return nil
}

// listenGossip opens TCP and UDP on one port. If the port is any, the one that
// TCP was given may be taken for UDP, so it is tried again.
func listenGossip(config *memberlist.NetTransportConfig) (t *memberlist.NetTransport, err error) {
	for range 10 {
		if t, err = memberlist.NewNetTransport(config); err == nil || config.BindPort != 0 {
			break
		}
	}
	return t, err
}

func (g *gossip) addr() string { return g.list.LocalNode().Address() }

// close leaves; abruptly, it tells nobody.
func (g *gossip) close(abrupt bool) {
	if !abrupt {
		_ = g.list.Leave(goodbye) // whoever was not told finds out
	}
	_ = g.list.Shutdown() // it has nothing to say about a transport that is gone
}

// joinOthers looks for the nodes we were told of and do not hear of.
func (c *Cluster) joinOthers(g *gossip) {
	tick := time.NewTicker(joinPause)
	defer tick.Stop()
	for {
		for _, p := range c.cfg.Peers {
			if p.ID == c.cfg.NodeID || c.routes.knows(p.ID) {
				continue
			}
			if addr := c.gossipAddrOf(p); addr != "" {
				_, _ = g.list.Join([]string{addr}) // tried again at the next tick
			}
		}
		select {
		case <-tick.C:
		case <-c.ctx.Done():
			return
		}
	}
}

// gossipAddrOf gives where a node gossips: as we were told, or as it says.
func (c *Cluster) gossipAddrOf(p Peer) string {
	if p.GossipAddr != "" {
		return p.GossipAddr
	}
	ctx, cancel := context.WithTimeout(c.ctx, pullLimit)
	defer cancel()
	answer, err := c.call(ctx, p.NodeAddr, pathGossip, nil)
	if err != nil {
		return ""
	}
	return string(answer)
}

func (c *Cluster) handleGossip(context.Context, []byte) ([]byte, error) {
	return []byte(c.GossipAddr()), nil
}

// tellChanges passes on, at most every metaPause, that our table has changed.
func (c *Cluster) tellChanges(g *gossip) {
	for {
		select {
		case <-c.routes.local.changed:
		case <-c.ctx.Done():
			return
		}
		if err := g.list.UpdateNode(metaPause); err != nil {
			c.log.Debug("gossip is slow", "error", err)
		}
		select {
		case <-time.After(metaPause):
		case <-c.ctx.Done():
			return
		}
	}
}

// self is what this node says of itself.
func (c *Cluster) self() nodeMeta {
	at, size := c.routes.local.now()
	return nodeMeta{
		epoch: at.epoch, table: at.version, feature: c.cfg.FeatureLevel, load: uint32(size),
		id: c.cfg.NodeID, nodeAddr: c.transport.Addr(), httpAddr: c.cfg.HTTPAddr, version: c.cfg.Version,
	}
}

// delegate is what memberlist calls. It holds locks meanwhile, so nothing here
// waits or calls back.
type delegate struct{ c *Cluster }

func (d delegate) NodeMeta(int) []byte             { return d.c.self().encode() }
func (d delegate) NotifyMsg([]byte)                {}
func (d delegate) GetBroadcasts(int, int) [][]byte { return nil }
func (d delegate) LocalState(bool) []byte          { return nil }
func (d delegate) MergeRemoteState([]byte, bool)   {}
func (d delegate) NotifyJoin(n *memberlist.Node)   { d.heard(n) }
func (d delegate) NotifyUpdate(n *memberlist.Node) { d.heard(n) }

func (d delegate) NotifyLeave(n *memberlist.Node) {
	if m, err := decodeMeta(n.Meta); err == nil {
		d.c.routes.gone(m)
	}
}

func (d delegate) heard(n *memberlist.Node) {
	m, err := decodeMeta(n.Meta)
	if err != nil {
		d.c.log.Warn("a node's news is unreadable", "member", n.Name, "error", err)
		return
	}
	d.c.routes.heard(m)
}

// nodeMeta is the news that gossip carries of one run of a node.
type nodeMeta struct {
	epoch, table  uint64 // the place of its routing table
	feature, load uint32 // level of features; addresses listened to
	id, nodeAddr  string
	httpAddr      string
	version       string
}

const metaVersion byte = 1

// encode: version, the numbers big endian, four strings of counted length.
// With names of at most maxName bytes it stays within memberlist's 512.
func (m nodeMeta) encode() []byte {
	b := []byte{metaVersion}
	b = binary.BigEndian.AppendUint64(b, m.epoch)
	b = binary.BigEndian.AppendUint64(b, m.table)
	b = binary.BigEndian.AppendUint32(b, m.feature)
	b = binary.BigEndian.AppendUint32(b, m.load)
	for _, s := range []string{m.id, m.nodeAddr, m.httpAddr, m.version} {
		b = append(b, byte(len(s)))
		b = append(b, s...)
	}
	return b
}

// decodeMeta reads what encode makes, or fails with errBadCall.
func decodeMeta(b []byte) (m nodeMeta, err error) {
	bad := fmt.Errorf("%w: news of a node", errBadCall)
	if len(b) < 25 || b[0] != metaVersion {
		return nodeMeta{}, bad
	}
	m.epoch, m.table = binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[9:])
	m.feature, m.load = binary.BigEndian.Uint32(b[17:]), binary.BigEndian.Uint32(b[21:])
	b = b[25:]
	for _, s := range []*string{&m.id, &m.nodeAddr, &m.httpAddr, &m.version} {
		if len(b) < 1 || int(b[0]) > min(maxName, len(b)-1) {
			return nodeMeta{}, bad
		}
		n := 1 + int(b[0])
		*s, b = string(b[1:n]), b[n:]
	}
	if len(b) > 0 || m.id == "" {
		return nodeMeta{}, bad
	}
	return m, nil
}
