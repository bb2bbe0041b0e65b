package command

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestEveryCommandComesOutOfTheLogAsItWentIn(t *testing.T) {
	seen := map[Type]bool{}
	for name, c := range samples {
		data, err := Encode(c)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := Decode(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(got) != 1 || !sameCommand(got[0], c) {
			t.Errorf("%s: got %+v, want %+v", name, got[0], c)
		}
		seen[c.CommandType()] = true
	}
	for typ, construct := range constructors {
		if !seen[typ] {
			t.Errorf("no sample of type %d", typ)
		}
		if got := construct().CommandType(); got != typ {
			t.Errorf("the constructor of type %d makes type %d", typ, got)
		}
	}
}

// sameCommand compares by value; nil and empty slices are one value (codec.go).
func sameCommand(a, b Command) bool {
	x, errX := encMode.Marshal(a)
	y, errY := encMode.Marshal(b)
	return errX == nil && errY == nil && reflect.TypeOf(a) == reflect.TypeOf(b) && bytes.Equal(x, y)
}

func TestCommandsOfOneProposalKeepTheirOrder(t *testing.T) {
	in := []Command{samples["accept"], samples["touch"], samples["accept-least"]}
	data, err := Encode(in...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(in, out, sameCommand) {
		t.Fatalf("got %v", out)
	}
}

func TestResultsComeBackAsTheyWere(t *testing.T) {
	data, err := EncodeResults(sampleResults)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeResults(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, sampleResults) {
		t.Fatalf("got %+v", got)
	}
}

func TestEveryRecordReadsBackAsItself(t *testing.T) {
	for name, sample := range recordSamples {
		_, back, orig, err := sample()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(back, orig) {
			t.Errorf("%s: got %+v, want %+v", name, back, orig)
		}
	}
}

func TestAddressesAreByteStringsAndNobodyTakesNoRoom(t *testing.T) {
	with, err := encMode.Marshal(&Meta{At: 1, Key: who('a', 1)})
	if err != nil {
		t.Fatal(err)
	}
	key := who('a', 1)
	if !bytes.Contains(with, append([]byte{0x03, 0x50}, key[:]...)) { // field 3, byte string of 16
		t.Errorf("not a byte string: %x", with)
	}
	without, err := encMode.Marshal(&Meta{At: 1})
	if err != nil {
		t.Fatal(err)
	}
	if want := []byte{0xa1, 0x01, 0x01}; !bytes.Equal(without, want) {
		t.Errorf("got %x, want %x", without, want)
	}
}

func TestDecodeRefusesWhatEncodeWouldNotWrite(t *testing.T) {
	raw := func(v any) []byte {
		b, err := encMode.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return append([]byte{version}, b...)
	}
	touch, err := Encode(samples["touch"])
	if err != nil {
		t.Fatal(err)
	}
	meta := map[int]any{1: 1}
	me := who('i', 1)
	nested := any(0)
	for range 20 {
		nested = []any{nested}
	}
	for name, data := range map[string][]byte{
		"nothing":            {},
		"only a version":     {version},
		"another version":    append([]byte{version + 1}, touch[1:]...),
		"bytes after it":     append(slices.Clone(touch), 0),
		"cut":                touch[:len(touch)-1],
		"no commands":        raw([]any{}),
		"too many commands":  raw(slices.Repeat([]any{[]any{27, map[int]any{1: meta, 2: me[:]}}}, MaxCommands+1)),
		"unknown type":       raw([]any{[]any{999, map[int]any{}}}),
		"type zero":          raw([]any{[]any{0, map[int]any{}}}),
		"unknown field":      raw([]any{[]any{27, map[int]any{1: meta, 2: me[:], 77: 1}}}),
		"a field missing":    raw([]any{[]any{27, map[int]any{1: meta}}}),
		"null for a command": raw([]any{[]any{27, nil}}),
		"a short address":    raw([]any{[]any{27, map[int]any{1: meta, 2: me[:15]}}}),
		"an address as text": raw([]any{[]any{27, map[int]any{1: meta, 2: me.Local()}}}),
		"a field too deep":   raw([]any{[]any{27, map[int]any{1: nested, 2: me[:]}}}),
		"a field twice":      append(raw(nil)[:1], 0x81, 0x82, 0x18, 27, 0xa2, 0x01, 0xa1, 0x01, 0x01, 0x01, 0xa1, 0x01, 0x01),
		"a long integer":     bytes.Replace(touch, []byte{0x82, 0x18, 27}, []byte{0x82, 0x19, 0, 27}, 1),
		"a short digest":     raw([]any{[]any{26, map[int]any{1: meta, 2: me[:], 3: map[int]any{1: []byte{1}, 2: 0, 3: ""}}}}),
		"invalid UTF-8":      bytes.Replace(touch, []byte("1546300800"), []byte("15463\xff0800"), 1),
	} {
		if got, err := Decode(data); !errors.Is(err, ErrUndecodable) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	if _, err := Decode(raw([]any{[]any{27, map[int]any{1: meta, 2: me[:]}}})); err != nil {
		t.Errorf("the well-formed one of the same build is refused: %v", err)
	}
}

func TestEncodeRefusesWhatWouldStopEveryNode(t *testing.T) {
	for name, cmds := range map[string][]Command{
		"none":               {},
		"too many":           slices.Repeat([]Command{samples["touch"]}, MaxCommands+1),
		"too big":            {&StoreData{Name: "x", Token: strings.Repeat("x", MaxProposalBytes)}},
		"bad UTF-8":          {&CreateCustomer{Name: "\xff"}},
		"no such address":    {&Touch{Identity: [16]byte{'?'}}},
		"endless timestamps": {&Ack{TS: make([]uint64, maxElements+1)}},
	} {
		if _, err := Encode(cmds...); !errors.Is(err, ErrUnencodable) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// FuzzDecode: no bytes make Decode panic, and what it accepts is exactly what
// Encode writes for it.
func FuzzDecode(f *testing.F) {
	for _, c := range samples {
		data, err := Encode(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cmds, err := Decode(data)
		if err != nil {
			if !errors.Is(err, ErrUndecodable) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		again, err := Encode(cmds...)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, data) {
			t.Fatalf("decoded %x, encoded %x", data, again)
		}
	})
}

// FuzzDecodeResults is FuzzDecode for what travels back.
func FuzzDecodeResults(f *testing.F) {
	data, err := EncodeResults(sampleResults)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		results, err := DecodeResults(data)
		if err != nil {
			return
		}
		again, err := EncodeResults(results)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, data) {
			t.Fatalf("decoded %x, encoded %x", data, again)
		}
	})
}

func BenchmarkDecodeAccept(b *testing.B) {
	c := *samples["accept"].(*Accept)
	c.Token = make([]byte, 1024)
	data, err := Encode(&c)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
