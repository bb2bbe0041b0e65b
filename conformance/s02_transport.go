package conformance

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nixnode/nixnode/api"
)

// transportCases are those of section 2.
func transportCases() []Case {
	cases := []Case{
		observed(ruleEnvelope, "every response is the envelope, errors and 404s included"),
		observed(ruleType, "JSON out"),
		observed(ruleStatus, "the envelope's status is the HTTP status"),
		observed(ruleErr, "err is there on errors only"),
		observed(ruleMsg, "msg is there on success only"),
		observed(ruleNull, "fields that do not apply are absent, not null"),
		observed(ruleTxnID, "txnID is <unix nanoseconds>-<random 31-bit int>"),
		observed(ruleUnique, "txnID is unique"),
		observed(ruleContinue, "first and last are strings, continue is a boolean"),
		observed(ruleRetry, "429 and 503 answers carry Retry-After"),
		observed(ruleOrigin, "every response has Access-Control-Allow-Origin"),
		observed(ruleMethods, "every response has Access-Control-Allow-Methods: *"),
		observed(ruleHeaders, "every response has Access-Control-Allow-Headers: Authorization, Content-Type"),
		observed(ruleRedirect, "no redirects, ever"),
		the("2.envelope.txnid-time", "the txnID's first part is the time", func(t *T) {
			id := t.get("/v1/identity/" + t.nobody()).str("txnID")
			var nanos, random int64
			n, _ := fmt.Sscanf(id, "%d-%d", &nanos, &random)
			off := time.Since(time.Unix(0, nanos)).Abs()
			t.check(n == 2 && off < time.Hour && random >= 0 && random < 1<<31, "txnID %q", id)
		}),
		the("2.options.no-credentials", "OPTIONS needs no credentials", func(t *T) {
			for _, path := range []string{api.PathMe, api.PathListen, "/ops/ready"} {
				a := t.do(call{method: http.MethodOptions, path: path, auth: none})
				t.check(a.status >= 200 && a.status < 300, "%v", a)
				t.check(a.header.Get("Access-Control-Allow-Origin") != "", "%v: no CORS", a)
			}
		}),
		the("2.cors.on-errors", "CORS on every response, errors included", func(t *T) {
			for _, c := range []call{{path: "/v1/none"}, {path: api.PathMe, body: "{", auth: none}, {method: "DELETE", path: api.PathSend}} {
				a := t.do(c)
				t.check(a.status >= 400 && a.header.Get("Access-Control-Allow-Origin") != "", "%v: Access-Control-Allow-Origin %q", a, a.header.Get("Access-Control-Allow-Origin"))
			}
		}),
		the("2.cors.on-streams", "CORS on every response, streams included", func(t *T) {
			h := t.standingParty().listen().resp.Header
			t.check(h.Get("Access-Control-Allow-Origin") != "" && h.Get("Access-Control-Allow-Methods") == "*" &&
				strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization"), "the stream's headers: %v", h)
		}),
		the("2.path.at-sign", "@ and = in a path may come unescaped, or escaped", func(t *T) {
			p := t.standingParty()
			for _, form := range []string{p.addr, strings.Replace(p.addr, "@", "%40", 1), p.local + "=", p.local + "%3D"} {
				t.get("/v1/identity/"+form).want(api.CodeIdentity).is(p.addr, "body", "address")
			}
		}),
		the("2.limit.body", "a body of more than 8 MiB gets 413/41300", func(t *T) {
			t.post(api.PathSend, sendBody(api.MaxBody+1)).want(api.CodeBodyTooLarge)
		}),
		the("2.limit.body-just-fits", "a body of 8 MiB is read", func(t *T) {
			t.post(api.PathSend, sendBody(api.MaxBody)).want(api.CodeSent)
		}),
		the("2.limit.header-time", "headers that do not arrive within 10 s are not waited for", func(t *T) {
			t.cutOff("GET /ops/health HTTP/1.1\r\nHost: x\r\nX-Slow: ", 15*time.Second)
		}),
		the("2.limit.slow-body", "slow bodies are cut off", func(t *T) {
			t.cutOff("POST /v1/messages/send HTTP/1.1\r\nHost: x\r\nAuthorization: "+basic(t.s.o.Key)+"\r\nContent-Length: 1000\r\n\r\n{", 50*time.Second)
		}),
		{ID: "2.tls.version", Says: "TLS 1.2 or later", needs: needTLS, run: oldTLS},
	}
	return append(append(cases, jsonCases()...), pathCases()...)
}

// sendBody is a legal send without messages that is so long.
func sendBody(size int) string {
	const head, tail = `{"msgs":[],"x":"`, `"}`
	return head + strings.Repeat("x", size-len(head)-len(tail)) + tail
}

// cutOff sends no more than a beginning, and demands that the server ends it.
func (t *T) cutOff(beginning string, within time.Duration) {
	u := must(url.Parse(t.url()))
	conn := must(dial(t.ctx, u))
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(within))
	if _, err := conn.Write([]byte(beginning)); err != nil {
		t.Failf("writing a beginning: %v", err)
	}
	r := bufio.NewReader(conn)
	for {
		if _, err := r.ReadByte(); err != nil {
			t.check(!errors.Is(err, os.ErrDeadlineExceeded), "the connection is still open after %v", within)
			return
		}
	}
}

