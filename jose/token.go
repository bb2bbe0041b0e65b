package jose

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/nixnode/nixnode/address"
)

const (
	// maxHeaderBytes bounds a protected header; the longest useful one (a kid with
	// a domain of 253 characters and a tgt) is far shorter.
	maxHeaderBytes = 4096
	signatureBytes = 64 // RFC 7518 §3.4: r and s of 32 bytes each

	// IssuedAtWindow is how far from the server's time, either way, the "iat" of a
	// token may be (section 4).
	IssuedAtWindow = 300 * time.Second
)

// Token is what an identity signed: a compact JWS with ES256 whose form has been
// checked (section 4). Its signature has not, until Verify says so.
type Token struct {
	Raw         string         // the token as it was received
	Key         address.KeyRef // "kid": who signed, and the key id
	Target      string         // "tgt", or empty
	IssuedAt    time.Time      // "iat" of the header, or the zero Time
	Type        string         // "typ", or empty
	ContentType string         // "cty", or empty
	Payload     []byte         // decoded, not looked into

	signature []byte
	digest    [sha256.Size]byte
}

// ParseToken checks the form of a token by RFC 7515 §7.1 and section 4, and
// reads its header. The signature is not verified. The size of s is the
// caller's to limit; time and memory are linear in it.
// Errors: ErrForm, ErrAlgorithm, address.ErrForeign (of the kid); ErrIssuedAt when
// a token with a "tgt" has an "iat" that is not in whole seconds.
func ParseToken(s string, d address.Domain) (*Token, error) {
	parts, ok := split(s, 3)
	if !ok {
		return nil, fmt.Errorf("%w: not three parts", ErrForm)
	}
	header, ok := parseHeader(parts[0])
	if !ok {
		return nil, fmt.Errorf("%w: unreadable header", ErrForm)
	}
	if err := checkAlgorithm(header, gojose.ES256); err != nil {
		return nil, err
	}
	t := &Token{Raw: s}
	if err := t.readHeader(header, d); err != nil {
		return nil, err
	}
	// RFC 7518 §3.4: any other length is not a signature.
	if t.signature, ok = decode(parts[2]); !ok || len(t.signature) != signatureBytes {
		return nil, fmt.Errorf("%w: unreadable signature", ErrForm)
	}
	if t.Payload, ok = decode(parts[1]); !ok {
		return nil, fmt.Errorf("%w: unreadable payload", ErrForm)
	}
	// RFC 7515 §5.1: the signing input is all that comes before the last dot.
	t.digest = sha256.Sum256([]byte(s[:strings.LastIndexByte(s, '.')]))
	return t, nil
}

// checkAlgorithm demands the one algorithm of a place. It is asked before
// anything else of a header, as it decides what the rest means.
func checkAlgorithm(header object, want gojose.SignatureAlgorithm) error {
	alg, ok := header.text("alg")
	if !ok || !header.has("alg") {
		return fmt.Errorf("%w: header without alg", ErrForm)
	}
	if alg != string(want) {
		return fmt.Errorf("%w: alg must be %s", ErrAlgorithm, want)
	}
	return nil
}

// readHeader takes the fields that section 4 allows and refuses all others:
// none of "crit", "b64", "jwk", "jku", "x5c", "zip" … means anything here, and
// what is not understood must not be signed for (RFC 7515 §4.1.11).
func (t *Token) readHeader(h object, d address.Domain) error {
	if !h.onlyHas("alg", "kid", "tgt", "iat", "typ", "cty") {
		return fmt.Errorf("%w: header with a field that is not allowed", ErrForm)
	}
	for name, field := range map[string]*string{"tgt": &t.Target, "typ": &t.Type, "cty": &t.ContentType} {
		var ok bool
		if *field, ok = h.text(name); !ok {
			return fmt.Errorf("%w: %s is not a string", ErrForm, name)
		}
	}
	sec, present, ok := h.seconds("iat")
	if !ok {
		return fmt.Errorf("%w: iat is not in whole seconds", t.badIssuedAt())
	}
	if present {
		t.IssuedAt = time.Unix(sec, 0).UTC()
	}
	kid, ok := h.text("kid")
	if !ok || !h.has("kid") {
		return fmt.Errorf("%w: header without kid", ErrForm)
	}
	var err error
	if t.Key, err = d.ParseKeyRef(kid); err != nil {
		if errors.Is(err, address.ErrForeign) {
			return fmt.Errorf("kid: %w", err)
		}
		return fmt.Errorf("%w: kid is not <identity>/<key id>", ErrForm)
	}
	return nil
}

// badIssuedAt is what an unreadable "iat" is: where it is demanded, as bad as none
// (section 4: "in whole seconds … else 40015"), and else a fault of form.
func (t *Token) badIssuedAt() error {
	if t.Target != "" {
		return ErrIssuedAt
	}
	return ErrForm
}

// Digest is the SHA-256 of the signing input (RFC 7515 §5.1): all of the token
// but its signature. It tells one message from another; the signature must stay
// out, as every valid one has a valid twin.
func (t *Token) Digest() [sha256.Size]byte { return t.digest }

// Verify checks the signature by RFC 7515 §5.2 against k, the identity's current
// signing key. Errors: ErrKeyNotCurrent when the kid does not select k;
// ErrSignature; ErrKey when k is not for signatures.
//
// It asks crypto/ecdsa itself: go-jose would take the token apart and put it
// together once more, which for a large one costs several times what the
// verification does. A test and a fuzz target hold the two to the same verdict.
func (t *Token) Verify(k PublicKey) error {
	if k.key == nil || k.use != Sig {
		return fmt.Errorf("%w: not for signatures", ErrKey)
	}
	if !t.Key.KeyID.Selects(k.thumbprint) {
		return ErrKeyNotCurrent
	}
	r := new(big.Int).SetBytes(t.signature[:signatureBytes/2])
	s := new(big.Int).SetBytes(t.signature[signatureBytes/2:])
	if !ecdsa.Verify(k.key, t.digest[:], r, s) {
		return ErrSignature
	}
	return nil
}

// CheckTarget demands that the token was made for this place: "tgt" is
// <path>#<field> (section 4). Errors: ErrTarget.
func (t *Token) CheckTarget(path, field string) error {
	if t.Target != path+"#"+field {
		return fmt.Errorf("%w: tgt must be %s#%s", ErrTarget, path, field)
	}
	return nil
}

// CheckIssuedAt demands an "iat" within IssuedAtWindow of now. Errors: ErrIssuedAt.
func (t *Token) CheckIssuedAt(now time.Time) error {
	if t.IssuedAt.IsZero() {
		return fmt.Errorf("%w: header without iat", ErrIssuedAt)
	}
	if now.Sub(t.IssuedAt).Abs() > IssuedAtWindow {
		return fmt.Errorf("%w: iat is more than %d s from the server's time", ErrIssuedAt, int(IssuedAtWindow.Seconds()))
	}
	return nil
}
