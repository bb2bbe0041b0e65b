package address

import (
	"crypto/subtle"
	"strings"
)

const (
	thumbprintChars = 43 // SHA-256 in base64url without padding (RFC 7638 §3)
	minKeyIDChars   = 8
)

// KeyID is a key id as a token may carry it: the RFC 7638 SHA-256 thumbprint in
// base64url, or a prefix of it of at least 8 characters (section 4). It selects
// a key; it proves nothing.
type KeyID string

// ParseKeyID reads a key id and drops its padding. Errors: ErrMalformed.
func ParseKeyID(s string) (KeyID, error) {
	s = strings.TrimRight(s, "=")
	if len(s) < minKeyIDChars || len(s) > thumbprintChars {
		return "", ErrMalformed
	}
	for i := 0; i < len(s); i++ {
		if !isBase64URL(s[i]) {
			return "", ErrMalformed
		}
	}
	return KeyID(s), nil
}

// Selects reports whether k is thumbprint (43 characters, unpadded) or a prefix of it.
func (k KeyID) Selects(thumbprint string) bool {
	return len(k) >= minKeyIDChars && len(k) <= len(thumbprint) &&
		subtle.ConstantTimeCompare([]byte(k), []byte(thumbprint[:len(k)])) == 1
}

// KeyRef is the "kid" of a token: who signed, and by which key. At registration
// Address is the zero Address, as it is not known yet.
type KeyRef struct {
	Address Address
	KeyID   KeyID
}

// ParseKeyRef reads "<identity address>/<key id>", or "/<key id>".
// Errors: ErrMalformed, ErrForeign.
func (d Domain) ParseKeyRef(s string) (KeyRef, error) {
	who, key, ok := strings.Cut(s, "/")
	if !ok {
		return KeyRef{}, ErrMalformed
	}
	id, err := ParseKeyID(key)
	if err != nil {
		return KeyRef{}, err
	}
	if who == "" {
		return KeyRef{KeyID: id}, nil
	}
	a, err := d.ParseType(who, Identity)
	if err != nil {
		return KeyRef{}, err
	}
	return KeyRef{Address: a, KeyID: id}, nil
}
