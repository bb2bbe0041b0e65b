package testcluster_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/testcluster"
)

// stream collects what an identity's open listen stream delivers.
type stream struct {
	got  chan client.Message
	done chan error
}

// listen opens a stream over cl and returns once a node streams.
func listen(t *testing.T, cl *client.Client, id *client.Identity, after client.Timestamp) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &stream{got: make(chan client.Message, 10_000), done: make(chan error, 1)}
	open := make(chan struct{}, 1)
	options := client.ListenOptions{After: after, OnConnect: func(string) {
		select {
		case open <- struct{}{}:
		default: // connected again
		}
	}}
	go func() {
		var err error
		for m, e := range cl.Listen(ctx, id, options) {
			if e != nil {
				err = e
				break
			}
			s.got <- m
		}
		s.done <- err
	}()
	t.Cleanup(func() { cancel(); <-s.done })
	select {
	case <-open:
	case <-deadline(t).Done():
		t.Fatal("no node streams")
	}
	return s
}

// next waits for the next message.
func (s *stream) next(t *testing.T, ctx context.Context) client.Message {
	t.Helper()
	select {
	case m := <-s.got:
		if m.Verified == client.Unverified {
			t.Fatalf("unverified message: %v", m.Err)
		}
		return m
	case err := <-s.done:
		s.done <- err
		t.Fatalf("the stream ended: %v", err)
	case <-ctx.Done():
		t.Fatal("no message came")
	}
	return client.Message{}
}

// fetchAll gives everything in a mailbox, oldest first.
func fetchAll(t *testing.T, cl *client.Client, id *client.Identity) []client.Message {
	t.Helper()
	var all []client.Message
	for m, err := range cl.Fetch(deadline(t), id, client.FetchOptions{OldestFirst: true}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func send(t *testing.T, cl *client.Client, from *client.Identity, m client.Outgoing) client.Result {
	t.Helper()
	r, err := cl.Send(deadline(t), from, m)
	if err != nil {
		t.Fatal(err)
	}
	return r[0]
}

// What is registered on one node sends on the second, and is read on the third
// at once, by a fetch and by a stream that was open before.
func TestAnyNodeServesWhatAnyOtherWasTold(t *testing.T) {
	c := testcluster.New(t, 3)
	for i, first := range c.Nodes() {
		for j, second := range c.Nodes() {
			if i == j {
				continue
			}
			third := c.Node(3 - i - j)
			t.Run(fmt.Sprintf("%s registers, %s sends, %s reads", first, second, third), func(t *testing.T) {
				alice, bob := c.Register(c.Client(first), "user"), c.Register(c.Client(first), "user")
				open := listen(t, c.Client(third), bob, 0)
				for n := range 5 {
					id := fmt.Sprint(n)
					r := send(t, c.Client(second), alice, client.Outgoing{To: bob.Address(), ID: id})
					got := fetchAll(t, c.Client(third), bob)
					if len(got) != n+1 || got[n].ID != id || got[n].TS != r.TS || got[n].From != alice.Address() {
						t.Fatalf("after message %d was answered, a fetch gave %d messages", n, len(got))
					}
					if m := open.next(t, deadline(t)); m.ID != id || m.TS != r.TS {
						t.Fatalf("the stream gave %s at %s, not %s at %s", m.ID, m.TS, id, r.TS)
					}
				}
			})
		}
	}
}
