// Package strictjson reads JSON as section 2 of the protocol page demands:
// one value and nothing after it, no name twice in an object, valid UTF-8, at
// most MaxDepth levels. Names are compared with case, unknown ones are ignored.
//
// It only wraps go-json-experiment/json (the standard library's json/v2), so
// that all doors into the program are equally strict.
package strictjson

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how deeply arrays and objects may be nested (section 2).
const MaxDepth = 32

// ErrSyntax: not exactly one well-formed JSON value (code 40000).
var ErrSyntax = errors.New("unreadable JSON")

// TypeError: well-formed, but a value has another type than its place demands (code 40002).
type TypeError struct {
	// Field is the JSON pointer (RFC 6901) of the value without its first
	// slash; empty for the whole.
	Field string
}

// Error names the place and nothing of the value, which may be private.
func (e *TypeError) Error() string {
	if e.Field == "" {
		return "the JSON value has the wrong type"
	}
	return fmt.Sprintf("%q has the wrong type", e.Field)
}

// Unmarshal reads data into v. Errors: ErrSyntax, *TypeError.
func Unmarshal(data []byte, v any) error {
	if err := checkSyntax(data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		var semantic *json.SemanticError
		if errors.As(err, &semantic) {
			return &TypeError{Field: pointerText(semantic.JSONPointer)}
		}
		return fmt.Errorf("%w: %s", ErrSyntax, "not readable as what is expected")
	}
	return nil
}

// checkSyntax walks over all tokens once. Doing it before the decoding keeps a
// type error from hiding a syntax error behind it, and bounds the recursion.
func checkSyntax(data []byte) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	for {
		tok, err := dec.ReadToken()
		if err != nil {
			return fmt.Errorf("%w at byte %d", ErrSyntax, dec.InputOffset())
		}
		if k := tok.Kind(); (k == '{' || k == '[') && dec.StackDepth() > MaxDepth {
			return fmt.Errorf("%w: nested deeper than %d", ErrSyntax, MaxDepth)
		}
		if dec.StackDepth() == 0 {
			break
		}
	}
	if rest := data[dec.InputOffset():]; !blank(rest) {
		return fmt.Errorf("%w: more after the value", ErrSyntax)
	}
	return nil
}

func blank(b []byte) bool {
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

func pointerText(p jsontext.Pointer) string {
	if len(p) > 0 && p[0] == '/' {
		p = p[1:]
	}
	const most = 128 // a name may come from outside, and lands in an error text
	if len(p) > most {
		p = p[:most]
	}
	return string(p)
}
