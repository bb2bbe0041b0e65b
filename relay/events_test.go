package relay

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/message"
)

// made is how many events tell of the making of a tenant: its customer, its
// application and its key.
const made = 3

// watched is a tenant whose key may also read events.
func watched(t *testing.T, nodes int) (*world, tenant) {
	t.Helper()
	w := newWorld(t, nodes)
	return w, w.newTenant(w.bootstrap(), api.ScopeIdentity, api.ScopeMessage, api.ScopeEvent)
}

func eventPage(t *testing.T, n *testNode, u tenant, q EventQuery) EventPage {
	t.Helper()
	return must(n.Events(t.Context(), u.caller, u.customer, q))(t)
}

// typesOf gives what of each event tells it from the others of these tests.
func typesOf(events []api.Event) (out []string) {
	for _, e := range events {
		out = append(out, e.Type+" "+e.MsgID)
	}
	return out
}

// allOf pages through events.
func allOf(t *testing.T, n *testNode, u tenant, q EventQuery) (all []api.Event) {
	t.Helper()
	for {
		page := eventPage(t, n, u, q)
		all = append(all, page.Events...)
		if !page.More {
			return all
		}
		q.Cursor = page.Last
	}
}

func TestEventsTellWhatHappenedAndNothingMore(t *testing.T) {
	w, u := watched(t, 2)
	n := w.nodes[0]
	v, r := w.register(u.caller, "vault"), w.register(u.caller, "user")
	w.send(n, u.caller, v.message('p', r, map[string]string{"kid": "K", "jwe": "x"}))
	w.send(n, u.caller, r.message('r', v, map[string]string{"kid": "K"}))
	got := eventPage(t, w.nodes[1], u, EventQuery{Order: "ASC"}).Events
	if key := got[made-1]; key.Type != "key.created" || key.Dst != u.key || key.Key == u.key {
		t.Errorf("what the operator did is told as %+v", key)
	}
	got = got[made:]
	if want := []string{"identity.registered ", "identity.registered ", "package.published 1", "package.servedFromCache 1"}; !slices.Equal(typesOf(got), want) {
		t.Fatalf("got %v, want %v", typesOf(got), want)
	}
	e := got[2]
	if e.Code != api.CodeStored || e.App != u.app || e.Key != u.key || e.Src != v.addr || e.Dst != r.addr || e.Kid != "K" ||
		e.TxnID != "txn-1" || e.ID == "" || e.Size < 100 {
		t.Errorf("got %+v", e)
	}
	if ts, err := message.ParseTimestamp(e.TS); err != nil || ts.Time().Sub(w.clock()).Abs() > time.Minute {
		t.Errorf("ts %s, %v", e.TS, err)
	}
	if got[3].Code != api.CodeServedFromCache || got[0].Code != api.CodeRegistered {
		t.Errorf("codes %d, %d", got[3].Code, got[0].Code)
	}
}

