package conformance

import (
	"encoding/json"

	"github.com/nixnode/nixnode/api"
)

// packageCases are those of section 7.
func packageCases() []Case {
	cases := []Case{
		the("7.publish.stored", "a p message is stored in U's mailbox", func(t *T) {
			v, u := t.party(), t.party()
			u.fetch(nil).holds()
			msg := v.publishes(u, "k")
			u.fetch(nil).holds(msg)
		}),
		the("7.request.cached", "a request for a cached package is 200/20016 with the publish token", func(t *T) {
			v, u := t.party(), t.party()
			msg := v.publishes(u, "k")
			u.requests(v, "k").result(0, api.CodeServedFromCache).is(msg, "body", 0, "body", 0, "msg").has("body", 0, "body", 0, "ts")
		}),
		the("7.request.not-disturbed", "answered from the cache, V is not disturbed", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			u.requests(v, "k").result(0, api.CodeServedFromCache)
			v.fetch(nil).holds()
		}),
		the("7.request.not-cached", "else the request goes to V's mailbox", func(t *T) {
			v, u := t.party(), t.party()
			msg := u.message("r", v.addr, obj{"kid": "k"})
			u.sends(msg)
			v.fetch(nil).holds(msg)
		}),
		the("7.request.no-cache", "noCache goes to V's mailbox", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			u.requests(v, "k", obj{"noCache": true}).result(0, api.CodeStored)
		}),
		the("7.request.other-kid", "another K is not cached", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			u.requests(v, "K").result(0, api.CodeStored)
		}),
		the("7.request.other-reader", "a cached package goes only to the identity it was published to", func(t *T) {
			v, u, w := t.party(), t.party(), t.party()
			v.publishes(u, "k")
			w.requests(v, "k").result(0, api.CodeStored)
		}),
		the("7.request.other-vault", "a package of another vault does not answer", func(t *T) {
			v, u, w := t.party(), t.party(), t.party()
			v.publishes(u, "k")
			u.requests(w, "k").result(0, api.CodeStored)
		}),
		the("7.request.previous-key", "a cached response may use a previous key", func(t *T) {
			v, u := t.party(), t.party()
			msg := v.publishes(u, "k")
			u.requests(v, "k", obj{"encPubKey": newKeypair().jwk("enc")}).result(0, api.CodeServedFromCache).is(msg, "body", 0, "body", 0, "msg")
		}),
		the("7.request.after-ack", "the cache does not depend on the mailbox", func(t *T) {
			v, u := t.party(), t.party()
			ts := v.sends(v.message("p", u.addr, v.pack(u, "k")))
			u.ack(obj{"ts": []string{ts}}).want(api.CodeAcked)
			u.requests(v, "k").result(0, api.CodeServedFromCache)
		}),
		the("7.request.in-a-call", "requests of one call are answered one by one", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			a := u.send(u.message("r", v.addr, obj{"kid": "x"}), u.message("r", v.addr, obj{"kid": "k"}))
			a.result(0, api.CodeStored).result(1, api.CodeServedFromCache)
		}),
		the("7.publish.replaces", "a later one replaces it", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			msg := v.publishes(u, "k")
			u.requests(v, "k").result(0, api.CodeServedFromCache).is(msg, "body", 0, "body", 0, "msg")
		}),
		the("7.publish.until-exp", "cached until exp", func(t *T) {
			v, u := t.party(), t.party()
			v.sends(v.message("p", u.addr, v.pack(u, "k"), obj{"exp": now() + 2}))
			t.until(soon, "an expired package answers no more", func() bool {
				code := number(u.requests(v, "k").at("body", 0, "code"))
				return code == int(api.CodeStored)
			})
		}),
		the("7.publish.without-jwe", "a p message without a jwe caches nothing", func(t *T) {
			v, u := t.party(), t.party()
			v.send(v.message("p", u.addr, obj{"kid": "k"}))
			u.requests(v, "k").result(0, api.CodeStored)
		}),
		the("7.publish.everywhere", "a package published on one node is answered by any", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			for range 2 * len(t.s.urls) {
				u.requests(v, "k").result(0, api.CodeServedFromCache)
			}
		}),
		the("7.deny.delivered", "a d message is delivered", func(t *T) {
			v, u := t.party(), t.party()
			msg := v.message("d", u.addr, obj{"kid": "k", "respTo": "x", "reason": "no"})
			v.sends(msg)
			u.fetch(nil).holds(msg)
		}),
	}
	return append(append(cases, clearCases()...), packageListCases()...)
}

