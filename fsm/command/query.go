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

// EventQuery asks for a page of a customer's events. All bounds are exclusive.
type EventQuery struct {
	Customer   address.Address
	After      uint64 // only ts above; 0 = from the start
	Before     uint64 // only ts below; 0 = no bound
	Descending bool
	Limit      int
	// Filters; zero means any.
	Type     string
	App, Key address.Address
	From, To address.Address
	Package  string
	Code     uint32
}

// EventPage is a page of events in the order asked for.
type EventPage struct {
	Events []Event
	// More tells that there may be further ones beyond the page. A page may be
	// short, or empty, and have it all the same: looking for rare events ends after
	// a bounded number of others.
	More bool
	// Scanned is the ts of the last event looked at, as in MessagePage.
	Scanned uint64
}

// PackageQuery asks for a page of what a vault has cached, by package and then
// by reader.
type PackageQuery struct {
	Vault address.Address
	// Filters; zero means any.
	Package string
	Reader  address.Address
	// AfterPackage and AfterReader are the place behind which the page begins; an
	// empty package is the start.
	AfterPackage string
	AfterReader  address.Address
	Limit        int
	MaxBytes     int // of tokens; at least one package is given
}

// Cached is one cached package with its place.
type Cached struct {
	Package string
	Reader  address.Address
	PackageRecord
}

// PackagePage is a page of cached packages.
type PackagePage struct {
	Packages []Cached
	// More tells that there may be further ones beyond the page.
	More bool
	// LastPackage and LastReader are the place of the last package looked at, also
	// when a filter or its end hid it; empty when none was.
	LastPackage string
	LastReader  address.Address
}
