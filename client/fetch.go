package client

import (
	"context"
	"fmt"
	"iter"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
)

// Filter leaves out messages on the server. Its zero value leaves out none.
type Filter struct {
	Types []Type
	From  address.Address
	Kid   string
}

func (f Filter) claims(c *Client) map[string]any {
	claims := map[string]any{}
	if len(f.Types) > 0 {
		letters := make([]string, len(f.Types))
		for i, t := range f.Types {
			letters[i] = t.String()
		}
		claims["type"] = letters
	}
	if !f.From.IsZero() {
		claims["src"] = c.home.full(f.From)
	}
	if f.Kid != "" {
		claims["kid"] = f.Kid
	}
	return claims
}

// FetchOptions say what of a mailbox to fetch. The zero value is all of it,
// newest first.
type FetchOptions struct {
	Filter
	After, Before Timestamp // exclusive bounds; 0 is none
	OldestFirst   bool
	PageSize      int // messages of one call; 0 is the server's default
}

func (o FetchOptions) claims(c *Client, cursor string) map[string]any {
	claims := o.Filter.claims(c)
	if o.After != 0 {
		claims["min"] = o.After.String()
	}
	if o.Before != 0 {
		claims["max"] = o.Before.String()
	}
	claims["order"] = "DESC"
	if o.OldestFirst {
		claims["order"] = "ASC"
	}
	if o.PageSize > 0 {
		claims["limit"] = o.PageSize
	}
	if cursor != "" {
		claims["cursor"] = cursor
	}
	return claims
}

// Fetch gives the messages in the mailbox of id, page after page, as the loop
// asks for them. An error ends it; messages stay in the mailbox until Ack.
func (c *Client) Fetch(ctx context.Context, id *Identity, o FetchOptions) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for cursor := ""; ; {
			lines, next, err := c.page(ctx, id, o, cursor)
			if err != nil {
				yield(Message{}, fmt.Errorf("fetch: %w", err))
				return
			}
			for _, line := range lines {
				m, err := c.receive(ctx, line)
				if err != nil {
					yield(Message{}, fmt.Errorf("fetch: %w", err))
					return
				}
				if !yield(m, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			cursor = next
		}
	}
}

// page fetches one page, and the cursor of the next one if there is likely more.
func (c *Client) page(ctx context.Context, id *Identity, o FetchOptions, cursor string) ([]api.StreamLine, string, error) {
	r := c.proven(id, api.PathFetch, o.claims(c, cursor))
	r.reads = true
	var lines []api.StreamLine
	reply, err := c.callInto(ctx, r, &lines)
	if err != nil {
		return nil, "", err
	}
	if !reply.Continue {
		return lines, "", nil
	}
	if reply.Last == "" || reply.Last == cursor { // it would go round for ever
		return nil, "", fmt.Errorf("%w: a page that does not go on", ErrBadAnswer)
	}
	return lines, reply.Last, nil
}

// AckUpTo takes all messages up to and including ts out of the mailbox, and gives
// how many those were; a repeated call may say less than were taken.
func (c *Client) AckUpTo(ctx context.Context, id *Identity, ts Timestamp) (int, error) {
	return c.ack(ctx, id, map[string]any{"upTo": ts.String()})
}

// maxAck is how many messages one call names.
const maxAck = 1000

// Ack takes the named messages out of the mailbox, and gives how many of them
// were there.
func (c *Client) Ack(ctx context.Context, id *Identity, ts ...Timestamp) (int, error) {
	total := 0
	for len(ts) > 0 {
		n := min(len(ts), maxAck)
		texts := make([]string, n)
		for i, t := range ts[:n] {
			texts[i] = t.String()
		}
		acked, err := c.ack(ctx, id, map[string]any{"ts": texts})
		total += acked
		if err != nil {
			return total, err
		}
		ts = ts[n:]
	}
	return total, nil
}

func (c *Client) ack(ctx context.Context, id *Identity, claims map[string]any) (int, error) {
	var body api.AckBody
	if _, err := c.callInto(ctx, c.proven(id, api.PathAck, claims), &body); err != nil {
		return 0, fmt.Errorf("ack: %w", err)
	}
	return body.Acked, nil
}
