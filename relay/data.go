package relay

import (
	"context"
	"fmt"
	"regexp"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/internal/strictjson"
)

// dataName is what an item may be called (section 5).
var dataName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func checkDataName(name string) error {
	if !dataName.MatchString(name) {
		return api.Errorf(api.CodeBadValue, "name: 1 to 64 of A-Z a-z 0-9 _ -")
	}
	return nil
}

// StoreData stores the named item of the identity that signed it (section 5).
// path is the path of the request as it was used: the token was made for it.
func (s *Service) StoreData(ctx context.Context, c Caller, path, name string, req api.DataRequest) error {
	if err := checkDataName(name); err != nil {
		return err
	}
	t, err := s.parseOwn(req.JWS, place{path, api.FieldJWS, api.MaxDataItem, api.CodeItemTooLarge})
	if err != nil {
		return err
	}
	if err := checkDataPayload(t.Payload, name); err != nil {
		return err
	}
	cmd := &command.StoreData{Identity: t.Key.Address, Name: name, Token: t.Raw}
	_, err = s.applyChange(ctx, c, cmd, change{t, api.FieldJWS, command.DataTarget(name), &cmd.Proof})
	return err
}

// checkDataPayload demands {name, jwe} with that name. What the jwe holds is its
// owner's affair.
func checkDataPayload(payload []byte, name string) error {
	var p *struct {
		Name *string `json:"name"`
		JWE  *string `json:"jwe"`
	}
	if err := strictjson.Unmarshal(payload, &p); err != nil || p == nil {
		return api.Errorf(api.CodeBadToken, "jws: the payload is not {name, jwe}")
	}
	switch {
	case p.Name == nil:
		return missing("jws: name")
	case p.JWE == nil || *p.JWE == "":
		return missing("jws: jwe")
	case *p.Name != name:
		return api.Errorf(api.CodeBadValue, "jws: the name is not that of the path")
	}
	return nil
}

// Data gives an item as it was stored, of whichever application's identity: who
// recovers has nothing left to prove with (section 5). Errors: 40401, 40402, 41000.
func (s *Service) Data(ctx context.Context, c Caller, id, name string) (out api.Data, err error) {
	a, err := s.domain.ParseType(id, address.Identity)
	if err != nil {
		return api.Data{}, inputError("id", err)
	}
	if err := checkDataName(name); err != nil {
		return api.Data{}, err
	}
	err = s.read(ctx, c, ScopeIdentity, func(v View, _ Caller) error {
		out, err = showData(v, a, name)
		return err
	})
	return out, err
}

func showData(v View, a address.Address, name string) (api.Data, error) {
	rec, found, err := v.Identity(a)
	if err != nil {
		return api.Data{}, err
	}
	if !found {
		return api.Data{}, &api.Error{Code: api.CodeNoIdentity}
	}
	if rec.Retired {
		return api.Data{}, &api.Error{Code: api.CodeRetiredIdentity}
	}
	item, found, err := v.Data(a, name)
	if err != nil {
		return api.Data{}, err
	}
	if !found {
		return api.Data{}, api.Errorf(api.CodeNoData, "%s", name)
	}
	return api.Data{Name: name, JWS: item.Token, Updated: decimal(item.Updated)}, nil
}

// SetMembers replaces the members of the route or group that signed the list
// (section 8). One named twice counts once. Errors: 40022, 40023.
func (s *Service) SetMembers(ctx context.Context, c Caller, req api.MembersRequest) error {
	t, err := s.parseOwn(req.Members, place{api.PathMeMembers, api.FieldMembers, maxMembersPayload, api.CodeItemTooLarge})
	if err != nil {
		return err
	}
	members, err := s.parseMembers(t.Payload)
	if err != nil {
		return err
	}
	cmd := &command.SetMembers{Identity: t.Key.Address, Members: members}
	_, err = s.applyChange(ctx, c, cmd, change{t, api.FieldMembers, command.TargetMembers, &cmd.Proof})
	return err
}

func (s *Service) parseMembers(payload []byte) ([]address.Address, error) {
	var texts []string
	if err := strictjson.Unmarshal(payload, &texts); err != nil || texts == nil {
		return nil, api.Errorf(api.CodeBadToken, "members: the payload is not a list of addresses")
	}
	members := make([]address.Address, 0, min(len(texts), api.MaxMembers))
	seen := map[address.Address]bool{}
	for i, text := range texts {
		a, err := s.domain.ParseType(text, address.Identity)
		if err != nil {
			return nil, inputError(fmt.Sprintf("members: %d", i), err)
		}
		if !seen[a] {
			seen[a] = true
			members = append(members, a)
		}
	}
	if len(members) > api.MaxMembers {
		return nil, api.Errorf(api.CodeTooManyItems, "members: at most %d", api.MaxMembers)
	}
	return members, nil
}

// Retire ends the identity that signed the jwt (section 5).
func (s *Service) Retire(ctx context.Context, c Caller, req api.ProofRequest) error {
	t, err := s.parseProof(req.JWT, api.PathMeRetire)
	if err != nil {
		return err
	}
	cmd := &command.Retire{Identity: t.Key.Address}
	_, err = s.applyChange(ctx, c, cmd, change{t, api.FieldJWT, command.TargetRetire, &cmd.Proof})
	return err
}
