package relay

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
)

// maxOverlap is how long a rotated secret may stay valid.
const maxOverlap = 7 * 24 * time.Hour

// maxExpires is the end of the year 9999; beyond it times cannot be written.
const maxExpires = 253402300799

// CreateKey makes an API key of an application [its customer's admin, or
// operator]. The secret is in this answer and in none after it.
func (s *Service) CreateKey(ctx context.Context, c Caller, appID string, req api.KeyRequest) (api.Key, error) {
	c, err := s.Authorize(ctx, c, ScopeAdmin)
	if err != nil {
		return api.Key{}, err
	}
	app, err := s.parseTenant(appID, address.Application)
	if err != nil {
		return api.Key{}, err
	}
	cmd := &command.CreateKey{Application: app, Name: req.Name, Rate: rateOf(req.Rate)}
	if err := checkName(req.Name); err != nil {
		return api.Key{}, err
	}
	if cmd.Scopes, err = parseNewScopes(req.Scopes); err != nil {
		return api.Key{}, err
	}
	if cmd.Expires, err = parseExpires(req.Expires); err != nil {
		return api.Key{}, err
	}
	err = s.decide(ctx, func(v View) error {
		_, err := administeredApplication(v, c, app)
		return err
	})
	if err != nil {
		return api.Key{}, err
	}
	if cmd.NewKey, err = s.newAddress(address.APIKey); err != nil {
		return api.Key{}, err
	}
	secret, sealed, err := s.newSecret()
	if err != nil {
		return api.Key{}, err
	}
	cmd.Meta, cmd.Sealed = s.meta(c), sealed
	return s.changeKey(ctx, c, cmd, cmd.NewKey, secret.Text())
}

// Keys lists the API keys of an application, without secrets.
func (s *Service) Keys(ctx context.Context, c Caller, appID string, q ListQuery) (list List[api.Key], err error) {
	app, err := s.parseTenant(appID, address.Application)
	if err != nil {
		return list, err
	}
	after, limit, err := parseList(q, listKeys, app)
	if err != nil {
		return list, err
	}
	err = s.read(ctx, c, ScopeAdmin, func(v View, c Caller) error {
		if _, err := administeredApplication(v, c, app); err != nil {
			return err
		}
		page, more, err := v.Keys(app, after, limit)
		if err != nil {
			return err
		}
		list = showList(listKeys, app, page, more, s.showKey)
		return nil
	})
	return list, err
}

// Key gives an API key, without its secret.
func (s *Service) Key(ctx context.Context, c Caller, id string) (out api.Key, err error) {
	a, err := s.parseTenant(id, address.APIKey)
	if err != nil {
		return out, err
	}
	err = s.read(ctx, c, ScopeAdmin, func(v View, c Caller) error {
		rec, err := administeredKey(v, c, a)
		out = s.showKey(a, rec)
		return err
	})
	return out, err
}

// UpdateKey changes what the patch names.
func (s *Service) UpdateKey(ctx context.Context, c Caller, id string, patch api.KeyPatch) (api.Key, error) {
	a, err := s.administerKey(ctx, c, id)
	if err != nil {
		return api.Key{}, err
	}
	if err := checkPatchName(patch.Name); err != nil {
		return api.Key{}, err
	}
	cmd := &command.UpdateKey{Target: a, Name: patch.Name, Enabled: patch.Enabled}
	if patch.Scopes != nil {
		scopes, err := parseScopes(patch.Scopes)
		if err != nil {
			return api.Key{}, err
		}
		cmd.Scopes = &scopes
	}
	if patch.Expires != nil {
		expires, err := parseExpires(*patch.Expires)
		if err != nil {
			return api.Key{}, err
		}
		cmd.Expires = &expires
	}
	if patch.Rate != nil {
		rate := rateOf(patch.Rate)
		cmd.Rate = &rate
	}
	cmd.Meta = s.meta(c)
	return s.changeKey(ctx, c, cmd, a, "")
}

// RotateKey gives an API key a new secret, which is in this answer and in none
// after it. The one before stays valid for the overlap.
func (s *Service) RotateKey(ctx context.Context, c Caller, id string, req api.RotateRequest) (api.Key, error) {
	a, err := s.administerKey(ctx, c, id)
	if err != nil {
		return api.Key{}, err
	}
	if req.Overlap < 0 || req.Overlap > int(maxOverlap.Seconds()) {
		return api.Key{}, api.Errorf(api.CodeBadValue, "overlap: 0 to %d", int(maxOverlap.Seconds()))
	}
	secret, sealed, err := s.newSecret()
	if err != nil {
		return api.Key{}, err
	}
	cmd := &command.RotateKey{Meta: s.meta(c), Target: a, Sealed: sealed}
	cmd.OldUntil = s.now().Unix() + int64(req.Overlap)
	return s.changeKey(ctx, c, cmd, a, secret.Text())
}

// DeleteKey removes an API key for ever.
func (s *Service) DeleteKey(ctx context.Context, c Caller, id string) error {
	a, err := s.administerKey(ctx, c, id)
	if err != nil {
		return err
	}
	_, _, err = s.proposeOne(ctx, &command.DeleteKey{Meta: s.meta(c), Target: a})
	return err
}

// administerKey reads the address of a key that the caller may administer.
func (s *Service) administerKey(ctx context.Context, c Caller, id string) (address.Address, error) {
	c, err := s.Authorize(ctx, c, ScopeAdmin)
	if err != nil {
		return address.Address{}, err
	}
	a, err := s.parseTenant(id, address.APIKey)
	if err != nil {
		return a, err
	}
	return a, s.decide(ctx, func(v View) error {
		_, err := administeredKey(v, c, a)
		return err
	})
}

// changeKey has a change applied and gives the key as it is then.
func (s *Service) changeKey(ctx context.Context, c Caller, cmd command.Command, a address.Address, secret string) (out api.Key, err error) {
	_, index, err := s.proposeOne(ctx, cmd)
	if err != nil {
		return out, err
	}
	err = s.readAfter(ctx, index, func(v View) error {
		rec, err := administeredKey(v, c, a)
		out = s.showKey(a, rec)
		out.Secret = secret
		return err
	})
	return out, err
}

// newSecret draws a secret, and seals it for the store.
func (s *Service) newSecret() (secret jose.Secret, sealed []byte, err error) {
	if _, err := io.ReadFull(s.rand, secret[:]); err != nil {
		return jose.Secret{}, nil, fmt.Errorf("draw a secret: %w", err)
	}
	if sealed, err = s.sealer.Seal(secret[:]); err != nil {
		return jose.Secret{}, nil, fmt.Errorf("seal a secret: %w", err)
	}
	return secret, sealed, nil
}

// parseNewScopes is parseScopes with the default pair of section 3.
func parseNewScopes(names []string) (Scope, error) {
	if names == nil {
		return ScopeIdentity | ScopeMessage, nil
	}
	return parseScopes(names)
}

// parseExpires reads a decimal string of unix seconds; empty is never. A time that
// has passed is legal: the key has expired then.
func parseExpires(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	sec, err := strconv.ParseUint(text, 10, 63)
	if err != nil || sec == 0 || sec > maxExpires {
		return 0, api.Errorf(api.CodeBadValue, "expires: not a decimal string of unix seconds")
	}
	return int64(sec), nil
}

func rateOf(r *api.Rate) command.Rate {
	if r == nil {
		return command.Rate{}
	}
	return command.Rate{Requests: r.Requests, Burst: r.Burst, Messages: r.Messages}
}
