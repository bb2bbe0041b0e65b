package testcluster_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/client"
	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/testcluster"
)

// Each member gets what is sent to its group once, whichever nodes it listens on
// and the sender uses, and in the order of the other members (section 8).
func TestEachMemberGetsEachMessageToItsGroupOnce(t *testing.T) {
	c := testcluster.New(t, 3)
	cl := c.Client(c.Node(0))
	team, sender := c.Register(cl, "group"), c.Register(cl, "user")
	members := []*client.Identity{c.Register(cl, "user"), c.Register(cl, "user"), c.Register(cl, "user")}
	if err := cl.SetMembers(deadline(t), team, members[0].Address(), members[1].Address(), members[2].Address()); err != nil {
		t.Fatal(err)
	}
	var streams []*stream
	for i, m := range members {
		streams = append(streams, listen(t, c.Client(c.Node(i)), m, 0))
	}
	const count = 30
	for i := range count {
		r := send(t, c.Client(c.Node(i%3)), sender, client.Outgoing{To: team.Address(), ID: fmt.Sprint(i)})
		if r.Skipped != 0 || r.TS == 0 {
			t.Fatalf("message %d: %+v", i, r)
		}
	}
	for i, s := range streams {
		for n := range count {
			if m := s.next(t, deadline(t)); m.ID != fmt.Sprint(n) || m.To != team.Address() || m.From != sender.Address() {
				t.Fatalf("member %d got %s to %s in place %d", i, m.ID, m.To, n)
			}
		}
		for j := range c.Nodes() {
			if got := fetchAll(t, c.Client(c.Node(j)), members[i]); len(got) != count {
				t.Errorf("member %d has %d messages by %s", i, len(got), c.Node(j))
			}
		}
	}
	if got := fetchAll(t, cl, team); len(got) != count {
		t.Errorf("the group has %d messages", len(got))
	}
}

// What is sent after the removal was answered, by whichever nodes, the removed
// member does not see.
func TestARemovalFromAGroupHoldsForTheVeryNextMessage(t *testing.T) {
	c := testcluster.New(t, 3)
	cl := c.Client()
	team, sender, member := c.Register(cl, "group"), c.Register(cl, "user"), c.Register(cl, "user")
	open := listen(t, c.Client(c.Node(2)), member, 0)
	for i := range rounds(t) {
		a, b := c.Client(c.Node(i%3)), c.Client(c.Node((i+1)%3))
		setMembers(t, a, team, member.Address())
		send(t, b, sender, client.Outgoing{To: team.Address(), ID: fmt.Sprintf("in %d", i)})
		setMembers(t, b, team)
		send(t, a, sender, client.Outgoing{To: team.Address(), ID: fmt.Sprintf("out %d", i)})
		if m := open.next(t, deadline(t)); m.ID != fmt.Sprintf("in %d", i) {
			t.Fatalf("got %q in round %d", m.ID, i)
		}
	}
	if got := fetchAll(t, cl, member); len(got) != rounds(t) {
		t.Errorf("%d messages, want %d", len(got), rounds(t))
	}
}

// setMembers sets a list that is told from those before by a member whom nobody is:
// the same list in the same second would be the same token, and no change. Of one
// second only so many tokens are taken, so it may have to try again.
func setMembers(t *testing.T, cl *client.Client, group *client.Identity, members ...address.Address) {
	t.Helper()
	eventually.True(t, testcluster.Patience, func() bool {
		err := cl.SetMembers(deadline(t), group, append(slices.Clone(members), address.New(address.Identity))...)
		if err != nil && codeOf(err) != api.CodeStaleToken {
			t.Fatal(err)
		}
		return err == nil
	}, "the members are not set")
}

// A package for the group is gone from everywhere once its clear is answered.
func TestAPackageForAGroupIsClearedForItsMembers(t *testing.T) {
	c := testcluster.New(t, 3)
	cl := c.Client(c.Node(0))
	vault, team, member := c.Register(cl, "vault"), c.Register(cl, "group"), c.Register(cl, "user")
	if err := cl.SetMembers(deadline(t), team, member.Address()); err != nil {
		t.Fatal(err)
	}
	publish := client.Outgoing{Type: client.TypePublish, To: team.Address(), Kid: "K", Content: []byte("secret")}
	if r := send(t, cl, vault, publish); r.Err != nil {
		t.Fatal(r.Err)
	}
	if got := fetchAll(t, c.Client(c.Node(1)), member); len(got) != 1 || got[0].Kid != "K" {
		t.Fatalf("the member has %d messages", len(got))
	}
	r := send(t, c.Client(c.Node(1)), vault, client.Outgoing{Type: client.TypeClear, To: vault.Address(), Kid: "K"})
	if r.Code != api.CodeCleared || r.Cleared != 1 {
		t.Fatalf("%+v", r)
	}
	for i := range c.Nodes() {
		got := fetchAll(t, c.Client(c.Node(i)), member)
		if len(got) != 1 || got[0].Type != client.TypeClear {
			t.Errorf("by %s the member has %+v", c.Node(i), got)
		}
	}
}
