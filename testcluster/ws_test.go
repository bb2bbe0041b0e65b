package testcluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/jose"
	"github.com/nixnode/nixnode/testcluster"
)

const socketPath = "/v1/messages/ws"

// socket is an open websocket at one node.
type socket struct {
	t    *testing.T
	node *testcluster.Node
	conn *websocket.Conn
}

func openSocket(t *testing.T, m *testcluster.Node, key client.KeyCredentials) *socket {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, m.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(key.ID, key.Secret)
	return dialSocket(t, m, &websocket.DialOptions{HTTPHeader: r.Header})
}

func dialSocket(t *testing.T, m *testcluster.Node, o *websocket.DialOptions) *socket {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	o.HTTPClient = &http.Client{Transport: transport}
	conn, _, err := websocket.Dial(deadline(t), m.URL()+socketPath, o)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(-1)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &socket{t, m, conn}
}

func (s *socket) say(frame map[string]any) {
	s.t.Helper()
	data, err := json.Marshal(frame)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.conn.Write(deadline(s.t), websocket.MessageText, data); err != nil {
		s.t.Fatal(err)
	}
}

func (s *socket) hear() map[string]any {
	s.t.Helper()
	_, data, err := s.conn.Read(deadline(s.t))
	if err != nil {
		s.t.Fatalf("%s says nothing: %v", s.node, err)
	}
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil {
		s.t.Fatalf("%q: %v", data, err)
	}
	return v
}

// answer reads the answer to ref, and demands its code.
func (s *socket) answer(ref any, want int) map[string]any {
	s.t.Helper()
	v := s.hear()
	if v["ref"] != ref || code(v) != want {
		s.t.Fatalf("%s: got %v; want ref %v and code %d", s.node, v, ref, want)
	}
	return v
}

// closed demands the last envelope and the close code.
func (s *socket) closed(reason int, status websocket.StatusCode) {
	s.t.Helper()
	if v := s.hear(); code(v) != reason {
		s.t.Errorf("%s: got %v, want code %d", s.node, v, reason)
	}
	_, data, err := s.conn.Read(deadline(s.t))
	if got := websocket.CloseStatus(err); got != status {
		s.t.Errorf("%s: closed with %d (%v, %s), want %d", s.node, got, err, data, status)
	}
}

func (s *socket) listen(who *oldSDK, claims map[string]any) {
	s.t.Helper()
	s.say(map[string]any{"op": "listen", "ref": "listen", "jwt": who.proof(s.t, s.node, socketPath, claims)})
	s.answer("listen", 20001)
}

// What is sent on a socket of one node comes on the sockets of the others, once
// and in order, with what was there before; and what one acknowledges is gone for all.
func TestSocketsOfAllNodesAreOneMailbox(t *testing.T) {
	c := testcluster.New(t, 3)
	key := c.Tenant().Key
	sender, reader := newOldSDK(t), newOldSDK(t)
	sender.register(t, c.Node(0), key, "user")
	reader.register(t, c.Node(1), key, "user")

	const early, live = 5, 40
	var sent []string
	out := openSocket(t, c.Node(2), key)
	send := func(n int) {
		t.Helper()
		for range n {
			msg := sender.message(t, "e", fmt.Sprint(len(sent)), reader.local, map[string]any{})
			out.say(map[string]any{"op": "send", "ref": len(sent), "msgs": []string{msg}})
			sent = append(sent, msg)
		}
		for i := range n {
			v := out.answer(float64(len(sent)-n+i), 20020)
			if r := v["body"].([]any)[0].(map[string]any); r["code"] != 20021.0 && r["code"] != 20022.0 {
				t.Fatalf("%v", r)
			}
		}
	}
	send(early)
	in := []*socket{openSocket(t, c.Node(0), key), openSocket(t, c.Node(1), key), openSocket(t, c.Node(2), key)}
	for _, s := range in {
		s.listen(reader, nil)
	}
	send(live)
	var middle string
	for _, s := range in {
		var got []string
		for range early + live {
			v := s.hear()
			got = append(got, v["msg"].(string))
			if len(got) == early {
				middle = v["ts"].(string)
			}
		}
		if !slices.Equal(got, sent) {
			t.Errorf("%s brings other messages, or in another order", s.node)
		}
	}
	acker := openSocket(t, c.Node(1), key)
	acker.say(map[string]any{"op": "ack", "ref": "ack", "jwt": reader.proof(t, c.Node(1), socketPath, map[string]any{"upTo": middle})})
	if v := acker.answer("ack", 20026); v["body"].(map[string]any)["acked"] != float64(early) {
		t.Errorf("%v", v)
	}
	again := openSocket(t, c.Node(2), key)
	again.listen(reader, nil)
	if v := again.hear(); v["msg"] != sent[early] {
		t.Error("the first message after an acknowledgement is another one")
	}
}

