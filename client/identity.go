package client

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/jose"
)

// Identity is a party with its private keys: the current ones, and the earlier
// encryption keys, for reading what was encrypted before a rotation. It is made
// by NewIdentity or ImportIdentity, gets its address from Client.Register, and is
// changed by Client.RotateKeys. Printing or logging it shows no key.
type Identity struct {
	mu   sync.RWMutex
	addr address.Address
	host string // the domain it was registered at
	keys keys
	// registration holds the tokens of a registration that was begun, so that
	// repeating it is the same registration.
	registration *registration
	// next holds the keys and tokens of a rotation that was begun (RotateKeys).
	next *rotation
}

// keys are the private keys of an Identity.
type keys struct {
	sig, enc jose.PrivateKey
	past     []jose.PrivateKey // encryption keys, newest first
}

func newKeys() (keys, error) {
	sig, err := jose.GenerateKey(jose.Sig)
	if err != nil {
		return keys{}, err
	}
	enc, err := jose.GenerateKey(jose.Enc)
	return keys{sig: sig, enc: enc}, err
}

// NewIdentity draws fresh keys. The identity has no address until Client.Register.
func NewIdentity() (*Identity, error) {
	k, err := newKeys()
	if err != nil {
		return nil, fmt.Errorf("new identity: %w", err)
	}
	return &Identity{keys: k}, nil
}

// Address gives the identity's address, or the zero Address before registration.
func (id *Identity) Address() address.Address {
	id.mu.RLock()
	defer id.mu.RUnlock()
	return id.addr
}

// Full gives the address with its domain, or "" before registration.
func (id *Identity) Full() string {
	id.mu.RLock()
	defer id.mu.RUnlock()
	return id.full()
}

func (id *Identity) full() string {
	if id.addr.IsZero() {
		return ""
	}
	return id.addr.Local() + "@" + id.host
}

// SigningKey gives the public half of the key that signs now.
func (id *Identity) SigningKey() jose.PublicKey {
	id.mu.RLock()
	defer id.mu.RUnlock()
	return id.keys.sig.Public()
}

// EncryptionKey gives the public half of the key that others encrypt to now.
func (id *Identity) EncryptionKey() jose.PublicKey {
	id.mu.RLock()
	defer id.mu.RUnlock()
	return id.keys.enc.Public()
}

// Encrypt encrypts for the identity itself, for example what StoreData keeps.
func (id *Identity) Encrypt(plaintext []byte) (jwe string, err error) {
	id.mu.RLock()
	key, kid := id.keys.enc.Public(), id.full()+"/"+id.keys.enc.Public().Thumbprint()
	id.mu.RUnlock()
	return jose.Encrypt(plaintext, key, kid)
}

// Decrypt opens a JWE that was encrypted to the identity's current or an earlier
// encryption key (a cached package may use an earlier one, section 7).
// Errors: ErrNoContent when jwe is empty; jose.ErrEncryption.
func (id *Identity) Decrypt(jwe string) ([]byte, error) {
	if jwe == "" {
		return nil, ErrNoContent
	}
	// The kid only says which key to try first: clients of 2019 cut it short.
	kid, _ := jose.EncryptedTo(jwe)
	err := jose.ErrEncryption
	for _, k := range id.decryptionKeys(kid) {
		var plain []byte
		if plain, err = jose.Decrypt(jwe, k); err == nil {
			return plain, nil
		}
		if !errors.Is(err, jose.ErrEncryption) {
			break
		}
	}
	return nil, err
}

// decryptionKeys gives all keys that may open a JWE for kid, the likeliest first.
func (id *Identity) decryptionKeys(kid string) []jose.PrivateKey {
	id.mu.RLock()
	defer id.mu.RUnlock()
	all := append([]jose.PrivateKey{id.keys.enc}, id.keys.past...)
	if id.next != nil { // the server may have taken the new key already
		all = append(all, id.next.keys.enc)
	}
	_, text, _ := strings.Cut(kid, "/")
	keyID, err := address.ParseKeyID(text)
	if err != nil {
		return all
	}
	for i, k := range all {
		if keyID.Selects(k.Public().Thumbprint()) {
			all[0], all[i] = all[i], all[0]
			break
		}
	}
	return all
}

// signer is what one token needs of an Identity, taken at one moment.
type signer struct {
	addr address.Address
	full string
	key  jose.PrivateKey
}

// kid is the header field that names the signer's key (section 4).
func (s signer) kid() string { return s.full + "/" + s.key.Public().Thumbprint() }

// signer gives the current signing key. Errors: ErrNotRegistered.
func (id *Identity) signer() (signer, error) {
	id.mu.RLock()
	defer id.mu.RUnlock()
	if id.addr.IsZero() {
		return signer{}, ErrNotRegistered
	}
	return signer{addr: id.addr, full: id.full(), key: id.keys.sig}, nil
}

// String names the identity; no key is printed.
func (id *Identity) String() string {
	if full := id.Full(); full != "" {
		return "identity " + full
	}
	return "identity without an address"
}

// GoString is String, for %#v.
func (id *Identity) GoString() string { return id.String() }

// Format prints String for every verb and flag.
func (id *Identity) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(id.String())) }

// LogValue logs String.
func (id *Identity) LogValue() slog.Value { return slog.StringValue(id.String()) }
