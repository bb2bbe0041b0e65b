package fsm

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
)

// View is the state after one Apply: it never moves, may be used by several
// goroutines, and must be closed. What has expired by Clock is hidden, whether
// or not it has been removed yet.
type View struct {
	m     *Machine
	gen   *generation
	snap  *pebble.Snapshot
	state state
	close sync.Once
}

// View opens a View of everything applied so far.
func (m *Machine) View() (*View, error) {
	gen, err := m.current()
	if err != nil {
		return nil, err
	}
	v := &View{m: m, gen: gen, snap: gen.db.NewSnapshot()}
	if v.state, err = loadState(v.snap); err != nil {
		return nil, errors.Join(m.read(err), v.Close())
	}
	return v, nil
}

// Close gives the View up. Further calls do nothing.
func (v *View) Close() (err error) {
	v.close.Do(func() {
		err = v.snap.Close()
		v.gen.release()
	})
	return err
}

// Applied gives the index of the last entry that the View shows.
func (v *View) Applied() uint64 { return v.state.applied }

// Clock gives replicated time, in unix seconds.
func (v *View) Clock() int64 { return v.state.clock }

// Chain gives the hash over all entries applied so far.
func (v *View) Chain() [32]byte { return v.state.chain }

// read judges an error of a read: corruption is not survived.
func (m *Machine) read(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrCorrupt) || errors.Is(err, command.ErrUndecodable) || errors.Is(err, keyspace.ErrKey) || pebble.IsCorruptionError(err):
		return m.fail(fmt.Errorf("%w: %w", ErrCorrupt, err))
	}
	return fmt.Errorf("fsm: read: %w", err)
}

// record reads one record of a view.
func record[R command.Record](v *View, key []byte) (R, bool, error) {
	var none R
	data, found, err := value(v.snap, key)
	if err != nil || !found {
		return none, false, v.m.read(err)
	}
	r, err := command.DecodeRecord[R](data)
	if err != nil {
		return none, false, v.m.read(err)
	}
	return r, true, nil
}

// Customer gives a customer.
func (v *View) Customer(a address.Address) (command.CustomerRecord, bool, error) {
	return record[command.CustomerRecord](v, keyspace.Customer(a))
}

// Application gives an application.
func (v *View) Application(a address.Address) (command.ApplicationRecord, bool, error) {
	return record[command.ApplicationRecord](v, keyspace.Application(a))
}

// Key gives an API key; a deleted one is not found.
func (v *View) Key(a address.Address) (command.KeyRecord, bool, error) {
	r, found, err := record[command.KeyRecord](v, keyspace.Key(a))
	if r.Deleted {
		return command.KeyRecord{}, false, err
	}
	return r, found, err
}

// Identity gives an identity, retired or not.
func (v *View) Identity(a address.Address) (command.IdentityRecord, bool, error) {
	return record[command.IdentityRecord](v, keyspace.Identity(a))
}

// Profile gives the rest of an identity; a retired one has none.
func (v *View) Profile(a address.Address) (command.ProfileRecord, bool, error) {
	return record[command.ProfileRecord](v, keyspace.Profile(a))
}

// Data gives a named item of an identity.
func (v *View) Data(a address.Address, name string) (command.DataRecord, bool, error) {
	return record[command.DataRecord](v, keyspace.Data(a, name))
}

// Mark gives the last tokens applied to a target of an identity (the Target
// constants of package command).
func (v *View) Mark(a address.Address, target string) (command.MarkRecord, bool, error) {
	return record[command.MarkRecord](v, keyspace.Mark(a, target))
}

// ByThumbprint gives the identity that a signing key belongs to, or ever did.
func (v *View) ByThumbprint(thumbprint string) (address.Address, bool, error) {
	return v.address(keyspace.Thumbprint(thumbprint))
}

// Operator gives the operators' customer; not found before Bootstrap.
func (v *View) Operator() (address.Address, bool, error) { return v.address(keyOperator) }

