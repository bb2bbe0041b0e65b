package relay

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/internal/strictjson"
	"github.com/nixnode/nixnode/message"
)

// Packages lists what the identity that signed the jwt has cached (section 7), by
// package id and then by reader; expired packages are not there. A page also ends
// at 4 MiB of packages. Going on from Last never skips or repeats a package that
// is cached all the time. Errors: 40004, 40005.
func (s *Service) Packages(ctx context.Context, c Caller, req api.ProofRequest) (list List[api.Package], err error) {
	t, err := s.parseProof(req.JWT, api.PathPackages)
	if err != nil {
		return list, err
	}
	q, cursor, err := s.parsePackages(t.Key.Address, t.Payload)
	if err != nil {
		return list, err
	}
	err = s.read(ctx, c, ScopeMessage, func(v View, c Caller) error {
		rec, err := verifyCurrent(v, c, t, api.FieldJWT)
		if err != nil {
			return err
		}
		s.toucher.heard(t.Key.Address, rec)
		page, err := v.Packages(q)
		if err != nil {
			return err
		}
		list = s.showPackages(q, cursor, page)
		return nil
	})
	return list, err
}

// parsePackages reads the claims kid, dst, limit and cursor; all are optional, and
// null is absent.
func (s *Service) parsePackages(vault address.Address, claims []byte) (q command.PackageQuery, cursor string, err error) {
	var w struct {
		Kid    *string `json:"kid"`
		Dst    *string `json:"dst"`
		Limit  *int64  `json:"limit"`
		Cursor *string `json:"cursor"`
	}
	if err := strictjson.Unmarshal(claims, &w); err != nil {
		var wrong *strictjson.TypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return q, "", api.Errorf(api.CodeBadValue, "jwt: %s has the wrong type", wrong.Field)
		}
		return q, "", api.Errorf(api.CodeBadValue, "jwt")
	}
	q = command.PackageQuery{Vault: vault, Limit: defaultList, MaxBytes: message.MaxPageBytes}
	if w.Kid != nil {
		if n := utf8.RuneCountInString(*w.Kid); n < 1 || n > message.MaxPackageIDChars {
			return q, "", api.Errorf(api.CodeBadValue, "jwt: kid must have 1 to %d characters", message.MaxPackageIDChars)
		}
		q.Package = *w.Kid
	}
	if w.Dst != nil {
		if q.Reader, err = s.domain.ParseType(*w.Dst, address.Identity); err != nil {
			return q, "", inputError("jwt: dst", err)
		}
	}
	if w.Limit != nil {
		if *w.Limit < 1 {
			return q, "", api.Errorf(api.CodeBadValue, "jwt: limit must be at least 1")
		}
		q.Limit = int(min(*w.Limit, maxList))
	}
	if w.Cursor == nil || *w.Cursor == "" {
		return q, "", nil
	}
	return q, *w.Cursor, parsePackageCursor(&q, *w.Cursor)
}

func (s *Service) showPackages(q command.PackageQuery, cursor string, page command.PackagePage) List[api.Package] {
	list := List[api.Package]{Items: make([]api.Package, len(page.Packages)), Last: cursor, More: page.More}
	for i, p := range page.Packages {
		list.Items[i] = api.Package{
			Kid: p.Package, Dst: s.domain.Full(p.Reader), TS: message.Timestamp(p.TS).String(), Exp: decimal(p.Expires),
			Size: len(p.Token), Served: p.Served,
		}
		if p.LastServed != 0 {
			list.Items[i].LastServed = message.Timestamp(p.LastServed).String()
		}
	}
	if page.LastPackage != "" {
		list.Last = packageCursor(q, page.LastPackage, page.LastReader)
	}
	return list
}

const (
	packageCursorVersion = 1
	packageCursorFields  = 1 + 2*address.Size + 4 // and the package id
	packageCursorSum     = 8
	// maxPackageCursor bounds what is decoded: no id has longer characters than 4 bytes.
	maxPackageCursor = packageCursorFields + 4*message.MaxPackageIDChars + packageCursorSum
)

// packageCursorDomain separates the checksum from all other uses of SHA-256.
const packageCursorDomain = "nixnode package cursor v1\x00"

// packageCursor gives the opaque form of a place in a list of packages: version,
// vault, reader, hash of the filters, package id, and a checksum, which guards it as
// that of listCursor does.
func packageCursor(q command.PackageQuery, kid string, reader address.Address) string {
	b := append([]byte{packageCursorVersion}, q.Vault[:]...)
	b = append(b, reader[:]...)
	b = binary.BigEndian.AppendUint32(b, packageFilter(q))
	b = append(b, kid...)
	return base64.RawURLEncoding.EncodeToString(append(b, packageChecksum(b)...))
}

func packageChecksum(fields []byte) []byte {
	sum := sha256.Sum256(append([]byte(packageCursorDomain), fields...))
	return sum[:packageCursorSum]
}

// packageFilter is a hash of the filters of q; a cursor is only good for the same.
func packageFilter(q command.PackageQuery) uint32 {
	b := append([]byte("nixnode package filter v1\x00"), q.Reader[:]...)
	sum := sha256.Sum256(append(b, q.Package...))
	return binary.BigEndian.Uint32(sum[:])
}

// parsePackageCursor sets the place behind which q goes on. Errors: 40005.
func parsePackageCursor(q *command.PackageQuery, text string) error {
	bad := &api.Error{Code: api.CodeBadCursor}
	if len(text) > base64.RawURLEncoding.EncodedLen(maxPackageCursor) {
		return bad
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) <= packageCursorFields+packageCursorSum || len(text) != base64.RawURLEncoding.EncodedLen(len(b)) {
		return bad // (the decoder skips line breaks; the length tells)
	}
	fields, sum := b[:len(b)-packageCursorSum], b[len(b)-packageCursorSum:]
	if subtle.ConstantTimeCompare(packageChecksum(fields), sum) != 1 || fields[0] != packageCursorVersion {
		return bad
	}
	vault, rest := address.Address(fields[1:1+address.Size]), fields[1+address.Size:]
	reader, rest := address.Address(rest[:address.Size]), rest[address.Size:]
	if vault != q.Vault || binary.BigEndian.Uint32(rest) != packageFilter(*q) {
		return bad
	}
	q.AfterPackage, q.AfterReader = string(rest[4:]), reader
	return nil
}
