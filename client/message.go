package client

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/jose"
	"github.com/nixnode/nixnode/message"
)

// Timestamp is a message's place in its mailbox (section 6).
type Timestamp = message.Timestamp

// ParseTimestamp reads the decimal form of a Timestamp.
func ParseTimestamp(s string) (Timestamp, error) { return message.ParseTimestamp(s) }

// Type is what a message is for.
type Type = message.Type

// The types of messages (section 6).
const (
	TypeSigned    = message.Signed
	TypeEncrypted = message.Encrypted
	TypeRequest   = message.Request
	TypePublish   = message.Publish
	TypeClear     = message.Clear
	TypeDeny      = message.Deny
)

// Message is a message as it was received. Look at Verified, or Err, before
// acting on it: the server delivers, but only the signature says who wrote.
type Message struct {
	TS      Timestamp
	From    address.Address // as the token claims; proven when verified
	To      address.Address // the receiver, a route it is a member of, or for a clear the vault itself
	Type    Type
	ID      string // the sender's; (From, ID) tells repeats
	Expires time.Time
	Kid     string // content package id, or empty
	RespTo  string // id of the message that this one answers, or empty
	NoCache bool
	JWE     string          // encrypted content, or empty
	Body    json.RawMessage // the whole body object

	Verified Verification
	// Err says why the message is Unverified; it is nil otherwise. A message that
	// cannot even be read has nothing but TS, Token and Err.
	Err error
	// Token is the message as the sender signed it.
	Token string
}

// Content decrypts the message's encrypted content with the keys of id.
// Errors: ErrUnverified, ErrNoContent, jose.ErrEncryption.
func (m Message) Content(id *Identity) ([]byte, error) {
	if m.Verified == Unverified {
		return nil, m.unverified()
	}
	return id.Decrypt(m.JWE)
}

func (m Message) unverified() error {
	if m.Err != nil {
		return m.Err
	}
	return ErrUnverified
}

// receive reads and verifies one line of a stream or page.
func (c *Client) receive(ctx context.Context, line api.StreamLine) (Message, error) {
	ts, err := message.ParseTimestamp(line.TS)
	if err != nil {
		return Message{}, fmt.Errorf("%w: message without a timestamp", ErrBadAnswer)
	}
	m := Message{TS: ts, Token: line.Msg}
	c.Verify(ctx, &m)
	return m, nil
}

// Verify reads m.Token and verifies it, as receiving did. It is for messages
// that could not be verified then because the sender's keys were out of reach.
func (c *Client) Verify(ctx context.Context, m *Message) {
	*m = Message{TS: m.TS, Token: m.Token}
	d, _ := c.home.get()
	t, err := jose.ParseToken(m.Token, d)
	if err != nil {
		m.Err = fmt.Errorf("%w: %w", ErrUnverified, err)
		return
	}
	p, err := message.ParsePayload(t.Payload, d)
	if err != nil {
		m.Err = fmt.Errorf("%w: %w", ErrUnverified, err)
		return
	}
	m.From, m.To, m.Type, m.ID, m.Expires = t.Key.Address, p.To, p.Type, p.ID, p.Expires
	m.Kid, m.RespTo, m.NoCache, m.JWE, m.Body = p.Body.Kid, p.Body.RespTo, p.Body.NoCache, p.Body.JWE, p.Body.Raw
	// A token with a target was signed for another place, even if its payload
	// happens to read as a message.
	if t.Target != "" {
		m.Err = fmt.Errorf("%w: %w", ErrUnverified, jose.ErrTarget)
		return
	}
	m.Verified, m.Err = c.verify(ctx, t)
}
