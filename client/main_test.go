package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// within gives a context that ends the test when something hangs.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func mustRegister(t *testing.T, c *client.Client, kind string) *client.Identity {
	t.Helper()
	id, err := client.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Register(within(t, 10*time.Second), id, client.Metadata{Kind: kind}); err != nil {
		t.Fatal(err)
	}
	return id
}

func text(s string) map[string]any { return map[string]any{"text": s} }
