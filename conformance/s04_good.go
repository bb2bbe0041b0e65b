package conformance

import (
	"github.com/nixnode/nixnode/api"
)

// goodTokenCases: what tokens may have, and keys.
func goodTokenCases() []Case {
	in := func(id, says string, header func(p *party) obj, claims func(p *party) obj) Case {
		return the("4.good."+id, says, func(t *T) {
			p := t.standingParty()
			jwt := p.token("/v1/identity/me#jwt", p.claims(claims(p)), header(p))
			p.post(api.PathMe, obj{"jwt": jwt}).want(api.CodeIdentity).is(p.addr, "body", "address")
		})
	}
	plain := func(*party) obj { return nil }
	cases := []Case{
		in("full-kid", "kid = <identity address>/<key id>", func(p *party) obj { return obj{"kid": p.addr + "/" + p.sig.thumb} }, plain),
		in("padded-key-id", "the key id may be padded", func(p *party) obj { return obj{"kid": p.local + "/" + p.sig.thumb + "="} }, plain),
		in("cut-key-id", "the key id may be cut to 8 characters", func(p *party) obj { return obj{"kid": p.local + "/" + p.sig.thumb[:8]} }, plain),
		in("typ-cty", "typ and cty are allowed", func(*party) obj { return obj{"typ": "JWT", "cty": "json"} }, plain),
		in("iat-window", "iat within 300 s", func(*party) obj { return obj{"iat": now() - 280} }, plain),
		in("iat-window-ahead", "iat within 300 s, ahead too", func(*party) obj { return obj{"iat": now() + 280} }, plain),
		in("skew-exp", "exp with 60 s of skew", plain, func(*party) obj { return obj{"nbf": now() - 300, "exp": now() - 45} }),
		in("skew-nbf", "nbf with 60 s of skew", plain, func(*party) obj { return obj{"nbf": now() + 45, "exp": now() + 300} }),
		in("fifteen-minutes", "exp and nbf at most 15 min apart", plain, func(*party) obj { return obj{"nbf": now() - 10, "exp": now() + 890} }),
		in("aud-list", "aud must contain the domain", plain, func(p *party) obj { return obj{"aud": []string{"elsewhere.example.net", p.domain}} }),
		in("id-jti", "optionally id and jti", plain, func(*party) obj { return obj{"id": "1", "jti": "2"} }),
		in("local-iss", "iss and sub in local form", plain, func(p *party) obj { return obj{"iss": p.local, "sub": p.local} }),
	}
	return append(cases, badKeyCases()...)
}

// badKeyCases: each bad public key in each place for keys.
func badKeyCases() (cases []Case) {
	off := newKeypair() // its x with another's y is on no curve
	for name, change := range map[string]func(use string) obj{
		"kty":       func(string) obj { return obj{"kty": "RSA"} },
		"crv":       func(string) obj { return obj{"crv": "P-384"} },
		"off-curve": func(string) obj { return obj{"y": off.y, "kid": nil} },
		"no-y":      func(string) obj { return obj{"y": nil, "kid": nil} },
		"use":       func(use string) obj { return obj{"use": map[string]string{"sig": "enc", "enc": "sig"}[use]} },
		"no-use":    func(string) obj { return obj{"use": nil} },
		"private":   func(string) obj { return obj{"d": off.x} },
		"kid":       func(string) obj { return obj{"kid": off.thumb} },
	} {
		const says = "a key that is not a public P-256 JWK of the use is 400/40019"
		cases = append(cases, the("4.key."+name+"-at-registration-sig", says, func(t *T) {
			p := &party{t: t, sig: newKeypair(), enc: newKeypair()}
			body := p.registration(obj{}, obj{})
			body["sigPubKey"] = p.sig.jwk("sig", change("sig"))
			t.post(api.PathIdentity, body).want(api.CodeBadKey)
		}), the("4.key."+name+"-at-registration-enc", says, func(t *T) {
			p := &party{t: t, sig: newKeypair(), enc: newKeypair()}
			body := p.registration(obj{}, obj{})
			body["encPubKey"] = p.token("/v1/identity#encPubKey", p.enc.jwk("enc", change("enc")))
			t.post(api.PathIdentity, body).want(api.CodeBadKey)
		}), the("4.key."+name+"-at-update", says, func(t *T) {
			p := t.standingParty()
			p.post(api.PathMeEncKey, obj{"encPubKey": p.token("/v1/identity/me/encPubKey#encPubKey", p.enc.jwk("enc", change("enc")))}).want(api.CodeBadKey)
		}))
	}
	return append(cases, the("4.key.padded-kid", "a JWK's kid may be padded", func(t *T) {
		p := &party{t: t, sig: newKeypair(), enc: newKeypair()}
		body := p.registration(obj{}, obj{})
		body["sigPubKey"] = p.sig.jwk("sig", obj{"kid": p.sig.thumb + "="})
		t.post(api.PathIdentity, body).want(api.CodeRegistered)
	}), the("4.key.without-kid", "a JWK's kid may be absent", func(t *T) {
		p := &party{t: t, sig: newKeypair(), enc: newKeypair()}
		body := p.registration(obj{}, obj{})
		body["sigPubKey"] = p.sig.jwk("sig", obj{"kid": nil})
		t.post(api.PathIdentity, body).want(api.CodeRegistered)
	}))
}

