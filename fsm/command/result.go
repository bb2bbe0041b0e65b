package command

import "github.com/nixnode/nixnode/address"

// Status is what became of a command.
type Status uint8

// The outcomes. The numbers travel between nodes: append only.
const (
	StatusOK Status = 1
	// StatusExists: the same was done before; nothing changed, and the answer is the same.
	StatusExists Status = 2
	// StatusServed: a request answered from the cache.
	StatusServed Status = 3
	// StatusCleared: a clear was done.
	StatusCleared Status = 4
	// StatusMore: an expiry step that reached its limit.
	StatusMore Status = 5

	StatusNoSuchIdentity    Status = 20 // the identity that acts is unknown
	StatusNoSuchDestination Status = 21
	StatusRetired           Status = 22 // the identity that acts is retired
	StatusDestRetired       Status = 23
	StatusKeyNotCurrent     Status = 24 // signed with a key that is not the current one
	StatusStale             Status = 25 // an older token than the last applied (40900)
	StatusConflict          Status = 26 // the signing key is taken (40902)
	StatusMailboxFull       Status = 27
	StatusTooManyItems      Status = 28 // data items or members
	StatusExpired           Status = 29 // the message's exp has passed in replicated time (40021)
	StatusWrongKind         Status = 30 // members of what is neither route nor group
	// StatusBusy: the log entry has copied as much to members of groups as one may;
	// the same again, in a later entry, is not refused for this.
	StatusBusy Status = 31

	StatusNoSuchKey      Status = 40 // the API key that asked, or its secret's generation, is unknown
	StatusKeyDisabled    Status = 41
	StatusKeyExpired     Status = 42
	StatusTenantDisabled Status = 43 // its application or customer is disabled
	StatusScope          Status = 44
	StatusOtherApp       Status = 45 // the identity is of another application
	StatusNoSuchTenant   Status = 46 // the customer, application or key to act on is unknown
)

// OK reports whether the command did what it was to do (now or before).
func (s Status) OK() bool { return s < StatusNoSuchIdentity && s != 0 }

// Result is what applying a command gives, to whoever proposed it.
type Result struct {
	Status Status `cbor:"1,keyasint"`
	// Address is what was made or found: an identity, customer, application or key.
	Address address.Address `cbor:"2,keyasint,omitempty"`
	// TS is the message's place in its mailbox, and Before the ts of the message
	// before it there (0: none ever), in nanoseconds.
	TS     uint64 `cbor:"3,keyasint,omitempty"`
	Before uint64 `cbor:"4,keyasint,omitempty"`
	// Served is the cached publish that answers a request.
	Served *Served `cbor:"5,keyasint,omitempty"`
	// Count is how many things went: cleared packages, acknowledged or expired messages.
	Count uint32 `cbor:"6,keyasint,omitempty"`
	// Copies are further mailboxes the message was put into: of the readers of a
	// clear for everyone, and of the members of a route or group. With some, TS may be
	// 0: only they had room.
	Copies []Copy `cbor:"7,keyasint,omitempty"`
	// Skipped is how many members have no copy, as their mailboxes were full.
	Skipped uint32 `cbor:"8,keyasint,omitempty"`
}

// Served is a package token from the cache.
type Served struct {
	TS    uint64 `cbor:"1,keyasint"`
	Token []byte `cbor:"2,keyasint"`
}

// Copy is one further mailbox that got the message.
type Copy struct {
	To     address.Address `cbor:"1,keyasint"`
	TS     uint64          `cbor:"2,keyasint"`
	Before uint64          `cbor:"3,keyasint"`
}
