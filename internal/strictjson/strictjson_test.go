package strictjson_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nixnode/nixnode/internal/strictjson"
)

type sample struct {
	Name string            `json:"name"`
	List []int             `json:"list"`
	Any  map[string]any    `json:"any"`
	Sub  struct{ N int64 } `json:"sub"`
}

func TestUnreadableJSONIsRefused(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for name, in := range map[string]string{
		"empty": "", "blank": "  ", "cut": `{"name":`, "text": "hello", "garbage after": `{} x`, "two values": `{} {}`,
		"duplicate name": `{"name":"a","name":"b"}`, "duplicate name below": `{"any":{"x":1,"x":2}}`,
		"duplicate unknown name": `{"q":1,"q":1}`, "duplicate by escape": `{"q":1,"\u0071":1}`,
		"bad UTF-8": "{\"name\":\"\xff\"}", "lone surrogate": `{"name":"\ud800"}`,
		"too deep": deep(strictjson.MaxDepth + 1), "far too deep": deep(100_000), "open for ever": strings.Repeat(`{"a":`, 100_000),
		"comment": "{} // no", "NaN": `{"name":NaN}`, "byte order mark": "\ufeff{}",
	} {
		t.Run(name, func(t *testing.T) {
			var v any
			if err := strictjson.Unmarshal([]byte(in), &v); !errors.Is(err, strictjson.ErrSyntax) {
				t.Fatalf("got %v, want ErrSyntax", err)
			}
		})
	}
	var v any
	if err := strictjson.Unmarshal([]byte(deep(strictjson.MaxDepth)), &v); err != nil {
		t.Fatalf("nesting at the limit: %v", err)
	}
}

func TestWrongTypesNameTheirField(t *testing.T) {
	for in, field := range map[string]string{
		`[]`: "", `"x"`: "", `{"name":1}`: "name", `{"list":[1,"b"]}`: "list/1", `{"list":{}}`: "list", `{"sub":[]}`: "sub", `{"list":[1.5]}`: "list/0",
	} {
		var v sample
		var te *strictjson.TypeError
		if err := strictjson.Unmarshal([]byte(in), &v); !errors.As(err, &te) || te.Field != field {
			t.Errorf("%s: got %v, want a TypeError of %q", in, err, field)
		}
	}
}

func TestNamesAreComparedWithCaseAndUnknownOnesIgnored(t *testing.T) {
	var v sample
	if err := strictjson.Unmarshal([]byte(" {\"NAME\":\"x\",\"other\":[{}]} \n"), &v); err != nil || v.Name != "" {
		t.Fatalf("got %+v, %v", v, err)
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, s := range []string{`{}`, `{"name":"a","list":[1,2],"any":{"x":[null,true]}}`, `[[[]]]`, `{"a":1,"a":2}`, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var v sample
		var te *strictjson.TypeError
		if err := strictjson.Unmarshal(in, &v); err != nil && !errors.Is(err, strictjson.ErrSyntax) && !errors.As(err, &te) {
			t.Fatalf("an error of no known kind: %v", err)
		}
	})
}
