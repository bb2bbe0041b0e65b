package relay

import (
	"context"

	"github.com/nixnode/nixnode/api"
)

// A websocket authenticates once and then brings many requests (section 6). Its
// tokens are bound to its own path, and each of them counts as a request (42900).

// Continue demands that the caller, authenticated when its connection began, may
// still use it, with one of the scopes in scope, and gives it back for a further
// request, whose id is txnID. It looks at the local state only: like a stream, a
// node that has been out of touch for too long lets nobody go on. Errors: 40101 to
// 40105, 40300, 50300.
func (s *Service) Continue(c Caller, scope Scope, txnID string) (Caller, error) {
	if s.router.LastContact() > maxSilence {
		return Caller{}, &api.Error{Code: api.CodeNoLeader}
	}
	v, err := s.reader.Local()
	if err != nil {
		return Caller{}, clusterError(err)
	}
	err = using(v, func(v View) error {
		c, err = s.admit(v, c, scope)
		return err
	})
	if err != nil {
		return Caller{}, err
	}
	c.txnID = txnID
	return c, nil
}

// SocketListen is Listen for a jwt of the websocket.
func (s *Service) SocketListen(ctx context.Context, c Caller, req api.ProofRequest) (*Stream, error) {
	if err := s.rates.request(c, s.now()); err != nil {
		return nil, err
	}
	return s.listenAt(ctx, c, req, api.PathSocket)
}

// SocketAck is Ack for a jwt of the websocket.
func (s *Service) SocketAck(ctx context.Context, c Caller, req api.ProofRequest) (api.AckBody, error) {
	if err := s.rates.request(c, s.now()); err != nil {
		return api.AckBody{}, err
	}
	return s.ackAt(ctx, c, req, api.PathSocket)
}

// SocketSend is Send; it calls accepted, unless it returns first, when each message
// has been accepted or refused and it waits for nothing but answers: whatever is
// sent from then on comes behind its messages.
func (s *Service) SocketSend(ctx context.Context, c Caller, req api.SendRequest, accepted func()) (SendAnswer, error) {
	if err := s.rates.request(c, s.now()); err != nil {
		return SendAnswer{}, err
	}
	return s.send(ctx, c, req, accepted)
}
