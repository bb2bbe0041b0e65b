package api

import "encoding/json"

// The subprotocols of GET /v1/messages/ws (section 6). Browsers, which cannot set
// headers, offer SubprotocolNiX and SubprotocolBearer followed by an API key JWT;
// the answer selects SubprotocolNiX and never shows the other one.
const (
	SubprotocolNiX    = "nix.v1"
	SubprotocolBearer = "nix.bearer."
)

// What a client asks for on a websocket: the op of a SocketRequest.
const (
	OpListen = "listen"
	OpSend   = "send"
	OpAck    = "ack"
	OpPing   = "ping"
)

// The codes with which the server closes a websocket: those of section 6, and of
// RFC 6455 §7.4.1 where that one knows the fault.
const (
	CloseGoingDown    = 1001 // or out of touch with the cluster: connect to another node
	CloseProtocol     = 1002
	CloseUnsupported  = 1003 // a binary frame
	CloseNotUTF8      = 1007
	ClosePolicy       = 1008
	CloseTooBig       = 1009
	CloseInternal     = 1011
	CloseUnauthorized = 4401
	CloseTooSlow      = 4408
)

// MaxSocketRef is how many bytes of JSON a ref may have.
const MaxSocketRef = 128

// SocketRequest is a frame from client to server. JWT is for listen and ack, Msgs
// and Wait are for send.
type SocketRequest struct {
	Op string `json:"op"`
	// Ref, a string or a number of the client's choice, comes back in the answer.
	Ref  json.RawMessage `json:"ref,omitempty"`
	JWT  string          `json:"jwt,omitempty"`
	Msgs []string        `json:"msgs,omitzero"`
	Wait int             `json:"wait,omitempty"`
}

// SocketReply is a frame from server to client that is no StreamLine: the answer
// to a SocketRequest, or, before the server closes, why.
type SocketReply struct {
	Ref json.RawMessage `json:"ref,omitempty"`
	Envelope
}
