package conformance

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/nixnode/nixnode/api"
)

// place is where a token of an identity belongs.
type place struct {
	name, tgt string
	payload   func(p *party) any
	// try sends a token there. The identity itself is one that stays as it is, as
	// all tokens that are tried are refused.
	try func(p *party, token string) *answer
	// proof: the payload is "it is me, now".
	proof bool
	// all: every fault is tried there, and not only the main ones.
	all bool
}

func proofPlace(name, path string, all bool) place {
	return place{name, path + "#jwt", func(p *party) any { return p.claims(obj{"upTo": "1"}) },
		func(p *party, token string) *answer { return p.post(path, obj{"jwt": token}) }, true, all}
}

func fieldPlace(name, path, field string, all bool, payload func(p *party) any) place {
	return place{name, path + "#" + field, payload,
		func(p *party, token string) *answer { return p.post(path, obj{field: token}) }, false, all}
}

// places gives all places for tokens of an identity that exists.
func places() []place {
	empty := func(*party) any { return obj{} }
	return []place{
		proofPlace("me", api.PathMe, true),
		proofPlace("retire", api.PathMeRetire, false),
		proofPlace("fetch", api.PathFetch, false),
		proofPlace("ack", api.PathAck, false),
		proofPlace("listen", api.PathListen, false),
		proofPlace("packages", api.PathPackages, false),
		fieldPlace("metaPublic", api.PathMeMeta, "metaPublic", true, empty),
		fieldPlace("metaPrivate", api.PathMeMeta, "metaPrivate", false, empty),
		fieldPlace("encPubKey", api.PathMeEncKey, "encPubKey", false, func(p *party) any { return p.enc.jwk("enc") }),
		fieldPlace("data", "/v1/identity/me/data/x", "jws", false, func(*party) any { return obj{"name": "x", "jwe": "a.b.c.d.e"} }),
		fieldPlace("recovery", "/v1/identity/me/recovery", "jws", false, func(*party) any { return obj{"name": "recovery", "jwe": "a.b.c.d.e"} }),
		fieldPlace("members", api.PathMeMembers, "members", false, func(*party) any { return []string{} }),
	}
}

// fault is one way in which a token is not good.
type fault struct {
	name, says string
	forge      func(p *party, at place) string
	want       []api.Code
	main       bool // tried in every place
}

// inHeader signs with a changed header, properly.
func inHeader(change func(p *party, at place) obj) func(*party, place) string {
	return func(p *party, at place) string { return p.token(at.tgt, at.payload(p), change(p, at)) }
}

func set(o obj) func(*party, place) obj { return func(*party, place) obj { return o } }

func faults() []fault {
	return slices.Concat(formFaults(), keyFaults(), placeFaults())
}

func formFaults() []fault {
	form := []api.Code{api.CodeBadToken}
	const says = "a token of bad form is 400/40010"
	all := []fault{
		{"garbage", says, func(*party, place) string { return "garbage" }, form, true},
		{"two-parts", says, func(p *party, at place) string {
			good := p.token(at.tgt, at.payload(p))
			return good[:strings.LastIndex(good, ".")]
		}, form, false},
		{"json-serialization", "tokens are compact JWS", func(p *party, at place) string {
			parts := strings.Split(p.token(at.tgt, at.payload(p)), ".")
			return show(obj{"protected": parts[0], "payload": parts[1], "signature": parts[2]})
		}, form, false},
		{"padded", says, func(p *party, at place) string { return p.token(at.tgt, at.payload(p)) + "=" }, form, false},
		{"line-break", says, func(p *party, at place) string {
			good := p.token(at.tgt, at.payload(p))
			return good[:10] + "\n" + good[10:]
		}, form, false},
		{"cut-signature", says, func(p *party, at place) string {
			good := p.token(at.tgt, at.payload(p))
			return good[:len(good)-6]
		}, []api.Code{api.CodeBadToken, api.CodeBadSignature}, false},
		{"alg-none", "an algorithm that is not ES256 is 400/40011", inHeader(set(obj{"alg": "none"})), []api.Code{api.CodeBadAlgorithm}, true},
		{"alg-hs256", "an algorithm that is not ES256 is 400/40011", inHeader(set(obj{"alg": "HS256"})), []api.Code{api.CodeBadAlgorithm}, false},
		{"alg-es384", "an algorithm that is not ES256 is 400/40011", inHeader(set(obj{"alg": "ES384"})), []api.Code{api.CodeBadAlgorithm}, false},
		{"alg-case", "alg is exactly ES256", inHeader(set(obj{"alg": "es256"})), []api.Code{api.CodeBadAlgorithm}, false},
	}
	for name, v := range map[string]any{
		"crit": []string{"exp"}, "jwk": obj{}, "jku": "https://elsewhere.example.net/", "x5c": []string{"AA"}, "x5u": "https://elsewhere.example.net/", "x5t": "AA",
		"b64": false, "zip": "DEF", "unknown": 1,
	} {
		all = append(all, fault{"header-" + name, "protected header fields but alg kid tgt iat typ cty are refused", inHeader(set(obj{name: v})), form, false})
	}
	return all
}

