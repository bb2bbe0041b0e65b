package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/relay"
)

// socket is the client's side of a websocket.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
}

// dial opens a websocket over the client's HTTP connections.
func dial(t *testing.T, client *http.Client, base, auth string, protocols ...string) (*socket, *http.Response) {
	t.Helper()
	header := http.Header{}
	if auth != "" {
		header.Set("Authorization", auth)
	}
	conn, resp, err := websocket.Dial(t.Context(), base+api.PathSocket, &websocket.DialOptions{HTTPClient: client, HTTPHeader: header, Subprotocols: protocols})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(-1)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &socket{t, conn}, resp
}

func (d *door) socket() *socket {
	d.t.Helper()
	s, _ := dial(d.t, d.server.Client(), d.server.URL, everything)
	return s
}

func (s *socket) say(format string, args ...any) {
	s.t.Helper()
	if err := s.conn.Write(s.t.Context(), websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		s.t.Fatal(err)
	}
}

// hear reads the next frame, which must be text and one JSON object.
func (s *socket) hear() map[string]any {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	kind, data, err := s.conn.Read(ctx)
	if err != nil {
		s.t.Fatalf("no frame: %v", err)
	}
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil || kind != websocket.MessageText {
		s.t.Fatalf("%v frame %q: %v", kind, data, err)
	}
	return v
}

// answer reads the next frame, which must be an envelope with that ref and code.
func (s *socket) answer(ref any, code api.Code) map[string]any {
	s.t.Helper()
	v := s.hear()
	txn, _ := v["txnID"].(string)
	if v["ref"] != ref || v["code"] != float64(code) || v["status"] != float64(code.Status()) || !txnForm.MatchString(txn) {
		s.t.Fatalf("got %v; want ref %v and code %d", v, ref, code)
	}
	if _, failed := v["err"]; failed == code.Success() {
		s.t.Errorf("%v", v)
	}
	return v
}

// closed demands that the server closes with that code, and says nothing before.
func (s *socket) closed(status websocket.StatusCode) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	_, data, err := s.conn.Read(ctx)
	if err == nil {
		s.t.Fatalf("a frame instead of the end: %s", data)
	}
	if got := websocket.CloseStatus(err); got != status {
		s.t.Errorf("closed with %d (%v), want %d", got, err, status)
	}
}

func TestASocketSendsAcksAndPings(t *testing.T) {
	d := open(t, &fakeService{sent: relay.SendAnswer{Code: api.CodeSent, Results: []api.MessageResult{{Status: 200, Code: api.CodeStored, ID: "1"}}}}, false)
	s := d.socket()
	seen := map[string]bool{}
	unique := func(v map[string]any) {
		t.Helper()
		if txn := v["txnID"].(string); seen[txn] {
			t.Errorf("txnID %s came twice", txn)
		} else {
			seen[txn] = true
		}
	}
	s.say(`{"op":"ping","ref":"a"}`)
	unique(s.answer("a", api.CodeOK))
	s.say(`{"op":"ping"}`)
	unique(s.answer(nil, api.CodeOK))
	s.say(`{"op":"send","ref":7,"msgs":["x","y"],"wait":3,"unknown":{}}`)
	v := s.answer(7.0, api.CodeSent)
	unique(v)
	if r := v["body"].([]any); len(r) != 1 || r[0].(map[string]any)["code"] != float64(api.CodeStored) {
		t.Errorf("results: %v", v)
	}
	s.say(`{"op":"ack","ref":"ä<b>","jwt":"z"}`)
	v = s.answer("ä<b>", api.CodeAcked)
	unique(v)
	if v["body"].(map[string]any)["acked"] != 0.0 {
		t.Errorf("%v", v)
	}
	calls := d.service.seen()
	if len(calls) != 3 || fmt.Sprint(calls[1].req) != "{[x y] 3}" || calls[2].method != "SocketAck" || fmt.Sprint(calls[2].req) != "{z}" {
		t.Errorf("%v", calls)
	}
	if err := s.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
	eventually.True(t, 5*time.Second, func() bool { return len(d.log.lines(t, "request")) == 1 }, "one line for the socket")
	l := d.log.lines(t, "request")[0]
	if l["route"] != "messages.ws" || l["code"] != float64(api.CodeOK) || l["status"] != 101.0 || l["bytes"] == 0.0 {
		t.Errorf("logged: %v", l)
	}
	frames := d.log.lines(t, "socket request")
	if len(frames) != 4 {
		t.Fatalf("%d lines for 4 frames", len(frames))
	}
	for _, f := range frames {
		if f["socket"] != l["txnID"] || !seen[f["txnID"].(string)] || f["key"] != testKey {
			t.Errorf("logged: %v", f)
		}
	}
	if n := len(d.log.lines(t, "internal error")); n != 0 {
		t.Error("a client that leaves is logged as a fault")
	}
}

