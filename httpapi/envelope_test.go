package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/relay"
)

func TestEachErrorCodeIsShownWithItsStatusAndText(t *testing.T) {
	var code api.Code
	d := open(t, &fakeService{hook: func(context.Context, call) error {
		return errors.Join(errors.New("around it"), &api.Error{Code: code, Detail: "msgs/3", Err: errors.New("the cause")})
	}}, false)
	for _, row := range api.Codes() {
		code = row.Code
		resp := d.ask("POST", "/v1/identity/me", everything, `{}`)
		if code.Success() || code == api.CodeInternal {
			d.reply(resp, api.CodeInternal)
			continue
		}
		e := d.reply(resp, code)
		if e.Err != row.Text+" (msgs/3)" {
			t.Errorf("%d: %q", code, e.Err)
		}
	}
}

func TestAPageHasItsCursorsAndAnEmptyOneAnArray(t *testing.T) {
	d := open(t, &fakeService{}, false)
	const fetch, body = "/v1/messages/fetch", `{"jwt":"x"}`
	d.service.page = relay.Page{Lines: []api.StreamLine{{TS: "5", Msg: "a<b>&c"}}, First: "f", Last: "l", More: true}
	e := d.reply(d.ask("POST", fetch, everything, body), api.CodeMessages)
	if e.First != "f" || e.Last != "l" || !e.Continue || string(e.Body) != `[{"ts":"5","msg":"a<b>&c"}]` {
		t.Errorf("%+v", e)
	}
	d.service.page = relay.Page{}
	for path, ask := range map[string]struct {
		method, body string
		code         api.Code
	}{
		fetch:                         {"POST", body, api.CodeMessages},
		"/v1/customer":                {"GET", "", api.CodeCustomers},
		"/v1/customer/cX/application": {"GET", "", api.CodeApps},
		"/v1/application/pX/key":      {"GET", "", api.CodeKeys},
	} {
		e := d.reply(d.ask(ask.method, path, everything, ask.body), ask.code)
		if string(e.Body) != "[]" || e.Continue {
			t.Errorf("%s: body %s, continue %v", path, e.Body, e.Continue)
		}
	}
	d.service.people = relay.List[api.Customer]{Items: []api.Customer{{Address: "c", Name: "n"}}, Last: "x", More: true}
	if e := d.reply(d.ask("GET", "/v1/customer", everything, ""), api.CodeCustomers); e.Last != "x" || !e.Continue {
		t.Errorf("%+v", e)
	}
}

func TestASendOfWhichNothingWasAcceptedSaysSoWithItsResults(t *testing.T) {
	d := open(t, &fakeService{}, false)
	results := []api.MessageResult{{Status: 429, Code: api.CodeMailboxFull, ID: "1"}}
	for _, code := range []api.Code{api.CodeSent, api.CodeMailboxFull, api.CodeUnknownOutcome, api.CodeBadSignature} {
		d.service.sent = relay.SendAnswer{Code: code, Results: results}
		e := d.reply(d.ask("POST", "/v1/messages/send", everything, `{"msgs":["x"]}`), code)
		if string(e.Body) != `[{"status":429,"code":42901,"id":"1"}]` {
			t.Errorf("%d: body %s", code, e.Body)
		}
	}
	d.service.sent = relay.SendAnswer{Code: api.CodeSent}
	if e := d.reply(d.ask("POST", "/v1/messages/send", everything, `{"msgs":[]}`), api.CodeSent); string(e.Body) != "[]" {
		t.Errorf("an empty send: body %s", e.Body)
	}
}

