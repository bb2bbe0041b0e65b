package fsm

import (
	"bytes"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
)

const secondsPerDay = 24 * 3600

func (tx *tx) register(c *command.Register) command.Result {
	if s := tx.authorise(command.ScopeIdentity); s != command.StatusOK {
		return refuse(s)
	}
	if !tx.who.cluster && tx.who.tenant.key.Application != c.Application {
		return refuse(command.StatusOtherApp)
	}
	app, there := get[command.ApplicationRecord](tx, keyspace.Application(c.Application))
	if !there {
		return refuse(command.StatusNoSuchTenant)
	}
	if owner := tx.address(keyspace.Thumbprint(c.Thumbprint)); !owner.IsZero() {
		return tx.registerAgain(owner, c)
	}
	if tx.identity(c.Identity) != nil {
		return refuse(command.StatusConflict)
	}
	tx.setIdentity(c.Identity, command.IdentityRecord{
		Application: c.Application, Customer: app.Customer, SigKey: c.SigKey, Thumbprint: c.Thumbprint, Kind: c.Kind,
		Created: tx.seconds(), LastHeard: tx.seconds(),
	})
	put(tx, keyspace.Profile(c.Identity), command.ProfileRecord{
		SigRoot: c.SigKey, EncToken: c.EncToken, MetaPublic: c.MetaPublic, MetaPrivate: c.MetaPrivate, Registered: c.Digest,
	})
	tx.set(keyspace.Thumbprint(c.Thumbprint), c.Identity[:])
	tx.event(eventRegistered, app.Customer, command.EventRecord{From: c.Identity})
	return command.Result{Status: command.StatusOK, Address: c.Identity}
}

// registerAgain answers a registration of a key that is, or was, somebody's. It
// must not tell one application about the identities of another.
func (tx *tx) registerAgain(owner address.Address, c *command.Register) command.Result {
	id := tx.identity(owner)
	if id == nil || id.Application != c.Application {
		return refuse(command.StatusConflict)
	}
	if id.Retired {
		return refuse(command.StatusRetired)
	}
	p, _ := get[command.ProfileRecord](tx, keyspace.Profile(owner))
	if !bytes.Equal(p.SigRoot, c.SigKey) || p.Registered != c.Digest {
		return refuse(command.StatusConflict)
	}
	return command.Result{Status: command.StatusExists, Address: owner}
}

// retire ends an identity. What it owned is removed by ranges, whatever its
// size; only what others have cached for it takes steps, which expiry makes:
// nobody else can reach that. Entries about all of this that stay in the expiry
// index find nothing. The signing keys stay taken, the identity stays retired.
func (tx *tx) retire(c *command.Retire) command.Result {
	if s := tx.authorise(command.ScopeIdentity); s != command.StatusOK {
		return refuse(s)
	}
	id, s := tx.own(c.Identity)
	if s != command.StatusOK {
		return refuse(s)
	}
	mark := tx.mark(c.Identity, command.TargetRetire)
	if mark.has(c.Proof.Digest) {
		return command.Result{Status: command.StatusExists, Address: c.Identity}
	}
	if id.Retired {
		return refuse(command.StatusRetired)
	}
	if id.Thumbprint != c.Proof.Signer {
		return refuse(command.StatusKeyNotCurrent)
	}
	gone := *id
	gone.Retired = true
	tx.setIdentity(c.Identity, gone)
	tx.removeBelongings(c.Identity)
	mark.add(c.Proof.IssuedAt, c.Proof.Signer, c.Proof.Digest)
	tx.event(eventRetired, id.Customer, command.EventRecord{From: c.Identity})
	tx.ring(c.Identity)
	return command.Result{Status: command.StatusOK, Address: c.Identity}
}

func (tx *tx) removeBelongings(a address.Address) {
	tx.remove(keyspace.Profile(a))
	tx.remove(keyspace.Mailbox(a))
	tx.remove(keyspace.VaultPackages(a))
	tx.forgetBox(a)
	tx.forgetCopies(a)
	for _, r := range []keyspace.Range{
		keyspace.DataOf(a), keyspace.MarksOf(a),
		keyspace.Messages(a, 0, 0), keyspace.PublishesTo(a), keyspace.CopiesVia(a),
		keyspace.PackagesOf(a), keyspace.HoldersOf(a), keyspace.ServedOf(a),
	} {
		tx.removeRange(r)
	}
	tx.set(keyspace.ExpiryOfReader(a), nil)
}

// touch moves the day on which the identity was last heard of. It leaves no event.
func (tx *tx) touch(c *command.Touch) command.Result {
	if s := tx.authorise(command.ScopeIdentity); s != command.StatusOK {
		return refuse(s)
	}
	id, s := tx.acting(c.Identity)
	if s != command.StatusOK {
		return refuse(s)
	}
	if tx.seconds()/secondsPerDay <= id.LastHeard/secondsPerDay {
		return command.Result{Status: command.StatusExists, Address: c.Identity}
	}
	heard := *id
	heard.LastHeard = tx.seconds()
	tx.setIdentity(c.Identity, heard)
	return command.Result{Status: command.StatusOK, Address: c.Identity}
}
