package message_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/message"
)

func domain(t testing.TB) address.Domain {
	t.Helper()
	d, err := address.NewDomain("nix.example.org", "api.nix.software")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const identity = "iAAAAAAAAAAAAAAAAAAAA" // 15 zero bytes

func TestPayloadsAreRead(t *testing.T) {
	d := domain(t)
	to, err := d.Parse(identity)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"", "@nix.example.org", "@API.nix.software", "="} {
		in := `{"type":"r","id":"1569116334.7","dst":"` + identity + host + `","exp":1569116334,"more":[],"body":` +
			`{"kid":"K","respTo":"a","noCache":true,"encPubKey":{"kty":"EC"},"jwe":"x.y","own":[1]}}`
		p, err := message.ParsePayload([]byte(in), d)
		if err != nil {
			t.Fatal(err)
		}
		if p.Type != message.Request || p.ID != "1569116334.7" || p.To != to || !p.Expires.Equal(time.Unix(1569116334, 0)) {
			t.Errorf("read as %+v", p)
		}
		b := p.Body
		if b.Kid != "K" || b.RespTo != "a" || !b.NoCache || string(b.EncPubKey) != `{"kty":"EC"}` || b.JWE != "x.y" || !strings.HasSuffix(string(b.Raw), `"own":[1]}`) {
			t.Errorf("body read as %+v", b)
		}
	}
}

func TestWhatABodyLeavesOutIsEmpty(t *testing.T) {
	start := `{"type":"s","id":"a","dst":"` + identity + `","exp":0`
	for in, raw := range map[string]string{
		start + `}`:           "{}",
		start + `,"body":{}}`: "{}",
		start + `,"body":{"kid":null,"respTo":null,"noCache":null,"encPubKey":null,"jwe":null}}`: `{"kid":null,"respTo":null,"noCache":null,"encPubKey":null,"jwe":null}`,
	} {
		p, err := message.ParsePayload([]byte(in), domain(t))
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		b := p.Body
		if b.Kid != "" || b.RespTo != "" || b.NoCache || b.EncPubKey != nil || b.JWE != "" || string(b.Raw) != raw {
			t.Errorf("%s: body read as %+v", in, b)
		}
	}
}

func TestOtherPayloadsAreRefused(t *testing.T) {
	const good = `{"type":"p","id":"a","dst":"` + identity + `","exp":100,"body":{"kid":"k"}}`
	with := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in the payload", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct {
		in   string
		want error
		says string
	}{
		"the one that all cases spoil": {in: good},
		"id of 128 letters":            {in: with(`"a"`, `"`+strings.Repeat("ä", 128)+`"`)},
		"kid of 256 letters":           {in: with(`"k"`, `"`+strings.Repeat("ä", 256)+`"`)},
		"empty":                        {"", message.ErrPayload, "object"},
		"no JSON":                      {"hello", message.ErrPayload, "object"},
		"an array":                     {"[]", message.ErrPayload, "object"},
		"null":                         {"null", message.ErrPayload, "required"},
		"two objects":                  {good + "{}", message.ErrPayload, "object"},
		"a name twice":                 {with("{", `{"exp":1,`), message.ErrPayload, "object"},
		"a name in the body twice":     {with(`{"kid"`, `{"kid":"x","kid"`), message.ErrPayload, "object"},
		"too deep":                     {with(`"k"`, strings.Repeat("[", 31)+strings.Repeat("]", 31)), message.ErrPayload, "object"},
		"no type":                      {with(`"type":"p",`, ""), message.ErrPayload, "required"},
		"no id":                        {with(`"id":"a",`, ""), message.ErrPayload, "required"},
		"no dst":                       {with(`"dst":"`+identity+`",`, ""), message.ErrPayload, "required"},
		"no exp":                       {with(`"exp":100,`, ""), message.ErrPayload, "required"},
		"names in other case":          {with(`"exp"`, `"Exp"`), message.ErrPayload, "required"},
		"type of two letters":          {with(`"p"`, `"pp"`), message.ErrPayload, "type"},
		"type unknown":                 {with(`"p"`, `"x"`), message.ErrPayload, "type"},
		"type in upper case":           {with(`"p"`, `"P"`), message.ErrPayload, "type"},
		"type empty":                   {with(`"p"`, `""`), message.ErrPayload, "type"},
		"type a number":                {with(`"p"`, `112`), message.ErrPayload, "type"},
		"id empty":                     {with(`"a"`, `""`), message.ErrPayload, "id"},
		"id of 129 letters":            {with(`"a"`, `"`+strings.Repeat("ä", 129)+`"`), message.ErrPayload, "id"},
		"id a number":                  {with(`"a"`, `1`), message.ErrPayload, "id"},
		"exp a string":                 {with(`100`, `"100"`), message.ErrPayload, "exp"},
		"exp with a fraction":          {with(`100`, `100.5`), message.ErrPayload, "exp"},
		"exp negative":                 {with(`100`, `-1`), message.ErrPayload, "exp"},
		"exp beyond the year 9999":     {with(`100`, `253402300800`), message.ErrPayload, "exp"},
		"exp beyond all numbers":       {with(`100`, `99999999999999999999`), message.ErrPayload, "exp"},
		"dst a number":                 {with(`"`+identity+`"`, `1`), message.ErrPayload, "dst"},
		"dst malformed":                {with(identity, "nobody"), address.ErrMalformed, "dst"},
		"dst empty":                    {with(identity, ""), address.ErrMalformed, "dst"},
		"dst an API key":               {with(`"dst":"i`, `"dst":"a`), address.ErrMalformed, "dst"},
		"dst of another domain":        {with(identity, identity+"@other.org"), address.ErrForeign, "dst"},
		"body null":                    {with(`{"kid":"k"}`, `null`), message.ErrPayload, "body"},
		"body a string":                {with(`{"kid":"k"}`, `"k"`), message.ErrPayload, "body"},
		"body an array":                {with(`{"kid":"k"}`, `[]`), message.ErrPayload, "body"},
		"kid empty":                    {with(`"k"`, `""`), message.ErrPayload, "body/kid"},
		"kid of 257 letters":           {with(`"k"`, `"`+strings.Repeat("ä", 257)+`"`), message.ErrPayload, "body/kid"},
		"kid a number":                 {with(`"k"`, `1`), message.ErrPayload, "body/kid"},
		"respTo empty":                 {with(`"kid":"k"`, `"respTo":""`), message.ErrPayload, "body/respTo"},
		"respTo of 129 letters":        {with(`"kid":"k"`, `"respTo":"`+strings.Repeat("x", 129)+`"`), message.ErrPayload, "body/respTo"},
		"noCache a string":             {with(`"kid":"k"`, `"noCache":"true"`), message.ErrPayload, "body/noCache"},
		"jwe an object":                {with(`"kid":"k"`, `"jwe":{}`), message.ErrPayload, "body/jwe"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := message.ParsePayload([]byte(c.in), domain(t))
			if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %q", err, c.says)
			}
		})
	}
}

