package conformance

import (
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
)

func (p *party) setMembers(members ...string) *answer {
	if members == nil {
		members = []string{}
	}
	return p.post(api.PathMeMembers, obj{"members": p.token(api.PathMeMembers+"#members", members)})
}

// group makes a group with members.
func (t *T) group(kind string, members ...*party) *party {
	g := t.partyOf(kind, "")
	var all []string
	for _, m := range members {
		all = append(all, m.addr)
	}
	g.setMembers(all...).want(api.CodeMembersSet)
	return g
}

// groupCases are those of section 8.
func groupCases() []Case {
	var cases []Case
	for _, kind := range []string{"route", "group"} {
		cases = append(cases,
			the("8."+kind+".fetch", "members receive in their own fetches what is sent to it", func(t *T) {
				a, b, from := t.party(), t.party(), t.party()
				g := t.group(kind, a, b)
				msg := from.message("s", g.addr, nil)
				from.send(msg).result(0, api.CodeStored, api.CodeStoredListening)
				a.fetch(nil).holds(msg)
				b.fetch(nil).holds(msg)
			}),
			the("8."+kind+".stream", "members receive in their own streams what is sent to it", func(t *T) {
				a, b, from := t.party(), t.party(), t.party()
				g := t.group(kind, a, b)
				one, two := a.listen(), b.listen()
				msg := from.message("s", g.addr, nil)
				from.send(msg).result(0, api.CodeStored, api.CodeStoredListening)
				one.brings(msg)
				two.brings(msg)
			}),
			the("8."+kind+".members-again", "the same token again returns the same success; 20019", func(t *T) {
				g := t.partyOf(kind, "")
				token := g.token(api.PathMeMembers+"#members", []string{t.party().addr})
				g.post(api.PathMeMembers, obj{"members": token}).want(api.CodeMembersSet)
				g.post(api.PathMeMembers, obj{"members": token}).want(api.CodeMembersSet)
			}),
		)
	}
	for _, kind := range []string{"", "app", "user", "vault"} {
		cases = append(cases, the("8.members.not-of-"+orEmpty(kind), "members are for routes and groups", func(t *T) {
			t.partyOf(kind, "").setMembers(t.standingParty().addr).want(api.CodeNoMembersHere)
		}))
	}
	return append(append(cases, memberCases()...), memberListCases()...)
}

func memberCases() []Case {
	return []Case{
		the("8.own-mailbox", "in addition to their own mailbox", func(t *T) {
			a, from := t.party(), t.party()
			g := t.group("group", a)
			one, two := from.message("s", a.addr, nil), from.message("s", g.addr, nil)
			from.send(one)
			from.send(two)
			a.fetch(obj{"order": "ASC"}).holds(one, two)
		}),
		the("8.once", "each member gets every message once", func(t *T) {
			a, from := t.party(), t.party()
			g := t.group("group", a, a)
			s := a.listen()
			msg := from.message("s", g.addr, nil)
			from.send(msg)
			s.brings(msg)
			from.send(msg).result(0, api.CodeDuplicate)
			s.silent(300 * time.Millisecond)
			a.fetch(nil).holds(msg)
		}),
		the("8.removed", "a removed member sees nothing sent later", func(t *T) {
			a, b, from := t.party(), t.party(), t.party()
			g := t.group("group", a, b)
			s := a.listen()
			g.setMembers(b.addr).want(api.CodeMembersSet)
			msg := from.message("s", g.addr, nil)
			from.send(msg)
			b.fetch(nil).holds(msg)
			a.fetch(nil).holds()
			s.silent(300 * time.Millisecond)
		}),
		the("8.added", "a member that is added sees what is sent later", func(t *T) {
			a, from := t.party(), t.party()
			g := t.group("group")
			g.setMembers(a.addr).want(api.CodeMembersSet)
			msg := from.message("s", g.addr, nil)
			from.send(msg)
			a.fetch(nil).holds(msg)
		}),
		the("8.not-a-member", "who is no member sees nothing", func(t *T) {
			a, b, from := t.party(), t.party(), t.party()
			g := t.group("group", a)
			from.send(from.message("s", g.addr, nil))
			b.fetch(nil).holds()
		}),
		the("8.any-member-answers", "any member may answer, as itself", func(t *T) {
			a, b, from := t.party(), t.party(), t.party()
			g := t.group("route", a, b)
			from.send(from.message("r", g.addr, obj{"kid": "k"}, obj{"id": "q"}))
			msg := b.message("p", from.addr, changed(b.pack(from, "k"), obj{"respTo": "q"}))
			b.send(msg).result(0, api.CodeStored, api.CodeStoredListening)
			from.fetch(nil).holds(msg)
		}),
		the("8.cache.of-the-route", "a request to R for K is answered if (R, K, U) is cached", func(t *T) {
			a, u := t.party(), t.party()
			g := t.group("route", a)
			msg := g.publishes(u, "k")
			u.requests(g, "k").result(0, api.CodeServedFromCache).is(msg, "body", 0, "body", 0, "msg")
		}),
		the("8.cache.of-a-member", "or (V, K, U) for a member V", func(t *T) {
			v, w, u := t.party(), t.party(), t.party()
			g := t.group("route", w, v)
			msg := v.publishes(u, "k")
			u.requests(g, "k").result(0, api.CodeServedFromCache).is(msg, "body", 0, "body", 0, "msg")
		}),
		the("8.cache.of-no-member", "and not for anyone else, or a member removed", func(t *T) {
			v, w, u := t.party(), t.party(), t.party()
			g := t.group("route", w, v)
			v.publishes(u, "k")
			g.setMembers(w.addr).want(api.CodeMembersSet)
			u.requests(g, "k").result(0, api.CodeStored, api.CodeStoredListening)
		}),
		the("8.cache.cleared", "a member's clear takes it from the route's answers", func(t *T) {
			v, u := t.party(), t.party()
			g := t.group("route", v)
			v.publishes(u, "k")
			v.send(v.message("c", u.addr, obj{"kid": "k"})).result(0, api.CodeCleared)
			u.requests(g, "k").result(0, api.CodeStored, api.CodeStoredListening)
		}),
	}
}

func memberListCases() []Case {
	return []Case{
		the("8.members.no-list", "members is a token over [address …]", func(t *T) {
			g := t.partyOf("group", "")
			g.post(api.PathMeMembers, obj{"members": g.token(api.PathMeMembers+"#members", obj{})}).want(api.CodeBadToken)
		}),
		the("8.members.malformed", "a malformed address is 400/40003", func(t *T) { t.partyOf("group", "").setMembers("x").want(api.CodeBadAddress) }),
		the("8.members.foreign", "an address of another domain is 404/40403", func(t *T) {
			t.partyOf("group", "").setMembers(t.nobody() + "@elsewhere.example.net").want(api.CodeOtherDomain)
		}),
		the("8.members.1001", "at most 1,000", func(t *T) {
			var all []string
			for range api.MaxMembers + 1 {
				all = append(all, address.New(address.Identity).Local())
			}
			t.partyOf("group", "").setMembers(all...).want(api.CodeTooManyItems)
		}),
		the("8.members.older", "one with an older iat is 409/40900", func(t *T) {
			g := t.group("group", t.standingParty())
			g.post(api.PathMeMembers, obj{"members": g.token(api.PathMeMembers+"#members", []string{}, obj{"iat": now() - 100})}).want(api.CodeStaleToken)
		}),
	}
}
