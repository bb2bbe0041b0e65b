package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
)

// Me gives the identity as the server has it, the private part included.
func (c *Client) Me(ctx context.Context, id *Identity) (api.Identity, error) {
	r := c.proven(id, api.PathMe, nil)
	r.reads = true
	return c.askIdentity(ctx, id, r, "me")
}

// UpdateMeta replaces the public and the private metadata.
func (c *Client) UpdateMeta(ctx context.Context, id *Identity, m Metadata) (api.Identity, error) {
	public, err := c.sign(id, api.PathMeMeta, api.FieldMetaPublic, m.public())
	if err != nil {
		return api.Identity{}, fmt.Errorf("update metadata: %w", err)
	}
	private, err := c.sign(id, api.PathMeMeta, api.FieldMetaPrivate, m.private())
	if err != nil {
		return api.Identity{}, fmt.Errorf("update metadata: %w", err)
	}
	r := request{method: http.MethodPost, path: api.PathMeMeta, body: fixed(api.MetaRequest{MetaPublic: public, MetaPrivate: private})}
	return c.askIdentity(ctx, id, r, "update metadata")
}

// askIdentity makes a call that answers with the identity itself.
func (c *Client) askIdentity(ctx context.Context, id *Identity, r request, what string) (api.Identity, error) {
	var shown api.Identity
	if _, err := c.callInto(ctx, r, &shown); err != nil {
		return api.Identity{}, fmt.Errorf("%s: %w", what, err)
	}
	if a, err := c.identityAddress(shown.Address); err != nil || a != id.Address() {
		return api.Identity{}, fmt.Errorf("%s: %w: about another identity", what, ErrBadAnswer)
	}
	return shown, nil
}

// SetMembers replaces the members of a route or group (section 8).
func (c *Client) SetMembers(ctx context.Context, id *Identity, members ...address.Address) error {
	full := make([]string, len(members))
	for i, m := range members {
		full[i] = c.home.full(m)
	}
	token, err := c.sign(id, api.PathMeMembers, api.FieldMembers, full)
	if err != nil {
		return fmt.Errorf("set members: %w", err)
	}
	r := request{method: http.MethodPost, path: api.PathMeMembers, body: fixed(api.MembersRequest{Members: token})}
	if _, err := c.call(ctx, r); err != nil {
		return fmt.Errorf("set members: %w", err)
	}
	return nil
}

// Retire ends the identity for good: its mailbox, data and cached packages are
// gone. An identity that is retired already is no error.
func (c *Client) Retire(ctx context.Context, id *Identity) error {
	_, err := c.call(ctx, c.proven(id, api.PathMeRetire, nil))
	if err != nil && !hasCode(err, api.CodeRetiredIdentity) {
		return fmt.Errorf("retire: %w", err)
	}
	return nil
}

// StoreData keeps a named item with the identity: jwe, encrypted by the caller,
// with Identity.Encrypt or with a key from outside (for recovery). Names are of
// [A-Za-z0-9_-]{1,64}; the name "recovery" is the recovery data of section 5.
func (c *Client) StoreData(ctx context.Context, id *Identity, name, jwe string) error {
	path := dataPath("me", name)
	token, err := c.sign(id, path, api.FieldJWS, api.DataPayload{Name: name, JWE: jwe})
	if err != nil {
		return fmt.Errorf("store data: %w", err)
	}
	r := request{method: http.MethodPost, path: path, body: fixed(api.DataRequest{JWS: token})}
	if _, err := c.call(ctx, r); err != nil {
		return fmt.Errorf("store data: %w", err)
	}
	return nil
}

// recoveryName is the item that has a path of its own.
const recoveryName = "recovery"

func dataPath(who, name string) string {
	if name == recoveryName {
		return api.PathIdentity + "/" + who + "/recovery"
	}
	return api.PathIdentity + "/" + who + "/data/" + name
}

// Data is a stored item.
type Data struct {
	Name    string
	JWE     string
	Updated string // unix seconds
	// Err is nil when a key of the owner's chain signed the item for this place;
	// else it is ErrUnverified with the reason. Whoever recovers an identity may
	// have nothing but the encryption to go by.
	Err error
}

// LoadData gives a named item of an identity as it was stored.
func (c *Client) LoadData(ctx context.Context, owner address.Address, name string) (Data, error) {
	r := request{method: http.MethodGet, path: dataPath(owner.Local(), name), reads: true}
	var got api.Data
	if _, err := c.callInto(ctx, r, &got); err != nil {
		return Data{}, fmt.Errorf("load data: %w", err)
	}
	payload, verified := c.verifyData(ctx, owner, name, got.JWS)
	var p api.DataPayload
	if err := json.Unmarshal(payload, &p); err != nil || p.Name != name {
		return Data{}, fmt.Errorf("load data: %w: not the item of that name", ErrBadAnswer)
	}
	return Data{Name: p.Name, JWE: p.JWE, Updated: got.Updated, Err: verified}, nil
}
