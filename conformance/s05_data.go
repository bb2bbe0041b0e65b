package conformance

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/nixnode/nixnode/api"
)

// store stores an item under a name by way of a path, and gives its token.
func (p *party) store(path, name, jwe string) (string, *answer) {
	token := p.token(path+"#jws", obj{"name": name, "jwe": jwe})
	return token, p.post(path, obj{"jws": token})
}

func dataCases() []Case {
	var cases []Case
	for name, path := range map[string]string{
		"recovery": "/v1/identity/me/recovery", "data-recovery": "/v1/identity/me/data/recovery",
	} {
		cases = append(cases, the("5.data."+name, "recovery is stored by either path; 20017, and read by either; 20018", func(t *T) {
			p := t.party()
			token, a := p.store(path, "recovery", "a.b.c.d.e")
			a.want(api.CodeDataStored)
			for _, from := range []string{"/recovery", "/data/recovery"} {
				t.get("/v1/identity/"+p.addr+from).want(api.CodeData).is(token, "body", "jws").is("recovery", "body", "name")
			}
		}))
	}
	for name, bad := range map[string]string{"dot": "a.b", "blank": "a%20b", "long": strings.Repeat("x", 65), "unicode": "%C3%A4"} {
		cases = append(cases, the("5.data.name-"+name, "names are [A-Za-z0-9_-]{1,64}", func(t *T) {
			_, a := t.standingParty().store("/v1/identity/me/data/"+bad, bad, "x")
			a.want(api.CodeBadValue)
		}))
	}
	return append(cases,
		the("5.data.tgt-is-the-path-used", "tgt is the path used + #jws", func(t *T) {
			p := t.standingParty()
			token := p.token("/v1/identity/me/recovery#jws", obj{"name": "recovery", "jwe": "x"})
			p.post("/v1/identity/me/data/recovery", obj{"jws": token}).want(api.CodeBadTarget)
		}),
		the("5.data.name-differs", "the token's name is that of the path", func(t *T) {
			_, a := t.standingParty().store("/v1/identity/me/data/one", "two", "x")
			t.check(a.status == 400, "%v; want a 400", a)
		}),
		the("5.data.updated", "the answer is {name, jws, updated}", func(t *T) {
			p := t.party()
			p.store("/v1/identity/me/data/x_-9", "x_-9", "x")
			a := t.get("/v1/identity/" + p.addr + "/data/x_-9").want(api.CodeData)
			t.check(regexp.MustCompile(`^[0-9]{10}$`).MatchString(a.str("body", "updated")), "%v; updated is %v", a, a.at("body", "updated"))
		}),
		the("5.data.replaced", "storing again replaces", func(t *T) {
			p := t.party()
			p.store("/v1/identity/me/data/x", "x", "1")
			token, a := p.store("/v1/identity/me/data/x", "x", "2")
			a.want(api.CodeDataStored)
			t.get("/v1/identity/"+p.addr+"/data/x").want(api.CodeData).is(token, "body", "jws")
		}),
		the("5.data.none", "no such data is 404/40402", func(t *T) {
			t.get("/v1/identity/" + t.standingParty().addr + "/data/none").want(api.CodeNoData)
		}),
		the("5.data.nobody", "no such identity is 404/40401", func(t *T) {
			t.get("/v1/identity/" + t.nobody() + "/data/none").want(api.CodeNoIdentity)
		}),
		the("5.data.16-names", "16 names an identity, and no more", func(t *T) {
			p := t.party()
			for i := range api.MaxDataItems {
				_, a := p.store(fmt.Sprintf("/v1/identity/me/data/n%d", i), fmt.Sprintf("n%d", i), "x")
				a.want(api.CodeDataStored)
			}
			_, a := p.store("/v1/identity/me/data/more", "more", "x")
			a.want(api.CodeTooManyItems)
			_, a = p.store("/v1/identity/me/data/n0", "n0", "y")
			a.want(api.CodeDataStored)
		}),
		the("5.data.64-KiB", "data items of 64 KiB, and no larger", func(t *T) {
			p := t.party()
			room := api.MaxDataItem - len(`{"jwe":"","name":"x"}`)
			_, a := p.store("/v1/identity/me/data/x", "x", strings.Repeat("x", room))
			a.want(api.CodeDataStored)
			_, a = p.store("/v1/identity/me/data/x", "x", strings.Repeat("x", room+1))
			a.want(api.CodeItemTooLarge)
		}),
	)
}

func (p *party) retires() {
	p.post(api.PathMeRetire, p.jwt(api.PathMeRetire)).want(api.CodeRetired)
}

func retireCases() []Case {
	gone := func(id string, ask func(t *T, p, q *party) *answer) Case {
		return the("5.retire.gone-"+id, "a retired identity answers 410/41000 from then on", func(t *T) {
			p, q := t.party(), t.party()
			p.retires()
			for range max(2, len(t.s.urls)) {
				ask(t, p, q).want(api.CodeRetiredIdentity)
			}
		})
	}
	return []Case{
		gone("me", func(_ *T, p, _ *party) *answer { return p.me() }),
		gone("public", func(t *T, p, _ *party) *answer { return t.get("/v1/identity/" + p.addr) }),
		gone("recovery", func(t *T, p, _ *party) *answer { return t.get("/v1/identity/" + p.addr + "/recovery") }),
		gone("fetch", func(_ *T, p, _ *party) *answer { return p.fetch(nil) }),
		gone("listen", func(_ *T, p, _ *party) *answer { return p.post(api.PathListen, p.jwt(api.PathListen)) }),
		gone("sending", func(_ *T, p, q *party) *answer { return p.trySend(p.message("s", q.addr, nil)) }),
		gone("as-destination", func(_ *T, p, q *party) *answer { return q.trySend(q.message("s", p.addr, nil)) }),
		gone("meta", func(_ *T, p, _ *party) *answer { return p.setMeta("metaPublic", obj{}) }),
		the("5.retire.again", "the same token again returns the same success; 20030", func(t *T) {
			p := t.party()
			body := p.jwt(api.PathMeRetire)
			p.post(api.PathMeRetire, body).want(api.CodeRetired)
			p.post(api.PathMeRetire, body).want(api.CodeRetired)
		}),
		the("5.retire.packages", "its cached packages are gone", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			v.retires()
			u.trySend(u.message("r", v.addr, obj{"kid": "k"})).want(api.CodeRetiredIdentity)
		}),
	}
}
