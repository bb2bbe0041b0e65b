package message_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/message"
)

func mailbox(t testing.TB, s string) address.Address {
	t.Helper()
	a, err := address.ParseLocal(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCursorsComeBackAsTheyWere(t *testing.T) {
	for range 100 {
		c := message.Cursor{Mailbox: address.New(address.Identity), After: 1569116334295433531, Descending: true, Filter: 0xfedcba98}
		for _, c := range []message.Cursor{c, {Mailbox: c.Mailbox}, {Mailbox: c.Mailbox, After: message.MaxTimestamp}} {
			if back, err := message.ParseCursor(c.String(), c.Mailbox); err != nil || back != c {
				t.Fatalf("%+v came back as %+v, %v", c, back, err)
			}
		}
	}
}

// The bytes of docs/format/cursor.md. Cursors outlive a rolling upgrade: what is
// written here must be read by all later releases.
func TestCursorsHaveTheirBytes(t *testing.T) {
	c := message.Cursor{Mailbox: mailbox(t, identity), After: 0x0102030405060708, Descending: true, Filter: 0x0a0b0c0d}
	const want = "AQFpAAAAAAAAAAAAAAAAAAAAAQIDBAUGBwgKCwwNKLkgV6RSXhg"
	if c.String() != want {
		t.Errorf("written as %s", c)
	}
	if back, err := message.ParseCursor(want, c.Mailbox); err != nil || back != c {
		t.Errorf("read as %+v, %v", back, err)
	}
}

func TestAlteredCursorsAreRefused(t *testing.T) {
	c := message.Cursor{Mailbox: address.New(address.Identity), After: 1569116334295433531, Filter: 7}
	s := c.String()
	for i := range len(s) {
		for bit := range 8 {
			b := []byte(s)
			b[i] ^= 1 << bit
			if _, err := message.ParseCursor(string(b), c.Mailbox); !errors.Is(err, message.ErrCursor) {
				t.Fatalf("bit %d of character %d flipped: %v", bit, i, err)
			}
		}
		if _, err := message.ParseCursor(s[:i], c.Mailbox); !errors.Is(err, message.ErrCursor) {
			t.Fatalf("cut to %d characters: %v", i, err)
		}
	}
	for name, in := range map[string]string{
		"longer": s + "A", "padded": s + "=", "doubled": s + s, "line break": s[:20] + "\n" + s[21:], "spaces": strings.Repeat(" ", len(s)),
		"zeros": base64.RawURLEncoding.EncodeToString(make([]byte, 38)),
	} {
		if _, err := message.ParseCursor(in, c.Mailbox); !errors.Is(err, message.ErrCursor) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Checksums are no secret, so one that fits proves nothing.
func TestCursorsThatWereMadeUpAreReadWithCare(t *testing.T) {
	box := mailbox(t, identity)
	for name, change := range map[string]func(b []byte){
		"nothing":           func([]byte) {},
		"another version":   func(b []byte) { b[0] = 2 },
		"an unknown flag":   func(b []byte) { b[1] |= 2 },
		"after beyond 2262": func(b []byte) { b[18] = 0x80 },
		"no mailbox":        func(b []byte) { clear(b[2:18]) },
	} {
		b, err := base64.RawURLEncoding.DecodeString(message.Cursor{Mailbox: box, After: 1}.String())
		if err != nil {
			t.Fatal(err)
		}
		change(b)
		sum := sha256.Sum256(append([]byte("nixnode cursor v1\x00"), b[:30]...))
		made := base64.RawURLEncoding.EncodeToString(append(b[:30:30], sum[:8]...))
		if _, err := message.ParseCursor(made, box); errors.Is(err, message.ErrCursor) == (name == "nothing") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCursorsOfAnotherMailboxAreRefused(t *testing.T) {
	c := message.Cursor{Mailbox: address.New(address.Identity), After: 1}
	if _, err := message.ParseCursor(c.String(), address.New(address.Identity)); !errors.Is(err, message.ErrCursor) {
		t.Errorf("got %v, want ErrCursor", err)
	}
}

func FuzzParseCursor(f *testing.F) {
	box := mailbox(f, identity)
	f.Add(message.Cursor{Mailbox: box, After: 5, Descending: true, Filter: 9}.String())
	f.Add(message.Cursor{}.String())
	f.Add(strings.Repeat("A", 51))
	f.Fuzz(func(t *testing.T, s string) {
		c, err := message.ParseCursor(s, box)
		if err != nil {
			if !errors.Is(err, message.ErrCursor) {
				t.Fatalf("an error that is not promised: %v", err)
			}
			return
		}
		if c.String() != s || c.Mailbox != box {
			t.Fatalf("%s read as %+v", s, c)
		}
	})
}
