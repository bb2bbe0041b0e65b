package httpapi

import (
	"bytes"
	"context"
	"strings"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/relay"
)

// listPackages serves /v1/packages/list (section 7).
func listPackages(ctx context.Context, x *exchange) (answer, error) {
	req, err := decodeBody[api.ProofRequest](x)
	if err != nil {
		return answer{}, err
	}
	return withList(x.h.service.Packages(ctx, x.caller, req))
}

// events serves a page of a customer's events (section 10).
func events(ctx context.Context, x *exchange) (answer, error) {
	q, err := eventQuery(x)
	if err != nil {
		return answer{}, err
	}
	page, err := x.h.service.Events(ctx, x.caller, x.params["cust"], q)
	if err != nil {
		return answer{}, err
	}
	return answer{body: array(page.Events), first: page.First, last: page.Last, more: &page.More}, nil
}

// eventQuery reads what of the events is wanted. What the values may be is relay's
// to say.
func eventQuery(x *exchange) (relay.EventQuery, error) {
	v, err := parseQuery(x.r.URL.RawQuery)
	if err != nil {
		return relay.EventQuery{}, err
	}
	limit, err := parseLimit(v)
	return relay.EventQuery{
		Cursor: v["cursor"], Limit: limit, Order: v["order"], From: v["from"], To: v["to"],
		EventFilter: relay.EventFilter{
			Type: v["type"], App: v["app"], Key: v["key"], Src: v["src"], Dst: v["dst"], Kid: v["kid"], Code: v["code"],
		},
	}, err
}

// listenEvents serves a customer's events as they happen: as lines, or, for
// browsers and whoever else accepts them, as server-sent events (HTML Living
// Standard, 9.2).
func listenEvents(ctx context.Context, x *exchange) (feed, error) {
	q, err := eventQuery(x)
	if err != nil {
		return feed{}, err
	}
	sse := acceptsSSE(x.r.Header.Values("Accept"))
	if id := x.r.Header.Get("Last-Event-ID"); sse && id != "" {
		q.Cursor = id // the client connects again: this is newer than its URL
	}
	s, err := x.h.service.ListenEvents(ctx, x.caller, x.params["cust"], q)
	if err != nil {
		return feed{}, err
	}
	if !sse {
		next := func(ctx context.Context) ([]byte, error) { return asLines(s.Next(ctx)) }
		return feed{form: lines, next: next, close: s.Close}, nil
	}
	return feed{
		form: serverSent, close: s.Close,
		// An id without data is no event, but the client sends it when it connects
		// again before there was one.
		begin: []byte("id: " + s.Begin() + "\n\n"),
		next:  func(ctx context.Context) ([]byte, error) { return asServerSent(s.Next(ctx)) },
	}, nil
}

// acceptsSSE reports whether one of the media types is text/event-stream. Ranges
// such as */* mean lines.
func acceptsSSE(accept []string) bool {
	for _, header := range accept {
		for media := range strings.SplitSeq(header, ",") {
			name, _, _ := strings.Cut(media, ";")
			if strings.EqualFold(strings.TrimSpace(name), serverSent.contentType) {
				return true
			}
		}
	}
	return false
}

// serverSent is the form of server-sent events. The reason of an end is an event
// "end", which clients tell from those of the stream by its name.
var serverSent = form{
	contentType: "text/event-stream", keepAlive: []byte(":\n\n"),
	end: func(text []byte) []byte { return append(append([]byte("event: end\ndata: "), text...), '\n') },
}

// asServerSent makes an unnamed event of each, with its id. JSON has no line breaks.
func asServerSent(events []api.Event, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, e := range events {
		text, err := encode(e)
		if err != nil {
			return nil, err
		}
		b.WriteString("id: " + e.ID + "\ndata: ")
		b.Write(text)
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}
