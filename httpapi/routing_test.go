package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/relay"
)

// rawGet sends a request target as it stands, which http.Client would tidy up.
func (d *door) rawGet(method, target string) *http.Response {
	d.t.Helper()
	conn, err := net.Dial("tcp", d.server.Listener.Addr().String())
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nConnection: close\r\n\r\n", method, target, everything)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp
}

func TestWhatNoEndpointHasIs404AndNeverARedirect(t *testing.T) {
	d := open(t, &fakeService{}, false)
	for _, target := range []string{
		"/", "/v1", "/v1/", "//v1/identity", "/v1//identity", "/v1/identity/", "/v1/identity/me/", "/v1/./identity", "/v1/x/../identity",
		"/v1/%2e%2e/identity", "/v1/identity/..", "/v1/identity/%2E", "/v1/identity%2Fme", "/v1/identity/me%2fretire", "/v1/identity/a%2Fb", "/V1/identity",
		"/v1/Identity/me", "/v1/identity/me/data", "/v1/identity/me/data/", "/v1/identity/" + sampleIdentity + "/data/a/b", "/v1/nothing", "/v2/identity",
		"/ops", "/ops/", "/ops/health/", "/ops/nothing", "/index.html", "/favicon.ico", "/v1/identity/%252e%252e/x",
		"/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z",
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			resp := d.rawGet(method, target)
			if resp.StatusCode != 404 || resp.Header.Get("Location") != "" {
				t.Errorf("%s %s: %d", method, target, resp.StatusCode)
			}
			d.reply(resp, api.CodeNoEndpoint)
		}
	}
	if calls := d.service.seen(); len(calls) != 0 {
		t.Errorf("the service was called: %v", calls)
	}
}

func TestPathParametersAreDecodedOnceAndReachTheService(t *testing.T) {
	d := open(t, &fakeService{}, false)
	for target, want := range map[string]call{
		"/v1/identity/iq1f0Zk3vTz0b9yJ4hQ0s@nix.example.org":         {"PublicIdentity", []string{sampleIdentity}, nil},
		"/v1/identity/iq1f0Zk3vTz0b9yJ4hQ0s%40nix.example.org":       {"PublicIdentity", []string{sampleIdentity}, nil},
		"/v1/identity/iq1f0Zk3vTz0b9yJ4hQ0s==@nix.example.org":       {"PublicIdentity", []string{"iq1f0Zk3vTz0b9yJ4hQ0s==@nix.example.org"}, nil},
		"/v1/identity/iq1f0Zk3vTz0b9yJ4hQ0s%3D%3D":                   {"PublicIdentity", []string{"iq1f0Zk3vTz0b9yJ4hQ0s=="}, nil},
		"/v1/%69dentity/a%2540b":                                     {"PublicIdentity", []string{"a%40b"}, nil},
		"/v1/identity/a+b":                                           {"PublicIdentity", []string{"a+b"}, nil},
		"/v1/identity/" + sampleIdentity + "/recovery":               {"Data", []string{sampleIdentity, "recovery"}, nil},
		"/v1/identity/" + sampleIdentity + "/data/recovery":          {"Data", []string{sampleIdentity, "recovery"}, nil},
		"/v1/identity/" + sampleIdentity + "/data/note_1?x=y":        {"Data", []string{sampleIdentity, "note_1"}, nil},
		"/v1/customer/cX/application?cursor=a%2Bb&limit=7&other=1":   {"Applications", []string{"cX"}, relay.ListQuery{Cursor: "a+b", Limit: 7}},
		"/v1/application/pX/key":                                     {"Keys", []string{"pX"}, relay.ListQuery{}},
		"http://elsewhere.example/v1/key/aX":                         {"Key", []string{"aX"}, nil},
		"/v1/customer?limit=2147483647":                              {"Customers", nil, relay.ListQuery{Limit: 1<<31 - 1}},
		"/v1/customer?cursor=":                                       {"Customers", nil, relay.ListQuery{}},
		"/v1/identity/me%20":                                         {"PublicIdentity", []string{"me "}, nil},
		"/v1/identity/%F0%9F%98%80":                                  {"PublicIdentity", []string{"😀"}, nil},
		"/v1/application/" + "pq1f0Zk3vTz0b9yJ4hQ0s@nix.example.org": {"Application", []string{"pq1f0Zk3vTz0b9yJ4hQ0s@nix.example.org"}, nil},
	} {
		before := len(d.service.seen())
		resp := d.rawGet("GET", target)
		resp.Body.Close()
		calls := d.service.seen()[before:]
		if resp.StatusCode != 200 || len(calls) != 1 || !reflect.DeepEqual(calls[0], want) {
			t.Errorf("%s: %d, %+v; want %+v", target, resp.StatusCode, calls, want)
		}
	}
}

func TestStoredDataIsBoundToThePathThatWasUsed(t *testing.T) {
	d := open(t, &fakeService{}, false)
	for target, args := range map[string][]string{
		"/v1/identity/me/recovery":       {"/v1/identity/me/recovery", "recovery"},
		"/v1/identity/me/data/recovery":  {"/v1/identity/me/data/recovery", "recovery"}, // as the 2019 SDK says it
		"/v1/identity/me/data/note-1?a=": {"/v1/identity/me/data/note-1", "note-1"},
	} {
		before := len(d.service.seen())
		d.reply(d.ask("POST", target, everything, `{"jws":"x.y.z"}`), api.CodeDataStored)
		want := call{"StoreData", args, api.DataRequest{JWS: "x.y.z"}}
		if calls := d.service.seen()[before:]; len(calls) != 1 || !reflect.DeepEqual(calls[0], want) {
			t.Errorf("%s: %+v, want %+v", target, calls, want)
		}
	}
}

