package fsm

import (
	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
)

// kind is a type of event with the code that the answer to its cause carries
// (protocol page, sections 5, 6, 9 and 10; package api has the table). Who is
// listening is not known here, so a stored message is 20022 ("stored, nobody is
// listening") whichever of 20021 and 20022 the sender was told. What no request
// caused has no code.
type kind struct {
	name string
	code uint32
}

var (
	eventRegistered     = kind{"identity.registered", 20011}
	eventSigKeyUpdated  = kind{"identity.sigKeyUpdated", 20013}
	eventEncKeyUpdated  = kind{"identity.encKeyUpdated", 20014}
	eventMetaUpdated    = kind{"identity.metaUpdated", 20015}
	eventDataStored     = kind{"identity.dataStored", 20017}
	eventMembersChanged = kind{"identity.membersChanged", 20019}
	eventRetired        = kind{"identity.retired", 20030}

	eventAccepted  = kind{"message.accepted", 20022}
	eventAcked     = kind{"message.acked", 20026}
	eventPublished = kind{"package.published", 20022}
	eventRequested = kind{"package.requested", 20022}
	eventServed    = kind{"package.servedFromCache", 20016}
	eventCleared   = kind{"package.cleared", 20024}
	eventDenied    = kind{"package.denied", 20022}
	eventExpired   = kind{"package.expired", 0}

	eventCustomerCreated = kind{"customer.created", 20040}
	eventCustomerUpdated = kind{"customer.updated", 20043}
	eventAppCreated      = kind{"application.created", 20044}
	eventAppUpdated      = kind{"application.updated", 20047}
	eventKeyCreated      = kind{"key.created", 20048}
	eventKeyUpdated      = kind{"key.updated", 20051}
	eventKeyRotated      = kind{"key.rotated", 20052}
	eventKeyDeleted      = kind{"key.deleted", 20053}
)

// event writes one event of the command at work into the stream of the customer
// whom it is about, with the application and key that asked: what an operator
// does to a customer, that customer sees.
func (tx *tx) event(k kind, customer address.Address, r command.EventRecord) {
	if !tx.who.cluster {
		r.App, r.Key = tx.who.tenant.key.Application, tx.who.key
	}
	r.Type, r.Code, r.TxnID = k.name, k.code, tx.meta.TxnID
	tx.appendEvent(customer, r)
}

// appendEvent gives the event its place: after all others of its customer, and
// never before its time. The first of each bucket of time leaves a note, by
// which expiry finds it.
func (tx *tx) appendEvent(customer address.Address, r command.EventRecord) {
	last := tx.lastEvent(customer)
	ts := max(tx.at, last+1)
	if last == 0 || ts/keyspace.BucketNanos != last/keyspace.BucketNanos {
		tx.set(keyspace.EventBucket(ts/keyspace.BucketNanos, customer), nil)
	}
	put(tx, keyspace.Event(customer, ts), r)
	tx.setLastEvent(customer, ts)
	tx.ring(customer)
}

func (tx *tx) lastEvent(customer address.Address) uint64 {
	last, cached := tx.lastEvents[customer]
	if !cached {
		last = tx.number(keyspace.EventLast(customer))
		tx.lastEvents[customer] = last
	}
	return last
}

func (tx *tx) setLastEvent(customer address.Address, ts uint64) {
	tx.lastEvents[customer] = ts
	tx.changedEvents[customer] = true
}

// expireEvents removes the buckets that end before the time given, at most limit
// events, and reports whether all of them are gone.
func (tx *tx) expireEvents(before uint64, limit int) (done bool) {
	done = true
	tx.scan(keyspace.EventBucketsBefore(before), func(key []byte) bool {
		bucket, customer, err := keyspace.ParseEventBucket(key)
		if err != nil {
			tx.fail(corruptKey(key, err))
			return false
		}
		limit, done = tx.expireBucket(bucket, customer, limit)
		if done {
			tx.remove(key)
		}
		return done
	})
	return done
}

func (tx *tx) expireBucket(bucket uint64, customer address.Address, limit int) (left int, done bool) {
	done = true
	gone := doneWith{r: keyspace.EventsOfBucket(customer, bucket)}
	tx.scan(gone.r, func(key []byte) bool {
		if limit == 0 {
			done = false
			return false
		}
		limit--
		gone.last = key
		return true
	})
	tx.removeDone(gone)
	// A proposer whose clock is that far behind must not write into a bucket
	// that nobody looks at any more.
	end := (bucket+1)*keyspace.BucketNanos - 1
	if done && tx.lastEvent(customer) < end {
		tx.setLastEvent(customer, end)
	}
	return limit, done
}
