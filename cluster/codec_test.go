package cluster

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/nixnode/nixnode/address"
)

// The bytes of an entry are in logs on disk: they never change.
func TestPackHasTheBytesThatTheFormatPageSays(t *testing.T) {
	got := hex.EncodeToString(encodePack([][]byte{[]byte("one"), nil, []byte("3")}))
	const want = "01" + "00000003" + "00000003" + "6f6e65" + "00000000" + "00000001" + "33"
	if got[:len(got)-8] != want {
		t.Fatal(got)
	}
	if sum := got[len(got)-8:]; sum != "decb6e2c" {
		t.Fatalf("checksum is %s", sum)
	}
}

func TestEveryFlippedBitOfAnEntryIsNoticed(t *testing.T) {
	pack := encodePack([][]byte{[]byte("one"), []byte("two")})
	for i := range len(pack) * 8 {
		bad := bytes.Clone(pack)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := decodePack(bad); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit %d: %v", i, err)
		}
	}
}

func FuzzPack(f *testing.F) {
	f.Add(encodePack(nil))
	f.Add(encodePack([][]byte{[]byte("one"), nil}))
	f.Add([]byte{packVersion, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		// As it is, and with a checksum that fits, so that the rest is reached.
		if len(b) >= packOverhead {
			body := bytes.Clone(b[:len(b)-4])
			checkPack(t, binary.BigEndian.AppendUint32(body, crc32.Checksum(body, castagnoli)))
		}
		checkPack(t, b)
	})
}

func checkPack(t *testing.T, b []byte) {
	t.Helper()
	items, err := decodePack(b)
	if err != nil {
		if !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(encodePack(items), b) {
		t.Fatal("accepted what encodePack does not make")
	}
}

func FuzzUpdate(f *testing.F) {
	f.Add(update{at: place{1, 2}, full: true, added: []uint64{3, 4}}.encode())
	f.Add(update{at: place{1, 2}, added: []uint64{3}, removed: []uint64{4, 5}}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := decodeUpdate(b)
		if err == nil && !bytes.Equal(u.encode(), b) {
			t.Fatal("accepted what encode does not make")
		}
		if err != nil && !errors.Is(err, errBadCall) {
			t.Fatal(err)
		}
	})
}

func FuzzHints(f *testing.F) {
	f.Add(encodeHints(nil))
	f.Add(encodeHints([]Hint{{To: address.Address{1}, TS: 2, Before: 1, Message: []byte("m")}, {}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		hints, err := decodeHints(b)
		if err == nil && !bytes.Equal(encodeHints(hints), b) {
			t.Fatal("accepted what encodeHints does not make")
		}
		if err != nil && !errors.Is(err, errBadCall) {
			t.Fatal(err)
		}
	})
}

func FuzzNodeMeta(f *testing.F) {
	f.Add(nodeMeta{epoch: 1, table: 2, feature: 3, load: 4, id: "n", nodeAddr: "a", httpAddr: "h", version: "v"}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeMeta(b)
		if err == nil && !bytes.Equal(m.encode(), b) {
			t.Fatal("accepted what encode does not make")
		}
		if err != nil && !errors.Is(err, errBadCall) {
			t.Fatal(err)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add(encodeAnswer([][]byte{[]byte("r")}, 9))
	f.Fuzz(func(t *testing.T, b []byte) {
		results, index, err := decodeAnswer(b)
		if err == nil && !bytes.Equal(encodeAnswer(results, index), b) {
			t.Fatal("accepted what encodeAnswer does not make")
		}
		if err != nil && !errors.Is(err, ErrOutcomeUnknown) {
			t.Fatal(err)
		}
	})
}

func TestTableTellsWhatChangedSince(t *testing.T) {
	tab := newTable()
	mine := map[uint64]bool{}
	var at place
	follow := func(wantFull bool) {
		t.Helper()
		u, err := decodeUpdate(tab.since(at).encode())
		if err != nil || u.full != wantFull {
			t.Fatal(u.full, err)
		}
		if u.full {
			clear(mine)
		}
		for _, h := range u.added {
			mine[h] = true
		}
		for _, h := range u.removed {
			delete(mine, h)
		}
		at = u.at
		for h := range uint64(50) {
			tab.mu.Lock()
			_, want := tab.set[h]
			tab.mu.Unlock()
			if mine[h] != want {
				t.Fatalf("%d: %v, want %v", h, mine[h], want)
			}
		}
	}
	for h := range uint64(20) {
		tab.put(h, true)
	}
	follow(true) // of another epoch, nothing is known
	tab.put(3, false)
	tab.put(30, true)
	tab.put(30, false)
	tab.put(30, true)
	tab.put(31, false) // was not there: no change
	follow(false)
	follow(false) // nothing has changed
	for i := range uint64(3 * journalLength) {
		tab.put(i%50, i%3 == 0)
	}
	follow(true) // too much was missed
	at.version += 5
	u := tab.since(at) // from the future of another history
	if !u.full {
		t.Fatal("a version that never was got a delta")
	}
}

func TestHintQueueIsBoundedAndGivesTheOldestFirst(t *testing.T) {
	q := hintQueue{ready: make(chan struct{}, 1)}
	q.put(Hint{Message: make([]byte, hintMax)}) // never fits
	for i := range uint64(hintQueueCount + 10) {
		q.put(Hint{TS: i})
	}
	var got []uint64
	for batch := q.take(); batch != nil; batch = q.take() {
		if len(encodeHints(batch)) > hintBatchBytes+5 {
			t.Fatal("a batch is too large")
		}
		for _, h := range batch {
			got = append(got, h.TS)
		}
	}
	if len(got) != hintQueueCount || !slices.IsSorted(got) || got[0] != 0 {
		t.Fatal(len(got))
	}
	big := Hint{Message: make([]byte, 900<<10)}
	for range 20 {
		q.put(big)
	}
	if n := len(q.waits); n != 9 {
		t.Fatalf("%d hints of 900 KiB wait", n)
	}
}
