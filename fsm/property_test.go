package fsm

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/nixnode/nixnode/fsm/keyspace"
)

// outcome is what two machines that applied the same log must agree on.
type outcome struct {
	state, chain [32]byte
	applied      uint64
}

func outcomeOf(t rapid.TB, m *Machine) outcome {
	v, err := m.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	sum, err := v.Hash()
	if err != nil {
		t.Fatal(err)
	}
	return outcome{state: sum, chain: v.Chain(), applied: v.Applied()}
}

func open(t rapid.TB, fs vfs.FS) *Machine {
	m, err := Open(Options{Dir: "fsm", FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func closeMachine(t rapid.TB, m *Machine) {
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

func applyAll(t rapid.TB, m *Machine, log []Entry) [][][]byte {
	results, err := m.Apply(log)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// straight applies a log entry by entry, without any incident.
func straight(t rapid.TB, log []Entry) (*Machine, [][][]byte) {
	m := open(t, vfs.NewMem())
	m.limits.mailboxMessages, m.limits.holders = 8, 2
	var results [][][]byte
	for _, e := range log {
		results = append(results, applyAll(t, m, []Entry{e})[0])
	}
	return m, results
}

func TestAnySplitAndAnyCrashEndInTheSameState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &generator{t: t}
		log := g.entries()
		plain, want := straight(t, log)
		defer closeMachine(t, plain)
		checkInvariants(t, plain)

		fs := vfs.NewCrashableMem()
		m := open(t, fs)
		for step := 0; m.Applied() < log[len(log)-1].Index; step++ {
			m.limits = plain.limits
			from := firstAfter(log, m.Applied())
			from = g.int("replay from", max(0, from-3), from) // what was applied before is skipped
			to := len(log)
			if step < 8 {
				to = g.int("up to", from, len(log))
			}
			for i, r := range applyAll(t, m, log[from:to]) {
				compareResults(t, want[from+i], r)
			}
			if step < 8 {
				m, fs = incident(g, m, fs)
			}
		}
		defer func() { closeMachine(t, m) }()
		if got, want := outcomeOf(t, m), outcomeOf(t, plain); got != want {
			t.Fatalf("got %x, want %x", got, want)
		}
	})
}

// firstAfter gives the place of the first entry that is not applied yet.
func firstAfter(log []Entry, applied uint64) int {
	for i, e := range log {
		if e.Index > applied {
			return i
		}
	}
	return len(log)
}

// compareResults: an entry gives what it gave in the straight run, or nothing,
// when it was applied before.
func compareResults(t *rapid.T, want, got [][]byte) {
	if len(got) != len(want) {
		t.Fatalf("%d results for %d proposals", len(got), len(want))
	}
	for i := range got {
		if got[i] != nil && !bytes.Equal(got[i], want[i]) {
			t.Fatalf("result %d: %x, in the straight run %x", i, got[i], want[i])
		}
	}
}

// incident lets happen what may happen between two calls of Apply.
func incident(g *generator, m *Machine, fs *vfs.MemFS) (*Machine, *vfs.MemFS) {
	switch g.int("incident", 0, 5) {
	case 0:
		if err := m.Flush(); err != nil {
			g.t.Fatal(err)
		}
	case 1:
		s, err := m.Snapshot()
		if err != nil {
			g.t.Fatal(err)
		}
		s.Release()
	case 2, 3: // power loss: some of what was not synced is lost, some is not
		seed := uint64(g.int("seed", 0, 1<<30))
		after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: g.int("survives", 0, 100), RNG: rand.New(rand.NewPCG(seed, 1))})
		closeMachine(g.t, m)
		return open(g.t, after), after
	case 4: // stopped without a flush, started again
		closeMachine(g.t, m)
		return open(g.t, fs), fs
	}
	return m, fs
}

func TestRestoredMachineGoesOnAsTheOneItCameFrom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := &generator{t: t}
		log := g.entries()
		at := g.int("snapshot after", 1, len(log))
		m, _ := straight(t, log[:at])
		defer closeMachine(t, m)
		s, err := m.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Release()
		applyAll(t, m, log[at:]) // the snapshot must not move with it
		var stream bytes.Buffer
		if _, err := s.WriteTo(&stream); err != nil {
			t.Fatal(err)
		}

		other := open(t, vfs.NewMem())
		defer func() { closeMachine(t, other) }()
		other.limits = m.limits
		applyAll(t, other, log[:g.int("had applied", 0, len(log))])
		if err := other.Restore(&stream); err != nil {
			t.Fatal(err)
		}
		if other.Applied() != s.Index() || s.Index() != log[at-1].Index {
			t.Fatalf("restored to %d, snapshot of %d, taken at %d", other.Applied(), s.Index(), log[at-1].Index)
		}
		applyAll(t, other, log[at:])
		if got, want := outcomeOf(t, other), outcomeOf(t, m); got != want {
			t.Fatalf("got %x, want %x", got, want)
		}
	})
}

// checkInvariants compares everything that is counted or listed twice.
func checkInvariants(t *rapid.T, m *Machine) {
	v, err := m.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	c := census{boxes: map[string][2]uint64{}, holders: map[string]uint64{}}
	if err := v.scan(keyspace.All(), false, c.visit(v)); err != nil {
		t.Fatal(err)
	}
	c.compare(t)
}
