package httpapi

import (
	"bufio"
	"encoding/base64"
	"net"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"github.com/nixnode/nixnode/api"
)

// checkUpgrade demands a request that opens a websocket (RFC 6455 §4.2.1), so that
// whatever is wrong with it is told in an envelope. HTTP/2 has another handshake
// (RFC 8441), which is not offered: clients then use HTTP/1.1.
func (x *exchange) checkUpgrade() error {
	h := x.r.Header
	var wrong string
	switch {
	case x.r.Method != http.MethodGet:
		wrong = "a websocket begins with GET"
	case x.r.ProtoMajor != 1 || x.r.ProtoMinor < 1:
		wrong = "a websocket needs HTTP/1.1"
	case !hasToken(h, "Connection", "upgrade"), !hasToken(h, "Upgrade", "websocket"):
		wrong = "a websocket is wanted: Connection: Upgrade, Upgrade: websocket"
	case h.Get("Sec-WebSocket-Version") != "13":
		x.w.Header().Set("Sec-WebSocket-Version", "13") // RFC 6455 §4.4
		wrong = "Sec-WebSocket-Version: 13"
	case !oneKey(h.Values("Sec-WebSocket-Key")):
		wrong = "Sec-WebSocket-Key"
	case !x.h.allows(h.Get("Origin")):
		wrong = "Origin"
	case offersBearerAlone(h):
		wrong = "Sec-WebSocket-Protocol: " + api.SubprotocolNiX + " must be offered too"
	default:
		return nil
	}
	return api.Errorf(api.CodeBadValue, "%s", wrong)
}

// allows reports whether a page of that origin may open a websocket. There are no
// cookies, so any may, unless the operator has named one for CORS: a browser asks
// nobody else before it opens a websocket.
func (h *Handler) allows(origin string) bool {
	return origin == "" || h.origin == "*" || strings.EqualFold(origin, h.origin)
}

func oneKey(keys []string) bool {
	if len(keys) != 1 {
		return false
	}
	nonce, err := base64.StdEncoding.DecodeString(strings.TrimSpace(keys[0]))
	return err == nil && len(nonce) == 16
}

// tokens gives the elements of a header that is a list (RFC 9110 §5.6.1).
func tokens(h http.Header, name string) []string {
	var all []string
	for _, value := range h.Values(name) {
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.Trim(part, " \t"); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

func hasToken(h http.Header, name, token string) bool {
	for _, t := range tokens(h, name) {
		if strings.EqualFold(t, token) {
			return true
		}
	}
	return false
}

// subprotocols gives what a client offers: whether nix.v1 is among it, and the API
// key JWTs in it, which are credentials and go nowhere else.
func subprotocols(h http.Header) (nix bool, bearers []string) {
	for _, t := range tokens(h, "Sec-WebSocket-Protocol") {
		if token, ok := strings.CutPrefix(t, api.SubprotocolBearer); ok {
			bearers = append(bearers, token)
		}
		nix = nix || t == api.SubprotocolNiX
	}
	return nix, bearers
}

// offersBearerAlone: a browser gives up when none of what it offers is selected,
// and a credential is not.
func offersBearerAlone(h http.Header) bool {
	nix, bearers := subprotocols(h)
	return len(bearers) > 0 && !nix
}

// socketAuthorization gives the credentials of a websocket's request: the header,
// or, as browsers cannot set one, the subprotocol. Of several, none counts.
func socketAuthorization(r *http.Request) string {
	_, bearers := subprotocols(r.Header)
	switch {
	case len(bearers) == 0:
		return authorization(r)
	case len(bearers) > 1 || len(r.Header.Values("Authorization")) > 0:
		return ""
	}
	return "Bearer " + bearers[0]
}

// upgrade answers the handshake, which checkUpgrade has let through. What fails
// now is the connection itself, and nobody is there to be told.
func (x *exchange) upgrade() (*websocket.Conn, net.Conn, error) {
	o := &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled} // the origin was looked at
	if nix, _ := subprotocols(x.r.Header); nix {
		o.Subprotocols = []string{api.SubprotocolNiX}
	}
	hijacked := &hijackedResponse{response: x.w}
	conn, err := websocket.Accept(hijacked, x.r, o)
	if err != nil {
		return nil, nil, err
	}
	conn.SetReadLimit(api.MaxBody)
	return conn, hijacked.conn, nil
}

// hijackedResponse keeps the connection below a websocket, which alone can be
// given deadlines and cut off.
type hijackedResponse struct {
	*response
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (w *hijackedResponse) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.conn = conn
	return conn, rw, err
}
