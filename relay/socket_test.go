package relay

import (
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
)

func TestACallerGoesOnUnderANewTxnIDWhileItsKeyIsGood(t *testing.T) {
	w, u := newUsers(t, 2)
	for _, n := range w.nodes {
		c := must(n.Continue(u.caller, ScopeMessage, "txn-2"))(t)
		if c.txnID != "txn-2" || c.Key() != u.caller.Key() {
			t.Errorf("%+v", c)
		}
		_, err := n.Continue(u.caller, ScopeAdmin, "txn-3")
		wantCode(t, err, api.CodeScope)
	}
	off := false
	must(w.nodes[0].UpdateKey(t.Context(), u.operator, u.key, api.KeyPatch{Enabled: &off}))(t)
	for _, n := range w.nodes {
		_, err := n.Continue(u.caller, ScopeMessage, "txn-4")
		wantCode(t, err, api.CodeKeyDisabled)
	}
}

// It would not learn that the key was disabled.
func TestNobodyGoesOnAtANodeThatIsOutOfTouch(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	n.set(func() { n.lastContact = maxSilence + time.Millisecond })
	_, err := n.Continue(u.caller, ScopeMessage, "txn-2")
	wantCode(t, err, api.CodeNoLeader)
}

func TestTokensOfASocketAreGoodThereAlone(t *testing.T) {
	w, u := newUsers(t, 1)
	n, ctx := w.nodes[0], t.Context()
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	sent := fill(w, u.caller, a, b, 2)

	s := must(n.SocketListen(ctx, u.caller, b.proof(api.PathSocket)))(t)
	defer s.Close()
	wantIDs(t, w, next(t, s, 2), numbers(1, 2))
	_, err := n.SocketListen(ctx, u.caller, b.proof(api.PathListen))
	wantCode(t, err, api.CodeBadTarget)
	_, err = n.Listen(ctx, u.caller, b.proof(api.PathSocket))
	wantCode(t, err, api.CodeBadTarget)

	_, err = n.SocketAck(ctx, u.caller, b.proof(api.PathAck, "upTo", sent[0].TS))
	wantCode(t, err, api.CodeBadTarget)
	_, err = n.Ack(ctx, u.caller, b.proof(api.PathSocket, "upTo", sent[0].TS))
	wantCode(t, err, api.CodeBadTarget)
	if got := must(n.SocketAck(ctx, u.caller, b.proof(api.PathSocket, "upTo", sent[0].TS)))(t); got.Acked != 1 {
		t.Errorf("%+v", got)
	}
	// A jwt to listen with does not acknowledge.
	_, err = n.SocketAck(ctx, u.caller, b.proof(api.PathSocket))
	wantCode(t, err, api.CodeMissingField)
}

func TestASendThatWaitsSaysWhenItsMessagesAreAccepted(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	v, r := w.register(u.caller, "vault"), w.register(u.caller, "user")
	accepted, done := make(chan struct{}), make(chan SendAnswer, 1)
	go func() {
		req := api.SendRequest{Msgs: []string{r.message('r', v, map[string]any{"kid": "K"})}, Wait: 60}
		got, err := n.SocketSend(t.Context(), u.caller, req, func() { close(accepted) })
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	<-accepted
	if page := fetch(t, w, u.caller, v); len(page.Lines) != 1 {
		t.Fatal("the request is not in the mailbox yet")
	}
	w.send(n, u.caller, v.message('d', r, map[string]string{"kid": "K", "respTo": "1"}))
	if got := <-done; got.Results[0].Code != api.CodeDenied {
		t.Errorf("%+v", got)
	}
}