func TestARequestThatWaitsOnASocketGetsItsAnswerFromAnotherNode(t *testing.T) {
	c := testcluster.New(t, 3)
	key := c.Tenant().Key
	vault, reader := newOldSDK(t), newOldSDK(t)
	vault.register(t, c.Node(0), key, "vault")
	reader.register(t, c.Node(1), key, "user")
	serving, asking := openSocket(t, c.Node(0), key), openSocket(t, c.Node(2), key)
	serving.listen(vault, nil)

	request := reader.message(t, "r", "q1", vault.local, map[string]any{"kid": "article"})
	asking.say(map[string]any{"op": "send", "ref": "asked", "msgs": []string{request}, "wait": 60})
	if v := serving.hear(); v["msg"] != request {
		t.Fatalf("%v", v)
	}
	asking.say(map[string]any{"op": "ping", "ref": "meanwhile"})
	asking.answer("meanwhile", 20001)
	deny := vault.message(t, "d", "d1", reader.local, map[string]any{"kid": "article", "respTo": "q1"})
	serving.say(map[string]any{"op": "send", "ref": "denied", "msgs": []string{deny}})
	serving.answer("denied", 20020)
	v := asking.answer("asked", 20020)
	if r := v["body"].([]any)[0].(map[string]any); r["code"] != 10403.0 {
		t.Errorf("%v", r)
	}
}

