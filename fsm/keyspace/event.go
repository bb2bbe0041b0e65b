package keyspace

import (
	"encoding/binary"
	"math"

	"github.com/nixnode/nixnode/address"
)

// BucketNanos is how much time one bucket of events covers: an hour.
const BucketNanos = 3_600_000_000_000

// Event makes the key of an event in its customer's stream.
//
//	0x60 | customer (16) | ts (8)
func Event(customer address.Address, ts uint64) []byte {
	return appendUint64(key(familyEvent, address.Size+8), customer, ts)
}

// ParseEvent reads the key of Event. Errors: ErrKey.
func ParseEvent(k []byte) (customer address.Address, ts uint64, err error) {
	r := read(familyEvent, k)
	customer, ts = r.address(), r.uint64()
	return customer, ts, r.end()
}

// Events spans the events of a customer with after < ts < before; before 0 is no bound.
func Events(customer address.Address, after, before uint64) Range {
	r := prefixed(of(familyEvent, customer))
	if after > 0 {
		r = r.After(Event(customer, after))
	}
	if before > 0 {
		r.Upper = Event(customer, before)
	}
	return r
}

// EventsOfBucket spans the events of a customer in one bucket.
func EventsOfBucket(customer address.Address, bucket uint64) Range {
	r := prefixed(of(familyEvent, customer))
	if bucket > 0 {
		r.Lower = Event(customer, bucket*BucketNanos)
	}
	if bucket < math.MaxUint64/BucketNanos { // the last one has no bucket behind it
		r.Upper = Event(customer, (bucket+1)*BucketNanos)
	}
	return r
}

// EventLast makes the key of the ts of a customer's newest event, also if it is
// gone. The value is that ts in 8 bytes.
//
//	0x61 | customer (16)
func EventLast(customer address.Address) []byte { return of(familyEventLast, customer) }

// ParseEventLast reads the key of EventLast. Errors: ErrKey.
func ParseEventLast(k []byte) (address.Address, error) { return parseOne(familyEventLast, k) }

// EventBucket makes the key that says: this customer has events in that bucket
// of time. It is how old events are found without walking over all customers.
// The value is empty.
//
//	0x62 | bucket (8) | customer (16)
func EventBucket(bucket uint64, customer address.Address) []byte {
	k := binary.BigEndian.AppendUint64(key(familyEventBucket, 8+address.Size), bucket)
	return append(k, customer[:]...)
}

// ParseEventBucket reads the key of EventBucket. Errors: ErrKey.
func ParseEventBucket(k []byte) (bucket uint64, customer address.Address, err error) {
	r := read(familyEventBucket, k)
	bucket, customer = r.uint64(), r.address()
	return bucket, customer, r.end()
}

// EventBucketsBefore spans the buckets that end at or before the time ts.
func EventBucketsBefore(ts uint64) Range {
	p := key(familyEventBucket, 8)
	return Range{Lower: p, Upper: binary.BigEndian.AppendUint64(p, ts/BucketNanos)}
}
