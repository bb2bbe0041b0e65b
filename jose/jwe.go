package jose

import (
	"fmt"

	gojose "github.com/go-jose/go-jose/v4"
)

// MaxEncryptedBytes is the longest JWE that is made or read: what goes into a
// message is no longer than the message.
const MaxEncryptedBytes = 256 << 10

// What is read: RFC 7518 §4.6 (key agreement, direct or with key wrapping) and
// §5.3. Only the wrapped form is made.
var (
	keyAlgorithms     = []gojose.KeyAlgorithm{gojose.ECDH_ES_A256KW, gojose.ECDH_ES}
	contentAlgorithms = []gojose.ContentEncryption{gojose.A256GCM}
)

// Encrypt makes a compact JWE for the holder of to, with ECDH-ES+A256KW and
// A256GCM. The header's kid says which key it is for: <identity address>/<key id>.
// Errors: ErrKey when to is not for encryption; ErrEncryption without a kid or
// when plaintext is too long.
func Encrypt(plaintext []byte, to PublicKey, kid string) (string, error) {
	if to.key == nil || to.use != Enc {
		return "", fmt.Errorf("%w: not for encryption", ErrKey)
	}
	if kid == "" || len(kid) > maxHeaderBytes/2 {
		return "", fmt.Errorf("%w: no usable kid", ErrEncryption)
	}
	if len(plaintext) > MaxEncryptedBytes {
		return "", fmt.Errorf("%w: too long", ErrEncryption)
	}
	recipient := gojose.Recipient{Algorithm: gojose.ECDH_ES_A256KW, Key: to.key, KeyID: kid}
	encrypter, err := gojose.NewEncrypter(gojose.A256GCM, recipient, nil)
	if err != nil {
		return "", fmt.Errorf("%w: not usable for encryption", ErrKey)
	}
	jwe, err := encrypter.Encrypt(plaintext)
	if err != nil {
		return "", fmt.Errorf("%w: not encrypted", ErrEncryption)
	}
	s, err := jwe.CompactSerialize()
	if err != nil || len(s) > MaxEncryptedBytes {
		return "", fmt.Errorf("%w: too long", ErrEncryption)
	}
	return s, nil
}

// Decrypt opens a compact JWE with k (RFC 7516 §5.2): ECDH-ES+A256KW or ECDH-ES
// direct, with A256GCM and nothing else; compression and critical extensions are
// refused. Errors: ErrKey when k is not for encryption; ErrEncryption, whose
// words do not tell a wrong key from an altered text.
func Decrypt(jwe string, k PrivateKey) ([]byte, error) {
	if k.key == nil || k.public.use != Enc {
		return nil, fmt.Errorf("%w: not for encryption", ErrKey)
	}
	header, err := parseEncrypted(jwe)
	if err != nil {
		return nil, err
	}
	if err := checkEphemeral(header); err != nil {
		return nil, err
	}
	parsed, err := gojose.ParseEncryptedCompact(jwe, keyAlgorithms, contentAlgorithms)
	if err != nil {
		return nil, fmt.Errorf("%w: another algorithm, or an unreadable header", ErrEncryption)
	}
	plaintext, err := parsed.Decrypt(k.key)
	if err != nil {
		return nil, fmt.Errorf("%w: not for this key, or altered", ErrEncryption)
	}
	return plaintext, nil
}

// EncryptedTo gives the kid in the protected header of a compact JWE: the key
// that its sender encrypted to. Nothing is decrypted, no key is needed, and the
// algorithms are not judged: that is between sender and recipient.
// Errors: ErrEncryption.
func EncryptedTo(jwe string) (kid string, err error) {
	header, err := parseEncrypted(jwe)
	if err != nil {
		return "", err
	}
	kid, ok := header.text("kid")
	if !ok || kid == "" {
		return "", fmt.Errorf("%w: header without kid", ErrEncryption)
	}
	return kid, nil
}

// parseEncrypted checks the form of a compact JWE (RFC 7516 §7.1): five parts in
// canonical base64url, and a header with alg and enc.
func parseEncrypted(jwe string) (object, error) {
	if len(jwe) > MaxEncryptedBytes {
		return nil, fmt.Errorf("%w: too long", ErrEncryption)
	}
	parts, ok := split(jwe, 5)
	if !ok {
		return nil, fmt.Errorf("%w: not five parts", ErrEncryption)
	}
	for _, part := range parts[1:] {
		if _, ok := decode(part); !ok {
			return nil, fmt.Errorf("%w: not base64url", ErrEncryption)
		}
	}
	header, ok := parseHeader(parts[0])
	if !ok {
		return nil, fmt.Errorf("%w: unreadable header", ErrEncryption)
	}
	for _, name := range []string{"alg", "enc"} {
		if text, ok := header.text(name); !ok || text == "" {
			return nil, fmt.Errorf("%w: header without %s", ErrEncryption, name)
		}
	}
	// RFC 7516 §4.1.3: lengths of compressed text tell about it, and a small text
	// may unpack to a huge one. §4.1.13: no extension is understood here.
	if header.has("zip") || header.has("crit") {
		return nil, fmt.Errorf("%w: compression and extensions are not accepted", ErrEncryption)
	}
	return header, nil
}

// checkEphemeral demands that the sender's ephemeral key is a point on our curve
// before any secret meets it (RFC 7518 §4.6.1.1; an invalid point would leak the
// private key bit by bit).
func checkEphemeral(header object) error {
	epk, ok := parseObject(header["epk"])
	if !ok {
		return fmt.Errorf("%w: no usable epk", ErrEncryption)
	}
	if _, err := pointFrom(epk); err != nil {
		return fmt.Errorf("%w: epk is not a point on P-256", ErrEncryption)
	}
	return nil
}
