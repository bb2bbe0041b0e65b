package relay

import (
	"fmt"
	"strconv"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
)

// showIdentity gives the identity a as v has it, with its private part or without
// (section 5). Errors: 40401, 41000.
func (s *Service) showIdentity(v View, a address.Address, private bool) (api.Identity, error) {
	rec, found, err := v.Identity(a)
	if err != nil {
		return api.Identity{}, err
	}
	if !found {
		return api.Identity{}, &api.Error{Code: api.CodeNoIdentity}
	}
	if rec.Retired {
		return api.Identity{}, &api.Error{Code: api.CodeRetiredIdentity}
	}
	profile, found, err := v.Profile(a)
	if err != nil {
		return api.Identity{}, err
	}
	if !found {
		return api.Identity{}, fmt.Errorf("identity %s has no profile", a)
	}
	return s.identity(a, rec, profile, private)
}

func (s *Service) identity(a address.Address, rec command.IdentityRecord, p command.ProfileRecord, private bool) (api.Identity, error) {
	out := api.Identity{
		Address: s.domain.Full(a), SigPubKey: rec.SigKey, EncPubKey: p.EncToken,
		SigRoot: p.SigRoot, SigChain: p.SigChain, MetaPublicJWS: p.MetaPublic,
	}
	if out.SigChain == nil {
		out.SigChain = []string{} // a list without links, and not null
	}
	var err error
	out.MetaPublic, err = withMembers(p.MetaPublic, map[string]string{"appAddress": s.domain.Full(rec.Application)})
	if err != nil || !private {
		return out, err
	}
	out.MetaPrivate, err = withMembers(p.MetaPrivate, map[string]string{
		"created": decimal(rec.Created), "lastHeardDay": decimal(rec.LastHeard),
	})
	return out, err
}

// decimal gives a number of unix seconds as the wire has it.
func decimal(sec int64) string { return strconv.FormatInt(sec, 10) }
