package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/jose"
	"github.com/nixnode/nixnode/message"
)

// DefaultTTL is how long a message is kept that says nothing else.
const DefaultTTL = 24 * time.Hour

// Outgoing is a message to send.
type Outgoing struct {
	Type Type // TypeSigned if zero
	To   address.Address
	ID   string        // 1 to 128 characters; drawn if empty
	TTL  time.Duration // until it expires; DefaultTTL if zero, 30 days at most

	Kid     string // content package id
	RespTo  string // id of the message that this one answers
	NoCache bool   // a request that the vault itself shall answer

	// Content is encrypted to the current key of To, and becomes the body's jwe.
	// A message of TypeEncrypted must have it.
	Content []byte
	// Body is what else is in the body, readable by the cluster.
	Body map[string]any
}

// Prepared is a message, signed. Sending it again, in whatever way, is the same
// message, and is stored once.
type Prepared struct {
	ID    string
	To    address.Address
	Type  Type
	Token string
}

// Prepare signs messages without sending them. Peers that content is encrypted
// to are asked for and verified. Errors: ErrNotRegistered, ErrNoContent,
// ErrTooLarge, those of Peer.
func (c *Client) Prepare(ctx context.Context, from *Identity, msgs ...Outgoing) ([]Prepared, error) {
	s, err := from.signer()
	if err != nil {
		return nil, err
	}
	c.home.learn(s.full)
	out := make([]Prepared, len(msgs))
	for i, m := range msgs {
		if out[i], err = c.prepare(ctx, s, m); err != nil {
			return nil, fmt.Errorf("message %d: %w", i, err)
		}
	}
	return out, nil
}

func (c *Client) prepare(ctx context.Context, s signer, m Outgoing) (Prepared, error) {
	if m.Type == 0 {
		m.Type = TypeSigned
	}
	if m.ID == "" {
		m.ID = rand.Text()
	}
	if m.TTL == 0 {
		m.TTL = DefaultTTL
	}
	body, err := c.body(ctx, m)
	if err != nil {
		return Prepared{}, err
	}
	payload, err := message.BuildPayload(m.Type, m.ID, c.home.full(m.To), c.now().Add(m.TTL), body)
	if err != nil {
		return Prepared{}, err
	}
	token, err := s.key.Sign(payload, jose.SignOptions{Kid: s.kid()})
	if err != nil {
		return Prepared{}, err
	}
	if len(token) > message.MaxTokenBytes {
		return Prepared{}, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(token))
	}
	return Prepared{ID: m.ID, To: m.To, Type: m.Type, Token: token}, nil
}

// body makes the body of m, with its content encrypted.
func (c *Client) body(ctx context.Context, m Outgoing) (map[string]any, error) {
	body := maps.Clone(m.Body)
	if body == nil {
		body = map[string]any{}
	}
	if m.Kid != "" {
		body["kid"] = m.Kid
	}
	if m.RespTo != "" {
		body["respTo"] = m.RespTo
	}
	if m.NoCache {
		body["noCache"] = true
	}
	if m.Content == nil {
		if m.Type == TypeEncrypted && body["jwe"] == nil {
			return nil, ErrNoContent
		}
		return body, nil
	}
	p, _, err := c.peer(ctx, m.To)
	if err != nil {
		return nil, err
	}
	key := p.EncryptionKey()
	body["jwe"], err = jose.Encrypt(m.Content, key, c.home.full(m.To)+"/"+key.Thumbprint())
	return body, err
}
