package fsm

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
	"github.com/nixnode/nixnode/message"
)

// Messages reads one page of a mailbox. A Limit or MaxBytes of 0 is the largest
// page (message.MaxPage, MaxPageBytes).
func (v *View) Messages(q command.MessageQuery) (command.MessagePage, error) {
	if q.Limit <= 0 {
		q.Limit = message.MaxPage
	}
	if q.MaxBytes <= 0 {
		q.MaxBytes = message.MaxPageBytes
	}
	var page command.MessagePage
	size := 0
	err := v.scan(keyspace.Messages(q.Mailbox, q.After, q.Before), q.Descending, func(it *pebble.Iterator) (bool, error) {
		m, err := decodeMessage(it)
		if err != nil {
			return false, err
		}
		if m.Expires > v.state.clock && wanted(q, m) {
			size += len(m.Token)
			if n := len(page.Messages); n == q.Limit || n > 0 && size > q.MaxBytes {
				page.More = true
				return false, nil
			}
			page.Messages = append(page.Messages, m)
		}
		page.Scanned = m.TS
		return true, nil
	})
	if err != nil {
		return command.MessagePage{}, err
	}
	return page, nil
}

func decodeMessage(it *pebble.Iterator) (command.Message, error) {
	_, ts, err := keyspace.ParseMessage(it.Key())
	if err != nil {
		return command.Message{}, err
	}
	data, err := it.ValueAndErr()
	if err != nil {
		return command.Message{}, err
	}
	r, err := command.DecodeRecord[command.MessageRecord](data)
	return command.Message{TS: ts, MessageRecord: r}, err
}

// wanted applies the filters of q.
func wanted(q command.MessageQuery, m command.Message) bool {
	return (len(q.Kinds) == 0 || slices.Contains(q.Kinds, m.Kind)) &&
		(q.From.IsZero() || q.From == m.From) &&
		(q.Package == "" || q.Package == m.Package)
}

// Due reports whether an Expire up to now (unix seconds) has something to remove.
func (m *Machine) Due(now int64) (bool, error) {
	v, err := m.View()
	if err != nil {
		return false, err
	}
	defer func() { _ = v.Close() }()
	expired, _, err := value(v.snap, keyExpired)
	if err != nil {
		return false, m.read(err)
	}
	for _, r := range dueRanges(expired, now) {
		if found, err := v.any(r); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// EventsDue reports whether an Expire has events to remove that are older than
// before, in nanoseconds since 1970. They go by whole hours.
func (m *Machine) EventsDue(before uint64) (bool, error) {
	v, err := m.View()
	if err != nil {
		return false, err
	}
	defer func() { _ = v.Close() }()
	return v.any(keyspace.EventBucketsBefore(before))
}

// any reports whether there is a key in r.
func (v *View) any(r keyspace.Range) (found bool, err error) {
	err = v.scan(r, false, func(*pebble.Iterator) (bool, error) {
		found = true
		return false, nil
	})
	return found, err
}

// StateHash gives the hash of everything in the store: of all keys and values
// in order, each behind its length. Nodes that applied the same index have the
// same. It reads all data.
func (m *Machine) StateHash() ([32]byte, error) {
	v, err := m.View()
	if err != nil {
		return [32]byte{}, err
	}
	defer func() { _ = v.Close() }()
	return v.Hash()
}

// Hash is StateHash of the View.
func (v *View) Hash() (sum [32]byte, err error) {
	h := sha256.New()
	field := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	err = v.scan(keyspace.All(), false, func(it *pebble.Iterator) (bool, error) {
		data, err := it.ValueAndErr()
		if err != nil {
			return false, err
		}
		field(it.Key())
		field(data)
		return true, nil
	})
	if err != nil {
		return [32]byte{}, err
	}
	return [32]byte(h.Sum(nil)), nil
}
