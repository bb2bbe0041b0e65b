package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"
)

// tries is the sequence of tries of one call or stream: at which node, how long
// apart, and when to give up. It is for one goroutine.
type tries struct {
	c       *Client
	ctx     context.Context
	what    string // path, for the log
	at      uint64 // index of the node in turn
	failed  int    // in a row
	began   time.Time
	forever bool // a stream: only the context ends it
	unknown bool // a try before may have made the change
}

func (c *Client) newTries(ctx context.Context, what string) *tries {
	t := &tries{c: c, ctx: ctx, what: what, began: time.Now(), at: c.current.Load()}
	if c.cfg.RoundRobin {
		t.at = c.current.Add(1)
	}
	return t
}

// base gives the node for the try that comes now.
func (t *tries) base() *url.URL { return t.c.bases[t.at%uint64(len(t.c.bases))] }

// progress says that the node in turn works.
func (t *tries) progress() { t.failed = 0 }

// next takes in that a try failed. It returns nil after the pause that is due
// before another one at the next node, or the error to give up with.
func (t *tries) next(f *failure) error {
	t.unknown = t.unknown || f.unknown
	if !f.temporary || t.ctx.Err() != nil {
		return t.giveUp(f.err)
	}
	t.failed++
	pause := t.pause(f.retryAfter)
	if !t.forever && time.Since(t.began)+pause > t.c.cfg.RetryFor {
		return t.giveUp(f.err)
	}
	t.c.log.InfoContext(t.ctx, "trying again", "path", t.what, "node", t.base().Host, "failed", t.failed, "pause", pause, "error", f.err)
	// Others follow to the next node; when they have moved on already, stay with them.
	t.c.current.CompareAndSwap(t.at, t.at+1)
	t.at++
	if err := sleep(t.ctx, pause); err != nil {
		return t.giveUp(f.err)
	}
	return nil
}

// pause is exponential with full jitter once all nodes have failed in turn; to a
// node that has not been asked yet it is the shortest. A server's wish to be left
// alone for longer is granted.
func (t *tries) pause(retryAfter time.Duration) time.Duration {
	rounds := t.failed / len(t.c.bases)
	longest := t.c.cfg.MinBackoff << min(rounds, 16)
	longest = min(longest, t.c.cfg.MaxBackoff)
	pause := rand.N(longest + 1)
	if rounds == 0 { // the wish was another node's
		return pause
	}
	return max(pause, retryAfter)
}

// giveUp makes the last error say what is not known, and that the context ended.
func (t *tries) giveUp(err error) error {
	err = because(t.ctx, err)
	if t.unknown {
		err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return err
}

// because adds to err that ctx has ended, unless it says so already.
func because(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