func TestBadListQueriesAreRefused(t *testing.T) {
	d := open(t, &fakeService{}, false)
	for _, query := range []string{"limit=0", "limit=-1", "limit=+5", "limit=x", "limit=", "limit=1.5", "limit=2147483648", "limit=99999999999999999999", "limit=1&limit=2", "limit=%zz", "cursor=a;b"} {
		for _, path := range []string{"/v1/customer", "/v1/customer/cX/application", "/v1/application/pX/key"} {
			d.reply(d.rawGet("GET", path+"?"+query), api.CodeBadValue)
		}
	}
}

func TestOptionsNeedsNothing(t *testing.T) {
	d := open(t, &fakeService{}, false, func(o *httpapi.Options) { o.Plain = httpapi.PlainRefused })
	for _, target := range []string{"*", "/v1/messages/send", "/v1/nothing", "/", "//"} {
		d.reply(d.rawGet("OPTIONS", target), api.CodeOK)
	}
}

func TestPlainRequestsAreServedOnlyWhereTheyMayBe(t *testing.T) {
	ask := func(plain httpapi.Plain, local, path string) *http.Response {
		h := httpapi.New(httpapi.Options{Service: &fakeService{}, Ops: fakeOps{}, Plain: plain})
		addr, err := net.ResolveTCPAddr("tcp", local)
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequestWithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(addr)), "GET", path, nil)
		req.Header.Set("Authorization", everything)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		return rec.Result()
	}
	const loop4, loop6, outside, v1 = "127.0.0.1:1", "[::1]:1", "192.0.2.7:1", "/v1/identity/" + sampleIdentity
	for _, row := range []struct {
		plain       httpapi.Plain
		local, path string
		code        api.Code
	}{
		{httpapi.PlainRefused, loop4, v1, api.CodeTLSRequired},
		{httpapi.PlainRefused, loop4, "/v1/nothing", api.CodeTLSRequired},
		{httpapi.PlainRefused, loop4, "/%761/nothing", api.CodeTLSRequired},
		{httpapi.PlainRefused, outside, "/ops/health", api.CodeOK},
		{httpapi.PlainOnLoopback, loop4, v1, api.CodeIdentity},
		{httpapi.PlainOnLoopback, loop6, v1, api.CodeIdentity},
		{httpapi.PlainOnLoopback, outside, v1, api.CodeTLSRequired},
		{httpapi.PlainOnLoopback, outside, "/ops/version", api.CodeOK},
		{httpapi.PlainBehindProxy, outside, v1, api.CodeIdentity},
	} {
		t.Run(fmt.Sprint(row), func(t *testing.T) { readEnvelope(t, ask(row.plain, row.local, row.path), row.code) })
	}
}

func TestWithTLSAndHTTP2AllIsServed(t *testing.T) {
	d := open(t, &fakeService{}, true, func(o *httpapi.Options) { o.Plain = httpapi.PlainRefused })
	resp := d.ask("POST", "/v1/identity/me", everything, `{"jwt":"x"}`)
	if resp.ProtoMajor != 2 {
		t.Errorf("HTTP/%d", resp.ProtoMajor)
	}
	d.reply(resp, api.CodeIdentity)
	d.reply(d.ask("POST", "/v1/identity/me", everything, `{"jwt":7}`), api.CodeWrongType)
	d.reply(d.ask("GET", "/v1/nothing", everything, ""), api.CodeNoEndpoint)
}

func TestTheOpsListenerServesNothingElse(t *testing.T) {
	h := httpapi.New(httpapi.Options{Service: &fakeService{}, Ops: fakeOps{}, Plain: httpapi.PlainBehindProxy}).OpsOnly()
	for _, r := range httpapi.Routes() {
		req := httptest.NewRequestWithContext(t.Context(), r.Method, pathOf(r), nil)
		req.Header.Set("Authorization", everything)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		code := api.CodeNoEndpoint
		if r.Path[:5] == "/ops/" {
			code = r.Code
			if r.Media != "" {
				if rec.Code != code.Status() || rec.Header().Get("Content-Type") != r.Media {
					t.Errorf("%s: %d, %s", r.Name, rec.Code, rec.Header().Get("Content-Type"))
				}
				continue
			}
		}
		readEnvelope(t, rec.Result(), code)
	}
}

func TestOpsTellTheStateAndItsReasons(t *testing.T) {
	d := open(t, &fakeService{}, false, func(o *httpapi.Options) {
		o.Ops = fakeOps{sick: []string{"the store failed"}, unready: []string{"no leader", "draining"}}
	})
	for path, want := range map[string]string{"/ops/health": `{"reasons":["the store failed"]}`, "/ops/ready": `{"reasons":["no leader","draining"]}`} {
		if e := d.reply(d.ask("GET", path, "", ""), api.CodeNotReady); string(e.Body) != want {
			t.Errorf("%s: %s", path, e.Body)
		}
	}
	well := open(t, &fakeService{}, false)
	for path, want := range map[string]string{
		"/ops/health": `{"reasons":[]}`, "/ops/ready": `{"reasons":[]}`,
		"/ops/version": `{"version":"1.2.3","commit":"","built":"","go":"","protocol":"1"}`,
	} {
		if e := well.reply(well.ask("GET", path, "", ""), api.CodeOK); string(e.Body) != want {
			t.Errorf("%s: %s", path, e.Body)
		}
	}
	want := `{"node":"n1","leader":"n1","term":3,"commit":0,"applied":0,"lag":0,"members":[],"streams":0}`
	if e := well.reply(well.ask("GET", "/ops/cluster", "Bearer operator", ""), api.CodeClusterStatus); string(e.Body) != want {
		t.Errorf("cluster: %s", e.Body)
	}
}
