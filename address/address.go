// Package address names the parties of a cluster: customers, applications, API
// keys and identities (protocol page, section 1), and the key ids by which
// tokens select a signing key (section 4).
//
// It promises that an Address is comparable, fixed in size and always
// well-formed, so that code behind the door never meets a malformed one. It
// does not know which addresses exist, and a Domain decides only about form:
// malformed, foreign, or ours.
package address

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Errors of Parse. They are matched with errors.Is.
var (
	// ErrMalformed: the text is not an address of any domain.
	ErrMalformed = errors.New("malformed address")
	// ErrForeign: the address is well-formed, but of a domain not served here.
	ErrForeign = errors.New("address of another domain")
)

// Type is the letter an address begins with.
type Type byte

// The four kinds of party. The values are the letters of the wire.
const (
	Customer    Type = 'c'
	Application Type = 'p'
	APIKey      Type = 'a'
	Identity    Type = 'i'
)

// Valid reports whether t is one of the four known letters.
func (t Type) Valid() bool {
	switch t {
	case Customer, Application, APIKey, Identity:
		return true
	}
	return false
}

// String gives the English noun for t, for error texts.
func (t Type) String() string {
	switch t {
	case Customer:
		return "customer"
	case Application:
		return "application"
	case APIKey:
		return "API key"
	case Identity:
		return "identity"
	}
	return "unknown"
}

// Size is the length of an Address in bytes: its letter and 15 random bytes.
const Size = 16

const (
	randomBytes = Size - 1
	randomChars = 20 // 15 bytes in base64url, never padded
)

// Address is one party of this cluster, in the form without a domain: the type
// letter and 15 random bytes. The zero Address is nobody.
type Address [Size]byte

// New draws a fresh address of type t from the system's random source. With
// 120 random bits, addresses can neither be guessed nor enumerated. It panics
// when t is not one of the four types, which is a mistake of the program.
func New(t Type) Address {
	a, err := NewFrom(rand.Reader, t)
	if err != nil { // never by crypto/rand.Reader (it ends the program instead)
		panic("address: " + err.Error())
	}
	return a
}

// NewFrom draws an address of type t from r, so that a simulation can repeat a
// run. Errors: ErrMalformed when there is no such type; those of r.
func NewFrom(r io.Reader, t Type) (Address, error) {
	if !t.Valid() {
		return Address{}, fmt.Errorf("%w: no such type", ErrMalformed)
	}
	var a Address
	a[0] = byte(t)
	if _, err := io.ReadFull(r, a[1:]); err != nil {
		return Address{}, fmt.Errorf("draw an address: %w", err)
	}
	return a, nil
}

// Type gives the letter of a, or 0 for the zero Address.
func (a Address) Type() Type { return Type(a[0]) }

// IsZero reports whether a is nobody.
func (a Address) IsZero() bool { return a == Address{} }

// Local gives the form without a domain, for example "iq1f0Zk3vTz0b9yJ4hQ0s".
// The zero Address gives the empty string.
func (a Address) Local() string {
	if a.IsZero() {
		return ""
	}
	var out [1 + randomChars]byte
	out[0] = a[0]
	base64.RawURLEncoding.Encode(out[1:], a[1:])
	return string(out[:])
}

// String is Local: log lines name parties without the domain, which is the same for all.
func (a Address) String() string { return a.Local() }

// ParseLocal parses the form without a domain. Stray '=' padding is ignored
// (section 1). Errors: ErrMalformed.
func ParseLocal(s string) (Address, error) {
	s = strings.TrimRight(s, "=")
	if len(s) != 1+randomChars || !Type(s[0]).Valid() {
		return Address{}, ErrMalformed
	}
	for i := 1; i < len(s); i++ { // the decoder below would skip line breaks
		if !isBase64URL(s[i]) {
			return Address{}, ErrMalformed
		}
	}
	var a Address
	a[0] = s[0]
	if _, err := base64.RawURLEncoding.Strict().Decode(a[1:], []byte(s[1:])); err != nil {
		return Address{}, ErrMalformed
	}
	return a, nil
}

func isBase64URL(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// FromBytes reads an Address from its Size raw bytes, as the store and the log
// hold it. Errors: ErrMalformed.
func FromBytes(b []byte) (Address, error) {
	if len(b) != Size || !Type(b[0]).Valid() {
		return Address{}, ErrMalformed
	}
	return Address(b), nil
}

// MarshalBinary gives the Size raw bytes, or none for the zero Address.
func (a Address) MarshalBinary() ([]byte, error) {
	if a.IsZero() {
		return []byte{}, nil
	}
	return a[:], nil
}

// UnmarshalBinary reads what MarshalBinary wrote. Errors: ErrMalformed.
func (a *Address) UnmarshalBinary(b []byte) error {
	if len(b) == 0 {
		*a = Address{}
		return nil
	}
	v, err := FromBytes(b)
	if err != nil {
		return err
	}
	*a = v
	return nil
}
