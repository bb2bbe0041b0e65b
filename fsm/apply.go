package fsm

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/nixnode/nixnode/fsm/command"
)

// Entry is one entry of the log: a pack of proposals, or none, when the log's
// own business only moves the index on.
type Entry struct {
	Index, Term uint64
	Proposals   [][]byte // each of command.Encode
}

// Apply applies entries in order, all of them in one step: results[i][j] is what
// proposal j of entry i gave (command.EncodeResults). An entry at or below
// Applied was applied before; its results are nil.
//
// An error means that the node must stop: nothing of these entries was applied,
// and the machine applies nothing more. It is ErrFailed, wrapping
// command.ErrUndecodable or what the store says.
func (m *Machine) Apply(entries []Entry) ([][][]byte, error) {
	if err := m.alive(); err != nil {
		return nil, err
	}
	tx := newTx(m.gen.db, m.cache, m.state, m.limits)
	defer tx.close()
	results := make([][][]byte, len(entries))
	for i, e := range entries {
		r, err := tx.entry(e)
		if err != nil {
			return nil, m.stop(fmt.Errorf("entry %d: %w", e.Index, err))
		}
		results[i] = r
	}
	if tx.state == m.state {
		return results, nil
	}
	if err := tx.commit(); err != nil {
		return nil, m.stop(err)
	}
	// Pebble reports a commit that failed to its logger alone, and expects not to return.
	if err := m.failed.Load(); err != nil {
		return nil, *err
	}
	m.setState(tx.state)
	if len(tx.rings) > 0 {
		m.opts.Notifier.Ring(tx.rings...)
	}
	return results, nil
}

// stop ends the machine without telling Fatal: the caller of Apply is told.
func (m *Machine) stop(reason error) error {
	err := fmt.Errorf("%w: %w", ErrFailed, reason)
	if !m.failed.CompareAndSwap(nil, &err) {
		return *m.failed.Load()
	}
	return err
}

// entry applies one entry to the batch.
func (tx *tx) entry(e Entry) ([][]byte, error) {
	results := make([][]byte, len(e.Proposals))
	if e.Index <= tx.state.applied {
		return results, nil
	}
	tx.state.applied, tx.state.term = e.Index, e.Term
	if len(e.Proposals) == 0 {
		return results, nil
	}
	tx.state.extend(e)
	tx.fanOut = fanOut{}
	for i, p := range e.Proposals {
		r, err := tx.proposal(p)
		if err != nil {
			return nil, fmt.Errorf("proposal %d: %w", i, err)
		}
		results[i] = r
	}
	return results, nil
}

func (tx *tx) proposal(p []byte) ([]byte, error) {
	cmds, err := command.Decode(p)
	if err != nil {
		return nil, err
	}
	results := make([]command.Result, len(cmds))
	for i, c := range cmds {
		results[i] = tx.run(c)
		if tx.err != nil {
			return nil, fmt.Errorf("command %d: %w", i, tx.err)
		}
	}
	return command.EncodeResults(results)
}

// run applies one command: completely, or not at all.
func (tx *tx) run(c command.Command) command.Result {
	tx.begin(c.Origin())
	switch c := c.(type) {
	case *command.Bootstrap:
		return tx.bootstrap(c)
	case *command.CreateCustomer:
		return tx.createCustomer(c)
	case *command.UpdateCustomer:
		return tx.updateCustomer(c)
	case *command.CreateApplication:
		return tx.createApplication(c)
	case *command.UpdateApplication:
		return tx.updateApplication(c)
	case *command.CreateKey:
		return tx.createKey(c)
	case *command.UpdateKey:
		return tx.updateKey(c)
	case *command.RotateKey:
		return tx.rotateKey(c)
	case *command.DeleteKey:
		return tx.deleteKey(c)
	case *command.Register:
		return tx.register(c)
	case *command.UpdateSigKey:
		return tx.updateSigKey(c)
	case *command.UpdateEncKey:
		return tx.updateEncKey(c)
	case *command.UpdateMeta:
		return tx.updateMeta(c)
	case *command.StoreData:
		return tx.storeData(c)
	case *command.SetMembers:
		return tx.setMembers(c)
	case *command.Retire:
		return tx.retire(c)
	case *command.Touch:
		return tx.touch(c)
	case *command.Accept:
		return tx.accept(c)
	case *command.Ack:
		return tx.ack(c)
	case *command.Expire:
		return tx.expire(c)
	}
	tx.fail(fmt.Errorf("%w: nothing applies type %d", command.ErrUndecodable, c.CommandType()))
	return command.Result{}
}

// commit writes the batch, with the state inside.
func (tx *tx) commit() error {
	tx.writeBack()
	tx.set(keyState, tx.state.encode())
	if tx.err != nil {
		return tx.err
	}
	if err := tx.batch.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
