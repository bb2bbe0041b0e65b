package client

import (
	"context"
	"fmt"
	"sync"

	"github.com/nixnode/nixnode/address"
)

// Pin is what is remembered of a peer: thumbprints of its signing keys.
type Pin struct {
	Root   string // the first key, which never changes
	Latest string // the current key when the peer was last looked at
}

// PeerStore remembers peers, so that a server cannot exchange one for another
// unnoticed after it was seen first. It must be safe for concurrent use.
type PeerStore interface {
	// Pinned gives what is remembered of a, and false when there is nothing.
	Pinned(ctx context.Context, a address.Address) (Pin, bool, error)
	// Pin remembers p for a, in place of what was remembered before.
	Pin(ctx context.Context, a address.Address, p Pin) error
}

// MemoryPins is a PeerStore that lasts as long as the program.
type MemoryPins struct {
	mu   sync.Mutex
	pins map[address.Address]Pin
}

var _ PeerStore = (*MemoryPins)(nil)

// NewMemoryPins makes an empty MemoryPins.
func NewMemoryPins() *MemoryPins { return &MemoryPins{pins: map[address.Address]Pin{}} }

// Pinned implements PeerStore.
func (m *MemoryPins) Pinned(_ context.Context, a address.Address) (Pin, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.pins[a]
	return p, ok, nil
}

// Pin implements PeerStore.
func (m *MemoryPins) Pin(_ context.Context, a address.Address, p Pin) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pins[a] = p
	return nil
}

// checkPin demands that the chain of p continues what is remembered of it: it
// begins with the same root, and the key that was the latest is still in it (a
// server that shows an older or another branch is refused as well).
// Errors: ErrPeerChanged.
func (c *Client) checkPin(ctx context.Context, p Peer) error {
	root, latest := p.keys[0].Thumbprint(), p.SigningKey().Thumbprint()
	known, ok, err := c.cfg.Pins.Pinned(ctx, p.Address)
	if err != nil {
		return fmt.Errorf("read the pin of a peer: %w", err)
	}
	if ok && known.Root != root {
		return fmt.Errorf("%w: another first key", ErrPeerChanged)
	}
	if ok && !p.hasKey(known.Latest) {
		return fmt.Errorf("%w: a key seen before is missing", ErrPeerChanged)
	}
	if pin := (Pin{Root: root, Latest: latest}); !ok || pin != known {
		if err := c.cfg.Pins.Pin(ctx, p.Address, pin); err != nil {
			return fmt.Errorf("pin a peer: %w", err)
		}
	}
	return nil
}