// replayCases: the same token again, and an older one.
func replayCases() (cases []Case) {
	for _, c := range []struct {
		name, tgt string
		payload   func(p *party) any
		apply     func(p *party, token string) *answer
		code      api.Code
	}{
		{"metaPublic", "/v1/identity/me/meta#metaPublic", func(*party) any { return obj{"identityType": "user", "n": now()} },
			func(p *party, token string) *answer { return p.post(api.PathMeMeta, obj{"metaPublic": token}) }, api.CodeMetaUpdated},
		{"metaPrivate", "/v1/identity/me/meta#metaPrivate", func(*party) any { return obj{"n": now()} },
			func(p *party, token string) *answer { return p.post(api.PathMeMeta, obj{"metaPrivate": token}) }, api.CodeMetaUpdated},
		{"encPubKey", "/v1/identity/me/encPubKey#encPubKey", func(*party) any { return newKeypair().jwk("enc") },
			func(p *party, token string) *answer { return p.post(api.PathMeEncKey, obj{"encPubKey": token}) }, api.CodeEncKeyUpdated},
		{"data", "/v1/identity/me/data/x#jws", func(*party) any { return obj{"name": "x", "jwe": "a.b.c.d.e"} },
			func(p *party, token string) *answer { return p.post(fill(api.PathMeData, "x"), obj{"jws": token}) }, api.CodeDataStored},
	} {
		cases = append(cases, the("4.replay.same-"+c.name, "the same token again returns the same success", func(t *T) {
			p := t.party()
			token := p.token(c.tgt, c.payload(p))
			first := c.apply(p, token).want(c.code)
			again := c.apply(p, token).want(c.code)
			t.check(same(again.at("body"), first.at("body")), "%v; first %s, then %s", again, first.text, again.text)
		}), the("4.replay.older-"+c.name, "one with an older iat is 409/40900", func(t *T) {
			p := t.party()
			c.apply(p, p.token(c.tgt, c.payload(p))).want(c.code)
			c.apply(p, p.token(c.tgt, c.payload(p), obj{"iat": now() - 100})).want(api.CodeStaleToken)
		}), the("4.replay.reapplied-"+c.name, "changes cannot be replayed out of order", func(t *T) {
			p := t.party()
			old := p.token(c.tgt, c.payload(p), obj{"iat": now() - 20})
			c.apply(p, old).want(c.code)
			c.apply(p, p.token(c.tgt, c.payload(p))).want(c.code)
			c.apply(p, old).want(api.CodeStaleToken)
		}))
	}
	return cases
}
