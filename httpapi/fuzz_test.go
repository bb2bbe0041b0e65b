package httpapi

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/api"
)

// FuzzRoute: no path panics, and one that is found is just its pattern with
// parameters that hold no slash and are not empty.
func FuzzRoute(f *testing.F) {
	for _, r := range Routes() {
		f.Add(r.Path)
	}
	for _, s := range []string{"", "/", "//", "/v1/identity/%2e%2e", "/v1/identity/a%2Fb/recovery", "/v1/identity/%zz", "*", "/v1/identity/me/data/\x00", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q"} {
		f.Add(s)
	}
	router := newRouter(Routes())
	f.Fuzz(func(t *testing.T, path string) {
		parts, ok := segments(path)
		if !ok {
			return
		}
		place := router.find(parts)
		if place == nil {
			return
		}
		for _, r := range place.methods {
			params := r.params(parts)
			var rebuilt strings.Builder
			for _, p := range pattern(r.Path) {
				if isParam(p) {
					p = params[p[1:]]
				}
				rebuilt.WriteString("/" + p)
			}
			if got := "/" + strings.Join(parts, "/"); rebuilt.String() != got {
				t.Fatalf("%q is found as %s with %v", path, r.Path, params)
			}
			for name, value := range params {
				if value == "" || value == "." || value == ".." || strings.Contains(value, "/") {
					t.Fatalf("%q gives %s = %q", path, name, value)
				}
			}
		}
	})
}

// FuzzParam: whatever a parameter holds, if a path can hold it, it arrives as it was.
func FuzzParam(f *testing.F) {
	for _, s := range []string{"iq1f0Zk3vTz0b9yJ4hQ0s@nix.example.org", "a==", "%41", "me", "ä ö", "\x00", "+", "..."} {
		f.Add(s)
	}
	router := newRouter(Routes())
	f.Fuzz(func(t *testing.T, value string) {
		parts, ok := segments("/v1/identity/" + url.PathEscape(value) + "/data/x")
		if refused := value == "" || value == "." || value == ".." || strings.Contains(value, "/"); ok == refused {
			t.Fatalf("%q: %v", value, ok)
		}
		if !ok || value == "me" { // the literal wins
			return
		}
		place := router.find(parts)
		if place == nil {
			t.Fatalf("%q is not found", value)
		}
		r, ok := place.route("GET")
		if !ok || r.Name != "identity.data" || r.params(parts)["id"] != value {
			t.Fatalf("%q is found as %+v with %v", value, r, r.params(parts))
		}
	})
}

// FuzzQuery: no query panics, and each fault has its code.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"", "limit=5&cursor=x", "limit=0", "a=1&a=2", "%zz", ";", "limit=%35"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		_, err := parseQuery(raw)
		var e *api.Error
		if err != nil && (!errors.As(err, &e) || e.Code != api.CodeBadValue) {
			t.Fatalf("%q: %v", raw, err)
		}
	})
}

func fuzzed[Req any]() func(t *testing.T, data []byte) {
	return func(t *testing.T, data []byte) {
		var req Req
		err := decode(data, &req)
		if err == nil {
			if !json.Valid(data) {
				t.Fatalf("%q is taken for JSON", data)
			}
			return
		}
		var e *api.Error
		if !errors.As(err, &e) || !slices.Contains([]api.Code{api.CodeUnreadable, api.CodeWrongType}, e.Code) {
			t.Fatalf("%q: %v", data, err)
		}
	}
}

// FuzzDecode: every type of request is decoded from the same bytes.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"sigPubKey":{"kty":"EC"},"encPubKey":"x","metaPublic":"y","metaPrivate":"z"}`, `{"jwt":"x"}`, `{"jws":"x"}`, `{"members":"x"}`,
		`{"msgs":["a","b"],"wait":5}`, `{"name":"x","enabled":true}`, `{"name":"x","scopes":["identity"],"expires":"5","rate":{"requests":1,"burst":2}}`,
		`{"overlap":60}`, `null`, `[]`, `{"a":1,"a":2}`, `{"jwt":null}`, "{\"jwt\":\"\xff\"}", `{"sigPubKey":[[[[1]]]]}`,
	} {
		f.Add([]byte(s))
	}
	types := []func(*testing.T, []byte){
		fuzzed[api.RegisterRequest](), fuzzed[api.ProofRequest](), fuzzed[api.SigKeyRequest](), fuzzed[api.EncKeyRequest](), fuzzed[api.MetaRequest](),
		fuzzed[api.DataRequest](), fuzzed[api.MembersRequest](), fuzzed[api.SendRequest](), fuzzed[api.NameRequest](), fuzzed[api.TenantPatch](),
		fuzzed[api.KeyRequest](), fuzzed[api.KeyPatch](), fuzzed[api.RotateRequest](),
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, check := range types {
			check(t, data)
		}
	})
}
