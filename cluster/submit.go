package cluster

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// submit brings a pack into the log: here if this node leads, else in one call
// to the node that does.
func (c *Cluster) submit(pack []byte) (results [][]byte, index uint64, err error) {
	if c.IsLeader() {
		return c.applyHere(pack)
	}
	id, ok := c.Leader()
	if !ok || id == c.cfg.NodeID {
		return nil, 0, errNotLeader
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.cfg.Timing.Patience)
	defer cancel()
	answer, err := c.call(ctx, c.nodeAddr(id), pathPropose, pack)
	if err != nil {
		return nil, 0, err
	}
	return decodeAnswer(answer)
}

// applyHere proposes a pack to our own raft and waits for what came of it.
func (c *Cluster) applyHere(pack []byte) ([][]byte, uint64, error) {
	if _, _, failed := c.applier.state(); failed != nil || !c.begin() {
		return nil, 0, ErrClosed
	}
	defer c.inflight.Done()
	f := c.raft.Apply(pack, c.cfg.Timing.Patience)
	if err := f.Error(); err != nil {
		return nil, 0, fromRaft(err)
	}
	switch response := f.Response().(type) {
	case [][]byte:
		return response, f.Index(), nil
	case error:
		return nil, 0, fmt.Errorf("%w: %w", ErrOutcomeUnknown, response)
	default:
		return nil, 0, fmt.Errorf("%w: no response", ErrOutcomeUnknown)
	}
}

// handlePropose answers a follower's pack. It never passes it on: a node that
// does not lead says so, and the follower looks for the leader again.
func (c *Cluster) handlePropose(_ context.Context, pack []byte) ([]byte, error) {
	if len(pack) > MaxEntry {
		return nil, ErrTooLarge
	}
	if _, err := decodePack(pack); err != nil { // must not get into the log
		return nil, fmt.Errorf("%w: %w", errBadCall, err)
	}
	if !c.IsLeader() {
		return nil, errNotLeader
	}
	results, index, err := c.applyHere(pack)
	if err != nil {
		return nil, err
	}
	return encodeAnswer(results, index), nil
}

// encodeAnswer makes the answer to a pack: the entry's index, the results.
func encodeAnswer(results [][]byte, index uint64) []byte {
	return append(binary.BigEndian.AppendUint64(nil, index), encodePack(results)...)
}

// decodeAnswer reads it. The pack was applied, whatever came of the answer.
func decodeAnswer(b []byte) ([][]byte, uint64, error) {
	if len(b) < 8 {
		return nil, 0, fmt.Errorf("%w: unreadable answer", ErrOutcomeUnknown)
	}
	results, err := decodePack(b[8:])
	if err != nil {
		return nil, 0, fmt.Errorf("%w: unreadable answer: %w", ErrOutcomeUnknown, err)
	}
	return results, binary.BigEndian.Uint64(b), nil
}

// followLeadership commits an entry of the new term whenever this node begins
// to lead. Until then a leader does not know how far the log is committed, so
// nothing can be read (docs/decisions/read-barrier.md). raft's own first entry
// would do, but it never reaches the state machine, so nobody here sees it.
func (c *Cluster) followLeadership() {
	for {
		select {
		case leads := <-c.raft.LeaderCh():
			if !leads {
				continue
			}
			c.log.Info("this node leads")
			for c.ctx.Err() == nil && c.raft.State() == raft.Leader {
				if _, _, err := c.applyHere(encodePack(nil)); err == nil {
					break
				}
				select { // some refusals come at once: a leader about to hand over, a failed node
				case <-time.After(retryPause):
				case <-c.ctx.Done():
				}
			}
		case <-c.ctx.Done():
			return
		}
	}
}
