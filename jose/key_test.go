package jose_test

import (
	"crypto/elliptic"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/jose"
)

const (
	sampleX = "u4wFVIj_n-BLro_jeD5UbSTK_WzLlIXMlDtfaZkt2Sc"
	sampleY = "WYfMvuWlZEW_onH-2uaIdBaW71S2UhD9mVvbPU4YbMQ"
	sampleT = "xwnrgcZkSeMpVDNIA9fLynedVEwquAFJD53ZzLKV-E0"
)

func sampleJWK(more string) string {
	return `{` + more + `"use":"sig","kty":"EC","crv":"P-256","x":"` + sampleX + `","y":"` + sampleY + `"}`
}

func TestPublicKeysOfTheAllowedFormAreRead(t *testing.T) {
	for name, in := range map[string]string{
		"without kid": sampleJWK(""), "with kid": sampleJWK(`"kid":"` + sampleT + `",`), "with a padded kid": sampleJWK(`"kid":"` + sampleT + `=",`),
		"with unknown members": sampleJWK(`"ext":true,"key_ops":["verify"],"alg":"ES256",`), "with spaces": " " + sampleJWK("") + "\n",
	} {
		k, err := jose.ParsePublicKey([]byte(in), jose.Sig)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := `{"use":"sig","kty":"EC","kid":"` + sampleT + `","crv":"P-256","x":"` + sampleX + `","y":"` + sampleY + `"}`
		if string(k.JWK()) != want {
			t.Errorf("%s: written as %s", name, k.JWK())
		}
		if k.Use() != jose.Sig || k.IsZero() || k.Thumbprint() != sampleT {
			t.Errorf("%s: %v", name, k)
		}
	}
}

func TestOtherPublicKeysAreRefused(t *testing.T) {
	with := func(old, new string) string {
		out := strings.Replace(sampleJWK(""), old, new, 1)
		if out == sampleJWK("") {
			t.Fatalf("%s is not in the sample", old)
		}
		return out
	}
	x384, y384 := coordinates(t, &rawKey(t, elliptic.P384()).PublicKey)
	p := elliptic.P256().Params().P.Bytes()
	for name, in := range map[string]string{
		"empty": "", "no JSON": "hello", "null": "null", "an array": "[]", "two": sampleJWK("") + "{}", "kty twice": sampleJWK(`"kty":"EC",`),
		"no use": with(`"use":"sig",`, ""), "another use": with(`"sig"`, `"enc"`), "use null": with(`"sig"`, `null`), "use a list": with(`"sig"`, `["sig"]`), "use empty": with(`"sig"`, `""`),
		"no kty": with(`"kty":"EC",`, ""), "kty RSA": with(`"EC"`, `"RSA"`), "kty oct": with(`"EC"`, `"oct"`), "kty OKP": with(`"EC"`, `"OKP"`), "kty a number": with(`"EC"`, `1`),
		"no crv": with(`"crv":"P-256",`, ""), "crv P-384": with("P-256", "P-384"), "crv secp256k1": with("P-256", "secp256k1"), "crv in other case": with("P-256", "p-256"),
		"a P-384 key": `{"use":"sig","kty":"EC","crv":"P-384","x":"` + x384 + `","y":"` + y384 + `"}`, "P-384 coordinates": `{"use":"sig","kty":"EC","crv":"P-256","x":"` + x384 + `","y":"` + y384 + `"}`,
		"no x": with(`"x":"`+sampleX+`",`, ""), "no y": with(`,"y":"`+sampleY+`"`, ""), "x null": with(`"`+sampleX+`"`, "null"), "x a number": with(`"`+sampleX+`"`, "1"), "x empty": with(sampleX, ""),
		"x padded": with(sampleX, sampleX+"="), "x with a line break": with(sampleX, sampleX[:20]+`\n`+sampleX[20:]), "x with stray bits": with("t2Sc", "t2Sd"),
		"x cut": with(sampleX, sampleX[:42]), "x of 31 bytes": with(sampleX, b64(make([]byte, 31))), "x of 33 bytes": with(sampleX, b64(make([]byte, 33))),
		"x in standard base64": with(sampleX, strings.NewReplacer("-", "+", "_", "/").Replace(sampleX)),
		"y of another point":   with(sampleY, sampleX), "not on the curve": with(sampleX, b64(make([]byte, 32))),
		"the point zero":     with(sampleX+`","y":"`+sampleY, b64(make([]byte, 32))+`","y":"`+b64(make([]byte, 32))),
		"x beyond the field": with(sampleX, b64(p)),
		"a private part":     sampleJWK(`"d":"` + sampleX + `",`), "an empty private part": sampleJWK(`"d":"",`), "a null private part": sampleJWK(`"d":null,`),
		"kid of another": sampleJWK(`"kid":"` + sampleX + `",`), "kid cut": sampleJWK(`"kid":"` + sampleT[:8] + `",`), "kid empty": sampleJWK(`"kid":"",`), "kid null": sampleJWK(`"kid":null,`), "kid a number": sampleJWK(`"kid":1,`),
	} {
		t.Run(name, func(t *testing.T) {
			k, err := jose.ParsePublicKey([]byte(in), jose.Sig)
			if !errors.Is(err, jose.ErrKey) {
				t.Fatalf("got %v, want ErrKey", err)
			}
			if !k.IsZero() {
				t.Error("there is a key all the same")
			}
		})
	}
	if _, err := jose.ParsePublicKey([]byte(with(`"sig"`, `"x"`)), "x"); !errors.Is(err, jose.ErrKey) {
		t.Errorf("a use that does not exist: %v", err)
	}
}

