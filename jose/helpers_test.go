package jose_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/jose"
)

const (
	fullDomain = "nix.example.org"
	aliased    = "api.nix.software"
)

// now is the server time of the registration sample of 2019.
var now = time.Unix(1569116334, 0).UTC()

func domain(t testing.TB) address.Domain {
	t.Helper()
	d, err := address.NewDomain(fullDomain, aliased)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

type vectors struct {
	SigPubKey      json.RawMessage `json:"sigPubKey"`
	Thumbprint     string          `json:"sigPubKeyThumbprintSHA256"`
	EncPubKeyJWS   string          `json:"encPubKeyJWS"`
	MetaPublicJWS  string          `json:"metaPublicJWS"`
	MetaPrivateJWS string          `json:"metaPrivateJWS"`
	APIKeyJWT      struct {
		Token string `json:"token"`
	} `json:"apiKeyJWT"`
}

func (v vectors) tokens() map[string]string {
	return map[string]string{"encPubKey": v.EncPubKeyJWS, "metaPublic": v.MetaPublicJWS, "metaPrivate": v.MetaPrivateJWS}
}

func loadVectors(t testing.TB) vectors {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func generate(t testing.TB, use jose.Use) jose.PrivateKey {
	t.Helper()
	k, err := jose.GenerateKey(use)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// rawKey is a key outside of the package under test, to make tokens that the
// package would not make.
func rawKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func coordinates(t testing.TB, k *ecdsa.PublicKey) (x, y string) {
	t.Helper()
	p, err := k.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	n := (len(p) - 1) / 2
	return b64(p[1 : 1+n]), b64(p[1+n:])
}

// publicOf gives the PublicKey of a raw key of P-256.
func publicOf(t testing.TB, k *ecdsa.PublicKey, use jose.Use) jose.PublicKey {
	t.Helper()
	x, y := coordinates(t, k)
	p, err := jose.ParsePublicKey([]byte(`{"use":"`+string(use)+`","kty":"EC","crv":"P-256","x":"`+x+`","y":"`+y+`"}`), use)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// compact puts header and payload together and signs with ES256 by hand.
func compact(t testing.TB, header, payload string, k *ecdsa.PrivateKey) string {
	t.Helper()
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	return input + "." + b64(rawSignature(t, input, k))
}

func rawSignature(t testing.TB, input string, k *ecdsa.PrivateKey) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	size := (k.Curve.Params().BitSize + 7) / 8
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
}

// twin gives the other valid signature over the same input: s becomes n-s.
func twin(t testing.TB, token string) string {
	t.Helper()
	i := strings.LastIndexByte(token, '.')
	sig, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	if err != nil || len(sig) != 64 {
		t.Fatal("not an ES256 token")
	}
	s := new(big.Int).SetBytes(sig[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(sig[32:])
	return token[:i+1] + b64(sig)
}

// private gives the PrivateKey of a raw key of P-256.
func private(t testing.TB, k *ecdsa.PrivateKey, use jose.Use) jose.PrivateKey {
	t.Helper()
	d, err := k.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	jwk := strings.TrimSuffix(string(publicOf(t, &k.PublicKey, use).JWK()), "}") + `,"d":"` + b64(d) + `"}`
	p, err := jose.ParsePrivateKey([]byte(jwk), use)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rawPoint gives the key of a JWK outside of the package under test.
func rawPoint(t testing.TB, jwk []byte) *ecdsa.PublicKey {
	t.Helper()
	var k gojose.JSONWebKey
	if err := k.UnmarshalJSON(jwk); err != nil {
		t.Fatal(err)
	}
	p, ok := k.Key.(*ecdsa.PublicKey)
	if !ok {
		t.Fatal("not an EC key")
	}
	return p
}
