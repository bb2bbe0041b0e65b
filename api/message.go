package api

// SendRequest is the body of POST /v1/messages/send (section 6).
type SendRequest struct {
	Msgs []string `json:"msgs"`
	// Wait is for how many seconds to wait for answers to requests.
	Wait int `json:"wait,omitempty"`
}

// MessageResult is what became of one message of a call.
type MessageResult struct {
	Status int    `json:"status"`
	Code   Code   `json:"code"`
	Err    string `json:"err,omitempty"`
	ID     string `json:"id,omitempty"`
	Dst    string `json:"dst,omitempty"`
	TS     string `json:"ts,omitempty"`
	// Skipped is how many members of the route or group have no copy, as their
	// mailboxes were full. If the group's own was, TS is absent.
	Skipped int `json:"skipped,omitempty"`
	// Body is []StreamLine (20016, 10016, 10403, 10001) or ClearBody (20024).
	Body any `json:"body,omitempty"`
}

// ClearBody says how many cached packages a clear removed.
type ClearBody struct {
	Cleared int `json:"cleared"`
}

// StreamLine is one message with its place: an element of a fetch's body and a
// line of a stream.
type StreamLine struct {
	TS  string `json:"ts"`
	Msg string `json:"msg"`
}

// StreamEnd is the last line of a stream that the server ends.
type StreamEnd struct {
	Status int    `json:"status"`
	Code   Code   `json:"code"`
	Err    string `json:"err"`
	TxnID  string `json:"txnID,omitempty"`
}

// AckBody says how many messages left the mailbox.
type AckBody struct {
	Acked int `json:"acked"`
}
