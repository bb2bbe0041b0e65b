package relay

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
)

// ListQuery asks for a page of a list (section 9).
type ListQuery struct {
	Cursor string // the Last of the page before; empty for the first one
	Limit  int    // 0 is the default; more than the most is cut
}

// List is one page of a list.
type List[T any] struct {
	Items []T
	// Last is the cursor of where the next page goes on; empty for an empty page.
	Last string
	More bool
}

const (
	defaultList = 100
	maxList     = 1000
)

// listKind tells the cursors of one list from those of another.
type listKind byte

// The lists. The values are in cursors that clients hold.
const (
	listCustomers    listKind = 'c'
	listApplications listKind = 'p'
	listKeys         listKind = 'a'
)

const (
	listCursorVersion = 1
	listCursorFields  = 2 + 2*address.Size
	listCursorSum     = 8
)

// listCursorDomain separates the checksum from all other uses of SHA-256.
const listCursorDomain = "nixnode list cursor v1\x00"

// listCursor gives the opaque form of a place in a list: version, list, parent,
// last address, and a checksum. It guards against mistakes, not against forgery:
// whoever makes one up only chooses where to read in a list that it may read.
func listCursor(kind listKind, parent, last address.Address) string {
	b := append([]byte{listCursorVersion, byte(kind)}, parent[:]...)
	b = append(b, last[:]...)
	return base64.RawURLEncoding.EncodeToString(append(b, listChecksum(b)...))
}

func listChecksum(fields []byte) []byte {
	sum := sha256.Sum256(append([]byte(listCursorDomain), fields...))
	return sum[:listCursorSum]
}

// parseListCursor gives the address behind which to go on. Errors: 40005.
func parseListCursor(text string, kind listKind, parent address.Address) (address.Address, error) {
	if text == "" {
		return address.Address{}, nil
	}
	bad := &api.Error{Code: api.CodeBadCursor}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != listCursorFields+listCursorSum || len(text) != base64.RawURLEncoding.EncodedLen(len(b)) {
		return address.Address{}, bad // (the decoder skips line breaks; the length tells)
	}
	fields, sum := b[:listCursorFields], b[listCursorFields:]
	if subtle.ConstantTimeCompare(listChecksum(fields), sum) != 1 {
		return address.Address{}, bad
	}
	if fields[0] != listCursorVersion || fields[1] != byte(kind) || address.Address(fields[2:2+address.Size]) != parent {
		return address.Address{}, bad
	}
	return address.Address(fields[2+address.Size:]), nil
}

// parseList reads a query. Errors: 40004, 40005.
func parseList(q ListQuery, kind listKind, parent address.Address) (after address.Address, limit int, err error) {
	switch {
	case q.Limit < 0:
		return after, 0, api.Errorf(api.CodeBadValue, "limit")
	case q.Limit == 0:
		limit = defaultList
	default:
		limit = min(q.Limit, maxList)
	}
	after, err = parseListCursor(q.Cursor, kind, parent)
	return after, limit, err
}

// showList turns a page of records into what the wire has.
func showList[R, T any](kind listKind, parent address.Address, page []command.Listed[R], more bool, show func(address.Address, R) T) List[T] {
	list := List[T]{Items: make([]T, len(page)), More: more}
	for i, row := range page {
		list.Items[i] = show(row.Address, row.Record)
	}
	if len(page) > 0 {
		list.Last = listCursor(kind, parent, page[len(page)-1].Address)
	}
	return list
}
