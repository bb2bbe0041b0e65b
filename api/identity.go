package api

import "encoding/json"

// RegisterRequest is the body of POST /v1/identity (section 5).
type RegisterRequest struct {
	SigPubKey   json.RawMessage `json:"sigPubKey"` // JWK
	EncPubKey   string          `json:"encPubKey"` // tokens
	MetaPublic  string          `json:"metaPublic"`
	MetaPrivate string          `json:"metaPrivate"`
}

// ProofRequest is the body of every call that only proves "it is me, now":
// me, retire, fetch, listen, ack, packages/list.
type ProofRequest struct {
	JWT string `json:"jwt"`
}

// SigKeyRequest is the body of POST /v1/identity/me/sigPubKey.
type SigKeyRequest struct {
	SigPubKey string `json:"sigPubKey"` // token by the old key over the new JWK
	EncPubKey string `json:"encPubKey"` // token by the new key
}

// EncKeyRequest is the body of POST /v1/identity/me/encPubKey.
type EncKeyRequest struct {
	EncPubKey string `json:"encPubKey"`
}

// MetaRequest is the body of POST /v1/identity/me/meta; one of the two may be absent.
type MetaRequest struct {
	MetaPublic  string `json:"metaPublic,omitempty"`
	MetaPrivate string `json:"metaPrivate,omitempty"`
}

// DataRequest is the body of POST /v1/identity/me/recovery and /me/data/:name.
type DataRequest struct {
	JWS string `json:"jws"` // token over DataPayload
}

// DataPayload is what a data token signs.
type DataPayload struct {
	Name string `json:"name"`
	JWE  string `json:"jwe"`
}

// MembersRequest is the body of POST /v1/identity/me/members (section 8).
type MembersRequest struct {
	Members string `json:"members"` // token over an array of addresses
}

// Identity is an identity as the server shows it (section 5).
type Identity struct {
	Address       string          `json:"address"`
	SigPubKey     json.RawMessage `json:"sigPubKey"`
	EncPubKey     string          `json:"encPubKey"` // the token as registered
	SigRoot       json.RawMessage `json:"sigRoot"`
	SigChain      []string        `json:"sigChain"`
	MetaPublic    json.RawMessage `json:"metaPublic"` // the object, with appAddress
	MetaPublicJWS string          `json:"metaPublicJWS"`
	// MetaPrivate is only shown to the identity itself: its object, with created
	// and lastHeardDay as decimal strings of unix seconds.
	MetaPrivate json.RawMessage `json:"metaPrivate,omitempty"`
}

// Data is one named item of an identity.
type Data struct {
	Name    string `json:"name"`
	JWS     string `json:"jws"`     // as it was stored
	Updated string `json:"updated"` // decimal string of unix seconds
}
