package cluster

import (
	"context"
	"encoding/binary"
	"sync"
	"time"
)

const (
	pullLimit = time.Second            // one pull
	pullPause = 100 * time.Millisecond // before it is tried again
	hintLimit = time.Second            // one delivery of hints
)

// peer is another node as gossip knows it. Two goroutines belong to it: one
// keeps our copy of its table, one sends it hints.
type peer struct {
	routes *routes
	hints  hintQueue
	pull   chan struct{} // has room for one
	ctx    context.Context
	stop   context.CancelFunc

	mu   sync.Mutex
	runs map[uint64]nodeMeta // what each of its runs says; a restart overlaps
	last nodeMeta            // what was heard last
	at   place               // of its table, as we know it
	set  map[uint64]struct{}
}

func newPeer(r *routes, m nodeMeta) *peer {
	p := &peer{
		routes: r, pull: make(chan struct{}, 1), last: m,
		runs: map[uint64]nodeMeta{}, set: map[uint64]struct{}{},
	}
	p.hints.ready = make(chan struct{}, 1)
	p.ctx, p.stop = context.WithCancel(context.Background())
	return p
}

func (p *peer) heard(m nodeMeta) {
	p.mu.Lock()
	p.runs[m.epoch], p.last = m, m
	behind := p.at.epoch != m.epoch || p.at.version < m.table
	p.mu.Unlock()
	if behind {
		p.wantPull()
	}
}

// gone forgets one run, and reports that it was the last.
func (p *peer) gone(epoch uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.runs, epoch)
	for _, m := range p.runs {
		p.last = m
		p.wantPull()
	}
	return len(p.runs) == 0
}

func (p *peer) said() nodeMeta {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

func (p *peer) listens(hash uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.set[hash]
	return ok
}

func (p *peer) wantPull() {
	select {
	case p.pull <- struct{}{}:
	default:
	}
}

// pulling keeps our copy of the table up to date.
func (p *peer) pulling() {
	for {
		select {
		case <-p.pull:
		case <-p.ctx.Done():
			return
		}
		if p.pullOnce() == nil {
			continue
		}
		select {
		case <-time.After(pullPause):
			p.wantPull()
		case <-p.ctx.Done():
			return
		}
	}
}

// pullOnce asks for what has changed since what we know.
func (p *peer) pullOnce() error {
	p.mu.Lock()
	known, addr := p.at, p.last.nodeAddr
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(p.ctx, pullLimit)
	defer cancel()
	body := binary.BigEndian.AppendUint64(nil, known.epoch)
	answer, err := p.routes.call(ctx, addr, pathRoutes, binary.BigEndian.AppendUint64(body, known.version))
	if err != nil {
		return err
	}
	u, err := decodeUpdate(answer)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if u.full {
		p.set = make(map[uint64]struct{}, len(u.added))
	}
	for _, hash := range u.added {
		p.set[hash] = struct{}{}
	}
	for _, hash := range u.removed {
		delete(p.set, hash)
	}
	p.at = u.at
	return nil
}

// hinting sends what waits, all of it in one call.
func (p *peer) hinting() {
	for {
		select {
		case <-p.hints.ready:
		case <-p.ctx.Done():
			return
		}
		for batch := p.hints.take(); batch != nil; batch = p.hints.take() {
			ctx, cancel := context.WithTimeout(p.ctx, hintLimit)
			_, err := p.routes.call(ctx, p.said().nodeAddr, pathHints, encodeHints(batch))
			cancel()
			if err != nil && p.ctx.Err() == nil {
				p.routes.log.Debug("hints were not delivered", "to", p.said().id, "error", err)
			}
		}
	}
}
