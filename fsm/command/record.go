package command

import "github.com/nixnode/nixnode/address"

// CustomerRecord is a customer in the store.
type CustomerRecord struct {
	Name    string `cbor:"1,keyasint"`
	Enabled bool   `cbor:"2,keyasint"`
	Created int64  `cbor:"3,keyasint"` // unix seconds, as all times of these records
}

// ApplicationRecord is an application in the store.
type ApplicationRecord struct {
	Customer address.Address `cbor:"1,keyasint"`
	Name     string          `cbor:"2,keyasint"`
	Enabled  bool            `cbor:"3,keyasint"`
	Created  int64           `cbor:"4,keyasint"`
}

// KeyRecord is an API key in the store. Its secrets are sealed: what the store
// holds is of no use without the cluster key.
type KeyRecord struct {
	Application address.Address `cbor:"1,keyasint"`
	Customer    address.Address `cbor:"2,keyasint"`
	Name        string          `cbor:"3,keyasint"`
	Scopes      Scope           `cbor:"4,keyasint"`
	Enabled     bool            `cbor:"5,keyasint"`
	Expires     int64           `cbor:"6,keyasint,omitempty"` // 0 = never
	Rate        Rate            `cbor:"7,keyasint"`
	Created     int64           `cbor:"8,keyasint"`
	Secrets     []KeySecret     `cbor:"9,keyasint"` // newest first, two at most
	// Deleted: the key is gone, and its record stays so that its address is not
	// given out again. A deleted key has no secrets.
	Deleted bool `cbor:"10,keyasint,omitempty"`
}

// KeySecret is one generation of a key's secret.
type KeySecret struct {
	Generation uint64 `cbor:"1,keyasint"`
	Sealed     []byte `cbor:"2,keyasint"`
	Until      int64  `cbor:"3,keyasint,omitempty"` // 0 = as long as the key
}

// IdentityRecord is what every message needs to know of an identity. What only
// its owner and peers ask for is in ProfileRecord.
type IdentityRecord struct {
	Application address.Address `cbor:"1,keyasint"`
	Customer    address.Address `cbor:"2,keyasint"`
	SigKey      []byte          `cbor:"3,keyasint"` // canonical JWK of the current signing key
	Thumbprint  string          `cbor:"4,keyasint"`
	Kind        string          `cbor:"5,keyasint,omitempty"`
	Retired     bool            `cbor:"6,keyasint,omitempty"`
	Created     int64           `cbor:"7,keyasint"`
	LastHeard   int64           `cbor:"8,keyasint"` // moves at most once a day
}

// ProfileRecord is the rest of an identity.
type ProfileRecord struct {
	SigRoot     []byte            `cbor:"1,keyasint"` // the first JWK
	SigChain    []string          `cbor:"2,keyasint"` // oldest first; at most MaxChain links
	EncToken    string            `cbor:"3,keyasint"`
	MetaPublic  string            `cbor:"4,keyasint"`
	MetaPrivate string            `cbor:"5,keyasint"`
	Registered  [32]byte          `cbor:"6,keyasint"` // Register.Digest
	Members     []address.Address `cbor:"7,keyasint,omitempty"`
}

// DataRecord is one named item of an identity.
type DataRecord struct {
	Name    string `cbor:"1,keyasint"`
	Token   string `cbor:"2,keyasint"`
	Updated int64  `cbor:"3,keyasint"`
}

// MailboxRecord counts a mailbox.
type MailboxRecord struct {
	LastTS   uint64 `cbor:"1,keyasint"` // of the newest message ever put in, also if it is gone
	Messages uint64 `cbor:"2,keyasint"`
	Bytes    uint64 `cbor:"3,keyasint"`
}

// MessageRecord is one message in a mailbox.
type MessageRecord struct {
	From    address.Address `cbor:"1,keyasint"`
	Kind    uint8           `cbor:"2,keyasint"`
	ID      string          `cbor:"3,keyasint"`
	Package string          `cbor:"4,keyasint,omitempty"`
	Reply   string          `cbor:"5,keyasint,omitempty"` // body.respTo
	Expires int64           `cbor:"6,keyasint"`
	Token   []byte          `cbor:"7,keyasint"`
	// Via is the route or group it was sent to, when this is the copy of a member.
	Via address.Address `cbor:"8,keyasint,omitzero"`
}

// AcceptedRecord remembers that a message was accepted (its key is the digest
// of the signing input), so that sending it again stores nothing again.
type AcceptedRecord struct {
	To     address.Address `cbor:"1,keyasint"`
	TS     uint64          `cbor:"2,keyasint"` // 0: put into no mailbox of its own (a clear for everyone)
	Before uint64          `cbor:"3,keyasint"` // the ts before it in that mailbox
	Until  int64           `cbor:"4,keyasint"` // when it is forgotten, unix seconds
}

// PackageRecord is one cached content package: the publish of (vault, kid, reader).
type PackageRecord struct {
	TS         uint64 `cbor:"1,keyasint"`
	Expires    int64  `cbor:"2,keyasint"`
	Token      []byte `cbor:"3,keyasint"`
	Served     uint64 `cbor:"4,keyasint,omitempty"`
	LastServed uint64 `cbor:"5,keyasint,omitempty"` // nanoseconds
}

// MarkRecord remembers the last tokens applied to one target of an identity:
// all those that share the newest iat, as two may be made in one second.
type MarkRecord struct {
	IssuedAt int64      `cbor:"1,keyasint"`
	Digests  [][32]byte `cbor:"2,keyasint"`
	Signer   string     `cbor:"3,keyasint"`
}

// EventRecord is one event of a customer's stream (section 10): metadata only.
type EventRecord struct {
	Type    string          `cbor:"1,keyasint"`
	TxnID   string          `cbor:"2,keyasint,omitempty"`
	Code    uint32          `cbor:"3,keyasint"`
	App     address.Address `cbor:"4,keyasint,omitempty"`
	Key     address.Address `cbor:"5,keyasint,omitempty"`
	From    address.Address `cbor:"6,keyasint,omitempty"`
	To      address.Address `cbor:"7,keyasint,omitempty"`
	ID      string          `cbor:"8,keyasint,omitempty"`
	Package string          `cbor:"9,keyasint,omitempty"`
	Size    uint32          `cbor:"10,keyasint,omitempty"`
}
