package conformance

import (
	"strconv"
	"strings"
	"time"

	"github.com/nixnode/nixnode/api"
)

// identityCases are those of section 5.
func identityCases() []Case {
	cases := []Case{
		the("5.register.answer", "POST /v1/identity gives the identity with its private part; 20011", func(t *T) {
			p := &party{t: t, sig: newKeypair(), enc: newKeypair()}
			body := p.registration(obj{"identityType": "user", "n": "x"}, obj{"secret": "y"})
			a := t.post(api.PathIdentity, body).want(api.CodeRegistered)
			a.is(body["encPubKey"], "body", "encPubKey").is(body["metaPublic"], "body", "metaPublicJWS")
			a.is("x", "body", "metaPublic", "n").is("y", "body", "metaPrivate", "secret").has("body", "metaPublic", "appAddress")
			a.is(p.sig.x, "body", "sigPubKey", "x").is(p.sig.x, "body", "sigRoot", "x").is([]any{}, "body", "sigChain")
		}),
		the("5.register.decimal-times", "created and lastHeardDay are decimal strings of unix seconds", func(t *T) {
			a := t.party().me().want(api.CodeIdentity)
			for _, name := range []string{"created", "lastHeardDay"} {
				sec, err := strconv.ParseInt(a.str("body", "metaPrivate", name), 10, 64)
				t.check(err == nil && time.Since(time.Unix(sec, 0)).Abs() < 24*time.Hour, "%v; %s is %v", a, name, a.at("body", "metaPrivate", name))
			}
		}),
		the("5.register.again", "registering the same key with the same tokens returns the identity it has", func(t *T) {
			p := &party{t: t, sig: newKeypair(), enc: newKeypair()}
			body := p.registration(obj{}, obj{})
			first := t.post(api.PathIdentity, body).want(api.CodeRegistered)
			t.post(api.PathIdentity, body).want(api.CodeRegistered).is(first.at("body", "address"), "body", "address")
		}),
		the("5.register.other-tokens", "registering the same key with other tokens is 409/40902", func(t *T) {
			p := t.party()
			t.post(api.PathIdentity, p.atRegistration()).want(api.CodeKeyTaken)
		}),
		withOperator("5.register.other-app", "the key of another application's identity is 409/40902", func(t *T) {
			p, n := &party{t: t, sig: newKeypair(), enc: newKeypair()}, t.tenant()
			body := p.registration(obj{}, obj{})
			t.post(api.PathIdentity, body).want(api.CodeRegistered)
			t.do(call{path: api.PathIdentity, body: body, auth: basic(n.key)}).want(api.CodeKeyTaken)
		}),
		withOperator("5.register.app-address", "appAddress is set by the server", func(t *T) {
			n := t.tenant()
			p := &party{t: t, sig: newKeypair(), enc: newKeypair()}
			a := t.do(call{path: api.PathIdentity, body: p.registration(obj{"appAddress": "mine"}, obj{}), auth: basic(n.key)}).want(api.CodeRegistered)
			a.is(n.app, "body", "metaPublic", "appAddress")
		}),
		the("5.register.not-the-key", "the tokens are by that key, else 401/40012 or 40013", func(t *T) {
			p, q := &party{t: t, sig: newKeypair(), enc: newKeypair()}, &party{t: t, sig: newKeypair(), enc: newKeypair()}
			body := p.registration(obj{}, obj{})
			body["metaPublic"] = q.registration(obj{}, obj{})["metaPublic"]
			t.post(api.PathIdentity, body).want(api.CodeBadSignature, api.CodeKeyNotCurrent)
		}),
		the("5.type.unknown", "identityType is one of app group route user vault, or empty", func(t *T) {
			p := &party{t: t, sig: newKeypair(), enc: newKeypair()}
			t.post(api.PathIdentity, p.registration(obj{"identityType": "emperor"}, obj{})).want(api.CodeBadValue)
		}),
		the("5.meta.no-object", "metadata is an object", func(t *T) {
			p := &party{t: t, sig: newKeypair(), enc: newKeypair()}
			t.post(api.PathIdentity, p.registration([]string{"x"}, obj{})).want(api.CodeBadToken)
		}),
		the("5.me.answer", "POST /v1/identity/me gives the identity with its private part; 20012", func(t *T) {
			p := t.party()
			p.me().want(api.CodeIdentity).is(p.addr, "body", "address").has("body", "metaPrivate")
		}),
		the("5.public.answer", "GET /v1/identity/:id gives the public part; 20012", func(t *T) {
			p := t.party()
			a := t.get("/v1/identity/"+p.addr).want(api.CodeIdentity).is(p.addr, "body", "address").has("body", "sigPubKey").has("body", "encPubKey").has("body", "sigRoot").has("body", "sigChain").has("body", "metaPublicJWS")
			t.check(a.at("body", "metaPrivate") == nil, "%v; it shows metaPrivate", a)
		}),
		the("5.public.verifies", "encPubKey and metaPublicJWS are tokens that peers can verify", func(t *T) {
			p := t.party()
			a := t.get("/v1/identity/" + p.addr).want(api.CodeIdentity)
			for _, field := range []string{"encPubKey", "metaPublicJWS"} {
				t.check(verifies(a.str("body", field), a.at("body", "sigPubKey")), "%v; %s does not verify", a, field)
			}
		}),
		the("5.public.nobody", "no such identity is 404/40401", func(t *T) { t.get("/v1/identity/" + t.nobody()).want(api.CodeNoIdentity) }),
		the("5.encPubKey.update", "POST …/encPubKey replaces the encryption key; 20014", func(t *T) {
			p := t.party()
			token := p.token("/v1/identity/me/encPubKey#encPubKey", newKeypair().jwk("enc"))
			p.post(api.PathMeEncKey, obj{"encPubKey": token}).want(api.CodeEncKeyUpdated).is(token, "body", "encPubKey").has("body", "metaPrivate")
			t.get("/v1/identity/"+p.addr).want(api.CodeIdentity).is(token, "body", "encPubKey")
		}),
	}
	for _, kind := range []string{"", "app", "group", "route", "user", "vault"} {
		cases = append(cases, the("5.type."+orEmpty(kind), "identityType is one of app group route user vault, or empty", func(t *T) {
			t.get("/v1/identity/"+t.partyOf(kind, "").addr).want(api.CodeIdentity).is(kind, "body", "metaPublic", "identityType")
		}))
	}
	for _, field := range []string{"sigPubKey", "encPubKey", "metaPublic", "metaPrivate"} {
		cases = append(cases, the("5.register.without-"+field, "a missing field is 400/40001", func(t *T) {
			p := &party{t: t, sig: newKeypair(), enc: newKeypair()}
			t.post(api.PathIdentity, changed(p.registration(obj{}, obj{}), obj{field: nil})).want(api.CodeMissingField)
		}))
	}
	cases = append(cases, metaCases()...)
	cases = append(cases, sigKeyCases()...)
	cases = append(cases, dataCases()...)
	return append(cases, retireCases()...)
}

