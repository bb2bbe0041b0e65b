package main

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
	"time"
)

// startTimeout bounds how long a node process may take to listen.
const startTimeout = 30 * time.Second

// process is a node in a process of its own, told by what it prints.
type process struct {
	id   string
	cmd  *exec.Cmd
	url  string
	done chan struct{} // closed when the process has ended
	err  error         // how it ended; read after done

	mu       sync.Mutex
	operator credentials // of the node that made the operator key
	killed   bool
}

// startProcess runs this same binary as a server with the given settings, and
// returns when it listens.
func startProcess(ctx context.Context, id string, settings []string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{id: id, cmd: exec.Command(self, "server"), done: make(chan struct{})}
	p.cmd.Env = append(withoutSettings(os.Environ()), settings...)
	p.cmd.Stderr = os.Stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	listening := make(chan string, 1)
	go func() {
		defer close(p.done)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			p.hear(lines.Text(), listening)
		}
		p.err = p.cmd.Wait() // after the pipe is read to its end
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case p.url = <-listening:
		return p, nil
	case <-p.done:
		return nil, fmt.Errorf("node %s ended: %w", id, p.err)
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("node %s does not listen: %w", id, ctx.Err()), p.kill())
	}
}

// withoutSettings drops settings meant for the parent from an environment.
func withoutSettings(env []string) []string {
	var out []string
	for _, e := range env {
		if !strings.HasPrefix(e, "NIXNODE_") {
			out = append(out, e)
		}
	}
	return out
}

// hear reads a line that the server command prints (server.go).
func (p *process) hear(line string, listening chan<- string) {
	line = strings.TrimSpace(line)
	if _, url, ok := strings.Cut(line, " listens on "); ok {
		select {
		case listening <- url:
		default:
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if v, ok := strings.CutPrefix(line, envOperatorKeyID+"="); ok {
		p.operator.ID = v
	}
	if v, ok := strings.CutPrefix(line, envOperatorKeySecret+"="); ok {
		p.operator.Secret = v
	}
}

// operatorKey gives the operator key, if this node has made it.
func (p *process) operatorKey() (credentials, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.operator, p.operator.ID != "" && p.operator.Secret != ""
}

func (p *process) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.killed
}

// kill ends the process at once (SIGKILL) and waits for its end.
func (p *process) kill() error {
	p.mu.Lock()
	p.killed = true
	p.mu.Unlock()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.done
	return nil
}

// stop asks the process to end, and kills it when it does not.
func (p *process) stop() error {
	if !p.alive() {
		return nil
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("node %s: %w", p.id, p.err)
		}
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("node %s did not stop", p.id), p.kill())
	}
}

// stopProcesses stops all at the same time: a majority may be gone at any moment.
func stopProcesses(procs []*process) error {
	errs := make([]error, len(procs))
	var wg sync.WaitGroup
	for i, p := range procs {
		wg.Go(func() { errs[i] = p.stop() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
