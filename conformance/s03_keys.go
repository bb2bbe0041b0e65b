package conformance

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
)

// keyCases are those of section 3.
func keyCases() []Case {
	cases := []Case{
		the("3.basic.accepted", "Authorization: Basic base64(<key address>:<secret>)", func(t *T) {
			t.wantIn(basic(t.s.o.Key))
		}),
		the("3.basic.local-form", "the key's address may have its local form", func(t *T) {
			local, _, _ := strings.Cut(t.s.o.Key.ID, "@")
			t.wantIn(basic(Credentials{local, t.s.o.Key.Secret}))
		}),
		the("3.basic.wrong-secret", "a secret that does not verify is 401/40105", func(t *T) {
			t.wantOut(basic(Credentials{t.s.o.Key.ID, wrongSecret}), api.CodeBadCredentials)
		}),
		the("3.basic.cut-secret", "the secret is the base64 text as issued", func(t *T) {
			t.wantOut(basic(Credentials{t.s.o.Key.ID, t.s.o.Key.Secret[:40]}), api.CodeBadCredentials)
		}),
		the("3.basic.unknown-key", "an unknown key is 401/40101", func(t *T) {
			t.wantOut(basic(Credentials{address.New(address.APIKey).Local(), t.s.o.Key.Secret}), api.CodeUnknownKey)
		}),
		the("3.refused.same-text", "unknown key and wrong secret say the same text", func(t *T) {
			a := t.wantOut(basic(Credentials{t.s.o.Key.ID, wrongSecret}), api.CodeBadCredentials)
			b := t.wantOut(basic(Credentials{address.New(address.APIKey).Local(), wrongSecret}), api.CodeUnknownKey)
			t.check(a.str("err") == b.str("err"), "%q and %q", a.str("err"), b.str("err"))
		}),
		the("3.refused.nothing-private", "a refusal does not repeat what it was shown", func(t *T) {
			secret := "cHJpdmF0ZS1wcml2YXRlLXByaXZhdGUtcHJpdmF0ZSE="
			a := t.wantOut(basic(Credentials{t.s.o.Key.ID, secret}), api.CodeBadCredentials)
			t.check(!strings.Contains(string(a.text), secret), "%s", a.text)
		}),
	}
	for name, header := range map[string]string{
		"missing": none, "scheme": "Digest x", "scheme-alone": "Basic", "not-base64": "Basic %%%", "no-colon": "Basic " + base64.StdEncoding.EncodeToString([]byte("nobody")),
		"no-address": basic(Credentials{"nobody", "x"}), "identity": basic(Credentials{"iAAAAAAAAAAAAAAAAAAAA", "x"}), "no-token": "Bearer x.y", "empty-token": "Bearer ",
	} {
		cases = append(cases, the("3.unreadable."+name, "missing or unreadable credentials are 401/40100", func(t *T) { t.wantOut(header, api.CodeNoCredentials) }))
	}
	cases = append(cases, bearerCases()...)
	cases = append(cases, requiredCases()...)
	cases = append(cases, scopeCases()...)
	return append(cases, disabledCases()...)
}

var wrongSecret = base64.StdEncoding.EncodeToString(make([]byte, 32))

// wantIn demands that a request with the header is let in: that nobody has the
// address that it asks for is said to those who may ask.
func (t *T) wantIn(header string) {
	t.do(call{path: fill(api.PathPublic, t.nobody()), auth: header}).want(api.CodeNoIdentity)
}

func (t *T) wantOut(header string, codes ...api.Code) *answer {
	return t.do(call{path: fill(api.PathPublic, t.nobody()), auth: header}).want(codes...)
}

