package relay

import (
	"context"
	"sync"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
)

// expireStep is how many things one step of expiry removes, at most: a write that
// comes behind it waits for a few milliseconds (make bench-expiry).
const expireStep = 250

// DefaultEventsKept is for how long events are kept unless Options say otherwise
// (section 10).
const DefaultEventsKept = 30 * 24 * time.Hour

// Expire moves replicated time on and takes away what has expired, in one bounded
// step. more tells that there is more to take away now. The node that leads calls
// it about once a second.
func (s *Service) Expire(ctx context.Context) (more bool, err error) {
	now := s.now()
	cmd := &command.Expire{Meta: s.ownMeta(), UpTo: now.Unix(), Limit: expireStep}
	cmd.EventsBefore = uint64(max(now.Add(-s.eventsKept).UnixNano(), 0))
	result, _, err := s.proposeOne(ctx, cmd)
	return result.Status == command.StatusMore, err
}

// founding is the operator key that this node is making: a command whose outcome
// may be unknown so far, and the secret that is nowhere else.
type founding struct {
	mu     sync.Mutex
	cmd    *command.Bootstrap // nil: none was proposed
	secret jose.Secret
}

// EnsureOperator makes the customer "operator" with its application and key, once
// in the life of a cluster (section 9). Only the call that made them gets the key
// and its secret; created tells.
//
// After an error it must be called again, by the same process and on whichever
// node leads then: the key may have been made all the same. Each further call
// repeats the same command, so that its secret is not lost.
func (s *Service) EnsureOperator(ctx context.Context) (key address.Address, secret jose.Secret, created bool, err error) {
	f := &s.founding
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cmd == nil {
		there, err := s.founded(ctx)
		if err != nil || there {
			return key, secret, false, err
		}
		if f.cmd, f.secret, err = s.newFounding(); err != nil {
			return key, secret, false, err
		}
	}
	result, _, err := s.proposeOne(ctx, f.cmd)
	if err != nil {
		return key, secret, false, err
	}
	cmd := f.cmd
	secret, f.cmd, f.secret = f.secret, nil, jose.Secret{}
	if result.Address != cmd.Customer { // another node was faster
		return address.Address{}, jose.Secret{}, false, nil
	}
	return cmd.NewKey, secret, true, nil
}

// founded reports whether there is a customer.
func (s *Service) founded(ctx context.Context) (there bool, err error) {
	v, err := s.reader.Current(ctx)
	if err != nil {
		return false, clusterError(err)
	}
	err = using(v, func(v View) error {
		page, _, err := v.Customers(address.Address{}, 1)
		there = len(page) > 0
		return err
	})
	return there, err
}

func (s *Service) newFounding() (cmd *command.Bootstrap, secret jose.Secret, err error) {
	cmd = &command.Bootstrap{Meta: s.ownMeta()}
	if cmd.Customer, err = s.newAddress(address.Customer); err != nil {
		return nil, secret, err
	}
	if cmd.Application, err = s.newAddress(address.Application); err != nil {
		return nil, secret, err
	}
	if cmd.NewKey, err = s.newAddress(address.APIKey); err != nil {
		return nil, secret, err
	}
	secret, cmd.Sealed, err = s.newSecret()
	return cmd, secret, err
}
