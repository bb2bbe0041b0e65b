package fsm

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/nixnode/nixnode/fsm/command"
)

// The load of the benchmarks: messages of 1 KiB from 256 senders to 256
// mailboxes, 64 an entry.
const benchSenders, benchPerEntry, benchSize = 256, 64, 1024

// benchMachine opens a machine on disk, with the senders registered.
func benchMachine(b *testing.B) *Machine {
	m, err := Open(Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { closeMachine(b, m) })
	cmds := prelude()
	for i := range benchSenders {
		cmds = append(cmds, &command.Register{Application: who("p-1"), Identity: who(fmt.Sprintf("i-s%d", i)), Thumbprint: fmt.Sprintf("s%d", i)})
	}
	for i := 0; i < len(cmds); i += command.MaxCommands {
		applyAll(b, m, []Entry{entry(b, m.Applied()+1, cmds[i:min(i+command.MaxCommands, len(cmds))]...)})
	}
	return m
}

// benchEntry makes the entry of the messages from n on.
func benchEntry(b *testing.B, index uint64, n int) Entry {
	e := Entry{Index: index, Term: 1}
	for ; len(e.Proposals) < benchPerEntry; n++ {
		c := &command.Accept{
			Meta: command.Meta{At: uint64(n), TxnID: "1546300800000000001-7", Key: who("a-1"), KeyGeneration: 1},
			From: who(fmt.Sprintf("i-s%d", n%benchSenders)), To: who(fmt.Sprintf("i-s%d", (n+n/benchSenders)%benchSenders)), Signer: fmt.Sprintf("s%d", n%benchSenders),
			Kind: 'e', ID: fmt.Sprint(n), Expires: 1 << 40, ForgetAfter: 1 << 40, Token: make([]byte, benchSize),
		}
		binary.BigEndian.PutUint64(c.Digest[:], uint64(n)*0x9e3779b97f4a7c15) // spread, as hashes are
		e.Proposals = append(e.Proposals, entry(b, 0, c).Proposals[0])
	}
	return e
}

// BenchmarkApply applies messages; they are acknowledged as they would be, so
// that no mailbox fills.
func BenchmarkApply(b *testing.B) {
	m := benchMachine(b)
	n := 0
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += benchPerEntry {
		b.StopTimer()
		e := benchEntry(b, m.Applied()+1, n)
		if n += benchPerEntry; n%(benchSenders*4096) == 0 {
			drain(b, m, benchSenders)
			e.Index = m.Applied() + 1
		}
		b.StartTimer()
		if _, err := m.Apply([]Entry{e}); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkSnapshot measures how long applying stands still for a snapshot, when
// nearly as much waits to be flushed as can.
func BenchmarkSnapshot(b *testing.B) {
	m := benchMachine(b)
	n := 0
	for b.Loop() {
		b.StopTimer()
		drain(b, m, benchSenders)
		for size := 0; size < memTableBytes*3/4; size += benchPerEntry * benchSize {
			applyAll(b, m, []Entry{benchEntry(b, m.Applied()+1, n)})
			n += benchPerEntry
		}
		b.StartTimer()
		s, err := m.Snapshot()
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Release()
		b.StartTimer()
	}
}

// drain empties all mailboxes.
func drain(b *testing.B, m *Machine, senders int) {
	for i := range senders {
		ack := &command.Ack{Identity: who(fmt.Sprintf("i-s%d", i)), Signer: fmt.Sprintf("s%d", i), UpTo: 1 << 62}
		applyAll(b, m, []Entry{entry(b, m.Applied()+1, ack)})
	}
}
