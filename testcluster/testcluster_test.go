package testcluster_test

import (
	"context"
	"testing"

	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/internal/leakcheck"
	"github.com/nixnode/nixnode/testcluster"
)

func TestMain(m *testing.M) {
	testcluster.Main(m, leakcheck.Main)
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), testcluster.Patience)
	t.Cleanup(cancel)
	return ctx
}

func TestOneNodeTakesAMessage(t *testing.T) {
	c := testcluster.New(t, 1)
	cl := c.Client()
	a, b := c.Register(cl, "user"), c.Register(cl, "user")
	if _, err := cl.Send(deadline(t), a, client.Outgoing{To: b.Address(), Body: map[string]any{"n": 1}}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for m, err := range cl.Fetch(deadline(t), b, client.FetchOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if m.From != a.Address() {
			t.Fatalf("from %v", m.From)
		}
		n++
	}
	if n != 1 {
		t.Fatalf("%d messages", n)
	}
}
