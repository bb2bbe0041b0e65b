// Package command is the log's vocabulary: what may be proposed, what comes of
// it, and the records that applying it leaves in the store.
//
// A command carries everything that applying it needs, its time and its random
// ids included, so that every node computes the same state from it. Types and
// fields have literal numbers that are only ever appended, never reused; an
// encoding that this version does not know in full is an error and never
// guessed at (docs/format/command.md has the bytes).
//
// The package has no behaviour beyond encoding: deciding is for package fsm.
package command

import "github.com/nixnode/nixnode/address"

// Type is the number of a command in the log.
type Type uint16

// The commands. The numbers are the log's format: append only.
const (
	TypeBootstrap         Type = 1
	TypeCreateCustomer    Type = 2
	TypeUpdateCustomer    Type = 3
	TypeCreateApplication Type = 4
	TypeUpdateApplication Type = 5
	TypeCreateKey         Type = 6
	TypeUpdateKey         Type = 7
	TypeRotateKey         Type = 8
	TypeDeleteKey         Type = 9

	TypeRegister     Type = 20
	TypeUpdateSigKey Type = 21
	TypeUpdateEncKey Type = 22
	TypeUpdateMeta   Type = 23
	TypeStoreData    Type = 24
	TypeSetMembers   Type = 25
	TypeRetire       Type = 26
	TypeTouch        Type = 27

	TypeAccept Type = 40
	TypeAck    Type = 41

	TypeExpire Type = 60
)

// Command is one change that can be proposed: a pointer to one of the structs
// of this package.
type Command interface {
	// CommandType gives the number under which the command stands in the log.
	CommandType() Type
	// Origin gives where the command comes from.
	Origin() *Meta
}

// Meta says when and on whose behalf a command was made. Every command has one.
type Meta struct {
	// At is the proposing node's clock, in nanoseconds since 1970.
	At uint64 `cbor:"1,keyasint"`
	// TxnID is the id of the request, as its answer, its log line and its event carry it.
	TxnID string `cbor:"2,keyasint,omitempty"`
	// Key is the API key that asked; zero when the cluster itself did.
	Key address.Address `cbor:"3,keyasint,omitempty"`
	// KeyGeneration is the generation of the key's secret that was shown, so
	// that applying can refuse one that was rotated away in between.
	KeyGeneration uint64 `cbor:"4,keyasint,omitempty"`
}

// Origin implements Command for every struct that embeds Meta.
func (m *Meta) Origin() *Meta { return m }

// Proof is what replicated state remembers of the token that made a change, so
// that the same token is answered alike and an older one is refused (section 4).
type Proof struct {
	// Digest is the SHA-256 of the token's signing input.
	Digest [32]byte `cbor:"1,keyasint"`
	// IssuedAt is the token's iat in unix seconds.
	IssuedAt int64 `cbor:"2,keyasint"`
	// Signer is the thumbprint of the signing key the token was verified
	// against; applying refuses when it is no longer the current one.
	Signer string `cbor:"3,keyasint"`
}
