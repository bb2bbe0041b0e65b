package client

import (
	"context"
	"fmt"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/jose"
)

// Verification says how far the signature of a message was verified.
type Verification int

// The three outcomes. The zero value trusts nothing.
const (
	// Unverified: not verified; Message.Err has the reason.
	Unverified Verification = 0
	// VerifiedCurrent: signed with the key that is the sender's now.
	VerifiedCurrent Verification = 1
	// VerifiedPast: signed with a key that the sender has replaced since. The
	// server took it only while the key was current, on its word.
	VerifiedPast Verification = 2
)

// String gives one word.
func (v Verification) String() string {
	switch v {
	case VerifiedCurrent:
		return "current"
	case VerifiedPast:
		return "past"
	}
	return "unverified"
}

// verify checks a token's signature against its signer's chain of keys. A key
// that the chain at hand lacks may be newer than it, so a cached chain is asked
// for again then. Errors: ErrUnverified with the cause.
func (c *Client) verify(ctx context.Context, t *jose.Token) (Verification, error) {
	if t.Key.Address.IsZero() {
		return Unverified, fmt.Errorf("%w: the signer is not named", ErrUnverified)
	}
	p, cached, err := c.peer(ctx, t.Key.Address)
	if err != nil {
		return Unverified, fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	key, current, ok := p.keyFor(t)
	if !ok && cached {
		if p, err = c.Peer(ctx, t.Key.Address); err != nil {
			return Unverified, fmt.Errorf("%w: %w", ErrUnverified, err)
		}
		key, current, ok = p.keyFor(t)
	}
	if !ok {
		return Unverified, fmt.Errorf("%w: %w", ErrUnverified, jose.ErrKeyNotCurrent)
	}
	if err := t.Verify(key); err != nil {
		return Unverified, fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	if current {
		return VerifiedCurrent, nil
	}
	return VerifiedPast, nil
}

// verifyData gives the payload of a data token, and nil when its owner signed it
// for that name.
func (c *Client) verifyData(ctx context.Context, owner address.Address, name, raw string) ([]byte, error) {
	d, _ := c.home.get()
	t, err := jose.ParseToken(raw, d)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	if t.Key.Address != owner {
		return t.Payload, fmt.Errorf("%w: signed by another identity", ErrUnverified)
	}
	// Clients of 2019 store recovery data by its other path (section 5).
	longPath := api.PathIdentity + "/me/data/" + name
	if t.CheckTarget(dataPath("me", name), api.FieldJWS) != nil && t.CheckTarget(longPath, api.FieldJWS) != nil {
		return t.Payload, fmt.Errorf("%w: %w", ErrUnverified, jose.ErrTarget)
	}
	_, err = c.verify(ctx, t)
	return t.Payload, err
}
