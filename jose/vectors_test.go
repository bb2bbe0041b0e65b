package jose_test

import (
	"errors"
	"testing"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/jose"
)

func TestThumbprintOf2019(t *testing.T) {
	v := loadVectors(t)
	k, err := jose.ParsePublicKey(v.SigPubKey, jose.Sig)
	if err != nil {
		t.Fatal(err)
	}
	if k.Thumbprint() != v.Thumbprint {
		t.Errorf("thumbprint %s, want %s", k.Thumbprint(), v.Thumbprint)
	}
}

func TestTokensOf2019Verify(t *testing.T) {
	v := loadVectors(t)
	k, err := jose.ParsePublicKey(v.SigPubKey, jose.Sig)
	if err != nil {
		t.Fatal(err)
	}
	for field, raw := range v.tokens() {
		tok, err := jose.ParseToken(raw, domain(t))
		if err != nil {
			t.Errorf("%s: %v", field, err)
			continue
		}
		if err := errors.Join(tok.Verify(k), tok.CheckTarget("/v1/identity", field), tok.CheckIssuedAt(now)); err != nil {
			t.Errorf("%s: %v", field, err)
		}
		if !tok.Key.Address.IsZero() || string(tok.Key.KeyID) != v.Thumbprint || !tok.IssuedAt.Equal(now) {
			t.Errorf("%s: header read as %+v", field, tok)
		}
	}
	tok, err := jose.ParseToken(v.EncPubKeyJWS, domain(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jose.ParsePublicKey(tok.Payload, jose.Enc); err != nil {
		t.Errorf("the encryption key inside: %v", err)
	}
}

// Each of the eight bits of each character, dots included.
func TestTokensOf2019WithAnyBitFlippedAreRefused(t *testing.T) {
	v := loadVectors(t)
	d := domain(t)
	k, err := jose.ParsePublicKey(v.SigPubKey, jose.Sig)
	if err != nil {
		t.Fatal(err)
	}
	for field, raw := range v.tokens() {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			for i := range len(raw) {
				for bit := range 8 {
					flipped := []byte(raw)
					flipped[i] ^= 1 << bit
					tok, err := jose.ParseToken(string(flipped), d)
					if err == nil && tok.Verify(k) == nil {
						t.Fatalf("bit %d of character %d flipped, and it verifies", bit, i)
					}
				}
			}
		})
	}
}

// The sample's kid, agQIBAQ@api.nix.software, is shorter than the addresses that
// this cluster gives out (section 1), so the token is refused for its kid and for
// nothing else: with an address of ours in its place the same form is read.
func TestAPIKeyTokenOf2019IsRefusedForItsShortAddressOnly(t *testing.T) {
	d := domain(t)
	sample := loadVectors(t).APIKeyJWT.Token
	if _, err := jose.ParseAPIToken(sample, d); !errors.Is(err, jose.ErrForm) {
		t.Fatalf("got %v, want ErrForm", err)
	}
	key := address.New(address.APIKey)
	header := b64([]byte(`{"alg":"HS256","kid":"` + key.Local() + `@api.nix.software"}`))
	tok, err := jose.ParseAPIToken(header+sample[len("eyJhbGciOiJIUzI1NiIsImtpZCI6ImFnUUlCQVFAYXBpLm5peC5zb2Z0d2FyZSJ9"):], d)
	if err != nil || tok.Key != key {
		t.Fatalf("with a full address: %v", err)
	}
	if err := tok.Check(d, now); err != nil {
		t.Errorf("at the time of the sample: %v", err)
	}
}
