package relay

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/internal/strictjson"
)

// object is a JSON object whose members are still in JSON.
type object = map[string]json.RawMessage

// parseObject reads the payload of a token that must be an object.
func parseObject(payload []byte, field string) (object, error) {
	var o object
	if err := strictjson.Unmarshal(payload, &o); err != nil || o == nil {
		return nil, api.Errorf(api.CodeBadToken, "%s: the payload is not a JSON object", field)
	}
	return o, nil
}

// identityKinds are the values of identityType (section 5).
var identityKinds = []string{"", "app", "group", "route", "user", "vault"}

// parseKind reads identityType of public metadata; absent and null are empty.
func parseKind(public object) (string, error) {
	raw, ok := public["identityType"]
	if !ok {
		return "", nil
	}
	var kind *string
	if err := strictjson.Unmarshal(raw, &kind); err != nil {
		return "", api.Errorf(api.CodeWrongType, "metaPublic: identityType")
	}
	if kind == nil {
		return "", nil
	}
	if !slices.Contains(identityKinds, *kind) {
		return "", api.Errorf(api.CodeBadValue, "metaPublic: identityType is none of app group route user vault")
	}
	return *kind, nil
}

// storedPayload gives the payload of a token of the store, which was verified
// before it got there. It does not depend on which domains are served now.
func storedPayload(token string) ([]byte, error) {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	b, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return nil, fmt.Errorf("a stored token: %w", err)
	}
	return b, nil
}

// withMembers gives a stored object with further members, which win over its own.
func withMembers(token string, members map[string]string) (json.RawMessage, error) {
	payload, err := storedPayload(token)
	if err != nil {
		return nil, err
	}
	o := object{}
	if err := strictjson.Unmarshal(payload, &o); err != nil {
		return nil, fmt.Errorf("stored metadata: %w", err)
	}
	if o == nil {
		o = object{}
	}
	for name, text := range members {
		raw, err := json.Marshal(text)
		if err != nil {
			return nil, fmt.Errorf("metadata: %w", err)
		}
		o[name] = raw
	}
	return json.Marshal(o)
}