// bearerCases: the JWT of an API key. claims are made when the case runs, as they
// hold times.
func bearerCases() []Case {
	type claims = func(domain string, at int64) obj
	plain := func(string, int64) obj { return nil }
	raw := func(t *T) []byte { return must(base64.StdEncoding.DecodeString(t.s.o.Key.Secret)) }
	in := func(id, says string, c claims) Case {
		return the("3.bearer."+id, says, func(t *T) { t.wantIn(t.bearer(raw(t), nil, c)) })
	}
	out := func(id, says string, header obj, c claims, codes ...api.Code) Case {
		return the("3.bearer."+id, says, func(t *T) { t.wantOut(t.bearer(raw(t), header, c), codes...) })
	}
	const bad = api.CodeBadCredentials
	return []Case{
		in("raw-secret", "HS256 keyed with the 32 raw secret bytes", plain),
		the("3.bearer.text-secret", "keyed with the base64 text itself is accepted too", func(t *T) {
			t.wantIn(t.bearer([]byte(t.s.o.Key.Secret), nil, plain))
		}),
		the("3.bearer.wrong-secret", "a token that does not verify is 401/40105", func(t *T) {
			t.wantOut(t.bearer(make([]byte, 32), nil, plain), bad)
		}),
		in("no-iat", "iat is optional", func(string, int64) obj { return obj{"iat": nil} }),
		in("aud-list", "aud must contain the domain", func(domain string, _ int64) obj { return obj{"aud": []string{"elsewhere.example.net", domain}} }),
		in("skew-early", "60 s of skew allowed", func(_ string, at int64) obj { return obj{"nbf": at + 45, "exp": at + 1000} }),
		in("skew-late", "60 s of skew allowed", func(_ string, at int64) obj { return obj{"nbf": at - 900, "exp": at - 45} }),
		in("an-hour", "exp - nbf at most 1 h", func(_ string, at int64) obj { return obj{"nbf": at - 10, "exp": at + 3590} }),
		out("aud-other", "aud must contain the domain or an alias", nil, func(string, int64) obj { return obj{"aud": "elsewhere.example.net"} }, bad),
		out("aud-missing", "aud is required", nil, func(string, int64) obj { return obj{"aud": nil} }, bad),
		out("exp-missing", "exp is required", nil, func(string, int64) obj { return obj{"exp": nil} }, bad),
		out("nbf-missing", "nbf is required", nil, func(string, int64) obj { return obj{"nbf": nil} }, bad),
		out("expired", "exp holds", nil, func(_ string, at int64) obj { return obj{"nbf": at - 900, "exp": at - 120} }, bad),
		out("not-yet", "nbf holds", nil, func(_ string, at int64) obj { return obj{"nbf": at + 300, "exp": at + 600} }, bad),
		out("too-long", "exp - nbf at most 1 h", nil, func(_ string, at int64) obj { return obj{"nbf": at - 10, "exp": at + 3700} }, bad),
		out("alg-none", "the algorithm is HS256", obj{"alg": "none"}, plain, bad, api.CodeNoCredentials),
		out("alg-hs512", "the algorithm is HS256", obj{"alg": "HS512"}, plain, bad, api.CodeNoCredentials),
		out("kid-missing", "the header's kid is the key's address", obj{"kid": nil}, plain, api.CodeNoCredentials),
		out("kid-unknown", "an unknown key is 401/40101", obj{"kid": address.New(address.APIKey).Local()}, plain, api.CodeUnknownKey),
	}
}

func (t *T) bearer(key []byte, header obj, claims func(domain string, at int64) obj) string {
	domain, at := t.standingParty().domain, now()
	all := changed(obj{"aud": domain, "nbf": at - 10, "exp": at + 600, "iat": at}, claims(domain, at))
	return apiToken(key, changed(obj{"alg": "HS256", "kid": t.s.o.Key.ID, "typ": "JWT"}, header), all)
}

