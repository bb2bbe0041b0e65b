package keyspace

import "github.com/nixnode/nixnode/address"

// Identity makes the key of what every message needs to know of an identity.
//
//	0x20 | identity (16)
func Identity(a address.Address) []byte { return of(familyIdentity, a) }

// ParseIdentity reads the key of Identity. Errors: ErrKey.
func ParseIdentity(k []byte) (address.Address, error) { return parseOne(familyIdentity, k) }

// Profile makes the key of the rest of an identity.
//
//	0x21 | identity (16)
func Profile(a address.Address) []byte { return of(familyProfile, a) }

// ParseProfile reads the key of Profile. Errors: ErrKey.
func ParseProfile(k []byte) (address.Address, error) { return parseOne(familyProfile, k) }

// Data makes the key of a named item of an identity.
//
//	0x22 | identity (16) | name
func Data(a address.Address, name string) []byte { return append(of(familyData, a), name...) }

// ParseData reads the key of Data. Errors: ErrKey.
func ParseData(k []byte) (a address.Address, name string, err error) {
	r := read(familyData, k)
	a, name = r.address(), r.remaining()
	return a, name, r.end()
}

// DataOf spans all items of an identity.
func DataOf(a address.Address) Range { return prefixed(of(familyData, a)) }

// Mark makes the key of the last token applied to a target of an identity.
//
//	0x23 | identity (16) | target
func Mark(a address.Address, target string) []byte { return append(of(familyMark, a), target...) }

// ParseMark reads the key of Mark. Errors: ErrKey.
func ParseMark(k []byte) (a address.Address, target string, err error) {
	r := read(familyMark, k)
	a, target = r.address(), r.remaining()
	return a, target, r.end()
}

// MarksOf spans all marks of an identity.
func MarksOf(a address.Address) Range { return prefixed(of(familyMark, a)) }

// Thumbprint makes the key that names the identity a signing key belongs to,
// or ever belonged to. The value is the identity's 16 bytes.
//
//	0x24 | thumbprint
func Thumbprint(thumbprint string) []byte {
	return append(key(familyThumbprint, len(thumbprint)), thumbprint...)
}

// ParseThumbprint reads the key of Thumbprint. Errors: ErrKey.
func ParseThumbprint(k []byte) (string, error) {
	r := read(familyThumbprint, k)
	s := r.remaining()
	return s, r.end()
}
