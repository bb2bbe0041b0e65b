package relay

import (
	"context"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
)

// Me gives the identity that signed the jwt, with its private part (section 5).
func (s *Service) Me(ctx context.Context, c Caller, req api.ProofRequest) (out api.Identity, err error) {
	t, err := s.parseProof(req.JWT, api.PathMe)
	if err != nil {
		return api.Identity{}, err
	}
	err = s.read(ctx, c, ScopeIdentity, func(v View, c Caller) error {
		rec, err := verifyCurrent(v, c, t, api.FieldJWT)
		if err != nil {
			return err
		}
		s.toucher.heard(t.Key.Address, rec)
		out, err = s.showIdentity(v, t.Key.Address, true)
		return err
	})
	return out, err
}

// PublicIdentity gives the public part of the identity id (any form of an
// address), of whichever application: peers verify each other across them.
func (s *Service) PublicIdentity(ctx context.Context, c Caller, id string) (out api.Identity, err error) {
	a, err := s.domain.ParseType(id, address.Identity)
	if err != nil {
		return api.Identity{}, inputError("id", err)
	}
	err = s.read(ctx, c, ScopeIdentity, func(v View, _ Caller) error {
		out, err = s.showIdentity(v, a, false)
		return err
	})
	return out, err
}

// UpdateSigKey replaces an identity's signing key, and its encryption key with it
// (section 5): the old key signs the new one, the new one signs the encryption key.
func (s *Service) UpdateSigKey(ctx context.Context, c Caller, req api.SigKeyRequest) (api.Identity, error) {
	sig, err := s.parseOwn(req.SigPubKey, keyPlace(api.PathMeSigKey, api.FieldSigPubKey))
	if err != nil {
		return api.Identity{}, err
	}
	key, err := jose.ParsePublicKey(sig.Payload, jose.Sig)
	if err != nil {
		return api.Identity{}, inputError(api.FieldSigPubKey, err)
	}
	enc, err := s.parseOwn(req.EncPubKey, keyPlace(api.PathMeSigKey, api.FieldEncPubKey))
	if err != nil {
		return api.Identity{}, err
	}
	if enc.Key.Address != sig.Key.Address {
		return api.Identity{}, api.Errorf(api.CodeBadToken, "%s: of another identity than %s", api.FieldEncPubKey, api.FieldSigPubKey)
	}
	if err := enc.Verify(key); err != nil {
		return api.Identity{}, inputError(api.FieldEncPubKey, err)
	}
	if err := checkEncKey(enc); err != nil {
		return api.Identity{}, err
	}
	cmd := &command.UpdateSigKey{
		Identity: sig.Key.Address, Token: sig.Raw, SigKey: key.JWK(), Thumbprint: key.Thumbprint(),
		EncToken: enc.Raw, EncDigest: enc.Digest(),
	}
	return s.update(ctx, c, cmd, sig.Key.Address, change{sig, api.FieldSigPubKey, command.TargetSigKey, &cmd.Proof})
}

// UpdateEncKey replaces an identity's encryption key (section 5).
func (s *Service) UpdateEncKey(ctx context.Context, c Caller, req api.EncKeyRequest) (api.Identity, error) {
	enc, err := s.parseOwn(req.EncPubKey, keyPlace(api.PathMeEncKey, api.FieldEncPubKey))
	if err != nil {
		return api.Identity{}, err
	}
	if err := checkEncKey(enc); err != nil {
		return api.Identity{}, err
	}
	cmd := &command.UpdateEncKey{Identity: enc.Key.Address, EncToken: enc.Raw}
	return s.update(ctx, c, cmd, enc.Key.Address, change{enc, api.FieldEncPubKey, command.TargetEncKey, &cmd.Proof})
}

// UpdateMeta replaces public metadata, private metadata, or both in one step (section 5).
func (s *Service) UpdateMeta(ctx context.Context, c Caller, req api.MetaRequest) (api.Identity, error) {
	if req.MetaPublic == "" && req.MetaPrivate == "" {
		return api.Identity{}, missing("metaPublic or metaPrivate")
	}
	cmd := &command.UpdateMeta{}
	var changes []change
	if req.MetaPublic != "" {
		t, err := s.parseOwn(req.MetaPublic, metaPlace(api.PathMeMeta, api.FieldMetaPublic))
		if err != nil {
			return api.Identity{}, err
		}
		if cmd.Kind, err = publicKind(t); err != nil {
			return api.Identity{}, err
		}
		cmd.Identity, cmd.Public, cmd.PublicProof = t.Key.Address, t.Raw, new(command.Proof)
		changes = append(changes, change{t, api.FieldMetaPublic, command.TargetMetaPublic, cmd.PublicProof})
	}
	if req.MetaPrivate != "" {
		t, err := s.parseOwn(req.MetaPrivate, metaPlace(api.PathMeMeta, api.FieldMetaPrivate))
		if err != nil {
			return api.Identity{}, err
		}
		if _, err := parseObject(t.Payload, api.FieldMetaPrivate); err != nil {
			return api.Identity{}, err
		}
		if cmd.PublicProof != nil && cmd.Identity != t.Key.Address {
			return api.Identity{}, api.Errorf(api.CodeBadToken, "%s: of another identity than %s", api.FieldMetaPrivate, api.FieldMetaPublic)
		}
		cmd.Identity, cmd.Private, cmd.PrivateProof = t.Key.Address, t.Raw, new(command.Proof)
		changes = append(changes, change{t, api.FieldMetaPrivate, command.TargetMetaPrivate, cmd.PrivateProof})
	}
	return s.update(ctx, c, cmd, cmd.Identity, changes...)
}

// update verifies the tokens of a change, has it applied, and gives the identity
// as it is then.
func (s *Service) update(ctx context.Context, c Caller, cmd command.Command, a address.Address, changes ...change) (api.Identity, error) {
	index, err := s.applyChange(ctx, c, cmd, changes...)
	if err != nil {
		return api.Identity{}, err
	}
	return s.shownAfter(ctx, index, a)
}
