package testcluster_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/testcluster"
)

// es256 signs as RFC 7518 §3.4 says, whatever it is given.
func (o *oldSDK) es256(input string) []byte {
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, o.key, sum[:])
	if err != nil {
		panic(err) // of no random source
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
}

// place is where a token belongs: one field of one call.
type place struct {
	name, route  string
	method, path string
	field        string
	signer       *oldSDK
	kid          string
	payload      any
	proof        bool // "it is me, now"
	atBirth      bool // at registration
	success      api.Code
	// notJSON is the code of a payload that is none.
	notJSON api.Code
	// body is the request with a token in this place and good ones in the others.
	body func(token string) map[string]any
}

func (p place) tgt() string { return p.path + "#" + p.field }

func (p place) header() map[string]any {
	return map[string]any{"alg": "ES256", "kid": p.kid, "tgt": p.tgt(), "iat": time.Now().Unix()}
}

func (p place) sign(t *testing.T, header, payload any) string {
	t.Helper()
	return compact(toJSON(t, header), toJSON(t, payload), p.signer.es256)
}

func (p place) good(t *testing.T) string { t.Helper(); return p.sign(t, p.header(), p.payload) }

// claims are what a proof says, with more if the call wants more.
func (o *oldSDK) claims(more map[string]any) map[string]any {
	now := time.Now().Unix()
	c := map[string]any{"iss": o.local, "sub": o.local, "aud": "localhost", "iat": now, "nbf": now, "exp": now + 300}
	for k, v := range more {
		c[k] = v
	}
	return c
}

// places gives all places of tokens of the identity o, and those at the birth of
// another one. The last ones end o's key, and o.
func places(t *testing.T, o *oldSDK) []place {
	t.Helper()
	kid := o.local + "/" + o.thumb
	next := newOldSDK(t)
	next.local = o.local
	proof := func(name, path string, success api.Code, more map[string]any) place {
		return place{
			name: name, route: name, method: "POST", path: path, field: "jwt", signer: o, kid: kid, payload: o.claims(more), proof: true, success: success,
			notJSON: api.CodeBadToken, body: func(token string) map[string]any { return map[string]any{"jwt": token} },
		}
	}
	own := func(route, path, field string, payload any, success, notJSON api.Code) place {
		return place{
			name: route + " " + field, route: route, method: "POST", path: path, field: field, signer: o, kid: kid, payload: payload,
			success: success, notJSON: notJSON, body: func(token string) map[string]any { return map[string]any{field: token} },
		}
	}
	birth := func(field string, notJSON api.Code) place {
		newborn := newOldSDK(t)
		payload := map[string]any{"encPubKey": newborn.jwk("enc"), "metaPublic": map[string]any{"identityType": "app"}, "metaPrivate": map[string]any{"canary": "of-private-metadata-that-nobody-logs"}}[field]
		p := place{
			name: "register " + field, route: "identity.register", method: "POST", path: "/v1/identity", field: field, signer: newborn,
			kid: "/" + newborn.thumb, payload: payload, atBirth: true, success: api.CodeRegistered, notJSON: notJSON,
		}
		body := map[string]any{
			"sigPubKey":   newborn.jwk("sig"),
			"encPubKey":   newborn.place(t, "/v1/identity#encPubKey", newborn.jwk("enc")),
			"metaPublic":  newborn.place(t, "/v1/identity#metaPublic", map[string]any{}),
			"metaPrivate": newborn.place(t, "/v1/identity#metaPrivate", map[string]any{}),
		}
		p.body = func(token string) map[string]any { return changed(body, field, token) }
		return p
	}
	const rotate, data = "/v1/identity/me/sigPubKey", "/v1/identity/me/data/"
	newEnc := next.place(t, rotate+"#encPubKey", next.jwk("enc"))
	newSig := o.place(t, rotate+"#sigPubKey", next.jwk("sig"))
	byOld := own("identity.sigPubKey", rotate, "sigPubKey", next.jwk("sig"), api.CodeSigKeyUpdated, api.CodeBadKey)
	byOld.body = func(token string) map[string]any { return map[string]any{"sigPubKey": token, "encPubKey": newEnc} }
	byNew := own("identity.sigPubKey", rotate, "encPubKey", next.jwk("enc"), api.CodeSigKeyUpdated, api.CodeBadKey)
	byNew.signer, byNew.kid = next, o.local+"/"+next.thumb
	byNew.body = func(token string) map[string]any { return map[string]any{"sigPubKey": newSig, "encPubKey": token} }
	item := func(name string) map[string]any {
		return map[string]any{"name": name, "jwe": "canary-of-a-jwe-that-nobody-logs"}
	}
	return []place{
		birth("encPubKey", api.CodeBadKey), birth("metaPublic", api.CodeBadToken), birth("metaPrivate", api.CodeBadToken),
		proof("identity.me", "/v1/identity/me", api.CodeIdentity, nil),
		own("identity.encPubKey", "/v1/identity/me/encPubKey", "encPubKey", o.jwk("enc"), api.CodeEncKeyUpdated, api.CodeBadKey),
		own("identity.meta", "/v1/identity/me/meta", "metaPublic", map[string]any{"identityType": "group"}, api.CodeMetaUpdated, api.CodeBadToken),
		own("identity.meta", "/v1/identity/me/meta", "metaPrivate", map[string]any{}, api.CodeMetaUpdated, api.CodeBadToken),
		own("identity.storeRecovery", "/v1/identity/me/recovery", "jws", item("recovery"), api.CodeDataStored, api.CodeBadToken),
		own("identity.storeData", data+"recovery", "jws", item("recovery"), api.CodeDataStored, api.CodeBadToken),
		own("identity.storeData", data+"notes", "jws", item("notes"), api.CodeDataStored, api.CodeBadToken),
		own("identity.members", "/v1/identity/me/members", "members", []string{}, api.CodeMembersSet, api.CodeBadToken),
		proof("messages.fetch", "/v1/messages/fetch", api.CodeMessages, nil),
		proof("messages.listen", "/v1/messages/listen", api.CodeOK, nil),
		proof("messages.ack", "/v1/messages/ack", api.CodeAcked, map[string]any{"upTo": "1"}),
		proof("packages.list", "/v1/packages/list", api.CodePackages, nil),
		byNew, byOld,
		proof("identity.retire", "/v1/identity/me/retire", api.CodeRetired, nil),
	}
}

