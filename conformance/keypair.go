package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
)

// keypair is a P-256 key. It signs whatever it is given, well-formed or not, as
// package jose would not.
type keypair struct {
	private *ecdsa.PrivateKey
	x, y    string
	thumb   string // RFC 7638, 43 characters
}

func newKeypair() *keypair {
	k := &keypair{private: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	point := must(k.private.PublicKey.Bytes()) // 4, x, y
	k.x, k.y = b64(point[1:33]), b64(point[33:])
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, k.x, k.y))
	k.thumb = b64(sum[:])
	return k
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwk gives the public key, with some members changed or (nil) left out.
func (k *keypair) jwk(use string, changes ...obj) obj {
	o := obj{"kty": "EC", "crv": "P-256", "use": use, "kid": k.thumb, "x": k.x, "y": k.y}
	return changed(o, changes...)
}

// sign makes a compact JWS with exactly this header.
func (k *keypair) sign(header obj, payload any) string {
	input := b64([]byte(show(header))) + "." + b64(jsonOf(payload))
	return input + "." + b64(k.signature(input))
}

func (k *keypair) signature(input string) []byte {
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, k.private, sum[:])
	if err != nil {
		return must[[]byte](nil, err)
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
}

// verifies tells whether the token was signed with the key of a JWK.
func verifies(token string, jwk any) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	x, y, sig := unb64(text(at(jwk, "x"))), unb64(text(at(jwk, "y"))), unb64(parts[2])
	if len(x) != 32 || len(y) != 32 || len(sig) != 64 {
		return false
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
}

// payloadOf gives what a token says, or nil.
func payloadOf(token string) (v any) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || json.Unmarshal(unb64(parts[1]), &v) != nil {
		return nil
	}
	return v
}

func unb64(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

// jsonOf gives a payload's bytes; bytes and strings go as they are.
func jsonOf(v any) []byte {
	switch v := v.(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	}
	return must(json.Marshal(v))
}

// changed gives o with the members of changes; nil takes one away.
func changed(o obj, changes ...obj) obj {
	for _, more := range changes {
		for name, v := range more {
			if v == nil {
				delete(o, name)
			} else {
				o[name] = v
			}
		}
	}
	return o
}

// basic and bearer give Authorization headers.
func basic(c Credentials) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.ID+":"+c.Secret))
}

// apiToken makes the JWT of an API key with exactly this header, keyed with key.
func apiToken(key []byte, header, claims obj) string {
	input := b64([]byte(show(header))) + "." + b64([]byte(show(claims)))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(input))
	return "Bearer " + input + "." + b64(mac.Sum(nil))
}