func keyFaults() []fault {
	return []fault{
		{"signature", "a bad signature is 401/40012", func(p *party, at place) string {
			return newKeypair().sign(p.header(at.tgt), at.payload(p))
		}, []api.Code{api.CodeBadSignature}, true},
		{"payload-swapped", "a bad signature is 401/40012", func(p *party, at place) string {
			parts := strings.Split(p.token(at.tgt, at.payload(p)), ".")
			parts[1] = b64([]byte(" " + show(at.payload(p))))
			return strings.Join(parts, ".")
		}, []api.Code{api.CodeBadSignature}, false},
		{"key-id-other", "a key id that does not match the current key is 401/40013", func(p *party, at place) string {
			other := newKeypair()
			return other.sign(p.header(at.tgt, obj{"kid": p.local + "/" + other.thumb}), at.payload(p))
		}, []api.Code{api.CodeKeyNotCurrent}, true},
		{"key-id-short", "a key id is a prefix of at least 8 characters", inHeader(func(p *party, _ place) obj {
			return obj{"kid": p.local + "/" + p.sig.thumb[:7]}
		}), []api.Code{api.CodeBadToken, api.CodeBadAddress}, false},
		{"kid-without-key", "kid is <identity address>/<key id>", inHeader(func(p *party, _ place) obj { return obj{"kid": p.local} }), []api.Code{api.CodeBadToken, api.CodeBadAddress}, false},
		{"kid-missing", "kid is <identity address>/<key id>", inHeader(set(obj{"kid": nil})), []api.Code{api.CodeBadToken, api.CodeBadAddress}, false},
		{"kid-without-identity", "kid is /<key id> at registration only", inHeader(func(p *party, _ place) obj { return obj{"kid": "/" + p.sig.thumb} }), []api.Code{api.CodeBadToken}, false},
		{"kid-foreign", "an address of another domain gets 404/40403", inHeader(func(p *party, _ place) obj {
			return obj{"kid": p.local + "@elsewhere.example.net/" + p.sig.thumb}
		}), []api.Code{api.CodeOtherDomain}, false},
		{"kid-nobody", "no such identity is 404/40401", inHeader(func(p *party, _ place) obj {
			return obj{"kid": p.t.nobody() + "/" + p.sig.thumb}
		}), []api.Code{api.CodeNoIdentity, api.CodeProofSubject}, false},
	}
}

func placeFaults() []fault {
	target, issued := []api.Code{api.CodeBadTarget}, []api.Code{api.CodeBadIssuedAt}
	return []fault{
		{"tgt-elsewhere", "tgt binds a token to its place; mismatch 400/40014", inHeader(set(obj{"tgt": "/v1/elsewhere#jwt"})), target, true},
		{"tgt-other-field", "tgt is <request path>#<field>", inHeader(func(_ *party, at place) obj {
			path, _, _ := strings.Cut(at.tgt, "#")
			return obj{"tgt": path + "#other"}
		}), target, false},
		{"tgt-missing", "tgt is required", inHeader(set(obj{"tgt": nil})), target, true},
		{"iat-missing", "iat is on every token that has a tgt", inHeader(set(obj{"iat": nil})), issued, false},
		{"iat-old", "iat within 300 s of the server's time", inHeader(func(*party, place) obj { return obj{"iat": now() - 400} }), issued, true},
		{"iat-ahead", "iat within 300 s of the server's time", inHeader(func(*party, place) obj { return obj{"iat": now() + 400} }), issued, false},
		{"iat-fraction", "iat in whole seconds", inHeader(func(*party, place) obj {
			return obj{"iat": json.Number(show(now()) + ".5")}
		}), []api.Code{api.CodeBadIssuedAt, api.CodeBadToken}, false},
	}
}

