package fsm

import (
	"fmt"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
)

// The members of a route or group get a copy each of what is sent to it, when it
// is sent (section 8, docs/decisions/groups.md). From then on a copy is a message
// like any other of its mailbox.

// hasMembers reports whether identities of that kind have members (section 8).
func hasMembers(kind string) bool { return kind == "route" || kind == "group" }

// fanOut is what the log entry at work has copied for members.
type fanOut struct {
	copies, bytes int
	// over: something did not fit. Nothing may then, or a later message could come
	// before an earlier one of the same sender.
	over bool
}

// members gives who gets a copy of c: the members of its destination that are
// somebody still. Members of members get none. Nobody, for a destination without.
func (tx *tx) members(c *command.Accept, to *command.IdentityRecord) ([]address.Address, command.Status) {
	list := tx.membersOf(c.To, to)
	if len(list) == 0 {
		return nil, command.StatusOK
	}
	bytes := len(list) * len(c.Token)
	if bytes > tx.limits.copyBytes {
		return nil, command.StatusTooManyItems
	}
	f := &tx.fanOut
	if f.over || f.copies+len(list) > tx.limits.copies || f.bytes+bytes > tx.limits.copyBytes {
		f.over = true
		return nil, command.StatusBusy
	}
	return list, command.StatusOK
}

func (tx *tx) membersOf(group address.Address, r *command.IdentityRecord) (list []address.Address) {
	if !hasMembers(r.Kind) {
		return nil
	}
	p, _ := get[command.ProfileRecord](tx, keyspace.Profile(group))
	for _, m := range p.Members {
		if id := tx.identity(m); m != group && id != nil && !id.Retired {
			list = append(list, m)
		}
	}
	return list
}

// roomy gives those of a list whose mailboxes have room for c, and the number of
// the others.
func (tx *tx) roomy(c *command.Accept, list []address.Address) (with []address.Address, without uint32) {
	for _, m := range list {
		if tx.full(c, m) {
			without++
		} else {
			with = append(with, m)
		}
	}
	return with, without
}

// share delivers copies of c to members of a group, and counts them.
func (tx *tx) share(c *command.Accept, group address.Address, members []address.Address) (copies []command.Copy) {
	for _, m := range members {
		ts, before := tx.deliver(c, m, group)
		copies = append(copies, command.Copy{To: m, TS: ts, Before: before})
	}
	tx.fanOut.copies += len(members)
	tx.fanOut.bytes += len(members) * len(c.Token)
	return copies
}

// copied is one copy of a publish.
type copied struct {
	member address.Address
	ts     uint64
}

// findCopies lists the copies of what c clears for a group, also those of former
// members; at most one more than a clear may remove.
func (tx *tx) findCopies(c *command.Accept, group address.Address) (list []copied) {
	span := keyspace.CopiesFrom(group, c.From)
	if c.Package != "" {
		span = keyspace.CopiesOf(group, c.From, c.Package)
	}
	tx.scan(span, func(key []byte) bool {
		_, _, _, member, ts, err := keyspace.ParseVia(key)
		if err != nil {
			tx.fail(corruptKey(key, err))
			return false
		}
		list = append(list, copied{member, ts})
		return len(list) <= tx.limits.clearWork
	})
	return list
}

// forgetCopies takes the copies that a has of publishes to groups off the groups'
// lists; its messages go by ranges. A mailbox is bounded, so the work is.
func (tx *tx) forgetCopies(a address.Address) {
	tx.scan(keyspace.PublishesTo(a), func(key []byte) bool {
		group := tx.group(key)
		if group.IsZero() {
			return true
		}
		_, vault, kid, ts, err := keyspace.ParsePublish(key)
		if err != nil {
			tx.fail(corruptKey(key, err))
			return false
		}
		tx.remove(keyspace.Via(group, vault, kid, a, ts))
		return true
	})
}

// group reads the value of a Publish key: the group that a copy came by; nobody
// for what was sent to its mailbox's owner.
func (tx *tx) group(key []byte) address.Address {
	data, found := tx.raw(key)
	if !found || len(data) == 0 {
		return address.Address{}
	}
	a, err := address.FromBytes(data)
	if err != nil {
		tx.fail(fmt.Errorf("%w: %w", ErrCorrupt, err))
	}
	return a
}

// distinct gives a list of members without repetitions.
func distinct(list []address.Address) []address.Address {
	seen := map[address.Address]bool{}
	var out []address.Address
	for _, a := range list {
		if !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	return out
}
