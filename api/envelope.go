package api

import (
	"encoding/json"
	"fmt"
)

// Envelope is every answer but a stream (section 2). Build it with Success or Failure.
type Envelope struct {
	Status int    `json:"status"`
	Code   Code   `json:"code"`
	Err    string `json:"err,omitempty"`
	Msg    string `json:"msg,omitempty"`
	TxnID  string `json:"txnID,omitempty"`
	// First and Last are opaque cursors; Continue tells a paged answer's reader
	// whether there is likely more.
	First    string `json:"first,omitempty"`
	Last     string `json:"last,omitempty"`
	Continue *bool  `json:"continue,omitempty"`
	Body     any    `json:"body,omitempty"`
}

// Reply is an Envelope as a client reads it, with the body still in JSON.
type Reply struct {
	Status   int             `json:"status"`
	Code     Code            `json:"code"`
	Err      string          `json:"err"`
	Msg      string          `json:"msg"`
	TxnID    string          `json:"txnID"`
	First    string          `json:"first"`
	Last     string          `json:"last"`
	Continue bool            `json:"continue"`
	Body     json.RawMessage `json:"body"`
}

// Success makes the envelope of a success; a nil body is left out.
func Success(c Code, txnID string, body any) Envelope {
	i := c.Info()
	return Envelope{Status: i.Status, Code: c, Msg: i.Text, TxnID: txnID, Body: body}
}

// Failure makes the envelope of an error. detail, if any, says which field,
// message or address is meant; it must hold nothing private.
func Failure(c Code, txnID, detail string) Envelope {
	i := c.Info()
	return Envelope{Status: i.Status, Code: c, Err: failureText(i.Text, detail), TxnID: txnID}
}

func failureText(text, detail string) string {
	if detail == "" {
		return text
	}
	return text + " (" + detail + ")"
}

// Error is an error with a code: what package relay decides and package httpapi
// shows, and what a client gets back.
type Error struct {
	Code Code
	// Detail is public: which field, message or address is meant.
	Detail string
	// Err is the cause, for the log alone; it is never shown.
	Err error
	// TxnID and Body are set on the client's side.
	TxnID string
	Body  json.RawMessage
}

// Errorf makes an Error with a public detail.
func Errorf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Detail: fmt.Sprintf(format, args...)}
}

// Wrap makes an Error from a cause that stays inside.
func Wrap(c Code, err error) *Error { return &Error{Code: c, Err: err} }

// Error gives code and texts, the cause included.
func (e *Error) Error() string {
	s := fmt.Sprintf("%d %s", int(e.Code), failureText(e.Code.Text(), e.Detail))
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.TxnID != "" {
		s += " [txnID " + e.TxnID + "]"
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, &Error{Code: c}) compare codes.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Detail == "" && t.Err == nil
}
