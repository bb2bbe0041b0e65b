package fsm

import (
	"bytes"
	"fmt"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
)

func (tx *tx) createKey(c *command.CreateKey) command.Result {
	if s := tx.authorise(command.ScopeAdmin | command.ScopeOperator); s != command.StatusOK {
		return refuse(s)
	}
	app, there := get[command.ApplicationRecord](tx, keyspace.Application(c.Application))
	if !there {
		return refuse(command.StatusNoSuchTenant)
	}
	if s := tx.manage(app.Customer); s != command.StatusOK {
		return refuse(s)
	}
	if s := tx.grant(c.Scopes); s != command.StatusOK {
		return refuse(s)
	}
	if r, there := get[command.KeyRecord](tx, keyspace.Key(c.NewKey)); there {
		if r.Deleted || r.Application != c.Application {
			return refuse(command.StatusConflict) // an address is given out once
		}
		return command.Result{Status: command.StatusExists, Address: c.NewKey}
	}
	tx.addKey(c.NewKey, command.KeyRecord{
		Application: c.Application, Customer: app.Customer, Name: c.Name, Scopes: c.Scopes, Expires: c.Expires, Rate: c.Rate,
		Secrets: []command.KeySecret{{Generation: 1, Sealed: c.Sealed}},
	})
	return command.Result{Status: command.StatusOK, Address: c.NewKey}
}

// addKey writes a new key: enabled, and made at the command's time.
func (tx *tx) addKey(a address.Address, r command.KeyRecord) {
	r.Enabled, r.Created = true, tx.seconds()
	put(tx, keyspace.Key(a), r)
	tx.set(keyspace.KeyByApplication(r.Application, a), nil)
	tx.forgetTenants()
	tx.event(eventKeyCreated, r.Customer, command.EventRecord{To: a})
}

// managedKey finds a key that the actor wants to change, and may.
func (tx *tx) managedKey(a address.Address) (command.KeyRecord, command.Status) {
	if s := tx.authorise(command.ScopeAdmin | command.ScopeOperator); s != command.StatusOK {
		return command.KeyRecord{}, s
	}
	r, there := get[command.KeyRecord](tx, keyspace.Key(a))
	if !there || r.Deleted {
		return r, command.StatusNoSuchTenant
	}
	if s := tx.manage(r.Customer); s != command.StatusOK {
		return r, s
	}
	return r, tx.grant(r.Scopes)
}

func (tx *tx) updateKey(c *command.UpdateKey) command.Result {
	r, s := tx.managedKey(c.Target)
	if s == command.StatusOK && c.Scopes != nil {
		s = tx.grant(*c.Scopes)
	}
	if s != command.StatusOK {
		return refuse(s)
	}
	changed := false
	for _, one := range []bool{
		assign(&r.Name, c.Name), assign(&r.Enabled, c.Enabled), assign(&r.Expires, c.Expires),
		assign(&r.Scopes, c.Scopes), assign(&r.Rate, c.Rate),
	} {
		changed = changed || one
	}
	if !changed {
		return command.Result{Status: command.StatusExists, Address: c.Target}
	}
	tx.changeKey(c.Target, r, eventKeyUpdated)
	return command.Result{Status: command.StatusOK, Address: c.Target}
}

// rotateKey puts a new secret before the one in use, which stays valid until
// OldUntil; any older one ends.
func (tx *tx) rotateKey(c *command.RotateKey) command.Result {
	r, s := tx.managedKey(c.Target)
	if s != command.StatusOK {
		return refuse(s)
	}
	if len(r.Secrets) == 0 {
		tx.fail(fmt.Errorf("%w: an API key without a secret", ErrCorrupt))
		return command.Result{}
	}
	newest := r.Secrets[0]
	if bytes.Equal(newest.Sealed, c.Sealed) {
		return command.Result{Status: command.StatusExists, Address: c.Target}
	}
	secrets := []command.KeySecret{{Generation: newest.Generation + 1, Sealed: c.Sealed}}
	if c.OldUntil > tx.seconds() {
		newest.Until = c.OldUntil
		secrets = append(secrets, newest)
	}
	r.Secrets = secrets
	tx.changeKey(c.Target, r, eventKeyRotated)
	return command.Result{Status: command.StatusOK, Address: c.Target}
}

// deleteKey leaves a record without secrets, so that the address stays taken.
func (tx *tx) deleteKey(c *command.DeleteKey) command.Result {
	r, s := tx.managedKey(c.Target)
	if s != command.StatusOK {
		return refuse(s)
	}
	r.Deleted, r.Enabled, r.Secrets = true, false, nil
	tx.remove(keyspace.KeyByApplication(r.Application, c.Target))
	tx.changeKey(c.Target, r, eventKeyDeleted)
	return command.Result{Status: command.StatusOK, Address: c.Target}
}

func (tx *tx) changeKey(a address.Address, r command.KeyRecord, k kind) {
	put(tx, keyspace.Key(a), r)
	tx.forgetTenants()
	tx.event(k, r.Customer, command.EventRecord{To: a})
}

// assign sets *field to *v, when v is given, and reports whether that changed it.
func assign[T comparable](field *T, v *T) bool {
	if v == nil || *field == *v {
		return false
	}
	*field = *v
	return true
}