func clearCases() []Case {
	return []Case{
		the("7.clear.uncached", "a clear removes (V, K, U) from the cache; 20024", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			v.send(v.message("c", u.addr, obj{"kid": "k"})).result(0, api.CodeCleared)
			u.requests(v, "k").result(0, api.CodeStored)
		}),
		the("7.clear.mailbox", "and the matching p messages from U's mailbox, and is delivered", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			kept := v.publishes(u, "l")
			msg := v.message("c", u.addr, obj{"kid": "k"})
			v.send(msg).result(0, api.CodeCleared)
			u.fetch(obj{"order": "ASC"}).holds(kept, msg)
		}),
		the("7.clear.others-stay", "other packages and other readers stay", func(t *T) {
			v, u, w := t.party(), t.party(), t.party()
			v.publishes(u, "k")
			v.publishes(u, "l")
			v.publishes(w, "k")
			v.send(v.message("c", u.addr, obj{"kid": "k"})).result(0, api.CodeCleared)
			u.requests(v, "l").result(0, api.CodeServedFromCache)
			w.requests(v, "k").result(0, api.CodeServedFromCache)
		}),
		the("7.clear.for-everyone", "addressed to V itself, all (V, K, *) go at once, and each holder gets a copy", func(t *T) {
			v, u, w := t.party(), t.party(), t.party()
			v.publishes(u, "k")
			v.publishes(w, "k")
			msg := v.message("c", v.addr, obj{"kid": "k"})
			v.send(msg).result(0, api.CodeCleared)
			for _, reader := range []*party{u, w} {
				reader.fetch(nil).holds(msg)
				reader.requests(v, "k").result(0, api.CodeStored)
			}
		}),
		the("7.clear.count", "the result's body says how many", func(t *T) {
			v, u, w := t.party(), t.party(), t.party()
			v.publishes(u, "k")
			v.publishes(w, "k")
			v.send(v.message("c", v.addr, obj{"kid": "k"})).result(0, api.CodeCleared).is(json.Number("2"), "body", 0, "body", "cleared")
		}),
		the("7.clear.without-kid", "without kid, everything V has cached for U", func(t *T) {
			v, u, w := t.party(), t.party(), t.party()
			v.publishes(u, "k")
			v.publishes(u, "l")
			v.publishes(w, "k")
			v.send(v.message("c", u.addr, obj{})).result(0, api.CodeCleared)
			u.requests(v, "k").result(0, api.CodeStored)
			u.requests(v, "l").result(0, api.CodeStored)
			w.requests(v, "k").result(0, api.CodeServedFromCache)
		}),
		the("7.clear.only-own", "nobody clears another's packages", func(t *T) {
			v, u, w := t.party(), t.party(), t.party()
			v.publishes(u, "k")
			w.send(w.message("c", u.addr, obj{"kid": "k"}))
			u.requests(v, "k").result(0, api.CodeServedFromCache)
		}),
		the("7.clear.at-once-everywhere", "once a clear has been answered, no later request on any node is answered from the cache", func(t *T) {
			v, u := t.party(), t.party()
			for range 5 {
				v.publishes(u, "k")
				u.requests(v, "k").result(0, api.CodeServedFromCache)
				v.send(v.message("c", u.addr, obj{"kid": "k"})).result(0, api.CodeCleared)
				u.requests(v, "k").result(0, api.CodeStored)
			}
		}),
		the("7.clear.live", "a clear is delivered to who listens", func(t *T) {
			v, u := t.party(), t.party()
			s := u.listen()
			publish := v.message("p", u.addr, v.pack(u, "k"))
			v.send(publish).result(0, api.CodeStored, api.CodeStoredListening)
			s.brings(publish)
			msg := v.message("c", v.addr, obj{"kid": "k"})
			v.send(msg).result(0, api.CodeCleared)
			s.brings(msg)
		}),
		the("7.clear.again", "publishing again after a clear caches again", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			v.send(v.message("c", u.addr, obj{"kid": "k"})).result(0, api.CodeCleared)
			msg := v.publishes(u, "k")
			u.requests(v, "k").result(0, api.CodeServedFromCache).is(msg, "body", 0, "body", 0, "msg")
		}),
	}
}

