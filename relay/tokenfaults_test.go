package relay

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/jose"
)

// endpoint is one call that takes a token of an identity.
type endpoint struct {
	name, target string
	payload      func(p *party) any
	call         func(n *testNode, c Caller, token string) error
	isProof      bool
}

func endpoints(t *testing.T, p *party) []endpoint {
	ctx, next := t.Context(), newKey(t, jose.Sig)
	proof := func(name, path string, call func(n *testNode, c Caller, r api.ProofRequest) error, claims ...any) endpoint {
		return endpoint{name, path + "#jwt", func(p *party) any { return p.claims(claims...) },
			func(n *testNode, c Caller, token string) error { return call(n, c, api.ProofRequest{JWT: token}) }, true}
	}
	return []endpoint{
		proof("me", api.PathMe, func(n *testNode, c Caller, r api.ProofRequest) error { _, err := n.Me(ctx, c, r); return err }),
		proof("retire", api.PathMeRetire, func(n *testNode, c Caller, r api.ProofRequest) error { return n.Retire(ctx, c, r) }),
		proof("fetch", api.PathFetch, func(n *testNode, c Caller, r api.ProofRequest) error { _, err := n.Fetch(ctx, c, r); return err }),
		proof("ack", api.PathAck, func(n *testNode, c Caller, r api.ProofRequest) error { _, err := n.Ack(ctx, c, r); return err }, "upTo", "1"),
		proof("listen", api.PathListen, func(n *testNode, c Caller, r api.ProofRequest) error {
			s, err := n.Listen(ctx, c, r)
			if err == nil {
				s.Close()
			}
			return err
		}),
		{"sigPubKey", "/v1/identity/me/sigPubKey#sigPubKey",
			func(*party) any { return next.Public().JWK() },
			func(n *testNode, c Caller, token string) error {
				who := p.addr
				if sig, err := jose.ParseToken(token, n.domain); err == nil { // the two must agree
					who = sig.Key.Address.Local()
				}
				enc := p.w.signed(next, who+"/"+next.Public().Thumbprint(), "/v1/identity/me/sigPubKey#encPubKey", p.enc.Public().JWK())
				_, err := n.UpdateSigKey(ctx, c, api.SigKeyRequest{SigPubKey: token, EncPubKey: enc})
				return err
			}, false},
		{"encPubKey", "/v1/identity/me/encPubKey#encPubKey",
			func(p *party) any { return p.enc.Public().JWK() },
			func(n *testNode, c Caller, token string) error {
				_, err := n.UpdateEncKey(ctx, c, api.EncKeyRequest{EncPubKey: token})
				return err
			}, false},
		{"metaPublic", "/v1/identity/me/meta#metaPublic",
			func(*party) any { return map[string]string{"identityType": "group"} },
			func(n *testNode, c Caller, token string) error {
				_, err := n.UpdateMeta(ctx, c, api.MetaRequest{MetaPublic: token})
				return err
			}, false},
		{"metaPrivate", "/v1/identity/me/meta#metaPrivate",
			func(*party) any { return map[string]string{} },
			func(n *testNode, c Caller, token string) error {
				_, err := n.UpdateMeta(ctx, c, api.MetaRequest{MetaPrivate: token})
				return err
			}, false},
		{"data", "/v1/identity/me/data/x#jws",
			func(*party) any { return api.DataPayload{Name: "x", JWE: "a.b.c.d.e"} },
			func(n *testNode, c Caller, token string) error {
				return n.StoreData(ctx, c, "/v1/identity/me/data/x", "x", api.DataRequest{JWS: token})
			}, false},
		{"members", "/v1/identity/me/members#members",
			func(*party) any { return []string{} },
			func(n *testNode, c Caller, token string) error {
				return n.SetMembers(ctx, c, api.MembersRequest{Members: token})
			}, false},
	}
}

// header gives the token with another header; sign makes a signature over it.
func header(t *testing.T, k jose.PrivateKey, token string, change func(h map[string]any)) string {
	t.Helper()
	parts := strings.Split(token, ".")
	var h map[string]any
	if err := json.Unmarshal(must(base64.RawURLEncoding.DecodeString(parts[0]))(t), &h); err != nil {
		t.Fatal(err)
	}
	change(h)
	parts[0] = base64.RawURLEncoding.EncodeToString(raw(t, h))
	return strings.Join(parts, ".")
}

