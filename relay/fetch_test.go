package relay

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/message"
)

func fetch(t *testing.T, w *world, c Caller, p *party, claims ...any) Page {
	t.Helper()
	return must(w.nodes[len(w.nodes)-1].Fetch(t.Context(), c, p.proof(api.PathFetch, claims...)))(t)
}

// fill sends n messages from a to b, of alternating types.
func fill(w *world, c Caller, a, b *party, n int) []api.MessageResult {
	var msgs []string
	for i := range n {
		kind := message.Signed
		if i%2 == 1 {
			kind = message.Encrypted
		}
		msgs = append(msgs, a.message(kind, b, nil))
	}
	return w.send(w.nodes[0], c, msgs...)
}

func numbers(from, to int) []string {
	var ids []string
	step := 1
	if to < from {
		step = -1
	}
	for i := from; i != to+step; i += step {
		ids = append(ids, fmt.Sprint(i))
	}
	return ids
}

func TestAFetchSeesWhatWasAnsweredBeforeOnAnyNode(t *testing.T) {
	w, u := newUsers(t, 2)
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	w.nodes[1].setLag(true)
	fill(w, u.caller, a, b, 3)
	page := fetch(t, w, u.caller, b)
	if ids := idsOf(t, w, page.Lines); !slices.Equal(ids, []string{"3", "2", "1"}) || page.More || page.First == "" || page.Last == "" {
		t.Errorf("got %v, %+v", ids, page)
	}
	w.setNoLeader(true)
	_, err := w.nodes[1].Fetch(t.Context(), u.caller, b.proof(api.PathFetch))
	wantCode(t, err, api.CodeNoLeader)
}

