package relay

import (
	"context"
	"crypto/sha256"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/jose"
)

// Authenticate finds out which API key the Authorization header of a request
// shows (section 3). txnID is the request's id, which all it changes will carry.
// Errors: 40100 to 40105, 42900, 50300. A refusal that an outdated local state could
// explain is only given after a look at the current one; what is let through by
// an outdated state is found out by whatever the request then does.
func (s *Service) Authenticate(ctx context.Context, authorization, txnID string) (Caller, error) {
	shown, err := parseCredentials(authorization, s.domain)
	if err != nil {
		return Caller{}, err
	}
	var c Caller
	err = s.decide(ctx, func(v View) (err error) {
		c, err = s.identify(v, shown)
		return err
	})
	if err != nil {
		return Caller{}, err
	}
	c.txnID = txnID
	return c, s.rates.request(c, s.now())
}

// Authorize demands one of the scopes in scope, as Caller.Require does; but a
// caller that was found in an outdated state may have been given it since.
// Errors: 40300, and those of Authenticate.
func (s *Service) Authorize(ctx context.Context, c Caller, scope Scope) (Caller, error) {
	if c.Require(scope) == nil {
		return c, nil
	}
	err := s.read(ctx, c, scope, func(_ View, current Caller) error {
		c = current
		return nil
	})
	return c, err
}

// identify finds the caller in v. The secret is verified before anything else is
// said about the key, so that only its holder learns more.
func (s *Service) identify(v View, shown credentials) (Caller, error) {
	rec, found, err := v.Key(shown.key)
	if err != nil {
		return Caller{}, err
	}
	known := found && !rec.Deleted
	generation, matched, err := s.matchSecret(v, shown, rec, known)
	if err != nil {
		return Caller{}, err
	}
	if !known {
		return Caller{}, &api.Error{Code: api.CodeUnknownKey}
	}
	if !matched {
		return Caller{}, &api.Error{Code: api.CodeBadCredentials}
	}
	if err := shown.check(s.domain, s.now()); err != nil {
		return Caller{}, err
	}
	c := Caller{key: shown.key, generation: generation}
	if err := s.checkKey(v, c, rec, found); err != nil {
		return Caller{}, err
	}
	return c.as(rec), nil
}

// maxGenerations is how many secrets of one key can be good at a time.
const maxGenerations = 2

// decoys are compared in place of secrets that are not there, so that an unknown
// key takes as long as a wrong secret. Nothing that matches one is let through.
var decoys = [maxGenerations]jose.Secret{
	sha256.Sum256([]byte("nixnode decoy secret 1")), sha256.Sum256([]byte("nixnode decoy secret 2")),
}

// matchSecret finds the live generation of the key that the credentials were
// made with. It always compares as often.
func (s *Service) matchSecret(v View, shown credentials, rec command.KeyRecord, known bool) (generation uint64, matched bool, err error) {
	now := s.seconds(v)
	for i := range maxGenerations {
		secret, live := decoys[i], false
		if known && i < len(rec.Secrets) && secretLive(rec.Secrets[i], now) {
			if secret, err = s.secrets.open(shown.key, rec.Secrets[i]); err != nil {
				return 0, false, err
			}
			live = true
		}
		if shown.match(secret) && live && !matched {
			generation, matched = rec.Secrets[i].Generation, true
		}
	}
	return generation, matched, nil
}

func secretLive(k command.KeySecret, now int64) bool { return k.Until == 0 || now < k.Until }

// seconds gives the time by which things of v have expired: this node's clock,
// and never behind replicated time.
func (s *Service) seconds(v View) int64 { return max(s.now().Unix(), v.Clock()) }

// admit demands that the caller's key is good in v and has one of the scopes, and
// gives the caller as v knows it.
func (s *Service) admit(v View, c Caller, scope Scope) (Caller, error) {
	rec, found, err := v.Key(c.key)
	if err != nil {
		return Caller{}, err
	}
	if err := s.checkKey(v, c, rec, found); err != nil {
		return Caller{}, err
	}
	c = c.as(rec)
	return c, c.Require(scope)
}

func (s *Service) checkKey(v View, c Caller, rec command.KeyRecord, found bool) error {
	now := s.seconds(v)
	switch {
	case !found || rec.Deleted:
		return &api.Error{Code: api.CodeUnknownKey}
	case !generationLive(rec, c.generation, now):
		return &api.Error{Code: api.CodeBadCredentials}
	case !rec.Enabled:
		return &api.Error{Code: api.CodeKeyDisabled}
	case rec.Expires != 0 && rec.Expires <= now:
		return &api.Error{Code: api.CodeKeyExpired}
	}
	return checkTenant(v, rec.Application, rec.Customer)
}

func generationLive(rec command.KeyRecord, generation uint64, now int64) bool {
	for _, k := range rec.Secrets {
		if k.Generation == generation {
			return secretLive(k, now)
		}
	}
	return false
}

// checkTenant demands that application and customer are enabled.
func checkTenant(v View, application, customer address.Address) error {
	app, found, err := v.Application(application)
	if err != nil {
		return err
	}
	if !found || !app.Enabled {
		return &api.Error{Code: api.CodeTenantDisabled}
	}
	cust, found, err := v.Customer(customer)
	if err != nil {
		return err
	}
	if !found || !cust.Enabled {
		return &api.Error{Code: api.CodeTenantDisabled}
	}
	return nil
}
