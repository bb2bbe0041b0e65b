package testcluster_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/testcluster"
)

// things are the addresses of what is there, by the parameter that names them.
func (d *door) things(t *testing.T) map[string]string {
	t.Helper()
	tenant := d.c.Tenant()
	id := d.c.Register(d.c.Client(), "user")
	return map[string]string{
		":id": id.Address().Local() + "@" + testcluster.Domain, ":name": "notes",
		":cust": tenant.Customer, ":app": tenant.Application, ":key": tenant.Key.ID,
	}
}

// unreadable are bodies that no endpoint takes (section 2).
var unreadable = map[string]struct {
	body string
	code api.Code
}{
	"nothing":               {"", api.CodeUnreadable},
	"not JSON":              {"jwt=x", api.CodeUnreadable},
	"cut":                   {`{"jwt":"x"`, api.CodeUnreadable},
	"trailing garbage":      {`{"jwt":"x"}]`, api.CodeUnreadable},
	"two values":            {`{"jwt":"x"}{"jwt":"x"}`, api.CodeUnreadable},
	"byte order mark":       {"\ufeff{}", api.CodeUnreadable},
	"comment":               {`{/* */}`, api.CodeUnreadable},
	"trailing comma":        {`{"jwt":"x",}`, api.CodeUnreadable},
	"single quotes":         {`{'jwt':'x'}`, api.CodeUnreadable},
	"NaN":                   {`{"q":NaN}`, api.CodeUnreadable},
	"leading zero":          {`{"q":01}`, api.CodeUnreadable},
	"a control character":   {"{\"q\":\"\x00\"}", api.CodeUnreadable},
	"same name twice":       {`{"jwt":"x","jwt":"x"}`, api.CodeUnreadable},
	"same name escaped":     {`{"jwt":"x","jw\u0074":"x"}`, api.CodeUnreadable},
	"same name twice below": {`{"q":{"a":1,"a":1}}`, api.CodeUnreadable},
	"bad UTF-8":             {"{\"q\":\"\xc3\x28\"}", api.CodeUnreadable},
	"bad UTF-8 in a name":   {"{\"\xff\":1}", api.CodeUnreadable},
	"overlong UTF-8":        {"{\"q\":\"\xc0\xaf\"}", api.CodeUnreadable},
	"half a surrogate pair": {`{"q":"\udead"}`, api.CodeUnreadable},
	"33 levels":             {strings.Repeat(`{"q":`, 33) + "1" + strings.Repeat("}", 33), api.CodeUnreadable},
	"a million levels":      {strings.Repeat("[", 1_000_000), api.CodeUnreadable},
	"an array":              {`[{"jwt":"x"}]`, api.CodeWrongType},
	"a text":                {`"{}"`, api.CodeWrongType},
	"null":                  {"null", api.CodeWrongType},
	"true":                  {"true", api.CodeWrongType},
}

// required are the fields without which an endpoint cannot do its work.
var required = map[string][]string{
	"identity.register": {"encPubKey", "metaPublic", "metaPrivate"}, "identity.me": {"jwt"}, "identity.sigPubKey": {"sigPubKey", "encPubKey"},
	"identity.encPubKey": {"encPubKey"}, "identity.storeRecovery": {"jws"}, "identity.storeData": {"jws"}, "identity.members": {"members"},
	"identity.retire": {"jwt"}, "messages.send": {"msgs"}, "messages.fetch": {"jwt"}, "messages.listen": {"jwt"}, "messages.ack": {"jwt"},
	"customer.create": {"name"}, "application.create": {"name"}, "key.create": {"name"}, "packages.list": {"jwt"},
}

// optional are those that it can do without, each with values of a wrong type.
var optional = map[string]map[string][]string{
	"identity.meta":      {"metaPublic": {"7", "{}"}, "metaPrivate": {"7", "[]"}},
	"messages.send":      {"wait": {`"5"`, "1.5", "1e99", "{}"}},
	"customer.update":    {"name": {"7"}, "enabled": {`"true"`, "1"}},
	"application.update": {"name": {"[]"}, "enabled": {`"true"`, "0"}},
	"key.create":         {"scopes": {`"message"`, "[7]"}, "expires": {"7"}, "rate": {"7", `{"requests":-1}`, `{"burst":"7"}`, `{"messages":1.5}`}},
	"key.update":         {"name": {"7"}, "enabled": {`""`}, "scopes": {"{}"}, "expires": {"7"}, "rate": {"[]"}},
	"key.rotate":         {"overlap": {`"7"`, "1.5"}},
}