func TestBuiltPayloadsAreReadAgain(t *testing.T) {
	d := domain(t)
	to := address.New(address.Identity)
	at := time.Unix(1569116334, 999)
	for _, c := range []struct {
		body any
		raw  string
	}{
		{nil, "{}"}, {map[string]any{"kid": "<k>"}, `{"kid":"<k>"}`}, {json.RawMessage(`{"jwe":"a.b"}`), `{"jwe":"a.b"}`},
	} {
		b, err := message.BuildPayload(message.Publish, "id 1", d.Full(to), at, c.body)
		if err != nil {
			t.Fatal(err)
		}
		p, err := message.ParsePayload(b, d)
		if err != nil {
			t.Fatal(err)
		}
		if p.Type != message.Publish || p.ID != "id 1" || p.To != to || !p.Expires.Equal(at.Truncate(time.Second)) || !sameJSON(t, p.Body.Raw, []byte(c.raw)) {
			t.Errorf("%s came back as %+v", b, p)
		}
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var text [2][]byte
	for i, in := range [][]byte{a, b} {
		var v any
		if err := json.Unmarshal(in, &v); err != nil {
			t.Fatal(err)
		}
		text[i], _ = json.Marshal(v)
	}
	return string(text[0]) == string(text[1])
}

func TestPayloadsThatWouldBeRefusedAreNotBuilt(t *testing.T) {
	at := time.Unix(100, 0)
	for name, build := range map[string]func() ([]byte, error){
		"type":         func() ([]byte, error) { return message.BuildPayload('x', "a", identity, at, nil) },
		"no id":        func() ([]byte, error) { return message.BuildPayload('s', "", identity, at, nil) },
		"before 1970":  func() ([]byte, error) { return message.BuildPayload('s', "a", identity, time.Unix(-1, 0), nil) },
		"no object":    func() ([]byte, error) { return message.BuildPayload('s', "a", identity, at, "text") },
		"nil object":   func() ([]byte, error) { return message.BuildPayload('s', "a", identity, at, map[string]any(nil)) },
		"a wrong kid":  func() ([]byte, error) { return message.BuildPayload('s', "a", identity, at, map[string]any{"kid": 1}) },
		"unmarshalled": func() ([]byte, error) { return message.BuildPayload('s', "a", identity, at, make(chan int)) },
	} {
		if _, err := build(); !errors.Is(err, message.ErrPayload) {
			t.Errorf("%s: got %v, want ErrPayload", name, err)
		}
	}
}

func FuzzParsePayload(f *testing.F) {
	f.Add([]byte(`{"type":"p","id":"a","dst":"` + identity + `@nix.example.org","exp":100,"body":{"kid":"k","encPubKey":{"a":1},"jwe":"x"}}`))
	f.Add([]byte(`{"type":"s","id":"a","dst":"` + identity + `","exp":100}`))
	f.Add([]byte(`{"type":"s","id":"\u0000","dst":"x@y","exp":1e3,"body":null}`))
	d := domain(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := message.ParsePayload(in, d)
		if err != nil {
			if !errors.Is(err, message.ErrPayload) && !errors.Is(err, address.ErrMalformed) && !errors.Is(err, address.ErrForeign) {
				t.Fatalf("an error that is not promised: %v", err)
			}
			return
		}
		b, err := message.BuildPayload(p.Type, p.ID, d.Full(p.To), p.Expires, json.RawMessage(p.Body.Raw))
		if err != nil {
			t.Fatalf("what was read can't be built: %v", err)
		}
		again, err := message.ParsePayload(b, d)
		if err != nil || again.Type != p.Type || again.ID != p.ID || again.To != p.To || !again.Expires.Equal(p.Expires) || again.Body.Kid != p.Body.Kid {
			t.Fatalf("%s came back as %s: %v", in, b, err)
		}
	})
}