func TestASendOfWhichNothingWasAcceptedKeepsItsResults(t *testing.T) {
	d := open(t, &fakeService{sent: relay.SendAnswer{Code: api.CodeMailboxFull, Results: []api.MessageResult{{Status: 429, Code: api.CodeMailboxFull}}}}, false)
	s := d.socket()
	s.say(`{"op":"send","ref":1,"msgs":["x"]}`)
	if v := s.answer(1.0, api.CodeMailboxFull); len(v["body"].([]any)) != 1 {
		t.Errorf("%v", v)
	}
}

func TestASocketBringsTheLinesOfAStream(t *testing.T) {
	stream := newFakeStream()
	d := open(t, &fakeService{stream: stream}, false)
	s := d.socket()
	s.say(`{"op":"listen","jwt":"x"}`)
	for _, batch := range [][]api.StreamLine{{line(1)}, {line(2), line(3)}} {
		stream.lines <- batch
		for _, want := range batch {
			if v := s.hear(); len(v) != 2 || v["ts"] != want.TS || v["msg"] != want.Msg {
				t.Errorf("%v", v)
			}
		}
	}
	// One at a time; the first goes on, and so does the socket.
	s.say(`{"op":"listen","ref":"second","jwt":"y"}`)
	s.answer("second", api.CodeBadValue)
	stream.lines <- []api.StreamLine{line(4)}
	if v := s.hear(); v["ts"] != "4" {
		t.Errorf("%v", v)
	}
	s.say(`{"op":"ping","ref":1}`)
	s.answer(1.0, api.CodeOK)
	_ = s.conn.CloseNow()
	<-stream.closed
}

func TestAListenWithARefIsAnsweredBeforeTheFirstMessage(t *testing.T) {
	stream := newFakeStream()
	d := open(t, &fakeService{stream: stream}, false)
	s := d.socket()
	s.say(`{"op":"listen","ref":"l","jwt":"x"}`)
	s.answer("l", api.CodeOK)
	stream.lines <- []api.StreamLine{line(1)}
	if v := s.hear(); v["ts"] != "1" {
		t.Errorf("%v", v)
	}
}

func TestARefusedListenLeavesTheSocketOpenForAnother(t *testing.T) {
	refuse := true
	d := open(t, &fakeService{hook: func(context.Context, call) error {
		if refuse {
			refuse = false
			return api.Errorf(api.CodeProofTime, "jwt")
		}
		return nil
	}}, false)
	s := d.socket()
	s.say(`{"op":"listen","ref":1,"jwt":"x"}`)
	s.answer(1.0, api.CodeProofTime)
	s.say(`{"op":"listen","ref":2,"jwt":"x"}`)
	s.answer(2.0, api.CodeOK)
}

func TestAnEndedStreamEndsItsSocketWithReasonAndCode(t *testing.T) {
	for code, status := range map[api.Code]websocket.StatusCode{
		api.CodeGoingDown: 1001, api.CodeNoLeader: 1001, api.CodeKeyDisabled: 4401, api.CodeUnknownKey: 4401, api.CodeTenantDisabled: 4401, api.CodeScope: 4401,
		api.CodeReaderTooSlow: 4408, api.CodeRetiredIdentity: 1008, api.CodeTooManyStreams: 1008,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			stream := newFakeStream()
			d := open(t, &fakeService{stream: stream}, false)
			s := d.socket()
			s.say(`{"op":"listen","ref":"l","jwt":"x"}`)
			s.answer("l", api.CodeOK)
			stream.lines <- []api.StreamLine{line(1)}
			s.hear()
			stream.end <- fmt.Errorf("listen: %w", api.Errorf(code, ""))
			if v := s.answer("l", code); v["err"] != code.Text() {
				t.Errorf("%v", v)
			}
			s.closed(status)
			<-stream.closed
			eventually.True(t, 5*time.Second, func() bool { return len(d.log.lines(t, "request")) == 1 }, "one log line")
			if l := d.log.lines(t, "request")[0]; l["code"] != float64(code) {
				t.Errorf("logged: %v", l)
			}
		})
	}
}

