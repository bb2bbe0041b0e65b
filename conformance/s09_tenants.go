package conformance

import (
	"fmt"
	"strings"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
)

// tenantCases are those of section 9.
func tenantCases() []Case {
	cases := []Case{
		withOperator("9.customer.create", "POST /v1/customer {name}; 20040", func(t *T) {
			a := t.operator("", api.PathCustomers, obj{"name": "conformance"}).want(api.CodeCustomerCreated)
			a.is("conformance", "body", "name").is(true, "body", "enabled").has("body", "address").has("body", "created")
		}),
		withOperator("9.customer.show", "GET /v1/customer/:cust", func(t *T) {
			n := t.tenant()
			t.operator("", fill(api.PathCustomer, n.customer), nil).want(api.CodeCustomer).is(n.customer, "body", "address")
		}),
		withOperator("9.customer.rename", "PATCH {name?} leaves the rest", func(t *T) {
			n := t.tenant()
			n.patch(api.PathCustomer, n.customer, obj{"name": "other"}).want(api.CodeCustomerUpdated).is("other", "body", "name").is(true, "body", "enabled")
		}),
		withOperator("9.customer.disable", "PATCH {enabled?} leaves the rest", func(t *T) {
			n := t.tenant()
			n.patch(api.PathCustomer, n.customer, obj{"enabled": false}).want(api.CodeCustomerUpdated).is("conformance", "body", "name").is(false, "body", "enabled")
		}),
		withOperator("9.customer.list", "GET /v1/customer, paged", func(t *T) {
			n := t.tenant()
			t.listHas(api.PathCustomers, basic(t.s.o.Operator), n.customer, api.CodeCustomers)
		}),
		withOperator("9.application.show", "GET /v1/application/:app", func(t *T) {
			n := t.tenant()
			a := t.operator("", fill(api.PathApplication, n.app), nil).want(api.CodeApp)
			a.is(n.app, "body", "address").is(n.customer, "body", "customer").is(true, "body", "enabled")
		}),
		withOperator("9.application.list", "GET /v1/customer/:cust/application", func(t *T) {
			n := t.tenant()
			a := t.operator("", fill(api.PathApplications, n.customer), nil).want(api.CodeApps).is(n.app, "body", 0, "address").is(false, "continue")
			t.check(len(a.list("body")) == 1, "%v; %d applications", a, len(a.list("body")))
		}),
		withOperator("9.application.update", "PATCH /v1/application/:app {name?, enabled?}", func(t *T) {
			n := t.tenant()
			n.patch(api.PathApplication, n.app, obj{"name": "other"}).want(api.CodeAppUpdated).is("other", "body", "name").is(true, "body", "enabled")
		}),
		withOperator("9.list.pages", "lists are paged with cursor and limit", func(t *T) {
			n := t.tenant()
			for i := range 4 {
				t.operator("", fill(api.PathApplications, n.customer), obj{"name": fmt.Sprint(i)}).want(api.CodeAppCreated)
			}
			seen, query := map[string]bool{}, "?limit=2"
			for range 4 {
				a := t.operator("", fill(api.PathApplications, n.customer)+query, nil).want(api.CodeApps)
				t.check(len(a.list("body")) <= 2, "%v; %d on a page of 2", a, len(a.list("body")))
				for i := range a.list("body") {
					seen[a.str("body", i, "address")] = true
				}
				if a.at("continue") != true {
					break
				}
				query = "?limit=2&cursor=" + a.str("last")
			}
			t.check(len(seen) == 5, "of 5 applications the pages have %d", len(seen))
		}),
		withOperator("9.list.bad-cursor", "a cursor that is none of this list is 400/40005", func(t *T) {
			t.operator("", fill(api.PathApplications, t.tenant().customer)+"?cursor=garbage", nil).want(api.CodeBadCursor)
		}),
		withOperator("9.list.other-customer", "a cursor of another customer's list is 400/40005", func(t *T) {
			one, two := t.tenant(), t.tenant()
			last := t.operator("", fill(api.PathApplications, one.customer)+"?limit=1", nil).want(api.CodeApps).str("last")
			t.operator("", fill(api.PathApplications, two.customer)+"?cursor="+last, nil).want(api.CodeBadCursor)
		}),
		withOperator("9.list.bad-limit", "a limit is a number", func(t *T) {
			t.operator("", api.PathCustomers+"?limit=-1", nil).want(api.CodeBadValue)
		}),
	}
	for name, path := range map[string]string{
		"customer": fill(api.PathCustomer, address.New(address.Customer).Local()), "application": fill(api.PathApplication, address.New(address.Application).Local()),
		"key": fill(api.PathKey, address.New(address.APIKey).Local()), "applications-of": fill(api.PathApplications, address.New(address.Customer).Local()),
	} {
		cases = append(cases, withOperator("9.none."+name, "no such customer, application or key is 404/40404", func(t *T) { t.operator("", path, nil).want(api.CodeNoTenant) }))
	}
	for name, body := range map[string]any{"missing": obj{}, "empty": obj{"name": ""}, "number": obj{"name": 7}} {
		cases = append(cases, withOperator("9.name."+name, "a name is text", func(t *T) {
			a := t.operator("", api.PathCustomers, body)
			t.check(a.status == 400, "%v; want a 400", a)
		}))
	}
	return append(append(append(cases, apiKeyCases()...), rotateCases()...), adminCases()...)
}

