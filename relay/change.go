package relay

import (
	"context"
	"slices"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
)

// change is one token by which something changes, and where the command says so.
type change struct {
	token  *jose.Token
	field  string
	target string
	proof  *command.Proof
}

// applyChange verifies the tokens of a change and has it applied.
func (s *Service) applyChange(ctx context.Context, c Caller, cmd command.Command, changes ...change) (index uint64, err error) {
	if c, err = s.Authorize(ctx, c, ScopeIdentity); err != nil {
		return 0, err
	}
	err = s.decide(ctx, func(v View) error {
		for _, ch := range changes {
			rec, signer, err := verifyChange(v, c, ch)
			if err != nil {
				return err
			}
			s.toucher.heard(ch.token.Key.Address, rec)
			*ch.proof = proofOf(ch.token, signer)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	*cmd.Origin() = s.meta(c)
	_, index, err = s.proposeOne(ctx, cmd)
	return index, err
}

// verifyChange finds the key that a token which changes something was signed
// with: the identity's current key, or, for the very token that was applied last
// to that target, the key that was current then. So the same request is answered
// alike again, though it may have replaced the key itself (section 4). It gives
// the identity, and the thumbprint of the key.
func verifyChange(v View, c Caller, ch change) (rec command.IdentityRecord, signer string, err error) {
	t := ch.token
	if rec, err = identityOf(v, c, t.Key.Address); err != nil {
		return rec, "", err
	}
	repeated, err := wasApplied(v, t, ch.target)
	if err != nil {
		return rec, "", err
	}
	if rec.Retired && !(repeated && ch.target == command.TargetRetire) {
		return rec, "", &api.Error{Code: api.CodeRetiredIdentity}
	}
	if repeated && !t.Key.KeyID.Selects(rec.Thumbprint) {
		signer, err = verifyFormer(v, t, ch.field)
		return rec, signer, err
	}
	return rec, rec.Thumbprint, verifyWith(t, rec.SigKey, ch.field)
}

// wasApplied reports whether t is among the tokens that were applied last to target.
func wasApplied(v View, t *jose.Token, target string) (bool, error) {
	mark, found, err := v.Mark(t.Key.Address, target)
	if err != nil || !found {
		return false, err
	}
	return slices.Contains(mark.Digests, t.Digest()), nil
}

// verifyFormer looks for the signer among the keys that the identity had before:
// the root, and what each link of the chain signed.
func verifyFormer(v View, t *jose.Token, field string) (signer string, err error) {
	profile, found, err := v.Profile(t.Key.Address)
	if err != nil {
		return "", err
	}
	if !found {
		return "", inputError(field, jose.ErrKeyNotCurrent)
	}
	keys := [][]byte{profile.SigRoot}
	for _, link := range profile.SigChain {
		jwk, err := storedPayload(link)
		if err != nil {
			return "", err
		}
		keys = append(keys, jwk)
	}
	// The newest first: repeating is for what was done lately.
	for _, jwk := range slices.Backward(keys) {
		key, err := jose.ParsePublicKey(jwk, jose.Sig)
		if err != nil || !t.Key.KeyID.Selects(key.Thumbprint()) {
			continue
		}
		return key.Thumbprint(), inputError(field, t.Verify(key))
	}
	return "", inputError(field, jose.ErrKeyNotCurrent)
}
