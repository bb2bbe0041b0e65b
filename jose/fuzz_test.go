package jose_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/jose"
)

// known fails the test when err is none of the errors that are promised.
func known(t *testing.T, err error, promised ...error) {
	t.Helper()
	for _, p := range promised {
		if errors.Is(err, p) {
			return
		}
	}
	t.Fatalf("an error that is not promised: %v", err)
}

func FuzzParseToken(f *testing.F) {
	v := loadVectors(f)
	for _, s := range v.tokens() {
		f.Add(s)
		f.Add(twin(f, s))
		f.Add(s[:len(s)-1])
	}
	f.Add(v.APIKeyJWT.Token)
	f.Add("..")
	d := domain(f)
	k, err := jose.ParsePublicKey(v.SigPubKey, jose.Sig)
	if err != nil {
		f.Fatal(err)
	}
	signed := map[string]bool{}
	for _, s := range v.tokens() {
		signed[s[:strings.LastIndexByte(s, '.')]] = true
	}
	point := rawPoint(f, v.SigPubKey)
	f.Fuzz(func(t *testing.T, s string) {
		tok, err := jose.ParseToken(s, d)
		if err != nil {
			known(t, err, jose.ErrForm, jose.ErrAlgorithm, address.ErrForeign, jose.ErrIssuedAt)
			return
		}
		// What is read has one spelling: put together again it is the same text.
		parts := strings.Split(s, ".")
		if b64(tok.Payload) != parts[1] {
			t.Fatal("the payload has two spellings")
		}
		if err := tok.Verify(k); !errors.Is(err, jose.ErrKeyNotCurrent) && (err == nil) != goJoseVerifies(s, point) {
			t.Fatalf("%v, but go-jose thinks otherwise", err)
		}
		if err := tok.Verify(k); err != nil {
			known(t, err, jose.ErrKeyNotCurrent, jose.ErrSignature)
		} else if !signed[parts[0]+"."+parts[1]] {
			t.Fatal("a signature that was never made verifies")
		}
		if _, err := tok.Proof(d, []string{"localhost"}, now); err != nil {
			known(t, err, jose.ErrForm, jose.ErrSubject, jose.ErrAudience, jose.ErrTime)
		}
	})
}

func FuzzParsePublicKey(f *testing.F) {
	f.Add([]byte(loadVectors(f).SigPubKey))
	f.Add([]byte(sampleJWK(`"d":"` + sampleX + `",`)))
	f.Add([]byte(sampleJWK(`"kid":"` + sampleT + `=",`)))
	f.Add([]byte(`{"kty":"EC","crv":"P-256","x":"","y":""}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		k, err := jose.ParsePublicKey(in, jose.Sig)
		if err != nil {
			known(t, err, jose.ErrKey)
			return
		}
		back, err := jose.ParsePublicKey(k.JWK(), jose.Sig)
		if err != nil || back.Thumbprint() != k.Thumbprint() || string(back.JWK()) != string(k.JWK()) {
			t.Fatalf("does not survive being written: %v", err)
		}
	})
}

func FuzzParseAPIToken(f *testing.F) {
	d := domain(f)
	// Each process of the fuzzer runs this, and all must make the same token.
	key, err := address.ParseLocal("aAAAAAAAAAAAAAAAAAAAA")
	if err != nil {
		f.Fatal(err)
	}
	secret := jose.Secret([]byte(strings.Repeat("s", 32)))
	s, err := jose.SignAPIToken(d.Full(key), secret, fullDomain, now, time.Minute)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s)
	f.Add(loadVectors(f).APIKeyJWT.Token)
	f.Add(loadVectors(f).MetaPublicJWS)
	f.Fuzz(func(t *testing.T, in string) {
		tok, err := jose.ParseAPIToken(in, d)
		if err != nil {
			known(t, err, jose.ErrForm, jose.ErrAlgorithm, address.ErrForeign)
			return
		}
		if err := tok.Verify(secret); err == nil && in != s {
			t.Fatal("a token that was never made verifies")
		}
		if err := tok.Check(d, now); err != nil {
			known(t, err, jose.ErrAudience, jose.ErrTime)
		}
	})
}

func FuzzEncryptedTo(f *testing.F) {
	k, err := jose.ParsePrivateKey([]byte(encKey), jose.Enc)
	if err != nil {
		f.Fatal(err)
	}
	s, err := jose.Encrypt([]byte("hello"), k.Public(), "/k")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s)
	f.Add(b64([]byte(`{"alg":"dir","enc":"A256GCM","kid":"a"}`)) + "..AAAA.AAAA.AAAA")
	f.Add("....")
	f.Fuzz(func(t *testing.T, in string) {
		if kid, err := jose.EncryptedTo(in); err != nil {
			known(t, err, jose.ErrEncryption)
		} else if kid == "" {
			t.Fatal("no kid and no error")
		}
		if _, err := jose.Decrypt(in, k); err != nil {
			known(t, err, jose.ErrEncryption)
		}
	})
}

// encKey is a fixed key, so that findings of the fuzzer can be repeated.
const encKey = `{"use":"enc","kty":"EC","crv":"P-256",` +
	`"x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ","y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck",` +
	`"d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}`
