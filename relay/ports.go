package relay

import (
	"context"
	"errors"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/notify"
)

// What a Proposer or a Reader may fail with, matched with errors.Is. Whatever
// else they return is an internal error.
var (
	// ErrNoLeader: there is no leader now, and nothing was done (50300).
	ErrNoLeader = errors.New("no leader")
	// ErrOverloaded: too much is waiting already, and nothing was done (50301).
	ErrOverloaded = errors.New("overloaded")
	// ErrOutcomeUnknown: it may have been done or not, now or later (50400).
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrTooLarge: it fits no log entry, and nothing was done (41300).
	ErrTooLarge = errors.New("too large")
)

// Proposer puts a proposal into the log.
type Proposer interface {
	// Propose has the commands of command.Encode applied, and returns when they
	// are durable on a majority: what command.EncodeResults made of their results,
	// and the log index. The local state may not have reached that index yet.
	Propose(ctx context.Context, proposal []byte) (results []byte, index uint64, err error)
}

// Reader opens views of the replicated state. The caller closes each.
type Reader interface {
	// Local gives the state as this node has it, which may be outdated.
	Local() (View, error)
	// Current gives a state in which all is seen that was answered anywhere
	// before the call.
	Current(ctx context.Context) (View, error)
	// After gives a state that includes the log entry of that index.
	After(ctx context.Context, index uint64) (View, error)
}

// View is one consistent and immutable state. A lookup gives the record, whether
// there is one, and an error of the store.
type View interface {
	Close() error
	// Clock gives replicated time in unix seconds: what expired by then is hidden.
	Clock() int64

	Customer(a address.Address) (command.CustomerRecord, bool, error)
	Application(a address.Address) (command.ApplicationRecord, bool, error)
	Key(a address.Address) (command.KeyRecord, bool, error)
	// The listings are in the order of the addresses, and begin behind after.
	Customers(after address.Address, limit int) (page []command.Listed[command.CustomerRecord], more bool, err error)
	Applications(customer, after address.Address, limit int) (page []command.Listed[command.ApplicationRecord], more bool, err error)
	Keys(application, after address.Address, limit int) (page []command.Listed[command.KeyRecord], more bool, err error)

	Identity(a address.Address) (command.IdentityRecord, bool, error)
	Profile(a address.Address) (command.ProfileRecord, bool, error)
	Data(a address.Address, name string) (command.DataRecord, bool, error)
	Mark(a address.Address, target string) (command.MarkRecord, bool, error)

	Mailbox(a address.Address) (command.MailboxRecord, bool, error)
	Messages(q command.MessageQuery) (command.MessagePage, error)

	Packages(q command.PackageQuery) (command.PackagePage, error)
	Events(q command.EventQuery) (command.EventPage, error)
	// LastEvent gives the ts of a customer's newest event; 0 if there never was one.
	LastEvent(customer address.Address) (uint64, error)
}

// Router knows the other nodes.
type Router interface {
	// ListenedElsewhere reports whether another node is known to hold a listener of a.
	ListenedElsewhere(a address.Address) bool
	// Hint brings an accepted message to the nodes with a listener of it. It never blocks.
	Hint(h notify.Hint)
	// LastContact is how long ago this node was in touch with a leader.
	LastContact() time.Duration
}

// Sealer protects API key secrets in the store.
type Sealer interface {
	Seal(plain []byte) ([]byte, error)
	Open(sealed []byte) ([]byte, error)
}
