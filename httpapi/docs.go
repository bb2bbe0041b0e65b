package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/nixnode/nixnode/api"
)

// The documentation page is the OpenAPI description for people: one file without
// scripts, so that it can be read with no network but the node itself.
var (
	//go:embed assets/docs.html
	docsTemplate string
	//go:embed assets/docs.css
	docsStyle string
)

const docsMedia = "text/html; charset=utf-8"

// docsPolicy lets the page load nothing and run nothing; its style is named by hash
// (Content Security Policy Level 3, 2.3.1).
var docsPolicy = func() string {
	sum := sha256.Sum256([]byte(docsStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// drawOnce gives the page, and makes it when it is first asked for.
func drawOnce() func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) { return drawDocs(Routes()) })
}

func showDocs(_ context.Context, x *exchange) (answer, error) {
	page, err := x.h.docs()
	if err == nil {
		x.w.Header().Set("Content-Security-Policy", docsPolicy)
		x.w.Header().Set("Referrer-Policy", "no-referrer")
	}
	return answer{raw: page}, err
}

// docsPage is what the template shows.
type docsPage struct {
	Style    template.CSS
	Protocol string
	Intro    []string
	OpenAPI  string
	Groups   []docsGroup
	Schemas  []docsSchema
	Statuses []docsStatus
}

type docsGroup struct {
	Name, Text string
	Operations []docsOperation
}

type docsOperation struct {
	Name, Method, Path, Summary, Text string
	Scopes                            []string
	Parameters                        []docsParameter
	Request                           string
	Tokens                            []docsToken
	Success                           string
	Gives                             string // name of a schema
	Many                              bool
	Statuses                          []int
}

type docsParameter struct{ Name, In, Text, Example string }

// docsToken is a token of an example, as it is before it is signed.
type docsToken struct{ Header, Payload string }

type docsSchema struct {
	Name   string
	Fields []docsField
}

type docsField struct {
	Name, Type, Link, Text string
	Required               bool
}

type docsStatus struct {
	Status int
	Codes  []api.CodeInfo
}

