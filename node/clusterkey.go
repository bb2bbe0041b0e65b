package node

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
)

// ClusterKey is the one secret of a cluster. Keys for single purposes are
// derived from it by HKDF (RFC 5869) with distinct labels; it is never used
// itself. It never shows itself in a text or a log line.
type ClusterKey struct{ raw [32]byte }

const clusterKeyPrefix = "nixnode-cluster-key-1:"

// labelSeal derives the key that seals API-key secrets. Labels never change
// their meaning: what was sealed once must open for ever.
const labelSeal = "nixnode/v1 seal API key secrets"

// labelTag derives what nodes of one cluster tell each other by. It shows
// nothing of the key.
const labelTag = "nixnode/v1 cluster tag"

// tag gives what tells this key's cluster from others.
func (k ClusterKey) tag() (tag [16]byte, err error) {
	b, err := hkdf.Key(sha256.New, k.raw[:], nil, labelTag, len(tag))
	copy(tag[:], b)
	return tag, err
}

// ErrClusterKey: the text or file is not a cluster key.
var ErrClusterKey = errors.New("not a cluster key")

// NewClusterKey draws a cluster key.
func NewClusterKey() ClusterKey {
	var k ClusterKey
	rand.Read(k.raw[:]) // never fails (it ends the program instead)
	return k
}

// Text gives the key as its file holds it: a secret.
func (k ClusterKey) Text() string {
	return clusterKeyPrefix + base64.StdEncoding.EncodeToString(k.raw[:]) + "\n"
}

// String hides the key.
func (k ClusterKey) String() string { return "[cluster key]" }

// GoString hides the key.
func (k ClusterKey) GoString() string { return k.String() }

// LogValue hides the key.
func (k ClusterKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// ParseClusterKey reads what Text wrote. Errors: ErrClusterKey.
func ParseClusterKey(text string) (ClusterKey, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), clusterKeyPrefix)
	b, err := base64.StdEncoding.Strict().DecodeString(rest)
	if !ok || err != nil || len(b) != 32 {
		return ClusterKey{}, ErrClusterKey
	}
	return ClusterKey{raw: [32]byte(b)}, nil
}

// ReadClusterKey reads a cluster key file.
func ReadClusterKey(path string) (ClusterKey, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return ClusterKey{}, fmt.Errorf("cluster key: %w", err)
	}
	k, err := ParseClusterKey(string(b))
	if err != nil {
		return ClusterKey{}, fmt.Errorf("cluster key %s: %w", path, err)
	}
	return k, nil
}

// WriteClusterKey writes a new key file that only its owner may read. It
// refuses to replace a file: a lost cluster key makes all API keys useless.
func WriteClusterKey(path string, k ClusterKey) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("cluster key: %w", err)
	}
	_, err = f.WriteString(k.Text())
	return errors.Join(err, f.Sync(), f.Close())
}

// sealer seals API-key secrets by AES-256-GCM with random nonces, so that the
// store, a snapshot or a backup alone is of no use.
type sealer struct{ aead cipher.AEAD }

const sealVersion = 1

var errUnsealable = errors.New("sealed secret does not open with this cluster key")

func newSealer(k ClusterKey) (*sealer, error) {
	key, err := hkdf.Key(sha256.New, k.raw[:], nil, labelSeal, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead: aead}, nil
}

// Seal gives a version byte, the nonce and the ciphertext.
func (s *sealer) Seal(plain []byte) ([]byte, error) {
	return s.aead.Seal([]byte{sealVersion}, nil, plain, []byte{sealVersion}), nil
}

// Open reverses Seal.
func (s *sealer) Open(sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, errUnsealable
	}
	plain, err := s.aead.Open(nil, nil, sealed[1:], sealed[:1])
	if err != nil {
		return nil, errUnsealable
	}
	return plain, nil
}
