package httpapi

import (
	"context"
	"strconv"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/relay"
)

// handle does the work of a route that answers with an envelope; listen opens
// the stream of one that does not. Both find the caller authenticated, and
// what they are given beside it (ctx ends when the client leaves) in x.
type (
	handle func(ctx context.Context, x *exchange) (answer, error)
	listen func(ctx context.Context, x *exchange) (feed, error)
)

// answer is what goes into the envelope. A zero code means the route's.
type answer struct {
	raw         []byte // the whole answer, of the route's Media, in place of an envelope
	code        api.Code
	body        any
	first, last string
	more        *bool // nil where nothing is paged
}

// The adapters below make handlers of the methods of Service. They differ only
// in what comes in (a body, a parameter of the path, the query of a list) and
// what goes out.

func takes[Req, Res any](call func(Service, context.Context, relay.Caller, Req) (Res, error)) handle {
	return func(ctx context.Context, x *exchange) (answer, error) {
		req, err := decodeBody[Req](x)
		if err != nil {
			return answer{}, err
		}
		return withBody(call(x.h.service, ctx, x.caller, req))
	}
}

func takesAt[Req, Res any](param string, call func(Service, context.Context, relay.Caller, string, Req) (Res, error)) handle {
	return func(ctx context.Context, x *exchange) (answer, error) {
		req, err := decodeBody[Req](x)
		if err != nil {
			return answer{}, err
		}
		return withBody(call(x.h.service, ctx, x.caller, x.params[param], req))
	}
}

func does[Req any](call func(Service, context.Context, relay.Caller, Req) error) handle {
	return func(ctx context.Context, x *exchange) (answer, error) {
		req, err := decodeBody[Req](x)
		if err != nil {
			return answer{}, err
		}
		return answer{}, call(x.h.service, ctx, x.caller, req)
	}
}

func shows[Res any](param string, call func(Service, context.Context, relay.Caller, string) (Res, error)) handle {
	return func(ctx context.Context, x *exchange) (answer, error) {
		return withBody(call(x.h.service, ctx, x.caller, x.params[param]))
	}
}

func removes(param string, call func(Service, context.Context, relay.Caller, string) error) handle {
	return func(ctx context.Context, x *exchange) (answer, error) {
		return answer{}, call(x.h.service, ctx, x.caller, x.params[param])
	}
}

func lists[T any](call func(Service, context.Context, relay.Caller, relay.ListQuery) (relay.List[T], error)) handle {
	return func(ctx context.Context, x *exchange) (answer, error) {
		q, err := listQuery(x)
		if err != nil {
			return answer{}, err
		}
		return withList(call(x.h.service, ctx, x.caller, q))
	}
}

func listsAt[T any](param string, call func(Service, context.Context, relay.Caller, string, relay.ListQuery) (relay.List[T], error)) handle {
	return func(ctx context.Context, x *exchange) (answer, error) {
		q, err := listQuery(x)
		if err != nil {
			return answer{}, err
		}
		return withList(call(x.h.service, ctx, x.caller, x.params[param], q))
	}
}

func listens[Req any](call func(Service, context.Context, relay.Caller, Req) (Stream, error)) listen {
	return func(ctx context.Context, x *exchange) (feed, error) {
		req, err := decodeBody[Req](x)
		if err != nil {
			return feed{}, err
		}
		s, err := call(x.h.service, ctx, x.caller, req)
		if err != nil {
			return feed{}, err
		}
		next := func(ctx context.Context) ([]byte, error) { return asLines(s.Next(ctx)) }
		return feed{form: lines, next: next, close: s.Close}, nil
	}
}

func withBody[Res any](res Res, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	return answer{body: res}, nil
}

func withList[T any](l relay.List[T], err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	return answer{body: array(l.Items), last: l.Last, more: &l.More}, nil
}

// array keeps a list without elements from being shown as null.
func array[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// listQuery reads cursor and limit (section 9).
func listQuery(x *exchange) (relay.ListQuery, error) {
	values, err := parseQuery(x.r.URL.RawQuery)
	if err != nil {
		return relay.ListQuery{}, err
	}
	limit, err := parseLimit(values)
	return relay.ListQuery{Cursor: values["cursor"], Limit: limit}, err
}

// parseLimit reads a limit; 0 if there is none. What it is then, and how much is
// the most, is relay's to say.
func parseLimit(values map[string]string) (int, error) {
	text, ok := values["limit"]
	if !ok {
		return 0, nil
	}
	// ParseUint takes no sign, which Atoi would.
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || n == 0 {
		return 0, api.Errorf(api.CodeBadValue, "limit")
	}
	return int(n), nil
}
