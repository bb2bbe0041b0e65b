package fsm

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/nixnode/nixnode/fsm/keyspace"
)

// formatVersion is the version of everything below a store's keys and values.
const formatVersion = 1

// The facts about the store as a whole.
var (
	keyFormat   = keyspace.Meta("format")   // formatVersion in 8 bytes
	keyState    = keyspace.Meta("state")    // a state
	keyOperator = keyspace.Meta("operator") // the 16 bytes of the operators' customer
	keyExpired  = keyspace.Meta("expired")  // the last entry of the expiry index that was dealt with
)

// state is what is written with every batch.
type state struct {
	applied, term uint64
	clock         int64 // replicated time, unix seconds
	chain         [32]byte
}

const stateBytes = 8 + 8 + 8 + 32

func (s state) encode() []byte {
	b := make([]byte, 0, stateBytes)
	b = binary.BigEndian.AppendUint64(b, s.applied)
	b = binary.BigEndian.AppendUint64(b, s.term)
	b = binary.BigEndian.AppendUint64(b, uint64(s.clock))
	return append(b, s.chain[:]...)
}

func decodeState(b []byte) (state, error) {
	if len(b) != stateBytes {
		return state{}, fmt.Errorf("%w: state of %d bytes", ErrCorrupt, len(b))
	}
	return state{
		applied: binary.BigEndian.Uint64(b),
		term:    binary.BigEndian.Uint64(b[8:]),
		clock:   int64(binary.BigEndian.Uint64(b[16:])),
		chain:   [32]byte(b[24:]),
	}, nil
}

// extend adds an entry to the hash chain:
// SHA-256(chain | index | number of proposals | (length | proposal)…).
func (s *state) extend(e Entry) {
	h := sha256.New()
	var n [8]byte
	number := func(v uint64) {
		binary.BigEndian.PutUint64(n[:], v)
		h.Write(n[:])
	}
	h.Write(s.chain[:])
	number(e.Index)
	number(uint64(len(e.Proposals)))
	for _, p := range e.Proposals {
		number(uint64(len(p)))
		h.Write(p)
	}
	h.Sum(s.chain[:0])
}

// initialise reads the state of a store, or begins it in an empty one.
func initialise(db *pebble.DB) (state, error) {
	format, found, err := value(db, keyFormat)
	if err != nil {
		return state{}, err
	}
	if !found {
		return begin(db)
	}
	if len(format) != 8 || binary.BigEndian.Uint64(format) != formatVersion {
		return state{}, fmt.Errorf("%w: version %x", ErrFormat, format)
	}
	return loadState(db)
}

// begin writes the format into a store, which must be empty. It need not be
// durable: a crash that loses it loses all that came after it, too.
func begin(db *pebble.DB) (state, error) {
	it, err := db.NewIter(nil)
	if err != nil {
		return state{}, err
	}
	something := it.First()
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return state{}, err
	}
	if something {
		return state{}, fmt.Errorf("%w: no version", ErrFormat)
	}
	return state{}, db.Set(keyFormat, binary.BigEndian.AppendUint64(nil, formatVersion), pebble.NoSync)
}

// loadState reads the state; that of a store without entries is zero.
func loadState(r pebble.Reader) (state, error) {
	b, found, err := value(r, keyState)
	if err != nil || !found {
		return state{}, err
	}
	return decodeState(b)
}

// value reads what stands under a key, as a copy.
func value(r pebble.Reader, key []byte) (data []byte, found bool, err error) {
	b, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	data = append([]byte{}, b...)
	return data, true, closer.Close()
}
