package fsm

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/nixnode/nixnode/fsm/command"
)

func TestChainOfSigningKeysEndsAtItsLimit(t *testing.T) {
	m := openMem(t, vfs.NewMem(), nil)
	applyAll(t, m, []Entry{entry(t, 1, prelude()...)})
	step := func(i int) command.Result {
		signer := "k0"
		if i > 0 {
			signer = fmt.Sprintf("next%d", i-1)
		}
		return applyOne(t, m, &command.UpdateSigKey{Identity: who("i-0"), Token: "t", Thumbprint: fmt.Sprintf("next%d", i),
			Proof:     command.Proof{Digest: digestOf(fmt.Sprintf("d%d", i)), IssuedAt: int64(i), Signer: signer},
			EncDigest: digestOf(fmt.Sprintf("e%d", i))})
	}
	for i := range command.MaxChain {
		if r := step(i); r.Status != command.StatusOK {
			t.Fatalf("link %d: %s", i, resultText(r))
		}
	}
	if r := step(command.MaxChain); r.Status != command.StatusTooManyItems {
		t.Fatal(resultText(r))
	}
}

func TestClearForEveryoneIsBoundedInBytes(t *testing.T) {
	m := openMem(t, vfs.NewMem(), nil)
	holders := command.MaxClearBytes/(256<<10) + 1
	cmds := prelude()
	for i := range holders {
		reader := who(fmt.Sprintf("i-r%d", i))
		p := plain(i, 10)
		p.Kind, p.Package, p.HasJWE, p.To = 'p', "K", true, reader
		cmds = append(cmds, &command.Register{Application: who("p-1"), Identity: reader, Thumbprint: fmt.Sprintf("r%d", i)}, p)
	}
	for i := 0; i < len(cmds); i += 100 {
		applyAll(t, m, []Entry{entry(t, m.Applied()+1, cmds[i:min(i+100, len(cmds))]...)})
	}
	c := plain(100_000, 256<<10)
	c.Kind, c.Package, c.To = 'c', "K", c.From
	if r := applyOne(t, m, c); r.Status != command.StatusTooManyItems {
		t.Fatalf("%d copies of 256 KiB: %s", holders, resultText(command.Result{Status: r.Status}))
	}
	c.Token = c.Token[:1024]
	if r := applyOne(t, m, c); r.Status != command.StatusCleared || len(r.Copies) != holders || int(r.Count) != holders {
		t.Fatalf("%d copies of 1 KiB: %d", holders, len(r.Copies))
	}
}

func TestMembersAreBounded(t *testing.T) {
	m := openMem(t, vfs.NewMem(), nil)
	applyAll(t, m, []Entry{entry(t, 1, prelude()...)})
	c := &command.SetMembers{Identity: who("i-3"), Proof: command.Proof{Signer: "k3", Digest: digestOf("d"), IssuedAt: 1}}
	for i := range command.MaxMembers + 1 {
		c.Members = append(c.Members, who(fmt.Sprintf("i-%d", i)))
	}
	if r := applyOne(t, m, c); r.Status != command.StatusTooManyItems {
		t.Fatal(resultText(r))
	}
	c.Members = c.Members[1:]
	if r := applyOne(t, m, c); r.Status != command.StatusOK {
		t.Fatal(resultText(r))
	}
}

// TestBrokenClocksLeaveRoomForLaterTimestamps: a proposer may say that it is
// the end of time, or its beginning.
func TestBrokenClocksLeaveRoomForLaterTimestamps(t *testing.T) {
	m := openMem(t, vfs.NewMem(), nil)
	applyAll(t, m, []Entry{entry(t, 1, prelude()...)})
	last := uint64(0)
	for i, at := range []uint64{0, 1<<64 - 1, 5, 1<<64 - 1} {
		c := plain(i, 1)
		c.At, c.Expires, c.ForgetAfter = at, 1<<40, 1<<62
		r := applyOne(t, m, c)
		if r.Status != command.StatusOK || r.TS <= last || r.TS >= 1<<63 || r.Before != last {
			t.Fatal(resultText(r))
		}
		last = r.TS
	}
}
