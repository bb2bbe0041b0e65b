package relay

import (
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
)

// ask authenticates n times and gives how often that went well.
func ask(t *testing.T, w *world, u tenant, node *testNode, n int) (passed int) {
	t.Helper()
	for range n {
		_, err := node.Authenticate(t.Context(), basic(u.key, u.secret), "txn")
		if err == nil {
			passed++
			continue
		}
		wantCode(t, err, api.CodeRateLimited)
	}
	return passed
}

func (w *world) setRate(u tenant, r api.Rate) {
	w.t.Helper()
	must(w.nodes[0].UpdateKey(w.t.Context(), u.operator, u.key, api.KeyPatch{Rate: &r}))(w.t)
}

func TestRequestsBeyondTheRateOfAKeyAreRefusedUntilTimePasses(t *testing.T) {
	w, u := newUsers(t, 2)
	other := w.newTenant(u.operator)
	w.setRate(u, api.Rate{Requests: 10, Burst: 3})
	n := w.nodes[0]
	w.advance(time.Hour)
	ask(t, w, u, n, 1) // the rate is taken over, what was left of the old one cut
	w.advance(time.Hour)
	if got := ask(t, w, u, n, 5); got != 3 {
		t.Fatalf("%d requests at once", got)
	}
	if got := ask(t, w, u, w.nodes[1], 5); got != 3 {
		t.Errorf("%d requests at once on the other node, which counts for itself", got)
	}
	if got := ask(t, w, other, n, 5); got != 5 {
		t.Errorf("%d requests of another key", got)
	}
	w.advance(100 * time.Millisecond)
	if got := ask(t, w, u, n, 5); got != 1 {
		t.Errorf("%d requests after a tenth of a second", got)
	}
	// A new rate counts from the next request on.
	w.setRate(u, api.Rate{Requests: 100})
	ask(t, w, u, n, 1)
	w.advance(time.Hour)
	if got := ask(t, w, u, n, 300); got != 200 {
		t.Errorf("%d requests at once at the new rate", got)
	}
}

func TestAWrongSecretDoesNotUseUpTheRateOfAKey(t *testing.T) {
	w, u := newUsers(t, 1)
	w.setRate(u, api.Rate{Requests: 1, Burst: 2})
	for range 10 {
		_, err := w.nodes[0].Authenticate(t.Context(), basic(u.key, w.newTenant(u.operator).secret), "txn")
		wantCode(t, err, api.CodeBadCredentials)
	}
	if got := ask(t, w, u, w.nodes[0], 3); got != 2 {
		t.Errorf("%d requests at once", got)
	}
}

func TestMessagesBeyondTheRateOfAKeyAreRefusedAllOrNone(t *testing.T) {
	w, u := newUsers(t, 1)
	w.setRate(u, api.Rate{Messages: 20})
	n := w.nodes[0]
	c := w.login(n, u.key, u.secret)
	a, b := w.register(c, "user"), w.register(c, "user")
	w.advance(time.Hour)
	send := func(count int) error {
		msgs := []string{}
		for range count {
			msgs = append(msgs, a.message('s', b, nil))
		}
		_, err := n.Send(t.Context(), c, api.SendRequest{Msgs: msgs})
		return err
	}
	wantCode(t, send(api.MaxMessages), api.CodeOK) // a call is possible at any rate
	wantCode(t, send(1), api.CodeRateLimited)
	w.advance(time.Second)
	wantCode(t, send(21), api.CodeRateLimited)
	wantCode(t, send(20), api.CodeOK)
	wantCode(t, send(0), api.CodeOK) // a legal call (section 6)
	box := fetch(t, w, c, b, "limit", 1000)
	if len(box.Lines) != api.MaxMessages+20 {
		t.Errorf("%d messages", len(box.Lines))
	}
}

func TestEachRequestOnASocketCounts(t *testing.T) {
	w, u := newUsers(t, 1)
	w.setRate(u, api.Rate{Requests: 1, Burst: 4})
	n := w.nodes[0]
	c := w.login(n, u.key, u.secret)
	a := w.register(u.caller, "user")
	for _, want := range []api.Code{api.CodeOK, api.CodeRateLimited} {
		s, err := n.SocketListen(t.Context(), c, a.proof(api.PathSocket))
		wantCode(t, err, want)
		if err == nil {
			s.Close()
		}
		_, err = n.SocketAck(t.Context(), c, a.proof(api.PathSocket, "upTo", "1"))
		wantCode(t, err, want)
		_, err = n.SocketSend(t.Context(), c, api.SendRequest{Msgs: []string{}}, func() {})
		wantCode(t, err, want)
	}
}

func TestRatesOfManyKeysTakeBoundedMemory(t *testing.T) {
	r, now := newRates(), time.Unix(1_800_000_000, 0)
	caller := func(i int) Caller {
		return Caller{key: address.Address{'a', byte(i >> 16), byte(i >> 8), byte(i)}, rate: command.Rate{Requests: 1, Burst: 1}}
	}
	for i := range maxRated + 10 {
		wantCode(t, r.request(caller(i+2), now), api.CodeOK)
		wantCode(t, r.request(caller(1), now), map[bool]api.Code{true: api.CodeOK, false: api.CodeRateLimited}[i == 0])
	}
	if len(r.byKey) != maxRated || r.order.Len() != maxRated {
		t.Errorf("%d and %d keys", len(r.byKey), r.order.Len())
	}
}
