package relay

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/jose"
)

func TestRegisteringShowsTheIdentityAndWhatIsTheServersWins(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	req, p := w.registration("vault")
	id := must(n.Register(t.Context(), u.caller, req))(t)
	if _, err := n.domain.ParseType(id.Address, address.Identity); err != nil || !strings.HasSuffix(id.Address, "@nix.example.org") {
		t.Errorf("address %q", id.Address)
	}
	if string(id.SigPubKey) != string(p.sig.Public().JWK()) || string(id.SigRoot) != string(id.SigPubKey) || id.EncPubKey != req.EncPubKey {
		t.Error("keys are not those that were registered")
	}
	if id.SigChain == nil || len(id.SigChain) != 0 || id.MetaPublicJWS != req.MetaPublic {
		t.Errorf("chain %v", id.SigChain)
	}
	created := decimal(w.clock().Unix())
	wantObject(t, id.MetaPublic, map[string]string{"identityType": "vault", "appAddress": u.app})
	wantObject(t, id.MetaPrivate, map[string]string{"note": "mine", "created": created, "lastHeardDay": created})
}

func wantObject(t *testing.T, raw json.RawMessage, want map[string]string) {
	t.Helper()
	var got map[string]string
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s is %q, want %q", name, got[name], text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %s", raw)
	}
}

func TestRegisteringTheSameAgainGivesTheSameIdentity(t *testing.T) {
	w, u := newUsers(t, 1)
	n, ctx := w.nodes[0], t.Context()
	other := w.newTenant(u.operator)
	req, p := w.registration("user")
	first := must(n.Register(ctx, u.caller, req))(t)
	again := must(n.Register(ctx, u.caller, req))(t)
	if first.Address != again.Address {
		t.Error("two identities of one key")
	}
	_, err := n.Register(ctx, other.caller, req)
	wantCode(t, err, api.CodeKeyTaken)
	w.advance(time.Second)
	req.MetaPrivate = w.signed(p.sig, "/"+p.sig.Public().Thumbprint(), "/v1/identity#metaPrivate", map[string]any{})
	_, err = n.Register(ctx, u.caller, req)
	wantCode(t, err, api.CodeKeyTaken)
}

