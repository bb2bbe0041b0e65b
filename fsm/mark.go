package fsm

import (
	"slices"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/fsm/keyspace"
)

// mark is the memory of the last tokens applied to one target of an identity
// (section 4: the same token again gives the same answer, an older one is stale).
type mark struct {
	tx  *tx
	key []byte
	command.MarkRecord
}

func (tx *tx) mark(a address.Address, target string) *mark {
	key := keyspace.Mark(a, target)
	r, _ := get[command.MarkRecord](tx, key)
	return &mark{tx: tx, key: key, MarkRecord: r}
}

// has reports whether the token of these digests was applied, as one of the last.
func (m *mark) has(digests ...[32]byte) bool {
	for _, d := range digests {
		if !slices.Contains(m.Digests, d) {
			return false
		}
	}
	return true
}

// stale reports whether a token issued then can be a replay of one that has
// been replaced: it is older than the last, or there were so many in its second
// that they are not all remembered.
func (m *mark) stale(issuedAt int64, digests int) bool {
	return issuedAt < m.IssuedAt || issuedAt == m.IssuedAt && len(m.Digests)+digests > command.MaxMarks
}

// add remembers a token that is applied now.
func (m *mark) add(issuedAt int64, signer string, digests ...[32]byte) {
	if issuedAt != m.IssuedAt {
		m.Digests = nil
	}
	m.IssuedAt, m.Signer = issuedAt, signer
	m.Digests = append(m.Digests, digests...)
	put(m.tx, m.key, m.MarkRecord)
}

// update is one change of an identity by a token, on its way through the checks
// that all of them share.
type update struct {
	identity *command.IdentityRecord
	mark     *mark
}

// admit checks a change by a token: first whether it was done before, as the key
// that signed it then may have been replaced since, by this very token; then
// whether it is still in time, and by the current key.
func (tx *tx) admit(a address.Address, target string, p command.Proof, more ...[32]byte) (update, command.Status) {
	if s := tx.authorise(command.ScopeIdentity); s != command.StatusOK {
		return update{}, s
	}
	id, s := tx.acting(a)
	if s != command.StatusOK {
		return update{}, s
	}
	u := update{identity: id, mark: tx.mark(a, target)}
	switch {
	case u.mark.has(append(more, p.Digest)...):
		return u, command.StatusExists
	case u.mark.stale(p.IssuedAt, 1+len(more)):
		return u, command.StatusStale
	case id.Thumbprint != p.Signer:
		return u, command.StatusKeyNotCurrent
	}
	return u, command.StatusOK
}

// declined gives the result of a change that admit did not let through.
func declined(a address.Address, s command.Status) command.Result {
	if s == command.StatusExists {
		return command.Result{Status: s, Address: a}
	}
	return refuse(s)
}