func orEmpty(kind string) string {
	if kind == "" {
		return "empty"
	}
	return kind
}

// atRegistration gives new tokens that register p's key once more.
func (p *party) atRegistration() obj {
	again := &party{t: p.t, sig: p.sig, enc: newKeypair()}
	return again.registration(obj{}, obj{})
}

func (p *party) setMeta(field string, payload any) *answer {
	return p.post(api.PathMeMeta, obj{field: p.token("/v1/identity/me/meta#"+field, payload)})
}

func metaCases() []Case {
	long := func(n int) obj { return obj{"x": strings.Repeat("x", n-len(`{"x":""}`))} }
	cases := []Case{
		the("5.meta.none", "metaPrivate and/or metaPublic", func(t *T) { t.post(api.PathMeMeta, obj{}).want(api.CodeMissingField) }),
		the("5.meta.both", "both in one call; 20015", func(t *T) {
			p := t.party()
			a := p.post(api.PathMeMeta, obj{
				"metaPublic":  p.token("/v1/identity/me/meta#metaPublic", obj{"n": "1"}),
				"metaPrivate": p.token("/v1/identity/me/meta#metaPrivate", obj{"n": "2"}),
			}).want(api.CodeMetaUpdated)
			a.is("1", "body", "metaPublic", "n").is("2", "body", "metaPrivate", "n")
		}),
		the("5.meta.one-leaves-other", "metaPrivate alone leaves metaPublic as it is", func(t *T) {
			p := t.party()
			p.setMeta("metaPublic", obj{"n": "1"}).want(api.CodeMetaUpdated)
			p.setMeta("metaPrivate", obj{"m": "2"}).want(api.CodeMetaUpdated).is("1", "body", "metaPublic", "n").is("2", "body", "metaPrivate", "m")
		}),
		the("5.meta.jws-follows", "metaPublicJWS is the token", func(t *T) {
			p := t.party()
			token := p.token("/v1/identity/me/meta#metaPublic", obj{"n": "1"})
			p.post(api.PathMeMeta, obj{"metaPublic": token}).want(api.CodeMetaUpdated)
			t.get("/v1/identity/"+p.addr).want(api.CodeIdentity).is(token, "body", "metaPublicJWS")
		}),
	}
	for _, field := range []string{"metaPublic", "metaPrivate"} {
		cases = append(cases,
			the("5.meta."+field+"-16-KiB", "metadata of 16 KiB fits", func(t *T) { t.party().setMeta(field, long(api.MaxMeta)).want(api.CodeMetaUpdated) }),
			the("5.meta."+field+"-too-large", "metadata at most 16 KiB", func(t *T) { t.standingParty().setMeta(field, long(api.MaxMeta+1)).want(api.CodeItemTooLarge) }))
	}
	return cases
}

