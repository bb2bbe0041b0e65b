package main

import (
	"context"
	"sync"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/client"
)

// vaultDesk is the vault of the demo: it takes a package from its author,
// publishes it to the reader, and denies requests once it is revoked.
type vaultDesk struct {
	vault          *party
	author, reader address.Address
	published      chan client.Result

	mu      sync.Mutex
	held    *client.Package
	revoked bool
	asked   map[string]bool // ids of the requests that reached the vault
}

func newVaultDesk(vault *party, author, reader address.Address) *vaultDesk {
	return &vaultDesk{
		vault: vault, author: author, reader: reader,
		published: make(chan client.Result, 1), asked: map[string]bool{},
	}
}

// serve works until ctx ends.
func (v *vaultDesk) serve(ctx context.Context, onConnect func(string)) error {
	s := client.Vault{
		Client: v.vault.Client, Identity: v.vault.id,
		OnPackage: v.take, OnRequest: v.answer, OnConnect: onConnect,
	}
	return s.Serve(ctx)
}

// take keeps the author's package and publishes it. It is called again for the
// same message when acknowledging it failed; it publishes once.
func (v *vaultDesk) take(ctx context.Context, given client.Message, p client.Package) error {
	v.mu.Lock()
	known := v.held != nil
	v.mu.Unlock()
	if known || given.From != v.author || p.ID != demoPackage {
		return nil
	}
	r, err := v.vault.Publish(ctx, v.vault.id, v.reader, p, client.PublishOptions{TTL: time.Hour})
	if err != nil {
		return err
	}
	v.mu.Lock()
	v.held = &p
	v.mu.Unlock()
	v.published <- r
	return nil
}

// answer decides on a request.
func (v *vaultDesk) answer(_ context.Context, request client.Message) (client.Package, time.Duration, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked[request.ID] = true
	switch {
	case v.revoked:
		return client.Package{}, 0, client.Refuse("access has been revoked")
	case v.held == nil || request.Kid != v.held.ID || request.From != v.reader:
		return client.Package{}, 0, client.Refuse("no such package for you")
	}
	return *v.held, time.Hour, nil
}

func (v *vaultDesk) revoke() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.revoked = true
}

// requests says how many requests have reached the vault.
func (v *vaultDesk) requests() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.asked)
}
