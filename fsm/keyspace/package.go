package keyspace

import "github.com/nixnode/nixnode/address"

// Package makes the key of a cached content package.
//
//	0x40 | vault (16) | len(kid) (4) | kid | reader (16)
func Package(vault address.Address, kid string, reader address.Address) []byte {
	return append(appendText(of(familyPackage, vault), kid), reader[:]...)
}

// ParsePackage reads the key of Package. Errors: ErrKey.
func ParsePackage(k []byte) (vault address.Address, kid string, reader address.Address, err error) {
	r := read(familyPackage, k)
	vault, kid, reader = r.address(), r.text(), r.address()
	return vault, kid, reader, r.end()
}

// PackageReaders spans (vault, kid, *).
func PackageReaders(vault address.Address, kid string) Range {
	return prefixed(appendText(of(familyPackage, vault), kid))
}

// PackagesOf spans all that is cached for vault.
func PackagesOf(vault address.Address) Range { return prefixed(of(familyPackage, vault)) }

// PackageByReader makes the key that lists a cached package under its reader.
// The value is empty.
//
//	0x41 | reader (16) | vault (16) | kid
func PackageByReader(reader, vault address.Address, kid string) []byte {
	return append(of(familyPackageByReader, reader, vault), kid...)
}

// ParsePackageByReader reads the key of PackageByReader. Errors: ErrKey.
func ParsePackageByReader(k []byte) (reader, vault address.Address, kid string, err error) {
	r := read(familyPackageByReader, k)
	reader, vault, kid = r.address(), r.address(), r.remaining()
	return reader, vault, kid, r.end()
}

// PackagesFor spans what vault has cached for reader.
func PackagesFor(reader, vault address.Address) Range {
	return prefixed(of(familyPackageByReader, reader, vault))
}

// PackagesRead spans what anybody has cached for reader.
func PackagesRead(reader address.Address) Range { return prefixed(of(familyPackageByReader, reader)) }

// Holders makes the key of the number of readers a package is cached for. The
// value is that number in 8 bytes.
//
//	0x42 | vault (16) | kid
func Holders(vault address.Address, kid string) []byte {
	return append(of(familyHolders, vault), kid...)
}

// ParseHolders reads the key of Holders. Errors: ErrKey.
func ParseHolders(k []byte) (vault address.Address, kid string, err error) {
	r := read(familyHolders, k)
	vault, kid = r.address(), r.remaining()
	return vault, kid, r.end()
}

// HoldersOf spans the numbers of all packages of vault.
func HoldersOf(vault address.Address) Range { return prefixed(of(familyHolders, vault)) }

// Served makes the key of how often a cached package was served, and when last.
// It stands apart from the package so that serving a large one does not write
// it again. The value is both numbers in 8 bytes each.
//
//	0x43 | vault (16) | len(kid) (4) | kid | reader (16)
func Served(vault address.Address, kid string, reader address.Address) []byte {
	return append(appendText(of(familyServed, vault), kid), reader[:]...)
}

// ParseServed reads the key of Served. Errors: ErrKey.
func ParseServed(k []byte) (vault address.Address, kid string, reader address.Address, err error) {
	r := read(familyServed, k)
	vault, kid, reader = r.address(), r.text(), r.address()
	return vault, kid, reader, r.end()
}

// ServedOf spans the numbers of all packages of vault.
func ServedOf(vault address.Address) Range { return prefixed(of(familyServed, vault)) }

// VaultPackages makes the key of the number of packages that are cached for a
// vault, each reader counted. The value is that number in 8 bytes.
//
//	0x44 | vault (16)
func VaultPackages(vault address.Address) []byte { return of(familyVaultPackages, vault) }

// ParseVaultPackages reads the key of VaultPackages. Errors: ErrKey.
func ParseVaultPackages(k []byte) (address.Address, error) { return parseOne(familyVaultPackages, k) }