// proofFaults are in the payload of "it is me, now".
func proofFaults() []fault {
	in := func(change func(p *party) obj) func(*party, place) string {
		return func(p *party, at place) string { return p.token(at.tgt, p.claims(obj{"upTo": "1"}, change(p))) }
	}
	times, subject, audience := []api.Code{api.CodeProofTime}, []api.Code{api.CodeProofSubject}, []api.Code{api.CodeProofAudience}
	return []fault{
		{"expired", "exp valid with 60 s of skew, else 401/40016", in(func(*party) obj { return obj{"nbf": now() - 300, "exp": now() - 90} }), times, true},
		{"not-yet", "nbf valid with 60 s of skew, else 401/40016", in(func(*party) obj { return obj{"nbf": now() + 90, "exp": now() + 300} }), times, false},
		{"too-long", "exp and nbf at most 15 min apart", in(func(*party) obj { return obj{"nbf": now() - 10, "exp": now() + 900} }), times, false},
		{"exp-missing", "the payload has exp", in(func(*party) obj { return obj{"exp": nil} }), times, false},
		{"nbf-missing", "the payload has nbf", in(func(*party) obj { return obj{"nbf": nil} }), times, false},
		{"payload-iat-missing", "the payload has iat", in(func(*party) obj { return obj{"iat": nil} }), times, false},
		{"exp-text", "exp is a time", in(func(*party) obj { return obj{"exp": "soon"} }), []api.Code{api.CodeProofTime, api.CodeBadToken}, false},
		{"aud-other", "aud must name the cluster, else 401/40017", in(func(*party) obj { return obj{"aud": "elsewhere.example.net"} }), audience, true},
		{"aud-missing", "the payload has aud", in(func(*party) obj { return obj{"aud": nil} }), audience, false},
		{"sub-other", "sub is the identity's address, else 401/40018", in(func(p *party) obj { return obj{"sub": p.t.nobody()} }), subject, true},
		{"iss-other", "iss is the identity's address, else 401/40018", in(func(p *party) obj { return obj{"iss": p.t.nobody()} }), subject, false},
		{"iss-missing", "the payload has iss", in(func(*party) obj { return obj{"iss": nil} }), subject, false},
		{"no-object", "the payload is an object", func(p *party, at place) string { return p.token(at.tgt, []string{}) }, []api.Code{api.CodeBadToken}, false},
	}
}

// tokenCases are those of section 4.
func tokenCases() (cases []Case) {
	for _, at := range places() {
		all := faults()
		if at.proof {
			all = append(all, proofFaults()...)
		}
		for _, f := range all {
			if at.all || f.main {
				cases = append(cases, the("4."+at.name+"."+f.name, f.says, func(t *T) {
					p := t.standingParty()
					at.try(p, f.forge(p, at)).want(f.want...)
				}))
			}
		}
		cases = append(cases, the("4."+at.name+".missing", "a field that is not there is 400/40001", func(t *T) {
			path, _, _ := strings.Cut(at.tgt, "#")
			t.post(path, obj{}).want(api.CodeMissingField)
		}))
	}
	cases = append(cases, messageTokenCases()...)
	cases = append(cases, goodTokenCases()...)
	return append(cases, replayCases()...)
}

// messageTokenCases: the same faults in messages, which have no tgt and no iat.
func messageTokenCases() (cases []Case) {
	at := place{name: "message", payload: func(p *party) any {
		return obj{"type": "s", "id": "x", "dst": p.addr, "exp": now() + 60, "body": obj{}}
	}}
	for _, f := range slices.Concat(formFaults(), keyFaults()) {
		cases = append(cases, the("4.message."+f.name, f.says+", also of a message", func(t *T) {
			p := t.standingParty()
			p.trySend(f.forge(p, at)).want(f.want...)
		}))
	}
	return append(cases, the("4.message.tgt", "message tokens have no tgt", func(t *T) {
		p := t.standingParty()
		p.trySend(p.sign(at.payload(p), obj{"tgt": "/v1/messages/send#msgs"})).want(api.CodeBadTarget)
	}), the("4.message.typ-cty", "typ and cty are allowed, and iat", func(t *T) {
		p := t.party()
		p.send(p.sign(at.payload(p), obj{"typ": "JWT", "cty": "json", "iat": now()})).result(0, api.CodeStored)
	}))
}
