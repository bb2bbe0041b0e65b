package fsm

import (
	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
)

// actor is on whose behalf the command at work is done.
type actor struct {
	cluster bool // the cluster itself: it may do anything
	tenant
	key address.Address
}

// tenant is an API key with the records that decide whether it counts.
type tenant struct {
	key   command.KeyRecord
	found bool
	// enabled: its application and its customer are.
	enabled bool
}

// has reports whether the actor's key has one of the scopes.
func (a actor) has(s command.Scope) bool { return a.cluster || a.tenant.key.Scopes&s != 0 }

// customer gives the actor's customer; nobody's for the cluster itself.
func (a actor) customer() address.Address { return a.tenant.key.Customer }

// authorise finds the actor of the command at work and checks that its key
// counts now and has one of the scopes. The door checked the same, but on a
// state that may have changed since (section 3).
func (tx *tx) authorise(need command.Scope) command.Status {
	m := tx.meta
	if m.Key.IsZero() {
		tx.who = actor{cluster: true}
		return command.StatusOK
	}
	t := tx.tenant(m.Key)
	switch {
	case !t.found || !tx.shown(t.key, m.KeyGeneration):
		return command.StatusNoSuchKey
	case !t.key.Enabled:
		return command.StatusKeyDisabled
	case t.key.Expires != 0 && t.key.Expires <= tx.seconds():
		return command.StatusKeyExpired
	case !t.enabled:
		return command.StatusTenantDisabled
	case t.key.Scopes&need == 0:
		return command.StatusScope
	}
	tx.who = actor{tenant: t, key: m.Key}
	return command.StatusOK
}

// onlyCluster is authorise for what no API key may ask for.
func (tx *tx) onlyCluster() command.Status { return tx.authorise(0) }

// shown reports whether that generation of the key's secret is still valid.
func (tx *tx) shown(k command.KeyRecord, generation uint64) bool {
	for _, s := range k.Secrets {
		if s.Generation == generation {
			return s.Until == 0 || s.Until > tx.seconds()
		}
	}
	return false
}

// tenant reads an API key with what stands behind it.
func (tx *tx) tenant(k address.Address) tenant {
	if t, cached := tx.tenants[k]; cached {
		return t
	}
	var t tenant
	t.key, t.found = get[command.KeyRecord](tx, keyspace.Key(k))
	t.found = t.found && !t.key.Deleted
	if t.found {
		app, _ := get[command.ApplicationRecord](tx, keyspace.Application(t.key.Application))
		customer, _ := get[command.CustomerRecord](tx, keyspace.Customer(t.key.Customer))
		t.enabled = app.Enabled && customer.Enabled
	}
	tx.tenants[k] = t
	return t
}

// forgetTenants is called when a key, an application or a customer changes.
func (tx *tx) forgetTenants() { clear(tx.tenants) }

// manage checks that the actor may change what belongs to customer. That of the
// operators is theirs alone: whoever could make keys there would be one.
func (tx *tx) manage(customer address.Address) command.Status {
	if tx.who.has(command.ScopeOperator) {
		return command.StatusOK
	}
	if tx.who.customer() != customer {
		return command.StatusNoSuchTenant
	}
	if customer == tx.address(keyOperator) {
		return command.StatusScope
	}
	return command.StatusOK
}

// grant checks that the actor may give, or touch, a key of these scopes.
func (tx *tx) grant(s command.Scope) command.Status {
	if s&command.ScopeOperator != 0 && !tx.who.has(command.ScopeOperator) {
		return command.StatusScope
	}
	return command.StatusOK
}

// acting finds the identity that acts and checks that the actor may act for it
// and that it is not retired.
func (tx *tx) acting(a address.Address) (*command.IdentityRecord, command.Status) {
	id, s := tx.own(a)
	if s == command.StatusOK && id.Retired {
		return id, command.StatusRetired
	}
	return id, s
}

// own is acting for what a retired identity may still be asked.
func (tx *tx) own(a address.Address) (*command.IdentityRecord, command.Status) {
	id := tx.identity(a)
	switch {
	case id == nil:
		return nil, command.StatusNoSuchIdentity
	case !tx.who.cluster && tx.who.tenant.key.Application != id.Application:
		return nil, command.StatusOtherApp
	}
	return id, command.StatusOK
}

// identity reads an identity; nil if there is none. Who changes it writes it
// with setIdentity.
func (tx *tx) identity(a address.Address) *command.IdentityRecord {
	if id, cached := tx.identities[a]; cached {
		return id
	}
	var id *command.IdentityRecord
	if r, found := get[command.IdentityRecord](tx, keyspace.Identity(a)); found {
		id = &r
	}
	tx.identities[a] = id
	return id
}

func (tx *tx) setIdentity(a address.Address, r command.IdentityRecord) {
	put(tx, keyspace.Identity(a), r)
	tx.identities[a] = &r
}

// refuse gives the result of a command that was not done.
func refuse(s command.Status) command.Result { return command.Result{Status: s} }