func TestEveryEndpointRefusesBadInputAndSaysWhy(t *testing.T) {
	d := openDoor(t, 1)
	m, params, auth := d.c.Node(0), d.things(t), basic(d.c.Operator())
	for _, r := range httpapi.Routes() {
		if !strings.HasPrefix(r.Path, "/v1/") {
			continue
		}
		path := pathOf(r, params)
		t.Run(r.Name, func(t *testing.T) {
			d.refusesOthers(t, m, r, path)
			if r.MaxBody == 0 {
				return
			}
			for name, bad := range unreadable {
				d.text(t, m, r.Method, path, auth, bad.body).want(t, name, bad.code)
			}
			d.refusesHugeBodies(t, m, r, path, auth)
			if required[r.Name] == nil && optional[r.Name] == nil {
				t.Errorf("the tables say nothing of the body of %s", r.Name)
			}
			d.refusesBadFields(t, m, r, path, auth)
		})
	}
	d.wantNothingPrivateInTheLog(t)
}

// refusesOthers tries what needs no good body: methods, credentials, other paths.
func (d *door) refusesOthers(t *testing.T, m *testcluster.Node, r httpapi.Route, path string) {
	t.Helper()
	d.text(t, m, r.Method, path, "", "{}").want(t, "without credentials", api.CodeNoCredentials)
	d.text(t, m, http.MethodPut, path, "", "").want(t, "PUT", api.CodeWrongMethod)
	d.text(t, m, "PROPFIND", path, "", "").want(t, "PROPFIND", api.CodeWrongMethod)
	d.text(t, m, http.MethodOptions, path, "", "").want(t, "OPTIONS", api.CodeOK)
	for _, other := range []string{path + "/", path + "/nothing/here", "/v1/" + path, "/v2" + strings.TrimPrefix(path, "/v1"), strings.Replace(path, "/v1/", "/v1/./", 1), strings.Replace(path, "/v1/", "/V1/", 1)} {
		d.text(t, m, r.Method, other, "", "").want(t, other, api.CodeNoEndpoint)
	}
}

// spaces gives n bytes that could be the beginning of JSON.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func (d *door) refusesHugeBodies(t *testing.T, m *testcluster.Node, r httpapi.Route, path, auth string) {
	t.Helper()
	for _, announced := range []int64{api.MaxBody + 1, 1 << 40, -1} {
		req, err := http.NewRequestWithContext(deadline(t), r.Method, m.URL()+path, io.LimitReader(spaces{}, max(announced, api.MaxBody+1)))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = announced // -1: in chunks, without a word of their sum
		req.Header.Set("Authorization", auth)
		d.do(t, req).want(t, fmt.Sprintf("%d bytes", announced), api.CodeBodyTooLarge)
	}
	req, err := http.NewRequestWithContext(deadline(t), r.Method, m.URL()+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", auth)
	req.Header.Set("Content-Encoding", "gzip")
	d.do(t, req).want(t, "compressed", api.CodeUnreadable)
}

func (d *door) refusesBadFields(t *testing.T, m *testcluster.Node, r httpapi.Route, path, auth string) {
	t.Helper()
	try := func(body string, want api.Code) {
		t.Helper()
		d.text(t, m, r.Method, path, auth, body).want(t, body, want)
	}
	// good gives a body in which one field is as said, and what comes before it in
	// the order of checking is right.
	key := newOldSDK(t)
	good := func(field, value string) string {
		if r.Name != "identity.register" {
			return fmt.Sprintf(`{%q:%s}`, field, value)
		}
		return fmt.Sprintf(`{"sigPubKey":%s,%q:%s}`, toJSON(t, key.jwk("sig")), field, value)
	}
	for i, field := range required[r.Name] {
		if i == 0 { // a later one is only missed once those before it are right
			try(good("unknown", `{"is":"ignored"}`), api.CodeMissingField)
			for _, empty := range []string{"null", `""`} {
				if field != "msgs" {
					try(good(field, empty), api.CodeMissingField)
				}
			}
		}
		for _, wrong := range []string{"7", "true", "{}", `[{}]`} {
			try(good(field, wrong), api.CodeWrongType)
		}
	}
	for field, values := range optional[r.Name] {
		for _, wrong := range values {
			try(good(field, wrong), api.CodeWrongType)
		}
	}
}

