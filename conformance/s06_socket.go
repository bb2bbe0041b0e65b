package conformance

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/nixnode/nixnode/api"
)

// socket is an open websocket.
type socket struct {
	t    *T
	conn *websocket.Conn
	resp *http.Response
}

// socket opens one with the run's key.
func (t *T) socket() *socket {
	return t.socketWith(http.Header{"Authorization": {basic(t.s.o.Key)}})
}

func (t *T) socketWith(header http.Header, protocols ...string) *socket {
	deadline := time.Now().Add(patience)
	for {
		conn, resp, err := t.dialSocket(header, protocols...)
		if err == nil {
			return &socket{t: t, conn: conn, resp: resp}
		}
		again := resp == nil || resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusTooManyRequests
		t.check(again && time.Now().Before(deadline), "GET %s: no websocket: %v", api.PathSocket, err)
		t.disturbed.Store(true)
		t.rest(100 * time.Millisecond)
	}
}

func (t *T) dialSocket(header http.Header, protocols ...string) (*websocket.Conn, *http.Response, error) {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("User-Agent", userAgent+t.id)
	conn, resp, err := websocket.Dial(t.ctx, t.url()+api.PathSocket, &websocket.DialOptions{
		HTTPHeader: header, Subprotocols: protocols, HTTPClient: &http.Client{Transport: t.s.transport},
	})
	if err == nil {
		conn.SetReadLimit(maxLine)
		t.cleanup(func() { _ = conn.CloseNow() })
	}
	return conn, resp, err
}

// says sends a frame.
func (s *socket) says(frame any) { s.raw(websocket.MessageText, jsonOf(frame)) }

func (s *socket) raw(kind websocket.MessageType, frame []byte) {
	ctx, cancel := context.WithTimeout(s.t.ctx, soon)
	defer cancel()
	if err := s.conn.Write(ctx, kind, frame); err != nil {
		s.t.disturbed.Store(websocket.CloseStatus(err) == websocket.StatusGoingAway)
		s.t.Failf("writing to the websocket: %v", err)
	}
}

// hears gives the next frame.
func (s *socket) hears() obj {
	ctx, cancel := context.WithTimeout(s.t.ctx, soon)
	defer cancel()
	kind, frame, err := s.conn.Read(ctx)
	if err != nil {
		s.t.disturbed.Store(websocket.CloseStatus(err) == websocket.StatusGoingAway)
		s.t.Failf("reading from the websocket: %v", err)
	}
	o := object(frame)
	s.t.check(kind == websocket.MessageText && o != nil, "a frame is no JSON object in text: %s", brief(string(frame)))
	return o
}

// answer gives the answer to ref, and demands its code.
func (s *socket) answer(ref string, codes ...api.Code) *answer {
	a := &answer{t: s.t, call: call{method: "WS", path: api.PathSocket}, envelope: s.hears()}
	a.status = number(a.envelope["status"])
	s.t.check(text(a.envelope["ref"]) == ref, "%v; ref is %v, want %q", a, a.envelope["ref"], ref)
	return a.want(codes...)
}

// closes demands that the server closes with the code, whatever it says before.
func (s *socket) closes(within time.Duration, want ...websocket.StatusCode) {
	ctx, cancel := context.WithTimeout(s.t.ctx, within)
	defer cancel()
	for {
		_, _, err := s.conn.Read(ctx)
		if err == nil {
			continue
		}
		got := websocket.CloseStatus(err)
		for _, w := range want {
			if got == w {
				return
			}
		}
		s.t.disturbed.Store(got == websocket.StatusGoingAway)
		s.t.check(!errors.Is(err, context.DeadlineExceeded), "still open after %v", within)
		s.t.Failf("closed with %v (%v), want %v", int(got), err, want)
	}
}

const socketTarget = api.PathSocket + "#jwt"

func (p *party) socketJWT(claims ...obj) string { return p.token(socketTarget, p.claims(claims...)) }

