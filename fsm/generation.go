package fsm

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// generation is one store on disk. A Restore begins a new one; the one before
// lives until the last View of it is closed.
type generation struct {
	m    *Machine
	name string
	db   *pebble.DB
	gone chan struct{} // closed when db is; err is set before
	err  error

	mu       sync.Mutex // guards the two below
	refs     int        // the machine's own is one of them
	obsolete bool       // remove the directory at the end
}

// openGeneration opens the store of that name and reads its state. Unless it is
// to be made, it must be there: an empty one in its place would be a loss.
func (m *Machine) openGeneration(name string, create bool) (*generation, state, error) {
	o := m.storeOptions()
	o.ErrorIfNotExists, o.ErrorIfExists = !create, create
	db, err := pebble.Open(m.dirs.path(name), o)
	if err != nil {
		return nil, state{}, fmt.Errorf("open the store: %w", err)
	}
	st, err := initialise(db)
	if err != nil {
		return nil, state{}, errors.Join(err, db.Close())
	}
	return &generation{m: m, name: name, db: db, gone: make(chan struct{}), refs: 1}, st, nil
}

// retain takes a reference and reports whether the store is still open.
func (g *generation) retain() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refs == 0 {
		return false
	}
	g.refs++
	return true
}

// release gives a reference back; the last one closes the store.
func (g *generation) release() {
	g.mu.Lock()
	g.refs--
	last, obsolete := g.refs == 0, g.obsolete
	g.mu.Unlock()
	if !last {
		return
	}
	if err := g.db.Close(); err != nil {
		g.err = fmt.Errorf("fsm: close: %w", err)
	}
	if obsolete {
		// What stays because of an error is removed by the next Open.
		if err := g.m.opts.FS.RemoveAll(g.m.dirs.path(g.name)); err != nil {
			g.m.opts.Logger.Warn("an old store could not be removed", "error", err)
		}
	}
	close(g.gone)
}

// retire says that the store is replaced, and gives up the machine's reference.
func (g *generation) retire() {
	g.mu.Lock()
	g.obsolete = true
	g.mu.Unlock()
	g.release()
}
