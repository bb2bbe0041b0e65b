package client

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/jose"
)

// Kinds of identities (section 5, "identityType").
const (
	KindApp   = "app"
	KindGroup = "group"
	KindRoute = "route"
	KindUser  = "user"
	KindVault = "vault"
)

// Metadata is what an identity says of itself.
type Metadata struct {
	Kind    string         // one of the kinds above, or empty
	Public  map[string]any // shown to everybody, beside the kind
	Private map[string]any // shown to the identity alone; the cluster can read it
}

func (m Metadata) public() map[string]any {
	all := maps.Clone(m.Public)
	if all == nil {
		all = map[string]any{}
	}
	if m.Kind != "" {
		all["identityType"] = m.Kind
	}
	return all
}

func (m Metadata) private() map[string]any {
	if m.Private == nil {
		return map[string]any{}
	}
	return m.Private
}

// registration is a registration that was begun: sent again, it must be the same
// tokens, or the server takes it for somebody else's attempt (40902).
type registration struct {
	Request api.RegisterRequest `json:"request"`
	Made    time.Time           `json:"made"`
}

// tokenLife is how long tokens with a target can be sent: the server takes them
// for 300 s, of which some are left for clocks that differ.
const tokenLife = 4 * time.Minute

// Register gives the identity its address. When it fails with ErrOutcomeUnknown,
// calling it again within four minutes repeats the same registration; the
// identity keeps the tokens for that, in Export too. Afterwards, a new identity is
// the way on: nobody knows the address of the old one.
// Errors: ErrAlreadyRegistered, ErrOutcomeUnknown, *api.Error.
func (c *Client) Register(ctx context.Context, id *Identity, m Metadata) (api.Identity, error) {
	req, err := c.beginRegistration(id, m)
	if err != nil {
		return api.Identity{}, fmt.Errorf("register: %w", err)
	}
	r := request{method: http.MethodPost, path: api.PathIdentity, body: fixed(req)}
	var shown api.Identity
	if _, err := c.callInto(ctx, r, &shown); err != nil {
		return api.Identity{}, fmt.Errorf("register: %w", err)
	}
	if err := c.endRegistration(id, shown); err != nil {
		return api.Identity{}, fmt.Errorf("register: %w", err)
	}
	return shown, nil
}

// beginRegistration gives the request to send: the one begun before as long as
// it can be taken, else a new one.
func (c *Client) beginRegistration(id *Identity, m Metadata) (api.RegisterRequest, error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if !id.addr.IsZero() {
		return api.RegisterRequest{}, ErrAlreadyRegistered
	}
	now := c.now()
	if r := id.registration; r != nil && now.Sub(r.Made).Abs() < tokenLife {
		return r.Request, nil
	}
	req := api.RegisterRequest{SigPubKey: id.keys.sig.Public().JWK()}
	for _, f := range []struct {
		field   string
		payload any
		token   *string
	}{
		{api.FieldEncPubKey, json.RawMessage(id.keys.enc.Public().JWK()), &req.EncPubKey},
		{api.FieldMetaPublic, m.public(), &req.MetaPublic},
		{api.FieldMetaPrivate, m.private(), &req.MetaPrivate},
	} {
		payload, err := json.Marshal(f.payload)
		if err != nil {
			return api.RegisterRequest{}, fmt.Errorf("%s: %w", f.field, err)
		}
		*f.token, err = id.keys.sig.Sign(payload, jose.SignOptions{
			Kid: "/" + id.keys.sig.Public().Thumbprint(), Target: target(api.PathIdentity, f.field), IssuedAt: now,
		})
		if err != nil {
			return api.RegisterRequest{}, err
		}
	}
	id.registration = &registration{Request: req, Made: now}
	return req, nil
}

// endRegistration takes the address from the server's answer, if the answer is
// about this identity's key.
func (c *Client) endRegistration(id *Identity, shown api.Identity) error {
	c.home.learn(shown.Address)
	a, err := c.identityAddress(shown.Address)
	if err != nil {
		return err
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	key, err := jose.ParsePublicKey(shown.SigPubKey, jose.Sig)
	if err != nil || key.Thumbprint() != id.keys.sig.Public().Thumbprint() {
		return fmt.Errorf("%w: registered with another key", ErrBadAnswer)
	}
	_, host, _ := strings.Cut(c.home.full(a), "@")
	id.addr, id.host, id.registration = a, host, nil
	return nil
}

// identityAddress reads the address in a server's answer, which is in full form.
func (c *Client) identityAddress(full string) (address.Address, error) {
	d, known := c.home.get()
	a, err := d.ParseType(full, address.Identity)
	if err != nil || !known {
		return address.Address{}, fmt.Errorf("%w: not the full address of an identity of this cluster", ErrBadAnswer)
	}
	return a, nil
}
