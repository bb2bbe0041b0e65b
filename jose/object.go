package jose

import (
	"encoding/json"
	"strconv"

	"github.com/nixnode/nixnode/internal/strictjson"
)

// object is a JSON object whose members are read one by one, so that an absent
// member, a null and an empty string stay three different things. It serves all
// of the small objects of this package: headers, keys and claims.
type object map[string]json.RawMessage

// parseObject reads b as section 2 of the protocol page demands (no name twice,
// nothing after the value, bounded depth).
func parseObject(b []byte) (object, bool) {
	var o object
	err := strictjson.Unmarshal(b, &o)
	return o, err == nil && o != nil
}

// parseHeader is parseObject for the first part of a compact serialization.
func parseHeader(part string) (object, bool) {
	if len(part) > base64URL.EncodedLen(maxHeaderBytes) {
		return nil, false
	}
	b, ok := decode(part)
	if !ok {
		return nil, false
	}
	return parseObject(b)
}

// has reports whether there is a member of that name, even a null one.
func (o object) has(name string) bool {
	_, ok := o[name]
	return ok
}

// onlyHas reports whether each member is one of names.
func (o object) onlyHas(names ...string) bool {
	known := 0
	for _, n := range names {
		if o.has(n) {
			known++
		}
	}
	return known == len(o)
}

// text gives a member that must be a string if it is there; absent gives "".
func (o object) text(name string) (string, bool) {
	v, ok := o[name]
	if !ok {
		return "", true
	}
	return unquote(v)
}

// unquote reads a string. A null, which would pass for an empty one, is none.
func unquote(v json.RawMessage) (s string, ok bool) {
	if v[0] != '"' {
		return "", false
	}
	err := strictjson.Unmarshal(v, &s)
	return s, err == nil
}

// texts gives a member that must be a string or an array of strings if it is
// there, as RFC 7519 §4.1.3 allows for "aud".
func (o object) texts(name string) ([]string, bool) {
	v, ok := o[name]
	if !ok {
		return nil, true
	}
	if s, ok := unquote(v); ok {
		return []string{s}, true
	}
	var values []json.RawMessage
	if v[0] != '[' || strictjson.Unmarshal(v, &values) != nil {
		return nil, false
	}
	out := make([]string, len(values))
	for i, v := range values {
		if out[i], ok = unquote(v); !ok {
			return nil, false
		}
	}
	return out, true
}

// maxSeconds is the last second of the year 9999, the last that RFC 3339 can
// write; it also keeps sums of times far from overflowing.
const maxSeconds = 253402300799

// seconds gives a member that must be a time in whole unix seconds if it is
// there. Fractions, exponents, signs and leading zeros are refused: there shall
// be one way to write a time.
func (o object) seconds(name string) (sec int64, present, ok bool) {
	v, present := o[name]
	if !present {
		return 0, false, true
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, true, false
		}
	}
	sec, err := strconv.ParseInt(string(v), 10, 64)
	return sec, true, err == nil && sec <= maxSeconds
}
