package keyspace

import (
	"encoding/binary"
	"math"

	"github.com/nixnode/nixnode/address"
)

// Mailbox makes the key of a mailbox's counters.
//
//	0x30 | mailbox (16)
func Mailbox(a address.Address) []byte { return of(familyMailbox, a) }

// ParseMailbox reads the key of Mailbox. Errors: ErrKey.
func ParseMailbox(k []byte) (address.Address, error) { return parseOne(familyMailbox, k) }

// Message makes the key of a message: a mailbox is one span in the order of ts.
//
//	0x31 | mailbox (16) | ts (8)
func Message(mailbox address.Address, ts uint64) []byte {
	return appendUint64(key(familyMessage, address.Size+8), mailbox, ts)
}

// ParseMessage reads the key of Message. Errors: ErrKey.
func ParseMessage(k []byte) (mailbox address.Address, ts uint64, err error) {
	r := read(familyMessage, k)
	mailbox, ts = r.address(), r.uint64()
	return mailbox, ts, r.end()
}

// Messages spans the messages of a mailbox with after < ts < before; before 0 is no bound.
func Messages(mailbox address.Address, after, before uint64) Range {
	r := prefixed(of(familyMessage, mailbox))
	if after == math.MaxUint64 {
		r.Lower = r.Upper
	} else if after > 0 {
		r.Lower = Message(mailbox, after+1)
	}
	if before > 0 {
		r.Upper = Message(mailbox, before)
	}
	return r
}

// Accepted makes the key that remembers a message by its digest.
//
//	0x32 | SHA-256 of the signing input (32)
func Accepted(digest [32]byte) []byte {
	return append(key(familyAccepted, len(digest)), digest[:]...)
}

// ParseAccepted reads the key of Accepted. Errors: ErrKey.
func ParseAccepted(k []byte) (digest [32]byte, err error) {
	r := read(familyAccepted, k)
	copy(digest[:], r.take(len(digest)))
	return digest, r.end()
}

// Publish makes the key that lists a publish message by what it publishes, for
// a clear to find it. The value is empty, or, of a member's copy, the 16 bytes of
// the route or group that it was sent to.
//
//	0x33 | reader (16) | vault (16) | len(kid) (4) | kid | ts (8)
func Publish(reader, vault address.Address, kid string, ts uint64) []byte {
	return binary.BigEndian.AppendUint64(appendText(of(familyPublish, reader, vault), kid), ts)
}

// ParsePublish reads the key of Publish. Errors: ErrKey.
func ParsePublish(k []byte) (reader, vault address.Address, kid string, ts uint64, err error) {
	r := read(familyPublish, k)
	reader, vault, kid, ts = r.address(), r.address(), r.text(), r.uint64()
	return reader, vault, kid, ts, r.end()
}

// PublishesOf spans what vault published to reader as kid.
func PublishesOf(reader, vault address.Address, kid string) Range {
	return prefixed(appendText(of(familyPublish, reader, vault), kid))
}

// PublishesFrom spans all that vault published to reader.
func PublishesFrom(reader, vault address.Address) Range {
	return prefixed(of(familyPublish, reader, vault))
}

// PublishesTo spans all that was published to reader.
func PublishesTo(reader address.Address) Range { return prefixed(of(familyPublish, reader)) }

// Via makes the key that lists the copy of a publish message that a member of a
// route or group has, for a clear to find it, also when it is no member any more.
// The value is empty.
//
//	0x34 | route or group (16) | vault (16) | len(kid) (4) | kid | member (16) | ts (8)
func Via(group, vault address.Address, kid string, member address.Address, ts uint64) []byte {
	return appendUint64(appendText(of(familyVia, group, vault), kid), member, ts)
}

// ParseVia reads the key of Via. Errors: ErrKey.
func ParseVia(k []byte) (group, vault address.Address, kid string, member address.Address, ts uint64, err error) {
	r := read(familyVia, k)
	group, vault, kid, member, ts = r.address(), r.address(), r.text(), r.address(), r.uint64()
	return group, vault, kid, member, ts, r.end()
}

// CopiesOf spans the copies of what vault published to a group as kid.
func CopiesOf(group, vault address.Address, kid string) Range {
	return prefixed(appendText(of(familyVia, group, vault), kid))
}

// CopiesFrom spans the copies of all that vault published to a group.
func CopiesFrom(group, vault address.Address) Range { return prefixed(of(familyVia, group, vault)) }

// CopiesVia spans the copies of all that was published to a group.
func CopiesVia(group address.Address) Range { return prefixed(of(familyVia, group)) }

func appendUint64(k []byte, a address.Address, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(k, a[:]...), n)
}
