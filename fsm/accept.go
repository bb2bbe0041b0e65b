package fsm

import (
	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
	"github.com/nixnode/nixnode/message"
)

// accept takes one message (sections 6 and 7). The order of the checks is the
// order of what the sender is told; a message that was accepted before is that,
// whatever has become of its destination since.
func (tx *tx) accept(c *command.Accept) command.Result {
	if s := tx.authorise(command.ScopeMessage); s != command.StatusOK {
		return refuse(s)
	}
	from, s := tx.acting(c.From)
	if s != command.StatusOK {
		return refuse(s)
	}
	if from.Thumbprint != c.Signer {
		return refuse(command.StatusKeyNotCurrent)
	}
	if r, before := get[command.AcceptedRecord](tx, keyspace.Accepted(c.Digest)); before {
		return command.Result{Status: command.StatusExists, TS: r.TS, Before: r.Before}
	}
	to := tx.identity(c.To)
	switch {
	case to == nil:
		return refuse(command.StatusNoSuchDestination)
	case to.Retired:
		return refuse(command.StatusDestRetired)
	case c.Expires <= tx.state.clock:
		return refuse(command.StatusExpired)
	}
	switch message.Type(c.Kind) {
	case message.Request:
		return tx.request(c, to)
	case message.Publish:
		return tx.publish(c, from, to)
	case message.Clear:
		if c.To == c.From {
			return tx.clearEverywhere(c, from)
		}
		return tx.clearFor(c, from, to)
	case message.Deny:
		return tx.store(c, from, to, eventDenied)
	}
	return tx.store(c, from, to, eventAccepted)
}

// store puts a message into its destination's mailbox and into those of the
// destination's members, as far as there is room.
func (tx *tx) store(c *command.Accept, from, to *command.IdentityRecord, k kind) command.Result {
	p, s := tx.places(c, to)
	if s != command.StatusOK {
		return refuse(s)
	}
	return tx.dispatch(c, from, p, k)
}

// places are the mailboxes that a message goes into.
type places struct {
	own     bool // its destination's
	members []address.Address
	skipped uint32 // members without room
}

// places finds where there is room for c; nowhere is StatusMailboxFull. One full
// mailbox must not keep a message from the others.
func (tx *tx) places(c *command.Accept, to *command.IdentityRecord) (p places, s command.Status) {
	members, s := tx.members(c, to)
	if s != command.StatusOK {
		return p, s
	}
	p.own = !tx.full(c, c.To)
	p.members, p.skipped = tx.roomy(c, members)
	if !p.own && len(p.members) == 0 {
		return p, command.StatusMailboxFull
	}
	return p, command.StatusOK
}

// dispatch delivers a message to its places, remembers it and tells of it.
func (tx *tx) dispatch(c *command.Accept, from *command.IdentityRecord, p places, k kind) command.Result {
	r := command.Result{Status: command.StatusOK, Skipped: p.skipped}
	if p.own {
		r.TS, r.Before = tx.deliver(c, c.To, address.Address{})
	}
	r.Copies = tx.share(c, c.To, p.members)
	tx.remember(c, r.TS, r.Before)
	tx.messageEvent(k, c, from)
	return r
}

// full reports whether a mailbox has no room for the message.
func (tx *tx) full(c *command.Accept, mailbox address.Address) bool {
	box := tx.box(mailbox)
	return box.Messages+1 > tx.limits.mailboxMessages || box.Bytes+uint64(len(c.Token)) > tx.limits.mailboxBytes
}

// deliver puts a message into a mailbox and gives its place there and the place
// before it. via is the group whose member gets a copy. The memory of the message's
// acceptance ends together with the one of its own destination, when it is to end
// then.
func (tx *tx) deliver(c *command.Accept, to, via address.Address) (ts, before uint64) {
	box := tx.changeBox(to)
	before = box.LastTS
	ts = max(tx.at, before+1)
	box.LastTS = ts
	box.Messages++
	box.Bytes += uint64(len(c.Token))
	put(tx, keyspace.Message(to, ts), command.MessageRecord{
		From: c.From, Kind: c.Kind, ID: c.ID, Package: c.Package, Reply: c.InReplyTo, Expires: c.Expires, Token: c.Token, Via: via,
	})
	switch {
	case !isPublish(c.Kind, c.Package):
	case via.IsZero():
		tx.set(keyspace.Publish(to, c.From, c.Package, ts), nil)
	default:
		tx.set(keyspace.Publish(to, c.From, c.Package, ts), via[:])
		tx.set(keyspace.Via(via, c.From, c.Package, to, ts), nil)
	}
	var digest []byte
	if to == c.To && tx.forgetAt(c) == c.Expires {
		digest = c.Digest[:]
	}
	tx.set(keyspace.ExpiryOfMessage(c.Expires, to, ts), digest)
	tx.ring(to)
	return ts, before
}

