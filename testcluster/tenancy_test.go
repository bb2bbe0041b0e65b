package testcluster_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/testcluster"
)

// newKey makes a key of an application and gives its Authorization header.
func (d *door) newKey(t *testing.T, app string, r api.KeyRequest) (auth string, k client.KeyCredentials) {
	t.Helper()
	r.Name = "of a test"
	made, err := d.c.ClientWith(d.c.Operator(), d.c.Nodes()...).CreateKey(deadline(t), app, r)
	if err != nil {
		t.Fatal(err)
	}
	d.keep(made.Secret)
	k = client.KeyCredentials{ID: made.Address, Secret: made.Secret}
	return basic(k), k
}

// tenantRoutes are those of section 9 that name a customer, application or key.
func tenantRoutes() []httpapi.Route {
	var out []httpapi.Route
	for _, r := range httpapi.Routes() {
		for _, param := range []string{":cust", ":app", ":key"} {
			if strings.Contains(r.Path, param) {
				out = append(out, r)
			}
		}
	}
	return out
}

// What belongs to another customer is, to an admin, as if it were not: the answer
// is to the letter that for an address which nobody has.
func TestAnAdminCannotTellAnotherCustomersThingsFromNothing(t *testing.T) {
	d := openDoor(t, 1)
	m, own, other := d.c.Node(0), d.c.Tenant(), d.c.NewTenant("other")
	d.keep(other.Key.Secret)
	admin, _ := d.newKey(t, own.Application, api.KeyRequest{Scopes: []string{"admin", "event"}})
	operator, err := d.c.ClientWith(d.c.Operator(), m).APIKey(deadline(t), d.c.Operator().ID)
	if err != nil {
		t.Fatal(err)
	}
	nothing := map[string]string{":cust": "cAAAAAAAAAAAAAAAAAAAA", ":app": "pAAAAAAAAAAAAAAAAAAAA", ":key": "aAAAAAAAAAAAAAAAAAAAA"}
	for whose, params := range map[string]map[string]string{
		"another customer's": {":cust": other.Customer, ":app": other.Application, ":key": other.Key.ID},
		"the operators'":     {":cust": operator.Customer, ":app": operator.Application, ":key": operator.Address},
	} {
		for _, r := range tenantRoutes() {
			const body = `{"name":"mine now","enabled":false}`
			got := d.text(t, m, r.Method, pathOf(r, params), admin, body)
			got.want(t, whose+" "+r.Name, api.CodeNoTenant)
			none := d.text(t, m, r.Method, pathOf(r, nothing), admin, body)
			if got.code != none.code || got.env["err"] != none.env["err"] {
				t.Errorf("%s %s: %v, and for nothing at all %v", whose, r.Name, got.env, none.env)
			}
		}
	}
	// Nothing of it happened, and its own it may change.
	d.text(t, m, "GET", "/v1/identity/iAAAAAAAAAAAAAAAAAAAA", basic(other.Key), "").want(t, "the other's key", api.CodeNoIdentity)
	mine := map[string]string{":cust": own.Customer, ":app": own.Application, ":key": own.Key.ID}
	for _, r := range tenantRoutes() {
		if r.Stream || r.Name == "key.delete" {
			continue
		}
		d.text(t, m, r.Method, pathOf(r, mine), admin, `{"name":"renamed"}`).want(t, r.Name, r.Code)
	}
	d.wantNothingPrivateInTheLog(t)
}

