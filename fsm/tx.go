package fsm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
	"github.com/nixnode/nixnode/message"
)

// tx is one call of Apply: a batch that reads its own writes.
//
// Errors of the store stick: after the first one, reads find nothing, writes do
// nothing and the batch is never committed. So commands need not handle what
// they could do nothing about, and what they decide after it does not count.
//
// What nearly every command reads is held decoded (cache): identities are
// written through, mailbox and event counters are written when the batch is.
type tx struct {
	batch  *pebble.Batch
	limits limits
	state  state
	err    error

	rings   []address.Address // whom to wake, in the order of the commands
	ringing map[address.Address]bool

	*cache
	changedBoxes  map[address.Address]bool
	changedEvents map[address.Address]bool // by customer

	// Of the command at work.
	meta *command.Meta
	at   uint64 // its time, in nanoseconds since 1970
	who  actor

	fanOut fanOut // of the entry at work
}

func newTx(db *pebble.DB, c *cache, s state, l limits) *tx {
	c.trim()
	return &tx{
		batch:         db.NewIndexedBatch(),
		cache:         c,
		limits:        l,
		state:         s,
		ringing:       map[address.Address]bool{},
		changedBoxes:  map[address.Address]bool{},
		changedEvents: map[address.Address]bool{},
	}
}

// maxTime keeps a proposer's broken clock from using up the room that
// timestamps have: however late it says it is, a later one can still follow.
const maxTime = message.MaxTimestamp / 2

// begin starts a command. Its time is the proposer's, for what is only to be
// recorded; what expires is measured by replicated time.
func (tx *tx) begin(m *command.Meta) {
	tx.meta, tx.at, tx.who = m, min(m.At, uint64(maxTime)), actor{}
}

// seconds gives the command's time in unix seconds.
func (tx *tx) seconds() int64 { return int64(tx.at / 1e9) }

// now gives the later of the command's time and replicated time, in unix seconds.
func (tx *tx) now() int64 { return max(tx.seconds(), tx.state.clock) }

func (tx *tx) fail(err error) {
	if tx.err == nil && err != nil {
		tx.err = err
	}
}

func (tx *tx) close() {
	// An indexed batch that was not committed is only memory.
	_ = tx.batch.Close()
}

// raw reads what stands under a key, as a copy.
func (tx *tx) raw(key []byte) ([]byte, bool) {
	if tx.err != nil {
		return nil, false
	}
	data, found, err := value(tx.batch, key)
	tx.fail(err)
	return data, found && err == nil
}

func (tx *tx) set(key, data []byte) {
	if tx.err == nil {
		tx.fail(tx.batch.Set(key, data, nil))
	}
}

func (tx *tx) remove(key []byte) {
	if tx.err == nil {
		tx.fail(tx.batch.Delete(key, nil))
	}
}

func (tx *tx) removeRange(r keyspace.Range) {
	if tx.err == nil {
		tx.fail(tx.batch.DeleteRange(r.Lower, r.Upper, nil))
	}
}

// scan gives the keys of r in order, as copies, until visit returns false.
// Values are read only by who asks for them, so visit may change anything.
func (tx *tx) scan(r keyspace.Range, visit func(key []byte) bool) {
	if tx.err != nil {
		return
	}
	it, err := tx.batch.NewIter(&pebble.IterOptions{LowerBound: r.Lower, UpperBound: r.Upper})
	if err != nil {
		tx.fail(err)
		return
	}
	for ok := it.First(); ok && tx.err == nil; ok = it.Next() {
		if !visit(bytes.Clone(it.Key())) {
			break
		}
	}
	tx.fail(errors.Join(it.Error(), it.Close()))
}

// get reads a record.
func get[R command.Record](tx *tx, key []byte) (R, bool) {
	var none R
	data, found := tx.raw(key)
	if !found {
		return none, false
	}
	r, err := command.DecodeRecord[R](data)
	if err != nil {
		tx.fail(fmt.Errorf("%w: %w", ErrCorrupt, err))
		return none, false
	}
	return r, true
}

// put writes a record.
func put[R command.Record](tx *tx, key []byte, r R) {
	data, err := command.EncodeRecord(r)
	tx.fail(err)
	tx.set(key, data)
}

// number reads a value of 8 bytes; absent is 0.
func (tx *tx) number(key []byte) uint64 {
	data, found := tx.raw(key)
	if found && len(data) != 8 {
		tx.fail(fmt.Errorf("%w: a number of %d bytes", ErrCorrupt, len(data)))
	}
	if !found || tx.err != nil {
		return 0
	}
	return binary.BigEndian.Uint64(data)
}

func (tx *tx) setNumber(key []byte, n uint64) { tx.set(key, binary.BigEndian.AppendUint64(nil, n)) }

// address reads a value that is an address; absent is nobody.
func (tx *tx) address(key []byte) address.Address {
	data, found := tx.raw(key)
	if !found {
		return address.Address{}
	}
	a, err := address.FromBytes(data)
	if err != nil {
		tx.fail(fmt.Errorf("%w: %w", ErrCorrupt, err))
	}
	return a
}

// ring wakes a's listeners once the batch is committed.
func (tx *tx) ring(a address.Address) {
	if !tx.ringing[a] {
		tx.ringing[a] = true
		tx.rings = append(tx.rings, a)
	}
}

// changeBox gives the counters of a mailbox, to be changed in place.
func (tx *tx) changeBox(a address.Address) *command.MailboxRecord {
	tx.changedBoxes[a] = true
	return tx.box(a)
}

// forgetBox is called when a mailbox has been removed.
func (tx *tx) forgetBox(a address.Address) {
	delete(tx.boxes, a)
	delete(tx.changedBoxes, a)
}

// box gives the counters of a mailbox, to be read.
func (tx *tx) box(a address.Address) *command.MailboxRecord {
	b, cached := tx.boxes[a]
	if !cached {
		r, _ := get[command.MailboxRecord](tx, keyspace.Mailbox(a))
		b = &r
		tx.boxes[a] = b
	}
	return b
}

// writeBack writes the counters that were held back.
func (tx *tx) writeBack() {
	for _, a := range sorted(tx.changedBoxes) {
		put(tx, keyspace.Mailbox(a), *tx.boxes[a])
	}
	for _, a := range sorted(tx.changedEvents) {
		tx.setNumber(keyspace.EventLast(a), tx.lastEvents[a])
	}
}

// corruptKey says that a key of the store is not one that keyspace builds.
func corruptKey(key []byte, err error) error {
	return fmt.Errorf("%w: key %x: %w", ErrCorrupt, key, err)
}

// sorted gives the keys in order: even where it could not matter, nothing that
// is written follows the order of a map.
func sorted[V any](m map[address.Address]V) []address.Address {
	return slices.SortedFunc(maps.Keys(m), func(a, b address.Address) int { return bytes.Compare(a[:], b[:]) })
}