func TestBoundsOrderAndFilters(t *testing.T) {
	w, u := newUsers(t, 1)
	a, b, c := w.register(u.caller, "user"), w.register(u.caller, "user"), w.register(u.caller, "user")
	sent := fill(w, u.caller, a, b, 4)
	c.sent = 10
	w.send(w.nodes[0], u.caller, c.message('s', b, map[string]string{"kid": "K"}))
	for _, tt := range []struct {
		claims []any
		want   []string
	}{
		{[]any{"order", "ASC"}, []string{"1", "2", "3", "4", "11"}},
		{[]any{"order", "ASC", "limit", 2}, []string{"1", "2"}},
		{[]any{"limit", 2}, []string{"11", "4"}},
		{[]any{"order", "ASC", "min", sent[0].TS, "max", sent[3].TS}, []string{"2", "3"}},
		{[]any{"order", "ASC", "type", "e"}, []string{"2", "4"}},
		{[]any{"order", "ASC", "type", []string{"s", "e"}, "src", c.addr}, []string{"11"}},
		{[]any{"kid", "K"}, []string{"11"}},
		{[]any{"kid", "other"}, nil},
	} {
		if ids := idsOf(t, w, fetch(t, w, u.caller, b, tt.claims...).Lines); !slices.Equal(ids, tt.want) {
			t.Errorf("%v: %v, want %v", tt.claims, ids, tt.want)
		}
	}
	for name, tt := range map[string]struct {
		claim string
		value any
		want  api.Code
	}{
		"order": {"order", "UP", api.CodeBadValue}, "limit": {"limit", 0, api.CodeBadValue}, "min": {"min", "-1", api.CodeBadValue},
		"type": {"type", "z", api.CodeBadValue}, "src": {"src", "x", api.CodeBadAddress},
		"foreign": {"src", a.local.Local() + "@elsewhere.org", api.CodeOtherDomain}, "cursor": {"cursor", "x", api.CodeBadCursor},
	} {
		_, err := w.nodes[0].Fetch(t.Context(), u.caller, b.proof(api.PathFetch, tt.claim, tt.value))
		if codeOf(t, err) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// pages reads from page to page while messages arrive.
func pages(t *testing.T, w *world, u tenant, a, b *party, claims ...any) []string {
	t.Helper()
	var ids []string
	cursor := []any{}
	for {
		page := fetch(t, w, u.caller, b, slices.Concat(claims, []any{"limit", 3}, cursor)...)
		ids = append(ids, idsOf(t, w, page.Lines)...)
		if !page.More {
			return ids
		}
		cursor = []any{"cursor", page.Last}
		if a.sent < 20 {
			fill(w, u.caller, a, b, 1)
		}
	}
}

func TestPagingWhileMessagesArriveNeitherSkipsNorRepeats(t *testing.T) {
	for order, want := range map[string][]string{"ASC": numbers(1, 14), "DESC": numbers(10, 1)} {
		t.Run(order, func(t *testing.T) {
			w, u := newUsers(t, 2)
			a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
			fill(w, u.caller, a, b, 10)
			if ids := pages(t, w, u, a, b, "order", order); !slices.Equal(ids, want) {
				t.Errorf("got %v, want %v", ids, want)
			}
		})
	}
}

func TestACursorIsGoodForItsOwnPagesAlone(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	fill(w, u.caller, a, b, 3)
	page := fetch(t, w, u.caller, b, "limit", 1)
	for name, tt := range map[string]struct {
		who    *party
		claims []any
	}{
		"another mailbox": {a, []any{"cursor", page.Last}},
		"another order":   {b, []any{"cursor", page.Last, "order", "ASC"}},
		"another filter":  {b, []any{"cursor", page.Last, "type", "s"}},
		"altered":         {b, []any{"cursor", "B" + page.Last[1:]}},
		"cut":             {b, []any{"cursor", page.Last[1:]}},
	} {
		_, err := n.Fetch(t.Context(), u.caller, tt.who.proof(api.PathFetch, tt.claims...))
		if codeOf(t, err) != api.CodeBadCursor {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The cursor of an empty page goes on where the one before did.
	end := fetch(t, w, u.caller, b, "order", "ASC")
	empty := fetch(t, w, u.caller, b, "order", "ASC", "cursor", end.Last)
	if len(empty.Lines) != 0 || empty.Lines == nil || empty.More || empty.Last != end.Last || empty.First != "" {
		t.Errorf("empty page: %+v", empty)
	}
	fill(w, u.caller, a, b, 1)
	if later := fetch(t, w, u.caller, b, "order", "ASC", "cursor", empty.Last); len(later.Lines) != 1 {
		t.Errorf("after it: %+v", later)
	}
}

func TestADisabledKeyReadsNothingAnyMore(t *testing.T) {
	w, u := newUsers(t, 2)
	lead, edge, ctx := w.nodes[0], w.nodes[1], t.Context()
	a := w.register(u.caller, "user")
	edge.setLag(true)
	off := false
	must(lead.UpdateKey(ctx, u.operator, u.key, api.KeyPatch{Enabled: &off}))(t)
	// Each of them on a node that has not heard of it, by a caller that was let in.
	reads := map[string]func(c Caller) error{
		"fetch":    func(c Caller) error { _, err := edge.Fetch(ctx, c, a.proof(api.PathFetch)); return err },
		"me":       func(c Caller) error { _, err := edge.Me(ctx, c, a.proof(api.PathMe)); return err },
		"identity": func(c Caller) error { _, err := edge.PublicIdentity(ctx, c, a.addr); return err },
		"data":     func(c Caller) error { _, err := edge.Data(ctx, c, a.addr, "x"); return err },
		"listen":   func(c Caller) error { _, err := edge.Listen(ctx, c, a.proof(api.PathListen)); return err },
		"ack":      func(c Caller) error { _, err := edge.Ack(ctx, c, a.proof(api.PathAck, "upTo", "1")); return err },
		"retire":   func(c Caller) error { return edge.Retire(ctx, c, a.proof(api.PathMeRetire)) },
	}
	for name, read := range reads {
		if codeOf(t, read(u.caller)) != api.CodeKeyDisabled {
			t.Errorf("%s was let through", name)
		}
	}
}

func TestAckTakesMessagesOut(t *testing.T) {
	w, u := newUsers(t, 2)
	n := w.nodes[0]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	sent := fill(w, u.caller, a, b, 6)
	ack := func(claims ...any) (api.AckBody, error) {
		return n.Ack(t.Context(), u.caller, b.proof(api.PathAck, claims...))
	}
	for _, tt := range []struct {
		claims []any
		acked  int
		left   []string
	}{
		{[]any{"ts", []string{sent[2].TS, sent[2].TS, "7"}}, 1, []string{"1", "2", "4", "5", "6"}},
		{[]any{"upTo", sent[1].TS}, 2, []string{"4", "5", "6"}},
		{[]any{"upTo", sent[1].TS}, 0, []string{"4", "5", "6"}},
		{[]any{"ts", []string{}}, 0, []string{"4", "5", "6"}},
		{[]any{"ts", []any{sent[3].TS}}, 1, []string{"5", "6"}},
	} {
		got := must(ack(tt.claims...))(t)
		if ids := mailboxIDs(t, w, u.caller, b); got.Acked != tt.acked || !slices.Equal(ids, tt.left) {
			t.Errorf("%v: %+v, left %v", tt.claims, got, ids)
		}
	}
	many := make([]string, message.MaxMailboxMessages+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for name, tt := range map[string]struct {
		claims []any
		want   api.Code
	}{
		"neither": {nil, api.CodeMissingField}, "both": {[]any{"upTo", "1", "ts", []string{}}, api.CodeBadValue},
		"text": {[]any{"upTo", "soon"}, api.CodeBadValue}, "ts text": {[]any{"ts", "1"}, api.CodeBadValue},
		"negative": {[]any{"ts", []int{-1}}, api.CodeBadValue}, "half quoted": {[]any{"upTo", `"1`}, api.CodeBadValue},
		"too many": {[]any{"ts", many}, api.CodeBadValue}, "null": {[]any{"ts", []any{nil}}, api.CodeBadValue},
	} {
		_, err := ack(tt.claims...)
		if codeOf(t, err) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What was taken out is not stored again.
	again := w.send(n, u.caller, w.resend(a, b, "1"))
	if again[0].Code != api.CodeStored { // another signing input: another message
		t.Errorf("again: %+v", again)
	}
}

// resend makes a message with an id that was used before.
func (w *world) resend(a, b *party, id string) string {
	payload := must(message.BuildPayload('s', id, b.addr, w.clock().Add(2*time.Hour), nil))(w.t)
	return w.signed(a.sig, a.kid(), "", payload)
}

func TestAHugeProofIsRefused(t *testing.T) {
	w, u := newUsers(t, 1)
	a := w.register(u.caller, "user")
	_, err := w.nodes[0].Fetch(t.Context(), u.caller, a.proof(api.PathFetch, "x", strings.Repeat("x", maxProofPayload)))
	wantCode(t, err, api.CodeBodyTooLarge)
}
