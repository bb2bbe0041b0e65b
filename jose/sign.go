package jose

import (
	"fmt"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
)

// SignOptions are the header fields of a token beside "alg".
type SignOptions struct {
	Kid         string    // <identity address>/<key id>, or /<key id> at registration; required
	Target      string    // "tgt", left out if empty
	IssuedAt    time.Time // "iat", cut to whole seconds; left out if zero
	Type        string    // "typ", left out if empty
	ContentType string    // "cty", left out if empty
}

// headers gives the header fields of o that are set. Their order on the wire is
// alphabetical, which is that of the tokens of 2019.
func (o SignOptions) headers() map[gojose.HeaderKey]any {
	h := map[gojose.HeaderKey]any{"kid": o.Kid}
	for name, value := range map[gojose.HeaderKey]string{"tgt": o.Target, "typ": o.Type, "cty": o.ContentType} {
		if value != "" {
			h[name] = value
		}
	}
	if !o.IssuedAt.IsZero() {
		h["iat"] = o.IssuedAt.Unix()
	}
	return h
}

// Sign makes a compact JWS with ES256 over payload (RFC 7515 §5.1). What it makes
// passes ParseToken when o.Kid is of the form that section 4 demands.
// Errors: ErrKey when k is not for signatures; ErrForm without a kid.
func (k PrivateKey) Sign(payload []byte, o SignOptions) (string, error) {
	if k.key == nil || k.public.use != Sig {
		return "", fmt.Errorf("%w: not for signatures", ErrKey)
	}
	if o.Kid == "" {
		return "", fmt.Errorf("%w: header without kid", ErrForm)
	}
	return sign(gojose.SigningKey{Algorithm: gojose.ES256, Key: k.key}, payload, o.headers())
}

// sign makes a compact JWS. Its errors carry nothing of key or payload.
func sign(key gojose.SigningKey, payload []byte, headers map[gojose.HeaderKey]any) (string, error) {
	signer, err := gojose.NewSigner(key, &gojose.SignerOptions{ExtraHeaders: headers})
	if err != nil {
		return "", fmt.Errorf("%w: not usable for signing", ErrKey)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("%w: not signed", ErrKey)
	}
	s, err := jws.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("%w: not serialized", ErrForm)
	}
	return s, nil
}
