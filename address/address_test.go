package address_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/address"
)

var types = []address.Type{address.Customer, address.Application, address.APIKey, address.Identity}

const sample = "iq1f0Zk3vTz0b9yJ4hQ0s" // the letter and 20 characters

func domain(t testing.TB) address.Domain {
	t.Helper()
	d, err := address.NewDomain("Nix.Example.org", "api.nix.software", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFreshAddressesSurviveEachOfTheirForms(t *testing.T) {
	d := domain(t)
	seen := map[address.Address]bool{}
	for _, typ := range types {
		for range 100 {
			a := address.New(typ)
			if seen[a] || a.Type() != typ || a.IsZero() || len(a.Local()) != 21 || a.String() != a.Local() {
				t.Fatalf("drew %s", a)
			}
			seen[a] = true
			for _, s := range []string{a.Local(), d.Full(a)} {
				if back, err := d.Parse(s); err != nil || back != a {
					t.Fatalf("%s came back as %s, %v", s, back, err)
				}
			}
			if back, err := address.FromBytes(a[:]); err != nil || back != a {
				t.Fatalf("%s came back from its bytes as %s, %v", a, back, err)
			}
		}
	}
}

func TestDrawingCanBeRepeated(t *testing.T) {
	a, err := address.NewFrom(bytes.NewReader(make([]byte, 15)), address.Identity)
	if err != nil || a.Local() != "i"+strings.Repeat("A", 20) {
		t.Errorf("%s, %v", a, err)
	}
	if _, err := address.NewFrom(bytes.NewReader(make([]byte, 14)), address.Identity); err == nil {
		t.Error("14 bytes are enough")
	}
	if a, err := address.NewFrom(bytes.NewReader(make([]byte, 15)), 'x'); !errors.Is(err, address.ErrMalformed) || !a.IsZero() {
		t.Errorf("a type that does not exist: %v", err)
	}
}

func TestLocalAliasAndFullFormMeanTheSame(t *testing.T) {
	d := domain(t)
	want, err := address.ParseLocal(sample)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		sample, sample + "@nix.example.org", sample + "@NIX.EXAMPLE.ORG", sample + "@api.nix.software", sample + "@localhost",
		sample + "=", sample + "===", sample + "=@nix.example.org", sample + "@nix.example.org==",
	} {
		if a, err := d.Parse(s); err != nil || a != want {
			t.Errorf("%s: %s, %v", s, a, err)
		}
	}
	if got := d.Full(want); got != sample+"@nix.example.org" {
		t.Errorf("sent out as %s", got)
	}
}

func TestForeignAndMalformedAreToldApart(t *testing.T) {
	d := domain(t)
	for s, want := range map[string]error{
		sample + "@other.org":                           address.ErrForeign,
		sample + "@example.org":                         address.ErrForeign,
		sample + "@x.nix.example.org":                   address.ErrForeign,
		sample + "@nix.example.org.evil.io":             address.ErrForeign,
		sample + "@":                                    address.ErrMalformed,
		sample + "@=":                                   address.ErrMalformed,
		sample + "@nix.example.org.":                    address.ErrMalformed,
		sample + "@nix..org":                            address.ErrMalformed,
		sample + "@nix.example.org@x":                   address.ErrMalformed,
		sample + "@nix example.org":                     address.ErrMalformed,
		sample + "@nix.example.org:443":                 address.ErrMalformed,
		sample + "@nix.example.org/":                    address.ErrMalformed,
		sample + "@nïx.org":                             address.ErrMalformed,
		sample + "@" + strings.Repeat("a", 64) + ".org": address.ErrMalformed,
		sample + "@" + strings.Repeat("a.", 127) + "a":  address.ErrMalformed,
		"":                              address.ErrMalformed,
		"@nix.example.org":              address.ErrMalformed,
		"=":                             address.ErrMalformed,
		"i":                             address.ErrMalformed,
		sample[:20]:                     address.ErrMalformed,
		sample + "A":                    address.ErrMalformed,
		sample + "A@other.org":          address.ErrMalformed,
		"x" + sample[1:]:                address.ErrMalformed,
		"I" + sample[1:]:                address.ErrMalformed,
		" " + sample:                    address.ErrMalformed,
		sample + " ":                    address.ErrMalformed,
		sample[:20] + "\n":              address.ErrMalformed,
		sample[:20] + "+":               address.ErrMalformed,
		sample[:20] + "/":               address.ErrMalformed,
		sample[:10] + "=" + sample[11:]: address.ErrMalformed,
		sample[:19] + "\r\n":            address.ErrMalformed,
	} {
		if a, err := d.Parse(s); !errors.Is(err, want) || !a.IsZero() {
			t.Errorf("%q: got %v, want %v", s, err, want)
		}
	}
}

func TestAPlaceForOneTypeTakesNoOther(t *testing.T) {
	d := domain(t)
	for _, have := range types {
		for _, want := range types {
			a := address.New(have)
			got, err := d.ParseType(d.Full(a), want)
			if have == want && (err != nil || got != a) || have != want && (!errors.Is(err, address.ErrMalformed) || !got.IsZero()) {
				t.Errorf("a %s where a %s belongs: %v", have, want, err)
			}
		}
	}
	if _, err := d.ParseType(sample+"@other.org", address.Identity); !errors.Is(err, address.ErrForeign) {
		t.Errorf("of another domain: %v", err)
	}
}

func TestBytesOfNoAddressAreRefused(t *testing.T) {
	a := address.New(address.Identity)
	bad := append([]byte("x"), a[1:]...)
	for _, b := range [][]byte{nil, {}, a[:15], append(a[:], 0), bad, make([]byte, 16)} {
		if got, err := address.FromBytes(b); !errors.Is(err, address.ErrMalformed) || !got.IsZero() {
			t.Errorf("%x: %s, %v", b, got, err)
		}
	}
}

func TestTheBinaryFormKeepsNobodyToo(t *testing.T) {
	for _, a := range []address.Address{{}, address.New(address.Customer)} {
		b, err := a.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		back := address.New(address.Identity)
		if err := back.UnmarshalBinary(b); err != nil || back != a {
			t.Errorf("%q came back as %q, %v", a, back, err)
		}
	}
	var a address.Address
	if err := a.UnmarshalBinary([]byte("short")); !errors.Is(err, address.ErrMalformed) {
		t.Errorf("five bytes: %v", err)
	}
}

func TestNobodyHasNoName(t *testing.T) {
	var a address.Address
	if !a.IsZero() || a.Local() != "" || domain(t).Full(a) != "" || a.Type().Valid() || a.Type().String() != "unknown" {
		t.Errorf("nobody is called %q", domain(t).Full(a))
	}
}

func TestTypesHaveTheirLettersAndNouns(t *testing.T) {
	for letter, noun := range map[byte]string{'c': "customer", 'p': "application", 'a': "API key", 'i': "identity"} {
		if typ := address.Type(letter); !typ.Valid() || typ.String() != noun {
			t.Errorf("%c is %s", letter, typ)
		}
	}
}

func TestDomainsAreNames(t *testing.T) {
	for _, bad := range []string{"", ".", "a..b", ".a", "a.", "a b", "a@b", "a/b", "a_b", "a:1", "ä.org", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a"} {
		if _, err := address.NewDomain(bad); err == nil {
			t.Errorf("%q is a domain", bad)
		}
		if _, err := address.NewDomain("nix.example.org", bad); err == nil {
			t.Errorf("%q is an alias", bad)
		}
	}
	d := domain(t)
	if d.Name() != "nix.example.org" || !d.Serves("API.nix.software") || !d.Serves(d.Name()) || d.Serves("") || d.Serves("example.org") {
		t.Errorf("%q serves the wrong names", d.Name())
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{sample, sample + "@nix.example.org", sample + "==@LOCALHOST=", sample + "@other.org", "@", "x" + sample} {
		f.Add(s)
	}
	d := domain(f)
	f.Fuzz(func(t *testing.T, s string) {
		a, err := d.Parse(s)
		if err != nil {
			if !errors.Is(err, address.ErrMalformed) && !errors.Is(err, address.ErrForeign) {
				t.Fatalf("an error that is not promised: %v", err)
			}
			return
		}
		if !a.Type().Valid() || !strings.HasPrefix(s, a.Local()) {
			t.Fatalf("%q read as %s", s, a)
		}
		if back, err := d.Parse(d.Full(a)); err != nil || back != a {
			t.Fatalf("%s came back as %s, %v", d.Full(a), back, err)
		}
	})
}
