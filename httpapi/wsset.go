package httpapi

import (
	"context"
	"sync"

	"github.com/nixnode/nixnode/api"
)

// socketSet has the open websockets, of which http.Server knows nothing any more.
type socketSet struct {
	mu     sync.Mutex // never held while a socket is ended
	closed bool
	all    map[*socket]struct{}
	open   sync.WaitGroup
}

// add takes s in, unless no more are taken.
func (t *socketSet) add(s *socket) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.all[s] = struct{}{}
	t.open.Add(1)
	return true
}

func (t *socketSet) remove(s *socket) {
	t.mu.Lock()
	delete(t.all, s)
	t.mu.Unlock()
	t.open.Done()
}

func (t *socketSet) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

// close lets no more sockets in and gives those that are open.
func (t *socketSet) close() []*socket {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	left := make([]*socket, 0, len(t.all))
	for s := range t.all {
		left = append(left, s)
	}
	return left
}

// Shutdown ends what http.Server.Shutdown and Close do not know of: websockets.
// Each may finish what it was asked for, is told 60000 and closed with 1001; when
// ctx ends first, the rest is cut off. It returns when all are gone, and new ones
// are refused from its call on. It may be called more than once.
func (h *Handler) Shutdown(ctx context.Context) {
	left := h.sockets.close()
	for _, s := range left {
		if ctx.Err() != nil {
			break // they are cut off below
		}
		s.endWith(api.Errorf(api.CodeGoingDown, ""), frame{txnID: s.x.txnID})
	}
	defer context.AfterFunc(ctx, func() {
		for _, s := range left {
			s.cut()
		}
	})()
	h.sockets.open.Wait()
}
