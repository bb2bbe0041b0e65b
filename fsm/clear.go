package fsm

import (
	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
)

// holding is what one reader has of what is to be cleared.
type holding struct {
	reader   address.Address
	packages []string // cached, by their ids
	messages []uint64 // publishes in its mailbox
}

// clearFor revokes what the sender published to one reader. A full mailbox
// cannot keep a revocation from being done and delivered, as long as there is
// something to revoke; each such clear takes the place of a publish that found room.
func (tx *tx) clearFor(c *command.Accept, from *command.IdentityRecord) command.Result {
	h := holding{reader: c.To}
	tx.findPackages(&h, c)
	tx.findMessages(&h, c)
	if len(h.packages)+len(h.messages) > tx.limits.clearWork {
		return refuse(command.StatusTooManyItems)
	}
	if len(h.packages)+len(h.messages) == 0 && tx.full(c) {
		return refuse(command.StatusMailboxFull)
	}
	count := tx.drop(c.From, h)
	ts, before := tx.deliver(c, c.To, true)
	tx.remember(c, ts, before)
	tx.messageEvent(eventCleared, c, from)
	return command.Result{Status: command.StatusCleared, TS: ts, Before: before, Count: count}
}

// clearEverywhere revokes for everyone: the sender addressed itself. Each reader
// that still is somebody gets a copy of the clear; the sender's own mailbox gets none.
func (tx *tx) clearEverywhere(c *command.Accept, from *command.IdentityRecord) command.Result {
	holdings, ok := tx.holdings(c)
	if !ok || len(holdings)*len(c.Token) > command.MaxClearBytes {
		return refuse(command.StatusTooManyItems)
	}
	var count uint32
	var copies []command.Copy
	for _, h := range holdings {
		count += tx.drop(c.From, h)
		if tx.getsCopy(h.reader, c.From) {
			ts, before := tx.deliver(c, h.reader, false)
			copies = append(copies, command.Copy{To: h.reader, TS: ts, Before: before})
		}
	}
	tx.remember(c, 0, 0)
	tx.messageEvent(eventCleared, c, from)
	return command.Result{Status: command.StatusCleared, Count: count, Copies: copies}
}

// getsCopy reports whether reader is told of what vault revokes for everyone.
func (tx *tx) getsCopy(reader, vault address.Address) bool {
	id := tx.identity(reader)
	return id != nil && !id.Retired && reader != vault
}

// holdings finds all readers of what the sender has cached as c.Package, or at
// all; not ok when there is more than one step may do.
func (tx *tx) holdings(c *command.Accept) (list []holding, ok bool) {
	span := keyspace.PackagesOf(c.From)
	if c.Package != "" {
		span = keyspace.PackageReaders(c.From, c.Package)
	}
	at := map[address.Address]int{} // a reader's place in list, which is in the order of the keys
	work := 0
	tx.scan(span, func(key []byte) bool {
		_, kid, reader, err := keyspace.ParsePackage(key)
		if err != nil {
			tx.fail(corruptKey(key, err))
			return false
		}
		i, known := at[reader]
		if !known {
			i = len(list)
			at[reader] = i
			list = append(list, holding{reader: reader})
		}
		list[i].packages = append(list[i].packages, kid)
		work++
		return work <= tx.limits.clearWork
	})
	for i := range list {
		if work > tx.limits.clearWork {
			return nil, false
		}
		tx.findMessages(&list[i], c)
		work += len(list[i].messages)
	}
	return list, work <= tx.limits.clearWork
}

// findPackages lists what is cached of c.Package for the reader; of all
// packages when c names none.
func (tx *tx) findPackages(h *holding, c *command.Accept) {
	if c.Package != "" {
		if _, there := tx.raw(keyspace.Package(c.From, c.Package, h.reader)); there {
			h.packages = append(h.packages, c.Package)
		}
		return
	}
	tx.scan(keyspace.PackagesFor(h.reader, c.From), func(key []byte) bool {
		_, _, kid, err := keyspace.ParsePackageByReader(key)
		if err != nil {
			tx.fail(corruptKey(key, err))
			return false
		}
		h.packages = append(h.packages, kid)
		return len(h.packages) <= tx.limits.clearWork
	})
}

// findMessages lists the publishes of c.Package, or of any, in the reader's mailbox.
func (tx *tx) findMessages(h *holding, c *command.Accept) {
	span := keyspace.PublishesFrom(h.reader, c.From)
	if c.Package != "" {
		span = keyspace.PublishesOf(h.reader, c.From, c.Package)
	}
	tx.scan(span, func(key []byte) bool {
		_, _, _, ts, err := keyspace.ParsePublish(key)
		if err != nil {
			tx.fail(corruptKey(key, err))
			return false
		}
		h.messages = append(h.messages, ts)
		return true
	})
}

// drop removes a holding and gives the number of packages that were cached.
func (tx *tx) drop(vault address.Address, h holding) (count uint32) {
	for _, kid := range h.packages {
		if tx.uncache(vault, kid, h.reader) {
			count++
		}
	}
	for _, ts := range h.messages {
		tx.takeOut(h.reader, ts)
	}
	if len(h.messages) > 0 {
		tx.ring(h.reader)
	}
	return count
}
