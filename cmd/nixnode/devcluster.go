package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/node"
)

// The names under which programs exchange what they need to reach a node.
const (
	envURL               = "NIXNODE_URL"
	envKeyID             = "NIXNODE_KEY_ID"
	envKeySecret         = "NIXNODE_KEY_SECRET"
	envOperatorKeyID     = "NIXNODE_OPERATOR_KEY_ID"
	envOperatorKeySecret = "NIXNODE_OPERATOR_KEY_SECRET"
)

// The domain of dev mode; its alias is what the SDK of 2019 fills in.
const (
	devDomain = "nix.localhost"
	devAlias  = "api.nix.software"
)

// readyTimeout bounds the start: replaying a large log takes its time.
const readyTimeout = 2 * time.Minute

// credentials are an API key with its secret.
type credentials = client.KeyCredentials

// savedKeys is what dev mode keeps beside its data, so that every start can print
// the same keys. It is for development: a server never stores a secret readably.
type savedKeys struct {
	Operator credentials
	Tenant   tenant
}

// devCluster is the nodes of one dev process.
type devCluster struct {
	o     devOptions
	nodes []*node.Node

	mu    sync.Mutex
	saved savedKeys
}

func (c *devCluster) keysFile() string { return filepath.Join(c.o.data, "dev-keys.json") }

// open takes all ports first, so that every node can be told of every other.
func (c *devCluster) open(ctx context.Context) (err error) {
	key, err := c.clusterKey()
	if err != nil {
		return err
	}
	if err := c.load(); err != nil {
		return err
	}
	var httpSockets, nodeSockets []net.Listener
	defer func() {
		if err != nil { // node.Open has closed those that it was given
			for _, l := range append(httpSockets[len(c.nodes):], nodeSockets[len(c.nodes):]...) {
				_ = l.Close()
			}
		}
	}()
	var peers []node.Peer
	for i := range c.o.nodes {
		addr := "127.0.0.1:0"
		if i == 0 {
			addr = c.o.http
		}
		h, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		httpSockets = append(httpSockets, h)
		n, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			_ = h.Close()
			httpSockets = httpSockets[:len(httpSockets)-1]
			return err
		}
		nodeSockets = append(nodeSockets, n)
		peers = append(peers, node.Peer{ID: devNodeID(i), NodeAddr: n.Addr().String()})
	}
	logger, err := newLogger(node.Config{LogLevel: c.o.logLevel, LogFormat: "text"}, os.Stderr)
	if err != nil {
		return usageError{err}
	}
	for i := range c.o.nodes {
		n, err := node.Open(ctx, c.config(i, peers), node.Options{
			Logger: logger, Version: buildVersion(), ClusterKey: &key, HTTPListener: httpSockets[i], NodeListener: nodeSockets[i],
			Operator: c.setOperator, Fatal: func(err error) { exitOnFatal(logger, err) },
		})
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, n)
	}
	return nil
}

func devNodeID(i int) string { return fmt.Sprintf("n%d", i+1) }

func (c *devCluster) config(i int, peers []node.Peer) node.Config {
	cfg := node.DefaultConfig()
	cfg.NodeID, cfg.Domain, cfg.DomainAliases = devNodeID(i), devDomain, []string{devAlias}
	cfg.Hosts = []string{"localhost", "127.0.0.1", "::1"}
	cfg.Memory, cfg.DataDir = c.o.memory, filepath.Join(c.o.data, devNodeID(i))
	cfg.HTTPAddr, cfg.NodeAddr, cfg.GossipAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	if i == 0 {
		cfg.HTTPAddr = c.o.http // checked to be loopback by Validate
	}
	if len(peers) > 1 {
		cfg.Peers = peers
	}
	return cfg
}

// clusterKey makes the key at the first start and reads it at later ones.
func (c *devCluster) clusterKey() (node.ClusterKey, error) {
	if c.o.memory {
		return node.NewClusterKey(), nil
	}
	if err := os.MkdirAll(c.o.data, 0o700); err != nil {
		return node.ClusterKey{}, err
	}
	path := filepath.Join(c.o.data, "cluster.key")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := node.WriteClusterKey(path, node.NewClusterKey()); err != nil {
			return node.ClusterKey{}, err
		}
	}
	return node.ReadClusterKey(path)
}

func (c *devCluster) load() error {
	if c.o.memory {
		return nil
	}
	b, err := os.ReadFile(c.keysFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &c.saved); err != nil {
		return fmt.Errorf("%s: %w", c.keysFile(), err)
	}
	return nil
}

// save keeps the keys; the mutex is held.
func (c *devCluster) save() error {
	if c.o.memory {
		return nil
	}
	b, err := json.MarshalIndent(c.saved, "", "  ")
	if err != nil {
		return err
	}
	return writePrivate(c.keysFile(), b)
}

// setOperator takes the operator key from the node that has made it, and keeps it
// at once: it is not to be had again.
func (c *devCluster) setOperator(id, secret string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved.Operator = credentials{ID: id, Secret: secret}
	if err := c.save(); err != nil {
		slog.Error("operator key not saved", "err", err)
	}
}

func (c *devCluster) operator() (credentials, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.saved.Operator, c.saved.Operator.ID != ""
}

// awaitReady waits until every node is ready and the operator key is known.
func (c *devCluster) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return poll(ctx, "the node is not ready", func() (bool, error) {
		for _, n := range c.nodes {
			if len(n.NotReady()) > 0 {
				return false, nil
			}
		}
		_, known := c.operator()
		return known, nil
	})
}

// provision makes customer, application and key at the first start.
func (c *devCluster) provision(ctx context.Context) error {
	operator, _ := c.operator()
	if c.saved.Tenant.Key.ID != "" {
		return nil
	}
	t, err := makeTenant(ctx, c.urls(), operator, "dev")
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved.Tenant = t
	return c.save()
}

func (c *devCluster) urls() []string {
	urls := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		urls[i] = n.URL()
	}
	return urls
}

// close stops all nodes at the same time: a majority may be gone at any moment.
func (c *devCluster) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	errs := make([]error, len(c.nodes))
	var wg sync.WaitGroup
	for i, n := range c.nodes {
		wg.Go(func() { errs[i] = n.Close(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func splitLines(s string) []string { return strings.Split(strings.TrimSpace(s), "\n") }
