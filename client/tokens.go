package client

import (
	"fmt"
	"strings"

	"github.com/nixnode/nixnode/api"
)

// Proof makes the token of a field "jwt" for a call to path: "it is me, now",
// with the claims that the call adds (section 4). It is for those who speak HTTP
// themselves; the methods of Client make their own. It is good for two minutes.
func (c *Client) Proof(id *Identity, path string, claims map[string]any) (string, error) {
	return c.proof(id, c.bases[0], path, claims)
}

// Sign makes a token over payload for a place, "path#field", as a call wants it
// (section 4). Errors: ErrNotRegistered, ErrTarget.
func (c *Client) Sign(id *Identity, place string, payload any) (string, error) {
	path, field, ok := strings.Cut(place, "#")
	if !ok || !strings.HasPrefix(path, "/") || field == "" {
		return "", fmt.Errorf("%w: %q is not path#field", ErrTarget, place)
	}
	return c.sign(id, path, field, payload)
}

// Registration makes the body of a registration without sending it (section 5).
// The identity keeps its tokens, and Register sends the same.
func (c *Client) Registration(id *Identity, m Metadata) (api.RegisterRequest, error) {
	return c.beginRegistration(id, m)
}

// APIToken makes a short-lived token with the key's secret, for the
// Authorization header as "Bearer" (section 3).
func (c *Client) APIToken() (string, error) { return c.apiToken() }
