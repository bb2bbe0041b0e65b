package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/relay"
)

// object is a piece of the OpenAPI document. Names come out sorted, so that the
// document is the same bytes from every node of a release.
type object = map[string]any

// jsonMedia is the media type of envelopes.
const jsonMedia = "application/json"

// describeOnce gives the description of all endpoints (OpenAPI 3.1, section 11),
// and makes it when it is first asked for.
func describeOnce() func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) { return encode(document(Routes())) })
}

func showOpenAPI(_ context.Context, x *exchange) (answer, error) {
	text, err := x.h.openAPI()
	return answer{raw: text}, err
}

// document is made from the routes, api.Codes, the types of package api and the
// words of operations.
func document(routes []Route) object {
	s := &schemas{all: object{"Code": codeSchema()}}
	paths := object{}
	var tags []string
	for _, r := range routes {
		path := templated(r.Path)
		item, ok := paths[path].(object)
		if !ok {
			item = object{}
			paths[path] = item
		}
		item[strings.ToLower(r.Method)] = describe(r, s)
		if tag := tagOf(r); !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	s.of(api.Envelope{})
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "NiX node", "version": api.Protocol, "summary": "Messages and content packages between identities that sign for themselves.",
			"description": introduction, "license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers": []object{{"url": "/"}},
		"tags":    tagList(tags),
		"paths":   paths,
		"components": object{
			"schemas": s.all, "responses": errorResponses(),
			"securitySchemes": object{
				"basic":  object{"type": "http", "scheme": "basic", "description": "User name: the key's address. Password: its secret, as issued."},
				"bearer": object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "HS256 with the secret; kid is the key's address; aud, exp and nbf are required, and at most an hour apart."},
			},
		},
	}
}

// templated writes a path as OpenAPI does: /a/{id} for /a/:id.
func templated(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}

func tagOf(r Route) string {
	tag, _, _ := strings.Cut(r.Name, ".")
	return tag
}

func tagList(names []string) []object {
	tags := make([]object, len(names))
	for i, name := range names {
		tags[i] = object{"name": name, "description": tagTexts[name]}
	}
	return tags
}

// describe makes the operation of a route. A route without words is described by
// what the table says of it.
func describe(r Route, s *schemas) object {
	words := operations[r.Name]
	o := object{
		"operationId": r.Name, "tags": []string{tagOf(r)}, "summary": r.Name, "responses": responses(r, words, s), "security": security(r.Scope),
	}
	if words.summary != "" {
		o["summary"] = words.summary
	}
	var text []string
	if words.text != "" {
		text = append(text, words.text)
	}
	if names := scopeNames(r.Scope); len(names) > 0 {
		text = append(text, "Scope: "+strings.Join(names, " or ")+".")
		o["x-scopes"] = names
	}
	o["description"] = strings.Join(text, "\n\n")
	if p := parameters(r, words); len(p) > 0 {
		o["parameters"] = p
	}
	if words.takes != nil {
		o["requestBody"] = object{"required": true, "content": object{jsonMedia: object{"schema": s.of(words.takes), "example": words.takes}}}
	}
	return o
}

func scopeNames(s relay.Scope) (names []string) {
	for _, row := range []struct {
		scope relay.Scope
		name  string
	}{
		{relay.ScopeIdentity, api.ScopeIdentity}, {relay.ScopeMessage, api.ScopeMessage}, {relay.ScopeEvent, api.ScopeEvent},
		{relay.ScopeAdmin, api.ScopeAdmin}, {relay.ScopeOperator, api.ScopeOperator},
	} {
		if s&row.scope != 0 {
			names = append(names, row.name)
		}
	}
	return names
}

func security(s relay.Scope) []object {
	if s == open {
		return []object{}
	}
	return []object{{"basic": []string{}}, {"bearer": []string{}}}
}

