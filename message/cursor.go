package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/nixnode/nixnode/address"
)

// Cursor says where a page ended, so that the next one goes on behind it. It is
// opaque to clients; docs/format/cursor.md has its bytes.
type Cursor struct {
	Mailbox    address.Address
	After      Timestamp // the last one given out
	Descending bool      // newest first
	Filter     uint32    // Query.Filter of the page, which the next one must share
}

const (
	cursorVersion    = 1
	cursorDescending = 1 << 0

	cursorFields = 1 + 1 + address.Size + 8 + 4
	cursorSum    = 8
	cursorSize   = cursorFields + cursorSum
)

// cursorDomain separates the checksum from all other uses of SHA-256.
const cursorDomain = "nixnode cursor v1\x00"

var cursorText = base64.RawURLEncoding.Strict()

// String gives the opaque form, base64url. It is a checksum that guards it, not
// a signature: whoever makes up a cursor only chooses where in its own mailbox to
// read, which it may anyhow.
func (c Cursor) String() string {
	b := make([]byte, 0, cursorSize)
	var flags byte
	if c.Descending {
		flags |= cursorDescending
	}
	b = append(b, cursorVersion, flags)
	b = append(b, c.Mailbox[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(c.After))
	b = binary.BigEndian.AppendUint32(b, c.Filter)
	b = append(b, cursorChecksum(b)...)
	return cursorText.EncodeToString(b)
}

func cursorChecksum(fields []byte) []byte {
	sum := sha256.Sum256(append([]byte(cursorDomain), fields...))
	return sum[:cursorSum]
}

// ParseCursor reads what String gave, for a page of that mailbox.
// Errors: ErrCursor when it is altered, cut, of another version or mailbox.
func ParseCursor(s string, mailbox address.Address) (Cursor, error) {
	if len(s) != cursorText.EncodedLen(cursorSize) || strings.ContainsAny(s, "\r\n") {
		return Cursor{}, fmt.Errorf("%w: not as it was given out", ErrCursor)
	}
	b, err := cursorText.DecodeString(s)
	if err != nil || b[0] != cursorVersion || !bytes.Equal(cursorChecksum(b[:cursorFields]), b[cursorFields:]) {
		return Cursor{}, fmt.Errorf("%w: not as it was given out", ErrCursor)
	}
	c := Cursor{
		Descending: b[1]&cursorDescending != 0,
		After:      Timestamp(binary.BigEndian.Uint64(b[2+address.Size:])),
		Filter:     binary.BigEndian.Uint32(b[2+address.Size+8:]),
	}
	if b[1]&^cursorDescending != 0 || c.After > MaxTimestamp {
		return Cursor{}, fmt.Errorf("%w: not as it was given out", ErrCursor)
	}
	if c.Mailbox = address.Address(b[2 : 2+address.Size]); c.Mailbox != mailbox {
		return Cursor{}, fmt.Errorf("%w: of another mailbox", ErrCursor)
	}
	return c, nil
}
