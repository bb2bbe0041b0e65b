package cluster

import (
	"context"
	"fmt"
	"sync"
)

// ballot is what a round of confirmation needs to know and to ask.
type ballot struct {
	self    string
	term    func() uint64 // the term this node has stored
	leads   func() bool
	commit  func() uint64
	applied func() uint64 // the term of the last entry applied here
	voters  func() []string
	ask     func(ctx context.Context, id string) (term uint64, err error)
}

// confirmLeadership gives an index at or above everything that had been
// committed, by anybody, when it was called.
//
// A newer leader can only have been elected before the call if a majority had
// stored a higher term before the call. Terms never go down, so one of any
// majority would say so now. That is why only answers to questions that were
// asked after the call count, and why a heartbeat that was on its way does not.
func confirmLeadership(ctx context.Context, b ballot) (uint64, error) {
	term := b.term()
	if !b.leads() {
		return 0, errNotLeader
	}
	if b.applied() < term {
		return 0, fmt.Errorf("%w: nothing of its own term is committed", errNotLeader)
	}
	commit := b.commit()
	if err := askMajority(ctx, b, term); err != nil {
		return 0, err
	}
	// Not needed for what is promised, but cheap, and a node that has just
	// lost its leadership need not send its readers on.
	if !b.leads() || b.term() != term {
		return 0, errNotLeader
	}
	return commit, nil
}

// askMajority returns nil when a majority of the voters is not beyond term.
func askMajority(ctx context.Context, b ballot, term uint64) error {
	voters := b.voters()
	need, votes, left := len(voters)/2+1, 0, 0
	ctx, cancel := context.WithCancel(ctx)
	answers := make(chan error, len(voters))
	var asked sync.WaitGroup
	// Whoever is slow is not waited for, but not left behind either.
	defer asked.Wait()
	defer cancel()
	for _, id := range voters {
		if id == b.self {
			votes++
			continue
		}
		left++
		asked.Go(func() {
			theirs, err := b.ask(ctx, id)
			if err == nil && theirs > term {
				err = errNotLeader
			}
			answers <- err
		})
	}
	var last error
	for votes < need {
		if votes+left < need {
			return fmt.Errorf("%w: no majority confirms it: %w", errNotLeader, last)
		}
		if err := <-answers; err != nil {
			last = err
		} else {
			votes++
		}
		left--
	}
	return nil
}
