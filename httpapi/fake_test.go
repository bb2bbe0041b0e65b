package httpapi_test

import (
	"context"
	"strings"
	"sync"

	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/httpapi"
	"github.com/nixnode/nixnode/relay"
)

// call is what reached the service.
type call struct {
	method string
	args   []string // strings of the path
	req    any      // the body or the query of a list
}

// fakeService answers each call with a zero value, or as its hooks say. It knows
// keys by `Bearer <scope>+<scope>…`.
type fakeService struct {
	// hook runs within each call; its error is the answer.
	hook func(ctx context.Context, c call) error
	// What the calls with more to say answer.
	sent   relay.SendAnswer
	page   relay.Page
	people relay.List[api.Customer]
	stream httpapi.Stream
	found  relay.EventPage
	events httpapi.EventStream

	mu      sync.Mutex
	scopes  relay.Scope // of the last that came in
	refused error       // what Continue says
	calls   []call
}

const (
	testKey    = "aq1f0Zk3vTz0b9yJ4hQ0s"
	everything = "Bearer identity+message+event+admin+operator"
)

var scopeBits = map[string]relay.Scope{
	api.ScopeIdentity: relay.ScopeIdentity, api.ScopeMessage: relay.ScopeMessage, api.ScopeEvent: relay.ScopeEvent,
	api.ScopeAdmin: relay.ScopeAdmin, api.ScopeOperator: relay.ScopeOperator,
}

func (f *fakeService) Authenticate(_ context.Context, authorization, _ string) (relay.Caller, error) {
	token, ok := strings.CutPrefix(authorization, "Bearer ")
	if !ok {
		return relay.Caller{}, api.Errorf(api.CodeNoCredentials, "")
	}
	var all relay.Scope
	for name := range strings.SplitSeq(token, "+") {
		bit, ok := scopeBits[name]
		if !ok {
			return relay.Caller{}, api.Errorf(api.CodeBadCredentials, "")
		}
		all |= bit
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scopes = all
	return relay.Caller{}, nil
}

func (f *fakeService) Authorize(_ context.Context, c relay.Caller, scopes relay.Scope) (relay.Caller, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.scopes&scopes == 0 {
		return c, api.Errorf(api.CodeScope, "")
	}
	return c, nil
}

func (f *fakeService) KeyOf(relay.Caller) string { return testKey }

func (f *fakeService) seen() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]call(nil), f.calls...)
}

func (f *fakeService) note(ctx context.Context, method string, req any, args ...string) error {
	c := call{method: method, args: args, req: req}
	f.mu.Lock()
	f.calls = append(f.calls, c)
	f.mu.Unlock()
	if f.hook != nil {
		return f.hook(ctx, c)
	}
	return nil
}

// answerOf makes the answer of a call that has nothing particular to say.
func answerOf[T any](f *fakeService, ctx context.Context, method string, req any, args ...string) (T, error) {
	var zero T
	return zero, f.note(ctx, method, req, args...)
}

func (f *fakeService) Register(ctx context.Context, _ relay.Caller, r api.RegisterRequest) (api.Identity, error) {
	return answerOf[api.Identity](f, ctx, "Register", r)
}

func (f *fakeService) Me(ctx context.Context, _ relay.Caller, r api.ProofRequest) (api.Identity, error) {
	return answerOf[api.Identity](f, ctx, "Me", r)
}

func (f *fakeService) UpdateSigKey(ctx context.Context, _ relay.Caller, r api.SigKeyRequest) (api.Identity, error) {
	return answerOf[api.Identity](f, ctx, "UpdateSigKey", r)
}

func (f *fakeService) UpdateEncKey(ctx context.Context, _ relay.Caller, r api.EncKeyRequest) (api.Identity, error) {
	return answerOf[api.Identity](f, ctx, "UpdateEncKey", r)
}

func (f *fakeService) UpdateMeta(ctx context.Context, _ relay.Caller, r api.MetaRequest) (api.Identity, error) {
	return answerOf[api.Identity](f, ctx, "UpdateMeta", r)
}

func (f *fakeService) StoreData(ctx context.Context, _ relay.Caller, path, name string, r api.DataRequest) error {
	return f.note(ctx, "StoreData", r, path, name)
}

func (f *fakeService) SetMembers(ctx context.Context, _ relay.Caller, r api.MembersRequest) error {
	return f.note(ctx, "SetMembers", r)
}

func (f *fakeService) Retire(ctx context.Context, _ relay.Caller, r api.ProofRequest) error {
	return f.note(ctx, "Retire", r)
}

func (f *fakeService) PublicIdentity(ctx context.Context, _ relay.Caller, id string) (api.Identity, error) {
	return answerOf[api.Identity](f, ctx, "PublicIdentity", nil, id)
}

func (f *fakeService) Data(ctx context.Context, _ relay.Caller, id, name string) (api.Data, error) {
	return answerOf[api.Data](f, ctx, "Data", nil, id, name)
}

func (f *fakeService) Send(ctx context.Context, _ relay.Caller, r api.SendRequest) (relay.SendAnswer, error) {
	return f.sent, f.note(ctx, "Send", r)
}

func (f *fakeService) Fetch(ctx context.Context, _ relay.Caller, r api.ProofRequest) (relay.Page, error) {
	return f.page, f.note(ctx, "Fetch", r)
}

func (f *fakeService) Ack(ctx context.Context, _ relay.Caller, r api.ProofRequest) (api.AckBody, error) {
	return answerOf[api.AckBody](f, ctx, "Ack", r)
}

