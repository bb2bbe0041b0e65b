package node

import "errors"

// StateHash tells two nodes that hold the same from two that do not.
type StateHash struct {
	// Applied is the log index that the hashes are of.
	Applied uint64
	// Chain is over all entries up to Applied, State over all that they left.
	Chain, State [32]byte
}

// StateHash reads the whole state, as of the present, on this node alone: nodes
// that give the same Applied must give the same hashes (promise 8 of the
// consistency page). It takes long when the state is large.
func (n *Node) StateHash() (h StateHash, err error) {
	v, err := n.machine.View()
	if err != nil {
		return StateHash{}, err
	}
	h.Applied, h.Chain = v.Applied(), v.Chain()
	h.State, err = v.Hash()
	return h, errors.Join(err, v.Close())
}
