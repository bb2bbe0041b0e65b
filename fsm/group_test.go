package fsm

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
)

// What no longer fits into an entry keeps all that comes behind it out as well, or
// a later message of the same sender could come before it; the next entry has room.
func TestAnEntryHasRoomForSoManyCopiesAndNothingOvertakes(t *testing.T) {
	m := openMem(t, vfs.NewMem(), nil)
	m.limits.copies = 3
	members := func(n int, list ...address.Address) command.Command {
		return &command.SetMembers{Identity: who("i-3"), Members: list,
			Proof: command.Proof{Signer: "k3", IssuedAt: int64(n), Digest: digestOf(fmt.Sprintf("g%d", n))}}
	}
	toGroup := func(n int) command.Command {
		c := plain(n, 10)
		c.To = who("i-3")
		return c
	}
	cmds := append(prelude(), members(1, who("i-1"), who("i-2")), toGroup(1), toGroup(2), members(2, who("i-1")), toGroup(3), plain(4, 10))
	statuses := func(index uint64, cmds ...command.Command) (out []command.Status) {
		t.Helper()
		results, err := m.Apply([]Entry{entry(t, index, cmds...)})
		if err != nil {
			t.Fatal(err)
		}
		list, err := command.DecodeResults(results[0][0])
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			out = append(out, r.Status)
		}
		return out
	}
	const ok, busy = command.StatusOK, command.StatusBusy
	if got := statuses(1, cmds...)[len(prelude()):]; !slices.Equal(got, []command.Status{ok, ok, busy, ok, busy, ok}) {
		t.Fatalf("got %v", got)
	}
	if got := statuses(2, toGroup(2), toGroup(3), toGroup(5), toGroup(6)); !slices.Equal(got, []command.Status{ok, ok, ok, busy}) {
		t.Fatalf("got %v", got)
	}
}