func TestEventsArePagedWithoutGapsOrRepeatsWhileMoreHappen(t *testing.T) {
	w, u := watched(t, 2)
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	fill(w, u.caller, a, b, 5)
	for _, order := range []string{"ASC", "DESC"} {
		want := []string{"message.accepted 1", "message.accepted 2", "message.accepted 3", "message.accepted 4", "message.accepted 5"}
		q := EventQuery{Order: order, Limit: 2, EventFilter: EventFilter{Type: "message.accepted", Dst: b.addr}}
		var got []string
		for i := 0; ; i++ {
			page := eventPage(t, w.nodes[i%2], u, q)
			got = append(got, typesOf(page.Events)...)
			if !page.More {
				break
			}
			q.Cursor = page.Last
			w.send(w.nodes[0], u.caller, b.message('s', a, nil)) // other events in between
		}
		if order == "DESC" {
			slices.Reverse(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v", order, got)
		}
	}
}

func TestEventsAreFilteredAndBounded(t *testing.T) {
	w, u := watched(t, 1)
	n := w.nodes[0]
	v, r := w.register(u.caller, "vault"), w.register(u.caller, "user")
	w.send(n, u.caller, v.message('p', r, map[string]string{"kid": "K", "jwe": "x"}), r.message('s', v, nil))
	all := allOf(t, n, u, EventQuery{Order: "ASC"})[made:]
	if len(all) != 4 {
		t.Fatalf("%d events", len(all))
	}
	for name, c := range map[string]struct {
		q    EventQuery
		want int
	}{
		"type":         {EventQuery{EventFilter: EventFilter{Type: "identity.registered"}}, 2},
		"app":          {EventQuery{EventFilter: EventFilter{App: u.app}}, 4},
		"key":          {EventQuery{EventFilter: EventFilter{Key: u.key}}, 4},
		"src":          {EventQuery{EventFilter: EventFilter{Src: v.addr}}, 2},
		"src as local": {EventQuery{EventFilter: EventFilter{Src: v.local.String()}}, 2},
		"dst":          {EventQuery{EventFilter: EventFilter{Dst: v.addr}}, 1},
		"kid":          {EventQuery{EventFilter: EventFilter{Kid: "K"}}, 1},
		"code":         {EventQuery{EventFilter: EventFilter{Code: "20022"}}, 2},
		"several":      {EventQuery{EventFilter: EventFilter{Code: "20022", Src: r.addr}}, 1},
		"nobody":       {EventQuery{EventFilter: EventFilter{Src: r.addr, Kid: "K"}}, 0},
		"from":         {EventQuery{From: all[1].TS}, 3},
		"to":           {EventQuery{To: all[1].TS}, made + 1},
		"both":         {EventQuery{From: all[1].TS, To: all[3].TS}, 2},
		"empty":        {EventQuery{From: all[3].TS, To: all[0].TS}, 0},
		"from 0":       {EventQuery{From: "0"}, made + 4},
		"to 0":         {EventQuery{To: "0"}, 0},
	} {
		if got := len(allOf(t, n, u, c.q)); got != c.want {
			t.Errorf("%s: %d events, want %d", name, got, c.want)
		}
	}
	for name, c := range map[string]struct {
		q    EventQuery
		want api.Code
	}{
		"order":        {EventQuery{Order: "asc"}, api.CodeBadValue},
		"limit":        {EventQuery{Limit: -1}, api.CodeBadValue},
		"from":         {EventQuery{From: "yesterday"}, api.CodeBadValue},
		"to":           {EventQuery{To: "-1"}, api.CodeBadValue},
		"type":         {EventQuery{EventFilter: EventFilter{Type: "message.lost"}}, api.CodeBadValue},
		"code":         {EventQuery{EventFilter: EventFilter{Code: "+1"}}, api.CodeBadValue},
		"code 0":       {EventQuery{EventFilter: EventFilter{Code: "0"}}, api.CodeBadValue},
		"kid":          {EventQuery{EventFilter: EventFilter{Kid: fmt.Sprintf("%0257d", 0)}}, api.CodeBadValue},
		"src":          {EventQuery{EventFilter: EventFilter{Src: "nobody"}}, api.CodeBadAddress},
		"app":          {EventQuery{EventFilter: EventFilter{App: u.key}}, api.CodeBadAddress},
		"key":          {EventQuery{EventFilter: EventFilter{Key: u.app}}, api.CodeBadAddress},
		"foreign dst":  {EventQuery{EventFilter: EventFilter{Dst: "iAAAAAAAAAAAAAAAAAAAA@elsewhere.example"}}, api.CodeOtherDomain},
		"cursor":       {EventQuery{Cursor: "x"}, api.CodeBadCursor},
		"cursor of it": {EventQuery{Cursor: all[0].ID}, api.CodeBadCursor}, // an id is for the ascending order
	} {
		_, err := n.Events(t.Context(), u.caller, u.customer, c.q)
		wantCode(t, err, c.want)
		if name != "order" && name != "limit" && name != "from" && name != "to" && name != "cursor of it" {
			_, err = n.ListenEvents(t.Context(), u.caller, u.customer, c.q)
			wantCode(t, err, c.want)
		}
	}
}

func TestACursorOfEventsIsGoodForItsOwnPagesAlone(t *testing.T) {
	w, u := watched(t, 1)
	n := w.nodes[0]
	other := w.newTenant(u.operator, api.ScopeEvent, api.ScopeIdentity, api.ScopeMessage)
	for range 3 {
		w.register(u.caller, "user")
		w.register(other.caller, "user")
	}
	filter := EventFilter{Type: "identity.registered"}
	asc := eventPage(t, n, u, EventQuery{Order: "ASC", Limit: 1})
	filtered := eventPage(t, n, u, EventQuery{Order: "ASC", Limit: 1, EventFilter: filter})
	desc := eventPage(t, n, u, EventQuery{Limit: 1})
	box := fetch(t, w, u.caller, w.register(u.caller, "user"))
	for name, q := range map[string]EventQuery{
		"other order":   {Cursor: asc.Last},
		"other order 2": {Cursor: desc.Last, Order: "ASC"},
		"other filter":  {Cursor: asc.Last, Order: "ASC", EventFilter: filter},
		"no filter":     {Cursor: filtered.Last, Order: "ASC"},
		"cut":           {Cursor: asc.Last[:len(asc.Last)-1], Order: "ASC"},
		"altered":       {Cursor: "B" + asc.Last[1:], Order: "ASC"},
		"line break":    {Cursor: asc.Last[:4] + "\n" + asc.Last[4:], Order: "ASC"},
	} {
		_, err := n.Events(t.Context(), u.caller, u.customer, q)
		if codeOf(t, err) != api.CodeBadCursor {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := n.Events(t.Context(), other.caller, other.customer, EventQuery{Cursor: asc.Last, Order: "ASC"})
	wantCode(t, err, api.CodeBadCursor) // of another customer
	_, err = n.ListenEvents(t.Context(), other.caller, other.customer, EventQuery{Cursor: asc.Events[0].ID})
	wantCode(t, err, api.CodeBadCursor)
	for _, bad := range []EventQuery{{Cursor: desc.Last}, {Cursor: filtered.Last}} {
		_, err = n.ListenEvents(t.Context(), u.caller, u.customer, bad)
		wantCode(t, err, api.CodeBadCursor)
	}
	if box.Last != "" {
		t.Fatal("an empty mailbox has a cursor")
	}
	// The id of an event is a place in the ascending order.
	rest := eventPage(t, n, u, EventQuery{Cursor: asc.Events[0].ID, Order: "ASC"})
	if len(rest.Events) != made-1+4 {
		t.Errorf("%d events behind the first", len(rest.Events))
	}
}

func TestEventsAreForTheirCustomerAndForOperators(t *testing.T) {
	w, u := watched(t, 2)
	n := w.nodes[0]
	plain, admin := w.newTenant(u.operator), w.newTenant(u.operator, api.ScopeAdmin)
	foreign := w.newTenant(u.operator, api.ScopeEvent)
	for name, c := range map[string]struct {
		caller   Caller
		customer string
		want     api.Code
	}{
		"its own":               {u.caller, u.customer, api.CodeOK},
		"operator":              {u.operator, u.customer, api.CodeOK},
		"another's":             {foreign.caller, u.customer, api.CodeNoTenant},
		"nobody's":              {foreign.caller, "cAAAAAAAAAAAAAAAAAAAA", api.CodeNoTenant},
		"nobody's, operator":    {u.operator, "cAAAAAAAAAAAAAAAAAAAA", api.CodeNoTenant},
		"without the scope":     {plain.caller, plain.customer, api.CodeScope},
		"admin without it":      {admin.caller, admin.customer, api.CodeScope},
		"without it, another's": {plain.caller, u.customer, api.CodeScope},
		"no customer":           {u.caller, u.app, api.CodeBadAddress},
		"nobody":                {Caller{}, u.customer, api.CodeUnknownKey},
	} {
		_, err := n.Events(t.Context(), c.caller, c.customer, EventQuery{})
		if codeOf(t, err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		s, err := n.ListenEvents(t.Context(), c.caller, c.customer, EventQuery{})
		if codeOf(t, err) != c.want {
			t.Errorf("listen, %s: %v", name, err)
		}
		if err == nil {
			s.Close()
		}
	}
}

// nextEvents reads n events of a stream.
func nextEvents(t *testing.T, s *EventStream, n int) (all []api.Event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for len(all) < n {
		all = append(all, must(s.Next(ctx))(t)...)
	}
	return all
}

func TestAStreamOfEventsBeginsNowOrBehindItsCursorOnAnyNode(t *testing.T) {
	w, u := watched(t, 3)
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	w.nodes[2].setLag(true) // it does not know yet what has happened
	fill(w, u.caller, a, b, 2)
	open := func(n *testNode, q EventQuery) *EventStream {
		t.Helper()
		s := must(n.ListenEvents(t.Context(), u.caller, u.customer, q))(t)
		t.Cleanup(s.Close)
		return s
	}
	now := open(w.nodes[2], EventQuery{})
	w.nodes[2].setLag(false)
	all := allOf(t, w.nodes[0], u, EventQuery{Order: "ASC"})[made:]
	behind := open(w.nodes[1], EventQuery{Cursor: all[1].ID, EventFilter: EventFilter{Type: "message.accepted"}})
	if now.Begin() != all[3].ID || behind.Begin() != all[1].ID {
		t.Error("a stream begins elsewhere")
	}
	if got := typesOf(nextEvents(t, behind, 2)); !slices.Equal(got, []string{"message.accepted 1", "message.accepted 2"}) {
		t.Errorf("got %v", got)
	}
	if again, more, err := behind.look(); err != nil || len(again) > 0 || more {
		t.Errorf("the stream repeats %d events, more %v, %v", len(again), more, err)
	}
	done := make(chan []api.Event, 1)
	go func() {
		e, err := now.Next(context.Background()) // waits, and is woken by the bell
		if err != nil {
			t.Error(err)
		}
		done <- e
	}()
	w.send(w.nodes[0], u.caller, b.message('s', a, nil))
	if got := typesOf(<-done); !slices.Equal(got, []string{"message.accepted 1"}) {
		t.Errorf("got %v", got)
	}
	// What one stream gave, and what another one that goes on gives, is all there is.
	id := ""
	for _, e := range all {
		id = e.ID
		w.send(w.nodes[0], u.caller, b.message('s', a, nil))
		s := open(w.nodes[1], EventQuery{Cursor: id})
		rest := nextEvents(t, s, 1)
		want := allOf(t, w.nodes[0], u, EventQuery{Order: "ASC", Cursor: id})
		if !slices.Equal(rest, want) {
			t.Errorf("from %s: %d events, want %d", id, len(rest), len(want))
		}
		s.Close()
	}
}

func TestAStreamOfEventsEndsForItsReason(t *testing.T) {
	off := false
	for name, c := range map[string]struct {
		do   func(w *world, u tenant)
		want api.Code
	}{
		"key disabled": {func(w *world, u tenant) {
			must(w.nodes[0].UpdateKey(w.t.Context(), u.operator, u.key, api.KeyPatch{Enabled: &off}))(w.t)
		}, api.CodeKeyDisabled},
		"scope taken": {func(w *world, u tenant) {
			must(w.nodes[0].UpdateKey(w.t.Context(), u.operator, u.key, api.KeyPatch{Scopes: []string{api.ScopeMessage}}))(w.t)
		}, api.CodeScope},
		"key deleted": {func(w *world, u tenant) {
			wantCode(w.t, w.nodes[0].DeleteKey(w.t.Context(), u.operator, u.key), api.CodeOK)
		}, api.CodeUnknownKey},
		"customer disabled": {func(w *world, u tenant) {
			must(w.nodes[0].UpdateCustomer(w.t.Context(), u.operator, u.customer, api.TenantPatch{Enabled: &off}))(w.t)
		}, api.CodeTenantDisabled},
		"no leader": {func(w *world, u tenant) {
			w.nodes[1].set(func() { w.nodes[1].lastContact = maxSilence + time.Second })
		}, api.CodeNoLeader},
		"going down": {func(w *world, u tenant) { w.nodes[1].Service.Close() }, api.CodeGoingDown},
		"too many": {func(w *world, u tenant) {
			for range maxStreams {
				s := must(w.nodes[1].ListenEvents(w.t.Context(), u.caller, u.customer, EventQuery{}))(w.t)
				w.t.Cleanup(s.Close)
			}
		}, api.CodeTooManyStreams},
	} {
		t.Run(name, func(t *testing.T) {
			w, u := watched(t, 2)
			w.t = t
			n := w.nodes[1]
			n.recheck = 10 * time.Millisecond
			s := must(n.ListenEvents(t.Context(), u.caller, u.customer, EventQuery{}))(t)
			defer s.Close()
			if n.Streams() != 1 {
				t.Errorf("%d streams", n.Streams())
			}
			c.do(w, u)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := s.Next(ctx)
			wantCode(t, err, c.want)
		})
	}
}

func TestPackagesAreListedForTheirVault(t *testing.T) {
	w, u := newUsers(t, 2)
	n := w.nodes[0]
	v, r1, r2 := w.register(u.caller, "vault"), w.register(u.caller, "user"), w.register(u.caller, "user")
	other := w.newTenant(u.operator)
	pack := func(kid string) map[string]string { return map[string]string{"kid": kid, "jwe": "x"} }
	sent := w.send(n, u.caller, v.message('p', r1, pack("A")), v.message('p', r1, pack("B")), v.message('p', r2, pack("B")))
	w.send(n, u.caller, r1.message('r', v, pack("A")), r1.message('r', v, pack("A")))
	list := func(claims ...any) List[api.Package] {
		t.Helper()
		return must(w.nodes[1].Packages(t.Context(), u.caller, v.proof(api.PathPackages, claims...)))(t)
	}
	all := list()
	if len(all.Items) != 3 || all.More {
		t.Fatalf("got %+v", all)
	}
	a := all.Items[0]
	if a.Kid != "A" || a.Dst != r1.addr || a.TS != sent[0].TS || a.Exp != decimal(w.clock().Add(time.Hour).Unix()) || a.Size == 0 || a.Served != 2 || a.LastServed == "" {
		t.Errorf("got %+v", a)
	}
	if b := all.Items[1]; b.Served != 0 || b.LastServed != "" {
		t.Errorf("got %+v", b)
	}
	for _, claims := range [][]any{{"kid", "B"}, {"dst", r1.addr}, {"kid", "B", "dst", r2.addr}, {}} {
		var want, got []string
		for _, p := range list(claims...).Items {
			want = append(want, p.Kid+p.Dst)
		}
		for cursor, more := any(nil), true; more; {
			page := list(append(slices.Clone(claims), "limit", 1, "cursor", cursor)...)
			for _, p := range page.Items {
				got = append(got, p.Kid+p.Dst)
			}
			cursor, more = page.Last, page.More
		}
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%v: %d pages, want %d", claims, len(got), len(want))
		}
	}
	first := list("limit", 1)
	for name, c := range map[string]struct {
		claims []any
		want   api.Code
	}{
		"limit":          {[]any{"limit", 0}, api.CodeBadValue},
		"limit's type":   {[]any{"limit", "5"}, api.CodeBadValue},
		"kid":            {[]any{"kid", ""}, api.CodeBadValue},
		"kid's length":   {[]any{"kid", fmt.Sprintf("%0257d", 0)}, api.CodeBadValue},
		"dst":            {[]any{"dst", "x"}, api.CodeBadAddress},
		"dst elsewhere":  {[]any{"dst", "iAAAAAAAAAAAAAAAAAAAA@elsewhere.example"}, api.CodeOtherDomain},
		"cursor":         {[]any{"cursor", "x"}, api.CodeBadCursor},
		"cursor cut":     {[]any{"cursor", first.Last[:len(first.Last)-1]}, api.CodeBadCursor},
		"cursor altered": {[]any{"cursor", "B" + first.Last[1:]}, api.CodeBadCursor},
		"cursor's type":  {[]any{"cursor", 5}, api.CodeBadValue},
		"other filter":   {[]any{"cursor", first.Last, "kid", "B"}, api.CodeBadCursor},
	} {
		_, err := n.Packages(t.Context(), u.caller, v.proof(api.PathPackages, c.claims...))
		if codeOf(t, err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := n.Packages(t.Context(), u.caller, r1.proof(api.PathPackages, "cursor", first.Last))
	wantCode(t, err, api.CodeBadCursor) // of another vault
	_, err = n.Packages(t.Context(), other.caller, v.proof(api.PathPackages))
	wantCode(t, err, api.CodeOtherApp)
	_, err = n.Packages(t.Context(), u.caller, v.proof(api.PathFetch))
	wantCode(t, err, api.CodeBadTarget)
	if got := must(n.Packages(t.Context(), u.caller, r1.proof(api.PathPackages)))(t); len(got.Items) != 0 || got.Last != "" {
		t.Errorf("a reader has cached %+v", got)
	}
	w.send(n, u.caller, v.message('c', v, map[string]string{"kid": "B"}))
	if got := list(); len(got.Items) != 1 {
		t.Errorf("after a clear: %+v", got)
	}
	w.advance(2 * time.Hour)
	if _, err := n.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := list(); len(got.Items) != 0 {
		t.Errorf("expired: %+v", got)
	}
}

func FuzzPackageCursor(f *testing.F) {
	w, _ := newUsers(f, 1)
	n := w.nodes[0]
	f.Add("")
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, text string) {
		a := must(n.domain.Parse("iAAAAAAAAAAAAAAAAAAAA"))(t)
		_, cursor, err := n.parsePackages(a, raw(t, map[string]string{"cursor": text}))
		if err != nil && codeOf(t, err) != api.CodeBadCursor {
			t.Fatal(err)
		}
		if err == nil && cursor != text {
			t.Fatalf("%q became %q", text, cursor)
		}
	})
}
