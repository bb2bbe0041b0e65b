package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nixnode/nixnode/address"
	"github.com/nixnode/nixnode/api"
	"github.com/nixnode/nixnode/fsm"
	"github.com/nixnode/nixnode/fsm/command"
	"github.com/nixnode/nixnode/internal/eventually"
	"github.com/nixnode/nixnode/jose"
	"github.com/nixnode/nixnode/message"
	"github.com/nixnode/nixnode/notify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a cluster without a network: a log in memory and, on each node, the
// real state machine. A node can be made to lag, which is what a paused or cut off
// one does, until a read barrier makes it catch up.
type world struct {
	t     testing.TB
	nodes []*testNode

	mu       sync.Mutex
	log      []fsm.Entry
	noLeader bool
	now      time.Time
	// failPropose, if set, decides about a proposal before it is applied, and
	// whether it is applied all the same.
	failPropose func(cmds []command.Command) (apply bool, err error)
}

// testNode is one node: it is the Proposer, Reader and Router of its Service.
type testNode struct {
	w       *world
	machine *fsm.Machine
	bell    *notify.Bell
	*Service

	mu          sync.Mutex // after world.mu
	lag         bool
	at          int // entries applied
	barriers    int
	elsewhere   map[address.Address]bool
	hints       []notify.Hint
	lastContact time.Duration
	forward     bool // hints go to the other nodes
}

// newWorld makes n nodes at a fixed time.
func newWorld(t testing.TB, n int) *world {
	t.Helper()
	return newWorldAt(t, n, time.Unix(1_800_000_000, 0))
}

