package command

import "github.com/nixnode/nixnode/address"

// MessageQuery asks for a page of a mailbox. All bounds are exclusive.
type MessageQuery struct {
	Mailbox    address.Address
	After      uint64 // only ts above; 0 = from the start
	Before     uint64 // only ts below; 0 = no bound
	Descending bool
	Limit      int
	MaxBytes   int // of tokens; at least one message is given
	// Filters; zero means any.
	Kinds   []uint8
	From    address.Address
	Package string
}

// Message is one message with its place.
type Message struct {
	TS uint64
	MessageRecord
}

// MessagePage is a page in the order asked for.
type MessagePage struct {
	Messages []Message
	// More tells that there are further ones beyond the page.
	More bool
	// Scanned is the ts of the last message looked at, also when a filter hid
	// it, so that a reader goes on from there; 0 when none was.
	Scanned uint64
}

// Listed is one record of a listing, with the address it stands under.
type Listed[R any] struct {
	Address address.Address
	Record  R
}

// Event is one event with its place in its customer's stream.
type Event struct {
	TS uint64 // nanoseconds since 1970, unique and ascending within the customer
	EventRecord
}
