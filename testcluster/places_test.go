package testcluster_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
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
