package testcluster

import (
	"context"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/internal/eventually"
)

// Tenant is a customer with one application and a key of the default scopes.
type Tenant struct {
	Customer    string
	Application string
	Key         client.KeyCredentials
}

func (c *Cluster) setOperator(k client.KeyCredentials) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.operator = k
}

// Operator gives the cluster's operator key; its ID is empty until it is made.
func (c *Cluster) Operator() client.KeyCredentials {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.operator
}

// Tenant gives the tenant that New has made, whose key Client uses.
func (c *Cluster) Tenant() Tenant {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tenant
}

func (c *Cluster) makeTenant() {
	c.t.Helper()
	eventually.True(c.t, Patience, func() bool { return c.Operator().ID != "" }, "no operator key was made")
	t := c.NewTenant("tests")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tenant = t
}

// NewTenant makes a further tenant.
func (c *Cluster) NewTenant(name string) Tenant {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	admin := c.ClientWith(c.Operator(), c.Up()...)
	customer, err := admin.CreateCustomer(ctx, name)
	if err != nil {
		c.t.Fatal(err)
	}
	app, err := admin.CreateApplication(ctx, customer.Address, name)
	if err != nil {
		c.t.Fatal(err)
	}
	key, err := admin.CreateKey(ctx, app.Address, api.KeyRequest{Name: name})
	if err != nil {
		c.t.Fatal(err)
	}
	return Tenant{Customer: customer.Address, Application: app.Address, Key: client.KeyCredentials{ID: key.Address, Secret: key.Secret}}
}

// Client gives a client with the tenant's key: pinned to one node, or, of
// several, at the first until that fails and then at the next. Of none, it
// roams over all nodes, each call at the next. Pinned to one node, it shares that
// node's clock. It is closed with the cluster.
func (c *Cluster) Client(nodes ...*Node) *client.Client {
	c.t.Helper()
	return c.ClientWith(c.Tenant().Key, nodes...)
}

// ClientWith is Client with another key.
func (c *Cluster) ClientWith(key client.KeyCredentials, nodes ...*Node) *client.Client {
	c.t.Helper()
	return c.client(client.Config{Key: key, RetryFor: Patience, RoundRobin: len(nodes) == 0}, nodes)
}

// Once gives a client of the tenant that asks one node, once, and repeats nothing.
func (c *Cluster) Once(m *Node) *client.Client {
	c.t.Helper()
	return c.client(client.Config{Key: c.Tenant().Key, RetryFor: -1}, []*Node{m})
}

func (c *Cluster) client(cfg client.Config, nodes []*Node) *client.Client {
	c.t.Helper()
	cfg.Domain, cfg.CallTimeout = Domain, 5*time.Second
	if len(nodes) == 0 {
		nodes = c.nodes
	}
	for _, m := range nodes {
		cfg.URLs = append(cfg.URLs, m.URL())
	}
	if len(nodes) == 1 {
		cfg.Now = nodes[0].clock()
	}
	cl, err := client.New(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients = append(c.clients, cl)
	return cl
}

// Register makes an identity of the given kind ("user", "vault" …) through cl.
func (c *Cluster) Register(cl *client.Client, kind string) *client.Identity {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	id, err := client.NewIdentity()
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := cl.Register(ctx, id, client.Metadata{Kind: kind}); err != nil {
		c.t.Fatal(err)
	}
	return id
}
