package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
)

// RequestOptions are the lesser matters of Request.
type RequestOptions struct {
	// NoCache asks the vault itself, whatever is cached.
	NoCache bool
	// Wait lets the server hold the call until the vault answers, at most so long
	// (60 s at most, whole seconds). Await waits longer, and over broken connections.
	Wait time.Duration
	TTL  time.Duration // how long the vault has to answer; DefaultTTL if zero
}

// Answer is what a request has come to.
type Answer struct {
	Vault     address.Address
	PackageID string
	RequestID string // id of the request; the answer's RespTo unless it came from the cache

	// Pending: the vault has not answered yet; see Await.
	Pending bool
	// FromCache: the cluster answered, and the vault was not asked.
	FromCache bool
	// Package is what was asked for, opened. It is nil while Pending, and when the
	// vault answered with something else (Message has it).
	Package *Package
	// Message brought the answer.
	Message Message
}

// Request asks a vault for a content package. The answer is there at once when
// the package is cached for the reader, else it is Pending. What the cluster
// hands out is only believed when the vault signed it, for this reader and this
// id. Errors: ErrDenied (*DeniedError), ErrUnverified, ErrPackage,
// ErrOutcomeUnknown, *api.Error.
func (c *Client) Request(ctx context.Context, reader *Identity, vault address.Address, packageID string, o RequestOptions) (Answer, error) {
	a := Answer{Vault: vault, PackageID: packageID, Pending: true}
	prepared, err := c.Prepare(ctx, reader, Outgoing{Type: TypeRequest, To: vault, Kid: packageID, NoCache: o.NoCache, TTL: o.TTL})
	if err != nil {
		return a, fmt.Errorf("request: %w", err)
	}
	a.RequestID = prepared[0].ID
	wait := min(max(o.Wait, 0), api.MaxWaitSeconds*time.Second)
	results, err := c.sendAndWait(ctx, wait, prepared)
	if err != nil {
		return a, fmt.Errorf("request: %w", err)
	}
	r := results[0]
	a.FromCache = r.Code == api.CodeServedFromCache
	for _, line := range r.Lines {
		m, err := c.receive(ctx, line)
		if err != nil {
			return a, fmt.Errorf("request: %w", err)
		}
		if a.FromCache || m.RespTo == a.RequestID {
			return a.take(reader, m)
		}
	}
	if a.FromCache {
		return a, fmt.Errorf("request: %w: served from the cache without a package", ErrBadAnswer)
	}
	return a, nil
}

// Await waits for the answer to a pending request, on a listen stream of the
// reader. The answer stays in the mailbox. Errors: as Request, and the context's.
func (c *Client) Await(ctx context.Context, reader *Identity, pending Answer) (Answer, error) {
	if !pending.Pending {
		return pending, nil
	}
	o := ListenOptions{Filter: Filter{From: pending.Vault}}
	for m, err := range c.Listen(ctx, reader, o) {
		if err != nil {
			return pending, fmt.Errorf("await: %w", err)
		}
		if m.RespTo == pending.RequestID && m.From == pending.Vault {
			return pending.take(reader, m)
		}
	}
	return pending, ctx.Err()
}

// take judges the message that claims to be the answer.
func (a Answer) take(reader *Identity, m Message) (Answer, error) {
	a.Message = m
	switch {
	case m.Verified == Unverified:
		return a, fmt.Errorf("answer: %w", m.unverified())
	case m.From != a.Vault || m.To != reader.Address():
		return a, fmt.Errorf("answer: %w: from or to somebody else", ErrUnverified)
	case a.FromCache && m.Type != TypePublish:
		return a, fmt.Errorf("answer: %w: the cache gave something that is no package", ErrBadAnswer)
	case m.Type == TypePublish && m.Kid != a.PackageID:
		return a, fmt.Errorf("answer: %w: another package than the one asked for", ErrPackage)
	}
	a.Pending = false
	switch m.Type {
	case TypePublish:
		p, err := m.Package(reader)
		if err != nil {
			return a, fmt.Errorf("answer: %w", err)
		}
		a.Package = &p
	case TypeDeny:
		return a, denied(m)
	}
	return a, nil
}

// denied makes the error of a deny message.
func denied(m Message) error {
	var body map[string]json.RawMessage
	var reason string
	if json.Unmarshal(m.Body, &body) != nil || json.Unmarshal(body[reasonField], &reason) != nil {
		return &DeniedError{} // the vault may leave the reason out, or put something else there
	}
	return &DeniedError{Reason: reason}
}

// IsDenied gives the vault's reason when err is a denied request.
func IsDenied(err error) (reason string, ok bool) {
	var d *DeniedError
	if !errors.As(err, &d) {
		return "", false
	}
	return d.Reason, true
}
