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
	copies   []copied // of those, if it is a group: in the mailboxes of its members
	members  []address.Address
}

// work is how many things go with a holding.
func (h holding) work() int { return len(h.packages) + len(h.messages) + len(h.copies) }

// clearFor revokes what the sender published to one reader. A full mailbox
// cannot keep a revocation from being done and delivered, as long as there is
// something to revoke; each such clear takes the place of a publish that found room.
func (tx *tx) clearFor(c *command.Accept, from, to *command.IdentityRecord) command.Result {
	h := holding{reader: c.To}
	tx.findPackages(&h, c)
	tx.findMessages(&h, c)
	if hasMembers(to.Kind) {
		h.copies = tx.findCopies(c, c.To)
	}
	if h.work() > tx.limits.clearWork {
		return refuse(command.StatusTooManyItems)
	}
	p, s := tx.places(c, to)
	if s != command.StatusOK && (s != command.StatusMailboxFull || h.work() == 0) {
		return refuse(s)
	}
	count := tx.drop(c.From, h)
	if h.work() > 0 { // there is room now, or has to be
		p.own = true
		p.members, p.skipped = tx.roomy(c, tx.membersOf(c.To, to))
	}
	r := tx.dispatch(c, from, p, eventCleared)
	r.Status, r.Count = command.StatusCleared, count
	return r
}

// clearEverywhere revokes for everyone: the sender addressed itself. Each reader
// that still is somebody gets a copy of the clear, and each member of a reader that
// is a group; the sender's own mailbox gets none.
func (tx *tx) clearEverywhere(c *command.Accept, from *command.IdentityRecord) command.Result {
	holdings, ok := tx.holdings(c)
	if !ok {
		return refuse(command.StatusTooManyItems)
	}
	told := tx.told(c, holdings)
	if len(told) > tx.limits.clearWork || len(told)*len(c.Token) > command.MaxClearBytes {
		return refuse(command.StatusTooManyItems)
	}
	var count uint32
	for _, h := range holdings {
		count += tx.drop(c.From, h)
	}
	var copies []command.Copy
	for _, t := range told {
		ts, before := tx.deliver(c, t.reader, t.via)
		copies = append(copies, command.Copy{To: t.reader, TS: ts, Before: before})
	}
	tx.remember(c, 0, 0)
	tx.messageEvent(eventCleared, c, from)
	return command.Result{Status: command.StatusCleared, Count: count, Copies: copies}
}

// told is one who gets a copy of a clear for everyone, and the group, if it is for
// that one's sake.
type told struct{ reader, via address.Address }

// told gives who is to get a copy, each once.
func (tx *tx) told(c *command.Accept, holdings []holding) (list []told) {
	seen := map[address.Address]bool{}
	add := func(t told) {
		if !seen[t.reader] && tx.getsCopy(t.reader, c.From) {
			seen[t.reader] = true
			list = append(list, t)
		}
	}
	for _, h := range holdings {
		add(told{reader: h.reader})
	}
	for _, h := range holdings {
		for _, m := range h.members {
			add(told{reader: m, via: h.reader})
		}
	}
	return list
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
		tx.findShared(&list[i], c)
		work += len(list[i].messages) + len(list[i].copies) + len(list[i].members)
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

// findShared lists the copies and the members of a reader that is a group.
func (tx *tx) findShared(h *holding, c *command.Accept) {
	id := tx.identity(h.reader)
	if id == nil || id.Retired || !hasMembers(id.Kind) {
		return
	}
	h.copies = tx.findCopies(c, h.reader)
	h.members = tx.membersOf(h.reader, id)
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
	for _, m := range h.copies {
		if tx.takeOut(m.member, m.ts) {
			tx.ring(m.member)
		}
	}
	return count
}