func drawDocs(routes []Route) ([]byte, error) {
	t, err := template.New("docs").Funcs(template.FuncMap{"spans": spans}).Parse(docsTemplate)
	if err != nil {
		return nil, err
	}
	doc := document(routes)
	page := docsPage{
		Style: template.CSS(docsStyle), Protocol: api.Protocol, Intro: strings.Split(introduction, "\n\n"), OpenAPI: api.PathOpenAPI,
		Groups: docsGroups(routes, doc), Schemas: docsSchemas(doc), Statuses: docsStatuses(),
	}
	var b bytes.Buffer
	if err := t.Execute(&b, page); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func docsGroups(routes []Route, doc object) (groups []docsGroup) {
	for _, r := range routes {
		tag := tagOf(r)
		i := slices.IndexFunc(groups, func(g docsGroup) bool { return g.Name == tag })
		if i < 0 {
			groups, i = append(groups, docsGroup{Name: tag, Text: tagTexts[tag]}), len(groups)
		}
		g := &groups[i]
		g.Operations = append(g.Operations, docsOf(r, doc))
	}
	return groups
}

func docsOf(r Route, doc object) docsOperation {
	words := operations[r.Name]
	described := doc["paths"].(object)[templated(r.Path)].(object)[strings.ToLower(r.Method)].(object)
	o := docsOperation{
		Name: r.Name, Method: r.Method, Path: r.Path, Summary: described["summary"].(string), Text: words.text, Scopes: scopeNames(r.Scope),
		Success: success(r, words, &schemas{all: object{}})["description"].(string),
	}
	list, _ := described["parameters"].([]object)
	for _, p := range list {
		example, _ := p["example"].(string)
		o.Parameters = append(o.Parameters, docsParameter{Name: p["name"].(string), In: p["in"].(string), Text: p["description"].(string), Example: example})
	}
	if words.takes != nil {
		o.Request = shortened(indented(words.takes))
		o.Tokens = tokensIn(sampleJSON(words.takes))
	}
	if words.gives != nil {
		o.Gives, o.Many = schemaName((&schemas{all: object{}}).of(words.gives))
	}
	for _, status := range errorStatuses() {
		if _, may := described["responses"].(object)[statusText(status)]; may {
			o.Statuses = append(o.Statuses, status)
		}
	}
	return o
}

// schemaName gives the component that a schema refers to, itself or as items.
func schemaName(s object) (name string, many bool) {
	if items, ok := s["items"].(object); ok {
		name, _ = schemaName(items)
		return name, true
	}
	ref, _ := s["$ref"].(string)
	return strings.TrimPrefix(ref, componentPrefix), false
}

// span is a piece of a text: words, or code that stood between backquotes.
type span struct {
	Text string
	Code bool
}

func spans(text string) (all []span) {
	code := false
	for piece := range strings.SplitSeq(text, "`") {
		if piece != "" {
			all = append(all, span{piece, code})
		}
		code = !code
	}
	return all
}

// shortened leaves of a token what tells that it is one: what it says is shown
// beside it.
func shortened(text string) string {
	words := strings.Split(text, `"`)
	for i, word := range words {
		if strings.Count(word, ".") == 2 && len(word) > 100 {
			words[i] = word[:20] + "…"
		}
	}
	return strings.Join(words, `"`)
}

func indented(v any) string {
	var b bytes.Buffer
	if err := json.Indent(&b, sampleJSON(v), "", "  "); err != nil {
		return string(sampleJSON(v)) // of our own encoder: it cannot fail
	}
	return b.String()
}

// tokensIn reads the tokens of an example in their order.
func tokensIn(text []byte) (all []docsToken) {
	for word := range strings.SplitSeq(string(text), `"`) {
		parts := strings.Split(word, ".")
		if len(parts) != 3 {
			continue
		}
		header, err := base64.RawURLEncoding.DecodeString(parts[0])
		payload, err2 := base64.RawURLEncoding.DecodeString(parts[1])
		if err == nil && err2 == nil && json.Valid(header) && json.Valid(payload) {
			all = append(all, docsToken{indented(json.RawMessage(header)), indented(json.RawMessage(payload))})
		}
	}
	return all
}

func docsSchemas(doc object) (all []docsSchema) {
	components := doc["components"].(object)["schemas"].(object)
	for _, name := range slices.Sorted(maps.Keys(components)) {
		shape := components[name].(object)
		properties, ok := shape["properties"].(object)
		if !ok {
			continue // the codes have a table of their own
		}
		required, _ := shape["required"].([]string)
		s := docsSchema{Name: name}
		for _, field := range slices.Sorted(maps.Keys(properties)) {
			p := properties[field].(object)
			text, _ := p["description"].(string)
			f := docsField{Name: field, Text: text, Required: slices.Contains(required, field)}
			f.Type, f.Link = typeText(p)
			s.Fields = append(s.Fields, f)
		}
		all = append(all, s)
	}
	return all
}

// typeText says in words what a schema is, and which component tells more.
func typeText(s object) (text, link string) {
	name, many := schemaName(s)
	switch kind, _ := s["type"].(string); {
	case name != "":
		text = name
	case kind == "array":
		text, _ = typeText(s["items"].(object))
	case kind == "":
		text = "any"
	default:
		text = kind
	}
	if many || s["type"] == "array" {
		text += "[]"
	}
	return text, name
}

func docsStatuses() (all []docsStatus) {
	for _, c := range api.Codes() {
		i := slices.IndexFunc(all, func(s docsStatus) bool { return s.Status == c.Status })
		if i < 0 {
			all, i = append(all, docsStatus{Status: c.Status}), len(all)
		}
		all[i].Codes = append(all[i].Codes, c)
	}
	slices.SortFunc(all, func(a, b docsStatus) int { return a.Status - b.Status })
	return all
}
