package keyspace

// Meta makes the key of one fact about the store as a whole.
//
//	0x01 | name
func Meta(name string) []byte { return append(key(familyMeta, len(name)), name...) }

// ParseMeta reads the key of Meta. Errors: ErrKey.
func ParseMeta(k []byte) (name string, err error) {
	r := read(familyMeta, k)
	name = r.remaining()
	return name, r.end()
}
