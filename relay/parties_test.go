package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/jose"
	"github.com/nixnode/nixnode/message"
)

// tenant is an application with an API key.
type tenant struct {
	operator           Caller
	customer, app, key string
	secret             string
	caller             Caller
}

// bootstrap makes the operator; call it once in a world.
func (w *world) bootstrap() Caller {
	w.t.Helper()
	n := w.nodes[0]
	key, secret, created, err := n.EnsureOperator(w.t.Context())
	if err != nil || !created {
		w.t.Fatalf("EnsureOperator: created %v, %v", created, err)
	}
	return w.login(n, n.domain.Full(key), secret.Text())
}

func (w *world) login(n *testNode, key, secret string) Caller {
	w.t.Helper()
	c, err := n.Authenticate(w.t.Context(), basic(key, secret), "txn-1")
	if err != nil {
		w.t.Fatalf("log in: %v", err)
	}
	return c
}

// newTenant makes a customer with one application and a key of the scopes.
func (w *world) newTenant(operator Caller, scopes ...string) tenant {
	w.t.Helper()
	n, ctx := w.nodes[0], w.t.Context()
	cust := must(n.CreateCustomer(ctx, operator, api.NameRequest{Name: "acme"}))(w.t)
	app := must(n.CreateApplication(ctx, operator, cust.Address, api.NameRequest{Name: "shop"}))(w.t)
	key := must(n.CreateKey(ctx, operator, app.Address, api.KeyRequest{Name: "k", Scopes: scopes}))(w.t)
	return tenant{
		operator: operator, customer: cust.Address, app: app.Address, key: key.Address, secret: key.Secret,
		caller: w.login(n, key.Address, key.Secret),
	}
}

// newUsers is newTenant with the default pair of scopes, in a fresh world.
func newUsers(t testing.TB, nodes int) (*world, tenant) {
	t.Helper()
	w := newWorld(t, nodes)
	return w, w.newTenant(w.bootstrap())
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return v
	}
}

// party is an identity with its keys.
type party struct {
	w        *world
	addr     string
	local    address.Address
	sig, enc jose.PrivateKey
	sent     int
}

func newKey(t testing.TB, use jose.Use) jose.PrivateKey {
	t.Helper()
	return must(jose.GenerateKey(use))(t)
}

// signed makes a token over payload (marshalled unless it is bytes).
func (w *world) signed(k jose.PrivateKey, kid, target string, payload any) string {
	w.t.Helper()
	o := jose.SignOptions{Kid: kid, Target: target}
	if target != "" {
		o.IssuedAt = w.clock()
	}
	return must(k.Sign(raw(w.t, payload), o))(w.t)
}

func raw(t testing.TB, payload any) []byte {
	t.Helper()
	if b, ok := payload.([]byte); ok {
		return b
	}
	return must(json.Marshal(payload))(t)
}

// registration makes the request of a fresh pair of keys.
func (w *world) registration(kind string) (api.RegisterRequest, party) {
	w.t.Helper()
	p := party{w: w, sig: newKey(w.t, jose.Sig), enc: newKey(w.t, jose.Enc)}
	kid := "/" + p.sig.Public().Thumbprint()
	return api.RegisterRequest{
		SigPubKey:   p.sig.Public().JWK(),
		EncPubKey:   w.signed(p.sig, kid, "/v1/identity#encPubKey", p.enc.Public().JWK()),
		MetaPublic:  w.signed(p.sig, kid, "/v1/identity#metaPublic", map[string]any{"identityType": kind, "appAddress": "forged"}),
		MetaPrivate: w.signed(p.sig, kid, "/v1/identity#metaPrivate", map[string]any{"note": "mine", "created": "forged"}),
	}, p
}

// register makes an identity.
func (w *world) register(c Caller, kind string) *party {
	w.t.Helper()
	req, p := w.registration(kind)
	id := must(w.nodes[0].Register(w.t.Context(), c, req))(w.t)
	p.addr = id.Address
	p.local = must(w.nodes[0].domain.Parse(id.Address))(w.t)
	return &p
}

func (p *party) kid() string { return p.addr + "/" + p.sig.Public().Thumbprint() }

// token makes a token of p for a place.
func (p *party) token(target string, payload any) string {
	p.w.t.Helper()
	return p.w.signed(p.sig, p.kid(), target, payload)
}

// proof makes a jwt for a path, with further claims.
func (p *party) proof(path string, claims ...any) api.ProofRequest {
	p.w.t.Helper()
	return api.ProofRequest{JWT: p.token(path+"#jwt", p.claims(claims...))}
}

// claims gives those of a proof, changed by pairs of name and value; a nil value
// takes one away.
func (p *party) claims(changes ...any) map[string]any {
	now := p.w.clock().Unix()
	m := map[string]any{
		"iss": p.addr, "sub": p.addr, "aud": []string{"node.example.org"}, "exp": now + 300, "nbf": now - 10, "iat": now,
	}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == nil {
			delete(m, changes[i].(string))
		} else {
			m[changes[i].(string)] = changes[i+1]
		}
	}
	return m
}

// message makes a message token with the next id.
func (p *party) message(kind message.Type, to *party, body any) string {
	p.w.t.Helper()
	p.sent++
	payload := must(message.BuildPayload(kind, fmt.Sprintf("%d", p.sent), to.addr, p.w.clock().Add(time.Hour), body))(p.w.t)
	return p.w.signed(p.sig, p.kid(), "", payload)
}

// send sends messages through n and gives the results.
func (w *world) send(n *testNode, c Caller, msgs ...string) []api.MessageResult {
	w.t.Helper()
	return must(n.Send(w.t.Context(), c, api.SendRequest{Msgs: msgs}))(w.t).Results
}

// codeOf gives the code of an error that a caller may see; 20001 for none.
func codeOf(t testing.TB, err error) api.Code {
	t.Helper()
	var e *api.Error
	switch {
	case err == nil:
		return api.CodeOK
	case errors.As(err, &e):
		return e.Code
	}
	t.Fatalf("an internal error: %v", err)
	return 0
}

func wantCode(t testing.TB, err error, want api.Code) {
	t.Helper()
	if got := codeOf(t, err); got != want {
		t.Fatalf("got %d (%v), want %d", got, err, want)
	}
}

func eventuallyTrue(t testing.TB, cond func() bool, text string) {
	t.Helper()
	eventually.True(t, 10*time.Second, cond, "%s", text)
}
