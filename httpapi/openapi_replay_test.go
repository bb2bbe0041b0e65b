package httpapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/jose"
	"github.com/nixnode/nixnode/node"
	"github.com/nixnode/nixnode/relay"
)

// replay is a real node on which the examples of the description are tried.
type replay struct {
	t        *testing.T
	url      string
	client   *http.Client
	operator string // credentials, as "key:secret"
	d        description
	compiler *jsonschema.Compiler
}

// cast is what plays the parts of an example: addresses and keys by the names that
// the example has for them. Each example gets its own, as some end what they act on.
type cast struct {
	names   map[string]string          // the example's text → ours
	signers map[string]jose.PrivateKey // the example's address, or key id, → key
	key     string                     // credentials of the application
}

// openReplay opens a node in memory and describes it to itself.
func openReplay(t *testing.T) *replay {
	t.Helper()
	cfg := node.DefaultConfig()
	cfg.Domain, cfg.Memory = "nix.example.org", true
	cfg.HTTPAddr, cfg.NodeAddr, cfg.GossipAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	operator := make(chan string, 1)
	n, err := node.Open(t.Context(), cfg, node.Options{Operator: func(key, secret string) { operator <- key + ":" + secret }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := n.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	eventually.True(t, 20*time.Second, func() bool { return len(n.NotReady()) == 0 }, "the node is not ready")
	r := &replay{t: t, url: n.URL(), client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, operator: <-operator}
	status, text := r.do("GET", api.PathOpenAPI, "", nil)
	if status != http.StatusOK {
		t.Fatalf("%d: %s", status, text)
	}
	r.d = readDescription(t, text)
	r.compiler = schemaCompiler(t, r.d)
	return r
}

func (r *replay) request(method, path, credentials string, body any) *http.Response {
	r.t.Helper()
	var from io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			r.t.Fatal(err)
		}
		from = strings.NewReader(string(text))
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, from)
	if err != nil {
		r.t.Fatal(err)
	}
	if key, secret, ok := strings.Cut(credentials, ":"); ok {
		req.SetBasicAuth(key, secret)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp
}

func (r *replay) do(method, path, credentials string, body any) (int, []byte) {
	r.t.Helper()
	resp := r.request(method, path, credentials, body)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, text
}

// make posts what must succeed and gives the body of the answer.
func (r *replay) make(path, credentials string, body any) map[string]any {
	r.t.Helper()
	status, text := r.do("POST", path, credentials, body)
	var e struct{ Body map[string]any }
	if err := json.Unmarshal(text, &e); err != nil || status != http.StatusOK {
		r.t.Fatalf("%s: %d %s", path, status, text)
	}
	return e.Body
}

// The names that the description's examples have for things.
const (
	exampleCustomer    = "cNIXexampleCustomer00@nix.example.org"
	exampleApplication = "pNIXexampleApplicatio@nix.example.org"
	exampleKey         = "aNIXexampleApiKey0000@nix.example.org"
	exampleUser        = "iNIXexampleUser000000@nix.example.org"
	exampleVault       = "iNIXexampleVault00000@nix.example.org"
	exampleGroup       = "iNIXexampleGroup00000@nix.example.org"
	exampleNewKeyID    = "2k9H5R25tbdKvVj-KqF27-dMpHvsU4f9ESRcDvf9Wo4"
	exampleKeyID       = "xwnrgcZkSeMpVDNIA9fLynedVEwquAFJD53ZzLKV-E0"
)

// newCast makes a customer with an application and two keys (one is the example's,
// the other asks), three identities, and what the user has stored.
func (r *replay) newCast() *cast {
	r.t.Helper()
	c := &cast{names: map[string]string{}, signers: map[string]jose.PrivateKey{}}
	as := func(name string, made map[string]any) string {
		c.names[name] = made["address"].(string)
		return c.names[name]
	}
	customer := as(exampleCustomer, r.make(api.PathCustomers, r.operator, api.NameRequest{Name: "c"}))
	app := as(exampleApplication, r.make("/v1/customer/"+customer+"/application", r.operator, api.NameRequest{Name: "a"}))
	as(exampleKey, r.make("/v1/application/"+app+"/key", r.operator, api.KeyRequest{Name: "k"}))
	asking := r.make("/v1/application/"+app+"/key", r.operator, api.KeyRequest{Name: "asking", Scopes: []string{"identity", "message", "event"}})
	c.key = asking["address"].(string) + ":" + asking["secret"].(string)
	register := r.example("identity.register")
	for _, who := range []struct{ name, kind string }{{exampleUser, "user"}, {exampleVault, "vault"}, {exampleGroup, "group"}} {
		c.signers[""] = newSigKey(r.t)
		body := c.cast(r.t, register).(map[string]any)
		body["metaPublic"] = c.sign(r.t, map[string]any{"alg": "ES256", "kid": "/" + exampleKeyID, "tgt": "/v1/identity#metaPublic"}, map[string]any{"identityType": who.kind})
		as(who.name, r.make(api.PathIdentity, c.key, body))
		c.signers[who.name] = c.signers[""]
	}
	c.signers[""] = newSigKey(r.t) // of who registers in the example
	c.signers[exampleNewKeyID] = newSigKey(r.t)
	r.make(api.PathMeRecovery, c.key, c.cast(r.t, r.example("identity.storeRecovery")))
	r.make("/v1/identity/me/data/photo", c.key, c.cast(r.t, r.example("identity.storeData")))
	if status, text := r.do("POST", api.PathSend, c.key, c.cast(r.t, r.example("messages.send"))); status != http.StatusOK {
		r.t.Fatalf("%d %s", status, text)
	}
	return c
}

func newSigKey(t *testing.T) jose.PrivateKey {
	t.Helper()
	k, err := jose.GenerateKey(jose.Sig)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// example gives the example of a request; nil when the route takes none.
func (r *replay) example(name string) any {
	for _, route := range httpapi.Routes() {
		if route.Name == name && route.MaxBody > 0 {
			content := r.d.operation(route)["requestBody"].(map[string]any)["content"].(map[string]any)
			return content["application/json"].(map[string]any)["example"]
		}
	}
	return nil
}

// cast puts ours in the place of the example's: names, keys, times, and signatures
// that are some.
func (c *cast) cast(t *testing.T, v any) any {
	switch v := v.(type) {
	case string:
		if head, payload, ok := splitToken(v); ok {
			return c.sign(t, head, payload)
		}
		return c.rename(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = c.cast(t, v[i])
		}
		return out
	case map[string]any:
		if v["crv"] != nil {
			return c.ownKey(t, v)
		}
		out := map[string]any{}
		for name, value := range v {
			out[name] = c.cast(t, value)
		}
		return out
	}
	return v
}

func (c *cast) rename(s string) string {
	for from, to := range c.names {
		s = strings.ReplaceAll(s, from, to)
	}
	return s
}

// ownKey gives the JWK in whose place an example has its own: that of who signs
// with it, or of a new encryption key.
func (c *cast) ownKey(t *testing.T, jwk map[string]any) any {
	t.Helper()
	key := c.signers[""]
	text, err := json.Marshal(jwk)
	if err != nil {
		t.Fatal(err)
	}
	if jwk["use"] == "enc" {
		if key, err = jose.GenerateKey(jose.Enc); err != nil {
			t.Fatal(err)
		}
	} else if theirs, err := jose.ParsePublicKey(text, jose.Sig); err != nil {
		t.Fatalf("%s: %v", text, err)
	} else if theirs.Thumbprint() == exampleNewKeyID {
		key = c.signers[exampleNewKeyID]
	} else if theirs.Thumbprint() != exampleKeyID {
		t.Fatalf("an unknown key: %s", text)
	}
	return json.RawMessage(key.Public().JWK())
}

// splitToken reads an example's token. Its signature is none.
func splitToken(s string) (head, payload any, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return nil, nil, false
	}
	for i, into := range []*any{&head, &payload} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			return nil, nil, false
		}
	}
	return head, payload, true
}

