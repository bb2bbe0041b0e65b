package httpapi_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
)

// bubble is a handler on a real http.Server whose connections are net.Pipes, for
// tests within synctest: time is fake there, and a pipe holds no byte that its
// reader has not taken.
type bubble struct {
	t      *testing.T
	pipes  *pipeListener
	log    *logBuffer
	stream *fakeStream // what listen gives
	door   *httpapi.Handler
}

// inBubble runs f with a door at the default limits.
func inBubble(t *testing.T, service *fakeService, f func(b *bubble)) {
	synctest.Test(t, func(t *testing.T) {
		stream, log := newFakeStream(), &logBuffer{} // channels belong to the bubble that makes them
		service.stream = stream
		logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		h := httpapi.New(httpapi.Options{Service: service, Ops: fakeOps{}, Logger: logger, Plain: httpapi.PlainBehindProxy})
		b := &bubble{t: t, stream: stream, log: log, door: h, pipes: &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}}
		server := httpapi.NewServer(h, logger)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := server.Serve(b.pipes); !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		})
		defer wg.Wait()
		defer server.Close()
		defer h.Shutdown(past())
		f(b)
	})
}

// dial opens a connection that is closed with the bubble.
func (b *bubble) dial() (net.Conn, *bufio.Reader) {
	ours, theirs := net.Pipe()
	b.pipes.conns <- theirs
	b.t.Cleanup(func() { ours.Close() })
	return ours, bufio.NewReader(ours)
}

// post sends the head of a POST and what of its body there is.
func (b *bubble) post(conn net.Conn, path, headers, body string) {
	b.t.Helper()
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n%s\r\n%s", path, everything, headers, body); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bubble) listen(conn net.Conn, r *bufio.Reader) *http.Response {
	b.t.Helper()
	b.post(conn, api.PathListen, "Content-Length: 11\r\n", `{"jwt":"x"}`)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		b.t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	return resp
}

// read reads one answer that must be an envelope.
func (b *bubble) read(r *bufio.Reader, code api.Code) {
	b.t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	readEnvelope(b.t, resp, code)
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, io.EOF
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }
