package conformance

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/nixnode/nixnode/api"
)

// addressCases are those of section 1.
func addressCases() []Case {
	cases := []Case{
		the("1.form.identity", "an identity is i, 20 base64url characters, @ and the domain", func(t *T) {
			p := t.party()
			t.check(regexp.MustCompile(`^i[A-Za-z0-9_-]{20}@[a-z0-9.-]+$`).MatchString(p.addr), "registered as %q", p.addr)
		}),
		the("1.form.random", "addresses are random", func(t *T) {
			a, b := t.party(), t.party()
			alike := 0
			for i := range a.local {
				if a.local[i] == b.local[i] {
					alike++
				}
			}
			t.check(alike < 12, "two addresses agree in %d of 21 characters: %s, %s", alike, a.local, b.local)
		}),
		withOperator("1.form.tenants", "the letters are c customer, p application, a API key", func(t *T) {
			n := t.tenant()
			for letter, got := range map[string]string{"c": n.customer, "p": n.app, "a": n.key.ID} {
				t.check(regexp.MustCompile("^"+letter+`[A-Za-z0-9_-]{20}@`).MatchString(got), "%q does not begin with %s and 20 characters", got, letter)
			}
		}),
		the("1.accept.alias", "an alias means the same address", func(t *T) {
			p := t.standingParty()
			a := t.get("/v1/identity/" + p.local + "@api.nix.software")
			if a.code() == int(api.CodeOtherDomain) {
				t.Skipf("api.nix.software is no alias of this cluster")
			}
			a.want(api.CodeIdentity).is(p.addr, "body", "address")
		}),
		the("1.accept.case-sensitive", "addresses are case-sensitive", func(t *T) {
			p := t.standingParty()
			t.get("/v1/identity/i" + swapCase(p.local[1:])).want(api.CodeNoIdentity)
		}),
		the("1.reply.full-form", "responses carry the full form with the cluster's own domain", func(t *T) {
			p := t.party()
			a := p.send(p.message("s", p.local, nil))
			a.is(p.addr, "body", 0, "dst")
			t.get("/v1/identity/"+p.local).want(api.CodeIdentity).is(p.addr, "body", "address")
		}),
		the("1.accept.token-forms", "tokens may have the local form, padded and in any case of the domain", func(t *T) {
			p := t.standingParty()
			for _, form := range []string{p.local, p.local + "=", p.local + "@" + strings.ToUpper(p.domain)} {
				jwt := p.token("/v1/identity/me#jwt", p.claims(obj{"iss": form, "sub": form}), obj{"kid": form + "/" + p.sig.thumb})
				t.post(api.PathMe, obj{"jwt": jwt}).want(api.CodeIdentity)
			}
		}),
	}
	for name, form := range map[string]func(p *party) string{
		"local":       func(p *party) string { return p.local },
		"full":        func(p *party) string { return p.addr },
		"padded":      func(p *party) string { return p.local + "==" },
		"domain-case": func(p *party) string { return p.local + "@" + strings.ToUpper(p.domain) },
	} {
		cases = append(cases, the("1.accept."+name+"-in-path", "everywhere an address is accepted, each form means the same", func(t *T) {
			p := t.standingParty()
			t.get("/v1/identity/"+form(p)).want(api.CodeIdentity).is(p.addr, "body", "address")
		}), the("1.accept."+name+"-as-dst", "everywhere an address is accepted, each form means the same", func(t *T) {
			p := t.party()
			msg := p.message("s", form(p), nil)
			p.sends(msg)
			p.fetch(nil).holds(msg)
		}))
	}
	return append(cases, badAddressCases()...)
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

// badAddressCases: each bad address in each place that takes one.
func badAddressCases() (cases []Case) {
	places := map[string]func(t *T, bad string, want api.Code){
		"path": func(t *T, bad string, want api.Code) { t.get("/v1/identity/" + bad).want(want) },
		"data-path": func(t *T, bad string, want api.Code) {
			t.get("/v1/identity/" + bad + "/recovery").want(want)
		},
		"dst": func(t *T, bad string, want api.Code) {
			p := t.standingParty()
			p.refused(p.message("s", bad, nil), want)
		},
		"src-filter": func(t *T, bad string, want api.Code) { t.standingParty().fetch(obj{"src": bad}).want(want) },
	}
	for name, bad := range map[string]string{
		"short": "iAAAAAAAAAAAAAAAAAAA", "long": "iAAAAAAAAAAAAAAAAAAAAA", "letter": "xAAAAAAAAAAAAAAAAAAAA", "alphabet": "iAAAAAAAAAAAAAAAAAAA!",
	} {
		for place, put := range places {
			cases = append(cases, the("1.malformed."+name+"-in-"+place, "a malformed address gets 400/40003", func(t *T) { put(t, bad, api.CodeBadAddress) }))
		}
	}
	for place, put := range places {
		cases = append(cases, the("1.foreign.in-"+place, "a well-formed address of another domain gets 404/40403", func(t *T) {
			put(t, t.nobody()+"@elsewhere.example.net", api.CodeOtherDomain)
		}))
	}
	return cases
}
