package cluster

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/hashicorp/raft"
)

// counter is a state machine that holds nothing but the index it has got to.
type counter struct {
	at       uint64
	restored int
}

func (c *counter) Apply(entries []Entry) ([][][]byte, error) {
	results := make([][][]byte, len(entries))
	for i, e := range entries {
		c.at = max(c.at, e.Index)
		results[i] = make([][]byte, len(e.Proposals))
	}
	return results, nil
}

func (c *counter) Snapshot() (Snapshot, error) { return counterSnapshot{index: c.at}, nil }
func (c *counter) Restore(io.Reader) error     { c.restored++; return nil }

type counterSnapshot struct {
	Snapshot // nothing else is asked of it
	index    uint64
}

func (s counterSnapshot) Index() uint64 { return s.index }

// of is a stored snapshot of an entry.
type of struct {
	io.ReadCloser
	index uint64
}

func (o of) Place() (index, term uint64) { return o.index, 1 }

func snapshotOf(index uint64) io.ReadCloser {
	return of{io.NopCloser(bytes.NewReader(nil)), index}
}

func entry(index uint64) []*raft.Log {
	return []*raft.Log{{Index: index, Term: 1, Type: raft.LogCommand, Data: encodePack(nil)}}
}

// After a restart the state machine may be ahead of what raft has given it again.
// A snapshot from that moment would be named after too low an entry, and a
// follower that got it could not start again: its log would end before its state.
func TestNoSnapshotIsMadeWhileTheLogIsReplayed(t *testing.T) {
	sm := &counter{at: 10}
	a := newApplier(sm, 10, func(err error) { t.Errorf("fatal: %v", err) })
	for index := uint64(8); index < 10; index++ {
		a.ApplyBatch(entry(index))
		if _, err := a.Snapshot(); !errors.Is(err, errReplaying) {
			t.Fatalf("at entry %d of 10: %v", index, err)
		}
	}
	a.ApplyBatch(entry(10))
	if _, err := a.Snapshot(); err != nil {
		t.Fatal(err)
	}
}

// A snapshot that was long on its way must not take back what was applied since:
// readers have been told of it.
func TestASnapshotOfThePastIsRefused(t *testing.T) {
	sm := &counter{}
	a := newApplier(sm, 0, func(err error) { t.Errorf("fatal: %v", err) })
	if err := a.Restore(snapshotOf(5)); err != nil {
		t.Fatal(err)
	}
	a.ApplyBatch(entry(6))
	if err := a.Restore(snapshotOf(5)); !errors.Is(err, errOutdated) {
		t.Fatalf("got %v", err)
	}
	if index, _, failed := a.state(); index != 6 || failed != nil || sm.restored != 1 {
		t.Errorf("at %d, failed %v, restored %d times", index, failed, sm.restored)
	}
	if err := a.Restore(snapshotOf(7)); err != nil || sm.restored != 2 {
		t.Errorf("a newer one: %v", err)
	}
}
