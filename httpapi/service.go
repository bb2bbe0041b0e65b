package httpapi

import (
	"context"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/relay"
)

// Service is what the door needs of package relay; ForRelay gives it. An error
// that is an *api.Error is shown by its code, any other as 50000.
type Service interface {
	// Authenticate finds the API key behind an Authorization header (section 3).
	Authenticate(ctx context.Context, authorization, txnID string) (relay.Caller, error)
	// Authorize says 40300 when the caller's key has none of the scopes in the set,
	// on this node or anywhere, and gives the caller as it is known then.
	Authorize(ctx context.Context, c relay.Caller, scopes relay.Scope) (relay.Caller, error)
	// KeyOf names the caller's key for the log: its address, never its secret.
	KeyOf(c relay.Caller) string

	identityService
	messageService
	socketService
	tenantService
	eventService
}

type identityService interface {
	Register(ctx context.Context, c relay.Caller, r api.RegisterRequest) (api.Identity, error)
	Me(ctx context.Context, c relay.Caller, r api.ProofRequest) (api.Identity, error)
	UpdateSigKey(ctx context.Context, c relay.Caller, r api.SigKeyRequest) (api.Identity, error)
	UpdateEncKey(ctx context.Context, c relay.Caller, r api.EncKeyRequest) (api.Identity, error)
	UpdateMeta(ctx context.Context, c relay.Caller, r api.MetaRequest) (api.Identity, error)
	StoreData(ctx context.Context, c relay.Caller, path, name string, r api.DataRequest) error
	SetMembers(ctx context.Context, c relay.Caller, r api.MembersRequest) error
	Retire(ctx context.Context, c relay.Caller, r api.ProofRequest) error
	PublicIdentity(ctx context.Context, c relay.Caller, id string) (api.Identity, error)
	Data(ctx context.Context, c relay.Caller, id, name string) (api.Data, error)
}

type messageService interface {
	Send(ctx context.Context, c relay.Caller, r api.SendRequest) (relay.SendAnswer, error)
	Fetch(ctx context.Context, c relay.Caller, r api.ProofRequest) (relay.Page, error)
	Ack(ctx context.Context, c relay.Caller, r api.ProofRequest) (api.AckBody, error)
	Listen(ctx context.Context, c relay.Caller, r api.ProofRequest) (Stream, error)
	Packages(ctx context.Context, c relay.Caller, r api.ProofRequest) (relay.List[api.Package], error)
}

// socketService is what a websocket needs beside: its caller stays, and its tokens
// are bound to its own path.
type socketService interface {
	// Continue demands that the caller may make a further request, which is txnID.
	Continue(c relay.Caller, scope relay.Scope, txnID string) (relay.Caller, error)
	SocketListen(ctx context.Context, c relay.Caller, r api.ProofRequest) (Stream, error)
	SocketAck(ctx context.Context, c relay.Caller, r api.ProofRequest) (api.AckBody, error)
	// SocketSend calls accepted when it waits for nothing but answers.
	SocketSend(ctx context.Context, c relay.Caller, r api.SendRequest, accepted func()) (relay.SendAnswer, error)
}

type tenantService interface {
	CreateCustomer(ctx context.Context, c relay.Caller, r api.NameRequest) (api.Customer, error)
	Customers(ctx context.Context, c relay.Caller, q relay.ListQuery) (relay.List[api.Customer], error)
	Customer(ctx context.Context, c relay.Caller, id string) (api.Customer, error)
	UpdateCustomer(ctx context.Context, c relay.Caller, id string, r api.TenantPatch) (api.Customer, error)
	CreateApplication(ctx context.Context, c relay.Caller, customer string, r api.NameRequest) (api.Application, error)
	Applications(ctx context.Context, c relay.Caller, customer string, q relay.ListQuery) (relay.List[api.Application], error)
	Application(ctx context.Context, c relay.Caller, id string) (api.Application, error)
	UpdateApplication(ctx context.Context, c relay.Caller, id string, r api.TenantPatch) (api.Application, error)
	CreateKey(ctx context.Context, c relay.Caller, application string, r api.KeyRequest) (api.Key, error)
	Keys(ctx context.Context, c relay.Caller, application string, q relay.ListQuery) (relay.List[api.Key], error)
	Key(ctx context.Context, c relay.Caller, id string) (api.Key, error)
	UpdateKey(ctx context.Context, c relay.Caller, id string, r api.KeyPatch) (api.Key, error)
	RotateKey(ctx context.Context, c relay.Caller, id string, r api.RotateRequest) (api.Key, error)
	DeleteKey(ctx context.Context, c relay.Caller, id string) error
}

type eventService interface {
	Events(ctx context.Context, c relay.Caller, customer string, q relay.EventQuery) (relay.EventPage, error)
	ListenEvents(ctx context.Context, c relay.Caller, customer string, q relay.EventQuery) (EventStream, error)
}

// EventStream is an open stream of events, and as Stream otherwise.
type EventStream interface {
	Next(ctx context.Context) ([]api.Event, error)
	// Begin gives the cursor of where the stream began.
	Begin() string
	Close()
}

// Stream is an open stream of messages. One goroutine uses it.
type Stream interface {
	// Next waits for the next messages of the stream. When ctx ends first it gives
	// the error of ctx and the stream stays where it was, so that Next may be
	// called again. An *api.Error ends the stream and is its reason.
	Next(ctx context.Context) ([]api.StreamLine, error)
	// Close lets go of what the stream holds. It is idempotent.
	Close()
}

// Ops is what the operational endpoints tell (section 11). Each answers at once.
type Ops interface {
	// Health gives why the process must be restarted; nothing when it works.
	Health() []string
	// Ready gives why the node should get no requests now; nothing when it should.
	Ready() []string
	Version() api.Version
	Cluster() api.ClusterStatus
}

// ForRelay makes package relay's service the door's.
func ForRelay(s *relay.Service) Service { return relayService{s} }

// relayService only bends the edges of *relay.Service to interfaces.
type relayService struct{ *relay.Service }

var _ Service = relayService{}

func (s relayService) KeyOf(c relay.Caller) string { return c.Key().String() }

func (s relayService) Listen(ctx context.Context, c relay.Caller, r api.ProofRequest) (Stream, error) {
	stream, err := s.Service.Listen(ctx, c, r)
	if err != nil {
		return nil, err // not a nil *relay.Stream in an interface
	}
	return stream, nil
}

func (s relayService) SocketListen(ctx context.Context, c relay.Caller, r api.ProofRequest) (Stream, error) {
	stream, err := s.Service.SocketListen(ctx, c, r)
	if err != nil {
		return nil, err
	}
	return stream, nil
}

func (s relayService) ListenEvents(ctx context.Context, c relay.Caller, customer string, q relay.EventQuery) (EventStream, error) {
	stream, err := s.Service.ListenEvents(ctx, c, customer, q)
	if err != nil {
		return nil, err
	}
	return stream, nil
}
