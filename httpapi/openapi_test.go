package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
)

// description is the OpenAPI document as a node serves it.
type description struct {
	t    *testing.T
	tree map[string]any
}

func readDescription(t *testing.T, text []byte) description {
	t.Helper()
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return description{t, tree.(map[string]any)}
}

func servedDescription(t *testing.T) description {
	t.Helper()
	d := open(t, &fakeService{}, false)
	resp := d.ask("GET", api.PathOpenAPI, "", "")
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return readDescription(t, text)
}

// at follows names, and references, down the tree; nil when there is nothing.
func (d description) at(names ...string) any {
	var v any = d.tree
	for _, name := range names {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = d.resolve(m[name])
	}
	return v
}

func (d description) resolve(v any) any {
	m, _ := v.(map[string]any)
	ref, ok := m["$ref"].(string)
	if !ok {
		return v
	}
	return d.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
}

func (d description) operation(r httpapi.Route) map[string]any {
	o, _ := d.at("paths", pathParam.ReplaceAllString(r.Path, "{$1}"), strings.ToLower(r.Method)).(map[string]any)
	return o
}

var pathParam = regexp.MustCompile(`:([a-z]+)`)

// walk calls f for each object of the tree, with where it is.
func walk(v any, where string, f func(where string, m map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		f(where, v)
		for name, child := range v {
			walk(child, where+"/"+name, f)
		}
	case []any:
		for i, child := range v {
			walk(child, fmt.Sprintf("%s/%d", where, i), f)
		}
	}
}

func TestTheDescriptionHasEveryRouteAndNothingElse(t *testing.T) {
	d := servedDescription(t)
	described := 0
	for _, item := range d.at("paths").(map[string]any) {
		described += len(item.(map[string]any))
	}
	if n := len(httpapi.Routes()); described != n {
		t.Errorf("%d operations for %d routes", described, n)
	}
	for _, r := range httpapi.Routes() {
		o := d.operation(r)
		if o == nil {
			t.Errorf("%s is not described", r.Name)
			continue
		}
		if o["operationId"] != r.Name || o["summary"] == "" || o["summary"] == r.Name {
			t.Errorf("%s: id %v, summary %q: it needs a row in operations", r.Name, o["operationId"], o["summary"])
		}
		if (len(o["security"].([]any)) > 0) != (r.Scope != 0) {
			t.Errorf("%s: security %v", r.Name, o["security"])
		}
		if (o["requestBody"] != nil) != (r.MaxBody > 0) {
			t.Errorf("%s: request body %v", r.Name, o["requestBody"])
		}
		if got, want := fmt.Sprint(parameterNames(o, "path")), fmt.Sprint(pathNames(r.Path)); got != want {
			t.Errorf("%s: path parameters %s, want %s", r.Name, got, want)
		}
	}
}

func parameterNames(o map[string]any, in string) (names []string) {
	list, _ := o["parameters"].([]any)
	for _, p := range list {
		if p := p.(map[string]any); p["in"] == in {
			names = append(names, p["name"].(string))
		}
	}
	return names
}

func pathNames(path string) (names []string) {
	for _, m := range pathParam.FindAllStringSubmatch(path, -1) {
		names = append(names, m[1])
	}
	return names
}

func TestTheDescriptionHasEveryCodeWhereItBelongs(t *testing.T) {
	d := servedDescription(t)
	listed := fmt.Sprint(d.at("components", "schemas", "Code", "enum"))
	for _, c := range api.Codes() {
		if !strings.Contains(listed, fmt.Sprint(int(c.Code))) {
			t.Errorf("%d is not in the schema of codes", c.Code)
		}
		if c.Code.Success() || c.Status < 400 {
			continue
		}
		example := d.at("components", "responses", fmt.Sprintf("Error%d", c.Status), "content", "application/json", "examples", c.Name, "value", "code")
		if fmt.Sprint(example) != fmt.Sprint(int(c.Code)) {
			t.Errorf("%d %s: the example has %v", c.Code, c.Name, example)
		}
	}
	for _, r := range httpapi.Routes() {
		if text := fmt.Sprint(d.operation(r)["responses"]); r.Media == "" && !r.Stream && !r.Socket && !strings.Contains(text, fmt.Sprint(int(r.Code))) {
			t.Errorf("%s: its success does not name %d", r.Name, r.Code)
		}
	}
}

func TestEveryReferenceAndSchemaOfTheDescriptionIsSound(t *testing.T) {
	d := servedDescription(t)
	c := schemaCompiler(t, d)
	seen := 0
	walk(d.tree, "", func(where string, m map[string]any) {
		if ref, ok := m["$ref"].(string); ok {
			seen++
			if d.resolve(m) == nil {
				t.Errorf("%s: %s leads nowhere", where, ref)
			}
		}
	})
	for name := range d.at("components", "schemas").(map[string]any) {
		if _, err := c.Compile("openapi.json#/components/schemas/" + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if seen < 100 {
		t.Errorf("only %d references", seen)
	}
}

func schemaCompiler(t *testing.T, d description) *jsonschema.Compiler {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020) // OpenAPI 3.1, 4.8.24
	if err := c.AddResource("openapi.json", d.tree); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestExamplesOfErrorsFitTheEnvelope(t *testing.T) {
	d := servedDescription(t)
	envelope, err := schemaCompiler(t, d).Compile("openapi.json#/components/schemas/Envelope")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range d.at("components", "responses").(map[string]any) {
		for code, e := range r.(map[string]any)["content"].(map[string]any)["application/json"].(map[string]any)["examples"].(map[string]any) {
			if err := envelope.Validate(e.(map[string]any)["value"]); err != nil {
				t.Errorf("%s %s: %v", name, code, err)
			}
		}
	}
}

// The schemas say of a request what the strict decoder takes: an example of each
// is decoded into the type that the handler has.
func TestExamplesOfRequestsAreTaken(t *testing.T) {
	service := &fakeService{}
	d := open(t, service, false)
	service.sent.Code = api.CodeSent
	described := servedDescription(t)
	for _, r := range httpapi.Routes() {
		if r.MaxBody == 0 || r.Stream {
			continue
		}
		example := described.operation(r)["requestBody"].(map[string]any)["content"].(map[string]any)["application/json"].(map[string]any)["example"]
		body, err := json.Marshal(example)
		if err != nil {
			t.Fatal(err)
		}
		before := len(service.seen())
		d.reply(d.ask(r.Method, pathOf(r), everything, string(body)), r.Code)
		calls := service.seen()
		if len(calls) != before+1 {
			t.Errorf("%s: %d calls", r.Name, len(calls)-before)
			continue
		}
		// What the handler decoded says the same as the example.
		again, err := json.Marshal(calls[before].req)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		if err := json.Unmarshal(again, &got); err != nil {
			t.Fatal(err)
		}
		var want any
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the example %s was taken for %s", r.Name, body, again)
		}
	}
}
