package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/internal/strictjson"
)

// Type is what a message is for: the letter in its payload.
type Type byte

// The six types. The values are the letters of the wire.
const (
	Signed    Type = 's'
	Encrypted Type = 'e'
	Request   Type = 'r' // of a content package (section 7)
	Publish   Type = 'p' // a content package for one recipient
	Clear     Type = 'c' // takes packages back
	Deny      Type = 'd' // answers a request with no
)

// Valid reports whether t is one of the six.
func (t Type) Valid() bool {
	switch t {
	case Signed, Encrypted, Request, Publish, Clear, Deny:
		return true
	}
	return false
}

// String gives the letter.
func (t Type) String() string { return string(rune(t)) }

// ParseType reads a letter. Errors: ErrPayload.
func ParseType(s string) (Type, error) {
	if len(s) != 1 || !Type(s[0]).Valid() {
		return 0, fmt.Errorf("%w: type is not one of s e r p c d", ErrPayload)
	}
	return Type(s[0]), nil
}

// Payload is the signed content of a message token, checked.
type Payload struct {
	Type    Type
	ID      string          // chosen by the sender; two messages may have the same
	To      address.Address // "dst", an identity
	Expires time.Time       // "exp", whole seconds, UTC; neither clamped nor compared with now
	Body    Body
}

// Body is what the server looks at of a message's body.
type Body struct {
	Kid       string // content package id, or empty
	RespTo    string // id of the message that this one answers, or empty
	NoCache   bool
	EncPubKey []byte // JSON of any type: the key that an answer shall be encrypted to; nil if absent
	JWE       string // the encrypted content, or empty
	Raw       []byte // the whole body object as it was signed; "{}" if it was absent
}

// wirePayload is a payload in JSON. Pointers tell absent (or null) from empty.
type wirePayload struct {
	Type *string         `json:"type"`
	ID   *string         `json:"id"`
	Dst  *string         `json:"dst"`
	Exp  *int64          `json:"exp"`
	Body json.RawMessage `json:"body"`
}

type wireBody struct {
	Kid       *string         `json:"kid"`
	RespTo    *string         `json:"respTo"`
	NoCache   *bool           `json:"noCache"`
	EncPubKey json.RawMessage `json:"encPubKey"`
	JWE       *string         `json:"jwe"`
}

// maxExpires is the end of the year 9999; beyond it times cannot be written.
const maxExpires = 253402300799

// ParsePayload reads the payload of a message token. Errors: ErrPayload,
// address.ErrMalformed and address.ErrForeign (of dst).
func ParsePayload(p []byte, d address.Domain) (Payload, error) {
	var w wirePayload
	if err := unmarshal(p, &w, ""); err != nil {
		return Payload{}, err
	}
	if w.Type == nil || w.ID == nil || w.Dst == nil || w.Exp == nil {
		return Payload{}, fmt.Errorf("%w: type, id, dst and exp are required", ErrPayload)
	}
	t, err := ParseType(*w.Type)
	if err != nil {
		return Payload{}, err
	}
	if err := checkName("id", w.ID, MaxIDChars); err != nil {
		return Payload{}, err
	}
	if *w.Exp < 0 || *w.Exp > maxExpires {
		return Payload{}, fmt.Errorf("%w: exp is out of range", ErrPayload)
	}
	to, err := d.ParseType(*w.Dst, address.Identity)
	if err != nil {
		return Payload{}, fmt.Errorf("dst: %w", err)
	}
	body, err := parseBody(w.Body)
	if err != nil {
		return Payload{}, err
	}
	return Payload{Type: t, ID: *w.ID, To: to, Expires: time.Unix(*w.Exp, 0).UTC(), Body: body}, nil
}

// parseBody reads the body of a payload; an absent one is empty. A null in it
// means absent, as that is what some JSON libraries write for it.
func parseBody(raw json.RawMessage) (Body, error) {
	if raw == nil {
		return Body{Raw: []byte("{}")}, nil
	}
	if raw[0] != '{' {
		return Body{}, fmt.Errorf("%w: body is not an object", ErrPayload)
	}
	var w wireBody
	if err := unmarshal(raw, &w, "body/"); err != nil {
		return Body{}, err
	}
	if err := checkName("body/kid", w.Kid, MaxPackageIDChars); err != nil {
		return Body{}, err
	}
	if err := checkName("body/respTo", w.RespTo, MaxIDChars); err != nil {
		return Body{}, err
	}
	b := Body{Kid: deref(w.Kid), RespTo: deref(w.RespTo), NoCache: deref(w.NoCache), JWE: deref(w.JWE), Raw: raw}
	if !absent(w.EncPubKey) {
		b.EncPubKey = w.EncPubKey
	}
	return b, nil
}

// unmarshal reads JSON strictly and says where it is wrong, below the place at.
func unmarshal(data []byte, v any, at string) error {
	err := strictjson.Unmarshal(data, v)
	var wrong *strictjson.TypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && at+wrong.Field != "":
		return fmt.Errorf("%w: %s has the wrong type", ErrPayload, at+wrong.Field)
	default:
		return fmt.Errorf("%w: not a JSON object", ErrPayload)
	}
}

// checkName demands 1 to most characters of a name that is there.
func checkName(field string, name *string, most int) error {
	if name != nil && (*name == "" || utf8.RuneCountInString(*name) > most) {
		return fmt.Errorf("%w: %s must have 1 to %d characters", ErrPayload, field, most)
	}
	return nil
}

// deref gives what p points to, or the zero value of what is absent.
func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// BuildPayload makes what a sender signs: a message of type t to the address dst
// (any form), until expires (cut to whole seconds). body is anything that
// marshals to a JSON object; nil is an empty one. The same rules hold as for
// ParsePayload, save that dst is taken as it is. Errors: ErrPayload.
func BuildPayload(t Type, id, dst string, expires time.Time, body any) ([]byte, error) {
	if !t.Valid() {
		return nil, fmt.Errorf("%w: type is not one of s e r p c d", ErrPayload)
	}
	if err := checkName("id", &id, MaxIDChars); err != nil {
		return nil, err
	}
	exp := expires.Unix()
	if exp < 0 || exp > maxExpires {
		return nil, fmt.Errorf("%w: exp is out of range", ErrPayload)
	}
	if body == nil {
		body = struct{}{}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("%w: body does not marshal", ErrPayload)
	}
	if _, err := parseBody(raw); err != nil {
		return nil, err
	}
	text := t.String()
	p, err := json.Marshal(wirePayload{Type: &text, ID: &id, Dst: &dst, Exp: &exp, Body: raw})
	if err != nil {
		return nil, fmt.Errorf("%w: does not marshal", ErrPayload)
	}
	return p, nil
}
