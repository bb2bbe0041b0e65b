package relay

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
)

// Whatever an identity signs, it is read or refused with a code, and what is taken
// has the form that the log and later readers rely on.
func FuzzPayloads(f *testing.F) {
	domain, err := address.NewDomain("nix.example.org")
	if err != nil {
		f.Fatal(err)
	}
	who := address.New(address.Identity).Local()
	for _, seed := range []string{
		"", "null", "{}", "[]", `{"upTo":"1"}`, `{"upTo":1,"ts":[]}`, `{"ts":["1",2,"2"]}`, `{"identityType":"vault"}`, `{"identityType":null}`,
		`{"name":"x","jwe":"a.b"}`, `["` + who + `","` + who + `@nix.example.org"]`, `["` + who + `@elsewhere.org"]`, strings.Repeat("[", 40),
	} {
		f.Add([]byte(seed))
	}
	s := &Service{domain: domain}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if cmd, err := parseAck(payload); err != nil {
			codeOf(t, err)
		} else if cmd.UpTo != 0 && cmd.TS != nil {
			t.Error("an ack of two kinds")
		}
		if o, err := parseObject(payload, api.FieldMetaPublic); err != nil {
			wantCode(t, err, api.CodeBadToken)
		} else {
			if _, err := parseKind(o); err != nil {
				codeOf(t, err)
			}
			// What is stored can be shown again.
			token := "h." + base64.RawURLEncoding.EncodeToString(payload) + ".s"
			if _, err := withMembers(token, map[string]string{"appAddress": "p"}); err != nil {
				t.Error(err)
			}
		}
		if err := checkDataPayload(payload, "x"); err != nil {
			codeOf(t, err)
		}
		members, err := s.parseMembers(payload)
		if err != nil {
			codeOf(t, err)
		}
		for _, a := range members {
			if a.Type() != address.Identity {
				t.Errorf("the member %s", a)
			}
		}
	})
}
