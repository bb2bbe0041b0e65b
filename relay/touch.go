package relay

import (
	"context"
	"sync"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
)

const (
	// maxTouches is how many identities wait to be touched, at most; what finds no
	// room is touched by a later request of the same day.
	maxTouches = 1024
	// touchBatch is how many go into one proposal.
	touchBatch = 128
	// touchTimeout bounds one proposal.
	touchTimeout = 10 * time.Second

	secondsOfDay = 24 * 60 * 60
)

// toucher moves lastHeardDay along, beside the requests and without slowing them.
type toucher struct {
	s      *Service
	wake   chan struct{}
	cancel context.CancelFunc
	joined sync.WaitGroup

	mu      sync.Mutex
	waiting map[address.Address]struct{}
}

func startToucher(s *Service) *toucher {
	ctx, cancel := context.WithCancel(context.Background())
	t := &toucher{s: s, wake: make(chan struct{}, 1), cancel: cancel, waiting: map[address.Address]struct{}{}}
	t.joined.Go(func() { t.run(ctx) })
	return t
}

func (t *toucher) stop() {
	t.cancel()
	t.joined.Wait()
}

// heard notes that a has just proven itself. It never blocks.
func (t *toucher) heard(a address.Address, rec command.IdentityRecord) {
	if rec.LastHeard/secondsOfDay >= t.s.now().Unix()/secondsOfDay {
		return
	}
	t.mu.Lock()
	if len(t.waiting) < maxTouches {
		t.waiting[a] = struct{}{}
	}
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (t *toucher) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		}
		for batch := t.take(); len(batch) > 0; batch = t.take() {
			t.propose(ctx, batch)
		}
	}
}

// take gives some of those that wait.
func (t *toucher) take() []command.Command {
	t.mu.Lock()
	defer t.mu.Unlock()
	var batch []command.Command
	for a := range t.waiting {
		if len(batch) == touchBatch {
			break
		}
		delete(t.waiting, a)
		batch = append(batch, &command.Touch{Meta: t.s.ownMeta(), Identity: a})
	}
	return batch
}

// propose has a batch applied. A failure does no harm: the next request of the
// identity asks for the same again.
func (t *toucher) propose(ctx context.Context, batch []command.Command) {
	ctx, cancel := context.WithTimeout(ctx, touchTimeout)
	defer cancel()
	if _, _, err := t.s.propose(ctx, batch...); err != nil {
		t.s.logger.Debug("identities not touched", "count", len(batch), "error", err)
	}
}
