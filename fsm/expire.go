package fsm

import (
	"bytes"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
)

// maxExpireStep bounds one Expire, whatever limit it asks for.
const maxExpireStep = 10_000

// expire moves replicated time on and removes what is due, oldest first; then
// old events, as far as the limit goes.
func (tx *tx) expire(c *command.Expire) command.Result {
	if s := tx.onlyCluster(); s != command.StatusOK {
		return refuse(s)
	}
	tx.state.clock = max(tx.state.clock, c.UpTo)
	limit := int(min(max(c.Limit, 1), maxExpireStep))
	removed, left := uint32(0), limit
	more := false
	for _, r := range dueRanges(tx.expired(), tx.state.clock) {
		if more {
			break
		}
		done := doneWith{r: r}
		tx.scan(r, func(key []byte) bool {
			if left == 0 {
				more = true
				return false
			}
			n, finished := tx.expireEntry(key, left)
			removed += n
			left -= max(int(n), 1)
			if !finished {
				more = true
				return false
			}
			done.last = key
			return true
		})
		tx.removeDone(done)
		if e, err := keyspace.ParseExpiry(done.last); err == nil && e.At > 0 {
			tx.set(keyExpired, done.last)
		}
	}
	if !more {
		more = !tx.expireEvents(c.EventsBefore, left)
	}
	if more {
		return command.Result{Status: command.StatusMore, Count: removed}
	}
	return command.Result{Status: command.StatusOK, Count: removed}
}

// dueRanges gives where entries that are due may be: the purges, which are always
// due, and what lies behind the last entry that was dealt with. Nothing is ever
// written before that one, as what is accepted expires later than replicated time.
// Where all is gone the store still has traces for a while, which cost each look
// that steps over them.
func dueRanges(expired []byte, clock int64) []keyspace.Range {
	purges, rest := keyspace.ExpiryUpTo(0), keyspace.ExpiryUpTo(clock)
	rest.Lower = purges.Upper
	if len(expired) > 0 {
		rest = rest.After(expired)
	}
	if bytes.Compare(rest.Lower, rest.Upper) >= 0 {
		return []keyspace.Range{purges}
	}
	return []keyspace.Range{purges, rest}
}

// expired gives the last entry that was dealt with; nil before there was one.
func (tx *tx) expired() []byte {
	key, _ := tx.raw(keyExpired)
	return key
}

// doneWith is what of a range has been dealt with: all up to and including last.
type doneWith struct {
	r    keyspace.Range
	last []byte // nil: nothing
}

// removeDone removes what has been dealt with as one range. As single keys, each
// would be a trace that every later step has to step over again.
func (tx *tx) removeDone(d doneWith) {
	if d.last != nil {
		tx.removeRange(d.r.UpTo(d.last))
	}
}

// expireEntry does what an entry of the index says and gives how many messages
// and packages went. An entry may be about what is gone already, or, for a
// package, about one that was replaced: then it does nothing. It is finished
// unless it is a purge that needs another step.
func (tx *tx) expireEntry(key []byte, limit int) (removed uint32, finished bool) {
	e, err := keyspace.ParseExpiry(key)
	if err != nil {
		tx.fail(corruptKey(key, err))
		return 0, false
	}
	switch e.Kind {
	case keyspace.DueMessage:
		if digest, _ := tx.raw(key); len(digest) == len(e.Digest) {
			tx.remove(keyspace.Accepted([32]byte(digest)))
		}
		if tx.takeOut(e.Mailbox, e.TS) {
			removed = 1
		}
	case keyspace.DueAccepted:
		tx.remove(keyspace.Accepted(e.Digest))
	case keyspace.DuePackage:
		if tx.expirePackage(e) {
			removed = 1
		}
	case keyspace.DuePurge:
		return tx.purge(e.Mailbox, limit)
	}
	return removed, true
}

// expirePackage ends a cached package, unless it was replaced by one that lasts
// longer, and tells its vault's customer.
func (tx *tx) expirePackage(e keyspace.Expiry) bool {
	p, there := get[command.PackageRecord](tx, keyspace.Package(e.Vault, e.Package, e.Mailbox))
	if there && p.Expires > e.At {
		return false
	}
	if !tx.uncache(e.Vault, e.Package, e.Mailbox) {
		return false
	}
	if vault := tx.identity(e.Vault); vault != nil {
		tx.event(eventExpired, vault.Customer, command.EventRecord{
			From: e.Vault, To: e.Mailbox, Package: e.Package, Size: uint32(len(p.Token)),
		})
	}
	return true
}

// purge removes up to limit packages that are cached for a retired reader.
func (tx *tx) purge(reader address.Address, limit int) (removed uint32, finished bool) {
	finished = true
	tx.scan(keyspace.PackagesRead(reader), func(key []byte) bool {
		if int(removed) == limit {
			finished = false
			return false
		}
		_, vault, kid, err := keyspace.ParsePackageByReader(key)
		if err != nil {
			tx.fail(corruptKey(key, err))
			return false
		}
		tx.uncache(vault, kid, reader)
		removed++
		return true
	})
	return removed, finished
}
