package testcluster_test

import (
	"context"
	"testing"
	"time"

	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/internal/leakcheck"
	"github.com/nixnode/nixnode/testcluster"
)

func TestMain(m *testing.M) {
	testcluster.Main(m, func(m *testing.M) { leakcheck.Main(m) })
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

// Nobody asks for it: the leader proposes expiry when something is due.
func TestWhatHasExpiredGoesByItself(t *testing.T) {
	c := testcluster.New(t, 3)
	cl := c.Client()
	vault, reader := c.Register(cl, "vault"), c.Register(cl, "user")
	p := client.Package{ID: "short-lived"}
	if _, err := cl.Publish(deadline(t), vault, reader.Address(), p, client.PublishOptions{TTL: 2 * time.Second}); err != nil {
		t.Fatal(err)
	}
	send(t, cl, vault, client.Outgoing{To: reader.Address(), ID: "stays"})
	if got := fetchAll(t, cl, reader); len(got) != 2 {
		t.Fatalf("%d messages before the time", len(got))
	}
	eventually.True(t, testcluster.Patience, func() bool { return len(fetchAll(t, cl, reader)) == 1 }, "the message does not expire")
	for _, m := range c.Nodes() {
		if got := fetchAll(t, c.Client(m), reader); len(got) != 1 || got[0].ID != "stays" {
			t.Errorf("%s: %d messages", m, len(got))
		}
		a, err := c.Client(m).Request(deadline(t), reader, vault.Address(), p.ID, client.RequestOptions{})
		if err != nil || !a.Pending {
			t.Errorf("%s: the expired package was served: %v", m, err)
		}
	}
}