// Within 5 s, on every node, whether the socket listens or not.
func TestADisabledKeysSocketsEndOnEveryNode(t *testing.T) {
	c := testcluster.New(t, 3)
	tenant := c.NewTenant("soon disabled")
	reader := newOldSDK(t)
	reader.register(t, c.Node(0), tenant.Key, "user")
	var sockets []*socket
	for _, m := range c.Nodes() {
		idle, listening := openSocket(t, m, tenant.Key), openSocket(t, m, tenant.Key)
		listening.listen(reader, nil)
		sockets = append(sockets, idle, listening)
	}
	off := false
	if _, err := c.ClientWith(c.Operator(), c.Node(1)).UpdateKey(deadline(t), tenant.Key.ID, api.KeyPatch{Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, s := range sockets {
		s.closed(40102, 4401)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestANodeThatStopsClosesItsSocketsAndThereIsAnother(t *testing.T) {
	c := testcluster.New(t, 3)
	key := c.Tenant().Key
	reader := newOldSDK(t)
	reader.register(t, c.Node(0), key, "user")
	idle, listening := openSocket(t, c.Node(0), key), openSocket(t, c.Node(0), key)
	listening.listen(reader, nil)
	var stopping sync.WaitGroup
	stopping.Go(c.Node(0).Stop)
	idle.closed(60000, 1001)
	listening.closed(60000, 1001)
	stopping.Wait()

	next := openSocket(t, c.Node(1), key)
	next.listen(reader, nil)
	c.Node(1).Crash()
	if _, _, err := next.conn.Read(deadline(t)); err == nil || websocket.CloseStatus(err) == websocket.StatusNormalClosure {
		t.Errorf("a crash looks like a clean end: %v", err)
	}
}

func TestANodeThatIsCutOffSendsItsSocketsElsewhere(t *testing.T) {
	c := testcluster.New(t, 3)
	key := c.Tenant().Key
	reader := newOldSDK(t)
	reader.register(t, c.Node(0), key, "user")
	idle, listening := openSocket(t, c.Node(0), key), openSocket(t, c.Node(0), key)
	listening.listen(reader, nil)
	c.Isolate(c.Node(0))
	idle.closed(50300, 1001)
	listening.closed(50300, 1001)
	c.Heal()
}

// A browser shows its API key token as a subprotocol, and nothing that goes over
// the socket is in any log.
func TestABrowsersSocketLeavesNothingInTheLog(t *testing.T) {
	log := &memory{}
	c := testcluster.New(t, 1, testcluster.Logger(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	m, key := c.Node(0), c.Tenant().Key
	user := newOldSDK(t)
	user.register(t, m, key, "user")
	secret, err := jose.ParseSecret(key.Secret)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jose.SignAPIToken(key.ID, secret, testcluster.Domain, time.Now(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	s := dialSocket(t, m, &websocket.DialOptions{Subprotocols: []string{"nix.v1", "nix.bearer." + token}})
	if s.conn.Subprotocol() != "nix.v1" {
		t.Errorf("selected %q", s.conn.Subprotocol())
	}
	s.listen(user, nil)
	const canary = "canary-3f1d"
	msg := user.message(t, "e", canary, user.local, map[string]any{"jwe": canary})
	s.say(map[string]any{"op": "send", "ref": canary, "msgs": []string{msg}})
	for range 2 { // the result and the message, in either order
		s.hear()
	}
	if err := s.conn.Write(deadline(t), websocket.MessageText, []byte(canary)); err != nil {
		t.Fatal(err)
	}
	s.closed(40000, 1008)

	forged := token[:len(token)-4] + "AAAA"
	_, resp, err := websocket.Dial(deadline(t), m.URL()+socketPath, &websocket.DialOptions{Subprotocols: []string{"nix.v1", "nix.bearer." + forged}})
	if err == nil || resp == nil || resp.StatusCode != http.StatusUnauthorized {
		t.Fatalf("a forged token: %v", err)
	}
	payload, signature := strings.Split(token, ".")[1], strings.Split(token, ".")[2]
	for name, private := range map[string]string{
		"token": token, "its claims": payload, "its signature": signature, "secret": key.Secret, "message": msg, "content": canary, "forged token": forged,
	} {
		if strings.Contains(log.String(), private) {
			t.Errorf("the log has the %s", name)
		}
	}
	if !strings.Contains(log.String(), "socket request") {
		t.Error("nothing was logged")
	}
}

// Sockets that come and go, cleanly or not, leave nothing behind; leakcheck in
// TestMain sees to the rest.
func TestManySocketsComeAndGo(t *testing.T) {
	c := testcluster.New(t, 1)
	m, key := c.Node(0), c.Tenant().Key
	user := newOldSDK(t)
	user.register(t, m, key, "user")
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			s := openSocket(t, m, key)
			s.say(map[string]any{"op": "listen", "jwt": user.proof(t, m, socketPath, nil)})
			s.say(map[string]any{"op": "ping", "ref": "p"})
			s.answer("p", 20001)
			switch i % 3 {
			case 0:
				_ = s.conn.Close(websocket.StatusNormalClosure, "")
			case 1:
				_ = s.conn.CloseNow()
			default:
				_ = s.conn.Write(context.Background(), websocket.MessageBinary, []byte{0})
			}
		})
	}
	all.Wait()
	s := openSocket(t, m, key)
	s.listen(user, nil)
}
