package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// door is a handler on a real loopback server.
type door struct {
	t       *testing.T
	service *fakeService
	server  *httptest.Server
	handler *httpapi.Handler
	log     *logBuffer
	txns    map[string]bool
}

// open starts a door over HTTP/1.1, or with TLS and HTTP/2.
func open(t *testing.T, service *fakeService, http2 bool, change ...func(*httpapi.Options)) *door {
	t.Helper()
	log := &logBuffer{}
	o := httpapi.Options{Service: service, Ops: fakeOps{}, Logger: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), Plain: httpapi.PlainOnLoopback}
	registry := prometheus.NewRegistry()
	o.Gatherer = registry
	for _, c := range change {
		c(&o)
	}
	server, handler := httptest.NewUnstartedServer(nil), httpapi.New(o)
	registry.MustRegister(handler.Metrics()...)
	server.Config = httpapi.NewServer(handler, o.Logger)
	if http2 {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(func() {
		server.CloseClientConnections() // or a stream that a failed test leaves would be waited for
		handler.Shutdown(past())
		server.Close()
	})
	server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &door{t: t, service: service, server: server, handler: handler, log: log, txns: map[string]bool{}}
}

// past gives a context that has ended.
func past() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// ask sends a request with all scopes, unless auth says otherwise.
func (d *door) ask(method, path, auth, body string) *http.Response {
	d.t.Helper()
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.server.URL+path, from)
	if err != nil {
		d.t.Fatal(err)
	}
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	return d.do(req)
}

func (d *door) do(req *http.Request) *http.Response {
	d.t.Helper()
	resp, err := d.server.Client().Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp
}

var txnForm = regexp.MustCompile(`^[1-9][0-9]{17,18}-(0|[1-9][0-9]{0,9})$`)

// reply reads an answer and demands that it is a whole, well-formed envelope with
// that code and with all that every answer has.
func (d *door) reply(resp *http.Response, code api.Code) api.Reply {
	d.t.Helper()
	e, txn := readEnvelope(d.t, resp, code)
	if d.txns[txn] {
		d.t.Errorf("txnID %s came twice", txn)
	}
	d.txns[txn] = true
	return e
}

func readEnvelope(t *testing.T, resp *http.Response, code api.Code) (api.Reply, string) {
	t.Helper()
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	var e api.Reply
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatalf("not an envelope: %v: %q", err, data)
	}
	if e.Code != code || e.Status != code.Status() || resp.StatusCode != code.Status() {
		t.Fatalf("got HTTP %d with %s; want code %d and status %d", resp.StatusCode, data, code, code.Status())
	}
	if !txnForm.MatchString(e.TxnID) {
		t.Errorf("txnID %q", e.TxnID)
	}
	if (e.Err == "") == (e.Msg == "") || (e.Msg != "") != code.Success() {
		t.Errorf("err %q and msg %q with code %d", e.Err, e.Msg, code)
	}
	if bytes.Contains(data, []byte("null")) && e.Err == "" && e.Body == nil {
		t.Errorf("fields that do not apply must be absent: %s", data)
	}
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "*", "Access-Control-Allow-Headers": "Authorization, Content-Type",
		"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if retry := resp.Header.Get("Retry-After") != ""; retry != (resp.StatusCode == 429 || resp.StatusCode == 503) {
		t.Errorf("Retry-After is there: %v, with status %d", retry, resp.StatusCode)
	}
	if challenge := resp.Header.Get("WWW-Authenticate") != ""; challenge != (resp.StatusCode == 401) {
		t.Errorf("WWW-Authenticate is there: %v, with status %d", challenge, resp.StatusCode)
	}
	return e, e.TxnID
}

// logBuffer collects log lines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// lines gives the lines with that message.
func (l *logBuffer) lines(t *testing.T, msg string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for text := range strings.Lines(l.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("log line %q: %v", text, err)
		}
		if line["msg"] == msg {
			found = append(found, line)
		}
	}
	return found
}

const sampleIdentity = "iq1f0Zk3vTz0b9yJ4hQ0s@nix.example.org"

// pathOf fills the parameters of a pattern.
func pathOf(r httpapi.Route) string {
	return strings.NewReplacer(":name", "note_1", ":id", sampleIdentity, ":cust", "cq1f0Zk3vTz0b9yJ4hQ0s", ":app", "pq1f0Zk3vTz0b9yJ4hQ0s",
		":key", "aq1f0Zk3vTz0b9yJ4hQ0s").Replace(r.Path)
}
