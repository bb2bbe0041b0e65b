package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/internal/leakcheck"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "nixnode-test-")
	if err != nil {
		panic(err)
	}
	binaryDir = dir
	leakcheck.Main(m, func() { _ = os.RemoveAll(dir) })
}

var (
	binaryDir  string
	binaryOnce sync.Once
	binaryErr  error
)

// binary builds the program once, as a user would, and gives its path.
func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(binaryDir, "nixnode")
	binaryOnce.Do(func() {
		out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
		if binaryErr = err; err != nil {
			t.Logf("%s", out)
		}
	})
	if binaryErr != nil {
		t.Fatal(binaryErr)
	}
	return path
}

// makeRunArgs is what make run gives the binary.
var makeRunArgs = []string{"dev", "--memory", "--demo"}

const patience = time.Minute

// program is the binary at work.
type program struct {
	cmd *exec.Cmd
	out *lockedBuffer
}

// lockedBuffer collects output while a test looks at it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs the binary until the test ends, when it must stop gracefully.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(binary(t), args...), out: &lockedBuffer{}}
	p.cmd.Env = withoutSettings(os.Environ())
	p.cmd.Dir = t.TempDir()
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%v: %v\n%s", args, err, p.out)
			}
		case <-time.After(patience):
			_ = p.cmd.Process.Kill()
			<-done
			t.Errorf("%v does not stop\n%s", args, p.out)
		}
	})
	return p
}

// startDev runs a node in dev mode and gives the lines of its --env-file.
func startDev(t *testing.T, more ...string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "env")
	p := start(t, append([]string{"dev", "--memory", "--http", "127.0.0.1:0", "--env-file", file}, more...)...)
	var lines []string
	eventually.True(t, patience, func() bool {
		b, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		lines = strings.Split(strings.TrimSpace(string(b)), "\n")
		return true
	}, "dev mode is not ready:\n%s", p.out)
	return lines
}

func names(env []string) []string {
	var out []string
	for _, line := range env {
		name, _, _ := strings.Cut(line, "=")
		out = append(out, name)
	}
	return out
}