// socketCases are those of section 6 about the websocket.
func socketCases() []Case {
	cases := []Case{
		the("6.ws.header", "credentials by the Authorization header", func(t *T) {
			s := t.socket()
			s.says(obj{"op": "ping", "ref": "1"})
			s.answer("1", api.CodeOK).has("txnID")
		}),
		the("6.ws.subprotocol", "or, for browsers, by the subprotocols nix.v1 and nix.bearer.<JWT>", func(t *T) {
			s := t.socketWith(http.Header{}, api.SubprotocolNiX, api.SubprotocolBearer+t.socketBearer())
			t.check(s.conn.Subprotocol() == api.SubprotocolNiX, "the subprotocol selected is %q", s.conn.Subprotocol())
			s.says(obj{"op": "ping", "ref": "1"})
			s.answer("1", api.CodeOK)
		}),
		the("6.ws.bearer-not-echoed", "the credential is not selected", func(t *T) {
			s := t.socketWith(http.Header{}, api.SubprotocolNiX, api.SubprotocolBearer+t.socketBearer())
			t.check(!strings.Contains(s.resp.Header.Get("Sec-WebSocket-Protocol"), "bearer"), "Sec-WebSocket-Protocol: %s", s.resp.Header.Get("Sec-WebSocket-Protocol"))
		}),
		the("6.ws.no-credentials", "without credentials 401", func(t *T) { t.noSocket(http.StatusUnauthorized) }),
		the("6.ws.bad-bearer", "a token that does not verify is 401", func(t *T) {
			t.noSocket(http.StatusUnauthorized, api.SubprotocolNiX, api.SubprotocolBearer+t.socketBearer()+"x")
		}),
		the("6.ws.plain-get", "what opens no websocket gets an envelope", func(t *T) {
			a := t.get(api.PathSocket)
			t.check(a.status == 400 || a.status == 426, "%v; want a 400", a)
		}),
		the("6.ws.listen", "the same stream: cached, then live, as {ts, msg}", func(t *T) {
			p := t.party()
			old, stamps := p.sendMany(2)
			s := t.socket()
			s.says(obj{"op": "listen", "jwt": p.socketJWT()})
			for i, want := range old {
				o := s.hears()
				t.check(o["msg"] == want && o["ts"] == stamps[i], "frame %d is %s", i, brief(show(o)))
			}
			more, _ := p.sendMany(1)
			o := s.hears()
			t.check(o["msg"] == more[0], "the live frame is %s", brief(show(o)))
		}),
		the("6.ws.listen-min", "the claims of fetch", func(t *T) {
			p := t.party()
			msgs, stamps := p.sendMany(3)
			s := t.socket()
			s.says(obj{"op": "listen", "jwt": p.socketJWT(obj{"min": stamps[1]})})
			o := s.hears()
			t.check(o["msg"] == msgs[2], "the first frame is %s", brief(show(o)))
		}),
		the("6.ws.listen-target", "tgt is /v1/messages/ws#jwt", func(t *T) {
			p := t.standingParty()
			s := t.socket()
			s.says(obj{"op": "listen", "ref": "1", "jwt": p.token(api.PathListen+"#jwt", p.claims())})
			s.answer("1", api.CodeBadTarget)
		}),
		the("6.ws.send", "{op: send, ref, msgs} is answered by {ref, …envelope}", func(t *T) {
			p := t.party()
			msg := p.message("s", p.addr, nil)
			s := t.socket()
			s.says(obj{"op": "send", "ref": "a", "msgs": []string{msg}})
			s.answer("a", api.CodeSent).result(0, api.CodeStored).has("txnID").has("body", 0, "ts")
			p.fetch(nil).holds(msg)
		}),
		the("6.ws.send-refused", "a refusal is an envelope too", func(t *T) {
			s := t.socket()
			s.says(obj{"op": "send", "ref": "a", "msgs": []string{"garbage"}})
			s.answer("a", api.CodeBadToken).result(0, api.CodeBadToken)
		}),
		the("6.ws.send-order", "messages keep their order", func(t *T) {
			p := t.party()
			s := t.socket()
			var msgs []string
			for range 10 {
				msgs = append(msgs, p.message("s", p.addr, nil))
				s.says(obj{"op": "send", "msgs": msgs[len(msgs)-1:], "ref": "x"})
			}
			for range msgs {
				s.answer("x", api.CodeSent)
			}
			p.fetch(obj{"order": "ASC"}).holds(msgs...)
		}),
		the("6.ws.ack", "{op: ack, ref, jwt}", func(t *T) {
			p := t.party()
			_, stamps := p.sendMany(2)
			s := t.socket()
			s.says(obj{"op": "ack", "ref": "a", "jwt": p.socketJWT(obj{"upTo": stamps[1]})})
			s.answer("a", api.CodeAcked)
			p.fetch(nil).holds()
		}),
		the("6.ws.ping", "{op: ping, ref}", func(t *T) {
			s := t.socket()
			for _, ref := range []string{"x", "y"} {
				s.says(obj{"op": "ping", "ref": ref})
				s.answer(ref, api.CodeOK)
			}
		}),
		the("6.ws.unknown-op", "an op that does not exist is refused", func(t *T) {
			s := t.socket()
			s.says(obj{"op": "dance", "ref": "1"})
			s.answer("1", api.CodeBadValue)
		}),
		the("6.ws.binary", "frames are JSON text", func(t *T) {
			s := t.socket()
			s.raw(websocket.MessageBinary, []byte(`{"op":"ping"}`))
			s.closes(soon, websocket.StatusUnsupportedData, websocket.StatusPolicyViolation)
		}),
		the("6.ws.garbage", "garbage closes with 1008", func(t *T) {
			s := t.socket()
			s.says("{garbage")
			s.closes(soon, websocket.StatusPolicyViolation)
		}),
		the("6.ws.too-big", "a frame that is too big closes with 1009", func(t *T) {
			s := t.socket()
			ctx, cancel := context.WithTimeout(t.ctx, soon)
			defer cancel()
			_ = s.conn.Write(ctx, websocket.MessageText, make([]byte, 16<<20)) // may be cut off half-way
			s.closes(soon, websocket.StatusMessageTooBig)
		}),
		withOperator("6.ws.key-disabled", "disabling the key closes with 4401 within 5 s", func(t *T) {
			n := t.tenant()
			s := t.socketWith(http.Header{"Authorization": {basic(n.key)}})
			n.patch(api.PathKey, n.key.ID, obj{"enabled": false}).want(api.CodeKeyUpdated)
			s.closes(6*time.Second, api.CloseUnauthorized)
		}),
	}
	return cases
}

// socketBearer makes an API key JWT.
func (t *T) socketBearer() string {
	token := t.bearer([]byte(t.s.o.Key.Secret), nil, func(string, int64) obj { return nil })
	return strings.TrimPrefix(token, "Bearer ")
}

// noSocket demands that a handshake without an Authorization header is refused.
func (t *T) noSocket(status int, protocols ...string) {
	_, resp, err := t.dialSocket(http.Header{}, protocols...)
	t.check(err != nil, "a websocket was opened")
	if resp == nil || resp.StatusCode >= 500 {
		t.disturbed.Store(true)
	}
	t.check(resp != nil && resp.StatusCode == status, "%v; want %d", err, status)
}
