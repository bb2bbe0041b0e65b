package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"go.uber.org/goleak"

	"github.com/nixnode/nixnode/internal/eventually"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t *testing.T, o Options) *Transport {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	tr, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Close() })
	return tr
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func echo(_ context.Context, body []byte) ([]byte, error) { return body, nil }

func TestOnlyLoopbackIsListenedOnAndDialled(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:1", "[::]:0", "example.org:1"} {
		if _, err := Listen(Options{Addr: addr}); !errors.Is(err, ErrNotLoopback) {
			t.Errorf("listen on %q: %v", addr, err)
		}
	}
	wild, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(Options{Listener: wild}); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("ready listener: %v", err)
	}
	tr := listen(t, Options{})
	if _, err := tr.Call(t.Context(), "192.0.2.1:1", "/x", nil); !errors.Is(err, ErrNotLoopback) || !errors.Is(err, ErrUnreached) {
		t.Errorf("call: %v", err)
	}
	if _, err := tr.Stream().Dial("192.0.2.1:1", time.Second); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("raft: %v", err)
	}
}

func TestRaftAndCallsShareThePort(t *testing.T) {
	a, b := listen(t, Options{}), listen(t, Options{Handlers: map[string]Handler{"/echo": echo}})
	body := bytes.Repeat([]byte("x"), MaxRequest)
	if got, err := a.Call(within(t, 10*time.Second), b.Addr(), "/echo", body); err != nil || !bytes.Equal(got, body) {
		t.Fatal(len(got), err)
	}
	out, err := a.Stream().Dial(raft.ServerAddress(b.Addr()), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	in, err := b.Stream().Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(out, "hello"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(in, got); err != nil || string(got) != "hello" {
		t.Fatal(string(got), err)
	}
}

func TestCallsTellWhetherTheyCanHaveArrived(t *testing.T) {
	entered := make(chan struct{})
	a := listen(t, Options{})
	b := listen(t, Options{Handlers: map[string]Handler{
		"/refuse": func(context.Context, []byte) ([]byte, error) { return nil, &Refusal{Code: "no"} },
		"/fail":   func(context.Context, []byte) ([]byte, error) { return nil, errors.New("secret detail") },
		"/hang": func(ctx context.Context, _ []byte) ([]byte, error) {
			close(entered)
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}})
	var refusal *Refusal
	if _, err := a.Call(t.Context(), b.Addr(), "/refuse", nil); !errors.As(err, &refusal) || refusal.Code != "no" {
		t.Errorf("refusal: %v", err)
	}
	if _, err := a.Call(t.Context(), b.Addr(), "/fail", nil); err == nil || errors.As(err, &refusal) || errors.Is(err, ErrUnreached) || strings.Contains(err.Error(), "secret") {
		t.Errorf("failure: %v", err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := a.Call(within(t, 10*time.Second), b.Addr(), "/hang", nil)
		failed <- err
	}()
	<-entered
	b.Cut()
	if err := <-failed; err == nil || errors.Is(err, ErrUnreached) {
		t.Errorf("cut after it was sent: %v", err)
	}
	if _, err := a.Call(within(t, 10*time.Second), b.Addr(), "/refuse", nil); !errors.Is(err, ErrUnreached) {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestTooLongARequestIsNotHandled(t *testing.T) {
	a, b := listen(t, Options{}), listen(t, Options{Handlers: map[string]Handler{"/echo": echo}})
	if _, err := a.Call(within(t, 10*time.Second), b.Addr(), "/echo", make([]byte, MaxRequest+1)); err == nil {
		t.Fatal("was answered")
	}
}

func TestDialHookSeesEveryConnection(t *testing.T) {
	blocked := errors.New("partition")
	a := listen(t, Options{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, blocked }})
	if _, err := a.Call(t.Context(), "127.0.0.1:1", "/x", nil); !errors.Is(err, blocked) || !errors.Is(err, ErrUnreached) {
		t.Fatal(err)
	}
	if _, err := a.Stream().Dial("127.0.0.1:1", time.Second); !errors.Is(err, blocked) {
		t.Fatal(err)
	}
}

func TestStrangersAreHungUpOn(t *testing.T) {
	b := listen(t, Options{})
	c, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Fatal("connection stayed open", err)
	}
}

func TestCloseWaitsForHandlersAndMayBeRepeated(t *testing.T) {
	entered, finished := make(chan struct{}), false
	a := listen(t, Options{})
	b := listen(t, Options{Handlers: map[string]Handler{"/slow": func(ctx context.Context, _ []byte) ([]byte, error) {
		close(entered)
		<-ctx.Done()
		finished = true // the race detector sees a Close that does not wait
		return nil, nil
	}}})
	called := make(chan struct{})
	go func() {
		defer close(called)
		_, _ = a.Call(within(t, 10*time.Second), b.Addr(), "/slow", nil)
	}()
	<-entered
	for range 2 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !finished {
		t.Fatal("Close did not wait for the handler")
	}
	<-called
	eventually.True(t, 5*time.Second, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.conns) == 0
	}, "all connections are closed")
	if _, err := b.Call(t.Context(), a.Addr(), "/x", nil); !errors.Is(err, ErrUnreached) {
		t.Fatalf("call after Close: %v", err)
	}
}

// Nodes of different clusters, by mistake on each other's lists, do not talk.
func TestAnotherClusterIsNotTalkedTo(t *testing.T) {
	handlers := map[string]Handler{"/echo": echo}
	ours, theirs := listen(t, Options{Tag: Tag{1}, Handlers: handlers}), listen(t, Options{Tag: Tag{2}, Handlers: handlers})
	same := listen(t, Options{Tag: Tag{1}})
	if answer, err := same.Call(within(t, 5*time.Second), ours.Addr(), "/echo", []byte("x")); string(answer) != "x" {
		t.Fatalf("the same cluster: %v", err)
	}
	if answer, err := same.Call(within(t, 5*time.Second), theirs.Addr(), "/echo", []byte("x")); err == nil {
		t.Errorf("another cluster answered %q", answer)
	}
}
