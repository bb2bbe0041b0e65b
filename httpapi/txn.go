package httpapi

import (
	"encoding/binary"
	"io"
	"strconv"
	"sync"
	"time"
)

// txnIDs makes the ids of exchanges: `<unix nanoseconds>-<random 31-bit int>`
// (section 2). The first number is never given twice by one process; the second
// tells processes apart.
type txnIDs struct {
	now  func() time.Time
	rand io.Reader

	mu   sync.Mutex // also for rand, which may not be safe for concurrent use
	last int64
}

func (t *txnIDs) next() string {
	var b [4]byte
	t.mu.Lock()
	t.last = max(t.now().UnixNano(), t.last+1)
	ns := t.last
	// crypto/rand.Reader never fails. If another reader does, the id is still
	// unique here, which is no reason to refuse a request.
	_, _ = io.ReadFull(t.rand, b[:])
	t.mu.Unlock()
	return strconv.FormatInt(ns, 10) + "-" + strconv.FormatUint(uint64(binary.BigEndian.Uint32(b[:])&(1<<31-1)), 10)
}
