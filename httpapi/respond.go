package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/nixnode/nixnode/api"
)

// succeed writes the envelope of an answer. Its code may be a failure's: a send
// of which nothing was accepted has results all the same (section 6).
func (x *exchange) succeed(a answer) {
	if a.code == 0 {
		a.code = x.route.Code
	}
	if x.route != nil && x.route.Media != "" {
		x.writeBytes(a.code.Status(), x.route.Media, a.raw)
		x.code = a.code
		return
	}
	x.write(a.envelope(x.txnID))
}

// envelope shows an answer that has its code.
func (a answer) envelope(txnID string) api.Envelope {
	var e api.Envelope
	if a.code.Success() {
		e = api.Success(a.code, txnID, a.body)
	} else {
		e = api.Failure(a.code, txnID, "")
		e.Body = a.body
	}
	e.First, e.Last, e.Continue = a.first, a.last, a.more
	return e
}

// fail writes the envelope of an error. A client that has left gets none.
func (x *exchange) fail(err error) {
	if x.left(err) {
		return
	}
	e := x.reason(err)
	x.write(api.Failure(e.Code, x.txnID, e.Detail))
}

// left reports whether err is no more than that the client is gone.
func (x *exchange) left(err error) bool {
	return x.r.Context().Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}

func (x *exchange) reason(err error) *api.Error { return x.h.reason(err, x.txnID) }

// reason gives what of an error may be shown. What has no code, or says itself
// that it is internal, goes to the log and stays there.
func (h *Handler) reason(err error, txnID string) *api.Error {
	var e *api.Error
	if errors.As(err, &e) && e.Code != api.CodeInternal && !e.Code.Success() {
		return e
	}
	h.log.Error("internal error", "txnID", txnID, "err", err)
	return api.Errorf(api.CodeInternal, "")
}

// write sends an envelope.
func (x *exchange) write(e api.Envelope) {
	data, err := encode(e)
	if err != nil {
		x.h.log.Error("an answer cannot be encoded", "txnID", x.txnID, "err", err)
		e = api.Failure(api.CodeInternal, x.txnID, "")
		data, _ = encode(e) // of strings and numbers: it cannot fail
	}
	x.code = e.Code
	setErrorHeaders(x.w.Header(), e)
	x.writeBytes(e.Status, "application/json", data)
}

// writeBytes sends an answer.
func (x *exchange) writeBytes(status int, media string, data []byte) {
	header := x.w.Header()
	header.Set("Content-Type", media)
	header.Set("Content-Length", strconv.Itoa(len(data)))
	x.writeWithin(x.h.limits.Answer + paceOf(len(data)))
	x.w.WriteHeader(status)
	_, _ = x.w.Write(data) // a client that does not take its answer is none of ours
}

// setErrorHeaders sets what RFC 9110 and section 2 want beside some statuses.
func setErrorHeaders(header http.Header, e api.Envelope) {
	switch e.Status {
	case http.StatusUnauthorized:
		// RFC 9110 §11.6.1 wants a challenge. Bearer is named alone because
		// browsers answer Basic with a dialogue of their own.
		header.Set("WWW-Authenticate", `Bearer realm="nix"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		header.Set("Retry-After", strconv.Itoa(retryAfter(e.Code)))
	}
}

// retryAfter gives seconds. A full mailbox empties when its reader comes; all
// else passes within an election.
func retryAfter(c api.Code) int {
	switch c {
	case api.CodeMailboxFull:
		return 30
	case api.CodeNotReady, api.CodeGoingDown:
		return 5
	}
	return 1
}

// paceOf is the time that size allows on top: a second for each 64 KiB.
func paceOf(size int) time.Duration {
	return time.Duration(size) * time.Second / (64 << 10)
}

// encode makes JSON in which tokens and texts stand as they are; the escapes that
// HTML pages need would only lengthen it.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
