package testcluster_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/testcluster"
)

// rounds is how often a change is made on one node and looked for on another;
// TESTCLUSTER_ROUNDS sets it (make rounds).
func rounds(t *testing.T) int {
	t.Helper()
	text, set := os.LookupEnv("TESTCLUSTER_ROUNDS")
	if !set {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("TESTCLUSTER_ROUNDS=%q", text)
	}
	return n
}

func off() *bool { return new(bool) }

func wantCode(t *testing.T, what string, err error, code api.Code) {
	t.Helper()
	if !errors.Is(err, &api.Error{Code: code}) && codeOf(err) != code {
		t.Fatalf("%s: got %v, want %d", what, err, code)
	}
}

func codeOf(err error) api.Code {
	var e *api.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// What was disabled, rotated or cleared on one node is so on the others for the
// very next request (promise 4).
func TestAChangeIsSeenByTheNextRequestOnAnyNode(t *testing.T) {
	c := testcluster.New(t, 3)
	admin := c.ClientWith(c.Operator(), c.Nodes()...)
	node := func(i int) *testcluster.Node { return c.Node(i % 3) }

	t.Run("a disabled API key", func(t *testing.T) {
		for i := range rounds(t) {
			key, err := admin.CreateKey(deadline(t), c.Tenant().Application, api.KeyRequest{Name: "short-lived"})
			if err != nil {
				t.Fatal(err)
			}
			credentials := client.KeyCredentials{ID: key.Address, Secret: key.Secret}
			id := c.Register(c.ClientWith(credentials, node(i)), "user")
			if _, err := c.ClientWith(c.Operator(), node(i+1)).UpdateKey(deadline(t), key.Address, api.KeyPatch{Enabled: off()}); err != nil {
				t.Fatal(err)
			}
			after := c.ClientWith(credentials, node(i+2))
			_, err = after.Me(deadline(t), id)
			wantCode(t, "me", err, api.CodeKeyDisabled)
			_, err = after.Send(deadline(t), id, client.Outgoing{To: id.Address()})
			wantCode(t, "send", err, api.CodeKeyDisabled)
		}
	})

	t.Run("a rotated signing key", func(t *testing.T) {
		bob := c.Register(c.Client(), "user")
		for i := range rounds(t) {
			alice := c.Register(c.Client(node(i)), "user")
			old, err := c.Client(node(i)).Prepare(deadline(t), alice, client.Outgoing{To: bob.Address()})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Client(node(i+1)).RotateKeys(deadline(t), alice, nil); err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{i, i + 2} {
				results, err := c.Client(node(n)).SendPrepared(deadline(t), old...)
				if err == nil && results[0].Err == nil {
					t.Fatalf("%s took a message signed with the old key", node(n))
				}
				if err == nil {
					err = results[0].Err
				}
				wantCode(t, "old key", err, api.CodeKeyNotCurrent)
			}
			peer, err := c.Client(node(i+2)).Peer(deadline(t), alice.Address())
			if err != nil || peer.SigningKey().Thumbprint() != alice.SigningKey().Thumbprint() {
				t.Fatalf("%s shows the old key: %v", node(i+2), err)
			}
		}
	})

	t.Run("a cleared package", func(t *testing.T) {
		vault, reader := c.Register(c.Client(), "vault"), c.Register(c.Client(), "user")
		for i := range rounds(t) {
			p := client.Package{ID: fmt.Sprintf("package-%d", i)}
			if _, err := c.Client(node(i)).Publish(deadline(t), vault, reader.Address(), p, client.PublishOptions{}); err != nil {
				t.Fatal(err)
			}
			a, err := c.Client(node(i+1)).Request(deadline(t), reader, vault.Address(), p.ID, client.RequestOptions{})
			if err != nil || !a.FromCache {
				t.Fatalf("%s did not serve what was published: %v", node(i+1), err)
			}
			if r, err := c.Client(node(i+1)).Clear(deadline(t), vault, reader.Address(), p.ID); err != nil || r.Cleared != 1 {
				t.Fatalf("clear: %+v, %v", r, err)
			}
			if a, err = c.Client(node(i+2)).Request(deadline(t), reader, vault.Address(), p.ID, client.RequestOptions{}); err != nil || !a.Pending {
				t.Fatalf("%s answered a request after the clear: %+v, %v", node(i+2), a, err)
			}
		}
	})

	t.Run("a retired identity", func(t *testing.T) {
		for i := range rounds(t) {
			id := c.Register(c.Client(node(i)), "user")
			if err := c.Client(node(i+1)).Retire(deadline(t), id); err != nil {
				t.Fatal(err)
			}
			_, err := c.Client(node(i+2)).Me(deadline(t), id)
			wantCode(t, "me", err, api.CodeRetiredIdentity)
			_, err = c.Client(node(i)).Peer(deadline(t), id.Address())
			wantCode(t, "public identity", err, api.CodeRetiredIdentity)
		}
	})
}

// A leader that was stopped where it stood, replaced, and let go on must not
// answer from what it knew: not one stale answer (promise 4). The requests reach
// it while it stands still, so they are the first that it reads.
func TestAResumedLeaderServesNothingStale(t *testing.T) {
	c := testcluster.New(t, 3, testcluster.Processes())
	for i := range 3 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			leader := c.Leader()
			vault, reader := c.Register(c.Client(), "vault"), c.Register(c.Client(), "user")
			p := client.Package{ID: "secret"}
			if _, err := c.Client().Publish(deadline(t), vault, reader.Address(), p, client.PublishOptions{}); err != nil {
				t.Fatal(err)
			}
			keep := c.Once(leader) // its connection is open before the pause
			if a, err := keep.Request(deadline(t), reader, vault.Address(), p.ID, client.RequestOptions{}); err != nil || !a.FromCache {
				t.Fatalf("before the pause: %v", err)
			}

			leader.Pause()
			c.Leader() // a new one
			others := c.Others(leader)
			if r, err := c.Client(others...).Clear(deadline(t), vault, reader.Address(), p.ID); err != nil || r.Cleared != 1 {
				t.Fatalf("clear without the leader: %+v, %v", r, err)
			}
			if err := c.Client(others...).RotateKeys(deadline(t), vault, nil); err != nil {
				t.Fatal(err)
			}

			type outcome struct {
				a    client.Answer
				peer client.Peer
				err  error
			}
			asked := make(chan outcome, 20)
			for n := range cap(asked) {
				go func() {
					var o outcome
					if n%2 == 0 {
						o.a, o.err = keep.Request(deadline(t), reader, vault.Address(), p.ID, client.RequestOptions{})
					} else {
						o.peer, o.err = c.Once(leader).Peer(deadline(t), vault.Address())
					}
					asked <- o
				}()
			}
			leader.Resume()
			for range cap(asked) {
				switch o := <-asked; {
				case o.err != nil: // it may refuse; it must not answer from the past
				case o.a.FromCache:
					t.Error("the resumed leader answered from the cache what had been cleared")
				case !o.peer.Address.IsZero() && o.peer.SigningKey().Thumbprint() != vault.SigningKey().Thumbprint():
					t.Error("the resumed leader showed a signing key that had been replaced")
				}
			}
			c.WaitReady()
		})
	}
}
