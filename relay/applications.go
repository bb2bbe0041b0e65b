package relay

import (
	"context"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
)

// CreateApplication makes an application of a customer [its admin, or operator].
func (s *Service) CreateApplication(ctx context.Context, c Caller, customerID string, req api.NameRequest) (api.Application, error) {
	c, err := s.Authorize(ctx, c, ScopeAdmin)
	if err != nil {
		return api.Application{}, err
	}
	customer, err := s.parseTenant(customerID, address.Customer)
	if err != nil {
		return api.Application{}, err
	}
	if err := checkName(req.Name); err != nil {
		return api.Application{}, err
	}
	err = s.decide(ctx, func(v View) error {
		_, err := administeredCustomer(v, c, customer)
		return err
	})
	if err != nil {
		return api.Application{}, err
	}
	a, err := s.newAddress(address.Application)
	if err != nil {
		return api.Application{}, err
	}
	_, index, err := s.proposeOne(ctx, &command.CreateApplication{Meta: s.meta(c), Customer: customer, Application: a, Name: req.Name})
	if err != nil {
		return api.Application{}, err
	}
	return s.applicationAfter(ctx, c, index, a)
}

// Applications lists the applications of a customer [its admin, or operator].
func (s *Service) Applications(ctx context.Context, c Caller, customerID string, q ListQuery) (list List[api.Application], err error) {
	customer, err := s.parseTenant(customerID, address.Customer)
	if err != nil {
		return list, err
	}
	after, limit, err := parseList(q, listApplications, customer)
	if err != nil {
		return list, err
	}
	err = s.read(ctx, c, ScopeAdmin, func(v View, c Caller) error {
		if _, err := administeredCustomer(v, c, customer); err != nil {
			return err
		}
		page, more, err := v.Applications(customer, after, limit)
		if err != nil {
			return err
		}
		list = showList(listApplications, customer, page, more, s.showApplication)
		return nil
	})
	return list, err
}

// Application gives an application [its customer's admin, or operator].
func (s *Service) Application(ctx context.Context, c Caller, id string) (out api.Application, err error) {
	a, err := s.parseTenant(id, address.Application)
	if err != nil {
		return out, err
	}
	err = s.read(ctx, c, ScopeAdmin, func(v View, c Caller) error {
		rec, err := administeredApplication(v, c, a)
		out = s.showApplication(a, rec)
		return err
	})
	return out, err
}

// UpdateApplication changes what the patch names.
func (s *Service) UpdateApplication(ctx context.Context, c Caller, id string, patch api.TenantPatch) (api.Application, error) {
	c, err := s.Authorize(ctx, c, ScopeAdmin)
	if err != nil {
		return api.Application{}, err
	}
	a, err := s.parseTenant(id, address.Application)
	if err != nil {
		return api.Application{}, err
	}
	if err := checkPatchName(patch.Name); err != nil {
		return api.Application{}, err
	}
	err = s.decide(ctx, func(v View) error {
		_, err := administeredApplication(v, c, a)
		return err
	})
	if err != nil {
		return api.Application{}, err
	}
	_, index, err := s.proposeOne(ctx, &command.UpdateApplication{Meta: s.meta(c), Application: a, Name: patch.Name, Enabled: patch.Enabled})
	if err != nil {
		return api.Application{}, err
	}
	return s.applicationAfter(ctx, c, index, a)
}

func (s *Service) applicationAfter(ctx context.Context, c Caller, index uint64, a address.Address) (out api.Application, err error) {
	err = s.readAfter(ctx, index, func(v View) error {
		rec, err := administeredApplication(v, c, a)
		out = s.showApplication(a, rec)
		return err
	})
	return out, err
}