// Values of the right type that make no sense.
func TestBadValuesAreToldApart(t *testing.T) {
	d := openDoor(t, 1)
	m, params, auth := d.c.Node(0), d.things(t), basic(d.c.Operator())
	long := strings.Repeat("n", 201)
	const maxOverlap = 7 * 24 * 3600
	for _, row := range []struct {
		method, path, body string
		want               api.Code
	}{
		{"POST", "/v1/messages/send", `{"msgs":null}`, api.CodeMissingField},
		{"POST", "/v1/messages/send", `{"msgs":[],"wait":61}`, api.CodeBadValue},
		{"POST", "/v1/messages/send", `{"msgs":[],"wait":-1}`, api.CodeBadValue},
		{"POST", "/v1/messages/send", `{"msgs":[` + strings.Repeat(`"",`, 256) + `""]}`, api.CodeTooManyMessages},
		{"POST", "/v1/messages/send", `{"msgs":[]}`, api.CodeSent},
		{"POST", "/v1/identity", `{"sigPubKey":null}`, api.CodeMissingField},
		{"POST", "/v1/identity", `{"sigPubKey":7}`, api.CodeBadKey},
		{"POST", "/v1/identity", `{"sigPubKey":"x"}`, api.CodeBadKey},
		{"POST", "/v1/identity", `{"sigPubKey":{}}`, api.CodeBadKey},
		{"POST", "/v1/identity/me/meta", `{}`, api.CodeMissingField},
		{"POST", "/v1/identity/me/data/no!", `{}`, api.CodeBadValue},
		{"POST", "/v1/identity/me/data/" + strings.Repeat("n", 65), `{}`, api.CodeBadValue},
		{"GET", "/v1/identity/:id/data/no!", "", api.CodeBadValue},
		{"GET", "/v1/identity/:id/data/notes", "", api.CodeNoData},
		{"GET", "/v1/identity/:id/recovery", "", api.CodeNoData},
		{"POST", "/v1/customer", `{"name":"` + long + `"}`, api.CodeBadValue},
		{"PATCH", "/v1/customer/:cust", `{"name":""}`, api.CodeBadValue},
		{"PATCH", "/v1/application/:app", `{"name":"` + long + `"}`, api.CodeBadValue},
		{"POST", "/v1/application/:app/key", `{"name":"x","scopes":[]}`, api.CodeBadValue},
		{"POST", "/v1/application/:app/key", `{"name":"x","scopes":["root"]}`, api.CodeBadValue},
		{"POST", "/v1/application/:app/key", `{"name":"x","expires":"soon"}`, api.CodeBadValue},
		{"POST", "/v1/application/:app/key", `{"name":"x","expires":"-1"}`, api.CodeBadValue},
		{"POST", "/v1/application/:app/key", `{"name":"x","expires":"99999999999999999999"}`, api.CodeBadValue},
		{"PATCH", "/v1/key/:key", `{"scopes":[]}`, api.CodeBadValue},
		{"POST", "/v1/key/:key/rotate", `{"overlap":-1}`, api.CodeBadValue},
		{"POST", "/v1/key/:key/rotate", fmt.Sprintf(`{"overlap":%d}`, maxOverlap+1), api.CodeBadValue},
		{"GET", "/v1/customer?limit=0", "", api.CodeBadValue},
		{"GET", "/v1/customer?limit=-1", "", api.CodeBadValue},
		{"GET", "/v1/customer?limit=ten", "", api.CodeBadValue},
		{"GET", "/v1/customer?limit=1&limit=2", "", api.CodeBadValue},
		{"GET", "/v1/customer?cursor=%zz", "", api.CodeBadValue},
		{"GET", "/v1/customer?cursor=x", "", api.CodeBadCursor},
		{"GET", "/v1/customer?limit=1001", "", api.CodeCustomers}, // more than there is in one page is cut
	} {
		path := pathOf(httpapi.Route{Path: row.path}, params)
		d.text(t, m, row.method, path, auth, row.body).want(t, row.method+" "+row.path+" "+row.body[:min(80, len(row.body))], row.want)
	}
	d.wantNothingPrivateInTheLog(t)
}

