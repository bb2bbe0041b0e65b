package fsm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
)

// entry makes an entry of one proposal.
func entry(t testing.TB, index uint64, cmds ...command.Command) Entry {
	t.Helper()
	p, err := command.Encode(cmds...)
	if err != nil {
		t.Fatal(err)
	}
	return Entry{Index: index, Term: 1, Proposals: [][]byte{p}}
}

// plain makes a message from the prelude's i-0 to its i-1.
func plain(n int, size int) *command.Accept {
	return &command.Accept{
		Meta: command.Meta{At: uint64(100+n) * oneSecond}, From: who("i-0"), To: who("i-1"), Signer: "k0", Digest: digestOf(fmt.Sprintf("plain%d", n)),
		Kind: 's', ID: fmt.Sprint(n), Expires: 1000, ForgetAfter: 1000, Token: bytes.Repeat([]byte{byte(n)}, size),
	}
}

// bellboy looks, whenever it rings, whether a View shows the reason already.
type bellboy struct {
	t    *testing.T
	m    *Machine
	rung []address.Address
	all  int
	seen []uint64 // the newest ts of the mailboxes rung
}

func (b *bellboy) RingAll() { b.all++ }

func (b *bellboy) Ring(addrs ...address.Address) {
	b.rung = append(b.rung, addrs...)
	v, err := b.m.View()
	if err != nil {
		b.t.Error(err)
		return
	}
	defer v.Close()
	for _, a := range addrs {
		box, _, err := v.Mailbox(a)
		if err != nil {
			b.t.Error(err)
		}
		b.seen = append(b.seen, box.LastTS)
	}
}

func TestBellRingsOnceAndOnlyWhenTheMessageCanBeRead(t *testing.T) {
	b := &bellboy{t: t}
	m := openMem(t, vfs.NewMem(), b)
	b.m = m
	applyAll(t, m, []Entry{entry(t, 1, prelude()...)})
	if want := []address.Address{who("c-ops"), who("c-1")}; !slices.Equal(b.rung, want) { // their events
		t.Fatalf("rung for %v", b.rung)
	}
	b.rung, b.seen = nil, nil
	applyAll(t, m, []Entry{entry(t, 2, plain(1, 10), plain(2, 10)), entry(t, 3, plain(3, 10))})
	if !slices.Equal(b.rung, []address.Address{who("i-1"), who("c-1")}) || !slices.Equal(b.seen, []uint64{103 * oneSecond, 0}) {
		t.Fatalf("rung %v, seen %v", b.rung, b.seen)
	}
	applyAll(t, m, []Entry{entry(t, 3, plain(3, 10))})
	if len(b.rung) != 2 {
		t.Fatal("rung for an entry that was applied before")
	}
}

func TestViewDoesNotMoveWhileEntriesAreApplied(t *testing.T) {
	m := openMem(t, vfs.NewMem(), nil)
	applyAll(t, m, []Entry{entry(t, 1, prelude()...), entry(t, 2, plain(1, 10))})
	v, err := m.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	before, err := v.Hash()
	if err != nil {
		t.Fatal(err)
	}
	applyAll(t, m, []Entry{entry(t, 3, plain(2, 10)), entry(t, 4, &command.Expire{UpTo: 5000, Limit: 100})})
	after, err := v.Hash()
	if err != nil {
		t.Fatal(err)
	}
	page, err := v.Messages(command.MessageQuery{Mailbox: who("i-1")})
	if err != nil || len(page.Messages) != 1 || before != after || v.Applied() != 2 || v.Clock() != 0 {
		t.Fatalf("the view moved: %d messages, at %d, clock %d, %v", len(page.Messages), v.Applied(), v.Clock(), err)
	}
}