func TestPrivateKeysSurviveStorage(t *testing.T) {
	for _, use := range []jose.Use{jose.Sig, jose.Enc} {
		k := generate(t, use)
		back, err := jose.ParsePrivateKey(k.JWK(), use)
		if err != nil {
			t.Fatal(err)
		}
		if back.Public().Thumbprint() != k.Public().Thumbprint() || string(back.JWK()) != string(k.JWK()) || back.Public().Use() != use || back.IsZero() {
			t.Error("another key came back")
		}
		if _, err := jose.ParsePublicKey(k.JWK(), use); !errors.Is(err, jose.ErrKey) {
			t.Errorf("a private key passes as a public one: %v", err)
		}
		if p, err := jose.ParsePublicKey(k.Public().JWK(), use); err != nil || p.Thumbprint() != k.Public().Thumbprint() {
			t.Errorf("the public half: %v", err)
		}
	}
	if _, err := jose.GenerateKey("both"); !errors.Is(err, jose.ErrKey) {
		t.Errorf("a key for no use: %v", err)
	}
}

func TestOtherPrivateKeysAreRefused(t *testing.T) {
	k, other := generate(t, jose.Sig), generate(t, jose.Sig)
	d := func(k jose.PrivateKey) string {
		_, after, _ := strings.Cut(string(k.JWK()), `"d":"`)
		return after[:43]
	}
	for name, in := range map[string]string{
		"no JSON": "x", "a public key": string(k.Public().JWK()), "of the other use": strings.Replace(string(k.JWK()), `"sig"`, `"enc"`, 1),
		"d of another": strings.Replace(string(k.JWK()), d(k), d(other), 1), "d zero": strings.Replace(string(k.JWK()), d(k), b64(make([]byte, 32)), 1),
		"d null": strings.Replace(string(k.JWK()), `"`+d(k)+`"`, "null", 1), "d cut": strings.Replace(string(k.JWK()), d(k), d(k)[:42], 1), "d padded": strings.Replace(string(k.JWK()), d(k), d(k)+"=", 1),
		"d beyond the order": strings.Replace(string(k.JWK()), d(k), b64([]byte(strings.Repeat("\xff", 32))), 1),
	} {
		_, err := jose.ParsePrivateKey([]byte(in), jose.Sig)
		if !errors.Is(err, jose.ErrKey) {
			t.Errorf("%s: got %v, want ErrKey", name, err)
		} else if strings.Contains(err.Error(), d(k)[:10]) {
			t.Errorf("%s: the error shows the key", name)
		}
	}
}

func TestPrivateKeysDoNotShowThemselves(t *testing.T) {
	k := generate(t, jose.Sig)
	_, d, _ := strings.Cut(string(k.JWK()), `"d":"`)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k)
	for _, out := range []string{fmt.Sprint(k), fmt.Sprintf("%+v", k), fmt.Sprintf("%#v", k), fmt.Sprintf("%x", k), fmt.Sprintf("%+v", []any{k, &k}), k.String(), k.GoString(), log.String()} {
		if !strings.Contains(out, k.Public().Thumbprint()) || strings.Contains(out, d[:12]) {
			t.Errorf("printed as %s", out)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if out := fmt.Sprintf(verb, k); out != k.String() {
			t.Errorf("%s prints %s", verb, out)
		}
	}
}

func TestTheZeroKeysAreNoKeys(t *testing.T) {
	var public jose.PublicKey
	var private jose.PrivateKey
	if !public.IsZero() || !private.IsZero() || public.JWK() != nil || private.JWK() != nil || public.Thumbprint() != "" {
		t.Error("a zero key has something to show")
	}
}
