package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/jose"
)

// rotation is a change of keys that was begun but is not yet known to be done.
type rotation struct {
	keys   keys // the new ones
	sigJWS string
	encJWS string
	made   time.Time
}

// RotateKeys replaces both keys of the identity: the old signing key signs the
// new one and is refused everywhere from then on; the old encryption key is kept
// for reading.
//
// It is safe to be killed at any moment if save keeps id.Export(): it is called
// before the new keys are sent and again when the server has taken them, and an
// error of it stops the rotation. After an error or a restart, RotateKeys goes on
// with the rotation that was begun and finds out whether it had been done. save
// may be nil for identities that are not kept.
func (c *Client) RotateKeys(ctx context.Context, id *Identity, save func(*Identity) error) error {
	if save == nil {
		save = func(*Identity) error { return nil }
	}
	begun, err := c.beginRotation(id)
	if err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	if err := save(id); err != nil {
		return fmt.Errorf("rotate keys: save the new keys before they are sent: %w", err)
	}
	if err := c.sendRotation(ctx, id, begun); err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	id.endRotation(begun)
	if err := save(id); err != nil {
		return fmt.Errorf("rotate keys: done, but not saved as done: %w", err)
	}
	return nil
}

// beginRotation gives the rotation under way, or begins one. Tokens that became
// too old to be taken are made anew, over the same keys.
func (c *Client) beginRotation(id *Identity) (*rotation, error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.addr.IsZero() {
		return nil, ErrNotRegistered
	}
	now := c.now()
	if id.next != nil && now.Sub(id.next.made).Abs() < tokenLife {
		return id.next, nil
	}
	next := &rotation{made: now}
	var err error
	if id.next != nil {
		next.keys = id.next.keys
	} else if next.keys, err = newKeys(); err != nil {
		return nil, err
	}
	old := signer{addr: id.addr, full: id.full(), key: id.keys.sig}
	fresh := signer{addr: id.addr, full: id.full(), key: next.keys.sig}
	next.sigJWS, err = old.key.Sign(next.keys.sig.Public().JWK(), jose.SignOptions{
		Kid: old.kid(), Target: target(api.PathMeSigKey, api.FieldSigPubKey), IssuedAt: now,
	})
	if err != nil {
		return nil, err
	}
	next.encJWS, err = fresh.key.Sign(next.keys.enc.Public().JWK(), jose.SignOptions{
		Kid: fresh.kid(), Target: target(api.PathMeSigKey, api.FieldEncPubKey), IssuedAt: now,
	})
	if err != nil {
		return nil, err
	}
	id.next = next
	return next, nil
}

// sendRotation sends the tokens. When the server says that the old key is not
// current, the rotation may have been done by an earlier try: the new key being
// accepted tells.
func (c *Client) sendRotation(ctx context.Context, id *Identity, n *rotation) error {
	r := request{
		method: http.MethodPost, path: api.PathMeSigKey,
		body: fixed(api.SigKeyRequest{SigPubKey: n.sigJWS, EncPubKey: n.encJWS}),
	}
	_, err := c.askIdentity(ctx, id, r, "send the new keys")
	if err == nil || !hasCode(err, api.CodeKeyNotCurrent, api.CodeStaleToken) {
		return err
	}
	if done := c.proveRotation(ctx, id, n); done != nil {
		return errors.Join(err, done)
	}
	return nil
}

// proveRotation asks for the identity, signed with the new key.
func (c *Client) proveRotation(ctx context.Context, id *Identity, n *rotation) error {
	id.mu.RLock()
	trial := &Identity{addr: id.addr, host: id.host, keys: n.keys}
	id.mu.RUnlock()
	shown, err := c.Me(ctx, trial)
	if err != nil {
		return err
	}
	key, err := jose.ParsePublicKey(shown.SigPubKey, jose.Sig)
	if err != nil || key.Thumbprint() != n.keys.sig.Public().Thumbprint() {
		return fmt.Errorf("%w: the new key signs, but is not shown", ErrBadAnswer)
	}
	return nil
}

// endRotation makes the new keys the current ones.
func (id *Identity) endRotation(n *rotation) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.next != n { // another call has done it
		return
	}
	past := append([]jose.PrivateKey{id.keys.enc}, id.keys.past...)
	id.keys = n.keys
	id.keys.past = past
	id.next = nil
}

// RotateEncryptionKey replaces the encryption key alone, which the reference
// recommends to do often. save is called before the new key is sent, as in
// RotateKeys, and may be nil; the new key is kept for reading at once, and used
// for no more than that until the server has taken it.
func (c *Client) RotateEncryptionKey(ctx context.Context, id *Identity, save func(*Identity) error) error {
	if save == nil {
		save = func(*Identity) error { return nil }
	}
	fresh, err := jose.GenerateKey(jose.Enc)
	if err != nil {
		return fmt.Errorf("rotate encryption key: %w", err)
	}
	id.mu.Lock()
	id.keys.past = append([]jose.PrivateKey{fresh}, id.keys.past...)
	id.mu.Unlock()
	if err := save(id); err != nil {
		return fmt.Errorf("rotate encryption key: save it before it is sent: %w", err)
	}
	token, err := c.sign(id, api.PathMeEncKey, api.FieldEncPubKey, json.RawMessage(fresh.Public().JWK()))
	if err != nil {
		return fmt.Errorf("rotate encryption key: %w", err)
	}
	r := request{
		method: http.MethodPost, path: api.PathMeEncKey,
		body: fixed(api.EncKeyRequest{EncPubKey: token}),
	}
	if _, err := c.askIdentity(ctx, id, r, "rotate encryption key"); err != nil {
		return err
	}
	id.useEncryptionKey(fresh)
	return save(id)
}

// useEncryptionKey makes one of the keys kept for reading the current one.
func (id *Identity) useEncryptionKey(fresh jose.PrivateKey) {
	id.mu.Lock()
	defer id.mu.Unlock()
	for i, k := range id.keys.past {
		if k.Public().Thumbprint() == fresh.Public().Thumbprint() {
			id.keys.past[i], id.keys.enc = id.keys.enc, k
			return
		}
	}
}
