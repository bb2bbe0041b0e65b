package jose_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/jose"
)

// header of a token by k, with further members in front.
func headerWith(more string, k jose.PublicKey) string {
	return `{` + more + `"alg":"ES256","kid":"/` + k.Thumbprint() + `"}`
}

func TestTokensOutsideTheAllowedFormAreRefused(t *testing.T) {
	d := domain(t)
	raw := rawKey(t, elliptic.P256())
	k := publicOf(t, &raw.PublicKey, jose.Sig)
	kid := `"kid":"/` + k.Thumbprint() + `"`
	good := compact(t, headerWith("", k), `{}`, raw)
	if tok, err := jose.ParseToken(good, d); err != nil || tok.Verify(k) != nil {
		t.Fatalf("the token that all cases spoil: %v", err)
	}
	part := strings.Split(good, ".")
	withHeader := func(h string) string { return compact(t, h, `{}`, raw) }
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"empty":                      {"", jose.ErrForm},
		"one part":                   {part[0], jose.ErrForm},
		"two parts":                  {part[0] + "." + part[1], jose.ErrForm},
		"four parts":                 {good + "." + part[2], jose.ErrForm},
		"a dot behind":               {good + ".", jose.ErrForm},
		"only dots":                  {"..", jose.ErrForm},
		"a space behind":             {good + " ", jose.ErrForm},
		"a line break behind":        {good + "\n", jose.ErrForm},
		"a line break in header":     {part[0][:8] + "\n" + good[8:], jose.ErrForm},
		"a line break in payload":    {part[0] + "." + "e3\r\n0" + "." + part[2], jose.ErrForm},
		"padded header":              {part[0] + "=." + part[1] + "." + part[2], jose.ErrForm},
		"padded payload":             {part[0] + "." + part[1] + "=." + part[2], jose.ErrForm},
		"padded signature":           {good + "==", jose.ErrForm},
		"standard base64":            {part[0] + "." + "+/+/" + "." + part[2], jose.ErrForm},
		"stray bits in payload":      {part[0] + "." + "e31" + "." + part[2], jose.ErrForm},
		"signature of 63 bytes":      {part[0] + "." + part[1] + "." + b64(make([]byte, 63)), jose.ErrForm},
		"signature of 65 bytes":      {part[0] + "." + part[1] + "." + b64(make([]byte, 65)), jose.ErrForm},
		"no signature":               {part[0] + "." + part[1] + ".", jose.ErrForm},
		"JSON serialization":         {`{"protected":"` + part[0] + `","payload":"` + part[1] + `","signature":"` + part[2] + `"}`, jose.ErrForm},
		"header is no JSON":          {withHeader(`hello`), jose.ErrForm},
		"header is null":             {withHeader(`null`), jose.ErrForm},
		"header is an array":         {withHeader(`["ES256"]`), jose.ErrForm},
		"header twice":               {withHeader(headerWith("", k) + `{}`), jose.ErrForm},
		"header huge":                {withHeader(`{"alg":"ES256","typ":"` + strings.Repeat("x", 5000) + `",` + kid + `}`), jose.ErrForm},
		"no alg":                     {withHeader(`{` + kid + `}`), jose.ErrForm},
		"alg twice":                  {withHeader(headerWith(`"alg":"ES256",`, k)), jose.ErrForm},
		"alg twice, once none":       {withHeader(headerWith(`"alg":"none",`, k)), jose.ErrForm},
		"alg twice by escape":        {withHeader(headerWith(`"\u0061lg":"none",`, k)), jose.ErrForm},
		"alg null":                   {withHeader(`{"alg":null,` + kid + `}`), jose.ErrForm},
		"alg a number":               {withHeader(`{"alg":256,` + kid + `}`), jose.ErrForm},
		"alg in other case":          {withHeader(`{"alg":"es256",` + kid + `}`), jose.ErrAlgorithm},
		"alg with a space":           {withHeader(`{"alg":"ES256 ",` + kid + `}`), jose.ErrAlgorithm},
		"alg empty":                  {withHeader(`{"alg":"",` + kid + `}`), jose.ErrAlgorithm},
		"Alg":                        {withHeader(`{"Alg":"ES256",` + kid + `}`), jose.ErrForm},
		"no kid":                     {withHeader(`{"alg":"ES256"}`), jose.ErrForm},
		"kid null":                   {withHeader(`{"alg":"ES256","kid":null}`), jose.ErrForm},
		"kid a number":               {withHeader(`{"alg":"ES256","kid":1}`), jose.ErrForm},
		"kid empty":                  {withHeader(`{"alg":"ES256","kid":""}`), jose.ErrForm},
		"kid without slash":          {withHeader(`{"alg":"ES256","kid":"` + k.Thumbprint() + `"}`), jose.ErrForm},
		"kid of 7 characters":        {withHeader(`{"alg":"ES256","kid":"/` + k.Thumbprint()[:7] + `"}`), jose.ErrForm},
		"kid of an API key":          {withHeader(`{"alg":"ES256","kid":"` + address.New(address.APIKey).Local() + `/` + k.Thumbprint() + `"}`), jose.ErrForm},
		"kid of another domain":      {withHeader(`{"alg":"ES256","kid":"` + address.New(address.Identity).Local() + `@other.org/` + k.Thumbprint() + `"}`), address.ErrForeign},
		"tgt null":                   {withHeader(headerWith(`"tgt":null,`, k)), jose.ErrForm},
		"tgt a list":                 {withHeader(headerWith(`"tgt":["a"],`, k)), jose.ErrForm},
		"typ a number":               {withHeader(headerWith(`"typ":1,`, k)), jose.ErrForm},
		"cty an object":              {withHeader(headerWith(`"cty":{},`, k)), jose.ErrForm},
		"crit":                       {withHeader(headerWith(`"crit":["exp"],`, k)), jose.ErrForm},
		"empty crit":                 {withHeader(headerWith(`"crit":[],`, k)), jose.ErrForm},
		"b64 false":                  {withHeader(headerWith(`"b64":false,"crit":["b64"],`, k)), jose.ErrForm},
		"b64 alone":                  {withHeader(headerWith(`"b64":false,`, k)), jose.ErrForm},
		"jwk":                        {withHeader(headerWith(`"jwk":`+string(k.JWK())+`,`, k)), jose.ErrForm},
		"jku":                        {withHeader(headerWith(`"jku":"https://example.org/keys",`, k)), jose.ErrForm},
		"x5c":                        {withHeader(headerWith(`"x5c":["AAAA"],`, k)), jose.ErrForm},
		"x5t":                        {withHeader(headerWith(`"x5t":"AAAA",`, k)), jose.ErrForm},
		"zip":                        {withHeader(headerWith(`"zip":"DEF",`, k)), jose.ErrForm},
		"nonce":                      {withHeader(headerWith(`"nonce":"a",`, k)), jose.ErrForm},
		"iat a fraction, with tgt":   {withHeader(headerWith(`"tgt":"/x#y","iat":1569116334.5,`, k)), jose.ErrIssuedAt},
		"iat a string, with tgt":     {withHeader(headerWith(`"tgt":"/x#y","iat":"1569116334",`, k)), jose.ErrIssuedAt},
		"iat null":                   {withHeader(headerWith(`"iat":null,`, k)), jose.ErrForm},
		"iat a string":               {withHeader(headerWith(`"iat":"1569116334",`, k)), jose.ErrForm},
		"iat with exponent":          {withHeader(headerWith(`"iat":1.0e9,`, k)), jose.ErrForm},
		"iat with a fraction":        {withHeader(headerWith(`"iat":1569116334.5,`, k)), jose.ErrForm},
		"iat with an empty one":      {withHeader(headerWith(`"iat":1569116334.0,`, k)), jose.ErrForm},
		"iat negative":               {withHeader(headerWith(`"iat":-1,`, k)), jose.ErrForm},
		"iat beyond the year 9999":   {withHeader(headerWith(`"iat":253402300800,`, k)), jose.ErrForm},
		"iat beyond all numbers":     {withHeader(headerWith(`"iat":99999999999999999999,`, k)), jose.ErrForm},
		"iat with leading zero":      {withHeader(headerWith(`"iat":01,`, k)), jose.ErrForm},
		"bad UTF-8 in header":        {withHeader(headerWith("\"typ\":\"\xff\",", k)), jose.ErrForm},
		"a byte order mark":          {withHeader("\ufeff" + headerWith("", k)), jose.ErrForm},
		"a JWE":                      {mustEncrypt(t, "secret"), jose.ErrForm},
		"a JWE's alg in three parts": {withHeader(`{"alg":"ECDH-ES","enc":"A256GCM",` + kid + `}`), jose.ErrAlgorithm},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := jose.ParseToken(c.token, d); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestHeaderFieldsAreRead(t *testing.T) {
	d := domain(t)
	k := generate(t, jose.Sig)
	who := address.New(address.Identity)
	for _, host := range []string{"", "@" + fullDomain, "@" + aliased, "@NIX.example.ORG", "=@" + fullDomain} {
		s, err := k.Sign([]byte(`{"a":1}`), jose.SignOptions{
			Kid: who.Local() + host + "/" + k.Public().Thumbprint()[:8], Target: "/v1/x#<f>", IssuedAt: now.Add(time.Millisecond), Type: "t", ContentType: "c",
		})
		if err != nil {
			t.Fatal(err)
		}
		tok, err := jose.ParseToken(s, d)
		if err != nil {
			t.Fatalf("%q: %v", host, err)
		}
		if tok.Raw != s || tok.Key.Address != who || tok.Target != "/v1/x#<f>" || !tok.IssuedAt.Equal(now) ||
			tok.Type != "t" || tok.ContentType != "c" || string(tok.Payload) != `{"a":1}` {
			t.Errorf("read as %+v", tok)
		}
		if err := tok.Verify(k.Public()); err != nil {
			t.Error(err)
		}
	}
}

func TestAnEmptyPayloadIsATokenToo(t *testing.T) {
	k := generate(t, jose.Sig)
	s, err := k.Sign(nil, jose.SignOptions{Kid: "/" + k.Public().Thumbprint() + "="})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := jose.ParseToken(s, domain(t))
	if err != nil || len(tok.Payload) != 0 || !tok.IssuedAt.IsZero() || tok.Target != "" {
		t.Fatalf("%+v, %v", tok, err)
	}
	if err := tok.Verify(k.Public()); err != nil {
		t.Error(err)
	}
}

func TestOtherAlgorithmsAreRefusedEvenWhenTheirSignatureIsRight(t *testing.T) {
	d := domain(t)
	raw := rawKey(t, elliptic.P256())
	k := publicOf(t, &raw.PublicKey, jose.Sig)
	header := func(alg string) string { return b64([]byte(`{"alg":"` + alg + `","kid":"/` + k.Thumbprint() + `"}`)) }
	mac := func(alg string, key []byte) string {
		h := hmac.New(sha256.New, key)
		input := header(alg) + "." + b64([]byte(`{}`))
		h.Write([]byte(input))
		return input + "." + b64(h.Sum(nil))
	}
	point, err := raw.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"none without signature":                   header("none") + "." + b64([]byte(`{}`)) + ".",
		"none with a signature":                    compact(t, `{"alg":"none","kid":"/`+k.Thumbprint()+`"}`, `{}`, raw),
		"None":                                     header("None") + "." + b64([]byte(`{}`)) + ".",
		"HS256 with the public key's JWK as key":   mac("HS256", k.JWK()),
		"HS256 with the public key's point as key": mac("HS256", point),
		"HS256 with the x coordinate as key":       mac("HS256", point[1:33]),
		"ES384":                                    compact(t, `{"alg":"ES384","kid":"/`+k.Thumbprint()+`"}`, `{}`, rawKey(t, elliptic.P384())),
		"RS256":                                    header("RS256") + "." + b64([]byte(`{}`)) + "." + b64(make([]byte, 256)),
		"PS256":                                    header("PS256") + "." + b64([]byte(`{}`)) + "." + b64(make([]byte, 256)),
		"EdDSA":                                    header("EdDSA") + "." + b64([]byte(`{}`)) + "." + b64(make([]byte, 64)),
	} {
		if _, err := jose.ParseToken(token, d); !errors.Is(err, jose.ErrAlgorithm) {
			t.Errorf("%s: got %v, want ErrAlgorithm", name, err)
		}
	}
	// An HMAC under the name of ES256 has another length; made longer it still is no signature.
	if _, err := jose.ParseToken(mac("ES256", point), d); !errors.Is(err, jose.ErrForm) {
		t.Errorf("an HMAC called ES256: %v", err)
	}
	twice := mac("ES256", point)
	m, err := base64.RawURLEncoding.DecodeString(twice[strings.LastIndexByte(twice, '.')+1:])
	if err != nil {
		t.Fatal(err)
	}
	tok, err := jose.ParseToken(twice[:strings.LastIndexByte(twice, '.')+1]+b64(append(m, m...)), d)
	if err != nil {
		t.Fatal(err)
	}
	if err := tok.Verify(k); !errors.Is(err, jose.ErrSignature) {
		t.Errorf("two HMACs called ES256: %v", err)
	}
}

