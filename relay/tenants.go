package relay

import (
	"unicode/utf8"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
)

// maxName is how many characters the name of a tenant may have.
const maxName = 200

func checkName(name string) error {
	if name == "" {
		return missing("name")
	}
	if utf8.RuneCountInString(name) > maxName {
		return api.Errorf(api.CodeBadValue, "name: at most %d characters", maxName)
	}
	return nil
}

// checkPatchName is checkName for a name that may stay as it is.
func checkPatchName(name *string) error {
	if name == nil {
		return nil
	}
	if *name == "" {
		return api.Errorf(api.CodeBadValue, "name: at least one character")
	}
	return checkName(*name)
}

// parseTenant reads the address of a customer, application or key in a path.
func (s *Service) parseTenant(id string, t address.Type) (address.Address, error) {
	a, err := s.domain.ParseType(id, t)
	if err != nil {
		return a, inputError("id", err)
	}
	return a, nil
}

// The lookups below give what the caller may administer. What is there, but of
// another customer, is to the caller as if it were not. Errors: 40404.

func administeredCustomer(v View, c Caller, a address.Address) (command.CustomerRecord, error) {
	rec, found, err := v.Customer(a)
	if err != nil {
		return rec, err
	}
	if !found || !c.administers(a) {
		return rec, &api.Error{Code: api.CodeNoTenant}
	}
	return rec, nil
}

func administeredApplication(v View, c Caller, a address.Address) (command.ApplicationRecord, error) {
	rec, found, err := v.Application(a)
	if err != nil {
		return rec, err
	}
	if !found || !c.administers(rec.Customer) {
		return rec, &api.Error{Code: api.CodeNoTenant}
	}
	return rec, nil
}

func administeredKey(v View, c Caller, a address.Address) (command.KeyRecord, error) {
	rec, found, err := v.Key(a)
	if err != nil {
		return rec, err
	}
	if !found || rec.Deleted || !c.administers(rec.Customer) {
		return rec, &api.Error{Code: api.CodeNoTenant}
	}
	return rec, nil
}

// administers reports whether the caller may act for that customer.
func (c Caller) administers(customer address.Address) bool {
	return c.operator() || c.customer == customer
}

func (s *Service) showCustomer(a address.Address, rec command.CustomerRecord) api.Customer {
	return api.Customer{Address: s.domain.Full(a), Name: rec.Name, Enabled: rec.Enabled, Created: decimal(rec.Created)}
}

func (s *Service) showApplication(a address.Address, rec command.ApplicationRecord) api.Application {
	return api.Application{
		Address: s.domain.Full(a), Customer: s.domain.Full(rec.Customer),
		Name: rec.Name, Enabled: rec.Enabled, Created: decimal(rec.Created),
	}
}

// showKey gives a key without its secrets.
func (s *Service) showKey(a address.Address, rec command.KeyRecord) api.Key {
	k := api.Key{
		Address: s.domain.Full(a), Application: s.domain.Full(rec.Application), Customer: s.domain.Full(rec.Customer),
		Name: rec.Name, Scopes: listScopes(rec.Scopes), Enabled: rec.Enabled, Created: decimal(rec.Created),
		Rate: api.Rate{Requests: rec.Rate.Requests, Burst: rec.Rate.Burst, Messages: rec.Rate.Messages},
	}
	if rec.Expires != 0 {
		k.Expires = decimal(rec.Expires)
	}
	for _, secret := range rec.Secrets {
		if secret.Until > s.now().Unix() {
			k.OldValidUntil = decimal(secret.Until)
		}
	}
	return k
}