func parameters(r Route, words operation) (all []object) {
	for part := range strings.SplitSeq(r.Path, "/") {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			p := pathParameters[name]
			all = append(all, object{
				"name": name, "in": "path", "required": true, "description": p.text, "schema": object{"type": "string"}, "example": p.example,
			})
		}
	}
	for _, q := range words.query {
		p := object{"name": q.name, "in": "query", "description": q.text, "schema": object{"type": "string"}}
		if q.example != "" {
			p["example"] = q.example
		}
		all = append(all, p)
	}
	return all
}

// responses has the success, and by reference the errors that may come.
func responses(r Route, words operation, s *schemas) object {
	all := object{statusText(successStatus(r)): success(r, words, s)}
	for _, status := range errorStatuses() {
		if strings.HasPrefix(r.Path, "/v1/") && status != http.StatusMethodNotAllowed || // only what has no operation is not allowed
			status == http.StatusInternalServerError ||
			r.Scope != open && (status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusServiceUnavailable) ||
			words.unready && status == http.StatusServiceUnavailable {
			all[statusText(status)] = object{"$ref": fmt.Sprintf("#/components/responses/Error%d", status)}
		}
	}
	return all
}

// statusText names a status as the keys of responses do.
func statusText(status int) string { return strconv.Itoa(status) }

func successStatus(r Route) int {
	if r.Socket {
		return http.StatusSwitchingProtocols
	}
	return r.Code.Status()
}

func success(r Route, words operation, s *schemas) object {
	text := fmt.Sprintf("%d: %s", r.Code, r.Code.Text())
	switch {
	case r.Socket:
		return object{"description": "The connection is a websocket from here on."}
	case r.Stream:
		content := object{"application/x-ndjson": object{"schema": object{"oneOf": []any{s.of(words.gives), s.of(api.StreamEnd{})}}}}
		if words.serverSent {
			content["text/event-stream"] = object{"schema": object{"type": "string"}}
		}
		return object{"description": "A line for each, as they come.", "content": content}
	case r.Media != "":
		return object{"description": text, "content": object{r.Media: object{"schema": object{"type": words.raw}}}}
	}
	properties := object{"code": object{"const": r.Code}}
	required := []string{"msg", "txnID"}
	if words.gives != nil {
		properties["body"] = s.of(words.gives)
		required = append(required, "body")
	}
	if words.results { // the envelope of a send has the code of the first refusal
		delete(properties, "code")
	}
	return object{"description": text, "content": object{jsonMedia: object{
		"schema": object{"allOf": []any{s.of(api.Envelope{}), object{"type": "object", "properties": properties, "required": required}}},
	}}}
}

// errorStatuses gives the statuses of all errors in the table of codes.
func errorStatuses() (all []int) {
	for _, c := range api.Codes() {
		if !c.Code.Success() && c.Status >= 400 && !slices.Contains(all, c.Status) {
			all = append(all, c.Status)
		}
	}
	slices.Sort(all)
	return all
}

func errorResponses() object {
	all := object{}
	for _, status := range errorStatuses() {
		var lines []string
		examples := object{}
		for _, c := range api.Codes() {
			if c.Status == status && !c.Code.Success() {
				lines = append(lines, fmt.Sprintf("- %d %s: %s", c.Code, c.Name, c.Text))
				examples[c.Name] = object{"value": api.Failure(c.Code, sampleTxnID, "")}
			}
		}
		all[fmt.Sprintf("Error%d", status)] = object{
			"description": strings.Join(lines, "\n"),
			"content":     object{jsonMedia: object{"schema": object{"$ref": componentPrefix + "Envelope"}, "examples": examples}},
		}
	}
	return all
}

// codeSchema lists every code there is: codes appear in envelopes, results of
// messages and events.
func codeSchema() object {
	var values []int
	var lines []string
	for _, c := range api.Codes() {
		values = append(values, int(c.Code))
		lines = append(lines, fmt.Sprintf("- %d %s: %s", c.Code, c.Name, c.Text))
	}
	return object{"type": "integer", "enum": values, "description": strings.Join(lines, "\n")}
}
