package cluster

import (
	"context"
	"encoding/binary"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/nixnode/nixnode/address"
)

// caller makes one call to another node.
type caller func(ctx context.Context, addr, path string, body []byte) ([]byte, error)

// routes knows which addresses are listened to here and on the other nodes,
// and sends hints along. All of it is a guess that costs little when wrong.
type routes struct {
	self   string
	log    *slog.Logger
	spawn  func(func()) bool
	call   caller
	onHint func(Hint)
	local  *table

	// peers are the nodes that gossip knows. If both are needed, mu is taken
	// before a peer's.
	mu    sync.RWMutex
	peers map[string]*peer
}

func newRoutes(self string, log *slog.Logger, spawn func(func()) bool, call caller, onHint func(Hint)) *routes {
	return &routes{
		self: self, log: log, spawn: spawn, call: call, onHint: onHint,
		local: newTable(), peers: map[string]*peer{},
	}
}

// Listening tells the cluster that addr is (on its first listener) or is no
// longer (on its last) listened to on this node.
func (c *Cluster) Listening(addr address.Address, on bool) { c.routes.local.put(hashOf(addr), on) }

// ListenedElsewhere reports that another node is believed to hold a listener
// of addr.
func (c *Cluster) ListenedElsewhere(addr address.Address) bool {
	r, hash := c.routes, hashOf(addr)
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, p := range r.peers {
		if p.listens(hash) {
			return true
		}
	}
	return false
}

// Hint sends h to the nodes that are believed to hold a listener of h.To. It
// never blocks; what cannot be sent now is dropped. The message must not be
// changed afterwards.
func (c *Cluster) Hint(h Hint) {
	r, hash := c.routes, hashOf(h.To)
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, p := range r.peers {
		if p.listens(hash) {
			p.hints.put(h)
		}
	}
}

// heard takes what a node says of itself.
func (r *routes) heard(m nodeMeta) {
	if m.id == r.self {
		return
	}
	r.mu.Lock()
	p := r.peers[m.id]
	if p == nil {
		p = newPeer(r, m)
		started := r.spawn(p.pulling)
		if started && !r.spawn(p.hinting) {
			p.stop()
		}
		if !started {
			r.mu.Unlock()
			return
		}
		r.peers[m.id] = p
	}
	r.mu.Unlock()
	p.heard(m)
}

// gone takes that one run of a node is over.
func (r *routes) gone(m nodeMeta) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.peers[m.id]; p != nil && p.gone(m.epoch) {
		p.stop()
		delete(r.peers, m.id)
	}
}

// close ends what runs for the peers; nothing new is started by then.
func (r *routes) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, p := range r.peers {
		p.stop()
		delete(r.peers, id)
	}
}

// nodeAddr gives where a node says that it is, or "".
func (r *routes) nodeAddr(id string) string {
	r.mu.RLock()
	p := r.peers[id]
	r.mu.RUnlock()
	if p == nil {
		return ""
	}
	return p.said().nodeAddr
}

// knows reports that gossip hears of a node.
func (r *routes) knows(id string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.peers[id] != nil
}

func (r *routes) members() map[string]Member {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := map[string]Member{}
	for id, p := range r.peers {
		m := p.said()
		all[id] = Member{
			ID: id, NodeAddr: m.nodeAddr, HTTPAddr: m.httpAddr, Version: m.version,
			FeatureLevel: m.feature, Alive: true, Listeners: int(m.load),
		}
	}
	return all
}

// handlePull answers what has changed here since the place that is asked for.
func (r *routes) handlePull(_ context.Context, body []byte) ([]byte, error) {
	if len(body) != 16 {
		return nil, errBadCall
	}
	known := place{epoch: binary.BigEndian.Uint64(body), version: binary.BigEndian.Uint64(body[8:])}
	return r.local.since(known).encode(), nil
}

// handleHints rings for what another node sent.
func (r *routes) handleHints(_ context.Context, body []byte) ([]byte, error) {
	hints, err := decodeHints(body)
	if err != nil {
		return nil, err
	}
	for _, h := range hints {
		r.onHint(h)
	}
	return nil, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