func dial(ctx context.Context, u *url.URL) (net.Conn, error) {
	if u.Scheme == "https" {
		return (&tls.Dialer{Config: &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}}).DialContext(ctx, "tcp", hostPort(u, "443"))
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", hostPort(u, "80"))
}

func hostPort(u *url.URL, port string) string {
	if u.Port() != "" {
		port = u.Port()
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func oldTLS(t *T) {
	u := must(url.Parse(t.url()))
	d := &tls.Dialer{Config: &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}}
	conn, err := d.DialContext(t.ctx, "tcp", hostPort(u, "443"))
	if err == nil {
		_ = conn.Close()
		t.Failf("TLS 1.1 is spoken")
	}
}

// jsonCases: what a body may and may not be.
func jsonCases() []Case {
	var cases []Case
	for name, kind := range map[string]string{"absent": "", "text": "text/plain", "form": "application/x-www-form-urlencoded", "nonsense": "///"} {
		cases = append(cases, the("2.json.content-type-"+name, "Content-Type is encouraged, not required; a wrong one is not an error", func(t *T) {
			h := http.Header{}
			if kind != "" {
				h.Set("Content-Type", kind)
			}
			t.do(call{path: api.PathSend, body: `{"msgs":[]}`, header: h}).want(api.CodeSent)
		}))
	}
	deep := func(n int) string {
		return `{"msgs":[],"x":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "}"
	}
	for name, body := range map[string]string{
		"trailing-garbage": `{"msgs":[]} x`, "two-values": `{"msgs":[]}{}`, "duplicate-keys": `{"msgs":[],"msgs":[]}`, "nested-duplicate-keys": `{"msgs":[],"x":{"a":1,"a":2}}`,
		"invalid-utf8": "{\"msgs\":[],\"x\":\"\xff\"}", "too-deep": deep(33), "truncated": `{"msgs":[`, "empty": " ", "no-json": "msgs=1", "comment": `{"msgs":[] /* x */}`,
		"single-quotes": `{'msgs':[]}`, "trailing-comma": `{"msgs":[],}`, "lone-surrogate": `{"msgs":[],"x":"\ud800"}`,
	} {
		cases = append(cases, the("2.json."+name, "what is not one strict JSON value is 400/40000", func(t *T) {
			t.post(api.PathSend, body).want(api.CodeUnreadable)
		}))
	}
	for name, body := range map[string]string{"string": `{"msgs":"x"}`, "numbers": `{"msgs":[1]}`, "array": `[]`} {
		cases = append(cases, the("2.json.wrong-type-"+name, "a wrong type is 400/40002", func(t *T) { t.post(api.PathSend, body).want(api.CodeWrongType) }))
	}
	return append(cases,
		the("2.json.unknown-fields", "unknown JSON fields are ignored", func(t *T) {
			t.post(api.PathSend, `{"msgs":[],"later":{"a":[null,1,true]}}`).want(api.CodeSent)
		}),
		the("2.json.case-of-names", "a name in another case is another, unknown field", func(t *T) {
			t.post(api.PathSend, `{"Msgs":[]}`).want(api.CodeMissingField)
		}),
		the("2.json.deep-enough", "nesting of 32 is read", func(t *T) { t.post(api.PathSend, deep(32)).want(api.CodeSent) }),
		the("2.json.ascii-escapes", "JSON escapes mean what they say", func(t *T) { t.post(api.PathSend, `{"\u006dsgs":[]}`).want(api.CodeSent) }),
	)
}

func pathCases() (cases []Case) {
	for name, path := range map[string]string{
		"v1": "/v1/no/such", "root": "/", "ops": "/ops/no-such", "trailing-slash": "/v1/identity/me/", "double-slash": "/v1//identity/me", "dots": "/v1/x/../identity/me", "case": "/V1/identity/me",
	} {
		cases = append(cases, the("2.path.unknown-"+name, "what is no endpoint is 404/40400 in an envelope, and no redirect", func(t *T) {
			t.post(path, "{}").want(api.CodeNoEndpoint)
		}))
	}
	for name, c := range map[string]call{
		"get-me": {method: "GET", path: api.PathSend}, "delete-me": {method: "DELETE", path: api.PathMe}, "put-send": {method: "PUT", path: api.PathSend, body: "{}"},
		"post-public": {method: "POST", path: "/v1/identity/iAAAAAAAAAAAAAAAAAAAA", body: "{}"}, "post-health": {method: "POST", path: "/ops/health", body: "{}"},
	} {
		cases = append(cases, the("2.method."+name, "a wrong method is 405/40500", func(t *T) {
			t.check(t.do(c).want(api.CodeWrongMethod).header.Get("Allow") != "", "no Allow header on a 405")
		}))
	}
	return cases
}
