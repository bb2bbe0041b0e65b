package relay

import (
	"context"
	"fmt"

	"github.com/nixnode/nixnode/fsm/command"
)

// propose has commands applied in one step and gives one result for each.
// Errors are public where they can be.
func (s *Service) propose(ctx context.Context, cmds ...command.Command) ([]command.Result, uint64, error) {
	proposal, err := command.Encode(cmds...)
	if err != nil {
		return nil, 0, fmt.Errorf("encode a proposal: %w", err)
	}
	data, index, err := s.proposer.Propose(ctx, proposal)
	if err != nil {
		return nil, 0, clusterError(err)
	}
	results, err := command.DecodeResults(data)
	if err != nil {
		return nil, 0, fmt.Errorf("decode results: %w", err)
	}
	if len(results) != len(cmds) {
		return nil, 0, fmt.Errorf("%d results for %d commands", len(results), len(cmds))
	}
	return results, index, nil
}

// proposeOne is propose for one command; a refusal is an error.
func (s *Service) proposeOne(ctx context.Context, cmd command.Command) (command.Result, uint64, error) {
	results, index, err := s.propose(ctx, cmd)
	if err != nil {
		return command.Result{}, 0, err
	}
	return results[0], index, statusError(results[0].Status)
}

// meta says that a command comes from c, now.
func (s *Service) meta(c Caller) command.Meta {
	return command.Meta{At: s.nowNanos(), TxnID: c.txnID, Key: c.key, KeyGeneration: c.generation}
}

// ownMeta says that a command comes from the cluster itself, now.
func (s *Service) ownMeta() command.Meta { return command.Meta{At: s.nowNanos()} }

func (s *Service) nowNanos() uint64 { return uint64(max(s.now().UnixNano(), 0)) }
