package relay

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/jose"
)

// maxCredentials bounds an Authorization header; the longest useful one is far shorter.
const maxCredentials = 8 << 10

// credentials are what a request shows for an API key: either the secret itself
// or a token made with it.
type credentials struct {
	key    address.Address
	secret string         // as it was shown; only without a token
	token  *jose.APIToken // nil for a secret
}

// parseCredentials reads an Authorization header (section 3; RFC 7617 §2 and
// RFC 6750 §2.1, scheme names in any case by RFC 9110 §11.1). Nothing is verified.
func parseCredentials(authorization string, d address.Domain) (credentials, error) {
	if authorization == "" {
		return credentials{}, &api.Error{Code: api.CodeNoCredentials}
	}
	if len(authorization) > maxCredentials {
		return credentials{}, api.Errorf(api.CodeNoCredentials, "too long")
	}
	scheme, rest, _ := strings.Cut(authorization, " ")
	switch strings.ToLower(scheme) {
	case "basic":
		return parseBasic(strings.Trim(rest, " "), d)
	case "bearer":
		return parseBearer(strings.Trim(rest, " "), d)
	}
	return credentials{}, api.Errorf(api.CodeNoCredentials, "the scheme must be Basic or Bearer")
}

func parseBasic(text string, d address.Domain) (credentials, error) {
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return credentials{}, api.Errorf(api.CodeNoCredentials, "not base64")
	}
	who, secret, ok := strings.Cut(string(plain), ":")
	if !ok {
		return credentials{}, api.Errorf(api.CodeNoCredentials, "not <key address>:<secret>")
	}
	key, err := d.ParseType(who, address.APIKey)
	if err != nil {
		return credentials{}, keyAddressError(err)
	}
	return credentials{key: key, secret: secret}, nil
}

func parseBearer(text string, d address.Domain) (credentials, error) {
	token, err := jose.ParseAPIToken(text, d)
	switch {
	case err == nil:
		return credentials{key: token.Key, token: token}, nil
	case errors.Is(err, jose.ErrAlgorithm): // readable, and never going to verify
		return credentials{}, api.Errorf(api.CodeBadCredentials, "the algorithm must be HS256")
	case errors.Is(err, jose.ErrForm):
		return credentials{}, api.Errorf(api.CodeNoCredentials, "not an API key token")
	}
	return credentials{}, keyAddressError(err)
}

// keyAddressError: a key of another domain is unknown here.
func keyAddressError(err error) error {
	if errors.Is(err, address.ErrForeign) {
		return &api.Error{Code: api.CodeUnknownKey}
	}
	return api.Errorf(api.CodeNoCredentials, "not the address of an API key")
}

// match reports whether the credentials were made with s, in a time that does not
// depend on s.
func (c credentials) match(s jose.Secret) bool {
	if c.token != nil {
		return c.token.Verify(s) == nil
	}
	return s.Equal(c.secret)
}

// check demands what is left to demand of credentials that match.
func (c credentials) check(d address.Domain, now time.Time) error {
	if c.token == nil {
		return nil
	}
	if err := c.token.Check(d, now); err != nil {
		return &api.Error{Code: api.CodeBadCredentials, Detail: err.Error()}
	}
	return nil
}
