package jose

import (
	"encoding/base64"
	"strings"
)

// base64URL is RFC 7515 §2 "base64url" without padding, and canonical: the
// unused bits of the last character must be zero.
var base64URL = base64.RawURLEncoding.Strict()

// decode reads one part of a compact serialization. The standard decoder skips
// line breaks, so they are looked for first.
func decode(part string) ([]byte, bool) {
	// (Two searches for a byte are many times faster than one for a set.)
	if strings.IndexByte(part, '\n') >= 0 || strings.IndexByte(part, '\r') >= 0 {
		return nil, false
	}
	b, err := base64URL.DecodeString(part)
	return b, err == nil
}

// decode32 reads a value of exactly 32 bytes: a coordinate, a private key.
func decode32(text string) ([]byte, bool) {
	if len(text) != 43 {
		return nil, false
	}
	return decode(text)
}

// split cuts a compact serialization into exactly n parts.
func split(s string, n int) ([]string, bool) {
	if strings.Count(s, ".") != n-1 {
		return nil, false
	}
	return strings.Split(s, "."), true
}
