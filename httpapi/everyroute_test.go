package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/internal/strictjson"
)

// unreadable are bodies that no endpoint takes, with the code of each.
var unreadable = map[string]struct {
	body string
	code api.Code
}{
	"no body":             {"", api.CodeUnreadable},
	"blank":               {" \n", api.CodeUnreadable},
	"not JSON":            {"hello", api.CodeUnreadable},
	"cut":                 {`{"jwt":"x`, api.CodeUnreadable},
	"garbage behind it":   {`{} x`, api.CodeUnreadable},
	"two values":          {`{}{}`, api.CodeUnreadable},
	"null and garbage":    {`null x`, api.CodeUnreadable},
	"duplicate name":      {`{"q":1,"q":1}`, api.CodeUnreadable},
	"duplicate name deep": {`{"q":[{"r":1,"r":2}]}`, api.CodeUnreadable},
	"bad UTF-8":           {"{\"q\":\"\xff\"}", api.CodeUnreadable},
	"lone surrogate":      {`{"q":"\ud800"}`, api.CodeUnreadable},
	"too deep":            {`{"q":` + strings.Repeat("[", strictjson.MaxDepth) + strings.Repeat("]", strictjson.MaxDepth) + `}`, api.CodeUnreadable},
	"deep without end":    {strings.Repeat(`{"q":`, 100_000), api.CodeUnreadable},
	"an array":            {`[]`, api.CodeWrongType},
	"a text":              {`"jwt"`, api.CodeWrongType},
	"a number":            {`7`, api.CodeWrongType},
	"null":                {`null`, api.CodeWrongType},
}

// mistyped has, for each route with a body, bodies of a wrong type and the field
// that the error must name.
var mistyped = map[string]map[string]string{
	"identity.register":      {`{"sigPubKey":{},"encPubKey":7}`: "encPubKey", `{"metaPublic":{}}`: "metaPublic", `{"metaPrivate":[]}`: "metaPrivate"},
	"identity.me":            {`{"jwt":7}`: "jwt", `{"jwt":{}}`: "jwt", `{"jwt":[]}`: "jwt", `{"jwt":true}`: "jwt"},
	"identity.sigPubKey":     {`{"sigPubKey":{}}`: "sigPubKey", `{"encPubKey":1}`: "encPubKey"},
	"identity.encPubKey":     {`{"encPubKey":{}}`: "encPubKey"},
	"identity.meta":          {`{"metaPublic":{}}`: "metaPublic", `{"metaPrivate":{}}`: "metaPrivate"},
	"identity.storeRecovery": {`{"jws":{}}`: "jws"},
	"identity.storeData":     {`{"jws":{}}`: "jws"},
	"identity.members":       {`{"members":["x"]}`: "members"},
	"identity.retire":        {`{"jwt":{}}`: "jwt"},
	"messages.send":          {`{"msgs":"x"}`: "msgs", `{"msgs":["x",{}]}`: "msgs/1", `{"wait":"5"}`: "wait", `{"wait":1.5}`: "wait", `{"wait":99999999999999999999}`: "wait"},
	"messages.fetch":         {`{"jwt":{}}`: "jwt"},
	"messages.listen":        {`{"jwt":{}}`: "jwt"},
	"packages.list":          {`{"jwt":{}}`: "jwt"},
	"messages.ack":           {`{"jwt":{}}`: "jwt"},
	"customer.create":        {`{"name":1}`: "name"},
	"customer.update":        {`{"name":1}`: "name", `{"enabled":"yes"}`: "enabled"},
	"application.create":     {`{"name":1}`: "name"},
	"application.update":     {`{"enabled":1}`: "enabled"},
	"key.create":             {`{"name":"a","scopes":"identity"}`: "scopes", `{"rate":{"burst":-1}}`: "rate/burst", `{"expires":5}`: "expires", `{"rate":[]}`: "rate"},
	"key.update":             {`{"scopes":[1]}`: "scopes/0", `{"rate":{"requests":"5"}}`: "rate/requests"},
	"key.rotate":             {`{"overlap":"1"}`: "overlap"},
}

func eachRoute(t *testing.T, d *door, f func(t *testing.T, d *door, r httpapi.Route)) {
	for _, r := range httpapi.Routes() {
		t.Run(r.Name, func(t *testing.T) {
			one := *d
			one.t = t
			f(t, &one, r)
		})
	}
}

func TestEveryRouteAnswersASuccessWithItsCode(t *testing.T) {
	d := open(t, &fakeService{}, false)
	d.service.sent.Code = api.CodeSent
	eachRoute(t, d, func(t *testing.T, d *door, r httpapi.Route) {
		if r.Stream || r.Socket {
			return // stream_test.go, ws_test.go
		}
		body := ""
		if r.MaxBody > 0 {
			body = `{"unknown":[{"fields":"are ignored"}]}`
		}
		d.success(d.ask(r.Method, pathOf(r), everything, body), r)
	})
}