func (f *fakeService) Listen(ctx context.Context, _ relay.Caller, r api.ProofRequest) (httpapi.Stream, error) {
	if err := f.note(ctx, "Listen", r); err != nil {
		return nil, err
	}
	if f.stream == nil {
		return newFakeStream(), nil
	}
	return f.stream, nil
}

// Continue notes nothing: a websocket calls it whenever it likes.
func (f *fakeService) Continue(c relay.Caller, scope relay.Scope, _ string) (relay.Caller, error) {
	f.mu.Lock()
	refused := f.refused
	f.mu.Unlock()
	if refused != nil {
		return relay.Caller{}, refused
	}
	return f.Authorize(context.Background(), c, scope)
}

// refuse lets no caller go on.
func (f *fakeService) refuse(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = err
}

func (f *fakeService) SocketListen(ctx context.Context, c relay.Caller, r api.ProofRequest) (httpapi.Stream, error) {
	return f.Listen(ctx, c, r)
}

func (f *fakeService) SocketAck(ctx context.Context, _ relay.Caller, r api.ProofRequest) (api.AckBody, error) {
	return answerOf[api.AckBody](f, ctx, "SocketAck", r)
}

func (f *fakeService) SocketSend(ctx context.Context, _ relay.Caller, r api.SendRequest, accepted func()) (relay.SendAnswer, error) {
	_ = f.note(ctx, "accept", r)
	if r.Wait > 0 {
		accepted()
	}
	return f.sent, f.note(ctx, "SocketSend", r)
}

func (f *fakeService) CreateCustomer(ctx context.Context, _ relay.Caller, r api.NameRequest) (api.Customer, error) {
	return answerOf[api.Customer](f, ctx, "CreateCustomer", r)
}

func (f *fakeService) Customers(ctx context.Context, _ relay.Caller, q relay.ListQuery) (relay.List[api.Customer], error) {
	return f.people, f.note(ctx, "Customers", q)
}

func (f *fakeService) Customer(ctx context.Context, _ relay.Caller, id string) (api.Customer, error) {
	return answerOf[api.Customer](f, ctx, "Customer", nil, id)
}

func (f *fakeService) UpdateCustomer(ctx context.Context, _ relay.Caller, id string, r api.TenantPatch) (api.Customer, error) {
	return answerOf[api.Customer](f, ctx, "UpdateCustomer", r, id)
}

func (f *fakeService) CreateApplication(ctx context.Context, _ relay.Caller, customer string, r api.NameRequest) (api.Application, error) {
	return answerOf[api.Application](f, ctx, "CreateApplication", r, customer)
}

func (f *fakeService) Applications(ctx context.Context, _ relay.Caller, customer string, q relay.ListQuery) (relay.List[api.Application], error) {
	return answerOf[relay.List[api.Application]](f, ctx, "Applications", q, customer)
}

func (f *fakeService) Application(ctx context.Context, _ relay.Caller, id string) (api.Application, error) {
	return answerOf[api.Application](f, ctx, "Application", nil, id)
}

func (f *fakeService) UpdateApplication(ctx context.Context, _ relay.Caller, id string, r api.TenantPatch) (api.Application, error) {
	return answerOf[api.Application](f, ctx, "UpdateApplication", r, id)
}

func (f *fakeService) CreateKey(ctx context.Context, _ relay.Caller, app string, r api.KeyRequest) (api.Key, error) {
	return answerOf[api.Key](f, ctx, "CreateKey", r, app)
}

func (f *fakeService) Keys(ctx context.Context, _ relay.Caller, app string, q relay.ListQuery) (relay.List[api.Key], error) {
	return answerOf[relay.List[api.Key]](f, ctx, "Keys", q, app)
}

func (f *fakeService) Key(ctx context.Context, _ relay.Caller, id string) (api.Key, error) {
	return answerOf[api.Key](f, ctx, "Key", nil, id)
}

func (f *fakeService) UpdateKey(ctx context.Context, _ relay.Caller, id string, r api.KeyPatch) (api.Key, error) {
	return answerOf[api.Key](f, ctx, "UpdateKey", r, id)
}

func (f *fakeService) RotateKey(ctx context.Context, _ relay.Caller, id string, r api.RotateRequest) (api.Key, error) {
	return answerOf[api.Key](f, ctx, "RotateKey", r, id)
}

func (f *fakeService) DeleteKey(ctx context.Context, _ relay.Caller, id string) error {
	return f.note(ctx, "DeleteKey", nil, id)
}

// fakeStream gives what is put into it.
type fakeStream struct {
	lines  chan []api.StreamLine
	end    chan error
	closed chan struct{}
	once   sync.Once
}

func newFakeStream() *fakeStream {
	return &fakeStream{lines: make(chan []api.StreamLine), end: make(chan error, 1), closed: make(chan struct{})}
}

func (s *fakeStream) Next(ctx context.Context) ([]api.StreamLine, error) {
	select {
	case l := <-s.lines:
		return l, nil
	case err := <-s.end:
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *fakeStream) Close() { s.once.Do(func() { close(s.closed) }) }

// fakeOps is a node whose state tests set.
type fakeOps struct{ sick, unready []string }

func (o fakeOps) Health() []string     { return o.sick }
func (o fakeOps) Ready() []string      { return o.unready }
func (o fakeOps) Version() api.Version { return api.Version{Version: "1.2.3", Protocol: api.Protocol} }
func (o fakeOps) Cluster() api.ClusterStatus {
	return api.ClusterStatus{Node: "n1", Leader: "n1", Term: 3}
}
