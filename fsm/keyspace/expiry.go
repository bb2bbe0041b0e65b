package keyspace

import (
	"encoding/binary"

	"github.com/nixnode/nixnode/address"
)

// Due is what an entry of the expiry index is about.
type Due byte

// The kinds of entry. The numbers are the store's format: append only.
const (
	DueMessage  Due = 1 // of a mailbox and ts
	DueAccepted Due = 2 // of a digest
	DuePackage  Due = 3 // of a cached package
	DuePurge    Due = 4 // of what is cached for a retired reader
)

// Expiry is one entry of the expiry index, as read from its key: at which unix
// second, what. Which fields count beside At and Kind is said by Kind.
type Expiry struct {
	At      int64 // never negative
	Kind    Due
	Mailbox address.Address // DueMessage: the mailbox; DuePackage and DuePurge: the reader
	TS      uint64          // DueMessage
	Digest  [32]byte        // DueAccepted
	Vault   address.Address // DuePackage
	Package string          // DuePackage
}

// ExpiryOfMessage makes the entry of a message. Its value is empty, or the
// digest under which the message is remembered, when that is to be forgotten at
// the same time.
//
//	0x50 | at (8) | 1 | mailbox (16) | ts (8)
func ExpiryOfMessage(at int64, mailbox address.Address, ts uint64) []byte {
	return appendUint64(expiry(at, DueMessage), mailbox, ts)
}

// ExpiryOfAccepted makes the entry of what remembers an accepted message. The
// value is empty.
//
//	0x50 | at (8) | 2 | digest (32)
func ExpiryOfAccepted(at int64, digest [32]byte) []byte {
	return append(expiry(at, DueAccepted), digest[:]...)
}

// ExpiryOfPackage makes the entry of a cached package. The value is empty.
//
//	0x50 | at (8) | 3 | vault (16) | reader (16) | kid
func ExpiryOfPackage(at int64, vault, reader address.Address, kid string) []byte {
	k := append(expiry(at, DuePackage), vault[:]...)
	return append(append(k, reader[:]...), kid...)
}

// ExpiryOfReader makes the entry that has everything cached for a retired
// reader removed, in steps. It is due at once. The value is empty.
//
//	0x50 | 0 (8) | 4 | reader (16)
func ExpiryOfReader(reader address.Address) []byte {
	return append(expiry(0, DuePurge), reader[:]...)
}

// expiry begins a key of the index; a time before 1970 is 1970.
func expiry(at int64, kind Due) []byte {
	return append(binary.BigEndian.AppendUint64(key(familyExpiry, 64), uint64(max(at, 0))), byte(kind))
}

// ParseExpiry reads the key of an entry. Errors: ErrKey.
func ParseExpiry(k []byte) (Expiry, error) {
	r := read(familyExpiry, k)
	e := Expiry{At: int64(r.uint64())}
	if kind := r.take(1); kind != nil {
		e.Kind = Due(kind[0])
	}
	switch e.Kind {
	case DueMessage:
		e.Mailbox, e.TS = r.address(), r.uint64()
	case DueAccepted:
		copy(e.Digest[:], r.take(len(e.Digest)))
	case DuePackage:
		e.Vault, e.Mailbox, e.Package = r.address(), r.address(), r.remaining()
	case DuePurge:
		e.Mailbox = r.address()
	default:
		return Expiry{}, ErrKey
	}
	if e.At < 0 || e.Kind == DuePurge && e.At != 0 {
		return Expiry{}, ErrKey
	}
	return e, r.end()
}

// ExpiryUpTo spans the entries that are due at the unix second at.
func ExpiryUpTo(at int64) Range {
	p := key(familyExpiry, 8)
	r := Range{Lower: p, Upper: p}
	if at >= 0 { // no overflow: there is room above the greatest int64
		r.Upper = binary.BigEndian.AppendUint64(p, uint64(at)+1)
	}
	return r
}