func TestFaultyFramesAreAnsweredAndTheSocketGoesOn(t *testing.T) {
	d := open(t, &fakeService{}, false)
	s := d.socket()
	for _, c := range []struct {
		frame string
		ref   any
		code  api.Code
		field string
	}{
		{`{"op":"dance","ref":"r"}`, "r", api.CodeBadValue, "op"},
		{`{"op":"","ref":"r"}`, "r", api.CodeBadValue, "op"},
		{`{"op":"Ping","ref":"r"}`, "r", api.CodeBadValue, "op"},
		{`{"ref":"r"}`, "r", api.CodeMissingField, "op"},
		{`{}`, nil, api.CodeMissingField, "op"},
		{`{"op":7,"ref":-1.5}`, -1.5, api.CodeWrongType, "op"},
		{`{"op":null,"ref":"r"}`, "r", api.CodeWrongType, "op"},
		{`{"op":"ping","ref":{}}`, nil, api.CodeWrongType, "ref"},
		{`{"op":"ping","ref":["a"]}`, nil, api.CodeWrongType, "ref"},
		{`{"op":"ping","ref":true}`, nil, api.CodeWrongType, "ref"},
		{`{"op":"ping","ref":"` + strings.Repeat("r", api.MaxSocketRef) + `"}`, nil, api.CodeBadValue, "ref"},
		{`{"op":"send","ref":"r","msgs":"x"}`, "r", api.CodeWrongType, "msgs"},
		{`{"op":"send","ref":"r","msgs":["x",{}]}`, "r", api.CodeWrongType, "msgs/1"},
		{`{"op":"send","ref":"r","wait":"5"}`, "r", api.CodeWrongType, "wait"},
		{`{"op":"ack","ref":"r","jwt":7}`, "r", api.CodeWrongType, "jwt"},
		{`{"op":"listen","ref":"r","jwt":{}}`, "r", api.CodeWrongType, "jwt"},
	} {
		s.say("%s", c.frame)
		if v := s.answer(c.ref, c.code); !strings.Contains(v["err"].(string), "("+c.field) {
			t.Errorf("%s: %v does not name %s", c.frame, v, c.field)
		}
	}
	s.say(`{"op":"ping","ref":"still here"}`)
	s.answer("still here", api.CodeOK)
	if calls := d.service.seen(); len(calls) != 0 {
		t.Errorf("the service was called: %v", calls)
	}
}

func TestGarbageEndsTheSocketWithTheRightCode(t *testing.T) {
	for name, bad := range unreadable {
		t.Run(name, func(t *testing.T) {
			d := open(t, &fakeService{}, false)
			s := d.socket()
			if name == "bad UTF-8" { // RFC 6455 §8.1
				s.say("%s", bad.body)
				s.closed(1007)
				return
			}
			s.say("%s", bad.body)
			s.answer(nil, bad.code)
			s.closed(1008)
		})
	}
	t.Run("binary", func(t *testing.T) {
		s := open(t, &fakeService{}, false).socket()
		if err := s.conn.Write(t.Context(), websocket.MessageBinary, []byte(`{"op":"ping"}`)); err != nil {
			t.Fatal(err)
		}
		s.closed(1003)
	})
	t.Run("duplicate ref", func(t *testing.T) {
		s := open(t, &fakeService{}, false).socket()
		s.say(`{"op":"ping","ref":1,"ref":2}`)
		s.answer(nil, api.CodeUnreadable)
		s.closed(1008)
	})
}

func TestAFrameMayBeAsLargeAsABodyAndNoLarger(t *testing.T) {
	d := open(t, &fakeService{sent: relay.SendAnswer{Code: api.CodeSent}}, false)
	frame := func(size int) string {
		const head, tail = `{"op":"send","msgs":["`, `"]}`
		return head + strings.Repeat("x", size-len(head)-len(tail)) + tail
	}
	s := d.socket()
	s.say("%s", frame(api.MaxBody))
	s.answer(nil, api.CodeSent)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_ = s.conn.Write(ctx, websocket.MessageText, []byte(frame(api.MaxBody+1))) // it may be cut off within
	s.closed(1009)
	eventually.True(t, 5*time.Second, func() bool { return len(d.log.lines(t, "request")) == 1 }, "one log line")
	if l := d.log.lines(t, "request")[0]; l["code"] != float64(api.CodeBodyTooLarge) {
		t.Errorf("logged: %v", l)
	}
}

func TestACallerThatMayNotGoOnIsClosedWith4401(t *testing.T) {
	quick := func(o *httpapi.Options) { o.Limits.Recheck = 10 * time.Millisecond }
	t.Run("idle", func(t *testing.T) {
		d := open(t, &fakeService{}, false, quick)
		s := d.socket()
		s.say(`{"op":"ping"}`)
		s.answer(nil, api.CodeOK)
		d.service.refuse(api.Errorf(api.CodeKeyDisabled, ""))
		s.answer(nil, api.CodeKeyDisabled)
		s.closed(4401)
	})
	t.Run("with its next request", func(t *testing.T) {
		d := open(t, &fakeService{}, false)
		s := d.socket()
		d.service.refuse(api.Errorf(api.CodeKeyExpired, ""))
		s.say(`{"op":"send","ref":1,"msgs":["x"]}`)
		s.answer(1.0, api.CodeKeyExpired)
		s.closed(4401)
		if calls := d.service.seen(); len(calls) != 0 {
			t.Errorf("the service was called: %v", calls)
		}
	})
	t.Run("cut off from the cluster", func(t *testing.T) {
		d := open(t, &fakeService{}, false, quick)
		s := d.socket()
		d.service.refuse(api.Errorf(api.CodeNoLeader, ""))
		s.answer(nil, api.CodeNoLeader)
		s.closed(1001)
	})
}

