// Package keyspace is the store's vocabulary: every key that the state machine
// keeps in Pebble is built and read here, by pure functions, and nowhere else.
//
// A key is one prefix byte, which names its family, and then fixed-size fields;
// a field of variable size is either the last one or stands behind its length
// in four bytes. All integers are big-endian, so that bytes sort as numbers do.
// An address is its 16 bytes. docs/format/keyspace.md has the table.
//
// Promises: no two different sets of fields have the same key; Parse functions
// accept exactly what their builder makes (FuzzRoundTrip); a Range function
// covers the keys of its arguments and no others. Prefix bytes are the store's
// format: they are only ever added, never reused.
//
// The package does not know what stands under a key, nor how it is encoded.
package keyspace

import (
	"encoding/binary"
	"errors"

	"github.com/nixnode/nixnode/address"
)

// ErrKey says that bytes are no key of the family they were read as.
var ErrKey = errors.New("not a key of this family")

// Family is the first byte of a key.
type Family byte

// The families. Gaps are left where a neighbour may come.
const (
	familyMeta Family = 0x01

	familyCustomer              Family = 0x10
	familyApplication           Family = 0x11
	familyApplicationByCustomer Family = 0x12
	familyKey                   Family = 0x13
	familyKeyByApplication      Family = 0x14

	familyIdentity   Family = 0x20
	familyProfile    Family = 0x21
	familyData       Family = 0x22
	familyMark       Family = 0x23
	familyThumbprint Family = 0x24

	familyMailbox  Family = 0x30
	familyMessage  Family = 0x31
	familyAccepted Family = 0x32
	familyPublish  Family = 0x33
	familyVia      Family = 0x34

	familyPackage         Family = 0x40
	familyPackageByReader Family = 0x41
	familyHolders         Family = 0x42
	familyServed          Family = 0x43
	familyVaultPackages   Family = 0x44

	familyExpiry Family = 0x50

	familyEvent       Family = 0x60
	familyEventLast   Family = 0x61
	familyEventBucket Family = 0x62
)

// Range is a span of keys: from Lower up to but not including Upper.
type Range struct{ Lower, Upper []byte }

// All spans every key there can be.
func All() Range { return Range{Lower: []byte{0}, Upper: []byte{0xff}} }

// prefixed spans all keys that begin with p. No prefix is all 0xff, as no
// family is.
func prefixed(p []byte) Range {
	upper := append([]byte(nil), p...)
	for i := len(upper) - 1; i >= 0; i-- {
		if upper[i]++; upper[i] != 0 {
			return Range{Lower: p, Upper: upper[:i+1]}
		}
	}
	return Range{Lower: p, Upper: []byte{0xff}}
}

// After gives the part of r that lies behind key.
func (r Range) After(key []byte) Range {
	return Range{Lower: append(append([]byte(nil), key...), 0), Upper: r.Upper}
}

// UpTo gives the part of r up to and including key.
func (r Range) UpTo(key []byte) Range {
	return Range{Lower: r.Lower, Upper: append(append([]byte(nil), key...), 0)}
}

// key begins a key of family f with room for size further bytes.
func key(f Family, size int) []byte { return append(make([]byte, 0, 1+size), byte(f)) }

// of makes a key of addresses alone.
func of(f Family, addrs ...address.Address) []byte {
	k := key(f, len(addrs)*address.Size)
	for _, a := range addrs {
		k = append(k, a[:]...)
	}
	return k
}

// appendText appends s behind its length. Four bytes of it are room for any
// text that can stand in the log, so that no key can be ambiguous.
func appendText(k []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(k, uint32(len(s))), s...)
}

// reader takes a key apart from its front; the first fault sticks.
type reader struct {
	rest []byte
	bad  bool
}

func read(f Family, k []byte) *reader {
	if len(k) == 0 || k[0] != byte(f) {
		return &reader{bad: true}
	}
	return &reader{rest: k[1:]}
}

func (r *reader) take(n int) []byte {
	if r.bad || len(r.rest) < n {
		r.bad = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) address() address.Address {
	a, err := address.FromBytes(r.take(address.Size))
	if err != nil {
		r.bad = true
	}
	return a
}

func (r *reader) uint64() uint64 {
	b := r.take(8)
	if r.bad {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

func (r *reader) text() string {
	n := r.take(4)
	if r.bad {
		return ""
	}
	return string(r.take(int(binary.BigEndian.Uint32(n))))
}

// remaining takes all that is left.
func (r *reader) remaining() string { return string(r.take(len(r.rest))) }

// end reports whether all of the key was read, and was well-formed.
func (r *reader) end() error {
	if r.bad || len(r.rest) > 0 {
		return ErrKey
	}
	return nil
}
