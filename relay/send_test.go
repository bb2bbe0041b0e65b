package relay

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
	"github.com/nixnode/nixnode/message"
)

func TestSendingAnswersEachMessageInOrder(t *testing.T) {
	w, u := newUsers(t, 2)
	n := w.nodes[1]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	got := w.send(n, u.caller, a.message('s', b, nil), a.message('e', b, map[string]string{"jwe": "x"}), b.message('s', a, nil))
	for i, r := range got {
		if r.Status != 200 || r.Code != api.CodeStored || r.TS == "" || r.Err != "" || r.Body != nil {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if got[0].ID != "1" || got[1].ID != "2" || got[0].Dst != b.addr || got[2].Dst != a.addr || got[0].TS >= got[1].TS {
		t.Errorf("got %+v", got)
	}
	empty := must(n.Send(t.Context(), u.caller, api.SendRequest{Msgs: []string{}}))(t)
	if empty.Code != api.CodeSent || empty.Results == nil || len(empty.Results) != 0 {
		t.Errorf("no messages: %+v", empty)
	}
}

func TestACallAsAWholeIsRefusedForItsForm(t *testing.T) {
	w, u := newUsers(t, 1)
	n, ctx := w.nodes[0], t.Context()
	admin := w.newTenant(u.operator, api.ScopeAdmin)
	for _, tt := range []struct {
		c    Caller
		req  api.SendRequest
		want api.Code
	}{
		{u.caller, api.SendRequest{}, api.CodeMissingField},
		{u.caller, api.SendRequest{Msgs: make([]string, 257)}, api.CodeTooManyMessages},
		{u.caller, api.SendRequest{Msgs: []string{}, Wait: 61}, api.CodeBadValue},
		{u.caller, api.SendRequest{Msgs: []string{}, Wait: -1}, api.CodeBadValue},
		{admin.caller, api.SendRequest{Msgs: []string{}}, api.CodeScope},
	} {
		_, err := n.Send(ctx, tt.c, tt.req)
		wantCode(t, err, tt.want)
	}
}

func TestOneBadMessageNeverSpoilsABatch(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	other := w.newTenant(u.operator)
	stranger := w.register(other.caller, "user")
	nobody := &party{w: w, addr: address.New(address.Identity).Local(), sig: a.sig}
	now := w.clock()
	payload := func(kind, id, dst string, exp time.Time) []byte {
		return raw(t, map[string]any{"type": kind, "id": id, "dst": dst, "exp": exp.Unix(), "body": map[string]any{}})
	}
	sign := func(p []byte) string { return w.signed(a.sig, a.kid(), "", p) }
	good := a.message('s', b, nil)
	fake := *a
	fake.sig = newKey(t, jose.Sig)
	bad := []struct {
		name, token string
		want        api.Code
	}{
		{"garbage", "garbage", api.CodeBadToken},
		{"empty", "", api.CodeBadToken},
		{"too large", a.message('s', b, map[string]string{"x": strings.Repeat("x", message.MaxTokenBytes)}), api.CodeMessageTooLarge},
		{"alg none", header(t, a.sig, good, func(h map[string]any) { h["alg"] = "none" }), api.CodeBadAlgorithm},
		{"crit", header(t, a.sig, good, func(h map[string]any) { h["crit"] = []string{"x"} }), api.CodeBadToken},
		{"truncated", good[:len(good)-2], api.CodeBadToken},
		{"with tgt", w.signed(a.sig, a.kid(), "/v1/messages/send#msgs", payload("s", "1", b.addr, now.Add(time.Hour))), api.CodeBadTarget},
		{"kid without address", w.signed(a.sig, "/"+a.sig.Public().Thumbprint(), "", payload("s", "1", b.addr, now.Add(time.Hour))), api.CodeBadToken},
		{"kid foreign", w.signed(a.sig, a.local.Local()+"@elsewhere.org/"+a.sig.Public().Thumbprint(), "", payload("s", "1", b.addr, now.Add(time.Hour))), api.CodeOtherDomain},
		{"bad signature", w.signed(fake.sig, a.kid(), "", payload("s", "1", b.addr, now.Add(time.Hour))), api.CodeBadSignature},
		{"key not current", fake.message('s', b, nil), api.CodeKeyNotCurrent},
		{"unknown sender", nobody.message('s', b, nil), api.CodeNoIdentity},
		{"other application", stranger.message('s', b, nil), api.CodeOtherApp},
		{"unknown destination", a.message('s', nobody, nil), api.CodeNoIdentity},
		{"foreign destination", sign(payload("s", "1", b.local.Local()+"@elsewhere.org", now.Add(time.Hour))), api.CodeOtherDomain},
		{"malformed destination", sign(payload("s", "1", "nobody", now.Add(time.Hour))), api.CodeBadAddress},
		{"unknown type", sign(payload("x", "1", b.addr, now.Add(time.Hour))), api.CodeBadToken},
		{"long id", sign(payload("s", strings.Repeat("i", 129), b.addr, now.Add(time.Hour))), api.CodeBadToken},
		{"expired", sign(payload("s", "1", b.addr, now)), api.CodeMessageExpired},
		{"not an object", sign([]byte("[]")), api.CodeBadToken},
	}
	var msgs []string
	for i, tt := range bad {
		msgs = append(msgs, sign(payload("s", fmt.Sprint("good", i), b.addr, now.Add(time.Hour))), tt.token)
	}
	got := must(n.Send(t.Context(), u.caller, api.SendRequest{Msgs: msgs}))(t)
	if got.Code != api.CodeSent {
		t.Errorf("the call got %d", got.Code)
	}
	for i, tt := range bad {
		before, r := got.Results[2*i], got.Results[2*i+1]
		if before.Code != api.CodeStored {
			t.Errorf("beside %s: %+v", tt.name, before)
		}
		if r.Code != tt.want || r.Status != tt.want.Status() || r.Err == "" || r.TS != "" {
			t.Errorf("%s: %+v, want %d", tt.name, r, tt.want)
		}
	}
	// Of a call without any accepted message, the first refusal is the answer.
	none := must(n.Send(t.Context(), u.caller, api.SendRequest{Msgs: []string{bad[3].token, bad[0].token}}))(t)
	if none.Code != api.CodeBadAlgorithm || len(none.Results) != 2 {
		t.Errorf("only bad ones: %+v", none)
	}
}

// As the 2019 SDK sends: a key id of 8 characters, no host anywhere.
func TestMessagesOf2019AreTaken(t *testing.T) {
	w, u := newUsers(t, 1)
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	token := w.signed(a.sig, a.local.Local()+"/"+a.sig.Public().Thumbprint()[:8], "",
		map[string]any{"type": "s", "id": "1569116334.1", "dst": b.local.Local(), "exp": w.clock().Add(time.Hour).Unix()})
	if got := w.send(w.nodes[0], u.caller, token); got[0].Code != api.CodeStored || got[0].Dst != b.addr {
		t.Errorf("got %+v", got)
	}
}

func TestTheSameMessageAgainIsStoredOnce(t *testing.T) {
	w, u := newUsers(t, 2)
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	token := a.message('s', b, nil)
	first := w.send(w.nodes[0], u.caller, token, token)
	if first[0].Code != api.CodeStored || first[1].Code != api.CodeDuplicate || first[1].TS != first[0].TS {
		t.Errorf("got %+v", first)
	}
	again := w.send(w.nodes[1], u.caller, token)
	if again[0].Code != api.CodeDuplicate || again[0].TS != first[0].TS {
		t.Errorf("again: %+v", again)
	}
	if page := must(w.nodes[1].Fetch(t.Context(), u.caller, b.proof(api.PathFetch)))(t); len(page.Lines) != 1 {
		t.Errorf("%d messages are stored", len(page.Lines))
	}
}

func TestTheLifeOfAMessageIsCut(t *testing.T) {
	w, u := newUsers(t, 1)
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	far := w.clock().Add(400 * 24 * time.Hour)
	var seen *command.Accept
	w.failWith(func(cmds []command.Command) (bool, error) {
		seen = cmds[0].(*command.Accept)
		return true, nil
	})
	payload := must(message.BuildPayload('s', "1", b.addr, far, nil))(t)
	w.send(w.nodes[0], u.caller, w.signed(a.sig, a.kid(), "", payload))
	if seen.Expires != w.clock().Add(message.MaxLifetime).Unix() || seen.ForgetAfter != far.Unix() {
		t.Errorf("expires %d, remembered until %d", seen.Expires, seen.ForgetAfter)
	}
}

func TestPackagesAreServedFromTheCacheUntilTheyAreCleared(t *testing.T) {
	w, u := newUsers(t, 2)
	v, r, r2 := w.register(u.caller, "vault"), w.register(u.caller, "user"), w.register(u.caller, "user")
	lead, edge := w.nodes[0], w.nodes[1]
	publish := v.message('p', r, map[string]string{"kid": "K", "jwe": "x"})
	published := w.send(lead, u.caller, publish, v.message('p', r2, map[string]string{"kid": "K", "jwe": "x"}))
	edge.setLag(true)
	served := w.send(edge, u.caller, r.message('r', v, map[string]string{"kid": "K"}))[0]
	lines, ok := served.Body.([]api.StreamLine)
	if served.Code != api.CodeServedFromCache || served.TS != "" || !ok || len(lines) != 1 || lines[0] != (api.StreamLine{TS: published[0].TS, Msg: publish}) {
		t.Errorf("served: %+v", served)
	}
	if got := w.send(edge, u.caller, r.message('r', v, map[string]any{"kid": "K", "noCache": true}))[0]; got.Code != api.CodeStored {
		t.Errorf("noCache: %+v", got)
	}
	cleared := w.send(lead, u.caller, v.message('c', v, map[string]string{"kid": "K"}))[0]
	if cleared.Code != api.CodeCleared || cleared.Body != (api.ClearBody{Cleared: 2}) || cleared.TS != "" {
		t.Errorf("cleared: %+v", cleared)
	}
	if got := w.send(edge, u.caller, r.message('r', v, map[string]string{"kid": "K"}))[0]; got.Code != api.CodeStored {
		t.Errorf("after the clear: %+v", got)
	}
}

func TestAListenerHereOrElsewhereIsTold(t *testing.T) {
	w, u := newUsers(t, 2)
	here, there := w.nodes[0], w.nodes[1]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	s := must(here.Listen(t.Context(), u.caller, b.proof(api.PathListen)))(t)
	defer s.Close()
	if got := w.send(here, u.caller, a.message('s', b, nil))[0]; got.Code != api.CodeStoredListening {
		t.Errorf("here: %+v", got)
	}
	if got := w.send(there, u.caller, a.message('s', b, nil))[0]; got.Code != api.CodeStored {
		t.Errorf("unknown of: %+v", got)
	}
	there.set(func() { there.elsewhere[b.local] = true })
	token := a.message('s', b, nil)
	got := w.send(there, u.caller, token)[0]
	if got.Code != api.CodeStoredListening {
		t.Errorf("elsewhere: %+v", got)
	}
	h := there.hints[len(there.hints)-1]
	if h.To != b.local || line(h.TS, h.Message) != (api.StreamLine{TS: got.TS, Msg: token}) || h.Before >= h.TS || h.Before == 0 {
		t.Errorf("hint %+v", h)
	}
	before := len(there.hints)
	w.send(there, u.caller, token)
	if len(there.hints) != before {
		t.Error("a repeated message was hinted again")
	}
}

func TestAClearForAllIsHintedToEachReader(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	v, r1, r2 := w.register(u.caller, "vault"), w.register(u.caller, "user"), w.register(u.caller, "user")
	w.send(n, u.caller, v.message('p', r1, map[string]string{"kid": "K", "jwe": "x"}), v.message('p', r2, map[string]string{"kid": "K", "jwe": "x"}))
	n.set(func() { n.hints = nil })
	w.send(n, u.caller, v.message('c', v, map[string]string{"kid": "K"}))
	var to []address.Address
	for _, h := range n.hints {
		to = append(to, h.To)
	}
	if len(to) != 2 || !slices.Contains(to, r1.local) || !slices.Contains(to, r2.local) {
		t.Errorf("hinted to %v", to)
	}
}

// bulky makes messages of which not many fit a proposal of that node.
func bulky(n *testNode, a, b *party, count int) []string {
	n.maxProposal = 8 << 10
	var msgs []string
	for range count {
		msgs = append(msgs, a.message('s', b, map[string]string{"x": strings.Repeat("x", 2<<10)}))
	}
	return msgs
}

func TestTheLargestMessageFitsAProposal(t *testing.T) {
	w, u := newUsers(t, 1)
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	// A token has 4/3 of its payload, and a little more.
	big := func() string { return a.message('s', b, map[string]string{"x": strings.Repeat("x", 190<<10)}) }
	got := w.send(w.nodes[0], u.caller, big(), big(), big(), big())
	for i, r := range got {
		if r.Code != api.CodeStored {
			t.Errorf("%d: %+v", i, r)
		}
	}
}

func TestALargeCallKeepsItsOrderOverSeveralProposals(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	proposals := 0
	w.failWith(func(cmds []command.Command) (bool, error) {
		if _, ok := cmds[0].(*command.Accept); ok {
			proposals++
		}
		return true, nil
	})
	msgs := bulky(n, a, b, 7)
	got := w.send(n, u.caller, msgs...)
	if proposals < 3 {
		t.Errorf("%d proposals", proposals)
	}
	for i := 1; i < len(got); i++ {
		if got[i].Code != api.CodeStored || got[i-1].TS >= got[i].TS {
			t.Errorf("%d: %+v", i, got[i])
		}
	}
}

func TestAfterAFailedProposalNothingMoreIsTried(t *testing.T) {
	for _, tt := range []struct {
		name  string
		err   error
		apply bool
		want  api.Code
	}{
		{"unknown, applied", ErrOutcomeUnknown, true, api.CodeUnknownOutcome},
		{"unknown, lost", ErrOutcomeUnknown, false, api.CodeUnknownOutcome},
		{"no leader", ErrNoLeader, false, api.CodeNoLeader},
		{"overloaded", ErrOverloaded, false, api.CodeOverloaded},
		{"internal", errors.New("disk on fire"), false, api.CodeInternal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, u := newUsers(t, 1)
			n := w.nodes[0]
			a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
			count := 0
			w.failWith(func([]command.Command) (bool, error) {
				if count++; count == 2 {
					return tt.apply, tt.err
				}
				return true, nil
			})
			msgs := bulky(n, a, b, 7)
			got := must(n.Send(t.Context(), u.caller, api.SendRequest{Msgs: msgs}))(t)
			if got.Code != api.CodeSent || count != 2 {
				t.Errorf("the call got %d after %d proposals", got.Code, count)
			}
			accepted := 0
			for _, r := range got.Results {
				switch {
				case r.Code == api.CodeStored:
					accepted++
				case r.Code != tt.want || r.Err == "" || strings.Contains(r.Err, "fire"):
					t.Errorf("got %+v", r)
				}
			}
			if accepted == 0 || accepted == len(msgs) {
				t.Errorf("%d accepted", accepted)
			}
			// The same call again does what is missing, each message once and in order.
			w.failWith(nil)
			w.send(n, u.caller, msgs...)
			if ids := mailboxIDs(t, w, u.caller, b); !slices.Equal(ids, []string{"1", "2", "3", "4", "5", "6", "7"}) {
				t.Errorf("in the mailbox: %v", ids)
			}
		})
	}
}

func TestACallThatReachesNobodySaysSo(t *testing.T) {
	w, u := newUsers(t, 1)
	a := w.register(u.caller, "user")
	w.setNoLeader(true)
	got := must(w.nodes[0].Send(t.Context(), u.caller, api.SendRequest{Msgs: []string{a.message('s', a, nil)}}))(t)
	if got.Code != api.CodeNoLeader || got.Results[0].Status != 503 {
		t.Errorf("got %+v", got)
	}
	_, err := w.nodes[0].Send(t.Context(), u.caller, api.SendRequest{Msgs: []string{a.proof("/x").JWT, (&party{w: w, addr: a.addr, sig: newKey(t, jose.Sig)}).message('s', a, nil)}})
	wantCode(t, err, api.CodeNoLeader) // whether it is refused cannot be known
}

// mailboxIDs reads a whole mailbox, oldest first.
func mailboxIDs(t *testing.T, w *world, c Caller, p *party) []string {
	t.Helper()
	page := must(w.nodes[0].Fetch(t.Context(), c, p.proof(api.PathFetch, "order", "ASC", "limit", 1000)))(t)
	return idsOf(t, w, page.Lines)
}

func idsOf(t *testing.T, w *world, lines []api.StreamLine) []string {
	t.Helper()
	var ids []string
	for _, l := range lines {
		token := must(jose.ParseToken(l.Msg, w.nodes[0].domain))(t)
		ids = append(ids, must(message.ParsePayload(token.Payload, w.nodes[0].domain))(t).ID)
	}
	return ids
}

func TestANodeThatLagsTakesMessagesOfNewSendersAndNewKeys(t *testing.T) {
	w, u := newUsers(t, 2)
	edge := w.nodes[1]
	edge.setLag(true)
	a := w.register(u.caller, "user")
	if got := w.send(edge, u.caller, a.message('s', a, nil)); got[0].Code != api.CodeStored {
		t.Errorf("a new sender: %+v", got)
	}
	req, next := a.rotate()
	must(w.nodes[0].UpdateSigKey(t.Context(), u.caller, req))(t)
	got := w.send(edge, u.caller, a.message('s', a, nil), next.message('s', a, nil), "garbage")
	if got[0].Code != api.CodeKeyNotCurrent || got[1].Code != api.CodeStored || got[2].Code != api.CodeBadToken {
		t.Errorf("a new key: %+v", got)
	}
}

func TestADisabledKeySendsNothingNotEvenFromANodeThatLags(t *testing.T) {
	w, u := newUsers(t, 2)
	lead, edge := w.nodes[0], w.nodes[1]
	a, b := w.register(u.caller, "user"), w.register(u.caller, "user")
	edge.setLag(true)
	off := false
	must(lead.UpdateKey(t.Context(), u.operator, u.key, api.KeyPatch{Enabled: &off}))(t)
	c := w.login(edge, u.key, u.secret) // the node does not know yet
	got := must(edge.Send(t.Context(), c, api.SendRequest{Msgs: []string{a.message('s', b, nil)}}))(t)
	if got.Code != api.CodeKeyDisabled {
		t.Errorf("got %+v", got)
	}
}

// Nor is it let through where nothing comes to be applied, which is what else
// would have found it out.
func TestADisabledKeySendsNotEvenNothingFromANodeThatLags(t *testing.T) {
	for name, msgs := range map[string]func(a, stranger *party) []string{
		"nothing":           func(*party, *party) []string { return []string{} },
		"nonsense":          func(*party, *party) []string { return []string{"x"} },
		"an unknown sender": func(a, stranger *party) []string { return []string{stranger.message('s', a, nil)} },
	} {
		w, u := newUsers(t, 2)
		lead, edge := w.nodes[0], w.nodes[1]
		a, stranger := w.register(u.caller, "user"), w.register(u.caller, "user")
		stranger.local = address.New(address.Identity)
		stranger.addr = stranger.local.Local()
		edge.setLag(true)
		off := false
		must(lead.UpdateKey(t.Context(), u.operator, u.key, api.KeyPatch{Enabled: &off}))(t)
		c := w.login(edge, u.key, u.secret)
		_, err := edge.Send(t.Context(), c, api.SendRequest{Msgs: msgs(a, stranger)})
		if got := codeOf(t, err); got != api.CodeKeyDisabled {
			t.Errorf("%s: %d", name, got)
		}
	}
}
