package relay

import (
	"encoding/base64"
	"fmt"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
)

// The most that the payload of a token may have, in bytes. What is stored for
// long is kept small; a jwt may list a whole mailbox (ack), members a thousand
// addresses.
const (
	maxKeyPayload     = 2 << 10
	maxProofPayload   = 512 << 10
	maxMembersPayload = 512 << 10
	// maxTokenExtra is what header, signature and dots have at most.
	maxTokenExtra = 6 << 10
)

// place is where a token belongs: a field of a request to a path.
type place struct {
	path, field string
	most        int      // bytes of payload
	tooLarge    api.Code // what a larger one gets
}

// parseAt reads a token of a request and checks all that needs no state: its
// form, size, target and iat (section 4). Errors are public.
func (s *Service) parseAt(token string, p place) (*jose.Token, error) {
	if token == "" {
		return nil, missing(p.field)
	}
	if len(token) > base64.RawURLEncoding.EncodedLen(p.most)+maxTokenExtra {
		return nil, api.Errorf(p.tooLarge, "%s: at most %d bytes", p.field, p.most)
	}
	t, err := jose.ParseToken(token, s.domain)
	if err != nil {
		return nil, inputError(p.field, err)
	}
	if len(t.Payload) > p.most {
		return nil, api.Errorf(p.tooLarge, "%s: at most %d bytes", p.field, p.most)
	}
	if err := t.CheckTarget(p.path, p.field); err != nil {
		return nil, inputError(p.field, err)
	}
	if err := t.CheckIssuedAt(s.now()); err != nil {
		return nil, inputError(p.field, err)
	}
	return t, nil
}

// parseOwn is parseAt for a token of an identity that exists: the kid names it.
func (s *Service) parseOwn(token string, p place) (*jose.Token, error) {
	t, err := s.parseAt(token, p)
	if err != nil {
		return nil, err
	}
	if t.Key.Address.IsZero() {
		return nil, api.Errorf(api.CodeBadToken, "%s: the kid must name the identity", p.field)
	}
	return t, nil
}

// parseProof is parseOwn for a jwt: "it is me, now".
func (s *Service) parseProof(token, path string) (*jose.Token, error) {
	t, err := s.parseOwn(token, place{path, api.FieldJWT, maxProofPayload, api.CodeBodyTooLarge})
	if err != nil {
		return nil, err
	}
	if _, err := t.Proof(s.domain, s.hosts, s.now()); err != nil {
		return nil, inputError(api.FieldJWT, err)
	}
	return t, nil
}

// identityOf gives the identity a, for which the caller's key may act in v.
// Errors: 40401, 40301; retirement is for the caller to judge.
func identityOf(v View, c Caller, a address.Address) (command.IdentityRecord, error) {
	rec, found, err := v.Identity(a)
	if err != nil {
		return rec, err
	}
	if !found {
		return rec, &api.Error{Code: api.CodeNoIdentity}
	}
	if rec.Application != c.application {
		return rec, &api.Error{Code: api.CodeOtherApp}
	}
	return rec, nil
}

// verifyCurrent demands that t was signed with the identity's current key in v.
func verifyCurrent(v View, c Caller, t *jose.Token, field string) (command.IdentityRecord, error) {
	rec, err := identityOf(v, c, t.Key.Address)
	if err != nil {
		return rec, err
	}
	if rec.Retired {
		return rec, &api.Error{Code: api.CodeRetiredIdentity}
	}
	return rec, verifyWith(t, rec.SigKey, field)
}

// verifyWith demands that t was signed with a key of the store.
func verifyWith(t *jose.Token, jwk []byte, field string) error {
	key, err := jose.ParsePublicKey(jwk, jose.Sig)
	if err != nil {
		return fmt.Errorf("a stored signing key: %v", err)
	}
	if err := t.Verify(key); err != nil {
		return inputError(field, err)
	}
	return nil
}

// proofOf gives what the state is to remember of a token that changes something.
func proofOf(t *jose.Token, signer string) command.Proof {
	return command.Proof{Digest: t.Digest(), IssuedAt: t.IssuedAt.Unix(), Signer: signer}
}