// rotate gives the body that replaces p's keys by new ones.
func (p *party) rotate(sig, enc *keypair) obj {
	body := obj{"sigPubKey": p.token("/v1/identity/me/sigPubKey#sigPubKey", sig.jwk("sig"))}
	body["encPubKey"] = sig.sign(p.header("/v1/identity/me/sigPubKey#encPubKey", obj{"kid": p.local + "/" + sig.thumb}), enc.jwk("enc"))
	return body
}

// rotated replaces p's keys, and gives p as it was.
func (p *party) rotated() (old party) {
	old = *p
	sig, enc := newKeypair(), newKeypair()
	p.post(api.PathMeSigKey, p.rotate(sig, enc)).want(api.CodeSigKeyUpdated)
	p.sig, p.enc = sig, enc
	return old
}

func sigKeyCases() []Case {
	return []Case{
		the("5.sigPubKey.update", "POST …/sigPubKey replaces both keys; 20013", func(t *T) {
			p := t.party()
			sig := newKeypair()
			body := p.rotate(sig, newKeypair())
			p.post(api.PathMeSigKey, body).want(api.CodeSigKeyUpdated).is(sig.x, "body", "sigPubKey", "x").is(body["encPubKey"], "body", "encPubKey").has("body", "metaPrivate")
		}),
		the("5.sigPubKey.old-refused", "the old key is refused everywhere at once", func(t *T) {
			p := t.party()
			old := p.rotated()
			for range max(2, len(t.s.urls)) {
				old.me().want(api.CodeKeyNotCurrent)
				old.trySend(old.message("s", p.addr, nil)).want(api.CodeKeyNotCurrent)
				p.me().want(api.CodeIdentity)
			}
		}),
		the("5.sigPubKey.chain", "root → chain → current key verify", func(t *T) {
			p := t.party()
			p.rotated()
			p.rotated()
			a := t.get("/v1/identity/" + p.addr).want(api.CodeIdentity)
			key := a.at("body", "sigRoot")
			chain := a.list("body", "sigChain")
			t.check(len(chain) == 2, "%v; %d tokens in the chain after two updates", a, len(chain))
			for i, link := range chain {
				t.check(verifies(text(link), key), "%v; link %d does not verify with the key before it", a, i)
				key = payloadOf(text(link))
			}
			t.check(at(key, "x") == at(a.at("body", "sigPubKey"), "x"), "%v; the chain does not end at sigPubKey", a)
			a.is(p.sig.x, "body", "sigPubKey", "x")
		}),
		the("5.sigPubKey.streams-go-on", "open streams go on", func(t *T) {
			p := t.party()
			s := p.listen()
			p.rotated()
			msg := p.message("s", p.addr, nil)
			p.send(msg)
			s.brings(msg)
		}),
		the("5.sigPubKey.enc-by-old", "encPubKey is a token by the NEW key", func(t *T) {
			p := t.party()
			body := p.rotate(newKeypair(), newKeypair())
			body["encPubKey"] = p.token("/v1/identity/me/sigPubKey#encPubKey", p.enc.jwk("enc"))
			p.post(api.PathMeSigKey, body).want(api.CodeKeyNotCurrent, api.CodeBadSignature)
			p.me().want(api.CodeIdentity)
		}),
		the("5.sigPubKey.sig-by-new", "sigPubKey is a token by the old key", func(t *T) {
			p := t.party()
			sig := newKeypair()
			body := p.rotate(sig, newKeypair())
			body["sigPubKey"] = sig.sign(p.header("/v1/identity/me/sigPubKey#sigPubKey", obj{"kid": p.local + "/" + sig.thumb}), sig.jwk("sig"))
			p.post(api.PathMeSigKey, body).want(api.CodeKeyNotCurrent, api.CodeBadSignature)
			p.me().want(api.CodeIdentity)
		}),
		the("5.sigPubKey.without-enc", "a missing field is 400/40001", func(t *T) {
			p := t.party()
			p.post(api.PathMeSigKey, changed(p.rotate(newKeypair(), newKeypair()), obj{"encPubKey": nil})).want(api.CodeMissingField)
		}),
		the("5.sigPubKey.again", "the same token again returns the same success", func(t *T) {
			p := t.party()
			body := p.rotate(newKeypair(), newKeypair())
			first := p.post(api.PathMeSigKey, body).want(api.CodeSigKeyUpdated)
			p.post(api.PathMeSigKey, body).want(api.CodeSigKeyUpdated).is(first.at("body", "sigPubKey"), "body", "sigPubKey")
		}),
		the("5.sigPubKey.data-kept", "stored data is returned as it was stored", func(t *T) {
			p := t.party()
			token := p.token("/v1/identity/me/recovery#jws", obj{"name": "recovery", "jwe": "a.b.c.d.e"})
			p.post(api.PathMeRecovery, obj{"jws": token}).want(api.CodeDataStored)
			p.rotated()
			t.get("/v1/identity/"+p.addr+"/recovery").want(api.CodeData).is(token, "body", "jws")
		}),
	}
}