// sign makes the token anew, by whom the example names, now.
func (c *cast) sign(t *testing.T, head, payload any) string {
	t.Helper()
	h := head.(map[string]any)
	who, keyID, _ := strings.Cut(h["kid"].(string), "/")
	key := c.signers[who]
	if keyID == exampleNewKeyID {
		key = c.signers[keyID]
	} else if keyID != exampleKeyID {
		t.Fatalf("signed by an unknown key: %v", h)
	}
	now := time.Now()
	o := jose.SignOptions{Kid: c.rename(who) + "/" + key.Public().Thumbprint()}
	if target, ok := h["tgt"].(string); ok {
		o.Target, o.IssuedAt = target, now
	}
	claims := c.cast(t, payload)
	if m, ok := claims.(map[string]any); ok && m["exp"] != nil {
		m["exp"] = now.Unix() + 600
		if m["nbf"] != nil {
			m["nbf"], m["iat"] = now.Unix()-10, now.Unix()
		}
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	token, err := key.Sign(text, o)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// pathFor puts the examples of the parameters into the path.
func (r *replay) pathFor(route httpapi.Route, c *cast) string {
	path, query := route.Path, []string{}
	list, _ := r.d.operation(route)["parameters"].([]any)
	for _, p := range list {
		p := p.(map[string]any)
		example, ok := p["example"].(string)
		switch {
		case p["in"] == "path":
			path = strings.Replace(path, ":"+p["name"].(string), c.rename(example), 1)
		case ok:
			query = append(query, p["name"].(string)+"="+example)
		}
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	return path
}

// Every example of the description is sent to a real node, which must take it and
// answer as the description says.
func TestEveryExampleOfTheDescriptionWorksOnARealNode(t *testing.T) {
	r := openReplay(t)
	for _, route := range httpapi.Routes() {
		if route.Socket {
			continue // no request of HTTP
		}
		t.Run(route.Name, func(t *testing.T) {
			one := *r
			one.t = t
			one.try(route)
		})
	}
}

func (r *replay) try(route httpapi.Route) {
	r.t.Helper()
	c := r.newCast()
	credentials := c.key
	if route.Scope&(relay.ScopeOperator|relay.ScopeAdmin) != 0 && route.Scope&relay.ScopeEvent == 0 {
		credentials = r.operator
	}
	if route.Scope == 0 {
		credentials = ""
	}
	var body any
	if route.MaxBody > 0 {
		body = c.cast(r.t, r.example(route.Name))
	}
	resp := r.request(route.Method, r.pathFor(route, c), credentials, body)
	defer resp.Body.Close()
	if resp.StatusCode != route.Code.Status() {
		text, err := io.ReadAll(resp.Body)
		r.t.Fatalf("%d %s %v", resp.StatusCode, text, err)
	}
	if route.Stream {
		if media := resp.Header.Get("Content-Type"); r.content(route)[media] == nil {
			r.t.Errorf("Content-Type %q is not described", media)
		}
		return // it goes on
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	r.check(route, resp.Header.Get("Content-Type"), text)
}

func (r *replay) content(route httpapi.Route) map[string]any {
	return r.d.operation(route)["responses"].(map[string]any)[fmt.Sprint(route.Code.Status())].(map[string]any)["content"].(map[string]any)
}

// check holds an answer against the schema of its media type.
func (r *replay) check(route httpapi.Route, media string, text []byte) {
	r.t.Helper()
	if r.content(route)[media] == nil {
		r.t.Fatalf("Content-Type %q is not described", media)
	}
	if media != "application/json" {
		return
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace
	place := fmt.Sprintf("openapi.json#/paths/%s/%s/responses/%d/content/%s/schema",
		escape(pathParam.ReplaceAllString(route.Path, "{$1}")), strings.ToLower(route.Method), route.Code.Status(), escape(media))
	schema, err := r.compiler.Compile(place)
	if err != nil {
		r.t.Fatal(err)
	}
	answer, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		r.t.Fatal(err)
	}
	if err := schema.Validate(answer); err != nil {
		r.t.Errorf("%s\n%v", text, err)
	}
}