// guarded are the calls that need an API key, by the scope that each needs.
var guarded = []struct {
	name, scope string
	call        call
}{
	{"register", api.ScopeIdentity, call{path: api.PathIdentity, body: "{}"}},
	{"me", api.ScopeIdentity, call{path: api.PathMe, body: "{}"}},
	{"sigPubKey", api.ScopeIdentity, call{path: api.PathMeSigKey, body: "{}"}},
	{"encPubKey", api.ScopeIdentity, call{path: api.PathMeEncKey, body: "{}"}},
	{"meta", api.ScopeIdentity, call{path: api.PathMeMeta, body: "{}"}},
	{"recovery", api.ScopeIdentity, call{path: api.PathMeRecovery, body: "{}"}},
	{"data", api.ScopeIdentity, call{path: fill(api.PathMeData, "x"), body: "{}"}},
	{"members", api.ScopeIdentity, call{path: api.PathMeMembers, body: "{}"}},
	{"retire", api.ScopeIdentity, call{path: api.PathMeRetire, body: "{}"}},
	{"public", api.ScopeIdentity, call{path: fill(api.PathPublic, "iAAAAAAAAAAAAAAAAAAAA")}},
	{"public-data", api.ScopeIdentity, call{path: fill(api.PathPublicData, "iAAAAAAAAAAAAAAAAAAAA", "x")}},
	{"send", api.ScopeMessage, call{path: api.PathSend, body: "{}"}},
	{"fetch", api.ScopeMessage, call{path: api.PathFetch, body: "{}"}},
	{"listen", api.ScopeMessage, call{path: api.PathListen, body: "{}"}},
	{"ack", api.ScopeMessage, call{path: api.PathAck, body: "{}"}},
	{"packages", api.ScopeMessage, call{path: api.PathPackages, body: "{}"}},
	{"events", api.ScopeEvent, call{path: fill(api.PathEvents, "cAAAAAAAAAAAAAAAAAAAA")}},
	{"events-listen", api.ScopeEvent, call{path: fill(api.PathEventsListen, "cAAAAAAAAAAAAAAAAAAAA")}},
	{"customer-create", api.ScopeOperator, call{path: api.PathCustomers, body: "{}"}},
	{"customer-list", api.ScopeOperator, call{path: api.PathCustomers}},
	{"customer", api.ScopeAdmin, call{path: fill(api.PathCustomer, "cAAAAAAAAAAAAAAAAAAAA")}},
	{"customer-patch", api.ScopeAdmin, call{method: "PATCH", path: fill(api.PathCustomer, "cAAAAAAAAAAAAAAAAAAAA"), body: "{}"}},
	{"application-create", api.ScopeAdmin, call{path: fill(api.PathApplications, "cAAAAAAAAAAAAAAAAAAAA"), body: "{}"}},
	{"application-list", api.ScopeAdmin, call{path: fill(api.PathApplications, "cAAAAAAAAAAAAAAAAAAAA")}},
	{"application", api.ScopeAdmin, call{path: fill(api.PathApplication, "pAAAAAAAAAAAAAAAAAAAA")}},
	{"key-create", api.ScopeAdmin, call{path: fill(api.PathKeys, "pAAAAAAAAAAAAAAAAAAAA"), body: "{}"}},
	{"key-list", api.ScopeAdmin, call{path: fill(api.PathKeys, "pAAAAAAAAAAAAAAAAAAAA")}},
	{"key", api.ScopeAdmin, call{path: fill(api.PathKey, "aAAAAAAAAAAAAAAAAAAAA")}},
	{"key-patch", api.ScopeAdmin, call{method: "PATCH", path: fill(api.PathKey, "aAAAAAAAAAAAAAAAAAAAA"), body: "{}"}},
	{"key-rotate", api.ScopeAdmin, call{path: fill(api.PathKeyRotate, "aAAAAAAAAAAAAAAAAAAAA"), body: "{}"}},
	{"key-delete", api.ScopeAdmin, call{method: "DELETE", path: fill(api.PathKey, "aAAAAAAAAAAAAAAAAAAAA")}},
	{"cluster", api.ScopeOperator, call{path: api.PathCluster}},
}

func requiredCases() (cases []Case) {
	for _, g := range guarded {
		cases = append(cases, the("3.required."+g.name, "every /v1/ request carries an API key, else 401/40100", func(t *T) {
			c := g.call
			c.auth = none
			t.do(c).want(api.CodeNoCredentials)
		}))
	}
	return cases
}

// scopeCases: the default pair does not do; and one that has only another scope.
func scopeCases() (cases []Case) {
	for _, g := range guarded {
		if g.scope == api.ScopeIdentity || g.scope == api.ScopeMessage {
			cases = append(cases, withOperator("3.scope."+g.name, "lacking scope "+g.scope+" is 403/40300", func(t *T) {
				c := g.call
				c.auth = basic(t.tenant(otherThan(g.scope)).key)
				t.do(c).want(api.CodeScope)
			}))
			continue
		}
		cases = append(cases, the("3.scope."+g.name, "lacking scope "+g.scope+" is 403/40300", func(t *T) { t.do(g.call).want(api.CodeScope) }))
	}
	return append(cases, withOperator("3.scope.default", "the default pair is identity and message", func(t *T) {
		a := t.operator("", fill(api.PathKey, t.tenant().key.ID), nil).want(api.CodeKey)
		t.check(len(a.list("body", "scopes")) == 2, "%v: scopes %v", a, a.at("body", "scopes"))
		t.check(strings.Contains(show(a.at("body", "scopes")), api.ScopeIdentity) && strings.Contains(show(a.at("body", "scopes")), api.ScopeMessage), "scopes %v", a.at("body", "scopes"))
	}))
}

