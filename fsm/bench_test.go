package fsm

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/nixnode/nixnode/fsm/command"
)

// BenchmarkApply accepts messages of 1 KiB from 256 senders to 256 mailboxes,
// 64 an entry, on disk; acknowledged as they would be, so that no mailbox fills.
func BenchmarkApply(b *testing.B) {
	const senders, perEntry, size = 256, 64, 1024
	m, err := Open(Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer closeMachine(b, m)
	cmds := prelude()
	for i := range senders {
		cmds = append(cmds, &command.Register{Application: who("p-1"), Identity: who(fmt.Sprintf("i-s%d", i)), Thumbprint: fmt.Sprintf("s%d", i)})
	}
	for i := 0; i < len(cmds); i += command.MaxCommands {
		applyAll(b, m, []Entry{entry(b, m.Applied()+1, cmds[i:min(i+command.MaxCommands, len(cmds))]...)})
	}
	n := 0
	next := func() Entry {
		e := Entry{Index: m.Applied() + 1, Term: 1}
		for range perEntry {
			c := &command.Accept{
				Meta: command.Meta{At: uint64(n), TxnID: "1546300800000000001-7", Key: who("a-1"), KeyGeneration: 1},
				From: who(fmt.Sprintf("i-s%d", n%senders)), To: who(fmt.Sprintf("i-s%d", (n+n/senders)%senders)), Signer: fmt.Sprintf("s%d", n%senders),
				Kind: 'e', ID: fmt.Sprint(n), Expires: 1 << 40, ForgetAfter: 1 << 40, Token: make([]byte, size),
			}
			binary.BigEndian.PutUint64(c.Digest[:], uint64(n)*0x9e3779b97f4a7c15) // spread, as hashes are
			e.Proposals = append(e.Proposals, entry(b, 0, c).Proposals[0])
			n++
		}
		return e
	}
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += perEntry {
		b.StopTimer()
		e := next()
		if n%(senders*4096) == 0 {
			drain(b, m, senders)
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

// drain empties all mailboxes.
func drain(b *testing.B, m *Machine, senders int) {
	for i := range senders {
		ack := &command.Ack{Identity: who(fmt.Sprintf("i-s%d", i)), Signer: fmt.Sprintf("s%d", i), UpTo: 1 << 62}
		applyAll(b, m, []Entry{entry(b, m.Applied()+1, ack)})
	}
}
