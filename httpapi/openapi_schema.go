package httpapi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/nixnode/nixnode/api"
)

// schemas makes JSON schemas of the types of package api by reflection, so that
// they cannot say something else than what is encoded. Structs become components.
type schemas struct{ all object }

// componentPrefix is where references to components lead.
const componentPrefix = "#/components/schemas/"

// of gives the schema of v's type.
func (s *schemas) of(v any) object { return s.typed(reflect.TypeOf(v)) }

var (
	rawType  = reflect.TypeFor[json.RawMessage]()
	codeType = reflect.TypeFor[api.Code]()
)

func (s *schemas) typed(t reflect.Type) object {
	switch t {
	case rawType:
		return object{} // any JSON
	case codeType:
		return object{"$ref": componentPrefix + "Code"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.typed(t.Elem())
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Slice:
		return object{"type": "array", "items": s.typed(t.Elem())}
	case reflect.Interface:
		return object{}
	case reflect.Struct:
		return s.component(t)
	}
	panic(fmt.Sprintf("httpapi: no schema for %s", t)) // of the table, not of input: a test walks it
}

func (s *schemas) component(t reflect.Type) object {
	ref := object{"$ref": componentPrefix + t.Name()}
	if _, done := s.all[t.Name()]; done {
		return ref
	}
	shape := object{"type": "object"}
	s.all[t.Name()] = shape // before its fields, which may lead back to it
	properties, required := object{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		field := s.typed(f.Type)
		if text := fieldTexts[name]; text != "" {
			field["description"] = text
		}
		properties[name] = field
		if option == "" {
			required = append(required, name)
		}
	}
	shape["properties"] = properties
	if len(required) > 0 {
		shape["required"] = required
	}
	return ref
}
