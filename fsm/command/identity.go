package command

import "github.com/nixnode/nixnode/address"

// Register makes an identity. The same key with the same tokens gives the
// identity that is there (StatusExists); with others, or of another
// application, StatusConflict (section 5).
type Register struct {
	Meta        `cbor:"1,keyasint"`
	Application address.Address `cbor:"2,keyasint"`
	Identity    address.Address `cbor:"3,keyasint"` // used if the key is new
	SigKey      []byte          `cbor:"4,keyasint"` // canonical JWK
	Thumbprint  string          `cbor:"5,keyasint"` // of SigKey
	EncToken    string          `cbor:"6,keyasint"` // the encPubKey token as given
	MetaPublic  string          `cbor:"7,keyasint"` // tokens as given
	MetaPrivate string          `cbor:"8,keyasint"`
	// Kind is the identityType: "", app, group, route, user or vault.
	Kind string `cbor:"9,keyasint,omitempty"`
	// Digest tells whether a repeated registration carries the same tokens: the
	// SHA-256 over the digests of the three tokens' signing inputs, in the order
	// encPubKey, metaPublic, metaPrivate.
	Digest [32]byte `cbor:"10,keyasint"`
}

// UpdateSigKey replaces the signing key, and the encryption key with it.
type UpdateSigKey struct {
	Meta       `cbor:"1,keyasint"`
	Identity   address.Address `cbor:"2,keyasint"`
	Proof      Proof           `cbor:"3,keyasint"` // of Token
	Token      string          `cbor:"4,keyasint"` // by the old key over the new JWK: the chain's next link
	SigKey     []byte          `cbor:"5,keyasint"` // canonical JWK of the new key
	Thumbprint string          `cbor:"6,keyasint"` // of SigKey
	EncToken   string          `cbor:"7,keyasint"` // by the NEW key
	EncDigest  [32]byte        `cbor:"8,keyasint"` // of EncToken's signing input: part of "the same token again"
}

// UpdateEncKey replaces the encryption key.
type UpdateEncKey struct {
	Meta     `cbor:"1,keyasint"`
	Identity address.Address `cbor:"2,keyasint"`
	Proof    Proof           `cbor:"3,keyasint"`
	EncToken string          `cbor:"4,keyasint"`
}

// UpdateMeta replaces public metadata, private metadata, or both in one step.
type UpdateMeta struct {
	Meta         `cbor:"1,keyasint"`
	Identity     address.Address `cbor:"2,keyasint"`
	PublicProof  *Proof          `cbor:"3,keyasint,omitempty"`
	Public       string          `cbor:"4,keyasint,omitempty"`
	PrivateProof *Proof          `cbor:"5,keyasint,omitempty"`
	Private      string          `cbor:"6,keyasint,omitempty"`
	Kind         string          `cbor:"7,keyasint,omitempty"` // identityType of Public, when that is set
}

// StoreData stores one named item of an identity ("recovery" is one of them).
type StoreData struct {
	Meta     `cbor:"1,keyasint"`
	Identity address.Address `cbor:"2,keyasint"`
	Proof    Proof           `cbor:"3,keyasint"`
	Name     string          `cbor:"4,keyasint"`
	Token    string          `cbor:"5,keyasint"`
}

// SetMembers replaces the members of a route or group (section 8).
type SetMembers struct {
	Meta     `cbor:"1,keyasint"`
	Identity address.Address   `cbor:"2,keyasint"`
	Proof    Proof             `cbor:"3,keyasint"`
	Members  []address.Address `cbor:"4,keyasint"`
}

// Retire ends an identity: mailbox, data and cached packages go with it.
type Retire struct {
	Meta     `cbor:"1,keyasint"`
	Identity address.Address `cbor:"2,keyasint"`
	Proof    Proof           `cbor:"3,keyasint"`
}

// Touch moves lastHeardDay, which moves at most once a day.
type Touch struct {
	Meta     `cbor:"1,keyasint"`
	Identity address.Address `cbor:"2,keyasint"`
}

// CommandType implements Command.
func (*Register) CommandType() Type     { return TypeRegister }
func (*UpdateSigKey) CommandType() Type { return TypeUpdateSigKey }
func (*UpdateEncKey) CommandType() Type { return TypeUpdateEncKey }
func (*UpdateMeta) CommandType() Type   { return TypeUpdateMeta }
func (*StoreData) CommandType() Type    { return TypeStoreData }
func (*SetMembers) CommandType() Type   { return TypeSetMembers }
func (*Retire) CommandType() Type       { return TypeRetire }
func (*Touch) CommandType() Type        { return TypeTouch }
