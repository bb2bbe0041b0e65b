package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"
)

// Use says what a key is for (RFC 7517 §4.2).
type Use string

// The two uses, as they are written in a JWK.
const (
	Sig Use = "sig" // signs tokens
	Enc Use = "enc" // is encrypted to
)

func (u Use) valid() bool { return u == Sig || u == Enc }

const (
	keyType = "EC"    // RFC 7518 §6.2
	curve   = "P-256" // RFC 7518 §6.2.1.1
)

// PublicKey is a point on P-256 and its use. It is immutable. The zero PublicKey
// is no key: nothing verifies with it and nothing can be encrypted to it. Two
// keys are the same when their Thumbprint is.
type PublicKey struct {
	key        *ecdsa.PublicKey
	use        Use
	thumbprint string
}

// ParsePublicKey reads a JWK (RFC 7517) by the rules of section 4: kty EC, crv
// P-256, canonical coordinates of a point on the curve, the demanded use, no
// private part, and a kid, if there is one, that is the thumbprint (padding
// ignored). Members that are not known are ignored (RFC 7517 §4). Errors: ErrKey.
func ParsePublicKey(jwk []byte, use Use) (PublicKey, error) {
	o, ok := parseObject(jwk)
	if !ok {
		return PublicKey{}, fmt.Errorf("%w: not a JSON object", ErrKey)
	}
	if o.has("d") {
		return PublicKey{}, fmt.Errorf("%w: a private key where a public one belongs", ErrKey)
	}
	return publicFrom(o, use)
}

// publicFrom reads the members that public and private keys share.
func publicFrom(o object, use Use) (PublicKey, error) {
	if u, ok := o.text("use"); !ok || !use.valid() || u != string(use) {
		return PublicKey{}, fmt.Errorf("%w: use must be %q", ErrKey, use)
	}
	point, err := pointFrom(o)
	if err != nil {
		return PublicKey{}, err
	}
	k, err := newPublicKey(point, use)
	if err != nil {
		return PublicKey{}, err
	}
	kid, ok := o.text("kid")
	if !ok || o.has("kid") && strings.TrimRight(kid, "=") != k.thumbprint {
		return PublicKey{}, fmt.Errorf("%w: kid is not the thumbprint", ErrKey)
	}
	return k, nil
}

// pointFrom reads kty, crv, x and y (RFC 7518 §6.2.1).
func pointFrom(o object) (*ecdsa.PublicKey, error) {
	if kty, ok := o.text("kty"); !ok || kty != keyType {
		return nil, fmt.Errorf("%w: kty must be %q", ErrKey, keyType)
	}
	if crv, ok := o.text("crv"); !ok || crv != curve {
		return nil, fmt.Errorf("%w: crv must be %q", ErrKey, curve)
	}
	point := []byte{4} // SEC 1 §2.3.3: uncompressed
	for _, name := range []string{"x", "y"} {
		text, ok := o.text(name)
		coordinate, canonical := decode32(text)
		if !ok || !canonical {
			return nil, fmt.Errorf("%w: %s is not base64url of 32 bytes", ErrKey, name)
		}
		point = append(point, coordinate...)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, fmt.Errorf("%w: not a point on the curve", ErrKey)
	}
	return key, nil
}

func newPublicKey(point *ecdsa.PublicKey, use Use) (PublicKey, error) {
	sum, err := (&gojose.JSONWebKey{Key: point}).Thumbprint(crypto.SHA256)
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: no thumbprint", ErrKey)
	}
	return PublicKey{key: point, use: use, thumbprint: base64URL.EncodeToString(sum)}, nil
}

// IsZero reports whether k is no key.
func (k PublicKey) IsZero() bool { return k.key == nil }

// Use gives what k is for.
func (k PublicKey) Use() Use { return k.use }

// Thumbprint gives the RFC 7638 SHA-256 thumbprint in base64url, 43 characters:
// the key's full key id. The zero PublicKey gives the empty string.
func (k PublicKey) Thumbprint() string { return k.thumbprint }

// jwk is a key on the wire. The order of its members is that of the clients of 2019.
type jwk struct {
	Use Use    `json:"use"`
	Kty string `json:"kty"`
	Kid string `json:"kid"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y"`
	D   string `json:"d,omitempty"`
}

// JWK gives k as JSON with the members use, kty, kid, crv, x, y in this order,
// the same bytes each time. The zero PublicKey gives nil.
func (k PublicKey) JWK() []byte {
	if k.key == nil {
		return nil
	}
	return k.wire().marshal()
}

func (k PublicKey) wire() jwk {
	point, err := k.key.Bytes()
	if err != nil { // only for a point off the curve, which is not made here
		panic("jose: " + err.Error())
	}
	x, y := point[1:33], point[33:]
	return jwk{
		Use: k.use, Kty: keyType, Kid: k.thumbprint, Crv: curve,
		X: base64URL.EncodeToString(x), Y: base64URL.EncodeToString(y),
	}
}

func (j jwk) marshal() []byte {
	b, err := json.Marshal(j)
	if err != nil { // strings alone always marshal
		panic("jose: " + err.Error())
	}
	return b
}
