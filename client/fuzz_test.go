package client

import (
	"errors"
	"reflect"
	"testing"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/message"
)

// A line is a message, a reason, or broken; nothing else, and never a panic.
func FuzzStreamLine(f *testing.F) {
	for _, s := range []string{
		`{"ts":"1","msg":"a.b.c"}`, `{"status":503,"code":60000,"err":"going down"}`, `{}`, `{"ts":"1"}`,
		`{"ts":1,"msg":"x"}`, `{"ts":"1","msg":"x"}{"ts":"2"`, "\x00", `{"ts":"1","ts":"2","msg":"x"}`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		got, err := parseLine(line)
		var end *api.Error
		switch {
		case err == nil:
			if len(line) < len(got.TS)+len(got.Msg) {
				t.Errorf("%d bytes gave %q", len(line), got)
			}
		case errors.As(err, &end):
			if end.Code == 0 {
				t.Error("an end without a code")
			}
		case !errors.Is(err, errBroken):
			t.Errorf("error %v", err)
		}
	})
}

// What parses encodes to what parses to the same.
func FuzzPackage(f *testing.F) {
	p := Package{ID: "k", Keys: []ContentKey{NewContentKey("a")}, Meta: []byte(`{"x":1}`)}
	good, err := p.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, s := range []string{`{}`, `{"v":2,"kid":"k"}`, `{"v":1,"kid":""}`, `{"v":1,"kid":"k","meta":[]}`, `{"v":1,"kid":"k","meta":null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePackage(data)
		if err != nil {
			if !errors.Is(err, ErrPackage) {
				t.Errorf("error %v", err)
			}
			return
		}
		again, err := p.encode()
		if err != nil {
			t.Fatalf("it parsed, but does not encode: %v", err)
		}
		q, err := parsePackage(again)
		if err != nil || q.ID != p.ID || !reflect.DeepEqual(q.Keys, p.Keys) {
			t.Errorf("encoded and parsed again: %v", err)
		}
	})
}

// An identity that imports exports to what imports to the same keys.
func FuzzImportIdentity(f *testing.F) {
	id, err := NewIdentity()
	if err != nil {
		f.Fatal(err)
	}
	good, err := id.Export()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"v":1}`))
	f.Add([]byte(`{"v":1,"address":"i@"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		id, err := ImportIdentity(data)
		if err != nil {
			if !errors.Is(err, ErrIdentity) {
				t.Errorf("error %v", err)
			}
			return
		}
		again, err := id.Export()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ImportIdentity(again); err != nil {
			t.Errorf("exported and imported again: %v", err)
		}
	})
}

func TestPackagesThatCannotBeReadAreNotSent(t *testing.T) {
	key := NewContentKey("a")
	for name, p := range map[string]Package{
		"no id":          {},
		"long id":        {ID: string(make([]byte, message.MaxPackageIDChars+1))},
		"same name":      {ID: "k", Keys: []ContentKey{key, key}},
		"no name":        {ID: "k", Keys: []ContentKey{NewContentKey("")}},
		"meta a list":    {ID: "k", Meta: []byte(`[]`)},
		"meta not JSON":  {ID: "k", Meta: []byte(`{`)},
		"meta ambiguous": {ID: "k", Meta: []byte(`{"a":1,"a":2}`)},
	} {
		if _, err := p.encode(); !errors.Is(err, ErrPackage) {
			t.Errorf("%s: error %v, want ErrPackage", name, err)
		}
	}
}

// Batches stay within what one call, and one answer, may hold.
func TestBatchesStayWithinTheLimits(t *testing.T) {
	big := Prepared{Token: string(make([]byte, api.MaxMessage))}
	small := Prepared{Token: "x"}
	ask := Prepared{Token: "x", Type: TypeRequest}
	for name, tc := range map[string]struct {
		one  Prepared
		want int
	}{
		"large messages": {big, 31},
		"small messages": {small, api.MaxMessages},
		"requests":       {ask, api.MaxBody / api.MaxMessage},
	} {
		msgs := make([]Prepared, 1000)
		for i := range msgs {
			msgs[i] = tc.one
		}
		if got := batch(msgs); got != tc.want {
			t.Errorf("%s: %d in a call, want %d", name, got, tc.want)
		}
	}
	if got := batch([]Prepared{{Token: string(make([]byte, api.MaxBody))}}); got != 1 {
		t.Errorf("one that is too large: %d, want 1, for the server to refuse", got)
	}
}