// lookalikes change a good token in one way each.
func lookalikes(t *testing.T, w *world, p *party, target string, payload any) map[string]struct {
	token string
	want  api.Code
} {
	t.Helper()
	good := p.token(target, payload)
	set := func(name string, v any) string {
		return header(t, p.sig, good, func(h map[string]any) { h[name] = v })
	}
	other := newKey(t, jose.Sig)
	otherKid := p.addr + "/" + other.Public().Thumbprint()
	stranger := address.New(address.Identity).Local() + "/" + p.sig.Public().Thumbprint()
	sign := func(o jose.SignOptions) string { return must(p.sig.Sign(raw(t, payload), o))(t) }
	now := w.clock()
	flipped := []byte(good)
	if at := len(flipped) - 10; flipped[at] == 'A' {
		flipped[at] = 'B'
	} else {
		flipped[at] = 'A'
	}
	type row = struct {
		token string
		want  api.Code
	}
	return map[string]row{
		"empty":               {"", api.CodeMissingField},
		"garbage":             {"garbage", api.CodeBadToken},
		"two parts":           {good[:strings.LastIndex(good, ".")], api.CodeBadToken},
		"truncated":           {good[:len(good)-4], api.CodeBadToken},
		"line break":          {good[:10] + "\n" + good[10:], api.CodeBadToken},
		"padded":              {good + "=", api.CodeBadToken},
		"alg none":            {set("alg", "none"), api.CodeBadAlgorithm},
		"alg HS256":           {set("alg", "HS256"), api.CodeBadAlgorithm},
		"alg ES384":           {set("alg", "ES384"), api.CodeBadAlgorithm},
		"crit":                {set("crit", []string{"exp"}), api.CodeBadToken},
		"jwk":                 {set("jwk", map[string]string{}), api.CodeBadToken},
		"b64":                 {set("b64", false), api.CodeBadToken},
		"zip":                 {set("zip", "DEF"), api.CodeBadToken},
		"kid short":           {set("kid", p.addr+"/"+p.sig.Public().Thumbprint()[:7]), api.CodeBadToken},
		"kid foreign":         {set("kid", p.local.Local()+"@elsewhere.org/"+p.sig.Public().Thumbprint()), api.CodeOtherDomain},
		"kid without address": {sign(jose.SignOptions{Kid: "/" + p.sig.Public().Thumbprint(), Target: target, IssuedAt: now}), api.CodeBadToken},
		"bit flipped":         {string(flipped), api.CodeBadSignature},
		"header changed":      {set("typ", "JWT"), api.CodeBadSignature},
		"another key":         {w.signed(other, p.kid(), target, payload), api.CodeBadSignature},
		"another key's id":    {w.signed(other, otherKid, target, payload), api.CodeKeyNotCurrent},
		"tgt of elsewhere":    {p.token("/v1/elsewhere#jwt", payload), api.CodeBadTarget},
		"tgt absent":          {sign(jose.SignOptions{Kid: p.kid(), IssuedAt: now}), api.CodeBadTarget},
		"iat absent":          {sign(jose.SignOptions{Kid: p.kid(), Target: target}), api.CodeBadIssuedAt},
		"iat old":             {sign(jose.SignOptions{Kid: p.kid(), Target: target, IssuedAt: now.Add(-301 * time.Second)}), api.CodeBadIssuedAt},
		"iat ahead":           {sign(jose.SignOptions{Kid: p.kid(), Target: target, IssuedAt: now.Add(301 * time.Second)}), api.CodeBadIssuedAt},
		"unknown identity":    {w.signed(p.sig, stranger, target, payload), api.CodeNoIdentity},
	}
}

// proofFaults are claims that do not prove anything.
func proofFaults(w *world, p *party) map[string]struct {
	changes []any
	want    api.Code
} {
	now := w.clock().Unix()
	type row = struct {
		changes []any
		want    api.Code
	}
	return map[string]row{
		"iss another":  {[]any{"iss", address.New(address.Identity).Local()}, api.CodeProofSubject},
		"sub another":  {[]any{"sub", address.New(address.Identity).Local()}, api.CodeProofSubject},
		"sub absent":   {[]any{"sub", nil}, api.CodeProofSubject},
		"aud another":  {[]any{"aud", "elsewhere.org"}, api.CodeProofAudience},
		"aud absent":   {[]any{"aud", nil}, api.CodeProofAudience},
		"exp passed":   {[]any{"exp", now - 60, "nbf", now - 120}, api.CodeProofTime},
		"nbf to come":  {[]any{"nbf", now + 61, "exp", now + 120}, api.CodeProofTime},
		"too long":     {[]any{"nbf", now, "exp", now + 901}, api.CodeProofTime},
		"exp absent":   {[]any{"exp", nil}, api.CodeProofTime},
		"iat absent":   {[]any{"iat", nil}, api.CodeProofTime},
		"exp as text":  {[]any{"exp", "soon"}, api.CodeBadToken},
		"aud a number": {[]any{"aud", 1}, api.CodeBadToken},
	}
}

func TestEveryTokenFaultHasItsCodeAtEveryEndpoint(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	p := w.register(u.caller, "group")
	for _, e := range endpoints(t, p) {
		t.Run(e.name, func(t *testing.T) {
			payload := raw(t, e.payload(p))
			for name, fault := range lookalikes(t, w, p, e.target, payload) {
				if e.isProof && fault.want == api.CodeNoIdentity {
					fault.want = api.CodeProofSubject // iss and sub name another one
				}
				if got := codeOf(t, e.call(n, u.caller, fault.token)); got != fault.want {
					t.Errorf("%s: got %d, want %d", name, got, fault.want)
				}
			}
			if !e.isProof {
				return
			}
			for name, fault := range proofFaults(w, p) {
				claims := p.claims(fault.changes...)
				if got := codeOf(t, e.call(n, u.caller, p.token(e.target, claims))); got != fault.want {
					t.Errorf("%s: got %d, want %d", name, got, fault.want)
				}
			}
		})
	}
	// Nothing of it was let through, and each call still works as it should.
	for _, e := range endpoints(t, p) {
		if e.name == "sigPubKey" || e.name == "retire" {
			continue // they would be the end of p's key
		}
		wantCode(t, e.call(n, u.caller, p.token(e.target, e.payload(p))), api.CodeOK)
	}
}
