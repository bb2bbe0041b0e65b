package cluster

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/nixnode/nixnode/address"
)

// How many hints may wait for one node, and how many go in one call.
const (
	hintQueueCount = 4096
	hintQueueBytes = 8 << 20
	hintBatchBytes = 512 << 10
	hintMax        = 1 << 20 // a longer message is dropped: the log brings it
)

// hintOverhead is what a hint has besides its message, in bytes.
const hintOverhead = len(address.Address{}) + 8 + 8 + 4

const hintsVersion byte = 1

// hintQueue holds what waits to be sent. When it is full, the newest are
// dropped: those that wait will make the listener read on anyway.
type hintQueue struct {
	mu    sync.Mutex
	waits []Hint
	bytes int
	ready chan struct{} // has room for one
}

func (q *hintQueue) put(h Hint) {
	size := hintOverhead + len(h.Message)
	q.mu.Lock()
	room := size <= hintMax && len(q.waits) < hintQueueCount && q.bytes+size <= hintQueueBytes
	if room {
		q.waits = append(q.waits, h)
		q.bytes += size
	}
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take gives the oldest that fit into one call, or nil.
func (q *hintQueue) take() []Hint {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < len(q.waits) {
		next := hintOverhead + len(q.waits[n].Message)
		if n > 0 && size+next > hintBatchBytes {
			break
		}
		size += next
		n++
	}
	if n == 0 {
		q.waits = nil
		return nil
	}
	batch := q.waits[:n:n]
	q.waits, q.bytes = q.waits[n:], q.bytes-size
	return batch
}

// encodeHints: version, count, and for each the address, ts, ts before, length
// of the message and the message; all numbers big endian.
func encodeHints(hints []Hint) []byte {
	b := []byte{hintsVersion}
	b = binary.BigEndian.AppendUint32(b, uint32(len(hints)))
	for _, h := range hints {
		b = append(b, h.To[:]...)
		b = binary.BigEndian.AppendUint64(b, h.TS)
		b = binary.BigEndian.AppendUint64(b, h.Before)
		b = binary.BigEndian.AppendUint32(b, uint32(len(h.Message)))
		b = append(b, h.Message...)
	}
	return b
}

// decodeHints reads what encodeHints makes, or fails with errBadCall. The
// messages share b's memory.
func decodeHints(b []byte) ([]Hint, error) {
	bad := fmt.Errorf("%w: hints", errBadCall)
	if len(b) < 5 || b[0] != hintsVersion {
		return nil, bad
	}
	count := uint64(binary.BigEndian.Uint32(b[1:]))
	if b = b[5:]; count > uint64(len(b)/hintOverhead) {
		return nil, bad
	}
	hints := make([]Hint, 0, count)
	for range count {
		if len(b) < hintOverhead {
			return nil, bad
		}
		var h Hint
		b = b[copy(h.To[:], b):]
		h.TS, h.Before = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
		n := uint64(binary.BigEndian.Uint32(b[16:]))
		if b = b[20:]; n > uint64(len(b)) {
			return nil, bad
		}
		h.Message, b = b[:n:n], b[n:]
		hints = append(hints, h)
	}
	if len(b) > 0 {
		return nil, bad
	}
	return hints, nil
}
