package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/node"
)

// startNode starts a node in memory, with an application and an API key, as
// 'nixnode dev --memory' does.
func startNode() (url string, key client.KeyCredentials, stop func()) {
	cfg := node.DefaultConfig()
	cfg.NodeID, cfg.Domain, cfg.Memory = "n1", "nix.example.org", true
	cfg.Hosts = []string{"127.0.0.1"}
	cfg.HTTPAddr, cfg.NodeAddr, cfg.GossipAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	clusterKey, operators := node.NewClusterKey(), make(chan client.KeyCredentials, 1)
	n, err := node.Open(context.Background(), cfg, node.Options{
		ClusterKey: &clusterKey, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Operator: func(id, secret string) { operators <- client.KeyCredentials{ID: id, Secret: secret} },
	})
	if err != nil {
		panic(err)
	}
	admin, err := client.New(client.Config{URLs: []string{n.URL()}, Key: <-operators})
	if err != nil {
		panic(err)
	}
	defer func() { _ = admin.Close() }()
	return n.URL(), makeKey(admin), func() { _ = n.Close(context.Background()) }
}

func makeKey(admin *client.Client) client.KeyCredentials {
	ctx := context.Background()
	customer, err := admin.CreateCustomer(ctx, "example")
	if err != nil {
		panic(err)
	}
	app, err := admin.CreateApplication(ctx, customer.Address, "example")
	if err != nil {
		panic(err)
	}
	key, err := admin.CreateKey(ctx, app.Address, api.KeyRequest{Name: "example"})
	if err != nil {
		panic(err)
	}
	return client.KeyCredentials{ID: key.Address, Secret: key.Secret}
}

// newIdentity draws keys and registers them.
func newIdentity(ctx context.Context, c *client.Client, kind string) *client.Identity {
	id, err := client.NewIdentity()
	if err != nil {
		panic(err)
	}
	if _, err := c.Register(ctx, id, client.Metadata{Kind: kind}); err != nil {
		panic(err)
	}
	return id
}

// Two identities register, and one writes to the other, end-to-end encrypted.
func Example() {
	url, key, stop := startNode()
	defer stop()
	ctx := context.Background()

	c, err := client.New(client.Config{URLs: []string{url}, Key: key})
	if err != nil {
		panic(err)
	}
	defer func() { _ = c.Close() }()
	ann, bob := newIdentity(ctx, c, client.KindUser), newIdentity(ctx, c, client.KindUser)

	results, err := c.Send(ctx, ann, client.Outgoing{
		Type: client.TypeEncrypted, To: bob.Address(), Content: []byte("hello, Bob"),
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(results[0].Code)

	for m, err := range c.Fetch(ctx, bob, client.FetchOptions{}) {
		if err != nil {
			panic(err)
		}
		text, err := m.Content(bob) // fails if the signature was not Ann's
		if err != nil {
			panic(err)
		}
		fmt.Printf("from Ann: %v: %s\n", m.From == ann.Address(), text)
	}
	// Output:
	// 20022
	// from Ann: true: hello, Bob
}

// A stream brings what is kept and then what arrives; what has been dealt with is
// acknowledged.
func ExampleClient_Listen() {
	url, key, stop := startNode()
	defer stop()
	ctx := context.Background()
	c, err := client.New(client.Config{URLs: []string{url}, Key: key})
	if err != nil {
		panic(err)
	}
	defer func() { _ = c.Close() }()
	ann, bob := newIdentity(ctx, c, client.KindUser), newIdentity(ctx, c, client.KindUser)

	for i := range 3 {
		if _, err := c.Send(ctx, ann, client.Outgoing{To: bob.Address(), Body: map[string]any{"n": i}}); err != nil {
			panic(err)
		}
	}
	for m, err := range c.Listen(ctx, bob, client.ListenOptions{}) {
		if err != nil {
			panic(err) // the context ended, or the server refuses for good
		}
		fmt.Println(m.Verified, string(m.Body))
		if _, err := c.Ack(ctx, bob, m.TS); err != nil {
			panic(err)
		}
		if string(m.Body) == `{"n":2}` {
			break
		}
	}
	// Output:
	// current {"n":0}
	// current {"n":1}
	// current {"n":2}
}

// A vault publishes a package; the reader gets it from the cluster's cache until
// the vault clears it.
func ExampleClient_Publish() {
	url, key, stop := startNode()
	defer stop()
	ctx := context.Background()
	c, err := client.New(client.Config{URLs: []string{url}, Key: key})
	if err != nil {
		panic(err)
	}
	defer func() { _ = c.Close() }()
	vault, reader := newIdentity(ctx, c, client.KindVault), newIdentity(ctx, c, client.KindUser)

	contentKey := client.NewContentKey("text")
	sealed := contentKey.Encrypt([]byte("kept anywhere, read by few"))
	p := client.Package{ID: "doc-1", Keys: []client.ContentKey{contentKey}}
	if _, err := c.Publish(ctx, vault, reader.Address(), p, client.PublishOptions{TTL: time.Hour}); err != nil {
		panic(err)
	}

	a, err := c.Request(ctx, reader, vault.Address(), "doc-1", client.RequestOptions{})
	if err != nil {
		panic(err)
	}
	k, _ := a.Package.Key("text")
	text, err := k.Decrypt(sealed)
	if err != nil {
		panic(err)
	}
	fmt.Printf("from the cache: %v: %s\n", a.FromCache, text)

	if _, err := c.Clear(ctx, vault, reader.Address(), "doc-1"); err != nil {
		panic(err)
	}
	a, err = c.Request(ctx, reader, vault.Address(), "doc-1", client.RequestOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Printf("after the clear: pending %v\n", a.Pending)
	// Output:
	// from the cache: true: kept anywhere, read by few
	// after the clear: pending true
}

// A vault answers requests as it sees fit.
func ExampleVault() {
	url, key, stop := startNode()
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	c, err := client.New(client.Config{URLs: []string{url}, Key: key})
	if err != nil {
		panic(err)
	}
	defer func() { _ = c.Close() }()
	identity, friend, stranger := newIdentity(ctx, c, client.KindVault), newIdentity(ctx, c, ""), newIdentity(ctx, c, "")

	vault := client.Vault{
		Client: c, Identity: identity,
		OnRequest: func(_ context.Context, r client.Message) (client.Package, time.Duration, error) {
			if r.From != friend.Address() {
				return client.Package{}, 0, client.Refuse("friends only")
			}
			return client.Package{ID: r.Kid, Meta: []byte(`{"title":"Secrets"}`)}, time.Hour, nil
		},
	}
	done := make(chan error)
	go func() { done <- vault.Serve(ctx) }()

	for _, reader := range []*client.Identity{friend, stranger} {
		a, err := c.Request(ctx, reader, identity.Address(), "secrets", client.RequestOptions{})
		if err == nil {
			a, err = c.Await(ctx, reader, a)
		}
		if reason, denied := client.IsDenied(err); denied {
			fmt.Println("denied:", reason)
			continue
		}
		if err != nil {
			panic(err)
		}
		fmt.Println("answered:", string(a.Package.Meta))
	}
	cancel()
	fmt.Println(errors.Is(<-done, context.Canceled))
	// Output:
	// answered: {"title":"Secrets"}
	// denied: friends only
	// true
}
