// Package message holds the words of message tokens (protocol page, section 6):
// the payload that a sender signs, the limits, the Timestamp that orders a
// mailbox, the Cursor that pages through it, and the Query of fetch and listen.
//
// It promises that what it returns has been checked once and for all: a Payload
// has a known type, an identity as its destination and names within their
// limits; a Cursor was given out for the mailbox it is used on. Bad input gives
// one of the errors below and never panics; error texts name a field and never
// show a value.
//
// It verifies no signature, knows no clock (whether something has expired is for
// others), and does not read what senders put in a body for each other.
package message

import (
	"errors"
	"time"
)

// Limits of section 6. Sizes are in bytes.
const (
	MaxTokenBytes = 256 << 10           // one message token
	MaxBatch      = 256                 // messages of one send
	MaxLifetime   = 30 * 24 * time.Hour // how far ahead exp may be; more is cut to this
	MaxWait       = 60 * time.Second    // how long a send may wait for answers

	DefaultPage  = 100     // messages of a fetch that names no limit
	MaxPage      = 1000    // messages of one page, at most
	MaxPageBytes = 4 << 20 // a page ends when its tokens reach this

	MaxMailboxMessages = 10_000
	MaxMailboxBytes    = 64 << 20

	MaxIDChars        = 128 // Payload.ID, Body.RespTo
	MaxPackageIDChars = 256 // Body.Kid
)

// Errors of this package, matched with errors.Is.
var (
	// ErrPayload: a token's payload is not a message; the text says what is wrong (40010).
	ErrPayload = errors.New("malformed message payload")
	// ErrQuery: a claim of fetch or listen is wrong; the text names it (40004).
	ErrQuery = errors.New("bad query")
	// ErrCursor: the cursor was altered or cut, or given out for another mailbox (40005).
	ErrCursor = errors.New("bad cursor")
	// ErrTimestamp: the text is not a timestamp.
	ErrTimestamp = errors.New("bad timestamp")
)