func TestRegistrationRefusesWhatIsMissingWrongOrTooLarge(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	big := strings.Repeat("x", api.MaxMeta)
	tests := []struct {
		name   string
		change func(r *api.RegisterRequest, p party, kid string)
		want   api.Code
	}{
		{"no key", func(r *api.RegisterRequest, _ party, _ string) { r.SigPubKey = nil }, api.CodeMissingField},
		{"null key", func(r *api.RegisterRequest, _ party, _ string) { r.SigPubKey = []byte("null") }, api.CodeMissingField},
		{"huge key", func(r *api.RegisterRequest, _ party, _ string) { r.SigPubKey = []byte(`"` + big + `"`) }, api.CodeItemTooLarge},
		{"key is text", func(r *api.RegisterRequest, _ party, _ string) { r.SigPubKey = []byte(`"k"`) }, api.CodeBadKey},
		{"private key", func(r *api.RegisterRequest, p party, _ string) { r.SigPubKey = p.sig.JWK() }, api.CodeBadKey},
		{"key for encryption", func(r *api.RegisterRequest, p party, _ string) { r.SigPubKey = p.enc.Public().JWK() }, api.CodeBadKey},
		{"no encPubKey", func(r *api.RegisterRequest, _ party, _ string) { r.EncPubKey = "" }, api.CodeMissingField},
		{"no metaPublic", func(r *api.RegisterRequest, _ party, _ string) { r.MetaPublic = "" }, api.CodeMissingField},
		{"no metaPrivate", func(r *api.RegisterRequest, _ party, _ string) { r.MetaPrivate = "" }, api.CodeMissingField},
		{"swapped", func(r *api.RegisterRequest, _ party, _ string) {
			r.MetaPublic, r.MetaPrivate = r.MetaPrivate, r.MetaPublic
		}, api.CodeBadTarget},
		{"another's key", func(r *api.RegisterRequest, _ party, _ string) {
			r.SigPubKey = newKey(t, jose.Sig).Public().JWK()
		}, api.CodeKeyNotCurrent},
		{"encPubKey is a signing key", func(r *api.RegisterRequest, p party, kid string) {
			r.EncPubKey = w.signed(p.sig, kid, "/v1/identity#encPubKey", p.sig.Public().JWK())
		}, api.CodeBadKey},
		{"kid with an address", func(r *api.RegisterRequest, p party, kid string) {
			r.EncPubKey = w.signed(p.sig, address.New(address.Identity).Local()+kid, "/v1/identity#encPubKey", p.enc.Public().JWK())
		}, api.CodeBadToken},
		{"metaPublic is a list", func(r *api.RegisterRequest, p party, kid string) {
			r.MetaPublic = w.signed(p.sig, kid, "/v1/identity#metaPublic", []string{})
		}, api.CodeBadToken},
		{"metaPublic is null", func(r *api.RegisterRequest, p party, kid string) {
			r.MetaPublic = w.signed(p.sig, kid, "/v1/identity#metaPublic", []byte("null"))
		}, api.CodeBadToken},
		{"metaPrivate is text", func(r *api.RegisterRequest, p party, kid string) {
			r.MetaPrivate = w.signed(p.sig, kid, "/v1/identity#metaPrivate", "x")
		}, api.CodeBadToken},
		{"metaPublic too large", func(r *api.RegisterRequest, p party, kid string) {
			r.MetaPublic = w.signed(p.sig, kid, "/v1/identity#metaPublic", map[string]string{"x": big})
		}, api.CodeItemTooLarge},
		{"metaPrivate much too large", func(r *api.RegisterRequest, p party, kid string) {
			r.MetaPrivate = w.signed(p.sig, kid, "/v1/identity#metaPrivate", map[string]string{"x": strings.Repeat(big, 3)})
		}, api.CodeItemTooLarge},
		{"identityType unknown", func(r *api.RegisterRequest, p party, kid string) {
			r.MetaPublic = w.signed(p.sig, kid, "/v1/identity#metaPublic", map[string]string{"identityType": "robot"})
		}, api.CodeBadValue},
		{"identityType is a number", func(r *api.RegisterRequest, p party, kid string) {
			r.MetaPublic = w.signed(p.sig, kid, "/v1/identity#metaPublic", map[string]int{"identityType": 1})
		}, api.CodeWrongType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, p := w.registration("user")
			tt.change(&req, p, "/"+p.sig.Public().Thumbprint())
			_, err := n.Register(t.Context(), u.caller, req)
			wantCode(t, err, tt.want)
		})
	}
	for _, kind := range []string{"", "app", "group", "route", "user", "vault"} {
		w.register(u.caller, kind)
	}
}

func TestTheRegistrationSampleOf2019IsTaken(t *testing.T) {
	var sample struct {
		SigPubKey   json.RawMessage `json:"sigPubKey"`
		EncPubKey   string          `json:"encPubKeyJWS"`
		MetaPublic  string          `json:"metaPublicJWS"`
		MetaPrivate string          `json:"metaPrivateJWS"`
	}
	data := must(os.ReadFile("../jose/testdata/vectors.json"))(t)
	if err := json.Unmarshal(data, &sample); err != nil {
		t.Fatal(err)
	}
	const sampleTime = 1569116334
	for off, want := range map[int64]api.Code{0: api.CodeOK, 300: api.CodeOK, -300: api.CodeOK, 301: api.CodeBadIssuedAt} {
		w := newWorldAt(t, 1, time.Unix(sampleTime+off, 0))
		u := w.newTenant(w.bootstrap())
		id, err := w.nodes[0].Register(t.Context(), u.caller, api.RegisterRequest(sample))
		wantCode(t, err, want)
		if want == api.CodeOK {
			wantObject(t, id.MetaPublic, map[string]string{"identityType": "user", "appAddress": u.app})
		}
	}
}

// Clients of 2019 pad their key ids at registration.
func TestRegistrationTakesPaddedAndShortKeyIDs(t *testing.T) {
	w, u := newUsers(t, 1)
	for _, cut := range []func(string) string{
		func(s string) string { return s + "=" },
		func(s string) string { return s[:8] },
	} {
		req, p := w.registration("user")
		kid := "/" + cut(p.sig.Public().Thumbprint())
		req.MetaPublic = w.signed(p.sig, kid, "/v1/identity#metaPublic", map[string]string{})
		must(w.nodes[0].Register(t.Context(), u.caller, req))(t)
	}
}
