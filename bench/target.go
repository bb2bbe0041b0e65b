package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nixnode/nixnode/client"
)

const (
	startTimeout = time.Minute
	stopTimeout  = 30 * time.Second
)

// target is one cluster to measure, started from the binary in dev mode, with
// its data on disk.
type target struct {
	nodes   int
	dir     string
	cmd     *exec.Cmd
	done    chan error
	urls    []string
	key     client.KeyCredentials
	client  *client.Client
	senders []*client.Identity
}

func startTarget(ctx context.Context, binary string, nodes int) (_ *target, err error) {
	dir, err := os.MkdirTemp("", "nixnode-bench-")
	if err != nil {
		return nil, err
	}
	t := &target{nodes: nodes, dir: dir, done: make(chan error, 1)}
	env := filepath.Join(dir, "env")
	t.cmd = exec.Command(binary, "dev", "--data", filepath.Join(dir, "data"), "--nodes", fmt.Sprint(nodes), "--http", "127.0.0.1:0", "--env-file", env, "--log-level", "error")
	t.cmd.Stderr = os.Stderr
	if err := t.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() { t.done <- t.cmd.Wait() }()
	if err := t.awaitEnv(ctx, env); err != nil {
		return nil, errors.Join(err, t.stop())
	}
	return t, nil
}

// awaitEnv waits for the file that dev mode writes when everything is ready.
func (t *target) awaitEnv(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		f, err := os.Open(path)
		if err == nil {
			defer f.Close()
			return t.readEnv(bufio.NewScanner(f))
		}
		select {
		case <-tick.C:
		case err := <-t.done:
			t.done <- err
			return fmt.Errorf("the node ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *target) readEnv(lines *bufio.Scanner) error {
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "=")
		switch {
		case name == "NIXNODE_KEY_ID":
			t.key.ID = value
		case name == "NIXNODE_KEY_SECRET":
			t.key.Secret = value
		case strings.HasPrefix(name, "NIXNODE_URL"):
			t.urls = append(t.urls, value)
		}
	}
	if len(t.urls) != t.nodes {
		return fmt.Errorf("%d URLs for %d nodes", len(t.urls), t.nodes)
	}
	return lines.Err()
}

// register makes the identities that send, and receive from each other.
func (t *target) register(ctx context.Context, n int) (err error) {
	if t.client, err = client.New(client.Config{URLs: t.urls, Key: t.key, RoundRobin: true}); err != nil {
		return err
	}
	t.senders = make([]*client.Identity, n)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i := range n {
		g.Go(func() error {
			id, err := client.NewIdentity()
			if err != nil {
				return err
			}
			t.senders[i] = id
			_, err = t.client.Register(ctx, id, client.Metadata{Kind: "user"})
			return err
		})
	}
	return g.Wait()
}

// stop ends the cluster that this program started, and removes its data.
func (t *target) stop() (err error) {
	if t.client != nil {
		err = t.client.Close()
	}
	err = errors.Join(err, t.signal())
	return errors.Join(err, os.RemoveAll(t.dir))
}

func (t *target) signal() error {
	err := t.cmd.Process.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	select {
	case ended := <-t.done:
		err = errors.Join(err, ended)
	case <-time.After(stopTimeout):
		err = errors.Join(err, fmt.Errorf("%d nodes did not stop", t.nodes), t.cmd.Process.Kill(), <-t.done)
	}
	return err
}
