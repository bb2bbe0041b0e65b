package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// What examples are made of. Nobody has the keys, so nothing of it is worth
// anything; a test replays each example against a node with keys, addresses and
// times of its own in their places.
const (
	sampleCustomer    = "cNIXexampleCustomer00@nix.example.org"
	sampleApplication = "pNIXexampleApplicatio@nix.example.org"
	sampleAPIKey      = "aNIXexampleApiKey0000@nix.example.org"
	sampleUser        = "iNIXexampleUser000000@nix.example.org"
	sampleVault       = "iNIXexampleVault00000@nix.example.org"
	sampleGroup       = "iNIXexampleGroup00000@nix.example.org"

	sampleSigKey   = `{"use":"sig","kty":"EC","crv":"P-256","x":"u4wFVIj_n-BLro_jeD5UbSTK_WzLlIXMlDtfaZkt2Sc","y":"WYfMvuWlZEW_onH-2uaIdBaW71S2UhD9mVvbPU4YbMQ"}`
	sampleSigKeyID = "xwnrgcZkSeMpVDNIA9fLynedVEwquAFJD53ZzLKV-E0"
	sampleNewKey   = `{"use":"sig","kty":"EC","crv":"P-256","x":"qPK6D4-DoXZODJ6_5Pt6TzXFuJxy1P8ovQ1rmQ1fLEE","y":"uOQpQ1fJCoMFVYmTTSmOUL6-ImoIvGe10Sd6_wuEFHI"}`
	sampleNewKeyID = "2k9H5R25tbdKvVj-KqF27-dMpHvsU4f9ESRcDvf9Wo4"
	sampleEncKey   = `{"use":"enc","kty":"EC","crv":"P-256","x":"IdVvVkAwWIwKA9vtYuZ400n6471DYvsr5O6IiU4_-ow","y":"SYhcEkh0wpeN-SW14rRo7BeSWJZC8qrq25d7tHH1bas"}`

	sampleIssued = 1764000000
	sampleTxnID  = "1764000000000000000-1203948571"
	sampleTS     = "1764000000000000001"
)

// sampleToken makes a compact JWS of the right form. In the place of the signature
// it says that it is none.
func sampleToken(header object, payload any) string {
	signature := []byte(strings.Repeat("no signature, an example. ", 3)[:64])
	parts := [][]byte{sampleJSON(header), sampleJSON(payload), signature}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = base64.RawURLEncoding.EncodeToString(p)
	}
	return strings.Join(texts, ".")
}

func sampleJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("httpapi: " + err.Error()) // the table of examples is wrong: a test walks it
	}
	return b
}

// signedFor is a token of an identity, bound to a field of a path (section 4).
func signedFor(identity, target string, payload any) string {
	return sampleToken(object{"alg": "ES256", "kid": identity + "/" + sampleSigKeyID, "tgt": target, "iat": sampleIssued}, payload)
}

// proofFor is a field jwt of an identity, with further claims.
func proofFor(identity, path string, claims object) string {
	payload := object{
		"iss": identity, "sub": identity, "aud": "nix.example.org", "iat": sampleIssued, "nbf": sampleIssued, "exp": sampleIssued + 300,
	}
	for name, value := range claims {
		payload[name] = value
	}
	return signedFor(identity, path+"#jwt", payload)
}

// messageFrom is a message token.
func messageFrom(identity, kind, id, dst string, body object) string {
	return sampleToken(object{"alg": "ES256", "kid": identity + "/" + sampleSigKeyID},
		object{"type": kind, "id": id, "dst": dst, "exp": sampleIssued + 3600, "body": body})
}