func otherThan(scope string) string {
	if scope == api.ScopeIdentity {
		return api.ScopeMessage
	}
	return api.ScopeIdentity
}

// disabledCases: keys and tenants that are good no longer, and those of others.
func disabledCases() []Case {
	return []Case{
		withOperator("3.disabled.key", "a disabled key is 401/40102", func(t *T) {
			n := t.tenant()
			n.patch(api.PathKey, n.key.ID, obj{"enabled": false}).want(api.CodeKeyUpdated)
			t.with(n.key).want(api.CodeKeyDisabled)
			n.patch(api.PathKey, n.key.ID, obj{"enabled": true}).want(api.CodeKeyUpdated)
			t.with(n.key).want(api.CodeNoIdentity)
		}),
		withOperator("3.disabled.everywhere", "disabling takes effect on every node before the call returns", func(t *T) {
			n := t.tenant()
			for range 3 {
				n.patch(api.PathKey, n.key.ID, obj{"enabled": false}).want(api.CodeKeyUpdated)
				for range t.s.urls {
					t.with(n.key).want(api.CodeKeyDisabled)
				}
				n.patch(api.PathKey, n.key.ID, obj{"enabled": true}).want(api.CodeKeyUpdated)
			}
		}),
		withOperator("3.disabled.streams", "disabling ends the streams opened with the key within 5 s", func(t *T) {
			n := t.tenant()
			s := n.party().listen()
			n.patch(api.PathKey, n.key.ID, obj{"enabled": false}).want(api.CodeKeyUpdated)
			s.ends(6*time.Second, api.CodeKeyDisabled)
		}),
		withOperator("3.disabled.expired", "an expired key is 401/40103", func(t *T) {
			t.with(t.tenant().newKey(obj{"expires": show(now() - 60)})).want(api.CodeKeyExpired)
		}),
		withOperator("3.disabled.application", "a key whose application is disabled is 401/40104", func(t *T) {
			n := t.tenant()
			n.patch(api.PathApplication, n.app, obj{"enabled": false}).want(api.CodeAppUpdated)
			t.with(n.key).want(api.CodeTenantDisabled)
		}),
		withOperator("3.disabled.customer", "a key whose customer is disabled is 401/40104", func(t *T) {
			n := t.tenant()
			n.patch(api.PathCustomer, n.customer, obj{"enabled": false}).want(api.CodeCustomerUpdated)
			t.with(n.key).want(api.CodeTenantDisabled)
		}),
		withOperator("3.other-app.me", "a request may act for an identity only with a key of its own application", func(t *T) {
			p := t.tenant().party()
			t.post(api.PathMe, p.jwt(api.PathMe)).want(api.CodeOtherApp)
		}),
		withOperator("3.other-app.fetch", "a request may act for an identity only with a key of its own application", func(t *T) {
			p := t.tenant().party()
			t.post(api.PathFetch, p.jwt(api.PathFetch)).want(api.CodeOtherApp)
		}),
		withOperator("3.other-app.listen", "a request may act for an identity only with a key of its own application", func(t *T) {
			p := t.tenant().party()
			t.post(api.PathListen, p.jwt(api.PathListen)).want(api.CodeOtherApp)
		}),
		withOperator("3.other-app.send", "a request may act for an identity only with a key of its own application", func(t *T) {
			p := t.tenant().party()
			t.post(api.PathSend, obj{"msgs": []string{p.message("s", p.addr, nil)}}).want(api.CodeOtherApp)
		}),
		withOperator("3.other-app.meta", "a request may act for an identity only with a key of its own application", func(t *T) {
			p := t.tenant().party()
			t.post(api.PathMeMeta, obj{"metaPublic": p.token("/v1/identity/me/meta#metaPublic", obj{})}).want(api.CodeOtherApp)
		}),
		withOperator("3.other-app.retire", "a request may act for an identity only with a key of its own application", func(t *T) {
			p := t.tenant().party()
			t.post(api.PathMeRetire, p.jwt(api.PathMeRetire)).want(api.CodeOtherApp)
			p.me().want(api.CodeIdentity)
		}),
	}
}
