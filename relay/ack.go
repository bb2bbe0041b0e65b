package relay

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/internal/strictjson"
	"github.com/nixnode/nixnode/message"
)

// Ack takes messages out of the mailbox of the identity that signed the jwt: those
// that it lists, or all up to and including one (section 6). Messages that are not
// there any more are no error. Errors: 40001, 40004.
func (s *Service) Ack(ctx context.Context, c Caller, req api.ProofRequest) (api.AckBody, error) {
	return s.ackAt(ctx, c, req, api.PathAck)
}

// ackAt is Ack for a jwt that is bound to that path.
func (s *Service) ackAt(ctx context.Context, c Caller, req api.ProofRequest, path string) (api.AckBody, error) {
	c, err := s.Authorize(ctx, c, ScopeMessage)
	if err != nil {
		return api.AckBody{}, err
	}
	t, err := s.parseProof(req.JWT, path)
	if err != nil {
		return api.AckBody{}, err
	}
	cmd, err := parseAck(t.Payload)
	if err != nil {
		return api.AckBody{}, err
	}
	err = s.decide(ctx, func(v View) error {
		rec, err := verifyCurrent(v, c, t, api.FieldJWT)
		if err != nil {
			return err
		}
		cmd.Signer = rec.Thumbprint
		s.toucher.heard(t.Key.Address, rec)
		return nil
	})
	if err != nil {
		return api.AckBody{}, err
	}
	cmd.Meta, cmd.Identity = s.meta(c), t.Key.Address
	result, _, err := s.proposeOne(ctx, cmd)
	return api.AckBody{Acked: int(result.Count)}, err
}

// parseAck reads the claims upTo and ts, of which there is exactly one.
func parseAck(claims []byte) (*command.Ack, error) {
	var w struct {
		UpTo json.RawMessage   `json:"upTo"`
		TS   []json.RawMessage `json:"ts"`
	}
	if err := strictjson.Unmarshal(claims, &w); err != nil {
		return nil, api.Errorf(api.CodeBadValue, "jwt: ts is not a list")
	}
	switch {
	case w.UpTo == nil && w.TS == nil:
		return nil, missing("jwt: upTo or ts")
	case w.UpTo != nil && w.TS != nil:
		return nil, api.Errorf(api.CodeBadValue, "jwt: upTo and ts exclude each other")
	case len(w.TS) > message.MaxMailboxMessages:
		return nil, api.Errorf(api.CodeBadValue, "jwt: at most %d of ts", message.MaxMailboxMessages)
	}
	cmd := &command.Ack{}
	var err error
	if w.UpTo != nil {
		cmd.UpTo, err = parseTS("upTo", w.UpTo)
		return cmd, err
	}
	for _, raw := range w.TS {
		ts, err := parseTS("ts", raw)
		if err != nil {
			return nil, err
		}
		cmd.TS = append(cmd.TS, ts)
	}
	slices.Sort(cmd.TS)
	cmd.TS = slices.Compact(cmd.TS)
	return cmd, nil
}

// parseTS reads a timestamp that is a decimal string, or a whole number.
func parseTS(claim string, raw json.RawMessage) (uint64, error) {
	text, quoted := strings.CutPrefix(string(raw), `"`)
	if quoted {
		text = strings.TrimSuffix(text, `"`)
	}
	ts, err := message.ParseTimestamp(text)
	if err != nil {
		return 0, api.Errorf(api.CodeBadValue, "jwt: %s is not a timestamp", claim)
	}
	return uint64(ts), nil
}
