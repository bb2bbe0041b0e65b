package testcluster_test

import (
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
)

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
