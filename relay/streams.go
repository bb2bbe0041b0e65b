package relay

import (
	"slices"
	"sync"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
)

// streamTable has the open streams of this node, those of an identity, or of
// a customer's events, in the order in which they began.
type streamTable struct {
	mu     sync.Mutex // never held while ending or closing a stream
	closed bool
	byWho  map[address.Address][]*tap
	total  int
}

func newStreamTable() *streamTable {
	return &streamTable{byWho: map[address.Address][]*tap{}}
}

// add takes st in, and ends the oldest stream of its owner if there are too
// many. It reports whether streams are taken at all.
func (t *streamTable) add(st *tap) bool {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return false
	}
	of := append(t.byWho[st.who], st)
	t.total++
	var oldest *tap
	if len(of) > maxStreams {
		oldest, of = of[0], of[1:]
		t.total--
	}
	t.byWho[st.who] = of
	t.mu.Unlock()
	if oldest != nil {
		oldest.end(api.CodeTooManyStreams)
	}
	return true
}

func (t *streamTable) remove(st *tap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.byWho[st.who]
	i := slices.Index(of, st)
	if i < 0 {
		return
	}
	t.total--
	if len(of) == 1 {
		delete(t.byWho, st.who)
		return
	}
	t.byWho[st.who] = slices.Delete(of, i, i+1)
}

// close ends all streams and lets no further ones in.
func (t *streamTable) close() {
	t.mu.Lock()
	t.closed = true
	var all []*tap
	for _, of := range t.byWho {
		all = append(all, of...)
	}
	t.mu.Unlock()
	for _, st := range all {
		st.end(api.CodeGoingDown)
	}
}

func (t *streamTable) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}
