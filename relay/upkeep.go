package relay

import (
	"context"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
)

const (
	// expireStep is how many things one step of expiry removes, at most.
	expireStep = 1000
	// eventsKept is for how long events are kept (section 10).
	eventsKept = 30 * 24 * time.Hour
)

// Expire moves replicated time on and takes away what has expired, in one bounded
// step. more tells that there is more to take away now. The node that leads calls
// it about once a second.
func (s *Service) Expire(ctx context.Context) (more bool, err error) {
	now := s.now()
	cmd := &command.Expire{Meta: s.ownMeta(), UpTo: now.Unix(), Limit: expireStep}
	cmd.EventsBefore = uint64(max(now.Add(-eventsKept).UnixNano(), 0))
	result, _, err := s.proposeOne(ctx, cmd)
	return result.Status == command.StatusMore, err
}

// EnsureOperator makes the customer "operator" with its application and key, once
// in the life of a cluster (section 9). Only the call that made them gets the key
// and its secret; created tells.
func (s *Service) EnsureOperator(ctx context.Context) (key address.Address, secret jose.Secret, created bool, err error) {
	there := false
	v, err := s.reader.Current(ctx)
	if err != nil {
		return key, secret, false, clusterError(err)
	}
	err = using(v, func(v View) error {
		page, _, err := v.Customers(address.Address{}, 1)
		there = len(page) > 0
		return err
	})
	if err != nil || there {
		return key, secret, false, err
	}
	cmd := &command.Bootstrap{Meta: s.ownMeta()}
	if cmd.Customer, err = s.newAddress(address.Customer); err != nil {
		return key, secret, false, err
	}
	if cmd.Application, err = s.newAddress(address.Application); err != nil {
		return key, secret, false, err
	}
	if cmd.NewKey, err = s.newAddress(address.APIKey); err != nil {
		return key, secret, false, err
	}
	if secret, cmd.Sealed, err = s.newSecret(); err != nil {
		return key, secret, false, err
	}
	result, _, err := s.proposeOne(ctx, cmd)
	if err != nil || result.Status == command.StatusExists { // another node was faster
		return address.Address{}, jose.Secret{}, false, err
	}
	return cmd.NewKey, secret, true, nil
}
