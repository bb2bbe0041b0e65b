package conformance

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nixnode/nixnode/api"
)

// auditor is a tenant with a key that reads its events, and one that administers
// it: what the operator does may be told in the operator's own stream.
type auditor struct {
	*tenant
	events, admin Credentials
}

func (t *T) auditor() *auditor {
	n := t.tenant()
	return &auditor{n, n.newKey(obj{}, api.ScopeEvent), n.newKey(obj{}, api.ScopeAdmin)}
}

// does sends a request as the customer's admin.
func (n *auditor) does(method, path string, body any) *answer {
	a := n.t.do(call{method: method, path: path, body: body, auth: basic(n.admin)})
	n.t.check(a.status == 200, "%v", a)
	return a
}

func (n *auditor) path(query ...string) string {
	return withQuery(fill(api.PathEvents, n.customer), query)
}

func withQuery(path string, pairs []string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// list asks for events; query is pairs of names and values.
func (n *auditor) list(query ...string) *answer {
	return n.t.do(call{path: n.path(query...), auth: basic(n.events)}).want(api.CodeEvents)
}

// has demands events of these types, oldest first, with those filters.
func (n *auditor) has(types []string, query ...string) *answer {
	a := n.list(append(query, "order", "ASC")...)
	got := []string{}
	for i := range a.list("body") {
		got = append(got, a.str("body", i, "type"))
	}
	n.t.check(same(got, types), "%v; the events are %v, want %v", a, got, types)
	return a
}

// eventCases are those of section 10.
func eventCases() []Case {
	var cases []Case
	for name, c := range map[string]struct {
		types []string
		act   func(t *T, v, u *party)
	}{
		"identity.registered":    {[]string{"identity.registered", "identity.registered"}, func(*T, *party, *party) {}},
		"identity.sigKeyUpdated": {[]string{"identity.sigKeyUpdated"}, func(_ *T, v, _ *party) { v.rotated() }},
		"identity.encKeyUpdated": {[]string{"identity.encKeyUpdated"}, func(_ *T, v, _ *party) {
			v.post(api.PathMeEncKey, obj{"encPubKey": v.token(api.PathMeEncKey+"#encPubKey", newKeypair().jwk("enc"))})
		}},
		"identity.metaUpdated":    {[]string{"identity.metaUpdated"}, func(_ *T, v, _ *party) { v.setMeta("metaPublic", obj{}) }},
		"identity.dataStored":     {[]string{"identity.dataStored"}, func(_ *T, v, _ *party) { v.store("/v1/identity/me/data/x", "x", "y") }},
		"identity.retired":        {[]string{"identity.retired"}, func(_ *T, v, _ *party) { v.retires() }},
		"message.accepted":        {[]string{"message.accepted"}, func(_ *T, v, u *party) { v.sends(v.message("s", u.addr, nil)) }},
		"message.acked":           {[]string{"message.acked"}, func(_ *T, v, _ *party) { _, ts := v.sendMany(1); v.ack(obj{"ts": ts}).want(api.CodeAcked) }},
		"package.published":       {[]string{"package.published"}, func(_ *T, v, u *party) { v.publishes(u, "k") }},
		"package.requested":       {[]string{"package.requested"}, func(_ *T, v, u *party) { u.requests(v, "k") }},
		"package.servedFromCache": {[]string{"package.servedFromCache"}, func(_ *T, v, u *party) { v.publishes(u, "k"); u.requests(v, "k") }},
		"package.cleared":         {[]string{"package.cleared"}, func(_ *T, v, u *party) { v.publishes(u, "k"); v.send(v.message("c", u.addr, obj{"kid": "k"})) }},
		"package.denied":          {[]string{"package.denied"}, func(_ *T, v, u *party) { v.send(v.message("d", u.addr, obj{"kid": "k"})) }},
		"package.expired": {[]string{"package.expired"}, func(t *T, v, u *party) {
			v.sends(v.message("p", u.addr, v.pack(u, "k"), obj{"exp": now() + 2}))
			t.rest(4 * time.Second)
		}},
	} {
		cases = append(cases, withOperator("10.type."+name, "an event is written in the same step as what it tells of: "+name, func(t *T) {
			n := t.auditor()
			v, u := n.party(), n.party()
			c.act(t, v, u)
			if name != "package.expired" {
				n.has(c.types, "type", name)
				return
			}
			t.until(soon, "package.expired", func() bool { return len(n.list("type", name).list("body")) == 1 })
		}))
	}
	for name, act := range map[string]func(n *auditor){
		"application.created": func(n *auditor) { n.does("", fill(api.PathApplications, n.customer), obj{"name": "x"}) },
		"key.created":         func(n *auditor) { n.does("", fill(api.PathKeys, n.app), obj{"name": "x"}) },
		"customer.updated":    func(n *auditor) { n.does("PATCH", fill(api.PathCustomer, n.customer), obj{"name": "x"}) },
		"application.updated": func(n *auditor) { n.does("PATCH", fill(api.PathApplication, n.app), obj{"name": "x"}) },
		"key.updated":         func(n *auditor) { n.does("PATCH", fill(api.PathKey, n.key.ID), obj{"name": "x"}) },
		"key.rotated":         func(n *auditor) { n.does("", fill(api.PathKeyRotate, n.key.ID), obj{}) },
		"key.deleted":         func(n *auditor) { n.does("DELETE", fill(api.PathKey, n.key.ID), nil) },
	} {
		cases = append(cases, withOperator("10.type."+name, "an event is written in the same step as what it tells of: "+name, func(t *T) {
			n := t.auditor()
			act(n)
			n.has([]string{name}, "type", name, "key", n.admin.ID)
		}))
	}
	cases = append(cases, withOperator("10.type.customer.created", "an event is written in the same step as what it tells of: customer.created", func(t *T) {
		n := t.auditor()
		operators := t.operator("", fill(api.PathKey, t.s.o.Operator.ID), nil).want(api.CodeKey).str("body", "customer")
		found := 0
		for _, customer := range []string{operators, n.customer} {
			path := withQuery(fill(api.PathEvents, customer), []string{"type", "customer.created", "dst", n.customer})
			found += len(t.operator("", path, nil).want(api.CodeEvents).list("body"))
		}
		t.check(found > 0, "%d events of type customer.created for %s", found, n.customer)
	}))
	cases = append(cases, withOperator("10.type.identity.membersChanged", "an event is written in the same step as what it tells of: identity.membersChanged", func(t *T) {
		n := t.auditor()
		t.partyOf("group", basic(n.key)).setMembers(t.standingParty().addr).want(api.CodeMembersSet)
		n.has([]string{"identity.membersChanged"}, "type", "identity.membersChanged")
	}))
	return append(append(append(cases, eventListCases()...), eventFilterCases()...), eventStreamCases()...)
}

func eventListCases() []Case {
	return []Case{
		withOperator("10.event.fields", "metadata only: {id, ts, type, txnID, code, app, key, src, dst, msgID, kid, size}", func(t *T) {
			n := t.auditor()
			v, u := n.party(), n.party()
			msg := v.message("p", u.addr, v.pack(u, "k"), obj{"id": "one"})
			txn := v.send(msg).str("txnID")
			a := n.list("type", "package.published")
			for name, want := range map[string]string{"txnID": txn, "app": n.app, "key": n.key.ID, "src": v.addr, "dst": u.addr, "msgID": "one", "kid": "k"} {
				a.is(want, "body", 0, name)
			}
			a.has("body", 0, "id").has("body", 0, "ts").has("body", 0, "code").has("body", 0, "size")
			t.check(!strings.Contains(string(a.text), msg[:60]), "%v; a token is in it", a)
		}),
		withOperator("10.event.ts", "ts is as elsewhere, and ascends", func(t *T) {
			n := t.auditor()
			n.party().sendMany(4)
			a := n.list("order", "ASC")
			for i := 1; i < len(a.list("body")); i++ {
				x, y := nanosOf(a.str("body", i-1, "ts")), nanosOf(a.str("body", i, "ts"))
				t.check(x != nil && y != nil && x.Cmp(y) < 0, "%v; event %d", a, i)
			}
		}),
		withOperator("10.event.refused", "none is for something that did not happen", func(t *T) {
			n := t.auditor()
			p := n.party()
			p.refused(p.message("s", t.nobody(), nil), api.CodeNoIdentity)
			n.has([]string{}, "type", "message.accepted")
		}),
		withOperator("10.event.duplicate", "a message that was accepted before is no event again", func(t *T) {
			n := t.auditor()
			p := n.party()
			msg := p.message("s", p.addr, nil)
			p.sends(msg)
			p.send(msg).result(0, api.CodeDuplicate)
			n.has([]string{"message.accepted"}, "type", "message.accepted")
		}),
		withOperator("10.list.order", "DESC is the default order", func(t *T) {
			n := t.auditor()
			n.party().sendMany(3)
			a, b := n.list(), n.list("order", "ASC")
			down, up := a.list("body"), b.list("body")
			t.check(len(up) > 2 && len(up) == len(down) && same(down[0], up[len(up)-1]) && same(up[0], down[len(down)-1]), "%v; the orders do not mirror each other", a)
		}),
		withOperator("10.list.pages", "paged by cursor and limit, each event once", func(t *T) {
			n := t.auditor()
			n.party().sendMany(4)
			whole := n.list("order", "ASC", "limit", "1000").list("body")
			var got []any
			query := []string{"order", "ASC", "limit", "2"}
			for range len(whole) {
				a := n.list(query...)
				got = append(got, a.list("body")...)
				if a.at("continue") != true {
					break
				}
				query = []string{"order", "ASC", "limit", "2", "cursor", a.str("last")}
			}
			t.check(same(got, whole), "the pages have %d events, the whole %d, or in another order", len(got), len(whole))
		}),
		withOperator("10.list.bad-cursor", "a cursor that is none of this list is 400/40005", func(t *T) {
			n := t.auditor()
			t.do(call{path: n.path("cursor", "garbage"), auth: basic(n.events)}).want(api.CodeBadCursor)
		}),
		withOperator("10.list.other-customer", "a cursor of another customer is 400/40005", func(t *T) {
			n, m := t.auditor(), t.auditor()
			m.party().sendMany(2)
			t.do(call{path: n.path("cursor", m.list("limit", "1").str("last")), auth: basic(n.events)}).want(api.CodeBadCursor)
		}),
		withOperator("10.list.others-events", "another customer's events are as if they did not exist", func(t *T) {
			n, m := t.auditor(), t.auditor()
			t.do(call{path: n.path(), auth: basic(m.events)}).want(api.CodeNoTenant)
		}),
		withOperator("10.list.scope", "[event]", func(t *T) {
			n := t.auditor()
			t.do(call{path: n.path(), auth: basic(n.key)}).want(api.CodeScope)
		}),
		withOperator("10.list.bad-order", "order is ASC or DESC", func(t *T) {
			n := t.auditor()
			t.do(call{path: n.path("order", "UP"), auth: basic(n.events)}).want(api.CodeBadValue)
		}),
	}
}

func eventFilterCases() []Case {
	// Each filter is tried on the same few events: that of a publish is the one wanted.
	var cases []Case
	for name, value := range map[string]func(n *auditor, v, u *party) string{
		"app": func(n *auditor, _, _ *party) string { return n.app }, "key": func(n *auditor, _, _ *party) string { return n.key.ID },
		"src": func(_ *auditor, v, _ *party) string { return v.addr }, "dst": func(_ *auditor, _, u *party) string { return u.addr },
		"kid": func(*auditor, *party, *party) string { return "k" }, "code": func(*auditor, *party, *party) string { return "20022" },
	} {
		cases = append(cases, withOperator("10.filter."+name, "the filter "+name, func(t *T) {
			n := t.auditor()
			v, u := n.party(), n.party()
			v.publishes(u, "k")
			n.elsewhere()
			want := value(n, v, u)
			a := n.list(name, want)
			t.check(len(a.list("body")) > 0 && len(a.list("body")) < len(n.list().list("body")), "%v; %d events", a, len(a.list("body")))
			published := false
			for i := range a.list("body") {
				got := a.str("body", i, name)
				if name == "code" {
					got = show(a.at("body", i, name))
				}
				t.check(got == want, "%v; event %d has %s %v, want %s", a, i, name, got, want)
				published = published || a.str("body", i, "type") == "package.published"
			}
			t.check(published, "%v; the publish is missing", a)
		}))
	}
	return append(cases, withOperator("10.filter.from-to", "from and to bound the time", func(t *T) {
		n := t.auditor()
		n.party().sendMany(5)
		a := n.list("order", "ASC", "type", "message.accepted")
		all := a.list("body")
		t.check(len(all) == 5, "%v; %d events of five messages", a, len(all))
		got := n.list("order", "ASC", "type", "message.accepted", "from", a.str("body", 1, "ts"), "to", a.str("body", 4, "ts")).list("body")
		t.check(same(got, all[1:4]), "%v; from the second to before the last of five are %d", a, len(got))
	}))
}

// elsewhere has something happen by another key of another application.
func (n *auditor) elsewhere() {
	app := n.does("", fill(api.PathApplications, n.customer), obj{"name": "other"}).str("body", "address")
	a := n.does("", fill(api.PathKeys, app), obj{"name": "other"})
	n.t.partyOf("user", basic(Credentials{a.str("body", "address"), a.str("body", "secret")}))
}

func (n *auditor) listen(query ...string) *stream {
	return n.t.stream(call{path: withQuery(fill(api.PathEventsListen, n.customer), query), auth: basic(n.events)})
}

func eventStreamCases() []Case {
	return []Case{
		withOperator("10.listen.live", "from now on, NDJSON, whichever node it happens on", func(t *T) {
			n := t.auditor()
			s := n.listen()
			t.check(s.resp.Header.Get("Content-Type") == "application/x-ndjson", "Content-Type %q", s.resp.Header.Get("Content-Type"))
			for range max(2, len(t.s.urls)) {
				p := n.party()
				o := s.line(soon)
				t.check(o["type"] == "identity.registered" && (o["dst"] == p.addr || o["src"] == p.addr), "the line is %s", brief(show(o)))
			}
		}),
		withOperator("10.listen.cursor", "from cursor", func(t *T) {
			n := t.auditor()
			s := n.listen()
			n.party()
			id := text(s.line(soon)["id"])
			s.close()
			p := n.party()
			o := n.listen("cursor", id).line(soon)
			t.check(o["src"] == p.addr || o["dst"] == p.addr, "the line behind the cursor is %s", brief(show(o)))
		}),
		withOperator("10.listen.filter", "the same filters", func(t *T) {
			n := t.auditor()
			s := n.listen("type", "message.accepted")
			p := n.party()
			p.sends(p.message("s", p.addr, nil))
			o := s.line(soon)
			t.check(o["type"] == "message.accepted", "the line is %s", brief(show(o)))
		}),
		withOperator("10.listen.sse", "server-sent events when asked for, their id is the cursor", func(t *T) {
			n := t.auditor()
			id, data := n.serverSent(nil, func() { n.party() })
			t.check(id != "" && object([]byte(data))["id"] == id, "id %q, data %s", id, brief(data))
		}),
		withOperator("10.listen.last-event-id", "Last-Event-ID is honoured", func(t *T) {
			n := t.auditor()
			id, _ := n.serverSent(nil, func() { n.party() })
			p := n.party()
			_, data := n.serverSent(http.Header{"Last-Event-Id": {id}}, func() {})
			o := object([]byte(data))
			t.check(o["src"] == p.addr || o["dst"] == p.addr, "the event behind the id is %s", brief(data))
		}),
		withOperator("10.listen.key-disabled", "a stream that must end has a last line, and then breaks", func(t *T) {
			n := t.auditor()
			s := n.listen()
			n.patch(api.PathKey, n.events.ID, obj{"enabled": false}).want(api.CodeKeyUpdated)
			for {
				o := s.line(6 * time.Second)
				if o["type"] == nil {
					t.check(number(o["code"]) == int(api.CodeKeyDisabled), "the last line is %s", brief(show(o)))
					break
				}
			}
		}),
	}
}

// serverSent opens a stream of server-sent events, does something, and gives the
// first event with data.
func (n *auditor) serverSent(header http.Header, act func()) (id, data string) {
	t := n.t
	h := http.Header{"Accept": {"text/event-stream"}}
	for name, values := range header {
		h[name] = values
	}
	resp, err := t.openIn(t.ctx, call{path: fill(api.PathEventsListen, n.customer), auth: basic(n.events), header: h})
	if err != nil {
		t.disturbed.Store(true)
		t.Failf("no stream of events: %v", err)
	}
	t.cleanup(func() { _ = resp.Body.Close() })
	t.check(resp.StatusCode == 200 && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream"), "%d %q", resp.StatusCode, resp.Header.Get("Content-Type"))
	act()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case name == "id":
			id = value
		case name == "data":
			return id, value
		}
	}
	t.Failf("the stream of events ended: %v", lines.Err())
	return "", ""
}
