package conformance

import (
	"strings"

	"github.com/nixnode/nixnode/api"
)

// tenant is a customer with an application and a key of it, made for one case.
type tenant struct {
	t             *T
	customer, app string
	key           Credentials
}

// operator sends a request with the operator key.
func (t *T) operator(method, path string, body any) *answer {
	return t.do(call{method: method, path: path, body: body, auth: basic(t.s.o.Operator)})
}

// fill puts addresses into a path of package api, in order.
func fill(path string, params ...string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ":") && len(params) > 0 {
			parts[i], params = params[0], params[1:]
		}
	}
	return strings.Join(parts, "/")
}

// tenant makes a customer, an application and a key with the scopes; none is the
// default pair. The customer is disabled when the case ends.
func (t *T) tenant(scopes ...string) *tenant {
	n := &tenant{t: t}
	n.customer = t.operator("", api.PathCustomers, obj{"name": "conformance"}).want(api.CodeCustomerCreated).str("body", "address")
	n.app = t.operator("", fill(api.PathApplications, n.customer), obj{"name": "conformance"}).want(api.CodeAppCreated).str("body", "address")
	n.key = n.newKey(obj{}, scopes...)
	t.cleanup(func() {
		_, _ = t.try(call{method: "PATCH", path: fill(api.PathCustomer, n.customer), body: obj{"enabled": false}, auth: basic(t.s.o.Operator)})
	})
	return n
}

// newKey makes a further key of the application.
func (n *tenant) newKey(more obj, scopes ...string) Credentials {
	body := changed(obj{"name": "conformance"}, more)
	if len(scopes) > 0 {
		body["scopes"] = scopes
	}
	a := n.t.operator("", fill(api.PathKeys, n.app), body).want(api.CodeKeyCreated)
	return Credentials{ID: a.str("body", "address"), Secret: a.str("body", "secret")}
}

// patch changes the key, the application or the customer.
func (n *tenant) patch(path, who string, change obj) *answer {
	return n.t.operator("PATCH", fill(path, who), change)
}

// with asks for something that any good key with the scope identity gets.
func (t *T) with(key Credentials) *answer {
	return t.do(call{path: fill(api.PathPublic, t.nobody()), auth: basic(key)})
}

// party registers an identity of the tenant.
func (n *tenant) party() *party { return n.t.partyOf("user", basic(n.key)) }