// Addresses in paths, at each endpoint that has one (section 1).
func TestForeignMalformedAndUnknownAddressesAreToldApart(t *testing.T) {
	d := openDoor(t, 1)
	m, params, auth := d.c.Node(0), d.things(t), basic(d.c.Operator())
	const chars = "AAAAAAAAAAAAAAAAAAAA"
	letters := map[string]string{":id": "i", ":cust": "c", ":app": "p", ":key": "a"}
	unknown := map[string]api.Code{":id": api.CodeNoIdentity, ":cust": api.CodeNoTenant, ":app": api.CodeNoTenant, ":key": api.CodeNoTenant}
	for _, r := range httpapi.Routes() {
		for param, letter := range letters {
			if !strings.Contains(r.Path+"/", param+"/") {
				continue
			}
			t.Run(r.Name, func(t *testing.T) {
				for address, want := range map[string]api.Code{
					letter + chars + "@elsewhere.org":                api.CodeOtherDomain,
					letter + chars + "@x.nix.test":                   api.CodeOtherDomain,
					"x" + chars:                                      api.CodeBadAddress,
					letter + chars[1:]:                               api.CodeBadAddress,
					letter + chars + "A":                             api.CodeBadAddress,
					letter + chars[1:] + "%2F":                       api.CodeNoEndpoint,
					letter + chars[1:] + "!":                         api.CodeBadAddress,
					letter + chars[1:] + "%00":                       api.CodeBadAddress,
					letter + chars[1:] + "%0a":                       api.CodeBadAddress,
					letter + chars + "@":                             api.CodeBadAddress,
					letter + chars + "@nix.test@nix.test":            api.CodeBadAddress,
					letter + chars + "@nix%20.test":                  api.CodeBadAddress,
					strings.Replace("ic", letter, "", 1)[:1] + chars: api.CodeBadAddress, // of another type
					letter + chars:                                   unknown[param],
					letter + chars + "@nix.test":                     unknown[param],
					letter + chars + "==@NIX.test":                   unknown[param],
					letter + chars + "@api.nix.software":             unknown[param],
				} {
					path := pathOf(r, map[string]string{param: address, ":name": "notes"})
					got := d.text(t, m, r.Method, path, auth, `{"name":"x"}`)
					got.want(t, path, want)
					// Whatever answers carry has the cluster's own domain (section 1).
					if text, _ := got.env["err"].(string); strings.Contains(text, letter+chars) && !strings.Contains(text, letter+chars+"@nix.test") {
						t.Errorf("%s: %q shows an address in another form than the full one", path, text)
					}
				}
				if r.Method == http.MethodGet && !r.Stream {
					for _, alike := range []string{params[param], strings.TrimSuffix(params[param], "@nix.test"), strings.Replace(params[param], "@nix.test", "=@API.nix.software", 1)} {
						path := pathOf(r, map[string]string{param: alike, ":name": "notes"})
						if got := d.text(t, m, r.Method, path, auth, ""); got.code != int(r.Code) && got.code != int(api.CodeNoData) {
							t.Errorf("%s: %d", path, got.code)
						}
					}
				}
			})
		}
	}
}

// A key of each kind of badness, at every endpoint (section 3).
func TestEveryEndpointRefusesBadCredentials(t *testing.T) {
	d := openDoor(t, 1)
	m, params := d.c.Node(0), d.things(t)
	faults := d.badCredentials(t)
	for _, r := range httpapi.Routes() {
		if r.Scope == 0 {
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			path := pathOf(r, params)
			for name, fault := range faults {
				got := d.text(t, m, r.Method, path, fault.auth, "no JSON: credentials come first")
				got.want(t, name, fault.code)
				if got.status == 401 && got.header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s: no challenge", name)
				}
			}
		})
	}
	unknown := d.text(t, m, "GET", "/v1/customer", faults["unknown key"].auth, "")
	wrong := d.text(t, m, "GET", "/v1/customer", faults["wrong secret"].auth, "")
	if unknown.env["err"] != wrong.env["err"] {
		t.Errorf("an unknown key is told %q, a wrong secret %q", unknown.env["err"], wrong.env["err"])
	}
	d.wantNothingPrivateInTheLog(t)
}

