package relay

import (
	"context"
	"slices"
	"testing"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/message"
)

// setMembers replaces the members of a group.
func (w *world) setMembers(c Caller, group *party, members ...*party) {
	w.t.Helper()
	w.advance(1e9) // an older list would be refused
	list := []string{}
	for _, m := range members {
		list = append(list, m.addr)
	}
	if err := w.nodes[0].SetMembers(w.t.Context(), c, api.MembersRequest{Members: group.token(api.PathMeMembers+"#members", list)}); err != nil {
		w.t.Fatal(err)
	}
}

func TestMembersGetWhatIsSentToTheirGroupOnceAndOnEveryNode(t *testing.T) {
	for _, kind := range []string{"group", "route"} {
		t.Run(kind, func(t *testing.T) {
			w, u := newUsers(t, 3)
			ann, bob, eve, team := w.register(u.caller, "user"), w.register(u.caller, "user"), w.register(u.caller, "user"), w.register(u.caller, kind)
			w.setMembers(u.caller, team, ann, bob, ann)
			stream := w.listen(t, w.nodes[2], u.caller, bob)
			sent := w.send(w.nodes[1], u.caller, eve.message('s', team, nil), ann.message('e', team, nil), eve.message('s', bob, nil))
			again := w.send(w.nodes[0], u.caller, w.resend(eve, team, "1"))
			if sent[0].Code != api.CodeStored || again[0].Code != api.CodeStored { // another token: another message
				t.Fatalf("%+v %+v", sent, again)
			}
			wantIDs(t, w, next(t, stream, 4), []string{"1", "1", "2", "1"})
			silent(t, stream)
			for _, p := range []*party{ann, team} {
				page := fetch(t, w, u.caller, p, "order", "ASC")
				wantIDs(t, w, page.Lines, []string{"1", "1", "1"})
			}
			if page := fetch(t, w, u.caller, eve); len(page.Lines) != 0 {
				t.Error("who is no member got something")
			}
		})
	}
}

func TestARemovedMemberSeesNothingSentLater(t *testing.T) {
	w, u := newUsers(t, 3)
	ann, bob, team := w.register(u.caller, "user"), w.register(u.caller, "user"), w.register(u.caller, "group")
	w.setMembers(u.caller, team, ann, bob)
	stream := w.listen(t, w.nodes[1], u.caller, ann)
	w.send(w.nodes[0], u.caller, bob.message('s', team, nil))
	next(t, stream, 1)
	w.setMembers(u.caller, team, bob)
	for _, n := range w.nodes {
		w.send(n, u.caller, bob.message('s', team, nil))
	}
	silent(t, stream)
	wantIDs(t, w, fetch(t, w, u.caller, ann).Lines, []string{"1"})
	wantIDs(t, w, fetch(t, w, u.caller, bob).Lines, []string{"4", "3", "2", "1"})
}

func TestAListeningMemberCountsAsAListenerOfItsGroup(t *testing.T) {
	w, u := newUsers(t, 2)
	ann, bob, team := w.register(u.caller, "user"), w.register(u.caller, "user"), w.register(u.caller, "group")
	w.setMembers(u.caller, team, ann)
	stream := w.listen(t, w.nodes[0], u.caller, ann)
	if r := w.send(w.nodes[0], u.caller, bob.message('s', team, nil)); r[0].Code != api.CodeStoredListening {
		t.Errorf("here: %+v", r)
	}
	w.nodes[1].set(func() { w.nodes[1].elsewhere[ann.local] = true })
	if r := w.send(w.nodes[1], u.caller, bob.message('s', team, nil)); r[0].Code != api.CodeStoredListening {
		t.Errorf("elsewhere: %+v", r)
	}
	next(t, stream, 2)
	stream.Close()
	if r := w.send(w.nodes[0], u.caller, bob.message('s', team, nil)); r[0].Code != api.CodeStored {
		t.Errorf("nobody listens: %+v", r)
	}
}

func TestAHintReachesTheStreamOfAMemberOnANodeThatLags(t *testing.T) {
	w, u := newUsers(t, 2)
	ann, bob, team := w.register(u.caller, "user"), w.register(u.caller, "user"), w.register(u.caller, "group")
	w.setMembers(u.caller, team, ann)
	stream := w.listen(t, w.nodes[1], u.caller, ann)
	silent(t, stream)
	w.nodes[1].setLag(true)
	sent := bob.message('s', team, nil)
	w.send(w.nodes[0], u.caller, sent)
	if lines := take(t, stream); lines[0].Msg != sent {
		t.Fatal("another message")
	}
	w.nodes[1].setLag(false)
	silent(t, stream)
}