// listHas reads the pages of a list until one has the address.
func (t *T) listHas(path, auth, want string, code api.Code) {
	for query := "?limit=1000"; ; {
		a := t.do(call{path: path + query, auth: auth}).want(code)
		for i := range a.list("body") {
			if a.str("body", i, "address") == want {
				return
			}
		}
		t.check(a.at("continue") == true, "%v; %s is on no page", a, want)
		query = "?limit=1000&cursor=" + a.str("last")
	}
}

func apiKeyCases() []Case {
	cases := []Case{
		withOperator("9.key.secret-once", "the secret is shown once, and never again", func(t *T) {
			n := t.tenant()
			t.check(n.key.Secret != "", "no secret was given")
			for _, path := range []string{fill(api.PathKey, n.key.ID), fill(api.PathKeys, n.app)} {
				a := t.operator("", path, nil).want(api.CodeKey, api.CodeKeys)
				t.check(!strings.Contains(string(a.text), "secret") && !strings.Contains(string(a.text), n.key.Secret), "%v; it shows a secret", a)
			}
		}),
		withOperator("9.key.secret-form", "the secret is the base64 text of 32 bytes", func(t *T) {
			secret := t.tenant().key.Secret
			t.check(len(secret) == 44 && strings.HasSuffix(secret, "="), "the secret has %d characters", len(secret))
		}),
		withOperator("9.key.list", "GET /v1/application/:app/key lists without secrets", func(t *T) {
			n := t.tenant()
			t.operator("", fill(api.PathKeys, n.app), nil).want(api.CodeKeys).is(n.key.ID, "body", 0, "address")
		}),
		withOperator("9.key.rename", "PATCH {name?} leaves the rest", func(t *T) {
			n := t.tenant()
			n.patch(api.PathKey, n.key.ID, obj{"name": "other"}).want(api.CodeKeyUpdated).is("other", "body", "name").is(true, "body", "enabled")
			t.with(n.key).want(api.CodeNoIdentity)
		}),
		withOperator("9.key.scopes", "PATCH {scopes?} takes effect at once", func(t *T) {
			n := t.tenant()
			n.patch(api.PathKey, n.key.ID, obj{"scopes": []string{api.ScopeMessage}}).want(api.CodeKeyUpdated)
			t.with(n.key).want(api.CodeScope)
			n.patch(api.PathKey, n.key.ID, obj{"scopes": []string{api.ScopeIdentity}}).want(api.CodeKeyUpdated)
			t.with(n.key).want(api.CodeNoIdentity)
		}),
		withOperator("9.key.expires", "PATCH {expires?} takes effect at once", func(t *T) {
			n := t.tenant()
			n.patch(api.PathKey, n.key.ID, obj{"expires": show(now() - 10)}).want(api.CodeKeyUpdated)
			t.with(n.key).want(api.CodeKeyExpired)
			n.patch(api.PathKey, n.key.ID, obj{"expires": show(now() + 1000)}).want(api.CodeKeyUpdated)
			t.with(n.key).want(api.CodeNoIdentity)
		}),
		withOperator("9.key.expires-later", "a key is good until it expires", func(t *T) {
			n := t.tenant()
			key := n.newKey(obj{"expires": show(now() + 2)})
			t.with(key).want(api.CodeNoIdentity, api.CodeKeyExpired)
			t.until(soon, "the key expires", func() bool { return t.with(key).code() == int(api.CodeKeyExpired) })
		}),
		withOperator("9.key.unknown-scope", "scopes are identity message event admin operator", func(t *T) {
			n := t.tenant()
			t.operator("", fill(api.PathKeys, n.app), obj{"name": "x", "scopes": []string{"emperor"}}).want(api.CodeBadValue)
		}),
		withOperator("9.key.delete", "DELETE /v1/key/:key; the key is good no more", func(t *T) {
			n := t.tenant()
			t.operator("DELETE", fill(api.PathKey, n.key.ID), nil).want(api.CodeKeyDeleted)
			t.with(n.key).want(api.CodeUnknownKey)
			t.operator("", fill(api.PathKey, n.key.ID), nil).want(api.CodeNoTenant)
		}),
		withOperator("9.rate.requests", "beyond a key's rate 429/42900 with Retry-After", func(t *T) {
			t.oneNode()
			key := t.tenant().newKey(obj{"rate": obj{"requests": 2, "burst": 3}})
			for range 30 {
				a := t.do(call{path: fill(api.PathPublic, t.nobody()), auth: basic(key), once: true})
				if a.code() == int(api.CodeRateLimited) {
					t.check(a.status == 429 && a.header.Get("Retry-After") != "", "%v; Retry-After %q", a, a.header.Get("Retry-After"))
					return
				}
				a.want(api.CodeNoIdentity)
			}
			t.Failf("30 requests at once with a key of 2 a second and a burst of 3")
		}),
		withOperator("9.rate.messages", "messages a second are limited too", func(t *T) {
			t.oneNode()
			n := t.tenant()
			p := n.party()
			key := n.newKey(obj{"rate": obj{"messages": 5}})
			for range 5 { // whatever is allowed at once is less than five full calls
				var msgs []string
				for range api.MaxMessages {
					msgs = append(msgs, p.message("s", p.addr, nil))
				}
				a := t.do(call{path: api.PathSend, body: obj{"msgs": msgs}, auth: basic(key), once: true})
				if a.code() == int(api.CodeRateLimited) {
					t.check(a.status == 429 && a.header.Get("Retry-After") != "", "%v; Retry-After %q", a, a.header.Get("Retry-After"))
					return
				}
			}
			t.Failf("1,280 messages at once with a key of 5 a second")
		}),
		withOperator("9.rate.recovers", "and after a while it goes on", func(t *T) {
			t.oneNode()
			key := t.tenant().newKey(obj{"rate": obj{"requests": 5, "burst": 2}})
			limited := false
			t.until(soon, "limited, then let in", func() bool {
				a := t.do(call{path: fill(api.PathPublic, t.nobody()), auth: basic(key), once: true})
				limited = limited || a.code() == int(api.CodeRateLimited)
				if limited && a.code() == int(api.CodeNoIdentity) {
					return true
				}
				if limited {
					t.rest(300 * time.Millisecond)
				}
				return false
			})
		}),
	}
	return cases
}