// An admin stays within its customer and cannot make itself an operator.
func TestAnAdminCannotRise(t *testing.T) {
	d := openDoor(t, 1)
	m, app := d.c.Node(0), d.c.Tenant().Application
	admin, key := d.newKey(t, app, api.KeyRequest{Scopes: []string{"admin"}})
	_, operatorKey := d.newKey(t, app, api.KeyRequest{Scopes: []string{"operator"}}) // an operator made it here
	for _, try := range []struct{ method, path, body string }{
		{"GET", "/v1/customer", ""},
		{"POST", "/v1/customer", `{"name":"mine"}`},
		{"GET", "/ops/cluster", ""},
		{"POST", "/v1/application/" + app + "/key", `{"name":"mine","scopes":["operator"]}`},
		{"POST", "/v1/application/" + app + "/key", `{"name":"mine","scopes":["admin","operator"]}`},
		{"PATCH", "/v1/key/" + key.ID, `{"scopes":["admin","operator"]}`},
		{"PATCH", "/v1/key/" + operatorKey.ID, `{"scopes":["admin"]}`},
		{"POST", "/v1/key/" + operatorKey.ID + "/rotate", `{}`},
		{"DELETE", "/v1/key/" + operatorKey.ID, ""},
	} {
		d.text(t, m, try.method, try.path, admin, try.body).want(t, try.method+" "+try.path+" "+try.body, api.CodeScope)
	}
	d.text(t, m, "GET", "/v1/customer", basic(operatorKey), "").want(t, "the operator's key", api.CodeCustomers)
}

// A secret is in the answer that makes it, and in none after it.
func TestASecretIsShownOnce(t *testing.T) {
	d := openDoor(t, 1)
	m, app, auth := d.c.Node(0), d.c.Tenant().Application, basic(d.c.Operator())
	made := d.text(t, m, "POST", "/v1/application/"+app+"/key", auth, `{"name":"x"}`).body(t)
	key := made["address"].(string)
	rotated := d.text(t, m, "POST", "/v1/key/"+key+"/rotate", auth, `{"overlap":60}`).body(t)
	first, second := made["secret"].(string), rotated["secret"].(string)
	if len(first) != 44 || len(second) != 44 || first == second || rotated["oldValidUntil"] == nil {
		t.Fatalf("made %v, rotated %v", made, rotated)
	}
	for _, path := range []string{"/v1/key/" + key, "/v1/application/" + app + "/key"} {
		got := d.text(t, m, "GET", path, auth, "")
		if text := string(toJSON(t, got.env)); strings.Contains(text, "secret") || strings.Contains(text, first) || strings.Contains(text, second) {
			t.Errorf("GET %s shows a secret: %s", path, text)
		}
	}
	if got := d.text(t, m, "PATCH", "/v1/key/"+key, auth, `{"name":"y"}`).body(t); got["secret"] != nil || got["name"] != "y" {
		t.Errorf("PATCH: %v", got)
	}
	d.keep(first, second)
	d.wantNothingPrivateInTheLog(t)
}