func TestAMembersAnswerEndsAWaitForItsGroup(t *testing.T) {
	w, u := newUsers(t, 2)
	r, ann, gone, team := w.register(u.caller, "user"), w.register(u.caller, "vault"), w.register(u.caller, "vault"), w.register(u.caller, "route")
	w.setMembers(u.caller, team, ann, gone)
	w.setMembers(u.caller, team, ann)
	inbox := w.listen(t, w.nodes[0], u.caller, ann)
	request := r.message('r', team, map[string]any{"kid": "K"})
	done := make(chan api.MessageResult, 1)
	go func() {
		got, err := w.nodes[1].Send(context.Background(), u.caller, api.SendRequest{Msgs: []string{request}, Wait: 60})
		if err != nil {
			t.Error(err)
		}
		done <- got.Results[0]
	}()
	next(t, inbox, 1)
	answer := ann.message('p', r, map[string]string{"kid": "K", "jwe": "x", "respTo": "1"})
	w.send(w.nodes[0], u.caller, gone.message('e', r, map[string]string{"respTo": "1"}), answer)
	result := <-done
	lines, ok := result.Body.([]api.StreamLine)
	if result.Code != api.CodeAnsweredPackage || !ok || len(lines) != 1 || lines[0].Msg != answer {
		t.Errorf("got %+v", result)
	}
	// The answer was a publish of a member: now the cache has it for the route.
	if got := w.send(w.nodes[1], u.caller, r.message('r', team, map[string]any{"kid": "K"})); got[0].Code != api.CodeServedFromCache {
		t.Errorf("got %+v", got[0])
	}
}

// More copies than one log entry may make: they go into several, in order.
func TestACallOfManyMessagesToALargeGroupKeepsItsOrder(t *testing.T) {
	w, u := newUsers(t, 1)
	n, eve, team := w.nodes[0], w.register(u.caller, "user"), w.register(u.caller, "group")
	var members []*party
	for range 200 {
		members = append(members, w.register(u.caller, "user"))
	}
	w.setMembers(u.caller, team, members...)
	var msgs []string
	count := command.MaxCopies/len(members)*2 + 5
	for range count {
		msgs = append(msgs, eve.message('s', team, nil))
	}
	proposals := 0
	w.failWith(func([]command.Command) (bool, error) { proposals++; return true, nil })
	for i, r := range w.send(n, u.caller, msgs...) {
		if r.Code != api.CodeStored {
			t.Fatalf("message %d: %+v", i, r)
		}
	}
	if proposals < 3 || proposals > 8 {
		t.Errorf("%d proposals", proposals)
	}
	for _, p := range []*party{members[0], members[199], team} {
		wantIDs(t, w, fetch(t, w, u.caller, p, "order", "ASC").Lines, numbers(1, count))
	}
}

func TestAGroupThatNoEntryHasRoomForIsOverload(t *testing.T) {
	w, u := newUsers(t, 1)
	n, eve, bob := w.nodes[0], w.register(u.caller, "user"), w.register(u.caller, "user")
	l := n.parseLetters([]string{eve.message('s', bob, nil), eve.message('s', bob, nil)})
	busy := true
	n.proposer = proposerFunc(func(ctx context.Context, proposal []byte) ([]byte, uint64, error) {
		if !busy {
			return n.Propose(ctx, proposal)
		}
		cmds, err := command.Decode(proposal)
		if err != nil {
			return nil, 0, err
		}
		data, err := command.EncodeResults(slices.Repeat([]command.Result{{Status: command.StatusBusy}}, len(cmds)))
		return data, 1, err
	})
	n.acceptLetters(t.Context(), u.caller, l)
	for _, one := range l {
		if one.result.Code != api.CodeOverloaded {
			t.Errorf("got %+v", one.result)
		}
	}
	busy = false
	r := w.send(n, u.caller, l[0].token.Raw, l[1].token.Raw)
	if r[0].Code != api.CodeStored || r[1].Code != api.CodeStored {
		t.Errorf("sent again: %+v", r)
	}
}

type proposerFunc func(ctx context.Context, proposal []byte) ([]byte, uint64, error)

func (f proposerFunc) Propose(ctx context.Context, proposal []byte) ([]byte, uint64, error) {
	return f(ctx, proposal)
}

func TestTheResultSaysWhichMembersHadNoRoom(t *testing.T) {
	w, u := newUsers(t, 1)
	n := w.nodes[0]
	eve, ann, bob, team := w.register(u.caller, "user"), w.register(u.caller, "user"), w.register(u.caller, "user"), w.register(u.caller, "group")
	w.setMembers(u.caller, team, ann, bob)
	for sent := 0; sent < message.MaxMailboxMessages; sent += 250 {
		var cmds []command.Command
		for i := range 250 {
			cmds = append(cmds, &command.Accept{
				Meta: n.ownMeta(), From: ann.local, To: bob.local, Signer: ann.sig.Public().Thumbprint(), Kind: 's', ID: "fill",
				Digest: [32]byte{byte(sent >> 8), byte(sent), byte(i)}, Expires: 1 << 40, ForgetAfter: 1 << 40, Token: []byte("t"),
			})
		}
		if _, _, err := n.propose(t.Context(), cmds...); err != nil {
			t.Fatal(err)
		}
	}
	r := w.send(n, u.caller, eve.message('s', bob, nil), eve.message('s', team, nil))
	if r[0].Code != api.CodeMailboxFull || r[1].Code != api.CodeStored || r[1].Skipped != 1 || r[1].TS == "" {
		t.Errorf("got %+v", r)
	}
	wantIDs(t, w, fetch(t, w, u.caller, ann).Lines, []string{"2"})
}