func rotateCases() []Case {
	rotate := func(n *tenant, overlap int) Credentials {
		a := n.t.operator("", fill(api.PathKeyRotate, n.key.ID), obj{"overlap": overlap}).want(api.CodeKeyRotated).is(n.key.ID, "body", "address")
		return Credentials{n.key.ID, a.str("body", "secret")}
	}
	return []Case{
		withOperator("9.rotate.new-secret", "rotate issues a new secret", func(t *T) {
			n := t.tenant()
			fresh := rotate(n, 0)
			t.check(fresh.Secret != "" && fresh.Secret != n.key.Secret, "the secret is the old one, or none")
			t.with(fresh).want(api.CodeNoIdentity)
		}),
		withOperator("9.rotate.overlap", "the old one valid for a stated overlap", func(t *T) {
			n := t.tenant()
			fresh := rotate(n, 600)
			t.with(n.key).want(api.CodeNoIdentity)
			t.with(fresh).want(api.CodeNoIdentity)
		}),
		withOperator("9.rotate.no-overlap", "without an overlap the old one is refused everywhere at once", func(t *T) {
			n := t.tenant()
			rotate(n, 0)
			for range max(2, len(t.s.urls)) {
				t.with(n.key).want(api.CodeBadCredentials)
			}
		}),
		withOperator("9.rotate.overlap-ends", "and no longer", func(t *T) {
			n := t.tenant()
			rotate(n, 1)
			t.until(soon, "the old secret ends", func() bool { return t.with(n.key).code() == int(api.CodeBadCredentials) })
		}),
	}
}

