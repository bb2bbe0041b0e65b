package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nixnode/nixnode/api"
)

// maxAnswer bounds what is read of one answer: twice what the greatest page of a
// fetch, or the packages of one call of requests, come to.
const maxAnswer = 2 * api.MaxBody

// request is one call, which may take several tries.
type request struct {
	method string
	path   string
	query  url.Values
	// body makes the JSON body for a try at a node. A proof is made anew each
	// time (its audience may be that node's name, and it must be fresh); tokens
	// that change something must be the same each time. Nil is no body.
	body func(base *url.URL) (any, error)
	// patience is added to the time that one try may take.
	patience time.Duration
	// reads says that nothing is changed, so that no outcome can be unknown.
	reads bool
	// once says that a repetition would make the change a second time.
	once bool
}

// fixed is a request body that is the same in each try.
func fixed(body any) func(*url.URL) (any, error) {
	return func(*url.URL) (any, error) { return body, nil }
}

// failure is why a try failed.
type failure struct {
	err        error
	retryAfter time.Duration
	temporary  bool // another try may succeed
	unknown    bool // a change may have been made
}

// try sends r to one node, once.
func (c *Client) try(ctx context.Context, base *url.URL, r request) (api.Reply, *failure) {
	tryCtx, cancel := context.WithTimeout(ctx, c.cfg.CallTimeout+r.patience)
	defer cancel()
	req, err := c.newRequest(tryCtx, base, r)
	if err != nil {
		return api.Reply{}, &failure{err: err}
	}
	resp, err := c.calls.Do(req)
	if err != nil {
		return api.Reply{}, transportFailure(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	return readReply(ctx, resp)
}

func (c *Client) newRequest(ctx context.Context, base *url.URL, r request) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		v, err := r.body(base)
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("write the request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	u := base.JoinPath(r.path)
	u.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, c.authorize(req)
}

// transportFailure judges an error of net/http. Only when no connection was made
// is it certain that the node never saw the request.
func transportFailure(ctx context.Context, err error) *failure {
	var op *net.OpError
	dialing := errors.As(err, &op) && op.Op == "dial"
	return &failure{err: err, temporary: ctx.Err() == nil, unknown: !dialing}
}

// readReply reads an envelope and makes a failure of one that is not a success.
func readReply(ctx context.Context, resp *http.Response) (api.Reply, *failure) {
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return api.Reply{}, transportFailure(ctx, err)
	}
	var reply api.Reply
	if len(data) > maxAnswer || json.Unmarshal(data, &reply) != nil || reply.Code == 0 {
		// Something that is not a node answered: a proxy, perhaps, whose 5xx may pass.
		return api.Reply{}, &failure{
			err:       fmt.Errorf("%w: HTTP status %d without an envelope", ErrBadAnswer, resp.StatusCode),
			temporary: resp.StatusCode >= 500, unknown: true,
			retryAfter: retryAfter(resp),
		}
	}
	if reply.Code.Success() && resp.StatusCode < 300 {
		return reply, nil
	}
	return reply, &failure{
		err:        replyError(reply),
		retryAfter: retryAfter(resp),
		temporary:  reply.Code.Temporary(),
		unknown:    unknownOutcome(reply.Code),
	}
}

// unknownOutcome reports whether a refusal with code leaves open what was done.
func unknownOutcome(code api.Code) bool {
	return code == api.CodeUnknownOutcome || code == api.CodeInternal || code == api.CodeGoingDown
}

// replyError makes an error of an envelope.
func replyError(r api.Reply) *api.Error {
	return &api.Error{Code: r.Code, Detail: detailOf(r.Code, r.Err), TxnID: r.TxnID, Body: r.Body}
}

// detailOf takes the public text of code off an error text, so that it is not
// there twice when the error is printed.
func detailOf(code api.Code, text string) string {
	rest, ok := strings.CutPrefix(text, code.Text())
	if !ok {
		return text
	}
	return strings.TrimSuffix(strings.TrimPrefix(rest, " ("), ")")
}

// maxRetryAfter keeps a server from putting a client to sleep for good.
const maxRetryAfter = time.Minute

// retryAfter reads RFC 9110 §10.2.3 in seconds, the form that nodes use.
func retryAfter(resp *http.Response) time.Duration {
	sec, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return min(time.Duration(sec)*time.Second, maxRetryAfter)
}

// call sends r until it is answered for good.
func (c *Client) call(ctx context.Context, r request) (api.Reply, error) {
	tries := c.newTries(ctx, r.path)
	for {
		reply, failed := c.try(ctx, tries.base(), r)
		if failed == nil {
			return reply, nil
		}
		failed.unknown = failed.unknown && !r.reads
		failed.temporary = failed.temporary && !(r.once && failed.unknown)
		if err := tries.next(failed); err != nil {
			return reply, fmt.Errorf("%s %s: %w", r.method, r.path, err)
		}
	}
}

// callInto is call, with the answer's body read into v.
func (c *Client) callInto(ctx context.Context, r request, v any) (api.Reply, error) {
	reply, err := c.call(ctx, r)
	if err != nil {
		return reply, err
	}
	if err := json.Unmarshal(reply.Body, v); err != nil {
		return reply, fmt.Errorf("%s %s: %w: body of code %d", r.method, r.path, ErrBadAnswer, reply.Code)
	}
	return reply, nil
}