func TestEveryRouteRefusesBadBodies(t *testing.T) {
	d := open(t, &fakeService{}, false)
	eachRoute(t, d, func(t *testing.T, d *door, r httpapi.Route) {
		if r.MaxBody == 0 {
			return
		}
		for name, bad := range unreadable {
			t.Run(name, func(t *testing.T) {
				d.t = t
				d.reply(d.ask(r.Method, pathOf(r), everything, bad.body), bad.code)
			})
		}
		if len(mistyped[r.Name]) == 0 {
			t.Error("no bodies of wrong types in the table")
		}
		for body, field := range mistyped[r.Name] {
			d.t = t
			e := d.reply(d.ask(r.Method, pathOf(r), everything, body), api.CodeWrongType)
			if !strings.HasSuffix(e.Err, "("+field+")") {
				t.Errorf("%s: %q does not name %s", body, e.Err, field)
			}
		}
	})
	if calls := d.service.seen(); len(calls) != 0 {
		t.Errorf("the service was called for unreadable bodies: %v", calls)
	}
}

func TestEveryRouteLeavesMissingFieldsToTheServiceAndShowsItsAnswer(t *testing.T) {
	d := open(t, &fakeService{hook: func(context.Context, call) error { return api.Errorf(api.CodeMissingField, "jwt") }}, false)
	eachRoute(t, d, func(t *testing.T, d *door, r httpapi.Route) {
		if r.MaxBody == 0 {
			return
		}
		e := d.reply(d.ask(r.Method, pathOf(r), everything, `{}`), api.CodeMissingField)
		if !strings.Contains(e.Err, "(jwt)") {
			t.Errorf("%q does not name the field", e.Err)
		}
	})
}

func TestEveryRouteAsksForCredentialsAndScopeBeforeItReadsTheBody(t *testing.T) {
	d := open(t, &fakeService{}, false)
	eachRoute(t, d, func(t *testing.T, d *door, r httpapi.Route) {
		if r.Scope == 0 {
			d.success(d.ask(r.Method, pathOf(r), "", ""), r)
			return
		}
		d.reply(d.ask(r.Method, pathOf(r), "", "no JSON"), api.CodeNoCredentials)
		d.reply(d.ask(r.Method, pathOf(r), "Bearer wrong", "no JSON"), api.CodeBadCredentials)
		for name, bit := range scopeBits {
			if r.Scope&bit != 0 {
				if r.MaxBody > 0 { // it got past the scope, to the body
					d.reply(d.ask(r.Method, pathOf(r), "Bearer "+name, "no JSON"), api.CodeUnreadable)
				}
				continue
			}
			d.reply(d.ask(r.Method, pathOf(r), "Bearer "+name, "no JSON"), api.CodeScope)
		}
	})
}

func TestSeveralCredentialsAreNone(t *testing.T) {
	d := open(t, &fakeService{}, false)
	req, err := http.NewRequestWithContext(t.Context(), "GET", d.server.URL+"/v1/identity/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header["Authorization"] = []string{everything, everything}
	d.reply(d.do(req), api.CodeNoCredentials)
}

func TestEveryRouteRefusesOtherMethodsWithoutCredentials(t *testing.T) {
	d := open(t, &fakeService{}, false)
	methods := map[string][]string{}
	for _, r := range httpapi.Routes() {
		methods[r.Path] = append(methods[r.Path], r.Method)
	}
	eachRoute(t, d, func(t *testing.T, d *door, r httpapi.Route) {
		for _, m := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "INVENTED", "get"} {
			if strings.Contains(strings.Join(methods[r.Path], " "), m) {
				continue
			}
			resp := d.ask(m, pathOf(r), "", "")
			d.reply(resp, api.CodeWrongMethod)
			for _, allowed := range append(methods[r.Path], "OPTIONS") {
				if !strings.Contains(resp.Header.Get("Allow"), allowed) {
					t.Errorf("Allow is %q, without %s", resp.Header.Get("Allow"), allowed)
				}
			}
		}
		d.reply(d.ask(http.MethodOptions, pathOf(r), "", ""), api.CodeOK)
		if strings.Contains(strings.Join(methods[r.Path], " "), "GET") && !r.Stream { // events_test.go has that
			resp := d.ask(http.MethodHead, pathOf(r), everything, "")
			resp.Body.Close()
			want := 200
			if r.Socket { // what opens it must be GET
				want = 400
			}
			if resp.StatusCode != want || resp.ContentLength < 50 {
				t.Errorf("HEAD: %d, length %d", resp.StatusCode, resp.ContentLength)
			}
		}
	})
}

func TestEveryRouteSurvivesPanicsAndHidesInternalErrors(t *testing.T) {
	const private = "the key is under the mat"
	for name, hook := range map[string]func() error{
		"panic":          func() error { panic(private) },
		"panic of error": func() error { panic(errors.New(private)) },
		"plain error":    func() error { return errors.New(private) },
		"internal code":  func() error { return &api.Error{Code: api.CodeInternal, Detail: private, Err: errors.New(private)} },
		"not an error":   func() error { return &api.Error{Code: api.CodeSent, Detail: private} },
	} {
		d := open(t, &fakeService{hook: func(context.Context, call) error { return hook() }}, false)
		t.Run(name, func(t *testing.T) {
			eachRoute(t, d, func(t *testing.T, d *door, r httpapi.Route) {
				if strings.HasPrefix(r.Name, "ops.") || r.Socket {
					return // not the service's; ws_test.go
				}
				resp := d.ask(r.Method, pathOf(r), everything, `{}`)
				e := d.reply(resp, api.CodeInternal)
				if strings.Contains(e.Err, private) {
					t.Errorf("shown to the client: %q", e.Err)
				}
				if log := d.log.String(); !strings.Contains(log, private) || !strings.Contains(log, e.TxnID) {
					t.Error("the cause or its txnID is not in the log")
				}
			})
		})
	}
}