func (p *party) listPackages(claims obj) *answer {
	return p.post(api.PathPackages, p.jwt(api.PathPackages, claims))
}

func packageListCases() []Case {
	return []Case{
		the("7.list.empty", "what the caller has cached; 20027", func(t *T) {
			t.party().listPackages(nil).want(api.CodePackages).is([]any{}, "body")
		}),
		the("7.list.row", "{kid, dst, ts, exp, size, served, lastServed}", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			a := v.listPackages(nil).want(api.CodePackages).is("k", "body", 0, "kid").is(u.addr, "body", 0, "dst")
			a.has("body", 0, "ts").has("body", 0, "exp").has("body", 0, "size").is(json.Number("0"), "body", 0, "served")
		}),
		the("7.list.served", "served counts what the cache answered", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			u.requests(v, "k").result(0, api.CodeServedFromCache)
			u.requests(v, "k").result(0, api.CodeServedFromCache)
			t.until(soon, "served is 2, with lastServed", func() bool {
				a := v.listPackages(nil).want(api.CodePackages)
				return number(a.at("body", 0, "served")) == 2 && a.at("body", 0, "lastServed") != nil
			})
		}),
		the("7.list.filter-kid", "filter kid", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			v.publishes(u, "l")
			a := v.listPackages(obj{"kid": "l"}).want(api.CodePackages).is("l", "body", 0, "kid")
			t.check(len(a.list("body")) == 1, "%v; %d rows", a, len(a.list("body")))
		}),
		the("7.list.filter-dst", "filter dst", func(t *T) {
			v, u, w := t.party(), t.party(), t.party()
			v.publishes(u, "k")
			v.publishes(w, "k")
			a := v.listPackages(obj{"dst": w.addr}).want(api.CodePackages).is(w.addr, "body", 0, "dst")
			t.check(len(a.list("body")) == 1, "%v; %d rows", a, len(a.list("body")))
		}),
		the("7.list.pages", "paging", func(t *T) {
			v, u := t.party(), t.party()
			for _, kid := range []string{"a", "b", "c", "d", "e"} {
				v.publishes(u, kid)
			}
			seen, cursor := map[string]bool{}, obj{"limit": 2}
			for range 5 {
				a := v.listPackages(cursor).want(api.CodePackages)
				for i := range a.list("body") {
					kid := a.str("body", i, "kid")
					t.check(!seen[kid], "%v; %s is there twice", a, kid)
					seen[kid] = true
				}
				if a.at("continue") != true {
					break
				}
				cursor = obj{"limit": 2, "cursor": a.str("last")}
			}
			t.check(len(seen) == 5, "of 5 packages the pages have %d", len(seen))
		}),
		the("7.list.cleared", "a cleared package is not listed", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			v.send(v.message("c", u.addr, obj{"kid": "k"})).result(0, api.CodeCleared)
			v.listPackages(nil).want(api.CodePackages).is([]any{}, "body")
		}),
		the("7.list.only-own", "nobody sees another's", func(t *T) {
			v, u := t.party(), t.party()
			v.publishes(u, "k")
			u.listPackages(nil).want(api.CodePackages).is([]any{}, "body")
		}),
		the("7.list.bad-cursor", "a cursor that is none of this list is 400/40005", func(t *T) {
			t.standingParty().listPackages(obj{"cursor": "garbage"}).want(api.CodeBadCursor)
		}),
	}
}
