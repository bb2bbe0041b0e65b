package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/client"
)

// filePins remembers peers, each in a file of its own, so that programs that run
// at the same time do not undo each other's work.
type filePins struct {
	dir string
}

var _ client.PeerStore = filePins{}

func (f filePins) path(a address.Address) string { return filepath.Join(f.dir, a.Local()+".json") }

// Pinned implements client.PeerStore. An unreadable file is an error: taking it
// for none would let a server exchange the peer.
func (f filePins) Pinned(_ context.Context, a address.Address) (client.Pin, bool, error) {
	data, err := os.ReadFile(f.path(a))
	if errors.Is(err, os.ErrNotExist) {
		return client.Pin{}, false, nil
	}
	if err != nil {
		return client.Pin{}, false, err
	}
	var p client.Pin
	if err := json.Unmarshal(data, &p); err != nil || p.Root == "" {
		return client.Pin{}, false, fmt.Errorf("%s is not readable as the pin of a peer", f.path(a))
	}
	return p, true, nil
}

// Pin implements client.PeerStore.
func (f filePins) Pin(_ context.Context, a address.Address, p client.Pin) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	return writePrivate(f.path(a), data)
}
