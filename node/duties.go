package node

import (
	"context"
	"time"
)

// expireEvery is how often the leader looks for what has expired. Expiry is
// written in whole seconds, so looking more often would find nothing more.
const expireEvery = time.Second

// startDuties begins what a node does unasked: as the leader, make the operator
// key at a cluster's first start, and propose expiry in bounded steps; on every
// node, test itself until that has passed once.
func (n *Node) startDuties() {
	ctx, cancel := context.WithCancel(context.Background())
	n.stopDuties = cancel
	n.duties.Go(func() {
		tick := time.NewTicker(expireEvery / 10)
		defer tick.Stop()
		founding, founded := false, false
		var expired time.Time
		for {
			select {
			case <-ctx.Done():
				return
			case <-n.failed: // cut off from everybody, it can harm nobody
				n.breakDoor() // first: to kill a cluster whose disk hangs may take for ever
				_ = n.cluster.Kill()
				return
			case now := <-tick.C:
				n.testOnce(ctx)
				// What was begun is brought to its end, whoever leads meanwhile.
				founding = founding || n.cluster.IsLeader()
				founded = founded || founding && n.ensureOperator(ctx)
				if !n.cluster.IsLeader() {
					continue
				}
				if now.Sub(expired) >= expireEvery {
					expired = now
					n.expire(ctx)
				}
			}
		}
	})
}

func (n *Node) endDuties() {
	n.stopDuties()
	n.duties.Wait()
}

// ensureOperator reports whether the operator key exists.
func (n *Node) ensureOperator(ctx context.Context) bool {
	key, secret, created, err := n.service.EnsureOperator(ctx)
	if err != nil {
		n.log.Debug("operator key not made yet", "err", err)
		return false
	}
	if created && n.opts.Operator != nil {
		n.opts.Operator(n.domain.Full(key), secret.Text())
	}
	return true
}

// expire proposes steps as long as they leave something. Each is bounded, so that
// other commands get in between.
func (n *Node) expire(ctx context.Context) {
	for more := n.expiryDue(); more && n.cluster.IsLeader(); {
		var err error
		if more, err = n.service.Expire(ctx); err != nil {
			n.log.Debug("expiry step not done", "err", err)
			return
		}
	}
}

// expiryDue asks the store, so that an idle cluster writes nothing.
func (n *Node) expiryDue() bool {
	now := n.opts.Now()
	due, err := n.machine.Due(now.Unix())
	if err == nil && !due {
		due, err = n.machine.EventsDue(uint64(max(0, now.Add(-n.cfg.EventRetention).UnixNano())))
	}
	if err != nil {
		n.log.Warn("expiry not looked at", "err", err)
		return false
	}
	return due
}
