package client

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/nixnode/nixnode/internal/strictjson"
	"github.com/nixnode/nixnode/message"
)

// Package is a content package: the keys that open some content, and what the
// vault wants to say about it. It travels encrypted from end to end, as the JSON
//
//	{"v": 1, "kid": ID, "keys": [{"name": …, "alg": "A256GCM", "k": base64url}], "meta": {…}}
//
// in a JWE. Version 1 stays readable; unknown members are ignored.
type Package struct {
	ID   string // 1 to 256 characters; "kid" on the wire
	Keys []ContentKey
	Meta json.RawMessage // a JSON object, or nil
}

const (
	packageVersion = 1
	contentAlg     = "A256GCM" // RFC 7518 §5.3
	maxPackageKeys = 1000
)

var keyText = base64.RawURLEncoding.Strict()

type wirePackage struct {
	Version int             `json:"v"`
	Kid     string          `json:"kid"`
	Keys    []wireKey       `json:"keys"`
	Meta    json.RawMessage `json:"meta,omitempty"`
}

type wireKey struct {
	Name string `json:"name"`
	Alg  string `json:"alg"`
	K    string `json:"k"`
}

// Key gives the key of that name.
func (p Package) Key(name string) (ContentKey, bool) {
	for _, k := range p.Keys {
		if k.Name == name {
			return k, true
		}
	}
	return ContentKey{}, false
}

// encode gives the JSON that is encrypted. Errors: ErrPackage.
func (p Package) encode() ([]byte, error) {
	w := wirePackage{Version: packageVersion, Kid: p.ID, Meta: p.Meta, Keys: make([]wireKey, len(p.Keys))}
	for i, k := range p.Keys {
		w.Keys[i] = wireKey{Name: k.Name, Alg: contentAlg, K: keyText.EncodeToString(k.key[:])}
	}
	data, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("%w: meta is not JSON", ErrPackage)
	}
	// What is sent out must be readable at the other end.
	if _, err := parsePackage(data); err != nil {
		return nil, err
	}
	return data, nil
}

// parsePackage reads the JSON of a package. Errors: ErrPackage; its text shows
// nothing of the content.
func parsePackage(data []byte) (Package, error) {
	var w wirePackage
	if err := strictjson.Unmarshal(data, &w); err != nil {
		return Package{}, fmt.Errorf("%w: not its JSON", ErrPackage)
	}
	if w.Version != packageVersion {
		return Package{}, fmt.Errorf("%w: of another version (%d)", ErrPackage, w.Version)
	}
	if n := utf8.RuneCountInString(w.Kid); n < 1 || n > message.MaxPackageIDChars {
		return Package{}, fmt.Errorf("%w: an id of %d characters", ErrPackage, n)
	}
	if string(w.Meta) == "null" { // some JSON libraries write it for absent
		w.Meta = nil
	}
	if len(w.Meta) > 0 && w.Meta[0] != '{' {
		return Package{}, fmt.Errorf("%w: meta is not an object", ErrPackage)
	}
	if len(w.Keys) > maxPackageKeys {
		return Package{}, fmt.Errorf("%w: %d keys", ErrPackage, len(w.Keys))
	}
	p := Package{ID: w.Kid, Meta: w.Meta}
	for i, k := range w.Keys {
		key, err := parseKey(k)
		if err != nil {
			return Package{}, fmt.Errorf("%w: key %d: %w", ErrPackage, i, err)
		}
		if _, twice := p.Key(key.Name); twice {
			return Package{}, fmt.Errorf("%w: key %d has the name of another", ErrPackage, i)
		}
		p.Keys = append(p.Keys, key)
	}
	return p, nil
}

func parseKey(w wireKey) (ContentKey, error) {
	if w.Name == "" || len(w.Name) > maxKeyNameChars {
		return ContentKey{}, fmt.Errorf("a name of %d bytes", len(w.Name))
	}
	if w.Alg != contentAlg {
		return ContentKey{}, fmt.Errorf("alg is not %s", contentAlg)
	}
	raw, err := keyText.DecodeString(w.K)
	// The decoder skips line breaks; the length tells.
	if err != nil || len(raw) != contentKeyBytes || len(w.K) != keyText.EncodedLen(contentKeyBytes) {
		return ContentKey{}, fmt.Errorf("not base64url of %d bytes", contentKeyBytes)
	}
	return ContentKey{Name: w.Name, key: [contentKeyBytes]byte(raw)}, nil
}

// Package decrypts the content package that a publish, or an author's encrypted
// message to a vault, brings. Errors: ErrUnverified, ErrNoContent, ErrPackage,
// jose.ErrEncryption.
func (m Message) Package(id *Identity) (Package, error) {
	plain, err := m.Content(id)
	if err != nil {
		return Package{}, err
	}
	p, err := parsePackage(plain)
	if err != nil {
		return Package{}, err
	}
	if p.ID != m.Kid { // the cluster files it under the one, the sender meant the other
		return Package{}, fmt.Errorf("%w: another id inside than outside", ErrPackage)
	}
	return p, nil
}
