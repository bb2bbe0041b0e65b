package fsm

import (
	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
)

// updateSigKey replaces both keys. The token of the encryption key is part of
// "the same token again", and is remembered with the other.
func (tx *tx) updateSigKey(c *command.UpdateSigKey) command.Result {
	u, s := tx.admit(c.Identity, command.TargetSigKey, c.Proof, c.EncDigest)
	if s != command.StatusOK {
		return declined(c.Identity, s)
	}
	if owner := tx.address(keyspace.Thumbprint(c.Thumbprint)); !owner.IsZero() {
		return refuse(command.StatusConflict)
	}
	p, _ := get[command.ProfileRecord](tx, keyspace.Profile(c.Identity))
	if len(p.SigChain) >= command.MaxChain {
		return refuse(command.StatusTooManyItems)
	}
	p.SigChain = append(p.SigChain, c.Token)
	p.EncToken = c.EncToken
	put(tx, keyspace.Profile(c.Identity), p)
	id := *u.identity
	id.SigKey, id.Thumbprint = c.SigKey, c.Thumbprint
	tx.setIdentity(c.Identity, id)
	tx.set(keyspace.Thumbprint(c.Thumbprint), c.Identity[:])
	u.mark.add(c.Proof.IssuedAt, c.Proof.Signer, c.Proof.Digest, c.EncDigest)
	return tx.changed(c.Identity, u, eventSigKeyUpdated, len(c.Token))
}

func (tx *tx) updateEncKey(c *command.UpdateEncKey) command.Result {
	u, s := tx.admit(c.Identity, command.TargetEncKey, c.Proof)
	if s != command.StatusOK {
		return declined(c.Identity, s)
	}
	p, _ := get[command.ProfileRecord](tx, keyspace.Profile(c.Identity))
	p.EncToken = c.EncToken
	put(tx, keyspace.Profile(c.Identity), p)
	u.mark.add(c.Proof.IssuedAt, c.Proof.Signer, c.Proof.Digest)
	return tx.changed(c.Identity, u, eventEncKeyUpdated, len(c.EncToken))
}

// updateMeta does all of what it carries, or nothing. A part that was done
// before does not keep the other from being done.
func (tx *tx) updateMeta(c *command.UpdateMeta) command.Result {
	public, publicStatus := tx.admitPart(c.Identity, command.TargetMetaPublic, c.PublicProof)
	private, privateStatus := tx.admitPart(c.Identity, command.TargetMetaPrivate, c.PrivateProof)
	for _, s := range []command.Status{publicStatus, privateStatus} {
		if s != command.StatusOK && s != command.StatusExists {
			return refuse(s)
		}
	}
	doPublic, doPrivate := publicStatus == command.StatusOK, privateStatus == command.StatusOK
	if !doPublic && !doPrivate {
		return declined(c.Identity, command.StatusExists)
	}
	p, _ := get[command.ProfileRecord](tx, keyspace.Profile(c.Identity))
	size, u := 0, private
	if doPrivate {
		p.MetaPrivate = c.Private
		size += len(c.Private)
		private.mark.add(c.PrivateProof.IssuedAt, c.PrivateProof.Signer, c.PrivateProof.Digest)
	}
	if doPublic {
		u = public
		p.MetaPublic = c.Public
		size += len(c.Public)
		public.mark.add(c.PublicProof.IssuedAt, c.PublicProof.Signer, c.PublicProof.Digest)
		id := *public.identity
		id.Kind = c.Kind
		tx.setIdentity(c.Identity, id)
	}
	put(tx, keyspace.Profile(c.Identity), p)
	return tx.changed(c.Identity, u, eventMetaUpdated, size)
}

// admitPart is admit for one half of an UpdateMeta; an absent half has nothing
// left to do.
func (tx *tx) admitPart(a address.Address, target string, p *command.Proof) (update, command.Status) {
	if p != nil {
		return tx.admit(a, target, *p)
	}
	if s := tx.authorise(command.ScopeIdentity); s != command.StatusOK {
		return update{}, s
	}
	if _, s := tx.acting(a); s != command.StatusOK {
		return update{}, s
	}
	return update{}, command.StatusExists
}

func (tx *tx) storeData(c *command.StoreData) command.Result {
	u, s := tx.admit(c.Identity, command.DataTarget(c.Name), c.Proof)
	if s != command.StatusOK {
		return declined(c.Identity, s)
	}
	key := keyspace.Data(c.Identity, c.Name)
	if _, there := tx.raw(key); !there && tx.count(keyspace.DataOf(c.Identity), command.MaxDataItems) >= command.MaxDataItems {
		return refuse(command.StatusTooManyItems)
	}
	put(tx, key, command.DataRecord{Name: c.Name, Token: c.Token, Updated: tx.seconds()})
	u.mark.add(c.Proof.IssuedAt, c.Proof.Signer, c.Proof.Digest)
	return tx.changed(c.Identity, u, eventDataStored, len(c.Token))
}

// count counts the keys of r, up to most.
func (tx *tx) count(r keyspace.Range, most int) int {
	n := 0
	tx.scan(r, func([]byte) bool {
		n++
		return n < most
	})
	return n
}

func (tx *tx) setMembers(c *command.SetMembers) command.Result {
	u, s := tx.admit(c.Identity, command.TargetMembers, c.Proof)
	if s != command.StatusOK {
		return declined(c.Identity, s)
	}
	if !hasMembers(u.identity.Kind) {
		return refuse(command.StatusWrongKind)
	}
	if len(c.Members) > command.MaxMembers {
		return refuse(command.StatusTooManyItems)
	}
	for _, m := range c.Members {
		if m.Type() != address.Identity {
			return refuse(command.StatusNoSuchDestination)
		}
	}
	p, _ := get[command.ProfileRecord](tx, keyspace.Profile(c.Identity))
	p.Members = distinct(c.Members)
	put(tx, keyspace.Profile(c.Identity), p)
	u.mark.add(c.Proof.IssuedAt, c.Proof.Signer, c.Proof.Digest)
	return tx.changed(c.Identity, u, eventMembersChanged, 0)
}

// changed ends a change that was made: its event, a ring for those who follow
// the identity, and the result.
func (tx *tx) changed(a address.Address, u update, k kind, size int) command.Result {
	tx.event(k, u.identity.Customer, command.EventRecord{From: a, Size: uint32(size)})
	tx.ring(a)
	return command.Result{Status: command.StatusOK, Address: a}
}