func newWorldAt(t testing.TB, n int, now time.Time) *world {
	t.Helper()
	w := &world{t: t, now: now}
	domain, err := address.NewDomain("nix.example.org", "api.nix.software")
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		node := &testNode{w: w, elsewhere: map[address.Address]bool{}, forward: true}
		node.bell = notify.New(nil)
		node.machine, err = fsm.Open(fsm.Options{Dir: "data", FS: fsm.MemoryFS(), Notifier: node.bell})
		if err != nil {
			t.Fatal(err)
		}
		node.Service = New(Options{
			Domain: domain, Hosts: []string{"node.example.org", "::1"}, Proposer: node, Reader: node, Router: node,
			Bell: node.bell, Sealer: reverseSealer{}, Now: w.clock,
		})
		w.nodes = append(w.nodes, node)
		t.Cleanup(func() {
			node.Service.Close()
			if err := node.machine.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) setNoLeader(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noLeader = on
}

func (w *world) failWith(f func([]command.Command) (bool, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failPropose = f
}

// Propose implements Proposer: the first node's results count.
func (n *testNode) Propose(ctx context.Context, proposal []byte) ([]byte, uint64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	w := n.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.noLeader {
		return nil, 0, ErrNoLeader
	}
	var failure error
	if w.failPropose != nil {
		cmds, err := command.Decode(proposal)
		if err != nil {
			return nil, 0, err
		}
		apply, err := w.failPropose(cmds)
		if failure = err; !apply && err != nil {
			return nil, 0, err
		}
	}
	w.log = append(w.log, fsm.Entry{Index: uint64(len(w.log)) + 1, Term: 1, Proposals: [][]byte{proposal}})
	var results []byte
	for i, node := range w.nodes {
		got, err := node.catchUpLocked(i == 0)
		if err != nil {
			return nil, 0, err
		}
		if i == 0 {
			results = got
		}
	}
	if failure != nil {
		return nil, 0, failure
	}
	return results, uint64(len(w.log)), nil
}

// catchUpLocked applies what is missing, unless the node lags; world.mu is held.
func (n *testNode) catchUpLocked(anyway bool) (last []byte, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lag && !anyway {
		return nil, nil
	}
	for ; n.at < len(n.w.log); n.at++ {
		results, err := n.machine.Apply(n.w.log[n.at : n.at+1])
		if err != nil {
			return nil, err
		}
		last = results[0][0]
	}
	return last, nil
}

func (n *testNode) setLag(on bool) {
	n.mu.Lock()
	n.lag = on
	n.mu.Unlock()
	if !on {
		n.catchUp()
	}
}

func (n *testNode) catchUp() {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	if _, err := n.catchUpLocked(true); err != nil {
		n.w.t.Error(err)
	}
}

// Local implements Reader.
func (n *testNode) Local() (View, error) { return n.machine.View() }

// Current implements Reader.
func (n *testNode) Current(ctx context.Context) (View, error) {
	n.w.mu.Lock()
	down := n.w.noLeader
	n.w.mu.Unlock()
	n.mu.Lock()
	n.barriers++
	n.mu.Unlock()
	if down {
		return nil, ErrNoLeader
	}
	n.catchUp()
	return n.machine.View()
}

// After implements Reader.
func (n *testNode) After(ctx context.Context, index uint64) (View, error) {
	n.catchUp()
	return n.machine.View()
}

// ListenedElsewhere implements Router.
func (n *testNode) ListenedElsewhere(a address.Address) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.elsewhere[a]
}

// Hint implements Router.
func (n *testNode) Hint(h notify.Hint) {
	n.mu.Lock()
	n.hints = append(n.hints, h)
	forward := n.forward
	n.mu.Unlock()
	for _, other := range n.w.nodes {
		if forward && other != n {
			other.bell.Hint(h)
		}
	}
}

// LastContact implements Router.
func (n *testNode) LastContact() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lastContact
}

func (n *testNode) set(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

func (n *testNode) barrierCount() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.barriers
}

// reverseSealer stands in for the real one: what is sealed is not the secret.
type reverseSealer struct{}

func (reverseSealer) Seal(plain []byte) ([]byte, error) {
	sealed := slices.Clone(plain)
	slices.Reverse(sealed)
	return append([]byte("sealed"), sealed...), nil
}

func (reverseSealer) Open(sealed []byte) ([]byte, error) {
	if len(sealed) < 6 || string(sealed[:6]) != "sealed" {
		return nil, errors.New("not sealed")
	}
	plain := slices.Clone(sealed[6:])
	slices.Reverse(plain)
	return plain, nil
}

// tenant is an application with an API key.
type tenant struct {
	operator               Caller
	customer, app, key     string
	secret                 string
	caller                 Caller
	customerAddr, appLocal address.Address
}

// bootstrap makes the operator; call it once in a world.
func (w *world) bootstrap() Caller {
	w.t.Helper()
	n := w.nodes[0]
	key, secret, created, err := n.EnsureOperator(w.t.Context())
	if err != nil || !created {
		w.t.Fatalf("EnsureOperator: created %v, %v", created, err)
	}
	return w.login(n, n.domain.Full(key), secret.Text())
}

func (w *world) login(n *testNode, key, secret string) Caller {
	w.t.Helper()
	c, err := n.Authenticate(w.t.Context(), basic(key, secret), "txn-1")
	if err != nil {
		w.t.Fatalf("log in: %v", err)
	}
	return c
}

// newTenant makes a customer with one application and a key of the scopes.
func (w *world) newTenant(operator Caller, scopes ...string) tenant {
	w.t.Helper()
	n, ctx := w.nodes[0], w.t.Context()
	cust := must(n.CreateCustomer(ctx, operator, api.NameRequest{Name: "acme"}))(w.t)
	app := must(n.CreateApplication(ctx, operator, cust.Address, api.NameRequest{Name: "shop"}))(w.t)
	key := must(n.CreateKey(ctx, operator, app.Address, api.KeyRequest{Name: "k", Scopes: scopes}))(w.t)
	return tenant{
		operator: operator, customer: cust.Address, app: app.Address, key: key.Address, secret: key.Secret,
		caller: w.login(n, key.Address, key.Secret),
	}
}

// newUsers is newTenant with the default pair of scopes, in a fresh world.
func newUsers(t testing.TB, nodes int) (*world, tenant) {
	t.Helper()
	w := newWorld(t, nodes)
	return w, w.newTenant(w.bootstrap())
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return v
	}
}

// party is an identity with its keys.
type party struct {
	w        *world
	addr     string
	local    address.Address
	sig, enc jose.PrivateKey
	sent     int
}

func newKey(t testing.TB, use jose.Use) jose.PrivateKey {
	t.Helper()
	return must(jose.GenerateKey(use))(t)
}

