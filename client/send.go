package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
)

// Result is what became of one message.
type Result struct {
	Code api.Code // 20021 and up; the refusal's when Err is set; 0 when it was not asked
	ID   string
	To   address.Address
	// TS is the message's place in the mailbox of To; 0 when nothing was stored.
	TS Timestamp
	// Skipped is how many members of the group To had no room for it.
	Skipped int
	// Lines hold the answer to a request, from the cache or waited for.
	Lines []api.StreamLine
	// Cleared is how many cached packages a clear removed.
	Cleared int
	// Err is nil when the message was accepted. It is an *api.Error when it was
	// refused, and ErrOutcomeUnknown when nobody can tell.
	Err error
}

// Send signs messages and sends them: Prepare, then SendPrepared.
func (c *Client) Send(ctx context.Context, from *Identity, msgs ...Outgoing) ([]Result, error) {
	prepared, err := c.Prepare(ctx, from, msgs...)
	if err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	return c.SendPrepared(ctx, prepared...)
}

// SendPrepared sends messages in as few calls as the limits allow, one call after
// the other, and sends those that were refused for the moment again, the same
// tokens, until they are accepted or the patience ends. There is one result a
// message, in order, also when the error is not nil; the error joins those of the
// messages. Messages of one call to one destination keep their order; one that
// has to be sent again comes later than those that were accepted before.
func (c *Client) SendPrepared(ctx context.Context, msgs ...Prepared) ([]Result, error) {
	return c.sendAndWait(ctx, 0, msgs)
}

// sendAndWait is SendPrepared, waiting up to wait for answers to requests.
func (c *Client) sendAndWait(ctx context.Context, wait time.Duration, msgs []Prepared) ([]Result, error) {
	results := make([]Result, len(msgs))
	for i, m := range msgs {
		results[i] = Result{ID: m.ID, To: m.To}
	}
	for from := 0; from < len(msgs); {
		to := from + batch(msgs[from:])
		b := &sending{c: c, wait: wait, msgs: msgs[from:to], results: results[from:to]}
		b.run(ctx)
		from = to
	}
	var errs []error
	for i, r := range results {
		if r.Err != nil {
			errs = append(errs, fmt.Errorf("send: message %d: %w", i, r.Err))
		}
	}
	return results, errors.Join(errs...)
}

const (
	// maxBatchBytes leaves room for JSON around the tokens of one call.
	maxBatchBytes = api.MaxBody - 64<<10
	// maxRequests is how many requests go into one call: each may be answered
	// with a package from the cache, and an answer is read up to maxAnswer.
	maxRequests = api.MaxBody / api.MaxMessage
)

// batch says how many of msgs go into one call; at least one.
func batch(msgs []Prepared) int {
	size, requests := 0, 0
	for i, m := range msgs {
		size += len(m.Token) + len(`"",`)
		if m.Type == TypeRequest {
			requests++
		}
		if i > 0 && (i == api.MaxMessages || size > maxBatchBytes || requests > maxRequests) {
			return i
		}
	}
	return len(msgs)
}

// sending is the sending of one batch, over several tries.
type sending struct {
	c       *Client
	wait    time.Duration
	msgs    []Prepared
	results []Result
	unknown []bool // a try before may have stored the message
}

func (b *sending) run(ctx context.Context) {
	if err := ctx.Err(); err != nil { // nothing was sent, so nothing is unknown
		for i := range b.results {
			b.results[i].Err = err
		}
		return
	}
	b.unknown = make([]bool, len(b.msgs))
	open := make([]int, len(b.msgs)) // indices of those not settled
	for i := range open {
		open[i] = i
	}
	tries := b.c.newTries(ctx, api.PathSend)
	for len(open) > 0 {
		failed := b.try(ctx, tries.base(), open)
		open = b.unsettled(open)
		if failed == nil {
			return
		}
		if err := tries.next(failed); err != nil {
			b.giveUp(ctx, open)
			return
		}
	}
}