// tokenFault is one thing that can be wrong with a token.
type tokenFault struct {
	name string
	code api.Code
	make func(t *testing.T, p place) string
}

// headerFaults sign a wrong header properly, so that nothing but the header is wrong.
func headerFaults() []tokenFault {
	var faults []tokenFault
	set := func(name string, v any, code api.Code) {
		text := fmt.Sprintf("%v", v)
		faults = append(faults, tokenFault{name + " " + text[:min(len(text), 40)], code, func(t *testing.T, p place) string {
			return p.sign(t, changed(p.header(), name, v), p.payload)
		}})
	}
	for _, alg := range []any{"none", "None", "HS256", "ES384", "ES512", "RS256", "EdDSA", "es256", "ES256 ", ""} {
		set("alg", alg, api.CodeBadAlgorithm)
	}
	for _, alg := range []any{nil, 256, []string{"ES256"}, json.RawMessage("null")} {
		set("alg", alg, api.CodeBadToken)
	}
	for _, extra := range []string{"crit", "jwk", "jku", "x5c", "x5u", "x5t", "x5t#S256", "b64", "zip", "enc", "epk", "nonce", "url", "ALG", "Kid"} {
		set(extra, []string{"x"}, api.CodeBadToken)
	}
	set("b64", false, api.CodeBadToken)
	set("typ", 7, api.CodeBadToken)
	set("cty", []string{}, api.CodeBadToken)
	set("typ", strings.Repeat("x", 5000), api.CodeBadToken)
	for _, kid := range []any{nil, 7, "", "x", "/", "//", json.RawMessage("null")} {
		set("kid", kid, api.CodeBadToken)
	}
	raw := func(name, format string) {
		faults = append(faults, tokenFault{"header " + name, api.CodeBadToken, func(t *testing.T, p place) string {
			h := strings.TrimSuffix(strings.TrimPrefix(string(toJSON(t, p.header())), "{"), "}")
			return compact([]byte(strings.ReplaceAll(format, "%", h)), toJSON(t, p.payload), p.signer.es256)
		}})
	}
	raw("twice alg", `{%,"alg":"ES256"}`)
	raw("twice kid", `{"kid":"x",%}`)
	raw("trailing garbage", `{%}{}`)
	raw("an array", `[{%}]`)
	raw("not JSON", `%`)
	raw("empty", ``)
	raw("bad UTF-8", "{%,\"typ\":\"\xff\"}")
	raw("byte order mark", "\ufeff{%}")
	raw("deep", `{%,"typ":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`}`)
	return faults
}

// placeFaults: tgt, iat and kid name another place, time or signer.
func placeFaults(stranger *oldSDK) []tokenFault {
	var faults []tokenFault
	set := func(name, field string, code api.Code, v func(p place) any) {
		faults = append(faults, tokenFault{name, code, func(t *testing.T, p place) string {
			return p.sign(t, changed(p.header(), field, v(p)), p.payload)
		}})
	}
	is := func(v any) func(place) any { return func(place) any { return v } }
	set("tgt absent", "tgt", api.CodeBadTarget, is(nil))
	set("tgt empty", "tgt", api.CodeBadTarget, is(""))
	set("tgt of another path", "tgt", api.CodeBadTarget, func(p place) any { return "/v1/identity/x#" + p.field })
	set("tgt of another field", "tgt", api.CodeBadTarget, func(p place) any { return p.path + "#other" })
	set("tgt with a host", "tgt", api.CodeBadTarget, func(p place) any { return "http://localhost" + p.tgt() })
	set("tgt in capitals", "tgt", api.CodeBadTarget, func(p place) any { return strings.ToUpper(p.tgt()) })
	set("tgt and more", "tgt", api.CodeBadTarget, func(p place) any { return p.tgt() + " " })
	set("tgt a number", "tgt", api.CodeBadToken, is(7))
	set("iat absent", "iat", api.CodeBadIssuedAt, is(nil))
	set("iat stale", "iat", api.CodeBadIssuedAt, func(place) any { return time.Now().Unix() - 302 })
	set("iat to come", "iat", api.CodeBadIssuedAt, func(place) any { return time.Now().Unix() + 303 })
	set("iat zero", "iat", api.CodeBadIssuedAt, is(0))
	set("iat in milliseconds", "iat", api.CodeBadIssuedAt, func(place) any { return time.Now().UnixMilli() })
	set("iat with a fraction", "iat", api.CodeBadIssuedAt, func(place) any { return json.RawMessage(fmt.Sprintf("%d.5", time.Now().Unix())) })
	set("iat a text", "iat", api.CodeBadIssuedAt, func(place) any { return fmt.Sprint(time.Now().Unix()) })
	set("iat beyond all", "iat", api.CodeBadIssuedAt, is(json.RawMessage("99999999999999999999999")))
	who := func(p place) string { at, _, _ := strings.Cut(p.kid, "/"); return at }
	set("key id of 7", "kid", api.CodeBadToken, func(p place) any { return who(p) + "/" + p.signer.thumb[:7] })
	set("key id of 44", "kid", api.CodeBadToken, func(p place) any { return who(p) + "/" + strings.TrimRight(p.signer.thumb, "=") + "A" })
	set("key id with a slash", "kid", api.CodeBadToken, func(p place) any { return p.kid + "/x" })
	set("key id of another key", "kid", api.CodeKeyNotCurrent, func(p place) any { return who(p) + "/" + stranger.thumb })
	set("prefix of another key's", "kid", api.CodeKeyNotCurrent, func(p place) any { return who(p) + "/" + stranger.thumb[:8] })
	set("kid foreign", "kid", api.CodeOtherDomain, func(p place) any { return "iAAAAAAAAAAAAAAAAAAAA@elsewhere.org/" + p.signer.thumb })
	set("kid malformed", "kid", api.CodeBadToken, func(p place) any { return "iAAA/" + p.signer.thumb })
	set("kid of an API key", "kid", api.CodeBadToken, func(p place) any { return "aAAAAAAAAAAAAAAAAAAAA/" + p.signer.thumb })
	return faults
}

// formFaults spoil a good token as text.
func formFaults() []tokenFault {
	var faults []tokenFault
	text := func(name string, spoil func(s string) string) {
		faults = append(faults, tokenFault{name, api.CodeBadToken, func(t *testing.T, p place) string { return spoil(p.good(t)) }})
	}
	parts := func(name string, join func(h, p, s string) string) {
		text(name, func(s string) string { x := strings.Split(s, "."); return join(x[0], x[1], x[2]) })
	}
	text("garbage", func(string) string { return "garbage" })
	text("a space", func(string) string { return " " })
	parts("one part", func(h, _, _ string) string { return h })
	parts("two parts", func(h, p, _ string) string { return h + "." + p })
	parts("four parts", func(h, p, s string) string { return h + "." + p + "." + s + "." + s })
	parts("five parts", func(h, p, s string) string { return strings.Join([]string{h, p, s, s, s}, ".") })
	parts("no header", func(_, p, s string) string { return "." + p + "." + s })
	parts("no signature", func(h, p, _ string) string { return h + "." + p + "." })
	parts("as JSON", func(h, p, s string) string {
		return fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, h, p, s)
	})
	text("truncated", func(s string) string { return s[:len(s)-1] })
	text("longer", func(s string) string { return s + "AA" })
	text("padded", func(s string) string { return s + "==" })
	parts("padded header", func(h, p, s string) string { return h + "=." + p + "." + s })
	text("behind a space", func(s string) string { return " " + s })
	text("before a line end", func(s string) string { return s + "\n" })
	for name, at := range map[string]float64{"header": 0.05, "payload": 0.5, "signature": 0.98} {
		text("line break in the "+name, func(s string) string { i := int(at * float64(len(s))); return s[:i] + "\n" + s[i:] })
		text("carriage return in the "+name, func(s string) string { i := int(at * float64(len(s))); return s[:i] + "\r" + s[i:] })
		text("a + in the "+name, func(s string) string { i := int(at * float64(len(s))); return s[:i] + "+" + s[i+1:] })
	}
	text("not canonical", func(s string) string {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		last := strings.IndexByte(alphabet, s[len(s)-1])
		return s[:len(s)-1] + string(alphabet[last|1]) // 64 bytes leave four bits over, which must be zero
	})
	return faults
}

// signatureFaults are well-formed tokens that nobody with the key has signed.
func signatureFaults(stranger *oldSDK) []tokenFault {
	var faults []tokenFault
	signed := func(name string, code api.Code, sign func(p place, input string) []byte) {
		faults = append(faults, tokenFault{name, code, func(t *testing.T, p place) string {
			return compact(toJSON(t, p.header()), toJSON(t, p.payload), func(input string) []byte { return sign(p, input) })
		}})
	}
	signed("signed by another", api.CodeBadSignature, func(_ place, input string) []byte { return stranger.es256(input) })
	signed("signed over something else", api.CodeBadSignature, func(p place, input string) []byte { return p.signer.es256(input + "x") })
	signed("zero signature", api.CodeBadSignature, func(place, string) []byte { return make([]byte, 64) })
	signed("r and s are the order", api.CodeBadSignature, func(place, string) []byte {
		n := elliptic.P256().Params().N.Bytes()
		return append(n, n...)
	})
	signed("r and s are one", api.CodeBadSignature, func(place, string) []byte {
		one := append(make([]byte, 31), 1)
		return append(one, one...)
	})
	signed("a bit flipped", api.CodeBadSignature, func(p place, input string) []byte { s := p.signer.es256(input); s[7] ^= 4; return s })
	signed("in DER", api.CodeBadToken, func(p place, input string) []byte {
		s := p.signer.es256(input)
		der, err := asn1.Marshal([]*big.Int{new(big.Int).SetBytes(s[:32]), new(big.Int).SetBytes(s[32:])})
		if err != nil {
			panic(err)
		}
		return der
	})
	signed("65 bytes", api.CodeBadToken, func(p place, input string) []byte { return append(p.signer.es256(input), 0) })
	signed("63 bytes", api.CodeBadToken, func(p place, input string) []byte { return p.signer.es256(input)[1:] })
	faults = append(faults,
		tokenFault{"HS256 with the public key", api.CodeBadAlgorithm, func(t *testing.T, p place) string {
			return compact(toJSON(t, changed(p.header(), "alg", "HS256")), toJSON(t, p.payload), hs256(toJSON(t, p.signer.jwk("sig"))))
		}},
		tokenFault{"none without a signature", api.CodeBadAlgorithm, func(t *testing.T, p place) string {
			return compact(toJSON(t, changed(p.header(), "alg", "none")), toJSON(t, p.payload), func(string) []byte { return nil })
		}},
		tokenFault{"header changed after signing", api.CodeBadSignature, func(t *testing.T, p place) string {
			_, rest, _ := strings.Cut(p.good(t), ".")
			return b64.EncodeToString(toJSON(t, changed(p.header(), "cty", "x"))) + "." + rest
		}},
		tokenFault{"payload not JSON", 0, func(t *testing.T, p place) string {
			return compact(toJSON(t, p.header()), []byte("not JSON"), p.signer.es256)
		}},
		tokenFault{"payload empty", 0, func(t *testing.T, p place) string { return compact(toJSON(t, p.header()), nil, p.signer.es256) }},
		tokenFault{"payload null", 0, func(t *testing.T, p place) string { return p.sign(t, p.header(), nil) }},
		tokenFault{"payload a text", 0, func(t *testing.T, p place) string { return p.sign(t, p.header(), "x") }},
		tokenFault{"payload with a name twice", 0, func(t *testing.T, p place) string {
			return compact(toJSON(t, p.header()), []byte(`{"x":1,"x":1}`), p.signer.es256)
		}},
		tokenFault{"payload with bad UTF-8", 0, func(t *testing.T, p place) string {
			return compact(toJSON(t, p.header()), []byte("{\"x\":\"\xff\"}"), p.signer.es256)
		}},
		tokenFault{"payload too deep", 0, func(t *testing.T, p place) string {
			return compact(toJSON(t, p.header()), []byte(strings.Repeat(`{"x":`, 40)+"1"+strings.Repeat("}", 40)), p.signer.es256)
		}},
	)
	return faults
}

// claimFaults are proofs that do not prove it (section 4).
func claimFaults(o, stranger *oldSDK) []tokenFault {
	var faults []tokenFault
	set := func(name string, code api.Code, changes map[string]any) {
		faults = append(faults, tokenFault{name, code, func(t *testing.T, p place) string {
			claims := p.payload.(map[string]any)
			for k, v := range changes {
				claims = changed(claims, k, v)
			}
			return p.sign(t, p.header(), claims)
		}})
	}
	now := time.Now().Unix()
	for _, name := range []string{"iss", "sub"} {
		set(name+" absent", api.CodeProofSubject, map[string]any{name: nil})
		set(name+" another", api.CodeProofSubject, map[string]any{name: stranger.local})
		set(name+" foreign", api.CodeProofSubject, map[string]any{name: o.local + "@elsewhere.org"})
		set(name+" no address", api.CodeProofSubject, map[string]any{name: "me"})
	}
	set("both another", api.CodeProofSubject, map[string]any{"iss": stranger.local, "sub": stranger.local})
	set("aud absent", api.CodeProofAudience, map[string]any{"aud": nil})
	set("aud another", api.CodeProofAudience, map[string]any{"aud": "elsewhere.org"})
	set("aud empty", api.CodeProofAudience, map[string]any{"aud": []string{}})
	set("aud a URL", api.CodeProofAudience, map[string]any{"aud": "http://localhost"})
	set("exp absent", api.CodeProofTime, map[string]any{"exp": nil})
	set("nbf absent", api.CodeProofTime, map[string]any{"nbf": nil})
	set("iat absent", api.CodeProofTime, map[string]any{"iat": nil})
	set("expired", api.CodeProofTime, map[string]any{"nbf": now - 300, "exp": now - 61})
	set("not yet valid", api.CodeProofTime, map[string]any{"nbf": now + 120, "exp": now + 300})
	set("over 15 minutes", api.CodeProofTime, map[string]any{"nbf": now, "exp": now + 901})
	set("exp before nbf", api.CodeProofTime, map[string]any{"nbf": now + 10, "exp": now - 10})
	return faults
}

// A listen answers a success with a stream; all else here is an envelope.
func TestEveryTokenFaultIsRefusedInEveryPlace(t *testing.T) {
	d := openDoor(t, 1)
	m, auth := d.c.Node(0), basic(d.c.Tenant().Key)
	me, stranger := newOldSDK(t), newOldSDK(t)
	me.register(t, m, d.c.Tenant().Key, "group")
	stranger.register(t, m, d.c.Tenant().Key, "user")
	faults := append(headerFaults(), placeFaults(stranger)...)
	faults = append(faults, formFaults()...)
	faults = append(faults, signatureFaults(stranger)...)
	all := here(places(t, me))
	wantEveryTokenRoute(t, all)
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			refused := func(f tokenFault, code api.Code) {
				t.Helper()
				token := f.make(t, p)
				d.keepToken(token)
				d.json(t, m, p.method, p.path, auth, p.body(token)).want(t, f.name, code)
			}
			for _, f := range faults {
				switch {
				case f.code == 0:
					refused(f, p.notJSON)
				default:
					refused(f, f.code)
				}
			}
			if p.atBirth {
				refused(tokenFault{"kid with an address", 0, p.from(me.local)}, api.CodeBadToken)
				return
			}
			refused(tokenFault{"kid without an address", 0, p.from("")}, api.CodeBadToken)
			if p.proof {
				for _, f := range claimFaults(me, stranger) {
					refused(f, f.code)
				}
			} else if p.signer == me && p.route != "identity.sigPubKey" {
				refused(tokenFault{"an identity that is not there", 0, p.from("iAAAAAAAAAAAAAAAAAAAA")}, api.CodeNoIdentity)
			}
		})
	}
	d.wantPlacesToWork(t, m, all)
	d.wantNothingPrivateInTheLog(t)
}

// from signs with a kid that names somebody else.
func (p place) from(who string) func(*testing.T, place) string {
	return func(t *testing.T, p place) string {
		return p.sign(t, changed(p.header(), "kid", who+"/"+p.signer.thumb), p.payload)
	}
}

// here leaves out places of routes that this release does not have.
func here(all []place) []place {
	have := map[string]bool{}
	for _, r := range httpapi.Routes() {
		have[r.Path] = true
	}
	var out []place
	for _, p := range all {
		if p.path != "/v1/packages/list" || have[p.path] {
			out = append(out, p)
		}
	}
	return out
}

// wantEveryTokenRoute demands that no route that takes a token is left out.
func wantEveryTokenRoute(t *testing.T, all []place) {
	t.Helper()
	covered := map[string]bool{"messages.send": true} // badmessages_test.go
	for _, p := range all {
		covered[p.route] = true
	}
	for _, r := range httpapi.Routes() {
		if len(scopesOf(r)) == 1 && r.MaxBody > 0 && strings.HasPrefix(r.Path, "/v1/") && r.Path != "/v1/customer" && !covered[r.Name] {
			t.Errorf("no tokens were tried at %s", r.Name)
		}
	}
}

// wantPlacesToWork shows that each place takes a good token, after all that was
// refused there: nothing of it was let through.
func (d *door) wantPlacesToWork(t *testing.T, m *testcluster.Node, all []place) {
	t.Helper()
	auth := basic(d.c.Tenant().Key)
	for _, p := range all {
		if p.route == "messages.listen" || p.name == "identity.sigPubKey encPubKey" {
			continue // a stream; the same request as the next place
		}
		if p.name == "identity.retire" {
			// The place before has replaced the key.
			d.json(t, m, p.method, p.path, auth, p.body(p.good(t))).want(t, "by the old key", api.CodeKeyNotCurrent)
			continue
		}
		got := d.json(t, m, p.method, p.path, auth, p.body(p.good(t)))
		got.want(t, p.name, p.success)
	}
}

// Another application's key may not act for the identity, in any place; nor may
// anybody once it is retired.
func TestOtherApplicationsAndTheRetiredAreRefusedInEveryPlace(t *testing.T) {
	d := openDoor(t, 1)
	m, own, other := d.c.Node(0), d.c.Tenant(), d.c.NewTenant("other")
	d.keep(other.Key.Secret)
	me := newOldSDK(t)
	me.register(t, m, own.Key, "group")
	all := here(places(t, me))
	for _, p := range all {
		if !p.atBirth {
			d.json(t, m, p.method, p.path, basic(other.Key), p.body(p.good(t))).want(t, p.name, api.CodeOtherApp)
		}
	}
	retire := all[len(all)-1]
	token := retire.good(t)
	for range 2 { // the same again is the same success
		d.json(t, m, "POST", retire.path, basic(own.Key), retire.body(token)).want(t, "retire", api.CodeRetired)
	}
	for _, p := range all {
		if !p.atBirth {
			again := p.sign(t, changed(p.header(), "typ", "another"), p.payload)
			d.json(t, m, p.method, p.path, basic(own.Key), p.body(again)).want(t, p.name, api.CodeRetiredIdentity)
		}
	}
	for _, path := range []string{"", "/recovery", "/data/notes"} {
		d.text(t, m, "GET", "/v1/identity/"+me.local+path, basic(own.Key), "").want(t, path, api.CodeRetiredIdentity)
	}
	d.wantNothingPrivateInTheLog(t)
}

// The rules for a public key (section 4), wherever one is sent.
func TestEveryFaultOfAPublicKeyIsRefused(t *testing.T) {
	d := openDoor(t, 1)
	m, auth := d.c.Node(0), basic(d.c.Tenant().Key)
	me, other := newOldSDK(t), newOldSDK(t)
	me.register(t, m, d.c.Tenant().Key, "user")
	faults := map[string]func(k map[string]any) map[string]any{
		"private part": func(k map[string]any) map[string]any { return changed(k, "d", b64.EncodeToString(make([]byte, 32))) },
		"kty RSA":      func(k map[string]any) map[string]any { return changed(k, "kty", "RSA") },
		"kty OKP":      func(k map[string]any) map[string]any { return changed(k, "kty", "OKP") },
		"kty absent":   func(k map[string]any) map[string]any { return changed(k, "kty", nil) },
		"crv P-384":    func(k map[string]any) map[string]any { return changed(k, "crv", "P-384") },
		"crv secp256k1": func(k map[string]any) map[string]any {
			return changed(k, "crv", "secp256k1")
		},
		"use absent": func(k map[string]any) map[string]any { return changed(k, "use", nil) },
		"use another": func(k map[string]any) map[string]any {
			return changed(k, "use", map[any]string{"sig": "enc", "enc": "sig"}[k["use"]])
		},
		"kid another's": func(k map[string]any) map[string]any { return changed(k, "kid", other.thumb) },
		"kid cut":       func(k map[string]any) map[string]any { return changed(k, "kid", me.thumb[:8]) },
		"kid a number":  func(k map[string]any) map[string]any { return changed(k, "kid", 7) },
		"off the curve": func(k map[string]any) map[string]any { return changed(k, "y", other.coordinate(other.key.Y)) },
		"the origin": func(k map[string]any) map[string]any {
			z := b64.EncodeToString(make([]byte, 32))
			return changed(changed(k, "x", z), "y", z)
		},
		"x of 31 bytes": func(k map[string]any) map[string]any { return changed(k, "x", b64.EncodeToString(make([]byte, 31))) },
		"x of 33 bytes": func(k map[string]any) map[string]any { return changed(k, "x", "AA"+k["x"].(string)) },
		"x padded":      func(k map[string]any) map[string]any { return changed(k, "x", k["x"].(string)+"=") },
		"x + p": func(k map[string]any) map[string]any {
			return changed(k, "x", b64.EncodeToString(elliptic.P256().Params().P.Bytes()))
		},
		"y absent":   func(k map[string]any) map[string]any { return changed(k, "y", nil) },
		"y a number": func(k map[string]any) map[string]any { return changed(k, "y", 7) },
		"not a key":  func(map[string]any) map[string]any { return map[string]any{} },
	}
	for name, spoil := range faults {
		bad := spoil(me.jwk("sig"))
		d.json(t, m, "POST", "/v1/identity", auth, map[string]any{"sigPubKey": bad}).want(t, "register sigPubKey: "+name, api.CodeBadKey)
		for _, p := range places(t, me) {
			if p.notJSON != api.CodeBadKey {
				continue
			}
			jwk := p.payload.(map[string]any)
			token := p.sign(t, p.header(), spoil(jwk))
			d.json(t, m, p.method, p.path, auth, p.body(token)).want(t, p.name+": "+name, api.CodeBadKey)
		}
	}
	got := d.text(t, m, "GET", "/v1/identity/"+me.local, auth, "")
	if key, _ := got.body(t)["sigPubKey"].(map[string]any); key["x"] != me.jwk("sig")["x"] {
		t.Errorf("the key has changed: %v", key)
	}
}
