package relay

import (
	"testing"

	"github.com/nixnode/nixnode/api"
)

func BenchmarkAuthenticate(b *testing.B) {
	w, u := newUsers(b, 1)
	header := basic(u.key, u.secret)
	for b.Loop() {
		if _, err := w.nodes[0].Authenticate(b.Context(), header, "txn"); err != nil {
			b.Fatal(err)
		}
	}
}

// The whole way of one message through a node, but for the network and the log.
func BenchmarkSend(b *testing.B) {
	w, u := newUsers(b, 1)
	from, to := w.register(u.caller, "user"), w.register(u.caller, "user")
	req := api.SendRequest{Msgs: make([]string, 1)}
	for b.Loop() {
		b.StopTimer()
		if from.sent%5000 == 4999 {
			to = w.register(u.caller, "user") // before the mailbox is full
		}
		req.Msgs[0] = from.message('s', to, nil)
		b.StartTimer()
		got, err := w.nodes[0].Send(b.Context(), u.caller, req)
		if err != nil || got.Code != api.CodeSent {
			b.Fatal(got, err)
		}
	}
}

// One look at a quiet stream: what each wake-up and each recheck costs.
func BenchmarkQuietStream(b *testing.B) {
	w, u := newUsers(b, 1)
	who := w.register(u.caller, "user")
	s := must(w.nodes[0].Listen(b.Context(), u.caller, who.proof(api.PathListen)))(b)
	defer s.Close()
	for b.Loop() {
		if _, _, err := s.look(); err != nil {
			b.Fatal(err)
		}
	}
}
