package testcluster_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/testcluster"
)

// observer gives a client whose key may read the tenant's events.
func observer(t *testing.T, c *testcluster.Cluster, nodes ...*testcluster.Node) *client.Client {
	t.Helper()
	admin := c.ClientWith(c.Operator(), c.Up()...)
	key, err := admin.CreateKey(deadline(t), c.Tenant().Application, api.KeyRequest{Name: "observer", Scopes: []string{api.ScopeEvent}})
	if err != nil {
		t.Fatal(err)
	}
	return c.ClientWith(client.KeyCredentials{ID: key.Address, Secret: key.Secret}, nodes...)
}

func allEvents(t *testing.T, cl *client.Client, customer string, o client.EventOptions) (all []api.Event) {
	t.Helper()
	for e, err := range cl.Events(deadline(t), customer, o) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// watch collects the events behind one until the test ends.
func watch(t *testing.T, cl *client.Client, customer, after string) <-chan api.Event {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	got, done := make(chan api.Event, 10_000), make(chan struct{})
	go func() {
		defer close(done)
		for e, err := range cl.ListenEvents(ctx, customer, after, client.EventFilter{}) {
			if err != nil {
				if ctx.Err() == nil {
					t.Error(err)
				}
				return
			}
			got <- e
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return got
}

func nextEvent(t *testing.T, events <-chan api.Event) api.Event {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-deadline(t).Done():
		t.Fatal("no event came")
	}
	return api.Event{}
}

// Each node streams what happened on any, in one order, which is that of the list;
// also over the loss of the node that streams and of the leader.
func TestEveryNodeStreamsTheSameEventsInOneOrder(t *testing.T) {
	c := testcluster.New(t, 3)
	customer := c.Tenant().Customer
	var observers []*client.Client
	for i := range c.Nodes() {
		// Each begins at another node and goes on at the next one if it must.
		observers = append(observers, observer(t, c, append(slices.Clone(c.Nodes()[i:]), c.Nodes()[:i]...)...))
	}
	alice, bob := c.Register(c.Client(), "user"), c.Register(c.Client(), "user")
	begin := allEvents(t, observers[2], customer, client.EventOptions{})[0] // the newest
	if begin.Type != "identity.registered" || begin.App != c.Tenant().Application {
		t.Fatalf("got %+v", begin)
	}
	var streams []<-chan api.Event
	for _, o := range observers {
		streams = append(streams, watch(t, o, customer, begin.ID))
	}
	const count = 20
	roaming := c.Client(c.Nodes()...)
	for i := range count {
		if i == count/2 {
			c.Leader().Crash()
		}
		send(t, roaming, alice, client.Outgoing{To: bob.Address(), ID: fmt.Sprint(i)})
	}
	var all []api.Event
	for _, e := range allEvents(t, observers[0], customer, client.EventOptions{OldestFirst: true, PageSize: 3}) {
		if e.TS > begin.TS {
			all = append(all, e)
		}
	}
	if len(all) != count {
		t.Fatalf("%d events, want %d: one for each accepted message", len(all), count)
	}
	for i, e := range all {
		if e.Type != "message.accepted" || e.MsgID != fmt.Sprint(i) || e.TxnID == "" {
			t.Errorf("event %d: %+v", i, e)
		}
		for n, s := range streams {
			if got := nextEvent(t, s); got != e {
				t.Fatalf("stream %d gave %+v in place %d, want %+v", n, got, i, e)
			}
		}
	}
	down := allEvents(t, observers[1], customer, client.EventOptions{EventFilter: client.EventFilter{Type: "message.accepted"}, PageSize: 7})
	slices.Reverse(down)
	if !slices.Equal(down, all) {
		t.Errorf("newest first, there are %d others", len(down))
	}
}

// Disabling the key that listens ends its stream on another node.
func TestAStreamOfEventsEndsWithItsKeyOnAnotherNode(t *testing.T) {
	c := testcluster.New(t, 3)
	admin := c.ClientWith(c.Operator(), c.Node(0))
	key, err := admin.CreateKey(deadline(t), c.Tenant().Application, api.KeyRequest{Name: "observer", Scopes: []string{api.ScopeEvent}})
	if err != nil {
		t.Fatal(err)
	}
	cl := c.ClientWith(client.KeyCredentials{ID: key.Address, Secret: key.Secret}, c.Node(1))
	ended, began := make(chan error, 1), make(chan struct{}, 1)
	go func() {
		for _, err := range cl.ListenEvents(context.Background(), c.Tenant().Customer, "", client.EventFilter{}) {
			if err != nil {
				ended <- err
				return
			}
			select {
			case began <- struct{}{}:
			default:
			}
		}
	}()
	for open := false; !open; { // until it streams
		c.Register(c.Client(c.Node(2)), "user")
		select {
		case <-began:
			open = true
		default:
		}
	}
	if _, err := admin.UpdateKey(deadline(t), key.Address, api.KeyPatch{Enabled: off()}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		wantCode(t, "the stream", err, api.CodeKeyDisabled)
	case <-deadline(t).Done():
		t.Fatal("the stream goes on")
	}
}

// What a vault has cached is listed alike by every node.
func TestEveryNodeListsTheCachedPackages(t *testing.T) {
	c := testcluster.New(t, 3)
	cl := c.Client()
	vault, reader := c.Register(cl, "vault"), c.Register(cl, "user")
	const count = 5
	for i := range count {
		out := client.Outgoing{Type: client.TypePublish, To: reader.Address(), Kid: fmt.Sprint(i), Content: []byte("x")}
		send(t, c.Client(c.Node(i%3)), vault, out)
		for _, m := range c.Nodes() {
			n := 0
			for p, err := range c.Client(m).CachedPackages(deadline(t), vault, client.PackageFilter{}) {
				if err != nil {
					t.Fatal(err)
				}
				if p.Kid != fmt.Sprint(n) || p.Size == 0 {
					t.Errorf("%s has %+v in place %d", m, p, n)
				}
				n++
			}
			if n != i+1 {
				t.Fatalf("%s lists %d packages, want %d", m, n, i+1)
			}
		}
	}
}
