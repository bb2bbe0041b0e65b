package command

import "github.com/nixnode/nixnode/address"

// Scope is one right of an API key, as bits (section 3).
type Scope uint8

// The scopes. The bits are the store's format: append only.
const (
	ScopeIdentity Scope = 1
	ScopeMessage  Scope = 2
	ScopeEvent    Scope = 4
	ScopeAdmin    Scope = 8
	ScopeOperator Scope = 16
)

// Rate is an API key's limits; zero fields mean the default.
type Rate struct {
	Requests uint32 `cbor:"1,keyasint,omitempty"` // a second
	Burst    uint32 `cbor:"2,keyasint,omitempty"` // requests
	Messages uint32 `cbor:"3,keyasint,omitempty"` // a second
}

// Bootstrap makes the customer "operator" with one application and one key, once
// in the life of a cluster: a second one changes nothing (StatusExists).
type Bootstrap struct {
	Meta        `cbor:"1,keyasint"`
	Customer    address.Address `cbor:"2,keyasint"`
	Application address.Address `cbor:"3,keyasint"`
	NewKey      address.Address `cbor:"4,keyasint"`
	Sealed      []byte          `cbor:"5,keyasint"` // the key's secret, sealed
}

// CreateCustomer makes a customer, enabled.
type CreateCustomer struct {
	Meta     `cbor:"1,keyasint"`
	Customer address.Address `cbor:"2,keyasint"`
	Name     string          `cbor:"3,keyasint"`
}

// UpdateCustomer changes the fields that are not nil.
type UpdateCustomer struct {
	Meta     `cbor:"1,keyasint"`
	Customer address.Address `cbor:"2,keyasint"`
	Name     *string         `cbor:"3,keyasint,omitempty"`
	Enabled  *bool           `cbor:"4,keyasint,omitempty"`
}

// CreateApplication makes an application of a customer, enabled.
type CreateApplication struct {
	Meta        `cbor:"1,keyasint"`
	Customer    address.Address `cbor:"2,keyasint"`
	Application address.Address `cbor:"3,keyasint"`
	Name        string          `cbor:"4,keyasint"`
}

// UpdateApplication changes the fields that are not nil.
type UpdateApplication struct {
	Meta        `cbor:"1,keyasint"`
	Application address.Address `cbor:"2,keyasint"`
	Name        *string         `cbor:"3,keyasint,omitempty"`
	Enabled     *bool           `cbor:"4,keyasint,omitempty"`
}

// CreateKey makes an API key of an application, enabled, with generation 1 of its secret.
type CreateKey struct {
	Meta        `cbor:"1,keyasint"`
	Application address.Address `cbor:"2,keyasint"`
	NewKey      address.Address `cbor:"3,keyasint"`
	Name        string          `cbor:"4,keyasint"`
	Scopes      Scope           `cbor:"5,keyasint"`
	Expires     int64           `cbor:"6,keyasint,omitempty"` // unix seconds; 0 = never
	Rate        Rate            `cbor:"7,keyasint"`
	Sealed      []byte          `cbor:"8,keyasint"`
}

// UpdateKey changes the fields that are not nil.
type UpdateKey struct {
	Meta    `cbor:"1,keyasint"`
	Target  address.Address `cbor:"2,keyasint"`
	Name    *string         `cbor:"3,keyasint,omitempty"`
	Enabled *bool           `cbor:"4,keyasint,omitempty"`
	Expires *int64          `cbor:"5,keyasint,omitempty"`
	Scopes  *Scope          `cbor:"6,keyasint,omitempty"`
	Rate    *Rate           `cbor:"7,keyasint,omitempty"`
}

// RotateKey gives a key a new secret; the one before stays valid until
// OldUntil (unix seconds), any older one ends now.
type RotateKey struct {
	Meta     `cbor:"1,keyasint"`
	Target   address.Address `cbor:"2,keyasint"`
	Sealed   []byte          `cbor:"3,keyasint"`
	OldUntil int64           `cbor:"4,keyasint"`
}

// DeleteKey removes a key for ever; its address is not given out again.
type DeleteKey struct {
	Meta   `cbor:"1,keyasint"`
	Target address.Address `cbor:"2,keyasint"`
}

// CommandType implements Command.
func (*Bootstrap) CommandType() Type         { return TypeBootstrap }
func (*CreateCustomer) CommandType() Type    { return TypeCreateCustomer }
func (*UpdateCustomer) CommandType() Type    { return TypeUpdateCustomer }
func (*CreateApplication) CommandType() Type { return TypeCreateApplication }
func (*UpdateApplication) CommandType() Type { return TypeUpdateApplication }
func (*CreateKey) CommandType() Type         { return TypeCreateKey }
func (*UpdateKey) CommandType() Type         { return TypeUpdateKey }
func (*RotateKey) CommandType() Type         { return TypeRotateKey }
func (*DeleteKey) CommandType() Type         { return TypeDeleteKey }
