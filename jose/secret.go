package jose

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
)

// SecretSize is the length of a Secret in bytes: exactly what HS256 wants
// (RFC 7518 §3.2), so that no short key can ever be in use.
const SecretSize = 32

// secretText is the form that is shown: base64 that the atob of browsers reads.
var secretText = base64.StdEncoding.Strict()

// hidden is what is printed in place of a Secret.
const hidden = "[secret]"

// Secret is what proves the use of an API key (section 3). It does not show
// itself: printing, logging and marshalling hide it or fail, and only Text gives
// it away. Compare with Equal, never with ==.
type Secret [SecretSize]byte

// NewSecret draws a fresh secret from the system's random source.
func NewSecret() Secret {
	var s Secret
	_, _ = rand.Read(s[:]) // never fails: crypto/rand ends the program instead
	return s
}

// ParseSecret reads the text that Text gave. Errors: ErrSecret.
func ParseSecret(text string) (Secret, error) {
	var s Secret
	if len(text) != secretText.EncodedLen(SecretSize) {
		return Secret{}, ErrSecret
	}
	var buf [SecretSize + 1]byte // the decoder wants room for the padding
	n, err := secretText.Decode(buf[:], []byte(text))
	if err != nil || n != SecretSize { // a line break is skipped, and so makes n smaller
		return Secret{}, ErrSecret
	}
	copy(s[:], buf[:])
	return s, nil
}

// Text gives the secret as it is handed to its owner, once: standard base64 with
// padding, 44 characters.
func (s Secret) Text() string { return secretText.EncodeToString(s[:]) }

// Equal reports whether text is the Text of s, in a time that does not depend on
// where they differ.
func (s Secret) Equal(text string) bool {
	return subtle.ConstantTimeCompare([]byte(s.Text()), []byte(text)) == 1
}

// String hides the secret.
func (s Secret) String() string { return hidden }

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return hidden }

// Format hides the secret from every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue hides the secret from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText always fails, so that no encoder writes a secret by mistake, as
// the field of something else.
func (s Secret) MarshalText() ([]byte, error) {
	return nil, errors.New("a secret is not marshalled")
}
