package client

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/jose"
)

// proofLife is how long a proof is good: long enough for clocks and slow lines,
// short enough that a stolen one is soon worthless.
const proofLife = 2 * time.Minute

// target is the "tgt" that binds a token to its place (section 4).
func target(path, field string) string { return path + "#" + field }

// proof makes a token that says "it is me, now" for a call to path at base, with
// the claims that the call adds (section 4).
func (c *Client) proof(id *Identity, base *url.URL, path string, claims map[string]any) (string, error) {
	s, err := id.signer()
	if err != nil {
		return "", err
	}
	c.home.learn(s.full)
	now := c.now()
	all := map[string]any{
		"iss": s.full, "sub": s.full, "aud": []string{c.home.audience(base)},
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(proofLife).Unix(),
		"jti": rand.Text(),
	}
	for name, v := range claims {
		all[name] = v
	}
	payload, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("write a proof: %w", err)
	}
	return s.key.Sign(payload, jose.SignOptions{Kid: s.kid(), Target: target(path, api.FieldJWT), IssuedAt: now})
}

// proven is a call whose body is a proof alone.
func (c *Client) proven(id *Identity, path string, claims map[string]any) request {
	return request{
		method: http.MethodPost, path: path,
		body: func(base *url.URL) (any, error) {
			jwt, err := c.proof(id, base, path, claims)
			return api.ProofRequest{JWT: jwt}, err
		},
	}
}

// sign makes a token over payload for a field of a call to path.
func (c *Client) sign(id *Identity, path, field string, payload any) (string, error) {
	s, err := id.signer()
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(payload)
	if err != nil {
		return "", fmt.Errorf("%s: %w", field, err)
	}
	c.home.learn(s.full)
	return s.key.Sign(b, jose.SignOptions{Kid: s.kid(), Target: target(path, field), IssuedAt: c.now()})
}