func TestSignaturesOfOtherCurvesAreRefused(t *testing.T) {
	d := domain(t)
	k := generate(t, jose.Sig).Public()
	for _, curve := range []elliptic.Curve{elliptic.P224(), elliptic.P384(), elliptic.P521()} {
		token := compact(t, headerWith("", k), `{}`, rawKey(t, curve))
		if _, err := jose.ParseToken(token, d); !errors.Is(err, jose.ErrForm) {
			t.Errorf("%s: got %v, want ErrForm for its length", curve.Params().Name, err)
		}
	}
}

func TestOnlyTheSelectedSigningKeyVerifies(t *testing.T) {
	d := domain(t)
	k, other := generate(t, jose.Sig), generate(t, jose.Sig)
	parse := func(kid string) *jose.Token {
		s, err := k.Sign([]byte(`{}`), jose.SignOptions{Kid: kid})
		if err != nil {
			t.Fatal(err)
		}
		tok, err := jose.ParseToken(s, d)
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	for _, kid := range []string{k.Public().Thumbprint(), k.Public().Thumbprint()[:8], k.Public().Thumbprint() + "="} {
		if err := parse("/" + kid).Verify(k.Public()); err != nil {
			t.Errorf("kid of %d characters: %v", len(kid), err)
		}
		if err := parse("/" + kid).Verify(other.Public()); !errors.Is(err, jose.ErrKeyNotCurrent) {
			t.Errorf("another key: got %v, want ErrKeyNotCurrent", err)
		}
	}
	if err := parse("/" + other.Public().Thumbprint()).Verify(other.Public()); !errors.Is(err, jose.ErrSignature) {
		t.Errorf("the right kid over another's signature: got %v, want ErrSignature", err)
	}
	if err := parse("/" + k.Public().Thumbprint()).Verify(jose.PublicKey{}); !errors.Is(err, jose.ErrKey) {
		t.Errorf("no key: %v", err)
	}
	asEnc, err := jose.ParsePublicKey([]byte(strings.Replace(string(k.Public().JWK()), `"sig"`, `"enc"`, 1)), jose.Enc)
	if err != nil {
		t.Fatal(err)
	}
	if err := parse("/" + k.Public().Thumbprint()).Verify(asEnc); !errors.Is(err, jose.ErrKey) {
		t.Errorf("an encryption key: %v", err)
	}
}

func TestSignaturesOutOfRangeAreRefused(t *testing.T) {
	d := domain(t)
	k := generate(t, jose.Sig)
	s, err := k.Sign([]byte(`{}`), jose.SignOptions{Kid: "/" + k.Public().Thumbprint()})
	if err != nil {
		t.Fatal(err)
	}
	input := s[:strings.LastIndexByte(s, '.')]
	n := elliptic.P256().Params().N.Bytes()
	ones := []byte(strings.Repeat("\xff", 32))
	zero := make([]byte, 32)
	for i, sig := range [][2][]byte{{zero, zero}, {zero, n}, {n, zero}, {n, n}, {ones, ones}} {
		tok, err := jose.ParseToken(input+"."+b64(append(append([]byte{}, sig[0]...), sig[1]...)), d)
		if err != nil {
			t.Fatal(err)
		}
		if err := tok.Verify(k.Public()); !errors.Is(err, jose.ErrSignature) {
			t.Errorf("case %d: got %v, want ErrSignature", i, err)
		}
	}
}

func TestTheTwinOfASignatureVerifiesAndHasTheSameDigest(t *testing.T) {
	d := domain(t)
	k := generate(t, jose.Sig)
	sign := func(payload string) string {
		s, err := k.Sign([]byte(payload), jose.SignOptions{Kid: "/" + k.Public().Thumbprint()})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	parse := func(s string) *jose.Token {
		tok, err := jose.ParseToken(s, d)
		if err != nil {
			t.Fatal(err)
		}
		if err := tok.Verify(k.Public()); err != nil {
			t.Fatal(err)
		}
		return tok
	}
	first := sign(`{}`)
	a, b, again, other := parse(first), parse(twin(t, first)), parse(sign(`{}`)), parse(sign(`{ }`))
	if a.Raw == b.Raw {
		t.Fatal("the twin is the token itself")
	}
	if a.Digest() != b.Digest() || a.Digest() != again.Digest() {
		t.Error("one message with two signatures counts as two")
	}
	if a.Digest() == other.Digest() {
		t.Error("two messages count as one")
	}
	if want := sha256.Sum256([]byte(first[:strings.LastIndexByte(first, '.')])); a.Digest() != want {
		t.Error("the digest is not the SHA-256 of the signing input")
	}
}

// The package verifies by crypto/ecdsa itself; go-jose is asked for a second opinion.
func TestGoJoseComesToTheSameVerdict(t *testing.T) {
	d := domain(t)
	raw, other := rawKey(t, elliptic.P256()), rawKey(t, elliptic.P256())
	k := publicOf(t, &raw.PublicKey, jose.Sig)
	signed := compact(t, headerWith(`"tgt":"/x#y","iat":1,`, k), `{"a":"b"}`, raw)
	for name, s := range map[string]string{
		"signed": signed, "its twin": twin(t, signed), "by another key": compact(t, headerWith("", k), `{}`, other),
		"another's signature": signed[:strings.LastIndexByte(signed, '.')+1] + b64(rawSignature(t, "x", raw)),
		"an empty payload":    compact(t, headerWith("", k), "", raw),
	} {
		tok, err := jose.ParseToken(s, d)
		if err != nil {
			t.Fatal(err)
		}
		if ours, theirs := tok.Verify(k) == nil, goJoseVerifies(s, &raw.PublicKey); ours != theirs {
			t.Errorf("%s: here %v, there %v", name, ours, theirs)
		}
	}
}

func goJoseVerifies(s string, k *ecdsa.PublicKey) bool {
	jws, err := gojose.ParseSignedCompact(s, []gojose.SignatureAlgorithm{gojose.ES256})
	if err != nil {
		return false
	}
	_, err = jws.Verify(k)
	return err == nil
}

func TestTokensAreBoundToTheirPlace(t *testing.T) {
	d := domain(t)
	k := generate(t, jose.Sig)
	for target, good := range map[string]bool{
		"/v1/identity#encPubKey": true, "": false, "/v1/identity": false, "/v1/identity#": false, "/v1/identity#sigPubKey": false,
		"/v1/identity/#encPubKey": false, "/V1/identity#encPubKey": false, "/v1/identity#encPubKey ": false, "#encPubKey": false,
	} {
		s, err := k.Sign([]byte(`{}`), jose.SignOptions{Kid: "/" + k.Public().Thumbprint(), Target: target})
		if err != nil {
			t.Fatal(err)
		}
		tok, err := jose.ParseToken(s, d)
		if err != nil {
			t.Fatal(err)
		}
		err = tok.CheckTarget("/v1/identity", "encPubKey")
		if good && err != nil || !good && !errors.Is(err, jose.ErrTarget) {
			t.Errorf("%q: %v", target, err)
		}
	}
}

func TestIssuedAtMustBeNear(t *testing.T) {
	d := domain(t)
	raw := rawKey(t, elliptic.P256())
	k := publicOf(t, &raw.PublicKey, jose.Sig)
	for member, good := range map[string]bool{
		"": false, issued(0): true, issued(-300): true, issued(300): true, issued(-301): false, issued(301): false,
		`"iat":0,`: false, `"iat":253402300799,`: false,
	} {
		tok, err := jose.ParseToken(compact(t, headerWith(member, k), `{}`, raw), d)
		if err != nil {
			t.Fatal(err)
		}
		err = tok.CheckIssuedAt(now)
		if good && err != nil || !good && !errors.Is(err, jose.ErrIssuedAt) {
			t.Errorf("%q: %v", member, err)
		}
	}
}

func issued(after int64) string { return `"iat":` + strconv.FormatInt(now.Unix()+after, 10) + `,` }

func TestSigningWantsASigningKeyAndAKid(t *testing.T) {
	if _, err := generate(t, jose.Enc).Sign(nil, jose.SignOptions{Kid: "/x"}); !errors.Is(err, jose.ErrKey) {
		t.Errorf("with an encryption key: %v", err)
	}
	if _, err := (jose.PrivateKey{}).Sign(nil, jose.SignOptions{Kid: "/x"}); !errors.Is(err, jose.ErrKey) {
		t.Errorf("with no key: %v", err)
	}
	if _, err := generate(t, jose.Sig).Sign(nil, jose.SignOptions{}); !errors.Is(err, jose.ErrForm) {
		t.Errorf("without a kid: %v", err)
	}
}
