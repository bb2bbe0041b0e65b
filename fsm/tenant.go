package fsm

import (
	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
)

// operatorName is the name of the customer that Bootstrap makes.
const operatorName = "operator"

// bootstrap makes the operators' customer, application and key, once.
func (tx *tx) bootstrap(c *command.Bootstrap) command.Result {
	if s := tx.onlyCluster(); s != command.StatusOK {
		return refuse(s)
	}
	if there := tx.address(keyOperator); !there.IsZero() {
		return command.Result{Status: command.StatusExists, Address: there}
	}
	tx.set(keyOperator, c.Customer[:])
	tx.addCustomer(c.Customer, operatorName)
	tx.addApplication(c.Customer, c.Application, operatorName)
	tx.addKey(c.NewKey, command.KeyRecord{
		Application: c.Application, Customer: c.Customer, Name: operatorName,
		Scopes:  command.ScopeOperator | command.ScopeAdmin | command.ScopeEvent | command.ScopeIdentity | command.ScopeMessage,
		Secrets: []command.KeySecret{{Generation: 1, Sealed: c.Sealed}},
	})
	return command.Result{Status: command.StatusOK, Address: c.Customer}
}

func (tx *tx) createCustomer(c *command.CreateCustomer) command.Result {
	if s := tx.authorise(command.ScopeOperator); s != command.StatusOK {
		return refuse(s)
	}
	if _, there := get[command.CustomerRecord](tx, keyspace.Customer(c.Customer)); there {
		return command.Result{Status: command.StatusExists, Address: c.Customer}
	}
	tx.addCustomer(c.Customer, c.Name)
	return command.Result{Status: command.StatusOK, Address: c.Customer}
}

func (tx *tx) addCustomer(a address.Address, name string) {
	put(tx, keyspace.Customer(a), command.CustomerRecord{Name: name, Enabled: true, Created: tx.seconds()})
	tx.event(eventCustomerCreated, a, command.EventRecord{To: a})
}

func (tx *tx) updateCustomer(c *command.UpdateCustomer) command.Result {
	if s := tx.authorise(command.ScopeAdmin | command.ScopeOperator); s != command.StatusOK {
		return refuse(s)
	}
	r, there := get[command.CustomerRecord](tx, keyspace.Customer(c.Customer))
	if !there {
		return refuse(command.StatusNoSuchTenant)
	}
	if s := tx.manage(c.Customer); s != command.StatusOK {
		return refuse(s)
	}
	if name, enabled := assign(&r.Name, c.Name), assign(&r.Enabled, c.Enabled); !name && !enabled {
		return command.Result{Status: command.StatusExists, Address: c.Customer}
	}
	put(tx, keyspace.Customer(c.Customer), r)
	tx.forgetTenants()
	tx.event(eventCustomerUpdated, c.Customer, command.EventRecord{To: c.Customer})
	return command.Result{Status: command.StatusOK, Address: c.Customer}
}

func (tx *tx) createApplication(c *command.CreateApplication) command.Result {
	if s := tx.authorise(command.ScopeAdmin | command.ScopeOperator); s != command.StatusOK {
		return refuse(s)
	}
	if _, there := get[command.CustomerRecord](tx, keyspace.Customer(c.Customer)); !there {
		return refuse(command.StatusNoSuchTenant)
	}
	if s := tx.manage(c.Customer); s != command.StatusOK {
		return refuse(s)
	}
	if r, there := get[command.ApplicationRecord](tx, keyspace.Application(c.Application)); there {
		if r.Customer != c.Customer {
			return refuse(command.StatusConflict)
		}
		return command.Result{Status: command.StatusExists, Address: c.Application}
	}
	tx.addApplication(c.Customer, c.Application, c.Name)
	return command.Result{Status: command.StatusOK, Address: c.Application}
}

func (tx *tx) addApplication(customer, a address.Address, name string) {
	put(tx, keyspace.Application(a), command.ApplicationRecord{Customer: customer, Name: name, Enabled: true, Created: tx.seconds()})
	tx.set(keyspace.ApplicationByCustomer(customer, a), nil)
	tx.event(eventAppCreated, customer, command.EventRecord{To: a})
}

func (tx *tx) updateApplication(c *command.UpdateApplication) command.Result {
	if s := tx.authorise(command.ScopeAdmin | command.ScopeOperator); s != command.StatusOK {
		return refuse(s)
	}
	r, there := get[command.ApplicationRecord](tx, keyspace.Application(c.Application))
	if !there {
		return refuse(command.StatusNoSuchTenant)
	}
	if s := tx.manage(r.Customer); s != command.StatusOK {
		return refuse(s)
	}
	if name, enabled := assign(&r.Name, c.Name), assign(&r.Enabled, c.Enabled); !name && !enabled {
		return command.Result{Status: command.StatusExists, Address: c.Application}
	}
	put(tx, keyspace.Application(c.Application), r)
	tx.forgetTenants()
	tx.event(eventAppUpdated, r.Customer, command.EventRecord{To: c.Application})
	return command.Result{Status: command.StatusOK, Address: c.Application}
}