// What was given, taken or rotated on one node holds for the next request on any
// other one; and times end when the clock says so.
func TestKeysChangeForTheNextRequestOnAnyNode(t *testing.T) {
	var ahead atomic.Int64
	d := openDoor(t, 3, testcluster.Clock(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }))
	node := func(i int) *testcluster.Node { return d.c.Node(i % 3) }
	app, operator := d.c.Tenant().Application, basic(d.c.Operator())
	for i := range rounds(t) {
		auth, k := d.newKey(t, app, api.KeyRequest{Scopes: []string{"identity"}})
		patch := func(m *testcluster.Node, body string) {
			t.Helper()
			d.text(t, m, "PATCH", "/v1/key/"+k.ID, operator, body).want(t, body, api.CodeKeyUpdated)
		}
		list := func(m *testcluster.Node, auth, what string, code api.Code) {
			t.Helper()
			d.text(t, m, "GET", "/v1/application/"+app+"/key?limit=1", auth, "").want(t, what, code)
		}
		list(node(i), auth, "without the scope", api.CodeScope)
		patch(node(i), `{"scopes":["admin"]}`)
		list(node(i+1), auth, "with the scope", api.CodeKeys)
		list(node(i+2), auth, "with the scope", api.CodeKeys)
		patch(node(i+1), `{"scopes":["message"]}`)
		list(node(i), auth, "the scope was taken", api.CodeScope)
		d.text(t, node(i+2), "POST", "/v1/messages/send", auth, `{"msgs":[]}`).want(t, "with the new scope", api.CodeSent)
		patch(node(i), `{"enabled":false}`)
		for _, n := range []int{i + 1, i + 2} {
			d.text(t, node(n), "POST", "/v1/messages/send", auth, `{"msgs":[]}`).want(t, "disabled, nothing sent", api.CodeKeyDisabled)
			d.text(t, node(n), "POST", "/v1/messages/send", auth, `{"msgs":["x"]}`).want(t, "disabled, nonsense sent", api.CodeKeyDisabled)
			list(node(n), auth, "disabled", api.CodeKeyDisabled)
		}
		patch(node(i+2), `{"enabled":true,"scopes":["admin"]}`)
		list(node(i), auth, "enabled again", api.CodeKeys)
		rotated := d.text(t, node(i), "POST", "/v1/key/"+k.ID+"/rotate", operator, `{"overlap":0}`).body(t)
		newAuth := basic(client.KeyCredentials{ID: k.ID, Secret: rotated["secret"].(string)})
		list(node(i+1), auth, "the old secret", api.CodeBadCredentials)
		list(node(i+2), newAuth, "the new secret", api.CodeKeys)
	}

	auth, k := d.newKey(t, app, api.KeyRequest{Scopes: []string{"admin"}})
	rotated := d.text(t, node(0), "POST", "/v1/key/"+k.ID+"/rotate", operator, `{"overlap":60}`).body(t)
	newAuth := basic(client.KeyCredentials{ID: k.ID, Secret: rotated["secret"].(string)})
	expiring, _ := d.newKey(t, app, api.KeyRequest{Scopes: []string{"admin"}, Expires: fmt.Sprint(time.Now().Unix() + 60)})
	show := func(auth, what string, code api.Code) {
		t.Helper()
		for _, m := range d.c.Nodes() {
			d.text(t, m, "GET", "/v1/application/"+app, auth, "").want(t, what+" on "+m.ID(), code)
		}
	}
	show(auth, "within the overlap", api.CodeApp)
	show(newAuth, "within the overlap", api.CodeApp)
	show(expiring, "before it expires", api.CodeApp)
	ahead.Store(int64(61 * time.Second))
	show(auth, "after the overlap", api.CodeBadCredentials)
	show(newAuth, "after the overlap", api.CodeApp)
	show(expiring, "once it has expired", api.CodeKeyExpired)
}

// spoilt gives a cursor altered in each of its characters, cut and lengthened.
func spoilt(cursor string) []string {
	out := []string{cursor[:len(cursor)-1], cursor[:len(cursor)/2], cursor + "A", cursor + "=", "x", strings.Repeat("A", len(cursor))}
	for i := range cursor {
		c := byte('A')
		if cursor[i] == c {
			c = 'Q'
		}
		out = append(out, cursor[:i]+string(c)+cursor[i+1:])
	}
	return out
}

// A cursor is good for the list that gave it, as it was given (40005).
func TestACursorOfAnotherListIsRefused(t *testing.T) {
	d := openDoor(t, 1)
	m, auth := d.c.Node(0), basic(d.c.Operator())
	own, other := d.c.Tenant(), d.c.NewTenant("other")
	for _, tenant := range []testcluster.Tenant{own, other} {
		d.text(t, m, "POST", "/v1/customer/"+tenant.Customer+"/application", auth, `{"name":"a second"}`).want(t, "make", api.CodeAppCreated)
		d.newKey(t, tenant.Application, api.KeyRequest{})
	}
	lists := map[string]string{
		"customers":            "/v1/customer",
		"applications":         "/v1/customer/" + own.Customer + "/application",
		"another customer's":   "/v1/customer/" + other.Customer + "/application",
		"keys":                 "/v1/application/" + own.Application + "/key",
		"another customer's k": "/v1/application/" + other.Application + "/key",
	}
	cursors := map[string]string{}
	for name, path := range lists {
		first := d.text(t, m, "GET", path+"?limit=1", auth, "")
		if first.env["continue"] != true || first.env["last"] == "" {
			t.Fatalf("%s: %v", name, first.env)
		}
		cursors[name] = first.env["last"].(string)
	}
	for name, path := range lists {
		for of, cursor := range cursors {
			want := api.CodeBadCursor
			if of == name {
				want = map[bool]api.Code{true: api.CodeCustomers, false: api.CodeApps}[name == "customers"]
				if strings.HasSuffix(path, "/key") {
					want = api.CodeKeys
				}
			}
			d.text(t, m, "GET", path+"?limit=1&cursor="+cursor, auth, "").want(t, name+" with the cursor of "+of, want)
		}
		for _, bad := range spoilt(cursors[name]) {
			d.text(t, m, "GET", path+"?cursor="+bad, auth, "").want(t, name+" with "+bad, api.CodeBadCursor)
		}
	}
}

