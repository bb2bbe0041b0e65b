package testcluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/node"
)

// childMark in the environment makes a test binary a node.
const childMark = "TESTCLUSTER_NODE"

// Main is for a TestMain whose tests use Processes: in a process that New
// started it runs the node and does not return; otherwise it runs the tests.
func Main(m *testing.M, run func(*testing.M)) {
	if os.Getenv(childMark) == "" {
		run(m)
		return
	}
	if err := runChild(); err != nil {
		fmt.Fprintln(os.Stderr, "testcluster: node:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runChild is a node that lives until its standard input ends, and so never
// outlives its test.
func runChild() error {
	cfg := node.DefaultConfig()
	if err := cfg.Load("", os.LookupEnv); err != nil {
		return err
	}
	n, err := node.Open(context.Background(), cfg, node.Options{
		Operator: func(key, secret string) { fmt.Printf("operator %s %s\n", key, secret) },
		Fatal: func(err error) {
			fmt.Fprintln(os.Stderr, "testcluster: node failed:", err)
			os.Exit(1)
		},
	})
	if err != nil {
		return err
	}
	fmt.Println("started")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	ctx, cancel := stopContext()
	defer cancel()
	return n.Close(ctx)
}

// child is a node in a process of its own.
type child struct {
	cmd   *exec.Cmd
	stdin interface{ Close() error }
	done  chan struct{}
	err   error // read after done

	started     chan struct{}
	startedOnce sync.Once
}

func (m *Node) startProcess() error {
	if m.listener != nil { // the port goes to the child
		_ = m.listener.Close()
		_ = m.httpListener.Close()
		m.listener, m.httpListener = nil, nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ch := &child{cmd: exec.Command(self, "-test.run=^$"), done: make(chan struct{}), started: make(chan struct{})}
	ch.cmd.Env = append(os.Environ(), childMark+"=1")
	ch.cmd.Env = append(ch.cmd.Env, settingsOf(m.cfg)...)
	ch.cmd.Stderr = os.Stderr
	stdin, err := ch.cmd.StdinPipe()
	if err != nil {
		return err
	}
	ch.stdin = stdin
	stdout, err := ch.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := ch.cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(ch.done)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			m.cluster.hear(ch, lines.Text())
		}
		ch.err = ch.cmd.Wait()
	}()
	select {
	case <-ch.started:
	case <-ch.done:
		return fmt.Errorf("the process ended: %w", ch.err)
	case <-time.After(Patience):
		ch.kill()
		return errors.New("the process does not start")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.child = ch
	return nil
}

// hear reads a line of runChild.
func (c *Cluster) hear(ch *child, line string) {
	switch f := strings.Fields(line); {
	case len(f) == 1 && f[0] == "started":
		ch.startedOnce.Do(func() { close(ch.started) })
	case len(f) == 3 && f[0] == "operator":
		c.setOperator(client.KeyCredentials{ID: f[1], Secret: f[2]})
	}
}

// settingsOf writes a configuration as environment variables.
func settingsOf(cfg node.Config) []string {
	var env []string
	for _, s := range node.Settings() {
		if text := s.Text(cfg); text != "" {
			env = append(env, s.Env+"="+text)
		}
	}
	return env
}

func (ch *child) pause(on bool) error {
	if on {
		return ch.cmd.Process.Signal(syscall.SIGSTOP)
	}
	return ch.cmd.Process.Signal(syscall.SIGCONT)
}

func (ch *child) kill() {
	_ = ch.cmd.Process.Kill()
	<-ch.done
	_ = ch.stdin.Close()
}

func (ch *child) stop(ctx context.Context) error {
	_ = ch.stdin.Close()
	select {
	case <-ch.done:
		return ch.err
	case <-ctx.Done(): // it ends with its stacks on standard error
		_ = ch.cmd.Process.Signal(syscall.SIGQUIT)
		select {
		case <-ch.done:
		case <-time.After(Patience):
			ch.kill()
		}
		return ctx.Err()
	}
}
