package jose

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/nixnode/nixnode/address"
)

// MaxAPITokenLife is how far apart "nbf" and "exp" of an API token may be (section 3).
const MaxAPITokenLife = time.Hour

var hs256 = []gojose.SignatureAlgorithm{gojose.HS256}

// APIToken is a JWT (RFC 7519) by which a program shows that it holds an API key
// (section 3). Its form has been checked; its signature has not, until Verify
// says so.
type APIToken struct {
	Key address.Address // "kid": the API key's address

	raw    string
	claims claims
}

// ParseAPIToken checks the form of a token by RFC 7515 §7.1 and section 3, and
// reads its header and claims: HS256 alone, and no header fields but alg, kid and
// typ. Errors: ErrForm, ErrAlgorithm, address.ErrForeign (of the kid).
func ParseAPIToken(s string, d address.Domain) (*APIToken, error) {
	parts, ok := split(s, 3)
	if !ok {
		return nil, fmt.Errorf("%w: not three parts", ErrForm)
	}
	header, ok := parseHeader(parts[0])
	if !ok {
		return nil, fmt.Errorf("%w: unreadable header", ErrForm)
	}
	if err := checkAlgorithm(header, gojose.HS256); err != nil {
		return nil, err
	}
	t := &APIToken{raw: s}
	if err := t.readHeader(header, d); err != nil {
		return nil, err
	}
	if mac, ok := decode(parts[2]); !ok || len(mac) != SecretSize {
		return nil, fmt.Errorf("%w: unreadable signature", ErrForm)
	}
	payload, ok := decode(parts[1])
	if !ok {
		return nil, fmt.Errorf("%w: unreadable payload", ErrForm)
	}
	var err error
	t.claims, err = parseClaims(payload)
	return t, err
}

func (t *APIToken) readHeader(h object, d address.Domain) error {
	if !h.onlyHas("alg", "kid", "typ") {
		return fmt.Errorf("%w: header with a field that is not allowed", ErrForm)
	}
	if _, ok := h.text("typ"); !ok {
		return fmt.Errorf("%w: typ is not a string", ErrForm)
	}
	kid, ok := h.text("kid")
	if !ok {
		return fmt.Errorf("%w: kid is not a string", ErrForm)
	}
	var err error
	if t.Key, err = d.ParseType(kid, address.APIKey); err != nil {
		if errors.Is(err, address.ErrForeign) {
			return fmt.Errorf("kid: %w", err)
		}
		return fmt.Errorf("%w: kid is not the address of an API key", ErrForm)
	}
	return nil
}

// Verify checks the signature (RFC 7518 §3.2) against the secret s of the key.
// Clients of 2019 key it with the raw bytes or with the base64 text; both are
// accepted, and both are always tried, so that the time taken tells nothing.
// Errors: ErrSignature.
func (t *APIToken) Verify(s Secret) error {
	jws, err := gojose.ParseSignedCompact(t.raw, hs256)
	if err != nil { // it refuses what ParseAPIToken let through
		return fmt.Errorf("%w: unreadable", ErrForm)
	}
	_, errRaw := jws.Verify(s[:])
	_, errText := jws.Verify([]byte(s.Text()))
	if errRaw != nil && errText != nil {
		return ErrSignature
	}
	return nil
}

// Check demands that the token is for this cluster and valid at now: "aud" holds
// the domain or an alias, "exp" and "nbf" are there and hold with Skew, and are
// at most MaxAPITokenLife apart. Errors: ErrAudience, ErrTime.
func (t *APIToken) Check(d address.Domain, now time.Time) error {
	if err := t.claims.checkAudience(d, nil); err != nil {
		return err
	}
	return t.claims.checkTime(now, MaxAPITokenLife, "exp", "nbf")
}

// SignAPIToken makes a token for the API key with the full address key, keyed
// with the raw bytes of s, valid from now (cut to the second) for life.
// Errors: ErrTime when life is not between a second and MaxAPITokenLife.
func SignAPIToken(key string, s Secret, audience string, now time.Time, life time.Duration) (string, error) {
	if life < time.Second || life > MaxAPITokenLife {
		return "", fmt.Errorf("%w: a life of 1 s to %d s is possible", ErrTime, int(MaxAPITokenLife.Seconds()))
	}
	payload, err := json.Marshal(struct {
		Audience  []string `json:"aud"`
		Expires   int64    `json:"exp"`
		IssuedAt  int64    `json:"iat"`
		NotBefore int64    `json:"nbf"`
	}{[]string{audience}, now.Add(life).Unix(), now.Unix(), now.Unix()})
	if err != nil {
		return "", fmt.Errorf("%w: claims not written", ErrForm)
	}
	return sign(gojose.SigningKey{Algorithm: gojose.HS256, Key: s[:]}, payload, map[gojose.HeaderKey]any{"kid": key})
}
