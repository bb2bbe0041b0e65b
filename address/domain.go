package address

import (
	"fmt"
	"strings"
)

// Domain is the name of a cluster with its aliases. Everywhere an address is
// accepted, the local form and an alias mean the same address; what is sent out
// carries the cluster's own name (section 1). Names are compared without case.
// A Domain is immutable and safe for concurrent use.
type Domain struct {
	name  string
	known map[string]bool // lower case, the own name included
}

// NewDomain makes a Domain from the cluster's own name and its aliases.
// It fails when a name is empty or holds a character that a host name cannot.
func NewDomain(name string, aliases ...string) (Domain, error) {
	d := Domain{name: strings.ToLower(name), known: map[string]bool{}}
	for _, n := range append([]string{name}, aliases...) {
		if !validDomain(n) {
			return Domain{}, fmt.Errorf("%q is not a domain name", n)
		}
		d.known[strings.ToLower(n)] = true
	}
	return d, nil
}

// Name gives the cluster's own domain, in lower case.
func (d Domain) Name() string { return d.name }

// Serves reports whether name is the domain or one of its aliases.
func (d Domain) Serves(name string) bool { return d.known[strings.ToLower(name)] }

// Full gives the form that responses carry: local part, '@', the cluster's own
// domain. The zero Address gives the empty string.
func (d Domain) Full(a Address) string {
	if a.IsZero() {
		return ""
	}
	return a.Local() + "@" + d.name
}

// Parse reads an address in full, alias or local form.
// Errors: ErrMalformed (40003), ErrForeign (40403).
func (d Domain) Parse(s string) (Address, error) {
	local, host, full := strings.Cut(s, "@")
	a, err := ParseLocal(local)
	if err != nil {
		return Address{}, err
	}
	if !full {
		return a, nil
	}
	host = strings.TrimRight(host, "=")
	if !validDomain(host) {
		return Address{}, ErrMalformed
	}
	if !d.Serves(host) {
		return Address{}, ErrForeign
	}
	return a, nil
}

// ParseType is Parse for a place that only takes one type of party; another
// type is ErrMalformed there.
func (d Domain) ParseType(s string, t Type) (Address, error) {
	a, err := d.Parse(s)
	if err != nil {
		return Address{}, err
	}
	if a.Type() != t {
		return Address{}, fmt.Errorf("%w: not of type %q (%s)", ErrMalformed, byte(t), t)
	}
	return a, nil
}

// validDomain is lenient about what a name may be (dev mode uses "localhost"),
// and strict about what it may contain. RFC 1035 §2.3.4 limits its length.
func validDomain(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for _, label := range strings.Split(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := 0; i < len(label); i++ {
			c := label[i]
			if !(isBase64URL(c) && c != '_') {
				return false
			}
		}
	}
	return true
}
