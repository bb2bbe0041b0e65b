package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/nixnode/nixnode/api"
)

// obj is a JSON object.
type obj = map[string]any

// call is one request.
type call struct {
	method string // "" is POST with a body, else GET
	path   string
	body   any    // []byte and string go as they are, all else as JSON
	auth   string // the Authorization header; "" is the key's, none is none
	header http.Header
	// once: a temporary failure is the answer, and not tried again.
	once bool
}

const none = "-"

// patience is for how long a request is tried again.
const patience = 20 * time.Second

// maxAnswer is more than any answer of a page has.
const maxAnswer = 16 << 20

func (t *T) get(path string) *answer            { return t.do(call{path: path}) }
func (t *T) post(path string, body any) *answer { return t.do(call{path: path, body: body}) }

// do sends a request, and the same again as long as the page says that it may help.
func (t *T) do(c call) *answer {
	deadline := time.Now().Add(patience)
	for {
		a, err := t.try(c)
		switch {
		case err != nil && t.ctx.Err() != nil:
			t.Failf("%s: no answer in time", c)
		case err == nil && (c.once || !temporary(a.code())):
			return a
		case err == nil && time.Now().After(deadline):
			return a
		case err != nil && time.Now().After(deadline):
			t.Failf("%s: %v", c, err)
		}
		t.disturbed.Store(true)
		t.rest(100 * time.Millisecond)
	}
}

// temporary says which codes the page asks to try again; a full mailbox is none.
func temporary(code int) bool {
	switch api.Code(code) {
	case api.CodeNoLeader, api.CodeOverloaded, api.CodeNotReady, api.CodeUnknownOutcome, api.CodeGoingDown, api.CodeRateLimited:
		return true
	}
	return false
}

func (t *T) try(c call) (*answer, error) {
	resp, err := t.openIn(t.ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	a := newAnswer(t, c, resp, text)
	t.s.witness.saw(a)
	return a, nil
}

func newAnswer(t *T, c call, resp *http.Response, text []byte) *answer {
	return &answer{t: t, call: c, status: resp.StatusCode, header: resp.Header, text: text, envelope: object(text)}
}

// object reads one JSON object with nothing behind it; nil if there is none.
func object(text []byte) (o obj) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if d.Decode(&o) != nil || d.Decode(new(any)) != io.EOF {
		return nil
	}
	return o
}

// userAgent begins the User-Agent of every request; the case's id follows.
const userAgent = "nixnode-conformance/1 "

// openIn sends a request and gives the answer with its body unread.
func (t *T) openIn(ctx context.Context, c call) (*http.Response, error) {
	base := t.url()
	req, err := http.NewRequestWithContext(ctx, c.verb(), base+c.path, bytes.NewReader(c.bytes()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", userAgent+t.id) // for whoever reads the server's log
	for name, values := range c.header {
		req.Header[name] = values
	}
	switch c.auth {
	case none:
	case "":
		req.Header.Set("Authorization", basic(t.s.o.Key))
	default:
		req.Header.Set("Authorization", c.auth)
	}
	resp, err := t.s.transport.RoundTrip(req)
	if err != nil && ctx.Err() == nil {
		t.s.isDown(base)
	}
	return resp, err
}

func (c call) verb() string {
	switch {
	case c.method != "":
		return c.method
	case c.body != nil:
		return http.MethodPost
	}
	return http.MethodGet
}

func (c call) bytes() []byte {
	switch b := c.body.(type) {
	case nil:
		return nil
	case []byte:
		return b
	case string:
		return []byte(b)
	}
	return must(json.Marshal(c.body))
}

func (c call) String() string { return c.verb() + " " + c.path }

// answer is what came back, not yet judged.
type answer struct {
	t        *T
	call     call
	status   int
	header   http.Header
	text     []byte
	envelope obj // nil when it is not one JSON object
}

func (a *answer) code() int { return number(a.envelope["code"]) }

// String shows the answer for a report, with the txnID that finds it in a log.
func (a *answer) String() string {
	if a.envelope == nil {
		return fmt.Sprintf("%s: %d %s", a.call, a.status, brief(string(a.text)))
	}
	return fmt.Sprintf("%s: %d/%d %s [txnID %v]", a.call, a.status, a.code(), brief(text(a.envelope["err"])), a.envelope["txnID"])
}

func brief(s string) string {
	const most = 160
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(fmt.Sprintf("%q", s), "?")
}

// want demands a code with the status that the table gives it.
func (a *answer) want(codes ...api.Code) *answer {
	for _, c := range codes {
		if a.code() == int(c) && a.status == c.Status() {
			return a
		}
	}
	a.t.Failf("%v; want %s", a, wanted(codes))
	return a
}

func wanted(codes []api.Code) string {
	var all []string
	for _, c := range codes {
		all = append(all, fmt.Sprintf("%d/%d", c.Status(), int(c)))
	}
	return strings.Join(all, " or ")
}

// is demands a value somewhere in the envelope.
func (a *answer) is(want any, path ...any) *answer {
	got := a.at(path...)
	a.t.check(same(got, want), "%v; %v is %v, want %v", a, path, brief(show(got)), brief(show(want)))
	return a
}

// has demands that something is there.
func (a *answer) has(path ...any) *answer {
	a.t.check(a.at(path...) != nil, "%v; %v is missing in %s", a, path, brief(string(a.text)))
	return a
}

// at gives what lies at a path of names and indices; nil if there is nothing.
func (a *answer) at(path ...any) any { return at(a.envelope, path...) }

func (a *answer) str(path ...any) string { return text(a.at(path...)) }

func (a *answer) list(path ...any) []any {
	l, ok := a.at(path...).([]any)
	a.t.check(ok, "%v; %v is not a list in %s", a, path, brief(string(a.text)))
	return l
}

func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			o, _ := v.(obj)
			v = o[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func text(v any) string { s, _ := v.(string); return s }

// number gives an integer, or -1.
func number(v any) int {
	n, ok := v.(json.Number)
	if !ok {
		return -1
	}
	i, err := n.Int64()
	if err != nil {
		return -1
	}
	return int(i)
}

func show(v any) string { return string(must(json.Marshal(v))) }

// same compares by JSON, in which objects have their members sorted.
func same(a, b any) bool { return show(a) == show(b) }
