package relay

import (
	"slices"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
)

// Scope is a set of rights of an API key (section 3).
type Scope = command.Scope

// The scopes.
const (
	ScopeIdentity = command.ScopeIdentity
	ScopeMessage  = command.ScopeMessage
	ScopeEvent    = command.ScopeEvent
	ScopeAdmin    = command.ScopeAdmin
	ScopeOperator = command.ScopeOperator
)

type scopeName struct {
	scope Scope
	name  string
}

// scopeNames are the scopes as the wire names them, in the order of their bits.
var scopeNames = []scopeName{
	{ScopeIdentity, api.ScopeIdentity},
	{ScopeMessage, api.ScopeMessage},
	{ScopeEvent, api.ScopeEvent},
	{ScopeAdmin, api.ScopeAdmin},
	{ScopeOperator, api.ScopeOperator},
}

// Caller is an authenticated API key within one request. The zero Caller is nobody.
type Caller struct {
	key         address.Address
	generation  uint64 // of the secret that was shown
	application address.Address
	customer    address.Address
	scopes      Scope
	rate        command.Rate
	txnID       string
}

// Key gives the API key's address, for the access log.
func (c Caller) Key() address.Address { return c.key }

// as gives the caller as the record of its key has it.
func (c Caller) as(rec command.KeyRecord) Caller {
	c.application, c.customer, c.scopes, c.rate = rec.Application, rec.Customer, rec.Scopes, rec.Rate
	return c
}

// Require demands one of the scopes in scope; an operator may do all that an
// admin may. Errors: 40300.
func (c Caller) Require(scope Scope) error {
	if scope&ScopeAdmin != 0 {
		scope |= ScopeOperator
	}
	if c.scopes&scope == 0 {
		return &api.Error{Code: api.CodeScope}
	}
	return nil
}

func (c Caller) operator() bool { return c.scopes&ScopeOperator != 0 }

// parseScopes reads the names of scopes; there must be one at least.
func parseScopes(names []string) (Scope, error) {
	var all Scope
	for _, name := range names {
		i := slices.IndexFunc(scopeNames, func(row scopeName) bool { return row.name == name })
		if i < 0 {
			return 0, api.Errorf(api.CodeBadValue, "scopes")
		}
		all |= scopeNames[i].scope
	}
	if all == 0 {
		return 0, api.Errorf(api.CodeBadValue, "scopes: at least one")
	}
	return all, nil
}

// listScopes names the scopes in s.
func listScopes(s Scope) []string {
	names := []string{}
	for _, row := range scopeNames {
		if s&row.scope != 0 {
			names = append(names, row.name)
		}
	}
	return names
}
