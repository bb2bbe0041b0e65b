package command

import "github.com/nixnode/nixnode/address"

// Accept takes one message token into its destination's mailbox, or does what
// its type says (section 7): publish, request, clear.
type Accept struct {
	Meta `cbor:"1,keyasint"`
	From address.Address `cbor:"2,keyasint"`
	To   address.Address `cbor:"3,keyasint"`
	// Signer is the thumbprint of the key that verified the token.
	Signer string `cbor:"4,keyasint"`
	// Digest is the SHA-256 of the signing input; it tells one message from another.
	Digest [32]byte `cbor:"5,keyasint"`
	// Kind is the message type's letter: s e r p c d.
	Kind uint8 `cbor:"6,keyasint"`
	// ID, Package and InReplyTo are the payload's id, body.kid and body.respTo.
	ID        string `cbor:"7,keyasint"`
	Package   string `cbor:"8,keyasint,omitempty"`
	InReplyTo string `cbor:"9,keyasint,omitempty"`
	NoCache   bool   `cbor:"10,keyasint,omitempty"`
	// HasJWE tells that body.jwe is there: only then does a publish fill the cache.
	HasJWE bool `cbor:"11,keyasint,omitempty"`
	// Expires is when the message goes, in unix seconds, clamped to 30 days from At.
	Expires int64 `cbor:"12,keyasint"`
	// ForgetAfter is until when the message is remembered as accepted, in unix
	// seconds: the token's own exp, and never before Expires.
	ForgetAfter int64  `cbor:"13,keyasint"`
	Token       []byte `cbor:"14,keyasint"`
}

// Ack removes messages from a mailbox: those of TS, or all up to and including UpTo.
type Ack struct {
	Meta     `cbor:"1,keyasint"`
	Identity address.Address `cbor:"2,keyasint"`
	// Signer is the thumbprint of the key that verified the jwt.
	Signer string   `cbor:"3,keyasint"`
	UpTo   uint64   `cbor:"4,keyasint,omitempty"`
	TS     []uint64 `cbor:"5,keyasint,omitempty"`
}

// Expire moves replicated time on to UpTo and removes at most Limit things that
// have expired by then. The leader proposes it; StatusMore says to go on.
type Expire struct {
	Meta  `cbor:"1,keyasint"`
	UpTo  int64  `cbor:"2,keyasint"` // unix seconds
	Limit uint32 `cbor:"3,keyasint"`
	// EventsBefore is the oldest time of events that are kept, in nanoseconds since 1970.
	EventsBefore uint64 `cbor:"4,keyasint,omitempty"`
}

// CommandType implements Command.
func (*Accept) CommandType() Type { return TypeAccept }
func (*Ack) CommandType() Type    { return TypeAck }
func (*Expire) CommandType() Type { return TypeExpire }