// adminCases: what the admin of one customer may, and what not.
func adminCases() []Case {
	as := func(t *T, n *tenant, method, path string, body any) *answer {
		return t.do(call{method: method, path: path, body: body, auth: basic(n.key)})
	}
	cases := []Case{
		withOperator("9.admin.own", "an admin manages the customer's applications and keys", func(t *T) {
			n := t.tenant(api.ScopeAdmin)
			app := as(t, n, "", fill(api.PathApplications, n.customer), obj{"name": "x"}).want(api.CodeAppCreated).str("body", "address")
			key := as(t, n, "", fill(api.PathKeys, app), obj{"name": "x"}).want(api.CodeKeyCreated).str("body", "address")
			as(t, n, "PATCH", fill(api.PathKey, key), obj{"enabled": false}).want(api.CodeKeyUpdated)
			as(t, n, "DELETE", fill(api.PathKey, key), nil).want(api.CodeKeyDeleted)
		}),
		withOperator("9.admin.no-operator", "customers are the operator's", func(t *T) {
			n := t.tenant(api.ScopeAdmin)
			as(t, n, "", api.PathCustomers, obj{"name": "x"}).want(api.CodeScope)
			as(t, n, "", api.PathCustomers, nil).want(api.CodeScope)
		}),
		withOperator("9.admin.no-escalation", "an admin gives nobody the scope operator", func(t *T) {
			n := t.tenant(api.ScopeAdmin)
			a := as(t, n, "", fill(api.PathKeys, n.app), obj{"name": "x", "scopes": []string{api.ScopeOperator}})
			t.check(a.status == 403, "%v; want a 403", a)
		}),
	}
	for name, other := range map[string]func(n *tenant) (method, path string, body any){
		"customer":     func(n *tenant) (string, string, any) { return "", fill(api.PathCustomer, n.customer), nil },
		"applications": func(n *tenant) (string, string, any) { return "", fill(api.PathApplications, n.customer), nil },
		"application":  func(n *tenant) (string, string, any) { return "", fill(api.PathApplication, n.app), nil },
		"keys":         func(n *tenant) (string, string, any) { return "", fill(api.PathKeys, n.app), nil },
		"key":          func(n *tenant) (string, string, any) { return "", fill(api.PathKey, n.key.ID), nil },
		"key-patch": func(n *tenant) (string, string, any) {
			return "PATCH", fill(api.PathKey, n.key.ID), obj{"enabled": false}
		},
		"key-delete": func(n *tenant) (string, string, any) { return "DELETE", fill(api.PathKey, n.key.ID), nil },
		"key-rotate": func(n *tenant) (string, string, any) { return "", fill(api.PathKeyRotate, n.key.ID), obj{} },
	} {
		cases = append(cases, withOperator("9.admin.not-others-"+name, "another customer's things are as if they did not exist", func(t *T) {
			mine, theirs := t.tenant(api.ScopeAdmin), t.tenant()
			method, path, body := other(theirs)
			as(t, mine, method, path, body).want(api.CodeNoTenant)
			t.with(theirs.key).want(api.CodeNoIdentity)
		}))
	}
	return cases
}
