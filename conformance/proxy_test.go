package conformance_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/conformance"
	"github.com/nixnode/nixnode/internal/leakcheck"
	"github.com/nixnode/nixnode/testcluster"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

type obj = map[string]any

// reply is an answer on its way through the proxy, for a mutant to change.
type reply struct {
	request *http.Request
	asked   []byte // the body of the request
	status  int
	header  http.Header
	json    obj // nil when the answer is not JSON
	raw     []byte
}

func (r *reply) code() int {
	n, _ := r.json["code"].(float64)
	return int(n)
}

// results gives the results of a send.
func (r *reply) results() (all []obj) {
	list, _ := r.json["body"].([]any)
	for _, v := range list {
		if o, ok := v.(obj); ok {
			all = append(all, o)
		}
	}
	return all
}

// body gives the body when it is an object.
func (r *reply) body() obj {
	o, _ := r.json["body"].(obj)
	return o
}

func (r *reply) is(path string) bool { return r.request.URL.Path == path }

// becomes makes the answer that of another code.
func (r *reply) becomes(status, code int) {
	r.status = status
	r.json["status"], r.json["code"] = status, code
	delete(r.json, "err")
	delete(r.json, "msg")
	if status < 400 {
		r.json["msg"] = "OK."
	} else {
		r.json["err"] = "No."
	}
}

// mutant is a way to be wrong.
type mutant struct {
	// run selects the cases that are to notice; one of them is enough.
	run string
	// answer changes complete answers, line the lines of streams (nil drops one).
	answer func(r *reply)
	line   func(n int, line []byte) [][]byte
	// stream changes the head of a stream.
	stream func(h http.Header)
	// cleanEnd ends a broken stream as if it were whole.
	cleanEnd bool
	// noSpaces drops keep-alives.
	noSpaces bool
}

// proxy stands before a node and changes what it says.
type proxy struct {
	target string
	mutant mutant
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	target := p.target + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, target, bytes.NewReader(asked))
	if err != nil {
		http.Error(w, "proxy", http.StatusBadGateway)
		return
	}
	req.Header = r.Header.Clone()
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = resp.Body.Close() }()
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/x-ndjson") || strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		p.stream(w, resp)
		return
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	p.whole(w, &reply{request: r, asked: asked, status: resp.StatusCode, header: resp.Header, raw: raw})
}

// whole passes a complete answer on.
func (p *proxy) whole(w http.ResponseWriter, r *reply) {
	if json.Unmarshal(r.raw, &r.json) != nil {
		r.json = nil
	}
	if p.mutant.answer != nil && r.json != nil {
		before := string(r.raw)
		p.mutant.answer(r)
		if string(r.raw) == before {
			r.raw, _ = json.Marshal(r.json)
		}
	}
	for name, values := range r.header {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.raw)
}

// stream passes a stream on, line by line.
func (p *proxy) stream(w http.ResponseWriter, resp *http.Response) {
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	if p.mutant.stream != nil {
		p.mutant.stream(w.Header())
	}
	w.WriteHeader(resp.StatusCode)
	flush := http.NewResponseController(w)
	_ = flush.Flush()
	var line []byte
	one := make([]byte, 1)
	for n := 0; ; {
		if _, err := resp.Body.Read(one); err != nil {
			if p.mutant.cleanEnd {
				return
			}
			panic(http.ErrAbortHandler)
		}
		if one[0] == ' ' && len(line) == 0 {
			if !p.mutant.noSpaces {
				_, _ = w.Write(one)
				_ = flush.Flush()
			}
			continue
		}
		if line = append(line, one[0]); one[0] != '\n' {
			continue
		}
		out := [][]byte{line}
		if p.mutant.line != nil {
			out = p.mutant.line(n, line)
		}
		for _, l := range out {
			_, _ = w.Write(l)
		}
		_ = flush.Flush()
		line, n = nil, n+1
	}
}

// against gives the options for a run through a proxy in front of a node.
func against(t *testing.T, c *testcluster.Cluster, m mutant) conformance.Options {
	t.Helper()
	s := httptest.NewServer(&proxy{target: c.Node(0).URL(), mutant: m})
	t.Cleanup(s.Close)
	return options(c, s.URL)
}

func options(c *testcluster.Cluster, urls ...string) conformance.Options {
	return conformance.Options{
		URLs:     urls,
		Key:      conformance.Credentials(c.Tenant().Key),
		Operator: conformance.Credentials(c.Operator()),
	}
}
