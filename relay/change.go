package relay

import (
	"slices"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
)

// verifyChange finds the key that a token which changes something was signed
// with: the identity's current key, or, for the very token that was applied last
// to that target, the key that was current then. So the same request is answered
// alike again, though it may have replaced the key itself (section 4). It gives
// the thumbprint of the key.
func verifyChange(v View, c Caller, t *jose.Token, field, target string) (signer string, err error) {
	rec, err := identityOf(v, c, t.Key.Address)
	if err != nil {
		return "", err
	}
	repeated, err := wasApplied(v, t, target)
	if err != nil {
		return "", err
	}
	if rec.Retired && !(repeated && target == command.TargetRetire) {
		return "", &api.Error{Code: api.CodeRetiredIdentity}
	}
	if repeated && !t.Key.KeyID.Selects(rec.Thumbprint) {
		return verifyFormer(v, t, field)
	}
	return rec.Thumbprint, verifyWith(t, rec.SigKey, field)
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
