package relay

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/nixnode/nixnode/api"
)

func TestMessagesAreCountedByTypeAndOutcomeAndTheCacheByHits(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	v, r := w.register(u.caller, "vault"), w.register(u.caller, "user")
	ask := func(id any) string { return r.message('r', v, id) }
	w.send(n, u.caller, v.message('p', r, map[string]string{"kid": "K", "jwe": "x"}), "not a token")
	w.send(n, u.caller, ask(map[string]string{"kid": "K"}), ask(map[string]string{"kid": "other"}), ask(map[string]any{"kid": "K", "noCache": true}))
	s := must(n.Listen(t.Context(), u.caller, r.proof(api.PathListen)))(t)
	defer s.Close()

	for labels, want := range map[[2]string]float64{{"p", "20022"}: 1, {"none", "40010"}: 1, {"r", "20016"}: 1, {"r", "20022"}: 2} {
		if got := testutil.ToFloat64(n.metrics.messages.WithLabelValues(labels[0], labels[1])); got != want {
			t.Errorf("messages %v: %v, want %v", labels, got, want)
		}
	}
	for result, want := range map[string]float64{"hit": 1, "miss": 1} { // noCache does not ask the cache
		if got := testutil.ToFloat64(n.metrics.cache.WithLabelValues(result)); got != want {
			t.Errorf("cache %s: %v, want %v", result, got, want)
		}
	}
	for i, want := range []float64{1, 1} { // streams, listened addresses
		if got := testutil.ToFloat64(n.Metrics()[2+i]); got != want {
			t.Errorf("gauge %d: %v, want %v", i, got, want)
		}
	}
}
