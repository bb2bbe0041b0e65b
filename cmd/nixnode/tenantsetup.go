package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
)

// tenant is what an application developer needs: a customer with one application
// and a key with the default scopes.
type tenant struct {
	Customer    string
	Application string
	Key         credentials
}

// makeTenant makes one with the operator's key.
func makeTenant(ctx context.Context, urls []string, operator credentials, name string) (_ tenant, err error) {
	c, err := client.New(client.Config{URLs: urls, Key: operator})
	if err != nil {
		return tenant{}, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	customer, err := c.CreateCustomer(ctx, name)
	if err != nil {
		return tenant{}, err
	}
	app, err := c.CreateApplication(ctx, customer.Address, name)
	if err != nil {
		return tenant{}, err
	}
	key, err := c.CreateKey(ctx, app.Address, api.KeyRequest{Name: name})
	if err != nil {
		return tenant{}, err
	}
	return tenant{Customer: customer.Address, Application: app.Address, Key: credentials{ID: key.Address, Secret: key.Secret}}, nil
}

// electTimeout bounds the wait for a leader.
const electTimeout = time.Minute

// awaitCluster waits until all processes agree on a leader, and gives the
// operator key, which one of them has made.
func awaitCluster(ctx context.Context, procs []*process) (credentials, error) {
	ctx, cancel := context.WithTimeout(ctx, electTimeout)
	defer cancel()
	var operator credentials
	err := poll(ctx, "no node has made the operator key", func() (bool, error) {
		for _, p := range procs {
			if key, ok := p.operatorKey(); ok {
				operator = key
				return true, nil
			}
		}
		return false, anyEnded(procs)
	})
	if err != nil {
		return credentials{}, err
	}
	_, err = awaitLeader(ctx, procs, operator)
	return operator, err
}

func anyEnded(procs []*process) error {
	for _, p := range procs {
		select {
		case <-p.done:
			if p.alive() {
				return fmt.Errorf("node %s ended: %w", p.id, p.err)
			}
		default:
		}
	}
	return nil
}

// awaitLeader waits until all processes that live name the same leader, which lives too.
func awaitLeader(ctx context.Context, procs []*process, operator credentials) (*process, error) {
	ctx, cancel := context.WithTimeout(ctx, electTimeout)
	defer cancel()
	var leader *process
	err := poll(ctx, "no leader", func() (bool, error) {
		names := map[string]bool{}
		leader = nil
		for _, p := range procs {
			if !p.alive() {
				continue
			}
			st, err := p.status(ctx, operator)
			if err != nil {
				return false, anyEnded(procs)
			}
			names[st.Leader] = true
			if st.Leader == p.id {
				leader = p
			}
		}
		return leader != nil && len(names) == 1, nil
	})
	return leader, err
}

// status asks one node, once.
func (p *process) status(ctx context.Context, operator credentials) (_ api.ClusterStatus, err error) {
	c, err := client.New(client.Config{URLs: []string{p.url}, Key: operator, RetryFor: -1, CallTimeout: 3 * time.Second})
	if err != nil {
		return api.ClusterStatus{}, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return c.Cluster(ctx)
}