func TestARateLimitedRequestDoesNotEndTheSocket(t *testing.T) {
	limited := true
	d := open(t, &fakeService{hook: func(context.Context, call) error {
		if limited {
			limited = false
			return api.Errorf(api.CodeRateLimited, "requests")
		}
		return nil
	}}, false)
	s := d.socket()
	s.say(`{"op":"ack","ref":1,"jwt":"x"}`)
	s.answer(1.0, api.CodeRateLimited)
	s.say(`{"op":"ack","ref":2,"jwt":"x"}`)
	s.answer(2.0, api.CodeAcked)
}

func TestPanicsAndInternalErrorsOfASocketShowNothing(t *testing.T) {
	const private = "the key is under the mat"
	for name, op := range map[string]string{"send": `"msgs":[]`, "ack": `"jwt":"x"`, "listen": `"jwt":"x"`} {
		for how, hook := range map[string]func() error{
			"panic": func() error { panic(private) },
			"error": func() error { return errors.New(private) },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				d := open(t, &fakeService{hook: func(context.Context, call) error { return hook() }}, false)
				other, s := d.socket(), d.socket()
				s.say(`{"op":%q,"ref":1,%s}`, name, op)
				v := s.hear()
				if v["code"] != float64(api.CodeInternal) || strings.Contains(fmt.Sprint(v), private) {
					t.Errorf("%v", v)
				}
				if how == "panic" {
					s.closed(1011)
				}
				other.say(`{"op":"ping"}`)
				other.answer(nil, api.CodeOK)
				if log := d.log.String(); !strings.Contains(log, private) || !strings.Contains(log, v["txnID"].(string)) {
					t.Error("the cause or its txnID is not in the log")
				}
			})
		}
	}
}

func TestSendsAreAcceptedInTheirOrder(t *testing.T) {
	d := open(t, &fakeService{sent: relay.SendAnswer{Code: api.CodeSent}}, false)
	s := d.socket()
	const n = 200
	go func() {
		for i := range n {
			_ = s.conn.Write(t.Context(), websocket.MessageText, fmt.Appendf(nil, `{"op":"send","ref":%d,"msgs":["%d"],"wait":%d}`, i, i, i%2))
		}
	}()
	for range n {
		if v := s.hear(); v["code"] != float64(api.CodeSent) {
			t.Fatalf("%v", v)
		}
	}
	var got []string
	for _, c := range d.service.seen() {
		if c.method == "accept" {
			got = append(got, c.req.(api.SendRequest).Msgs[0])
		}
	}
	want := make([]string, n)
	for i := range want {
		want[i] = fmt.Sprint(i)
	}
	if !slices.Equal(got, want) {
		t.Errorf("accepted in the order %v", got)
	}
}

func TestASendThatWaitsLetsTheNextOnesPass(t *testing.T) {
	answered := make(chan struct{})
	d := open(t, &fakeService{sent: relay.SendAnswer{Code: api.CodeSent}, hook: func(_ context.Context, c call) error {
		if r, ok := c.req.(api.SendRequest); ok && c.method == "SocketSend" && r.Wait > 0 {
			<-answered
		}
		return nil
	}}, false)
	s := d.socket()
	s.say(`{"op":"send","ref":"waits","msgs":["x"],"wait":60}`)
	s.say(`{"op":"send","ref":"next","msgs":["y"]}`)
	s.answer("next", api.CodeSent)
	s.say(`{"op":"ping","ref":"ping"}`)
	s.answer("ping", api.CodeOK)
	close(answered)
	s.answer("waits", api.CodeSent)
}

// A reader that takes nothing and a peer that sends garbage cost the others nothing.
func TestBadSocketsCostOthersNothing(t *testing.T) {
	d := open(t, &fakeService{}, false)
	stuck := d.socket()
	stuck.say(`{"op":"listen","jwt":"x"}`)
	for range 20 {
		bad := d.socket()
		bad.say("hello")
	}
	good := d.socket()
	for i := range 50 {
		good.say(`{"op":"ack","ref":%d,"jwt":"x"}`, i)
		good.answer(float64(i), api.CodeAcked)
	}
}
