package jose_test

import (
	"crypto/elliptic"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/jose"
)

// proofOf parses a token of who with that payload.
func proofOf(t testing.TB, d address.Domain, who, payload string) *jose.Token {
	t.Helper()
	raw := rawKey(t, elliptic.P256())
	k := publicOf(t, &raw.PublicKey, jose.Sig)
	tok, err := jose.ParseToken(compact(t, `{"alg":"ES256","kid":"`+who+`/`+k.Thumbprint()[:8]+`"}`, payload, raw), d)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestProofsAreReadInTheFormsThatClientsUse(t *testing.T) {
	d := domain(t)
	who := address.New(address.Identity)
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	times := fmt.Sprintf(`"exp":%d,"nbf":%d,"iat":%d`, now.Unix()+300, now.Unix()-300, now.Unix())
	for _, c := range []struct{ payload, id string }{
		{`{"iss":"W","sub":"W","aud":"nix.example.org",T}`, ""},
		{`{"iss":"W","sub":"W","aud":"NIX.example.org",T}`, ""},
		{`{"iss":"W","sub":"W","aud":["x.org","api.nix.software"],T}`, ""},
		{`{"iss":"W","sub":"W","aud":["localhost"],"id":"a.1",T}`, "a.1"},
		{`{"iss":"W","sub":"W","aud":"LoCaLhOsT","jti":"b",T}`, "b"},
		{`{"iss":"W","sub":"W","aud":"[::1]","jti":"b","id":"a",T}`, "b"},
		{`{"iss":"W@nix.example.org","sub":"W@api.nix.software","aud":"127.0.0.1","min":"1","order":"ASC",T}`, ""},
	} {
		payload := strings.NewReplacer(`"W`, `"`+who.Local(), ",T}", ","+times+"}").Replace(c.payload)
		p, err := proofOf(t, d, who.Local(), payload).Proof(d, hosts, now)
		if err != nil {
			t.Errorf("%s: %v", c.payload, err)
			continue
		}
		want := jose.Proof{Subject: who, ID: c.id, Expires: now.Add(5 * time.Minute), NotBefore: now.Add(-5 * time.Minute), IssuedAt: now}
		if p != want {
			t.Errorf("%s: read as %+v", c.payload, p)
		}
	}
}

func TestProofsThatDoNotProveAreRefused(t *testing.T) {
	d := domain(t)
	who, other := address.New(address.Identity), address.New(address.Identity)
	const good = `{"iss":"W","sub":"W","aud":"nix.example.org","exp":E,"nbf":N,"iat":N}`
	fill := strings.NewReplacer("W", who.Local(), "O", other.Local(), "E", fmt.Sprint(now.Unix()+60), "N", fmt.Sprint(now.Unix()))
	with := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in the payload", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct {
		payload string
		want    error
	}{
		"the one that all cases spoil": {good, nil},
		"no JSON":                      {"hello", jose.ErrForm},
		"empty":                        {"", jose.ErrForm},
		"null":                         {"null", jose.ErrForm},
		"an array":                     {"[]", jose.ErrForm},
		"exp twice":                    {with("{", `{"exp":1,`), jose.ErrForm},
		"iss a list":                   {with(`"iss":"W"`, `"iss":["W"]`), jose.ErrForm},
		"sub null":                     {with(`"sub":"W"`, `"sub":null`), jose.ErrForm},
		"jti a number":                 {with("{", `{"jti":1,`), jose.ErrForm},
		"id a number":                  {with("{", `{"id":1,`), jose.ErrForm},
		"aud a number":                 {with(`"nix.example.org"`, `1`), jose.ErrForm},
		"aud null":                     {with(`"nix.example.org"`, `null`), jose.ErrForm},
		"aud an object":                {with(`"nix.example.org"`, `{"nix.example.org":1}`), jose.ErrForm},
		"aud with a number":            {with(`"nix.example.org"`, `["nix.example.org",1]`), jose.ErrForm},
		"exp a string":                 {with("E", `"E"`), jose.ErrForm},
		"exp with a fraction":          {with("E", "E.5"), jose.ErrForm},
		"nbf null":                     {with(`"nbf":N`, `"nbf":null`), jose.ErrForm},
		"no iss":                       {with(`"iss":"W",`, ""), jose.ErrSubject},
		"no sub":                       {with(`"sub":"W",`, ""), jose.ErrSubject},
		"iss of another":               {with(`"iss":"W"`, `"iss":"O"`), jose.ErrSubject},
		"sub of another":               {with(`"sub":"W"`, `"sub":"O"`), jose.ErrSubject},
		"iss of another domain":        {with(`"iss":"W"`, `"iss":"W@other.org"`), jose.ErrSubject},
		"iss empty":                    {with(`"iss":"W"`, `"iss":""`), jose.ErrSubject},
		"no aud":                       {with(`"aud":"nix.example.org",`, ""), jose.ErrAudience},
		"aud empty":                    {with(`"nix.example.org"`, `""`), jose.ErrAudience},
		"aud an empty list":            {with(`"nix.example.org"`, `[]`), jose.ErrAudience},
		"aud of another":               {with(`"nix.example.org"`, `["other.org","org","example.org"]`), jose.ErrAudience},
		"aud with a port":              {with(`"nix.example.org"`, `"nix.example.org:443"`), jose.ErrAudience},
		"no exp":                       {with(`"exp":E,`, ""), jose.ErrTime},
		"no nbf":                       {with(`"nbf":N,`, ""), jose.ErrTime},
		"no iat":                       {with(`,"iat":N`, ""), jose.ErrTime},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := proofOf(t, d, who.Local(), fill.Replace(c.payload)).Proof(d, nil, now)
			if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	if _, err := proofOf(t, d, "", fill.Replace(good)).Proof(d, nil, now); !errors.Is(err, jose.ErrSubject) {
		t.Errorf("a kid without an address: %v", err)
	}
}

func TestProofsHoldForTheirTimeAndAMinute(t *testing.T) {
	d := domain(t)
	who := address.New(address.Identity)
	for _, c := range []struct {
		nbf, exp int64 // seconds from now
		good     bool
	}{
		{0, 900, true}, {0, 901, false}, {-450, 450, true}, {-451, 450, false},
		{60, 120, true}, {61, 120, false}, {-120, -59, true}, {-120, -60, false},
		{0, 0, true}, {1, 0, false}, {-1_569_116_334, 300, false},
	} {
		payload := fmt.Sprintf(`{"iss":%[1]q,"sub":%[1]q,"aud":%[2]q,"exp":%[3]d,"nbf":%[4]d,"iat":%[4]d}`, who.Local(), fullDomain, now.Unix()+c.exp, now.Unix()+c.nbf)
		_, err := proofOf(t, d, who.Local(), payload).Proof(d, nil, now)
		if c.good && err != nil || !c.good && !errors.Is(err, jose.ErrTime) {
			t.Errorf("from %d to %d: %v", c.nbf, c.exp, err)
		}
	}
}
