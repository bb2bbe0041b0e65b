package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/cluster"
	"github.com/nixnode/nixnode/fsm"
	"github.com/nixnode/nixnode/notify"
	"github.com/nixnode/nixnode/relay"
)

// stateMachine shows an fsm.Machine as what the log drives.
type stateMachine struct{ *fsm.Machine }

var _ cluster.StateMachine = stateMachine{}

func (s stateMachine) Apply(entries []cluster.Entry) ([][][]byte, error) {
	in := make([]fsm.Entry, len(entries))
	for i, e := range entries {
		in[i] = fsm.Entry{Index: e.Index, Term: e.Term, Proposals: e.Proposals}
	}
	return s.Machine.Apply(in)
}

func (s stateMachine) Snapshot() (cluster.Snapshot, error) {
	snap, err := s.Machine.Snapshot()
	if err != nil {
		return nil, err
	}
	return snap, nil
}

func (s stateMachine) Restore(r io.Reader) error { return s.Machine.Restore(r) }

// proposer is relay's way into the log.
type proposer struct{ c *cluster.Cluster }

var _ relay.Proposer = proposer{}

func (p proposer) Propose(ctx context.Context, proposal []byte) ([]byte, uint64, error) {
	result, index, err := p.c.Propose(ctx, proposal)
	return result, index, translate(err)
}

// clusterErrors says what each of the cluster's errors is to the service. The
// first row that fits counts: an unknown outcome is that, whatever caused it.
var clusterErrors = []struct{ from, to error }{
	{cluster.ErrOutcomeUnknown, relay.ErrOutcomeUnknown},
	{cluster.ErrNoLeader, relay.ErrNoLeader},
	{cluster.ErrClosed, relay.ErrNoLeader}, // nothing was proposed
	{cluster.ErrOverloaded, relay.ErrOverloaded},
	{cluster.ErrTooLarge, relay.ErrTooLarge},
}

func translate(err error) error {
	if err == nil {
		return nil
	}
	for _, row := range clusterErrors {
		if errors.Is(err, row.from) {
			return fmt.Errorf("%w (%w)", row.to, err)
		}
	}
	return err
}

// reader is relay's way to the store.
type reader struct {
	c *cluster.Cluster
	m *fsm.Machine
}

var _ relay.Reader = reader{}

func (r reader) Local() (relay.View, error) {
	v, err := r.m.View()
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (r reader) Current(ctx context.Context) (relay.View, error) {
	if err := r.c.Barrier(ctx); err != nil {
		return nil, translate(err)
	}
	return r.Local()
}

func (r reader) After(ctx context.Context, index uint64) (relay.View, error) {
	if err := r.c.WaitApplied(ctx, index); err != nil {
		return nil, translate(err)
	}
	return r.Local()
}

// router is relay's way to the other nodes' listeners.
type router struct{ c *cluster.Cluster }

var _ relay.Router = router{}

func (r router) ListenedElsewhere(a address.Address) bool { return r.c.ListenedElsewhere(a) }
func (r router) LastContact() time.Duration               { return r.c.LastContact() }
func (r router) Hint(h notify.Hint) {
	r.c.Hint(cluster.Hint{To: h.To, TS: h.TS, Before: h.Before, Message: h.Message})
}
