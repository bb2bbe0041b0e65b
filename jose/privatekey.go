package jose

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"log/slog"
)

// PrivateKey is the secret half of a PublicKey. Printing or logging it shows
// only the thumbprint. The zero PrivateKey is no key.
type PrivateKey struct {
	key    *ecdsa.PrivateKey
	public PublicKey
}

// GenerateKey draws a fresh key for use from the system's random source.
// Errors: ErrKey when there is no such use.
func GenerateKey(use Use) (PrivateKey, error) {
	if !use.valid() {
		return PrivateKey{}, fmt.Errorf("%w: no such use", ErrKey)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("%w: not generated", ErrKey)
	}
	return newPrivateKey(key, use)
}

func newPrivateKey(key *ecdsa.PrivateKey, use Use) (PrivateKey, error) {
	public, err := newPublicKey(&key.PublicKey, use)
	if err != nil {
		return PrivateKey{}, err
	}
	return PrivateKey{key: key, public: public}, nil
}

// ParsePrivateKey reads a JWK with its private part "d" (RFC 7518 §6.2.2), by
// the rules of ParsePublicKey. "x" and "y" must be the public half of "d".
// Errors: ErrKey.
func ParsePrivateKey(jwk []byte, use Use) (PrivateKey, error) {
	o, ok := parseObject(jwk)
	if !ok {
		return PrivateKey{}, fmt.Errorf("%w: not a JSON object", ErrKey)
	}
	public, err := publicFrom(o, use)
	if err != nil {
		return PrivateKey{}, err
	}
	text, ok := o.text("d")
	d, canonical := decode32(text)
	if !ok || !canonical {
		return PrivateKey{}, fmt.Errorf("%w: d is not base64url of 32 bytes", ErrKey)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	if err != nil || !key.PublicKey.Equal(public.key) {
		return PrivateKey{}, fmt.Errorf("%w: d does not belong to x and y", ErrKey)
	}
	return PrivateKey{key: key, public: public}, nil
}

// IsZero reports whether k is no key.
func (k PrivateKey) IsZero() bool { return k.key == nil }

// Public gives the half that may be shown.
func (k PrivateKey) Public() PublicKey { return k.public }

// JWK gives k as JSON, "d" last, for storing it. The zero PrivateKey gives nil.
func (k PrivateKey) JWK() []byte {
	if k.key == nil {
		return nil
	}
	d, err := k.key.Bytes()
	if err != nil { // only for a scalar out of range, which is not made here
		panic("jose: " + err.Error())
	}
	w := k.public.wire()
	w.D = base64URL.EncodeToString(d)
	return w.marshal()
}

// String names k by its thumbprint; the secret part is never printed.
func (k PrivateKey) String() string { return "private key " + k.public.thumbprint }

// GoString is String, for %#v.
func (k PrivateKey) GoString() string { return k.String() }

// Format prints String for every verb and flag.
func (k PrivateKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue logs String.
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue(k.String()) }
