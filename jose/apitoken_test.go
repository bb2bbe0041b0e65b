package jose_test

import (
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/jose"
)

func hs256(header, payload string, key []byte) string {
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	h := hmac.New(sha256.New, key)
	h.Write([]byte(input))
	return input + "." + b64(h.Sum(nil))
}

func TestAPITokensAreAcceptedFromTheHolderOfTheSecret(t *testing.T) {
	d := domain(t)
	key, secret := address.New(address.APIKey), jose.NewSecret()
	made, err := jose.SignAPIToken(d.Full(key), secret, aliased, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	payload := fmt.Sprintf(`{"aud":"nix.example.org","exp":%d,"nbf":%d}`, now.Unix()+300, now.Unix()-300)
	header := `{"alg":"HS256","typ":"JWT","kid":"` + key.Local() + `"}`
	for name, token := range map[string]string{
		"made here": made, "keyed with the raw bytes": hs256(header, payload, secret[:]), "keyed with the text": hs256(header, payload, []byte(secret.Text())),
	} {
		tok, err := jose.ParseAPIToken(token, d)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := errors.Join(tok.Verify(secret), tok.Check(d, now)); err != nil || tok.Key != key {
			t.Errorf("%s: %v", name, err)
		}
		if err := tok.Verify(jose.NewSecret()); !errors.Is(err, jose.ErrSignature) {
			t.Errorf("%s, with another secret: got %v, want ErrSignature", name, err)
		}
	}
	for name, k := range map[string][]byte{"the unpadded text": []byte(strings.TrimRight(secret.Text(), "=")), "half of the secret": secret[:16], "nothing": nil, "zeros": make([]byte, 32)} {
		tok, err := jose.ParseAPIToken(hs256(header, payload, k), d)
		if err != nil {
			t.Fatal(err)
		}
		if err := tok.Verify(secret); !errors.Is(err, jose.ErrSignature) {
			t.Errorf("keyed with %s: got %v, want ErrSignature", name, err)
		}
	}
}

func TestAPITokensWithAnyBitFlippedAreRefused(t *testing.T) {
	d := domain(t)
	secret := jose.NewSecret()
	token, err := jose.SignAPIToken(address.New(address.APIKey).Local(), secret, fullDomain, now, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(token) {
		for bit := range 8 {
			b := []byte(token)
			b[i] ^= 1 << bit
			if tok, err := jose.ParseAPIToken(string(b), d); err == nil && tok.Verify(secret) == nil {
				t.Fatalf("bit %d of character %d flipped, and it verifies", bit, i)
			}
		}
	}
}

func TestAPITokensOutsideTheAllowedFormAreRefused(t *testing.T) {
	d := domain(t)
	key, secret := address.New(address.APIKey).Local(), jose.NewSecret()
	const good = `{"aud":"nix.example.org","exp":1,"nbf":1}`
	kid := `"kid":"` + key + `"`
	sign := func(header, payload string) string { return hs256(header, payload, secret[:]) }
	header := `{"alg":"HS256",` + kid + `}`
	token := sign(header, good)
	if _, err := jose.ParseAPIToken(token, d); err != nil {
		t.Fatal(err)
	}
	h512 := hmac.New(sha512.New, secret[:])
	h512.Write([]byte(b64([]byte(`{"alg":"HS512",`+kid+`}`)) + "." + b64([]byte(good))))
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"empty":                 {"", jose.ErrForm},
		"two parts":             {token[:strings.LastIndexByte(token, '.')], jose.ErrForm},
		"four parts":            {token + ".e30", jose.ErrForm},
		"padding":               {token + "=", jose.ErrForm},
		"a line break":          {token[:9] + "\n" + token[9:], jose.ErrForm},
		"a cut signature":       {token[:len(token)-3], jose.ErrForm},
		"no signature":          {token[:strings.LastIndexByte(token, '.')+1], jose.ErrForm},
		"none":                  {b64([]byte(`{"alg":"none",`+kid+`}`)) + "." + b64([]byte(good)) + ".", jose.ErrAlgorithm},
		"ES256":                 {compact(t, `{"alg":"ES256",`+kid+`}`, good, rawKey(t, elliptic.P256())), jose.ErrAlgorithm},
		"HS512":                 {b64([]byte(`{"alg":"HS512",`+kid+`}`)) + "." + b64([]byte(good)) + "." + b64(h512.Sum(nil)), jose.ErrAlgorithm},
		"hs256":                 {sign(`{"alg":"hs256",`+kid+`}`, good), jose.ErrAlgorithm},
		"no alg":                {sign(`{`+kid+`}`, good), jose.ErrForm},
		"alg twice":             {sign(`{"alg":"HS256","alg":"HS256",`+kid+`}`, good), jose.ErrForm},
		"no kid":                {sign(`{"alg":"HS256"}`, good), jose.ErrForm},
		"kid null":              {sign(`{"alg":"HS256","kid":null}`, good), jose.ErrForm},
		"kid of an identity":    {sign(`{"alg":"HS256","kid":"`+address.New(address.Identity).Local()+`"}`, good), jose.ErrForm},
		"kid of another domain": {sign(`{"alg":"HS256","kid":"`+key+`@other.org"}`, good), address.ErrForeign},
		"typ a number":          {sign(`{"alg":"HS256","typ":1,`+kid+`}`, good), jose.ErrForm},
		"crit":                  {sign(`{"alg":"HS256","crit":["exp"],`+kid+`}`, good), jose.ErrForm},
		"b64 false":             {sign(`{"alg":"HS256","b64":false,`+kid+`}`, good), jose.ErrForm},
		"jwk":                   {sign(`{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"},`+kid+`}`, good), jose.ErrForm},
		"payload no JSON":       {sign(header, "hello"), jose.ErrForm},
		"payload null":          {sign(header, "null"), jose.ErrForm},
		"exp a string":          {sign(header, `{"aud":"nix.example.org","exp":"1","nbf":1}`), jose.ErrForm},
		"aud a number":          {sign(header, `{"aud":1,"exp":1,"nbf":1}`), jose.ErrForm},
		"an identity's token":   {loadVectors(t).MetaPublicJWS, jose.ErrAlgorithm},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := jose.ParseAPIToken(c.token, d); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestAPITokensHoldForTheirAudienceAndTimeOnly(t *testing.T) {
	d := domain(t)
	key, secret := address.New(address.APIKey).Local(), jose.NewSecret()
	for _, c := range []struct {
		claims string
		want   error
	}{
		{`"aud":"nix.example.org","exp":3600,"nbf":0`, nil},
		{`"aud":["other.org","API.nix.software"],"exp":3600,"nbf":0,"iat":0`, nil},
		{`"aud":"nix.example.org","exp":3601,"nbf":0`, jose.ErrTime},
		{`"aud":"nix.example.org","exp":120,"nbf":60`, nil},
		{`"aud":"nix.example.org","exp":120,"nbf":61`, jose.ErrTime},
		{`"aud":"nix.example.org","exp":-59,"nbf":-100`, nil},
		{`"aud":"nix.example.org","exp":-60,"nbf":-100`, jose.ErrTime},
		{`"aud":"nix.example.org","exp":0,"nbf":1`, jose.ErrTime},
		{`"aud":"nix.example.org","exp":60`, jose.ErrTime},
		{`"aud":"nix.example.org","nbf":0`, jose.ErrTime},
		{`"exp":60,"nbf":0`, jose.ErrAudience},
		{`"aud":"other.org","exp":60,"nbf":0`, jose.ErrAudience},
		{`"aud":[],"exp":60,"nbf":0`, jose.ErrAudience},
		{`"aud":"localhost","exp":60,"nbf":0`, jose.ErrAudience},
	} {
		tok, err := jose.ParseAPIToken(hs256(`{"alg":"HS256","kid":"`+key+`"}`, absolute(c.claims), secret[:]), d)
		if err != nil {
			t.Fatalf("%s: %v", c.claims, err)
		}
		if err := tok.Check(d, now); !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
			t.Errorf("%s: got %v, want %v", c.claims, err, c.want)
		}
	}
}

// absolute makes claims whose times are seconds from now.
func absolute(claims string) string {
	var out []string
	for _, c := range strings.SplitAfter(claims, ",") {
		var name string
		var sec int64
		if n, _ := fmt.Sscanf(c, `"%3s":%d`, &name, &sec); n == 2 {
			c = fmt.Sprintf(`%q:%d`, name, now.Unix()+sec) + strings.Repeat(",", strings.Count(c, ","))
		}
		out = append(out, c)
	}
	return "{" + strings.Join(out, "") + "}"
}

func TestAPITokensAreMadeForAnHourAtMost(t *testing.T) {
	d := domain(t)
	key, secret := address.New(address.APIKey), jose.NewSecret()
	for _, life := range []time.Duration{-time.Second, 0, time.Millisecond, time.Hour + 1} {
		if _, err := jose.SignAPIToken(d.Full(key), secret, fullDomain, now, life); !errors.Is(err, jose.ErrTime) {
			t.Errorf("%s: got %v, want ErrTime", life, err)
		}
	}
	// Clocks do not stand at whole seconds; the hour must hold all the same.
	at := now.Add(999 * time.Millisecond)
	s, err := jose.SignAPIToken(d.Full(key), secret, fullDomain, at, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := jose.ParseAPIToken(s, d)
	if err != nil {
		t.Fatal(err)
	}
	if err := tok.Check(d, at); err != nil {
		t.Error(err)
	}
}