// try sends the open messages once and takes in the results.
func (b *sending) try(ctx context.Context, base *url.URL, open []int) *failure {
	tokens := make([]string, len(open))
	for i, at := range open {
		tokens[i] = b.msgs[at].Token
	}
	r := request{
		method: http.MethodPost, path: api.PathSend, patience: b.wait,
		body: fixed(api.SendRequest{Msgs: tokens, Wait: int(b.wait.Seconds())}),
	}
	reply, failed := b.c.try(ctx, base, r)
	// A call of which nothing was accepted is a failure that has the results all
	// the same (section 6).
	wire, err := readResults(reply.Body, len(open))
	if err != nil && failed == nil {
		failed = &failure{err: err, unknown: true}
	}
	if err != nil {
		for _, at := range open {
			b.refuse(at, failed)
		}
		return failed
	}
	return b.settle(open, wire, failed)
}

// refuse notes that the whole call failed.
func (b *sending) refuse(at int, f *failure) {
	b.unknown[at] = b.unknown[at] || f.unknown
	b.results[at].Code, b.results[at].Err = 0, f.err
	var refusal *api.Error
	if errors.As(f.err, &refusal) {
		b.results[at].Code = refusal.Code
	}
	if !f.temporary {
		b.results[at].Err = b.uncertain(at, f.err)
	}
}

// settle takes in one result a message, and gives a temporary failure when some
// of them are worth another try.
func (b *sending) settle(open []int, wire []wireResult, whole *failure) *failure {
	var again *failure
	for i, at := range open {
		b.take(at, wire[i])
		if code := b.results[at].Code; code.Temporary() {
			b.unknown[at] = b.unknown[at] || unknownOutcome(code)
			again = &failure{err: b.results[at].Err, temporary: true}
			if whole != nil {
				again.retryAfter = whole.retryAfter
			}
		}
	}
	return again
}

// unsettled gives those of open that may succeed when they are sent again.
func (b *sending) unsettled(open []int) []int {
	var still []int
	for _, at := range open {
		r := b.results[at]
		if r.Err != nil && (r.Code == 0 || r.Code.Temporary()) {
			still = append(still, at)
		}
	}
	return still
}

// giveUp says of each open message what is known.
func (b *sending) giveUp(ctx context.Context, open []int) {
	for _, at := range open {
		b.results[at].Err = b.uncertain(at, because(ctx, b.results[at].Err))
	}
}

// uncertain marks err when a try may have stored the message. It does so once.
func (b *sending) uncertain(at int, err error) error {
	if !b.unknown[at] || errors.Is(err, ErrOutcomeUnknown) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
}

// wireResult is api.MessageResult with its body still in JSON.
type wireResult struct {
	Code api.Code        `json:"code"`
	Err  string          `json:"err"`
	TS   string          `json:"ts"`
	Body json.RawMessage `json:"body"`

	Skipped int `json:"skipped"`
}

// readResults reads the body of an answer to send. Errors: ErrBadAnswer.
func readResults(body json.RawMessage, n int) ([]wireResult, error) {
	var wire []wireResult
	if err := json.Unmarshal(body, &wire); err != nil || len(wire) != n {
		return nil, fmt.Errorf("%w: not one result a message", ErrBadAnswer)
	}
	return wire, nil
}

// take reads one result into its place.
func (b *sending) take(at int, w wireResult) {
	r := &b.results[at]
	r.Code, r.Err, r.Skipped = w.Code, nil, w.Skipped
	if !w.Code.Success() && w.Code != api.CodeDenied {
		r.Err = b.uncertain(at, &api.Error{Code: w.Code, Detail: detailOf(w.Code, w.Err)})
		return
	}
	if w.TS != "" {
		ts, err := ParseTimestamp(w.TS)
		if err != nil {
			r.Err = fmt.Errorf("%w: a result without a timestamp", ErrBadAnswer)
			return
		}
		r.TS = ts
	}
	if err := r.takeBody(w); err != nil {
		r.Err = fmt.Errorf("%w: body of a result of code %d", ErrBadAnswer, w.Code)
	}
}

func (r *Result) takeBody(w wireResult) error {
	switch {
	case len(w.Body) == 0:
		return nil
	case w.Code == api.CodeServedFromCache, w.Code == api.CodeAnsweredPackage, w.Code == api.CodeDenied, w.Code == api.CodeAnswered:
		return json.Unmarshal(w.Body, &r.Lines)
	case w.Code == api.CodeCleared:
		var body api.ClearBody
		err := json.Unmarshal(w.Body, &body)
		r.Cleared = body.Cleared
		return err
	}
	return nil
}