func TestCloseWaitsForTheLastView(t *testing.T) {
	m := open(t, vfs.NewMem())
	applyAll(t, m, []Entry{entry(t, 1, prelude()...)})
	v, err := m.View()
	if err != nil {
		t.Fatal(err)
	}
	var done atomic.Bool
	closed := make(chan error)
	go func() {
		err := m.Close()
		done.Store(true)
		closed <- err
	}()
	if _, found, err := v.Customer(who("c-1")); !found || err != nil || done.Load() {
		t.Fatalf("an open view gives %v, %v; closed: %v", found, err, done.Load())
	}
	if err := errors.Join(v.Close(), v.Close(), <-closed, m.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := m.View(); !errors.Is(err, ErrClosed) {
		t.Fatalf("a view of a closed machine: %v", err)
	}
	if _, err := m.Apply(nil); !errors.Is(err, ErrClosed) {
		t.Fatalf("apply on a closed machine: %v", err)
	}
}

func TestUndecodableEntryStopsTheMachineAndChangesNothing(t *testing.T) {
	m := openMem(t, vfs.NewMem(), nil)
	applyAll(t, m, []Entry{entry(t, 1, prelude()...)})
	before, err := m.StateHash()
	if err != nil {
		t.Fatal(err)
	}
	v, err := m.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	bad := entry(t, 3, plain(2, 10))
	bad.Proposals = append(bad.Proposals, []byte("what is this"))
	if _, err := m.Apply([]Entry{entry(t, 2, plain(1, 10)), bad}); !errors.Is(err, command.ErrUndecodable) || !errors.Is(err, ErrFailed) {
		t.Fatal(err)
	}
	if after, err := v.Hash(); err != nil || after != before || m.Applied() != 1 {
		t.Fatalf("something was applied: %d, %v", m.Applied(), err)
	}
	// The entry after it must not be applied over the gap.
	if _, err := m.Apply([]Entry{entry(t, 4, plain(3, 10))}); !errors.Is(err, ErrFailed) {
		t.Fatal(err)
	}
	if _, err := m.View(); !errors.Is(err, ErrFailed) {
		t.Fatal(err)
	}
}

func TestFailedWriteIsFatalOnceAndNothingGoesOn(t *testing.T) {
	var broken atomic.Bool
	var fatal []error
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errors.New("no space left on device")
		}
		return nil
	}))
	m, err := Open(Options{Dir: "fsm", FS: fs, Fatal: func(err error) { fatal = append(fatal, err) }})
	if err != nil {
		t.Fatal(err)
	}
	applyAll(t, m, []Entry{entry(t, 1, prelude()...)})
	broken.Store(true)
	// Pebble would try for ever; the machine must be told and end.
	flushed := make(chan error, 1)
	go func() { flushed <- m.Flush() }()
	waitFor(t, func() bool { return m.failed.Load() != nil })
	if _, err := m.Apply([]Entry{entry(t, 2, plain(1, 10))}); !errors.Is(err, ErrFailed) {
		t.Errorf("apply after a failed write: %v", err)
	}
	if _, err := m.Snapshot(); !errors.Is(err, ErrFailed) {
		t.Errorf("snapshot after a failed write: %v", err)
	}
	broken.Store(false)
	if err := <-flushed; !errors.Is(err, ErrFailed) {
		t.Errorf("flush: %v", err)
	}
	closeMachine(t, m)
	if len(fatal) != 1 || !errors.Is(fatal[0], ErrFailed) {
		t.Errorf("Fatal was told %v", fatal)
	}
}

func TestStoreOfALaterFormatIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(db *pebble.DB) error{
		"later": func(db *pebble.DB) error {
			return db.Set(keyFormat, binary.BigEndian.AppendUint64(nil, formatVersion+1), pebble.NoSync)
		},
		"none": func(db *pebble.DB) error { return db.Delete(keyFormat, pebble.NoSync) },
	} {
		fs := vfs.NewMem()
		m := open(t, fs)
		applyAll(t, m, []Entry{entry(t, 1, prelude()...)})
		if err := errors.Join(spoil(m.gen.db), m.Flush()); err != nil {
			t.Fatal(err)
		}
		closeMachine(t, m)
		if _, err := Open(Options{Dir: "fsm", FS: fs}); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFlippedBitInTheStoreIsNeverServed(t *testing.T) {
	fs := vfs.NewMem()
	m := open(t, fs)
	applyAll(t, m, []Entry{entry(t, 1, prelude()...), entry(t, 2, plain(1, 5000), plain(2, 5000))})
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	closeMachine(t, m)
	flipped := 0
	names, err := fs.List("fsm/store-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob") {
			flipBit(t, fs, "fsm/store-1/"+name)
			flipped++
		}
	}
	if flipped < 2 {
		t.Fatalf("%d files: values are not kept apart", flipped)
	}
	var fatal atomic.Int32
	m, err = Open(Options{Dir: "fsm", FS: fs, Fatal: func(error) { fatal.Add(1) }})
	if err != nil {
		return // noticed at once
	}
	defer closeMachine(t, m)
	if _, err := m.StateHash(); err == nil {
		t.Fatal("read without noticing")
	}
	if fatal.Load() != 1 {
		t.Fatalf("Fatal was told %d times", fatal.Load())
	}
}

func flipBit(t *testing.T, fs *vfs.MemFS, path string) {
	t.Helper()
	data, err := fs.UnsafeGetFileDataBuffer(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/3] ^= 0x10
}
