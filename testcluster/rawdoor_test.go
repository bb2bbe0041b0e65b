package testcluster_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/testcluster"
)

// door asks nodes over plain HTTP, with nothing of ours in between, and checks of
// each answer what section 2 promises of all of them.
type door struct {
	c    *testcluster.Cluster
	log  *memory
	http *http.Client

	mu      sync.Mutex
	txns    map[string]bool
	private []string // what neither an error nor the log may show
}

// openDoor starts n nodes that log everything.
func openDoor(t *testing.T, n int, opts ...testcluster.Option) *door {
	t.Helper()
	d := &door{log: &memory{}, txns: map[string]bool{}}
	logger := slog.New(slog.NewJSONHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d.c = testcluster.New(t, n, append(opts, testcluster.Logger(logger))...)
	transport := &http.Transport{MaxIdleConnsPerHost: 4}
	t.Cleanup(transport.CloseIdleConnections)
	d.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	d.keep(d.c.Operator().Secret, d.c.Tenant().Key.Secret)
	return d
}

// memory is a log that is looked through afterwards.
type memory struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (m *memory) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.buf.Write(p)
}

func (m *memory) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.buf.String()
}

// keep notes what must stay private.
func (d *door) keep(texts ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.private = append(d.private, texts...)
}

// keepToken notes a token by its signature and its payload; the header is no secret.
func (d *door) keepToken(token string) {
	for i, part := range strings.Split(token, ".") {
		if i > 0 && len(part) >= 24 {
			d.keep(part)
		}
	}
}

// wantNothingPrivateInTheLog also demands that each answer can be found there, and
// that nothing in it calls for a person: bad input is no fault of the node.
func (d *door) wantNothingPrivateInTheLog(t *testing.T) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	log := d.log.String()
	for _, text := range d.private {
		if at := strings.Index(log, text); at >= 0 {
			t.Errorf("in the log: %q", log[max(0, at-200):min(len(log), at+200)])
		}
	}
	if at := strings.Index(log, `"level":"ERROR"`); at >= 0 {
		t.Errorf("an error in the log: %s", log[at:min(len(log), at+1000)])
	}
	for txn := range d.txns {
		if !strings.Contains(log, txn) {
			t.Errorf("%s is not in the log", txn)
		}
	}
	if len(d.private) < 2 || len(d.txns) == 0 {
		t.Errorf("only %d private texts, %d answers", len(d.private), len(d.txns))
	}
}

func basic(k client.KeyCredentials) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(k.ID+":"+k.Secret))
}

// reply is one answer, its envelope already checked.
type reply struct {
	status int
	code   int
	header http.Header
	env    map[string]any
}

// ask does one request; auth is an Authorization header, or empty.
func (d *door) ask(t *testing.T, m *testcluster.Node, method, path, auth string, body io.Reader) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(deadline(t), method, m.URL()+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	return d.do(t, req)
}

// text is ask with a body as it is.
func (d *door) text(t *testing.T, m *testcluster.Node, method, path, auth, body string) reply {
	t.Helper()
	return d.ask(t, m, method, path, auth, strings.NewReader(body))
}

// json is ask with a body that is made to JSON.
func (d *door) json(t *testing.T, m *testcluster.Node, method, path, auth string, body any) reply {
	t.Helper()
	return d.ask(t, m, method, path, auth, bytes.NewReader(toJSON(t, body)))
}

func (d *door) do(t *testing.T, req *http.Request) reply {
	t.Helper()
	resp, err := d.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		t.Fatalf("%s %s: %d, then %v", req.Method, req.URL.Path, resp.StatusCode, err)
	}
	r := reply{status: resp.StatusCode, header: resp.Header}
	if err := json.Unmarshal(data, &r.env); err != nil {
		t.Fatalf("%s %s: %d, no envelope: %.200q", req.Method, req.URL.Path, resp.StatusCode, data)
	}
	r.code = code(r.env)
	d.checkEnvelope(t, req, r, data)
	return r
}

var (
	txnForm   = regexp.MustCompile(`^[1-9][0-9]{18}-[0-9]{1,10}$`)
	envelopes = map[string]bool{"status": true, "code": true, "err": true, "msg": true, "txnID": true, "first": true, "last": true, "continue": true, "body": true}
)

// checkEnvelope demands what section 2 says of every answer.
func (d *door) checkEnvelope(t *testing.T, req *http.Request, r reply, data []byte) {
	t.Helper()
	bad := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s %s (%d/%d): "+format, append([]any{req.Method, req.URL.Path, r.status, r.code}, args...)...)
	}
	info := api.Code(r.code).Info()
	if info.Name == "Unknown" || info.Status != r.status || r.env["status"] != float64(r.status) {
		bad("status %v of code %d, whose status is %d", r.env["status"], r.code, info.Status)
	}
	for name, v := range r.env {
		if !envelopes[name] || v == nil {
			bad("%s is %v", name, v)
		}
	}
	errText, _ := r.env["err"].(string)
	msgText, _ := r.env["msg"].(string)
	if (errText == "") == (msgText == "") || (r.status < 300) != (msgText != "") {
		bad("err %q, msg %q", errText, msgText)
	}
	txn, _ := r.env["txnID"].(string)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !txnForm.MatchString(txn) || d.txns[txn] {
		bad("txnID %q", txn)
	}
	d.txns[txn] = true
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "*",
		"Access-Control-Allow-Headers": "Authorization, Content-Type", "Content-Type": "application/json",
	} {
		if got := r.header.Get(name); got != want {
			bad("%s: %q", name, got)
		}
	}
	if (r.status == 429 || r.status == 503) && r.header.Get("Retry-After") == "" {
		bad("no Retry-After")
	}
	if r.status < 300 {
		return
	}
	for _, text := range d.private {
		if bytes.Contains(data, []byte(text)) {
			bad("the error shows something private: %s", data)
		}
	}
}

func (r reply) want(t *testing.T, what string, code api.Code) {
	t.Helper()
	if r.code != int(code) {
		t.Errorf("%s: got %d (%v), want %d", what, r.code, r.env["err"], code)
	}
}

func (r reply) body(t *testing.T) map[string]any {
	t.Helper()
	body, ok := r.env["body"].(map[string]any)
	if !ok {
		t.Fatalf("%d: body is %v", r.code, r.env["body"])
	}
	return body
}

func toJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pathOf fills the parameters of a route's path.
func pathOf(r httpapi.Route, params map[string]string) string {
	parts := strings.Split(r.Path, "/")
	for i, p := range parts {
		if v, ok := params[p]; ok {
			parts[i] = v
		}
	}
	return strings.Join(parts, "/")
}