func (v *View) address(key []byte) (address.Address, bool, error) {
	data, found, err := value(v.snap, key)
	if err != nil || !found {
		return address.Address{}, false, v.m.read(err)
	}
	a, err := address.FromBytes(data)
	if err != nil {
		return a, false, v.m.read(fmt.Errorf("%w: %w", ErrCorrupt, err))
	}
	return a, true, nil
}

// Mailbox gives the counters of a mailbox; not found when nothing was ever in it.
func (v *View) Mailbox(a address.Address) (command.MailboxRecord, bool, error) {
	return record[command.MailboxRecord](v, keyspace.Mailbox(a))
}

// Package gives what vault has cached as kid for reader.
func (v *View) Package(vault address.Address, kid string, reader address.Address) (command.PackageRecord, bool, error) {
	p, found, err := record[command.PackageRecord](v, keyspace.Package(vault, kid, reader))
	if err != nil || !found || p.Expires <= v.state.clock {
		return command.PackageRecord{}, false, err
	}
	data, found, err := value(v.snap, keyspace.Served(vault, kid, reader))
	if err == nil {
		p.Served, p.LastServed, err = decodeServed(data, found)
	}
	return p, err == nil, v.m.read(err)
}

// Customers lists the customers that come after an address (zero: from the
// start), at most limit, and says whether there are more.
func (v *View) Customers(after address.Address, limit int) ([]command.Listed[command.CustomerRecord], bool, error) {
	return list(v, keyspace.CustomersAfter(after), limit, keyspace.ParseCustomer, v.Customer)
}

// Applications lists those of a customer, as Customers does.
func (v *View) Applications(customer, after address.Address, limit int) ([]command.Listed[command.ApplicationRecord], bool, error) {
	return list(v, keyspace.ApplicationsAfter(customer, after), limit, second(keyspace.ParseApplicationByCustomer), v.Application)
}

// Keys lists those of an application, as Customers does.
func (v *View) Keys(app, after address.Address, limit int) ([]command.Listed[command.KeyRecord], bool, error) {
	return list(v, keyspace.KeysAfter(app, after), limit, second(keyspace.ParseKeyByApplication), v.Key)
}

// second takes the second address of a key of two.
func second(parse func([]byte) (a, b address.Address, err error)) func([]byte) (address.Address, error) {
	return func(key []byte) (address.Address, error) {
		_, b, err := parse(key)
		return b, err
	}
}

// list reads the records that the keys of a range name.
func list[R any](v *View, r keyspace.Range, limit int, parse func([]byte) (address.Address, error),
	read func(address.Address) (R, bool, error)) (out []command.Listed[R], more bool, err error) {
	err = v.scan(r, false, func(it *pebble.Iterator) (bool, error) {
		if len(out) == limit {
			more = true
			return false, nil
		}
		a, err := parse(it.Key())
		if err != nil {
			return false, err
		}
		one, found, err := read(a)
		if err == nil && !found {
			err = fmt.Errorf("%w: %s is listed, but not there", ErrCorrupt, a)
		}
		out = append(out, command.Listed[R]{Address: a, Record: one})
		return true, err
	})
	return out, more, err
}

// scan visits the keys of r until visit returns false.
func (v *View) scan(r keyspace.Range, descending bool, visit func(it *pebble.Iterator) (bool, error)) error {
	if bytes.Compare(r.Lower, r.Upper) >= 0 {
		return nil
	}
	it, err := v.snap.NewIter(&pebble.IterOptions{LowerBound: r.Lower, UpperBound: r.Upper})
	if err != nil {
		return v.m.read(err)
	}
	first, step := it.First, it.Next
	if descending {
		first, step = it.Last, it.Prev
	}
	goOn := true
	for ok := first(); ok && goOn && err == nil; ok = step() {
		goOn, err = visit(it)
	}
	return v.m.read(errors.Join(err, it.Error(), it.Close()))
}
