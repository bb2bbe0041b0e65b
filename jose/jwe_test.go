package jose_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/nixnode/nixnode/jose"
)

func mustEncrypt(t testing.TB, text string) string {
	t.Helper()
	k := generate(t, jose.Enc).Public()
	s, err := jose.Encrypt([]byte(text), k, "/"+k.Thumbprint())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// foreign encrypts as another program might.
func foreign(t testing.TB, enc gojose.ContentEncryption, rcpt gojose.Recipient, opts *gojose.EncrypterOptions) string {
	t.Helper()
	e, err := gojose.NewEncrypter(enc, rcpt, opts)
	if err != nil {
		t.Fatal(err)
	}
	jwe, err := e.Encrypt([]byte(strings.Repeat("hello ", 50)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := jwe.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func jweHeader(t testing.TB, jwe string) string {
	t.Helper()
	part, _, _ := strings.Cut(jwe, ".")
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWhatIsEncryptedIsReadByItsRecipientAlone(t *testing.T) {
	k, other := generate(t, jose.Enc), generate(t, jose.Enc)
	for _, plain := range [][]byte{nil, []byte("hello"), bytes.Repeat([]byte{0xff}, 100_000)} {
		s, err := jose.Encrypt(plain, k.Public(), "i@x/abc")
		if err != nil {
			t.Fatal(err)
		}
		if h := jweHeader(t, s); !strings.Contains(h, `"alg":"ECDH-ES+A256KW"`) || !strings.Contains(h, `"enc":"A256GCM"`) || strings.Contains(h, "zip") {
			t.Errorf("header %s", h)
		}
		if kid, err := jose.EncryptedTo(s); err != nil || kid != "i@x/abc" {
			t.Errorf("encrypted to %q, %v", kid, err)
		}
		got, err := jose.Decrypt(s, k)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %v", len(plain), err)
		}
		if _, err := jose.Decrypt(s, other); !errors.Is(err, jose.ErrEncryption) {
			t.Errorf("with another key: %v", err)
		}
	}
}

func TestDirectAgreementOf2019IsRead(t *testing.T) {
	raw := rawKey(t, elliptic.P256())
	k := private(t, raw, jose.Enc)
	for _, alg := range []gojose.KeyAlgorithm{gojose.ECDH_ES, gojose.ECDH_ES_A256KW} {
		s := foreign(t, gojose.A256GCM, gojose.Recipient{Algorithm: alg, Key: &raw.PublicKey, KeyID: "/k"}, nil)
		got, err := jose.Decrypt(s, k)
		if err != nil || !strings.HasPrefix(string(got), "hello") {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

func TestOtherEncryptionsAreRefused(t *testing.T) {
	raw := rawKey(t, elliptic.P256())
	k := private(t, raw, jose.Enc)
	to := func(alg gojose.KeyAlgorithm) gojose.Recipient {
		return gojose.Recipient{Algorithm: alg, Key: &raw.PublicKey, KeyID: "/k"}
	}
	good := foreign(t, gojose.A256GCM, to(gojose.ECDH_ES_A256KW), nil)
	if _, err := jose.Decrypt(good, k); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	header := jweHeader(t, good)
	withHeader := func(h string) string { return b64([]byte(h)) + good[len(parts[0]):] }
	x, y := coordinates(t, &raw.PublicKey)
	x384, y384 := coordinates(t, &rawKey(t, elliptic.P384()).PublicKey)
	start := `{"alg":"ECDH-ES+A256KW","enc":"A256GCM","kid":"/k"`
	for name, in := range map[string]string{
		"A128KW":           foreign(t, gojose.A256GCM, to(gojose.ECDH_ES_A128KW), nil),
		"A128GCM":          foreign(t, gojose.A128GCM, to(gojose.ECDH_ES_A256KW), nil),
		"direct A128GCM":   foreign(t, gojose.A128GCM, to(gojose.ECDH_ES), nil),
		"A256CBC-HS512":    foreign(t, gojose.A256CBC_HS512, to(gojose.ECDH_ES_A256KW), nil),
		"dir":              foreign(t, gojose.A256GCM, gojose.Recipient{Algorithm: gojose.DIRECT, Key: make([]byte, 32)}, nil),
		"a password":       foreign(t, gojose.A256GCM, gojose.Recipient{Algorithm: gojose.PBES2_HS256_A128KW, Key: []byte("password"), PBES2Count: 1000}, nil),
		"compressed":       foreign(t, gojose.A256GCM, to(gojose.ECDH_ES_A256KW), &gojose.EncrypterOptions{Compression: gojose.DEFLATE}),
		"critical":         foreign(t, gojose.A256GCM, to(gojose.ECDH_ES_A256KW), (&gojose.EncrypterOptions{}).WithHeader("crit", []string{"x"}).WithHeader("x", 1)),
		"empty":            "",
		"four parts":       strings.Join(parts[:4], "."),
		"six parts":        good + ".",
		"a token":          "e30.e30." + b64(make([]byte, 64)),
		"JSON":             `{"protected":"` + parts[0] + `"}`,
		"line break":       good[:len(good)-4] + "\n" + good[len(good)-4:],
		"padding":          good + "==",
		"header null":      withHeader("null"),
		"header cut":       withHeader(header[:20]),
		"alg twice":        withHeader(`{"alg":"ECDH-ES",` + header[1:]),
		"no alg":           withHeader(strings.Replace(header, `"alg"`, `"ALG"`, 1)),
		"alg a number":     withHeader(strings.Replace(header, `"ECDH-ES+A256KW"`, `1`, 1)),
		"no enc":           withHeader(strings.Replace(header, `"enc"`, `"ENC"`, 1)),
		"no epk":           withHeader(start + `}`),
		"epk null":         withHeader(start + `,"epk":null}`),
		"epk a string":     withHeader(start + `,"epk":"x"}`),
		"epk off curve":    withHeader(start + `,"epk":{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + x + `"}}`),
		"epk of P-384":     withHeader(start + `,"epk":{"kty":"EC","crv":"P-384","x":"` + x384 + `","y":"` + y384 + `"}}`),
		"epk with d":       withHeader(start + `,"epk":{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `","d":"` + x + `"}}`),
		"epk of another":   withHeader(start + `,"epk":{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `"}}`),
		"no wrapped key":   parts[0] + ".." + strings.Join(parts[2:], "."),
		"short wrapped":    parts[0] + ".AAAA." + strings.Join(parts[2:], "."),
		"short nonce":      parts[0] + "." + parts[1] + ".AAAA." + parts[3] + "." + parts[4],
		"no tag":           strings.Join(parts[:4], ".") + ".",
		"other tag":        strings.Join(parts[:4], ".") + "." + b64(make([]byte, 16)),
		"too long":         strings.Join(parts[:3], ".") + "." + strings.Repeat("A", jose.MaxEncryptedBytes) + "." + parts[4],
		"the header moved": withHeader(" " + header),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jose.Decrypt(in, k)
			if !errors.Is(err, jose.ErrEncryption) {
				t.Fatalf("got %v, want ErrEncryption", err)
			}
			// A bad point must be found before the private key is used with it.
			for _, early := range []string{"no epk", "epk null", "epk a string", "epk off curve", "epk of P-384"} {
				if name == early && !strings.Contains(err.Error(), "epk") {
					t.Errorf("%q is not about the epk", err)
				}
			}
		})
	}
}

func TestAnyBitFlippedInAnEncryptionIsNoticed(t *testing.T) {
	k := generate(t, jose.Enc)
	s, err := jose.Encrypt([]byte("hi"), k.Public(), "/k")
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(s) {
		for bit := range 8 {
			b := []byte(s)
			b[i] ^= 1 << bit
			if _, err := jose.Decrypt(string(b), k); !errors.Is(err, jose.ErrEncryption) {
				t.Fatalf("bit %d of character %d: %v", bit, i, err)
			}
		}
	}
}

func TestEncryptionWantsAnEncryptionKeyAKidAndAModestText(t *testing.T) {
	sig, enc := generate(t, jose.Sig), generate(t, jose.Enc)
	if _, err := jose.Encrypt(nil, sig.Public(), "/k"); !errors.Is(err, jose.ErrKey) {
		t.Errorf("to a signing key: %v", err)
	}
	if _, err := jose.Encrypt(nil, jose.PublicKey{}, "/k"); !errors.Is(err, jose.ErrKey) {
		t.Errorf("to no key: %v", err)
	}
	for name, kid := range map[string]string{"no kid": "", "a huge kid": strings.Repeat("k", 5000)} {
		if _, err := jose.Encrypt(nil, enc.Public(), kid); !errors.Is(err, jose.ErrEncryption) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, n := range []int{200_000, jose.MaxEncryptedBytes, jose.MaxEncryptedBytes + 1} {
		if _, err := jose.Encrypt(make([]byte, n), enc.Public(), "/k"); !errors.Is(err, jose.ErrEncryption) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	s := mustEncrypt(t, "x")
	for name, k := range map[string]jose.PrivateKey{"signing": sig, "no": {}} {
		if _, err := jose.Decrypt(s, k); !errors.Is(err, jose.ErrKey) {
			t.Errorf("with a %s key: %v", name, err)
		}
	}
}

func TestEncryptedToReadsTheHeaderOfAnyAlgorithm(t *testing.T) {
	s := foreign(t, gojose.A256GCM, gojose.Recipient{Algorithm: gojose.DIRECT, Key: make([]byte, 32), KeyID: "somebody"}, nil)
	if kid, err := jose.EncryptedTo(s); err != nil || kid != "somebody" {
		t.Errorf("%q, %v", kid, err)
	}
	long := b64([]byte(`{"alg":"dir","enc":"A256GCM","kid":"a"}`)) + "..AAAA." + strings.Repeat("A", jose.MaxEncryptedBytes) + ".AAAA"
	if _, err := jose.EncryptedTo(long); !errors.Is(err, jose.ErrEncryption) {
		t.Errorf("too long: %v", err)
	}
	for name, header := range map[string]string{
		"no kid": `{"alg":"dir","enc":"A256GCM"}`, "kid empty": `{"alg":"dir","enc":"A256GCM","kid":""}`, "kid a number": `{"alg":"dir","enc":"A256GCM","kid":1}`,
		"kid null": `{"alg":"dir","enc":"A256GCM","kid":null}`, "kid twice": `{"alg":"dir","enc":"A256GCM","kid":"a","kid":"b"}`,
	} {
		if kid, err := jose.EncryptedTo(b64([]byte(header)) + "..AAAA.AAAA.AAAA"); !errors.Is(err, jose.ErrEncryption) || kid != "" {
			t.Errorf("%s: %q, %v", name, kid, err)
		}
	}
}