// signed makes a token over payload (marshalled unless it is bytes).
func (w *world) signed(k jose.PrivateKey, kid, target string, payload any) string {
	w.t.Helper()
	o := jose.SignOptions{Kid: kid, Target: target}
	if target != "" {
		o.IssuedAt = w.clock()
	}
	return must(k.Sign(raw(w.t, payload), o))(w.t)
}

func raw(t testing.TB, payload any) []byte {
	t.Helper()
	if b, ok := payload.([]byte); ok {
		return b
	}
	return must(json.Marshal(payload))(t)
}

// registration makes the request of a fresh pair of keys.
func (w *world) registration(kind string) (api.RegisterRequest, party) {
	w.t.Helper()
	p := party{w: w, sig: newKey(w.t, jose.Sig), enc: newKey(w.t, jose.Enc)}
	kid := "/" + p.sig.Public().Thumbprint()
	return api.RegisterRequest{
		SigPubKey:   p.sig.Public().JWK(),
		EncPubKey:   w.signed(p.sig, kid, "/v1/identity#encPubKey", p.enc.Public().JWK()),
		MetaPublic:  w.signed(p.sig, kid, "/v1/identity#metaPublic", map[string]any{"identityType": kind, "appAddress": "forged"}),
		MetaPrivate: w.signed(p.sig, kid, "/v1/identity#metaPrivate", map[string]any{"note": "mine", "created": "forged"}),
	}, p
}

// register makes an identity.
func (w *world) register(c Caller, kind string) *party {
	w.t.Helper()
	req, p := w.registration(kind)
	id := must(w.nodes[0].Register(w.t.Context(), c, req))(w.t)
	p.addr = id.Address
	p.local = must(w.nodes[0].domain.Parse(id.Address))(w.t)
	return &p
}

func (p *party) kid() string { return p.addr + "/" + p.sig.Public().Thumbprint() }

// token makes a token of p for a place.
func (p *party) token(target string, payload any) string {
	p.w.t.Helper()
	return p.w.signed(p.sig, p.kid(), target, payload)
}

// proof makes a jwt for a path, with further claims.
func (p *party) proof(path string, claims ...any) api.ProofRequest {
	p.w.t.Helper()
	return api.ProofRequest{JWT: p.token(path+"#jwt", p.claims(claims...))}
}

// claims gives those of a proof, changed by pairs of name and value; a nil value
// takes one away.
func (p *party) claims(changes ...any) map[string]any {
	now := p.w.clock().Unix()
	m := map[string]any{
		"iss": p.addr, "sub": p.addr, "aud": []string{"node.example.org"}, "exp": now + 300, "nbf": now - 10, "iat": now,
	}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == nil {
			delete(m, changes[i].(string))
		} else {
			m[changes[i].(string)] = changes[i+1]
		}
	}
	return m
}

// message makes a message token with the next id.
func (p *party) message(kind message.Type, to *party, body any) string {
	p.w.t.Helper()
	p.sent++
	payload := must(message.BuildPayload(kind, fmt.Sprintf("%d", p.sent), to.addr, p.w.clock().Add(time.Hour), body))(p.w.t)
	return p.w.signed(p.sig, p.kid(), "", payload)
}

// send sends messages through n and gives the results.
func (w *world) send(n *testNode, c Caller, msgs ...string) []api.MessageResult {
	w.t.Helper()
	return must(n.Send(w.t.Context(), c, api.SendRequest{Msgs: msgs}))(w.t).Results
}

// codeOf gives the code of an error that a caller may see; 20001 for none.
func codeOf(t testing.TB, err error) api.Code {
	t.Helper()
	var e *api.Error
	switch {
	case err == nil:
		return api.CodeOK
	case errors.As(err, &e):
		return e.Code
	}
	t.Fatalf("an internal error: %v", err)
	return 0
}

func wantCode(t testing.TB, err error, want api.Code) {
	t.Helper()
	if got := codeOf(t, err); got != want {
		t.Fatalf("got %d (%v), want %d", got, err, want)
	}
}

func eventuallyTrue(t testing.TB, cond func() bool, text string) {
	t.Helper()
	eventually.True(t, 10*time.Second, cond, "%s", text)
}
