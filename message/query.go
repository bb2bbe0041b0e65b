package message

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/internal/strictjson"
)

// Query is what fetch and listen ask for: the claims of their token beside those
// of every proof (section 6).
type Query struct {
	Min, Max   Timestamp // exclusive bounds; 0 is none
	Descending bool      // newest first
	Limit      int       // messages, at most; 0 is as many as there are
	Cursor     string    // as it came, for ParseCursor; empty for the first page
	Types      []Type    // sorted, each once; none is all
	From       address.Address
	Kid        string
}

// Defaults are what holds where a query says nothing.
type Defaults struct {
	Descending bool
	Limit      int // 0 is none
	MaxLimit   int // a greater limit is cut to this
}

// The defaults of the two calls (section 6).
var (
	FetchDefaults  = Defaults{Descending: true, Limit: DefaultPage, MaxLimit: MaxPage}
	ListenDefaults = Defaults{MaxLimit: MaxMailboxMessages}
)

type wireQuery struct {
	Min    json.RawMessage `json:"min"`
	Max    json.RawMessage `json:"max"`
	Order  *string         `json:"order"`
	Limit  *int64          `json:"limit"`
	Cursor *string         `json:"cursor"`
	Type   json.RawMessage `json:"type"`
	Src    *string         `json:"src"`
	Kid    *string         `json:"kid"`
}

// ParseQuery reads the claims min, max, order, limit, cursor, type, src and kid of
// a token's payload; all are optional, and null is absent. min and max may be
// decimal strings or whole numbers, type a letter or a list of them. Errors:
// ErrQuery, whose text names the claim; for src it wraps address.ErrMalformed or
// address.ErrForeign too.
func ParseQuery(claims []byte, d address.Domain, defaults Defaults) (Query, error) {
	var w wireQuery
	if err := strictjson.Unmarshal(claims, &w); err != nil {
		var wrong *strictjson.TypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return Query{}, fmt.Errorf("%w: %s has the wrong type", ErrQuery, wrong.Field)
		}
		return Query{}, fmt.Errorf("%w: the claims are not a JSON object", ErrQuery)
	}
	q := Query{Cursor: deref(w.Cursor)}
	var err error
	if q.Min, err = parseBound("min", w.Min); err != nil {
		return Query{}, err
	}
	if q.Max, err = parseBound("max", w.Max); err != nil {
		return Query{}, err
	}
	if q.Descending, err = parseOrder(w.Order, defaults); err != nil {
		return Query{}, err
	}
	if q.Limit, err = parseLimit(w.Limit, defaults); err != nil {
		return Query{}, err
	}
	return q, q.parseFilters(w, d)
}

// parseFilters reads the claims that leave messages out.
func (q *Query) parseFilters(w wireQuery, d address.Domain) (err error) {
	if q.Types, err = parseTypes(w.Type); err != nil {
		return err
	}
	if w.Src != nil {
		if q.From, err = d.ParseType(*w.Src, address.Identity); err != nil {
			return fmt.Errorf("%w: src: %w", ErrQuery, err)
		}
	}
	if checkName("kid", w.Kid, MaxPackageIDChars) != nil {
		return fmt.Errorf("%w: kid must have 1 to %d characters", ErrQuery, MaxPackageIDChars)
	}
	q.Kid = deref(w.Kid)
	return nil
}

// absent reports whether a claim is not there, or null.
func absent(v json.RawMessage) bool { return v == nil || v[0] == 'n' }

func parseBound(name string, v json.RawMessage) (Timestamp, error) {
	if absent(v) {
		return 0, nil
	}
	text := string(v)
	if v[0] == '"' {
		if err := strictjson.Unmarshal(v, &text); err != nil {
			return 0, fmt.Errorf("%w: %s is not a timestamp", ErrQuery, name)
		}
	}
	t, err := ParseTimestamp(text) // what is neither string nor whole number is not one
	if err != nil {
		return 0, fmt.Errorf("%w: %s is not a timestamp", ErrQuery, name)
	}
	return t, nil
}

func parseOrder(order *string, defaults Defaults) (descending bool, err error) {
	switch {
	case order == nil:
		return defaults.Descending, nil
	case *order == "DESC":
		return true, nil
	case *order == "ASC":
		return false, nil
	}
	return false, fmt.Errorf("%w: order must be ASC or DESC", ErrQuery)
}

func parseLimit(limit *int64, defaults Defaults) (int, error) {
	if limit == nil {
		return defaults.Limit, nil
	}
	if *limit < 1 {
		return 0, fmt.Errorf("%w: limit must be at least 1", ErrQuery)
	}
	return int(min(*limit, int64(defaults.MaxLimit))), nil
}

func parseTypes(v json.RawMessage) ([]Type, error) {
	if absent(v) {
		return nil, nil
	}
	var letters []string
	var err error
	if v[0] == '"' {
		letters = []string{""}
		err = strictjson.Unmarshal(v, &letters[0])
	} else {
		err = strictjson.Unmarshal(v, &letters)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: type is not a letter or a list of letters", ErrQuery)
	}
	var types []Type
	for _, letter := range letters {
		t, err := ParseType(letter)
		if err != nil {
			return nil, fmt.Errorf("%w: type is not one of s e r p c d", ErrQuery)
		}
		types = append(types, t)
	}
	slices.Sort(types)
	return slices.Compact(types), nil
}

// Filter is a hash of what q leaves out (types, sender, package), for
// Cursor.Filter: a cursor is only good for a query with the same filters. No
// filters give 0. It is stable between releases, as cursors outlive a rolling
// upgrade; see docs/format/cursor.md.
func (q Query) Filter() uint32 {
	if len(q.Types) == 0 && q.From.IsZero() && q.Kid == "" {
		return 0
	}
	b := []byte("nixnode filter v1\x00")
	b = append(b, byte(len(q.Types)))
	for _, t := range q.Types {
		b = append(b, byte(t))
	}
	b = append(b, q.From[:]...)
	b = append(b, q.Kid...)
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint32(sum[:])
}
