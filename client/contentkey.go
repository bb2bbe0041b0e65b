package client

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"log/slog"
)

const (
	contentKeyBytes = 32
	maxKeyNameChars = 128
)

// ContentKey is a named AES-256-GCM key, with which content is encrypted that
// need not pass through NiX. It travels in a Package. Printing or logging it
// hides the key.
type ContentKey struct {
	Name string
	key  [contentKeyBytes]byte
}

// NewContentKey draws a fresh key. The name is 1 to 128 bytes long and unique in
// its package.
func NewContentKey(name string) ContentKey {
	k := ContentKey{Name: name}
	_, _ = rand.Read(k.key[:]) // never fails: crypto/rand ends the program instead
	return k
}

func (k ContentKey) aead() cipher.AEAD {
	block, err := aes.NewCipher(k.key[:])
	if err != nil { // only for a key of another length
		panic("client: " + err.Error())
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil { // only for a block of another length
		panic("client: " + err.Error())
	}
	return gcm
}

// Encrypt gives a random nonce of 12 bytes, the ciphertext, and the tag of 16
// bytes (NIST SP 800-38D). The key's name is authenticated with it. One key is
// good for 2^32 contents.
func (k ContentKey) Encrypt(plaintext []byte) []byte {
	return k.aead().Seal(nil, nil, plaintext, []byte(k.Name))
}

// Decrypt opens what Encrypt gave. Errors: ErrContent, for another key, another
// name and an altered text alike.
func (k ContentKey) Decrypt(content []byte) ([]byte, error) {
	plain, err := k.aead().Open(nil, nil, content, []byte(k.Name))
	if err != nil {
		return nil, fmt.Errorf("%w: another key, or altered", ErrContent)
	}
	return plain, nil
}

// String names the key and hides it.
func (k ContentKey) String() string { return "content key " + k.Name }

// GoString is String, for %#v.
func (k ContentKey) GoString() string { return k.String() }

// Format prints String for every verb and flag.
func (k ContentKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue logs String.
func (k ContentKey) LogValue() slog.Value { return slog.StringValue(k.String()) }
