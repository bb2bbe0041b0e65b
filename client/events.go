package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/internal/strictjson"
)

// EventFilter leaves out events on the server (section 10): those that have not
// all of its values. Addresses may be in any form.
type EventFilter struct {
	Type, App, Key, Src, Dst, Kid string
	Code                          api.Code
}

func (f EventFilter) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"type": f.Type, "app": f.App, "key": f.Key, "src": f.Src, "dst": f.Dst, "kid": f.Kid} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if f.Code != 0 {
		v.Set("code", strconv.Itoa(int(f.Code)))
	}
	return v
}

// EventOptions say which events of a customer to read. The zero value is all of
// them, newest first.
type EventOptions struct {
	EventFilter
	From, To    Timestamp // From is included, To is not; 0 is none
	OldestFirst bool
	PageSize    int // events of one call; 0 is the server's default
}

func (o EventOptions) values() url.Values {
	v := o.EventFilter.values()
	if o.From != 0 {
		v.Set("from", o.From.String())
	}
	if o.To != 0 {
		v.Set("to", o.To.String())
	}
	if o.OldestFirst {
		v.Set("order", "ASC")
	}
	if o.PageSize > 0 {
		v.Set("limit", strconv.Itoa(o.PageSize))
	}
	return v
}

// Events gives the events of a customer, page after page, as the loop asks for
// them. It needs an API key of scope event of that customer, or operator.
func (c *Client) Events(ctx context.Context, customer string, o EventOptions) iter.Seq2[api.Event, error] {
	return listed[api.Event](ctx, c, fill(api.PathEvents, ":cust", customer), o.values())
}

// ListenEvents gives the events of a customer as they happen, from now on or from
// behind the event whose id is after, until the loop ends or an error is yielded.
// Broken connections are repaired behind it, as those of Listen are, without a gap
// or a repeat; but without after, what happens before the first event has come may
// be missed when the connection breaks so early.
func (c *Client) ListenEvents(ctx context.Context, customer, after string, f EventFilter) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		l := &eventListener{c: c, path: fill(api.PathEventsListen, ":cust", customer), values: f.values(), yield: yield}
		if after != "" {
			l.values.Set("cursor", after)
		}
		if err := l.run(ctx); err != nil && !errors.Is(err, errLoopEnded) {
			yield(api.Event{}, fmt.Errorf("listen to events: %w", err))
		}
	}
}

type eventListener struct {
	c      *Client
	path   string
	values url.Values // with the cursor of what was given out
	yield  func(api.Event, error) bool
	tries  *tries
}

func (l *eventListener) run(ctx context.Context) error {
	l.tries = l.c.newTries(ctx, l.path)
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
func (l *eventListener) connect(ctx context.Context) *failure {
	s, failed := l.c.openStream(ctx, l.tries.base(), request{method: http.MethodGet, path: l.path, query: l.values})
	if failed != nil {
		return failed
	}
	defer s.close()
	for {
		line, err := s.nextLine()
		if err != nil {
			return streamFailure(ctx, err)
		}
		e, err := parseEvent(line)
		if err != nil {
			return streamFailure(ctx, err)
		}
		l.tries.progress()
		l.values.Set("cursor", e.ID)
		if !l.yield(e, nil) {
			return &failure{err: errLoopEnded}
		}
	}
}

// parseEvent reads a line of a stream of events; the reason of its end is given as
// *api.Error.
func parseEvent(line []byte) (api.Event, error) {
	var w struct {
		api.Event
		Err    string `json:"err"`
		Status int    `json:"status"`
	}
	if err := strictjson.Unmarshal(line, &w); err != nil {
		return api.Event{}, fmt.Errorf("%w: unreadable line", errBroken)
	}
	switch {
	case w.ID != "" && w.Type != "":
		return w.Event, nil
	case w.Code == 0:
		return api.Event{}, fmt.Errorf("%w: neither an event nor an end", errBroken)
	}
	return api.Event{}, &api.Error{Code: w.Code, Detail: detailOf(w.Code, w.Err), TxnID: w.TxnID}
}

// PackageFilter leaves out cached packages on the server.
type PackageFilter struct {
	Kid string
	Dst string // an address in any form
}

// CachedPackages gives what the vault has cached in the cluster (section 7), page
// after page, as the loop asks for them.
func (c *Client) CachedPackages(ctx context.Context, vault *Identity, f PackageFilter) iter.Seq2[api.Package, error] {
	claims := map[string]any{}
	if f.Kid != "" {
		claims["kid"] = f.Kid
	}
	if f.Dst != "" {
		claims["dst"] = f.Dst
	}
	return pages[api.Package](ctx, c, func(cursor string) request {
		delete(claims, "cursor") // of an earlier loop
		if cursor != "" {
			claims["cursor"] = cursor
		}
		r := c.proven(vault, api.PathPackages, claims)
		r.reads = true
		return r
	})
}
