package address_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/address"
)

const thumbprint = "xwnrgcZkSeMpVDNIA9fLynedVEwquAFJD53ZzLKV-E0"

func TestKeyIDsSelectByPrefix(t *testing.T) {
	for s, selects := range map[string]bool{
		thumbprint: true, thumbprint + "=": true, thumbprint[:8]: true, thumbprint[:42]: true,
		"Xwnrgcz0": false, thumbprint[1:]: false, thumbprint[:42] + "1": false, thumbprint[:7] + "A": false,
	} {
		id, err := address.ParseKeyID(s)
		if err != nil {
			t.Errorf("%q: %v", s, err)
			continue
		}
		if id.Selects(thumbprint) != selects {
			t.Errorf("%q selects: %v", s, !selects)
		}
	}
	if address.KeyID("").Selects(thumbprint) || address.KeyID(thumbprint[:7]).Selects(thumbprint) || address.KeyID(thumbprint).Selects("") || address.KeyID(thumbprint).Selects(thumbprint[:20]) {
		t.Error("what was not parsed selects too much")
	}
}

func TestOtherTextsAreNoKeyIDs(t *testing.T) {
	for _, s := range []string{"", "=", thumbprint[:7], thumbprint[:7] + "=", thumbprint + "A", "xwnrgcZ+", "xwnrgcZ/", "xwnrgcZ ", "xwnr=cZkSe", "xwnrgcZkSe\n", "xwnrgcZkä"} {
		if id, err := address.ParseKeyID(s); !errors.Is(err, address.ErrMalformed) || id != "" {
			t.Errorf("%q: %q, %v", s, id, err)
		}
	}
}

func TestKeyRefsNameAnIdentityAndAKey(t *testing.T) {
	d := domain(t)
	who, err := d.Parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]address.KeyRef{
		"/" + thumbprint:                                       {KeyID: thumbprint},
		"/" + thumbprint + "=":                                 {KeyID: thumbprint},
		sample + "/" + thumbprint[:8]:                          {Address: who, KeyID: address.KeyID(thumbprint[:8])},
		sample + "@nix.example.org/" + thumbprint:              {Address: who, KeyID: thumbprint},
		sample + "=@API.nix.software=/" + thumbprint[:9] + "=": {Address: who, KeyID: address.KeyID(thumbprint[:9])},
	} {
		if ref, err := d.ParseKeyRef(s); err != nil || ref != want {
			t.Errorf("%q: %+v, %v", s, ref, err)
		}
	}
}

func TestOtherTextsAreNoKeyRefs(t *testing.T) {
	d := domain(t)
	for s, want := range map[string]error{
		"": address.ErrMalformed, "/": address.ErrMalformed, thumbprint: address.ErrMalformed, sample: address.ErrMalformed, sample + "/": address.ErrMalformed,
		sample + "/" + thumbprint[:7]: address.ErrMalformed, sample + "//" + thumbprint: address.ErrMalformed, "/" + thumbprint + "/": address.ErrMalformed, sample + "/" + thumbprint + "/x": address.ErrMalformed,
		"a" + sample[1:] + "/" + thumbprint: address.ErrMalformed, "nobody/" + thumbprint: address.ErrMalformed, "@nix.example.org/" + thumbprint: address.ErrMalformed,
		sample + "@other.org/" + thumbprint: address.ErrForeign,
	} {
		if ref, err := d.ParseKeyRef(s); !errors.Is(err, want) || ref != (address.KeyRef{}) {
			t.Errorf("%q: got %v, want %v", s, err, want)
		}
	}
}

func FuzzParseKeyRef(f *testing.F) {
	for _, s := range []string{"/" + thumbprint, sample + "@nix.example.org/" + thumbprint[:8] + "=", sample + "@other.org/" + thumbprint, "a/b/c", strings.Repeat("/", 9)} {
		f.Add(s)
	}
	d := domain(f)
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := d.ParseKeyRef(s)
		if err != nil {
			if !errors.Is(err, address.ErrMalformed) && !errors.Is(err, address.ErrForeign) {
				t.Fatalf("an error that is not promised: %v", err)
			}
			return
		}
		if n := len(ref.KeyID); n < 8 || n > 43 || !(ref.Address.IsZero() || ref.Address.Type() == address.Identity) {
			t.Fatalf("%q read as %+v", s, ref)
		}
		if back, err := d.ParseKeyRef(d.Full(ref.Address) + "/" + string(ref.KeyID)); err != nil || back != ref {
			t.Fatalf("%q came back as %+v, %v", s, back, err)
		}
	})
}
