package relay

import (
	"context"
	"crypto/sha256"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
)

// Register makes an identity of the caller's application, or gives the one that
// is there when the same was registered before (section 5). The tokens are signed
// by the key in the request, which proves that the caller has it.
// Errors: 40001, 40004, 40010 to 40015, 40019, 40902, 41000, 41302.
func (s *Service) Register(ctx context.Context, c Caller, req api.RegisterRequest) (api.Identity, error) {
	c, err := s.Authorize(ctx, c, ScopeIdentity)
	if err != nil {
		return api.Identity{}, err
	}
	cmd, err := s.registration(req)
	if err != nil {
		return api.Identity{}, err
	}
	if cmd.Identity, err = s.newAddress(address.Identity); err != nil {
		return api.Identity{}, err
	}
	cmd.Meta, cmd.Application = s.meta(c), c.application
	result, index, err := s.proposeOne(ctx, cmd)
	if err != nil {
		return api.Identity{}, err
	}
	return s.shownAfter(ctx, index, result.Address)
}

// registration checks a request and makes what of the command comes from it.
func (s *Service) registration(req api.RegisterRequest) (*command.Register, error) {
	if len(req.SigPubKey) == 0 || string(req.SigPubKey) == "null" {
		return nil, missing(api.FieldSigPubKey)
	}
	if len(req.SigPubKey) > maxKeyPayload {
		return nil, api.Errorf(api.CodeItemTooLarge, "%s: at most %d bytes", api.FieldSigPubKey, maxKeyPayload)
	}
	key, err := jose.ParsePublicKey(req.SigPubKey, jose.Sig)
	if err != nil {
		return nil, inputError(api.FieldSigPubKey, err)
	}
	enc, err := s.registrationToken(req.EncPubKey, keyPlace(api.PathIdentity, api.FieldEncPubKey), key)
	if err != nil {
		return nil, err
	}
	if err := checkEncKey(enc); err != nil {
		return nil, err
	}
	public, err := s.registrationToken(req.MetaPublic, metaPlace(api.PathIdentity, api.FieldMetaPublic), key)
	if err != nil {
		return nil, err
	}
	kind, err := publicKind(public)
	if err != nil {
		return nil, err
	}
	private, err := s.registrationToken(req.MetaPrivate, metaPlace(api.PathIdentity, api.FieldMetaPrivate), key)
	if err != nil {
		return nil, err
	}
	if _, err := parseObject(private.Payload, api.FieldMetaPrivate); err != nil {
		return nil, err
	}
	return &command.Register{
		SigKey: key.JWK(), Thumbprint: key.Thumbprint(), Kind: kind,
		EncToken: enc.Raw, MetaPublic: public.Raw, MetaPrivate: private.Raw,
		Digest: digestOf(enc, public, private),
	}, nil
}

// registrationToken reads a token whose signer has no address yet: its kid is
// "/<key id>", and the key is in the request.
func (s *Service) registrationToken(token string, p place, key jose.PublicKey) (*jose.Token, error) {
	t, err := s.parseAt(token, p)
	if err != nil {
		return nil, err
	}
	if !t.Key.Address.IsZero() {
		return nil, api.Errorf(api.CodeBadToken, "%s: the kid must be /<key id> at registration", p.field)
	}
	if err := t.Verify(key); err != nil {
		return nil, inputError(p.field, err)
	}
	return t, nil
}

func keyPlace(path, field string) place {
	return place{path, field, maxKeyPayload, api.CodeItemTooLarge}
}

func metaPlace(path, field string) place {
	return place{path, field, api.MaxMeta, api.CodeItemTooLarge}
}

// checkEncKey demands that the token is over a usable encryption key.
func checkEncKey(t *jose.Token) error {
	if _, err := jose.ParsePublicKey(t.Payload, jose.Enc); err != nil {
		return inputError(api.FieldEncPubKey, err)
	}
	return nil
}

// publicKind gives the identityType in a metaPublic token.
func publicKind(t *jose.Token) (string, error) {
	o, err := parseObject(t.Payload, api.FieldMetaPublic)
	if err != nil {
		return "", err
	}
	return parseKind(o)
}

// digestOf tells one set of tokens from another (command.Register.Digest).
func digestOf(tokens ...*jose.Token) [32]byte {
	h := sha256.New()
	for _, t := range tokens {
		d := t.Digest()
		h.Write(d[:])
	}
	return [32]byte(h.Sum(nil))
}

// shownAfter gives an identity with its private part, as an entry left it.
func (s *Service) shownAfter(ctx context.Context, index uint64, a address.Address) (out api.Identity, err error) {
	err = s.readAfter(ctx, index, func(v View) error {
		out, err = s.showIdentity(v, a, true)
		return err
	})
	return out, err
}