type badCredential struct {
	auth string
	code api.Code
}

// badCredentials makes keys and spoils each in one way.
func (d *door) badCredentials(t *testing.T) map[string]badCredential {
	t.Helper()
	admin := d.c.ClientWith(d.c.Operator(), d.c.Node(0))
	newKey := func(tenant testcluster.Tenant, r api.KeyRequest) client.KeyCredentials {
		r.Name = "to be spoilt"
		k, err := admin.CreateKey(deadline(t), tenant.Application, r)
		if err != nil {
			t.Fatal(err)
		}
		d.keep(k.Secret)
		return client.KeyCredentials{ID: k.Address, Secret: k.Secret}
	}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tenant := d.c.Tenant()
	disabled, deleted, rotated := newKey(tenant, api.KeyRequest{}), newKey(tenant, api.KeyRequest{}), newKey(tenant, api.KeyRequest{})
	must(admin.UpdateKey(deadline(t), disabled.ID, api.KeyPatch{Enabled: off()}))
	must(nil, admin.DeleteKey(deadline(t), deleted.ID))
	fresh, err := admin.RotateKey(deadline(t), rotated.ID, api.RotateRequest{})
	must(fresh, err)
	d.keep(fresh.Secret)
	expired := newKey(tenant, api.KeyRequest{Expires: "1569116334"})
	ofApp, ofCustomer := d.c.NewTenant("application goes"), d.c.NewTenant("customer goes")
	must(admin.UpdateApplication(deadline(t), ofApp.Application, api.TenantPatch{Enabled: off()}))
	must(admin.UpdateCustomer(deadline(t), ofCustomer.Customer, api.TenantPatch{Enabled: off()}))
	d.keep(ofApp.Key.Secret, ofCustomer.Key.Secret)
	good := tenant.Key
	with := func(id, secret string) string { return basic(client.KeyCredentials{ID: id, Secret: secret}) }

	faults := map[string]badCredential{
		"none":                   {"", api.CodeNoCredentials},
		"no scheme":              {good.Secret, api.CodeNoCredentials},
		"another scheme":         {"Digest " + good.Secret, api.CodeNoCredentials},
		"not base64":             {"Basic !!!", api.CodeNoCredentials},
		"no colon":               {"Basic YWJj", api.CodeNoCredentials},
		"no address":             {with("admin", good.Secret), api.CodeNoCredentials},
		"an identity's address":  {with("iAAAAAAAAAAAAAAAAAAAA", good.Secret), api.CodeNoCredentials},
		"unknown key":            {with("aAAAAAAAAAAAAAAAAAAAA@nix.test", good.Secret), api.CodeUnknownKey},
		"key of another domain":  {with("aAAAAAAAAAAAAAAAAAAAA@elsewhere.org", good.Secret), api.CodeUnknownKey},
		"deleted key":            {with(deleted.ID, deleted.Secret), api.CodeUnknownKey},
		"wrong secret":           {with(good.ID, disabled.Secret), api.CodeBadCredentials},
		"secret cut":             {with(good.ID, good.Secret[:43]), api.CodeBadCredentials},
		"secret in URL alphabet": {with(good.ID, strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(good.Secret)), api.CodeBadCredentials},
		"no secret":              {with(good.ID, ""), api.CodeBadCredentials},
		"old secret":             {with(rotated.ID, rotated.Secret), api.CodeBadCredentials},
		"disabled key":           {with(disabled.ID, disabled.Secret), api.CodeKeyDisabled},
		"disabled, wrong secret": {with(disabled.ID, good.Secret), api.CodeBadCredentials},
		"expired key":            {with(expired.ID, expired.Secret), api.CodeKeyExpired},
		"disabled application":   {with(ofApp.Key.ID, ofApp.Key.Secret), api.CodeTenantDisabled},
		"disabled customer":      {with(ofCustomer.Key.ID, ofCustomer.Key.Secret), api.CodeTenantDisabled},
	}
	for name, fault := range d.badBearers(t, good) {
		faults["bearer: "+name] = fault
	}
	return faults
}
