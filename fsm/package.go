package fsm

import (
	"encoding/binary"
	"fmt"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
)

// request answers from the cache, or puts the request into the vault's mailbox.
// An answer from the cache is not remembered as accepted: asking again is
// answered again, from what is cached then.
func (tx *tx) request(c *command.Accept, to *command.IdentityRecord) command.Result {
	from := tx.identity(c.From)
	if c.Package == "" {
		return tx.store(c, from, to, eventAccepted)
	}
	if !c.NoCache {
		if vault, p, found := tx.cached(c, to); found {
			served, _ := tx.served(vault, c.Package, c.From)
			tx.setServed(vault, c.Package, c.From, served+1, tx.at)
			tx.messageEvent(eventServed, c, from)
			return command.Result{Status: command.StatusServed, Served: &command.Served{TS: p.TS, Token: p.Token}}
		}
	}
	return tx.store(c, from, to, eventRequested)
}

// cached finds the package that c asks for, of its destination or, when that is
// a route or group, of a member (section 8).
func (tx *tx) cached(c *command.Accept, to *command.IdentityRecord) (address.Address, command.PackageRecord, bool) {
	vaults := []address.Address{c.To}
	if hasMembers(to.Kind) {
		p, _ := get[command.ProfileRecord](tx, keyspace.Profile(c.To))
		vaults = append(vaults, p.Members...)
	}
	for _, v := range vaults {
		p, found := get[command.PackageRecord](tx, keyspace.Package(v, c.Package, c.From))
		if found && p.Expires > tx.now() {
			return v, p, true
		}
	}
	return address.Address{}, command.PackageRecord{}, false
}

// publish stores a message and caches the package in it: both, or neither.
func (tx *tx) publish(c *command.Accept, from, to *command.IdentityRecord) command.Result {
	if c.Package == "" || !c.HasJWE {
		return tx.store(c, from, to, eventAccepted)
	}
	p, s := tx.places(c, to)
	if s != command.StatusOK {
		return refuse(s)
	}
	old, replaces := get[command.PackageRecord](tx, keyspace.Package(c.From, c.Package, c.To))
	if replaces {
		tx.remove(keyspace.ExpiryOfPackage(old.Expires, c.From, c.To, c.Package))
		tx.remove(keyspace.Served(c.From, c.Package, c.To))
	} else {
		holders := tx.number(keyspace.Holders(c.From, c.Package))
		packages := tx.number(keyspace.VaultPackages(c.From))
		if holders >= tx.limits.holders || packages >= tx.limits.vaultPackages {
			return refuse(command.StatusTooManyItems)
		}
		tx.setNumber(keyspace.VaultPackages(c.From), packages+1)
		tx.setNumber(keyspace.Holders(c.From, c.Package), holders+1)
		tx.set(keyspace.PackageByReader(c.To, c.From, c.Package), nil)
	}
	r := tx.dispatch(c, from, p, eventPublished)
	put(tx, keyspace.Package(c.From, c.Package, c.To), command.PackageRecord{TS: r.TS, Expires: c.Expires, Token: c.Token})
	tx.set(keyspace.ExpiryOfPackage(c.Expires, c.From, c.To, c.Package), nil)
	return r
}

// uncache removes a package from the cache and reports whether it was there.
// The list by reader is tidied in any case: when a vault retires, its packages
// go by ranges, and their entries there only later.
func (tx *tx) uncache(vault address.Address, kid string, reader address.Address) bool {
	tx.remove(keyspace.PackageByReader(reader, vault, kid))
	key := keyspace.Package(vault, kid, reader)
	p, there := get[command.PackageRecord](tx, key)
	if !there {
		return false
	}
	tx.remove(key)
	tx.remove(keyspace.Served(vault, kid, reader))
	tx.remove(keyspace.ExpiryOfPackage(p.Expires, vault, reader, kid))
	tx.countDown(keyspace.Holders(vault, kid))
	tx.countDown(keyspace.VaultPackages(vault))
	return true
}

// countDown takes one off a number, which is not kept as 0.
func (tx *tx) countDown(key []byte) {
	if n := tx.number(key); n > 1 {
		tx.setNumber(key, n-1)
	} else {
		tx.remove(key)
	}
}

// served reads how often a cached package was served, and when last.
func (tx *tx) served(vault address.Address, kid string, reader address.Address) (times, last uint64) {
	data, found := tx.raw(keyspace.Served(vault, kid, reader))
	times, last, err := decodeServed(data, found)
	tx.fail(err)
	return times, last
}

func (tx *tx) setServed(vault address.Address, kid string, reader address.Address, times, last uint64) {
	b := binary.BigEndian.AppendUint64(nil, times)
	tx.set(keyspace.Served(vault, kid, reader), binary.BigEndian.AppendUint64(b, last))
}

func decodeServed(data []byte, found bool) (times, last uint64, err error) {
	if !found {
		return 0, 0, nil
	}
	if len(data) != 16 {
		return 0, 0, fmt.Errorf("%w: a served package of %d bytes", ErrCorrupt, len(data))
	}
	return binary.BigEndian.Uint64(data), binary.BigEndian.Uint64(data[8:]), nil
}
