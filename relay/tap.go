package relay

import (
	"context"
	"sync"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/notify"
)

// tap is what open streams of any kind have in common: whose they are, what wakes
// them, and how they end.
type tap struct {
	s      *Service
	caller Caller
	who    address.Address // whose mailbox or events; the limit of streams is by it
	sub    *notify.Subscription

	once  sync.Once
	ended chan struct{} // closed when cause is set
	cause *api.Error
}

// newTap subscribes. What is read afterwards, and does not show it, rings.
func (s *Service) newTap(c Caller, who address.Address) *tap {
	return &tap{s: s, caller: c, who: who, sub: s.bell.Subscribe(who), ended: make(chan struct{})}
}

// open takes the stream among those of this node; without, it is closed.
func (t *tap) open() error {
	if !t.s.streams.add(t) {
		t.Close()
		return &api.Error{Code: api.CodeGoingDown}
	}
	return nil
}

// awaitNext gives what look finds, at least one, and waits for it if need be. look is
// called again when the bell rings or it has been quiet for a while; more tells to
// do so at once. An error of look ends the stream.
func awaitNext[T any](ctx context.Context, t *tap, look func() (found []T, more bool, err error)) ([]T, error) {
	timer := time.NewTimer(t.rest())
	defer timer.Stop()
	for {
		select {
		case <-t.ended:
			return nil, t.cause
		default:
		}
		found, more, err := look()
		if err != nil || len(found) > 0 {
			return found, err
		}
		if more {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			continue
		}
		timer.Reset(t.rest())
		select {
		case <-t.sub.C():
		case <-timer.C:
		case <-t.ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// rest is for how long to wait for the bell: until the next look is due, which is
// no later than the moment at which the node has been out of touch for too long.
func (t *tap) rest() time.Duration {
	left := maxSilence - t.s.router.LastContact()
	return min(t.s.recheck, max(left, 0)+time.Millisecond)
}

// inTouch demands that the node would have learnt of a disabled key.
func (t *tap) inTouch() error {
	if t.s.router.LastContact() > maxSilence {
		return &api.Error{Code: api.CodeNoLeader}
	}
	return nil
}

// end makes awaitNext return the reason. Only the first one counts.
func (t *tap) end(code api.Code) {
	t.once.Do(func() {
		t.cause = &api.Error{Code: code}
		close(t.ended)
	})
}

// Close gives up the stream. It may be called more than once.
func (t *tap) Close() {
	t.s.streams.remove(t)
	t.end(api.CodeGoingDown)
	t.sub.Close()
}
