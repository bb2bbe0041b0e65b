package client

import (
	"context"
	"fmt"
	"time"

	"github.com/nixnode/nixnode/address"
)

// PublishOptions are the lesser matters of Publish.
type PublishOptions struct {
	TTL    time.Duration // how long it is cached and kept; DefaultTTL if zero
	RespTo string        // id of the request that it answers
}

// Publish sends a content package from a vault to a reader, encrypted to the
// reader's current key. The cluster caches it: the reader's requests for it are
// answered without the vault until it expires or is cleared (section 7).
func (c *Client) Publish(ctx context.Context, vault *Identity, reader address.Address, p Package, o PublishOptions) (Result, error) {
	content, err := p.encode()
	if err != nil {
		return Result{}, fmt.Errorf("publish: %w", err)
	}
	return c.sendOne(ctx, vault, Outgoing{
		Type: TypePublish, To: reader, Kid: p.ID, RespTo: o.RespTo, TTL: o.TTL, Content: content,
	})
}

// Give sends a content package from its author to a vault, in an encrypted
// message, for the vault to decide who may read it.
func (c *Client) Give(ctx context.Context, author *Identity, vault address.Address, p Package, ttl time.Duration) (Result, error) {
	content, err := p.encode()
	if err != nil {
		return Result{}, fmt.Errorf("give: %w", err)
	}
	return c.sendOne(ctx, author, Outgoing{Type: TypeEncrypted, To: vault, Kid: p.ID, TTL: ttl, Content: content})
}

// Clear revokes a package: it leaves the cache and the reader's mailbox, and the
// reader is told to destroy its copy. From the vault to itself it is revoked for
// all readers at once. An empty packageID revokes all that the vault published to
// the reader. Once Clear has returned without an error, no request that starts
// later is answered from the cache. Result.Cleared says how many were removed.
func (c *Client) Clear(ctx context.Context, vault *Identity, reader address.Address, packageID string) (Result, error) {
	return c.sendOne(ctx, vault, Outgoing{Type: TypeClear, To: reader, Kid: packageID})
}

// Deny answers a request with no. The reason is readable by the cluster.
func (c *Client) Deny(ctx context.Context, vault *Identity, request Message, reason string) (Result, error) {
	m := Outgoing{Type: TypeDeny, To: request.From, Kid: request.Kid, RespTo: request.ID}
	if reason != "" {
		m.Body = map[string]any{reasonField: reason}
	}
	return c.sendOne(ctx, vault, m)
}

// reasonField of the body of a deny says why (section 7).
const reasonField = "reason"

// sendOne sends a single message.
func (c *Client) sendOne(ctx context.Context, from *Identity, m Outgoing) (Result, error) {
	results, err := c.Send(ctx, from, m)
	if len(results) == 0 {
		return Result{}, err
	}
	return results[0], err
}
