package fsm

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
)

// published makes a machine with n packages of the vault i-0: every second one
// for i-1, the others for i-2, each id for both but the first.
func published(t *testing.T, n int) *Machine {
	t.Helper()
	m := openMem(t, vfs.NewMem(), nil)
	cmds := prelude()
	for i := range n {
		p := plain(i, 10)
		p.Kind, p.HasJWE, p.Package = 'p', true, fmt.Sprintf("K%d", i/2)
		p.To = who(fmt.Sprintf("i-%d", 1+i%2))
		cmds = append(cmds, p)
	}
	applyAll(t, m, []Entry{entry(t, 1, cmds...)})
	return m
}

// allEvents pages through the events that q wants.
func allEvents(t *testing.T, v *View, q command.EventQuery) (out []command.Event) {
	t.Helper()
	for {
		page, err := v.Events(q)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page.Events...)
		if !page.More {
			return out
		}
		if q.Descending {
			q.Before = page.Scanned
		} else {
			q.After = page.Scanned
		}
	}
}

func TestEventsArePagedInBothDirectionsAndFiltered(t *testing.T) {
	m := published(t, 6)
	v := view(t, m)
	up := allEvents(t, v, command.EventQuery{Customer: who("c-1"), Limit: 2})
	down := allEvents(t, v, command.EventQuery{Customer: who("c-1"), Limit: 5, Descending: true})
	slices.Reverse(down)
	if len(up) != 3+4+6 || !slices.Equal(up, down) {
		t.Fatalf("%d events upwards, %d downwards", len(up), len(down))
	}
	last, err := v.LastEvent(who("c-1"))
	if err != nil || last != up[len(up)-1].TS {
		t.Fatalf("the last event is at %d, %v", last, err)
	}
	for name, c := range map[string]struct {
		q    command.EventQuery
		want int
	}{
		"type":    {command.EventQuery{Type: "package.published"}, 6},
		"to":      {command.EventQuery{To: who("i-2")}, 3},
		"from":    {command.EventQuery{From: who("i-0")}, 7},
		"package": {command.EventQuery{Package: "K1"}, 2},
		"code":    {command.EventQuery{Code: 20011}, 4},
		"app":     {command.EventQuery{App: who("p-1")}, 0}, // the cluster itself acted
		"key":     {command.EventQuery{Key: who("a-1")}, 0},
		"both":    {command.EventQuery{Package: "K1", To: who("i-1")}, 1},
		"bounds":  {command.EventQuery{After: up[2].TS, Before: up[5].TS}, 2},
		"foreign": {command.EventQuery{Customer: who("c-2")}, 0},
	} {
		if c.q.Customer.IsZero() {
			c.q.Customer = who("c-1")
		}
		for _, limit := range []int{0, 1} {
			c.q.Limit = limit
			if got := len(allEvents(t, v, c.q)); got != c.want {
				t.Errorf("%s, %d a page: %d events, want %d", name, limit, got, c.want)
			}
		}
	}
}

func TestALookForRareEventsEndsAndGoesOn(t *testing.T) {
	m := openMem(t, vfs.NewMem(), nil)
	applyAll(t, m, []Entry{entry(t, 1, prelude()...)})
	for i := 0; i < maxListed; i += 100 {
		var cmds []command.Command
		for j := range 100 {
			c := plain(i+j, 1)
			c.To = who(fmt.Sprintf("i-%d", 1+j%3))
			cmds = append(cmds, c)
		}
		applyAll(t, m, []Entry{entry(t, m.Applied()+1, cmds...)})
	}
	applyAll(t, m, []Entry{entry(t, m.Applied()+1, &command.Touch{Identity: who("i-0")},
		&command.SetMembers{Identity: who("i-3"), Proof: command.Proof{Signer: "k3", IssuedAt: 1}, Members: []address.Address{who("i-1")}})})
	v := view(t, m)
	q := command.EventQuery{Customer: who("c-1"), Type: "identity.membersChanged"}
	page, err := v.Events(q)
	if err != nil || len(page.Events) != 0 || !page.More || page.Scanned == 0 {
		t.Fatalf("%d events, more %v, scanned %d, %v", len(page.Events), page.More, page.Scanned, err)
	}
	if got := allEvents(t, v, q); len(got) != 1 {
		t.Fatalf("%d events", len(got))
	}
}

func TestPackagesArePagedByEachFilter(t *testing.T) {
	m := published(t, 9) // K0 … K3 for both, K4 for i-1
	v := view(t, m)
	for name, c := range map[string]struct {
		q    command.PackageQuery
		want []string
	}{
		"all":     {command.PackageQuery{}, []string{"K0 i-1", "K0 i-2", "K1 i-1", "K1 i-2", "K2 i-1", "K2 i-2", "K3 i-1", "K3 i-2", "K4 i-1"}},
		"package": {command.PackageQuery{Package: "K1"}, []string{"K1 i-1", "K1 i-2"}},
		"reader":  {command.PackageQuery{Reader: who("i-2")}, []string{"K0 i-2", "K1 i-2", "K2 i-2", "K3 i-2"}},
		"both":    {command.PackageQuery{Package: "K4", Reader: who("i-1")}, []string{"K4 i-1"}},
		"nothing": {command.PackageQuery{Package: "K4", Reader: who("i-2")}, nil},
		"none":    {command.PackageQuery{Vault: who("i-1")}, nil},
	} {
		if c.q.Vault.IsZero() {
			c.q.Vault = who("i-0")
		}
		for _, size := range []command.PackageQuery{{Limit: 1}, {Limit: 4}, {MaxBytes: 25}, {}} {
			q, got := c.q, []string(nil)
			q.Limit, q.MaxBytes = size.Limit, size.MaxBytes
			for more := true; more; {
				page, err := v.Packages(q)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range page.Packages {
					got = append(got, p.Package+" "+nameOf(p.Reader))
				}
				more, q.AfterPackage, q.AfterReader = page.More, page.LastPackage, page.LastReader
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s, pages of %+v: %v, want %v", name, size, got, c.want)
			}
		}
	}
	applyAll(t, m, []Entry{entry(t, m.Applied()+1, &command.Expire{UpTo: 999, Limit: 1}, &command.Retire{Identity: who("i-0"), Proof: command.Proof{Signer: "k0"}})})
	for _, q := range []command.PackageQuery{{Vault: who("i-0")}, {Vault: who("i-0"), Reader: who("i-1")}} {
		if page, err := view(t, m).Packages(q); err != nil || len(page.Packages) != 0 || page.More {
			t.Errorf("a retired vault has %d packages, %v", len(page.Packages), err)
		}
	}
}
