package keyspace

import "github.com/nixnode/nixnode/address"

// Customer makes the key of a customer's record.
//
//	0x10 | customer (16)
func Customer(a address.Address) []byte { return of(familyCustomer, a) }

// ParseCustomer reads the key of Customer. Errors: ErrKey.
func ParseCustomer(k []byte) (address.Address, error) { return parseOne(familyCustomer, k) }

// CustomersAfter spans the customers whose addresses come after a (zero: all).
func CustomersAfter(a address.Address) Range {
	return prefixed(key(familyCustomer, 0)).After(Customer(a))
}

// Application makes the key of an application's record.
//
//	0x11 | application (16)
func Application(a address.Address) []byte { return of(familyApplication, a) }

// ParseApplication reads the key of Application. Errors: ErrKey.
func ParseApplication(k []byte) (address.Address, error) { return parseOne(familyApplication, k) }

// ApplicationByCustomer makes the key that lists an application under its customer.
//
//	0x12 | customer (16) | application (16)
func ApplicationByCustomer(customer, app address.Address) []byte {
	return of(familyApplicationByCustomer, customer, app)
}

// ParseApplicationByCustomer reads the key of ApplicationByCustomer. Errors: ErrKey.
func ParseApplicationByCustomer(k []byte) (customer, app address.Address, err error) {
	return parseTwo(familyApplicationByCustomer, k)
}

// ApplicationsAfter spans the applications of a customer that come after app (zero: all).
func ApplicationsAfter(customer, app address.Address) Range {
	return prefixed(of(familyApplicationByCustomer, customer)).After(ApplicationByCustomer(customer, app))
}

// Key makes the key of an API key's record.
//
//	0x13 | API key (16)
func Key(a address.Address) []byte { return of(familyKey, a) }

// ParseKey reads the key of Key. Errors: ErrKey.
func ParseKey(k []byte) (address.Address, error) { return parseOne(familyKey, k) }

// KeyByApplication makes the key that lists an API key under its application.
//
//	0x14 | application (16) | API key (16)
func KeyByApplication(app, k address.Address) []byte { return of(familyKeyByApplication, app, k) }

// ParseKeyByApplication reads the key of KeyByApplication. Errors: ErrKey.
func ParseKeyByApplication(k []byte) (app, apiKey address.Address, err error) {
	return parseTwo(familyKeyByApplication, k)
}

// KeysAfter spans the API keys of an application that come after k (zero: all).
func KeysAfter(app, k address.Address) Range {
	return prefixed(of(familyKeyByApplication, app)).After(KeyByApplication(app, k))
}

func parseOne(f Family, k []byte) (address.Address, error) {
	r := read(f, k)
	a := r.address()
	return a, r.end()
}

func parseTwo(f Family, k []byte) (a, b address.Address, err error) {
	r := read(f, k)
	a, b = r.address(), r.address()
	return a, b, r.end()
}