// isPublish reports whether a message is listed under the package it publishes.
func isPublish(kind uint8, kid string) bool {
	return message.Type(kind) == message.Publish && kid != ""
}

// remember keeps the digest of an accepted message, longer than the message
// itself if its token can be sent again for longer. The entry that ends it is
// the message's own (deliver) when both end at once and there is a message.
func (tx *tx) remember(c *command.Accept, ts, before uint64) {
	until := tx.forgetAt(c)
	put(tx, keyspace.Accepted(c.Digest), command.AcceptedRecord{To: c.To, TS: ts, Before: before, Until: until})
	if ts == 0 || until != c.Expires {
		tx.set(keyspace.ExpiryOfAccepted(until, c.Digest), nil)
	}
}

// forgetAt is when the memory of c ends: not before the message does, and not
// so far away that memory grows without bound.
func (tx *tx) forgetAt(c *command.Accept) int64 {
	return max(c.Expires, min(c.ForgetAfter, tx.seconds()+command.MaxRemember))
}

func (tx *tx) messageEvent(k kind, c *command.Accept, from *command.IdentityRecord) {
	tx.event(k, from.Customer, command.EventRecord{
		From: c.From, To: c.To, ID: c.ID, Package: c.Package, Size: uint32(len(c.Token)),
	})
}

// takeOut removes a message from its mailbox and reports whether it was there.
// Its entry in the expiry index stays: it may have the digest to forget, and
// without the message it does no harm.
func (tx *tx) takeOut(mailbox address.Address, ts uint64) bool {
	key := keyspace.Message(mailbox, ts)
	r, there := get[command.MessageRecord](tx, key)
	if !there {
		return false
	}
	tx.remove(key)
	if isPublish(r.Kind, r.Package) {
		tx.remove(keyspace.Publish(mailbox, r.From, r.Package, ts))
		if !r.Via.IsZero() {
			tx.remove(keyspace.Via(r.Via, r.From, r.Package, mailbox, ts))
		}
	}
	box := tx.changeBox(mailbox)
	box.Messages--
	box.Bytes -= uint64(len(r.Token))
	return true
}

// ack removes what the owner of a mailbox has dealt with.
func (tx *tx) ack(c *command.Ack) command.Result {
	if s := tx.authorise(command.ScopeMessage); s != command.StatusOK {
		return refuse(s)
	}
	id, s := tx.acting(c.Identity)
	if s != command.StatusOK {
		return refuse(s)
	}
	if id.Thumbprint != c.Signer {
		return refuse(command.StatusKeyNotCurrent)
	}
	var count uint32
	out := func(ts uint64) {
		if tx.takeOut(c.Identity, ts) {
			count++
		}
	}
	for _, ts := range c.TS {
		out(ts)
	}
	if c.UpTo > 0 {
		for _, ts := range tx.messages(c.Identity, min(c.UpTo, uint64(message.MaxTimestamp))) {
			out(ts)
		}
	}
	if count > 0 { // Size is how many went
		tx.event(eventAcked, id.Customer, command.EventRecord{From: c.Identity, Size: count})
	}
	return command.Result{Status: command.StatusOK, Count: count}
}

// messages lists the places of a mailbox up to and including upTo. A mailbox is
// bounded, so the list is.
func (tx *tx) messages(mailbox address.Address, upTo uint64) []uint64 {
	var list []uint64
	tx.scan(keyspace.Messages(mailbox, 0, upTo+1), func(key []byte) bool {
		_, ts, err := keyspace.ParseMessage(key)
		if err != nil {
			tx.fail(corruptKey(key, err))
		}
		list = append(list, ts)
		return true
	})
	return list
}
