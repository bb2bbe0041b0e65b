package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// Limits of a call, in bytes.
const (
	// MaxRequest is the longest body of a request: a full log entry with room.
	MaxRequest = 2 << 20
	// MaxAnswer is the longest answer: a whole routing table.
	MaxAnswer = 64 << 20
)

// ErrUnreached says that a call did not leave this node: it is safe to repeat
// whatever it was. Any other error but a Refusal leaves that open.
var ErrUnreached = errors.New("transport: the other node was not reached")

// Refusal is the other side's own answer that it did not do what was asked.
// What its code means is between caller and handler.
type Refusal struct{ Code string }

// Error names the code.
func (r *Refusal) Error() string { return "transport: refused: " + r.Code }

// Handler answers one call. Its context ends when the caller has gone or the
// transport is cut. To refuse, it returns a *Refusal; any other error is
// answered without detail, and the caller cannot know what was done.
type Handler func(ctx context.Context, body []byte) (answer []byte, err error)

// refusalHeader carries a Refusal's code.
const refusalHeader = "Nix-Refusal"

// Call asks the node at addr and waits for its answer.
// Errors: ErrUnreached, *Refusal, and those that leave the outcome open.
func (t *Transport) Call(ctx context.Context, addr, path string, body []byte) ([]byte, error) {
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// It fires before the first byte's fate is known, and never for a
		// request that got no connection.
		WroteHeaders: func() { sent.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreached, err)
	}
	res, err := t.client.RoundTrip(req)
	if err != nil {
		if !sent.Load() {
			return nil, fmt.Errorf("%w: %w", ErrUnreached, err)
		}
		return nil, fmt.Errorf("transport: call %s: %w", path, err)
	}
	defer func() { _ = res.Body.Close() }()
	if code := res.Header.Get(refusalHeader); code != "" {
		return nil, &Refusal{Code: code}
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("transport: call %s: status %d", path, res.StatusCode)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, MaxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("transport: call %s: %w", path, err)
	}
	if len(answer) > MaxAnswer {
		return nil, fmt.Errorf("transport: call %s: answer is too long", path)
	}
	return answer, nil
}

// newClient makes HTTP/2 without TLS over connections of our kind. The pings
// find a peer that has gone without a word.
func (t *Transport) newClient() *http.Transport {
	h2c := new(http.Protocols)
	h2c.SetUnencryptedHTTP2(true)
	return &http.Transport{
		Protocols:          h2c,
		DisableCompression: true,
		IdleConnTimeout:    time.Minute,
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return t.connect(ctx, kindCalls, addr)
		},
		HTTP2: &http.HTTP2Config{SendPingTimeout: time.Second, PingTimeout: time.Second, WriteByteTimeout: 2 * time.Second},
	}
}

// newServer makes the other end.
func (t *Transport) newServer(handlers map[string]Handler) *http.Server {
	h2c := new(http.Protocols)
	h2c.SetUnencryptedHTTP2(true)
	mux := http.NewServeMux()
	for path, h := range handlers {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) { t.answer(w, r, h) })
	}
	return &http.Server{
		Handler:           mux,
		Protocols:         h2c,
		ReadHeaderTimeout: greeting,
		BaseContext:       func(net.Listener) context.Context { return t.ctx },
		ErrorLog:          slog.NewLogLogger(t.log.Handler(), slog.LevelDebug),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 256, MaxReceiveBufferPerStream: MaxRequest},
	}
}

// answer runs one handler, counted so that Close can wait for it.
func (t *Transport) answer(w http.ResponseWriter, r *http.Request, h Handler) {
	t.mu.Lock()
	closed := t.closed
	if !closed {
		t.handlers.Add(1)
	}
	t.mu.Unlock()
	if closed {
		return
	}
	defer t.handlers.Done()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxRequest))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	answer, err := h(r.Context(), body)
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		w.Header().Set(refusalHeader, refusal.Code)
		w.WriteHeader(http.StatusConflict)
	case err != nil:
		t.log.Warn("call from a node failed", "path", r.URL.Path, "error", err)
		w.WriteHeader(http.StatusInternalServerError)
	default:
		_, _ = w.Write(answer) // the caller sees a connection that broke
	}
}