func TestACursorOfAnotherMailboxIsRefused(t *testing.T) {
	d := openDoor(t, 1)
	m, auth := d.c.Node(0), basic(d.c.Tenant().Key)
	alice, bob := newOldSDK(t), newOldSDK(t)
	for _, o := range []*oldSDK{alice, bob} {
		o.register(t, m, d.c.Tenant().Key, "user")
	}
	for _, to := range []*oldSDK{alice, bob} {
		for i := range 3 {
			p := messages(alice, to)
			d.json(t, m, "POST", p.path, auth, p.body(p.letter(t, nil, map[string]any{"id": fmt.Sprint(i)}))).want(t, "send", api.CodeSent)
		}
	}
	fetch := func(o *oldSDK, claims map[string]any) reply {
		t.Helper()
		return d.json(t, m, "POST", "/v1/messages/fetch", auth, map[string]any{"jwt": o.place(t, "/v1/messages/fetch#jwt", o.claims(claims))})
	}
	first := fetch(alice, map[string]any{"limit": 1})
	cursor, _ := first.env["last"].(string)
	if first.env["continue"] != true || cursor == "" {
		t.Fatalf("%v", first.env)
	}
	if rest := fetch(alice, map[string]any{"cursor": cursor}); len(rest.env["body"].([]any)) != 2 {
		t.Errorf("the rest: %v", rest.env)
	}
	fetch(bob, map[string]any{"cursor": cursor}).want(t, "another mailbox", api.CodeBadCursor)
	fetch(alice, map[string]any{"cursor": cursor, "order": "ASC"}).want(t, "another order", api.CodeBadCursor)
	fetch(alice, map[string]any{"cursor": cursor, "type": "s"}).want(t, "another filter", api.CodeBadCursor)
	for _, bad := range spoilt(cursor) {
		fetch(alice, map[string]any{"cursor": bad}).want(t, bad, api.CodeBadCursor)
	}
	for claim, values := range map[string][]any{
		"min": {"x", "-1", "01", 1.5, -1, []string{}, strings.Repeat("9", 30)}, "max": {"", "+1", true}, "order": {"asc", "", 7}, "limit": {0, -1, 1.5, "10"},
		"type": {"x", "", []string{"s", "x"}, 7}, "kid": {"", 7, strings.Repeat("x", 257)}, "cursor": {7},
	} {
		for _, v := range values {
			fetch(alice, map[string]any{claim: v}).want(t, fmt.Sprintf("%s %v", claim, v), api.CodeBadValue)
		}
	}
	fetch(alice, map[string]any{"src": "bob"}).want(t, "src", api.CodeBadAddress)
	fetch(alice, map[string]any{"src": bob.local + "@elsewhere.org"}).want(t, "src", api.CodeOtherDomain)
	if all := fetch(alice, map[string]any{"limit": 5000, "min": json.Number("1")}); len(all.env["body"].([]any)) != 3 {
		t.Errorf("a limit that is cut: %v", all.env)
	}
	ack := func(claims map[string]any) reply {
		t.Helper()
		return d.json(t, m, "POST", "/v1/messages/ack", auth, map[string]any{"jwt": alice.place(t, "/v1/messages/ack#jwt", alice.claims(claims))})
	}
	ack(nil).want(t, "ack of nothing", api.CodeMissingField)
	for _, bad := range []map[string]any{{"upTo": "x"}, {"upTo": 1.5}, {"ts": "1"}, {"ts": []any{"x"}}, {"ts": []any{nil}}, {"upTo": "1", "ts": []any{"1"}}} {
		ack(bad).want(t, fmt.Sprint(bad), api.CodeBadValue)
	}
}
