package relay

import (
	"context"
	"testing"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/message"
)

func TestWaitingGivesTheAnswerOfTheOtherParty(t *testing.T) {
	for kind, want := range map[message.Type]api.Code{
		'p': api.CodeAnsweredPackage, 'd': api.CodeDenied, 'e': api.CodeAnswered, 's': api.CodeAnswered,
	} {
		t.Run(kind.String(), func(t *testing.T) {
			w, u := newUsers(t, 2)
			v, r := w.register(u.caller, "vault"), w.register(u.caller, "user")
			other := w.register(u.caller, "user")
			vault := must(w.nodes[0].Listen(t.Context(), u.caller, v.proof(api.PathListen)))(t)
			defer vault.Close()
			request := r.message('r', v, map[string]any{"kid": "K"})
			done := make(chan api.MessageResult, 1)
			go func() {
				got, err := w.nodes[1].Send(context.Background(), u.caller, api.SendRequest{Msgs: []string{request}, Wait: 60})
				if err != nil {
					t.Error(err)
				}
				if got.Code != api.CodeSent {
					t.Errorf("the call got %d", got.Code)
				}
				done <- got.Results[0]
			}()
			asked := next(t, vault, 1)
			if asked[0].Msg != request {
				t.Fatal("another message")
			}
			answer := v.message(kind, r, map[string]string{"kid": "K", "jwe": "x", "respTo": "1"})
			w.send(w.nodes[0], u.caller,
				v.message('s', r, map[string]string{"respTo": "other"}), other.message('s', r, map[string]string{"respTo": "1"}), answer)
			result := <-done
			lines, ok := result.Body.([]api.StreamLine)
			if result.Code != want || !ok || len(lines) != 1 || lines[0].Msg != answer || result.TS != asked[0].TS {
				t.Errorf("got %+v", result)
			}
			// Who lost the answer and asks again gets it at once.
			again := must(w.nodes[1].Send(t.Context(), u.caller, api.SendRequest{Msgs: []string{request}, Wait: 60}))(t)
			if kind != 'p' && again.Results[0].Code != want || kind == 'p' && again.Results[0].Code != api.CodeServedFromCache && again.Results[0].Code != want {
				t.Errorf("again: %+v", again.Results[0])
			}
		})
	}
}

// Ids may be used twice: an old answer is for the old request, and not for a new one.
func TestAnOldAnswerIsNotTakenForANewRequest(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	v, r := w.register(u.caller, "vault"), w.register(u.caller, "user")
	old := r.message('r', v, map[string]string{"kid": "K"})
	w.send(n, u.caller, old, v.message('e', r, map[string]string{"respTo": "1"}))
	r.sent = 0
	fresh := r.message('r', v, map[string]string{"kid": "another"})
	got := must(n.Send(t.Context(), u.caller, api.SendRequest{Msgs: []string{fresh, old}, Wait: 1}))(t)
	if got.Results[0].Code != api.CodeStored || got.Results[1].Code != api.CodeAnswered {
		t.Errorf("got %+v", got.Results)
	}
}

func TestWaitingEndsWhenTimeIsUpOrTheNodeGoesDown(t *testing.T) {
	w, u := newUsers(t, 1)
	v, r := w.register(u.caller, "vault"), w.register(u.caller, "user")
	got := must(w.nodes[0].Send(t.Context(), u.caller, api.SendRequest{Msgs: []string{r.message('r', v, nil), r.message('s', v, nil)}, Wait: 1}))(t)
	if got.Results[0].Code != api.CodeStored {
		t.Errorf("got %+v", got)
	}
	done := make(chan SendAnswer, 1)
	go func() {
		got, _ := w.nodes[0].Send(context.Background(), u.caller, api.SendRequest{Msgs: []string{r.message('r', v, nil)}, Wait: 60})
		done <- got
	}()
	eventuallyTrue(t, func() bool { return w.nodes[0].bell.Listened(r.local) }, "nobody waits")
	w.nodes[0].Service.Close()
	if got := <-done; got.Code != api.CodeSent {
		t.Errorf("got %+v", got)
	}
	if w.nodes[0].bell.Count() != 0 {
		t.Error("the waiter still listens")
	}
}
