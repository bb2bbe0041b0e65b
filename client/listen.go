package client

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/message"
)

// ListenOptions say where a stream begins. The zero value is all that is in the
// mailbox, and then what arrives.
type ListenOptions struct {
	Filter
	// After leaves out messages up to and including this one.
	After Timestamp
	// OnConnect, if set, is called each time a node has begun to stream, with its
	// base URL. It is called by the loop's goroutine and must not block.
	OnConnect func(url string)
}

// Listen gives the messages of id in the mailbox's order, those that are there
// and then those that arrive, until the loop ends or an error is yielded: the
// context's end, or a refusal that no repeating helps against (a disabled key, a
// retired identity). Broken and silent connections, and nodes that go down, are
// repaired behind it on the next node, without a gap or a repeat.
//
// Delivery across restarts of the program is at least once: begin with After set
// to the last message that was dealt with, or acknowledge what was.
func (c *Client) Listen(ctx context.Context, id *Identity, o ListenOptions) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		l := &listener{c: c, id: id, o: o, last: o.After, yield: yield}
		if err := l.run(ctx); err != nil && !errors.Is(err, errLoopEnded) {
			yield(Message{}, fmt.Errorf("listen: %w", err))
		}
	}
}

// errLoopEnded: the caller's loop wants no more.
var errLoopEnded = errors.New("loop ended")

type listener struct {
	c     *Client
	id    *Identity
	o     ListenOptions
	last  Timestamp // of what was given out
	yield func(Message, error) bool
	tries *tries
}

func (l *listener) run(ctx context.Context) error {
	l.tries = l.c.newTries(ctx, api.PathListen)
	l.tries.forever = true
	for {
		failed := l.connect(ctx)
		if errors.Is(failed.err, errLoopEnded) {
			return errLoopEnded
		}
		failed.unknown = false // listening changes nothing
		if err := l.tries.next(failed); err != nil {
			return err
		}
	}
}

// connect streams from one node until that fails, as it always does in the end.
func (l *listener) connect(ctx context.Context) *failure {
	claims := l.o.Filter.claims(l.c)
	claims["order"] = "ASC"
	if l.last != 0 {
		claims["min"] = l.last.String()
	}
	base := l.tries.base()
	s, failed := l.c.openStream(ctx, base, l.c.proven(l.id, api.PathListen, claims))
	if failed != nil {
		return failed
	}
	defer s.close()
	if l.o.OnConnect != nil {
		l.o.OnConnect(base.String())
	}
	for {
		line, err := s.next()
		if err != nil {
			return streamFailure(ctx, err)
		}
		if err := l.take(ctx, line); err != nil {
			return streamFailure(ctx, err)
		}
	}
}

// take gives out one line, unless it was given out before.
func (l *listener) take(ctx context.Context, line api.StreamLine) error {
	ts, err := message.ParseTimestamp(line.TS)
	if err != nil || ts == 0 {
		return fmt.Errorf("%w: a line without a timestamp", errBroken)
	}
	l.tries.progress()
	if ts <= l.last {
		return nil
	}
	m := Message{TS: ts, Token: line.Msg}
	l.c.Verify(ctx, &m)
	if ctx.Err() != nil { // it may be unverified for this reason alone
		return ctx.Err()
	}
	l.last = ts
	if !l.yield(m, nil) {
		return errLoopEnded
	}
	return nil
}

// streamFailure judges what ended a stream: the server's reason by its code,
// anything else is an accident.
func streamFailure(ctx context.Context, err error) *failure {
	var end *api.Error
	if errors.As(err, &end) {
		return &failure{err: err, temporary: end.Code.Temporary()}
	}
	return &failure{err: err, temporary: ctx.Err() == nil && !errors.Is(err, errLoopEnded)}
}

// Present gives the Timestamp of the present by the client's clock, for
// ListenOptions.After: a stream that begins about now. Messages are placed by
// the server's clock, so one sent within the difference may be seen or missed.
func (c *Client) Present() Timestamp {
	return message.TimestampOf(c.cfg.Now())
}
