package cluster

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"

	"github.com/nixnode/nixnode/address"
)

// hashOf shortens an address to the 8 bytes that the routing tables carry. Two
// addresses with the same hash cost a wasted hint.
func hashOf(a address.Address) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(a[:])
	return h.Sum64()
}

// journalLength is how many changes a table remembers. A node that missed more
// pulls the whole table, of 8 bytes an address.
const journalLength = 16 << 10

// place is a state of a table: which table, and how many changes it has seen.
type place struct{ epoch, version uint64 }

// table is which addresses are listened to on this node. Its epoch is drawn at
// random, so that a version of this process is never taken for one of the last.
type table struct {
	mu      sync.Mutex
	at      place
	set     map[uint64]struct{}
	journal []change // the last changes; journal[len-1] led to at.version
	changed chan struct{}
}

type change struct {
	hash uint64
	on   bool
}

func newTable() *table {
	return &table{at: place{epoch: rand.Uint64()}, set: map[uint64]struct{}{}, changed: make(chan struct{}, 1)}
}

// put notes that an address is, or is no longer, listened to.
func (t *table) put(hash uint64, on bool) {
	t.mu.Lock()
	if _, is := t.set[hash]; is != on {
		if on {
			t.set[hash] = struct{}{}
		} else {
			delete(t.set, hash)
		}
		t.at.version++
		if len(t.journal) == 2*journalLength { // forget in large steps
			t.journal = append(t.journal[:0], t.journal[journalLength:]...)
		}
		t.journal = append(t.journal, change{hash, on})
	}
	t.mu.Unlock()
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

func (t *table) now() (at place, size int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.at, len(t.set)
}

func (t *table) size() int {
	_, n := t.now()
	return n
}

// since gives what somebody who knows the table as of a place must change to
// know it as it is now.
func (t *table) since(known place) update {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := update{at: t.at}
	missed := t.at.version - known.version // huge when known is from the future
	if known.epoch != t.at.epoch || missed > uint64(len(t.journal)) {
		u.full = true
		for hash := range t.set {
			u.added = append(u.added, hash)
		}
		return u
	}
	last := map[uint64]bool{}
	for _, c := range t.journal[uint64(len(t.journal))-missed:] {
		last[c.hash] = c.on
	}
	for hash, on := range last {
		if on {
			u.added = append(u.added, hash)
		} else {
			u.removed = append(u.removed, hash)
		}
	}
	return u
}

// update is the answer to a pull.
type update struct {
	at             place
	full           bool // added is all there is
	added, removed []uint64
}

const updateVersion byte = 1

// encode: version, epoch, table version, 1 if full, and two counted lists of
// hashes; all numbers big endian.
func (u update) encode() []byte {
	b := make([]byte, 0, 26+8*(len(u.added)+len(u.removed)))
	b = append(b, updateVersion)
	b = binary.BigEndian.AppendUint64(b, u.at.epoch)
	b = binary.BigEndian.AppendUint64(b, u.at.version)
	if u.full {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	for _, list := range [][]uint64{u.added, u.removed} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(list)))
		for _, hash := range list {
			b = binary.BigEndian.AppendUint64(b, hash)
		}
	}
	return b
}

// decodeUpdate reads what encode makes, or fails with errBadCall.
func decodeUpdate(b []byte) (u update, err error) {
	bad := fmt.Errorf("%w: table", errBadCall)
	if len(b) < 18 || b[0] != updateVersion || b[17] > 1 {
		return update{}, bad
	}
	u.at.epoch, u.at.version = binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[9:])
	u.full = b[17] == 1
	b = b[18:]
	for _, list := range []*[]uint64{&u.added, &u.removed} {
		if len(b) < 4 {
			return update{}, bad
		}
		n := uint64(binary.BigEndian.Uint32(b))
		if b = b[4:]; n > uint64(len(b)/8) {
			return update{}, bad
		}
		for range n {
			*list = append(*list, binary.BigEndian.Uint64(b))
			b = b[8:]
		}
	}
	if len(b) > 0 || u.full && len(u.removed) > 0 {
		return update{}, bad
	}
	return u, nil
}
