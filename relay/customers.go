package relay

import (
	"context"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
)

// CreateCustomer makes a customer [operator] (section 9). Like all that makes a
// tenant, it makes another one each time.
func (s *Service) CreateCustomer(ctx context.Context, c Caller, req api.NameRequest) (api.Customer, error) {
	c, err := s.Authorize(ctx, c, ScopeOperator)
	if err != nil {
		return api.Customer{}, err
	}
	if err := checkName(req.Name); err != nil {
		return api.Customer{}, err
	}
	a, err := s.newAddress(address.Customer)
	if err != nil {
		return api.Customer{}, err
	}
	_, index, err := s.proposeOne(ctx, &command.CreateCustomer{Meta: s.meta(c), Customer: a, Name: req.Name})
	if err != nil {
		return api.Customer{}, err
	}
	return s.customerAfter(ctx, c, index, a)
}

// Customers lists the customers [operator].
func (s *Service) Customers(ctx context.Context, c Caller, q ListQuery) (list List[api.Customer], err error) {
	after, limit, err := parseList(q, listCustomers, address.Address{})
	if err != nil {
		return list, err
	}
	err = s.read(ctx, c, ScopeOperator, func(v View, _ Caller) error {
		page, more, err := v.Customers(after, limit)
		if err != nil {
			return err
		}
		list = showList(listCustomers, address.Address{}, page, more, s.showCustomer)
		return nil
	})
	return list, err
}

// Customer gives a customer [its admin, or operator].
func (s *Service) Customer(ctx context.Context, c Caller, id string) (out api.Customer, err error) {
	a, err := s.parseTenant(id, address.Customer)
	if err != nil {
		return out, err
	}
	err = s.read(ctx, c, ScopeAdmin, func(v View, c Caller) error {
		rec, err := administeredCustomer(v, c, a)
		out = s.showCustomer(a, rec)
		return err
	})
	return out, err
}

// UpdateCustomer changes what the patch names.
func (s *Service) UpdateCustomer(ctx context.Context, c Caller, id string, patch api.TenantPatch) (api.Customer, error) {
	c, err := s.Authorize(ctx, c, ScopeAdmin)
	if err != nil {
		return api.Customer{}, err
	}
	a, err := s.parseTenant(id, address.Customer)
	if err != nil {
		return api.Customer{}, err
	}
	if err := checkPatchName(patch.Name); err != nil {
		return api.Customer{}, err
	}
	err = s.decide(ctx, func(v View) error {
		_, err := administeredCustomer(v, c, a)
		return err
	})
	if err != nil {
		return api.Customer{}, err
	}
	_, index, err := s.proposeOne(ctx, &command.UpdateCustomer{Meta: s.meta(c), Customer: a, Name: patch.Name, Enabled: patch.Enabled})
	if err != nil {
		return api.Customer{}, err
	}
	return s.customerAfter(ctx, c, index, a)
}

func (s *Service) customerAfter(ctx context.Context, c Caller, index uint64, a address.Address) (out api.Customer, err error) {
	err = s.readAfter(ctx, index, func(v View) error {
		rec, err := administeredCustomer(v, c, a)
		out = s.showCustomer(a, rec)
		return err
	})
	return out, err
}
