package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/nixnode/nixnode/api"
)

// router finds routes. It is our own because http.ServeMux redirects and cleans
// paths, and section 2 says: no redirects, ever.
//
// A path is its segments between slashes, each percent-decoded once. There is no
// other notion of sameness: a slash at the end, a double slash and dot segments
// are paths that nothing has. A literal segment wins over a parameter.
type router struct {
	root *branch
}

// branch is a place in the tree of patterns.
type branch struct {
	literal map[string]*branch
	param   *branch
	// methods are the routes that end here; their parameters may be called differently.
	methods map[string]*Route
}

func newRouter(routes []Route) *router {
	r := &router{root: &branch{}}
	for i := range routes {
		b := r.root
		for _, segment := range pattern(routes[i].Path) {
			b = b.grow(segment)
		}
		if b.methods == nil {
			b.methods = map[string]*Route{}
		}
		b.methods[routes[i].Method] = &routes[i]
	}
	return r
}

func (b *branch) grow(segment string) *branch {
	if isParam(segment) {
		if b.param == nil {
			b.param = &branch{}
		}
		return b.param
	}
	if b.literal == nil {
		b.literal = map[string]*branch{}
	}
	if b.literal[segment] == nil {
		b.literal[segment] = &branch{}
	}
	return b.literal[segment]
}

func pattern(path string) []string { return strings.Split(strings.TrimPrefix(path, "/"), "/") }

func isParam(segment string) bool { return strings.HasPrefix(segment, ":") }

// segments splits an escaped path and decodes each part once; ok is false for
// what can be no endpoint's path. Decoding after the split keeps an escaped slash
// inside its segment, where no parameter may have it.
func segments(escaped string) (parts []string, ok bool) {
	rest, ok := strings.CutPrefix(escaped, "/")
	if !ok {
		return nil, false
	}
	// No endpoint is this deep: what a client repeats must not cost us memory.
	const most = 16
	parts = strings.SplitN(rest, "/", most)
	for i, part := range parts {
		s, err := url.PathUnescape(part)
		if err != nil || s == "" || s == "." || s == ".." || strings.ContainsRune(s, '/') {
			return nil, false
		}
		parts[i] = s
	}
	return parts, true
}

// find gives the place of a path, or nil.
func (r *router) find(parts []string) *branch { return r.root.find(parts) }

func (b *branch) find(parts []string) *branch {
	if len(parts) == 0 {
		if b.methods == nil {
			return nil
		}
		return b
	}
	if next := b.literal[parts[0]]; next != nil {
		if found := next.find(parts[1:]); found != nil {
			return found
		}
	}
	if b.param != nil {
		return b.param.find(parts[1:])
	}
	return nil
}

// route gives the route for a method. HEAD is GET whose body net/http drops.
func (b *branch) route(method string) (*Route, bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	r, ok := b.methods[method]
	return r, ok
}

// allow gives the Allow header of the place (RFC 9110 §10.2.1).
func (b *branch) allow() string {
	methods := []string{http.MethodOptions}
	for m := range b.methods {
		methods = append(methods, m)
		if m == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

// params gives the parameters of a path that r matches, by name without colon.
func (r *Route) params(parts []string) map[string]string {
	var params map[string]string
	for i, segment := range pattern(r.Path) {
		if isParam(segment) {
			if params == nil {
				params = map[string]string{}
			}
			params[segment[1:]] = parts[i]
		}
	}
	return params
}

// parseQuery reads the parameters of a query, each at most once.
func parseQuery(raw string) (map[string]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, api.Errorf(api.CodeBadValue, "query")
	}
	single := make(map[string]string, len(values))
	for name, all := range values {
		if len(all) > 1 {
			return nil, api.Errorf(api.CodeBadValue, "a query parameter is there twice")
		}
		single[name] = all[0]
	}
	return single, nil
}