func TestTxnIDsDifferEvenWhenTheClockStandsOrGoesBack(t *testing.T) {
	times := []int64{1_700_000_000_000_000_000, 1_700_000_000_000_000_000, 1_600_000_000_000_000_000}
	var mu sync.Mutex
	n := 0
	h := httpapi.New(httpapi.Options{Service: &fakeService{}, Ops: fakeOps{}, Rand: zeros{}, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		n++
		return time.Unix(0, times[n%len(times)])
	}})
	ids := map[string]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				rec := httptest.NewRecorder()
				h.ServeHTTP(rec, httptest.NewRequest("GET", "/ops/version", nil))
				_, id := readEnvelope(t, rec.Result(), api.CodeOK)
				mu.Lock()
				ids[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(ids) != 400 {
		t.Errorf("%d different ids of 400", len(ids))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestTheRandomPartOfATxnIDHas31Bits(t *testing.T) {
	h := httpapi.New(httpapi.Options{Ops: fakeOps{}, Rand: bytes.NewReader([]byte{0xff, 0xff, 0xff, 0xff}), Now: func() time.Time { return time.Unix(1_700_000_000, 5) }})
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/ops/version", nil))
	if _, id := readEnvelope(t, rec.Result(), api.CodeOK); id != "1700000000000000005-"+strconv.Itoa(1<<31-1) {
		t.Error(id)
	}
}

func TestTheAllowedOriginIsConfigurable(t *testing.T) {
	h := httpapi.New(httpapi.Options{Ops: fakeOps{}, AllowOrigin: "https://console.example"})
	for _, path := range []string{"/ops/version", "/nothing"} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		if got := rec.Header().Get("Access-Control-Allow-Origin"); got != "https://console.example" {
			t.Errorf("%s: %q", path, got)
		}
	}
}

func TestARequestHasOneLogLineAndNothingPrivateInIt(t *testing.T) {
	d := open(t, &fakeService{}, false)
	e := d.reply(d.ask("POST", "/v1/identity/me/data/hiddenname?q=hiddenquery", everything, `{"jws":"hiddentoken"}`), api.CodeDataStored)
	eventually.True(t, 5*time.Second, func() bool { return len(d.log.lines(t, "request")) == 1 }, "one line")
	line := d.log.lines(t, "request")[0]
	for name, want := range map[string]any{
		"txnID": e.TxnID, "method": "POST", "route": "identity.storeData", "code": float64(api.CodeDataStored), "status": float64(200), "key": testKey, "level": "INFO",
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
	for _, name := range []string{"took", "bytes"} {
		if n, _ := line[name].(float64); n <= 0 {
			t.Errorf("%s is %v", name, line[name])
		}
	}
	for _, private := range []string{"hidden", "identity+message", "Bearer"} {
		if strings.Contains(d.log.String(), private) {
			t.Errorf("%q is in the log", private)
		}
	}
}

func TestAClientThatLeavesIsNoError(t *testing.T) {
	entered := make(chan struct{})
	d := open(t, &fakeService{hook: func(ctx context.Context, _ call) error {
		close(entered)
		<-ctx.Done()
		return &api.Error{Code: api.CodeUnknownOutcome, Err: ctx.Err()}
	}}, false)
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", d.server.URL+"/v1/identity/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", everything)
	go func() { <-entered; leave() }()
	if resp, err := d.server.Client().Do(req); err == nil {
		resp.Body.Close()
		t.Fatal("answered")
	}
	eventually.True(t, 5*time.Second, func() bool { return len(d.log.lines(t, "request")) == 1 }, "the request ends")
	if line := d.log.lines(t, "request")[0]; line["level"] != "DEBUG" || line["code"] != float64(0) {
		t.Errorf("%v", line)
	}
	if strings.Contains(d.log.String(), "ERROR") {
		t.Error("logged as an error")
	}
}

func TestTooManyRequestsAtOnceAreTurnedAway(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	service := &fakeService{hook: func(ctx context.Context, c call) error {
		if c.method == "Me" {
			close(entered)
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return nil
	}}
	d := open(t, service, false, func(o *httpapi.Options) { o.Limits.InFlight = 1 })
	// An open stream does not count.
	stream := d.ask("POST", "/v1/messages/listen", everything, `{}`)
	defer stream.Body.Close()
	var wg sync.WaitGroup
	wg.Go(func() { d.ask("POST", "/v1/identity/me", everything, `{}`).Body.Close() })
	<-entered
	d.reply(d.ask("GET", "/v1/identity/x", everything, ""), api.CodeOverloaded)
	d.reply(d.ask("GET", "/ops/ready", "", ""), api.CodeOK)
	close(release)
	wg.Wait()
	eventually.True(t, 5*time.Second, func() bool {
		resp := d.ask("GET", "/v1/identity/x", everything, "")
		resp.Body.Close()
		return resp.StatusCode == 200
	}, "the place is free again")
}

// Few requests with large bodies are as many as many with small ones. What a stream
// was opened with does not count once it is open.
func TestTooManyBytesAtOnceAreTurnedAway(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	service := &fakeService{hook: func(ctx context.Context, c call) error {
		if c.method == "Me" {
			close(entered)
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return nil
	}}
	const room = 10_000
	d := open(t, service, false, func(o *httpapi.Options) { o.Limits.Bodies = room })
	body := func(n int) string { return `{"q":"` + strings.Repeat("x", n) + `"}` }
	stream := d.ask("POST", "/v1/messages/listen", everything, body(room/2))
	defer stream.Body.Close()
	var wg sync.WaitGroup
	wg.Go(func() { d.ask("POST", "/v1/identity/me", everything, body(room-1000)).Body.Close() })
	select {
	case <-entered:
	case <-time.After(5 * time.Second):
		t.Fatal("there was room, and the request was not let in")
	}
	d.reply(d.ask("POST", "/v1/identity/me/meta", everything, body(2000)), api.CodeOverloaded)
	d.reply(d.ask("POST", "/v1/identity/me/meta", everything, body(500)), api.CodeMetaUpdated)
	close(release)
	wg.Wait()
	eventually.True(t, 5*time.Second, func() bool {
		resp := d.ask("POST", "/v1/identity/me/meta", everything, body(room-1000))
		resp.Body.Close()
		return resp.StatusCode == 200
	}, "the room is not given back")
}
