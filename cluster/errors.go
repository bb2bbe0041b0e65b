package cluster

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/nixnode/nixnode/cluster/raftstore"
	"github.com/nixnode/nixnode/cluster/transport"
)

// What a call from outside can fail with.
var (
	// ErrNoLeader says that nobody leads, or that this node cannot reach who
	// does. Nothing was proposed. Code 50300.
	ErrNoLeader = errors.New("cluster: no leader now")
	// ErrOverloaded says that too much waits already. Nothing was proposed.
	// Code 50301.
	ErrOverloaded = errors.New("cluster: overloaded")
	// ErrOutcomeUnknown says that a proposal was sent and that it is not known
	// whether it was or will be applied. Code 50400.
	ErrOutcomeUnknown = errors.New("cluster: outcome unknown")
	// ErrTooLarge says that a proposal is longer than MaxProposal. Nothing was
	// proposed.
	ErrTooLarge = errors.New("cluster: proposal is too large")
	// ErrClosed says that the node is going down. Nothing was proposed.
	ErrClosed = errors.New("cluster: closed")
)

// What Open can fail with besides.
var (
	// ErrNotLoopback: node-to-node traffic must stay on this machine.
	ErrNotLoopback = transport.ErrNotLoopback
	// ErrCorrupt: what is stored is not what was written, or does not fit
	// together.
	ErrCorrupt = raftstore.ErrCorrupt
)

// Within the package, and over the hop between nodes.
var (
	// errNotLeader is a node's answer that it does not lead; it did nothing.
	errNotLeader = errors.New("cluster: not the leader")
	// errBadCall is a node's answer to bytes that it cannot read.
	errBadCall = errors.New("cluster: unreadable call")
)

// hop gives the code that carries an error's identity between nodes. Codes are
// part of the protocol between releases: they are only ever added. The first row
// that fits counts, and an unknown outcome must never be called another thing.
var hop = []struct {
	err  error
	code string
}{
	{ErrOutcomeUnknown, "outcome-unknown"},
	{ErrNoLeader, "no-leader"},
	{ErrOverloaded, "overloaded"},
	{ErrTooLarge, "too-large"},
	{ErrClosed, "closed"},
	{errNotLeader, "not-leader"},
	{errBadCall, "bad-call"},
}

// refuse turns an error of ours into what the transport carries.
func refuse(err error) error {
	for _, h := range hop {
		if errors.Is(err, h.err) {
			return &transport.Refusal{Code: h.code}
		}
	}
	return err
}

// admit turns what the transport brought back into an error of ours. An
// unknown code, of a newer release, leaves the outcome open.
func admit(err error) error {
	var refusal *transport.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	for _, h := range hop {
		if refusal.Code == h.code {
			return fmt.Errorf("%w (said by another node)", h.err)
		}
	}
	return fmt.Errorf("%w: %w", ErrOutcomeUnknown, refusal)
}

// fromRaft says what an error of raft's Apply means for the entry.
func fromRaft(err error) error {
	switch {
	case errors.Is(err, raft.ErrNotLeader), // refused before it was given an index
		errors.Is(err, raft.ErrLeadershipTransferInProgress),
		errors.Is(err, raft.ErrEnqueueTimeout):
		return fmt.Errorf("%w: %w", errNotLeader, err)
	default: // leadership lost, aborted, shut down, or failed on the way
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
}

// untouched reports that nothing was proposed and that another try may do.
func untouched(err error) bool {
	return !errors.Is(err, ErrOutcomeUnknown) &&
		(errors.Is(err, errNotLeader) || errors.Is(err, transport.ErrUnreached) ||
			errors.Is(err, ErrNoLeader) || errors.Is(err, ErrClosed))
}
